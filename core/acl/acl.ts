/**
 * Access control lists: who may do what to one node (ZooKeeperServer.checkACL, PrepRequestProcessor.fixupACL).
 *
 * A list belongs to a node and says nothing about its children. Each entry grants a set of permissions to one id of one
 * scheme; nothing is ever denied. An identity of scheme `super` may do everything.
 */

import { type Acl, type Id, Perm } from '../types.ts';
import { indexOf, isWorld } from './list-index.ts';
import type { AuthProviders } from './provider.ts';

export interface AclRules {
  readonly providers: AuthProviders;
  /** `zookeeper.skipACL`: no list is looked at. */
  readonly skipAcl: boolean;
}

export interface AclRequest {
  /** For providers of one's own. */
  readonly path?: string;
  readonly setAcls?: readonly Acl[] | null;
}

/**
 * Whether one of `ids` has one of the permissions of the mask `perm`. A missing or empty list is open to all: only the fixed
 * nodes have none, and no client can make an empty one.
 */
export function checkAcl(
  acl: readonly Acl[] | null,
  perm: number,
  ids: readonly Id[],
  rules: AclRules,
  request: AclRequest = {},
): boolean {
  if (rules.skipAcl || acl === null || acl.length === 0 || isSuper(ids)) return true;
  // Most lists have one entry, which is compared sooner than looked up.
  if (acl.length === 1) return grants(acl[0]!, perm, ids, rules, request);
  const { everyone, byScheme, asked } = indexOf(acl, rules.providers);
  return (
    (everyone & perm) !== 0 ||
    ids.some(({ scheme, id }) => ((byScheme.get(scheme)?.(id) ?? 0) & perm) !== 0) ||
    asked.some((entry) => grants(entry, perm, ids, rules, request))
  );
}

export const isSuper = (ids: readonly Id[]): boolean => ids.some((id) => id.scheme === 'super');

function grants(entry: Acl, perm: number, ids: readonly Id[], rules: AclRules, request: AclRequest): boolean {
  return (entry.perms & perm) !== 0 && (isWorld(entry.id) || isMeant(entry.id, perm, ids, rules, request));
}

function isMeant(aclId: Id, perm: number, ids: readonly Id[], rules: AclRules, request: AclRequest): boolean {
  const provider = rules.providers.get(aclId.scheme);
  if (provider === undefined) return false;
  const { path = '', setAcls = null } = request;
  return ids.some(
    (id) => id.scheme === aclId.scheme && provider.matches({ id: id.id, aclId: aclId.id, perm, path, setAcls }),
  );
}

/**
 * The list as it is to be stored, or null for INVALIDACL: duplicates go, `auth` becomes the client's own authenticated ids,
 * and every other entry must be one that its provider understands. Unlike upstream, bits that are no permission are refused
 * instead of being stored and ignored.
 */
export function fixupAcl(acl: readonly Acl[] | null, ids: readonly Id[], providers: AuthProviders): Acl[] | null {
  const fixed: Acl[] = [];
  for (const entry of withoutDuplicates(acl ?? [])) {
    const stored = (entry.perms & ~Perm.ALL) === 0 ? storedForm(entry, ids, providers) : [];
    if (stored.length === 0) return null;
    fixed.push(...stored);
  }
  return fixed.length === 0 ? null : fixed;
}

/** What one entry becomes; empty when it is invalid. */
function storedForm(entry: Acl, ids: readonly Id[], providers: AuthProviders): readonly Acl[] {
  if (isWorld(entry.id)) return [entry];
  if (entry.id.scheme === 'auth') {
    const own = ids.filter((id) => providers.get(id.scheme)?.authenticated === true);
    return own.map((id) => ({ perms: entry.perms, id }));
  }
  return providers.get(entry.id.scheme)?.isValid(entry.id.id) === true ? [entry] : [];
}

/** By key, not by comparing all with all: a client may send as many entries as fit into its largest request. */
function withoutDuplicates(acl: readonly Acl[]): readonly Acl[] {
  const seen = new Set<string>();
  return acl.filter(({ perms, id }) => {
    const sizeBefore = seen.size;
    return seen.add(`${perms},${id.scheme.length},${id.scheme},${id.id}`).size > sizeBefore;
  });
}

/** What getACL shows: without ADMIN the hashes of scheme digest are hidden (CVE-2019-0201). */
export function visibleAcl(
  acl: readonly Acl[],
  ids: readonly Id[],
  rules: AclRules,
  request: AclRequest = {},
): readonly Acl[] {
  return checkAcl(acl, Perm.ADMIN, ids, rules, request) ? acl : maskAcl(acl);
}

/** `alice:hash` becomes `alice:x`. Everything behind the first colon goes, line ends too, which Java's pattern spares. */
export function maskAcl(acl: readonly Acl[]): Acl[] {
  return acl.map((entry) => (entry.id.scheme === 'digest' ? { perms: entry.perms, id: maskId(entry.id) } : entry));
}

function maskId({ scheme, id }: Id): Id {
  const colon = id.indexOf(':');
  return { scheme, id: colon < 0 ? id : `${id.slice(0, colon)}:x` };
}
