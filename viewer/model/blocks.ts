/**
 * The text of a trace as blocks of whole lines: read once in order, and one by one afterwards.
 *
 * Three kinds of files come in. A trace that we compressed says in the header of every gzip member how long it is
 * (sim/trace-blocks.ts), so members are cut out without inflating them. A gzip file of anybody else is one long stream: it
 * is inflated in order. Plain text is cut at line ends. A million events are a gigabyte of text, so text is never kept:
 * what can be read again from the source is remembered by its place, and the rest is compressed again in memory.
 */

import { BLOCK_HEADER_SIZE, blockHeaderAt, digestIn, isGzip } from '../../sim/trace-blocks.ts';
import type { BlobLike } from './api.ts';

/** Bytes that can be read anywhere, more than once. */
export interface ByteSource {
  readonly size: number;
  read(from: number, to: number): Promise<Uint8Array>;
}

export function sourceOfBlob(blob: BlobLike): ByteSource {
  return {
    size: blob.size,
    read: async (from, to) => new Uint8Array(await blob.slice(from, to).arrayBuffer()),
  };
}

export function sourceOfBytes(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: async (from, to) => bytes.subarray(from, to) };
}

/** gzip in both directions; whole members. The default is that of the web platform. */
export interface Gzip {
  readonly inflate: (member: Uint8Array) => Promise<Uint8Array> | Uint8Array;
  readonly deflate: (text: Uint8Array) => Promise<Uint8Array> | Uint8Array;
  /** A stream of deflate without header and checksum. */
  readonly inflateRaw: (deflated: Uint8Array) => Promise<Uint8Array> | Uint8Array;
}

export const WEB_GZIP: Gzip = {
  inflate: (member) => through(new DecompressionStream('gzip'), member),
  deflate: (text) => through(new CompressionStream('gzip'), text),
  inflateRaw: (deflated) => through(new DecompressionStream('deflate-raw'), deflated),
};

async function through(stream: DecompressionStream | CompressionStream, bytes: Uint8Array): Promise<Uint8Array> {
  const writer = stream.writable.getWriter();
  // A fault of the input is heard of on the reading side.
  writer.write(bytes as Uint8Array<ArrayBuffer>).catch(() => undefined);
  writer.close().catch(() => undefined);
  return new Uint8Array(await new Response(stream.readable).arrayBuffer());
}

/** A block as it is found: how to get its text now, and where it stays. */
export interface FoundBlock {
  /** One gzip member, or plain text. */
  readonly bytes: Uint8Array;
  readonly isGzip: boolean;
  /** Its columns, deflated, when the writer put them beside it, and how long the text is that they tell of. */
  readonly digest: { readonly deflated: Uint8Array; readonly textBytes: number } | null;
  readonly kept: KeptBlock;
  /** How far the source has been read. */
  readonly bytesRead: number;
}

export type KeptBlock =
  | { readonly kind: 'source'; readonly from: number; readonly to: number; readonly isGzip: boolean }
  | { readonly kind: 'memory'; readonly member: Uint8Array }
  | { readonly kind: 'text'; readonly text: Uint8Array };

/** The file does not go on as it began; the blocks before are good. */
export class BlockError extends Error {
  readonly kind: 'bad-gzip' | 'truncated';

  constructor(kind: 'bad-gzip' | 'truncated', message: string) {
    super(message);
    this.kind = kind;
  }
}

const READ_BYTES = 4 * 1024 * 1024;
/** The first picture waits for the first piece. */
const FIRST_READ_BYTES = 1024 * 1024;
const PLAIN_BLOCK_BYTES = 512 * 1024;
/** Up to here, text that cannot be read again is kept as it is. */
const TEXT_KEPT_BYTES_MAX = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/** The blocks of a source, in order. Ends by throwing a `BlockError` if the file is damaged. */
export async function* blocksOf(source: ByteSource, gzip: Gzip): AsyncGenerator<FoundBlock> {
  const head = await source.read(0, Math.min(source.size, BLOCK_HEADER_SIZE));
  if (blockHeaderAt(head, 0) !== null) yield* ownBlocks(source);
  else if (isGzip(head, 0)) yield* foreignGzip(source, gzip);
  else yield* plainBlocks(source);
}

