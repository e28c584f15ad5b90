/**
 * The client port: what the rest of the server may do with it.
 *
 * Inputs of the shell come in through `serverOpened`, `serverBytes` and their like; what the deciding server has to say
 * through `serverApplied`, `serverSyncDone` and `serverRevalidated`. Each returns what it wants done in turn, in order.
 */

import { identitiesOf } from '../acl/schemes.ts';
import { votersOf } from '../config/membership.ts';
import type { BootSecrets, PeerConfig, ServerSpec } from '../config/types.ts';
import type { Heap } from '../heap.ts';
import { type Address, type Input, type Io, note } from '../io.ts';
import { newTracker, takeExpired, touch, trackerDeadline } from '../session/tracker.ts';
import { type Acl, asSession, assert, type ConnId, Perm, type SessionId, ZXID_ZERO, type Zxid } from '../types.ts';
import { frameBuffer, pushBytes } from '../wire/framing.ts';
import { Op } from '../wire/opcodes.ts';
import { type Asker, askerOf, mayAccess, providersFor } from './access.ts';
import type { Applied } from './answers.ts';
import { type Call, closeConn, connOf, copyIds, forgetConn, setReading, takeOrphan } from './connection.ts';
import { finishConnect, firstFreeSessionId } from './handshake.ts';
import { onOwnTxn, onSyncDone, pump, releaseHeld, resumeYielding, sendNotice } from './intake.ts';
import type { ClientConn, ServerEvent, ServerMode, ServerState } from './state.ts';
import { tellSizes } from './words.ts';

export type { Applied } from './answers.ts';
export type { ServerEvent, ServerMode, ServerState, Submission } from './state.ts';

type InputOf<T extends Input['type']> = Extract<Input, { readonly type: T }>;

const NOTHING: readonly ServerEvent[] = [];

const callOf = (server: ServerState, heap: Heap, config: PeerConfig, io: Io): Call => ({
  server,
  heap,
  config,
  io,
  out: [],
});

function listen(io: Io, { client, secureClient }: ServerState['listening']): void {
  if (client !== null) io.emit({ type: 'listen', channel: 'client', address: client, tls: false });
  if (secureClient !== null) io.emit({ type: 'listen', channel: 'client', address: secureClient, tls: true });
}

// --- life ------------------------------------------------------------------------------------------------------------

/** ZooTrace: requests of clients and warnings. */
const TRACE_MASK_DEFAULT = 306n;

/** Asks for the client listeners; nobody is served before `serverStart`. */
export function serverBoot(config: PeerConfig, secrets: BootSecrets, io: Io): ServerState {
  const listening = { client: config.clientAddress, secureClient: config.secureClientAddress };
  listen(io, listening);
  return {
    listening,
    mode: 'stopped',
    traceMask: TRACE_MASK_DEFAULT,
    sessionSecret: secrets.sessionSecret,
    nextSessionId: asSession(0n),
    outstandingMax: outstandingShare(config),
    conns: new Map(),
    connsByIp: new Map(),
    attached: new Map(),
    local: newTracker(config.tickTimeMs),
    touches: new Map(),
    orphanWrites: new Map(),
    orphanSyncs: new Map(),
    outstanding: 0,
    held: new Set(),
    yielding: new Set(),
    yieldedMs: 0,
    sweepAtMs: null,
    stats: freshStats(io.now.monoMs),
  };
}

/**
 * A configuration came into force that may have this server's clients come elsewhere (ServerCnxnFactory.reconfigure). Those that
 * are connected stay. What the configuration leaves out stays as it is.
 */
export function serverMoved(server: ServerState, io: Io, own: Pick<ServerSpec, 'client' | 'secureClient'>): void {
  const { listening } = server;
  const wanted = {
    client: isSamePort(listening.client, own.client) ? listening.client : own.client,
    secureClient: isSamePort(listening.secureClient, own.secureClient) ? listening.secureClient : own.secureClient,
  };
  if (wanted.client === listening.client && wanted.secureClient === listening.secureClient) return;
  io.emit({ type: 'unlisten', channel: 'client' });
  server.listening = wanted;
  listen(io, wanted);
}

/** Whether nothing is asked for but what is there. An address for all interfaces is at home at each of them. */
function isSamePort(here: Address | null, wanted: Address | null): boolean {
  if (wanted === null) return true;
  if (here === null || here.port !== wanted.port) return false;
  return here.host === wanted.host || here.host === ANY_HOST || wanted.host === ANY_HOST;
}

