/**
 * What was thrown, in words that are the same wherever it is thrown.
 *
 * A stack names files, and with them who bundled what where: two machines, or two bundles on one, would tell of the same
 * crash in two ways. The functions are the same everywhere, so they are what is kept, innermost first, by the last part of their names and without
 * what a bundler adds to tell two of one name apart (`_Run`, `step2`). Paths in the text of an error go as well. What
 * stays is how the engine words its own errors: other versions of Node may say it in another way.
 */

/** Enough to tell two crashes of one kind apart. */
const FUNCTIONS_MAX = 8;
const FRAME = /^\s+at (.+?)(?: \([^()]*(?:\([^()]*\))?[^()]*\))?$/;
/** Where the stack ends hangs on how much of it a thread has. */
const OVERFLOW = 'Maximum call stack size exceeded';
const FILE = /(?:file:\/\/)?(?:[A-Za-z]:)?(?:[\\/][^\s\\/:'"()]+)+\.[cm]?[jt]sx?(?::[0-9]+)*/g;

/** One line: name, message and the functions that were at work. */
export function thrownText(error: unknown): string {
  if (!(error instanceof Error)) return thrownHead(error);
  const functions = error.message.includes(OVERFLOW) ? [] : functionsOf(error);
  return `${thrownHead(error)}${functions.length === 0 ? '' : `, in ${functions.join(' < ')}`}`;
}

/** Name and message alone. */
export function thrownHead(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.replaceAll(FILE, 'a file').replaceAll(/\s+/g, ' ').trim();
}

function functionsOf({ stack = '' }: Error): string[] {
  const names = stack.split('\n').flatMap((line) => {
    const name = FRAME.exec(line)?.[1];
    return name === undefined || !line.trimEnd().endsWith(')') ? [] : [shortName(name)];
  });
  return names.filter((name) => name !== '').slice(0, FUNCTIONS_MAX);
}

/** Empty for functions without one. */
function shortName(frame: string): string {
  const name = frame.replace(/^(?:async |new )+/, '').replace(/ \[as [^\]]*\]$/, '');
  if (name.includes('<')) return '';
  const last = name.split('.').at(-1) ?? '';
  return last.replace(/^_+/, '').replace(/[0-9]+$/, '');
}
