/**
 * The plain state of the client port and what it asks of the rest of the server.
 *
 * A server answers reads from its own tree and hands writes to whoever may decide them: the leader, or itself when it is
 * alone. Both directions are events: `ServerEvent` goes out, `serverApplied` and its sisters come back.
 */

import type { Address, Remote } from '../io.ts';
import type { SessionTracker } from '../session/tracker.ts';
import type { ConnId, Id, SessionId, Zxid } from '../types.ts';
import type { ClientRequest } from '../wire/client-codec.ts';
import type { FrameBuffer } from '../wire/framing.ts';

/**
 * `stopped`: no leader; connections get four-letter words and nothing else. `readonly`: no quorum either, but clients that
 * asked for it may read (ReadOnlyZooKeeperServer).
 */
export type ServerMode = 'stopped' | 'standalone' | 'leader' | 'follower' | 'observer' | 'readonly';

/** What a REQUEST packet carries: a write on its way to the server that decides. */
export interface Submission {
  readonly session: SessionId;
  readonly cxid: number;
  readonly op: number;
  /** The request's record. A view of what the client sent: whoever keeps it longer than a step copies it. */
  readonly body: Uint8Array;
  readonly authInfo: Id[];
}

export type ServerEvent =
  /** A write, a session to create or to close. Every submission is answered by a transaction with its session and cxid. */
  | { readonly type: 'submit'; readonly request: Submission }
  /** Answered by `serverSyncDone` once this server has applied everything that was committed when the sync was asked for. */
  | {
      readonly type: 'sync';
      readonly conn: ConnId;
      readonly session: SessionId;
      readonly cxid: number;
      readonly path: string;
    }
  /** A client came back with a session: does the deciding server still know it? Answered by `serverRevalidated`. */
  | { readonly type: 'revalidate'; readonly session: SessionId; readonly timeoutMs: number }
  /** A sign of life, in the modes `leader` and `standalone`. Learners collect them, see `serverTakeTouches`. */
  | { readonly type: 'touch'; readonly session: SessionId; readonly timeoutMs: number }
  /** How much is in the directories? Answered by `serverSized`. */
  | { readonly type: 'sizes' };

export interface ServerState {
  /** Where clients may come. */
  listening: { readonly client: Address | null; readonly secureClient: Address | null };
  mode: ServerMode;
  /** What `stmk` has set last. Nothing is traced here; the number is only kept, for those who ask (ZooTrace). */
  traceMask: bigint;
  /** Key of the session passwords, from `BootSecrets`. */
  readonly sessionSecret: Uint8Array;
  nextSessionId: SessionId;
  /** This server's share of `globalOutstandingLimit`. */
  readonly outstandingMax: number;
  readonly conns: Map<ConnId, ClientConn>;
  /** Connections by the address of the other end (`maxClientCnxns`). */
  readonly connsByIp: Map<string, number>;
  /** Where each session is attached at this server. */
  readonly attached: Map<SessionId, ConnId>;
  /** Sessions that only this server knows (`localSessionsEnabled`, and every session of read-only mode). */
  local: SessionTracker;
  /** Learner: signs of life since the last PING, session -> timeout. */
  touches: Map<SessionId, number>;
  /** Submissions whose connection went away before their transaction came: it answers nobody. By session, in order. */
  readonly orphanWrites: Map<SessionId, number[]>;
  readonly orphanSyncs: Map<SessionId, number[]>;
  /** Requests accepted and not yet answered, orphans included (ZooKeeperServer.getInProcess). */
  outstanding: number;
  /** Connections whose next frame waits because of `requestThrottleMaxRequests`, the longest waiting first. */
  readonly held: Set<ConnId>;
  /** Connections that were sent so much in one go that the shell gets a chance to say it is too much, and since when. */
  readonly yielding: Set<ConnId>;
  yieldedMs: number;
  /** When to look for silent connections and expired local sessions; null without connections. */
  sweepAtMs: number | null;
  readonly stats: ServerStats;
}

