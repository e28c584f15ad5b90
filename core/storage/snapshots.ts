/**
 * Writing snapshots, and installing a received state.
 *
 * A snapshot is written under a temporary name, piece by piece as the pieces are confirmed, fsynced, renamed, and its
 * directory fsynced: a file under its final name is always whole. It comes from a view of the tree at one moment, so
 * transactions go on meanwhile; the log begins a new file, so that old files become superfluous by whole files.
 *
 * An **installation** replaces the history by a state that a leader sent (SNAP). Two things must not happen in a crash: that
 * the old log is replayed over the new snapshot, and that the old history is cut while the new one is not there, because
 * the old one may hold transactions that this server acknowledged and a quorum counts on. One rename decides between the
 * two: the snapshot becomes durable as `install.<zxid>`, a name that means nothing to the old history and everything to
 * recovery. Before that rename is durable the old history is in force, untouched; after it the new one is, and the rest
 * (lowering the mark, removing every log file and later snapshot, giving the snapshot its proper name) is done again by
 * recovery if a crash interrupts it.
 */

import type { PeerConfig } from '../config/types.ts';
import type { Heap } from '../heap.ts';
import type { FileAction, Io } from '../io.ts';
import { assert, ZXID_ZERO, type Zxid } from '../types.ts';
import { changeMark } from './mark-writer.ts';
import {
  compressionOf,
  DATA_DIR,
  inData,
  inLog,
  installName,
  LOG_DIR,
  type NamedFile,
  snapshotName,
  TMP_SUFFIX,
} from './names.ts';
import { advance, ask, type StoreTurn, scriptOf } from './ops.ts';
import { SnapshotFileWriter } from './snapshot-file.ts';
import type { InstallTask, SnapshotJob, StoreState } from './state.ts';

/** Bytes of snapshot per append, before compression. Only one append is in flight. */
const PIECE_BYTES = 64 * 1024;

/** A background snapshot of the tree as it is. */
export function beginSnapshot(store: StoreState, heap: Heap, config: PeerConfig, io: Io): void {
  openWriter(heap, config);
  startJob(store, io, 'background', heap.tree.lastZxid, config);
}

function openWriter(heap: Heap, config: PeerConfig): void {
  assert(heap.saving === null, 'one snapshot at a time');
  heap.saving = new SnapshotFileWriter(heap.tree.openSnapshot(), {
    compression: config.snapshotCompression,
    digest: config.digestEnabled,
    lastProcessed: true,
  });
}

function startJob(store: StoreState, io: Io, purpose: SnapshotJob['purpose'], zxid: Zxid, config: PeerConfig): void {
  assert(store.snapshot === null, 'one snapshot file at a time');
  const naming = purpose === 'install' ? installName : snapshotName;
  const name = naming(zxid, config.snapshotCompression);
  store.snapshot = { purpose, zxid, name, step: 'create', size: 0, aborted: false };
  ask(store, io, 'snapshot', { kind: 'create', path: inData(name + TMP_SUFFIX) });
}

/** The next link of the chain. */
export function onSnapshotOp(turn: StoreTurn): void {
  const { store, io } = turn;
  const job = store.snapshot;
  assert(job !== null, 'completion of a snapshot without a snapshot');
  const tmp = inData(job.name + TMP_SUFFIX);
  switch (job.step) {
    case 'create':
    case 'body':
      if (job.aborted) return discard(turn, job, tmp);
      return writePiece(turn, job, tmp);
    case 'fsync':
      if (job.aborted) return discard(turn, job, tmp);
      job.step = 'rename';
      return ask(store, io, 'snapshot', { kind: 'rename', from: tmp, to: inData(job.name) });
    case 'rename':
      job.step = 'fsyncDir';
      return ask(store, io, 'snapshot', { kind: 'fsyncDir', path: DATA_DIR }, { lane: 'snap' });
    case 'fsyncDir':
      return endSnapshot(turn, job);
    case 'discard':
      store.snapshot = null;
      return;
    default:
      job.step satisfies never;
  }
}

function writePiece({ store, heap, io }: StoreTurn, job: SnapshotJob, tmp: string): void {
  assert(heap.saving !== null, 'snapshot without a writer');
  const bytes = heap.saving.next(PIECE_BYTES);
  if (bytes === null) {
    closeWriter(heap);
    job.step = 'fsync';
    ask(store, io, 'snapshot', { kind: 'fsync', path: tmp });
  } else {
    job.step = 'body';
    job.size += bytes.length;
    ask(store, io, 'snapshot', { kind: 'append', path: tmp, bytes });
  }
}

