import { describe, expect, test } from 'vitest';
import { zxidOf } from '../../../core/types.ts';
import { COLLECTION_SIZE_MAX, checkBounds, largest } from '../../../sim/checkers/bounds.ts';
import { Replicas } from '../../../sim/checkers/replicas.ts';
import { collect } from './collect.ts';

const at = (counter: number) => zxidOf(1, counter);

describe('replicas', () => {
  test('equal-digest: two trees at one zxid', () => {
    const { report, ids, found } = collect();
    const replicas = new Replicas(report);
    replicas.onApplied(1, at(1), 1, { tree: 5n, state: 7n }, 100);
    replicas.onApplied(2, at(1), 1, { tree: 5n, state: 7n }, 101);
    replicas.onApplied(3, at(1), 2, { tree: 6n, state: 7n }, 102);
    expect(ids()).toEqual(['equal-digest']);
    expect(found[0]).toMatchObject({ events: [100], servers: [1, 3] });
  });

  test('equal-digest: two states at one zxid, while the epoch is the same', () => {
    const { report, ids } = collect();
    const replicas = new Replicas(report);
    replicas.onApplied(1, at(1), 1, { tree: 5n, state: 7n }, 100);
    replicas.onApplied(1, at(1), 2, { tree: 5n, state: 8n }, 101);
    expect(ids()).toEqual([]);
    replicas.onApplied(2, at(1), 2, { tree: 5n, state: 9n }, 102);
    expect(ids()).toEqual(['equal-digest']);
  });

  test.each([
    ['committed goes back', { committed: at(2), applied: at(2) }],
    ['applied goes back', { committed: at(3), applied: at(2) }],
    ['applied passes committed', { committed: at(3), applied: at(4) }],
  ])('commit-monotone: %s', (_what, after) => {
    const { report, ids } = collect();
    const replicas = new Replicas(report);
    replicas.onPosition(1, { committed: at(3), applied: at(3) }, 1);
    replicas.onPosition(1, after, 2);
    expect(new Set(ids())).toEqual(new Set(['commit-monotone']));
  });

  test('a server that stopped serving may begin anew', () => {
    const { report, ids } = collect();
    const replicas = new Replicas(report);
    replicas.onPosition(1, { committed: at(3), applied: at(3) }, 1);
    replicas.onPause(1);
    replicas.onPosition(1, { committed: at(1), applied: at(1) }, 2);
    expect(ids()).toEqual([]);
  });
});

describe('bounded-queues', () => {
  test('finds the collection that grew', () => {
    const { report, ids, found } = collect();
    const queue = Array.from({ length: COLLECTION_SIZE_MAX + 1 }, () => 0);
    checkBounds(1, { role: { kind: 'leading', handlers: new Map([[7, { queue }]]) } }, report);
    expect(ids()).toEqual(['bounded-queues']);
    expect(found[0]?.message).toContain('queue');
  });

  test('is silent below the bound', () => {
    expect(largest({ a: [1, 2], b: new Set([1]), c: new Uint8Array(1000), d: null })).toBeNull();
  });
});
