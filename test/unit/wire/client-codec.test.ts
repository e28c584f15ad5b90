import { expect, test } from 'vitest';
import { asSession, asZxid, OPEN_ACL } from '../../../core/types.ts';
import { fromHex, hex } from '../../../core/wire/bytes.ts';
import {
  decodeConnectRequest,
  decodeInternalRequest,
  decodeReply,
  decodeRequest,
  encodeConnectRequest,
  encodeReply,
  encodeRequest,
  encodeRequestFrame,
  isClientOp,
  opNameOf,
} from '../../../core/wire/client-codec.ts';
import { Op } from '../../../core/wire/opcodes.ts';

const bytes = (text: string): Uint8Array => fromHex(text.replaceAll(' ', ''))!;

test('a getData frame: length, xid, operation, path, watch', () => {
  const frame = encodeRequestFrame(5, { op: Op.getData, kind: 'getData', path: '/a', watch: true });
  expect(hex(frame)).toBe('0000000f 00000005 00000004 00000002 2f61 01'.replaceAll(' ', ''));
});

test('a request carries its operation by number and by name', () => {
  expect(decodeRequest(Op.delete, bytes('00000002 2f61 ffffffff'))).toEqual({
    ok: true,
    value: { op: 2, kind: 'delete', path: '/a', version: -1 },
  });
});

test('the same record under another number is another request', () => {
  const body = encodeRequest({ op: Op.create, kind: 'create', path: '/a', data: null, acl: OPEN_ACL, flags: 0 });
  expect(decodeRequest(Op.createContainer, body)).toMatchObject({ value: { op: 19, kind: 'createContainer' } });
});

test.each([
  ['notification', 0],
  ['unused', 10],
  ['deleteContainer', 20],
  ['unused', 108],
  ['createSession', -10],
  ['error', -1],
])('%s (%i) is not in the client port’s decoder', (_, op) => {
  expect(isClientOp(op)).toBe(false);
  expect(decodeRequest(op, bytes('00000002 2f61 00000000'))).toEqual({ ok: false, error: 'unknown-type' });
});

test('internal operations have a decoder of their own, which knows no others', () => {
  expect(decodeInternalRequest(Op.createSession, bytes('00007530'))).toEqual({
    ok: true,
    value: { op: -10, kind: 'createSession', timeOut: 30_000 },
  });
  const body = encodeRequest({ op: Op.deleteContainer, kind: 'deleteContainer', path: '/c' });
  expect(decodeInternalRequest(Op.deleteContainer, body)).toEqual({
    ok: true,
    value: { op: 20, kind: 'deleteContainer', path: '/c' },
  });
  expect(decodeInternalRequest(Op.create, body)).toEqual({ ok: false, error: 'unknown-type' });
});

test('multi: headers between the operations and a last header that says done', () => {
  const request = {
    op: Op.multi,
    kind: 'multi',
    ops: [
      { op: Op.check, kind: 'check', path: '/a', version: 3 },
      { op: Op.delete, kind: 'delete', path: '/b', version: -1 },
    ],
  } as const;
  const body = encodeRequest(request);
  expect(hex(body)).toBe(
    [
      '0000000d 00 ffffffff 00000002 2f61 00000003',
      '00000002 00 ffffffff 00000002 2f62 ffffffff',
      'ffffffff 01 ffffffff',
    ]
      .join('')
      .replaceAll(' ', ''),
  );
  expect(decodeRequest(Op.multi, body)).toEqual({ ok: true, value: request });
});

test('multi refuses reads, multiRead refuses writes, neither holds a multi', () => {
  const end = 'ffffffff 01 ffffffff';
  const getData = bytes(`00000004 00 ffffffff 00000002 2f61 00 ${end}`);
  const remove = bytes(`00000002 00 ffffffff 00000002 2f61 ffffffff ${end}`);
  const nested = bytes(`0000000e 00 ffffffff ${end} ${end}`);
  expect(decodeRequest(Op.multi, getData)).toEqual({ ok: false, error: 'unknown-type' });
  expect(decodeRequest(Op.multiRead, remove)).toEqual({ ok: false, error: 'unknown-type' });
  expect(decodeRequest(Op.multi, nested)).toEqual({ ok: false, error: 'unknown-type' });
  expect(decodeRequest(Op.multi, bytes('0000000d 00 ffffffff'))).toEqual({ ok: false, error: 'truncated' });
});

test('a vector longer than its frame is refused before anything is allocated', () => {
  const body = bytes('00000002 2f61 00000000 7fffffff 00000000');
  expect(decodeRequest(Op.create, body)).toEqual({ ok: false, error: 'bad-length' });
});

test('a TTL beyond doubles is decoded, so that it is refused for its value', () => {
  const create = { op: Op.createTTL, kind: 'createTTL', path: '/t', data: null, acl: OPEN_ACL, flags: 5 } as const;
  const body = encodeRequest({ ...create, ttl: 2 ** 63 });
  expect(hex(body).endsWith('7fffffffffffffff')).toBe(true);
  expect(decodeRequest(Op.createTTL, body)).toMatchObject({ ok: true, value: { ttl: 2 ** 63 } });
});

test('connect: the old form ends before readOnly', () => {
  const request = {
    protocolVersion: 0,
    lastZxidSeen: 7,
    timeOut: 30_000,
    sessionId: asSession(-1n),
    passwd: new Uint8Array(16),
  };
  expect(encodeConnectRequest(request, null).length).toBe(4 + 44);
  expect(encodeConnectRequest(request, false).length).toBe(4 + 45);
  const old = encodeConnectRequest(request, null).subarray(4);
  expect(decodeConnectRequest(old)).toEqual({ ok: true, value: { ...request, readOnly: null } });
  expect(decodeConnectRequest(old.subarray(0, 43))).toMatchObject({ ok: false });
});

test('a reply without a body is a header; an error has no body; a failed sasl has a null token', () => {
  const zxid = asZxid(0x1_0000_0002);
  expect(hex(encodeReply(9, zxid, 0, null))).toBe('00000010000000090000000100000002' + '00000000');
  const failed = encodeReply(9, zxid, -101, null).subarray(4);
  expect(decodeReply(Op.getData, failed)).toEqual({
    ok: true,
    value: { header: { xid: 9, zxid, err: -101 }, body: null },
  });
  const sasl = encodeReply(1, zxid, -115, { kind: 'sasl', token: null }).subarray(4);
  expect(decodeReply(Op.sasl, sasl)).toMatchObject({ ok: true, value: { body: { kind: 'sasl', token: null } } });
});

test('a multi reply: an error says its code twice, a success says 0', () => {
  const frame = encodeReply(1, asZxid(5), 0, {
    kind: 'multi',
    results: [{ kind: 'error', err: 0 }, { kind: 'error', err: -103 }, { kind: 'delete' }],
  });
  expect(hex(frame).slice(8 + 32)).toBe(
    'ffffffff 00 00000000 00000000 ffffffff 00 ffffff99 ffffff99 00000002 00 00000000 ffffffff 01 ffffffff'.replaceAll(
      ' ',
      '',
    ),
  );
});

test('operation numbers have names', () => {
  expect(opNameOf(14)).toBe('multi');
  expect(opNameOf(-11)).toBe('closeSession');
  expect(opNameOf(99)).toBeNull();
});
