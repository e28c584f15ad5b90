/**
 * One client connection: what all parts of the client port do with it.
 *
 * ```
 * greeting --word--> closed
 *    | length
 *    v
 * handshake --ConnectRequest--> connecting --session--> serving --closeSession--> closing
 *    (every phase) --------------------------------------------------------------> closed
 * ```
 */

import type { PeerConfig } from '../config/types.ts';
import type { Heap } from '../heap.ts';
import { type Io, note } from '../io.ts';
import type { ConnId, Id, SessionId, Zxid } from '../types.ts';
import { encodeReply, type ReplyBody } from '../wire/client-codec.ts';
import type { ClientConn, Pending, ServerEvent, ServerState } from './state.ts';

/** What the functions of one call of the client port share. */
export interface Call {
  readonly server: ServerState;
  readonly heap: Heap;
  readonly config: PeerConfig;
  readonly io: Io;
  /** What is asked of the rest of the server. */
  readonly out: ServerEvent[];
}

/**
 * What one connection is sent in one go. Small requests may ask for large answers; the shell must get a chance to say that
 * the client does not keep up.
 */
export const BURST_MAX = 4 << 20;
/** What a client that does not read may still be sent, events of its watches above all, before it is given up. */
export const BLOCKED_OUTPUT_MAX = 16 << 20;

/** A header's zxid where no state stands behind the answer (ZooKeeperServer, UnimplementedRequestProcessor). */
export const NO_ZXID = -1 as Zxid;

/** Sends the answer to a request that came at `arrivedMs`. */
export function reply(
  call: Call,
  conn: ClientConn,
  request: { readonly cxid: number; readonly op: number; readonly arrivedMs: number },
  answer: { readonly err: number; readonly body: ReplyBody | null; readonly zxid: Zxid },
): void {
  const bytes = encodeReply(request.cxid, answer.zxid, answer.err, answer.body);
  sendBytes(call, conn, bytes);
  countLatency(call, conn, request, answer.zxid);
}

export function sendBytes(call: Call, conn: ClientConn, bytes: Uint8Array): void {
  if (conn.phase.kind === 'closed') return;
  call.io.emit({ type: 'send', conn: conn.conn, bytes });
  conn.burstSize += bytes.length;
  if (conn.blocked) conn.blockedSize += bytes.length;
  call.server.stats.sent += 1;
  conn.stats.sent += 1;
}

function countLatency(
  call: Call,
  conn: ClientConn,
  request: { readonly cxid: number; readonly op: number; readonly arrivedMs: number },
  zxid: Zxid,
): void {
  const { monoMs } = call.io.now;
  const latencyMs = monoMs - request.arrivedMs;
  const all = call.server.stats;
  const own = conn.stats;
  all.latencySumMs += latencyMs;
  all.latencyMinMs = all.latencyCount === 0 ? latencyMs : Math.min(all.latencyMinMs, latencyMs);
  all.latencyMaxMs = Math.max(all.latencyMaxMs, latencyMs);
  all.latencyCount += 1;
  own.latencySumMs += latencyMs;
  own.minLatencyMs = own.latencyCount === 0 ? latencyMs : Math.min(own.minLatencyMs, latencyMs);
  own.maxLatencyMs = Math.max(own.maxLatencyMs, latencyMs);
  own.latencyCount += 1;
  own.lastLatencyMs = latencyMs;
  own.lastReplyMs = monoMs;
  own.lastOp = request.op;
  own.lastCxid = request.cxid;
  own.lastZxid = zxid;
}

/** The session that is or is about to be attached here. */
export function sessionOf(conn: ClientConn): { session: SessionId; timeoutMs: number } | null {
  const { phase } = conn;
  return phase.kind === 'connecting' || phase.kind === 'serving' || phase.kind === 'closing' ? phase : null;
}

/** Identities as they may leave the state: copies. */
export const copyIds = (ids: readonly Id[]): Id[] => ids.map(({ scheme, id }) => ({ scheme, id }));

/** Tells the shell to read or not to read, when that is a change. */
export function setReading(call: Call, conn: ClientConn, on: boolean): void {
  if (conn.reading === on) return;
  conn.reading = on;
  call.io.emit({ type: 'reading', conn: conn.conn, on });
}

/** Ends the connection from this side. What was sent before is still delivered. */
export function closeConn(call: Call, conn: ClientConn, reason: string): void {
  if (conn.phase.kind === 'closed') return;
  note(call.io, 'client.conn.closed', { conn: conn.conn, reason });
  call.io.emit({ type: 'close', conn: conn.conn });
  forgetConn(call.server, call.heap, conn);
}

/** Takes the connection out of every table. Its submissions go on without it. */
export function forgetConn(server: ServerState, heap: Heap, conn: ClientConn): void {
  const { phase } = conn;
  const owner = sessionOf(conn);
  if (owner !== null) {
    if (server.attached.get(owner.session) === conn.conn) server.attached.delete(owner.session);
    for (const pending of conn.queue) orphan(server, owner.session, pending);
  }
  conn.queue = [];
  conn.phase = { kind: 'closed' };
  server.held.delete(conn.conn);
  server.yielding.delete(conn.conn);
  server.conns.delete(conn.conn);
  releaseIp(server, conn.remote.ip);
  if (phase.kind === 'serving' || phase.kind === 'closing') heap.watches.removeConn(conn.conn);
}

/** What was submitted will come back; it is remembered so that it is not taken for the answer to a later request. */
function orphan(server: ServerState, session: SessionId, pending: Pending): void {
  if (pending.state !== 'submitted') {
    server.outstanding -= 1;
    return;
  }
  const orphans = pending.kind === 'sync' ? server.orphanSyncs : server.orphanWrites;
  const cxids = orphans.get(session);
  if (cxids === undefined) orphans.set(session, [pending.cxid]);
  else cxids.push(pending.cxid);
}

/** True when this answer belongs to a connection that is gone. */
export function takeOrphan(server: ServerState, kind: 'write' | 'sync', session: SessionId, cxid: number): boolean {
  const orphans = kind === 'sync' ? server.orphanSyncs : server.orphanWrites;
  const cxids = orphans.get(session);
  if (cxids === undefined || cxids[0] !== cxid) return false;
  cxids.shift();
  if (cxids.length === 0) orphans.delete(session);
  server.outstanding -= 1;
  return true;
}

function releaseIp(server: ServerState, ip: string): void {
  const count = (server.connsByIp.get(ip) ?? 1) - 1;
  if (count === 0) server.connsByIp.delete(ip);
  else server.connsByIp.set(ip, count);
}

export function connOf(server: ServerState, conn: ConnId): ClientConn | null {
  return server.conns.get(conn) ?? null;
}
