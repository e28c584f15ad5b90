/**
 * Where the time of an election went. Its stages follow each other without gaps; its delays are those of them, and of the
 * waits within them, that took long enough to be named, each with who waited for whom and why.
 */

import type { Band, Delay, ElectionStage, HostId, VoteMatrix, Wait } from './api.ts';
import type { ElectionFacts, Note } from './elections.ts';
import { pauseAt, troubleOf } from './elections.ts';
import { holdupOf } from './holdups.ts';
import type { VoteSources } from './votes.ts';
import { listed, span } from './words.ts';

/** Shorter than this part of the whole, and than this, is not worth a sentence. */
const PART_MIN = 0.03;
const DELAY_US_MIN = 2_000;

// --- stages ----------------------------------------------------------------------------------------------------------

export function stagesOf(sources: VoteSources, facts: ElectionFacts, matrix: VoteMatrix): ElectionStage[] {
  const { election, reign } = facts;
  const looked = Math.min(...facts.searches.map(({ beginUs }) => beginUs), election.endUs);
  const stages: ElectionStage[] = [];
  const add = (kind: ElectionStage['kind'], toUs: number, text: string): void => {
    const beginUs = stages.at(-1)?.endUs ?? election.beginUs;
    const endUs = Math.min(Math.max(toUs, beginUs), election.endUs);
    if (endUs > beginUs) stages.push({ kind, beginUs, endUs, text });
  };
  if (election.beginUs === 0) add('detecting', looked, 'the servers start and recover their histories');
  else add('detecting', looked, `nobody looks for a leader yet: ${election.trigger}`);
  if (reign === null) {
    add('voting', election.endUs, 'votes');
    return stages;
  }
  const attempts = attemptsOf(sources.notes, facts);
  for (const attempt of attempts) {
    add('voting', attempt.electedUs, `votes; server ${attempt.leader} is elected`);
    add('gap', attempt.endUs, `server ${attempt.leader} leads without a quorum: ${attempt.reason}`);
  }
  const decision = matrix.decisions.findLast(
    ({ server, role, atUs }) => server === reign.leader && role === 'leading' && atUs <= reign.beginUs,
  );
  const electedUs = decision?.atUs ?? reign.beginUs;
  const quorum = matrix.quorums.findLast(
    ({ server, atUs, leader }) => server === reign.leader && leader === reign.leader && atUs <= electedUs,
  );
  if (quorum !== undefined) {
    add('voting', quorum.atUs, `votes, until ${listed(quorum.support)} agree on server ${reign.leader}`);
    add('finalizing', electedUs, `server ${reign.leader} waits for a better vote`);
  } else add('voting', electedUs, `votes, until server ${reign.leader} is elected`);
  const syncUs = syncBeginUs(sources, reign.leader, electedUs, reign.beginUs);
  add('discovery', syncUs, `server ${reign.leader} collects the epochs of a quorum`);
  add('synchronisation', reign.beginUs, `server ${reign.leader} brings a quorum level`);
  return stages;
}

interface Attempt {
  readonly leader: HostId;
  readonly electedUs: number;
  readonly endUs: number;
  readonly reason: string;
}

/** Candidates that were elected, led without a quorum and gave up or died, one after the other. */
function attemptsOf(notes: readonly Note[], { searches, election, reign }: ElectionFacts): Attempt[] {
  const attempts: Attempt[] = [];
  for (const { server, result, endIndex, endUs } of searches) {
    if (result?.leader !== server) continue;
    const end = notes.find(
      ({ code, host, index }) =>
        host === server &&
        index > endIndex &&
        index <= election.endIndex &&
        (code === 'zab.leading.gaveup' || code === 'zab.established'),
    );
    if (end === undefined || end.code === 'zab.established' || end.t >= (reign?.beginUs ?? election.endUs)) continue;
    const last = attempts.at(-1);
    if (last !== undefined && endUs < last.endUs) continue;
    attempts.push({ leader: server, electedUs: endUs, endUs: end.t, reason: String(end.fields.reason) });
  }
  // An attempt beside the one that succeeded held nobody up.
  const won = searches.findLast(({ server, result }) => server === reign?.leader && result?.leader === server);
  return attempts.filter(({ endUs }) => won === undefined || endUs <= won.endUs);
}

function syncBeginUs({ bands }: VoteSources, leader: HostId, fromUs: number, toUs: number): number {
  const band = bands
    .get(leader)
    ?.find(({ beginUs, phase }: Band) => beginUs >= fromUs && beginUs <= toUs && phase === 'synchronization');
  return band?.beginUs ?? toUs;
}

