/**
 * The state of the page, and who wants to hear of it. There is one value that says what is looked at (`ViewState`, which is
 * also the address) and up to two traces. Everything on the screen is drawn from these; nothing else is remembered.
 */

import type { Branches } from '../../sim/shrink/branch.ts';
import type { Futures, PlacedPoint } from '../lib/branches.ts';
import { DARK, LIGHT, type Theme } from '../lib/palette.ts';
import { around, clampRange, flightAt, type Range } from '../lib/scale.ts';
import { type Axis, orderAxis, type Scene, sceneOf, timeAxis } from '../lib/scene.ts';
import { EMPTY_VIEW, fromHash, toHash, type ViewState } from '../lib/url.ts';
import type { LoadProgress, Picture, TraceId, TraceInfo, TraceModel, TraceSource, Viewer } from '../model/api.ts';

export interface Loaded {
  readonly id: TraceId;
  readonly model: TraceModel;
  info: TraceInfo;
  picture: Picture | null;
  progress: LoadProgress | null;
}

export interface AppEvents {
  /** The address changed, by whomever. */
  view: (view: ViewState, before: ViewState) => void;
  /** There is a new picture, another axis, or another trace. */
  scene: (scene: Scene | null) => void;
  progress: (loaded: Loaded) => void;
  /** Another trace is looked at, or another is compared with. */
  trace: (trace: Loaded | null) => void;
  theme: (theme: Theme) => void;
  /** What is lit in the picture. */
  lit: (lit: ReadonlySet<number> | null) => void;
  futures: (futures: Futures | null) => void;
  /** Where the pointer is, in units of the axis. */
  cursor: (at: number | null) => void;
  say: (text: string) => void;
}

type Listeners = { [K in keyof AppEvents]: AppEvents[K][] };

