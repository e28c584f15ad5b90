/**
 * From the first byte of a client connection to its session (ZooKeeperServer.processConnectRequest, NIOServerCnxn).
 *
 * The order of the checks is part of the protocol:
 * 1. a server without quorum serves only clients that asked for reading alone;
 * 2. a client that has seen more than this server is sent away without a word, so that it tries another;
 * 3. the timeout is brought within bounds;
 * 4. no session id: a new session; otherwise any other connection of that session here is closed, the password is checked
 *    and the deciding server asked whether the session is alive.
 */

import type { PeerConfig } from '../config/types.ts';
import { type Io, note } from '../io.ts';
import { PASSWORD_SIZE, samePassword, sessionPassword } from '../session/password.ts';
import { firstSessionId, isMadeBy, nextSessionId } from '../session/session-id.ts';
import { touch, track } from '../session/tracker.ts';
import type { DataTree } from '../tree/data-tree.ts';
import { asSession, asZxid, type SessionId, ZXID_ZERO, type Zxid } from '../types.ts';
import {
  type ConnectRequestFrame,
  decodeConnectRequest,
  encodeConnectResponse,
  encodeReply,
  encodeRequest,
} from '../wire/client-codec.ts';
import { Code, Op } from '../wire/opcodes.ts';
import { type Call, closeConn, connOf, sendBytes } from './connection.ts';
import type { ClientConn, ServerState } from './state.ts';

const NO_SESSION = asSession(0n);

/** A whole ConnectRequest has arrived. */
export function onConnectRequest(call: Call, conn: ClientConn, frame: Uint8Array): void {
  const { server, heap } = call;
  server.stats.connectRequests += 1;
  server.stats.received += 1;
  conn.stats.received += 1;
  const decoded = decodeConnectRequest(frame);
  if (!decoded.ok) return closeConn(call, conn, `bad ConnectRequest: ${decoded.error}`);
  const request = decoded.value;
  if (server.mode === 'stopped') return closeConn(call, conn, 'not serving');
  if (server.mode === 'readonly' && request.readOnly !== true) return closeConn(call, conn, 'not a read-only client');
  if (request.lastZxidSeen > heap.tree.lastZxid) return closeConn(call, conn, 'client has seen a later zxid');
  const timeoutMs = negotiated(request.timeOut, call.config);
  if (request.sessionId === NO_SESSION) createSession(call, conn, request, timeoutMs);
  else reopenSession(call, conn, request, timeoutMs);
}

const negotiated = (askedMs: number, config: PeerConfig): number =>
  Math.min(Math.max(askedMs, config.minSessionTimeoutMs), config.maxSessionTimeoutMs);

// --- new sessions ----------------------------------------------------------------------------------------------------

function createSession(call: Call, conn: ClientConn, request: ConnectRequestFrame, timeoutMs: number): void {
  const { server, config, heap, io } = call;
  const local = makesLocalSessions(call);
  if (server.mode === 'readonly' && !local) {
    // Without a leader there is no session to be had; the client gets the header of a refusal (ReadOnlyRequestProcessor).
    sendBytes(call, conn, encodeReply(0, heap.tree.lastZxid, Code.NOTREADONLY, null));
    return closeConn(call, conn, 'no global session without quorum');
  }
  const session = takeSessionId(server, heap.tree);
  conn.phase = { kind: 'connecting', session, timeoutMs, old: request.readOnly === null, created: true };
  server.attached.set(session, conn.conn);
  if (local) {
    track(server.local, io.now.monoMs, session, { timeoutMs, owner: config.myid });
    return finishConnect(call, conn, true);
  }
  call.out.push({ type: 'submit', request: createSessionRequest(session, timeoutMs) });
}

/** Only members of an ensemble tell local from global sessions. */
function makesLocalSessions({ server, config }: Call): boolean {
  return config.localSessionsEnabled && server.mode !== 'standalone';
}

export const createSessionRequest = (session: SessionId, timeoutMs: number) => ({
  session,
  cxid: 0,
  op: Op.createSession,
  body: encodeRequest({ op: Op.createSession, kind: 'createSession', timeOut: timeoutMs }),
  authInfo: [],
});

