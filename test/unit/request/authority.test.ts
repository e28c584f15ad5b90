/** The deciding side: what it decides on while earlier decisions are on their way, and what it does by itself. */

import { describe, expect, test } from 'vitest';
import { formatMembership, parseMembership } from '../../../core/config/membership.ts';
import type { PeerConfig } from '../../../core/config/types.ts';
import { authorityBoot, authorityDeadline, authorityPrepare, authorityTick } from '../../../core/request/authority.ts';
import { NODES_MAX, QUOTA_COUNTS_MAX } from '../../../core/request/prepare.ts';
import { asConn, asPeer, asSession, asZxid, type Id, OPEN_ACL, Perm } from '../../../core/types.ts';
import { type ClientRequest, encodeRequest, type MultiOp } from '../../../core/wire/client-codec.ts';
import { Code, CreateMode, Op } from '../../../core/wire/opcodes.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import { decodeTxn, readHeader } from '../../../core/wire/txn-codec.ts';
import { utf8Decode, utf8Encode } from '../../../core/wire/utf8.ts';
import { Standalone, TestClient, threeVoters } from './standalone.ts';

const X = utf8Encode('x');
const S = asSession(0x100n);

type Create = Extract<MultiOp, { kind: 'create' | 'create2' | 'createContainer' }>;
const create = (path: string, fields: Partial<Pick<Create, 'kind' | 'flags' | 'data' | 'acl'>> = {}): Create => {
  const kind = fields.kind ?? 'create';
  const { flags = 0, data = X, acl = OPEN_ACL } = fields;
  return { op: Op[kind], kind, path, data, acl, flags } as Create;
};
const remove = (path: string): MultiOp => ({ op: Op.delete, kind: 'delete', path, version: -1 });
const set = (path: string, version = -1, data = X): MultiOp => ({
  op: Op.setData,
  kind: 'setData',
  path,
  data,
  version,
});
const check = (path: string, version: number): MultiOp => ({ op: Op.check, kind: 'check', path, version });
const multi = (...ops: MultiOp[]): ClientRequest => ({ op: Op.multi, kind: 'multi', ops });

/** One decision; the transaction it makes. Nothing is applied while the host holds. */
function decide(host: Standalone, request: ClientRequest, ids: Id[] = []): Txn {
  host.submit({ session: S, cxid: 1, op: request.op, body: encodeRequest(request), authInfo: ids }, host.config.myid);
  const decoded = decodeTxn(host.log.at(-1)!.bytes);
  if (!decoded.ok) throw new Error('undecodable');
  return decoded.value.txn;
}

function host(config: Partial<PeerConfig> = {}): Standalone {
  const standalone = new Standalone({ config });
  const body = encodeRequest({ op: Op.createSession, kind: 'createSession', timeOut: 30_000 });
  standalone.submit({ session: S, cxid: 0, op: Op.createSession, body, authInfo: [] }, standalone.config.myid);
  return standalone;
}

