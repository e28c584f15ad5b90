/** Lanes of clients: what they asked and what became of it, their sessions, and what their watches told them. */

import { LEVEL } from '../lib/hit.ts';
import type { Lane } from '../lib/layout.ts';
import { hue, mix } from '../lib/palette.ts';
import { type ClientScene, firstShown } from '../lib/scene.ts';
import { lowerBound } from '../lib/search.ts';
import { type ClientLane, OPERATION_RESULTS, type OperationColumns } from '../model/api.ts';
import { clippedText, edges, type Frame } from './frame.ts';
import { drawMark } from './glyphs.ts';
import { FONT } from './servers.ts';

const WRITES = new Set([
  'create',
  'create2',
  'createContainer',
  'createTTL',
  'delete',
  'deleteContainer',
  'setData',
  'setACL',
  'multi',
  'reconfig',
  'closeSession',
]);

export const isWrite = (name: string): boolean => WRITES.has(name);

export function paintClient(frame: Frame, client: ClientScene, lane: Lane): void {
  const columns = frame.scene.picture.clients.find(({ host }) => host === client.host)!;
  paintSessions(frame, client, lane);
  paintOperations(frame, client, columns.operations, lane);
  paintWatches(frame, client, columns, lane);
}

const SESSION = 3;

/** A line below: whole while connected, dotted while not, crossed out when the session is gone. */
function paintSessions({ context, scale, theme, unit, left }: Frame, client: ClientScene, lane: Lane): void {
  const y = lane.band.top + lane.band.height - SESSION;
  let lastRight = Number.NEGATIVE_INFINITY;
  for (let i = firstShown(client.sessions, scale.from); i < client.sessions.length; i++) {
    const { from, to, what } = client.sessions[i]!;
    if (from > scale.to) break;
    const edge = edges(scale, from, to);
    if (edge === null || edge.x + edge.width <= lastRight) continue;
    lastRight = edge.x + edge.width;
    const { state } = what;
    if (state === 'down') continue;
    const isGone = state === 'expired' || state === 'authFailed' || state === 'closed';
    const isOn = state === 'syncConnected' || state === 'connectedReadOnly';
    context.fillStyle = isGone ? theme.danger : isOn ? mix(theme.background, theme.ink2, 0.55) : theme.ink3;
    if (isOn) context.fillRect(edge.x, y, edge.width, SESSION - 1);
    else for (let x = edge.x; x < edge.x + edge.width; x += 4) context.fillRect(x, y, isGone ? 3 : 1.5, SESSION - 1);
    if (edge.width > 40 && (what.server !== null || isGone)) {
      context.font = `${unit * 0.72}px ${FONT}`;
      context.textBaseline = 'bottom';
      context.fillStyle = isGone ? theme.danger : theme.ink3;
      const text = isGone ? `session ${state}` : `on ${what.server ?? ''}`;
      if (client.operations.countIn(scale.from, scale.to) < 12)
        clippedText(context, text, Math.max(left, edge.x) + 3, y - 1, edge.x + edge.width - Math.max(left, edge.x) - 6);
    }
  }
}

