/**
 * The mark: a small record, guarded by a checksum, of what this server has promised.
 *
 * Its zxid is a lower bound of the history. Everything up to it was reported durable, so a recovery whose history ends
 * before it has lost something that others may count on, whatever else looks in order: a lost file, a write that landed
 * elsewhere, a record taken for a torn one. Beyond it, what is not whole was most likely never promised. It is raised
 * lazily, a while after the promises, and costs no operation on their way; it is lowered before history is cut.
 *
 * Its epochs are those of the epoch files, which ZooKeeper's format leaves without a checksum: one flipped bit makes `2` a
 * `3`, and a server that believes itself in an epoch whose history it never saw can win an election with it. They are
 * written before the files are, so the mark is never behind them unless another program wrote them.
 *
 * The file is one sector, overwritten in place. If the write is torn after all, the mark is unreadable and says nothing.
 *
 * ```
 * Mark => zxid: 16 hex digits, " ", acceptedEpoch: 8, " ", currentEpoch: 8, " ", Adler-32 of all this: 8, "\n"
 * ```
 */

import { asZxid, EPOCH_MAX, type Zxid } from '../types.ts';
import { adler32 } from '../wire/adler32.ts';
import { utf8Decode, utf8Encode } from '../wire/utf8.ts';

export interface Mark {
  readonly zxid: Zxid;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
}

export const MARK_SIZE = 44;
/** Least time between two raises: bounds the writes under load, and how old the mark may be. */
export const MARK_INTERVAL_MS = 200;

const digits = (value: number, count: number): string => value.toString(16).padStart(count, '0');

export function encodeMark({ zxid, acceptedEpoch, currentEpoch }: Mark): Uint8Array {
  const text = `${digits(zxid, 16)} ${digits(acceptedEpoch, 8)} ${digits(currentEpoch, 8)} `;
  return utf8Encode(`${text}${digits(adler32(utf8Encode(text)), 8)}\n`);
}

const FORM = /^(([0-9a-f]{16}) ([0-9a-f]{8}) ([0-9a-f]{8}) )([0-9a-f]{8})\n$/;

/** Null when the bytes are no mark. */
export function decodeMark(bytes: Uint8Array): Mark | null {
  const text = bytes.length === MARK_SIZE ? utf8Decode(bytes) : null;
  const match = text === null ? null : FORM.exec(text);
  if (match === null || adler32(utf8Encode(match[1]!)) !== Number.parseInt(match[5]!, 16)) return null;
  const zxid = Number.parseInt(match[2]!, 16);
  const acceptedEpoch = Number.parseInt(match[3]!, 16);
  const currentEpoch = Number.parseInt(match[4]!, 16);
  if (!Number.isSafeInteger(zxid) || acceptedEpoch > EPOCH_MAX || currentEpoch > EPOCH_MAX) return null;
  return { zxid: asZxid(zxid), acceptedEpoch, currentEpoch };
}
