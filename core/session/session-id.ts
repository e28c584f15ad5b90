/**
 * Session ids (SessionTrackerImpl.initializeNextSessionId): the server's id in the top byte, then 40 bits of milliseconds
 * of the clock, then 16 zero bits; from there every new session adds one. Servers so need no agreement to give out
 * different ids, and one that restarts continues above its earlier ones.
 */

import { asSession, type PeerId, type SessionId } from '../types.ts';

const SID_SHIFT = 56n;
const CLOCK_SHIFT = 24n;
const CLOCK_UNSHIFT = 8n;
const ID_BITS = 64;

/** The first id to give out by a server that starts at `wallMs`. Never 0, which in a ConnectRequest asks for a new one. */
export function firstSessionId(wallMs: number, server: PeerId): SessionId {
  const clock = BigInt.asUintN(ID_BITS, BigInt(wallMs) << CLOCK_SHIFT) >> CLOCK_UNSHIFT;
  const id = clock | BigInt.asUintN(ID_BITS, BigInt(server) << SID_SHIFT);
  return asSession(id === 0n ? 1n : id);
}

export const nextSessionId = (id: SessionId): SessionId => asSession(id + 1n);

/** The top byte: who made this session. */
export function serverOfSession(id: SessionId): number {
  return Number(BigInt.asUintN(ID_BITS, id) >> SID_SHIFT);
}

const SERVER_MASK = 0xff;

/** Was this session made by the server with this id? Only the id's lowest byte is in it. */
export const isMadeBy = (id: SessionId, server: PeerId): boolean => serverOfSession(id) === (server & SERVER_MASK);
