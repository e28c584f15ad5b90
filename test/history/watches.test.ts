/** Rules W1 to W7: a history that breaks exactly one of them, and the nearest one that does not. */

import { describe, expect, test } from 'vitest';
import { OPEN_ACL, Perm } from '../../core/types.ts';
import { AddWatchMode, Code, EventType, WatcherType } from '../../core/wire/opcodes.ts';
import { bytes, Story, sessionOf } from './story.ts';

const { nodeCreated, nodeDeleted, nodeDataChanged, nodeChildrenChanged } = EventType;
const both = ['committed', 'replies'] as const;

/** Client 1 writes, client 2 watches. */
function begin(): Story {
  const story = new Story();
  story.open(1);
  story.open(2);
  story.create(1, '/a', 'a0');
  return story;
}

function addWatch(story: Story, path: string, mode: number): void {
  story.read(2, { kind: 'addWatch', path, mode });
}

function reconnect(story: Story): void {
  story.state(2, 'disconnected');
  story.state(2, 'syncConnected');
}

describe('W1: events answer watches', () => {
  test.each(both)('nobody asked (%s)', (oracle) => {
    const story = begin();
    story.set(1, '/a', 'a1');
    story.event(2, nodeDataChanged, '/a');
    expect(story.judge({ oracle }).ids).toEqual(['watch-unasked']);
  });

  test.each(both)('a one-shot watch fires twice (%s)', (oracle) => {
    const story = begin();
    story.get(2, '/a', { watch: true });
    story.set(1, '/a', 'a1');
    story.event(2, nodeDataChanged, '/a');
    story.set(1, '/a', 'a2');
    story.event(2, nodeDataChanged, '/a');
    expect(story.judge({ oracle }).ids).toEqual(['watch-unasked']);
  });

  test.each(both)('twice, and the client machine keeps it to itself (%s)', (oracle) => {
    const story = begin();
    story.get(2, '/a', { watch: true });
    const zxid = story.set(1, '/a', 'a1');
    story.event(2, nodeDataChanged, '/a', zxid);
    story.event(2, nodeDataChanged, '/a', zxid, false);
    expect(story.judge({ oracle }).ids).toEqual(['watch-unasked']);
  });

  test('nothing happened', () => {
    const story = begin();
    story.get(2, '/a', { watch: true });
    story.create(1, '/b', '');
    story.event(2, nodeDataChanged, '/a');
    expect(story.judge().ids).toEqual(['watch-groundless']);
  });

  test('it happened before the watch was set', () => {
    const story = begin();
    const zxid = story.set(1, '/a', 'a1');
    story.get(2, '/a', { watch: true });
    story.event(2, nodeDataChanged, '/a', zxid);
    expect(story.judge().ids).toEqual(['watch-groundless']);
  });

  test('each kind of watch hears what it is for, once', () => {
    const story = begin();
    story.get(2, '/a', { watch: true });
    story.read(2, { kind: 'exists', path: '/b', watch: true });
    story.read(2, { kind: 'getChildren2', path: '/a', watch: true });
    story.create(1, '/b', '');
    story.event(2, nodeCreated, '/b');
    story.create(1, '/a/x', '');
    story.event(2, nodeChildrenChanged, '/a');
    story.remove(1, '/a/x');
    story.set(1, '/a', 'a1');
    story.event(2, nodeDataChanged, '/a');
    story.set(1, '/a', 'a2');
    story.get(2, '/a');
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual([]);
    expect(story.judge().decided.W2).toBe(3);
  });

  test('a deletion is told once to all watches of the node', () => {
    const story = begin();
    story.get(2, '/a', { watch: true });
    story.read(2, { kind: 'getChildren2', path: '/a', watch: true });
    const zxid = story.remove(1, '/a');
    story.event(2, nodeDeleted, '/a');
    story.get(2, '/a');
    expect(story.judge().ids).toEqual([]);
    story.event(2, nodeDeleted, '/a', zxid, false);
    expect(story.judge().ids).toEqual(['watch-unasked']);
  });

  test('a watch that was removed hears nothing', () => {
    const story = begin();
    story.get(2, '/a', { watch: true });
    story.read(2, { kind: 'removeWatches', path: '/a', type: WatcherType.any, local: false });
    story.set(1, '/a', 'a1');
    story.get(2, '/a');
    expect(story.judge().ids).toEqual([]);
    story.set(1, '/a', 'a2');
    story.event(2, nodeDataChanged, '/a');
    expect(story.judge().ids).toEqual(['watch-unasked']);
  });
});

