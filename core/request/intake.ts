/**
 * Requests on their way in, and the order in which their answers leave.
 *
 * Answers leave a connection in the order of its requests (FIFO client order). So each connection has a queue: a write waits
 * there for its transaction, and what comes behind it waits for the write. Writes are submitted as they come, not at their
 * turn, so a client may have many on the way; a read is executed at its turn and so sees every write before it and none
 * behind it (CommitProcessor). A read with nothing before it is answered at once. No connection ever waits for another.
 *
 * A sync is answered by the deciding server, but not as a transaction, and so has no place among them. What comes behind
 * it in its connection is not submitted before it is done; otherwise a read between the two could see the later write.
 *
 * What limits the memory behind a connection: one frame (`jute.maxbuffer`) and the slack of what may arrive after the shell
 * was told to stop reading; the outstanding requests (`globalOutstandingLimit`), few of them reads, whose answers are
 * larger than they are; and the shell's send buffer, which it reports and which is not filled faster than it can.
 */

import { authenticate } from '../acl/schemes.ts';
import type { PeerConfig } from '../config/types.ts';
import { note } from '../io.ts';
import { untrack } from '../session/tracker.ts';
import { parentOf } from '../tree/paths.ts';
import type { WatchNotice } from '../tree/watches.ts';
import { assert, type ConnId, type Id, Perm, type SessionId, ZXID_ZERO, type Zxid } from '../types.ts';
import type { RequestOf } from '../wire/client-codec.ts';
import {
  type ClientRequest,
  decodeRequest,
  decodeRequestFrame,
  encodeWatchEvent,
  isClientOp,
} from '../wire/client-codec.ts';
import { isFrameWhole, nextFrame, peekBytes, takeAll } from '../wire/framing.ts';
import { Code, CreateMode, KeeperState, Op, Xid } from '../wire/opcodes.ts';
import { askerOf, mayAccess, providersFor, sizeOfIds } from './access.ts';
import { type Applied, answerOf } from './answers.ts';
import {
  BLOCKED_OUTPUT_MAX,
  BURST_MAX,
  type Call,
  closeConn,
  copyIds,
  NO_ZXID,
  reply,
  sendBytes,
  setReading,
} from './connection.ts';
import { createSessionRequest, onConnectRequest } from './handshake.ts';
import { executeRead, type ReadRequest } from './reads.ts';
import type { ClientConn, ConnPhase, Pending, ServerState } from './state.ts';
import { onWord } from './words.ts';

/** A ConnectRequest is 44 or 45 bytes; nobody is trusted with more before it has a session. */
export const CONNECT_FRAME_MAX = 1024;
/** What may still arrive after the shell was told to stop reading: its own chunk and what the wire holds. */
export const INPUT_SLACK_MAX = 1 << 20;
/** Reads of one connection that wait for its writes: when those are done, all are answered at once. */
export const WAITING_READS_MAX = 128;
/** Identities of one connection. Upstream keeps whatever `auth` packets bring. */
export const IDS_MAX = 64;
/** Their texts together, which travel with every write. */
export const IDS_SIZE_MAX = 16_384;

const LENGTH_SIZE = 4;
const NO_BODY = new Uint8Array(0);

// --- bytes -----------------------------------------------------------------------------------------------------------

/** Takes whatever can be taken from the connection's input. */
export function pump(call: Call, conn: ClientConn): void {
  while (mayTake(call, conn)) {
    if (conn.phase.kind === 'greeting') {
      if (!greet(call, conn)) break;
      continue;
    }
    const next = nextFrame(conn.rx, frameMax(conn.phase, call.config));
    if (next.kind === 'more') break;
    if (next.kind === 'bad') return closeConn(call, conn, `bad frame: ${next.error}`);
    if (conn.phase.kind === 'handshake') onConnectRequest(call, conn, next.bytes);
    else onFrame(call, conn, next.bytes);
  }
  regulate(call, conn);
}

/** The frame limit of the Java server is exclusive (`len >= jute.maxbuffer` is refused). */
function frameMax(phase: ConnPhase, config: PeerConfig): number {
  return phase.kind === 'handshake' ? Math.min(CONNECT_FRAME_MAX, config.juteMaxBuffer - 1) : config.juteMaxBuffer - 1;
}

