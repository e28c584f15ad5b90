/** ACL non-interference: pairs of runs that differ in secrets alone look the same to whoever may not know them. */

import { rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Interference, interference, isVisible, leakOf, shrinkPlan } from '../../sim/twin/interference.ts';
import { actionOf, planOf, type TwinPlan } from '../../sim/twin/plan.ts';
import type { Received } from '../../sim/twin/run.ts';
import { bundleSimulator } from '../mutants/build.ts';
import { aclSites, switchable } from './sites.ts';

const PLANS = 6;

describe('pairs of runs', () => {
  const plans = Array.from({ length: PLANS }, (_, index) => planOf(`pair ${index}`));
  const results = plans.map((plan) => interference(plan));

  test('look the same to spies, whose requests change nothing they have no right to', () => {
    for (const [index, { leak, broken }] of results.entries()) expect([index, leak, broken]).toEqual([index, null, []]);
  });

  test('let spies be refused, be told of changes, and name wrong versions', () => {
    const sum = (of: (seen: Interference['seen']) => number): number =>
      results.reduce((n, { seen }) => n + of(seen), 0);
    expect(sum(({ refused }) => refused)).toBeGreaterThan(10 * PLANS);
    expect(sum(({ events }) => events)).toBeGreaterThan(2 * PLANS);
    expect(sum(({ badVersions }) => badVersions)).toBeGreaterThan(0);
    expect(results.reduce((n, { frames }) => n + frames, 0)).toBeGreaterThan(40 * PLANS);
  });

  test('do not look the same with the rights of the owner, in nine of ten', () => {
    expect(plans.filter(isVisible).length).toBeGreaterThanOrEqual(0.9 * PLANS);
  });

  test('in an ensemble too', () => {
    const { leak, broken } = interference(planOf('ensemble', { servers: 3 }));
    expect([leak, broken]).toEqual([null, []]);
  });
});

test('placeholders differ between the runs, and nothing else does', () => {
  const plan = planOf('texts');
  const texts = ([0, 1] as const).map((run) =>
    plan.steps.map((step) => JSON.stringify(actionOf(step, plan.secrets, run))),
  );
  const differing = plan.steps.filter((_, index) => texts[0]![index] !== texts[1]![index]);
  expect(differing.length).toBeGreaterThan(15);
  expect(differing.every(({ who }) => who === 'owner' || who === 'second')).toBe(true);
  expect(texts.flat().every((text) => !/\{\d+\}/.test(text))).toBe(true);
});

test('a leak is the first frame that differs, with the secret before it', () => {
  const plan = planOf('leak');
  const secretStep = plan.steps.findIndex((step) => {
    const [a, b] = ([0, 1] as const).map((run) => JSON.stringify(actionOf(step, plan.secrets, run)));
    return a !== b;
  });
  const at = (text: string, step: number): Received => ({ who: 'spy', step, text });
  const run = (...received: Received[]) => ({ received, broken: [], seen: { refused: 0, events: 0, badVersions: 0 } });
  const [same, a, b] = [at('same', 0), at('a', secretStep), at('b', secretStep)];
  expect(leakOf(plan, run(same, a), run(same, a))).toBeNull();
  expect(leakOf(plan, run(same, a), run(same, b))).toEqual({ index: 1, first: a, second: b, step: secretStep });
  expect(leakOf(plan, run(same), run(same, b))).toEqual({ index: 1, first: null, second: b, step: secretStep });
});

describe('leaving out any one ACL check of the core', () => {
  const sites = aclSites();
  let module: { interference(plan: TwinPlan): Interference; planOf: typeof planOf };
  let file = '';
  const open = globalThis as { vivariumOpenSite?: number };

  beforeAll(async () => {
    file = await bundleSimulator(switchable(sites), 'test/twin/entry.ts');
    module = (await import(pathToFileURL(file).href)) as typeof module;
  }, 60_000);
  afterAll(() => {
    delete open.vivariumOpenSite;
    rmSync(file, { force: true });
  });

  /** Checks whose absence changes nothing, and why. */
  const REDUNDANT: readonly (readonly [site: RegExp, why: string])[] = [
    [/^core\/request\/intake\.ts/, 'a learner refuses early what the leader will refuse (enableEagerACLCheck)'],
  ];
  /** Checks that only an ensemble reaches. */
  const NEEDS_ENSEMBLE = /CONFIG_PATH/;

  const caught = (servers: number, plansMax: number): boolean => {
    for (let i = 0; i < plansMax; i++) {
      const { leak, broken } = module.interference(module.planOf(`site ${i}`, { servers, steps: 70 }));
      if (leak !== null || broken.length > 0) return true;
    }
    return false;
  };

  test('there are as many as were counted by hand', () => {
    expect(sites.map(({ id }) => id).length).toBe(18);
  });

  test.each(sites.map(({ id }, index) => [id, index] as const))('%s', (id, index) => {
    open.vivariumOpenSite = index;
    const isRedundant = REDUNDANT.some(([site]) => site.test(id));
    expect(caught(NEEDS_ENSEMBLE.test(id) ? 3 : 1, isRedundant ? 1 : 12)).toBe(!isRedundant);
  });

  test('and leaving out none is not caught', () => {
    open.vivariumOpenSite = -1;
    expect(caught(1, 1)).toBe(false);
  });

  test('a leak shrinks to the few steps that make it', () => {
    open.vivariumOpenSite = sites.findIndex(({ id }) => id.includes('core/tree/watches.ts') && id.includes('mayRead'));
    const isLeaky = (plan: TwinPlan): boolean => module.interference(plan).leak !== null;
    const plan = Array.from({ length: 12 }, (_, i) => module.planOf(`shrink ${i}`, { steps: 8 })).find(isLeaky)!;
    const shrunk = shrinkPlan(plan, isLeaky);
    expect(shrunk.steps.length - shrunk.ground).toBeLessThanOrEqual(5);
    expect(isLeaky(shrunk)).toBe(true);
  });
});
