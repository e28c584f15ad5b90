/** `npm run soak`: campaigns on one machine or many. `npm run soak -- --help` says how. */

import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { exactCommitOf } from '../cli/commit.ts';
import { plural } from '../text.ts';
import { type CampaignArgs, campaignUsage, parseCampaign } from './args.ts';
import type { CanaryResult } from './canaries.ts';
import { closeAll, EXIT, EXIT_OF } from './closing.ts';
import { Comparing } from './comparing.ts';
import { mergeInto, readOrNothing, writeResults } from './files.ts';
import { Hunting, type HuntResult, type Hunts, huntingLines, huntLine } from './hunts.ts';
import { flyCanaries, type LocalCampaign, runLocal } from './local.ts';
import { liveLine, Tally } from './progress.ts';
import { type Collected, Collector, type QueueSettings, submit, work } from './queue.ts';
import { type SeedRange, seedsOf } from './ranges.ts';
import { type CampaignKey, type Flown, headOf, Results } from './results.ts';
import { alone, resumable, rotation } from './rotation.ts';
import { startThreads } from './threads.ts';

const MINUTE_MS = 60_000;
const MINUTES_DEFAULT = 30;
/** Seeds that a campaign without --seeds may come to. */
const SEEDS_MAX = 1_000_000_000;
const REDRAW_MS = 250;
const POLL_MS = 1000;
/** The results on disk are never older than this: a campaign that is killed loses no more. */
const SAVE_EVERY_MS = 60_000;

/** The exit code. `hunts`: what is hunted beside seeds, null for nothing. */
export async function runCommand(argv: readonly string[], hunts: Hunts | null): Promise<number> {
  const parsed = parseCampaign(argv, process.env);
  if (!parsed.ok) return fail(parsed.problem);
  const { args } = parsed;
  if (args.help) {
    process.stdout.write(campaignUsage());
    return EXIT.ok;
  }
  switch (args.command) {
    case 'run':
      return runHere(args, args.hunts ? hunts : null);
    case 'submit':
      return submitSeeds(args, args.seeds!);
    case 'work':
      return workOn(args);
    case 'collect':
      return collectAll(args);
    case 'merge':
      return mergeFiles(args);
    default:
      return args.command satisfies never;
  }
}

function fail(problem: string): number {
  process.stderr.write(`soak: ${problem}\n`);
  return EXIT.usage;
}

const say = (line: string): void => {
  live.clear();
  process.stdout.write(`${line}\n`);
};

/** The line that is drawn over and over, on a terminal alone. */
const live = {
  isShown: false,
  drawnMs: 0,
  draw(text: () => string): void {
    const nowMs = performance.now();
    if (process.stdout.isTTY !== true || nowMs - this.drawnMs < REDRAW_MS) return;
    this.drawnMs = nowMs;
    this.isShown = true;
    process.stdout.write(`\r\u001b[2K${text().slice(0, (process.stdout.columns ?? 100) - 1)}`);
  },
  clear(): void {
    if (this.isShown) process.stdout.write('\r\u001b[2K');
    this.isShown = false;
  },
};

const keyOf = ({ profile }: CampaignArgs): CampaignKey => ({
  commit: exactCommitOf(),
  profile: profile === 'all' ? 'default' : profile,
  options: {},
});
/** Each commit has a queue of its own: a worker with other code never takes a part that is not for it. */
const queueOf = ({ redis: url, queue, lockMs }: CampaignArgs): QueueSettings => ({
  url,
  name: `${queue}-${exactCommitOf()}`,
  lockMs,
});

// --- here ---

