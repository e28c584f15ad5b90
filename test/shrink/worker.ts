/** The far side of the table of the shrinker: a thread with one mutated simulator in it. */

import { parentPort } from 'node:worker_threads';
import { run } from '../../sim/runner.ts';
import { formatSchedule, parseSchedule } from '../../sim/schedule.ts';
import { shrink } from '../../sim/shrink/shrink.ts';
import { isSameFailure, type Signature, signatureOf } from '../../sim/shrink/signature.ts';
import { manyDrawn, manyFaults } from '../support/arbitraries/many-faults.ts';

export interface Task {
  readonly seed: string;
  readonly faults: number;
  readonly spanMs: number;
  /** Faults as the default profile draws them, and not as `manyFaults` does. */
  readonly isDrawn: boolean;
  /** Runs that may be spent on a smaller schedule that fails alike; 0: none. */
  readonly rerunsMax: number;
}

export interface Outcome {
  /** What was broken first; null when all was well. */
  readonly signature: Signature | null;
  /** Operations that had a part in the run before that. */
  readonly applied: number;
  readonly failedMs: number;
  readonly shrunk: ShrunkOutcome | null;
}

export interface ShrunkOutcome {
  readonly faults: number;
  readonly reruns: number;
  readonly cpuMs: number;
  /** The schedule, written and read again, fails in the same way, and came to the same end as in the shrinker. */
  readonly isSame: boolean;
  /** What is left, in a few words each. */
  readonly ops: readonly string[];
}

function serve({ seed, faults, spanMs, isDrawn, rerunsMax }: Task): Outcome {
  const schedule = (isDrawn ? manyDrawn : manyFaults)(seed, faults, spanMs);
  const found = run(schedule);
  const signature = signatureOf(found);
  const applied = found.ops.filter(({ fate }) => fate === 'applied').length;
  const failedMs = (found.violations[0]?.atUs ?? 0) / 1000;
  if (signature === null || rerunsMax === 0) return { signature, applied, failedMs, shrunk: null };
  const before = process.cpuUsage();
  const shrunk = shrink(schedule, found, { run: (other) => run(other), rerunsMax });
  const { user, system } = process.cpuUsage(before);
  const written = parseSchedule(formatSchedule(shrunk.schedule));
  if (!written.ok) throw new Error(written.problems.join('\n'));
  const again = run(written.value);
  return {
    signature,
    applied,
    failedMs,
    shrunk: {
      faults: shrunk.faultsAfter,
      reruns: shrunk.reruns,
      cpuMs: (user + system) / 1000,
      isSame: isSameFailure(again, signature) && again.hash === shrunk.result.hash,
      ops: shrunk.schedule.ops.map((op) => op.do),
    },
  };
}

parentPort?.on('message', (task: Task) => parentPort?.postMessage(serve(task)));
