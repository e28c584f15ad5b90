import type { PeerConfig } from '../config/types.ts';
import type { Address, Io, Remote } from '../io.ts';
import type { ConnId, PeerId } from '../types.ts';
import type { FrameBuffer } from '../wire/framing.ts';
import type { CnxCtx } from './context.ts';

export interface CnxState {
  listening: readonly Address[];
  conns: Map<ConnId, Cnx>;
  links: Map<PeerId, Link>;
  nextAnonymous: PeerId;
}

export type Cnx =
  | { phase: 'dialling'; peer: PeerId; deadlineMs: number }
  | { phase: 'handshake'; buffer: FrameBuffer; deadlineMs: number; ip: string; trusted: boolean }
  | { phase: 'open'; peer: PeerId; buffer: FrameBuffer; blocked: boolean };

export interface Link {
  conn: ConnId | null;
  dial: ConnId | null;
  queued: Uint8Array | null;
  queuedAtMs: number;
  lastSent: Uint8Array | null;
  dialAtMs: number | null;
  backoffMs: number;
  addressIndex: number;
  advertised: readonly Address[];
  heardAtMs: number;
}

export interface CnxEvent {
  readonly type: 'message';
  readonly from: PeerId;
  readonly bytes: Uint8Array;
}

export function cnxBoot(_config: PeerConfig, _io: Io): CnxState {
  return { listening: [], conns: new Map(), links: new Map(), nextAnonymous: -1 as PeerId };
}
/** Listens on the election addresses that the last seen membership gives this server, where they differ from the present ones. */
export function cnxListen(_cnx: CnxState, _ctx: CnxCtx, _io: Io): void {}
export function cnxSend(_cnx: CnxState, _ctx: CnxCtx, _io: Io, _to: PeerId, _bytes: Uint8Array): void {}
/** Whether the connection is one of the election channel: then the functions below want its inputs. */
export const cnxOwns = (cnx: CnxState, conn: ConnId): boolean => cnx.conns.has(conn);
export function cnxOpened(
  _cnx: CnxState,
  _ctx: CnxCtx,
  _io: Io,
  _input: { readonly conn: ConnId; readonly remote: Remote },
): CnxEvent[] {
  return [];
}
export function cnxFailed(
  _cnx: CnxState,
  _ctx: CnxCtx,
  _io: Io,
  _input: { readonly conn: ConnId; readonly reason: string },
): CnxEvent[] {
  return [];
}
export function cnxBytes(
  _cnx: CnxState,
  _ctx: CnxCtx,
  _io: Io,
  _input: { readonly conn: ConnId; readonly bytes: Uint8Array },
): CnxEvent[] {
  return [];
}
export function cnxBlocked(_cnx: CnxState, _conn: ConnId): void {}
export function cnxDrained(_cnx: CnxState, _ctx: CnxCtx, _io: Io, _conn: ConnId): void {}
export function cnxClosed(
  _cnx: CnxState,
  _ctx: CnxCtx,
  _io: Io,
  _input: { readonly conn: ConnId; readonly reason: string },
): CnxEvent[] {
  return [];
}
export function cnxReconnectAll(_cnx: CnxState, _ctx: CnxCtx, _io: Io): void {}
/** Closes the connections of servers that are in neither configuration any more. */
export function cnxForget(_cnx: CnxState, _ctx: CnxCtx, _io: Io): void {}
/** Closes the connection to one peer; it is dialled again when there is something to send. */
export function cnxDrop(_cnx: CnxState, _ctx: CnxCtx, _io: Io, _peer: PeerId, _reason: string): void {}
export const cnxHaveDelivered = (cnx: CnxState): boolean => [...cnx.links.values()].some((l) => l.queued === null);
export function cnxTick(_cnx: CnxState, _ctx: CnxCtx, _io: Io): void {}
export function cnxDeadline(_cnx: CnxState): number | null {
  return null;
}
