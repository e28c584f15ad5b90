/** The search and its definition, compared beside a campaign. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Compare, Comparing, DUE, SLICE } from '../../sim/campaign/comparing.ts';
import { differential } from '../../sim/checkers/history/search/differential.ts';

const CALM = { violations: 2, crashes: 0, several: 0, mismatch: null };
const HOUR_MS = 3_600_000;

test('slices go on while the campaign does, each with histories of its own', async () => {
  const seeds: string[] = [];
  const compare: Compare = ({ seed, histories }) => {
    seeds.push(seed);
    return { ...CALM, histories };
  };
  const comparing = new Comparing('9', compare);
  await comparing.during(
    (async () => {
      while (seeds.length < 3) await sleep(1);
    })(),
  );
  const after = seeds.length;
  await sleep(20);
  expect(seeds).toHaveLength(after);
  expect(seeds.slice(0, 3)).toEqual(['9.1', '9.2', '9.3']);
  comparing.rest(1000);
  expect(seeds).toHaveLength(after);
});

test('a long campaign compares at least a hundred thousand', () => {
  let slices = 0;
  const comparing = new Comparing('9', ({ histories }) => {
    slices += 1;
    return { ...CALM, histories };
  });
  comparing.rest(HOUR_MS);
  expect(slices * SLICE).toBe(DUE);
  expect(DUE).toBeGreaterThanOrEqual(100_000);
  expect(comparing.closing()).toEqual({
    lines: [
      'compared   100,000 tiny histories by every order, 1,000 of them not linearizable: the search says the same',
    ],
    isBroken: false,
  });
});

test('a difference ends it, is told with its history, and breaks the campaign', () => {
  const mismatch = { model: 'queue', history: [], says: 'ok where every order was tried and it is violation' };
  const comparing = new Comparing('9', ({ seed, histories }) =>
    seed === '9.3' ? { ...CALM, histories: 5, mismatch } : { ...CALM, histories },
  );
  comparing.rest(HOUR_MS);
  expect(comparing.closing()).toEqual({
    lines: [
      'compared   405 tiny histories by every order, 6 of them not linearizable',
      'BROKEN: the search is wrong about a history of queue: ok where every order was tried and it is violation',
      '  again: npm run check -- --differential 200 --seed 9.3',
    ],
    isBroken: true,
  });
});

test('so does what throws', () => {
  const comparing = new Comparing('9', () => {
    throw new Error('an order does not lead to the end');
  });
  comparing.rest(HOUR_MS);
  expect(comparing.closing()).toMatchObject({
    lines: [
      'compared   0 tiny histories by every order, 0 of them not linearizable',
      'BROKEN: the search threw: an order does not lead to the end',
      '  again: npm run check -- --differential 200 --seed 9.1',
    ],
    isBroken: true,
  });
});

test('a slice is what the command judges', () => {
  const { histories, mismatch } = differential({ seed: '9.1', histories: SLICE });
  expect({ histories, mismatch }).toEqual({ histories: SLICE, mismatch: null });
});
