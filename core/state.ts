/**
 * The plain state of a peer: everything a trace shows and an immer draft may follow. The role is a closed union; a phase
 * carries only the fields that mean something in it.
 */

import type { BootSecrets, Membership, PeerConfig } from './config/types.ts';
import type { CnxState } from './election/cnx-manager.ts';
import type { FleState } from './election/fle.ts';
import type { Heap } from './heap.ts';
import type { Io } from './io.ts';
import type { AuthorityState } from './request/authority.ts';
import type { ServerEvent, ServerState } from './request/server.ts';
import type { StoreState } from './storage/store.ts';
import type { ConnId, PeerId, SessionId, Zxid } from './types.ts';
import type { FrameBuffer } from './wire/framing.ts';

export interface PeerState {
  /** Next outgoing connection id; counts down from -1. */
  nextConn: number;
  /** What the epoch files say, as of the last confirmed write (Zab: acceptedEpoch f.p, currentEpoch f.a). */
  epochs: Epochs;
  /** The epoch write in flight, if any. */
  saving: (Epochs & { readonly token: number }) | null;
  /** Every log entry up to here survives a power cut. */
  durable: Zxid;
  /** Every history entry up to here is known to be committed; volatile knowledge, 0 after a start. */
  committed: Zxid;
  /**
   * The history on disk could not be proved contiguous, or the directory is empty without permission to be. Until a
   * leader has sent a full state this server neither votes nor counts in any quorum (it registers as an observer).
   */
  resync: boolean;
  /** How the tree compares with the digests that travel in transactions (`zab/digests.ts`). */
  digests: Digests;
  /** The tree came whole from a leader of which it is not known yet that a quorum follows it. */
  received: boolean;
  role: Role;
  store: StoreState;
  server: ServerState;
  /** Null for a standalone server. */
  ensemble: Ensemble | null;
}

export interface Digests {
  /** The whole history has been applied: what a fuzzy snapshot held too early has caught up. */
  isComplete: boolean;
  /** By how much the predictions differ from the tree, modulo 2^64, and since when; null while they agree. */
  doubt: { readonly by: bigint; readonly sinceMs: number } | null;
  /** The last entry that came when everything before it had been applied. */
  restedAt: Zxid;
}

export interface Epochs {
  readonly accepted: number;
  readonly current: number;
}

export interface Ensemble {
  /** The configuration in force. */
  committed: Membership;
  /** The newest configuration heard of, which may still be a proposal (QuorumPeer.lastSeenQuorumVerifier). */
  lastSeen: Membership;
  /** Zxid of the newest snapshot on disk: configurations up to there survive a restart as the ones in force. */
  savedTo: Zxid;
  cnx: CnxState;
  fle: FleState;
}

export type Role =
  | { kind: 'recovering' }
  /** Between two roles: waits until no promise is in flight, so that the vote is made from what the log holds. */
  | { kind: 'draining'; reload: boolean }
  | { kind: 'looking'; readOnlyAtMs: number | null; readOnly: boolean }
  | Learning
  | Leading
  | { kind: 'standalone'; authority: AuthorityState; lastProposed: Zxid }
  | { kind: 'halted'; reason: string };

// --- learner ---------------------------------------------------------------------------------------------------------

export interface Learning {
  kind: 'learning';
  leader: PeerId;
  /** Registered with OBSERVERINFO: gets everything, counts for nothing. */
  observer: boolean;
  phase: LearnerPhase;
  conn: ConnId | null;
  /** The connection's handshake is done. */
  connected: boolean;
  attempts: number;
  /** TRUNC was impossible: a whole state is asked for. */
  wantsState: boolean;
  rx: FrameBuffer;
  /** Reading was switched off because `rx` is full while a file operation is awaited. */
  paused: boolean;
  /** The leader was last heard from, or the role began. */
  heardMs: number;
  startedMs: number;
  /** Epoch of the leader, from LEADERINFO. */
  epoch: number;
  /** History up to here is, or will be at UPTODATE, known as committed. */
  commitTo: Zxid;
  /** Last proposal that was acknowledged. */
  ackedTo: Zxid;
  /** Requests of type sync sent to the leader, in order; SYNC answers match them by order alone. */
  syncs: { readonly session: SessionId; readonly cxid: number }[];
}

export type LearnerPhase =
  /** Dialling, or waiting to dial again at `retryAtMs`. */
  | { readonly kind: 'connecting'; readonly retryAtMs: number | null }
  /** FOLLOWERINFO sent, LEADERINFO awaited. */
  | { readonly kind: 'registering' }
  /** acceptedEpoch is being written; ACKEPOCH follows its completion. */
  | { readonly kind: 'accepting'; readonly token: number }
  /** ACKEPOCH sent; DIFF, TRUNC or SNAP awaited. */
  | { readonly kind: 'syncing' }
  | { readonly kind: 'truncating'; readonly to: Zxid }
  /** The raw snapshot stream is being read. */
  | { readonly kind: 'receiving'; readonly zxid: Zxid }
  | { readonly kind: 'installing' }
  /** History arrives until NEWLEADER. In memory only when the whole state is being replaced (`resync`). */
  | { readonly kind: 'catchingUp' }
  /** NEWLEADER received: the history, then currentEpoch must be durable before the ACK. */
  | { readonly kind: 'persisting'; readonly token: number | null; readonly upTo: Zxid; readonly installed: boolean }
  /** ACK(NEWLEADER) sent, UPTODATE awaited. */
  | { readonly kind: 'acked' }
  | { readonly kind: 'serving' };

