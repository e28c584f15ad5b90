/**
 * The whole state of a server at the selected event: its fields as a tree with what the event changed lit, its log, its data
 * tree. A second server, or the same at another moment, can stand beside it; then what differs is lit.
 */

import type { App } from '../app/app.ts';
import { type Child, fill, h, refill } from '../app/dom.ts';
import { hostName } from '../lib/names.ts';
import { neighbourOf } from '../lib/scene.ts';
import { duration, instant, zxidText } from '../lib/time.ts';
import type { LogView, StateNode, StatePath, StateView, TreeView } from '../model/api.ts';
import { active, Newest, noTrace, type Panel } from './panel.ts';

type Sheet = 'fields' | 'log' | 'tree';

export class StatePanel implements Panel {
  readonly tab = 'state';
  readonly title = 'State';
  readonly root = h('div', { class: 'stack' });
  readonly #app: App;
  readonly #newest = new Newest();
  readonly #step = new Newest();
  /** Paths that are open; the same ones for every event, so that stepping does not fold what one reads. */
  readonly #open = new Set<string>(['', 'epochs', 'role', 'role/phase']);
  #sheet: Sheet = 'fields';
  #shown = '';
  readonly #head = h('div', { class: 'stack tight' });
  readonly #body = h('div', {});
  #focusPath: string | null = null;

  constructor(app: App) {
    this.#app = app;
  }

  get server(): number {
    const { view, scene } = this.#app;
    return view.server ?? scene?.picture.servers[0]?.host ?? 0;
  }

