/** One ensemble of both kinds: who leads, what is written through whom, and what all of them then show. */

import { describe, expect, test } from 'vitest';
import { type Kind, MixedEnsemble } from './ensemble.ts';
import { releasesFound } from './releases.ts';
import { bytes, everyKind, sameTree } from './trees.ts';

describe.each(releasesFound())('with Java $version', (java) => {
  const ensembles: [what: string, kinds: Kind[]][] = [
    ['follows two of theirs', ['ours', java, java]],
    ['leads two of theirs', [java, java, 'ours']],
    ['follows one of theirs beside another of ours', ['ours', 'ours', java]],
    ['leads one of theirs and one of ours', [java, 'ours', 'ours']],
  ];
  test.each(ensembles)('ours %s', async (_, kinds) => {
    const ensemble = await MixedEnsemble.of({
      members: kinds.map((kind, index) => ({ id: index + 1, kind })),
      settings: ['extendedTypesEnabled=true'],
    });
    // Of two that know nothing, the one with the higher id leads; the last comes to a leader that is there.
    ensemble.start(2, 3);
    expect(await ensemble.serving(2, 3)).toBe(3);
    ensemble.start(1);
    expect(await ensemble.serving(1, 2, 3)).toBe(3);

    for (const id of [1, 2, 3]) {
      const zk = await ensemble.client(id);
      await everyKind(zk, `/through-${id}`, java);
      await zk.close();
    }
    const tree = await sameTree(ensemble, [1, 2, 3]);
    expect(tree.get('/through-1/plain')).toMatchObject({ data: '3232', stat: { version: 2, aversion: 1 } });

    const said = await ensemble.javaClient(java, 1, ['create /by-java hello', 'get /through-2/plain', 'ls /through-3']);
    expect(said).toMatch(/^22$/m);
    expect(said).toContain('[container, guarded, multi, plain, seq-0000000002, seq-0000000003, ttl, utf-');
    const zk = await ensemble.client(3);
    await zk.sync('/');
    expect((await zk.getData('/by-java')).data).toEqual(bytes('hello'));
    await expectNoMismatch(ensemble);

    await zk.create('/many', null);
    for (let i = 0; i < DIGEST_EVERY; i++) await zk.create(`/many/${i}`, bytes(`${i}`));
    await sameTree(ensemble, [1, 2, 3]);
    const digests = await Promise.all([1, 2, 3].map((id) => ensemble.word(id, 'hash')));
    expect(digests[0]).toMatch(/^100000080: -?\d+\n/);
    expect(new Set(digests).size).toBe(1);
    // The same of either kind of leader, from the smallest, an error, to the largest, a multi.
    await zk.setData('/many/0', bytes('12345'));
    expect(await ensemble.word(3, 'srvr')).toMatch(
      new RegExp(`^Proposal sizes last/min/max: ${32 + 11 + 9 + 4 + 12}/36/288$`, 'm'),
    );
  });
});

/** Servers keep the digest of every so manieth transaction. */
const DIGEST_EVERY = 128;

/** Servers compare digests at every transaction: ours stops at the first that differs, Java counts. */
async function expectNoMismatch(ensemble: MixedEnsemble): Promise<void> {
  for (const id of [1, 2, 3]) {
    const found = /^zk_digest_mismatches_count\t(\d+)$/m.exec(await ensemble.word(id, 'mntr'))?.[1] ?? '0';
    expect(`${id}: ${found}`).toBe(`${id}: 0`);
  }
}
