import { expect, test } from 'vitest';
import { asSession, asZxid, OPEN_ACL } from '../../../core/types.ts';
import { concat, fromHex, hex } from '../../../core/wire/bytes.ts';
import { JuteWriter } from '../../../core/wire/jute.ts';
import { Code, Op } from '../../../core/wire/opcodes.ts';
import { CreateTxnV0, MultiTxn, TxnDigest, TxnHeader } from '../../../core/wire/records.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import { decodeTxn, encodeTxn, readHeader, TXN_TYPES, txnDigestOf } from '../../../core/wire/txn-codec.ts';

const header = (type: number): TxnHeader => ({
  clientId: asSession(0x1ffn),
  cxid: 4,
  zxid: asZxid(0x2_0000_0007),
  time: 1_700_000_000_000,
  type,
});
const digest: TxnDigest = { version: 2, treeDigest: -3n };

function bytesOf(...writes: readonly ((w: JuteWriter) => void)[]): Uint8Array {
  const w = new JuteWriter();
  for (const write of writes) write(w);
  return w.finish();
}

const TXNS: readonly Txn[] = [
  { kind: 'createSession', timeOut: 30_000 },
  { kind: 'closeSession', paths: ['/e1', '/e2'] },
  { kind: 'closeSession', paths: [] },
  { kind: 'closeSession', paths: null },
  { kind: 'create', path: '/a', data: Uint8Array.of(1), acl: OPEN_ACL, ephemeral: true, parentCVersion: 9 },
  { kind: 'create', path: '/a', data: null, acl: null, ephemeral: false, parentCVersion: 2 },
  { kind: 'createContainer', path: '/c', data: null, acl: OPEN_ACL, parentCVersion: 1 },
  { kind: 'createTTL', path: '/t', data: null, acl: OPEN_ACL, parentCVersion: 1, ttl: 5000 },
  { kind: 'delete', path: '/a' },
  { kind: 'setData', path: '/a', data: new Uint8Array(300), version: 3 },
  { kind: 'setACL', path: '/a', acl: OPEN_ACL, version: 1 },
  { kind: 'check', path: '/a', version: 1 },
  { kind: 'error', err: -101 },
  { kind: 'multi', parts: [] },
  {
    kind: 'multi',
    parts: [
      {
        type: Op.create,
        txn: { kind: 'create', path: '/a', data: null, acl: null, ephemeral: false, parentCVersion: 2 },
      },
      { type: Op.error, txn: { kind: 'error', err: -2 } },
    ],
  },
];

test.each(TXNS)('%o survives with and without a digest', (txn) => {
  for (const type of TXN_TYPES[txn.kind]) {
    for (const tail of [null, digest]) {
      const entry = encodeTxn(header(type), txn, tail);
      expect(decodeTxn(entry)).toEqual({ ok: true, value: { header: header(type), txn, digest: tail } });
      expect(readHeader(entry)).toEqual({ ok: true, value: header(type) });
      expect(txnDigestOf(entry)).toEqual(tail);
    }
  }
});

test('a create of an old log lacks the parent’s cversion, whether or not a digest follows', () => {
  const record = { path: '/a', data: Uint8Array.of(5), acl: OPEN_ACL, ephemeral: false };
  const old = bytesOf(
    (w) => TxnHeader.write(w, header(Op.create)),
    (w) => CreateTxnV0.write(w, record),
  );
  const txn = { kind: 'create', ...record, parentCVersion: -1 };
  expect(decodeTxn(old)).toMatchObject({ ok: true, value: { txn, digest: null } });
  const withDigest = concat([old, bytesOf((w) => TxnDigest.write(w, digest))]);
  expect(decodeTxn(withDigest)).toMatchObject({ ok: true, value: { txn, digest } });
});

test('unknown types, cut entries and bytes too many are refused', () => {
  const entry = encodeTxn(header(Op.delete), { kind: 'delete', path: '/a' }, null);
  expect(decodeTxn(encodeTxn(header(Op.sync), { kind: 'delete', path: '/a' }, null))).toEqual({
    ok: false,
    error: 'unknown-type',
  });
  expect(decodeTxn(entry.subarray(0, 31))).toEqual({ ok: false, error: 'truncated' });
  expect(decodeTxn(entry.subarray(0, 35))).toEqual({ ok: false, error: 'truncated' });
  expect(decodeTxn(concat([entry, Uint8Array.of(0)]))).toEqual({ ok: false, error: 'trailing-bytes' });
});

test('a multi that failed, as a Java leader sends it to a follower that missed it', () => {
  // Recorded from 3.8.0: create /meanwhile/never, delete of a node that is not there.
  const entry = fromHex(
    '020002c8f4530000000000260000000100000027000001a203f3a60c0000000e00000002ffffffff00000039000000102f6d65616e7768696c65' +
      '2f6e65766572000000016d000000010000001f00000005776f726c6400000006616e796f6e65000000000affffffff00000004ffffff9b' +
      '0000000200000009d4cce3a3',
  )!;
  const parts = [Code.OK, Code.NONODE].map((err) => ({ type: Op.error, txn: { kind: 'error', err } }));
  expect(decodeTxn(entry)).toMatchObject({
    ok: true,
    value: { txn: { kind: 'multi', parts }, digest: { version: 2, treeDigest: 0x9d4cce3a3n } },
  });
  expect(decodeTxn(entry.subarray(0, entry.length - 13)).ok).toBe(false);
});

test('a multi may not hold a multi, a session, nothing, or a part with bytes too many or too few', () => {
  const parts = [
    { type: Op.multi, data: fromHex('00000000') },
    { type: Op.createSession, data: fromHex('00007530') },
    { type: Op.delete, data: null },
    { type: Op.delete, data: fromHex('000000022f6100') },
    { type: Op.error, data: fromHex('000000') },
  ];
  for (const part of parts) {
    const entry = bytesOf(
      (w) => TxnHeader.write(w, header(Op.multi)),
      (w) => MultiTxn.write(w, { txns: [part] }),
    );
    expect(decodeTxn(entry)).toEqual({ ok: false, error: 'unknown-type' });
  }
});

test('a zxid whose epoch is not exact in a double is refused', () => {
  const entry = encodeTxn(header(Op.delete), { kind: 'delete', path: '/a' }, null);
  const large = fromHex(hex(entry).replace('0000000200000007', '7fffffff00000007'))!;
  expect(decodeTxn(large)).toEqual({ ok: false, error: 'number-out-of-range' });
});
