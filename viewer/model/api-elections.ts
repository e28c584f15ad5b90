/** Elections: who voted for whom, where the time went, and why. See `api.ts`. */

import type { HostId } from './api.ts';

export interface Election {
  /** Counts from 1. */
  readonly number: number;
  /** `join`: single servers looked and found the leader that stood; nobody else was without one. */
  readonly kind: 'election' | 'join';
  readonly beginUs: number;
  /** The leader is established (or the joiner serves); the end of the trace when it never came to that. */
  readonly endUs: number;
  readonly beginIndex: number;
  readonly endIndex: number;
  /** Who looked. */
  readonly participants: readonly HostId[];
  /** Rounds (logical clocks) that votes were cast in, in order. */
  readonly rounds: readonly number[];
  /** Why it began: `leader 5 lost power`. */
  readonly trigger: string;
  readonly triggerIndex: number;
  readonly outcome: ElectionOutcome;
  /** One line for a list: `server 5 leads epoch 2 after 2.9 s, 1 round`. */
  readonly sentence: string;
}

export type ElectionOutcome =
  | {
      readonly kind: 'established';
      readonly leader: HostId;
      readonly epoch: number;
      /** The leader's own votes stood, and the leader was elected (before discovery and synchronisation). */
      readonly electedUs: number;
    }
  /** Somebody was elected, but gave up or died before a quorum followed. */
  | { readonly kind: 'failed'; readonly leader: HostId | null; readonly reason: string }
  | { readonly kind: 'open' };

export interface ElectionDetail extends Election {
  readonly matrix: VoteMatrix;
  /** Where the time went, in order of time; they cover the whole election without overlap. */
  readonly stages: readonly ElectionStage[];
  /** A sentence per cause of delay, longest first: `1.6 s of 2.1 s: server 4 waited for notifications from 1 and 2, both cut off`. */
  readonly delays: readonly Delay[];
}

export interface ElectionStage {
  readonly kind: 'detecting' | 'draining' | 'voting' | 'finalizing' | 'discovery' | 'synchronisation' | 'gap';
  readonly beginUs: number;
  readonly endUs: number;
  readonly text: string;
}

export interface Delay {
  readonly us: number;
  readonly beginUs: number;
  readonly endUs: number;
  /** Who waited (null: all), and for whom. */
  readonly host: HostId | null;
  readonly waitedFor: readonly HostId[];
  readonly kind:
    | 'detect'
    | 'missing-votes'
    | 'backoff'
    | 'finalize'
    | 'discovery'
    | 'sync'
    | 'disk'
    | 'restart'
    | 'pause';
  readonly sentence: string;
}

export interface VoteMatrix {
  /** Rows: every server that voted or was waited for. */
  readonly voters: readonly HostId[];
  readonly rounds: readonly VoteRound[];
  readonly heard: readonly HeardVote[];
  readonly quorums: readonly QuorumMark[];
  readonly timeouts: readonly TimeoutMark[];
  readonly decisions: readonly DecisionMark[];
  readonly waits: readonly Wait[];
}

export interface VoteRound {
  readonly round: number;
  readonly beginUs: number;
  readonly endUs: number;
  /** The votes each server held in this round, in order of time. */
  readonly held: readonly HeldVote[];
}

export interface Candidate {
  readonly leader: HostId;
  readonly zxid: number;
  readonly peerEpoch: number;
}

/** What decided between two votes, in the order of FastLeaderElection. */
export type Deciding = 'epoch' | 'zxid' | 'sid' | 'weight' | 'equal';

export interface HeldVote {
  readonly voter: HostId;
  readonly vote: Candidate;
  readonly fromUs: number;
  readonly toUs: number;
  readonly index: number;
  readonly why: /** It voted for itself (or for nobody) when its search began. */
    | { readonly kind: 'own' }
    /** It heard a better vote. */
    | { readonly kind: 'better'; readonly heardFrom: HostId; readonly over: Candidate; readonly decided: Deciding }
    /** It heard of a later round, joined it, and took the better of the vote heard and its own. */
    | {
        readonly kind: 'laterRound';
        readonly heardFrom: HostId;
        readonly from: number;
        readonly over: Candidate;
        readonly decided: Deciding;
      };
  /** `server 1 now votes for 5: same epoch, zxid 0x200000007 is greater than 0x200000003`. */
  readonly sentence: string;
}

export interface HeardVote {
  readonly from: HostId;
  readonly to: HostId;
  readonly sentUs: number;
  /** NaN: never. */
  readonly arrivedUs: number;
  readonly sentIndex: number;
  readonly arrivedIndex: number;
  readonly round: number;
  readonly vote: Candidate;
  readonly state: 'looking' | 'following' | 'leading' | 'observing';
  /** What the receiver made of it. */
  readonly effect:
    | 'better'
    | 'laterRound'
    | 'agrees'
    | 'weaker'
    | 'earlierRound'
    | 'settled'
    | 'ignored'
    | 'answered'
    | 'early'
    | 'lost';
}

export interface QuorumMark {
  readonly server: HostId;
  readonly atUs: number;
  readonly index: number;
  readonly leader: HostId;
  readonly round: number;
  readonly support: readonly HostId[];
  /** When it fell apart again because of a better vote; NaN if it did not. */
  readonly lostUs: number;
}

export interface TimeoutMark {
  readonly server: HostId;
  readonly atUs: number;
  readonly index: number;
  /** `resend`: the vote was sent again; `reconnect`: nothing could be sent, so it dialled anew; `finalize`: the wait for better votes was over. */
  readonly kind: 'resend' | 'reconnect' | 'finalize';
  /** The pause that ended, and the next one. */
  readonly pauseMs: number;
  readonly nextMs: number;
}

/** A server knows its leader. */
export interface DecisionMark {
  readonly server: HostId;
  readonly atUs: number;
  readonly index: number;
  readonly leader: HostId;
  readonly round: number;
  readonly role: 'leading' | 'following' | 'observing';
}

/** A server looked and lacked votes for a quorum. */
export interface Wait {
  readonly server: HostId;
  readonly fromUs: number;
  readonly toUs: number;
  readonly missing: readonly {
    readonly host: HostId;
    readonly why:
      | 'cut off'
      | 'down'
      | 'starting'
      | 'paused'
      | 'other vote'
      | 'other round'
      | 'settled'
      | 'on the way'
      | 'silent';
  }[];
}
