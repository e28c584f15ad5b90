/**
 * Randomness of the world, in two forms, both keyed by the text of the seed and a name, so that neither the order in which
 * sources are created nor how often another one is used changes what a source yields.
 *
 * - A `Stream` is a sequence. It suits decisions that are made once per run or per fault.
 * - A key with a counter (`draw(key, counter)`) is a function. It suits links, disks and ties: chunk 17 of a connection has
 *   its latency whether or not chunk 16 was ever sent, so that taking one message or one fault out of a run leaves the
 *   rest of the run alone. Shrinking lives on that.
 *
 * seedrandom hashes the text into 128 bits; sfc32 (Doty-Humphrey's PractRand family) draws from them, an order of
 * magnitude faster than arc4. Everything is 32-bit integer arithmetic and the four exact operations of IEEE 754: Math.log
 * and its like may differ between engines.
 */

import seedrandom from 'seedrandom';
import { assert } from '../../core/types.ts';
import type { Ppm, Stream } from './types.ts';

const TWO_32 = 0x1_0000_0000;
/** Rounds of sfc32 that are thrown away so that similar keys part. */
const WARM_UP_ROUNDS = 12;

/** One 32-bit value as a pure function of a key and a counter (the finalizer of MurmurHash3). */
export function draw(key: number, counter: number): number {
  let x = key ^ Math.imul(counter + 1, 0x9e37_79b1);
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** 0 .. n-1 from one 32-bit value. */
export const belowOf = (value: number, n: number): number => Math.floor((value * n) / TWO_32);

/** True in `ppm` of a million values. */
export const chanceOf = (value: number, ppm: Ppm): boolean => value < ppm * 4294.967296;

/** Entry i is -ln(1 - i/256) in units of 2^-16: the exponential distribution cut into 256 equally likely slices. */
const SCALE = 0x1_0000;
const EXPONENTIAL = exponentialTable();

function exponentialTable(): Float64Array {
  const table = new Float64Array(256);
  let sum = 0;
  for (let i = 1; i < 256; i++) {
    sum += logOfNextOver(256 - i);
    table[i] = Math.round(sum * SCALE);
  }
  return table;
}

/** ln((m + 1) / m) = 2 artanh(1 / (2m + 1)), by its series. */
function logOfNextOver(m: number): number {
  const z = 1 / (2 * m + 1);
  let power = z;
  let sum = 0;
  for (let k = 1; k < 40; k += 2) {
    sum += power / k;
    power *= z * z;
  }
  return 2 * sum;
}

/**
 * An exponentially distributed integer with this mean from one 32-bit value. The top byte picks the slice and the low half
 * the place in it; the last slice, which has no end, is the same distribution once more (it has no memory).
 */
export function exponentialOf(value: number, mean: number): number {
  const slice = value >>> 24;
  if (slice < 255) {
    const start = EXPONENTIAL[slice]!;
    const width = EXPONENTIAL[slice + 1]! - start;
    return Math.floor(((start + Math.floor((width * (value & 0xffff)) / SCALE)) * mean) / SCALE);
  }
  const tail = EXPONENTIAL[255]! + EXPONENTIAL[(value >>> 16) & 0xff]!;
  return Math.floor((tail * mean) / SCALE);
}

/** A 32-bit key for `draw`, by name. */
export function keyOf(seed: string, name: string): number {
  return seedrandom(`${seed}/${name}`).int32() >>> 0;
}

export function makeStream(seed: string, name: string): Rekeyable {
  return new Sfc32(seed, name);
}

/**
 * A stream over a key and a counter, for what is drawn so often that hashing a text for each would cost more than the draws:
 * one turn of one client.
 */
export function streamOfKey(name: string, key: number): Stream {
  return new Counted(name, key);
}

/** A stream that can be made to go on differently. */
export interface Rekeyable extends Stream {
  rekey(salt: number): void;
}

abstract class Drawn implements Stream {
  readonly name: string;
  draws = 0;
  salt = 0;

  constructor(name: string) {
    this.name = name;
  }

  abstract u32(): number;

  below(n: number): number {
    assert(n >= 1 && n <= TWO_32, 'stream range is empty or too wide');
    return belowOf(this.u32(), n);
  }

  between(lo: number, hi: number): number {
    return lo + this.below(hi - lo + 1);
  }

  chance(ppm: Ppm): boolean {
    return chanceOf(this.u32(), ppm);
  }

  exponential(mean: number): number {
    return exponentialOf(this.u32(), mean);
  }

  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, 'nothing to pick from');
    return items[this.below(items.length)]!;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const result = items.slice();
    for (let i = 0; i < result.length; i++) {
      const j = i + this.below(result.length - i);
      const held = result[i]!;
      result[i] = result[j]!;
      result[j] = held;
    }
    return result;
  }
}

class Sfc32 extends Drawn implements Rekeyable {
  private a: number;
  private b: number;
  private c: number;
  private counter: number;

  rekey(salt: number): void {
    this.salt = salt;
    const other = new Sfc32(`rekeyed ${salt} ${this.a}`, this.name);
    this.a = other.a;
    this.b = other.b;
    this.c = other.c;
    this.counter = other.counter;
  }

  constructor(seed: string, name: string) {
    super(name);
    const source = seedrandom(`${seed}/${name}`);
    this.a = source.int32();
    this.b = source.int32();
    this.c = source.int32();
    this.counter = source.int32();
    for (let i = 0; i < WARM_UP_ROUNDS; i++) this.u32();
    this.draws = 0;
  }

  u32(): number {
    this.draws += 1;
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return t >>> 0;
  }
}

class Counted extends Drawn {
  private readonly key: number;

  constructor(name: string, key: number) {
    super(name);
    this.key = key;
  }

  u32(): number {
    return draw(this.key, this.draws++);
  }
}
