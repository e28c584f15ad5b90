/**
 * The vote matrix of one election, from the notes of the servers: who proposed whom in which round, what was heard and
 * what came of it, when a quorum stood, which timeout fired, and whose votes were missing.
 */

import type {
  Band,
  Candidate,
  CutSpan,
  Deciding,
  DecisionMark,
  HeardVote,
  HeldVote,
  HostId,
  QuorumMark,
  TimeoutMark,
  VoteMatrix,
  VoteRound,
  Wait,
} from './api.ts';
import type { Describer } from './describe.ts';
import type { ElectionFacts, Note } from './elections.ts';
import { pauseAt } from './elections.ts';
import { isCutAt } from './faults.ts';
import type { Store } from './store.ts';
import { showZxid } from './words.ts';

/** What the matrix of an election is made from. */
export interface VoteSources {
  readonly store: Store;
  readonly notes: readonly Note[];
  readonly describer: Describer;
  readonly bands: ReadonlyMap<HostId, readonly Band[]>;
  readonly cuts: readonly CutSpan[];
  readonly voters: readonly HostId[];
}

export function matrixOf(sources: VoteSources, facts: ElectionFacts): VoteMatrix {
  const { election } = facts;
  const within = sources.notes.filter(({ index }) => index >= election.beginIndex && index <= election.endIndex);
  const participants = new Set(election.participants);
  const heard = heardVotes(sources, within);
  const rounds = roundsOf(within, participants, election.endUs);
  const quorums = quorumMarks(within, heard);
  const decisions = decisionMarks(within, participants);
  return {
    voters: [...new Set([...sources.voters, ...election.participants])].sort((a, b) => a - b),
    rounds,
    heard: [...heard, ...lostVotes(sources, election)].sort((a, b) => a.sentUs - b.sentUs),
    quorums,
    timeouts: timeoutMarks(within),
    decisions,
    waits: waitsOf(sources, facts, rounds, heard, quorums),
  };
}

// --- what was heard --------------------------------------------------------------------------------------------------

const EFFECT_OF: Readonly<Record<string, HeardVote['effect']>> = {
  better: 'better',
  laterRound: 'laterRound',
  counted: 'weaker',
  earlierRound: 'earlierRound',
  settled: 'settled',
  unusable: 'ignored',
  early: 'early',
  answered: 'answered',
  stranger: 'ignored',
};

const candidateOf = (fields: Readonly<Record<string, unknown>>): Candidate => ({
  leader: Number(fields.leader),
  zxid: zxidOf(fields.zxid),
  peerEpoch: Number(fields.peerEpoch),
});

/** Notes give zxids as numbers or as text with a sign. */
const zxidOf = (value: unknown): number =>
  typeof value === 'string' && value.startsWith('-') ? -Number(value.slice(1)) : Number(value);

const same = (a: Candidate, b: Candidate): boolean =>
  a.leader === b.leader && a.zxid === b.zxid && a.peerEpoch === b.peerEpoch;

/** Every notification that a server made something of, with the message that brought it. */
function heardVotes({ store, describer }: VoteSources, within: readonly Note[]): HeardVote[] {
  const held = new Map<HostId, Candidate>();
  /** Notifications of one event, in the order they were read. */
  const arrivals = new Map<number, number[]>();
  const found: HeardVote[] = [];
  for (const { code, host, fields, index, t } of within) {
    if (code === 'election.vote.sent') held.set(host, candidateOf(fields));
    if (code !== 'election.vote.heard') continue;
    const from = Number(fields.from);
    const vote = candidateOf(fields);
    if (!arrivals.has(index))
      arrivals.set(
        index,
        describer.received(index).filter((row) => isVote(store, row)),
      );
    const waiting = arrivals.get(index)!;
    const at = waiting.findIndex((row) => store.messages.from.get(row) === from);
    const row = at < 0 ? null : waiting.splice(at, 1)[0]!;
    const own = held.get(host);
    const outcome = String(fields.outcome);
    const agrees = outcome === 'counted' && own !== undefined && same(own, vote);
    found.push({
      from,
      to: host,
      sentUs: row === null ? t : store.messages.sentUs.get(row),
      arrivedUs: t,
      sentIndex: row === null ? index : store.messages.sentIndex.get(row),
      arrivedIndex: index,
      round: Number(fields.round),
      vote,
      state: fields.state as HeardVote['state'],
      effect: agrees ? 'agrees' : (EFFECT_OF[outcome] ?? 'ignored'),
    });
  }
  return found;
}

