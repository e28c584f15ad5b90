/** Sessions, ephemeral nodes and watches that begin at a server of one kind and end at one of the other. */

import { describe, expect, test } from 'vitest';
import type { WatchedEvent } from '../../core/client/io.ts';
import { AddWatchMode, Code, CreateMode, EventType } from '../../core/wire/opcodes.ts';
import { type Kind, MixedEnsemble, until } from './ensemble.ts';
import { releasesFound } from './releases.ts';
import { bytes, refused, sameTree, treeThrough } from './trees.ts';

const ALL = [1, 2, 3];

describe.each(releasesFound())('with Java $version', (java) => {
  /** The two servers between which sessions move are 1 and 2; 3 leads. */
  const ensembles: [what: string, kinds: Kind[]][] = [
    ['under a leader of theirs', ['ours', java, java]],
    ['under a leader of ours', ['ours', java, 'ours']],
  ];
  describe.each(ensembles)('%s', (_, kinds) => {
    const started = async (): Promise<MixedEnsemble> => {
      const ensemble = await MixedEnsemble.of({ members: kinds.map((kind, index) => ({ id: index + 1, kind })) });
      ensemble.start(2, 3);
      expect(await ensemble.serving(2, 3)).toBe(3);
      ensemble.start(1);
      await ensemble.serving(...ALL);
      return ensemble;
    };
    const ways: [way: string, from: number, to: number][] = [
      ['ours to theirs', 1, 2],
      ['theirs to ours', 2, 1],
    ];

    test.each(ways)(
      'a session moves from %s, with its ephemeral nodes, and is closed there',
      async (_way, from, to) => {
        const ensemble = await started();
        const first = await ensemble.client(from);
        await first.create('/mine', bytes('m'), { mode: CreateMode.ephemeral });
        const { session } = first;
        first.abandon();

        const second = await ensemble.client(to, session ?? expect.fail('no session'));
        expect(second.sessionId).toBe(first.sessionId);
        expect((await second.exists('/mine'))?.ephemeralOwner).toBe(first.sessionId);
        await second.create('/mine-too', null, { mode: CreateMode.ephemeral });
        await sameTree(ensemble, ALL);
        await second.close();
        for (const id of ALL) {
          const tree = await treeThrough(ensemble, id);
          expect([...tree.keys()].filter((path) => path.startsWith('/mine'))).toEqual([]);
        }
        // What is closed at one is closed at the other.
        const late = ensemble.client(from, session ?? undefined);
        await refused(Code.SESSIONEXPIRED, late);
      },
    );

    test.each(ways)('a session that moved from %s and is heard of no more expires there', async (_way, from, to) => {
      const ensemble = await started();
      const first = await ensemble.client(from, undefined, 4000);
      await first.create('/mine', null, { mode: CreateMode.ephemeral });
      const { session } = first;
      first.abandon();
      const second = await ensemble.client(to, session ?? expect.fail('no session'), 4000);
      await second.create('/mine-too', null, { mode: CreateMode.ephemeral });
      second.abandon();
      const events: WatchedEvent[] = [];
      const other = await ensemble.client(from);
      expect(await other.exists('/mine', (event) => events.push(event))).not.toBe(null);
      await until('the session has expired', () => (events.length > 0 ? true : null));
      expect(events).toMatchObject([{ path: '/mine', type: EventType.nodeDeleted }]);
      const tree = await sameTree(ensemble, ALL);
      expect([...tree.keys()].filter((path) => path.startsWith('/mine'))).toEqual([]);
    });

    const kept: [whose: string, at: number][] = [
      ['ours', 1],
      ['theirs', 2],
    ];
    test.each(kept)(
      'a session outlives a restart of its server, one of %s, and its watches hear what it missed',
      async (_whose, at) => {
        const ensemble = await started();
        const writer = await ensemble.client(3);
        for (const path of ['/one', '/tree', '/deep']) await writer.create(path, null);
        const zk = await ensemble.client(at);
        const { sessionId } = zk;
        await zk.create('/mine', null, { mode: CreateMode.ephemeral });
        const heard: string[] = [];
        const hear = ({ type, path }: WatchedEvent): number => heard.push(`${type} ${path}`);
        await zk.getData('/one', hear);
        await zk.exists('/two', hear);
        await zk.getChildren('/tree', hear);
        await zk.addWatch('/deep', AddWatchMode.persistentRecursive, hear);
        await ensemble.kill(at);
        await writer.setData('/one', bytes('1'));
        await writer.create('/two', null);
        await writer.create('/tree/child', null);
        ensemble.start(at);
        await until('the watches have been heard', () => (heard.length >= 3 ? true : null));
        const { nodeChildrenChanged, nodeCreated, nodeDataChanged } = EventType;
        expect([...heard].sort()).toEqual([
          `${nodeCreated} /two`,
          `${nodeDataChanged} /one`,
          `${nodeChildrenChanged} /tree`,
        ]);
        expect((await zk.exists('/mine'))?.ephemeralOwner).toBe(sessionId);
        // A persistent watch is not told what it missed, but goes on.
        await writer.create('/deep/child', null);
        await until('the persistent watch has been heard', () => (heard.length >= 4 ? true : null));
        expect(heard.at(-1)).toBe(`${nodeCreated} /deep/child`);
        expect(zk.sessionId).toBe(sessionId);
      },
    );
  });

  test('a Java client writes, watches and holds an ephemeral node through ours', async () => {
    const ensemble = await MixedEnsemble.of({
      members: (['ours', java, java] as const).map((kind, index) => ({ id: index + 1, kind })),
    });
    ensemble.start(...ALL);
    await ensemble.serving(...ALL);
    const said = await ensemble.javaClient(java, 1, [
      'create /a one',
      'get -w /a',
      'set /a two',
      'create -e /mine',
      'create -s /a/seq- x',
      'addWatch -m PERSISTENT_RECURSIVE /a',
      'create /a/b y',
      'getEphemerals /',
      'stat /a',
      'getAcl /a',
      'create /a z',
      'delete /nothing',
      'deleteall /a',
      'ls /',
    ]);
    expect(said).toMatch(/type:NodeDataChanged path:\/a/);
    expect(said).toMatch(/type:NodeCreated path:\/a\/b/);
    expect(said).toMatch(/type:NodeDeleted path:\/a\/b/);
    expect(said).toContain('Created /a/seq-0000000000');
    expect(said).toMatch(/^\[\/mine\]$/m);
    expect(said).toMatch(/^'world,'anyone$/m);
    expect(said).toContain('Node already exists: /a');
    expect(said).toContain('Node does not exist: /nothing');
    expect(said).toMatch(/^\[mine, zookeeper\]$/m);
    // It has quit, and its session has ended with it.
    expect((await sameTree(ensemble, ALL)).has('/mine')).toBe(false);
  });
});
