/** The parts of the shrinker, each with an oracle that is certain. */

import { describe, expect, test } from 'vitest';
import { turnsOf } from '../../sim/asks.ts';
import type { Violation } from '../../sim/checkers/properties.ts';
import type { Result } from '../../sim/runner.ts';
import { CALM, DEFAULT_OPTIONS, type Op, SCHEDULE_FORMAT, type Schedule } from '../../sim/schedule.ts';
import { ddmin } from '../../sim/shrink/ddmin.ts';
import { type ShrinkStep, shrink } from '../../sim/shrink/shrink.ts';
import { isSameFailure, signatureOf, signatureText } from '../../sim/shrink/signature.ts';
import { weakerForms } from '../../sim/shrink/weaken.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('delta debugging', () => {
  function search(count: number, needed: readonly number[]): { kept: readonly number[]; runs: number } {
    let runs = 0;
    const kept = ddmin(numbers(count), (items) => {
      runs += 1;
      return needed.every((item) => items.includes(item));
    });
    return { kept, runs };
  }

  test.each([[[]], [[1]], [[1000]], [[500, 501]], [[3, 400, 999]], [[17, 180, 422, 803]]])(
    'of a thousand items it keeps %j, in less than 80 runs',
    (needed) => {
      const { kept, runs } = search(1000, needed);
      expect(kept).toEqual(needed);
      expect(runs).toBeLessThan(80);
    },
  );

  test('what is known to matter more often is found sooner', () => {
    const needed = [40, 200, 360, 520, 680, 901];
    const runsWith = (weightOf: (item: number) => number): number => {
      let runs = 0;
      const probe = (items: readonly number[]): boolean => {
        runs += 1;
        return needed.every((item) => items.includes(item));
      };
      expect(ddmin(numbers(1000), probe, { weightOf })).toEqual(needed);
      return runs;
    };
    // All but the last of them are among the hundred heavy ones.
    const [heavy, even] = [runsWith((item) => (item % 10 === 0 ? 10 : 1)), runsWith(() => 1)];
    expect(heavy).toBeLessThan(75);
    expect(heavy).toBeLessThan(even - 15);
  });

  test('what was found out is not asked again where it was left off', () => {
    const needed = [17, 180, 422, 803];
    const suspicions = new Map<number, number>();
    const runsOf = (items: readonly number[], runsMax: number): { kept: readonly number[]; runs: number } => {
      let runs = 0;
      const probe = (some: readonly number[]): boolean | null =>
        runs === runsMax ? null : ++runs > 0 && needed.every((item) => some.includes(item));
      return { kept: ddmin(items, probe, { suffixes: false, suspicions }), runs };
    };
    const inOneGo = search(1000, needed).runs;
    const first = runsOf(numbers(1000), 40);
    expect(first.kept.length).toBeGreaterThan(needed.length);
    const second = runsOf(first.kept, 1000);
    expect(second.kept).toEqual(needed);
    expect(first.runs + second.runs).toBeLessThan(inOneGo + 3);
  });

  test('what mattered as long as something else was there goes after it', () => {
    // 2 is asked for before 5, and is missed then.
    const kept = ddmin([2, 5, 6], (items) => items.includes(6) && (!items.includes(5) || items.includes(2)), {
      suffixes: false,
    });
    expect(kept).toEqual([6]);
  });

  test('an end that is enough is found at once', () => {
    expect(search(1000, [998, 1000]).runs).toBeLessThan(12);
  });

  test('without further runs it keeps what it has', () => {
    let left = 3;
    const kept = ddmin(numbers(100), (items) => (left-- > 0 ? items.includes(99) : null));
    expect(kept).toContain(99);
    expect(kept.length).toBeLessThan(10);
    expect(ddmin(numbers(5), () => null)).toEqual(numbers(5));
  });

  test('where any part will do, one that suffices is kept', () => {
    const kept = ddmin(numbers(64), (items) => items.filter((item) => item % 2 === 0).length >= 3);
    expect(kept).toHaveLength(3);
    expect(kept.every((item) => item % 2 === 0)).toBe(true);
  });
});

describe('weaker forms', () => {
  test.each<[Op, Op]>([
    [
      { id: 1, at: 0, do: 'power', node: 2, for: 40 },
      { id: 1, at: 0, do: 'crash', node: 2, for: 40 },
    ],
    [
      { id: 1, at: 0, do: 'cut', links: ['1-2'], for: 40 },
      { id: 1, at: 0, do: 'cut', links: ['2>1'], for: 40 },
    ],
    [
      { id: 1, at: 0, do: 'cut', links: ['1>2', '3>2'] },
      { id: 1, at: 0, do: 'cut', links: ['3>2'] },
    ],
    [
      { id: 1, at: 0, do: 'pause', node: 2, for: 800 },
      { id: 1, at: 0, do: 'pause', node: 2, for: 80 },
    ],
    [
      { id: 1, at: 100, do: 'ring', for: 40 },
      { id: 1, at: 550, do: 'ring', for: 40 },
    ],
    [
      { id: 1, at: 0, do: 'isolate', node: 2 },
      { id: 1, at: 0, do: 'isolate', node: 2, direction: 'out' },
    ],
  ])('of %j there is %j', (op, weaker) => {
    expect(weakerForms(op, 1000)).toContainEqual(weaker);
    expect(weakerForms(op, 1000)).not.toContainEqual(op);
  });

  test('come to an end', () => {
    let forms: Op[] = [{ id: 1, at: 0, do: 'wipe', node: 'leader', for: 100_000 }];
    let rounds = 0;
    for (; forms.length > 0 && rounds < 1000; rounds++) forms = weakerForms(forms.at(-1)!, 60_000).slice(0, 1);
    expect(rounds).toBeLessThan(30);
  });
});