// --- delays ----------------------------------------------------------------------------------------------------------

export function delaysOf(
  sources: VoteSources,
  facts: ElectionFacts,
  matrix: VoteMatrix,
  stages: readonly ElectionStage[],
): Delay[] {
  const { election } = facts;
  const totalUs = election.endUs - election.beginUs;
  const found: Omit<Delay, 'sentence' | 'us'>[] = [];
  const texts: string[] = [];
  const add = (delay: Omit<Delay, 'sentence' | 'us'>, text: string): void => {
    found.push(delay);
    texts.push(text);
  };
  for (const stage of stages) {
    if (stage.kind === 'voting') votingDelays(sources, facts, matrix, stage, add);
    else stageDelay(sources, facts, stage, add);
  }
  return found
    .map((delay, i): Delay => {
      const us = delay.endUs - delay.beginUs;
      return { ...delay, us, sentence: `${span(us)} of ${span(totalUs)}: ${texts[i]}` };
    })
    .filter(({ us }) => us >= Math.max(DELAY_US_MIN, totalUs * PART_MIN))
    .sort((a, b) => b.us - a.us);
}

type AddDelay = (delay: Omit<Delay, 'sentence' | 'us'>, text: string) => void;

function stageDelay(sources: VoteSources, facts: ElectionFacts, stage: ElectionStage, add: AddDelay): void {
  const { beginUs, endUs } = stage;
  const { reign, before, searches } = facts;
  const leader = reign?.leader ?? null;
  switch (stage.kind) {
    case 'detecting': {
      if (before === null)
        return add(
          { beginUs, endUs, host: null, waitedFor: [], kind: 'restart' },
          'the servers started and read their disks',
        );
      const first = searches.reduce((a, b) => (a.beginUs <= b.beginUs ? a : b));
      const lost = sources.notes.findLast(
        ({ code, host, index }) => code === 'zab.learner.lost' && host === first.server && index <= first.beginIndex,
      );
      const why = lost === undefined ? '' : ` (${String(lost.fields.reason)})`;
      return add(
        { beginUs, endUs, host: first.server, waitedFor: [before.leader], kind: 'detect' },
        first.server === before.leader
          ? `nobody noticed that leader ${before.leader} ${before.reason ?? 'was gone'}, until it came back itself`
          : `nobody noticed that leader ${before.leader} ${before.reason ?? 'was gone'}; server ${first.server} was the first${why}`,
      );
    }
    case 'finalizing':
      return add(
        { beginUs, endUs, host: leader, waitedFor: [], kind: 'finalize' },
        `server ${leader} had its quorum and waited for a better vote`,
      );
    case 'gap':
      return add({ beginUs, endUs, host: null, waitedFor: [], kind: 'discovery' }, stage.text);
    case 'discovery':
    case 'synchronisation':
      return add(
        {
          beginUs,
          endUs,
          host: leader,
          waitedFor: lateFollowers(sources, facts, stage),
          kind: stage.kind === 'discovery' ? 'discovery' : 'sync',
        },
        `${stage.text}${followersText(sources, facts, stage)}`,
      );
    case 'voting':
    case 'draining':
      return;
    default:
      stage.kind satisfies never;
  }
}

/** Voters that had not begun to follow the new leader while it waited. */
function lateFollowers(
  { bands, voters }: VoteSources,
  { reign, election }: ElectionFacts,
  stage: ElectionStage,
): HostId[] {
  if (reign === null) return [];
  return voters.filter((host) => {
    if (host === reign.leader) return false;
    const following = bands
      .get(host)
      ?.find(
        (band) =>
          band.leader === reign.leader &&
          band.beginUs > election.beginUs &&
          band.endUs > stage.beginUs &&
          band.beginUs < stage.endUs,
      );
    return following === undefined || following.beginUs > stage.beginUs + DELAY_US_MIN;
  });
}

/** Who made the leader wait: the one that completed its quorum, if that can be told, else all who were late. */
function followersText(sources: VoteSources, facts: ElectionFacts, stage: ElectionStage): string {
  const all = lateFollowers(sources, facts, stage);
  const { reign } = facts;
  const holdup = reign === null ? null : holdupOf(sources.store, reign.leader, sources.voters, stage);
  if (holdup?.text != null) return `: ${holdup.text}`;
  const late = holdup !== null && all.includes(holdup.host) ? [holdup.host] : all;
  if (late.length === 0) return '';
  const reasons = new Map<string, HostId[]>();
  for (const host of late) {
    const why = lateness(sources, facts, stage, host);
    reasons.set(why, [...(reasons.get(why) ?? []), host]);
  }
  const said = [...reasons].map(([why, hosts]) =>
    hosts.length === 1 ? `server ${listed(hosts)} ${why}` : `servers ${listed(hosts)} ${why.replace(/^was /, 'were ')}`,
  );
  return ` (${said.join(', ')})`;
}

