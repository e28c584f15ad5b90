/** Fields of JSON lines, read byte by byte where they stand, without making a string or an object of the line. */

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const BRACE = 0x7b;
export const NEWLINE = 0x0a;
export const MINUS = 0x2d;
export const DOT = 0x2e;
export const ZERO = 0x30;
export const NINE = 0x39;

/** Bytes of an ASCII text. */
export const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** FNV-1a, to look words up without making a string of each. */
export const HASH_START = 0x811c_9dc5 | 0;
export const HASH_FACTOR = 0x0100_0193;

export function hashOf(word: string): number {
  let hash = HASH_START;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), HASH_FACTOR);
  return hash;
}

/** Positions by hash. Words of one list have different hashes, or this throws when it is loaded. */
export function numbersOf(words: readonly string[]): ReadonlyMap<number, number> {
  const numbers = new Map(words.map((word, number) => [hashOf(word), number]));
  if (numbers.size !== words.length) throw new Error('two words with one hash');
  return numbers;
}

/**
 * Thrown when a line is not as expected; it is then read the slow way. Not an `Error`: one that is made while a script is loaded
 * has the engine parse all of the script a second time, to know where in it that was.
 */
export const UNEXPECTED = Symbol('unexpected form of a line');

export class LineReader {
  protected bytes: Uint8Array = new Uint8Array(0);
  protected at = 0;
  protected readonly decoder = new TextDecoder();

  protected endOfLine(): number {
    const end = this.bytes.indexOf(NEWLINE, this.at);
    return end < 0 ? this.bytes.length : end;
  }

  /** Behind the closing quote of the word it stands in. */
  protected toQuote(): void {
    const bytes = this.bytes;
    let at = this.at;
    while (at < bytes.length && bytes[at] !== QUOTE) at++;
    this.at = at + 1;
  }

  protected isAt(at: number, text: Uint8Array): boolean {
    const bytes = this.bytes;
    for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
    return true;
  }

  protected expect(text: Uint8Array): void {
    if (!this.isAt(this.at, text)) throw UNEXPECTED;
    this.at += text.length;
  }

  /** The number behind a key. Of the key its ends are compared: no two keys of a line have the same length and ends. */
  protected field(key: Uint8Array): number {
    const bytes = this.bytes;
    const at = this.at;
    const end = at + key.length;
    if (bytes[end - 1] !== 0x3a || bytes[at + 2] !== key[2] || bytes[end - 3] !== key[key.length - 3]) throw UNEXPECTED;
    this.at = end;
    return this.number();
  }

  protected word(key: Uint8Array): string {
    this.expect(key);
    const bytes = this.bytes;
    const from = this.at;
    let at = from;
    // A quote within the word has a backslash before it.
    for (; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === 0x5c) at += 1;
    this.at = at + 1;
    return this.short(from, at);
  }

  protected short(from: number, to: number): string {
    const bytes = this.bytes;
    let text = '';
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!;
      // Names are plain; anything else is decoded as what it is.
      if (byte >= 0x80 || byte === 0x5c)
        return JSON.parse(`"${this.decoder.decode(bytes.subarray(from, to))}"`) as string;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Of the word it stands in; it stands behind its closing quote afterwards. */
  protected hash(): number {
    const bytes = this.bytes;
    let hash = HASH_START;
    let at = this.at;
    for (; at < bytes.length && bytes[at] !== QUOTE; at++) hash = Math.imul(hash ^ bytes[at]!, HASH_FACTOR);
    this.at = at + 1;
    return hash;
  }

  /** An integer or a decimal number. */
  protected number(): number {
    const bytes = this.bytes;
    let at = this.at;
    const from = at;
    let value = 0;
    if (bytes[at] === MINUS) at++;
    while (at < bytes.length && bytes[at]! >= ZERO && bytes[at]! <= NINE) value = value * 10 + bytes[at++]! - ZERO;
    const isNegative = bytes[from] === MINUS;
    if (at === from || (isNegative && at === from + 1)) throw UNEXPECTED;
    this.at = at;
    const next = bytes[at];
    if (next === COMMA || next === 0x7d) return isNegative ? -value : value;
    if (next !== DOT && next !== 0x65 && next !== 0x45) throw UNEXPECTED;
    while (at < bytes.length && bytes[at] !== COMMA && bytes[at] !== 0x7d) at++;
    this.at = at;
    return Number(this.short(from, at));
  }

  /** `0x200000003`; NaN for `-0x1`, which stands for none. */
  protected hex(from: number): number {
    const bytes = this.bytes;
    let at = from;
    if (bytes[at] !== ZERO || bytes[at + 1] !== 0x78) return Number.NaN;
    let value = 0;
    for (at += 2; at < bytes.length && bytes[at] !== QUOTE; at++) {
      const byte = bytes[at]!;
      value = value * 16 + nibble(byte);
    }
    return value;
  }
}

export const nibble = (byte: number): number => (byte <= NINE ? byte - ZERO : byte - 0x57);
