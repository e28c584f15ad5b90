/**
 * Who waits for what (server/watch/WatchManager, WatcherMode; DataTree.setWatches).
 *
 * ZooKeeper keeps two tables, one for data and one for children, and enters a persistent watch in both. Here one table maps
 * a path and a connection to a set of kinds, and the rules of the two tables are read from the kinds:
 *
 * | kind                  | set by              | hears                                                   | ends             |
 * |-----------------------|---------------------|---------------------------------------------------------|------------------|
 * | `data`, `exist`       | getData, exists     | created, deleted, data changed                          | when it has fired |
 * | `child`               | getChildren         | deleted, children changed                               | when it has fired |
 * | `persistent`          | addWatch mode 0     | all four                                                | when removed     |
 * | `persistentRecursive` | addWatch mode 1     | created, deleted, data changed, of the path and below    | when removed     |
 *
 * A deletion is told once to a connection, however many kinds of watches it has there.
 *
 * Two rules are stricter than upstream. An event reaches only connections that may read the node as it was at the change
 * (CVE-2024-23944), and one that is held back does not use up a one-shot watch: the client learns nothing, not even by
 * silence later. The events made up on reconnect pass the same test.
 */

import type { Acl, ConnId, Zxid } from '../types.ts';
import { EventType, WatcherType } from '../wire/opcodes.ts';
import type { DataTree, TreeEvent, TreeEventType } from './data-tree.ts';
import { hashText, MixSum } from './digest.ts';
import { parentOf } from './paths.ts';

export type WatchKind = 'data' | 'exist' | 'child' | 'persistent' | 'persistentRecursive';

export interface WatchNotice {
  readonly conn: ConnId;
  readonly type: TreeEventType;
  readonly path: string;
}

/** Whether the connection's present identities include READ in the list; null and empty lists are open. */
export type MayRead = (conn: ConnId, acl: readonly Acl[] | null) => boolean;

/** Upstream has no bound; these stand well above what the largest known users hold on one connection. */
export const WATCHES_PER_CONN_MAX = 1_000_000;
export const WATCHES_MAX = 8_000_000;
/** Characters of their paths: any path may be watched, also one as long as a request, and none must exist. */
export const WATCHED_PER_CONN_MAX = 0x800_0000;
export const WATCHED_MAX = 0x4000_0000;

export interface WatchLimits {
  readonly perConnMax: number;
  readonly totalMax: number;
  readonly perConnSizeMax: number;
  readonly totalSizeMax: number;
}

export const WATCH_LIMITS: WatchLimits = {
  perConnMax: WATCHES_PER_CONN_MAX,
  totalMax: WATCHES_MAX,
  perConnSizeMax: WATCHED_PER_CONN_MAX,
  totalSizeMax: WATCHED_MAX,
};

/** The paths that a connection watches, and how long they are together. */
interface Watched {
  readonly paths: Set<string>;
  size: number;
}

/** What a reconnecting client says it was waiting for (SetWatches2). */
export interface WatchClaims {
  readonly relativeZxid: Zxid;
  readonly dataWatches: readonly string[];
  readonly existWatches: readonly string[];
  readonly childWatches: readonly string[];
  readonly persistentWatches: readonly string[];
  readonly persistentRecursiveWatches: readonly string[];
}

const Flag = { data: 1, child: 2, persistent: 4, recursive: 8 } as const;
const ONE_SHOT = Flag.data | Flag.child;
/** Kinds that upstream keeps in its data table, and in its child table. */
const IN_DATA_TABLE = Flag.data | Flag.persistent | Flag.recursive;
const IN_CHILD_TABLE = Flag.child | Flag.persistent;
const ALL = Flag.data | Flag.child | Flag.persistent | Flag.recursive;

const FLAG_OF_KIND: Readonly<Record<WatchKind, number>> = {
  data: Flag.data,
  exist: Flag.data,
  child: Flag.child,
  persistent: Flag.persistent,
  persistentRecursive: Flag.recursive,
};

/** Which kinds on the very path hear an event. */
const HEARERS: Readonly<Record<TreeEventType, number>> = {
  [EventType.nodeCreated]: IN_DATA_TABLE,
  [EventType.nodeDataChanged]: IN_DATA_TABLE,
  [EventType.nodeDeleted]: ALL,
  [EventType.nodeChildrenChanged]: IN_CHILD_TABLE,
};

/** Which kinds a WatcherType of checkWatches and removeWatches means; undefined for a number that is none. */
function flagsOfWatcherType(type: number): number | undefined {
  switch (type) {
    case WatcherType.children:
      return Flag.child;
    case WatcherType.data:
      return Flag.data;
    case WatcherType.any:
      return ALL;
    case WatcherType.persistent:
      return Flag.persistent;
    case WatcherType.persistentRecursive:
      return Flag.recursive;
    default:
      return undefined;
  }
}

