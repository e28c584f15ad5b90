/**
 * Whether Java would take a text for a distinguished name (javax.security.auth.x500.X500Principal).
 *
 * Scheme x509 lets an id into an ACL when it can be read as a name, even if it is written in a way that no certificate's
 * text ever equals. The reading is a lax RFC 1779 and 2253:
 *
 * ```
 * name  => "" | rdn ("," | ";") rdn …
 * rdn   => ava "+" ava …
 * ava   => type "=" value
 * type  => a keyword in any case | ["OID."] number "." number …
 * value => "" | "#" pairs of hex digits, one DER value | text in quotes | text
 * ```
 *
 * Inside quotes a separator is text; elsewhere it is text behind a backslash.
 */

import { fromHex } from '../wire/bytes.ts';

export function isDistinguishedName(text: string): boolean {
  return text === '' || split(text, ',;').every(isRdn);
}

const isRdn = (text: string): boolean => split(text, '+').every(isAva);

function isAva(text: string): boolean {
  const equals = text.indexOf('=');
  if (equals < 0) return false;
  const value = text.slice(equals + 1).replace(/^[ \n]+/, '');
  return isType(text.slice(0, equals).trim()) && isValue(value);
}

/** The pieces between separators that are neither escaped nor in quotes. */
function split(text: string, separators: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '\\') i += 1;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && separators.includes(character)) {
      pieces.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...pieces, text.slice(start)];
}

const KEYWORDS: ReadonlySet<string> = new Set([
  'CN',
  'C',
  'L',
  'S',
  'ST',
  'O',
  'OU',
  'T',
  'IP',
  'STREET',
  'DC',
  'DNQUALIFIER',
  'DNQ',
  'SURNAME',
  'GIVENNAME',
  'INITIALS',
  'GENERATION',
  'EMAIL',
  'EMAILADDRESS',
  'UID',
  'SERIALNUMBER',
]);

function isType(type: string): boolean {
  const keyword = type.toUpperCase();
  if (KEYWORDS.has(keyword)) return true;
  const arcs = (keyword.startsWith('OID.') ? keyword.slice(4) : keyword).split('.');
  if (arcs.length < 2 || !arcs.every((arc) => /^[0-9]{1,64}$/.test(arc))) return false;
  const [first, second] = [Number(arcs[0]), Number(arcs[1])];
  return first < 2 ? second < 40 : first === 2;
}

const QUOTED = /^"(?:[^"\\]|\\[0-9a-f]{2}|\\[,=\n+<>#;\\"])*"[ \n]*$/i;
const PLAIN = /^(?:[^,+<>;"\\]|\\[0-9a-f]{2}|\\[,=\n+<>#;\\" ])*$/i;

function isValue(value: string): boolean {
  if (value.startsWith('#')) return isDerInHex(withoutBlankEnd(value.slice(1)));
  return (value.startsWith('"') ? QUOTED : PLAIN).test(value);
}

/** A regular expression for this tries every blank as the first one: quadratic in a text that a client chose. */
function withoutBlankEnd(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\n')) end -= 1;
  return text.slice(0, end);
}

/** One tag, a definite length, and as many bytes. */
function isDerInHex(digits: string): boolean {
  const bytes = fromHex(digits);
  if (bytes === null || bytes.length < 2) return false;
  const first = bytes[1]!;
  const lengthSize = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthSize > 4 || bytes.length < 2 + lengthSize) return false;
  const length = bytes.subarray(2, 2 + lengthSize).reduce((sum, digit) => sum * 0x100 + digit, 0);
  return bytes.length - 2 - lengthSize === (lengthSize === 0 ? first : length);
}
