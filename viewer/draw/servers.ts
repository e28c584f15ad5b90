/** Lanes of servers: what they are, how far their histories are, what their disks do, what they send. */

import { LEVEL } from '../lib/hit.ts';
import type { Lane } from '../lib/layout.ts';
import { epochColour, hue, inkOn, mix } from '../lib/palette.ts';
import type { Scale } from '../lib/scale.ts';
import { firstShown, type ServerScene, trafficLevel, type ZxidScene } from '../lib/scene.ts';
import { lowerBound, upperBound } from '../lib/search.ts';
import { stepOf } from '../lib/time.ts';
import { type Band, DISK_ACTIONS, MESSAGE_GROUPS } from '../model/api.ts';
import type { Brush } from './brush.ts';
import { clippedText, edges, type Frame } from './frame.ts';
import { bandStyle, drawMark, messageStyle } from './glyphs.ts';

/** The rows of a lane below and above its band. */
export function* serverSteps(frame: Frame, server: ServerScene, lane: Lane, zxidRange: ZxidRange): Generator<void> {
  paintClock(frame, server, lane);
  paintZxids(frame, server.zxid, lane, zxidRange);
  yield;
  paintDisk(frame, server, lane);
  yield;
  paintTraffic(frame, server, lane);
}

/** What it was. Comes after the messages, which pass behind it: who crosses three lanes is not to make three unreadable. */
export function paintState(frame: Frame, server: ServerScene, lane: Lane): void {
  paintBands(frame, server, lane);
  paintOther(frame, server.host, lane);
}

// --- state -----------------------------------------------------------------------------------------------------------

const STATE_WORDS: Readonly<Record<Band['state'], string>> = {
  down: 'down',
  recovering: 'recovers its disk',
  looking: 'looking',
  following: 'follows',
  leading: 'leads',
  observing: 'observes',
  standalone: 'standalone',
  halted: 'halted',
};

/** What stands in a band, longest form first. */
export function bandText(band: Band): string {
  const { state, phase, sync, epoch, leader } = band;
  const epochText = epoch > 0 ? `e${epoch} · ` : '';
  if (state === 'leading') return `${epochText}leads${phase === 'broadcast' ? '' : ` · ${phase}`}`;
  if (state === 'following' || state === 'observing') {
    const whom = leader === null ? '' : ` ${leader}`;
    const how = phase === 'broadcast' ? '' : ` · ${phase === 'synchronization' && sync !== null ? sync : phase}`;
    return `${epochText}${STATE_WORDS[state]}${whom}${how}`;
  }
  return `${STATE_WORDS[state]}${band.resync ? ' · must resync' : ''}${band.readOnly ? ' · read-only' : ''}`;
}

function paintBands(
  { context, scale, theme, patterns, hits, unit, left }: Frame,
  server: ServerScene,
  lane: Lane,
): void {
  const { top, height } = lane.band;
  const { bands } = server;
  context.font = `${unit * 0.88}px ${FONT}`;
  context.textBaseline = 'middle';
  let lastRight = Number.NEGATIVE_INFINITY;
  for (let i = firstShown(bands, scale.from); i < bands.length; i++) {
    const { from, to, what } = bands[i]!;
    if (from > scale.to) break;
    const edge = edges(scale, from, to);
    if (edge === null) continue;
    const { x, width } = edge;
    // A thousand bands within one pixel are one pixel.
    if (x + width <= lastRight + 0.25) continue;
    lastRight = x + width;
    const style = bandStyle(what.state, what.phase, what.epoch, theme);
    if (what.state === 'down') {
      context.strokeStyle = theme.lineStrong;
      context.setLineDash([1, 3]);
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(x, top + height - 0.5);
      context.lineTo(x + width, top + height - 0.5);
      context.stroke();
      context.setLineDash([]);
    } else {
      context.fillStyle = style.fill ?? theme.background;
      context.fillRect(x, top, width, height);
      if (style.pattern !== null && width > 1.5) {
        context.fillStyle = patterns.get(style.pattern.name, style.pattern.colour);
        context.fillRect(x, top, width, height);
      }
      context.fillStyle = style.edge;
      if (style.crown) context.fillRect(x, top, width, 3);
      context.fillRect(x, top + height - 1, width, 1);
      if (width > 2) context.fillRect(x, top, 1, height);
    }
    const level = what.state === 'down' ? LEVEL.down : LEVEL.band;
    hits.box(x, top, width, height, { kind: 'band', host: server.host, band: i }, level);
    if (width > 26) {
      // The mark of a crash stands where the band begins.
      const inset = what.state === 'down' ? 14 : 6;
      const text = bandText(what);
      const base = style.fill ?? theme.background;
      context.fillStyle = what.state === 'down' ? theme.ink3 : inkOn(base.startsWith('#') ? base : theme.background);
      const textX = besideMarks(server, scale, Math.max(x, left) + inset);
      const room = x + width - textX - 4;
      if (style.pattern !== null) haloText(context, text, textX, top + height / 2, room, base);
      else clippedText(context, text, textX, top + height / 2 + 0.5, room);
    }
  }
}

