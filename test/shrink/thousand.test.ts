/**
 * The promise of the shrinker on the real thing: a broken protocol fails somewhere among a thousand faults, and at most five
 * of them are left after at most a hundred runs.
 */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { unmetExpectations } from '../../sim/runner.ts';
import { formatSchedule, parseSchedule } from '../../sim/schedule.ts';
import { shrink } from '../../sim/shrink/shrink.ts';
import { isSameFailure, signatureOf } from '../../sim/shrink/signature.ts';
import { manyFaults } from '../support/arbitraries/many-faults.ts';
import { type MutatedSimulator, mutatedSimulator } from '../support/mutated.ts';

let simulator: MutatedSimulator;
beforeAll(async () => {
  // A quorum may lack one server: harmless until a fault leaves a server alone at the wrong moment.
  simulator = await mutatedSimulator('quorum-of-one-less');
});
afterAll(() => simulator.close());

const FAULTS = 1000;
const SPAN_MS = 100_000;
const SEEDS = ['3', '4', '2', '6'];

test('of a thousand faults at most five are left after at most a hundred runs', () => {
  const { run } = simulator;
  // A change of the code elsewhere may let a seed pass; one of these fails, and late enough to be buried in faults.
  const schedule = SEEDS.map((seed) => manyFaults(seed, FAULTS, SPAN_MS)).find((other) => {
    const { verdict, ops } = run(other);
    return verdict === 'safety' && ops.filter(({ fate }) => fate === 'applied').length > 60;
  })!;
  expect(schedule.ops).toHaveLength(FAULTS);
  const found = run(schedule);
  const shrunk = shrink(schedule, found, { run: (other) => run(other) });

  expect(shrunk.reruns).toBeLessThanOrEqual(100);
  expect(shrunk.faultsAfter).toBeLessThanOrEqual(5);
  expect(isSameFailure(shrunk.result, signatureOf(found)!)).toBe(true);

  // What was written replays, event for event, and says itself that it must fail.
  const parsed = parseSchedule(formatSchedule(shrunk.schedule));
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  const again = run(parsed.value);
  expect(again.hash).toBe(shrunk.result.hash);
  expect(unmetExpectations(parsed.value.expect, again)).toEqual([]);

  // And it outlives the code: an operation that nobody knows any more is left out.
  const future = { id: 5000, at: 1, do: 'melt', node: 1 };
  const json = JSON.parse(formatSchedule(shrunk.schedule)) as { ops: object[] };
  const later = parseSchedule(JSON.stringify({ ...json, ops: [...json.ops, future] }));
  if (!later.ok) throw new Error(later.problems.join('\n'));
  const skipped = run(later.value);
  expect(skipped.hash).toBe(again.hash);
  expect(skipped.ops.at(-1)).toMatchObject({ id: 5000, fate: 'unknown' });
}, 180_000);
