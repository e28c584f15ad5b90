/**
 * The laboratory: the whole simulated world in a web worker. It runs what the command line runs, and writes the same trace, in
 * pieces that the page hands on to the model while the run goes on.
 */

import { type Result, run } from '../../sim/runner.ts';
import type { Schedule } from '../../sim/schedule.ts';
import { type Branches, type BranchSettings, branchAt, branchOver } from '../../sim/shrink/branch.ts';
import { trace } from '../../sim/tracer.ts';
import type { Finished, FromLab, Summary, ToLab } from './protocol.ts';

/** Bytes of a piece: large enough that handing it over costs nothing, small enough that the picture grows as one looks. */
const PIECE = 512 * 1024;

interface WorkerScope {
  postMessage(message: FromLab, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToLab>) => void) | null;
}
const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data }) => {
  try {
    scope.postMessage(obey(data));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    scope.postMessage({ type: 'failed', run: data.run, message });
  }
};

function obey(order: ToLab): Finished {
  const { run: number, schedule } = order;
  const began = performance.now();
  const done = (result: Result): Finished => ({
    type: 'done',
    run: number,
    summary: summaryOf(result, performance.now() - began),
  });
  switch (order.type) {
    case 'trace':
      return done(traced(number, schedule));
    case 'verdict':
      return done(run(schedule));
    case 'branch':
      return { type: 'branched', run: number, branches: branched(order) };
    default:
      return order satisfies never;
  }
}

/** The same algorithm as `npm run sim -- --branch`, told of while it works. */
function branched({
  run: number,
  schedule,
  event,
  runs,
  pattern,
}: ToLab & { readonly type: 'branch' }): Branches | null {
  // The first run is the one that is branched from.
  let count = -1;
  const settings: BranchSettings = {
    pattern,
    runs,
    run: (each, how) => {
      const result = run(each, how);
      count++;
      scope.postMessage({ type: 'futures', run: number, count });
      return result;
    },
    onPoint: (point) => scope.postMessage({ type: 'point', run: number, point }),
  };
  return event === null ? branchOver(schedule, {}, settings) : branchAt(schedule, event, settings);
}

function traced(number: number, schedule: Schedule): Result {
  const encoder = new TextEncoder();
  let lines: string[] = [];
  let size = 0;
  let atUs = 0;
  let events = 0;
  const flush = (): void => {
    const bytes = encoder.encode(lines.join(''));
    scope.postMessage({ type: 'bytes', run: number, bytes, atUs, events }, [bytes.buffer]);
    lines = [];
    size = 0;
  };
  const result = trace(schedule, (line) => {
    const { type, t, text, index } = line as { type: string; t?: number; text?: string; index?: number };
    if (t !== undefined) atUs = t;
    if (index !== undefined && (type === 'step' || type === 'event')) events = index;
    if (type === 'moment' && text !== undefined) scope.postMessage({ type: 'moment', run: number, atUs, text });
    const written = `${JSON.stringify(line)}\n`;
    lines.push(written);
    size += written.length;
    if (size >= PIECE) flush();
  });
  flush();
  return result;
}

function summaryOf({ verdict, hash, events, stats, violations }: Result, tookMs: number): Summary {
  return {
    verdict,
    hash,
    events,
    virtualUs: stats.virtualUs,
    elections: stats.elections,
    slowestElectionUs: stats.slowestElectionUs,
    properties: [...new Set(violations.map(({ property }) => property))],
    tookMs,
  };
}
