/** Checks a property of schedules, and leaves behind, when it fails, a file and the commands for it. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Result, run } from '../../../sim/runner.ts';
import { briefSchedule, formatSchedule, type Schedule } from '../../../sim/schedule.ts';
import { expectationOf, signatureOf } from '../../../sim/shrink/signature.ts';
import { projectRoot } from '../../mutants/catalog.ts';

export interface ScheduleCheck {
  readonly name: string;
  readonly schedules: fc.Arbitrary<Schedule>;
  readonly run: typeof run;
  /** What is wrong with the run, or null. */
  readonly problem: (result: Result) => string | null;
  readonly runs: number;
  readonly seed: number;
}

/** A counterexample, shrunk. */
export class ScheduleFailure extends Error {
  readonly schedule: Schedule;
  readonly file: string;

  constructor(name: string, problem: string, schedule: Schedule, file: string, seed: number) {
    super(
      [
        `${name}: ${problem}`,
        `  drawn with seed ${seed}, shrunk to ${schedule.ops.length} operations: ${file}`,
        `  replay: npm run sim -- --schedule ${file}`,
        `  view:   npm run sim -- --schedule ${file} --view`,
      ].join('\n'),
    );
    this.name = 'ScheduleFailure';
    this.schedule = schedule;
    this.file = file;
  }
}

/** @throws ScheduleFailure with the smallest schedule that was found. */
export function checkSchedules(check: ScheduleCheck): void {
  const { name, problem, runs, seed } = check;
  const holds = fc.property(check.schedules, (schedule) => problem(check.run(schedule)) === null);
  const details = fc.check(holds, { numRuns: runs, seed });
  const smallest = details.counterexample?.[0];
  if (smallest === undefined) return;
  const result = check.run(smallest);
  const signature = signatureOf(result);
  const schedule = signature === null ? smallest : { ...smallest, expect: expectationOf(result, signature) };
  const file = join('failures', `${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}.json`);
  mkdirSync(join(projectRoot(), 'failures'), { recursive: true });
  writeFileSync(join(projectRoot(), file), formatSchedule(briefSchedule(schedule)));
  throw new ScheduleFailure(name, problem(result) ?? 'fails only sometimes', schedule, file, seed);
}
