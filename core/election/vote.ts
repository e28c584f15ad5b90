/**
 * Votes and their order.
 *
 * A vote names a candidate and what the candidate has: the epoch it last followed (`peerEpoch`) and the zxid of the last
 * entry of its log. The best vote is the one whose candidate has the most recent history; ties go to the greater server
 * id, so that all servers agree (FastLeaderElection.totalOrderPredicate). Comparing the epoch first matters: a server
 * that followed a later epoch may have fewer entries than one whose entries no later leader ever saw (ZOOKEEPER-1082),
 * and every clause must include the equality of the clauses before it, or votes go round in circles (ZOOKEEPER-1419).
 *
 * A candidate whose own vote weighs nothing, an observer above all (ZOOKEEPER-764), ranks below every other.
 */

import { weightOf } from '../config/membership.ts';
import type { Membership } from '../config/types.ts';
import type { PeerId, Zxid } from '../types.ts';

/** ServerState of Java, in the order of its numbers on the wire. */
export type PeerStatus = 'looking' | 'following' | 'leading' | 'observing';

export interface Vote {
  /** The candidate. */
  readonly leader: PeerId;
  /** The candidate's last logged zxid; `LONG_MIN` in an observer's vote, -1 when the candidate has no database. */
  readonly zxid: Zxid;
  /** The round (`logicalclock`) in which the vote was cast. */
  readonly electionEpoch: number;
  /** The candidate's currentEpoch; after synchronisation the new epoch (ZOOKEEPER-1732). */
  readonly peerEpoch: number;
  /** What the voter was doing when it said so. */
  readonly state: PeerStatus;
}

/** What the order looks at. */
export type Candidate = Pick<Vote, 'leader' | 'zxid' | 'peerEpoch'>;

/** Whether `a` is a strictly better candidate than `b` in the eyes of this membership. */
export const outranks = (a: Candidate, b: Candidate, membership: Membership): boolean =>
  compareCandidates(a, b, (id) => weightOf(membership, id) > 0) > 0;

/** Negative, zero or positive as `a` ranks below, like or above `b`. Zero only for the same candidate, epoch and zxid. */
export function compareCandidates(a: Candidate, b: Candidate, mayLead: (id: PeerId) => boolean): number {
  const aMay = mayLead(a.leader);
  if (aMay !== mayLead(b.leader)) return aMay ? 1 : -1;
  if (a.peerEpoch !== b.peerEpoch) return a.peerEpoch - b.peerEpoch;
  if (a.zxid !== b.zxid) return a.zxid - b.zxid;
  return a.leader - b.leader;
}
