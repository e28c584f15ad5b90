/** The whole run in one strip: how much happened, elections, faults, violations; and a window that shows what is in view. */

import type { App } from '../app/app.ts';
import { byId, fill, h, perFrame, s } from '../app/dom.ts';
import { epochColour, hue, mix } from '../lib/palette.ts';
import { clampRange, scaleOf } from '../lib/scale.ts';
import type { Scene } from '../lib/scene.ts';
import { duration, ticks } from '../lib/time.ts';
import { faultColour } from './faults.ts';
import { drawMark } from './glyphs.ts';
import { FONT } from './servers.ts';

const BINS = 2048;

export class Minimap {
  readonly #app: App;
  readonly #root = byId('mini');
  readonly #canvas = h('canvas', { 'aria-hidden': 'true' });
  readonly #svg = s('svg', { 'aria-hidden': 'true' });
  readonly #rewindow = perFrame(() => this.#window());
  /** What follows the view is moved and stretched, so that nothing of the page is painted for it. */
  readonly #selected = h('div', { class: 'selected' });
  readonly #frame = h('div', { class: 'window' });
  readonly #handles = [h('div', { class: 'handle' }), h('div', { class: 'handle' })] as const;
  #width = 0;
  #height = 0;
  #bins: Float64Array = new Float64Array(0);

