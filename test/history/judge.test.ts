/** Each rule about operations: a history that breaks exactly it, and the nearest one that does not. */

import { describe, expect, test } from 'vitest';
import type { Call } from '../../core/client/calls.ts';
import { OPEN_ACL, Perm, READ_ACL } from '../../core/types.ts';
import { Code, CreateMode } from '../../core/wire/opcodes.ts';
import { conflictLines } from '../../sim/checkers/history/conflict.ts';
import { bytes, Story, sessionOf } from './story.ts';

/** Two clients and a node. */
function begin(): Story {
  const story = new Story();
  story.open(1);
  story.open(2);
  story.create(1, '/a', 'a0');
  return story;
}

const both = ['committed', 'replies'] as const;

describe('P1: updates have an order of their own', () => {
  test.each(both)('two updates with one zxid (%s)', (oracle) => {
    const story = begin();
    const [x, y] = [story.ask(1, set('/a', 'a1')), story.ask(2, set('/b', 'b1'))];
    const zxid = story.commit(story.txnOf(set('/a', 'a1'), 0), sessionOf(1));
    story.answer(1, x, { zxid, body: story.bodyOf(set('/a', 'a1'), zxid) });
    story.answer(2, y, { zxid, body: null });
    expect(story.judge({ oracle }).ids[0]).toBe('update-unique');
  });

  test('an answer that the state does not give', () => {
    const story = begin();
    story.update(2, { kind: 'delete', path: '/a', version: -1 }, { err: Code.NONODE });
    const { found, ids } = story.judge();
    expect(ids).toEqual(['update-legal']);
    expect(found[0]!.message).toContain('/a existed');
    expect(found[0]!.conflict!.ops.map(({ what }) => what)).toEqual(['create2 /a', 'delete /a']);
  });

  test.each([
    ['a create of what exists', { kind: 'create', path: '/a', data: null, acl: OPEN_ACL, flags: 0 }, Code.NODEEXISTS],
    ['a delete of nothing', { kind: 'delete', path: '/x', version: -1 }, Code.NONODE],
    ['a wrong version', { kind: 'setData', path: '/a', data: null, version: 7 }, Code.BADVERSION],
    ['a create below nothing', { kind: 'create', path: '/x/y', data: null, acl: OPEN_ACL, flags: 0 }, Code.NONODE],
  ] as const)('%s is refused, and nothing else would be right', (_, call, err) => {
    const right = begin();
    right.update(2, call, { err });
    expect(right.judge().ids).toEqual([]);
    for (const other of [Code.NODEEXISTS, Code.NONODE, Code.BADVERSION, Code.NOTEMPTY]) {
      if (other === err) continue;
      const wrong = begin();
      wrong.update(2, call, { err: other });
      expect(wrong.judge().ids).toEqual(['update-legal']);
    }
  });

  test('a Stat that the update does not leave', () => {
    const story = begin();
    story.set(1, '/a', 'a1', { stat: { version: 2 } });
    expect(story.judge().ids).toEqual(['update-legal']);
  });

  test('a transaction that no state allows', () => {
    const story = begin();
    story.commit({ kind: 'setData', path: '/a', data: null, version: 3 });
    expect(story.judge().ids).toEqual(['update-legal']);
  });

  test('an acknowledgement with the transaction of somebody else', () => {
    const story = begin();
    const id = story.ask(1, set('/a', 'mine'));
    const zxid = story.commit(story.txnOf(set('/a', 'theirs'), 0), sessionOf(2));
    story.answer(1, id, { zxid, body: story.bodyOf(set('/a', ''), zxid) });
    expect(story.judge().ids).toEqual(['update-legal']);
  });
});

