/** Reading traces: whatever the container, the same picture; whatever the damage, a sentence and what could be read. */

import { gzipSync } from 'node:zlib';
import { fc, test as forAll } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { scanBlock } from '../../sim/columns/scan.ts';
import { EVENT_KINDS, MESSAGE_FATES, type Picture } from '../../viewer/model/api.ts';
import { ReadAhead, sourceOfBytes } from '../../viewer/model/blocks.ts';
import { openViewer } from '../../viewer/model/open.ts';
import { bytesOf, compressed, type Line, NODE_GZIP, opened, shortTrace } from './traces.ts';

const { lines, text, result } = shortTrace();
const events = lines.filter(({ type }) => type === 'step' || type === 'event');
const { model, info } = await opened(bytesOf(text));
const picture = await model.picture();

test('the whole trace is read', () => {
  expect(info).toMatchObject({
    phase: 'complete',
    problems: [],
    events: result.events,
    clients: [1001, 1002],
    servers: [1, 2, 3],
  });
  expect(info.verdict).toMatchObject({ verdict: result.verdict, hash: result.hash });
  expect(picture.complete).toBe(true);
});

test('the columns hold what the lines say', () => {
  const index = new Map(events.map((line) => [line.id, line.index]));
  expect(picture.events.count).toBe(events.length);
  for (const [row, line] of events.entries()) {
    expect([picture.events.timeUs[row], picture.events.host[row], EVENT_KINDS[picture.events.kind[row]!]]).toEqual([
      line.t,
      line.host,
      line.kind,
    ]);
    expect(picture.events.cause[row]).toBe(index.get(line.cause) ?? 0);
  }
});

test('every line belongs to the event that it names', async () => {
  for (const { index, id } of events.filter((_, i) => i % 37 === 0)) {
    const raw = await model.rawLines(index as number);
    const wanted = lines.filter(
      (line) => (line.type === 'step' || line.type === 'event' ? line.id : line.event) === id,
    );
    expect(raw.map((line) => JSON.parse(line) as Line)).toEqual(wanted);
  }
});

test('a message arrives when its last byte is read', () => {
  const { messages, names } = picture;
  // The plain way: bytes of each direction are counted in the order of the lines.
  const sent = new Map<string, { end: number; name: string; t: number }[]>();
  const total = new Map<string, number>();
  const read = new Map<string, number>();
  const arrived: string[] = [];
  for (const line of lines) {
    if (line.type === 'segment') {
      const key = `${line.uid}/${line.to}`;
      const end = (total.get(key) ?? 0) + (line.size as number);
      total.set(key, end);
      for (const { name } of line.messages as { name: string }[])
        sent.set(key, [...(sent.get(key) ?? []), { end, name, t: line.t as number }]);
    }
    const input = line.input as { type: string; uid: number; size: number } | undefined;
    if (line.type !== 'step' || input?.type !== 'connBytes') continue;
    const key = `${input.uid}/${line.host}`;
    const upTo = (read.get(key) ?? 0) + input.size;
    read.set(key, upTo);
    const waiting = sent.get(key) ?? [];
    while (waiting.length > 0 && waiting[0]!.end <= upTo) {
      const { name, t } = waiting.shift()!;
      arrived.push(`${name} ${t} ${line.t}`);
    }
  }
  const seen = Array.from(messages.sentUs, (t, row) => `${names[messages.name[row]!]} ${t} ${messages.arrivedUs[row]}`);
  expect(seen.filter((one) => !one.endsWith('NaN')).sort()).toEqual(arrived.sort());
  expect(arrived.length).toBeGreaterThan(300);
  const fates = new Set(Array.from(messages.fate, (fate) => MESSAGE_FATES[fate]));
  expect(fates).toContain('delivered');
  expect(fates).toContain('reset');
  expect(fates).toContain('stalled');
});

/** Numbers of names depend on the blocks that bring them. */
function named({ messages, clients, names }: Picture): unknown {
  const texts = (numbers: ArrayLike<number>): string[] => Array.from(numbers, (number) => names[number]!);
  return {
    messages: { ...messages, name: texts(messages.name) },
    clients: clients.map(({ operations, watches, ...rest }) => ({
      ...rest,
      operations: { ...operations, name: texts(operations.name), path: texts(operations.path) },
      watches: { ...watches, path: texts(watches.path) },
    })),
  };
}

test('compressed in blocks, by gzip, or plain: the same picture', async () => {
  const same = (other: Picture): void => {
    // All else follows from these.
    expect(other.events).toEqual(picture.events);
    expect(named(other)).toEqual(named(picture));
    // Clocks are sampled anew in each block.
    const tidy = ({ servers }: Picture): unknown => servers.map(({ clock: _, ...rest }) => rest);
    expect(tidy(other)).toEqual(tidy(picture));
  };
  const containers = [
    compressed(text),
    compressed(text, 3000),
    compressed(text, 20_000, false),
    new Uint8Array(gzipSync(text)),
  ];
  for (const bytes of containers) {
    const other = await opened(bytes);
    expect(other.info.phase).toBe('complete');
    same(await other.model.picture());
    for (const index of [1, 700, events.length])
      expect(await other.model.rawLines(index)).toEqual(await model.rawLines(index));
  }
});

