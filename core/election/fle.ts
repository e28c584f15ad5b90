/**
 * Leader election (FastLeaderElection).
 *
 * A server that looks for a leader votes, first for itself, and tells every voter. Whoever hears a better vote adopts it
 * and tells every voter in turn, so all converge on the server with the most recent history (`vote.ts`). When a quorum
 * agrees with its vote, a server waits a little for a better one, and then follows the elected server, or leads.
 *
 * **Rounds.** Votes count only together with votes of the same round (`logicalClock`, on the wire `electionEpoch`). Each
 * search starts a new round; whoever hears of a later round joins it and starts over with the better of the vote heard
 * and its own (ZOOKEEPER-275: never with its own only). A sender in an earlier round is told ours.
 *
 * **An ensemble that already has a leader** answers a looking server with the vote it settled on, and `following` or
 * `leading` beside it. The newcomer joins when a quorum names the same leader *and* the leader itself says that it leads
 * (`checkLeader`): what followers say about a dead leader elects nobody (ZOOKEEPER-569). If the leader named is the
 * newcomer itself, the round must be its present one (ZOOKEEPER-1514). The members of such an ensemble may have settled
 * in different rounds and on different zxids, so their votes agree when leader and epoch agree (ZOOKEEPER-1732, 1805).
 *
 * **Two configurations.** While a reconfiguration is under way, votes of and for the voters of either configuration are
 * heard, and both need a quorum (SyncedLearnerTracker). Observers run the same machine to find the leader; their own
 * votes name nobody and are never counted. A server without a usable history (zxid -1) neither votes nor hears votes; it
 * can only join a leader that others elected (ZOOKEEPER-261).
 *
 * ```
 *   idle ──fleLook──► looking ──quorum + finalizeWait──► leading | following | observing
 *     ▲                  ▲ └────────quorum that has settled + its leader─────►┘   │
 *     └──fleSettled(idle)┴───────────────────fleLook──────────────────────────────┘
 * ```
 */

import {
  formatMembership,
  hasAllQuorums,
  hasQuorum,
  isVoter,
  parseMembership,
  roleOf,
  sameServers,
  serverOf,
  votersOfBoth,
  weightOf,
} from '../config/membership.ts';
import type { Membership, PeerConfig } from '../config/types.ts';
import { type Io, note } from '../io.ts';
import { asPeer, assert, asZxid, EPOCH_MAX, LONG_MIN, type PeerId, showZxid, type Zxid } from '../types.ts';
import { decodeNotification, encodeNotification, type Notification } from '../wire/election-codec.ts';
import { cnxDrop, cnxHaveDelivered, cnxInsist, cnxIsSilent, cnxReconnectAll, cnxRest, cnxSend } from './cnx-manager.ts';
import type { ElectionCtx } from './context.ts';
import { type Candidate, compareCandidates, type PeerStatus, type Vote } from './vote.ts';

/** `idle`: between two roles, for example while the disk is drained before an election. Nobody is answered then. */
export type FleStatus = PeerStatus | 'idle';

/** Rounds beyond this come from nobody honest, and would use up the exact integers. */
export const ROUND_MAX = 2 ** 52;
/** Senders outside the configurations whose last answer is remembered. */
export const ANSWERED_MAX = 256;
/** The zxid of a server that has no usable history. */
const NO_HISTORY = -1;

export interface FleState {
  /** The round this server is in, or was last in. */
  logicalClock: number;
  status: FleStatus;
  /** While looking the vote we make known; otherwise the vote we settled on, which answers looking servers. */
  vote: Vote;
  round: Round | null;
  /** The last notification of each voter that arrived between two roles. */
  early: Map<PeerId, Notification>;
  answered: Map<PeerId, { readonly vote: Vote; readonly atMs: number }>;
}

/** One search for a leader. */
export interface Round {
  /** What this server itself would vote for: itself with its history, or nobody. */
  own: Candidate;
  /** The last vote of each voter in this round, whether it looks or has settled. */
  received: Map<PeerId, Vote>;
  /** The last vote of each voter that has settled, in whatever round. */
  settled: Map<PeerId, SettledVote>;
  /** Set while a quorum agrees with our vote: when to believe it. */
  finalizeAtMs: number | null;
  /** When to send our vote again, and the pause after that. */
  resendAtMs: number;
  resendPauseMs: number;
}

