import { describe, expect, test } from 'vitest';
import type { DataTree } from '../../../core/tree/data-tree.ts';
import {
  checkQuota,
  formatQuota,
  parseQuota,
  type QuotaAmount,
  quotaOfLimitsPath,
  quotaOfStatsPath,
} from '../../../core/tree/quota.ts';
import { utf8Encode } from '../../../core/wire/utf8.ts';
import { create, del, picture, script, setData, textAt } from './builders.ts';

const STATS = '/zookeeper/quota/a/zookeeper_stats';
const LIMITS = '/zookeeper/quota/a/zookeeper_limits';

/** Sets a quota as the command line does: limits, then numbers. */
function quota(path: string, limits = 'count=-1,bytes=-1') {
  const above = path.split('/').slice(1, -1);
  const ways = above.map((_, index) => create(`/zookeeper/quota/${above.slice(0, index + 1).join('/')}`));
  const at = `/zookeeper/quota${path}`;
  return [...ways, create(at), create(`${at}/zookeeper_limits`, { data: limits }), create(`${at}/zookeeper_stats`)];
}

describe('the numbers of a quota', () => {
  test('are counted when they are created, whatever the client wrote', () => {
    const { tree, apply } = script();
    for (const txn of [create('/a', { data: 'four' }), create('/a/b', { data: 'xy' }), create('/c')]) apply(txn);
    for (const txn of quota('/a')) apply(txn);
    expect(textAt(tree, STATS)).toBe('count=2,bytes=6');
    expect(tree.stat(STATS)).toMatchObject({ version: 0, mzxid: 6, dataLength: 15 });
  });

  test('follow creates, writes and deletes, and leave the Stat alone', () => {
    const { tree, apply } = script();
    apply(create('/a'));
    for (const txn of quota('/a')) apply(txn);
    const seen = (): string | null | undefined => textAt(tree, STATS);
    expect(seen()).toBe('count=1,bytes=0');
    apply(create('/a/b', { data: 'xyz' }));
    expect(seen()).toBe('count=2,bytes=3');
    apply(setData('/a/b', 'x'));
    expect(seen()).toBe('count=2,bytes=1');
    apply(setData('/a', null));
    expect(seen()).toBe('count=2,bytes=1');
    apply(del('/a/b'));
    expect(seen()).toBe('count=1,bytes=0');
    expect(tree.stat(STATS)).toMatchObject({ version: 0, mzxid: 4, mtime: tree.stat(STATS)!.ctime });
    expect(tree.audit()).toBeNull();
  });

  test('of the deepest quota alone move', () => {
    const { tree, apply } = script();
    for (const txn of [create('/a'), create('/a/b'), ...quota('/a'), create('/zookeeper/quota/a/b')]) apply(txn);
    apply(create('/zookeeper/quota/a/b/zookeeper_limits'));
    apply(create('/zookeeper/quota/a/b/zookeeper_stats'));
    apply(create('/a/b/c', { data: 'x' }));
    expect(textAt(tree, STATS)).toBe('count=2,bytes=0');
    expect(textAt(tree, '/zookeeper/quota/a/b/zookeeper_stats')).toBe('count=2,bytes=1');
    expect([
      tree.quotaPathOf('/a/b/c'),
      tree.quotaPathOf('/a'),
      tree.quotaPathOf('/'),
      tree.quotaPathOf('/ab'),
    ]).toEqual(['/a/b', '/a', null, null]);
  });

  test('stand still once the limits are gone', () => {
    const { tree, apply } = script();
    for (const txn of [create('/a'), ...quota('/a'), del(LIMITS), create('/a/b')]) apply(txn);
    expect(textAt(tree, STATS)).toBe('count=1,bytes=0');
    expect(tree.quotaPathOf('/a/b')).toBeNull();
  });

  test('go on from what a client wrote over them, as far as it can be read', () => {
    const { tree, apply } = script();
    for (const txn of [create('/a'), ...quota('/a')]) apply(txn);
    apply(setData(STATS, 'count=10,bytes=junk=;byteHardLimit=7'));
    apply(create('/a/b', { data: 'xx' }));
    expect(textAt(tree, STATS)).toBe('count=11,bytes=1=;byteHardLimit=7');
    apply(setData(STATS, null));
    apply(del('/a/b'));
    expect(textAt(tree, STATS)).toBe('count=-2,bytes=-3');
  });

  test('of the whole tree are counted once, but there is no quota on the root', () => {
    const { tree, apply } = script();
    apply(create('/zookeeper/quota/zookeeper_limits'));
    apply(create('/zookeeper/quota/zookeeper_stats'));
    expect(textAt(tree, '/zookeeper/quota/zookeeper_stats')).toBe('count=6,bytes=0');
    expect(tree.quotaPathOf('/a')).toBeNull();
  });

  test('missing altogether, nothing is counted and nothing breaks', () => {
    const { tree, apply } = script();
    for (const txn of [create('/a'), create('/zookeeper/quota/a'), create(LIMITS)]) apply(txn);
    const before = picture(tree).length;
    apply(create('/a/b'));
    expect(picture(tree).length).toBe(before + 1);
  });
});

