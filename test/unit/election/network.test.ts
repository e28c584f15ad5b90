/**
 * The promise of an election: whatever the order in which messages arrive, whatever breaks on the way, once the faults
 * stop there is exactly one leader that a quorum supports, everybody agrees on it, and nobody who voted for it had a more
 * recent history.
 *
 * An election alone may settle on two leaders at the same moment; the phases after it see to it that only one gets
 * followers. So servers here behave like those phases: a leader that has no quorum of followers after a while looks
 * again, and so does a follower whose leader does not lead.
 */

import { fc, test } from '@fast-check/vitest';
import { enableMapSet, produce } from 'immer';
import { describe, expect } from 'vitest';
import { hasQuorum } from '../../../core/config/membership.ts';
import type { Membership } from '../../../core/config/types.ts';
import { asPeer, type PeerId } from '../../../core/types.ts';
import { isSettled, MiniNet, membershipOfIds } from './mini-net.ts';

/** How long a role is tried before the server looks again. */
const PATIENCE_MS = 2000;
const FAULTS_END_MS = 5000;
const CONVERGED_BY_MS = 60_000;

interface Plan {
  readonly seed: number;
  readonly voters: number;
  readonly observers: number;
  readonly histories: readonly { readonly zxid: number; readonly peerEpoch: number }[];
  readonly faults: boolean;
  readonly chunks: readonly number[];
}

const plans: fc.Arbitrary<Plan> = fc.record({
  seed: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  voters: fc.integer({ min: 1, max: 7 }),
  observers: fc.integer({ min: 0, max: 2 }),
  histories: fc.array(fc.record({ zxid: fc.integer({ min: 0, max: 3 }), peerEpoch: fc.integer({ min: 0, max: 2 }) }), {
    minLength: 9,
    maxLength: 9,
  }),
  faults: fc.boolean(),
  chunks: fc.oneof(fc.constant([]), fc.array(fc.integer({ min: 5, max: 90 }), { minLength: 1, maxLength: 4 })),
});

/** xorshift32: small, and the same everywhere. */
function drawsFrom(seed: number): (below: number) => number {
  let x = seed | 0 || 1;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
}

class Story {
  readonly net = new MiniNet();
  readonly membership: Membership;
  readonly draw: (below: number) => number;
  readonly ids: number[];
  readonly plan: Plan;

  constructor(plan: Plan) {
    this.plan = plan;
    this.draw = drawsFrom(plan.seed);
    this.ids = Array.from({ length: plan.voters + plan.observers }, (_, i) => i + 1);
    const spec = this.ids.map((id) => (id <= plan.voters ? `${id}` : `${id}:observer`)).join(' ');
    this.membership = membershipOfIds(spec);
    this.net.cutSizes = [...plan.chunks];
    for (const id of this.ids) {
      this.net.add(id, this.membership, {
        electionMaxNotificationMs: 3000,
        cnxTimeoutMs: 1000,
        standaloneEnabled: false,
      });
      this.net.get(id).own = { ...plan.histories[id - 1]! };
    }
    this.net.onEvent = (server, event) => {
      if (event.type === 'elected' && event.vote.state === 'leading') this.checkVotersOf(server);
    };
  }

  /** Everybody whose vote elected the leader has a history that is not more recent. */
  checkVotersOf(leader: PeerId): void {
    const own = this.net.get(leader).own;
    expect(this.membership.servers.find(({ id }) => id === leader)?.role).toBe('participant');
    const behind = this.ids.filter((id) => {
      const other = this.net.get(id).own;
      return other.peerEpoch < own.peerEpoch || (other.peerEpoch === own.peerEpoch && other.zxid <= own.zxid);
    });
    expect(hasQuorum(this.membership, behind.map(asPeer))).toBe(true);
  }

  run(): void {
    const { net, ids } = this;
    const startAt = new Map(ids.map((id) => [id, this.plan.faults ? this.draw(1500) : this.draw(300)]));
    while (net.nowMs < CONVERGED_BY_MS) {
      for (const [id, at] of startAt) {
        if (at > net.nowMs) continue;
        startAt.delete(id);
        net.start(id);
      }
      if (this.plan.faults && net.nowMs < FAULTS_END_MS) this.misbehave(startAt);
      else net.heal();
      this.deliverSome();
      this.loseHope();
      if (startAt.size === 0 && net.nowMs > FAULTS_END_MS && this.converged()) return;
      net.advanceTo(net.nowMs + 1 + this.draw(20));
    }
  }

  /** Some of what is in flight arrives, in any order that keeps each direction of a connection in order. */
  private deliverSome(): void {
    const count = this.draw(this.plan.chunks.length > 0 ? 80 : 12);
    for (let i = 0; i < count; i++) {
      const actions = this.net.actions();
      if (actions.length === 0) return;
      actions[this.draw(actions.length)]!.run();
    }
  }

  private misbehave(startAt: Map<number, number>): void {
    const { net, ids } = this;
    const a = ids[this.draw(ids.length)]!;
    const b = ids[this.draw(ids.length)]!;
    const kind = this.draw(60);
    if (kind === 0 && net.get(a).up) {
      net.crash(a);
      startAt.set(a, net.nowMs + this.draw(800));
    } else if (kind === 1 && a !== b) {
      net.cut(a, b);
    } else if (kind === 2) {
      net.heal();
    } else if (kind === 3 && a !== b) {
      net.reset(a, b);
    }
  }

  /** What discovery and the heartbeat do to a role that leads nowhere. */
  private loseHope(): void {
    for (const server of this.net.servers.values()) {
      if (!server.up || !isSettled(server.fle) || this.net.nowMs - server.settledAtMs < PATIENCE_MS) continue;
      const leader = server.fle.vote.leader;
      if (!this.net.leaders().includes(leader)) this.net.look(server.id);
    }
  }

  converged(): boolean {
    const leaders = this.net.leaders();
    return leaders.length === 1 && this.net.supportersOf(leaders[0]!).length === this.ids.length;
  }
}

describe('an election over a network', () => {
  test.prop([plans], { numRuns: 120 })('ends with one leader that everybody supports', (plan) => {
    const story = new Story(plan);
    story.run();
    const state = [...story.net.servers.values()].map(({ id, fle }) => `${id} ${fle.status} ${fle.vote.leader}`);
    expect(story.net.leaders(), state.join(', ')).toHaveLength(1);
    expect(story.converged(), state.join(', ')).toBe(true);
  });

  test.prop([plans], { numRuns: 6 })('goes the same way on drafts of frozen state as on plain state', (plan) => {
    enableMapSet();
    const raw = new Story(plan);
    const drafted = new Story(plan);
    const effects: [unknown[], unknown[]] = [[], []];
    raw.net.onEffect = (server, effect) => effects[0].push([server, effect]);
    drafted.net.onEffect = (server, effect) => effects[1].push([server, effect]);
    drafted.net.inStep = (server, run) => {
      const next = produce({ fle: server.fle, cnx: server.cnx }, (draft) => {
        server.fle = draft.fle;
        server.cnx = draft.cnx;
        run();
      });
      server.fle = next.fle;
      server.cnx = next.cnx;
    };
    raw.run();
    drafted.run();
    expect(effects[1]).toEqual(effects[0]);
    for (const { id, fle, cnx } of raw.net.servers.values()) {
      expect(drafted.net.get(id)).toMatchObject({ fle, cnx });
    }
  });
});
