/** `npm run zoo [-- ID...]`: which of the bugs that really happened the simulator finds, by what, and at which cost. */

import { execFileSync } from 'node:child_process';
import { type Flags, flagLines, readFlags, wholeNumber } from '../../sim/cli/flags.ts';
import { PROFILES, type Profile } from '../../sim/swarm.ts';
import { type Mutant, readCatalog } from '../mutants/catalog.ts';
import { huntByTest } from './by-test.ts';
import { huntFrom, type Plan, rateOf, startHunter } from './hunt.ts';
import { RESULTS, readEntries, writeEntries, writeReport } from './report.ts';
import { SMOKE, sampleOf } from './sample.ts';
import { type Entry, formatLine, lineOf } from './table.ts';

const FLAGS = {
  smoke: { takes: null, says: 'only those that are found within a CPU second' },
  sample: { takes: 'K', says: 'only K of the others, by the date: others every day, and all in turn' },
  'client-only': { takes: null, says: 'only what a client can see is judged' },
  starts: { takes: 'N', says: 'starting seeds of each mutation (20)' },
  cpu: { takes: 'S', says: 'CPU seconds after which a start is given up (60)' },
  total: { takes: 'S', says: 'CPU seconds after which no further start of a mutation begins (300)' },
  profile: { takes: 'NAME', says: `the faults to draw: ${Object.keys(PROFILES).join(', ')}` },
  shrink: { takes: 'N', says: 'runs that may be spent on shrinking the first find of each (0)' },
  save: { takes: 'FILE', says: 'puts the results into this file, in place of older ones of the same mutations' },
  json: { takes: null, says: 'one JSON object a mutation' },
  rate: { takes: 'N', says: 'how many of the seeds 1 to N show it, instead of how long it takes' },
  report: {
    takes: null,
    says: 'runs nothing: writes docs/zoo.md, and the summary in README.md, from the results (--save, or test/zoo/results.json)',
  },
  list: { takes: null, says: 'only says which there are' },
  help: { takes: null, says: 'this' },
} as const satisfies Flags;

const USAGE = `usage: npm run zoo -- [ID...] [flags]

  ID               a row of the zoo (A16) or a mutation (vote-by-the-tree); none: all of them
${flagLines(FLAGS, 19).join('\n')}

exit codes: 0 all found, 1 one was not, 2 bad usage
`;

interface Args {
  readonly ids: readonly string[];
  readonly starts: number;
  readonly cpuS: number;
  readonly totalS: number;
  readonly profile: Profile | null;
  readonly shrink: number;
  readonly save: string | null;
  readonly json: boolean;
  readonly list: boolean;
  readonly smoke: boolean;
  readonly sample: number | null;
  readonly rate: number | null;
  readonly clientOnly: boolean;
  readonly report: boolean;
}

/** The arguments, the usage where it was asked for, or what is wrong. */
function parse(argv: readonly string[]): Args | string {
  const read = readFlags(FLAGS, argv);
  if (!read.ok) return read.problem;
  const { given } = read;
  if (given.has('help')) return USAGE;
  const numbers = new Map<string, number>();
  for (const name of ['starts', 'cpu', 'total', 'sample', 'rate', 'shrink'] as const) {
    const text = given.text(name);
    const number = text === null ? null : wholeNumber(text, name === 'shrink' ? 0 : 1, 1_000_000);
    if (text !== null && number === null) return `--${name} is a whole number from ${name === 'shrink' ? 0 : 1}`;
    if (number !== null) numbers.set(name, number);
  }
  const profile = given.text('profile');
  if (profile !== null && !Object.hasOwn(PROFILES, profile))
    return `there is no profile ${profile}; there are ${Object.keys(PROFILES).join(', ')}`;
  return {
    ids: given.words,
    starts: numbers.get('starts') ?? 20,
    cpuS: numbers.get('cpu') ?? 60,
    totalS: numbers.get('total') ?? 300,
    profile: profile as Profile | null,
    shrink: numbers.get('shrink') ?? 0,
    save: given.text('save'),
    json: given.has('json'),
    list: given.has('list'),
    smoke: given.has('smoke'),
    sample: numbers.get('sample') ?? null,
    rate: numbers.get('rate') ?? null,
    clientOnly: given.has('client-only'),
    report: given.has('report'),
  };
}

