/**
 * DEFLATE compression (RFC 1951) in pieces. Repeats are found with hash chains over the last 32 KiB, greedily with one
 * step of hindsight ("lazy matching"), and each block of input gets the cheapest of the three block forms. The output is
 * ordinary DEFLATE; it is not byte for byte what zlib makes of the same input.
 */

import { concat } from '../wire/bytes.ts';
import {
  CODE_LENGTH_MAX,
  CODE_LENGTH_ORDER,
  codeLengths,
  DISTANCE_BASE,
  DISTANCE_EXTRA,
  END_OF_BLOCK,
  FIRST_LENGTH_SYMBOL,
  FIXED_DISTANCE_LENGTHS,
  FIXED_LITERAL_LENGTHS,
  LENGTH_BASE,
  LENGTH_EXTRA,
  wordsOf,
} from './huffman.ts';

const WINDOW_SIZE = 32_768;
/** Input per block. A stored block may hold at most 65535 bytes. */
const BLOCK_SIZE = 32_768;
const MATCH_MIN = 3;
const MATCH_MAX = 258;
/** How many earlier places of the same hash are tried; zlib's level 6 tries 128. */
const CHAIN_MAX = 48;
/** A match of this length is taken without looking for a better one behind it. */
const GOOD_MATCH = 32;
/** Nor is a longer one looked for once one of this length is found; zlib's level 6 stops at 128. */
const NICE_MATCH = 64;
const HASH_BITS = 15;
const NONE = -1;

const LITERALS_USED = 286;
const DISTANCES_USED = 30;
const ORDER_LENGTH_MAX = 7;

/** The symbol of each match length, and of each distance below 257 and then of each further 128. */
const LENGTH_SYMBOLS = symbolTable(LENGTH_BASE, MATCH_MAX + 1);
const NEAR_SYMBOLS = symbolTable(DISTANCE_BASE, 257);
const FAR_SYMBOLS = Uint8Array.from({ length: 257 }, (_, i) => symbolBelow(DISTANCE_BASE, (i << 7) + 1));

function symbolTable(bases: readonly number[], count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, value) => symbolBelow(bases, value));
}

/** Index of the last base that is not above `value`. */
function symbolBelow(bases: readonly number[], value: number): number {
  let index = 0;
  while (index + 1 < bases.length && bases[index + 1]! <= value) index += 1;
  return index;
}

const distanceSymbol = (distance: number): number =>
  distance <= 256 ? NEAR_SYMBOLS[distance]! : FAR_SYMBOLS[(distance - 1) >>> 7]!;

/** A literal is its byte; a match is `length << 16 | distance`, which no byte is. */
type Token = number;

export class Deflater {
  /** Up to one window of what was compressed, then the input of the next block. */
  private readonly buffer = new Uint8Array(WINDOW_SIZE + BLOCK_SIZE);
  private start = 0;
  private size = 0;
  private readonly heads = new Int32Array(1 << HASH_BITS).fill(NONE);
  private readonly previous = new Int32Array(WINDOW_SIZE + BLOCK_SIZE).fill(NONE);
  private readonly out = new BitWriter();

