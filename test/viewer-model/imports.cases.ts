/** What real servers leave behind: flight recordings that are run again, and the logs of a Java ensemble. */

import { expect, test } from 'vitest';
import { run } from '../../sim/runner.ts';
import { type PeerHost, type PeerRunner, runRaw } from '../../sim/server.ts';
import { importJavaLogs, offsetsOf, parseLogLine } from '../../viewer/model/import-java.ts';
import { nodeOf } from '../../viewer/model/nodes.ts';
import { openViewer } from '../../viewer/model/open.ts';
import { javaLogs, SKEW_MS } from './java-logs.ts';
import { bytesOf, compressed, type Line, NODE_GZIP, opened, shortSchedule, shortTrace } from './traces.ts';

// --- recordings ------------------------------------------------------------------------------------------------------

/** What server 2's flight recorder would have written in the simulated run, and its states on the way. */
function recorded(): { text: string; states: Map<number, unknown> } {
  const lines: string[] = [];
  const states = new Map<number, unknown>();
  const base64 = (_key: string, value: unknown): unknown =>
    value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString('base64') } : value;
  const runner: PeerRunner = (config, secrets, now, emit) => {
    const raw = runRaw(config, secrets, now, emit);
    if (Number(config.myid) !== 2) return raw;
    lines.push(JSON.stringify({ format: 'vivarium-recording', version: 1, config, secrets, now }, base64));
    const recording: PeerHost = {
      peer: raw.peer,
      step: (at, input, out) => {
        lines.push(JSON.stringify({ now: at, input }, base64));
        raw.step(at, input, out);
        if (lines.length % 41 === 0) states.set(lines.length, structuredClone(raw.peer.state));
      },
      nextDeadline: () => raw.nextDeadline(),
    };
    return recording;
  };
  run(shortSchedule(), { runner });
  return { text: `${lines.join('\n')}\n`, states };
}

const recording = recorded();

test('a recording is run again and shows what the server was at every input', async () => {
  const { model, info } = await opened(bytesOf(recording.text), 'server-2.jsonl');
  expect(info).toMatchObject({ phase: 'complete', origin: 'recording', problems: [] });
  expect(info.servers).toContain(2);
  expect(info.wallStartMs).toBeGreaterThan(1_700_000_000_000);
  expect(recording.states.size).toBeGreaterThan(5);
  for (const [event, state] of recording.states) {
    const view = await model.state(2, event);
    const wanted = nodeOf('server 2', state);
    expect(view.root!.children!.map(({ key, text }) => `${key} ${text}`)).toEqual(
      wanted.children!.map(({ key, text }) => `${key} ${text}`),
    );
  }
  const picture = await model.picture();
  const bands = picture.servers.find(({ host }) => host === 2)!.bands;
  expect(new Set(bands.map(({ state }) => state))).toEqual(new Set(['recovering', 'looking', 'following', 'leading']));
  expect(picture.messages.count).toBeGreaterThan(100);
  const names = new Set(Array.from(picture.messages.name, (name) => picture.names[name]));
  for (const name of ['VOTE', 'PROPOSAL', 'ACK', 'UPTODATE']) expect(names).toContain(name);
  const last = await model.log(2, info.events);
  expect(last.entries.length).toBeGreaterThan(3);
});

test('a torn last line is no harm, and a foreign version is refused', async () => {
  const torn = await opened(bytesOf(recording.text.slice(0, -200)));
  expect(torn.info.phase).toBe('complete');
  const { info } = await opened(bytesOf('{"format":"vivarium-recording","version":9}\n'));
  expect(info.phase).toBe('failed');
  expect(info.problems[0]!.sentence).toContain('version 9');
});

// --- Java logs -------------------------------------------------------------------------------------------------------

test('lines of log4j, logback and container logs are read', () => {
  const want = {
    atMs: Date.UTC(2024, 2, 1, 12, 0, 0, 123),
    myid: 2,
    level: 'INFO',
    source: 'FastLeaderElection',
    message: 'New election. My id = 2, proposed zxid=0x100000001',
  };
  const said = 'New election. My id = 2, proposed zxid=0x100000001';
  const thread = 'QuorumPeer[myid=2](plain=/0.0.0.0:2181)(secure=disabled)';
  expect(parseLogLine(`2024-03-01 12:00:00,123 [myid:2] - INFO  [${thread}:FastLeaderElection@945] - ${said}`)).toEqual(
    want,
  );
  expect(
    parseLogLine(`2024-03-01 12:00:00,123 [myid:2] - INFO  [${thread}:o.a.z.s.q.FastLeaderElection@945] - ${said}`),
  ).toEqual(want);
  expect(
    parseLogLine(`zoo2_1  | 2024-03-01 12:00:00,123 [myid:] - INFO  [${thread}:FastLeaderElection@945] - ${said}`),
  ).toEqual(want);
  expect(parseLogLine('java.net.SocketTimeoutException: Read timed out')).toBeNull();
  expect(parseLogLine('{"type":"header"}')).toBeNull();
});