describe('W2: the event comes before the new data', () => {
  test.each(both)('read before it is told (%s)', (oracle) => {
    const story = begin();
    story.get(2, '/a', { watch: true });
    story.set(1, '/a', 'a1');
    story.get(2, '/a');
    expect(story.judge({ oracle }).ids).toEqual(['watch-before-data']);
  });

  test('told behind an answer as of the change', () => {
    const story = begin();
    story.get(2, '/a', { watch: true });
    const zxid = story.set(1, '/a', 'a1');
    story.read(2, { kind: 'exists', path: '/x', watch: false });
    story.event(2, nodeDataChanged, '/a', zxid);
    expect(story.judge().ids).toEqual(['watch-before-data']);
  });

  test('older states may be read first', () => {
    const story = begin();
    const old = story.now;
    story.get(2, '/a', { watch: true });
    const zxid = story.set(1, '/a', 'a1');
    story.get(2, '/a', { zxid: old });
    story.event(2, nodeDataChanged, '/a', zxid);
    story.get(2, '/a');
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual([]);
  });

  test('the list of children too', () => {
    const story = begin();
    const children = { kind: 'getChildren2', path: '/a', watch: true } as const;
    story.read(2, children);
    story.create(1, '/a/x', '');
    story.read(2, { ...children, watch: false });
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual(['watch-before-data']);
  });
});

describe('W3: no event is lost', () => {
  test('answers as of later states, and never the event', () => {
    const story = begin();
    story.get(2, '/a', { watch: true });
    story.set(1, '/a', 'a1');
    for (let i = 0; i < 3; i++) story.read(2, { kind: 'exists', path: '/x', watch: false });
    expect(story.judge().ids).toEqual(['watch-lost']);
  });

  test('a later event instead', () => {
    const story = begin();
    addWatch(story, '/a', AddWatchMode.persistent);
    story.set(1, '/a', 'a1');
    story.set(1, '/a', 'a2');
    story.event(2, nodeDataChanged, '/a');
    expect(story.judge().ids).toEqual(['watch-lost']);
  });

  test('nothing is owed while only older states are shown', () => {
    const story = begin();
    const old = story.now;
    story.get(2, '/a', { watch: true });
    story.set(1, '/a', 'a1');
    for (let i = 0; i < 20; i++) story.get(2, '/a', { zxid: old });
    expect(story.judge().ids).toEqual([]);
  });

  test('a recursive watch hears of everything below', () => {
    const told = (isTold: boolean): string[] => {
      const story = begin();
      addWatch(story, '/a', AddWatchMode.persistentRecursive);
      story.create(1, '/a/x', '');
      story.event(2, nodeCreated, '/a/x');
      story.create(1, '/a/x/y', '');
      if (isTold) story.event(2, nodeCreated, '/a/x/y');
      story.set(1, '/a', 'a1');
      story.event(2, nodeDataChanged, '/a');
      story.create(1, '/ab', 'no relative');
      story.get(2, '/a');
      return story.judge().ids;
    };
    expect(told(true)).toEqual([]);
    expect(told(false)).toEqual(['watch-lost']);
  });
});

describe('W4: events come in order', () => {
  test.each(both)('an older change behind a newer one (%s)', (oracle) => {
    const story = begin();
    story.create(1, '/b', '');
    story.get(2, '/a', { watch: true });
    story.get(2, '/b', { watch: true });
    const [first, second] = [story.set(1, '/a', 'a1'), story.set(1, '/b', 'b1')];
    story.event(2, nodeDataChanged, '/b', second);
    story.event(2, nodeDataChanged, '/a', first);
    expect(story.judge({ oracle }).ids).toEqual(['watch-order']);
  });

  test('the changes of one transaction in any order', () => {
    const story = begin();
    addWatch(story, '/', AddWatchMode.persistentRecursive);
    const zxid = story.commit({
      kind: 'multi',
      parts: ['/x', '/y'].map((path, index) => ({
        type: 1,
        txn: { kind: 'create', path, data: null, acl: OPEN_ACL, ephemeral: false, parentCVersion: 2 + index } as const,
      })),
    });
    story.event(2, nodeCreated, '/y', zxid);
    story.event(2, nodeCreated, '/x', zxid);
    story.get(2, '/x');
    expect(story.judge().ids).toEqual([]);
  });
});

