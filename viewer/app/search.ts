/** The search box: a small language, the number of hits, and the way from one to the next. */

import { lowerBound, upperBound } from '../lib/search.ts';
import { Newest } from '../panels/panel.ts';
import type { App } from './app.ts';
import { fill, h } from './dom.ts';

const HITS_MAX = 100_000;

export class Search {
  readonly root: HTMLFormElement;
  readonly #app: App;
  readonly #input: HTMLInputElement;
  readonly #output = h('output', { 'aria-live': 'polite' });
  readonly #newest = new Newest();
  #hits: Uint32Array = new Uint32Array(0);
  #asked = '';

  constructor(app: App) {
    this.#app = app;
    this.#input = h('input', {
      type: 'search',
      id: 'query',
      placeholder: 'kind:ACK server:2 zxid>0x200000003 t:3s..5s',
      'aria-label': 'Search events',
      spellcheck: 'false',
      autocomplete: 'off',
      value: app.view.query,
      title:
        'Terms: kind: type: server: client: host: from: to: zxid epoch t: index id op path session note. Blanks mean and, | means or, - means not.',
    });
    this.root = h(
      'form',
      {
        id: 'search',
        role: 'search',
        onsubmit: (event: Event) => {
          event.preventDefault();
          if (this.#input.value === this.#app.view.query && this.#hits.length > 0) this.go(1);
          else this.#app.show({ query: this.#input.value.trim() }, true);
        },
      },
      this.#input,
      this.#output,
    );
    this.#input.addEventListener('keydown', (event) => {
      event.stopPropagation();
      if (event.key !== 'Escape') return;
      this.#input.value = '';
      this.#app.show({ query: '' });
      this.#input.blur();
    });
    app.on('view', (view) => {
      if (view.query !== this.#asked) this.#ask();
    });
    app.on('scene', () => {
      this.#asked = '';
      this.#ask();
    });
  }

  focus(): void {
    this.#input.focus();
    this.#input.select();
  }

  #ask(): void {
    const { trace, view, scene } = this.#app;
    if (this.#asked === view.query && view.query !== '') return;
    const wasOn = this.#asked !== '';
    this.#asked = view.query;
    if (document.activeElement !== this.#input) this.#input.value = view.query;
    if (view.query === '' || trace === null || scene === null) {
      this.#newest.cancel();
      this.#hits = new Uint32Array(0);
      fill(this.#output);
      this.#input.removeAttribute('aria-invalid');
      if (wasOn) this.#app.light(null);
      return;
    }
    fill(this.#output, '…');
    void this.#newest.ask(
      trace.model.search(view.query, { limit: HITS_MAX }),
      (result) => {
        if (result.error !== null) {
          this.#input.setAttribute('aria-invalid', 'true');
          this.#output.title = result.error.message;
          fill(this.#output, h('span', { class: 'bad' }, result.error.message));
          this.#hits = new Uint32Array(0);
          this.#app.light(null);
          return;
        }
        this.#input.removeAttribute('aria-invalid');
        this.#hits = result.events;
        this.#output.title = 'next: . previous: ,';
        fill(this.#output, `${result.total.toLocaleString('en')} found`);
        this.#app.light(result.events.length === 0 ? null : new Set(result.events));
      },
      (error) => fill(this.#output, h('span', { class: 'bad' }, String(error))),
    );
  }

  /** The next or previous hit from the selected event, or from the left edge of the picture. */
  go(direction: -1 | 1): void {
    const { view } = this.#app;
    if (this.#hits.length === 0) {
      this.focus();
      return;
    }
    const from = view.event ?? 0;
    const position = direction > 0 ? upperBound(this.#hits, from) : lowerBound(this.#hits, from) - 1;
    const index = this.#hits[position];
    if (index === undefined) {
      this.#app.say(`no ${direction > 0 ? 'later' : 'earlier'} hit`);
      return;
    }
    this.#app.select(index, { reveal: true });
    fill(this.#output, `${position + 1} of ${this.#hits.length.toLocaleString('en')}`);
  }
}
