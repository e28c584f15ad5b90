/**
 * The ZooKeeper client as a machine: connects, keeps a session alive over changing connections, queues requests, keeps
 * the watch table, and says what happened. It does no I/O; the simulator's clients and the real client library drive it.
 *
 * The life of a connection (ClientCnxn.SendThread):
 *
 * ```
 *            deadline                 connOpened                    ConnectResponse
 *   waiting ----------> connecting ----------------> associating ------------------> connected
 *      ^                    | failed, too slow            | refused, too slow            | lost, silent, unknown bytes
 *      +--------------------+-----------------------------+------------------------------+
 *
 *   any phase -> ended: session expired (said by a server, or 4/3 of its timeout without a word), authentication
 *                       refused, or closed by the program
 * ```
 *
 * The promises kept here, which a program builds on:
 *  - Requests are sent in the order they were made and answered in that order; every request is answered exactly once.
 *  - When a connection is lost, everything asked before is answered with CONNECTIONLOSS, also what was still queued:
 *    were a later request carried over to the next connection while an earlier one was lost, "write the data, then the
 *    ready flag" would break.
 *  - What was seen is never unseen: no server behind the highest zxid seen is accepted (the server checks, 1.2).
 *  - Watches survive reconnection, and an event comes before any reply that shows the change.
 *
 * Two zxids are kept for this. `zxidSeen` counts replies and events and goes into the ConnectRequest. `zxidReplied`
 * counts replies alone and goes into setWatches: events of one transaction come one by one, and after a loss between two
 * of them only a zxid before the transaction makes the server catch up on the second.
 */

import type { Address, NoteFields } from '../io.ts';
import { asConn, asSession, assert, type ConnId, type Now, type SessionId } from '../types.ts';
import { type FrameBuffer, frameBuffer, nextFrame, pushBytes } from '../wire/framing.ts';
import { Code, Xid } from '../wire/opcodes.ts';
import type { Call, WatcherId } from './calls.ts';
import {
  type CallPlan,
  decodeConnectResponse,
  decodeEvent,
  decodeResult,
  encodeAuth,
  encodeClose,
  encodeConnect,
  encodePing,
  encodeSetWatches,
  planCall,
  readReplyHeader,
  stripChroot,
} from './frames.ts';
import type { ClientConfig, ClientEffect, ClientEmit, ClientInput, ClientSession, ClientStatus } from './io.ts';
import { ISRO, type RwSearch, rwSearch, searchAsks, searchGoesOn, searchHears } from './rw-search.ts';
import {
  type ClientWatches,
  isWatching,
  noWatches,
  registerWatch,
  takeWatchers,
  unregisterWatch,
  WATCH_KINDS,
  watchBatches,
} from './watches.ts';

export interface Client {
  readonly config: ClientConfig;
  state: ClientState;
}

export interface ClientState {
  phase: Phase;
  /** The session as the last server confirmed it, or as handed over by the program. */
  session: SessionState | null;
  /** When a server was last heard in this session; null before the first time. Local expiry counts from here. */
  heardMs: number | null;
  /** A read-write server has accepted the session, so that it is known beyond one server. */
  rwSeen: boolean;
  zxidSeen: number;
  zxidReplied: number;
  /** The host to try next, and how many were tried since the last success. */
  hostIndex: number;
  triedCount: number;
  connCount: number;
  nextXid: number;
  /** Not yet sent, oldest first. */
  queue: Queued[];
  queueBytes: number;
  /** Replayed on every connection, in this order. */
  auths: AuthState[];
  watches: ClientWatches;
  status: ClientStatus;
  /** The program asked to close; no request is taken any more. */
  closing: boolean;
  jitter: number;
}

interface SessionState {
  readonly id: SessionId;
  readonly passwd: Uint8Array;
  /** As negotiated; 0 before a server has said. */
  readonly timeoutMs: number;
}

export type Phase =
  | { readonly kind: 'waiting'; readonly untilMs: number }
  | { readonly kind: 'connecting'; readonly conn: ConnId; readonly address: Address; readonly deadlineMs: number }
  | AssociatingPhase
  | ConnectedPhase
  | { readonly kind: 'ended' };

