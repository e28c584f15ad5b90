/**
 * The tables of the exploration, in typed arrays: what is looked up some millions of times a second.
 *
 * `Fingerprints` holds the visited states. A state is known by 64 bits of hash; beside them stand 32 bits of the hash of
 * the state it was first reached from, from which a path back is put together (`search.ts`). That is 12 bytes a slot. Slots
 * are found by linear probing. The table is cut into shards by the uppermost bits of the hash, and a shard that is nine
 * tenths full grows by an eighth, so that the load stays between 0.8 and 0.9 and a visited state costs 13 to 15 bytes at any
 * time; a table that doubles would cost 24 after each growth. A slot is found by a multiplication instead of a mask, so a
 * capacity need not be a power of two.
 *
 * Two states with the same 64 bits are taken for one, and then the second is not explored. For n states of a hash that
 * behaves like a random function the probability that this has happened at all is about n^2 / 2^65
 * (`collisionProbability`); every run reports it.
 */

import { assert } from '../../core/types.ts';

const SHARD_BITS = 6;
const SHARDS = 1 << SHARD_BITS;
const SHARD_SLOTS_MIN = 64;
const LOAD_MAX = 0.9;
const GROWTH = 1.125;
const BYTES_A_SLOT = 12;

/** `low` and `high` together are never both 0: that marks a free slot. */
interface Shard {
  capacity: number;
  count: number;
  low: Uint32Array;
  high: Uint32Array;
  from: Uint32Array;
}

const newShard = (capacity: number): Shard => ({
  capacity,
  count: 0,
  low: new Uint32Array(capacity),
  high: new Uint32Array(capacity),
  from: new Uint32Array(capacity),
});

/** Where a hash begins to look. The bits that chose the shard are the highest of `high`, so `low` chooses the slot. */
const homeOf = (low: number, capacity: number): number => Math.floor((low * capacity) / 0x1_0000_0000);

export class Fingerprints {
  private readonly shards: Shard[] = Array.from({ length: SHARDS }, () => newShard(SHARD_SLOTS_MIN));
  /** States in the table. */
  size = 0;

  /** Adds a state; false when it was there. `from` is the low half of the fingerprint it was reached from. */
  add(low: number, high: number, from: number): boolean {
    const l = low >>> 0;
    const h = (high | (l === 0 ? 1 : 0)) >>> 0;
    const shard = this.shards[h >>> (32 - SHARD_BITS)]!;
    if (shard.count + 1 > shard.capacity * LOAD_MAX) grow(shard);
    if (!insert(shard, l, h, from >>> 0)) return false;
    this.size += 1;
    return true;
  }

  has(low: number, high: number): boolean {
    return this.slotOf(low, high) !== null;
  }

  /** What was given as `from` with this state; null when it is not there. */
  fromOf(low: number, high: number): number | null {
    const found = this.slotOf(low, high);
    return found === null ? null : found.shard.from[found.slot]!;
  }

  private slotOf(low: number, high: number): { readonly shard: Shard; readonly slot: number } | null {
    const l = low >>> 0;
    const h = (high | (l === 0 ? 1 : 0)) >>> 0;
    const shard = this.shards[h >>> (32 - SHARD_BITS)]!;
    let slot = homeOf(l, shard.capacity);
    while (shard.low[slot] !== 0 || shard.high[slot] !== 0) {
      if (shard.low[slot] === l && shard.high[slot] === h) return { shard, slot };
      slot = slot + 1 === shard.capacity ? 0 : slot + 1;
    }
    return null;
  }

  /** Every state whose fingerprint has this low half: as a rule one. Walks over the whole table. */
  withLow(low: number): { readonly low: number; readonly high: number; readonly from: number }[] {
    const found: { low: number; high: number; from: number }[] = [];
    for (const shard of this.shards) {
      for (let slot = 0; slot < shard.capacity; slot++) {
        if (shard.low[slot] !== low || (low === 0 && shard.high[slot] === 0)) continue;
        found.push({ low, high: shard.high[slot]!, from: shard.from[slot]! });
      }
    }
    return found;
  }

