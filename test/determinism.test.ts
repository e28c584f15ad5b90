/**
 * One seed is one run: whatever ran before it in the process, however often. A campaign, a shrunk schedule and a bug report
 * are worth nothing without this, so it is tested from both sides: that runs are equal, and that what would make them
 * differ is noticed.
 */

import { afterEach, describe, expect, test } from 'vitest';
import { checkDeterminism } from '../sim/cli/determinism.ts';
import { type Result, run } from '../sim/runner.ts';
import type { Schedule } from '../sim/schedule.ts';
import { type PeerHost, type PeerRunner, runRaw } from '../sim/server.ts';
import { generate, type Profile } from '../sim/swarm.ts';

const drawn = (seed: string, profile: Profile = 'default', duration = 2000): Schedule =>
  generate({ seed, profile, commit: 'test', options: { duration } });

interface Outcome {
  readonly hash: string;
  readonly events: number;
  readonly verdict: string;
}

const outcomeOf = ({ hash, events, verdict }: Result): Outcome => ({ hash, events, verdict });

/** What every seed came to, by seed, whatever the order they were run in. */
function outcomes(schedules: readonly Schedule[]): Map<string, Outcome> {
  const found = new Map<string, Outcome>();
  for (const schedule of schedules) found.set(`${schedule.profile} ${schedule.seed}`, outcomeOf(run(schedule)));
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe('equal runs', () => {
  const schedules = [
    drawn('1'),
    drawn('2'),
    drawn('3', 'elections'),
    drawn('4', 'disk'),
    drawn('5', 'sessions'),
    drawn('6', 'network'),
  ];

  test('in any order, and twice in a row', () => {
    const forwards = outcomes(schedules);
    const backwards = outcomes([...schedules].reverse());
    expect(backwards).toEqual(forwards);
    expect(outcomes(schedules.flatMap((schedule) => [schedule, schedule]))).toEqual(forwards);
    expect(new Set([...forwards.values()].map(({ hash }) => hash)).size).toBe(schedules.length);
    for (const { events, verdict } of forwards.values()) {
      expect(verdict).toBe('ok');
      expect(events).toBeGreaterThan(100);
    }
  });

  test('a hook that only looks changes nothing', () => {
    const [schedule] = schedules;
    let seen = 0;
    const watched = run(schedule!, { hooks: { onEvent: () => seen++ }, keepHistory: true, recordHashes: true });
    expect(outcomeOf(watched)).toEqual(outcomeOf(run(schedule!)));
    expect(seen).toBe(watched.events);
  });
});

/** Servers that do something more in each step. */
const meddling =
  (meddle: (count: number) => void): PeerRunner =>
  (config, secrets, now, emit) => {
    const inner: PeerHost = runRaw(config, secrets, now, emit);
    let count = 0;
    return {
      peer: inner.peer,
      step: (at, input, out) => {
        inner.step(at, input, out);
        meddle(++count);
      },
      nextDeadline: () => inner.nextDeadline(),
    };
  };

describe('what would make runs differ is noticed', () => {
  const schedule = drawn('1', 'default', 1000);

  test.each<[string, () => unknown]>([
    ['Date.now', () => Date.now()],
    ['new Date()', () => new Date()],
    ['Date()', () => Date()],
    ['Math.random', () => Math.random()],
    ['performance.now', () => performance.now()],
    ['crypto.randomUUID', () => crypto.randomUUID()],
    ['crypto.getRandomValues', () => crypto.getRandomValues(new Uint8Array(1))],
    ['setTimeout', () => setTimeout(() => {}, 0)],
    ['setInterval', () => setInterval(() => {}, 1000)],
    ['setImmediate', () => setImmediate(() => {})],
    ['queueMicrotask', () => queueMicrotask(() => {})],
    ['fetch', () => fetch('http://127.0.0.1:1/')],
  ])('%s throws inside a step', (name, call) => {
    const result = run(schedule, { runner: meddling((count) => count === 5 && call()) });
    expect(result.verdict).toBe('crash');
    expect(result.violations[0]?.property).toBe('no-exception');
    expect(result.violations[0]?.message).toContain(`${name} was called during a step`);
  });

  test('dates that are given their time are allowed', () => {
    const meddled = run(schedule, { runner: meddling(() => new Date(0).toISOString()) });
    expect(outcomeOf(meddled)).toEqual(outcomeOf(run(schedule)));
  });

  test('outside a step, and after a run, everything is as before', () => {
    const [clock, chance, timer] = [Date.now, Math.random, globalThis.setTimeout];
    let seenMs = 0;
    run(schedule, {
      hooks: {
        onEvent: () => {
          seenMs = Date.now();
        },
      },
    });
    expect(seenMs).toBeGreaterThan(0);
    expect([Date.now, Math.random, globalThis.setTimeout]).toEqual([clock, chance, timer]);
    // A run that ends in the middle of a step leaves nothing behind either.
    run(schedule, { runner: meddling((count) => count === 5 && Math.random()) });
    expect([Date.now, Math.random, globalThis.setTimeout]).toEqual([clock, chance, timer]);
    expect(Math.random()).toBeLessThan(1);
  });

  describe('memory of earlier runs', () => {
    let boots = 0;
    /** The passwords of sessions depend on how many were ever started in this process. */
    const remembering: PeerRunner = (config, secrets, now, emit) =>
      runRaw(config, { ...secrets, sessionSecret: new Uint8Array(32).fill(++boots) }, now, emit);

    afterEach(() => {
      boots = 0;
    });

    test('is found, at the first event that it changes', () => {
      const difference = checkDeterminism(schedule, drawn('2', 'default', 500), { runner: remembering });
      expect(difference?.runs).toBe('the first and the second');
      expect(difference?.index).toBeGreaterThan(0);
    });

    test('and is not seen where there is none', () => {
      expect(checkDeterminism(schedule, drawn('2', 'default', 500))).toBeNull();
    });
  });
});