interface AssociatingPhase {
  readonly kind: 'associating';
  readonly conn: ConnId;
  readonly address: Address;
  readonly deadlineMs: number;
  readonly buffer: FrameBuffer;
}

interface ConnectedPhase {
  readonly kind: 'connected';
  readonly conn: ConnId;
  readonly address: Address;
  readonly readOnly: boolean;
  readonly buffer: FrameBuffer;
  /** Sent and not yet answered, oldest first. */
  inFlight: Item[];
  /** Auth packets of this connection that the server has accepted; they are answered in order. */
  authCount: number;
  blocked: boolean;
  sentMs: number;
  search: RwSearch | null;
}

/** What waits for a reply. */
type Item = RequestItem | { readonly kind: 'close'; readonly xid: number };

interface RequestItem {
  readonly kind: 'request';
  readonly id: number;
  readonly xid: number;
  readonly watcher: number | null;
  readonly plan: CallPlan;
}

interface Queued {
  readonly item: Item | { readonly kind: 'auth' };
  readonly bytes: Uint8Array;
  readonly sinceMs: number;
}

interface AuthState {
  readonly scheme: string;
  readonly auth: Uint8Array;
  /** Whom to tell that a server accepted it; null when nobody asked or it was told. */
  id: number | null;
}

/** Bytes of requests waiting to be sent; further ones are answered with THROTTLEDOP at once. */
export const QUEUE_BYTES_MAX = 64 * 1024 * 1024;
/** Identities of one client. Every one is sent on every connection. */
export const AUTH_COUNT_MAX = 100;
/** Bytes of paths in one setWatches request (ClientCnxn.SET_WATCHES_MAX_LENGTH). */
export const SET_WATCHES_BYTES_MAX = 128 * 1024;
/** An idle connection is pinged at least this often (ClientCnxn.MAX_SEND_PING_INTERVAL). */
export const PING_INTERVAL_MAX_MS = 10_000;
const XID_MAX = 0x7fff_ffff;

interface ClientIo {
  readonly now: Now;
  readonly emit: ClientEmit;
}

export function clientBoot(config: ClientConfig, now: Now, emit: ClientEmit): Client {
  assert(config.hosts.length > 0, 'client without hosts');
  assert(config.chroot === '' || /^(\/[^/]+)+$/.test(config.chroot), 'chroot is not a path');
  const given = config.session;
  const client: Client = {
    config,
    state: {
      phase: { kind: 'waiting', untilMs: now.monoMs },
      session: given === null ? null : { id: given.id, passwd: given.passwd, timeoutMs: 0 },
      heardMs: null,
      rwSeen: given !== null,
      zxidSeen: given?.lastZxidSeen ?? 0,
      zxidReplied: given?.lastZxidSeen ?? 0,
      hostIndex: 0,
      triedCount: 0,
      connCount: 0,
      nextXid: 1,
      queue: [],
      queueBytes: 0,
      auths: [],
      watches: noWatches(),
      status: 'disconnected',
      closing: false,
      jitter: config.jitterSeed >>> 0,
    },
  };
  connectNext(client, { now, emit });
  return client;
}

export function clientStep(client: Client, now: Now, input: ClientInput, emit: ClientEmit): void {
  const io: ClientIo = { now, emit };
  switch (input.type) {
    case 'request':
      onRequest(client, io, input.id, input.request, input.watcher ?? null);
      break;
    case 'addAuth':
      onAddAuth(client, io, { scheme: input.scheme, auth: input.auth, id: input.id ?? null });
      break;
    case 'move':
      if (client.state.phase.kind === 'connected') loseConnection(client, io, 'moving to another server', true);
      break;
    case 'close':
      onClose(client, io);
      break;
    case 'connOpened':
      onOpened(client, io, input.conn);
      break;
    case 'connFailed':
    case 'connClosed':
      onGone(client, io, input.conn, input.reason);
      break;
    case 'connBytes':
      onBytes(client, io, input.conn, input.bytes);
      break;
    case 'connBlocked':
    case 'connDrained':
      onPressure(client, io, input.conn, input.type === 'connBlocked');
      break;
    case 'tick':
      onTick(client, io);
      break;
    default:
      input satisfies never;
  }
}