test('offsets come from the fastest message each way', () => {
  // Clock 2 is 300 ms ahead, clock 3 is 50 ms behind; a way takes 1 to 9 ms.
  const delays = [
    { from: 1, to: 2, ms: 309 },
    { from: 1, to: 2, ms: 301 },
    { from: 2, to: 1, ms: -299 },
    { from: 2, to: 3, ms: -345 },
    { from: 2, to: 3, ms: -349 },
    { from: 3, to: 2, ms: 351 },
  ];
  expect([...offsetsOf([1, 2, 3, 4], delays)]).toEqual([
    [1, 0],
    [2, 300],
    [3, -50],
  ]);
});

test('where servers logged late what they sent, the middle of all messages tells the offset, and it is said', () => {
  // Server 2 is 700 ms ahead; of three sendings each way one was logged seconds late, so its message seems to come before it.
  const delays = [-8000, 705, 1900].flatMap((ms) => ({ from: 1, to: 2, ms }));
  delays.push(...[-9500, -695, 400].map((ms) => ({ from: 2, to: 1, ms })));
  const rough: number[] = [];
  expect([...offsetsOf([1, 2], delays, (server) => rough.push(server))]).toEqual([
    [1, 0],
    [2, 700],
  ]);
  expect(rough).toEqual([2]);
});

const { lines, text } = shortTrace();
const logs = javaLogs(lines);

test('the clocks of the files are set right by their messages', () => {
  const { offsetsMs, problems } = importJavaLogs(logs);
  expect(problems).toEqual([]);
  for (const [host, skew] of Object.entries(SKEW_MS))
    expect(Math.abs(offsetsMs.get(Number(host))! - skew)).toBeLessThanOrEqual(3);
});

test('the elections of the logs are those of the run', async () => {
  const viewer = openViewer({ gzip: NODE_GZIP });
  const blob = (
    content: string,
  ): { size: number; slice: (from: number, to: number) => Blob; arrayBuffer: () => Promise<ArrayBuffer> } =>
    new Blob([content]);
  const id = await viewer.open({
    kind: 'logs',
    files: logs.map(({ name, text: content }) => ({ name, blob: blob(content) })),
  });
  const info = await viewer.whenLoaded(id);
  expect(info).toMatchObject({ phase: 'complete', origin: 'java', servers: [1, 2, 3], problems: [] });
  expect(info.clockOffsetsMs.map(({ host }) => host)).toEqual([1, 2, 3]);
  for (const { host, ms } of info.clockOffsetsMs) expect(Math.abs(ms - SKEW_MS[host]!)).toBeLessThanOrEqual(3);
  const imported = viewer.trace(id);
  const original = (await opened(bytesOf(text))).model;
  const established = async (model: typeof imported): Promise<unknown[]> =>
    (await model.elections()).flatMap(({ kind, outcome, rounds }) =>
      kind === 'election' && outcome.kind === 'established' ? [[outcome.leader, outcome.epoch, rounds.at(-1)]] : [],
    );
  expect(await established(imported)).toEqual(await established(original));
  const [a, b] = await Promise.all([original, imported].map((model) => model.election(1)));
  expect(b!.matrix.rounds.map(({ held }) => held.map(({ sentence }) => sentence).sort())).toEqual(
    a!.matrix.rounds.map(({ held }) => held.map(({ sentence }) => sentence).sort()),
  );
  expect(b!.matrix.quorums.map(({ server, leader }) => `${server} ${leader}`).sort()).toEqual(
    a!.matrix.quorums.map(({ server, leader }) => `${server} ${leader}`).sort(),
  );
  const second = (await imported.elections()).filter(({ kind }) => kind === 'election')[1]!;
  expect(second.trigger).toContain('leader 3 died');
  const picture = await imported.picture();
  expect(picture.messages.count).toBeGreaterThan(10);
  // No notification arrives long before or after what the network took.
  for (let row = 0; row < picture.messages.count; row++)
    expect(picture.messages.arrivedUs[row]! - picture.messages.sentUs[row]!).toBeLessThan(500_000);
});

test('a single file, and one without an id or of something else', async () => {
  const { info } = await opened(bytesOf(logs[0]!.text), 'zookeeper.log');
  expect(info).toMatchObject({ phase: 'complete', origin: 'java', servers: [1] });
  const bare = logs[1]!.text
    .replaceAll('[myid:2]', '[myid:]')
    .replaceAll('[myid=2]', '[x]')
    .replaceAll('My id = 2', 'My id')
    .replaceAll('myid=2', '');
  expect(importJavaLogs([{ name: 'node.log', text: bare }]).problems[0]).toContain('does not say which server');
  expect(importJavaLogs([{ name: 'node-7.log', text: bare }]).lines.some((line) => (line as Line).host === 7)).toBe(
    true,
  );
  expect(importJavaLogs([{ name: 'x.log', text: 'nothing of it\n' }]).problems[0]).toContain('no line in the format');
});

test('gzipped logs are read too', async () => {
  const { info } = await opened(compressed(logs[2]!.text).slice(), 'zoo3.log.gz');
  // Our own blocks are taken for a trace, whatever is in them.
  expect(info.phase).toBe('failed');
  const { gzipSync } = await import('node:zlib');
  const other = await opened(new Uint8Array(gzipSync(logs[2]!.text)), 'zoo3.log.gz');
  expect(other.info).toMatchObject({ phase: 'complete', origin: 'java' });
});
