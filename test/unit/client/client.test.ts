import { expect, test } from 'vitest';
import type { Call } from '../../../core/client/calls.ts';
import { type Client, clientBoot, clientDeadline, clientSession, clientStep } from '../../../core/client/client.ts';
import { CLIENT_DEFAULTS, type ClientConfig, type ClientEffect, type ClientInput } from '../../../core/client/io.ts';
import { asConn, asSession, asZxid, type ConnId, OPEN_ACL } from '../../../core/types.ts';
import { hex } from '../../../core/wire/bytes.ts';
import {
  decodeRequest,
  decodeRequestFrame,
  encodeConnectResponse,
  encodeReply,
  encodeWatchEvent,
  type ReplyBody,
} from '../../../core/wire/client-codec.ts';
import { AddWatchMode, Code, EventType, KeeperState, WatcherType } from '../../../core/wire/opcodes.ts';
import type { Stat } from '../../../core/wire/records.ts';

const A = { host: '10.0.0.1', port: 2181 };
const B = { host: '10.0.0.2', port: 2181 };
const C1 = asConn(-1);
const C2 = asConn(-2);
const SESSION = asSession(0x1000abcn);
const PASSWD = Uint8Array.from({ length: 16 }, (_, i) => i);

test('connects to the first host and asks for a new session', () => {
  const h = boot();
  expect(h.take()).toEqual([{ type: 'connect', conn: C1, address: A }]);
  expect(h.step({ type: 'connOpened', conn: C1 })).toEqual([
    {
      type: 'send',
      conn: C1,
      // length 45: protocol 0, lastZxidSeen 0, timeout 9000, session 0, 16 zero bytes, readOnly false
      bytes: bytes(
        '0000002d',
        '00000000',
        '0000000000000000',
        '00002328',
        '0000000000000000',
        '00000010',
        '00'.repeat(16),
        '00',
      ),
    },
  ]);
  expect(h.step(received(C1, accepted()))).toEqual([
    { type: 'state', state: 'syncConnected', address: A, session: SESSION, timeoutMs: 9000 },
  ]);
});

test('requests wait for the connection, then go out in order without waiting for each other', () => {
  const h = boot();
  expect(h.step(ask(1, { kind: 'delete', path: '/a', version: -1 }))).toEqual([
    { type: 'connect', conn: C1, address: A },
  ]);
  h.step(ask(2, { kind: 'exists', path: '/a', watch: false }));
  h.step({ type: 'connOpened', conn: C1 });
  const sent = h.step(received(C1, accepted())).slice(1);
  expect(sent).toEqual([
    { type: 'send', conn: C1, bytes: bytes('00000012', '00000001', '00000002', '00000002', '2f61', 'ffffffff') },
    { type: 'send', conn: C1, bytes: bytes('0000000f', '00000002', '00000003', '00000002', '2f61', '00') },
  ]);
  expect(h.step(received(C1, reply(1, 7, Code.OK)))).toEqual([
    { type: 'reply', id: 1, err: 0, zxid: 7, body: null, sent: true },
  ]);
  expect(h.step(received(C1, reply(2, 7, Code.NONODE)))).toEqual([
    { type: 'reply', id: 2, err: Code.NONODE, zxid: 7, body: null, sent: true },
  ]);
});

test('replies may arrive cut anywhere and several at once', () => {
  const h = connected();
  h.step(ask(1, { kind: 'sync', path: '/' }));
  h.step(ask(2, { kind: 'getData', path: '/a', watch: false }));
  const data = Uint8Array.of(1, 2);
  const both = joined(
    reply(1, 5, 0, { kind: 'sync', path: '/' }),
    reply(2, 6, 0, { kind: 'getData', data, stat: STAT }),
  );
  const effects = [...both].flatMap((byte) => h.step(received(C1, Uint8Array.of(byte))));
  expect(effects).toEqual([
    { type: 'reply', id: 1, err: 0, zxid: 5, body: { kind: 'sync', path: '/' }, sent: true },
    { type: 'reply', id: 2, err: 0, zxid: 6, body: { kind: 'getData', data, stat: STAT }, sent: true },
  ]);
});

