/** What lies under a point of the picture. Painters say what they drew and where; the nearest of the topmost kind wins. */

export type Target =
  | { readonly kind: 'message'; readonly row: number }
  | { readonly kind: 'operation'; readonly host: number; readonly row: number }
  | { readonly kind: 'disk'; readonly host: number; readonly row: number }
  | { readonly kind: 'mark'; readonly host: number; readonly index: number; readonly text: string }
  | { readonly kind: 'watch'; readonly host: number; readonly row: number }
  | { readonly kind: 'band'; readonly host: number; readonly band: number }
  | { readonly kind: 'fault'; readonly fault: number }
  | { readonly kind: 'cut'; readonly cut: number }
  | { readonly kind: 'election'; readonly election: number }
  | { readonly kind: 'violation'; readonly violation: number };

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly target: Target;
  /** Greater lies above. */
  readonly level: number;
}

/** Pixels around a line or a box that still count. */
const REACH = 5;
const LINE_NUMBERS = 5;

export class HitList {
  readonly #boxes: Box[] = [];
  /** Thousands of lines are drawn in a frame, and nobody may point at any: x0, y0, x1, y1 and row of each. */
  #lines = new Float64Array(LINE_NUMBERS * 256);
  #lineEnd = 0;

  clear(): void {
    this.#boxes.length = 0;
    this.#lineEnd = 0;
  }

  box(left: number, top: number, width: number, height: number, target: Target, level: number): void {
    this.#boxes.push({ left, top, right: left + width, bottom: top + height, target, level });
  }

  line(x0: number, y0: number, x1: number, y1: number, row: number): void {
    if (this.#lineEnd === this.#lines.length) {
      const grown = new Float64Array(this.#lines.length * 2);
      grown.set(this.#lines);
      this.#lines = grown;
    }
    const lines = this.#lines;
    lines[this.#lineEnd] = x0;
    lines[this.#lineEnd + 1] = y0;
    lines[this.#lineEnd + 2] = x1;
    lines[this.#lineEnd + 3] = y1;
    lines[this.#lineEnd + 4] = row;
    this.#lineEnd += LINE_NUMBERS;
  }

  /** Marks before operations before bands before messages, which pass behind bands. */
  at(x: number, y: number): Target | null {
    let best: Target | null = null;
    let bestRank = Number.NEGATIVE_INFINITY;
    for (const { left, top, right, bottom, target, level } of this.#boxes) {
      const dx = Math.max(left - x, 0, x - right);
      const dy = Math.max(top - y, 0, y - bottom);
      const reach = level >= LEVEL.operation ? REACH : 0;
      const distance = Math.hypot(dx, dy);
      if (distance > reach) continue;
      // Among the same level the nearer, and then the narrower: a short operation inside a long one.
      const rank = level * 1000 - distance * 10 - Math.min(9, (right - left) / 1000);
      if (rank > bestRank) [best, bestRank] = [target, rank];
    }
    const lines = this.#lines;
    for (let i = 0; i < this.#lineEnd; i += LINE_NUMBERS) {
      const distance = distanceToLine(x, y, lines[i]!, lines[i + 1]!, lines[i + 2]!, lines[i + 3]!);
      if (distance > REACH) continue;
      const rank = LEVEL.message * 1000 - distance * 10;
      if (rank > bestRank) [best, bestRank] = [{ kind: 'message', row: lines[i + 4]! }, rank];
    }
    return best;
  }
}

/** A server that is down has no band that messages could pass behind. */
export const LEVEL = { cut: 0, down: 1, fault: 3, message: 4, band: 4.5, operation: 5, mark: 6, violation: 7 } as const;

export function distanceToLine(x: number, y: number, x0: number, y0: number, x1: number, y1: number): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / length));
  return Math.hypot(x - (x0 + along * dx), y - (y0 + along * dy));
}
