/**
 * Seeds on several threads of this machine. Whoever is free takes the next seed; what they return is put in the order of the
 * seeds, so that nothing above this can tell how many there were.
 */

import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { runSeed, type SeedResult, type SeedTask } from './seed.ts';

export interface Threads {
  /** Runs a seed on a thread; waits for a free one. Rejects when the thread dies. */
  run(task: SeedTask): Promise<SeedResult>;
  close(): Promise<void>;
}

/** `module`: what the threads run, which must call `serveAsWorker`; default: the bundle this is part of. */
export function startThreads(jobs: number, module: URL | string = new URL(import.meta.url)): Threads {
  const free: Worker[] = [];
  const waiting: ((worker: Worker) => void)[] = [];
  const all = new Set<Worker>();
  const release = (worker: Worker): void => {
    const next = waiting.shift();
    if (next === undefined) free.push(worker);
    else next(worker);
  };
  const add = (): void => {
    const worker = new Worker(module);
    all.add(worker);
    release(worker);
  };
  for (let i = 0; i < jobs; i++) add();
  const take = (): Promise<Worker> => {
    const worker = free.pop();
    return worker === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(worker);
  };
  const ask = (worker: Worker, task: SeedTask): Promise<SeedResult> =>
    new Promise((resolve, reject) => {
      const settle = (): void => {
        worker.off('message', onMessage);
        worker.off('error', onError);
      };
      const onMessage = (result: SeedResult): void => {
        settle();
        release(worker);
        resolve(result);
      };
      const onError = (error: unknown): void => {
        settle();
        all.delete(worker);
        add();
        reject(error);
      };
      worker.on('message', onMessage);
      worker.on('error', onError);
      worker.postMessage(task);
    });
  return {
    run: async (task) => ask(await take(), task),
    close: async () => {
      await Promise.all([...all].map((worker) => worker.terminate()));
    },
  };
}

/** Runs the tasks as they come, `jobs` at a time; `onResult` hears of them in their order. */
export async function campaign(
  tasks: Iterable<SeedTask>,
  jobs: number,
  onResult: (result: SeedResult) => void,
): Promise<void> {
  if (jobs === 1) {
    for (const task of tasks) onResult(runSeed(task));
    return;
  }
  const threads = startThreads(jobs);
  const source = tasks[Symbol.iterator]();
  const waiting = new Map<number, SeedResult>();
  let nextTask = 0;
  let nextResult = 0;
  const work = async (): Promise<void> => {
    for (let taken = source.next(); taken.done !== true; taken = source.next()) {
      const index = nextTask++;
      waiting.set(index, await threads.run(taken.value));
      for (let result = waiting.get(nextResult); result !== undefined; result = waiting.get(nextResult)) {
        waiting.delete(nextResult);
        nextResult += 1;
        onResult(result);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, work));
  } finally {
    await threads.close();
  }
}

/** The worker's side; the bundle is the same file. */
export function serveAsWorker(): boolean {
  if (isMainThread || parentPort === null) return false;
  const port = parentPort;
  port.on('message', (task: SeedTask) => port.postMessage(runSeed(task)));
  return true;
}