test('pipelining is bounded, and the queue behind it too', () => {
  const h = connected({ inFlightCountMax: 1, queueCountMax: 1 });
  expect(h.step(ask(1, { kind: 'sync', path: '/' }))).toHaveLength(1);
  expect(h.step(ask(2, { kind: 'sync', path: '/' }))).toEqual([]);
  expect(h.step(ask(3, { kind: 'sync', path: '/' }))).toEqual([
    { type: 'reply', id: 3, err: Code.THROTTLEDOP, zxid: -1, body: null, sent: false },
  ]);
  const effects = h.step(received(C1, reply(1, 5, 0, { kind: 'sync', path: '/' })));
  expect(effects.map((effect) => effect.type)).toEqual(['reply', 'send']);
});

test('a request may be as long as a frame, and no longer', () => {
  // Length of the frame, xid, type, length of the path, the path, watch.
  const longest = { kind: 'getData', path: `/${'a'.repeat(99)}`, watch: false } as const;
  const frameBytesMax = 4 + 4 + 4 + 4 + 100 + 1;
  const h = connected({ frameBytesMax });
  expect(h.step(ask(1, longest)).map((effect) => effect.type)).toEqual(['send']);
  expect(h.step(ask(2, { ...longest, path: `${longest.path}a` }))).toEqual([
    { type: 'reply', id: 2, err: Code.BADARGUMENTS, zxid: -1, body: null, sent: false },
  ]);
});

test('a blocked connection is not written to until it has drained', () => {
  const h = connected();
  h.step({ type: 'connBlocked', conn: C1 });
  expect(h.step(ask(1, { kind: 'whoAmI' }))).toEqual([]);
  expect(h.step({ type: 'connDrained', conn: C1 })).toEqual([
    { type: 'send', conn: C1, bytes: bytes('00000008', '00000001', '0000006b') },
  ]);
});

test('losing the connection answers everything asked before, and says what was certainly not done', () => {
  const h = connected({ inFlightCountMax: 1 });
  h.step(ask(1, { kind: 'delete', path: '/a', version: -1 }));
  h.step(ask(2, { kind: 'delete', path: '/b', version: -1 }));
  expect(h.step({ type: 'connClosed', conn: C1, reason: 'reset' })).toEqual([
    { type: 'note', code: 'client.connection.lost', fields: { host: A.host, port: A.port, reason: 'reset' } },
    { type: 'state', state: 'disconnected', address: null, session: SESSION, timeoutMs: 9000 },
    { type: 'reply', id: 1, err: Code.CONNECTIONLOSS, zxid: -1, body: null, sent: true },
    { type: 'reply', id: 2, err: Code.CONNECTIONLOSS, zxid: -1, body: null, sent: false },
  ]);
});

test('re-attaches to the session at the next host with what it has seen', () => {
  const h = connected();
  h.step(ask(1, { kind: 'sync', path: '/' }));
  h.step(received(C1, reply(1, 0x100000007, 0, { kind: 'sync', path: '/' })));
  h.step({ type: 'connClosed', conn: C1, reason: 'reset' });
  expect(h.tick()).toEqual([{ type: 'connect', conn: C2, address: B }]);
  expect(h.step({ type: 'connOpened', conn: C2 })).toEqual([
    {
      type: 'send',
      conn: C2,
      bytes: bytes(
        '0000002d',
        '00000000',
        '0000000100000007',
        '00002328',
        '0000000001000abc',
        '00000010',
        hex(PASSWD),
        '00',
      ),
    },
  ]);
  expect(h.step(received(C2, accepted())).map((effect) => effect.type)).toEqual(['state']);
});

