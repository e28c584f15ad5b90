/** `npm run explore`: the command line of the exploration. */

import { readFileSync, writeFileSync } from 'node:fs';
import { kindOf, PROPERTIES, type ViolationKind } from '../checkers/properties.ts';
import { type Flags, flagLines, readFlags } from '../cli/flags.ts';
import { formatSchedule } from '../schedule.ts';
import { plural } from '../text.ts';
import { parsePath, pathOf, replay } from './path.ts';
import { findScope, SCOPES, type Scope } from './scopes.ts';
import { cpuSeconds, type Limits, type Progress, type Report, search } from './search.ts';
import { scheduleOf } from './translate.ts';

const EXIT = { exhausted: 0, bounded: 1, usage: 2 } as const;
const EXIT_OF_KIND: Readonly<Record<ViolationKind, number>> = { crash: 127, liveness: 128, safety: 129 };

const FLAGS = {
  set: {
    takes: 'KEY=VALUE',
    says: 'changes the scope: writes, crashes, cuts, early, disk, tornJobs, …',
    repeats: true,
  },
  budget: { takes: 'N', says: 'ends after so many states; with an s (60s), after so many CPU seconds' },
  save: { takes: 'FILE', says: 'writes the counterexample' },
  schedule: { takes: 'FILE', says: 'writes its faults and writes for the simulator, as well as it can be said there' },
  replay: { takes: 'FILE', says: 'makes the steps of a counterexample again' },
  'all-orders': { takes: null, says: 'computes every order of independent actions, to compare' },
  json: { takes: null, says: 'one JSON object, nothing else' },
  help: { takes: null, says: 'this' },
} as const satisfies Flags;

const USAGE = `usage: npm run explore -- SCOPE [flags]
       npm run explore -- list
       npm run explore -- --replay FILE

  SCOPE                 the name of a scope, or a JSON file with one
${flagLines(FLAGS, 24).join('\n')}

exit codes: 0 exhausted, 1 ended by the budget, 2 bad usage, 127 something threw, 128 no progress, 129 a promise was broken
`;

interface Args {
  readonly words: readonly string[];
  readonly sets: readonly string[];
  readonly limits: Partial<Limits>;
  readonly save: string | null;
  readonly schedule: string | null;
  readonly replay: string | null;
  readonly allOrders: boolean;
  readonly json: boolean;
}

function parse(argv: readonly string[]): Args | string {
  const read = readFlags(FLAGS, argv);
  if (!read.ok) return read.problem;
  const { given } = read;
  if (given.has('help')) return USAGE;
  const budget = given.text('budget');
  const limits = budget === null ? {} : limitOf(budget);
  if (limits === null) return '--budget is a number of states, or of seconds: 2000000, 60s';
  const replay = given.text('replay');
  if ((given.words.length === 1) === (replay !== null)) return 'one scope, or one file to replay';
  return {
    words: given.words,
    sets: given.all('set'),
    limits,
    save: given.text('save'),
    schedule: given.text('schedule'),
    replay,
    allOrders: given.has('all-orders'),
    json: given.has('json'),
  };
}

function limitOf(text: string): Partial<Limits> | null {
  const match = /^(\d+)(s?)$/.exec(text);
  if (match === null) return null;
  return match[2] === 's' ? { cpuSecondsMax: Number(match[1]) } : { statesMax: Number(match[1]) };
}

function main(argv: readonly string[]): number {
  const args = parse(argv);
  if (args === USAGE) {
    process.stdout.write(USAGE);
    return EXIT.exhausted;
  }
  if (typeof args === 'string') return fail(args);
  if (args.replay !== null) return replayFile(args.replay, args.schedule);
  if (args.words[0] === 'list') return list();
  const scope = scopeOf(args.words[0]!, args.sets);
  return typeof scope === 'string' ? fail(scope) : explore(scope, args);
}

function fail(problem: string): number {
  process.stderr.write(`explore: ${problem}\n`);
  return EXIT.usage;
}

function list(): number {
  for (const { name, title } of SCOPES) process.stdout.write(`${name.padEnd(18)}${title}\n`);
  return EXIT.exhausted;
}

