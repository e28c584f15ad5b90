/**
 * A disk for the tests of storage: names and contents, each as the running system sees them (the page cache) and as a power
 * cut would leave them (the platter).
 *
 * An fsync of a file moves its bytes and size to the platter, not its name; an fsync of a directory moves the names in it.
 * A power cut keeps any subset of the changed sectors and of the changed names; a sector that never was on the platter may
 * also come back as garbage. A failed fsync leaves the platter as it was and calls the pages clean, so that the next fsync
 * does nothing about them.
 */

import type { FileAction, FileEntry, FileError, FileResult } from '../../../core/io.ts';

const SECTOR = 512;

export type Random = () => number;

/** mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

interface Content {
  cache: Uint8Array;
  platter: Uint8Array;
  /** Sectors of the cache that an fsync would write; sizes differ too when anything does. */
  dirty: Set<number>;
}

type NameChange =
  | { readonly kind: 'link'; readonly path: string; readonly file: Content }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly file: Content };

const dirOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
const OK: FileResult = { ok: true };
const failed = (error: FileError): FileResult => ({ ok: false, error });

export class MemoryDisk {
  private names = new Map<string, Content>();
  private durableNames = new Map<string, Content>();
  private changes: NameChange[] = [];
  /** The next operations that match fail: an fsync leaves the platter alone, a write does nothing. */
  faults: { readonly match: (action: FileAction) => boolean; readonly error: FileError }[] = [];
  hadFault = false;
  /** Mutation: an fsync of a directory does nothing. */
  ignoreDirSync = false;

  static of(files: Iterable<readonly [string, Uint8Array]>): MemoryDisk {
    const disk = new MemoryDisk();
    for (const [path, bytes] of files) {
      const content: Content = { cache: bytes.slice(), platter: bytes.slice(), dirty: new Set() };
      disk.names.set(path, content);
      disk.durableNames.set(path, content);
    }
    return disk;
  }

