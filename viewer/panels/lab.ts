/**
 * The laboratory: what to run, the schedule as a list one can change (and drag on the time axis), and how it went. A changed
 * schedule is run again beside the run before.
 */

import { SCENARIOS } from '../../scenarios/index.ts';
import { formatSchedule, OPS, type Op, type OpName, parseSchedule, type Schedule } from '../../sim/schedule.ts';
import { generate, PROFILES, type Profile } from '../../sim/swarm.ts';
import type { App } from '../app/app.ts';
import { type Child, fill, h } from '../app/dom.ts';
import type { FaultDrag, Ghost, Stage } from '../draw/stage.ts';
import type { Lab } from '../lab/lab.ts';
import {
  addOp,
  changesOf,
  lengthOf,
  moveBegin,
  moveOp,
  opText,
  removeOp,
  rewriteOp,
  stretchOp,
  timeOf,
  whyFixed,
} from '../lib/schedule-edit.ts';
import { duration } from '../lib/time.ts';
import { FuturesSection } from './lab-futures.ts';
import { ZooSection } from './lab-zoo.ts';
import type { Panel } from './panel.ts';

export class LabPanel implements Panel {
  readonly tab = 'lab';
  readonly title = 'Lab';
  readonly root = h('div', { class: 'stack lab' });
  readonly #app: App;
  readonly #lab: Lab;
  readonly #stage: Stage;
  /** What the shown trace was run with, and what will be run next. */
  #base: Schedule | null = null;
  #draft: Schedule | null = null;
  #draftFor = 0;
  readonly #undo: Schedule[] = [];
  #editing: number | null = null;
  #problem = '';
  readonly #source = h('section', { class: 'stack tight' });
  readonly #schedule = h('section', { class: 'stack tight' });
  readonly #run = h('section', { class: 'stack tight', 'aria-live': 'polite' });
  readonly #zoo: ZooSection;
  readonly #futures: FuturesSection;