/** Gives a background snapshot up at its next completion, unless it is all but done. */
export function abortSnapshot(store: StoreState): void {
  const job = store.snapshot;
  if (job === null || job.purpose === 'install') return;
  if (job.step === 'create' || job.step === 'body' || job.step === 'fsync') job.aborted = true;
}

function discard({ store, heap, io }: StoreTurn, job: SnapshotJob, tmp: string): void {
  // An installation that waits for this end has its own writer there already.
  if (store.task?.kind !== 'install') closeWriter(heap);
  job.step = 'discard';
  ask(store, io, 'snapshot', { kind: 'remove', path: tmp });
}

function closeWriter(heap: Heap): void {
  heap.saving?.close();
  heap.saving = null;
}

function endSnapshot(turn: StoreTurn, job: SnapshotJob): void {
  const { store, io, events } = turn;
  store.snapshot = null;
  if (job.purpose === 'install') {
    const { task } = store;
    assert(task !== null && task.kind === 'install', 'installation without a task');
    return switchOver(store, io, task, { name: job.name, zxid: job.zxid, size: job.size });
  }
  addSnapshot(store, { name: job.name, zxid: job.zxid, size: job.size });
  events.push({ type: 'snapshotDone', zxid: job.zxid });
}

/** It takes the place of a file of the same name. */
export function addSnapshot(store: StoreState, file: NamedFile): void {
  store.snapshots = [...store.snapshots.filter(({ name }) => name !== file.name), file].sort((a, b) => a.zxid - b.zxid);
  store.verified = [...store.verified.filter((name) => name !== file.name), file.name];
}

// --- installation ----------------------------------------------------------------------------------------------------

/** The tree of this moment is to become the base of the history. */
export function prepareInstall(store: StoreState, heap: Heap, config: PeerConfig): void {
  abortSnapshot(store);
  closeWriter(heap);
  openWriter(heap, config);
  store.task = { kind: 'install', zxid: heap.tree.lastZxid, phase: { kind: 'waiting' } };
}

/** The log is idle and no other snapshot is in the works. */
export function beginInstall(store: StoreState, config: PeerConfig, io: Io, task: InstallTask): void {
  task.phase = { kind: 'writing' };
  startJob(store, io, 'install', task.zxid, config);
}

/** `install.*` is durable. */
function switchOver(store: StoreState, io: Io, task: InstallTask, install: NamedFile): void {
  const script = scriptOf([
    ...changeMark(store, { zxid: task.zxid, config: ZXID_ZERO }),
    ...switchActions(install, { logs: store.log.files, snapshots: store.snapshots, badInstalls: store.badInstalls }),
  ]);
  task.phase = { kind: 'switching', install, script };
  advance(store, io, 'task', script);
}

/** An action of the switch is complete. */
export function onInstallOp(turn: StoreTurn, task: InstallTask): void {
  const { store, io, events } = turn;
  assert(task.phase.kind === 'switching', 'completion of an installation that has not begun');
  if (advance(store, io, 'task', task.phase.script)) return;
  const { install } = task.phase;
  store.task = null;
  store.mustResync = false;
  store.badInstalls = [];
  store.log.files = [];
  store.log.current = null;
  store.log.durable = task.zxid;
  store.snapshots = store.snapshots.filter(({ zxid }) => zxid < task.zxid);
  addSnapshot(store, { name: installedName(install), zxid: install.zxid, size: install.size });
  events.push({ type: 'installed', zxid: task.zxid });
}

export const installedName = (install: NamedFile): string => snapshotName(install.zxid, compressionOf(install.name));

/**
 * What replaces the old history by a durable `install.*` file. Done again from the beginning after a crash it comes to the
 * same end.
 */
export function switchActions(
  install: NamedFile,
  old: {
    readonly logs: readonly NamedFile[];
    readonly snapshots: readonly NamedFile[];
    readonly badInstalls: readonly string[];
  },
): FileAction[] {
  const actions: FileAction[] = [];
  for (const { name } of [...old.logs].reverse()) actions.push({ kind: 'remove', path: inLog(name) });
  actions.push({ kind: 'fsyncDir', path: LOG_DIR });
  for (const { name, zxid } of old.snapshots) {
    if (zxid >= install.zxid) actions.push({ kind: 'remove', path: inData(name) });
  }
  for (const name of old.badInstalls) if (name !== install.name) actions.push({ kind: 'remove', path: inData(name) });
  // The removals are durable before the rename is asked for, so no power cut can keep the one and undo the other.
  actions.push(
    { kind: 'fsyncDir', path: DATA_DIR },
    { kind: 'rename', from: inData(install.name), to: inData(installedName(install)) },
    { kind: 'fsyncDir', path: DATA_DIR },
  );
  return actions;
}