const ANY_HOST = '0.0.0.0';

export const freshStats = (nowMs: number): ServerState['stats'] => ({
  startedMs: nowMs,
  received: 0,
  sent: 0,
  bytesReceived: 0,
  latencyMinMs: 0,
  latencyMaxMs: 0,
  latencySumMs: 0,
  latencyCount: 0,
  authFailed: 0,
  connectionsRejected: 0,
  connectRequests: 0,
  revalidations: 0,
  sessionlessExpired: 0,
  throttledOps: 0,
  localSessionsExpired: 0,
  watchEventsSent: 0,
  ...NO_PROPOSALS,
});

const NO_PROPOSALS = { lastProposalSize: -1, minProposalSize: -1, maxProposalSize: -1 } as const;

/** Members of an ensemble share the leader (QuorumZooKeeperServer.getGlobalOutstandingLimit). */
function outstandingShare({ globalOutstandingLimit, membership }: PeerConfig): number {
  const voterCount = membership === null ? 1 : votersOf(membership).length;
  return voterCount > 2 ? Math.floor(globalOutstandingLimit / (voterCount - 1)) : globalOutstandingLimit;
}

/** Begins to serve. The tree must hold everything that a client of this server may have seen. */
export function serverStart(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  mode: Exclude<ServerMode, 'stopped'>,
): void {
  assert(server.mode === 'stopped', 'serving already');
  server.mode = mode;
  Object.assign(server.stats, NO_PROPOSALS);
  server.nextSessionId = firstFreeSessionId(server.nextSessionId, heap.tree, config, io);
  note(io, 'client.port.serving', { mode });
}

/** The leader has sent a transaction of this size to its learners. */
export function serverProposed({ stats }: ServerState, size: number): void {
  stats.lastProposalSize = size;
  stats.minProposalSize = stats.minProposalSize < 0 ? size : Math.min(stats.minProposalSize, size);
  stats.maxProposalSize = Math.max(stats.maxProposalSize, size);
}

/** Closes every client connection and forgets local sessions and whatever was under way. */
export function serverStop(server: ServerState, heap: Heap, io: Io): void {
  for (const conn of [...server.conns.values()]) {
    io.emit({ type: 'close', conn: conn.conn });
    forgetConn(server, heap, conn);
  }
  if (server.mode !== 'stopped') note(io, 'client.port.stopped', { mode: server.mode });
  server.mode = 'stopped';
  server.local = newTracker(server.local.intervalMs);
  server.touches = new Map();
  server.orphanWrites.clear();
  server.orphanSyncs.clear();
  server.outstanding = 0;
  server.sweepAtMs = null;
}

// --- the shell -------------------------------------------------------------------------------------------------------

export function serverOpened(
  server: ServerState,
  _heap: Heap,
  config: PeerConfig,
  io: Io,
  input: InputOf<'connOpened'>,
): readonly ServerEvent[] {
  const { conn: id, remote } = input;
  const countOfIp = server.connsByIp.get(remote.ip) ?? 0;
  const isFull = config.maxCnxns > 0 && server.conns.size >= config.maxCnxns;
  if (isFull || (config.maxClientCnxns > 0 && countOfIp >= config.maxClientCnxns)) {
    server.stats.connectionsRejected += 1;
    note(io, 'client.conn.rejected', { conn: id, ip: remote.ip, reason: isFull ? 'maxCnxns' : 'maxClientCnxns' });
    io.emit({ type: 'close', conn: id });
    return NOTHING;
  }
  server.conns.set(id, newConn(config, io, input));
  server.connsByIp.set(remote.ip, countOfIp + 1);
  server.sweepAtMs ??= io.now.monoMs + config.tickTimeMs;
  return NOTHING;
}

function newConn(config: PeerConfig, io: Io, { conn, remote }: InputOf<'connOpened'>): ClientConn {
  const { ip, port, tls, certificate } = remote;
  return {
    conn,
    remote: { ip, port, tls, certificate },
    openedMs: io.now.monoMs,
    openedWallMs: io.now.wallMs,
    heardMs: io.now.monoMs,
    phase: { kind: 'greeting' },
    since: ZXID_ZERO,
    rx: frameBuffer(),
    reading: true,
    blocked: false,
    burstSize: 0,
    blockedSize: 0,
    waitingReads: 0,
    heldSinceMs: null,
    staleSize: 0,
    staleSinceMs: 0,
    authIds: copyIds(identitiesOf(remote, providersFor(config))),
    queue: [],
    syncing: false,
    stats: {
      received: 0,
      sent: 0,
      lastOp: 0,
      lastCxid: 0,
      lastZxid: 0,
      lastReplyMs: 0,
      lastLatencyMs: 0,
      minLatencyMs: 0,
      maxLatencyMs: 0,
      latencySumMs: 0,
      latencyCount: 0,
    },
  };
}

