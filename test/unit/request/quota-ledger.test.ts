/** What pending changes add to quotas: the sums that are kept are those that going through all changes gives. */

import { fc, test } from '@fast-check/vitest';
import { describe, expect, vi } from 'vitest';
import { beginDecision, nodeAt, type Overlay, pendingUnder } from '../../../core/request/overlay.ts';
import type { DataTree } from '../../../core/tree/data-tree.ts';
import { limitsPathOf, type QuotaAmount, statsPathOf } from '../../../core/tree/quota.ts';
import { asSession, asZxid, OPEN_ACL } from '../../../core/types.ts';
import { type ClientRequest, encodeRequest, type MultiOp } from '../../../core/wire/client-codec.ts';
import { Op } from '../../../core/wire/opcodes.ts';
import { decodeTxn } from '../../../core/wire/txn-codec.ts';
import { utf8Encode } from '../../../core/wire/utf8.ts';
import { Standalone } from './standalone.ts';

const S = asSession(0x100n);

const create = (path: string, data: Uint8Array = new Uint8Array(0)): MultiOp =>
  ({ op: Op.create, kind: 'create', path, data, acl: OPEN_ACL, flags: 0 }) as const;
const set = (path: string, data: Uint8Array): MultiOp =>
  ({ op: Op.setData, kind: 'setData', path, data, version: -1 }) as const;
const remove = (path: string): MultiOp => ({ op: Op.delete, kind: 'delete', path, version: -1 }) as const;
/** Refused always, so that what stands before it in a multi is taken back. */
const REFUSED = remove('/no such node');

function host(): Standalone {
  const standalone = new Standalone({ config: { enforceQuota: true } });
  const body = encodeRequest({ op: Op.createSession, kind: 'createSession', timeOut: 30_000 });
  standalone.submit({ session: S, cxid: 0, op: Op.createSession, body, authInfo: [] }, standalone.config.myid);
  return standalone;
}

function decide(h: Standalone, ops: readonly MultiOp[]): void {
  const request: ClientRequest = { op: Op.multi, kind: 'multi', ops: [...ops] };
  h.submit({ session: S, cxid: 1, op: Op.multi, body: encodeRequest(request), authInfo: [] }, h.config.myid);
}

// --- the definition --------------------------------------------------------------------------------------------------

/** Each change counts as its difference to the tree, for the quota unless the tree has a deeper one. */
function pendingPlainly(overlay: Overlay, tree: DataTree, quotaPath: string): QuotaAmount {
  let [count, bytes] = [0, 0];
  for (const [path, change] of overlay.changes) {
    if (path !== quotaPath && !path.startsWith(`${quotaPath}/`)) continue;
    if ((tree.quotaPathOf(path) ?? '').length > quotaPath.length) continue;
    const applied = tree.get(path);
    count += Number(change.exists) - Number(applied !== undefined);
    bytes += (change.exists ? change.dataLength : 0) - (applied?.data?.length ?? 0);
  }
  return { count, bytes };
}

function pendingKept({ auth, heap }: Standalone, quotaPath: string): QuotaAmount {
  const { overlay } = auth;
  return pendingUnder(beginDecision(overlay, heap.tree, asZxid(overlay.lastDecided + 1), S, false), quotaPath);
}

// --- histories -------------------------------------------------------------------------------------------------------

const QUOTAS = ['/a', '/a/b', '/a/b/c', '/zookeeper', '/zookeeper/quota'] as const;
const DIRECTORIES = ['/a', '/a/b', '/d', ...QUOTAS.flatMap((path) => homesOf(limitsPathOf(path)))];

