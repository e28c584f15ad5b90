/** A path becomes a schedule that the simulator takes: the same faults on the same servers, in the same order. */

import { expect, test } from 'vitest';
import { findScope } from '../../sim/explore/scopes.ts';
import { scheduleOf } from '../../sim/explore/translate.ts';
import { formatSchedule, parseSchedule } from '../../sim/schedule.ts';

test('faults and writes wait for the notes before them', () => {
  const scope = findScope('broadcast')!;
  const schedule = scheduleOf({
    format: 1,
    kind: 'explore',
    scope,
    expect: { property: 'committed-never-lost' },
    message: '',
    actions: ['write 2', 'quorum 2>1 PROPOSAL', 'quorum 1>2 ACK', 'crash 2', 'quorum 2>1 close', 'start 2'],
  });
  expect(parseSchedule(formatSchedule(schedule))).toMatchObject({ ok: true });
  expect(schedule.options).toMatchObject({ nodes: 3, clients: 1 });
  expect(schedule.ops).toEqual([
    { id: 1, at: 0, do: 'power', node: 3 },
    { id: 2, after: 'zab.leading.started#1', do: 'start', node: 3 },
    { id: 3, after: 'zab.uptodate#2', do: 'clientWrite', client: 1, path: '/n1' },
    { id: 4, after: 'zab.committed#1', do: 'power', node: 2 },
    { id: 5, after: 'op:4', plus: 600, do: 'start', node: 2 },
  ]);
});