test('after every host has failed it pauses before the next round', () => {
  const h = boot({ reconnectDelayMaxMs: 0 });
  h.step({ type: 'connFailed', conn: C1, reason: 'refused' });
  expect(clientDeadline(h.client)).toBe(0);
  expect(h.tick()).toEqual([{ type: 'connect', conn: C2, address: B }]);
  h.step({ type: 'connFailed', conn: C2, reason: 'refused' });
  expect(clientDeadline(h.client)).toBe(1000);
  expect(h.tick()).toEqual([{ type: 'connect', conn: asConn(-3), address: A }]);
});

test('a host that does not answer is given up so that the others can be tried in time', () => {
  const h = boot();
  h.take();
  expect(clientDeadline(h.client)).toBe(4500);
  expect(h.tick()).toEqual([
    { type: 'close', conn: C1 },
    { type: 'note', code: 'client.connect.failed', fields: { host: A.host, port: A.port, reason: 'connect timeout' } },
  ]);
});

test('pings an idle connection, and gives up a silent server after two thirds of the timeout', () => {
  const h = connected();
  expect(clientDeadline(h.client)).toBe(3000);
  const ping: ClientEffect = { type: 'send', conn: C1, bytes: bytes('00000008', 'fffffffe', '0000000b') };
  expect(h.tick()).toEqual([ping]);
  expect(clientDeadline(h.client)).toBe(6000);
  expect(h.tick()).toEqual([
    { type: 'close', conn: C1 },
    {
      type: 'note',
      code: 'client.connection.lost',
      fields: { host: A.host, port: A.port, reason: 'server is silent' },
    },
    { type: 'state', state: 'disconnected', address: null, session: SESSION, timeoutMs: 9000 },
  ]);
});

test('a ping reply keeps the connection', () => {
  const h = connected();
  h.tick();
  h.step(received(C1, reply(-2, 0, Code.OK)));
  h.now = 8999;
  expect(h.step({ type: 'tick' })).toEqual([
    { type: 'send', conn: C1, bytes: bytes('00000008', 'fffffffe', '0000000b') },
  ]);
});

test('an extra tick does nothing', () => {
  const h = connected();
  expect(h.step({ type: 'tick' })).toEqual([]);
});

test('declares the session expired after 4/3 of its timeout without a server', () => {
  const h = connected({ hosts: [A], reconnectDelayMaxMs: 0 });
  h.step({ type: 'connClosed', conn: C1, reason: 'reset' });
  h.now = 11_999;
  h.step(ask(1, { kind: 'whoAmI' }));
  h.step({ type: 'tick' });
  h.take();
  h.now = 12_000;
  expect(h.step({ type: 'tick' })).toEqual([
    { type: 'note', code: 'client.session.expiredLocally' },
    { type: 'close', conn: C2 },
    { type: 'state', state: 'expired', address: null, session: SESSION, timeoutMs: 9000 },
    { type: 'reply', id: 1, err: Code.SESSIONEXPIRED, zxid: -1, body: null, sent: false },
  ]);
  expect(clientDeadline(h.client)).toBe(null);
  expect(h.step(ask(2, { kind: 'whoAmI' }))).toEqual([
    { type: 'reply', id: 2, err: Code.SESSIONEXPIRED, zxid: -1, body: null, sent: false },
  ]);
});

test('learns from a server that the session is over', () => {
  const h = boot({ session: { id: SESSION, passwd: PASSWD, lastZxidSeen: 9 } });
  h.step({ type: 'connOpened', conn: C1 });
  const refused = encodeConnectResponse(
    { protocolVersion: 0, timeOut: 0, sessionId: asSession(0n), passwd: new Uint8Array(16) },
    false,
  );
  expect(h.step(received(C1, refused))).toEqual([
    { type: 'close', conn: C1 },
    { type: 'state', state: 'expired', address: null, session: SESSION, timeoutMs: 0 },
  ]);
});

