/**
 * `npm run mutation [-- FLAGS]`: which mistakes the simulator does not notice.
 *
 * A sample of all mechanical mutations of `core/`, the same number from each folder, is run seed after seed under all checks.
 * First an instrumented simulator says which mutations a seed reaches at all, so that none is run where nothing can show.
 * What survives is printed with its place: either it changes nothing that was promised, or a checker is missing.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Flags, flagLines, readFlags, wholeNumber } from '../../sim/cli/flags.ts';
import { makeStream } from '../../sim/world/random.ts';
import { projectRoot } from '../mutants/catalog.ts';
import { applyMutation, instrument, type Mutation, mutationsOf } from './operators.ts';
import { type Fate, fateOf, startSimulator } from './simulator.ts';
import { noticedByTests } from './units.ts';

const FLAGS = {
  sample: { takes: 'N', says: 'mutations of each folder of core (10)' },
  seed: { takes: 'TEXT', says: 'which ones (1)' },
  seeds: { takes: 'N', says: 'run each under up to N default seeds that reach it (20)' },
  folder: { takes: 'NAME', says: 'only those of core/NAME; . for the files of core itself' },
  at: { takes: 'FILE[:LINE]', says: 'all mutations of this place instead of a sample: core/peer.ts:266' },
  units: { takes: null, says: 'run what survives under the unit tests of its folder as well' },
  json: { takes: 'FILE', says: 'write every mutation and what became of it' },
  help: { takes: null, says: 'this' },
} as const satisfies Flags;

const USAGE = `usage: npm run mutation -- [flags]

${flagLines(FLAGS, 21).join('\n')}
`;

interface Place {
  readonly file: string;
  readonly line: number | null;
}

interface Args {
  readonly sample: number;
  readonly seed: string;
  readonly seeds: number;
  readonly folder: string | null;
  readonly at: Place | null;
  readonly units: boolean;
  readonly json: string | null;
}

/**
 * `killed`: a promise was seen broken. `lost`: the run did not end, or died. `unseen`: every run went as without it.
 * `tested`: the simulator noticed nothing, and a unit test or transcript did. `harmless`: runs went otherwise, and no promise was broken. `unreached`: no seed comes there.
 */
type Outcome = 'killed' | 'lost' | 'tested' | 'harmless' | 'unseen' | 'unreached';

interface Judged {
  readonly mutation: Mutation;
  readonly outcome: Outcome;
  /** What noticed it, and what it said. */
  readonly by: string;
  readonly said: string;
  /** How many seeds were run. */
  readonly seeds: number;
}

interface Site {
  readonly mutation: Mutation;
  readonly index: number;
}

const folderOf = (file: string): string => {
  const parts = file.split('/');
  return parts.length > 2 ? parts[1]! : '.';
};

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

const sourceOf = (file: string): string => readFileSync(join(projectRoot(), file), 'utf8');

/** The arguments, the usage where it was asked for, or what is wrong. */
function parse(argv: readonly string[]): Args | string {
  const read = readFlags(FLAGS, argv);
  if (!read.ok) return read.problem;
  const { given } = read;
  if (given.has('help')) return USAGE;
  if (given.words.length > 0) return `unexpected word ${given.words[0]}`;
  const sample = wholeNumber(given.text('sample') ?? '10', 1, 1_000_000);
  if (sample === null) return '--sample is a whole number from 1';
  const seeds = wholeNumber(given.text('seeds') ?? '20', 1, 1_000_000);
  if (seeds === null) return '--seeds is a whole number from 1';
  const at = given.text('at');
  const place = at === null ? null : /^([^:]+)(?::(\d+))?$/.exec(at);
  if (at !== null && place === null) return '--at is a file of core, or one of its lines: core/peer.ts:266';
  return {
    sample,
    seeds,
    seed: given.text('seed') ?? '1',
    folder: given.text('folder'),
    at: place === null ? null : { file: place[1]!, line: place[2] === undefined ? null : Number(place[2]) },
    units: given.has('units'),
    json: given.text('json'),
  };
}

function fail(problem: string): number {
  process.stderr.write(`mutation: ${problem}\n`);
  return 2;
}

