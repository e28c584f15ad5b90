/**
 * ACL lists kept once per value (server/ReferenceCountedACLCache). Thousands of nodes share a few lists; a node holds a
 * reference to the shared entry and a snapshot writes the entry's number.
 *
 * Numbers are local to a replica: what is replicated is the list. The number -1 means "no list", which ZooKeeper gives
 * the fixed nodes and reads as open to all.
 */

import { type Acl, assert, OPEN_ACL } from '../types.ts';
import { OPEN_ACL_ID } from '../wire/snapshot-codec.ts';
import { hashAcl } from './digest.ts';

export interface AclEntry {
  readonly id: number;
  readonly list: readonly Acl[];
  /** Digest of the list by value. */
  readonly hash: number;
  readonly key: string;
  /** How many nodes use it. The open entry is not counted. */
  usageCount: number;
}

/**
 * Stands for a list that a loaded node names but the loaded table lacks. A fuzzy snapshot can be so until the log is
 * replayed over it (ZOOKEEPER-4689); until then the node is closed to everyone but super.
 */
const CLOSED_ACL: readonly Acl[] = [{ perms: 0, id: { scheme: 'world', id: 'anyone' } }];

/** Never in a table, so that a snapshot of an incomplete state loads as one. */
const UNRESOLVED_ID = -2;

/** Far more than any server counts to, and far enough below what a double holds to count on from it. */
export const ACL_ID_MAX = 2 ** 52;

const makeOpenEntry = (): AclEntry => ({
  id: OPEN_ACL_ID,
  list: OPEN_ACL,
  hash: hashAcl(OPEN_ACL),
  key: '',
  usageCount: 0,
});

export class AclTable {
  readonly open: AclEntry = makeOpenEntry();
  private readonly byKey = new Map<string, AclEntry>();
  private readonly byId = new Map<number, AclEntry>();
  private lastId = 0;
  private recent: AclEntry = this.open;
  private readonly unresolved: AclEntry = {
    id: UNRESOLVED_ID,
    list: CLOSED_ACL,
    hash: hashAcl(CLOSED_ACL),
    key: '',
    usageCount: 0,
  };

  get size(): number {
    return this.byId.size;
  }

  get highestId(): number {
    return this.lastId;
  }

  /** Nodes whose list was not in the loaded table. Zero in a complete state. */
  get unresolvedCount(): number {
    return this.unresolved.usageCount;
  }

  /** The entry for a list by value, counted as used once more. */
  use(list: readonly Acl[] | null): AclEntry {
    if (list === null) return this.open;
    if (this.recent.id !== OPEN_ACL_ID && sameAcl(this.recent.list, list)) {
      this.recent.usageCount += 1;
      return this.recent;
    }
    const entry = this.intern(list);
    entry.usageCount += 1;
    this.recent = entry;
    return entry;
  }

  private intern(list: readonly Acl[]): AclEntry {
    const key = keyOf(list);
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    this.lastId += 1;
    return this.put(this.lastId, key, list);
  }

  private put(id: number, key: string, list: readonly Acl[]): AclEntry {
    const entry: AclEntry = { id, list, hash: hashAcl(list), key, usageCount: 0 };
    this.byKey.set(key, entry);
    this.byId.set(id, entry);
    return entry;
  }

  /** One use less; true when that was the last one and the entry left the table. */
  release(entry: AclEntry): boolean {
    if (entry.id === OPEN_ACL_ID) return false;
    assert(entry.usageCount > 0, 'ACL entry released more often than used');
    entry.usageCount -= 1;
    if (entry.usageCount > 0 || entry === this.unresolved) return false;
    this.remove(entry);
    return true;
  }

  private remove(entry: AclEntry): void {
    if (this.byId.get(entry.id) === entry) this.byId.delete(entry.id);
    if (this.byKey.get(entry.key) === entry) this.byKey.delete(entry.key);
    if (this.recent === entry) this.recent = this.open;
  }

  /** An entry of a snapshot's table. Two numbers for one list are legal there; the later one is interned. */
  load(id: number, list: readonly Acl[]): void {
    this.lastId = Math.max(this.lastId, id);
    this.put(id, keyOf(list), list);
  }

  /** The entry that a loaded node names, counted. */
  useId(id: number): AclEntry {
    if (id === OPEN_ACL_ID) return this.open;
    // Numbers given out later must differ from every number seen, also from those that name no list.
    if (id <= ACL_ID_MAX) this.lastId = Math.max(this.lastId, id);
    const entry = this.byId.get(id) ?? this.unresolved;
    entry.usageCount += 1;
    return entry;
  }

  purgeUnused(): void {
    for (const entry of [...this.byId.values()]) if (entry.usageCount === 0) this.remove(entry);
  }

  entries(): IterableIterator<AclEntry> {
    return this.byId.values();
  }
}

export function sameAcl(a: readonly Acl[], b: readonly Acl[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (x.perms !== y.perms || x.id.id !== y.id.id || x.id.scheme !== y.id.scheme) return false;
  }
  return true;
}

/** Lengths stand before the texts, so no two lists have one key whatever characters they hold. */
function keyOf(list: readonly Acl[]): string {
  let key = '';
  for (const { perms, id } of list) key += `${perms},${id.scheme.length}:${id.scheme}${id.id.length}:${id.id};`;
  return key;
}
