/**
 * What an exploration remembers of servers is what servers do: random walks on which every server also lives without being
 * frozen, thawed or renamed (`live.ts`).
 */

import { describe, expect, test } from 'vitest';
import { LiveServers } from '../../sim/explore/live.ts';
import { findScope, type Scope } from '../../sim/explore/scopes.ts';
import { runPrologue } from '../../sim/explore/search.ts';
import { ACTIONS_MAX, System } from '../../sim/explore/system.ts';
import { randomOf } from '../unit/storage/memory-disk.ts';

const STEPS = 80;
const WALKS = 2;

function walk(scope: Scope, seed: number): number {
  const system = new System(scope);
  const live = new LiveServers(system);
  const state = runPrologue(system);
  const actions = new Int32Array(ACTIONS_MAX);
  const random = randomOf(seed);
  for (let i = 0; i < STEPS; i++) {
    const count = system.actions(state, actions);
    if (count === 0) break;
    expect(system.apply(state, actions[Math.floor(random() * count)]!)).toBe(true);
    expect(system.check(state)).toBeNull();
  }
  return live.compared;
}

describe('a server that is stepped in place goes the same way', () => {
  test.each([
    ['election', {}],
    ['synchronisation', { crashes: 3, writes: 2 }],
    ['divergence', { crashes: 3, writes: 3, cuts: 2 }],
    ['broadcast-disks', { crashes: 4, writes: 4, cuts: 2, early: 2, connect: 'whole' as const }],
  ])('%s', (name, changes) => {
    const scope = { ...findScope(name)!, ...changes };
    for (let seed = 1; seed <= WALKS; seed++) expect(walk(scope, seed)).toBeGreaterThan(20);
  });
});
