/**
 * The learner, follower or observer (Learner, Follower and Observer in the Java source; Zab phases 1 to 3, follower side).
 *
 * Its promises are made in this order, each durable before the packet that announces it:
 *   acceptedEpoch  -> ACKEPOCH          (it will accept no older leader)
 *   history        -> currentEpoch -> ACK(NEWLEADER)   (history first: ZOOKEEPER-4643, 4646)
 *   each proposal  -> ACK(proposal)
 * While a file operation that gates the next answer is in flight, no further packet is read; bytes wait in `rx`.
 */

import { isVoter, parseMembership, roleOf, serverOf } from '../config/membership.ts';
import type { Membership } from '../config/types.ts';
import { fleSettled, fleVoteEpoch } from '../election/fle.ts';
import { note } from '../io.ts';
import {
  type Submission,
  serverRevalidated,
  serverStart,
  serverSyncDone,
  serverTakeTouches,
} from '../request/server.ts';
import type { Ensemble, Learning, Turn } from '../state.ts';
import { storeInstall, storeTruncate } from '../storage/store.ts';
import { DataTree } from '../tree/data-tree.ts';
import { CONFIG_PATH } from '../tree/paths.ts';
import { TreeLoader } from '../tree/tree-loader.ts';
import {
  assert,
  asZxid,
  epochOf,
  type PeerId,
  type SessionId,
  showZxid,
  ZXID_ZERO,
  type Zxid,
  zxidOf,
} from '../types.ts';
import { copyBytes } from '../wire/bytes.ts';
import { encodeRequest } from '../wire/client-codec.ts';
import { frameBuffer, pushBytes, takeAll } from '../wire/framing.ts';
import { Op, Packet } from '../wire/opcodes.ts';
import {
  decodeConfigText,
  decodeDesignatedLeader,
  decodeInformAndActivate,
  decodeLeaderInfo,
  decodeRevalidateAnswer,
  encodeAckEpoch,
  encodeLearnerInfo,
  encodePacket,
  encodePingTouches,
  encodeRequestPayload,
  encodeRevalidate,
  LEARNER_PROTOCOL_VERSION,
  nextPacket,
} from '../wire/quorum-codec.ts';
import type { QuorumPacket } from '../wire/records.ts';
import { SNAP_END_MARK, SnapshotReader } from '../wire/snapshot-codec.ts';
import { decodeTxn } from '../wire/txn-codec.ts';
import { digestsComplete, newDigests } from './digests.ts';
import { saveEpochs } from './epochs.ts';
import { packetOf } from './packets.ts';
import {
  activateMembership,
  appendEntry,
  commitThrough,
  membershipOf,
  publishConfig,
  reconfigOf,
  sawMembership,
  seeHistory,
} from './replica.ts';
import { leaveRole } from './roles.ts';
import { follows } from './sync.ts';

/** Learner.connectToLeader tries this often. */
const CONNECT_ATTEMPTS_MAX = 5;
/** Bytes of one packet from the leader: a transaction of jute.maxbuffer (twice, for a multi's envelope) and more. */
const PACKET_BYTES_EXTRA = 0x20_0000;
/** Bytes that may wait while a file operation gates the next answer; then reading pauses. */
const RX_BYTES_MAX = 0x40_0000;

export function becomeLearning(t: Turn, leader: PeerId): void {
  const { state, io } = t;
  const { ensemble } = state;
  assert(state.role.kind === 'looking', 'only a looking server begins to learn');
  assert(ensemble !== null, 'a standalone server does not learn');
  // A server that cannot prove its history gets everything and counts for nothing until it can again.
  const observer = state.resync || observes(ensemble, t.config.myid);
  fleSettled(ensemble.fle, observer ? 'observing' : 'following');
  state.role = {
    kind: 'learning',
    leader,
    observer,
    phase: { kind: 'connecting', retryAtMs: null },
    conn: null,
    connected: false,
    attempts: 0,
    wantsState: false,
    rx: frameBuffer(),
    paused: false,
    heardMs: io.now.monoMs,
    startedMs: io.now.monoMs,
    epoch: 0,
    commitTo: ZXID_ZERO,
    ackedTo: ZXID_ZERO,
    syncs: [],
  };
  connect(t, state.role);
}

export function stopLearning(t: Turn, l: Learning): void {
  t.heap.incoming = null;
  if (l.conn !== null) t.io.emit({ type: 'close', conn: l.conn });
}

