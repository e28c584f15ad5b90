/**
 * Seeds on several threads of this machine. Whoever is free takes the next seed; what they return is put in the order of the
 * seeds, so that nothing above this can tell how many there were.
 *
 * A thread may die (of memory, of a mistake of the harness) and a seed may have no end (a step that loops never comes back).
 * Neither ends the campaign: the seed gets a row that says so, `died` or `timeout`, and another thread takes the place.
 */

import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { thrownHead } from '../thrown.ts';
import { SEED_LIMIT_MS } from './limits.ts';
import { runSeed, type SeedResult, type SeedTask, unfinished } from './seed.ts';

export interface Threads {
  /** Runs a seed on a thread; waits for a free one. Rejects only when threads die one after the other, whatever they run. */
  run(task: SeedTask): Promise<SeedResult>;
  close(): Promise<void>;
}

export interface ThreadSettings {
  /** What the threads run, which must call `serveAsWorker`; default: the bundle this is part of. */
  readonly module?: URL | string;
  /** Wall time that a seed may take before it is given up; default `SEED_LIMIT_MS`. */
  readonly limitMs?: number;
}

/** So many deaths with no result between them are not the doing of the seeds. */
const DEATHS_IN_A_ROW_MAX = 16;

interface Asked {
  readonly task: SeedTask;
  readonly startedMs: number;
  readonly settle: (result: SeedResult) => void;
  readonly fail: (error: Error) => void;
}

/** A thread and what it is doing. */
interface Seat {
  readonly worker: Worker;
  asked: Asked | null;
  watchdog: NodeJS.Timeout | null;
  isLate: boolean;
  /** What it died of. */
  cause: string | null;
}

export function startThreads(jobs: number, settings: ThreadSettings = {}): Threads {
  return new Pool(jobs, settings);
}

class Pool implements Threads {
  readonly #module: URL | string;
  readonly #limitMs: number;
  readonly #seats = new Set<Seat>();
  readonly #waiting: Asked[] = [];
  #isClosed = false;
  #deathsInARow = 0;

  constructor(jobs: number, { module = new URL(import.meta.url), limitMs = SEED_LIMIT_MS }: ThreadSettings) {
    this.#module = module;
    this.#limitMs = limitMs;
    for (let i = 0; i < jobs; i++) this.#open();
  }

  run(task: SeedTask): Promise<SeedResult> {
    return new Promise((settle, fail) => {
      this.#waiting.push({ task, startedMs: performance.now(), settle, fail });
      this.#deal();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#seats].map(({ worker }) => worker.terminate()));
  }

  #open(): void {
    const seat: Seat = { worker: new Worker(this.#module), asked: null, watchdog: null, isLate: false, cause: null };
    this.#seats.add(seat);
    seat.worker.on('message', (result: SeedResult) => this.#onResult(seat, result));
    seat.worker.on('error', (error) => {
      seat.cause ??= causeOf(error);
    });
    seat.worker.on('exit', (code) => this.#onExit(seat, code));
  }

  #deal(): void {
    for (const seat of this.#seats) {
      if (seat.asked !== null || seat.cause !== null) continue;
      const asked = this.#waiting.shift();
      if (asked === undefined) return;
      seat.asked = { ...asked, startedMs: performance.now() };
      seat.watchdog = setTimeout(() => {
        seat.isLate = true;
        void seat.worker.terminate();
      }, this.#limitMs);
      seat.worker.postMessage(asked.task);
    }
  }

  /** What the thread was asked is settled, one way or the other. */
  #release(seat: Seat): Asked | null {
    const { asked, watchdog } = seat;
    if (watchdog !== null) clearTimeout(watchdog);
    seat.asked = null;
    seat.watchdog = null;
    return asked;
  }

  #onResult(seat: Seat, result: SeedResult): void {
    this.#deathsInARow = 0;
    this.#release(seat)?.settle(result);
    this.#deal();
  }

  #onExit(seat: Seat, code: number): void {
    this.#seats.delete(seat);
    const asked = this.#release(seat);
    if (this.#isClosed) return;
    if (!seat.isLate) this.#deathsInARow += 1;
    const cause = seat.cause ?? `exit ${code}`;
    if (this.#deathsInARow > DEATHS_IN_A_ROW_MAX) {
      const error = new Error(`${this.#deathsInARow} threads died and none gave a result: ${cause}`);
      for (const each of [...(asked === null ? [] : [asked]), ...this.#waiting.splice(0)]) each.fail(error);
      return;
    }
    this.#open();
    if (asked !== null) {
      const wallMs = performance.now() - asked.startedMs;
      asked.settle(unfinished(asked.task, seat.isLate ? { verdict: 'timeout' } : { verdict: 'died', cause }, wallMs));
    }
    this.#deal();
  }
}

function causeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out of memory' : thrownHead(error);
}

/** Runs the tasks as they come, `jobs` at a time; `onResult` hears of them in their order. */
export async function campaign(
  tasks: Iterable<SeedTask>,
  jobs: number,
  onResult: (result: SeedResult) => void,
  settings: ThreadSettings = {},
): Promise<void> {
  // One job is a thread too: nothing else could end a seed that does not.
  const threads = startThreads(jobs, settings);
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
