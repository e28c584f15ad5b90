/**
 * The storage machine: which file, which byte, which fsync, in which order.
 *
 * It keeps one history durable: a snapshot and the log entries after it, together with the two epoch numbers and the
 * mark. It never touches a file; it asks for operations as `file` effects and learns of their completion as
 * `fileDone` inputs, and reports to its owner with `StoreEvent`s. What it reports as durable survives a power cut at any
 * later moment.
 *
 * Three rules hold everywhere:
 *
 * - A step that must not happen before another is durable waits for the completion. The order of effects alone is relied
 *   on only within one batch of the log, where nothing is reported before the whole batch is complete.
 * - A failed write, fsync, rename, truncate or removal is final. The state of the disk is then unknown (after a failed
 *   fsync a second one succeeds without having written anything), so nothing is retried: `failed`, and the next
 *   incarnation finds out what is there.
 * - A completion of another incarnation, or of an operation nobody asked for, changes nothing.
 *
 * The parts: recovery.ts (what is there, and what of it is proved), log-writer.ts (group commit), truncate.ts, snapshots.ts
 * (also installation of a received state), epoch-writer.ts, mark-writer.ts, range.ts (old entries for learners), purge.ts.
 * The bytes are in log-file.ts, snapshot-file.ts, epochs.ts and mark.ts, the names in names.ts.
 */

import type { BootSecrets, PeerConfig } from '../config/types.ts';
import type { Heap } from '../heap.ts';
import { type FileResult, type Input, type Io, note } from '../io.ts';
import { assert, ZXID_ZERO, type Zxid } from '../types.ts';
import type { LogEntry } from '../wire/txn.ts';
import { onEpochOp, startSave } from './epoch-writer.ts';
import { recordSize } from './log-file.ts';
import { onBatchOp, startBatch } from './log-writer.ts';
import { markConfig, onMarkOp, raiseMark } from './mark-writer.ts';
import { DATA_DIR, LOG_DIR } from './names.ts';
import { ask, fail, type StoreTurn } from './ops.ts';
import { drawLimits, isPaceReached, restartPace } from './pace.ts';
import { abortPurge, beginPurge, onPurgeOp } from './purge.ts';
import { beginRange, onRangeOp, type Range } from './range.ts';
import { beginRecovery, newRecovery, onRecoveryOp } from './recovery.ts';
import { abortSnapshot, beginInstall, beginSnapshot, onInstallOp, onSnapshotOp, prepareInstall } from './snapshots.ts';
import type { DrainScope, Owner, PendingOp, StoreEvent, StoreState } from './state.ts';
import { beginTruncate, onTruncateOp } from './truncate.ts';
import { TxnWindow } from './window.ts';

export type { Recovery, StoreEvent, StoreState } from './state.ts';

export type FileDone = Extract<Input, { readonly type: 'fileDone' }>;

/** Starts to recover; `recovered` (or `failed`) is the first event. */
export function storeBoot(config: PeerConfig, secrets: BootSecrets, io: Io): StoreState {
  const store: StoreState = {
    generation: secrets.generation,
    nextOp: 1,
    nextToken: 1,
    ops: new Map(),
    phase: { kind: 'recovering', recovery: newRecovery() },
    mustResync: false,
    log: { files: [], current: null, rollDue: false, queue: [], batch: null, durable: ZXID_ZERO },
    snapshots: [],
    badInstalls: [],
    verified: [],
    task: null,
    snapshot: null,
    pace: { entriesSince: 0, bytesSince: 0, entriesLimit: 0, bytesLimit: 0, random: secrets.jitterSeed | 0 },
    epochs: { accepted: null, current: null, saving: null, queue: [] },
    mark: {
      zxid: ZXID_ZERO,
      acceptedEpoch: 0,
      currentEpoch: 0,
      config: ZXID_ZERO,
      exists: false,
      opsLeft: 0,
      dueAtMs: null,
    },
    ranges: new Map(),
    purge: { dueAtMs: null, job: null },
    sizes: null,
    draining: null,
  };
  drawLimits(store.pace, config);
  beginRecovery(store, io);
  return store;
}