/** Why a voter did not follow the new leader yet. */
function lateness({ bands, store }: VoteSources, { reign }: ElectionFacts, stage: ElectionStage, host: HostId): string {
  const band = bands.get(host)?.findLast(({ beginUs }) => beginUs <= stage.beginUs);
  if (pauseAt(store, host, stage.beginUs)) return 'stood still';
  if (band === undefined || band.state === 'down') return 'was down';
  if (band.state === 'recovering') return 'was reading its disk';
  if (band.state === 'looking') return 'still looked';
  return band.leader === reign?.leader ? 'had not noticed yet that the leader was gone' : 'had another leader';
}

/**
 * The voting of a stage, split by what the server that was elected then lacked: each stretch of the same reason is one
 * delay. What completed the quorum may have been a vote that was sent again when a timeout had fired: then that is said.
 */
function votingDelays(
  sources: VoteSources,
  facts: ElectionFacts,
  matrix: VoteMatrix,
  stage: ElectionStage,
  add: AddDelay,
): void {
  const winner = winnerOf(facts, matrix, stage);
  const server = winner ?? facts.searches[0]?.server;
  if (server === undefined) return;
  const need = Math.floor(sources.voters.length / 2);
  let firstUs = Number.POSITIVE_INFINITY;
  for (const { beginUs, endUs, leader } of vainFollowings(sources, server, stage)) {
    firstUs = Math.min(firstUs, beginUs);
    const end = endOfVain(sources, leader, beginUs, endUs);
    const text = `server ${server} took ${leader} for its leader and waited for it in vain${end}`;
    add({ beginUs, endUs, host: server, waitedFor: [leader], kind: 'discovery' }, text);
  }
  for (const wait of joinedWaits(matrix.waits, server, stage)) {
    // Only so many votes were needed; whoever could not have given one is what it waited for.
    const lacking = wait.missing.length - (sources.voters.length - 1 - need);
    if (lacking <= 0) continue;
    firstUs = Math.min(firstUs, wait.fromUs);
    const { kind, waitedFor, text } = waitText(wait);
    const { beginUs, endUs } = { beginUs: wait.fromUs, endUs: wait.toUs };
    const timer = matrix.timeouts.findLast(
      (mark) =>
        mark.kind !== 'finalize' &&
        Math.abs(mark.atUs - endUs) < TIMER_NEAR_US &&
        (waitedFor.includes(mark.server) || mark.server === server),
    );
    const backoff =
      timer === undefined || kind !== 'backoff'
        ? ''
        : `, until server ${timer.server} spoke again after its pause of ${timer.pauseMs} ms`;
    add({ beginUs, endUs, host: server, waitedFor, kind }, `server ${server} waited for ${text}${backoff}`);
  }
  const beganUs =
    facts.searches.find((search) => search.server === server && search.endUs >= stage.endUs)?.beginUs ?? stage.beginUs;
  // What came before it looked, or before the first wait that was told.
  const restUntilUs = Math.min(beganUs, firstUs);
  if (restUntilUs - stage.beginUs > DELAY_US_MIN) lateWinner(sources, facts, server, stage, restUntilUs, add);
}

interface Vain {
  readonly beginUs: number;
  readonly endUs: number;
  readonly leader: HostId;
}

/** Times in the stage at which the server followed somebody who did not come to lead. */
function vainFollowings({ bands }: VoteSources, server: HostId, stage: ElectionStage): Vain[] {
  const found: Vain[] = [];
  for (const { state, leader, beginUs, endUs } of bands.get(server) ?? []) {
    if (state !== 'following' || leader === null || beginUs < stage.beginUs || endUs > stage.endUs) continue;
    const last = found.at(-1);
    if (last?.leader === leader && last.endUs === beginUs) found[found.length - 1] = { ...last, endUs };
    else found.push({ beginUs, endUs, leader });
  }
  return found;
}

