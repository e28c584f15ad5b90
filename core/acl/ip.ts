/**
 * Addresses of scheme ip (server/auth/IPAuthenticationProvider).
 *
 * An ACL id is `address` or `address/bits`, in IPv4 or IPv6; an identity is the text of the peer's address as Java's
 * `getHostAddress` prints it. Both are turned into bytes, masked and compared; the families never meet. Only plain digits
 * are taken for numbers; Java would also take a sign.
 */

import type { Acl } from '../types.ts';
import type { Grants } from './provider.ts';

const V4_SIZE = 4;
const V6_SIZE = 16;
const V6_GROUPS = 8;

/** The address is in the range that the ACL names. */
export function ipMatches(id: string, aclId: string): boolean {
  const range = parseRange(aclId);
  const address = parseAddress(id);
  if (range === null || address === null || range.address.length !== address.length) return false;
  return address.every((byte, index) => ((byte ^ range.address[index]!) & maskByte(range.bits, index)) === 0);
}

/**
 * The ranges of a list, read once. Ranges of one length in bits lie side by side, so an address is in at most one of them: it is
 * cut to that length and looked up, once for each length that occurs, however many ranges there are.
 */
export function ipGrants(entries: readonly Acl[]): Grants {
  const v4 = new Map<number, Map<string, number>>();
  const v6 = new Map<number, Map<string, number>>();
  for (const { perms, id } of entries) {
    const range = parseRange(id.id);
    if (range === null) continue;
    const { address, bits } = range;
    const byBits = address.length === V4_SIZE ? v4 : v6;
    const byPrefix = byBits.get(bits) ?? new Map<string, number>();
    const prefix = prefixOf(address, bits);
    byPrefix.set(prefix, (byPrefix.get(prefix) ?? 0) | perms);
    byBits.set(bits, byPrefix);
  }
  return (id) => {
    const address = parseAddress(id);
    let perms = 0;
    if (address === null) return perms;
    for (const [bits, byPrefix] of address.length === V4_SIZE ? v4 : v6) {
      perms |= byPrefix.get(prefixOf(address, bits)) ?? 0;
    }
    return perms;
  };
}

/** The address with all behind the first `bits` bits zero, a character for each byte. */
const prefixOf = (address: readonly number[], bits: number): string =>
  String.fromCharCode(...address.map((byte, index) => byte & maskByte(bits, index)));

export const isIpRange = (aclId: string): boolean => parseRange(aclId) !== null;

function maskByte(bits: number, index: number): number {
  const kept = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff00 >> kept) & 0xff;
}

function parseRange(text: string): { address: readonly number[]; bits: number } | null {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const bitsMax = address.length * 8;
  const bits = slash < 0 ? bitsMax : parseDecimal(text.slice(slash + 1), bitsMax);
  return bits === null ? null : { address, bits };
}

/** Four or sixteen numbers, or null. */
export function parseAddress(text: string): readonly number[] | null {
  if (text.includes(':')) return parseV6(text);
  return parseV4(text);
}

function parseV4(text: string): readonly number[] | null {
  const parts = text.split('.').map((part) => parseDecimal(part, 255));
  return parts.length === V4_SIZE && parts.every((part) => part !== null) ? parts : null;
}

/** Leading zeros mean nothing: `010` is ten, as Integer.parseInt says. */
function parseDecimal(text: string, max: number): number | null {
  if (!/^[0-9]{1,32}$/.test(text)) return null;
  const value = Number(text);
  return value <= max ? value : null;
}

/** Eight groups, or fewer around one `::`. No embedded IPv4 form and no zone. */
function parseV6(text: string): readonly number[] | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = halves.map(parseGroups);
  if (head === undefined || head === null || tail === null) return null;
  if (tail === undefined) return head.length === V6_SIZE && text !== '' ? head : null;
  const gap = V6_SIZE - head.length - tail.length;
  return gap > 0 ? [...head, ...new Array<number>(gap).fill(0), ...tail] : null;
}

/** The bytes of groups joined by colons; none for the empty text. */
function parseGroups(text: string): number[] | null {
  if (text === '') return [];
  const bytes: number[] = [];
  for (const group of text.split(':')) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return null;
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
  }
  return bytes;
}

const V4_MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/**
 * The identity of a peer: its address as Java prints it. IPv6 comes in full, without zeros in front and without `::`; an
 * IPv4 address mapped into IPv6 comes as IPv4. A zone (`%eth0`) stays, and so the id matches nothing.
 */
export function ipIdentity(socketAddress: string): string {
  const percent = socketAddress.indexOf('%');
  const zone = percent < 0 ? '' : socketAddress.slice(percent);
  const address = percent < 0 ? socketAddress : socketAddress.slice(0, percent);
  const bytes = parseAddress(withHexTail(address));
  if (bytes === null) return socketAddress;
  if (bytes.length === V4_SIZE) return bytes.join('.');
  if (V4_MAPPED_PREFIX.every((byte, index) => bytes[index] === byte)) return bytes.slice(-V4_SIZE).join('.');
  const groups: string[] = [];
  for (let i = 0; i < V6_GROUPS; i++) groups.push(((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  return groups.join(':') + zone;
}

/** `::ffff:1.2.3.4`, as sockets report it, with its end in hexadecimal. */
function withHexTail(address: string): string {
  const colon = address.lastIndexOf(':');
  const tail = colon < 0 ? null : parseV4(address.slice(colon + 1));
  if (tail === null) return address;
  const [a, b, c, d] = tail as [number, number, number, number];
  return `${address.slice(0, colon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
