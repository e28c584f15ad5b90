/**
 * What every member does with its history (core/zab/replica.ts): nothing is applied before it is known to be committed, nothing
 * out of order, and a replica that contradicts its leader, or cannot read its own history, stops instead of serving.
 */

import { describe, expect, it } from 'vitest';
import type { Effect } from '../../../core/io.ts';
import type { Peer } from '../../../core/peer.ts';
import { view } from '../../../core/peer.ts';
import type { Turn } from '../../../core/state.ts';
import { DataTree } from '../../../core/tree/data-tree.ts';
import { TREE_DIGEST_VERSION } from '../../../core/tree/digest.ts';
import { asConn, asZxid, COUNTER_MAX, OPEN_ACL, type Zxid, zxidOf } from '../../../core/types.ts';
import { encodeRequest } from '../../../core/wire/client-codec.ts';
import { Op, Packet } from '../../../core/wire/opcodes.ts';
import { encodeConfigText, encodeRequestPayload } from '../../../core/wire/quorum-codec.ts';
import type { LogEntry } from '../../../core/wire/txn.ts';
import { decodeTxn, encodeTxn } from '../../../core/wire/txn-codec.ts';
import { commitThrough, reconfigOf } from '../../../core/zab/replica.ts';
import { leaderWith, learnerIn, NEW_EPOCH, node, type Scene, send } from '../../support/phases.ts';
import { applyEntry, createTxn } from '../storage/machine.ts';

const at = (counter: number): Zxid => zxidOf(1, counter);

/** The entry with a digest behind it: that of the tree which holds the nodes up to there, or another. */
function withDigest(counter: number, options: { off?: bigint; version?: number } = {}): LogEntry {
  const tree = DataTree.fresh();
  for (let i = 1; i <= counter; i++) applyEntry(tree, node(i));
  const entry = node(counter);
  const decoded = decodeTxn(entry.bytes);
  if (!decoded.ok) throw new Error('undecodable');
  const treeDigest = tree.digest() + (options.off ?? 0n);
  const digest = { version: options.version ?? TREE_DIGEST_VERSION, treeDigest };
  return { zxid: entry.zxid, bytes: encodeTxn(decoded.value.header, decoded.value.txn, digest) };
}

function commit({ net, wire }: Scene, ...entries: LogEntry[]): void {
  for (const { zxid, bytes } of entries) send(net, wire, Packet.PROPOSAL, zxid, bytes);
  for (const { zxid } of entries) send(net, wire, Packet.COMMIT, zxid);
}

function watch({ net }: Scene): Effect[] {
  const effects: Effect[] = [];
  net.onStep = (report) => effects.push(...report.effects);
  return effects;
}

const notesIn = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.type === 'note' ? [effect.code] : []));

describe('what a learner applies', () => {
  it.each(['catchingUp', 'persisting', 'acked'] as const)('is nothing while it is %s', (phase) => {
    const { net, self } = learnerIn(phase);
    expect(view(net.peer(self))).toMatchObject({ appliedZxid: 0, committedZxid: 0, serving: false });
    expect(net.peer(self).heap.tree.get('/n1-1')).toBeUndefined();
  });

  it('is everything that the leader called committed, at UPTODATE', () => {
    const { net, self } = learnerIn('serving');
    expect(view(net.peer(self))).toMatchObject({ appliedZxid: at(4), committedZxid: at(4), serving: true });
  });

  it('is committed in order, however late the commit', () => {
    const scene = learnerIn('serving');
    const { net, self, wire } = scene;
    const effects = watch(scene);
    const entries = [node(1, NEW_EPOCH), node(2, NEW_EPOCH), node(3, NEW_EPOCH)];
    for (const { zxid, bytes } of entries) send(net, wire, Packet.PROPOSAL, zxid, bytes);
    expect(view(net.peer(self)).appliedZxid).toBe(at(4));
    // One COMMIT stands for those before it, too.
    send(net, wire, Packet.COMMIT, entries[1]!.zxid);
    expect(view(net.peer(self)).appliedZxid).toBe(entries[1]!.zxid);
    expect(effects.filter((effect) => effect.type === 'note' && effect.code === 'zab.applied')).toMatchObject([
      { fields: { zxid: entries[0]!.zxid } },
      { fields: { zxid: entries[1]!.zxid } },
    ]);
  });

  it('is never a transaction that was not proposed', () => {
    const scene = learnerIn('serving');
    const effects = watch(scene);
    send(scene.net, scene.wire, Packet.COMMIT, zxidOf(NEW_EPOCH, 1));
    expect(notesIn(effects)).toContain('zab.illegal.commit');
    expect(scene.wire.closed).toBe(true);
  });

  it.each([
    ['a gap', at(6), node(6).bytes],
    ['a gap at the beginning of an epoch', zxidOf(NEW_EPOCH, 2), node(2, NEW_EPOCH).bytes],
    ['a zxid that is not that of the transaction', zxidOf(NEW_EPOCH, 1), node(2, NEW_EPOCH).bytes],
    ['nothing', zxidOf(NEW_EPOCH, 1), null],
  ])('is never a proposal with %s', (_what, zxid, bytes) => {
    const scene = learnerIn('serving');
    const effects = watch(scene);
    send(scene.net, scene.wire, Packet.PROPOSAL, zxid, bytes);
    expect(notesIn(effects)).toContain('zab.illegal.proposal');
    expect(scene.wire.closed).toBe(true);
    expect(scene.net.peer(scene.self).heap.log.last).toBe(at(4));
  });
});

