/**
 * What an authentication scheme has to know (server/auth/ServerAuthenticationProvider).
 *
 * A provider decides from its arguments alone: it is asked on the leader and on every server that serves a read, and they
 * must agree. One's own scheme is an object with this interface, handed to `providersOf`.
 */

import type { Remote } from '../io.ts';
import type { Acl, Id } from '../types.ts';

export interface AuthProvider {
  readonly scheme: string;
  /** Ids of this scheme are ids of someone, so the ACL scheme `auth` stands for them. An address is not. */
  readonly authenticated: boolean;
  /** Judges an `auth` request of this scheme; also asked with null when a connection opens. */
  authenticate(auth: Uint8Array | null, remote: Remote): AuthOutcome;
  /** The id may stand in an ACL. */
  isValid(aclId: string): boolean;
  /** An identity of a connection is meant by an ACL's id. */
  matches(match: AclMatch): boolean;
  /**
   * All entries of this scheme in one list, to be read once and asked often; it must agree with `matches`. For a scheme that
   * looks at nothing but the two ids. Others leave it out, and each of their entries is asked each time.
   */
  readonly grantsOf?: (entries: readonly Acl[]) => Grants;
  /** The name that whoAmI shows for an id. */
  userName(id: string): string;
}

/** The permissions that an identity of one scheme has by the entries of a list: the union over those that mean it. */
export type Grants = (id: string) => number;

export type AuthOutcome =
  /** The ids are added to the connection; there may be none. */
  | { readonly kind: 'ok'; readonly ids: readonly Id[] }
  /** AUTHFAILED is answered and the connection closed. */
  | { readonly kind: 'failed' }
  /** The connection is closed without a word, so that the client tries another server. */
  | { readonly kind: 'close' };

export interface AclMatch {
  /** The connection's identity, of this provider's scheme. */
  readonly id: string;
  /** The id in the ACL, of the same scheme. */
  readonly aclId: string;
  /** What the client wants to do: a mask of which one bit is enough. */
  readonly perm: number;
  readonly path: string;
  /** The list that a setACL or create brings, null otherwise. */
  readonly setAcls: readonly Acl[] | null;
}

/** By scheme. */
export type AuthProviders = ReadonlyMap<string, AuthProvider>;
