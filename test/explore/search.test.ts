/**
 * The search on scopes small enough to be exhausted at once: how many states there are is known, does not depend on the
 * order in which independent actions are taken, and agrees with a search that knows no fingerprints.
 */

import { describe, expect, test } from 'vitest';
import { parsePath, pathOf, replay } from '../../sim/explore/path.ts';
import { findScope, SCOPES, type Scope } from '../../sim/explore/scopes.ts';
import { runPrologue, search } from '../../sim/explore/search.ts';
import { ACTIONS_MAX, System } from '../../sim/explore/system.ts';

const scopeOf = (name: string, changes: Partial<Scope> = {}): Scope => ({ ...findScope(name)!, ...changes });

/** Every state by its content, nothing left out. */
function naive(scope: Scope): { readonly states: number; readonly quiet: number } {
  const system = new System(scope);
  const start = runPrologue(system);
  const seen = new Set([start.join()]);
  const queue = [start];
  const actions = new Int32Array(ACTIONS_MAX);
  let quiet = 0;
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    if (system.isQuiet(state)) quiet += 1;
    const chosen = actions.slice(0, system.actions(state, actions));
    for (const action of chosen) {
      const next = state.slice();
      if (!system.apply(next, action)) throw new Error(system.fault!.message);
      if (seen.has(next.join())) continue;
      seen.add(next.join());
      queue.push(next);
    }
  }
  return { states: seen.size, quiet };
}

const TINY: readonly (readonly [string, Scope, number])[] = [
  ['two servers elect', scopeOf('election', { servers: 2, prologue: ['start 1', 'start 2'] }), 47],
  ['a crash of anybody', scopeOf('broadcast', { writes: 0 }), 603],
  ['two writes on slow disks', scopeOf('broadcast-disks', { crashes: 0 }), 956],
];

describe.each(TINY)('%s', (_, scope, states) => {
  test('so many states, whatever the order', () => {
    const quiet = { pruned: new Set<string>(), whole: new Set<string>() };
    const pruned = search(scope, { onQuiet: (state, system) => quiet.pruned.add(factsOf(state, system)) });
    const whole = search(scope, {
      allOrders: true,
      onQuiet: (state, system) => quiet.whole.add(factsOf(state, system)),
    });
    expect(pruned).toMatchObject({ verdict: 'exhausted', violation: null, states });
    expect(whole).toMatchObject({ verdict: 'exhausted', violation: null, states, quiet: pruned.quiet, pruned: 0 });
    expect(pruned.depth).toBe(whole.depth);
    expect(quiet.pruned).toEqual(quiet.whole);
    expect(pruned.pruned).toBeGreaterThan(0);
    expect(pruned.transitions).toBeLessThan(whole.transitions);
    expect(naive(scope)).toEqual({ states, quiet: pruned.quiet });
  });
});

/** What the servers have in the end, in words that do not depend on the numbers that an exploration gives. */
function factsOf(state: Int32Array, { locals, scope }: System): string {
  return Array.from({ length: scope.servers }, (_, i) => {
    const { log, committed, acceptedEpoch, currentEpoch } = locals.factsOf(state[i]!);
    const role = locals.roleOf(state[i]!);
    return `${role} ${acceptedEpoch}/${currentEpoch} ${locals.histories.list(log)} ${locals.histories.list(committed)}`;
  }).join('; ');
}

test('a budget ends a search, and the verdict says so', () => {
  const report = search(scopeOf('broadcast'), { limits: { statesMax: 500 } });
  expect(report.verdict).toBe('bounded');
  expect(report.states).toBeGreaterThanOrEqual(500);
  expect(report.collisionProbability).toBeGreaterThan(0);
});

test('every scope has a beginning from which something can happen', () => {
  expect(new Set(SCOPES.map(({ name }) => name)).size).toBe(SCOPES.length);
  for (const scope of SCOPES) {
    const report = search(scope, { limits: { statesMax: 50 } });
    expect(report.verdict, scope.name).toBe('bounded');
  }
});

test('a path is a file that is made again by name', () => {
  const scope = scopeOf('broadcast');
  const system = new System(scope);
  const state = runPrologue(system);
  const actions = ['write 2', 'quorum 2>1 PROPOSAL', 'crash 2', 'nonsense'];
  const first = system.find(state, 'write 2')!;
  const path = pathOf(scope, { fault: { property: 'liveness', message: 'made up' }, actions: [first] });
  expect(path.actions).toEqual(['write 2']);
  const parsed = parsePath(JSON.stringify({ ...path, actions }));
  expect(parsed.ok).toBe(true);
  if (!parsed.ok) return;
  const { fault, skipped, lines } = replay(parsed.value);
  expect(fault).toBeNull();
  expect(skipped).toEqual(['nonsense']);
  expect(lines.filter((line) => /^ {2}\S/.test(line)).map((line) => line.trim())).toEqual(actions.slice(0, 3));
  expect(lines.join('\n')).toContain('server 2 is down: epochs 1/1, log 0x100000001');
  expect(parsePath('{"kind":"other"}').ok).toBe(false);
  expect(parsePath('{').ok).toBe(false);
});
