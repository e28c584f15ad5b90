/**
 * The trace of a run: a second pass over the same schedule, each step inside immer's `produceWithPatches`. The format is
 * docs/trace-format.md. Node-free: whoever calls gives a sink for the lines.
 */

import { type Result, run } from './runner.ts';
import type { Schedule } from './schedule.ts';
import { type Sink, TraceWriter } from './trace-writer.ts';
import { CLIENT_BASE } from './world/types.ts';
import { EPOCH_DEFAULT_MS } from './world/world.ts';

/** Runs the schedule again and hands every line of its trace to the sink. */
export function trace(schedule: Schedule, sink: Sink): Result {
  const tracer = new TraceWriter(headerOf(schedule), sink);
  const result = run(schedule, {
    runner: tracer.runner,
    hooks: tracer.hooks,
    onMoment: (moment) => tracer.moment(moment),
    onFault: (fact) => tracer.fault(fact),
    onWorld: (world) => tracer.watch(world),
  });
  const { verdict, violations, hash, events, stats } = result;
  tracer.close({ verdict, violations, hash, events, stats });
  return result;
}

function headerOf(schedule: Schedule): Readonly<Record<string, unknown>> {
  const { nodes, observers, spares, clients } = schedule.options;
  return {
    seed: schedule.seed,
    commit: schedule.commit,
    servers: nodes + observers + spares,
    clients,
    clientBase: CLIENT_BASE,
    epochMs: EPOCH_DEFAULT_MS,
    schedule,
  };
}

export { encode, type Message, type Sink, TRACE_VERSION } from './trace-writer.ts';
