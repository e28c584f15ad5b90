/**
 * What holds for all bytes: no decoder throws, hangs or reads past its input, whatever is decoded encodes and decodes to
 * itself again, and how a stream is cut makes no difference.
 */

import { deflateSync, crc32 as zlibCrc32 } from 'node:zlib';
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { asPeer, asSession, asZxid, COUNTER_MAX, EPOCH_MAX, LONG_MIN, type Zxid, zxidOf } from '../../core/types.ts';
import { adler32 } from '../../core/wire/adler32.ts';
import { compareUtf8, concat, fromHex, hex } from '../../core/wire/bytes.ts';
import {
  decodeConnectRequest,
  decodeConnectResponse,
  decodeInternalRequest,
  decodeReply,
  decodeRequest,
  decodeRequestFrame,
  decodeWatchEvent,
  encodeReply,
  encodeRequest,
} from '../../core/wire/client-codec.ts';
import { crc32 } from '../../core/wire/crc32.ts';
import {
  decodeNotification,
  ELECTION_STATES,
  encodeHandshake,
  encodeNotification,
  nextHandshake,
} from '../../core/wire/election-codec.ts';
import { type FrameBuffer, frame, frameBuffer, nextFrame, pushBytes, takeAll } from '../../core/wire/framing.ts';
import { JuteReader, JuteWriter } from '../../core/wire/jute.ts';
import { Op } from '../../core/wire/opcodes.ts';
import {
  decodeConfigText,
  decodeInformAndActivate,
  decodeLearnerInfo,
  decodePingTouches,
  decodeRequestPayload,
  decodeRevalidateAnswer,
  encodePacket,
  nextPacket,
} from '../../core/wire/quorum-codec.ts';
import * as records from '../../core/wire/records.ts';
import type { Codec, FieldType, RecordCodec } from '../../core/wire/schema.ts';
import { SNAP_END_MARK, SnapshotReader, SnapshotWriter } from '../../core/wire/snapshot-codec.ts';
import type { Txn } from '../../core/wire/txn.ts';
import { decodeTxn, encodeTxn, TXN_TYPES, txnDigestOf } from '../../core/wire/txn-codec.ts';
import { utf8Decode, utf8Encode } from '../../core/wire/utf8.ts';
import { goldenFiles, recordedFrames } from '../wire/recorded.ts';

// --- arbitrary values ------------------------------------------------------------------------------------------------

const int = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const num = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -1, LONG_MIN));
const zxid: fc.Arbitrary<Zxid> = fc
  .tuple(fc.integer({ min: 0, max: EPOCH_MAX }), fc.integer({ min: 0, max: COUNTER_MAX }))
  .map(([epoch, counter]) => zxidOf(epoch, counter));
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const bytes = fc.uint8Array({ maxLength: 100 });
const buffer = fc.option(bytes, { nil: null });
const acl = fc.option(
  fc.array(fc.record({ perms: int, id: fc.record({ scheme: text, id: text }) }), { maxLength: 4 }),
  { nil: null },
);

const FIELD_VALUES: { readonly [kind: string]: fc.Arbitrary<unknown> } = {
  int,
  long,
  session: long,
  num,
  wide: num,
  peer: num,
  zxid: num,
  bool: fc.boolean(),
  string: text,
  text,
  nullableString: fc.option(text, { nil: null }),
  buffer,
};

type AnyRecord = RecordCodec<Record<string, FieldType>>;

const isRecord = (value: unknown): value is AnyRecord =>
  typeof value === 'object' && value !== null && 'fields' in value && 'byTable' in value;

/** The records of records.ts; their fields tell how to make values of them. */
const RECORDS: readonly AnyRecord[] = (Object.values(records) as readonly unknown[]).filter(isRecord);

