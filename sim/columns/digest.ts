/**
 * The columns of a block as bytes: what the writer of a compressed trace puts into the header of each block, so that a
 * reader draws a million events without inflating or scanning a gigabyte of JSON. Nothing is in a digest that is not in
 * the lines; a reader that does not know it, or does not trust it, scans the lines instead.
 *
 * Columns are written one after the other, each number as the difference to the one before it in its column, in seven bits a
 * byte (times, ids and zxids grow slowly, so most are one or two bytes). That is deflated in blocks that end with a full
 * flush (RFC 1951, 3.2.4: an empty stored block; nothing refers to what came before), so digests of neighbouring blocks
 * put behind each other are one stream of deflate, and a browser inflates hundreds at the cost of one call. deflate has no
 * checksum, so each digest has one.
 *
 * ```
 * Digest  => length:4 adler32:4 Payload                                    length and checksum of the payload
 * Payload => textBytes lines tailStart+1 headId headStart+1 Words Counts Columns txnBytes Rare
 * ```
 */

import { type BlockColumns, CARRIED, type RareLine } from './block.ts';
import { ByteReader, ByteWriter } from './varint.ts';

export const DIGEST_VERSION = 1;
const FRAME_BYTES = 8;

type Kind = 'u8' | 'u16' | 'u32' | 'f64';

/** The columns of each group in the order in which they are written. */
const LAYOUT = {
  events: { id: 'u32', index: 'u32', cause: 'u32', timeUs: 'f64', host: 'u16', kind: 'u8', start: 'u32' },
  reads: { pos: 'u32', uid: 'u32', size: 'u32' },
  files: { pos: 'u32', op: 'u32', lane: 'u8', action: 'u8', size: 'u32' },
  done: { pos: 'u32', op: 'u32', ok: 'u8' },
  clocks: { timeUs: 'f64', host: 'u16', generation: 'u16', monoMs: 'f64', wallMs: 'f64' },
  segments: {
    event: 'u32',
    timeUs: 'f64',
    uid: 'u32',
    channel: 'u8',
    from: 'u16',
    to: 'u16',
    size: 'u32',
    messages: 'u16',
  },
  messages: { name: 'u16', zxid: 'f64' },
  zxids: {
    event: 'u32',
    timeUs: 'f64',
    host: 'u16',
    logged: 'f64',
    synced: 'f64',
    committed: 'f64',
    applied: 'f64',
  },
  txns: { event: 'u32', host: 'u16', zxid: 'f64', end: 'u32' },
  keyframes: { event: 'u32', host: 'u16' },
} as const satisfies { readonly [G in keyof BlockColumns]?: Readonly<Record<string, Kind>> };

type Group = keyof typeof LAYOUT;
type AnyColumn = Uint8Array | Uint16Array | Uint32Array | Float64Array;
const GROUPS = (Object.entries(LAYOUT) as [Group, Readonly<Record<string, Kind>>][]).map(([group, columns]) => ({
  group,
  columns: Object.entries(columns).map(([name, kind]) => ({ name, kind })),
}));

type FieldReader<T> = (column: number, row: number) => T | undefined;

/**
 * Rare lines that are still many, and flat: their fields are written as numbers and words. All others stay JSON. `make` puts
 * a line together, field by field: objects of one shape cost a fraction of those that grow key by key.
 */
const FLAT: readonly {
  readonly type: string;
  readonly numbers: readonly string[];
  readonly words: readonly string[];
  readonly make: (row: number, number: FieldReader<number>, word: FieldReader<string>) => RareLine;
}[] = [
  {
    type: 'connection',
    numbers: ['event', 't', 'uid', 'dialer', 'acceptor', 'host'],
    words: ['kind', 'channel', 'reason'],
    make: (row, number, word) => ({
      type: 'connection',
      event: number(0, row),
      t: number(1, row),
      uid: number(2, row),
      dialer: number(3, row),
      acceptor: number(4, row),
      host: number(5, row),
      kind: word(0, row),
      channel: word(1, row),
      reason: word(2, row),
    }),
  },
  {
    type: 'invoke',
    numbers: ['event', 't', 'host', 'id'],
    words: ['kind', 'path'],
    make: (row, number, word) => ({
      type: 'invoke',
      event: number(0, row),
      t: number(1, row),
      host: number(2, row),
      id: number(3, row),
      kind: word(0, row),
      path: word(1, row),
    }),
  },
  {
    type: 'complete',
    numbers: ['event', 't', 'host', 'id', 'err', 'zxid'],
    words: ['result'],
    make: (row, number, word) => ({
      type: 'complete',
      event: number(0, row),
      t: number(1, row),
      host: number(2, row),
      id: number(3, row),
      err: number(4, row),
      zxid: number(5, row),
      result: word(0, row),
    }),
  },
];
const FLAT_COLUMNS = Math.max(...FLAT.map(({ numbers, words }) => numbers.length + words.length));
const AS_JSON = FLAT.length;

