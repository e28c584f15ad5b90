/**
 * A bundle that runs seeds, in a thread of its own: a broken protocol may also run for ever. Limits are CPU time of the whole
 * process, in which nothing else goes on meanwhile, so that a busy machine makes no mutant look as if it hung.
 */

import { rmSync } from 'node:fs';
import { type ResourceLimits, Worker } from 'node:worker_threads';

const LOOK_EVERY_MS = 1000;

export class SeedThread<Task, Outcome> {
  readonly file: string;
  readonly #limits: ResourceLimits;
  #worker: Worker | null = null;

  constructor(file: string, limits: ResourceLimits = {}) {
    this.file = file;
    this.#limits = limits;
  }

  /** Null when the task uses more CPU time than `maxMs`. Rejects with what the thread dies of; the next task gets another. */
  run(task: Task, maxMs: number): Promise<Outcome | null> {
    this.#worker ??= new Worker(this.file, { resourceLimits: this.#limits });
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearInterval(timer);
        worker.off('message', onMessage);
        worker.off('error', onError);
      };
      const onMessage = (outcome: Outcome): void => {
        settle();
        resolve(outcome);
      };
      const onError = (error: unknown): void => {
        settle();
        this.#worker = null;
        reject(error);
      };
      const started = process.cpuUsage();
      const timer = setInterval(() => {
        const { user, system } = process.cpuUsage(started);
        if ((user + system) / 1000 < maxMs) return;
        settle();
        this.#worker = null;
        worker.terminate().then(() => resolve(null), reject);
      }, LOOK_EVERY_MS);
      worker.on('message', onMessage);
      worker.on('error', onError);
      worker.postMessage(task);
    });
  }

  /** Ends the thread. The bundle is removed unless it is to be looked at. */
  async close(options: { readonly keep: boolean } = { keep: false }): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = null;
    if (!options.keep) rmSync(this.file, { force: true });
  }
}
