/**
 * Synchronisation (Zab paper, figure 4): own currentEpoch is durable; every learner gets DIFF, TRUNC or SNAP, the rest of the
 * history, NEWLEADER. A quorum that has acknowledged NEWLEADER establishes the leader: the initial history is committed, UPTODATE
 * goes out. Learners that come later are brought level in the same way.
 */

import { formatMembership, isVoter } from '../../config/membership.ts';
import { fleVoteEpoch } from '../../election/fle.ts';
import { note } from '../../io.ts';
import { authorityBoot } from '../../request/authority.ts';
import { serverStart } from '../../request/server.ts';
import type { Handler, Leading, Turn } from '../../state.ts';
import { storeReadRange } from '../../storage/store.ts';
import { assert, asZxid, type Zxid, zxidOf } from '../../types.ts';
import { Packet } from '../../wire/opcodes.ts';
import { encodeConfigText } from '../../wire/quorum-codec.ts';
import { SNAP_END_MARK, SnapshotWriter } from '../../wire/snapshot-codec.ts';
import type { LogEntry } from '../../wire/txn.ts';
import { digestsComplete } from '../digests.ts';
import { activateMembership, applyThrough, commitThrough, publishConfig } from '../replica.ts';
import { decideSync, type HistoryView, type SyncPlan } from '../sync.ts';
import { awaitAck, dropHandler, dropSnapshot, forgetAcksAfter, send } from './handlers.ts';
import { counts, giveUp, leads, quorumOf } from './quorums.ts';

/** A SNAP stream is cut into pieces of this size; one piece a step keeps the leader responsive. */
const SNAPSHOT_PIECE_BYTES = 0x1_0000;
/** Log entries read from disk for one DIFF; beyond it a snapshot is cheaper. */
const RANGE_BYTES_MAX = 0x100_0000;
/** Range reads at once, those of learners that hung up included: each may hold `RANGE_BYTES_MAX`. */
const RANGES_AT_ONCE_MAX = 16;

/**
 * Discovery is over: this history is the initial history of the epoch. It is applied now, because learners that need a
 * whole state get it from the tree; it becomes committed, and visible to clients, only when a quorum acknowledged it. A
 * leadership that fails before that reloads its tree from disk (`leaveRole`).
 */
export function beginSynchronization(t: Turn, l: Leading): void {
  l.phase = { kind: 'synchronization' };
  l.lastProposed = t.heap.log.last;
  assert(t.state.durable >= t.heap.log.last, 'initial history not durable');
  applyThrough(t, t.heap.log.last);
  if (!leads(t)) return;
  l.ackNewLeader = [t.config.myid];
  note(t.io, 'zab.newleader.acked', { epoch: l.epoch, zxid: t.heap.log.last });
  for (const handler of [...l.handlers.values()]) {
    if (handler.phase.kind === 'waiting') startSync(t, l, handler);
  }
  establishIfQuorum(t, l);
}

/** What a learner is brought to before NEWLEADER counts as committed; in broadcast that is what is committed. */
function syncTarget(t: Turn, l: Leading): Zxid {
  return l.phase.kind === 'broadcast' ? asZxid(Math.max(t.state.committed, t.heap.tree.lastZxid)) : l.lastProposed;
}

function historyView(t: Turn): HistoryView {
  const { log } = t.heap;
  return {
    base: log.base,
    // Proposals count too: a follower that logged one and may have acknowledged it must not be told to cut it off.
    last: log.last,
    has: (zxid) => log.find(zxid) >= 0,
    before: (zxid) => {
      const index = log.firstAfter(asZxid(zxid - 1)) - 1;
      return index >= 0 ? log.get(index).zxid : log.base;
    },
    after: (zxid) => {
      const index = log.firstAfter(zxid);
      return index < log.length ? log.get(index).zxid : null;
    },
  };
}

export function startSync(t: Turn, l: Leading, handler: Handler): void {
  const options = { forceSnapshot: t.config.forceSnapshotSync, snapshotSizeFactor: t.config.snapshotSizeFactor };
  carryOut(t, l, handler, decideSync(historyView(t), handler.peerLast, options));
}

