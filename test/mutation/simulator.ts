/** Bundles of the simulator in threads: as it is, with one mutation, or instrumented. */

import { join } from 'node:path';
import { bundleRewritten, type Rewrite } from '../../sim/campaign/rewrite.ts';
import { projectRoot } from '../mutants/catalog.ts';
import { SeedThread } from '../mutants/thread.ts';
import type { Ended } from './worker.ts';

/** CPU time. A seed takes a second or so; one that takes this much makes no progress in virtual time. */
const SEED_MAX_MS = 60_000;
/** A run needs some 200 MB; a mutant that fills more has lost a bound. */
const HEAP_MAX_MB = 1500;

/** What a seed came to: it ended, it did not, or the thread died of it. */
export type Fate = Ended | { readonly lost: string };

export type Simulator = SeedThread<string, Ended>;

/** `banner` runs before anything else. */
export async function startSimulator(name: string, rewrite: Rewrite, banner = ''): Promise<Simulator> {
  const root = projectRoot();
  const outfile = join(root, '.build', `mutation-${name}-${process.pid}.mjs`);
  await bundleRewritten({ root, entry: 'test/mutation/worker.ts', outfile, rewrite, banner });
  return new SeedThread(outfile, { maxOldGenerationSizeMb: HEAP_MAX_MB });
}

export async function fateOf(simulator: Simulator, seed: string): Promise<Fate> {
  try {
    return (await simulator.run(seed, SEED_MAX_MS)) ?? { lost: `does not end within ${SEED_MAX_MS / 1000} CPU s` };
  } catch (error) {
    return { lost: error instanceof Error ? error.message : String(error) };
  }
}
