/** The command line of the simulator: what each flag takes, and one clear line for everything that is wrong. */

import { parseShard, type Shard } from '../campaign/ranges.ts';
import { CLIENTS_MAX, NODES_MAX } from '../schedule.ts';
import { BRANCH_POINTS_DEFAULT, BRANCH_RUNS_DEFAULT } from '../shrink/branch.ts';
import { RERUNS_DEFAULT } from '../shrink/shrink.ts';
import { PROFILES, type Profile } from '../swarm.ts';
import { type Flags, flagLines, type Given, readFlags, wholeNumber } from './flags.ts';

const RERUNS_MAX = 100_000;

export interface Args {
  readonly help: boolean;
  readonly seed: string | null;
  readonly nodes: number | null;
  readonly observers: number | null;
  readonly clients: number | null;
  readonly durationMs: number | null;
  readonly profile: Profile;
  readonly scenario: string | null;
  readonly schedule: string | null;
  readonly save: string | null;
  readonly trace: string | null;
  readonly html: string | null;
  readonly view: boolean;
  readonly history: string | null;
  readonly checkDeterminism: boolean;
  readonly lockstep: boolean;
  readonly shrink: boolean;
  readonly reruns: number;
  readonly branch: 'all' | { readonly from: number; readonly to: number } | null;
  readonly rekey: string;
  readonly runs: number;
  readonly points: number;
  readonly seeds: { readonly from: number; readonly to: number } | null;
  readonly jobs: number;
  readonly shard: Shard | null;
  readonly out: string | null;
  readonly merge: readonly string[] | null;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly unrestricted: boolean;
}

export type ParsedArgs = { readonly ok: true; readonly args: Args } | { readonly ok: false; readonly problem: string };

const FLAGS = {
  seed: { takes: 'TEXT', says: 'what the run is drawn from; default: a new one each time' },
  seeds: { takes: 'A..B', says: 'a campaign over these seeds' },
  shard: { takes: 'I/N', says: 'of a campaign only the Ith of N equal parts' },
  out: { takes: 'FILE', says: 'adds the results of a campaign to this file (docs/campaigns.md)' },
  merge: { takes: 'A,B,…', says: 'merges results files into --out, and does nothing else' },
  jobs: { takes: 'N', says: 'worker threads of a campaign; default 1' },
  profile: { takes: 'NAME', says: `what is drawn: ${Object.keys(PROFILES).join(', ')}` },
  nodes: { takes: 'N', says: 'voting servers' },
  observers: { takes: 'N', says: 'observing servers' },
  clients: { takes: 'N', says: 'clients' },
  duration: { takes: 'TIME', says: 'length of the phase with faults: 500ms, 30s, 2m' },
  scenario: { takes: 'NAME', says: 'a story from scenarios/ (list: all of them by name)' },
  schedule: { takes: 'FILE', says: 'the schedule to run, instead of drawing one' },
  save: { takes: 'FILE', says: 'writes the schedule' },
  trace: { takes: 'FILE', says: 'runs once more and writes every event and change of state, for the viewer' },
  html: { takes: 'FILE', says: 'writes the run as one page for any browser; a run that fails writes one by itself' },
  view: { takes: null, says: 'opens the run in the viewer' },
  history: { takes: 'FILE', says: 'writes what the clients asked and were told, as JSON lines' },
  'check-determinism': { takes: null, says: 'runs the seed twice, another, and it again; names the first difference' },
  lockstep: { takes: null, says: 'steps every server twice, raw and drafted, and compares' },
  shrink: { takes: null, says: 'makes a failing run as small as it can be, and writes it (--save, or failures/)' },
  reruns: { takes: 'N', says: 'runs that --shrink may spend; default 100' },
  branch: { takes: 'EVENT', says: 'goes on from there with other dice: EVENT, A..B or all; --save writes JSON' },
  rekey: { takes: 'PATTERN', says: 'which dice are others: network/*, lanes/2, client/*, ...; default *' },
  runs: { takes: 'N', says: 'runs from each event that --branch looks at; default 20' },
  points: { takes: 'N', says: 'events of a run that --branch looks at first; default 12' },
  unrestricted: { takes: null, says: 'allows faults that nobody survives; only silent divergence counts' },
  json: { takes: null, says: 'one JSON object a run, nothing else' },
  quiet: { takes: null, says: 'only the closing line' },
  help: { takes: null, says: 'this' },
} as const satisfies Flags;
type FlagName = keyof typeof FLAGS;

export function usage(): string {
  return [
    'usage: npm run sim -- [flags]',
    '',
    'Runs a whole ensemble in a seeded world and checks that it keeps its promises.',
    '',
    ...flagLines(FLAGS, 24),
    '',
    'exit codes: 0 all promises kept, 2 bad usage, 127 something threw, 128 no progress, 129 a promise was broken,',
    '            130 two runs of one seed differ, 131 merged files without a seed, or without canaries (npm run soak flies them)',
    '',
  ].join('\n');
}