/** When the next tick is wanted; null once the client has ended. */
export function clientDeadline(client: Client): number | null {
  const { state } = client;
  const { phase } = state;
  if (phase.kind === 'ended') return null;
  if (phase.kind === 'connected') {
    const own = Math.min(readDeadline(client), pingDeadline(client, phase));
    return phase.search === null ? own : Math.min(own, phase.search.deadlineMs);
  }
  let deadline = phase.kind === 'waiting' ? phase.untilMs : phase.deadlineMs;
  const expiry = expiryDeadline(state);
  if (expiry !== null) deadline = Math.min(deadline, expiry);
  const oldest = state.queue[0];
  if (oldest !== undefined) deadline = Math.min(deadline, oldest.sinceMs + client.config.sessionTimeoutMs);
  return deadline;
}

/** What another client needs to go on with this one's session; null when there is none worth it. */
export function clientSession(client: Client): ClientSession | null {
  const { session, rwSeen, zxidSeen } = client.state;
  if (session === null || !rwSeen) return null;
  return { id: session.id, passwd: session.passwd, lastZxidSeen: zxidSeen };
}

/** Watchers that may still hear something; whoever keeps a function for each may forget the others. */
export function liveWatchers(client: Client): Set<WatcherId> {
  const { watches, phase, queue } = client.state;
  const live = new Set<WatcherId>();
  for (const kind of WATCH_KINDS) for (const ids of watches[kind].values()) for (const id of ids) live.add(id);
  const asked =
    phase.kind === 'connected' ? [...phase.inFlight, ...queue.map(({ item }) => item)] : queue.map(({ item }) => item);
  for (const item of asked) if (item.kind === 'request') live.add(item.watcher ?? item.id);
  return live;
}

// --- Requests --------------------------------------------------------------------------------------------------------

function onRequest(client: Client, io: ClientIo, id: number, call: Call, watcher: number | null): void {
  const { state, config } = client;
  const refusal = refusalOf(client);
  if (refusal !== null) {
    answerUnsent(io, id, refusal);
    return;
  }
  const xid = takeXid(state);
  const planned = planCall(call, { xid, chroot: config.chroot, watches: state.watches, watcher });
  if (planned === null || planned.bytes.length > config.frameBytesMax) {
    answerUnsent(io, id, Code.BADARGUMENTS);
    return;
  }
  enqueue(state, io, { kind: 'request', id, xid, watcher, plan: planned.plan }, planned.bytes);
  pump(client, io);
}

/** Why a request cannot be taken, or null when it can. */
function refusalOf(client: Client): number | null {
  const { state, config } = client;
  if (state.phase.kind === 'ended' || state.closing) return codeOf(state.status);
  if (state.queue.length >= config.queueCountMax || state.queueBytes > QUEUE_BYTES_MAX) return Code.THROTTLEDOP;
  return null;
}

/** What requests are answered with in a status: ClientCnxn.conLossPacket. */
function codeOf(status: ClientStatus): number {
  switch (status) {
    case 'authFailed':
      return Code.AUTHFAILED;
    case 'expired':
    case 'closed':
      return Code.SESSIONEXPIRED;
    case 'syncConnected':
    case 'connectedReadOnly':
    case 'disconnected':
      return Code.CONNECTIONLOSS;
    default:
      return status satisfies never;
  }
}

function enqueue(state: ClientState, io: ClientIo, item: Queued['item'], bytes: Uint8Array): void {
  state.queue.push({ item, bytes, sinceMs: io.now.monoMs });
  state.queueBytes += bytes.length;
}

function takeXid(state: ClientState): number {
  const xid = state.nextXid;
  state.nextXid = xid === XID_MAX ? 1 : xid + 1;
  return xid;
}

/** Sends what may be sent. */
function pump(client: Client, io: ClientIo): void {
  const { state, config } = client;
  const { phase } = state;
  if (phase.kind !== 'connected') return;
  while (!phase.blocked && phase.inFlight.length < config.inFlightCountMax) {
    const next = state.queue.shift();
    if (next === undefined) return;
    state.queueBytes -= next.bytes.length;
    if (next.item.kind !== 'auth') phase.inFlight.push(next.item);
    send(phase, io, next.bytes);
  }
}

