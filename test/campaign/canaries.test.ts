/** Canaries are found, and a campaign notices one that is not. */

import { expect, test } from 'vitest';
import { CANARIES, type Canary, flyCanary } from '../../sim/campaign/canaries.ts';
import { taskOf } from '../../sim/campaign/local.ts';
import type { CampaignKey } from '../../sim/campaign/results.ts';
import { projectRoot } from '../mutants/catalog.ts';

const KEY: CampaignKey = { commit: 'test', profile: 'default', options: {} };

test.each(CANARIES)(
  '$id is found',
  async (canary) => {
    const { seed, seeds } = await flyCanary(canary, projectRoot(), (number) => taskOf(KEY, number));
    expect(seed).not.toBeNull();
    expect(seeds).toBeLessThanOrEqual(canary.seedsMax / 2);
  },
  180_000,
);

test('one that nobody finds is reported', async () => {
  const dud: Canary = {
    ...CANARIES[0]!,
    id: 'dud',
    replace: CANARIES[0]!.find,
    seedsMax: 2,
  };
  const calm: CampaignKey = { ...KEY, profile: 'calm', options: { nodes: 3, clients: 1, duration: 500 } };
  expect(await flyCanary(dud, projectRoot(), (number) => taskOf(calm, number))).toEqual({
    canary: dud,
    seed: null,
    seeds: 2,
  });
});
