/**
 * Digests of the tree.
 *
 * The tree digest, version 2, is ZooKeeper's own (server/DigestCalculator, server/util/AdHash): the wrap-around 64-bit sum
 * over all nodes of a CRC-32 over path, data and the persisted Stat. Everything below `/zookeeper/` is left out, the root
 * counts once under the empty path. A sum needs no order and can be kept while nodes come and go. It travels in proposals,
 * logs and snapshots, so its weak spots are part of the protocol: null and empty data, and all ACLs, look alike to it.
 *
 * The state digest is ours and sees everything replicated. It is made the same way, from two 32-bit lanes that are mixed
 * before they are summed, so that two differences do not cancel each other.
 */

import type { Acl } from '../types.ts';
import { crc32 } from '../wire/crc32.ts';
import type { StatPersisted } from '../wire/records.ts';
import { utf8Encode } from '../wire/utf8.ts';

export const TREE_DIGEST_VERSION = 2;

/** The fields of a node that digests see; a `DataNode` and a `StatPersisted` both have them. */
export type DigestStat = Pick<
  StatPersisted,
  'czxid' | 'mzxid' | 'pzxid' | 'ctime' | 'mtime' | 'version' | 'cversion' | 'aversion' | 'ephemeralOwner'
>;

const EXCLUDED_PREFIX = '/zookeeper/';

/** The node takes no part in the tree digest. */
export function isOutsideDigest(path: string): boolean {
  return path.startsWith(EXCLUDED_PREFIX);
}

/** What one node adds to the tree digest: an unsigned 32-bit number. */
export function nodeDigest(path: string, data: Uint8Array | null, stat: DigestStat): number {
  return isOutsideDigest(path) ? 0 : statCrc(contentCrc(path, data), stat);
}

/** The CRC after path and data. A parent's Stat changes with every child; this half of its digest then stays. */
export function contentCrc(path: string, data: Uint8Array | null): number {
  const crc = path === '/' ? 0 : crc32(utf8Encode(path));
  return data === null ? crc : crc32(data, crc);
}

const STAT_SIZE = 60;
const scratch = new Uint8Array(STAT_SIZE);
const scratchView = new DataView(scratch.buffer);

/** Continues `content` over the Stat's fields, big-endian, in DigestCalculator's order. */
export function statCrc(content: number, stat: DigestStat): number {
  putLong(0, stat.czxid);
  putLong(8, stat.mzxid);
  putLong(16, stat.pzxid);
  putLong(24, stat.ctime);
  putLong(32, stat.mtime);
  scratchView.setInt32(40, stat.version);
  scratchView.setInt32(44, stat.cversion);
  scratchView.setInt32(48, stat.aversion);
  scratchView.setBigInt64(52, stat.ephemeralOwner);
  return crc32(scratch, content);
}

function putLong(at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  scratchView.setInt32(at, high);
  scratchView.setInt32(at + 4, value - high * 0x1_0000_0000);
}

/** A 64-bit sum of unsigned 32-bit terms, exact without bigints. */
export class DigestSum {
  private high = 0;
  private low = 0;

  add(term: number): void {
    this.low += term;
    if (this.low >= 0x1_0000_0000) {
      this.low -= 0x1_0000_0000;
      this.high = (this.high + 1) | 0;
    }
  }

  subtract(term: number): void {
    this.low -= term;
    if (this.low < 0) {
      this.low += 0x1_0000_0000;
      this.high = (this.high - 1) | 0;
    }
  }

  /** Signed, as jute carries it. */
  value(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }
}

/** A sum of mixed pairs of 32-bit words; the order of terms does not matter and a term can be taken out again. */
export class MixSum {
  private a = 0;
  private b = 0;

  add(x: number, y: number): void {
    this.a = (this.a + mixA(x, y)) | 0;
    this.b = (this.b + mixB(x, y)) | 0;
  }

  subtract(x: number, y: number): void {
    this.a = (this.a - mixA(x, y)) | 0;
    this.b = (this.b - mixB(x, y)) | 0;
  }

  value(): bigint {
    return (BigInt(this.a) << 32n) | BigInt(this.b >>> 0);
  }
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
function finalise(x: number): number {
  let h = x;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return h ^ (h >>> 16);
}

const mixA = (x: number, y: number): number => finalise(finalise(x + 0x9e37_79b9) ^ y);
const mixB = (x: number, y: number): number => finalise(finalise(y ^ 0x7f4a_7c15) + x);

/** FNV-1a over UTF-16 units, finalised: for keys of tables, not for anything an adversary may choose against us. */
export function hashText(text: string, seed = 0): number {
  let h = 0x811c_9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x0100_0193);
  return finalise(h);
}

export function hashLong(value: bigint): number {
  return finalise(Number(BigInt.asUintN(32, value)) ^ finalise(Number(BigInt.asUintN(32, value >> 32n))));
}

export function hashNumber(value: number): number {
  const high = Math.floor(value / 0x1_0000_0000);
  return finalise((value - high * 0x1_0000_0000) ^ finalise(high));
}

/** By value and in order: two replicas may know the same list under different ids. */
export function hashAcl(acl: readonly Acl[]): number {
  let h = acl.length;
  for (const entry of acl) h = hashText(entry.id.id, hashText(entry.id.scheme, finalise(h) ^ entry.perms));
  return h;
}