function loseLeader(t: Turn, reason: string): void {
  note(t.io, 'zab.learner.lost', { reason });
  leaveRole(t, reason);
}

const learns = (t: Turn): boolean => t.state.role.kind === 'learning';

// --- connection ------------------------------------------------------------------------------------------------------

function connect(t: Turn, l: Learning): void {
  const { ensemble } = t.state;
  const spec =
    ensemble === null ? null : (serverOf(ensemble.committed, l.leader) ?? serverOf(ensemble.lastSeen, l.leader));
  if (spec === null || spec.addresses.length === 0)
    return loseLeader(t, 'the elected leader is not in the configuration');
  const address = spec.addresses[l.attempts % spec.addresses.length]!;
  l.attempts += 1;
  l.conn = t.io.newConn();
  l.connected = false;
  l.rx = frameBuffer();
  l.phase = { kind: 'connecting', retryAtMs: null };
  t.io.emit({
    type: 'connect',
    conn: l.conn,
    channel: 'quorum',
    peer: l.leader,
    address: { host: address.host, port: address.quorumPort },
  });
}

export function learnerConnectFailed(t: Turn, l: Learning, reason: string): void {
  l.conn = null;
  if (l.attempts >= CONNECT_ATTEMPTS_MAX) return loseLeader(t, `cannot connect to the leader: ${reason}`);
  l.phase = { kind: 'connecting', retryAtMs: t.io.now.monoMs + t.config.leaderConnectDelayMs };
}

/** FOLLOWERINFO or OBSERVERINFO: who we are, and the newest epoch we have promised to. */
export function learnerOpened(t: Turn, l: Learning): void {
  const { state } = t;
  assert(state.ensemble !== null, 'no ensemble');
  l.connected = true;
  l.heardMs = t.io.now.monoMs;
  l.phase = { kind: 'registering' };
  const info = encodeLearnerInfo({
    serverid: t.config.myid,
    protocolVersion: LEARNER_PROTOCOL_VERSION,
    configVersion: state.ensemble.committed.version,
  });
  send(t, l, l.observer ? Packet.OBSERVERINFO : Packet.FOLLOWERINFO, zxidOf(state.epochs.accepted, 0), info);
}

export function learnerClosed(t: Turn, l: Learning, reason: string): void {
  l.conn = null;
  // The listener of a server that has not found out yet that it leads may close at once: dial again.
  if (l.phase.kind === 'registering') learnerConnectFailed(t, l, reason);
  else loseLeader(t, `connection to the leader closed: ${reason}`);
}

function send(t: Turn, l: Learning, type: number, zxid: Zxid, data: Uint8Array | null = null): void {
  assert(l.conn !== null, 'no connection to the leader');
  t.io.emit({ type: 'send', conn: l.conn, bytes: encodePacket(packetOf(type, zxid, data)) });
}

export function learnerBytes(t: Turn, l: Learning, bytes: Uint8Array): void {
  l.heardMs = t.io.now.monoMs;
  if (l.phase.kind === 'receiving') {
    onSnapshotBytes(t, l, bytes);
  } else {
    pushBytes(l.rx, bytes);
  }
  pump(t, l);
}

/** Reads packets until one must wait for the disk. */
function pump(t: Turn, l: Learning): void {
  const limit = 2 * t.config.juteMaxBuffer + PACKET_BYTES_EXTRA;
  while (learns(t) && l.conn !== null && isReading(l)) {
    const next = nextPacket(l.rx, limit);
    if (next.kind === 'more') break;
    if (next.kind === 'bad') return loseLeader(t, `undecodable packet: ${next.error}`);
    onPacket(t, l, next.packet);
  }
  if (learns(t)) throttle(t, l);
}

function isReading(l: Learning): boolean {
  switch (l.phase.kind) {
    case 'registering':
    case 'syncing':
    case 'catchingUp':
    case 'acked':
    case 'serving':
      return true;
    case 'connecting':
    case 'accepting':
    case 'truncating':
    case 'receiving':
    case 'installing':
    case 'persisting':
      return false;
    default:
      return l.phase satisfies never;
  }
}

function throttle(t: Turn, l: Learning): void {
  const full = !isReading(l) && l.rx.size > RX_BYTES_MAX;
  if (full !== l.paused && l.conn !== null) {
    l.paused = full;
    t.io.emit({ type: 'reading', conn: l.conn, on: !full });
  }
}

