/** The run in words: everything notable in order, by kind; and where the next one is. */

import type { App } from '../app/app.ts';
import { fill, h } from '../app/dom.ts';
import { lateMessages } from '../lib/late.ts';
import { instantMs } from '../lib/time.ts';
import { type Picture, STORY_KINDS, type StoryItem, type StoryKind } from '../model/api.ts';
import { active, noTrace, type Panel } from './panel.ts';

/** Late messages that are listed. */
const LATE_MAX = 12;

export class StoryPanel implements Panel {
  readonly tab = 'story';
  readonly title = 'Story';
  readonly root = h('div', { class: 'stack' });
  readonly #app: App;
  readonly #hidden = new Set<StoryKind>(['note']);
  #shown = '';
  #text = '';
  readonly #list = h('ol', { class: 'story' });

  constructor(app: App) {
    this.#app = app;
  }

  update(): void {
    const { scene, view } = this.#app;
    if (scene === null) {
      fill(this.root, noTrace());
      this.#shown = '';
      return;
    }
    const { story } = scene.picture;
    const key = `${this.#app.trace?.id} ${scene.picture.revision}`;
    if (key !== this.#shown) {
      this.#shown = key;
      fill(this.root, this.#filters(story), this.#late(scene.picture), this.#list);
      this.#fillList();
    }
    this.#mark(view.event);
  }

  #filters(story: readonly StoryItem[]): HTMLElement {
    const counts = new Map<StoryKind, number>();
    for (const { kind } of story) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return h(
      'div',
      { class: 'stack tight' },
      h('input', {
        type: 'search',
        placeholder: 'words in the story',
        'aria-label': 'Words in the story',
        value: this.#text,
        oninput: (event: Event) => {
          this.#text = (event.target as HTMLInputElement).value.toLowerCase();
          this.#fillList();
        },
      }),
      h(
        'div',
        { class: 'row tight', role: 'group', 'aria-label': 'Kinds' },
        STORY_KINDS.filter((kind) => counts.has(kind)).map((kind) =>
          h(
            'button',
            {
              class: 'chip',
              'aria-pressed': this.#hidden.has(kind) ? 'false' : 'true',
              onclick: (event: MouseEvent) => {
                if (this.#hidden.has(kind)) this.#hidden.delete(kind);
                else this.#hidden.add(kind);
                (event.currentTarget as HTMLElement).setAttribute(
                  'aria-pressed',
                  this.#hidden.has(kind) ? 'false' : 'true',
                );
                this.#fillList();
              },
            },
            `${KIND_SIGNS[kind]} ${kind} ${counts.get(kind)}`,
          ),
        ),
      ),
    );
  }

  /** The messages that were late, folded away; null when none was. */
  #late(picture: Picture): HTMLElement | null {
    const { longest, heldUp, lost } = lateMessages(picture, LATE_MAX);
    if (heldUp === 0 && lost === 0) return null;
    const count = (n: number, how: string): string => (n === 0 ? '' : `${n.toLocaleString('en')} ${how}`);
    const said = [count(heldUp, 'held up'), count(lost, 'never read')].filter((text) => text !== '').join(', ');
    return h(
      'details',
      { class: 'late' },
      h('summary', {}, `Messages between servers: ${said}`),
      h(
        'ol',
        { class: 'story' },
        longest.map(({ index, text }) =>
          h(
            'li',
            active(() => this.#app.select(index, { reveal: true })),
            h('span', {}, text),
          ),
        ),
        heldUp > longest.length && h('li', { class: 'dim' }, 'the longest of them'),
      ),
    );
  }

  #fillList(): void {
    const { scene } = this.#app;
    const items = (scene?.picture.story ?? []).filter(
      ({ kind, text }) => !this.#hidden.has(kind) && text.toLowerCase().includes(this.#text),
    );
    const shown = items.slice(0, ITEMS_MAX);
    fill(
      this.#list,
      shown.map((item) =>
        h(
          'li',
          { ...active(() => this.open(item)), class: item.kind, 'data-index': item.index },
          h('span', { class: 'mono dim' }, instantMs(item.timeUs)),
          h('span', { class: 'sign', title: item.kind, 'aria-label': item.kind }, KIND_SIGNS[item.kind]),
          h('span', {}, item.text),
        ),
      ),
      items.length > shown.length &&
        h('li', { class: 'dim' }, `and ${items.length - shown.length} more; filter to see them`),
      items.length === 0 && h('li', { class: 'dim' }, 'Nothing of these kinds.'),
    );
    this.#mark(this.#app.view.event);
  }

  #mark(event: number | null): void {
    for (const row of this.#list.children) {
      row.setAttribute(
        'aria-selected',
        event !== null && (row as HTMLElement).dataset.index === String(event) ? 'true' : 'false',
      );
    }
    this.#list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }

  open(item: StoryItem): void {
    const { scene } = this.#app;
    if (scene === null) return;
    const at = scene.axis.place(item.index, item.timeUs, item.hosts[0] ?? 0);
    const ref: { election?: number } =
      (item.kind === 'election' || item.kind === 'leader') && item.ref > 0 ? { election: item.ref } : {};
    if (item.index > 0) this.#app.select(item.index, { patch: ref });
    this.#app.reveal(at, at);
    this.#app.say(item.text);
  }
}

const ITEMS_MAX = 1500;

export const KIND_SIGNS: Readonly<Record<StoryKind, string>> = {
  election: '⚑',
  leader: '★',
  fault: '⌁',
  crash: '✕',
  sync: '⇄',
  config: '⚙',
  session: '◌',
  error: '!',
  violation: '▲',
  phase: '§',
  note: '·',
};
