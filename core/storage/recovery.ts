/**
 * Recovery: what does this server have, and can it prove it?
 *
 * The history is a snapshot and the log entries that follow it without a gap. Recovery takes the newest snapshot that is
 * whole, reads the log from there, and believes it only if
 *
 * - each entry follows the one before it (the next zxid, or the first of a later epoch), and each file begins behind the
 *   entry its header names;
 * - every newer snapshot that is not whole is covered: the log holds the very transaction its name ends with. Otherwise
 *   part of the history was only in that snapshot (after a SNAP the log begins above it), and an older snapshot plus the
 *   rest of the log would be a history with a hole in it;
 * - it reaches the mark (mark.ts): whatever was promised is there;
 * - what stands behind the last entry is explained by a write that was never confirmed (log-file.ts).
 *
 * If not, the files are left as they are and the recovery says `mustResync`: this server asks a leader for everything, and
 * does not vote before it has it. A crash alone, at whatever moment, never leads there.
 *
 * Then the files are put in order: leftovers of interrupted writes go, a torn end is cut, an interrupted installation is
 * completed, the epoch files are repaired, and everything that was only read is made durable before it is reported. Reading
 * proves nothing about the platter: the bytes may be in the page cache only, left by a process that died, or that gave up
 * because its fsync failed, after which the kernel calls the pages clean and a later fsync does nothing. So what lies above
 * the mark is written once more.
 *
 * All of it is one chain of operations, and doing it twice is the same as doing it once.
 */

import type { FileAction, FileEntry, FileResult, Io } from '../io.ts';
import { note } from '../io.ts';
import { DataTree } from '../tree/data-tree.ts';
import { assert, asZxid, epochOf, showZxid, ZXID_ZERO, type Zxid } from '../types.ts';
import { concat } from '../wire/bytes.ts';
import type { LogEntry } from '../wire/txn.ts';
import { follows } from '../zab/sync.ts';
import { epochActions, replaceFile } from './epoch-writer.ts';
import { decodeEpoch, EPOCH_FILE_BYTES_MAX, type EpochFile, encodeEpoch, epochIn, repairEpochs } from './epochs.ts';
import { feed, isRepeatedRefusal, logCursor, READ_BYTES, readOf, takeHeader, takeRecord } from './log-cursor.ts';
import { classifyTail, isZero, LOG_HEADER_SIZE, RECORD_BYTES_MAX } from './log-file.ts';
import { decodeMark, MARK_SIZE } from './mark.ts';
import { markActions } from './mark-writer.ts';
import {
  ACCEPTED_EPOCH,
  CURRENT_EPOCH,
  compressionOf,
  DATA_DIR,
  DATA_ROOT,
  INITIALIZE_NAME,
  inData,
  inLog,
  isLeftover,
  LOG_DIR,
  LOG_ROOT,
  MARK_NAME,
  type NamedFile,
  namedFiles,
  snapshotName,
  TMP_SUFFIX,
} from './names.ts';
import { advance, ask, fail, type StoreTurn, scriptOf } from './ops.ts';
import { SnapshotFileWriter, SnapshotLoad } from './snapshot-file.ts';
import { addSnapshot, installedName, switchActions } from './snapshots.ts';
import type { Recovery, RecoveryStage, RecoveryState, StoreState } from './state.ts';
import { TxnWindow } from './window.ts';

type Stage<K extends RecoveryStage['kind']> = Extract<RecoveryStage, { kind: K }>;

const MISSING: EpochFile = { kind: 'missing' };
const DAMAGED: EpochFile = { kind: 'damaged' };
const BEFORE_ALL = asZxid(-1);
const CURRENT_TMP = inData(CURRENT_EPOCH + TMP_SUFFIX);
const isCurrentTmp = (path: string): boolean => path === CURRENT_TMP;