function carryOut(t: Turn, l: Leading, handler: Handler, plan: SyncPlan): void {
  const target = syncTarget(t, l);
  switch (plan.kind) {
    case 'diff':
      note(t.io, 'zab.sync.diff', { peer: handler.sid, zxid: plan.from });
      send(t, handler.conn, Packet.DIFF, target);
      // What is only proposed is proposed to it again even if its log has it: a Java follower forgets its pending proposals
      // with the connection, and ends its process at a COMMIT that does not fit them.
      return finishSync(t, l, handler, asZxid(Math.min(plan.from, target)));
    case 'trunc':
      note(t.io, 'zab.sync.trunc', { peer: handler.sid, zxid: plan.to });
      send(t, handler.conn, Packet.TRUNC, plan.to);
      return finishSync(t, l, handler, plan.to);
    case 'range': {
      if (t.state.store.ranges.size >= RANGES_AT_ONCE_MAX) return startSnapshot(t, l, handler);
      const token = storeReadRange(t.state.store, t.heap, t.io, {
        after: plan.from,
        upTo: t.heap.log.base,
        bytesMax: RANGE_BYTES_MAX,
      });
      handler.phase = { kind: 'range', token, pin: t.heap.log.base };
      return;
    }
    case 'snap':
      return startSnapshot(t, l, handler);
    default:
      plan satisfies never;
  }
}

/** Older entries have been read from the log files; if they join the learner's history to ours, a DIFF will do. */
export function leaderRangeRead(t: Turn, l: Leading, token: number, entries: readonly LogEntry[] | null): void {
  for (const handler of l.handlers.values()) {
    if (handler.phase.kind !== 'range' || handler.phase.token !== token) continue;
    const { pin } = handler.phase;
    const first = entries?.[0];
    const last = entries?.at(-1);
    // Only within one epoch does the next zxid prove that the learner's last one is in our history.
    const joined =
      first !== undefined && first.zxid === handler.peerLast + 1 && last !== undefined && last.zxid === pin;
    if (!joined || entries === null) return startSnapshot(t, l, handler);
    note(t.io, 'zab.sync.diff', { peer: handler.sid, zxid: handler.peerLast });
    send(t, handler.conn, Packet.DIFF, syncTarget(t, l));
    for (const entry of entries) sendCommitted(t, handler, entry);
    return finishSync(t, l, handler, pin);
  }
}

function sendCommitted(t: Turn, handler: Handler, entry: LogEntry): void {
  send(t, handler.conn, Packet.PROPOSAL, entry.zxid, entry.bytes);
  send(t, handler.conn, Packet.COMMIT, entry.zxid);
}

/**
 * SNAP: a point-in-time image of the tree, written piece by piece. Live traffic does not wait for it: what happens
 * meanwhile stays in the window (the pin) and follows when the stream is complete.
 */
function startSnapshot(t: Turn, l: Leading, handler: Handler): void {
  if (handler.observer && t.heap.outgoing.size >= t.config.maxConcurrentSnapSyncs) {
    // It comes again. Followers are never held off: the quorum needs them (LearnerSyncThrottler, exempt from throttling).
    note(t.io, 'zab.sync.throttled', { peer: handler.sid });
    return dropHandler(t, l, handler, 'too many snapshots are being sent');
  }
  const zxid = t.heap.tree.lastZxid;
  note(t.io, 'zab.sync.snap', { peer: handler.sid, zxid });
  forgetAcksAfter(l, handler, zxid);
  send(t, handler.conn, Packet.SNAP, zxid);
  const snapshot = t.heap.tree.openSnapshot();
  t.heap.outgoing.set(handler.conn, {
    writer: new SnapshotWriter(snapshot, SNAP_END_MARK),
    close: () => snapshot.close(),
  });
  handler.phase = { kind: 'snapshot', pin: zxid };
  continueSnapshot(t, l, handler);
}

