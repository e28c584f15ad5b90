/** Whose a session is, where it is, and who may ask what: each promise broken once. */

import { describe, expect, test } from 'vitest';
import { asSession, asZxid, type Id } from '../../../core/types.ts';
import { Code, Op } from '../../../core/wire/opcodes.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import { utf8Encode } from '../../../core/wire/utf8.ts';
import { Attachments, type Standing } from '../../../sim/checkers/attachments.ts';
import type { HistoryRecord } from '../../../sim/checkers/history/record.ts';
import { Quotas } from '../../../sim/checkers/quotas.ts';
import type { Settings } from '../../../sim/schedule.ts';

const S = asSession(7n);
const place = { atUs: 1, eventId: 1 };
const connected = (client: number, session = S): HistoryRecord => ({
  type: 'state',
  client,
  ...place,
  session,
  state: 'syncConnected',
});
const header = (zxid: number, type: number, cxid = 3) => ({ clientId: S, cxid, zxid: asZxid(zxid), time: 1, type });

function makeChecker({
  settings = {},
  standing = null,
  known = true,
  revalidated = null,
}: {
  settings?: Settings;
  standing?: Standing | null;
  known?: boolean;
  revalidated?: number | null;
} = {}) {
  const broken: string[] = [];
  const ended: unknown[] = [];
  const checker = new Attachments({
    settings,
    report: (property) => broken.push(property),
    standingOf: () => standing,
    isKnown: () => known,
    revalidatedFrom: () => revalidated,
    onToldExpired: (session, client, zxidSeen) => ended.push([session, client, zxidSeen]),
  });
  return { checker, broken, ended };
}

describe('sessions', () => {
  test('two clients have the same one', () => {
    const { checker, broken } = makeChecker();
    checker.onRecord(connected(1));
    checker.onRecord(connected(1));
    expect(broken).toEqual([]);
    checker.onRecord(connected(2));
    expect(broken).toEqual(['session-unique']);
  });

  test('one that has ended may come again', () => {
    const { checker, broken } = makeChecker();
    checker.onRecord(connected(1));
    checker.onRecord({ type: 'state', client: 1, ...place, session: S, state: 'expired' });
    checker.onRecord(connected(2));
    expect(broken).toEqual([]);
  });

  test('a server says that it has expired, or the client by itself', () => {
    const seen: Standing = { session: S, server: 2, epoch: 1, inFlight: new Set(), zxidSeen: 7 };
    const { checker, ended } = makeChecker({ standing: seen });
    checker.onRecord({ type: 'state', client: 1, ...place, session: S, state: 'expired', byItself: true });
    expect(ended).toEqual([]);
    checker.onRecord({ type: 'state', client: 1, ...place, session: S, state: 'expired' });
    expect(ended).toEqual([[S, 1, 7]]);
  });

  test('a program gets one without its password', () => {
    const { checker, broken, ended } = makeChecker();
    checker.onRecord({ type: 'restart', client: 1, ...place, session: S, isForged: true });
    checker.onRecord({ type: 'state', client: 1, ...place, session: S, state: 'expired' });
    expect([...broken, ...ended]).toEqual([]);
    checker.onRecord({ type: 'restart', client: 1, ...place, session: S, isForged: true });
    checker.onRecord(connected(1));
    expect(broken).toEqual(['session-password']);
  });

  test('nobody else knows it', () => {
    const { checker, broken } = makeChecker({ known: false });
    checker.onRecord(connected(1));
    expect(broken).toEqual(['session-unique']);
    const local = makeChecker({ known: false, settings: { localSessionsEnabled: true } });
    local.checker.onRecord(connected(1));
    expect(local.broken).toEqual([]);
  });

  const moved: Txn = { kind: 'error', err: Code.SESSIONMOVED };
  const standing: Standing = { session: S, server: 2, epoch: 1, inFlight: new Set([3]), zxidSeen: 7 };

  test('it is refused where it is', () => {
    const { checker, broken } = makeChecker({ standing });
    checker.onRecord(connected(1));
    checker.onCommitted(header(0x1_0000_0005, Op.error), moved);
    expect(broken).toEqual(['session-owner']);
  });

  test('what was asked elsewhere, or decided by another leader, may be refused', () => {
    const { checker, broken } = makeChecker({ standing });
    checker.onRecord(connected(1));
    checker.onCommitted(header(0x1_0000_0005, Op.error, 4), moved);
    checker.onCommitted(header(0x2_0000_0005, Op.error), moved);
    const late = makeChecker({ standing, revalidated: 3 });
    late.checker.onRecord(connected(1));
    late.checker.onCommitted(header(0x1_0000_0005, Op.error), moved);
    expect([...broken, ...late.broken]).toEqual([]);
  });
});

