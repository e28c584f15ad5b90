/** `npm run sim`: the command line of the simulator. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { findScenario, SCENARIOS } from '../scenarios/index.ts';
import { closeAll, EXIT, EXIT_OF } from './campaign/closing.ts';
import { mergeInto, readOrNothing, writeResults } from './campaign/files.ts';
import { seedsOf } from './campaign/ranges.ts';
import { Results, rowOf } from './campaign/results.ts';
import type { SeedResult } from './campaign/seed.ts';
import { campaign, serveAsWorker } from './campaign/threads.ts';
import { toJsonLines } from './checkers/history/record.ts';
import { shrinkHistory } from './checkers/history/shrunk.ts';
import type { Violation } from './checkers/properties.ts';
import { type Args, parseArgs, usage } from './cli/args.ts';
import { branchAndTell } from './cli/branch.ts';
import { commitOf, exactCommitOf } from './cli/commit.ts';
import { checkDeterminism } from './cli/determinism.ts';
import { shrunkLines } from './cli/judge.ts';
import { Reporter, type Screen } from './cli/report.ts';
import { shrinkAndTell } from './cli/shrink.ts';
import { failureFile, openViewer, writePage } from './cli/view.ts';
import { runLockstep } from './lockstep.ts';
import { type Result, type RunSettings, run, unmetExpectations } from './runner.ts';
import { formatSchedule, parseSchedule, type RunOptions, type Schedule } from './schedule.ts';
import { generate } from './swarm.ts';
import { plural } from './text.ts';
import { explainEvents, traceTo } from './trace.ts';
import { SECRET_PREFIX } from './workload.ts';

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseArgs(argv);
  if (!parsed.ok) return fail(parsed.problem);
  const { args } = parsed;
  if (args.help) {
    process.stdout.write(usage());
    return EXIT.ok;
  }
  if (args.scenario === 'list') return listScenarios();
  if (args.merge !== null) return runMerge(args.merge, args.out!);
  if (args.seeds !== null) return runCampaign(args, args.seeds);
  const schedule = scheduleOf(args);
  if (typeof schedule === 'string') return fail(schedule);
  if (args.shrink) return runShrink(args, schedule);
  if (args.branch !== null) return runBranches(args, args.branch, schedule);
  if (args.save !== null) writeFileSync(args.save, formatSchedule(schedule));
  return args.checkDeterminism ? runDeterminism(args, schedule) : runOne(args, schedule);
}

function fail(problem: string): number {
  process.stderr.write(`sim: ${problem}\n`);
  return EXIT.usage;
}

function listScenarios(): number {
  for (const scenario of SCENARIOS) process.stdout.write(`${scenario.name.padEnd(28)}${scenario.title}\n`);
  return EXIT.ok;
}

function optionsOf(args: Args): Partial<RunOptions> {
  return {
    ...(args.nodes === null ? {} : { nodes: args.nodes }),
    ...(args.observers === null ? {} : { observers: args.observers }),
    ...(args.clients === null ? {} : { clients: args.clients }),
    ...(args.durationMs === null ? {} : { duration: args.durationMs }),
    ...(args.unrestricted ? { unrestricted: true } : {}),
  };
}

/** The schedule that the flags ask for, or what is wrong with them. */
function scheduleOf(args: Args): Schedule | string {
  const commit = commitOf();
  const options = optionsOf(args);
  if (args.scenario !== null) {
    const scenario = findScenario(args.scenario);
    if (scenario === null) return `there is no scenario ${args.scenario}; --scenario list names them`;
    const { schedule } = scenario;
    return { ...schedule, commit, seed: args.seed ?? schedule.seed, options: { ...schedule.options, ...options } };
  }
  if (args.schedule !== null) {
    const read = readSchedule(args.schedule);
    return typeof read === 'string' ? read : { ...read, options: { ...read.options, ...options } };
  }
  const seed = args.seed ?? String(Date.now() % 1_000_000_000);
  return generate({ seed, profile: args.profile, commit, options });
}

