/**
 * Properties of whole runs, over schedules that fast-check draws: any faults in any order, any load, any part of a load.
 * What fails is left as a schedule file. `VIVARIUM_SEED=N` draws others.
 */

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Result, run } from '../../sim/runner.ts';
import { formatSchedule, parseSchedule, type Schedule } from '../../sim/schedule.ts';
import { projectRoot } from '../mutants/catalog.ts';
import { checkSchedules, ScheduleFailure } from '../support/arbitraries/check.ts';
import { schedules, workloads } from '../support/arbitraries/schedules.ts';
import { mutatedSimulator } from '../support/mutated.ts';

const SEED = Number(process.env.VIVARIUM_SEED ?? 20_260_101);

const broken = ({ verdict, violations }: Result): string | null =>
  verdict === 'ok' ? null : `${violations[0]?.property}: ${violations[0]?.message}`;

test('whatever happens, every promise is kept', () => {
  checkSchedules({ name: 'every promise is kept', schedules: schedules(), run, problem: broken, runs: 24, seed: SEED });
});

test('whatever is asked in calm weather is answered', () => {
  const unanswered = (result: Result): string | null =>
    broken(result) ?? (result.stats.workload.unknown === 0 ? null : 'a request is left without an answer');
  checkSchedules({
    name: 'asked and answered',
    schedules: workloads(),
    run,
    problem: unanswered,
    runs: 10,
    seed: SEED,
  });
});

test('every value is a file', () => {
  fc.assert(
    fc.property(schedules(), (schedule) => {
      const parsed = parseSchedule(formatSchedule(schedule));
      expect(parsed).toEqual({ ok: true, value: schedule });
    }),
    { numRuns: 200, seed: SEED },
  );
});

describe('a property that does not hold', () => {
  let failure: ScheduleFailure;
  const before: Schedule[] = [];

  test('is seen to fail', async () => {
    const simulator = await mutatedSimulator('quorum-of-one-less');
    try {
      checkSchedules({
        name: 'quorum of one less',
        schedules: schedules({ nodes: [3] }),
        run: (schedule) => {
          before.push(schedule);
          return simulator.run(schedule);
        },
        problem: broken,
        runs: 60,
        seed: 7,
      });
    } catch (error) {
      if (!(error instanceof ScheduleFailure)) throw error;
      failure = error;
    } finally {
      simulator.close();
    }
    expect(failure).toBeInstanceOf(ScheduleFailure);
  });

  test('leaves a small schedule, in a file, with what to do about it', () => {
    const { schedule, file, message } = failure;
    expect(schedule.ops.length).toBeLessThanOrEqual(2);
    expect(before.some(({ ops }) => ops.length > 4)).toBe(true);
    expect(message).toContain(`npm run sim -- --schedule ${file}\n`);
    expect(message).toContain(`npm run sim -- --schedule ${file} --view`);
    const path = join(projectRoot(), file);
    const parsed = parseSchedule(readFileSync(path, 'utf8'));
    rmSync(path);
    expect(parsed).toEqual({ ok: true, value: schedule });
    // The unbroken core passes there.
    expect(run(schedule).verdict).toBe('ok');
  });
});