/** Sends one piece; the next follows on the next tick, or when the connection has drained. */
export function continueSnapshot(t: Turn, l: Leading, handler: Handler): void {
  if (handler.phase.kind !== 'snapshot' || handler.blockedAtMs !== null) return;
  const outgoing = t.heap.outgoing.get(handler.conn);
  assert(outgoing !== undefined, 'snapshot phase without a snapshot');
  handler.heardMs = t.io.now.monoMs;
  const piece = outgoing.writer.next(SNAPSHOT_PIECE_BYTES);
  if (piece !== null) {
    t.io.emit({ type: 'send', conn: handler.conn, bytes: piece });
    return;
  }
  const { pin } = handler.phase;
  dropSnapshot(t, handler.conn);
  finishSync(t, l, handler, pin);
}

/**
 * Sends the rest of the history and NEWLEADER, and joins the learner to the live traffic, all in one step, so that no
 * transaction falls between the two (ZOOKEEPER-962). What is committed goes as PROPOSAL and COMMIT; what is only proposed
 * goes to participants as PROPOSAL (Leader.startForwarding).
 */
function finishSync(t: Turn, l: Leading, handler: Handler, from: Zxid): void {
  const { log } = t.heap;
  const target = syncTarget(t, l);
  for (let i = log.firstAfter(from); i < log.length; i++) {
    const entry = log.get(i);
    if (entry.zxid <= target) {
      sendCommitted(t, handler, entry);
    } else if (!handler.observer) {
      send(t, handler.conn, Packet.PROPOSAL, entry.zxid, entry.bytes);
      awaitAck(t, handler, entry.zxid);
    }
  }
  const config = t.state.ensemble?.lastSeen;
  assert(config !== undefined, 'no ensemble');
  send(t, handler.conn, Packet.NEWLEADER, zxidOf(l.epoch, 0), encodeConfigText(formatMembership(config)));
  handler.ackedTo = target;
  handler.phase = { kind: 'newLeader' };
}

export function onAckNewLeader(t: Turn, l: Leading, handler: Handler): void {
  handler.phase = { kind: 'active' };
  if (counts(t, handler) && !l.ackNewLeader.includes(handler.sid)) l.ackNewLeader.push(handler.sid);
  if (handler.unackedSinceMs !== null) {
    // Its time begins now, for all that it was sent while it was brought level.
    handler.unackedSinceMs = t.io.now.monoMs;
    handler.unacked = l.lastProposed;
  }
  if (l.phase.kind === 'broadcast') sendUpToDate(t, handler);
  else establishIfQuorum(t, l);
}

function establishIfQuorum(t: Turn, l: Leading): void {
  const { state, io } = t;
  const ensemble = state.ensemble;
  assert(ensemble !== null, 'no ensemble');
  if (l.phase.kind !== 'synchronization' || !quorumOf(t, l.ackNewLeader)) return;
  l.phase = { kind: 'broadcast' };
  const initial = t.heap.log.last;
  note(io, 'zab.established', { epoch: l.epoch, zxid: initial });
  commitThrough(t, initial);
  digestsComplete(t);
  if (!leads(t)) return;
  activateMembership(t, ensemble.lastSeen);
  publishConfig(t);
  l.lastProposed = zxidOf(l.epoch, 0);
  l.authority = authorityBoot(t.heap, t.config, io);
  fleVoteEpoch(ensemble.fle, l.epoch);
  if (t.config.leaderServes) serverStart(state.server, t.heap, t.config, io, 'leader');
  for (const handler of [...l.handlers.values()]) {
    if (handler.phase.kind === 'active') sendUpToDate(t, handler);
  }
  if (!isVoter(ensemble.committed, t.config.myid)) giveUp(t, 'not a voter of the configuration in force');
}

function sendUpToDate(t: Turn, handler: Handler): void {
  handler.pingsBefore = handler.pingsSent;
  // Its time to answer begins with this packet.
  handler.heardMs = t.io.now.monoMs;
  send(t, handler.conn, Packet.UPTODATE, asZxid(-1));
}
