/**
 * Bytes into messages a person can read: what a trace shows of every connection. One decoder per direction keeps what is
 * cut off until the rest comes. It is for looking only, so whatever it cannot read becomes a line that says so.
 */

import type { Channel } from '../core/io.ts';
import { showZxid, type Zxid } from '../core/types.ts';
import {
  decodeConnectRequest,
  decodeConnectResponse,
  decodeReply,
  decodeReplyHeader,
  decodeRequest,
  decodeRequestFrame,
  decodeWatchEvent,
  opNameOf,
} from '../core/wire/client-codec.ts';
import { decodeNotification, nextHandshake } from '../core/wire/election-codec.ts';
import { type FrameBuffer, frameBuffer, nextFrame, pushBytes } from '../core/wire/framing.ts';
import { Packet, Xid } from '../core/wire/opcodes.ts';
import {
  decodeAckEpoch,
  decodeConfigText,
  decodeInformAndActivate,
  decodeLeaderInfo,
  decodeLearnerInfo,
  decodePingTouches,
  decodeRequestPayload,
  decodeRevalidate,
  decodeRevalidateAnswer,
} from '../core/wire/quorum-codec.ts';
import { SnapshotReader, type SnapshotVisitor } from '../core/wire/snapshot-codec.ts';
import { decodeTxn } from '../core/wire/txn-codec.ts';
import { PACKET_NAMES, PacketScanner } from './checkers/wire.ts';
import { bytesText } from './text.ts';

/** A decoded message: what it is called, and its fields as plain values. */
export interface Message {
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const FRAME_MAX = 64 * 1024 * 1024;

/** Both directions of one connection. */
export class ConnectionDecoder {
  readonly #fromDialer: (bytes: Uint8Array) => Message[];
  readonly #fromAcceptor: (bytes: Uint8Array) => Message[];

  constructor(channel: Channel) {
    switch (channel) {
      case 'quorum':
        this.#fromDialer = quorumDecoder(true);
        this.#fromAcceptor = quorumDecoder(false);
        return;
      case 'election':
        this.#fromDialer = electionDecoder(true);
        this.#fromAcceptor = electionDecoder(false);
        return;
      case 'client': {
        /** Operations asked for, by xid. */
        const ops = new Map<number, number[]>();
        this.#fromDialer = requestDecoder(ops);
        this.#fromAcceptor = replyDecoder(ops);
        return;
      }
      default:
        channel satisfies never;
        throw new Error('unknown channel');
    }
  }

  push(isDialer: boolean, bytes: Uint8Array): Message[] {
    return (isDialer ? this.#fromDialer : this.#fromAcceptor)(bytes);
  }
}

/** `PROPOSAL 0x100000003 setData /a`. */
export function messageText({ name, fields }: Message): string {
  const said = Object.entries(fields).filter(
    ([key, value]) => !QUIET_FIELDS.has(key) && value !== null && value !== '',
  );
  return [name, ...said.map(([key, value]) => `${key} ${valueText(value)}`)].join(' ');
}

/** In a trace, but not in a sentence. */
const QUIET_FIELDS: ReadonlySet<string> = new Set(['session', 'cxid', 'protocolVersion', 'configVersion', 'config']);

function valueText(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'kind' in value) {
    return [String(value.kind), pathOf(value).path].filter((text) => text !== undefined).join(' ');
  }
  if (value instanceof Uint8Array) return bytesText(value);
  if (typeof value === 'bigint') return `0x${BigInt.asUintN(64, value).toString(16)}`;
  if (typeof value === 'object') return JSON.stringify(value, (_key, inner: unknown) => plainOf(inner));
  return String(value);
}

const plainOf = (value: unknown): unknown =>
  typeof value === 'bigint' || value instanceof Uint8Array ? valueText(value) : value;

// --- the quorum port -------------------------------------------------------------------------------------------------

/** The learner dials. */
function quorumDecoder(isLearner: boolean): (bytes: Uint8Array) => Message[] {
  let found: Message[] = [];
  let body: SnapshotSummary | null = null;
  const scanner = new PacketScanner(
    (type, zxid, data) => {
      if (type === Packet.SNAP) body = new SnapshotSummary(zxid);
      found.push(packetMessage(type, zxid, data, isLearner));
    },
    (bytes) => {
      if (bytes !== null) body?.push(bytes);
      else if (body !== null) found.push(body.message());
    },
  );
  return (bytes) => {
    found = [];
    scanner.push(bytes);
    return found;
  };
}

/** Counts what a streamed snapshot holds, so that its end can say it. */
class SnapshotSummary {
  readonly #zxid: Zxid;
  readonly #reader: SnapshotReader;
  #bytes = 0;
  #sessions = 0;
  #nodes = 0;
  #isGood = true;

