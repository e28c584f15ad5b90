/** What every panel is, and the frame of tabs around them. */

import type { App } from '../app/app.ts';
import { byId, fill, h } from '../app/dom.ts';
import type { Tab } from '../lib/url.ts';

export interface Panel {
  readonly tab: Tab;
  readonly title: string;
  readonly root: HTMLElement;
  /** Called when it is shown and whenever something it may show has changed. */
  update(): void;
}

/** Only the newest answer counts: what is asked while one waits makes the older one void. */
export class Newest {
  #token = 0;

  async ask<T>(
    question: Promise<T>,
    answer: (value: T) => void,
    failed: (error: unknown) => void = () => {},
  ): Promise<void> {
    const token = ++this.#token;
    try {
      const value = await question;
      if (token === this.#token) answer(value);
    } catch (error) {
      if (token === this.#token) failed(error);
    }
  }

  cancel(): void {
    this.#token++;
  }
}

export class Panels {
  readonly #app: App;
  readonly #panels: readonly Panel[];
  readonly #tabs = h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Panels' });
  readonly #body = h('div', { class: 'body', role: 'tabpanel', tabindex: 0, id: 'panel-body' });

  constructor(app: App, panels: readonly Panel[]) {
    this.#app = app;
    this.#panels = panels;
    byId('panel').append(this.#tabs, this.#body);
    app.on('view', (view, before) => {
      if (view.tab !== before.tab) this.#switch();
      else if (view.range === before.range || view.event !== before.event) this.#current().update();
    });
    app.on('scene', () => this.#current().update());
    app.on('trace', () => {
      this.#makeTabs();
      this.#current().update();
    });
    this.#switch();
  }

  #current(): Panel {
    return this.#panels.find(({ tab }) => tab === this.#app.view.tab) ?? this.#panels[0]!;
  }

  #switch(): void {
    this.#makeTabs();
    const panel = this.#current();
    fill(this.#body, panel.root);
    this.#body.scrollTop = 0;
    this.#body.setAttribute('aria-label', panel.title);
    panel.update();
  }

  #makeTabs(): void {
    const violations = this.#app.trace?.info.verdict?.violationCount ?? 0;
    fill(
      this.#tabs,
      this.#panels.map((panel, i) => {
        const isOn = panel.tab === this.#app.view.tab;
        const count = panel.tab === 'violation' && violations > 0 ? ` ${violations}` : '';
        return h(
          'button',
          {
            role: 'tab',
            id: `tab-${panel.tab}`,
            'aria-selected': isOn ? 'true' : 'false',
            'aria-controls': 'panel-body',
            tabindex: isOn ? 0 : -1,
            class: count === '' ? '' : 'bad',
            title: `${panel.title} (${i + 1})`,
            onclick: () => this.#app.show({ tab: panel.tab }, true),
            onkeydown: (event: KeyboardEvent) => this.#onKey(event, i),
          },
          panel.title + count,
        );
      }),
    );
  }

  #onKey(event: KeyboardEvent, at: number): void {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = this.#panels[(at + by + this.#panels.length) % this.#panels.length]!;
    this.#app.show({ tab: next.tab }, true);
    this.#tabs.querySelector<HTMLElement>(`#tab-${next.tab}`)?.focus();
  }
}

/** A row or item that does something when it is clicked or Enter is pressed on it. */
export function active(
  act: () => void,
  isSelected = false,
): Record<string, string | number | ((event: never) => void)> {
  return {
    tabindex: 0,
    'aria-selected': isSelected ? 'true' : 'false',
    onclick: act,
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        act();
      } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        const row = event.currentTarget as HTMLElement;
        const next = event.key === 'ArrowDown' ? row.nextElementSibling : row.previousElementSibling;
        if (next instanceof HTMLElement && next.tabIndex >= 0) {
          event.preventDefault();
          event.stopPropagation();
          next.focus();
        }
      }
    },
  };
}

export const noTrace = (): HTMLElement =>
  h('p', { class: 'empty' }, 'No trace is open. Open or drop one, or let the laboratory run one.');