const isVote = (store: Store, row: number): boolean => store.names.list[store.messages.name.get(row)] === 'VOTE';

/** Notifications that never arrived, or only after the election. What they said stands in the sender's vote at that time. */
function lostVotes({ store, notes }: VoteSources, election: ElectionFacts['election']): HeardVote[] {
  const { messages } = store;
  const sent = messages.sentUs.view();
  const found: HeardVote[] = [];
  for (let row = firstAtOrAfter(sent, election.beginUs); row < sent.length && sent[row]! <= election.endUs; row++) {
    if (!isVote(store, row)) continue;
    const arrivedUs = messages.arrivedUs.get(row);
    if (arrivedUs <= election.endUs) continue;
    const from = messages.from.get(row);
    const sentIndex = messages.sentIndex.get(row);
    const said = notes.findLast(
      (note) => note.host === from && note.index <= sentIndex && note.code === 'election.vote.sent',
    );
    if (said === undefined) continue;
    found.push({
      from,
      to: messages.to.get(row),
      sentUs: sent[row]!,
      arrivedUs: Number.NaN,
      sentIndex,
      arrivedIndex: 0,
      round: Number(said.fields.round),
      vote: candidateOf(said.fields),
      state: 'looking',
      effect: 'lost',
    });
    if (found.length >= LOST_MAX) break;
  }
  return found;
}

const LOST_MAX = 500;

