/** The election and the quorum port. */

import { expect, test } from 'vitest';
import { asPeer, asSession, asZxid, LONG_MIN } from '../../../core/types.ts';
import { fromHex, hex } from '../../../core/wire/bytes.ts';
import {
  decodeNotification,
  encodeHandshake,
  encodeNotification,
  formatAddress,
  type Handshake,
  nextHandshake,
  parseAddress,
} from '../../../core/wire/election-codec.ts';
import { frameBuffer, pushBytes } from '../../../core/wire/framing.ts';
import { Packet } from '../../../core/wire/opcodes.ts';
import {
  decodeLearnerInfo,
  decodePingTouches,
  decodeRequestPayload,
  encodePacket,
  encodePingTouches,
  nextPacket,
} from '../../../core/wire/quorum-codec.ts';

const bytes = (text: string): Uint8Array => fromHex(text.replaceAll(' ', ''))!;

function handshakeIn(...chunks: readonly Uint8Array[]): unknown {
  const fb = frameBuffer();
  for (const chunk of chunks) pushBytes(fb, chunk);
  return nextHandshake(fb);
}

// --- notifications ---------------------------------------------------------------------------------------------------

const VOTE_28 = '00000000 0000000000000003 0000000500000007 0000000000000009';

test('the 28 bytes of servers before 3.4.6: the epoch of the vote is that of its zxid', () => {
  expect(decodeNotification(bytes(VOTE_28))).toEqual({
    ok: true,
    value: {
      state: 'looking',
      leader: 3,
      zxid: 0x5_0000_0007,
      electionEpoch: 9,
      peerEpoch: 5,
      version: 0,
      config: null,
    },
  });
});

test('the 40 bytes of 3.4.6: with the epoch, without a version', () => {
  const decoded = decodeNotification(bytes(`${VOTE_28} 0000000000000006 00000000`));
  expect(decoded).toMatchObject({ ok: true, value: { peerEpoch: 6, version: 0, config: null } });
});

test('the form of 3.5 and newer carries the configuration', () => {
  const n = {
    state: 'observing',
    leader: asPeer(LONG_MIN),
    zxid: asZxid(LONG_MIN),
    electionEpoch: 1,
    peerEpoch: LONG_MIN,
    config: 'version=0',
  } as const;
  const encoded = encodeNotification(n);
  expect(encoded.length).toBe(44 + 9);
  expect(decodeNotification(encoded)).toEqual({ ok: true, value: { ...n, version: 2 } });
});

test.each([
  [VOTE_28.slice(0, -2), 'truncated'],
  [VOTE_28.replace('00000000', '00000004'), 'unknown-type'],
  [VOTE_28.replace('00000000', 'ffffffff'), 'unknown-type'],
  [`${VOTE_28} 0000000000000006 00000002 7fffffff`, 'bad-length'],
  [`${VOTE_28} 0000000000000006 00000002 ffffffff`, 'null-string'],
  [`${VOTE_28} 0000000000000006 00000002 00000001 ff`, 'bad-utf8'],
  [VOTE_28.replace('0000000000000003', '0fffffffffffffff'), 'number-out-of-range'],
])('%s is refused: %s', (text, error) => {
  expect(decodeNotification(bytes(text))).toEqual({ ok: false, error });
});

// --- handshake -------------------------------------------------------------------------------------------------------

const HANDSHAKES: readonly Handshake[] = [
  { sid: asPeer(3), form: 'v1', addresses: [{ host: '10.0.0.3', port: 3888 }] },
  {
    sid: asPeer(3),
    form: 'v2',
    addresses: [
      { host: 'a.example', port: 3888 },
      { host: '::1', port: 3889 },
    ],
  },
  { sid: asPeer(3), form: 'old', addresses: [] },
  { sid: null, form: 'v1', addresses: [{ host: 'observer', port: 1 }] },
];

test.each(HANDSHAKES)('a handshake arrives in any pieces: %o', (handshake) => {
  const encoded = encodeHandshake(handshake);
  for (let cut = 0; cut < encoded.length; cut++) {
    expect(handshakeIn(encoded.subarray(0, cut))).toEqual({ kind: 'more' });
    expect(handshakeIn(encoded.subarray(0, cut), encoded.subarray(cut))).toEqual({ kind: 'handshake', handshake });
  }
});

test('the bytes of a handshake: version, sid, length, address', () => {
  expect(hex(encodeHandshake(HANDSHAKES[0]!))).toBe(
    `ffffffffffff0000${'0000000000000003'}0000000d${hex(new TextEncoder().encode('10.0.0.3:3888'))}`,
  );
});

test.each([
  ['fffffffffffeffff 0000000000000003 00000003 613a31', 'bad-magic'],
  ['ffffffffffff0000 0000000000000003 00000000', 'bad-length'],
  ['ffffffffffff0000 0000000000000003 00000801', 'bad-length'],
  ['ffffffffffff0000 0000000000000003 ffffffff', 'bad-length'],
  ['ffffffffffff0000 0000000000000003 00000003 613a78', 'unknown-type'],
  ['ffffffffffff0000 0000000000000003 00000003 ff3a31', 'bad-utf8'],
  ['ffffffffffff0000 7ffffffffffffff0 00000003 613a31', 'number-out-of-range'],
])('the handshake %s is refused: %s', (text, error) => {
  expect(handshakeIn(bytes(text))).toEqual({ kind: 'bad', error });
});

