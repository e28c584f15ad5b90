/**
 * Broadcast (Zab paper, figure 5): a write becomes a proposal, a quorum's acknowledgements commit it, in order. A
 * reconfiguration goes the same way.
 */

import { hasQuorum, isVoter } from '../../config/membership.ts';
import type { Membership } from '../../config/types.ts';
import { note } from '../../io.ts';
import { authorityPrepare } from '../../request/authority.ts';
import { type Submission, serverProposed } from '../../request/server.ts';
import type { Leading, Proposal, Turn } from '../../state.ts';
import { assert, asZxid, COUNTER_MAX, counterOf, type PeerId, type Zxid } from '../../types.ts';
import { Packet } from '../../wire/opcodes.ts';
import { encodeDesignatedLeader, encodeInformAndActivate, encodePacket } from '../../wire/quorum-codec.ts';
import type { LogEntry } from '../../wire/txn.ts';
import { packetOf } from '../packets.ts';
import { activateMembership, appendEntry, commitThrough, reconfigOf } from '../replica.ts';
import { awaitAck, isForwarding, listenForLearners, quorumPorts } from './handlers.ts';
import { giveUp, isVoterNow, leads } from './quorums.ts';
import { answerSyncs } from './syncs.ts';

/** A write of a client, of this server's or a learner's: becomes the next transaction. */
export function leaderSubmit(t: Turn, l: Leading, request: Submission, from: PeerId): void {
  const { authority } = l;
  const ensemble = t.state.ensemble;
  assert(authority !== null && ensemble !== null, 'requests are taken only in broadcast');
  if (counterOf(l.lastProposed) >= COUNTER_MAX - 1) {
    // The counter must not run into the epoch's half (ZOOKEEPER-1277): a new election brings a new epoch.
    return giveUp(t, 'zxid counter exhausted');
  }
  const zxid = asZxid(l.lastProposed + 1);
  const prepared = authorityPrepare(authority, t.heap, t.config, t.io, request, {
    zxid,
    from,
    reconfig: {
      committed: ensemble.committed,
      lastSeen: ensemble.lastSeen,
      hasSyncedQuorum: (membership: Membership) => hasQuorum(membership, syncedVoters(t, l)),
    },
  });
  if (prepared.type === 'txn') propose(t, l, prepared.entry);
}

function syncedVoters(t: Turn, l: Leading): Set<PeerId> {
  const synced = new Set<PeerId>([t.config.myid]);
  for (const handler of l.handlers.values()) {
    if (handler.phase.kind === 'active' && handler.sid !== null && !handler.observer) synced.add(handler.sid);
  }
  return synced;
}

function propose(t: Turn, l: Leading, entry: LogEntry): void {
  assert(entry.zxid === l.lastProposed + 1, 'proposals are consecutive');
  appendEntry(t, entry);
  if (!leads(t)) return;
  l.lastProposed = entry.zxid;
  l.lastProposedMs = t.io.now.monoMs;
  l.proposals.push({ zxid: entry.zxid, acks: [], proposedMs: t.io.now.monoMs, reconfig: reconfigOf(entry) });
  note(t.io, 'zab.proposal.sent', { zxid: entry.zxid });
  serverProposed(t.state.server, entry.bytes.length);
  const bytes = encodePacket(packetOf(Packet.PROPOSAL, entry.zxid, entry.bytes));
  for (const handler of l.handlers.values()) {
    if (handler.observer || !isForwarding(handler)) continue;
    t.io.emit({ type: 'send', conn: handler.conn, bytes });
    awaitAck(t, handler, entry.zxid);
  }
}

/** This server's own log has reached `zxid`: its vote for everything up to there. */
export function leaderDurable(t: Turn, l: Leading, zxid: Zxid): void {
  if (l.phase.kind !== 'broadcast' || !isVoterNow(t)) return;
  for (const proposal of l.proposals) {
    if (proposal.zxid > zxid) break;
    if (!proposal.acks.includes(t.config.myid)) proposal.acks.push(t.config.myid);
  }
  commitReady(t, l);
}