export interface SettledVote extends Vote {
  /** Notification version; 0 for senders that never update their peerEpoch (before ZOOKEEPER-1732). */
  readonly version: number;
}

export type FleEvent =
  /** The search is over. `vote.state` says which role this server takes. */
  | { readonly type: 'elected'; readonly vote: Vote }
  /**
   * A member has committed a newer configuration. The caller adopts it; when its servers differ from the committed ones,
   * the search must be started again with it (`fleLook`), because the message that carried it was not counted.
   */
  | { readonly type: 'configSeen'; readonly membership: Membership };

export function fleBoot(config: PeerConfig): FleState {
  const vote = { leader: config.myid, zxid: asZxid(0), electionEpoch: 0, peerEpoch: 0, state: 'looking' as const };
  return { logicalClock: 0, status: 'idle', vote, round: null, early: new Map(), answered: new Map() };
}

// --- the calls -----------------------------------------------------------------------------------------------------

/**
 * Starts a round with what this server has: its last logged zxid and its currentEpoch. A zxid of -1 says that it has no
 * usable history and must not vote.
 */
export function fleLook(
  fle: FleState,
  ctx: ElectionCtx,
  io: Io,
  own: { readonly zxid: Zxid; readonly peerEpoch: number },
): FleEvent[] {
  const early = [...fle.early];
  fle.status = 'looking';
  fle.logicalClock++;
  fle.round = {
    own: ownCandidate(ctx, own),
    received: new Map(),
    settled: new Map(),
    finalizeAtMs: null,
    resendAtMs: 0,
    resendPauseMs: ctx.config.electionMinNotificationMs,
  };
  fle.early = new Map();
  fle.answered = new Map();
  note(io, 'election.round.start', { round: fle.logicalClock, zxid: own.zxid, peerEpoch: own.peerEpoch });
  cnxInsist(ctx.cnx);
  propose(fle, ctx, fle.round.own);
  broadcast(fle, ctx, io);
  countVotes(fle, ctx, io);
  const events: FleEvent[] = [];
  for (const [from, n] of early) {
    // A newer configuration restarts the search: what else was heard early is answered then.
    if (isLooking(fle) && events.length === 0) events.push(...onNotification(fle, ctx, io, from, n));
  }
  return events;
}

/** The role has begun, or (`idle`) has ended: answers carry this status and the present vote from now on. */
export function fleSettled(fle: FleState, status: Exclude<FleStatus, 'looking'>): void {
  fle.status = status;
  fle.round = null;
  fle.early = new Map();
  if (status !== 'idle') fle.vote = { ...fle.vote, state: status };
}

/** After synchronisation the vote carries the new epoch (QuorumPeer.updateElectionVote, ZOOKEEPER-1732). */
export function fleVoteEpoch(fle: FleState, peerEpoch: number): void {
  assert(fle.status !== 'looking', 'an epoch was joined during an election');
  fle.vote = { ...fle.vote, peerEpoch };
}

/** A message of the election port. Nothing of `bytes` is kept. */
export function fleMessage(fle: FleState, ctx: ElectionCtx, io: Io, from: PeerId, bytes: Uint8Array): FleEvent[] {
  const decoded = decodeNotification(bytes);
  const fault = decoded.ok ? implausible(decoded.value) : decoded.error;
  if (!decoded.ok || fault !== null) {
    note(io, 'election.notification.malformed', { from, reason: fault ?? '' });
    cnxDrop(ctx.cnx, io, from, 'malformed notification');
    return [];
  }
  return onNotification(fle, ctx, io, from, decoded.value);
}

export function fleTick(fle: FleState, ctx: ElectionCtx, io: Io): FleEvent[] {
  const round = fle.round;
  if (round === null) return [];
  if (round.finalizeAtMs !== null && round.finalizeAtMs <= io.now.monoMs) {
    return [elected(fle, ctx, io, { ...fle.vote, electionEpoch: fle.logicalClock })];
  }
  if (round.resendAtMs <= io.now.monoMs) resend(fle, ctx, io, round);
  return [];
}

