/** Binary search in sorted columns: how many members are below a value, or not above it. */

export type Sorted = ArrayLike<number>;

/** Index of the first member that is at least `value`; the length if there is none. */
export function lowerBound(sorted: Sorted, value: number, from = 0, to = sorted.length): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first member that is greater than `value`. */
export function upperBound(sorted: Sorted, value: number, from = 0, to = sorted.length): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
