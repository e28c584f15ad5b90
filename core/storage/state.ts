/**
 * The plain state of the storage machine, and what it tells its owner.
 *
 * The machine is a handful of jobs, each a short chain of file operations in which every step waits for the completion of
 * the one before it: recovery, log batches, one cut (truncation) or installation at a time, one snapshot, epoch saves, the
 * mark, range reads, a purge. A job's state says which link of its chain is in flight. Where the chain is known
 * from the beginning it is a `Script`.
 */

import type { FileAction, FileError } from '../io.ts';
import type { Zxid } from '../types.ts';
import type { LogEntry } from '../wire/txn.ts';
import type { EpochFile } from './epochs.ts';
import type { LogCursor } from './log-cursor.ts';
import type { Mark } from './mark.ts';
import type { NamedFile } from './names.ts';

export type StoreEvent =
  /**
   * `heap.tree` is the newest provable snapshot, `heap.log` every later entry, not applied to the tree. All of it is
   * durable.
   */
  | { readonly type: 'recovered'; readonly recovery: Recovery }
  /** Every entry up to `zxid` survives a power cut: the bytes, and the name of the file they are in. */
  | { readonly type: 'durable'; readonly zxid: Zxid }
  /** The epochs of the `storeSaveEpochs` that returned this token are durable, and those of every earlier one. */
  | { readonly type: 'epochsSaved'; readonly token: number }
  /** The log on disk and `heap.log` end at `zxid`, no snapshot is above it, and no power cut brings anything back. */
  | { readonly type: 'truncated'; readonly zxid: Zxid }
  /** A background snapshot is durable. */
  | { readonly type: 'snapshotDone'; readonly zxid: Zxid }
  /** The received state is durable, and nothing logged before it can be replayed over it. */
  | { readonly type: 'installed'; readonly zxid: Zxid }
  /** Entries in `(after, upTo]`, contiguous; null when the log files do not hold them. */
  | { readonly type: 'rangeRead'; readonly token: number; readonly entries: readonly LogEntry[] | null }
  /** Nothing that `storeDrain` was to wait for is in flight or waiting. */
  | { readonly type: 'drained' }
  /** What the files of the two directories hold. */
  | { readonly type: 'sized'; readonly sizes: DirSizes }
  /** Final: a write or fsync failed, so what is on the disk is unknown. The store does nothing more. */
  | { readonly type: 'failed'; readonly error: FileError; readonly path: string };

export interface Recovery {
  /** The snapshot that `heap.tree` is. */
  readonly snapshotZxid: Zxid;
  /** Where the history ends: the last entry of `heap.log`, or the snapshot. */
  readonly lastZxid: Zxid;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /**
   * The files do not prove a contiguous history that holds everything promised. What the heap has is the part that is
   * proved; the files are left as they are. Only an installation makes the store usable again.
   */
  readonly mustResync: boolean;
  /** The directories held no history at all. */
  readonly empty: boolean;
  /** The `initialize` file was there (and is removed): an operator vouches for an empty directory. */
  readonly initializeFile: boolean;
  /** What was found out of order, in words. */
  readonly notes: readonly string[];
}

/** Which job an operation belongs to. */
export type Owner =
  | 'recovery'
  | 'batch'
  | 'task'
  | 'snapshot'
  | 'epochs'
  | 'mark'
  | 'purge'
  | 'range'
  | 'sizes'
  | 'drain';

export interface PendingOp {
  readonly owner: Owner;
  /** Which of several jobs of this owner; 0 where there is only one. */
  readonly token: number;
  readonly kind: FileAction['kind'];
  readonly path: string;
}

/** File operations known in advance, each asked for when the one before it is complete. */
export interface Script {
  readonly actions: readonly FileAction[];
  at: number;
}

export interface DirSizes {
  readonly dataBytes: number;
  readonly logBytes: number;
}