function valuesOf(type: FieldType): fc.Arbitrary<unknown> {
  if (typeof type === 'string') return FIELD_VALUES[type]!;
  if (isRecord(type)) return recordValues(type.fields);
  if (type === (records.AclVector as FieldType)) return acl;
  if (type === (records.IdVector as FieldType)) return vectorOf(valuesOf(records.IdRecord));
  if (type === (records.StringVector as FieldType)) return vectorOf(text);
  if (type.name === 'vector<Txn>') return vectorOf(valuesOf(records.RawTxn));
  if (type.name === 'vector<ClientInfo>') return vectorOf(valuesOf(records.ClientInfo));
  throw new Error(`no values for ${type.name}`);
}

const vectorOf = (items: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.option(fc.array(items, { maxLength: 4 }), { nil: null });

const recordValues = (fields: Record<string, FieldType>): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, valuesOf(type)])));

function encoded(codec: Codec<unknown>, value: unknown): Uint8Array {
  const w = new JuteWriter();
  codec.write(w, value);
  return w.finish();
}

function readBy(codec: Codec<unknown>, from: Uint8Array): unknown {
  const r = new JuteReader(from);
  const value = codec.read(r);
  return r.error === null ? { value, offset: r.offset } : { error: r.error };
}

// --- records ---------------------------------------------------------------------------------------------------------

describe.each(RECORDS.map((codec) => [codec.name, codec] as const))('record %s', (_, codec) => {
  test.prop([recordValues(codec.fields)], { numRuns: 30 })('survives, and is written alike both ways', (value) => {
    const written = encoded(codec, value);
    expect(hex(encoded(codec.byTable, value))).toBe(hex(written));
    expect(written.length).toBeGreaterThanOrEqual(codec.sizeMin);
    expect(readBy(codec, written)).toEqual({ value, offset: written.length });
  });

  test.prop([recordValues(codec.fields), fc.nat(), fc.uint8Array({ maxLength: 8 })], { numRuns: 30 })(
    'is read alike both ways, whatever the bytes',
    (value, at, noise) => {
      const mutated = encoded(codec, value).slice();
      mutated.set(
        noise.subarray(0, mutated.length),
        Math.min(at % (mutated.length + 1), Math.max(0, mutated.length - 8)),
      );
      expect(readBy(codec, mutated)).toEqual(readBy(codec.byTable, mutated));
      expect(readBy(codec, noise)).toEqual(readBy(codec.byTable, noise));
    },
  );
});

// --- hostile bytes ---------------------------------------------------------------------------------------------------

const OPS = [...Object.values(Op), 10, 23, 99, 108, 500, -2];

/** Every decoder of the wire layer; each must return, and what it accepts must be stable. */
function decodeEverything(input: Uint8Array, op: number): void {
  const request = decodeRequest(op, input);
  if (request.ok) expect(decodeRequest(op, encodeRequest(request.value))).toEqual(request);
  const internal = decodeInternalRequest(op, input);
  if (internal.ok) expect(decodeInternalRequest(op, encodeRequest(internal.value))).toEqual(internal);
  const reply = decodeReply(op, input);
  if (reply.ok) {
    const { header, body } = reply.value;
    expect(decodeReply(op, encodeReply(header.xid, header.zxid, header.err, body).subarray(4))).toEqual(reply);
  }
  const txn = decodeTxn(input);
  if (txn.ok) expect(decodeTxn(encodeTxn(txn.value.header, txn.value.txn, txn.value.digest)).ok).toBe(true);
  txnDigestOf(input);
  decodeRequestFrame(input);
  decodeConnectRequest(input);
  decodeConnectResponse(input);
  decodeWatchEvent(input);
  decodeNotification(input);
  for (const decode of [
    decodeLearnerInfo,
    decodeRequestPayload,
    decodePingTouches,
    decodeRevalidateAnswer,
    decodeInformAndActivate,
    decodeConfigText,
  ]) {
    decode(input);
  }
  drain(input, (fb) => nextFrame(fb, 200).kind === 'frame');
  drain(input, (fb) => nextPacket(fb, 200).kind === 'packet');
  drain(input, (fb) => nextHandshake(fb).kind === 'handshake');
  readSnapshot([input]);
}