/** Counters behind `srvr` and `mntr`, since the start of the server. */
export interface ServerStats {
  readonly startedMs: number;
  received: number;
  sent: number;
  bytesReceived: number;
  latencyMinMs: number;
  latencyMaxMs: number;
  latencySumMs: number;
  latencyCount: number;
  authFailed: number;
  connectionsRejected: number;
  connectRequests: number;
  revalidations: number;
  sessionlessExpired: number;
  throttledOps: number;
  localSessionsExpired: number;
  watchEventsSent: number;
  /** Of what this server has proposed since it leads, in bytes; -1 before the first (BufferStats). */
  lastProposalSize: number;
  minProposalSize: number;
  maxProposalSize: number;
}

export interface ClientConn {
  readonly conn: ConnId;
  readonly remote: Remote;
  readonly openedMs: number;
  readonly openedWallMs: number;
  /** The last bytes came then. */
  heardMs: number;
  phase: ConnPhase;
  /**
   * What had been proposed when the session was attached. A program that goes on with a session counts its requests anew, so
   * a transaction up to here answers what another one asked, here or at another server, however its cxid reads.
   */
  since: Zxid;
  rx: FrameBuffer;
  /** Whether the shell was told to read from it. */
  reading: boolean;
  /** The shell's send buffer is full. */
  blocked: boolean;
  /** Bytes sent since it last yielded, and since the shell said that its buffer is full. */
  burstSize: number;
  blockedSize: number;
  /** Reads in `queue`. */
  waitingReads: number;
  /** Since when its next frame waits for the request throttle; null when it does not. */
  heldSinceMs: number | null;
  /** Bytes at the front of `rx` that have waited for the request throttle since `staleSinceMs`. */
  staleSize: number;
  staleSinceMs: number;
  /** Identities, in the order they were proved. The `ip` scheme's is there from the beginning. */
  authIds: Id[];
  /** Requests not yet answered, in the order they came. Replies leave in this order. */
  queue: Pending[];
  /** A sync in the queue is not done: what stands behind it is not submitted yet. */
  syncing: boolean;
  stats: ConnStats;
}

export type ConnPhase =
  /** The first four bytes decide: a four-letter word, or the length of a ConnectRequest. */
  | { readonly kind: 'greeting' }
  /** The word `dirs` waits for its answer; nothing more is read. */
  | { readonly kind: 'telling' }
  /** The ConnectRequest is awaited. */
  | { readonly kind: 'handshake' }
  /** The session is being created or revalidated. */
  | {
      readonly kind: 'connecting';
      readonly session: SessionId;
      readonly timeoutMs: number;
      /** The client is too old to know the readOnly byte (before 3.4). */
      readonly old: boolean;
      readonly created: boolean;
    }
  | { readonly kind: 'serving'; readonly session: SessionId; readonly timeoutMs: number }
  /** closeSession was asked for: nothing more is read, what came before is still answered. */
  | { readonly kind: 'closing'; readonly session: SessionId; readonly timeoutMs: number }
  /** Gone. Only seen by the call that closed it. */
  | { readonly kind: 'closed' };

export interface ConnStats {
  received: number;
  sent: number;
  lastOp: number;
  lastCxid: number;
  lastZxid: number;
  lastReplyMs: number;
  lastLatencyMs: number;
  minLatencyMs: number;
  maxLatencyMs: number;
  latencySumMs: number;
  latencyCount: number;
}

/** A request whose answer is not due yet. */
export interface Pending {
  readonly kind: PendingKind;
  readonly cxid: number;
  readonly op: number;
  /** Null for requests that are answered with `err` alone. */
  readonly request: ClientRequest | null;
  /** What is or will be submitted; empty for everything but writes. */
  readonly body: Uint8Array;
  /**
   * `waiting`: for its turn, or behind a sync. `submitted`: the deciding server has it. `done`: only its place in the order
   * is still to come.
   */
  state: 'waiting' | 'submitted' | 'done';
  /** `answer`: the code. `write`: what to say where its transaction says SESSIONEXPIRED, or 0. */
  readonly err: number;
  readonly arrivedMs: number;
}

/**
 * `read`: executed at its turn. `write`, `sync`: at their turn and when the deciding server has answered. `leave`: ends a
 * local session at its turn. `answer`: decided on arrival. `farewell`: likewise, and the connection ends with it.
 */
export type PendingKind = 'read' | 'write' | 'sync' | 'leave' | 'answer' | 'farewell';
