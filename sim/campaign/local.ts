/** A campaign on this machine: canaries first, then seeds on all threads until they or the time run out. */

import { sourceRoot } from '../cli/root.ts';
import { CANARIES, type CanaryResult, flyCanary } from './canaries.ts';
import { type CampaignKey, rowOf, type SeedRow } from './results.ts';
import type { Turn } from './rotation.ts';
import type { SeedTask } from './seed.ts';
import { campaign } from './threads.ts';

export interface LocalCampaign {
  readonly turns: Iterable<Turn>;
  readonly jobs: number;
  /** Wall time that a seed may take. */
  readonly limitMs: number;
  /** No seed is begun when this says so. */
  readonly isOver: () => boolean;
  readonly onRow: (row: SeedRow, key: CampaignKey) => void;
}

export async function runLocal({ turns, jobs, limitMs, isOver, onRow }: LocalCampaign): Promise<void> {
  // Results come in the order of their tasks.
  const underWay: CampaignKey[] = [];
  const tasks = function* (): Generator<SeedTask> {
    for (const { key, seed } of until(turns, isOver)) {
      underWay.push(key);
      yield taskOf(key, seed);
    }
  };
  await campaign(tasks(), jobs, (result) => onRow(rowOf(result), underWay.shift()!), { limitMs });
}

export const taskOf = (key: CampaignKey, seed: number): SeedTask => ({ ...key, seed: String(seed) });

/** What is not yielded is not taken, so that somebody else may go on with it. */
function* until<T>(items: Iterable<T>, isOver: () => boolean): Generator<T> {
  const iterator = items[Symbol.iterator]();
  while (!isOver()) {
    const { done, value } = iterator.next();
    if (done === true) return;
    yield value;
  }
}

/** @throws Error where there are no sources to put a canary into. */
export async function flyCanaries(key: CampaignKey, onResult: (result: CanaryResult) => void): Promise<CanaryResult[]> {
  const root = sourceRoot();
  if (root === null) throw new Error('canaries need the sources of the core beside the campaign');
  const found: CanaryResult[] = [];
  for (const canary of CANARIES) {
    // Whatever the campaign is about, canaries fly in the ordinary weather, where they are known to be found.
    const result = await flyCanary(canary, root, (seed) => taskOf({ ...key, profile: 'default', options: {} }, seed));
    found.push(result);
    onResult(result);
  }
  return found;
}