export function fleDeadline(fle: FleState): number | null {
  if (fle.round === null) return null;
  return Math.min(fle.round.resendAtMs, fle.round.finalizeAtMs ?? fle.round.resendAtMs);
}

// --- hearing -------------------------------------------------------------------------------------------------------

function onNotification(fle: FleState, ctx: ElectionCtx, io: Io, from: PeerId, n: Notification): FleEvent[] {
  const seen = newerConfig(fle, ctx, io, from, n);
  const events: FleEvent[] = seen === null ? [] : [{ type: 'configSeen', membership: seen }];
  // Votes under other servers mean nothing yet: the election starts again with the new configuration.
  if (seen !== null && !sameServers(seen, ctx.committed)) return events;

  if (!votersOfBoth(views(ctx)).has(from)) {
    heard(io, from, n, 'stranger');
    answerStranger(fle, ctx, io, from, n);
  } else if (fle.status === 'idle') {
    heard(io, from, n, 'early');
    fle.early.set(from, n);
  } else if (fle.status === 'looking') {
    onVote(fle, ctx, io, from, n, events);
  } else if (n.state === 'looking') {
    heard(io, from, n, 'answered');
    sendVote(fle, ctx, io, from);
  }
  return events;
}

/** What became of a notification; all that a picture of the election needs beside the votes that are sent. */
type Outcome =
  /** Better than our vote, which it replaces; in the same round, or in a later one that we join. */
  | 'better'
  | 'laterRound'
  /** Counted, and our vote stays. */
  | 'counted'
  | 'earlierRound'
  /** Its sender follows or leads already. */
  | 'settled'
  /** One of the two has no usable history. */
  | 'unusable'
  /** We do not look: kept until we do, or answered with what we settled on. */
  | 'early'
  | 'answered'
  /** Its sender is no voter. */
  | 'stranger';

function heard(io: Io, from: PeerId, n: Notification, outcome: Outcome): void {
  const { leader, zxid, peerEpoch, electionEpoch: round, state } = n;
  note(io, 'election.vote.heard', { from, leader, zxid, peerEpoch, round, state, outcome });
}

/** Numbers that no honest sender names. */
function implausible(n: Notification): string | null {
  if (n.electionEpoch < 0 || n.electionEpoch > ROUND_MAX) return 'round out of range';
  if (n.zxid < NO_HISTORY && n.zxid !== LONG_MIN) return 'zxid out of range';
  if ((n.peerEpoch < -1 || n.peerEpoch > EPOCH_MAX) && n.peerEpoch !== LONG_MIN) return 'epoch out of range';
  return null;
}

/** The configuration inside the notification, when it is newer than the committed one and may be believed. */
function newerConfig(
  fle: FleState,
  ctx: ElectionCtx,
  io: Io,
  from: PeerId,
  { config }: Notification,
): Membership | null {
  if (fle.status !== 'looking' || !ctx.config.reconfigEnabled || config === null) return null;
  // Java takes it from anyone who can reach the port; we from members of a configuration that we know.
  if (serverOf(ctx.committed, from) === null && serverOf(ctx.membership, from) === null) return null;
  // The usual case, at a tenth of the cost of reading it.
  if (config === formatMembership(ctx.committed)) return null;
  const parsed = parseMembership(config, { multiAddress: ctx.config.multiAddressEnabled });
  if (!parsed.ok) {
    note(io, 'election.config.malformed', { from, reason: parsed.fault.reason });
    return null;
  }
  return parsed.membership.version > ctx.committed.version ? parsed.membership : null;
}

/**
 * A sender that is no voter (an observer, a server that was removed or is about to join) is told what we think, and not
 * listened to. Only one that looks needs to know, and the same answer is not repeated at once: two servers that both
 * take the other for a stranger must not answer each other's answers for ever.
 */
function answerStranger(fle: FleState, ctx: ElectionCtx, io: Io, to: PeerId, n: Notification): void {
  if (n.state !== 'looking' || fle.status === 'idle') return;
  const vote = answer(fle);
  const last = fle.answered.get(to);
  const pauseMs = ctx.config.electionMinNotificationMs / 2;
  if (last !== undefined && sameVote(last.vote, vote) && io.now.monoMs - last.atMs < pauseMs) return;
  fle.answered.delete(to);
  if (fle.answered.size >= ANSWERED_MAX) fle.answered.delete(fle.answered.keys().next().value!);
  fle.answered.set(to, { vote, atMs: io.now.monoMs });
  sendVote(fle, ctx, io, to);
}

