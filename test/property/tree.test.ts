import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { DataTree } from '../../core/tree/data-tree.ts';
import { TreeLoader } from '../../core/tree/tree-loader.ts';
import type { TreeSnapshot } from '../../core/tree/tree-snapshot.ts';
import { asZxid } from '../../core/types.ts';
import type { TxnHeader } from '../../core/wire/records.ts';
import { picture } from '../unit/tree/builders.ts';
import { ModelTree, modelDigest } from './tree-model.ts';
import { grown, runs, SESSIONS, type Step, steps, typeOf } from './tree-txns.ts';

const EPOCH = 0x3_0000_0000;

function headerOf({ session, txn }: Step, index: number): TxnHeader {
  const zxid = asZxid(EPOCH + index + 1);
  return { clientId: session, cxid: index, zxid, time: 1_700_000_000_000 + index, type: typeOf(txn) };
}

function applyAll(tree: DataTree, run: readonly Step[]): void {
  for (const [index, step] of run.entries()) tree.apply(headerOf(step, index), step.txn);
}

/** What a tree shows through its readers, beside the nodes' own Stat. */
function readings(tree: DataTree) {
  return {
    containers: [...tree.containers()].sort(),
    ttls: [...tree.ttlNodes()].sort(),
    ephemerals: SESSIONS.map((session) => [...tree.ephemeralsOf(session)].sort()),
    sessions: [...tree.sessions].sort(),
  };
}

function modelReadings(model: ModelTree) {
  return {
    containers: model.pathsOwned('container').sort(),
    ttls: model.pathsOwned('ttl').sort(),
    ephemerals: SESSIONS.map((session) =>
      model
        .pathsOwned('session')
        .filter((path) => model.nodes.get(path)!.owner === session)
        .sort(),
    ),
    sessions: [...model.sessions].sort(),
  };
}

function expectSameNodes(tree: DataTree, model: ModelTree): void {
  expect([...tree.paths()].sort()).toEqual([...model.nodes.keys()].sort());
  for (const [path, node] of model.nodes) {
    const ours = tree.get(path)!;
    expect(ours.data === null ? null : Buffer.from(ours.data).toString('latin1'), path).toBe(node.data);
    expect(ours.acl, path).toEqual(node.acl);
    const { owner, data, acl, ...stat } = node;
    expect(ours.statPersisted, path).toEqual({ ...stat, ephemeralOwner: owner });
    const children = model.children(path).sort();
    expect(tree.children(path).sort(), path).toEqual(children);
    const isSession = model.pathsOwned('session').includes(path);
    expect(ours.stat, path).toEqual({
      ...stat,
      cversion: node.cversion * 2 - children.length,
      ephemeralOwner: isSession ? owner : 0n,
      dataLength: data?.length ?? 0,
      numChildren: children.length,
    });
    expect(acl).toBeDefined();
  }
}

describe('apply', () => {
  test.prop([runs(40)], { numRuns: 300 })('does what a plain reference tree does', (run) => {
    const tree = DataTree.fresh();
    const model = new ModelTree();
    run.forEach((step, index) => {
      const header = headerOf(step, index);
      const result = tree.apply(header, step.txn);
      const wanted = model.apply(header, step.txn);
      expect(result.err).toBe(wanted.err);
      expect(result.events.map(({ type, path, acl }) => `${type} ${path} ${JSON.stringify(acl)}`)).toEqual(
        wanted.events,
      );
      expect(tree.lastZxid).toBe(header.zxid);
    });
    expectSameNodes(tree, model);
    expect(readings(tree)).toEqual(modelReadings(model));
    expect(tree.digest()).toBe(modelDigest(model));
  });

  test.prop([runs(60)], { numRuns: 200 })('keeps everything it keeps beside the nodes in step with them', (run) => {
    const tree = DataTree.fresh();
    run.forEach((step, index) => {
      tree.apply(headerOf(step, index), step.txn);
      expect(tree.audit()).toBeNull();
    });
  });
});

/** Opens a snapshot, reads some of it, or closes it, between the steps of a run. */
type Action =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'open' }
  | { readonly kind: 'read'; readonly which: number; readonly count: number }
  | { readonly kind: 'list'; readonly which: number };

