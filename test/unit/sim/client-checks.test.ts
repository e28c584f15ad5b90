import { beforeEach, describe, expect, test } from 'vitest';
import type { Call, CallBody } from '../../../core/client/calls.ts';
import { asSession, asZxid, OPEN_ACL } from '../../../core/types.ts';
import { Code, EventType } from '../../../core/wire/opcodes.ts';
import type { Stat } from '../../../core/wire/records.ts';
import { ClientChecks } from '../../../sim/checkers/client.ts';
import { collect } from './collect.ts';

function stat(mzxid: number, fields: Partial<Stat> = {}): Stat {
  const none = {
    ctime: 0,
    mtime: 0,
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeralOwner: 0n,
    dataLength: 0,
    numChildren: 0,
  };
  return { ...none, czxid: asZxid(1), mzxid: asZxid(mzxid), pzxid: asZxid(1), ...fields };
}
const DATA = Uint8Array.of(1);
const get = (watch = false): Call => ({ kind: 'getData', path: '/a', watch });
const set: Call = { kind: 'setData', path: '/a', data: DATA, version: -1 };
const sequential: Call = { kind: 'create', path: '/q/s-', data: null, acl: OPEN_ACL, flags: 2 };
const got = (mzxid: number, data = DATA, fields: Partial<Stat> = {}): CallBody => ({
  kind: 'getData',
  data,
  stat: stat(mzxid, fields),
});
const done = (mzxid: number): CallBody => ({ kind: 'setData', stat: stat(mzxid, { version: mzxid }) });

