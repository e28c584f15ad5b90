/**
 * The rolling hash of a run: 64 bits over every event, so that two runs can be compared by one word and their first
 * difference found by bisection. It is a fingerprint against accidents, not against an adversary.
 */

import type { HostInput } from './types.ts';

/** Chunks up to this size enter the hash byte by byte; of longer ones the ends and a sample. */
const WHOLE_BYTES_MAX = 256;
const END_BYTES = 96;
const SAMPLE_COUNT = 32;

export class RollingHash {
  /** Two halves, each its own multiply-and-rotate chain. */
  low = 0x243f_6a88;
  private high = 0x0a30_8d31;

  fold(value: number): void {
    const x = value | 0;
    const low = Math.imul(this.low ^ x, 0x9e37_79b1);
    this.low = (low << 13) | (low >>> 19);
    const high = Math.imul((this.high + x) | 0, 0x85eb_ca6b) ^ this.low;
    this.high = (high << 17) | (high >>> 15);
  }

  /** Several words at the price of one: each is spread by its own odd factor first. */
  foldThree(a: number, b: number, c: number): void {
    this.fold(Math.imul(a, 0x27d4_eb2f) ^ Math.imul(b, 0x1656_67b1) ^ c);
  }

  /** Times go beyond 32 bits. */
  foldEvent(seq: number, timeUs: number, place: number): void {
    this.foldThree(timeUs, place, seq);
    if (timeUs >= 0x1_0000_0000) this.fold(Math.floor(timeUs / 0x1_0000_0000));
  }

  foldText(text: string): void {
    this.fold(text.length);
    for (let i = 0; i < text.length; i++) this.fold(text.charCodeAt(i));
  }

  digits(): string {
    return hex32(this.high) + hex32(this.low);
  }
}

const hex32 = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');

/** 32 bits that change with almost any change of the bytes. */
export function digestBytes(bytes: Uint8Array): number {
  const size = bytes.length;
  if (size <= WHOLE_BYTES_MAX) return digestRange(bytes, 0, size, size);
  let digest = digestRange(bytes, 0, END_BYTES, size);
  digest = digestRange(bytes, size - END_BYTES, size, digest);
  const stride = Math.floor((size - 2 * END_BYTES) / SAMPLE_COUNT) || 1;
  for (let at = END_BYTES; at < size - END_BYTES; at += stride) digest = Math.imul(digest ^ bytes[at]!, 0x0100_0193);
  return digest;
}

function digestRange(bytes: Uint8Array, from: number, to: number, start: number): number {
  let digest = start ^ 0x811c_9dc5;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    digest = Math.imul(digest ^ word, 0x9e37_79b1);
    digest ^= digest >>> 15;
  }
  for (; at < to; at++) digest = Math.imul(digest ^ bytes[at]!, 0x0100_0193);
  return digest;
}

/** Folds what the machine is about to see. */
export function foldInput(hash: RollingHash, input: HostInput): void {
  switch (input.type) {
    case 'connBytes':
      hash.foldThree(input.conn, input.bytes.length, digestBytes(input.bytes));
      return;
    case 'tick':
      hash.fold(2);
      return;
    case 'fileDone':
      hash.foldThree(input.op, input.generation, input.result.ok ? 3 : 13);
      if (input.result.ok && input.result.bytes !== undefined) hash.fold(digestBytes(input.result.bytes));
      return;
    case 'connOpened':
      hash.fold(4);
      hash.fold(input.conn);
      return;
    case 'connFailed':
      hash.fold(5);
      hash.fold(input.conn);
      return;
    case 'connClosed':
      hash.fold(6);
      hash.fold(input.conn);
      return;
    case 'connBlocked':
      hash.fold(7);
      hash.fold(input.conn);
      return;
    case 'connDrained':
      hash.fold(8);
      hash.fold(input.conn);
      return;
    case 'request':
      hash.fold(9);
      hash.fold(input.id);
      return;
    case 'addAuth':
      hash.fold(10);
      hash.foldText(input.scheme);
      return;
    case 'move':
      hash.fold(11);
      return;
    case 'close':
      hash.fold(12);
      return;
    default:
      input satisfies never;
  }
}
