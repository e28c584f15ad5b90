/** Keeps damage within what the ensemble is supposed to survive; see `Budget` in `types.ts`. */

import { type Budget, CLIENT_BASE, type DamageKind, type HostId } from './types.ts';

export class DamageBudget implements Budget {
  unrestricted = false;
  voters: readonly HostId[] = [];
  guard: ((host: HostId, damage: DamageKind) => boolean) | null = null;
  readonly damaged = new Map<HostId, DamageKind>();

  /** A server that is damaged already may be damaged again: it does not count twice. */
  allows(host: HostId, damage: DamageKind): boolean {
    if (this.unrestricted) return true;
    if (this.guard !== null && !this.guard(host, damage)) return false;
    if (host >= CLIENT_BASE || !this.voters.includes(host) || this.damaged.has(host)) return true;
    return this.damagedVoterCount() < Math.floor((this.voters.length - 1) / 2);
  }

  /** Notes the damage if it is allowed. */
  charge(host: HostId, damage: DamageKind): boolean {
    if (!this.allows(host, damage)) return false;
    if (!this.damaged.has(host)) this.damaged.set(host, damage);
    return true;
  }

  repaired(host: HostId): void {
    this.damaged.delete(host);
  }

  private damagedVoterCount(): number {
    let count = 0;
    for (const host of this.damaged.keys()) if (this.voters.includes(host)) count += 1;
    return count;
  }
}