/** The first four bytes are a word or a length. False when they are not all there, or nothing more is to be read. */
function greet(call: Call, conn: ClientConn): boolean {
  const first = peekBytes(conn.rx, LENGTH_SIZE);
  if (first === null) return false;
  if (onWord(call, conn, first)) return false;
  conn.phase = { kind: 'handshake' };
  return true;
}

function mayTake(call: Call, conn: ClientConn): boolean {
  const { phase } = conn;
  if (phase.kind === 'greeting' || phase.kind === 'handshake') return !conn.blocked;
  if (phase.kind !== 'serving' || conn.blocked) return false;
  const { server } = call;
  // The owner of unanswered requests waits; whoever has none may always ask one (ZooKeeperServer.shouldThrottle).
  if (conn.queue.length > 0 && server.outstanding > server.outstandingMax) return false;
  if (conn.waitingReads >= WAITING_READS_MAX) return false;
  return !hasToYield(call, conn) && !isThrottled(call, conn);
}

/** Goes on with the next tick, which is asked for at once. */
function hasToYield({ server, io }: Call, conn: ClientConn): boolean {
  if (conn.burstSize < BURST_MAX) return false;
  if (server.yielding.size === 0) server.yieldedMs = io.now.monoMs;
  server.yielding.add(conn.conn);
  return true;
}

/** Time has passed, if only none: whoever yielded goes on, unless the shell says by now that the client is behind. */
export function resumeYielding(call: Call): void {
  const { server } = call;
  for (const id of [...server.yielding]) {
    const conn = server.conns.get(id);
    server.yielding.delete(id);
    if (conn === undefined) continue;
    conn.burstSize = 0;
    pump(call, conn);
  }
}

/**
 * Whether the request throttle holds the next frame back (RequestThrottler). There as here requests go in turn: as long as a
 * connection waits, another that has just been answered takes no place before it.
 */
function isThrottled(call: Call, conn: ClientConn): boolean {
  const { server, config, io } = call;
  const limit = config.requestThrottleMaxRequests;
  // A part of a request takes no place, so nobody waits with it or behind it.
  if (limit <= 0 || !isFrameWhole(conn.rx)) return false;
  if (server.outstanding < limit && (server.held.size === 0 || longestHeld(server) === conn.conn)) {
    if (conn.heldSinceMs !== null) letGo(call, conn, conn.heldSinceMs);
    return false;
  }
  if (conn.heldSinceMs === null) {
    conn.heldSinceMs = io.now.monoMs;
    server.held.add(conn.conn);
  }
  return true;
}

const longestHeld = ({ held }: ServerState): ConnId | undefined => held.values().next().value;

/** What has arrived by now has waited as long as the first of it. */
function letGo(call: Call, conn: ClientConn, sinceMs: number): void {
  call.server.held.delete(conn.conn);
  conn.heldSinceMs = null;
  conn.staleSinceMs = sinceMs;
  conn.staleSize = conn.rx.size;
}

/** Requests were answered: connections that the throttle held go on, one request each, the longest waiting first. */
export function releaseHeld(call: Call): void {
  const { server, config } = call;
  for (let id = longestHeld(server); id !== undefined; id = longestHeld(server)) {
    if (server.outstanding >= config.requestThrottleMaxRequests) return;
    const conn = server.conns.get(id);
    assert(conn !== undefined, 'a connection that is gone waits for the throttle');
    pump(call, conn);
    const isStillNext = longestHeld(server) === id && server.outstanding < config.requestThrottleMaxRequests;
    // It waits for something else by now. When it may go on, it comes back to the end.
    if (isStillNext && conn.heldSinceMs !== null) letGo(call, conn, conn.heldSinceMs);
  }
}

/** Reads on, or stops: a connection that may not be served is not read from, so what it sends stays with the sender. */
function regulate(call: Call, conn: ClientConn): void {
  const { kind } = conn.phase;
  if (kind === 'closed') return;
  if (kind === 'closing') {
    takeAll(conn.rx);
    return;
  }
  const waits = conn.blocked || (conn.rx.size > 0 && !mayTake(call, conn));
  setReading(call, conn, !waits);
  if (conn.rx.size > call.config.juteMaxBuffer + INPUT_SLACK_MAX) closeConn(call, conn, 'input overrun');
}

// --- one request -----------------------------------------------------------------------------------------------------

