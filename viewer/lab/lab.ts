/** Runs, from the page's side: one worker, one run at a time, whose trace is opened while it is written. */

import type { Schedule } from '../../sim/schedule.ts';
import type { App, Loaded } from '../app/app.ts';
import type { FromLab, Summary, ToLab } from './protocol.ts';
import LabWorker from './worker.ts?worker&inline';

export interface LabProgress {
  readonly name: string;
  readonly atUs: number;
  readonly events: number;
  readonly moments: readonly string[];
}

export class Lab {
  readonly #app: App;
  #worker: Worker | null = null;
  #run = 0;
  #stop: (() => void) | null = null;
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

  /** Runs with a trace. What was looked at is kept to be compared with, if `compare`. */
  async trace(
    schedule: Schedule,
    name: string,
    options: { readonly compare?: boolean; readonly keepView?: boolean } = {},
  ): Promise<Summary | null> {
    this.stop();
    if (options.compare === true && this.#app.trace !== null) this.#app.keepAsOther();
    const opened = this.#app.open({ kind: 'stream', name }, { keepView: options.keepView === true });
    return this.#start({ type: 'trace', run: ++this.#run, schedule }, name, await opened);
  }

  /** Runs without a trace, for its verdict. */
  verdict(schedule: Schedule, name: string): Promise<Summary | null> {
    this.stop();
    return this.#start({ type: 'verdict', run: ++this.#run, schedule }, name, null);
  }

  #start(order: ToLab, name: string, loaded: Loaded | null): Promise<Summary | null> {
    const worker = this.#worker ?? new LabWorker({ name: 'laboratory' });
    this.#worker = worker;
    this.progress = { name, atUs: 0, events: 0, moments: [] };
    this.problem = null;
    this.#changed();
    return new Promise((resolve) => {
      /** Pieces are handed on in order, and the end after the last. */
      let feeding: Promise<void> = Promise.resolve();
      const finish = (summary: Summary | null): void => {
        this.progress = null;
        this.#stop = null;
        if (summary !== null) this.last = summary;
        if (loaded !== null) feeding = feeding.then(() => this.#app.viewer.end(loaded.id));
        void feeding.then(() => {
          this.#changed();
          resolve(summary);
        });
      };
      worker.onmessage = ({ data }: MessageEvent<FromLab>) => {
        if (data.run !== order.run) return;
        switch (data.type) {
          case 'bytes':
            if (loaded !== null) feeding = feeding.then(() => this.#app.viewer.feed(loaded.id, data.bytes));
            if (this.progress !== null) this.progress = { ...this.progress, atUs: data.atUs, events: data.events };
            this.#changed();
            return;
          case 'moment':
            if (this.progress !== null)
              this.progress = { ...this.progress, moments: [...this.progress.moments, data.text] };
            this.#changed();
            return;
          case 'done':
            finish(data.summary);
            return;
          case 'failed':
            this.problem = data.message;
            finish(null);
            return;
          default:
            data satisfies never;
        }
      };
      worker.onerror = (event) => {
        this.problem = event.message;
        this.#worker = null;
        finish(null);
      };
      this.#stop = () => {
        worker.terminate();
        this.#worker = null;
        finish(null);
      };
      worker.postMessage(order);
    });
  }

  /** A run has no ear while it runs; stopping it ends its worker. */
  stop(): void {
    this.#stop?.();
  }
}
