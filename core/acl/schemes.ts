/** The schemes of ZooKeeper (server/auth/*AuthenticationProvider) and which of them a configuration switches on. */

import { sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import type { PeerConfig } from '../config/types.ts';
import type { Remote } from '../io.ts';
import type { Id } from '../types.ts';
import { utf8Decode, utf8Encode } from '../wire/utf8.ts';
import { base64 } from './base64.ts';
import { isDistinguishedName } from './distinguished-name.ts';
import { ipGrants, ipIdentity, ipMatches, isIpRange } from './ip.ts';
import { grantsByText, grantsOfAll } from './list-index.ts';
import { decodeUtf8Lossy } from './lossy-utf8.ts';
import type { AuthOutcome, AuthProvider, AuthProviders } from './provider.ts';
import { x509Subject } from './x509.ts';

/**
 * The providers that `config` switches on. ip is always there, digest unless switched off, x509 with a secure client port
 * (QuorumPeerConfig.configureSSLAuth), the others by name. `extra` adds one's own schemes or replaces one of these.
 */
export function providersOf(config: PeerConfig, extra: readonly AuthProvider[] = []): AuthProviders {
  const { authSchemes, enforceAuthSchemes } = config;
  const isOn = (scheme: string): boolean => authSchemes.includes(scheme) || enforceAuthSchemes.includes(scheme);
  const providers: AuthProvider[] = [ipProvider];
  if (config.digestAuthEnabled) providers.push(digestProvider(config));
  if (isOn('x509') || config.secureClientAddress !== null) providers.push(x509Provider(config));
  if (isOn('sasl') || config.sessionRequireClientSaslAuth) providers.push(saslProvider());
  if (isOn('ensemble')) providers.push(ensembleProvider(config));
  return new Map([...providers, ...extra].map((provider) => [provider.scheme, provider]));
}

const FAILED: AuthOutcome = { kind: 'failed' };
const accepted = (...ids: Id[]): AuthOutcome => ({ kind: 'ok', ids });

// --- digest ----------------------------------------------------------------------------------------------------------

export type DigestAlgorithm = PeerConfig['digestAlgorithm'];

const HASH_OF: Readonly<Record<DigestAlgorithm, (bytes: Uint8Array) => Uint8Array>> = {
  SHA1: sha1,
  'SHA-256': sha256,
  'SHA-512': sha512,
};

/**
 * Name and password stand in the request; the id is the name and a hash of both. There is nothing to be checked against, so
 * every request succeeds: who knows the password knows the id.
 */
export function digestProvider(
  options: Pick<PeerConfig, 'digestAlgorithm' | 'superDigest'> = { digestAlgorithm: 'SHA1', superDigest: null },
): AuthProvider {
  return {
    scheme: 'digest',
    authenticated: true,
    authenticate(auth) {
      if (auth === null) return FAILED;
      const id = digestId(decodeUtf8Lossy(auth), options.digestAlgorithm);
      const own: Id = { scheme: 'digest', id };
      return id === options.superDigest ? accepted({ scheme: 'super', id: '' }, own) : accepted(own);
    },
    isValid: (aclId) => javaSplit(aclId, ':').length === 2,
    matches: ({ id, aclId }) => id === aclId,
    grantsOf: grantsByText,
    userName: (id) => userOf(id),
  };
}

/** `alice:` and the base64 of the hash of `alice:secret` (DigestAuthenticationProvider.generateDigest). */
export function digestId(credential: string, algorithm: DigestAlgorithm = 'SHA1'): string {
  return `${userOf(credential)}:${base64(HASH_OF[algorithm](utf8Encode(credential)))}`;
}

function userOf(id: string): string {
  const colon = id.indexOf(':');
  return colon < 0 ? id : id.slice(0, colon);
}

/** As String.split: empty pieces at the end are dropped, so `a:b:` has two pieces and `a:` has one. */
function javaSplit(text: string, separator: string): string[] {
  const pieces = text.split(separator);
  while (pieces.length > 1 && pieces.at(-1) === '') pieces.pop();
  return text !== '' && pieces.length === 1 && pieces[0] === '' ? [] : pieces;
}

// --- ip --------------------------------------------------------------------------------------------------------------

/** The identity is there from the first byte on; asking for it again is fine. */
export const ipProvider: AuthProvider = {
  scheme: 'ip',
  authenticated: false,
  authenticate: (_, remote) => accepted({ scheme: 'ip', id: ipIdentity(remote.ip) }),
  isValid: isIpRange,
  matches: ({ id, aclId }) => ipMatches(id, aclId),
  grantsOf: ipGrants,
  userName: (id) => id,
};

// --- x509 ------------------------------------------------------------------------------------------------------------

/** The shell vouches for the certificate; the id is its subject, compared as text. */
export function x509Provider(options: Pick<PeerConfig, 'x509SuperUser'> = { x509SuperUser: null }): AuthProvider {
  const superUser = options.x509SuperUser;
  return {
    scheme: 'x509',
    authenticated: true,
    authenticate(_, remote) {
      const id = remote.certificate === null ? null : x509Subject(remote.certificate);
      if (id === null) return FAILED;
      const own: Id = { scheme: 'x509', id };
      return id === superUser ? accepted({ scheme: 'super', id }, own) : accepted(own);
    },
    isValid: isDistinguishedName,
    matches: ({ id, aclId }) => id === aclId || id === superUser,
    grantsOf(entries) {
      const byText = grantsByText(entries);
      const all = grantsOfAll(entries);
      return (id) => (id === superUser ? all : byText(id));
    },
    userName: (id) => id,
  };
}

// --- sasl ------------------------------------------------------------------------------------------------------------

const KERBEROS_NAME = /^[^/@]*(\/[^/@]*)?@[^/@]*$/;

/** Identities come from the SASL exchange (op 102), never from an `auth` request. */
export function saslProvider(
  options: { readonly letAnySaslUserDoX: string | null } = { letAnySaslUserDoX: null },
): AuthProvider {
  return {
    scheme: 'sasl',
    authenticated: true,
    authenticate: () => FAILED,
    isValid: (aclId) => !aclId.includes('@') || KERBEROS_NAME.test(aclId),
    matches: ({ id, aclId }) => id === 'super' || id === aclId || aclId === options.letAnySaslUserDoX,
    grantsOf(entries) {
      const byText = grantsByText(entries);
      const all = grantsOfAll(entries);
      const anyone = options.letAnySaslUserDoX === null ? 0 : byText(options.letAnySaslUserDoX);
      return (id) => (id === 'super' ? all : byText(id) | anyone);
    },
    userName: (id) => id,
  };
}

/** The ids of a finished SASL exchange (ZooKeeperServer.processSasl). */
export function saslIds(name: string, config: Pick<PeerConfig, 'saslSuperUsers'>): readonly Id[] {
  const own: Id = { scheme: 'sasl', id: name };
  return config.saslSuperUsers.includes(name) ? [own, { scheme: 'super', id: '' }] : [own];
}

// --- ensemble --------------------------------------------------------------------------------------------------------

/** Not an identity: the client says which ensemble it wants, so that a wrong host list does not write to the wrong one. */
export function ensembleProvider(options: Pick<PeerConfig, 'ensembleNames'>): AuthProvider {
  return {
    scheme: 'ensemble',
    authenticated: false,
    authenticate(auth) {
      const name = auth === null || auth.length === 0 ? null : utf8Decode(auth);
      const isExpected = auth === null || auth.length === 0 || options.ensembleNames === null;
      return isExpected || options.ensembleNames?.includes(name ?? '') ? accepted() : { kind: 'close' };
    },
    isValid: () => false,
    matches: () => false,
    userName: (id) => id,
  };
}

// --- connections -----------------------------------------------------------------------------------------------------

/** The identities that a connection has before it says anything: its address, and its certificate's subject. */
export function identitiesOf(remote: Remote, providers: AuthProviders): readonly Id[] {
  const ids: Id[] = [];
  for (const scheme of remote.certificate === null ? ['ip'] : ['ip', 'x509']) {
    const outcome = providers.get(scheme)?.authenticate(null, remote);
    if (outcome?.kind === 'ok') ids.push(...outcome.ids);
  }
  return ids;
}

/** An `auth` request (op 100). Schemes without a provider fail. */
export function authenticate(
  providers: AuthProviders,
  request: { readonly scheme: string | null; readonly auth: Uint8Array | null; readonly remote: Remote },
): AuthOutcome {
  const provider = request.scheme === null ? undefined : providers.get(request.scheme);
  return provider === undefined ? FAILED : provider.authenticate(request.auth, request.remote);
}

/** `ids` and those of `more` that are new. */
export function withIds(ids: readonly Id[], more: readonly Id[]): readonly Id[] {
  const isKnown = (id: Id): boolean => ids.some((known) => known.scheme === id.scheme && known.id === id.id);
  return [...ids, ...more.filter((id) => !isKnown(id))];
}

/** What whoAmI shows for an identity; empty for a scheme without provider, such as super. */
export function userNameOf(providers: AuthProviders, id: Id): string {
  return providers.get(id.scheme)?.userName(id.id) ?? '';
}