  constructor(zxid: Zxid) {
    this.#zxid = zxid;
    const visitor: SnapshotVisitor = {
      session: () => this.#count('session'),
      acl: () => true,
      node: () => this.#count('node'),
    };
    this.#reader = new SnapshotReader(visitor, { endMark: null, itemBytesMax: FRAME_MAX });
  }

  push(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    // The reader keeps what is cut off; the stream it comes from is a view.
    if (this.#isGood) this.#isGood = this.#reader.push(bytes.slice()).kind !== 'bad';
  }

  message(): Message {
    const counts = this.#isGood ? { sessions: this.#sessions, nodes: this.#nodes } : {};
    return { name: 'SNAPSHOT', fields: { zxid: showZxid(this.#zxid), bytes: this.#bytes, ...counts } };
  }

  #count(kind: 'session' | 'node'): boolean {
    if (kind === 'session') this.#sessions += 1;
    else this.#nodes += 1;
    return true;
  }
}

function packetMessage(type: number, zxid: Zxid, data: Uint8Array, isLearner: boolean): Message {
  const name = PACKET_NAMES.get(type) ?? `packet ${type}`;
  return { name, fields: { zxid: showZxid(zxid), ...packetFields(type, data, isLearner) } };
}

function packetFields(type: number, data: Uint8Array, isLearner: boolean): Record<string, unknown> {
  if (data.length === 0) return {};
  switch (type) {
    case Packet.FOLLOWERINFO:
    case Packet.OBSERVERINFO: {
      const info = decodeLearnerInfo(data);
      return info.ok ? { ...info.value } : { bytes: data.length };
    }
    case Packet.LEADERINFO: {
      const version = decodeLeaderInfo(data);
      return version.ok ? { protocolVersion: version.value } : { bytes: data.length };
    }
    case Packet.ACKEPOCH: {
      const epoch = decodeAckEpoch(data);
      return epoch.ok ? { currentEpoch: epoch.value } : { bytes: data.length };
    }
    case Packet.NEWLEADER: {
      const config = decodeConfigText(data);
      return config.ok ? { config: config.value } : { bytes: data.length };
    }
    case Packet.PROPOSAL:
    case Packet.INFORM:
      return txnFields(data);
    case Packet.INFORMANDACTIVATE: {
      const inform = decodeInformAndActivate(data);
      return inform.ok ? txnFields(inform.value.entry) : { bytes: data.length };
    }
    case Packet.REQUEST: {
      const request = decodeRequestPayload(data);
      return request.ok ? { op: opNameOf(request.value.type) ?? request.value.type } : { bytes: data.length };
    }
    case Packet.PING: {
      const touches = decodePingTouches(data);
      return touches.ok ? { touches: touches.value.length } : { bytes: data.length };
    }
    case Packet.REVALIDATE: {
      const session = isLearner ? decodeRevalidate(data) : decodeRevalidateAnswer(data);
      return session.ok ? { ...session.value } : { bytes: data.length };
    }
    default:
      return { bytes: data.length };
  }
}

function txnFields(bytes: Uint8Array): Record<string, unknown> {
  const decoded = decodeTxn(bytes);
  if (!decoded.ok) return { bytes: bytes.length };
  const { header, txn } = decoded.value;
  return { session: header.clientId, cxid: header.cxid, txn };
}

const pathOf = (value: object): { path?: string } =>
  'path' in value && typeof value.path === 'string' ? { path: value.path } : {};

// --- the election port -----------------------------------------------------------------------------------------------

function electionDecoder(hasHandshake: boolean): (bytes: Uint8Array) => Message[] {
  const buffer = frameBuffer();
  let greeted = !hasHandshake;
  return (bytes) => {
    pushBytes(buffer, bytes);
    const found: Message[] = [];
    if (!greeted) {
      const next = nextHandshake(buffer);
      if (next.kind === 'more') return found;
      greeted = true;
      if (next.kind === 'bad') return [{ name: 'unreadable handshake', fields: {} }];
      found.push({ name: 'HELLO', fields: { from: next.handshake.sid } });
    }
    for (const frame of framesOf(buffer)) found.push(notificationMessage(frame));
    return found;
  };
}

function notificationMessage(frame: Uint8Array): Message {
  const notification = decodeNotification(frame);
  if (!notification.ok) return { name: 'unreadable notification', fields: { bytes: frame.length } };
  const { state, leader, zxid, electionEpoch, peerEpoch } = notification.value;
  return { name: 'VOTE', fields: { state, leader, zxid: showZxid(zxid), round: electionEpoch, peerEpoch } };
}

function* framesOf(buffer: FrameBuffer): Generator<Uint8Array> {
  for (;;) {
    const next = nextFrame(buffer, FRAME_MAX);
    if (next.kind !== 'frame') return;
    yield next.bytes;
  }
}

// --- the client port -------------------------------------------------------------------------------------------------

function requestDecoder(ops: Map<number, number[]>): (bytes: Uint8Array) => Message[] {
  const buffer = frameBuffer();
  let connected = false;
  return (bytes) => {
    pushBytes(buffer, bytes);
    const found: Message[] = [];
    for (const frame of framesOf(buffer)) {
      found.push(connected ? requestMessage(frame, ops) : connectMessage('CONNECT', decodeConnectRequest(frame)));
      connected = true;
    }
    return found;
  };
}

function connectMessage(
  name: string,
  decoded: ReturnType<typeof decodeConnectRequest | typeof decodeConnectResponse>,
): Message {
  if (!decoded.ok) return { name: `unreadable ${name}`, fields: {} };
  const { sessionId, timeOut } = decoded.value;
  return { name, fields: { session: sessionId, timeoutMs: timeOut } };
}

function requestMessage(frame: Uint8Array, ops: Map<number, number[]>): Message {
  const split = decodeRequestFrame(frame);
  if (!split.ok) return { name: 'unreadable request', fields: { bytes: frame.length } };
  const { xid, type } = split.value.header;
  ops.set(xid, [...(ops.get(xid) ?? []), type]);
  const request = decodeRequest(type, split.value.body);
  const name = opNameOf(type) ?? `operation ${type}`;
  return { name, fields: { xid, ...(request.ok ? pathOf(request.value) : {}) } };
}

function replyDecoder(ops: Map<number, number[]>): (bytes: Uint8Array) => Message[] {
  const buffer = frameBuffer();
  let connected = false;
  return (bytes) => {
    pushBytes(buffer, bytes);
    const found: Message[] = [];
    for (const frame of framesOf(buffer)) {
      found.push(connected ? replyMessage(frame, ops) : connectMessage('CONNECTED', decodeConnectResponse(frame)));
      connected = true;
    }
    return found;
  };
}

function replyMessage(frame: Uint8Array, ops: Map<number, number[]>): Message {
  const header = decodeReplyHeader(frame.subarray(0, 16));
  if (!header.ok) return { name: 'unreadable reply', fields: { bytes: frame.length } };
  const { xid, zxid, err } = header.value;
  if (xid === Xid.notification) {
    const event = decodeWatchEvent(frame);
    return {
      name: 'EVENT',
      fields: event.ok ? { zxid: showZxid(zxid), type: event.value.event.type, path: event.value.event.path } : {},
    };
  }
  const asked = ops.get(xid);
  const op = asked?.shift();
  if (asked !== undefined && asked.length === 0) ops.delete(xid);
  const reply = op === undefined || err !== 0 ? null : decodeReply(op, frame);
  const body = reply?.ok === true && reply.value.body !== null ? pathOf(reply.value.body) : {};
  const name = op === undefined ? 'reply' : `${opNameOf(op) ?? op} reply`;
  return { name, fields: { xid, zxid: showZxid(zxid), ...(err === 0 ? {} : { err }), ...body } };
}