/** The nodes between `/zookeeper/quota` and a quota's limits. */
function homesOf(limitsPath: string): string[] {
  const names = limitsPath.split('/').slice(1, -1);
  return names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`).slice(2);
}

const QUOTA_NODES = QUOTAS.flatMap((path) => [limitsPathOf(path), statsPathOf(path)]);
const paths = fc.oneof(
  fc.constantFrom('/a/1', '/a/b/c', '/a/b/c/1', '/a/b/2', '/abc', '/d/1'),
  fc.constantFrom('/a', '/a/b', '/d', ...QUOTA_NODES),
);
const contents = fc
  .oneof(
    fc.constantFrom('count=-1,bytes=-1=;byteHardLimit=60;countHardLimit=5', 'count=-1,bytes=-1', 'count=1,bytes=1'),
    fc.constantFrom('', 'x', 'four'),
  )
  .map(utf8Encode);
/** Makes the node or takes it away, whichever is possible; or writes to it. */
const wishes = fc.record({ path: paths, data: contents, toggles: fc.boolean() });
const steps = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      ops: fc.array(wishes, { minLength: 1, maxLength: 5 }),
      refused: fc.constantFrom(false, false, true),
    }),
  },
  { weight: 2, arbitrary: fc.record({ commits: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ asks: fc.uniqueArray(fc.constantFrom(...QUOTAS, '/d'), { minLength: 1 }) }) },
);

function opOf(
  { auth, heap }: Standalone,
  { path, data, toggles }: { path: string; data: Uint8Array; toggles: boolean },
): MultiOp {
  const exists = nodeAt(auth.overlay, heap.tree, path) !== undefined;
  if (!exists) return create(path, data);
  return toggles ? remove(path) : set(path, data);
}

describe('the sums', () => {
  test.prop([fc.array(steps, { maxLength: 25, size: 'max' })], { numRuns: 200 })(
    'are those of the definition',
    (history) => {
      const h = host();
      for (const path of [...new Set(DIRECTORIES)]) decide(h, [create(path)]);
      h.hold = true;
      for (const step of history) {
        if ('ops' in step) decide(h, [...step.ops.map((wish) => opOf(h, wish)), ...(step.refused ? [REFUSED] : [])]);
        else if ('commits' in step) h.commit(step.commits);
        else {
          for (const quotaPath of step.asks) {
            expect(pendingKept(h, quotaPath)).toEqual(pendingPlainly(h.auth.overlay, h.heap.tree, quotaPath));
          }
        }
      }
      decide(h, [create('/end')]);
      h.commit();
      expect(h.auth.overlay.ledger).toBeNull();
      expect(h.heap.tree.audit()).toBeNull();
    },
  );

  test('of quotas that were taken back or have come into the tree are not kept', () => {
    const h = host();
    for (const path of new Set(DIRECTORIES)) decide(h, [create(path)]);
    h.hold = true;
    const quota = [create(limitsPathOf('/a')), create(statsPathOf('/a'))];
    decide(h, [create('/d/1'), ...quota, create('/a/1'), REFUSED]);
    expect([...h.auth.overlay.ledger!.ofPending.keys()]).toEqual([]);
    decide(h, [...quota, create('/a/1')]);
    expect([...h.auth.overlay.ledger!.ofPending.keys()]).toEqual(['/a']);
    decide(h, [create('/a/2')]);
    expect(pendingKept(h, '/a')).toEqual({ count: 2, bytes: 0 });
    h.commit(2);
    expect(pendingKept(h, '/a')).toEqual({ count: 1, bytes: 0 });
    expect([...h.auth.overlay.ledger!.ofPending.keys()]).toEqual([]);
  });
});

test('a stats node to which the tree writes below a change of it counts as it is then', () => {
  const h = host();
  for (const path of new Set(DIRECTORIES)) decide(h, [create(path)]);
  decide(h, [create(limitsPathOf('/a')), create(statsPathOf('/a'))]);
  h.hold = true;
  decide(h, [create('/a/1', new Uint8Array(1000))]);
  const { length } = h.heap.tree.get(statsPathOf('/a'))!.data!;
  // As long as what is there: it counts as nothing, until something is charged to the quota.
  decide(h, [set(statsPathOf('/a'), new Uint8Array(length))]);
  expect(pendingKept(h, '/zookeeper')).toEqual({ count: 0, bytes: 0 });
  h.commit(1);
  expect(pendingKept(h, '/zookeeper')).toEqual({ count: 0, bytes: -'000'.length });
  expect(pendingKept(h, '/zookeeper')).toEqual(pendingPlainly(h.auth.overlay, h.heap.tree, '/zookeeper'));
});

describe('the work', () => {
  const limits = utf8Encode('count=-1,bytes=-1=;countHardLimit=1000000');
  const quota = [create('/zookeeper/quota/a'), create(limitsPathOf('/a'), limits), create(statsPathOf('/a'))];
  const many = (count: number): MultiOp[] => Array.from({ length: count }, (_, i) => create(`/a/${i}`));

  /** How often the tree is looked at for a decision behind others that are not applied. */
  function looks(before: readonly (readonly MultiOp[])[], ops: readonly MultiOp[]): number {
    const h = host();
    h.hold = true;
    for (const earlier of [[create('/a')], ...before]) decide(h, earlier);
    const spies = [vi.spyOn(h.heap.tree, 'get'), vi.spyOn(h.heap.tree, 'quotaPathOf')];
    decide(h, ops);
    const count = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
    vi.restoreAllMocks();
    const last = decodeTxn(h.log.at(-1)!.bytes);
    if (!last.ok || last.value.txn.kind !== 'multi') throw new Error('no multi');
    expect(last.value.txn.parts.map(({ txn }) => txn.kind)).not.toContain('error');
    return count;
  }

  test('of a multi grows with its parts, under a quota that is set', () => {
    expect(looks([quota], many(800))).toBeLessThan(2.1 * looks([quota], many(400)));
  });

  test('… and under one that it brings itself', () => {
    expect(looks([], [...quota, ...many(800)])).toBeLessThan(2.1 * looks([], [...quota, ...many(400)]));
  });

  test('of one change does not depend on how many are pending', () => {
    const [few, lots] = [100, 1000].map((count) => looks([quota, many(count)], [create('/a/x')]));
    expect(lots).toBe(few);
  });
});
