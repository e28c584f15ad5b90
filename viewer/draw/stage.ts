/**
 * The picture and what one does to it: a canvas for the mass of marks, above it an SVG with the axis and whatever is touched,
 * to the left the names of the lanes. Wheel and drag are d3-zoom's; keys come from `app/keys.ts`.
 */

import { select, type ZoomTransform, zoom, zoomIdentity } from 'd3';
import type { App } from '../app/app.ts';
import { byId, fill, h, perFrame, s } from '../app/dom.ts';
import { HitList, type Target } from '../lib/hit.ts';
import { type Lane, type Layout, laneAt, layoutOf } from '../lib/layout.ts';
import { mix } from '../lib/palette.ts';
import { RANGE_MIN, type Range, type Scale, scaleOf } from '../lib/scale.ts';
import { FAULT_LINES_MAX, type Scene } from '../lib/scene.ts';
import { lowerBound, upperBound } from '../lib/search.ts';
import { duration } from '../lib/time.ts';
import type { Picture } from '../model/api.ts';
import { describe } from './describe.ts';
import type { Frame } from './frame.ts';
import { Patterns } from './glyphs.ts';
import { FINE, paintSheet, pictureSteps, sheetSize, ticksOf } from './paint.ts';
import { isSame, type Painter, type PlateFrame, Plates } from './plates.ts';
import { bandText, FONT, laneColour } from './servers.ts';
import { SvgBrush, SvgPath } from './svg.ts';

/** Labels beside the window, so that it can be moved a little without new ones, px. */
const AXIS_MARGIN = 320;
/** Labels that are wider or narrower by more than this share are made anew. */
const AXIS_STRETCH = 0.25;

/** What the laboratory may take over: a bar of the schedule under the pointer. */
export interface FaultDrag {
  /** Null: this bar is not to be moved. */
  begin(fault: number, at: number, edge: 'begin' | 'end' | 'middle'): boolean;
  move(at: number): void;
  end(): void;
}

/** Where an operation of the schedule will be, or one that was taken away. */
export interface Ghost {
  readonly from: number;
  readonly to: number;
  readonly line: number;
  readonly text: string;
  readonly isGone: boolean;
}

export class Stage {
  readonly #app: App;
  readonly #root = byId('stage');
  readonly #svg = s('svg', { 'aria-hidden': 'true' });
  readonly #axis = s('svg', { class: 'axis', 'aria-hidden': 'true' });
  readonly #gutter = h('div', { class: 'gutter', role: 'list', 'aria-label': 'Lanes' });
  readonly #tip = h('div', { class: 'tip', hidden: true });
  readonly #pane = h('div', { class: 'pane' });
  readonly #plates = new Plates(this.#pane);
  /** Something else is to be seen than was painted, and not only from elsewhere. */
  #isStale = true;
  /** What the labels of the axis were made for. */
  #axisOf: Range = { from: 0, to: 0 };
  readonly #zoom = zoom<HTMLDivElement, unknown>();
  readonly #redraw = perFrame(() => this.#draw());
  readonly #retouch = perFrame(() => this.#touch());
  #otherOf: Picture | null = null;
  #other: Frame['other'] = null;
  #patterns: Patterns | null = null;
  #patternsFor = '';
  #layout: Layout = layoutOf([], 0, 12.5);
  #width = 0;
  #height = 0;
  #unit = 12.5;
  #scroll = 0;
  #pointer: { readonly x: number; readonly y: number } | null = null;
  #isSyncing = false;
  #band: { readonly x: number; to: number } | null = null;
  faultDrag: FaultDrag | null = null;
  ghosts: readonly Ghost[] = [];
  /** Milliseconds of each frame drawn, for the bench. */
  readonly frames: number[] = [];

