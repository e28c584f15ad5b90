/**
 * The horizontal scale: what is between the edges, and how a wheel or a key changes it. A view is a range of time (or of
 * events in order); everything else follows from it and the width.
 */

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Zooming in ends where a pixel would be a small part of a microsecond. */
export const RANGE_MIN = 20;

export interface Scale {
  readonly from: number;
  readonly to: number;
  readonly width: number;
  readonly perPixel: number;
  x(t: number): number;
  t(x: number): number;
}

export function scaleOf(range: Range, width: number): Scale {
  const { from, to } = range;
  const perPixel = (to - from) / Math.max(1, width);
  return { from, to, width, perPixel, x: (t) => (t - from) / perPixel, t: (x) => from + x * perPixel };
}

/** Keeps a range inside the whole and not shorter than `RANGE_MIN`; a range that is too far out is moved, not cut. */
export function clampRange(range: Range, whole: Range): Range {
  const lengthMax = Math.max(RANGE_MIN, whole.to - whole.from);
  const length = Math.min(lengthMax, Math.max(RANGE_MIN, range.to - range.from));
  const middle = (range.from + range.to) / 2;
  const from = Math.min(Math.max(whole.from, middle - length / 2), Math.max(whole.from, whole.to - length));
  return { from, to: from + length };
}

/** Zooms by a factor (below 1: in) around a point that stays where it is. */
export function zoomRange(range: Range, factor: number, around: number): Range {
  return { from: around - (around - range.from) * factor, to: around + (range.to - around) * factor };
}

export function panRange(range: Range, share: number): Range {
  const by = (range.to - range.from) * share;
  return { from: range.from + by, to: range.to + by };
}

/** The range with some air around these ends, so that what one asked for does not stick to the edges. */
export function around(from: number, to: number, air = 0.15): Range {
  const length = Math.max(RANGE_MIN, to - from);
  return { from: from - length * air, to: to + length * air };
}

/** Steps between two ranges for a short animated flight: zoom moves evenly in the logarithm (van Wijk and Nuij, 2003, simplified). */
export function flightAt(start: Range, end: Range, progress: number): Range {
  if (progress >= 1) return end;
  const eased = progress < 0.5 ? 4 * progress ** 3 : 1 - (-2 * progress + 2) ** 3 / 2;
  const [a, b] = [start.to - start.from, end.to - end.from];
  const length = a * (b / a) ** eased;
  // The centre follows the zoom, so that a flight towards a detail does not pass it by.
  const share = Math.abs(b - a) < 1e-9 ? eased : (length - a) / (b - a);
  const centre = ((start.from + start.to) * (1 - share) + (end.from + end.to) * share) / 2;
  return { from: centre - length / 2, to: centre + length / 2 };
}
