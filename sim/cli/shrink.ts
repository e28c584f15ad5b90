/** `--shrink`: shrinks a failing schedule, says what was taken away, and tells the story of what is left. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Result, run } from '../runner.ts';
import { briefSchedule, formatSchedule, type Schedule } from '../schedule.ts';
import { type ShrinkStep, type Shrunk, shrink } from '../shrink/shrink.ts';
import { signatureOf, signatureText } from '../shrink/signature.ts';
import { type Size, sizeOf } from '../shrink/size.ts';
import { plural, span } from '../text.ts';
import type { Reporter } from './report.ts';

export interface ShrinkRequest {
  readonly rerunsMax: number;
  /** Where the shrunk schedule goes; null: a name made of the seed and the property, in `failures/`. */
  readonly save: string | null;
}

export interface ShrunkFile {
  readonly shrunk: Shrunk;
  readonly file: string;
}

/** Runs, shrinks, writes the file and tells of it. Null when there is nothing to shrink. */
export function shrinkAndTell(schedule: Schedule, request: ShrinkRequest, reporter: Reporter): ShrunkFile | null {
  const found = run(schedule);
  const signature = signatureOf(found);
  if (signature === null) {
    reporter.line(`seed ${schedule.seed} keeps every promise: there is nothing to shrink`);
    return null;
  }
  reporter.line(
    `seed ${schedule.seed} breaks ${signatureText(signature)}, ${span(found.violations[0]!.atUs)} into the run`,
  );
  const shrunk = shrink(schedule, found, {
    rerunsMax: request.rerunsMax,
    onStep: (step) => reporter.status(statusOf(step, request.rerunsMax)),
  });
  const file = request.save ?? `failures/${slug(`${schedule.seed}-${signature.property}`)}.json`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, formatSchedule(briefSchedule(withPlace(shrunk))));
  reporter.line();
  for (const line of tableOf(schedule, found, shrunk, request.rerunsMax)) reporter.line(line);
  reporter.line();
  reporter.line(`written to ${file}`);
  reporter.line(`  replay: npm run sim -- --schedule ${file}`);
  reporter.line(`  view:   npm run sim -- --schedule ${file} --view`);
  reporter.line('  keep:   move it to scenarios/regressions/ (its README says how), then mend the code');
  reporter.line();
  return { shrunk, file };
}

const PLACES_MAX = 4;

/** The rarest notes of the failing run name the place it fails at: a run that keeps the promise must still come by there. */
function withPlace({ schedule, result }: Shrunk): Schedule {
  if (schedule.expect === undefined) return schedule;
  const notes = Object.entries(result.marks).sort(([a, i], [b, j]) => i - j || (a < b ? -1 : 1));
  const marks = notes.slice(0, PLACES_MAX).map(([note]) => note);
  return { ...schedule, expect: { ...schedule.expect, marks } };
}

const statusOf = ({ pass, tried, kept, faults, reruns }: ShrinkStep, most: number): string =>
  `run ${reruns} of ${most}  ${plural(faults, 'fault')}  ${pass}: without ${tried} ${kept ? 'it still fails' : 'it does not fail'}`;

/** What was removed: one line for each thing there was more of. */
export function tableOf(schedule: Schedule, found: Result, shrunk: Shrunk, most: number): string[] {
  const before = sizeOf(schedule, found);
  const after = sizeOf(shrunk.schedule, shrunk.result);
  const row = (name: string, left: string, right: string): string =>
    `  ${name.padEnd(12)}${left.padStart(12)}${right.padStart(12)}`;
  const counted = (name: string, key: keyof Size): string =>
    row(name, before[key].toLocaleString('en-US'), after[key].toLocaleString('en-US'));
  return [
    row('', 'before', 'after'),
    counted('faults', 'faults'),
    counted('servers', 'servers'),
    counted('clients', 'clients'),
    counted('their turns', 'turns'),
    counted('weather', 'weather'),
    counted('settings', 'settings'),
    row('length', span(before.virtualUs), span(after.virtualUs)),
    counted('events', 'events'),
    `  found in ${shrunk.reruns} of at most ${most} runs`,
  ];
}

const slug = (text: string): string => text.replaceAll(/[^A-Za-z0-9.-]+/g, '-');
