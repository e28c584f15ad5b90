/**
 * Who leads, since when, and with which history: uniqueness of leaders and epochs, initial histories, and the epochs a
 * server promised (Zab's f.p, acceptedEpoch, and f.a, currentEpoch), also across restarts.
 */

import { showZxid, type Zxid } from '../../core/types.ts';
import type { Report } from './properties.ts';

export interface Established {
  readonly epoch: number;
  readonly server: number;
  readonly event: number;
  readonly atUs: number;
  /** End of the history the epoch starts with. */
  readonly initialZxid: Zxid;
}

interface Epochs {
  accepted: number;
  current: number;
  event: number;
}

/** What the checks ask about the history of the server that is being established. */
export interface LeaderHistory {
  /** Last entry of its log. */
  readonly last: Zxid;
  /** Whether its log (or the snapshot below it) has this entry. */
  has(zxid: Zxid): boolean;
}

export class Leadership {
  readonly #established = new Map<number, Established>();
  /** Every server that was established, by epoch: the specification's epochLeader. */
  readonly leadersOf = new Map<number, number[]>();
  /** Established and still leading, by server. */
  readonly #leading = new Map<number, Established>();
  readonly #epochs = new Map<number, Epochs>();
  readonly #report: Report;
  #latest: Established | null = null;

  constructor(report: Report) {
    this.#report = report;
  }

  get latest(): Established | null {
    return this.#latest;
  }

  get count(): number {
    return this.#established.size;
  }

  all(): readonly Established[] {
    return [...this.#established.values()];
  }

  /** The established leader of the highest epoch that still leads, or null. */
  current(): Established | null {
    let best: Established | null = null;
    for (const leader of this.#leading.values()) if (best === null || leader.epoch > best.epoch) best = leader;
    return best;
  }

  onEstablished(leader: Established, history: LeaderHistory, committedLast: Zxid): void {
    this.#checkUnique(leader);
    if (committedLast > 0 && !history.has(committedLast)) {
      this.#report(
        'leader-completeness',
        `server ${leader.server} leads epoch ${leader.epoch} with a log to ${showZxid(history.last)} that lacks ${showZxid(committedLast)}`,
        { servers: [leader.server] },
      );
    }
    this.#checkInitialHistory(leader, history);
    this.#established.set(leader.epoch, leader);
    this.leadersOf.set(leader.epoch, [...(this.leadersOf.get(leader.epoch) ?? []), leader.server]);
    this.#leading.set(leader.server, leader);
    if (this.#latest === null || this.#latest.epoch < leader.epoch) this.#latest = leader;
  }

  #checkUnique(leader: Established): void {
    const other = this.#established.get(leader.epoch);
    if (other !== undefined) {
      this.#report(
        'leadership-2',
        `epoch ${leader.epoch} was established by server ${other.server} and again by server ${leader.server}`,
        { events: [other.event], servers: [other.server, leader.server] },
      );
    }
    for (const rival of this.#leading.values()) {
      if (rival.epoch === leader.epoch && rival.server !== leader.server) {
        this.#report('leadership-1', `servers ${rival.server} and ${leader.server} both lead epoch ${leader.epoch}`, {
          events: [rival.event],
          servers: [rival.server, leader.server],
        });
      }
    }
  }

  #checkInitialHistory(leader: Established, history: LeaderHistory): void {
    const before = this.#newestBelow(leader.epoch);
    if (before === null || before.initialZxid === 0 || history.has(before.initialZxid)) return;
    this.#report(
      'initial-history',
      `epoch ${leader.epoch} starts with ${showZxid(leader.initialZxid)} and lacks ${showZxid(before.initialZxid)}, the start of epoch ${before.epoch}`,
      { events: [before.event], servers: [before.server, leader.server] },
    );
  }

  #newestBelow(epoch: number): Established | null {
    // Epochs mostly arrive in order, so the newest is the answer.
    if (this.#latest !== null && this.#latest.epoch < epoch) return this.#latest;
    let best: Established | null = null;
    for (const other of this.#established.values()) {
      if (other.epoch < epoch && (best === null || other.epoch > best.epoch)) best = other;
    }
    return best;
  }

  /** The server no longer leads: it gave up, crashed or was replaced. */
  onLeft(server: number): void {
    this.#leading.delete(server);
  }

  /** The server says these are its epochs. Called when one of them changed and after every start. */
  onEpochs(server: number, epochs: { readonly accepted: number; readonly current: number }, event: number): void {
    const before = this.#epochs.get(server);
    const where = { events: before === undefined ? [] : [before.event], servers: [server] };
    if (epochs.current > epochs.accepted) {
      this.#report(
        'epoch-monotone',
        `server ${server} has current epoch ${epochs.current}, accepted ${epochs.accepted}`,
        where,
      );
    }
    if (before !== undefined && epochs.accepted < before.accepted) {
      this.#report(
        'epoch-monotone',
        `server ${server}: acceptedEpoch went from ${before.accepted} to ${epochs.accepted}`,
        where,
      );
    }
    if (before !== undefined && epochs.current < before.current) {
      this.#report(
        'epoch-monotone',
        `server ${server}: currentEpoch went from ${before.current} to ${epochs.current}`,
        where,
      );
    }
    this.#epochs.set(server, { ...epochs, event });
  }

  /** The world took the disk of the server away or put an old one in its place: its promises are void. */
  onDamage(server: number): void {
    this.#epochs.delete(server);
  }
}
