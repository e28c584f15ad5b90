/** `npm run shrink-table [-- MUTANT...]`: what the shrinker leaves of a thousand faults, as a table (docs/shrinking.md). */

import { type Flags, flagLines, readFlags, wholeNumber } from '../../sim/cli/flags.ts';
import { readCatalog } from '../mutants/catalog.ts';
import { FAULTS_WANTED, HEAD, isKept, lineOf, RERUNS_MAX, shrinkAll, TEN } from './table.ts';

const FLAGS = {
  each: { takes: 'N', says: 'so many schedules of each mutant (1)' },
  drawn: { takes: null, says: 'faults as the default profile draws them' },
  help: { takes: null, says: 'this' },
} as const satisfies Flags;

const USAGE = `usage: npm run shrink-table -- [MUTANT...] [flags]

${flagLines(FLAGS, 13).join('\n')}

exit codes: 0 all come down to at most ${FAULTS_WANTED} faults in at most ${RERUNS_MAX} runs, 1 one does not, 2 bad usage
`;

function fail(problem: string): number {
  process.stderr.write(`shrink-table: ${problem}\n`);
  return 2;
}

async function main(argv: readonly string[]): Promise<number> {
  const read = readFlags(FLAGS, argv);
  if (!read.ok) return fail(read.problem);
  const { given } = read;
  if (given.has('help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  const each = wholeNumber(given.text('each') ?? '1', 1, 100);
  if (each === null) return fail('--each is a whole number from 1 to 100');
  const known = readCatalog().map(({ id }) => id);
  const unknown = given.words.filter((id) => !known.includes(id));
  if (unknown.length > 0) return fail(`there is no mutant ${unknown.join(', ')}`);
  for (const line of HEAD) process.stdout.write(`${line}\n`);
  let [kept, count] = [0, 0];
  for await (const row of shrinkAll({
    ids: given.words.length === 0 ? TEN : given.words,
    each,
    isDrawn: given.has('drawn'),
  })) {
    count += 1;
    if (isKept(row)) kept += 1;
    process.stdout.write(`${lineOf(row)}\n`);
  }
  process.stdout.write(
    `\n${kept} of ${count} come down to at most ${FAULTS_WANTED} faults in at most ${RERUNS_MAX} runs\n`,
  );
  return kept === count ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
