/** All elections; and of one of them where its time went, who voted for whom, and why anybody changed their mind. */

import type { App } from '../app/app.ts';
import { fill, h, refill } from '../app/dom.ts';
import { reignsOf, twoLeaders } from '../lib/leaders.ts';
import { hostList, hostName, hostShort } from '../lib/names.ts';
import { epochColour } from '../lib/palette.ts';
import { around } from '../lib/scale.ts';
import { duration, instantMs, zxidText } from '../lib/time.ts';
import type {
  Candidate,
  Election,
  ElectionDetail,
  ElectionStage,
  HeardVote,
  HeldVote,
  HostId,
  Picture,
  VoteMatrix,
  VoteRound,
} from '../model/api.ts';
import { active, Newest, noTrace, type Panel } from './panel.ts';

/** Times of two leaders that are told in words. */
const TWO_MAX = 6;

export class ElectionsPanel implements Panel {
  readonly tab = 'elections';
  readonly title = 'Elections';
  readonly root = h('div', { class: 'stack' });
  readonly #app: App;
  readonly #list = h('div', { class: 'stack' });
  readonly #detail = h('div', { class: 'stack' });
  readonly #newest = new Newest();
  #shown = '';
  #withJoins = false;

  constructor(app: App) {
    this.#app = app;
    app.on('theme', () => this.update());
  }

  update(): void {
    const { scene, view } = this.#app;
    if (scene === null) {
      fill(this.root, noTrace());
      return;
    }
    const { elections } = scene.picture;
    const key = `${this.#app.trace?.id} ${this.#app.theme.name} ${scene.picture.revision} ${view.election} ${this.#withJoins}`;
    if (key === this.#shown) return;
    this.#shown = key;
    if (elections.length === 0) {
      fill(this.root, h('p', { class: 'empty' }, 'No server was looking for a leader in this trace.'));
      return;
    }
    refill(this.#list, this.#leaders(scene.picture), this.#table(elections));
    fill(this.root, this.#list, this.#detail);
    this.#showDetail();
  }

  /** Who led from when to when; each in the colour that its epoch has in the picture. */
  #leaders(picture: Picture): HTMLElement | null {
    const reigns = reignsOf(picture);
    if (reigns.length === 0) return null;
    const { theme } = this.#app;
    return h(
      'section',
      { class: 'stack tight' },
      h('h3', {}, 'Who led'),
      h(
        'div',
        { class: 'reigns' },
        reigns.map(({ leader, epoch, beginUs, endUs }) =>
          h(
            'button',
            {
              class: 'reign',
              style: `--epoch:${epochColour(epoch, theme)}`,
              title: `server ${leader} led epoch ${epoch} for ${duration(endUs - beginUs)}`,
              onclick: () => this.#goTo(beginUs, endUs),
            },
            h('b', {}, `${leader}`),
            ` e${epoch} · ${instantMs(beginUs)}–${instantMs(endUs)}`,
          ),
        ),
      ),
      twoLeaders(picture)
        .slice(0, TWO_MAX)
        .map(({ sentence, fromUs, toUs }) =>
          h('p', {}, h('button', { class: 'quiet link', onclick: () => this.#goTo(fromUs, toUs) }, sentence)),
        ),
    );
  }

  #table(elections: readonly Election[]): HTMLElement {
    const { view } = this.#app;
    const joins = elections.filter(({ kind }) => kind === 'join').length;
    const rows = elections.filter(
      ({ kind, number }) => this.#withJoins || kind === 'election' || number === view.election,
    );
    return h(
      'div',
      { class: 'stack tight' },
      h(
        'table',
        { class: 'elections', 'aria-label': 'Elections' },
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            h('th', {}, '#'),
            h('th', { class: 'num' }, 'at'),
            h('th', { class: 'num' }, 'took'),
            h('th', {}, 'why, and how it ended'),
          ),
        ),
        h(
          'tbody',
          {},
          rows.map((election) => {
            const took = duration(election.endUs - election.beginUs);
            return h(
              'tr',
              active(() => this.open(election.number), election.number === view.election),
              h('td', { class: 'strong' }, election.number),
              h('td', { class: 'num mono' }, instantMs(election.beginUs)),
              h('td', { class: `num took ${election.outcome.kind === 'established' ? '' : 'bad'}` }, took),
              h('td', {}, h('div', {}, outcomeText(election)), h('div', { class: 'dim' }, election.trigger)),
            );
          }),
        ),
      ),
      joins > 0 &&
        h(
          'label',
          { class: 'row dim' },
          h('input', {
            type: 'checkbox',
            ...(this.#withJoins ? { checked: true } : {}),
            onchange: (event: Event) => {
              this.#withJoins = (event.target as HTMLInputElement).checked;
              this.update();
            },
          }),
          `also ${joins} ${joins === 1 ? 'join' : 'joins'}: servers that looked and found the leader that stood`,
        ),
    );
  }

  /** Selects an election and brings it into view. */
  open(number: number): void {
    const found = this.#app.scene?.elections.find(({ what }) => what.number === number);
    if (found === undefined) return;
    this.#app.show({ tab: 'elections', election: number, event: found.what.beginIndex || this.#app.view.event }, true);
    this.#app.fly(around(found.from, found.to, 0.12));
    this.#app.say(`election ${number}: ${found.what.sentence}`);
  }

  #showDetail(): void {
    const { trace, view } = this.#app;
    if (view.election === null || trace === null) {
      this.#newest.cancel();
      fill(
        this.#detail,
        h(
          'p',
          { class: 'empty' },
          'Choose an election to see who voted for whom and what took so long. ',
          h('kbd', {}, 'e'),
          ' goes to the next one.',
        ),
      );
      return;
    }
    void this.#newest.ask(trace.model.election(view.election), (detail) => {
      refill(
        this.#detail,
        detail === null ? h('p', { class: 'empty' }, `There is no election ${view.election}.`) : this.#page(detail),
      );
    });
  }

