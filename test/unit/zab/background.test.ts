/**
 * What the disk does in the background delays nobody (core/zab/roles.ts, core/storage/store.ts): a snapshot of a large tree is
 * being fsynced on one of the servers, which takes as long as the test wants it to take.
 */

import { describe, expect, it } from 'vitest';
import type { PeerConfig } from '../../../core/config/types.ts';
import { view } from '../../../core/peer.ts';
import { assert, OPEN_ACL } from '../../../core/types.ts';
import { Op } from '../../../core/wire/opcodes.ts';
import { MiniClient } from '../../support/mini-client.ts';
import { diskName, MiniEnsemble, membershipOf } from '../../support/mini-ensemble.ts';

const ALL = [1, 2, 3];
const SNAP_COUNT = 10;

class Ensemble {
  readonly net = new MiniEnsemble();
  client = new MiniClient(this.net, 'client');
  /** The server whose snapshot takes so long. */
  readonly busy: number;
  private count = 0;

  constructor(busy = 1, settings: Partial<PeerConfig> = {}) {
    this.busy = busy;
    for (const id of ALL) this.net.add(id, membershipOf('1 2 3'), { snapCount: SNAP_COUNT, ...settings });
    for (const id of ALL) this.net.start(id);
    this.serve(ALL);
    this.connect(3);
    this.net.hold(diskName(this.busy, 'snap'));
    this.write(2 * SNAP_COUNT);
    const { snapshot } = this.net.peer(this.busy).state.store;
    expect(snapshot?.purpose).toBe('background');
  }

  serve(ids: readonly number[]): void {
    this.net.runUntil(() => ids.every((id) => view(this.net.peer(id)).serving), 60_000);
  }

  connect(id: number): void {
    this.client = new MiniClient(this.net, `client ${this.count}`);
    this.client.connect(id);
    this.net.settle();
    this.client.hear();
  }

  write(count: number): void {
    for (let i = 0; i < count; i++) {
      const path = `/n${this.count++}`;
      this.client.ask({ op: Op.create, kind: 'create', path, data: new Uint8Array(1), acl: OPEN_ACL, flags: 0 });
      this.net.run(5);
    }
    const heard = this.client.hear();
    expect(heard).toHaveLength(count);
    for (const each of heard) expect(each).toMatchObject({ kind: 'reply', reply: { header: { err: 0 } } });
  }

  leader(): number {
    const id = ALL.find((each) => this.net.get(each).peer?.state.role.kind === 'leading');
    assert(id !== undefined, 'nobody leads');
    return id;
  }

  /** The leader dies and comes again when the others have gone on without it. */
  change(): void {
    const dead = this.leader();
    const rest = ALL.filter((id) => id !== dead);
    this.net.crash(dead);
    this.serve(rest);
    this.connect(this.leader());
    this.write(3);
    this.net.start(dead);
    this.serve(ALL);
  }

  get isBusy(): boolean {
    return this.net.peer(this.busy).state.store.snapshot !== null;
  }

  expectOneState(): void {
    const digests = ALL.map((id) => this.net.peer(id).heap.tree.stateDigest());
    expect(new Set(digests).size).toBe(1);
    for (let i = 0; i < this.count; i++) expect(this.net.peer(this.busy).heap.tree.get(`/n${i}`)).toBeDefined();
  }

  /** Every server loses power at once. */
  darken(): void {
    for (const id of ALL) if (this.net.get(id).peer !== null) this.net.powerCut(id);
    this.net.releaseAll();
    for (const id of ALL) this.net.start(id);
    this.serve(ALL);
    this.expectOneState();
  }
}