export function serverBytes(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  input: InputOf<'connBytes'>,
): readonly ServerEvent[] {
  const conn = connOf(server, input.conn);
  if (conn === null) return NOTHING;
  const call = callOf(server, heap, config, io);
  conn.heardMs = io.now.monoMs;
  server.stats.bytesReceived += input.bytes.length;
  signOfLife(call, conn);
  if (!server.yielding.has(conn.conn)) conn.burstSize = 0;
  pushBytes(conn.rx, input.bytes);
  pump(call, conn);
  return call.out;
}

/** Once per chunk, before its requests: a session that is heard of is alive while they are decided. */
function signOfLife({ server, io, out }: Call, conn: ClientConn): void {
  if (conn.phase.kind !== 'serving') return;
  const { session, timeoutMs } = conn.phase;
  if (touch(server.local, io.now.monoMs, session, timeoutMs)) return;
  switch (server.mode) {
    case 'leader':
    case 'standalone':
      out.push({ type: 'touch', session, timeoutMs });
      break;
    case 'follower':
    case 'observer':
      server.touches.set(session, timeoutMs);
      break;
    case 'readonly':
    case 'stopped':
      break;
    default:
      server.mode satisfies never;
  }
}

/** The client does not read what it is sent: nothing more is taken from it until it does. */
export function serverBlocked(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  input: InputOf<'connBlocked'>,
): readonly ServerEvent[] {
  const conn = connOf(server, input.conn);
  if (conn === null) return NOTHING;
  conn.blocked = true;
  setReading(callOf(server, heap, config, io), conn, false);
  return NOTHING;
}

export function serverDrained(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  input: InputOf<'connDrained'>,
): readonly ServerEvent[] {
  const conn = connOf(server, input.conn);
  if (conn === null) return NOTHING;
  const call = callOf(server, heap, config, io);
  conn.blocked = false;
  conn.blockedSize = 0;
  pump(call, conn);
  return call.out;
}

/** Its session lives on until it is closed or expires. */
export function serverClosed(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  input: InputOf<'connClosed'>,
): readonly ServerEvent[] {
  const conn = connOf(server, input.conn);
  if (conn === null) return NOTHING;
  const call = callOf(server, heap, config, io);
  note(io, 'client.conn.lost', { conn: conn.conn, reason: input.reason });
  forgetConn(server, heap, conn);
  releaseHeld(call);
  return call.out;
}

// --- the deciding server ---------------------------------------------------------------------------------------------

/**
 * A transaction was applied to the tree. Watches fire before anyone is answered, so no client sees the change in a reply
 * before it hears of it.
 */
export function serverApplied(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  applied: Applied,
): readonly ServerEvent[] {
  const call = callOf(server, heap, config, io);
  if (heap.watches.count > 0 && applied.result.events.length > 0) tellWatchers(call, applied);
  const { clientId: session, cxid, type, zxid } = applied.header;
  const conn = attachedTo(server, session);
  if (conn?.phase.kind === 'connecting' && conn.phase.created) {
    // The session's first transaction: its creation, or the refusal of it.
    finishConnect(call, conn, type === Op.createSession);
    pump(call, conn);
    return call.out;
  }
  if (type === Op.createSession) return call.out;
  if (!takeOrphan(server, 'write', session, cxid) && conn !== null && zxid > conn.since) onOwnTxn(call, conn, applied);
  if (type === Op.closeSession) endSession(call, session);
  else if (conn !== null) pump(call, conn);
  if (server.held.size > 0) releaseHeld(call);
  return call.out;
}

function tellWatchers(call: Call, { header, result }: Applied): void {
  const { server, heap, config } = call;
  const askers = new Map<ConnId, Asker>();
  const mayRead = (id: ConnId, acl: readonly Acl[] | null): boolean => {
    const conn = connOf(server, id);
    if (conn === null) return false;
    const asker = askers.get(id) ?? askerOf(conn.authIds);
    askers.set(id, asker);
    return mayAccess(config, acl, Perm.READ, asker);
  };
  for (const event of result.events) {
    for (const notice of heap.watches.trigger(event, mayRead)) {
      const conn = connOf(server, notice.conn);
      if (conn !== null) sendNotice(call, conn, notice, header.zxid);
    }
  }
}

