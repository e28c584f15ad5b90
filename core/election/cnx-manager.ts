/**
 * The connections of the election port (QuorumCnxManager): at most one to each peer, and on it the newest message only.
 *
 * **Who keeps which connection.** Two servers may dial each other at the same time, so the greater server id decides:
 * connections are kept only when the greater id dialled them. A smaller server dials to knock: it writes its handshake
 * and closes; the greater one reads the handshake, closes too, drops what it had for that peer (the knock says that the
 * peer lost it) and dials back.
 *
 * ```
 *   dial ──opened──► handshake sent ──► peer < self: open       peer > self: close (a knock)
 *   accept ─────────► handshake read ──► peer > self: open       peer < self: close, dial back
 * ```
 *
 * **What is sent.** A vote makes every earlier vote of the same server worthless, so the queue to a peer holds one
 * message, the newest. When a connection is made and nothing is queued, the last message is sent again, because nobody
 * knows whether it arrived on the connection before.
 *
 * **A dead peer costs little, and nobody else anything.** Each peer has its own dial, its own deadline and its own
 * back-off (ZOOKEEPER-498, 822, 900, 3756). While this server looks for a leader it insists: a peer for which a message
 * waits is dialled again, ever more slowly. Once it has found one it rests, because whoever still looks dials by itself;
 * then a peer is dialled when there is something new to say. A peer that knocks is alive and is dialled at once.
 *
 * Everything that arrives is hostile until checked: a bad handshake or frame ends in `close` and a note.
 */

import { isWildcardHost, roleOf, SERVER_ADDRESSES_MAX, serverOf } from '../config/membership.ts';
import type { Membership, PeerConfig } from '../config/types.ts';
import { type Address, type Io, note, type Remote } from '../io.ts';
import { asPeer, type ConnId, type PeerId } from '../types.ts';
import {
  ELECTION_FRAME_MAX,
  encodeHandshake,
  formatAddress,
  type Handshake,
  nextHandshake,
} from '../wire/election-codec.ts';
import { type FrameBuffer, frame, frameBuffer, nextFrame, pushBytes } from '../wire/framing.ts';
import type { CnxCtx } from './context.ts';

/** Accepted connections that have not said who they are. A flood pushes out its own oldest. */
export const GREETINGS_MAX = 64;
/** Peers outside the configurations, known only by what they call themselves; the oldest makes room for the next. */
export const STRANGERS_MAX = 256;
/** First pause between two dials; doubles up to `cnxTimeoutMs`. */
export const DIAL_BACKOFF_MIN_MS = 200;

export interface CnxState {
  /** What this server listens on. */
  listening: Address[];
  /** Every connection of the election channel, from the `connect` effect or the accept until it is closed. */
  conns: Map<ConnId, Cnx>;
  links: Map<PeerId, Link>;
  /** The id for the next observer without one: -1, -2, … */
  nextAnonymous: number;
  /** Whether waiting messages are worth dialling for again and again. */
  insisting: boolean;
}

/** One connection. */
export type Cnx =
  | { phase: 'dialling'; peer: PeerId; deadlineMs: number }
  /** Accepted; the handshake has not arrived yet. */
  | { phase: 'greeting'; remote: Remote; buffer: FrameBuffer; deadlineMs: number }
  /** `blockedAtMs` is set while the send buffer is over its high-water mark. */
  | { phase: 'open'; peer: PeerId; buffer: FrameBuffer; blockedAtMs: number | null };

/** One peer. */
export interface Link {
  /** The open connection. */
  conn: ConnId | null;
  /** The connection being dialled. */
  dial: ConnId | null;
  /** The message that waits for a connection, or for the one there is to take more. */
  queued: Uint8Array | null;
  lastSent: Uint8Array | null;
  /** When to dial again. */
  dialAtMs: number | null;
  backoffMs: number;
  /** Which of the peer's addresses is dialled next (the one that worked last), and how many remain before the next pause. */
  addressIndex: number;
  addressesLeft: number;
  /** Where the peer said it can be reached; used after the configured addresses. */
  advertised: Address[];
  /** When anything of the peer last arrived. */
  heardAtMs: number;
}

/** A whole message of a peer. The bytes are only lent: whoever keeps them copies them. */
export interface CnxEvent {
  readonly type: 'message';
  readonly from: PeerId;
  readonly bytes: Uint8Array;
}