function send(phase: ConnectedPhase, io: ClientIo, bytes: Uint8Array): void {
  io.emit({ type: 'send', conn: phase.conn, bytes });
  phase.sentMs = io.now.monoMs;
}

function onAddAuth(client: Client, io: ClientIo, auth: AuthState): void {
  const { state } = client;
  const refusal = state.auths.length < AUTH_COUNT_MAX ? refusalOf(client) : Code.BADARGUMENTS;
  if (refusal !== null) {
    if (auth.id !== null) answerUnsent(io, auth.id, refusal);
    return;
  }
  state.auths.push({ ...auth });
  // On any later connection it is replayed before the queue, so only a live one needs it sent in order.
  if (state.phase.kind !== 'connected') return;
  enqueue(state, io, { kind: 'auth' }, encodeAuth(auth));
  pump(client, io);
}

function onClose(client: Client, io: ClientIo): void {
  const { state } = client;
  if (state.phase.kind === 'ended' || state.closing) return;
  if (state.phase.kind === 'connected') {
    state.closing = true;
    const xid = takeXid(state);
    enqueue(state, io, { kind: 'close', xid }, encodeClose(xid));
    pump(client, io);
  } else {
    // No server can be told; the session expires by itself.
    end(client, io, 'closed');
  }
}

// --- Connections -----------------------------------------------------------------------------------------------------

function connectNext(client: Client, io: ClientIo): void {
  const { state, config } = client;
  assert(state.phase.kind === 'waiting', 'connecting while not waiting');
  const address = config.hosts[state.hostIndex % config.hosts.length]!;
  const conn = newConn(state);
  state.hostIndex = (state.hostIndex + 1) % config.hosts.length;
  state.triedCount += 1;
  state.phase = { kind: 'connecting', conn, address, deadlineMs: io.now.monoMs + connectTimeoutMs(client) };
  io.emit({ type: 'connect', conn, address: { ...address } });
}

function newConn(state: ClientState): ConnId {
  state.connCount += 1;
  return asConn(-state.connCount);
}

/** Time for one host, so that all can be tried before the session is over (ClientCnxn.connectTimeout). */
function connectTimeoutMs(client: Client): number {
  const { config, state } = client;
  const timeoutMs =
    state.session !== null && state.session.timeoutMs > 0 ? state.session.timeoutMs : config.sessionTimeoutMs;
  return Math.max(1, Math.floor(timeoutMs / config.hosts.length));
}

function onOpened(client: Client, io: ClientIo, conn: ConnId): void {
  const { state, config } = client;
  const { phase } = state;
  if (phase.kind === 'connecting' && phase.conn === conn) {
    const { address, deadlineMs } = phase;
    state.phase = { kind: 'associating', conn, address, deadlineMs, buffer: frameBuffer() };
    // A session that only a read-only server knows means nothing to the next server (SendThread.primeConnection).
    const session = state.rwSeen ? state.session : null;
    const bytes = encodeConnect({
      lastZxidSeen: state.zxidSeen,
      timeOut: config.sessionTimeoutMs,
      session,
      readOnly: config.readOnly,
    });
    io.emit({ type: 'send', conn, bytes });
  } else if (phase.kind === 'connected' && phase.search !== null && phase.search.conn === conn) {
    io.emit({ type: 'send', conn, bytes: ISRO });
  }
}

function onGone(client: Client, io: ClientIo, conn: ConnId, reason: string): void {
  const { phase } = client.state;
  if (phase.kind === 'connected') {
    if (phase.conn === conn) loseConnection(client, io, reason, false);
    else if (phase.search !== null && phase.search.conn === conn) {
      searchGoesOn(phase.search, { hostCount: client.config.hosts.length, nowMs: io.now.monoMs });
    }
  } else if ((phase.kind === 'connecting' || phase.kind === 'associating') && phase.conn === conn) {
    failAttempt(client, io, reason, false);
  }
}

function onPressure(client: Client, io: ClientIo, conn: ConnId, blocked: boolean): void {
  const { phase } = client.state;
  if (phase.kind !== 'connected' || phase.conn !== conn) return;
  phase.blocked = blocked;
  pump(client, io);
}

