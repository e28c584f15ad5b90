/**
 * Hunting a mutant: seed after seed is run with it until some property is seen broken.
 *
 * A mutated simulator runs in a thread of its own, since a broken protocol may also run for ever. A seed that fails without
 * the mutant too proves nothing about it and is passed over.
 */

import type { SeedResult, SeedTask } from '../../sim/campaign/seed.ts';
import type { Profile } from '../../sim/swarm.ts';
import { bundleSimulator } from './build.ts';
import type { Mutant } from './catalog.ts';
import { SeedThread } from './thread.ts';

export interface Hunt {
  readonly profile: Profile;
  readonly seedsMax: number;
  /** Do not stop at the first seed that shows it. */
  readonly all: boolean;
}

export interface Catch {
  readonly seed: string;
  /** `hang`: the seed did not end in time. */
  readonly property: SeedResult['violations'][number]['property'] | 'hang';
  readonly message: string;
}

export interface Hunted {
  readonly mutant: Mutant;
  readonly catches: readonly Catch[];
  /** Seeds that were run with the mutant, and what they cost: nothing else goes on in the process meanwhile. */
  readonly seeds: number;
  readonly cpuMs: number;
  /** The first catch broke a property that the mutant names. */
  readonly asExpected: boolean;
}

/** CPU time. A seed takes a second or two; one that takes this much makes no progress in virtual time. */
const SEED_MAX_MS = 120_000;

export async function hunt(mutant: Mutant, { profile, seedsMax, all }: Hunt, control: Simulator): Promise<Hunted> {
  const simulator = await startSimulator(mutant);
  const catches: Catch[] = [];
  let seeds = 0;
  let cpuMs = 0;
  try {
    while (seeds < seedsMax && (all || catches.length === 0)) {
      seeds += 1;
      const task = { seed: String(seeds), profile, commit: mutant.id, options: {} };
      const started = process.cpuUsage();
      const result = await simulator.run(task, SEED_MAX_MS);
      const used = process.cpuUsage(started);
      cpuMs += (used.user + used.system) / 1000;
      const caught = catchOf(task.seed, result);
      if (caught !== null && (await control.run(task, SEED_MAX_MS))?.verdict === 'ok') catches.push(caught);
    }
  } finally {
    await simulator.close();
  }
  const asExpected = mutant.property.some((property) => property === catches[0]?.property);
  return { mutant, catches, seeds, cpuMs, asExpected };
}

function catchOf(seed: string, result: SeedResult | null): Catch | null {
  if (result === null) return { seed, property: 'hang', message: `it did not end within ${SEED_MAX_MS / 1000} CPU s` };
  const violation = result.violations[0];
  return violation === undefined ? null : { seed, ...violation };
}

/** One bundle of the simulator, mutated or not, in a thread. What the thread dies of is an error of the harness, no catch. */
export type Simulator = SeedThread<SeedTask, SeedResult>;

export const startSimulator = async (mutant: Mutant | null): Promise<Simulator> =>
  new SeedThread(await bundleSimulator(mutant));
