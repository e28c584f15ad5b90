/** Whole runs of drawn schedules. */

import { describe, expect, test } from 'vitest';
import { type Result, run } from '../../sim/runner.ts';
import type { Schedule } from '../../sim/schedule.ts';
import { generate, type Profile } from '../../sim/swarm.ts';

const drawn = (seed: string, profile: Profile = 'default', duration?: number): Schedule =>
  generate({ seed, profile, commit: 'test', options: duration === undefined ? {} : { duration } });

const said = (result: Result): string[] => result.violations.map(({ property, message }) => `${property}: ${message}`);

describe('seeds', () => {
  test.each(['42', '43', '44'])('seed %s keeps every promise', (seed) => {
    const result = run(drawn(seed));
    expect(said(result)).toEqual([]);
    expect(result.stats.workload.writes).toBeGreaterThan(20);
    expect(result.stats.elections).toBeGreaterThan(0);
  });

  test.each<Profile>(['elections', 'disk', 'sessions', 'network'])('profile %s keeps every promise', (profile) => {
    expect(said(run(drawn('1', profile, 8000)))).toEqual([]);
  });

  test('without a fault nothing is ever unknown to a client', () => {
    const { verdict, stats, marks } = run(drawn('1', 'calm', 8000));
    expect(verdict).toBe('ok');
    expect(stats.workload.unknown).toBe(0);
    expect(stats.elections).toBe(1);
    expect(marks['zab.leading.gaveup']).toBeUndefined();
  });

  test('the clients leave a history', () => {
    const { history, stats } = run(drawn('2', 'default', 5000), { keepHistory: true });
    const invoked = history.filter(({ type }) => type === 'invoke').length;
    expect(invoked).toBe(stats.workload.invoked);
    expect(history.filter(({ type }) => type === 'ok').length).toBeGreaterThan(0);
  });
});

test('an operation that cannot be applied is skipped and counted', () => {
  const schedule = drawn('8', 'default', 3000);
  const idle = { id: 999, at: 100, do: 'crash', node: 99 } as const;
  const more = run({ ...schedule, ops: [...schedule.ops, idle] });
  expect(more.stats.faults.skipped).toBe(run(schedule).stats.faults.skipped + 1);
  expect(more.verdict).toBe('ok');
});
