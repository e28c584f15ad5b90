/**
 * Every frame that was recorded between real clients and servers, and between real servers, decodes, says what the
 * recorder says it says, and encodes to the same bytes again. The frames that do not are named, with the error they give.
 */

import { describe, expect, test } from 'vitest';
import type { Acl, Id } from '../../core/types.ts';
import { asZxid } from '../../core/types.ts';
import { adler32 } from '../../core/wire/adler32.ts';
import { concat, fromHex, hex } from '../../core/wire/bytes.ts';
import {
  type ClientRequest,
  decodeConnectRequest,
  decodeConnectResponse,
  decodeReply,
  decodeReplyHeader,
  decodeRequest,
  decodeRequestFrame,
  decodeWatchEvent,
  encodeConnectRequest,
  encodeConnectResponse,
  encodeReply,
  encodeRequestFrame,
  encodeWatchEvent,
  opNameOf,
  type ReplyBody,
} from '../../core/wire/client-codec.ts';
import {
  decodeNotification,
  encodeHandshake,
  encodeNotification,
  formatAddress,
  HANDSHAKE_V1,
  HANDSHAKE_V2,
  nextHandshake,
} from '../../core/wire/election-codec.ts';
import type { Decoded } from '../../core/wire/errors.ts';
import { frame, frameBuffer, nextFrame, pushBytes } from '../../core/wire/framing.ts';
import { Code, CreateMode, EventType, Op, Packet, Xid } from '../../core/wire/opcodes.ts';
import {
  decodeAckEpoch,
  decodeConfigText,
  decodeDesignatedLeader,
  decodeInformAndActivate,
  decodeLeaderInfo,
  decodeLearnerInfo,
  decodePingTouches,
  decodeRequestPayload,
  decodeRevalidate,
  decodeRevalidateAnswer,
  encodeAckEpoch,
  encodeConfigText,
  encodeDesignatedLeader,
  encodeInformAndActivate,
  encodeLeaderInfo,
  encodeLearnerInfo,
  encodePacket,
  encodePingTouches,
  encodeRequestPayload,
  encodeRevalidate,
  encodeRevalidateAnswer,
  nextPacket,
} from '../../core/wire/quorum-codec.ts';
import type { Stat } from '../../core/wire/records.ts';
import { SNAP_END_MARK, type SnapshotNode, SnapshotReader, SnapshotWriter } from '../../core/wire/snapshot-codec.ts';
import type { DecodedTxn, Txn } from '../../core/wire/txn.ts';
import { decodeTxn, encodeTxn } from '../../core/wire/txn-codec.ts';
import {
  bytesOf,
  type Fields,
  goldenBytes,
  goldenFiles,
  goldenLines,
  type Json,
  type RecordedFrame,
  recordedFrames,
  sessionText,
  textOf,
  zxidText,
} from './recorded.ts';

/** The value of a decoding that must succeed. */
function mustDecode<T>(decoded: Decoded<T>, where: string): T {
  if (!decoded.ok) throw new Error(`${where}: ${decoded.error}`);
  return decoded.value;
}

// --- client port -----------------------------------------------------------------------------------------------------

/** Frames of clients that are no request: truncated records, and operations that clients do not have. */
const REFUSED_REQUESTS: Readonly<Record<string, string>> = {
  'raw-default.jsonl:239': 'null-string', // create with a null path
  'raw-default.jsonl:446': 'unknown-type', // multi with a getData inside
  'raw-default.jsonl:702': 'bad-length', // create cut inside its data
  'raw-default.jsonl:704': 'truncated', // getData without a body
  'raw-default.jsonl:706': 'truncated', // setData cut behind its path
  'raw-default.jsonl:708': 'truncated', // multi cut inside its first header
  'raw-default.jsonl:710': 'bad-length', // exists with a path longer than the frame
  'raw-default.jsonl:719': 'unknown-type', // op 10
  'raw-default.jsonl:725': 'unknown-type', // op 99
  'raw-default.jsonl:731': 'unknown-type', // op 108
  'raw-default.jsonl:737': 'unknown-type', // op 500
  'raw-default.jsonl:744': 'unknown-type', // createSession
  'raw-default.jsonl:750': 'unknown-type', // error
  'raw-default.jsonl:756': 'unknown-type', // notification
  'raw-default.jsonl:762': 'unknown-type', // deleteContainer, path as bare bytes
  'raw-default.jsonl:764': 'unknown-type', // deleteContainer, path as a string
};