// --- leader ----------------------------------------------------------------------------------------------------------

export interface Leading {
  kind: 'leading';
  phase: LeaderPhase;
  startedMs: number;
  /** 0 until a quorum of FOLLOWERINFO fixed it. */
  epoch: number;
  /** acceptedEpoch of those voters whose FOLLOWERINFO was received. */
  accepted: Map<PeerId, number>;
  /** The newest epoch that a learner without a vote has promised itself to. */
  acceptedByObservers: number;
  /** Voters whose ACKEPOCH was received. */
  ackEpoch: PeerId[];
  /** Those of them that showed a more recent history and cannot be elected, being voters of the proposed configuration alone. */
  ahead: PeerId[];
  /** Voters whose ACK(NEWLEADER) was received. */
  ackNewLeader: PeerId[];
  handlers: Map<ConnId, Handler>;
  /** Proposals not yet committed, in zxid order. */
  proposals: Proposal[];
  lastProposed: Zxid;
  lastProposedMs: number;
  nextPingMs: number;
  /** Half-tick counter; the quorum is checked every second one. */
  halfTicks: number;
  syncs: PendingSync[];
  /** Session tracker, outstanding changes and the like; null until broadcast begins. */
  authority: AuthorityState | null;
  nextAnonymousId: number;
}

export type LeaderPhase =
  /** Collecting FOLLOWERINFO (Zab phase 1, CEPOCH). */
  | { readonly kind: 'discovery' }
  /** Own acceptedEpoch is being written. */
  | { readonly kind: 'proposingEpoch'; readonly token: number }
  /** LEADERINFO is out; collecting ACKEPOCH. */
  | { readonly kind: 'collectingEpochAcks' }
  /** Own currentEpoch is being written. */
  | { readonly kind: 'adoptingEpoch'; readonly token: number }
  /** Learners are brought level; collecting ACK(NEWLEADER) (Zab phase 2). */
  | { readonly kind: 'synchronization' }
  /** Established (Zab phase 3). */
  | { readonly kind: 'broadcast' };

/** The leader's side of one learner (LearnerHandler). */
export interface Handler {
  readonly conn: ConnId;
  rx: FrameBuffer;
  /** Null until FOLLOWERINFO or OBSERVERINFO. */
  sid: PeerId | null;
  observer: boolean;
  phase: HandlerPhase;
  openedMs: number;
  heardMs: number;
  /** Since when it takes no more of what it is sent; null when it does. */
  blockedAtMs: number | null;
  /** The learner's last zxid, from ACKEPOCH. */
  peerLast: Zxid;
  ackedTo: Zxid;
  /**
   * An unacknowledged proposal and since when it is; null when everything is acknowledged. The oldest at first; once that is
   * acknowledged the newest of that moment, which stands for all in between (LearnerHandler.SyncLimitCheck).
   */
  unackedSinceMs: number | null;
  unacked: Zxid;
  pingsSent: number;
  /** Of these, sent before UPTODATE. */
  pingsBefore: number;
  pongs: number;
}

export type HandlerPhase =
  | { readonly kind: 'info' }
  /** Waits for the epoch to be fixed. */
  | { readonly kind: 'epoch' }
  /** LEADERINFO sent. */
  | { readonly kind: 'ackEpoch' }
  /** ACKEPOCH received; waits for the leader to enter synchronization. */
  | { readonly kind: 'waiting' }
  /** Old log entries are being read from disk for a DIFF. */
  | { readonly kind: 'range'; readonly token: number; readonly pin: Zxid }
  | { readonly kind: 'snapshot'; readonly pin: Zxid }
  /** NEWLEADER sent; live traffic flows. */
  | { readonly kind: 'newLeader' }
  /** ACK(NEWLEADER) received. */
  | { readonly kind: 'active' };

export interface Proposal {
  readonly zxid: Zxid;
  acks: PeerId[];
  readonly proposedMs: number;
  /** The configuration this proposal brings, for a reconfiguration. */
  readonly reconfig: Membership | null;
}

/** A `sync` waits until everything proposed before it is committed and a quorum has confirmed the leadership since. */
export interface PendingSync {
  /** Null for the leader's own client. */
  readonly conn: ConnId | null;
  readonly session: SessionId;
  readonly cxid: number;
  readonly after: Zxid;
  /** Per follower connection, the number of the ping whose answer confirms; empty when no confirmation is asked for. */
  confirm: { readonly conn: ConnId; readonly ping: number }[];
}

// --- one step --------------------------------------------------------------------------------------------------------

/** What the functions of one step share. */
export interface Turn {
  readonly config: PeerConfig;
  readonly secrets: BootSecrets;
  readonly state: PeerState;
  readonly heap: Heap;
  readonly io: Io;
  /** What the client port wants done; routed by `peer.ts` before the step ends. */
  readonly work: ServerEvent[];
}
