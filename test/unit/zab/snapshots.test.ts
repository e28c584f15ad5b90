/**
 * A whole state on its way to a learner (SNAP) takes its time: it goes piece by piece, waits when the connection is full, and
 * the ensemble goes on writing. What is written meanwhile follows behind the stream, and nothing twice or never.
 */

import { describe, expect, it } from 'vitest';
import { view } from '../../../core/peer.ts';
import { asConn, type ConnId, OPEN_ACL } from '../../../core/types.ts';
import { Op } from '../../../core/wire/opcodes.ts';
import { MiniClient } from '../../support/mini-client.ts';
import { MiniEnsemble, membershipOf } from '../../support/mini-ensemble.ts';

const LEADER = 3;
const LATE = 1;
/** Pieces are 64 KiB. */
const NODES = 12;
const NODE_BYTES = 20_000;

class Ensemble {
  readonly net = new MiniEnsemble();
  readonly client = new MiniClient(this.net, 'client');

  constructor() {
    const membership = membershipOf('1 2 3');
    for (const id of [1, 2, 3]) this.net.add(id, membership, { forceSnapshotSync: true, commitLogCount: 2 });
    this.net.start(2);
    this.net.start(3);
    this.net.runUntil(() => [2, 3].every((id) => view(this.net.peer(id)).serving), 10_000);
    this.client.connect(LEADER);
    this.net.settle();
    this.client.hear();
    for (let i = 0; i < NODES; i++) this.create(`/big${i}`, NODE_BYTES);
  }

  create(path: string, size = 1): void {
    this.client.ask({ op: Op.create, kind: 'create', path, data: new Uint8Array(size), acl: OPEN_ACL, flags: 0 });
    this.net.settle();
    expect(this.client.hear()).toMatchObject([{ kind: 'reply', reply: { header: { err: 0 } } }]);
  }

  /** The late server comes; its connection to the leader is full after the first piece. */
  stall(): ConnId {
    let conn = asConn(0);
    this.net.onStep = ({ server, effects }) => {
      if (server.id !== LEADER) return;
      const snap = effects.find((effect) => effect.type === 'note' && effect.code === 'zab.sync.snap');
      const sent = effects.findLast((effect) => effect.type === 'send');
      if (snap !== undefined && sent?.type === 'send') conn = sent.conn;
    };
    this.net.start(LATE);
    for (let i = 0; conn === 0 && i < 1000; i++) if (!this.net.advance()) this.net.run(10);
    this.net.input(this.net.get(LEADER), { type: 'connBlocked', conn });
    this.net.settle();
    return conn;
  }

  get handlers() {
    const { role } = this.net.peer(LEADER).state;
    return role.kind === 'leading' ? [...role.handlers.values()] : [];
  }

  digests(): bigint[] {
    return [1, 2, 3].map((id) => this.net.peer(id).heap.tree.stateDigest());
  }
}

describe('a snapshot on a full connection', () => {
  it('waits, and the ensemble does not', () => {
    const ensemble = new Ensemble();
    const conn = ensemble.stall();
    expect(ensemble.handlers.map(({ phase }) => phase.kind)).toContain('snapshot');
    for (let i = 0; i < 200; i++) ensemble.create(`/during${i}`);

    ensemble.net.input(ensemble.net.get(LEADER), { type: 'connDrained', conn });
    ensemble.net.settle();
    ensemble.net.runUntil(() => view(ensemble.net.peer(LATE)).serving, 10_000);
    expect(new Set(ensemble.digests()).size).toBe(1);
    expect(ensemble.net.peer(LATE).heap.tree.get('/during199')).toBeDefined();
  });

  it('keeps what the learner will need in the window', () => {
    const ensemble = new Ensemble();
    ensemble.stall();
    const pin = ensemble.net.peer(LEADER).heap.tree.lastZxid;
    for (let i = 0; i < 200; i++) ensemble.create(`/during${i}`);
    const { log } = ensemble.net.peer(LEADER).heap;
    expect(log.base).toBeLessThanOrEqual(pin);
    expect(log.length).toBeGreaterThanOrEqual(200);
  });

  it('is given up when the learner goes, and so is the window', () => {
    const ensemble = new Ensemble();
    ensemble.stall();
    expect(ensemble.net.peer(LEADER).heap.outgoing.size).toBe(1);
    ensemble.net.crash(LATE);
    ensemble.net.settle();
    expect(ensemble.net.peer(LEADER).heap.outgoing.size).toBe(0);
    for (let i = 0; i < 200; i++) ensemble.create(`/after${i}`);
    expect(ensemble.net.peer(LEADER).heap.log.length).toBeLessThan(200);
  });

  it('is given up when the leader goes', () => {
    const ensemble = new Ensemble();
    ensemble.stall();
    const { heap } = ensemble.net.peer(LEADER);
    const left: number[] = [];
    ensemble.net.onStep = ({ server, effects }) => {
      const leaves = effects.some((effect) => effect.type === 'note' && effect.code === 'peer.role.left');
      if (server.id === LEADER && leaves) left.push(heap.outgoing.size);
    };
    ensemble.net.crash(2);
    ensemble.net.run(5000);
    expect(left).toEqual([0]);
  });
});
