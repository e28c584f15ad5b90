/** Every transaction has a request, every request at most one transaction, and its answer is that of the transaction. */

import { describe, expect, test } from 'vitest';
import type { Call } from '../../core/client/calls.ts';
import { type Acl, OPEN_ACL, Perm } from '../../core/types.ts';
import { Code, CreateMode, Op } from '../../core/wire/opcodes.ts';
import type { Txn } from '../../core/wire/txn.ts';
import { bytes, Story, sessionOf } from './story.ts';

const set = (data: string): Call => ({ kind: 'setData', path: '/a', data: bytes(data), version: -1 });

/** A client that has created /a with its request number 1. */
function begin(): Story {
  const story = new Story();
  story.open(1);
  story.open(2);
  const call: Call = { kind: 'create2', path: '/a', data: bytes('a0'), acl: OPEN_ACL, flags: 0 };
  const id = ask(story, call, 1);
  const zxid = story.commit(story.txnOf(call, 0), sessionOf(1), 1);
  story.answer(1, id, { zxid, body: story.bodyOf(call, zxid) });
  return story;
}

function ask(story: Story, call: Call, xid: number, client = 1): number {
  const id = story.ask(client, call);
  story.sent(client, id, xid);
  return id;
}

/** The request leads to this transaction, and is answered as that demands. */
function carriedOut(call: Call, txn: Txn): Story {
  const story = begin();
  const id = ask(story, call, 2);
  const zxid = story.commit(txn, sessionOf(1), 2);
  story.answer(1, id, { zxid, body: story.bodyOf(call, zxid) });
  return story;
}

describe('an answer is that of its transaction', () => {
  test('a write that was carried out and told as refused', () => {
    for (const err of [Code.NONODE, Code.BADVERSION, Code.RUNTIMEINCONSISTENCY, Code.THROTTLEDOP]) {
      const story = begin();
      const id = ask(story, set('a1'), 2);
      story.answer(1, id, { zxid: story.commit(story.txnOf(set('a1'), 0), sessionOf(1), 2), err });
      const { ids, found } = story.judge();
      expect(ids).toEqual(['update-legal']);
      expect(found[0]!.message).toContain('its transaction answers 0');
    }
  });

  test('a refusal of the log that is told as another one', () => {
    const call: Call = { ...set('x'), path: '/none' } as Call;
    for (const [err, ids] of [
      [Code.NONODE, []],
      [Code.BADVERSION, ['update-legal']],
    ] as const) {
      const story = begin();
      const id = ask(story, call, 2);
      const zxid = story.commit({ kind: 'error', err: Code.NONODE }, sessionOf(1), 2);
      story.answer(1, id, { zxid, err });
      expect(story.judge().ids).toEqual(ids);
    }
  });

  test('without a transaction only what needs no order is refused', () => {
    for (const [err, ids] of [
      [Code.THROTTLEDOP, []],
      [Code.NOTREADONLY, []],
      [Code.NONODE, ['update-legal']],
      [Code.NOAUTH, ['update-legal']],
    ] as const) {
      const story = begin();
      const id = ask(story, set('a1'), 2);
      story.answer(1, id, { zxid: story.now, err });
      expect(story.judge().ids).toEqual(ids);
    }
  });

  test('what was refused may not be carried out afterwards', () => {
    const story = begin();
    const id = ask(story, set('a1'), 2);
    story.answer(1, id, { zxid: story.now, err: Code.THROTTLEDOP });
    story.commit(story.txnOf(set('a1'), 0), sessionOf(1), 2);
    expect(story.judge().ids).toEqual(['asked-for']);
  });

  test.each([0, -1])('an update that is told as done at zxid %s', (zxid) => {
    const story = begin();
    const id = ask(story, set('a1'), 2);
    story.commit(story.txnOf(set('a1'), 0), sessionOf(1), 2);
    const atUs = 1_000_000;
    story.push({ type: 'ok', client: 1, id, atUs, session: sessionOf(1), err: 0, zxid, body: null });
    expect(story.judge().ids).toEqual(['acknowledged-is-committed']);
    expect(story.judge({ oracle: 'replies' }).ids).toEqual(['acknowledged-is-committed']);
  });

  test('a read of no state, and one of the empty tree behind a later one', () => {
    const read: Call = { kind: 'exists', path: '/a', watch: false };
    for (const [zxid, property] of [
      [-1, 'no-dirty-view'],
      [0, 'session-zxid'],
    ] as const) {
      const story = begin();
      const id = story.ask(1, read);
      const body = { kind: 'exists' as const, stat: story.statAt('/a') };
      story.push({ type: 'ok', client: 1, id, atUs: 1_000_000, session: sessionOf(1), err: 0, zxid, body });
      expect(story.judge().ids[0]).toBe(property);
    }
  });
});

