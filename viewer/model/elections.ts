/**
 * Elections, found in the notes and states of the servers.
 *
 * An **election** is the time without an established leader: from when the one before was gone, or the first of those who
 * elect began to look, until the next is established with a quorum. Candidates that were elected and gave up again are
 * part of it. A **join** is a single server that looks and finds the leader that stands.
 *
 * A **search** is one server's part: it looks, and ends by knowing a leader, or dies.
 */

import { CLIENT_BASE, type Election, type ElectionOutcome, type HostId } from './api.ts';
import type { Store } from './store.ts';
import { type VoterSet, voterSetsOf, votersAt } from './voters.ts';
import { hostName, span } from './words.ts';

/** One note with its place. */
export interface Note {
  readonly index: number;
  readonly t: number;
  readonly host: HostId;
  readonly input: string;
  readonly code: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function notesOf(store: Store): Note[] {
  return store.notes.flatMap(({ index, t, host, input, notes }) =>
    notes.map(({ code, fields }) => ({ index, t, host, input, code, fields })),
  );
}

/** One server looks for a leader. */
export interface Search {
  readonly server: HostId;
  readonly beginUs: number;
  readonly beginIndex: number;
  /** Round it began in. */
  readonly round: number;
  endUs: number;
  endIndex: number;
  /** Whom it elected and in which round; null when it died or still looks. */
  result: { readonly leader: HostId; readonly round: number; readonly role: string } | null;
  ended: boolean;
  /** The leader that it found stood already. */
  isJoin: boolean;
  /** It belongs to an election. */
  isPart: boolean;
}

/** A leader with a quorum, from when it was established until it ended. */
export interface Reign {
  readonly leader: HostId;
  readonly epoch: number;
  readonly beginUs: number;
  readonly beginIndex: number;
  endUs: number;
  endIndex: number;
  /** How it ended: `lost power`, `gave up: …`; null if it still leads at the end. */
  reason: string | null;
}

export interface ElectionFacts {
  readonly election: Election;
  readonly searches: readonly Search[];
  readonly reign: Reign | null;
  readonly before: Reign | null;
}

export function electionsOf(store: Store, notes: readonly Note[] = notesOf(store)): ElectionFacts[] {
  const reigns = reignsOf(store, notes);
  const searches = searchesOf(store, notes);
  for (const search of searches) search.isJoin = joins(search, reigns);
  const sets = voterSetsOf(store, notes);
  const found: ElectionFacts[] = [];
  let before: Reign | null = null;
  for (const reign of [...reigns, null]) {
    const facts = electionBetween(store, notes, sets, before, reign, searches);
    if (facts !== null) found.push(facts);
    before = reign;
  }
  for (const search of searches) {
    if (!search.isPart && !isContinued(search, searches)) found.push(joinOf(store, search));
  }
  found.sort((a, b) => a.election.beginUs - b.election.beginUs || a.election.beginIndex - b.election.beginIndex);
  return found.map((facts, i) => ({ ...facts, election: { ...facts.election, number: i + 1 } }));
}

// --- reigns and searches ---------------------------------------------------------------------------------------------

export function reignsOf(store: Store, notes: readonly Note[]): Reign[] {
  const reigns: Reign[] = [];
  for (const { code, host, index, t, fields } of notes) {
    if (code !== 'zab.established') continue;
    reigns.push({
      leader: host,
      epoch: Number(fields.epoch),
      beginUs: t,
      beginIndex: index,
      endUs: store.endUs,
      endIndex: store.count + 1,
      reason: null,
    });
  }
  for (const reign of reigns) endReign(store, notes, reign);
  return reigns.sort((a, b) => a.beginIndex - b.beginIndex);
}

/** The first sign after its beginning that the leader leads no more. */
function endReign(store: Store, notes: readonly Note[], reign: Reign): void {
  const after = reign.beginIndex + 1;
  const crash = firstFrom(store.crashes, after, ({ host }) => host === reign.leader);
  const status = firstFrom(store.status, after, (line) => line.host === reign.leader && line.detail !== 'broadcast');
  const isCrash = crash !== null && (status === null || crash.index <= status.index);
  const end = isCrash ? crash : status;
  if (end === null) return;
  reign.endUs = end.t;
  reign.endIndex = end.index;
  if (isCrash) reign.reason = { kill: 'died', power: 'lost power', halt: `gave up (${crash.reason})` }[crash.kind];
  else {
    const said = firstFrom(
      notes,
      end.index,
      (note) => note.host === reign.leader && note.code === 'zab.leading.gaveup',
    );
    reign.reason = `gave up leading: ${String(said?.fields.reason ?? 'another role')}`;
  }
}

export function searchesOf(store: Store, notes: readonly Note[]): Search[] {
  const searches: Search[] = [];
  const open = new Map<HostId, Search>();
  const crashes = [...store.crashes.filter(({ host }) => host < CLIENT_BASE)];
  const end = (search: Search | undefined, at: { readonly index: number; readonly t: number }): void => {
    if (search === undefined) return;
    search.endUs = at.t;
    search.endIndex = at.index;
    search.ended = true;
    open.delete(search.server);
  };
  let next = 0;
  for (const note of notes) {
    for (; next < crashes.length && crashes[next]!.index < note.index; next++)
      end(open.get(crashes[next]!.host), crashes[next]!);
    if (note.code === 'election.round.start') {
      end(open.get(note.host), note);
      const search: Search = {
        server: note.host,
        beginUs: note.t,
        beginIndex: note.index,
        round: Number(note.fields.round),
        endUs: store.endUs,
        endIndex: store.count + 1,
        result: null,
        ended: false,
        isJoin: false,
        isPart: false,
      };
      open.set(note.host, search);
      searches.push(search);
    } else if (note.code === 'election.leader.elected') {
      const search = open.get(note.host);
      if (search === undefined) continue;
      search.result = {
        leader: Number(note.fields.leader),
        round: Number(note.fields.round),
        role: String(note.fields.state),
      };
      end(search, note);
    }
  }
  for (; next < crashes.length; next++) end(open.get(crashes[next]!.host), crashes[next]!);
  return searches;
}

/** It found a leader that stood when it began to look. */
function joins(search: Search, reigns: readonly Reign[]): boolean {
  const { result } = search;
  if (result === null || result.leader === search.server) return false;
  return reigns.some(
    (reign) =>
      reign.leader === result.leader && reign.beginIndex < search.beginIndex && search.endIndex < reign.endIndex,
  );
}

/** It began anew without an end: a configuration came, or an alarm. The search that follows tells of both. */
const isContinued = (search: Search, searches: readonly Search[]): boolean =>
  search.result === null &&
  searches.some(
    ({ server, beginIndex, isPart }) => server === search.server && beginIndex === search.endIndex && !isPart,
  );

// --- elections -------------------------------------------------------------------------------------------------------

function electionBetween(
  store: Store,
  notes: readonly Note[],
  sets: readonly VoterSet[],
  before: Reign | null,
  reign: Reign | null,
  searches: readonly Search[],
): ElectionFacts | null {
  const fromIndex = before?.beginIndex ?? 0;
  const toIndex = reign?.beginIndex ?? store.count + 1;
  const within = searches.filter(
    (search) => !search.isJoin && search.beginIndex > fromIndex && search.beginIndex < toIndex,
  );
  // Nobody looked: the run ends with its leader.
  if (within.length === 0 && (reign === null || before === null)) return null;
  const start = startOf(store, notes, sets, before, within, toIndex);
  // The leader stands to the end, and who looked for it did not find it.
  if (start === null) return null;
  const part = within.filter((search) => search.endIndex >= start.index);
  for (const search of part) search.isPart = true;
  const { trigger } = start;
  const endUs = reign?.beginUs ?? store.endUs;
  const outcome = outcomeOf(notes, reign, part, toIndex);
  const rounds = roundsOf(notes, start.index, toIndex, new Set(part.map(({ server }) => server)));
  const election: Election = {
    number: 0,
    kind: 'election',
    beginUs: start.t,
    endUs,
    beginIndex: start.index,
    endIndex: reign?.beginIndex ?? store.count,
    participants: sorted(part.map(({ server }) => server)),
    rounds,
    trigger: trigger.text,
    triggerIndex: trigger.index,
    outcome,
    sentence: electionSentence(outcome, endUs - start.t, rounds.length),
  };
  return { election, searches: part, reign, before };
}

const sorted = (hosts: readonly HostId[]): HostId[] => [...new Set(hosts)].sort((a, b) => a - b);

function outcomeOf(
  notes: readonly Note[],
  reign: Reign | null,
  part: readonly Search[],
  toIndex: number,
): ElectionOutcome {
  if (reign !== null) {
    const elected = part.findLast(({ server, result }) => server === reign.leader && result?.leader === server);
    return {
      kind: 'established',
      leader: reign.leader,
      epoch: reign.epoch,
      electedUs: elected?.endUs ?? reign.beginUs,
    };
  }
  const led = part.findLast(({ server, result }) => result?.leader === server);
  if (led === undefined) return { kind: 'open' };
  const gaveUp = firstFrom(
    notes,
    led.endIndex + 1,
    ({ code, host }) => code === 'zab.leading.gaveup' && host === led.server,
  );
  if (gaveUp === null || gaveUp.index >= toIndex) return { kind: 'open' };
  return { kind: 'failed', leader: led.server, reason: String(gaveUp.fields.reason) };
}

function electionSentence(outcome: ElectionOutcome, us: number, rounds: number): string {
  const count = `${rounds} ${rounds === 1 ? 'round' : 'rounds'}`;
  switch (outcome.kind) {
    case 'established':
      return `server ${outcome.leader} leads epoch ${outcome.epoch} after ${span(us)}, ${count}`;
    case 'failed':
      return `no leader after ${span(us)}, ${count}: server ${outcome.leader} gave up (${outcome.reason})`;
    case 'open':
      return `no leader after ${span(us)}, ${count}; the trace ends`;
    default:
      return outcome satisfies never;
  }
}

/** Rounds that votes of the participants were sent in. */
function roundsOf(notes: readonly Note[], from: number, to: number, participants: ReadonlySet<HostId>): number[] {
  const rounds = new Set<number>();
  for (let at = positionFrom(notes, from); at < notes.length && notes[at]!.index <= to; at++) {
    const { code, host, fields } = notes[at]!;
    if (!participants.has(host)) continue;
    if (code === 'election.vote.sent' || code === 'election.round.start') rounds.add(Number(fields.round));
  }
  return [...rounds].sort((a, b) => a - b);
}

interface Start {
  readonly t: number;
  readonly index: number;
  readonly trigger: { readonly text: string; readonly index: number };
}

/**
 * When an election begins: with the end of the leader before, or when so many have left it that it has no quorum any more,
 * whichever is earlier. Null when neither was.
 */
function startOf(
  store: Store,
  notes: readonly Note[],
  sets: readonly VoterSet[],
  before: Reign | null,
  within: readonly Search[],
  toIndex: number,
): Start | null {
  const first = within[0];
  if (before === null) {
    const trigger = { text: 'the servers start', index: first?.beginIndex ?? 1 };
    return { t: 0, index: first?.beginIndex ?? 1, trigger };
  }
  const ended = before.reason !== null && before.endIndex < toIndex ? before : null;
  const left = quorumLeft(store, sets, before, toIndex);
  if (ended !== null && (left === null || ended.endIndex <= left.index)) {
    const trigger = { text: `leader ${before.leader} ${before.reason}`, index: before.endIndex };
    return { t: before.endUs, index: before.endIndex, trigger };
  }
  if (left !== null) return { t: left.t, index: left.index, trigger: triggerOf(store, notes, before, left) };
  if (toIndex > store.count) return null;
  // A rival took over at once, or the next leader was designated.
  const at = within.find((search) => lostLeader(store, search, before)) ?? first;
  if (at === undefined)
    return {
      t: before.beginUs,
      index: before.beginIndex,
      trigger: { text: 'a leader was designated', index: before.beginIndex },
    };
  const cause = { t: at.beginUs, index: at.beginIndex, server: at.server };
  return { t: at.beginUs, index: at.beginIndex, trigger: triggerOf(store, notes, before, cause) };
}

interface Leaving {
  readonly t: number;
  readonly index: number;
  readonly server: HostId;
}

/** When the voter left without whom the leader had no quorum, if no other came back before the reign was over. */
function quorumLeft(store: Store, sets: readonly VoterSet[], reign: Reign, toIndex: number): Leaving | null {
  const loyal = new Set(store.hosts().servers.filter((host) => followsAt(store, host, reign)));
  let had = false;
  let left: Leaving | null = null;
  const change = (
    { index, t, host }: { readonly index: number; readonly t: number; readonly host: HostId },
    follows: boolean,
  ): void => {
    if (follows) loyal.add(host);
    else loyal.delete(host);
    const isQuorum = votersAt(sets, index).hasQuorum(loyal);
    had ||= isQuorum;
    if (isQuorum) left = null;
    else if (had && left === null) left = { t, index, server: host };
  };
  let crash = positionFrom(store.crashes, reign.beginIndex);
  const crashesUntil = (index: number): void => {
    for (; crash < store.crashes.length && store.crashes[crash]!.index <= index; crash++) {
      const line = store.crashes[crash]!;
      if (line.host < CLIENT_BASE) change(line, false);
    }
  };
  for (let at = positionFrom(store.status, reign.beginIndex); at < store.status.length; at++) {
    const line = store.status[at]!;
    if (line.index >= toIndex) break;
    crashesUntil(line.index - 1);
    change(line, line.leader === reign.leader && line.phase !== 'observing');
  }
  crashesUntil(toIndex - 1);
  return left;
}

/** Whether the server followed the leader when its reign began. */
function followsAt(store: Store, host: HostId, reign: Reign): boolean {
  const status = lastUpTo(store.status, reign.beginIndex - 1, (line) => line.host === host);
  if (status === null || status.leader !== reign.leader || status.phase === 'observing') return false;
  const crash = lastUpTo(store.crashes, reign.beginIndex - 1, (line) => line.host === host);
  return crash === null || crash.index < status.index;
}

// --- lists in the order of the run -----------------------------------------------------------------------------------

interface Placed {
  readonly index: number;
}

/** Position of the first line at or after an event. */
function positionFrom(lines: readonly Placed[], index: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (lines[middle]!.index < index) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first line at or after an event that fits. */
export function firstFrom<T extends Placed>(lines: readonly T[], index: number, fits: (line: T) => boolean): T | null {
  for (let at = positionFrom(lines, index); at < lines.length; at++) if (fits(lines[at]!)) return lines[at]!;
  return null;
}

/** The last line at or before an event that fits. */
export function lastUpTo<T extends Placed>(lines: readonly T[], index: number, fits: (line: T) => boolean): T | null {
  for (let at = positionFrom(lines, index + 1) - 1; at >= 0; at--) if (fits(lines[at]!)) return lines[at]!;
  return null;
}

function triggerOf(
  store: Store,
  notes: readonly Note[],
  before: Reign,
  { server, index, t }: Leaving,
): { readonly text: string; readonly index: number } {
  const lost = lastUpTo(notes, index, ({ code, host }) => code === 'zab.learner.lost' && host === server);
  const why = troubleOf(store, before.leader, server, lost?.t ?? t);
  if (lost !== null && lost.index > before.beginIndex) {
    return {
      text: `server ${server} lost leader ${before.leader}${why}: ${String(lost.fields.reason)}`,
      index: lost.index,
    };
  }
  const crash = store.crashes.find((line) => line.host === server && line.index === index);
  if (crash !== undefined)
    return { text: `server ${server}, without which leader ${before.leader} has no quorum, is down`, index };
  return { text: `server ${server} left leader ${before.leader}${why}`, index };
}

/** The server had followed the leader of that reign, and looks because it lost it. */
function lostLeader(store: Store, search: Search, before: Reign | null): boolean {
  if (before === null) return true;
  const role = lastUpTo(
    store.status,
    search.beginIndex - 1,
    ({ host, phase }) => host === search.server && phase !== 'looking',
  );
  return role !== null && role.index > before.beginIndex && role.leader === before.leader;
}

/** What the schedule did to the leader or to the link at that time. */
export function troubleOf(store: Store, leader: HostId, learner: HostId, timeUs: number): string {
  const paused = pauseAt(store, leader, timeUs);
  if (paused) return `, which stood still`;
  const isCut = (from: HostId, to: HostId): boolean =>
    store.links.findLast(
      (line) => line.from === from && line.to === to && line.channel === 'quorum' && line.t <= timeUs,
    )?.cut === true;
  const out = isCut(leader, learner);
  const back = isCut(learner, leader);
  if (out && back) return ', cut off from it';
  if (out) return ', whom it did not hear';
  return back ? ', which did not hear it' : '';
}

/** Whether an operation of the schedule made the host stand still at that time, or just before. */
export function pauseAt(store: Store, host: HostId, timeUs: number): boolean {
  const line = store.faults.findLast(
    (fault) =>
      fault.do === 'pause' && fault.kind === 'begin' && fault.t <= timeUs && fault.hosts?.includes(host) === true,
  );
  if (line === undefined) return false;
  const end = store.faults.find((fault) => fault.op === line.op && fault.kind === 'end');
  return end === undefined || end.t + PAUSE_ECHO_US >= timeUs;
}

/** What a pause brought about shows itself when the process goes on. */
const PAUSE_ECHO_US = 50_000;

/** A search that is no part of an election: it found the leader that stood, or it found nobody. */
function joinOf(store: Store, search: Search): ElectionFacts {
  const { server, result, ended } = search;
  const next = firstFrom(
    store.status,
    search.endIndex + 1,
    (line) => line.host === server && line.phase !== 'following' && line.phase !== 'observing',
  );
  const serves =
    result === null
      ? null
      : firstFrom(store.status, search.endIndex, (line) => line.host === server && line.detail === 'serving');
  const isServing = serves !== null && (next === null || serves.index < next.index);
  const endUs = isServing ? serves.t : result === null ? search.endUs : (next?.t ?? search.endUs);
  const took = span(endUs - search.beginUs);
  const outcome: ElectionOutcome = isServing
    ? { kind: 'established', leader: result!.leader, epoch: serves.epoch, electedUs: search.endUs }
    : result !== null
      ? { kind: 'failed', leader: result.leader, reason: 'it did not come to serve' }
      : ended
        ? { kind: 'failed', leader: null, reason: 'it began again or died' }
        : { kind: 'open' };
  const text = isServing
    ? `follows ${result!.leader} after ${took}`
    : result !== null
      ? `took ${result.leader} for its leader, but did not come to serve`
      : `looked for a leader for ${took} and found none`;
  const election: Election = {
    number: 0,
    kind: 'join',
    beginUs: search.beginUs,
    endUs,
    beginIndex: search.beginIndex,
    endIndex: Math.min(store.count, isServing ? serves.index : search.endIndex),
    participants: [server],
    rounds: [...new Set([search.round, result?.round ?? search.round])],
    trigger: joinTrigger(store, search),
    triggerIndex: search.beginIndex,
    outcome,
    sentence: `${hostName(server)} ${text}`,
  };
  return { election, searches: [search], reign: null, before: null };
}

function joinTrigger(store: Store, search: Search): string {
  const boot = lastUpTo(store.boots, search.beginIndex, ({ host }) => host === search.server);
  const looked = lastUpTo(
    store.status,
    search.beginIndex - 1,
    ({ host, phase }) => host === search.server && phase !== 'looking' && phase !== 'recovering',
  );
  if (boot !== null && (looked === null || looked.index < boot.index)) return `server ${search.server} starts`;
  return `server ${search.server} lost its leader`;
}
