/** Columns that grow: a typed array each, larger when full. What the scanner writes and the store keeps. */

type Typed = Float64Array | Uint32Array | Uint16Array | Uint8Array | Int16Array;
type Maker<T extends Typed> = new (length: number) => T;

const FIRST_LENGTH = 64;
/** From here on columns grow by a quarter: half of a long one empty would be many megabytes. */
const LARGE = 1 << 18;

export class Column<T extends Typed> {
  readonly #make: Maker<T>;
  array: T;
  length = 0;

  constructor(make: Maker<T>, capacity: number = FIRST_LENGTH) {
    this.#make = make;
    this.array = new make(Math.max(1, capacity));
  }

  push(value: number): void {
    if (this.length === this.array.length) this.#reserve(this.length + 1);
    this.array[this.length++] = value;
  }

  get(index: number): number {
    return this.array[index]!;
  }

  append(values: T): void {
    const length = this.length + values.length;
    if (length > this.array.length) this.#reserve(length);
    (this.array as { set(values: T, at: number): void }).set(values, this.length);
    this.length = length;
  }

  /** Makes the column longer by so many, which the caller fills in from where it ended. Loops of one kind of array are fast. */
  extend(count: number): T {
    const length = this.length + count;
    if (length > this.array.length) this.#reserve(length);
    this.length = length;
    return this.array;
  }

  clear(): void {
    this.length = 0;
  }

  /** Makes room for so many, so that none of it is copied on the way there. */
  expect(length: number): void {
    if (length > this.array.length) this.#grow(length);
  }

  /** A copy of what is filled. */
  trimmed(): T {
    return this.array.slice(0, this.length) as T;
  }

  /** A view of what is filled; valid until the column grows. */
  view(): T {
    return this.array.subarray(0, this.length) as T;
  }

  #reserve(length: number): void {
    const { length: now } = this.array;
    this.#grow(Math.max(length, now + (now < LARGE ? now : now >> 2)));
  }

  #grow(length: number): void {
    const grown = new this.#make(length);
    (grown as { set(values: Typed): void }).set(this.array);
    this.array = grown;
  }
}

export const f64 = (capacity?: number): Column<Float64Array> => new Column(Float64Array, capacity);
export const u32 = (capacity?: number): Column<Uint32Array> => new Column(Uint32Array, capacity);
export const u16 = (capacity?: number): Column<Uint16Array> => new Column(Uint16Array, capacity);
export const u8 = (capacity?: number): Column<Uint8Array> => new Column(Uint8Array, capacity);

/** Index of the first element of a sorted array that is greater than `value`; `length` when there is none. */
export function upperBound(sorted: ArrayLike<number>, value: number, length: number = sorted.length): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first element that is at least `value`. */
export function lowerBound(sorted: ArrayLike<number>, value: number, length: number = sorted.length): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Names by number. The empty name is 0. */
export class Names {
  readonly list: string[] = [''];
  readonly #numbers = new Map<string, number>([['', 0]]);

  of(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.list.length;
    this.list.push(name);
    this.#numbers.set(name, number);
    return number;
  }
}
