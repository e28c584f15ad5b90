/** How much of everything a failing schedule has: what a shrinker takes away, in the units that a person counts in. */

import { textOfTurns, turnsOf } from '../asks.ts';
import type { Result } from '../runner.ts';
import { CALM, type Schedule, type SwarmName } from '../schedule.ts';

export interface Size {
  readonly faults: number;
  readonly servers: number;
  readonly clients: number;
  /** Turns of clients that were kept, as far as the run came. */
  readonly turns: number;
  /** Names of the weather that are not calm, the load aside. */
  readonly weather: number;
  readonly settings: number;
  readonly events: number;
  readonly virtualUs: number;
}

export function sizeOf(schedule: Schedule, result: Result): Size {
  const { options, swarm, asks = {} } = schedule;
  let turns = 0;
  result.turns.forEach((taken, index) => {
    turns += keptOf(asks[`c${index + 1}`], taken);
  });
  return {
    faults: schedule.ops.length,
    servers: options.nodes + options.observers + options.spares,
    clients: options.clients,
    turns,
    weather: WEATHER.filter((name) => swarm[name] !== CALM[name]).length,
    settings: Object.keys(options.settings).length,
    events: result.events,
    virtualUs: result.stats.virtualUs,
  };
}

function keptOf(text: string | undefined, taken: number): number {
  const kept = text === undefined ? null : turnsOf(text);
  if (kept === null) return taken;
  return [...kept].filter((turn) => turn <= taken).length;
}

/** Load is not weather: no other load is calmer. */
export const WEATHER: readonly SwarmName[] = (Object.keys(CALM) as SwarmName[]).filter(
  (name) => !name.startsWith('workload.') && !name.startsWith('mix.'),
);
export const LOAD: readonly SwarmName[] = (Object.keys(CALM) as SwarmName[]).filter((name) => !WEATHER.includes(name));

/** `c1 asks in its turns 3,17-20`: the load of a shrunk schedule, for a person. */
export function askedText({ asks = {} }: Schedule): string {
  const said = Object.entries(asks).flatMap(([client, text]) => {
    const turns = turnsOf(text);
    return turns === null || turns.size === 0 ? [] : [`${client} in ${textOfTurns(turns)}`];
  });
  return said.join('; ') || 'nobody asks for anything';
}