/** The digest of a block, not yet deflated. Null when the block holds anything that a digest cannot tell. */
export function digestOf(block: BlockColumns): Uint8Array | null {
  if (block.bad.length > 0) return null;
  const to = new ByteWriter();
  to.skip(FRAME_BYTES);
  to.varint(block.textBytes);
  to.varint(block.lines);
  to.varint(block.tailStart === CARRIED ? 0 : block.tailStart + 1);
  to.varint(block.headId);
  to.varint(block.headStart === CARRIED ? 0 : block.headStart + 1);
  to.words(block.names);
  for (const { group, columns } of GROUPS) {
    const given = block[group] as Readonly<Record<string, AnyColumn>>;
    to.varint(given[columns[0]!.name]!.length);
    for (const { name, kind } of columns) writeColumn(to, kind, given[name]!);
  }
  to.varint(block.txnBytes.length);
  to.bytes(block.txnBytes);
  writeRare(to, block.rare);
  const digest = to.done();
  const view = new DataView(digest.buffer, digest.byteOffset, FRAME_BYTES);
  view.setUint32(0, digest.length - FRAME_BYTES, true);
  view.setUint32(4, adler32(digest, FRAME_BYTES, digest.length), true);
  return digest;
}

/** Digests that stand behind each other: where the payload of each is; null for one that is damaged. Throws if they are not so many. */
export function payloadsOf(bytes: Uint8Array, count: number): (Uint8Array | null)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: (Uint8Array | null)[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const from = at + FRAME_BYTES;
    const to = from + (from <= bytes.length ? view.getUint32(at, true) : 0);
    if (from > bytes.length || to > bytes.length) throw new Error('a digest is cut off');
    found.push(view.getUint32(at + 4, true) === adler32(bytes, from, to) ? bytes.subarray(from, to) : null);
    at = to;
  }
  if (at !== bytes.length) throw new Error('more behind the last digest');
  return found;
}

/** The length of the text that a payload tells of. */
export function textBytesOf(payload: Uint8Array): number {
  const reader = new ByteReader();
  reader.begin(payload);
  return reader.varint();
}

/** The block that a payload tells of. Its columns are parts of the decoder's own and hold until the next block is read. */
export class DigestDecoder {
  readonly #reader = new ByteReader();
  readonly #spaces = new Map(GROUPS.map(({ group, columns }) => [group, columns.map(({ kind }) => new Space(kind))]));
  readonly #flat = Array.from({ length: FLAT_COLUMNS }, () => new Space('f64'));

  block(payload: Uint8Array): BlockColumns {
    const from = this.#reader;
    from.begin(payload);
    const textBytes = from.varint();
    const lines = from.varint();
    const tail = from.varint();
    const headId = from.varint();
    const head = from.varint();
    const names = from.words();
    const groups: Partial<Record<Group, Record<string, AnyColumn>>> = {};
    for (const { group, columns } of GROUPS) {
      const spaces = this.#spaces.get(group)!;
      const count = from.varint();
      const read: Record<string, AnyColumn> = {};
      for (let i = 0; i < columns.length; i++) read[columns[i]!.name] = readColumn(from, spaces[i]!, count);
      groups[group] = read;
    }
    const txnBytes = from.bytes(from.varint());
    const rare = this.#rare();
    return {
      lines,
      textBytes,
      names,
      ...(groups as unknown as Pick<BlockColumns, Group>),
      tailStart: tail === 0 ? CARRIED : tail - 1,
      headId,
      headStart: head === 0 ? CARRIED : head - 1,
      txnBytes,
      rare,
      bad: [],
    };
  }

  #rare(): RareLine[] {
    const from = this.#reader;
    const kinds = from.bytes(from.varint());
    const counts = new Uint32Array(AS_JSON + 1);
    for (let i = 0; i < kinds.length; i++) counts[kinds[i]!]!++;
    const table = from.words();
    const lists: RareLine[][] = FLAT.map(({ numbers, words, make }, at) => {
      const count = counts[at]!;
      const values = [...numbers, ...words].map((_, i) => readColumn(from, this.#flat[i]!, count));
      const number: FieldReader<number> = (column, row) => {
        const value = values[column]![row]!;
        return Number.isNaN(value) ? undefined : value;
      };
      const word: FieldReader<string> = (column, row) => {
        const value = values[numbers.length + column]![row]!;
        return value === 0 ? undefined : table[value - 1];
      };
      const lines: RareLine[] = [];
      for (let row = 0; row < count; row++) lines.push(make(row, number, word));
      return lines;
    });
    lists.push(JSON.parse(from.words()[0] ?? '[]') as RareLine[]);
    const next = new Uint32Array(lists.length);
    const rare: RareLine[] = [];
    for (let i = 0; i < kinds.length; i++) rare.push(lists[kinds[i]!]![next[kinds[i]!]!++]!);
    return rare;
  }
}

/** Room for one column, used again for each block. */
class Space {
  readonly kind: Kind;
  #array: Uint16Array | Uint32Array | Float64Array;

