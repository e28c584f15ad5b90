/** A trace is what docs/trace-format.md says it is: complete, linked and sufficient to know every state of every server. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { DataTree } from '../core/tree/data-tree.ts';
import { decodeTxn } from '../core/wire/txn-codec.ts';
import { findScenario } from '../scenarios/index.ts';
import type { Result } from '../sim/runner.ts';
import type { Schedule } from '../sim/schedule.ts';
import { BLOCK_HEADER_SIZE, blockHeaderAt, blockOf } from '../sim/trace-blocks.ts';
import { encode, TRACE_VERSION, trace } from '../sim/tracer.ts';

interface Line {
  readonly type: string;
  readonly [field: string]: unknown;
}

const { lines, result } = traced();
/** A short run with a cut link and a pause. */
const troubled = tracedTrouble();

function traced(): { lines: Line[]; result: Result } {
  const found: Line[] = [];
  // Crashes in the middle of a step, snapshots, elections: every type of line.
  const { schedule } = findScenario('power-cut-sync')!;
  const run = trace(schedule, (line) => found.push(JSON.parse(JSON.stringify(line)) as Line));
  return { lines: found, result: run };
}

function tracedTrouble(): Line[] {
  const { schedule } = findScenario('power-cut-sync')!;
  const { expect: _, ...calm } = schedule;
  const found: Line[] = [];
  const short: Schedule = {
    ...calm,
    options: { ...schedule.options, clients: 1, duration: 2500 },
    ops: [
      { id: 1, at: 1500, do: 'cut', links: ['1-2'], for: 400 },
      { id: 2, at: 1700, do: 'pause', node: 3, for: 300 },
      { id: 3, at: 1800, do: 'restore', node: 1 },
    ],
  };
  trace(short, (line) => found.push(JSON.parse(JSON.stringify(line)) as Line));
  return found;
}

const ofType = (type: string): Line[] => lines.filter((line) => line.type === type);
/** The lines that stand for an executed event. */
const events = lines.filter(({ type }) => type === 'step' || type === 'event');

test('begins with a header and ends with a verdict', () => {
  expect(lines[0]).toMatchObject({ type: 'header', format: 'vivarium-trace', version: TRACE_VERSION });
  expect(lines.at(-1)).toMatchObject({ type: 'verdict', verdict: 'ok', hash: result.hash, events: result.events });
  expect(ofType('header')).toHaveLength(1);
  expect(ofType('verdict')).toHaveLength(1);
});

test('has every executed event once, in order', () => {
  expect(events.map(({ index }) => index)).toEqual(events.map((_, index) => index + 1));
  expect(events).toHaveLength(result.events);
});

test('every cause and every event that a line names is there, the cause before its effect', () => {
  const seen = new Set<unknown>([0]);
  for (const { id, cause } of events) {
    if (!seen.has(cause))
      expect.fail(`event ${String(id)} is caused by ${String(cause)}, which is not there before it`);
    seen.add(id);
  }
  for (const { type, event } of lines) {
    if (event !== undefined && !seen.has(event))
      expect.fail(`a ${type} names event ${String(event)}, which is not there`);
  }
});

test('a step that killed its server says how far it came', () => {
  const cut = ofType('step').filter((step) => step.executed !== undefined);
  expect(cut.length).toBeGreaterThan(0);
  for (const step of cut) expect(step.executed).toBeLessThan((step.effects as unknown[]).length);
});

test('the patches lead from each keyframe to the next', () => {
  const states = new Map<unknown, unknown>();
  const boots = new Set(ofType('step').flatMap(({ id, kind }) => (kind === 'boot' ? [id] : [])));
  let compared = 0;
  for (const { type, host, event, patches, state } of lines) {
    if (type === 'patches') {
      for (const patch of decode(patches) as Patch[]) states.set(host, applied(states.get(host), patch));
    } else if (type === 'keyframe') {
      // A start begins anew.
      if (!boots.has(event)) {
        expect(states.get(host)).toEqual(decode(state));
        compared += 1;
      }
      states.set(host, decode(state));
    }
  }
  expect(compared).toBeGreaterThan(0);
});

