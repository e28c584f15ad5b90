/**
 * Record schemas: one table per record from which the reader, the writer and the TypeScript type all come.
 *
 * ```
 * const Stat = record('Stat', { czxid: 'zxid', ctime: 'num', … });
 * type Stat = Infer<typeof Stat>;
 * Stat.write(writer, value); const stat = Stat.read(reader);
 * ```
 *
 * jute (zookeeper-jute BinaryInputArchive/BinaryOutputArchive) is big-endian and has no tags: a record is its fields in
 * order. Strings, buffers and vectors carry an int length of which -1 means null.
 */

import type { PeerId, SessionId, Zxid } from '../types.ts';
import type { JuteReader, JuteWriter } from './jute.ts';

/** What a field kind is in TypeScript. */
interface Kinds {
  /** 32-bit signed. */
  int: number;
  /** 64-bit signed, exact, as a bigint. */
  long: bigint;
  /** 64-bit on the wire; a number here, refused when it is not exact in a double. Times, counts, versions. */
  num: number;
  /** As `num`, but rounded instead of refused: where any inexact value gets the same answer as a merely great one. */
  wide: number;
  bool: boolean;
  zxid: Zxid;
  session: SessionId;
  peer: PeerId;
  /** A string that must not be null. */
  string: string;
  nullableString: string | null;
  /** A string where null means the same as the empty one and is read as that. */
  text: string;
  /** Bytes; null (-1) and empty (0) are different and both preserved. */
  buffer: Uint8Array | null;
}

export type Kind = keyof Kinds;
export type FieldType = Kind | Codec<unknown>;
export type Fields = Readonly<Record<string, FieldType>>;

/** A reader and a writer of one type. A reader never throws: it marks the `JuteReader` as failed and returns a filler. */
export interface Codec<T> {
  readonly name: string;
  /** Least number of bytes a value takes; bounds a vector's count before anything is allocated. */
  readonly sizeMin: number;
  read(r: JuteReader): T;
  write(w: JuteWriter, value: T): void;
}

export type TypeOf<F extends FieldType> = F extends Kind ? Kinds[F] : F extends Codec<infer T> ? T : never;
export type Infer<C> = C extends Codec<infer T> ? T : never;
export type RecordOf<F extends Fields> = { readonly [K in keyof F]: TypeOf<F[K]> };

const KIND_CODECS: { readonly [K in Kind]: Codec<Kinds[K]> } = {
  int: { name: 'int', sizeMin: 4, read: (r) => r.int(), write: (w, v) => w.int(v) },
  long: { name: 'long', sizeMin: 8, read: (r) => r.long(), write: (w, v) => w.long(v) },
  num: { name: 'num', sizeMin: 8, read: (r) => r.num(), write: (w, v) => w.num(v) },
  wide: { name: 'wide', sizeMin: 8, read: (r) => r.wide(), write: (w, v) => w.wide(v) },
  bool: { name: 'bool', sizeMin: 1, read: (r) => r.bool(), write: (w, v) => w.bool(v) },
  zxid: { name: 'zxid', sizeMin: 8, read: (r) => r.num() as Zxid, write: (w, v) => w.num(v) },
  session: { name: 'session', sizeMin: 8, read: (r) => r.long() as SessionId, write: (w, v) => w.long(v) },
  peer: { name: 'peer', sizeMin: 8, read: (r) => r.num() as PeerId, write: (w, v) => w.num(v) },
  string: { name: 'string', sizeMin: 4, read: (r) => r.string(), write: (w, v) => w.string(v) },
  nullableString: { name: 'string?', sizeMin: 4, read: (r) => r.nullableString(), write: (w, v) => w.string(v) },
  text: { name: 'text', sizeMin: 4, read: (r) => r.text(), write: (w, v) => w.string(v) },
  buffer: { name: 'buffer', sizeMin: 4, read: (r) => r.buffer(), write: (w, v) => w.buffer(v) },
};

const codecOf = (type: FieldType): Codec<unknown> =>
  typeof type === 'string' ? (KIND_CODECS[type] as Codec<unknown>) : type;

/** A vector; null (-1) is preserved. The count is checked against the bytes that remain before anything is allocated. */
export function vector<F extends FieldType>(of: F): Codec<readonly TypeOf<F>[] | null> {
  const item = codecOf(of) as Codec<TypeOf<F>>;
  return {
    name: `vector<${item.name}>`,
    sizeMin: 4,
    read(r) {
      const count = r.count(item.sizeMin);
      if (count < 0) return null;
      const values: TypeOf<F>[] = [];
      for (let i = 0; i < count && !r.failed; i++) values.push(item.read(r));
      return values;
    },
    write(w, values) {
      if (values === null) {
        w.int(-1);
      } else {
        w.int(values.length);
        for (const value of values) item.write(w, value);
      }
    },
  };
}

export interface RecordCodec<F extends Fields> extends Codec<RecordOf<F>> {
  readonly fields: F;
  /** The reader and writer that walk over `fields`, also where `read` and `write` are written out. */
  readonly byTable: Codec<RecordOf<F>>;
}

/**
 * A record: its fields in order. Records on the hot path pass a reader or a writer with the fields written out, which
 * engines make two to four times as fast as the walk over the table (test/bench/wire.ts); a test holds the two equal.
 */
export function record<F extends Fields>(
  name: string,
  fields: F,
  writtenOut: Partial<Pick<Codec<RecordOf<F>>, 'read' | 'write'>> = {},
): RecordCodec<F> {
  const names = Object.keys(fields);
  const codecs = names.map((field) => codecOf(fields[field]!));
  const byTable: Codec<RecordOf<F>> = {
    name,
    sizeMin: codecs.reduce((sum, codec) => sum + codec.sizeMin, 0),
    read(r) {
      const value: Record<string, unknown> = {};
      for (let i = 0; i < names.length; i++) value[names[i]!] = codecs[i]!.read(r);
      return value as RecordOf<F>;
    },
    write(w, value) {
      for (let i = 0; i < names.length; i++) codecs[i]!.write(w, value[names[i]!]);
    },
  };
  return { ...byTable, ...writtenOut, fields, byTable };
}