export function newRecovery(): RecoveryState {
  const script = scriptOf([
    { kind: 'mkdir', path: DATA_DIR },
    { kind: 'mkdir', path: LOG_DIR },
    { kind: 'fsyncDir', path: DATA_ROOT },
    { kind: 'fsyncDir', path: LOG_ROOT },
  ]);
  return {
    stage: { kind: 'prepare', script },
    initializeFile: false,
    smallFiles: [],
    leftovers: [],
    installs: [],
    snapshots: [],
    logs: [],
    accepted: MISSING,
    current: MISSING,
    currentTmp: MISSING,
    markExists: false,
    mark: null,
    invalid: [],
    base: null,
    isInstall: false,
    isEmpty: false,
    readLogs: [],
    tail: { kind: 'keep' },
    unproved: null,
    problem: null,
    epochsLost: false,
    notes: [],
  };
}

export function beginRecovery(store: StoreState, io: Io): void {
  const { stage } = recoveryOf(store);
  assert(stage.kind === 'prepare', 'recovery begun twice');
  advance(store, io, 'recovery', stage.script);
}

function recoveryOf(store: StoreState): RecoveryState {
  assert(store.phase.kind === 'recovering', 'not recovering');
  return store.phase.recovery;
}

/** The operation that recovery waited for is complete. Only reads come here with an error. */
export function onRecoveryOp(turn: StoreTurn, result: FileResult): void {
  const { store, io } = turn;
  const r = recoveryOf(store);
  const { stage } = r;
  switch (stage.kind) {
    case 'prepare':
      if (!advance(store, io, 'recovery', stage.script)) list(store, io, 'listRoot', DATA_ROOT);
      return;
    case 'listRoot':
      r.initializeFile = entriesOf(result).some(({ name }) => name === INITIALIZE_NAME);
      return list(store, io, 'listData', DATA_DIR);
    case 'listData':
      onDataListed(r, entriesOf(result));
      return list(store, io, 'listLog', LOG_DIR);
    case 'listLog':
      onLogListed(r, entriesOf(result));
      return readSmallFile(turn, r);
    case 'smallFiles':
      onSmallFile(r, result);
      return readSmallFile(turn, r);
    case 'snapshot':
      return onSnapshotRead(turn, r, stage, result);
    case 'log':
      return onLogRead(turn, r, stage, result);
    case 'tail':
      return onTailRead(turn, r, stage, result);
    case 'repair':
      if (!advance(store, io, 'recovery', stage.script)) rewrite(turn, r);
      return;
    case 'rewrite':
      return onRewriteOp(turn, r, stage, result);
    case 'confirm':
      if (!advance(store, io, 'recovery', stage.script)) finish(turn, r);
      return;
    default:
      stage satisfies never;
  }
}

// --- what is there ---------------------------------------------------------------------------------------------------

function list(store: StoreState, io: Io, kind: 'listRoot' | 'listData' | 'listLog', path: string): void {
  recoveryOf(store).stage = { kind };
  ask(store, io, 'recovery', { kind: 'list', path });
}

function entriesOf(result: FileResult): readonly FileEntry[] {
  assert(result.ok, 'a failed listing ends recovery');
  return result.entries ?? [];
}

const SMALL_FILE_BYTES_MAX = Math.max(EPOCH_FILE_BYTES_MAX, MARK_SIZE);
const SMALL_FILES: readonly string[] = [ACCEPTED_EPOCH, CURRENT_EPOCH, CURRENT_EPOCH + TMP_SUFFIX];

function onDataListed(r: RecoveryState, entries: readonly FileEntry[]): void {
  const names = entries.map(({ name }) => name);
  r.snapshots = namedFiles(entries, 'snapshot');
  r.installs = namedFiles(entries, 'install');
  r.leftovers = names.filter(isLeftover).map(inData);
  r.smallFiles = SMALL_FILES.filter((name) => names.includes(name)).map(inData);
}