  /** Memory of the table, in bytes. */
  get bytes(): number {
    return this.shards.reduce((sum, shard) => sum + shard.capacity * BYTES_A_SLOT, 0);
  }

  /** How probable it is that two of the states in the table had one fingerprint. */
  get collisionProbability(): number {
    return this.size ** 2 / 2 ** 65;
  }
}

function insert(shard: Shard, low: number, high: number, from: number): boolean {
  const { capacity } = shard;
  let slot = homeOf(low, capacity);
  for (;;) {
    const l = shard.low[slot]!;
    const h = shard.high[slot]!;
    if (l === 0 && h === 0) break;
    if (l === low && h === high) return false;
    slot = slot + 1 === capacity ? 0 : slot + 1;
  }
  shard.low[slot] = low;
  shard.high[slot] = high;
  shard.from[slot] = from;
  shard.count += 1;
  return true;
}

function grow(shard: Shard): void {
  const { low, high, from, capacity, count } = shard;
  Object.assign(shard, newShard(Math.ceil(capacity * GROWTH)));
  for (let slot = 0; slot < capacity; slot++) {
    if (low[slot] !== 0 || high[slot] !== 0) insert(shard, low[slot]!, high[slot]!, from[slot]!);
  }
  assert(shard.count === count, 'a state was lost in growing');
}

/** A growing list of 32-bit integers. */
export class IntList {
  private items = new Int32Array(1024);
  length = 0;

  push(value: number): number {
    if (this.length === this.items.length) this.reserve(this.length + 1);
    this.items[this.length] = value;
    return this.length++;
  }

  /** Room for so many in all. */
  reserve(count: number): void {
    if (count <= this.items.length) return;
    const grown = new Int32Array(Math.max(count, this.items.length * 2));
    grown.set(this.items.subarray(0, this.length));
    this.items = grown;
  }

  at(index: number): number {
    return this.items[index]!;
  }

  set(index: number, value: number): void {
    this.items[index] = value;
  }

  /** Appends the first `count` integers of `values`. */
  append(values: Int32Array, count: number): void {
    this.reserve(this.length + count);
    for (let i = 0; i < count; i++) this.items[this.length + i] = values[i]!;
    this.length += count;
  }

  /** Copies `count` integers from `index` on into `target`. */
  read(index: number, target: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) target[i] = this.items[index + i]!;
  }

  clear(): void {
    this.length = 0;
  }
}

/** From two 32-bit integers, the first of them not negative, to a third that is not negative. Only grows. */
export class PairMap {
  private mask = 1023;
  private keys = new Int32Array(2048).fill(-1);
  private values = new Int32Array(1024);
  size = 0;

  /** -1 when there is none. */
  get(a: number, b: number): number {
    for (let slot = mixPair(a, b) & this.mask; ; slot = (slot + 1) & this.mask) {
      const key = this.keys[2 * slot]!;
      if (key === -1) return -1;
      if (key === a && this.keys[2 * slot + 1] === b) return this.values[slot]!;
    }
  }

  /** The pair must not be there yet. */
  set(a: number, b: number, value: number): void {
    if (this.size * 2 > this.mask) this.grow();
    this.place(a, b, value);
    this.size += 1;
  }

  private place(a: number, b: number, value: number): void {
    let slot = mixPair(a, b) & this.mask;
    while (this.keys[2 * slot] !== -1) slot = (slot + 1) & this.mask;
    this.keys[2 * slot] = a;
    this.keys[2 * slot + 1] = b;
    this.values[slot] = value;
  }

  private grow(): void {
    const { keys, values, mask } = this;
    this.mask = mask * 2 + 1;
    this.keys = new Int32Array(2 * (this.mask + 1)).fill(-1);
    this.values = new Int32Array(this.mask + 1);
    for (let slot = 0; slot <= mask; slot++) {
      if (keys[2 * slot] !== -1) this.place(keys[2 * slot]!, keys[2 * slot + 1]!, values[slot]!);
    }
  }
}

