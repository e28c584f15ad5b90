/**
 * Many seeds on several threads. A seed's result depends only on the commit, the seed and the profile: workers take seeds
 * one by one, and what they return is put in the order of the seeds.
 */

import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { PropertyId } from '../checkers/properties.ts';
import { run, type Verdict } from '../runner.ts';
import type { RunOptions } from '../schedule.ts';
import { generate, type Profile } from '../swarm.ts';

export interface SeedTask {
  readonly seed: string;
  readonly profile: Profile;
  readonly commit: string;
  readonly options: Partial<RunOptions>;
}

export interface SeedResult {
  readonly seed: string;
  readonly verdict: Verdict;
  readonly hash: string;
  readonly events: number;
  readonly virtualUs: number;
  readonly cpuMs: number;
  readonly elections: number;
  readonly operations: number;
  readonly violations: readonly { readonly property: PropertyId; readonly message: string }[];
  readonly marks: Readonly<Record<string, number>>;
}

export function runSeed(task: SeedTask): SeedResult {
  // Each worker is one thread, so the wall clock is what a seed costs; process.cpuUsage would count them all.
  const started = performance.now();
  const result = run(generate(task));
  return {
    seed: task.seed,
    verdict: result.verdict,
    hash: result.hash,
    events: result.events,
    virtualUs: result.stats.virtualUs,
    cpuMs: performance.now() - started,
    elections: result.stats.elections,
    operations: result.stats.workload.ok,
    violations: result.violations.map(({ property, message }) => ({ property, message })),
    marks: result.marks,
  };
}

/** Runs every task; `onResult` hears of them in the order of the tasks. */
export async function campaign(
  tasks: readonly SeedTask[],
  jobs: number,
  onResult: (result: SeedResult) => void,
): Promise<void> {
  if (jobs === 1) {
    for (const task of tasks) onResult(runSeed(task));
    return;
  }
  const waiting = new Map<number, SeedResult>();
  let nextTask = 0;
  let nextResult = 0;
  const drain = (): void => {
    for (let result = waiting.get(nextResult); result !== undefined; result = waiting.get(nextResult)) {
      waiting.delete(nextResult);
      nextResult += 1;
      onResult(result);
    }
  };
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url));
      let index = -1;
      const feed = (): void => {
        index = nextTask++;
        if (index < tasks.length) worker.postMessage(tasks[index]);
        else worker.terminate().then(() => resolve(), reject);
      };
      worker.on('message', (result: SeedResult) => {
        waiting.set(index, result);
        drain();
        feed();
      });
      worker.on('error', reject);
      feed();
    });
  await Promise.all(Array.from({ length: Math.min(jobs, tasks.length) }, work));
}

/** The worker's side; the bundle is the same file. */
export function serveAsWorker(): boolean {
  if (isMainThread || parentPort === null) return false;
  const port = parentPort;
  port.on('message', (task: SeedTask) => port.postMessage(runSeed(task)));
  return true;
}
