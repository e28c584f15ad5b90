/**
 * Who may do what, as the judge sees it: written from the documentation of ACLs, not from `core/acl`.
 *
 * The answer has a third value. An identity that is being added may or may not count yet, and of some schemes only the
 * server knows whom an entry means; then nothing is concluded.
 */

import { type Acl, type Id, Perm } from '../../../core/types.ts';

export type Trust = 'yes' | 'no' | 'maybe';

/** The identities of a program, with those whose way to the server may not be over. */
export interface Identities {
  readonly sure: readonly Id[];
  readonly coming: readonly Id[];
}

export const NOBODY: Identities = { sure: [], coming: [] };

/** Whether one of the permissions in `perms` is held. */
export function mayDo({ sure, coming }: Identities, acl: readonly Acl[], perms: number): Trust {
  const now = grants(sure, acl, perms);
  if (now === 'yes' || coming.length === 0) return now;
  return grants(coming, acl, perms) === 'no' ? now : 'maybe';
}

export const mayRead = (ids: Identities, acl: readonly Acl[]): Trust => mayDo(ids, acl, Perm.READ);

function grants(ids: readonly Id[], acl: readonly Acl[], perms: number): Trust {
  if (acl.length === 0 || ids.some(({ scheme }) => scheme === 'super')) return 'yes';
  let trust: Trust = 'no';
  for (const entry of acl) {
    if ((entry.perms & perms) === 0) continue;
    const meant = means(entry.id, ids);
    if (meant === 'yes') return 'yes';
    if (meant === 'maybe') trust = 'maybe';
  }
  return trust;
}

function means(who: Id, ids: readonly Id[]): Trust {
  switch (who.scheme) {
    case 'world':
      return who.id === 'anyone' ? 'yes' : 'no';
    case 'digest':
      return ids.some(({ scheme, id }) => scheme === 'digest' && id === who.id) ? 'yes' : 'no';
    case 'ip':
      return ids.some(({ scheme, id }) => scheme === 'ip' && isInRange(id, who.id)) ? 'yes' : 'no';
    default:
      return 'maybe';
  }
}

/** IPv4 only: the simulator has no other addresses. */
function isInRange(address: string, range: string): boolean {
  const [base = '', bits = '32'] = range.split('/');
  const [a, b] = [numberOf(address), numberOf(base)];
  if (a === null || b === null) return false;
  const shift = 32 - Number(bits);
  return shift >= 32 || a >>> shift === b >>> shift;
}

function numberOf(address: string): number | null {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return null;
  return ((parts[0]! << 24) | (parts[1]! << 16) | (parts[2]! << 8) | parts[3]!) >>> 0;
}