export const isWatcherType = (type: number): boolean => flagsOfWatcherType(type) !== undefined;

export class WatchTable {
  private readonly byPath = new Map<string, Map<ConnId, number>>();
  private readonly byConn = new Map<ConnId, Watched>();
  private readonly limits: WatchLimits;
  private readonly sum = new MixSum();
  private recursiveCount = 0;
  private dataTableSize = 0;
  private childTableSize = 0;
  private pairCount = 0;
  private size = 0;

  constructor(limits: WatchLimits = WATCH_LIMITS) {
    this.limits = limits;
  }

  // --- Setting and removing ------------------------------------------------------------------------------------------

  /** False when a bound is reached and nothing was set. Setting what is set already is fine. */
  add(conn: ConnId, path: string, kind: WatchKind): boolean {
    const before = this.flagsOf(conn, path);
    if (before === 0 && !this.hasRoom(conn, path.length)) return false;
    this.setFlags(conn, path, before, before | FLAG_OF_KIND[kind]);
    return true;
  }

  private hasRoom(conn: ConnId, size: number): boolean {
    const { perConnMax, perConnSizeMax, totalMax, totalSizeMax } = this.limits;
    if (this.pairCount >= totalMax || this.size + size > totalSizeMax) return false;
    const own = this.byConn.get(conn);
    return own === undefined
      ? perConnMax > 0 && size <= perConnSizeMax
      : own.paths.size < perConnMax && own.size + size <= perConnSizeMax;
  }

  /** True when the connection has such a watch (op checkWatches). */
  check(conn: ConnId, path: string, watcherType: number): boolean {
    return (this.flagsOf(conn, path) & (flagsOfWatcherType(watcherType) ?? 0)) !== 0;
  }

  /** Ends such watches; true when there was one (op removeWatches). */
  remove(conn: ConnId, path: string, watcherType: number): boolean {
    const before = this.flagsOf(conn, path);
    const after = before & ~(flagsOfWatcherType(watcherType) ?? 0);
    this.setFlags(conn, path, before, after);
    return after !== before;
  }

  /** Costs the connection's own watches only, however many others there are. */
  removeConn(conn: ConnId): void {
    for (const path of [...(this.byConn.get(conn)?.paths ?? [])])
      this.setFlags(conn, path, this.flagsOf(conn, path), 0);
  }

  private flagsOf(conn: ConnId, path: string): number {
    return this.byPath.get(path)?.get(conn) ?? 0;
  }

  /** The one place that writes the two maps, so that they and the counters always agree. */
  private setFlags(conn: ConnId, path: string, before: number, after: number): void {
    if (after === before) return;
    const key = hashText(path);
    if (before !== 0) this.sum.subtract(key, conn * 16 + before);
    if (after !== 0) this.sum.add(key, conn * 16 + after);
    this.dataTableSize += Number((after & IN_DATA_TABLE) !== 0) - Number((before & IN_DATA_TABLE) !== 0);
    this.childTableSize += Number((after & IN_CHILD_TABLE) !== 0) - Number((before & IN_CHILD_TABLE) !== 0);
    this.recursiveCount += Number((after & Flag.recursive) !== 0) - Number((before & Flag.recursive) !== 0);
    this.pairCount += Number(after !== 0) - Number(before !== 0);
    if (after === 0) this.unlink(conn, path);
    else this.link(conn, path, after);
  }

  private link(conn: ConnId, path: string, flags: number): void {
    const conns = this.byPath.get(path);
    if (conns === undefined) this.byPath.set(path, new Map([[conn, flags]]));
    else conns.set(conn, flags);
    let own = this.byConn.get(conn);
    if (own === undefined) {
      own = { paths: new Set(), size: 0 };
      this.byConn.set(conn, own);
    }
    if (own.paths.has(path)) return;
    own.paths.add(path);
    own.size += path.length;
    this.size += path.length;
  }

  private unlink(conn: ConnId, path: string): void {
    const conns = this.byPath.get(path);
    if (conns?.delete(conn) && conns.size === 0) this.byPath.delete(path);
    const own = this.byConn.get(conn);
    if (own?.paths.delete(path) !== true) return;
    own.size -= path.length;
    this.size -= path.length;
    if (own.paths.size === 0) this.byConn.delete(conn);
  }

  // --- Telling -------------------------------------------------------------------------------------------------------

