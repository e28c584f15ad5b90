/**
 * The configurations that a search has been in, without repetition and without those that are no better than another.
 *
 * A configuration is what the past can mean for the future: the next response (`layer`), the state, which open operations
 * have taken effect already (`mask`), and which operations of unknown outcome have been used (`used`, a number of
 * `Multisets`). At equal layer, state and mask one that has used fewer is at least as good: whatever the other can still
 * do, it can do too. So a configuration is dropped when one is there whose used operations are a subset of its own. A
 * conditional operation that was used instead of a blind one with the same effect (`partners`) is no loss either: the blind
 * one, which is left in its place, can do all that the conditional one could.
 *
 * Rows of integers in one array, found by open addressing; the hash is only a filter, rows are compared exactly.
 */

/** Columns of a row. The mask follows. */
export const LAYER = 0;
export const STATE = 1;
export const USED = 2;
export const MASK = 3;

const ROWS_AT_FIRST = 1 << 5;

export class Configurations {
  readonly width: number;
  rows: Int32Array;
  count = 0;
  readonly #multisets: Multisets;
  /** Row numbers plus one, by hash. */
  #table: Int32Array;

  constructor(maskWords: number, multisets: Multisets) {
    this.width = MASK + maskWords;
    this.#multisets = multisets;
    this.rows = new Int32Array(ROWS_AT_FIRST * this.width);
    this.#table = new Int32Array(2 * ROWS_AT_FIRST);
  }

  /** Adds the configuration in `row` and returns its number, or -1 when it is no better than one that is there. */
  add(row: Int32Array): number {
    if (2 * (this.count + 1) > this.#table.length) this.#grow();
    const { width, rows } = this;
    const table = this.#table;
    const size = table.length - 1;
    let at = this.#hash(row, 0) & size;
    for (;;) {
      const found = table[at]!;
      if (found === 0) break;
      if (this.#isCovered(rows, (found - 1) * width, row)) return -1;
      at = (at + 1) & size;
    }
    table[at] = this.count + 1;
    const base = this.count * width;
    for (let i = 0; i < width; i++) rows[base + i] = row[i]!;
    this.count += 1;
    return this.count - 1;
  }

  /** Whether one that used less is there as well: it came later. */
  isCoveredByAnother(index: number): boolean {
    const { width, rows } = this;
    const row = rows.subarray(index * width, (index + 1) * width);
    const table = this.#table;
    const size = table.length - 1;
    for (let at = this.#hash(rows, index * width) & size; table[at] !== 0; at = (at + 1) & size) {
      const other = table[at]! - 1;
      if (other !== index && this.#isCovered(rows, other * width, row)) return true;
    }
    return false;
  }

  clear(): void {
    const enough = Math.max(ROWS_AT_FIRST, 2 ** Math.ceil(Math.log2(this.count + 1)));
    if (this.#table.length > 8 * enough) {
      this.rows = new Int32Array(enough * this.width);
      this.#table = new Int32Array(2 * enough);
    } else this.#table.fill(0);
    this.count = 0;
  }

  /** Equal but for what was used, and the one at `base` used no more. */
  #isCovered(rows: Int32Array, base: number, row: Int32Array): boolean {
    for (let i = MASK; i < this.width; i++) if (rows[base + i] !== row[i]) return false;
    if (rows[base + STATE] !== row[STATE] || rows[base + LAYER] !== row[LAYER]) return false;
    return this.#multisets.isCheaper(rows[base + USED]!, row[USED]!);
  }

  #hash(rows: Int32Array, base: number): number {
    let hash = Math.imul(rows[base + LAYER]!, 0x9e37_79b1) ^ Math.imul(rows[base + STATE]!, 0x85eb_ca6b);
    for (let i = MASK; i < this.width; i++) {
      hash = Math.imul(hash ^ (hash >>> 15) ^ rows[base + i]!, 0xc2b2_ae35);
    }
    hash = Math.imul(hash ^ (hash >>> 13), 0x27d4_eb2f);
    return hash ^ (hash >>> 16);
  }

  #grow(): void {
    const rows = new Int32Array(this.rows.length * 2);
    rows.set(this.rows);
    this.rows = rows;
    this.#table = new Int32Array(this.#table.length * 2);
    const size = this.#table.length - 1;
    for (let row = 0; row < this.count; row++) {
      let at = this.#hash(rows, row * this.width) & size;
      while (this.#table[at] !== 0) at = (at + 1) & size;
      this.#table[at] = row + 1;
    }
  }
}

/**
 * How many of each class have been used: sorted lists of classes with repetition, each under a number. 0 is the empty one.
 *
 * `partners` names, for a class, one that is legal wherever this is and then leads to the same state, or -1.
 */
export class Multisets {
  readonly #lists: Int32Array[] = [new Int32Array(0)];
  readonly #known = new Map<string, number>([['', 0]]);
  /** The successors that have been asked for, by set and class. */
  readonly #successors = new Map<number, number>();
  readonly #classCount: number;
  readonly #partners: Int32Array | null;
  /** How often each class is in one set and not in the other: all zero between two questions. */
  readonly #surplus: Int32Array;

