/** Reading a log file from its beginning in pieces, as plain data. */

import type { FileAction } from '../io.ts';
import type { Zxid } from '../types.ts';
import { concat } from '../wire/bytes.ts';
import { Op } from '../wire/opcodes.ts';
import type { LogEntry } from '../wire/txn.ts';
import { readHeader } from '../wire/txn-codec.ts';
import { LOG_HEADER_SIZE, type LogHeader, type Parsed, parseLogHeader, parseRecord } from './log-file.ts';

/** What one read asks for. */
export const READ_BYTES = 256 * 1024;

export interface LogCursor {
  /** Bytes that were read and not yet consumed. */
  pending: Uint8Array;
  /** Place of `pending` in the file. */
  offset: number;
  /** `pending` reaches the end of the file. */
  whole: boolean;
}

export const logCursor = (): LogCursor => ({ pending: new Uint8Array(0), offset: 0, whole: false });

export function readOf(cursor: LogCursor, path: string): FileAction {
  return { kind: 'read', path, offset: cursor.offset + cursor.pending.length, length: READ_BYTES };
}

/** A read of `READ_BYTES` brought these. */
export function feed(cursor: LogCursor, bytes: Uint8Array): void {
  cursor.pending = cursor.pending.length === 0 ? bytes : concat([cursor.pending, bytes]);
  cursor.whole = bytes.length < READ_BYTES;
}

/** The file header, consumed when it is good; null when more must be read first. */
export function takeHeader(cursor: LogCursor): LogHeader | null {
  if (cursor.pending.length < LOG_HEADER_SIZE && !cursor.whole) return null;
  const header = parseLogHeader(cursor.pending);
  if (header.kind === 'good') drop(cursor, LOG_HEADER_SIZE);
  return header;
}

/** What stands at the cursor; a record is consumed. `next` of a record is its end in the file. */
export function takeRecord(cursor: LogCursor): Parsed {
  const parsed = parseRecord(cursor.pending, 0, cursor.whole);
  if (parsed.kind !== 'record') return parsed;
  drop(cursor, parsed.next);
  return { kind: 'record', entry: parsed.entry, next: cursor.offset };
}

/**
 * An entry may have the number of the one before it if all it does is to refuse a request. It changes nothing, and is not kept:
 * in our history a number stands for one entry.
 */
export function isRepeatedRefusal(last: Zxid, { zxid, bytes }: LogEntry): boolean {
  if (zxid !== last) return false;
  const header = readHeader(bytes);
  return header.ok && header.value.type === Op.error;
}

function drop(cursor: LogCursor, size: number): void {
  cursor.pending = cursor.pending.subarray(size);
  cursor.offset += size;
}