describe('what clients rely on', () => {
  let collected = collect();
  let checks: ClientChecks;
  let event = 0;
  let id = 0;

  beforeEach(() => {
    collected = collect();
    const context = {
      event: () => ++event,
      isCommitted: (zxid: number) => zxid < 1000,
      isSecret: (path: string) => path.startsWith('/acl'),
    };
    checks = new ClientChecks(context, collected.report);
    for (const client of [1, 2]) open(client, 16n * BigInt(client));
  });

  const open = (client: number, session: bigint): void =>
    checks.onState(client, {
      type: 'state',
      state: 'syncConnected',
      address: null,
      session: asSession(session),
      timeoutMs: 4000,
    });
  const ask = (client: number, call: Call): number => {
    checks.onInvoke(client, ++id, call);
    return id;
  };
  const answer = (client: number, request: number, zxid: number, body: CallBody | null, err: number = Code.OK): void =>
    checks.onReply(client, { type: 'reply', id: request, err, zxid, body, sent: true });
  const roundTrip = (client: number, call: Call, zxid: number, body: CallBody | null, err: number = Code.OK): void =>
    answer(client, ask(client, call), zxid, body, err);
  const watch = (client: number, type: number): void =>
    checks.onWatch(client, { type: 'watch', event: { type, path: '/a' }, zxid: -1, watchers: [1] });

  test('is silent for an honest server', () => {
    roundTrip(1, get(true), 5, got(5));
    roundTrip(2, set, 6, done(6));
    watch(1, EventType.nodeDataChanged);
    roundTrip(1, get(), 6, got(6, DATA, { version: 6 }));
    roundTrip(1, { kind: 'sync', path: '/a' }, 6, { kind: 'sync', path: '/a' });
    expect(collected.found).toEqual([]);
  });

  test('client-fifo: answers out of order', () => {
    const [first, second] = [ask(1, get()), ask(1, get())];
    answer(1, second, 5, got(5));
    answer(1, first, 5, got(5));
    expect(collected.ids()).toEqual(['client-fifo']);
  });

  test('client-fifo: a second answer', () => {
    roundTrip(1, get(), 5, got(5));
    answer(1, id, 5, got(5));
    expect(collected.ids()).toEqual(['client-fifo']);
  });

  test('session-zxid: goes back, also on another connection', () => {
    roundTrip(1, get(), 7, got(5));
    open(1, 16n);
    roundTrip(1, get(), 6, got(5));
    expect(collected.ids()).toEqual(['session-zxid']);
  });

  test('write-order: a later write with a lower zxid', () => {
    roundTrip(1, set, 9, done(9));
    roundTrip(2, set, 8, done(8));
    expect(collected.ids()).toEqual(['write-order']);
  });

  test('acknowledged-is-committed', () => {
    roundTrip(1, set, 1000, done(1000));
    expect(collected.ids()).toEqual(['acknowledged-is-committed']);
  });

  test('read-your-writes', () => {
    roundTrip(1, set, 9, done(9));
    roundTrip(1, get(), 9, got(5));
    expect(collected.ids()).toContain('read-your-writes');
  });

  test('version-function: one version, two contents', () => {
    roundTrip(1, get(), 5, got(5));
    roundTrip(2, get(), 5, got(5, Uint8Array.of(2)));
    expect(collected.ids()).toEqual(['version-function']);
  });

  test('sync-then-read: sees less than was known before the sync', () => {
    roundTrip(2, set, 9, done(9));
    roundTrip(1, { kind: 'sync', path: '/a' }, 5, { kind: 'sync', path: '/a' });
    roundTrip(1, get(), 6, got(5));
    expect(collected.ids()).toEqual(['sync-then-read']);
  });

  test('watch-before-data: new data before the event', () => {
    roundTrip(1, get(true), 5, got(5));
    roundTrip(1, get(), 6, got(6, DATA, { version: 1 }));
    expect(collected.ids()).toEqual(['watch-before-data']);
  });

  test('watch-before-data: new children before the event', () => {
    const children = (pzxid: number): CallBody => ({
      kind: 'getChildren2',
      children: [],
      stat: stat(1, { pzxid: asZxid(pzxid) }),
    });
    roundTrip(1, { kind: 'getChildren2', path: '/a', watch: true }, 5, children(5));
    roundTrip(1, { kind: 'getChildren2', path: '/a', watch: false }, 6, children(6));
    expect(collected.ids()).toEqual(['watch-before-data']);
  });

  test('watch-before-data: the node is there before the event of its creation, or gone before that of its end', () => {
    const exists: Call = { kind: 'exists', path: '/a', watch: true };
    roundTrip(1, exists, 5, null, Code.NONODE);
    roundTrip(1, get(), 6, got(6));
    roundTrip(2, exists, 6, { kind: 'exists', stat: stat(6) });
    roundTrip(2, exists, 7, null, Code.NONODE);
    expect(collected.ids()).toEqual(['watch-before-data', 'watch-before-data']);
  });

  test('watch-unasked: an event without a watch, or a second one', () => {
    watch(1, EventType.nodeDataChanged);
    roundTrip(2, get(true), 5, got(5));
    watch(2, EventType.nodeDataChanged);
    watch(2, EventType.nodeDataChanged);
    expect(collected.ids()).toEqual(['watch-unasked', 'watch-unasked']);
  });

  test('a persistent watch has many events', () => {
    roundTrip(1, { kind: 'addWatch', path: '/', mode: 1 }, 5, null);
    watch(1, EventType.nodeDataChanged);
    watch(1, EventType.nodeDataChanged);
    expect(collected.found).toEqual([]);
  });

  test('sequence-unique: a number twice, or out of order', () => {
    const created = (number: number): CallBody => ({
      kind: 'create',
      path: `/q/s-${String(number).padStart(10, '0')}`,
    });
    roundTrip(1, sequential, 5, created(1));
    roundTrip(2, sequential, 6, created(1));
    roundTrip(1, sequential, 8, created(5));
    roundTrip(2, sequential, 9, created(4));
    expect(collected.ids()).toEqual(['sequence-unique', 'sequence-unique']);
  });

  test('a new program owes nothing of the old one', () => {
    ask(1, get());
    roundTrip(2, get(true), 5, got(5));
    checks.onIncarnation(1);
    checks.onIncarnation(2);
    open(2, 32n);
    roundTrip(2, get(), 6, got(6, DATA, { version: 1 }));
    expect(collected.found).toEqual([]);
    expect(checks.openCount(1)).toBe(0);
  });
});
