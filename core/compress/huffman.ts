/**
 * Canonical Huffman codes as DEFLATE uses them (RFC 1951, 3.2.2): a code is fully told by the lengths of its words. Shorter
 * words come first, words of one length go in symbol order, and the bits of a word are sent from its most significant one
 * while everything else is sent from the least, so tables hold words reversed.
 */

export const CODE_LENGTH_MAX = 15;

/** The two trees of a block, with at most 286 and 30 symbols in use. */
export const LITERAL_COUNT = 288;
export const DISTANCE_COUNT = 32;
export const END_OF_BLOCK = 256;
export const FIRST_LENGTH_SYMBOL = 257;

/** RFC 1951, 3.2.5: the shortest match of each length symbol and the bits that follow it. */
export const LENGTH_BASE: readonly number[] = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
export const LENGTH_EXTRA: readonly number[] = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
export const DISTANCE_BASE: readonly number[] = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
export const DISTANCE_EXTRA: readonly number[] = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];

/** RFC 1951, 3.2.7: the order in which the lengths of the code-length code are sent. */
export const CODE_LENGTH_ORDER: readonly number[] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** RFC 1951, 3.2.6. */
export const FIXED_LITERAL_LENGTHS: Uint8Array = Uint8Array.from({ length: LITERAL_COUNT }, (_, symbol) =>
  symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
);
export const FIXED_DISTANCE_LENGTHS: Uint8Array = new Uint8Array(DISTANCE_COUNT).fill(5);

/** The word of every symbol, reversed so that it can be sent from its lowest bit; 0 for symbols without one. */
export function wordsOf(lengths: Uint8Array): Uint16Array {
  const next = firstWords(lengths);
  const words = new Uint16Array(lengths.length);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol]!;
    if (length > 0) words[symbol] = reversed(next[length]!++, length);
  }
  return words;
}

/**
 * A decoding table: indexed by the next `bits` bits of the stream, it gives `symbol * 16 + length`, or 0 where no word
 * begins like that.
 */
export interface DecodeTable {
  readonly bits: number;
  readonly entries: Uint16Array;
}

/**
 * Null when the lengths make no code: too many words, or too few. One lone word, or none at all, is allowed, as in zlib:
 * a block without matches sends an incomplete distance tree.
 */
export function decodeTable(lengths: Uint8Array): DecodeTable | null {
  const { left, used } = kraft(lengths);
  if (left < 0 || (left > 0 && used > 1)) return null;
  let bits = 1;
  for (const length of lengths) if (length > bits) bits = length;
  const entries = new Uint16Array(1 << bits);
  const words = wordsOf(lengths);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol]!;
    if (length === 0) continue;
    const entry = (symbol << 4) | length;
    for (let at = words[symbol]!; at < entries.length; at += 1 << length) entries[at] = entry;
  }
  return { bits, entries };
}

/** How much of the code space is left over, in words of the greatest length; negative when it is oversubscribed. */
function kraft(lengths: Uint8Array): { left: number; used: number } {
  let left = 1 << CODE_LENGTH_MAX;
  let used = 0;
  for (const length of lengths) {
    if (length === 0) continue;
    used += 1;
    left -= 1 << (CODE_LENGTH_MAX - length);
  }
  return { left, used };
}

/** The numerically first word of each length. */
function firstWords(lengths: Uint8Array): Uint16Array {
  const counts = new Uint16Array(CODE_LENGTH_MAX + 1);
  for (const length of lengths) if (length > 0) counts[length]! += 1;
  const next = new Uint16Array(CODE_LENGTH_MAX + 1);
  let word = 0;
  for (let length = 1; length <= CODE_LENGTH_MAX; length++) {
    word = (word + counts[length - 1]!) << 1;
    next[length] = word;
  }
  return next;
}

function reversed(word: number, length: number): number {
  let result = 0;
  let rest = word;
  for (let i = 0; i < length; i++) {
    result = (result << 1) | (rest & 1);
    rest >>>= 1;
  }
  return result;
}

/**
 * Word lengths for symbols of the given weights: Huffman's algorithm, then, where a word came out longer than `lengthMax`,
 * the usual repair: cut the long ones and lengthen the least costly short ones until the code fits again. Symbols of
 * weight 0 get no word.
 */
export function codeLengths(weights: Uint32Array, lengthMax: number): Uint8Array {
  const lengths = new Uint8Array(weights.length);
  const symbols: number[] = [];
  for (let symbol = 0; symbol < weights.length; symbol++) if (weights[symbol]! > 0) symbols.push(symbol);
  if (symbols.length === 0) return lengths;
  if (symbols.length === 1) {
    lengths[symbols[0]!] = 1;
    return lengths;
  }
  symbols.sort((a, b) => weights[a]! - weights[b]! || a - b);
  const counts = limited(depthCounts(symbols.map((symbol) => weights[symbol]!)), lengthMax);
  // The lightest symbols get the longest words.
  let next = 0;
  for (let length = lengthMax; length > 0; length--) {
    for (let i = 0; i < counts[length]!; i++) lengths[symbols[next++]!] = length;
  }
  return lengths;
}

/** How many leaves of the Huffman tree lie at each depth. Two queues: sorted leaves, and inner nodes as they are made. */
function depthCounts(weights: readonly number[]): number[] {
  const leafCount = weights.length;
  const nodeWeights = [...weights];
  const parents = new Array<number>(2 * leafCount - 1).fill(-1);
  let leaf = 0;
  let inner = leafCount;
  for (let made = leafCount; made < 2 * leafCount - 1; made++) {
    let weight = 0;
    for (let child = 0; child < 2; child++) {
      const takeLeaf = leaf < leafCount && (inner >= made || nodeWeights[leaf]! <= nodeWeights[inner]!);
      const taken = takeLeaf ? leaf++ : inner++;
      weight += nodeWeights[taken]!;
      parents[taken] = made;
    }
    nodeWeights.push(weight);
  }
  const depths = new Array<number>(2 * leafCount - 1).fill(0);
  const counts: number[] = [];
  for (let node = 2 * leafCount - 3; node >= 0; node--) {
    depths[node] = depths[parents[node]!]! + 1;
    if (node < leafCount) counts[depths[node]!] = (counts[depths[node]!] ?? 0) + 1;
  }
  return Array.from(counts, (count) => count ?? 0);
}

/** Leaves per depth with none below `lengthMax`, filling the code space exactly. */
function limited(counts: readonly number[], lengthMax: number): number[] {
  const result = new Array<number>(lengthMax + 1).fill(0);
  for (let length = 1; length < counts.length; length++) result[Math.min(length, lengthMax)]! += counts[length]!;
  let total = 0;
  for (let length = 1; length <= lengthMax; length++) total += result[length]! << (lengthMax - length);
  while (total > 1 << lengthMax) {
    // One word of the greatest length gives its place up and shares that of a shorter word.
    result[lengthMax]! -= 1;
    let length = lengthMax - 1;
    while (result[length] === 0) length -= 1;
    result[length]! -= 1;
    result[length + 1]! += 2;
    total -= 1;
  }
  return result;
}
