/** The tables that hold the visited states: nothing is lost in growing, nothing is added twice, and they stay small. */

import { describe, expect, test } from 'vitest';
import { Fingerprints, hashHigh, hashLow, IntList, PairMap, Rows, rehashLow } from '../../sim/explore/tables.ts';
import { randomOf } from '../unit/storage/memory-disk.ts';

const word = (random: () => number): number => Math.floor(random() * 0x1_0000_0000);

describe('fingerprints', () => {
  test('what was added is there with where it came from, and nothing else', () => {
    const random = randomOf(7);
    const table = new Fingerprints();
    const known = new Map<string, readonly [number, number, number]>();
    for (let i = 0; i < 100_000; i++) {
      const [low, high, from] = [word(random), word(random), word(random)];
      if (table.add(low, high, from) === known.has(`${low} ${high}`)) expect.fail(`${low} ${high} is not new, or is`);
      known.set(`${low} ${high}`, [low, high, from]);
    }
    expect(table.size).toBe(known.size);
    for (const [low, high, from] of known.values()) {
      if (table.fromOf(low, high) !== from) expect.fail(`${low} ${high} is lost`);
    }
    expect(table.add(...[...known.values()][500]!)).toBe(false);
    for (let i = 0; i < 1000; i++) expect(table.has(word(random), word(random))).toBe(false);
  });

  test('a visited state costs at most 16 bytes, however many there are', () => {
    const random = randomOf(8);
    const table = new Fingerprints();
    for (let size = 1; size <= 200_000; size++) {
      table.add(word(random), word(random), 0);
      if (size % 10_000 === 0) expect(table.bytes / table.size).toBeLessThanOrEqual(16);
    }
  });

  test('a fingerprint of zeros is one like any other', () => {
    const table = new Fingerprints();
    expect(table.has(0, 0)).toBe(false);
    expect(table.add(0, 0, 9)).toBe(true);
    expect(table.add(0, 0, 9)).toBe(false);
    expect(table.fromOf(0, 0)).toBe(9);
  });

  test('by their low halves', () => {
    const table = new Fingerprints();
    table.add(5, 100, 1);
    table.add(5, 0xf000_0000, 2);
    table.add(6, 100, 3);
    const froms = table.withLow(5).map(({ from }) => from);
    expect(froms.sort()).toEqual([1, 2]);
    expect(table.withLow(7)).toEqual([]);
    expect(table.collisionProbability).toBeCloseTo(9 / 2 ** 65, 30);
  });
});

test('pairs lead to what they were given', () => {
  const random = randomOf(9);
  const map = new PairMap();
  const known = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const [a, b] = [Math.floor(random() * 500), word(random) | 0];
    if (known.has(`${a} ${b}`)) continue;
    map.set(a, b, i);
    known.set(`${a} ${b}`, i);
  }
  for (const [key, value] of known) {
    const [a, b] = key.split(' ').map(Number) as [number, number];
    if (map.get(a, b) !== value) expect.fail(`${key} is lost`);
  }
  expect(map.get(501, 1)).toBe(-1);
});

test('rows are known by what is in them', () => {
  const random = randomOf(11);
  const rows = new Rows(5);
  const known = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const row = Int32Array.from({ length: 5 }, () => Math.floor(random() * 7) - 1);
    const id = rows.intern(row);
    if (id !== (known.get(row.join()) ?? known.size)) expect.fail(`${row} is ${id}`);
    known.set(row.join(), id);
  }
  expect(rows.size).toBe(known.size);
});

test('the hashes of a row are those of the row before, but for what has changed', () => {
  const random = randomOf(12);
  const before = Int32Array.from({ length: 17 }, (_, i) => i);
  let [low, high] = [hashLow(before, 17), hashHigh];
  for (let i = 0; i < 1000; i++) {
    const after = before.slice();
    for (let change = 0; change < 4; change++) after[Math.floor(random() * 17)] = word(random) | 0;
    [low, high] = [rehashLow(before, after, 17, low, high), hashHigh];
    expect(low).toBe(hashLow(after, 17));
    expect(high).toBe(hashHigh);
    before.set(after);
  }
});

test('a list grows by rows', () => {
  const list = new IntList();
  for (let i = 0; i < 5000; i++) {
    list.append(Int32Array.of(i, -i, 7), 2);
    list.push(i * 2);
  }
  const row = new Int32Array(3);
  list.read(3 * 4321, row, 3);
  expect([...row]).toEqual([4321, -4321, 8642]);
  expect(list.length).toBe(15_000);
});

test('hashes of rows that differ in one place differ in both halves', () => {
  const row = Int32Array.from({ length: 17 }, (_, i) => i * 3);
  const [low, high] = [hashLow(row, 17), hashHigh];
  for (let i = 0; i < 17; i++) {
    const other = row.slice();
    other[i]! ^= 1;
    expect(hashLow(other, 17)).not.toBe(low);
    expect(hashHigh).not.toBe(high);
  }
});
