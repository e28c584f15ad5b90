/**
 * The quorum port: packets between a leader and its learners (server/quorum/Leader, LearnerHandler, Learner).
 *
 * ```
 * Stream => QuorumPacket*                      back to back, without a length before each
 * QuorumPacket => type:int zxid:long data:buffer authinfo:vector<Id>
 * ```
 *
 * A packet's end is only known by walking over it, so `nextPacket` measures before it decodes and keeps its place in the
 * `FrameBuffer`. After SNAP the same stream carries a snapshot body (snapshot-codec.ts) and then packets again.
 *
 * The payloads inside `data` are raw longs and ints, not jute records, except LearnerInfo.
 */

import { asPeer, type PeerId, type SessionId } from '../types.ts';
import type { Decoded, WireError } from './errors.ts';
import {
  dropBytes,
  type EntryShape,
  type FrameBuffer,
  intAt,
  MEASURE_BAD,
  MEASURE_MORE,
  MORE,
  measureEntries,
  readerOver,
} from './framing.ts';
import { JuteReader, JuteWriter } from './jute.ts';
import { LearnerInfo, QuorumPacket } from './records.ts';
import { utf8Decode, utf8Encode } from './utf8.ts';

export type NextPacket =
  | { readonly kind: 'packet'; readonly packet: QuorumPacket }
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly error: WireError };

/** type, zxid and the length of data: what must be there before anything can be measured. */
const PREFIX_SIZE = 16;
const ID_SHAPE: EntryShape = { fixed: 0, strings: 2 };

export function encodePacket(packet: QuorumPacket): Uint8Array {
  const w = new JuteWriter(PREFIX_SIZE + 4 + (packet.data?.length ?? 0));
  QuorumPacket.write(w, packet);
  return w.finish();
}

/**
 * The next packet of the stream. `maxLength` bounds the whole packet (upstream: jute.maxbuffer for its data). The packet's
 * data is a view: a proposal that is kept must be copied.
 */
export function nextPacket(fb: FrameBuffer, maxLength: number): NextPacket {
  if (fb.size < PREFIX_SIZE) return MORE;
  const dataLength = intAt(fb, PREFIX_SIZE - 4);
  if (dataLength < -1) return { kind: 'bad', error: 'bad-length' };
  const authAt = PREFIX_SIZE + Math.max(0, dataLength);
  if (authAt + 4 > maxLength) return { kind: 'bad', error: 'too-large' };
  const end = measureEntries(fb, authAt, ID_SHAPE, maxLength);
  if (end === MEASURE_MORE) return MORE;
  if (end === MEASURE_BAD) return { kind: 'bad', error: 'bad-length' };
  const r = readerOver(fb, end);
  const packet = QuorumPacket.read(r);
  if (r.error !== null) return { kind: 'bad', error: r.error };
  dropBytes(fb, end);
  return { kind: 'packet', packet };
}

// --- FOLLOWERINFO, OBSERVERINFO --------------------------------------------------------------------------------------

/** The protocol that knows LEADERINFO and ACKEPOCH (Zab 1.0); LearnerInfo and LEADERINFO carry it. */
export const LEARNER_PROTOCOL_VERSION = 0x1_0000;
/** What LearnerHandler assumes of a learner that does not say. */
const PROTOCOL_VERSION_UNSAID = 1;

export interface LearnerInfoData {
  /** Null when the learner sent no id: the leader then makes up a negative one. */
  readonly serverid: PeerId | null;
  readonly protocolVersion: number;
  /** Version of the configuration the learner last saw; 0 from learners that predate reconfiguration. */
  readonly configVersion: number;
}

export function encodeLearnerInfo(info: LearnerInfo): Uint8Array {
  const w = new JuteWriter(20);
  LearnerInfo.write(w, info);
  return w.finish();
}

/** LearnerInfo => serverid:long [protocolVersion:int [configVersion:long]], or nothing at all (LearnerHandler.run). */
export function decodeLearnerInfo(data: Uint8Array | null): Decoded<LearnerInfoData> {
  const r = new JuteReader(data ?? NOTHING);
  const size = r.remaining;
  const serverid = size >= 8 ? asPeer(r.num()) : null;
  const protocolVersion = size >= 12 ? r.int() : PROTOCOL_VERSION_UNSAID;
  const configVersion = size >= 20 ? r.num() : 0;
  return finish(r, { serverid, protocolVersion, configVersion });
}

// --- LEADERINFO, ACKEPOCH --------------------------------------------------------------------------------------------

/** LEADERINFO => protocolVersion:int; the new epoch is in the packet's zxid. */
export function encodeLeaderInfo(protocolVersion: number): Uint8Array {
  return intBytes(protocolVersion);
}

export function decodeLeaderInfo(data: Uint8Array | null): Decoded<number> {
  return decodeInt(data);
}

/** ACKEPOCH => currentEpoch:int; -1 when the leader's epoch is not newer than the accepted one, so this is no promise. */
export function encodeAckEpoch(currentEpoch: number): Uint8Array {
  return intBytes(currentEpoch);
}

export function decodeAckEpoch(data: Uint8Array | null): Decoded<number> {
  return decodeInt(data);
}

// --- NEWLEADER -------------------------------------------------------------------------------------------------------

