/**
 * The password of a session: what a client shows to take its session to another connection or server.
 *
 * Any server of the ensemble must be able to check it without having seen the session before, so it is a function of the
 * session id. Java's function is a fixed one: whoever knows an id knows the password (ZooKeeperServer.generatePasswd), it
 * is an id check and no secret. Ours is an HMAC under a secret of the ensemble. A mixed ensemble needs Java's.
 */

import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { PeerConfig } from '../config/types.ts';
import type { SessionId } from '../types.ts';

export const PASSWORD_SIZE = 16;

export function sessionPassword(
  kind: PeerConfig['sessionPassword'],
  secret: Uint8Array,
  session: SessionId,
): Uint8Array {
  return kind === 'java' ? javaPassword(session) : hmacPassword(secret, session);
}

/** Takes the same time whether and wherever the bytes differ, so that a password cannot be guessed byte by byte. */
export function samePassword(expected: Uint8Array, shown: Uint8Array | null): boolean {
  if (shown === null || shown.length !== expected.length) return false;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) difference |= expected[i]! ^ shown[i]!;
  return difference === 0;
}

function hmacPassword(secret: Uint8Array, session: SessionId): Uint8Array {
  const id = new Uint8Array(8);
  new DataView(id.buffer).setBigInt64(0, session);
  return hmac(sha256, secret, id).slice(0, PASSWORD_SIZE);
}

/** `new Random(id ^ 0xB3415C00L).nextBytes(16)`. */
const SUPER_SECRET = 0xb341_5c00n;

// java.util.Random: a linear congruential generator of 48 bits that gives out its upper 32.
const MULTIPLIER = 0x5_deec_e66dn;
const ADDEND = 0xbn;
const STATE_BITS = 48;
const UPPER_SHIFT = 16n;

function javaPassword(session: SessionId): Uint8Array {
  const password = new Uint8Array(PASSWORD_SIZE);
  let state = BigInt.asUintN(STATE_BITS, session ^ SUPER_SECRET ^ MULTIPLIER);
  for (let at = 0; at < PASSWORD_SIZE; at += 4) {
    state = BigInt.asUintN(STATE_BITS, state * MULTIPLIER + ADDEND);
    const word = Number(state >> UPPER_SHIFT);
    for (let i = 0; i < 4; i++) password[at + i] = (word >>> (8 * i)) & 0xff;
  }
  return password;
}
