/**
 * A Java server writes its snapshot while transactions go on. Each node is written as it is at its turn, with the children
 * it has then; a child that is gone by its own turn is left out. The file is named after the transaction at which the
 * writing began, and everything later is replayed over it. Whatever the interleaving, the replay must end in the state that
 * the writer itself came to (ZOOKEEPER-3125, ZOOKEEPER-3145, ZOOKEEPER-3249).
 */

import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { DataTree } from '../../core/tree/data-tree.ts';
import { TreeLoader } from '../../core/tree/tree-loader.ts';
import { type Acl, asZxid, type SessionId, type Zxid } from '../../core/types.ts';
import { Op } from '../../core/wire/opcodes.ts';
import type { TxnHeader } from '../../core/wire/records.ts';
import type { SnapshotNode } from '../../core/wire/snapshot-codec.ts';
import type { Txn } from '../../core/wire/txn.ts';
import { picture } from '../unit/tree/builders.ts';
import { SESSIONS, typeOf } from './tree-txns.ts';

/** What a client asks for; a leader makes a transaction of it if it can. */
interface Wish {
  readonly kind: 'create' | 'ephemeral' | 'delete' | 'setData' | 'setACL' | 'close' | 'quota';
  readonly path: string;
  readonly session: SessionId;
  readonly byte: number;
  /** How many nodes the snapshot writes before the next wish, once it is being written. */
  readonly written: number;
}

const wishes: fc.Arbitrary<Wish> = fc.record({
  kind: fc.constantFrom(
    'create',
    'create',
    'create',
    'ephemeral',
    'ephemeral',
    'delete',
    'delete',
    'setData',
    'setACL',
    'close',
    'quota',
  ),
  path: fc.constantFrom('/a', '/a', '/a/a', '/a/b', '/a/a/a', '/b'),
  session: fc.constantFrom(...SESSIONS),
  byte: fc.nat(200),
  written: fc.constantFrom(0, 0, 1, 2),
});

interface Entry {
  readonly header: TxnHeader;
  readonly txn: Txn;
}

const aclOf = (byte: number): readonly Acl[] => [{ perms: (byte % 31) + 1, id: { scheme: 'world', id: 'anyone' } }];
const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

/** The leader's decision, or null when the wish cannot be granted. Every transaction fits the state it is decided on. */
function decide(tree: DataTree, wish: Wish): Txn | null {
  const { path, byte } = wish;
  const node = tree.get(path);
  switch (wish.kind) {
    case 'create':
    case 'ephemeral': {
      const parent = tree.get(parentOf(path));
      if (node !== undefined || parent === undefined || parent.ownerKind === 'session') return null;
      const data = Uint8Array.of(byte);
      const parentCVersion = parent.cversion + 1;
      return { kind: 'create', path, data, acl: aclOf(byte), ephemeral: wish.kind === 'ephemeral', parentCVersion };
    }
    case 'delete':
      return node === undefined || node.childCount > 0 ? null : { kind: 'delete', path };
    case 'setData':
      if (node === undefined) return null;
      return { kind: 'setData', path, data: new Uint8Array(byte % 5), version: node.version + 1 };
    case 'setACL':
      return node === undefined ? null : { kind: 'setACL', path, acl: aclOf(byte), version: node.aversion + 1 };
    case 'close':
      return { kind: 'closeSession', paths: [...tree.ephemeralsOf(wish.session)] };
    case 'quota':
      return decideQuota(tree);
    default:
      return wish.kind satisfies never;
  }
}

/** As the command line sets a quota, in one multi: the limits first, then the numbers, which the server counts itself. */
function decideQuota(tree: DataTree): Txn | null {
  if (tree.get('/zookeeper/quota/a') !== undefined) return null;
  const paths = ['/zookeeper/quota/a', '/zookeeper/quota/a/zookeeper_limits', '/zookeeper/quota/a/zookeeper_stats'];
  const part = (path: string, parentCVersion: number): Txn => ({
    ...{ kind: 'create', path, data: new Uint8Array(0), acl: aclOf(30), ephemeral: false, parentCVersion },
  });
  const txns = [part(paths[0]!, 1), part(paths[1]!, 1), part(paths[2]!, 2)];
  return { kind: 'multi', parts: txns.map((txn) => ({ type: Op.create, txn })) };
}

/** DataTree.serialize: sessions and ACLs at once, then the nodes depth first, as they are when their turn comes. */
class FuzzyWriter {
  readonly nodes: SnapshotNode[] = [];
  readonly acls: ReadonlyMap<number, readonly Acl[]>;
  readonly sessions: ReadonlyMap<SessionId, number>;
  readonly zxid: Zxid;
  private readonly tree: DataTree;
  private readonly stack: string[] = ['/'];
  private readonly idOf = new Map<string, number>();

  constructor(tree: DataTree) {
    this.tree = tree;
    this.zxid = tree.lastZxid;
    this.sessions = new Map(tree.sessions);
    const lists = new Map<number, readonly Acl[]>();
    for (const path of tree.paths()) lists.set(this.numberOf(tree.get(path)!.acl), tree.get(path)!.acl);
    this.acls = lists;
  }

  private numberOf(acl: readonly Acl[]): number {
    const key = JSON.stringify(acl);
    const known = this.idOf.get(key) ?? this.idOf.size + 1;
    this.idOf.set(key, known);
    return known;
  }

  write(count: number): void {
    for (let left = count; left > 0 && this.stack.length > 0; left--) {
      const path = this.stack.pop()!;
      const node = this.tree.get(path);
      if (node === undefined) continue;
      const { data, statPersisted } = node;
      this.nodes.push({ path: path === '/' ? '' : path, data, aclId: this.numberOf(node.acl), stat: statPersisted });
      for (const name of this.tree.children(path)) this.stack.push(path === '/' ? `/${name}` : `${path}/${name}`);
    }
  }

  load(): DataTree {
    this.write(Number.MAX_SAFE_INTEGER);
    const loader = new TreeLoader();
    for (const [id, timeoutMs] of this.sessions) loader.session(id, timeoutMs);
    for (const [id, acl] of this.acls) loader.acl(id, acl);
    for (const node of this.nodes) loader.node(node);
    return loader.finish({ zxid: this.zxid, recountQuotas: true })!;
  }
}

function grant(tree: DataTree, wish: Wish): Entry | null {
  const txn = decide(tree, wish);
  if (txn === null) return null;
  const zxid = asZxid(tree.lastZxid + 1);
  const header = { clientId: wish.session, cxid: 0, zxid, time: 1_700_000_000_000 + zxid, type: typeOf(txn) };
  tree.apply(header, txn);
  return { header, txn };
}

test.prop([fc.array(wishes, { maxLength: 30 }), fc.array(wishes, { maxLength: 40 })], { numRuns: 1500 })(
  'replay over a fuzzy snapshot ends in the state of the server that wrote it',
  (before, during) => {
    const tree = DataTree.fresh();
    for (const wish of before) grant(tree, wish);
    const writer = new FuzzyWriter(tree);
    const log: Entry[] = [];
    for (const wish of during) {
      const entry = grant(tree, wish);
      if (entry !== null) log.push(entry);
      writer.write(wish.written);
    }
    const replayed = writer.load();
    for (const { header, txn } of log) replayed.apply(header, txn);
    expect(picture(replayed)).toEqual(picture(tree));
    expect(replayed.stateDigest()).toBe(tree.stateDigest());
    expect(replayed.digest()).toBe(tree.digest());
    expect(replayed.unresolvedAclCount).toBe(0);
    expect(replayed.audit()).toBeNull();
  },
);
