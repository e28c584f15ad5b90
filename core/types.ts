/**
 * The identifiers and small values every part of the core shares.
 *
 * Identifiers are branded: a `PeerId` and a `ConnId` are both numbers at run time, but the compiler refuses to take one
 * for the other.
 */

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A server id (`myid`, "sid" in the Java source): 1..254 for configured servers, negative for anonymous observers. */
export type PeerId = Brand<number, 'PeerId'>;

/**
 * One connection as this peer sees it, never reused within an incarnation. Incoming connections get positive ids from
 * the shell, outgoing ones negative ids from the core (`Io.newConn`), so the two never meet.
 */
export type ConnId = Brand<number, 'ConnId'>;

/** A 64-bit session id, kept signed as Java prints it in decimal and we print it in hexadecimal. */
export type SessionId = Brand<bigint, 'SessionId'>;

/**
 * A transaction id: epoch * 2^32 + counter, as an exact integer. Epochs up to `EPOCH_MAX` fit a double; the wire readers
 * refuse larger ones (docs/decisions/zxid-as-number.md).
 */
export type Zxid = Brand<number, 'Zxid'>;

export const EPOCH_MAX = 0x1f_ffff;
export const COUNTER_MAX = 0xffff_ffff;
const COUNTER_SPAN = 0x1_0000_0000;

/** Observers vote with these: Java's Long.MIN_VALUE, which is a power of two and so exact in a double. */
export const LONG_MIN = -0x8000_0000_0000_0000;

export const asPeer = (n: number): PeerId => n as PeerId;
export const asConn = (n: number): ConnId => n as ConnId;
export const asSession = (n: bigint): SessionId => BigInt.asIntN(64, n) as SessionId;
export const asZxid = (n: number): Zxid => n as Zxid;
export const ZXID_ZERO = asZxid(0);

export const zxidOf = (epoch: number, counter: number): Zxid => asZxid(epoch * COUNTER_SPAN + counter);
export const epochOf = (zxid: Zxid): number => Math.floor(zxid / COUNTER_SPAN);
export const counterOf = (zxid: Zxid): number => zxid - Math.floor(zxid / COUNTER_SPAN) * COUNTER_SPAN;

/** `0x200000003`, the form of ZooKeeper's logs and of our traces. */
export const showZxid = (zxid: number): string => (zxid < 0 ? `-0x${(-zxid).toString(16)}` : `0x${zxid.toString(16)}`);
export const showSession = (id: bigint): string => `0x${BigInt.asUintN(64, id).toString(16)}`;

/**
 * The two clocks of a step, integer milliseconds. `monoMs` never goes back and drives every timeout; `wallMs` may jump
 * and only stamps ctime, mtime and certificates.
 */
export interface Now {
  readonly monoMs: number;
  readonly wallMs: number;
}

/** An authentication identity: `{ scheme: 'digest', id: 'alice:…' }`. jute `org.apache.zookeeper.data.Id`. */
export interface Id {
  readonly scheme: string;
  readonly id: string;
}

export interface Acl {
  readonly perms: number;
  readonly id: Id;
}

export const Perm = { READ: 1, WRITE: 2, CREATE: 4, DELETE: 8, ADMIN: 16, ALL: 31 } as const;

export const WORLD_ANYONE: Id = { scheme: 'world', id: 'anyone' };
export const OPEN_ACL: readonly Acl[] = [{ perms: Perm.ALL, id: WORLD_ANYONE }];
export const READ_ACL: readonly Acl[] = [{ perms: Perm.READ, id: WORLD_ANYONE }];

/**
 * Broken promise of this very code. It is the only thing `step` throws: hostile bytes, full disks and silent peers are
 * ordinary inputs.
 */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
