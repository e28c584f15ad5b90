import { describe, expect, test } from 'vitest';
import type { TreeEvent, TreeEventType } from '../../../core/tree/data-tree.ts';
import { isWatcherType, WATCH_LIMITS, type WatchClaims, WatchTable } from '../../../core/tree/watches.ts';
import { type Acl, asConn, asZxid, type ConnId, OPEN_ACL } from '../../../core/types.ts';
import { EventType, WatcherType } from '../../../core/wire/opcodes.ts';
import { create, del, script, setData, worldCan } from './builders.ts';

const [ONE, TWO] = [asConn(1), asConn(2)];
const CREATED = EventType.nodeCreated;
const DELETED = EventType.nodeDeleted;
const CHANGED = EventType.nodeDataChanged;
const CHILDREN = EventType.nodeChildrenChanged;

/** READ for everyone by the list alone. */
const byList = (_: ConnId, acl: readonly Acl[] | null): boolean => acl === null || acl.some((entry) => entry.perms & 1);

function fire(watches: WatchTable, type: TreeEventType, path: string, acl: readonly Acl[] = OPEN_ACL) {
  const event: TreeEvent = { type, path, zxid: asZxid(1), acl };
  return watches.trigger(event, byList).map((notice) => `${notice.conn}: ${notice.type} ${notice.path}`);
}

describe('a one-shot watch', () => {
  test('of data hears creation, change and deletion, once', () => {
    for (const type of [CREATED, CHANGED, DELETED] as const) {
      const watches = new WatchTable();
      watches.add(ONE, '/a', 'data');
      expect(fire(watches, CHILDREN, '/a')).toEqual([]);
      expect(fire(watches, type, '/a')).toEqual([`1: ${type} /a`]);
      expect(fire(watches, type, '/a')).toEqual([]);
      expect(watches.count).toBe(0);
    }
  });

  test('of children hears changes of children and deletion, once', () => {
    const watches = new WatchTable();
    watches.add(ONE, '/a', 'child');
    expect(fire(watches, CHANGED, '/a')).toEqual([]);
    expect(fire(watches, CREATED, '/a')).toEqual([]);
    expect(fire(watches, CHILDREN, '/a')).toEqual(['1: 4 /a']);
    expect(fire(watches, CHILDREN, '/a')).toEqual([]);
    watches.add(ONE, '/a', 'child');
    expect(fire(watches, DELETED, '/a')).toEqual(['1: 2 /a']);
  });

  test('is not used up by an event that its owner may not see', () => {
    const watches = new WatchTable();
    watches.add(ONE, '/a', 'data');
    watches.add(ONE, '/a', 'child');
    expect(fire(watches, CHANGED, '/a', worldCan(2))).toEqual([]);
    expect(fire(watches, DELETED, '/a', worldCan(2))).toEqual([]);
    expect(fire(watches, DELETED, '/a', worldCan(1))).toEqual(['1: 2 /a']);
    expect(watches.count).toBe(0);
  });
});

test('a deletion is told once to a connection that watches data, children and everything', () => {
  const watches = new WatchTable();
  for (const kind of ['data', 'child', 'persistent', 'persistentRecursive'] as const) watches.add(ONE, '/a/b', kind);
  watches.add(ONE, '/a', 'persistentRecursive');
  watches.add(TWO, '/a/b', 'child');
  expect(fire(watches, DELETED, '/a/b')).toEqual(['1: 2 /a/b', '2: 2 /a/b']);
  expect(fire(watches, DELETED, '/a/b')).toEqual(['1: 2 /a/b']);
});

describe('a watch that stays', () => {
  test('hears all four of its own path', () => {
    const watches = new WatchTable();
    watches.add(ONE, '/a', 'persistent');
    for (let round = 0; round < 2; round++) {
      for (const type of [CREATED, CHANGED, CHILDREN, DELETED] as const) {
        expect(fire(watches, type, '/a')).toEqual([`1: ${type} /a`]);
      }
    }
    expect(fire(watches, CREATED, '/a/b')).toEqual([]);
  });

  test('and is recursive hears of everything below, but not of changes of children', () => {
    const watches = new WatchTable();
    watches.add(ONE, '/a', 'persistentRecursive');
    watches.add(TWO, '/', 'persistentRecursive');
    expect(fire(watches, CREATED, '/a/b/c')).toEqual(['1: 1 /a/b/c', '2: 1 /a/b/c']);
    expect(fire(watches, CHANGED, '/a')).toEqual(['1: 3 /a', '2: 3 /a']);
    expect(fire(watches, CHILDREN, '/a')).toEqual([]);
    expect(fire(watches, DELETED, '/ab')).toEqual(['2: 2 /ab']);
    expect(fire(watches, DELETED, '/a/b', worldCan(0))).toEqual([]);
  });
});

