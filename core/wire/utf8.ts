/** UTF-8 without TextEncoder, which the core's pure setting lacks. Strict: an ill-formed sequence decodes to null. */

export function utf8Encode(text: string): Uint8Array {
  let ascii = true;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) {
      ascii = false;
      break;
    }
  }
  if (ascii) {
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 0x3f));
    else if (code < 0x1_0000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    else
      bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 0x3f), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
  }
  return Uint8Array.from(bytes);
}

const CHUNK = 4096;

export function utf8Decode(bytes: Uint8Array): string | null {
  const length = bytes.length;
  let text = '';
  let units: number[] = [];
  let i = 0;
  while (i < length) {
    const first = bytes[i]!;
    if (first < 0x80) {
      units.push(first);
      i += 1;
    } else {
      const size =
        first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) === 0xe0 ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
      if (size === 0 || i + size > length) return null;
      let code = size === 2 ? first & 0x1f : size === 3 ? first & 0x0f : first & 0x07;
      for (let k = 1; k < size; k++) {
        const next = bytes[i + k]!;
        if ((next & 0xc0) !== 0x80) return null;
        code = (code << 6) | (next & 0x3f);
      }
      // Overlong forms, surrogates and values above U+10FFFF are ill-formed (RFC 3629).
      if (size === 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) return null;
      if (size === 4 && (code < 0x1_0000 || code > 0x10_ffff)) return null;
      if (code >= 0x1_0000) {
        const rest = code - 0x1_0000;
        units.push(0xd800 | (rest >> 10), 0xdc00 | (rest & 0x3ff));
      } else {
        units.push(code);
      }
      i += size;
    }
    if (units.length >= CHUNK) {
      text += String.fromCharCode(...units);
      units = [];
    }
  }
  return text + String.fromCharCode(...units);
}
