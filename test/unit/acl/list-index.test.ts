/** A list that is read once and asked often says what going through its entries says. */

import { fc, test } from '@fast-check/vitest';
import { describe, expect, vi } from 'vitest';
import { type AclRules, checkAcl } from '../../../core/acl/acl.ts';
import { ipGrants, ipMatches } from '../../../core/acl/ip.ts';
import type { AuthProvider } from '../../../core/acl/provider.ts';
import { ipProvider, providersOf } from '../../../core/acl/schemes.ts';
import { DEFAULT_CONFIG } from '../../../core/config/defaults.ts';
import { askerOf, mayAccess } from '../../../core/request/access.ts';
import type { Acl, Id } from '../../../core/types.ts';

/** Judges by everything it is told, so no verdict of it can be kept for another question. */
const own: AuthProvider = {
  scheme: 'own',
  authenticated: true,
  authenticate: () => ({ kind: 'failed' }),
  isValid: () => true,
  matches: ({ id, aclId, perm, path, setAcls }) => `${id}${perm}${path}${setAcls?.length ?? ''}`.includes(aclId),
  userName: (id) => id,
};

const CONFIG = { ...DEFAULT_CONFIG, authSchemes: ['x509', 'sasl', 'ensemble'] };
/** Providers that differ in what their configuration makes of the same list. */
const RULES: readonly AclRules[] = [
  { providers: providersOf(CONFIG, [own]), skipAcl: false },
  { providers: providersOf({ ...CONFIG, x509SuperUser: 'CN=a' }), skipAcl: false },
  { providers: providersOf({ ...DEFAULT_CONFIG, digestAuthEnabled: false }), skipAcl: false },
  { providers: providersOf({ ...CONFIG, skipAcl: true }), skipAcl: true },
];

// --- the definition --------------------------------------------------------------------------------------------------

function judgePlainly(
  acl: readonly Acl[] | null,
  perm: number,
  ids: readonly Id[],
  rules: AclRules,
  path = '',
): boolean {
  if (rules.skipAcl || acl === null || acl.length === 0 || ids.some(({ scheme }) => scheme === 'super')) return true;
  return acl.some(({ perms, id: { scheme, id: aclId } }) => {
    if ((perms & perm) === 0) return false;
    if (scheme === 'world' && aclId === 'anyone') return true;
    const provider = rules.providers.get(scheme);
    return ids.some(
      (mine) => mine.scheme === scheme && provider?.matches({ id: mine.id, aclId, perm, path, setAcls: null }) === true,
    );
  });
}

// --- lists and identities --------------------------------------------------------------------------------------------

const v4 = fc
  .tuple(fc.constantFrom(10, 11), fc.constantFrom(0, 128), fc.constantFrom(0, 1), fc.nat(3))
  .map((at) => at.join('.'));
const v6 = fc
  .array(fc.constantFrom('0', '1', '8000', 'ffff'), { minLength: 8, maxLength: 8 })
  .map((at) => at.join(':'));
const addresses = fc.oneof(v4, v6, fc.constantFrom('::1', '1::', '::', 'fe80::1%eth0', '', 'x'));
const ranges = fc.oneof(
  addresses,
  fc.tuple(addresses, fc.oneof(fc.nat(33), fc.nat(130))).map(([address, bits]) => `${address}/${bits}`),
  fc.constantFrom('1.2.3', '0.0.0.0/0', '::/0', '10.0.0.0/', '10.0.0.0/-1'),
);
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  world: ['anyone', 'someone'],
  auth: ['', 'x'],
  digest: ['a:1', 'b:2', 'a', '__proto__'],
  x509: ['CN=a', 'CN=b'],
  sasl: ['a', 'super', 'b@c'],
  ensemble: ['a'],
  super: [''],
  nosuch: ['x'],
  own: ['a', '1', '/p', ''],
};
const texts = fc.constantFrom(
  ...Object.entries(TEXTS).flatMap(([scheme, all]) => all.map((id): Id => ({ scheme, id }))),
);
const entries = fc.record({
  perms: fc.oneof(fc.constantFrom(1, 2, 4, 8, 16), fc.nat(31), fc.constantFrom(0, 32, -1, 0x4000_0001)),
  id: fc.oneof(
    texts,
    ranges.map((id): Id => ({ scheme: 'ip', id })),
  ),
});
const lists = fc.array(entries, { maxLength: 12, size: 'max' });
const identities = fc.array(
  fc.oneof(
    texts,
    addresses.map((id): Id => ({ scheme: 'ip', id })),
  ),
  { maxLength: 4 },
);

