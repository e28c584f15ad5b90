import { beforeEach, describe, expect, test } from 'vitest';
import { ZXID_ZERO, zxidOf } from '../../../core/types.ts';
import { CommittedHistory } from '../../../sim/checkers/committed.ts';
import { collect } from './collect.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const A = bytes('a');
const B = bytes('b');

describe('the committed history', () => {
  let collected = collect();
  let held = true;
  let history: CommittedHistory;

  beforeEach(() => {
    collected = collect();
    held = true;
    history = new CommittedHistory({ event: 7, heldByQuorum: () => held, appended: () => {} }, collected.report);
    history.onPropose(1, zxidOf(1, 1), A, ZXID_ZERO);
    history.onPropose(1, zxidOf(1, 2), B, zxidOf(1, 1));
  });

  test('is silent while servers commit the same transactions in the same order', () => {
    for (const server of [1, 2]) {
      history.onCommit(server, zxidOf(1, 1), A);
      history.onCommit(server, zxidOf(1, 2), B);
    }
    expect(collected.found).toEqual([]);
    expect(history.length).toBe(2);
    expect(history.deliveredCount(2)).toBe(2);
  });

  test('knows the last transaction up to an epoch', () => {
    expect(history.lastUpTo(1)).toBe(ZXID_ZERO);
    history.onCommit(1, zxidOf(1, 1), A);
    history.onCommit(1, zxidOf(1, 2), B);
    history.onPropose(2, zxidOf(4, 1), A, zxidOf(1, 2));
    history.onCommit(1, zxidOf(4, 1), A);
    const last = [0, 1, 3, 4, 9].map((epoch) => history.lastUpTo(epoch));
    expect(last).toEqual([ZXID_ZERO, zxidOf(1, 2), zxidOf(1, 2), zxidOf(4, 1), zxidOf(4, 1)]);
  });

  test('integrity: nobody proposed it', () => {
    history.onCommit(1, zxidOf(1, 1), A);
    history.onCommit(1, zxidOf(1, 2), B);
    history.onCommit(1, zxidOf(1, 3), A);
    expect(collected.ids()).toEqual(['integrity']);
  });

  test('integrity: other bytes were proposed', () => {
    history.onCommit(1, zxidOf(1, 1), B);
    expect(collected.ids()).toEqual(['integrity']);
  });

  test('zxid-unique: two bytes under one zxid', () => {
    history.onCommit(1, zxidOf(1, 1), A);
    history.onCommit(2, zxidOf(1, 1), B);
    expect(collected.ids()).toEqual(['zxid-unique']);
    expect(collected.found[0]).toMatchObject({ events: [7], servers: [2] });
  });

  test('zxid-unique: a second proposal of one zxid', () => {
    history.onPropose(2, zxidOf(1, 2), A, zxidOf(1, 1));
    expect(collected.ids()).toEqual(['zxid-unique']);
  });

  test('total-order: the same transactions in another order', () => {
    history.onCommit(1, zxidOf(1, 1), A);
    history.onCommit(1, zxidOf(1, 2), B);
    history.onCommit(2, zxidOf(1, 2), B);
    expect(collected.ids()).toEqual(['total-order']);
  });

  test('prefix-consistency: something else in the same place', () => {
    history.onPropose(2, zxidOf(2, 1), A, zxidOf(1, 2));
    history.onCommit(1, zxidOf(1, 1), A);
    history.onCommit(2, zxidOf(2, 1), A);
    expect(collected.ids()).toContain('prefix-consistency');
  });

  test('local-primary-order: a hole in an epoch', () => {
    history.onCommit(1, zxidOf(1, 2), B);
    expect(collected.ids()).toEqual(['local-primary-order']);
  });

  test('local-primary-order: a primary that skips a number', () => {
    history.onPropose(1, zxidOf(1, 4), A, zxidOf(1, 2));
    expect(collected.ids()).toEqual(['local-primary-order']);
  });

  test('leadership-2: two servers propose in one epoch', () => {
    history.onPropose(2, zxidOf(1, 3), A, zxidOf(1, 2));
    expect(collected.ids()).toEqual(['leadership-2']);
  });

  test('global-primary-order: an old epoch after a new one', () => {
    history.onCommit(1, zxidOf(1, 1), A);
    history.onPropose(2, zxidOf(2, 1), A, zxidOf(1, 2));
    history.onCommit(1, zxidOf(2, 1), A);
    history.onCommit(1, zxidOf(1, 2), B);
    expect(collected.ids()).toContain('global-primary-order');
  });

  test('primary-integrity: a new primary begins without what was committed', () => {
    history.onCommit(1, zxidOf(1, 1), A);
    history.onPropose(2, zxidOf(2, 1), A, zxidOf(1, 2));
    expect(collected.ids()).toEqual(['primary-integrity']);
  });

  test('primary-integrity: an old transaction is committed after a new primary began', () => {
    history.onCommit(1, zxidOf(1, 1), A);
    history.onCommit(2, zxidOf(1, 1), A);
    history.onPropose(2, zxidOf(2, 1), A, zxidOf(1, 2));
    history.onCommit(1, zxidOf(1, 2), B);
    expect(collected.ids()).toEqual(['primary-integrity']);
  });

  test('committed-by-quorum: a commit that no quorum has on disk', () => {
    held = false;
    history.onCommit(1, zxidOf(1, 1), A);
    expect(collected.ids()).toEqual(['committed-by-quorum']);
  });

  test('a whole state may bring what nobody has committed yet', () => {
    history.onCommit(1, zxidOf(1, 1), A);
    history.onRestart(2, zxidOf(1, 2));
    expect(collected.found).toEqual([]);
    expect(history.last).toBe(zxidOf(1, 2));
  });

  test('committed-never-lost: a state that nobody proposed', () => {
    history.onCommit(1, zxidOf(1, 1), A);
    history.onRestart(2, zxidOf(1, 3));
    expect(collected.ids()).toEqual(['committed-never-lost']);
  });

  test('follows proposals back to committed ground', () => {
    history.onCommit(1, zxidOf(1, 1), A);
    expect(history.leadsTo(zxidOf(1, 1), zxidOf(1, 2))).toBe(true);
    expect(history.leadsTo(zxidOf(1, 2), zxidOf(1, 2))).toBe(true);
    history.onPropose(2, zxidOf(2, 1), B, zxidOf(1, 1));
    expect(history.leadsTo(zxidOf(1, 2), zxidOf(2, 1))).toBe(false);
  });

  test('a restart continues from what the snapshot holds', () => {
    history.onCommit(1, zxidOf(1, 1), A);
    history.onRestart(2, zxidOf(1, 1));
    history.onCommit(2, zxidOf(1, 2), B);
    expect(collected.found).toEqual([]);
    // The start of an epoch stands for everything before it.
    history.onRestart(3, zxidOf(2, 0));
    expect(history.deliveredCount(3)).toBe(2);
  });
});
