/** `sync`: answered when everything proposed before it is committed, and a quorum has shown that it follows nobody else. */

import { serverSyncDone } from '../../request/server.ts';
import type { Leading, PendingSync, Turn } from '../../state.ts';
import { type ConnId, type PeerId, type SessionId, ZXID_ZERO } from '../../types.ts';
import { Packet } from '../../wire/opcodes.ts';
import { send, sendPing } from './handlers.ts';
import { counts, quorumOf } from './quorums.ts';

/**
 * `sync` is answered when everything proposed before it is committed. With `syncQuorum` a quorum must also have answered
 * a ping sent after the request: a follower that still answers has joined no other leader, so no newer leader can have
 * been established before the request came (upstream answers at once, ZOOKEEPER-1675).
 */
export function requestSync(t: Turn, l: Leading, conn: ConnId | null, session: SessionId, cxid: number): void {
  const confirm: { conn: ConnId; ping: number }[] = [];
  if (t.config.syncQuorum) {
    for (const handler of l.handlers.values()) {
      if (handler.phase.kind !== 'active' || !counts(t, handler)) continue;
      sendPing(t, l, handler);
      confirm.push({ conn: handler.conn, ping: handler.pingsSent });
    }
  }
  l.syncs.push({ conn, session, cxid, after: l.lastProposed, confirm });
  answerSyncs(t, l);
}

export function answerSyncs(t: Turn, l: Leading): void {
  if (l.phase.kind !== 'broadcast') return;
  for (;;) {
    const sync = l.syncs[0];
    const head = l.proposals[0];
    if (sync === undefined || (head !== undefined && head.zxid <= sync.after) || !isConfirmed(t, l, sync)) return;
    l.syncs.shift();
    if (sync.conn === null) {
      for (const event of serverSyncDone(t.state.server, t.heap, t.config, t.io, sync)) t.work.push(event);
    } else if (l.handlers.has(sync.conn)) {
      send(t, sync.conn, Packet.SYNC, ZXID_ZERO);
    }
  }
}

function isConfirmed(t: Turn, l: Leading, sync: PendingSync): boolean {
  if (!t.config.syncQuorum) return true;
  const confirmed: PeerId[] = [t.config.myid];
  for (const { conn, ping } of sync.confirm) {
    const handler = l.handlers.get(conn);
    if (handler !== undefined && handler.sid !== null && handler.pongs >= ping) confirmed.push(handler.sid);
  }
  return quorumOf(t, confirmed);
}

/** A follower that came back on a new connection may confirm too, by a ping of that connection. */
export function confirmSyncsAnew(t: Turn, l: Leading): void {
  if (!t.config.syncQuorum) return;
  for (const sync of l.syncs) {
    for (const handler of l.handlers.values()) {
      if (handler.phase.kind !== 'active' || !counts(t, handler)) continue;
      if (sync.confirm.every(({ conn }) => conn !== handler.conn)) {
        sync.confirm.push({ conn: handler.conn, ping: handler.pingsSent });
      }
    }
  }
}
