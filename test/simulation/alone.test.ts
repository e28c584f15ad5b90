/** One server that is no member of anything: it decides, applies, expires and cleans up by itself. */

import { expect, test } from 'vitest';
import { run } from '../../sim/runner.ts';
import { CALM, DEFAULT_OPTIONS, SCHEDULE_FORMAT, type Schedule } from '../../sim/schedule.ts';

const ALONE: Schedule = {
  format: SCHEDULE_FORMAT,
  commit: '',
  seed: 'alone',
  profile: 'test',
  options: {
    ...DEFAULT_OPTIONS,
    nodes: 1,
    clients: 3,
    duration: 12_000,
    settings: { extendedTypesEnabled: true, containerCheckIntervalMs: 500 },
  },
  swarm: { ...CALM, 'workload.rate': 20, 'workload.session': 2000, 'client.die': 2 },
  ops: [
    { id: 1, at: 4000, do: 'crash', node: 1, for: 200 },
    { id: 2, at: 8000, do: 'power', node: 1, for: 200 },
  ],
};

test('a server alone keeps every promise through deaths of its own and of its clients', () => {
  const { violations, stats, history } = run(ALONE, { keepHistory: true });
  expect(violations.map(({ property, message }) => `${property}: ${message}`)).toEqual([]);
  expect(stats.workload.writes).toBeGreaterThan(50);
  const ended = history.filter((record) => record.type === 'commit' && record.txn.kind === 'closeSession');
  expect(ended.length).toBeGreaterThan(0);
});
