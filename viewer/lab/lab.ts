/** Runs, from the page's side: one worker, one run at a time, whose trace is opened while it is written. */

import type { Schedule } from '../../sim/schedule.ts';
import type { Branches, BranchPoint } from '../../sim/shrink/branch.ts';
import type { App, Loaded } from '../app/app.ts';
import type { TraceId } from '../model/api.ts';
import { startLabWorker } from '../start-lab.ts';
import type { Finished, FromLab, Summary, ToLab } from './protocol.ts';

export interface LabProgress {
  readonly name: string;
  readonly atUs: number;
  readonly events: number;
  readonly moments: readonly string[];
  /** Of futures: how many were run; null for an ordinary run. */
  readonly futures: number | null;
}

export interface RunOptions {
  /** What was looked at is kept to be compared with. */
  readonly compare?: boolean;
  readonly keepView?: boolean;
  /** A bug of the zoo that the core has meanwhile; null: none. */
  readonly bug?: string | null;
}

/** How an event is branched from; see `ToLab`. */
export interface BranchOrder {
  readonly event: number | null;
  readonly runs: number;
  readonly pattern: string;
  readonly bug: string | null;
  readonly onPoint: (point: BranchPoint) => void;
}

type Order<T extends ToLab['type']> = Omit<Extract<ToLab, { readonly type: T }>, 'run'>;

export class Lab {
  readonly #app: App;
  #worker: Worker | null = null;
  /** The bug in the worker. */
  #bug: string | null = null;
  #run = 0;
  #stop: (() => void) | null = null;
  readonly #bugs = new Map<TraceId, string>();
  /** What is being run; null when nothing is. */
  progress: LabProgress | null = null;
  last: Summary | null = null;
  problem: string | null = null;
  readonly #listeners: (() => void)[] = [];

  constructor(app: App) {
    this.#app = app;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  get isRunning(): boolean {
    return this.progress !== null;
  }

  /** The bug that the core had when this trace was made; null: none that this page knows of. */
  bugOf(loaded: Loaded | null): string | null {
    return loaded === null ? null : (this.#bugs.get(loaded.id) ?? null);
  }

  /** Runs with a trace. */
  async trace(schedule: Schedule, name: string, options: RunOptions = {}): Promise<Summary | null> {
    const { compare = false, keepView = false, bug = null } = options;
    this.stop();
    if (compare && this.#app.trace !== null) this.#app.keepAsOther();
    const opened = this.#app.open({ kind: 'stream', name }, { keepView });
    const order = { type: 'trace', schedule } as const;
    const loaded = await opened;
    if (bug !== null) this.#bugs.set(loaded.id, bug);
    /** Pieces are handed on in order, and the end after the last. */
    let feeding: Promise<void> = Promise.resolve();
    const finished = await this.#ask(order, name, bug, (message) => {
      if (message.type === 'bytes') feeding = feeding.then(() => this.#app.viewer.feed(loaded.id, message.bytes));
    });
    await feeding.then(() => this.#app.viewer.end(loaded.id));
    return this.#summary(finished);
  }

  /** Runs without a trace, for its verdict. */
  async verdict(schedule: Schedule, name: string, bug: string | null = null): Promise<Summary | null> {
    this.stop();
    return this.#summary(await this.#ask({ type: 'verdict', schedule }, name, bug, () => {}));
  }

  /** Runs it with other dice from an event, or from many. Null when it was stopped, or there is no such event. */
  async branch(schedule: Schedule, name: string, how: BranchOrder): Promise<Branches | null> {
    this.stop();
    const { event, runs, pattern, bug, onPoint } = how;
    const order = { type: 'branch', schedule, event, runs, pattern } as const;
    const finished = await this.#ask(order, name, bug, (message) => {
      if (message.type === 'point') onPoint(message.point);
    });
    return finished?.type === 'branched' ? finished.branches : null;
  }

  #summary(finished: Finished | null): Summary | null {
    if (finished?.type !== 'done') return null;
    this.last = finished.summary;
    this.#changed();
    return finished.summary;
  }

  /** Null when it was stopped, or threw; then `problem` says what. */
  async #ask(
    order: Order<'trace'> | Order<'verdict'> | Order<'branch'>,
    name: string,
    bug: string | null,
    hear: (message: FromLab) => void,
  ): Promise<Finished | null> {
    const run = ++this.#run;
    this.progress = { name, atUs: 0, events: 0, moments: [], futures: order.type === 'branch' ? 0 : null };
    this.problem = null;
    this.#changed();
    let isStopped = false;
    const finished = await new Promise<Finished | null>((resolve) => {
      this.#stop = () => {
        isStopped = true;
        this.#worker?.terminate();
        this.#worker = null;
        resolve(null);
      };
      void this.#workerWith(bug, () => isStopped).then(
        (worker) => {
          if (worker === null) return;
          worker.onmessage = ({ data }: MessageEvent<FromLab>) => {
            if (data.run !== run) return;
            if (data.type === 'done' || data.type === 'branched') {
              resolve(data);
              return;
            }
            if (data.type === 'failed') {
              this.problem = data.message;
              resolve(null);
              return;
            }
            hear(data);
            this.#progressed(data);
          };
          worker.onerror = (event) => {
            this.problem = event.message;
            this.#worker = null;
            resolve(null);
          };
          worker.postMessage({ ...order, run } satisfies ToLab);
        },
        (error: unknown) => {
          this.problem = error instanceof Error ? error.message : String(error);
          resolve(null);
        },
      );
    });
    if (run === this.#run) {
      this.progress = null;
      this.#stop = null;
      this.#changed();
    }
    return finished;
  }

  /** Null when the run was stopped before its worker was there. */
  async #workerWith(bug: string | null, isStopped: () => boolean): Promise<Worker | null> {
    if (this.#worker !== null && this.#bug === bug) return this.#worker;
    this.#worker?.terminate();
    this.#worker = null;
    const worker = await startLabWorker(bug);
    if (isStopped()) {
      worker.terminate();
      return null;
    }
    this.#worker = worker;
    this.#bug = bug;
    return worker;
  }

  #progressed(message: Exclude<FromLab, Finished>): void {
    const { progress } = this;
    if (progress === null) return;
    switch (message.type) {
      case 'bytes':
        this.progress = { ...progress, atUs: message.atUs, events: message.events };
        break;
      case 'moment':
        this.progress = { ...progress, moments: [...progress.moments, message.text] };
        break;
      case 'futures':
        this.progress = { ...progress, futures: message.count };
        break;
      case 'point':
      case 'failed':
        break;
      default:
        message satisfies never;
    }
    this.#changed();
  }

  /** A run has no ear while it runs; stopping it ends its worker. */
  stop(): void {
    this.#stop?.();
    this.#stop = null;
  }
}