/**
 * Where the ids of this server go on when it begins to serve. The clock may have been set back since an earlier life, so
 * sessions of this server that the tree knows count too.
 */
export function firstFreeSessionId(before: SessionId, tree: DataTree, config: PeerConfig, io: Io): SessionId {
  let next = firstSessionId(io.now.wallMs, config.myid);
  const unsigned = (id: SessionId): bigint => BigInt.asUintN(64, id);
  if (unsigned(before) > unsigned(next)) next = before;
  for (const known of tree.sessions.keys()) {
    if (isMadeBy(known, config.myid) && unsigned(known) >= unsigned(next)) next = nextSessionId(known);
  }
  return next;
}

function takeSessionId(server: ServerState, tree: DataTree): SessionId {
  let session = server.nextSessionId;
  while (session === NO_SESSION || tree.sessions.has(session)) session = nextSessionId(session);
  server.nextSessionId = nextSessionId(session);
  return session;
}

// --- known sessions --------------------------------------------------------------------------------------------------

function reopenSession(call: Call, conn: ClientConn, request: ConnectRequestFrame, timeoutMs: number): void {
  const { server, config, heap, io } = call;
  const session = request.sessionId;
  if (server.mode === 'readonly' && heap.tree.sessions.has(session)) {
    // It may be alive with the majority; this side cannot know (ReadOnlyZooKeeperServer.validateSession).
    return closeConn(call, conn, 'global session without quorum');
  }
  closeFormer(call, session);
  conn.phase = { kind: 'connecting', session, timeoutMs, old: request.readOnly === null, created: false };
  const password = sessionPassword(config.sessionPassword, server.sessionSecret, session);
  if (!samePassword(password, request.passwd)) {
    note(io, 'client.session.wrong-password', { conn: conn.conn, session });
    return finishConnect(call, conn, false);
  }
  server.attached.set(session, conn.conn);
  if (touch(server.local, io.now.monoMs, session, timeoutMs)) return finishConnect(call, conn, true);
  if (server.mode === 'readonly') return finishConnect(call, conn, false);
  server.stats.revalidations += 1;
  call.out.push({ type: 'revalidate', session, timeoutMs });
}

/** Upstream does this before it looks at the password, and clients see it; so do we. */
function closeFormer(call: Call, session: SessionId): void {
  const former = call.server.attached.get(session);
  const conn = former === undefined ? null : connOf(call.server, former);
  if (conn !== null) closeConn(call, conn, 'session re-attached');
}

// --- the answer ------------------------------------------------------------------------------------------------------

/**
 * The session is there, or is not. The answer to the ConnectRequest (ZooKeeperServer.finishSessionInit). `proposed`: what the
 * leader had proposed when it vouched for the session, or less than 1 if it did not say.
 */
export function finishConnect(call: Call, conn: ClientConn, valid: boolean, proposed: Zxid = ZXID_ZERO): void {
  const { server, config } = call;
  const { phase } = conn;
  if (phase.kind !== 'connecting') return;
  const { session, timeoutMs } = phase;
  const readOnly = phase.old ? null : server.mode === 'readonly';
  if (!valid) {
    const refusal = { protocolVersion: 0, timeOut: 0, sessionId: NO_SESSION, passwd: new Uint8Array(PASSWORD_SIZE) };
    sendBytes(call, conn, encodeConnectResponse(refusal, readOnly));
    return closeConn(call, conn, 'session expired');
  }
  const passwd = sessionPassword(config.sessionPassword, server.sessionSecret, session);
  conn.phase = { kind: 'serving', session, timeoutMs };
  // The answer of a leader comes behind all that it has proposed, so a follower has what was asked elsewhere in its log. An
  // observer has only what is committed.
  conn.since = asZxid(Math.max(call.heap.log.last, proposed));
  sendBytes(
    call,
    conn,
    encodeConnectResponse({ protocolVersion: 0, timeOut: timeoutMs, sessionId: session, passwd }, readOnly),
  );
  note(call.io, 'client.session.open', { conn: conn.conn, session, timeoutMs });
}
