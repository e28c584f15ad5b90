import { describe, expect, test } from 'vitest';
import { DataTree } from '../../../core/tree/data-tree.ts';
import { CONTAINER_OWNER, ttlOf, ttlOwner } from '../../../core/tree/owner.ts';
import { TreeLoader } from '../../../core/tree/tree-loader.ts';
import { asSession, asZxid, OPEN_ACL } from '../../../core/types.ts';
import { Code, EventType, Op } from '../../../core/wire/opcodes.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import {
  ALICE,
  BOB,
  closeSession,
  create,
  createSession,
  del,
  headerOf,
  multi,
  picture,
  script,
  setAcl,
  setData,
  TIME,
  textAt,
  worldCan,
} from './builders.ts';

describe('a fresh tree', () => {
  const tree = DataTree.fresh();

  test('has the root and three fixed nodes, and counts the root twice', () => {
    expect([...tree.paths()]).toEqual(['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']);
    expect(tree.nodeCount).toBe(5);
    expect(tree.descendantCount('/')).toBe(3);
    expect(tree.descendantCount('/zookeeper')).toBe(2);
    expect(tree.approximateDataSize).toBe(
      '/'.length + '/zookeeper'.length + '/zookeeper/quota'.length + '/zookeeper/config'.length,
    );
  });

  test('lets everyone do everything, but only read the configuration', () => {
    expect(tree.get('/')!.acl).toEqual(OPEN_ACL);
    expect(tree.get('/zookeeper/config')!.acl).toEqual(worldCan(1));
    expect(tree.stat('/zookeeper/config')!.aversion).toBe(-1);
  });

  test('knows the root by the empty path too', () => {
    expect(tree.stat('')).toEqual(tree.stat('/'));
    expect(tree.children('')).toEqual(['zookeeper']);
    expect(tree.stat('/none')).toBeNull();
    expect(tree.children('/none')).toEqual([]);
  });
});

describe('create', () => {
  test('makes a node and tells of it and of its parent', () => {
    const { tree, apply } = script();
    const result = apply(create('/a', { data: 'one', acl: worldCan(5) }));
    expect(result).toEqual({
      type: Op.create2,
      err: Code.OK,
      path: '/a',
      stat: {
        ...{ czxid: 1, mzxid: 1, pzxid: 1, ctime: TIME + 1, mtime: TIME + 1 },
        ...{ version: 0, cversion: 0, aversion: 0, ephemeralOwner: 0n, dataLength: 3, numChildren: 0 },
      },
      parts: null,
      events: [
        { type: EventType.nodeCreated, path: '/a', zxid: 1, acl: worldCan(5) },
        { type: EventType.nodeChildrenChanged, path: '/', zxid: 1, acl: OPEN_ACL },
      ],
    });
    expect(textAt(tree, '/a')).toBe('one');
  });

  test('counts creates in the persisted cversion and changes in the one on the wire', () => {
    const { tree, apply } = script();
    apply(create('/p'));
    apply(create('/p/a'));
    apply(create('/p/b'));
    apply(del('/p/a'));
    expect(tree.get('/p')).toMatchObject({ cversion: 2, pzxid: 4 });
    expect(tree.stat('/p')).toMatchObject({ cversion: 3, numChildren: 1, pzxid: 4, mzxid: 1, version: 0 });
  });

  test('takes the cversion the leader decided on, and never goes back', () => {
    const { tree, apply } = script();
    apply(create('/p'));
    apply(create('/p/a', { parentCVersion: 7 }));
    apply(create('/p/b', { parentCVersion: 5 }));
    expect(tree.get('/p')).toMatchObject({ cversion: 7, pzxid: 2, childCount: 2 });
  });

  test('keeps null and empty data apart', () => {
    const { tree, apply } = script();
    apply(create('/null', { data: null }));
    apply(create('/empty', { data: '' }));
    expect(tree.get('/null')!.data).toBeNull();
    expect(tree.get('/empty')!.data).toEqual(new Uint8Array(0));
    expect(tree.stat('/null')!.dataLength).toBe(0);
  });

  test('of what exists brings only the parent forward, and takes the ACL again', () => {
    const { tree, apply } = script();
    apply(create('/a', { data: 'one', acl: worldCan(1) }));
    const again = apply(create('/a', { data: 'two', acl: worldCan(3), parentCVersion: 9 }));
    expect(again).toMatchObject({ err: Code.NODEEXISTS, stat: null, events: [] });
    expect(textAt(tree, '/a')).toBe('one');
    expect(tree.get('/a')).toMatchObject({ czxid: 1, acl: worldCan(3) });
    expect(tree.get('/')).toMatchObject({ cversion: 9, pzxid: 2 });
  });

  test.each([
    ['/a/b', Code.NONODE],
    ['a', Code.BADARGUMENTS],
    ['', Code.BADARGUMENTS],
    ['/', Code.BADARGUMENTS],
    ['/zookeeper/', Code.BADARGUMENTS],
  ])('of %j is answered with %i and changes nothing', (path, err) => {
    const { tree, apply } = script();
    const before = picture(tree);
    expect(apply(create(path)).err).toBe(err);
    expect(picture(tree)).toEqual(before);
    expect(tree.lastZxid).toBe(1);
  });
});

