/**
 * The bytes of a snapshot file (server/persistence/FileSnap, SnapStream).
 *
 * ```
 * Snapshot => "ZKSN":int version:int(2) dbid:long(-1) Body Seal [Digest Seal] [LastProcessed Seal]
 * Digest   => zxid:long version:int(2) treeDigest:long          when digests are enabled
 * LastProcessed => zxid:long                                    3.9 and later
 * Seal     => checksum:long "/":string
 * ```
 *
 * A seal's checksum is the Adler-32 of everything before it, earlier seals included. Nothing says which sections follow the
 * body, but each choice has another size. A whole file may be compressed with gzip (or snappy, which we only read).
 *
 * Java snapshots are fuzzy: transactions go on while the file is written, and its name holds the zxid of the beginning. The
 * sections are written last and so tell when the file is fuzzy: they hold a later zxid. Ours never are.
 *
 * Both classes work in pieces and are heap objects (DESIGN, law 9).
 */

import { GzipReader, GzipWriter } from '../compress/gzip.ts';
import type { Pulled } from '../compress/inflate.ts';
import { SnappyReader } from '../compress/snappy.ts';
import type { DataTree } from '../tree/data-tree.ts';
import { TREE_DIGEST_VERSION } from '../tree/digest.ts';
import { TreeLoader } from '../tree/tree-loader.ts';
import type { TreeSnapshot } from '../tree/tree-snapshot.ts';
import { ZXID_ZERO, type Zxid } from '../types.ts';
import { adler32 } from '../wire/adler32.ts';
import { concat } from '../wire/bytes.ts';
import { JuteReader, JuteWriter } from '../wire/jute.ts';
import { SnapshotReader, type SnapshotVisitor, SnapshotWriter } from '../wire/snapshot-codec.ts';
import { ENTRY_BYTES_MAX } from './log-file.ts';
import type { Compression } from './names.ts';

const HEADER_SIZE = 16;
const SNAPSHOT_MAGIC = 0x5a4b_534e;
const SNAPSHOT_VERSION = 2;
const DBID = -1n;
const SEAL_TEXT = '/';
const SEAL_SIZE = 13;
const DIGEST_SIZE = 20;
const LAST_ZXID_SIZE = 8;
/** A node is at most as large as the transaction that made it. */
const ITEM_BYTES_MAX = ENTRY_BYTES_MAX;
/** How much is taken out of a decompressor at a time. */
const PULL_BYTES = 65_536;

// --- writing ---------------------------------------------------------------------------------------------------------

export interface SnapshotFileOptions {
  readonly compression: 'none' | 'gz';
  readonly digest: boolean;
  /** The section that 3.9 added. */
  readonly lastProcessed: boolean;
}

type WritePhase = 'header' | 'body' | 'sections' | 'done';

export class SnapshotFileWriter {
  private readonly snapshot: TreeSnapshot;
  private readonly options: SnapshotFileOptions;
  private readonly body: SnapshotWriter;
  private readonly gzip: GzipWriter | null;
  private phase: WritePhase = 'header';
  private checksum = 1;

  /** Takes the snapshot over: `close` closes it. */
  constructor(snapshot: TreeSnapshot, options: SnapshotFileOptions) {
    this.snapshot = snapshot;
    this.options = options;
    this.body = new SnapshotWriter(snapshot, null);
    this.gzip = options.compression === 'gz' ? new GzipWriter() : null;
  }

  get zxid(): Zxid {
    return this.snapshot.zxid;
  }

  close(): void {
    this.phase = 'done';
    this.snapshot.close();
  }

  /** The next bytes of the file, about `bytesTarget` before compression, never none; null after the last. */
  next(bytesTarget: number): Uint8Array | null {
    const parts: Uint8Array[] = [];
    let size = 0;
    while (size < bytesTarget && this.phase !== 'done') {
      const raw = this.nextRaw(bytesTarget);
      size += raw.length;
      if (this.gzip === null) parts.push(raw);
      else parts.push(this.gzip.push(raw));
      if (this.phase !== 'sections') continue;
      this.close();
      if (this.gzip !== null) parts.push(this.gzip.finish());
    }
    const bytes = concat(parts);
    // A compressor may keep all of a piece to itself.
    return bytes.length > 0 || this.phase === 'done' ? orNull(bytes) : this.next(bytesTarget);
  }

