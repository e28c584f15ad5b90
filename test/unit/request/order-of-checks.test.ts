/**
 * Which refusal comes first. Clients can tell, so it is part of the protocol (reference: zookeeper.md 1.4, read in
 * PrepRequestProcessor and probed on real servers).
 *
 * Each table is a ladder: a request has every fault from its line downwards, as far as one request can, and none above. It
 * must be refused with its line's code. The last line has no fault.
 */

import { describe, expect, test } from 'vitest';
import type { PeerConfig } from '../../../core/config/types.ts';
import { type Acl, asPeer, asSession, asZxid, type Id, OPEN_ACL, Perm, type SessionId } from '../../../core/types.ts';
import { type ClientRequest, encodeRequest, type MultiOp } from '../../../core/wire/client-codec.ts';
import { Code, type CodeName, CreateMode, Op } from '../../../core/wire/opcodes.ts';
import { decodeTxn } from '../../../core/wire/txn-codec.ts';
import { utf8Encode } from '../../../core/wire/utf8.ts';
import { Standalone, threeVoters } from './standalone.ts';

const ALIVE = asSession(0x100n);
const GONE = asSession(0x200n);
const MOVED = asSession(0x300n);

const X = utf8Encode('x');
const LONG = utf8Encode('x'.repeat(100));
const NOBODY: readonly Acl[] = [{ perms: Perm.ALL, id: { scheme: 'digest', id: 'alice:x' } }];
const NO_ACL: readonly Acl[] = [];

type Rung = readonly [CodeName, ClientRequest, { session?: SessionId; ids?: Id[] }?];

describe('create', () => {
  const create = (path: string, flags: number, acl: readonly Acl[], data: Uint8Array = LONG): ClientRequest => ({
    op: Op.create,
    kind: 'create',
    path,
    data,
    acl,
    flags,
  });
  climb({}, [
    ['BADARGUMENTS', create('no-slash', 9, NO_ACL), { session: GONE }],
    ['BADARGUMENTS', create('no-slash', -1, NO_ACL), { session: GONE }],
    ['UNIMPLEMENTED', create('no-slash', CreateMode.persistentTtl, NO_ACL), { session: GONE }],
    ['SESSIONEXPIRED', create('no-slash', CreateMode.ephemeral, NO_ACL), { session: GONE }],
    ['SESSIONMOVED', create('no-slash', CreateMode.ephemeral, NO_ACL), { session: MOVED }],
    ['SESSIONEXPIRED', create('no-slash', CreateMode.persistent, NO_ACL), { session: GONE }],
    ['SESSIONMOVED', create('no-slash', CreateMode.persistent, NO_ACL), { session: MOVED }],
    ['BADARGUMENTS', create('no-slash', CreateMode.persistent, NO_ACL)],
    ['BADARGUMENTS', create('/none/a\0', CreateMode.persistent, NO_ACL)],
    ['INVALIDACL', create('/none/./', CreateMode.persistent, NO_ACL)],
    ['NONODE', create('/none/./x', CreateMode.persistent, OPEN_ACL)],
    ['NOAUTH', create('/closed/.', CreateMode.persistent, OPEN_ACL)],
    ['BADARGUMENTS', create('/ephemeral/.', CreateMode.persistent, OPEN_ACL)],
    ['NODEEXISTS', create('/quota/there', CreateMode.persistent, OPEN_ACL)],
    ['NOCHILDRENFOREPHEMERALS', create('/ephemeral/x', CreateMode.persistent, OPEN_ACL)],
    ['QUOTAEXCEEDED', create('/quota/x', CreateMode.persistent, OPEN_ACL)],
    ['OK', create('/quota/x', CreateMode.persistent, OPEN_ACL, X)],
    ['OK', create('/quota/', CreateMode.persistentSequential, OPEN_ACL, X)],
  ]);
});