  /** `onBroken`: a run that somebody asked for has broken a promise. */
  constructor(app: App, lab: Lab, stage: Stage, onBroken: () => void) {
    this.#app = app;
    this.#lab = lab;
    this.#stage = stage;
    this.#makeSource();
    this.#zoo = new ZooSection(app, lab, onBroken);
    this.#futures = new FuturesSection(app, lab, () => this.#base);
    fill(this.root, this.#source, this.#zoo.root, this.#run, this.#futures.root, this.#schedule);
    lab.onChange(() => {
      this.#showRun();
      this.#futures.update();
    });
    app.on('view', () => this.#bindDrag());
    app.on('trace', () => this.#takeSchedule());
  }

  update(): void {
    this.#takeSchedule();
    this.#showRun();
    this.#futures.update();
    this.#showSchedule();
    this.#bindDrag();
  }

  // --- where a schedule comes from ---

  #makeSource(): void {
    const seed = h('input', {
      type: 'text',
      value: '42',
      'aria-label': 'Seed',
      size: 8,
      id: 'lab-seed',
      onkeydown: (event: KeyboardEvent) => event.key === 'Enter' && run(),
    });
    const profile = h(
      'select',
      { 'aria-label': 'Profile' },
      Object.keys(PROFILES).map((name) => h('option', { value: name }, name)),
    );
    const scenario = h(
      'select',
      { 'aria-label': 'Scenario' },
      SCENARIOS.map(({ name, title }) => h('option', { value: name, title }, name)),
    );
    const title = h('p', { class: 'dim' });
    const tell = (): void => fill(title, SCENARIOS.find(({ name }) => name === scenario.value)?.title ?? '');
    scenario.addEventListener('change', tell);
    tell();
    const run = (): void => void this.runSeed(seed.value.trim() || '42', profile.value as Profile);
    fill(
      this.#source,
      h('h3', {}, 'Run'),
      h(
        'div',
        { class: 'row' },
        h('label', { for: 'lab-seed' }, 'seed'),
        seed,
        profile,
        h('button', { class: 'primary', id: 'lab-run', onclick: run }, 'Run the seed'),
      ),
      h(
        'div',
        { class: 'row' },
        h('span', {}, 'story'),
        scenario,
        h('button', { id: 'lab-run-scenario', onclick: () => void this.runScenario(scenario.value) }, 'Run the story'),
      ),
      title,
    );
  }

  async runSeed(seed: string, profile: Profile = 'default'): Promise<void> {
    const schedule = generate({ seed, profile, commit: '', options: {} });
    await this.#start(schedule, `seed ${seed}`, profile === 'default' ? `seed:${seed}` : `seed:${seed}:${profile}`);
  }

  async runScenario(name: string): Promise<void> {
    const scenario = SCENARIOS.find((each) => each.name === name);
    if (scenario !== undefined) await this.#start(scenario.schedule, name, `scenario:${name}`);
  }

  /** A bug of the zoo, in the seed that shows it or in this one. */
  async runBug(id: string, seed: string | null): Promise<void> {
    this.#undo.length = 0;
    await this.#zoo.run(id, seed);
  }

  async #start(schedule: Schedule, name: string, source: string): Promise<void> {
    this.#undo.length = 0;
    const view = this.#app.view.source === source ? { keepView: true } : {};
    if (!('keepView' in view)) this.#app.show({ source });
    await this.#lab.trace(schedule, name, { ...view });
    this.#app.show({ source });
  }

  /** A schedule from a file, or the futures that `--branch` counted. */
  load(text: string, name: string): boolean {
    if (this.#futures.load(text, name)) return true;
    const parsed = parseSchedule(text);
    if (!parsed.ok) {
      this.#problem = `${name}: ${parsed.problems.join('; ')}`;
      this.#app.say(this.#problem);
      this.#showSchedule();
      return false;
    }
    this.#problem = '';
    void this.#lab.trace(parsed.value, name);
    return true;
  }

  /** The schedule of the trace that is shown, once for each trace. */
  #takeSchedule(): void {
    const { trace } = this.#app;
    if (trace === null || trace.id === this.#draftFor) return;
    if (trace.info.schedule === null || trace.info.schedule === undefined) {
      this.#base = null;
      this.#draft = null;
      return;
    }
    const parsed = parseSchedule(JSON.stringify(trace.info.schedule));
    this.#draftFor = trace.id;
    this.#base = parsed.ok ? parsed.value : null;
    this.#draft = this.#base;
    this.#problem = parsed.ok ? '' : `The schedule in this trace is of another version: ${parsed.problems[0] ?? ''}`;
    this.#futures.update();
    this.#showSchedule();
  }

  // --- how it goes ---

  #showRun(): void {
    const { progress, last, problem } = this.#lab;
    if (progress !== null) {
      fill(
        this.#run,
        h(
          'div',
          { class: 'row' },
          h('b', {}, `${progress.name} is running`),
          h(
            'span',
            { class: 'mono dim' },
            progress.futures === null
              ? `${duration(progress.atUs)}, ${progress.events.toLocaleString('en')} events`
              : `${progress.futures} futures`,
          ),
          h('button', { class: 'push', onclick: () => this.#lab.stop() }, 'Stop'),
        ),
        h(
          'p',
          { class: 'soft one-line' },
          progress.moments.at(-1) ?? (progress.futures === null ? 'begins' : 'with other dice'),
        ),
      );
      return;
    }
    fill(
      this.#run,
      problem !== null && h('p', { class: 'bad' }, `The run threw: ${problem}`),
      last !== null &&
        h(
          'p',
          {},
          h(
            'b',
            { class: last.verdict === 'ok' ? 'good' : 'bad' },
            last.verdict === 'ok' ? 'kept every promise' : `${last.verdict}: ${last.properties.join(', ')}`,
          ),
          h(
            'span',
            { class: 'soft' },
            `, ${last.events.toLocaleString('en')} events in ${duration(last.tookMs * 1000)} (${Math.round(last.events / (last.tookMs / 1000)).toLocaleString('en')} a second), hash `,
          ),
          h('code', {}, last.hash),
        ),
    );
  }

  // --- the schedule ---

  get #isChanged(): boolean {
    return this.#base !== null && this.#draft !== null && changesOf(this.#base, this.#draft).length > 0;
  }

  #change(next: Schedule): void {
    if (this.#draft !== null) this.#undo.push(this.#draft);
    this.#draft = next;
    this.#problem = '';
    this.#showSchedule();
    this.#ghosts();
  }

  undo(): void {
    const before = this.#undo.pop();
    if (before === undefined) return;
    this.#draft = before;
    this.#showSchedule();
    this.#ghosts();
  }

  #showSchedule(): void {
    const draft = this.#draft;
    if (draft === null) {
      fill(
        this.#schedule,
        this.#problem !== '' && h('p', { class: 'bad' }, this.#problem),
        this.#app.trace !== null && h('p', { class: 'empty' }, 'This trace has no schedule that could be run again.'),
      );
      return;
    }
    const changes = this.#base === null ? [] : changesOf(this.#base, draft);
    const sorted = [...draft.ops].sort(
      (a, b) => (timeOf(a) ?? Number.POSITIVE_INFINITY) - (timeOf(b) ?? Number.POSITIVE_INFINITY),
    );
    fill(
      this.#schedule,
      h(
        'div',
        { class: 'row' },
        h('h3', {}, `Schedule, ${draft.ops.length} operations`),
        h(
          'span',
          { class: 'row tight push' },
          h(
            'button',
            { disabled: this.#undo.length === 0, title: 'Undo (Ctrl Z)', onclick: () => this.undo() },
            'Undo',
          ),
          h('button', { onclick: () => this.#save() }, 'Save JSON'),
        ),
      ),
      h(
        'p',
        { class: 'dim' },
        'Drag a bar above the lanes to move it, its right edge to stretch it. ',
        h('kbd', {}, 'Delete'),
        ' takes away the focused one.',
      ),
      h(
        'ol',
        { class: 'ops' },
        sorted.map((op) => this.#opRow(op)),
      ),
      this.#adder(draft),
      this.#problem !== '' && h('p', { class: 'bad' }, this.#problem),
      changes.length > 0 &&
        h(
          'div',
          { class: 'stack tight changed-box' },
          h('h3', {}, `${changes.length} ${changes.length === 1 ? 'change' : 'changes'}`),
          h(
            'ul',
            { class: 'mono' },
            changes.map((line) => h('li', {}, line)),
          ),
        ),
      h(
        'div',
        { class: 'row' },
        h(
          'button',
          { class: 'primary', id: 'lab-again', disabled: this.#lab.isRunning, onclick: () => void this.again() },
          this.#isChanged ? 'Run the changed schedule' : 'Run it again',
        ),
        this.#bug !== null &&
          h(
            'button',
            {
              id: 'lab-sound',
              title: `The same schedule with a core that does not have ${this.#bug}, to be compared`,
              disabled: this.#lab.isRunning,
              onclick: () => void this.again(true),
            },
            'Run it without the bug',
          ),
        this.#isChanged &&
          h('button', { onclick: () => this.#base !== null && this.#change(this.#base) }, 'Take back all changes'),
        h(
          'button',
          {
            title: 'The same faults in other weather: how often does it end the same way?',
            disabled: this.#lab.isRunning,
            onclick: () => void this.#otherSeeds(),
          },
          `In ${OTHER_SEEDS} other seeds?`,
        ),
      ),
      this.#seedsNote,
    );
  }

  readonly #seedsNote = h('div', {});

  #opRow(op: Op): HTMLElement {
    const was = this.#base?.ops.find(({ id }) => id === op.id);
    const isNew = was === undefined;
    const isChanged = !isNew && JSON.stringify(was) !== JSON.stringify(op);
    if (this.#editing === op.id) return this.#editor(op);
    const nudge = (by: number): void =>
      this.#draft !== null && whyFixed(op) === null ? this.#change(moveOp(this.#draft, op.id, by)) : undefined;
    return h(
      'li',
      {
        tabindex: 0,
        class: isNew ? 'new' : isChanged ? 'moved' : '',
        'data-op': op.id,
        title: whyFixed(op) ?? 'Enter: edit. Alt and arrows: move by 100 ms. Delete: take away.',
        ondblclick: () => this.#edit(op.id),
        onclick: () => this.#goTo(op),
        onkeydown: (event: KeyboardEvent) => {
          if (event.target !== event.currentTarget) return;
          const { key } = event;
          if (key === 'Delete' || key === 'Backspace') this.#remove(op.id);
          else if (key === 'Enter') this.#edit(op.id);
          else if (event.altKey && key === 'ArrowRight') nudge(100_000);
          else if (event.altKey && key === 'ArrowLeft') nudge(-100_000);
          else if (key === 'ArrowDown')
            ((event.currentTarget as HTMLElement).nextElementSibling as HTMLElement | null)?.focus();
          else if (key === 'ArrowUp')
            ((event.currentTarget as HTMLElement).previousElementSibling as HTMLElement | null)?.focus();
          else return;
          event.preventDefault();
          event.stopPropagation();
          if (event.altKey) this.#focusOp(op.id);
        },
      },
      h('code', {}, opText(op)),
      h(
        'span',
        { class: 'row tight push' },
        h(
          'button',
          {
            class: 'quiet',
            title: 'Edit',
            'aria-label': `Edit ${opText(op)}`,
            onclick: quietly(() => this.#edit(op.id)),
          },
          '✎',
        ),
        h(
          'button',
          {
            class: 'quiet',
            title: 'Take away',
            'aria-label': `Take away ${opText(op)}`,
            onclick: quietly(() => this.#remove(op.id)),
          },
          '×',
        ),
      ),
    );
  }

  #focusOp(id: number): void {
    this.#schedule.querySelector<HTMLElement>(`[data-op="${id}"]`)?.focus();
  }

  #goTo(op: Op): void {
    const { scene } = this.#app;
    const fault = scene?.faults.find(({ what }) => what.op === op.id);
    if (fault !== undefined) this.#app.reveal(fault.from, fault.to);
    else if (scene?.axis.kind === 'time') {
      const at = timeOf(op);
      if (at !== null) this.#app.reveal(at, at);
    }
  }

  #edit(id: number): void {
    this.#editing = id;
    this.#showSchedule();
    this.#schedule.querySelector<HTMLElement>('textarea')?.focus();
  }

  #editor(op: Op): HTMLElement {
    const text = h(
      'textarea',
      { rows: 3, class: 'mono', 'aria-label': 'Operation as JSON', spellcheck: 'false' },
      JSON.stringify(op),
    );
    const finish = (): void => {
      if (this.#draft === null) return;
      const rewritten = rewriteOp(this.#draft, op.id, text.value);
      if ('problem' in rewritten) {
        this.#problem = rewritten.problem;
        fill(problem, rewritten.problem);
        return;
      }
      this.#editing = null;
      this.#change(rewritten.schedule);
      this.#focusOp(op.id);
    };
    const cancel = (): void => {
      this.#editing = null;
      this.#showSchedule();
      this.#focusOp(op.id);
    };
    const problem = h('p', { class: 'bad', role: 'alert' });
    text.addEventListener('keydown', (event) => {
      event.stopPropagation();
      if (event.key === 'Escape') cancel();
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) finish();
    });
    return h(
      'li',
      { class: 'editor stack tight' },
      text,
      problem,
      h(
        'span',
        { class: 'row' },
        h('button', { class: 'primary', onclick: finish }, 'Take it'),
        h('button', { onclick: cancel }, 'Cancel'),
        h('span', { class: 'dim' }, h('kbd', {}, 'Ctrl Enter')),
      ),
    );
  }

  #remove(id: number): void {
    if (this.#draft === null) return;
    const row = this.#schedule.querySelector(`[data-op="${id}"]`);
    const next = (row?.nextElementSibling ?? row?.previousElementSibling) as HTMLElement | null | undefined;
    const nextId = Number(next?.dataset.op ?? 0);
    this.#change(removeOp(this.#draft, id));
    this.#focusOp(nextId);
  }

  #adder(draft: Schedule): Child {
    const names = Object.keys(OPS) as OpName[];
    const choice = h(
      'select',
      { 'aria-label': 'Operation to add' },
      names.map((name) => h('option', { value: name }, name)),
    );
    const add = (): void => {
      const at =
        this.#app.view.event !== null && this.#app.scene !== null
          ? (this.#app.scene.picture.events.timeUs[this.#app.view.event - 1] ?? 0)
          : this.#middleUs();
      const next = addOp(draft, choice.value as OpName, at);
      this.#change(next);
      this.#edit(next.ops.at(-1)!.id);
    };
    return h(
      'div',
      { class: 'row' },
      choice,
      h('button', { onclick: add }, 'Add'),
      h(
        'span',
        { class: 'dim' },
        this.#app.view.event === null ? 'in the middle of what is in view' : 'at the selected event',
      ),
    );
  }

  #middleUs(): number {
    const { range, scene } = this.#app;
    const middle = (range.from + range.to) / 2;
    return scene === null ? middle : scene.axis.timeAt(middle);
  }

  #save(): void {
    if (this.#draft === null) return;
    const link = h('a', {
      href: URL.createObjectURL(new Blob([formatSchedule(this.#draft)], { type: 'application/json' })),
      download: `schedule-${this.#draft.seed}.json`,
    });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  /** Runs the draft, and keeps what was shown to be compared with. */
  async again(isSound = false): Promise<void> {
    const draft = this.#draft;
    if (draft === null) return;
    const before = this.#bug;
    const bug = isSound ? null : before;
    const shown = this.#app.trace?.info.name ?? 'schedule';
    const isChanged = this.#isChanged || bug !== before;
    const named = bug === before ? shown : shown.replace(` with ${before}`, ` without ${before}`);
    const name = this.#isChanged ? `${named}, changed` : named;
    await this.#lab.trace(draft, name, { compare: true, keepView: true, bug });
    // An address names what can be made again from it; a changed schedule is not that.
    if (isChanged) this.#app.show({ source: null });
  }

  /** What the core had that made the trace that is shown. */
  get #bug(): string | null {
    return this.#lab.bugOf(this.#app.trace);
  }

  /** The same operations under other seeds: in how many does it end the same way. */
  async #otherSeeds(): Promise<void> {
    const draft = this.#draft;
    if (draft === null) return;
    const found = new Map<string, number>();
    for (let i = 1; i <= OTHER_SEEDS; i++) {
      const seed = `${draft.seed} future ${i}`;
      const { expect: _, ...rest } = draft;
      const summary = await this.#lab.verdict({ ...rest, seed }, `future ${i} of ${OTHER_SEEDS}`, this.#bug);
      if (summary === null) break;
      const key =
        summary.verdict === 'ok' ? 'kept every promise' : `${summary.verdict}: ${summary.properties.join(', ')}`;
      found.set(key, (found.get(key) ?? 0) + 1);
      const total = [...found.values()].reduce((sum, count) => sum + count, 0);
      fill(
        this.#seedsNote,
        h(
          'ul',
          { class: 'lines plain' },
          [...found].map(([text, count]) => h('li', {}, h('b', {}, `${count} of ${total}`), ` ${text}`)),
        ),
      );
    }
    this.#showSchedule();
  }

  // --- dragging ---

  #bindDrag(): void {
    const isOn = this.#app.view.tab === 'lab' && this.#draft !== null && this.#app.scene?.axis.kind === 'time';
    if (!isOn) {
      this.#stage.faultDrag = null;
      this.#stage.ghosts = [];
      return;
    }
    this.#stage.faultDrag = this.#makeDrag();
    this.#ghosts();
  }

  #makeDrag(): FaultDrag {
    let drag: {
      readonly op: number;
      readonly at: number;
      readonly edge: 'begin' | 'end' | 'middle';
      readonly before: Schedule;
      next: Schedule;
      readonly shownUs: number;
    } | null = null;
    return {
      begin: (fault, at, edge) => {
        const { scene } = this.#app;
        const what = scene?.faults[fault]?.what;
        const op = this.#draft?.ops.find(({ id }) => id === what?.op);
        if (this.#draft === null || op === undefined || what === undefined) return false;
        const why = whyFixed(op);
        if (why !== null) {
          this.#app.say(`This cannot be moved: ${why}.`);
          return false;
        }
        drag = { op: op.id, at, edge, before: this.#draft, next: this.#draft, shownUs: what.endUs - what.beginUs };
        return true;
      },
      move: (at) => {
        if (drag === null) return;
        const by = at - drag.at;
        const op = drag.before.ops.find(({ id }) => id === drag!.op)!;
        const length = lengthOf(op) ?? drag.shownUs;
        if (drag.edge === 'middle') drag.next = moveOp(drag.before, drag.op, by);
        else if (drag.edge === 'end') drag.next = stretchOp(drag.before, drag.op, length + by);
        else drag.next = moveBegin(drag.before, drag.op, by);
        this.#draft = drag.next;
        this.#ghosts();
        this.#app.say(opText(drag.next.ops.find(({ id }) => id === drag!.op)!));
      },
      end: () => {
        if (drag === null) return;
        const { before, next } = drag;
        drag = null;
        this.#draft = before;
        if (next !== before) this.#change(next);
      },
    };
  }

  /** Where changed operations will be, as outlines above the lanes. */
  #ghosts(): void {
    const { scene } = this.#app;
    if (this.#draft === null || this.#base === null || scene === null) return;
    const ghosts: Ghost[] = [];
    for (const op of this.#draft.ops) {
      const was = this.#base.ops.find(({ id }) => id === op.id);
      if (was !== undefined && JSON.stringify(was) === JSON.stringify(op)) continue;
      const fault = scene.faults.findIndex(({ what }) => what.op === op.id);
      const from =
        timeOf(op) ??
        (fault < 0
          ? null
          : scene.faults[fault]!.from +
            ('plus' in op ? ((op.plus ?? 0) - (was !== undefined && 'plus' in was ? (was.plus ?? 0) : 0)) * 1000 : 0));
      if (from === null) continue;
      const length = lengthOf(op) ?? (fault < 0 ? 0 : scene.faults[fault]!.to - scene.faults[fault]!.from);
      ghosts.push({
        from,
        to: from + length,
        line: fault < 0 ? 0 : scene.faultLines[fault]!,
        text: op.do,
        isGone: false,
      });
    }
    for (const was of this.#base.ops) {
      if (this.#draft.ops.some(({ id }) => id === was.id)) continue;
      const fault = scene.faults.findIndex(({ what }) => what.op === was.id);
      if (fault >= 0)
        ghosts.push({
          from: scene.faults[fault]!.from,
          to: scene.faults[fault]!.to,
          line: scene.faultLines[fault]!,
          text: '',
          isGone: true,
        });
    }
    this.#stage.ghosts = ghosts;
    this.#stage.touch();
  }
}

const OTHER_SEEDS = 10;

/** A button inside a row that does something else when it is clicked. */
const quietly =
  (act: () => void) =>
  (event: Event): void => {
    event.stopPropagation();
    act();
  };