function onFrame(call: Call, conn: ClientConn, frame: Uint8Array): void {
  const { server, config, io } = call;
  const { phase } = conn;
  assert(phase.kind === 'serving', 'request without session');
  server.stats.received += 1;
  conn.stats.received += 1;
  const isStale = wasHeld(call, conn, frame.length + LENGTH_SIZE);
  const decoded = decodeRequestFrame(frame);
  if (!decoded.ok) return closeConn(call, conn, `bad request header: ${decoded.error}`);
  const { header, body } = decoded.value;
  const { xid: cxid, type: op } = header;
  const arrivedMs = io.now.monoMs;
  if (op === Op.auth || op === Op.sasl) return onAuthFrame(call, conn, cxid, op, body);
  if (!isAdmitted(config, conn)) {
    note(io, 'client.auth.required', { conn: conn.conn });
    return settleNow(call, conn, farewell(cxid, op, Code.SESSIONCLOSEDREQUIRESASLAUTH, arrivedMs));
  }
  // A check is only known inside a multi (ZOOKEEPER-2623).
  if (!isClientOp(op) || op === Op.check) {
    return settleNow(call, conn, farewell(cxid, op, Code.UNIMPLEMENTED, arrivedMs));
  }
  const request = decodeRequest(op, body);
  if (!request.ok) return settleNow(call, conn, answer(cxid, op, Code.MARSHALLINGERROR, arrivedMs));
  if (isStale && op !== Op.ping && op !== Op.closeSession) {
    server.stats.throttledOps += 1;
    return settleNow(call, conn, answer(cxid, op, Code.THROTTLEDOP, arrivedMs));
  }
  accept(call, conn, { cxid, request: request.value, body, arrivedMs });
}

/** The throttle kept this frame waiting for longer than an operation may wait. */
function wasHeld(call: Call, conn: ClientConn, size: number): boolean {
  if (conn.staleSize <= 0) return false;
  conn.staleSize -= size;
  const limitMs = call.config.throttledOpWaitTimeMs;
  return limitMs > 0 && call.io.now.monoMs - conn.staleSinceMs > limitMs;
}

interface Incoming {
  readonly cxid: number;
  readonly request: ClientRequest;
  readonly body: Uint8Array;
  readonly arrivedMs: number;
}

function accept(call: Call, conn: ClientConn, incoming: Incoming): void {
  const { request, cxid, arrivedMs } = incoming;
  switch (request.kind) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
    case 'delete':
    case 'setData':
    case 'setACL':
    case 'multi':
    case 'reconfig':
      return acceptWrite(call, conn, incoming);
    case 'sync':
      if (call.server.mode === 'readonly') return refuseReadOnly(call, conn, incoming);
      return enqueue(call, conn, pendingOf('sync', incoming));
    case 'closeSession':
      return acceptClose(call, conn, incoming);
    case 'auth':
    case 'sasl':
    case 'check':
      return settleNow(call, conn, farewell(cxid, request.op, Code.UNIMPLEMENTED, arrivedMs));
    default:
      return acceptRead(call, conn, incoming, request);
  }
}

/** Most reads find an empty queue and leave no trace in the state. */
function acceptRead(call: Call, conn: ClientConn, incoming: Incoming, request: ReadRequest): void {
  if (conn.queue.length > 0) {
    conn.waitingReads += 1;
    return enqueue(call, conn, pendingOf('read', incoming));
  }
  answerRead(call, conn, incoming, request);
}

function acceptWrite(call: Call, conn: ClientConn, incoming: Incoming): void {
  const { server, config } = call;
  if (server.mode === 'readonly') return refuseReadOnly(call, conn, incoming);
  if (isEagerlyRefused(call, conn, incoming.request)) {
    return settleNow(call, conn, answer(incoming.cxid, incoming.request.op, Code.NOAUTH, incoming.arrivedMs));
  }
  const { phase } = conn;
  assert(phase.kind === 'serving', 'write without session');
  let err = 0;
  if (server.local.sessions.has(phase.session) && createsEphemeral(incoming.request)) {
    if (config.localSessionsUpgradingEnabled) upgrade(call, conn, phase.session, phase.timeoutMs);
    // The leader does not know the session and will say that it has expired; a plain create is told why.
    else if (incoming.request.kind !== 'multi') err = Code.EPHEMERALONLOCALSESSION;
  }
  enqueue(call, conn, pendingOf('write', incoming, incoming.body, err));
}

