/**
 * The search as a second opinion on our own ensemble: what clients of a run asked and were told, judged znode by znode without
 * looking at a single zxid. Writes, and reads after a sync, must be linearizable.
 */

import { expect, test } from 'vitest';
import { znodeOperations } from '../../sim/checkers/history/adapters/zookeeper.ts';
import { checkHistory } from '../../sim/checkers/history/search/check.ts';
import { modelOf } from '../../sim/checkers/history/search/models.ts';
import type { Operation, Plain } from '../../sim/checkers/history/search/operation.ts';
import { run } from '../../sim/runner.ts';
import { CALM, type Schedule } from '../../sim/schedule.ts';
import { generate } from '../../sim/swarm.ts';

/** A drawn run with its faults, under a load that this model can judge. */
function scheduleOf(seed: string): Schedule {
  const drawn = generate({ seed, profile: 'default', commit: '', options: { nodes: 3, clients: 5, duration: 8000 } });
  return {
    ...drawn,
    swarm: {
      ...drawn.swarm,
      'workload.rate': 30,
      'workload.pipeline': 4,
      'workload.paths': 3,
      'mix.create': CALM['mix.create'],
      'mix.setData': 30,
      'mix.delete': 5,
      'mix.read': 30,
      'mix.sync': 20,
      'mix.multi': 5,
    },
  };
}

test.each(['1', '2', '3'])('seed %s is linearizable', (seed) => {
  const result = run(scheduleOf(seed), { keepHistory: true });
  expect(result.verdict).toBe('ok');
  const operations = znodeOperations(result.history);
  expect(count(operations, 'setData', 'ok')).toBeGreaterThan(20);
  expect(count(operations, 'getData', 'ok')).toBeGreaterThan(5);
  const judged = checkHistory(modelOf('znode'), operations, { budgetSteps: 5_000_000 });
  expect(judged.violation?.sentence).toBeUndefined();
  expect(judged.status).toBe('ok');
  expect(judged.partCount).toBeGreaterThan(2);

  // What was judged can be wrong: a read that was told what was there before the last write is noticed.
  const stale = withStaleRead(operations);
  expect(stale).not.toBeNull();
  expect(checkHistory(modelOf('znode'), stale!, { budgetSteps: 5_000_000 }).status).toBe('violation');
});

const count = (operations: readonly Operation[], f: string, outcome: string): number =>
  operations.filter((operation) => operation.f === f && operation.outcome === outcome).length;

/** A read is told what was there one write earlier, where that write was answered before the read, and its sync, began. */
function withStaleRead(operations: readonly Operation[]): Operation[] | null {
  const wrote = ({ f, key, result }: Operation, path: string | null, version: number): boolean =>
    f === 'setData' && key === path && result === version;
  for (const read of operations) {
    if (read.f !== 'getData' || !Array.isArray(read.result)) continue;
    const version = (read.result as readonly Plain[])[1] as number;
    const last = operations.find((other) => wrote(other, read.key, version));
    const before = operations.find((other) => wrote(other, read.key, version - 1));
    if (last === undefined || before === undefined || last.respondedAt > read.invokedAt) continue;
    // A node that was created again may have had these versions twice.
    if (operations.filter((other) => wrote(other, read.key, version)).length > 1) continue;
    const result = [(before.value as readonly Plain[])[0]!, version - 1];
    return operations.map((operation) => (operation === read ? { ...operation, result } : operation));
  }
  return null;
}