// --- packets ---------------------------------------------------------------------------------------------------------

function onPacket(t: Turn, l: Learning, packet: QuorumPacket): void {
  switch (l.phase.kind) {
    case 'registering':
      return onLeaderInfo(t, l, packet);
    case 'syncing':
      return onSyncMode(t, l, packet);
    case 'catchingUp':
      return packet.type === Packet.NEWLEADER ? onNewLeader(t, l, packet) : onTraffic(t, l, packet);
    case 'acked':
      return packet.type === Packet.UPTODATE ? onUpToDate(t, l) : onTraffic(t, l, packet);
    case 'serving':
      return onTraffic(t, l, packet);
    default:
      assert(false, 'a packet was read in a phase that reads none');
  }
}

function illegal(t: Turn, l: Learning, packet: QuorumPacket): void {
  note(t.io, 'zab.illegal.packet', { peer: l.leader, packet: packet.type, phase: l.phase.kind });
  loseLeader(t, `packet ${packet.type} in phase ${l.phase.kind}`);
}

/** LEADERINFO: the epoch to promise. A promise is durable before it is given (Learner.registerWithLeader). */
function onLeaderInfo(t: Turn, l: Learning, packet: QuorumPacket): void {
  const { state } = t;
  const version = decodeLeaderInfo(packet.data);
  if (packet.type !== Packet.LEADERINFO || !version.ok || version.value < LEARNER_PROTOCOL_VERSION) {
    return illegal(t, l, packet);
  }
  l.epoch = epochOf(packet.zxid);
  if (l.epoch < state.epochs.accepted) return loseLeader(t, "the leader's epoch is older than the one promised");
  if (l.epoch === state.epochs.accepted) {
    // Promised before, so this must not count as a new promise.
    acceptEpoch(t, l, -1);
  } else {
    // A new promise, to be made with what there really is.
    l.wantsState = false;
    const token = saveEpochs(t, { accepted: l.epoch, current: state.epochs.current });
    l.phase = { kind: 'accepting', token };
  }
}

/** ACKEPOCH: the last logged zxid and currentEpoch, by which the leader proves that its history is the most recent. */
function acceptEpoch(t: Turn, l: Learning, currentEpoch: number): void {
  const known = t.state.resync ? ZXID_ZERO : t.heap.log.last;
  const lastZxid = l.wantsState ? zxidOf(l.epoch + 1, 0) : known;
  send(t, l, Packet.ACKEPOCH, lastZxid, encodeAckEpoch(currentEpoch));
  l.phase = { kind: 'syncing' };
}

export function learnerEpochsSaved(t: Turn, l: Learning, token: number): void {
  if (l.phase.kind === 'accepting' && l.phase.token === token) {
    note(t.io, 'zab.epoch.accepted', { epoch: l.epoch });
    acceptEpoch(t, l, t.state.epochs.current);
    pump(t, l);
  } else if (l.phase.kind === 'persisting' && l.phase.token === token) {
    note(t.io, 'zab.epoch.current', { epoch: l.epoch });
    acknowledgeNewLeader(t, l);
    pump(t, l);
  }
}

// --- synchronisation -------------------------------------------------------------------------------------------------

function onSyncMode(t: Turn, l: Learning, packet: QuorumPacket): void {
  const { state, heap } = t;
  switch (packet.type) {
    case Packet.DIFF:
      if (state.resync) {
        // What is on disk is not trusted: the history is gathered in memory and replaces it at NEWLEADER.
        adoptTree(t, DataTree.fresh());
        l.commitTo = ZXID_ZERO;
      } else {
        // What we hold beyond the leader's commit point is only proposed.
        l.commitTo = asZxid(Math.min(heap.log.last, packet.zxid));
      }
      l.phase = { kind: 'catchingUp' };
      return;
    case Packet.TRUNC:
      return onTrunc(t, l, packet.zxid);
    case Packet.SNAP: {
      if (packet.zxid < 0) return illegal(t, l, packet);
      const loader = new TreeLoader();
      const itemBytesMax = 2 * t.config.juteMaxBuffer + PACKET_BYTES_EXTRA;
      heap.incoming = { loader, reader: new SnapshotReader(loader, { endMark: SNAP_END_MARK, itemBytesMax }) };
      l.phase = { kind: 'receiving', zxid: packet.zxid };
      onSnapshotBytes(t, l, takeAll(l.rx));
      return;
    }
    default:
      illegal(t, l, packet);
  }
}

