/**
 * The command line of the search for linearizations: what each flag takes, what is printed, and how it exits.
 *
 * The verdict and nothing else decides the exit code, so that a script can tell a history that is wrong from one that could not
 * be read and from one that was too hard.
 */

import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import {
  FORMATS,
  type Format,
  type ReadHistory,
  readHistory,
  toHistoryLines,
} from '../checkers/history/adapters/formats.ts';
import { historyView } from '../checkers/history/history-view.ts';
import { checkLayered, type LayeredResult, PATTERN_MODELS, type PatternModel } from '../checkers/history/layered.ts';
import { plain, toJsonLines } from '../checkers/history/record.ts';
import { BUDGET_STEPS, type CheckResult, checkHistory, type PartResult } from '../checkers/history/search/check.ts';
import { differential } from '../checkers/history/search/differential.ts';
import { drawSvg, drawText } from '../checkers/history/search/draw.ts';
import type { Violation } from '../checkers/history/search/explain.ts';
import type { AnyModel } from '../checkers/history/search/model.ts';
import { MODEL_NAMES, type ModelName, modelOf } from '../checkers/history/search/models.ts';
import { HistoryError, type Operation, type Plain } from '../checkers/history/search/operation.ts';
import { operationText } from '../checkers/history/search/text.ts';
import { viewOf } from '../checkers/history/search/view.ts';
import type { ShrunkHistory } from '../checkers/history/shrunk.ts';
import { plural } from '../text.ts';
import { type Flags, flagLines, type Given, readFlags } from './flags.ts';
import { judgedLines, judgeText } from './judge.ts';

export const EXIT = { ok: 0, usage: 2, violation: 129, unknown: 131, input: 132 } as const;

/** What the command touches of the world. */
export interface Surroundings {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly read: (path: string) => string;
}

/** Histories of the simulator carry zxids and need no search (docs/history.md). */
const ZOOKEEPER = 'zookeeper';

const FLAGS = {
  spec: {
    takes: 'NAME|FILE',
    says: `the model: ${MODEL_NAMES.join(', ')}, ${ZOOKEEPER} (what \`npm run sim -- --history FILE\` wrote), or a module of your own (.ts, .js, .mjs)`,
  },
  format: {
    takes: 'NAME',
    says: `how the file is written: ${Object.keys(FORMATS).join(', ')}; default: told by its first line`,
  },
  keyed: { takes: null, says: 'values are [key value], as for independent keys' },
  initial: { takes: 'JSON', says: 'what a register holds at first; default null' },
  budget: {
    takes: 'STEPS',
    says: `transitions to try before the verdict is unknown; default ${BUDGET_STEPS.toLocaleString('en')}`,
  },
  json: { takes: null, says: 'the verdict as one JSON object, nothing else' },
  svg: { takes: 'FILE', says: 'writes a picture of the conflict' },
  view: { takes: 'FILE', says: 'writes the data of that picture, as JSON' },
  shrunk: { takes: 'FILE', says: 'writes the operations that clash (or the shrunk history) as a history of its own' },
  origin: { takes: 'COMMAND', says: 'the command that made the history, told again with a violation' },
  'no-patterns': { takes: null, says: 'searches everything, also what one pass over the history can decide' },
  'no-explain': { takes: null, says: 'only the verdict' },
  differential: {
    takes: 'N',
    says: 'instead of a file: judges N random histories by the search and by trying every order',
  },
  seed: { takes: 'TEXT', says: 'what these are drawn from; default 1' },
  help: { takes: null, says: 'this' },
} as const satisfies Flags;
type FlagName = keyof typeof FLAGS;

export function usage(): string {
  return [
    'usage: npm run check -- FILE --spec NAME [flags]',
    '',
    'Says whether a history of operations is linearizable, and if not, why. FILE may be - for standard input.',
    '',
    ...flagLines(FLAGS, 24),
    '',
    'exit codes: 0 linearizable, 2 bad usage, 129 not linearizable, 131 unknown (the budget was used up),',
    '            132 the file is not a history',
    '',
  ].join('\n');
}

interface Args {
  readonly file: string | null;
  readonly flags: Given<FlagName>;
  readonly format: Format | null;
  readonly budgetSteps: number;
  readonly initial: Plain;
  readonly histories: number | null;
}

