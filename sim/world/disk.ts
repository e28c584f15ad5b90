/**
 * The disk of one host: names and contents, each as the running system sees them and as a power cut would leave them.
 *
 * What POSIX promises and no more: an fsync of a file makes its bytes and its size durable, but not its name; names
 * (creations, renames, removals, directories) become durable by an fsync of their directory. Until then a power cut keeps
 * any subset of the unsynced sectors, and of the unsynced names any subset (an ordered prefix on a journaling file system).
 * Killing the process loses nothing: the page cache belongs to the operating system.
 *
 * This file knows no time: `lanes.ts` decides when an operation happens and whether it fails.
 */

import type { FileAction, FileEntry, FileResult } from '../../core/io.ts';
import { FileNode, type PowerCutFates, SECTOR_BYTES } from './content.ts';
import { belowOf, draw } from './random.ts';
import type { DiskImage, DurableImage } from './types.ts';

/** A change of names that is not durable yet. `mark` orders it before or after the start of a directory fsync. */
type NameChange =
  | {
      readonly kind: 'link';
      readonly dir: string;
      readonly mark: number;
      readonly path: string;
      readonly node: FileNode;
    }
  | {
      readonly kind: 'unlink';
      readonly dir: string;
      readonly mark: number;
      readonly path: string;
      readonly node: FileNode;
    }
  | {
      readonly kind: 'rename';
      readonly dir: string;
      readonly mark: number;
      readonly from: string;
      readonly to: string;
      readonly node: FileNode;
    }
  | { readonly kind: 'mkdir'; readonly dir: string; readonly mark: number; readonly path: string };

const OK: FileResult = { ok: true };
const MISSING: FileResult = { ok: false, error: 'ENOENT' };
const EXISTS: FileResult = { ok: false, error: 'EEXIST' };
const FULL: FileResult = { ok: false, error: 'ENOSPC' };

/** Purposes of the draws of one power cut, so that each has its own counter. */
const PURPOSE_ORDERED = 1;
const PURPOSE_PREFIX = 2;
const PURPOSE_NAME = 3;
const PURPOSE_FILE = 4;
const PURPOSE_SECTOR = 5;
const PURPOSE_GARBAGE = 6;
const PURPOSE_META = 7;
const PURPOSE_ROT = 8;
const PURPOSE_LIST = 9;

export class Disk implements DurableImage {
  /** Changes of the durable image. */
  version = 0;
  capacityBytes = 0;
  /** Armed by `World.tornWrites`: one exposed sector of the next power cut becomes garbage. */
  tornNext = false;
  private key: number;
  private cuts = 0;
  private oddities = 0;
  private nextFile = 1;
  private marks = 0;
  private names = new Map<string, FileNode>();
  private durableNames = new Map<string, FileNode>();
  private directories = new Set<string>();
  private durableDirectories = new Set<string>();
  private pending: NameChange[] = [];
  private livingStamps: { readonly path: string; readonly node: FileNode }[] | null = null;

  constructor(key: number, directories: readonly string[]) {
    this.key = key;
    this.format(directories);
  }

  // -------------------------------------------------------------- operations

  /** For an fsync: what it will cover, taken when it starts. */
  markOf(action: FileAction): number {
    if (action.kind === 'fsyncDir') return this.marks;
    return action.kind === 'fsync' ? (this.names.get(action.path)?.seal() ?? 0) : 0;
  }

  node(path: string): FileNode | undefined {
    return this.names.get(path);
  }

  /** Does the operation; `timeUs` only dates writes. `mark` is what `markOf` said when it was begun. */
  perform(action: FileAction, mark: number, timeUs: number): FileResult {
    switch (action.kind) {
      case 'create':
        return this.create(action.path);
      case 'append':
        return this.write(action.path, this.names.get(action.path)?.cache.size ?? 0, action.bytes, timeUs);
      case 'write':
        return this.write(action.path, action.offset, action.bytes, timeUs);
      case 'fsync':
        return this.fsync(action.path, mark);
      case 'fsyncDir':
        return this.fsyncDir(action.path, mark);
      case 'rename':
        return this.rename(action.from, action.to);
      case 'truncate': {
        const node = this.names.get(action.path);
        if (node === undefined) return MISSING;
        if (this.lacks(action.size - node.cache.size)) return FULL;
        node.truncate(action.size, timeUs);
        return OK;
      }
      case 'remove':
        return this.remove(action.path);
      case 'read': {
        const node = this.names.get(action.path);
        if (node === undefined) return MISSING;
        return { ok: true, bytes: node.cache.read(action.offset, action.length) };
      }
      case 'list':
        return { ok: true, entries: this.list(action.path) };
      case 'mkdir':
        this.mkdir(action.path);
        return OK;
      default:
        action satisfies never;
        return MISSING;
    }
  }