  private nextRaw(bytesTarget: number): Uint8Array {
    if (this.phase === 'header') {
      this.phase = 'body';
      return this.count(fileHeader());
    }
    const piece = this.body.next(bytesTarget);
    if (piece !== null) return this.count(piece);
    this.phase = 'sections';
    return this.sections();
  }

  private count(bytes: Uint8Array): Uint8Array {
    this.checksum = adler32(bytes, this.checksum);
    return bytes;
  }

  private sections(): Uint8Array {
    const { zxid, digest } = this.snapshot;
    const parts: Uint8Array[] = [this.seal()];
    if (this.options.digest) {
      // Before the first transaction Java has no digest to write.
      parts.push(this.count(digestSection(zxid, zxid === ZXID_ZERO ? 0n : digest)), this.seal());
    }
    if (this.options.lastProcessed) {
      const w = new JuteWriter();
      w.num(zxid);
      parts.push(this.count(w.finish()), this.seal());
    }
    return concat(parts);
  }

  private seal(): Uint8Array {
    const w = new JuteWriter();
    w.num(this.checksum);
    w.string(SEAL_TEXT);
    return this.count(w.finish());
  }
}

const orNull = (bytes: Uint8Array): Uint8Array | null => (bytes.length > 0 ? bytes : null);

function fileHeader(): Uint8Array {
  const w = new JuteWriter();
  w.int(SNAPSHOT_MAGIC);
  w.int(SNAPSHOT_VERSION);
  w.long(DBID);
  return w.finish();
}

function digestSection(zxid: Zxid, digest: bigint): Uint8Array {
  const w = new JuteWriter();
  w.num(zxid);
  w.int(TREE_DIGEST_VERSION);
  w.long(digest);
  return w.finish();
}

// --- reading ---------------------------------------------------------------------------------------------------------

export interface SnapshotSections {
  readonly digest: { readonly zxid: Zxid; readonly version: number; readonly treeDigest: bigint } | null;
  readonly lastProcessed: Zxid | null;
}

interface Decompressor {
  push(bytes: Uint8Array): void;
  end(): void;
  pull(bytesMax: number): Pulled;
}

/** Reads a file to its last byte, and believes nothing that the seals do not confirm. */
export class SnapshotFileReader {
  private readonly body: SnapshotReader;
  private readonly decompressor: Decompressor | null;
  private phase: 'header' | 'body' | 'sections' | 'bad' = 'header';
  private checksum = 1;
  /** The header, or the sections, as far as they have come. */
  private pending: Uint8Array = new Uint8Array(0);

  constructor(visitor: SnapshotVisitor, compression: Compression) {
    this.body = new SnapshotReader(visitor, { endMark: null, itemBytesMax: ITEM_BYTES_MAX });
    this.decompressor = decompressorOf(compression);
  }

  get isBad(): boolean {
    return this.phase === 'bad';
  }

  push(bytes: Uint8Array): void {
    if (this.decompressor === null) return this.take(bytes);
    this.decompressor.push(bytes);
    this.drain(this.decompressor);
  }

  /** The file has ended. Null when it is no valid snapshot. */
  finish(): SnapshotSections | null {
    if (this.decompressor !== null) {
      this.decompressor.end();
      if (this.drain(this.decompressor) !== 'done') return null;
    }
    return this.phase === 'sections' ? readSections(this.pending, this.checksum) : null;
  }

  private drain(decompressor: Decompressor): Pulled['kind'] {
    for (;;) {
      const pulled = decompressor.pull(PULL_BYTES);
      if (pulled.kind === 'bad') this.phase = 'bad';
      if (pulled.kind !== 'bytes') return pulled.kind;
      this.take(pulled.bytes);
      if (this.phase === 'bad') return 'bad';
    }
  }

  private take(bytes: Uint8Array): void {
    switch (this.phase) {
      case 'header':
        return this.takeHeader(bytes);
      case 'body':
        return this.takeBody(bytes);
      case 'sections':
        return this.takeSections(bytes);
      case 'bad':
        return;
      default:
        this.phase satisfies never;
    }
  }

