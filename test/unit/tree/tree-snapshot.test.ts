import { describe, expect, test } from 'vitest';
import type { DataTree } from '../../../core/tree/data-tree.ts';
import { TreeLoader } from '../../../core/tree/tree-loader.ts';
import type { TreeSnapshot } from '../../../core/tree/tree-snapshot.ts';
import { OPEN_ACL } from '../../../core/types.ts';
import { hex } from '../../../core/wire/bytes.ts';
import { SnapshotReader, SnapshotWriter } from '../../../core/wire/snapshot-codec.ts';
import {
  ALICE,
  BOB,
  closeSession,
  create,
  createSession,
  del,
  picture,
  script,
  setAcl,
  setData,
  worldCan,
} from './builders.ts';

const pathsOf = (snapshot: TreeSnapshot): string[] => [...snapshot.nodes].map((node) => node.path);

describe('a snapshot', () => {
  test('stays at its moment', () => {
    const { tree, apply } = script();
    apply(create('/a', { data: 'before' }));
    const snapshot = tree.openSnapshot();
    apply(setData('/a', 'after'));
    apply(create('/b'));
    const nodes = [...snapshot.nodes];
    expect(nodes.map((node) => node.path)).toEqual(['', '/zookeeper', '/zookeeper/quota', '/zookeeper/config', '/a']);
    expect(new TextDecoder().decode(nodes.at(-1)!.data!)).toBe('before');
    expect(nodes[0]!.stat).toMatchObject({ cversion: 1, pzxid: 1 });
    expect([snapshot.zxid, tree.lastZxid]).toEqual([1, 3]);
  });

  test('gives parents before children, also of nodes that were removed and made again meanwhile', () => {
    const { tree, apply } = script();
    for (const path of ['/a', '/a/b', '/a/b/c', '/z']) apply(create(path));
    const snapshot = tree.openSnapshot();
    for (const path of ['/a/b/c', '/a/b', '/a']) apply(del(path));
    apply(create('/a', { data: 'other' }));
    expect(pathsOf(snapshot).slice(4)).toEqual(['/z', '/a', '/a/b', '/a/b/c']);
  });

  test('does not give a node twice that was removed and made again behind it', () => {
    const { tree, apply } = script();
    for (const path of ['/a', '/b']) apply(create(path));
    const snapshot = tree.openSnapshot();
    const nodes = snapshot.nodes[Symbol.iterator]();
    const seen = Array.from({ length: 5 }, () => nodes.next().value?.path);
    expect(seen.at(-1)).toBe('/a');
    apply(del('/a'));
    apply(create('/a'));
    apply(del('/b'));
    apply(create('/b'));
    expect(pathsOf(snapshot)).toEqual(['/b']);
  });

  test('has the ACLs its nodes had, and its sessions', () => {
    const { tree, apply } = script();
    apply(createSession(1000), ALICE);
    apply(create('/a', { acl: worldCan(7) }));
    const snapshot = tree.openSnapshot();
    apply(setAcl('/a', worldCan(9)));
    apply(closeSession(), ALICE);
    apply(createSession(2000), BOB);
    expect([...snapshot.sessions]).toEqual([[ALICE, 1000]]);
    const last = [...snapshot.nodes].at(-1)!;
    expect(snapshot.acls.get(last.aclId)).toEqual(worldCan(7));
    expect([...snapshot.acls.values()]).not.toContainEqual(worldCan(9));
  });

  test('opens in constant time and may be one of several', () => {
    const { tree, apply } = script();
    const first = tree.openSnapshot();
    apply(create('/a'));
    const second = tree.openSnapshot();
    apply(create('/b'));
    first.close();
    first.close();
    apply(del('/a'));
    expect(pathsOf(second).slice(4)).toEqual(['/a']);
    expect(pathsOf(first)).toEqual([]);
    second.close();
  });
});

describe('through the bytes of the codec', () => {
  function bodyOf(tree: DataTree, pieceSize: number): Uint8Array[] {
    const snapshot = tree.openSnapshot();
    const writer = new SnapshotWriter(snapshot, null);
    const pieces: Uint8Array[] = [];
    for (let piece = writer.next(pieceSize); piece !== null; piece = writer.next(pieceSize)) pieces.push(piece);
    snapshot.close();
    return pieces;
  }

  test('a tree comes back whole', () => {
    const { tree, apply } = script();
    apply(createSession(30_000));
    for (const path of ['/a', '/a/b', '/e'])
      apply(create(path, { ephemeral: path === '/e', acl: worldCan(path.length) }));
    apply({ kind: 'createTTL', path: '/t', data: null, acl: OPEN_ACL, parentCVersion: -1, ttl: 5 });
    const loader = new TreeLoader();
    const reader = new SnapshotReader(loader, { endMark: null, itemBytesMax: 1 << 20 });
    const progress = bodyOf(tree, 50).map((piece) => reader.push(piece).kind);
    expect(progress.at(-1)).toBe('done');
    const loaded = loader.finish({ zxid: tree.lastZxid, recountQuotas: false })!;
    expect(picture(loaded)).toEqual(picture(tree));
    expect(loaded.stateDigest()).toBe(tree.stateDigest());
  });

  test('it begins as the real server began: one session, then two lists, READ for all and everything for all', () => {
    const { tree, apply } = script();
    apply(createSession(30_000));
    apply(create('/hello', { data: 'world' }));
    const body = hex(bodyOf(tree, 1 << 16)[0]!);
    const list = (id: string, perms: string): string =>
      `00000000000000${id}00000001000000${perms}00000005776f726c6400000006616e796f6e65`;
    const session = `${BigInt(ALICE).toString(16).padStart(16, '0')}00007530`;
    expect(body.startsWith(`00000001${session}00000002${list('01', '01')}${list('02', '1f')}`)).toBe(true);
  });
});
