/**
 * The bytes of a transaction log (server/persistence/FileTxnLog, FilePadding).
 *
 * ```
 * Log    => "ZKLG":int version:int(2) previous:long Record* 00*
 * Record => checksum:long length:int entry 42
 * ```
 *
 * The checksum is the Adler-32 of the entry. The file is extended with zeros in large steps before they are needed, so that
 * ordinary appends change no metadata; a length of zero therefore means "nothing was written here".
 *
 * `previous` is the zxid of the entry before the first of this file. Within an epoch the numbers of two entries tell whether
 * one is missing between them. Where a later epoch begins they do not, so without this a file could lose its end, or be
 * lost whole, and nobody would notice. Java calls the field dbid, writes 0, and reads nothing but the magic number; 0 means
 * "not known" to us too.
 *
 * **Torn or damaged.** After the last good record there may be something that is no record. If a power cut kept it from
 * being written whole, nobody was promised anything and it is cut off. If it was whole once and something happened to it
 * since, it may be the only copy of a promise, and cutting it off would break the promise silently (Alagappan et al.,
 * "Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018). The bytes alone cannot always tell. What can be said:
 * a record that one flipped bit makes good was whole once (`isOneBitOff`); and where the mark stands (mark.ts),
 * everything that was promised before it is known. `classifyTail` joins these with what follows the record.
 */

import { assert, asZxid, ZXID_ZERO, type Zxid } from '../types.ts';
import { adler32 } from '../wire/adler32.ts';
import { JuteWriter } from '../wire/jute.ts';
import type { LogEntry } from '../wire/txn.ts';
import { readHeader } from '../wire/txn-codec.ts';

export const LOG_HEADER_SIZE = 16;
const LOG_MAGIC = 0x5a4b_4c47;
const LOG_VERSION = 2;
/** Before the entry: checksum and length. */
const RECORD_HEAD_SIZE = 12;
const END_OF_RECORD = 0x42;
/** Java reads no more than jute.maxbuffer plus as much again; this is far above any sensible setting of it. */
export const ENTRY_BYTES_MAX = 64 * 1024 * 1024;
export const RECORD_BYTES_MAX = RECORD_HEAD_SIZE + ENTRY_BYTES_MAX + 1;

export const recordSize = (entry: LogEntry): number => RECORD_HEAD_SIZE + entry.bytes.length + 1;

// --- writing ---------------------------------------------------------------------------------------------------------

/** The bytes of these entries as records, behind the file header if `header` is set. */
export function encodeRecords(
  entries: readonly LogEntry[],
  options: { readonly header: boolean; readonly previous?: Zxid },
): Uint8Array {
  let size = options.header ? LOG_HEADER_SIZE : 0;
  for (const entry of entries) size += recordSize(entry);
  const w = new JuteWriter(size);
  if (options.header) {
    w.int(LOG_MAGIC);
    w.int(LOG_VERSION);
    w.num(options.previous ?? ZXID_ZERO);
  }
  for (const { bytes } of entries) {
    assert(bytes.length > 0, 'empty log entry');
    assert(bytes.length <= ENTRY_BYTES_MAX, 'log entry too large');
    w.num(adler32(bytes));
    w.int(bytes.length);
    w.raw(bytes);
    w.byte(END_OF_RECORD);
  }
  return w.finish();
}

/** A log is extended when the next record would begin this close to its end (FilePadding). */
const PAD_MARGIN = 4096;

/** The padded size that a record beginning at `position` asks for, in a file padded to `size`. Step 0: no padding. */
export function paddedSize(position: number, size: number, step: number): number {
  if (step <= 0 || position + PAD_MARGIN < size) return size;
  if (position <= size) return size + step;
  const grown = position + step;
  return grown - (grown % step);
}

// --- reading ---------------------------------------------------------------------------------------------------------

export type LogHeader =
  /** `previous` is null when the writer did not say. */
  | { readonly kind: 'good'; readonly previous: Zxid | null }
  /** Zeros, or nothing: the file was created and no more. */
  | { readonly kind: 'unwritten' }
  | { readonly kind: 'bad' };

export function parseLogHeader(bytes: Uint8Array): LogHeader {
  if (isZero(bytes, 0, Math.min(bytes.length, LOG_HEADER_SIZE))) return { kind: 'unwritten' };
  if (bytes.length < LOG_HEADER_SIZE) return { kind: 'bad' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getInt32(0) !== LOG_MAGIC || view.getInt32(4) !== LOG_VERSION) return { kind: 'bad' };
  const previous = Number(view.getBigInt64(8));
  return { kind: 'good', previous: previous > 0 && Number.isSafeInteger(previous) ? asZxid(previous) : null };
}