  constructor(app: App) {
    this.#app = app;
    this.#root.append(this.#canvas, this.#svg, this.#selected, this.#frame, ...this.#handles);
    new ResizeObserver(() => this.#resize()).observe(this.#root);
    app.on('scene', (scene) => {
      this.#bins = scene === null ? new Float64Array(0) : binsOf(scene);
      this.#draw();
    });
    app.on('theme', () => this.#draw());
    app.on('view', (view, before) => {
      if (view.range !== before.range || view.event !== before.event) this.#rewindow();
    });
    this.#bindPointer();
  }

  #resize(): void {
    const box = this.#root.getBoundingClientRect();
    this.#width = box.width;
    this.#height = box.height;
    this.#canvas.width = Math.round(box.width * devicePixelRatio);
    this.#canvas.height = Math.round(box.height * devicePixelRatio);
    this.#svg.setAttribute('viewBox', `0 0 ${box.width} ${box.height}`);
    this.#draw();
  }

  #draw(): void {
    const context = this.#canvas.getContext('2d');
    const { scene, theme } = this.#app;
    if (context === null) return;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.fillStyle = theme.background;
    context.fillRect(0, 0, this.#width, this.#height);
    if (scene !== null) this.#paint(context, scene);
    this.#label();
    this.#window();
  }

  #paint(context: CanvasRenderingContext2D, scene: Scene): void {
    const { theme } = this.#app;
    const [width, height] = [this.#width, this.#height];
    const scale = scaleOf(scene.axis.whole, width);
    const floor = Math.round(height * 0.735);
    // Who led, as a ribbon in the colours of the epochs.
    for (const server of scene.servers.values()) {
      for (const { from, to, what } of server.bands) {
        if (what.state !== 'leading' || what.phase !== 'broadcast') continue;
        context.fillStyle = epochColour(what.epoch, theme);
        context.fillRect(scale.x(from), floor - 4, Math.max(1, scale.x(to) - scale.x(from)), 4);
      }
    }
    const most = Math.max(1, ...this.#bins);
    context.fillStyle = mix(theme.background, theme.ink3, 0.42);
    context.beginPath();
    const step = width / Math.max(1, this.#bins.length);
    context.moveTo(0, floor - 4);
    this.#bins.forEach((count, i) => {
      // Square roots, so that quiet parts beside busy ones are not empty.
      context.lineTo(i * step, floor - 4 - Math.sqrt(count / most) * (floor - 12));
    });
    context.lineTo(width, floor - 4);
    context.fill();
    for (const { from, to, what } of scene.elections) {
      if (what.kind === 'join') continue;
      const x = scale.x(from);
      const wide = Math.max(2, scale.x(to) - x);
      context.fillStyle = mix(theme.background, theme.ink, theme.name === 'dark' ? 0.3 : 0.2);
      context.globalAlpha = 0.55;
      context.fillRect(x, 4, wide, floor - 4);
      context.globalAlpha = 1;
      context.fillStyle = what.outcome.kind === 'established' ? theme.ink2 : theme.danger;
      context.fillRect(x, 3, wide, 2);
      context.font = `600 ${this.#height * 0.2}px ${FONT}`;
      context.textBaseline = 'top';
      context.fillStyle = theme.ink2;
      context.fillText(String(what.number), x + wide + 2, 3);
    }
    for (const { from, to, what } of scene.faults) {
      context.fillStyle = faultColour(what.group, theme);
      context.fillRect(scale.x(from), floor + 1, Math.max(2, scale.x(to) - scale.x(from)), 2.5);
    }
    for (const violation of scene.picture.violations) {
      const at = scene.axis.place(violation.events.at(-1) ?? 0, violation.timeUs, violation.servers[0] ?? 0);
      context.fillStyle = theme.danger;
      context.fillRect(scale.x(at) - 0.75, 0, 1.5, floor);
      drawMark(context, 'violation', scale.x(at), 8, 12);
    }
    context.fillStyle = hue('blue', theme);
  }

  /** What stays the same while one pans. */
  #label(): void {
    const { scene } = this.#app;
    if (scene === null) {
      fill(this.#svg);
      return;
    }
    const scale = scaleOf(scene.axis.whole, this.#width);
    const isTime = scene.axis.kind === 'time';
    const marks = ticks(scale.from, scale.to, scale.perPixel * 110).map(({ t, label }) =>
      s('text', { x: scale.x(t) + 3, y: this.#height - 3 }, isTime ? label : `step ${t}`),
    );
    fill(this.#svg, marks);
    this.#selected.style.background = this.#app.theme.selection;
  }

  #window(): void {
    const { scene, range, view } = this.#app;
    for (const part of [this.#selected, this.#frame, ...this.#handles]) part.hidden = scene === null;
    if (scene === null) return;
    const scale = scaleOf(scene.axis.whole, this.#width);
    const x = scale.x(range.from);
    const width = Math.max(2, scale.x(range.to) - x);
    const isWhole = width >= this.#width - 1;
    const isTime = scene.axis.kind === 'time';
    const at = view.event === null ? null : scale.x(this.#app.placeOf(view.event));
    place(this.#selected, at, 1);
    place(this.#frame, isWhole ? null : x, width);
    place(this.#handles[0], isWhole ? null : x, 1);
    place(this.#handles[1], isWhole ? null : x + width, 1);
    const words = isTime
      ? `${duration(range.to - range.from)} of ${duration(scale.to - scale.from)} in view`
      : 'steps in view';
    if (this.#root.getAttribute('aria-valuetext') !== words) this.#root.setAttribute('aria-valuetext', words);
  }

  /** Drag the window, its edges, or draw a new one. */
  #bindPointer(): void {
    let drag: {
      readonly kind: 'move' | 'from' | 'to' | 'new';
      readonly at: number;
      readonly from: number;
      readonly to: number;
    } | null = null;
    const placeOf = (event: PointerEvent): number => {
      const { whole } = this.#app;
      const box = this.#root.getBoundingClientRect();
      return scaleOf(whole, this.#width).t(Math.min(this.#width, Math.max(0, event.clientX - box.left)));
    };
    this.#root.addEventListener('pointerdown', (event) => {
      const { range, whole } = this.#app;
      const at = placeOf(event);
      const reach = ((whole.to - whole.from) / this.#width) * 6;
      const isWhole = range.to - range.from >= (whole.to - whole.from) * 0.999;
      const kind = isWhole
        ? 'new'
        : Math.abs(at - range.from) < reach
          ? 'from'
          : Math.abs(at - range.to) < reach
            ? 'to'
            : at > range.from && at < range.to
              ? 'move'
              : 'new';
      drag = { kind, at, from: range.from, to: range.to };
      this.#root.setPointerCapture(event.pointerId);
    });
    this.#root.addEventListener('pointermove', (event) => {
      if (drag === null) return;
      const at = placeOf(event);
      const by = at - drag.at;
      const next = {
        move: { from: drag.from + by, to: drag.to + by },
        from: { from: Math.min(at, drag.to), to: drag.to },
        to: { from: drag.from, to: Math.max(at, drag.from) },
        new: { from: Math.min(at, drag.at), to: Math.max(at, drag.at) },
      }[drag.kind];
      if (drag.kind !== 'new' || Math.abs(by) > (this.#app.whole.to - this.#app.whole.from) / 300)
        this.#app.setRange(next);
    });
    this.#root.addEventListener('pointerup', (event) => {
      if (drag === null) return;
      const at = placeOf(event);
      const { whole, range } = this.#app;
      const isClick = Math.abs(at - drag.at) <= (whole.to - whole.from) / 300;
      if (isClick && drag.kind === 'new') {
        const length = Math.min(range.to - range.from, (whole.to - whole.from) / 8);
        this.#app.fly(clampRange({ from: at - length / 2, to: at + length / 2 }, whole));
      }
      drag = null;
    });
  }
}

/** Puts a bar of one pixel there and stretches it; null: it is not seen. */
function place(bar: HTMLElement, x: number | null, width: number): void {
  bar.style.opacity = x === null ? '0' : '';
  if (x !== null) bar.style.transform = `translateX(${x}px)${width === 1 ? '' : ` scaleX(${width})`}`;
}

function binsOf(scene: Scene): Float64Array {
  const bins = new Float64Array(BINS);
  const { from, to } = scene.axis.whole;
  const perUnit = BINS / Math.max(1, to - from);
  for (const { at } of scene.events.values()) {
    for (const place of at) bins[Math.min(BINS - 1, Math.max(0, Math.floor((place - from) * perUnit)))]!++;
  }
  return bins;
}