/** Starts listening; a standalone server has no election port. */
export function cnxBoot(config: PeerConfig, io: Io): CnxState {
  const cnx: CnxState = { listening: [], conns: new Map(), links: new Map(), nextAnonymous: -1, insisting: false };
  if (config.membership !== null) listenOn(cnx, io, config, electionAddressesOf(config.membership, config.myid));
  return cnx;
}

/** Follows a reconfiguration that moved this server's election port. */
export function cnxListen(cnx: CnxState, ctx: CnxCtx, io: Io): void {
  const addresses = electionAddressesOf(ctx.membership, ctx.self);
  if (addresses.length > 0) listenOn(cnx, io, ctx.config, addresses);
}

function listenOn(cnx: CnxState, io: Io, config: PeerConfig, addresses: Address[]): void {
  const wanted = config.quorumListenOnAllIPs ? addresses.map(({ port }) => ({ host: '0.0.0.0', port })) : addresses;
  if (wanted.map(formatAddress).join() === cnx.listening.map(formatAddress).join()) return;
  if (cnx.listening.length > 0) io.emit({ type: 'unlisten', channel: 'election' });
  cnx.listening = wanted;
  for (const { host, port } of wanted) {
    io.emit({ type: 'listen', channel: 'election', address: { host, port }, tls: config.sslQuorum });
  }
}

const electionAddressesOf = (m: Membership, id: PeerId): Address[] =>
  serverOf(m, id)?.addresses.map(({ host, electionPort }) => ({ host, port: electionPort })) ?? [];

// --- sending -----------------------------------------------------------------------------------------------------

/** Sends a message to a peer, or keeps it, in place of any older one, until there is a connection. */
export function cnxSend(cnx: CnxState, ctx: CnxCtx, io: Io, to: PeerId, bytes: Uint8Array): void {
  const link = linkOf(cnx, ctx, io, to);
  link.queued = bytes.slice();
  if (link.conn !== null) flush(cnx, io, link);
  else if (link.dial === null && link.dialAtMs === null) dial(cnx, ctx, io, to, link);
}

function flush(cnx: CnxState, io: Io, link: Link): void {
  const conn = link.conn;
  if (conn === null || link.queued === null || isBlocked(cnx, conn)) return;
  io.emit({ type: 'send', conn, bytes: frame(link.queued) });
  link.lastSent = link.queued;
  link.queued = null;
}

function isBlocked(cnx: CnxState, conn: ConnId): boolean {
  const state = cnx.conns.get(conn);
  return state?.phase === 'open' && state.blockedAtMs !== null;
}

/** An election begins: what was said before it is void, and what will be said is worth insisting on. */
export function cnxInsist(cnx: CnxState): void {
  cnx.insisting = true;
  for (const link of cnx.links.values()) {
    link.queued = null;
    link.lastSent = null;
  }
}

/** The election is over. */
export function cnxRest(cnx: CnxState): void {
  cnx.insisting = false;
  for (const link of cnx.links.values()) link.dialAtMs = null;
}

/** Whether some peer has been given everything meant for it (QuorumCnxManager.haveDelivered). */
export function cnxHaveDelivered(cnx: CnxState): boolean {
  for (const link of cnx.links.values()) if (link.queued === null) return true;
  return false;
}

/** Dials every server that has no connection, without waiting for its back-off (QuorumCnxManager.connectAll). */
export function cnxReconnectAll(cnx: CnxState, ctx: CnxCtx, io: Io): void {
  for (const [peer, link] of cnx.links) {
    if (link.conn === null && link.dial === null && isMember(ctx, peer)) dial(cnx, ctx, io, peer, link);
  }
}

/** Whether nothing was heard of the peer for so long although there is a connection. */
export function cnxIsSilent(cnx: CnxState, peer: PeerId, { sinceMs }: { readonly sinceMs: number }): boolean {
  const link = cnx.links.get(peer);
  return link !== undefined && link.conn !== null && link.heardAtMs <= sinceMs;
}

/** Closes the connection to a peer; the next message to it dials again. */
export function cnxDrop(cnx: CnxState, io: Io, peer: PeerId, reason: string): void {
  const link = cnx.links.get(peer);
  if (link === undefined || link.conn === null) return;
  note(io, 'election.cnx.drop', { peer, reason });
  closeConn(cnx, io, link.conn);
  link.conn = null;
}