describe('createTTL', () => {
  const create = (path: string, flags: number, ttl: number): ClientRequest => ({
    op: Op.createTTL,
    kind: 'createTTL',
    path,
    data: X,
    acl: OPEN_ACL,
    flags,
    ttl,
  });
  climb({ extendedTypesEnabled: true }, [
    ['BADARGUMENTS', create('no-slash', 9, 0), { session: GONE }],
    ['BADARGUMENTS', create('no-slash', CreateMode.persistentTtl, 0), { session: GONE }],
    ['BADARGUMENTS', create('no-slash', CreateMode.persistentTtl, 2 ** 40), { session: GONE }],
    // Without a TTL mode no replica could apply it, with or without a time.
    ['BADARGUMENTS', create('no-slash', CreateMode.persistent, 1000), { session: GONE }],
    ['BADARGUMENTS', create('no-slash', CreateMode.persistent, -1), { session: GONE }],
    ['SESSIONEXPIRED', create('no-slash', CreateMode.persistentTtl, 1000), { session: GONE }],
    ['BADARGUMENTS', create('no-slash', CreateMode.persistentTtl, 1000)],
    ['OK', create('/t', CreateMode.persistentTtl, 2 ** 40 - 1)],
  ]);
  climb({ extendedTypesEnabled: false }, [
    ['UNIMPLEMENTED', create('no-slash', CreateMode.persistentTtl, 0), { session: GONE }],
    ['BADARGUMENTS', create('/t', CreateMode.persistent, -1)],
  ]);
});

describe('delete', () => {
  const remove = (path: string, version: number): ClientRequest => ({ op: Op.delete, kind: 'delete', path, version });
  climb({}, [
    ['SESSIONEXPIRED', remove('no-slash', 7), { session: GONE }],
    ['SESSIONMOVED', remove('no-slash', 7), { session: MOVED }],
    ['BADARGUMENTS', remove('no-slash', 7)],
    ['BADARGUMENTS', remove('/none/\0', 7)],
    ['BADARGUMENTS', remove('/', 7)],
    ['BADARGUMENTS', remove('/zookeeper/quota', 7)],
    ['NONODE', remove('/none/x', 7)],
    // The permission comes before the existence of the node itself.
    ['NOAUTH', remove('/closed/none', 7)],
    ['NONODE', remove('/quota/none', 7)],
    ['BADVERSION', remove('/quota', 7)],
    ['NOTEMPTY', remove('/quota', 0)],
    ['OK', remove('/quota/there', 0)],
  ]);
});

describe('setData', () => {
  const set = (path: string, version: number, data: Uint8Array = LONG): ClientRequest => ({
    op: Op.setData,
    kind: 'setData',
    path,
    data,
    version,
  });
  climb({}, [
    ['SESSIONEXPIRED', set('no-slash', 7), { session: GONE }],
    ['SESSIONMOVED', set('no-slash', 7), { session: MOVED }],
    ['BADARGUMENTS', set('no-slash', 7)],
    ['BADARGUMENTS', set('/quota/', 7)],
    ['NONODE', set('/none', 7)],
    ['NOAUTH', set('/closed', 7)],
    ['QUOTAEXCEEDED', set('/quota/there', 7)],
    ['BADVERSION', set('/quota/there', 7, X)],
    ['OK', set('/quota/there', 0, X)],
  ]);
});

describe('setACL', () => {
  const set = (path: string, version: number, acl: readonly Acl[] = NO_ACL): ClientRequest => ({
    op: Op.setACL,
    kind: 'setACL',
    path,
    acl,
    version,
  });
  climb({}, [
    ['SESSIONEXPIRED', set('no-slash', 7), { session: GONE }],
    ['SESSIONMOVED', set('no-slash', 7), { session: MOVED }],
    ['BADARGUMENTS', set('no-slash', 7)],
    ['INVALIDACL', set('/none', 7)],
    ['NONODE', set('/none', 7, OPEN_ACL)],
    ['NOAUTH', set('/closed', 7, OPEN_ACL)],
    ['BADVERSION', set('/quota', 7, OPEN_ACL)],
    ['OK', set('/quota', 0, OPEN_ACL)],
  ]);
});