/** Requests that we accept and write differently. */
const NOT_CANONICAL: Readonly<Record<string, string>> = {
  'raw-default.jsonl:43': 'lastZxidSeen is 0x7fffffff00000001, which is rounded; no server is that far',
  'kazoo-2.8.0-plain.jsonl:92': 'an ACL of scheme auth with a null id, which is read as an empty one',
  'kazoo-2.11.0-plain.jsonl:92': 'an ACL of scheme auth with a null id, which is read as an empty one',
  'raw-default.jsonl:713': 'two bytes behind a complete record, which are ignored',
};

/** Frames of servers that answer no request. */
const REFUSED_REPLIES: Readonly<Record<string, string>> = {
  'raw-ensemble.jsonl:54': 'truncated', // a bare reply header where a ConnectResponse belongs
};

/** Exceptions that were needed; a list that names more has outlived its reasons. */
const met = new Set<string>();

function isListed(list: Readonly<Record<string, string>>, where: string): boolean {
  if (where in list) met.add(where);
  return where in list;
}

describe.each(goldenFiles('client'))('client/%s', (file) => {
  test('every frame means what was recorded and encodes to the same bytes', () => {
    const conversation = new Conversation();
    for (const recorded of recordedFrames('client', file)) conversation.check(recorded);
    expect(conversation.checked).toBeGreaterThan(0);
  });
});

/** Knows of each connection whether it is set up and which operations await an answer. */
class Conversation {
  checked = 0;
  private readonly asked = new Map<string, { xid: number; op: number }[]>();
  private readonly answered = new Set<string>();

  check(recorded: RecordedFrame): void {
    this.checked += 1;
    if (recorded.direction === 'c2s') this.onClientFrame(recorded);
    else this.onServerFrame(recorded);
  }

  private onClientFrame(recorded: RecordedFrame): void {
    const queue = this.asked.get(recorded.conn);
    if (queue === undefined) {
      this.asked.set(recorded.conn, []);
      checkConnectRequest(recorded);
      return;
    }
    const { header, body } = mustDecode(decodeRequestFrame(recorded.bytes), recorded.where);
    queue.push({ xid: header.xid, op: header.type });
    checkRequest(recorded, header.xid, decodeRequest(header.type, body));
  }

  private onServerFrame(recorded: RecordedFrame): void {
    if (!this.answered.has(recorded.conn)) {
      this.answered.add(recorded.conn);
      checkConnectResponse(recorded);
      return;
    }
    const { xid } = mustDecode(decodeReplyHeader(recorded.bytes), recorded.where);
    if (xid === Xid.notification) {
      checkWatchEvent(recorded);
      return;
    }
    const queue = this.asked.get(recorded.conn) ?? [];
    const index = queue.findIndex((request) => request.xid === xid);
    // The answer to createSession, which 3.8 let clients send, is no reply but a second ConnectResponse.
    if (index < 0) checkConnectResponse(recorded);
    else checkReply(recorded, queue.splice(index, 1)[0]!.op);
  }
}

function checkConnectRequest({ bytes, told, where }: RecordedFrame): void {
  const request = mustDecode(decodeConnectRequest(bytes), where);
  const same = hex(encodeConnectRequest(request, request.readOnly)) === hex(frame(bytes));
  expect(same, `${where} encodes to the same bytes`).toBe(!isListed(NOT_CANONICAL, where));
  expect(connectFields('ConnectRequest', request), where).toMatchObject(told);
}

function checkConnectResponse({ bytes, told, where }: RecordedFrame): void {
  const decoded = decodeConnectResponse(bytes);
  if (isListed(REFUSED_REPLIES, where)) {
    expect(decoded, where).toEqual({ ok: false, error: REFUSED_REPLIES[where] });
    return;
  }
  const response = mustDecode(decoded, where);
  expect(hex(encodeConnectResponse(response, response.readOnly)), where).toBe(hex(frame(bytes)));
  if (told.type === 'ConnectResponse') expect(connectFields('ConnectResponse', response), where).toMatchObject(told);
}

function connectFields(
  type: string,
  connect: { sessionId: bigint; passwd: Uint8Array | null; readOnly: boolean | null },
): Fields {
  return {
    ...connect,
    type,
    sessionId: sessionText(connect.sessionId),
    passwd: connect.passwd === null ? null : hex(connect.passwd),
    readOnly: connect.readOnly ?? 'absent',
  };
}

