/**
 * Messages as arrows from the moment they were sent to the moment their last byte was read. Each group decides by itself
 * whether there is room for arrows, so that a rare vote is drawn while ten thousand acknowledgements are only counted (in the
 * traffic rows). What was held up, or never came, is drawn differently whatever its group.
 */

import type { Lane, Layout } from '../lib/layout.ts';
import { arrowStrength } from '../lib/scene.ts';
import { MESSAGE_FATES, MESSAGE_GROUPS, type MessageColumns, type MessageGroup } from '../model/api.ts';
import type { Path } from './brush.ts';
import type { Frame } from './frame.ts';
import { drawHead, type MessageStyle, messageStyle } from './glyphs.ts';
import { FONT } from './servers.ts';

const RARE: ReadonlySet<MessageGroup> = new Set(['notification', 'discovery', 'synchronisation']);
const DELIVERED = MESSAGE_FATES.indexOf('delivered');
const STALLED = MESSAGE_FATES.indexOf('stalled');
const RESET = MESSAGE_FATES.indexOf('reset');
const OPEN = MESSAGE_FATES.indexOf('open');
/** Arrows of one group in one frame, whatever the choice of detail says: a bound on the work. */
const ARROWS_MAX = 6000;
/** So many are put on the canvas before somebody else may have the thread. */
const ARROWS_A_STEP = 400;
/** Pixels of time below which a line is as good as upright. */
const UPRIGHT = 1.2;
/** More than there are hosts. */
const WAYS = 65_536;
/** Names are written beside arrows when there are at most so many in sight. */
const NAMED_MAX = 60;

export function* messageSteps(frame: Frame): Generator<void> {
  const { scene, scale, width, hidden, lit } = frame;
  const strengths = scene.groups.map(({ spans }, at) => {
    const group = MESSAGE_GROUPS[at]!;
    if (hidden.has(group)) return 0;
    return arrowStrength(spans.countIn(scale.from, scale.to), width, RARE.has(group));
  });
  let inSight = 0;
  scene.groups.forEach(({ spans }, at) => {
    if (strengths[at]! > 0) inSight += spans.countIn(scale.from, scale.to);
  });
  for (const [at, strength] of strengths.entries()) {
    if (strength > 0) yield* groupSteps(frame, at, lit === null ? strength : strength * 0.25, inSight <= NAMED_MAX);
  }
}