function refuseReadOnly(call: Call, conn: ClientConn, { cxid, request, arrivedMs }: Incoming): void {
  settleNow(call, conn, answer(cxid, request.op, Code.NOTREADONLY, arrivedMs));
}

/** Nothing behind it is read (and so nothing behind it is answered). */
function acceptClose(call: Call, conn: ClientConn, incoming: Incoming): void {
  const { phase } = conn;
  assert(phase.kind === 'serving', 'close without session');
  const { session, timeoutMs } = phase;
  const local = call.server.local.sessions.has(session);
  if (!local && call.server.mode === 'readonly') return refuseReadOnly(call, conn, incoming);
  conn.phase = { kind: 'closing', session, timeoutMs };
  enqueue(call, conn, pendingOf(local ? 'leave' : 'write', incoming));
}

// --- the queue -------------------------------------------------------------------------------------------------------

const pendingOf = (
  kind: Pending['kind'],
  { cxid, request, arrivedMs }: Incoming,
  body: Uint8Array = NO_BODY,
  err = 0,
): Pending => ({ kind, cxid, op: request.op, request, body, state: 'waiting', err, arrivedMs });

const answer = (cxid: number, op: number, err: number, arrivedMs: number): Pending => ({
  kind: 'answer',
  cxid,
  op,
  request: null,
  body: NO_BODY,
  state: 'done',
  err,
  arrivedMs,
});

const farewell = (cxid: number, op: number, err: number, arrivedMs: number): Pending => ({
  ...answer(cxid, op, err, arrivedMs),
  kind: 'farewell',
});

/** An answer that needs no work: at once, or at its turn. A farewell ends the reading. */
function settleNow(call: Call, conn: ClientConn, pending: Pending): void {
  if (pending.kind === 'farewell') {
    const owner = conn.phase;
    assert(owner.kind === 'serving', 'farewell without session');
    conn.phase = { kind: 'closing', session: owner.session, timeoutMs: owner.timeoutMs };
  }
  enqueue(call, conn, pending);
}

function enqueue(call: Call, conn: ClientConn, pending: Pending): void {
  conn.queue.push(pending);
  call.server.outstanding += 1;
  if (!conn.syncing) submit(call, conn, pending);
  if (conn.queue.length === 1) advance(call, conn);
}

/** Hands a write or a sync to the deciding server. */
function submit(call: Call, conn: ClientConn, pending: Pending): void {
  const { phase } = conn;
  if (phase.kind !== 'serving' && phase.kind !== 'closing') return;
  const { session } = phase;
  const { cxid, op, request } = pending;
  if (pending.kind === 'write') {
    pending.state = 'submitted';
    const authInfo = copyIds(conn.authIds);
    call.out.push({ type: 'submit', request: { session, cxid, op, body: pending.body, authInfo } });
  } else if (pending.kind === 'sync' && request?.kind === 'sync') {
    pending.state = 'submitted';
    conn.syncing = true;
    call.out.push({ type: 'sync', conn: conn.conn, session, cxid, path: request.path });
  }
}

/** Answers everything at the head of the queue whose time has come. */
export function advance(call: Call, conn: ClientConn): void {
  while (conn.queue.length > 0) {
    const head = conn.queue[0]!;
    if ((head.kind === 'write' || head.kind === 'sync') && head.state !== 'done') return;
    conn.queue.shift();
    call.server.outstanding -= 1;
    answerHead(call, conn, head);
  }
}

function answerHead(call: Call, conn: ClientConn, head: Pending): void {
  const zxid = call.heap.tree.lastZxid;
  const { kind, request } = head;
  switch (kind) {
    case 'read':
      conn.waitingReads -= 1;
      answerRead(call, conn, head, request as ReadRequest);
      break;
    case 'sync':
      assert(request?.kind === 'sync', 'sync without request');
      reply(call, conn, head, { err: Code.OK, body: { kind: 'sync', path: request.path }, zxid });
      break;
    case 'answer':
      reply(call, conn, head, {
        err: head.err,
        body: head.op === Op.sasl ? NO_SASL : null,
        zxid: zxidOfAnswer(head, zxid),
      });
      break;
    case 'farewell':
      reply(call, conn, head, { err: head.err, body: null, zxid: zxidOfAnswer(head, zxid) });
      closeConn(call, conn, `refused with ${head.err}`);
      break;
    case 'leave':
      leave(call, conn, head);
      break;
    case 'write':
      // Answered with its transaction, in `onApplied`.
      assert(false, 'a write answered out of turn');
      break;
    default:
      kind satisfies never;
  }
}

