/** The sweep over columns says of a history what the judge says of its records. */

import { describe, expect, test } from 'vitest';
import { type Breach, type Columns, Row, sweep, UNKNOWN } from '../../sim/checkers/history/columns.ts';
import { judgeHistory } from '../../sim/checkers/history/judge.ts';
import type { PropertyId } from '../../sim/checkers/properties.ts';
import { streamOfKey } from '../../sim/world/random.ts';
import { recordsOf, registerColumns } from './histories.ts';

function judged(columns: Columns): PropertyId[] {
  const found: PropertyId[] = [];
  judgeHistory(recordsOf(columns), { oracle: 'committed' }, (property) => found.push(property));
  return found;
}

/** Which rule a property belongs to, as far as the sweep has it. */
const RULE_OF: Partial<Record<PropertyId, Breach['rule']>> = {
  'read-at-zxid': 'P3',
  'read-your-writes': 'P3',
  'no-dirty-view': 'P3',
  'sync-then-read': 'P5',
  'session-zxid': 'P9',
  'write-order': 'P4',
};

test('right histories are right for both', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const columns = registerColumns({ count: 200, sessions: 5, registers: 4, seed });
    expect(sweep(columns)).toBeNull();
    expect(judged(columns)).toEqual([]);
  }
});

test('one changed answer is found by both or by neither', () => {
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= 400; seed++) {
    const stream = streamOfKey('change', seed);
    const columns = registerColumns({ count: 60, sessions: 3, registers: 2, seed: 1 + (seed % 40) });
    const row = stream.below(60);
    if (columns.kind[row] === Row.update) continue;
    const isValue = stream.below(2) === 0;
    if (isValue) columns.value[row] = columns.value[stream.below(60)]!;
    else columns.zxid[row] = columns.zxid[row]! + stream.between(-6, 1);
    if (columns.zxid[row]! < 3 * 2 ** 32 + 1) continue;
    const breach = sweep(columns);
    const rules = judged(columns).map((property) => RULE_OF[property]);
    expect([seed, rules.length > 0]).toEqual([seed, breach !== null]);
    if (breach !== null) expect(rules).toContain(breach.rule);
    seen.set(breach?.rule ?? 'none', (seen.get(breach?.rule ?? 'none') ?? 0) + 1);
  }
  for (const rule of ['none', 'P3', 'P9']) expect([rule, (seen.get(rule) ?? 0) > 5]).toEqual([rule, true]);
});

/** `[session, kind, zxid, register, value]`, each answered before the next is asked for unless `events` says otherwise. */
type Line = readonly [session: number, kind: number, zxid: number, register: number, value: number];

function columnsOf(lines: readonly Line[], events = lines.flatMap((_, row) => [row, ~row])): Columns {
  return {
    count: lines.length,
    events: Int32Array.from(events),
    session: Int32Array.from(lines, ([session]) => session),
    kind: Uint8Array.from(lines, ([, kind]) => kind),
    zxid: Float64Array.from(lines, ([, , zxid]) => zxid),
    register: Int32Array.from(lines, ([, , , register]) => register),
    value: Int32Array.from(lines, ([, , , , value]) => value),
  };
}

const { read, update, sync } = Row;

describe('each rule by itself', () => {
  test('P1: a zxid twice, while neither knew of the other', () => {
    const lines: Line[] = [
      [0, update, 5, 0, 1],
      [1, update, 5, 0, 2],
    ];
    expect(sweep(columnsOf(lines, [0, 1, ~0, ~1]))).toEqual({ rule: 'P1', row: 1, other: 0 });
  });

  test('P2: overtaken in its session', () => {
    const lines: Line[] = [
      [0, read, 5, 0, 0],
      [0, read, 5, 0, 0],
    ];
    expect(sweep(columnsOf(lines, [0, 1, ~1, ~0]))).toEqual({ rule: 'P2', row: 0, other: 1 });
    expect(sweep(columnsOf(lines, [0, 1, ~0, ~1]))).toBeNull();
  });

  test('P4: below what was known before it was asked for', () => {
    const lines: Line[] = [
      [0, update, 5, 0, 1],
      [1, update, 4, 0, 2],
    ];
    expect(sweep(columnsOf(lines))).toEqual({ rule: 'P4', row: 1, other: 0 });
    expect(sweep(columnsOf(lines, [0, 1, ~0, ~1]))).toBeNull();
  });

  test('P5: behind a sync', () => {
    const lines: Line[] = [
      [0, update, 5, 0, 1],
      [1, sync, 4, -1, 0],
      [1, read, 4, 0, 0],
    ];
    expect(sweep(columnsOf(lines))).toEqual({ rule: 'P5', row: 2, other: 1 });
    expect(sweep(columnsOf(lines, [0, 1, ~0, ~1, 2, ~2]))).toBeNull();
  });

  test('P9: back in time', () => {
    const lines: Line[] = [
      [0, read, 5, 0, 0],
      [0, read, 4, 0, 0],
    ];
    expect(sweep(columnsOf(lines))).toEqual({ rule: 'P9', row: 1, other: 0 });
  });

  test('P3: across epochs, and with zxids far apart', () => {
    for (const second of [2 * 2 ** 32 + 1, 2 ** 32 + 4_000_000_000]) {
      const lines: Line[] = [
        [0, update, 2 ** 32 + 7, 0, 1],
        [1, update, second, 0, 2],
        [2, read, second, 0, 1],
      ];
      expect(sweep(columnsOf(lines))).toEqual({ rule: 'P3', row: 2, other: 1 });
      expect(sweep(columnsOf([...lines.slice(0, 2), [2, read, second, 0, 2]]))).toBeNull();
      expect(sweep(columnsOf([...lines.slice(0, 2), [2, read, second, 0, UNKNOWN]]))).toBeNull();
    }
  });
});