describe('delete', () => {
  test('tells with the ACL the node had', () => {
    const { apply } = script();
    apply(create('/a', { acl: worldCan(9) }));
    expect(apply(del('/a')).events).toEqual([
      { type: EventType.nodeDeleted, path: '/a', zxid: 2, acl: worldCan(9) },
      { type: EventType.nodeChildrenChanged, path: '/', zxid: 2, acl: OPEN_ACL },
    ]);
  });

  test('of what is gone still brings the parent forward, and never back', () => {
    const { tree, apply } = script();
    apply(create('/p'));
    expect(apply(del('/p/gone'))).toMatchObject({ err: Code.NONODE, events: [] });
    expect(tree.get('/p')).toMatchObject({ pzxid: 2, cversion: 0 });
    tree.apply(headerOf(del('/p/gone'), 1), del('/p/gone'));
    expect(tree.get('/p')).toMatchObject({ pzxid: 2 });
    expect(tree.lastZxid).toBe(2);
  });

  test('takes along what a fuzzy snapshot brought from the future', () => {
    const { tree, apply } = script();
    apply(create('/a'));
    apply(create('/a/b', { ephemeral: true }));
    apply(create('/a/b/c'));
    expect(apply(del('/a')).events.map((event) => event.path)).toEqual(['/a', '/']);
    expect([...tree.ephemeralsOf(ALICE)]).toEqual([]);
    expect(tree.nodeCount).toBe(5);
    expect(tree.audit()).toBeNull();
  });

  test.each(['/', '/zookeeper', '/zookeeper/config', '/zookeeper/quota'])('never takes %s', (path) => {
    const { tree, apply } = script();
    expect(apply(del(path)).err).toBe(Code.BADARGUMENTS);
    expect(tree.nodeCount).toBe(5);
  });
});

describe('setData and setACL', () => {
  test('setData writes data, version, mzxid and mtime', () => {
    const { tree, apply } = script();
    apply(create('/a'));
    expect(apply(setData('/a', 'x', 4))).toMatchObject({
      stat: { version: 4, mzxid: 2, mtime: TIME + 2, ctime: TIME + 1, dataLength: 1 },
      events: [{ type: EventType.nodeDataChanged, path: '/a', zxid: 2, acl: OPEN_ACL }],
    });
    expect(textAt(tree, '/a')).toBe('x');
  });

  test('setACL writes the list and aversion and tells nobody', () => {
    const { tree, apply } = script();
    apply(create('/a'));
    expect(apply(setAcl('/a', worldCan(1), 6))).toMatchObject({ stat: { aversion: 6, mzxid: 1 }, events: [] });
    expect(tree.get('/a')!.acl).toEqual(worldCan(1));
    // The list nobody uses any more is forgotten; that of /zookeeper/config has the same value and is shared.
    expect(tree.aclCount).toBe(1);
  });

  test('of what is not there are answered', () => {
    const { apply } = script();
    expect(apply(setData('/a', 'x')).err).toBe(Code.NONODE);
    expect(apply(setAcl('/a', worldCan(1))).err).toBe(Code.NONODE);
  });

  test('what the tree keeps does not hold the frame it was cut from', () => {
    const { tree, apply } = script();
    const chunk = new Uint8Array(65_536).fill(7);
    apply({ ...create('/a'), data: chunk.subarray(100, 110) } as Txn);
    expect(tree.get('/a')!.data!.buffer.byteLength).toBeLessThan(5000);
    apply({ ...setData('/a', ''), data: chunk.subarray(0, 60_000) } as Txn);
    expect(tree.get('/a')!.data!.buffer).toBe(chunk.buffer);
  });
});