test('a stream that is fed in any pieces is the same too', async () => {
  const viewer = openViewer({ gzip: NODE_GZIP });
  const id = await viewer.open({ kind: 'stream', name: 'live' });
  const bytes = bytesOf(text);
  for (let at = 0; at < bytes.length; at += 77_777) await viewer.feed(id, bytes.slice(at, at + 77_777));
  await viewer.end(id);
  expect((await viewer.whenLoaded(id)).phase).toBe('complete');
  expect(named(await viewer.trace(id).picture())).toEqual(named(picture));
});

test('a line with its fields in another order is read all the same', () => {
  const turned = lines.map((line) => {
    const { type, ...rest } = line;
    return JSON.stringify({ type, ...Object.fromEntries(Object.entries(rest).reverse()) });
  });
  const plain = scanBlock(bytesOf(text));
  const slow = scanBlock(bytesOf(turned.join('\n')));
  const { rare: plainRare, textBytes: _a, events: plainEvents, clocks: _c, ...plainRest } = plain;
  const { rare: slowRare, textBytes: _b, events: slowEvents, clocks: _d, ...slowRest } = slow;
  const { start: _e, ...plainColumns } = plainEvents;
  const { start: _f, ...slowColumns } = slowEvents;
  expect(slowColumns).toEqual(plainColumns);
  expect(slowRare).toEqual(plainRare);
  expect({ ...slowRest, tailStart: 0, headStart: 0 }).toEqual({ ...plainRest, tailStart: 0, headStart: 0 });
});

test.each([
  ['nothing at all', '', 'failed', 'empty'],
  ['a text of somebody else', 'Dear reader,\nthis is no trace.\n', 'failed', 'foreign'],
  ['JSON of somebody else', '{"traceEvents":[]}\n', 'failed', 'foreign'],
  [
    'a trace of the first version',
    '{"type":"header","format":"vivarium-trace","version":1,"seed":"1","commit":"x","servers":3,"clients":0,"schedule":{}}\n',
    'failed',
    'old-version',
  ],
  [
    'a trace of a later version',
    '{"type":"header","format":"vivarium-trace","version":99,"seed":"1","commit":"x","servers":3,"clients":0,"schedule":{}}\n',
    'failed',
    'new-version',
  ],
])('%s is refused in words', async (_name, content, phase, kind) => {
  const { info: refused } = await opened(bytesOf(content));
  expect(refused.phase).toBe(phase);
  expect(refused.problems).toHaveLength(1);
  expect(refused.problems[0]).toMatchObject({ kind });
  expect(refused.problems[0]!.sentence.length).toBeGreaterThan(15);
});

test('a trace that was cut off says so and shows what came before', async () => {
  for (const bytes of [
    bytesOf(text).slice(0, 300_000),
    compressed(text, 20_000).slice(0, 60_000),
    new Uint8Array(gzipSync(text)).slice(0, 60_000),
  ]) {
    const { info: cut, model: part } = await opened(bytes);
    expect(cut.phase).toBe('damaged');
    expect(cut.problems).toHaveLength(1);
    expect(cut.problems[0]!.sentence).toMatch(/events up to/);
    expect(cut.events).toBeGreaterThan(100);
    expect(cut.events).toBeLessThan(events.length);
    expect((await part.picture()).events.count).toBe(cut.events);
    expect(await part.rawLines(100)).toEqual(await model.rawLines(100));
  }
});

test('a line in the middle that is garbage is passed over and named', async () => {
  const broken = text.split('\n');
  const at = broken.findIndex((line) => line.startsWith('{"type":"step"') && line.includes('"index":500,'));
  broken.splice(at, 0, 'garbage');
  const { info: found } = await opened(bytesOf(broken.join('\n')));
  expect(found.phase).toBe('damaged');
  expect(found.events).toBe(events.length);
  expect(found.problems[0]).toMatchObject({ kind: 'bad-line', line: at + 1 });
});

test('a missing piece is noticed', async () => {
  const kept = text.split('\n').filter((line) => !line.includes('"index":500,"cause"'));
  const { info: found } = await opened(bytesOf(kept.join('\n')));
  expect(found.problems.map(({ kind }) => kind)).toEqual(['inconsistent']);
  expect(found.problems[0]!.sentence).toContain('Event 501 follows event 499');
});

test('progress ends with the word that all is read', async () => {
  const viewer = openViewer({ gzip: NODE_GZIP });
  const phases: string[] = [];
  viewer.onProgress(({ phase }) => phases.push(phase));
  const id = await viewer.open({ kind: 'bytes', name: 'x', bytes: compressed(text) });
  await viewer.whenLoaded(id);
  expect(phases.at(-1)).toBe('complete');
});

forAll.prop([
  fc.uint8Array({ minLength: 1, maxLength: 200 }),
  fc.array(fc.nat(60), { minLength: 1 }),
  fc.integer({ min: 1, max: 40 }),
])('a file read ahead in pieces is the file, wherever its blocks lie', async (bytes, sizes, piece) => {
  const ahead = new ReadAhead(sourceOfBytes(bytes), Math.ceil(piece / 2), piece);
  let from = 0;
  for (const size of sizes) {
    const to = Math.min(bytes.length, from + size);
    // As blocks are read: how it begins, then all of it.
    expect(await ahead.bytes(from, Math.min(to, from + 3))).toEqual(bytes.subarray(from, Math.min(to, from + 3)));
    expect(await ahead.bytes(from, to)).toEqual(bytes.subarray(from, to));
    from = to;
  }
});