  #page(detail: ElectionDetail): HTMLElement {
    const length = detail.endUs - detail.beginUs;
    return h(
      'div',
      { class: 'stack' },
      h('h2', {}, `${detail.kind === 'join' ? 'Join' : 'Election'} ${detail.number}: ${duration(length)}`),
      h('p', {}, detail.sentence, h('span', { class: 'soft' }, `. Because: ${detail.trigger}.`)),
      stageBar(detail.stages, detail.beginUs, length),
      detail.delays.length > 0 &&
        h(
          'section',
          { class: 'stack tight' },
          h('h3', {}, 'What took so long'),
          h(
            'ol',
            { class: 'delays' },
            detail.delays.map((delay) =>
              h(
                'li',
                active(() => this.#goTo(delay.beginUs, delay.endUs)),
                h('span', {
                  class: 'meter',
                  'aria-hidden': 'true',
                  style: `--share:${Math.min(100, (delay.us / Math.max(1, length)) * 100)}%`,
                }),
                h('span', {}, delay.sentence),
              ),
            ),
          ),
        ),
      this.#matrix(detail.matrix, detail),
    );
  }

  #goTo(fromUs: number, toUs: number): void {
    const { scene } = this.#app;
    if (scene === null) return;
    this.#app.fly(around(scene.axis.place(0, fromUs, 0), scene.axis.place(0, toUs, 0), 0.2));
  }

  #event(index: number): void {
    if (index > 0) this.#app.select(index, { reveal: true });
  }

  // --- votes ---

  #matrix(matrix: VoteMatrix, detail: Election): HTMLElement {
    return h(
      'section',
      { class: 'stack' },
      matrix.rounds.map((round) => [
        h(
          'h3',
          {},
          `Round ${round.round}`,
          h('span', { class: 'plain' }, ` from ${offset(round.beginUs, detail)} to ${offset(round.endUs, detail)}`),
        ),
        this.#held(round, matrix, detail),
        this.#heard(round, matrix, detail),
      ]),
      this.#moments(matrix, detail),
    );
  }

  /** A row a server: the votes it held one after the other, and what made it change. */
  #held(round: VoteRound, matrix: VoteMatrix, detail: Election): HTMLElement {
    return h(
      'table',
      { class: 'held', 'aria-label': `Votes held in round ${round.round}` },
      h(
        'thead',
        {},
        h('tr', {}, h('th', {}, 'server'), h('th', {}, 'voted for'), h('th', {}, 'quorum'), h('th', {}, 'decided')),
      ),
      h(
        'tbody',
        {},
        matrix.voters.map((voter) => {
          const held = round.held.filter((vote) => vote.voter === voter);
          const quorum = matrix.quorums.filter((mark) => mark.server === voter && mark.round === round.round);
          const decided = matrix.decisions.filter((mark) => mark.server === voter && mark.round === round.round);
          return h(
            'tr',
            {},
            h('th', { scope: 'row' }, hostShort(voter)),
            h(
              'td',
              {},
              held.length === 0
                ? h('span', { class: 'dim' }, 'no vote')
                : h(
                    'div',
                    { class: 'votes' },
                    held.map((vote, i) => [
                      i > 0 && h('span', { class: 'why' }, whyText(vote)),
                      this.#vote(vote, detail),
                    ]),
                  ),
            ),
            h(
              'td',
              {},
              quorum.map((mark) =>
                h(
                  'button',
                  {
                    class: 'link',
                    title: `with the votes of ${hostList(mark.support)}`,
                    onclick: () => this.#event(mark.index),
                  },
                  offset(mark.atUs, detail),
                ),
              ),
            ),
            h(
              'td',
              {},
              decided.map((mark) =>
                h(
                  'button',
                  { class: 'link', onclick: () => this.#event(mark.index) },
                  `${mark.role === 'leading' ? 'leads' : `${mark.role === 'following' ? 'follows' : 'observes'} ${hostShort(mark.leader)}`} ${offset(mark.atUs, detail)}`,
                ),
              ),
            ),
          );
        }),
      ),
    );
  }

  #vote(vote: HeldVote, detail: Election): HTMLElement {
    return h(
      'button',
      { class: 'vote', title: vote.sentence, onclick: () => this.#event(vote.index) },
      h('b', {}, hostShort(vote.vote.leader)),
      h('span', { class: 'dim' }, ` ${candidateText(vote.vote)} · ${offset(vote.fromUs, detail)}`),
    );
  }

  /** Receiver by sender: the last vote that reached it in this round, and what it made of it. */
  #heard(round: VoteRound, matrix: VoteMatrix, detail: Election): HTMLElement {
    const { voters } = matrix;
    const heard = matrix.heard.filter(
      (vote) => vote.round === round.round || (vote.sentUs >= round.beginUs && vote.sentUs <= round.endUs),
    );
    return h(
      'table',
      { class: 'grid', 'aria-label': `Votes heard in round ${round.round}, receiver by sender` },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', {}, 'heard by ↓ from →'),
          voters.map((from) => h('th', { scope: 'col' }, hostShort(from))),
        ),
      ),
      h(
        'tbody',
        {},
        voters.map((to) =>
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, hostShort(to)),
            voters.map((from) => {
              if (from === to) return h('td', { class: 'self' }, '·');
              const votes = heard.filter((vote) => vote.to === to && vote.from === from);
              const last = votes.findLast(({ arrivedUs }) => !Number.isNaN(arrivedUs)) ?? votes.at(-1);
              if (last === undefined)
                return h(
                  'td',
                  { class: 'none', title: missingWhy(matrix, to, from) },
                  missingWhy(matrix, to, from) === '' ? '–' : missingWhy(matrix, to, from),
                );
              return h('td', {}, this.#cell(last, votes.length, detail));
            }),
          ),
        ),
      ),
    );
  }

  #cell(vote: HeardVote, count: number, detail: Election): HTMLElement {
    const isLost = Number.isNaN(vote.arrivedUs);
    const when = isLost ? 'lost' : offset(vote.arrivedUs, detail);
    const sentence = `${hostName(vote.from)} (${vote.state}) for ${hostShort(vote.vote.leader)}, ${candidateText(vote.vote)}, round ${vote.round}: ${EFFECT_WORDS[vote.effect]}${count > 1 ? `; the last of ${count}` : ''}`;
    return h(
      'button',
      {
        class: `heard ${vote.effect}`,
        title: sentence,
        'aria-label': `${sentence}, ${when}`,
        onclick: () => this.#event(isLost ? vote.sentIndex : vote.arrivedIndex),
      },
      h('b', {}, `${EFFECT_SIGNS[vote.effect]}${hostShort(vote.vote.leader)}`),
      h('span', { class: 'dim' }, when),
    );
  }

  /** Time-outs, quorums and decisions in order. */
  #moments(matrix: VoteMatrix, detail: Election): HTMLElement | null {
    interface Moment {
      readonly atUs: number;
      readonly index: number;
      readonly text: string;
    }
    const moments: Moment[] = [
      ...matrix.timeouts.map(({ server, atUs, index, kind, pauseMs, nextMs }) => ({
        atUs,
        index,
        text:
          kind === 'finalize'
            ? `${hostName(server)} has waited ${pauseMs} ms for better votes`
            : `${hostName(server)} heard nothing for ${pauseMs} ms and ${kind === 'resend' ? 'sends its vote again' : 'dials again'}; the next pause is ${nextMs} ms`,
      })),
      ...matrix.quorums.map(({ server, atUs, index, leader, support, lostUs }) => ({
        atUs,
        index,
        text: `${hostName(server)} has a quorum for ${hostShort(leader)}: ${hostList(support)}${Number.isNaN(lostUs) ? '' : `, until ${offset(lostUs, detail)}`}`,
      })),
      ...matrix.waits.map(({ server, fromUs, toUs, missing }) => ({
        atUs: fromUs,
        index: 0,
        text: `${hostName(server)} lacks votes for ${duration(toUs - fromUs)}: ${missing.map(({ host, why }) => `${hostShort(host)} (${why})`).join(', ')}`,
      })),
    ].sort((a, b) => a.atUs - b.atUs);
    if (moments.length === 0) return null;
    return h(
      'details',
      {},
      h('summary', {}, `${moments.length} timeouts, quorums and waits, in order`),
      h(
        'ol',
        { class: 'lines' },
        moments.map(({ atUs, index, text }) =>
          h(
            'li',
            active(() => (index > 0 ? this.#event(index) : this.#goTo(atUs, atUs + 1000))),
            h('span', { class: 'mono dim' }, offset(atUs, detail)),
            h('span', {}, text),
          ),
        ),
      ),
    );
  }
}

