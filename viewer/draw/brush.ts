/**
 * What the painters draw with: the part of a canvas context that they use. A canvas is one such brush, a writer of SVG
 * (`svg.ts`) is another, so the picture on the screen and the one in a file are drawn by the same code.
 */

/** A path that is put together before it is drawn; the methods of `Path2D` that are used. */
export type Path = Pick<CanvasPath, 'moveTo' | 'lineTo' | 'closePath' | 'rect' | 'arc' | 'ellipse'>;

type Plain = Pick<
  CanvasRenderingContext2D,
  | 'fillStyle'
  | 'strokeStyle'
  | 'lineWidth'
  | 'globalAlpha'
  | 'font'
  | 'textBaseline'
  | 'setLineDash'
  | 'beginPath'
  | 'fillRect'
  | 'strokeRect'
  | 'fillText'
  | 'save'
  | 'restore'
  | 'translate'
  | 'rotate'
>;

export interface Brush extends Plain, Path {
  fill(path?: Path): void;
  stroke(path?: Path): void;
  clip(): void;
  measureText(text: string): { readonly width: number };
}

export type PatternName = 'diagonal' | 'back' | 'cross' | 'vertical' | 'dots' | 'sparse';

/** Hatches: what may stand as a brush's fill style. */
export interface Hatches {
  get(name: PatternName, colour: string): CanvasPattern | string;
}

/** Sides of the tile that a hatch repeats, px. */
export const tileSize = (name: PatternName): number => (name === 'sparse' ? 10 : name === 'vertical' ? 5 : 6);

/** One tile of a hatch, at `ratio` device pixels a pixel, in a square of `size`. */
export function drawTile(brush: Brush, name: PatternName, colour: string, size: number, ratio: number): void {
  brush.strokeStyle = colour;
  brush.fillStyle = colour;
  brush.lineWidth = 1.1 * ratio;
  brush.beginPath();
  // Three lines, so that the corners of neighbouring tiles meet.
  const shifts = [-size, 0, size];
  const diagonal = (): void => {
    for (const shift of shifts) {
      brush.moveTo(shift, size);
      brush.lineTo(shift + size, 0);
    }
  };
  const back = (): void => {
    for (const shift of shifts) {
      brush.moveTo(shift, 0);
      brush.lineTo(shift + size, size);
    }
  };
  if (name === 'diagonal') diagonal();
  else if (name === 'back' || name === 'sparse') back();
  else if (name === 'cross') {
    diagonal();
    back();
  } else if (name === 'vertical') {
    brush.moveTo(size / 2, 0);
    brush.lineTo(size / 2, size);
  } else {
    brush.arc(size / 2, size / 2, 0.9 * ratio, 0, 2 * Math.PI);
    brush.fill();
    return;
  }
  brush.stroke();
}