/** Pixels that a mark takes on either side of where it stands. */
const MARK_REACH = 13;

/** Where a text may begin: not under a mark, as a fault often comes just behind the begin of a band. */
function besideMarks({ marks }: ServerScene, scale: Scale, x: number): number {
  let free = x;
  for (let i = firstShown(marks, scale.t(x - MARK_REACH)); i < marks.length; i++) {
    const { from, what } = marks[i]!;
    const at = scale.x(from);
    // Behind that the text has room to end, or not; it is not pushed from mark to mark through the whole band.
    if (at > free + MARK_ROOM || free > x + MARK_PUSH) break;
    if (what.kind !== 'boot' && what.kind !== 'resume' && at + MARK_REACH > free) free = at + MARK_REACH;
  }
  return free;
}

/** A mark so near behind the begin of a text covers its first word. */
const MARK_ROOM = 40;
const MARK_PUSH = 60;

/** Below the band, what the server was in the other trace at this time: as thin as a ribbon. */
function paintOther({ context, scale, theme, patterns, other }: Frame, host: number, lane: Lane): void {
  const bands = other?.get(host);
  if (bands === undefined) return;
  const y = lane.band.top + lane.band.height + 1;
  const height = Math.max(3, lane.zxid.top - y - 1);
  for (let i = firstShown(bands, scale.from); i < bands.length; i++) {
    const { from, to, what } = bands[i]!;
    if (from > scale.to) break;
    const edge = edges(scale, from, to);
    if (edge === null || what.state === 'down') continue;
    const style = bandStyle(what.state, what.phase, what.epoch, theme);
    context.fillStyle = style.crown ? style.edge : (style.fill ?? theme.background);
    context.fillRect(edge.x, y, edge.width, height);
    if (style.pattern !== null) {
      context.fillStyle = patterns.get(style.pattern.name, style.pattern.colour);
      context.fillRect(edge.x, y, edge.width, height);
    }
  }
}

/** Text on a hatch: the letters get a margin in the colour below. */
function haloText(context: Brush, text: string, x: number, y: number, room: number, base: string): void {
  const ink = context.fillStyle;
  const width = Math.min(room, context.measureText(text).width);
  if (room < 14) return;
  context.fillStyle = base;
  context.globalAlpha = 0.86;
  context.fillRect(x - 3, y - 7, width + 6, 14);
  context.globalAlpha = 1;
  context.fillStyle = ink;
  clippedText(context, text, x, y + 0.5, room);
}

export const FONT =
  '"Inter","Segoe UI Variable Text","Segoe UI",system-ui,-apple-system,"Helvetica Neue","Liberation Sans",sans-serif';

// --- clock -----------------------------------------------------------------------------------------------------------

/**
 * A ruler as the server reads it: marks where its own wall clock passes round times. Beside a clock that is right the marks
 * stand under those of the axis; a jump tears the ruler, a drift stretches it. Not drawn for a clock that is right.
 */