describe('the text of limits and numbers', () => {
  test.each([
    ['count=5,bytes=10', { count: 5, bytes: 10, countHard: -1, bytesHard: -1 }],
    ['count=-1,bytes=-1=;byteHardLimit=100;countHardLimit=3', { count: -1, bytes: -1, countHard: 3, bytesHard: 100 }],
    ['countHardLimit=3', { count: -1, bytes: -1, countHard: 3, bytesHard: -1 }],
    ['', { count: -1, bytes: -1, countHard: -1, bytesHard: -1 }],
    ['bytes=;count=x,constructor=1,__proto__=2', { count: -1, bytes: -1, countHard: -1, bytesHard: -1 }],
    ['count=99999999999999999999', { count: -1, bytes: -1, countHard: -1, bytesHard: -1 }],
  ])('%j', (text, numbers) => {
    expect(parseQuota(utf8Encode(text))).toEqual(numbers);
  });

  test('is written as the real server writes it', () => {
    expect(formatQuota({ count: 2, bytes: 30, countHard: -1, bytesHard: -1 })).toBe('count=2,bytes=30');
    expect(formatQuota({ count: -1, bytes: -1, countHard: 3, bytesHard: 100 })).toBe(
      'count=-1,bytes=-1=;byteHardLimit=100;countHardLimit=3',
    );
  });

  test('bytes that are no text are no numbers', () => {
    expect(parseQuota(Uint8Array.of(0xff, 0xfe))).toEqual(parseQuota(null));
    expect(parseQuota(utf8Encode(`count=5,${'x'.repeat(5000)}`))).toEqual(parseQuota(null));
  });

  test.each([
    ['/zookeeper/quota/a/zookeeper_limits', '/a'],
    ['/zookeeper/quota/a/b/zookeeper_limits', '/a/b'],
    ['/zookeeper/quota/zookeeper_limits', null],
    ['/zookeeper/quotaX/zookeeper_limits', null],
    ['/zookeeper/quota/a/not_zookeeper_limits', null],
    ['/b/zookeeper_limits', null],
    ['zookeeper_limits', null],
  ])('%s is the limits node of %j', (path, quotaPath) => {
    expect(quotaOfLimitsPath(path)).toBe(quotaPath);
  });

  test('the stats node of the whole tree has the empty quota path', () => {
    expect(quotaOfStatsPath('/zookeeper/quota/zookeeper_stats')).toBe('');
    expect(quotaOfStatsPath(STATS)).toBe('/a');
    expect(quotaOfStatsPath('/zookeeper/quotas/zookeeper_stats')).toBeNull();
  });
});

describe('a limit', () => {
  const NOTHING: QuotaAmount = { count: 0, bytes: 0 };
  const viewOf = (tree: DataTree, pending = NOTHING) => ({
    dataOf: (path: string) => tree.get(path)?.data,
    pendingOf: () => pending,
  });
  function limited(limits: string): DataTree {
    const { tree, apply } = script();
    for (const txn of [create('/a', { data: 'four' }), ...quota('/a', limits)]) apply(txn);
    return tree;
  }

  test('that is hard refuses what goes beyond it', () => {
    const view = viewOf(limited('count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=2'));
    expect(checkQuota(view, '/a/b', { count: 1, bytes: 6 })).toBeNull();
    expect(checkQuota(view, '/a/b', { count: 2, bytes: 0 })).toEqual({
      ...{ quotaPath: '/a', kind: 'count', hard: true, limit: 2, would: 3 },
    });
    expect(checkQuota(view, '/a', { count: 0, bytes: 7 })).toMatchObject({ kind: 'bytes', hard: true, would: 11 });
  });

  test('that is soft only warns, and one that is hard comes first', () => {
    expect(checkQuota(viewOf(limited('count=1,bytes=-1')), '/a/b', { count: 1, bytes: 0 })).toMatchObject({
      hard: false,
    });
    const both = viewOf(limited('count=1,bytes=-1=;byteHardLimit=4'));
    expect(checkQuota(both, '/a/b', { count: 1, bytes: 1 })).toMatchObject({ kind: 'bytes', hard: true });
  });

  test('counts what is decided and not yet applied', () => {
    const tree = limited('count=-1,bytes=-1=;countHardLimit=3');
    expect(checkQuota(viewOf(tree), '/a/b', { count: 1, bytes: 0 })).toBeNull();
    expect(checkQuota(viewOf(tree, { count: 2, bytes: 0 }), '/a/b', { count: 1, bytes: 0 })).toMatchObject({
      would: 4,
    });
  });

  test('does not concern other paths, nor a change of nothing', () => {
    const view = viewOf(limited('count=0,bytes=0=;byteHardLimit=0;countHardLimit=0'));
    expect(checkQuota(view, '/ab', { count: 1, bytes: 1 })).toBeNull();
    expect(checkQuota(view, '/a', { count: 0, bytes: 0 })).toBeNull();
    expect(checkQuota(view, '/a', { count: 0, bytes: -1 })).toMatchObject({ hard: true });
  });

  test('is not there without its numbers', () => {
    const { tree, apply } = script();
    for (const txn of [create('/a'), create('/zookeeper/quota/a'), create(LIMITS, { data: 'count=0' })]) apply(txn);
    expect(checkQuota(viewOf(tree), '/a/b', { count: 1, bytes: 0 })).toBeNull();
  });
});
