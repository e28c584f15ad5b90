/**
 * Servers of one kind that join, lead and leave an ensemble of the other, by reconfiguration; observers of the other kind; and
 * TLS with certificates on both sides between the two.
 */

import { describe, expect, test } from 'vitest';
import type { ZooKeeper } from '../../server/client.ts';
import { type Kind, MixedEnsemble, until } from './ensemble.ts';
import { releasesFound } from './releases.ts';
import { everyKind, sameTree, surely } from './trees.ts';

/** Whoever may write the configuration may change it; here everybody may. */
const RECONFIGURABLE = ['extendedTypesEnabled=true', 'reconfigEnabled=true', 'skipACL=yes', 'standaloneEnabled=false'];

describe.each(releasesFound())('with Java $version', (java) => {
  const joined: [what: string, members: Kind, joiner: Kind][] = [
    ['ours joins three of theirs', java, 'ours'],
    ['theirs joins three of ours', 'ours', java],
  ];
  test.each(joined)('%s, they leave it behind, and it takes others in', async (_, members, joiner) => {
    const ensemble = await MixedEnsemble.of({
      members: [1, 2, 3].map((id) => ({ id, kind: members })),
      settings: RECONFIGURABLE,
    });
    ensemble.start(1, 2, 3);
    const first = await ensemble.serving(1, 2, 3);
    const zk = await ensemble.client([1, 2, 3]);
    await everyKind(zk, '/before', java);

    await ensemble.add({ id: 4, kind: joiner });
    ensemble.configure(4, [1, 2, 3, 4]);
    ensemble.start(4);
    await ensemble.serving(first, 4);
    await reconfigure(zk, { joining: ensemble.lineOf(4) });
    await sameConfig(ensemble, [1, 2, 3, 4]);
    await sameTree(ensemble, [1, 2, 3, 4]);

    // Two of four are no quorum: the newcomer counts.
    const [out = 1] = [1, 2, 3].filter((id) => id !== first);
    await ensemble.stop(out);
    await everyKind(zk, '/with-four', java);
    await reconfigure(zk, { leaving: `${out}` });
    const three = [1, 2, 3, 4].filter((id) => id !== out);
    await sameConfig(ensemble, three);

    // The newest history leads, or else the highest id: with the leader gone and nobody behind, that is the newcomer.
    await sameTree(ensemble, three);
    await ensemble.kill(first);
    const two = three.filter((id) => id !== first);
    expect(await ensemble.serving(...two)).toBe(4);
    const after = await ensemble.client(4);
    await everyKind(after, '/led-by-four', java);
    await reconfigure(after, { leaving: `${first}` });
    await sameConfig(ensemble, two);

    await ensemble.add({ id: 5, kind: members });
    ensemble.configure(5, [...two, 5]);
    ensemble.start(5);
    await ensemble.serving(4, 5);
    await reconfigure(after, { joining: ensemble.lineOf(5) });
    await sameConfig(ensemble, [...two, 5]);
    const tree = await sameTree(ensemble, [...two, 5]);
    for (const path of ['/before', '/with-four', '/led-by-four']) expect(tree.has(`${path}/multi`)).toBe(true);

    // What they have written down is enough to start from.
    await ensemble.stop(...two, 5);
    ensemble.start(...two, 5);
    await ensemble.serving(...two, 5);
    await sameConfig(ensemble, [...two, 5]);
    expect((await sameTree(ensemble, [...two, 5])).size).toBe(tree.size);
  });

  const observed: [what: string, voters: Kind, observer: Kind][] = [
    ['ours observes theirs', java, 'ours'],
    ['theirs observes ours', 'ours', java],
  ];
  test.each(observed)('%s, with what it missed and what it did not', async (_, voters, observer) => {
    const ensemble = await MixedEnsemble.of({
      members: [
        { id: 1, kind: voters },
        { id: 2, kind: voters },
        { id: 3, kind: observer, observer: true },
      ],
      settings: ['extendedTypesEnabled=true'],
    });
    ensemble.start(1, 2);
    await ensemble.serving(1, 2);
    await everyKind(await ensemble.client(1), '/before', java);
    ensemble.start(3);
    await ensemble.serving(1, 2, 3);
    expect(await ensemble.mode(3)).toBe('observer');
    await everyKind(await ensemble.client(3), '/through-it', java);
    await sameTree(ensemble, [1, 2, 3]);
    await ensemble.kill(3);
    await everyKind(await ensemble.client(2), '/without-it', java);
    ensemble.start(3);
    await ensemble.serving(1, 2, 3);
    expect((await sameTree(ensemble, [1, 2, 3])).has('/without-it/multi')).toBe(true);
  });
});

describe.each(releasesFound().filter(({ quorumTls }) => quorumTls))('by TLS, with Java $version', (java) => {
  const secured: [what: string, kinds: Kind[]][] = [
    ['ours follows theirs', ['ours', java, java]],
    ['ours leads theirs', [java, java, 'ours']],
  ];
  test.each(secured)('%s', async (_, kinds) => {
    const ensemble = await MixedEnsemble.of({
      members: kinds.map((kind, index) => ({ id: index + 1, kind })),
      settings: ['extendedTypesEnabled=true'],
      quorumTls: true,
    });
    ensemble.start(2, 3);
    expect(await ensemble.serving(2, 3)).toBe(3);
    ensemble.start(1);
    await ensemble.serving(1, 2, 3);
    const zk = await ensemble.client([1, 2]);
    await everyKind(zk, '/before', java);
    await ensemble.kill(3);
    await surely(zk, '/without-the-leader');
    ensemble.start(3);
    await ensemble.serving(1, 2, 3);
    expect((await sameTree(ensemble, [1, 2, 3])).has('/without-the-leader')).toBe(true);
  });
});

/** A server that has just joined may need a moment until the leader counts it as level; then it is asked again. */
async function reconfigure(zk: ZooKeeper, change: { joining?: string; leaving?: string }): Promise<void> {
  await until('the reconfiguration is accepted', async () => {
    const request = zk.request({
      kind: 'reconfig',
      joiningServers: change.joining ?? null,
      leavingServers: change.leaving ?? null,
      newMembers: null,
      curConfigId: -1,
    });
    return await request.then(
      () => true,
      () => null,
    );
  });
}

/**
 * All of these servers show the same configuration, and these are its servers. The order of its lines may differ: Java writes the
 * node anew when it starts, in an order of its own.
 */
async function sameConfig(ensemble: MixedEnsemble, ids: readonly number[]): Promise<void> {
  const configs: string[][] = [];
  for (const id of ids) {
    const zk = await ensemble.client(id);
    await zk.sync('/');
    const { data } = await zk.getData('/zookeeper/config');
    await zk.close();
    const text = Buffer.from(data ?? []).toString('utf8');
    configs.push(text.split('\n').sort());
  }
  for (const lines of configs) expect(lines).toEqual(configs[0]);
  const servers = configs[0]?.flatMap((line) => /^server\.(\d+)=/.exec(line)?.[1] ?? []).map(Number);
  expect(servers?.sort()).toEqual([...ids].sort());
}