describe('kinds of nodes', () => {
  test('an ephemeral belongs to its session and shows it', () => {
    const { tree, apply } = script();
    apply(create('/e', { ephemeral: true }), BOB);
    expect([...tree.ephemeralsOf(BOB)]).toEqual(['/e']);
    expect([...tree.ephemeralSessions()]).toEqual([BOB]);
    expect(tree.ephemeralCount).toBe(1);
    expect(tree.stat('/e')!.ephemeralOwner).toBe(BOB);
    apply(del('/e'));
    expect([...tree.ephemeralSessions()]).toEqual([]);
  });

  test('containers and TTL nodes are found by their kind and show no owner', () => {
    const { tree, apply } = script();
    const common = { data: null, acl: OPEN_ACL, parentCVersion: -1 };
    apply({ kind: 'createContainer', path: '/c', ...common });
    apply({ kind: 'createTTL', path: '/t', ...common, ttl: 3_600_000 });
    expect([...tree.containers()]).toEqual(['/c']);
    expect([...tree.ttlNodes()]).toEqual(['/t']);
    expect(tree.get('/c')!.ephemeralOwner).toBe(CONTAINER_OWNER);
    expect(ttlOf(tree.get('/t')!.ephemeralOwner)).toBe(3_600_000);
    expect([tree.stat('/c')!.ephemeralOwner, tree.stat('/t')!.ephemeralOwner]).toEqual([0n, 0n]);
    apply(del('/c'));
    apply(del('/t'));
    expect([[...tree.containers()], [...tree.ttlNodes()]]).toEqual([[], []]);
  });

  test('a time to live out of range is no node', () => {
    const { apply } = script();
    const txn: Txn = { kind: 'createTTL', path: '/t', data: null, acl: null, parentCVersion: -1, ttl: 0 };
    expect(apply(txn).err).toBe(Code.BADARGUMENTS);
    expect([ttlOwner(1), ttlOwner(0xff_ffff_ffff), ttlOwner(0x100_0000_0000), ttlOwner(1.5)]).toEqual([
      BigInt.asIntN(64, 0xff00_0000_0000_0001n),
      BigInt.asIntN(64, 0xff00_00ff_ffff_ffffn),
      null,
      null,
    ]);
  });

  test('the owners of release 3.5.3 are TTLs only when asked for', () => {
    const owner = BigInt.asIntN(64, 0x8000_0000_0000_0bb8n);
    const stat = { ...DataTree.fresh().get('/')!.statPersisted, ephemeralOwner: owner };
    const load = (emulate353Ttl: boolean): DataTree => {
      const loader = new TreeLoader({ emulate353Ttl });
      loader.node({ path: '', data: null, aclId: -1, stat: { ...stat, ephemeralOwner: 0n } });
      loader.node({ path: '/t', data: null, aclId: -1, stat });
      return loader.finish({ zxid: asZxid(1), recountQuotas: false })!;
    };
    expect([...load(true).ttlNodes()]).toEqual(['/t']);
    expect(ttlOf(load(true).get('/t')!.ephemeralOwner)).toBe(3000);
    expect([...load(false).ephemeralsOf(asSession(owner))]).toEqual(['/t']);
  });
});