export interface ArrowEnds {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

/** From the near edge of the sender's band to the near edge of the receiver's. Null when one of them has no lane. */
export function arrowEnds(
  layout: Layout,
  from: number,
  to: number,
): { readonly y0: number; readonly y1: number } | null {
  const a = layout.byHost.get(from);
  const b = layout.byHost.get(to);
  if (a === undefined || b === undefined || a === b) return null;
  const isDown = b.top > a.top;
  const bottom = ({ band }: Lane): number => band.top + band.height;
  return isDown ? { y0: bottom(a), y1: b.band.top } : { y0: a.band.top, y1: bottom(b) };
}

function* groupSteps(frame: Frame, at: number, strength: number, isNamed: boolean): Generator<void> {
  const { scene, scale, width, theme } = frame;
  const { spans, rows } = scene.groups[at]!;
  const { fate } = scene.picture.messages;
  const group = MESSAGE_GROUPS[at]!;
  const style = messageStyle(group, theme);
  const plain: number[] = [];
  const odd: number[] = [];
  spans.each(scale.from, scale.to, (i) => (fate[rows[i]!] === DELIVERED ? plain : odd).push(i), ARROWS_MAX);
  // Heads on every one of many arrows would be all one sees.
  const isHeaded = spans.countIn(scale.from, scale.to) < width * 0.12;
  const upright = new Map<number, number>();
  for (let from = 0; from < plain.length; from += ARROWS_A_STEP) {
    // Lines to clients cross every lane of a server; they are there to be found, not to be seen first.
    frame.context.globalAlpha = (group === 'client' ? 0.5 : 0.9) * strength;
    paintArrows(frame, at, plain.slice(from, from + ARROWS_A_STEP), isHeaded, upright);
    yield;
  }
  const { context } = frame;
  const { messages } = scene.picture;
  context.globalAlpha = Math.max(0.55, strength);
  const { bundles, single } = bundled(frame, at, odd);
  for (const bundle of bundles) paintBundle(frame, at, bundle, style);
  for (const i of single) paintOdd(frame, messages, rows[i]!, spans.begin[i]!, spans.end[i]!, style);
  context.globalAlpha = 1;
  if (isNamed) for (const i of plain) paintName(frame, messages, rows[i]!, spans.begin[i]!, spans.end[i]!, style);
  yield;
}

/** Some arrows of a group, by their positions in its spans. */
function paintArrows(
  frame: Frame,
  at: number,
  chosen: readonly number[],
  isHeaded: boolean,
  upright: Map<number, number>,
): void {
  const { context, scene, layout, scale, theme, hits } = frame;
  const { messages } = scene.picture;
  const { spans, rows } = scene.groups[at]!;
  const style = messageStyle(MESSAGE_GROUPS[at]!, theme);
  const lines = frame.makePath();
  const heads = frame.makePath();
  context.strokeStyle = style.colour;
  context.lineWidth = style.width;
  context.fillStyle = style.colour;
  for (const i of chosen) {
    const row = rows[i]!;
    const ends = arrowEnds(layout, messages.from[row]!, messages.to[row]!);
    if (ends === null) continue;
    const x0 = scale.x(spans.begin[i]!);
    const x1 = scale.x(spans.end[i]!);
    hits.line(x0, ends.y0, x1, ends.y1, row);
    if (isHeaded || x1 - x0 >= UPRIGHT) {
      arrow(lines, isHeaded ? heads : null, style, x0, ends.y0, x1, ends.y1);
      continue;
    }
    // Upright lines are rectangles, which cost a tenth of a line; and one on top of another shows nothing more.
    const way = messages.from[row]! * WAYS + messages.to[row]!;
    const last = upright.get(way);
    if (last !== undefined && x0 - last < UPRIGHT) continue;
    upright.set(way, x0);
    context.fillRect(x0, Math.min(ends.y0, ends.y1), style.width * 0.8, Math.abs(ends.y1 - ends.y0));
  }
  if (isHeaded) context.setLineDash([...style.dash]);
  context.stroke(lines);
  if (!isHeaded) return;
  context.setLineDash([]);
  context.fillStyle = style.head === 'open' ? theme.background : style.colour;
  context.fill(heads);
  context.lineWidth = 1;
  context.stroke(heads);
}

/** A line and its head. A head needs room; an arrow that is shorter has only its line. */
function arrow(
  lines: Path,
  heads: Path | null,
  style: MessageStyle,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
): void {
  lines.moveTo(x0, y0);
  lines.lineTo(x1, y1);
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (heads !== null && length > 10) drawHead(heads, style.head, x1, y1, (x1 - x0) / length, (y1 - y0) / length, 5);
}

/** So many that were held up and read at the same moment are one bundle: each by itself they would cover what they cross. */
const BUNDLE_MIN = 4;
/** Pixels within which moments are the same. */
const BUNDLE_PX = 10;

/** Positions of what was held up on one way until one moment, in the order of sending; and all others. */
function bundled(
  { scene, scale }: Frame,
  at: number,
  odd: readonly number[],
): { readonly bundles: readonly (readonly number[])[]; readonly single: readonly number[] } {
  const { spans, rows } = scene.groups[at]!;
  const { fate, from, to } = scene.picture.messages;
  const together = new Map<string, number[]>();
  const single: number[] = [];
  for (const i of odd) {
    const row = rows[i]!;
    if (fate[row] !== STALLED) {
      single.push(i);
      continue;
    }
    // Cells of the axis and not of the window, so that nothing jumps while one pans.
    const key = `${from[row]} ${to[row]} ${Math.floor(spans.end[i]! / (scale.perPixel * BUNDLE_PX))}`;
    const known = together.get(key);
    if (known === undefined) together.set(key, [i]);
    else known.push(i);
  }
  const bundles = [...together.values()];
  return {
    bundles: bundles.filter(({ length }) => length >= BUNDLE_MIN),
    single: [...single, ...bundles.filter(({ length }) => length < BUNDLE_MIN).flat()],
  };
}

/** A wedge from the first that was sent and the last to where all were read, its edges as arrows are, and how many they are. */
function paintBundle(frame: Frame, at: number, bundle: readonly number[], style: MessageStyle): void {
  const { context, scene, layout, scale, theme, hits, unit } = frame;
  const { spans, rows } = scene.groups[at]!;
  const { messages } = scene.picture;
  const row = rows[bundle[0]!]!;
  const ends = arrowEnds(layout, messages.from[row]!, messages.to[row]!);
  if (ends === null) return;
  const { y0, y1 } = ends;
  const first = scale.x(spans.begin[bundle[0]!]!);
  const last = scale.x(spans.begin[bundle.at(-1)!]!);
  const read = scale.x(spans.end[bundle[0]!]!);
  for (const i of bundle) hits.line(scale.x(spans.begin[i]!), y0, scale.x(spans.end[i]!), y1, rows[i]!);
  const { globalAlpha } = context;
  context.fillStyle = style.colour;
  context.globalAlpha = globalAlpha * 0.22;
  context.beginPath();
  context.moveTo(first, y0);
  context.lineTo(last, y0);
  context.lineTo(read, y1);
  context.closePath();
  context.fill();
  context.globalAlpha = globalAlpha;
  context.strokeStyle = style.colour;
  context.lineWidth = style.width + 0.4;
  context.setLineDash([...style.dash]);
  context.beginPath();
  context.moveTo(first, y0);
  context.lineTo(read, y1);
  context.moveTo(last, y0);
  context.lineTo(read, y1);
  context.stroke();
  context.setLineDash([]);
  const length = Math.hypot(read - first, y1 - y0);
  if (length < 26) return;
  const head = frame.makePath();
  drawHead(head, style.head, read, y1, (read - first) / length, (y1 - y0) / length, 6);
  context.fillStyle = style.colour;
  context.fill(head);
  const share = clearOfBands(layout, y0, y1);
  const middle = { x: first + (read - first) * share, y: y0 + (y1 - y0) * share };
  waist(frame, middle.x, middle.y, style.colour);
  const text = `×${bundle.length}`;
  context.font = `600 ${unit * 0.8}px ${FONT}`;
  context.textBaseline = 'middle';
  const width = context.measureText(text).width;
  context.globalAlpha = 0.86;
  context.fillStyle = theme.background;
  context.fillRect(middle.x + 6, middle.y - 6, width + 4, 12);
  context.globalAlpha = globalAlpha;
  context.fillStyle = theme.ink;
  context.fillText(text, middle.x + 8, middle.y + 0.5);
}

/** Where between its ends something on an arrow is seen: half way, unless that is behind the band of a lane between. */
function clearOfBands(layout: Layout, y0: number, y1: number): number {
  const half = (y0 + y1) / 2;
  for (const { band } of layout.lanes) {
    if (half < band.top - WAIST || half > band.top + band.height + WAIST) continue;
    return (band.top + band.height + WAIST * 2 - y0) / (y1 - y0);
  }
  return 0.5;
}

/** Half of the height of a waist, px. */
const WAIST = 4;

/** Two bars across a line: held up. */
function waist({ context, theme }: Frame, x: number, y: number, colour: string): void {
  context.fillStyle = theme.background;
  context.fillRect(x - 4, y - WAIST, 8, 2 * WAIST);
  context.fillStyle = colour;
  context.fillRect(x - 3, y - WAIST, 2, 2 * WAIST);
  context.fillRect(x + 1, y - WAIST, 2, 2 * WAIST);
}

/** Held up: a heavy line. Never read: a line that ends in a cross. On its way at the end: one that fades. */
function paintOdd(
  frame: Frame,
  messages: MessageColumns,
  row: number,
  begin: number,
  end: number,
  style: MessageStyle,
): void {
  const { context, layout, scale, theme, hits } = frame;
  const ends = arrowEnds(layout, messages.from[row]!, messages.to[row]!);
  if (ends === null) return;
  const { y0, y1 } = ends;
  const fate = messages.fate[row]!;
  const x0 = scale.x(begin);
  const x1 = Number.isNaN(end) ? scale.x(scale.to) + 40 : scale.x(end);
  context.strokeStyle = style.colour;
  if (fate === STALLED) {
    // Along the receiver's lane while nothing comes, then down to it: who waited, and for how long.
    context.lineWidth = style.width + 1.2;
    context.setLineDash([...style.dash]);
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    context.stroke();
    context.setLineDash([]);
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (length > 10) {
      const head = frame.makePath();
      drawHead(head, style.head, x1, y1, (x1 - x0) / length, (y1 - y0) / length, 6);
      context.fillStyle = style.colour;
      context.fill(head);
    }
    if (length > 26) {
      const share = clearOfBands(layout, y0, y1);
      waist(frame, x0 + (x1 - x0) * share, y0 + (y1 - y0) * share, style.colour);
    }
    hits.line(x0, y0, x1, y1, row);
    return;
  }
  const share = fate === RESET ? 0.62 : 0.8;
  // What was lost is drawn on its way, not to the moment at which somebody was sure of it, which may be seconds later.
  const reach = fate === OPEN ? x1 : Math.min(x1, x0 + Math.max(24, (x1 - x0) * 0.2));
  const [ex, ey] = [x0 + (reach - x0) * share, y0 + (y1 - y0) * share];
  context.lineWidth = style.width;
  context.setLineDash([3, 3]);
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(ex, ey);
  context.stroke();
  context.setLineDash([]);
  if (fate === RESET) {
    context.strokeStyle = theme.danger;
    context.lineWidth = 1.6;
    context.beginPath();
    context.moveTo(ex - 3.5, ey - 3.5);
    context.lineTo(ex + 3.5, ey + 3.5);
    context.moveTo(ex + 3.5, ey - 3.5);
    context.lineTo(ex - 3.5, ey + 3.5);
    context.stroke();
  }
  hits.line(x0, y0, ex, ey, row);
}

/** The name along the arrow, a third of the way, where other arrows to the same place have not met it yet. */
function paintName(
  frame: Frame,
  messages: MessageColumns,
  row: number,
  begin: number,
  end: number,
  style: MessageStyle,
): void {
  const { context, scene, layout, scale, theme, unit } = frame;
  const ends = arrowEnds(layout, messages.from[row]!, messages.to[row]!);
  if (ends === null) return;
  const x0 = scale.x(begin);
  const x1 = scale.x(end);
  if (x1 - x0 < 46) return;
  const name = scene.picture.names[messages.name[row]!] ?? '';
  const angle = Math.atan2(ends.y1 - ends.y0, x1 - x0);
  if (Math.abs(angle) > 1.2) return;
  context.save();
  context.translate(x0 + (x1 - x0) * 0.34, ends.y0 + (ends.y1 - ends.y0) * 0.34);
  context.rotate(angle);
  context.font = `${unit * 0.78}px ${FONT}`;
  context.textBaseline = 'bottom';
  const width = context.measureText(name).width;
  context.globalAlpha = 0.82;
  context.fillStyle = theme.background;
  context.fillRect(-2, -unit, width + 4, unit - 1);
  context.globalAlpha = 1;
  context.fillStyle = theme.ink;
  context.fillText(name, 0, -1);
  context.fillStyle = style.colour;
  context.restore();
}

/** The messages between events that are lit, whole and heavy, whatever the zoom. */
export function paintLit(frame: Frame): void {
  const { context, scene, layout, scale, theme, lit } = frame;
  if (lit === null) return;
  const { messages } = scene.picture;
  for (const [at, { spans, rows }] of scene.groups.entries()) {
    const style = messageStyle(MESSAGE_GROUPS[at]!, theme);
    const lines = frame.makePath();
    const heads = frame.makePath();
    let count = 0;
    spans.each(scale.from, scale.to, (i) => {
      if (count >= ARROWS_MAX) return;
      const row = rows[i]!;
      if (!lit.has(messages.sentIndex[row]!) || !lit.has(messages.arrivedIndex[row]!)) return;
      const ends = arrowEnds(layout, messages.from[row]!, messages.to[row]!);
      if (ends === null) return;
      count++;
      const [x0, x1] = [scale.x(spans.begin[i]!), scale.x(spans.end[i]!)];
      arrow(lines, heads, style, x0, ends.y0, x1, ends.y1);
      frame.hits.line(x0, ends.y0, x1, ends.y1, row);
    });
    if (count === 0) continue;
    context.strokeStyle = style.colour;
    context.fillStyle = style.colour;
    context.lineWidth = style.width + 0.8;
    context.setLineDash([...style.dash]);
    context.stroke(lines);
    context.setLineDash([]);
    context.fill(heads);
  }
}
