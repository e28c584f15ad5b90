/**
 * UTF-8 as Java's `new String(bytes, UTF_8)` reads it: an ill-formed sequence becomes U+FFFD instead of an error. The text of
 * a credential or of a certificate is made so, and must come out the same here for the ids to be equal.
 */

const REPLACEMENT = 0xfffd;

export function decodeUtf8Lossy(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const size = sequenceSize(bytes, i);
    text += String.fromCodePoint(size > 0 ? codeAt(bytes, i, size) : REPLACEMENT);
    i += Math.abs(size);
  }
  return text;
}

/** Bytes of the character at `i`; negative for an ill-formed piece that one replacement stands for. */
function sequenceSize(bytes: Uint8Array, i: number): number {
  const first = bytes[i]!;
  if (first < 0x80) return 1;
  const size =
    first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (size === 0) return -1;
  // The longest beginning that could still have become a character is replaced as a whole (Unicode 3.9, D93b). Java lets
  // a surrogate get to its third byte.
  for (let k = 1; k < size; k++) if (!mayContinue(first, k, bytes[i + k])) return -k;
  return size === 3 && isSurrogate(codeAt(bytes, i, 3)) ? -3 : size;
}

const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff;

/** Overlong forms and values above U+10FFFF show in the second byte. */
function mayContinue(first: number, k: number, next: number | undefined): boolean {
  if (next === undefined || (next & 0xc0) !== 0x80) return false;
  if (k > 1) return true;
  switch (first) {
    case 0xe0:
      return next >= 0xa0;
    case 0xf0:
      return next >= 0x90;
    case 0xf4:
      return next <= 0x8f;
    default:
      return true;
  }
}

function codeAt(bytes: Uint8Array, i: number, size: number): number {
  if (size === 1) return bytes[i]!;
  let code = bytes[i]! & (0xff >> (size + 1));
  for (let k = 1; k < size; k++) code = (code << 6) | (bytes[i + k]! & 0x3f);
  return code;
}
