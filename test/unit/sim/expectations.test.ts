/** What a schedule expects must be true of one violation. */

import { expect, test } from 'vitest';
import { type Result, unmetExpectations } from '../../../sim/runner.ts';

const violation = (property: string, role: string, reason = '') => ({ property, role, reason });
const result = (...violations: unknown[]): Result =>
  ({ verdict: 'safety', violations, marks: {}, moments: [], stats: { workload: { writes: 0 } } }) as unknown as Result;

test('property, role and reason of one violation', () => {
  const expected = { verdict: 'safety', property: 'leadership-2', role: 'leader' } as const;
  expect(unmetExpectations(expected, result(violation('leadership-2', 'leader')))).toEqual([]);
  const mixed = result(violation('leadership-2', 'follower'), violation('integrity', 'leader'));
  expect(unmetExpectations(expected, mixed)).toEqual(['no leader broke leadership-2']);
  const why = { verdict: 'safety', role: 'leader', reason: 'a' } as const;
  const other = result(violation('integrity', 'leader', 'b'), violation('integrity', 'follower', 'a'));
  expect(unmetExpectations(why, other)).toEqual(['the reason is not "a"']);
  expect(unmetExpectations({ verdict: 'safety', property: 'agreement' }, mixed)).toEqual([
    'agreement was not violated',
  ]);
});