function onLogListed(r: RecoveryState, entries: readonly FileEntry[]): void {
  r.logs = namedFiles(entries, 'log');
  r.markExists = entries.some(({ name }) => name === MARK_NAME);
  if (r.markExists) r.smallFiles.push(inLog(MARK_NAME));
}

function readSmallFile(turn: StoreTurn, r: RecoveryState): void {
  const path = r.smallFiles[0];
  if (path === undefined) return loadNewest(turn, r);
  r.stage = { kind: 'smallFiles' };
  ask(turn.store, turn.io, 'recovery', { kind: 'read', path, offset: 0, length: SMALL_FILE_BYTES_MAX + 1 });
}

function onSmallFile(r: RecoveryState, result: FileResult): void {
  const path = r.smallFiles.shift();
  const bytes = result.ok ? (result.bytes ?? new Uint8Array(0)) : null;
  const epoch = bytes === null ? DAMAGED : decodeEpoch(bytes);
  if (path === inData(ACCEPTED_EPOCH)) r.accepted = epoch;
  else if (path === inData(CURRENT_EPOCH)) r.current = epoch;
  else if (path === inLog(MARK_NAME)) r.mark = bytes === null ? null : decodeMark(bytes);
  else r.currentTmp = epoch;
}

// --- the snapshot ----------------------------------------------------------------------------------------------------

/** An installation that came as far as its rename is in force, whatever else is there. */
function loadNewest(turn: StoreTurn, r: RecoveryState): void {
  r.isInstall = r.installs.length > 0;
  load(turn, r, [...(r.isInstall ? r.installs : r.snapshots)].reverse());
}

function load(turn: StoreTurn, r: RecoveryState, candidates: NamedFile[]): void {
  const file = candidates[0];
  if (file === undefined) return withoutSnapshot(turn, r);
  turn.heap.loading = new SnapshotLoad(file.zxid, compressionOf(file.name));
  r.stage = { kind: 'snapshot', candidates, offset: 0 };
  readSnapshot(turn, file, 0);
}

function readSnapshot({ store, io }: StoreTurn, file: NamedFile, offset: number): void {
  ask(store, io, 'recovery', { kind: 'read', path: inData(file.name), offset, length: READ_BYTES });
}

function onSnapshotRead(turn: StoreTurn, r: RecoveryState, stage: Stage<'snapshot'>, result: FileResult): void {
  const { heap } = turn;
  const { loading } = heap;
  const file = stage.candidates[0];
  assert(file !== undefined, 'a snapshot was read that nobody wanted');
  assert(loading instanceof SnapshotLoad, 'a snapshot was read that nobody loads');
  const bytes = result.ok ? (result.bytes ?? new Uint8Array(0)) : null;
  if (bytes !== null) loading.push(bytes);
  if (bytes !== null && bytes.length === READ_BYTES && !loading.isBad) {
    stage.offset += bytes.length;
    return readSnapshot(turn, file, stage.offset);
  }
  const tree = bytes === null ? null : loading.finish();
  heap.loading = null;
  if (tree === null) {
    r.notes.push(`${file.name} is not whole`);
    if (!r.isInstall) r.invalid.push(file.zxid);
    return load(turn, r, stage.candidates.slice(1));
  }
  heap.tree = tree;
  heap.log = new TxnWindow(file.zxid);
  r.base = file;
  if (r.isInstall) settle(turn, r);
  else readLogs(turn, r, file.zxid);
}

function withoutSnapshot(turn: StoreTurn, r: RecoveryState): void {
  turn.heap.tree = DataTree.fresh();
  turn.heap.log = new TxnWindow(ZXID_ZERO);
  const epochs = Math.max(
    epochIn(r.accepted) ?? 0,
    epochIn(r.current) ?? 0,
    r.mark?.acceptedEpoch ?? 0,
    r.mark?.zxid ?? 0,
  );
  const isDamaged = r.accepted.kind === 'damaged' || r.current.kind === 'damaged';
  if (r.isInstall || r.snapshots.length > 0) r.problem = 'no snapshot is whole';
  else if (r.logs.some(({ size }) => size > 0)) r.problem = 'a log without any snapshot';
  else if (epochs > 0 || isDamaged) r.problem = 'epochs or promises without any history';
  else r.isEmpty = true;
  if (r.isEmpty && !r.initializeFile && !turn.config.dbAutocreate) r.problem = 'empty, and not declared new';
  settle(turn, r);
}