function paintOperations(
  { context, scene, scale, theme, patterns, hits, width, unit, left }: Frame,
  client: ClientScene,
  columns: OperationColumns,
  lane: Lane,
): void {
  const { operations, rows, line, lines } = client;
  const { top } = lane.band;
  const height = lane.band.height - SESSION - 2;
  const lineHeight = height / lines;
  const count = operations.countIn(scale.from, scale.to);
  const names = scene.picture.names;
  const ok = mix(theme.background, hue('sky', theme), 0.55);
  const write = mix(theme.background, hue('blue', theme), 0.85);
  if (count > width * 0.9) {
    let low = lowerBound(operations.begin, scale.from);
    for (let x = 0; x < width; x += 2) {
      const next = lowerBound(operations.begin, scale.t(x + 2), low);
      if (next > low) {
        let bad = 0;
        for (let i = low; i < next && i < low + 64; i++) if (columns.result[rows[i]!] === UNKNOWN) bad++;
        context.fillStyle = mix(theme.background, hue('blue', theme), Math.min(0.85, 0.2 + (next - low) * 0.12));
        context.fillRect(x, top, 2, height);
        if (bad > 0) {
          context.fillStyle = theme.danger;
          context.fillRect(x, top, 2, 3);
        }
      }
      low = next;
    }
    return;
  }
  context.font = `${Math.min(unit * 0.8, Math.max(8, lineHeight - 1))}px ${FONT}`;
  context.textBaseline = 'middle';
  operations.each(scale.from, scale.to, (i) => {
    const row = rows[i]!;
    const result = OPERATION_RESULTS[columns.result[row]!]!;
    const isOpen = Number.isNaN(operations.end[i]!);
    // What was never answered has no end; a stub that says so takes no room from others.
    const end = isOpen ? operations.begin[i]! + scale.perPixel * STUB : operations.end[i]!;
    const edge = edges(scale, operations.begin[i]!, end, 1.5);
    if (edge === null) return;
    const y = top + line[i]! * lineHeight;
    const tall = Math.max(2, lineHeight - 1);
    const name = names[columns.name[row]!] ?? '';
    const colour = isWrite(name) ? write : ok;
    if (result === 'ok') {
      context.fillStyle = colour;
      context.fillRect(edge.x, y, edge.width, tall);
    } else if (result === 'error') {
      context.fillStyle = theme.background;
      context.fillRect(edge.x, y, edge.width, tall);
      context.strokeStyle = isWrite(name) ? write : hue('sky', theme);
      context.lineWidth = 1;
      context.strokeRect(edge.x + 0.5, y + 0.5, Math.max(1, edge.width - 1), tall - 1);
    } else {
      context.fillStyle = patterns.get('diagonal', theme.danger);
      context.fillRect(edge.x, y, edge.width, tall);
      context.fillStyle = theme.danger;
      context.fillRect(edge.x, y, 1.5, tall);
      if (!isOpen) context.fillRect(edge.x + edge.width - 1.5, y, 1.5, tall);
    }
    hits.box(edge.x, y, edge.width, tall, { kind: 'operation', host: client.host, row }, LEVEL.operation);
    if (edge.width > 34 && tall >= 8) {
      const path = names[columns.path[row]!] ?? '';
      context.fillStyle = result === 'ok' && isWrite(name) && theme.name === 'light' ? '#ffffff' : theme.ink;
      const error = columns.error[row]!;
      clippedText(
        context,
        `${name} ${path}${error === 0 ? '' : ` · error ${error}`}`,
        Math.max(left, edge.x) + 3,
        y + tall / 2 + 0.5,
        edge.x + edge.width - Math.max(left, edge.x) - 6,
      );
    }
    const point = columns.pointUs[row]!;
    if (!Number.isNaN(point) && scene.axis.kind === 'time') {
      context.fillStyle = theme.ink;
      drawMark(context, 'point', scale.x(point), y + tall / 2, Math.min(7, tall + 2));
    }
  });
}

/** Pixels of an operation without an answer. */
const STUB = 16;
const UNKNOWN = OPERATION_RESULTS.indexOf('unknown');

function paintWatches(
  { context, scale, theme, hits }: Frame,
  client: ClientScene,
  columns: ClientLane,
  lane: Lane,
): void {
  void columns;
  const { watches } = client;
  const first = lowerBound(watches, scale.from);
  let lastX = Number.NEGATIVE_INFINITY;
  context.fillStyle = hue('orange', theme);
  for (let i = first; i < watches.length && watches[i]! <= scale.to; i++) {
    const x = scale.x(watches[i]!);
    if (x - lastX < 3) continue;
    lastX = x;
    drawMark(context, 'watch', x, lane.top + 3, 7);
    hits.box(x - 3, lane.top, 6, 8, { kind: 'watch', host: client.host, row: i }, LEVEL.mark);
  }
}
