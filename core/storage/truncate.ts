/**
 * Cutting the history (TRUNC): everything after `to` goes, for good.
 *
 * The order makes every crash leave a history that ends at `to` or later and is one that this server had:
 *
 * 1. the mark is lowered, or it would testify against what follows;
 * 2. snapshots above the cut go, all durably, before any log does: recovery starts from the newest snapshot, and one that
 *    outlived its log would bring the cut transactions back for ever (ZOOKEEPER-1549);
 * 3. later log files go, newest first and each durably before the next: of names that are not synced any subset survives
 *    a power cut, and a missing file between two present ones would be a hole;
 * 4. the file that holds `to` is cut behind it and fsynced: a cut that is not durable lets the tail return (upstream's
 *    setLength is not followed by an fsync).
 *
 * The place of the cut is found by reading the file, so what is kept is what is really there (ZOOKEEPER-1156 counted
 * positions along the way, and miscounted).
 */

import type { Heap } from '../heap.ts';
import type { FileAction, FileResult, Io } from '../io.ts';
import { assert, ZXID_ZERO, type Zxid } from '../types.ts';
import { feed, logCursor, readOf, takeHeader, takeRecord } from './log-cursor.ts';
import type { Mark } from './mark.ts';
import { changeMark } from './mark-writer.ts';
import { DATA_DIR, inData, inLog, LOG_DIR, type NamedFile } from './names.ts';
import { advance, ask, fail, type StoreTurn, scriptOf } from './ops.ts';
import type { StoreState, TruncateTask } from './state.ts';

/** The log is idle: begin. */
export function beginTruncate(store: StoreState, heap: Heap, io: Io, task: TruncateTask): void {
  const file = store.log.files.findLast((candidate) => candidate.zxid <= task.to);
  if (file === undefined) {
    cut(store, io, task, null);
  } else {
    task.phase = { kind: 'scanning', name: file.name, cursor: logCursor(), found: task.to === heap.log.base };
    ask(store, io, 'task', readOf(task.phase.cursor, inLog(file.name)));
  }
}

/** The read or the action that the task waited for is complete. */
export function onTruncateOp(turn: StoreTurn, task: TruncateTask, result: FileResult): void {
  const { store, io } = turn;
  switch (task.phase.kind) {
    case 'waiting':
      return assert(false, 'completion of a truncation that has not begun');
    case 'scanning':
      return onScanned(turn, task, task.phase, result);
    case 'cutting':
      if (!advance(store, io, 'task', task.phase.script)) endTruncate(turn, task);
      return;
    default:
      task.phase satisfies never;
  }
}

function onScanned(
  turn: StoreTurn,
  task: TruncateTask,
  scan: Extract<TruncateTask['phase'], { kind: 'scanning' }>,
  result: FileResult,
): void {
  const { store, io } = turn;
  const path = inLog(scan.name);
  if (!result.ok) return fail(turn, result.error, path);
  feed(scan.cursor, result.bytes ?? new Uint8Array(0));
  if (scan.cursor.offset === 0 && takeHeader(scan.cursor)?.kind !== 'good') return fail(turn, 'ECORRUPT', path);
  for (;;) {
    const at = scan.cursor.offset;
    const parsed = takeRecord(scan.cursor);
    if (parsed.kind === 'more') return ask(store, io, 'task', readOf(scan.cursor, path));
    if (parsed.kind === 'record' && parsed.entry.zxid <= task.to) {
      scan.found ||= parsed.entry.zxid === task.to;
      continue;
    }
    // The memory holds this position; that the file does not is damage.
    if (!scan.found) return fail(turn, 'ECORRUPT', path);
    const hasMore = parsed.kind === 'record' || parsed.kind === 'bad';
    return cut(store, io, task, hasMore ? { name: scan.name, size: at } : null);
  }
}

/** `end`: the file to be cut and the size that remains; null when none is to be cut. */
function cut(store: StoreState, io: Io, task: TruncateTask, end: { name: string; size: number } | null): void {
  const { to } = task;
  const actions: FileAction[] = [];
  if (store.mark.zxid > to) actions.push(...changeMark(store, loweredMark(store, to)));
  const above = (file: NamedFile): boolean => file.zxid > to;
  const snapshots = store.snapshots.filter(above);
  for (const { name } of snapshots) actions.push({ kind: 'remove', path: inData(name) });
  if (snapshots.length > 0) actions.push({ kind: 'fsyncDir', path: DATA_DIR });
  for (const { name } of store.log.files.filter(above).reverse()) {
    actions.push({ kind: 'remove', path: inLog(name) }, { kind: 'fsyncDir', path: LOG_DIR });
  }
  if (end !== null) {
    const path = inLog(end.name);
    actions.push({ kind: 'truncate', path, size: end.size }, { kind: 'fsync', path });
  }
  // Also a cut that has nothing to do is answered by a completion.
  if (actions.length === 0) actions.push({ kind: 'fsyncDir', path: LOG_DIR });
  const script = scriptOf(actions);
  task.phase = { kind: 'cutting', script };
  advance(store, io, 'task', script);
}

/** What is committed is never cut, a reconfiguration as little as anything else; a mark that names what is gone is no use. */
function loweredMark({ mark }: StoreState, to: Zxid): Partial<Mark> {
  return mark.config > to ? { zxid: to, config: ZXID_ZERO } : { zxid: to };
}

function endTruncate({ store, heap, events }: StoreTurn, { to }: TruncateTask): void {
  const kept = (file: NamedFile): boolean => file.zxid <= to;
  store.task = null;
  store.snapshots = store.snapshots.filter(kept);
  store.log.files = store.log.files.filter(kept);
  store.log.current = null;
  store.log.durable = Math.min(store.log.durable, to) as Zxid;
  heap.log.truncate(to);
  events.push({ type: 'truncated', zxid: to });
}
