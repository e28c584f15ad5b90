/** The events as a table, for whoever reads rather than looks: the same run, row by row, filtered by the search. */

import type { App } from '../app/app.ts';
import { fill, h, refill } from '../app/dom.ts';
import { hostName } from '../lib/names.ts';
import { instantMs } from '../lib/time.ts';
import type { EventPage } from '../model/api.ts';
import { active, Newest, noTrace, type Panel } from './panel.ts';

const ROWS = 100;

export class TablePanel implements Panel {
  readonly tab = 'table';
  readonly title = 'Table';
  readonly root = h('div', { class: 'stack' });
  readonly #app: App;
  readonly #newest = new Newest();
  #from: number | null = null;
  #shown = '';
  readonly #head = h('div', { class: 'row' });
  readonly #body = h('div', {});

  constructor(app: App) {
    this.#app = app;
  }

  update(): void {
    const { scene, trace, view } = this.#app;
    if (scene === null || trace === null) {
      this.#shown = '';
      fill(this.root, noTrace());
      return;
    }
    const key = `${trace.id} ${scene.picture.revision} ${view.query} ${this.#from}`;
    if (key !== this.#shown) {
      this.#shown = key;
      fill(this.root, this.#head, this.#body);
      this.#load();
    }
    this.#mark();
  }

  #load(): void {
    const { trace, view, scene } = this.#app;
    const from = this.#from ?? (view.query === '' ? Math.max(1, this.#firstInView()) : 1);
    const query = view.query === '' ? {} : { query: view.query };
    void this.#newest.ask(
      trace!.model.events({ from, count: ROWS, ...query }),
      (page) => this.#showPage(page, from),
      (error) => fill(this.#body, h('p', { class: 'bad' }, String(error))),
    );
    void scene;
  }

  #firstInView(): number {
    const { scene, range } = this.#app;
    if (scene === null) return 1;
    const timeUs = scene.axis.timeAt(range.from);
    const times = scene.picture.events.timeUs;
    let [low, high] = [0, scene.picture.events.count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (times[middle]! < timeUs) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  }

  #showPage(page: EventPage, from: number): void {
    const first = page.rows[0]?.index ?? from;
    const last = page.rows.at(-1)?.index ?? from;
    const go = (to: number | null): void => {
      this.#from = to;
      this.update();
    };
    refill(
      this.#head,
      h(
        'span',
        { class: 'soft' },
        page.total === 0
          ? 'No event matches.'
          : `Events ${first} to ${last}${this.#app.view.query === '' ? '' : ` of those that match “${this.#app.view.query}”`}; ${page.total.toLocaleString('en')} in all`,
      ),
      h(
        'span',
        { class: 'row tight push' },
        h('button', { onclick: () => go(1) }, 'first'),
        h('button', { onclick: () => go(Math.max(1, from - ROWS)), disabled: from <= 1 }, '‹ back'),
        h('button', { onclick: () => go(last + 1), disabled: page.rows.length < ROWS }, 'on ›'),
        h('button', { onclick: () => go(null), title: 'From the left edge of the picture' }, 'in view'),
      ),
    );
    refill(
      this.#body,
      h(
        'table',
        { 'aria-label': 'Events' },
        h(
          'thead',
          {},
          h('tr', {}, h('th', { class: 'num' }, 'event'), h('th', {}, 'at'), h('th', {}, 'host'), h('th', {}, 'what')),
        ),
        h(
          'tbody',
          {},
          page.rows.map((row) =>
            h(
              'tr',
              { ...active(() => this.#app.select(row.index, { reveal: true })), 'data-index': row.index },
              h('td', { class: 'num mono' }, row.index),
              h('td', { class: 'mono' }, instantMs(row.timeUs)),
              h('td', {}, hostName(row.host)),
              h('td', { class: 'wrap' }, row.sentence),
            ),
          ),
        ),
      ),
    );
    this.#mark();
  }

  #mark(): void {
    const { event } = this.#app.view;
    for (const row of this.#body.querySelectorAll<HTMLElement>('tr[data-index]')) {
      row.setAttribute('aria-selected', row.dataset.index === String(event) ? 'true' : 'false');
    }
  }
}
