/**
 * What the pages may ask of a trace: the whole interface between the model, which lives in a web worker, and everything
 * that draws. Every value here is plain and survives structured cloning; functions answer with promises, so the same
 * interface works in the worker, in the page and in a test (`open.ts` in place, `client.ts` over a message port).
 *
 * **Names of things.** An event is named by its `index`, which counts executed events from 1 without a gap in the order of
 * the run; 0 means "none" or "before the run". A host below `CLIENT_BASE` (1000) is a server (its `myid`), `1000 + n` is
 * client n, 0 is the world. Times are microseconds of virtual time (`…Us`, in doubles). A zxid is a number,
 * `epoch * 2^32 + counter`; NaN in a column means that there is none.
 *
 * **Mass and detail.** What is drawn all the time is in `Picture`, as columns (one typed array a field) sorted by time, so
 * that the page can search and draw without asking. It is sent again as more of the file is read. What one looks at
 * singly (an event, a state, an election) is asked for and made from the lines of the file, which stay compressed.
 */

import type {
  ChainLink,
  Comparison,
  Cone,
  EventDetail,
  EventPage,
  LogicalAxis,
  LogView,
  SearchOptions,
  SearchResult,
  StateDiff,
  StatePath,
  StatePoint,
  StateView,
  StoryItem,
  TreeView,
  ViolationDetail,
} from './api-answers.ts';
import type { Election, ElectionDetail } from './api-elections.ts';
import type { Picture } from './api-picture.ts';

// --- opening ---------------------------------------------------------------------------------------------------------

/** A `Blob` or `File`, or anything like it. */
export interface BlobLike {
  readonly size: number;
  slice(from: number, to: number): BlobLike;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Where a trace comes from. Whether it is compressed is seen from its first bytes. */
export type TraceSource =
  /** A trace, a flight recording, or the log file of a Java server. Read in slices. */
  | { readonly kind: 'blob'; readonly name: string; readonly blob: BlobLike }
  | { readonly kind: 'bytes'; readonly name: string; readonly bytes: Uint8Array }
  /** Log files of several Java servers: one ensemble. */
  | { readonly kind: 'logs'; readonly files: readonly { readonly name: string; readonly blob: BlobLike }[] }
  /**
   * Lines that are being written: `Viewer.feed` brings them in pieces, `Viewer.end` ends it. What the laboratory uses
   * when the world runs in another worker.
   */
  | { readonly kind: 'stream'; readonly name: string };

/** Names an open trace within a `Viewer`. */
export type TraceId = number;

export type LoadPhase =
  | 'reading'
  /** All is read and analysed. */
  | 'complete'
  /** The file ends too early or holds something unreadable; what came before is there. `Problem` says what. */
  | 'damaged'
  /** Nothing could be read. */
  | 'failed';

export interface Problem {
  readonly kind:
    | 'foreign'
    | 'old-version'
    | 'new-version'
    | 'truncated'
    | 'bad-line'
    | 'bad-gzip'
    | 'empty'
    | 'inconsistent';
  /** For a person: what is wrong with the file and what was read of it. */
  readonly sentence: string;
  /** 1-based, where it applies. */
  readonly line: number | null;
  /** The schedule could be read from the header, so the run can be made again from it. */
  readonly hasSchedule: boolean;
}

export interface LoadProgress {
  readonly trace: TraceId;
  readonly phase: LoadPhase;
  /** Bytes of the source read so far and in all (0: unknown). */
  readonly bytesRead: number;
  readonly bytesTotal: number;
  readonly events: number;
  /** A newer `Picture` is to be had than the one of this revision or less. Grows. */
  readonly revision: number;
  readonly problems: readonly Problem[];
}

/** What is known of the run as a whole. */
export interface TraceInfo {
  readonly trace: TraceId;
  readonly name: string;
  /** `simulation`: written by `--trace`; `recording`: a real server's flight recorder; `java`: log files. */
  readonly origin: 'simulation' | 'recording' | 'java';
  readonly phase: LoadPhase;
  readonly problems: readonly Problem[];
  readonly seed: string | null;
  readonly commit: string | null;
  /** The schedule as `--save` writes it. */
  readonly schedule: unknown;
  readonly servers: readonly HostId[];
  readonly clients: readonly HostId[];
  /** How the ticks of the axis are to be read: virtual time of a run, or wall-clock time that began at `wallStartMs`. */
  readonly wallStartMs: number | null;
  /** How far the clocks of real servers were ahead of the first one's, as their messages tell, ms; none for a simulated run. */
  readonly clockOffsetsMs: readonly { readonly host: HostId; readonly ms: number }[];
  readonly events: number;
  readonly beginUs: number;
  readonly endUs: number;
  readonly verdict: VerdictInfo | null;
}

export interface VerdictInfo {
  readonly verdict: 'ok' | 'safety' | 'liveness' | 'crash';
  readonly hash: string;
  readonly stats: unknown;
  readonly violationCount: number;
}

export type HostId = number;
export const CLIENT_BASE = 1000;

/** All open traces. `open.ts` makes one in place, `client.ts` one that asks a worker. */
export interface Viewer {
  /** Resolves as soon as the source is known to be a trace; reading goes on. A source that is none resolves too, as `failed`. */
  open(source: TraceSource): Promise<TraceId>;
  /** More bytes of a `stream`. */
  feed(trace: TraceId, bytes: Uint8Array): Promise<void>;
  end(trace: TraceId): Promise<void>;
  close(trace: TraceId): Promise<void>;
  /** Called for every step of loading until `complete`, `damaged` or `failed`. Returns how to stop listening. */
  onProgress(listener: (progress: LoadProgress) => void): () => void;
  /** Resolves when loading has ended, in whatever way. */
  whenLoaded(trace: TraceId): Promise<TraceInfo>;
  trace(trace: TraceId): TraceModel;
  compare(a: TraceId, b: TraceId, by: 'time' | 'cause'): Promise<Comparison>;
}

/** One trace. While it is still being read, answers are about what has been read. */
export interface TraceModel {
  info(): Promise<TraceInfo>;
  picture(): Promise<Picture>;
  /** The lines of the file that belong to an event, as written. */
  rawLines(index: number): Promise<readonly string[]>;
  /** Null for an event that does not exist. */
  event(index: number): Promise<EventDetail | null>;
  /** Index of the event with this id of the trace (violations and lines name ids); 0 when there is none. */
  indexOf(id: number): Promise<number>;
  /** Index of the last event at or before the time; of this host, if given. 0 when there is none. */
  indexAt(timeUs: number, host?: HostId): Promise<number>;
  /** The event of the same host before (-1) or after (+1) this one; 0 when there is none. */
  neighbour(index: number, direction: -1 | 1): Promise<number>;
  /** Rows for a table of events: `count` events from `from` on, those that match `query` if one is given. */
  events(options: { readonly from: number; readonly count: number; readonly query?: string }): Promise<EventPage>;

