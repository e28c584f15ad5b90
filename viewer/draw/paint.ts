/**
 * The whole picture, in the order in which things lie on each other. `paintPicture` is what the screen shows; `paintSheet` is
 * what goes into a file: the picture with the names of its lanes, its axis, and a line that says which run it is.
 */

import type { Lane } from '../lib/layout.ts';
import type { Scale } from '../lib/scale.ts';
import type { Scene } from '../lib/scene.ts';
import { type Tick, ticks } from '../lib/time.ts';
import { paintClient } from './clients.ts';
import { paintCuts, paintElections, paintFaults, paintMarks, paintPauses, paintViolations } from './faults.ts';
import type { Frame } from './frame.ts';
import { paintFutures } from './futures.ts';
import { messageSteps, paintLit } from './messages.ts';
import { FONT, laneColour, paintState, serverSteps, zxidRangeOf } from './servers.ts';

/** Microseconds a pixel below which full times alternate with distances from them. */
export const FINE = 20;

export function paintPicture(frame: Frame): void {
  const steps = pictureSteps(frame);
  while (steps.next().done !== true);
}

/** The same in steps of a few milliseconds at most. */
export function* pictureSteps(frame: Frame): Generator<void> {
  const { context, layout, scene, theme, width, height, scroll } = frame;
  const top = layout.lanes[0]?.top ?? 0;
  context.save();
  context.beginPath();
  context.rect(0, top, width, height);
  context.clip();
  context.translate(0, -scroll);
  paintGround(frame);
  const zxidRange = zxidRangeOf(frame);
  for (const lane of layout.lanes) {
    if (lane.top + lane.height < scroll || lane.top > scroll + height) continue;
    const server = scene.servers.get(lane.host);
    const client = scene.clients.get(lane.host);
    if (server !== undefined) yield* serverSteps(frame, server, lane, zxidRange);
    if (client !== undefined) paintClient(frame, client, lane);
    yield;
  }
  yield* messageSteps(frame);
  for (const lane of layout.lanes) {
    if (lane.top + lane.height < scroll || lane.top > scroll + height) continue;
    const server = scene.servers.get(lane.host);
    if (server === undefined) continue;
    paintState(frame, server, lane);
    yield;
  }
  paintPauses(frame);
  paintLit(frame);
  paintCuts(frame);
  for (const lane of layout.lanes) {
    const marks = scene.servers.get(lane.host)?.marks ?? scene.clients.get(lane.host)?.marks;
    if (marks !== undefined) paintMarks(frame, lane.host, marks, lane);
  }
  paintBehindTheEnd(frame);
  paintLitEvents(frame);
  context.restore();
  yield;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width, top);
  paintAxisGround(frame);
  paintElections(frame);
  paintFaults(frame);
  paintFutures(frame);
  paintViolations(frame);
}

export function ticksOf(scene: Scene, scale: Scale, unit: number): Tick[] {
  const pixels = scene.axis.kind === 'time' ? 78 : 84;
  return ticks(scale.from, scale.to, scale.perPixel * pixels * (unit / 12.5));
}

function paintGround({ context, scene, layout, theme, width, scale, unit }: Frame): void {
  const isFine = scene.axis.kind === 'time' && scale.perPixel < FINE;
  for (const { t, anchor } of ticksOf(scene, scale, unit)) {
    context.fillStyle = anchor && isFine ? theme.lineStrong : theme.line;
    context.fillRect(Math.round(scale.x(t)), 0, 1, layout.height);
  }
  layout.lanes.forEach((lane, i) => {
    context.fillStyle = theme.line;
    context.fillRect(0, lane.top + lane.height - 0.5, width, lane.kind === 'server' ? 1 : 0.5);
    const next = layout.lanes[i + 1];
    if (next !== undefined && next.kind !== lane.kind) {
      context.fillStyle = theme.lineStrong;
      context.fillRect(0, lane.top + lane.height - 0.5, width, 1);
    }
  });
}

/** Behind the last event there is nothing; the lines of what was do not go on. */
function paintBehindTheEnd({ context, scene, layout, scale, theme, width }: Frame): void {
  const { axis, picture } = scene;
  const x = scale.x(picture.endUs);
  if (axis.kind !== 'time' || x >= width) return;
  context.fillStyle = theme.lane;
  context.fillRect(x + 1, 0, width - x, layout.height);
  context.fillStyle = theme.lineStrong;
  context.fillRect(x, 0, 1, layout.height);
}

function paintAxisGround({ context, layout, theme, width }: Frame): void {
  context.fillStyle = theme.lineStrong;
  context.fillRect(0, layout.axis.height - 0.5, width, 1);
  context.fillStyle = theme.line;
  context.fillRect(0, (layout.lanes[0]?.top ?? 0) - 1, width, 1);
}

