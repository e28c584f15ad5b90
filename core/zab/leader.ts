/**
 * The leader (Zab paper, figures 3 to 5; Leader and LearnerHandler in the Java source): its term, its learners' connections and
 * packets, its clock. What it does in each phase is told in `leader/`:
 *
 * discovery            a quorum fixes the new epoch, and proves that no one of it has a more recent history.
 * synchronization      every learner is brought level. Nothing is served.
 * broadcast            a quorum has acknowledged the initial history: it is committed, writes flow.
 */

import { fleSettled } from '../election/fle.ts';
import { note } from '../io.ts';
import { authorityDeadline, authorityRevalidate, authorityTick, authorityTouch } from '../request/authority.ts';
import { serverRevalidated } from '../request/server.ts';
import type { Handler, Leading, Turn } from '../state.ts';
import { assert, type ConnId, type PeerId, type SessionId, ZXID_ZERO, type Zxid, zxidOf } from '../types.ts';
import { frameBuffer, pushBytes } from '../wire/framing.ts';
import { Op, Packet } from '../wire/opcodes.ts';
import {
  decodePingTouches,
  decodeRequestPayload,
  decodeRevalidate,
  encodeRevalidateAnswer,
  nextPacket,
} from '../wire/quorum-codec.ts';
import type { QuorumPacket } from '../wire/records.ts';
import { acknowledge, leaderSubmit } from './leader/broadcast.ts';
import { onAckEpoch, onInfo, proposeEpochIfQuorum } from './leader/discovery.ts';
import { dropHandler, isForwarding, listenForLearners, send, sendPing } from './leader/handlers.ts';
import { counts, giveUp, leads, quorumOf } from './leader/quorums.ts';
import { continueSnapshot, onAckNewLeader } from './leader/synchronisation.ts';
import { answerSyncs, confirmSyncsAnew, requestSync } from './leader/syncs.ts';

/** Learner connections at once, authenticated or not; far above any real ensemble with its observers. */
export const LEARNERS_MAX = 256;
/** FOLLOWERINFO and OBSERVERINFO are 40 bytes; nobody is trusted with more before them. */
const INFO_BYTES_MAX = 1024;
/** Bytes of one packet from a learner: a request of jute.maxbuffer plus its envelope and identities. */
const PACKET_BYTES_EXTRA = 0x10_0000;
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
    lastProposedMs: t.io.now.monoMs,
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
    blockedAtMs: null,
    peerLast: ZXID_ZERO,
    ackedTo: ZXID_ZERO,
    unackedSinceMs: null,
    unacked: ZXID_ZERO,
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
    if (zxid >= handler.unacked) {
      handler.unackedSinceMs = zxid >= l.lastProposed ? null : l.lastProposedMs;
      handler.unacked = l.lastProposed;
    }
  }
  if (counts(t, handler)) acknowledge(t, l, handler.sid, zxid);
}

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

/** A re-attaching client of this very server. */
export function leaderRevalidateOwn(t: Turn, l: Leading, session: SessionId, timeoutMs: number): void {
  assert(l.authority !== null, 'revalidation outside broadcast');
  const valid = authorityRevalidate(l.authority, t.io, { session, timeoutMs, owner: t.config.myid });
  const answer = { session, valid, proposed: l.lastProposed };
  for (const event of serverRevalidated(t.state.server, t.heap, t.config, t.io, answer)) t.work.push(event);
}

// --- time ------------------------------------------------------------------------------------------------------------

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
    } else if (handler.blockedAtMs !== null && monoMs - handler.blockedAtMs > initLimitMs) {
      // What it does not take is kept for it, without a bound. An observer may lag for longer than a follower.
      dropHandler(t, l, handler, 'takes nothing of what it is sent');
    } else if (
      (handler.phase.kind === 'snapshot' || handler.phase.kind === 'range') &&
      (t.heap.log.length > PINNED_ENTRIES_MAX || t.heap.log.bytes > PINNED_BYTES_MAX)
    ) {
      dropHandler(t, l, handler, 'too far behind while being synchronised');
    }
  }
}

export function leaderBlocked(t: Turn, handler: Handler): void {
  handler.blockedAtMs ??= t.io.now.monoMs;
}

export function leaderDrained(t: Turn, l: Leading, handler: Handler): void {
  handler.blockedAtMs = null;
  continueSnapshot(t, l, handler);
}

const AT_ONCE_MS = 0;

/** Monotonic time of the next thing to do. A snapshot that may go on wants the next tick at once. */
export function leaderDeadline(l: Leading): number {
  for (const handler of l.handlers.values()) {
    if (handler.phase.kind === 'snapshot' && handler.blockedAtMs === null) return AT_ONCE_MS;
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