  /** Who is to be told of the event, each connection once, in the order in which they came to watch. */
  trigger(event: TreeEvent, mayRead: MayRead): WatchNotice[] {
    const { type, path, acl } = event;
    const told = new Set<ConnId>();
    for (const [conn, flags] of [...(this.byPath.get(path) ?? [])]) {
      const heard = flags & HEARERS[type];
      if (heard === 0 || !mayRead(conn, acl)) continue;
      told.add(conn);
      this.setFlags(conn, path, flags, flags & ~(heard & ONE_SHOT));
    }
    if (this.recursiveCount > 0 && type !== EventType.nodeChildrenChanged) this.addRecursive(event, mayRead, told);
    return [...told].map((conn) => ({ conn, type, path }));
  }

  private addRecursive({ path, acl }: TreeEvent, mayRead: MayRead, told: Set<ConnId>): void {
    for (let at = path; at.length > 1; ) {
      at = parentOf(at);
      for (const [conn, flags] of this.byPath.get(at) ?? []) {
        if ((flags & Flag.recursive) !== 0 && !told.has(conn) && mayRead(conn, acl)) told.add(conn);
      }
    }
  }

  /**
   * Sets the watches of a reconnected client again and says what it missed (DataTree.setWatches). What it may not read is
   * not said, and the watch is set instead. Null when a bound was reached; then the connection should go.
   */
  catchUp(conn: ConnId, claims: WatchClaims, tree: DataTree, mayRead: MayRead): WatchNotice[] | null {
    const notices: WatchNotice[] = [];
    const { relativeZxid } = claims;
    let fits = true;
    // A client may claim a node's data and its coming into being: a list hid from it that the node came or went. With one event it
    // forgets both, so none of the two is kept for it.
    const ended = new Map<string, number>();
    const settle = (path: string, kind: WatchKind, missed: TreeEventType | null): void => {
      const node = tree.get(path);
      const isEnded = (FLAG_OF_KIND[kind] & (ended.get(path) ?? 0)) !== 0;
      if (isEnded && kind === 'exist') return;
      // That a node is gone is no secret: `exists` tells it to everyone.
      const mayTell = missed !== null && (node === undefined || mayRead(conn, node.acl));
      if (mayTell) {
        notices.push({ conn, type: missed, path });
        const ends = HEARERS[missed] & ONE_SHOT;
        ended.set(path, (ended.get(path) ?? 0) | ends);
        const before = this.flagsOf(conn, path);
        this.setFlags(conn, path, before, before & ~ends);
      } else if (!isEnded) fits = this.add(conn, path, kind) && fits;
    };
    for (const path of claims.dataWatches) settle(path, 'data', missedByData(tree, path, relativeZxid));
    for (const path of claims.existWatches) settle(path, 'exist', tree.get(path) ? EventType.nodeCreated : null);
    for (const path of claims.childWatches) settle(path, 'child', missedByChild(tree, path, relativeZxid));
    for (const path of claims.persistentWatches) settle(path, 'persistent', null);
    for (const path of claims.persistentRecursiveWatches) settle(path, 'persistentRecursive', null);
    return fits ? notices : null;
  }

  // --- Counting ------------------------------------------------------------------------------------------------------

  /** As `zk_watch_count` counts: a persistent watch is in both of upstream's tables. */
  get count(): number {
    return this.dataTableSize + this.childTableSize;
  }

  /** As four-letter word `wchs` counts: of the data table alone, paths and connections that have any watch. */
  get summary(): { connections: number; paths: number; watches: number } {
    const conns = new Set<ConnId>();
    let paths = 0;
    for (const [, watchers] of this.byPath) {
      let isPathCounted = false;
      for (const [conn, flags] of watchers) {
        if ((flags & IN_DATA_TABLE) === 0) continue;
        conns.add(conn);
        isPathCounted = true;
      }
      if (isPathCounted) paths += 1;
    }
    return { connections: conns.size, paths, watches: this.dataTableSize };
  }

  countOf(conn: ConnId): number {
    return this.byConn.get(conn)?.paths.size ?? 0;
  }

  /** Data-table watches as `wchc` lists them. */
  *dataWatches(): Iterable<{ conn: ConnId; path: string }> {
    for (const [conn, { paths }] of this.byConn) {
      for (const path of paths) if ((this.flagsOf(conn, path) & IN_DATA_TABLE) !== 0) yield { conn, path };
    }
  }

  /** Equal tables have equal digests, in whatever order they were filled. */
  digest(): bigint {
    return this.sum.value();
  }
}

function missedByData(tree: DataTree, path: string, since: Zxid): TreeEventType | null {
  const node = tree.get(path);
  if (node === undefined) return EventType.nodeDeleted;
  return node.mzxid > since ? EventType.nodeDataChanged : null;
}

function missedByChild(tree: DataTree, path: string, since: Zxid): TreeEventType | null {
  const node = tree.get(path);
  if (node === undefined) return EventType.nodeDeleted;
  return node.pzxid > since ? EventType.nodeChildrenChanged : null;
}