/** Wrong usage: one line, exit code 2. */
class UsageError extends Error {
  readonly code = 'USAGE';
}

export async function main(argv: readonly string[], io: Surroundings): Promise<number> {
  try {
    const args = parse(argv);
    if (args.flags.has('help')) {
      io.out(usage());
      return EXIT.ok;
    }
    if (args.histories !== null) return runDifferential(args.histories, args.flags.text('seed') ?? '1', io);
    return await judge(args, io);
  } catch (error) {
    if (error instanceof UsageError) return complain(io, error.message, EXIT.usage);
    if (error instanceof HistoryError) return complain(io, error.message, EXIT.input);
    throw error;
  }
}

function complain(io: Surroundings, message: string, code: number): number {
  io.err(`check: ${message}\n`);
  return code;
}

// --- words ---

function parse(argv: readonly string[]): Args {
  const read = readFlags(FLAGS, argv);
  if (!read.ok) throw new UsageError(read.problem);
  const [file = null, other] = read.given.words;
  if (other !== undefined) throw new UsageError(`one file at a time: ${file} and ${other}`);
  return argsOf(file, read.given);
}

function argsOf(file: string | null, flags: Given<FlagName>): Args {
  const format = flags.text('format') ?? null;
  if (format !== null && !Object.hasOwn(FORMATS, format)) {
    throw new UsageError(`--format is ${format}, not one of ${Object.keys(FORMATS).join(', ')}`);
  }
  const histories = flags.has('differential') ? count(flags, 'differential') : null;
  if (!flags.has('help') && histories === null) {
    if (file === null) throw new UsageError('which file? (--help says more)');
    if (!flags.has('spec')) throw new UsageError(`--spec is missing: ${MODEL_NAMES.join(', ')}, or a file`);
  }
  if (histories !== null && file !== null)
    throw new UsageError('--differential makes its own histories and takes no file');
  if (flags.has('seed') && histories === null) throw new UsageError('--seed is for --differential');
  return {
    file,
    flags,
    format: format as Format | null,
    budgetSteps: flags.has('budget') ? count(flags, 'budget') : BUDGET_STEPS,
    initial: initialOf(flags.text('initial')),
    histories,
  };
}

function count(flags: Given<FlagName>, name: FlagName): number {
  const text = flags.text(name)!;
  const number = /^[0-9][0-9_]{0,15}$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
  if (number >= 1) return number;
  throw new UsageError(`--${name} is ${text}, not a whole number from 1`);
}

function initialOf(text: string | null): Plain {
  if (text === null) return null;
  try {
    return JSON.parse(text) as Plain;
  } catch {
    throw new UsageError(`--initial is ${text}, which is not JSON`);
  }
}

// --- judging ---

async function judge(args: Args, io: Surroundings): Promise<number> {
  const { flags } = args;
  if (flags.text('spec') === ZOOKEEPER) return judgeZooKeeper(args, io);
  const model = await modelFor(flags.text('spec')!, args.initial);
  const history = readFile(args, io);
  const started = process.cpuUsage();
  const settings = { budgetSteps: args.budgetSteps, explain: !flags.has('no-explain') };
  const spec = flags.text('spec')!;
  // What a person names is the model that the pass knows; a file may call its own what it likes.
  const result: CheckResult | LayeredResult =
    PATTERN_MODELS.has(spec) && !flags.has('no-patterns')
      ? checkLayered(spec as PatternModel, model, history.operations, { ...settings, initial: args.initial })
      : checkHistory(model, history.operations, settings);
  const used = process.cpuUsage(started);
  const cpuMs = (used.user + used.system) / 1000;
  writeFiles(flags, model, history.operations, result);
  if (flags.has('json')) io.out(`${JSON.stringify({ ...result, format: history.format, cpuMs })}\n`);
  else io.out(reportOf(args, model, history, result, cpuMs).join('\n').concat('\n'));
  return EXIT[result.status];
}