/** A connection that never became a session's: the queue stays, the next host is tried. */
function failAttempt(client: Client, io: ClientIo, reason: string, close: boolean): void {
  const { phase } = client.state;
  assert(phase.kind === 'connecting' || phase.kind === 'associating', 'no attempt to fail');
  if (close) io.emit({ type: 'close', conn: phase.conn });
  emitNote(io, 'client.connect.failed', { host: phase.address.host, port: phase.address.port, reason });
  waitForNext(client, io);
}

/** A session's connection is gone: everything asked before is answered, for better or worse. */
function loseConnection(client: Client, io: ClientIo, reason: string, close: boolean): void {
  const { state } = client;
  const { phase } = state;
  assert(phase.kind === 'connected', 'no connection to lose');
  if (close) io.emit({ type: 'close', conn: phase.conn });
  closeSearch(phase, io);
  emitNote(io, 'client.connection.lost', { host: phase.address.host, port: phase.address.port, reason });
  waitForNext(client, io);
  setStatus(client, io, 'disconnected', null);
  failRequests(client, io, phase.inFlight, Code.CONNECTIONLOSS);
  // A session of a read-only server ends with its connection.
  if (!state.rwSeen) state.session = null;
  if (state.closing) end(client, io, 'closed');
}

/** A random pause keeps the clients of a dead server from falling upon the next one together. */
function waitForNext(client: Client, io: ClientIo): void {
  const { state, config } = client;
  const round = state.triedCount > 0 && state.triedCount % config.hosts.length === 0 ? config.roundDelayMs : 0;
  state.phase = { kind: 'waiting', untilMs: io.now.monoMs + round + drawBelow(state, config.reconnectDelayMaxMs) };
}

/** mulberry32: a whole number below `bound`, from the state that `jitterSeed` started. */
function drawBelow(state: ClientState, bound: number): number {
  state.jitter = (state.jitter + 0x6d2b79f5) >>> 0;
  let mixed = state.jitter;
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return bound === 0 ? 0 : ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
}

/** Answers what is in flight and what is queued, in the order it was asked. */
function failRequests(client: Client, io: ClientIo, inFlight: readonly Item[], err: number): void {
  const { state } = client;
  const queue = state.queue;
  state.queue = [];
  state.queueBytes = 0;
  for (const item of inFlight) failItem(client, io, item, err, true);
  for (const { item } of queue) if (item.kind !== 'auth') failItem(client, io, item, err, false);
}

function failItem(client: Client, io: ClientIo, item: Item, err: number, sent: boolean): void {
  if (item.kind === 'close') return;
  if (item.plan.removal?.local === true) forgetWatchers(client, io, item);
  io.emit({ type: 'reply', id: item.id, err, zxid: -1, body: null, sent });
}

function end(client: Client, io: ClientIo, status: 'expired' | 'authFailed' | 'closed'): void {
  const { state } = client;
  const { phase } = state;
  assert(phase.kind !== 'ended', 'ended twice');
  if (phase.kind !== 'waiting') io.emit({ type: 'close', conn: phase.conn });
  if (phase.kind === 'connected') closeSearch(phase, io);
  state.phase = { kind: 'ended' };
  setStatus(client, io, status, null);
  failRequests(client, io, phase.kind === 'connected' ? phase.inFlight : [], codeOf(status));
  for (const auth of state.auths) {
    if (auth.id !== null)
      io.emit({ type: 'reply', id: auth.id, err: codeOf(status), zxid: -1, body: null, sent: true });
  }
  state.auths = [];
  state.watches = noWatches();
}

// --- Bytes -----------------------------------------------------------------------------------------------------------

function onBytes(client: Client, io: ClientIo, conn: ConnId, bytes: Uint8Array): void {
  const { phase } = client.state;
  if (phase.kind === 'connected' && phase.search !== null && phase.search.conn === conn) {
    onSearchBytes(client, io, phase.search, bytes);
    return;
  }
  if (!isTalking(phase, conn)) return;
  pushBytes(phase.buffer, bytes);
  client.state.heardMs = phase.kind === 'connected' ? io.now.monoMs : client.state.heardMs;
  takeFrames(client, io, conn);
}