/** A file operation is complete. */
export function storeStep(store: StoreState, heap: Heap, config: PeerConfig, io: Io, done: FileDone): StoreEvent[] {
  const op = store.ops.get(done.op);
  if (done.generation !== store.generation || op === undefined) {
    note(io, 'storage.completion.stale', { op: done.op, generation: done.generation });
    return [];
  }
  store.ops.delete(done.op);
  if (store.phase.kind === 'failed') return [];
  const turn: StoreTurn = { store, heap, config, io, events: [] };
  const result = judge(op, done.result);
  if (!result.ok && op.kind !== 'read' && op.owner !== 'drain' && op.owner !== 'sizes')
    fail(turn, result.error, op.path);
  else dispatch(turn, op, result);
  if (store.draining !== null && isDone(store, store.draining)) {
    store.draining = null;
    turn.events.push({ type: 'drained' });
  }
  return turn.events;
}

/** Removing what is not there has succeeded: a removal may be repeated after a crash. */
function judge(op: PendingOp, result: FileResult): FileResult {
  return !result.ok && op.kind === 'remove' && result.error === 'ENOENT' ? { ok: true } : result;
}

function dispatch(turn: StoreTurn, op: PendingOp, result: FileResult): void {
  switch (op.owner) {
    case 'recovery':
      return onRecoveryOp(turn, result);
    case 'batch':
      return onBatchOp(turn);
    case 'task':
      return onTaskOp(turn, result);
    case 'snapshot':
      return onSnapshotOp(turn);
    case 'epochs':
      return onEpochOp(turn);
    case 'mark':
      return onMarkOp(turn);
    case 'purge':
      return onPurgeOp(turn, result);
    case 'range':
      return onRangeOp(turn, op.token, result);
    case 'sizes':
      return onSizesOp(turn, op.path, result);
    case 'drain':
      return;
    default:
      op.owner satisfies never;
  }
}

function onTaskOp(turn: StoreTurn, result: FileResult): void {
  const { task } = turn.store;
  assert(task !== null, 'completion of a task without a task');
  if (task.kind === 'truncate') onTruncateOp(turn, task, result);
  else onInstallOp(turn, task);
}

// --- history ---------------------------------------------------------------------------------------------------------

/** Adds an entry to the history and to the next batch. It is durable when an event says so. */
export function storeAppend(store: StoreState, heap: Heap, _io: Io, entry: LogEntry): void {
  if (store.phase.kind === 'failed') return;
  assert(store.phase.kind === 'ready', 'append before recovery');
  assert(!store.mustResync || store.task !== null, 'append to an unproved history');
  assert(store.task === null || store.task.kind === 'install', 'append during a truncation');
  heap.log.push(entry);
  store.log.queue.push(entry);
  store.pace.entriesSince += 1;
  store.pace.bytesSince += recordSize(entry);
}

/** To be called at the end of every step: writes what the step appended, and starts what was waiting for the log. */
export function storeFlush(store: StoreState, heap: Heap, config: PeerConfig, io: Io): void {
  if (store.phase.kind !== 'ready') return;
  const { task, log } = store;
  if (task === null) return startBatch(store, config, io);
  if (task.phase.kind !== 'waiting' || log.batch !== null) return;
  if (task.kind === 'truncate') {
    if (log.queue.length > 0) startBatch(store, config, io);
    else beginTruncate(store, heap, io, task);
  } else if (store.snapshot === null && store.purge.job === null) {
    beginInstall(store, config, io, task);
  }
}

/**
 * Cuts the history behind `to`, which must be a position of it that the tree has not passed. Nothing may be appended before
 * `truncated` is reported.
 */
export function storeTruncate(store: StoreState, heap: Heap, _io: Io, { to }: { readonly to: Zxid }): void {
  if (store.phase.kind === 'failed') return;
  assert(store.phase.kind === 'ready', 'truncation before recovery');
  assert(store.task === null, 'truncation beside another task');
  assert(!store.mustResync, 'truncation of an unproved history');
  assert(to >= heap.tree.lastZxid, 'truncation below what is applied');
  assert(to === heap.log.base || heap.log.find(to) >= 0, 'truncation to an unknown position');
  abortPurge(store);
  store.log.queue = store.log.queue.filter((entry) => entry.zxid <= to);
  store.task = { kind: 'truncate', to, phase: { kind: 'waiting' } };
}