  elections(): Promise<readonly Election[]>;
  election(number: number): Promise<ElectionDetail | null>;
  story(): Promise<readonly StoryItem[]>;
  violations(): Promise<readonly ViolationDetail[]>;

  state(host: HostId, index: number): Promise<StateView>;
  /** What differs between two servers, or between two moments. */
  stateDiff(a: StatePoint, b: StatePoint): Promise<StateDiff>;
  /** The next (1) or previous (-1) event of the host that changed the field at `path` or something below it; 0: none. */
  nextChange(host: HostId, index: number, path: StatePath, direction: -1 | 1): Promise<number>;
  /** The log as it was: the entries a server held, newest first from `beforeZxid` on, at most `count`. */
  log(host: HostId, index: number, options?: { readonly count?: number }): Promise<LogView>;
  /** The data tree as it was. */
  tree(host: HostId, index: number): Promise<TreeView>;

  /**
   * Everything that followed from the event, or everything it followed from; the nearest `limit` events. By `cause`
   * (default): through what scheduled or sent what. By `order`: also through what the same host did before
   * (Lamport's happens-before), which is much more.
   */
  cone(index: number, direction: 'causes' | 'effects', limit?: number, by?: 'cause' | 'order'): Promise<Cone>;
  /** The shortest chain of causes between two events, in order of time; null when neither caused the other. */
  chain(a: number, b: number): Promise<readonly ChainLink[] | null>;
  /** Position of every event on the logical axis (happens-before order), by index; element 0 is unused. */
  logical(): Promise<LogicalAxis>;

  search(query: string, options?: SearchOptions): Promise<SearchResult>;
  /** Chrome trace events JSON of a part of the run; opens in Perfetto and chrome://tracing. */
  exportChrome(range: TimeRange | null): Promise<string>;
  /** A log for ShiViz, its parser expression in the first line. */
  exportShiviz(range: TimeRange | null): Promise<string>;
}

export interface TimeRange {
  readonly fromUs: number;
  readonly toUs: number;
}

export * from './api-answers.ts';
export * from './api-elections.ts';
export * from './api-picture.ts';