function isTalking(phase: Phase, conn: ConnId): phase is AssociatingPhase | ConnectedPhase {
  return (phase.kind === 'associating' || phase.kind === 'connected') && phase.conn === conn;
}

function takeFrames(client: Client, io: ClientIo, conn: ConnId): void {
  for (;;) {
    const { phase } = client.state;
    if (!isTalking(phase, conn)) return;
    const next = nextFrame(phase.buffer, client.config.frameBytesMax);
    if (next.kind === 'more') return;
    const fault = next.kind === 'bad' ? next.error : onFrame(client, io, phase, next.bytes);
    if (fault !== null) {
      onFault(client, io, fault);
      return;
    }
  }
}

/** Bytes that make no sense: whatever is at the other end, the next host may be better. */
function onFault(client: Client, io: ClientIo, fault: string): void {
  if (client.state.phase.kind === 'connected') loseConnection(client, io, fault, true);
  else failAttempt(client, io, fault, true);
}

/** Handles one frame; the answer is what was wrong with it, or null. */
function onFrame(
  client: Client,
  io: ClientIo,
  phase: AssociatingPhase | ConnectedPhase,
  bytes: Uint8Array,
): string | null {
  if (phase.kind === 'associating') return onConnectResponse(client, io, phase, bytes);
  const header = readReplyHeader(bytes);
  if (header === null) return 'bad reply header';
  switch (header.xid) {
    case Xid.notification:
      return onEvent(client, io, bytes);
    case Xid.ping:
      return null;
    case Xid.auth:
      return onAuthReply(client, io, phase, header.err);
    case Xid.setWatches:
      if (header.err !== Code.OK) emitNote(io, 'client.watches.refused', { err: header.err });
      return null;
    default:
      return onReply(client, io, phase, header, bytes);
  }
}

function onConnectResponse(client: Client, io: ClientIo, phase: AssociatingPhase, bytes: Uint8Array): string | null {
  const { state, config } = client;
  const response = decodeConnectResponse(bytes);
  if (response === null) return 'bad connect response';
  if (response.timeOut <= 0) {
    end(client, io, 'expired');
    return null;
  }
  if (response.readOnly && !config.readOnly) return 'read-only server';
  if (state.rwSeen && state.session !== null && response.sessionId !== state.session.id) return 'another session';
  state.session = { id: asSession(response.sessionId), passwd: response.passwd.slice(), timeoutMs: response.timeOut };
  state.rwSeen ||= !response.readOnly;
  state.heardMs = io.now.monoMs;
  state.triedCount = 0;
  becomeConnected(client, io, phase, response.readOnly);
  return null;
}

function becomeConnected(client: Client, io: ClientIo, from: AssociatingPhase, readOnly: boolean): void {
  const { state } = client;
  const { conn, address, buffer } = from;
  const phase: ConnectedPhase = {
    kind: 'connected',
    conn,
    address,
    readOnly,
    buffer,
    inFlight: [],
    authCount: 0,
    blocked: false,
    sentMs: io.now.monoMs,
    search: readOnly ? rwSearch(state.hostIndex, io.now.monoMs) : null,
  };
  state.phase = phase;
  setStatus(client, io, readOnly ? 'connectedReadOnly' : 'syncConnected', address);
  for (const auth of state.auths) send(phase, io, encodeAuth(auth));
  for (const batch of watchBatches(state.watches, { bytesMax: SET_WATCHES_BYTES_MAX, sizeOf: pathBytes })) {
    send(phase, io, encodeSetWatches(state.zxidReplied, batch));
  }
  pump(client, io);
}

/** An upper bound of a path's jute size without encoding it: a UTF-16 unit is at most three bytes. */
const pathBytes = (path: string): number => 4 + path.length * 3;

function onAuthReply(client: Client, io: ClientIo, phase: ConnectedPhase, err: number): string | null {
  const { state } = client;
  if (err !== Code.OK) {
    end(client, io, 'authFailed');
    return null;
  }
  const auth = state.auths[phase.authCount];
  if (auth === undefined) return 'auth reply to no request';
  phase.authCount += 1;
  if (auth.id !== null) {
    io.emit({ type: 'reply', id: auth.id, err, zxid: 0, body: null, sent: true });
    auth.id = null;
  }
  return null;
}

