/** What everything in the picture means, drawn by the same functions that draw the picture; and switches for the messages. */

import { bandStyle, drawHead, drawMark, type MarkShape, messageStyle, Patterns } from '../draw/glyphs.ts';
import { hue, mix, type Theme } from '../lib/palette.ts';
import { MESSAGE_GROUPS, type ServerState, type ZabPhase } from '../model/api.ts';
import type { App } from './app.ts';
import { h } from './dom.ts';

type Painter = (context: CanvasRenderingContext2D, width: number, height: number) => void;

function sample(width: number, height: number, paint: Painter): HTMLCanvasElement {
  const ratio = Math.max(1, devicePixelRatio);
  const canvas = h('canvas', {
    width: Math.round(width * ratio),
    height: Math.round(height * ratio),
    style: `width:${width}px;height:${height}px`,
    'aria-hidden': 'true',
  });
  const context = canvas.getContext('2d')!;
  context.scale(ratio, ratio);
  paint(context, width, height);
  return canvas;
}

const STATES: readonly (readonly [ServerState, ZabPhase, string])[] = [
  ['leading', 'broadcast', 'leads: the epoch’s colour in full, with a heavy line on top'],
  ['following', 'broadcast', 'follows: the same colour, pale'],
  ['observing', 'broadcast', 'observes: pale and dotted; it does not vote'],
  ['looking', 'election', 'looking: hatched grey; it votes'],
  ['following', 'discovery', 'discovery: slanted lines; the new epoch is agreed on'],
  ['following', 'synchronization', 'synchronisation: upright lines; histories are made equal by DIFF, TRUNC or SNAP'],
  ['recovering', 'election', 'recovers: reads its disk after a start'],
  ['halted', 'election', 'halted: it gave up by itself'],
  ['down', 'election', 'no process'],
];

const MARKS: readonly (readonly [MarkShape, string, boolean])[] = [
  ['kill', 'the process dies', true],
  ['power', 'the machine loses power', true],
  ['halt', 'the server halts', true],
  ['boot', 'it starts', false],
  ['pause', 'it stands still', false],
  ['clock', 'its clock jumps', false],
  ['disk', 'something happens to its disk', true],
  ['violation', 'a promise is broken', true],
  ['watch', 'a watch tells a client', false],
  ['point', 'where an operation took effect', false],
];

const GROUP_WORDS = {
  notification: 'votes of elections',
  discovery: 'FOLLOWERINFO, LEADERINFO, ACKEPOCH',
  synchronisation: 'DIFF, TRUNC, SNAP, NEWLEADER, UPTODATE',
  proposal: 'PROPOSAL, INFORM',
  ack: 'ACK',
  commit: 'COMMIT',
  ping: 'PING',
  request: 'requests passed to the leader',
  client: 'between clients and servers',
  other: 'everything else',
} as const;

