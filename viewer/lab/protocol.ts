/** What the page and the worker of the laboratory say to each other. */

import type { Verdict } from '../../sim/runner.ts';
import type { Schedule } from '../../sim/schedule.ts';
import type { Branches, BranchPoint } from '../../sim/shrink/branch.ts';

export type ToLab =
  /** Run it and send its trace in pieces. */
  | { readonly type: 'trace'; readonly run: number; readonly schedule: Schedule }
  /** Run it without a trace: only how it ends, several times faster. */
  | { readonly type: 'verdict'; readonly run: number; readonly schedule: Schedule }
  /** Run it again and again with other dice from an event, or from events all over it: as `--branch` does. */
  | {
      readonly type: 'branch';
      readonly run: number;
      readonly schedule: Schedule;
      /** Id of the event; null: points over the whole run, then the moment at which failing became certain. */
      readonly event: number | null;
      /** Futures from each point. */
      readonly runs: number;
      /** Which dice are others. */
      readonly pattern: string;
    };

export type FromLab =
  | {
      readonly type: 'bytes';
      readonly run: number;
      readonly bytes: Uint8Array;
      readonly atUs: number;
      readonly events: number;
    }
  | { readonly type: 'moment'; readonly run: number; readonly atUs: number; readonly text: string }
  /** So many futures were run so far. */
  | { readonly type: 'futures'; readonly run: number; readonly count: number }
  | { readonly type: 'point'; readonly run: number; readonly point: BranchPoint }
  | Finished
  | { readonly type: 'failed'; readonly run: number; readonly message: string };

export type Finished =
  | { readonly type: 'done'; readonly run: number; readonly summary: Summary }
  /** Null: the run has no such event. */
  | { readonly type: 'branched'; readonly run: number; readonly branches: Branches | null };

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
