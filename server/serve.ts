/**
 * `vivarium serve zoo.cfg`: reads the configuration and the files it names, says what is wrong with it or what one should
 * know about it, and runs the server until it is told to stop or cannot go on.
 */

import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TlsPrefix, TlsSettings } from '../core/config/tls.ts';
import type { PeerConfig } from '../core/config/types.ts';
import { filesNamedIn, parseZooCfg, type ShellConfig, type ZooCfg } from '../core/config/zoo-cfg.ts';
import type { NoteFields } from '../core/io.ts';
import { showSession, showZxid } from '../core/types.ts';
import { Node } from './node.ts';
import { LOOK_EVERY_MS, reloadWhenChanged } from './reload.ts';
import { type ChannelTls, loadTls, type TlsChannels, TlsConfigError } from './tls.ts';

/** Exit codes: the configuration is wrong, and the server had to stop by itself. */
export const EXIT_CONFIG = 2;
export const EXIT_HALTED = 3;

/** A configuration that cannot be run, one line for each reason. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

export interface ServeOptions {
  /** Path of zoo.cfg. */
  readonly path: string;
  /** Prints every note of the core. */
  readonly verbose: boolean;
  /** Directory for a recording of every input, or null. */
  readonly recordDir: string | null;
}

/** Answers the exit code of the process. */
export function serve(options: ServeOptions): Promise<number> {
  const setup = prepare(options.path);
  const { config, shell, secret } = setup;
  const log = (line: string): void => {
    process.stdout.write(`${new Date().toISOString()} server ${config.myid}: ${line}\n`);
  };
  for (const warning of setup.warnings) log(`WARNING ${warning}`);
  log(introduction(config, shell));
  return new Promise((resolve) => {
    const node = new Node({
      config,
      secrets: { generation: 1, sessionSecret: secret, jitterSeed: randomInt(0x1_0000_0000) },
      roots: { dataDir: shell.dataDir, dataLogDir: shell.dataLogDir },
      tls: setup.tls,
      tcpKeepAlive: shell.properties.get('tcpKeepAlive') === 'true',
      clientBacklog: shell.clientPortListenBacklog,
      recordDir: options.recordDir,
      log: (line) => log(line),
      note: (code, fields) => {
        if (options.verbose || !ROUTINE.test(code)) log(showNote(code, fields));
      },
      halted: (reason) => {
        log(`STOPPED: ${reason}`);
        resolve(EXIT_HALTED);
      },
    });
    watchCertificates(shell, node, log);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        log(`stopping on ${signal}`);
        node.stop().then(
          () => resolve(0),
          () => resolve(1),
        );
      });
    }
  });
}

/** Where the configuration asks for it. Looking at files keeps no process alive, so nothing has to stop it. */
function watchCertificates(shell: ShellConfig, node: Node, log: (line: string) => void): void {
  const watch = (channel: keyof TlsChannels, settings: TlsSettings | null, prefix: TlsPrefix): void => {
    if (settings === null) return;
    const renew = (material: ChannelTls): void => node.renewTls(channel, material);
    reloadWhenChanged({ settings, prefix, lookEveryMs: LOOK_EVERY_MS, renew, log });
  };
  const isOn = (key: string): boolean => shell.properties.get(key)?.toLowerCase() === 'true';
  if (isOn('sslQuorumReloadCertFiles')) watch('quorum', quorumSettings(shell), 'ssl.quorum.');
  if (isOn('client.certReload')) watch('client', shell.clientTls, 'ssl.');
}

/** What happens for every transaction, connection or vote. */
const ROUTINE = /^(zab\.(proposal|ack|committed|applied)\b|election\.(vote|cnx)\.|client\.(conn|session)\.)/;

function showNote(code: string, fields: NoteFields): string {
  return [code, ...Object.entries(fields).map(([name, value]) => `${name}=${showField(name, value)}`)].join(' ');
}

function showField(name: string, value: NoteFields[string]): string {
  if (typeof value === 'number' && /zxid$/i.test(name)) return showZxid(value);
  return typeof value === 'bigint' ? showSession(value) : String(value);
}

function introduction(config: PeerConfig, shell: ShellConfig): string {
  const ports = [
    config.clientAddress === null ? null : `clientPort ${config.clientAddress.host}:${config.clientAddress.port}`,
    config.secureClientAddress === null
      ? null
      : `secureClientPort ${config.secureClientAddress.host}:${config.secureClientAddress.port} (TLS)`,
    config.membership === null ? 'standalone' : `one of ${config.membership.servers.length} servers`,
    config.sslQuorum ? 'TLS between servers' : null,
  ];
  return `starting: ${ports.filter((port) => port !== null).join(', ')}; data in ${shell.dataDir}`;
}