  constructor(app: App) {
    this.#app = app;
    this.#pane.append(this.#axis, this.#svg);
    this.#root.append(this.#pane, this.#gutter, this.#tip);
    this.#bindZoom();
    this.#bindPointer();
    new ResizeObserver(() => this.#resize()).observe(this.#root);
    app.on('view', (view, before) => {
      if (view.range !== before.range) this.#syncZoom();
      if (view.event !== before.event || view.server !== before.server) this.#nameLanes();
      if (view.hidden !== before.hidden) this.#isStale = true;
      if (view.range === before.range || view.event !== before.event || view.target !== before.target) this.#retouch();
      this.#redraw();
    });
    app.on('scene', () => this.#onScene());
    app.on('theme', () => {
      this.#patterns = null;
      this.#nameLanes();
      this.#repaint();
    });
    app.on('lit', () => this.#repaint());
    app.on('futures', () => {
      this.#arrange();
      this.#nameLanes();
      this.#repaint();
    });
    app.on('trace', () => this.#repaint());
    this.#resize();
  }

  /** Draws what one touches anew, and nothing else. */
  touch(): void {
    this.#retouch();
  }

  get layout(): Layout {
    return this.#layout;
  }

  get width(): number {
    return this.#width;
  }

  get scale(): Scale {
    return scaleOf(this.#app.range, this.#width);
  }

  // --- size ---

  #resize(): void {
    this.#unit = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    const box = this.#root.getBoundingClientRect();
    this.#height = box.height;
    this.#arrange();
    const width = Math.max(50, box.width - this.#layout.gutter);
    this.#width = width;
    this.#pane.style.left = `${this.#layout.gutter}px`;
    this.#pane.style.width = `${width}px`;
    this.#plates.resize(width, this.#height, window.devicePixelRatio);
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${this.#height}`);
    this.#axis.style.width = `${width + 2 * AXIS_MARGIN}px`;
    this.#axis.style.height = `${this.#layout.axis.height}px`;
    this.#zoom.extent([
      [0, 0],
      [width, this.#height],
    ]);
    this.#syncZoom();
    this.#nameLanes();
    this.#isStale = true;
    this.#draw();
  }

  #arrange(): void {
    const { scene } = this.#app;
    const lanes = scene?.picture.lanes ?? [];
    // As many lines as there may be, from the first picture on: the lanes must not move while a file is read.
    const faultLines = scene === null ? 0 : FAULT_LINES_MAX;
    this.#layout = layoutOf(lanes, this.#height, this.#unit, faultLines, this.#app.futures !== null);
    this.#scroll = Math.min(this.#scroll, Math.max(0, this.#layout.height - this.#height));
    this.#gutter.style.width = `${this.#layout.gutter}px`;
  }

  #onScene(): void {
    this.#arrange();
    this.#syncZoom();
    this.#nameLanes();
    this.#repaint();
  }

  // --- zoom ---

  #bindZoom(): void {
    const pane = select(this.#pane as HTMLDivElement);
    this.#zoom
      .clickDistance(4)
      .filter((event: MouseEvent & { deltaX?: number; deltaY?: number }) => {
        if (event.type === 'wheel')
          return !event.shiftKey && Math.abs(event.deltaX ?? 0) <= Math.abs(event.deltaY ?? 0);
        return !event.shiftKey && event.button === 0 && !this.#startsFaultDrag(event);
      })
      .wheelDelta(
        (event: WheelEvent) => -event.deltaY * (event.deltaMode === 1 ? 0.06 : event.deltaMode === 2 ? 1 : 0.0022),
      )
      .on('start', (event: { sourceEvent: Event | null }) => {
        if (event.sourceEvent?.type === 'mousedown') this.#root.classList.add('grabbing');
      })
      .on('zoom', (event: { transform: ZoomTransform; sourceEvent: (MouseEvent & { movementY?: number }) | null }) => {
        if (this.#isSyncing) return;
        if (event.sourceEvent?.type === 'mousemove') this.#scrollBy(-(event.sourceEvent.movementY ?? 0));
        const { whole } = this.#app;
        const perPixel = (whole.to - whole.from) / this.#width;
        const { k, x } = event.transform;
        const from = whole.from + (-x / k) * perPixel;
        this.#app.setRange({ from, to: from + (this.#width / k) * perPixel });
      })
      .on('end', () => this.#root.classList.remove('grabbing'));
    pane.call(this.#zoom).on('dblclick.zoom', null);
    this.#pane.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
        if (!event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
        const by = (event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX) * this.scale.perPixel;
        const { from, to } = this.#app.range;
        this.#app.setRange({ from: from + by, to: to + by });
      },
      { passive: false },
    );
    this.#gutter.addEventListener('wheel', (event) => this.#scrollBy(event.deltaY), { passive: true });
  }

  #scrollBy(pixels: number): void {
    const most = Math.max(0, this.#layout.height - this.#height);
    const next = Math.min(most, Math.max(0, this.#scroll + pixels));
    if (next === this.#scroll) return;
    this.#scroll = next;
    this.#nameLanes();
    this.#repaint();
  }

  /** Brings a lane into view when they do not all fit. */
  revealLane(host: number): void {
    const lane = this.#layout.byHost.get(host);
    if (lane === undefined) return;
    const first = this.#layout.lanes[0]?.top ?? 0;
    if (lane.top - this.#scroll < first) this.#scrollBy(lane.top - first - this.#scroll);
    else if (lane.top + lane.height - this.#scroll > this.#height)
      this.#scrollBy(lane.top + lane.height - this.#height - this.#scroll);
  }

  /** Tells d3-zoom where we are, when it was not d3-zoom who brought us there. */
  #syncZoom(): void {
    const { whole, range } = this.#app;
    const perPixel = (whole.to - whole.from) / Math.max(1, this.#width);
    const k = (whole.to - whole.from) / Math.max(RANGE_MIN, range.to - range.from);
    const x = -((range.from - whole.from) / perPixel) * k;
    this.#isSyncing = true;
    this.#zoom.scaleExtent([1, Math.max(1, (whole.to - whole.from) / RANGE_MIN)]).translateExtent([
      [0, Number.NEGATIVE_INFINITY],
      [this.#width, Number.POSITIVE_INFINITY],
    ]);
    select(this.#pane as HTMLDivElement).property('__zoom', zoomIdentity.translate(x, 0).scale(k));
    this.#isSyncing = false;
  }

  // --- pointer ---

  #bindPointer(): void {
    const place = (event: MouseEvent): { x: number; y: number } => {
      const box = this.#pane.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    let isFaultDrag = false;
    this.#pane.addEventListener('pointermove', (event) => {
      this.#pointer = place(event);
      if (isFaultDrag) this.faultDrag?.move(this.scale.t(this.#pointer.x));
      if (this.#band !== null) this.#band.to = this.#pointer.x;
      this.#app.point(this.scale.t(this.#pointer.x));
      this.#retouch();
    });
    this.#pane.addEventListener('pointerleave', () => {
      this.#pointer = null;
      this.#app.point(null);
      this.#retouch();
    });
    this.#pane.addEventListener('pointerdown', (event) => {
      const at = place(event);
      this.#pointer = at;
      if (event.button !== 0) return;
      if (event.shiftKey) {
        this.#band = { x: at.x, to: at.x };
        this.#pane.setPointerCapture(event.pointerId);
      } else if (this.#startsFaultDrag(event)) {
        isFaultDrag = true;
        this.#pane.setPointerCapture(event.pointerId);
      }
    });
    this.#pane.addEventListener('pointerup', () => {
      if (isFaultDrag) {
        isFaultDrag = false;
        this.faultDrag?.end();
      }
      const band = this.#band;
      this.#band = null;
      if (band !== null && Math.abs(band.to - band.x) > 3) {
        const { scale } = this;
        this.#app.fly({ from: scale.t(Math.min(band.x, band.to)), to: scale.t(Math.max(band.x, band.to)) });
      }
      this.#retouch();
    });
    this.#pane.addEventListener('click', (event) => {
      if (event.shiftKey) return;
      this.#onClick(place(event));
    });
    this.#pane.addEventListener('dblclick', (event) => {
      const { x } = place(event);
      const { scale } = this;
      const length = (scale.to - scale.from) / 4;
      this.#app.fly({ from: scale.t(x) - length / 2, to: scale.t(x) + length / 2 });
    });
  }

  #startsFaultDrag(event: MouseEvent): boolean {
    if (this.faultDrag === null) return false;
    const box = this.#pane.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const target = this.#targetAt(x, y);
    if (target?.kind !== 'fault') return false;
    const { from, to } = this.#app.scene!.faults[target.fault]!;
    const { scale } = this;
    const [left, right] = [scale.x(from), scale.x(to)];
    const edge = right - left > 14 && x > right - 7 ? 'end' : right - left > 30 && x < left + 5 ? 'begin' : 'middle';
    return this.faultDrag.begin(target.fault, scale.t(x), edge);
  }

