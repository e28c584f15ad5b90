/**
 * The committed history: the oracle against which everything is measured.
 *
 * Zab promises one sequence of transactions of which every server has committed a prefix. `CommittedHistory` keeps that
 * sequence: the first server that commits a transaction extends it, every other one must find the same transaction at
 * the same place. This is TigerBeetle's state checker, and it implies PrefixConsistency, Agreement and TotalOrder at one
 * comparison per commit; `spec.ts` has the published forms, which cross-check it.
 *
 * A transaction enters the oracle only under the conditions that make it safe for ever: a primary proposed these bytes
 * (Integrity), it follows its neighbour in its epoch (LocalPrimaryOrder), epochs do not go back (GlobalPrimaryOrder), no
 * later primary has begun without it (PrimaryIntegrity), and the disks of a quorum hold it.
 */

import { counterOf, epochOf, showZxid, ZXID_ZERO, type Zxid } from '../../core/types.ts';
import { bytesEqual } from '../../core/wire/bytes.ts';
import type { Report } from './properties.ts';

/** Where a server stands in the committed history, and when it last moved. */
interface Delivered {
  count: number;
  event: number;
}

interface Proposed {
  readonly bytes: Uint8Array;
  /** The entry before it in the history of its primary. A zxid names one transaction, so also one past. */
  readonly parent: Zxid;
  readonly server: number;
  readonly event: number;
}

/** A primary as its first proposal shows it. */
interface Primary {
  readonly server: number;
  readonly event: number;
  lastCounter: number;
}

/** One place of the history. Who commits what is already there is given the same object, so that comparing is cheap. */
export interface CommittedTxn {
  readonly zxid: Zxid;
  readonly bytes: Uint8Array;
}

export interface CommitContext {
  /** Id of the present event. */
  readonly event: number;
  /** Whether the disks of a quorum hold this transaction; called once per transaction. */
  heldByQuorum(zxid: Zxid, bytes: Uint8Array): boolean;
  /** A transaction has become part of the history. */
  appended(index: number, zxid: Zxid, bytes: Uint8Array): void;
}

export class CommittedHistory {
  readonly zxids: Zxid[] = [];
  readonly bytes: Uint8Array[] = [];
  readonly txns: CommittedTxn[] = [];
  /** The event in which the first server committed it. */
  readonly events: number[] = [];
  readonly #indexOf = new Map<number, number>();
  readonly #proposed = new Map<number, Proposed>();
  readonly #delivered = new Map<number, Delivered>();
  readonly #primaries = new Map<number, Primary>();
  /** The highest epoch in which something was proposed. */
  #primaryEpoch = 0;
  readonly #report: Report;
  readonly #context: CommitContext;

  constructor(context: CommitContext, report: Report) {
    this.#context = context;
    this.#report = report;
  }

  get length(): number {
    return this.zxids.length;
  }

  get last(): Zxid {
    return this.zxids.at(-1) ?? ZXID_ZERO;
  }

  /** The last transaction of this epoch or an earlier one. */
  lastUpTo(epoch: number): Zxid {
    let index = this.length;
    while (index > 0 && epochOf(this.zxids[index - 1]!) > epoch) index -= 1;
    return this.zxids[index - 1] ?? ZXID_ZERO;
  }

  has(zxid: Zxid): boolean {
    return this.#indexOf.has(zxid);
  }

  indexOf(zxid: Zxid): number {
    return this.#indexOf.get(zxid) ?? -1;
  }

  deliveredCount(server: number): number {
    return this.#delivered.get(server)?.count ?? 0;
  }

  proposal(zxid: Zxid): { readonly bytes: Uint8Array; readonly server: number; readonly event: number } | null {
    return this.#proposed.get(zxid) ?? null;
  }