  /** As the running system sees it. */
  files(): Map<string, Uint8Array> {
    return new Map(
      [...this.names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, file]) => [path, file.cache.slice()]),
    );
  }

  run(action: FileAction): FileResult {
    const hit = this.faults.findIndex(({ match }) => match(action));
    if (hit >= 0) {
      const [fault] = this.faults.splice(hit, 1);
      this.hadFault = true;
      if (action.kind === 'fsync') this.names.get(action.path)?.dirty.clear();
      return failed(fault!.error);
    }
    switch (action.kind) {
      case 'create':
        return this.create(action.path);
      case 'append':
        return this.write(action.path, null, action.bytes);
      case 'write':
        return this.write(action.path, action.offset, action.bytes);
      case 'fsync':
        return this.fsync(action.path);
      case 'fsyncDir':
        if (!this.ignoreDirSync) this.settleNames(action.path, () => true);
        return OK;
      case 'rename':
        return this.rename(action.from, action.to);
      case 'truncate':
        return this.truncate(action.path, action.size);
      case 'remove':
        if (!this.names.delete(action.path)) return failed('ENOENT');
        this.changes.push({ kind: 'unlink', path: action.path });
        return OK;
      case 'read':
        return this.read(action.path, action.offset, action.length);
      case 'list':
        return { ok: true, entries: this.list(action.path) };
      case 'mkdir':
        return OK;
      default:
        return action satisfies never;
    }
  }

  private create(path: string): FileResult {
    if (this.names.has(path)) return failed('EEXIST');
    const file: Content = { cache: new Uint8Array(0), platter: new Uint8Array(0), dirty: new Set() };
    this.names.set(path, file);
    this.changes.push({ kind: 'link', path, file });
    return OK;
  }

  private write(path: string, offset: number | null, bytes: Uint8Array): FileResult {
    const file = this.names.get(path);
    if (file === undefined) return failed('ENOENT');
    const at = offset ?? file.cache.length;
    this.resize(file, Math.max(file.cache.length, at + bytes.length));
    file.cache.set(bytes, at);
    for (let s = Math.floor(at / SECTOR); s * SECTOR < at + bytes.length; s++) file.dirty.add(s);
    return OK;
  }

  private resize(file: Content, size: number): void {
    if (size === file.cache.length) return;
    const cache = new Uint8Array(size);
    cache.set(file.cache.subarray(0, size));
    // The sector of the smaller end changes, and so do those that come to be or cease to be.
    const from = Math.floor(Math.min(size, file.cache.length) / SECTOR);
    const grown = Math.min(Math.max(size, file.cache.length), Math.max(file.platter.length, from * SECTOR + 1));
    for (let s = from; s * SECTOR < grown; s++) file.dirty.add(s);
    for (const s of file.dirty) if (s * SECTOR >= size) file.dirty.delete(s);
    file.cache = cache;
  }

  private truncate(path: string, size: number): FileResult {
    const file = this.names.get(path);
    if (file === undefined) return failed('ENOENT');
    this.resize(file, size);
    return OK;
  }

  private fsync(path: string): FileResult {
    const file = this.names.get(path);
    if (file === undefined) return failed('ENOENT');
    // Only dirty sectors are written: pages that a failed fsync called clean stay different.
    const platter = new Uint8Array(file.cache.length);
    platter.set(file.platter.subarray(0, platter.length));
    for (const s of file.dirty) platter.set(file.cache.subarray(s * SECTOR, (s + 1) * SECTOR), s * SECTOR);
    file.platter = platter;
    file.dirty.clear();
    return OK;
  }

  private rename(from: string, to: string): FileResult {
    const file = this.names.get(from);
    if (file === undefined) return failed('ENOENT');
    this.names.delete(from);
    this.names.set(to, file);
    this.changes.push({ kind: 'rename', from, to, file });
    return OK;
  }

  private read(path: string, offset: number, length: number): FileResult {
    const file = this.names.get(path);
    if (file === undefined) return failed('ENOENT');
    return { ok: true, bytes: file.cache.slice(offset, offset + length) };
  }

  private list(dir: string): FileEntry[] {
    const entries: FileEntry[] = [];
    for (const [path, file] of this.names) {
      if (dirOf(path) === dir) entries.push({ name: path.slice(dir.length + 1), size: file.cache.length });
    }
    return entries;
  }

  /** Applies the changes of names in `dir` (null: all) that `keep` chooses, in order; the others of it are forgotten. */
  private settleNames(dir: string | null, keep: () => boolean): void {
    const rest: NameChange[] = [];
    for (const change of this.changes) {
      const path = change.kind === 'rename' ? change.to : change.path;
      if (dir !== null && dirOf(path) !== dir) rest.push(change);
      else if (keep()) this.apply(change);
    }
    this.changes = rest;
  }

  private apply(change: NameChange): void {
    if (change.kind === 'link') {
      this.durableNames.set(change.path, change.file);
    } else if (change.kind === 'unlink') {
      this.durableNames.delete(change.path);
    } else {
      // The new name leads to the file that was renamed, also when its old name never became durable.
      if (this.durableNames.get(change.from) === change.file) this.durableNames.delete(change.from);
      this.durableNames.set(change.to, change.file);
    }
  }

  /** The machine loses power: the page cache is gone, and `random` decides about everything that was not durable. */
  powerCut(random: Random): void {
    const keepAll = random() < 0.2;
    const keepNone = !keepAll && random() < 0.2;
    const keep = (): boolean => keepAll || (!keepNone && random() < 0.5);
    this.settleNames(null, keep);
    for (const file of new Set([...this.durableNames.values(), ...this.names.values()])) cutFile(file, keep, random);
    this.names = new Map(this.durableNames);
  }

  /** The same disk once more, sharing nothing. */
  copy(): MemoryDisk {
    const disk = new MemoryDisk();
    const copies = new Map<Content, Content>();
    const copyOf = (file: Content): Content => {
      const known = copies.get(file);
      if (known !== undefined) return known;
      const made = { cache: file.cache.slice(), platter: file.platter.slice(), dirty: new Set(file.dirty) };
      copies.set(file, made);
      return made;
    };
    disk.names = new Map([...this.names].map(([path, file]) => [path, copyOf(file)]));
    disk.durableNames = new Map([...this.durableNames].map(([path, file]) => [path, copyOf(file)]));
    disk.changes = this.changes.map((change) =>
      change.kind === 'unlink' ? change : { ...change, file: copyOf(change.file) },
    );
    disk.ignoreDirSync = this.ignoreDirSync;
    return disk;
  }
}

function cutFile(file: Content, keep: () => boolean, random: Random): void {
  const { cache, platter } = file;
  const size = cache.length === platter.length || keep() ? cache.length : platter.length;
  const result = new Uint8Array(size);
  result.set(platter.subarray(0, size));
  for (const s of file.dirty) {
    const at = s * SECTOR;
    if (at >= size) continue;
    if (keep()) {
      result.fill(0, at, Math.min(at + SECTOR, size));
      result.set(cache.subarray(at, Math.min(at + SECTOR, size)), at);
    } else if (at >= platter.length && random() < 0.4) {
      for (let i = at; i < Math.min(at + SECTOR, size); i++) result[i] = Math.floor(random() * 256);
    }
  }
  file.cache = result;
  file.platter = result.slice();
  file.dirty.clear();
}