function onReply(
  client: Client,
  io: ClientIo,
  phase: ConnectedPhase,
  header: { readonly xid: number; readonly zxid: number; readonly err: number },
  bytes: Uint8Array,
): string | null {
  const { state, config } = client;
  const item = phase.inFlight[0];
  if (item === undefined || item.xid !== header.xid) return 'xid out of order';
  if (item.kind === 'close') {
    phase.inFlight.shift();
    end(client, io, 'closed');
    return null;
  }
  const result = decodeResult(item.plan, bytes, config.chroot);
  if (result === null) return 'bad reply body';
  phase.inFlight.shift();
  state.zxidSeen = Math.max(state.zxidSeen, header.zxid);
  state.zxidReplied = Math.max(state.zxidReplied, header.zxid);
  registerFor(client, item, header.err);
  const err = item.plan.removal !== null && result.err === Code.OK ? finishRemoval(client, io, item) : result.err;
  io.emit({ type: 'reply', id: item.id, err, zxid: header.zxid, body: result.body, sent: true });
  pump(client, io);
  return null;
}

/** Watches count from the reply on (ZooKeeper.WatchRegistration): an exists that found nothing waits for a creation. */
function registerFor(client: Client, item: RequestItem, err: number): void {
  const { watch } = item.plan;
  if (watch === null) return;
  const watcher = item.watcher ?? item.id;
  if (err === Code.OK) registerWatch(client.state.watches, { kind: watch.kind, path: watch.path }, watcher);
  else if (err === Code.NONODE && watch.alsoAbsent) {
    registerWatch(client.state.watches, { kind: 'exist', path: watch.path }, watcher);
  }
}

function finishRemoval(client: Client, io: ClientIo, item: RequestItem): number {
  const { removal } = item.plan;
  assert(removal !== null, 'no removal to finish');
  if (!isWatching(client.state.watches, removal)) return Code.NOWATCHER;
  forgetWatchers(client, io, item);
  return Code.OK;
}

function forgetWatchers(client: Client, io: ClientIo, item: RequestItem): void {
  const { removal } = item.plan;
  assert(removal !== null, 'no watchers to forget');
  const path = stripChroot(removal.path, client.config.chroot);
  for (const { type, watchers } of unregisterWatch(client.state.watches, removal)) {
    io.emit({ type: 'watch', event: { type, path }, zxid: -1, watchers });
  }
}

function onEvent(client: Client, io: ClientIo, bytes: Uint8Array): string | null {
  const { state, config } = client;
  const event = decodeEvent(bytes);
  if (event === null) return 'bad watch event';
  state.zxidSeen = Math.max(state.zxidSeen, event.zxid);
  const watchers = takeWatchers(state.watches, event.type, event.path);
  const path = stripChroot(event.path, config.chroot);
  if (watchers.length > 0) io.emit({ type: 'watch', event: { type: event.type, path }, zxid: event.zxid, watchers });
  else emitNote(io, 'client.watch.unheard', { type: event.type, path, zxid: event.zxid });
  return null;
}

// --- Time ------------------------------------------------------------------------------------------------------------

function onTick(client: Client, io: ClientIo): void {
  const { state } = client;
  const { phase } = state;
  const nowMs = io.now.monoMs;
  if (phase.kind === 'ended') return;
  if (phase.kind === 'connected') {
    tickConnected(client, io, phase);
    return;
  }
  const expiry = expiryDeadline(state);
  if (expiry !== null && nowMs >= expiry) {
    emitNote(io, 'client.session.expiredLocally');
    end(client, io, 'expired');
    return;
  }
  giveUpQueued(client, io);
  if (phase.kind === 'waiting') {
    if (nowMs >= phase.untilMs) connectNext(client, io);
  } else if (nowMs >= phase.deadlineMs) {
    failAttempt(client, io, phase.kind === 'connecting' ? 'connect timeout' : 'no connect response in time', true);
  }
}

