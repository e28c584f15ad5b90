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
 * Its config is the zxid of the newest reconfiguration in this log that is known to be committed, 0 while there is none. A
 * log does not tell what of it is committed; of a reconfiguration that must be known at a start, because it decides with
 * whom to talk: those of the configuration before may be gone for good. Java writes `zoo.cfg.dynamic` for it
 * (QuorumPeer.setQuorumVerifier). The field means the entry of exactly this zxid, which stands for everything before it,
 * and says nothing to a history that does not hold that entry.
 *
 * The file is one sector, overwritten in place. If the write is torn after all, the mark is unreadable and says nothing.
 * The config is a line of its own, with a checksum of its own: a file that ends before it, as former versions wrote them
 * and as a power cut during the first longer write may leave them, is a mark that knows of no reconfiguration.
 *
 * ```
 * Mark     => Promises [Config]
 * Promises => zxid: 16 hex digits, " ", acceptedEpoch: 8, " ", currentEpoch: 8, " ", Adler-32 of all this: 8, "\n"
 * Config   => zxid: 16 hex digits, " ", Adler-32 of Promises and all this: 8, "\n"
 * ```
 */

import { asZxid, EPOCH_MAX, ZXID_ZERO, type Zxid } from '../types.ts';
import { adler32 } from '../wire/adler32.ts';
import { utf8Decode, utf8Encode } from '../wire/utf8.ts';

export interface Mark {
  readonly zxid: Zxid;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly config: Zxid;
}

const PROMISES_SIZE = 44;
export const MARK_SIZE = PROMISES_SIZE + 26;
/** Least time between two raises: bounds the writes under load, and how old the mark may be. */
export const MARK_INTERVAL_MS = 200;

const digits = (value: number, count: number): string => value.toString(16).padStart(count, '0');

/** The text and its checksum, to the end of the line. */
const sealed = (text: string): string => `${text}${digits(adler32(utf8Encode(text)), 8)}\n`;
const isSealed = (text: string): boolean => text === sealed(text.slice(0, -9));

export function encodeMark({ zxid, acceptedEpoch, currentEpoch, config }: Mark): Uint8Array {
  const promises = sealed(`${digits(zxid, 16)} ${digits(acceptedEpoch, 8)} ${digits(currentEpoch, 8)} `);
  return utf8Encode(sealed(`${promises}${digits(config, 16)} `));
}

const FORM = /^([0-9a-f]{16}) ([0-9a-f]{8}) ([0-9a-f]{8}) [0-9a-f]{8}\n(?:([0-9a-f]{16}) [0-9a-f]{8}\n)?$/;

/** Null when the bytes are no mark. One whose second line is not whole knows of no reconfiguration. */
export function decodeMark(bytes: Uint8Array): Mark | null {
  if (bytes.length > MARK_SIZE) return null;
  return markIn(bytes) ?? markIn(bytes.subarray(0, PROMISES_SIZE));
}

function markIn(bytes: Uint8Array): Mark | null {
  const text = utf8Decode(bytes);
  const match = text === null ? null : FORM.exec(text);
  if (text === null || match === null || !isSealed(text) || !isSealed(text.slice(0, PROMISES_SIZE))) return null;
  const zxid = Number.parseInt(match[1]!, 16);
  const acceptedEpoch = Number.parseInt(match[2]!, 16);
  const currentEpoch = Number.parseInt(match[3]!, 16);
  const config = match[4] === undefined ? ZXID_ZERO : Number.parseInt(match[4], 16);
  if (!Number.isSafeInteger(zxid) || acceptedEpoch > EPOCH_MAX || currentEpoch > EPOCH_MAX) return null;
  if (!Number.isSafeInteger(config)) return null;
  return { zxid: asZxid(zxid), acceptedEpoch, currentEpoch, config: asZxid(config) };
}