test('a request that has waited a session timeout for a first connection is given up', () => {
  const h = boot({ hosts: [A] });
  h.step(ask(1, { kind: 'whoAmI' }));
  h.step({ type: 'connFailed', conn: C1, reason: 'refused' });
  h.now = 9000;
  const effects = h.step({ type: 'tick' });
  expect(effects[0]).toEqual({ type: 'reply', id: 1, err: Code.CONNECTIONLOSS, zxid: -1, body: null, sent: false });
});

test('closes politely: what was asked before is answered first', () => {
  const h = connected();
  h.step(ask(1, { kind: 'whoAmI' }));
  expect(h.step({ type: 'close' })).toEqual([
    { type: 'send', conn: C1, bytes: bytes('00000008', '00000002', 'fffffff5') },
  ]);
  expect(h.step(ask(2, { kind: 'whoAmI' }))).toMatchObject([{ type: 'reply', id: 2, sent: false }]);
  const effects = h.step(
    received(C1, joined(reply(1, 3, 0, { kind: 'whoAmI', clientInfo: [] }), reply(2, 4, Code.OK))),
  );
  expect(effects).toEqual([
    { type: 'reply', id: 1, err: 0, zxid: 3, body: { kind: 'whoAmI', clientInfo: [] }, sent: true },
    { type: 'close', conn: C1 },
    { type: 'state', state: 'closed', address: null, session: SESSION, timeoutMs: 9000 },
  ]);
});

test('is closed although the server went away before it could answer', () => {
  const h = connected();
  h.step({ type: 'close' });
  const effects = h.step({ type: 'connClosed', conn: C1, reason: 'end' });
  expect(effects.filter((effect) => effect.type === 'state').map((effect) => effect.state)).toEqual([
    'disconnected',
    'closed',
  ]);
});

test('replays every identity on every connection, before the queue', () => {
  const h = connected();
  const auth = Uint8Array.of(0x61, 0x3a, 0x62);
  const packet = bytes(
    '0000001d',
    'fffffffc',
    '00000064',
    '00000000',
    '00000006',
    hex(text('digest')),
    '00000003',
    '613a62',
  );
  expect(h.step({ type: 'addAuth', scheme: 'digest', auth, id: 9 })).toEqual([
    { type: 'send', conn: C1, bytes: packet },
  ]);
  expect(h.step(received(C1, reply(-4, 0, Code.OK)))).toEqual([
    { type: 'reply', id: 9, err: 0, zxid: 0, body: null, sent: true },
  ]);
  h.step({ type: 'move' });
  h.step(ask(1, { kind: 'whoAmI' }));
  h.tick();
  h.step({ type: 'connOpened', conn: C2 });
  expect(h.step(received(C2, accepted())).slice(1)).toEqual([
    { type: 'send', conn: C2, bytes: packet },
    { type: 'send', conn: C2, bytes: bytes('00000008', '00000001', '0000006b') },
  ]);
  expect(h.step(received(C2, reply(-4, 0, Code.OK)))).toEqual([]);
});

test('a refused identity is final', () => {
  const h = connected();
  h.step({ type: 'addAuth', scheme: 'nosuch', auth: new Uint8Array(0), id: 9 });
  h.step(ask(1, { kind: 'whoAmI' }));
  expect(h.step(received(C1, reply(-4, 0, Code.AUTHFAILED)))).toEqual([
    { type: 'close', conn: C1 },
    { type: 'state', state: 'authFailed', address: null, session: SESSION, timeoutMs: 9000 },
    { type: 'reply', id: 1, err: Code.AUTHFAILED, zxid: -1, body: null, sent: true },
    { type: 'reply', id: 9, err: Code.AUTHFAILED, zxid: -1, body: null, sent: true },
  ]);
});