export function acknowledge(t: Turn, l: Leading, sid: PeerId, zxid: Zxid): void {
  const head = l.proposals[0];
  if (head === undefined || zxid < head.zxid) return;
  const proposal = l.proposals[zxid - head.zxid];
  assert(proposal !== undefined && proposal.zxid === zxid, 'proposals are consecutive');
  if (!proposal.acks.includes(sid)) proposal.acks.push(sid);
  commitReady(t, l);
}

/**
 * A quorum of the configuration in force, and from a reconfiguration on also of the one that it proposes. What was proposed
 * before it is decided without its new members, whose acknowledgements of that nobody counted (Leader.propose).
 */
function isDecided(t: Turn, { zxid, acks }: Proposal): boolean {
  const ensemble = t.state.ensemble;
  assert(ensemble !== null, 'no ensemble');
  const { committed, lastSeen } = ensemble;
  const isChange = lastSeen.version > committed.version && zxid >= lastSeen.version;
  return hasQuorum(committed, acks) && (!isChange || hasQuorum(lastSeen, acks));
}

/** Commits strictly in zxid order (Leader.tryToCommit). */
function commitReady(t: Turn, l: Leading): void {
  while (leads(t)) {
    const proposal = l.proposals[0];
    if (proposal === undefined || !isDecided(t, proposal)) break;
    const index = t.heap.log.find(proposal.zxid);
    assert(index >= 0, 'proposal is in the history');
    const entry = t.heap.log.get(index);
    l.proposals.shift();
    if (proposal.reconfig !== null) {
      commitReconfig(t, l, entry, proposal.reconfig, proposal.acks);
    } else {
      broadcastCommit(t, l, entry);
      commitThrough(t, entry.zxid);
    }
  }
  if (leads(t)) answerSyncs(t, l);
}

function broadcastCommit(t: Turn, l: Leading, entry: LogEntry): void {
  const commit = encodePacket(packetOf(Packet.COMMIT, entry.zxid));
  let inform: Uint8Array | null = null;
  for (const handler of l.handlers.values()) {
    if (!isForwarding(handler)) continue;
    if (handler.observer) {
      inform ??= encodePacket(packetOf(Packet.INFORM, entry.zxid, entry.bytes));
      t.io.emit({ type: 'send', conn: handler.conn, bytes: inform });
    } else {
      t.io.emit({ type: 'send', conn: handler.conn, bytes: commit });
    }
  }
}

/**
 * A reconfiguration is committed: everyone activates it in the same breath, and the designated leader goes on. It is this
 * server while it remains a voter; otherwise the new voter that has acknowledged most (Leader.getDesignatedLeader).
 */
function commitReconfig(t: Turn, l: Leading, entry: LogEntry, membership: Membership, acks: readonly PeerId[]): void {
  const designated = designatedLeader(t, l, membership, acks);
  const activate = encodePacket(packetOf(Packet.COMMITANDACTIVATE, entry.zxid, encodeDesignatedLeader(designated)));
  const informed = encodeInformAndActivate({ leader: designated, entry: entry.bytes });
  const inform = encodePacket(packetOf(Packet.INFORMANDACTIVATE, entry.zxid, informed));
  for (const handler of l.handlers.values()) {
    if (isForwarding(handler)) {
      t.io.emit({ type: 'send', conn: handler.conn, bytes: handler.observer ? inform : activate });
    }
  }
  commitThrough(t, entry.zxid);
  if (!leads(t)) return;
  const before = quorumPorts(t);
  activateMembership(t, membership);
  if (quorumPorts(t) !== before) {
    t.io.emit({ type: 'unlisten', channel: 'quorum' });
    listenForLearners(t);
  }
  if (designated !== t.config.myid) giveUp(t, 'reconfiguration hands leadership over');
}

function designatedLeader(t: Turn, l: Leading, membership: Membership, acks: readonly PeerId[]): PeerId {
  if (isVoter(membership, t.config.myid)) return t.config.myid;
  let candidates = acks.filter((id) => id !== t.config.myid && isVoter(membership, id));
  for (const proposal of l.proposals) {
    const remaining = candidates.filter((id) => proposal.acks.includes(id));
    if (remaining.length === 0) break;
    candidates = remaining;
  }
  return candidates[0] ?? t.config.myid;
}