/** TRUNC: the leader's history parts from ours after `to`. What was committed can never be cut. */
function onTrunc(t: Turn, l: Learning, to: Zxid): void {
  const { state, heap } = t;
  if (state.resync) return illegal(t, l, packetOf(Packet.TRUNC, to));
  if (to < state.committed) {
    note(t.io, 'zab.trunc.committed', { to, committed: state.committed });
    // Never done. A Java leader may ask for it when it has not applied yet what it has just committed.
    return loseLeader(t, `the leader asks to cut committed history at ${showZxid(to)}`);
  }
  const known = to === heap.log.base || heap.log.find(to) >= 0;
  if (!known || to < heap.tree.lastZxid) {
    // The cut lies inside a snapshot, or at a place this history does not have: only a whole state helps.
    note(t.io, 'zab.trunc.impossible', { to });
    return askForState(t, l);
  }
  l.phase = { kind: 'truncating', to };
  storeTruncate(state.store, heap, t.io, { to });
}

/**
 * The leader has this server's promise and knows its history, so leaving it would help nobody: registers again with the
 * same leader, now as one that has accepted its epoch before (data -1: counted no second time, compared with nobody), from
 * a position after everything the leader has, at the beginning of an epoch: for that every leader sends SNAP.
 */
function askForState(t: Turn, l: Learning): void {
  if (l.conn !== null) t.io.emit({ type: 'close', conn: l.conn });
  l.wantsState = true;
  connect(t, l);
}

export function learnerTruncated(t: Turn, l: Learning): void {
  if (l.phase.kind !== 'truncating') return;
  assert(t.heap.log.last === l.phase.to, 'truncation ended elsewhere');
  l.commitTo = l.phase.to;
  l.phase = { kind: 'catchingUp' };
  seeHistory(t);
  pump(t, l);
}

function onSnapshotBytes(t: Turn, l: Learning, bytes: Uint8Array): void {
  const { heap, state } = t;
  assert(l.phase.kind === 'receiving' && heap.incoming !== null, 'no snapshot is being received');
  const progress = heap.incoming.reader.push(bytes);
  if (progress.kind === 'more') return;
  if (progress.kind === 'bad') {
    heap.incoming = null;
    return loseLeader(t, `undecodable snapshot: ${progress.error}`);
  }
  // Quota numbers are replicated state and taken as they are: counted anew they could differ from the leader's.
  const tree = heap.incoming.loader.finish({ zxid: l.phase.zxid, recountQuotas: false });
  heap.incoming = null;
  if (tree === null) return loseLeader(t, 'inconsistent snapshot');
  pushBytes(l.rx, progress.rest);
  l.phase = { kind: 'installing' };
  adoptTree(t, tree);
  storeInstall(state.store, heap, t.config, t.io);
}

/** A whole state replaces ours. Nothing of it is durable yet. */
function adoptTree(t: Turn, tree: DataTree): void {
  t.heap.tree = tree;
  t.state.digests = newDigests();
  t.state.received = true;
  t.state.committed = ZXID_ZERO;
}

export function learnerInstalled(t: Turn, l: Learning, zxid: Zxid): void {
  if (l.phase.kind === 'installing') {
    assert(t.heap.log.last === zxid, 'history does not end at the installed snapshot');
    l.commitTo = zxid;
    l.phase = { kind: 'catchingUp' };
    seeHistory(t);
    pump(t, l);
  } else if (l.phase.kind === 'persisting' && !l.phase.installed) {
    l.commitTo = zxid;
    l.phase = { kind: 'persisting', token: null, upTo: l.phase.upTo, installed: true };
    persist(t, l);
  }
}

/**
 * NEWLEADER: everything the new epoch starts from has been sent. It must be in the log, durable, before currentEpoch names
 * the epoch, and both before the ACK.
 */
