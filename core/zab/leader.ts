/**
 * The leader: discovery, synchronisation, broadcast (Zab paper, figures 3 to 5; Leader and LearnerHandler in the Java source).
 *
 * discovery            FOLLOWERINFO from a quorum fixes the new epoch; own acceptedEpoch is made durable, LEADERINFO goes
 *                      out; ACKEPOCH from a quorum proves that no one of it has a more recent history.
 * synchronization      own currentEpoch is made durable; every learner gets DIFF, TRUNC or SNAP, the rest of the history,
 *                      NEWLEADER. Nothing is served.
 * broadcast            a quorum has acknowledged NEWLEADER: the initial history is committed, UPTODATE goes out, writes flow.
 *
 * Only voters of the configuration in force (and of the one being proposed) count; observers never do.
 */

import {
  formatMembership,
  hasAllQuorums,
  hasQuorum,
  isVoter,
  serverOf,
  votersOf,
  weightOf,
} from '../config/membership.ts';
import type { Membership } from '../config/types.ts';
import { fleSettled, fleVoteEpoch } from '../election/fle.ts';
import { note } from '../io.ts';
import {
  authorityBoot,
  authorityDeadline,
  authorityPrepare,
  authorityRevalidate,
  authorityTick,
  authorityTouch,
} from '../request/authority.ts';
import { type Submission, serverRevalidated, serverStart, serverSyncDone } from '../request/server.ts';
import type { Handler, Leading, PendingSync, Proposal, Turn } from '../state.ts';
import { storeReadRange } from '../storage/store.ts';
import {
  asPeer,
  assert,
  asZxid,
  COUNTER_MAX,
  type ConnId,
  counterOf,
  EPOCH_MAX,
  epochOf,
  type PeerId,
  type SessionId,
  ZXID_ZERO,
  type Zxid,
  zxidOf,
} from '../types.ts';
import { frameBuffer, pushBytes } from '../wire/framing.ts';
import { Op, Packet } from '../wire/opcodes.ts';
import {
  decodeAckEpoch,
  decodeLearnerInfo,
  decodePingTouches,
  decodeRequestPayload,
  decodeRevalidate,
  encodeConfigText,
  encodeDesignatedLeader,
  encodeInformAndActivate,
  encodeLeaderInfo,
  encodePacket,
  encodeRevalidateAnswer,
  LEARNER_PROTOCOL_VERSION,
  nextPacket,
} from '../wire/quorum-codec.ts';
import type { QuorumPacket } from '../wire/records.ts';
import { SNAP_END_MARK, SnapshotWriter } from '../wire/snapshot-codec.ts';
import type { LogEntry } from '../wire/txn.ts';
import { saveEpochs } from './epochs.ts';
import { packetOf } from './packets.ts';
import {
  activateMembership,
  appendEntry,
  applyThrough,
  commitThrough,
  halt,
  proveTree,
  publishConfig,
  reconfigOf,
} from './replica.ts';
import { leaveRole } from './roles.ts';
import { decideSync, type HistoryView, type SyncPlan } from './sync.ts';

/** Learner connections at once, authenticated or not; far above any real ensemble with its observers. */
export const LEARNERS_MAX = 256;
/** FOLLOWERINFO and OBSERVERINFO are 40 bytes; nobody is trusted with more before them. */
const INFO_BYTES_MAX = 1024;
/** Bytes of one packet from a learner: a request of jute.maxbuffer plus its envelope and identities. */
const PACKET_BYTES_EXTRA = 0x10_0000;
/** A SNAP stream is cut into pieces of this size; one piece a step keeps the leader responsive. */
const SNAPSHOT_PIECE_BYTES = 0x1_0000;
/** Log entries read from disk for one DIFF; beyond it a snapshot is cheaper. */
const RANGE_BYTES_MAX = 0x100_0000;
/** Range reads at once, those of learners that hung up included: each may hold `RANGE_BYTES_MAX`. */
const RANGES_AT_ONCE_MAX = 16;
/** The window may grow to this much while a learner is brought level; then that learner is dropped. */
const PINNED_ENTRIES_MAX = 100_000;
const PINNED_BYTES_MAX = 0x1000_0000;
/** Syncs waiting for their confirmation; the clients' own limits keep it far below. */
const SYNCS_MAX = 10_000;

