/**
 * The laboratory: the whole simulated world in a web worker. It runs what the command line runs, and writes the same trace, in
 * pieces that the page hands on to the model while the run goes on.
 */

import { type Result, run } from '../../sim/runner.ts';
import type { Schedule } from '../../sim/schedule.ts';
import { trace } from '../../sim/tracer.ts';
import type { FromLab, Summary, ToLab } from './protocol.ts';

/** Bytes of a piece: large enough that handing it over costs nothing, small enough that the picture grows as one looks. */
const PIECE = 512 * 1024;

interface WorkerScope {
  postMessage(message: FromLab, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToLab>) => void) | null;
}
const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data }) => {
  const { run: number, schedule } = data;
  try {
    const began = performance.now();
    const result = data.type === 'trace' ? traced(number, schedule) : run(schedule);
    scope.postMessage({ type: 'done', run: number, summary: summaryOf(result, performance.now() - began) });
  } catch (error) {
    scope.postMessage({ type: 'failed', run: number, message: error instanceof Error ? error.message : String(error) });
  }
};

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