function paintLitEvents({ context, lit, scene, layout, scale, theme }: Frame): void {
  if (lit === null) return;
  const { host } = scene.picture.events;
  context.fillStyle = theme.selection;
  context.strokeStyle = theme.background;
  context.lineWidth = 1;
  for (const index of lit) {
    const at = placeOf(scene, index);
    if (at === null || at < scale.from || at > scale.to) continue;
    const lane = layout.byHost.get(host[index - 1]!);
    if (lane === undefined) continue;
    context.beginPath();
    context.arc(scale.x(at), lane.band.top + lane.band.height / 2, 3.4, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
}

function placeOf(scene: Scene, index: number): number | null {
  const { events } = scene.picture;
  if (index < 1 || index > events.count) return null;
  return scene.axis.place(index, events.timeUs[index - 1]!, events.host[index - 1]!);
}

// --- for a file --------------------------------------------------------------------------------------------------------

export interface Sheet {
  /** Above the picture: which run, and from when to when. */
  readonly caption: string;
  /** The selected event, if any. */
  readonly event: number | null;
}

/** How large a sheet is: the picture, the names to its left, the caption above it. */
export function sheetSize({ layout, width, height, unit }: Frame): { readonly width: number; readonly height: number } {
  return { width: layout.gutter + width, height: captionHeight(unit) + height };
}

const captionHeight = (unit: number): number => Math.round(unit * 1.9);

export function paintSheet(frame: Frame, { caption, event }: Sheet): void {
  const { context, layout, theme, unit, width, height, scroll } = frame;
  const size = sheetSize(frame);
  const head = captionHeight(unit);
  context.fillStyle = theme.background;
  context.fillRect(0, 0, size.width, size.height);
  context.textBaseline = 'middle';
  context.font = `600 ${unit * 0.95}px ${FONT}`;
  context.fillStyle = theme.ink;
  context.fillText(caption, 10, head / 2);
  context.save();
  context.translate(layout.gutter, head);
  context.save();
  context.beginPath();
  context.rect(0, 0, width, height);
  context.clip();
  paintPicture(frame);
  paintAxisLabels(frame);
  if (event !== null) paintSelected(frame, event);
  context.restore();
  context.restore();
  context.save();
  context.translate(0, head);
  context.fillStyle = theme.lane;
  context.fillRect(0, 0, layout.gutter, height);
  const first = layout.lanes[0]?.top ?? 0;
  paintRowNames(frame);
  for (const lane of layout.lanes) {
    if (lane.band.top - scroll < first - 2 || lane.top - scroll > height) continue;
    paintLaneName(frame, lane, event);
  }
  context.fillStyle = theme.lineStrong;
  context.fillRect(layout.gutter - 0.5, 0, 1, height);
  context.restore();
}

function paintAxisLabels({ context, scene, scale, layout, theme, unit }: Frame): void {
  const isTime = scene.axis.kind === 'time';
  const isFine = isTime && scale.perPixel < FINE;
  const y = layout.axis.height;
  context.textBaseline = 'middle';
  for (const { t, label, anchor } of ticksOf(scene, scale, unit)) {
    const x = Math.round(scale.x(t));
    context.fillStyle = theme.lineStrong;
    context.fillRect(x, y - (anchor ? 6 : 4), 1, anchor ? 6 : 4);
    context.fillStyle = anchor && isFine ? theme.ink : theme.ink2;
    context.font = `${anchor && isFine ? '600 ' : ''}${unit * 0.88}px ${FONT}`;
    context.fillText(isTime ? label : `step ${t.toLocaleString('en')}`, x + 4, y / 2);
  }
}

function paintRowNames({ context, layout, theme, unit }: Frame): void {
  context.fillStyle = theme.ink3;
  context.font = `${unit * 0.82}px ${FONT}`;
  context.textBaseline = 'middle';
  context.fillText('elections', 10, layout.elections.top + layout.elections.height / 2);
  const { futures } = layout;
  if (futures.height > 0) context.fillText('futures that fail', 10, futures.top + futures.height / 2);
  if (layout.faults.height > 0) context.fillText('schedule', 10, layout.faults.top + layout.faultLine / 2);
}

/** The name, and beside it the colour of the epoch that the server was in at the selected event. */
function paintLaneName({ context, scene, layout, theme, unit, scroll }: Frame, lane: Lane, event: number | null): void {
  const at = event === null ? null : placeOf(scene, event);
  const bands = scene.servers.get(lane.host)?.bands ?? [];
  const band = at === null ? undefined : bands.findLast(({ from }) => from <= at)?.what;
  const y = lane.band.top + lane.band.height / 2 - scroll;
  const colour = laneColour(band ?? null, theme);
  if (colour !== 'transparent') {
    context.fillStyle = colour;
    context.fillRect(0, lane.top - scroll + 1, 3, lane.height - 2);
  }
  context.fillStyle = theme.ink;
  context.textBaseline = 'middle';
  context.font = `${lane.kind === 'server' ? '600 ' : ''}${unit}px ${FONT}`;
  context.fillText(scene.picture.lanes.find(({ host }) => host === lane.host)?.name ?? '', 10, y);
  context.fillStyle = theme.line;
  context.fillRect(0, lane.top + lane.height - scroll - 0.5, layout.gutter, 1);
}

function paintSelected({ context, scene, scale, layout, theme, height, scroll }: Frame, event: number): void {
  const at = placeOf(scene, event);
  if (at === null || at < scale.from || at > scale.to) return;
  const x = scale.x(at);
  context.fillStyle = theme.selection;
  context.fillRect(x - 0.5, layout.axis.height, 1, height - layout.axis.height);
  const lane = layout.byHost.get(scene.picture.events.host[event - 1]!);
  if (lane === undefined) return;
  const y = lane.band.top + lane.band.height / 2 - scroll;
  for (const [colour, lineWidth] of [
    [theme.background, 4],
    [theme.selection, 2],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = lineWidth;
    context.beginPath();
    context.arc(x, y, 5.5, 0, 2 * Math.PI);
    context.stroke();
  }
}
