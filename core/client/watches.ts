/**
 * The client's half of the watches (ZKWatchManager): who on this side wants to hear of which path.
 *
 * The server knows one watch per connection, path and table; it says what happened to a path and forgets one-shot
 * watches as it says it. Which watchers that concerns is decided here, and after a reconnection this table is what the
 * next server is told. Paths are the server's, with the chroot.
 */

import { EventType, WatcherType } from '../wire/opcodes.ts';
import type { WatcherId } from './calls.ts';

/**
 * `data` and `exist` are one table on the server but two here, because they are re-armed by different rules: an exist
 * watch waits for a node that is not there.
 */
export type ClientWatchKind = 'data' | 'exist' | 'child' | 'persistent' | 'persistentRecursive';

export type ClientWatches = { [K in ClientWatchKind]: Map<string, WatcherId[]> };

export function noWatches(): ClientWatches {
  return { data: new Map(), exist: new Map(), child: new Map(), persistent: new Map(), persistentRecursive: new Map() };
}

export const WATCH_KINDS: readonly ClientWatchKind[] = ['data', 'exist', 'child', 'persistent', 'persistentRecursive'];

export interface ClientWatch {
  readonly kind: ClientWatchKind;
  readonly path: string;
}

export function registerWatch(watches: ClientWatches, watch: ClientWatch, watcher: WatcherId): void {
  const watchers = watches[watch.kind].get(watch.path);
  if (watchers === undefined) watches[watch.kind].set(watch.path, [watcher]);
  else if (!watchers.includes(watcher)) watchers.push(watcher);
}

/** The watchers an event of the server concerns, each once. One-shot watches are used up by it. */
export function takeWatchers(watches: ClientWatches, type: number, path: string): WatcherId[] {
  const concerned = new Set<WatcherId>();
  for (const kind of ONE_SHOT_OF[type] ?? []) {
    for (const watcher of watches[kind].get(path) ?? []) concerned.add(watcher);
    watches[kind].delete(path);
  }
  for (const watcher of watches.persistent.get(path) ?? []) concerned.add(watcher);
  // A recursive watch promises no child events. The server still sends one when a standard child watch of this very
  // connection asked for it, so it is filtered on this side (ZKWatchManager.addPersistentWatches).
  if (type !== EventType.nodeChildrenChanged && watches.persistentRecursive.size > 0) {
    for (const ancestor of selfAndAncestors(path)) {
      for (const watcher of watches.persistentRecursive.get(ancestor) ?? []) concerned.add(watcher);
    }
  }
  return [...concerned];
}

/** ZKWatchManager.materialize: which one-shot tables an event uses up. */
const ONE_SHOT_OF: { readonly [type: number]: readonly ClientWatchKind[] } = {
  [EventType.nodeCreated]: ['data', 'exist'],
  [EventType.nodeDataChanged]: ['data', 'exist'],
  [EventType.nodeChildrenChanged]: ['child'],
  [EventType.nodeDeleted]: ['data', 'exist', 'child'],
};

function* selfAndAncestors(path: string): Generator<string> {
  let at = path;
  while (at.length > 1) {
    yield at;
    const slash = at.lastIndexOf('/');
    at = slash <= 0 ? '/' : at.slice(0, slash);
  }
  yield '/';
}

/** The tables that a `WatcherType` of removeWatches covers, or null for a number that is none. */
export function kindsOfWatcherType(type: number): readonly ClientWatchKind[] | null {
  switch (type) {
    case WatcherType.children:
      return ['child'];
    case WatcherType.data:
      return ['data', 'exist'];
    case WatcherType.any:
      return WATCH_KINDS;
    case WatcherType.persistent:
      return ['persistent'];
    case WatcherType.persistentRecursive:
      return ['persistentRecursive'];
    default:
      return null;
  }
}

export interface WatchRemoval {
  readonly path: string;
  readonly kinds: readonly ClientWatchKind[];
  /** Null for all watchers of the path. */
  readonly watcher: WatcherId | null;
}

export function isWatching(watches: ClientWatches, removal: WatchRemoval): boolean {
  return removal.kinds.some((kind) => {
    const watchers = watches[kind].get(removal.path) ?? [];
    return removal.watcher === null ? watchers.length > 0 : watchers.includes(removal.watcher);
  });
}

/** True when nobody would be left watching the path in these tables, so that the server may forget it too. */
export function isLastWatcher(watches: ClientWatches, removal: WatchRemoval): boolean {
  const { watcher } = removal;
  if (watcher === null) return true;
  return removal.kinds.every((kind) => (watches[kind].get(removal.path) ?? []).every((other) => other === watcher));
}

/** Forgets watchers; the answer is what to tell them (`DataWatchRemoved` and its kin, which no server ever sends). */
export function unregisterWatch(
  watches: ClientWatches,
  removal: WatchRemoval,
): { readonly type: number; readonly watchers: readonly WatcherId[] }[] {
  const told = new Map<number, Set<WatcherId>>();
  for (const kind of removal.kinds) {
    const watchers = watches[kind].get(removal.path) ?? [];
    const { watcher } = removal;
    const gone = watcher === null ? watchers : watchers.filter((other) => other === watcher);
    const left = watcher === null ? [] : watchers.filter((other) => other !== watcher);
    if (left.length > 0) watches[kind].set(removal.path, left);
    else watches[kind].delete(removal.path);
    if (gone.length > 0) {
      const type = REMOVED_EVENT[kind];
      told.set(type, new Set([...(told.get(type) ?? []), ...gone]));
    }
  }
  return [...told].map(([type, watchers]) => ({ type, watchers: [...watchers] }));
}

const REMOVED_EVENT: { readonly [K in ClientWatchKind]: number } = {
  data: EventType.dataWatchRemoved,
  exist: EventType.dataWatchRemoved,
  child: EventType.childWatchRemoved,
  persistent: EventType.persistentWatchRemoved,
  persistentRecursive: EventType.persistentWatchRemoved,
};

/** The paths of one setWatches request, by table. */
export type WatchBatch = { readonly [K in ClientWatchKind]: readonly string[] };

/**
 * Cuts the table into requests of bounded size: one of a client with many watches would otherwise be longer than the
 * server's `jute.maxbuffer` and cost the connection each time it is made (ZOOKEEPER-706). What is waited for at one path goes
 * into one request: the event that answers a part of it may end the rest, of which the server must know when it sends it.
 * `sizeOf` is a path's bytes.
 */
export function watchBatches(
  watches: ClientWatches,
  options: { readonly bytesMax: number; readonly sizeOf: (path: string) => number },
): WatchBatch[] {
  const batches = [emptyBatch()];
  const batchOf = new Map<string, number>();
  let size = 0;
  for (const kind of WATCH_KINDS) {
    for (const path of watches[kind].keys()) {
      if (batchOf.has(path)) continue;
      const cost = options.sizeOf(path) * WATCH_KINDS.filter((other) => watches[other].has(path)).length;
      if (size > 0 && size + cost > options.bytesMax) {
        batches.push(emptyBatch());
        size = 0;
      }
      batchOf.set(path, batches.length - 1);
      size += cost;
    }
  }
  for (const kind of WATCH_KINDS) {
    for (const path of watches[kind].keys()) batches[batchOf.get(path)!]![kind].push(path);
  }
  return size > 0 ? batches : [];
}

function emptyBatch(): { [K in ClientWatchKind]: string[] } {
  return { data: [], exist: [], child: [], persistent: [], persistentRecursive: [] };
}
