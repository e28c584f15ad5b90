/**
 * The two epoch files (QuorumPeer.readLongFromFile, writeLongToFile) and what a crash may leave of them.
 *
 * `acceptedEpoch` is the newest epoch whose leader this server has promised to follow, `currentEpoch` the newest whose
 * initial history it has accepted. Each is a decimal number, replaced by rename. They are written after the history they
 * speak of, so a crash can leave the history ahead of them but never behind; Java refuses to start in some of these states
 * (ZOOKEEPER-1653, 2307, 4269), here each has one meaning.
 */

import { EPOCH_MAX } from '../types.ts';
import { utf8Decode, utf8Encode } from '../wire/utf8.ts';

/** What an epoch file says. */
export type EpochFile =
  | { readonly kind: 'missing' }
  | { readonly kind: 'value'; readonly epoch: number }
  /** Present, but no number: nobody writes that, so it was damaged at rest. */
  | { readonly kind: 'damaged' };

/** What a checksummed record (mark.ts) says of the epochs. */
export interface EpochWitness {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
}

/** An epoch has at most seven digits; people who edit the file may add spaces and a line end. */
export const EPOCH_FILE_BYTES_MAX = 64;

export function encodeEpoch(epoch: number): Uint8Array {
  return utf8Encode(String(epoch));
}

export function decodeEpoch(bytes: Uint8Array): EpochFile {
  const text = bytes.length > EPOCH_FILE_BYTES_MAX ? null : utf8Decode(bytes);
  const match = text === null ? null : /^[ \t]*([0-9]{1,10})[ \t]*\r?\n?$/.exec(text);
  const epoch = match === null ? -1 : Number(match[1]);
  return epoch >= 0 && epoch <= EPOCH_MAX ? { kind: 'value', epoch } : { kind: 'damaged' };
}

export interface EpochFiles {
  readonly accepted: EpochFile;
  readonly current: EpochFile;
  /** `currentEpoch.tmp`, of a write that did not come to its rename. */
  readonly currentTmp: EpochFile;
}

export interface EpochRepair {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /** A value cannot be known: what is given is only a lower bound. */
  readonly damaged: boolean;
}

/**
 * The epochs of a server whose history ends in `historyEpoch`.
 *
 * - A history of a newer epoch than currentEpoch: the crash came between the history and the file. An entry of epoch e
 *   comes after the whole initial history of e, and the log is contiguous, so that history is here and currentEpoch may
 *   rise to e; or to what an unfinished write of the file was about to say (ZOOKEEPER-2307).
 * - acceptedEpoch below currentEpoch: a leader's history is accepted only after its epoch was, so it may rise as well.
 * - Missing files: a new server, or one from before the files existed (upgrade from 3.3).
 * - A witness: it was written before the files, so a file that is behind it, damaged or missing is one that a crash or rot
 *   left so. A file ahead of it was written by another program, or is rotten. Another program that went through a new
 *   epoch raised both numbers; if currentEpoch alone is ahead, it is not believed, since nothing is as dangerous as an
 *   epoch whose history one does not have. An acceptedEpoch that is too high only refuses leaders that nobody elected.
 */
export function repairEpochs(files: EpochFiles, historyEpoch: number, witness: EpochWitness | null): EpochRepair {
  const saidAccepted = epochIn(files.accepted);
  const saidCurrent = epochIn(files.current);
  let currentEpoch = saidCurrent ?? (witness === null ? historyEpoch : 0);
  if (witness !== null) {
    const isForeign =
      saidAccepted !== null && saidAccepted > witness.acceptedEpoch && currentEpoch > witness.currentEpoch;
    if (!isForeign) currentEpoch = witness.currentEpoch;
  }
  if (historyEpoch > currentEpoch) currentEpoch = Math.max(historyEpoch, epochIn(files.currentTmp) ?? 0);
  const acceptedEpoch = Math.max(saidAccepted ?? 0, witness?.acceptedEpoch ?? 0, currentEpoch);
  const damaged = witness === null && (files.accepted.kind === 'damaged' || files.current.kind === 'damaged');
  return { acceptedEpoch, currentEpoch, damaged };
}

export const epochIn = (file: EpochFile): number | null => (file.kind === 'value' ? file.epoch : null);