describe('removing and asking', () => {
  const { children, data, any, persistent, persistentRecursive } = WatcherType;

  test('go by the kind of watch', () => {
    const watches = new WatchTable();
    for (const kind of ['data', 'child', 'persistent', 'persistentRecursive'] as const) watches.add(ONE, '/a', kind);
    for (const type of [children, data, persistent, persistentRecursive]) {
      expect(watches.check(ONE, '/a', type)).toBe(true);
      expect(watches.remove(ONE, '/a', type)).toBe(true);
      expect(watches.check(ONE, '/a', type)).toBe(false);
      expect(watches.remove(ONE, '/a', type)).toBe(false);
    }
    expect([watches.count, watches.digest()]).toEqual([0, new WatchTable().digest()]);
  });

  test('`any` means every kind', () => {
    const watches = new WatchTable();
    expect(watches.check(ONE, '/a', any)).toBe(false);
    for (const kind of ['data', 'persistent'] as const) watches.add(ONE, '/a', kind);
    expect(watches.check(ONE, '/a', any)).toBe(true);
    expect(watches.check(TWO, '/a', any)).toBe(false);
    expect(watches.remove(ONE, '/a', any)).toBe(true);
    expect(watches.countOf(ONE)).toBe(0);
  });

  test('an exist watch is one of data, and a persistent one is neither data nor children', () => {
    const watches = new WatchTable();
    watches.add(ONE, '/gone', 'exist');
    watches.add(ONE, '/a', 'persistent');
    expect(watches.check(ONE, '/gone', data)).toBe(true);
    expect([data, children].map((type) => watches.check(ONE, '/a', type))).toEqual([false, false]);
  });

  test('numbers that are no watcher type match nothing', () => {
    const watches = new WatchTable();
    watches.add(ONE, '/a', 'data');
    expect([0, 1, 2, 3, 4, 5, 6].map(isWatcherType)).toEqual([false, true, true, true, true, true, false]);
    expect([watches.check(ONE, '/a', 0), watches.remove(ONE, '/a', 6)]).toEqual([false, false]);
  });

  test('of a connection takes its own watches and no others', () => {
    const watches = new WatchTable();
    for (let i = 0; i < 100; i++) watches.add(TWO, `/n${i}`, 'data');
    const before = watches.digest();
    watches.add(ONE, '/n1', 'persistentRecursive');
    watches.add(ONE, '/x', 'child');
    watches.removeConn(ONE);
    watches.removeConn(ONE);
    expect([watches.digest(), watches.countOf(ONE), watches.countOf(TWO)]).toEqual([before, 0, 100]);
    expect(fire(watches, CHANGED, '/n1')).toEqual(['2: 3 /n1']);
  });
});

describe('counts', () => {
  test('are those of the two tables upstream has', () => {
    const watches = new WatchTable();
    watches.add(ONE, '/a', 'data');
    watches.add(ONE, '/a', 'child');
    watches.add(ONE, '/b', 'persistent');
    watches.add(TWO, '/b', 'persistentRecursive');
    watches.add(TWO, '/c', 'child');
    // Data table: /a of 1, /b of 1 and 2. Child table: /a and /b of 1, /c of 2.
    expect(watches.count).toBe(6);
    expect(watches.summary).toEqual({ connections: 2, paths: 2, watches: 3 });
    expect([...watches.dataWatches()].map(({ conn, path }) => `${conn} ${path}`)).toEqual(['1 /a', '1 /b', '2 /b']);
  });

  test('are bounded for a connection and for all', () => {
    const watches = new WatchTable({ ...WATCH_LIMITS, perConnMax: 2, totalMax: 3 });
    expect(watches.add(ONE, '/a', 'data')).toBe(true);
    expect(watches.add(ONE, '/b', 'data')).toBe(true);
    expect(watches.add(ONE, '/c', 'data')).toBe(false);
    // Another kind on a path that is watched already takes no room.
    expect(watches.add(ONE, '/b', 'child')).toBe(true);
    expect(watches.add(TWO, '/a', 'data')).toBe(true);
    expect(watches.add(TWO, '/b', 'data')).toBe(false);
    watches.removeConn(ONE);
    expect(watches.add(TWO, '/b', 'data')).toBe(true);
  });
});

test('the paths that are watched are bounded in length, for a connection and for all', () => {
  const watches = new WatchTable({ ...WATCH_LIMITS, perConnSizeMax: 6, totalSizeMax: 8 });
  expect(watches.add(ONE, '/seven7', 'data')).toBe(false);
  expect(watches.add(ONE, '/four', 'data')).toBe(true);
  expect(watches.add(ONE, '/four', 'child')).toBe(true);
  expect(watches.add(ONE, '/b', 'data')).toBe(false);
  expect(watches.add(TWO, '/bcd', 'data')).toBe(false);
  expect(watches.add(TWO, '/bc', 'data')).toBe(true);
  watches.remove(ONE, '/four', WatcherType.data);
  expect(watches.add(TWO, '/d', 'data')).toBe(false);
  watches.removeConn(ONE);
  expect(watches.add(TWO, '/d', 'data')).toBe(true);
  expect(watches.add(ONE, '/', 'exist')).toBe(true);
});