export function parseArgs(argv: readonly string[]): ParsedArgs {
  const read = readFlags(FLAGS, argv);
  if (!read.ok) return read;
  const { given } = read;
  return given.words.length > 0 ? refuse(`unexpected word ${given.words[0]}`) : argsOf(given);
}

const refuse = (problem: string): { ok: false; problem: string } => ({ ok: false, problem });

function argsOf(given: Given<FlagName>): ParsedArgs {
  const problems: string[] = [];
  const { text } = given;
  const count = (name: FlagName, least: number, most: number): number | null => {
    const value = text(name);
    const number = value === null ? null : wholeNumber(value, least, most);
    if (value !== null && number === null)
      problems.push(`--${name} is ${value}, not a whole number from ${least} to ${most}`);
    return number;
  };
  const profile = text('profile') ?? 'default';
  if (!(profile in PROFILES)) problems.push(`--profile is ${profile}, not one of ${Object.keys(PROFILES).join(', ')}`);
  const seeds = seedsOf(text('seeds'), problems);
  const args: Args = {
    help: given.has('help'),
    seed: text('seed'),
    nodes: count('nodes', 1, NODES_MAX),
    observers: count('observers', 0, NODES_MAX),
    clients: count('clients', 0, CLIENTS_MAX),
    durationMs: durationOf(text('duration'), problems),
    profile: profile as Profile,
    scenario: text('scenario'),
    schedule: text('schedule'),
    save: text('save'),
    trace: text('trace'),
    html: text('html'),
    view: given.has('view'),
    history: text('history'),
    checkDeterminism: given.has('check-determinism'),
    lockstep: given.has('lockstep'),
    shrink: given.has('shrink'),
    shard: shardOf(text('shard'), problems),
    out: text('out'),
    merge: text('merge')?.split(',') ?? null,
    branch: branchOf(text('branch'), problems),
    rekey: text('rekey') ?? '*',
    runs: count('runs', 1, RERUNS_MAX) ?? BRANCH_RUNS_DEFAULT,
    points: count('points', 2, RERUNS_MAX) ?? BRANCH_POINTS_DEFAULT,
    reruns: count('reruns', 1, RERUNS_MAX) ?? RERUNS_DEFAULT,
    seeds,
    jobs: count('jobs', 1, 256) ?? 1,
    json: given.has('json'),
    quiet: given.has('quiet'),
    unrestricted: given.has('unrestricted'),
  };
  const clash = clashOf(args);
  if (clash !== null) problems.push(clash);
  return problems.length > 0 ? refuse(problems[0]!) : { ok: true, args };
}

function seedsOf(text: string | null, problems: string[]): Args['seeds'] {
  if (text === null) return null;
  const match = /^([0-9]{1,12})\.\.([0-9]{1,12})$/.exec(text);
  const [from, to] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && from <= to) return { from, to };
  problems.push(`--seeds is ${text}, not a range such as 1..100`);
  return null;
}

function shardOf(text: string | null, problems: string[]): Shard | null {
  const shard = text === null ? null : parseShard(text);
  if (text !== null && shard === null) problems.push(`--shard is ${text}, not a part such as 2/5`);
  return shard;
}

function branchOf(text: string | null, problems: string[]): Args['branch'] {
  if (text === null || text === 'all') return text;
  const match = /^([0-9]{1,12})(?:\.\.([0-9]{1,12}))?$/.exec(text);
  const from = Number(match?.[1]);
  const to = match?.[2] === undefined ? from : Number(match[2]);
  if (match !== null && from <= to) return { from, to };
  problems.push(`--branch is ${text}, not an event, a range A..B or all`);
  return null;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function durationOf(text: string | null, problems: string[]): number | null {
  if (text === null) return null;
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)$/.exec(text);
  if (match !== null) {
    const ms = Number(match[1]) * UNITS[match[2]!]!;
    if (ms >= 1 && ms <= 1e9) return ms;
  }
  problems.push(`--duration is ${text}, not a time such as 500ms, 30s or 2m`);
  return null;
}

function clashOf(args: Args): string | null {
  const sources = ['seeds', 'scenario', 'schedule'].filter(
    (name) => args[name as 'seeds' | 'scenario' | 'schedule'] !== null,
  );
  if (sources.length > 1) return `--${sources[0]} and --${sources[1]} exclude each other`;
  if (args.seeds !== null && args.seed !== null) return '--seeds and --seed exclude each other';
  if (args.seeds !== null && (args.trace ?? args.html ?? args.save ?? args.history) !== null)
    return '--seeds writes no files';
  if (args.seeds !== null && args.view) return '--seeds and --view exclude each other';
  if (args.merge !== null && args.out === null) return '--merge needs --out FILE';
  if (args.shard !== null && args.seeds === null) return '--shard needs --seeds A..B';
  if (args.out !== null && args.seeds === null && args.merge === null) return '--out needs --seeds A..B or --merge';
  if (args.seeds !== null && args.shrink)
    return '--shrink takes one run; the campaign prints a command for each failure';
  if (args.schedule !== null && args.seed !== null) return '--schedule has its own seed';
  return null;
}