async function runHere(args: CampaignArgs, hunts: Hunts | null): Promise<number> {
  const key = keyOf(args);
  const jobs = args.jobs ?? availableParallelism();
  const range = args.seeds ?? { from: 1, to: SEEDS_MAX };
  const minutes = args.minutes ?? (args.seeds === null ? MINUTES_DEFAULT : null);
  const startedMs = performance.now();
  const endMs = minutes === null ? null : startedMs + minutes * MINUTE_MS;
  const said = args.seeds === null ? `seeds from 1` : `seeds ${range.from}..${range.to}`;
  say(
    `campaign at ${key.commit}, ${args.profile === 'all' ? 'all profiles' : `profile ${key.profile}`}: ${said}${minutes === null ? '' : `, ${plural(minutes, 'minute')}`}, ${plural(jobs, 'thread')}`,
  );
  const results = new Results();
  for (const flown of await flyIf(args.canaries, key)) results.addFlown(key.commit, flown);
  const tally = new Tally();
  const seedsStartedMs = performance.now();
  let savedMs = seedsStartedMs;
  const seeds = seedsOf(range, args.shard);
  // Where the seeds are given, they say where hunts begin, else the clock does.
  const turn = args.seeds === null ? Math.floor(Date.now() / MINUTE_MS) : range.from;
  const hunting = hunts === null ? null : new Hunting(hunts, turn);
  const comparing = new Comparing(String(turn));
  const isOver = (): boolean => endMs !== null && performance.now() >= endMs;
  const turns = resumable(args.profile === 'all' ? rotation(key, seeds) : alone(key, seeds));
  try {
    const spell: LocalCampaign = {
      turns,
      jobs,
      limitMs: args.limitMs,
      isOver: () => isOver() || hunting?.isDue(performance.now() - startedMs) === true,
      onRow: (row, { profile }) => {
        tally.add(row);
        results.add({ ...key, profile }, row);
        if (row.failure !== null)
          say(`seed ${row.seed} (${profile}) ${row.verdict}: ${row.failure.property} by ${row.failure.role}`);
        const nowMs = performance.now();
        live.draw(() =>
          liveLine(tally, { elapsedMs: nowMs - seedsStartedMs, leftMs: endMs === null ? null : endMs - nowMs }),
        );
        if (args.out !== null && nowMs - savedMs > SAVE_EVERY_MS) {
          savedMs = nowMs;
          mergeInto(args.out, results);
        }
      },
    };
    for (;;) {
      await comparing.during(runLocal(spell));
      if (isOver() || turns.isDone) break;
      await hunting?.spell(performance.now() - startedMs, clock, sayHunt);
    }
    await hunting?.rest(clock, sayHunt);
    comparing.rest(performance.now() - startedMs);
  } catch (error) {
    // Whatever ends the campaign, what was found is kept, and it did not end well.
    say(`BROKEN: ${error instanceof Error ? error.message : String(error)}`);
    if (args.out !== null) mergeInto(args.out, results);
    return EXIT.broken;
  } finally {
    await hunting?.close();
  }
  const elapsedMs = performance.now() - seedsStartedMs;
  const all = args.out === null ? results : mergeInto(args.out, results);
  const heads = headsOf(results);
  const code = closeAll(all, { heads, needsCanaries: args.canaries, elapsedMs, say });
  // A seed that did not end here, and did elsewhere, is still one that this campaign has not run.
  const worst = Math.max(code, ...tally.failed.map(({ verdict }) => EXIT_OF[verdict]));
  const beside = [comparing.closing(), ...(hunting === null ? [] : [huntingLines(hunting.results)])];
  for (const line of beside.flatMap(({ lines }) => lines)) say(line);
  const isBroken = beside.some((each) => each.isBroken);
  return isBroken && worst !== EXIT.nondeterminism ? Math.max(worst, EXIT.broken) : worst;
}

const clock = (): number => performance.now();
const sayHunt = (result: HuntResult): void => say(huntLine(result));

const headsOf = (results: Results): ReadonlySet<string> => new Set(results.campaigns().map(({ key }) => headOf(key)));

/** What became of the canaries; none when they are not asked for. */
async function flyIf(isAsked: boolean, key: CampaignKey): Promise<Flown[]> {
  const flown = isAsked ? await flyCanaries(key, sayCanary) : [];
  return flown.map(({ canary, seed }) => ({ id: canary.id, seed }));
}

