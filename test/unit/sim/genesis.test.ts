/** An ensemble with a past: every check holds over it, and its versions come to their limits. */

import { expect, test } from 'vitest';
import { run } from '../../../sim/runner.ts';
import { CALM, DEFAULT_OPTIONS, SCHEDULE_FORMAT, type Schedule } from '../../../sim/schedule.ts';

test('versions pass -1 and go on', () => {
  const writes = Array.from({ length: 3 }, (_, index) => ({
    id: index + 1,
    at: 2000 + 200 * index,
    do: 'clientWrite' as const,
    client: 1,
    path: '/n0',
  }));
  const schedule: Schedule = {
    format: SCHEDULE_FORMAT,
    commit: 'test',
    seed: '1',
    profile: 'test',
    options: { ...DEFAULT_OPTIONS, nodes: 3, clients: 1, duration: 4000, settings: { tickTimeMs: 200 } },
    swarm: { ...CALM, 'workload.rate': 0, 'genesis.near': 2 },
    ops: writes,
  };
  const result = run(schedule, { keepHistory: true });
  expect(result.violations).toEqual([]);
  const versions = result.history.flatMap((record) =>
    record.type === 'commit' && record.txn.kind === 'setData' && record.txn.path === '/n0' ? [record.txn.version] : [],
  );
  expect(versions).toEqual([-3, -2, 0, 1]);
});
