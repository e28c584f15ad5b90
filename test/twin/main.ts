/** `npm run twins -- [--pairs A..B] [--servers N] [--steps N]`: pairs of runs, as many as time allows; a leak is shrunk. */

import { interference, isVisible, shrinkPlan } from '../../sim/twin/interference.ts';
import { actionOf, planOf, type TwinPlan } from '../../sim/twin/plan.ts';

function numberAfter(argv: readonly string[], flag: string, otherwise: number): number {
  const at = argv.indexOf(flag);
  return at < 0 ? otherwise : Number(argv[at + 1]);
}

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

function main(argv: readonly string[]): number {
  const [from = 1, to = from] = (argv[argv.indexOf('--pairs') + 1] ?? '1..100').split('..').map(Number);
  const settings = { servers: numberAfter(argv, '--servers', 1), steps: numberAfter(argv, '--steps', 90) };
  const range = argv.includes('--pairs') ? [from, to] : [1, 100];
  let [pairs, leaks, visible, frames] = [0, 0, 0, 0];
  for (let seed = range[0]!; seed <= range[1]!; seed++) {
    const plan = planOf(String(seed), settings);
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