describe('a transaction does what was asked for, once', () => {
  test('nobody asked for it', () => {
    const story = begin();
    story.commit({ kind: 'setData', path: '/a', data: null, version: 1 }, sessionOf(1), 9);
    story.commit({ kind: 'setData', path: '/a', data: null, version: 2 }, sessionOf(1), 0);
    expect(story.judge().ids).toEqual(['asked-for', 'asked-for']);
  });

  test('it comes twice', () => {
    const story = begin();
    ask(story, set('a1'), 2);
    story.commit(story.txnOf(set('a1'), 0), sessionOf(1), 2);
    expect(story.judge().ids).toEqual([]);
    story.commit(story.txnOf(set('a1'), 0), sessionOf(1), 2);
    expect(story.judge().ids).toEqual(['asked-for']);
  });

  const other: readonly Acl[] = [{ perms: Perm.READ, id: { scheme: 'world', id: 'anyone' } }];
  const create = (flags: number, acl = OPEN_ACL): Call => ({ kind: 'create2', path: '/b', data: null, acl, flags });
  const made = { kind: 'create', path: '/b', data: null, acl: OPEN_ACL, parentCVersion: 2, ephemeral: false } as const;

  test.each([
    ['a plain node', create(0), made, false],
    ['an ephemeral one', create(CreateMode.ephemeral), { ...made, ephemeral: true }, false],
    ['a plain node instead of an ephemeral one', create(CreateMode.ephemeral), made, true],
    ['an ephemeral node instead of a plain one', create(0), { ...made, ephemeral: true }, true],
    ['another node', create(0), { ...made, path: '/c' }, true],
    ['another ACL', create(0), { ...made, acl: other }, true],
    ['fewer entries', create(0, [...OPEN_ACL, ...other]), made, true],
    ['an entry that is there twice', create(0, [...OPEN_ACL, ...OPEN_ACL]), made, false],
    ['a container', create(0), { ...made, kind: 'createContainer' }, true],
    ['other data', set('a1'), { kind: 'setData', path: '/a', data: bytes('a2'), version: 1 }, true],
  ] as const)('%s', (_, call, txn, isWrong) => {
    expect(carriedOut(call as Call, txn as Txn).judge().ids[0]).toBe(isWrong ? 'update-legal' : undefined);
  });

  test('the time a node lives for', () => {
    const call: Call = {
      kind: 'createTTL',
      path: '/b',
      data: null,
      acl: OPEN_ACL,
      flags: CreateMode.persistentTtl,
      ttl: 5,
    };
    const story = begin();
    ask(story, call, 2);
    story.commit(
      { kind: 'createTTL', path: '/b', data: null, acl: OPEN_ACL, parentCVersion: 2, ttl: 6 },
      sessionOf(1),
      2,
    );
    expect(story.judge().ids).toEqual(['update-legal']);
  });

  test('whom `auth` means', () => {
    const own = { scheme: 'digest', id: 'alice:x' };
    const call = create(0, [{ perms: Perm.ALL, id: { scheme: 'auth', id: '' } }]);
    for (const [id, ids] of [
      [own, []],
      [{ scheme: 'digest', id: 'bob:x' }, ['update-legal']],
    ] as const) {
      const story = begin();
      story.identity(2, [{ scheme: 'ip', id: '10.0.4.1' }, own]);
      story.identity(2, [{ scheme: 'ip', id: '10.0.4.1' }, own]);
      ask(story, call, 1, 2);
      story.commit({ ...made, acl: [{ perms: Perm.ALL, id }] }, sessionOf(2), 1);
      expect(story.judge().ids).toEqual(ids);
    }
  });

  test('a wrong decision that nobody was told of', () => {
    const story = begin();
    ask(story, { ...set('x'), version: 7 } as Call, 2);
    story.restart(1, null);
    story.commit({ kind: 'setData', path: '/a', data: bytes('x'), version: 1 }, sessionOf(1), 2);
    const { ids, found } = story.judge();
    expect(ids).toEqual(['update-legal']);
    expect(found[0]!.message).toContain('the version of /a was 0');
  });

  test('a refusal for want of a session that is alive', () => {
    const story = begin();
    const id = ask(story, set('a1'), 2);
    story.answer(1, id, {
      zxid: story.commit({ kind: 'error', err: Code.SESSIONEXPIRED }, sessionOf(1), 2),
      err: Code.SESSIONEXPIRED,
    });
    expect(story.judge().ids).toEqual(['update-legal']);
  });

  test('two programs of a session that use a number twice', () => {
    const story = begin();
    ask(story, set('a1'), 2);
    story.restart(1, sessionOf(1));
    story.state(1, 'syncConnected');
    ask(story, set('a2'), 2);
    story.commit(story.txnOf(set('a2'), 0), sessionOf(1), 2);
    expect(story.judge().ids).toEqual([]);
    story.commit({ kind: 'setData', path: '/a', data: bytes('a3'), version: 2 }, sessionOf(1), 2);
    expect(story.judge().ids).toEqual(['update-legal']);
  });

  test('the order of a session holds over its programs', () => {
    const story = begin();
    ask(story, set('a1'), 7);
    story.restart(1, sessionOf(1));
    story.state(1, 'syncConnected');
    ask(story, set('a2'), 2);
    story.commit(story.txnOf(set('a2'), 0), sessionOf(1), 2);
    story.commit(story.txnOf(set('a1'), 0), sessionOf(1), 7);
    expect(story.judge().ids).toEqual(['session-order']);
  });
});