describe('what is decided and not yet applied counts', () => {
  test('versions, sequence numbers, children', () => {
    const h = host();
    h.hold = true;
    expect(decide(h, create('/a'))).toMatchObject({ kind: 'create', parentCVersion: 1 });
    expect(decide(h, set('/a', 0))).toMatchObject({ kind: 'setData', version: 1 });
    expect(decide(h, set('/a', 0))).toEqual({ kind: 'error', err: Code.BADVERSION });
    expect(decide(h, create('/a/s-', { flags: CreateMode.persistentSequential }))).toMatchObject({
      path: '/a/s-0000000000',
    });
    expect(decide(h, create('/a/s-', { flags: CreateMode.persistentSequential }))).toMatchObject({
      path: '/a/s-0000000001',
    });
    expect(decide(h, remove('/a'))).toEqual({ kind: 'error', err: Code.NOTEMPTY });
    decide(h, remove('/a/s-0000000000'));
    decide(h, remove('/a/s-0000000001'));
    expect(decide(h, remove('/a'))).toEqual({ kind: 'delete', path: '/a' });
    expect(decide(h, create('/a/x'))).toEqual({ kind: 'error', err: Code.NONODE });
    expect(decide(h, create('/a'))).toMatchObject({ kind: 'create', parentCVersion: 2 });
    h.commit();
    expect(h.heap.tree.audit()).toBeNull();
  });

  test('an ACL', () => {
    const h = host();
    h.hold = true;
    const readOnly = [{ perms: Perm.READ, id: { scheme: 'world', id: 'anyone' } }];
    decide(h, create('/a', { acl: readOnly }));
    expect(decide(h, set('/a'))).toEqual({ kind: 'error', err: Code.NOAUTH });
    expect(decide(h, create('/a/x'))).toEqual({ kind: 'error', err: Code.NOAUTH });
    decide(h, create('/b'));
    decide(h, { op: Op.setACL, kind: 'setACL', path: '/b', acl: readOnly, version: 0 });
    expect(decide(h, set('/b'))).toEqual({ kind: 'error', err: Code.NOAUTH });
  });

  test('an ephemeral parent', () => {
    const h = host();
    h.hold = true;
    decide(h, create('/e', { flags: CreateMode.ephemeral }));
    expect(decide(h, create('/e/x'))).toEqual({ kind: 'error', err: Code.NOCHILDRENFOREPHEMERALS });
  });

  test('closing a session takes what is coming and leaves what is going', () => {
    const h = host();
    decide(h, create('/there', { flags: CreateMode.ephemeral }));
    decide(h, create('/going', { flags: CreateMode.ephemeral }));
    decide(h, create('/reborn', { flags: CreateMode.ephemeral }));
    h.hold = true;
    decide(h, create('/coming', { flags: CreateMode.ephemeral }));
    decide(h, remove('/going'));
    decide(h, remove('/reborn'));
    decide(h, create('/reborn'));
    expect(decide(h, { op: Op.closeSession, kind: 'closeSession' })).toEqual({
      kind: 'closeSession',
      paths: ['/there', '/coming'],
    });
    h.commit();
    expect([...h.heap.tree.paths()].filter((path) => !path.startsWith('/zookeeper'))).toEqual(['/', '/reborn']);
  });

  test('a parent of ephemerals that are going can be deleted behind them', () => {
    const h = host();
    decide(h, create('/p'));
    decide(h, create('/p/e', { flags: CreateMode.ephemeral }));
    h.hold = true;
    decide(h, { op: Op.closeSession, kind: 'closeSession' });
    const body = encodeRequest(remove('/p'));
    const other = asSession(0x200n);
    const open = encodeRequest({ op: Op.createSession, kind: 'createSession', timeOut: 30_000 });
    h.submit({ session: other, cxid: 0, op: Op.createSession, body: open, authInfo: [] }, h.config.myid);
    h.submit({ session: other, cxid: 1, op: Op.delete, body, authInfo: [] }, h.config.myid);
    expect(decodeTxn(h.log.at(-1)!.bytes)).toMatchObject({ value: { txn: { kind: 'delete', path: '/p' } } });
    h.commit();
  });

  test('the overlay is empty when everything is applied', () => {
    const h = host();
    h.hold = true;
    for (let i = 0; i < 10; i++) decide(h, create('/s-', { flags: CreateMode.ephemeralSequential }));
    expect(h.auth.overlay.changes.size).toBe(11);
    h.commit(4);
    expect(h.auth.overlay.changes.size).toBe(7);
    h.commit();
    expect([h.auth.overlay.changes.size, h.auth.overlay.pending.length, h.auth.overlay.ephemeralCreates.size]).toEqual([
      0, 0, 0,
    ]);
  });
});

