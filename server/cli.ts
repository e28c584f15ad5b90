/**
 * `vivarium cli`: one command and out, or a prompt. Answers go to standard output, troubles to standard error, so that a
 * script can tell them apart.
 */

import { createInterface } from 'node:readline/promises';
import type { ClientStatus, WatchedEvent } from '../core/client/io.ts';
import { connect, type ZooKeeper, ZooKeeperError } from './client.ts';
import {
  type CommandContext,
  CommandError,
  commandHelp,
  LASTING_COMMANDS,
  runCommand,
  showEvent,
  wordsOf,
} from './commands.ts';
import type { ChannelTls } from './tls.ts';

export interface CliOptions {
  readonly hosts: string;
  readonly tls: ChannelTls | null;
  readonly sessionTimeoutMs: number;
  readonly readOnly: boolean;
  /** One command and its arguments; empty for a prompt. */
  readonly words: readonly string[];
}

const FINAL: readonly ClientStatus[] = ['expired', 'authFailed', 'closed'];

/** Answers the exit code of the process. */
export async function runCli(options: CliOptions): Promise<number> {
  if (options.words[0] === 'help') {
    say(`commands:\n${commandHelp()}\n  quit`);
    return 0;
  }
  const zk = await connectOrSay(options);
  if (zk === null) return 1;
  const ctx: CommandContext = { zk, watcher: (event: WatchedEvent) => say(showEvent(event)) };
  try {
    if (options.words.length === 0) return await converse(ctx);
    const code = await once(ctx, options.words);
    if (code === 0 && LASTING_COMMANDS.has(options.words[0] ?? '')) await interrupted();
    return code;
  } finally {
    if (!FINAL.includes(zk.state)) await zk.close();
  }
}

async function connectOrSay(options: CliOptions): Promise<ZooKeeper | null> {
  let lastNote = '';
  try {
    return await connect({
      hosts: options.hosts,
      tls: options.tls,
      sessionTimeoutMs: options.sessionTimeoutMs,
      readOnly: options.readOnly,
      onNote: (line) => {
        lastNote = line;
      },
      onState: (state) => {
        if (state === 'expired' || state === 'authFailed') complain(`the session is over: ${state}`);
      },
    });
  } catch (cause) {
    if (!(cause instanceof ZooKeeperError)) throw cause;
    complain(`cannot connect to ${options.hosts}: ${lastNote === '' ? cause.message : lastNote}`);
    return null;
  }
}

/** Runs one command; the answer is its exit code. */
async function once(ctx: CommandContext, words: readonly string[]): Promise<number> {
  try {
    const answer = await runCommand(ctx, words);
    if (answer !== '') say(answer);
    return 0;
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    complain(cause.message);
    return cause.exitCode;
  }
}

async function converse(ctx: CommandContext): Promise<number> {
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: process.stdin.isTTY === true,
  });
  const prompt = (): void => {
    if (process.stdin.isTTY === true) {
      lines.setPrompt(`[${ctx.zk.state}] `);
      lines.prompt();
    }
  };
  prompt();
  for await (const line of lines) {
    const words = wordsOf(line);
    if (words === null) complain('a quote is left open');
    else if (words[0] === 'quit' || words[0] === 'exit') break;
    else if (words[0] === 'help') say(`${commandHelp()}\n  quit`);
    else if (words.length > 0) await once(ctx, words);
    if (FINAL.includes(ctx.zk.state)) return 1;
    prompt();
  }
  lines.close();
  return 0;
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function complain(text: string): void {
  process.stderr.write(`${text}\n`);
}
