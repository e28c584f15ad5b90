/** What the schedule does: bars above the lanes, and on the lanes the links that carry nothing and the marks of each host. */

import { LEVEL } from '../lib/hit.ts';
import type { Lane } from '../lib/layout.ts';
import { hostList, hostShort } from '../lib/names.ts';
import { hue, mix, type Theme } from '../lib/palette.ts';
import { firstShown, type Placed } from '../lib/scene.ts';
import { duration } from '../lib/time.ts';
import type { CutSpan, FaultSpan, HostMark } from '../model/api.ts';
import { clippedText, edges, type Frame } from './frame.ts';
import { drawMark, type MarkShape } from './glyphs.ts';
import { FONT } from './servers.ts';

const GROUP_HUES = {
  network: 'vermillion',
  server: 'purple',
  disk: 'orange',
  clock: 'sky',
  client: 'green',
  admin: 'blue',
} as const;

export function faultColour(group: FaultSpan['group'], theme: Theme): string {
  return hue(GROUP_HUES[group], theme);
}

export function paintElections({ context, scene, scale, layout, theme, hits, unit, left: begin }: Frame): void {
  const { top, height } = layout.elections;
  context.font = `600 ${unit * 0.82}px ${FONT}`;
  context.textBaseline = 'middle';
  let lastRight = -100;
  for (const [i, { from, to, what }] of scene.elections.entries()) {
    const edge = edges(scale, from, to, 2);
    if (edge === null) continue;
    const isJoin = what.kind === 'join';
    const y = top + 3;
    const tall = height - 5;
    const isLost = what.outcome.kind !== 'established';
    const colour = isLost ? theme.danger : theme.ink2;
    context.fillStyle = mix(theme.background, colour, isJoin ? 0.1 : 0.2);
    context.fillRect(edge.x, y, edge.width, tall);
    context.fillStyle = colour;
    // A bracket: where it begins and ends, open below.
    context.fillRect(edge.x, y, edge.width, isJoin ? 1 : 2);
    context.fillRect(edge.x, y, 1, tall);
    if (edge.width > 2) context.fillRect(edge.x + edge.width - 1, y, 1, tall);
    hits.box(edge.x, y, edge.width, tall, { kind: 'election', election: i }, LEVEL.fault);
    if (isJoin && edge.width < 60) continue;
    const left = Math.max(begin, edge.x) + 5;
    const label = `${isJoin ? 'join' : 'election'} ${what.number} · ${duration(what.endUs - what.beginUs)}`;
    context.fillStyle = isLost ? theme.danger : theme.ink;
    if (edge.width > 60) clippedText(context, label, left, y + tall / 2 + 1, edge.x + edge.width - left - 4);
    else if (left + 10 > lastRight) {
      const text = `${what.number}`;
      context.fillText(text, edge.x + edge.width + 3, y + tall / 2 + 1);
      lastRight = edge.x + edge.width + 3 + context.measureText(text).width;
    }
  }
}

/** The bars one may drag in the laboratory, and read everywhere. */
export function paintFaults(frame: Frame): void {
  const { context, scene, scale, layout, theme, hits, unit, patterns } = frame;
  const { faults, layout: row } = { faults: scene.faults, layout: layout.faults };
  context.font = `${unit * 0.8}px ${FONT}`;
  context.textBaseline = 'middle';
  const rights: number[] = [];
  faults.forEach(({ from, to, what }, i) => {
    const edge = edges(scale, from, to, 3);
    if (edge === null) return;
    const line = scene.faultLines[i]!;
    const y = row.top + line * layout.faultLine + 1;
    const tall = layout.faultLine - 3;
    const colour = faultColour(what.group, theme);
    context.fillStyle = mix(theme.background, colour, 0.3);
    context.fillRect(edge.x, y, edge.width, tall);
    if (what.group === 'network') {
      context.fillStyle = patterns.get('diagonal', mix(theme.background, colour, 0.65));
      context.fillRect(edge.x, y, edge.width, tall);
    }
    context.fillStyle = colour;
    context.fillRect(edge.x, y, 3, tall);
    if (edge.width > 6) context.fillRect(edge.x + edge.width - 1, y, 1, tall);
    hits.box(edge.x, y, Math.max(6, edge.width), tall, { kind: 'fault', fault: i }, LEVEL.fault);
    // A name may reach past a short bar, as far as nothing else begins on its line.
    const nextFrom = scene.faultRooms[i]!;
    const free = Number.isFinite(nextFrom) ? scale.x(nextFrom) : frame.width;
    const left = Math.max(frame.left, edge.x) + 6;
    if (left < (rights[line] ?? 0)) return;
    const room = Math.max(edge.x + edge.width, free) - left - 6;
    context.fillStyle = theme.ink;
    const text = what.text === '' ? what.kind : what.text;
    const halo = Math.min(room, context.measureText(text).width);
    if (room > 14 && halo > 0) {
      context.globalAlpha = 0.75;
      context.fillStyle = theme.background;
      context.fillRect(left - 2, y, halo + 4, tall);
      context.globalAlpha = 1;
      context.fillStyle = theme.ink;
    }
    if (clippedText(context, text, left, y + tall / 2 + 0.5, room)) rights[line] = left + halo;
  });
}