export function legend(app: App): HTMLElement {
  const { theme } = app;
  return h(
    'div',
    { class: 'columns' },
    h(
      'section',
      { class: 'stack tight' },
      h('h3', {}, 'A server’s band'),
      h(
        'p',
        { class: 'soft' },
        'The hue is the epoch, and e3 in the band its number. Weight and pattern tell the state.',
      ),
      STATES.map(([state, phase, text]) =>
        row(
          sample(54, 18, (context, w, height) => paintState(context, theme, state, phase, w, height)),
          text,
        ),
      ),
    ),
    h(
      'section',
      { class: 'stack tight' },
      h('h3', {}, 'Messages'),
      h(
        'p',
        { class: 'soft' },
        'From sending to reading. Where there are too many for arrows, the columns at the bottom of a lane tell how many it sent. Click to hide a kind.',
      ),
      MESSAGE_GROUPS.map((group) => {
        const isHidden = app.view.hidden.includes(group);
        const button: HTMLButtonElement = h(
          'button',
          {
            class: 'legend-switch',
            'aria-pressed': isHidden ? 'false' : 'true',
            onclick: () => {
              const { hidden } = app.view;
              const next = hidden.includes(group) ? hidden.filter((each) => each !== group) : [...hidden, group];
              app.show({ hidden: next }, true);
              button.setAttribute('aria-pressed', next.includes(group) ? 'false' : 'true');
            },
          },
          row(
            sample(54, 18, (context, w, height) => paintArrow(context, theme, group, w, height)),
            `${group}: ${GROUP_WORDS[group]}`,
          ),
        );
        return button;
      }),
      row(
        sample(54, 18, (context, w, height) => paintStalled(context, theme, w, height)),
        'heavy, with a waist: held up on its way; a wedge: so many until one moment',
      ),
      row(
        sample(54, 18, (context, w, height) => paintLost(context, theme, w, height)),
        'broken, with a cross: never read',
      ),
    ),
    h(
      'section',
      { class: 'stack tight' },
      h('h3', {}, 'Below the band'),
      row(
        sample(54, 18, (context, w, height) => paintZxid(context, theme, w, height)),
        'history: area applied, heavy line committed, dashed synced, thin logged; who is behind stands lower',
      ),
      row(
        sample(54, 18, (context, w, height) => paintDiskSample(context, theme, w, height)),
        'disk: low writes, high fsyncs; heavy ones stalled, crossed ones failed',
      ),
      row(
        sample(54, 18, (context, w, height) => paintRuler(context, theme, w, height)),
        'above the band: the server’s own clock, where it is not right',
      ),
      row(
        sample(54, 18, (context, w, height) => paintCut(context, theme, w, height)),
        'hatched strip: it hears nothing from the server the bracket leads to',
      ),
      h('h3', {}, 'Clients'),
      row(
        sample(54, 18, (context, w, height) => paintOperation(context, theme, w, height, 'write')),
        'a write; a read is paler',
      ),
      row(
        sample(54, 18, (context, w, height) => paintOperation(context, theme, w, height, 'error')),
        'outlined: answered with an error',
      ),
      row(
        sample(54, 18, (context, w, height) => paintOperation(context, theme, w, height, 'unknown')),
        'hatched: the connection was lost, nobody knows',
      ),
      h('h3', {}, 'Marks'),
      MARKS.map(([shape, text, isGrave]) =>
        row(
          sample(54, 18, (context, w, height) => {
            const colour = isGrave ? theme.danger : shape === 'watch' ? hue('orange', theme) : theme.ink2;
            context.fillStyle = colour;
            context.strokeStyle = colour;
            drawMark(context, shape, w / 2, height / 2, 12);
          }),
          text,
        ),
      ),
    ),
  );
}

const row = (picture: Element, text: string): HTMLElement =>
  h('div', { class: 'legend-row' }, picture, h('span', {}, text));

function paintState(
  context: CanvasRenderingContext2D,
  theme: Theme,
  state: ServerState,
  phase: ZabPhase,
  width: number,
  height: number,
): void {
  const style = bandStyle(
    state,
    phase,
    state === 'looking' || state === 'recovering' || state === 'down' || state === 'halted' ? 0 : 2,
    theme,
  );
  const patterns = new Patterns(context, Math.max(1, devicePixelRatio));
  if (state === 'down') {
    context.strokeStyle = theme.lineStrong;
    context.setLineDash([1, 3]);
    context.beginPath();
    context.moveTo(0, height - 2);
    context.lineTo(width, height - 2);
    context.stroke();
    return;
  }
  if (style.fill !== null) {
    context.fillStyle = style.fill;
    context.fillRect(0, 1, width, height - 2);
  }
  if (style.pattern !== null) {
    context.fillStyle = patterns.get(style.pattern.name, style.pattern.colour);
    context.fillRect(0, 1, width, height - 2);
  }
  context.fillStyle = style.edge;
  if (style.crown) context.fillRect(0, 1, width, 3);
  context.fillRect(0, height - 2, width, 1);
}

function paintArrow(
  context: CanvasRenderingContext2D,
  theme: Theme,
  group: (typeof MESSAGE_GROUPS)[number],
  width: number,
  height: number,
): void {
  const style = messageStyle(group, theme);
  context.strokeStyle = style.colour;
  context.lineWidth = style.width;
  context.setLineDash([...style.dash]);
  context.beginPath();
  context.moveTo(2, 3);
  context.lineTo(width - 4, height - 4);
  context.stroke();
  context.setLineDash([]);
  const length = Math.hypot(width - 6, height - 7);
  const head = new Path2D();
  drawHead(head, style.head, width - 4, height - 4, (width - 6) / length, (height - 7) / length, 5);
  context.fillStyle = style.head === 'open' ? theme.background : style.colour;
  context.fill(head);
  context.stroke(head);
}

