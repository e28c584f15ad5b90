/** The command line of a campaign. */

import { type Flags, flagLines, type Given, readFlags, wholeNumber } from '../cli/flags.ts';
import { PROFILES, type Profile } from '../swarm.ts';
import { SEED_LIMIT_MS } from './limits.ts';
import { parseRange, parseShard, type SeedRange, type Shard } from './ranges.ts';

export const COMMANDS = {
  run: 'on this machine (the default)',
  submit: 'puts the seeds into a queue on Redis',
  work: 'takes parts of the queue and runs them, until it is stopped',
  collect: 'waits for the queue and writes what was found',
  merge: 'makes one file of several: merge FILE... --out FILE',
} as const;
export type Command = keyof typeof COMMANDS;

export interface CampaignArgs {
  readonly command: Command;
  readonly help: boolean;
  readonly minutes: number | null;
  readonly seeds: SeedRange | null;
  readonly shard: Shard | null;
  readonly jobs: number | null;
  /** `all`: each in turn (`rotation.ts`). */
  readonly profile: Profile | 'all';
  readonly out: string | null;
  readonly canaries: boolean;
  readonly hunts: boolean;
  readonly redis: string;
  readonly queue: string;
  readonly part: number;
  readonly lockMs: number;
  /** Wall time that a seed may take. */
  readonly limitMs: number;
  readonly once: boolean;
  readonly files: readonly string[];
}

const FLAGS = {
  minutes: { takes: 'N', says: 'run: begin no seed after so long; default 30, or no limit with --seeds' },
  seeds: { takes: 'A..B', says: 'which seeds; default: from 1 on' },
  shard: { takes: 'I/N', says: 'run: only the Ith of N equal parts of the seeds' },
  jobs: { takes: 'N', says: 'run, work: threads; default: one for each core' },
  profile: {
    takes: 'NAME',
    says: `what is drawn: ${Object.keys(PROFILES).join(', ')}; all of them in turn without --seeds, or with all`,
  },
  out: { takes: 'FILE', says: 'where the results go; what is in the file already is kept' },
  'no-canaries': {
    takes: null,
    says: 'run, submit: skip the proof that mistakes are found; collect, merge: do not ask for it',
  },
  'no-zoo': { takes: null, says: 'run: hunt none of the bugs that really happened' },
  'limit-s': {
    takes: 'N',
    says: 'run, work: a seed that takes longer than so many seconds of wall time is given up; default 600',
  },
  redis: { takes: 'URL', says: 'submit, work, collect: default redis://127.0.0.1:6379, or VIVARIUM_REDIS' },
  queue: { takes: 'NAME', says: 'submit, work, collect: default vivarium' },
  part: { takes: 'N', says: 'submit: seeds that a worker takes at once; default 50' },
  'lock-ms': { takes: 'MS', says: 'work: a part whose worker is silent for so long goes to another; default 30000' },
  once: { takes: null, says: 'work: end when the queue is empty; collect: do not wait, also not for seeds' },
  help: { takes: null, says: 'this' },
} as const satisfies Flags;
type Flag = keyof typeof FLAGS;

export type ParsedCampaign =
  | { readonly ok: true; readonly args: CampaignArgs }
  | { readonly ok: false; readonly problem: string };

export function campaignUsage(): string {
  const row = (left: string, says: string): string => `  ${left.padEnd(20)}${says}`;
  return [
    'usage: npm run soak -- [COMMAND] [flags]',
    '',
    'Runs seeds and merges what they found.',
    '',
    ...Object.entries(COMMANDS).map(([name, says]) => row(name, says)),
    '',
    ...flagLines(FLAGS, 22),
    '',
    'exit codes: 0 all promises kept, 2 bad usage, 127 to 129 as npm run sim (127 a thread died too, 128 a seed was given up),',
    '            130 a seed gave two results, now or in what was in the file, 131 the campaign itself is broken: no seed was',
    '            run, no canary flown, one or a bug of the smoke set not found, a required mark not seen, a part not run,',
    '            or the search for linearizations differed from its definition',
    '',
  ].join('\n');
}

const NUMBER_MAX = 1e9;

export function parseCampaign(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ParsedCampaign {
  const read = readFlags(FLAGS, argv);
  return read.ok ? argsOf(read.given, env) : read;
}

const refuse = (problem: string): { ok: false; problem: string } => ({ ok: false, problem });

function argsOf(given: Given<Flag>, env: Readonly<Record<string, string | undefined>>): ParsedCampaign {
  const { words } = given;
  const problems: string[] = [];
  const count = (name: Flag, least: number): number | null => {
    const text = given.text(name);
    const number = text === null ? null : wholeNumber(text, least, NUMBER_MAX);
    if (text !== null && number === null) problems.push(`--${name} is ${text}, not a whole number from ${least}`);
    return number;
  };
  const parsed = <T>(name: Flag, parse: (text: string) => T | null, wanted: string): T | null => {
    const text = given.text(name);
    const value = text === null ? null : parse(text);
    if (text !== null && value === null) problems.push(`--${name} is ${text}, not ${wanted}`);
    return value;
  };
  const command = words[0] ?? 'run';
  if (!(command in COMMANDS)) problems.push(`there is no ${command}; there are ${Object.keys(COMMANDS).join(', ')}`);
  const files = words.slice(1);
  if (files.length > 0 && command !== 'merge') problems.push(`unexpected word ${files[0]}`);
  if (command === 'merge' && (files.length === 0 || !given.has('out')))
    problems.push('merge needs files and --out FILE');
  if (command === 'submit' && !given.has('seeds')) problems.push('submit needs --seeds A..B');
  const profile = given.text('profile') ?? (command === 'run' && !given.has('seeds') ? 'all' : 'default');
  if (profile === 'all' && command !== 'run') problems.push('--profile all is for a campaign on this machine');
  else if (profile !== 'all' && !(profile in PROFILES))
    problems.push(`--profile is ${profile}, not one of ${Object.keys(PROFILES).join(', ')}`);
  const args: CampaignArgs = {
    command: command as Command,
    help: given.has('help'),
    minutes: count('minutes', 1),
    seeds: parsed('seeds', parseRange, 'a range such as 1..100'),
    shard: parsed('shard', parseShard, 'a part such as 2/5'),
    jobs: count('jobs', 1),
    profile: profile as Profile | 'all',
    out: given.text('out'),
    canaries: !given.has('no-canaries'),
    hunts: !given.has('no-zoo'),
    redis: given.text('redis') ?? env.VIVARIUM_REDIS ?? 'redis://127.0.0.1:6379',
    queue: given.text('queue') ?? 'vivarium',
    part: count('part', 1) ?? 50,
    lockMs: count('lock-ms', 500) ?? 30_000,
    limitMs: (count('limit-s', 1) ?? SEED_LIMIT_MS / 1000) * 1000,
    once: given.has('once'),
    files,
  };
  return problems.length > 0 ? refuse(problems[0]!) : { ok: true, args };
}