/** Closes everything towards servers that are in neither configuration. */
export function cnxForget(cnx: CnxState, ctx: CnxCtx, io: Io): void {
  for (const peer of [...cnx.links.keys()]) if (!isMember(ctx, peer)) forget(cnx, io, peer);
}

const isMember = (ctx: CnxCtx, peer: PeerId): boolean =>
  roleOf(ctx.committed, peer) !== null || roleOf(ctx.membership, peer) !== null;

// --- dialling ----------------------------------------------------------------------------------------------------

function dial(cnx: CnxState, ctx: CnxCtx, io: Io, peer: PeerId, link: Link): void {
  const addresses = addressesOf(ctx, peer, link);
  link.dialAtMs = null;
  if (addresses.length === 0) {
    note(io, 'election.cnx.unknown', { peer });
    return;
  }
  if (link.addressesLeft === 0) link.addressesLeft = addresses.length;
  const address = addresses[link.addressIndex % addresses.length]!;
  const conn = io.newConn();
  link.dial = conn;
  cnx.conns.set(conn, { phase: 'dialling', peer, deadlineMs: io.now.monoMs + ctx.config.cnxTimeoutMs });
  io.emit({ type: 'connect', conn, channel: 'election', peer, address: { host: address.host, port: address.port } });
}

/**
 * Where the peer may be: as committed, as last seen, and last where it says. Java prefers what a knock says, and goes
 * astray when a server advertises an address that only it can use (ZOOKEEPER-2164, ZOOKEEPER-4708).
 */
function addressesOf(ctx: CnxCtx, peer: PeerId, link: Link): Address[] {
  const all = [
    ...electionAddressesOf(ctx.committed, peer),
    ...electionAddressesOf(ctx.membership, peer),
    ...link.advertised,
  ];
  const seen = new Map(all.map((address) => [formatAddress(address), address]));
  return [...seen.values()];
}

/** A dial did not lead to a connection: the next address at once, or after a full turn a pause. */
function onDialFailed(cnx: CnxState, ctx: CnxCtx, io: Io, peer: PeerId, link: Link): void {
  link.dial = null;
  link.addressIndex++;
  link.addressesLeft = Math.max(0, link.addressesLeft - 1);
  if (link.addressesLeft > 0) {
    dial(cnx, ctx, io, peer, link);
    return;
  }
  link.addressIndex = 0;
  if (isMember(ctx, peer)) pauseDialling(cnx, ctx, io, link);
  else forget(cnx, io, peer);
}

function pauseDialling(cnx: CnxState, ctx: CnxCtx, io: Io, link: Link): void {
  link.addressesLeft = 0;
  if (link.queued === null || !cnx.insisting) return;
  link.dialAtMs = io.now.monoMs + link.backoffMs;
  link.backoffMs = Math.min(link.backoffMs * 2, Math.max(DIAL_BACKOFF_MIN_MS, ctx.config.cnxTimeoutMs));
}

// --- what happens to connections ---------------------------------------------------------------------------------

/** Whether the connection belongs to the election channel, so that its inputs belong here. */
export const cnxOwns = (cnx: CnxState, conn: ConnId): boolean => cnx.conns.has(conn);

/** A connection of the election channel was accepted, or a dial succeeded. */
export function cnxOpened(
  cnx: CnxState,
  ctx: CnxCtx,
  io: Io,
  { conn, remote }: { readonly conn: ConnId; readonly remote: Remote },
): void {
  const state = cnx.conns.get(conn);
  // An outgoing connection (its id is negative) that was given up in the meantime.
  if (state === undefined && conn < 0) {
    io.emit({ type: 'close', conn });
    return;
  }
  if (!isTrusted(ctx.config, remote)) {
    note(io, 'election.cnx.untrusted', { conn, ip: remote.ip, tls: remote.tls });
    if (state?.phase === 'dialling') endDial(cnx, ctx, io, conn, state.peer);
    else io.emit({ type: 'close', conn });
  } else if (state?.phase === 'dialling') {
    onDialled(cnx, ctx, io, conn, state.peer, remote);
  } else {
    makeRoomForGreeting(cnx, io);
    const deadlineMs = io.now.monoMs + ctx.config.cnxTimeoutMs;
    cnx.conns.set(conn, { phase: 'greeting', remote, buffer: frameBuffer(), deadlineMs });
  }
}

/** With `sslQuorum` the other end must have shown a certificate that the shell verified. */
const isTrusted = (config: PeerConfig, remote: Remote): boolean =>
  !config.sslQuorum || (remote.tls && remote.certificate !== null);