export type Parsed =
  | { readonly kind: 'record'; readonly entry: LogEntry; readonly next: number }
  /** The bytes end before the record does. */
  | { readonly kind: 'more' }
  /** Nothing was written here. */
  | { readonly kind: 'end' }
  /** Something is here that is no record. */
  | { readonly kind: 'bad' };

/** What stands at `at`. The entry is a copy. `whole`: `bytes` reach the end of the file. */
export function parseRecord(bytes: Uint8Array, at: number, whole: boolean): Parsed {
  const size = bytes.length - at;
  if (size < RECORD_HEAD_SIZE) {
    if (!whole) return { kind: 'more' };
    return { kind: isZero(bytes, at, bytes.length) ? 'end' : 'bad' };
  }
  const { checksum, length } = headAt(bytes, at);
  if (length === 0 && checksum === 0n) return { kind: 'end' };
  if (length <= 0 || length > ENTRY_BYTES_MAX) return { kind: 'bad' };
  const next = at + RECORD_HEAD_SIZE + length + 1;
  if (next > bytes.length) return { kind: whole ? 'bad' : 'more' };
  if (bytes[next - 1] !== END_OF_RECORD) return { kind: 'bad' };
  const entryBytes = bytes.slice(at + RECORD_HEAD_SIZE, next - 1);
  if (BigInt(adler32(entryBytes)) !== checksum) return { kind: 'bad' };
  const header = readHeader(entryBytes);
  if (!header.ok) return { kind: 'bad' };
  return { kind: 'record', entry: { zxid: header.value.zxid, bytes: entryBytes }, next };
}

interface RecordHead {
  readonly checksum: bigint;
  readonly length: number;
}

function headAt(bytes: Uint8Array, at: number): RecordHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_HEAD_SIZE);
  return { checksum: view.getBigUint64(0), length: view.getInt32(8) };
}

export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}

// --- the end of the last log -----------------------------------------------------------------------------------------

export interface Tail {
  /** From the first byte that is no record. */
  readonly bytes: Uint8Array;
  /** Something other than zeros follows `bytes` in the file. */
  readonly dirtyBeyond: boolean;
  /**
   * The mark says how far promises reach, and the good records reach as far. Without a mark (a directory written
   * by a Java server) every doubt counts against the tail.
   */
  readonly marked: boolean;
  /** `bytes` are the beginning of the file: not even its header is good. */
  readonly isHeader: boolean;
}

export type TailVerdict =
  /** Zeros. */
  | 'clean'
  /** Bytes of a write that was never confirmed. */
  | 'torn'
  /** What was whole once is not any more. */
  | 'damaged';

export function classifyTail(tail: Tail): TailVerdict {
  const { bytes, dirtyBeyond, marked, isHeader } = tail;
  if (!dirtyBeyond && isZero(bytes, 0, bytes.length)) return 'clean';
  if (isHeader ? isHeaderOneBitOff(bytes) : isWhole(bytes) || isOneBitOff(bytes)) return 'damaged';
  if (marked) return 'torn';
  if (isHeader) return 'damaged';
  if (dirtyBeyond || bytes.length < RECORD_HEAD_SIZE) return dirtyBeyond ? 'damaged' : 'torn';
  const { length } = headAt(bytes, 0);
  // Unwritten, yet something follows; or a length that no server writes.
  if (length <= 0 || length > ENTRY_BYTES_MAX) return 'damaged';
  const end = RECORD_HEAD_SIZE + length + 1;
  if (end > bytes.length) return hasRecord(bytes) ? 'damaged' : 'torn';
  // Its last byte arrived or something follows: Java refuses such a log, and so do we.
  return bytes[end - 1] === 0 && isZero(bytes, end, bytes.length) ? 'torn' : 'damaged';
}

/** Some good record begins behind the first byte. */
function hasRecord(bytes: Uint8Array): boolean {
  for (let at = 1; at + RECORD_HEAD_SIZE < bytes.length; at++) {
    if (bytes[at] === 0 && parseRecord(bytes, at, true).kind === 'record') return true;
  }
  return false;
}

