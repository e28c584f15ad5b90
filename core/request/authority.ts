/**
 * The deciding side of a server: the leader's, or that of a server that is alone.
 *
 * It knows which sessions live, decides every write (`prepare.ts`) on top of what is decided already (`overlay.ts`), and
 * lets time do its work: silent sessions are closed, empty containers and outlived TTL nodes go. It exists from the moment
 * a leader's history is all committed and applied, and is forgotten with the leadership.
 */

import type { Membership, PeerConfig } from '../config/types.ts';
import type { Heap } from '../heap.ts';
import { type Io, note } from '../io.ts';
import {
  newTracker,
  type SessionTracker,
  takeExpired,
  touch,
  track,
  trackerDeadline,
  untrack,
} from '../session/tracker.ts';
import { TREE_DIGEST_VERSION } from '../tree/digest.ts';
import { assert, type PeerId, type SessionId, type Zxid } from '../types.ts';
import { decodeInternalRequest, decodeRequest, encodeRequest } from '../wire/client-codec.ts';
import { Code, Op } from '../wire/opcodes.ts';
import type { TxnHeader } from '../wire/records.ts';
import type { LogEntry, Txn } from '../wire/txn.ts';
import { encodeTxn } from '../wire/txn-codec.ts';
import { askerOf } from './access.ts';
import { beginDecision, digestAfter, forgetApplied, newOverlay, type Overlay, rollBack, settle } from './overlay.ts';
import { type Bench, decide, isRefusal, type Verdict } from './prepare.ts';
import { dueNodes } from './reaper.ts';
import type { Submission } from './state.ts';

export interface AuthorityState {
  readonly sessions: SessionTracker;
  readonly overlay: Overlay;
  /** Sessions closed lately, where unknown sessions may be local ones of other servers. */
  readonly closed: Set<SessionId>;
  /**
   * Sessions that own nodes and do not exist, in data directories that others have left. Their ends are proposed like those of
   * expired ones; a server that removed such nodes by itself would differ from the others (ZooKeeperServer.loadData).
   */
  orphans: SessionId[];
  /** When to look for containers and TTL nodes to delete. */
  nextReapMs: number;
}

/** What a reconfiguration is judged by. */
export interface ReconfigCtx {
  readonly committed: Membership;
  readonly lastSeen: Membership;
  /** Do connected servers that have caught up form a quorum of this membership? */
  readonly hasSyncedQuorum: (membership: Membership) => boolean;
}

export interface PrepareContext {
  /** The zxid that the transaction will have. */
  readonly zxid: Zxid;
  /** The server whose client asks; this server's own id for its own clients and for `authorityTick`. */
  readonly from: PeerId;
  /** Null for a standalone server, which cannot be reconfigured. */
  readonly reconfig: ReconfigCtx | null;
}

export type Prepared =
  | { readonly type: 'txn'; readonly entry: LogEntry; readonly header: TxnHeader; readonly txn: Txn }
  /** Nothing to do and nobody to answer: an own request (`authorityTick`) that became moot. */
  | { readonly type: 'reject'; readonly err: number };

/** The tree must hold the whole history. Every session gets its full timeout again: the time without a leader is free. */
export function authorityBoot(heap: Heap, config: PeerConfig, io: Io): AuthorityState {
  const { monoMs } = io.now;
  const sessions = newTracker(config.tickTimeMs);
  for (const [session, timeoutMs] of heap.tree.sessions) track(sessions, monoMs, session, { timeoutMs, owner: null });
  const nextReapMs = monoMs + config.containerCheckIntervalMs;
  const orphans = [...heap.tree.ephemeralSessions()].filter((session) => !heap.tree.sessions.has(session));
  return { sessions, overlay: newOverlay(heap.tree), closed: new Set(), orphans, nextReapMs };
}

/**
 * Turns a request into the transaction `ctx.zxid`. A refusal is a transaction as well, so every request of a client gets
 * one and its zxid is used up. Only what this server asked of itself may come to nothing.
 */
export function authorityPrepare(
  auth: AuthorityState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  request: Submission,
  ctx: PrepareContext,
): Prepared {
  const { tree } = heap;
  const { session, op } = request;
  const decision = beginDecision(auth.overlay, tree, ctx.zxid, session, config.digestEnabled);
  const bench: Bench = {
    config,
    tree,
    sessions: auth.sessions,
    closed: auth.closed,
    decision,
    session,
    from: ctx.from,
    asker: askerOf(request.authInfo),
    zxid: ctx.zxid,
    wallMs: io.now.wallMs,
    monoMs: io.now.monoMs,
    reconfig: ctx.reconfig,
    spent: { aclSize: 0, quotaCounts: 0 },
  };
  const verdict = isElsewhere(bench, op) ? Code.SESSIONMOVED : decideBytes(bench, op, request.body);
  if (op === Op.deleteContainer && isRefusal(verdict) && ctx.from === config.myid) {
    return { type: 'reject', err: verdict };
  }
  const type = isRefusal(verdict) ? Op.error : op;
  const txn: Txn = isRefusal(verdict) ? { kind: 'error', err: verdict } : verdict;
  const header: TxnHeader = { clientId: session, cxid: request.cxid, zxid: ctx.zxid, time: io.now.wallMs, type };
  return conclude(bench, header, txn);
}

