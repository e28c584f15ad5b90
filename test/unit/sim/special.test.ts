/** Special profiles: what they draw are schedules, each of its own kind, and nothing of them is told by the general ones. */

import { describe, expect, test } from 'vitest';
import { checkSchedule, formatSchedule, type Schedule } from '../../../sim/schedule.ts';
import { isSpecial, SPECIAL, specialOf } from '../../../sim/stories/special.ts';
import { generate, PROFILES, type Profile } from '../../../sim/swarm.ts';

const names = Object.keys(SPECIAL) as (keyof typeof SPECIAL)[];
const drawn = (profile: Profile, seed: number): Schedule =>
  generate({ seed: String(seed), profile, commit: 'test', options: {} });

describe.each(names)('%s', (profile) => {
  const schedules = Array.from({ length: 20 }, (_, index) => drawn(profile, index + 1));

  test('draws what the grammar knows', () => {
    for (const schedule of schedules) {
      const checked = checkSchedule(JSON.parse(formatSchedule(schedule)));
      expect(checked.ok ? [] : checked.problems).toEqual([]);
    }
  });

  test('draws from the seed alone', () => {
    expect(drawn(profile, 7)).toEqual(schedules[6]);
    expect(new Set(schedules.map(({ ops, swarm }) => JSON.stringify([ops, swarm]))).size).toBe(schedules.length);
  });

  test('refers only to operations that are there', () => {
    for (const { ops } of schedules) {
      const ids = new Set(ops.map(({ id }) => `op:${id}`));
      for (const op of ops) if ('after' in op && op.after.startsWith('op:')) expect(ids).toContain(op.after);
    }
  });
});

test('a profile is special or general', () => {
  for (const profile of Object.keys(PROFILES)) expect(specialOf(profile) !== null).toBe(isSpecial(profile));
  expect(isSpecial('default')).toBe(false);
  expect(names.every((name) => name in PROFILES)).toBe(true);
});