  update(): void {
    const { scene, view, trace } = this.#app;
    if (scene === null || trace === null) {
      fill(this.root, noTrace());
      this.#shown = '';
      return;
    }
    const { server } = this;
    const event = view.event ?? scene.picture.events.count;
    const key = `${trace.id} ${trace.info.phase} ${view.event === null || event > scene.picture.events.count ? scene.picture.revision : 0} ${server} ${event} ${this.#sheet} ${view.beside?.server}@${view.beside?.event} ${view.field}`;
    if (key === this.#shown) return;
    this.#shown = key;
    this.#showHead(server, event);
    if (this.root.firstChild !== this.#head) fill(this.root, this.#head, this.#body);
    const failed = (error: unknown): void =>
      fill(this.#body, h('p', { class: 'empty bad' }, `The state could not be read: ${String(error)}`));
    if (this.#sheet === 'log')
      void this.#newest.ask(
        trace.model.log(server, event, { count: 200 }),
        (log) => fill(this.#body, this.#logSheet(log)),
        failed,
      );
    else if (this.#sheet === 'tree')
      void this.#newest.ask(trace.model.tree(server, event), (tree) => fill(this.#body, this.#treeSheet(tree)), failed);
    else if (view.beside !== null) this.#showDiff(server, event, view.beside, failed);
    else void this.#newest.ask(trace.model.state(server, event), (state) => this.#showFields(state), failed);
  }

  // --- head ---

  #showHead(server: number, event: number): void {
    const { scene, view } = this.#app;
    const { picture } = scene!;
    const timeUs = picture.events.timeUs[event - 1] ?? 0;
    const sheets: readonly [Sheet, string][] = [
      ['fields', 'Fields'],
      ['log', 'Log'],
      ['tree', 'Data tree'],
    ];
    refill(
      this.#head,
      h(
        'div',
        { class: 'row' },
        h(
          'select',
          {
            'aria-label': 'Server',
            onchange: (change: Event) =>
              this.#app.show({ server: Number((change.target as HTMLSelectElement).value) }, true),
          },
          picture.servers.map(({ host }) =>
            h('option', { value: host, ...(host === server ? { selected: true } : {}) }, hostName(host)),
          ),
        ),
        h('span', { class: 'mono', title: 'time of the selected event' }, instant(timeUs)),
        h('span', { class: 'dim' }, view.event === null ? 'the end of the trace' : `event ${event}`),
        h(
          'span',
          { class: 'row tight push' },
          h('button', { title: 'Previous event of this server ([)', onclick: () => this.step(-1) }, '‹ step'),
          h('button', { title: 'Next event of this server (])', onclick: () => this.step(1) }, 'step ›'),
        ),
      ),
      h(
        'div',
        { class: 'row' },
        h(
          'span',
          { class: 'segmented', role: 'group', 'aria-label': 'What is shown' },
          sheets.map(([sheet, name]) =>
            h(
              'button',
              {
                'aria-pressed': this.#sheet === sheet ? 'true' : 'false',
                onclick: () => {
                  this.#sheet = sheet;
                  this.update();
                },
              },
              name,
            ),
          ),
        ),
        this.#sheet === 'fields' && this.#besideChooser(server, event),
      ),
      view.field !== null && this.#sheet === 'fields' && this.#fieldBar(view.field),
    );
  }

  #besideChooser(server: number, event: number): Child {
    const { scene, view } = this.#app;
    const { beside } = view;
    const choose = (value: string): void => {
      if (value === '') this.#app.show({ beside: null }, true);
      else if (value === 'here') this.#app.show({ beside: { server, event } }, true);
      else this.#app.show({ beside: { server: Number(value), event: 0 } }, true);
    };
    const value = beside === null ? '' : beside.event === 0 ? String(beside.server) : 'here';
    const option = (name: string, text: string): HTMLElement =>
      h('option', { value: name, ...(name === value ? { selected: true } : {}) }, text);
    return h(
      'label',
      { class: 'row tight push' },
      h('span', { class: 'dim' }, 'beside'),
      h(
        'select',
        { onchange: (change: Event) => choose((change.target as HTMLSelectElement).value) },
        option('', 'nothing'),
        option(
          'here',
          beside !== null && beside.event > 0
            ? `${hostName(beside.server)} at event ${beside.event}`
            : 'this moment, then go on',
        ),
        scene!.picture.servers
          .filter(({ host }) => host !== server)
          .map(({ host }) => option(String(host), `${hostName(host)} now`)),
      ),
    );
  }

  #fieldBar(field: string): HTMLElement {
    const go = (direction: -1 | 1): void => void this.nextChange(direction);
    return h(
      'div',
      { class: 'row field' },
      h('code', { class: 'soft' }, field),
      h(
        'span',
        { class: 'row tight push' },
        h('button', { title: 'Previous change of this field (<)', onclick: () => go(-1) }, '‹ change'),
        h('button', { title: 'Next change of this field (>)', onclick: () => go(1) }, 'change ›'),
        h(
          'button',
          { class: 'quiet', 'aria-label': 'Watch no field', onclick: () => this.#app.show({ field: null }) },
          '×',
        ),
      ),
    );
  }

  /** The event of this server before or after the selected one. */
  step(direction: -1 | 1): void {
    const { view, scene } = this.#app;
    if (scene === null) return;
    const { server } = this;
    const index = neighbourOf(scene, server, view.event ?? scene.picture.events.count + 1, direction);
    if (index > 0) this.#app.select(index, { reveal: true, patch: { server } });
    else this.#app.say(`${hostName(server)} has no ${direction > 0 ? 'later' : 'earlier'} event`);
  }

  async nextChange(direction: -1 | 1): Promise<void> {
    const { trace, view, scene } = this.#app;
    if (trace === null || scene === null || view.field === null) return;
    const path = view.field === '' ? [] : view.field.split('/').map(unescapeKey);
    const from = view.event ?? scene.picture.events.count;
    const { server } = this;
    await this.#step.ask(trace.model.nextChange(server, from, path, direction), (index) => {
      if (index > 0) this.#app.select(index, { reveal: true, patch: { server } });
      else this.#app.say(`${view.field} does not change ${direction > 0 ? 'after' : 'before'} this`);
    });
  }

  // --- fields ---

  #showFields(state: StateView): void {
    if (state.root === null) {
      const why =
        state.status === 'down'
          ? `${hostName(state.host)} is down at this moment.`
          : 'The trace tells nothing of its state before this moment.';
      fill(this.#body, h('p', { class: 'empty' }, why));
      return;
    }
    const { timeUs } = state;
    const now = this.#app.scene?.picture.events.timeUs[state.index - 1] ?? timeUs;
    const told =
      state.stepIndex === state.index
        ? `This event changed ${state.changes.length} ${state.changes.length === 1 ? 'field' : 'fields'}.`
        : `Its last step before this was event ${state.stepIndex}, ${duration(now - timeUs)} earlier.`;
    this.#fillFields(
      h(
        'div',
        { class: 'stack tight' },
        h(
          'dl',
          { class: 'facts' },
          state.heap.map(({ name, text }) => [h('dt', {}, name), h('dd', { class: 'mono' }, text)]),
        ),
        h('p', { class: 'soft' }, told),
        this.#tree(state.root),
      ),
      state.index,
    );
  }