function missingWhy(matrix: VoteMatrix, to: HostId, from: HostId): string {
  const wait = matrix.waits.find(({ server, missing }) => server === to && missing.some(({ host }) => host === from));
  return wait?.missing.find(({ host }) => host === from)?.why ?? '';
}

function outcomeText({ outcome, kind, rounds }: Election): string {
  const inRounds = rounds.length > 1 ? ` after ${rounds.length} rounds` : '';
  if (outcome.kind === 'established') {
    return kind === 'join'
      ? `joins ${outcome.leader} in epoch ${outcome.epoch}`
      : `server ${outcome.leader} leads epoch ${outcome.epoch}${inRounds}`;
  }
  if (outcome.kind === 'failed')
    return outcome.leader === null
      ? `failed: ${outcome.reason}`
      : `server ${outcome.leader} was elected, but ${outcome.reason}`;
  return 'not over when the trace ends';
}

const STAGE_WORDS: Readonly<Record<ElectionStage['kind'], string>> = {
  detecting: 'noticing',
  draining: 'finishing writes',
  voting: 'voting',
  finalizing: 'waiting for better votes',
  discovery: 'discovery',
  synchronisation: 'synchronisation',
  gap: 'nothing',
};

/** One bar, as wide as the election; each stage as wide as it was long, and named below. */
function stageBar(stages: readonly ElectionStage[], beginUs: number, length: number): HTMLElement | null {
  if (stages.length === 0 || length <= 0) return null;
  return h(
    'figure',
    {
      class: 'stages',
      'aria-label': `Stages: ${stages.map((stage) => `${STAGE_WORDS[stage.kind]} ${duration(stage.endUs - stage.beginUs)}`).join(', ')}`,
    },
    h(
      'div',
      { class: 'bar' },
      stages.map((stage) =>
        h('span', {
          class: `stage ${stage.kind}`,
          title: stage.text,
          style: `left:${((stage.beginUs - beginUs) / length) * 100}%;width:${((stage.endUs - stage.beginUs) / length) * 100}%`,
        }),
      ),
    ),
    h(
      'ul',
      { class: 'row' },
      stages.map((stage) =>
        h(
          'li',
          { title: stage.text },
          h('i', { class: `stage ${stage.kind}` }),
          `${STAGE_WORDS[stage.kind]} ${duration(stage.endUs - stage.beginUs)}`,
        ),
      ),
    ),
  );
}