test('a data watch fires once, for whoever set it', () => {
  const h = connected();
  h.step({ ...ask(1, { kind: 'getData', path: '/a', watch: true }), watcher: 70 });
  h.step(received(C1, reply(1, 5, 0, { kind: 'getData', data: null, stat: STAT })));
  expect(h.step(received(C1, event(EventType.nodeDataChanged, '/a', 6)))).toEqual([
    { type: 'watch', event: { type: EventType.nodeDataChanged, path: '/a' }, zxid: 6, watchers: [70] },
  ]);
  expect(h.step(received(C1, event(EventType.nodeDataChanged, '/a', 7)))).toEqual([
    { type: 'note', code: 'client.watch.unheard', fields: { type: EventType.nodeDataChanged, path: '/a', zxid: 7 } },
  ]);
});

test('exists watches a missing node too; a read that failed otherwise watches nothing', () => {
  const h = connected();
  h.step(ask(1, { kind: 'exists', path: '/a', watch: true }));
  h.step(ask(2, { kind: 'getChildren', path: '/a', watch: true }));
  h.step(received(C1, reply(1, 5, Code.NONODE)));
  h.step(received(C1, reply(2, 5, Code.NONODE)));
  expect(h.step(received(C1, event(EventType.nodeCreated, '/a', 6)))).toMatchObject([{ type: 'watch', watchers: [1] }]);
  expect(h.step(received(C1, event(EventType.nodeChildrenChanged, '/a', 7)))).toMatchObject([{ type: 'note' }]);
});

test('a recursive watch hears of the subtree, never of children as such', () => {
  const h = connected();
  h.step(ask(1, { kind: 'addWatch', path: '/a', mode: AddWatchMode.persistentRecursive }));
  h.step(ask(2, { kind: 'addWatch', path: '/a', mode: AddWatchMode.persistent }));
  h.step(received(C1, joined(watchAdded(1), watchAdded(2))));
  expect(h.step(received(C1, event(EventType.nodeCreated, '/a/b/c', 6)))).toMatchObject([{ watchers: [1] }]);
  expect(h.step(received(C1, event(EventType.nodeChildrenChanged, '/a', 6)))).toMatchObject([{ watchers: [2] }]);
  expect(h.step(received(C1, event(EventType.nodeDeleted, '/a', 6)))).toMatchObject([{ watchers: [2, 1] }]);
});

test('re-arms its watches on the next connection, relative to the last reply rather than the last event', () => {
  const h = connected();
  h.step(ask(1, { kind: 'getData', path: '/d', watch: true }));
  h.step(ask(2, { kind: 'exists', path: '/e', watch: true }));
  h.step(ask(3, { kind: 'getChildren', path: '/c', watch: true }));
  h.step(ask(4, { kind: 'getData', path: '/x', watch: true }));
  h.step(received(C1, reply(1, 5, 0, { kind: 'getData', data: null, stat: STAT })));
  h.step(received(C1, reply(2, 5, Code.NONODE)));
  h.step(received(C1, reply(3, 5, 0, { kind: 'getChildren', children: [] })));
  h.step(received(C1, reply(4, 5, 0, { kind: 'getData', data: null, stat: STAT })));
  // One transaction changed /x and /d; the connection breaks between its two events.
  h.step(received(C1, event(EventType.nodeDataChanged, '/x', 6)));
  h.step({ type: 'move' });
  h.tick();
  const connect = h.step({ type: 'connOpened', conn: C2 });
  expect(hex(sentBytes(connect)).slice(16, 32)).toBe('0000000000000006');
  const rearm = h.step(received(C2, accepted())).slice(1);
  expect(requestsIn(rearm)).toEqual([
    {
      xid: -8,
      kind: 'setWatches',
      relativeZxid: 5,
      dataWatches: ['/d'],
      existWatches: ['/e'],
      childWatches: ['/c'],
    },
  ]);
});