describe('check, inside a multi', () => {
  const check = (path: string, version: number): ClientRequest => multi({ op: Op.check, kind: 'check', path, version });
  climb({}, [
    ['SESSIONEXPIRED', check('no-slash', 7), { session: GONE }],
    ['SESSIONMOVED', check('no-slash', 7), { session: MOVED }],
    ['BADARGUMENTS', check('no-slash', 7)],
    ['NONODE', check('/none', 7)],
    ['NOAUTH', check('/closed', 7)],
    ['BADVERSION', check('/quota', 7)],
    ['OK', check('/quota', 0)],
    ['OK', check('/quota', -1)],
  ]);
});

describe('reconfig', () => {
  const reconfig = (
    curConfigId: number,
    leavingServers: string | null,
    joiningServers: string | null = null,
  ): ClientRequest => ({
    op: Op.reconfig,
    kind: 'reconfig',
    joiningServers,
    leavingServers,
    newMembers: null,
    curConfigId,
  });
  const stranger = [7, 8, 9, 10].map((id) => `server.${id}=h${id}:1:2;3`).join(',');
  const ids = [{ scheme: 'super', id: '' }];
  climb({ reconfigEnabled: false }, [['RECONFIGDISABLED', reconfig(7, 'x'), { session: GONE }]]);
  climb({ reconfigEnabled: true }, [
    ['SESSIONEXPIRED', reconfig(7, 'x'), { session: GONE }],
    ['SESSIONMOVED', reconfig(7, 'x'), { session: MOVED }],
    ['UNIMPLEMENTED', reconfig(7, 'x')],
  ]);
  climb({ reconfigEnabled: true, membership: threeVoters() }, [
    ['SESSIONEXPIRED', reconfig(7, 'x'), { session: GONE }],
    // Deliberately before everything that would tell about the ensemble; upstream asks for it last.
    ['NOAUTH', reconfig(7, 'x')],
    ['BADVERSION', reconfig(7, 'x'), { ids }],
    ['MARSHALLINGERROR', reconfig(-1, 'x'), { ids }],
    ['BADARGUMENTS', reconfig(-1, null, 'garbage'), { ids }],
    ['BADARGUMENTS', reconfig(-1, '1,2'), { ids }],
    ['NEWCONFIGNOQUORUM', reconfig(-1, null, stranger), { ids }],
    ['OK', reconfig(0, '3'), { ids }],
  ]);

  test('while the configuration last seen is not committed: RECONFIGINPROGRESS', () => {
    const host = fixture({ reconfigEnabled: true, membership: threeVoters() });
    host.reconfig = { ...host.reconfig!, lastSeen: threeVoters({ version: asZxid(99) }) };
    expect(codeOf(host, reconfig(7, 'x'), ALIVE, ids)).toBe('RECONFIGINPROGRESS');
  });
});

describe('what only servers ask', () => {
  test('deleteContainer of another server is refused, whatever it names', () => {
    const host = fixture({});
    const body = encodeRequest({ op: Op.deleteContainer, kind: 'deleteContainer', path: '/quota/there' });
    host.submit({ session: ALIVE, cxid: 1, op: Op.deleteContainer, body, authInfo: [] }, asPeer(9));
    expect(lastCode(host)).toBe('UNIMPLEMENTED');
    expect(host.heap.tree.get('/quota/there')).toBeDefined();
  });

  test('an own deleteContainer that became moot makes no transaction', () => {
    const host = fixture({});
    const before = host.log.length;
    for (const path of ['/quota/there', '/quota', '/none', '/']) {
      const body = encodeRequest({ op: Op.deleteContainer, kind: 'deleteContainer', path });
      host.submit({ session: asSession(0n), cxid: 0, op: Op.deleteContainer, body, authInfo: [] }, host.config.myid);
    }
    expect(host.log.length).toBe(before);
    expect(host.heap.tree.get('/quota/there')).toBeDefined();
  });

  test('a forwarded request that cannot be decoded is refused by a transaction, for a learner waits for it', () => {
    const host = fixture({});
    const before = host.lastProposed;
    host.submit({ session: ALIVE, cxid: 1, op: Op.create, body: utf8Encode('junk'), authInfo: [] }, asPeer(0));
    expect(lastCode(host)).toBe('MARSHALLINGERROR');
    expect(host.lastProposed).toBe(before + 1);
  });

  test('an operation that is no write is refused', () => {
    const host = fixture({});
    expect(codeOf(host, { op: Op.exists, kind: 'exists', path: '/', watch: false })).toBe('UNIMPLEMENTED');
    expect(codeOf(host, { op: Op.check, kind: 'check', path: '/', version: -1 })).toBe('UNIMPLEMENTED');
  });
});

