/**
 * Executes the core's file operations on a real file system, and decides nothing: which file, which byte and which fsync
 * come from the core. Operations of one lane run one after the other, lanes run side by side, and nothing blocks the
 * event loop.
 *
 * Two roots keep the core's paths relative: `data/…` is dataDir, `log/…` is dataLogDir.
 */

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join, normalize, sep } from 'node:path';
import type { FileAction, FileEntry, FileError, FileResult, Lane } from '../core/io.ts';

export interface FileRoots {
  readonly dataDir: string;
  readonly dataLogDir: string;
}

/** What happened to an operation that failed, for the log: the core only hears a `FileError`. */
export type FileTrouble = (message: string) => void;

/** Handles kept open in one lane. The log lane appends to one file for hours; snapshots come and go. */
const OPEN_HANDLES_MAX = 8;

export class Files {
  private readonly roots: FileRoots;
  private readonly trouble: FileTrouble;
  private readonly lanes: { readonly [L in Lane]: LaneQueue } = {
    log: new LaneQueue(),
    snap: new LaneQueue(),
    meta: new LaneQueue(),
    read: new LaneQueue(),
  };

  constructor(roots: FileRoots, trouble: FileTrouble) {
    this.roots = roots;
    this.trouble = trouble;
  }

  /** Runs the action when those before it in its lane are done. Never rejects. */
  execute(lane: Lane, action: FileAction): Promise<FileResult> {
    const queue = this.lanes[lane];
    return queue.run(() => this.attempt(queue, action));
  }

  /** Waits for what was asked and closes every handle. */
  async close(): Promise<void> {
    await Promise.all(Object.values(this.lanes).map((queue) => queue.run(() => queue.forgetAll())));
  }

  private async attempt(queue: LaneQueue, action: FileAction): Promise<FileResult> {
    try {
      return await this.perform(queue, action);
    } catch (cause) {
      const error = fileErrorOf(cause);
      // ENOENT and EEXIST are answers the core asked for; the rest is trouble that a person should read about.
      if (error === 'EIO' || error === 'ENOSPC') this.trouble(`${action.kind} failed: ${messageOf(cause)}`);
      return { ok: false, error };
    }
  }

  private async perform(queue: LaneQueue, action: FileAction): Promise<FileResult> {
    switch (action.kind) {
      case 'create':
        await queue.remember(action.path, await open(this.at(action.path), CREATE_NEW, 0o600));
        return DONE;
      case 'append': {
        const handle = await this.handleOf(queue, action.path);
        await writeAll(handle, action.bytes, (await handle.stat()).size);
        return DONE;
      }
      case 'write':
        await writeAll(await this.handleOf(queue, action.path), action.bytes, action.offset);
        return DONE;
      case 'fsync':
        await (await this.handleOf(queue, action.path)).sync();
        return DONE;
      case 'fsyncDir':
        await this.syncDirectory(action.path);
        return DONE;
      case 'rename':
        await this.forgetEverywhere(action.from);
        await this.forgetEverywhere(action.to);
        await rename(this.at(action.from), this.at(action.to));
        return DONE;
      case 'truncate':
        await (await this.handleOf(queue, action.path)).truncate(action.size);
        return DONE;
      case 'remove':
        await this.forgetEverywhere(action.path);
        await unlink(this.at(action.path));
        return DONE;
      case 'read':
        return {
          ok: true,
          bytes: await readSome(await this.handleOf(queue, action.path), action.offset, action.length),
        };
      case 'list':
        return { ok: true, entries: await listFiles(this.at(action.path)) };
      case 'mkdir':
        await mkdir(this.at(action.path), { recursive: true, mode: 0o700 });
        return DONE;
      default:
        return action satisfies never;
    }
  }

  private async handleOf(queue: LaneQueue, path: string): Promise<FileHandle> {
    return queue.handle(path) ?? (await queue.remember(path, await open(this.at(path), 'r+')));
  }

  /** A handle is known by its path, so a renamed or removed file must not be found under the old one. */
  private async forgetEverywhere(path: string): Promise<void> {
    for (const queue of Object.values(this.lanes)) await queue.forget(path);
  }

  private async syncDirectory(path: string): Promise<void> {
    const handle = await open(this.at(path), 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  private at(path: string): string {
    const [root, ...rest] = path.split('/');
    const base = root === 'log' ? this.roots.dataLogDir : root === 'data' ? this.roots.dataDir : null;
    const relative = normalize(rest.join(sep));
    if (base === null || relative.startsWith('..')) throw new Error(`path outside the data directories: ${path}`);
    return join(base, relative);
  }
}

const DONE: FileResult = { ok: true };
const CREATE_NEW = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR;

/** One lane: a chain of operations and the handles it keeps open, least recently used first. */
class LaneQueue {
  private tail: Promise<unknown> = Promise.resolve();
  private readonly handles = new Map<string, FileHandle>();

  run<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.tail.then(operation);
    this.tail = result.catch(() => {});
    return result;
  }

  handle(path: string): FileHandle | undefined {
    const handle = this.handles.get(path);
    if (handle !== undefined) {
      this.handles.delete(path);
      this.handles.set(path, handle);
    }
    return handle;
  }

  async remember(path: string, handle: FileHandle): Promise<FileHandle> {
    const [oldest] = this.handles.keys();
    if (this.handles.size >= OPEN_HANDLES_MAX && oldest !== undefined) await this.forget(oldest);
    this.handles.set(path, handle);
    return handle;
  }

  async forget(path: string): Promise<void> {
    const handle = this.handles.get(path);
    this.handles.delete(path);
    await handle?.close();
  }

  async forgetAll(): Promise<void> {
    for (const path of [...this.handles.keys()]) await this.forget(path);
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done);
    if (bytesWritten === 0) throw new Error('nothing was written');
    done += bytesWritten;
  }
}

/** Allocates by what the file holds, never by what was asked for. */
async function readSome(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const { size } = await handle.stat();
  const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, offset + done);
    if (bytesRead === 0) return bytes.subarray(0, done);
    done += bytesRead;
  }
  return bytes;
}

async function listFiles(directory: string): Promise<FileEntry[]> {
  const entries: FileEntry[] = [];
  for (const name of await namesIn(directory)) {
    const info = await stat(join(directory, name));
    if (info.isFile()) entries.push({ name, size: info.size });
  }
  return entries;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return [];
    throw cause;
  }
}

function fileErrorOf(cause: unknown): FileError {
  const code = codeOf(cause);
  if (code === 'ENOENT' || code === 'EEXIST' || code === 'ENOSPC') return code;
  return code === 'EDQUOT' ? 'ENOSPC' : 'EIO';
}

function codeOf(cause: unknown): string | null {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : null;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
