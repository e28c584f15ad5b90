import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isDistinguishedName } from '../../../core/acl/distinguished-name.ts';
import { x509Name, x509Subject } from '../../../core/acl/x509.ts';
import { fromHex } from '../../../core/wire/bytes.ts';

interface Vector {
  readonly name: string;
  readonly der: string;
  readonly rfc2253: string;
}

const vectors = JSON.parse(
  readFileSync(new URL('../../golden/x509-principals.json', import.meta.url), 'utf8'),
) as readonly Vector[];
const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

describe('the names that a JDK 17 rendered', () => {
  test('are all there', () => {
    expect(vectors.length).toBe(65);
  });

  test.each(vectors)('$name', ({ der, rfc2253 }) => {
    expect(x509Name(bytesOf(der))).toBe(rfc2253);
  });

  test('can all stand in an ACL', () => {
    expect(vectors.filter(({ rfc2253 }) => !isDistinguishedName(rfc2253)).map(({ name }) => name)).toEqual([]);
  });
});

describe('bytes that are no name', () => {
  const good = bytesOf(vectors[1]!.der);

  test('cut short, they give nothing', () => {
    for (let size = 0; size < good.length; size++) expect(x509Name(good.subarray(0, size))).toBeNull();
  });

  test('with anything behind them, they give nothing', () => {
    expect(x509Name(Uint8Array.of(...good, 0))).toBeNull();
  });

  test.each([
    ['not a sequence', '310d310b300906035504030c027631'],
    ['a sequence of no set', '300b300906035504030c027631'],
    ['an empty set', '30023100'],
    ['an attribute without a value', '3009310730050603550403'],
    ['an attribute with two values', '3011310f300d06035504030c0276310c027632'],
    ['a type that is no OID', '300d310b300904035504030c027631'],
    ['an empty OID', '300a3108300606000c027631'],
    ['an OID that does not end', '300d310b300906035504830c027631'],
    ['an OID with an empty digit', '300e310c300a060480035504030c0276'],
    ['an indefinite length', '30800000'],
    ['a length of five bytes', '308500000000000000'],
    ['a tag of more than a byte', '1f810100'],
  ])('%s', (_, der) => {
    expect(x509Name(fromHex(der)!)).toBeNull();
  });

  test('of any kind never throw', () => {
    for (let at = 0; at < good.length; at++) {
      for (const value of [0, 0x1f, 0x30, 0x7f, 0x80, 0x81, 0x84, 0xff]) {
        const broken = good.slice();
        broken[at] = value;
        expect(() => x509Name(broken)).not.toThrow();
        expect(() => x509Subject(broken)).not.toThrow();
      }
    }
  });
});

describe('the subject of a certificate', () => {
  const tlv = (tag: number, ...parts: Uint8Array[]): Uint8Array => {
    const content = parts.flatMap((part) => [...part]);
    return Uint8Array.of(tag, 0x82, content.length >> 8, content.length & 0xff, ...content);
  };
  const issuer = bytesOf(vectors[1]!.der);
  const subject = bytesOf(vectors[0]!.der);
  const serial = tlv(0x02, Uint8Array.of(1));
  const version = tlv(0xa0, tlv(0x02, Uint8Array.of(2)));
  const empty = tlv(0x30);
  const certificate = (...fields: Uint8Array[]): Uint8Array => tlv(0x30, tlv(0x30, ...fields), empty, tlv(0x03));

  test('is its sixth field, or its fifth in version 1', () => {
    expect(x509Subject(certificate(version, serial, empty, issuer, empty, subject, empty))).toBe('CN=test');
    expect(x509Subject(certificate(serial, empty, issuer, empty, subject, empty))).toBe('CN=test');
  });

  test('is nothing when the certificate is none', () => {
    expect(x509Subject(certificate(version, serial, empty, issuer))).toBeNull();
    expect(x509Subject(new Uint8Array(0))).toBeNull();
    expect(x509Subject(tlv(0x30))).toBeNull();
    expect(x509Subject(tlv(0x30, tlv(0x04)))).toBeNull();
  });
});

describe('a distinguished name in an ACL', () => {
  test.each([
    '',
    'CN=a',
    'cn=a, O=b ; ou=c',
    'CN=a+UID=b',
    ' CN = a ',
    'CN=',
    'OID.2.5.4.3=a',
    '1.2.3=x',
    'CN="a, b"',
    'CN=a\\, b',
    'CN=\\C3\\A9',
    'CN=#0c0161',
    // The longest form of a length: four bytes of it.
    'CN=#0c840000000161',
    'EMAILADDRESS=a@b',
    'CN=a=b',
  ])('%j is one', (text) => {
    expect(isDistinguishedName(text)).toBe(true);
  });

  test.each([
    'alice',
    'CN',
    '=a',
    'foo=a',
    'CN=a,',
    'CN=a,,O=b',
    'CN=a+',
    'CN=a"b',
    'CN="a',
    'CN="a"b',
    'CN=a\\',
    'CN=a\\q',
  ])('%j is none', (text) => {
    expect(isDistinguishedName(text)).toBe(false);
  });

  test('one that ends in blanks is read in one pass', () => {
    expect(isDistinguishedName(`CN=#0c0161${' '.repeat(1_000_000)}`)).toBe(true);
    expect(isDistinguishedName(`CN=#${' '.repeat(1_000_000)}x`)).toBe(false);
  });

  test.each(['CN=#', 'CN=#0', 'CN=#0c02', 'CN=#0c0161 x', 'CN=#0cz1', '3.1=a', '1.40=a', '1=a', '1.-2=a', 'CN=a<b'])(
    '%j is none either',
    (text) => {
      expect(isDistinguishedName(text)).toBe(false);
    },
  );
});