  /** Compressed bytes as far as whole blocks are complete; often none. */
  push(bytes: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(bytes.length - at, this.start + BLOCK_SIZE - this.size);
      this.buffer.set(bytes.subarray(at, at + count), this.size);
      this.size += count;
      at += count;
      if (this.size === this.start + BLOCK_SIZE) {
        this.writeBlock(false);
        this.slide();
        parts.push(this.out.take());
      }
    }
    return concat(parts);
  }

  /** What is left, with the last block. Nothing may be pushed afterwards. */
  finish(): Uint8Array {
    this.writeBlock(true);
    this.out.align();
    return this.out.take();
  }

  /** Keeps one window in front of the next block and moves the chains with it. */
  private slide(): void {
    const shift = Math.max(0, this.size - WINDOW_SIZE);
    if (shift > 0) {
      this.buffer.copyWithin(0, shift, this.size);
      for (let i = 0; i < this.heads.length; i++) this.heads[i] = Math.max(NONE, this.heads[i]! - shift);
      this.previous.copyWithin(0, shift, this.size);
      for (let i = 0; i < this.size - shift; i++) this.previous[i] = Math.max(NONE, this.previous[i]! - shift);
    }
    this.size -= shift;
    this.start = this.size;
  }

  private writeBlock(last: boolean): void {
    const tokens = this.findTokens();
    const literalWeights = new Uint32Array(LITERALS_USED);
    const distanceWeights = new Uint32Array(DISTANCES_USED);
    literalWeights[END_OF_BLOCK] = 1;
    for (const token of tokens) {
      if (token < 256) {
        literalWeights[token]! += 1;
      } else {
        literalWeights[FIRST_LENGTH_SYMBOL + LENGTH_SYMBOLS[token >>> 16]!]! += 1;
        distanceWeights[distanceSymbol(token & 0xffff)]! += 1;
      }
    }
    const trees = dynamicTrees(literalWeights, distanceWeights);
    const extraBits = extraCost(literalWeights, distanceWeights);
    const dynamicBits =
      trees.headerBits + wordCost(literalWeights, trees.literals) + wordCost(distanceWeights, trees.distances);
    const fixedBits =
      wordCost(literalWeights, FIXED_LITERAL_LENGTHS) + wordCost(distanceWeights, FIXED_DISTANCE_LENGTHS);
    const storedBits = 32 + 7 + (this.size - this.start) * 8;
    this.out.bits(last ? 1 : 0, 1);
    if (storedBits < Math.min(dynamicBits, fixedBits) + extraBits) {
      this.out.bits(0, 2);
      this.writeStored();
    } else if (fixedBits <= dynamicBits) {
      this.out.bits(1, 2);
      writeTokens(this.out, tokens, FIXED_LITERAL_LENGTHS, FIXED_DISTANCE_LENGTHS);
    } else {
      this.out.bits(2, 2);
      writeTrees(this.out, trees);
      writeTokens(this.out, tokens, trees.literals, trees.distances);
    }
  }

  private writeStored(): void {
    const size = this.size - this.start;
    this.out.align();
    this.out.bits(size, 16);
    this.out.bits(~size & 0xffff, 16);
    this.out.bytes(this.buffer.subarray(this.start, this.size));
  }

  private findTokens(): Token[] {
    const tokens: Token[] = [];
    let held: Token = 0;
    let holding = false;
    for (let at = this.start; at < this.size; ) {
      const found = this.longestMatch(at);
      const length = found >>> 16;
      if (holding && held >>> 16 >= Math.max(length, MATCH_MIN)) {
        // The match found one byte earlier is at least as long: it wins and covers this byte.
        tokens.push(held);
        const stop = at + (held >>> 16) - 1;
        for (; at < stop; at++) this.remember(at);
        holding = false;
        continue;
      }
      if (holding) tokens.push(this.buffer[at - 1]!);
      holding = length >= MATCH_MIN;
      if (!holding) {
        tokens.push(this.buffer[at]!);
      } else if (length >= GOOD_MATCH) {
        tokens.push(found);
        const stop = at + length;
        for (; at < stop; at++) this.remember(at);
        holding = false;
        continue;
      }
      held = found;
      this.remember(at);
      at += 1;
    }
    // Only a match is held, and one that was found at the last byte cannot be: it would reach past the end.
    return tokens;
  }

  private remember(at: number): void {
    if (at + MATCH_MIN > this.size) return;
    const hash = this.hashAt(at);
    this.previous[at] = this.heads[hash]!;
    this.heads[hash] = at;
  }

  private hashAt(at: number): number {
    const { buffer } = this;
    const word = buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16);
    return Math.imul(word, 0x9e37_79b1) >>> (32 - HASH_BITS);
  }

  /** The longest earlier occurrence of what stands at `at`, as a match token; 0 when there is none. */
  private longestMatch(at: number): Token {
    const { buffer } = this;
    const limit = Math.min(MATCH_MAX, this.size - at);
    if (limit < MATCH_MIN) return 0;
    let best: Token = 0;
    let bestLength = MATCH_MIN - 1;
    let candidate = this.heads[this.hashAt(at)]!;
    for (let tries = 0; candidate >= 0 && at - candidate <= WINDOW_SIZE && tries < CHAIN_MAX; tries++) {
      if (buffer[candidate + bestLength] === buffer[at + bestLength]) {
        let length = 0;
        while (length < limit && buffer[candidate + length] === buffer[at + length]) length += 1;
        if (length > bestLength) {
          best = (length << 16) | (at - candidate);
          bestLength = length;
          if (length === limit || length >= NICE_MATCH) break;
        }
      }
      candidate = this.previous[candidate]!;
    }
    return best;
  }
}

// --- trees -----------------------------------------------------------------------------------------------------------

interface Trees {
  readonly literals: Uint8Array;
  readonly distances: Uint8Array;
  readonly literalCount: number;
  readonly distanceCount: number;
  /** Symbols of the code-length code, each with its extra bits: `symbol | extra << 8`. */
  readonly runs: readonly number[];
  readonly orderLengths: Uint8Array;
  readonly orderCount: number;
  readonly headerBits: number;
}

const RUN_EXTRA_BITS: Readonly<Record<number, number>> = { 16: 2, 17: 3, 18: 7 };

function dynamicTrees(literalWeights: Uint32Array, distanceWeights: Uint32Array): Trees {
  const literals = codeLengths(literalWeights, CODE_LENGTH_MAX);
  const distances = codeLengths(distanceWeights, CODE_LENGTH_MAX);
  const literalCount = Math.max(257, usedCount(literals));
  const distanceCount = Math.max(1, usedCount(distances));
  const runs = runsOf([...literals.subarray(0, literalCount), ...distances.subarray(0, distanceCount)]);
  const orderWeights = new Uint32Array(CODE_LENGTH_ORDER.length);
  for (const run of runs) orderWeights[run & 0xff]! += 1;
  const orderLengths = codeLengths(orderWeights, ORDER_LENGTH_MAX);
  let orderCount = CODE_LENGTH_ORDER.length;
  while (orderCount > 4 && orderLengths[CODE_LENGTH_ORDER[orderCount - 1]!] === 0) orderCount -= 1;
  let headerBits = 14 + 3 * orderCount;
  for (const run of runs) headerBits += orderLengths[run & 0xff]! + (RUN_EXTRA_BITS[run & 0xff] ?? 0);
  return { literals, distances, literalCount, distanceCount, runs, orderLengths, orderCount, headerBits };
}

