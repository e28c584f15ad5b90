/** `--branch`: how likely a failure is from an event, or over the whole run. */

import { writeFileSync } from 'node:fs';
import type { Schedule } from '../schedule.ts';
import { type Branches, branchAt, branchOver, graphOf } from '../shrink/branch.ts';
import { signatureText } from '../shrink/signature.ts';
import { explainEvents } from '../trace.ts';
import type { Reporter } from './report.ts';

export interface BranchRequest {
  /** An event, or events from one to another, or all. */
  readonly from: 'all' | { readonly from: number; readonly to: number };
  readonly pattern: string;
  readonly runs: number;
  readonly points: number;
  readonly save: string | null;
}

/** What is wrong with the request, or null. */
export function branchAndTell(schedule: Schedule, request: BranchRequest, reporter: Reporter): string | null {
  const { from, pattern, runs, points } = request;
  const settings = {
    pattern,
    runs,
    onPoint: ({ event, failed }: { event: number; failed: number }) =>
      reporter.status(`from event ${event} on ${failed} of ${runs} fail`),
  };
  const isOne = from !== 'all' && from.from === from.to;
  const range = from === 'all' ? { points } : { points, ...from };
  const branches = isOne ? branchAt(schedule, from.from, settings) : branchOver(schedule, range, settings);
  if (branches === null) return `the run has no event ${from === 'all' ? '' : from.from}`;
  tell(schedule, branches, reporter);
  if (request.save !== null) writeFileSync(request.save, `${JSON.stringify(branches, null, 2)}\n`);
  return null;
}

function tell(schedule: Schedule, branches: Branches, reporter: Reporter): void {
  const { failure, pattern, inevitable } = branches;
  const what = failure === null ? 'any failure (this run keeps every promise)' : signatureText(failure);
  reporter.line(`seed ${schedule.seed}: how likely is ${what}, with other dice for ${pattern} from each moment on?`);
  reporter.line();
  for (const line of graphOf(branches)) reporter.line(line);
  reporter.line();
  if (inevitable === null) return reporter.line('at none of these moments does it become inevitable');
  const said = explainEvents(schedule, new Set([inevitable.event]), {}).get(inevitable.event);
  reporter.line(`inevitable from ${said ?? `event ${inevitable.event}`}`);
}
