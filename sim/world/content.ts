/**
 * The content of one file, twice: as the page cache has it and as the platter has it. Between the two stands the list of
 * what was written since the last fsync; a power cut decides the fate of each unsynced sector by a draw.
 */

/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;

/** Up to here a loop is faster than a view and a copy. */
const COPY_BYTE_BY_BYTE_MAX = 192;

/** Bytes of a file. What lies between `used` and `size` are zeros that need no memory (preallocated logs). */
export class Content {
  used = 0;
  size = 0;
  private store = new Uint8Array(0);
  /** The last view; a log that is written inside its padding keeps it for thousands of records. */
  private seen = this.store;

  view(): Uint8Array {
    if (this.seen.length !== this.used || this.seen.buffer !== this.store.buffer) {
      this.seen = this.store.subarray(0, this.used);
    }
    return this.seen;
  }

  /** A copy of up to `length` bytes at `offset`. */
  read(offset: number, length: number): Uint8Array {
    const end = Math.min(this.size, offset + length);
    if (end <= offset) return new Uint8Array(0);
    const result = new Uint8Array(end - offset);
    if (offset < this.used) result.set(this.store.subarray(offset, Math.min(end, this.used)));
    return result;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.extend(offset + bytes.length);
    this.store.set(bytes, offset);
  }

  private extend(end: number): void {
    if (end > this.store.length) this.reserve(end);
    if (end > this.used) this.used = end;
    if (end > this.size) this.size = end;
  }

  /** The same range of another content, which has it. */
  copy(from: Content, start: number, end: number): void {
    this.extend(end);
    if (end - start > COPY_BYTE_BY_BYTE_MAX) this.store.set(from.store.subarray(start, end), start);
    else for (let i = start; i < end; i++) this.store[i] = from.store[i]!;
  }

  truncate(size: number): void {
    if (size < this.used) {
      this.store.fill(0, size, this.used);
      this.used = size;
    }
    this.size = size;
  }

  flipBit(offset: number, bit: number): void {
    this.store[offset] = this.store[offset]! ^ (1 << bit);
  }

  copyOf(): Content {
    const copy = new Content();
    copy.store = this.store.slice(0, this.used);
    copy.used = this.used;
    copy.size = this.size;
    return copy;
  }

  private reserve(end: number): void {
    const grown = new Uint8Array(Math.max(end, this.store.length * 2, SECTOR_BYTES));
    grown.set(this.store.subarray(0, this.used));
    this.store = grown;
  }
}

/** Bytes written and not synced; `mark` counts the changes of the file, so that an fsync covers what came before it. */
interface Extent {
  readonly start: number;
  readonly end: number;
  readonly mark: number;
}

/** What a power cut makes of one sector. */
export type SectorFate = 'kept' | 'lost' | 'garbage';

export interface PowerCutFates {
  /** The file as a whole: the luck of having been flushed entirely, or not at all, is worth trying too. */
  readonly file: 'all' | 'none' | 'mixed';
  /** For `mixed`. `fresh`: the platter has nothing of this sector yet. */
  sector(index: number, fresh: boolean): SectorFate;
  garbage(size: number): Uint8Array;
  /** For metadata that was not synced: a truncation, a growth of the size. */
  chance(purpose: number): boolean;
}

const CHANGES_MAX = 64;

export class FileNode {
  readonly id: number;
  cache = new Content();
  platter = new Content();
  /** Counts the changes of the cache. */
  mark = 0;
  /** Counts the changes of the platter. */
  version = 0;
  lastWriteUs = 0;
  private dirty: Extent[] = [];
  /** An fsync that covers everything up to this mark has begun: later writes get extents of their own. */
  private sealedMark = 0;
  /** Sizes the file was cut to since the last fsync. */
  private cuts: { readonly size: number; readonly mark: number }[] = [];
  /**
   * For `changedSince`: platter versions with the lowest offset each changed, both strictly increasing, so that the first
   * entry after a version has the lowest offset of all changes after it.
   */
  private changes: { readonly version: number; readonly offset: number }[] = [];
  private forgottenVersion = 0;

  constructor(id: number) {
    this.id = id;
  }

  /** What of it is durable (`DurableNode`). */
  get size(): number {
    return this.platter.size;
  }

  get bytes(): Uint8Array {
    return this.platter.view();
  }

  isClean(): boolean {
    return this.dirty.length === 0 && this.cuts.length === 0 && this.cache.size === this.platter.size;
  }

  /** What an fsync that begins now will cover. */
  seal(): number {
    this.sealedMark = this.mark;
    return this.mark;
  }

  write(offset: number, bytes: Uint8Array, timeUs: number): void {
    this.mark += 1;
    this.lastWriteUs = timeUs;
    this.cache.write(offset, bytes);
    const end = offset + bytes.length;
    const last = this.dirty[this.dirty.length - 1];
    if (last !== undefined && last.end === offset && last.mark > this.sealedMark) {
      this.dirty[this.dirty.length - 1] = { start: last.start, end, mark: this.mark };
    } else {
      this.dirty.push({ start: offset, end, mark: this.mark });
    }
  }

  truncate(size: number, timeUs: number): void {
    this.mark += 1;
    this.lastWriteUs = timeUs;
    if (size < this.cache.size) this.cuts.push({ size, mark: this.mark });
    this.cache.truncate(size);
  }