function firstAtOrAfter(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// --- who proposed whom -----------------------------------------------------------------------------------------------

/** What decides between two candidates, in the order of FastLeaderElection.totalOrderPredicate. */
export function decidingOf(winner: Candidate, loser: Candidate): Deciding {
  if (winner.peerEpoch !== loser.peerEpoch) return winner.peerEpoch > loser.peerEpoch ? 'epoch' : 'weight';
  if (winner.zxid !== loser.zxid) return winner.zxid > loser.zxid ? 'zxid' : 'weight';
  if (winner.leader !== loser.leader) return winner.leader > loser.leader ? 'sid' : 'weight';
  return 'equal';
}

/** `same epoch, zxid 0x200000007 is greater than 0x200000003`. */
export function comparisonText(winner: Candidate, loser: Candidate): string {
  switch (decidingOf(winner, loser)) {
    case 'epoch':
      return `epoch ${winner.peerEpoch} is later than ${shownEpoch(loser)}`;
    case 'zxid':
      return `same epoch, zxid ${showZxid(winner.zxid)} is greater than ${showZxid(loser.zxid)}`;
    case 'sid':
      return `same epoch and zxid, id ${winner.leader} is greater than ${loser.leader}`;
    case 'weight':
      return `${nameOf(loser)} may not lead`;
    case 'equal':
      return 'both name the same';
    default:
      throw new Error('unknown comparison');
  }
}

/** An observer votes for nobody; its numbers are the smallest there are. */
const shownEpoch = ({ peerEpoch }: Candidate): string => (peerEpoch < 0 ? 'none' : String(peerEpoch));
const nameOf = ({ leader }: Candidate): string => (leader < 0 ? 'nobody' : `server ${leader}`);

interface Holding {
  readonly round: number;
  readonly held: HeldVote;
}

function roundsOf(within: readonly Note[], participants: ReadonlySet<HostId>, endUs: number): VoteRound[] {
  const holdings: Holding[] = [];
  const open = new Map<HostId, number>();
  /** The notification that the server is handling, from which a change of its vote follows. */
  const reason = new Map<HostId, Note>();
  const close = (host: HostId, t: number): void => {
    const at = open.get(host);
    if (at === undefined) return;
    open.delete(host);
    const { round, held } = holdings[at]!;
    holdings[at] = { round, held: { ...held, toUs: t } };
  };
  for (const note of within) {
    const { code, host, fields, index, t } = note;
    if (!participants.has(host)) continue;
    if (code === 'election.round.start') reason.delete(host);
    else if (code === 'election.vote.heard' && (fields.outcome === 'better' || fields.outcome === 'laterRound'))
      reason.set(host, note);
    else if (code === 'election.leader.elected') close(host, t);
    if (code !== 'election.vote.sent') continue;
    const round = Number(fields.round);
    const vote = candidateOf(fields);
    const before = open.get(host);
    const last = before === undefined ? null : holdings[before]!;
    // Sent again: the same vote as before.
    if (last !== null && last.round === round && same(last.held.vote, vote)) continue;
    close(host, t);
    open.set(host, holdings.length);
    const cause = reason.get(host);
    holdings.push({
      round,
      held: heldVote(host, vote, { index, t, endUs }, cause?.index === index ? cause : null, last),
    });
  }
  const numbers = [...new Set(holdings.map(({ round }) => round))].sort((a, b) => a - b);
  return numbers.map((round) => {
    const held = holdings.filter((holding) => holding.round === round).map((holding) => holding.held);
    return {
      round,
      beginUs: Math.min(...held.map(({ fromUs }) => fromUs)),
      endUs: Math.max(...held.map(({ toUs }) => toUs)),
      held,
    };
  });
}

function heldVote(
  voter: HostId,
  vote: Candidate,
  at: { readonly index: number; readonly t: number; readonly endUs: number },
  cause: Note | null,
  last: Holding | null,
): HeldVote {
  const common = { voter, vote, fromUs: at.t, toUs: at.endUs, index: at.index };
  if (cause === null || last === null) {
    const sentence =
      vote.leader === voter ? `server ${voter} votes for itself` : `server ${voter} votes for ${nameOf(vote)}`;
    return {
      ...common,
      why: { kind: 'own' },
      sentence: `${sentence} with zxid ${showZxid(vote.zxid)} of epoch ${shownEpoch(vote)}`,
    };
  }
  const heardFrom = Number(cause.fields.from);
  const over = last.held.vote;
  const decided = decidingOf(vote, over);
  if (cause.fields.outcome === 'better') {
    const sentence = `server ${voter} now votes for ${vote.leader}, named by ${heardFrom}: ${comparisonText(vote, over)}`;
    return { ...common, why: { kind: 'better', heardFrom, over, decided }, sentence };
  }
  const round = Number(cause.fields.round);
  const told = candidateOf(cause.fields);
  const sentence = same(told, vote)
    ? `server ${voter} joins round ${round} of ${heardFrom} and votes for ${vote.leader}${same(vote, over) ? '' : `: ${comparisonText(vote, over)}`}`
    : `server ${voter} joins round ${round} of ${heardFrom} and votes for ${nameOf(vote)}: ${comparisonText(vote, told)}`;
  return { ...common, why: { kind: 'laterRound', heardFrom, from: last.round, over, decided }, sentence };
}

// --- quorums, timeouts, decisions ------------------------------------------------------------------------------------

function quorumMarks(within: readonly Note[], heard: readonly HeardVote[]): QuorumMark[] {
  return within
    .flatMap((note): QuorumMark[] => {
      if (note.code !== 'election.vote.quorum') return [];
      const { host, t, index, fields } = note;
      const elected = within.find(
        (other) => other.host === host && other.index >= index && other.code === 'election.leader.elected',
      );
      const untilIndex = elected?.index ?? Number.POSITIVE_INFINITY;
      const lost = within.find(
        (other) =>
          other.host === host &&
          other.index >= index &&
          other.index < untilIndex &&
          other !== note &&
          other.code === 'election.vote.quorumLost',
      );
      const better = heard.find(
        ({ to, arrivedIndex, effect }) =>
          to === host &&
          arrivedIndex > index &&
          arrivedIndex < untilIndex &&
          (effect === 'better' || effect === 'laterRound'),
      );
      return [
        {
          server: host,
          atUs: t,
          index,
          leader: Number(fields.leader),
          round: Number(fields.round),
          support: [...(fields.support as readonly number[])].sort((a, b) => a - b),
          lostUs: Math.min(lost?.t ?? Number.POSITIVE_INFINITY, better?.arrivedUs ?? Number.POSITIVE_INFINITY),
        },
      ];
    })
    .map((mark) => (mark.lostUs === Number.POSITIVE_INFINITY ? { ...mark, lostUs: Number.NaN } : mark));
}

function timeoutMarks(within: readonly Note[]): TimeoutMark[] {
  return within.flatMap(({ code, host, t, index, fields, input }): TimeoutMark[] => {
    if (code === 'election.vote.resend') {
      const kind = fields.delivered === true ? 'resend' : 'reconnect';
      return [{ server: host, atUs: t, index, kind, pauseMs: Number(fields.pauseMs), nextMs: Number(fields.nextMs) }];
    }
    if (code !== 'election.leader.elected' || input !== 'tick') return [];
    const quorum = within.findLast(
      (note) => note.host === host && note.index < index && note.code === 'election.vote.quorum',
    );
    const pauseMs = Number(quorum?.fields.waitMs ?? Number.NaN);
    return [{ server: host, atUs: t, index, kind: 'finalize', pauseMs, nextMs: 0 }];
  });
}

function decisionMarks(within: readonly Note[], participants: ReadonlySet<HostId>): DecisionMark[] {
  return within.flatMap(({ code, host, t, index, fields }): DecisionMark[] =>
    code === 'election.leader.elected' && participants.has(host)
      ? [
          {
            server: host,
            atUs: t,
            index,
            leader: Number(fields.leader),
            round: Number(fields.round),
            role: fields.state as DecisionMark['role'],
          },
        ]
      : [],
  );
}

// --- waiting ---------------------------------------------------------------------------------------------------------

/** For every search: the stretches of time in which it lacked votes for its own, and why they were not there. */
function waitsOf(
  sources: VoteSources,
  facts: ElectionFacts,
  rounds: readonly VoteRound[],
  heard: readonly HeardVote[],
  quorums: readonly QuorumMark[],
): Wait[] {
  const waits: Wait[] = [];
  for (const search of facts.searches) {
    if (!sources.voters.includes(search.server)) continue;
    const stood = quorums.findLast(
      ({ server, index, lostUs }) =>
        server === search.server && index >= search.beginIndex && index <= search.endIndex && Number.isNaN(lostUs),
    );
    const untilUs = stood?.atUs ?? search.endUs;
    waits.push(...waitsOfSearch(sources, { server: search.server, fromUs: search.beginUs, untilUs }, rounds, heard));
  }
  return waits;
}

function waitsOfSearch(
  sources: VoteSources,
  { server, fromUs, untilUs }: { readonly server: HostId; readonly fromUs: number; readonly untilUs: number },
  rounds: readonly VoteRound[],
  heard: readonly HeardVote[],
): Wait[] {
  const moments = momentsOf(sources, server, fromUs, untilUs, rounds, heard);
  const waits: Wait[] = [];
  for (let i = 0; i + 1 < moments.length; i++) {
    const [from, to] = [moments[i]!, moments[i + 1]!];
    const missing = missingAt(sources, server, { fromUs, atUs: from }, rounds, heard);
    if (missing.length === 0 || to <= from) continue;
    const last = waits.at(-1);
    if (last !== undefined && last.toUs === from && JSON.stringify(last.missing) === JSON.stringify(missing))
      waits[waits.length - 1] = { ...last, toUs: to };
    else waits.push({ server, fromUs: from, toUs: to, missing });
  }
  return waits;
}

/** The times at which something may have changed for the one that waits. */
function momentsOf(
  { bands, cuts, voters, store }: VoteSources,
  server: HostId,
  fromUs: number,
  untilUs: number,
  rounds: readonly VoteRound[],
  heard: readonly HeardVote[],
): number[] {
  const times = [
    fromUs,
    untilUs,
    ...rounds.flatMap(({ held }) => held.flatMap(({ fromUs: a, toUs: b }) => [a, b])),
    ...heard.flatMap((vote) => (vote.to === server ? [vote.sentUs, vote.arrivedUs] : [])),
    ...voters.flatMap((voter) => (bands.get(voter) ?? []).map(({ beginUs }) => beginUs)),
    ...cuts.flatMap(({ beginUs, endUs, from, to }) => (from === server || to === server ? [beginUs, endUs] : [])),
    ...store.faults.flatMap((line) => (line.do === 'pause' ? [line.t] : [])),
  ];
  return [...new Set(times.filter((t) => t >= fromUs && t <= untilUs))].sort((a, b) => a - b);
}

/** Whose votes the server lacks at this time, and why. */
function missingAt(
  sources: VoteSources,
  server: HostId,
  { fromUs, atUs }: { readonly fromUs: number; readonly atUs: number },
  rounds: readonly VoteRound[],
  heard: readonly HeardVote[],
): Wait['missing'] {
  const mine = heldAt(rounds, server, atUs);
  if (mine === null) return [];
  return sources.voters.flatMap((host) => {
    if (host === server) return [];
    const said = heard.findLast(
      ({ from, to, arrivedUs }) => from === host && to === server && arrivedUs <= atUs && arrivedUs >= fromUs,
    );
    if (said !== undefined && said.round === mine.round && same(said.vote, mine.held.vote) && said.effect !== 'early')
      return [];
    return [{ host, why: whyMissing(sources, server, host, atUs, mine, rounds, heard) }];
  });
}

function whyMissing(
  { store, bands, cuts }: VoteSources,
  server: HostId,
  host: HostId,
  atUs: number,
  mine: Holding,
  rounds: readonly VoteRound[],
  heard: readonly HeardVote[],
): Wait['missing'][number]['why'] {
  const band = bands.get(host)?.findLast(({ beginUs }) => beginUs <= atUs);
  if (band?.state === 'recovering') return 'starting';
  if (band === undefined || band.state === 'down' || band.state === 'halted') return 'down';
  if (isCutAt(cuts, host, server, atUs) || isCutAt(cuts, server, host, atUs)) return 'cut off';
  if (isPausedAt(store, host, atUs)) return 'paused';
  if (band.state !== 'looking') return 'settled';
  const its = heldAt(rounds, host, atUs);
  if (its === null) return 'silent';
  if (its.round !== mine.round) return 'other round';
  if (!same(its.held.vote, mine.held.vote)) return 'other vote';
  const isOnTheWay = heard.some(
    (vote) => vote.from === host && vote.to === server && vote.sentUs <= atUs && vote.arrivedUs > atUs,
  );
  return isOnTheWay ? 'on the way' : 'silent';
}

function isPausedAt(store: Store, host: HostId, atUs: number): boolean {
  if (!pauseAt(store, host, atUs)) return false;
  const line = store.faults.findLast(
    (fault) =>
      fault.do === 'pause' && fault.t <= atUs && (fault.kind === 'end' || fault.hosts?.includes(host) === true),
  );
  return line?.kind === 'begin';
}

function heldAt(rounds: readonly VoteRound[], voter: HostId, atUs: number): Holding | null {
  for (const { round, held } of rounds.toReversed()) {
    const vote = held.findLast((one) => one.voter === voter && one.fromUs <= atUs && atUs < one.toUs);
    if (vote !== undefined) return { round, held: vote };
  }
  return null;
}
