/**
 * Servers of both kinds that stop, come back, and are brought level by the other kind: by what they missed, by everything, and
 * by cutting off what only they had. And data directories that go from one kind to the other.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CreateMode } from '../../core/wire/opcodes.ts';
import type { ZooKeeper } from '../../server/client.ts';
import { type Kind, MixedEnsemble, until } from './ensemble.ts';
import { releasesFound } from './releases.ts';
import { bytes, everyKind, sameTree, surely } from './trees.ts';

const ALL = [1, 2, 3];

async function started(kinds: readonly Kind[], settings: readonly string[] = []): Promise<MixedEnsemble> {
  const ensemble = await MixedEnsemble.of({
    members: kinds.map((kind, index) => ({ id: index + 1, kind })),
    settings: ['extendedTypesEnabled=true', ...settings],
  });
  // The second and third elect the third, whoever starts faster.
  ensemble.start(2, 3);
  expect(await ensemble.serving(2, 3)).toBe(3);
  ensemble.start(1);
  await ensemble.serving(...ALL);
  return ensemble;
}

describe.each(releasesFound())('with Java $version', (java) => {
  const levelled: [what: string, kinds: Kind[]][] = [
    ['ours by theirs', ['ours', java, java]],
    ['theirs by ours', [java, java, 'ours']],
  ];

  test.each(levelled)('what was missed is made up: %s', async (_, kinds) => {
    const ensemble = await started(kinds);
    const zk = await ensemble.client(2);
    await everyKind(zk, '/before', java);
    await ensemble.stop(1);
    await everyKind(zk, '/meanwhile', java);
    ensemble.start(1);
    await ensemble.serving(...ALL);
    expect(ensemble.syncKind(3)).toBe('DIFF');
    const tree = await sameTree(ensemble, ALL);
    expect(tree.has('/meanwhile/multi')).toBe(true);
  });

  test.each(levelled)('everything is sent: %s', async (_, kinds) => {
    const ensemble = await started(kinds, ['forceSnapshotSync=true']);
    const zk = await ensemble.client(2);
    await everyKind(zk, '/before', java);
    await zk.create('/ephemeral', null, { mode: CreateMode.ephemeral });
    await ensemble.stop(1);
    await everyKind(zk, '/meanwhile', java);
    ensemble.start(1);
    await ensemble.serving(...ALL);
    expect(ensemble.syncKind(3)).toBe('SNAP');
    const tree = await sameTree(ensemble, ALL);
    expect(tree.get('/ephemeral')?.stat.ephemeralOwner).toBe(zk.sessionId);
    // What was sent is what the server starts from the next time.
    await ensemble.kill(1);
    ensemble.start(1);
    await ensemble.serving(...ALL);
    await sameTree(ensemble, ALL);
    await zk.close();
    await until('the ephemeral node is gone', async () =>
      (await sameTree(ensemble, ALL)).has('/ephemeral') ? null : true,
    );
  });

  const cut: [what: string, kinds: Kind[], how: 'TRUNC' | 'SNAP'][] = [
    ['is cut off: ours by theirs', [java, java, 'ours'], 'TRUNC'],
    ['is cut off: theirs by ours', [java, 'ours', java], 'TRUNC'],
    // A cut is within an epoch; of one that has gone on, everything is sent.
    ['is replaced: ours by theirs', [java, java, 'ours'], 'SNAP'],
    ['is replaced: theirs by ours', [java, 'ours', java], 'SNAP'],
  ];
  test.each(cut)('what only a lost leader had %s', async (_, kinds, how) => {
    const ensemble = await started(kinds);
    // Its end would be a transaction of the next epoch.
    const zk = await ensemble.client(3, undefined, 60_000);
    await everyKind(zk, '/before', java);
    await sameTree(ensemble, ALL);
    // Nobody hears of this one but the leader's own disk.
    ensemble.freeze(1, 2);
    const lost = zk.create('/lost', bytes('lost')).catch(() => 'unknown');
    await until('the leader has logged it', () => (logged(ensemble.dataDir(3), '/lost') ? true : null));
    await ensemble.kill(3, 1, 2);
    expect(await lost).toBe('unknown');
    zk.abandon();

    ensemble.start(1, 2);
    expect(await ensemble.serving(1, 2)).toBe(2);
    if (how === 'SNAP') await everyKind(await ensemble.client(1), '/after', java);
    ensemble.start(3);
    expect(await ensemble.serving(...ALL)).toBe(2);
    expect(ensemble.syncKind(2)).toBe(how);
    if (how === 'TRUNC') await everyKind(await ensemble.client(3), '/after', java);
    const tree = await sameTree(ensemble, ALL);
    expect(tree.has('/lost')).toBe(false);
    expect(tree.has('/after/multi')).toBe(true);
    await ensemble.kill(3);
    ensemble.start(3);
    await ensemble.serving(...ALL);
    expect(await sameTree(ensemble, ALL)).toEqual(tree);
  });

  const restarted: [what: string, kinds: Kind[]][] = [
    ['one of ours', ['ours', java, java]],
    ['two of ours', [java, 'ours', 'ours']],
  ];
  test.each(restarted)('all restart in turn, with %s among them, and the session goes on', async (_, kinds) => {
    const ensemble = await started(kinds);
    const zk = await ensemble.client(ALL);
    const session = zk.sessionId;
    await zk.create('/mine', null, { mode: CreateMode.ephemeral });
    const acknowledged: string[] = [];
    for (const [round, id] of [1, 2, 3, 3, 2, 1].entries()) {
      if (round < ALL.length) await ensemble.kill(id);
      else await ensemble.stop(id);
      acknowledged.push(await written(zk, `/round-${round}-without-${id}`));
      ensemble.start(id);
      await ensemble.serving(...ALL);
      acknowledged.push(await written(zk, `/round-${round}-with-${id}`));
    }
    expect(zk.sessionId).toBe(session);
    const tree = await sameTree(ensemble, ALL);
    expect(acknowledged.filter((path) => !tree.has(path))).toEqual([]);
    expect(tree.get('/mine')?.stat.ephemeralOwner).toBe(session);
  });

  test('an ensemble moves over to ours and back, one data directory after the other', async () => {
    const ensemble = await started([java, java, java]);
    const zk = await ensemble.client(ALL);
    await everyKind(zk, '/at-first', java);
    await zk.create('/mine', null, { mode: CreateMode.ephemeral });
    for (const kind of ['ours', java] as const) {
      for (const id of ALL) {
        await ensemble.stop(id);
        ensemble.become(id, kind);
        ensemble.start(id);
        await ensemble.serving(...ALL);
        await surely(zk, `/${kind === 'ours' ? 'to' : 'back'}-${id}`);
        await sameTree(ensemble, ALL);
      }
      // All at once: each has nothing but its files.
      await ensemble.stop(...ALL);
      ensemble.start(...ALL);
      await ensemble.serving(...ALL);
    }
    const tree = await sameTree(ensemble, ALL);
    for (const way of ['to', 'back']) for (const id of ALL) expect(tree.has(`/${way}-${id}`)).toBe(true);
    expect(tree.has('/at-first/multi')).toBe(true);
    expect(tree.get('/mine')?.stat.ephemeralOwner).toBe(zk.sessionId);
  });
});

async function written(zk: ZooKeeper, path: string): Promise<string> {
  await surely(zk, path);
  return path;
}

/** Whether this path stands in any log of a server. */
function logged(dataDir: string, path: string): boolean {
  const dir = join(dataDir, 'version-2');
  return readdirSync(dir).some((name) => name.startsWith('log.') && readFileSync(join(dir, name)).includes(path));
}