function checkRequest({ bytes, told, where }: RecordedFrame, xid: number, decoded: Decoded<ClientRequest>): void {
  if (isListed(REFUSED_REQUESTS, where) || !decoded.ok) {
    expect(decoded, where).toEqual({ ok: false, error: REFUSED_REQUESTS[where] ?? 'nothing' });
    return;
  }
  const request = decoded.value;
  const same = hex(encodeRequestFrame(xid, request)) === hex(frame(bytes));
  expect(same, `${where} encodes to the same bytes`).toBe(!isListed(NOT_CANONICAL, where));
  const ours = { xid, type: request.kind, ...requestFields(request) };
  if (same) expect(ours, where).toMatchObject(told);
}

/** A request in the recorder's words. */
function requestFields(request: ClientRequest): Fields {
  switch (request.kind) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return { ...request, data: textOf(request.data), acl: aclFields(request.acl), mode: modeName(request.flags) };
    case 'setData':
      return { ...request, data: textOf(request.data) };
    case 'setACL':
      return { ...request, acl: aclFields(request.acl) };
    case 'checkWatches':
    case 'removeWatches':
      return { path: request.path, watcherType: request.type };
    case 'auth':
      return { authType: request.type, scheme: request.scheme, auth: textOf(request.auth) };
    case 'sasl':
      return { token: textOf(request.token) };
    case 'reconfig':
      return { ...request, joining: request.joiningServers, leaving: request.leavingServers };
    case 'getEphemerals':
      return { path: request.prefixPath };
    case 'setWatches':
    case 'setWatches2':
      return {
        relativeZxid: request.relativeZxid,
        data: request.dataWatches,
        exist: request.existWatches,
        child: request.childWatches,
        ...(request.kind === 'setWatches2'
          ? { persistent: request.persistentWatches, persistentRecursive: request.persistentRecursiveWatches }
          : {}),
      };
    case 'multi':
    case 'multiRead':
      return { ops: request.ops.map((op) => ({ ...requestFields(op), op: op.kind })) };
    default:
      return { ...request };
  }
}

const MODE_NAMES: Readonly<Record<keyof typeof CreateMode, string>> = {
  persistent: 'PERSISTENT',
  ephemeral: 'EPHEMERAL',
  persistentSequential: 'PERSISTENT_SEQUENTIAL',
  ephemeralSequential: 'EPHEMERAL_SEQUENTIAL',
  container: 'CONTAINER',
  persistentTtl: 'PERSISTENT_WITH_TTL',
  persistentSequentialTtl: 'PERSISTENT_SEQUENTIAL_WITH_TTL',
};

function modeName(flags: number): string {
  const mode = Object.entries(CreateMode).find(([, number]) => number === flags);
  return mode === undefined ? '?' : MODE_NAMES[mode[0] as keyof typeof CreateMode];
}

const aclFields = (acl: readonly Acl[] | null): Json =>
  acl === null ? null : acl.map(({ perms, id }) => ({ perms, ...id }));
const statFields = (stat: Stat): Fields => ({ ...stat, ephemeralOwner: Number(stat.ephemeralOwner) });

function checkReply({ bytes, told, where }: RecordedFrame, op: number): void {
  const { header, body } = mustDecode(decodeReply(op, bytes), where);
  expect(hex(encodeReply(header.xid, header.zxid, header.err, body)), where).toBe(hex(frame(bytes)));
  const ours = { ...header, code: codeName(header.err), type: `${opNameOf(op) ?? `op${op}`}-reply` };
  expect({ ...ours, ...bodyFields(body) }, where).toMatchObject(told);
}

/** A reply's record in the recorder's words. */
function bodyFields(body: ReplyBody | null): Fields {
  if (body === null) return {};
  switch (body.kind) {
    case 'addWatch':
      return { errorResponse: body.err };
    case 'sasl':
      return { token: textOf(body.token) };
    case 'multi':
    case 'multiRead':
      return { results: body.results.map(resultFields) };
    case 'getData':
    case 'reconfig':
      return { data: textOf(body.data), stat: statFields(body.stat) };
    case 'getACL':
      return { acl: aclFields(body.acl), stat: statFields(body.stat) };
    case 'whoAmI':
      return { clientInfo: (body.clientInfo ?? []).map((info) => ({ ...info })) };
    case 'exists':
    case 'setData':
    case 'setACL':
      return { stat: statFields(body.stat) };
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return { path: body.path, stat: statFields(body.stat) };
    case 'getChildren2':
      return { children: body.children, stat: statFields(body.stat) };
    case 'create':
    case 'getChildren':
    case 'sync':
    case 'getEphemerals':
    case 'getAllChildrenNumber':
      return { ...body };
    default:
      return body satisfies never;
  }
}

