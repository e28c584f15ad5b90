/**
 * Automatic purging (server/PurgeTxnLog, DatadirCleanupManager): keeps the newest snapshots that are really whole, and every
 * log file that the oldest of them may need.
 *
 * Java takes a snapshot for valid by its last five bytes; three files that end well and are rotten inside then make it
 * remove everything that could be recovered from. Here a snapshot counts only when all of it was read and its seals hold,
 * unless this very process wrote or loaded it. A newer snapshot that is not whole is left alone: it testifies that the
 * history went as far as its name says.
 *
 * No order among the removals matters. An older snapshot or log that a crash keeps is just as superfluous afterwards.
 */

import type { PeerConfig } from '../config/types.ts';
import type { Heap } from '../heap.ts';
import type { FileAction, FileResult, Io } from '../io.ts';
import { note } from '../io.ts';
import { assert } from '../types.ts';
import { READ_BYTES } from './log-cursor.ts';
import { compressionOf, DATA_DIR, inData, inLog, LOG_DIR, type NamedFile } from './names.ts';
import { ask, type StoreTurn, scriptOf } from './ops.ts';
import { NO_VISITOR, SnapshotFileReader } from './snapshot-file.ts';
import type { PurgeJob, StoreState } from './state.ts';

/** Fewer are not kept, whatever is configured (DatadirCleanupManager). */
const RETAIN_COUNT_MIN = 3;

export const retainCount = (config: PeerConfig): number => Math.max(RETAIN_COUNT_MIN, config.autopurgeSnapRetainCount);

/** Removals are on the lane of snapshots: old log files must not stand before appends. */
const LANE = { lane: 'snap' } as const;

export function beginPurge(store: StoreState, heap: Heap, config: PeerConfig, io: Io): void {
  assert(store.purge.job === null, 'one purge at a time');
  store.purge.job = { kind: 'verifying', candidates: [...store.snapshots].reverse(), kept: [], offset: 0 };
  judge(store, heap, config, io);
}

/** Stops looking; removals that were begun go on, as nothing depends on them. */
export function abortPurge(store: StoreState): void {
  const { job } = store.purge;
  if (job !== null && job.kind === 'verifying') job.candidates = [];
}

export function onPurgeOp(turn: StoreTurn, result: FileResult): void {
  const { store, heap, config, io } = turn;
  const { job } = store.purge;
  assert(job !== null, 'completion of a purge without a purge');
  if (job.kind === 'removing') return onRemoved(store, io, job);
  const file = job.candidates[0];
  if (file === undefined) return endPurge(store, heap);
  assert(heap.loading instanceof SnapshotFileReader, 'another reader is at work');
  const bytes = result.ok ? (result.bytes ?? new Uint8Array(0)) : null;
  if (bytes !== null) heap.loading.push(bytes);
  if (bytes !== null && bytes.length === READ_BYTES && !heap.loading.isBad) {
    job.offset += bytes.length;
    return readOn(store, io, file, job.offset);
  }
  const isWhole = bytes !== null && heap.loading.finish() !== null;
  heap.loading = null;
  job.offset = 0;
  if (isWhole) {
    store.verified.push(file.name);
  } else {
    note(io, 'storage.purge.invalid', { zxid: file.zxid });
    job.candidates.shift();
  }
  judge(store, heap, config, io);
}

function readOn(store: StoreState, io: Io, file: NamedFile, offset: number): void {
  ask(store, io, 'purge', { kind: 'read', path: inData(file.name), offset, length: READ_BYTES }, LANE);
}

/** Counts candidates that are known to be whole, then reads the next one, or removes, or finds nothing to do. */
function judge(store: StoreState, heap: Heap, config: PeerConfig, io: Io): void {
  const { job } = store.purge;
  assert(job !== null && job.kind === 'verifying', 'no purge is looking');
  const wanted = retainCount(config);
  while (job.kept.length < wanted && store.verified.includes(job.candidates[0]?.name ?? '')) {
    job.kept.push(job.candidates.shift()!);
  }
  const next = job.candidates[0];
  if (job.kept.length === wanted) return remove(store, heap, io, job.kept.at(-1)!);
  if (next === undefined) return endPurge(store, heap);
  heap.loading = new SnapshotFileReader(NO_VISITOR, compressionOf(next.name));
  readOn(store, io, next, 0);
}

function remove(store: StoreState, heap: Heap, io: Io, oldest: NamedFile): void {
  const snapshots = store.snapshots.filter(({ zxid }) => zxid < oldest.zxid);
  const { files } = store.log;
  // A log is superfluous when the next one begins no later than right behind the oldest snapshot.
  const logs = files.filter((_, i) => i + 1 < files.length && files[i + 1]!.zxid <= oldest.zxid + 1);
  const actions: FileAction[] = [];
  for (const { name } of snapshots) actions.push({ kind: 'remove', path: inData(name) });
  if (snapshots.length > 0) actions.push({ kind: 'fsyncDir', path: DATA_DIR });
  for (const { name } of logs) actions.push({ kind: 'remove', path: inLog(name) });
  if (logs.length > 0) actions.push({ kind: 'fsyncDir', path: LOG_DIR });
  if (actions.length === 0) return endPurge(store, heap);
  note(io, 'storage.purge.removing', { oldest: oldest.zxid, snapshots: snapshots.length, logs: logs.length });
  // They count as gone at once: a range read must not begin in a file that may vanish under it.
  const names = [...snapshots, ...logs].map(({ name }) => name);
  store.snapshots = store.snapshots.filter(({ name }) => !names.includes(name));
  store.verified = store.verified.filter((name) => !names.includes(name));
  store.log.files = files.filter(({ name }) => !names.includes(name));
  const script = scriptOf(actions);
  store.purge.job = { kind: 'removing', names, script };
  advanceRemoval(store, io, script);
}

function onRemoved(store: StoreState, io: Io, job: Extract<PurgeJob, { kind: 'removing' }>): void {
  if (job.script.at < job.script.actions.length) advanceRemoval(store, io, job.script);
  else store.purge.job = null;
}

function advanceRemoval(
  store: StoreState,
  io: Io,
  script: { readonly actions: readonly FileAction[]; at: number },
): void {
  const action = script.actions[script.at]!;
  script.at += 1;
  ask(store, io, 'purge', { ...action }, LANE);
}

function endPurge(store: StoreState, heap: Heap): void {
  store.purge.job = null;
  heap.loading = null;
}