describe('what time has made due', () => {
  const gone = (story: Story, path: string): number =>
    story.commit({ kind: 'delete', path }, 0n as never, 0, Op.deleteContainer);
  const make = (story: Story, call: Call, txn: Txn): void => {
    ask(story, call, 2);
    story.commit(txn, sessionOf(1), 2);
  };
  const box = { kind: 'createContainer', path: '/b', data: null, acl: OPEN_ACL } as const;
  const ttl = { kind: 'createTTL', path: '/b', data: null, acl: OPEN_ACL } as const;

  test('plain nodes stay', () => {
    const story = begin();
    gone(story, '/a');
    expect(story.judge().ids).toEqual(['asked-for']);
  });

  test('a container that never had a child stays', () => {
    const story = begin();
    make(story, { ...box, flags: CreateMode.container }, { ...box, parentCVersion: 2 });
    gone(story, '/b');
    expect(story.judge().ids).toEqual(['asked-for']);
  });

  test.each([
    [1, []],
    [5000, ['asked-for']],
  ] as const)('a TTL node goes when it has outlived its time (%s ms)', (ms, ids) => {
    const story = begin();
    make(story, { ...ttl, flags: CreateMode.persistentTtl, ttl: ms }, { ...ttl, parentCVersion: 2, ttl: ms });
    gone(story, '/b');
    expect(story.judge().ids).toEqual(ids);
  });
});

describe('reads are answered with what they can be answered with', () => {
  const read = (call: Call, answer: { err?: number; body?: null }): Story => {
    const story = begin();
    story.answer(1, story.ask(1, call), { zxid: story.now, ...answer });
    return story;
  };
  const exists: Call = { kind: 'exists', path: '/a', watch: false };

  test.each([
    ['a code of updates', exists, { err: Code.BADVERSION }],
    ['a code of nothing', exists, { err: Code.RUNTIMEINCONSISTENCY }],
    ['an odd path that is none', exists, { err: Code.BADARGUMENTS }],
    ['nothing at all', { kind: 'getData', path: '/a', watch: false } as Call, {}],
    ['no ephemerals', { kind: 'getEphemerals', prefixPath: '/' } as Call, {}],
    ['no configuration', { kind: 'getConfig', watch: false } as Call, { err: Code.NONODE }],
    ['no quotas', { kind: 'exists', path: '/zookeeper/quota', watch: false } as Call, { err: Code.NONODE }],
  ] as const)('%s', (_, call, answer) => {
    expect(read(call, answer).judge().ids).toEqual(['read-at-zxid']);
  });

  test('names below the nodes of the servers', () => {
    const story = begin();
    const call: Call = { kind: 'getChildren', path: '/zookeeper', watch: false };
    const say = (children: string[]): void =>
      story.answer(1, story.ask(1, call), { zxid: story.now, body: { kind: 'getChildren', children } });
    say(['config', 'quota']);
    expect(story.judge().ids).toEqual([]);
    say(['config']);
    expect(story.judge().ids).toEqual(['read-at-zxid']);
  });
});