function makeRoomForGreeting(cnx: CnxState, io: Io): void {
  const greetings = [...cnx.conns].filter(([, { phase }]) => phase === 'greeting');
  if (greetings.length < GREETINGS_MAX) return;
  note(io, 'election.cnx.crowded', { count: greetings.length });
  closeConn(cnx, io, greetings[0]![0]);
}

function onDialled(cnx: CnxState, ctx: CnxCtx, io: Io, conn: ConnId, peer: PeerId, remote: Remote): void {
  if (ctx.mayClaim !== undefined && !ctx.mayClaim(remote, peer)) {
    note(io, 'election.cnx.untrusted', { conn, ip: remote.ip, peer });
    endDial(cnx, ctx, io, conn, peer);
    return;
  }
  // One write: a Java acceptor takes the address with a single read().
  io.emit({ type: 'send', conn, bytes: encodeHandshake(ownHandshake(cnx, ctx)) });
  const link = linkOf(cnx, ctx, io, peer);
  link.dial = null;
  if (peer < ctx.self) {
    open(cnx, ctx, io, conn, peer, frameBuffer());
  } else {
    closeConn(cnx, io, conn);
    note(io, 'election.cnx.knock', { peer });
    pauseDialling(cnx, ctx, io, link);
  }
}

/** A server that is in no configuration any more can still be reached where it listens. */
function ownHandshake(cnx: CnxState, ctx: CnxCtx): Handshake {
  const views = [ctx.membership, ctx.committed].map((m) => electionAddressesOf(m, ctx.self));
  const addresses = [...views, cnx.listening].find((list) => list.length > 0) ?? [{ host: '0.0.0.0', port: 0 }];
  return ctx.config.multiAddressEnabled
    ? { sid: ctx.self, form: 'v2', addresses }
    : { sid: ctx.self, form: 'v1', addresses: addresses.slice(0, 1) };
}

/** The `connect` effect failed. */
export function cnxFailed(
  cnx: CnxState,
  ctx: CnxCtx,
  io: Io,
  { conn, reason }: { readonly conn: ConnId; readonly reason: string },
): void {
  const state = cnx.conns.get(conn);
  if (state?.phase !== 'dialling') return;
  note(io, 'election.cnx.unreachable', { peer: state.peer, reason });
  cnx.conns.delete(conn);
  const link = cnx.links.get(state.peer);
  if (link?.dial === conn) onDialFailed(cnx, ctx, io, state.peer, link);
}

function endDial(cnx: CnxState, ctx: CnxCtx, io: Io, conn: ConnId, peer: PeerId): void {
  closeConn(cnx, io, conn);
  const link = cnx.links.get(peer);
  if (link?.dial === conn) onDialFailed(cnx, ctx, io, peer, link);
}

/** The other end or the network closed the connection. */
export function cnxClosed(
  cnx: CnxState,
  ctx: CnxCtx,
  io: Io,
  { conn, reason }: { readonly conn: ConnId; readonly reason: string },
): void {
  const state = cnx.conns.get(conn);
  if (state === undefined) return;
  if (state.phase === 'dialling') {
    cnxFailed(cnx, ctx, io, { conn, reason });
    return;
  }
  cnx.conns.delete(conn);
  if (state.phase === 'greeting') return;
  note(io, 'election.cnx.closed', { peer: state.peer, reason });
  const link = cnx.links.get(state.peer);
  if (link?.conn !== conn) return;
  link.conn = null;
  if (!isMember(ctx, state.peer)) cnx.links.delete(state.peer);
  else if (link.dial === null) pauseDialling(cnx, ctx, io, link);
}

/** Bytes arrived: the whole messages among them. */
export function cnxBytes(
  cnx: CnxState,
  ctx: CnxCtx,
  io: Io,
  { conn, bytes }: { readonly conn: ConnId; readonly bytes: Uint8Array },
): CnxEvent[] {
  const state = cnx.conns.get(conn);
  if (state === undefined || state.phase === 'dialling') return [];
  pushBytes(state.buffer, bytes);
  if (state.phase === 'greeting') onGreeting(cnx, ctx, io, conn, state);
  else hear(cnx, io, state.peer);
  return readMessages(cnx, io, conn);
}

function hear(cnx: CnxState, io: Io, peer: PeerId): void {
  const link = cnx.links.get(peer);
  if (link !== undefined) link.heardAtMs = io.now.monoMs;
}