/** A vote arrives while we look. */
function onVote(fle: FleState, ctx: ElectionCtx, io: Io, from: PeerId, n: Notification, events: FleEvent[]): void {
  if (!votersOfBoth(views(ctx)).has(n.leader)) {
    note(io, 'election.vote.ignored', { from, leader: n.leader, reason: 'not a voter' });
    if (n.leader === LONG_MIN && n.state === 'looking') joinRoundOf(fle, ctx, io, from, n);
    return;
  }
  switch (n.state) {
    case 'looking':
      onLookingVote(fle, ctx, io, from, n);
      return;
    case 'following':
    case 'leading':
      onSettledVote(fle, ctx, io, from, n, events);
      return;
    case 'observing':
      return;
    default:
      n.state satisfies never;
  }
}

/**
 * The sender is a voter by what we know and votes for nobody, since by what it knows it is none: it has heard of a
 * configuration in force that leaves it out, and not of a newer one that may need its vote. It takes no vote of an
 * earlier round, so its round is joined, whatever it votes; in the same round it will follow ours. Java passes it over.
 */
function joinRoundOf(fle: FleState, ctx: ElectionCtx, io: Io, from: PeerId, n: Notification): void {
  const round = fle.round!;
  if (n.electionEpoch <= fle.logicalClock || round.own.zxid === NO_HISTORY || !isElector(ctx)) return;
  note(io, 'election.round.join', { from, round: n.electionEpoch });
  fle.logicalClock = n.electionEpoch;
  round.received = new Map();
  propose(fle, ctx, round.own);
  broadcast(fle, ctx, io);
  countVotes(fle, ctx, io);
}

function onLookingVote(fle: FleState, ctx: ElectionCtx, io: Io, from: PeerId, n: Notification): void {
  const round = fle.round!;
  // What it had settled on is over.
  round.settled.delete(from);
  if (round.own.zxid === NO_HISTORY || n.zxid === NO_HISTORY) return heard(io, from, n, 'unusable');

  if (n.electionEpoch < fle.logicalClock) {
    heard(io, from, n, 'earlierRound');
    round.received.delete(from);
    // Only a voter's round concerns others.
    if (isElector(ctx)) sendVote(fle, ctx, io, from);
    countVotes(fle, ctx, io);
    return;
  }
  if (n.electionEpoch > fle.logicalClock) {
    heard(io, from, n, 'laterRound');
    note(io, 'election.round.join', { from, round: n.electionEpoch });
    fle.logicalClock = n.electionEpoch;
    round.received = new Map();
    propose(fle, ctx, isBetter(ctx, n, round.own) ? n : round.own);
    broadcast(fle, ctx, io);
  } else if (isBetter(ctx, n, fle.vote)) {
    heard(io, from, n, 'better');
    propose(fle, ctx, n);
    broadcast(fle, ctx, io);
  } else {
    heard(io, from, n, 'counted');
  }
  round.received.set(from, voteOf(n));
  countVotes(fle, ctx, io);
}

/** A server that follows or leads says whom. */
function onSettledVote(
  fle: FleState,
  ctx: ElectionCtx,
  io: Io,
  from: PeerId,
  n: Notification,
  events: FleEvent[],
): void {
  const round = fle.round!;
  const vote: SettledVote = { ...voteOf(n), version: n.version };
  heard(io, from, n, 'settled');
  round.settled.set(from, vote);
  if (n.electionEpoch === fle.logicalClock) {
    round.received.set(from, voteOf(n));
    const support = supporters(round.received, (other) => agreesInRound(other, vote));
    if (hasQuorum(ctx.committed, support) && checkLeader(fle, ctx, round.received, vote)) {
      events.push(elected(fle, ctx, io, vote));
      return;
    }
    countVotes(fle, ctx, io);
  }
  const support = supporters(round.settled, (other) => agreesOutsideRound(other, vote));
  if (hasQuorum(ctx.committed, support) && checkLeader(fle, ctx, round.settled, vote)) {
    events.push(elected(fle, ctx, io, vote));
  }
}