  /** A write that fails after a drawn prefix of it. */
  performPrefix(action: FileAction, timeUs: number): void {
    if (action.kind !== 'append' && action.kind !== 'write') return;
    const kept = this.below(PURPOSE_GARBAGE, action.bytes.length);
    this.perform({ ...action, bytes: action.bytes.subarray(0, kept) }, 0, timeUs);
  }

  private create(path: string): FileResult {
    if (this.names.has(path)) return EXISTS;
    if (!this.directories.has(parentOf(path))) return MISSING;
    const node = new FileNode(this.nextFile++);
    this.names.set(path, node);
    this.pending.push({ kind: 'link', dir: parentOf(path), mark: ++this.marks, path, node });
    return OK;
  }

  private write(path: string, offset: number, bytes: Uint8Array, timeUs: number): FileResult {
    const node = this.names.get(path);
    if (node === undefined) return MISSING;
    if (!this.lacks(offset + bytes.length - node.cache.size)) {
      node.write(offset, bytes, timeUs);
      return OK;
    }
    const room = Math.max(0, this.capacityBytes - this.usedBytes() + node.cache.size - offset);
    node.write(offset, bytes.subarray(0, room), timeUs);
    return FULL;
  }

  private fsync(path: string, mark: number): FileResult {
    const node = this.names.get(path);
    if (node === undefined) return MISSING;
    const before = node.version;
    node.sync(mark);
    if (node.version !== before) this.version += 1;
    return OK;
  }

  private fsyncDir(dir: string, mark: number): FileResult {
    if (!this.directories.has(dir)) return MISSING;
    const later: NameChange[] = [];
    for (const change of this.pending) {
      if (change.dir === dir && change.mark <= mark) this.makeDurable(change);
      else later.push(change);
    }
    this.pending = later;
    return OK;
  }

  private rename(from: string, to: string): FileResult {
    const node = this.names.get(from);
    if (node === undefined || !this.directories.has(parentOf(to))) return MISSING;
    this.names.delete(from);
    this.names.set(to, node);
    this.pending.push({ kind: 'rename', dir: parentOf(to), mark: ++this.marks, from, to, node });
    return OK;
  }

  private remove(path: string): FileResult {
    const node = this.names.get(path);
    if (node === undefined) return MISSING;
    this.names.delete(path);
    this.pending.push({ kind: 'unlink', dir: parentOf(path), mark: ++this.marks, path, node });
    return OK;
  }

  /** In a drawn order: no file system promises one. */
  private list(dir: string): FileEntry[] {
    const entries: FileEntry[] = [];
    for (const [path, node] of this.names) {
      if (parentOf(path) === dir) entries.push({ name: path.slice(dir.length + 1), size: node.cache.size });
    }
    for (let i = entries.length - 1; i > 0; i--) {
      const j = this.below(PURPOSE_LIST, i + 1);
      const held = entries[i]!;
      entries[i] = entries[j]!;
      entries[j] = held;
    }
    return entries;
  }

  private mkdir(path: string): void {
    const parts = path.split('/');
    for (let count = 1; count <= parts.length; count++) {
      const dir = parts.slice(0, count).join('/');
      if (this.directories.has(dir)) continue;
      this.directories.add(dir);
      this.pending.push({ kind: 'mkdir', dir: parentOf(dir), mark: ++this.marks, path: dir });
    }
  }

  private makeDurable(change: NameChange): void {
    this.version += 1;
    this.livingStamps = null;
    switch (change.kind) {
      case 'link':
        this.durableNames.set(change.path, change.node);
        return;
      case 'unlink':
        if (this.durableNames.get(change.path) === change.node) this.durableNames.delete(change.path);
        return;
      case 'rename':
        if (this.durableNames.get(change.from) === change.node) this.durableNames.delete(change.from);
        this.durableNames.set(change.to, change.node);
        return;
      case 'mkdir':
        this.durableDirectories.add(change.path);
        return;
      default:
        change satisfies never;
    }
  }

  private lacks(more: number): boolean {
    return this.capacityBytes > 0 && more > 0 && this.usedBytes() + more > this.capacityBytes;
  }