function usedCount(lengths: Uint8Array): number {
  let count = lengths.length;
  while (count > 0 && lengths[count - 1] === 0) count -= 1;
  return count;
}

/** Lengths as runs: 16 repeats the last one 3 to 6 times, 17 and 18 are 3 to 10 and 11 to 138 zeros. */
function runsOf(lengths: readonly number[]): number[] {
  const runs: number[] = [];
  for (let at = 0; at < lengths.length; ) {
    const length = lengths[at]!;
    let count = 1;
    while (at + count < lengths.length && lengths[at + count] === length) count += 1;
    at += count;
    if (length > 0) {
      runs.push(length);
      count -= 1;
    }
    while (count >= 3) {
      const most = length > 0 ? 6 : 138;
      const taken = Math.min(count, most);
      if (length > 0) runs.push(16 | ((taken - 3) << 8));
      else runs.push(taken <= 10 ? 17 | ((taken - 3) << 8) : 18 | ((taken - 11) << 8));
      count -= taken;
    }
    for (; count > 0; count--) runs.push(length);
  }
  return runs;
}

function wordCost(weights: Uint32Array, lengths: Uint8Array): number {
  let bits = 0;
  for (let symbol = 0; symbol < weights.length; symbol++) bits += weights[symbol]! * lengths[symbol]!;
  return bits;
}

function extraCost(literalWeights: Uint32Array, distanceWeights: Uint32Array): number {
  let bits = 0;
  for (let i = 0; i < LENGTH_EXTRA.length; i++) bits += literalWeights[FIRST_LENGTH_SYMBOL + i]! * LENGTH_EXTRA[i]!;
  for (let i = 0; i < DISTANCES_USED; i++) bits += distanceWeights[i]! * DISTANCE_EXTRA[i]!;
  return bits;
}

// --- writing ---------------------------------------------------------------------------------------------------------

function writeTrees(out: BitWriter, trees: Trees): void {
  out.bits(trees.literalCount - 257, 5);
  out.bits(trees.distanceCount - 1, 5);
  out.bits(trees.orderCount - 4, 4);
  for (let i = 0; i < trees.orderCount; i++) out.bits(trees.orderLengths[CODE_LENGTH_ORDER[i]!]!, 3);
  const words = wordsOf(trees.orderLengths);
  for (const run of trees.runs) {
    const symbol = run & 0xff;
    out.bits(words[symbol]!, trees.orderLengths[symbol]!);
    out.bits(run >>> 8, RUN_EXTRA_BITS[symbol] ?? 0);
  }
}

function writeTokens(out: BitWriter, tokens: readonly Token[], literals: Uint8Array, distances: Uint8Array): void {
  const literalWords = wordsOf(literals);
  const distanceWords = wordsOf(distances);
  for (const token of tokens) {
    if (token < 256) {
      out.bits(literalWords[token]!, literals[token]!);
      continue;
    }
    const length = token >>> 16;
    const lengthIndex = LENGTH_SYMBOLS[length]!;
    const symbol = FIRST_LENGTH_SYMBOL + lengthIndex;
    out.bits(literalWords[symbol]!, literals[symbol]!);
    out.bits(length - LENGTH_BASE[lengthIndex]!, LENGTH_EXTRA[lengthIndex]!);
    const distance = token & 0xffff;
    const distanceIndex = distanceSymbol(distance);
    out.bits(distanceWords[distanceIndex]!, distances[distanceIndex]!);
    out.bits(distance - DISTANCE_BASE[distanceIndex]!, DISTANCE_EXTRA[distanceIndex]!);
  }
  out.bits(literalWords[END_OF_BLOCK]!, literals[END_OF_BLOCK]!);
}

class BitWriter {
  private buffer = new Uint8Array(BLOCK_SIZE);
  private size = 0;
  private held = 0;
  private heldCount = 0;

  /** The lowest `count` (at most 16) bits of `value`. */
  bits(value: number, count: number): void {
    this.held |= value << this.heldCount;
    this.heldCount += count;
    while (this.heldCount >= 8) {
      this.byte(this.held & 0xff);
      this.held >>>= 8;
      this.heldCount -= 8;
    }
  }

  align(): void {
    if (this.heldCount > 0) this.bits(0, 8 - this.heldCount);
  }

  /** Whole bytes; the writer must be aligned. */
  bytes(bytes: Uint8Array): void {
    for (const byte of bytes) this.byte(byte);
  }

  take(): Uint8Array {
    const taken = this.buffer.slice(0, this.size);
    this.size = 0;
    return taken;
  }

  private byte(byte: number): void {
    if (this.size === this.buffer.length) {
      const grown = new Uint8Array(this.buffer.length * 2);
      grown.set(this.buffer);
      this.buffer = grown;
    }
    this.buffer[this.size++] = byte;
  }
}