describe('P2: a session is answered in order, each request once', () => {
  test.each(both)('overtaken (%s)', (oracle) => {
    const story = begin();
    const [first, second] = [story.ask(1, get('/a')), story.ask(1, get('/a'))];
    story.answerRead(1, second, get('/a'));
    story.answerRead(1, first, get('/a'));
    expect(story.judge({ oracle }).ids).toEqual(['client-fifo']);
  });

  test('answered twice', () => {
    const story = begin();
    const id = story.ask(1, get('/a'));
    story.answerRead(1, id, get('/a'));
    story.answerRead(1, id, get('/a'));
    expect(story.judge().ids).toEqual(['client-fifo']);
  });

  test('carried out behind what was asked for later', () => {
    const story = begin();
    const carryOut = (cxid: number): number => story.commit(story.txnOf(set('/a', `a${cxid}`), 0), sessionOf(1), cxid);
    for (const cxid of [4, 5, 7]) carryOut(cxid);
    story.commit({ kind: 'error', err: Code.SESSIONMOVED }, sessionOf(1), 6);
    expect(story.judge().ids).toEqual([]);
    carryOut(6);
    expect(story.judge().ids).toEqual(['session-order']);
  });

  test('a program that takes over a session numbers its requests anew', () => {
    const story = begin();
    story.commit(story.txnOf(set('/a', 'a1'), 0), sessionOf(1), 7);
    story.restart(1, sessionOf(1));
    story.state(1, 'syncConnected');
    story.commit(story.txnOf(set('/a', 'a2'), 0), sessionOf(1), 1);
    expect(story.judge().ids).toEqual([]);
  });

  test('also when it has left the session before the history shows what it asked', () => {
    const story = begin();
    story.restart(1, sessionOf(1));
    story.restart(1, null);
    story.commit(story.txnOf(set('/a', 'a1'), 0), sessionOf(1), 7);
    story.commit(story.txnOf(set('/a', 'a2'), 0), sessionOf(1), 1);
    expect(story.judge().ids).toEqual([]);
  });

  test('what was never sent may be refused at once, and two sessions have no order', () => {
    const story = begin();
    const [first, second, third] = [story.ask(1, get('/a')), story.ask(1, get('/a')), story.ask(2, get('/a'))];
    story.push({
      type: 'fail',
      client: 1,
      id: second,
      atUs: 1,
      session: sessionOf(1),
      err: Code.THROTTLEDOP,
      zxid: -1,
      body: null,
    });
    story.answerRead(2, third, get('/a'));
    story.answerRead(1, first, get('/a'));
    expect(story.judge().ids).toEqual([]);
  });
});

describe('P3: a read shows the tree at its zxid', () => {
  test('older data than the zxid says', () => {
    const story = begin();
    const old = story.now;
    const now = story.set(1, '/a', 'a1');
    story.get(2, '/a', { zxid: now, body: { kind: 'getData', data: bytes('a0'), stat: story.statAt('/a', old) } });
    const { ids, found } = story.judge();
    expect(ids).toEqual(['read-at-zxid']);
    const { conflict } = found[0]!;
    expect(conflict!.ops.map(({ client, what }) => [client, what])).toEqual([
      [1, 'setData /a'],
      [2, 'getData /a'],
    ]);
    expect(conflict!.ops[0]!.pointUs).not.toBeNull();
    expect(story.judge({ oracle: 'replies' }).ids).toEqual(['read-at-zxid']);
  });

  test('a stale read is legal when it says so', () => {
    const story = begin();
    const old = story.now;
    story.set(1, '/a', 'a1');
    story.get(2, '/a', { zxid: old });
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual([]);
  });

  test('data that nobody wrote', () => {
    const story = begin();
    story.get(2, '/a', { body: { kind: 'getData', data: bytes('other'), stat: story.statAt('/a') } });
    expect(story.judge().ids).toEqual(['read-at-zxid']);
    expect(story.judge({ oracle: 'replies' }).ids).toEqual(['version-function']);
  });

  test.each([{ numChildren: 3 }, { mtime: 5 }, { aversion: 1 }, { dataLength: 9 }])('a Stat with %o', (stat) => {
    const story = begin();
    story.get(2, '/a', { stat });
    expect(story.judge().ids).toEqual(['read-at-zxid']);
  });

  test('data out of thin air in a version that nobody knows', () => {
    const story = begin();
    const stat = { ...story.statAt('/a'), version: 1, mzxid: story.now as never };
    story.get(2, '/a', { body: { kind: 'getData', data: bytes('nobody'), stat } });
    expect(story.judge({ oracle: 'replies' }).ids[0]).toBe('read-at-zxid');
    const known = begin();
    const id = known.ask(1, set('/a', 'unknown'));
    const zxid = known.commit(known.txnOf(set('/a', 'unknown'), 0), sessionOf(1));
    known.answer(1, id, { zxid: -1, err: Code.CONNECTIONLOSS });
    known.get(2, '/a', { zxid });
    for (const oracle of both) expect(known.judge({ oracle }).ids).toEqual([]);
  });

  test('a node that is not there, and one that is', () => {
    const story = begin();
    story.get(2, '/a', { err: Code.NONODE });
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual(['read-at-zxid']);
    const gone = begin();
    const stat = gone.statAt('/a');
    gone.remove(1, '/a');
    gone.get(2, '/a', { err: Code.OK, body: { kind: 'getData', data: bytes('a0'), stat } });
    for (const oracle of both) expect(gone.judge({ oracle }).ids).toEqual(['read-at-zxid']);
  });

  test('a list of children with one too many, one too few, or one twice', () => {
    for (const children of [['a', 'zookeeper', 'x'], ['a'], ['a', 'a']]) {
      const story = begin();
      story.read(2, { kind: 'getChildren', path: '/', watch: false }, { body: { kind: 'getChildren', children } });
      expect(story.judge().ids).toEqual(['read-at-zxid']);
    }
    const right = begin();
    const old = right.now;
    right.create(1, '/b', '');
    right.read(2, { kind: 'getChildren', path: '/', watch: false }, { zxid: old });
    expect(right.judge().ids).toEqual([]);
  });

  test('an answer that the ACL does not allow, and a refusal that it does not demand', () => {
    const story = begin();
    const acl = [{ perms: Perm.ALL, id: { scheme: 'digest', id: 'alice:x' } }];
    story.create(1, '/s', 's', { acl });
    story.get(2, '/s');
    story.get(2, '/a', { err: Code.NOAUTH });
    expect(story.judge().ids).toEqual(['read-at-zxid', 'read-at-zxid']);
    const right = begin();
    right.create(1, '/s', 's', { acl });
    right.get(2, '/s', { err: Code.NOAUTH });
    right.identity(2, [
      { scheme: 'ip', id: '10.0.4.1' },
      { scheme: 'digest', id: 'alice:x' },
    ]);
    right.get(2, '/s');
    expect(right.judge().ids).toEqual([]);
  });

  test('an identity may overtake a request that waits for a connection', () => {
    const acl = [{ perms: Perm.ALL, id: { scheme: 'digest', id: 'alice:x' } }];
    const alice = [
      { scheme: 'ip', id: '10.0.4.1' },
      { scheme: 'digest', id: 'alice:x' },
    ];
    const waiting = (addsIdentity: boolean): string[] => {
      const story = begin();
      story.create(1, '/s', 's', { acl });
      const id = story.ask(2, set('/s', 's1'));
      if (addsIdentity) story.identity(2, alice);
      story.answer(2, id, { zxid: story.commit(story.txnOf(set('/s', 's1'), 0), sessionOf(2)), body: null });
      return story.judge().ids;
    };
    expect(waiting(true)).not.toContain('update-legal');
    expect(waiting(false)).toContain('update-legal');
  });

  test('a write of its own that a session does not see', () => {
    const story = begin();
    const old = story.statAt('/a');
    story.set(1, '/a', 'a1');
    story.get(1, '/a', { body: { kind: 'getData', data: bytes('a0'), stat: old } });
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual(['read-your-writes']);
  });
});

