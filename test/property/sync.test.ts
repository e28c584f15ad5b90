import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { asZxid, counterOf, epochOf, type Zxid, zxidOf } from '../../core/types.ts';
import { decideSync, follows, type HistoryView } from '../../core/zab/sync.ts';

/**
 * Histories as Zab can produce them: a tree of epochs. Every epoch's primary starts from a prefix of some older history and
 * appends counters 1, 2, 3, …; a server holds a prefix of one primary's history. So the same zxid is the same transaction,
 * and the transactions of one epoch are received in order.
 */
const worlds = fc
  .array(fc.record({ parent: fc.nat(), cut: fc.nat(12), own: fc.integer({ min: 0, max: 6 }) }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((epochs) => {
    const histories: Zxid[][] = [[]];
    epochs.forEach(({ parent, cut, own }, i) => {
      const base = histories[parent % histories.length]!;
      const initial = base.slice(0, Math.min(cut, base.length));
      const proposed = Array.from({ length: own }, (_, k) => zxidOf(i + 1, k + 1));
      histories.push([...initial, ...proposed]);
    });
    return histories;
  });

function viewOf(history: readonly Zxid[], windowStart: number): HistoryView {
  const entries = history.slice(windowStart);
  const base = windowStart === 0 ? asZxid(0) : history[windowStart - 1]!;
  return {
    base,
    last: entries.at(-1) ?? base,
    has: (zxid) => entries.includes(zxid),
    before: (zxid) => entries.filter((entry) => entry < zxid).at(-1) ?? base,
    after: (zxid) => entries.find((entry) => entry > zxid) ?? null,
  };
}

const OPTIONS = { forceSnapshot: false, snapshotSizeFactor: 0.33 };

describe('the sync decision', () => {
  test.prop([worlds, fc.nat(), fc.nat(), fc.nat(20), fc.nat(20)], { numRuns: 5000 })(
    'leaves the learner with the history of the leader',
    (histories, leaderAt, learnerAt, learnerCut, windowStart) => {
      const leader = histories[leaderAt % histories.length]!;
      const learner = histories[learnerAt % histories.length]!.slice(0, learnerCut);
      const view = viewOf(leader, Math.min(windowStart, leader.length));
      const peerLast = learner.at(-1) ?? asZxid(0);
      const plan = decideSync(view, peerLast, OPTIONS);
      if (plan.kind === 'snap' || plan.kind === 'range') return;
      const cut = plan.kind === 'trunc' ? plan.to : peerLast;
      // A learner can only cut at a position it has; otherwise it refuses and asks for a whole state.
      if (plan.kind === 'trunc' && cut !== 0 && !learner.includes(cut)) return;
      const kept = learner.filter((zxid) => zxid <= cut);
      const from = plan.kind === 'trunc' ? plan.to : plan.from;
      const result = [...kept, ...leader.filter((zxid) => zxid > from)];
      expect(result).toEqual(leader);
    },
  );

  test.prop([worlds, fc.nat(), fc.nat(20)])(
    'sends nothing to a learner that is level',
    (histories, at, windowStart) => {
      const leader = histories[at % histories.length]!;
      const view = viewOf(leader, Math.min(windowStart, leader.length));
      expect(decideSync(view, view.last, OPTIONS)).toEqual({ kind: 'diff', from: view.last });
    },
  );

  test.prop([worlds, fc.nat(), fc.nat(20)])('force wins over everything', (histories, at, cut) => {
    const leader = histories[at % histories.length]!;
    const view = viewOf(leader, 0);
    const peerLast = leader.slice(0, cut).at(-1) ?? asZxid(0);
    expect(decideSync(view, peerLast, { ...OPTIONS, forceSnapshot: true })).toEqual({ kind: 'snap' });
  });
});

describe('follows', () => {
  test.prop([worlds, fc.nat()])('accepts every history that primaries produce', (histories, at) => {
    const history = histories[at % histories.length]!;
    for (let i = 1; i < history.length; i++) expect(follows(history[i - 1]!, history[i]!)).toBe(true);
  });

  test.prop([fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 2, max: 9 })])(
    'refuses a gap, a repetition and a step back',
    (epoch, counter, jump) => {
      const zxid = zxidOf(epoch, counter);
      expect(follows(zxid, zxidOf(epoch, counter + jump))).toBe(false);
      expect(follows(zxid, zxid)).toBe(false);
      expect(follows(zxid, zxidOf(epoch - 1, counter + 1))).toBe(false);
      expect(follows(zxid, zxidOf(epoch + 1, jump))).toBe(false);
      expect([epochOf(zxid), counterOf(zxid)]).toEqual([epoch, counter]);
    },
  );
});
