/** `npm run twins -- [--pairs A..B] [--servers N] [--steps N]`: pairs of runs, as many as time allows; a leak is shrunk. */

import { parseRange } from '../../sim/campaign/ranges.ts';
import { type Flags, flagLines, readFlags, wholeNumber } from '../../sim/cli/flags.ts';
import { interference, isVisible, shrinkPlan } from '../../sim/twin/interference.ts';
import { actionOf, planOf, type TwinPlan } from '../../sim/twin/plan.ts';

const FLAGS = {
  pairs: { takes: 'A..B', says: 'which pairs; default 1..100' },
  servers: { takes: 'N', says: 'servers of each run; default 1' },
  steps: { takes: 'N', says: 'requests of each run; default 90' },
  help: { takes: null, says: 'this' },
} as const satisfies Flags;
const SERVERS_MAX = 9;
const STEPS_MAX = 10_000;

function describeLeak(plan: TwinPlan): string {
  const isLeaky = (candidate: TwinPlan): boolean => interference(candidate).leak !== null;
  const shrunk = shrinkPlan(plan, isLeaky);
  const { leak } = interference(shrunk);
  const steps = shrunk.steps.slice(shrunk.ground).map((step) => {
    const texts = ([0, 1] as const).map((run) => JSON.stringify(actionOf(step, shrunk.secrets, run), plain));
    return `  ${step.who}: ${texts[0] === texts[1] ? texts[0] : texts.join('  or  ')}`;
  });
  const told = [leak?.first, leak?.second].map(
    (received) => `  ${received?.who ?? ''} gets ${received?.text ?? 'nothing'}`,
  );
  return [...steps, ...told].join('\n');
}

const plain = (_: string, value: unknown): unknown =>
  value instanceof Uint8Array ? new TextDecoder().decode(value) : value;

function refuse(problem: string): number {
  process.stderr.write(`twins: ${problem}\n`);
  return 2;
}

function main(argv: readonly string[]): number {
  const read = readFlags(FLAGS, argv);
  if (!read.ok) return refuse(read.problem);
  const { given } = read;
  if (given.has('help')) {
    process.stdout.write(['usage: npm run twins -- [flags]', '', ...flagLines(FLAGS, 20), ''].join('\n'));
    return 0;
  }
  const range = parseRange(given.text('pairs') ?? '1..100');
  const servers = wholeNumber(given.text('servers') ?? '1', 1, SERVERS_MAX);
  const steps = wholeNumber(given.text('steps') ?? '90', 1, STEPS_MAX);
  if (given.words.length > 0) return refuse(`unexpected word ${given.words[0]}`);
  if (range === null) return refuse('--pairs is a range such as 1..100');
  if (servers === null) return refuse(`--servers is a whole number from 1 to ${SERVERS_MAX}`);
  if (steps === null) return refuse(`--steps is a whole number from 1 to ${STEPS_MAX}`);
  let [pairs, leaks, visible, frames] = [0, 0, 0, 0];
  for (let seed = range.from; seed <= range.to; seed++) {
    const plan = planOf(String(seed), { servers, steps });
    const found = interference(plan);
    pairs += 1;
    frames += found.frames;
    if (isVisible(plan)) visible += 1;
    for (const { property, message } of found.broken) process.stdout.write(`pair ${seed}: ${property}: ${message}\n`);
    if (found.leak !== null) process.stdout.write(`pair ${seed} leaks:\n${describeLeak(plan)}\n`);
    if (found.leak !== null || found.broken.length > 0) leaks += 1;
  }
  process.stdout.write(
    `${pairs} pairs, ${frames} frames compared, ${visible} visible to the owner, ${leaks} with a leak or a broken promise\n`,
  );
  return leaks === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