function isHeaderOneBitOff(bytes: Uint8Array): boolean {
  if (bytes.length < LOG_HEADER_SIZE) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getInt32(0) ^ LOG_MAGIC;
  const version = view.getInt32(4) ^ LOG_VERSION;
  return magic === 0 ? isPowerOfTwo(version >>> 0) : version === 0 && isPowerOfTwo(magic >>> 0);
}

/** The checksum holds, but what it guards cannot be an entry. */
function isWhole(bytes: Uint8Array): boolean {
  if (bytes.length <= RECORD_HEAD_SIZE) return false;
  const { checksum, length } = headAt(bytes, 0);
  return isRecordOf(bytes, checksum, length);
}

/** One flipped bit, somewhere in it, makes the record at the beginning of `bytes` a good one. */
export function isOneBitOff(bytes: Uint8Array): boolean {
  if (bytes.length <= RECORD_HEAD_SIZE) return false;
  const { checksum, length } = headAt(bytes, 0);
  if (isOneBitOffAsIs(bytes, checksum, length)) return true;
  for (let bit = 0; bit < 32; bit++) {
    const other = length ^ (1 << bit);
    if (isRecordOf(bytes, checksum, other)) return true;
  }
  return false;
}

function fits(bytes: Uint8Array, length: number): boolean {
  return length > 0 && length <= ENTRY_BYTES_MAX && RECORD_HEAD_SIZE + length + 1 <= bytes.length;
}

/** The record is good if its length is `length`. */
function isRecordOf(bytes: Uint8Array, checksum: bigint, length: number): boolean {
  if (!fits(bytes, length)) return false;
  const end = RECORD_HEAD_SIZE + length;
  return bytes[end] === END_OF_RECORD && BigInt(adler32(bytes, 1, RECORD_HEAD_SIZE, end)) === checksum;
}

/** The length is right, and one bit of the checksum, the entry or the end byte is wrong. */
function isOneBitOffAsIs(bytes: Uint8Array, checksum: bigint, length: number): boolean {
  if (!fits(bytes, length)) return false;
  const end = RECORD_HEAD_SIZE + length;
  const sum = adler32(bytes, 1, RECORD_HEAD_SIZE, end);
  const endBits = bytes[end]! ^ END_OF_RECORD;
  if (endBits !== 0) return isPowerOfTwo(endBits) && BigInt(sum) === checksum;
  const checksumBits = checksum ^ BigInt(sum);
  if ((checksumBits & (checksumBits - 1n)) === 0n) return checksumBits !== 0n;
  return checksum >> 32n === 0n && isEntryOneBitOff(bytes, Number(checksum), sum, length);
}

const isPowerOfTwo = (value: number): boolean => value !== 0 && (value & (value - 1)) === 0; // Also for 2^31.

const ADLER_MODULUS = 65_521;

/**
 * Changing the byte at index i of n by d changes the sums of Adler-32 by d and by d * (n - i), both modulo 65521. So the
 * two differences name the bit and its places; it only remains to look whether the bit there is as a flip would leave it.
 */
function isEntryOneBitOff(bytes: Uint8Array, wanted: number, actual: number, length: number): boolean {
  const modulo = (x: number): number => ((x % ADLER_MODULUS) + ADLER_MODULUS) % ADLER_MODULUS;
  const low = modulo((wanted & 0xffff) - (actual & 0xffff));
  const high = modulo((wanted >>> 16) - (actual >>> 16));
  for (let bit = 0; bit < 8; bit++) {
    for (const sign of [1, -1]) {
      if (modulo(sign << bit) !== low) continue;
      const weight = modulo(high * inverse(low));
      for (let w = weight; w <= length; w += ADLER_MODULUS) {
        // w counts from the end of the entry: its last byte has weight 1.
        const isSet = w > 0 && (bytes[RECORD_HEAD_SIZE + length - w]! & (1 << bit)) !== 0;
        if (w > 0 && isSet === sign < 0) return true;
      }
    }
  }
  return false;
}

/** x^(p-2) modulo p, by squaring (Fermat). The products stay below 2^32. */
function inverse(x: number): number {
  let result = 1;
  let square = x;
  for (let exponent = ADLER_MODULUS - 2; exponent > 0; exponent >>>= 1) {
    if (exponent & 1) result = (result * square) % ADLER_MODULUS;
    square = (square * square) % ADLER_MODULUS;
  }
  return result;
}