  /** The server, established as leader of this epoch, has put a new transaction at the end of its history. */
  onPropose(server: number, zxid: Zxid, bytes: Uint8Array, parent: Zxid): void {
    const event = this.#context.event;
    const earlier = this.#proposed.get(zxid);
    if (earlier !== undefined) {
      if (earlier.server !== server || !bytesEqual(earlier.bytes, bytes)) {
        this.#report(
          'zxid-unique',
          `server ${server} proposes ${showZxid(zxid)}, which server ${earlier.server} used before`,
          {
            events: [earlier.event],
            servers: [earlier.server, server],
          },
        );
      }
      return;
    }
    this.#checkSuccessor(server, zxid, event);
    this.#proposed.set(zxid, { bytes, parent, server, event });
  }

  /** Whether every history that ends with `end` contains `zxid`: follows the proposals back to committed ground. */
  leadsTo(zxid: Zxid, end: Zxid): boolean {
    let at = end;
    while (at > zxid && !this.has(at)) {
      const proposed = this.#proposed.get(at);
      if (proposed === undefined) return false;
      at = proposed.parent;
    }
    return at === zxid || (this.has(at) && this.has(zxid) && zxid < at);
  }

  /** A server without an ensemble may use a zxid again that was lost before it was committed: it promised nothing. */
  withdraw(zxid: Zxid): void {
    if (this.has(zxid) || !this.#proposed.delete(zxid)) return;
    const primary = this.#primaries.get(epochOf(zxid));
    if (primary !== undefined) primary.lastCounter = counterOf(zxid) - 1;
  }

  #checkSuccessor(server: number, zxid: Zxid, event: number): void {
    const epoch = epochOf(zxid);
    const primary = this.#primaries.get(epoch);
    if (primary === undefined) {
      this.#firstProposal(server, zxid, event);
      return;
    }
    if (primary.server !== server) {
      this.#report('leadership-2', `servers ${primary.server} and ${server} both propose in epoch ${epoch}`, {
        events: [primary.event],
        servers: [primary.server, server],
      });
    } else if (counterOf(zxid) !== primary.lastCounter + 1) {
      this.#report(
        'local-primary-order',
        `server ${server} proposes ${showZxid(zxid)} after counter ${primary.lastCounter}`,
        {
          servers: [server],
        },
      );
    }
    primary.lastCounter = counterOf(zxid);
  }

  #firstProposal(server: number, zxid: Zxid, event: number): void {
    const epoch = epochOf(zxid);
    if (counterOf(zxid) !== 1) {
      this.#report('local-primary-order', `the first proposal of epoch ${epoch} is ${showZxid(zxid)}`, {
        servers: [server],
      });
    }
    const committedHere = this.deliveredCount(server);
    if (committedHere < this.length && epochOf(this.last) < epoch) {
      this.#report(
        'primary-integrity',
        `server ${server} proposes in epoch ${epoch} having committed ${committedHere} of ${this.length} transactions`,
        { events: [this.events[committedHere]!], servers: [server] },
      );
    }
    this.#primaries.set(epoch, { server, event, lastCounter: counterOf(zxid) });
    this.#primaryEpoch = Math.max(this.#primaryEpoch, epoch);
  }

  /**
   * A server has committed this transaction, directly after the one it committed before. Returns what it committed: the
   * history's own object where they are the same.
   */
  onCommit(server: number, zxid: Zxid, bytes: Uint8Array): CommittedTxn {
    const at = this.#deliveredOf(server);
    const index = at.count;
    const isSame = index < this.length ? this.#compare(server, index, zxid, bytes) : this.#append(server, zxid, bytes);
    at.count = index + 1;
    at.event = this.#context.event;
    return isSame ? this.txns[index]! : { zxid, bytes };
  }

  /**
   * A server begins to serve with everything up to `zxid`, which it did not learn one by one: it recovered or received a
   * snapshot. 0 is the empty history.
   */
  onRestart(server: number, zxid: Zxid): void {
    const at = this.#deliveredOf(server);
    at.event = this.#context.event;
    // A counter of 0 is the start of an epoch, not a transaction: everything before that epoch.
    if (!this.has(zxid) && counterOf(zxid) === 0) {
      at.count = this.#countBefore(zxid);
      return;
    }
    // A whole state that was sent before its leader was established is committed by whoever serves with it first.
    const news: Zxid[] = [];
    let known = zxid;
    while (!this.has(known) && known !== ZXID_ZERO) {
      const proposed = this.#proposed.get(known);
      if (proposed === undefined) {
        this.#report(
          'committed-never-lost',
          `server ${server} serves a state of ${showZxid(zxid)}, which nobody committed`,
          {
            servers: [server],
          },
        );
        return;
      }
      news.push(known);
      known = proposed.parent;
    }
    at.count = this.indexOf(known) + 1;
    for (const next of news.reverse()) this.onCommit(server, next, this.#proposed.get(next)!.bytes);
  }

  #deliveredOf(server: number): Delivered {
    let at = this.#delivered.get(server);
    if (at === undefined) {
      at = { count: 0, event: 0 };
      this.#delivered.set(server, at);
    }
    return at;
  }

  /** How many committed transactions are below a zxid that need not be one of them. */
  #countBefore(zxid: Zxid): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.zxids[middle]! < zxid) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(server: number, index: number, zxid: Zxid, bytes: Uint8Array): boolean {
    const expected = this.zxids[index]!;
    if (expected === zxid && bytesEqual(this.bytes[index]!, bytes)) return true;
    const where = { events: [this.events[index]!], servers: [server] };
    if (expected === zxid) {
      this.#report('zxid-unique', `server ${server} committed other bytes under ${showZxid(zxid)}`, where);
      return false;
    }
    const said = `server ${server} committed ${showZxid(zxid)} as its transaction ${index + 1}; that place has ${showZxid(expected)}`;
    this.#report(this.has(zxid) ? 'total-order' : 'prefix-consistency', said, where);
    return false;
  }

  #append(server: number, zxid: Zxid, committed: Uint8Array): true {
    const bytes = this.#checkIntegrity(server, zxid, committed);
    this.#checkNeighbour(server, zxid);
    if (epochOf(zxid) < this.#primaryEpoch && !this.has(zxid)) {
      const primary = this.#primaries.get(this.#primaryEpoch)!;
      this.#report(
        'primary-integrity',
        `server ${server} commits ${showZxid(zxid)} after server ${primary.server} began to propose in epoch ${this.#primaryEpoch}`,
        { events: [primary.event], servers: [server, primary.server] },
      );
    }
    const index = this.length;
    this.#indexOf.set(zxid, index);
    this.zxids.push(zxid);
    this.bytes.push(bytes);
    this.txns.push({ zxid, bytes });
    this.events.push(this.#context.event);
    if (!this.#context.heldByQuorum(zxid, bytes)) {
      this.#report('committed-by-quorum', `server ${server} commits ${showZxid(zxid)}, which no quorum has on disk`, {
        events: this.#proposalEvents(zxid),
        servers: [server],
      });
    }
    this.#context.appended(index, zxid, bytes);
    return true;
  }

  #proposalEvents(zxid: Zxid): number[] {
    const proposed = this.#proposed.get(zxid);
    return proposed === undefined ? [] : [proposed.event];
  }

  /** Returns the bytes as they were proposed, if they are the same. */
  #checkIntegrity(server: number, zxid: Zxid, bytes: Uint8Array): Uint8Array {
    const proposed = this.#proposed.get(zxid);
    if (proposed !== undefined && bytesEqual(proposed.bytes, bytes)) return proposed.bytes;
    if (proposed === undefined) {
      this.#report('integrity', `server ${server} commits ${showZxid(zxid)}, which no primary proposed`, {
        servers: [server],
      });
    } else {
      this.#report('integrity', `server ${server} commits other bytes for ${showZxid(zxid)} than were proposed`, {
        events: [proposed.event],
        servers: [server, proposed.server],
      });
    }
    return bytes;
  }

  #checkNeighbour(server: number, zxid: Zxid): void {
    const last = this.last;
    const epoch = epochOf(zxid);
    if (zxid === last + 1 && epoch === epochOf(last)) return;
    const where = { events: this.events.slice(-1), servers: [server] };
    if (epoch < epochOf(last)) {
      this.#report('global-primary-order', `server ${server} commits ${showZxid(zxid)} after ${showZxid(last)}`, where);
    } else {
      const expected = epoch === epochOf(last) ? counterOf(last) + 1 : 1;
      if (counterOf(zxid) !== expected) {
        this.#report(
          'local-primary-order',
          `server ${server} commits ${showZxid(zxid)} directly after ${showZxid(last)}`,
          where,
        );
      }
    }
  }
}
