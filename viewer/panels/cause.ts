/** One event in full: what it was, what it sent and changed, what led to it and what came of it. */

import type { App } from '../app/app.ts';
import { type Child, fill, h, refill } from '../app/dom.ts';
import { hostName } from '../lib/names.ts';
import { duration, instant, instantMs } from '../lib/time.ts';
import type { ChainLink, EventDetail, MessageView, StateNode } from '../model/api.ts';
import { active, Newest, noTrace, type Panel } from './panel.ts';

const CONE_MAX = 20_000;

export class CausePanel implements Panel {
  readonly tab = 'cause';
  readonly title = 'Event';
  readonly root = h('div', { class: 'stack' });
  readonly #app: App;
  readonly #newest = new Newest();
  readonly #coneNewest = new Newest();
  readonly #chainNewest = new Newest();
  readonly #chain = h('div', { class: 'stack tight' });
  #shown = '';
  #cone: 'causes' | 'effects' | null = null;

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
    if (view.event === null) {
      this.#shown = '';
      fill(
        this.root,
        h(
          'p',
          { class: 'empty' },
          'Click anything in the picture to see the event it stands for. ',
          h('kbd', {}, '['),
          ' and ',
          h('kbd', {}, ']'),
          ' step along a lane, ',
          h('kbd', {}, 'c'),
          ' goes to the cause.',
        ),
      );
      return;
    }
    const isRead = view.event <= scene.picture.events.count;
    const key = `${trace.id} ${isRead} ${view.event} ${view.target}`;
    if (key === this.#shown) return;
    this.#shown = key;
    const { event } = view;
    void this.#newest.ask(trace.model.event(event), (detail) => {
      if (detail === null) fill(this.root, h('p', { class: 'empty' }, `There is no event ${event} in this trace.`));
      else refill(this.root, this.#page(detail));
      if (this.#cone !== null) void this.showCone(this.#cone);
    });
    this.#showChain(event);
  }