describe('P4: real time into updates', () => {
  test.each(both)('an update below what was known before it was asked for (%s)', (oracle) => {
    const story = begin();
    story.set(1, '/a', 'a1');
    const before = story.ask(2, set('/a', 'a2'));
    const zxid = story.commit(story.txnOf(set('/a', 'a2'), 0), sessionOf(2));
    const body = story.bodyOf(set('/a', 'a2'), zxid);
    // Somebody has heard of a later state before it is asked for.
    const late = begin();
    for (const record of story.records.slice(late.records.length)) late.push(record);
    story.answer(2, before, { zxid, body });
    expect(story.judge({ oracle }).ids).toEqual([]);
    const wrong = begin();
    wrong.set(1, '/a', 'a1');
    wrong.get(1, '/a');
    const id = wrong.ask(2, set('/a', 'a2'));
    wrong.answer(2, id, { zxid: wrong.now, body });
    expect(wrong.judge({ oracle }).ids).toContain('write-order');
  });

  test('a write of unknown outcome that is read as older than what was known', () => {
    const story = begin();
    const zxid = story.commit(story.txnOf(set('/a', 'late'), 0), sessionOf(1));
    story.commit({ kind: 'error', err: Code.NONODE }, sessionOf(2));
    story.read(2, { kind: 'exists', path: '/x', watch: false });
    const id = story.ask(1, set('/a', 'late'));
    story.answer(1, id, { zxid: -1, err: Code.CONNECTIONLOSS });
    story.get(2, '/a');
    expect(zxid).toBeLessThan(story.now);
    expect(story.judge({ oracle: 'replies' }).ids).toEqual(['write-order']);
  });
});

