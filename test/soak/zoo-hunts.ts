/**
 * The mutations of the zoo as what a campaign hunts: the smoke set, and all others in turn. Those that only a unit test can show
 * are left to `npm run zoo`.
 */

import type { Hunts, Prey } from '../../sim/campaign/hunts.ts';
import { readCatalog } from '../mutants/catalog.ts';
import { type Hunter, huntFrom, type Plan, startHunter } from '../zoo/hunt.ts';
import { SMOKE } from '../zoo/sample.ts';

/** CPU seconds for one; half of them need less than a tenth of it (docs/zoo.md). */
const HUNT_MAX_MS = 30_000;

const PLAN: Omit<Plan, 'profile'> = {
  settings: {},
  startsMax: 1,
  startMaxMs: HUNT_MAX_MS,
  totalMaxMs: HUNT_MAX_MS,
  seedsMax: 100_000,
  shrinkRuns: 0,
};

export function zooHunts(plan: Partial<typeof PLAN> = {}): Hunts {
  const mutants = [...readCatalog('catalog'), ...readCatalog('zoo')].filter(
    ({ rows, tests }) => rows.length > 0 && tests.length === 0,
  );
  const isSmoke = ({ id }: Prey): boolean => SMOKE.includes(id);
  let control: Hunter | null = null;
  return {
    smoke: mutants.filter(isSmoke),
    others: mutants.filter((mutant) => !isSmoke(mutant)),
    hunt: async ({ id }) => {
      const mutant = mutants.find((other) => other.id === id)!;
      control ??= await startHunter(null);
      const profile = mutant.profile ?? 'default';
      const [start] = await huntFrom(mutant, { ...PLAN, ...plan, profile }, control);
      const { found, property, seed, runs } = start!;
      return { find: found && property !== null ? { property, seed } : null, runs };
    },
    close: async () => {
      await control?.close();
    },
  };
}