function sitesOfCore(): Site[] {
  const files = readdirSync(join(projectRoot(), 'core'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `core/${name.replaceAll('\\', '/')}`)
    .sort();
  const mutations = files.flatMap((file) => mutationsOf(file, sourceOf(file)));
  return mutations.map((mutation, index) => ({ mutation, index }));
}

/** Runs the unmutated simulator and says for each seed which sites it reaches and how it ends. */
async function explore(sites: readonly Site[], seeds: readonly string[]): Promise<Map<string, Baseline>> {
  const byFile = groupBy(sites, ({ mutation }) => mutation.file);
  const simulator = await startSimulator(
    'reach',
    (file, text) => {
      const mine = byFile.get(file);
      const first = mine?.[0];
      if (mine === undefined || first === undefined) return null;
      return instrument(
        text,
        mine.map(({ mutation }) => mutation),
        first.index,
      );
    },
    `const reachedMarks = (globalThis.reached = new Uint8Array(${sites.length}));`,
  );
  const baselines = new Map<string, Baseline>();
  try {
    for (const seed of seeds) {
      const fate = await fateOf(simulator, seed);
      if ('lost' in fate) throw new Error(`seed ${seed} of the unmutated simulator: ${fate.lost}`);
      if (fate.broken !== null) continue;
      baselines.set(seed, { hash: fate.hash, reached: fate.reached ?? new Uint8Array(0) });
    }
  } finally {
    await simulator.close();
  }
  return baselines;
}

interface Baseline {
  readonly hash: string;
  /** Reached by this seed or one before it. */
  readonly reached: Uint8Array;
}

async function judge({ mutation, index }: Site, baselines: ReadonlyMap<string, Baseline>): Promise<Judged> {
  // The first seed that reaches it, and all that follow: others reach it too, as a rule.
  const seeds = [...baselines.keys()].filter((seed) => baselines.get(seed)!.reached[index] === 1);
  const done = (outcome: Outcome, by = '', said = '', run = 0): Judged => ({ mutation, outcome, by, said, seeds: run });
  if (seeds.length === 0) return done('unreached');
  const simulator = await startSimulator('one', (file, text) =>
    file === mutation.file ? applyMutation(text, mutation) : null,
  );
  let isSeen = false;
  try {
    for (const [i, seed] of seeds.entries()) {
      const fate: Fate = await fateOf(simulator, seed);
      if ('lost' in fate) return done('lost', 'thread', fate.lost, i + 1);
      if (fate.broken !== null) return done('killed', fate.broken.property, fate.broken.message, i + 1);
      isSeen ||= fate.hash !== baselines.get(seed)!.hash;
    }
  } finally {
    await simulator.close();
  }
  return done(isSeen ? 'harmless' : 'unseen', '', '', seeds.length);
}

/** The verdict once the unit tests have been asked. */
function withTests(judged: Judged): Judged {
  if (judged.outcome === 'killed' || judged.outcome === 'lost') return judged;
  const noticed = noticedByTests(judged.mutation, folderOf(judged.mutation.file));
  return noticed === null ? judged : { ...judged, outcome: 'tested', by: 'a test', said: noticed };
}

function sampleOf(sites: readonly Site[], { sample, seed, folder, at }: Args): Site[] {
  if (at !== null)
    return sites.filter(({ mutation: { file, line } }) => file === at.file && (at.line === null || line === at.line));
  const chosen: Site[] = [];
  const byFolder = groupBy(sites, ({ mutation }) => folderOf(mutation.file));
  for (const [name, all] of byFolder) {
    if (folder !== null && folder !== name) continue;
    chosen.push(...makeStream(seed, `mutation/${name}`).shuffled(all).slice(0, sample));
  }
  return chosen;
}

const OUTCOMES: readonly Outcome[] = ['killed', 'lost', 'tested', 'harmless', 'unseen', 'unreached'];

function tell({ mutation, outcome, by, said, seeds }: Judged): string {
  const { file, line, operator, start, end } = mutation;
  const text = sourceOf(file).slice(start, end).replaceAll(/\s+/g, ' ').slice(0, 70);
  const what = by === '' ? `${seeds} seeds` : `${by} after ${seeds}: ${said.split('\n')[0]?.slice(0, 90)}`;
  return `${outcome.padEnd(9)} ${file}:${line}  ${operator}  ${text}  (${what})\n`;
}

function table(judged: readonly Judged[]): string {
  const byFolder = groupBy(judged, ({ mutation }) => folderOf(mutation.file));
  const row = (name: string, cells: readonly (string | number)[]): string =>
    `${name.padEnd(10)}${cells.map((cell) => String(cell).padStart(10)).join('')}\n`;
  let out = row('folder', OUTCOMES);
  const count = (list: readonly Judged[], outcome: Outcome): number =>
    list.filter((one) => one.outcome === outcome).length;
  for (const [name, list] of byFolder)
    out += row(
      name,
      OUTCOMES.map((outcome) => count(list, outcome)),
    );
  return (
    out +
    row(
      'all',
      OUTCOMES.map((outcome) => count(judged, outcome)),
    )
  );
}

async function main(argv: readonly string[]): Promise<number> {
  const args = parse(argv);
  if (args === USAGE) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (typeof args === 'string') return fail(args);
  const sites = sitesOfCore();
  const chosen = sampleOf(sites, args);
  if (chosen.length === 0) {
    const { at, folder } = args;
    return fail(
      at === null
        ? `there is no core/${folder}`
        : `there is nothing to mutate at ${at.file}${at.line === null ? '' : `:${at.line}`}`,
    );
  }
  const seeds = Array.from({ length: args.seeds }, (_, i) => String(i + 1));
  const baselines = await explore(sites, seeds);
  const last = [...baselines.values()].at(-1);
  const reached = last?.reached.reduce((sum, bit) => sum + bit, 0) ?? 0;
  process.stdout.write(
    `${sites.length} places, ${reached} of them reached by ${baselines.size} seeds; ${chosen.length} tried\n`,
  );
  const judged: Judged[] = [];
  for (const site of chosen) {
    const one = await judge(site, baselines);
    judged.push(args.units ? withTests(one) : one);
    process.stdout.write(tell(judged.at(-1)!));
  }
  process.stdout.write(`\n${table(judged)}`);
  if (args.json !== null) writeFileSync(args.json, `${JSON.stringify(judged, null, 1)}\n`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
