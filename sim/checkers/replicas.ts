/**
 * Replicas compared with each other and with their own past: equal state at equal zxid, and positions that only move
 * forward while a server serves.
 */

import { showZxid, type Zxid } from '../../core/types.ts';
import type { Report } from './properties.ts';

/** Two digests of a state: of the tree as Java computes it, and of everything that is replicated. */
export interface StateDigests {
  readonly tree: bigint;
  readonly state: bigint;
}

interface Seen {
  readonly digest: bigint;
  readonly server: number;
  readonly event: number;
}

interface SeenState {
  readonly tree: Seen;
  /** By epoch: until the first reconfiguration the configuration node is written outside of any transaction. */
  readonly states: Map<number, Seen>;
}

interface Position {
  committed: Zxid;
  applied: Zxid;
  event: number;
}

export class Replicas {
  /** State after each zxid, as the first server to get there had it. */
  readonly #digests = new Map<Zxid, SeenState>();
  readonly #positions = new Map<number, Position>();
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  /** Digest of the tree after `zxid`, or null when no server has been exactly there. */
  treeDigestAt(zxid: Zxid): bigint | null {
    return this.#digests.get(zxid)?.tree.digest ?? null;
  }

  /** The server, which serves in this epoch, has the state after `zxid`. */
  onApplied(server: number, zxid: Zxid, epoch: number, digests: StateDigests, event: number): void {
    const seen = this.#digests.get(zxid);
    const state = { digest: digests.state, server, event };
    if (seen === undefined) {
      this.#digests.set(zxid, { tree: { digest: digests.tree, server, event }, states: new Map([[epoch, state]]) });
      return;
    }
    this.#compare(seen.tree, digests.tree, server, zxid);
    const sameEpoch = seen.states.get(epoch);
    if (sameEpoch === undefined) seen.states.set(epoch, state);
    else this.#compare(sameEpoch, digests.state, server, zxid);
  }

  #compare(seen: Seen, digest: bigint, server: number, zxid: Zxid): void {
    if (seen.digest === digest) return;
    this.#report('equal-digest', `servers ${seen.server} and ${server} have different states after ${showZxid(zxid)}`, {
      events: [seen.event],
      servers: [seen.server, server],
    });
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
