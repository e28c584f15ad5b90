/** What one server does for its clients: order, watches, sessions, limits, and what it does with nonsense. */

import { describe, expect, test } from 'vitest';
import { CONNECT_FRAME_MAX, IDS_MAX, IDS_SIZE_MAX, WAITING_READS_MAX } from '../../../core/request/intake.ts';
import { MULTI_READ_SIZE_MAX } from '../../../core/request/reads.ts';
import { asConn, asPeer, asSession, asZxid, OPEN_ACL, Perm, zxidOf } from '../../../core/types.ts';
import { concat, fromHex } from '../../../core/wire/bytes.ts';
import { type ClientRequest, encodeRequest, encodeRequestFrame } from '../../../core/wire/client-codec.ts';
import { Code, CreateMode, EventType, Op } from '../../../core/wire/opcodes.ts';
import { decodeTxn } from '../../../core/wire/txn-codec.ts';
import { utf8Decode, utf8Encode } from '../../../core/wire/utf8.ts';
import {
  connectFrame,
  type Event,
  type Received,
  type Reply,
  Standalone,
  TestClient,
  threeVoters,
} from './standalone.ts';

const X = utf8Encode('x');

const create = (
  path: string,
  options: { data?: Uint8Array; flags?: number; acl?: typeof OPEN_ACL } = {},
): ClientRequest => ({
  op: Op.create,
  kind: 'create',
  path,
  data: options.data ?? X,
  acl: options.acl ?? OPEN_ACL,
  flags: options.flags ?? CreateMode.persistent,
});
const set = (path: string, data = X): ClientRequest => ({ op: Op.setData, kind: 'setData', path, data, version: -1 });
const get = (path: string, watch = false): ClientRequest => ({ op: Op.getData, kind: 'getData', path, watch });
const exists = (path: string, watch = false): ClientRequest => ({ op: Op.exists, kind: 'exists', path, watch });
const list = (path: string, watch = false): ClientRequest => ({ op: Op.getChildren, kind: 'getChildren', path, watch });
const remove = (path: string): ClientRequest => ({ op: Op.delete, kind: 'delete', path, version: -1 });
const sync = (path = '/'): ClientRequest => ({ op: Op.sync, kind: 'sync', path });
const setAcl = (path: string, acl: typeof OPEN_ACL): ClientRequest => ({
  op: Op.setACL,
  kind: 'setACL',
  path,
  acl,
  version: -1,
});
const addWatch = (path: string, mode: number): ClientRequest => ({ op: Op.addWatch, kind: 'addWatch', path, mode });
const auth = (credential: string): ClientRequest => ({
  op: Op.auth,
  kind: 'auth',
  type: 0,
  scheme: 'digest',
  auth: utf8Encode(credential),
});
const PING: ClientRequest = { op: Op.ping, kind: 'ping' };
const CLOSE: ClientRequest = { op: Op.closeSession, kind: 'closeSession' };

const brief = (items: readonly Received[]): string[] =>
  items.map((item) =>
    'xid' in item ? `${item.xid}:${item.err}@${item.zxid}` : `${eventName(item)} ${item.path}@${item.zxid}`,
  );
const eventName = ({ event }: Event): string => Object.entries(EventType).find(([, number]) => number === event)![0];

describe('order', () => {
  test('a read waits for the writes before it and for none behind it', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    host.hold = true;
    client.send(create('/a'));
    client.send(get('/a'));
    client.send(set('/a', utf8Encode('y')));
    client.send(get('/a'));
    expect(client.received()).toEqual([]);
    host.commit(1);
    const first = client.received();
    expect(brief(first)).toEqual(['1:0@2', '2:0@2']);
    expect((first[1] as Reply).body).toMatchObject({ data: X, stat: { version: 0 } });
    host.commit(1);
    const second = client.received();
    expect(brief(second)).toEqual(['3:0@3', '4:0@3']);
    expect((second[1] as Reply).body).toMatchObject({ data: utf8Encode('y'), stat: { version: 1 } });
  });

  test('no connection waits for another', () => {
    const host = new Standalone();
    const [writer, reader] = [new TestClient(host, 1).connect(), new TestClient(host, 2).connect()];
    host.hold = true;
    writer.send(create('/a'));
    reader.send(exists('/'));
    expect(brief(reader.received())).toEqual(['1:0@2']);
    expect(writer.received()).toEqual([]);
  });

  test('a refusal that is decided on arrival still waits for its turn', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    host.hold = true;
    client.send(create('/a'));
    host.bytes(client.conn, fromHex('00000008 00000009 00000004'.replaceAll(' ', ''))!); // getData without a record
    expect(client.received()).toEqual([]);
    host.commit();
    expect(brief(client.received())).toEqual(['1:0@2', '9:-5@2']);
  });

  test('an unknown operation ends the connection after the answers before it', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    host.hold = true;
    client.send(create('/a'));
    host.bytes(client.conn, fromHex('00000008 00000009 000001f4 00000008 0000000a 0000000b'.replaceAll(' ', ''))!);
    expect(client.isClosed).toBe(false);
    host.commit();
    expect(brief(client.received())).toEqual(['1:0@2', '9:-6@-1']);
    expect(client.isClosed).toBe(true);
  });

  test('the answer to ping carries the ping’s xid whatever the client wrote', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    client.send(PING, 77);
    expect(brief(client.received())).toEqual(['-2:0@1']);
  });

  test('writes behind a sync are submitted when it is done, so nothing between them sees the later write', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    host.hold = true;
    client.send(create('/a'));
    client.send(sync());
    client.send(exists('/b'));
    client.send(create('/b'));
    client.send(sync());
    client.send(create('/c'));
    expect(host.pending.length).toBe(2);
    host.commit(1);
    expect(brief(client.received())).toEqual(['1:0@2']);
    host.commit(1);
    expect(brief(client.received())).toEqual(['2:0@2', '3:-101@2']);
    expect(host.pending.length).toBe(2);
    host.commit();
    expect(brief(client.received())).toEqual(['4:0@3', '5:0@3', '6:0@4']);
  });

  test('the answer to a write of a lost connection is nobody’s, also when its successor uses the same xid', () => {
    const host = new Standalone();
    const first = new TestClient(host, 1).connect();
    host.hold = true;
    first.send(create('/first'));
    host.lose(first.conn);
    const second = new TestClient(host, 2).connect({ session: first.session, passwd: first.passwd });
    second.send(create('/second'), 1);
    expect(host.server.outstanding).toBe(2);
    host.commit(1);
    expect(second.received()).toEqual([]);
    host.commit(1);
    expect((second.received()[0] as Reply).body).toEqual({ kind: 'create', path: '/second' });
    expect(host.server.outstanding).toBe(0);
    expect(host.server.orphanWrites.size).toBe(0);
  });

  test('a sync of a lost connection does not count for its successor', () => {
    const host = new Standalone();
    const first = new TestClient(host, 1).connect();
    host.hold = true;
    first.send(sync(), 1);
    host.lose(first.conn);
    const second = new TestClient(host, 2).connect({ session: first.session, passwd: first.passwd });
    second.send(sync(), 1);
    host.commit(1);
    expect(second.received()).toEqual([]);
    host.commit(1);
    expect(brief(second.received())).toEqual(['1:0@1']);
  });
});

