/**
 * A list prepared for being judged often.
 *
 * The plain rule goes through the entries and compares each with every identity. A list may have a thousand entries, an entry
 * may have to be parsed, and one request may ask a hundred thousand times. What an entry means depends on its text alone for
 * every scheme of ZooKeeper, so a list is read once: from then on each identity is looked up, and the answer is the union of
 * what all entries that mean it grant. Since nothing is ever denied, "some entry that means me has one of these permissions"
 * and "the union of what means me has one of these permissions" are the same.
 *
 * Indices are remembered by the list object and the providers that read it. Lists are values and never change; the tree keeps one
 * object for each of them, and an index goes when its list goes.
 */

import type { Acl, Id } from '../types.ts';
import type { AuthProviders, Grants } from './provider.ts';

export interface ListIndex {
  /** What `world:anyone` may do. */
  readonly everyone: number;
  /** What an id may do, by its scheme. */
  readonly byScheme: ReadonlyMap<string, Grants>;
  /** Entries of schemes that want to be asked each time. */
  readonly asked: readonly Acl[];
}

const indices = new WeakMap<AuthProviders, WeakMap<readonly Acl[], ListIndex>>();

export function indexOf(acl: readonly Acl[], providers: AuthProviders): ListIndex {
  let byList = indices.get(providers);
  if (byList === undefined) {
    byList = new WeakMap();
    indices.set(providers, byList);
  }
  let index = byList.get(acl);
  if (index === undefined) {
    index = makeIndex(acl, providers);
    byList.set(acl, index);
  }
  return index;
}

function makeIndex(acl: readonly Acl[], providers: AuthProviders): ListIndex {
  let everyone = 0;
  const entriesByScheme = new Map<string, Acl[]>();
  for (const { perms, id } of acl) {
    if (isWorld(id)) {
      everyone |= perms;
      continue;
    }
    const entries = entriesByScheme.get(id.scheme) ?? [];
    entries.push({ perms, id: { scheme: id.scheme, id: id.id } });
    entriesByScheme.set(id.scheme, entries);
  }
  const byScheme = new Map<string, Grants>();
  const asked: Acl[] = [];
  for (const [scheme, entries] of entriesByScheme) {
    const provider = providers.get(scheme);
    if (provider?.grantsOf !== undefined) byScheme.set(scheme, provider.grantsOf(entries));
    else if (provider !== undefined) asked.push(...entries);
  }
  return { everyone, byScheme, asked };
}

export const isWorld = (id: Id): boolean => id.scheme === 'world' && id.id === 'anyone';

/** For a scheme whose ids are compared as text. */
export function grantsByText(entries: readonly Acl[]): Grants {
  const permsOf = new Map<string, number>();
  for (const { perms, id } of entries) permsOf.set(id.id, (permsOf.get(id.id) ?? 0) | perms);
  return (id) => permsOf.get(id) ?? 0;
}

/** What someone may do whom all of these entries mean. */
export function grantsOfAll(entries: readonly Acl[]): number {
  let all = 0;
  for (const { perms } of entries) all |= perms;
  return all;
}
