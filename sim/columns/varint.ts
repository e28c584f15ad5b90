/** Numbers in as few bytes as they need: seven bits a byte, the least significant first, the eighth says that more follow. */

const FIRST_BYTES = 16 * 1024;
const DECODER = new TextDecoder();

export class ByteWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#length + more, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  skip(bytes: number): void {
    this.#reserve(bytes);
    this.#length += bytes;
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** An integer from 0 to 2^53 - 1. */
  varint(value: number): void {
    this.#reserve(8);
    let left = value;
    while (left >= 0x80) {
      this.#bytes[this.#length++] = (left % 0x80) | 0x80;
      left = Math.floor(left / 0x80);
    }
    this.#bytes[this.#length++] = left;
  }

  /** The difference of each to the one before; 0 stands for not a number, which is passed over. */
  deltas(values: ArrayLike<number>): void {
    let before = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (Number.isNaN(value)) {
        this.varint(0);
        continue;
      }
      const delta = value - before;
      this.varint(delta >= 0 ? delta * 2 + 1 : -delta * 2);
      before = value;
    }
  }

  /** How long each is, in units of UTF-16, then all of them as one text. */
  words(words: readonly string[]): void {
    this.varint(words.length);
    for (const word of words) this.varint(word.length);
    const text = new TextEncoder().encode(words.join(''));
    this.varint(text.length);
    this.bytes(text);
  }

  /** All that was written. */
  done(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

// Three loops of one kind each; `set` from an array of another kind costs several times as much.
function fill64(to: Float64Array, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] = from[i]!;
}
function fill32(to: Uint32Array, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] = from[i]!;
}
function fill16(to: Uint16Array, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] = from[i]!;
}

export class ByteReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #numbers = new Float64Array(1024);

  begin(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#at = 0;
  }

  /** A part of what is read, not a copy. */
  bytes(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw new Error('a digest ends too early');
    const found = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return found;
  }

  varint(): number {
    const bytes = this.#bytes;
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = bytes[this.#at++];
      if (byte === undefined) throw new Error('a digest ends too early');
      if (byte < 0x80) return value + byte * factor;
      value += (byte & 0x7f) * factor;
      factor *= 0x80;
    }
  }

  /** Fills the array; see `ByteWriter.deltas`. */
  deltas(values: Float64Array | Uint32Array | Uint16Array): void {
    const { length } = values;
    if (length > this.#numbers.length) this.#numbers = new Float64Array(length * 2);
    // One kind of array is read into, and copied: a loop that meets three kinds takes twice as long.
    const numbers = this.#numbers;
    const bytes = this.#bytes;
    let at = this.#at;
    let before = 0;
    for (let i = 0; i < length; i++) {
      // Most are one or two bytes, and small integers.
      const first = bytes[at++]!;
      if (first < 0x80) {
        if (first === 0) {
          numbers[i] = Number.NaN;
          continue;
        }
        before += (first & 1) === 1 ? first >> 1 : -(first >> 1);
      } else {
        const second = bytes[at++]!;
        if (second < 0x80) {
          const coded = (first & 0x7f) | (second << 7);
          before += (coded & 1) === 1 ? coded >> 1 : -(coded >> 1);
        } else {
          let coded = (first & 0x7f) | ((second & 0x7f) << 7);
          let factor = 0x4000;
          for (;;) {
            const byte = bytes[at++]!;
            coded += (byte & 0x7f) * factor;
            if (!(byte >= 0x80)) break;
            factor *= 0x80;
          }
          before += coded % 2 === 1 ? (coded - 1) / 2 : -coded / 2;
        }
      }
      numbers[i] = before;
    }
    if (at > bytes.length) throw new Error('a digest ends too early');
    this.#at = at;
    if (values instanceof Float64Array) fill64(values, numbers);
    else if (values instanceof Uint32Array) fill32(values, numbers);
    else fill16(values, numbers);
  }

  words(): string[] {
    const count = this.varint();
    const ends = new Uint32Array(count);
    let end = 0;
    for (let i = 0; i < count; i++) {
      end += this.varint();
      ends[i] = end;
    }
    const text = DECODER.decode(this.bytes(this.varint()));
    const words: string[] = [];
    for (let i = 0, at = 0; i < count; at = ends[i++]!) words.push(text.slice(at, ends[i]!));
    return words;
  }
}
