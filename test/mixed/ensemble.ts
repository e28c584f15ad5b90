/**
 * Ensembles on loopback of which some servers are real Java ones and the others ours: one zoo.cfg for both, since ours takes
 * the same keys, and a data directory that may change hands between two starts.
 *
 * Every server is a process of its own, ended by the handle it was started with. What it prints is kept, and shown when a
 * test fails.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFailed, onTestFinished } from 'vitest';
import type { ClientSession } from '../../core/client/io.ts';
import type { Address } from '../../core/io.ts';
import { connect, type ZooKeeper } from '../../server/client.ts';
import { readLines, startServer, whenGone } from '../../server/ensemble.ts';
import { askFourLetterWord, modeOf } from '../../server/four-letter.ts';
import { makePki, pkiPaths } from '../../server/pki.ts';
import { freePort } from '../server/ports.ts';
import { JAVA, type Release } from './releases.ts';

/** Whose program a server runs. */
export type Kind = Release | 'ours';

export interface Member {
  readonly id: number;
  readonly kind: Kind;
  readonly observer?: boolean;
}

interface Server {
  readonly id: number;
  readonly dataDir: string;
  readonly config: string;
  readonly client: Address;
  /** Its line in a configuration, as reconfigurations take it too. */
  readonly line: string;
  kind: Kind;
  child: ChildProcess | null;
  readonly output: string[];
}

const HOST = '127.0.0.1';
/** Long, since a machine may be busy; nothing waits as long as this unless something is wrong. */
const PATIENCE_MS = 120_000;
const LOOK_EVERY_MS = 100;
const SESSION_MS = 30_000;
const LINES_SHOWN = 60;

/** Small and quick to start rather than fast; and a TRUNC is said at the level of debugging, to either of two loggers. */
const JVM_FLAGS = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.log.org.apache.zookeeper.server.quorum.LearnerHandler=debug',
];

const LOGBACK = `<configuration>
  <appender name="E" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target>
    <encoder><pattern>%d{HH:mm:ss.SSS} %-5level %logger{0} - %msg%n%ex</pattern></encoder>
  </appender>
  <logger name="org.apache.zookeeper.server.quorum.LearnerHandler" level="DEBUG"/>
  <root level="INFO"><appender-ref ref="E"/></root>
</configuration>
`;

export interface EnsembleOptions {
  readonly members: readonly Member[];
  /** Lines of every zoo.cfg. */
  readonly settings?: readonly string[];
  readonly quorumTls?: boolean;
}

export class MixedEnsemble {
  readonly dir: string;
  private readonly servers = new Map<number, Server>();
  private readonly clients: ZooKeeper[] = [];
  private readonly settings: readonly string[];
  private readonly quorumTls: boolean;

  /** Lays out the files of an ensemble for the test that is running; it goes away with the test. */
  static async of(options: EnsembleOptions): Promise<MixedEnsemble> {
    const ensemble = new MixedEnsemble(options);
    onTestFailed(() => ensemble.show());
    onTestFinished(() => ensemble.remove());
    for (const member of options.members) await ensemble.add(member);
    const ids = options.members.map(({ id }) => id);
    if (options.quorumTls === true) {
      await makePki(ensemble.pkiDir, { servers: ids.map((id) => ({ id, hosts: [HOST] })), clients: [], days: 2 });
    }
    for (const id of ids) ensemble.configure(id, ids);
    return ensemble;
  }

  private constructor({ settings, quorumTls }: EnsembleOptions) {
    this.dir = mkdtempSync(join(tmpdir(), 'vivarium-mixed-'));
    this.settings = settings ?? [];
    this.quorumTls = quorumTls ?? false;
    writeFileSync(this.logback, LOGBACK);
  }

  private get pkiDir(): string {
    return join(this.dir, 'pki');
  }

  private get logback(): string {
    return join(this.dir, 'logback.xml');
  }

  // --- files -----------------------------------------------------------------------------------------------------------

