/**
 * The zoo stands: every bug that really happened has a mutation that fits the source, or a reason why it cannot happen
 * here; and a few of them, other ones every day, are found. The whole of it is `npm run zoo`.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { editsOf, mutate, projectRoot, readCatalog } from './mutants/catalog.ts';
import { type Hunter, huntFrom, startHunter } from './zoo/hunt.ts';
import { ROWS } from './zoo/rows.ts';
import { SMOKE, sampleOf } from './zoo/sample.ts';
import { lineOf, markdown } from './zoo/table.ts';

const all = [...readCatalog('catalog'), ...readCatalog('zoo')];

describe('the rows', () => {
  test('there are all of them, each once', () => {
    expect(ROWS.length).toBeGreaterThanOrEqual(119);
    expect(new Set(ROWS.map(({ id }) => id)).size).toBe(ROWS.length);
  });

  test.each(ROWS)('$id has a mutation or a reason', ({ id, absent }) => {
    const stands = all.some(({ rows }) => rows.includes(id));
    expect(stands).toBe(absent === undefined);
  });

  test('mutations name rows that there are', () => {
    const ids = new Set(ROWS.map(({ id }) => id));
    for (const { rows } of all) for (const row of rows) expect(ids).toContain(row);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });
});

describe('every mutation fits the source', () => {
  test.each(readCatalog('zoo'))('$id', (mutant) => {
    for (const { file } of editsOf(mutant)) {
      const text = readFileSync(join(projectRoot(), file), 'utf8');
      expect(mutate(mutant, file, text)).not.toBe(text);
    }
  });
});

describe('bugs are found', () => {
  let control: Hunter;
  beforeAll(async () => {
    control = await startHunter(null);
  });
  afterAll(() => control.close());

  const day = Math.floor(Date.now() / 86_400_000);
  const ids = [...SMOKE.slice(0, 4), ...sampleOf(SMOKE.slice(4), 2, day)];
  test.each(ids)('%s', async (id) => {
    const mutant = all.find((other) => other.id === id)!;
    const plan = {
      settings: {},
      startsMax: 1,
      startMaxMs: 5000,
      totalMaxMs: 5000,
      seedsMax: 30,
      shrinkRuns: 0,
    } as const;
    const starts = await huntFrom(mutant, { ...plan, profile: mutant.profile ?? 'default' }, control);
    expect(starts.map(({ found }) => found)).toEqual([true]);
    expect(mutant.property).toContain(starts[0]!.property);
  });
});

test('a table rounds nothing up', () => {
  const start = { seed: '', property: null, message: '', events: 10, faults: 0, faultsLeft: null } as const;
  const starts = [
    { ...start, found: true, runs: 1, cpuMs: 340 },
    { ...start, found: true, runs: 3, cpuMs: 12_600 },
    { ...start, found: false, runs: 9, cpuMs: 60_000 },
  ];
  const entry = { id: 'm', rows: ['A01'], profile: 'default', judge: 'all', commit: '', starts } as const;
  const line = lineOf(entry);
  expect(line.found).toBe('2 of 3');
  expect(line.runs).toBe('3 / > 9');
  expect(line.cpuSeconds).toBe('13 / > 60');
  expect(markdown([line])).toContain('| A01 | m | 2 of 3 |');
});
