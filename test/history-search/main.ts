/** `npm run search-mutants [-- ID...]`: which mistakes in the search the differential test notices. */

import { huntSearchMutant } from './hunt.ts';
import { SEARCH_MUTANTS } from './mutants.ts';

const HISTORIES = 60_000;

const ids = process.argv.slice(2);
const unknown = ids.filter((id) => SEARCH_MUTANTS.every((mutant) => mutant.id !== id));
if (unknown.length > 0) {
  process.stderr.write(`search-mutants: there is no ${unknown.join(', ')}\n`);
  process.exit(2);
}
let survivors = 0;
for (const mutant of SEARCH_MUTANTS) {
  if (ids.length > 0 && !ids.includes(mutant.id)) continue;
  const { says, histories } = await huntSearchMutant(mutant, '1', HISTORIES);
  if (says === null) survivors += 1;
  const told = says === null ? 'SURVIVED' : `killed after ${histories}: ${says}`;
  process.stdout.write(`${mutant.rule.padEnd(20)} ${mutant.id.padEnd(32)} ${told}\n`);
}
process.exitCode = survivors === 0 ? 0 : 1;