function drain(input: Uint8Array, next: (fb: FrameBuffer) => boolean): void {
  const fb = frameBuffer();
  pushBytes(fb, input);
  for (let size = fb.size; next(fb) && fb.size > 0; size = fb.size) expect(fb.size).toBeLessThanOrEqual(size);
}

function readSnapshot(chunks: readonly Uint8Array[]): unknown[] {
  const seen: unknown[] = [];
  const reader = new SnapshotReader(
    {
      session: (id, timeoutMs) => seen.push([id, timeoutMs]) > 0,
      acl: (id, list) => seen.push([id, list]) > 0,
      node: (node) => seen.push(node) > 0,
    },
    { endMark: SNAP_END_MARK, itemBytesMax: 10_000 },
  );
  for (const chunk of chunks) {
    const progress = reader.push(chunk);
    if (progress.kind === 'bad') return [...seen, progress.error];
    if (progress.kind === 'done') return [...seen, 'done'];
  }
  return seen;
}

test.prop([fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...OPS)], { numRuns: 2000 })(
  'no decoder throws on random bytes',
  decodeEverything,
);

/** Bytes that look like lengths, so that mutations reach behind the first field. */
const lengths = fc.constantFrom('ffffffff', '7fffffff', '80000000', '00000000', '00000001', '000fffff', 'fffffffe');

const CLIENT_FRAMES = goldenFiles('client').flatMap((file) => recordedFrames('client', file).map(({ bytes }) => bytes));
const PEER_FRAMES = goldenFiles('quorum').flatMap((file) => recordedFrames('quorum', file).map(({ bytes }) => bytes));
const FRAMES = [...CLIENT_FRAMES, ...PEER_FRAMES].filter((recorded) => recorded.length < 2000);

test.prop([fc.nat(FRAMES.length - 1), fc.array(fc.tuple(fc.nat(), lengths), { maxLength: 3 }), fc.nat()], {
  numRuns: 3000,
})('no decoder throws on recorded frames with lengths overwritten and ends cut off', (index, patches, cut) => {
  const mutated = FRAMES[index]!.slice();
  for (const [at, patch] of patches) {
    const bytes = fromHex(patch)!;
    if (mutated.length >= 4) mutated.set(bytes, at % (mutated.length - 3));
  }
  const input = mutated.subarray(0, mutated.length - (cut % 3 === 0 ? cut % (mutated.length + 1) : 0));
  const op = input.length >= 8 ? new DataView(input.buffer, input.byteOffset).getInt32(4) : 0;
  decodeEverything(input, op);
  decodeEverything(input.subarray(8), op);
  decodeEverything(input.subarray(4), op);
});

test.prop([fc.nat(FRAMES.length - 1), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 })], { numRuns: 3000 })(
  'no decoder throws on recorded frames with bytes changed',
  (index, changes) => {
    const mutated = FRAMES[index]!.slice();
    for (const [at, byte] of changes) mutated[at % mutated.length] = byte;
    const op = mutated.length >= 8 ? new DataView(mutated.buffer).getInt32(4) : 0;
    decodeEverything(mutated, op);
    decodeEverything(mutated.subarray(8), op);
    decodeEverything(mutated.subarray(4), op);
  },
);

// --- streams ---------------------------------------------------------------------------------------------------------

/** Cuts a stream at arbitrary places, empty chunks included. */
function cutAt(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  return at.slice(1).map((end, i) => stream.subarray(at[i]!, end));
}

function outOf<T>(chunks: readonly Uint8Array[], next: (fb: FrameBuffer) => T | null): { items: T[]; rest: string } {
  const fb = frameBuffer();
  const items: T[] = [];
  for (const chunk of chunks) {
    pushBytes(fb, chunk);
    for (let item = next(fb); item !== null; item = next(fb)) items.push(item);
  }
  return { items, rest: hex(takeAll(fb)) };
}

const cuts = fc.array(fc.nat(), { maxLength: 60 });

