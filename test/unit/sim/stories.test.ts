/** Drawn schedules are schedules, stories refer to what there is, and each kind of moment comes. */

import { describe, expect, test } from 'vitest';
import { run } from '../../../sim/runner.ts';
import {
  CALM,
  checkSchedule,
  DEFAULT_OPTIONS,
  type Op,
  SCHEDULE_FORMAT,
  type Schedule,
} from '../../../sim/schedule.ts';
import { STORIES, tell } from '../../../sim/stories.ts';
import { generate, PROFILES, type Profile } from '../../../sim/swarm.ts';
import { makeStream } from '../../../sim/world/random.ts';

const SEEDS = Array.from({ length: 120 }, (_, index) => String(index + 1));
const drawn = (profile: Profile, seed: string): Schedule => generate({ seed, profile, commit: 'test', options: {} });

describe.each(Object.keys(PROFILES) as Profile[])('profile %s', (profile) => {
  test('draws schedules', () => {
    for (const seed of SEEDS) {
      const schedule = drawn(profile, seed);
      const checked = checkSchedule(JSON.parse(JSON.stringify(schedule)));
      expect(checked.ok ? [] : checked.problems).toEqual([]);
      const ids = new Set(schedule.ops.map(({ id }) => `op:${id}`));
      for (const op of schedule.ops) if ('after' in op && op.after.startsWith('op:')) expect(ids).toContain(op.after);
    }
  });
});

test('the default profile tells every story now and then', () => {
  const seen = new Set<string>();
  for (const seed of SEEDS) for (const op of drawn('default', seed).ops) seen.add('next' in op ? 'next' : op.do);
  for (const kind of ['rank', 'quiet', 'next', 'start', 'bitRot', 'diskSlow']) expect(seen).toContain(kind);
});

test('every story has operations for three servers', () => {
  const options = { ...DEFAULT_OPTIONS, nodes: 3, duration: 10_000 };
  for (const story of STORIES) {
    const planned = tell(story, 'a', makeStream('1', `test/${story}`), options);
    expect(planned.length, story).toBeGreaterThan(0);
    const keys = planned.map(({ key }) => `key:${key}`);
    for (const { draft } of planned) {
      if (typeof draft.after === 'string' && draft.after.startsWith('key:')) expect(keys).toContain(draft.after);
    }
  }
});

function tellsOf(ops: readonly Record<string, unknown>[]): string[] {
  const schedule = {
    format: SCHEDULE_FORMAT,
    commit: 'test',
    seed: '1',
    profile: 'test',
    options: { ...DEFAULT_OPTIONS, nodes: 3, clients: 1, duration: 5000, settings: { tickTimeMs: 200 } },
    swarm: CALM,
    ops: ops.map((op, index) => ({ id: index + 1, ...op })) as unknown as readonly Op[],
  };
  const checked = checkSchedule(JSON.parse(JSON.stringify(schedule)));
  expect(checked.ok ? [] : checked.problems).toEqual([]);
  return run(schedule as Schedule).moments.map(({ text }) => text);
}

describe('moments', () => {
  test('the next note after a time, and where it was', () => {
    const told = tellsOf([
      { at: 2500, do: 'crash', node: 'leader', for: 100 },
      { at: 2600, next: 'zab.leading.started', do: 'crash', node: 'candidate', for: 100 },
    ]);
    expect(told.filter((text) => text.includes('crashes'))).toHaveLength(2);
  });

  test('a note of one server', () => {
    const told = tellsOf([{ after: 'zab.committed@2#3', do: 'pause', node: 'same', for: 50 }]);
    expect(told).toContain('server 2 stands still for 50 ms');
  });

  test('somebody knocks who is no server', () => {
    const told = tellsOf([{ at: 2000, do: 'knock', node: 1, as: 99 }]);
    expect(told).toContain('somebody calls the election port of server 1 as server 99');
  });

  test('connections are forgotten', () => {
    const told = tellsOf([{ at: 2000, do: 'blackhole', links: ['1-*'], channel: 'election' }]);
    expect(told).toContain('2 connections on 1-* are forgotten');
  });

  test('a server is left out of the core', () => {
    const told = tellsOf([{ at: 2000, do: 'outside', node: 2, as: 'dead' }]);
    expect(told.filter((text) => text.includes('is healed') && text.includes('2'))).toEqual([]);
  });

  test('a trap stays until it has sprung', () => {
    const told = tellsOf([
      { at: 2000, do: 'crashWhen', node: 2, how: 'kill', effect: 'note', note: 'zab.committed', skip: 20, for: 60 },
    ]);
    expect(told).toContain('server 2 crashes at a chosen point');
  });

  test('ranks, quiet, and a state cut in the middle', () => {
    const told = tellsOf([
      { at: 1, do: 'rank', order: [3, 1, 2], step: 5 },
      { at: 3000, do: 'quiet', for: 500 },
      { at: 1500, do: 'crash', node: 1, for: 300 },
      { nth: 1, link: '*>*', kind: 'DIFF', do: 'reset', links: ['*-*'] },
    ]);
    expect(told).toContain('what 3,1,2 say is heard in this order');
    expect(told).toContain('no client asks for anything for 500 ms');
    expect(told.some((text) => text.includes('reset in mid-packet'))).toBe(true);
  });
});