/** NEWLEADER => the leader's last seen configuration as text; empty from leaders that predate reconfiguration. */
export function encodeConfigText(text: string): Uint8Array {
  return utf8Encode(text);
}

export function decodeConfigText(data: Uint8Array | null): Decoded<string> {
  const text = utf8Decode(data ?? NOTHING);
  return text === null ? { ok: false, error: 'bad-utf8' } : { ok: true, value: text };
}

// --- REQUEST ---------------------------------------------------------------------------------------------------------

/** REQUEST => sessionId:long cxid:int type:int body; the body is the client's record to the end of the data. */
export interface RequestPayload {
  readonly sessionId: SessionId;
  readonly cxid: number;
  readonly type: number;
  readonly body: Uint8Array;
}

export function encodeRequestPayload(request: RequestPayload): Uint8Array {
  const w = new JuteWriter(16 + request.body.length);
  w.long(request.sessionId);
  w.int(request.cxid);
  w.int(request.type);
  w.raw(request.body);
  return w.finish();
}

export function decodeRequestPayload(data: Uint8Array | null): Decoded<RequestPayload> {
  const r = new JuteReader(data ?? NOTHING);
  const sessionId = r.long() as SessionId;
  const cxid = r.int();
  const type = r.int();
  return finish(r, { sessionId, cxid, type, body: r.bytes.subarray(r.offset, r.end) });
}

// --- PING, REVALIDATE ------------------------------------------------------------------------------------------------

export interface SessionTouch {
  readonly session: SessionId;
  readonly timeoutMs: number;
}

const TOUCH_SIZE = 12;

/** A learner's PING => (session:long timeout:int)*; the leader's has no data. */
export function encodePingTouches(touches: readonly SessionTouch[]): Uint8Array {
  const w = new JuteWriter(TOUCH_SIZE * touches.length);
  for (const touch of touches) writeTouch(w, touch);
  return w.finish();
}

export function decodePingTouches(data: Uint8Array | null): Decoded<readonly SessionTouch[]> {
  const r = new JuteReader(data ?? NOTHING);
  const touches: SessionTouch[] = [];
  while (r.remaining > 0 && !r.failed) touches.push(readTouch(r));
  return finish(r, touches);
}

/** A learner's REVALIDATE => session:long timeout:int. */
export function encodeRevalidate(touch: SessionTouch): Uint8Array {
  const w = new JuteWriter(TOUCH_SIZE);
  writeTouch(w, touch);
  return w.finish();
}

export function decodeRevalidate(data: Uint8Array | null): Decoded<SessionTouch> {
  const r = new JuteReader(data ?? NOTHING);
  return finish(r, readTouch(r));
}

export interface RevalidateAnswer {
  readonly session: SessionId;
  readonly valid: boolean;
}

/** The leader's REVALIDATE => session:long valid:bool. */
export function encodeRevalidateAnswer(session: SessionId, valid: boolean): Uint8Array {
  const w = new JuteWriter(9);
  w.long(session);
  w.bool(valid);
  return w.finish();
}

export function decodeRevalidateAnswer(data: Uint8Array | null): Decoded<RevalidateAnswer> {
  const r = new JuteReader(data ?? NOTHING);
  return finish(r, { session: r.long() as SessionId, valid: r.bool() });
}

function writeTouch(w: JuteWriter, touch: SessionTouch): void {
  w.long(touch.session);
  w.int(touch.timeoutMs);
}

function readTouch(r: JuteReader): SessionTouch {
  return { session: r.long() as SessionId, timeoutMs: r.int() };
}

// --- COMMITANDACTIVATE, INFORMANDACTIVATE ----------------------------------------------------------------------------

/** COMMITANDACTIVATE => designatedLeader:long. */
export function encodeDesignatedLeader(leader: PeerId): Uint8Array {
  const w = new JuteWriter(8);
  w.num(leader);
  return w.finish();
}

export function decodeDesignatedLeader(data: Uint8Array | null): Decoded<PeerId> {
  const r = new JuteReader(data ?? NOTHING);
  return finish(r, asPeer(r.num()));
}

export interface InformAndActivate {
  readonly leader: PeerId;
  /** The transaction's bytes, as in INFORM. */
  readonly entry: Uint8Array;
}

/** INFORMANDACTIVATE => designatedLeader:long entry. */
export function encodeInformAndActivate(inform: InformAndActivate): Uint8Array {
  const w = new JuteWriter(8 + inform.entry.length);
  w.num(inform.leader);
  w.raw(inform.entry);
  return w.finish();
}

export function decodeInformAndActivate(data: Uint8Array | null): Decoded<InformAndActivate> {
  const r = new JuteReader(data ?? NOTHING);
  const leader = asPeer(r.num());
  return finish(r, { leader, entry: r.bytes.subarray(r.offset, r.end) });
}

// --- common ----------------------------------------------------------------------------------------------------------

const NOTHING = new Uint8Array(0);

function intBytes(value: number): Uint8Array {
  const w = new JuteWriter(4);
  w.int(value);
  return w.finish();
}

function decodeInt(data: Uint8Array | null): Decoded<number> {
  const r = new JuteReader(data ?? NOTHING);
  return finish(r, r.int());
}

function finish<T>(r: JuteReader, value: T): Decoded<T> {
  return r.error === null ? { ok: true, value } : { ok: false, error: r.error };
}