export interface StoreState {
  readonly generation: number;
  nextOp: number;
  nextToken: number;
  /** Operations in flight. */
  ops: Map<number, PendingOp>;
  phase: StorePhase;
  /** See `Recovery.mustResync`; an installation clears it. */
  mustResync: boolean;
  log: LogState;
  /** Finished snapshot files, lowest zxid first. */
  snapshots: NamedFile[];
  /** `install.*` files that are not whole; the next installation removes them. */
  badInstalls: string[];
  /** Names of snapshots that this incarnation wrote, or read to the end and found whole. */
  verified: string[];
  task: Task | null;
  snapshot: SnapshotJob | null;
  pace: SnapshotPace;
  epochs: EpochState;
  mark: MarkState;
  ranges: Map<number, RangeRead>;
  purge: PurgeState;
  /** The directories are being looked at, for whoever asked. */
  sizes: { dataBytes: number; logBytes: number; opsLeft: number } | null;
  /** `drained` is owed, when this is done. */
  draining: DrainScope | null;
}

/**
 * What a drain waits for. `promises`: whatever changes what this server may be asked for in its vote or at its next start,
 * that is, the log, a cut or an installation, the epochs and the mark. `everything`: also what runs in the background, for one who
 * is about to read the disk anew.
 */
export type DrainScope = 'promises' | 'everything';

export type StorePhase =
  | { readonly kind: 'recovering'; readonly recovery: RecoveryState }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed' };

// --- log -------------------------------------------------------------------------------------------------------------

export interface LogState {
  /** Lowest first entry first; the last one is `current` when there is one. */
  files: NamedFile[];
  /** The file that is being written. After a start and after a cut there is none: the next batch begins a new one. */
  current: { readonly name: string; end: number; paddedSize: number } | null;
  /** The next batch begins a new file. */
  rollDue: boolean;
  /** Appended, not yet written. */
  queue: LogEntry[];
  /** The one batch in flight. */
  batch: { readonly last: Zxid; opsLeft: number } | null;
  durable: Zxid;
}

/** What needs the log to itself. */
export type Task = TruncateTask | InstallTask;

export interface TruncateTask {
  readonly kind: 'truncate';
  readonly to: Zxid;
  phase:
    | { readonly kind: 'waiting' }
    /** Looking for the place to cut at. */
    | { readonly kind: 'scanning'; readonly name: string; cursor: LogCursor; found: boolean }
    | { readonly kind: 'cutting'; script: Script };
}

export interface InstallTask {
  readonly kind: 'install';
  readonly zxid: Zxid;
  phase: /** The log or an older snapshot is still busy, or the snapshot is being written. */
    | { readonly kind: 'waiting' | 'writing' }
    /** The snapshot is durable under its name of passage: it takes the place of the history. */
    | { readonly kind: 'switching'; readonly install: NamedFile; script: Script };
}

// --- snapshots -------------------------------------------------------------------------------------------------------

/** A snapshot file being written from `heap.saving`. */
export interface SnapshotJob {
  readonly purpose: 'background' | 'install';
  readonly zxid: Zxid;
  /** The name it gets when it is whole. */
  readonly name: string;
  step: 'create' | 'body' | 'fsync' | 'rename' | 'fsyncDir' | 'discard';
  size: number;
  /** To be given up at the next completion. */
  aborted: boolean;
}

/** When the next snapshot is due. The limits are drawn anew each time, so that servers do not all pause at once. */
export interface SnapshotPace {
  entriesSince: number;
  bytesSince: number;
  entriesLimit: number;
  bytesLimit: number;
  random: number;
}

// --- epochs and mark -------------------------------------------------------------------------------------------------

export interface EpochState {
  /** As on disk; null when unknown. */
  accepted: number | null;
  current: number | null;
  saving: (EpochSave & { script: Script }) | null;
  queue: EpochSave[];
}

export interface EpochSave {
  readonly token: number;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
}