describe('sessions', () => {
  test('begin with their timeout and end with their ephemerals', () => {
    const { tree, apply } = script();
    apply(createSession(30_000));
    apply(create('/e1', { ephemeral: true }));
    apply(create('/e2', { ephemeral: true }));
    expect([...tree.sessions]).toEqual([[ALICE, 30_000]]);
    const { events } = apply(closeSession(['/e1', '/e2']));
    expect(events.map(({ type, path }) => [type, path])).toEqual([
      [EventType.nodeDeleted, '/e1'],
      [EventType.nodeChildrenChanged, '/'],
      [EventType.nodeDeleted, '/e2'],
      [EventType.nodeChildrenChanged, '/'],
    ]);
    expect(tree.sessions.size).toBe(0);
    expect(tree.get('/')).toMatchObject({ pzxid: 4, cversion: 2 });
  });

  test('an old log names no paths: they are looked up', () => {
    const { tree, apply } = script();
    apply(create('/mine', { ephemeral: true }));
    apply(create('/other', { ephemeral: true }), BOB);
    apply(closeSession(null));
    expect([tree.get('/mine'), tree.get('/other')?.ephemeralOwner]).toEqual([undefined, BOB]);
  });

  test('paths that are gone do not matter, and extra ones of the session go too', () => {
    const { tree, apply } = script();
    apply(create('/extra', { ephemeral: true }));
    expect(apply(closeSession(['/gone'])).err).toBe(Code.OK);
    expect(tree.get('/extra')).toBeUndefined();
  });
});

describe('multi', () => {
  test('applies its parts under one zxid, each with its result', () => {
    const { tree, apply } = script();
    const result = apply(multi(create('/a'), setData('/a', 'x'), { kind: 'check', path: '/a', version: 1 }, del('/a')));
    expect(result.err).toBe(Code.OK);
    expect(result.parts!.map(({ type, err, path }) => [type, err, path])).toEqual([
      [Op.create2, Code.OK, '/a'],
      [Op.setData, Code.OK, '/a'],
      [Op.check, Code.OK, '/a'],
      [Op.delete, Code.OK, '/a'],
    ]);
    expect(result.parts![1]!.stat).toMatchObject({ mzxid: 1, version: 1, dataLength: 1 });
    expect(result.events.length).toBe(5);
    expect(tree.get('/a')).toBeUndefined();
  });

  test('with an error part changes nothing and says where it failed', () => {
    const { tree, apply } = script();
    const error = (err: number): Txn => ({ kind: 'error', err });
    const result = apply(multi(create('/a'), error(Code.NODEEXISTS), create('/b')));
    expect(result.parts!.map(({ type, err }) => [type, err])).toEqual([
      [Op.error, Code.OK],
      [Op.error, Code.NODEEXISTS],
      [Op.error, Code.RUNTIMEINCONSISTENCY],
    ]);
    expect(result).toMatchObject({ err: Code.NODEEXISTS, events: [] });
    expect(tree.nodeCount).toBe(5);
  });

  test('may be empty, and may not hold another', () => {
    const { apply } = script();
    expect(apply(multi())).toMatchObject({ err: Code.OK, parts: [] });
    expect(apply(multi(multi())).parts).toMatchObject([{ err: Code.MARSHALLINGERROR }]);
  });
});

test('an error transaction moves the zxid and nothing else', () => {
  const { tree, apply } = script();
  const before = [tree.digest(), tree.stateDigest()];
  expect(apply({ kind: 'error', err: Code.NONODE })).toMatchObject({ err: Code.NONODE, path: null, events: [] });
  expect([tree.digest(), tree.stateDigest()]).toEqual(before);
  expect(tree.lastZxid).toBe(1);
});