function judgeZooKeeper(args: Args, io: Surroundings): number {
  const { flags } = args;
  let judged: ReturnType<typeof judgeText>;
  try {
    judged = judgeText(io.read(args.file!), !flags.has('no-explain'));
  } catch (error) {
    throw new HistoryError(`${args.file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (judged.shrunk !== null) writeShrunk(flags, judged.shrunk);
  if (flags.has('json')) io.out(`${JSON.stringify(judged, plain)}\n`);
  else io.out(judgedLines(judged, flags.text('origin')).join('\n').concat('\n'));
  return EXIT[judged.status];
}

function writeShrunk(flags: Args['flags'], shrunk: ShrunkHistory): void {
  const [svg, view, file] = [flags.text('svg'), flags.text('view'), flags.text('shrunk')];
  const seen = historyView(shrunk);
  if (svg !== null) writeFileSync(svg, drawSvg(seen));
  if (view !== null) writeFileSync(view, `${JSON.stringify(seen)}\n`);
  if (file !== null) writeFileSync(file, [...toJsonLines(shrunk.records)].join(''));
}

function readFile(args: Args, io: Surroundings): ReadHistory {
  let text: string;
  try {
    text = io.read(args.file!);
  } catch (error) {
    throw new HistoryError(`cannot read ${args.file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const keyed = args.flags.has('keyed');
  try {
    return readHistory(text, { keyed, ...(args.format === null ? {} : { format: args.format }) });
  } catch (error) {
    throw error instanceof HistoryError ? new HistoryError(`${args.file}: ${error.message}`) : error;
  }
}

async function modelFor(spec: string, initial: Plain): Promise<AnyModel> {
  if ((MODEL_NAMES as readonly string[]).includes(spec)) return modelOf(spec as ModelName, { initial });
  if (!/\.(ts|mts|js|mjs)$/.test(spec)) {
    throw new UsageError(`--spec is ${spec}, neither one of ${MODEL_NAMES.join(', ')} nor a file`);
  }
  const exported = await load(spec);
  const made: unknown = typeof exported === 'function' ? exported() : exported;
  const missing = ['name', 'operations', 'init', 'step', 'keyOf', 'describe'].filter(
    (name) => typeof made !== 'object' || made === null || !(name in made),
  );
  if (missing.length > 0)
    throw new UsageError(`the default export of ${spec} is no model: it has no ${missing.join(', ')}`);
  return made as AnyModel;
}

/** The default export of a module, bundled first so that it may be TypeScript. */
async function load(spec: string): Promise<unknown> {
  try {
    const bundled = await build({
      entryPoints: [resolve(spec)],
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
      logLevel: 'silent',
    });
    const text = Buffer.from(bundled.outputFiles[0]!.contents).toString('base64');
    const module = (await import(`data:text/javascript;base64,${text}#${pathToFileURL(spec).pathname}`)) as {
      readonly default?: unknown;
    };
    return module.default;
  } catch (error) {
    const [first] = (error instanceof Error ? error.message : String(error)).split('\n').slice(-1);
    throw new UsageError(`cannot load ${spec}: ${first}`);
  }
}

function writeFiles(
  flags: Given<FlagName>,
  model: AnyModel,
  operations: readonly Operation[],
  result: CheckResult,
): void {
  const [svg, view, shrunk] = [flags.text('svg'), flags.text('view'), flags.text('shrunk')];
  const seen = viewOf(result, operations, (operation) => (model.partOf ?? (({ key }) => key))(operation));
  if (svg !== null) writeFileSync(svg, drawSvg(seen));
  if (view !== null) writeFileSync(view, `${JSON.stringify(seen)}\n`);
  if (shrunk === null || result.violation === null) return;
  const core = new Set(result.violation.core);
  writeFileSync(shrunk, [...toHistoryLines(operations.filter(({ id }) => core.has(id)))].join(''));
}

// --- telling ---

function reportOf(args: Args, model: AnyModel, history: ReadHistory, result: CheckResult, cpuMs: number): string[] {
  const { operations, format } = history;
  const unknown = operations.filter(({ outcome }) => outcome === 'info').length;
  const widest = Math.max(0, ...result.parts.map(({ windowSize }) => windowSize));
  const head = [
    `history    ${args.file} (${format}): ${plural(operations.length, 'operation')}, ${unknown} of unknown outcome, ${plural(result.partCount, 'part')}`,
    `model      ${model.name}: ${model.says}`,
  ];
  const layers = layersText(result);
  if (layers !== null) head.push(`layer      ${layers}`);
  const cost = `${plural(result.steps, 'step')}, up to ${widest} open at once, ${cpuMs.toFixed(0)} ms of CPU`;
  switch (result.status) {
    case 'ok':
      return [...head, `verdict    LINEARIZABLE  ${cost}`];
    case 'unknown':
      return [...head, `verdict    UNKNOWN  ${cost}`, ...result.parts.filter(isUnknown).map(unknownText)];
    case 'violation':
      return [...head, `verdict    NOT LINEARIZABLE  ${cost}`, ...violationText(args, operations, result)];
    default:
      return result.status satisfies never;
  }
}

/** Who decided, where there are two who might. */
function layersText(result: CheckResult | LayeredResult): string | null {
  if (!('layers' in result)) return null;
  const { patterns, search, certificate } = result.layers;
  if (certificate !== null) {
    const named = certificate.ops.map((id) => `#${id}`).join(', ');
    return `one pass over the history: ${certificate.pattern} (${named}), which the search bears out`;
  }
  if (search === 0) return 'one pass over the history, no search';
  if (patterns === 0) return 'search: values are written twice, appended or replaced conditionally';
  return `one pass over the history for ${plural(patterns, 'key')}, search for ${search}`;
}

const isUnknown = ({ status }: PartResult): boolean => status === 'unknown';

const unknownText = ({ part, exhausted, deepest, responses, windowSize }: PartResult): string =>
  `           ${part === null ? 'the history' : part}: out of ${exhausted} at answer ${deepest} of ${responses}, with up to ${windowSize} operations open at once`;

function violationText(args: Args, operations: readonly Operation[], result: CheckResult): string[] {
  const { violation } = result;
  if (violation === null) return [];
  const view = viewOf(result, operations, ({ key }) => key);
  const lines = ['', violation.sentence, '', ...drawText(view).map((line) => `  ${line}`), ''];
  lines.push(...coreText(violation, operations), ...stuckText(violation, operations), ...prefixText(violation));
  const origin = args.flags.text('origin');
  if (origin !== null) lines.push(`replay     ${origin}`);
  return lines;
}

const TAIL_MAX = 12;

function coreText({ core, isMinimal, edges }: Violation, operations: readonly Operation[]): string[] {
  const says = isMinimal
    ? 'clash      (whatever the other operations did, or whether they happened at all)'
    : 'clash      (there may be fewer: the steps for explaining were used up)';
  const order = edges.map(({ before, after }) => `#${before} before #${after}`).join(', ');
  const shown = core.slice(-TAIL_MAX);
  const more = core.length - shown.length;
  return [
    says,
    ...(more === 0 ? [] : [`           ${plural(more, 'operation')} before, and`]),
    ...shown.map((id) => `           ${operationText(operations[id]!)}`),
    ...(order === '' ? [] : [`in time    ${order}`]),
  ];
}

function stuckText({ stuck, blocked }: Violation, operations: readonly Operation[]): string[] {
  return stuck.map(({ state, pending }, index) => {
    const others = pending.filter(({ id, isLegal }) => isLegal && id !== blocked).map(({ id }) => `#${id}`);
    const rest = others.length === 0 ? 'and nothing open changes that' : `and ${others.join(', ')} would not help`;
    return `${index === 0 ? 'states     ' : '           '}${state}: ${operationText(operations[blocked]!)} is not legal there, ${rest}`;
  });
}

function prefixText({ order, states, isPrefixExact }: Violation): string[] {
  if (order === null || order.length === 0) return [];
  const from = Math.max(0, order.length - TAIL_MAX);
  const tail = order.slice(from).map((id, index) => `#${id} ${states[from + index]!}`);
  const says = `${isPrefixExact ? 'longest' : 'an'} prefix with an order: ${plural(order.length, 'operation')}${from === 0 ? '' : `, the last ${TAIL_MAX}`}`;
  return [`order      ${says}: ${tail.join(' → ')}`];
}

// --- the search against the definition ---

function runDifferential(histories: number, seed: string, io: Surroundings): number {
  const result = differential({ seed, histories });
  const { mismatch } = result;
  if (mismatch === null) {
    io.out(
      `${plural(result.histories, 'history', 'histories')} of seed ${seed}, ${result.violations} not linearizable, ${result.crashes} with unknown outcomes, ${result.several} over several keys: no difference\n`,
    );
    return EXIT.ok;
  }
  io.out(`${mismatch.model}: ${mismatch.says}\n${[...toHistoryLines(mismatch.history)].join('')}`);
  return EXIT.violation;
}
