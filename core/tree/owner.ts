/**
 * What the 64-bit `ephemeralOwner` of a node means (server/EphemeralType).
 *
 * It is 0 for an ordinary node and the session id for an ephemeral one. Two more kinds are squeezed into it: a container
 * is Long.MIN_VALUE, and a node with a time to live has the top byte 0xff, two zero bytes and the TTL in the lower five.
 * Server ids stop at 254 so that no session id starts with 0xff. The release 3.5.3 wrote a TTL as the top bit alone
 * (server/EphemeralTypeEmulate353); such data is read only when asked, because the ids of servers above 127 look the same.
 */

export type OwnerKind = 'none' | 'session' | 'container' | 'ttl';

export const CONTAINER_OWNER = -0x8000_0000_0000_0000n;

/** 2^40 - 1 ms, about 34 years. */
export const TTL_MAX_MS = 0xff_ffff_ffff;

const TTL_TAG = 0xff_0000n;
const TTL_TAG_SHIFT = 40n;

export interface OwnerOptions {
  /** Read every negative owner as a TTL, as `zookeeper.emulate353TTLNodes` does. */
  readonly emulate353Ttl: boolean;
}

export function ownerKind(owner: bigint, options: OwnerOptions): OwnerKind {
  if (owner === 0n) return 'none';
  if (owner === CONTAINER_OWNER) return 'container';
  if (owner > 0n) return 'session';
  if (options.emulate353Ttl || BigInt.asUintN(64, owner) >> TTL_TAG_SHIFT === TTL_TAG) return 'ttl';
  return 'session';
}

/** The time to live that a TTL owner carries. */
export function ttlOf(owner: bigint): number {
  return Number(BigInt.asUintN(40, owner));
}

/** The owner of a node that lives for `ttlMs`; null when that is not within 1 and `TTL_MAX_MS`. */
export function ttlOwner(ttlMs: number): bigint | null {
  if (!Number.isSafeInteger(ttlMs) || ttlMs <= 0 || ttlMs > TTL_MAX_MS) return null;
  return BigInt.asIntN(64, (TTL_TAG << TTL_TAG_SHIFT) | BigInt(ttlMs));
}