function paintClock({ context, scene, scale, theme, unit }: Frame, server: ServerScene, lane: Lane): void {
  const { clock } = server;
  if (scene.axis.kind !== 'time' || clock.every(({ skewUs }) => Math.abs(skewUs) < 1000)) return;
  const step = stepOf(scale.perPixel * 40);
  const y = lane.top + 1;
  const height = Math.max(3, lane.band.top - lane.top - 2);
  let labelEnd = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < clock.length; i++) {
    context.fillStyle = mix(theme.background, theme.ink3, 0.7);
    const { at, skewUs } = clock[i]!;
    const until = clock[i + 1]?.at ?? scale.to;
    if (until < scale.from || at > scale.to) continue;
    // A displacement that nobody could see is not drawn.
    if (Math.abs(skewUs) < scale.perPixel * 2) continue;
    const [from, to] = [Math.max(at, scale.from), Math.min(until, scale.to)];
    const first = Math.ceil((from + skewUs) / step) * step;
    for (let own = first; own - skewUs <= to; own += step) {
      context.fillRect(Math.round(scale.x(own - skewUs)), y, 1, height);
    }
    const last = clock[i - 1];
    if (last !== undefined && Math.abs(skewUs - last.skewUs) > 5000 && at >= scale.from) {
      const jump = (skewUs - last.skewUs) / 1000;
      const text = `clock ${jump > 0 ? '+' : '−'}${Math.abs(Math.round(jump))} ms`;
      context.font = `${unit * 0.72}px ${FONT}`;
      context.textBaseline = 'top';
      const x = scale.x(at) + 4;
      // A clock that runs at another speed is another one at every look; only what stands apart is a jump.
      const end = x + context.measureText(text).width + 6;
      if (x > labelEnd && scale.x(until) > end) context.fillText(text, x, y + 1);
      labelEnd = Math.max(labelEnd, end);
    }
  }
}

// --- zxids -----------------------------------------------------------------------------------------------------------

export interface ZxidRange {
  readonly low: number;
  readonly high: number;
}

/** What all servers' histories reach between the edges, so that who is behind stands lower. */
export function zxidRangeOf({ scene, scale }: Frame): ZxidRange {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { zxid } of scene.servers.values()) {
    if (zxid.at.length === 0) continue;
    const first = Math.max(0, upperBound(zxid.at, scale.from) - 1);
    const last = Math.max(0, upperBound(zxid.at, scale.to) - 1);
    for (const value of [zxid.applied[first]!, zxid.committed[first]!, zxid.applied[last]!]) {
      if (!Number.isNaN(value)) low = Math.min(low, value);
    }
    for (const value of [zxid.logged[last]!, zxid.logged[first]!])
      if (!Number.isNaN(value)) high = Math.max(high, value);
  }
  return Number.isFinite(low) && Number.isFinite(high) ? { low, high: Math.max(high, low + 1) } : { low: 0, high: 1 };
}

/** Applied as an area, logged, synced and committed as lines of different weight. */
function paintZxids(frame: Frame, zxid: ZxidScene, lane: Lane, range: ZxidRange): void {
  if (zxid.at.length === 0) return;
  const { context, scale, theme } = frame;
  const { top, height } = lane.zxid;
  const y = (value: number): number =>
    top + height - 1 - ((value - range.low) / (range.high - range.low)) * (height - 2);
  const blue = hue('blue', theme);
  context.save();
  context.beginPath();
  context.rect(0, top - 1, frame.width, height + 2);
  context.clip();
  context.fillStyle = mix(theme.background, blue, 0.16);
  const columns = pixelRows(frame, zxid.at);
  context.beginPath();
  steps(frame, zxid.at, columns, zxid.applied, y, true, top + height);
  context.fill();
  const line = (values: Float64Array, colour: string, width: number, dash: readonly number[]): void => {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash([...dash]);
    context.beginPath();
    steps(frame, zxid.at, columns, values, y, false, 0);
    context.stroke();
  };
  line(zxid.committed, blue, 1.6, []);
  // What an fsync takes is only seen from near.
  if (scale.perPixel < SYNCED_US) line(zxid.synced, theme.ink2, 1, [2, 2]);
  line(zxid.logged, theme.ink, 0.8, []);
  context.setLineDash([]);
  context.restore();
}

