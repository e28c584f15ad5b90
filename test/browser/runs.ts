/** Runs to look at, made by the simulator itself, and what it says of them. */

import type { Peer } from '../../core/peer.ts';
import type { PeerState } from '../../core/state.ts';
import { findScenario } from '../../scenarios/index.ts';
import type { Violation } from '../../sim/checkers/properties.ts';
import { type Moment, run } from '../../sim/runner.ts';
import type { Schedule } from '../../sim/schedule.ts';
import { type Branches, branchAt } from '../../sim/shrink/branch.ts';
import { generate, type Profile } from '../../sim/swarm.ts';
import { trace } from '../../sim/tracer.ts';

export const seed = (text: string, profile: Profile = 'default'): Schedule =>
  generate({ seed: text, profile, commit: '', options: {} });

export function story(name: string): Schedule {
  const scenario = findScenario(name);
  if (scenario === null) throw new Error(`no scenario ${name}`);
  return scenario.schedule;
}

export interface Traced {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly moments: readonly Moment[];
  readonly events: number;
  readonly hash: string;
  readonly violations: readonly Violation[];
}

export function traced(schedule: Schedule): Traced {
  const lines: string[] = [];
  const result = trace(schedule, (line) => lines.push(JSON.stringify(line)));
  const text = `${lines.join('\n')}\n`;
  return {
    text,
    bytes: new TextEncoder().encode(text),
    moments: result.moments,
    events: result.events,
    hash: result.hash,
    violations: result.violations,
  };
}

/** How often it fails from this event on. Here, so that a core with a bug in it can be asked. */
export const futuresOf = (schedule: Schedule, event: number, runs: number): Branches | null =>
  branchAt(schedule, event, { runs });

/** The state of a server after the event with this index, from the running simulator and not from its trace. */
export function stateAt(schedule: Schedule, index: number): PeerState {
  let found: PeerState | null = null;
  run(schedule, {
    hooks: {
      afterStep: ({ event, machine }) => {
        if (event.index === index) found = structuredClone((machine as unknown as { readonly peer: Peer }).peer.state);
      },
    },
  });
  if (found === null) throw new Error(`no server was stepped by event ${index}`);
  return found;
}
