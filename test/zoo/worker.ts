/** The far side of a hunt: a thread with one mutated simulator in it, which runs what it is told to. */

import { parentPort } from 'node:worker_threads';
import type { PropertyId } from '../../sim/checkers/properties.ts';
import { type RunSettings, run } from '../../sim/runner.ts';
import type { RunOptions } from '../../sim/schedule.ts';
import { generate, type Profile } from '../../sim/swarm.ts';

export interface Task {
  readonly seed: string;
  readonly profile: Profile;
  readonly options: Partial<RunOptions>;
  readonly settings: Pick<RunSettings, never>;
}

export interface Outcome {
  readonly events: number;
  readonly faults: number;
  /** What was broken first; null when all was well. */
  readonly property: PropertyId | null;
  readonly message: string;
}

function serve(task: Task): Outcome {
  const schedule = generate({ seed: task.seed, profile: task.profile, commit: 'zoo', options: task.options });
  const { events, violations } = run(schedule, task.settings);
  const first = violations[0];
  return { events, faults: schedule.ops.length, property: first?.property ?? null, message: first?.message ?? '' };
}

parentPort?.on('message', (task: Task) => parentPort?.postMessage(serve(task)));