  #targetAt(x: number, y: number): Target | null {
    const lanesTop = this.#layout.lanes[0]?.top ?? 0;
    return this.#plates.at(x, y < lanesTop ? y : y + this.#scroll);
  }

  #onClick({ x, y }: { readonly x: number; readonly y: number }): void {
    const { scene } = this.#app;
    if (scene === null) return;
    const target = this.#targetAt(x, y);
    const at = this.scale.t(x);
    const chosen = target === null ? null : this.#eventOf(scene, target, at);
    if (target?.kind === 'election') {
      const { number } = scene.picture.elections[target.election]!;
      this.#app.show({ tab: 'elections', election: number }, true);
      return;
    }
    if (target?.kind === 'violation') {
      this.#app.show({ tab: 'violation', violation: scene.picture.violations[target.violation]!.number }, true);
      return;
    }
    const lane = laneAt(this.#layout, y + this.#scroll);
    const index = chosen ?? (lane === null ? 0 : nearestEvent(scene, lane.host, at));
    if (index > 0) this.#app.select(index);
  }

  /** The event that a thing stands for. A band stands for the nearest event of its lane, not for its begin. */
  #eventOf(scene: Scene, target: Target, at: number): number | null {
    const { picture } = scene;
    switch (target.kind) {
      case 'message': {
        const { sentIndex, arrivedIndex, sentUs, arrivedUs } = picture.messages;
        const { row } = target;
        const time = scene.axis.timeAt(at);
        const isNearEnd = arrivedIndex[row]! > 0 && Math.abs(arrivedUs[row]! - time) < Math.abs(sentUs[row]! - time);
        return isNearEnd ? arrivedIndex[row]! : sentIndex[row]!;
      }
      case 'operation': {
        const columns = picture.clients.find(({ host }) => host === target.host)!.operations;
        const { row } = target;
        const time = scene.axis.timeAt(at);
        const isNearEnd =
          columns.endIndex[row]! > 0 && Math.abs(columns.endUs[row]! - time) < Math.abs(columns.beginUs[row]! - time);
        return isNearEnd ? columns.endIndex[row]! : columns.beginIndex[row]!;
      }
      case 'disk': {
        const columns = picture.servers.find(({ host }) => host === target.host)!.disk;
        return columns.endIndex[target.row]! > 0 ? columns.endIndex[target.row]! : columns.beginIndex[target.row]!;
      }
      case 'mark':
        return target.index;
      case 'watch':
        return picture.clients.find(({ host }) => host === target.host)!.watches.index[target.row]!;
      case 'fault':
        return picture.faults[picture.faults.indexOf(scene.faults[target.fault]!.what)]!.beginIndex;
      case 'band':
      case 'cut':
      case 'election':
      case 'violation':
        return null;
      default:
        target satisfies never;
        return null;
    }
  }

  // --- drawing ---

  #repaint(): void {
    this.#isStale = true;
    this.#redraw();
  }

  #draw(): void {
    const began = performance.now();
    const { range } = this.#app;
    const painter: Painter = (plate) => this.#steps(plate);
    if (this.#isStale) this.#plates.paint(range, painter);
    const isAtRest = this.#plates.move(range, painter);
    if (!isAtRest) this.#redraw();
    this.#placeAxis(isAtRest);
    // What one touches moves along; most of the time there is nothing.
    if (this.#isStale || this.#hasTouched()) this.#touch();
    this.#isStale = false;
    this.frames.push(performance.now() - began);
    if (this.frames.length > 600) this.frames.shift();
  }

  *#steps({ context, hits, scale, width, left }: PlateFrame): Generator<void> {
    const { scene, theme } = this.#app;
    context.fillStyle = theme.background;
    context.fillRect(0, 0, width, this.#height);
    if (scene === null) return;
    const ratio = window.devicePixelRatio;
    const key = `${theme.name} ${ratio}`;
    if (this.#patterns === null || this.#patternsFor !== key) this.#patterns = new Patterns(context, ratio);
    this.#patternsFor = key;
    const how = { context, patterns: this.#patterns, makePath: (): Path2D => new Path2D(), hits };
    yield* pictureSteps({ ...this.#frame(scene, how), scale, width, left });
  }

  /** What the painters get; what one may point at is only kept for the screen. */
  #frame(scene: Scene, how: Pick<Frame, 'context' | 'patterns' | 'makePath'> & { readonly hits?: HitList }): Frame {
    return {
      hits: new HitList(),
      ...how,
      scene,
      layout: this.#layout,
      scale: this.scale,
      theme: this.#app.theme,
      width: this.#width,
      left: 0,
      height: this.#height,
      scroll: this.#scroll,
      unit: this.#unit,
      hidden: new Set(this.#app.view.hidden),
      lit: this.#app.lit,
      futures: this.#app.futures,
      other: this.#otherBands(scene),
    };
  }

  /** The two traces share an axis only when that is time. */
  #otherBands(scene: Scene): Frame['other'] {
    const picture = this.#app.other?.picture ?? null;
    if (picture === null || scene.axis.kind !== 'time') return null;
    if (this.#otherOf !== picture) {
      this.#otherOf = picture;
      this.#other = new Map(
        picture.servers.map(({ host, bands }) => [
          host,
          bands.map((what) => ({ from: what.beginUs, to: what.endUs, what })),
        ]),
      );
    }
    return this.#other;
  }

  /** The picture with its axis and the names of its lanes, as a file; what the screen shows of it. */
  async png(caption: string): Promise<Blob | null> {
    const { scene, view } = this.#app;
    const ratio = window.devicePixelRatio;
    const canvas = h('canvas', {});
    const context = canvas.getContext('2d');
    if (context === null || scene === null) return null;
    const patterns = new Patterns(context, ratio);
    const frame = this.#frame(scene, { context, patterns, makePath: () => new Path2D() });
    const size = sheetSize(frame);
    canvas.width = Math.round(size.width * ratio);
    canvas.height = Math.round(size.height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    paintSheet(frame, { caption, event: view.event });
    return new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  }

  /** The same, drawn as vectors by the same painters. */
  svg(caption: string, says: string): string | null {
    const { scene, view } = this.#app;
    const measuring = document.createElement('canvas').getContext('2d');
    if (measuring === null || scene === null) return null;
    const brush = new SvgBrush((text, font) => {
      measuring.font = font;
      return measuring.measureText(text).width;
    });
    const frame = this.#frame(scene, { context: brush, patterns: brush.hatches, makePath: () => new SvgPath() });
    paintSheet(frame, { caption, event: view.event });
    return brush.document(sheetSize(frame), caption, says, FONT);
  }

  // --- what one touches ---

  #touch(): void {
    const { scene, view, theme } = this.#app;
    const { scale } = this;
    const parts: SVGElement[] = [];
    if (scene !== null) {
      if (view.event !== null) parts.push(...this.#eventMark(scene, scale, view.event, theme.selection, true));
      if (view.target !== null) parts.push(...this.#eventMark(scene, scale, view.target, theme.danger, false));
    }
    parts.push(...this.ghosts.map((ghost) => this.#ghostMark(scale, ghost)));
    if (this.#band !== null) {
      const { x, to } = this.#band;
      parts.push(
        s('rect', {
          x: Math.min(x, to),
          y: 0,
          width: Math.abs(to - x),
          height: this.#height,
          fill: theme.selection,
          'fill-opacity': 0.14,
        }),
        s(
          'text',
          { x: (x + to) / 2, y: this.#height / 2, 'text-anchor': 'middle', class: 'anchor' },
          this.#length(scale.t(Math.abs(to - x)) - scale.from),
        ),
      );
    }
    if (this.#pointer !== null && scene !== null) {
      const { x } = this.#pointer;
      parts.push(s('line', { x1: x, x2: x, y1: 0, y2: this.#height, class: 'cursor' }));
    }
    fill(this.#svg, parts);
    this.#showTip(scene);
  }

  #hasTouched(): boolean {
    const { event, target } = this.#app.view;
    return event !== null || target !== null || this.ghosts.length > 0 || this.#band !== null || this.#pointer !== null;
  }

  /** Labels are made for more than the window holds, and move and stretch with it for a while. */
  #placeAxis(isAtRest: boolean): void {
    const { scene, range } = this.#app;
    const { perPixel } = this.scale;
    const stretch = (this.#axisOf.to - this.#axisOf.from) / (range.to - range.from);
    const isNear =
      !this.#isStale &&
      !(isAtRest && !isSame(this.#axisOf, range)) &&
      Math.abs(stretch - 1) < AXIS_STRETCH &&
      Math.abs(range.from - this.#axisOf.from) < (AXIS_MARGIN * perPixel) / 2;
    if (!isNear) {
      this.#axisOf = range;
      const air = AXIS_MARGIN * perPixel;
      const wide = { from: range.from - air, to: range.to + air };
      fill(this.#axis, scene === null ? [] : this.#axisMarks(scene, scaleOf(wide, this.#width + 2 * AXIS_MARGIN)));
    }
    const k = isNear ? stretch : 1;
    const x = (this.#axisOf.from - range.from) / perPixel - AXIS_MARGIN * k;
    const isPan = Math.abs(k - 1) < 1e-7;
    this.#axis.style.transform = `translateX(${isAtRest ? Math.round(x) : x}px)${isPan ? '' : ` scaleX(${k})`}`;
  }

  #ghostMark(scale: Scale, { from, to, line, isGone }: Ghost): SVGElement {
    const { faults, faultLine } = this.#layout;
    const [x, right] = [scale.x(from), Math.max(scale.x(to), scale.x(from) + 4)];
    const y = faults.top + line * faultLine + 0.5;
    const { selection, danger } = this.#app.theme;
    if (isGone)
      return s('line', {
        x1: x,
        x2: Math.max(right, x + 10),
        y1: y + (faultLine - 3) / 2,
        y2: y + (faultLine - 3) / 2,
        stroke: danger,
        'stroke-width': 3,
      });
    return s('rect', {
      x,
      y,
      width: right - x,
      height: faultLine - 2,
      rx: 2,
      fill: selection,
      'fill-opacity': 0.18,
      stroke: selection,
      'stroke-width': 1.5,
      'stroke-dasharray': '4 2',
    });
  }

  #length(units: number): string {
    return this.#app.scene?.axis.kind === 'order' ? `${Math.round(units)} steps` : duration(units);
  }

  #axisMarks(scene: Scene, scale: Scale): SVGElement[] {
    const y = this.#layout.axis.height;
    const isTime = scene.axis.kind === 'time';
    const isFine = isTime && scale.perPixel < FINE;
    return ticksOf(scene, scale, this.#unit).flatMap(({ t, label, anchor }) => {
      const x = Math.round(scale.x(t)) + 0.5;
      return [
        s('line', { x1: x, x2: x, y1: y - (anchor ? 6 : 4), y2: y, class: 'axis-anchor' }),
        s(
          'text',
          { x: x + 4, y: y - 6, class: anchor && isFine ? 'anchor' : '' },
          isTime ? label : `step ${t.toLocaleString('en')}`,
        ),
      ];
    });
  }

  /** A line through the picture, and a ring on the lane where it happened. */
  #eventMark(scene: Scene, scale: Scale, index: number, colour: string, isMain: boolean): SVGElement[] {
    const at = this.#app.placeOf(index);
    if (at < scale.from || at > scale.to) return [];
    const x = scale.x(at);
    const host = scene.picture.events.host[index - 1];
    const lane = host === undefined ? undefined : this.#layout.byHost.get(host);
    const parts: SVGElement[] = [
      s('line', {
        x1: x,
        x2: x,
        y1: this.#layout.axis.height,
        y2: this.#height,
        stroke: colour,
        'stroke-width': 1,
        'stroke-dasharray': isMain ? '' : '4 3',
      }),
    ];
    if (lane !== undefined) {
      const y = lane.band.top + lane.band.height / 2 - this.#scroll;
      parts.push(
        s('circle', { cx: x, cy: y, r: 5.5, fill: 'none', stroke: this.#app.theme.background, 'stroke-width': 4 }),
        s('circle', { cx: x, cy: y, r: 5.5, fill: 'none', stroke: colour, 'stroke-width': 2 }),
      );
    }
    return parts;
  }

  #showTip(scene: Scene | null): void {
    const pointer = this.#root.classList.contains('grabbing') ? null : this.#pointer;
    const target = pointer === null || scene === null ? null : this.#targetAt(pointer.x, pointer.y);
    const told = target === null || scene === null ? null : describe(scene, target, this.scale.t(pointer!.x));
    if (told === null || pointer === null || this.#band !== null) {
      this.#tip.hidden = true;
      return;
    }
    fill(
      this.#tip,
      h('b', {}, told.title),
      told.lines.map((line) => h('div', { class: 'dim' }, line)),
    );
    this.#tip.hidden = false;
    const { gutter } = this.#layout;
    const box = this.#tip.getBoundingClientRect();
    const left = Math.min(gutter + pointer.x + 14, gutter + this.#width - box.width - 6);
    const below = pointer.y + 18 + box.height < this.#height;
    this.#tip.style.left = `${Math.max(4, left)}px`;
    this.#tip.style.top = `${below ? pointer.y + 18 : Math.max(4, pointer.y - box.height - 12)}px`;
  }

  // --- names of lanes ---

  #nameLanes(): void {
    const { scene, view, theme } = this.#app;
    if (scene === null) {
      fill(this.#gutter);
      return;
    }
    const first = this.#layout.lanes[0]?.top ?? 0;
    const at = view.event === null ? null : this.#app.placeOf(view.event);
    const rows = this.#layout.lanes
      .filter((lane) => lane.top + lane.height - this.#scroll > first && lane.top - this.#scroll < this.#height)
      .map((lane) => this.#laneName(scene, lane, at));
    const { elections, faults, faultLine, futures } = this.#layout;
    const heads = [
      h('div', { class: 'gutter-head', style: `top:${elections.top}px;height:${elections.height}px` }, 'elections'),
      faults.height > 0 &&
        h('div', { class: 'gutter-head', style: `top:${faults.top}px;height:${faultLine}px` }, 'schedule'),
      futures.height > 0 &&
        h(
          'div',
          { class: 'gutter-head', style: `top:${futures.top}px;height:${futures.height}px` },
          'futures that fail',
        ),
    ];
    fill(this.#gutter, heads, h('div', { class: 'gutter-lanes', style: `top:${first}px` }, rows));
    this.#gutter.style.setProperty('--selected', mix(theme.background, theme.selection, 0.2));
  }

  #laneName(scene: Scene, lane: Lane, at: number | null): HTMLElement {
    const { view, theme } = this.#app;
    const first = this.#layout.lanes[0]?.top ?? 0;
    const name = scene.picture.lanes.find(({ host }) => host === lane.host)?.name ?? '';
    const server = scene.servers.get(lane.host);
    const band =
      server === undefined || at === null ? undefined : server.bands.findLast(({ from }) => from <= at)?.what;
    const isSelected = view.server === lane.host;
    return h(
      'button',
      {
        class: `lane-name ${lane.kind}`,
        role: 'listitem',
        style: `top:${lane.top - first - this.#scroll}px;height:${lane.height}px;--epoch:${laneColour(band ?? null, theme)}`,
        'aria-pressed': isSelected ? 'true' : 'false',
        title: lane.kind === 'server' ? 'Show its state' : 'Select the nearest event of this client',
        onclick: () => {
          const index = view.event === null ? 0 : eventBefore(scene, lane.host, this.#app.placeOf(view.event));
          if (lane.kind === 'server')
            this.#app.show({ server: lane.host, tab: 'state', event: view.event ?? (index || null) }, true);
          else this.#app.select(nearestEvent(scene, lane.host, at ?? this.#app.range.from), { reveal: true });
        },
      },
      h('b', {}, name),
      band !== undefined && h('span', {}, bandText(band)),
      lane.kind === 'server' && band === undefined && h('span', {}, rowNames(lane)),
    );
  }
}

/** What the rows of a lane are, where there is room to say it. */
function rowNames(lane: Lane): string {
  return lane.height > 52 ? 'zxid · disk · sent' : '';
}

/** Index of the event of the host nearest to this place; 0 when it has none. */
export function nearestEvent(scene: Scene, host: number, at: number): number {
  const own = scene.events.get(host);
  if (own === undefined || own.at.length === 0) return 0;
  const next = Math.min(own.at.length - 1, lowerBound(own.at, at));
  const before = Math.max(0, next - 1);
  return Math.abs(own.at[before]! - at) <= Math.abs(own.at[next]! - at) ? own.index[before]! : own.index[next]!;
}

/** Index of the last event of the host at or before this place; 0 when there is none. */
export function eventBefore(scene: Scene, host: number, at: number): number {
  const own = scene.events.get(host);
  if (own === undefined) return 0;
  const position = upperBound(own.at, at) - 1;
  return position < 0 ? 0 : own.index[position]!;
}