test('persistent watches need the newer setWatches', () => {
  const h = connected();
  h.step(ask(1, { kind: 'addWatch', path: '/p', mode: AddWatchMode.persistent }));
  h.step(received(C1, watchAdded(1)));
  h.step({ type: 'move' });
  h.tick();
  h.step({ type: 'connOpened', conn: C2 });
  expect(requestsIn(h.step(received(C2, accepted())).slice(1))).toMatchObject([
    { xid: -8, kind: 'setWatches2', persistentWatches: ['/p'], persistentRecursiveWatches: [] },
  ]);
});

test('many watches are re-armed in several requests of bounded size', () => {
  const h = connected();
  const name = 'n'.repeat(1000);
  for (let id = 1; id <= 200; id++) {
    h.step(ask(id, { kind: 'exists', path: `/${name}${id}`, watch: true }));
    h.step(received(C1, reply(id, 5, Code.NONODE)));
  }
  h.step({ type: 'move' });
  h.tick();
  h.step({ type: 'connOpened', conn: C2 });
  const sent = h.step(received(C2, accepted())).filter((effect) => effect.type === 'send');
  expect(sent.length).toBeGreaterThan(1);
  for (const { bytes } of sent) expect(bytes.length).toBeLessThan(128 * 1024 + 100);
});

test('what is waited for at one path goes into one of the requests', () => {
  const h = connected();
  const paths = Array.from({ length: 100 }, (_, index) => `/${'n'.repeat(1000)}${index}`);
  for (const [index, path] of paths.entries()) {
    h.step(ask(2 * index + 1, { kind: 'exists', path, watch: true }));
    h.step(received(C1, reply(2 * index + 1, 5, Code.NONODE)));
    h.step(ask(2 * index + 2, { kind: 'getChildren', path, watch: true }));
    h.step(received(C1, reply(2 * index + 2, 5, 0, { kind: 'getChildren', children: [] })));
  }
  h.step({ type: 'move' });
  h.tick();
  h.step({ type: 'connOpened', conn: C2 });
  const claimed = requestsIn(h.step(received(C2, accepted())).slice(1)) as {
    readonly existWatches: readonly string[];
    readonly childWatches: readonly string[];
  }[];
  expect(claimed.length).toBeGreaterThan(1);
  for (const { existWatches, childWatches } of claimed) expect(existWatches).toEqual(childWatches);
  expect(claimed.flatMap(({ existWatches }) => existWatches)).toEqual(paths);
});

test('removing one of two watchers leaves the server its watch; removing the last tells it', () => {
  const h = connected();
  for (const id of [1, 2]) {
    h.step(ask(id, { kind: 'getData', path: '/a', watch: true }));
    h.step(received(C1, reply(id, 5, 0, { kind: 'getData', data: null, stat: STAT })));
  }
  const call: Call = { kind: 'removeWatches', path: '/a', type: WatcherType.data, local: false };
  expect(requestsIn(h.step({ ...ask(3, call), watcher: 1 }))).toMatchObject([{ kind: 'checkWatches', type: 2 }]);
  expect(h.step(received(C1, reply(3, 5, Code.OK)))).toEqual([
    { type: 'watch', event: { type: EventType.dataWatchRemoved, path: '/a' }, zxid: -1, watchers: [1] },
    { type: 'reply', id: 3, err: 0, zxid: 5, body: null, sent: true },
  ]);
  expect(requestsIn(h.step({ ...ask(4, call), watcher: 2 }))).toMatchObject([{ kind: 'removeWatches', type: 2 }]);
  h.step(received(C1, reply(4, 5, Code.OK)));
  h.step({ ...ask(5, call), watcher: 2 });
  expect(h.step(received(C1, reply(5, 5, Code.OK)))).toMatchObject([{ type: 'reply', id: 5, err: Code.NOWATCHER }]);
});