test('the lines of one event are together', () => {
  const closed = new Set<unknown>();
  let current: unknown = null;
  for (const { type, id, event } of lines) {
    const of = type === 'step' || type === 'event' ? id : event;
    if (of === undefined || of === current) continue;
    if (closed.has(of)) expect.fail(`a ${type} of event ${String(of)} stands apart`);
    if (current !== null) closed.add(current);
    current = of;
  }
});

test('status and zxids say what the keyframes hold', () => {
  const now = new Map<string, Line>();
  let compared = 0;
  for (const [at, line] of lines.entries()) {
    if (line.type === 'status' || line.type === 'zxids') now.set(`${line.type} ${String(line.host)}`, line);
    if (line.type !== 'keyframe' || lines[at + 1]?.type === 'status' || lines[at + 1]?.type === 'zxids') continue;
    const state = line.state as { committed: number; durable: number; role: { kind: string } };
    const heap = line.heap as { logged: number; applied: number };
    expect(now.get(`zxids ${String(line.host)}`)).toMatchObject({
      logged: heap.logged,
      applied: heap.applied,
      synced: state.durable,
      committed: state.committed,
    });
    const { phase } = now.get(`status ${String(line.host)}`) as unknown as { phase: string };
    expect(state.role.kind).toBe(phase === 'following' || phase === 'observing' ? 'learning' : phase);
    compared += 1;
  }
  expect(compared).toBeGreaterThan(0);
});

test('the transactions rebuild the tree', () => {
  const tree = DataTree.fresh();
  const txns = ofType('txn').toSorted((a, b) => Number(a.zxid) - Number(b.zxid));
  for (const { bytes } of txns) {
    const decoded = decodeTxn(decode(bytes) as Uint8Array);
    if (!decoded.ok) throw new Error(decoded.error);
    tree.apply(decoded.value.header, decoded.value.txn);
  }
  const heaps = [...ofType('patches'), ...ofType('keyframe')].map(
    ({ heap }) => heap as { applied: number; nodes: number },
  );
  const last = heaps.filter(({ applied }) => applied === tree.lastZxid);
  expect(last.length).toBeGreaterThan(0);
  expect(new Set(last.map(({ nodes }) => nodes))).toEqual(new Set([tree.nodeCount]));
});

test('operations of the schedule begin and end, and so do cuts', () => {
  const faults = troubled.filter(({ type }) => type === 'fault');
  expect(faults.map(({ op, kind }) => `${String(kind)} ${String(op)}`)).toEqual([
    'begin 1',
    'begin 2',
    'skip 3',
    'end 1',
    'end 2',
  ]);
  expect(faults[0]).toMatchObject({ do: 'cut', hosts: [1, 2], lasts: true, forUs: 400_000 });
  const lasting = faults.filter(({ lasts }) => lasts === true);
  for (const { op } of lasting)
    expect(faults.filter((other) => other.op === op && other.kind === 'end')).toHaveLength(1);
  const carried = troubled.filter(({ type, op }) => type === 'event' && op !== undefined).map(({ op }) => op);
  expect(new Set(carried)).toEqual(new Set(faults.map(({ op }) => op)));
  const cut = new Set<string>();
  let cuts = 0;
  for (const line of troubled) {
    if (line.type !== 'link') continue;
    const key = `${String(line.from)}>${String(line.to)} ${String(line.channel)}`;
    expect(cut.has(key)).toBe(line.cut === false);
    if (line.cut === true) cut.add(key);
    else cut.delete(key);
    cuts += 1;
  }
  expect(cuts).toBeGreaterThan(0);
});

