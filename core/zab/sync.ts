/**
 * How a learner is brought level with the leader: DIFF, TRUNC or SNAP (LearnerHandler.syncFollower and
 * queueCommittedProposals). Pure: the caller sends what is decided here.
 *
 * Every rule serves one invariant: after the decision is carried out, the learner's history is a prefix of the leader's.
 * It rests on zxids being unique: two servers that hold the same zxid hold the same transaction and, because a primary's
 * transactions are received in order, the same transactions of that epoch before it.
 */

import { counterOf, epochOf, type Zxid } from '../types.ts';

/** The part of the leader's history that is at hand: everything after `base`, which is itself a position of it. */
export interface HistoryView {
  readonly base: Zxid;
  /** Last entry that a learner is to be brought to. */
  readonly last: Zxid;
  /** True when the entry is in memory. */
  has(zxid: Zxid): boolean;
  /** The last position (entry, or base) before `zxid`. */
  before(zxid: Zxid): Zxid;
  /** The first entry after `zxid`, or null. */
  after(zxid: Zxid): Zxid | null;
}

export type SyncPlan =
  /** The learner holds a prefix that ends at `from`: send what follows. */
  | { readonly kind: 'diff'; readonly from: Zxid }
  /** The learner must cut its history to `to`, then gets what follows. */
  | { readonly kind: 'trunc'; readonly to: Zxid }
  /** Entries older than memory are needed: read `(from, base]` from the log files, or fall back to a snapshot. */
  | { readonly kind: 'range'; readonly from: Zxid }
  | { readonly kind: 'snap' };

export interface SyncOptions {
  readonly forceSnapshot: boolean;
  /** Negative switches synchronisation from log files off (zookeeper.snapshotSizeFactor). */
  readonly snapshotSizeFactor: number;
}

export function decideSync(history: HistoryView, peerLast: Zxid, options: SyncOptions): SyncPlan {
  const { base, last } = history;
  if (options.forceSnapshot) return { kind: 'snap' };
  if (peerLast === last) return { kind: 'diff', from: last };
  // A position "epoch, counter 0" names no transaction: it is where a fresh epoch begins.
  const freshEpoch = counterOf(peerLast) === 0;
  if (peerLast > last) return freshEpoch ? { kind: 'snap' } : { kind: 'trunc', to: last };
  if (peerLast < base) {
    const readable = options.snapshotSizeFactor >= 0 && !freshEpoch;
    return readable ? { kind: 'range', from: peerLast } : { kind: 'snap' };
  }
  if (peerLast === base || history.has(peerLast)) return { kind: 'diff', from: peerLast };
  // The learner was led by someone whose last proposals did not survive.
  const next = history.after(peerLast);
  if (next === null || epochOf(next) !== epochOf(peerLast)) return { kind: 'snap' };
  // A member of that epoch which had seen none of its proposals: it holds the epoch's initial history, as the leader does.
  if (freshEpoch) return { kind: 'diff', from: peerLast };
  return { kind: 'trunc', to: history.before(peerLast) };
}

/** True when `next` may directly follow `previous` in a history (Learner, ZOOKEEPER-4925). */
export function follows(previous: Zxid, next: Zxid): boolean {
  if (epochOf(next) === epochOf(previous)) return next === previous + 1;
  return epochOf(next) > epochOf(previous) && counterOf(next) === 1;
}