describe('multi', () => {
  test('each operation stands on the ones before, all under one zxid', () => {
    const h = host();
    const txn = decide(
      h,
      multi(create('/m'), create('/m/a'), set('/m', 0), check('/m', 1), remove('/m/a'), create('/m/s-', { flags: 2 })),
    );
    expect(txn).toMatchObject({
      kind: 'multi',
      parts: [
        { type: Op.create, txn: { path: '/m' } },
        { type: Op.create, txn: { path: '/m/a' } },
        { type: Op.setData, txn: { version: 1 } },
        { type: Op.check, txn: { version: 2 } },
        { type: Op.delete, txn: { path: '/m/a' } },
        { type: Op.create, txn: { path: '/m/s-0000000001' } },
      ],
    });
  });

  test('a refusal takes everything back, parents and counters too, also what stood on other pending changes', () => {
    const h = host();
    h.hold = true;
    decide(h, create('/p'));
    decide(h, set('/p'));
    const before = new Map(h.auth.overlay.changes);
    const failing = [
      create('/p/s-', { flags: 2 }),
      create('/p/s-', { flags: 3 }),
      set('/p', 1),
      remove('/zookeeper'),
      create('/late'),
    ];
    expect(decide(h, multi(...failing))).toMatchObject({
      parts: [
        { type: Op.create },
        { type: Op.create },
        { type: Op.setData },
        { type: Op.error, txn: { err: Code.BADARGUMENTS } },
        { type: Op.error, txn: { err: Code.RUNTIMEINCONSISTENCY } },
      ],
    });
    expect(h.auth.overlay.changes).toEqual(before);
    expect(h.auth.overlay.ephemeralCreates.size).toBe(0);
    expect(decide(h, create('/p/s-', { flags: 2 }))).toMatchObject({ path: '/p/s-0000000000' });
    h.commit();
    expect(h.heap.tree.audit()).toBeNull();
  });

  test('create2 stays create2, and containers follow the operation, not the flags', () => {
    const h = host();
    const txn = decide(
      h,
      multi(
        create('/a', { kind: 'create2' }),
        create('/b', { kind: 'createContainer', flags: 0 }),
        create('/c', { flags: 4 }),
      ),
    );
    expect(txn).toMatchObject({
      parts: [
        { type: Op.create2, txn: { kind: 'create' } },
        { type: Op.createContainer, txn: { kind: 'createContainer' } },
        { type: Op.create, txn: { kind: 'create', ephemeral: false } },
      ],
    });
    expect([...h.heap.tree.containers()]).toEqual(['/b']);
  });

  test('nothing is a transaction, too', () => {
    const h = host();
    expect(decide(h, multi())).toEqual({ kind: 'multi', parts: [] });
  });
});

