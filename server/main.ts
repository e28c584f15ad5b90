/** The command line: `vivarium serve`, `vivarium cli`, `vivarium pki`. */

import { type CliOptions, runCli } from './cli.ts';
import { parseHosts } from './client.ts';
import { commandHelp } from './commands.ts';
import { makePki, type PkiRequest } from './pki.ts';
import { ConfigError, EXIT_CONFIG, serve } from './serve.ts';
import { loadClientTls, TlsConfigError } from './tls.ts';

const HELP = `vivarium: a ZooKeeper

  vivarium serve ZOO.CFG [flags]
      runs a server
      --verbose        every note of the core, not only the rare ones
      --record DIR     writes every input to a file, from which the run can be repeated

  vivarium cli [flags] [command [arguments]]
      runs one command, or a prompt without one
      -server HOSTS    host:port,host:port/chroot   (default 127.0.0.1:2181)
      --ca FILE        connect by TLS and trust these authorities (PEM)
      --cert FILE      show this certificate (PEM, the key may be in the same file)
      --key FILE       private key of the certificate, when it is in a file of its own
      --tls            connect by TLS and trust the authorities of this system
      --no-verify-host the server's certificate need not name its host
      -timeout MS      session timeout (default 30000)
      -r               be content with a server that only reads
    commands:
${commandHelp().replace(/^/gm, '    ')}

  vivarium pki DIR [flags]
      makes authorities and certificates for an ensemble
      --server N=HOST[,HOST]   a server and the names and addresses it is dialled by; may be repeated
      --client NAME            a client; may be repeated
      --days DAYS              how long they are good (default 365)

exit codes: 0 done, 1 failed, 2 wrong command line or configuration, 3 the server had to stop`;

/** The person who typed it made a mistake; said in one line. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  if (command === undefined || command === '--help' || command === '-h' || command === 'help') {
    process.stdout.write(`${HELP}\n`);
    return command === undefined ? 2 : 0;
  }
  if (rest.includes('--help')) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  switch (command) {
    case 'serve':
      return runServe(rest);
    case 'cli':
      return runCli(cliOptions(rest));
    case 'pki':
      return runPki(rest);
    default:
      throw new UsageError(`unknown command "${command}"; there are serve, cli and pki (vivarium --help)`);
  }
}

async function runServe(args: readonly string[]): Promise<number> {
  const { values, flags, rest } = parseFlags(args, { values: ['--record'], flags: ['--verbose'] });
  const [path, extra] = rest;
  if (path === undefined || extra !== undefined) throw new UsageError('vivarium serve takes the path of one zoo.cfg');
  return serve({ path, verbose: flags.has('--verbose'), recordDir: values.get('--record')?.at(-1) ?? null });
}

async function runPki(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(args, { values: ['--server', '--client', '--days'], flags: [] });
  const [dir, extra] = rest;
  if (dir === undefined || extra !== undefined) throw new UsageError('vivarium pki takes one directory');
  const servers = (values.get('--server') ?? []).map(serverOf);
  const clients = values.get('--client') ?? [];
  const bad = clients.find((name) => !/^[A-Za-z0-9._-]{1,64}$/.test(name));
  if (bad !== undefined) throw new UsageError(`--client ${bad}: letters, digits, dots and dashes only`);
  if (servers.length === 0 && clients.length === 0) throw new UsageError('vivarium pki needs a --server or a --client');
  const days = numberIn(values, '--days', { otherwise: 365, max: 36_500 });
  const written = await makePki(dir, { servers, clients, days });
  process.stdout.write(`${written.join('\n')}\n`);
  return 0;
}

function serverOf(text: string): PkiRequest['servers'][number] {
  const match = /^(\d{1,3})=([^=\s]+)$/.exec(text);
  const id = Number(match?.[1] ?? -1);
  if (match === null || id > 254) throw new UsageError(`--server ${text}: expected N=HOST[,HOST]`);
  return { id, hosts: (match[2] ?? '').split(',').filter((host) => host !== '') };
}

// --- cli -------------------------------------------------------------------------------------------------------------

const CLI_FLAGS = {
  values: ['--server', '--ca', '--cert', '--key', '--timeout'],
  flags: ['--tls', '--no-verify-host', '--readonly'],
  /** zkCli.sh's spelling. */
  spellings: { '-server': '--server', '-timeout': '--timeout', '-r': '--readonly' } as Record<string, string>,
};

