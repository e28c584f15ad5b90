/** Permission questions of the request path, asked with the configuration at hand. */

import { type AclRules, checkAcl, fixupAcl, visibleAcl } from '../acl/acl.ts';
import type { AuthProviders } from '../acl/provider.ts';
import { providersOf } from '../acl/schemes.ts';
import type { PeerConfig } from '../config/types.ts';
import type { Acl, Id } from '../types.ts';

/** Upstream takes as many entries as a frame holds; comparing and expanding them would let one request stop the leader. */
export const ACL_ENTRIES_MAX = 1000;

/** Rules follow from the configuration alone, which never changes within a life: made once for each. */
const rulesByConfig = new WeakMap<PeerConfig, AclRules>();

export function rulesOf(config: PeerConfig): AclRules {
  const known = rulesByConfig.get(config);
  if (known !== undefined) return known;
  const rules: AclRules = { providers: providersOf(config), skipAcl: config.skipAcl };
  rulesByConfig.set(config, rules);
  return rules;
}

export const providersFor = (config: PeerConfig): AuthProviders => rulesOf(config).providers;

/**
 * Who asks, within one request. The identities stay what they are until it is answered, and so does every verdict: a request that
 * names one list a hundred thousand times has it judged once.
 */
export interface Asker {
  readonly ids: readonly Id[];
  /** Verdicts by the mask of permissions and the list. */
  readonly verdicts: Map<number, Map<readonly Acl[], boolean>>;
}

export const askerOf = (ids: readonly Id[]): Asker => ({ ids, verdicts: new Map() });

/** Whether one of the asker's identities has one of the permissions in the mask. */
export function mayAccess(config: PeerConfig, acl: readonly Acl[] | null, perm: number, asker: Asker): boolean {
  if (acl === null) return true;
  let verdicts = asker.verdicts.get(perm);
  if (verdicts === undefined) {
    verdicts = new Map();
    asker.verdicts.set(perm, verdicts);
  }
  let verdict = verdicts.get(acl);
  if (verdict === undefined) {
    verdict = checkAcl(acl, perm, asker.ids, rulesOf(config));
    verdicts.set(acl, verdict);
  }
  return verdict;
}

/** What getACL shows to these identities: everything with ADMIN, otherwise without the hashes of scheme digest. */
export function aclAsShown(config: PeerConfig, acl: readonly Acl[], asker: Asker): readonly Acl[] {
  return visibleAcl(acl, asker.ids, rulesOf(config));
}

/** What `auth` may become in one list: each time all identities that a connection may have, and that a few times. */
export const EXPANSION_SIZE_MAX = 0x1_0000;

/**
 * The list as it will be stored, or null for INVALIDACL. `auth` stands for each of the client's ids in turn, so a small list may
 * become a large one, and a multi has many; all are kept. `spent`: by the lists of this transaction so far.
 */
export function expandAcl(
  config: PeerConfig,
  acl: readonly Acl[] | null,
  ids: readonly Id[],
  spent: { aclSize: number },
): readonly Acl[] | null {
  if (acl === null || acl.length > ACL_ENTRIES_MAX) return null;
  let expansion = 0;
  for (const { id } of acl) {
    if (id.scheme === 'auth') expansion += sizeOfIds(ids);
    else spent.aclSize += id.id.length;
  }
  spent.aclSize += expansion;
  if (expansion > EXPANSION_SIZE_MAX || spent.aclSize > config.juteMaxBuffer) return null;
  return fixupAcl(acl, ids, rulesOf(config).providers);
}

export function sizeOfIds(ids: readonly Id[]): number {
  let size = 0;
  for (const { scheme, id } of ids) size += scheme.length + id.length;
  return size;
}