test('addresses: IPv6 literals stand in brackets', () => {
  expect(parseAddress('[fe80::1]:3888')).toEqual({ host: 'fe80::1', port: 3888 });
  expect(formatAddress({ host: 'fe80::1', port: 3888 })).toBe('[fe80::1]:3888');
  for (const text of ['', ':1', 'a', 'a:', 'a:b', 'a:65536', 'a:-1', '::1:5', '[]:1', 'a:1e3']) {
    expect(parseAddress(text), text).toBeNull();
  }
});

// --- quorum packets --------------------------------------------------------------------------------------------------

test('a packet is type, zxid, data and identities, with no length before it', () => {
  const packet = { type: Packet.ACK, zxid: asZxid(0x1_0000_0000), data: null, authinfo: null };
  expect(hex(encodePacket(packet))).toBe('00000003' + '0000000100000000' + 'ffffffff' + 'ffffffff');
});

test('packets follow each other without a gap; the bytes behind them stay', () => {
  const ack = encodePacket({ type: Packet.ACK, zxid: asZxid(1), data: null, authinfo: null });
  const request = encodePacket({
    type: Packet.REQUEST,
    zxid: asZxid(-1),
    data: Uint8Array.of(1, 2, 3),
    authinfo: [
      { scheme: 'ip', id: '10.0.0.1' },
      { scheme: 'digest', id: 'a:b' },
    ],
  });
  const fb = frameBuffer();
  for (const chunk of [ack, request, Uint8Array.of(9, 9)]) pushBytes(fb, chunk);
  expect(nextPacket(fb, 100)).toMatchObject({ kind: 'packet', packet: { type: Packet.ACK, data: null } });
  expect(nextPacket(fb, 100)).toMatchObject({
    kind: 'packet',
    packet: {
      type: Packet.REQUEST,
      zxid: -1,
      data: Uint8Array.of(1, 2, 3),
      authinfo: [{ scheme: 'ip' }, { id: 'a:b' }],
    },
  });
  expect(nextPacket(fb, 100)).toEqual({ kind: 'more' });
  expect(fb.size).toBe(2);
});

test.each([
  ['00000003 0000000000000001 fffffffe', 'bad-length'],
  ['00000003 0000000000000001 7fffffff', 'too-large'],
  ['00000003 0000000000000001 00000064', 'too-large'],
  ['00000003 0000000000000001 ffffffff 7fffffff', 'bad-length'],
  ['00000003 0000000000000001 ffffffff fffffffe', 'bad-length'],
  ['00000003 0000000000000001 ffffffff 00000001 7fffffff', 'bad-length'],
  ['00000003 0000000000000001 ffffffff 00000001 fffffffe', 'bad-length'],
  ['00000003 7fffffff00000001 ffffffff ffffffff', 'number-out-of-range'],
  ['00000003 0000000000000001 ffffffff 00000001 00000001 ff 00000000', 'bad-utf8'],
])('the packet %s is refused: %s', (text, error) => {
  const fb = frameBuffer();
  pushBytes(fb, bytes(text));
  expect(nextPacket(fb, 100)).toEqual({ kind: 'bad', error });
});

test('a learner may say its id, its protocol and its configuration, or stop anywhere between', () => {
  const whole = '0000000000000004 00010000 0000000100000002';
  const parts = ['', whole.slice(0, 16), whole.slice(0, 25), whole];
  expect(parts.map((text) => decodeLearnerInfo(bytes(text)))).toEqual([
    { ok: true, value: { serverid: null, protocolVersion: 1, configVersion: 0 } },
    { ok: true, value: { serverid: 4, protocolVersion: 1, configVersion: 0 } },
    { ok: true, value: { serverid: 4, protocolVersion: 0x1_0000, configVersion: 0 } },
    { ok: true, value: { serverid: 4, protocolVersion: 0x1_0000, configVersion: 0x1_0000_0002 } },
  ]);
  expect(decodeLearnerInfo(null)).toEqual(decodeLearnerInfo(new Uint8Array()));
});

test('touches come in twelves', () => {
  const touches = [
    { session: asSession(-5n), timeoutMs: 4000 },
    { session: asSession(6n), timeoutMs: 5000 },
  ];
  expect(decodePingTouches(encodePingTouches(touches))).toEqual({ ok: true, value: touches });
  expect(decodePingTouches(null)).toEqual({ ok: true, value: [] });
  expect(decodePingTouches(new Uint8Array(13))).toEqual({ ok: false, error: 'truncated' });
});

test('a forwarded request has sixteen bytes before its body, which may be empty', () => {
  expect(decodeRequestPayload(bytes('0000000000000001 00000002 fffffff5'))).toEqual({
    ok: true,
    value: { sessionId: 1n, cxid: 2, type: -11, body: new Uint8Array() },
  });
  expect(decodeRequestPayload(new Uint8Array(15))).toEqual({ ok: false, error: 'truncated' });
  expect(decodeRequestPayload(null)).toEqual({ ok: false, error: 'truncated' });
});
