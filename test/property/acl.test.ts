import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { checkAcl, fixupAcl, maskAcl } from '../../core/acl/acl.ts';
import { ipIdentity, ipMatches, isIpRange } from '../../core/acl/ip.ts';
import { providersOf } from '../../core/acl/schemes.ts';
import { x509Name } from '../../core/acl/x509.ts';
import { DEFAULT_CONFIG } from '../../core/config/defaults.ts';
import type { Acl, Id } from '../../core/types.ts';

const providers = providersOf({ ...DEFAULT_CONFIG, authSchemes: ['x509', 'sasl'] });
const rules = { providers, skipAcl: false };

// --- decisions -------------------------------------------------------------------------------------------------------

const ID_TEXTS = {
  world: ['anyone', 'someone'],
  auth: ['', 'x'],
  digest: ['a:1', 'b:2', 'a', 'a:b:c'],
  ip: ['10.0.0.1', '10.0.0.0/24', '10.0.1.1', '0:0:0:0:0:0:0:1', '::/64', 'x'],
  x509: ['CN=a', 'CN=b', 'b'],
  sasl: ['a', 'super', 'a@b@c'],
  super: [''],
  nosuch: ['x'],
} as const;
type Scheme = keyof typeof ID_TEXTS;
const SCHEMES = Object.keys(ID_TEXTS) as Scheme[];

const idOf = (scheme: Scheme): fc.Arbitrary<Id> => fc.constantFrom(...ID_TEXTS[scheme]).map((id) => ({ scheme, id }));
const anyIds = fc.constantFrom(...SCHEMES).chain(idOf);
const entries = fc.record({ perms: fc.oneof(fc.nat(31), fc.constantFrom(31, 32, -1)), id: anyIds });
const acls = fc.array(entries, { maxLength: 5 });
/** What a connection can be: always an address, perhaps more. */
const identities = fc
  .tuple(fc.constantFrom('10.0.0.1', '10.0.1.1', '0:0:0:0:0:0:0:1'), fc.array(anyIds, { maxLength: 3 }))
  .map(([ip, more]): readonly Id[] => [{ scheme: 'ip', id: ip }, ...more.filter(isPossible)]);
const isPossible = (id: Id): boolean => !['world', 'auth', 'nosuch', 'ip'].includes(id.scheme);

/** The same decision from a table of who is who. */
const IN_RANGE: Readonly<Record<string, readonly string[]>> = {
  '10.0.0.1': ['10.0.0.1', '10.0.0.0/24'],
  '10.0.1.1': ['10.0.1.1'],
  '0:0:0:0:0:0:0:1': ['0:0:0:0:0:0:0:1', '::/64'],
};

function isSame(mine: Id, theirs: Id): boolean {
  if (mine.scheme !== theirs.scheme) return false;
  if (mine.scheme === 'ip') return IN_RANGE[mine.id]!.includes(theirs.id);
  if (mine.scheme === 'sasl' && mine.id === 'super') return true;
  return mine.id === theirs.id && ['digest', 'x509', 'sasl'].includes(mine.scheme);
}

function decideByTable(acl: readonly Acl[], bits: readonly number[], ids: readonly Id[]): boolean {
  if (acl.length === 0 || ids.some((id) => id.scheme === 'super')) return true;
  const grants = acl.flatMap(({ perms, id }) => bits.filter((bit) => perms & bit).map((bit) => ({ bit, id })));
  return grants.some(({ id }) => (id.scheme === 'world' && id.id === 'anyone') || ids.some((mine) => isSame(mine, id)));
}

describe('a decision', () => {
  test.prop([acls, fc.uniqueArray(fc.constantFrom(1, 2, 4, 8, 16), { minLength: 1 }), identities], { numRuns: 5000 })(
    'is the one of the table',
    (acl, bits, ids) => {
      const mask = bits.reduce((sum, bit) => sum | bit, 0);
      expect(checkAcl(acl, mask, ids, rules)).toBe(decideByTable(acl, bits, ids));
    },
  );

  test.prop([acls, fc.constantFrom(1, 2, 4, 8, 16), identities, entries])(
    'is never turned to a refusal by one more entry or identity',
    (acl, perm, ids, more) => {
      fc.pre(acl.length > 0 && checkAcl(acl, perm, ids, rules));
      expect(checkAcl([...acl, more], perm, ids, rules)).toBe(true);
      expect(checkAcl([...acl].reverse(), perm, ids, rules)).toBe(true);
      expect(checkAcl(acl, perm, [{ scheme: 'digest', id: 'z:z' }, ...ids], rules)).toBe(true);
    },
  );
});

// --- fix-up ----------------------------------------------------------------------------------------------------------

const VALID: Readonly<Record<Scheme, readonly string[]>> = {
  world: ['anyone'],
  auth: [],
  digest: ['a:1', 'b:2'],
  ip: ['10.0.0.1', '10.0.0.0/24', '10.0.1.1', '0:0:0:0:0:0:0:1', '::/64'],
  x509: ['CN=a', 'CN=b'],
  sasl: ['a', 'super'],
  super: [],
  nosuch: [],
};

function fixupByTable(acl: readonly Acl[], ids: readonly Id[]): Acl[] | null {
  const distinct = [...new Map(acl.map((entry) => [JSON.stringify(entry), entry])).values()];
  const own = ids.filter((id) => ['digest', 'x509', 'sasl'].includes(id.scheme));
  const fixed = distinct.map(({ perms, id }): Acl[] => {
    if (perms < 0 || perms > 31) return [];
    if (id.scheme === 'auth') return own.map((mine) => ({ perms, id: mine }));
    return VALID[id.scheme as Scheme].includes(id.id) ? [{ perms, id }] : [];
  });
  return fixed.length === 0 || fixed.some((part) => part.length === 0) ? null : fixed.flat();
}

