/** `npm run explore`: the command line of the exploration. */

import { readFileSync, writeFileSync } from 'node:fs';
import { kindOf, PROPERTIES, type ViolationKind } from '../checkers/properties.ts';
import { type Flags, flagLines, readFlags } from '../cli/flags.ts';
import { formatSchedule } from '../schedule.ts';
import { plural } from '../text.ts';
import { parsePath, pathOf, type Replayed, replay } from './path.ts';
import { findScope, type ParsedScope, SCOPES, type Scope, scopeFrom } from './scopes.ts';
import { BadPrologue, cpuSeconds, type Limits, type Progress, type Report, searching } from './search.ts';
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
  'all-fields': { takes: null, says: 'keeps what servers will not read again, to compare' },
  json: { takes: null, says: 'one JSON object, nothing else' },
  help: { takes: null, says: 'this' },
} as const satisfies Flags;

const USAGE = `usage: npm run explore -- SCOPE [flags]
       npm run explore -- list
       npm run explore -- --replay FILE

  SCOPE                 the name of a scope, or a JSON file with one
${flagLines(FLAGS, 24).join('\n')}

exit codes: 0 exhausted, 1 ended by the budget or Ctrl-C, 2 bad usage, 127 something threw, 128 no progress, 129 a promise was broken
`;

interface Args {
  readonly words: readonly string[];
  readonly sets: readonly string[];
  readonly limits: Partial<Limits>;
  readonly save: string | null;
  readonly schedule: string | null;
  readonly replay: string | null;
  readonly allOrders: boolean;
  readonly allFields: boolean;
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
    allFields: given.has('all-fields'),
    json: given.has('json'),
  };
}

function limitOf(text: string): Partial<Limits> | null {
  const match = /^(\d+)(s?)$/.exec(text);
  if (match === null) return null;
  return match[2] === 's' ? { cpuSecondsMax: Number(match[1]) } : { statesMax: Number(match[1]) };
}

async function main(argv: readonly string[]): Promise<number> {
  const args = parse(argv);
  if (args === USAGE) {
    process.stdout.write(USAGE);
    return EXIT.exhausted;
  }
  if (typeof args === 'string') return fail(args);
  if (args.replay !== null) return replayFile(args.replay, args.schedule);
  if (args.words[0] === 'list') return list();
  const scope = scopeOf(args.words[0]!, args.sets);
  return scope.ok ? explore(scope.value, args) : fail(scope.problem);
}

function fail(problem: string): number {
  process.stderr.write(`explore: ${problem}\n`);
  return EXIT.usage;
}

function list(): number {
  for (const { name, title } of SCOPES) process.stdout.write(`${name.padEnd(18)}${title}\n`);
  return EXIT.exhausted;
}

function scopeOf(name: string, sets: readonly string[]): ParsedScope {
  const given = name.endsWith('.json') ? readScope(name) : findScope(name);
  if (typeof given === 'string') return { ok: false, problem: `${name}: ${given}` };
  if (given === null) return { ok: false, problem: `there is no scope ${name}; 'list' names them` };
  const changed: Record<string, unknown> = { ...given };
  for (const set of sets) {
    const at = set.indexOf('=');
    if (at < 1) return { ok: false, problem: `--set ${set}: KEY=VALUE is wanted` };
    const [key, text] = [set.slice(0, at), set.slice(at + 1)];
    if (key === 'prologue' || key === 'config') return { ok: false, problem: `--set ${key}: only in a file` };
    const isWord = key in given && typeof (given as unknown as Record<string, unknown>)[key] === 'string';
    changed[key] = isWord ? text : settingOf(text);
  }
  const parsed = scopeFrom(changed);
  return parsed.ok ? parsed : { ok: false, problem: `${name}: ${parsed.problem}` };
}

/** A number, true, false; anything else is no value of a setting. */
function settingOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?[0-9]+$/.test(text) ? Number(text) : text;
}

function readScope(file: string): object | string {
  const text = read(file);
  if (text === null) return 'cannot be read';
  try {
    return JSON.parse(text) as object;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** A file that cannot be written loses nothing else of the result. */
function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    process.stderr.write(`explore: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

// --- exploring -----------------------------------------------------------------------------------------------------------

const count = (value: number): string => Math.round(value).toLocaleString('en-US');

async function explore(scope: Scope, args: Args): Promise<number> {
  const live = process.stderr.isTTY === true && !args.json;
  if (!args.json) process.stdout.write(`${scope.name}  ${scope.title}\n${settingsOf(scope)}\n`);
  const report = await searchAndSay(scope, args, live);
  if (typeof report === 'string') return fail(report);
  const path = report.violation === null ? null : pathOf(scope, report.violation);
  if (path !== null && args.save !== null) write(args.save, `${JSON.stringify(path, null, 2)}\n`);
  if (path !== null && args.schedule !== null) write(args.schedule, formatSchedule(scheduleOf(path)));
  if (args.json) process.stdout.write(`${JSON.stringify({ ...report, path: path?.actions ?? null })}\n`);
  else tell(report);
  if (path !== null && !args.json) {
    for (const line of replay(path).lines) process.stdout.write(`${line}\n`);
    if (args.save !== null) process.stdout.write(`again: npm run explore -- --replay ${args.save}\n`);
  }
  if (report.violation !== null) return EXIT_OF_KIND[kindOf(report.violation.fault.property)];
  return report.verdict === 'exhausted' ? EXIT.exhausted : EXIT.bounded;
}

const REDRAW_MS = 100;

/** Searches, with a pause now and then in which Ctrl-C is heard; it ends the search like a budget. */
async function searchAndSay(
  scope: Scope,
  { limits, allOrders, allFields }: Args,
  live: boolean,
): Promise<Report | string> {
  const startedAt = cpuSeconds();
  let isEnough = false;
  let drawnAtMs = 0;
  const onInterrupt = (): void => {
    isEnough = true;
  };
  process.once('SIGINT', onInterrupt);
  try {
    const going = searching(scope, { limits, allOrders, allFields });
    for (;;) {
      const { done, value } = going.next(isEnough);
      if (done === true) return value;
      if (live && Date.now() - drawnAtMs >= REDRAW_MS) {
        drawnAtMs = Date.now();
        process.stderr.write(`\r\u001b[K${progressLine(value, cpuSeconds() - startedAt)}`);
      }
      await new Promise(setImmediate);
    }
  } catch (error) {
    if (error instanceof BadPrologue) return error.message;
    throw error;
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    if (live) process.stderr.write('\r\u001b[K');
  }
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
  let replayed: Replayed;
  try {
    replayed = replay(parsed.value);
    if (schedule !== null) write(schedule, formatSchedule(scheduleOf(parsed.value)));
  } catch (error) {
    if (error instanceof BadPrologue) return fail(`${file}: ${error.message}`);
    throw error;
  }
  const { fault, skipped, lines } = replayed;
  for (const line of lines) process.stdout.write(`${line}\n`);
  if (skipped.length > 0) process.stdout.write(`  not possible: ${skipped.join(', ')}\n`);
  if (fault === null) {
    process.stdout.write(`nothing is broken; the file expects ${parsed.value.expect.property}\n`);
    return EXIT.exhausted;
  }
  process.stdout.write(`VIOLATION  ${fault.property}: ${fault.message}\n`);
  return EXIT_OF_KIND[kindOf(fault.property)];
}

process.exitCode = await main(process.argv.slice(2));