test.prop([fc.array(bytes, { maxLength: 8 }), cuts, bytes])(
  'frames do not depend on how they are cut',
  (bodies, at, tail) => {
    const stream = concat([...bodies.map(frame), Uint8Array.of(0, 0, 0, 200), tail]);
    const found = outOf(cutAt(stream, at), (fb) => {
      const next = nextFrame(fb, 200);
      return next.kind === 'frame' ? hex(next.bytes) : null;
    });
    expect(found).toEqual({ items: bodies.map(hex), rest: hex(concat([Uint8Array.of(0, 0, 0, 200), tail])) });
  },
);

const packets = recordValues(records.QuorumPacket.fields) as fc.Arbitrary<records.QuorumPacket>;

test.prop([fc.array(packets, { maxLength: 6 }), cuts])('packets do not depend on how they are cut', (sent, at) => {
  const chunks = cutAt(concat(sent.map(encodePacket)), at);
  const found = outOf(chunks, (fb) => {
    const next = nextPacket(fb, 10_000);
    return next.kind === 'packet' ? next.packet : null;
  });
  expect(found).toEqual({ items: sent, rest: '' });
});

test.prop([packets])('a packet of a byte more than its bound is refused', (packet) => {
  const encoded = encodePacket(packet);
  const fb = frameBuffer();
  pushBytes(fb, encoded);
  expect(nextPacket(fb, encoded.length - 1).kind).toBe('bad');
  expect(nextPacket(fb, encoded.length).kind).toBe('packet');
});

const node = fc.record({
  path: text.map((name) => `/n${name}`),
  data: buffer,
  aclId: fc.integer({ min: -1, max: 5 }),
  stat: recordValues(records.StatPersisted.fields) as fc.Arbitrary<records.StatPersisted>,
});

test.prop([
  fc.array(fc.tuple(long.map(asSession), int), { maxLength: 5 }),
  fc.array(fc.tuple(fc.nat(9), acl), { maxLength: 5 }),
  fc.array(node, { maxLength: 8 }),
  fc.integer({ min: 1, max: 300 }),
  cuts,
])('a snapshot survives however it is pulled and pushed', (sessions, acls, nodes, target, at) => {
  const source = {
    sessions: new Map(sessions),
    acls: new Map(acls.map(([id, list]) => [id, list ?? []])),
    nodes,
  };
  const writer = new SnapshotWriter(source, SNAP_END_MARK);
  const parts: Uint8Array[] = [];
  for (let part = writer.next(target); part !== null; part = writer.next(target)) parts.push(part);
  const seen = readSnapshot(cutAt(concat(parts), at));
  expect(seen).toEqual([...source.sessions, ...source.acls, ...nodes, 'done']);
});

// --- round trips -----------------------------------------------------------------------------------------------------

const txnPart: fc.Arbitrary<Txn> = fc.oneof(
  fc.record({
    kind: fc.constant('create' as const),
    path: text,
    data: buffer,
    acl,
    ephemeral: fc.boolean(),
    parentCVersion: int,
  }),
  fc.record({ kind: fc.constant('createContainer' as const), path: text, data: buffer, acl, parentCVersion: int }),
  fc.record({ kind: fc.constant('createTTL' as const), path: text, data: buffer, acl, parentCVersion: int, ttl: num }),
  fc.record({ kind: fc.constant('delete' as const), path: text }),
  fc.record({ kind: fc.constant('setData' as const), path: text, data: buffer, version: int }),
  fc.record({ kind: fc.constant('setACL' as const), path: text, acl, version: int }),
  fc.record({ kind: fc.constant('check' as const), path: text, version: int }),
  fc.record({ kind: fc.constant('error' as const), err: int }),
);
const typeOf = (txn: Txn): number => TXN_TYPES[txn.kind][0]!;
const anyTxn: fc.Arbitrary<Txn> = fc.oneof(
  txnPart,
  fc.record({ kind: fc.constant('createSession' as const), timeOut: int }),
  fc.record({ kind: fc.constant('closeSession' as const), paths: fc.option(fc.array(text), { nil: null }) }),
  fc
    .array(txnPart, { maxLength: 5 })
    .map((txns) => ({ kind: 'multi' as const, parts: txns.map((txn) => ({ type: typeOf(txn), txn })) })),
);
const anyHeader = fc.record({ clientId: long.map(asSession), cxid: int, zxid, time: num });
/** As the server makes them: of version 2. The value is a sum of CRCs, so never all zeros. */
const anyDigest = fc.option(
  fc.record({ version: fc.constant(2), treeDigest: fc.bigInt({ min: 1n, max: 2n ** 48n }) }),
  { nil: null },
);

