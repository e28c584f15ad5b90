/**
 * The commands of `vivarium cli`, one table. Names, flags and output are zkCli.sh's, so that scripts and fingers need not
 * change; what a command prints is returned, and what goes wrong is thrown as a `CommandError`.
 */

import type { WatchedEvent } from '../core/client/io.ts';
import { type Acl, Perm } from '../core/types.ts';
import { AddWatchMode, Code, CreateMode, EventType, WatcherType } from '../core/wire/opcodes.ts';
import type { Stat } from '../core/wire/records.ts';
import { codeName, type Watcher, type ZooKeeper, ZooKeeperError } from './client.ts';

/** Something to say to the person who typed, and the exit code of a single command. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2) {
    super(message);
    this.exitCode = exitCode;
  }
}

export interface CommandContext {
  readonly zk: ZooKeeper;
  /** Prints watch events as they come. */
  readonly watcher: Watcher;
}

interface Command {
  readonly usage: string;
  readonly help: string;
  /** Flags without a value. */
  readonly flags: string;
  /** Flags with one. */
  readonly options: string;
  /** How many arguments there may be. */
  readonly argCount: readonly [min: number, max: number];
  readonly run: (ctx: CommandContext, args: Args) => Promise<string>;
}

interface Args {
  readonly flags: ReadonlySet<string>;
  readonly options: ReadonlyMap<string, string>;
  readonly rest: readonly string[];
}

/** Commands that go on after their first answer: alone on a command line they run until interrupted. */
export const LASTING_COMMANDS: ReadonlySet<string> = new Set(['watch', 'addWatch']);

export async function runCommand(ctx: CommandContext, words: readonly string[]): Promise<string> {
  const [name = '', ...rest] = words;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new CommandError(`there is no command "${name}"; try help`, 2);
  const args = parseArgs(command, rest);
  try {
    return await command.run(ctx, args);
  } catch (cause) {
    if (cause instanceof ZooKeeperError) throw new CommandError(explain(cause), 1);
    throw cause;
  }
}

export function commandHelp(): string {
  const rows = Object.values(COMMANDS).map(({ usage, help }) => [usage, help] as const);
  const width = Math.max(...rows.map(([usage]) => usage.length)) + 2;
  return rows.map(([usage, help]) => `  ${usage.padEnd(width)}${help}`).join('\n');
}

// --- the table -------------------------------------------------------------------------------------------------------

