import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type AclRules, checkAcl, fixupAcl, maskAcl, visibleAcl } from '../../../core/acl/acl.ts';
import type { AuthProvider } from '../../../core/acl/provider.ts';
import {
  authenticate,
  digestId,
  digestProvider,
  ensembleProvider,
  identitiesOf,
  providersOf,
  saslIds,
  saslProvider,
  userNameOf,
  withIds,
  x509Provider,
} from '../../../core/acl/schemes.ts';
import { DEFAULT_CONFIG } from '../../../core/config/defaults.ts';
import type { Remote } from '../../../core/io.ts';
import { type Acl, type Id, OPEN_ACL, Perm } from '../../../core/types.ts';
import { utf8Encode } from '../../../core/wire/utf8.ts';

const id = (scheme: string, text: string): Id => ({ scheme, id: text });
const entry = (perms: number, scheme: string, text: string): Acl => ({ perms, id: id(scheme, text) });

const ALICE = id('digest', digestId('alice:secret'));
const BOB = id('digest', digestId('bob:secret'));
const HOME = id('ip', '127.0.0.1');

const providers = providersOf({ ...DEFAULT_CONFIG, authSchemes: ['x509', 'sasl', 'ensemble'] });
const RULES: AclRules = { providers, skipAcl: false };
const PLAIN: Remote = { ip: '127.0.0.1', port: 5, tls: false, certificate: null };

/** A certificate of version 1 in which everything is empty but the subject, `CN=v1`. */
const CERTIFICATE = new Uint8Array(
  Buffer.from('301a301802010130003000' + '3000' + '300d310b300906035504030c027631', 'hex'),
);

describe('an ACL grants', () => {
  const acl = [
    entry(Perm.READ, 'world', 'anyone'),
    entry(Perm.ALL, ALICE.scheme, ALICE.id),
    entry(Perm.WRITE, 'ip', '127.0.0.0/8'),
  ];

  test.each([
    ['READ to everyone', Perm.READ, [], true],
    ['WRITE not to everyone', Perm.WRITE, [], false],
    ['WRITE by address', Perm.WRITE, [HOME], true],
    ['not by another address', Perm.WRITE, [id('ip', '10.0.0.1')], false],
    ['everything to alice', Perm.ADMIN, [HOME, ALICE], true],
    ['nothing more to bob', Perm.ADMIN, [BOB], false],
    ['everything to super', Perm.ADMIN, [id('super', '')], true],
    ['one bit of the mask is enough', Perm.READ | Perm.ADMIN, [], true],
    ['no id of another scheme', Perm.ADMIN, [id('sasl', ALICE.id)], false],
  ])('%s', (_, perm, ids, granted) => {
    expect(checkAcl(acl, perm, ids, RULES)).toBe(granted);
  });

  test('everything when there is none, or when lists are switched off', () => {
    const nobody = [entry(0, 'world', 'anyone')];
    expect([checkAcl(null, Perm.ADMIN, [], RULES), checkAcl([], Perm.ADMIN, [], RULES)]).toEqual([true, true]);
    expect(checkAcl(nobody, Perm.READ, [], RULES)).toBe(false);
    expect(checkAcl(nobody, Perm.READ, [], { ...RULES, skipAcl: true })).toBe(true);
  });

  test('nothing through schemes that nobody provides', () => {
    const none = { providers: new Map(), skipAcl: false };
    expect(checkAcl([entry(Perm.ALL, 'digest', ALICE.id)], Perm.READ, [ALICE], none)).toBe(false);
    expect(checkAcl([entry(Perm.ALL, 'world', 'someone')], Perm.READ, [id('world', 'someone')], RULES)).toBe(false);
    expect(checkAcl([entry(Perm.ALL, 'world', 'anyone')], Perm.READ, [], none)).toBe(true);
  });

  test('what a provider of one’s own says, which sees path and intent', () => {
    const key: AuthProvider = {
      ...ensembleProvider({ ensembleNames: null }),
      scheme: 'tenant',
      matches: ({ id: own, aclId, path, perm, setAcls }) =>
        own === aclId && path.startsWith(`/${own}`) && perm === Perm.READ && setAcls === null,
    };
    const rules = { providers: providersOf(DEFAULT_CONFIG, [key]), skipAcl: false };
    const list = [entry(Perm.ALL, 'tenant', 'blue')];
    expect(checkAcl(list, Perm.READ, [id('tenant', 'blue')], rules, { path: '/blue/x' })).toBe(true);
    expect(checkAcl(list, Perm.READ, [id('tenant', 'blue')], rules, { path: '/red' })).toBe(false);
    expect(checkAcl(list, Perm.READ, [id('tenant', 'blue')], rules, { path: '/blue', setAcls: list })).toBe(false);
  });
});