  private usedBytes(): number {
    let sum = 0;
    for (const node of this.names.values()) sum += node.cache.size;
    return sum;
  }

  rekey(salt: number): void {
    this.key = draw(this.key, salt);
  }

  // -------------------------------------------------------------- faults

  /** Returns whether durable bytes were torn. `luck` decides what is lost; without it the number of the cut does. */
  powerCut(nameLoss: 'subset' | 'ordered' | 'drawn', luck: number | null = null): boolean {
    const cutKey = luck === null ? draw(this.key, this.cuts++) : draw(this.key, luck);
    const ordered = nameLoss === 'drawn' ? (draw(cutKey, PURPOSE_ORDERED) & 1) === 0 : nameLoss === 'ordered';
    const torn = this.tornNext && this.tearOne(cutKey);
    this.tornNext = false;
    for (const node of this.everyNode()) node.powerCut(fatesOf(cutKey, node.id));
    this.loseNames(cutKey, ordered);
    this.version += 1;
    return torn;
  }

  /** fsync failed: its pages are in a drawn state, and nobody will write them again. */
  fsyncFailed(path: string): void {
    const node = this.names.get(path);
    if (node === undefined) return;
    node.syncFailed(fatesOf(draw(this.key, 0x4000_0000 + this.oddities++), node.id));
    this.version += 1;
  }

  /** fsync wrote the first dirty bytes of the file into another place of a drawn file. */
  fsyncMisdirected(path: string, mark: number): void {
    const node = this.names.get(path);
    const extent = node?.firstDirty() ?? null;
    if (node === undefined || extent === null) return;
    const victims = [...this.durableNames.values()].filter((victim) => victim.platter.used > 0);
    const bytes = node.cache.read(extent.start, Math.min(extent.end - extent.start, SECTOR_BYTES));
    node.sync(mark, extent);
    if (victims.length > 0) {
      const victim = victims[this.below(PURPOSE_GARBAGE, victims.length)]!;
      const sectors = Math.ceil(victim.platter.used / SECTOR_BYTES);
      const offset = this.below(PURPOSE_GARBAGE, sectors) * SECTOR_BYTES;
      victim.damage(offset, bytes.subarray(0, victim.platter.used - offset));
    }
    this.version += 1;
  }

  /** Files whose bytes are all durable and that nobody has written to since `beforeUs`, sorted. */
  closedFiles(beforeUs: number): string[] {
    const paths: string[] = [];
    for (const [path, node] of this.names) {
      if (node.isClean() && node.lastWriteUs < beforeUs && node.platter.used > 0) paths.push(path);
    }
    return paths.sort();
  }

  /** `luck` decides which bit; without it, how many oddities there were before. */
  flipBit(path: string, luck: number = this.oddities++): void {
    const node = this.names.get(path);
    if (node === undefined || node.platter.used === 0) return;
    const key = draw(draw(this.key, PURPOSE_ROT), luck);
    node.flipBit(belowOf(draw(key, 0), node.platter.used), belowOf(draw(key, 1), 8));
    this.version += 1;
  }

  pickOf(paths: readonly string[], luck: number = this.oddities++): string | null {
    if (paths.length === 0) return null;
    return paths[belowOf(draw(draw(draw(this.key, PURPOSE_ROT), luck), 2), paths.length)]!;
  }

  format(directories: readonly string[]): void {
    this.names = new Map();
    this.durableNames = new Map();
    this.pending = [];
    this.directories = new Set(['']);
    for (const dir of directories) this.mkdir(dir);
    this.pending = [];
    this.durableDirectories = new Set(this.directories);
    this.livingStamps = null;
    this.version += 1;
  }

  install(image: DiskImage): void {
    this.format(image.directories);
    for (const file of image.files) {
      const node = new FileNode(this.nextFile++);
      node.cache.write(0, file.bytes);
      node.cache.truncate(file.size);
      node.platter = node.cache.copyOf();
      node.platterChanged(0);
      this.names.set(file.path, node);
      this.durableNames.set(file.path, node);
    }
  }

  private loseNames(cutKey: number, ordered: boolean): void {
    const prefix = belowOf(draw(cutKey, PURPOSE_PREFIX), this.pending.length + 1);
    for (let i = 0; i < this.pending.length; i++) {
      const kept = ordered ? i < prefix : (draw(draw(cutKey, PURPOSE_NAME), i) & 1) === 0;
      if (kept) this.makeDurable(this.pending[i]!);
    }
    this.pending = [];
    this.directories = new Set(this.durableDirectories);
    for (const dir of this.directories) if (!this.hasAncestors(dir)) this.directories.delete(dir);
    for (const path of [...this.durableNames.keys()]) {
      if (!this.directories.has(parentOf(path))) this.durableNames.delete(path);
    }
    this.durableDirectories = new Set(this.directories);
    this.names = new Map(this.durableNames);
    this.livingStamps = null;
  }