function onNewLeader(t: Turn, l: Learning, packet: QuorumPacket): void {
  const { state, heap } = t;
  if (epochOf(packet.zxid) !== l.epoch) return illegal(t, l, packet);
  const text = decodeConfigText(packet.data);
  if (!text.ok) return illegal(t, l, packet);
  if (text.value !== '') {
    const parsed = parseMembership(text.value);
    if (!parsed.ok) return illegal(t, l, packet);
    adoptConfig(t, parsed.membership);
  }
  if (state.resync) {
    // The gathered history becomes the durable base.
    storeInstall(state.store, heap, t.config, t.io);
  }
  l.phase = { kind: 'persisting', token: null, upTo: heap.log.last, installed: !state.resync };
  persist(t, l);
}

/**
 * The leader's configuration is the one to go by if its version is another. Of the same version, ours stays: a server's own
 * file may know addresses that mean something only where it stands (QuorumPeer.setLastSeenQuorumVerifier).
 */
function adoptConfig(t: Turn, membership: Membership): void {
  const { ensemble } = t.state;
  assert(ensemble !== null, 'no ensemble');
  if (!t.config.reconfigEnabled) return;
  const { committed, lastSeen } = ensemble;
  if (membership.version > lastSeen.version) sawMembership(t, membership);
  else if (membership.version === committed.version) ensemble.lastSeen = committed;
  else if (membership.version > committed.version && membership.version < lastSeen.version)
    ensemble.lastSeen = membership;
}

function persist(t: Turn, l: Learning): void {
  const { state } = t;
  if (l.phase.kind !== 'persisting' || l.phase.token !== null || !l.phase.installed) return;
  if (state.durable < l.phase.upTo) return;
  const token = saveEpochs(t, { accepted: state.epochs.accepted, current: l.epoch });
  l.phase = { kind: 'persisting', token, upTo: l.phase.upTo, installed: true };
}

function acknowledgeNewLeader(t: Turn, l: Learning): void {
  assert(t.state.epochs.current === l.epoch, 'currentEpoch is durable before NEWLEADER is acknowledged');
  note(t.io, 'zab.newleader.acked', { epoch: l.epoch, zxid: t.heap.log.last });
  send(t, l, Packet.ACK, zxidOf(l.epoch, 0));
  l.ackedTo = l.commitTo;
  l.phase = { kind: 'acked' };
  acknowledgeDurable(t, l);
}

/**
 * UPTODATE: a quorum follows. The initial history is committed; it is applied before anything is served
 * (ZOOKEEPER-3023).
 */
function onUpToDate(t: Turn, l: Learning): void {
  const { state } = t;
  const { ensemble } = state;
  assert(ensemble !== null, 'no ensemble');
  commitThrough(t, l.commitTo);
  state.received = false;
  digestsComplete(t);
  if (!learns(t)) return;
  const inForce = membershipOf(configData(t));
  if (inForce !== null) activateMembership(t, inForce);
  // One that is still only proposed is not activated. A Java leader gives the first configuration the number of its epoch.
  const bound = Math.max(l.commitTo, zxidOf(l.epoch, 0));
  if (ensemble.lastSeen.version <= bound) activateMembership(t, ensemble.lastSeen);
  publishConfig(t);
  send(t, l, Packet.ACK, zxidOf(l.epoch, 0));
  l.phase = { kind: 'serving' };
  fleVoteEpoch(ensemble.fle, l.epoch);
  note(t.io, 'zab.uptodate', { epoch: l.epoch, zxid: l.commitTo });
  if (l.observer && isVoter(ensemble.committed, t.config.myid)) {
    // The history has been repaired from the leader: come back as a follower, whose votes and acks count.
    return loseLeader(t, 'history repaired');
  }
  serverStart(state.server, t.heap, t.config, t.io, l.observer ? 'observer' : 'follower');
}

// --- live traffic, before and after UPTODATE ------------------------------------------------------------------------------

function onTraffic(t: Turn, l: Learning, packet: QuorumPacket): void {
  switch (packet.type) {
    case Packet.PROPOSAL:
      return onProposal(t, packet.zxid, packet.data);
    case Packet.COMMIT:
      return onCommit(t, l, packet.zxid);
    case Packet.INFORM:
      onProposal(t, packet.zxid, packet.data);
      if (learns(t)) onCommit(t, l, packet.zxid);
      return;
    case Packet.COMMITANDACTIVATE:
      return onCommitAndActivate(t, l, packet);
    case Packet.INFORMANDACTIVATE:
      return onInformAndActivate(t, l, packet);
    case Packet.PING:
      return onPing(t, l, packet);
    case Packet.REVALIDATE:
      return onRevalidate(t, l, packet);
    case Packet.SYNC:
      return onSync(t, l, packet);
    default:
      illegal(t, l, packet);
  }
}