describe('fix-up', () => {
  const ids = [HOME, ALICE, id('sasl', 'jaas')];
  const fix = (...acl: Acl[]) => fixupAcl(acl, ids, providers);

  test('drops duplicates and keeps the order', () => {
    const world = entry(1, 'world', 'anyone');
    const own = entry(2, 'digest', 'a:b');
    expect(fix(own, world, own, { ...world }, entry(2, 'world', 'anyone'))).toEqual([
      own,
      world,
      entry(2, 'world', 'anyone'),
    ]);
  });

  test('makes `auth` the client’s own ids, but not its address', () => {
    expect(fix(entry(5, 'auth', 'whatever'))).toEqual([entry(5, 'digest', ALICE.id), entry(5, 'sasl', 'jaas')]);
    expect(fixupAcl([entry(5, 'auth', '')], [HOME], providers)).toBeNull();
  });

  test.each([
    ['null', null],
    ['empty', []],
    ['an unknown scheme', [entry(31, 'bogus', 'x')]],
    ['someone else in world', [entry(31, 'world', 'someone')]],
    ['super, which is no scheme of lists', [entry(31, 'super', '')]],
    ['ensemble, which names nobody', [entry(31, 'ensemble', 'x')]],
    ['a digest of one part', [entry(31, 'digest', 'abc')]],
    ['a digest of three parts', [entry(31, 'digest', 'a:b:c')]],
    ['an address that is none', [entry(31, 'ip', '1.2.3')]],
    ['a name that is none', [entry(31, 'x509', 'alice')]],
    ['a malformed Kerberos name', [entry(31, 'sasl', 'a@b@c')]],
    ['a permission that is none', [entry(32, 'world', 'anyone')]],
    ['a negative mask', [entry(-1, 'world', 'anyone')]],
    ['one bad entry among good ones', [entry(31, 'world', 'anyone'), entry(31, 'bogus', 'x')]],
  ])('refuses %s', (_, acl) => {
    expect(fixupAcl(acl, ids, providers)).toBeNull();
  });

  test.each([
    entry(0, 'world', 'anyone'),
    entry(31, 'digest', 'user:hash'),
    entry(31, 'digest', ':b'),
    entry(31, 'digest', 'a:b:'),
    entry(31, 'ip', '10.0.0.0/8'),
    entry(31, 'ip', 'fe80::/10'),
    entry(31, 'x509', 'CN=a,O=b'),
    entry(31, 'sasl', 'jaasuser'),
    entry(31, 'sasl', 'zk/host@REALM'),
  ])('accepts $perms $id.scheme:$id.id', (acl) => {
    expect(fix(acl)).toEqual([acl]);
  });

  test('is quick with as many entries as a request can hold', () => {
    const many = Array.from({ length: 60_000 }, (_, index) => entry(1, 'digest', `u${index}:h`));
    expect(fixupAcl(many, ids, providers)?.length).toBe(60_000);
  });

  test('accepts only the schemes that are switched on', () => {
    const few = providersOf({ ...DEFAULT_CONFIG, digestAuthEnabled: false });
    expect([...few.keys()]).toEqual(['ip']);
    for (const scheme of ['digest', 'x509', 'sasl']) expect(fixupAcl([entry(31, scheme, 'a:b')], [], few)).toBeNull();
    const secure = providersOf({ ...DEFAULT_CONFIG, secureClientAddress: { host: '', port: 1 } });
    expect([...secure.keys()].sort()).toEqual(['digest', 'ip', 'x509']);
    expect([...providersOf({ ...DEFAULT_CONFIG, sessionRequireClientSaslAuth: true }).keys()]).toContain('sasl');
  });
});

