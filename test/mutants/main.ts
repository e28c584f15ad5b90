/** `npm run mutants [-- ID...]`: which broken protocols the simulator catches, by which property, at which cost. */

import { type Flags, flagLines, readFlags, wholeNumber } from '../../sim/cli/flags.ts';
import { PROFILES, type Profile } from '../../sim/swarm.ts';
import { type Mutant, readCatalog } from './catalog.ts';
import { type Hunt, type Hunted, hunt, type Simulator, startSimulator } from './hunt.ts';

const FLAGS = {
  seeds: { takes: 'N', says: 'run up to N seeds of each mutant (100)' },
  profile: { takes: 'NAME', says: `the faults to draw: ${Object.keys(PROFILES).join(', ')}` },
  'own-profile': { takes: null, says: 'for each mutant the profile that goes for it, where it names one' },
  all: { takes: null, says: 'do not stop at the first seed that shows the mutant' },
  list: { takes: null, says: 'only say which mutants there are' },
  help: { takes: null, says: 'this' },
} as const satisfies Flags;

const USAGE = `usage: npm run mutants -- [ID...] [flags]

${flagLines(FLAGS, 19).join('\n')}

exit codes: 0 all fared as their files say, 1 one did not, 2 bad usage
`;

interface Args {
  readonly ids: readonly string[];
  readonly seedsMax: number;
  readonly profile: Profile;
  readonly ownProfile: boolean;
  readonly all: boolean;
  readonly list: boolean;
}

/** The arguments, the usage where it was asked for, or what is wrong. */
function parse(argv: readonly string[]): Args | string {
  const read = readFlags(FLAGS, argv);
  if (!read.ok) return read.problem;
  const { given } = read;
  if (given.has('help')) return USAGE;
  const seedsMax = wholeNumber(given.text('seeds') ?? '100', 1, 1_000_000);
  if (seedsMax === null) return '--seeds is a whole number from 1';
  const profile = given.text('profile') ?? 'default';
  if (!Object.hasOwn(PROFILES, profile))
    return `there is no profile ${profile}; there are ${Object.keys(PROFILES).join(', ')}`;
  return {
    ids: given.words,
    seedsMax,
    profile: profile as Profile,
    ownProfile: given.has('own-profile'),
    all: given.has('all'),
    list: given.has('list'),
  };
}

function fail(problem: string): number {
  process.stderr.write(`mutants: ${problem}\n`);
  return 2;
}

async function main(argv: readonly string[]): Promise<number> {
  const args = parse(argv);
  if (args === USAGE) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (typeof args === 'string') return fail(args);
  const catalog = readCatalog();
  const unknown = args.ids.filter((id) => catalog.every((mutant) => mutant.id !== id));
  if (unknown.length > 0) return fail(`there is no ${unknown.join(', ')}; --list names them`);
  const chosen = args.ids.length === 0 ? catalog : catalog.filter(({ id }) => args.ids.includes(id));
  const width = Math.max(...chosen.map(({ id }) => id.length));
  if (args.list) {
    for (const { id, origin, says } of chosen) process.stdout.write(`${id.padEnd(width)}  ${origin}: ${says}\n`);
    return 0;
  }
  return huntAll(chosen, args, width);
}

/** 0 when every mutant fared as its file says. */
async function huntAll(mutants: readonly Mutant[], args: Args, width: number): Promise<number> {
  const control = await startSimulator(null);
  const astray: string[] = [];
  let cpuMs = 0;
  process.stdout.write(`${'mutant'.padEnd(width)}  caught            seed  CPU s  by\n`);
  try {
    for (const mutant of mutants) {
      const profile = args.ownProfile ? (mutant.profile ?? args.profile) : args.profile;
      const hunted = await tryHunt(mutant, { profile, seedsMax: args.seedsMax, all: args.all }, control);
      const isHunted = typeof hunted !== 'string';
      if (isHunted) cpuMs += hunted.cpuMs;
      if (!isHunted || !faredAsExpected(hunted)) astray.push(mutant.id);
      process.stdout.write(`${isHunted ? lineOf(hunted, width, args.all) : hunted}\n`);
    }
  } finally {
    await control.close();
  }
  const verdict = astray.length === 0 ? 'all as expected' : `not as expected: ${astray.join(' ')}`;
  process.stdout.write(`${mutants.length} mutants, ${(cpuMs / 1000).toFixed(0)} CPU s: ${verdict}\n`);
  return astray.length === 0 ? 0 : 1;
}

/** A mutant that does not fit the source any more does not keep the others from being hunted. */
async function tryHunt(mutant: Mutant, plan: Hunt, control: Simulator): Promise<Hunted | string> {
  try {
    return await hunt(mutant, plan, control);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return said.split('\n').find((line) => line.includes('mutant ')) ?? `${mutant.id}: ${said}`;
  }
}

const faredAsExpected = ({ mutant, catches, asExpected }: Hunted): boolean =>
  mutant.redundant === null ? asExpected : catches.length === 0;

function lineOf({ mutant, catches, seeds, cpuMs, asExpected }: Hunted, width: number, all: boolean): string {
  const first = catches[0];
  const seconds = (cpuMs / 1000).toFixed(1).padStart(6);
  const head = (caught: string, seed: string): string =>
    `${mutant.id.padEnd(width)}  ${caught.padEnd(16)}  ${seed.padStart(4)} ${seconds}`;
  if (first === undefined) {
    const why = mutant.redundant === null ? `expected ${mutant.property.join(' or ')}` : mutant.redundant;
    return `${head(`not in ${seeds} seeds`, '')}  ${why}`;
  }
  const times = all ? `${catches.length} of ${seeds}` : 'yes';
  const by = `${first.property}${asExpected ? '' : ' (unexpected)'}: ${first.message.split('\n')[0]}`;
  return `${head(times, first.seed)}  ${by.slice(0, 150)}`;
}

process.exitCode = await main(process.argv.slice(2));