describe('P5: sync, then read', () => {
  const told = (sync: 'quorum' | 'none', zxid: 'old' | 'new'): string[] => {
    const story = begin();
    const old = story.now;
    story.set(1, '/a', 'a1');
    const id = story.ask(2, { kind: 'sync', path: '/' });
    story.answer(2, id, { zxid: zxid === 'old' ? old : story.now, body: { kind: 'sync', path: '/' } });
    story.get(2, '/a', { zxid: zxid === 'old' ? old : story.now });
    return story.judge({ sync }).ids;
  };

  test('a read behind a sync that misses what was known', () => {
    expect(told('quorum', 'old')).toEqual(['sync-then-read']);
    expect(told('quorum', 'new')).toEqual([]);
    expect(told('none', 'old')).toEqual([]);
  });

  test('without a sync nothing is promised, and what came behind the sync may be missed', () => {
    const story = begin();
    const old = story.now;
    story.sync(2);
    story.set(1, '/a', 'a1');
    story.get(2, '/a', { zxid: old });
    expect(story.judge().ids).toEqual([]);
  });
});

describe('P7: a multi is one step', () => {
  const multi: Call = {
    kind: 'multi',
    ops: [
      { kind: 'setData', path: '/a', data: bytes('a1'), version: -1 },
      { kind: 'setData', path: '/b', data: bytes('b1'), version: -1 },
    ],
  };
  const pair = (): Story => {
    const story = begin();
    story.create(1, '/b', 'b0');
    return story;
  };

  test('half of it is seen', () => {
    const story = pair();
    const old = story.statAt('/b');
    story.update(1, multi);
    story.get(2, '/a');
    story.get(2, '/b', { body: { kind: 'getData', data: bytes('b0'), stat: old } });
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual(['multi-atomic']);
  });

  test('all of it, or the state before it, is right', () => {
    const story = pair();
    const before = story.now;
    story.update(1, multi);
    story.get(2, '/b', { zxid: before });
    story.get(2, '/a');
    story.get(2, '/b');
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual([]);
  });

  test('a failed one says which part it was', () => {
    const fails = (errs: readonly number[]): string[] => {
      const story = pair();
      const ops = [
        multi.kind === 'multi' ? multi.ops[0]! : never(),
        { kind: 'delete', path: '/x', version: -1 } as const,
        { kind: 'check', path: '/a', version: -1 } as const,
      ];
      const results = errs.map((err) => ({ kind: 'error', err }) as const);
      story.update(1, { kind: 'multi', ops }, { err: Code.NONODE, body: { kind: 'multi', results } });
      return story.judge().ids;
    };
    expect(fails([0, Code.NONODE, Code.RUNTIMEINCONSISTENCY])).toEqual([]);
    expect(fails([Code.NONODE, Code.RUNTIMEINCONSISTENCY, Code.RUNTIMEINCONSISTENCY])).toEqual(['multi-atomic']);
    expect(fails([0, Code.NONODE, 0])).toEqual(['multi-atomic']);
    expect(fails([0, Code.NONODE])).toEqual(['multi-atomic']);
    expect(fails([Code.RUNTIMEINCONSISTENCY, Code.NONODE, Code.RUNTIMEINCONSISTENCY])).toEqual(['multi-atomic']);
  });
});

const never = (): never => {
  throw new Error('cannot be');
};

describe('P8: ephemeral nodes and their sessions', () => {
  const live = (): Story => {
    const story = begin();
    story.create(1, '/e', 'e', { flags: CreateMode.ephemeral });
    return story;
  };

  test('alive behind the end of its session', () => {
    const story = live();
    const stat = story.statAt('/e');
    story.commit({ kind: 'closeSession', paths: ['/e'] }, sessionOf(1));
    story.get(2, '/e', { err: Code.OK, body: { kind: 'getData', data: bytes('e'), stat } });
    expect(story.judge().ids).toEqual(['ephemeral-lifetime']);
  });

  test('gone while its session lives', () => {
    const story = live();
    story.get(2, '/e', { err: Code.NONODE });
    expect(story.judge().ids).toEqual(['ephemeral-lifetime']);
  });

  test('of another owner than it was created by', () => {
    const story = live();
    story.get(2, '/e', { stat: { ephemeralOwner: sessionOf(2) } });
    for (const oracle of both) expect(story.judge({ oracle }).ids.length).toBe(1);
    expect(story.judge({ oracle: 'replies' }).ids).toEqual(['ephemeral-lifetime']);
  });

  test('there until the end, gone behind it, and gone when deleted', () => {
    const story = live();
    story.get(2, '/e');
    story.commit({ kind: 'closeSession', paths: ['/e'] }, sessionOf(1));
    story.get(2, '/e');
    story.create(2, '/e', 'mine', { flags: CreateMode.ephemeral });
    story.remove(2, '/e');
    story.get(2, '/e');
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual([]);
  });
});

