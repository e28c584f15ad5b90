/**
 * Replicas compared with each other and with their own past: equal state at equal zxid, and positions that only move
 * forward while a server serves.
 */

import { showZxid, type Zxid } from '../../core/types.ts';
import type { Report } from './properties.ts';

interface Seen {
  readonly digest: bigint;
  readonly server: number;
  readonly event: number;
}

interface Position {
  committed: Zxid;
  applied: Zxid;
  event: number;
}

export class Replicas {
  /** State after each zxid, as the first server to get there had it. */
  readonly #digests = new Map<Zxid, Seen>();
  readonly #positions = new Map<number, Position>();
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  /** The state after `zxid`, or null when no server has been exactly there. */
  digestAt(zxid: Zxid): bigint | null {
    return this.#digests.get(zxid)?.digest ?? null;
  }

  /** The server's state is now that after `zxid`. */
  onApplied(server: number, zxid: Zxid, digest: bigint, event: number): void {
    const seen = this.#digests.get(zxid);
    if (seen === undefined) {
      this.#digests.set(zxid, { digest, server, event });
    } else if (seen.digest !== digest) {
      this.#report(
        'equal-digest',
        `servers ${seen.server} and ${server} have different states after ${showZxid(zxid)}`,
        {
          events: [seen.event],
          servers: [seen.server, server],
        },
      );
    }
  }

  /** Where a serving server stands; called when one of the two changed. */
  onPosition(server: number, position: { readonly committed: Zxid; readonly applied: Zxid }, event: number): void {
    const before = this.#positions.get(server);
    if (before === undefined) {
      this.#positions.set(server, { ...position, event });
      return;
    }
    if (position.committed < before.committed)
      this.#back(server, 'committed', before.committed, position.committed, before);
    if (position.applied < before.applied) this.#back(server, 'applied', before.applied, position.applied, before);
    if (position.applied > position.committed) {
      this.#report(
        'commit-monotone',
        `server ${server} applied ${showZxid(position.applied)} and knows only ${showZxid(position.committed)} as committed`,
        { servers: [server] },
      );
    }
    before.committed = position.committed;
    before.applied = position.applied;
    before.event = event;
  }

  #back(server: number, what: string, from: Zxid, to: Zxid, before: Position): void {
    this.#report('commit-monotone', `server ${server} had ${what} ${showZxid(from)} and has only ${showZxid(to)} now`, {
      events: [before.event],
      servers: [server],
    });
  }

  /** The server stopped serving: it may load its state anew. */
  onPause(server: number): void {
    this.#positions.delete(server);
  }
}