describe('rights', () => {
  const answered: HistoryRecord = { type: 'ok', client: 1, id: 1, ...place, session: S, err: 0, zxid: 5, body: null };
  const ids = (...schemes: string[]): HistoryRecord => ({
    type: 'identity',
    client: 1,
    ...place,
    ids: schemes.map((scheme): Id => ({ scheme, id: 'x' })),
  });

  test('who has not said who it is gets an answer', () => {
    const { checker, broken } = makeChecker({ settings: { enforceAuthSchemes: ['digest'] } });
    checker.onRecord(ids('ip'));
    checker.onRecord(answered);
    expect(broken).toEqual(['auth-first']);
  });

  test('who has said so may be answered', () => {
    const { checker, broken } = makeChecker({ settings: { enforceAuthSchemes: ['digest'] } });
    checker.onRecord(ids('ip', 'digest'));
    checker.onRecord(answered);
    expect(broken).toEqual([]);
    expect(checker.answeredSince(0)).toBe(1);
    expect(checker.answeredSince(1)).toBe(0);
  });

  test('somebody changes the ensemble', () => {
    const change: Txn = { kind: 'setData', path: '/zookeeper/config', data: null, version: 1 };
    const { checker, broken } = makeChecker();
    checker.onRecord(connected(1));
    checker.onCommitted(header(5, Op.reconfig), change);
    expect(broken).toEqual(['admin-only']);
    const other = makeChecker();
    other.checker.onRecord(connected(1));
    other.checker.onRecord(ids('super'));
    other.checker.onCommitted(header(5, Op.reconfig), change);
    expect(other.broken).toEqual([]);
  });
});

describe('quotas', () => {
  const create = (path: string, data = ''): Txn & { kind: 'create' } => ({
    kind: 'create',
    path,
    data: utf8Encode(data),
    acl: [],
    parentCVersion: 1,
    ephemeral: false,
  });

  const remove = (path: string): Txn => ({ kind: 'delete', path });
  const limits = create('/zookeeper/quota/q/zookeeper_limits', 'count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3');
  const stats = create('/zookeeper/quota/q/zookeeper_stats', 'count=1,bytes=0');

  function judged(...txns: (Txn | [by: bigint, txn: Txn])[]): string[] {
    const broken: string[] = [];
    const quotas = new Quotas((property) => broken.push(property));
    for (const each of txns) {
      const [by, txn] = Array.isArray(each) ? each : [S, each];
      quotas.onCommitted({ ...header(1, Op.create), clientId: asSession(by) }, txn);
    }
    return broken;
  }
  const filled = (...txns: Txn[]): string[] => judged(create('/q'), limits, stats, ...txns);

  test('as many as are allowed', () => {
    expect(filled(create('/q/a', '12345'), create('/q/b', '12345'))).toEqual([]);
  });

  test('one node, or one byte, too many', () => {
    expect(filled(create('/q/a'), create('/q/b'), create('/q/c'))).toEqual(['quota-kept']);
    expect(filled(create('/q/a', '12345'), create('/q/b', '123456'))).toEqual(['quota-kept']);
    expect(filled(create('/q/a'), { kind: 'setData', path: '/q/a', data: new Uint8Array(11), version: 1 })).toEqual([
      'quota-kept',
    ]);
  });

  test('what is deleted makes room, and a multi that failed takes none', () => {
    expect(filled(create('/q/a'), create('/q/b'), remove('/q/a'), create('/q/c'))).toEqual([]);
    const failed: Txn = {
      kind: 'multi',
      parts: [
        { type: Op.create, txn: create('/q/c') },
        { type: Op.error, txn: { kind: 'error', err: Code.NODEEXISTS } },
      ],
    };
    expect(filled(create('/q/a'), create('/q/b'), failed)).toEqual([]);
  });

  test('without a stats node nothing is enforced, and nothing is judged', () => {
    const three = [create('/q/a'), create('/q/b'), create('/q/c')];
    expect(judged(create('/q'), limits, ...three)).toEqual([]);
    // Who lost its connection between the two nodes makes the second one over a tree that is beyond its limits already.
    expect(judged(create('/q'), limits, ...three, stats, create('/q/d'))).toEqual([]);
    expect(judged(create('/q'), limits, stats, remove(stats.path), ...three)).toEqual([]);
    expect(judged(create('/q'), stats, limits, ...three)).toEqual(['quota-kept']);
  });

  test('a node in the place of a deleted ephemeral one does not go with the session of that', () => {
    const ephemeral: Txn = { ...create('/q/a'), ephemeral: true };
    const closed: Txn = { kind: 'closeSession', paths: [] };
    const other = 8n;
    expect(
      judged(
        ...[create('/q'), limits, stats, ephemeral, remove('/q/a')],
        ...[create('/q/a'), create('/q/b')].map((txn): [bigint, Txn] => [other, txn]),
        ...[closed, create('/q/c')],
      ),
    ).toEqual(['quota-kept']);
  });
});