export function becomeLeading(t: Turn): void {
  const { state, io } = t;
  assert(state.role.kind === 'looking', 'only a looking server begins to lead');
  const ensemble = state.ensemble;
  assert(ensemble !== null, 'a standalone server does not lead');
  fleSettled(ensemble.fle, 'leading');
  const l: Leading = {
    kind: 'leading',
    phase: { kind: 'discovery' },
    startedMs: io.now.monoMs,
    epoch: 0,
    accepted: new Map([[t.config.myid, state.epochs.accepted]]),
    acceptedByObservers: 0,
    ackEpoch: [],
    ahead: [],
    ackNewLeader: [],
    handlers: new Map(),
    proposals: [],
    lastProposed: state.committed,
    nextPingMs: io.now.monoMs + t.config.tickTimeMs / 2,
    halfTicks: 0,
    syncs: [],
    authority: null,
    nextAnonymousId: -1,
  };
  state.role = l;
  note(io, 'zab.leading.started', { logged: t.heap.log.last });
  listenForLearners(t);
  proposeEpochIfQuorum(t, l);
}

/** Where learners look for this server (`connect` in learner.ts): as committed, else as last seen. */
function listenForLearners(t: Turn): void {
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

function quorumPorts(t: Turn): string {
  const committed = t.state.ensemble?.committed;
  const own = committed === undefined ? null : serverOf(committed, t.config.myid);
  return (own?.addresses ?? []).map(({ host, quorumPort }) => `${host}:${quorumPort}`).join();
}

/** Leaves the role: connections closed, nothing listened to. The caller decides what comes next. */
export function stopLeading(t: Turn, l: Leading): void {
  for (const handler of l.handlers.values()) {
    dropSnapshot(t, handler.conn);
    t.io.emit({ type: 'close', conn: handler.conn });
  }
  t.io.emit({ type: 'unlisten', channel: 'quorum' });
}

/** Whether the turn has not ended this role; another one cannot begin within the same step. */
const leads = (t: Turn): boolean => t.state.role.kind === 'leading';

function giveUp(t: Turn, reason: string): void {
  note(t.io, 'zab.leading.gaveup', { reason });
  leaveRole(t, reason);
}

// --- quorums ---------------------------------------------------------------------------------------------------------

/** A quorum of every configuration that counts: the one in force, and during a reconfiguration the proposed one too. */
function quorumOf(t: Turn, ids: Iterable<PeerId>): boolean {
  const ensemble = t.state.ensemble;
  assert(ensemble !== null, 'no ensemble');
  return hasAllQuorums(ensemble, ids);
}

function counts(t: Turn, handler: Handler): handler is Handler & { sid: PeerId } {
  const ensemble = t.state.ensemble;
  if (handler.sid === null || handler.observer || ensemble === null) return false;
  return isVoter(ensemble.committed, handler.sid) || isVoter(ensemble.lastSeen, handler.sid);
}

// --- connections -----------------------------------------------------------------------------------------------------

export function leaderOpened(t: Turn, l: Leading, conn: ConnId): void {
  if (l.handlers.size >= LEARNERS_MAX) {
    // Whoever has not said who it is makes room: a flood pushes out its own oldest.
    const oldest = [...l.handlers.values()].find(({ phase }) => phase.kind === 'info');
    if (oldest !== undefined) dropHandler(t, l, oldest, 'too many learners');
  }
  if (l.handlers.size >= LEARNERS_MAX) {
    note(t.io, 'zab.learner.refused', { conn, reason: 'too many learners' });
    t.io.emit({ type: 'close', conn });
    return;
  }
  l.handlers.set(conn, {
    conn,
    rx: frameBuffer(),
    sid: null,
    observer: false,
    phase: { kind: 'info' },
    openedMs: t.io.now.monoMs,
    heardMs: t.io.now.monoMs,
    blocked: false,
    peerLast: ZXID_ZERO,
    ackedTo: ZXID_ZERO,
    unackedSinceMs: null,
    pingsSent: 0,
    pingsBefore: 0,
    pongs: 0,
  });
}

export function leaderBytes(t: Turn, l: Leading, handler: Handler, bytes: Uint8Array): void {
  pushBytes(handler.rx, bytes);
  const limit = handler.phase.kind === 'info' ? INFO_BYTES_MAX : t.config.juteMaxBuffer + PACKET_BYTES_EXTRA;
  // A packet may end this role or this handler, so both are looked up again before the next one.
  while (leads(t) && l.handlers.has(handler.conn)) {
    const next = nextPacket(handler.rx, limit);
    if (next.kind === 'more') return;
    if (next.kind === 'bad') {
      dropHandler(t, l, handler, `undecodable packet: ${next.error}`);
      return;
    }
    handler.heardMs = t.io.now.monoMs;
    onPacket(t, l, handler, next.packet);
  }
}

export function leaderClosed(t: Turn, l: Leading, handler: Handler, reason: string): void {
  dropSnapshot(t, handler.conn);
  l.handlers.delete(handler.conn);
  note(t.io, 'zab.handler.closed', { peer: handler.sid, reason });
  if (handler.phase.kind === 'info' || handler.sid === null) return;
  // What an absent learner promised before still holds: its durable acks stay counted. Only its wish for an epoch goes.
  if (l.phase.kind === 'discovery') l.accepted.delete(handler.sid);
}

function dropHandler(t: Turn, l: Leading, handler: Handler, reason: string): void {
  t.io.emit({ type: 'close', conn: handler.conn });
  leaderClosed(t, l, handler, reason);
}

function dropSnapshot(t: Turn, conn: ConnId): void {
  t.heap.outgoing.get(conn)?.close();
  t.heap.outgoing.delete(conn);
}

const send = (t: Turn, conn: ConnId, type: number, zxid: Zxid, data: Uint8Array | null = null): void =>
  t.io.emit({ type: 'send', conn, bytes: encodePacket(packetOf(type, zxid, data)) });

// --- packets from a learner ------------------------------------------------------------------------------------------

function onPacket(t: Turn, l: Leading, handler: Handler, packet: QuorumPacket): void {
  const kind = handler.phase.kind;
  if (kind === 'info') {
    if (packet.type === Packet.FOLLOWERINFO || packet.type === Packet.OBSERVERINFO) onInfo(t, l, handler, packet);
    else dropHandler(t, l, handler, 'first packet is not FOLLOWERINFO or OBSERVERINFO');
    return;
  }
  if (packet.type === Packet.ACKEPOCH && kind === 'ackEpoch') {
    onAckEpoch(t, l, handler, packet);
  } else if (packet.type === Packet.ACK && (kind === 'newLeader' || kind === 'active')) {
    onAck(t, l, handler, packet.zxid);
  } else if (packet.type === Packet.PING) {
    onPing(t, l, handler, packet);
  } else if (packet.type === Packet.REVALIDATE && l.authority !== null) {
    onRevalidate(t, l, handler, packet);
  } else if (packet.type === Packet.REQUEST && l.authority !== null) {
    onRequest(t, l, handler, packet);
  } else {
    note(t.io, 'zab.illegal.packet', { peer: handler.sid, packet: packet.type, phase: kind });
    dropHandler(t, l, handler, `packet ${packet.type} in phase ${kind}`);
  }
}

/** FOLLOWERINFO or OBSERVERINFO: zxid holds the learner's acceptedEpoch, data who it is (LearnerHandler.run). */
function onInfo(t: Turn, l: Leading, handler: Handler, packet: QuorumPacket): void {
  const ensemble = t.state.ensemble;
  assert(ensemble !== null, 'no ensemble');
  const info = decodeLearnerInfo(packet.data);
  if (!info.ok) return dropHandler(t, l, handler, `bad learner info: ${info.error}`);
  const { protocolVersion, configVersion } = info.value;
  if (protocolVersion < LEARNER_PROTOCOL_VERSION) {
    return dropHandler(t, l, handler, 'learner speaks a protocol older than Zab 1.0');
  }
  if (configVersion > ensemble.committed.version) {
    // It knows of a reconfiguration that we do not: we must not lead it (LearnerHandler, "follower is ahead").
    return dropHandler(t, l, handler, 'learner has seen a newer configuration');
  }
  if (info.value.serverid === t.config.myid) return dropHandler(t, l, handler, 'learner uses the id of the leader');
  const sid = info.value.serverid ?? asPeer(l.nextAnonymousId--);
  if (packet.type === Packet.OBSERVERINFO) forgetAcks(l, sid);
  for (const other of [...l.handlers.values()]) {
    if (other.conn !== handler.conn && other.sid === sid) dropHandler(t, l, other, 'replaced by a newer connection');
  }
  handler.sid = sid;
  handler.observer = packet.type === Packet.OBSERVERINFO;
  handler.phase = { kind: 'epoch' };
  const accepted = epochOf(packet.zxid);
  if (l.epoch === 0) {
    if (counts(t, handler) && l.phase.kind === 'discovery') l.accepted.set(sid, accepted);
    // Observers are in no quorum, but one that has promised itself to an epoch could never follow an older one.
    else if (accepted < EPOCH_MAX) l.acceptedByObservers = Math.max(l.acceptedByObservers, accepted);
    proposeEpochIfQuorum(t, l);
  } else if (l.phase.kind !== 'proposingEpoch') {
    sendLeaderInfo(t, l, handler);
  }
}

/**
 * A voter that registers as an observer has lost its disk or distrusts it: what it acknowledged before may be gone, so it no
 * longer counts for anything that is still undecided.
 */
function forgetAcks(l: Leading, sid: PeerId): void {
  l.ackEpoch = l.ackEpoch.filter((id) => id !== sid);
  l.ahead = l.ahead.filter((id) => id !== sid);
  l.ackNewLeader = l.ackNewLeader.filter((id) => id !== sid);
  for (const proposal of l.proposals) proposal.acks = proposal.acks.filter((id) => id !== sid);
}

/** What a learner is about to lose from its log, or never had, it must acknowledge again. */
function forgetAcksAfter(l: Leading, { sid }: Handler, zxid: Zxid): void {
  for (const proposal of l.proposals) {
    if (proposal.zxid > zxid) proposal.acks = proposal.acks.filter((id) => id !== sid);
  }
}

// --- discovery -------------------------------------------------------------------------------------------------------

/** Leader.getEpochToPropose: one more than every epoch that a quorum, this server included, has ever accepted. */
function proposeEpochIfQuorum(t: Turn, l: Leading): void {
  if (l.phase.kind !== 'discovery' || !quorumOf(t, l.accepted.keys())) return;
  let highest = Math.max(t.state.epochs.accepted, epochOf(t.heap.log.last), l.acceptedByObservers);
  for (const accepted of l.accepted.values()) highest = Math.max(highest, accepted);
  const epoch = highest + 1;
  if (epoch > EPOCH_MAX) return halt(t, 'epochs are exhausted');
  l.epoch = epoch;
  // Without this write a restarted leader could propose the same epoch again (ZOOKEEPER-1291).
  const token = saveEpochs(t, { accepted: epoch, current: t.state.epochs.current });
  l.phase = { kind: 'proposingEpoch', token };
}

export function leaderEpochsSaved(t: Turn, l: Leading, token: number): void {
  if (l.phase.kind === 'proposingEpoch' && l.phase.token === token) {
    note(t.io, 'zab.epoch.accepted', { epoch: l.epoch });
    numberFirstConfig(t, l);
    l.phase = { kind: 'collectingEpochAcks' };
    l.ackEpoch = [t.config.myid];
    for (const handler of [...l.handlers.values()]) {
      if (handler.phase.kind === 'epoch') sendLeaderInfo(t, l, handler);
    }
    synchronizeIfQuorum(t, l);
  } else if (l.phase.kind === 'adoptingEpoch' && l.phase.token === token) {
    note(t.io, 'zab.epoch.current', { epoch: l.epoch });
    beginSynchronization(t, l);
  }
}

/**
 * The configuration of the files has no number. The first leader gives it that of its epoch, so that it takes precedence over
 * the files of a server that joins, which may list only a part of the ensemble (Leader.lead, ZOOKEEPER-1783).
 */
function numberFirstConfig(t: Turn, l: Leading): void {
  const { ensemble } = t.state;
  if (ensemble === null || !t.config.reconfigEnabled || ensemble.lastSeen.version !== ZXID_ZERO) return;
  ensemble.lastSeen = { ...ensemble.committed, version: zxidOf(l.epoch, 0) };
}

function sendLeaderInfo(t: Turn, l: Leading, handler: Handler): void {
  send(t, handler.conn, Packet.LEADERINFO, zxidOf(l.epoch, 0), encodeLeaderInfo(LEARNER_PROTOCOL_VERSION));
  handler.phase = { kind: 'ackEpoch' };
}

/**
 * ACKEPOCH: zxid is the learner's last logged entry, data its currentEpoch, or -1 when it had accepted this epoch before and
 * so must not be counted again. A learner with a more recent history ends this leadership (Leader.waitForEpochAck): the next
 * election finds it. One that only the proposed configuration calls a voter cannot be elected, so no election would help;
 * `isHistoryComplete` decides whether what it has more may be committed.
 */
function onAckEpoch(t: Turn, l: Leading, handler: Handler, packet: QuorumPacket): void {
  const current = decodeAckEpoch(packet.data);
  if (!current.ok) return dropHandler(t, l, handler, `bad ACKEPOCH: ${current.error}`);
  handler.peerLast = packet.zxid;
  forgetAcksAfter(l, handler, packet.zxid);
  handler.phase = { kind: 'waiting' };
  if (l.phase.kind === 'collectingEpochAcks' && counts(t, handler) && current.value !== -1) {
    const own = { epoch: t.state.epochs.current, zxid: t.heap.log.last };
    if (current.value > own.epoch || (current.value === own.epoch && packet.zxid > own.zxid)) {
      if (isElectable(t, handler.sid)) return giveUp(t, 'a follower has a more recent history');
      if (!l.ahead.includes(handler.sid)) l.ahead.push(handler.sid);
    }
    if (!l.ackEpoch.includes(handler.sid)) l.ackEpoch.push(handler.sid);
    synchronizeIfQuorum(t, l);
  }
  if (l.phase.kind === 'synchronization' || l.phase.kind === 'broadcast') startSync(t, l, handler);
}

function synchronizeIfQuorum(t: Turn, l: Leading): void {
  if (l.phase.kind !== 'collectingEpochAcks' || !quorumOf(t, l.ackEpoch) || !isHistoryComplete(t, l)) return;
  l.phase = { kind: 'adoptingEpoch', token: saveEpochs(t, { accepted: l.epoch, current: l.epoch }) };
}

/** Whether this server can win an election (`ownCandidate` in fle.ts; a candidate without weight wins against nobody). */
function isElectable(t: Turn, sid: PeerId): boolean {
  const ensemble = t.state.ensemble;
  assert(ensemble !== null, 'no ensemble');
  return weightOf(ensemble.committed, sid) > 0;
}

/**
 * Whether everything committed is in this server's history. What is committed is in the histories of a quorum, and those that
 * have promised this epoch to us can no longer lengthen theirs. So when all the voters that may be ahead of us, known to be or
 * unheard, are no quorum of a configuration, nothing that it decided is missing here. With nobody ahead, a quorum of
 * acknowledgements says as much.
 */
function isHistoryComplete(t: Turn, l: Leading): boolean {
  if (l.ahead.length === 0) return true;
  const ensemble = t.state.ensemble;
  assert(ensemble !== null, 'no ensemble');
  const mayBeAhead = (voter: PeerId): boolean => !l.ackEpoch.includes(voter) || l.ahead.includes(voter);
  return [ensemble.committed, ensemble.lastSeen].every(
    (membership) => !hasQuorum(membership, votersOf(membership).filter(mayBeAhead)),
  );
}

// --- synchronisation -------------------------------------------------------------------------------------------------

/**
 * Discovery is over: this history is the initial history of the epoch. It is applied now, because learners that need a
 * whole state get it from the tree; it becomes committed, and visible to clients, only when a quorum acknowledged it. A
 * leadership that fails before that reloads its tree from disk (`leaveRole`).
 */
function beginSynchronization(t: Turn, l: Leading): void {
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

function startSync(t: Turn, l: Leading, handler: Handler): void {
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
function continueSnapshot(t: Turn, l: Leading, handler: Handler): void {
  if (handler.phase.kind !== 'snapshot' || handler.blocked) return;
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
      handler.unackedSinceMs ??= t.io.now.monoMs;
    }
  }
  const config = t.state.ensemble?.lastSeen;
  assert(config !== undefined, 'no ensemble');
  send(t, handler.conn, Packet.NEWLEADER, zxidOf(l.epoch, 0), encodeConfigText(formatMembership(config)));
  handler.ackedTo = target;
  handler.phase = { kind: 'newLeader' };
}

// --- establishment ---------------------------------------------------------------------------------------------------

function onAck(t: Turn, l: Leading, handler: Handler, zxid: Zxid): void {
  if (zxid === zxidOf(l.epoch, 0)) {
    if (handler.phase.kind === 'newLeader') onAckNewLeader(t, l, handler);
    // The second one answers UPTODATE (Learner.syncWithLeader). A Java learner answers no ping before that, ours answers
    // each: from here on the two counts go together for both.
    else handler.pongs = handler.pingsBefore;
    return;
  }
  if (zxid > l.lastProposed) {
    note(t.io, 'zab.illegal.ack', { peer: handler.sid, zxid });
    return dropHandler(t, l, handler, 'acknowledged what was never proposed');
  }
  if (zxid > handler.ackedTo) {
    handler.ackedTo = zxid;
    handler.unackedSinceMs = zxid >= l.lastProposed ? null : t.io.now.monoMs;
  }
  if (counts(t, handler)) acknowledge(t, l, handler.sid, zxid);
}

function onAckNewLeader(t: Turn, l: Leading, handler: Handler): void {
  handler.phase = { kind: 'active' };
  if (counts(t, handler) && !l.ackNewLeader.includes(handler.sid)) l.ackNewLeader.push(handler.sid);
  if (handler.unackedSinceMs !== null) handler.unackedSinceMs = t.io.now.monoMs;
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
  proveTree(t);
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

// --- broadcast -------------------------------------------------------------------------------------------------------

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
  l.proposals.push({ zxid: entry.zxid, acks: [], proposedMs: t.io.now.monoMs, reconfig: reconfigOf(entry) });
  note(t.io, 'zab.proposal.sent', { zxid: entry.zxid });
  const bytes = encodePacket(packetOf(Packet.PROPOSAL, entry.zxid, entry.bytes));
  for (const handler of l.handlers.values()) {
    if (handler.observer || !isForwarding(handler)) continue;
    t.io.emit({ type: 'send', conn: handler.conn, bytes });
    handler.unackedSinceMs ??= t.io.now.monoMs;
  }
}

const isForwarding = (handler: Handler): boolean =>
  handler.phase.kind === 'newLeader' || handler.phase.kind === 'active';

/** This server's own log has reached `zxid`: its vote for everything up to there. */
export function leaderDurable(t: Turn, l: Leading, zxid: Zxid): void {
  if (l.phase.kind !== 'broadcast' || !isVoterNow(t)) return;
  for (const proposal of l.proposals) {
    if (proposal.zxid > zxid) break;
    if (!proposal.acks.includes(t.config.myid)) proposal.acks.push(t.config.myid);
  }
  commitReady(t, l);
}

function isVoterNow(t: Turn): boolean {
  const ensemble = t.state.ensemble;
  if (ensemble === null) return false;
  return isVoter(ensemble.committed, t.config.myid) || isVoter(ensemble.lastSeen, t.config.myid);
}

function acknowledge(t: Turn, l: Leading, sid: PeerId, zxid: Zxid): void {
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

// --- requests, sessions and syncs of learners --------------------------------------------------------------------------

function onRequest(t: Turn, l: Leading, handler: Handler, packet: QuorumPacket): void {
  assert(handler.sid !== null, 'a request before the introduction');
  const payload = decodeRequestPayload(packet.data);
  if (!payload.ok) return dropHandler(t, l, handler, `bad REQUEST: ${payload.error}`);
  const { sessionId: session, cxid, type: op, body } = payload.value;
  if (op !== Op.sync) {
    leaderSubmit(t, l, { session, cxid, op, body, authInfo: [...(packet.authinfo ?? [])] }, handler.sid);
  } else if (l.syncs.length < SYNCS_MAX) {
    requestSync(t, l, handler.conn, session, cxid);
  } else {
    dropHandler(t, l, handler, 'too many syncs outstanding');
  }
}

function onPing(t: Turn, l: Leading, handler: Handler, packet: QuorumPacket): void {
  handler.pongs += 1;
  if (l.authority !== null && packet.data !== null) {
    const touches = decodePingTouches(packet.data);
    if (!touches.ok) return dropHandler(t, l, handler, `bad PING: ${touches.error}`);
    for (const touch of touches.value) authorityTouch(l.authority, t.io, touch.session, touch.timeoutMs);
  }
  answerSyncs(t, l);
}

function onRevalidate(t: Turn, l: Leading, handler: Handler, packet: QuorumPacket): void {
  assert(l.authority !== null && handler.sid !== null, 'revalidation outside broadcast');
  const question = decodeRevalidate(packet.data);
  if (!question.ok) return dropHandler(t, l, handler, `bad REVALIDATE: ${question.error}`);
  const { session, timeoutMs } = question.value;
  const valid = authorityRevalidate(l.authority, t.io, { session, timeoutMs, owner: handler.sid });
  // The Java leader gives the zxid back that it was sent, -1, and nobody looks at it. Ours says what has been proposed so far,
  // which an observer has no other way to know: what the session asks at its new server comes behind it.
  send(t, handler.conn, Packet.REVALIDATE, l.lastProposed, encodeRevalidateAnswer(session, valid));
}

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

function answerSyncs(t: Turn, l: Leading): void {
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
function confirmSyncsAnew(t: Turn, l: Leading): void {
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

/** A re-attaching client of this very server. */
export function leaderRevalidateOwn(t: Turn, l: Leading, session: SessionId, timeoutMs: number): void {
  assert(l.authority !== null, 'revalidation outside broadcast');
  const valid = authorityRevalidate(l.authority, t.io, { session, timeoutMs, owner: t.config.myid });
  const answer = { session, valid, proposed: l.lastProposed };
  for (const event of serverRevalidated(t.state.server, t.heap, t.config, t.io, answer)) t.work.push(event);
}

// --- time ------------------------------------------------------------------------------------------------------------

function sendPing(t: Turn, l: Leading, handler: Handler): void {
  handler.pingsSent += 1;
  send(t, handler.conn, Packet.PING, l.lastProposed);
}

export function leaderTick(t: Turn, l: Leading): void {
  const { monoMs } = t.io.now;
  for (const handler of [...l.handlers.values()]) {
    if (handler.phase.kind === 'snapshot') continueSnapshot(t, l, handler);
  }
  if (monoMs >= l.nextPingMs) {
    l.nextPingMs = monoMs + t.config.tickTimeMs / 2;
    halfTick(t, l);
    if (!leads(t)) return;
  }
  const at = l.authority === null ? null : authorityDeadline(l.authority);
  if (l.authority !== null && at !== null && at <= monoMs) {
    for (const request of authorityTick(l.authority, t.heap, t.config, t.io)) {
      leaderSubmit(t, l, request, t.config.myid);
      if (!leads(t)) return;
    }
  }
}

function halfTick(t: Turn, l: Leading): void {
  l.halfTicks += 1;
  dropSilent(t, l);
  for (const handler of l.handlers.values()) {
    if (isForwarding(handler)) sendPing(t, l, handler);
  }
  confirmSyncsAnew(t, l);
  const { monoMs } = t.io.now;
  if (l.phase.kind === 'broadcast') {
    if (l.halfTicks % 2 === 0 && !quorumOf(t, heardVoters(t, l))) giveUp(t, 'lost contact with a quorum');
    return;
  }
  const initLimitMs = t.config.initLimitTicks * t.config.tickTimeMs;
  const epochWaitMs = t.config.maxTimeToWaitForEpochMs >= 0 ? t.config.maxTimeToWaitForEpochMs : initLimitMs;
  // Each phase has its own allowance in the Java source; one initLimit per phase.
  const limitMs = l.phase.kind === 'discovery' ? epochWaitMs : 2 * initLimitMs;
  if (monoMs - l.startedMs < limitMs) return;
  const isUnclear = l.phase.kind === 'collectingEpochAcks' && l.ahead.length > 0 && quorumOf(t, l.ackEpoch);
  giveUp(t, isUnclear ? `what ${l.ahead} has more may be committed` : `no quorum within initLimit (${l.phase.kind})`);
}

/** Followers heard from within syncLimit, this server included (Leader.lead, main loop). */
function heardVoters(t: Turn, l: Leading): PeerId[] {
  const limitMs = t.config.syncLimitTicks * t.config.tickTimeMs;
  const heard: PeerId[] = [t.config.myid];
  for (const handler of l.handlers.values()) {
    if (handler.phase.kind === 'active' && handler.sid !== null && t.io.now.monoMs - handler.heardMs <= limitMs) {
      heard.push(handler.sid);
    }
  }
  return heard;
}

function dropSilent(t: Turn, l: Leading): void {
  const { monoMs } = t.io.now;
  const syncLimitMs = t.config.syncLimitTicks * t.config.tickTimeMs;
  const initLimitMs = t.config.initLimitTicks * t.config.tickTimeMs;
  for (const handler of [...l.handlers.values()]) {
    // Before NEWLEADER is acknowledged the learner may be busy with a large state; before UPTODATE a Java learner says nothing.
    const limitMs = handler.phase.kind === 'active' && l.phase.kind === 'broadcast' ? syncLimitMs : initLimitMs;
    if (monoMs - handler.heardMs > limitMs) {
      dropHandler(t, l, handler, 'silent for too long');
    } else if (
      handler.phase.kind === 'active' &&
      !handler.observer &&
      handler.unackedSinceMs !== null &&
      monoMs - handler.unackedSinceMs > syncLimitMs
    ) {
      dropHandler(t, l, handler, 'does not acknowledge proposals');
    } else if (
      (handler.phase.kind === 'snapshot' || handler.phase.kind === 'range') &&
      (t.heap.log.length > PINNED_ENTRIES_MAX || t.heap.log.bytes > PINNED_BYTES_MAX)
    ) {
      dropHandler(t, l, handler, 'too far behind while being synchronised');
    }
  }
}

export function leaderBlocked(_t: Turn, handler: Handler): void {
  handler.blocked = true;
}

export function leaderDrained(t: Turn, l: Leading, handler: Handler): void {
  handler.blocked = false;
  continueSnapshot(t, l, handler);
}

const AT_ONCE_MS = 0;

/** Monotonic time of the next thing to do. A snapshot that may go on wants the next tick at once. */
export function leaderDeadline(l: Leading): number {
  for (const handler of l.handlers.values()) {
    if (handler.phase.kind === 'snapshot' && !handler.blocked) return AT_ONCE_MS;
  }
  return l.nextPingMs;
}

/** The oldest position that must stay in the window, for learners being brought level. */
export function leaderPin(l: Leading): Zxid | null {
  let pin: Zxid | null = null;
  for (const { phase } of l.handlers.values()) {
    if ((phase.kind === 'range' || phase.kind === 'snapshot') && (pin === null || phase.pin < pin)) pin = phase.pin;
  }
  return pin;
}
