/** `npm run shrink-table [-- MUTANT...]`: what the shrinker leaves of a thousand faults, as a table (docs/shrinking.md). */

import { readCatalog } from '../mutants/catalog.ts';
import { FAULTS_WANTED, HEAD, isKept, lineOf, RERUNS_MAX, shrinkAll, TEN } from './table.ts';

const words = process.argv.slice(2);
const known = readCatalog().map(({ id }) => id);
const unknown = words.filter((id) => !known.includes(id));
if (unknown.length > 0) {
  process.stderr.write(`shrink-table: there is no mutant ${unknown.join(', ')}\n`);
  process.exit(2);
}
for (const line of HEAD) process.stdout.write(`${line}\n`);
let kept = 0;
let count = 0;
for await (const row of shrinkAll(words.length === 0 ? TEN : words)) {
  count += 1;
  if (isKept(row)) kept += 1;
  process.stdout.write(`${lineOf(row)}\n`);
}
process.stdout.write(
  `\n${kept} of ${count} come down to at most ${FAULTS_WANTED} faults in at most ${RERUNS_MAX} runs\n`,
);
process.exitCode = kept === count ? 0 : 1;