describe('quotas', () => {
  const limited = (limits: string): Standalone => {
    const h = host({ enforceQuota: true });
    decide(h, create('/q'));
    decide(h, create('/zookeeper/quota/q'));
    decide(h, create('/zookeeper/quota/q/zookeeper_limits', { data: utf8Encode(limits) }));
    decide(h, create('/zookeeper/quota/q/zookeeper_stats'));
    return h;
  };

  test('count what is on its way, also inside a multi (ZOOKEEPER-4219)', () => {
    const h = limited('count=-1,bytes=-1=;countHardLimit=3');
    expect(decide(h, multi(create('/q/1'), create('/q/2'), create('/q/3')))).toMatchObject({
      parts: [{ type: Op.create }, { type: Op.create }, { txn: { err: Code.QUOTAEXCEEDED } }],
    });
    h.hold = true;
    decide(h, create('/q/1'));
    decide(h, create('/q/2'));
    expect(decide(h, create('/q/3'))).toEqual({ kind: 'error', err: Code.QUOTAEXCEEDED });
    decide(h, remove('/q/1'));
    expect(decide(h, create('/q/3'))).toMatchObject({ kind: 'create' });
    h.commit();
    expect(utf8Decode(h.heap.tree.get('/zookeeper/quota/q/zookeeper_stats')!.data!)).toBe('count=3,bytes=3');
  });

  test('count each part of a large multi once', () => {
    const h = limited('count=-1,bytes=-1=;countHardLimit=9000,byteHardLimit=9999');
    const nodes = (from: number, count: number) => Array.from({ length: count }, (_, i) => create(`/q/${from + i}`));
    h.hold = true;
    expect(decide(h, multi(...nodes(0, 4000)))).toMatchObject({ kind: 'multi' });
    // Some go, one grows, some come: 1 + 4000 - 2 + 4 nodes, one byte each and ten more.
    const parts = [remove('/q/0'), remove('/q/1'), set('/q/2', -1, utf8Encode('12345678901')), ...nodes(5000, 4)];
    expect(JSON.stringify(decide(h, multi(...parts)))).not.toContain('error');
    const rest = 9000 - (1 + 4000 - 2 + 4);
    const over = decide(h, multi(...nodes(6000, rest + 1)));
    expect(over.kind === 'multi' ? over.parts.at(-1)?.txn : over).toEqual({ kind: 'error', err: Code.QUOTAEXCEEDED });
    const full = decide(h, multi(...nodes(6000, rest)));
    expect(full.kind === 'multi' ? full.parts.at(-1)?.txn.kind : full).toBe('create');
    h.commit();
    expect(utf8Decode(h.heap.tree.get('/zookeeper/quota/q/zookeeper_stats')!.data!)).toBe('count=9000,bytes=9010');
  });

  test('cannot be set in any number at once: each is counted by every replica', () => {
    const h = host();
    decide(h, create('/zookeeper/quota/q'));
    const again = [create('/zookeeper/quota/q/zookeeper_stats'), remove('/zookeeper/quota/q/zookeeper_stats')];
    const many = (times: number) => multi(...Array.from({ length: times }, () => again).flat());
    expect(JSON.stringify(decide(h, many(QUOTA_COUNTS_MAX)))).not.toContain('error');
    expect(decide(h, many(QUOTA_COUNTS_MAX + 1))).toMatchObject({
      parts: expect.arrayContaining([{ type: -1, txn: { kind: 'error', err: Code.BADARGUMENTS } }]),
    });
  });

  test('bytes grow and shrink', () => {
    const h = limited('count=-1,bytes=-1=;byteHardLimit=10');
    h.hold = true;
    const big = utf8Encode('123456789');
    decide(h, create('/q/1', { data: big }));
    expect(decide(h, set('/q/1', -1, utf8Encode('1234567890')))).toEqual({ kind: 'error', err: Code.QUOTAEXCEEDED });
    decide(h, set('/q/1', -1, utf8Encode('1')));
    expect(decide(h, create('/q/2', { data: utf8Encode('12345678') }))).toMatchObject({ kind: 'create' });
  });

  test('limits that are themselves on their way count', () => {
    const h = host({ enforceQuota: true });
    decide(h, create('/q'));
    decide(h, create('/zookeeper/quota/q'));
    h.hold = true;
    decide(h, create('/zookeeper/quota/q/zookeeper_stats', { data: utf8Encode('count=1,bytes=1') }));
    decide(
      h,
      create('/zookeeper/quota/q/zookeeper_limits', { data: utf8Encode('count=-1,bytes=-1=;countHardLimit=1') }),
    );
    expect(decide(h, create('/q/1'))).toEqual({ kind: 'error', err: Code.QUOTAEXCEEDED });
  });

  test('soft limits, and limits that are not enforced, refuse nothing', () => {
    const soft = limited('count=1,bytes=1');
    expect(decide(soft, create('/q/1'))).toMatchObject({ kind: 'create' });
    const off = host({ enforceQuota: false });
    decide(off, create('/q'));
    decide(off, create('/zookeeper/quota/q'));
    decide(
      off,
      create('/zookeeper/quota/q/zookeeper_limits', { data: utf8Encode('count=0,bytes=0=;countHardLimit=0') }),
    );
    decide(off, create('/zookeeper/quota/q/zookeeper_stats'));
    expect(decide(off, create('/q/1'))).toMatchObject({ kind: 'create' });
  });
});

test('there is room for so many nodes, and no more', () => {
  const h = host();
  Object.defineProperty(h.heap.tree, 'nodeCount', { value: NODES_MAX - 2 });
  h.hold = true;
  expect(decide(h, create('/a'))).toMatchObject({ kind: 'create' });
  expect(decide(h, create('/b'))).toEqual({ kind: 'error', err: Code.QUOTAEXCEEDED });
});

