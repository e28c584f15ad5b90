/** Hunts beside a campaign: who is hunted when, and what it is worth. */

import { expect, test } from 'vitest';
import { Hunting, type HuntResult, type Hunts, huntingLines, huntLine, type Prey } from '../../sim/campaign/hunts.ts';
import { resumable } from '../../sim/campaign/rotation.ts';
import { zooHunts } from '../soak/zoo-hunts.ts';
import { SMOKE } from '../zoo/sample.ts';

const prey = (id: string): Prey => ({ id, says: `what ${id} does` });

/** Each hunt takes 8 seconds; those named are not found. */
function world(missing: readonly string[] = []) {
  let nowMs = 0;
  const hunted: string[] = [];
  const hunts: Hunts = {
    smoke: ['s1', 's2', 's3'].map(prey),
    others: ['a', 'b', 'c', 'd'].map(prey),
    hunt: async ({ id }) => {
      nowMs += 8000;
      hunted.push(id);
      return { find: missing.includes(id) ? null : { property: 'agreement', seed: '7' }, runs: 3 };
    },
    close: async () => {},
  };
  return { hunts, hunted, clock: () => nowMs };
}

const nobody = (): void => {};

test('a tenth of the time is spent on hunts, in spells, those first that must be found', async () => {
  const { hunts, hunted, clock } = world();
  const hunting = new Hunting(hunts, 6);
  expect(hunting.isDue(199_000)).toBe(false);
  expect(hunting.isDue(200_000)).toBe(true);
  await hunting.spell(200_000, clock, nobody);
  expect(hunted).toEqual(['s1', 's2', 's3']);
  expect(hunting.isDue(430_000)).toBe(false);
  await hunting.spell(440_000, clock, nobody);
  // The others begin where the turn says, and each has one.
  expect(hunted.slice(3)).toEqual(['c', 'd', 'a']);
  await hunting.spell(10_000_000, clock, nobody);
  expect(hunted.slice(6)).toEqual(['b']);
  expect(hunting.isDue(10_000_000)).toBe(false);
});

test('a campaign that was too short for it hunts at its end what must be found, and nothing else', async () => {
  const { hunts, hunted, clock } = world();
  const hunting = new Hunting(hunts, 0);
  await hunting.spell(70_000, clock, nobody);
  expect(hunted).toEqual(['s1']);
  await hunting.rest(clock, nobody);
  expect(hunted).toEqual(['s1', 's2', 's3']);
});

test('what is missed is told, and breaks a campaign where it must be found', async () => {
  const { hunts, clock } = world(['s2', 'b']);
  const hunting = new Hunting(hunts, 0);
  const told: HuntResult[] = [];
  await hunting.spell(10_000_000, clock, (result) => told.push(result));
  expect(told.map(huntLine)[1]).toBe('zoo s2: what s2 does: not found in 3 runs');
  expect(told.map(huntLine)[0]).toBe('zoo s1: what s1 does: found by seed 7 (agreement)');
  const { lines, isBroken } = huntingLines(hunting.results);
  expect(lines).toEqual([
    'zoo        5 of 7 hunts found, not s2, b',
    'BROKEN: s2 (what s2 does) was not found in 3 runs',
  ]);
  expect(isBroken).toBe(true);
  expect(huntingLines(hunting.results.filter(({ prey: { id } }) => id !== 's2')).isBroken).toBe(false);
});

test('the zoo is hunted whole: the smoke set first', () => {
  const { smoke, others } = zooHunts();
  expect(smoke.map(({ id }) => id).sort()).toEqual([...SMOKE].sort());
  expect(others.length).toBeGreaterThan(90);
  expect(others.some(({ id }) => SMOKE.includes(id))).toBe(false);
});

test('a walk goes on where the last one stopped, and skips nothing', () => {
  const numbers = resumable([1, 2, 3, 4]);
  const first = numbers[Symbol.iterator]();
  expect([first.next().value, first.next().value]).toEqual([1, 2]);
  expect(numbers.isDone).toBe(false);
  expect([...numbers]).toEqual([3, 4]);
  expect(numbers.isDone).toBe(true);
});
