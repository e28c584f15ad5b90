import { deflateRawSync, gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deflater } from '../../../core/compress/deflate.ts';
import { GzipReader, GzipWriter } from '../../../core/compress/gzip.ts';
import { codeLengths } from '../../../core/compress/huffman.ts';
import { Inflater, type Pulled } from '../../../core/compress/inflate.ts';
import { SnappyReader, snappyBlock } from '../../../core/compress/snappy.ts';

/** `toEqual` compares byte by byte through generic code, which is most of the time of these tests. */
function expectBytes(actual: Uint8Array | null, expected: Uint8Array): void {
  expect(actual !== null && Buffer.compare(actual, expected) === 0).toBe(true);
}

interface Source {
  push(bytes: Uint8Array): void;
  end(): void;
  pull(bytesMax: number): Pulled;
}

/** Feeds `input` in pieces and pulls in pieces; null for a bad stream. */
function readAll(reader: Source, input: Uint8Array, piece: number, pullMax: number): Uint8Array | null {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (;;) {
    const pulled = reader.pull(pullMax);
    if (pulled.kind === 'bytes') {
      expect(pulled.bytes.length).toBeLessThan(pullMax + 258);
      parts.push(pulled.bytes);
    } else if (pulled.kind === 'more') {
      if (at < input.length) reader.push(input.subarray(at, at + piece));
      else reader.end();
      at += piece;
    } else {
      return pulled.kind === 'done' ? new Uint8Array(Buffer.concat(parts)) : null;
    }
  }
}

function deflate(input: Uint8Array, piece: number): Uint8Array {
  const deflater = new Deflater();
  const parts: Uint8Array[] = [];
  for (let at = 0; at < input.length; at += piece) parts.push(deflater.push(input.subarray(at, at + piece)));
  parts.push(deflater.finish());
  return new Uint8Array(Buffer.concat(parts));
}

/** Bytes with repeats near and far, runs, and noise. */
const mixed = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc
        .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 3000 }))
        .map(([byte, count]) => new Uint8Array(count).fill(byte)),
      fc
        .tuple(fc.constantFrom('/zookeeper/quota', 'world', 'anyone', 'node-'), fc.integer({ min: 1, max: 900 }))
        .map(
          ([word, count]) =>
            new Uint8Array(Buffer.from(Array.from({ length: count }, (_, i) => `${word}${i}`).join(''))),
        ),
    ),
    { maxLength: 24 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));

describe('inflate', () => {
  it('reads what zlib writes, cut anywhere', () => {
    fc.assert(
      fc.property(mixed, fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 5000 }), (input, level, piece) => {
        const compressed = new Uint8Array(deflateRawSync(input, { level }));
        expectBytes(readAll(new Inflater(), compressed, piece, 1 + (piece % 777)), input);
      }),
      { numRuns: 100 },
    );
  });

  it('gives what it has in pieces when all of the input is there', () => {
    const input = Uint8Array.from({ length: 3000 }, (_, i) => i * 7);
    for (const level of [0, 9]) {
      const inflater = new Inflater();
      inflater.push(new Uint8Array(deflateRawSync(input, { level })));
      inflater.end();
      expectBytes(readAll(inflater, new Uint8Array(0), 1, 100), input);
    }
  });

  it('hands back what lies behind the stream', () => {
    for (const piece of [1, 7, 1000]) {
      const input = new Uint8Array(Buffer.concat([deflateRawSync(Buffer.from('abcabcabc')), Buffer.from('behind')]));
      const inflater = new Inflater();
      let at = 0;
      for (;;) {
        const pulled = inflater.pull(100);
        if (pulled.kind === 'done') break;
        if (pulled.kind !== 'more') continue;
        if (at < input.length) inflater.push(input.subarray(at, at + piece));
        else inflater.end();
        at += piece;
      }
      const rest = Buffer.concat([inflater.takeRest(), input.subarray(Math.min(at, input.length))]);
      expect(rest.toString()).toBe('behind');
    }
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (input) => {
        readAll(new Inflater(), input, 100, 1000);
        readAll(new GzipReader(), Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, ...input), 100, 1000);
        readAll(new SnappyReader(), input, 100, 1000);
        snappyBlock(input);
      }),
      { numRuns: 500 },
    );
  });

  it('survives a damaged real stream and never reads past it', () => {
    const whole = new Uint8Array(deflateRawSync(Buffer.from('ninety nine nines '.repeat(200))));
    for (let at = 0; at < whole.length; at++) {
      const damaged = whole.slice();
      damaged[at]! ^= 0x55;
      readAll(new Inflater(), damaged, 64, 4096);
      expect(readAll(new Inflater(), whole.subarray(0, at), 64, 4096)).toBeNull();
    }
  });
});