function scopeOf(name: string, sets: readonly string[]): Scope | string {
  let scope = findScope(name);
  if (scope === null && name.endsWith('.json')) {
    const text = read(name);
    if (text === null) return `cannot read ${name}`;
    scope = { ...SCOPES[0]!, ...(JSON.parse(text) as Partial<Scope>) };
  }
  if (scope === null) return `there is no scope ${name}; 'list' names them`;
  const changed: Record<string, unknown> = { ...scope };
  for (const set of sets) {
    const [key, value] = set.split('=', 2) as [string, string | undefined];
    const before = changed[key];
    if (value === undefined || before === undefined || typeof before === 'object')
      return `--set ${set}: no such setting`;
    changed[key] = typeof before === 'number' ? Number(value) : typeof before === 'boolean' ? value === 'true' : value;
    if (Number.isNaN(changed[key])) return `--set ${set}: not a number`;
  }
  return changed as unknown as Scope;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

// --- exploring -----------------------------------------------------------------------------------------------------------

const count = (value: number): string => Math.round(value).toLocaleString('en-US');

function explore(scope: Scope, args: Args): number {
  const live = process.stderr.isTTY === true && !args.json;
  if (!args.json) process.stdout.write(`${scope.name}  ${scope.title}\n${settingsOf(scope)}\n`);
  const startedAt = cpuSeconds();
  const report = search(scope, {
    limits: args.limits,
    allOrders: args.allOrders,
    onProgress: (progress) => {
      if (live) process.stderr.write(`\r\u001b[K${progressLine(progress, cpuSeconds() - startedAt)}`);
    },
  });
  if (live) process.stderr.write('\r\u001b[K');
  const path = report.violation === null ? null : pathOf(scope, report.violation);
  if (path !== null && args.save !== null) writeFileSync(args.save, `${JSON.stringify(path, null, 2)}\n`);
  if (path !== null && args.schedule !== null) writeFileSync(args.schedule, formatSchedule(scheduleOf(path)));
  if (args.json) process.stdout.write(`${JSON.stringify({ ...report, path: path?.actions ?? null })}\n`);
  else tell(report);
  if (path !== null && !args.json) {
    for (const line of replay(path).lines) process.stdout.write(`${line}\n`);
    if (args.save !== null) process.stdout.write(`again: npm run explore -- --replay ${args.save}\n`);
  }
  if (report.violation !== null) return EXIT_OF_KIND[kindOf(report.violation.fault.property)];
  return report.verdict === 'exhausted' ? EXIT.exhausted : EXIT.bounded;
}

function settingsOf({ servers, writes, crashes, cuts, early, disk, tornJobs, election }: Scope): string {
  const faults = [plural(writes, 'write'), plural(crashes, 'crash', 'crashes'), plural(cuts, 'cut')];
  if (early > 0) faults.push(plural(early, 'early timeout'));
  const disks = disk === 'atomic' ? 'disks at once' : `disks in jobs${tornJobs ? ', torn by a crash' : ''}`;
  const votes = election === 'whole' ? 'elections message by message' : 'elections in one order';
  return `  ${plural(servers, 'server')}, ${faults.join(', ')}; ${disks}; ${votes}`;
}

const chance = (probability: number): string => (probability === 0 ? '0' : probability.toExponential(0));

function progressLine({ states, depth, queue, transitions }: Progress, seconds: number): string {
  const rate = count(states / Math.max(seconds, 0.001));
  const probability = chance(states ** 2 / 2 ** 65);
  return `${count(states)} states  depth ${depth}  queue ${count(queue)}  ${count(transitions)} transitions  ${rate}/s  collision ${probability}`;
}

function tell(report: Report): void {
  const { states, cpuSeconds: cpu, locals, steps } = report;
  const out = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  out(
    `  states       ${count(states)}, the farthest ${report.depth} actions from the start; ${count(report.quiet)} in which nothing is left to happen`,
  );
  out(
    `  transitions  ${count(report.transitions)} computed, ${count(report.pruned)} left out as another order of the same actions`,
  );
  out(
    `  servers      ${count(locals)} local states, ${count(report.localTransitions)} transitions of them, ${count(steps)} steps of the core`,
  );
  out(`  memory       ${report.bytesPerState.toFixed(1)} bytes a visited state`);
  if (report.beyond > 0)
    out(`  bound        ${count(report.beyond)} states in a later election round were not followed`);
  out(`  missed       a state with probability ${chance(report.collisionProbability)}, by equal fingerprints`);
  const figures = `states=${states} cpu=${cpu.toFixed(2)} rate=${Math.round(states / cpu)}/s`;
  if (report.violation === null) return out(`${report.verdict === 'exhausted' ? 'EXHAUSTED' : 'BOUNDED'}  ${figures}`);
  const { fault, actions } = report.violation;
  out(`VIOLATION  ${fault.property}: ${PROPERTIES[fault.property]}`);
  out(`  ${fault.message}`);
  out(`  ${figures} after ${plural(actions.length, 'action')}:`);
}

function replayFile(file: string, schedule: string | null): number {
  const text = read(file);
  if (text === null) return fail(`cannot read ${file}`);
  const parsed = parsePath(text);
  if (!parsed.ok) return fail(`${file}: ${parsed.problem}`);
  if (schedule !== null) writeFileSync(schedule, formatSchedule(scheduleOf(parsed.value)));
  const { fault, skipped, lines } = replay(parsed.value);
  for (const line of lines) process.stdout.write(`${line}\n`);
  if (skipped.length > 0) process.stdout.write(`  not possible: ${skipped.join(', ')}\n`);
  if (fault === null) {
    process.stdout.write(`nothing is broken; the file expects ${parsed.value.expect.property}\n`);
    return EXIT.exhausted;
  }
  process.stdout.write(`VIOLATION  ${fault.property}: ${fault.message}\n`);
  return EXIT_OF_KIND[kindOf(fault.property)];
}

process.exitCode = main(process.argv.slice(2));