test('with a chroot, paths go out under it and come back without it', () => {
  const h = connected({ chroot: '/app' });
  const create = h.step(ask(1, { kind: 'create', path: '/a', data: null, acl: OPEN_ACL, flags: 0 }));
  expect(requestsIn(create)).toMatchObject([{ path: '/app/a' }]);
  expect(h.step(received(C1, reply(1, 5, 0, { kind: 'create', path: '/app/a' })))).toMatchObject([
    { body: { kind: 'create', path: '/a' } },
  ]);
  expect(requestsIn(h.step(ask(2, { kind: 'getChildren', path: '/', watch: true })))).toMatchObject([{ path: '/app' }]);
  h.step(received(C1, reply(2, 5, 0, { kind: 'getChildren', children: ['a'] })));
  expect(h.step(received(C1, event(EventType.nodeChildrenChanged, '/app', 6)))).toMatchObject([
    { type: 'watch', event: { path: '/' } },
  ]);
  expect(h.step(ask(3, { kind: 'delete', path: 'le', version: -1 }))).toEqual([
    { type: 'reply', id: 3, err: Code.BADARGUMENTS, zxid: -1, body: null, sent: false },
  ]);
  expect(requestsIn(h.step(ask(4, { kind: 'getConfig', watch: false })))).toMatchObject([
    { kind: 'getData', path: '/zookeeper/config' },
  ]);
});

test('a failed multi carries the code of the operation that failed', () => {
  const h = connected();
  h.step(
    ask(1, {
      kind: 'multi',
      ops: [
        { kind: 'check', path: '/a', version: 1 },
        { kind: 'delete', path: '/b', version: -1 },
        { kind: 'setData', path: '/c', data: null, version: -1 },
      ],
    }),
  );
  const results = [
    { kind: 'error', err: 0 },
    { kind: 'error', err: Code.NONODE },
    { kind: 'error', err: Code.RUNTIMEINCONSISTENCY },
  ] as const;
  expect(h.step(received(C1, reply(1, 5, 0, { kind: 'multi', results })))).toEqual([
    { type: 'reply', id: 1, err: Code.NONODE, zxid: 5, body: { kind: 'multi', results }, sent: true },
  ]);
});

test('a reply out of order drops the connection', () => {
  const h = connected();
  h.step(ask(1, { kind: 'whoAmI' }));
  expect(h.step(received(C1, reply(2, 5, Code.OK)))).toMatchObject([
    { type: 'close', conn: C1 },
    { type: 'note', fields: { reason: 'xid out of order' } },
    { type: 'state', state: 'disconnected' },
    { type: 'reply', id: 1, err: Code.CONNECTIONLOSS, sent: true },
  ]);
});

test('a frame longer than the limit drops the connection before it is received', () => {
  const h = connected();
  expect(h.step(received(C1, bytes('7fffffff')))[0]).toEqual({ type: 'close', conn: C1 });
});

test('content with a read-only server, it searches for a read-write one and moves there with a new session', () => {
  const h = boot({ readOnly: true });
  h.step({ type: 'connOpened', conn: C1 });
  expect(h.step(received(C1, accepted({ readOnly: true })))).toMatchObject([
    { type: 'state', state: 'connectedReadOnly' },
  ]);
  expect(clientSession(h.client)).toBe(null);
  expect(h.tick()).toEqual([{ type: 'connect', conn: C2, address: B }]);
  expect(h.step({ type: 'connOpened', conn: C2 })).toEqual([{ type: 'send', conn: C2, bytes: text('isro') }]);
  expect(h.step(received(C2, text('r')))).toEqual([]);
  expect(h.step(received(C2, text('w')))).toEqual([
    { type: 'close', conn: C1 },
    { type: 'close', conn: C2 },
    {
      type: 'note',
      code: 'client.connection.lost',
      fields: { host: A.host, port: A.port, reason: 'a read-write server was found' },
    },
    { type: 'state', state: 'disconnected', address: null, session: SESSION, timeoutMs: 9000 },
    { type: 'connect', conn: asConn(-3), address: B },
  ]);
  const connect = h.step({ type: 'connOpened', conn: asConn(-3) });
  expect(hex(sentBytes(connect)).slice(40, 56)).toBe('0'.repeat(16));
});