describe('the digest that travels in a transaction', () => {
  const TICK_MS = 2000;
  const serves = ({ net, self }: Scene): boolean => net.get(self).peer !== null && view(net.peer(self)).serving;

  it('lets the server go on when it agrees', () => {
    const scene = learnerIn('serving');
    commit(scene, withDigest(5));
    expect(view(scene.net.peer(scene.self)).appliedZxid).toBe(at(5));
  });

  it('stops the server that is off by the same for a tick', () => {
    const scene = learnerIn('serving');
    const effects = watch(scene);
    commit(scene, withDigest(5, { off: 7n }));
    expect(notesIn(effects)).toContain('zab.digest.mismatch');
    scene.net.nowMs += TICK_MS - 1;
    commit(scene, withDigest(6, { off: 7n }));
    expect(serves(scene)).toBe(true);
    scene.net.nowMs += 1;
    commit(scene, withDigest(7, { off: 7n }));
    expect(effects.filter(({ type }) => type === 'halt')).toHaveLength(1);
    expect(scene.net.get(scene.self).peer).toBeNull();
  });

  it('is a wrong prediction when the next ones agree, or are wrong by something else', () => {
    const scene = learnerIn('serving');
    for (const [i, off] of [7n, 0n, 7n, -8n, 7n].entries()) {
      commit(scene, withDigest(5 + i, { off }));
      scene.net.nowMs += TICK_MS;
    }
    expect(view(scene.net.peer(scene.self))).toMatchObject({ appliedZxid: at(9), serving: true });
  });

  it('says nothing when it came while others were under way: the leader may have gone on with a wrong prediction', () => {
    const scene = learnerIn('serving');
    commit(scene, withDigest(5, { off: 7n }));
    scene.net.nowMs += TICK_MS;
    commit(scene, node(6), withDigest(7, { off: 7n }), withDigest(8, { off: 7n }));
    expect(serves(scene)).toBe(true);
    commit(scene, withDigest(9, { off: 7n }));
    expect(serves(scene)).toBe(false);
  });

  it('stops a leader at once: it has made the prediction itself', () => {
    const scene = leaderWith('active');
    const { net, self, wire } = scene;
    const effects = watch(scene);
    const request = { sessionId: 5n as never, cxid: 0, type: Op.createSession, body: new Uint8Array(4) };
    send(net, wire, Packet.REQUEST, asZxid(-1), encodeRequestPayload(request));
    const { zxid } = net.peer(self).heap.log.get(0);
    const create = { op: Op.create, kind: 'create', path: '/a', data: null, acl: OPEN_ACL, flags: 0 } as const;
    const write = { sessionId: 5n as never, cxid: 1, type: Op.create, body: encodeRequest(create) };
    send(net, wire, Packet.ACK, zxid);
    send(net, wire, Packet.REQUEST, asZxid(-1), encodeRequestPayload(write));
    // Between the prediction and the commit the tree becomes another one.
    const stray = net.peer(self).heap.tree;
    stray.apply(
      { clientId: 5n as never, cxid: 9, zxid, time: 0, type: Op.create },
      createTxn('/stray', new Uint8Array(1)),
    );
    send(net, wire, Packet.ACK, asZxid(zxid + 1));
    expect(notesIn(effects)).toContain('zab.digest.mismatch');
    expect(net.get(self).peer).toBeNull();
  });

  it('is not read when it is of another kind', () => {
    const scene = learnerIn('serving');
    commit(scene, withDigest(5, { off: 7n, version: TREE_DIGEST_VERSION + 1 }));
    scene.net.nowMs += TICK_MS;
    commit(scene, withDigest(6, { off: 7n, version: TREE_DIGEST_VERSION + 1 }));
    expect(view(scene.net.peer(scene.self)).appliedZxid).toBe(at(6));
  });

  /** A Java snapshot is fuzzy: it may hold what follows it, and then an early digest cannot agree. */
  it('is forgiven before the whole history has been applied, if it agrees in the end', () => {
    const scene = learnerIn('catchingUp');
    const effects = watch(scene);
    commit(scene, withDigest(4, { off: 7n }), withDigest(5));
    finish(scene);
    scene.net.nowMs += TICK_MS;
    commit(scene, withDigest(6, { off: 7n }));
    expect(notesIn(effects).filter((code) => code === 'zab.digest.mismatch')).toHaveLength(1);
    expect(serves(scene)).toBe(true);
  });

  it('is a doubt that begins when the history has been applied, if it does not', () => {
    const scene = learnerIn('catchingUp');
    commit(scene, withDigest(4), withDigest(5, { off: 7n }));
    scene.net.nowMs += TICK_MS;
    finish(scene);
    commit(scene, withDigest(6, { off: 7n }));
    expect(serves(scene)).toBe(true);
    scene.net.nowMs += TICK_MS;
    commit(scene, withDigest(7, { off: 7n }));
    expect(serves(scene)).toBe(false);
  });

  function finish({ net, wire }: Scene): void {
    send(net, wire, Packet.NEWLEADER, zxidOf(NEW_EPOCH, 0), encodeConfigText(''));
    send(net, wire, Packet.UPTODATE, asZxid(-1));
  }
});

