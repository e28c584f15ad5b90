/** The table by which a leader decides how a learner is brought level, row by row (zookeeper: LearnerHandler.syncFollower). */

import { describe, expect, it } from 'vitest';
import { asZxid, type Zxid, zxidOf } from '../../../core/types.ts';
import { decideSync, type HistoryView, type SyncOptions, type SyncPlan } from '../../../core/zab/sync.ts';

const at = zxidOf;

/** A window: everything up to `base` is out of memory. */
function window(base: Zxid, ...entries: Zxid[]): HistoryView {
  return {
    base,
    last: entries.at(-1) ?? base,
    has: (zxid) => entries.includes(zxid),
    before: (zxid) => entries.filter((entry) => entry < zxid).at(-1) ?? base,
    after: (zxid) => entries.find((entry) => entry > zxid) ?? null,
  };
}

const EMPTY = window(asZxid(0));
/** 1:3 | 1:4 1:5 2:1 2:2 4:1 4:2, where | is the beginning of the window. */
const HISTORY = window(at(1, 3), at(1, 4), at(1, 5), at(2, 1), at(2, 2), at(4, 1), at(4, 2));

interface Row {
  readonly what: string;
  readonly history?: HistoryView;
  readonly peer: Zxid;
  readonly options?: Partial<SyncOptions>;
  readonly plan: SyncPlan;
}

const DEFAULT: SyncOptions = { forceSnapshot: false, snapshotSizeFactor: 0.33 };
const diff = (from: Zxid): SyncPlan => ({ kind: 'diff', from });
const trunc = (to: Zxid): SyncPlan => ({ kind: 'trunc', to });
const range = (from: Zxid): SyncPlan => ({ kind: 'range', from });
const SNAP: SyncPlan = { kind: 'snap' };

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  'row 1: told to send snapshots': [
    { what: 'level', peer: at(4, 2), options: { forceSnapshot: true }, plan: SNAP },
    { what: 'behind', peer: at(1, 4), options: { forceSnapshot: true }, plan: SNAP },
  ],
  'row 2: level': [
    { what: 'at the last entry', peer: at(4, 2), plan: diff(at(4, 2)) },
    { what: 'both empty', history: EMPTY, peer: asZxid(0), plan: diff(asZxid(0)) },
    { what: 'at the base of an empty window', history: window(at(3, 9)), peer: at(3, 9), plan: diff(at(3, 9)) },
  ],
  'row 3: ahead': [
    { what: 'in the same epoch', peer: at(4, 3), plan: trunc(at(4, 2)) },
    { what: 'in a later epoch', peer: at(7, 1), plan: trunc(at(4, 2)) },
    { what: 'of an empty leader', history: EMPTY, peer: at(1, 1), plan: trunc(asZxid(0)) },
    { what: 'at the beginning of a later epoch, which no cut can name', peer: at(7, 0), plan: SNAP },
  ],
  'row 4: within the window': [
    { what: 'at an entry', peer: at(1, 5), plan: diff(at(1, 5)) },
    { what: 'at the base', peer: at(1, 3), plan: diff(at(1, 3)) },
    { what: 'at an entry of the epoch before', peer: at(2, 2), plan: diff(at(2, 2)) },
    { what: 'beyond the last entry of an epoch that has ended', peer: at(1, 6), plan: SNAP },
    { what: 'in an epoch of which nothing survived', peer: at(3, 1), plan: SNAP },
    { what: 'at the beginning of an epoch that has entries', peer: at(2, 0), plan: diff(at(2, 0)) },
    { what: 'at the beginning of an epoch of which nothing survived', peer: at(3, 0), plan: SNAP },
  ],
  'row 5: before the window': [
    { what: 'files may be read', peer: at(1, 2), plan: range(at(1, 2)) },
    { what: 'files may be read, in an older epoch', history: window(at(5, 1)), peer: at(1, 2), plan: range(at(1, 2)) },
    { what: 'files may not be read', peer: at(1, 2), options: { snapshotSizeFactor: -1 }, plan: SNAP },
    { what: 'empty', peer: asZxid(0), plan: SNAP },
    { what: 'at the beginning of an epoch', peer: at(1, 0), plan: SNAP },
  ],
};

describe.each(Object.entries(ROWS))('%s', (_name, rows) => {
  it.each(rows)('$what', ({ history = HISTORY, peer, options, plan }) => {
    expect(decideSync(history, peer, { ...DEFAULT, ...options })).toEqual(plan);
  });
});

describe('a hole inside one epoch', () => {
  // Zxids are given out without gaps, so only a damaged window has one; the decision is right all the same.
  const holed = window(at(1, 3), at(1, 4), at(1, 7));

  it('is cut back to the entry before it', () => {
    expect(decideSync(holed, at(1, 5), DEFAULT)).toEqual(trunc(at(1, 4)));
  });
});