describe('P9: a session never goes back', () => {
  test.each(both)('on another server (%s)', (oracle) => {
    const story = begin();
    const old = story.now;
    story.set(2, '/a', 'a1');
    story.get(1, '/a');
    story.state(1, 'disconnected');
    story.state(1, 'syncConnected');
    story.get(1, '/a', { zxid: old });
    expect(story.judge({ oracle }).ids).toEqual(['session-zxid']);
  });

  test('a new program with the old session goes on where it was; one with a new session need not', () => {
    const story = begin();
    const old = story.now;
    story.set(1, '/a', 'a1');
    story.restart(1, sessionOf(1));
    story.state(1, 'syncConnected');
    story.get(1, '/a', { zxid: old });
    expect(story.judge().ids).toEqual(['session-zxid']);
    const right = begin();
    const before = right.now;
    right.set(1, '/a', 'a1');
    right.get(2, '/a', { zxid: before });
    expect(right.judge().ids).toEqual([]);
  });

  test('two updates of a session at one zxid', () => {
    const story = begin();
    const first = story.set(1, '/a', 'a1');
    const id = story.ask(1, set('/a', 'a2'));
    story.answer(1, id, { zxid: first, body: null });
    expect(story.judge({ oracle: 'replies' }).ids).toContain('session-zxid');
  });
});

describe('P10: what is told is committed', () => {
  test('a read of a state that nobody committed', () => {
    const story = begin();
    story.get(2, '/a', { zxid: story.now + 1, body: { kind: 'getData', data: bytes('a0'), stat: story.statAt('/a') } });
    expect(story.judge().ids).toEqual(['no-dirty-view']);
  });

  test('an acknowledgement of nothing', () => {
    const story = begin();
    const id = story.ask(1, set('/a', 'a1'));
    story.answer(1, id, { zxid: story.now + 1, body: null });
    expect(story.judge().ids).toEqual(['acknowledged-is-committed']);
  });

  test('the beginning of an epoch is the state before it', () => {
    const story = begin();
    const zxid = 0x2_0000_0000;
    story.get(2, '/a', { zxid, body: { kind: 'getData', data: bytes('a0'), stat: story.statAt('/a') } });
    expect(story.judge().ids).toEqual([]);
  });
});

describe('P11: sequence numbers', () => {
  const call: Call = {
    kind: 'create2',
    path: '/q/s-',
    data: null,
    acl: OPEN_ACL,
    flags: CreateMode.persistentSequential,
  };

  test.each(both)('a number used twice (%s)', (oracle) => {
    const story = begin();
    story.create(1, '/q', '');
    story.update(1, call);
    const id = story.ask(2, call);
    const zxid = story.commit(story.txnOf(call, 0), sessionOf(2));
    const body = story.bodyOf(call, zxid)!;
    story.answer(2, id, { zxid, body: { ...body, path: '/q/s-0000000000' } as never });
    expect(story.judge({ oracle }).ids).toContain('sequence-unique');
  });

  test('numbers grow, also over deletions, and begin anew with the parent', () => {
    const story = begin();
    story.create(1, '/q', '');
    story.update(1, call);
    story.remove(2, '/q/s-0000000000');
    story.update(1, call);
    story.remove(1, '/q/s-0000000001');
    story.remove(1, '/q');
    story.create(1, '/q', '');
    story.update(2, call);
    for (const oracle of both) expect(story.judge({ oracle }).ids).toEqual([]);
  });
});

test('a conflict is told in lines', () => {
  const story = begin();
  const old = story.statAt('/a');
  story.set(1, '/a', 'a1');
  story.get(2, '/a', { body: { kind: 'getData', data: bytes('a0'), stat: old } });
  const { found } = story.judge();
  expect(conflictLines(found[0]!.conflict!)).toEqual([
    'A  client 1 #2: setData /a, asked 0.000s, answered 0.000s, zxid 0x100000004, committed 0.000s',
    'B  client 2 #3: getData /a, asked 0.000s, answered 0.000s, zxid 0x100000004',
    'A must be seen by B (value)',
  ]);
});

test('updates and reads refused by the ACL are judged by it', () => {
  const story = begin();
  story.create(1, '/r', 'r', { acl: READ_ACL });
  story.set(2, '/r', 'x', { err: Code.NOAUTH });
  story.set(2, '/a', 'x', { err: Code.NOAUTH });
  expect(story.judge().ids).toEqual(['update-legal']);
});

function set(path: string, data: string): Call {
  return { kind: 'setData', path, data: bytes(data), version: -1 };
}

function get(path: string): Call {
  return { kind: 'getData', path, watch: false };
}