function readSchedule(path: string): Schedule | string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`;
  }
  const parsed = parseSchedule(text);
  if (parsed.ok) return parsed.value;
  return `${path}: ${parsed.problems.join('; ')}`;
}

function screenOf(): Screen {
  const live = process.stdout.isTTY === true;
  return {
    write: (text) => {
      process.stdout.write(text);
    },
    live,
    color: live && (process.env.NO_COLOR ?? '') === '',
    columns: process.stdout.columns ?? 100,
    nowMs: () => performance.now(),
  };
}

function runOne(args: Args, schedule: Schedule): number {
  const reporter = new Reporter(screenOf(), args.quiet || args.json);
  reporter.opening(schedule);
  const started = process.cpuUsage();
  const result = run(schedule, {
    ...settingsOf(args),
    keepHistory: args.history !== null,
    onMoment: (moment) => reporter.moment(moment),
    onProgress: (progress) => reporter.progress(progress),
  });
  const used = process.cpuUsage(started);
  const cpuMs = (used.user + used.system) / 1000;
  if (args.history !== null) writeFileSync(args.history, [...toJsonLines(result.history)].join(''));
  const isTraced = args.trace === null || traceTo(args.trace, schedule) === result.hash;
  if (args.json) process.stdout.write(`${JSON.stringify(summary(schedule, result, cpuMs))}\n`);
  else report(reporter, args, schedule, result, cpuMs);
  if (!isTraced) {
    process.stderr.write('sim: the traced pass is another run than the first\n');
    return EXIT.nondeterminism;
  }
  const exit = exitCodeOf(schedule, result, reporter, args);
  show(args, schedule, exit, reporter);
  return exit;
}

/** The run as a picture: where it was asked for, and whenever a run fails that somebody is looking at. */
function show(args: Args, schedule: Schedule, exit: number, reporter: Reporter): void {
  const isWatched = !args.quiet && !args.json;
  const page = args.html ?? (exit !== EXIT.ok && isWatched && !args.view ? failureFile(schedule, 'html') : null);
  if (page !== null) {
    const problem = writePage(schedule, page);
    if (problem !== null) process.stderr.write(`sim: no picture of the run: ${problem}\n`);
    else if (isWatched) reporter.line(`picture    ${page}: the whole run in one page, for any browser`);
  }
  if (args.view) openViewer(schedule);
}

function runBranches(args: Args, from: NonNullable<Args['branch']>, schedule: Schedule): number {
  const { rekey: pattern, runs, points, save } = args;
  const problem = branchAndTell(schedule, { from, pattern, runs, points, save }, new Reporter(screenOf(), args.quiet));
  return problem === null ? EXIT.ok : fail(problem);
}

/** Shrinks, then runs what came out as any schedule is run: its story is the explanation. */
function runShrink(args: Args, schedule: Schedule): number {
  const reporter = new Reporter(screenOf(), args.quiet);
  const shrunk = shrinkAndTell(schedule, { rerunsMax: args.reruns, save: args.save }, reporter);
  if (shrunk === null) return EXIT.ok;
  const { expect: _, ...rest } = shrunk.shrunk.schedule;
  return runOne({ ...args, scenario: null, schedule: shrunk.file, json: false, trace: null, history: null }, rest);
}

const settingsOf = (args: Args): RunSettings => (args.lockstep ? { runner: runLockstep } : {});

function report(reporter: Reporter, args: Args, schedule: Schedule, result: Result, cpuMs: number): void {
  if (result.violations.length > 0) {
    const ids = new Set(result.violations.flatMap((violation: Violation) => violation.events));
    const explained = explainEvents(schedule, ids, settingsOf(args));
    for (const violation of result.violations) {
      reporter.violation(
        violation,
        violation.events.map((id) => explained.get(id) ?? `event ${id}`),
      );
    }
    tellHistory(args, schedule, result, reporter);
    reporter.replay(schedule, commandOf(args, schedule));
    if (!args.shrink) reporter.line(`  shrink: ${commandOf(args, schedule)} --shrink`);
  }
  const unknown = result.ops.filter(({ fate }) => fate === 'unknown').map(({ id }) => id);
  if (unknown.length > 0) {
    const said = schedule.ops.filter(({ id }) => unknown.includes(id)).map((op) => `${op.id} ${op.do}`);
    reporter.line(
      `${plural(unknown.length, 'operation')} of the schedule unknown to this version, skipped: ${said.join(', ')}`,
    );
  }
  reporter.closing(result, cpuMs);
}

/**
 * The shrunk history, where what clients were told broke the promise, and the whole of it in a file. Histories are kept in a
 * pass of their own: most runs are never asked for theirs.
 */
function tellHistory(args: Args, schedule: Schedule, result: Result, reporter: Reporter): void {
  if (result.violations.every(({ conflict }) => conflict === undefined)) return;
  const { history } = result.history.length > 0 ? result : run(schedule, { ...settingsOf(args), keepHistory: true });
  const shrunk = shrinkHistory(history, { oracle: 'committed', secretPrefix: SECRET_PREFIX });
  if (shrunk === null) return;
  reporter.line();
  for (const line of shrunkLines(shrunk)) reporter.line(`  ${line}`.trimEnd());
  const file = args.history ?? failureFile(schedule, 'history.jsonl');
  if (args.history === null) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, [...toJsonLines(history)].join(''));
  }
  reporter.line(`  history: npm run check -- ${file} --spec zookeeper`);
}

/** The command that gives the same run again. */
function commandOf(args: Args, schedule: Pick<Schedule, 'seed'>): string {
  const words = ['npm run sim --'];
  if (args.scenario !== null) words.push(`--scenario ${args.scenario}`);
  if (args.schedule !== null) words.push(`--schedule ${args.schedule}`);
  else words.push(`--seed ${schedule.seed}`);
  if (args.profile !== 'default') words.push(`--profile ${args.profile}`);
  if (args.nodes !== null) words.push(`--nodes ${args.nodes}`);
  if (args.observers !== null) words.push(`--observers ${args.observers}`);
  if (args.clients !== null) words.push(`--clients ${args.clients}`);
  if (args.durationMs !== null) words.push(`--duration ${args.durationMs}ms`);
  if (args.unrestricted) words.push('--unrestricted');
  return words.join(' ');
}

function exitCodeOf(schedule: Schedule, result: Result, reporter: Reporter, args: Args): number {
  if (schedule.expect === undefined) return EXIT_OF[result.verdict];
  const unmet = unmetExpectations(schedule.expect, result);
  if (!args.json) for (const text of unmet) reporter.line(`not as expected: ${text}`);
  if (unmet.length === 0) return EXIT.ok;
  return result.verdict === 'ok' ? EXIT.safety : EXIT_OF[result.verdict];
}

function summary(schedule: Schedule, result: Result, cpuMs: number): object {
  const { verdict, violations, hash, events, stats, marks } = result;
  const { seed, commit, profile } = schedule;
  return { seed, commit, profile, verdict, hash, events, cpuMs, violations, stats, marks };
}

function runDeterminism(args: Args, schedule: Schedule): number {
  const other = generate({
    seed: `${schedule.seed} again`,
    profile: args.profile,
    commit: schedule.commit,
    options: {},
  });
  const difference = checkDeterminism(schedule, other, settingsOf(args));
  if (difference === null) {
    process.stdout.write(`seed ${schedule.seed}: three runs, one hash\n`);
    return EXIT.ok;
  }
  process.stdout.write(
    `seed ${schedule.seed}: ${difference.runs} run differ from event ${difference.index} on\n  ${difference.left}\n  ${difference.right}\n`,
  );
  return EXIT.nondeterminism;
}

async function runCampaign(args: Args, seeds: { readonly from: number; readonly to: number }): Promise<number> {
  const key = { commit: exactCommitOf(), profile: args.profile, options: optionsOf(args) };
  const tasks = Array.from(seedsOf(seeds, args.shard), (seed) => ({ ...key, seed: String(seed) }));
  const results = new Results();
  const failed: SeedResult[] = [];
  let events = 0;
  let cpuMs = 0;
  await campaign(tasks, args.jobs, (result) => {
    events += result.events;
    cpuMs += result.cpuMs;
    if (result.verdict !== 'ok') failed.push(result);
    results.add(key, rowOf(result));
    printSeed(args, result);
  });
  const all = args.out === null ? results : mergeInto(args.out, results);
  if (!args.json) {
    const verdict =
      failed.length === 0 ? 'PASSED' : `FAILED ${failed.length}: ${failed.map(({ seed }) => seed).join(' ')}`;
    process.stdout.write(`${verdict}  seeds=${tasks.length} events=${events} cpu=${(cpuMs / 1000).toFixed(1)}\n`);
  }
  for (const { key: of, seed } of all.conflicts)
    process.stderr.write(`sim: seed ${seed} gave two results at ${of.commit}, profile ${of.profile}\n`);
  if (all.conflicts.length > 0) return EXIT.nondeterminism;
  return Math.max(EXIT.ok, ...failed.map(({ verdict }) => EXIT_OF[verdict]));
}

/** Several results files as one, as `npm run soak -- merge` does it; which machine wrote them does not matter. */
function runMerge(files: readonly string[], out: string): number {
  const results = readOrNothing(out);
  for (const file of files) results.merge(readOrNothing(file, { mustExist: true }));
  writeResults(out, results);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const code = closeAll(results, { heads: null, needsCanaries: true, elapsedMs: null, say });
  say(`${plural(results.size, 'seed')} of ${plural(results.campaigns().length, 'campaign')} in ${out}`);
  return code;
}

function printSeed(args: Args, result: SeedResult): void {
  if (args.json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  if (result.verdict === 'ok' && args.quiet) return;
  const head = `seed ${result.seed.padEnd(6)} ${result.verdict.padEnd(8)} ${result.hash}  ${result.events} events, ${result.elections} elections, ${result.operations} operations, ${result.cpuMs.toFixed(0)} ms`;
  process.stdout.write(`${head}\n`);
  for (const { property, message } of result.violations.slice(0, 3))
    process.stdout.write(`  ${property}: ${message}\n`);
  if (result.verdict !== 'ok') {
    const { seed } = result;
    process.stdout.write(`  shrink: ${commandOf({ ...args, seeds: null, seed }, { seed })} --shrink\n`);
  }
}

// Whoever reads may stop reading: `npm run sim | head`.
process.stdout.on('error', () => process.exit(EXIT.ok));

if (!serveAsWorker()) process.exitCode = await main(process.argv.slice(2));