function onGreeting(
  cnx: CnxState,
  ctx: CnxCtx,
  io: Io,
  conn: ConnId,
  state: Extract<Cnx, { phase: 'greeting' }>,
): void {
  const next = nextHandshake(state.buffer);
  if (next.kind === 'more') return;
  const fault = next.kind === 'bad' ? next.error : faultOf(next.handshake, ctx, state.remote);
  if (next.kind === 'bad' || fault !== null) {
    refuse(cnx, io, conn, state.remote, fault ?? '');
    return;
  }
  const { sid, addresses } = next.handshake;
  if (sid === null) {
    open(cnx, ctx, io, conn, asPeer(cnx.nextAnonymous--), state.buffer);
    return;
  }
  const link = linkOf(cnx, ctx, io, sid);
  link.advertised = usableAddresses(addresses, state.remote);
  if (sid > ctx.self) open(cnx, ctx, io, conn, sid, state.buffer);
  else dialBack(cnx, ctx, io, conn, sid, link);
}

function faultOf({ sid }: Handshake, ctx: CnxCtx, remote: Remote): string | null {
  if (ctx.mayClaim !== undefined && !ctx.mayClaim(remote, sid)) return 'not its certificate';
  if (sid === null) return null;
  if (sid < 0) return 'negative id';
  return sid === ctx.self ? 'own id' : null;
}

function refuse(cnx: CnxState, io: Io, conn: ConnId, remote: Remote, reason: string): void {
  note(io, 'election.cnx.refused', { conn, ip: remote.ip, reason });
  closeConn(cnx, io, conn);
}

/** A server that listens on every interface advertises a wildcard; what we can use is where it came from. */
const usableAddresses = (addresses: readonly Address[], remote: Remote): Address[] =>
  addresses
    .filter(({ port }) => port !== 0)
    .slice(0, SERVER_ADDRESSES_MAX)
    .map(({ host, port }) => ({ host: isWildcardHost(host) ? remote.ip : host, port }));

/** A smaller server knocked. Whatever connection we believe in, it has none. */
function dialBack(cnx: CnxState, ctx: CnxCtx, io: Io, conn: ConnId, peer: PeerId, link: Link): void {
  closeConn(cnx, io, conn);
  if (link.conn !== null) closeConn(cnx, io, link.conn);
  link.conn = null;
  link.backoffMs = DIAL_BACKOFF_MIN_MS;
  if (link.dial === null) dial(cnx, ctx, io, peer, link);
}

/** The connection becomes the one of its peer, in place of any other. */
function open(cnx: CnxState, ctx: CnxCtx, io: Io, conn: ConnId, peer: PeerId, buffer: FrameBuffer): void {
  const link = linkOf(cnx, ctx, io, peer);
  if (link.conn !== null) closeConn(cnx, io, link.conn);
  if (link.dial !== null) closeConn(cnx, io, link.dial);
  link.conn = conn;
  link.dial = null;
  link.dialAtMs = null;
  link.backoffMs = DIAL_BACKOFF_MIN_MS;
  link.addressesLeft = 0;
  link.heardAtMs = io.now.monoMs;
  cnx.conns.set(conn, { phase: 'open', peer, buffer, blockedAtMs: null });
  note(io, 'election.cnx.open', { peer });
  link.queued ??= link.lastSent;
  flush(cnx, io, link);
}

function readMessages(cnx: CnxState, io: Io, conn: ConnId): CnxEvent[] {
  const events: CnxEvent[] = [];
  for (;;) {
    const state = cnx.conns.get(conn);
    if (state?.phase !== 'open') return events;
    const next = nextFrame(state.buffer, ELECTION_FRAME_MAX);
    if (next.kind === 'more') return events;
    if (next.kind === 'bad' || next.bytes.length === 0) {
      cnxDrop(cnx, io, state.peer, next.kind === 'bad' ? next.error : 'bad-length');
      return events;
    }
    events.push({ type: 'message', from: state.peer, bytes: next.bytes });
  }
}

export function cnxBlocked(cnx: CnxState, io: Io, conn: ConnId): void {
  const state = cnx.conns.get(conn);
  if (state?.phase === 'open') state.blockedAtMs ??= io.now.monoMs;
}