// --- the log ---------------------------------------------------------------------------------------------------------

/** From the last file that begins no later than right behind the snapshot. */
function readLogs(turn: StoreTurn, r: RecoveryState, base: Zxid): void {
  const first = r.logs.findLastIndex(({ zxid }) => zxid <= base + 1);
  nextLog(turn, r, { files: r.logs.slice(Math.max(0, first)), last: BEFORE_ALL, doubt: null });
}

function nextLog(turn: StoreTurn, r: RecoveryState, from: Pick<Stage<'log'>, 'files' | 'last' | 'doubt'>): void {
  const file = from.files[0];
  if (file === undefined) return settle(turn, r);
  const cursor = logCursor();
  r.readLogs.push(file.name);
  r.unproved = null;
  r.stage = { ...from, kind: 'log', cursor, headerSeen: false, end: 0 };
  ask(turn.store, turn.io, 'recovery', readOf(cursor, inLog(file.name)));
}

function onLogRead(turn: StoreTurn, r: RecoveryState, stage: Stage<'log'>, result: FileResult): void {
  const { name } = stage.files[0]!;
  if (!result.ok) return giveUp(turn, r, `${name} cannot be read: ${result.error}`);
  feed(stage.cursor, result.bytes ?? new Uint8Array(0));
  if (!stage.headerSeen) {
    const header = takeHeader(stage.cursor);
    if (header !== null && header.kind !== 'good') return onLogEnd(turn, r, stage, header.kind === 'unwritten');
    if (header !== null) {
      const problem = joinProblem(turn, stage, header.previous);
      if (problem !== null) return giveUp(turn, r, problem);
      stage.headerSeen = true;
      stage.end = LOG_HEADER_SIZE;
    }
  }
  takeRecords(turn, r, stage, name);
}

/** What speaks against this file coming next, given the entry it says it comes behind. */
function joinProblem({ heap }: StoreTurn, { files, doubt }: Stage<'log'>, previous: Zxid | null): string | null {
  if (previous === null) return doubt;
  if (previous <= heap.log.base || previous === heap.log.last) return null;
  return `${files[0]!.name} begins behind ${showZxid(previous)}, which is not here`;
}

function takeRecords(turn: StoreTurn, r: RecoveryState, stage: Stage<'log'>, name: string): void {
  for (;;) {
    const parsed = takeRecord(stage.cursor);
    if (parsed.kind === 'more') return ask(turn.store, turn.io, 'recovery', readOf(stage.cursor, inLog(name)));
    if (parsed.kind !== 'record') return onLogEnd(turn, r, stage, parsed.kind === 'end');
    const problem = accept(turn, stage.last, parsed.entry);
    if (problem !== null) return giveUp(turn, r, `${name}: ${problem}`);
    stage.last = parsed.entry.zxid;
    if (r.mark !== null && parsed.entry.zxid > r.mark.zxid) {
      r.unproved ??= { name, from: stage.end === LOG_HEADER_SIZE ? 0 : stage.end, to: 0 };
      r.unproved.to = parsed.next;
    }
    stage.end = parsed.next;
  }
}

/** Adds the entry to the history; what is wrong with it, or null. */
function accept({ heap }: StoreTurn, last: Zxid, entry: LogEntry): string | null {
  const { zxid } = entry;
  if (isRepeatedRefusal(last, entry)) return null;
  if (zxid <= last) return `entry ${showZxid(zxid)} stands behind ${showZxid(last)}`;
  // Older than the snapshot: it is in there.
  if (zxid <= heap.log.base) return null;
  if (!follows(heap.log.last, zxid)) return `nothing between ${showZxid(heap.log.last)} and ${showZxid(zxid)}`;
  heap.log.push(entry);
  return null;
}