  /** Makes everything durable that was written up to `mark`. `diverted` is left out: those bytes went elsewhere. */
  sync(mark: number, diverted: { readonly start: number; readonly end: number } | null = null): void {
    let lowest = this.applyCuts(mark);
    const later: Extent[] = [];
    for (const extent of this.dirty) {
      if (extent.mark > mark) later.push(extent);
      else lowest = Math.min(lowest, this.flush(extent, diverted));
    }
    this.dirty = later;
    if (later.length === 0 && this.cuts.length === 0 && this.platter.size !== this.cache.size) {
      lowest = Math.min(lowest, this.platter.size, this.cache.size);
      this.platter.truncate(this.cache.size);
    }
    if (lowest !== Number.POSITIVE_INFINITY) this.platterChanged(lowest);
  }

  /**
   * A failed fsync (fsyncgate): some pages reached the platter, all count as clean. What is missing on the platter is still
   * in the cache, so that the process sees nothing wrong and a second fsync has nothing to do.
   */
  syncFailed(fates: PowerCutFates): void {
    const lowest = this.scatter(fates);
    this.dirty = [];
    this.cuts = [];
    if (lowest !== Number.POSITIVE_INFINITY) this.platterChanged(lowest);
  }

  /** After this the cache is what the platter kept. */
  powerCut(fates: PowerCutFates): void {
    const lowest = this.isClean() ? Number.POSITIVE_INFINITY : this.scatter(fates);
    this.dirty = [];
    this.cuts = [];
    if (lowest !== Number.POSITIVE_INFINITY) this.platterChanged(lowest);
    this.cache = this.platter.copyOf();
    this.mark += 1;
  }

  /** Sectors that hold durable bytes and would be rewritten by what is dirty: where a torn write hurts. */
  exposedSector(): number | null {
    for (const extent of this.dirty) {
      const sector = Math.floor(extent.start / SECTOR_BYTES);
      if (sector * SECTOR_BYTES < this.platter.used) return sector;
    }
    return null;
  }

  /** Puts these bytes on the platter and, unless the process has newer ones there, into the cache. */
  damage(offset: number, bytes: Uint8Array): void {
    this.platter.write(offset, bytes);
    if (this.dirty.length === 0 && this.cache.size >= offset + bytes.length) this.cache.write(offset, bytes);
    this.platterChanged(offset);
  }

  flipBit(offset: number, bit: number): void {
    this.platter.flipBit(offset, bit);
    if (offset < this.cache.used) this.cache.flipBit(offset, bit);
    this.platterChanged(offset);
  }

  /** The first dirty extent, for a misdirected write. */
  firstDirty(): { readonly start: number; readonly end: number } | null {
    return this.dirty[0] ?? null;
  }

  changedSince(version: number): number {
    if (version >= this.version) return Number.POSITIVE_INFINITY;
    if (version < this.forgottenVersion) return 0;
    // Who asks has usually missed only the last change.
    const { changes } = this;
    let first = changes.length;
    while (first > 0 && changes[first - 1]!.version > version) first -= 1;
    return first < changes.length ? changes[first]!.offset : 0;
  }

  platterChanged(offset: number): void {
    this.version += 1;
    const changes = this.changes;
    while (changes.length > 0 && changes[changes.length - 1]!.offset >= offset) changes.pop();
    changes.push({ version: this.version, offset });
    if (changes.length > CHANGES_MAX) this.forgottenVersion = changes.splice(0, CHANGES_MAX / 2).pop()!.version;
  }

  /** Returns the lowest offset that reached the platter. */
  private flush(extent: Extent, diverted: { readonly start: number; readonly end: number } | null): number {
    const end = Math.min(extent.end, this.cache.used);
    if (end <= extent.start) return Number.POSITIVE_INFINITY;
    if (diverted !== null && diverted.start === extent.start) return Number.POSITIVE_INFINITY;
    this.platter.copy(this.cache, extent.start, end);
    return extent.start;
  }

  /** Cuts the platter as the cache was cut up to `mark`. */
  private applyCuts(mark: number): number {
    if (this.cuts.length === 0) return Number.POSITIVE_INFINITY;
    let lowest = Number.POSITIVE_INFINITY;
    for (const cut of this.cuts) if (cut.mark <= mark) lowest = Math.min(lowest, cut.size);
    this.cuts = this.cuts.filter((cut) => cut.mark > mark);
    if (lowest >= this.platter.size) return Number.POSITIVE_INFINITY;
    this.platter.truncate(lowest);
    return lowest;
  }

  private scatter(fates: PowerCutFates): number {
    let lowest = fates.chance(0) ? this.applyCuts(this.mark) : Number.POSITIVE_INFINITY;
    for (const extent of this.dirty) lowest = Math.min(lowest, this.scatterExtent(extent, fates));
    if (this.cache.size > this.platter.size && fates.chance(1)) {
      lowest = Math.min(lowest, this.platter.size);
      this.platter.truncate(this.cache.size);
    }
    return lowest;
  }

  private scatterExtent(extent: Extent, fates: PowerCutFates): number {
    const end = Math.min(extent.end, this.cache.used);
    if (fates.file === 'none' || end <= extent.start) return Number.POSITIVE_INFINITY;
    let lowest = Number.POSITIVE_INFINITY;
    const durableUsed = this.platter.used;
    const cached = this.cache.view();
    for (let at = extent.start; at < end; ) {
      const sector = Math.floor(at / SECTOR_BYTES);
      const stop = Math.min(end, (sector + 1) * SECTOR_BYTES);
      const fate = fates.file === 'all' ? 'kept' : fates.sector(sector, sector * SECTOR_BYTES >= durableUsed);
      if (fate !== 'lost') {
        this.platter.write(at, fate === 'kept' ? cached.subarray(at, stop) : fates.garbage(stop - at));
        lowest = Math.min(lowest, at);
      }
      at = stop;
    }
    return lowest;
  }
}
