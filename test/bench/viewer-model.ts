/**
 * What the viewer's model costs: `node scripts/run.mjs test/bench/viewer-model.ts [events]` (default 100,000). CPU time of
 * this process against the targets of docs/viewer-model.md; a browser is measured by test/browser.
 */

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';
import type { TraceModel } from '../../viewer/model/api.ts';
import { openViewer } from '../../viewer/model/open.ts';
import { writeLongTrace } from './long-trace.ts';

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

function line(name: string, value: string, target: string): void {
  console.log(`${name.padEnd(46)} ${value.padStart(14)}   ${target}`);
}

async function timed<T>(name: string, target: string, work: () => Promise<T>): Promise<T> {
  const before = cpuSeconds();
  const result = await work();
  line(name, `${((cpuSeconds() - before) * 1000).toFixed(0)} ms`, target);
  return result;
}

export async function benchViewerModel(eventsMin: number): Promise<void> {
  const folder = join(process.cwd(), '.build');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `long-${eventsMin}.ndjson.gz`);
  if (!existsSync(path)) writeLongTrace(path, eventsMin);
  const bytes = new Uint8Array(readFileSync(path));
  const viewer = openViewer({
    gzip: {
      inflate: (member) => new Uint8Array(gunzipSync(member)),
      deflate: (text) => new Uint8Array(gzipSync(text)),
      inflateRaw: (deflated) => new Uint8Array(inflateRawSync(deflated)),
    },
  });
  const begin = cpuSeconds();
  let first = 0;
  viewer.onProgress(({ trace, phase }) => {
    if (first > 0 || phase !== 'reading') return;
    first = -1;
    void viewer
      .trace(trace)
      .picture()
      .then(() => {
        first = cpuSeconds() - begin;
      });
  });
  const id = await viewer.open({ kind: 'bytes', name: path, bytes });
  const info = await viewer.whenLoaded(id);
  const model = viewer.trace(id);
  const isMillion = info.events >= 1_000_000;
  console.log(
    `\nviewer: ${info.events.toLocaleString('en')} events, ${(bytes.length / 1e6).toFixed(1)} MB compressed, ${info.phase}`,
  );
  if (first > 0) line('first picture, CPU', `${first.toFixed(2)} s`, isMillion ? 'target 2 s' : '');
  line('all of it read, CPU', `${(cpuSeconds() - begin).toFixed(2)} s`, isMillion ? 'target 6 s' : 'target 1 s');
  const picture = await timed('whole picture', '', () => model.picture());
  await timed('search kind:ACK zxid>0x200000003', '', () => model.search('kind:ACK zxid>0x200000003'));
  await timed('logical axis', '', () => model.logical());
  await timed('one election in full', '', () => model.election(3));
  await states(
    model,
    info.events,
    picture.servers.map(({ host }) => host),
  );
  await timed('the tree at the end', '', () => model.tree(1, info.events));
  line(
    'memory, MB (rss, file included)',
    (process.memoryUsage().rss / 2 ** 20).toFixed(0),
    isMillion ? 'target 600' : '',
  );
}

/** States at places all over the trace: cold, and the next steps from there. */
async function states(model: TraceModel, events: number, servers: readonly number[]): Promise<void> {
  const costs: number[] = [];
  let next = 0;
  const places = 40;
  for (let i = 0; i < places; i++) {
    const index = Math.floor(((i * 7919) % places) * (events / places)) + 101;
    const host = servers[i % servers.length]!;
    const before = cpuSeconds();
    await model.state(host, index);
    costs.push((cpuSeconds() - before) * 1000);
    const warm = cpuSeconds();
    await model.state(host, index + 5);
    next += (cpuSeconds() - warm) * 1000;
  }
  costs.sort((a, b) => a - b);
  line('state at any event, median', `${costs[places >> 1]!.toFixed(0)} ms`, 'target 50 ms');
  line('state at any event, worst of 40', `${costs.at(-1)!.toFixed(0)} ms`, 'target 50 ms');
  line('state a few events later, mean', `${(next / places).toFixed(1)} ms`, '');
}

if (/viewer-model/.test(process.argv[1] ?? '')) await benchViewerModel(Number(process.argv[2] ?? 100_000));
