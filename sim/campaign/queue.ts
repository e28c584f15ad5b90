/**
 * A campaign over many machines: parts of the seeds in a queue on Redis (BullMQ), workers that take them.
 *
 * A worker may die at any time. The queue lends a part for some seconds, and whoever works on it renews the loan; when the
 * renewals stop, the part goes to another. If the first was only slow, both deliver, and as rows depend on nothing but commit
 * and seed, they deliver the same, which is merged into one. So no part is lost and none counts twice, without any
 * transaction: the parts have names (`1-50`), and so have the rows.
 *
 * Seeds run on threads of their own, because a process that computes for seconds cannot renew a loan.
 *
 * BullMQ is an optional dependency and loaded here alone.
 */

import { createRequire } from 'node:module';
import type { Job, Queue, Worker } from 'bullmq';
import { taskOf } from './local.ts';
import { partsOf, type SeedRange, seedsOf } from './ranges.ts';
import { type CampaignKey, headOf, Results, readResults, rowOf } from './results.ts';
import type { Threads } from './threads.ts';

export interface QueueSettings {
  /** `redis://host:6379`. */
  readonly url: string;
  /** Several campaigns may use one Redis. */
  readonly name: string;
  /** How long a part is lent without being renewed; default 30 s. */
  readonly lockMs?: number;
}

interface Part {
  readonly key: CampaignKey;
  readonly range: SeedRange;
}

/** What the queue keeps of a finished part: its rows as a results file. */
type Delivered = string;

const LOCK_DEFAULT_MS = 30_000;
/** A part that so many workers died of has more to do with it than bad luck. */
const DEATHS_MAX = 20;
const ATTEMPTS_MAX = 5;

async function load(): Promise<typeof import('bullmq')> {
  try {
    // BullMQ brings no connection of its own, and says so only when it is first used.
    createRequire(import.meta.url).resolve('ioredis');
    return await import('bullmq');
  } catch (cause) {
    throw new Error('campaigns over many machines need the optional packages bullmq and ioredis: npm install', {
      cause,
    });
  }
}

/** Blocking commands of workers must be allowed to wait for ever. */
const connectionOf = ({ url }: QueueSettings) => ({ url, maxRetriesPerRequest: null });

async function open(settings: QueueSettings): Promise<Queue<Part, Delivered>> {
  const { Queue } = await load();
  return new Queue<Part, Delivered>(settings.name, { connection: connectionOf(settings) });
}

/** Puts the seeds into the queue, in parts. Parts that are there already, or done, stay as they are. Returns how many parts. */
export async function submit(
  settings: QueueSettings,
  key: CampaignKey,
  range: SeedRange,
  partSize: number,
): Promise<number> {
  const queue = await open(settings);
  try {
    const jobs = [...partsOf(range, partSize)].map((part) => ({
      name: 'part',
      data: { key, range: part },
      opts: {
        // The id makes submitting twice the same as submitting once; the queue forbids colons in it.
        jobId: `${part.from}-${part.to} ${headOf(key).replaceAll(':', '=')}`,
        attempts: ATTEMPTS_MAX,
        backoff: { type: 'fixed', delay: 1000 },
      },
    }));
    await queue.addBulk(jobs);
    return jobs.length;
  } finally {
    await queue.close();
  }
}

export interface QueueWorker {
  /** Takes no further part, waits for those under way. */
  close(): Promise<void>;
}

/** Takes parts and runs them, `jobs` at a time, one thread each. */
export async function work(
  settings: QueueSettings,
  threads: Threads,
  jobs: number,
  onPart: (range: SeedRange) => void = () => {},
): Promise<QueueWorker> {
  const bullmq = await load();
  const lockMs = settings.lockMs ?? LOCK_DEFAULT_MS;
  const worker: Worker<Part, Delivered> = new bullmq.Worker<Part, Delivered>(
    settings.name,
    async ({ data: { key, range } }: Job<Part, Delivered>) => {
      const results = new Results();
      for (const seed of seedsOf(range)) results.add(key, rowOf(await threads.run(taskOf(key, seed))));
      onPart(range);
      return results.toText();
    },
    {
      connection: connectionOf(settings),
      concurrency: jobs,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      maxStalledCount: DEATHS_MAX,
    },
  );
  // A Redis that is away for a moment is no reason to end: the loans come back by themselves.
  worker.on('error', () => {});
  return { close: () => worker.close() };
}

export interface Collected {
  readonly results: Results;
  /** `lent`: some worker has it, or has died with it. */
  readonly parts: { readonly done: number; readonly failed: number; readonly left: number; readonly lent: number };
  /** What parts died of. */
  readonly errors: readonly string[];
}

/** Everything that is done so far; asking twice gives the same and more. */
export class Collector {
  readonly #queue: Queue<Part, Delivered>;
  readonly #results = new Results();
  readonly #known = new Set<string>();

  private constructor(queue: Queue<Part, Delivered>) {
    this.#queue = queue;
  }

  static async of(settings: QueueSettings): Promise<Collector> {
    return new Collector(await open(settings));
  }

  async collect(): Promise<Collected> {
    // Asked first: what is finished meanwhile is then among the finished.
    const left = await this.left();
    const lent = (await this.#queue.getJobCounts('active')).active ?? 0;
    for (const job of await this.#queue.getJobs(['completed'])) {
      const { id, returnvalue } = job as Job<Part, Delivered>;
      if (id === undefined || this.#known.has(id)) continue;
      this.#known.add(id);
      this.#results.merge(readResults(returnvalue));
    }
    const failed = await this.#queue.getJobs(['failed']);
    return {
      results: this.#results,
      parts: { done: this.#known.size, failed: failed.length, left, lent },
      errors: failed.map((job) => String(job.failedReason)),
    };
  }

  /** Parts that are not done yet. */
  async left(): Promise<number> {
    const counts = await this.#queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized');
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }
}