/** Members that say how long they are. */
async function* ownBlocks(source: ByteSource): AsyncGenerator<FoundBlock> {
  const ahead = new ReadAhead(source);
  let from = 0;
  while (from < source.size) {
    const head = await ahead.bytes(from, Math.min(source.size, from + BLOCK_HEADER_SIZE));
    const header = blockHeaderAt(head, 0);
    if (header === null) throw new BlockError('bad-gzip', `There is no block where one must begin (byte ${from}).`);
    const end = from + header.memberBytes;
    if (end > source.size)
      throw new BlockError(
        'truncated',
        `The last block is cut off (${source.size - from} of ${header.memberBytes} bytes).`,
      );
    const bytes = await ahead.bytes(from, end);
    const deflated = digestIn(bytes);
    const digest = deflated === null ? null : { deflated, textBytes: header.textBytes };
    yield { bytes, isGzip: true, digest, kept: { kind: 'source', from, to: end, isGzip: true }, bytesRead: end };
    from = end;
  }
}

/** Reads a source from its begin to its end in large pieces, the next one already while this one is worked at. */
export class ReadAhead {
  readonly #source: ByteSource;
  readonly #firstBytes: number;
  readonly #pieceBytes: number;
  /** What is left of the piece before, and where the present one begins. */
  #rest: Uint8Array = new Uint8Array(0);
  #piece: Uint8Array = new Uint8Array(0);
  #pieceFrom = 0;
  #next: Promise<Uint8Array> | null = null;

  constructor(source: ByteSource, firstBytes: number = FIRST_READ_BYTES, pieceBytes: number = READ_BYTES) {
    this.#source = source;
    this.#firstBytes = firstBytes;
    this.#pieceBytes = pieceBytes;
  }

  /** `from` is never less than it was before. Only what lies across the border of two pieces is copied. */
  async bytes(from: number, to: number): Promise<Uint8Array> {
    while (to > this.#pieceFrom + this.#piece.length) {
      const have = this.#pieceFrom + this.#piece.length;
      const came = await (this.#next ?? this.#read(have));
      if (came === null || came.length === 0) throw new BlockError('truncated', `The file ends at byte ${have}.`);
      this.#next = this.#read(have + came.length);
      this.#rest = this.#known(from, have);
      this.#piece = came;
      this.#pieceFrom = have;
    }
    return this.#known(from, to);
  }

  #known(from: number, to: number): Uint8Array {
    const within = this.#piece.subarray(Math.max(0, from - this.#pieceFrom), to - this.#pieceFrom);
    const before = this.#pieceFrom - from;
    return before <= 0 ? within : joined([this.#rest.subarray(this.#rest.length - before), within]);
  }

  #read(from: number): Promise<Uint8Array> | null {
    const size = from === 0 ? this.#firstBytes : this.#pieceBytes;
    const to = Math.min(this.#source.size, from + size);
    if (from >= to) return null;
    const reading = this.#source.read(from, to);
    // Who reads that far hears of it; a reader that stops before does not.
    reading.catch(() => undefined);
    return reading;
  }
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

async function* plainBlocks(source: ByteSource): AsyncGenerator<FoundBlock> {
  let from = 0;
  let size = PLAIN_BLOCK_BYTES;
  while (from < source.size) {
    const bytes = await source.read(from, Math.min(source.size, from + size));
    const isLast = from + bytes.length >= source.size;
    const end = isLast ? bytes.length : bytes.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      // One line is longer than the block.
      size *= 2;
      continue;
    }
    size = PLAIN_BLOCK_BYTES;
    const kept: KeptBlock = { kind: 'source', from, to: from + end, isGzip: false };
    from += end;
    yield { bytes: bytes.subarray(0, end), isGzip: false, digest: null, kept, bytesRead: from };
  }
}

/** Any gzip file: inflated as a stream, cut at line ends, and kept by `TextCutter`. */
async function* foreignGzip(source: ByteSource, gzip: Gzip): AsyncGenerator<FoundBlock> {
  const stream = new DecompressionStream('gzip');
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  let bytesRead = 0;
  const write = async (): Promise<void> => {
    for (let from = 0; from < source.size; from += READ_BYTES) {
      const bytes = await source.read(from, Math.min(source.size, from + READ_BYTES));
      bytesRead = from + bytes.length;
      await writer.write(bytes as Uint8Array<ArrayBuffer>);
    }
    await writer.close();
  };
  let failure: unknown = null;
  const writing = write().catch((error: unknown) => {
    failure = error;
  });
  const cutter = new TextCutter(gzip);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const text of cutter.push(value)) yield await cutter.keep(text, bytesRead);
    }
  } catch (error) {
    failure = error;
  }
  const rest = cutter.rest();
  if (rest.length > 0) yield await cutter.keep(rest, bytesRead);
  await writing;
  if (failure !== null) {
    const said = failure instanceof Error ? failure.message : String(failure);
    throw new BlockError('bad-gzip', `The compressed data is damaged or cut off (${said}).`);
  }
}