const COMMANDS: Readonly<Record<string, Command>> = {
  ls: {
    usage: 'ls [-s] [-w] [-R] path',
    help: 'children of a node (-s stat, -w watch, -R whole subtree)',
    flags: 'swR',
    options: '',
    argCount: [1, 1],
    run: async (ctx, { flags, rest: [path = ''] }) => {
      if (flags.has('R')) return (await subtree(ctx.zk, path)).join('\n');
      const { children, stat } = await ctx.zk.getChildren(path, flags.has('w') ? ctx.watcher : undefined);
      const list = `[${[...children].sort().join(', ')}]`;
      return flags.has('s') ? `${list}\n${showStat(stat)}` : list;
    },
  },
  create: {
    usage: 'create [-s] [-e] [-c] [-t ttl] path [data] [acl]',
    help: 'makes a node (-s sequential, -e ephemeral, -c container, -t milliseconds to live)',
    flags: 'sec',
    options: 't',
    argCount: [1, 3],
    run: async ({ zk }, { flags, options, rest: [path = '', data, acl] }) => {
      const ttlMs = options.has('t') ? numberOf(options.get('t') ?? '', '-t') : undefined;
      const made = await zk.create(path, data === undefined ? null : bytesOf(data), {
        mode: createModeOf({ flags, ttlMs }),
        ...(acl === undefined ? {} : { acl: parseAcl(acl) }),
        ...(ttlMs === undefined ? {} : { ttlMs }),
      });
      return `Created ${made}`;
    },
  },
  get: {
    usage: 'get [-s] [-w] [-b] path',
    help: 'data of a node (-b as base64)',
    flags: 'swb',
    options: '',
    argCount: [1, 1],
    run: async (ctx, { flags, rest: [path = ''] }) => {
      const { data, stat } = await ctx.zk.getData(path, flags.has('w') ? ctx.watcher : undefined);
      const text = data === null ? 'null' : Buffer.from(data).toString(flags.has('b') ? 'base64' : 'utf8');
      return flags.has('s') ? `${text}\n${showStat(stat)}` : text;
    },
  },
  set: {
    usage: 'set [-s] [-v version] [-b] path data',
    help: 'replaces the data (-v only if the version is that, -b from base64)',
    flags: 'sb',
    options: 'v',
    argCount: [2, 2],
    run: async ({ zk }, { flags, options, rest: [path = '', data = ''] }) => {
      const bytes = flags.has('b') ? new Uint8Array(Buffer.from(data, 'base64')) : bytesOf(data);
      const stat = await zk.setData(path, bytes, versionOf(options));
      return flags.has('s') ? showStat(stat) : '';
    },
  },
  stat: {
    usage: 'stat [-w] path',
    help: 'version numbers, times and sizes of a node',
    flags: 'w',
    options: '',
    argCount: [1, 1],
    run: async (ctx, { flags, rest: [path = ''] }) => {
      const stat = await ctx.zk.exists(path, flags.has('w') ? ctx.watcher : undefined);
      if (stat === null) throw new CommandError(`Node does not exist: ${path}`, 1);
      return showStat(stat);
    },
  },
  delete: {
    usage: 'delete [-v version] path',
    help: 'removes a node without children',
    flags: '',
    options: 'v',
    argCount: [1, 1],
    run: async ({ zk }, { options, rest: [path = ''] }) => {
      await zk.delete(path, versionOf(options));
      return '';
    },
  },
  watch: watchCommand('watch [-m mode] path'),
  addWatch: watchCommand('addWatch [-m mode] path'),
  removewatches: {
    usage: 'removewatches [-c|-d|-a] path',
    help: 'forgets watches on a node (-c child, -d data, -a all)',
    flags: 'cda',
    options: '',
    argCount: [1, 1],
    run: async ({ zk }, { flags, rest: [path = ''] }) => {
      const type = flags.has('c') ? WatcherType.children : flags.has('d') ? WatcherType.data : WatcherType.any;
      await zk.removeWatches(path, type);
      return '';
    },
  },
  getAcl: {
    usage: 'getAcl [-s] path',
    help: 'who may do what with a node',
    flags: 's',
    options: '',
    argCount: [1, 1],
    run: async ({ zk }, { flags, rest: [path = ''] }) => {
      const { acl, stat } = await zk.getAcl(path);
      const text = acl.map(showAcl).join('\n');
      return flags.has('s') ? `${text}\n${showStat(stat)}` : text;
    },
  },
  setAcl: {
    usage: 'setAcl [-s] [-v version] path acl',
    help: 'acl: scheme:id:perms,...  perms: c r w d a',
    flags: 's',
    options: 'v',
    argCount: [2, 2],
    run: async ({ zk }, { flags, options, rest: [path = '', acl = ''] }) => {
      const stat = await zk.setAcl(path, parseAcl(acl), versionOf(options));
      return flags.has('s') ? showStat(stat) : '';
    },
  },
  addauth: {
    usage: 'addauth scheme auth',
    help: 'adds an identity, for example: addauth digest user:password',
    flags: '',
    options: '',
    argCount: [1, 2],
    run: async ({ zk }, { rest: [scheme = '', auth = ''] }) => {
      await zk.addAuth(scheme, bytesOf(auth));
      return '';
    },
  },
  whoami: {
    usage: 'whoami',
    help: 'the identities of this connection',
    flags: '',
    options: '',
    argCount: [0, 0],
    run: async ({ zk }) => {
      const ids = await zk.whoAmI();
      return ['Auth scheme: User', ...ids.map(({ authScheme, user }) => `${authScheme}: ${user}`)].join('\n');
    },
  },
  sync: {
    usage: 'sync path',
    help: 'later reads are at least as new as this moment',
    flags: '',
    options: '',
    argCount: [1, 1],
    run: async ({ zk }, { rest: [path = ''] }) => {
      await zk.sync(path);
      return 'Sync is OK';
    },
  },
};

