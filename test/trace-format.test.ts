/** A trace is what docs/trace-format.md says it is: complete, linked and sufficient to know every state of every server. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findScenario } from '../scenarios/index.ts';
import type { Result } from '../sim/runner.ts';
import { encode, TRACE_VERSION, trace } from '../sim/tracer.ts';

interface Line {
  readonly type: string;
  readonly [field: string]: unknown;
}

const { lines, result } = traced();

function traced(): { lines: Line[]; result: Result } {
  const found: Line[] = [];
  // Crashes in the middle of a step, snapshots, elections: every type of line.
  const { schedule } = findScenario('power-cut-sync')!;
  const run = trace(schedule, (line) => found.push(JSON.parse(JSON.stringify(line)) as Line));
  return { lines: found, result: run };
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
  for (const line of lines) {
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
