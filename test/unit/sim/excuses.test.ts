/** A server may give up for what its disk did to it, not for what might have happened to it. */

import { expect, test } from 'vitest';
import { run } from '../../../sim/runner.ts';
import { CALM, DEFAULT_OPTIONS, SCHEDULE_FORMAT, type Schedule } from '../../../sim/schedule.ts';
import { type PeerRunner, runRaw } from '../../../sim/server.ts';

/** Server 1 gives up in its step `stepCount`. */
const givingUp =
  (stepCount: number): PeerRunner =>
  (config, secrets, now, emit) => {
    const host = runRaw(config, secrets, now, emit);
    let left = stepCount;
    return {
      peer: host.peer,
      step(at, input, tell) {
        host.step(at, input, tell);
        left -= 1;
        if (config.myid === 1 && left === 0) tell({ type: 'halt', reason: 'for no reason' });
      },
      nextDeadline: () => host.nextDeadline(),
    };
  };

const schedule = (fault: 'never met' | 'met'): Schedule => ({
  format: SCHEDULE_FORMAT,
  commit: 'test',
  seed: '1',
  profile: 'test',
  options: { ...DEFAULT_OPTIONS, nodes: 3, clients: 2, duration: 3000, settings: { tickTimeMs: 200, snapCount: 20 } },
  swarm: { ...CALM, 'workload.rate': 20 },
  ops: [
    fault === 'met'
      ? { id: 1, at: 500, do: 'diskError', node: 1, error: 'EIO', file: 'snapshot', count: 1, for: 9000 }
      : {
          id: 1,
          at: 500,
          do: 'diskError',
          node: 1,
          error: 'EIO',
          file: 'snapshot',
          action: 'remove',
          count: 1,
          for: 100,
        },
  ],
});

test('a disk error that no operation has met excuses nothing', () => {
  const { violations } = run(schedule('never met'), { runner: givingUp(400) });
  expect(violations.map(({ property }) => property)).toEqual(['no-unexplained-halt']);
});

test('one that was met excuses the rest of this life', () => {
  const { violations } = run(schedule('met'), { runner: givingUp(400) });
  expect(violations).toEqual([]);
});