/** What is decided before any state is looked at carries no zxid. */
function zxidOfAnswer({ op, err }: Pending, zxid: Zxid): Zxid {
  if (err === Code.UNIMPLEMENTED) return NO_ZXID;
  return op === Op.auth || op === Op.sasl || err === Code.SESSIONCLOSEDREQUIRESASLAUTH ? ZXID_ZERO : zxid;
}

function answerRead(
  call: Call,
  conn: ClientConn,
  asked: { readonly cxid: number; readonly arrivedMs: number },
  request: ReadRequest,
): void {
  const { phase } = conn;
  if (phase.kind !== 'serving' && phase.kind !== 'closing') return;
  const reader = { conn: conn.conn, session: phase.session, asker: askerOf(conn.authIds) };
  const { err, body, notices, overfull } = executeRead(call.heap, call.config, reader, request);
  if (overfull) return closeConn(call, conn, 'too many watches');
  for (const notice of notices) sendNotice(call, conn, notice, NO_ZXID);
  const cxid = request.kind === 'ping' ? Xid.ping : asked.cxid;
  reply(call, conn, { cxid, op: request.op, arrivedMs: asked.arrivedMs }, { err, body, zxid: call.heap.tree.lastZxid });
}

/** Events come whether the client reads or not. One that is too far behind is given up; it can ask again what it missed. */
export function sendNotice(call: Call, conn: ClientConn, { type, path }: WatchNotice, zxid: Zxid): void {
  if (conn.blockedSize > BLOCKED_OUTPUT_MAX) return closeConn(call, conn, 'client does not read');
  sendBytes(call, conn, encodeWatchEvent({ type, state: KeeperState.syncConnected, path }, zxid));
  call.server.stats.watchEventsSent += 1;
}

// --- what the deciding server says -----------------------------------------------------------------------------------

/** A transaction of the connection's session was applied. */
export function onOwnTxn(call: Call, conn: ClientConn, applied: Applied): void {
  const head = conn.queue[0];
  const { header } = applied;
  if (head === undefined || head.kind !== 'write' || head.state !== 'submitted' || head.cxid !== header.cxid) return;
  const answered = answerOf(head.op, applied);
  if (answered.kind === 'nonsense') {
    note(call.io, 'client.txn.nonsense', { zxid: header.zxid, op: head.op, type: header.type });
    return closeConn(call, conn, 'the transaction does not answer the request');
  }
  conn.queue.shift();
  call.server.outstanding -= 1;
  if (answered.kind === 'moved') return closeConn(call, conn, 'session moved');
  const err = head.err !== 0 && answered.err === Code.SESSIONEXPIRED ? head.err : answered.err;
  reply(call, conn, head, { err, body: err === Code.OK ? answered.body : null, zxid: header.zxid });
  if (head.op === Op.closeSession) return closeConn(call, conn, 'session closed');
  advance(call, conn);
}

/** The sync of this connection is done: what waited behind it is submitted. */
export function onSyncDone(call: Call, conn: ClientConn, cxid: number): void {
  const sync = conn.queue.find((pending) => pending.kind === 'sync' && pending.state === 'submitted');
  if (sync === undefined || sync.cxid !== cxid) return;
  sync.state = 'done';
  conn.syncing = false;
  for (const pending of conn.queue) {
    if (pending.state === 'waiting' && !conn.syncing) submit(call, conn, pending);
  }
  advance(call, conn);
}

// --- local sessions --------------------------------------------------------------------------------------------------

function leave(call: Call, conn: ClientConn, head: Pending): void {
  const { phase } = conn;
  if (phase.kind === 'closing') untrack(call.server.local, phase.session);
  reply(call, conn, head, { err: Code.OK, body: null, zxid: call.heap.tree.lastZxid });
  closeConn(call, conn, 'session closed');
}