export const candidateText = ({ zxid, peerEpoch }: Candidate): string => `zxid ${zxidText(zxid)}, epoch ${peerEpoch}`;

export const offset = (atUs: number, { beginUs }: Pick<Election, 'beginUs'>): string =>
  atUs < beginUs ? duration(atUs - beginUs) : `+${duration(atUs - beginUs)}`;

const DECIDING_WORDS = {
  epoch: 'greater epoch',
  zxid: 'greater zxid',
  sid: 'greater server number',
  weight: 'weight',
  equal: 'equal',
} as const;

function whyText({ why }: HeldVote): string {
  if (why.kind === 'own') return '→';
  if (why.kind === 'better') return `→ from ${hostShort(why.heardFrom)}: ${DECIDING_WORDS[why.decided]} →`;
  return `→ round ${why.from} is over, from ${hostShort(why.heardFrom)}: ${DECIDING_WORDS[why.decided]} →`;
}

const EFFECT_WORDS: Readonly<Record<HeardVote['effect'], string>> = {
  better: 'better than its own: it changes its vote',
  laterRound: 'of a later round: it joins that round',
  agrees: 'agrees with its own',
  weaker: 'weaker than its own',
  earlierRound: 'of an earlier round: not counted',
  settled: 'from one that has a leader',
  ignored: 'not counted',
  answered: 'answered with its own vote',
  early: 'kept until it looks for a leader itself',
  lost: 'never arrived',
};

const EFFECT_SIGNS: Readonly<Record<HeardVote['effect'], string>> = {
  better: '▲',
  laterRound: '⇈',
  agrees: '=',
  weaker: '▽',
  earlierRound: '⇊',
  settled: '★',
  ignored: '∅',
  answered: '↩',
  early: '…',
  lost: '✕',
};

export { EFFECT_SIGNS, EFFECT_WORDS };