describe('W5: who comes back is told what it missed', () => {
  const gap = (): Story => {
    const story = begin();
    story.get(2, '/a', { watch: true });
    story.read(2, { kind: 'exists', path: '/b', watch: true });
    story.read(2, { kind: 'getChildren2', path: '/a', watch: true });
    story.state(2, 'disconnected');
    return story;
  };

  test('nothing happened, nothing is told', () => {
    const story = gap();
    story.create(1, '/c', '');
    story.state(2, 'syncConnected');
    story.get(2, '/a');
    story.set(1, '/a', 'a1');
    story.event(2, nodeDataChanged, '/a');
    story.get(2, '/a');
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual([]);
    expect(story.judge().decided.W5).toBe(3);
  });

  test('one event for all that was missed, of each kind', () => {
    const story = gap();
    story.set(1, '/a', 'a1');
    story.set(1, '/a', 'a2');
    story.create(1, '/b', '');
    story.create(1, '/a/x', '');
    story.state(2, 'syncConnected');
    story.event(2, nodeDataChanged, '/a', -1);
    story.event(2, nodeCreated, '/b', -1);
    story.event(2, nodeChildrenChanged, '/a', -1);
    story.get(2, '/a');
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual([]);
  });

  test('nothing is told of a change', () => {
    const story = gap();
    story.set(1, '/a', 'a1');
    story.state(2, 'syncConnected');
    story.read(2, { kind: 'exists', path: '/x', watch: false });
    expect(story.judge().ids).toEqual(['watch-catch-up']);
  });

  test('a change is told that no state shows', () => {
    const story = gap();
    story.create(1, '/c', '');
    story.state(2, 'syncConnected');
    story.event(2, nodeDataChanged, '/a', -1);
    expect(story.judge().ids).toEqual(['watch-catch-up']);
  });

  test.each(both)('told twice (%s)', (oracle) => {
    const story = gap();
    story.set(1, '/a', 'a1');
    story.state(2, 'syncConnected');
    story.event(2, nodeDataChanged, '/a', -1);
    story.event(2, nodeDataChanged, '/a', -1, false);
    expect(story.judge({ oracle }).ids).toEqual(['watch-unasked']);
  });

  test('a deletion is told for the data and for the children', () => {
    const story = gap();
    story.remove(1, '/a');
    story.state(2, 'syncConnected');
    story.event(2, nodeDeleted, '/a', -1);
    story.event(2, nodeDeleted, '/a', -1, false);
    story.get(2, '/a');
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual([]);
    story.event(2, nodeDeleted, '/a', -1, false);
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual(['watch-unasked']);
  });

  test('a node that came and went is missed, and rightly so', () => {
    const story = gap();
    story.create(1, '/b', '');
    story.remove(1, '/b');
    story.state(2, 'syncConnected');
    story.read(2, { kind: 'exists', path: '/b', watch: false });
    expect(story.judge().ids).toEqual([]);
  });

  test('an ordinary event from a server that was behind the change when it set the watch again', () => {
    const story = gap();
    const zxid = story.set(1, '/a', 'a1');
    story.state(2, 'syncConnected');
    story.event(2, nodeDataChanged, '/a', zxid);
    story.get(2, '/a');
    expect(story.judge().ids).toEqual([]);
  });

  test('a new program has no watches', () => {
    const story = gap();
    story.restart(2, sessionOf(2));
    story.set(1, '/a', 'a1');
    story.state(2, 'syncConnected');
    story.get(2, '/a');
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual([]);
  });
});

