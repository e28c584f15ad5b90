/**
 * “When did it become inevitable?”: the run goes on from its own events with other dice, many times, and what is counted
 * grows in the picture while the worker counts.
 */

import type { Schedule } from '../../sim/schedule.ts';
import { BRANCH_RUNS_DEFAULT, type Branches, type BranchPoint } from '../../sim/shrink/branch.ts';
import type { App } from '../app/app.ts';
import { fill, h, refill } from '../app/dom.ts';
import type { Lab } from '../lab/lab.ts';
import { type PlacedPoint, parseBranches, sentenceOf, shareOf, turnOf } from '../lib/branches.ts';
import { instant } from '../lib/time.ts';

/** Which dice are others; the names are those of `--rekey`. */
const DICE: readonly (readonly [string, string])[] = [
  ['*', 'all other dice'],
  ['network/*', 'another network'],
  ['disk/*', 'other power cuts'],
  ['lanes/*', 'other disk times'],
  ['client/*', 'other clients'],
  ['ties', 'other ties'],
];

export class FuturesSection {
  readonly root = h('section', { class: 'stack tight futures' });
  readonly #app: App;
  readonly #lab: Lab;
  /** What the shown trace was run with. */
  readonly #schedule: () => Schedule | null;
  readonly #runs = h('input', {
    type: 'number',
    min: 2,
    max: 200,
    value: BRANCH_RUNS_DEFAULT,
    'aria-label': 'Futures from each moment',
    id: 'futures-runs',
  });
  readonly #dice = h(
    'select',
    { 'aria-label': 'Which dice' },
    DICE.map(([pattern, name]) => h('option', { value: pattern }, name)),
  );
  readonly #found = h('div', { class: 'stack tight' });
  #problem = '';

  constructor(app: App, lab: Lab, schedule: () => Schedule | null) {
    this.#app = app;
    this.#lab = lab;
    this.#schedule = schedule;
    app.on('futures', () => this.#tell());
    app.on('view', (view, before) => {
      if (view.event !== before.event && view.tab === 'lab') this.update();
    });
  }

  update(): void {
    const schedule = this.#schedule();
    if (schedule === null) {
      fill(this.root);
      return;
    }
    const isBusy = this.#lab.isRunning;
    refill(
      this.root,
      h('h3', {}, 'When did it become inevitable?'),
      h(
        'p',
        { class: 'dim' },
        'The same run up to an event, and from there on with other dice: in how many futures does the failure come all the same?',
      ),
      h('div', { class: 'row' }, this.#runs, h('label', { for: 'futures-runs' }, 'futures each, with'), this.#dice),
      h(
        'div',
        { class: 'row' },
        h(
          'button',
          { id: 'futures-all', class: 'primary', disabled: isBusy, onclick: () => void this.branch(null) },
          'Over the whole run',
        ),
        h(
          'button',
          {
            id: 'futures-one',
            disabled: isBusy || this.#app.view.event === null,
            onclick: () => void this.branch(this.#app.view.event),
          },
          'From the selected event',
        ),
        h('button', { hidden: this.#app.futures === null, onclick: () => this.#save() }, 'Save JSON'),
      ),
      this.#found,
    );
    this.#tell();
  }

  /** `index`: of the event; null: points over the whole run, then the moment at which it became certain. */
  async branch(index: number | null): Promise<void> {
    const schedule = this.#schedule();
    const { trace } = this.#app;
    if (schedule === null || trace === null) return;
    const event = index === null ? null : ((await trace.model.event(index))?.id ?? null);
    if (index !== null && event === null) return;
    const runs = Math.min(200, Math.max(2, Math.round(Number(this.#runs.value)) || BRANCH_RUNS_DEFAULT));
    const pattern = this.#dice.value;
    const growing: Branches = { format: 1, seed: schedule.seed, pattern, failure: null, points: [], inevitable: null };
    // Points from single events are kept side by side.
    const before = this.#app.futures?.branches;
    const kept = event !== null && before?.pattern === pattern ? before : null;
    let points: readonly BranchPoint[] = kept?.points.filter((point) => point.event !== event) ?? [];
    const inevitable = kept?.inevitable ?? null;
    this.#problem = '';
    await this.#show({ ...growing, points, inevitable });
    const branches = await this.#lab.branch(
      schedule,
      index === null ? 'futures over the run' : `futures of event ${index}`,
      {
        event,
        runs,
        pattern,
        bug: this.#lab.bugOf(trace),
        onPoint: (point) => {
          points = [...points, point].sort((a, b) => a.atUs - b.atUs || a.event - b.event);
          void this.#show({ ...growing, points, inevitable });
        },
      },
    );
    if (branches === null) {
      if (points.length === 0) await this.#app.setFutures(null);
      this.#problem = this.#lab.problem === null ? 'Stopped; what was counted until then is shown.' : '';
      this.#tell();
      return;
    }
    if (branches.failure === null && (trace.info.verdict?.verdict ?? 'ok') !== 'ok')
      this.#problem =
        'Run again here, it breaks no promise: the trace was made by another version, or by a core with a bug.';
    await this.#show(index === null ? branches : { ...branches, points, inevitable });
  }

  #show(branches: Branches): Promise<void> {
    return this.#app.setFutures(branches);
  }

  /** What `--branch … --save FILE` wrote. False when the text is something else. */
  load(text: string, name: string): boolean {
    const branches = parseBranches(text);
    if (branches === null) return false;
    const seed = this.#app.trace?.info.seed ?? null;
    if (seed !== branches.seed) {
      this.#app.say(`${name} tells of the futures of seed ${branches.seed}: open that run first, then this file again`);
      return true;
    }
    this.#problem = '';
    void this.#show(branches);
    return true;
  }

  #save(): void {
    const { futures } = this.#app;
    if (futures === null) return;
    const text = `${JSON.stringify(futures.branches, null, 2)}\n`;
    const address = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    h('a', { href: address, download: `futures-${futures.branches.seed}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  #tell(): void {
    const { futures } = this.#app;
    const { progress } = this.#lab;
    const counting =
      progress?.futures == null ? null : h('p', { class: 'soft', role: 'status' }, `${progress.futures} futures run…`);
    if (futures === null) {
      fill(this.#found, counting, this.#problem !== '' && h('p', { class: 'bad' }, this.#problem));
      return;
    }
    const { branches, points } = futures;
    const turn = turnOf(branches);
    fill(
      this.#found,
      this.#problem !== '' && h('p', { class: 'bad' }, this.#problem),
      counting ?? h('p', { id: 'futures-sentence' }, h('b', {}, sentenceOf(branches)), turn === null ? '' : ` ${turn}`),
      h(
        'table',
        { class: 'points', 'aria-label': 'Futures' },
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            ['time', 'event', 'fail', ''].map((name) => h('th', {}, name)),
          ),
        ),
        h(
          'tbody',
          {},
          points.map((point) => this.#row(point, branches)),
        ),
      ),
    );
  }

  #row(point: PlacedPoint, { inevitable }: Branches): HTMLElement {
    const isTurn = inevitable?.event === point.event;
    return h(
      'tr',
      {
        class: isTurn ? 'turn' : '',
        'aria-selected': point.index > 0 && this.#app.view.event === point.index ? 'true' : 'false',
      },
      h('td', {}, instant(point.atUs)),
      h(
        'td',
        {},
        point.index === 0
          ? `${point.event}`
          : h(
              'button',
              { class: 'quiet', onclick: () => this.#app.select(point.index, { reveal: true }) },
              `${point.index}`,
            ),
      ),
      h('td', {}, `${point.failed}/${point.runs}`),
      h(
        'td',
        { class: 'bar' },
        h('i', { style: `width:${Math.round(100 * shareOf(point))}%` }),
        isTurn && h('b', { class: 'bad' }, 'inevitable from here'),
      ),
    );
  }
}