describe('what goes by itself', () => {
  const config = { extendedTypesEnabled: true, containerCheckIntervalMs: 1000 };

  test('a container goes after its last child, one that was never used stays', () => {
    const h = host(config);
    for (const path of ['/used', '/unused']) decide(h, create(path, { kind: 'createContainer' }));
    decide(h, create('/used/x'));
    h.advance(3000);
    decide(h, remove('/used/x'));
    expect(h.heap.tree.get('/used')).toBeDefined();
    h.advance(1000);
    expect(h.heap.tree.get('/used')).toBeUndefined();
    expect(h.heap.tree.get('/unused')).toBeDefined();
    const header = readHeader(h.log.at(-1)!.bytes);
    expect(header).toMatchObject({ value: { type: Op.deleteContainer, clientId: 0n, cxid: 0 } });
  });

  test('unless it may not stay for ever', () => {
    const h = host({ ...config, containerMaxNeverUsedIntervalMs: 5000 });
    decide(h, create('/unused', { kind: 'createContainer' }));
    h.advance(5000);
    expect(h.heap.tree.get('/unused')).toBeDefined();
    h.advance(1000);
    expect(h.heap.tree.get('/unused')).toBeUndefined();
  });

  test('a TTL node goes when nobody wrote to it and it has no children', () => {
    const h = host(config);
    for (const path of ['/t', '/parent']) {
      decide(h, { op: Op.createTTL, kind: 'createTTL', path, data: X, acl: OPEN_ACL, flags: 5, ttl: 2500 });
    }
    decide(h, create('/parent/child'));
    h.advance(2000);
    decide(h, set('/t'));
    h.advance(2000);
    expect(h.heap.tree.get('/t')).toBeDefined();
    h.advance(1000);
    expect(h.heap.tree.get('/t')).toBeUndefined();
    h.advance(9000);
    expect(h.heap.tree.get('/parent')).toBeDefined();
  });

  test('what comes to life while its end is on the way stays', () => {
    const h = host(config);
    decide(h, { op: Op.createTTL, kind: 'createTTL', path: '/t', data: X, acl: OPEN_ACL, flags: 5, ttl: 500 });
    h.advance(600);
    h.hold = true;
    decide(h, set('/t'));
    const before = h.log.length;
    h.advance(400);
    expect(h.log.length).toBe(before);
  });

  test('nodes of a session that does not exist, in a directory that others have left', () => {
    const h = host();
    const ghost = asSession(0x999n);
    const { tree } = h.heap;
    const header = { clientId: ghost, cxid: 1, zxid: asZxid(tree.lastZxid + 1), time: 0, type: Op.create };
    const left = {
      kind: 'create',
      path: '/left',
      data: X,
      acl: OPEN_ACL,
      ephemeral: true,
      parentCVersion: -1,
    } as const;
    tree.apply(header, left);
    const io = { now: h.now, emit: () => {}, newConn: () => asConn(-1) };
    const next = authorityBoot(h.heap, h.config, io);
    expect(authorityDeadline(next)).toBeLessThanOrEqual(h.now.monoMs);
    const due = authorityTick(next, h.heap, h.config, io);
    expect(due).toMatchObject([{ session: ghost, op: Op.closeSession }]);
    expect(authorityTick(next, h.heap, h.config, io)).toEqual([]);
    const ctx = { zxid: asZxid(tree.lastZxid + 1), from: h.config.myid, reconfig: null };
    const end = authorityPrepare(next, h.heap, h.config, io, due[0]!, ctx);
    if (end.type !== 'txn') throw new Error('no transaction');
    tree.apply(end.header, end.txn);
    expect(tree.get('/left')).toBeUndefined();
    expect([...tree.ephemeralSessions()]).toEqual([]);
  });

  test('a new authority gives every session its full time again', () => {
    const h = host();
    h.advance(20_000);
    const io = { now: h.now, emit: () => {}, newConn: () => 0 as never };
    const next = authorityBoot(h.heap, { ...h.config, containerCheckIntervalMs: 1e9 }, io);
    expect(authorityDeadline(next)).toBe(h.now.monoMs + 32_000 - (h.now.monoMs % 2000));
    expect(next.sessions.sessions.get(S)).toMatchObject({ owner: null, closing: false, timeoutMs: 30_000 });
  });
});

