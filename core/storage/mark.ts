/**
 * The durable mark: a lower bound for what this server has promised.
 *
 * The file `durable` holds a zxid. Everything up to it was reported durable, so a recovery whose history ends before it has
 * lost something that others may count on, whatever else looks in order: a lost file, a write that landed elsewhere, a
 * record taken for a torn one. Beyond it, what is not whole was most likely never promised.
 *
 * The mark is raised lazily, a while after the promises, and costs no operation on their way. It is lowered before history
 * is cut. It is one sector, overwritten in place: if the write is torn, the mark is unreadable and bounds nothing.
 *
 * ```
 * Mark => 16 hex digits of the zxid, space, 8 hex digits of their Adler-32, newline
 * ```
 */

import { asZxid, type Zxid } from '../types.ts';
import { adler32 } from '../wire/adler32.ts';
import { utf8Decode, utf8Encode } from '../wire/utf8.ts';

export const MARK_SIZE = 26;
/** Least time between two raises: bounds the writes under load, and how old the mark may be. */
export const MARK_INTERVAL_MS = 200;

export function encodeMark(zxid: Zxid): Uint8Array {
  const digits = zxid.toString(16).padStart(16, '0');
  const sum = adler32(utf8Encode(digits)).toString(16).padStart(8, '0');
  return utf8Encode(`${digits} ${sum}\n`);
}

/** Null when the bytes are no mark. */
export function decodeMark(bytes: Uint8Array): Zxid | null {
  const text = bytes.length === MARK_SIZE ? utf8Decode(bytes) : null;
  const match = text === null ? null : /^([0-9a-f]{16}) ([0-9a-f]{8})\n$/.exec(text);
  if (match === null || adler32(utf8Encode(match[1]!)) !== Number.parseInt(match[2]!, 16)) return null;
  const zxid = Number.parseInt(match[1]!, 16);
  return Number.isSafeInteger(zxid) ? asZxid(zxid) : null;
}