describe('after a reconnect', () => {
  const NONE: WatchClaims = {
    relativeZxid: asZxid(2),
    dataWatches: [],
    existWatches: [],
    childWatches: [],
    persistentWatches: [],
    persistentRecursiveWatches: [],
  };

  /** zxids: 1 and 2 make /old and /hidden, 3 changes /old, 4 puts a child below /hidden, 5 makes /new. */
  function world() {
    const { tree, apply } = script();
    apply(create('/old'));
    apply(create('/hidden', { acl: worldCan(4) }));
    apply(setData('/old', 'x'));
    apply(create('/hidden/child', { acl: worldCan(4) }));
    apply(create('/new'));
    apply(create('/deleted'));
    apply(del('/deleted'));
    return { tree, watches: new WatchTable() };
  }

  function catchUp(claims: Partial<WatchClaims>) {
    const { tree, watches } = world();
    const notices = watches.catchUp(ONE, { ...NONE, ...claims }, tree, byList);
    return { watches, told: notices?.map(({ type, path }) => `${type} ${path}`) };
  }

  test('what was missed is told, the rest is set again', () => {
    const { watches, told } = catchUp({
      dataWatches: ['/old', '/new', '/deleted', '/zookeeper'],
      existWatches: ['/new', '/nothing'],
      childWatches: ['/old', '/', '/deleted'],
    });
    expect(told).toEqual([
      `${CHANGED} /old`,
      `${CHANGED} /new`,
      `${DELETED} /deleted`,
      `${CHILDREN} /`,
      `${DELETED} /deleted`,
    ]);
    expect(watches.check(ONE, '/zookeeper', WatcherType.data)).toBe(true);
    expect(watches.check(ONE, '/nothing', WatcherType.data)).toBe(true);
    expect(watches.check(ONE, '/old', WatcherType.children)).toBe(true);
    expect(watches.countOf(ONE)).toBe(3);
  });

  test('what may not be read is not told: the watch is set instead', () => {
    const { watches, told } = catchUp({
      relativeZxid: asZxid(1),
      dataWatches: ['/hidden'],
      existWatches: ['/hidden/child'],
      childWatches: ['/hidden'],
    });
    expect(told).toEqual([]);
    expect(watches.check(ONE, '/hidden', WatcherType.data)).toBe(true);
    expect(watches.check(ONE, '/hidden', WatcherType.children)).toBe(true);
    expect(watches.check(ONE, '/hidden/child', WatcherType.data)).toBe(true);
  });

  test('watches that stay are set again and miss what happened', () => {
    const { watches, told } = catchUp({ persistentWatches: ['/old'], persistentRecursiveWatches: ['/'] });
    expect(told).toEqual([]);
    expect(watches.check(ONE, '/old', WatcherType.persistent)).toBe(true);
    expect(watches.check(ONE, '/', WatcherType.persistentRecursive)).toBe(true);
  });

  test('one event is for all one-shot watches of the node, as it is to the client', () => {
    const { tree } = world();
    const watches = new WatchTable();
    const claims = {
      ...NONE,
      relativeZxid: tree.lastZxid,
      dataWatches: ['/old'],
      existWatches: ['/old'],
      childWatches: ['/old'],
    };
    expect(watches.catchUp(ONE, claims, tree, byList)).toEqual([
      { conn: ONE, type: EventType.nodeCreated, path: '/old' },
    ]);
    expect(watches.check(ONE, '/old', WatcherType.data)).toBe(false);
    expect(watches.check(ONE, '/old', WatcherType.children)).toBe(true);
  });

  test('also when the event comes first', () => {
    const { tree } = world();
    const watches = new WatchTable();
    const claims = { ...NONE, dataWatches: ['/gone'], existWatches: ['/gone'] };
    expect(watches.catchUp(ONE, claims, tree, byList)).toEqual([
      { conn: ONE, type: EventType.nodeDeleted, path: '/gone' },
    ]);
    expect(watches.count).toBe(0);
  });

  test('more than a connection may have is refused as a whole', () => {
    const { tree } = world();
    const watches = new WatchTable({ ...WATCH_LIMITS, perConnMax: 1 });
    expect(watches.catchUp(ONE, { ...NONE, existWatches: ['/x', '/y'] }, tree, byList)).toBeNull();
  });
});