describe('reconfiguration', () => {
  const ensemble = threeVoters({ clients: true });
  const config = { reconfigEnabled: true, standaloneEnabled: false, membership: ensemble };
  const ids = [{ scheme: 'super', id: '' }];
  const leave = (leavingServers: string): ClientRequest => ({
    op: Op.reconfig,
    kind: 'reconfig',
    joiningServers: null,
    leavingServers,
    newMembers: null,
    curConfigId: -1,
  });

  test('becomes a write to the configuration node, whose version is its zxid', () => {
    const h = new Standalone({ config, ensemble });
    const client = new TestClient(h, 1).connect();
    h.submit(
      { session: client.session, cxid: 1, op: Op.reconfig, body: encodeRequest(leave('3')), authInfo: ids },
      h.config.myid,
    );
    const entry = h.log.at(-1)!;
    const decoded = decodeTxn(entry.bytes);
    if (!decoded.ok || decoded.value.txn.kind !== 'setData') throw new Error('no reconfiguration');
    const { header, txn } = decoded.value;
    expect([header.type, txn.path, txn.version]).toEqual([Op.reconfig, '/zookeeper/config', -1]);
    const text = utf8Decode(txn.data!)!;
    const next = parseMembership(text);
    expect(next.ok && formatMembership(next.membership)).toBe(text);
    expect(next.ok && [next.membership.version, next.membership.servers.map(({ id }) => id)]).toEqual([
      entry.zxid,
      [1, 2],
    ]);
  });

  test('the client hears the new membership', () => {
    const h = new Standalone({ config: { ...config, superDigest: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=' }, ensemble });
    const client = new TestClient(h, 1).connect();
    client.send({ op: Op.auth, kind: 'auth', type: 0, scheme: 'digest', auth: utf8Encode('super:test') }, -4);
    client.received();
    const { body } = client.ask(leave('3'));
    expect(body?.kind === 'reconfig' && utf8Decode(body.data!)).toMatch(/^server\.1=.*\nserver\.2=.*\nversion=2$/);
  });
});

describe('who owns a session', () => {
  test('the first server that it writes through, until it is revalidated by another', () => {
    const h = host();
    const from = (peer: number): Txn => {
      h.submit({ session: S, cxid: 1, op: Op.setData, body: encodeRequest(set('/')), authInfo: [] }, asPeer(peer));
      const decoded = decodeTxn(h.log.at(-1)!.bytes);
      if (!decoded.ok) throw new Error('undecodable');
      return decoded.value.txn;
    };
    h.auth.sessions.sessions.get(S)!.owner = null;
    expect(from(7)).toMatchObject({ kind: 'setData' });
    expect(from(8)).toEqual({ kind: 'error', err: Code.SESSIONMOVED });
    expect(from(7)).toMatchObject({ kind: 'setData' });
  });

  test('local sessions are let through from the server that made them, and from no other path', () => {
    const config = { localSessionsEnabled: true, membership: threeVoters(), myid: asPeer(1) };
    const h = new Standalone({ config });
    const write = (session: bigint, peer: number): Txn => {
      const body = encodeRequest(set('/'));
      h.submit({ session: asSession(session), cxid: 1, op: Op.setData, body, authInfo: [] }, asPeer(peer));
      const decoded = decodeTxn(h.log.at(-1)!.bytes);
      if (!decoded.ok) throw new Error('undecodable');
      return decoded.value.txn;
    };
    const madeBy = (server: bigint): bigint => (server << 56n) | 5n;
    expect(write(madeBy(2n), 2)).toMatchObject({ kind: 'setData' });
    expect(write(madeBy(1n), 1)).toMatchObject({ kind: 'setData' });
    expect(write(madeBy(1n), 2)).toEqual({ kind: 'error', err: Code.SESSIONEXPIRED });
  });
});

test('a global session that was closed does not come back as somebody’s local one, nor is it opened behind its end', () => {
  const config = { localSessionsEnabled: true, membership: threeVoters(), myid: asPeer(1) };
  const h = host(config);
  h.hold = true;
  const open = encodeRequest({ op: Op.createSession, kind: 'createSession', timeOut: 30_000 });
  decide(h, { op: Op.closeSession, kind: 'closeSession' });
  h.submit({ session: S, cxid: 0, op: Op.createSession, body: open, authInfo: [] }, asPeer(2));
  expect(decodeTxn(h.log.at(-1)!.bytes)).toMatchObject({ value: { txn: { kind: 'error', err: Code.SESSIONEXPIRED } } });
  h.commit();
  h.submit({ session: S, cxid: 1, op: Op.setData, body: encodeRequest(set('/')), authInfo: [] }, asPeer(2));
  h.commit();
  expect(decodeTxn(h.log.at(-1)!.bytes)).toMatchObject({ value: { txn: { kind: 'error', err: Code.SESSIONEXPIRED } } });
  expect([h.heap.tree.sessions.size, h.auth.sessions.sessions.size]).toEqual([0, 0]);
});

test('a transaction that would be too large for its readers is refused', () => {
  const h = host({ juteMaxBuffer: 4000 });
  const ops = Array.from({ length: 60 }, (_, i) =>
    create(`/${'n'.repeat(100)}${i}`, { acl: [{ perms: 1, id: { scheme: 'auth', id: '' } }] }),
  );
  const ids = [{ scheme: 'digest', id: 'u:x' }];
  expect(decide(h, multi(...ops), ids)).toEqual({ kind: 'error', err: Code.BADARGUMENTS });
  expect(h.auth.overlay.changes.size).toBe(0);
  expect(h.heap.tree.lastZxid).toBe(asZxid(2));
});
