/** One request that asks the same of one long list many times, and one change that many ask about: the list is judged once. */

import { afterEach, describe, expect, test, vi } from 'vitest';
import { ipGrants } from '../../../core/acl/ip.ts';
import type { AuthProvider } from '../../../core/acl/provider.ts';
import { digestId, ipProvider } from '../../../core/acl/schemes.ts';
import { ACL_ENTRIES_MAX } from '../../../core/request/access.ts';
import { type Acl, OPEN_ACL, ZXID_ZERO } from '../../../core/types.ts';
import type { ClientRequest, MultiOp } from '../../../core/wire/client-codec.ts';
import { AddWatchMode, Code, Op } from '../../../core/wire/opcodes.ts';
import { utf8Encode } from '../../../core/wire/utf8.ts';
import { Standalone, TestClient } from './standalone.ts';

const N = 200;
const many = <T>(of: (index: number) => T): T[] => Array.from({ length: N }, (_, index) => of(index));

/** As long as a list may be, and open at its end. */
const LONG: readonly Acl[] = [
  ...Array.from({ length: ACL_ENTRIES_MAX - 1 }, (_, i) => ({
    perms: 31,
    id: { scheme: 'ip', id: `10.${i >> 8}.${i & 255}.0/24` },
  })),
  { perms: 31, id: { scheme: 'ip', id: '127.0.0.1' } },
];

/** What is asked of scheme ip: lists read, addresses looked up, entries compared one by one. */
function countIp(): { lists: number; lookUps: number; compared: number } {
  const count = { lists: 0, lookUps: 0, compared: 0 };
  const ip = ipProvider as Required<AuthProvider>;
  vi.spyOn(ip, 'matches').mockImplementation(() => {
    count.compared += 1;
    return false;
  });
  vi.spyOn(ip, 'grantsOf').mockImplementation((entries) => {
    count.lists += 1;
    const grants = ipGrants(entries);
    return (id) => {
      count.lookUps += 1;
      return grants(id);
    };
  });
  return count;
}

afterEach(() => vi.restoreAllMocks());

type Create = Extract<MultiOp, { kind: 'create' }>;
const create = (path: string, acl = LONG): Create =>
  ({ op: Op.create, kind: 'create', path, data: new Uint8Array(0), acl: [...acl], flags: 0 }) as const;
const set = (path: string): Extract<MultiOp, { kind: 'setData' }> =>
  ({ op: Op.setData, kind: 'setData', path, data: new Uint8Array(1), version: -1 }) as const;
const check = (path: string): MultiOp => ({ op: Op.check, kind: 'check', path, version: -1 });
const getData = (path: string) => ({ op: Op.getData, kind: 'getData', path, watch: false }) as const;
const multi = (ops: readonly MultiOp[]): ClientRequest => ({ op: Op.multi, kind: 'multi', ops: [...ops] });

describe('a list of the tree is read once, and looked up once', () => {
  /** The tree has `/n` with the list, and a child of it with another object of the same list. */
  function begin(): { readonly client: TestClient; readonly count: ReturnType<typeof countIp> } {
    const count = countIp();
    const client = new TestClient(new Standalone(), 1).connect();
    expect(client.ask(create('/n')).err).toBe(0);
    expect(client.ask(create('/n/child')).err).toBe(0);
    expect(client.ask(getData('/n')).err).toBe(0);
    return { client, count: Object.assign(count, { lists: 0, lookUps: 0, compared: 0 }) };
  }

  const requests: Readonly<Record<string, [request: ClientRequest, lookUps: number]>> = {
    'multi of checks': [multi(many(() => check('/n'))), 1],
    'multi of changes': [multi(many((i) => set(i % 2 === 0 ? '/n' : '/n/child'))), 1],
    // Of creating below the node, and of changing it.
    'multi of both': [multi(many((i) => (i % 2 === 0 ? create(`/n/${i}`, OPEN_ACL) : set('/n')))), 2],
    multiRead: [{ op: Op.multiRead, kind: 'multiRead', ops: many(() => getData('/n')) }, 1],
    getAllChildrenNumber: [{ op: Op.getAllChildrenNumber, kind: 'getAllChildrenNumber', path: '/n' }, 1],
  };

  test.each(Object.entries(requests))('by a %s', (_, [request, lookUps]) => {
    const { client, count } = begin();
    expect(client.ask(request).err).toBe(0);
    // The list was read before, by the side that decides and by the one that answers.
    expect(count).toEqual({ lists: 0, lookUps, compared: 0 });
  });

  test('by a setWatches', () => {
    const { client, count } = begin();
    const paths = many(() => '/n');
    const request = { relativeZxid: ZXID_ZERO, dataWatches: paths, existWatches: [], childWatches: paths };
    const xid = client.send({ op: Op.setWatches, kind: 'setWatches', ...request }, -8);
    expect(client.received().filter((item) => 'event' in item).length).toBeGreaterThan(N);
    expect([xid, count]).toEqual([-8, { lists: 0, lookUps: 1, compared: 0 }]);
  });

  test('by the events of a transaction, for each who waits', () => {
    const { client, count } = begin();
    const others = [2, 3].map((conn) => new TestClient(client.host, conn).connect());
    for (const other of others) {
      const mode = AddWatchMode.persistentRecursive;
      expect(other.ask({ op: Op.addWatch, kind: 'addWatch', path: '/', mode }).err).toBe(0);
    }
    expect(client.ask(multi(many(() => set('/n')))).err).toBe(0);
    for (const other of others) expect(other.received().length).toBe(N);
    expect(count).toEqual({ lists: 0, lookUps: 1 + others.length, compared: 0 });
  });
});

test('what is undecided is judged by the list that is decided, and its changes by theirs', () => {
  const closed: readonly Acl[] = LONG.map(({ id }) => ({ perms: 1, id }));
  const client = new TestClient(new Standalone(), 1).connect();
  const answer = client.ask(multi([create('/a'), create('/b', closed), ...many(() => set('/a')), set('/b')]));
  expect(answer.body).toMatchObject({ results: [...many(() => ({ err: 0 })), {}, {}, { err: Code.NOAUTH }] });
});

test('who proves another identity is judged anew', () => {
  const alice = { scheme: 'digest', id: digestId('alice:secret') };
  const client = new TestClient(new Standalone(), 1).connect();
  const list = [...LONG.slice(0, 2), { perms: 31, id: alice }];
  expect(client.ask(create('/a', list)).err).toBe(0);
  expect(client.ask(getData('/a')).err).toBe(Code.NOAUTH);
  client.ask({ op: Op.auth, kind: 'auth', type: 0, scheme: 'digest', auth: utf8Encode('alice:secret') });
  expect(client.ask(getData('/a')).err).toBe(0);
});