// --- links that carry nothing ----------------------------------------------------------------------------------------

/** Links that were cut at the same times towards the same host: one strip. */
interface Strip {
  /** Position of the first in `Scene.cuts`. */
  readonly cut: number;
  readonly cuts: readonly Placed<CutSpan>[];
}

function stripsOf(cuts: readonly Placed<CutSpan>[]): Strip[] {
  const strips = new Map<string, { readonly cut: number; readonly cuts: Placed<CutSpan>[] }>();
  cuts.forEach((placed, cut) => {
    const { to, channel } = placed.what;
    const key = `${to} ${channel} ${placed.from} ${placed.to}`;
    const known = strips.get(key);
    if (known === undefined) strips.set(key, { cut, cuts: [placed] });
    else known.cuts.push(placed);
  });
  return [...strips.values()];
}

/** A hatched strip on the lane of whoever hears nothing, and brackets to those whom it does not hear. */
export function paintCuts(frame: Frame): void {
  const { context, scene, scale, layout, theme, patterns, hits, unit } = frame;
  const colour = hue('vermillion', theme);
  /** Strips on a lane lie under each other. */
  const used = new Map<number, { to: number; line: number }[]>();
  context.font = `${unit * 0.72}px ${FONT}`;
  context.textBaseline = 'middle';
  for (const { cut, cuts } of stripsOf(scene.cuts)) {
    const { from, to, what } = cuts[0]!;
    const edge = edges(scale, from, to, 2);
    const heard = layout.byHost.get(what.to);
    if (edge === null || heard === undefined) continue;
    const silent = cuts.flatMap(({ what: { from: host } }) => layout.byHost.get(host) ?? []);
    const lines = (used.get(what.to) ?? []).filter((each) => each.to > from);
    let line = 0;
    while (lines.some((each) => each.line === line)) line++;
    used.set(what.to, [...lines, { to, line }]);
    const isAbove = silent.length > 0 && silent.every(({ top }) => top < heard.top);
    const tall = 5;
    const y = stripTop(heard, isAbove, line, tall);
    context.fillStyle = mix(theme.background, colour, 0.22);
    context.fillRect(edge.x, y, edge.width, tall);
    context.fillStyle = patterns.get('diagonal', colour);
    context.fillRect(edge.x, y, edge.width, tall);
    hits.box(edge.x, y, edge.width, tall, { kind: 'cut', cut }, LEVEL.cut);
    context.strokeStyle = colour;
    context.globalAlpha = 0.55;
    context.lineWidth = 1;
    context.setLineDash([3, 2]);
    context.beginPath();
    for (const { top, band } of silent) {
      const ends = top < heard.top ? [band.top + band.height, y] : [y + tall, band.top];
      for (const x of [scale.x(from), scale.x(to)]) {
        if (x < -1 || x > frame.width + 1) continue;
        context.moveTo(x, ends[0]!);
        context.lineTo(x, ends[1]!);
      }
    }
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
    const text = cutText(cuts.map((placed) => placed.what));
    const width = context.measureText(text).width;
    if (edge.width < width + 10 || line > 0) continue;
    const x = Math.max(0, edge.x) + 6;
    context.fillStyle = theme.background;
    context.globalAlpha = 0.85;
    context.fillRect(x - 2, y - 3, width + 4, tall + 6);
    context.globalAlpha = 1;
    context.fillStyle = theme.danger;
    context.fillText(text, x, y + tall / 2 + 0.5);
  }
}

function stripTop({ top, height }: Lane, isAbove: boolean, line: number, tall: number): number {
  return isAbove ? top + line * tall : top + height - (line + 1) * tall;
}