  #showDiff(
    server: number,
    event: number,
    beside: NonNullable<App['view']['beside']>,
    failed: (error: unknown) => void,
  ): void {
    const { trace } = this.#app;
    const a = { host: beside.server, index: beside.event === 0 ? event : beside.event };
    void this.#newest.ask(
      trace!.model.stateDiff(a, { host: server, index: event }),
      (diff) => {
        if (diff.root === null) {
          fill(this.#body, h('p', { class: 'empty' }, 'One of the two was down at its moment.'));
          return;
        }
        const at = beside.event === 0 ? 'now' : `at event ${beside.event}`;
        this.#fillFields(
          h(
            'div',
            { class: 'stack tight' },
            h(
              'p',
              { class: 'soft' },
              `${diff.changes.length} fields differ. Left: ${hostName(beside.server)} ${at}; right: ${hostName(server)}.`,
            ),
            this.#tree(diff.root, true),
          ),
          event,
        );
      },
      failed,
    );
  }

  /** Replaces the tree and gives the focus back to the row that had it. */
  #fillFields(content: HTMLElement, index: number): void {
    refill(this.#body, content);
    this.#body.dataset.index = String(index);
    if (this.#focusPath === null) return;
    const row = [...this.#body.querySelectorAll<HTMLElement>('[data-path]')].find(
      ({ dataset }) => dataset.path === this.#focusPath,
    );
    if (row !== undefined && document.activeElement === document.body) row.focus({ preventScroll: true });
  }

  #tree(root: StateNode, isDiff = false): HTMLElement {
    const rows: HTMLElement[] = [];
    for (const child of root.children ?? []) this.#rows(child, [], rows, isDiff);
    return h(
      'div',
      {
        class: `fields${isDiff ? ' two' : ''}`,
        role: 'tree',
        'aria-label': 'State',
        onkeydown: (event: KeyboardEvent) => this.#onTreeKey(event),
      },
      rows,
    );
  }

  #rows(node: StateNode, above: StatePath, rows: HTMLElement[], isDiff: boolean): void {
    const path = [...above, node.key];
    const key = path.map(escapeKey).join('/');
    const isBranch = node.children !== null && node.children.length > 0;
    // What an event changed is never hidden in a folded part.
    const isOpen =
      isBranch &&
      (this.#open.has(key) ||
        ((node.change === 'within' || node.change === 'added') &&
          !this.#open.has(`-${key}`) &&
          (node.children?.length ?? 0) < 60));
    const depth = above.length;
    rows.push(
      h(
        'div',
        {
          role: 'treeitem',
          'aria-level': depth + 1,
          ...(isBranch ? { 'aria-expanded': isOpen ? 'true' : 'false' } : {}),
          'aria-selected': this.#app.view.field === key ? 'true' : 'false',
          tabindex: rows.length === 0 || this.#app.view.field === key ? 0 : -1,
          class: `field-row ${node.change ?? ''}`,
          style: `--depth:${depth}`,
          'data-path': key,
          onclick: () => {
            this.#focusPath = key;
            if (isBranch) this.#toggle(key, isOpen);
            else this.#app.show({ field: key });
          },
        },
        h(
          'span',
          { class: 'key' },
          h('i', { class: 'twist', 'aria-hidden': 'true' }, isBranch ? (isOpen ? '▾' : '▸') : ''),
          node.key,
        ),
        isDiff && h('span', { class: 'value before' }, node.before ?? (node.change === 'added' ? '–' : node.text)),
        !isDiff && node.before !== undefined && node.change === 'changed' && h('del', { class: 'value' }, node.before),
        h('span', { class: 'value' }, node.change === 'removed' ? h('del', {}, node.before ?? node.text) : node.text),
        node.change !== null &&
          h('span', { class: 'sr' }, ` (${node.change === 'within' ? 'changed inside' : node.change})`),
      ),
    );
    if (isOpen) for (const child of node.children ?? []) this.#rows(child, path, rows, isDiff);
  }

  #toggle(key: string, isOpen: boolean): void {
    if (isOpen) {
      this.#open.delete(key);
      this.#open.add(`-${key}`);
    } else {
      this.#open.add(key);
      this.#open.delete(`-${key}`);
    }
    this.#shown = '';
    this.update();
  }

  #onTreeKey(event: KeyboardEvent): void {
    const rows = [...this.#body.querySelectorAll<HTMLElement>('[role="treeitem"]')];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    if (at < 0) return;
    const row = rows[at]!;
    const path = row.dataset.path ?? '';
    const go = (next: HTMLElement | undefined): void => {
      if (next === undefined) return;
      this.#focusPath = next.dataset.path ?? null;
      row.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    };
    const expanded = row.getAttribute('aria-expanded');
    if (event.key === 'ArrowDown') go(rows[at + 1]);
    else if (event.key === 'ArrowUp') go(rows[at - 1]);
    else if (event.key === 'ArrowRight' && expanded === 'false') this.#toggle(path, false);
    else if (event.key === 'ArrowRight' && expanded === 'true') go(rows[at + 1]);
    else if (event.key === 'ArrowLeft' && expanded === 'true') this.#toggle(path, true);
    else if (event.key === 'ArrowLeft')
      go(rows.find(({ dataset }) => dataset.path === path.split('/').slice(0, -1).join('/')));
    else if (event.key === 'Enter') this.#app.show({ field: path });
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // --- log and tree ---

  #logSheet(log: LogView): HTMLElement {
    return h(
      'div',
      { class: 'stack tight' },
      h(
        'dl',
        { class: 'facts' },
        (['last', 'synced', 'committed', 'applied'] as const).map((name) => [
          h('dt', {}, name === 'last' ? 'logged' : name),
          h('dd', { class: 'mono' }, zxidText(log[name])),
        ]),
      ),
      log.entries.length === 0
        ? h('p', { class: 'empty' }, 'Its log is empty.')
        : h(
            'table',
            { 'aria-label': 'Log, newest first' },
            h('thead', {}, h('tr', {}, h('th', {}, 'zxid'), h('th', {}, 'is'), h('th', {}, 'transaction'))),
            h(
              'tbody',
              {},
              log.entries.map((entry) =>
                h(
                  'tr',
                  active(() => {
                    if (entry.proposedIndex > 0) this.#app.select(entry.proposedIndex, { reveal: true });
                  }),
                  h('td', { class: 'mono' }, zxidText(entry.zxid)),
                  h(
                    'td',
                    { class: 'soft' },
                    entry.applied ? 'applied' : entry.committed ? 'committed' : entry.durable ? 'synced' : 'logged',
                  ),
                  h('td', { class: 'wrap' }, entry.text ?? h('span', { class: 'dim' }, 'not in the trace')),
                ),
              ),
            ),
          ),
      log.earlier > 0 && h('p', { class: 'dim' }, `and ${log.earlier} earlier entries`),
    );
  }

  #treeSheet(tree: TreeView): HTMLElement {
    return h(
      'div',
      { class: 'stack tight' },
      h(
        'p',
        { class: 'soft' },
        `${tree.nodeCount} nodes at zxid ${zxidText(tree.zxid)}.`,
        !tree.exact && h('span', { class: 'bad' }, ' Some transactions are not in the trace, so this may lack nodes.'),
      ),
      h(
        'table',
        { 'aria-label': 'Data tree' },
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            h('th', {}, 'path'),
            h('th', { class: 'num' }, 'version'),
            h('th', {}, 'modified'),
            h('th', {}, 'data'),
          ),
        ),
        h(
          'tbody',
          {},
          tree.nodes.map((node) =>
            h(
              'tr',
              {},
              h(
                'td',
                { class: 'wrap' },
                node.path,
                node.owner !== null &&
                  h('span', { class: 'chip', title: `ephemeral, session ${node.owner}` }, 'ephemeral'),
              ),
              h('td', { class: 'num' }, node.version),
              h('td', { class: 'mono' }, zxidText(node.modified)),
              h('td', { class: 'wrap mono soft' }, node.data === '' ? '' : node.data.slice(0, 80)),
            ),
          ),
        ),
      ),
    );
  }
}

const escapeKey = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
const unescapeKey = (key: string): string => key.replaceAll('~1', '/').replaceAll('~0', '~');
