/**
 * The principal of a certificate, written as Java writes it.
 *
 * An ACL of scheme x509 holds the text of `X500Principal.getName()`, which is RFC 2253 in the JDK's reading of it, and ids
 * are compared as strings. So the text must be made from the DER, byte for byte as the JDK does (sun.security.x509.X500Name,
 * RDN, AVA):
 *
 * ```
 * Name => SEQUENCE of RDN            written last first, joined by ","
 * RDN  => SET of AVA                 written in the encoded order, joined by "+"
 * AVA  => SEQUENCE (OID, any value)  KEYWORD=text for nine OIDs, else dotted OID=#hex of the whole value
 * ```
 *
 * The DER comes from a peer. Whatever is wrong with it makes the answer null; nothing is thrown.
 */

import { hex } from '../wire/bytes.ts';
import { decodeUtf8Lossy } from './lossy-utf8.ts';

/** Bounds that real certificates never come near. */
export const NAME_BYTES_MAX = 0x1_0000;

const Tag = {
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
} as const;

/** The subject of a certificate as an ACL id, or null when it cannot be read. */
export function x509Subject(certificate: Uint8Array): string | null {
  const name = subjectOf(certificate);
  return name === null ? null : x509Name(name);
}

/** A Name in DER as Java's RFC 2253 text, or null. */
export function x509Name(der: Uint8Array): string | null {
  if (der.length > NAME_BYTES_MAX) return null;
  const name = whole(der, Tag.sequence);
  const rdns = name === null ? null : itemsOf(name);
  const texts = rdns?.map(rdnText) ?? [null];
  return texts.some((text) => text === null) ? null : texts.reverse().join(',');
}

/**
 * Walks to the sixth field of the signed part.
 *
 * ```
 * Certificate => SEQUENCE (TBSCertificate, …)
 * TBSCertificate => SEQUENCE ([0] version OPTIONAL, serialNumber, signature, issuer, validity, subject, …)
 * ```
 */
function subjectOf(certificate: Uint8Array): Uint8Array | null {
  const outer = whole(certificate, Tag.sequence);
  const signed = outer === null ? null : elementAt(outer, 0);
  const fields = signed?.tag === Tag.sequence ? itemsOf(signed) : null;
  if (fields === null) return null;
  const subject = fields[fields[0]?.tag === Tag.version ? 5 : 4];
  return subject?.tag === Tag.sequence ? subject.encoding : null;
}

// --- DER -------------------------------------------------------------------------------------------------------------

/** One tag-length-value: the whole of it and its content. */
interface Element {
  readonly tag: number;
  readonly encoding: Uint8Array;
  readonly content: Uint8Array;
}

/** Items of one constructed value; a bound against millions of empty ones. */
const ITEMS_MAX = 1024;

/** The one element that fills `bytes`, of the given tag. */
function whole(bytes: Uint8Array, tag: number): Element | null {
  const element = elementAt({ content: bytes }, 0);
  return element !== null && element.tag === tag && element.encoding.length === bytes.length ? element : null;
}

function itemsOf(parent: Element): Element[] | null {
  const items: Element[] = [];
  for (let at = 0; at < parent.content.length; ) {
    const item = elementAt(parent, at);
    if (item === null || items.length === ITEMS_MAX) return null;
    items.push(item);
    at += item.encoding.length;
  }
  return items;
}

/** Single-byte tags and definite lengths, which is all that X.509 uses. */
function elementAt({ content: bytes }: { readonly content: Uint8Array }, at: number): Element | null {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return null;
  const lengthSize = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthSize > 4) return null;
  let length = lengthSize === 0 ? first : 0;
  for (let k = 0; k < lengthSize; k++) {
    const digit = bytes[at + 2 + k];
    if (digit === undefined) return null;
    length = length * 0x100 + digit;
  }
  const start = at + 2 + lengthSize;
  const end = start + length;
  if (end > bytes.length) return null;
  return { tag, encoding: bytes.subarray(at, end), content: bytes.subarray(start, end) };
}

// --- text ------------------------------------------------------------------------------------------------------------

function rdnText(rdn: Element): string | null {
  const avas = rdn.tag === Tag.set ? itemsOf(rdn) : null;
  const texts = avas?.map(avaText) ?? [null];
  return texts.length === 0 || texts.some((text) => text === null) ? null : texts.join('+');
}

/** The keywords of RFC 2253; Java writes every other type by number. */
const KEYWORD_OF_OID: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC',
  '0.9.2342.19200300.100.1.1': 'UID',
};

const TEXT_TAGS: ReadonlySet<number> = new Set([
  Tag.utf8String,
  Tag.printableString,
  Tag.t61String,
  Tag.ia5String,
  Tag.bmpString,
]);

function avaText(ava: Element): string | null {
  const [type, value, ...rest] = ava.tag === Tag.sequence ? (itemsOf(ava) ?? []) : [];
  if (type?.tag !== Tag.objectIdentifier || value === undefined || rest.length > 0) return null;
  const oid = oidText(type.content);
  if (oid === null) return null;
  const keyword = KEYWORD_OF_OID[oid];
  if (keyword === undefined) return `${oid}=#${hex(value.encoding)}`;
  return `${keyword}=${TEXT_TAGS.has(value.tag) ? escaped(decodeUtf8Lossy(value.content)) : `#${hex(value.encoding)}`}`;
}

/** Base 128, most significant first, the top bit on every byte but an arc's last; the first two arcs share a number. */
function oidText(content: Uint8Array): string | null {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of content) {
    if (arc === 0n && byte === 0x80) return null;
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [first, ...others] = arcs;
  if (first === undefined || content[content.length - 1]! >= 0x80) return null;
  const top = first < 40n ? 0n : first < 80n ? 1n : 2n;
  return [top, first - top * 40n, ...others].join('.');
}

const SPECIALS = ',=+<>#;"\\';

/** Specials are escaped wherever they stand, blanks only at the ends, NUL as hexadecimal; all else stays as it is. */
function escaped(value: string): string {
  let text = '';
  for (const character of value) {
    if (character === '\0') text += '\\00';
    else text += SPECIALS.includes(character) ? `\\${character}` : character;
  }
  return escapeEnds(text);
}

function escapeEnds(text: string): string {
  let lead = 0;
  while (lead < text.length && isBlank(text.charAt(lead))) lead += 1;
  let trail = text.length;
  while (trail > lead && isBlank(text.charAt(trail - 1))) trail -= 1;
  const escapeAll = (blanks: string): string => blanks.replace(/[ \r]/g, '\\$&');
  return escapeAll(text.slice(0, lead)) + text.slice(lead, trail) + escapeAll(text.slice(trail));
}

const isBlank = (character: string): boolean => character === ' ' || character === '\r';