/**
 * No record follows in this file. A file that is not the last was complete before the next one was begun, so whatever
 * stands behind its records, the next file proves whether any is missing: by the entry it says it comes behind, or by its
 * own first entry being the next zxid. A later epoch without the former proves nothing, because any number of entries may
 * have been the last of the epoch before.
 */
function onLogEnd(turn: StoreTurn, r: RecoveryState, stage: Stage<'log'>, unwritten: boolean): void {
  const { name } = stage.files[0]!;
  const next = stage.files[1];
  if (next !== undefined) {
    const { last } = stage;
    if (!unwritten) r.notes.push(`${name} has bytes behind its last record that are none`);
    const isOpen = !unwritten && next.zxid > turn.heap.log.base && epochOf(next.zxid) > epochOf(last);
    const doubt = isOpen ? `${name} is damaged behind ${showZxid(last)}, where its epoch may have gone on` : null;
    return nextLog(turn, r, { files: stage.files.slice(1), last, doubt });
  }
  const { pending, offset, whole } = stage.cursor;
  r.stage = {
    kind: 'tail',
    name,
    end: stage.end,
    offset: offset + pending.length,
    bytes: unwritten ? null : pending.slice(),
    dirty: unwritten && !isZero(pending, 0, pending.length),
  };
  if (whole) judgeTail(turn, r, r.stage);
  else readTail(turn, r.stage);
}

function readTail({ store, io }: StoreTurn, stage: Stage<'tail'>): void {
  ask(store, io, 'recovery', { kind: 'read', path: inLog(stage.name), offset: stage.offset, length: READ_BYTES });
}

function onTailRead(turn: StoreTurn, r: RecoveryState, stage: Stage<'tail'>, result: FileResult): void {
  if (!result.ok) return giveUp(turn, r, `${stage.name} cannot be read: ${result.error}`);
  const bytes = result.bytes ?? new Uint8Array(0);
  stage.offset += bytes.length;
  if (stage.bytes !== null && stage.bytes.length < RECORD_BYTES_MAX) stage.bytes = concat([stage.bytes, bytes]);
  else stage.dirty ||= !isZero(bytes, 0, bytes.length);
  if (bytes.length === READ_BYTES) readTail(turn, stage);
  else judgeTail(turn, r, stage);
}

function judgeTail(turn: StoreTurn, r: RecoveryState, stage: Stage<'tail'>): void {
  const { name, end, bytes, dirty } = stage;
  const verdict = classifyTail({
    bytes: bytes ?? new Uint8Array(0),
    dirtyBeyond: dirty,
    marked: isMarkReached(turn, r),
    isHeader: end === 0,
  });
  if (verdict === 'damaged') return giveUp(turn, r, `${name} is damaged behind ${showZxid(turn.heap.log.last)}`);
  if (verdict === 'torn') r.notes.push(`${name} ends in an unfinished write`);
  if (end <= LOG_HEADER_SIZE) r.tail = { kind: 'remove', name };
  else if (verdict === 'torn') r.tail = { kind: 'cut', name, size: end };
  settle(turn, r);
}

function giveUp(turn: StoreTurn, r: RecoveryState, problem: string): void {
  r.problem = problem;
  settle(turn, r);
}

// --- the verdict -----------------------------------------------------------------------------------------------------

/** There is a mark, and the history is not known to end before it. */
function isMarkReached({ heap }: StoreTurn, r: RecoveryState): boolean {
  return r.markExists && (r.mark?.zxid ?? ZXID_ZERO) <= heap.log.last;
}

