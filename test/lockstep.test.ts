/**
 * Raw and drafted steps are the same steps (DESIGN, section 3). Traces rest on it: they are recorded from drafted servers
 * and shown as what raw ones did.
 */

import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { differenceOf, runLockstep } from '../sim/lockstep.ts';
import { run } from '../sim/runner.ts';
import type { Schedule } from '../sim/schedule.ts';
import { generate, type Profile } from '../sim/swarm.ts';
import { bundleSimulator } from './mutants/build.ts';
import { readCatalog } from './mutants/catalog.ts';

const drawn = (seed: string, profile: Profile = 'default'): Schedule =>
  generate({ seed, profile, commit: 'test', options: { duration: 1500 } });

describe('seeds, raw and drafted side by side', () => {
  test.each<[string, Profile]>([
    ['1', 'default'],
    ['2', 'elections'],
    ['3', 'disk'],
    ['4', 'sessions'],
    ['5', 'network'],
  ])('seed %s of profile %s', (seed, profile) => {
    const schedule = drawn(seed, profile);
    const lockstep = run(schedule, { runner: runLockstep });
    expect(lockstep.violations).toEqual([]);
    expect(lockstep.hash).toBe(run(schedule).hash);
  });
});

interface Summary {
  readonly verdict: string;
  readonly violations: readonly { readonly message: string }[];
}

/** Runs a bundle of the simulator by its command line. */
function simulate(file: string, flags: readonly string[]): Summary {
  const argv = [file, '--seed', '1', '--duration', '1500ms', '--json', ...flags];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Summary;
}

describe('aliasing in the state', () => {
  test.each(readCatalog('aliasing'))('$id: $says', async (mutant) => {
    const file = await bundleSimulator(mutant);
    try {
      // Raw alone it is as good as the real thing: that is why it takes two to see it.
      expect(simulate(file, []).verdict).toBe('ok');
      const { verdict, violations } = simulate(file, ['--lockstep']);
      expect(verdict).toBe('crash');
      expect(violations[0]?.message).toMatch(/lockstep|proxy that has been revoked|read only/);
    } finally {
      rmSync(file, { force: true });
    }
  });
});

test('differences are named', () => {
  const of = (sent: number) => ({ conns: new Map([[3, { sent, ids: new Set(['a']) }]]), bytes: Uint8Array.of(1, 2) });
  expect(differenceOf(of(1), of(1), '')).toBeNull();
  expect(differenceOf(of(1), of(2), 'state')).toMatch(/^state\.conns/);
  expect(differenceOf(new Map([[1, 2]]), new Set([1]), 'state')).toBe('state');
  expect(differenceOf({ a: Uint8Array.of(1) }, { a: Uint8Array.of(2) }, '')).toBe('.a');
  expect(differenceOf({ a: undefined }, {}, '')).toBe('');
});
