/** The leader's ends of its learners' connections: listened to, written to, forgotten, closed (LearnerHandler in the Java source). */

import { serverOf } from '../../config/membership.ts';
import { note } from '../../io.ts';
import type { Handler, Leading, Turn } from '../../state.ts';
import { assert, type ConnId, type PeerId, type Zxid } from '../../types.ts';
import { Packet } from '../../wire/opcodes.ts';
import { encodePacket } from '../../wire/quorum-codec.ts';
import { packetOf } from '../packets.ts';

/** Where learners look for this server (`connect` in learner.ts): as committed, else as last seen. */
export function listenForLearners(t: Turn): void {
  const ensemble = t.state.ensemble;
  assert(ensemble !== null, 'a standalone server does not lead');
  const own = serverOf(ensemble.committed, t.config.myid) ?? serverOf(ensemble.lastSeen, t.config.myid);
  for (const address of own?.addresses ?? []) {
    t.io.emit({
      type: 'listen',
      channel: 'quorum',
      address: { host: t.config.quorumListenOnAllIPs ? '0.0.0.0' : address.host, port: address.quorumPort },
      tls: t.config.sslQuorum,
    });
  }
}

export function quorumPorts(t: Turn): string {
  const committed = t.state.ensemble?.committed;
  const own = committed === undefined ? null : serverOf(committed, t.config.myid);
  return (own?.addresses ?? []).map(({ host, quorumPort }) => `${host}:${quorumPort}`).join();
}

/** A proposal was sent to the learner. */
export function awaitAck(t: Turn, handler: Handler, zxid: Zxid): void {
  if (handler.unackedSinceMs !== null) return;
  handler.unackedSinceMs = t.io.now.monoMs;
  handler.unacked = zxid;
}

/** Leaves the role: connections closed, nothing listened to. The caller decides what comes next. */
export function stopLeading(t: Turn, l: Leading): void {
  for (const handler of l.handlers.values()) {
    dropSnapshot(t, handler.conn);
    t.io.emit({ type: 'close', conn: handler.conn });
  }
  t.io.emit({ type: 'unlisten', channel: 'quorum' });
}

export function leaderClosed(t: Turn, l: Leading, handler: Handler, reason: string): void {
  dropSnapshot(t, handler.conn);
  l.handlers.delete(handler.conn);
  note(t.io, 'zab.handler.closed', { peer: handler.sid, reason });
  if (handler.phase.kind === 'info' || handler.sid === null) return;
  // What an absent learner promised before still holds: its durable acks stay counted. Only its wish for an epoch goes.
  if (l.phase.kind === 'discovery') l.accepted.delete(handler.sid);
}

export function dropHandler(t: Turn, l: Leading, handler: Handler, reason: string): void {
  t.io.emit({ type: 'close', conn: handler.conn });
  leaderClosed(t, l, handler, reason);
}

export function dropSnapshot(t: Turn, conn: ConnId): void {
  t.heap.outgoing.get(conn)?.close();
  t.heap.outgoing.delete(conn);
}

export const send = (t: Turn, conn: ConnId, type: number, zxid: Zxid, data: Uint8Array | null = null): void =>
  t.io.emit({ type: 'send', conn, bytes: encodePacket(packetOf(type, zxid, data)) });

export const isForwarding = (handler: Handler): boolean =>
  handler.phase.kind === 'newLeader' || handler.phase.kind === 'active';

export function sendPing(t: Turn, l: Leading, handler: Handler): void {
  handler.pingsSent += 1;
  send(t, handler.conn, Packet.PING, l.lastProposed);
}

/**
 * A voter that registers as an observer has lost its disk or distrusts it: what it acknowledged before may be gone, so it no
 * longer counts for anything that is still undecided.
 */
export function forgetAcks(l: Leading, sid: PeerId): void {
  l.ackEpoch = l.ackEpoch.filter((id) => id !== sid);
  l.ahead = l.ahead.filter((id) => id !== sid);
  l.ackNewLeader = l.ackNewLeader.filter((id) => id !== sid);
  for (const proposal of l.proposals) proposal.acks = proposal.acks.filter((id) => id !== sid);
}

/** What a learner is about to lose from its log, or never had, it must acknowledge again. */
export function forgetAcksAfter(l: Leading, { sid }: Handler, zxid: Zxid): void {
  for (const proposal of l.proposals) {
    if (proposal.zxid > zxid) proposal.acks = proposal.acks.filter((id) => id !== sid);
  }
}
