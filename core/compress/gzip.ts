/**
 * The gzip container (RFC 1952) around DEFLATE, as java.util.zip.GZIPOutputStream writes it and GZIPInputStream reads it:
 * what `zookeeper.snapshot.compression.method=gz` makes of a snapshot (server/persistence/SnapStream).
 *
 * ```
 * Member => 1f 8b method:8 flags mtime:4 xfl os [extra] [name 00] [comment 00] [crc16:2] Deflate crc32:4 size:4   little-endian
 * ```
 */

import { concat } from '../wire/bytes.ts';
import { crc32 } from '../wire/crc32.ts';
import { Deflater } from './deflate.ts';
import { Inflater, type Pulled } from './inflate.ts';

const HEADER_SIZE = 10;
const TRAILER_SIZE = 8;
const METHOD_DEFLATE = 8;
const FLAG = { headerCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;
/** Java's header: no flags, no time, system unknown. */
const JAVA_HEADER = Uint8Array.of(0x1f, 0x8b, METHOD_DEFLATE, 0, 0, 0, 0, 0, 0, 0xff);
/** A header that is not complete after so many bytes is not one of ours. */
const HEADER_BYTES_MAX = 65_536;

const EMPTY = new Uint8Array(0);
const DONE: Pulled = { kind: 'done' };
const MORE: Pulled = { kind: 'more' };
const BAD: Pulled = { kind: 'bad' };

export class GzipWriter {
  private readonly deflater = new Deflater();
  private crc = 0;
  private size = 0;
  private begun = false;

  push(bytes: Uint8Array): Uint8Array {
    this.crc = crc32(bytes, this.crc);
    this.size = (this.size + bytes.length) >>> 0;
    const compressed = this.deflater.push(bytes);
    return this.begun ? compressed : this.begin(compressed);
  }

  finish(): Uint8Array {
    const trailer = new Uint8Array(TRAILER_SIZE);
    const view = new DataView(trailer.buffer);
    view.setUint32(0, this.crc, true);
    view.setUint32(4, this.size, true);
    const end = concat([this.deflater.finish(), trailer]);
    return this.begun ? end : this.begin(end);
  }

  private begin(bytes: Uint8Array): Uint8Array {
    this.begun = true;
    return concat([JAVA_HEADER, bytes]);
  }
}

/** Reads one member; anything behind it is an error. */
export class GzipReader {
  private readonly inflater = new Inflater();
  private phase: 'header' | 'body' | 'trailer' | 'done' | 'bad' = 'header';
  /** Input of the header or the trailer that is not complete yet. */
  private pending: Uint8Array = EMPTY;
  private ended = false;
  private crc = 0;
  private size = 0;

  push(bytes: Uint8Array): void {
    if (this.phase === 'body') this.inflater.push(bytes);
    else this.pending = concat([this.pending, bytes]);
  }

  end(): void {
    this.ended = true;
    this.inflater.end();
  }

  pull(bytesMax: number): Pulled {
    if (this.phase === 'header') this.readHeader();
    if (this.phase === 'body') {
      const pulled = this.inflater.pull(bytesMax);
      if (pulled.kind === 'bytes') {
        this.crc = crc32(pulled.bytes, this.crc);
        this.size = (this.size + pulled.bytes.length) >>> 0;
        return pulled;
      }
      if (pulled.kind === 'more') return MORE;
      this.phase = pulled.kind === 'done' ? 'trailer' : 'bad';
      if (pulled.kind === 'done') this.pending = this.inflater.takeRest();
    }
    if (this.phase === 'trailer') this.readTrailer();
    if (this.phase === 'done') return DONE;
    return this.phase === 'bad' ? BAD : MORE;
  }

  private readHeader(): void {
    const length = headerLength(this.pending);
    if (length === 'bad' || (length === 'more' && (this.ended || this.pending.length > HEADER_BYTES_MAX))) {
      this.phase = 'bad';
    } else if (length !== 'more') {
      this.inflater.push(this.pending.slice(length));
      this.pending = EMPTY;
      this.phase = 'body';
    }
  }

  private readTrailer(): void {
    if (this.pending.length < TRAILER_SIZE) {
      if (this.ended) this.phase = 'bad';
      return;
    }
    const { buffer, byteOffset } = this.pending;
    const view = new DataView(buffer, byteOffset, TRAILER_SIZE);
    const intact = view.getUint32(0, true) === this.crc && view.getUint32(4, true) === this.size;
    this.phase = intact && this.pending.length === TRAILER_SIZE ? 'done' : 'bad';
  }
}

function headerLength(bytes: Uint8Array): number | 'more' | 'bad' {
  for (let i = 0; i < Math.min(3, bytes.length); i++) if (bytes[i] !== JAVA_HEADER[i]) return 'bad';
  if (bytes.length < HEADER_SIZE) return 'more';
  const flags = bytes[3]!;
  if ((flags & FLAG.reserved) !== 0) return 'bad';
  let at = HEADER_SIZE;
  if ((flags & FLAG.extra) !== 0) {
    if (bytes.length < at + 2) return 'more';
    at += 2 + (bytes[at]! | (bytes[at + 1]! << 8));
  }
  for (const flag of [FLAG.name, FLAG.comment]) {
    if ((flags & flag) === 0) continue;
    while (at < bytes.length && bytes[at] !== 0) at += 1;
    at += 1;
  }
  if ((flags & FLAG.headerCrc) !== 0) at += 2;
  return at <= bytes.length ? at : 'more';
}
