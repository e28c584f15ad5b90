import type { Membership, PeerConfig } from '../config/types.ts';
import type { Io } from '../io.ts';
import type { PeerId, Zxid } from '../types.ts';
import type { ElectionCtx } from './context.ts';
import type { PeerStatus, Vote } from './vote.ts';

/** `idle`: between two roles, for example while the disk is drained before an election. Nothing is answered then. */
export type FleStatus = PeerStatus | 'idle';

export interface FleState {
  logicalClock: number;
  status: FleStatus;
  vote: Vote;
  round: null;
}

export type FleEvent =
  | { readonly type: 'elected'; readonly vote: Vote }
  | { readonly type: 'configSeen'; readonly membership: Membership };

export function fleBoot(_config: PeerConfig): FleState {
  throw new Error('stub');
}
/** Starts a round with what this server has: its last logged zxid and its currentEpoch; zxid -1 when it must not vote. */
export function fleLook(
  _fle: FleState,
  _ctx: ElectionCtx,
  _io: Io,
  _own: { readonly zxid: Zxid; readonly peerEpoch: number },
): FleEvent[] {
  return [];
}
/** The role has begun or ended: `idle` between roles. */
export function fleSettled(_fle: FleState, _status: Exclude<FleStatus, 'looking'>): void {}
/** A reconfiguration named the leader: what is answered from now on, without an election (QuorumPeer.updateVote). */
export function fleDesignate(_fle: FleState, _next: { readonly leader: PeerId; readonly zxid: Zxid }): void {}
/** After synchronisation the vote carries the new epoch (QuorumPeer.updateElectionVote, ZOOKEEPER-1732). */
export function fleVoteEpoch(_fle: FleState, _peerEpoch: number): void {}
export function fleMessage(_fle: FleState, _ctx: ElectionCtx, _io: Io, _from: PeerId, _bytes: Uint8Array): FleEvent[] {
  return [];
}
export function fleTick(_fle: FleState, _ctx: ElectionCtx, _io: Io): FleEvent[] {
  return [];
}
export function fleDeadline(_fle: FleState): number | null {
  return null;
}
