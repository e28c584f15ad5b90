/** The order of votes is a total order (ZOOKEEPER-1419: once it was not, and votes went round in circles). */

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { parseMembership } from '../../core/config/membership.ts';
import type { Membership } from '../../core/config/types.ts';
import { type Candidate, outranks } from '../../core/election/vote.ts';
import { asPeer, asZxid, LONG_MIN } from '../../core/types.ts';

function membership(): Membership {
  const lines = [1, 2, 3, 4, 5].map((id) => `server.${id}=h${id}:1:2${id === 5 ? ':observer' : ''}`);
  const parsed = parseMembership([...lines, 'group.1=1:2', 'group.2=3:4', 'weight.2=0'].join('\n'));
  if (!parsed.ok) throw new Error(parsed.fault.reason);
  return parsed.membership;
}

const m = membership();

const candidates: fc.Arbitrary<Candidate> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      leader: fc.integer({ min: 1, max: 6 }).map(asPeer),
      zxid: fc.constantFrom(-1, 0, 1, 2, 0x100000000, 0x100000001, 0x1f_ffff_ffff_ffff).map(asZxid),
      peerEpoch: fc.constantFrom(-1, 0, 1, 2, 0x1f_ffff),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ leader: asPeer(LONG_MIN), zxid: asZxid(LONG_MIN), peerEpoch: LONG_MIN }) },
);

const same = (a: Candidate, b: Candidate): boolean =>
  a.leader === b.leader && a.zxid === b.zxid && a.peerEpoch === b.peerEpoch;

describe('the order of votes', () => {
  test.prop([candidates, candidates], { numRuns: 2000 })('is total and antisymmetric', (a, b) => {
    const ab = outranks(a, b, m);
    const ba = outranks(b, a, m);
    if (same(a, b)) expect([ab, ba]).toEqual([false, false]);
    else expect(ab).toBe(!ba);
  });

  test.prop([candidates, candidates, candidates], { numRuns: 5000 })('is transitive', (a, b, c) => {
    if (outranks(a, b, m) && outranks(b, c, m)) expect(outranks(a, c, m)).toBe(true);
  });

  test.prop([candidates, candidates])('never prefers a candidate whose vote weighs nothing', (a, b) => {
    const mayLead = (id: number): boolean => [1, 3, 4].includes(id);
    if (!mayLead(a.leader) && mayLead(b.leader)) expect(outranks(a, b, m)).toBe(false);
  });

  test.prop([candidates, candidates])('looks at the epoch first, then the zxid, then the id', (a, b) => {
    const [x, y] = [
      { ...a, leader: asPeer(1) },
      { ...b, leader: asPeer(3) },
    ];
    const expected =
      x.peerEpoch !== y.peerEpoch ? x.peerEpoch > y.peerEpoch : x.zxid !== y.zxid ? x.zxid > y.zxid : false;
    expect(outranks(x, y, m)).toBe(expected);
  });
});
