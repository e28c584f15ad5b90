/** Generators of transactions over few paths, so that they meet. */

import { fc } from '@fast-check/vitest';
import { type Acl, asSession, type SessionId } from '../../core/types.ts';
import { Op } from '../../core/wire/opcodes.ts';
import type { Txn } from '../../core/wire/txn.ts';
import { utf8Encode } from '../../core/wire/utf8.ts';

export const SESSIONS: readonly SessionId[] = [asSession(0x100_0000_0000_0001n), asSession(-0x7f00_0000_0000_0001n)];

const names = fc.constantFrom('a', 'ü');
const plainPaths = fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const quotaPaths = fc
  .tuple(
    fc.constantFrom('', '/a', '/a/ü'),
    fc.constantFrom('', '/zookeeper_limits', '/zookeeper_limits', '/zookeeper_stats', '/zookeeper_stats'),
  )
  .map(([path, name]) => `/zookeeper/quota${path}${name}`);
const oddPaths = fc.constantFrom('/', 'a', '/a/', '/zookeeper', '/zookeeper/config', '/zookeeper/a');

export const paths = fc.oneof(
  { arbitrary: plainPaths, weight: 12 },
  { arbitrary: quotaPaths, weight: 4 },
  { arbitrary: oddPaths, weight: 1 },
);

const acls: fc.Arbitrary<readonly Acl[] | null> = fc.constantFrom(
  null,
  [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }],
  [{ perms: 1, id: { scheme: 'world', id: 'anyone' } }],
  [
    { perms: 31, id: { scheme: 'digest', id: 'alice:h' } },
    { perms: 1, id: { scheme: 'ip', id: '10.0.0.0/8' } },
  ],
);

const datas = fc.oneof(
  fc.constantFrom(null, new Uint8Array(0), utf8Encode('count=3,bytes=9'), utf8Encode('bytes=,count=x')),
  fc.uint8Array({ maxLength: 6 }),
);
const cversions = fc.oneof({ arbitrary: fc.constant(-1), weight: 3 }, { arbitrary: fc.nat(6), weight: 1 });

const creates = fc.record({
  kind: fc.constant('create' as const),
  path: paths,
  data: datas,
  acl: acls,
  ephemeral: fc.boolean(),
  parentCVersion: cversions,
});
const containers = fc.record({
  kind: fc.constant('createContainer' as const),
  path: paths,
  data: datas,
  acl: acls,
  parentCVersion: cversions,
});
const ttls = fc.record({
  kind: fc.constant('createTTL' as const),
  path: paths,
  data: datas,
  acl: acls,
  parentCVersion: cversions,
  ttl: fc.integer({ min: 1, max: 0xff_ffff_ffff }),
});
const deletes = fc.record({ kind: fc.constant('delete' as const), path: paths });
const setDatas = fc.record({ kind: fc.constant('setData' as const), path: paths, data: datas, version: fc.nat(9) });
const setAcls = fc.record({ kind: fc.constant('setACL' as const), path: paths, acl: acls, version: fc.nat(9) });
const errors = fc.record({ kind: fc.constant('error' as const), err: fc.constantFrom(-101, -110) });
const checks = fc.record({ kind: fc.constant('check' as const), path: paths, version: fc.nat(3) });
const sessionStarts = fc.record({
  kind: fc.constant('createSession' as const),
  timeOut: fc.integer({ min: 1, max: 9 }),
});
const sessionEnds = fc.record({
  kind: fc.constant('closeSession' as const),
  paths: fc.option(fc.array(paths, { maxLength: 3 })),
});

const TYPE_OF_KIND: Readonly<Record<Txn['kind'], number>> = {
  create: Op.create,
  createContainer: Op.createContainer,
  createTTL: Op.createTTL,
  delete: Op.delete,
  setData: Op.setData,
  setACL: Op.setACL,
  check: Op.check,
  error: Op.error,
  multi: Op.multi,
  createSession: Op.createSession,
  closeSession: Op.closeSession,
};
export const typeOf = (txn: Txn): number => TYPE_OF_KIND[txn.kind];

const singles: fc.Arbitrary<Txn> = fc.oneof(
  { arbitrary: creates, weight: 10 },
  { arbitrary: containers, weight: 2 },
  { arbitrary: ttls, weight: 2 },
  { arbitrary: deletes, weight: 5 },
  { arbitrary: setDatas, weight: 4 },
  { arbitrary: setAcls, weight: 3 },
  { arbitrary: errors, weight: 1 },
  { arbitrary: checks, weight: 1 },
);

const multis = fc
  .array(singles, { maxLength: 4 })
  .map((txns): Txn => ({ kind: 'multi', parts: txns.map((txn) => ({ type: typeOf(txn), txn })) }));

export interface Step {
  readonly session: SessionId;
  readonly txn: Txn;
}

export const steps: fc.Arbitrary<Step> = fc.record({
  session: fc.constantFrom(...SESSIONS),
  txn: fc.oneof(
    { arbitrary: singles, weight: 10 },
    { arbitrary: multis, weight: 2 },
    { arbitrary: sessionStarts, weight: 1 },
    { arbitrary: sessionEnds, weight: 1 },
  ),
});

const part = (path: string): Txn => ({
  ...{ kind: 'create', path, data: new Uint8Array(0), acl: null, ephemeral: false, parentCVersion: -1 },
});
const stepsOf = (paths: readonly string[]): readonly Step[] =>
  paths.map((path) => ({ session: SESSIONS[0]!, txn: part(path) }));

const withQuota = stepsOf([
  '/a',
  '/zookeeper/quota/a',
  '/zookeeper/quota/a/zookeeper_limits',
  '/zookeeper/quota/a/zookeeper_stats',
]);

/** Transactions in a row, half of them on a tree with a quota. */
export const runs = (maxLength: number): fc.Arbitrary<readonly Step[]> =>
  fc.tuple(fc.boolean(), fc.array(steps, { maxLength })).map(([has, tail]) => (has ? [...withQuota, ...tail] : tail));

/** Makes a tree in which deletes have something to hit. */
export const grown = stepsOf(['/a', '/a/a', '/a/ü', '/a/a/ü', '/ü', '/ü/a']);
