/** What the page and the worker of the laboratory say to each other. */

import type { Verdict } from '../../sim/runner.ts';
import type { Schedule } from '../../sim/schedule.ts';

export type ToLab =
  /** Run it and send its trace in pieces. */
  | { readonly type: 'trace'; readonly run: number; readonly schedule: Schedule }
  /** Run it without a trace: only how it ends, several times faster. */
  | { readonly type: 'verdict'; readonly run: number; readonly schedule: Schedule };

export type FromLab =
  | {
      readonly type: 'bytes';
      readonly run: number;
      readonly bytes: Uint8Array;
      readonly atUs: number;
      readonly events: number;
    }
  | { readonly type: 'moment'; readonly run: number; readonly atUs: number; readonly text: string }
  | { readonly type: 'done'; readonly run: number; readonly summary: Summary }
  | { readonly type: 'failed'; readonly run: number; readonly message: string };

export interface Summary {
  readonly verdict: Verdict;
  readonly hash: string;
  readonly events: number;
  readonly virtualUs: number;
  readonly elections: number;
  readonly slowestElectionUs: number;
  readonly properties: readonly string[];
  /** Wall-clock time that the run took. */
  readonly tookMs: number;
}