/** Units a pixel above which `synced` lies on `logged`. */
const SYNCED_US = 4000;

/** The row that holds at each pixel; null while there are fewer rows than pixels. */
function pixelRows({ scale, width }: Frame, at: Float64Array): Uint32Array | null {
  const first = Math.max(0, upperBound(at, scale.from) - 1);
  const last = Math.min(at.length, upperBound(at, scale.to));
  if (last - first <= 2 * width) return null;
  const rows = new Uint32Array(Math.ceil(width) + 1);
  let row = first;
  for (let x = 0; x < rows.length; x++) {
    row = Math.max(row, upperBound(at, scale.t(x), row, last) - 1);
    rows[x] = row;
  }
  return rows;
}

/** A staircase: exact while the steps are fewer than the pixels, else the value at each pixel. */
function steps(
  { context, scale, width }: Frame,
  at: Float64Array,
  columns: Uint32Array | null,
  values: Float64Array,
  y: (value: number) => number,
  isArea: boolean,
  floor: number,
): void {
  const first = Math.max(0, upperBound(at, scale.from) - 1);
  const last = Math.min(at.length, upperBound(at, scale.to));
  let isOpen = false;
  let lastX = 0;
  let lastY = 0;
  const point = (x: number, value: number): void => {
    if (Number.isNaN(value)) {
      if (isOpen) close(x);
      return;
    }
    const py = y(value);
    if (isOpen && Math.abs(py - lastY) < 0.2) {
      lastX = x;
      return;
    }
    if (!isOpen) {
      context.moveTo(x, isArea ? floor : py);
      context.lineTo(x, py);
      isOpen = true;
    } else {
      context.lineTo(x, lastY);
      context.lineTo(x, py);
    }
    lastX = x;
    lastY = py;
  };
  const close = (x: number): void => {
    context.lineTo(x, lastY);
    if (isArea) context.lineTo(x, floor);
    isOpen = false;
  };
  if (columns === null) {
    for (let i = first; i < last; i++) point(Math.max(-1, scale.x(at[i]!)), values[i]!);
  } else {
    for (let x = 0; x < columns.length; x++) point(x, values[columns[x]!]!);
  }
  if (isOpen) close(Math.min(width + 1, Math.max(lastX, scale.x(scale.to))));
}

// --- disk ------------------------------------------------------------------------------------------------------------

const FSYNC = DISK_ACTIONS.indexOf('fsync');
const FSYNC_DIR = DISK_ACTIONS.indexOf('fsyncDir');

