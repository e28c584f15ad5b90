/** `npm run recipe-mutants [-- ID...]`: which mistakes in clients and servers the recipes notice, and what else does. */

import { type Hunted, hunt, load } from './hunt.ts';
import { RECIPE_MUTANTS } from './mutants.ts';

const SEEDS = { from: 1, to: 200 } as const;

const ids = process.argv.slice(2);
const unknown = ids.filter((id) => RECIPE_MUTANTS.every((mutant) => mutant.id !== id));
if (unknown.length > 0) {
  process.stderr.write(`recipe-mutants: there is no ${unknown.join(', ')}\n`);
  process.exit(2);
}

const told = ({ seed, violation, seeds, cpuMs }: Hunted): string =>
  seed === null || violation === null
    ? `NOT FOUND in ${seeds} seeds (${(cpuMs / 1000).toFixed(1)} s)`
    : `${violation.property}${violation.reason === '' ? '' : ` (${violation.reason})`} in seed ${seed}, ${(cpuMs / 1000).toFixed(1)} s`;

let missed = 0;
for (const mutant of RECIPE_MUTANTS) {
  if (ids.length > 0 && !ids.includes(mutant.id)) continue;
  const simulator = await load(mutant);
  const alone = hunt(mutant, simulator, SEEDS);
  if (alone.seed === null) missed += 1;
  process.stdout.write(`${mutant.who} ${mutant.id.padEnd(24)} ${told(alone)}\n`);
  if (alone.seed === null) continue;
  // With everything else looking on: what reports first in the same seed.
  const all = hunt(mutant, simulator, { from: alone.seed, to: alone.seed }, null);
  process.stdout.write(`${' '.repeat(32)}among all checks: ${told(all)}\n`);
}
process.exitCode = missed === 0 ? 0 : 1;
