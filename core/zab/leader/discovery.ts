/**
 * Discovery (Zab paper, figure 3): FOLLOWERINFO from a quorum fixes the new epoch; own acceptedEpoch is made durable, LEADERINFO
 * goes out; ACKEPOCH from a quorum proves that no one of it has a more recent history.
 */

import { hasQuorum, votersOf, weightOf } from '../../config/membership.ts';
import { note } from '../../io.ts';
import type { Handler, Leading, Turn } from '../../state.ts';
import { asPeer, assert, EPOCH_MAX, epochOf, type PeerId, ZXID_ZERO, zxidOf } from '../../types.ts';
import { Packet } from '../../wire/opcodes.ts';
import {
  decodeAckEpoch,
  decodeLearnerInfo,
  encodeLeaderInfo,
  LEARNER_PROTOCOL_VERSION,
} from '../../wire/quorum-codec.ts';
import type { QuorumPacket } from '../../wire/records.ts';
import { saveEpochs } from '../epochs.ts';
import { halt } from '../replica.ts';
import { dropHandler, forgetAcks, forgetAcksAfter, send } from './handlers.ts';
import { counts, giveUp, quorumOf } from './quorums.ts';
import { beginSynchronization, startSync } from './synchronisation.ts';

/** FOLLOWERINFO or OBSERVERINFO: zxid holds the learner's acceptedEpoch, data who it is (LearnerHandler.run). */
export function onInfo(t: Turn, l: Leading, handler: Handler, packet: QuorumPacket): void {
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
  if (l.epoch !== 0 && accepted > l.epoch && counts(t, handler)) {
    // It was about to lead, promised itself to a later epoch, and nobody heard of that. It can never follow this one.
    return giveUp(t, `server ${sid} has promised itself to epoch ${accepted}`);
  }
  if (l.epoch === 0) {
    if (counts(t, handler) && l.phase.kind === 'discovery') l.accepted.set(sid, accepted);
    // Observers are in no quorum, but one that has promised itself to an epoch could never follow an older one.
    else if (accepted < EPOCH_MAX) l.acceptedByObservers = Math.max(l.acceptedByObservers, accepted);
    proposeEpochIfQuorum(t, l);
  } else if (l.phase.kind !== 'proposingEpoch') {
    sendLeaderInfo(t, l, handler);
  }
}

/** Leader.getEpochToPropose: one more than every epoch that a quorum, this server included, has ever accepted. */
export function proposeEpochIfQuorum(t: Turn, l: Leading): void {
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
export function onAckEpoch(t: Turn, l: Leading, handler: Handler, packet: QuorumPacket): void {
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
