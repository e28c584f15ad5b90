/** The promise that was broken, what happened instead, the events that clash, and what clients did around them. */

import type { App } from '../app/app.ts';
import { fill, h, refill } from '../app/dom.ts';
import { hostList, hostName } from '../lib/names.ts';
import { around } from '../lib/scale.ts';
import { instantMs } from '../lib/time.ts';
import type { ViolationDetail } from '../model/api.ts';
import { valueTree } from './cause.ts';
import { active, Newest, noTrace, type Panel } from './panel.ts';

export class ViolationPanel implements Panel {
  readonly tab = 'violation';
  readonly title = 'Violations';
  readonly root = h('div', { class: 'stack' });
  readonly #app: App;
  readonly #newest = new Newest();
  #shown = '';

  constructor(app: App) {
    this.#app = app;
  }

  update(): void {
    const { scene, trace, view } = this.#app;
    if (scene === null || trace === null) {
      fill(this.root, noTrace());
      this.#shown = '';
      return;
    }
    const key = `${trace.id} ${scene.picture.revision} ${trace.info.phase} ${view.violation}`;
    if (key === this.#shown) return;
    this.#shown = key;
    const { verdict } = trace.info;
    if (verdict === null) {
      const text =
        trace.info.phase === 'reading'
          ? 'The verdict stands at the end of the trace, which is still being read.'
          : 'The trace has no verdict: it was cut off, or is not of a checked run.';
      fill(this.root, h('p', { class: 'empty' }, text));
      return;
    }
    if (scene.picture.violations.length === 0) {
      fill(
        this.root,
        h(
          'p',
          { class: 'empty' },
          'Every promise was kept: the verdict of this run is ',
          h('b', { class: 'good' }, verdict.verdict),
          '.',
        ),
      );
      return;
    }
    void this.#newest.ask(trace.model.violations(), (all) => {
      const shown = all.find(({ number }) => number === view.violation) ?? all[0]!;
      refill(this.root, all.length > 1 && this.#list(all, shown), this.#page(shown));
    });
  }

  #list(all: readonly ViolationDetail[], shown: ViolationDetail): HTMLElement {
    return h(
      'ul',
      { class: 'lines' },
      all.map((violation) =>
        h(
          'li',
          active(() => this.open(violation), violation === shown),
          h('span', { class: 'mono dim' }, instantMs(violation.timeUs)),
          h(
            'span',
            {},
            h('b', { class: 'bad' }, violation.property),
            ' ',
            h('span', { class: 'soft' }, violation.kind),
          ),
        ),
      ),
    );
  }

  #page(violation: ViolationDetail): HTMLElement {
    return h(
      'div',
      { class: 'stack' },
      h('h2', { class: 'bad' }, `▲ ${violation.property}`),
      h('p', {}, h('b', {}, 'The promise: '), violation.sentence),
      h('p', {}, h('b', {}, 'Instead: '), violation.message),
      violation.servers.length > 0 &&
        h(
          'p',
          { class: 'soft' },
          `${violation.kind}, at ${instantMs(violation.timeUs)}, concerning ${violation.servers.length === 1 ? 'server' : 'servers'} ${hostList(violation.servers)}`,
        ),
      h(
        'div',
        { class: 'row' },
        h('button', { class: 'primary', onclick: () => this.open(violation) }, 'Show it in the picture'),
        h('button', { onclick: () => this.#app.light(null) }, 'Put out the light'),
      ),
      h(
        'section',
        { class: 'stack tight' },
        h('h3', {}, 'The events that clash'),
        violation.clash.length === 0 && h('p', { class: 'dim' }, 'The checker names none.'),
        h(
          'ol',
          { class: 'lines' },
          violation.clash.map((row) =>
            h(
              'li',
              active(() => this.#app.select(row.index, { reveal: true })),
              h('span', { class: 'mono dim' }, instantMs(row.timeUs)),
              h('span', {}, row.sentence),
            ),
          ),
        ),
      ),
      violation.operations.length > 0 &&
        h(
          'section',
          { class: 'stack tight' },
          h('h3', {}, 'What clients asked around it'),
          h(
            'ol',
            { class: 'lines' },
            violation.operations.map(({ host, row, text }) =>
              h(
                'li',
                active(() => this.#operation(host, row)),
                h('span', { class: 'dim' }, hostName(host)),
                h('span', {}, text),
              ),
            ),
          ),
        ),
      violation.conflict !== null &&
        h(
          'section',
          { class: 'stack tight' },
          h('h3', {}, 'What the checker held against each other'),
          valueTree(violation.conflict, true),
        ),
    );
  }

  #operation(host: number, row: number): void {
    const columns = this.#app.scene?.picture.clients.find((client) => client.host === host)?.operations;
    const index = columns?.beginIndex[row] ?? 0;
    if (index > 0) this.#app.select(index, { reveal: true });
  }

  /** Lights the events that clash and brings them all into view. */
  open(violation: Pick<ViolationDetail, 'number' | 'events' | 'timeUs' | 'property' | 'sentence'>): void {
    const { scene } = this.#app;
    if (scene === null) return;
    const places = violation.events.map((index) => this.#app.placeOf(index));
    const at = scene.axis.place(0, violation.timeUs, 0);
    this.#app.show(
      { tab: 'violation', violation: violation.number, event: violation.events.at(-1) ?? this.#app.view.event },
      true,
    );
    if (violation.events.length > 0) this.#app.light(new Set(violation.events));
    const [from, to] = [Math.min(at, ...places), Math.max(at, ...places)];
    const least = this.#app.scene?.axis.kind === 'time' ? 20_000 : 40;
    this.#app.fly(around(from, Math.max(to, from + least), 0.5));
    this.#app.say(`${violation.property}: ${violation.sentence}`);
  }
}
