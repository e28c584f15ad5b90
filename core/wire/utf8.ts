/**
 * UTF-8 without TextEncoder, which the core's pure setting lacks. An ill-formed sequence decodes to null, with one
 * exception: surrogates are let through. Java's jute writer encodes UTF-16 units one by one, so a character beyond U+FFFF
 * arrives as two encoded surrogates (CESU-8); taken one by one they are the same character again.
 */

import { allocate } from './slab.ts';

export function utf8Encode(text: string): Uint8Array {
  const bytes = allocate(utf8Size(text));
  utf8Write(text, bytes, 0);
  return bytes;
}

/** How many bytes `utf8Write` writes. */
export function utf8Size(text: string): number {
  let size = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // Two units of a pair become four bytes, one unit alone becomes two or three.
    size += unit < 0x800 ? 1 : 2;
    if (isPairAt(text, i)) i += 1;
  }
  return size;
}

/** Writes at `at`, where there must be room, and returns where it ended. */
export function utf8Write(text: string, into: Uint8Array, at: number): number {
  let end = at;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      into[end++] = unit;
    } else if (unit < 0x800) {
      into[end++] = 0xc0 | (unit >> 6);
      into[end++] = 0x80 | (unit & 0x3f);
    } else if (isPairAt(text, i)) {
      const code = text.codePointAt(i)!;
      into[end++] = 0xf0 | (code >> 18);
      into[end++] = 0x80 | ((code >> 12) & 0x3f);
      into[end++] = 0x80 | ((code >> 6) & 0x3f);
      into[end++] = 0x80 | (code & 0x3f);
      i += 1;
    } else {
      into[end++] = 0xe0 | (unit >> 12);
      into[end++] = 0x80 | ((unit >> 6) & 0x3f);
      into[end++] = 0x80 | (unit & 0x3f);
    }
  }
  return end;
}

function isPairAt(text: string, i: number): boolean {
  return (text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00;
}

/** As many units as are handed to one call of fromCharCode; engines limit the number of arguments. */
const CHUNK = 4096;

export function utf8Decode(bytes: Uint8Array, start = 0, end = bytes.length): string | null {
  if (end - start > CHUNK) return decodeAny(bytes, start, end);
  const units = new Array<number>(end - start);
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7f) return decodeAny(bytes, start, end);
    units[i - start] = byte;
  }
  return String.fromCharCode(...units);
}

function decodeAny(bytes: Uint8Array, start: number, end: number): string | null {
  let text = '';
  let units: number[] = [];
  for (let i = start; i < end; ) {
    const first = bytes[i]!;
    const size = sequenceSize(first);
    if (size === 0 || i + size > end) return null;
    const code = size === 1 ? first : codePointAt(bytes, i, size);
    if (code < 0) return null;
    if (code < 0x1_0000) units.push(code);
    else units.push(0xd800 | ((code - 0x1_0000) >> 10), 0xdc00 | ((code - 0x1_0000) & 0x3ff));
    i += size;
    if (units.length >= CHUNK) {
      text += String.fromCharCode(...units);
      units = [];
    }
  }
  return text + String.fromCharCode(...units);
}

/** How long the sequence is that starts with this byte; 0 for a byte that starts none. */
function sequenceSize(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

/** The code point of a sequence of `size` bytes; -1 for a bad continuation, an overlong form or one above U+10FFFF. */
function codePointAt(bytes: Uint8Array, at: number, size: number): number {
  let code = bytes[at]! & (0xff >> (size + 1));
  for (let k = 1; k < size; k++) {
    const next = bytes[at + k]!;
    if ((next & 0xc0) !== 0x80) return -1;
    code = (code << 6) | (next & 0x3f);
  }
  if (size === 3 && code < 0x800) return -1;
  return size === 4 && (code < 0x1_0000 || code > 0x10_ffff) ? -1 : code;
}