test.prop([anyTxn, anyHeader, anyDigest], { numRuns: 500 })('a transaction survives', (txn, head, digest) => {
  const header = { ...head, type: typeOf(txn) };
  expect(decodeTxn(encodeTxn(header, txn, digest))).toEqual({ ok: true, value: { header, txn, digest } });
});

test.prop([
  fc.record({
    state: fc.constantFrom(...ELECTION_STATES),
    leader: num.map(asPeer),
    zxid: num.map(asZxid),
    electionEpoch: num,
    peerEpoch: num,
    config: text,
  }),
])('a notification survives', (n) => {
  expect(decodeNotification(encodeNotification(n))).toEqual({ ok: true, value: { ...n, version: 2 } });
});

const address = fc.record({
  host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
  port: fc.integer({ min: 0, max: 65_535 }),
});

test.prop([fc.integer({ min: 0, max: 254 }), fc.array(address, { minLength: 1, maxLength: 4 }), cuts])(
  'a handshake survives however it is cut',
  (sid, addresses, at) => {
    const handshake = { sid: asPeer(sid), form: addresses.length === 1 ? ('v1' as const) : ('v2' as const), addresses };
    const found = outOf(cutAt(encodeHandshake(handshake), at), (fb) => {
      const next = nextHandshake(fb);
      return next.kind === 'handshake' ? next.handshake : null;
    });
    expect(found).toEqual({ items: [handshake], rest: '' });
  },
);

// --- text and checksums ----------------------------------------------------------------------------------------------

const wellFormed = fc.string({ unit: 'binary' });
const anyUnits = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));

test.prop([wellFormed])('UTF-8 is that of the platform', (string) => {
  expect(hex(utf8Encode(string))).toBe(hex(new TextEncoder().encode(string)));
  expect(utf8Decode(new TextEncoder().encode(string))).toBe(string);
});

test.prop([anyUnits])('any sequence of UTF-16 units survives', (string) => {
  expect(utf8Decode(utf8Encode(string))).toBe(string);
});

test.prop([fc.oneof(fc.uint8Array({ maxLength: 6 }), fc.uint8Array({ min: 0x80, maxLength: 6 }))], { numRuns: 3000 })(
  'bytes are UTF-8 exactly when the platform says so or a surrogate is among them',
  (input) => {
    const ours = utf8Decode(input);
    const hasSurrogate = ours !== null && hex(input).match(/^(..)*ed[ab]/) !== null;
    if (!hasSurrogate) expect(ours).toBe(platformDecode(input));
  },
);

function platformDecode(input: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(input);
  } catch {
    return null;
  }
}

test.prop([anyUnits, anyUnits, anyUnits])('compareUtf8 orders as the bytes do', (head, a, b) => {
  const order = Buffer.compare(utf8Encode(head + a), utf8Encode(head + b));
  expect(Math.sign(compareUtf8(head + a, head + b))).toBe(order);
});

test.prop([fc.uint8Array({ maxLength: 300 }), fc.nat()])(
  'checksums are zlib’s, in one piece and in two',
  (input, at) => {
    const cut = at % (input.length + 1);
    const adler = deflateSync(input).subarray(-4).readUInt32BE();
    expect(crc32(input)).toBe(zlibCrc32(input));
    expect(adler32(input)).toBe(adler);
    expect(crc32(input.subarray(cut), crc32(input.subarray(0, cut)))).toBe(zlibCrc32(input));
    expect(adler32(input.subarray(cut), adler32(input.subarray(0, cut)))).toBe(adler);
  },
);