const violation = (change: Partial<Violation>): Violation => ({
  property: 'committed-never-lost',
  role: 'leader',
  reason: '',
  kind: 'safety',
  sentence: '',
  message: '',
  atUs: 80_000_000,
  events: [],
  servers: [],
  ...change,
});

/** Nothing but what the shrinker looks at. */
function resultOf(schedule: Schedule, violations: readonly Violation[]): Result {
  const ops = schedule.ops.map(({ id, ...op }) => ({
    id,
    fate: 'at' in op && op.at <= 80_000 ? ('applied' as const) : ('waiting' as const),
    atUs: 0,
  }));
  return { verdict: 'safety', violations, ops, turns: [40, 40, 40, 40] } as unknown as Result;
}

describe('the same failure', () => {
  const found = resultOf({ ops: [] } as unknown as Schedule, [violation({})]);
  const signature = signatureOf(found)!;

  test('is the property, the role and the reason', () => {
    const same = (change: Partial<Violation>): boolean =>
      isSameFailure({ ...found, violations: [violation(change)] }, signature);
    expect(same({ atUs: 5, message: 'elsewhere', servers: [4] })).toBe(true);
    expect(same({ property: 'leader-completeness' })).toBe(false);
    expect(same({ role: 'follower' })).toBe(false);
    expect(same({ reason: 'no-leader' })).toBe(false);
    expect(isSameFailure({ ...found, violations: [] }, signature)).toBe(false);
    expect(signatureText({ property: 'liveness', role: 'ensemble', reason: 'no-leader' })).toBe(
      'liveness by the ensemble (no-leader)',
    );
  });

  test('nothing is shrunk that did not fail', () => {
    expect(() => shrink(THOUSAND, { ...found, violations: [] })).toThrow('nothing to shrink');
  });
});

const THOUSAND: Schedule = {
  format: SCHEDULE_FORMAT,
  commit: '',
  seed: '1',
  profile: 'default',
  options: {
    ...DEFAULT_OPTIONS,
    nodes: 5,
    observers: 2,
    clients: 4,
    duration: 100_000,
    settings: { tickTimeMs: 200, snapCount: 20 },
  },
  swarm: { ...CALM, 'network.latency': 5, 'disk.fsync': 20 },
  ops: numbers(1000).map((id): Op => ({ id, at: id * 100, do: 'power', node: 1 + (id % 5), for: 400 })),
};

describe('shrinking', () => {
  /** Fails if these three operations are there, whatever they are, as long as client 2 has its turn 7. */
  function failing(schedule: Schedule): Result {
    const has = (id: number): boolean => schedule.ops.some((op) => op.id === id);
    const asks = schedule.asks?.c2;
    const isAsked = schedule.options.clients >= 2 && (asks === undefined || turnsOf(asks)!.has(7));
    const fails = has(3) && has(412) && has(790) && isAsked && schedule.options.nodes >= 3;
    // A schedule without them fails as well, but in another way.
    return resultOf(schedule, [violation(fails ? { atUs: 79_500_000 } : { property: 'liveness' })]);
  }

  const steps: ShrinkStep[] = [];
  const shrunk = shrink(THOUSAND, failing(THOUSAND), { run: failing, onStep: (step) => steps.push(step) });

  test('three of a thousand faults are left, in at most a hundred runs', () => {
    expect(shrunk.schedule.ops.map(({ id }) => id)).toEqual([3, 412, 790]);
    expect({ before: shrunk.faultsBefore, after: shrunk.faultsAfter }).toEqual({ before: 1000, after: 3 });
    expect(shrunk.reruns).toBeLessThanOrEqual(100);
    expect(steps).toHaveLength(shrunk.reruns);
  });

  test('and everything else is gone or calm', () => {
    const { options, swarm } = shrunk.schedule;
    expect(options).toMatchObject({
      nodes: 3,
      observers: 0,
      clients: 2,
      settings: {},
      duration: 79_500,
      settle: 60_000,
    });
    expect(swarm).toEqual(CALM);
    expect(shrunk.schedule.expect).toEqual({ verdict: 'safety', property: 'committed-never-lost', role: 'leader' });
  });

  test('with runs enough each fault is weak and only one turn is left', () => {
    const { schedule } = shrink(THOUSAND, failing(THOUSAND), { run: failing, rerunsMax: 400 });
    expect(schedule.asks).toEqual({ c1: '', c2: '7' });
    for (const op of schedule.ops) expect(op).toMatchObject({ do: 'crash', for: 40 });
  });

  test('never more runs than allowed', () => {
    for (const rerunsMax of [1, 2, 7]) {
      expect(shrink(THOUSAND, failing(THOUSAND), { run: failing, rerunsMax }).reruns).toBeLessThanOrEqual(rerunsMax);
    }
  });
});