type ResultOf<B> = B extends { readonly results: readonly (infer R)[] } ? R : never;

function resultFields(result: ResultOf<ReplyBody>): Fields {
  const fields: Record<string, Json> = { op: result.kind };
  if ('stat' in result) fields.stat = statFields(result.stat);
  if ('data' in result) fields.data = textOf(result.data);
  if ('path' in result) fields.path = result.path;
  if ('children' in result) fields.children = result.children;
  if (result.kind === 'error')
    Object.assign(fields, { err: result.err, hdrErr: result.err, code: codeName(result.err) });
  return fields;
}

function codeName(err: number): string {
  const name = Object.entries(Code).find(([, number]) => number === err)?.[0] ?? '?';
  return name === 'OK' ? 'ok' : name;
}

const EVENT_NAMES: ReadonlyMap<number, string> = new Map([
  [EventType.nodeCreated, 'NodeCreated'],
  [EventType.nodeDeleted, 'NodeDeleted'],
  [EventType.nodeDataChanged, 'NodeDataChanged'],
  [EventType.nodeChildrenChanged, 'NodeChildrenChanged'],
]);

function checkWatchEvent({ bytes, told, where }: RecordedFrame): void {
  const { header, event } = mustDecode(decodeWatchEvent(bytes), where);
  expect(hex(encodeWatchEvent(event, header.zxid)), where).toBe(hex(frame(bytes)));
  const ours = { ...header, ...event, event: EVENT_NAMES.get(event.type) ?? null, type: 'watchEvent' };
  expect(ours, where).toMatchObject(told);
}

test('every frame that is listed as an exception is one', () => {
  const listed = [REFUSED_REQUESTS, REFUSED_REPLIES, NOT_CANONICAL].flatMap((list) => Object.keys(list));
  expect([...met].sort()).toEqual(listed.sort());
});

test('the two recorded lengths that are none are refused before anything is allocated', () => {
  const raw = goldenLines('client/raw-default.jsonl').flatMap(({ line }) => (line.raw ? [String(line.raw)] : []));
  expect(raw.map((text) => nextOf(text))).toEqual([
    { kind: 'bad', error: 'too-large' },
    { kind: 'bad', error: 'bad-length' },
  ]);
});

function nextOf(text: string): unknown {
  const fb = frameBuffer();
  pushBytes(fb, bytesOf(text));
  return nextFrame(fb, 0xfffff);
}

// --- quorum and election ports ---------------------------------------------------------------------------------------

describe.each(goldenFiles('quorum'))('quorum/%s', (file) => {
  const frames = recordedFrames('quorum', file);

  test('every message means what was recorded and encodes to the same bytes', () => {
    for (const recorded of frames) checkPeerMessage(recorded);
    expect(frames.length).toBeGreaterThan(0);
  });

  test('the packets of one direction, run together and cut anew, come out the same', () => {
    const streams = new Map<string, Uint8Array[]>();
    for (const { conn, direction, bytes } of frames.filter(isPacket)) {
      const key = `${conn} ${direction}`;
      streams.set(key, [...(streams.get(key) ?? []), bytes]);
    }
    for (const packets of streams.values()) expect(splitAgain(concat(packets))).toEqual(packets.map(hex));
  });
});

const isPacket = ({ told }: RecordedFrame): boolean => String(told.type) in Packet;

/** Delivers a stream in chunks of 1, 2, 3 … bytes and returns its packets as hexadecimal text. */
function splitAgain(stream: Uint8Array): string[] {
  const fb = frameBuffer();
  const packets: string[] = [];
  for (let at = 0, size = 1; at < stream.length; at += size, size = (size % 37) + 1) {
    pushBytes(fb, stream.subarray(at, at + size));
    for (let next = nextPacket(fb, 0x20_0000); next.kind !== 'more'; next = nextPacket(fb, 0x20_0000)) {
      if (next.kind === 'bad') throw new Error(next.error);
      packets.push(hex(encodePacket(next.packet)));
    }
  }
  return packets;
}