function paintStalled(context: CanvasRenderingContext2D, theme: Theme, width: number, height: number): void {
  context.strokeStyle = hue('blue', theme);
  context.lineWidth = 2.4;
  context.beginPath();
  context.moveTo(2, 3);
  context.lineTo(width - 4, height - 4);
  context.stroke();
  context.fillStyle = theme.background;
  context.fillRect(width / 2 - 5, height / 2 - 4, 8, 8);
  context.fillStyle = hue('blue', theme);
  context.fillRect(width / 2 - 4, height / 2 - 4, 2, 8);
  context.fillRect(width / 2, height / 2 - 4, 2, 8);
}

function paintLost(context: CanvasRenderingContext2D, theme: Theme, width: number, height: number): void {
  context.strokeStyle = hue('blue', theme);
  context.setLineDash([3, 3]);
  context.beginPath();
  context.moveTo(2, 3);
  context.lineTo(width - 18, height - 7);
  context.stroke();
  context.setLineDash([]);
  context.strokeStyle = theme.danger;
  drawMark(context, 'kill', width - 16, height - 7, 8);
}

function paintZxid(context: CanvasRenderingContext2D, theme: Theme, width: number, height: number): void {
  context.fillStyle = mix(theme.background, hue('blue', theme), 0.16);
  context.fillRect(0, 10, 28, height - 10);
  context.fillRect(28, 6, width - 28, height - 6);
  const line = (colour: string, thick: number, dash: number[], shift: number): void => {
    context.strokeStyle = colour;
    context.lineWidth = thick;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(0, 10);
    context.lineTo(28 - shift, 10);
    context.lineTo(28 - shift, 6);
    context.lineTo(width, 6);
    context.stroke();
  };
  line(hue('blue', theme), 1.6, [], 4);
  line(theme.ink2, 1, [2, 2], 12);
  line(theme.ink, 0.8, [], 18);
}

function paintDiskSample(context: CanvasRenderingContext2D, theme: Theme, _width: number, height: number): void {
  context.fillStyle = mix(theme.background, theme.ink3, 0.5);
  context.fillRect(2, height - 6, 6, 4);
  context.fillStyle = mix(theme.background, theme.ink2, 0.75);
  context.fillRect(9, height - 10, 9, 8);
  context.fillStyle = hue('orange', theme);
  context.fillRect(22, height - 12, 14, 11);
  context.fillStyle = theme.danger;
  context.fillRect(40, height - 12, 8, 11);
  context.strokeStyle = theme.danger;
  drawMark(context, 'kill', 44, 4, 6);
}

function paintRuler(context: CanvasRenderingContext2D, theme: Theme, width: number, height: number): void {
  context.fillStyle = theme.ink3;
  context.fillRect(0, height / 2 - 3, width, 1);
  for (const x of [2, 12, 22, 37, 47]) context.fillRect(x, height / 2 - 3, 1, 6);
}

function paintCut(context: CanvasRenderingContext2D, theme: Theme, width: number, height: number): void {
  const patterns = new Patterns(context, Math.max(1, devicePixelRatio));
  const colour = hue('vermillion', theme);
  context.fillStyle = mix(theme.background, colour, 0.22);
  context.fillRect(3, height - 7, width - 6, 5);
  context.fillStyle = patterns.get('diagonal', colour);
  context.fillRect(3, height - 7, width - 6, 5);
  context.strokeStyle = colour;
  context.setLineDash([3, 2]);
  context.beginPath();
  context.moveTo(3.5, height - 7);
  context.lineTo(3.5, 1);
  context.moveTo(width - 3.5, height - 7);
  context.lineTo(width - 3.5, 1);
  context.stroke();
}

function paintOperation(
  context: CanvasRenderingContext2D,
  theme: Theme,
  width: number,
  height: number,
  kind: 'write' | 'error' | 'unknown',
): void {
  const write = mix(theme.background, hue('blue', theme), 0.85);
  if (kind === 'write') {
    context.fillStyle = write;
    context.fillRect(2, 4, width / 2 - 4, height - 8);
    context.fillStyle = mix(theme.background, hue('sky', theme), 0.55);
    context.fillRect(width / 2, 4, width / 2 - 4, height - 8);
  } else if (kind === 'error') {
    context.strokeStyle = write;
    context.strokeRect(2.5, 4.5, width - 9, height - 9);
  } else {
    const patterns = new Patterns(context, Math.max(1, devicePixelRatio));
    context.fillStyle = patterns.get('diagonal', theme.danger);
    context.fillRect(2, 4, width - 8, height - 8);
    context.fillStyle = theme.danger;
    context.fillRect(2, 4, 1.5, height - 8);
    context.fillRect(width - 7.5, 4, 1.5, height - 8);
  }
}
