/** A path becomes a schedule that the simulator takes: the same faults on the same servers, in the same order and at their places. */

import { describe, expect, test } from 'vitest';
import type { PathFile } from '../../sim/explore/path.ts';
import { findScope } from '../../sim/explore/scopes.ts';
import { STEP_MS, scheduleOf } from '../../sim/explore/translate.ts';
import { run } from '../../sim/runner.ts';
import { formatSchedule, parseSchedule } from '../../sim/schedule.ts';

const pathOf = (name: string, actions: readonly string[]): PathFile => ({
  format: 1,
  kind: 'explore',
  scope: findScope(name)!,
  expect: { property: 'committed-never-lost' },
  message: '',
  actions,
});

const ACTIONS = ['write 2', 'quorum 2>1 PROPOSAL', 'quorum 1>2 ACK', 'crash 2'];

test('an action has its moment, and what the path takes later is held until then', () => {
  const schedule = scheduleOf(pathOf('broadcast', ACTIONS));
  expect(parseSchedule(formatSchedule(schedule))).toMatchObject({ ok: true });
  expect(schedule.options).toMatchObject({ nodes: 3, clients: 1 });
  const after = 'zab.uptodate@3#1';
  const channel = 'quorum';
  expect(schedule.ops).toEqual([
    { id: 1, at: 0, do: 'crash', node: 3 },
    { id: 2, at: 0, do: 'refuse', node: 1, channel: 'client', how: 'refuse' },
    { id: 3, at: 0, do: 'refuse', node: 3, channel: 'client', how: 'refuse' },
    { id: 4, after: 'zab.leading.started@2#1', plus: 150, do: 'start', node: 3 },
    // The proposal for 3 is still under way when the leader dies, and is lost with it; so is the news of the commit for 1.
    { id: 5, after, plus: 1510, do: 'clog', links: ['2>1'], channel, for: STEP_MS / 2 + STEP_MS },
    { id: 6, after, plus: 1510, do: 'clog', links: ['2>3'], channel, for: 90 },
    { id: 7, after, plus: 1520, do: 'clientWrite', client: 1, path: '/n1' },
    { id: 8, after, plus: 1530, do: 'clog', links: ['1>2'], channel, for: 30 },
    { id: 9, after, plus: 1550, do: 'clog', links: ['2>1'], channel, for: 50 },
    { id: 10, after, plus: 1580, do: 'blackhole', links: ['2-3', '2-1'], channel },
    { id: 11, after, plus: 1580, do: 'crash', node: 2 },
  ]);
});

describe('the simulator makes every operation of it happen', () => {
  test.each([
    ['broadcast', pathOf('broadcast', [...ACTIONS, 'quorum 2>1 close', 'start 2'])],
    [
      'disks',
      pathOf('broadcast-disks', ['write 2', 'quorum 2>3 PROPOSAL', 'disk 2 log', 'crash 1', 'disk 3 log', 'start 1']),
    ],
    ['a cut', pathOf('partition', ['write 2', 'cut 2 3', 'quorum 2>1 PROPOSAL', 'heal 2 3'])],
  ])('%s', (_, path) => {
    const schedule = scheduleOf(path);
    const result = run({ ...schedule, options: { ...schedule.options, duration: 6000 } });
    expect(result.violations).toEqual([]);
    expect(result.stats.faults).toMatchObject({ applied: schedule.ops.length, skipped: 0 });
  });
});
