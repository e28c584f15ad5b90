/** Two traces side by side: what is the same in both, and the first thing that is not. */

import type { App, Loaded } from '../app/app.ts';
import { type Child, fill, h, refill } from '../app/dom.ts';
import { around } from '../lib/scale.ts';
import { duration, instantMs } from '../lib/time.ts';
import type { Comparison } from '../model/api.ts';
import { active, Newest, noTrace, type Panel } from './panel.ts';

export class ComparePanel implements Panel {
  readonly tab = 'compare';
  readonly title = 'Compare';
  readonly root = h('div', { class: 'stack' });
  readonly #app: App;
  readonly #newest = new Newest();
  readonly #result = h('div', { class: 'stack' });
  readonly #openOther: () => void;
  #by: 'time' | 'cause' = 'cause';
  #shown = '';

  constructor(app: App, openOther: () => void) {
    this.#app = app;
    this.#openOther = openOther;
  }

  update(): void {
    const { trace, other, scene } = this.#app;
    if (trace === null || scene === null) {
      this.#shown = '';
      fill(this.root, noTrace());
      return;
    }
    if (other === null) {
      this.#shown = '';
      fill(
        this.root,
        h(
          'p',
          { class: 'empty' },
          'There is nothing to compare with yet. Open a second trace, or change the schedule in the laboratory and run it again: the run before is kept for this.',
        ),
        h('div', { class: 'row' }, h('button', { onclick: this.#openOther }, 'Open a second trace…')),
      );
      return;
    }
    const key = `${trace.id} ${other.id} ${trace.info.phase} ${other.info.phase} ${trace.picture?.revision} ${other.picture?.revision} ${this.#by}`;
    if (key === this.#shown) return;
    this.#shown = key;
    refill(
      this.root,
      h(
        'div',
        { class: 'row' },
        h(
          'button',
          { title: 'Look at the other one, at the same place (x)', onclick: () => this.#app.swap() },
          'Swap the two',
        ),
        h('button', { onclick: this.#openOther }, 'Another file…'),
        h(
          'span',
          { class: 'segmented push', role: 'group', 'aria-label': 'Aligned by' },
          (['cause', 'time'] as const).map((by) =>
            h(
              'button',
              {
                'aria-pressed': this.#by === by ? 'true' : 'false',
                onclick: () => {
                  this.#by = by;
                  this.update();
                },
              },
              `by ${by}`,
            ),
          ),
        ),
      ),
      facts(trace, other),
      this.#result,
    );
    if (trace.info.phase === 'reading' || other.info.phase === 'reading') {
      fill(this.#result, h('p', { class: 'empty' }, 'One of the two is still being read.'));
      return;
    }
    fill(this.#result, h('p', { class: 'dim' }, 'Looking for the first difference…'));
    void this.#newest.ask(
      this.#app.viewer.compare(trace.id, other.id, this.#by),
      (comparison) => fill(this.#result, this.#page(comparison)),
      (error) => fill(this.#result, h('p', { class: 'bad' }, `The two could not be compared: ${String(error)}`)),
    );
  }

  #page({ sentence, divergence, left }: Comparison): Child {
    return [
      h('p', {}, sentence),
      h('p', { class: 'soft' }, `${left.length.toLocaleString('en')} events have a counterpart.`),
      divergence !== null &&
        h(
          'section',
          { class: 'stack tight' },
          h('h3', {}, 'The first difference'),
          h(
            'ul',
            { class: 'lines' },
            h(
              'li',
              active(() => this.#goTo(divergence.left, divergence.leftUs)),
              h('span', { class: 'mono dim' }, divergence.left === 0 ? 'ended' : instantMs(divergence.leftUs)),
              h('span', {}, h('b', {}, 'this: '), divergence.leftText),
            ),
            h(
              'li',
              active(() => {
                this.#app.swap();
                this.#goTo(divergence.right, divergence.rightUs);
              }),
              h('span', { class: 'mono dim' }, divergence.right === 0 ? 'ended' : instantMs(divergence.rightUs)),
              h('span', {}, h('b', {}, 'the other: '), divergence.rightText),
            ),
          ),
        ),
    ];
  }

  #goTo(index: number, timeUs: number): void {
    if (index > 0) this.#app.select(index, { reveal: true });
    else {
      const at = this.#app.scene?.axis.place(0, timeUs, 0) ?? 0;
      this.#app.fly(around(at, at + 1000, 1));
    }
  }
}

function facts(a: Loaded, b: Loaded): HTMLElement {
  const elections = (loaded: Loaded): string => {
    const all = (loaded.picture?.elections ?? []).filter(({ kind }) => kind === 'election');
    const slowest = Math.max(0, ...all.map(({ beginUs, endUs }) => endUs - beginUs));
    return all.length === 0 ? '0' : `${all.length}, the slowest ${duration(slowest)}`;
  };
  const rows: readonly (readonly [string, (loaded: Loaded) => string])[] = [
    ['trace', ({ info }) => info.name],
    ['seed', ({ info }) => info.seed ?? '–'],
    ['verdict', ({ info }) => info.verdict?.verdict ?? (info.phase === 'reading' ? 'being read' : 'none')],
    ['length', ({ info }) => duration(info.endUs - info.beginUs)],
    ['events', ({ info }) => info.events.toLocaleString('en')],
    ['elections', elections],
    ['messages', ({ picture }) => (picture?.messages.count ?? 0).toLocaleString('en')],
    ['hash', ({ info }) => info.verdict?.hash ?? '–'],
  ];
  return h(
    'table',
    { class: 'facts-table' },
    h('thead', {}, h('tr', {}, h('th', {}), h('th', {}, 'this'), h('th', {}, 'the other'))),
    h(
      'tbody',
      {},
      rows.map(([name, value]) => {
        const [left, right] = [value(a), value(b)];
        return h(
          'tr',
          { class: left === right ? '' : 'differs' },
          h('th', { scope: 'row' }, name),
          h('td', {}, left),
          h('td', {}, right),
        );
      }),
    ),
  );
}