const sayCanary = ({ canary, seed, seeds }: CanaryResult): void =>
  say(
    seed === null
      ? `canary ${canary.id}: ${canary.says}: NOT FOUND in ${plural(seeds, 'seed')}`
      : `canary ${canary.id}: ${canary.says}: found by seed ${seed}`,
  );

// --- on many machines ---

/** Canaries are flown here, once for all machines, and before there is anything to do: who would find nothing need not begin. */
async function submitSeeds(args: CampaignArgs, seeds: SeedRange): Promise<number> {
  const key = keyOf(args);
  const flown = await flyIf(args.canaries, key);
  if (flown.some(({ seed }) => seed === null)) {
    say('BROKEN: a mistake that was put into the core was not found, so nothing is submitted');
    return EXIT.broken;
  }
  const count = await submit(queueOf(args), { key, range: seeds, partSize: args.part, flown });
  say(`${plural(count, 'part')} of at most ${plural(args.part, 'seed')} in the queue ${args.queue}`);
  return EXIT.ok;
}

async function workOn(args: CampaignArgs): Promise<number> {
  const jobs = args.jobs ?? availableParallelism();
  const threads = startThreads(jobs, { limitMs: args.limitMs });
  const worker = await work(queueOf(args), threads, jobs, ({ from, to }) => say(`seeds ${from}..${to} done`));
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  say(`${plural(jobs, 'thread')} at work on the queue ${args.queue}`);
  await (args.once ? Promise.race([stopped, isEmpty(args)]) : stopped);
  // A part that is under way is finished; who is in a hurry kills, and the part goes to another.
  await worker.close();
  await threads.close();
  return EXIT.ok;
}

async function isEmpty(args: CampaignArgs): Promise<void> {
  const collector = await Collector.of(queueOf(args));
  try {
    while ((await collector.left()) > 0) await sleep(POLL_MS);
  } finally {
    await collector.close();
  }
}

async function collectAll(args: CampaignArgs): Promise<number> {
  const collector = await Collector.of(queueOf(args));
  const startedMs = performance.now();
  try {
    for (;;) {
      const collected = await collector.collect();
      const { results, parts, submitted } = collected;
      const elapsedMs = performance.now() - startedMs;
      live.draw(
        () =>
          `${parts.done} parts done, ${parts.left} left · ${liveLine(tallyOf(results), { elapsedMs, leftMs: null })}`,
      );
      // Nothing submitted yet is not the end: whoever submits may come later than whoever collects.
      if (!args.once && (parts.left > 0 || submitted.length === 0)) {
        await sleep(POLL_MS);
        continue;
      }
      return closeCollected(args, collected, elapsedMs);
    }
  } finally {
    await collector.close();
  }
}

function closeCollected(args: CampaignArgs, { results, parts, errors, missing }: Collected, elapsedMs: number): number {
  const all = args.out === null ? results : mergeInto(args.out, results);
  const code = closeAll(all, { heads: headsOf(results), needsCanaries: args.canaries, elapsedMs, say });
  for (const error of errors) say(`BROKEN: a part was not run: ${error}`);
  if (missing > 0) say(`BROKEN: ${plural(missing, 'seed')} of those that were submitted were not run`);
  const isWhole = errors.length === 0 && missing === 0 && parts.left === 0;
  return isWhole || code === EXIT.nondeterminism ? code : EXIT.broken;
}

function mergeFiles({ files, out, canaries }: CampaignArgs): number {
  const results = readOrNothing(out!);
  for (const file of files) results.merge(readOrNothing(file, { mustExist: true }));
  writeResults(out!, results);
  return closeAll(results, { heads: null, needsCanaries: canaries, elapsedMs: null, say });
}

function tallyOf(results: Results): Tally {
  const tally = new Tally();
  for (const row of results.rows()) tally.add(row);
  return tally;
}