function settle(turn: StoreTurn, r: RecoveryState): void {
  r.problem ??= problemOf(turn, r);
  r.epochsLost = epochsOf(turn, r).damaged;
  for (const problem of [r.problem, r.epochsLost ? 'an epoch file is damaged' : null]) {
    if (problem === null) continue;
    r.notes.push(problem);
    note(turn.io, 'storage.recovery.unproved', { problem, last: turn.heap.log.last });
  }
  const script = scriptOf(r.problem === null ? repairs(r) : removals(r.leftovers, DATA_DIR));
  r.stage = { kind: 'repair', script };
  if (!advance(turn.store, turn.io, 'recovery', script)) rewrite(turn, r);
}

/** What speaks against a history that was read without trouble. */
function problemOf(turn: StoreTurn, r: RecoveryState): string | null {
  const { log } = turn.heap;
  // A completed installation has replaced what the mark and older snapshots speak of.
  if (r.isInstall || r.isEmpty) return null;
  const uncovered = r.invalid.find((zxid) => log.find(zxid) < 0 && zxid !== log.base);
  if (uncovered !== undefined) return `the log does not hold ${showZxid(uncovered)}, which a damaged snapshot held`;
  if (r.mark !== null && !isMarkReached(turn, r)) return `${showZxid(r.mark.zxid)} was promised and is not here`;
  return null;
}

function epochsOf({ heap }: StoreTurn, r: RecoveryState): ReturnType<typeof repairEpochs> {
  return repairEpochs(
    { accepted: r.accepted, current: r.current, currentTmp: r.currentTmp },
    epochOf(heap.log.last),
    r.mark,
  );
}

// --- putting in order ------------------------------------------------------------------------------------------------

function removals(paths: readonly string[], dir: string): FileAction[] {
  if (paths.length === 0) return [];
  return [...paths.map((path): FileAction => ({ kind: 'remove', path })), { kind: 'fsyncDir', path: dir }];
}

function repairs(r: RecoveryState): FileAction[] {
  // The name of the snapshot that everything rests on may be in the page cache only, left there by a process that died
  // between a rename and its fsync. Nothing may be made durable on the strength of it before it is durable itself.
  const actions: FileAction[] = [{ kind: 'fsyncDir', path: DATA_DIR }];
  // An unfinished currentEpoch stays until its value is in the file, or known to be of no use.
  actions.push(
    ...removals(
      r.leftovers.filter((path) => !isCurrentTmp(path)),
      DATA_DIR,
    ),
  );
  if (r.isInstall && r.base !== null) {
    // As in an installation without a crash, the mark comes first: it may speak of what is being replaced.
    if (r.mark !== null) {
      actions.push(...markActions({ ...r.mark, zxid: r.base.zxid, config: ZXID_ZERO }, { exists: true }));
    }
    actions.push(...switchActions(r.base, { ...r, badInstalls: r.installs.map(({ name }) => name) }));
  }
  if (r.tail.kind === 'remove') actions.push(...removals([inLog(r.tail.name)], LOG_DIR));
  if (r.tail.kind === 'cut') {
    const path = inLog(r.tail.name);
    actions.push({ kind: 'truncate', path, size: r.tail.size }, { kind: 'fsync', path });
  }
  return actions;
}

/**
 * Writes the entries above the mark once more where they stand. They are the same bytes, so a crash in the middle changes
 * nothing, and the fsync that follows has something to do even if an earlier one failed on them.
 */
function rewrite(turn: StoreTurn, r: RecoveryState): void {
  const { unproved, problem, tail } = r;
  if (unproved === null || problem !== null || tail.kind === 'remove') return confirm(turn, r);
  r.stage = { kind: 'rewrite', offset: unproved.from, reading: true };
  readUnproved(turn, unproved, unproved.from);
}

function readUnproved(
  { store, io }: StoreTurn,
  { name, to }: { readonly name: string; readonly to: number },
  offset: number,
): void {
  const length = Math.min(READ_BYTES, to - offset);
  ask(store, io, 'recovery', { kind: 'read', path: inLog(name), offset, length });
}