/** Of the same round: one that looks agrees when it votes for exactly that, one that has settled by its leader. */
const agreesInRound = (other: Vote, vote: Vote): boolean =>
  other.state === 'looking' ? sameCandidate(other, vote) : other.leader === vote.leader;

/** Of any round. Servers from before ZOOKEEPER-1732 name another epoch than the rest, so theirs is not compared. */
const agreesOutsideRound = (other: SettledVote, vote: SettledVote): boolean =>
  other.leader === vote.leader && (other.version > 0 !== vote.version > 0 || other.peerEpoch === vote.peerEpoch);

/** Whether the leader that a quorum names is one: it says so itself, or it is us in this very round. */
function checkLeader(fle: FleState, ctx: ElectionCtx, votes: ReadonlyMap<PeerId, Vote>, vote: Vote): boolean {
  if (vote.leader !== ctx.self) {
    const word = votes.get(vote.leader);
    return word !== undefined && word.state === 'leading' && word.leader === vote.leader;
  }
  return vote.electionEpoch === fle.logicalClock && isElector(ctx) && fle.round!.own.zxid !== NO_HISTORY;
}

function supporters<V extends Vote>(votes: ReadonlyMap<PeerId, V>, agrees: (vote: V) => boolean): PeerId[] {
  const ids: PeerId[] = [];
  for (const [id, vote] of votes) if (agrees(vote)) ids.push(id);
  return ids;
}

// --- voting --------------------------------------------------------------------------------------------------------

/** Our vote from now on; it counts as heard from ourselves when we may vote. */
function propose(fle: FleState, ctx: ElectionCtx, candidate: Candidate): void {
  const round = fle.round!;
  const { leader, zxid, peerEpoch } = candidate;
  fle.vote = { leader, zxid, peerEpoch, electionEpoch: fle.logicalClock, state: 'looking' };
  round.finalizeAtMs = null;
  if (isElector(ctx) && round.own.zxid !== NO_HISTORY) round.received.set(ctx.self, { ...fle.vote });
}

/** Whether a quorum votes as we do. The wait for a better vote begins with the vote that completes the quorum. */
function countVotes(fle: FleState, ctx: ElectionCtx, io: Io): void {
  const round = fle.round!;
  if (round.own.zxid === NO_HISTORY) return;
  const support = supporters(
    round.received,
    (other) => sameCandidate(other, fle.vote) && other.electionEpoch === fle.logicalClock,
  );
  const { leader } = fle.vote;
  if (!hasAllQuorums(views(ctx), support)) {
    if (round.finalizeAtMs !== null) note(io, 'election.vote.quorumLost', { leader, round: fle.logicalClock });
    round.finalizeAtMs = null;
  } else if (round.finalizeAtMs === null) {
    const waitMs = ctx.config.electionFinalizeWaitMs;
    round.finalizeAtMs = io.now.monoMs + waitMs;
    note(io, 'election.vote.quorum', { leader, round: fle.logicalClock, support, waitMs });
  }
}

function elected(fle: FleState, ctx: ElectionCtx, io: Io, vote: Vote): FleEvent {
  const { leader, zxid, peerEpoch, electionEpoch } = vote;
  const state = leader === ctx.self ? 'leading' : learnerStatus(ctx);
  fle.logicalClock = electionEpoch;
  fle.status = state;
  fle.vote = { leader, zxid, peerEpoch, electionEpoch, state };
  fle.round = null;
  cnxRest(ctx.cnx);
  note(io, 'election.leader.elected', { leader, round: electionEpoch, zxid, peerEpoch, state });
  return { type: 'elected', vote: { ...fle.vote } };
}

const learnerStatus = (ctx: ElectionCtx): 'following' | 'observing' => {
  const role = roleOf(ctx.committed, ctx.self) ?? roleOf(ctx.membership, ctx.self) ?? ctx.config.peerType;
  return role === 'participant' ? 'following' : 'observing';
};

