/** Whole trees as clients see them, to be compared between servers, and a load that leaves something of every kind behind. */

import { expect } from 'vitest';
import { type Acl, OPEN_ACL, Perm } from '../../core/types.ts';
import { Code, CreateMode } from '../../core/wire/opcodes.ts';
import type { Stat } from '../../core/wire/records.ts';
import { type ZooKeeper, ZooKeeperError } from '../../server/client.ts';
import type { MixedEnsemble } from './ensemble.ts';
import type { Release } from './releases.ts';

export interface SeenNode {
  readonly data: string | null;
  readonly stat: Stat;
  readonly acl: readonly Acl[];
  readonly children: readonly string[];
}

/**
 * Every server fills it from its own file until the first reconfiguration, with times of its own, so it is not compared here.
 */
const CONFIG_NODE = '/zookeeper/config';

/** What a client sees through one server, which first takes in everything that was committed. */
export async function treeThrough(ensemble: MixedEnsemble, id: number): Promise<Map<string, SeenNode>> {
  const zk = await ensemble.client(id);
  await zk.sync('/');
  const tree = new Map<string, SeenNode>();
  await readBelow(zk, '/', tree);
  await zk.close();
  return tree;
}

async function readBelow(zk: ZooKeeper, path: string, tree: Map<string, SeenNode>): Promise<void> {
  if (path === CONFIG_NODE) return;
  const [{ children }, { data, stat }, { acl }] = await Promise.all([
    zk.getChildren(path),
    zk.getData(path),
    zk.getAcl(path),
  ]);
  const sorted = [...children].sort();
  tree.set(path, { data: data === null ? null : hex(data), stat, acl, children: sorted });
  for (const child of sorted) await readBelow(zk, path === '/' ? `/${child}` : `${path}/${child}`, tree);
}

const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));

/** All of these servers show the same tree, down to every Stat; answers it. */
export async function sameTree(ensemble: MixedEnsemble, ids: readonly number[]): Promise<Map<string, SeenNode>> {
  const [first, ...rest] = ids;
  if (first === undefined) expect.fail('no servers');
  const tree = await treeThrough(ensemble, first);
  for (const id of rest) expect(await treeThrough(ensemble, id)).toEqual(tree);
  expect(tree.has('/zookeeper/quota')).toBe(true);
  return tree;
}

const DIGEST_ACL: readonly Acl[] = [
  { perms: Perm.ALL, id: { scheme: 'digest', id: 'bob:lCs1X7Lz9uN6Yl8WqVvnDMzDIjI=' } },
  { perms: Perm.READ, id: { scheme: 'world', id: 'anyone' } },
];

/** A transaction of every kind that clients make and all of the ensemble know, failed ones among them. */
export async function everyKind(zk: ZooKeeper, below: string, java: Release): Promise<void> {
  await zk.create(below, bytes('top'));
  await zk.create(`${below}/plain`, null);
  await zk.create(`${below}/utf-\u00e4\u65e5\u672c`, bytes('\u{1F984}'));
  await zk.create(`${below}/seq-`, bytes('s'), { mode: CreateMode.persistentSequential });
  await zk.create(`${below}/seq-`, bytes('s'), { mode: CreateMode.persistentSequential });
  await zk.create(`${below}/guarded`, bytes('g'), { acl: DIGEST_ACL });
  await zk.create(`${below}/container`, null, { mode: CreateMode.container });
  await zk.create(`${below}/container/child`, bytes('c'));
  await zk.create(`${below}/ttl`, bytes('t'), { mode: CreateMode.persistentTtl, ttlMs: 86_400_000 });
  await zk.create(`${below}/goes`, bytes('x'));
  await zk.delete(`${below}/goes`);
  await zk.setData(`${below}/plain`, bytes('1'));
  await zk.setData(`${below}/plain`, bytes('22'));
  await zk.setAcl(`${below}/plain`, [...DIGEST_ACL, ...OPEN_ACL]);
  await refused(Code.NODEEXISTS, zk.create(below, null));
  await refused(Code.BADVERSION, zk.setData(`${below}/plain`, null, 77));
  await refused(Code.NOTEMPTY, zk.delete(below));
  const node = { data: bytes('m'), acl: OPEN_ACL, flags: CreateMode.persistent };
  const kind = java.create2InMulti ? 'create2' : 'create';
  const done = await zk.multi([
    { kind, path: `${below}/multi`, ...node },
    { kind: 'setData', path: `${below}/multi`, data: bytes('mm'), version: 0 },
    { kind: 'check', path: `${below}/multi`, version: 1 },
    { kind: 'create', path: `${below}/multi/child`, ...node },
    { kind: 'delete', path: `${below}/multi/child`, version: -1 },
  ]);
  expect(done.map(({ kind }) => kind)).toEqual([kind, 'setData', 'check', 'create', 'delete']);
  await refused(
    Code.NONODE,
    zk.multi([
      { kind: 'create', path: `${below}/never`, ...node },
      { kind: 'delete', path: `${below}/nothing`, version: -1 },
    ]),
  );
}

/** The request fails with this code and no other. */
export async function refused(code: number, request: Promise<unknown>): Promise<void> {
  const outcome = await request.then(
    () => 'done',
    (error: unknown) => (error instanceof ZooKeeperError ? error.code : error),
  );
  expect(outcome).toBe(code);
}

/** Makes a node however often the connection is lost: nobody knows then whether it was made, so it is tried until it is there. */
export async function surely(zk: ZooKeeper, path: string): Promise<void> {
  for (;;) {
    try {
      await zk.create(path, bytes(path));
      return;
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
      if (error.code === Code.NODEEXISTS) return;
      if (error.code !== Code.CONNECTIONLOSS) throw error;
    }
  }
}