describe('fix-up', () => {
  test.prop([acls, identities], { numRuns: 5000 })('is the one of the table', (acl, ids) => {
    expect(fixupAcl(acl, ids, providers)).toEqual(fixupByTable(acl, ids));
  });

  test.prop([acls, identities])('of what is fixed up changes nothing but duplicates', (acl, ids) => {
    const fixed = fixupAcl(acl, ids, providers);
    fc.pre(fixed !== null);
    const again = fixupAcl(fixed, [], providers);
    expect(again).toEqual(fixupByTable(fixed, []));
    expect(fixupAcl(again, [], providers)).toEqual(again);
  });

  test.prop([acls])('and a mask never shows what is behind the first colon of a digest', (acl) => {
    for (const { id } of maskAcl(acl)) if (id.scheme === 'digest') expect(id.id).toMatch(/^[^:]*(:x)?$/);
  });
});

// --- addresses -------------------------------------------------------------------------------------------------------

const bytes = (size: number): fc.Arbitrary<number[]> => fc.array(fc.nat(255), { minLength: size, maxLength: size });
const v4Text = (address: readonly number[]): string => address.join('.');
const v6Groups = (address: readonly number[]): string[] =>
  Array.from({ length: 8 }, (_, i) => ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16));
/** The first run of zero groups as `::`, as people write it. */
const v6Short = (address: readonly number[]): string =>
  v6Groups(address)
    .join(':')
    .replace(/(^|:)0(:0)+(:|$)/, '::');
const bits = (address: readonly number[]): string => address.map((byte) => byte.toString(2).padStart(8, '0')).join('');

describe('an address range', () => {
  const pairs = fc.constantFrom(4, 16).chain((size) =>
    fc.tuple(bytes(size), bytes(size), fc.nat(size * 8), fc.nat(size * 8)).map(([a, random, same, prefix]) => {
      // b has at least `same` bits in common with a, so that near misses are as frequent as hits.
      const joined = bits(a).slice(0, same) + bits(random).slice(same);
      const b = Array.from({ length: size }, (_, i) => Number.parseInt(joined.slice(8 * i, 8 * i + 8), 2));
      return { a, b, prefix };
    }),
  );

  test.prop([pairs], { numRuns: 3000 })('holds the addresses with the same first bits', ({ a, b, prefix }) => {
    const text = a.length === 4 ? v4Text(a) : v6Short(a);
    const id = a.length === 4 ? v4Text(b) : v6Groups(b).join(':');
    expect(isIpRange(`${text}/${prefix}`)).toBe(true);
    expect(ipMatches(id, `${text}/${prefix}`)).toBe(bits(a).slice(0, prefix) === bits(b).slice(0, prefix));
    expect(ipMatches(id, text)).toBe(bits(a) === bits(b));
  });

  test.prop([bytes(16)])('is read the same short and long, and an identity is always long', (address) => {
    const long = v6Groups(address).join(':');
    fc.pre(!long.startsWith('0:0:0:0:0:ffff:'));
    expect(ipIdentity(v6Short(address))).toBe(long);
    expect(ipIdentity(long)).toBe(long);
  });

  test.prop([fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 })])('of any text never throws', (a, b) => {
    expect(ipMatches(a, b) && !isIpRange(b)).toBe(false);
  });
});

// --- names -----------------------------------------------------------------------------------------------------------

describe('a certificate’s name', () => {
  const der = (tag: number, ...parts: Uint8Array[]): Uint8Array => {
    const content = parts.flatMap((part) => [...part]);
    const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
    return Uint8Array.of(tag, ...length, ...content);
  };
  const CN = Uint8Array.of(0x55, 0x04, 0x03);
  const nameOf = (values: readonly string[]): Uint8Array =>
    der(0x30, ...values.map((value) => der(0x31, der(0x30, der(6, CN), der(0x0c, new TextEncoder().encode(value))))));

  /** Reads RFC 2253 back: split at bare commas, take the escapes away. */
  function valuesOf(text: string): string[] {
    if (text === '') return [];
    const values: string[] = [''];
    for (let i = 0; i < text.length; i++) {
      if (text.startsWith('\\00', i)) values[values.length - 1] += '\0';
      else if (text[i] === '\\') values[values.length - 1] += text[i + 1]!;
      else if (text[i] === ',') values.push('');
      else values[values.length - 1] += text[i]!;
      if (text.startsWith('\\00', i)) i += 2;
      else if (text[i] === '\\') i += 1;
    }
    return values.map((value) => value.replace(/^CN=/, '')).reverse();
  }

  const texts = fc.string({
    unit: fc.constantFrom(' ', '\r', ',', '=', '+', '#', '"', '\\', '\0', 'a', 'é', '😀', '\n'),
    maxLength: 6,
  });

  test.prop([fc.array(texts, { maxLength: 4 })], { numRuns: 2000 })('tells its values exactly', (values) => {
    expect(valuesOf(x509Name(nameOf(values))!)).toEqual(values);
  });

  test.prop([fc.uint8Array({ maxLength: 60 })], { numRuns: 3000 })('never throws, whatever the bytes', (junk) => {
    x509Name(junk);
    x509Name(der(0x30, junk));
    x509Name(der(0x30, der(0x31, der(0x30, junk))));
  });
});