test('every operation of a client is invoked before it completes, and completes at most once', () => {
  const open = new Set<string>();
  let completed = 0;
  for (const { type, host, id } of lines) {
    const key = `${String(host)}/${String(id)}`;
    if (type === 'invoke') open.add(key);
    if (type !== 'complete') continue;
    // A login is answered too, and is no operation.
    if (open.delete(key)) completed += 1;
  }
  expect(completed).toBeGreaterThan(10);
});

test('a block says how long it is and is gzip all the same', () => {
  const text = Buffer.from('{"type":"x"}\n'.repeat(1000));
  const block = blockOf(gzipSync(text), text.length);
  const twice = Buffer.concat([block, block]);
  expect(blockHeaderAt(twice, 0)).toEqual({ memberBytes: block.length, textBytes: text.length });
  expect(blockHeaderAt(twice, block.length)).toEqual({ memberBytes: block.length, textBytes: text.length });
  expect(blockHeaderAt(twice, 1)).toBeNull();
  expect(blockHeaderAt(twice.subarray(0, BLOCK_HEADER_SIZE - 1), 0)).toBeNull();
  expect(blockHeaderAt(gzipSync(text), 0)).toBeNull();
  expect(gunzipSync(twice).equals(Buffer.concat([text, text]))).toBe(true);
});

test('a value survives the encoding', () => {
  const value = {
    big: -5n,
    bytes: Uint8Array.of(1, 255),
    map: new Map([[1, new Set(['a'])]]),
    list: [null, true, 'x'],
  };
  expect(decode(JSON.parse(JSON.stringify(encode(value))))).toEqual(value);
});

test('the document describes every type of line and every field of it', () => {
  const text = readFileSync(join(import.meta.dirname, '../docs/trace-format.md'), 'utf8');
  for (const line of [...lines, ...troubled]) {
    const part = new RegExp(`\\*\\*\`${line.type}\`\\*\\*[\\s\\S]*?(?=\\n\\*\\*\`|\\n## )`).exec(text)?.[0] ?? '';
    for (const field of Object.keys(line)) {
      if (field !== 'type' && !part.includes(`\`${field}\``)) expect.fail(`${line.type}.${field} is not described`);
    }
  }
});

interface Patch {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: readonly unknown[];
  readonly value?: unknown;
}

/** immer's `applyPatches` follows only texts and numbers; sessions are keys of Maps here, and 64 bits wide. */
function applied(state: unknown, { op, path, value }: Patch): unknown {
  if (path.length === 0) return value;
  let at = state;
  for (const key of path.slice(0, -1))
    at = at instanceof Map ? at.get(key) : (at as Record<string, unknown>)[String(key)];
  change(at, path.at(-1), op, value);
  return state;
}

function change(at: unknown, key: unknown, op: Patch['op'], value: unknown): void {
  if (at instanceof Set) {
    if (op === 'remove') at.delete(value);
    else at.add(value);
  } else if (at instanceof Map) {
    if (op === 'remove') at.delete(key);
    else at.set(key, value);
  } else if (Array.isArray(at) && op !== 'replace') {
    if (op === 'remove') at.splice(Number(key), 1);
    else if (key === '-') at.push(value);
    else at.splice(Number(key), 0, value);
  } else if (op === 'remove') delete (at as Record<string, unknown>)[String(key)];
  else (at as Record<string, unknown>)[String(key)] = value;
}

/** The inverse of `encode`. */
function decode(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(decode);
  const fields = value as Record<string, unknown>;
  if (typeof fields.$big === 'string') return BigInt(fields.$big);
  if (typeof fields.$bytes === 'string')
    return Uint8Array.from(fields.$bytes.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16));
  if (Array.isArray(fields.$map))
    return new Map((fields.$map as [unknown, unknown][]).map(([k, v]) => [decode(k), decode(v)]));
  if (Array.isArray(fields.$set)) return new Set(fields.$set.map(decode));
  return Object.fromEntries(Object.entries(fields).map(([key, item]) => [key, decode(item)]));
}