  private hasAncestors(dir: string): boolean {
    for (let at = dir; at !== ''; at = parentOf(at)) if (!this.durableDirectories.has(at)) return false;
    return true;
  }

  private tearOne(cutKey: number): boolean {
    for (const path of [...this.durableNames.keys()].sort()) {
      const node = this.durableNames.get(path)!;
      const sector = node.exposedSector();
      if (sector === null) continue;
      const size = Math.min(SECTOR_BYTES, node.platter.used - sector * SECTOR_BYTES);
      node.damage(sector * SECTOR_BYTES, garbageOf(draw(cutKey, PURPOSE_GARBAGE), size));
      return true;
    }
    return false;
  }

  private everyNode(): Set<FileNode> {
    const nodes = new Set(this.names.values());
    for (const node of this.durableNames.values()) nodes.add(node);
    for (const change of this.pending) if (change.kind !== 'mkdir') nodes.add(change.node);
    return nodes;
  }

  private below(purpose: number, n: number): number {
    return belowOf(draw(draw(this.key, purpose), this.oddities++), n);
  }

  // -------------------------------------------------------------- images

  paths(): readonly string[] {
    return this.stamps()
      .map(({ path }) => path)
      .sort();
  }

  stamps(): readonly { readonly path: string; readonly node: FileNode }[] {
    this.livingStamps ??= this.makeStamps();
    return this.livingStamps;
  }

  private makeStamps(): { readonly path: string; readonly node: FileNode }[] {
    const sound = new Set<string>();
    for (const dir of this.durableDirectories) if (this.hasAncestors(dir)) sound.add(dir);
    sound.add('');
    const stamps: { readonly path: string; readonly node: FileNode }[] = [];
    for (const [path, node] of this.durableNames) if (sound.has(parentOf(path))) stamps.push({ path, node });
    return stamps;
  }

  file(path: string): FileNode | null {
    const node = this.durableNames.get(path);
    return node === undefined || !this.hasAncestors(parentOf(path)) ? null : node;
  }

  /** A copy of what a process sees. */
  image(): DiskImage {
    return imageOf(this.directories, this.names, (node) => node.cache);
  }

  durableCopy(): DiskImage {
    const directories = [...this.durableDirectories].filter((dir) => this.hasAncestors(dir));
    const names = new Map(this.paths().map((path) => [path, this.durableNames.get(path)!]));
    return imageOf(directories, names, (node) => node.platter);
  }
}

function imageOf(
  directories: Iterable<string>,
  names: ReadonlyMap<string, FileNode>,
  contentOf: (node: FileNode) => { readonly size: number; view(): Uint8Array },
): DiskImage {
  const files = [...names].map(([path, node]) => {
    const content = contentOf(node);
    return { path, size: content.size, bytes: content.view().slice() };
  });
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { directories: [...directories].filter((dir) => dir !== '').sort(), files };
}

/** `a/b/c` -> `a/b`; `a` -> `` (the root, which always exists). */
function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/**
 * The draws of one power cut for one file, as functions of the cut, the file and the sector. One file in four is flushed
 * entirely, one in four not at all. A sector that never was on the platter may also come back as garbage; one that was
 * stays whole (powersafe overwrite), unless a torn write is asked for.
 */
function fatesOf(cutKey: number, fileId: number): PowerCutFates {
  const key = draw(cutKey, 16 + fileId);
  const luck = draw(key, PURPOSE_FILE) & 3;
  const sectorKey = draw(key, PURPOSE_SECTOR);
  return {
    file: luck === 0 ? 'all' : luck === 1 ? 'none' : 'mixed',
    sector: (index, fresh) => {
      const roll = belowOf(draw(sectorKey, index), fresh ? 3 : 2);
      return roll === 0 ? 'kept' : roll === 1 ? 'lost' : 'garbage';
    },
    garbage: (size) => garbageOf(draw(key, PURPOSE_GARBAGE), size),
    chance: (purpose) => (draw(draw(key, PURPOSE_META), purpose) & 1) === 0,
  };
}

function garbageOf(key: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = draw(key, i) >>> 24;
  return bytes;
}
