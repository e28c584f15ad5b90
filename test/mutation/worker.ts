/** A thread that runs seeds of one simulator, whole, mutated or instrumented, and says how each ended. */

import { parentPort } from 'node:worker_threads';
import { run } from '../../sim/runner.ts';
import { generate } from '../../sim/swarm.ts';

export interface Ended {
  readonly hash: string;
  readonly events: number;
  /** Null when every promise was kept. */
  readonly broken: { readonly property: string; readonly message: string } | null;
  /** A byte for each mutation that an instrumented simulator has reached so far; null from any other. */
  readonly reached: Uint8Array | null;
}

function runSeed(seed: string): Ended {
  const { hash, events, violations } = run(generate({ seed, profile: 'default', commit: 'mutation', options: {} }));
  const [first] = violations;
  const { reached } = globalThis as { reached?: Uint8Array };
  return {
    hash,
    events,
    broken: first === undefined ? null : { property: first.property, message: first.message },
    reached: reached?.slice() ?? null,
  };
}

parentPort?.on('message', (seed: string) => parentPort?.postMessage(runSeed(seed)));