  private takeHeader(bytes: Uint8Array): void {
    this.pending = concat([this.pending, bytes]);
    if (this.pending.length < HEADER_SIZE) return;
    const all = this.pending;
    this.pending = new Uint8Array(0);
    const r = new JuteReader(all);
    this.phase = r.int() === SNAPSHOT_MAGIC && r.int() === SNAPSHOT_VERSION ? 'body' : 'bad';
    this.checksum = adler32(all, 1, 0, HEADER_SIZE);
    if (all.length > HEADER_SIZE) this.take(all.subarray(HEADER_SIZE));
  }

  private takeBody(bytes: Uint8Array): void {
    const progress = this.body.push(bytes);
    const rest = progress.kind === 'done' ? progress.rest : null;
    this.checksum = adler32(bytes, this.checksum, 0, bytes.length - (rest?.length ?? 0));
    if (progress.kind === 'bad') {
      this.phase = 'bad';
    } else if (rest !== null) {
      this.phase = 'sections';
      this.takeSections(rest);
    }
  }

  private takeSections(bytes: Uint8Array): void {
    this.pending = concat([this.pending, bytes]);
    if (this.pending.length > SEAL_SIZE * 3 + DIGEST_SIZE + LAST_ZXID_SIZE) this.phase = 'bad';
  }
}

function decompressorOf(compression: Compression): Decompressor | null {
  switch (compression) {
    case 'none':
      return null;
    case 'gz':
      return new GzipReader();
    case 'snappy':
      return new SnappyReader();
    default:
      return compression satisfies never;
  }
}

/** What follows the body, told apart by its size. `checksum` is that of everything before. */
function readSections(bytes: Uint8Array, checksum: number): SnapshotSections | null {
  const sectionsSize = bytes.length - SEAL_SIZE;
  const hasDigest = sectionsSize >= DIGEST_SIZE + SEAL_SIZE;
  const digestSize = hasDigest ? DIGEST_SIZE + SEAL_SIZE : 0;
  const hasLast = sectionsSize > digestSize;
  const lastSize = hasLast ? LAST_ZXID_SIZE + SEAL_SIZE : 0;
  if (sectionsSize !== digestSize + lastSize) return null;
  const r = new JuteReader(bytes);
  const sealed = (): boolean => {
    const actual = adler32(bytes, checksum, 0, r.offset);
    return r.num() === actual && r.string() === SEAL_TEXT;
  };
  if (!sealed()) return null;
  const digest = hasDigest ? { zxid: r.num() as Zxid, version: r.int(), treeDigest: r.long() } : null;
  if (hasDigest && !sealed()) return null;
  const lastProcessed = hasLast ? (r.num() as Zxid) : null;
  if (hasLast && !sealed()) return null;
  return { digest, lastProcessed };
}

// --- loading ---------------------------------------------------------------------------------------------------------

/** A snapshot file being read into a tree. */
export class SnapshotLoad {
  readonly zxid: Zxid;
  private readonly loader = new TreeLoader();
  private readonly reader: SnapshotFileReader;

  constructor(zxid: Zxid, compression: Compression) {
    this.zxid = zxid;
    this.reader = new SnapshotFileReader(this.loader, compression);
  }

  get isBad(): boolean {
    return this.reader.isBad;
  }

  push(bytes: Uint8Array): void {
    this.reader.push(bytes);
  }

  /** The tree, or null when the file is no valid snapshot. */
  finish(): DataTree | null {
    const sections = this.reader.finish();
    if (sections === null) return null;
    const tree = this.loader.finish({ zxid: this.zxid, recountQuotas: isFuzzy(sections, this.zxid) });
    return tree !== null && hasItsDigest(tree, sections) ? tree : null;
  }
}

/** Without any section nobody knows; upstream's are fuzzy. */
function isFuzzy({ digest, lastProcessed }: SnapshotSections, zxid: Zxid): boolean {
  if (digest === null && lastProcessed === null) return true;
  return (digest?.zxid ?? ZXID_ZERO) > zxid || (lastProcessed ?? ZXID_ZERO) > zxid;
}

/** A snapshot that is not fuzzy carries the digest of just this tree. One of an empty database carries none. */
function hasItsDigest(tree: DataTree, { digest }: SnapshotSections): boolean {
  if (digest === null || digest.version !== TREE_DIGEST_VERSION) return true;
  if (digest.zxid !== tree.lastZxid || digest.zxid === ZXID_ZERO) return true;
  return digest.treeDigest === tree.digest();
}

/** Checks a file without building anything. */
export const NO_VISITOR: SnapshotVisitor = { session: () => true, acl: () => true, node: () => true };