describe('a verdict', () => {
  test.prop([lists, fc.nat(31), identities, fc.constantFrom(...RULES), fc.constantFrom('', '/p')], { numRuns: 3000 })(
    'is the one of the definition, whoever asks first',
    (acl, perm, ids, rules, path) => {
      const expected = judgePlainly(acl, perm, ids, rules, path);
      for (const other of RULES) expect(checkAcl(acl, 31, ids, other)).toBe(judgePlainly(acl, 31, ids, other));
      expect(checkAcl(acl, perm, ids, rules, { path })).toBe(expected);
      expect(checkAcl(acl, perm, ids, rules, { path })).toBe(expected);
      expect(checkAcl([...acl], perm, ids, rules, { path })).toBe(expected);
    },
  );

  test.prop([
    fc.array(lists, { maxLength: 3 }),
    fc.array(fc.tuple(fc.nat(2), fc.nat(31)), { maxLength: 8 }),
    identities,
  ])('that an asker remembers is of that list and those permissions', (acls, asked, ids) => {
    const asker = askerOf(ids);
    const rules = { providers: providersOf(CONFIG), skipAcl: false };
    for (const [index, perm] of asked) {
      const acl = acls[index] ?? null;
      expect(mayAccess(CONFIG, acl, perm, asker)).toBe(judgePlainly(acl, perm, ids, rules));
    }
  });

  test.prop([fc.array(entries, { maxLength: 8 }), addresses], { numRuns: 2000 })(
    'of an address is the union over the ranges that hold it',
    (some, address) => {
      let perms = 0;
      for (const entry of some) if (ipMatches(address, entry.id.id)) perms |= entry.perms;
      expect(ipGrants(some)(address)).toBe(perms);
    },
  );
});

describe('the work', () => {
  /** Counts what is asked of scheme ip. */
  function counting(): { readonly rules: AclRules; readonly count: { lists: number; entries: number; ids: number } } {
    const count = { lists: 0, entries: 0, ids: 0 };
    const provider: AuthProvider = {
      ...ipProvider,
      matches: () => expect.unreachable('an entry is compared by itself'),
      grantsOf(listed) {
        count.lists += 1;
        count.entries += listed.length;
        const grants = ipGrants(listed);
        return (id) => {
          count.ids += 1;
          return grants(id);
        };
      },
    };
    return { rules: { providers: providersOf(DEFAULT_CONFIG, [provider]), skipAcl: false }, count };
  }

  const long: readonly Acl[] = Array.from({ length: 1000 }, (_, i) => ({
    perms: 1,
    id: { scheme: 'ip', id: `10.${i >> 8}.${i & 255}.0/24` },
  }));

  test('on a list is done once, and for each question once for each identity', () => {
    const { rules, count } = counting();
    const ids: Id[] = [
      { scheme: 'ip', id: '10.9.0.1' },
      { scheme: 'digest', id: 'a:1' },
    ];
    for (let i = 0; i < 50; i++) expect(checkAcl(long, 1, ids, rules)).toBe(false);
    expect(checkAcl(long, 1, [{ scheme: 'ip', id: '10.3.200.9' }], rules)).toBe(true);
    expect(count).toEqual({ lists: 1, entries: 1000, ids: 51 });
  });

  test('on an address is one look-up for each length of a range', () => {
    const get = vi.spyOn(Map.prototype, 'get');
    const grants = ipGrants(long);
    get.mockClear();
    expect(grants('10.3.200.9')).toBe(1);
    const lookUps = get.mock.calls.length;
    get.mockRestore();
    expect(lookUps).toBe(1);
  });
});