function checkPeerMessage(recorded: RecordedFrame): void {
  const type = String(recorded.told.type);
  if (type === 'Notification') checkNotification(recorded);
  else if (type === 'QuorumCnxManager-initial') checkHandshake(recorded);
  else if (type === 'snapshot-stream') checkSnapshotStream(recorded);
  else checkPacket(recorded);
}

function checkNotification({ bytes, told, where }: RecordedFrame): void {
  const fb = frameBuffer();
  pushBytes(fb, bytes);
  const next = nextFrame(fb, bytes.length);
  if (next.kind !== 'frame') throw new Error(`${where}: ${next.kind}`);
  const n = mustDecode(decodeNotification(next.bytes), where);
  const ours = { ...n, type: 'Notification', state: n.state.toUpperCase(), zxid: zxidText(n.zxid) };
  expect(ours, where).toMatchObject(told);
  expect(hex(frame(encodeNotification({ ...n, config: n.config ?? '' }))), where).toBe(hex(bytes));
}

function checkHandshake({ bytes, told, where }: RecordedFrame): void {
  const fb = frameBuffer();
  pushBytes(fb, bytes);
  const next = nextHandshake(fb);
  if (next.kind !== 'handshake') throw new Error(`${where}: ${next.kind}`);
  const { sid, form, addresses } = next.handshake;
  const version = form === 'v1' ? HANDSHAKE_V1 : HANDSHAKE_V2;
  const ours = { protocolVersion: version, sid, addr: addresses.map(formatAddress).join('|') };
  expect({ type: 'QuorumCnxManager-initial', ...ours }, where).toMatchObject(told);
  expect(hex(encodeHandshake(next.handshake)), where).toBe(hex(bytes));
  expect(fb.size).toBe(0);
}

function checkPacket({ bytes, told, where }: RecordedFrame): void {
  const fb = frameBuffer();
  pushBytes(fb, bytes);
  const next = nextPacket(fb, bytes.length);
  if (next.kind !== 'packet') throw new Error(`${where}: ${JSON.stringify(next)}`);
  const { packet } = next;
  expect(hex(encodePacket(packet)), where).toBe(hex(bytes));
  expect(fb.size, where).toBe(0);
  const payload = payloadOf(packet.type, packet.data, where);
  if (payload.bytes !== null) expect(hex(payload.bytes), where).toBe(hex(packet.data ?? new Uint8Array()));
  const type = Object.entries(Packet).find(([, number]) => number === packet.type)?.[0] ?? null;
  const authinfo = packet.authinfo?.map((id: Id) => ({ ...id })) ?? null;
  expect({ type, zxid: zxidText(packet.zxid), authinfo, ...payload.fields }, where).toMatchObject(told);
}