/**
 * `heap.tree` was received from a leader and replaces the history, which is empty behind it from here on. What is appended
 * from here on follows it, and is written when `installed` was reported.
 */
export function storeInstall(store: StoreState, heap: Heap, config: PeerConfig, _io: Io): void {
  if (store.phase.kind === 'failed') return;
  assert(store.phase.kind === 'ready', 'installation before recovery');
  assert(store.task === null, 'installation beside another task');
  abortPurge(store);
  prepareInstall(store, heap, config);
  store.log.queue = [];
  heap.log = new TxnWindow(heap.tree.lastZxid);
  restartPace(store.pace, config);
}

/** Entries in `(after, upTo]` from the log files; the answer is `rangeRead` with the returned token. */
export function storeReadRange(store: StoreState, _heap: Heap, io: Io, range: Range): number {
  assert(store.phase.kind === 'ready', 'range read before recovery');
  assert(range.upTo <= store.log.durable, 'range read beyond what is written');
  return beginRange(store, io, range);
}

// --- epochs ----------------------------------------------------------------------------------------------------------

/** Makes both numbers durable; `epochsSaved` with the returned token says when. */
export function storeSaveEpochs(
  store: StoreState,
  io: Io,
  { acceptedEpoch, currentEpoch }: { readonly acceptedEpoch: number; readonly currentEpoch: number },
): number {
  const token = store.nextToken++;
  if (store.phase.kind === 'failed') return token;
  assert(store.phase.kind === 'ready', 'epochs before recovery');
  assert(currentEpoch <= acceptedEpoch, 'currentEpoch above acceptedEpoch');
  store.epochs.queue.push({ token, acceptedEpoch, currentEpoch });
  startSave(store, io);
  return token;
}

// --- configurations --------------------------------------------------------------------------------------------------

/**
 * The reconfiguration with this zxid is known to be committed. It is written down at once if the history that the disk holds
 * has it, otherwise not at all: to be called again when more is durable.
 */
export function storeMarkConfig(store: StoreState, heap: Heap, io: Io, zxid: Zxid): void {
  if (zxid <= store.mark.config || zxid > store.log.durable) return;
  // A task is about to say what the history is, and without a provable one there is none.
  if (store.phase.kind !== 'ready' || store.task !== null || store.mustResync) return;
  if (heap.log.find(zxid) >= 0) markConfig(store, io, zxid);
}

/** The newest reconfiguration that was known to be committed, in this run or one before it. 0: none. */
export const storeMarkedConfig = (store: StoreState): Zxid => store.mark.config;

// --- snapshots -------------------------------------------------------------------------------------------------------

/** The log has grown enough since the last snapshot. */
export function snapshotDue(store: StoreState, config: PeerConfig): boolean {
  return mayWorkBehind(store) && store.snapshot === null && isPaceReached(store.pace, config);
}

/** Begins a snapshot of `heap.tree` in the background, and a new log file. Does nothing while one is being written. */
export function storeSnapshot(store: StoreState, heap: Heap, config: PeerConfig, io: Io): void {
  if (!mayWorkBehind(store) || store.snapshot !== null) return;
  restartPace(store.pace, config);
  store.log.rollDue = true;
  beginSnapshot(store, heap, config, io);
}

/** Nothing has the disk to itself, or is waiting for it to be idle. */
function mayWorkBehind(store: StoreState): boolean {
  return store.phase.kind === 'ready' && store.task === null && store.draining === null && !store.mustResync;
}

// --- sizes -----------------------------------------------------------------------------------------------------------

/** Asks for `sized`. Whoever asks while the directories are being looked at already hears what that one finds. */
export function storeSizes(store: StoreState, io: Io): void {
  if (store.phase.kind !== 'ready' || store.sizes !== null) return;
  store.sizes = { dataBytes: 0, logBytes: 0, opsLeft: 2 };
  for (const path of [DATA_DIR, LOG_DIR]) ask(store, io, 'sizes', { kind: 'list', path }, { lane: 'read' });
}

