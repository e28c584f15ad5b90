/** Changes of a schedule on the time axis. Whatever one does, it stays a schedule. */

import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { findScenario } from '../../scenarios/index.ts';
import { checkSchedule, OPS, type Op, type OpName, parseSchedule, type Schedule } from '../../sim/schedule.ts';
import { generate } from '../../sim/swarm.ts';
import {
  addOp,
  changesOf,
  moveBegin,
  moveOp,
  opText,
  removeOp,
  rewriteOp,
  stretchOp,
  whyFixed,
} from '../../viewer/lib/schedule-edit.ts';

const base = generate({ seed: '42', profile: 'default', commit: '', options: {} });
const names = Object.keys(OPS) as OpName[];

function withOps(...ops: readonly object[]): Schedule {
  const checked = checkSchedule({ ...base, ops });
  if (!checked.ok) throw new Error(checked.problems.join('; '));
  return checked.value;
}

const opOf = (schedule: Schedule, id: number): Op => schedule.ops.find((op) => op.id === id)!;

describe('an operation', () => {
  const schedule = withOps(
    { id: 1, at: 2000, do: 'cut', links: ['3>1'], for: 9000 },
    { id: 2, after: 'op:1', plus: 300, do: 'power', node: 'leader', for: 1500 },
    { id: 3, nth: 3, link: '1>2', kind: 'PROPOSAL', do: 'reset', links: ['1>2'] },
  );

  it('moves, and not before the beginning', () => {
    expect(opOf(moveOp(schedule, 1, 500_000), 1)).toMatchObject({ at: 2500, for: 9000 });
    expect(opOf(moveOp(schedule, 1, -5_000_000), 1)).toMatchObject({ at: 0 });
  });

  it('that waits for another keeps waiting, longer or shorter', () => {
    expect(opOf(moveOp(schedule, 2, 200_000), 2)).toMatchObject({ after: 'op:1', plus: 500 });
  });

  it('that waits for a packet has no place in time', () => {
    expect(whyFixed(opOf(schedule, 3))).toContain('packet 3');
    expect(whyFixed(opOf(schedule, 1))).toBeNull();
    expect(moveOp(schedule, 3, 1e6)).toEqual(schedule);
  });

  it('is stretched at its end, and at its begin without moving its end', () => {
    expect(opOf(stretchOp(schedule, 1, 4_000_000), 1)).toMatchObject({ at: 2000, for: 4000 });
    expect(opOf(moveBegin(schedule, 1, 1_000_000), 1)).toMatchObject({ at: 3000, for: 8000 });
  });

  it('is rewritten as JSON, or the problem is told', () => {
    const good = rewriteOp(schedule, 1, '{"id":1,"at":1,"do":"pause","node":2,"for":5}');
    expect('schedule' in good && opOf(good.schedule, 1)).toMatchObject({ do: 'pause', node: 2 });
    expect(rewriteOp(schedule, 1, '{')).toHaveProperty('problem');
    expect(rewriteOp(schedule, 1, '{"id":1,"at":1,"do":"explode"}')).toHaveProperty('problem');
  });

  it('is told in one line', () => {
    expect(opText(opOf(schedule, 1))).toBe('2.000 s  cut [3>1] for 9000 ms');
    expect(opText(opOf(schedule, 2))).toBe('after op:1 + 300 ms  power leader for 1500 ms');
    expect(opText(opOf(schedule, 3))).toContain('packet 3 PROPOSAL on 1>2');
  });
});

it.each(names)('%s can be added, and is a schedule then', (name) => {
  const added = addOp(base, name, 1_234_567);
  const checked = checkSchedule(added);
  expect(checked.ok ? [] : checked.problems).toEqual([]);
  expect(added.ops).toHaveLength(base.ops.length + 1);
  expect(added.ops.at(-1)).toMatchObject({ do: name, at: 1235 });
});

const edits = fc.array(
  fc.record({
    kind: fc.constantFrom('move', 'stretch', 'begin', 'remove', 'add'),
    which: fc.nat(20),
    by: fc.integer({ min: -3e7, max: 3e7 }),
    name: fc.constantFrom(...names),
  }),
  { maxLength: 12 },
);

test.prop([edits], { numRuns: 150 })('after any changes it is still a schedule, and what changed is told', (given) => {
  let schedule: Schedule = base;
  for (const { kind, which, by, name } of given) {
    const id = schedule.ops[which % Math.max(1, schedule.ops.length)]?.id ?? 0;
    if (kind === 'move') schedule = moveOp(schedule, id, by);
    else if (kind === 'stretch') schedule = stretchOp(schedule, id, by);
    else if (kind === 'begin') schedule = moveBegin(schedule, id, by);
    else if (kind === 'remove') schedule = removeOp(schedule, id);
    else schedule = addOp(schedule, name, by);
  }
  const parsed = parseSchedule(JSON.stringify(schedule));
  expect(parsed.ok ? [] : parsed.problems).toEqual([]);
  expect(changesOf(base, schedule).length > 0).toBe(JSON.stringify(schedule.ops) !== JSON.stringify(base.ops));
});

it('stories can be changed like anything else', () => {
  const { schedule } = findScenario('contested-election')!;
  const id = schedule.ops[0]!.id;
  expect(changesOf(schedule, removeOp(schedule, id))).toHaveLength(1);
});