function watchCommand(usage: string): Command {
  return {
    usage,
    help: 'prints what happens (mode PERSISTENT or PERSISTENT_RECURSIVE, the default)',
    flags: '',
    options: 'm',
    argCount: [1, 1],
    run: async (ctx, { options, rest: [path = ''] }) => {
      const mode = options.get('m') ?? 'PERSISTENT_RECURSIVE';
      if (mode !== 'PERSISTENT' && mode !== 'PERSISTENT_RECURSIVE') {
        throw new CommandError(`-m must be PERSISTENT or PERSISTENT_RECURSIVE, not "${mode}"`, 2);
      }
      const number = mode === 'PERSISTENT' ? AddWatchMode.persistent : AddWatchMode.persistentRecursive;
      await ctx.zk.addWatch(path, number, ctx.watcher);
      return '';
    },
  };
}

async function subtree(zk: ZooKeeper, path: string): Promise<string[]> {
  const { children } = await zk.getChildren(path);
  const paths = [path];
  for (const name of [...children].sort())
    paths.push(...(await subtree(zk, path === '/' ? `/${name}` : `${path}/${name}`)));
  return paths;
}

// --- reading what was typed ------------------------------------------------------------------------------------------

/** Splits a line into words; quotes, single or double, keep spaces together. Null when a quote is left open. */
export function wordsOf(line: string): string[] | null {
  const words: string[] = [];
  for (const match of line.matchAll(/"([^"]*)"|'([^']*)'|(["'])|([^\s"']+)/g)) {
    if (match[3] !== undefined) return null;
    words.push(match[1] ?? match[2] ?? match[4] ?? '');
  }
  return words;
}

function parseArgs(command: Command, words: readonly string[]): Args {
  const flags = new Set<string>();
  const options = new Map<string, string>();
  const rest: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const letter = word.slice(1);
    // A number such as -1 is an argument, and so is everything that looks like a flag where none is expected.
    if (!/^-[A-Za-z]$/.test(word)) {
      if (word.startsWith('-') && word.length > 1 && !/^-\d/.test(word))
        throw usageError(command, `unknown flag ${word}`);
      rest.push(word);
    } else if (command.flags.includes(letter)) {
      flags.add(letter);
    } else if (command.options.includes(letter)) {
      const value = words[++i];
      if (value === undefined) throw usageError(command, `${word} needs a value`);
      options.set(letter, value);
    } else {
      throw usageError(command, `unknown flag ${word}`);
    }
  }
  const [min, max] = command.argCount;
  if (rest.length < min || rest.length > max)
    throw usageError(command, rest.length < min ? 'too few arguments' : 'too many arguments');
  return { flags, options, rest };
}

function usageError(command: Command, fault: string): CommandError {
  return new CommandError(`${fault}; usage: ${command.usage}`, 2);
}

function createModeOf(options: { readonly flags: ReadonlySet<string>; readonly ttlMs: number | undefined }): number {
  const { flags, ttlMs } = options;
  const [sequential, ephemeral] = [flags.has('s'), flags.has('e')];
  if (flags.has('c')) {
    if (sequential || ephemeral || ttlMs !== undefined)
      throw new CommandError('-c cannot be combined with -s, -e or -t', 2);
    return CreateMode.container;
  }
  if (ttlMs !== undefined) {
    if (ephemeral) throw new CommandError('TTLs cannot be used with ephemeral nodes', 2);
    return sequential ? CreateMode.persistentSequentialTtl : CreateMode.persistentTtl;
  }
  if (ephemeral) return sequential ? CreateMode.ephemeralSequential : CreateMode.ephemeral;
  return sequential ? CreateMode.persistentSequential : CreateMode.persistent;
}

function versionOf(options: ReadonlyMap<string, string>): number {
  const text = options.get('v');
  return text === undefined ? -1 : numberOf(text, '-v');
}