export function cnxDrained(cnx: CnxState, io: Io, conn: ConnId): void {
  const state = cnx.conns.get(conn);
  if (state?.phase !== 'open') return;
  state.blockedAtMs = null;
  const link = cnx.links.get(state.peer);
  if (link !== undefined) flush(cnx, io, link);
}

// --- time --------------------------------------------------------------------------------------------------------

export function cnxTick(cnx: CnxState, ctx: CnxCtx, io: Io): void {
  const nowMs = io.now.monoMs;
  for (const [conn, state] of [...cnx.conns]) {
    if (!cnx.conns.has(conn)) continue;
    if (state.phase === 'dialling' && state.deadlineMs <= nowMs) {
      note(io, 'election.cnx.unreachable', { peer: state.peer, reason: 'timeout' });
      endDial(cnx, ctx, io, conn, state.peer);
    } else if (state.phase === 'greeting' && state.deadlineMs <= nowMs) {
      refuse(cnx, io, conn, state.remote, 'timeout');
    }
  }
  for (const [peer, link] of [...cnx.links]) tickLink(cnx, ctx, io, peer, link);
}

function tickLink(cnx: CnxState, ctx: CnxCtx, io: Io, peer: PeerId, link: Link): void {
  const nowMs = io.now.monoMs;
  const stuckAtMs = stuckAt(cnx, link, ctx.config);
  if (stuckAtMs !== null && stuckAtMs <= nowMs) {
    cnxDrop(cnx, io, peer, 'send blocked');
    link.dialAtMs = nowMs;
  }
  if (link.dialAtMs === null || link.dialAtMs > nowMs) return;
  link.dialAtMs = null;
  if (link.queued !== null && link.conn === null && link.dial === null) dial(cnx, ctx, io, peer, link);
}

/** A peer that does not read may be dead behind a live connection (ZOOKEEPER-4203): another one is tried. */
function stuckAt(cnx: CnxState, link: Link, config: PeerConfig): number | null {
  if (link.conn === null || link.queued === null) return null;
  const state = cnx.conns.get(link.conn);
  return state?.phase === 'open' && state.blockedAtMs !== null ? state.blockedAtMs + config.cnxTimeoutMs : null;
}

export function cnxDeadline(cnx: CnxState, config: PeerConfig): number | null {
  let deadlineMs = Number.POSITIVE_INFINITY;
  for (const state of cnx.conns.values()) {
    if (state.phase !== 'open' && state.deadlineMs < deadlineMs) deadlineMs = state.deadlineMs;
  }
  for (const link of cnx.links.values()) {
    if (link.dialAtMs !== null && link.dialAtMs < deadlineMs) deadlineMs = link.dialAtMs;
    if (link.queued === null) continue;
    const atMs = stuckAt(cnx, link, config);
    if (atMs !== null && atMs < deadlineMs) deadlineMs = atMs;
  }
  return deadlineMs === Number.POSITIVE_INFINITY ? null : deadlineMs;
}

// --- the tables --------------------------------------------------------------------------------------------------

/** The peer's link, made when there is none. */
function linkOf(cnx: CnxState, ctx: CnxCtx, io: Io, peer: PeerId): Link {
  const known = cnx.links.get(peer);
  if (known !== undefined) return known;
  if (!isMember(ctx, peer)) makeRoomForStranger(cnx, ctx, io);
  cnx.links.set(peer, {
    conn: null,
    dial: null,
    queued: null,
    lastSent: null,
    dialAtMs: null,
    backoffMs: DIAL_BACKOFF_MIN_MS,
    addressIndex: 0,
    addressesLeft: 0,
    advertised: [],
    heardAtMs: io.now.monoMs,
  });
  return cnx.links.get(peer)!;
}

function makeRoomForStranger(cnx: CnxState, ctx: CnxCtx, io: Io): void {
  const strangers = [...cnx.links.keys()].filter((peer) => !isMember(ctx, peer));
  if (strangers.length >= STRANGERS_MAX) forget(cnx, io, strangers[0]!);
}

function forget(cnx: CnxState, io: Io, peer: PeerId): void {
  const link = cnx.links.get(peer);
  if (link === undefined) return;
  if (link.conn !== null) closeConn(cnx, io, link.conn);
  if (link.dial !== null) closeConn(cnx, io, link.dial);
  cnx.links.delete(peer);
  note(io, 'election.cnx.forget', { peer });
}

function closeConn(cnx: CnxState, io: Io, conn: ConnId): void {
  cnx.conns.delete(conn);
  io.emit({ type: 'close', conn });
}
