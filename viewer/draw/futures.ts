/**
 * Futures as a staircase above the lanes: at each moment that was branched from, the share of futures that fail; and through
 * all lanes a line where failing became certain.
 */

import { shareOf } from '../lib/branches.ts';
import { mix } from '../lib/palette.ts';
import type { Frame } from './frame.ts';
import { FONT } from './servers.ts';

/** Pixels that the labels of two points must be apart. */
const LABEL_GAP = 34;

export function paintFutures({ context, scene, scale, layout, theme, width, height, unit, futures }: Frame): void {
  const row = layout.futures;
  if (futures === null || row.height === 0) return;
  const { points, branches } = futures;
  const top = row.top + 2;
  const floor = row.top + row.height - 3;
  const y = (share: number): number => floor - share * (floor - top - 2);
  context.fillStyle = theme.lane;
  context.fillRect(0, row.top, width, row.height);
  context.fillStyle = theme.line;
  for (const share of [0, 0.5, 1]) context.fillRect(0, Math.round(y(share)), width, 1);
  const placed = points.map((point) => ({ point, x: scale.x(scene.axis.place(point.index, point.atUs, 0)) }));
  // Each count holds until the next: nobody looked between them.
  context.beginPath();
  placed.forEach(({ point, x }, i) => {
    const next = placed[i + 1]?.x ?? x;
    const level = y(shareOf(point));
    if (i === 0) context.moveTo(x, floor);
    context.lineTo(x, level);
    context.lineTo(next, level);
    if (i === placed.length - 1) context.lineTo(next, floor);
  });
  context.closePath();
  context.fillStyle = mix(theme.background, theme.danger, 0.22);
  context.fill();
  context.strokeStyle = theme.danger;
  context.lineWidth = 1.5;
  context.stroke();
  context.font = `${unit * 0.78}px ${FONT}`;
  context.textBaseline = 'middle';
  let lastLabel = Number.NEGATIVE_INFINITY;
  for (const { point, x } of placed) {
    if (x < -20 || x > width + 20) continue;
    const level = y(shareOf(point));
    context.fillStyle = theme.background;
    context.beginPath();
    context.arc(x, level, 3, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    if (x - lastLabel < LABEL_GAP || branches.inevitable?.event === point.event) continue;
    lastLabel = x;
    context.fillStyle = theme.ink2;
    const isHigh = shareOf(point) > 0.5;
    context.fillText(`${point.failed}/${point.runs}`, x + 5, isHigh ? level + unit * 0.62 : level - unit * 0.6);
  }
  const { inevitable } = branches;
  if (inevitable === null) return;
  const at = placed.find(({ point }) => point.event === inevitable.event)?.x;
  if (at === undefined || at < -1 || at > width + 1) return;
  context.fillStyle = theme.danger;
  context.fillRect(at - 1, row.top, 2, row.height);
  context.globalAlpha = 0.6;
  context.fillRect(at - 0.5, row.top + row.height, 1, height);
  context.globalAlpha = 1;
  context.font = `700 ${unit * 0.82}px ${FONT}`;
  const text = 'inevitable from here';
  const wide = context.measureText(text).width;
  const left = at + 7 + wide > width ? at - 7 - wide : at + 7;
  context.fillStyle = theme.background;
  context.globalAlpha = 0.85;
  context.fillRect(left - 3, row.top + row.height / 2 - unit * 0.6, wide + 6, unit * 1.2);
  context.globalAlpha = 1;
  context.fillStyle = theme.danger;
  context.fillText(text, left, row.top + row.height / 2);
}