/** The session becomes one that every server knows, before the write that needs it (UpgradeableSessionTracker). */
function upgrade(call: Call, conn: ClientConn, session: SessionId, timeoutMs: number): void {
  untrack(call.server.local, session);
  note(call.io, 'client.session.upgraded', { conn: conn.conn, session });
  call.out.push({ type: 'submit', request: createSessionRequest(session, timeoutMs) });
}

function createsEphemeral(request: ClientRequest): boolean {
  if (request.kind === 'multi') return request.ops.some(createsEphemeral);
  if (request.kind !== 'create' && request.kind !== 'create2') return false;
  return request.flags === CreateMode.ephemeral || request.flags === CreateMode.ephemeralSequential;
}

// --- who asks --------------------------------------------------------------------------------------------------------

/** May this connection ask anything yet (AuthenticationHelper.enforceAuthentication)? */
function isAdmitted(config: PeerConfig, conn: ClientConn): boolean {
  const required = config.sessionRequireClientSaslAuth ? SASL_ONLY : config.enforceAuthSchemes;
  return required.length === 0 || conn.authIds.some((id) => required.includes(id.scheme));
}

const SASL_ONLY = ['sasl'] as const;

/**
 * `auth` adds an identity; `sasl` would start an exchange, which a server without SASL ends at once with a null token. The
 * identity counts for everything that is submitted from here on; the answer takes its place in the order.
 */
function onAuthFrame(call: Call, conn: ClientConn, cxid: number, op: number, body: Uint8Array): void {
  const request = decodeRequest(op, body);
  if (!request.ok) return closeConn(call, conn, `bad authentication request: ${request.error}`);
  if (request.value.kind === 'auth') return onAuth(call, conn, cxid, request.value);
  settleNow(call, conn, answer(cxid, op, Code.OK, call.io.now.monoMs));
}

/** How upstream answers `sasl` when no SASL login is configured. */
const NO_SASL = { kind: 'sasl', token: null } as const;

function onAuth(call: Call, conn: ClientConn, cxid: number, { scheme, auth }: RequestOf<'auth'>): void {
  const { config, io, server } = call;
  const arrivedMs = io.now.monoMs;
  const outcome = authenticate(providersFor(config), { scheme, auth, remote: conn.remote });
  if (outcome.kind === 'close') return closeConn(call, conn, 'wrong ensemble');
  if (outcome.kind === 'ok' && addIds(conn, outcome.ids)) {
    return settleNow(call, conn, answer(cxid, Op.auth, Code.OK, arrivedMs));
  }
  server.stats.authFailed += 1;
  note(io, 'client.auth.failed', { conn: conn.conn, scheme });
  settleNow(call, conn, farewell(cxid, Op.auth, Code.AUTHFAILED, arrivedMs));
}

/** False when there are too many. */
function addIds(conn: ClientConn, ids: readonly Id[]): boolean {
  const fresh = ids.filter(({ scheme, id }) => !conn.authIds.some((own) => own.scheme === scheme && own.id === id));
  if (conn.authIds.length + fresh.length > IDS_MAX) return false;
  if (sizeOfIds(conn.authIds) + sizeOfIds(fresh) > IDS_SIZE_MAX) return false;
  conn.authIds.push(...copyIds(fresh));
  return true;
}

/**
 * `enableEagerACLCheck`: a learner that knows better does not bother the leader. Its tree may be behind, so a write may be
 * refused that the leader would take; that is what the option buys.
 */
function isEagerlyRefused({ server, config, heap }: Call, conn: ClientConn, request: ClientRequest): boolean {
  if (!config.enableEagerAclCheck || (server.mode !== 'follower' && server.mode !== 'observer')) return false;
  const need = eagerNeed(request);
  const node = need === null ? undefined : heap.tree.get(need.path);
  return need !== null && node !== undefined && !mayAccess(config, node.acl, need.perm, askerOf(conn.authIds));
}

function eagerNeed(request: ClientRequest): { path: string; perm: number } | null {
  switch (request.kind) {
    case 'create':
    case 'create2':
      return { path: parentOf(request.path), perm: Perm.CREATE };
    case 'delete':
      return { path: parentOf(request.path), perm: Perm.DELETE };
    case 'setData':
      return { path: request.path, perm: Perm.WRITE };
    case 'setACL':
      return { path: request.path, perm: Perm.ADMIN };
    default:
      return null;
  }
}