function endOfVain({ store, bands }: VoteSources, leader: HostId, fromUs: number, toUs: number): string {
  const crash = store.crashes.find(({ host, t }) => host === leader && t >= fromUs && t <= toUs);
  if (crash !== undefined)
    return `: it ${crash.kind === 'power' ? 'lost power' : 'died'} ${span(crash.t - fromUs)} later`;
  const band = bands.get(leader)?.findLast(({ beginUs }) => beginUs <= fromUs);
  return band === undefined || band.state === 'down' ? ': it was down' : '';
}

const TIMER_NEAR_US = 30_000;

/** Who was elected at the end of the stage. */
function winnerOf({ reign }: ElectionFacts, matrix: VoteMatrix, stage: ElectionStage): HostId | null {
  const decided = matrix.decisions.find(({ role, atUs }) => role === 'leading' && atUs >= stage.endUs);
  return decided?.server ?? reign?.leader ?? null;
}

/** The one who was elected began to look later than the first. */
function lateWinner(
  { bands, store }: VoteSources,
  { before }: ElectionFacts,
  server: HostId,
  stage: ElectionStage,
  untilUs: number,
  add: AddDelay,
): void {
  const band = bands.get(server)?.findLast(({ beginUs }) => beginUs <= stage.beginUs);
  const isDown = band === undefined || band.state === 'down' || band.state === 'recovering';
  const isReading = isDown && before === null;
  const why = isDown
    ? isReading || band?.state === 'recovering'
      ? 'was still reading its disk'
      : 'was down'
    : pauseAt(store, server, stage.beginUs)
      ? 'stood still'
      : band.state === 'leading'
        ? 'still led'
        : band.state === 'looking'
          ? 'looked in an earlier round'
          : `still followed ${band.leader ?? before?.leader ?? 'its leader'}${troubleOf(store, band.leader ?? 0, server, untilUs - 1)}`;
  const kind = isDown ? 'restart' : why === 'stood still' ? 'pause' : 'detect';
  add(
    { beginUs: stage.beginUs, endUs: untilUs, host: null, waitedFor: [server], kind },
    `server ${server}, which was elected then, ${why}`,
  );
}

/** The waits of a server within a stage; neighbours with the same reasons are one. */
function joinedWaits(waits: readonly Wait[], server: HostId, stage: ElectionStage): Wait[] {
  const joined: Wait[] = [];
  for (const wait of waits) {
    if (wait.server !== server) continue;
    const fromUs = Math.max(wait.fromUs, stage.beginUs);
    const toUs = Math.min(wait.toUs, stage.endUs);
    if (toUs <= fromUs) continue;
    const last = joined.at(-1);
    const text = waitText(wait).text;
    if (last !== undefined && last.toUs === fromUs && waitText(last).text === text)
      joined[joined.length - 1] = { ...last, toUs };
    else joined.push({ ...wait, fromUs, toUs });
  }
  return joined;
}

type Why = Wait['missing'][number]['why'];

const WHY_TEXT: Readonly<Record<Why, readonly [one: string, many: string]>> = {
  'cut off': ['cut off', 'both cut off'],
  down: ['down', 'both down'],
  starting: ['reading its disk', 'both reading their disks'],
  paused: ['standing still', 'both standing still'],
  'other vote': ['with another vote', 'with other votes'],
  'other round': ['in another round', 'in other rounds'],
  settled: ['which did not look yet', 'which did not look yet'],
  'on the way': ['whose vote was on its way', 'whose votes were on their way'],
  silent: ['which said nothing', 'which said nothing'],
};

const KIND_OF: Readonly<Record<Why, Delay['kind']>> = {
  'cut off': 'missing-votes',
  down: 'restart',
  starting: 'restart',
  paused: 'pause',
  'other vote': 'missing-votes',
  'other round': 'missing-votes',
  settled: 'detect',
  'on the way': 'missing-votes',
  silent: 'backoff',
};

/** `notifications from 1 and 2, both cut off`; different reasons stand side by side. */
function waitText({ missing }: Wait): {
  readonly kind: Delay['kind'];
  readonly waitedFor: HostId[];
  readonly text: string;
} {
  const groups = new Map<Why, HostId[]>();
  for (const { host, why } of missing) groups.set(why, [...(groups.get(why) ?? []), host]);
  const parts = [...groups].map(([why, hosts]) => {
    const [one, many] = WHY_TEXT[why];
    const words = hosts.length === 1 ? one : hosts.length === 2 ? many : many.replace('both', 'all');
    return `${listed(hosts)}, ${words}`;
  });
  const kinds = [...groups.keys()];
  return {
    kind: KIND_OF[kinds[0]!],
    waitedFor: missing.map(({ host }) => host),
    text: `notifications from ${parts.join('; ')}`,
  };
}