/** A directory that cannot be listed counts for nothing; that is no reason to stop. */
function onSizesOp({ store, events }: StoreTurn, path: string, result: FileResult): void {
  const { sizes } = store;
  assert(sizes !== null, 'nobody asked for sizes');
  const files = result.ok ? (result.entries ?? []) : [];
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (path === DATA_DIR) sizes.dataBytes = bytes;
  else sizes.logBytes = bytes;
  sizes.opsLeft -= 1;
  if (sizes.opsLeft > 0) return;
  store.sizes = null;
  events.push({ type: 'sized', sizes: { dataBytes: sizes.dataBytes, logBytes: sizes.logBytes } });
}

// --- idleness and time -----------------------------------------------------------------------------------------------

/**
 * Asks for `drained`. What was appended is still written, reads are given up.
 *
 * A drain of `promises` precedes an election, and no election waits for work in the background: the fsync of a large
 * snapshot takes minutes, while the ensemble has no leader (Java's snapshot thread goes on through an election as well). So
 * the next role may find operations of the last one in flight: of a snapshot, of a purge, of reads. What makes that
 * safe, at each place where a role enters:
 *
 * - `storeAppend`, `storeSaveEpochs`, `storeMarkConfig`: other files, other lanes; it is so while a role serves, too.
 * - `storeSnapshot` does nothing while there is an older one, a purge begins when there is none, and each completion is
 *   told apart by its number.
 * - `storeTruncate`: a snapshot is taken of what is applied, and what is applied is never cut, so one in the works is not
 *   above the cut, nor in the list of those that are removed. A purge removes what is older than a snapshot, so it and the
 *   cut never mean the same file.
 * - `storeInstall` gives the older snapshot up, and waits until it is gone or, if it was as far as its rename, in the list
 *   from which the switch removes it. It waits for a purge, too: a log that outlived the switch would be replayed.
 * - `storeReadRange`: reads of another role have other tokens, which nobody waits for.
 *
 * A new `storeBoot` knows nothing of all this: it lists names that come and go, and gives numbers to operations anew. It
 * needs a drain of `everything` before it.
 */
export function storeDrain(store: StoreState, io: Io, scope: DrainScope): void {
  if (store.phase.kind !== 'ready') return;
  const isAsked = store.draining !== null;
  if (store.draining !== 'everything') store.draining = scope;
  for (const range of store.ranges.values()) range.cancelled = true;
  if (scope === 'everything') abortSnapshot(store);
  abortPurge(store);
  // A machine at rest is woken by this one.
  if (!isAsked) ask(store, io, 'drain', { kind: 'list', path: LOG_DIR });
}

function isDone(store: StoreState, scope: DrainScope): boolean {
  if (store.log.queue.length > 0 || store.task !== null) return false;
  for (const { owner } of store.ops.values()) {
    if (scope === 'everything' || !BACKGROUND.includes(owner)) return false;
  }
  return true;
}

const BACKGROUND: readonly Owner[] = ['snapshot', 'purge', 'range', 'sizes'];

/** When `storeTick` has something to do, in monotonic time. */
export function storeDeadline(store: StoreState): number | null {
  if (!mayWorkBehind(store)) return null;
  const mark = store.mark.opsLeft === 0 ? store.mark.dueAtMs : null;
  const purge = store.purge.job === null ? store.purge.dueAtMs : null;
  if (mark === null || purge === null) return mark ?? purge;
  return Math.min(mark, purge);
}

/** Time has passed: raise the mark, purge. */
export function storeTick(store: StoreState, heap: Heap, config: PeerConfig, io: Io): void {
  if (!mayWorkBehind(store)) return;
  raiseMark(store, io);
  const { purge } = store;
  if (purge.job !== null || purge.dueAtMs === null || purge.dueAtMs > io.now.monoMs) return;
  purge.dueAtMs = config.autopurgeIntervalMs > 0 ? io.now.monoMs + config.autopurgeIntervalMs : null;
  if (purge.dueAtMs !== null) beginPurge(store, heap, config, io);
}
