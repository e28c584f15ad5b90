import { fc, test } from '@fast-check/vitest';
import { expect, it } from 'vitest';
import { EventQueue } from '../../../sim/world/queue.ts';

interface Planned {
  readonly time: number;
  readonly tie: number;
}

const planned = fc.record({ time: fc.nat({ max: 20 }), tie: fc.nat({ max: 3 }) });

test.prop([fc.array(planned, { maxLength: 700 })])('pops in the order of time, tie and seq', (events: Planned[]) => {
  const queue = new EventQueue();
  const expected = events.map(({ time, tie }) => ({ time, tie, seq: queue.push(time, tie, 1, 2, 3, 4, 'ref') }));
  expected.sort((a, b) => a.time - b.time || a.tie - b.tie || a.seq - b.seq);
  for (const { time, seq } of expected) {
    expect(queue.peekTime()).toBe(time);
    expect(queue.pop()).toBe(true);
    expect({ time: queue.time, seq: queue.seq }).toEqual({ time, seq });
  }
  expect(queue.pop()).toBe(false);
});

it('keeps what was given to it across reuse of slots', () => {
  const queue = new EventQueue();
  queue.push(5, 0, 1, 10, 100, 1000, 'a');
  queue.pop();
  queue.push(7, 0, 2, 20, 200, 2000, 'b');
  queue.push(6, 0, 3, 30, 300, 3000, 'c');
  queue.pop();
  const { time, kind, host, cause, arg, ref } = queue;
  expect({ time, kind, host, cause, arg, ref }).toEqual({
    time: 6,
    kind: 3,
    host: 30,
    cause: 300,
    arg: 3000,
    ref: 'c',
  });
});