/** Cuts text that arrives in pieces into blocks of whole lines, and keeps them so that they can be had again. */
export class TextCutter {
  readonly #gzip: Gzip;
  #pieces: Uint8Array[] = [];
  #size = 0;
  #kept = 0;

  constructor(gzip: Gzip) {
    this.#gzip = gzip;
  }

  push(bytes: Uint8Array): Uint8Array[] {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    if (this.#size < PLAIN_BLOCK_BYTES) return [];
    const whole = this.#joined();
    const end = whole.lastIndexOf(NEWLINE) + 1;
    this.#pieces = end < whole.length ? [whole.subarray(end)] : [];
    this.#size = whole.length - end;
    return end === 0 ? [] : [whole.subarray(0, end)];
  }

  /** What is left, with or without a newline at its end. */
  rest(): Uint8Array {
    const whole = this.#joined();
    this.#pieces = [];
    this.#size = 0;
    return whole;
  }

  async keep(text: Uint8Array, bytesRead: number): Promise<FoundBlock> {
    this.#kept += text.length;
    const kept: KeptBlock =
      this.#kept <= TEXT_KEPT_BYTES_MAX
        ? { kind: 'text', text }
        : { kind: 'memory', member: await this.#gzip.deflate(text) };
    return { bytes: text, isGzip: false, digest: null, kept, bytesRead };
  }

  #joined(): Uint8Array {
    return joined(this.#pieces);
  }
}

/** Texts of blocks that were just asked for; a state is made from a few neighbouring ones. */
const CACHED_BLOCKS = 32;

export class BlockShelf {
  readonly #gzip: Gzip;
  readonly #source: ByteSource | null;
  readonly #kept: KeptBlock[] = [];
  readonly #cache = new Map<number, Promise<Uint8Array>>();

  constructor(source: ByteSource | null, gzip: Gzip) {
    this.#source = source;
    this.#gzip = gzip;
  }

  get count(): number {
    return this.#kept.length;
  }

  add(block: KeptBlock): void {
    this.#kept.push(block);
  }

  text(number: number): Promise<Uint8Array> {
    const cached = this.#cache.get(number);
    // The one used last is dropped last.
    this.#cache.delete(number);
    const text = cached ?? this.#fetch(number);
    this.#cache.set(number, text);
    if (cached !== undefined) return text;
    if (this.#cache.size > CACHED_BLOCKS) this.#cache.delete(this.#cache.keys().next().value!);
    // What could not be read is tried again, and told to whoever asked.
    text.catch(() => this.#cache.delete(number));
    return text;
  }

  /** Begins to inflate what will be asked for, so that nobody waits for one after the other. */
  expect(from: number, to: number): void {
    for (let number = from; number <= Math.min(to, from + CACHED_BLOCKS - 1); number++) void this.text(number);
  }

  async #fetch(number: number): Promise<Uint8Array> {
    const kept = this.#kept[number];
    if (kept === undefined) throw new Error(`there is no block ${number}`);
    switch (kept.kind) {
      case 'text':
        return kept.text;
      case 'memory':
        return this.#gzip.inflate(kept.member);
      case 'source': {
        const bytes = await this.#source!.read(kept.from, kept.to);
        return kept.isGzip ? this.#inflated(bytes, kept.from) : bytes;
      }
      default:
        return kept satisfies never;
    }
  }

  /** A block with a digest is not inflated before somebody looks into it; only then is damage seen. */
  async #inflated(member: Uint8Array, from: number): Promise<Uint8Array> {
    try {
      return await this.#gzip.inflate(member);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      throw new BlockError(
        'bad-gzip',
        `The lines of this event cannot be read: the block at byte ${from} is damaged (${said}).`,
      );
    }
  }
}
