import { describe, expect, test } from 'vitest';
import { ZXID_ZERO, type Zxid, zxidOf } from '../../../core/types.ts';
import { Leadership } from '../../../sim/checkers/leadership.ts';
import { collect } from './collect.ts';

const logOf = (...zxids: Zxid[]) => ({ last: zxids.at(-1) ?? ZXID_ZERO, has: (zxid: Zxid) => zxids.includes(zxid) });
const leads = (server: number, epoch: number, initialZxid: Zxid = ZXID_ZERO) => ({
  epoch,
  server,
  event: 10 * epoch + server,
  atUs: 0,
  initialZxid,
});

describe('leaders', () => {
  test('leadership-1 and leadership-2: two leaders of one epoch', () => {
    const { report, ids, found } = collect();
    const leadership = new Leadership(report);
    leadership.onEstablished(leads(1, 3), logOf(), ZXID_ZERO);
    leadership.onEstablished(leads(2, 3), logOf(), ZXID_ZERO);
    expect(ids()).toEqual(['leadership-2', 'leadership-1']);
    expect(found[0]?.events).toEqual([31]);
  });

  test('leadership-2 alone: the first had given up already', () => {
    const { report, ids } = collect();
    const leadership = new Leadership(report);
    leadership.onEstablished(leads(1, 3), logOf(), ZXID_ZERO);
    leadership.onLeft(1);
    leadership.onEstablished(leads(2, 3), logOf(), ZXID_ZERO);
    expect(ids()).toEqual(['leadership-2']);
  });

  test('leader-completeness: the log lacks what is committed', () => {
    const { report, ids } = collect();
    new Leadership(report).onEstablished(leads(1, 2), logOf(zxidOf(1, 1)), zxidOf(1, 2));
    expect(ids()).toEqual(['leader-completeness']);
  });

  test('initial-history: the log lacks the start of an earlier epoch', () => {
    const { report, ids } = collect();
    const leadership = new Leadership(report);
    leadership.onEstablished(leads(1, 2, zxidOf(1, 5)), logOf(zxidOf(1, 5)), ZXID_ZERO);
    leadership.onEstablished(leads(2, 3, zxidOf(1, 4)), logOf(zxidOf(1, 4)), ZXID_ZERO);
    expect(ids()).toEqual(['initial-history']);
  });

  test('knows who leads now', () => {
    const leadership = new Leadership(collect().report);
    expect(leadership.current()).toBeNull();
    leadership.onEstablished(leads(1, 2), logOf(), ZXID_ZERO);
    leadership.onEstablished(leads(2, 3), logOf(), ZXID_ZERO);
    expect(leadership.current()?.server).toBe(2);
    leadership.onLeft(2);
    expect(leadership.current()?.server).toBe(1);
  });
});

describe('epoch-monotone', () => {
  test.each([
    ['accepted goes back', { accepted: 4, current: 3 }, { accepted: 3, current: 3 }],
    ['current goes back', { accepted: 4, current: 3 }, { accepted: 4, current: 2 }],
    ['current passes accepted', { accepted: 4, current: 3 }, { accepted: 4, current: 5 }],
  ])('%s', (_what, before, after) => {
    const { report, ids } = collect();
    const leadership = new Leadership(report);
    leadership.onEpochs(1, before, 1);
    leadership.onEpochs(1, after, 2);
    expect(ids()).toEqual(['epoch-monotone']);
  });

  test('a disk that the world replaced holds no promises', () => {
    const { report, ids } = collect();
    const leadership = new Leadership(report);
    leadership.onEpochs(1, { accepted: 4, current: 3 }, 1);
    leadership.onDamage(1);
    leadership.onEpochs(1, { accepted: 0, current: 0 }, 2);
    expect(ids()).toEqual([]);
  });
});
