/**
 * Elections, step by step. The official specification leaves them out (its leader oracle elects by itself), and liveness at
 * the end of a run forgives what repairs itself after some limit; these two promises do not.
 *
 * - Nobody leads on votes of a round that it has not been in since it began to look (ZOOKEEPER-1514), nor because it has
 *   heard from everybody without being the one they want (ZOOKEEPER-975).
 * - Nobody forgets a better vote (ZOOKEEPER-275, 1419). The order is written down once more here, not borrowed.
 */

import { hasQuorum, isVoter } from '../../core/config/membership.ts';
import type { FleState } from '../../core/election/fle.ts';
import type { Candidate } from '../../core/election/vote.ts';
import type { NoteFields } from '../../core/io.ts';
import type { Ensemble } from '../../core/state.ts';
import { asPeer, type PeerId } from '../../core/types.ts';
import type { HostId } from '../world/types.ts';
import type { Report } from './properties.ts';

/** The zxid of a server without a usable history, which neither votes nor listens to votes. */
const NO_HISTORY = -1;

export class Elections {
  /**
   * Who has ever voted for a candidate in a round, or settled on it; by round and candidate. Nobody is taken out again, not
   * even at a restart: a vote that was under way, or heard before, counts with whoever received it. Rounds begin at 1 again
   * in every process, so after a restart of everybody a new round 1 inherits the supporters of the old one, and a leader
   * without a quorum in it can go unnoticed here. What it commits is still measured against the disks (`committed.ts`).
   */
  readonly #supporters = new Map<string, Set<PeerId>>();
  /** The rounds each server has been in since it began to look. */
  readonly #rounds = new Map<HostId, Set<number>>();
  /** Servers that begin to lead in this very step, and in which round. */
  readonly #elected = new Map<HostId, number>();
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  onNote(host: HostId, code: string, fields: NoteFields | undefined): void {
    const round = Number(fields?.round);
    switch (code) {
      case 'election.round.start':
        this.#rounds.set(host, new Set([round]));
        return;
      case 'election.round.join':
        this.#rounds.get(host)?.add(round);
        return;
      case 'election.vote.sent':
        this.#supportersOf(round, Number(fields?.leader)).add(asPeer(host));
        return;
      case 'election.leader.elected':
        this.#supportersOf(round, Number(fields?.leader)).add(asPeer(host));
        if (fields?.state === 'leading') this.#elected.set(host, round);
        return;
      default:
        return;
    }
  }

  #supportersOf(round: number, leader: number): Set<PeerId> {
    const key = `${round}/${leader}`;
    const known = this.#supporters.get(key);
    if (known !== undefined) return known;
    const fresh = new Set<PeerId>();
    this.#supporters.set(key, fresh);
    return fresh;
  }

  onStep(host: HostId, ensemble: Ensemble | null): void {
    if (ensemble === null) return;
    const round = this.#elected.get(host);
    if (round !== undefined) {
      this.#elected.delete(host);
      this.#checkElected(host, round, ensemble);
    }
    if (ensemble.fle.status === 'looking') this.#checkVote(host, ensemble.fle, ensemble);
  }

  /** A quorum of the configuration in force: one that is only proposed counts where the leader is confirmed, in `leader.ts`. */
  #checkElected(host: HostId, round: number, ensemble: Ensemble): void {
    const own = this.#rounds.get(host);
    const supporters = this.#supportersOf(round, host);
    const isOwnRound = own === undefined || own.has(round);
    if (isOwnRound && hasQuorum(ensemble.committed, supporters)) return;
    const why = isOwnRound
      ? `only ${[...supporters].join(',')} voted for it there`
      : `it has been in ${[...(own ?? [])].join(',')} since it began to look`;
    this.#report('elected-by-quorum', `server ${host} begins to lead by votes of round ${round}, but ${why}`, {
      servers: [host],
    });
  }

  #checkVote(host: HostId, { round, vote, logicalClock }: FleState, ensemble: Ensemble): void {
    if (round === null || round.own.zxid === NO_HISTORY || !mayLead(ensemble, vote.leader)) return;
    for (const [from, heard] of round.received) {
      if (heard.state !== 'looking' || heard.electionEpoch !== logicalClock || !mayLead(ensemble, heard.leader))
        continue;
      if (!isBetter(heard, vote)) continue;
      this.#report(
        'best-vote',
        `server ${host} votes for ${said(vote)} in round ${logicalClock} although it has heard of ${said(heard)} from server ${from}`,
        { servers: [host] },
      );
      return;
    }
  }
}

const mayLead = ({ committed, lastSeen }: Ensemble, id: PeerId): boolean =>
  isVoter(committed, id) && isVoter(lastSeen, id);

/**
 * The most recent epoch, in it the longest history, of equals the greatest number. The core ranks a candidate of weight 0
 * last; the simulator has no groups, so everybody here weighs the same.
 */
function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.peerEpoch > b.peerEpoch) return true;
  if (a.peerEpoch < b.peerEpoch) return false;
  return a.zxid > b.zxid || (a.zxid === b.zxid && a.leader > b.leader);
}

const said = ({ leader, peerEpoch, zxid }: Candidate): string =>
  `${leader} (epoch ${peerEpoch}, zxid ${zxid.toString(16)})`;