describe('the state digest sees what the tree digest does not', () => {
  const digests = (...txns: readonly Txn[]): [bigint, bigint] => {
    const { tree, apply } = script();
    for (const txn of txns) apply(txn);
    return [tree.digest(), tree.stateDigest()];
  };
  const error: Txn = { kind: 'error', err: Code.NONODE };

  test.each([
    ['null against empty data', [create('/a', { data: null })], [create('/a', { data: '' })]],
    ['the ACL', [create('/a', { acl: worldCan(1) })], [create('/a', { acl: worldCan(2) })]],
    ['sessions', [createSession()], [error]],
    ['session timeouts', [createSession(1)], [createSession(2)]],
    ['what is below /zookeeper', [create('/zookeeper/a')], [create('/zookeeper/b')]],
  ])('%s', (_, one, other) => {
    const [treeOne, stateOne] = digests(...one);
    const [treeOther, stateOther] = digests(...other);
    expect(treeOne).toBe(treeOther);
    expect(stateOne).not.toBe(stateOther);
  });

  test('and says the same of ACL lists under other numbers', () => {
    const detour = digests(create('/a', { acl: worldCan(7) }), setAcl('/a', worldCan(9), 1));
    const direct = digests(create('/a', { acl: worldCan(9) }), setAcl('/a', worldCan(9), 1));
    expect(detour).toEqual(direct);
  });
});

describe('the configuration node', () => {
  const text = new TextEncoder().encode('server.1=a:1:2:participant;3\nversion=100000004');

  test('is written outside of transactions and is then the same on every replica', () => {
    const { tree, apply } = script();
    apply({ kind: 'setData', path: '/zookeeper/config', data: text, version: -1 });
    expect(tree.get('/zookeeper/config')).toMatchObject({ version: -1, mzxid: 1, mtime: TIME + 1 });
    const written = tree.stateDigest();
    tree.initConfig(text, asZxid(1));
    expect(tree.stateDigest()).toBe(written);
    tree.initConfig(new Uint8Array(3), asZxid(0));
    expect(tree.get('/zookeeper/config')).toMatchObject({ version: -1, mzxid: 0, mtime: 0 });
    expect(tree.digest()).toBe(DataTree.fresh().digest());
  });

  test('is added to data from before it existed', () => {
    const loader = new TreeLoader();
    loader.node({ path: '', data: null, aclId: -1, stat: DataTree.fresh().get('/')!.statPersisted });
    const tree = loader.finish({ zxid: asZxid(5), recountQuotas: false })!;
    expect([...tree.paths()]).toEqual(['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']);
    expect(tree.lastZxid).toBe(5);
  });
});

describe('loading refuses what cannot be a tree', () => {
  const stat = DataTree.fresh().get('/')!.statPersisted;
  const node = (path: string) => ({ path, data: null, aclId: -1, stat });

  test.each([
    [['/a'], 'first-node-not-root'],
    [['', '/a/b'], 'parent-missing'],
    [['', '/a', '/a'], 'node-repeated'],
    [['', ''], 'bad-path'],
    [['', 'a'], 'bad-path'],
    [['', '/a/'], 'bad-path'],
    [[], 'no-root'],
  ])('%j: %s', (paths, problem) => {
    const loader = new TreeLoader();
    const accepted = paths.map((path) => loader.node(node(path)));
    expect(loader.finish({ zxid: asZxid(1), recountQuotas: false })).toBeNull();
    expect(loader.problem).toBe(problem);
    expect(accepted.at(-1) ?? false).toBe(false);
  });

  test('an ACL number that is none', () => {
    const loader = new TreeLoader();
    expect(loader.acl(-1, OPEN_ACL)).toBe(false);
    expect(loader.acl(1, OPEN_ACL)).toBe(false);
    expect(loader.problem).toBe('bad-acl-id');
  });

  test('a node whose ACL is not in the table is closed until the log brings one', () => {
    const loader = new TreeLoader();
    loader.node(node(''));
    loader.node({ ...node('/a'), aclId: 7 });
    const tree = loader.finish({ zxid: asZxid(1), recountQuotas: false })!;
    expect(tree.unresolvedAclCount).toBe(1);
    expect(tree.get('/a')!.acl).toEqual(worldCan(0));
    const txn = setAcl('/a', worldCan(31));
    tree.apply(headerOf(txn, 2), txn);
    expect(tree.unresolvedAclCount).toBe(0);
    expect(tree.audit()).toBeNull();
  });
});