describe('watches', () => {
  test('the event comes before the answer that shows the change, to the writer too', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    client.ask(create('/a'));
    client.ask(get('/a', true));
    client.send(set('/a'));
    client.send(get('/a'));
    expect(brief(client.received())).toEqual(['nodeDataChanged /a@3', '3:0@3', '4:0@3']);
  });

  test('a read that shows nothing new does not wait for events', () => {
    const host = new Standalone();
    const [a, b] = [new TestClient(host, 1).connect(), new TestClient(host, 2).connect()];
    a.ask(create('/a'));
    b.ask(get('/a', true));
    host.hold = true;
    a.send(set('/a'));
    b.send(get('/a'));
    expect(brief(b.received())).toEqual(['2:0@3']);
    host.commit();
    expect(brief(b.received())).toEqual(['nodeDataChanged /a@4']);
  });

  test('watches go with their connection', () => {
    const host = new Standalone();
    const [a, b] = [new TestClient(host, 1).connect(), new TestClient(host, 2).connect()];
    a.ask(create('/a'));
    b.ask(get('/a', true));
    host.lose(b.conn);
    expect(host.heap.watches.count).toBe(0);
  });

  test('what came while away is told on return, except what may not be read: then the watch is set again', () => {
    const host = new Standalone();
    const [alice, mallory] = [new TestClient(host, 1).connect(), new TestClient(host, 2).connect()];
    alice.ask(auth('alice:pw'));
    alice.received();
    alice.ask(create('/open'));
    alice.ask(create('/secret'));
    const since = host.heap.tree.lastZxid;
    const onlyAlice = [{ perms: Perm.ALL, id: { scheme: 'auth', id: '' } }];
    alice.ask(setAcl('/secret', onlyAlice));
    for (const path of ['/open', '/secret']) {
      alice.ask(set(path));
      alice.ask(create(`${path}/k`));
    }
    const claims = ['/open', '/secret'];
    const request: ClientRequest = {
      op: Op.setWatches,
      kind: 'setWatches',
      relativeZxid: since,
      dataWatches: claims,
      existWatches: claims,
      childWatches: claims,
    };
    mallory.send(request, -8);
    expect(brief(mallory.received())).toEqual([
      'nodeDataChanged /open@-1',
      'nodeChildrenChanged /open@-1',
      `-8:0@${host.heap.tree.lastZxid}`,
    ]);
    alice.ask(set('/secret'));
    expect(mallory.received()).toEqual([]);
    // The event held back did not use up the watch.
    alice.ask(setAcl('/secret', OPEN_ACL));
    alice.ask(set('/secret'));
    expect(brief(mallory.received())).toEqual([`nodeDataChanged /secret@${host.heap.tree.lastZxid}`]);
  });

  test('a recursive watch tells nothing of what may not be read', () => {
    const host = new Standalone();
    const [alice, mallory] = [new TestClient(host, 1).connect(), new TestClient(host, 2).connect()];
    alice.send(auth('alice:pw'));
    alice.received();
    mallory.ask(addWatch('/', 1));
    const onlyAlice = [{ perms: Perm.ALL, id: { scheme: 'auth', id: '' } }];
    alice.ask(create('/seen'));
    alice.ask(create('/hidden', { acl: onlyAlice }));
    alice.ask(create('/hidden/name', { acl: onlyAlice }));
    alice.ask(remove('/hidden/name'));
    alice.ask(remove('/seen'));
    expect(brief(mallory.received())).toEqual(['nodeCreated /seen@3', 'nodeDeleted /seen@7']);
  });
});