test('a client that must write does not stay with a read-only server', () => {
  const h = boot();
  h.step({ type: 'connOpened', conn: C1 });
  expect(h.step(received(C1, accepted({ readOnly: true })))).toMatchObject([
    { type: 'close', conn: C1 },
    { type: 'note', code: 'client.connect.failed', fields: { reason: 'read-only server' } },
  ]);
});

// --- helpers ---------------------------------------------------------------------------------------------------------

const STAT: Stat = {
  czxid: asZxid(1),
  mzxid: asZxid(2),
  ctime: 3,
  mtime: 4,
  version: 5,
  cversion: 6,
  aversion: 7,
  ephemeralOwner: 0n,
  dataLength: 2,
  numChildren: 0,
  pzxid: asZxid(1),
};

class Harness {
  now = 0;
  readonly client: Client;
  private effects: ClientEffect[] = [];

  constructor(config: Partial<ClientConfig>) {
    this.client = clientBoot(
      { ...CLIENT_DEFAULTS, hosts: [A, B], sessionTimeoutMs: 9000, ...config },
      { monoMs: 0, wallMs: 0 },
      (effect) => this.effects.push(effect),
    );
  }

  take(): ClientEffect[] {
    const taken = this.effects;
    this.effects = [];
    return taken;
  }

  step(input: ClientInput): ClientEffect[] {
    clientStep(this.client, { monoMs: this.now, wallMs: 0 }, input, (effect) => this.effects.push(effect));
    return this.take();
  }

  /** Lets time pass up to the next deadline. */
  tick(): ClientEffect[] {
    this.now = Math.max(this.now, clientDeadline(this.client) ?? this.now);
    return this.step({ type: 'tick' });
  }
}

function boot(config: Partial<ClientConfig> = {}): Harness {
  return new Harness(config);
}

function connected(config: Partial<ClientConfig> = {}): Harness {
  const h = boot(config);
  h.step({ type: 'connOpened', conn: C1 });
  h.step(received(C1, accepted()));
  return h;
}

function ask(id: number, request: Call): ClientInput & { type: 'request' } {
  return { type: 'request', id, request };
}

function received(conn: ConnId, bytes: Uint8Array): ClientInput {
  return { type: 'connBytes', conn, bytes };
}

function accepted(options: { readonly readOnly?: boolean } = {}): Uint8Array {
  const response = { protocolVersion: 0, timeOut: 9000, sessionId: SESSION, passwd: PASSWD };
  return encodeConnectResponse(response, options.readOnly ?? false);
}

function reply(xid: number, zxid: number, err: number, body: ReplyBody | null = null): Uint8Array {
  return encodeReply(xid, asZxid(zxid), err, body);
}

function watchAdded(xid: number): Uint8Array {
  return reply(xid, 5, Code.OK, { kind: 'addWatch', err: 0 });
}

function event(type: number, path: string, zxid: number): Uint8Array {
  return encodeWatchEvent({ type, state: KeeperState.syncConnected, path }, asZxid(zxid));
}

function bytes(...parts: string[]): Uint8Array {
  return new Uint8Array(Buffer.from(parts.join(''), 'hex'));
}

function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value));
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function sentBytes(effects: readonly ClientEffect[]): Uint8Array {
  const effect = effects[0];
  if (effect?.type !== 'send') throw new Error('nothing was sent');
  return effect.bytes;
}

function requestsIn(effects: readonly ClientEffect[]): object[] {
  return effects.map((effect) => {
    if (effect.type !== 'send') throw new Error(`unexpected ${effect.type}`);
    const frame = decodeRequestFrame(effect.bytes.subarray(4));
    if (!frame.ok) throw new Error(frame.error);
    const { header, body } = frame.value;
    const request = decodeRequest(header.type, body);
    if (!request.ok) throw new Error(request.error);
    const { op: _, ...fields } = request.value;
    return { xid: header.xid, ...fields };
  });
}