export class App {
  readonly viewer: Viewer;
  view: ViewState = EMPTY_VIEW;
  trace: Loaded | null = null;
  /** What the trace is compared with. */
  other: Loaded | null = null;
  scene: Scene | null = null;
  theme: Theme = LIGHT;
  lit: ReadonlySet<number> | null = null;
  /** How the shown trace could have gone on, as far as somebody counted. */
  futures: Futures | null = null;
  cursor: number | null = null;
  readonly #listeners: Listeners = {
    view: [],
    scene: [],
    progress: [],
    trace: [],
    theme: [],
    lit: [],
    futures: [],
    cursor: [],
    say: [],
  };
  #rank: Uint32Array | null = null;
  #isFetching = false;
  #flight = 0;
  #futuresTold = 0;
  #writeTimer = 0;

  constructor(viewer: Viewer) {
    this.viewer = viewer;
    viewer.onProgress((progress) => void this.#onProgress(progress));
    window.addEventListener('hashchange', () => {
      const before = this.view;
      this.view = fromHash(location.hash);
      void this.#axisMayHaveChanged(before);
      this.emit('view', this.view, before);
    });
    this.view = fromHash(location.hash);
  }

  on<K extends keyof AppEvents>(type: K, listener: AppEvents[K]): void {
    this.#listeners[type].push(listener);
  }

  emit<K extends keyof AppEvents>(type: K, ...args: Parameters<AppEvents[K]>): void {
    for (const listener of this.#listeners[type]) (listener as (...given: Parameters<AppEvents[K]>) => void)(...args);
  }

  // --- what is looked at ---

  /** Changes the view. `isStep`: one may want to come back from here, so the address gets an entry in the history. */
  show(patch: Partial<ViewState>, isStep = false): void {
    const before = this.view;
    this.view = { ...before, ...patch };
    this.#writeAddress(isStep);
    void this.#axisMayHaveChanged(before);
    this.emit('view', this.view, before);
  }

  /** Panning changes the address many times a second, and browsers refuse to write it that often. */
  #writeAddress(isStep: boolean): void {
    window.clearTimeout(this.#writeTimer);
    const write = (): void => {
      const address = `${location.pathname}${location.search}${toHash(this.view)}`;
      try {
        if (isStep) history.pushState(null, '', address);
        else history.replaceState(null, '', address);
      } catch {
        // A page in a frame without an origin has no history; the view works without an address.
      }
    };
    if (isStep) write();
    else this.#writeTimer = window.setTimeout(write, 200);
  }

  get whole(): Range {
    return this.scene?.axis.whole ?? { from: 0, to: 1 };
  }

  get range(): Range {
    return this.view.range ?? this.whole;
  }

  setRange(range: Range, isStep = false): void {
    cancelAnimationFrame(this.#flight);
    this.show({ range: clampRange(range, this.whole) }, isStep);
  }

  /** Goes there in a short flight, so that one sees where there is; at once when motion is not wanted. */
  fly(range: Range): void {
    cancelAnimationFrame(this.#flight);
    const start = this.range;
    const end = clampRange(range, this.whole);
    if (matchMedia('(prefers-reduced-motion: reduce)').matches || document.hidden) {
      this.setRange(end, true);
      return;
    }
    const began = performance.now();
    const step = (now: number): void => {
      const progress = Math.min(1, Math.max(0, (now - began) / FLIGHT_MS));
      const range = progress >= 1 ? end : clampRange(flightAt(start, end, progress), this.whole);
      this.show({ range }, progress >= 1);
      if (progress < 1) this.#flight = requestAnimationFrame(step);
    };
    this.#flight = requestAnimationFrame(step);
  }

  /** Brings a stretch into view, in units of the axis, unless it is there already and large enough to be seen. */
  reveal(from: number, to: number): void {
    const { range } = this;
    const length = range.to - range.from;
    const isInside = from >= range.from && to <= range.to;
    if (isInside && (to - from > length * 0.05 || to === from)) return;
    if (to > from) this.fly(around(from, to, 0.4));
    else this.fly({ from: from - length / 2, to: from + length / 2 });
  }

  /** The place of an event on the axis. */
  placeOf(index: number): number {
    const events = this.scene?.picture.events;
    if (events === undefined || index < 1 || index > events.count) return 0;
    return this.scene!.axis.place(index, events.timeUs[index - 1]!, events.host[index - 1]!);
  }

  select(index: number, options: { readonly reveal?: boolean; readonly patch?: Partial<ViewState> } = {}): void {
    if (index < 1) return;
    const host = this.scene?.picture.events.host[index - 1];
    const server = host !== undefined && host > 0 && host < 1000 ? host : this.view.server;
    this.show({ event: index, server, ...options.patch }, true);
    if (options.reveal === true) {
      const at = this.placeOf(index);
      this.reveal(at, at);
    }
  }

  light(lit: ReadonlySet<number> | null): void {
    this.lit = lit;
    this.emit('lit', lit);
  }

  /** Null puts them away. */
  async setFutures(branches: Branches | null): Promise<void> {
    const { trace } = this;
    const told = ++this.#futuresTold;
    const points: PlacedPoint[] = [];
    for (const point of branches?.points ?? []) {
      const index = (await trace?.model.indexOf(point.event)) ?? 0;
      points.push({ ...point, index });
    }
    if (trace !== this.trace || told !== this.#futuresTold) return;
    this.futures = branches === null ? null : { branches, points };
    this.emit('futures', this.futures);
  }

  point(at: number | null): void {
    this.cursor = at;
    this.emit('cursor', at);
  }

  /** For those who hear the page instead of seeing it, and for the line at the bottom. */
  say(text: string): void {
    this.emit('say', text);
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    document.documentElement.dataset.theme = theme.name;
    try {
      localStorage.setItem('vivarium.theme', theme.name);
    } catch {
      // Files and frames may have no storage.
    }
    this.emit('theme', theme);
  }

  // --- traces ---

  async open(
    source: TraceSource,
    options: { readonly asOther?: boolean; readonly keepView?: boolean } = {},
  ): Promise<Loaded> {
    const id = await this.viewer.open(source);
    const model = this.viewer.trace(id);
    const loaded: Loaded = { id, model, info: await model.info(), picture: null, progress: null };
    if (options.asOther === true) {
      if (this.other !== null) void this.viewer.close(this.other.id);
      this.other = loaded;
    } else {
      const old = this.trace;
      this.trace = loaded;
      this.scene = null;
      this.#rank = null;
      this.light(null);
      void this.setFutures(null);
      if (old !== null && old !== this.other) void this.viewer.close(old.id);
      if (options.keepView !== true) this.show({ ...EMPTY_VIEW, tab: this.view.tab, hidden: this.view.hidden }, false);
      this.emit('scene', null);
    }
    this.emit('trace', this.trace);
    // Before anything is read there is nothing to draw; whoever reads will say so.
    if (loaded.info.phase !== 'reading' || loaded.info.events > 0) void this.#refresh(loaded);
    return loaded;
  }

  /** What was looked at becomes what is compared with. */
  keepAsOther(): void {
    if (this.other !== null && this.other !== this.trace) void this.viewer.close(this.other.id);
    this.other = this.trace;
  }

  /** Looks at the other trace at the same time. Events have other numbers there, so none stays selected. */
  swap(): void {
    const { trace, other, scene, range } = this;
    if (trace === null || other === null || other.picture === null || scene === null) {
      this.say('there is no other trace to look at');
      return;
    }
    const times = { from: scene.axis.timeAt(range.from), to: scene.axis.timeAt(range.to) };
    this.trace = other;
    this.other = trace;
    this.light(null);
    void this.setFutures(null);
    this.#rank = null;
    this.view = { ...this.view, event: null, target: null, election: null, violation: null, beside: null };
    void this.#makeScene().then(() => {
      const axis = this.scene?.axis;
      if (axis !== undefined) this.setRange({ from: axis.place(0, times.from, 0), to: axis.place(0, times.to, 0) });
      this.emit('trace', this.trace);
    });
  }

  async #onProgress(progress: LoadProgress): Promise<void> {
    const loaded = [this.trace, this.other].find((each) => each?.id === progress.trace);
    if (loaded === undefined || loaded === null) return;
    loaded.progress = progress;
    this.emit('progress', loaded);
    await this.#refresh(loaded);
  }

  /** One picture at a time; what came meanwhile is in the next. */
  async #refresh(loaded: Loaded): Promise<void> {
    if (this.#isFetching) return;
    this.#isFetching = true;
    try {
      for (;;) {
        const began = performance.now();
        const revision = loaded.progress?.revision ?? 0;
        const isOver = loaded.progress !== null && loaded.progress.phase !== 'reading';
        const [picture, info] = await Promise.all([loaded.model.picture(), loaded.model.info()]);
        const isNew = loaded.picture === null || picture.revision !== loaded.picture.revision;
        loaded.info = info;
        loaded.picture = picture;
        if (loaded === this.trace && (isNew || isOver)) await this.#makeScene();
        this.emit('trace', this.trace);
        const newest = loaded.progress?.revision ?? 0;
        const isOverNow = loaded.progress !== null && loaded.progress.phase !== 'reading';
        if (newest === revision && isOver === isOverNow) break;
        // A picture of what is half read costs both sides as much as the last one: most of the time belongs to reading.
        const until = performance.now() + Math.max(PICTURE_PAUSE_MS, 4 * (performance.now() - began));
        while (performance.now() < until && loaded.progress?.phase === 'reading') {
          await new Promise((resolve) => setTimeout(resolve, 40));
        }
      }
    } finally {
      this.#isFetching = false;
    }
  }

  async #makeScene(): Promise<void> {
    const { trace } = this;
    if (trace?.picture === null || trace === null) return;
    const { picture } = trace;
    const before = this.scene?.axis.whole ?? null;
    const axis = await this.#axisFor(trace, picture);
    if (trace !== this.trace) return;
    this.scene = sceneOf(picture, axis);
    // As long as the whole was in view it stays so while it grows.
    const { range } = this.view;
    if (range !== null && before !== null && range.from <= before.from && range.to >= before.to - 1) {
      this.view = { ...this.view, range: null };
    }
    this.emit('scene', this.scene);
  }

  async #axisFor(trace: Loaded, picture: Picture): Promise<Axis> {
    if (this.view.axis === 'order' && picture.events.count > 0) {
      this.#rank = (await trace.model.logical()).rank;
      return orderAxis(picture, this.#rank);
    }
    // A little air behind the end, where a run that broke a promise has what one came to see.
    const air = (picture.endUs - picture.beginUs) * AIR;
    return timeAxis({ from: picture.beginUs, to: Math.max(picture.beginUs + 1000, picture.endUs + air) });
  }

  async #axisMayHaveChanged(before: ViewState): Promise<void> {
    if (before.axis === this.view.axis || this.scene === null) return;
    // The same stretch of the run on the other axis.
    const { range } = before;
    const times =
      range === null ? null : { from: this.scene.axis.timeAt(range.from), to: this.scene.axis.timeAt(range.to) };
    await this.#makeScene();
    const axis = this.scene.axis;
    if (times !== null) {
      this.setRange({ from: axis.place(0, times.from, 0), to: axis.place(0, times.to, 0) });
    }
  }
}

const FLIGHT_MS = 320;
/** Share of the run that the axis goes on behind its end. */
const AIR = 0.012;
/** Least time between two pictures of a trace that is being read. */
const PICTURE_PAUSE_MS = 200;

/** What was chosen last time, or what the system prefers. */
export function firstTheme(): Theme {
  try {
    const stored = localStorage.getItem('vivarium.theme');
    if (stored !== null) return stored === 'dark' ? DARK : LIGHT;
  } catch {
    // No storage, no choice.
  }
  return matchMedia('(prefers-color-scheme: dark)').matches ? DARK : LIGHT;
}