function onProposal(t: Turn, zxid: Zxid, data: Uint8Array | null): void {
  const { heap, state } = t;
  const last = state.resync ? heap.tree.lastZxid : heap.log.last;
  // A fuzzy snapshot may already contain what follows it (zookeeper: "apply must be idempotent").
  if (zxid <= last) return;
  const decoded = data === null ? null : decodeTxn(data);
  if (decoded === null || !decoded.ok || decoded.value.header.zxid !== zxid) {
    note(t.io, 'zab.illegal.proposal', { zxid });
    return loseLeader(t, 'undecodable proposal');
  }
  assert(data !== null, 'decoded from nothing');
  if (state.resync) {
    // Gathered in memory only; it is committed history, since the stream sends nothing else before NEWLEADER to a learner
    // that counts for nothing.
    heap.tree.apply(decoded.value.header, decoded.value.txn);
    return;
  }
  if (!follows(last, zxid)) {
    note(t.io, 'zab.illegal.proposal', { zxid, last });
    return loseLeader(t, `proposal ${showZxid(zxid)} does not follow ${showZxid(last)}`);
  }
  // The packet's data is a view of the receive buffer.
  appendEntry(t, { zxid, bytes: copyBytes(data) });
}

function onCommit(t: Turn, l: Learning, zxid: Zxid): void {
  const { heap, state } = t;
  if (state.resync || zxid <= l.commitTo) return;
  if (heap.log.find(zxid) < 0) {
    note(t.io, 'zab.illegal.commit', { zxid });
    return loseLeader(t, `commit of ${showZxid(zxid)}, which was never proposed`);
  }
  l.commitTo = zxid;
  if (l.phase.kind === 'serving') commitThrough(t, zxid);
}

/** A reconfiguration is committed and in force; the designated leader goes on (Follower.processPacket). */
function onCommitAndActivate(t: Turn, l: Learning, packet: QuorumPacket): void {
  const designated = decodeDesignatedLeader(packet.data);
  if (!designated.ok) return illegal(t, l, packet);
  onCommit(t, l, packet.zxid);
  if (learns(t)) activate(t, l, packet.zxid, designated.value);
}

function onInformAndActivate(t: Turn, l: Learning, packet: QuorumPacket): void {
  const inform = decodeInformAndActivate(packet.data);
  if (!inform.ok) return illegal(t, l, packet);
  onProposal(t, packet.zxid, inform.value.entry);
  if (!learns(t)) return;
  onCommit(t, l, packet.zxid);
  if (learns(t)) activate(t, l, packet.zxid, inform.value.leader);
}

/**
 * Whom the configuration in force calls an observer observes, unless a newer one that it has seen makes it a voter. Who is in
 * no configuration follows (QuorumPeer.updateLearnerType, "non-voting participant"): it counts for nothing in that
 * configuration, but a proposed one that names it is decided with its acknowledgements, and would else be without a quorum.
 */
function observes({ committed, lastSeen }: Ensemble, self: PeerId): boolean {
  return roleOf(committed, self) === 'observer' && !isVoter(lastSeen, self);
}

function activate(t: Turn, l: Learning, zxid: Zxid, designated: PeerId): void {
  const { ensemble } = t.state;
  // Before UPTODATE the configuration is derived from the history that UPTODATE commits.
  if (ensemble === null || l.phase.kind !== 'serving') return;
  const index = t.heap.log.find(zxid);
  const membership = index >= 0 ? reconfigOf(t.heap.log.get(index)) : membershipOf(configData(t));
  if (membership === null) return;
  activateMembership(t, membership);
  const roleChanged = observes(ensemble, t.config.myid) !== l.observer;
  if (roleChanged || designated !== l.leader) loseLeader(t, 'reconfiguration changes the roles');
}

const configData = (t: Turn): Uint8Array | null => t.heap.tree.get(CONFIG_PATH)?.data ?? null;

/** PING: answered with the sessions whose clients were heard from (LearnerZooKeeperServer.getTouchSnapshot). */
function onPing(t: Turn, l: Learning, packet: QuorumPacket): void {
  const touches = l.phase.kind === 'serving' ? serverTakeTouches(t.state.server) : [];
  send(t, l, Packet.PING, packet.zxid, encodePingTouches(touches));
}