describe('what the ACL hides', () => {
  const setup = () => {
    const host = new Standalone();
    const [alice, mallory] = [new TestClient(host, 1).connect(), new TestClient(host, 2).connect()];
    alice.send(auth('alice:pw'));
    alice.received();
    const onlyAlice = [{ perms: Perm.ALL, id: { scheme: 'auth', id: '' } }];
    alice.ask(create('/public'));
    alice.ask(create('/public/closed', { acl: onlyAlice }));
    alice.ask(create('/public/closed/a', { acl: onlyAlice }));
    alice.ask(create('/public/closed/b', { acl: onlyAlice }));
    return { host, alice, mallory };
  };

  test('every read of a closed node is refused alike', () => {
    const { mallory } = setup();
    const path = '/public/closed';
    const reads: ClientRequest[] = [
      exists(path),
      get(path),
      list(path),
      { op: Op.getChildren2, kind: 'getChildren2', path, watch: false },
      { op: Op.getACL, kind: 'getACL', path },
      { op: Op.getAllChildrenNumber, kind: 'getAllChildrenNumber', path },
    ];
    for (const read of reads) expect(mallory.ask(read)).toMatchObject({ err: Code.NOAUTH, body: null });
    expect(
      mallory.ask({
        op: Op.multiRead,
        kind: 'multiRead',
        ops: [{ op: Op.getData, kind: 'getData', path, watch: false }],
      }),
    ).toMatchObject({
      err: 0,
      body: { results: [{ kind: 'error', err: Code.NOAUTH }] },
    });
  });

  test('many reads at once do not make an answer of any size', () => {
    const host = new Standalone();
    const data = new Uint8Array((1 << 20) - 1000);
    new TestClient(host, 1).connect().ask(create('/big', { data }));
    const ops = (count: number) =>
      Array.from({ length: count }, () => ({ op: Op.getData, kind: 'getData', path: '/big', watch: false }) as const);
    const fitting = Math.floor(MULTI_READ_SIZE_MAX / (data.length + 68));
    const fits = new TestClient(host, 2).connect();
    expect(fits.ask({ op: Op.multiRead, kind: 'multiRead', ops: ops(fitting) }).err).toBe(Code.OK);
    for (const [index, count] of [fitting + 1, 20_000].entries()) {
      const client = new TestClient(host, 3 + index).connect();
      const answer = client.ask({ op: Op.multiRead, kind: 'multiRead', ops: ops(count) });
      expect(answer).toMatchObject({ err: Code.BADARGUMENTS, body: null });
    }
  });

  test('a refused read leaves no watch behind', () => {
    const { host, mallory } = setup();
    mallory.ask(get('/public/closed', true));
    mallory.ask(exists('/public/closed', true));
    mallory.ask(list('/public/closed', true));
    expect(host.heap.watches.count).toBe(0);
  });

  test('nodes below a closed node are not counted', () => {
    const { alice, mallory } = setup();
    const count: ClientRequest = { op: Op.getAllChildrenNumber, kind: 'getAllChildrenNumber', path: '/public' };
    expect(alice.ask(count).body).toMatchObject({ totalNumber: 3 });
    expect(mallory.ask(count).body).toMatchObject({ totalNumber: 1 });
  });

  test('hashes are shown to those who may change the list', () => {
    const { alice, mallory } = setup();
    const [admin] = [{ perms: Perm.ADMIN, id: { scheme: 'auth', id: '' } }];
    alice.ask(create('/list', { acl: [admin!, { perms: Perm.READ, id: { scheme: 'world', id: 'anyone' } }] }));
    const getAcl: ClientRequest = { op: Op.getACL, kind: 'getACL', path: '/list' };
    expect(JSON.stringify(alice.ask(getAcl).body, skipBigint)).toMatch(/"alice:[^x]/);
    expect(JSON.stringify(mallory.ask(getAcl).body, skipBigint)).toContain('"alice:x"');
  });

  test('getEphemerals shows only the own session’s', () => {
    const { alice, mallory } = setup();
    alice.ask(create('/mine', { flags: CreateMode.ephemeral }));
    const all: ClientRequest = { op: Op.getEphemerals, kind: 'getEphemerals', prefixPath: null };
    expect(alice.ask(all).body).toMatchObject({ ephemerals: ['/mine'] });
    expect(mallory.ask(all).body).toMatchObject({ ephemerals: [] });
  });
});

const skipBigint = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}` : value);

describe('sessions', () => {
  test('a session survives its connection, and takes its ephemerals along when it is closed', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    client.ask(create('/e', { flags: CreateMode.ephemeral }));
    host.lose(client.conn);
    const back = new TestClient(host, 2).connect({ session: client.session, passwd: client.passwd });
    expect(back.session).toBe(client.session);
    back.send(CLOSE, 5);
    expect(brief(back.received())).toEqual(['5:0@3']);
    expect(back.isClosed).toBe(true);
    expect(host.heap.tree.get('/e')).toBeUndefined();
    const late = new TestClient(host, 3).connect({ session: client.session, passwd: client.passwd });
    expect([late.session, late.timeoutMs, late.isClosed]).toEqual([0n, 0, true]);
  });

  test('a wrong password is answered like an expired session', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    const wrong = client.passwd.slice();
    wrong[15]! ^= 1;
    const thief = new TestClient(host, 2).connect({ session: client.session, passwd: wrong });
    expect([thief.session, thief.isClosed]).toEqual([0n, true]);
    const unknown = new TestClient(host, 3).connect({ session: asSession(77n), passwd: wrong });
    expect([unknown.session, unknown.isClosed]).toEqual([0n, true]);
  });

  test('a silent session expires after its timeout and within two ticks more; a pinging one lives', () => {
    const host = new Standalone();
    const silent = new TestClient(host, 1).connect({ timeoutMs: 4000 });
    const lively = new TestClient(host, 2).connect({ timeoutMs: 4000 });
    silent.ask(create('/silent', { flags: CreateMode.ephemeral }));
    for (let ms = 0; ms < 4000; ms += 1000) {
      host.advance(1000);
      lively.ask({ op: Op.exists, kind: 'exists', path: '/', watch: false });
      expect(host.heap.tree.get('/silent')).toBeDefined();
    }
    for (let ms = 0; ms < 4000; ms += 1000) {
      host.advance(1000);
      lively.send(PING);
    }
    expect(host.heap.tree.get('/silent')).toBeUndefined();
    expect([silent.isClosed, lively.isClosed]).toEqual([true, false]);
    expect([...host.heap.tree.sessions.keys()]).toEqual([lively.session]);
  });

  test('a jump of the wall clock ends no session', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect({ timeoutMs: 4000 });
    host.now = { ...host.now, wallMs: host.now.wallMs + 3_600_000 };
    host.advance(1000);
    client.send(PING);
    host.now = { ...host.now, wallMs: host.now.wallMs - 7_200_000 };
    host.advance(3000);
    expect(client.isClosed).toBe(false);
  });

  test('nothing is created for a session that is being closed', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    client.ask(create('/before', { flags: CreateMode.ephemeral }));
    host.hold = true;
    const { session } = client;
    client.send(create('/pending', { flags: CreateMode.ephemeral }));
    const myid = host.config.myid;
    host.submit({ session, cxid: 0, op: Op.closeSession, body: new Uint8Array(0), authInfo: [] }, myid);
    client.send(create('/late', { flags: CreateMode.ephemeral }));
    client.send(create('/later'));
    host.commit();
    expect(['/before', '/pending', '/late', '/later'].map((path) => host.heap.tree.get(path))).toEqual(
      new Array(4).fill(undefined),
    );
    expect([...host.heap.tree.ephemeralSessions()]).toEqual([]);
    expect(client.isClosed).toBe(true);
  });

  test('ids go on above those of an earlier life, also when the clock was set back', () => {
    const host = new Standalone();
    const first = new TestClient(host, 1).connect();
    host.stop();
    host.now = { ...host.now, wallMs: host.now.wallMs - 86_400_000 };
    host.start('standalone');
    const second = new TestClient(host, 2).connect();
    expect(second.session).toBe(first.session + 1n);
  });

  test('a client that has seen more than this server is sent away without a word', () => {
    const host = new Standalone();
    new TestClient(host, 1).connect();
    const ahead = new TestClient(host, 2);
    host.bytes(ahead.conn, connectFrame({ lastZxidSeen: 2 }));
    expect([host.take(ahead.conn), ahead.isClosed]).toEqual([[], true]);
    expect(new TestClient(host, 3).connect({ lastZxidSeen: 1 }).isClosed).toBe(false);
  });

  test('requests sent before the answer to the ConnectRequest wait for it', () => {
    const host = new Standalone({ hold: true });
    const client = new TestClient(host, 1);
    host.bytes(
      client.conn,
      concat([connectFrame(), encodeRequestFrame(1, create('/a')), encodeRequestFrame(2, exists('/a'))]),
    );
    expect(host.paused.has(client.conn)).toBe(true);
    host.commit(1);
    expect(host.paused.has(client.conn)).toBe(false);
    expect(host.take(client.conn).length).toBe(1);
    host.commit();
    expect(client.received().map((item) => 'xid' in item && item.xid)).toEqual([1, 2]);
  });

  test('a session that belongs to another server by now: the writer is cut off', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    host.auth.sessions.sessions.get(client.session)!.owner = asPeer(9);
    client.send(create('/a'));
    expect([client.received(), client.isClosed]).toEqual([[], true]);
    expect(host.heap.tree.get('/a')).toBeUndefined();
  });
});

describe('local sessions', () => {
  const member = { myid: asPeer(1), membership: threeVoters(), localSessionsEnabled: true };

  test('take no zxid, and end with their connection’s silence', () => {
    const host = new Standalone({ mode: 'follower', config: member, leader: { myid: asPeer(2) } });
    const client = new TestClient(host, 1).connect({ timeoutMs: 4000 });
    expect([host.lastProposed, host.heap.tree.sessions.size]).toEqual([0, 0]);
    expect(client.ask(create('/a')).err).toBe(Code.OK);
    host.advance(8000);
    expect(client.isClosed).toBe(true);
    const back = new TestClient(host, 2).connect({ session: client.session, passwd: client.passwd });
    expect(back.session).toBe(0n);
  });

  test('without upgrading, an ephemeral is refused by name', () => {
    const host = new Standalone({ mode: 'follower', config: member, leader: { myid: asPeer(2) } });
    const client = new TestClient(host, 1).connect();
    expect(client.ask(create('/e', { flags: CreateMode.ephemeral })).err).toBe(Code.EPHEMERALONLOCALSESSION);
  });

  test.each(['alone', 'in a multi'])('with upgrading, an ephemeral %s makes the session global first', (how) => {
    const config = { ...member, localSessionsUpgradingEnabled: true };
    const host = new Standalone({ mode: 'follower', config, leader: { myid: asPeer(2) } });
    const client = new TestClient(host, 1).connect();
    const request = create('/e', { flags: CreateMode.ephemeral });
    const multi: ClientRequest = { op: Op.multi, kind: 'multi', ops: [request as never] };
    expect(client.ask(how === 'alone' ? request : multi).err).toBe(Code.OK);
    expect([...host.heap.tree.sessions.keys()]).toEqual([client.session]);
    expect(host.server.local.sessions.size).toBe(0);
    expect([...host.heap.tree.ephemeralsOf(client.session)]).toEqual(['/e']);
  });

  test('closing one asks nobody', () => {
    const host = new Standalone({ mode: 'follower', config: member, leader: { myid: asPeer(2) } });
    const client = new TestClient(host, 1).connect();
    client.send(CLOSE, 3);
    expect([brief(client.received()), client.isClosed, host.lastProposed]).toEqual([['3:0@0'], true, 0]);
  });
});

describe('limits', () => {
  test('connections of one address', () => {
    const host = new Standalone({ config: { maxClientCnxns: 2 } });
    const clients = [1, 2, 3].map((conn) => new TestClient(host, conn, { ip: '10.0.0.1' }));
    const other = new TestClient(host, 4, { ip: '10.0.0.2' });
    expect([...clients, other].map((client) => client.isClosed)).toEqual([false, false, true, false]);
    host.lose(asConn(1));
    expect(new TestClient(host, 5, { ip: '10.0.0.1' }).isClosed).toBe(false);
  });

  test('connections of all', () => {
    const host = new Standalone({ config: { maxCnxns: 2 } });
    expect([1, 2, 3].map((conn) => new TestClient(host, conn, { ip: `10.0.0.${conn}` }).isClosed)).toEqual([
      false,
      false,
      true,
    ]);
  });

  test('a connection without a session is dropped in time', () => {
    const host = new Standalone({ config: { sessionlessCnxnTimeoutMs: 10_000 } });
    const client = new TestClient(host, 1);
    host.advance(8000);
    host.bytes(client.conn, connectFrame().subarray(0, 20));
    expect(client.isClosed).toBe(false);
    host.advance(4000);
    expect(client.isClosed).toBe(true);
  });

  test('who has more than globalOutstandingLimit requests on the way is not read from, others are', () => {
    const host = new Standalone({ config: { globalOutstandingLimit: 10 } });
    const [busy, modest] = [new TestClient(host, 1).connect(), new TestClient(host, 2).connect()];
    host.hold = true;
    for (let i = 0; i < 30; i++) busy.send(create(`/${i}`));
    expect(host.paused.has(busy.conn)).toBe(true);
    expect(host.pending.length).toBe(11);
    modest.send(create('/m'));
    modest.send(create('/n'));
    expect(host.pending.length).toBe(12);
    host.commit();
    expect(host.paused.size).toBe(0);
    expect(busy.received().length).toBe(30);
    expect(modest.received().length).toBe(2);
    expect(host.server.outstanding).toBe(0);
  });

  test('members of an ensemble share that limit', () => {
    const config = { globalOutstandingLimit: 10, myid: asPeer(1), membership: threeVoters() };
    const host = new Standalone({ mode: 'follower', config });
    const client = new TestClient(host, 1).connect();
    host.hold = true;
    for (let i = 0; i < 30; i++) client.send(create(`/${i}`));
    expect(host.pending.length).toBe(6);
  });

  test('a client that does not read is not read from', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    host.block(client.conn);
    expect(host.paused.has(client.conn)).toBe(true);
    client.send(exists('/'));
    expect(client.received()).toEqual([]);
    host.drain(client.conn);
    expect(host.paused.has(client.conn)).toBe(false);
    expect(client.received().length).toBe(1);
  });

  test('identities of one connection', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    for (let i = 0; i < IDS_MAX - 1; i++) expect(client.ask(auth(`u${i}:p`)).err).toBe(Code.OK);
    expect(client.ask(auth('one-more:p')).err).toBe(Code.AUTHFAILED);
    expect(client.isClosed).toBe(true);
    const talker = new TestClient(host, 2).connect();
    expect(talker.ask(auth(`${'u'.repeat(100_000)}:p`)).err).toBe(Code.AUTHFAILED);
  });

  test('the size of all identities of one connection', () => {
    const host = new Standalone();
    // It has its address for an identity from the beginning.
    const hashed = 'digest'.length + ':'.length + 28;
    const room = IDS_SIZE_MAX - 'ip127.0.0.1'.length - hashed;
    expect(new TestClient(host, 1).connect().ask(auth(`${'u'.repeat(room)}:p`)).err).toBe(Code.OK);
    expect(new TestClient(host, 2).connect().ask(auth(`${'u'.repeat(room + 1)}:p`)).err).toBe(Code.AUTHFAILED);
  });

  test('the same identity again takes no room', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    for (let i = 0; i < 3 * IDS_MAX; i++) client.ask(auth('u:p'));
    expect(client.ask({ op: Op.whoAmI, kind: 'whoAmI' }).body).toEqual({
      kind: 'whoAmI',
      clientInfo: [
        { authScheme: 'ip', user: '127.0.0.1' },
        { authScheme: 'digest', user: 'u' },
      ],
    });
  });

  test('a list that grows beyond a frame when `auth` is expanded is refused', () => {
    const host = new Standalone({ config: { juteMaxBuffer: 20_000 } });
    const client = new TestClient(host, 1).connect();
    for (let i = 0; i < 60; i++) client.ask(auth(`${'u'.repeat(200)}${i}:p`));
    const acl = [1, 2, 3, 4, 5].map((perms) => ({ perms, id: { scheme: 'auth', id: '' } }));
    expect(client.ask(create('/a', { acl })).err).toBe(Code.INVALIDACL);
    expect(client.ask(create('/a', { acl: acl.slice(0, 1) })).err).toBe(Code.OK);
  });

  test('what `auth` is expanded to, in one list and in all of a transaction', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    for (let i = 0; i < 60; i++) client.ask(auth(`${'u'.repeat(200)}${i}:p`));
    // Some 14,000 bytes of identities.
    const lists = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ perms: Perm.ALL, id: { scheme: 'auth', id: String(i) } }));
    expect(client.ask(create('/four', { acl: lists(4) })).err).toBe(Code.OK);
    expect(client.ask(create('/five', { acl: lists(5) })).err).toBe(Code.INVALIDACL);
    const parts = Array.from({ length: 5000 }, (_, i) => create(`/m${i}`, { acl: lists(4) }));
    const { body } = client.ask({ op: Op.multi, kind: 'multi', ops: parts as never });
    const errors =
      body?.kind === 'multi' ? body.results.map((result) => (result.kind === 'error' ? result.err : 0)) : [];
    expect(errors.indexOf(Code.INVALIDACL)).toBeLessThan(100);
    expect(errors.indexOf(Code.INVALIDACL)).toBeGreaterThan(0);
    expect(host.heap.tree.get('/m0')).toBeUndefined();
  });

  test('the request throttle holds frames back and refuses what waited too long', () => {
    const host = new Standalone({ config: { requestThrottleMaxRequests: 1, throttledOpWaitTimeMs: 50 } });
    const [a, b] = [new TestClient(host, 1).connect(), new TestClient(host, 2).connect()];
    host.hold = true;
    a.send(create('/a'));
    b.send(create('/b'));
    b.send(PING);
    expect([host.pending.length, host.paused.has(b.conn)]).toEqual([1, true]);
    host.advance(100);
    host.commit(1);
    expect(brief(b.received())).toEqual(['1:-127@3', '-2:0@3']);
    b.send(create('/c'));
    expect(host.pending.length).toBe(1);
  });

  test('the request throttle lets everyone ask in turn, however much one of them has to ask', () => {
    const host = new Standalone({ config: { requestThrottleMaxRequests: 3 } });
    const [busy, quiet, late] = [1, 2, 3].map((id) => new TestClient(host, id).connect()) as [
      TestClient,
      TestClient,
      TestClient,
    ];
    host.hold = true;
    for (let i = 0; i < 50; i++) busy.send(create(`/busy${i}`));
    for (const path of ['/quiet1', '/quiet2']) quiet.send(create(path));
    late.send(create('/late'));
    const order: string[] = [];
    for (let i = 0; i < 12; i++) {
      expect(host.pending.length).toBe(3);
      order.push(newestOf(host));
      host.commit(1);
    }
    expect(order.slice(0, 8).join(' ')).toBe('/busy2 /busy3 /quiet1 /late /busy4 /quiet2 /busy5 /busy6');
    expect([quiet, late].map((client) => brief(client.received()).length)).toEqual([2, 1]);
  });

  test('the request throttle does not wait for the rest of a request', () => {
    const host = new Standalone({ config: { requestThrottleMaxRequests: 1 } });
    const [busy, half, other] = [1, 2, 3].map((id) => new TestClient(host, id).connect()) as [
      TestClient,
      TestClient,
      TestClient,
    ];
    host.hold = true;
    busy.send(create('/busy1'));
    const frames = [half, other].map(({ conn }, i) => ({ conn, bytes: encodeRequestFrame(i, create(`/half${i}`)) }));
    for (const { conn, bytes } of frames) host.bytes(conn, bytes.subarray(0, 14));
    host.commit(1);
    busy.send(create('/busy2'));
    for (const { conn, bytes } of frames) host.bytes(conn, bytes.subarray(14));
    busy.send(create('/busy3'));
    const order: string[] = [];
    while (host.pending.length > 0) {
      order.push(newestOf(host));
      host.commit(1);
    }
    expect(order).toEqual(['/busy2', '/half0', '/half1', '/busy3']);
  });

  test('a connection that may not go on for another reason keeps nobody behind it', () => {
    const host = new Standalone({ config: { requestThrottleMaxRequests: 2 } });
    const [busy, deaf, quiet] = [1, 2, 3].map((id) => new TestClient(host, id).connect()) as [
      TestClient,
      TestClient,
      TestClient,
    ];
    host.hold = true;
    for (let i = 0; i < 10; i++) busy.send(create(`/busy${i}`));
    deaf.send(create('/deaf'));
    host.block(deaf.conn);
    quiet.send(create('/quiet'));
    host.commit(4);
    expect(brief(quiet.received()).length).toBe(1);
    expect(brief(deaf.received())).toEqual([]);
    host.drain(deaf.conn);
    host.commit(4);
    expect(brief(deaf.received()).length).toBe(1);
  });
});

/** The node that the last of the transactions on their way creates. */
function newestOf(host: Standalone): string {
  const last = host.pending.at(-1)!;
  const decoded = 'entry' in last ? decodeTxn(last.entry.bytes) : null;
  if (decoded?.ok !== true || decoded.value.txn.kind !== 'create') throw new Error('not a create');
  return decoded.value.txn.path;
}

describe('clients that do not read', () => {
  const LARGE = new Uint8Array(1_000_000);

  test('many small requests for large answers are answered in bursts, between which the shell can object', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    client.ask(create('/large', { data: LARGE }));
    const requests = Array.from({ length: 20 }, (_, i) => encodeRequestFrame(i, get('/large')));
    host.bytes(client.conn, concat(requests));
    expect(host.take(client.conn).length).toBe(5);
    expect(host.paused.has(client.conn)).toBe(true);
    host.advance(0);
    expect(host.take(client.conn).length).toBe(15);
    expect([host.paused.has(client.conn), host.server.yielding.size]).toEqual([false, 0]);
  });

  test('when it objects, the rest waits', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    client.ask(create('/large', { data: LARGE }));
    host.bytes(client.conn, concat(Array.from({ length: 20 }, (_, i) => encodeRequestFrame(i, get('/large')))));
    host.block(client.conn);
    host.advance(5000);
    expect(host.take(client.conn).length).toBe(5);
    host.drain(client.conn);
    expect(host.take(client.conn).length).toBe(5);
    host.advance(0);
    expect(host.take(client.conn).length).toBe(10);
  });

  test('few reads wait behind a write, so that little is answered at once', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    host.hold = true;
    client.send(create('/a'));
    for (let i = 0; i < 3 * WAITING_READS_MAX; i++) client.send(get('/a'));
    expect(host.server.conns.get(client.conn)!.queue.length).toBe(1 + WAITING_READS_MAX);
    expect(host.paused.has(client.conn)).toBe(true);
    host.commit();
    expect(client.received().length).toBe(1 + 3 * WAITING_READS_MAX);
    expect(host.paused.has(client.conn)).toBe(false);
  });

  test('events for a client that never reads end its connection', () => {
    const host = new Standalone();
    const [writer, watcher] = [new TestClient(host, 1).connect(), new TestClient(host, 2).connect()];
    const path = `/${'w'.repeat(100_000)}`;
    writer.ask(create(path));
    watcher.ask(addWatch(path, 0));
    host.block(watcher.conn);
    for (let i = 0; i < 300 && !watcher.isClosed; i++) writer.ask(set(path));
    expect([watcher.isClosed, writer.isClosed]).toEqual([true, false]);
    expect(host.heap.watches.count).toBe(0);
  });
});

describe('modes', () => {
  test('stopped: words yes, clients no', () => {
    const host = new Standalone({ config: { fourLetterWords: 'all' } });
    const client = new TestClient(host, 1).connect();
    host.stop();
    expect(client.isClosed).toBe(true);
    expect(new TestClient(host, 2).connect().isClosed).toBe(true);
    expect(word(host, 3, 'ruok')).toBe('imok');
    expect(word(host, 4, 'srvr')).toBe('This ZooKeeper instance is not currently serving requests\n');
    expect(word(host, 5, 'isro')).toBe('null');
  });

  test('stopping forgets what was under way', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    host.hold = true;
    client.send(create('/a'));
    client.send(sync());
    host.lose(client.conn);
    host.stop();
    host.start('standalone');
    expect([host.server.outstanding, host.server.orphanWrites.size, host.server.conns.size]).toEqual([0, 0, 0]);
    host.commit();
    expect(host.server.outstanding).toBe(0);
  });

  test('read-only: reads, and nothing that would change anything', () => {
    const config = { myid: asPeer(1), membership: threeVoters(), localSessionsEnabled: true };
    const host = new Standalone({ mode: 'readonly', config });
    expect(new TestClient(host, 1).connect({ readOnly: false }).isClosed).toBe(true);
    expect(new TestClient(host, 2).connect({ readOnly: null }).isClosed).toBe(true);
    const client = new TestClient(host, 3).connect({ readOnly: true });
    expect(client.ask(get('/')).err).toBe(Code.OK);
    for (const request of [create('/a'), set('/'), remove('/a'), sync()]) {
      expect(client.ask(request).err).toBe(Code.NOTREADONLY);
    }
    expect(client.ask(get('/')).err).toBe(Code.OK);
    expect(host.log).toEqual([]);
  });

  test('learners collect signs of life, the deciding server is told at once', () => {
    const follower = new Standalone({ mode: 'follower', config: { myid: asPeer(1), membership: threeVoters() } });
    const client = new TestClient(follower, 1).connect();
    client.send(PING);
    client.send(PING);
    expect([...follower.server.touches]).toEqual([[client.session, 30_000]]);
    const leader = new Standalone({ mode: 'leader', config: { myid: asPeer(1), membership: threeVoters() } });
    const own = new TestClient(leader, 1).connect();
    own.send(PING);
    expect(leader.touches).toEqual([own.session]);
  });

  test('eager ACL check: a learner refuses by its own tree', () => {
    const config = { myid: asPeer(1), membership: threeVoters(), enableEagerAclCheck: true };
    const host = new Standalone({ mode: 'follower', config });
    const client = new TestClient(host, 1).connect();
    client.ask(create('/r', { acl: [{ perms: Perm.READ, id: { scheme: 'world', id: 'anyone' } }] }));
    const before = host.lastProposed;
    for (const request of [create('/r/x'), set('/r'), remove('/r/x'), setAcl('/r', OPEN_ACL)]) {
      expect(client.ask(request).err).toBe(Code.NOAUTH);
    }
    expect(host.lastProposed).toBe(before);
    expect(client.ask(set('/none')).err).toBe(Code.NONODE);
  });
});

describe('who may ask', () => {
  test('enforced schemes: nothing before an identity of one of them, not even a goodbye', () => {
    const host = new Standalone({ config: { enforceAuthSchemes: ['digest', 'x509'] } });
    const requests = [PING, get('/'), create('/a'), sync(), CLOSE, { op: Op.whoAmI, kind: 'whoAmI' } as const];
    for (const [i, request] of requests.entries()) {
      const client = new TestClient(host, i + 1).connect();
      client.send(request, 1);
      expect(brief(client.received())).toEqual(['1:-124@0']);
      expect(client.isClosed).toBe(true);
    }
    const proved = new TestClient(host, 50).connect();
    expect(proved.ask(auth('a:b')).err).toBe(Code.OK);
    expect(proved.ask(get('/')).err).toBe(Code.OK);
  });

  test('what is no operation is not revealed to those who may not ask', () => {
    const host = new Standalone({ config: { enforceAuthSchemes: ['digest'] } });
    const client = new TestClient(host, 1).connect();
    host.bytes(client.conn, fromHex('0000000800000001000001f4')!);
    expect(brief(client.received())).toEqual(['1:-124@0']);
  });
});

describe('nonsense', () => {
  test.each([
    ['a negative length', 'fffffffb'],
    ['a length beyond the limit', '000fffff'],
    ['a frame shorter than a header', '00000004 00000001'],
    ['an auth request that cannot be decoded', '0000000a fffffffc 00000064 0000'],
  ])('%s closes the connection', (_, text) => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    host.bytes(client.conn, fromHex(text.replaceAll(' ', ''))!);
    expect(client.isClosed).toBe(true);
    expect(host.server.conns.size).toBe(0);
  });

  test.each([
    ['a ConnectRequest beyond its own limit', `0000${(CONNECT_FRAME_MAX + 1).toString(16).padStart(4, '0')}`],
    ['a truncated ConnectRequest', '00000008 00000000 00000000'],
    [
      'a zxid that is none',
      `0000002c 00000000 7fffffff00000001 00007530 ${'00'.repeat(8)} 00000010 ${'00'.repeat(16)}`,
    ],
  ])('%s closes the connection', (_, text) => {
    const host = new Standalone();
    const client = new TestClient(host, 1);
    host.bytes(client.conn, fromHex(text.replaceAll(' ', ''))!);
    expect([client.isClosed, host.take(client.conn)]).toEqual([true, []]);
  });

  test('a write that cannot be decoded is refused here and takes no zxid', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1).connect();
    host.bytes(client.conn, fromHex('0000000c 00000007 00000001 0000ffff'.replaceAll(' ', ''))!);
    expect(brief(client.received())).toEqual(['7:-5@1']);
    expect(host.lastProposed).toBe(1);
  });

  test('bytes after the end of a connection are nobody’s', () => {
    const host = new Standalone();
    host.bytes(asConn(9), utf8Encode('hello'));
    host.lose(asConn(9));
    host.block(asConn(9));
    host.drain(asConn(9));
    expect(host.sent.size).toBe(0);
  });

  test('input cut into single bytes is the same input', () => {
    const host = new Standalone();
    const client = new TestClient(host, 1);
    const input = concat([connectFrame(), encodeRequestFrame(1, create('/a')), encodeRequestFrame(2, get('/a'))]);
    for (const byte of input) host.bytes(client.conn, Uint8Array.of(byte));
    expect(host.take(client.conn).length).toBe(3);
  });

  test('answers of a leader that make no sense close the connection, and nothing else', () => {
    const host = new Standalone({ config: { digestEnabled: false } });
    const [client, other] = [new TestClient(host, 1).connect(), new TestClient(host, 2).connect()];
    host.hold = true;
    client.send(create('/a'), 1);
    host.pending.length = 0;
    // A leader that answers a create with a delete.
    const body = encodeRequest({ op: Op.delete, kind: 'delete', path: '/zookeeper/none', version: -1 });
    host.submit({ session: client.session, cxid: 1, op: Op.delete, body, authInfo: [] }, host.config.myid);
    const multi: ClientRequest = { op: Op.multi, kind: 'multi', ops: [] };
    host.submit(
      { session: client.session, cxid: 1, op: Op.multi, body: encodeRequest(multi), authInfo: [] },
      host.config.myid,
    );
    host.pending.shift();
    host.commit();
    expect([client.isClosed, other.isClosed]).toEqual([true, false]);
  });
});

describe('large and wrapped', () => {
  test('a session with more ephemerals than a frame can name is closed by the short form', () => {
    const host = new Standalone({ config: { juteMaxBuffer: 5000 } });
    const client = new TestClient(host, 1).connect();
    for (let i = 0; i < 100; i++) client.ask(create(`/${'e'.repeat(50)}${i}`, { flags: CreateMode.ephemeral }));
    client.send(CLOSE);
    expect(host.log.at(-1)!.bytes.length).toBeLessThan(60);
    expect([...host.heap.tree.ephemeralSessions()]).toEqual([]);
    expect(host.heap.tree.nodeCount).toBe(5);
  });

  test('versions skip -1, which means any', () => {
    const host = new Standalone({ config: { digestEnabled: false } });
    const client = new TestClient(host, 1).connect();
    client.ask(create('/a'));
    const node = host.heap.tree.get('/a') as { version: number };
    node.version = 2 ** 31 - 1;
    expect(client.ask(set('/a')).body).toMatchObject({ stat: { version: -(2 ** 31) } });
    node.version = -2;
    expect(client.ask(set('/a')).body).toMatchObject({ stat: { version: 0 } });
  });

  test('a zxid of a later epoch is told in full', () => {
    const host = new Standalone({ startZxid: zxidOf(7, 0) });
    const client = new TestClient(host, 1).connect();
    expect(client.ask(create('/a')).zxid).toBe(zxidOf(7, 2));
    expect(asZxid(zxidOf(7, 2))).toBe(0x7_0000_0002);
  });
});

describe('four-letter words', () => {
  test('only those on the list are answered', () => {
    const host = new Standalone({ config: { fourLetterWords: ['srvr'] } });
    expect(word(host, 1, 'ruok')).toBe('ruok is not executed because it is not in the whitelist.\n');
    expect(word(host, 2, 'srvr')).toMatch(/^Zookeeper version: 3\.9/);
    expect(word(host, 3, 'isro')).toContain('not in the whitelist');
    const readOnly = new Standalone({ config: { fourLetterWords: ['srvr'], readOnlyModeEnabled: true } });
    expect(word(readOnly, 1, 'isro')).toBe('rw');
  });

  test('a word may come in pieces and with a newline', () => {
    const host = new Standalone({ config: { fourLetterWords: 'all' } });
    const client = new TestClient(host, 1);
    host.bytes(client.conn, utf8Encode('ru'));
    expect(client.isClosed).toBe(false);
    host.bytes(client.conn, utf8Encode('ok\n'));
    expect(host.takeRaw(client.conn).map((bytes) => utf8Decode(bytes))).toEqual(['imok']);
    expect(client.isClosed).toBe(true);
  });

  test('the trace mask is kept and told, also before the server serves', () => {
    const host = new Standalone({ config: { fourLetterWords: 'all' } });
    expect(word(host, 1, 'gtmk')).toBe('306');
    expect(setTraceMask(host, 2, [0, 0, 0, 0, 0, 0, 1, 5])).toBe('261');
    expect(setTraceMask(host, 3, [255, 255, 255, 255, 255, 255, 255, 254])).toBe('-2');
    expect(word(host, 4, 'gtmk')).toBe('-2');
    // Without its number the word is not whole.
    expect(word(host, 5, 'stmk')).toBe('');
    expect(host.closed.has(asConn(5))).toBe(false);
    expect(setTraceMask(new Standalone({ config: { fourLetterWords: ['gtmk'] } }), 1, [])).toContain(
      'not in the whitelist',
    );
  });

  test('digests are told of every 128th transaction', () => {
    const host = new Standalone({ config: { fourLetterWords: 'all' } });
    const client = new TestClient(host, 1).connect();
    expect(word(host, 2, 'hash')).toBe('');
    for (let i = 2; i < 128; i++) client.ask(create(`/n${i}`));
    const before = host.heap.tree.digest();
    expect(word(host, 3, 'hash')).toBe('');
    client.ask(create('/n128'));
    const at128 = host.heap.tree.digest();
    expect(at128).not.toBe(before);
    client.ask(create('/n129'));
    expect(word(host, 4, 'hash')).toBe(`80: ${at128}\n`);
  });

  test('four bytes that are no word are a length, and this one is too long', () => {
    const host = new Standalone({ config: { fourLetterWords: 'all' } });
    expect(word(host, 1, 'nope')).toBe('');
    expect(host.closed.has(asConn(1))).toBe(true);
  });

  test('what they say', () => {
    const host = new Standalone({ config: { fourLetterWords: 'all' } });
    const client = new TestClient(host, 1).connect({ timeoutMs: 10_000 });
    client.ask(create('/a'));
    client.ask(create('/a/e', { flags: CreateMode.ephemeral }));
    client.ask(get('/a', true));
    client.ask(list('/a', true));
    const sid = `0x${client.session.toString(16)}`;
    expect(word(host, 2, 'srvr')).toBe(
      [
        'Zookeeper version: 3.9.4-vivarium, built on 11/22/2026 00:00 GMT',
        'Latency min/avg/max: 0/0.0/0',
        'Received: 6',
        'Sent: 5',
        'Connections: 2',
        'Outstanding: 0',
        'Zxid: 0x3',
        'Mode: standalone',
        'Node count: 7',
        '',
      ].join('\n'),
    );
    expect(word(host, 3, 'wchs')).toBe('1 connections watching 1 paths\nTotal watches:1\n');
    expect(word(host, 4, 'wchc')).toBe(`${sid}\n\t/a\n\n`);
    expect(word(host, 5, 'wchp')).toBe(`/a\n\t${sid}\n\n`);
    expect(word(host, 6, 'dump')).toBe(
      [
        'SessionTracker dump:',
        'Global Sessions(1):',
        `${sid}\t10000ms`,
        'ephemeral nodes dump:',
        'Sessions with Ephemerals (1):',
        `${sid}:`,
        '\t/a/e',
        'Connections dump:',
        'Connections (2):',
        `\tip: /127.0.0.1:40001 sessionId: ${sid}`,
        '\tip: /127.0.0.1:40006 sessionId: 0x0',
        '',
      ].join('\n'),
    );
    expect(word(host, 7, 'cons')).toContain(`sid=${sid},lop=GETC,est=1700000000000,to=10000,lcxid=0x4,lzxid=0x3`);
    expect(word(host, 8, 'stat')).toContain(' /127.0.0.1:40001[1](queued=0,recved=5,sent=5)\n');
    expect(word(host, 9, 'conf')).toContain('tickTime=2000\nmaxClientCnxns=0\n');
    expect(word(host, 10, 'envi')).toMatch(/^Environment:\nzookeeper\.version=3\.9/);
    const mntr = word(host, 11, 'mntr');
    for (const line of ['zk_znode_count\t7', 'zk_watch_count\t2', 'zk_ephemerals_count\t1', 'zk_global_sessions\t1']) {
      expect(mntr).toContain(`${line}\n`);
    }
    expect(word(host, 12, 'srst')).toBe('Server stats reset.\n');
    expect(word(host, 13, 'crst')).toBe('Connection stats reset.\n');
    expect(word(host, 14, 'srvr')).toContain('Received: 2\n');
  });

  test('how long requests took, since the last reset', () => {
    const host = new Standalone({ config: { fourLetterWords: 'all' } });
    const client = new TestClient(host, 1).connect({ timeoutMs: 10_000 });
    client.ask(get('/'));
    word(host, 2, 'srst');
    word(host, 3, 'crst');
    host.hold = true;
    for (const [index, tookMs] of [40, 10, 26].entries()) {
      client.send(create(`/n${index}`));
      host.advance(tookMs);
      host.commit();
    }
    expect(word(host, 4, 'srvr')).toContain('Latency min/avg/max: 10/25.3333/40\n');
    expect(word(host, 5, 'cons')).toContain(`,lresp=${host.now.monoMs},llat=26,minlat=10,avglat=25,maxlat=40)`);
    expect(word(host, 6, 'mntr')).toContain(
      ['zk_avg_latency\t25.3333', 'zk_min_latency\t10', 'zk_max_latency\t40'].join('\n'),
    );
    word(host, 7, 'srst');
    word(host, 8, 'crst');
    client.send(set('/n0'));
    host.advance(7);
    host.commit();
    expect(word(host, 9, 'srvr')).toContain('Latency min/avg/max: 7/7.0/7\n');
    expect(word(host, 10, 'cons')).toContain(',llat=7,minlat=7,avglat=7,maxlat=7)');
  });

  test('in an ensemble they name the mode and the membership', () => {
    const config = { fourLetterWords: 'all', myid: asPeer(2), membership: threeVoters() } as const;
    const host = new Standalone({ mode: 'observer', config });
    expect(word(host, 1, 'srvr')).toContain('Mode: observer\n');
    expect(word(host, 2, 'conf')).toContain(
      'electionPort=23302\nquorumPort=23202\npeerType=0\nmembership: \nserver.1=',
    );
    expect(word(host, 3, 'mntr')).toContain('zk_insecure_quorum_ports\t1\n');
  });
});

function setTraceMask(host: Standalone, conn: number, mask: readonly number[]): string {
  return send(host, conn, Uint8Array.of(...utf8Encode('stmk'), ...mask));
}

function word(host: Standalone, conn: number, text: string): string {
  return send(host, conn, utf8Encode(text));
}

function send(host: Standalone, conn: number, bytes: Uint8Array): string {
  const client = new TestClient(host, conn);
  host.bytes(client.conn, bytes);
  return host
    .takeRaw(client.conn)
    .map((bytes) => utf8Decode(bytes))
    .join('');
}
