/**
 * A disk as a value: names and contents, never changed in place.
 *
 * What a job of the storage machine writes is only on the disk when the explorer lets the job's operations happen, and a
 * job ends with the fsync that makes it durable. So a disk needs no page cache: what a crash loses are operations that have
 * not happened yet. (A missing fsync is invisible here; the simulated world has sectors and pages for that.)
 */

import type { FileAction, FileEntry, FileResult } from '../../core/io.ts';
import type { ByteStore } from './canon.ts';

/** Contents by path. */
export type Disk = ReadonlyMap<string, Uint8Array>;

export const EMPTY_DISK: Disk = new Map();

const DONE: FileResult = { ok: true };
const MISSING: FileResult = { ok: false, error: 'ENOENT' };
const EMPTY = new Uint8Array(0);

/** What the operation leaves and what it answers. */
export function perform(disk: Disk, action: FileAction): { readonly disk: Disk; readonly result: FileResult } {
  switch (action.kind) {
    case 'create':
      if (disk.has(action.path)) return { disk, result: { ok: false, error: 'EEXIST' } };
      return { disk: put(disk, action.path, EMPTY), result: DONE };
    case 'append':
      return write(disk, action.path, disk.get(action.path)?.length ?? 0, action.bytes);
    case 'write':
      return write(disk, action.path, action.offset, action.bytes);
    case 'rename': {
      const content = disk.get(action.from);
      if (content === undefined) return { disk, result: MISSING };
      const next = new Map(disk);
      next.delete(action.from);
      next.set(action.to, content);
      return { disk: next, result: DONE };
    }
    case 'truncate': {
      const content = disk.get(action.path);
      if (content === undefined) return { disk, result: MISSING };
      return { disk: put(disk, action.path, resized(content, action.size)), result: DONE };
    }
    case 'remove': {
      if (!disk.has(action.path)) return { disk, result: MISSING };
      const next = new Map(disk);
      next.delete(action.path);
      return { disk: next, result: DONE };
    }
    case 'read': {
      const content = disk.get(action.path);
      if (content === undefined) return { disk, result: MISSING };
      return { disk, result: { ok: true, bytes: content.slice(action.offset, action.offset + action.length) } };
    }
    case 'list':
      return { disk, result: { ok: true, entries: list(disk, action.path) } };
    case 'fsync':
      return { disk, result: disk.has(action.path) ? DONE : MISSING };
    case 'fsyncDir':
    case 'mkdir':
      return { disk, result: DONE };
    default:
      return action satisfies never;
  }
}

function put(disk: Disk, path: string, content: Uint8Array): Disk {
  return new Map(disk).set(path, content);
}

function write(disk: Disk, path: string, offset: number, bytes: Uint8Array): { disk: Disk; result: FileResult } {
  const before = disk.get(path);
  if (before === undefined) return { disk, result: MISSING };
  const content = resized(before, Math.max(before.length, offset + bytes.length));
  content.set(bytes, offset);
  return { disk: put(disk, path, content), result: DONE };
}

function resized(content: Uint8Array, size: number): Uint8Array {
  const made = new Uint8Array(size);
  made.set(content.subarray(0, size));
  return made;
}

function list(disk: Disk, dir: string): FileEntry[] {
  const entries: FileEntry[] = [];
  for (const [path, content] of disk) {
    const slash = path.lastIndexOf('/');
    if (path.slice(0, slash) === dir) entries.push({ name: path.slice(slash + 1), size: content.length });
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Equal texts for equal disks. */
export function diskText(disk: Disk, bytes: ByteStore): string {
  return [...disk]
    .map(([path, content]) => `${path}=${bytes.idOf(content)}`)
    .sort()
    .join();
}