  constructor(kind: Kind) {
    this.kind = kind;
    this.#array = this.#make(0);
  }

  #make(length: number): Uint16Array | Uint32Array | Float64Array {
    if (this.kind === 'f64') return new Float64Array(length);
    return this.kind === 'u32' ? new Uint32Array(length) : new Uint16Array(length);
  }

  first(length: number): Uint16Array | Uint32Array | Float64Array {
    if (length > this.#array.length) this.#array = this.#make(length * 2);
    return this.#array.subarray(0, length);
  }
}

// --- columns ---------------------------------------------------------------------------------------------------------

/** How a column is written: bytes as they are, differences, differences of which some are missing, or doubles. */
const MODE = { bytes: 0, deltas: 1, doubles: 2 } as const;
/** Differences beyond this are not exact when they are doubled. */
const DELTA_MAX = 2 ** 51;

function writeColumn(to: ByteWriter, kind: Kind, values: AnyColumn): void {
  if (kind === 'u8') {
    to.varint(MODE.bytes);
    to.bytes(values as Uint8Array);
  } else if (kind === 'f64' && !areDeltas(values as Float64Array)) {
    to.varint(MODE.doubles);
    to.bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  } else {
    to.varint(MODE.deltas);
    to.deltas(values);
  }
}

/** Integers, or not a number. */
function areDeltas(values: Float64Array): boolean {
  let before = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    if (!Number.isInteger(value) || Object.is(value, -0) || Math.abs(value - before) >= DELTA_MAX) return false;
    before = value;
  }
  return true;
}

function readColumn(from: ByteReader, space: Space, count: number): AnyColumn {
  const mode = from.varint();
  if (mode === MODE.bytes) return from.bytes(count);
  if (mode === MODE.doubles) return new Float64Array(from.bytes(count * 8).slice().buffer);
  if (mode !== MODE.deltas) throw new Error(`a column of an unknown mode ${mode}`);
  const values = space.first(count);
  from.deltas(values);
  return values;
}

// --- rare lines ------------------------------------------------------------------------------------------------------

function flatOf(line: RareLine): number {
  const at = FLAT.findIndex(({ type }) => type === line.type);
  if (at < 0) return AS_JSON;
  const { numbers, words } = FLAT[at]!;
  for (const [key, value] of Object.entries(line)) {
    if (key === 'type') continue;
    const isKnown =
      typeof value === 'number' ? numbers.includes(key) : typeof value === 'string' && words.includes(key);
    if (!isKnown) return AS_JSON;
  }
  return at;
}

/** Which kind each is, in order; then the fields of each kind as columns; then the rest as JSON. */
function writeRare(to: ByteWriter, rare: readonly RareLine[]): void {
  const kinds = Uint8Array.from(rare, flatOf);
  to.varint(kinds.length);
  to.bytes(kinds);
  const table = new Map<string, number>();
  const numberOf = (word: unknown): number => {
    if (typeof word !== 'string') return 0;
    const known = table.get(word) ?? table.size + 1;
    table.set(word, known);
    return known;
  };
  const columns = FLAT.flatMap(({ numbers, words }, at) => {
    const lines = rare.filter((_, i) => kinds[i] === at);
    return [
      ...numbers.map((key) => Float64Array.from(lines, (line) => (line[key] as number | undefined) ?? Number.NaN)),
      ...words.map((key) => Float64Array.from(lines, (line) => numberOf(line[key]))),
    ];
  });
  to.words([...table.keys()]);
  for (const column of columns) writeColumn(to, 'f64', column);
  to.words([JSON.stringify(rare.filter((_, i) => kinds[i] === AS_JSON))]);
}

/** RFC 1950, 8.2: two sums, taken modulo 65521 before they can grow too large. */
export function adler32(bytes: Uint8Array, from: number, to: number): number {
  let a = 1;
  let b = 0;
  for (let at = from; at < to; ) {
    for (const end = Math.min(to, at + 3800); at < end; at++) {
      a += bytes[at]!;
      b += a;
    }
    a %= 65_521;
    b %= 65_521;
  }
  return ((b << 16) | a) >>> 0;
}

/** Behind the last of several digests: an empty block that says that the stream ends. */
export const DEFLATE_END = Uint8Array.of(0x03, 0x00);
