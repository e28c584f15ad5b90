/**
 * The election port (QuorumCnxManager, FastLeaderElection).
 *
 * ```
 * Stream    => Handshake (length:int Notification)*      the handshake only from the side that dialled
 * Handshake => version:long sid:long length:int address*  version -65536: one address; -65535: several, joined by '|'
 *            | sid:long                                    before 3.4.6; a sid is not negative, a version is
 * Notification => state:int leader:long zxid:long electionEpoch:long         28 bytes: before 3.4.6
 *                 [peerEpoch:long                                            40 bytes: 3.4.6
 *                 [version:int [configLength:int config]]]                   44 + n bytes: 3.5 and newer
 * ```
 *
 * A Java acceptor reads the address with a single read(), so a handshake must leave in one write.
 */

import type { Address } from '../io.ts';
import { asPeer, asZxid, epochOf, type PeerId, type Zxid } from '../types.ts';
import type { Decoded, WireError } from './errors.ts';
import { dropBytes, type FrameBuffer, intAt, MORE, readerOver } from './framing.ts';
import { JuteReader, JuteWriter } from './jute.ts';

// --- notifications ---------------------------------------------------------------------------------------------------

/** QuorumPeer.ServerState in the order of its numbers. */
export const ELECTION_STATES = ['looking', 'following', 'leading', 'observing'] as const;
export type ElectionState = (typeof ELECTION_STATES)[number];

export interface Notification {
  readonly state: ElectionState;
  /** Observers name Long.MIN_VALUE here, in zxid and in peerEpoch. */
  readonly leader: PeerId;
  readonly zxid: Zxid;
  readonly electionEpoch: number;
  readonly peerEpoch: number;
  /** 2 for every sender that can be reconfigured; 0 for the two short forms. */
  readonly version: number;
  /** The sender's last seen configuration as text; null from version 1 and older. */
  readonly config: string | null;
}

export const NOTIFICATION_VERSION = 2;
/** QuorumCnxManager.PACKETMAXSIZE: the greatest body of an election frame. The least is one byte. */
export const ELECTION_FRAME_MAX = 512 * 1024;

/** The body of an election frame; `framing.frame` puts the length before it. */
export function encodeNotification(n: Omit<Notification, 'version'> & { readonly config: string }): Uint8Array {
  const w = new JuteWriter(44 + n.config.length);
  w.int(ELECTION_STATES.indexOf(n.state));
  w.num(n.leader);
  w.num(n.zxid);
  w.num(n.electionEpoch);
  w.num(n.peerEpoch);
  w.int(NOTIFICATION_VERSION);
  w.string(n.config);
  return w.finish();
}

/** All three historical lengths; bytes behind the config are ignored, as upstream does. */
export function decodeNotification(bytes: Uint8Array): Decoded<Notification> {
  const r = new JuteReader(bytes);
  const state = ELECTION_STATES[r.int()];
  const leader = asPeer(r.num());
  const zxid = asZxid(r.num());
  const electionEpoch = r.num();
  const peerEpoch = bytes.length === 28 ? epochOf(zxid) : r.num();
  const version = bytes.length <= 40 ? 0 : r.int();
  const config = version >= NOTIFICATION_VERSION ? r.string() : null;
  if (r.error !== null) return { ok: false, error: r.error };
  if (state === undefined) return { ok: false, error: 'unknown-type' };
  return { ok: true, value: { state, leader, zxid, electionEpoch, peerEpoch, version, config } };
}

// --- handshake -------------------------------------------------------------------------------------------------------

export const HANDSHAKE_V1 = -65_536;
/** Several addresses per server; only between servers that all run with multiAddress.enabled. */
export const HANDSHAKE_V2 = -65_535;
/** QuorumCnxManager.maxBuffer: the greatest address text. */
export const HANDSHAKE_ADDRESS_MAX = 2048;
/** Long.MAX_VALUE as a sid: an observer without an id of its own (QuorumCnxManager.OBSERVER_ID). */
const ANONYMOUS_SID = 0x7fff_ffff_ffff_ffffn;

export interface Handshake {
  /** The dialler's id; null for an anonymous observer, whom the acceptor numbers itself. */
  readonly sid: PeerId | null;
  /** `old` announces nothing but the sid. */
  readonly form: 'old' | 'v1' | 'v2';
  /** Where the dialler's election port is to be reached; empty in the old form. */
  readonly addresses: readonly Address[];
}

export type NextHandshake =
  | { readonly kind: 'handshake'; readonly handshake: Handshake }
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly error: WireError };

export function encodeHandshake(handshake: Handshake): Uint8Array {
  const w = new JuteWriter();
  if (handshake.form !== 'old') w.num(handshake.form === 'v1' ? HANDSHAKE_V1 : HANDSHAKE_V2);
  w.long(handshake.sid === null ? ANONYMOUS_SID : BigInt(handshake.sid));
  if (handshake.form !== 'old') w.string(handshake.addresses.map(formatAddress).join('|'));
  return w.finish();
}

/** Takes the handshake from the front of what an accepted connection sent. */
export function nextHandshake(fb: FrameBuffer): NextHandshake {
  if (fb.size < 8) return MORE;
  if (intAt(fb, 0) >= 0) return takeHandshake(fb, 8);
  if (fb.size < 20) return MORE;
  const length = intAt(fb, 16);
  if (length <= 0 || length > HANDSHAKE_ADDRESS_MAX) return { kind: 'bad', error: 'bad-length' };
  return fb.size < 20 + length ? MORE : takeHandshake(fb, 20 + length);
}

function takeHandshake(fb: FrameBuffer, size: number): NextHandshake {
  const r = readerOver(fb, size);
  const handshake = readHandshake(r);
  if (r.error !== null) return { kind: 'bad', error: r.error };
  dropBytes(fb, size);
  return { kind: 'handshake', handshake };
}

function readHandshake(r: JuteReader): Handshake {
  const first = r.long();
  if (first >= 0n) return { sid: sidOf(r, first), form: 'old', addresses: [] };
  if (first !== BigInt(HANDSHAKE_V1) && first !== BigInt(HANDSHAKE_V2)) r.fail('bad-magic');
  const form = first === BigInt(HANDSHAKE_V1) ? 'v1' : 'v2';
  const sid = sidOf(r, r.long());
  const texts = r.string().split('|');
  const addresses: Address[] = [];
  for (const text of texts) {
    const address = parseAddress(text);
    if (address === null) r.fail('unknown-type');
    else addresses.push(address);
  }
  return { sid, form, addresses };
}

function sidOf(r: JuteReader, long: bigint): PeerId | null {
  if (long === ANONYMOUS_SID) return null;
  const sid = Number(long);
  if (!Number.isSafeInteger(sid)) r.fail('number-out-of-range');
  return asPeer(sid);
}

/** `host:port`; an IPv6 literal stands in brackets, which are not part of `host`. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

const PORT_MAX = 65_535;

export function parseAddress(text: string): Address | null {
  const colon = text.lastIndexOf(':');
  const portText = text.slice(colon + 1);
  const bracketed = text.startsWith('[') && text[colon - 1] === ']';
  const host = bracketed ? text.slice(1, colon - 1) : text.slice(0, Math.max(0, colon));
  const port = Number(portText);
  if (!/^[0-9]{1,5}$/.test(portText) || port > PORT_MAX) return null;
  if (host === '' || (!bracketed && host.includes(':'))) return null;
  return { host, port };
}