describe('a history that cannot be read', () => {
  const turnOf = ({ config, secrets, state, heap }: Peer, effects: Effect[]): Turn => ({
    config,
    secrets,
    state,
    heap,
    io: { now: { monoMs: 0, wallMs: 0 }, emit: (effect) => effects.push(effect), newConn: () => asConn(-99) },
    work: [],
  });

  it('stops the server at the entry, and what is behind it is not applied', () => {
    const { net, self } = learnerIn('serving');
    const peer = net.peer(self);
    const broken = { zxid: zxidOf(NEW_EPOCH, 1), bytes: node(1, NEW_EPOCH).bytes.slice(0, 40) };
    peer.heap.log.push(broken);
    peer.heap.log.push(node(2, NEW_EPOCH));
    const effects: Effect[] = [];
    commitThrough(turnOf(peer, effects), zxidOf(NEW_EPOCH, 2));
    expect(peer.state.role.kind).toBe('halted');
    expect(effects.map(({ type }) => type)).toContain('halt');
    expect(peer.heap.tree.lastZxid).toBe(at(4));
  });

  it.each([0, 1, 28, 31, 32, 40])('and whose entry has %s bytes is no reconfiguration', (size) => {
    const bytes = new Uint8Array(size);
    if (size >= 32) bytes[31] = Op.reconfig;
    expect(reconfigOf({ zxid: at(1), bytes })).toBeNull();
  });
});

describe('the end of the counter', () => {
  it('ends the leadership before a zxid could run into the next epoch (ZOOKEEPER-1277)', () => {
    const scene = leaderWith('active');
    const { role } = scene.net.peer(scene.self).state;
    if (role.kind !== 'leading') throw new Error('not leading');
    role.lastProposed = zxidOf(1, COUNTER_MAX - 1);
    const effects = watch(scene);
    const request = { sessionId: 5n as never, cxid: 0, type: Op.createSession, body: new Uint8Array(4) };
    send(scene.net, scene.wire, Packet.REQUEST, asZxid(-1), encodeRequestPayload(request));
    const fields = { reason: 'zxid counter exhausted' };
    expect(effects).toContainEqual({ type: 'note', code: 'zab.leading.gaveup', fields });
    expect(scene.net.peer(scene.self).heap.log.last).toBe(0);
  });
});
