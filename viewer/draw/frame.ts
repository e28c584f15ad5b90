/** What every painter gets: where to draw, what, how large, and in which colours. */

import type { Futures } from '../lib/branches.ts';
import type { HitList } from '../lib/hit.ts';
import type { Layout } from '../lib/layout.ts';
import type { Theme } from '../lib/palette.ts';
import type { Scale } from '../lib/scale.ts';
import type { Placed, Scene } from '../lib/scene.ts';
import type { Band } from '../model/api.ts';
import type { Brush, Hatches, Path } from './brush.ts';

export interface Frame {
  readonly context: Brush;
  /** An empty path that the context can draw. */
  readonly makePath: () => Path;
  readonly scene: Scene;
  readonly layout: Layout;
  readonly scale: Scale;
  readonly theme: Theme;
  readonly patterns: Hatches;
  readonly width: number;
  /** Where the window begins: further left is only seen when it is moved there. */
  readonly left: number;
  readonly height: number;
  /** CSS pixels that the lanes are scrolled by. */
  readonly scroll: number;
  /** Root font size, px. */
  readonly unit: number;
  readonly hidden: ReadonlySet<string>;
  /** Indexes of events to light up; everything else steps back. Null: nothing is lit. */
  readonly lit: ReadonlySet<number> | null;
  readonly hits: HitList;
  /** How the run could have gone on, where somebody counted. */
  readonly futures: Futures | null;
  /** The bands of the trace that this one is compared with, by host. */
  readonly other: ReadonlyMap<number, readonly Placed<Band>[]> | null;
}

/** Text that is cut to a width, with an ellipsis; nothing when not even a few letters fit. */
export function clippedText(context: Brush, text: string, x: number, y: number, width: number): boolean {
  if (width < 12) return false;
  const perLetter = widthPerLetter(context);
  const fits = Math.floor(width / perLetter);
  if (fits < 2) return false;
  let shown = text;
  if (text.length > fits || context.measureText(text).width > width) {
    let cut = Math.min(text.length, fits);
    while (cut > 1 && context.measureText(`${text.slice(0, cut)}…`).width > width) cut--;
    if (cut < 2) return false;
    shown = `${text.slice(0, cut)}…`;
  }
  context.fillText(shown, x, y);
  return true;
}

const letters = new Map<string, number>();

function widthPerLetter(context: Brush): number {
  const known = letters.get(context.font);
  if (known !== undefined) return known;
  // Narrow letters decide how many could fit at most.
  const width = context.measureText('illtf').width / 5;
  letters.set(context.font, width);
  return width;
}

/** Edges of a span on the screen, or null when none of it shows. A span is at least `least` pixels wide. */
export function edges(
  scale: Scale,
  from: number,
  to: number,
  least = 1,
): { readonly x: number; readonly width: number } | null {
  if (to < scale.from || from > scale.to) return null;
  const x = Math.max(-2, scale.x(from));
  const right = Math.min(scale.width + 2, scale.x(to));
  return { x, width: Math.max(least, right - x) };
}