describe('while a snapshot is being fsynced', () => {
  it('elections take place, one after the other', () => {
    const ensemble = new Ensemble();
    for (let i = 0; i < 3; i++) {
      ensemble.change();
      expect(ensemble.isBusy).toBe(true);
    }
    ensemble.net.releaseAll();
    ensemble.net.settle();
    // It was of value all the time, and the next one may follow.
    expect(ensemble.net.peer(ensemble.busy).state.ensemble!.savedTo).toBeGreaterThan(0);
    expect(ensemble.isBusy).toBe(false);
    ensemble.connect(ensemble.leader());
    const before = ensemble.net.peer(ensemble.busy).state.ensemble!.savedTo;
    ensemble.write(2 * SNAP_COUNT);
    expect(ensemble.net.peer(ensemble.busy).state.ensemble!.savedTo).toBeGreaterThan(before);
    ensemble.expectOneState();
  });

  it.each([0, 1, 2])('power may go, after %s elections', (elections) => {
    const ensemble = new Ensemble();
    for (let i = 0; i < elections; i++) ensemble.change();
    expect(ensemble.isBusy).toBe(true);
    ensemble.darken();
  });

  it('entries that nobody else has are cut off', () => {
    const ensemble = new Ensemble(3);
    const { net, client } = ensemble;
    const cut: number[] = [];
    net.onStep = ({ server, effects }) => {
      if (effects.some((effect) => effect.type === 'file' && effect.action.kind === 'truncate')) cut.push(server.id);
    };
    for (const id of [1, 2]) net.hold(`link 3 ${id}`);
    client.ask({ op: Op.create, kind: 'create', path: '/alone', data: new Uint8Array(1), acl: OPEN_ACL, flags: 0 });
    // The others give it up, and have not written anything in their new epoch when it comes again.
    net.run(15_000);
    ensemble.serve([1, 2]);
    for (const id of [1, 2]) net.release(`link 3 ${id}`);
    ensemble.serve(ALL);
    expect(cut).toEqual([3]);
    expect(ensemble.isBusy).toBe(true);
    ensemble.connect(ensemble.leader());
    ensemble.write(3);
    ensemble.expectOneState();
    expect(net.peer(3).heap.tree.get('/alone')).toBeUndefined();
    ensemble.darken();
    expect(net.peer(3).heap.tree.get('/alone')).toBeUndefined();
  });

  it('a leader that was never established waits for it: it reads the disk anew', () => {
    const ensemble = new Ensemble(2);
    const { net, client, busy } = ensemble;
    net.hold('link 3 1');
    net.hold(diskName(3, 'log'));
    client.ask({ op: Op.create, kind: 'create', path: '/tail', data: new Uint8Array(1), acl: OPEN_ACL, flags: 0 });
    net.settle();
    // It alone has the entry, and leads; the other one never comes to acknowledge that.
    net.crash(3);
    net.onStep = ({ server, peer }) => {
      if (server.id === busy && peer.heap.tree.get('/tail') !== undefined) net.hold(`link 1 ${busy} quorum`);
    };
    net.runUntil(() => net.peer(busy).heap.tree.get('/tail') !== undefined, 60_000);
    net.runUntil(() => net.peer(busy).state.role.kind === 'draining', 60_000);
    net.run(60_000);
    expect(net.peer(busy).state.role).toEqual({ kind: 'draining', reload: true });
    net.onStep = () => {};
    net.release(diskName(busy, 'snap'));
    net.settle();
    expect(net.peer(busy).heap.tree.get('/tail')).toBeUndefined();
    net.release(`link 1 ${busy} quorum`);
    ensemble.serve([1, 2]);
    expect(net.peer(busy).heap.tree.get('/tail')).toBeDefined();
    net.releaseAll();
    net.start(3);
    ensemble.serve(ALL);
    ensemble.expectOneState();
  });

  it.each(['fsync', 'power'])('a whole state from the leader waits for it, and takes its place (after %s)', (end) => {
    const ensemble = new Ensemble(1, { forceSnapshotSync: true });
    const { net, busy } = ensemble;
    net.reset(busy, ensemble.leader(), 'quorum');
    net.run(3000);
    expect(net.peer(busy).state.store.task).toMatchObject({ kind: 'install', phase: { kind: 'waiting' } });
    // The others are enough.
    ensemble.write(3);
    if (end === 'power') return ensemble.darken();
    net.releaseAll();
    ensemble.serve(ALL);
    ensemble.expectOneState();
    const names = [...net.get(busy).disk.files().keys()];
    expect(names.filter((name) => name.includes('tmp') || name.includes('install'))).toEqual([]);
    return ensemble.darken();
  });
});