const actions: fc.Arbitrary<Action> = fc.oneof(
  { arbitrary: steps.map((step): Action => ({ kind: 'step', step })), weight: 12 },
  { arbitrary: fc.constant<Action>({ kind: 'open' }), weight: 2 },
  {
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      which: fc.nat(3),
      count: fc.integer({ min: 1, max: 4 }),
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ kind: fc.constant('list' as const), which: fc.nat(3) }), weight: 1 },
);

/** A snapshot that is being read, with what the tree was when it was opened. */
class Reading {
  readonly loader = new TreeLoader();
  readonly wanted: string[];
  readonly stateDigest: bigint;
  private readonly snapshot: TreeSnapshot;
  private isListed = false;

  constructor(tree: DataTree) {
    this.wanted = picture(tree);
    this.stateDigest = tree.stateDigest();
    this.snapshot = tree.openSnapshot();
  }

  list(): void {
    if (this.isListed) return;
    this.isListed = true;
    for (const [id, timeoutMs] of this.snapshot.sessions) this.loader.session(id, timeoutMs);
    for (const [id, acl] of this.snapshot.acls) this.loader.acl(id, acl);
  }

  read(count: number): void {
    this.list();
    let left = count;
    if (left === 0) return;
    for (const node of this.snapshot.nodes) {
      this.loader.node(node);
      left -= 1;
      if (left === 0) return;
    }
  }

  finish(): DataTree {
    this.read(Number.POSITIVE_INFINITY);
    const { zxid, digest } = this.snapshot;
    this.snapshot.close();
    expect(this.loader.problem).toBeNull();
    const tree = this.loader.finish({ zxid, recountQuotas: false })!;
    expect(tree.digest()).toBe(digest);
    expect(tree.lastZxid).toBe(zxid);
    return tree;
  }
}

describe('a snapshot', () => {
  test.prop([fc.array(actions, { maxLength: 60 })], { numRuns: 300 })(
    'shows the tree as it was at its opening, whatever is written and however slowly it is read',
    (run) => {
      const tree = DataTree.fresh();
      applyAll(tree, grown);
      const open: Reading[] = [];
      run.forEach((action, index) => {
        if (action.kind === 'step') tree.apply(headerOf(action.step, grown.length + index), action.step.txn);
        else if (action.kind === 'open') open.push(new Reading(tree));
        else if (action.kind === 'read') open[action.which]?.read(action.count);
        else open[action.which]?.list();
      });
      for (const reading of open) {
        const loaded = reading.finish();
        expect(picture(loaded)).toEqual(reading.wanted);
        expect(loaded.stateDigest()).toBe(reading.stateDigest);
        expect(loaded.audit()).toBeNull();
        expect(loaded.unresolvedAclCount).toBe(0);
      }
      expect(tree.audit()).toBeNull();
    },
  );

  test.prop([runs(30), fc.array(steps, { maxLength: 30 })], { numRuns: 200 })(
    'and the transactions after it lead where the original went',
    (before, after) => {
      const tree = DataTree.fresh();
      applyAll(tree, before);
      const loaded = new Reading(tree).finish();
      after.forEach((step, index) => {
        const header = headerOf(step, before.length + index);
        const ours = tree.apply(header, step.txn);
        const theirs = loaded.apply(header, step.txn);
        expect(theirs.err).toBe(ours.err);
      });
      expect(picture(loaded)).toEqual(picture(tree));
      expect(loaded.stateDigest()).toBe(tree.stateDigest());
      expect(loaded.digest()).toBe(tree.digest());
    },
  );
});

describe('the state digest', () => {
  test.prop([runs(25), steps], { numRuns: 300 })('changes exactly when the state does', (run, last) => {
    const tree = DataTree.fresh();
    applyAll(tree, run);
    const before = { picture: picture(tree), digest: tree.stateDigest() };
    tree.apply(headerOf(last, run.length), last.txn);
    const isSame = JSON.stringify(picture(tree)) === JSON.stringify(before.picture);
    expect(tree.stateDigest() === before.digest).toBe(isSame);
  });
});