/** Writing low, forcing high; what stalled, failed or was never answered stands out whatever the zoom. */
function paintDisk({ context, scene, scale, theme, hits, width }: Frame, server: ServerScene, lane: Lane): void {
  const { spans, rows, odd } = server.disk;
  const columns = scene.picture.servers.find(({ host }) => host === server.host)!.disk;
  const { top, height } = lane.disk;
  const count = spans.countIn(scale.from, scale.to);
  if (count <= width * 1.2) {
    const colours = { soft: mix(theme.background, theme.ink3, 0.5), hard: mix(theme.background, theme.ink2, 0.75) };
    spans.each(scale.from, scale.to, (i) => {
      const row = rows[i]!;
      if (columns.fate[row] !== 0) return;
      const edge = edges(scale, spans.begin[i]!, spans.end[i]!);
      if (edge === null) return;
      const isForce = columns.action[row] === FSYNC || columns.action[row] === FSYNC_DIR;
      const inset = isForce ? 0 : height * 0.45;
      context.fillStyle = isForce ? colours.hard : colours.soft;
      context.fillRect(edge.x, top + inset, Math.max(0.7, edge.width - 0.5), height - inset);
      if (edge.width > 2)
        hits.box(edge.x, top, edge.width, height, { kind: 'disk', host: server.host, row }, LEVEL.operation);
    });
  } else {
    // How many per pixel, as weight.
    let low = lowerBound(spans.begin, scale.from);
    for (let x = 0; x < width; x += 2) {
      const next = lowerBound(spans.begin, scale.t(x + 2), low);
      if (next > low) {
        context.fillStyle = mix(theme.background, theme.ink2, Math.min(0.8, 0.2 + Math.log2(next - low) * 0.12));
        context.fillRect(x, top, 2, height);
      }
      low = next;
    }
  }
  // What began long ago may still not be answered: the last few before the window are looked at, too.
  let firstOdd = 0;
  for (let high = odd.length; firstOdd < high; ) {
    const middle = (firstOdd + high) >>> 1;
    if (spans.begin[odd[middle]!]! < scale.from) firstOdd = middle + 1;
    else high = middle;
  }
  let lastRight = Number.NEGATIVE_INFINITY;
  for (let o = Math.max(0, firstOdd - 16); o < odd.length; o++) {
    const i = odd[o]!;
    const begin = spans.begin[i]!;
    if (begin > scale.to) break;
    const end = Number.isNaN(spans.end[i]!) ? begin : spans.end[i]!;
    const edge = edges(scale, begin, end, 3);
    if (edge === null) continue;
    if (edge.x + edge.width < lastRight + 1) continue;
    lastRight = edge.x + edge.width;
    const row = rows[i]!;
    const fate = columns.fate[row];
    hits.box(edge.x, top - 2, edge.width, height + 4, { kind: 'disk', host: server.host, row }, LEVEL.operation);
    if (fate === 3) {
      context.strokeStyle = theme.ink3;
      context.lineWidth = 1;
      context.strokeRect(edge.x + 0.5, top + 0.5, 3, height - 1);
      continue;
    }
    context.fillStyle = fate === 2 ? theme.danger : hue('orange', theme);
    context.fillRect(edge.x, top - 2, edge.width, height + 3);
    if (fate === 2) {
      context.strokeStyle = theme.danger;
      drawMark(context, 'kill', edge.x + 2, top - 5, 7);
    }
  }
}

// --- traffic ---------------------------------------------------------------------------------------------------------

const COLUMN = 3;

/** What the server sent, by group, as stacked columns: many at once are seen where arrows would be a smear. */
function paintTraffic({ context, scene, scale, theme, hidden, width }: Frame, server: ServerScene, lane: Lane): void {
  const { top, height } = lane.traffic;
  const whole = scene.axis.whole;
  const level = trafficLevel(whole, scale, width, COLUMN);
  if (level < 0) return;
  const { bins, levels } = server.traffic;
  const counts = levels[level]!;
  const size = bins >> level;
  const binUnits = (whole.to - whole.from) / size;
  const first = Math.max(0, Math.floor((scale.from - whole.from) / binUnits));
  // While a file is read the address may show what is not there yet.
  const last = Math.max(first, Math.min(size, Math.ceil((scale.to - whole.from) / binUnits)));
  const shown = MESSAGE_GROUPS.map((group, at) => ({ group, at })).filter(({ group }) => !hidden.has(group));
  let most = 4;
  for (let bin = first; bin < last; bin++) {
    let sum = 0;
    for (const { at } of shown) sum += counts[at * size + bin]!;
    if (sum > most) most = sum;
  }
  const perUnit = 1 / scale.perPixel;
  const wide = Math.max(1, binUnits * perUnit - 0.5);
  const floor = new Float64Array(last - first);
  for (const { group, at } of shown) {
    context.fillStyle = mix(theme.background, messageStyle(group, theme).colour, 0.75);
    for (let bin = first; bin < last; bin++) {
      const count = counts[at * size + bin]!;
      if (count === 0) continue;
      const tall = (count / most) * height;
      const x = (whole.from + bin * binUnits - scale.from) * perUnit;
      floor[bin - first]! += tall;
      context.fillRect(x, top + height - floor[bin - first]!, wide, tall);
    }
  }
}

/** The colour that stands for a server at a moment, for the name of its lane. */
export function laneColour(band: Band | null, frameTheme: Frame['theme']): string {
  if (band === null || band.state === 'down') return 'transparent';
  return band.epoch > 0 ? epochColour(band.epoch, frameTheme) : frameTheme.ink3;
}
