/** Patterns and shapes: what tells states, messages and marks apart when colours do not. */

import { epochColour, type Hue, hue, mix, type Theme } from '../lib/palette.ts';
import type { MessageGroup, ServerState, ZabPhase } from '../model/api.ts';
import { type Brush, drawTile, type Hatches, type Path, type PatternName, tileSize } from './brush.ts';

/** Hatches in device pixels, made once for each colour and resolution. */
export class Patterns implements Hatches {
  readonly #made = new Map<string, CanvasPattern>();
  readonly #context: CanvasRenderingContext2D;
  readonly #ratio: number;

  constructor(context: CanvasRenderingContext2D, ratio: number) {
    this.#context = context;
    this.#ratio = ratio;
  }

  get(name: PatternName, colour: string): CanvasPattern | string {
    const key = `${name} ${colour}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const tile = tileOf(name, colour, this.#ratio);
    const made = this.#context.createPattern(tile, 'repeat');
    if (made === null) return colour;
    // The picture is drawn in CSS pixels; the tile is as sharp as the screen.
    made.setTransform(new DOMMatrix().scale(1 / this.#ratio));
    this.#made.set(key, made);
    return made;
  }
}

function tileOf(name: PatternName, colour: string, ratio: number): HTMLCanvasElement {
  const size = Math.round(tileSize(name) * ratio);
  const tile = document.createElement('canvas');
  tile.width = size;
  tile.height = size;
  drawTile(tile.getContext('2d')!, name, colour, size, ratio);
  return tile;
}

export interface BandStyle {
  /** Null: not filled. */
  readonly fill: string | null;
  readonly pattern: { readonly name: PatternName; readonly colour: string } | null;
  readonly edge: string;
  /** A heavy line on top: the leader. */
  readonly crown: boolean;
}

/** How a state looks. The epoch gives the hue, the state the weight, the phase the hatch. */
export function bandStyle(state: ServerState, phase: ZabPhase, epoch: number, theme: Theme): BandStyle {
  const colour = epochColour(epoch, theme);
  const neutral = mix(theme.background, theme.ink3, theme.name === 'dark' ? 0.42 : 0.5);
  const hatch =
    phase === 'discovery'
      ? ({ name: 'diagonal', colour: mix(colour, theme.ink, 0.25) } as const)
      : phase === 'synchronization'
        ? ({ name: 'vertical', colour: mix(colour, theme.ink, 0.25) } as const)
        : null;
  switch (state) {
    case 'down':
      return { fill: null, pattern: null, edge: theme.line, crown: false };
    case 'recovering':
      return { fill: theme.lane, pattern: { name: 'dots', colour: theme.ink3 }, edge: neutral, crown: false };
    case 'looking':
      return { fill: theme.background, pattern: { name: 'back', colour: neutral }, edge: neutral, crown: false };
    case 'leading':
      return {
        fill: hatch === null ? colour : mix(theme.background, colour, 0.5),
        pattern: hatch,
        edge: mix(colour, theme.ink, 0.35),
        crown: true,
      };
    case 'following':
      return {
        fill: mix(theme.background, colour, hatch === null ? 0.32 : 0.16),
        pattern: hatch,
        edge: colour,
        crown: false,
      };
    case 'observing':
      return {
        fill: mix(theme.background, colour, 0.18),
        pattern: hatch ?? { name: 'dots', colour: mix(theme.background, colour, 0.7) },
        edge: colour,
        crown: false,
      };
    case 'standalone':
      return { fill: mix(theme.background, theme.ink3, 0.4), pattern: null, edge: theme.ink3, crown: true };
    case 'halted':
      return {
        fill: theme.background,
        pattern: { name: 'cross', colour: theme.danger },
        edge: theme.danger,
        crown: false,
      };
    default:
      state satisfies never;
      throw new Error('unknown state');
  }
}

export type Head = 'triangle' | 'open' | 'square' | 'diamond' | 'dot' | 'bar';

export interface MessageStyle {
  readonly colour: string;
  readonly dash: readonly number[];
  readonly head: Head;
  readonly width: number;
}

const GROUP_LOOKS: Readonly<
  Record<MessageGroup, { hue: Hue | null; dash: readonly number[]; head: Head; width: number }>
> = {
  notification: { hue: 'purple', dash: [], head: 'diamond', width: 1.2 },
  discovery: { hue: 'orange', dash: [6, 2], head: 'triangle', width: 1.3 },
  synchronisation: { hue: 'sky', dash: [2, 2], head: 'square', width: 1.4 },
  proposal: { hue: 'blue', dash: [], head: 'triangle', width: 1.2 },
  ack: { hue: 'green', dash: [4, 2], head: 'open', width: 1.1 },
  commit: { hue: 'vermillion', dash: [], head: 'square', width: 1.1 },
  ping: { hue: null, dash: [1, 3], head: 'dot', width: 0.9 },
  request: { hue: 'yellow', dash: [7, 2, 1, 2], head: 'triangle', width: 1.2 },
  client: { hue: null, dash: [], head: 'triangle', width: 0.8 },
  other: { hue: null, dash: [2, 4], head: 'bar', width: 0.8 },
};

export function messageStyle(group: MessageGroup, theme: Theme): MessageStyle {
  const { hue: name, dash, head, width } = GROUP_LOOKS[group];
  return { colour: name === null ? theme.ink3 : hue(name, theme), dash, head, width };
}

/** The head of an arrow at its tip, along the direction (dx, dy) of length 1. */
export function drawHead(path: Path, head: Head, x: number, y: number, dx: number, dy: number, size: number): void {
  const [px, py] = [-dy, dx];
  const at = (along: number, across: number): [number, number] => [
    x - dx * along + px * across,
    y - dy * along + py * across,
  ];
  switch (head) {
    case 'triangle':
    case 'open': {
      path.moveTo(x, y);
      path.lineTo(...at(size * 1.5, size * 0.6));
      path.lineTo(...at(size * 1.5, -size * 0.6));
      path.closePath();
      return;
    }
    case 'diamond': {
      path.moveTo(x, y);
      path.lineTo(...at(size * 0.9, size * 0.6));
      path.lineTo(...at(size * 1.8, 0));
      path.lineTo(...at(size * 0.9, -size * 0.6));
      path.closePath();
      return;
    }
    case 'square':
      path.rect(x - size * 0.5 - dx * size * 0.5, y - size * 0.5 - dy * size * 0.5, size, size);
      return;
    case 'dot': {
      const [cx, cy] = at(size * 0.4, 0);
      path.moveTo(cx + size * 0.4, cy);
      path.arc(cx, cy, size * 0.4, 0, 2 * Math.PI);
      return;
    }
    case 'bar':
      path.moveTo(...at(0, size * 0.6));
      path.lineTo(...at(0, -size * 0.6));
      return;
    default:
      head satisfies never;
  }
}

export type MarkShape =
  | 'boot'
  | 'kill'
  | 'power'
  | 'halt'
  | 'pause'
  | 'resume'
  | 'clock'
  | 'wipe'
  | 'restore'
  | 'disk'
  | 'violation'
  | 'watch'
  | 'point';

/** Shapes of moments on a lane, in a square of `size` around (x, y). Filled shapes need no outline to be told apart. */
export function drawMark(context: Brush, shape: MarkShape, x: number, y: number, size: number): void {
  const r = size / 2;
  context.beginPath();
  const polygon = (...points: readonly (readonly [number, number])[]): void => {
    points.forEach(([px, py], i) => {
      if (i === 0) context.moveTo(x + px * r, y + py * r);
      else context.lineTo(x + px * r, y + py * r);
    });
    context.closePath();
    context.fill();
  };
  switch (shape) {
    case 'boot':
      return polygon([-0.6, -0.9], [0.9, 0], [-0.6, 0.9]);
    case 'resume':
      return polygon([-0.5, -0.8], [0.8, 0], [-0.5, 0.8]);
    case 'kill': {
      context.lineWidth = size * 0.22;
      context.moveTo(x - r * 0.75, y - r * 0.75);
      context.lineTo(x + r * 0.75, y + r * 0.75);
      context.moveTo(x + r * 0.75, y - r * 0.75);
      context.lineTo(x - r * 0.75, y + r * 0.75);
      context.stroke();
      return;
    }
    case 'power':
      return polygon([0.25, -1], [-0.65, 0.2], [-0.05, 0.2], [-0.3, 1], [0.65, -0.25], [0.05, -0.25]);
    case 'halt':
      return polygon([-0.7, -0.7], [0.7, -0.7], [0.7, 0.7], [-0.7, 0.7]);
    case 'pause': {
      context.fillRect(x - r * 0.7, y - r * 0.8, r * 0.5, size * 0.8);
      context.fillRect(x + r * 0.2, y - r * 0.8, r * 0.5, size * 0.8);
      return;
    }
    case 'clock': {
      context.lineWidth = size * 0.14;
      context.arc(x, y, r * 0.85, 0, 2 * Math.PI);
      context.moveTo(x, y - r * 0.5);
      context.lineTo(x, y);
      context.lineTo(x + r * 0.4, y + r * 0.2);
      context.stroke();
      return;
    }
    case 'wipe':
    case 'restore':
    case 'disk': {
      context.lineWidth = size * 0.14;
      context.ellipse(x, y - r * 0.5, r * 0.75, r * 0.32, 0, 0, 2 * Math.PI);
      context.moveTo(x - r * 0.75, y - r * 0.5);
      context.lineTo(x - r * 0.75, y + r * 0.55);
      context.ellipse(x, y + r * 0.55, r * 0.75, r * 0.32, 0, Math.PI, 0, true);
      context.lineTo(x + r * 0.75, y - r * 0.5);
      if (shape === 'wipe') {
        context.moveTo(x - r, y + r);
        context.lineTo(x + r, y - r);
      }
      context.stroke();
      return;
    }
    case 'violation':
      return polygon([0, -1], [1, 0.8], [-1, 0.8]);
    case 'watch':
      return polygon([-0.7, -0.8], [0.7, -0.8], [0, 0.7]);
    case 'point':
      return polygon([0, -0.9], [0.7, 0], [0, 0.9], [-0.7, 0]);
    default:
      shape satisfies never;
  }
}