// --- preparing -------------------------------------------------------------------------------------------------------

export interface Setup {
  readonly config: PeerConfig;
  readonly shell: ShellConfig;
  readonly tls: TlsChannels;
  readonly secret: Uint8Array;
  readonly warnings: readonly string[];
}

/** Everything that can be wrong is found here, before a socket or a log file is opened. Throws `ConfigError`. */
export function prepare(path: string): Setup {
  const parsed = readZooCfg(path);
  if (!parsed.ok) throw new ConfigError(parsed.problems);
  const { shell } = parsed;
  for (const dir of new Set([shell.dataDir, shell.dataLogDir])) prepareDirectory(dir, shell.dataDirAutocreate);
  const secret = secretFor(parsed.config, shell);
  return {
    config: secret.config,
    shell,
    tls: loadChannels(parsed.config, shell),
    secret: secret.bytes,
    warnings: [...parsed.warnings, ...secret.warnings],
  };
}

function readZooCfg(path: string): ZooCfg {
  const text = readIfThere(path);
  if (text === null) throw new ConfigError([`cannot read ${path}`]);
  const named = filesNamedIn(text);
  return parseZooCfg(text, {
    myid: named.dataDir === null ? null : readIfThere(join(named.dataDir, 'myid')),
    dynamic: named.dynamicConfigFile === null ? null : readIfThere(named.dynamicConfigFile),
    dynamicNext: readIfThere(`${path}.dynamic.next`),
  });
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function prepareDirectory(dir: string, create: boolean): void {
  if (existsSync(dir)) return;
  if (!create) throw new ConfigError([`${dir} does not exist and datadir.autocreate is false`]);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
}

/** A server that shows no certificate is no server, whatever ssl.quorum.clientAuth says. */
function quorumSettings({ quorumTls }: ShellConfig): TlsSettings | null {
  return quorumTls === null ? null : { ...quorumTls, clientAuth: 'need' };
}

function loadChannels(config: PeerConfig, shell: ShellConfig): TlsChannels {
  const quorumTls = quorumSettings(shell);
  try {
    return {
      quorum: quorumTls === null ? null : loadTls(quorumTls, 'ssl.quorum.'),
      client: shell.clientTls === null || config.secureClientAddress === null ? null : loadTls(shell.clientTls, 'ssl.'),
    };
  } catch (cause) {
    if (cause instanceof TlsConfigError) throw new ConfigError([cause.message]);
    throw cause;
  }
}

// --- the session secret ----------------------------------------------------------------------------------------------

/** BootSecrets asks for at least this much. */
const SECRET_BYTES_MIN = 16;
const SECRET_BYTES = 32;
/** Where a standalone server keeps the secret it made, so that sessions survive its restart. */
const OWN_SECRET_FILE = 'session-secret';

interface Secret {
  readonly config: PeerConfig;
  readonly bytes: Uint8Array;
  readonly warnings: readonly string[];
}

/**
 * Passwords of sessions are made from a secret that all servers of an ensemble must share, or no session could move. An
 * ensemble without one has to fall back to Java's formula, which anybody can compute who knows a session id.
 */
function secretFor(config: PeerConfig, shell: ShellConfig): Secret {
  if (shell.sessionSecretFile !== null) {
    return { config, bytes: readSecret(shell.sessionSecretFile), warnings: [] };
  }
  if (config.membership === null)
    return { config, bytes: ownSecret(join(shell.dataDir, OWN_SECRET_FILE)), warnings: [] };
  const warnings =
    config.sessionPassword === 'java'
      ? []
      : ['without vivarium.sessionSecretFile, whoever learns the id of a session can take it over'];
  return { config: { ...config, sessionPassword: 'java' }, bytes: randomBytes(SECRET_BYTES), warnings };
}

function readSecret(path: string): Uint8Array {
  const text = readIfThere(path)?.trim() ?? null;
  if (text === null) throw new ConfigError([`vivarium.sessionSecretFile: cannot read ${path}`]);
  const bytes = new Uint8Array(Buffer.from(text, 'utf8'));
  if (bytes.length >= SECRET_BYTES_MIN) return bytes;
  throw new ConfigError([`vivarium.sessionSecretFile: ${path} holds less than ${SECRET_BYTES_MIN} bytes`]);
}

function ownSecret(path: string): Uint8Array {
  if (!existsSync(path)) writeFileSync(path, newSecret(), { mode: 0o600, flag: 'wx' });
  return readSecret(path);
}

/** Text for a secret file. */
export function newSecret(): string {
  return `${randomBytes(SECRET_BYTES).toString('hex')}\n`;
}