function onRevalidate(t: Turn, l: Learning, packet: QuorumPacket): void {
  const answer = decodeRevalidateAnswer(packet.data);
  if (!answer.ok) return illegal(t, l, packet);
  const known = { ...answer.value, proposed: packet.zxid };
  for (const event of serverRevalidated(t.state.server, t.heap, t.config, t.io, known)) t.work.push(event);
}

function onSync(t: Turn, l: Learning, packet: QuorumPacket): void {
  const sync = l.syncs.shift();
  if (sync === undefined) return illegal(t, l, packet);
  for (const event of serverSyncDone(t.state.server, t.heap, t.config, t.io, sync)) t.work.push(event);
}

/** The log has reached `state.durable`: acknowledge every proposal up to there, one ACK each, in order. */
export function learnerDurable(t: Turn, l: Learning): void {
  if (l.phase.kind === 'persisting') persist(t, l);
  else if (l.phase.kind === 'acked' || l.phase.kind === 'serving') acknowledgeDurable(t, l);
}

function acknowledgeDurable(t: Turn, l: Learning): void {
  if (l.observer) return;
  const { log } = t.heap;
  for (let i = log.firstAfter(l.ackedTo); i < log.length; i++) {
    const { zxid } = log.get(i);
    if (zxid > t.state.durable) return;
    send(t, l, Packet.ACK, zxid);
    note(t.io, 'zab.ack.sent', { zxid });
    l.ackedTo = zxid;
  }
}

// --- what this server's clients want of the leader -----------------------------------------------------------------------

export function forwardRequest(t: Turn, l: Learning, request: Submission): void {
  assert(l.conn !== null && l.phase.kind === 'serving', 'requests are forwarded while serving');
  const { session, cxid, op, body } = request;
  // The leader trusts these identities: the server that a client talks to vouches for them.
  const data = encodeRequestPayload({ sessionId: session, cxid, type: op, body });
  const packet = { type: Packet.REQUEST, zxid: asZxid(-1), data, authinfo: request.authInfo };
  t.io.emit({ type: 'send', conn: l.conn, bytes: encodePacket(packet) });
}

export function forwardSync(t: Turn, l: Learning, sync: { session: SessionId; cxid: number; path: string }): void {
  const body = encodeRequest({ kind: 'sync', op: Op.sync, path: sync.path });
  forwardRequest(t, l, { session: sync.session, cxid: sync.cxid, op: Op.sync, body, authInfo: [] });
  l.syncs.push({ session: sync.session, cxid: sync.cxid });
}

export function forwardRevalidate(t: Turn, l: Learning, question: { session: SessionId; timeoutMs: number }): void {
  send(t, l, Packet.REVALIDATE, asZxid(-1), encodeRevalidate(question));
}

// --- time ------------------------------------------------------------------------------------------------------------

export function learnerTick(t: Turn, l: Learning): void {
  const { monoMs } = t.io.now;
  if (l.phase.kind === 'connecting' && l.phase.retryAtMs !== null && monoMs >= l.phase.retryAtMs) return connect(t, l);
  if (monoMs >= silenceDeadline(t, l)) loseLeader(t, `nothing heard from the leader (${l.phase.kind})`);
}

/** initLimit ticks until NEWLEADER is acknowledged, syncLimit ticks afterwards (Learner.syncWithLeader). */
function silenceDeadline(t: Pick<Turn, 'config'>, l: Learning): number {
  const { tickTimeMs, initLimitTicks, syncLimitTicks, connectToLearnerMasterLimitTicks } = t.config;
  switch (l.phase.kind) {
    case 'connecting': {
      const ticks = connectToLearnerMasterLimitTicks > 0 ? connectToLearnerMasterLimitTicks : initLimitTicks;
      return l.startedMs + ticks * tickTimeMs;
    }
    case 'acked':
    case 'serving':
      return l.heardMs + syncLimitTicks * tickTimeMs;
    default:
      return l.heardMs + initLimitTicks * tickTimeMs;
  }
}

export function learnerDeadline(t: Pick<Turn, 'config'>, l: Learning): number {
  const silence = silenceDeadline(t, l);
  return l.phase.kind === 'connecting' && l.phase.retryAtMs !== null ? Math.min(silence, l.phase.retryAtMs) : silence;
}
