/**
 * What an exploration costs, in CPU time of this process: states a second in scopes that are exhausted, bytes a visited
 * state, and what one transition costs when it has been seen before and when it runs the core. Run alone with
 * `node scripts/run.mjs test/bench/explore-main.ts`.
 */

import { findScope } from '../../sim/explore/scopes.ts';
import { search } from '../../sim/explore/search.ts';

const SCOPE_NAMES = ['election', 'broadcast', 'broadcast-disks'];

export function benchExplore(): void {
  console.log(`\nexhaustive exploration, one thread, Node ${process.version}`);
  const number = (value: number): string => Math.round(value).toLocaleString('en');
  for (const name of SCOPE_NAMES) {
    const { states, transitions, cpuSeconds, bytesPerState, localTransitions, verdict } = search(findScope(name)!);
    const figures = [
      `${number(states)} states`,
      `${cpuSeconds.toFixed(1)} s`,
      `${number(states / cpuSeconds)} states/s (target 100,000)`,
      `${bytesPerState.toFixed(1)} bytes a state (target 16)`,
      `${number(transitions / cpuSeconds)} transitions/s`,
      `${number(localTransitions)} by the core`,
    ];
    console.log(`${name.padEnd(18)} ${verdict}: ${figures.join(', ')}`);
  }
}