/** The session is no more. A connection that did not ask for it is closed without a word: the session expired. */
function endSession(call: Call, session: SessionId): void {
  call.server.touches.delete(session);
  const conn = attachedTo(call.server, session);
  if (conn !== null && conn.phase.kind !== 'connecting') closeConn(call, conn, 'session expired');
}

function attachedTo(server: ServerState, session: SessionId): ClientConn | null {
  const id = server.attached.get(session);
  return id === undefined ? null : connOf(server, id);
}

export function serverSyncDone(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  done: { readonly session: SessionId; readonly cxid: number },
): readonly ServerEvent[] {
  const call = callOf(server, heap, config, io);
  const { session, cxid } = done;
  const conn = attachedTo(server, session);
  if (!takeOrphan(server, 'sync', session, cxid) && conn !== null) {
    onSyncDone(call, conn, cxid);
    pump(call, conn);
  }
  if (server.held.size > 0) releaseHeld(call);
  return call.out;
}

/** The directories have been looked at. */
export function serverSized(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  sizes: { readonly dataBytes: number; readonly logBytes: number },
): readonly ServerEvent[] {
  const call = callOf(server, heap, config, io);
  for (const conn of [...server.conns.values()]) if (conn.phase.kind === 'telling') tellSizes(call, conn, sizes);
  return call.out;
}

export function serverRevalidated(
  server: ServerState,
  heap: Heap,
  config: PeerConfig,
  io: Io,
  answer: { readonly session: SessionId; readonly valid: boolean; readonly proposed: Zxid },
): readonly ServerEvent[] {
  const call = callOf(server, heap, config, io);
  const conn = attachedTo(server, answer.session);
  if (conn?.phase.kind === 'connecting' && !conn.phase.created) {
    finishConnect(call, conn, answer.valid, answer.proposed);
    pump(call, conn);
  }
  return call.out;
}

// --- time ------------------------------------------------------------------------------------------------------------

/** Learner: the signs of life to report with the next PING answer. */
export function serverTakeTouches(server: ServerState): { session: SessionId; timeoutMs: number }[] {
  const touches = [...server.touches].map(([session, timeoutMs]) => ({ session, timeoutMs }));
  server.touches.clear();
  return touches;
}

export function serverTick(server: ServerState, heap: Heap, config: PeerConfig, io: Io): readonly ServerEvent[] {
  const call = callOf(server, heap, config, io);
  if (server.yielding.size > 0) resumeYielding(call);
  expireLocal(call);
  if (server.sweepAtMs !== null && io.now.monoMs >= server.sweepAtMs) {
    for (const conn of [...server.conns.values()]) sweep(call, conn);
    server.sweepAtMs = server.conns.size > 0 ? io.now.monoMs + config.tickTimeMs : null;
  }
  return call.out;
}

function expireLocal(call: Call): void {
  const { server, io } = call;
  for (const session of takeExpired(server.local, io.now.monoMs)) {
    server.local.sessions.delete(session);
    server.stats.localSessionsExpired += 1;
    note(io, 'client.session.expired', { session, local: true });
    const conn = attachedTo(server, session);
    if (conn !== null) closeConn(call, conn, 'session expired');
  }
}

/** Closes a connection that has said nothing for longer than it may. */
function sweep(call: Call, conn: ClientConn): void {
  const { server, config, io } = call;
  const { phase } = conn;
  const silentMs = io.now.monoMs - conn.heardMs;
  switch (phase.kind) {
    case 'greeting':
    case 'telling':
    case 'handshake':
      if (io.now.monoMs - conn.openedMs < config.sessionlessCnxnTimeoutMs) return;
      server.stats.sessionlessExpired += 1;
      closeConn(call, conn, 'no session in time');
      break;
    case 'connecting':
    case 'serving':
    case 'closing':
      if (silentMs > Math.max(phase.timeoutMs, config.sessionlessCnxnTimeoutMs)) closeConn(call, conn, 'silent');
      break;
    case 'closed':
      break;
    default:
      phase satisfies never;
  }
}

/** Nothing is due before this. */
export function serverDeadline(server: ServerState): number | null {
  if (server.yielding.size > 0) return server.yieldedMs;
  const localMs = trackerDeadline(server.local);
  if (server.sweepAtMs === null || localMs === null) return server.sweepAtMs ?? localMs;
  return Math.min(server.sweepAtMs, localMs);
}
