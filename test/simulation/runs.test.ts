/** Whole runs: seeds pass, one seed is one run however it is stepped, and what was found once is replayed for ever. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkDeterminism } from '../../sim/cli/determinism.ts';
import { runLockstep } from '../../sim/lockstep.ts';
import { type Result, run, unmetExpectations } from '../../sim/runner.ts';
import { parseSchedule, type Schedule } from '../../sim/schedule.ts';
import { generate, type Profile } from '../../sim/swarm.ts';
import { trace } from '../../sim/tracer.ts';

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

describe('one seed is one run', () => {
  const a = drawn('7', 'default', 5000);
  const b = drawn('8', 'default', 3000);

  test('twice, and again after another in the same process', () => {
    expect(checkDeterminism(a, b)).toBeNull();
  });

  test('raw and drafted, side by side', () => {
    const raw = run(a);
    const lockstep = run(a, { runner: runLockstep });
    expect(said(lockstep)).toEqual([]);
    expect(lockstep.hash).toBe(raw.hash);
  });

  test('raw and traced', () => {
    const types = new Map<string, number>();
    const traced = trace(b, (line) => {
      const { type } = line as { type: string };
      types.set(type, (types.get(type) ?? 0) + 1);
      // What is written can be read back.
      expect(JSON.parse(JSON.stringify(line))).toEqual(line);
    });
    expect(traced.hash).toBe(run(b).hash);
    expect(types.get('header')).toBe(1);
    expect(types.get('verdict')).toBe(1);
    for (const type of ['step', 'segment', 'patches', 'keyframe', 'connection', 'moment']) {
      expect(types.get(type), type).toBeGreaterThan(0);
    }
  });

  test('without an operation that did nothing', () => {
    const idle = { id: 999, at: 100, do: 'crash', node: 99 } as const;
    const more = run({ ...b, ops: [...b.ops, idle] });
    expect(more.stats.faults.skipped).toBe(run(b).stats.faults.skipped + 1);
    expect(more.verdict).toBe('ok');
  });
});

describe('regressions', () => {
  const dir = join(import.meta.dirname, '../../scenarios/regressions');
  const names = readdirSync(dir).filter((name) => name.endsWith('.json'));

  test.each(names)('%s', (name) => {
    const parsed = parseSchedule(readFileSync(join(dir, name), 'utf8'));
    if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
    expect(unmetExpectations(parsed.value.expect, run(parsed.value))).toEqual([]);
  });
});