/** `5 hears nothing from 1, 2 and 3`: links to one host, cut at the same times. */
export function cutText(cuts: readonly Pick<CutSpan, 'from' | 'to' | 'channel'>[]): string {
  const { to, channel } = cuts[0]!;
  return `${hostShort(to)} hears nothing from ${hostList(cuts.map(({ from }) => from))}${channel === null ? '' : ` (${channel})`}`;
}

/** What else is in the strip of this one. */
export function cutsBeside(cuts: readonly Placed<CutSpan>[], cut: number): CutSpan[] {
  return (stripsOf(cuts).find((strip) => strip.cut === cut)?.cuts ?? [cuts[cut]!]).map(({ what }) => what);
}

// --- marks -----------------------------------------------------------------------------------------------------------

const GRAVE: ReadonlySet<HostMark['kind']> = new Set(['kill', 'power', 'halt', 'wipe', 'restore', 'disk']);

/** Crashes, cuts of power, pauses, starts. Marks that would lie on each other are one, with their number. */
export function paintMarks(frame: Frame, host: number, marks: readonly Placed<HostMark>[], lane: Lane): void {
  const { context, scale, theme, hits, unit } = frame;
  const size = lane.kind === 'client' ? 8 : Math.min(13, lane.band.height * 0.62);
  const y = lane.band.top + lane.band.height / 2;
  let last: { x: number; count: number } | null = null;
  for (let i = firstShown(marks, scale.from - scale.perPixel * 10); i < marks.length; i++) {
    const { from, what } = marks[i]!;
    if (from > scale.to + scale.perPixel * 10) break;
    const x = scale.x(from);
    if (last !== null && x - last.x < size * 0.75 && !GRAVE.has(what.kind)) {
      last.count++;
      continue;
    }
    last = { x, count: 1 };
    const isGrave = GRAVE.has(what.kind);
    const colour = isGrave ? theme.danger : what.kind === 'pause' ? hue('vermillion', theme) : theme.ink2;
    hits.box(
      x - size / 2,
      y - size / 2,
      size,
      size,
      { kind: 'mark', host, index: what.index, text: what.text },
      LEVEL.mark,
    );
    if (what.kind === 'boot' || what.kind === 'resume' || lane.kind === 'client') {
      // What is ordinary is small.
      context.fillStyle = colour;
      context.strokeStyle = colour;
      drawMark(context, what.kind, x + (lane.kind === 'client' ? 0 : 4), lane.kind === 'client' ? lane.top + 4 : y, 7);
      continue;
    }
    context.fillStyle = theme.background;
    context.beginPath();
    context.arc(x, y, size * 0.78, 0, 2 * Math.PI);
    context.fill();
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.stroke();
    context.fillStyle = colour;
    drawMark(context, what.kind satisfies MarkShape, x, y, size * 0.82);
  }
  void unit;
}

/** While a process stands still its lane is veiled. */
export function paintPauses({ context, scene, scale, layout, theme, patterns }: Frame): void {
  for (const { from, to, what } of scene.faults) {
    if (what.kind !== 'pause' && what.kind !== 'clientPause') continue;
    const edge = edges(scale, from, to);
    if (edge === null) continue;
    for (const host of what.hosts) {
      const lane = layout.byHost.get(host);
      if (lane === undefined) continue;
      context.globalAlpha = 0.55;
      context.fillStyle = theme.background;
      context.fillRect(edge.x, lane.band.top, edge.width, lane.band.height);
      context.globalAlpha = 0.5;
      context.fillStyle = patterns.get('vertical', theme.ink3);
      context.fillRect(edge.x, lane.band.top, edge.width, lane.band.height);
      context.globalAlpha = 1;
    }
  }
}

export function paintViolations({ context, scene, scale, theme, hits, height, unit, layout }: Frame): void {
  context.font = `700 ${unit * 0.8}px ${FONT}`;
  context.textBaseline = 'middle';
  for (const [i, violation] of scene.picture.violations.entries()) {
    const at = scene.axis.place(violation.events.at(-1) ?? 0, violation.timeUs, violation.servers[0] ?? 0);
    if (at < scale.from || at > scale.to) continue;
    const x = scale.x(at);
    context.fillStyle = theme.danger;
    context.fillRect(x - 0.75, layout.elections.top, 1.5, height);
    drawMark(context, 'violation', x, layout.elections.top + 6, 14);
    context.fillText(violation.property, x + 10, layout.elections.top + 7);
    hits.box(x - 7, layout.elections.top, 14, 16, { kind: 'violation', violation: i }, LEVEL.violation);
  }
}
