/**
 * The picture while it moves. Painting all of it takes longer than a frame lasts, so it is painted on a plate that is wider than
 * the window, and the plate is moved and stretched by the compositor while one pans and zooms, which costs next to nothing.
 * Meanwhile a second plate is painted for where the view has got to, a few milliseconds in each frame; when it is done it takes
 * the place of the first. What one sees is thus at most some frames old, and exact as soon as the view stands still. A picture
 * that is painted quickly needs none of this and is painted in every frame.
 *
 * Until then the second plate is no part of the page. A canvas that is would be handed to the compositor in every frame in which a stroke
 * is added to it, seen or not, which costs as much as the strokes.
 */

import { HitList, type Target } from '../lib/hit.ts';
import { type Range, type Scale, scaleOf } from '../lib/scale.ts';

/** What is beside the window on each side, as a share of it. */
const MARGIN = 0.25;
/** A plate that is moved by more than this share of the window is followed by another. */
const SHIFT_MAX = 0.06;
/** Milliseconds of painting in one frame; as much again goes to turning strokes into pixels. */
const SLICE_MS = 3;
/** What takes no longer than this is painted in every frame. */
const QUICK_MS = 4;

/** What a painter gets to know of its plate. */
export interface PlateFrame {
  readonly context: CanvasRenderingContext2D;
  readonly hits: HitList;
  readonly scale: Scale;
  readonly width: number;
  /** Where the window begins, in pixels from the plate's left edge. */
  readonly left: number;
}

/** Paints a plate, in steps of a few milliseconds. */
export type Painter = (frame: PlateFrame) => Iterator<void>;

interface Plate {
  readonly canvas: HTMLCanvasElement;
  readonly context: CanvasRenderingContext2D;
  readonly hits: HitList;
  /** What it was painted for, without its margins. */
  view: Range;
  scale: Scale;
}

interface Work {
  readonly steps: Iterator<void>;
  spentMs: number;
  frames: number;
}

export class Plates {
  #front = makePlate();
  #back = makePlate();
  #work: Work | null = null;
  #width = 1;
  #ratio = 1;
  #margin = 0;
  /** How long the last whole painting took, and over how many frames. */
  #costMs = 0;
  #costFrames = 1;
  #last: Range = { from: 0, to: 1 };

  constructor(pane: HTMLElement) {
    pane.append(this.#front.canvas);
  }

  resize(width: number, height: number, ratio: number): void {
    this.#width = width;
    this.#ratio = ratio;
    this.#margin = Math.round(width * MARGIN);
    this.#work = null;
    for (const { canvas } of [this.#front, this.#back]) {
      canvas.width = Math.round((width + 2 * this.#margin) * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width + 2 * this.#margin}px`;
      canvas.style.height = `${height}px`;
    }
  }

  /** Paints the plate that is seen, at once: something else is to be seen on it, not the same from elsewhere. */
  paint(view: Range, painter: Painter): void {
    const began = performance.now();
    this.#work = null;
    const steps = painter(this.#begin(this.#front, view));
    while (steps.next().done !== true);
    this.#costMs = performance.now() - began;
    this.#last = view;
    this.#place(view);
  }

  /** Shows the view as well as it can be done now. False: there is more to do in the next frame. */
  move(view: Range, painter: Painter): boolean {
    if (this.#costMs <= QUICK_MS) {
      if (!isSame(this.#front.view, view)) this.paint(view, painter);
      return true;
    }
    const isMoving = !isSame(this.#last, view);
    if (this.#work === null && this.#isWorn(view, isMoving)) this.#start(view, painter);
    if (this.#work !== null) this.#advance(this.#work);
    this.#last = view;
    this.#place(view);
    return this.#work === null && !isMoving && isSame(this.#front.view, view);
  }

  /** What lies under a point of the window. */
  at(x: number, y: number): Target | null {
    const { k, tx } = this.#transform(this.#last);
    return this.#front.hits.at((x - tx) / k, y);
  }

  /** Whether the plate that is seen is not what should be seen: at rest not exactly, on the way not nearly. */
  #isWorn(view: Range, isMoving: boolean): boolean {
    if (!isMoving) return !isSame(this.#front.view, view);
    const length = view.to - view.from;
    const isStretched = Math.abs(length / (this.#front.view.to - this.#front.view.from) - 1) > 1e-9;
    return isStretched || Math.abs(view.from - this.#front.view.from) > length * SHIFT_MAX;
  }

  /** Begins a plate for where the view will be when it is painted, if it goes on as it does. */
  #start(view: Range, painter: Painter): void {
    const length = view.to - view.from;
    const isPan = Math.abs(length / (this.#last.to - this.#last.from) - 1) < 1e-9;
    const ahead = isPan ? (view.from - this.#last.from) * this.#costFrames : 0;
    const lead = Math.max(-length * MARGIN * 0.8, Math.min(length * MARGIN * 0.8, ahead));
    const target = { from: view.from + lead, to: view.to + lead };
    this.#work = { steps: painter(this.#begin(this.#back, target)), spentMs: 0, frames: 0 };
  }

  #advance(work: Work): void {
    const began = performance.now();
    let isDone = false;
    while (!isDone && performance.now() - began < SLICE_MS) isDone = work.steps.next().done === true;
    work.spentMs += performance.now() - began;
    work.frames += 1;
    if (!isDone) return;
    this.#work = null;
    this.#costMs = work.spentMs;
    this.#costFrames = work.frames;
    this.#front.canvas.replaceWith(this.#back.canvas);
    [this.#front, this.#back] = [this.#back, this.#front];
  }

  /** A plate as good as new. */
  #begin(plate: Plate, view: Range): PlateFrame {
    const { context, hits } = plate;
    const width = this.#width + 2 * this.#margin;
    const air = ((view.to - view.from) / this.#width) * this.#margin;
    plate.view = view;
    plate.scale = scaleOf({ from: view.from - air, to: view.to + air }, width);
    hits.clear();
    context.reset();
    context.scale(this.#ratio, this.#ratio);
    return { context, hits, scale: plate.scale, width, left: this.#margin };
  }

  #transform(view: Range): { readonly k: number; readonly tx: number } {
    const { scale } = this.#front;
    const perPixel = (view.to - view.from) / this.#width;
    const k = scale.perPixel / perPixel;
    const tx = (scale.from - view.from) / perPixel;
    // At rest the plate lies on whole pixels; differences of large times are not quite what they should be.
    return { k: Math.abs(k - 1) < 1e-7 ? 1 : k, tx: Math.abs(tx - Math.round(tx)) < 0.01 ? Math.round(tx) : tx };
  }

  #place(view: Range): void {
    const { k, tx } = this.#transform(view);
    this.#front.canvas.style.transform = `translateX(${tx}px)${k === 1 ? '' : ` scaleX(${k})`}`;
  }
}

export const isSame = (a: Range, b: Range): boolean => a.from === b.from && a.to === b.to;

function makePlate(): Plate {
  const canvas = document.createElement('canvas');
  canvas.setAttribute('aria-hidden', 'true');
  const view = { from: 0, to: 1 };
  return { canvas, context: canvas.getContext('2d')!, hits: new HitList(), view, scale: scaleOf(view, 1) };
}