  constructor(classCount: number, partners: Int32Array | null = null) {
    this.#classCount = classCount;
    this.#partners = partners?.some((partner) => partner >= 0) === true ? partners : null;
    this.#surplus = new Int32Array(classCount);
  }

  sizeOf(set: number): number {
    return this.#lists[set]!.length;
  }

  countOf(set: number, member: number): number {
    let count = 0;
    for (const other of this.#lists[set]!) if (other === member) count += 1;
    return count;
  }

  /** The set with one more of that class. */
  with(set: number, member: number): number {
    const key = set * this.#classCount + member;
    let result = this.#successors.get(key);
    if (result === undefined) {
      result = this.#intern(inserted(this.#lists[set]!, member));
      this.#successors.set(key, result);
    }
    return result;
  }

  /** Whether what is left beside `small` can do all that what is left beside `large` can. */
  isCheaper(small: number, large: number): boolean {
    if (small === large || small === 0) return true;
    return this.#partners === null ? this.isSubset(small, large) : this.#isMatched(small, large, this.#partners);
  }

  isSubset(small: number, large: number): boolean {
    if (small === large || small === 0) return true;
    const a = this.#lists[small]!;
    const b = this.#lists[large]!;
    if (a.length >= b.length) return false;
    let j = 0;
    for (let i = 0; i < a.length; i++, j++) {
      while (j < b.length && b[j]! < a[i]!) j += 1;
      if (j === b.length || b[j] !== a[i]) return false;
    }
    return true;
  }

  /** Each member of `small` has its like in `large`, or, that failing, its partner, and none is taken twice. */
  #isMatched(small: number, large: number, partners: Int32Array): boolean {
    const a = this.#lists[small]!;
    const b = this.#lists[large]!;
    if (a.length > b.length) return false;
    const surplus = this.#surplus;
    for (const member of b) surplus[member] = surplus[member]! + 1;
    for (const member of a) surplus[member] = surplus[member]! - 1;
    let isMatched = true;
    for (const member of a) {
      const missing = surplus[member]!;
      if (missing >= 0) continue;
      const partner = partners[member]!;
      surplus[member] = 0;
      if (partner >= 0) surplus[partner] = surplus[partner]! + missing;
      else isMatched = false;
    }
    for (const member of a) {
      const partner = partners[member]!;
      if (surplus[member]! < 0 || (partner >= 0 && surplus[partner]! < 0)) isMatched = false;
      surplus[member] = 0;
      if (partner >= 0) surplus[partner] = 0;
    }
    for (const member of b) surplus[member] = 0;
    return isMatched;
  }

  #intern(list: Int32Array): number {
    const text = list.join(',');
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    this.#known.set(text, this.#lists.length);
    this.#lists.push(list);
    return this.#lists.length - 1;
  }
}

function inserted(list: Int32Array, member: number): Int32Array {
  const longer = new Int32Array(list.length + 1);
  let at = 0;
  while (at < list.length && list[at]! <= member) {
    longer[at] = list[at]!;
    at += 1;
  }
  longer[at] = member;
  longer.set(list.subarray(at), at + 1);
  return longer;
}
