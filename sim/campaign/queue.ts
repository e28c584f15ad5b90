/**
 * A campaign over many machines: parts of the seeds in a queue on Redis (BullMQ), workers that take them.
 *
 * A worker may die at any time. The queue lends a part for some seconds, and whoever works on it renews the loan; when the
 * renewals stop, the part goes to another. If the first was only slow, both deliver, and as rows depend on nothing but commit
 * and seed, they deliver the same, which is merged into one. So no part is lost and none counts twice, without any
 * transaction: the parts have names (`1-50`), and so have the rows.
 *
 * Whoever submits flies the canaries first, once for all machines, and leaves beside the queue what became of them and which
 * seeds were asked for. Whoever collects waits for that, and asks for a row of each of these seeds: an empty queue is no result.
 *
 * Seeds run on threads of their own, because a process that computes for seconds cannot renew a loan.
 *
 * BullMQ is an optional dependency and loaded here alone.
 */

import { createRequire } from 'node:module';
import type { Job, Queue, Worker } from 'bullmq';
import { taskOf } from './local.ts';
import { partsOf, type SeedRange, seedsOf } from './ranges.ts';
import { type CampaignKey, type Flown, headOf, Results, readResults, rowOf } from './results.ts';
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

async function open<P extends Part = Part>(settings: QueueSettings): Promise<Queue<P, Delivered>> {
  const { Queue } = await load();
  return new Queue<P, Delivered>(settings.name, { connection: connectionOf(settings) });
}

/** The queue forbids colons in names. */
const jobIdOf = ({ from, to }: SeedRange, key: CampaignKey): string =>
  `${from}-${to} ${headOf(key).replaceAll(':', '=')}`;

export interface Submission {
  readonly key: CampaignKey;
  readonly range: SeedRange;
  readonly partSize: number;
  readonly flown: readonly Flown[];
}

/** What is left beside the queue: a job that nobody takes, in a queue of its own. */
type Note = Part & { readonly flown: readonly Flown[] };

const notesOf = (settings: QueueSettings): QueueSettings => ({ ...settings, name: `${settings.name}-submitted` });

/** Puts the seeds into the queue, in parts. Parts that are there already, or done, stay as they are. Returns how many parts. */
export async function submit(settings: QueueSettings, { key, range, partSize, flown }: Submission): Promise<number> {
  const queue = await open(settings);
  const notes = await open<Note>(notesOf(settings));
  try {
    const jobs = [...partsOf(range, partSize)].map((part) => ({
      name: 'part',
      data: { key, range: part },
      opts: {
        // The id makes submitting twice the same as submitting once.
        jobId: jobIdOf(part, key),
        attempts: ATTEMPTS_MAX,
        backoff: { type: 'fixed', delay: 1000 },
      },
    }));
    await queue.addBulk(jobs);
    // Last: who finds the note finds the parts, waiting or done.
    const jobId = `${jobIdOf(range, key)} ${flown.length}`;
    await notes.add('submitted' as never, { key, range, flown } as never, { jobId });
    return jobs.length;
  } finally {
    await queue.close();
    await notes.close();
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
  /** Rows, and the canaries that whoever submitted has flown. */
  readonly results: Results;
  /** Empty when nobody has submitted anything yet. */
  readonly submitted: readonly { readonly key: CampaignKey; readonly range: SeedRange }[];
  /** Seeds that were submitted and have no row. */
  readonly missing: number;
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

  readonly #notes: Queue<Note, Delivered>;

  private constructor(queue: Queue<Part, Delivered>, notes: Queue<Note, Delivered>) {
    this.#queue = queue;
    this.#notes = notes;
  }

  static async of(settings: QueueSettings): Promise<Collector> {
    return new Collector(await open(settings), await open<Note>(notesOf(settings)));
  }

  async collect(): Promise<Collected> {
    // Asked in this order: the parts of what was submitted are in the queue, and what is finished meanwhile is among the finished.
    const submitted = await this.#submitted();
    const left = await this.left();
    const lent = (await this.#queue.getJobCounts('active')).active ?? 0;
    for (const job of await this.#queue.getJobs(['completed'])) {
      const { id, returnvalue } = job as Job<Part, Delivered>;
      if (id === undefined || this.#known.has(id)) continue;
      this.#known.add(id);
      this.#results.merge(readResults(returnvalue));
    }
    for (const { key, flown } of submitted) for (const each of flown) this.#results.addFlown(key.commit, each);
    const failed = await this.#queue.getJobs(['failed']);
    return {
      results: this.#results,
      submitted,
      missing: this.#missing(submitted),
      parts: { done: this.#known.size, failed: failed.length, left, lent },
      errors: failed.map((job) => String(job.failedReason)),
    };
  }

  async #submitted(): Promise<Note[]> {
    return (await this.#notes.getJobs(['waiting'])).map(({ data }) => data);
  }

  #missing(submitted: readonly Note[]): number {
    const missing = new Set<string>();
    for (const { key, range } of submitted)
      for (const seed of seedsOf(range))
        if (!this.#results.has(key, String(seed))) missing.add(`${seed} ${headOf(key)}`);
    return missing.size;
  }

  /** Parts that are not done yet. */
  async left(): Promise<number> {
    const counts = await this.#queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized');
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }

  async close(): Promise<void> {
    await this.#queue.close();
    await this.#notes.close();
  }
}