function fail(problem: string): number {
  process.stderr.write(`zoo: ${problem}\n`);
  return 2;
}

async function main(argv: readonly string[]): Promise<number> {
  const args = parse(argv);
  if (args === USAGE) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (typeof args === 'string') return fail(args);
  if (args.report) {
    writeReport(args.save ?? RESULTS);
    return 0;
  }
  const all = [...readCatalog('catalog'), ...readCatalog('zoo')].filter(({ rows }) => rows.length > 0);
  const isMeant = (mutant: Mutant, id: string): boolean => mutant.id === id || mutant.rows.includes(id);
  const unknown = args.ids.filter((id) => !all.some((mutant) => isMeant(mutant, id)));
  if (unknown.length > 0) return fail(`there is no ${unknown.join(', ')}; --list names them`);
  const named = args.ids.length === 0 ? all : all.filter((mutant) => args.ids.some((id) => isMeant(mutant, id)));
  const chosen = choose(named, args);
  chosen.sort((a, b) => (`${a.rows[0]} ${a.id}` < `${b.rows[0]} ${b.id}` ? -1 : 1));
  if (args.list) {
    for (const { id, rows, origin, says } of chosen) {
      process.stdout.write(`${rows.join(' ').padEnd(8)} ${id.padEnd(38)} ${origin}: ${says}\n`);
    }
    return 0;
  }
  return args.rate === null ? huntAll(chosen, args) : rates(chosen, args, args.rate);
}

/** The smoke set, or a sample of the rest, or all. */
function choose(mutants: readonly Mutant[], { smoke, sample }: Args): Mutant[] {
  if (smoke) return mutants.filter(({ id }) => SMOKE.includes(id));
  if (sample === null) return [...mutants];
  const day = Math.floor(Date.now() / DAY_MS);
  const rest = mutants.filter(({ id }) => !SMOKE.includes(id));
  return sampleOf(rest, sample, day);
}

const DAY_MS = 86_400_000;

async function rates(mutants: readonly Mutant[], args: Args, count: number): Promise<number> {
  const settings = { judge: args.clientOnly ? 'client-only' : 'all' } as const;
  for (const mutant of mutants) {
    const profile = args.profile ?? mutant.profile ?? 'default';
    const counts = await rateOf(mutant, { profile, settings }, count);
    const hits = [...counts.values()].reduce((sum, hit) => sum + hit, 0);
    const by = [...counts].map(([property, hit]) => `${property} ${hit}`).join(', ');
    const percent = ((100 * hits) / count).toFixed(1);
    process.stdout.write(`${mutant.id.padEnd(38)} ${profile}: ${hits} of ${count} runs (${percent} %) ${by}\n`);
  }
  return 0;
}

async function huntAll(mutants: readonly Mutant[], args: Args): Promise<number> {
  const control = await startHunter(null);
  const commit = commitOf();
  const judge = args.clientOnly ? 'client-only' : 'all';
  let missed = 0;
  try {
    for (const mutant of mutants) {
      const profile = args.profile ?? mutant.profile ?? 'default';
      const plan: Plan = {
        profile,
        settings: { judge },
        startsMax: args.starts,
        startMaxMs: args.cpuS * 1000,
        totalMaxMs: args.totalS * 1000,
        seedsMax: 100_000,
        shrinkRuns: args.shrink,
      };
      const starts = mutant.tests.length > 0 ? [await huntByTest(mutant)] : await huntFrom(mutant, plan, control);
      const entry: Entry = { id: mutant.id, rows: mutant.rows, profile, judge, commit, starts };
      if (starts.every((start) => !start.found)) missed += 1;
      if (args.save !== null) save(args.save, entry);
      const line = lineOf(entry);
      const message = starts.find((start) => start.found)?.message ?? '';
      process.stdout.write(args.json ? `${JSON.stringify(line)}\n` : `${formatLine(line)}: ${message.slice(0, 100)}\n`);
    }
  } finally {
    await control.close();
  }
  if (!args.json) process.stdout.write(`${mutants.length} mutations, ${missed} not found\n`);
  return missed === 0 ? 0 : 1;
}

function save(file: string, entry: Entry): void {
  const others = readEntries(file).filter(({ id, judge }) => id !== entry.id || judge !== entry.judge);
  writeEntries(file, [...others, entry]);
}

function commitOf(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

process.exitCode = await main(process.argv.slice(2));
