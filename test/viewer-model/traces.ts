/** Real traces for the tests of the viewer's model, each made once. */

import { gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';
import { findScenario } from '../../scenarios/index.ts';
import type { Result } from '../../sim/runner.ts';
import type { Schedule } from '../../sim/schedule.ts';
import { BLOCK_TEXT_BYTES, blockOf } from '../../sim/trace-blocks.ts';
import { packedBlock } from '../../sim/trace-pack.ts';
import { trace } from '../../sim/tracer.ts';
import type { Problem, TraceInfo, TraceModel, Viewer } from '../../viewer/model/api.ts';
import type { Gzip } from '../../viewer/model/blocks.ts';
import { openViewer } from '../../viewer/model/open.ts';

/** Node's own gzip, which is much faster there than its streams of the web platform. */
export const NODE_GZIP: Gzip = {
  inflate: (member) => new Uint8Array(gunzipSync(member)),
  deflate: (text) => new Uint8Array(gzipSync(text)),
  inflateRaw: (deflated) => new Uint8Array(inflateRawSync(deflated)),
};

export interface Line {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface TestTrace {
  readonly text: string;
  readonly lines: readonly Line[];
  readonly result: Result;
}

export function traceOf(schedule: Schedule): TestTrace {
  const texts: string[] = [];
  const result = trace(schedule, (line) => texts.push(JSON.stringify(line)));
  return { text: `${texts.join('\n')}\n`, lines: texts.map((text) => JSON.parse(text) as Line), result };
}

const made = new Map<string, TestTrace>();

export function scenarioTrace(name: string): TestTrace {
  return remembered(name, () => findScenario(name)!.schedule);
}

/** Three servers and a client: an election, a leader that loses power, a cut, a pause. Two thousand events. */
export const shortTrace = (): TestTrace => remembered('short', shortSchedule);

export function shortSchedule(): Schedule {
  const { expect: _, ...base } = findScenario('power-cut-sync')!.schedule;
  return {
    ...base,
    options: { ...base.options, nodes: 3, clients: 2, duration: 4000 },
    ops: [
      { id: 1, at: 1500, do: 'power', node: 'leader', for: 900 },
      { id: 2, at: 1800, do: 'cut', links: ['1-2'], for: 700 },
      { id: 3, at: 3000, do: 'pause', node: 'follower', for: 400 },
      { id: 4, at: 3200, do: 'restore', node: 1 },
    ],
  };
}

function remembered(name: string, schedule: () => Schedule): TestTrace {
  const known = made.get(name);
  if (known !== undefined) return known;
  const fresh = traceOf(schedule());
  made.set(name, fresh);
  return fresh;
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** As `--trace x.ndjson.gz` writes it, with blocks of this size; or as it was written before blocks had digests. */
export function compressed(text: string, blockBytes: number = BLOCK_TEXT_BYTES, hasDigests = true): Uint8Array {
  const blocks: Uint8Array[] = [];
  let waiting = '';
  const flush = (): void => {
    const bytes = bytesOf(waiting);
    if (bytes.length > 0) blocks.push(hasDigests ? packedBlock(bytes) : blockOf(gzipSync(bytes), bytes.length));
    waiting = '';
  };
  for (const line of text.split('\n')) {
    if (line === '') continue;
    waiting += `${line}\n`;
    if (waiting.length >= blockBytes) flush();
  }
  flush();
  return new Uint8Array(Buffer.concat(blocks));
}

export interface Opened {
  readonly viewer: Viewer;
  readonly model: TraceModel;
  readonly info: TraceInfo;
  readonly problems: readonly Problem[];
}

export async function opened(bytes: Uint8Array, name = 'test'): Promise<Opened> {
  const viewer = openViewer({ gzip: NODE_GZIP });
  const id = await viewer.open({ kind: 'bytes', name, bytes });
  const info = await viewer.whenLoaded(id);
  return { viewer, model: viewer.trace(id), info, problems: info.problems };
}
