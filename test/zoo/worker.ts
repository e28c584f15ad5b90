/** The far side of a hunt: a thread with one mutated simulator in it, which runs what it is told to. */

import { parentPort } from 'node:worker_threads';
import type { PropertyId } from '../../sim/checkers/properties.ts';
import { type Result, type RunSettings, run } from '../../sim/runner.ts';
import type { RunOptions, Schedule } from '../../sim/schedule.ts';
import { shrink } from '../../sim/shrink/shrink.ts';
import { generate, type Profile } from '../../sim/swarm.ts';

export interface Task {
  readonly seed: string;
  readonly profile: Profile;
  readonly options: Partial<RunOptions>;
  readonly settings: Pick<RunSettings, 'judge'>;
  /** Runs that may be spent on a smaller schedule that fails alike; 0: none. */
  readonly shrinkRuns: number;
}

export interface Outcome {
  readonly events: number;
  readonly faults: number;
  /** Of these, left after shrinking; null when it was not asked for. */
  readonly faultsLeft: number | null;
  /** What was broken first; null when all was well. */
  readonly property: PropertyId | null;
  /** One line: a stack would tell of the machine, not of the bug. */
  readonly message: string;
}

function serve(task: Task): Outcome {
  const schedule = generate({ seed: task.seed, profile: task.profile, commit: 'zoo', options: task.options });
  const result = run(schedule, task.settings);
  const first = result.violations[0];
  const isShrunk = task.shrinkRuns > 0 && first !== undefined;
  const again = (smaller: Schedule): Result => run(smaller, task.settings);
  return {
    events: result.events,
    faults: schedule.ops.length,
    faultsLeft: isShrunk ? shrink(schedule, result, { run: again, rerunsMax: task.shrinkRuns }).faultsAfter : null,
    property: first?.property ?? null,
    message: first?.message.split('\n')[0] ?? '',
  };
}

parentPort?.on('message', (task: Task) => parentPort?.postMessage(serve(task)));
