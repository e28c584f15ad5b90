/** Seeds of a campaign as numbers from one to another, both included, and how they are dealt out. */

export interface SeedRange {
  readonly from: number;
  readonly to: number;
}

/** One of `of` parts of the seeds: those whose number leaves this remainder. Nobody needs to know of the others. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

export function* seedsOf({ from, to }: SeedRange, shard: Shard | null = null): Generator<number> {
  for (let seed = from; seed <= to; seed++) if (shard === null || seed % shard.of === shard.index - 1) yield seed;
}

/** Neighbouring ranges of at most `size` seeds that cover the range once. */
export function* partsOf({ from, to }: SeedRange, size: number): Generator<SeedRange> {
  for (let start = from; start <= to; start += size) yield { from: start, to: Math.min(to, start + size - 1) };
}

const NUMBER_MAX = 1e12;

export function parseRange(text: string): SeedRange | null {
  const match = /^([0-9]{1,12})\.\.([0-9]{1,12})$/.exec(text);
  const [from, to] = [Number(match?.[1]), Number(match?.[2])];
  return match !== null && from <= to && to < NUMBER_MAX ? { from, to } : null;
}

/** `2/5`: the second of five. */
export function parseShard(text: string): Shard | null {
  const match = /^([1-9][0-9]{0,3})\/([1-9][0-9]{0,3})$/.exec(text);
  const [index, of] = [Number(match?.[1]), Number(match?.[2])];
  return match !== null && index <= of ? { index, of } : null;
}

/** `1-40,57`: what numbers there are. */
export function rangesText(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length; i++) {
    const from = numbers[i]!;
    while (numbers[i + 1] === numbers[i]! + 1) i++;
    parts.push(numbers[i] === from ? String(from) : `${from}-${numbers[i]}`);
  }
  return parts.join(',');
}
