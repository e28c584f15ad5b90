/** The pattern layer against the definition of linearizability, on thousands of tiny histories, and by name on a few. */

import { describe, expect, test } from 'vitest';
import { findPatterns, type PatternOp } from '../../sim/checkers/history/patterns.ts';
import { streamOfKey } from '../../sim/world/random.ts';

let ids = 0;
const write = (value: string, from: number, to: number | null, failed = false): PatternOp => ({
  ...{ id: ++ids, process: ids, key: 'k', kind: 'write', value, invokedAt: from, answeredAt: to },
  ...(failed ? { failed } : {}),
});
const read = (value: string | null, from: number, to: number): PatternOp => ({
  ...{ id: ++ids, process: ids, key: 'k', kind: 'read', value, invokedAt: from, answeredAt: to },
});
const cas = (from: string, value: string, invokedAt: number, answeredAt: number): PatternOp => ({
  ...{ id: ++ids, process: ids, key: 'k', kind: 'cas', from, value, invokedAt, answeredAt },
});
const patterns = (...ops: PatternOp[]): string[] => findPatterns(ops).certificates.map(({ pattern }) => pattern);

describe('by name', () => {
  test('a value that nobody wrote, whose write failed, or whose write was not asked for', () => {
    expect(patterns(read('a', 0, 1))).toEqual(['value-of-nobody']);
    expect(patterns(write('a', 0, 1, true), read('a', 2, 3))).toEqual(['value-of-a-failed-write']);
    expect(patterns(read('a', 0, 1), write('a', 2, 3))).toEqual(['value-from-the-future']);
    expect(patterns(read('a', 0, 3), write('a', 2, 4))).toEqual([]);
  });

  test('a write that was answered and is not seen', () => {
    expect(patterns(write('a', 0, 1), read(null, 2, 3))).toEqual(['lost-write']);
    expect(patterns(write('a', 0, 1), write('b', 2, 3), read('a', 4, 5))).toEqual(['lost-write']);
    expect(patterns(write('a', 0, 1), write('b', 2, null), read('a', 4, 5))).toEqual([]);
  });

  test('new, then old', () => {
    const ops = [write('a', 0, 1), write('b', 2, 9), read('b', 3, 4), read('a', 5, 6)];
    expect(patterns(...ops)).toEqual(['stale-read']);
    const { certificates } = findPatterns(ops);
    expect(certificates[0]!.ops.length).toBeLessThanOrEqual(4);
  });

  test('a value replaced twice', () => {
    expect(patterns(write('a', 0, 1), cas('a', 'b', 2, 3), cas('a', 'c', 2, 3))).toEqual(['replaced-twice']);
    expect(patterns(write('a', 0, 1), cas('a', 'b', 2, 3), cas('b', 'c', 4, 5))).toEqual([]);
  });

  test('keys are apart, and values that are written twice are left to the search', () => {
    const other = { ...read('a', 5, 6), key: 'other' };
    expect(findPatterns([write('a', 0, 1), other]).certificates.map(({ key }) => key)).toEqual(['other']);
    const twice = findPatterns([write('a', 0, 1), write('a', 2, 3), read(null, 4, 5)]);
    expect(twice.certificates).toEqual([]);
    expect([...twice.decided]).toEqual([]);
    expect([...findPatterns([write('a', 0, 1)]).decided]).toEqual(['k']);
  });
});

/** All orders that real time allows, by trying them. Open writes may happen or not. */
function isLinearizable(ops: readonly PatternOp[], state: string | null = null): boolean {
  const must = ops.filter((op) => op.answeredAt !== null && op.failed !== true);
  if (must.length === 0) return true;
  for (const op of ops) {
    if (op.failed === true) continue;
    const isFirst = must.every((other) => other === op || other.answeredAt! >= op.invokedAt);
    if (!isFirst) continue;
    const rest = ops.filter((other) => other !== op);
    if (
      op.kind === 'read'
        ? op.value === state && isLinearizable(rest, state)
        : op.kind === 'write' && isLinearizable(rest, op.value)
    )
      return true;
  }
  return false;
}

function tinyHistory(seed: number): PatternOp[] {
  const stream = streamOfKey('tiny', seed);
  const count = stream.between(2, 7);
  const values = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const ops: PatternOp[] = [];
  let written = 0;
  for (let id = 1; id <= count; id++) {
    const invokedAt = stream.below(14);
    const answeredAt = invokedAt + 1 + stream.below(6);
    const base = { id, process: id, key: 'k', invokedAt };
    if (stream.below(2) === 0) {
      const fate = stream.below(8);
      const value = values[written++]!;
      if (fate === 0) ops.push({ ...base, kind: 'write', value, answeredAt: null });
      else if (fate === 1) ops.push({ ...base, kind: 'write', value, answeredAt, failed: true });
      else ops.push({ ...base, kind: 'write', value, answeredAt });
    } else {
      const index = stream.below(5) - 1;
      ops.push({ ...base, kind: 'read', value: index < 0 ? null : values[index]!, answeredAt });
    }
  }
  return ops.sort((a, b) => a.invokedAt - b.invokedAt);
}

test('finds something in exactly those tiny histories that have no order', () => {
  const seen = { right: 0, wrong: 0 };
  for (let seed = 0; seed < 5000; seed++) {
    const ops = tinyHistory(seed);
    const { certificates, decided } = findPatterns(ops);
    const right = isLinearizable(ops);
    if (decided.has('k') && (certificates.length === 0) !== right) {
      expect({ seed, ops, certificates, right }).toBe('the same verdict');
    }
    seen[right ? 'right' : 'wrong'] += 1;
    for (const { ops: core } of certificates) {
      expect(core.length).toBeLessThanOrEqual(4);
      // The certificate alone, with the writes of the values it speaks of, is wrong already.
      const values = new Set(ops.filter(({ id }) => core.includes(id)).map(({ value }) => value));
      const part = ops.filter(({ id, kind, value }) => core.includes(id) || (kind !== 'read' && values.has(value)));
      expect(isLinearizable(part)).toBe(false);
    }
  }
  expect(Math.min(seen.right, seen.wrong)).toBeGreaterThan(800);
});
