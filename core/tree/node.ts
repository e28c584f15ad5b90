/**
 * One node of the tree (server/DataNode) without its path: the tree's map has that.
 *
 * The object is mutable only for the DataTree. Everyone else sees a `ReadNode`. A data array is never written in place, so
 * replies and snapshots may share it.
 */

import type { Acl, Zxid } from '../types.ts';
import type { Stat, StatPersisted } from '../wire/records.ts';
import type { AclEntry } from './acl-table.ts';
import type { OwnerKind } from './owner.ts';

export interface ReadNode {
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  readonly czxid: Zxid;
  readonly mzxid: Zxid;
  readonly pzxid: Zxid;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  /** As persisted: the number of creates of children. `stat.cversion` is what clients see. */
  readonly cversion: number;
  readonly aversion: number;
  /** As persisted, with containers and TTLs encoded. `stat.ephemeralOwner` is what clients see. */
  readonly ephemeralOwner: bigint;
  readonly ownerKind: OwnerKind;
  readonly childCount: number;
  /** CRC over path and data, see digest.ts. */
  readonly contentCrc: number;
  /** A fresh Stat as the wire shows it. */
  readonly stat: Stat;
  /** A fresh Stat as snapshots keep it. */
  readonly statPersisted: StatPersisted;
}

export class DataNode implements ReadNode {
  data: Uint8Array | null;
  aclEntry: AclEntry;
  czxid: Zxid;
  mzxid: Zxid;
  pzxid: Zxid;
  ctime: number;
  mtime: number;
  version: number;
  cversion: number;
  aversion: number;
  ephemeralOwner: bigint;
  ownerKind: OwnerKind;
  /** Made with the first child, dropped with the last: most nodes are leaves. */
  children: Set<string> | null = null;
  /** Place in the order of insertion; what a snapshot compares with its cursor. */
  readonly sequence: number;
  contentCrc: number;
  /** `statCrc` of the current fields, what the digests hold of this node. */
  crc = 0;

  constructor(fields: {
    data: Uint8Array | null;
    aclEntry: AclEntry;
    stat: StatPersisted;
    ownerKind: OwnerKind;
    sequence: number;
    contentCrc: number;
  }) {
    const { stat } = fields;
    this.data = fields.data;
    this.aclEntry = fields.aclEntry;
    this.czxid = stat.czxid;
    this.mzxid = stat.mzxid;
    this.pzxid = stat.pzxid;
    this.ctime = stat.ctime;
    this.mtime = stat.mtime;
    this.version = stat.version;
    this.cversion = stat.cversion;
    this.aversion = stat.aversion;
    this.ephemeralOwner = stat.ephemeralOwner;
    this.ownerKind = fields.ownerKind;
    this.sequence = fields.sequence;
    this.contentCrc = fields.contentCrc;
  }

  get acl(): readonly Acl[] {
    return this.aclEntry.list;
  }

  get childCount(): number {
    return this.children === null ? 0 : this.children.size;
  }

  get stat(): Stat {
    const childCount = this.childCount;
    return {
      czxid: this.czxid,
      mzxid: this.mzxid,
      ctime: this.ctime,
      mtime: this.mtime,
      version: this.version,
      // Every create has a delete, except of the children still present; a 32-bit int as in Java.
      cversion: (this.cversion * 2 - childCount) | 0,
      aversion: this.aversion,
      ephemeralOwner: this.ownerKind === 'session' ? this.ephemeralOwner : 0n,
      dataLength: this.data === null ? 0 : this.data.length,
      numChildren: childCount,
      pzxid: this.pzxid,
    };
  }

  get statPersisted(): StatPersisted {
    return {
      czxid: this.czxid,
      mzxid: this.mzxid,
      ctime: this.ctime,
      mtime: this.mtime,
      version: this.version,
      cversion: this.cversion,
      aversion: this.aversion,
      ephemeralOwner: this.ephemeralOwner,
      pzxid: this.pzxid,
    };
  }
}