/**
 * Whether the session's client has gone on at another server by now. Whatever is wrong with the request, this is the answer: it
 * ends a connection that is no more, while any other might be taken for the answer to what the client has asked since.
 */
function isElsewhere({ sessions, session, from }: Bench, op: number): boolean {
  if (op === Op.createSession || op === Op.closeSession || op === Op.deleteContainer) return false;
  const known = sessions.sessions.get(session);
  return known !== undefined && !known.closing && known.owner !== null && known.owner !== from;
}

/**
 * What cannot be decoded never comes from our own client port, which has decoded it before. A Java learner forwards such
 * requests and waits for the transaction that refuses them.
 */
function decideBytes(bench: Bench, op: number, body: Uint8Array): Verdict {
  const internal = op === Op.createSession || op === Op.deleteContainer;
  const request = internal ? decodeInternalRequest(op, body) : decodeRequest(op, body);
  if (!request.ok) return Code.MARSHALLINGERROR;
  return decide(bench, request.value);
}

/**
 * A transaction may be larger than its request, by a suffix or an expanded ACL. The readers of logs and of the quorum port
 * allow twice the limit of a request (`jute.maxbuffer.extrasize`).
 */
const TXN_SIZE_FACTOR = 2;

function conclude(bench: Bench, header: TxnHeader, txn: Txn): Prepared {
  const { decision, config } = bench;
  const treeDigest = config.digestEnabled ? digestAfter(decision) : 0n;
  const digest = config.digestEnabled && txn.kind !== 'error' ? { version: TREE_DIGEST_VERSION, treeDigest } : null;
  const bytes = encodeTxn(header, txn, digest);
  if (bytes.length > TXN_SIZE_FACTOR * config.juteMaxBuffer) {
    assert(txn.kind !== 'error', 'a refusal is too large');
    rollBack(decision);
    return conclude(bench, { ...header, type: Op.error }, { kind: 'error', err: Code.BADARGUMENTS });
  }
  settle(decision, treeDigest);
  return { type: 'txn', entry: { zxid: header.zxid, bytes }, header, txn };
}

/** The tree has this transaction: the overlay need not hide its nodes any more. */
export function authorityApplied(auth: AuthorityState, heap: Heap, header: TxnHeader, txn: Txn): void {
  forgetApplied(auth.overlay, heap.tree, header.zxid, header.clientId);
  if (txn.kind === 'closeSession') untrack(auth.sessions, header.clientId);
}

// --- sessions --------------------------------------------------------------------------------------------------------

/** A client took its session to another connection or server: is it alive? If so it belongs there from here on. */
export function authorityRevalidate(
  auth: AuthorityState,
  io: Io,
  ask: { readonly session: SessionId; readonly timeoutMs: number; readonly owner: PeerId },
): boolean {
  if (!touch(auth.sessions, io.now.monoMs, ask.session, ask.timeoutMs)) return false;
  auth.sessions.sessions.get(ask.session)!.owner = ask.owner;
  return true;
}

export function authorityTouch(auth: AuthorityState, io: Io, session: SessionId, timeoutMs: number): void {
  touch(auth.sessions, io.now.monoMs, session, timeoutMs);
}

// --- time ------------------------------------------------------------------------------------------------------------

/** What has become due: requests of this server to itself. */
export function authorityTick(auth: AuthorityState, heap: Heap, config: PeerConfig, io: Io): Submission[] {
  const { monoMs, wallMs } = io.now;
  const due: Submission[] = [];
  for (const session of [...auth.orphans.splice(0), ...takeExpired(auth.sessions, monoMs)]) {
    note(io, 'session.expired', { session });
    due.push({ session, cxid: 0, op: Op.closeSession, body: NO_BODY, authInfo: [] });
  }
  if (monoMs >= auth.nextReapMs) {
    auth.nextReapMs = monoMs + config.containerCheckIntervalMs;
    for (const path of dueNodes(heap.tree, config, wallMs)) {
      const body = encodeRequest({ op: Op.deleteContainer, kind: 'deleteContainer', path });
      due.push({ session: NO_SESSION, cxid: 0, op: Op.deleteContainer, body, authInfo: [] });
    }
  }
  return due;
}

const NO_BODY = new Uint8Array(0);
const NO_SESSION = 0n as SessionId;

export function authorityDeadline(auth: AuthorityState): number | null {
  if (auth.orphans.length > 0) return 0;
  const sessionsMs = trackerDeadline(auth.sessions);
  return sessionsMs === null ? auth.nextReapMs : Math.min(sessionsMs, auth.nextReapMs);
}