function onRewriteOp(turn: StoreTurn, r: RecoveryState, stage: Stage<'rewrite'>, result: FileResult): void {
  const { unproved } = r;
  assert(unproved !== null, 'nothing is to be rewritten');
  const path = inLog(unproved.name);
  if (!result.ok) return fail(turn, result.error, path);
  if (!stage.reading) {
    if (stage.offset >= unproved.to) return confirm(turn, r);
    stage.reading = true;
    return readUnproved(turn, unproved, stage.offset);
  }
  const bytes = result.bytes ?? new Uint8Array(0);
  if (bytes.length === 0) return fail(turn, 'ECORRUPT', path);
  ask(turn.store, turn.io, 'recovery', { kind: 'write', path, offset: stage.offset, bytes });
  stage.reading = false;
  stage.offset += bytes.length;
}

/** Makes durable what was only read, and writes down what was decided. */
function confirm(turn: StoreTurn, r: RecoveryState): void {
  const actions = r.problem === null ? confirmations(turn, r) : [];
  const script = scriptOf([...actions, { kind: 'fsyncDir', path: DATA_DIR }]);
  r.stage = { kind: 'confirm', script };
  advance(turn.store, turn.io, 'recovery', script);
}

function confirmations(turn: StoreTurn, r: RecoveryState): FileAction[] {
  const actions: FileAction[] = [];
  const readLogs = r.tail.kind === 'remove' ? r.readLogs.slice(0, -1) : r.readLogs;
  // With a mark all files but the last log were fsynced by this machine before they got their names or successors.
  const unsynced = !r.markExists ? readLogs : readLogs.slice(-1);
  for (const name of unsynced) actions.push({ kind: 'fsync', path: inLog(name) });
  if (!r.markExists && r.base !== null) actions.push({ kind: 'fsync', path: inData(baseName(r) ?? r.base.name) });
  if (r.isEmpty) actions.push(...replaceFile(snapshotName(ZXID_ZERO, 'none'), firstSnapshot(turn)));
  actions.push({ kind: 'fsyncDir', path: LOG_DIR });
  // Without known epochs there is nothing to write down, in the mark either.
  if (!r.epochsLost) actions.push(...markRepairs(turn, r), ...epochRepairs(turn, r));
  else actions.push(...removals(r.leftovers.filter(isCurrentTmp), DATA_DIR));
  if (r.initializeFile) {
    actions.push({ kind: 'remove', path: `${DATA_ROOT}/${INITIALIZE_NAME}` }, { kind: 'fsyncDir', path: DATA_ROOT });
  }
  return actions;
}

/** The name that the base has when everything is in order. */
function baseName(r: RecoveryState): string | null {
  if (r.base === null) return r.isEmpty && r.problem === null ? snapshotName(ZXID_ZERO, 'none') : null;
  return r.isInstall ? installedName(r.base) : r.base.name;
}

/** A log without any snapshot proves nothing, so a new server begins with a snapshot of the empty database, as Java does. */
function firstSnapshot({ heap, config }: StoreTurn): Uint8Array {
  const options = { compression: 'none', digest: config.digestEnabled, lastProcessed: true } as const;
  const writer = new SnapshotFileWriter(heap.tree.openSnapshot(), options);
  const parts: Uint8Array[] = [];
  for (let bytes = writer.next(READ_BYTES); bytes !== null; bytes = writer.next(READ_BYTES)) parts.push(bytes);
  return concat(parts);
}

/** A missing file says 0, and needs not be written to say so: a standalone server has none. */
const saidBy = (file: EpochFile): number | null => (file.kind === 'missing' ? 0 : epochIn(file));