function numberOf(text: string, flag: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new CommandError(`${flag} must be a whole number, not "${text}"`, 2);
  return Number(text);
}

const PERM_LETTERS = [
  ['c', Perm.CREATE],
  ['d', Perm.DELETE],
  ['r', Perm.READ],
  ['w', Perm.WRITE],
  ['a', Perm.ADMIN],
] as const;

/**
 * `scheme:id:perms,scheme:id:perms`. A comma starts a new entry only where one can start: ids of x509 are full of commas
 * that zkCli cannot be given at all.
 */
export function parseAcl(text: string): Acl[] {
  return text.split(/(?<=:[cdrwa]*),(?=[a-z0-9]+:)/).map((entry) => {
    const match = /^([^:]+):(.*):([^:]*)$/s.exec(entry);
    if (match === null) throw new CommandError(`${entry} does not have the form scheme:id:perms`, 2);
    return { perms: permsOf(match[3] ?? ''), id: { scheme: match[1] ?? '', id: match[2] ?? '' } };
  });
}

function permsOf(text: string): number {
  let perms = 0;
  for (const letter of text) {
    const found = PERM_LETTERS.find(([name]) => name === letter);
    if (found === undefined) throw new CommandError(`unknown permission "${letter}"; there are c, d, r, w and a`, 2);
    perms |= found[1];
  }
  return perms;
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'utf8'));
}

// --- showing ---------------------------------------------------------------------------------------------------------

export function showStat(stat: Stat): string {
  return [
    `cZxid = 0x${stat.czxid.toString(16)}`,
    `ctime = ${showTime(stat.ctime)}`,
    `mZxid = 0x${stat.mzxid.toString(16)}`,
    `mtime = ${showTime(stat.mtime)}`,
    `pZxid = 0x${stat.pzxid.toString(16)}`,
    `cversion = ${stat.cversion}`,
    `dataVersion = ${stat.version}`,
    `aclVersion = ${stat.aversion}`,
    `ephemeralOwner = 0x${BigInt.asUintN(64, stat.ephemeralOwner).toString(16)}`,
    `dataLength = ${stat.dataLength}`,
    `numChildren = ${stat.numChildren}`,
  ].join('\n');
}

/** java.util.Date's form, in UTC: `Sun Nov 22 00:46:13 UTC 2026`. */
function showTime(ms: number): string {
  const [weekday, day, month, year, time] = new Date(ms).toUTCString().replace(',', '').split(' ');
  return `${weekday} ${month} ${day} ${time} UTC ${year}`;
}

export function showAcl({ id, perms }: Acl): string {
  const letters = PERM_LETTERS.filter(([, perm]) => (perms & perm) !== 0).map(([letter]) => letter);
  return `'${id.scheme},'${id.id}\n: ${letters.join('')}`;
}

export function showEvent(event: WatchedEvent): string {
  const name = Object.entries(EventType).find(([, type]) => type === event.type)?.[0] ?? `event${event.type}`;
  const type = name.charAt(0).toUpperCase() + name.slice(1);
  return `\nWATCHER::\n\nWatchedEvent state:SyncConnected type:${type} path:${event.path}`;
}

/** What zkCli.sh says. */
function explain({ code, path }: ZooKeeperError): string {
  const said = EXPLANATIONS[code];
  if (said !== undefined) return `${said}${path ?? ''}`;
  return path === null ? codeName(code) : `${codeName(code)} for ${path}`;
}

const EXPLANATIONS: { readonly [code: number]: string } = {
  [Code.NONODE]: 'Node does not exist: ',
  [Code.NODEEXISTS]: 'Node already exists: ',
  [Code.NOTEMPTY]: 'Node not empty: ',
  [Code.NOCHILDRENFOREPHEMERALS]: 'Ephemerals cannot have children: ',
  [Code.BADVERSION]: 'version No is not valid : ',
  [Code.NOAUTH]: 'Insufficient permission : ',
  [Code.INVALIDACL]: 'Acl is not valid : ',
  [Code.BADARGUMENTS]: 'Arguments are not valid : ',
  [Code.QUOTAEXCEEDED]: 'Quota has exceeded : ',
};
