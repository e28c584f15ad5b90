/**
 * Flags of the commands: which there are, what each takes, and one clear line for everything else.
 *
 * The words are split by `parseArgs` of Node; what makes them right or wrong is said here, in the same way for all commands.
 */

import { parseArgs } from 'node:util';

export interface Flag {
  /** What stands for the value in the usage, or null for a switch. */
  readonly takes: string | null;
  readonly says: string;
  /** May be given more than once. */
  readonly repeats?: true;
}
export type Flags = Readonly<Record<string, Flag>>;

/** What was given: words that are no flags, and the values of the flags; a switch that is on has the value ''. */
export interface Given<Name extends string> {
  readonly words: readonly string[];
  has(name: Name): boolean;
  /** The value, or null where the flag is not given. */
  text(name: Name): string | null;
  all(name: Name): readonly string[];
}

export type Read<Name extends string> =
  | { readonly ok: true; readonly given: Given<Name> }
  | { readonly ok: false; readonly problem: string };

/** Usage lines: flags to the left, what they do to the right of column `width`. */
export const flagLines = (flags: Flags, width: number): string[] =>
  Object.entries(flags).map(([name, { takes, says }]) => {
    const left = `  --${name}${takes === null ? '' : ` ${takes}`}`;
    return `${left.padEnd(width)}${says}`;
  });

/** Splits the words of a command line. The first thing that is wrong is the problem. */
export function readFlags<F extends Flags>(flags: F, argv: readonly string[]): Read<keyof F & string> {
  const options: Record<string, { type: 'string' | 'boolean' }> = {};
  for (const [name, { takes }] of Object.entries(flags))
    options[name] = { type: takes === null ? 'boolean' : 'string' };
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const words: string[] = [];
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const flag = Object.hasOwn(flags, name) && rawName.startsWith('--') ? flags[name]! : null;
    if (flag === null) return refuse(`unknown flag ${rawName}${didYouMean(flags, name)}`);
    if (values.has(name) && flag.repeats === undefined) return refuse(`--${name} is given twice`);
    if (flag.takes === null && value !== undefined) return refuse(`--${name} takes no value`);
    const isMissing = value === undefined || (inlineValue === false && value.startsWith('--'));
    if (flag.takes !== null && isMissing) return refuse(`--${name} needs ${flag.takes}`);
    values.set(name, [...(values.get(name) ?? []), value ?? '']);
  }
  return {
    ok: true,
    given: {
      words,
      has: (name) => values.has(name),
      text: (name) => values.get(name)?.[0] ?? null,
      all: (name) => values.get(name) ?? [],
    },
  };
}

const refuse = (problem: string): { readonly ok: false; readonly problem: string } => ({ ok: false, problem });

/** The known flag that begins alike. */
function didYouMean(flags: Flags, name: string): string {
  const near = Object.keys(flags).find((flag) => flag.startsWith(name.slice(0, 2)) || name.startsWith(flag));
  return near === undefined ? '' : ` (did you mean --${near}?)`;
}

/** A whole number within these bounds, or null. */
export function wholeNumber(text: string, least: number, most: number): number | null {
  const number = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return number >= least && number <= most ? number : null;
}