function tickConnected(client: Client, io: ClientIo, phase: ConnectedPhase): void {
  const nowMs = io.now.monoMs;
  if (nowMs >= readDeadline(client)) {
    loseConnection(client, io, 'server is silent', true);
    return;
  }
  if (nowMs >= pingDeadline(client, phase)) send(phase, io, encodePing());
  if (phase.search !== null && nowMs >= phase.search.deadlineMs) tickSearch(client, io, phase.search);
}

/** A server not heard for two thirds of the session timeout is given up, while the last third finds another. */
function readDeadline(client: Client): number {
  const { session, heardMs } = client.state;
  assert(session !== null && heardMs !== null, 'connected without a session');
  return heardMs + Math.floor((session.timeoutMs * 2) / 3);
}

function pingDeadline(client: Client, phase: ConnectedPhase): number {
  const { session } = client.state;
  assert(session !== null, 'connected without a session');
  return phase.sentMs + Math.min(Math.max(1, Math.floor(session.timeoutMs / 3)), PING_INTERVAL_MAX_MS);
}

/**
 * After 4/3 of the timeout the servers have expired the session, unless all of them were down: with a margin for clocks,
 * the client says so itself instead of waiting for a server to come back (ZOOKEEPER-4508).
 */
function expiryDeadline(state: ClientState): number | null {
  const { session, heardMs, rwSeen } = state;
  if (session === null || heardMs === null || !rwSeen) return null;
  return heardMs + Math.floor((session.timeoutMs * 4) / 3);
}

/** A request that has waited a session timeout for a connection is not worth more waiting. */
function giveUpQueued(client: Client, io: ClientIo): void {
  const { state, config } = client;
  for (;;) {
    const oldest = state.queue[0];
    if (oldest === undefined || io.now.monoMs < oldest.sinceMs + config.sessionTimeoutMs) return;
    state.queue.shift();
    state.queueBytes -= oldest.bytes.length;
    if (oldest.item.kind !== 'auth') failItem(client, io, oldest.item, Code.CONNECTIONLOSS, false);
  }
}

// --- Read-only -------------------------------------------------------------------------------------------------------

function tickSearch(client: Client, io: ClientIo, search: RwSearch): void {
  const { config, state } = client;
  if (search.conn === null) {
    const conn = newConn(state);
    searchAsks(search, conn, io.now.monoMs);
    io.emit({ type: 'connect', conn, address: { ...config.hosts[search.hostIndex % config.hosts.length]! } });
  } else {
    io.emit({ type: 'close', conn: search.conn });
    searchGoesOn(search, { hostCount: config.hosts.length, nowMs: io.now.monoMs });
  }
}

function onSearchBytes(client: Client, io: ClientIo, search: RwSearch, bytes: Uint8Array): void {
  const { state, config } = client;
  const verdict = searchHears(search, bytes);
  if (verdict === 'more') return;
  if (verdict === 'not-it') {
    if (search.conn !== null) io.emit({ type: 'close', conn: search.conn });
    searchGoesOn(search, { hostCount: config.hosts.length, nowMs: io.now.monoMs });
    return;
  }
  state.hostIndex = search.hostIndex % config.hosts.length;
  loseConnection(client, io, 'a read-write server was found', true);
  if (state.phase.kind === 'waiting') connectNext(client, io);
}

function closeSearch(phase: ConnectedPhase, io: ClientIo): void {
  if (phase.search !== null && phase.search.conn !== null) io.emit({ type: 'close', conn: phase.search.conn });
}

// --- Telling ---------------------------------------------------------------------------------------------------------

function setStatus(client: Client, io: ClientIo, status: ClientStatus, address: Address | null): void {
  const { state } = client;
  if (state.status === status) return;
  state.status = status;
  const { session } = state;
  const effect: ClientEffect = {
    type: 'state',
    state: status,
    address: address === null ? null : { ...address },
    session: session === null ? null : session.id,
    timeoutMs: session === null ? 0 : session.timeoutMs,
  };
  io.emit(effect);
}

function answerUnsent(io: ClientIo, id: number, err: number): void {
  io.emit({ type: 'reply', id, err, zxid: -1, body: null, sent: false });
}

function emitNote(io: ClientIo, code: string, fields?: NoteFields): void {
  io.emit(fields === undefined ? { type: 'note', code } : { type: 'note', code, fields });
}