/** Rows of so many integers, each kept once and known by its number, in the order in which they were first seen. */
export class Rows {
  size = 0;
  private mask = 1023;
  private slots = new Int32Array(1024).fill(-1);
  private readonly items = new IntList();
  private readonly width: number;

  constructor(width: number) {
    this.width = width;
  }

  intern(row: Int32Array): number {
    let slot = hashRow(row, this.width) & this.mask;
    for (; this.slots[slot] !== -1; slot = (slot + 1) & this.mask) {
      if (this.is(this.slots[slot]!, row)) return this.slots[slot]!;
    }
    this.slots[slot] = this.size;
    this.items.append(row, this.width);
    this.size += 1;
    if (this.size * 2 > this.mask) this.grow();
    return this.size - 1;
  }

  private is(id: number, row: Int32Array): boolean {
    const from = id * this.width;
    for (let i = 0; i < this.width; i++) if (this.items.at(from + i) !== row[i]) return false;
    return true;
  }

  private grow(): void {
    this.mask = this.mask * 2 + 1;
    this.slots = new Int32Array(this.mask + 1).fill(-1);
    const row = new Int32Array(this.width);
    for (let id = 0; id < this.size; id++) {
      this.items.read(id * this.width, row, this.width);
      let slot = hashRow(row, this.width) & this.mask;
      while (this.slots[slot] !== -1) slot = (slot + 1) & this.mask;
      this.slots[slot] = id;
    }
  }
}

function hashRow(row: Int32Array, width: number): number {
  let hash = 0;
  for (let i = 0; i < width; i++) hash = Math.imul(hash ^ row[i]!, 0x9e37_79b1) ^ (hash >>> 15);
  return hash ^ (hash >>> 13);
}

function mixPair(a: number, b: number): number {
  let h = Math.imul(a, 0x9e37_79b1) ^ Math.imul(b, 0x85eb_ca77);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2_ae3d);
  return h ^ (h >>> 13);
}

/**
 * Two independent 32-bit hashes of the first `count` integers; the second into `hashHigh`. Each is the sum of one number for
 * each place and value, as if drawn from a table of random ones (Zobrist 1970), so the hashes of a row that differs in a few
 * places are found from the differences (`rehashLow`).
 */
export function hashLow(values: Int32Array, count: number): number {
  let low = 0;
  let high = 0;
  for (let i = 0; i < count; i++) {
    low = (low + drawLow(i, values[i]!)) | 0;
    high = (high + drawHigh(i, values[i]!)) | 0;
  }
  hashHigh = high >>> 0;
  return low >>> 0;
}

/** The hashes of `after`, given those of `before`. */
export function rehashLow(before: Int32Array, after: Int32Array, count: number, low: number, high: number): number {
  let l = low;
  let h = high;
  for (let i = 0; i < count; i++) {
    const old = before[i]!;
    const value = after[i]!;
    if (old === value) continue;
    l = (l - drawLow(i, old) + drawLow(i, value)) | 0;
    h = (h - drawHigh(i, old) + drawHigh(i, value)) | 0;
  }
  hashHigh = h >>> 0;
  return l >>> 0;
}

/** The other half of the last hash. A second return value without an allocation. */
export let hashHigh = 0;

/** MurmurHash3's finaliser, begun elsewhere for each place. */
function drawLow(place: number, value: number): number {
  let h = value ^ Math.imul(place + 1, 0x9e37_79b1);
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return h ^ (h >>> 16);
}

/** Another one: lowbias32 (Wellons, "Prospecting for hash functions", 2018). */
function drawHigh(place: number, value: number): number {
  let h = (value + Math.imul(place + 1, 0x6c07_8965)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb_352d);
  h = Math.imul(h ^ (h >>> 15), 0x846c_a68b);
  return h ^ (h >>> 16);
}