/** A participant of the committed configuration votes for itself, everybody else for nobody. */
const ownCandidate = (
  ctx: ElectionCtx,
  { zxid, peerEpoch }: { readonly zxid: Zxid; readonly peerEpoch: number },
): Candidate =>
  isVoter(ctx.committed, ctx.self)
    ? { leader: ctx.self, zxid, peerEpoch }
    : // A server without a history stays recognisable as one.
      { leader: asPeer(LONG_MIN), zxid: zxid === NO_HISTORY ? zxid : asZxid(LONG_MIN), peerEpoch: LONG_MIN };

/** A candidate that only the configuration to come knows is judged by that one. */
const isBetter = (ctx: ElectionCtx, a: Candidate, b: Candidate): boolean =>
  compareCandidates(a, b, (id) =>
    isVoter(ctx.committed, id) ? weightOf(ctx.committed, id) > 0 : weightOf(ctx.membership, id) > 0,
  ) > 0;

const isElector = (ctx: ElectionCtx): boolean => isVoter(ctx.committed, ctx.self) || isVoter(ctx.membership, ctx.self);

const views = (ctx: ElectionCtx): { readonly committed: Membership; readonly lastSeen: Membership } => ({
  committed: ctx.committed,
  lastSeen: ctx.membership,
});

const isLooking = (fle: FleState): boolean => fle.status === 'looking';

const sameCandidate = (a: Candidate, b: Candidate): boolean =>
  a.leader === b.leader && a.zxid === b.zxid && a.peerEpoch === b.peerEpoch;

const sameVote = (a: Vote, b: Vote): boolean =>
  sameCandidate(a, b) && a.electionEpoch === b.electionEpoch && a.state === b.state;

const voteOf = ({ leader, zxid, electionEpoch, peerEpoch, state }: Notification): Vote => ({
  leader,
  zxid,
  electionEpoch,
  peerEpoch,
  state,
});

// --- telling -------------------------------------------------------------------------------------------------------

/** While looking the round is the one we are in; a settled vote keeps the round it was cast in. */
const answer = (fle: FleState): Vote =>
  fle.status === 'looking' ? { ...fle.vote, electionEpoch: fle.logicalClock } : { ...fle.vote };

function sendVote(fle: FleState, ctx: ElectionCtx, io: Io, to: PeerId): void {
  cnxSend(ctx.cnx, ctx, io, to, encodeVote(answer(fle), ctx));
}

function broadcast(fle: FleState, ctx: ElectionCtx, io: Io): void {
  const vote = answer(fle);
  note(io, 'election.vote.sent', {
    leader: vote.leader,
    zxid: showZxid(vote.zxid),
    peerEpoch: vote.peerEpoch,
    round: vote.electionEpoch,
  });
  const bytes = encodeVote(vote, ctx);
  for (const voter of votersOfBoth(views(ctx))) if (voter !== ctx.self) cnxSend(ctx.cnx, ctx, io, voter, bytes);
  fle.round!.resendAtMs = io.now.monoMs + fle.round!.resendPauseMs;
}

const encodeVote = ({ leader, zxid, electionEpoch, peerEpoch, state }: Vote, ctx: ElectionCtx): Uint8Array =>
  encodeNotification({ state, leader, zxid, electionEpoch, peerEpoch, config: formatMembership(ctx.committed) });

/**
 * Too long without a decision. A message may be lost, so it is sent again; if none could even be sent, the connections
 * are what is missing. A connection on which nothing arrived for long may be dead without anybody knowing.
 */
function resend(fle: FleState, ctx: ElectionCtx, io: Io, round: Round): void {
  const silenceMs = ctx.config.cnxTimeoutMs + 2 * round.resendPauseMs;
  for (const voter of votersOfBoth(views(ctx))) {
    if (cnxIsSilent(ctx.cnx, voter, { sinceMs: io.now.monoMs - silenceMs })) cnxDrop(ctx.cnx, io, voter, 'silent');
  }
  const delivered = cnxHaveDelivered(ctx.cnx);
  if (delivered) broadcast(fle, ctx, io);
  else cnxReconnectAll(ctx.cnx, ctx, io);
  const pauseMs = round.resendPauseMs;
  round.resendPauseMs = Math.min(pauseMs * 2, ctx.config.electionMaxNotificationMs);
  note(io, 'election.vote.resend', { round: fle.logicalClock, delivered, pauseMs, nextMs: round.resendPauseMs });
  round.resendAtMs = io.now.monoMs + round.resendPauseMs;
}