describe('getACL', () => {
  const acl = [
    entry(31, 'digest', 'alice:hash'),
    entry(1, 'digest', 'odd:ha\nsh:x'),
    entry(1, 'digest', 'bare'),
    entry(1, 'ip', '::1'),
  ];

  test('hides the hashes of scheme digest', () => {
    expect(maskAcl(acl).map((masked) => masked.id.id)).toEqual(['alice:x', 'odd:x', 'bare', '::1']);
    expect(acl[0]!.id.id).toBe('alice:hash');
  });

  test('but not from those who may change the list', () => {
    expect(visibleAcl(acl, [id('digest', 'alice:hash')], RULES)).toEqual(acl);
    expect(visibleAcl(acl, [id('ip', '0:0:0:0:0:0:0:1')], RULES)).toEqual(maskAcl(acl));
    expect(visibleAcl(OPEN_ACL, [], RULES)).toEqual(OPEN_ACL);
  });
});

describe('scheme digest', () => {
  const ask = (text: string | Uint8Array, provider = digestProvider()) =>
    provider.authenticate(typeof text === 'string' ? utf8Encode(text) : text, PLAIN);

  test('makes the ids that the real server makes', () => {
    expect(digestId('super:test')).toBe('super:D/InIHSb7yEEbrWz8b9l71RjZJU=');
    expect(digestId('super:admin123')).toBe('super:t0E13aTOcUzAi3u2b3q0iWfDmFo=');
    expect(digestId('a:b', 'SHA-256')).toBe(`a:${hashByNode('sha256', 'a:b')}`);
    expect(digestId('a:b', 'SHA-512')).toBe(`a:${hashByNode('sha512', 'a:b')}`);
    // Nobody's name before the colon is nobody's name, not the whole credential.
    expect(digestId(':b', 'SHA-256')).toBe(`:${hashByNode('sha256', ':b')}`);
  });

  test('takes any bytes, also without a colon, but not none', () => {
    expect(ask('nocolon')).toEqual({ kind: 'ok', ids: [id('digest', `nocolon:${hashByNode('sha1', 'nocolon')}`)] });
    expect(ask('a:b:c')).toEqual({ kind: 'ok', ids: [id('digest', `a:${hashByNode('sha1', 'a:b:c')}`)] });
    // Bytes that are no UTF-8 are hashed as the replacement characters Java makes of them.
    expect(ask(Uint8Array.of(0x61, 0xff, 0x3a, 0xed, 0xa0, 0x80))).toEqual({
      kind: 'ok',
      ids: [id('digest', `a\ufffd:${hashByNode('sha1', 'a\ufffd:\ufffd')}`)],
    });
    expect(ask('')).toMatchObject({ kind: 'ok' });
    expect(digestProvider().authenticate(null, PLAIN)).toEqual({ kind: 'failed' });
  });

  test('knows the super user by its digest', () => {
    const provider = digestProvider({ digestAlgorithm: 'SHA1', superDigest: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=' });
    const own = id('digest', 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=');
    expect(ask('super:test', provider)).toEqual({ kind: 'ok', ids: [id('super', ''), own] });
    expect(ask('super:guess', provider)).toMatchObject({ ids: [{ scheme: 'digest' }] });
  });
});

function hashByNode(algorithm: string, text: string): string {
  return createHash(algorithm).update(text, 'utf8').digest('base64');
}

describe('the other schemes', () => {
  const secure: Remote = { ...PLAIN, tls: true, certificate: CERTIFICATE };

  test('x509 takes the subject of the certificate the shell vouches for', () => {
    expect(authenticate(providers, { scheme: 'x509', auth: null, remote: secure })).toEqual({
      ...{ kind: 'ok', ids: [id('x509', 'CN=v1')] },
    });
    expect(authenticate(providers, { scheme: 'x509', auth: null, remote: PLAIN })).toEqual({ kind: 'failed' });
    const broken = { ...secure, certificate: CERTIFICATE.subarray(1) };
    expect(authenticate(providers, { scheme: 'x509', auth: null, remote: broken })).toEqual({ kind: 'failed' });
  });

  test('x509 knows its super user, by authentication and by match', () => {
    const provider = x509Provider({ x509SuperUser: 'CN=v1' });
    expect(provider.authenticate(null, secure)).toEqual({
      kind: 'ok',
      ids: [id('super', 'CN=v1'), id('x509', 'CN=v1')],
    });
    const match = { aclId: 'CN=other', perm: 1, path: '/', setAcls: null };
    expect([provider.matches({ ...match, id: 'CN=v1' }), provider.matches({ ...match, id: 'CN=v2' })]).toEqual([
      true,
      false,
    ]);
  });

  test('sasl matches equals, super, and the id that stands for everyone', () => {
    const match = { perm: 1, path: '/', setAcls: null };
    const provider = saslProvider({ letAnySaslUserDoX: 'all' });
    expect(provider.matches({ ...match, id: 'a', aclId: 'a' })).toBe(true);
    expect(provider.matches({ ...match, id: 'a', aclId: 'b' })).toBe(false);
    expect(provider.matches({ ...match, id: 'super', aclId: 'b' })).toBe(true);
    expect(provider.matches({ ...match, id: 'a', aclId: 'all' })).toBe(true);
    expect(saslProvider().matches({ ...match, id: 'a', aclId: 'all' })).toBe(false);
    expect(saslIds('root', { saslSuperUsers: ['root'] })).toEqual([id('sasl', 'root'), id('super', '')]);
    expect(saslIds('user', { saslSuperUsers: ['root'] })).toEqual([id('sasl', 'user')]);
  });

  test('ensemble closes the connection of a client that wanted another one', () => {
    const provider = ensembleProvider({ ensembleNames: ['prod', 'prod-eu'] });
    const ok = { kind: 'ok', ids: [] };
    expect(provider.authenticate(utf8Encode('prod-eu'), PLAIN)).toEqual(ok);
    expect(provider.authenticate(utf8Encode('test'), PLAIN)).toEqual({ kind: 'close' });
    expect(provider.authenticate(Uint8Array.of(0xff), PLAIN)).toEqual({ kind: 'close' });
    expect([provider.authenticate(null, PLAIN), provider.authenticate(new Uint8Array(0), PLAIN)]).toEqual([ok, ok]);
    expect(ensembleProvider({ ensembleNames: null }).authenticate(utf8Encode('test'), PLAIN)).toEqual(ok);
  });

  test.each([null, 'world', 'auth', 'super', 'sasl', 'nosuch'])('an auth request of scheme %j fails', (scheme) => {
    expect(authenticate(providers, { scheme, auth: utf8Encode('x'), remote: PLAIN })).toEqual({ kind: 'failed' });
  });

  test('ip succeeds, and adds what is there already', () => {
    expect(authenticate(providers, { scheme: 'ip', auth: utf8Encode('x'), remote: PLAIN })).toEqual({
      kind: 'ok',
      ids: [HOME],
    });
    expect(withIds([HOME], [HOME, ALICE])).toEqual([HOME, ALICE]);
  });

  test('a connection begins with its address and its certificate', () => {
    expect(identitiesOf(PLAIN, providers)).toEqual([HOME]);
    expect(identitiesOf({ ...secure, ip: '::1' }, providers)).toEqual([
      id('ip', '0:0:0:0:0:0:0:1'),
      id('x509', 'CN=v1'),
    ]);
    expect(identitiesOf(secure, providersOf(DEFAULT_CONFIG))).toEqual([HOME]);
  });

  test('whoAmI shows names, not secrets', () => {
    const shown = [ALICE, HOME, id('x509', 'CN=v1'), id('sasl', 'jaas'), id('super', '')].map((own) =>
      userNameOf(providers, own),
    );
    expect(shown).toEqual(['alice', '127.0.0.1', 'CN=v1', 'jaas', '']);
  });
});