export interface MarkState {
  /** What the file says, or will say when the operations in flight are done. */
  zxid: Zxid;
  acceptedEpoch: number;
  currentEpoch: number;
  config: Zxid;
  exists: boolean;
  /** Operations of raises in flight. */
  opsLeft: number;
  dueAtMs: number | null;
}

// --- reads and purge -------------------------------------------------------------------------------------------------

export interface RangeRead {
  readonly after: Zxid;
  readonly upTo: Zxid;
  readonly bytesMax: number;
  /** Log files still to be read, the first being read. */
  names: string[];
  cursor: LogCursor;
  entries: LogEntry[];
  bytes: number;
  cancelled: boolean;
}

export interface PurgeState {
  dueAtMs: number | null;
  job: PurgeJob | null;
}

export type PurgeJob =
  /** Looking for enough whole snapshots, the newest first. `candidates[0]` is being read up to `offset`. */
  | { readonly kind: 'verifying'; candidates: NamedFile[]; kept: NamedFile[]; offset: number }
  | { readonly kind: 'removing'; readonly names: readonly string[]; script: Script };

// --- recovery --------------------------------------------------------------------------------------------------------

export interface RecoveryState {
  stage: RecoveryStage;
  initializeFile: boolean;
  /** Paths of small files still to be read, the first being read. */
  smallFiles: string[];
  /** Paths of interrupted writes. */
  leftovers: string[];
  installs: NamedFile[];
  /** Lowest first. */
  snapshots: NamedFile[];
  logs: NamedFile[];
  accepted: EpochFile;
  current: EpochFile;
  currentTmp: EpochFile;
  /** Whether there is a mark, and what it says; null when it is unreadable. */
  markExists: boolean;
  mark: Mark | null;
  /** Newer snapshots that are not whole. */
  invalid: Zxid[];
  /** The snapshot that `heap.tree` is. */
  base: NamedFile | null;
  /** There are `install.*` files: `base` is one of them and replaces everything else. */
  isInstall: boolean;
  /** There is nothing at all. */
  isEmpty: boolean;
  /** Names of the log files that were read. */
  readLogs: string[];
  tail: LogTail;
  /** Where the entries above the mark lie in the last log. */
  unproved: { readonly name: string; readonly from: number; to: number } | null;
  /** Why the history is not proved. */
  problem: string | null;
  /** The epochs cannot be known. */
  epochsLost: boolean;
  notes: string[];
}

/** What to do about the end of the last log. */
export type LogTail =
  | { readonly kind: 'keep' }
  /** It holds no entry. */
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'cut'; readonly name: string; readonly size: number };

export type RecoveryStage =
  | { readonly kind: 'prepare'; script: Script }
  | { readonly kind: 'listRoot' | 'listData' | 'listLog' | 'smallFiles' }
  /** `candidates[0]` is being loaded. */
  | { readonly kind: 'snapshot'; candidates: NamedFile[]; offset: number }
  /** `files[0]` is being read. `last` is the newest entry seen, `end` where its record ends. */
  | {
      readonly kind: 'log';
      files: NamedFile[];
      cursor: LogCursor;
      headerSeen: boolean;
      last: Zxid;
      end: number;
      /** What is wrong unless this file names `last` as the entry before it. */
      readonly doubt: string | null;
    }
  /**
   * Behind the last good record of the last log. `bytes` is what stands there; null when nothing was written there, and
   * only `dirty`, something other than zeros further on, is looked for.
   */
  | {
      readonly kind: 'tail';
      readonly name: string;
      readonly end: number;
      offset: number;
      bytes: Uint8Array | null;
      dirty: boolean;
    }
  | { readonly kind: 'repair'; script: Script }
  /** Entries above the mark are written once more, a piece at a time. */
  | { readonly kind: 'rewrite'; offset: number; reading: boolean }
  | { readonly kind: 'confirm'; script: Script };