  #page(event: EventDetail): HTMLElement {
    const facts: readonly (readonly [string, Child])[] = [
      ['at', h('span', { class: 'mono' }, instant(event.timeUs))],
      ['kind', event.kind],
      ...(event.monoMs === null
        ? []
        : [['clocks', `monotonic ${event.monoMs} ms, wall ${wallText(event.wallMs)}`] as const]),
      ['id', `${event.id} in the file`],
    ];
    const { cause } = event;
    return h(
      'div',
      { class: 'stack' },
      h('h2', {}, `${hostName(event.host)} · event ${event.index}`),
      h('p', {}, event.sentence),
      h(
        'dl',
        { class: 'facts' },
        facts.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
      ),
      h(
        'div',
        { class: 'row' },
        h(
          'button',
          {
            'aria-pressed': this.#cone === 'causes' ? 'true' : 'false',
            title: 'Light everything that led to it',
            onclick: () => void this.showCone(this.#cone === 'causes' ? null : 'causes'),
          },
          '◀ all causes',
        ),
        h(
          'button',
          {
            'aria-pressed': this.#cone === 'effects' ? 'true' : 'false',
            title: 'Light everything that followed from it',
            onclick: () => void this.showCone(this.#cone === 'effects' ? null : 'effects'),
          },
          'all effects ▶',
        ),
        this.#app.view.target !== event.index &&
          h(
            'button',
            {
              class: 'push',
              title: 'Then select another event: the shortest chain between the two is shown',
              onclick: () => this.#app.show({ target: event.index }, true),
            },
            'chain from here…',
          ),
      ),
      this.#coneNote,
      this.#chain,
      this.#links('Caused by', cause > 0 ? [cause] : []),
      this.#messages('Received', event.received),
      this.#messages('Sent', event.sent),
      event.notes.length > 0 &&
        h(
          'section',
          { class: 'stack tight' },
          h('h3', {}, 'Notes'),
          h(
            'ul',
            { class: 'lines plain' },
            event.notes.map(({ code, text }) =>
              h('li', {}, h('code', {}, code), ' ', h('span', { class: 'soft' }, text)),
            ),
          ),
        ),
      event.changes.length > 0 &&
        h(
          'section',
          { class: 'stack tight' },
          h('h3', {}, 'Changed'),
          h(
            'ul',
            { class: 'lines changes' },
            event.changes.slice(0, 40).map(({ path, op, before, after }) =>
              h(
                'li',
                active(() => this.#app.show({ tab: 'state', server: event.host, field: path.join('/') }, true)),
                h('code', {}, path.join(' / ')),
                h(
                  'span',
                  { class: 'mono' },
                  op !== 'add' && h('del', {}, before ?? ''),
                  op === 'replace' && ' → ',
                  op !== 'remove' && h('span', { class: 'changed' }, after ?? ''),
                ),
              ),
            ),
            event.changes.length > 40 && h('li', { class: 'dim' }, `and ${event.changes.length - 40} more, in State`),
          ),
        ),
      this.#values('Input', event.input === null ? [] : [event.input]),
      this.#values('Effects asked for', event.outputs),
      this.#links('Led to', event.effects),
    );
  }

  readonly #coneNote = h('p', { class: 'soft', hidden: true });

  /** Lights the cone in the picture; null puts it out. */
  async showCone(direction: 'causes' | 'effects' | null): Promise<void> {
    this.#cone = direction;
    const { trace, view } = this.#app;
    for (const button of this.root.querySelectorAll('button[aria-pressed]')) {
      const which = button.textContent?.includes('causes') === true ? 'causes' : 'effects';
      button.setAttribute('aria-pressed', which === direction ? 'true' : 'false');
    }
    if (direction === null || trace === null || view.event === null) {
      this.#coneNewest.cancel();
      this.#coneNote.hidden = true;
      this.#app.light(null);
      return;
    }
    const { event } = view;
    await this.#coneNewest.ask(trace.model.cone(event, direction, CONE_MAX), (cone) => {
      this.#app.light(new Set([event, ...cone.events]));
      const hosts = new Set([...cone.events].map((index) => this.#app.scene?.picture.events.host[index - 1]));
      const times = this.#app.scene?.picture.events.timeUs;
      const far =
        cone.events.length === 0 || times === undefined
          ? 0
          : Math.abs(times[(direction === 'causes' ? cone.events[0]! : cone.events.at(-1)!) - 1]! - times[event - 1]!);
      const text = `${cone.more ? 'more than ' : ''}${cone.events.length} events on ${hosts.size} hosts ${direction === 'causes' ? 'led to it' : 'followed from it'}, as far as ${duration(far)} ${direction === 'causes' ? 'before' : 'after'}`;
      fill(this.#coneNote, text);
      this.#coneNote.hidden = false;
      this.#app.say(text);
    });
  }

  #showChain(event: number): void {
    const { trace, view } = this.#app;
    if (trace === null || view.target === null) {
      this.#chainNewest.cancel();
      fill(this.#chain);
      return;
    }
    const { target } = view;
    const cancel = h(
      'button',
      { class: 'quiet', onclick: () => this.#app.show({ target: null }, true) },
      'forget the chain',
    );
    if (target === event) {
      fill(
        this.#chain,
        h('p', { class: 'soft' }, `The chain begins or ends at event ${target}. Select another event.`),
        cancel,
      );
      return;
    }
    void this.#chainNewest.ask(trace.model.chain(target, event), (chain) => {
      if (chain === null) {
        fill(
          this.#chain,
          h('p', { class: 'soft' }, `Neither of the events ${target} and ${event} led to the other.`),
          cancel,
        );
        return;
      }
      this.#app.light(new Set(chain.map(({ index }) => index)));
      fill(
        this.#chain,
        h('h3', {}, `Chain of ${chain.length} events`),
        h(
          'ol',
          { class: 'lines chain' },
          chain.map((link) => this.#link(link)),
        ),
        cancel,
      );
    });
  }

  #link(link: ChainLink): HTMLElement {
    const timeUs = this.#app.scene?.picture.events.timeUs[link.index - 1] ?? 0;
    return h(
      'li',
      active(() => this.#app.select(link.index, { reveal: true })),
      h('span', { class: 'mono dim' }, instantMs(timeUs)),
      h('span', {}, link.by === 'host' && h('span', { class: 'dim' }, 'later, '), link.sentence),
    );
  }

  #links(title: string, events: readonly number[]): Child {
    const { scene } = this.#app;
    if (events.length === 0 || scene === null) return null;
    const { timeUs, host, kind } = scene.picture.events;
    void kind;
    const row = (index: number): HTMLElement =>
      h(
        'li',
        active(() => this.#app.select(index, { reveal: true })),
        h('span', { class: 'mono dim' }, instantMs(timeUs[index - 1] ?? 0)),
        h('span', {}, `${hostName(host[index - 1] ?? 0)}, event ${index}`),
      );
    const shown = events.slice(0, 12);
    return h(
      'section',
      { class: 'stack tight' },
      h('h3', {}, title),
      h('ul', { class: 'lines' }, shown.map(row)),
      events.length > shown.length &&
        h(
          'details',
          {},
          h('summary', { class: 'dim' }, `${events.length - shown.length} more`),
          h('ul', { class: 'lines' }, events.slice(12).map(row)),
        ),
    );
  }

  #messages(title: string, messages: readonly MessageView[]): Child {
    if (messages.length === 0) return null;
    const isSent = title === 'Sent';
    return h(
      'section',
      { class: 'stack tight' },
      h('h3', {}, title),
      h(
        'ul',
        { class: 'lines' },
        messages.map((message) => {
          const other = isSent ? message.arrivedIndex : message.sentIndex;
          const way =
            message.arrivedUs === null ? 'never read' : `after ${duration(message.arrivedUs - message.sentUs)}`;
          return h(
            'li',
            active(() => {
              if (other > 0) this.#app.select(other, { reveal: true });
            }),
            h(
              'span',
              { class: 'dim' },
              `${isSent ? 'to' : 'from'} ${hostName(isSent ? message.to : message.from)}, ${way}`,
            ),
            h(
              'span',
              {},
              h('b', {}, message.name),
              ' ',
              h(
                'span',
                { class: 'soft mono wrap' },
                message.fields.map(({ name, text }) => `${name} ${text}`).join('  '),
              ),
            ),
          );
        }),
      ),
    );
  }

  #values(title: string, nodes: readonly StateNode[]): Child {
    if (nodes.length === 0) return null;
    return h(
      'section',
      { class: 'stack tight' },
      h('h3', {}, title),
      nodes.map((node) => valueTree(node, nodes.length === 1)),
    );
  }
}

/** A value that is only read: nested `details`. */
export function valueTree(node: StateNode, isOpen = false): HTMLElement {
  if (node.children === null || node.children.length === 0) {
    return h(
      'div',
      { class: 'leaf' },
      h('span', { class: 'key' }, node.key),
      ' ',
      h('span', { class: 'mono wrap' }, node.text),
    );
  }
  return h(
    'details',
    { class: 'leaf', ...(isOpen ? { open: true } : {}) },
    h('summary', {}, h('span', { class: 'key' }, node.key), ' ', h('span', { class: 'mono dim' }, node.text)),
    h(
      'div',
      { class: 'inner' },
      node.children.map((child) => valueTree(child)),
    ),
  );
}

function wallText(wallMs: number | null): string {
  return wallMs === null ? 'unknown' : new Date(wallMs).toISOString().replace('T', ' ').replace('Z', '');
}
