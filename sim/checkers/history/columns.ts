/**
 * The certificate of ordered sequential consistency over columns: the rules P1 to P5 and P9 for histories of a million
 * operations, where a judge that keeps an object for each would take seconds.
 *
 * Operations are rows in the order in which they were asked for; `events` gives the order of requests and answers. Three
 * passes, each linear, none of which allocates per operation:
 *
 * 1. over the events, with the highest zxid answered so far: real time into updates, sync, the order of each session;
 * 2. over the operations: each is put into the bucket of its zxid. Zxids count up within an epoch, so a bucket is found by an
 *    offset for the epoch and the counter; no sorting;
 * 3. over the buckets: the update of a zxid first, then the reads of its state, which must show what their register holds.
 *
 * The first breach is named by its rule and two operations; the judge tells it in words.
 */

export const Row = { read: 0, update: 1, sync: 2 } as const;

export interface Columns {
  readonly count: number;
  /** A row when it is asked for, its bitwise complement when it is answered. Unanswered rows appear once. */
  readonly events: Int32Array;
  readonly session: Int32Array;
  /** A `Row`. */
  readonly kind: Uint8Array;
  /** Of the answer; 0 when there was none, or none that counts. */
  readonly zxid: Float64Array;
  /** The register that was read or written; -1 for none. */
  readonly register: Int32Array;
  /** What was written or read, as a number of its own; `UNKNOWN` for a read that is not to be judged. */
  readonly value: Int32Array;
}

/** A value of which nothing is known, as what a write of unknown outcome may have left. */
export const UNKNOWN = -1;

export interface Breach {
  readonly rule: 'P1' | 'P2' | 'P3' | 'P4' | 'P5' | 'P9';
  readonly row: number;
  /** The row it clashes with; -1 when that is the initial state. */
  readonly other: number;
}

const EPOCH = 2 ** 32;
/** Buckets per operation, above which the zxids are too sparse for buckets of their own. */
const SPARSE = 16;

/** The first breach, or null. `initial` is what every register holds at first. */
export function sweep(columns: Columns, initial = 0): Breach | null {
  return sweepEvents(columns) ?? sweepStates(columns, initial);
}

function sweepEvents({ count, events, session, kind, zxid }: Columns): Breach | null {
  let sessions = 0;
  for (let i = 0; i < count; i++) if (session[i]! >= sessions) sessions = session[i]! + 1;
  const floor = new Float64Array(count);
  const floorRow = new Int32Array(count);
  const last = new Float64Array(sessions);
  const lastRow = new Int32Array(sessions).fill(-1);
  const lastUpdate = new Float64Array(sessions);
  const syncFloor = new Float64Array(sessions);
  const syncRow = new Int32Array(sessions);
  const newest = new Int32Array(sessions).fill(-1);
  let told = 0;
  let toldRow = -1;
  for (let i = 0; i < events.length; i++) {
    const event = events[i]!;
    if (event >= 0) {
      floor[event] = told;
      floorRow[event] = toldRow;
      continue;
    }
    const row = ~event;
    const own = session[row]!;
    const z = zxid[row]!;
    if (row < newest[own]!) return { rule: 'P2', row, other: newest[own]! };
    newest[own] = row;
    if (z <= 0) continue;
    if (z < last[own]!) return { rule: 'P9', row, other: lastRow[own]! };
    const what = kind[row]!;
    if (what === Row.update) {
      if (z <= floor[row]!) return { rule: 'P4', row, other: floorRow[row]! };
      if (z <= lastUpdate[own]!) return { rule: 'P9', row, other: lastRow[own]! };
      lastUpdate[own] = z;
    } else if (what === Row.sync) {
      if (floor[row]! > syncFloor[own]!) {
        syncFloor[own] = floor[row]!;
        syncRow[own] = row;
      }
    } else if (z < syncFloor[own]!) return { rule: 'P5', row, other: syncRow[own]! };
    last[own] = z;
    lastRow[own] = row;
    if (z > told) {
      told = z;
      toldRow = row;
    }
  }
  return null;
}

function sweepStates(columns: Columns, initial: number): Breach | null {
  const { count, kind, zxid, register, value } = columns;
  const buckets = bucketsOf(columns);
  let registers = 0;
  for (let i = 0; i < count; i++) if (register[i]! >= registers) registers = register[i]! + 1;
  const update = new Int32Array(buckets.count).fill(-1);
  const reads = new Int32Array(buckets.count).fill(-1);
  const next = new Int32Array(count);
  for (let row = 0; row < count; row++) {
    const z = zxid[row]!;
    if (z <= 0) continue;
    const bucket = buckets.of(z);
    if (kind[row] === Row.update) {
      if (update[bucket] !== -1) return { rule: 'P1', row, other: update[bucket]! };
      update[bucket] = row;
    } else if (register[row] !== -1 && value[row] !== UNKNOWN) {
      next[row] = reads[bucket]!;
      reads[bucket] = row;
    }
  }
  const held = new Int32Array(registers).fill(initial);
  const writer = new Int32Array(registers).fill(-1);
  for (let bucket = 0; bucket < buckets.count; bucket++) {
    const row = update[bucket]!;
    if (row !== -1 && register[row] !== -1) {
      held[register[row]!] = value[row]!;
      writer[register[row]!] = row;
    }
    for (let read = reads[bucket]!; read !== -1; read = next[read]!) {
      const own = register[read]!;
      if (value[read] !== held[own] && held[own] !== UNKNOWN) return { rule: 'P3', row: read, other: writer[own]! };
    }
  }
  return null;
}

interface Buckets {
  readonly count: number;
  of(zxid: number): number;
}

function bucketsOf({ count, zxid }: Columns): Buckets {
  const counterMax = new Map<number, number>();
  let epoch = -1;
  let base = 0;
  let highest = 0;
  for (let i = 0; i < count; i++) {
    const z = zxid[i]!;
    if (z <= 0) continue;
    if (z < base || z >= base + EPOCH || epoch < 0) {
      if (epoch >= 0) counterMax.set(epoch, Math.max(counterMax.get(epoch) ?? 0, highest));
      epoch = Math.floor(z / EPOCH);
      base = epoch * EPOCH;
      highest = 0;
    }
    if (z - base > highest) highest = z - base;
  }
  if (epoch >= 0) counterMax.set(epoch, Math.max(counterMax.get(epoch) ?? 0, highest));
  const epochs = [...counterMax.keys()].sort((a, b) => a - b);
  const offsets = new Map<number, number>();
  let total = 0;
  for (const each of epochs) {
    offsets.set(each, total);
    total += counterMax.get(each)! + 1;
  }
  if (total > SPARSE * (count + 1)) return sortedBuckets(zxid);
  let [from, to, offset] = [0, 0, 0];
  return {
    count: total,
    of: (z) => {
      if (z < from || z >= to) {
        const own = Math.floor(z / EPOCH);
        from = own * EPOCH;
        to = from + EPOCH;
        offset = offsets.get(own)!;
      }
      return offset + (z - from);
    },
  };
}

/** For zxids with great gaps: their places in the order. */
function sortedBuckets(zxid: Float64Array): Buckets {
  const sorted = Float64Array.from(zxid).sort();
  return {
    count: sorted.length,
    of: (z) => {
      let low = 0;
      let high = sorted.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (sorted[middle]! < z) low = middle + 1;
        else high = middle;
      }
      return low;
    },
  };
}
