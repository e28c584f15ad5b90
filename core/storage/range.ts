/**
 * Reading a stretch of history from the log files, for a learner that is too far behind for the window in memory
 * (LearnerHandler reads FileTxnLog for a DIFF). Only a stretch without a gap is any use, so anything odd ends in null and the
 * caller falls back to a snapshot. Reading goes on a lane of its own; the file being appended to is read only up to `upTo`,
 * which is durable.
 */

import type { FileResult, Io } from '../io.ts';
import { note } from '../io.ts';
import { assert, type Zxid } from '../types.ts';
import type { LogEntry } from '../wire/txn.ts';
import { follows } from '../zab/sync.ts';
import { feed, isRepeatedRefusal, logCursor, readOf, takeHeader, takeRecord } from './log-cursor.ts';
import { inLog } from './names.ts';
import { ask, type StoreTurn } from './ops.ts';
import type { RangeRead, StoreState } from './state.ts';

export interface Range {
  readonly after: Zxid;
  readonly upTo: Zxid;
  /** Gives up when the entries are larger than this. */
  readonly bytesMax: number;
}

/** Learners being helped at a time are bounded by the leader; this bounds what their reads may hold. */
const RANGES_MAX = 256;

export function beginRange(store: StoreState, io: Io, range: Range): number {
  assert(range.after < range.upTo, 'empty range');
  assert(store.ranges.size < RANGES_MAX, 'too many range reads');
  const token = store.nextToken++;
  const { files } = store.log;
  const first = Math.max(
    0,
    files.findLastIndex((file) => file.zxid <= range.after),
  );
  const names = files
    .slice(first)
    .filter((file) => file.zxid <= range.upTo)
    .map((file) => file.name);
  const read: RangeRead = { ...range, names, cursor: logCursor(), entries: [], bytes: 0, cancelled: false };
  store.ranges.set(token, read);
  // Without any file the answer is null; it still comes as an answer to something asked.
  const path = inLog(names[0] ?? 'none');
  ask(store, io, 'range', readOf(read.cursor, path), { lane: 'read', token });
  return token;
}

export function onRangeOp(turn: StoreTurn, token: number, result: FileResult): void {
  const { store, io } = turn;
  const read = store.ranges.get(token);
  assert(read !== undefined, 'completion of an unknown range read');
  if (!result.ok) {
    note(io, 'storage.range.unreadable', { error: result.error });
    return endRange(turn, token, null);
  }
  if (read.cancelled) return endRange(turn, token, null);
  feed(read.cursor, result.bytes ?? new Uint8Array(0));
  switch (takeEntries(read)) {
    case 'more':
      return ask(store, io, 'range', readOf(read.cursor, inLog(read.names[0]!)), { lane: 'read', token });
    case 'done':
      // Fresh objects: the ones in the state stay there.
      return endRange(
        turn,
        token,
        read.entries.map(({ zxid, bytes }) => ({ zxid, bytes })),
      );
    case 'impossible':
      return endRange(turn, token, null);
  }
}

function endRange({ store, events }: StoreTurn, token: number, entries: LogEntry[] | null): void {
  store.ranges.delete(token);
  events.push({ type: 'rangeRead', token, entries });
}

/** Takes what the cursor has; `more` when the file, or the next one, must be read on. */
function takeEntries(read: RangeRead): 'more' | 'done' | 'impossible' {
  if (read.cursor.offset === 0) {
    const header = takeHeader(read.cursor);
    if (header?.kind !== 'good') return 'impossible';
    // Across a border of epochs only the header tells whether the file before ended where it should.
    const last = read.entries.at(-1)?.zxid;
    if (last !== undefined && header.previous !== null && header.previous !== last) return 'impossible';
  }
  for (;;) {
    const parsed = takeRecord(read.cursor);
    switch (parsed.kind) {
      case 'more':
        return 'more';
      case 'record': {
        const { entry } = parsed;
        if (entry.zxid <= read.after) break;
        const previous = read.entries.at(-1)?.zxid ?? read.after;
        if (isRepeatedRefusal(previous, entry)) break;
        read.bytes += entry.bytes.length;
        if (!follows(previous, entry.zxid) || read.bytes > read.bytesMax) return 'impossible';
        read.entries.push(entry);
        if (entry.zxid === read.upTo) return 'done';
        break;
      }
      case 'bad':
        return 'impossible';
      case 'end':
        // The end of this file; the next one shows whether anything is missing in between.
        read.names.shift();
        if (read.names.length === 0) return 'impossible';
        read.cursor = logCursor();
        return 'more';
      default:
        parsed satisfies never;
    }
  }
}