  /** A server that may be started once it is configured. */
  async add({ id, kind, observer }: Member): Promise<void> {
    const dataDir = join(this.dir, `data-${id}`);
    mkdirSync(dataDir, { mode: 0o700 });
    writeFileSync(join(dataDir, 'myid'), `${id}\n`);
    const client = { host: HOST, port: await newPort() };
    const role = observer === true ? 'observer' : 'participant';
    const line = `server.${id}=${HOST}:${await newPort()}:${await newPort()}:${role};${HOST}:${client.port}`;
    const config = join(this.dir, `zoo-${id}.cfg`);
    this.servers.set(id, { id, dataDir, config, client, line, kind, child: null, output: [] });
  }

  /** Writes the zoo.cfg of a server that is to know these members. */
  configure(id: number, members: readonly number[]): void {
    const { config, dataDir, line } = this.server(id);
    const text = [
      'tickTime=500',
      'initLimit=60',
      'syncLimit=30',
      'maxSessionTimeout=60000',
      `dataDir=${dataDir}`,
      '4lw.commands.whitelist=*',
      'admin.enableServer=false',
      'preAllocSize=64',
      'snapCount=100000',
      ...(line.includes(':observer;') ? ['peerType=observer'] : []),
      ...(this.quorumTls ? this.tlsLines(id) : []),
      ...this.settings,
      ...members.map((member) => this.lineOf(member)),
    ];
    writeFileSync(config, `${text.join('\n')}\n`);
  }

  private tlsLines(id: number): string[] {
    return [
      'sslQuorum=true',
      `ssl.quorum.keyStore.location=${pkiPaths.serverQuorum(this.pkiDir, id)}`,
      'ssl.quorum.keyStore.type=PEM',
      `ssl.quorum.trustStore.location=${pkiPaths.authority(this.pkiDir, 'quorum')}`,
      'ssl.quorum.trustStore.type=PEM',
    ];
  }

  /** What stands in a server's zoo.cfg now; Java rewrites it when it reconfigures. */
  configText(id: number): string {
    return readFileSync(this.server(id).config, 'utf8');
  }

  dataDir(id: number): string {
    return this.server(id).dataDir;
  }

  lineOf(id: number): string {
    return this.server(id).line;
  }

  // --- processes -------------------------------------------------------------------------------------------------------

  start(...ids: readonly number[]): void {
    for (const id of ids) {
      const server = this.server(id);
      expect(server.child).toBe(null);
      const child =
        server.kind === 'ours'
          ? startServer(server.config, (line) => server.output.push(line))
          : this.startJava(server.kind, ['org.apache.zookeeper.server.quorum.QuorumPeerMain', server.config]);
      if (server.kind !== 'ours') readLines(child, (line) => server.output.push(line));
      server.output.push(`--- process ${child.pid}`);
      server.child = child;
    }
  }