function cliOptions(args: readonly string[]): CliOptions {
  const { values, flags, rest } = parseFlags(args, { ...CLI_FLAGS, stopAtWord: true });
  const last = (name: string): string | null => values.get(name)?.at(-1) ?? null;
  const hosts = last('--server') ?? '127.0.0.1:2181';
  if (parseHosts(hosts) === null) throw new UsageError(`-server ${hosts}: expected host:port,host:port/chroot`);
  const [ca, cert, key] = [last('--ca'), last('--cert'), last('--key')];
  if (key !== null && cert === null) throw new UsageError('--key needs --cert');
  const wantsTls = flags.has('--tls') || ca !== null || cert !== null;
  return {
    hosts,
    tls: wantsTls ? loadClientTls({ ca, cert, key, verifyHost: !flags.has('--no-verify-host') }) : null,
    sessionTimeoutMs: numberIn(values, '--timeout', { otherwise: 30_000, max: 0x7fff_ffff }),
    readOnly: flags.has('--readonly'),
    words: rest,
  };
}

// --- flags -----------------------------------------------------------------------------------------------------------

interface FlagSpec {
  /** Flags followed by a value. */
  readonly values: readonly string[];
  readonly flags: readonly string[];
  readonly spellings?: Readonly<Record<string, string>>;
  /** Flags behind the first word that is none are not ours. */
  readonly stopAtWord?: boolean;
}

interface ParsedFlags {
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly flags: ReadonlySet<string>;
  readonly rest: readonly string[];
}

function parseFlags(args: readonly string[], spec: FlagSpec): ParsedFlags {
  const values = new Map<string, string[]>();
  const flags = new Set<string>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const typed = args[i]!;
    const name = spec.spellings?.[typed] ?? typed;
    if (!typed.startsWith('-')) {
      if (spec.stopAtWord === true) return { values, flags, rest: args.slice(i) };
      rest.push(typed);
    } else if (spec.flags.includes(name)) {
      flags.add(name);
    } else if (spec.values.includes(name)) {
      const value = args[++i];
      if (value === undefined) throw new UsageError(`${typed} needs a value`);
      values.set(name, [...(values.get(name) ?? []), value]);
    } else {
      throw new UsageError(`unknown flag ${typed} (vivarium --help)`);
    }
  }
  return { values, flags, rest };
}

function numberIn(
  values: ParsedFlags['values'],
  name: string,
  limits: { readonly otherwise: number; readonly max: number },
): number {
  const text = values.get(name)?.at(-1);
  if (text === undefined) return limits.otherwise;
  const number = Number(text);
  if (/^\d{1,10}$/.test(text) && number > 0 && number <= limits.max) return number;
  throw new UsageError(`${name} ${text}: expected a whole number from 1 to ${limits.max}`);
}

// --- run -------------------------------------------------------------------------------------------------------------

function reportMistake(cause: unknown): number {
  if (cause instanceof UsageError || cause instanceof TlsConfigError) {
    process.stderr.write(`vivarium: ${cause.message}\n`);
    return 2;
  }
  if (cause instanceof ConfigError) {
    for (const problem of cause.problems) process.stderr.write(`vivarium: ${problem}\n`);
    return EXIT_CONFIG;
  }
  throw cause;
}

main(process.argv.slice(2))
  .catch(reportMistake)
  .then(
    (code) => {
      process.exitCode = code;
    },
    (cause: unknown) => {
      process.stderr.write(`vivarium: ${cause instanceof Error ? cause.stack : String(cause)}\n`);
      process.exitCode = 1;
    },
  );