describe('deflate', () => {
  it('is read by zlib and by us', () => {
    fc.assert(
      fc.property(mixed, fc.integer({ min: 1, max: 70_000 }), (input, piece) => {
        const compressed = deflate(input, piece);
        expectBytes(new Uint8Array(inflateRawSync(compressed)), input);
        expectBytes(readAll(new Inflater(), compressed, 4096, 65_536), input);
      }),
      { numRuns: 80 },
    );
  });

  it('compresses: within a tenth of zlib on paths, and noise grows by next to nothing', () => {
    const paths = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `/app/service-${i % 97}/lock-${i}\n`).join(''));
    expect(deflate(paths, 8192).length).toBeLessThan(deflateRawSync(paths).length * 1.1);
    const noise = Uint8Array.from({ length: 100_000 }, (_, i) => (Math.imul(i + 1, 0x9e37_79b1) >>> 13) ^ (i * i * 31));
    let random = 1;
    for (let i = 0; i < noise.length; i++) {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      noise[i] = random >>> 24;
    }
    expect(deflate(noise, 10_000).length).toBeLessThan(noise.length + 40);
  });

  it('limits the length of code words and wastes no code space', () => {
    // Fibonacci weights make the deepest Huffman tree.
    const weights = [1, 1];
    while (weights.length < 40) weights.push(weights.at(-1)! + weights.at(-2)!);
    for (const [count, lengthMax] of [
      [2, 15],
      [16, 15],
      [17, 15],
      [40, 15],
      [8, 7],
      [19, 7],
    ] as const) {
      const lengths = codeLengths(Uint32Array.from(weights.slice(0, count)), lengthMax);
      expect(Math.max(...lengths)).toBe(Math.min(count - 1, lengthMax));
      expect(lengths.reduce((sum, length) => sum + 2 ** -length, 0)).toBe(1);
      expect([...lengths].sort((a, b) => b - a)).toEqual([...lengths]);
    }
    expect([...codeLengths(Uint32Array.of(0, 5, 0), 15)]).toEqual([0, 1, 0]);
    expect([...codeLengths(new Uint32Array(3), 15)]).toEqual([0, 0, 0]);
  });
});

describe('gzip', () => {
  it('round trips with zlib in both directions', () => {
    fc.assert(
      fc.property(mixed, fc.integer({ min: 1, max: 9000 }), (input, piece) => {
        const writer = new GzipWriter();
        const parts: Uint8Array[] = [];
        for (let at = 0; at < input.length; at += piece) parts.push(writer.push(input.subarray(at, at + piece)));
        parts.push(writer.finish());
        expectBytes(new Uint8Array(gunzipSync(Buffer.concat(parts))), input);
        expectBytes(readAll(new GzipReader(), new Uint8Array(gzipSync(input)), piece, 4096), input);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses a wrong checksum, a wrong size, a cut and trailing bytes', () => {
    const whole = new Uint8Array(gzipSync('hello hello hello'));
    for (let at = whole.length - 8; at < whole.length; at++) {
      const damaged = whole.slice();
      damaged[at]! ^= 1;
      expect(readAll(new GzipReader(), damaged, 5, 100)).toBeNull();
    }
    expect(readAll(new GzipReader(), whole.subarray(0, -1), 5, 100)).toBeNull();
    expect(readAll(new GzipReader(), Uint8Array.of(...whole, 0), 5, 100)).toBeNull();
  });

  it('skips name, comment and extra field', () => {
    const plain = new Uint8Array(gzipSync('x'));
    const flagged = Uint8Array.of(
      ...plain.subarray(0, 3),
      4 + 8 + 16 + 2,
      ...plain.subarray(4, 10),
      2,
      0,
      9,
      9,
      65,
      0,
      66,
      0,
      7,
      7,
      ...plain.subarray(10),
    );
    expect(readAll(new GzipReader(), flagged, 1, 100)).toEqual(Uint8Array.of(120));
  });

  it('reads no header without end', () => {
    // So many bytes of a name that does not end yet, behind the ten that every header has.
    const unfinished = (size: number) => {
      const reader = new GzipReader();
      reader.push(Uint8Array.of(0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0, ...new Uint8Array(size - 10).fill(65)));
      return reader.pull(100).kind;
    };
    expect(unfinished(65_536)).toBe('more');
    expect(unfinished(65_537)).toBe('bad');
  });
});

describe('snappy', () => {
  it('reads literals and all three copies', () => {
    // "abcd", copy 4 back 4 (1-byte offset), copy 6 back 8 (2-byte), copy 3 back 2 (4-byte)
    const block = Uint8Array.of(
      17,
      3 << 2,
      97,
      98,
      99,
      100,
      0b0000_0001,
      4,
      (5 << 2) | 2,
      8,
      0,
      (2 << 2) | 3,
      2,
      0,
      0,
      0,
    );

    expect(Buffer.from(snappyBlock(block)!).toString()).toBe('abcdabcdabcdababa');
  });

  it('reads a stream of blocks, cut anywhere', () => {
    // Sizes of one, two and three bytes in the block's own header, and literals of every length of tag.
    const sizes = [1, 60, 61, 127, 128, 129, 256, 300, 16_384, 20_000];
    const contents = sizes.map((size) => Uint8Array.from({ length: size }, (_, i) => i * 31 + size));
    const blockOf = (bytes: Uint8Array): number[] => {
      const head: number[] = [];
      let left = bytes.length;
      for (; left >= 0x80; left >>>= 7) head.push((left & 0x7f) | 0x80);
      const more = bytes.length - 1;
      const tag = more < 60 ? [more << 2] : more < 256 ? [60 << 2, more] : [61 << 2, more & 255, more >>> 8];
      return [...head, left, ...tag, ...bytes];
    };
    const framed = contents.map(blockOf).flatMap((block) => [0, 0, block.length >>> 8, block.length & 255, ...block]);
    const stream = Uint8Array.of(0x82, ...Buffer.from('SNAPPY'), 0, 0, 0, 0, 1, 0, 0, 0, 1, ...framed);
    for (const [piece, pullMax] of [
      [1, 100_000],
      [3, 50],
      [5, 1000],
      [stream.length, 7],
    ] as const) {
      expectBytes(readAll(new SnappyReader(), stream, piece, pullMax), new Uint8Array(Buffer.concat(contents)));
    }
    expect(readAll(new SnappyReader(), stream.subarray(0, -1), 100, 100)).toBeNull();
  });

  it('refuses copies before the beginning and sizes that do not fit', () => {
    expect(snappyBlock(Uint8Array.of(4, 0, 97, 0b0000_0001, 2))).toBeNull();
    expect(snappyBlock(Uint8Array.of(2, 0, 97))).toBeNull();
    expect(snappyBlock(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x7f))).toBeNull();
  });
});