// --- helpers ---------------------------------------------------------------------------------------------------------

function climb(config: Partial<PeerConfig>, rungs: readonly Rung[]): void {
  const name =
    Object.keys(config).length === 0
      ? 'plain'
      : JSON.stringify(config, ['extendedTypesEnabled', 'reconfigEnabled', 'membership', 'version']);
  test.each(rungs.map((rung, i) => [i + 1, ...rung] as const))(`${name}, rung %i: %s`, (_, code, request, who) => {
    expect(codeOf(fixture(config), request, who?.session, who?.ids)).toBe(code);
  });
}

const multi = (...ops: MultiOp[]): ClientRequest => ({ op: Op.multi, kind: 'multi', ops });

/** `/quota` holds one node and may hold two more bytes; `/closed` is closed; `/ephemeral` is of the living session. */
function fixture(config: Partial<PeerConfig>): Standalone {
  const host = new Standalone({
    config: { enforceQuota: true, ...config },
    ...(config.membership == null ? {} : { ensemble: config.membership }),
  });
  for (const session of [ALIVE, MOVED]) {
    const body = encodeRequest({ op: Op.createSession, kind: 'createSession', timeOut: 30_000 });
    const from = session === MOVED ? asPeer(5) : host.config.myid;
    host.submit({ session, cxid: 0, op: Op.createSession, body, authInfo: [] }, from);
  }
  const nodes: [string, Uint8Array, readonly Acl[], number][] = [
    ['/closed', X, NOBODY, CreateMode.persistent],
    ['/ephemeral', X, OPEN_ACL, CreateMode.ephemeral],
    ['/quota', X, OPEN_ACL, CreateMode.persistent],
    ['/quota/there', X, OPEN_ACL, CreateMode.persistent],
    ['/zookeeper/quota/quota', X, OPEN_ACL, CreateMode.persistent],
    [
      '/zookeeper/quota/quota/zookeeper_limits',
      utf8Encode('count=-1,bytes=-1=;byteHardLimit=4;countHardLimit=9'),
      OPEN_ACL,
      0,
    ],
    ['/zookeeper/quota/quota/zookeeper_stats', X, OPEN_ACL, CreateMode.persistent],
  ];
  for (const [path, data, acl, flags] of nodes) {
    expect(codeOf(host, { op: Op.create, kind: 'create', path, data, acl, flags })).toBe('OK');
  }
  return host;
}

function codeOf(host: Standalone, request: ClientRequest, session = ALIVE, ids: Id[] = []): CodeName {
  const body = encodeRequest(request);
  host.submit({ session, cxid: 1, op: request.op, body, authInfo: ids }, host.config.myid);
  return lastCode(host);
}

/** The code that the last transaction carries; of a multi the first that is neither OK nor a consequence. */
function lastCode(host: Standalone): CodeName {
  const decoded = decodeTxn(host.log.at(-1)!.bytes);
  if (!decoded.ok) throw new Error('undecodable transaction');
  const { txn } = decoded.value;
  const parts = txn.kind === 'multi' ? txn.parts.map((part) => part.txn) : [txn];
  const failed = parts.find((part) => part.kind === 'error');
  const code = failed?.kind === 'error' ? failed.err : Code.OK;
  return (Object.keys(Code) as CodeName[]).find((name) => Code[name] === code)!;
}