/** What the data of a packet says, in the recorder's words, and the same encoded again. */
function payloadOf(type: number, data: Uint8Array | null, where: string): { fields: Fields; bytes: Uint8Array | null } {
  switch (type) {
    case Packet.FOLLOWERINFO:
    case Packet.OBSERVERINFO: {
      const { serverid, protocolVersion, configVersion } = mustDecode(decodeLearnerInfo(data), where);
      if (serverid === null) throw new Error(`${where}: no serverid`);
      const fields = { serverid, protocolVersion: zxidText(protocolVersion), configVersion: zxidText(configVersion) };
      return {
        fields: { learnerInfo: fields },
        bytes: encodeLearnerInfo({ serverid, protocolVersion, configVersion }),
      };
    }
    case Packet.LEADERINFO: {
      const version = mustDecode(decodeLeaderInfo(data), where);
      return { fields: { protocolVersion: zxidText(version) }, bytes: encodeLeaderInfo(version) };
    }
    case Packet.ACKEPOCH: {
      const lastEpoch = mustDecode(decodeAckEpoch(data), where);
      return { fields: { lastEpoch }, bytes: encodeAckEpoch(lastEpoch) };
    }
    case Packet.NEWLEADER: {
      const config = mustDecode(decodeConfigText(data), where);
      return { fields: { config }, bytes: encodeConfigText(config) };
    }
    case Packet.REQUEST: {
      const request = mustDecode(decodeRequestPayload(data), where);
      const { sessionId, cxid, type: op, body } = request;
      const fields = { sid: sessionText(sessionId), cxid, op: opNameOf(op), bodyHex: hex(body) };
      return { fields: { request: fields }, bytes: encodeRequestPayload(request) };
    }
    case Packet.PING: {
      if (data === null) return { fields: {}, bytes: null };
      const touches = mustDecode(decodePingTouches(data), where);
      const touched = touches.map(({ session, timeoutMs }) => [sessionText(session), timeoutMs]);
      return { fields: { touched }, bytes: encodePingTouches(touches) };
    }
    case Packet.REVALIDATE: {
      if (data?.length === 9) {
        const { session, valid } = mustDecode(decodeRevalidateAnswer(data), where);
        return { fields: { sessionId: sessionText(session), valid }, bytes: encodeRevalidateAnswer(session, valid) };
      }
      const touch = mustDecode(decodeRevalidate(data), where);
      const fields = { sessionId: sessionText(touch.session), timeout: touch.timeoutMs };
      return { fields, bytes: encodeRevalidate(touch) };
    }
    case Packet.COMMITANDACTIVATE: {
      const leader = mustDecode(decodeDesignatedLeader(data), where);
      return { fields: { suggestedLeader: leader }, bytes: encodeDesignatedLeader(leader) };
    }
    case Packet.INFORMANDACTIVATE: {
      const inform = mustDecode(decodeInformAndActivate(data), where);
      const fields = { suggestedLeader: inform.leader, txn: txnFields(inform.entry, where) };
      return { fields, bytes: encodeInformAndActivate(inform) };
    }
    case Packet.PROPOSAL:
    case Packet.INFORM: {
      const entry = data ?? new Uint8Array();
      const { header, txn, digest } = mustDecode(decodeTxn(entry), where);
      return { fields: { txn: txnFields(entry, where) }, bytes: encodeTxn(header, txn, digest) };
    }
    default:
      expect(data, where).toBeNull();
      return { fields: {}, bytes: null };
  }
}

/** A transaction as the quorum recorder words it: zxids in hexadecimal. */
function txnFields(entry: Uint8Array, where: string): Fields {
  const decoded = mustDecode(decodeTxn(entry), where);
  return { ...headerFields(decoded), zxid: zxidText(decoded.header.zxid), txn: recordFields(decoded.txn) };
}

function headerFields({ header, digest }: DecodedTxn): Record<string, Json> {
  const { clientId, cxid, zxid, time, type } = header;
  const fields: Record<string, Json> = { sid: sessionText(clientId), cxid, zxid, time, type: opNameOf(type) };
  if (digest !== null) fields.digest = { version: digest.version, treeDigest: Number(digest.treeDigest) };
  return fields;
}

/** A transaction's record in the recorder's words. */
function recordFields(txn: Txn): Fields {
  switch (txn.kind) {
    case 'create':
    case 'createContainer':
    case 'createTTL':
      return { ...txn, data: textOf(txn.data), acl: aclFields(txn.acl) };
    case 'setData':
      return { ...txn, data: textOf(txn.data) };
    case 'setACL':
      return { ...txn, acl: aclFields(txn.acl) };
    case 'closeSession':
      return { paths2Delete: txn.paths };
    case 'multi':
      return { txns: txn.parts.map((part) => ({ ...recordFields(part.txn), type: opNameOf(part.type) })) };
    case 'createSession':
    case 'delete':
    case 'check':
    case 'error':
      return { ...txn };
    default:
      return txn satisfies never;
  }
}

// --- snapshots -------------------------------------------------------------------------------------------------------

/** Everything a snapshot body said, in its order; itself a source for the writer. */
class Collected {
  readonly sessions = new Map<bigint, number>();
  readonly acls = new Map<number, readonly Acl[]>();
  readonly nodes: SnapshotNode[] = [];

  session(id: bigint, timeoutMs: number): boolean {
    this.sessions.set(id, timeoutMs);
    return true;
  }
  acl(id: number, acl: readonly Acl[]): boolean {
    this.acls.set(id, acl);
    return true;
  }
  node(node: SnapshotNode): boolean {
    this.nodes.push(node);
    return true;
  }
}