describe('W6: persistent watches', () => {
  test('what happened in the gap is not told, and what comes behind it is', () => {
    const behindTheGap = (isTold: boolean): string[] => {
      const story = begin();
      addWatch(story, '/a', AddWatchMode.persistent);
      story.state(2, 'disconnected');
      story.set(1, '/a', 'a1');
      story.state(2, 'syncConnected');
      story.get(2, '/a');
      story.set(1, '/a', 'a2');
      if (isTold) story.event(2, nodeDataChanged, '/a');
      story.read(2, { kind: 'exists', path: '/x', watch: false });
      return story.judge().ids;
    };
    expect(behindTheGap(true)).toEqual([]);
    expect(behindTheGap(false)).toEqual(['watch-lost']);
  });

  test('behind the first event all are owed', () => {
    const story = begin();
    addWatch(story, '/a', AddWatchMode.persistent);
    story.set(1, '/a', 'a1');
    story.event(2, nodeDataChanged, '/a');
    reconnect(story);
    const zxid = story.set(1, '/a', 'a2');
    story.set(1, '/a', 'a3');
    story.event(2, nodeDataChanged, '/a', zxid);
    story.read(2, { kind: 'exists', path: '/x', watch: false });
    expect(story.judge().ids).toEqual(['watch-lost']);
  });

  test('it is never used up', () => {
    const story = begin();
    addWatch(story, '/a', AddWatchMode.persistent);
    for (const data of ['a1', 'a2']) {
      story.set(1, '/a', data);
      story.event(2, nodeDataChanged, '/a');
    }
    story.create(1, '/a/x', '');
    story.event(2, nodeChildrenChanged, '/a');
    story.get(2, '/a');
    expect(story.judge().ids).toEqual([]);
  });
});

describe('W7: events of nodes that may not be read', () => {
  const secret = [{ perms: Perm.ALL, id: { scheme: 'digest', id: 'alice:x' } }];
  const hidden = (): Story => {
    const story = begin();
    story.read(2, { kind: 'exists', path: '/s', watch: true });
    story.create(1, '/s', '', { acl: secret });
    return story;
  };

  test('told', () => {
    const story = hidden();
    story.event(2, nodeCreated, '/s');
    expect(story.judge().ids).toEqual(['watch-filtered']);
  });

  test('kept back, without using up the watch', () => {
    const story = hidden();
    story.read(2, { kind: 'exists', path: '/x', watch: false });
    expect(story.judge().ids).toEqual([]);
    story.commit({ kind: 'setACL', path: '/s', acl: OPEN_ACL, version: 1 });
    story.set(1, '/s', 's1');
    story.event(2, nodeDataChanged, '/s');
    story.get(2, '/s');
    expect(story.judge().ids).toEqual([]);
  });

  test('kept back when made up on reconnection', () => {
    const story = begin();
    story.read(2, { kind: 'exists', path: '/s', watch: true });
    story.state(2, 'disconnected');
    story.create(1, '/s', '', { acl: secret });
    story.state(2, 'syncConnected');
    story.read(2, { kind: 'exists', path: '/s', watch: false }, { err: Code.NOAUTH });
    expect(story.judge().ids).toEqual([]);
    const told = begin();
    told.read(2, { kind: 'exists', path: '/s', watch: true });
    told.state(2, 'disconnected');
    told.create(1, '/s', '', { acl: secret });
    told.state(2, 'syncConnected');
    told.event(2, nodeCreated, '/s', -1);
    expect(told.judge().ids).toEqual(['watch-filtered']);
  });

  test('an identity that is on its way may count or not', () => {
    for (const isTold of [true, false]) {
      const story = begin();
      story.read(2, { kind: 'exists', path: '/s', watch: true });
      story.identity(2, [
        { scheme: 'ip', id: '10.0.4.1' },
        { scheme: 'digest', id: 'alice:x' },
      ]);
      const zxid = story.create(1, '/s', '', { acl: secret });
      if (isTold) story.event(2, nodeCreated, '/s', zxid);
      story.read(2, { kind: 'exists', path: '/x', watch: false });
      expect(story.judge().ids).toEqual([]);
    }
  });
});

test('an empty history is right, and decides nothing', () => {
  const { ids, decided } = new Story().judge();
  expect(ids).toEqual([]);
  expect(Object.values(decided).every((count) => count === 0)).toBe(true);
  expect(bytes('').length).toBe(0);
});