  private startJava({ classPath }: Release, args: readonly string[]): ChildProcess {
    const flags = [...JVM_FLAGS, `-Dlogback.configurationFile=${this.logback}`, '-cp', classPath];
    return spawn(JAVA, [...flags, ...args], { cwd: this.dir, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  /** Without warning. */
  kill(...ids: readonly number[]): Promise<void> {
    return this.end(ids, 'SIGKILL');
  }

  stop(...ids: readonly number[]): Promise<void> {
    return this.end(ids, 'SIGTERM');
  }

  private async end(ids: readonly number[], signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await Promise.all(
      ids.map(async (id) => {
        const server = this.server(id);
        const { child } = server;
        if (child === null) return;
        child.kill(signal);
        await whenGone(child);
        server.child = null;
      }),
    );
  }

  /** Stands still with its connections open, until it is killed. */
  freeze(...ids: readonly number[]): void {
    for (const id of ids) this.server(id).child?.kill('SIGSTOP');
  }

  /** Another program takes over the files of a server that does not run. */
  become(id: number, kind: Kind): void {
    const server = this.server(id);
    expect(server.child).toBe(null);
    server.kind = kind;
  }

  // --- looking ---------------------------------------------------------------------------------------------------------

  mode(id: number): Promise<string | null> {
    return modeOf(this.server(id).client, null);
  }

  async word(id: number, word: string): Promise<string> {
    return (await askFourLetterWord(this.server(id).client, word, null)) ?? '';
  }

  /** Waits until these servers serve, and answers which of them leads. */
  async serving(...ids: readonly number[]): Promise<number> {
    return await until(`servers ${ids.join(', ')} serve`, async () => {
      const modes = await Promise.all(ids.map((id) => this.mode(id)));
      for (const id of ids) this.mustRun(id);
      if (!modes.every((mode) => mode === 'leader' || mode === 'follower' || mode === 'observer')) return null;
      const leader = modes.indexOf('leader');
      return leader < 0 ? null : (ids[leader] ?? null);
    });
  }

  private mustRun(id: number): void {
    const { child } = this.server(id);
    if (child?.exitCode !== null || child.signalCode !== null) expect.fail(`server ${id} has ended`);
  }

  /** What a server has printed since its last start. */
  outputOf(id: number): readonly string[] {
    const { output } = this.server(id);
    return output.slice(output.findLastIndex((line) => line.startsWith('--- process')));
  }

  /** How the leader says that it brings a learner level, last: by what is missing, by cutting off first, or by everything. */
  syncKind(leader: number): 'DIFF' | 'TRUNC' | 'SNAP' | null {
    const said = this.outputOf(leader).findLast((line) => SYNC_SAID.some(([pattern]) => pattern.test(line)));
    return SYNC_SAID.find(([pattern]) => pattern.test(said ?? ''))?.[1] ?? null;
  }

  // --- clients ---------------------------------------------------------------------------------------------------------

  /** Our client, through one server, or through any of several. */
  async client(
    ids: number | readonly number[],
    session?: ClientSession,
    sessionTimeoutMs?: number,
  ): Promise<ZooKeeper> {
    const zk = await connect({
      hosts: this.hosts(typeof ids === 'number' ? [ids] : ids),
      sessionTimeoutMs: sessionTimeoutMs ?? SESSION_MS,
      connectTimeoutMs: PATIENCE_MS,
      ...(session === undefined ? {} : { session }),
    });
    this.clients.push(zk);
    return zk;
  }

  private hosts(ids: readonly number[]): string {
    return ids.map((id) => `${HOST}:${this.server(id).client.port}`).join(',');
  }

  /** The Java client's command line: feeds it commands, and answers all that it prints on standard output. */
  async javaClient(release: Release, id: number, commands: readonly string[]): Promise<string> {
    const child = this.startJava(release, ['org.apache.zookeeper.ZooKeeperMain', '-server', this.hosts([id])]);
    const lines: string[] = [];
    readLines(child, (line) => lines.push(line));
    child.stdin?.end(`${commands.join('\n')}\nquit\n`);
    await whenGone(child);
    return lines.join('\n');
  }

  // --- end -------------------------------------------------------------------------------------------------------------

  private server(id: number): Server {
    return this.servers.get(id) ?? expect.fail(`no server ${id}`);
  }

  private show(): void {
    for (const { id, kind, output } of this.servers.values()) {
      const who = kind === 'ours' ? 'ours' : `Java ${kind.version}`;
      const lines = output.filter((line) => !/Processing \w+ command/.test(line)).slice(-LINES_SHOWN);
      process.stderr.write(`--- server ${id} (${who})\n${lines.join('\n')}\n`);
    }
  }

  private async remove(): Promise<void> {
    for (const zk of this.clients) zk.abandon();
    await this.kill(...this.servers.keys());
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** The lines of LearnerHandler.syncFollower, and our notes. */
const SYNC_SAID: readonly (readonly [RegExp, 'DIFF' | 'TRUNC' | 'SNAP'])[] = [
  [/Sending TRUNC|zab\.sync\.trunc/, 'TRUNC'],
  [/Sending DIFF|zab\.sync\.diff/, 'DIFF'],
  [/Sending snapshot|zab\.sync\.snap/, 'SNAP'],
];

const portsGiven = new Set<number>();

/** One that nobody listens at, and that was not given before: a port that was only tried is free again at once. */
async function newPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (portsGiven.has(port)) continue;
    portsGiven.add(port);
    return port;
  }
}

/** Looks again and again until there is an answer. */
export async function until<T>(what: string, look: () => Promise<T | null> | T | null): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > deadline) expect.fail(`not in time: ${what}`);
    await sleep(LOOK_EVERY_MS);
  }
}