function epochRepairs(turn: StoreTurn, r: RecoveryState): FileAction[] {
  const wanted = epochsOf(turn, r);
  const said = { accepted: saidBy(r.accepted), current: saidBy(r.current) };
  if (!r.leftovers.includes(CURRENT_TMP)) return epochActions(said, wanted);
  if (epochIn(r.currentTmp) !== wanted.currentEpoch || said.current === wanted.currentEpoch) {
    return [...removals([CURRENT_TMP], DATA_DIR), ...epochActions(said, wanted)];
  }
  // The unfinished write is finished: with fresh bytes, as nothing is known of an fsync.
  const bytes = encodeEpoch(wanted.currentEpoch);
  return [
    ...epochActions({ ...said, current: wanted.currentEpoch }, wanted),
    { kind: 'write', path: CURRENT_TMP, offset: 0, bytes },
    { kind: 'truncate', path: CURRENT_TMP, size: bytes.length },
    { kind: 'fsync', path: CURRENT_TMP },
    { kind: 'rename', from: CURRENT_TMP, to: inData(CURRENT_EPOCH) },
    { kind: 'fsyncDir', path: DATA_DIR },
  ];
}

/** All of the history is durable when this is asked for. */
function markRepairs(turn: StoreTurn, r: RecoveryState): FileAction[] {
  const { acceptedEpoch, currentEpoch } = epochsOf(turn, r);
  const wanted = { zxid: turn.heap.log.last, acceptedEpoch, currentEpoch, config: markedConfig(r) };
  // Also when it says so already: what was read may never have reached the platter.
  return markActions(wanted, { exists: r.markExists });
}

/** What a whole state that was installed brings is in force by its tree, which knows of no entries before it. */
function markedConfig(r: RecoveryState): Zxid {
  return r.mark === null || (r.isInstall && r.problem === null) ? ZXID_ZERO : r.mark.config;
}

// --- the end ---------------------------------------------------------------------------------------------------------

function finish(turn: StoreTurn, r: RecoveryState): void {
  const { store, heap, config, io, events } = turn;
  const proved = r.problem === null;
  const epochs = epochsOf(turn, r);
  const name = baseName(r);
  const removed = r.tail.kind === 'remove' && proved ? r.tail.name : null;
  const { last } = heap.log;
  const isReplaced = r.isInstall && proved;
  store.phase = { kind: 'ready' };
  store.mustResync = !proved || r.epochsLost;
  store.log.files = isReplaced ? [] : r.logs.filter((file) => file.name !== removed);
  store.log.durable = last;
  store.snapshots = isReplaced ? r.snapshots.filter(({ zxid }) => zxid < last) : r.snapshots;
  store.badInstalls = isReplaced ? [] : r.installs.map((file) => file.name);
  if (name !== null) addSnapshot(store, { name, zxid: heap.log.base, size: r.base?.size ?? 0 });
  const said = { accepted: epochIn(r.accepted), current: epochIn(r.current) };
  const written = store.mustResync ? said : { accepted: epochs.acceptedEpoch, current: epochs.currentEpoch };
  store.epochs.accepted = written.accepted;
  store.epochs.current = written.current;
  store.mark.exists = r.markExists || !store.mustResync;
  store.mark.zxid = proved ? last : (r.mark?.zxid ?? ZXID_ZERO);
  store.mark.acceptedEpoch = epochs.acceptedEpoch;
  store.mark.currentEpoch = epochs.currentEpoch;
  store.mark.config = markedConfig(r);
  store.pace.entriesSince = heap.log.length;
  store.purge.dueAtMs = config.autopurgeIntervalMs > 0 ? io.now.monoMs : null;
  events.push({ type: 'recovered', recovery: reportOf(r, { base: heap.log.base, last, epochs }) });
}

function reportOf(
  r: RecoveryState,
  { base, last, epochs }: { base: Zxid; last: Zxid; epochs: ReturnType<typeof repairEpochs> },
): Recovery {
  return {
    snapshotZxid: base,
    lastZxid: last,
    acceptedEpoch: epochs.acceptedEpoch,
    currentEpoch: epochs.currentEpoch,
    mustResync: r.problem !== null || r.epochsLost,
    empty: r.isEmpty,
    initializeFile: r.initializeFile,
    notes: [...r.notes],
  };
}