/** Reads a body in chunks of `chunkSize` and returns it with what stood behind it. */
function readBody(bytes: Uint8Array, endMark: string | null, chunkSize: number): { body: Collected; rest: Uint8Array } {
  const body = new Collected();
  const reader = new SnapshotReader(body, { endMark, itemBytesMax: 0x20_0000 });
  for (let at = 0; at < bytes.length; at += chunkSize) {
    const progress = reader.push(bytes.subarray(at, at + chunkSize));
    if (progress.kind === 'bad') throw new Error(progress.error);
    if (progress.kind === 'done') return { body, rest: concat([progress.rest, bytes.subarray(at + chunkSize)]) };
  }
  throw new Error('no end');
}

function writeBody(body: Collected, endMark: string | null, chunkSize: number): Uint8Array {
  const writer = new SnapshotWriter(body as never, endMark);
  const parts: Uint8Array[] = [];
  for (let part = writer.next(chunkSize); part !== null; part = writer.next(chunkSize)) parts.push(part);
  return concat(parts);
}

function checkSnapshotStream({ bytes, where }: RecordedFrame): void {
  for (const chunkSize of [1, 7, bytes.length]) {
    const { body, rest } = readBody(concat([bytes, Uint8Array.of(1, 2, 3)]), SNAP_END_MARK, chunkSize);
    expect([...rest], where).toEqual([1, 2, 3]);
    expect(body.nodes[0]?.path, where).toBe('');
    expect(hex(writeBody(body, SNAP_END_MARK, chunkSize)), where).toBe(hex(bytes));
  }
}

// --- disk ------------------------------------------------------------------------------------------------------------

/** The recorder did not know a closeSession record without a digest behind it, and says so. */
function entryTold({ off: _off, crc: _crc, len: _len, crcOk: _crcOk, txnHex: _txnHex, ...told }: Fields): Fields {
  const { undecodable, txn, ...rest } = told;
  return undecodable === undefined ? told : rest;
}

const DISK_FOLDERS = ['plain', 'gz', 'snappy', 'nodigest', 'ensemble'] as const;

describe.each(DISK_FOLDERS)('disk/%s', (folder) => {
  test('every log entry has its checksum, means what was recorded and encodes to the same bytes', () => {
    let log = new Uint8Array();
    let entries = 0;
    for (const { number, line } of goldenLines(`disk/${folder}/txns.jsonl`)) {
      if (typeof line.file === 'string') log = new Uint8Array(goldenBytes(`disk/${folder}/version-2/${line.file}`));
      if (typeof line.off !== 'number') continue;
      const where = `${folder}/txns.jsonl:${number}`;
      const { off, crc, len } = line;
      const entry = log.subarray(Number(off) + 12, Number(off) + 12 + Number(len));
      expect(adler32(entry), where).toBe(crc);
      const decoded = mustDecode(decodeTxn(entry), where);
      expect({ ...headerFields(decoded), txn: recordFields(decoded.txn) }, where).toMatchObject(entryTold(line));
      expect(hex(encodeTxn(decoded.header, decoded.txn, decoded.digest)), where).toBe(hex(entry));
      entries += 1;
    }
    expect(entries).toBeGreaterThan(0);
  });
});

test.each(['plain/version-2/snapshot.0', 'plain/version-2/snapshot.c6', 'nodigest/version-2/snapshot.c6'])(
  'disk/%s: the body is read, sealed as computed, and written again',
  (path) => {
    const file = goldenBytes(`disk/${path}`);
    for (const chunkSize of [1, 100, 65_536]) {
      const { body, rest } = readBody(file.subarray(16), null, chunkSize);
      const end = file.length - rest.length;
      expect(new DataView(rest.buffer, rest.byteOffset).getUint32(4)).toBe(adler32(file.subarray(0, end)));
      expect(hex(writeBody(body, null, chunkSize))).toBe(hex(file.subarray(16, end)));
    }
  },
);

test('the hand-made entry of the reference has the checksum and fields given there', () => {
  const entry = fromHex(
    '01000000000000010000000100000000000000020000018bcfe5680100000001000000062f68656c6c6f00000005776f726c64000000010000001f00000005776f726c6400000006616e796f6e6500000000010000000200000000d36dc2b2',
  )!;
  expect(adler32(entry)).toBe(0x26b9_0eba);
  const { header, digest } = mustDecode(decodeTxn(entry), 'entry');
  expect(header).toMatchObject({ zxid: asZxid(2), type: Op.create, time: 1_700_000_000_001 });
  expect(digest).toEqual({ version: 2, treeDigest: 0xd36d_c2b2n });
});
