/**
 * The whole thing for real: three processes on loopback, TLS with certificates on both sides everywhere, one client. The
 * leader is killed without warning while the client writes; the client goes on within its session; the killed server comes
 * back; and everything that was acknowledged is found on all three, which agree on every replicated bit.
 */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Code, CreateMode } from '../../core/wire/opcodes.ts';
import { connect, type ZooKeeper, ZooKeeperError } from '../../server/client.ts';
import { type Ensemble, layOutEnsemble, startServer, whenGone } from '../../server/ensemble.ts';
import { askFourLetterWord, modeOf } from '../../server/four-letter.ts';
import { makePki, pkiPaths } from '../../server/pki.ts';
import { type ChannelTls, dialOptions, loadClientTls } from '../../server/tls.ts';
import { freePort } from './ports.ts';

let dir = '';
let ensemble: Ensemble;
let tls: ChannelTls;
const running = new Map<number, ChildProcess>();
const output: string[] = [];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vivarium-ensemble-'));
  const ports = [];
  for (let id = 1; id <= 3; id++) {
    ports.push({ secureClient: await freePort(), quorum: await freePort(), election: await freePort() });
  }
  ensemble = await layOutEnsemble(dir, ports);
  tls = loadClientTls({
    ca: pkiPaths.authority(ensemble.pkiDir, 'servers'),
    cert: pkiPaths.client(ensemble.pkiDir, 'admin'),
    key: null,
    verifyHost: true,
  });
});

afterAll(async () => {
  for (const child of running.values()) child.kill('SIGKILL');
  await Promise.all([...running.values()].map(whenGone));
  rmSync(dir, { recursive: true, force: true });
});

test('a killed leader loses nothing that was acknowledged, and the session goes on', async () => {
  for (const { id } of ensemble.servers) start(id);
  const first = await until('a leader', leader);
  const zk = await connect({ hosts: hosts(), tls, sessionTimeoutMs: 20_000 });
  const session = zk.sessionId;
  await zk.create('/counter', bytes('0'));
  await zk.create('/mine', null, { mode: CreateMode.ephemeral });
  const events: string[] = [];
  await zk.getData('/counter', ({ path }) => events.push(path));

  const acknowledged = await writeThrough(zk, { killAfter: 30, total: 80, kill: () => kill(first) });
  expect(zk.sessionId).toBe(session);
  expect(await zk.exists('/mine')).not.toBe(null);
  expect(await zk.whoAmI()).toContainEqual({ authScheme: 'x509', user: 'CN=admin' });
  const second = await until('another leader', leader);
  expect(second).not.toBe(first);

  start(first);
  await until('three serving servers', async () => ((await modes()).includes(null) ? null : true));
  await zk.setData('/counter', bytes('changed'));
  expect(events).toEqual(['/counter']);

  for (const { id } of ensemble.servers) expect(await missingOn(id, acknowledged)).toEqual([]);
  const digests = await until('equal digests', equalDigests);
  expect(new Set(digests).size).toBe(1);
  await newCertificates();
  await zk.close();
  await until('the ephemeral node is gone everywhere', async () => ((await anywhere('/mine')) ? null : true));
}, 58_000);

/** Makes new ones of the same authorities, and waits until every server has read and shows its own. */
async function newCertificates(): Promise<void> {
  const servers = ensemble.servers.map(({ id }) => ({ id, hosts: ['127.0.0.1', '::1', 'localhost'] }));
  const before = await Promise.all(ensemble.servers.map(serialOf));
  await makePki(ensemble.pkiDir, { servers, clients: [], days: 30 });
  await until('every server shows its new certificate', async () => {
    const now = await Promise.all(ensemble.servers.map(serialOf));
    return now.some((serial, index) => serial === before[index]) ? null : true;
  });
  await until('every server has read those for the others', async () => {
    const read = output.filter((line) => line.includes('ssl.quorum.*: keys and certificates have been read again'));
    return read.length >= servers.length ? true : null;
  });
}

async function serialOf({ client }: Ensemble['servers'][number]): Promise<string> {
  const socket = connectTls(dialOptions(tls, client));
  await once(socket, 'secureConnect');
  const serial = socket.getPeerX509Certificate()?.serialNumber ?? '';
  socket.destroy();
  return serial;
}

/** Creates nodes one after the other, kills on the way, and answers the names that were acknowledged. */
async function writeThrough(
  zk: ZooKeeper,
  plan: { readonly total: number; readonly killAfter: number; readonly kill: () => void },
): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let index = 0; index < plan.total; index++) {
    if (index === plan.killAfter) plan.kill();
    const path = `/node-${index}`;
    if (await createSurely(zk, path)) acknowledged.push(path);
  }
  expect(acknowledged.length).toBe(plan.total);
  return acknowledged;
}

/** After a lost connection nobody knows whether the node was made, so it is tried until it is certainly there. */
async function createSurely(zk: ZooKeeper, path: string): Promise<boolean> {
  for (;;) {
    try {
      await zk.create(path, bytes(path));
      return true;
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
      if (error.code === Code.NODEEXISTS) return true;
      if (error.code !== Code.CONNECTIONLOSS) throw error;
    }
  }
}

// --- servers ---------------------------------------------------------------------------------------------------------

function start(id: number): void {
  running.set(
    id,
    startServer(serverOf(id).config, (line) => output.push(line)),
  );
}

function kill(id: number): void {
  running.get(id)?.kill('SIGKILL');
  running.delete(id);
}

function serverOf(id: number): Ensemble['servers'][number] {
  return ensemble.servers.find((server) => server.id === id) ?? expect.fail(`no server ${id}`);
}

function hosts(): string {
  return ensemble.servers.map(({ client }) => `${client.host}:${client.port}`).join(',');
}

/** What each server is; null for one that does not serve. */
async function modes(): Promise<(string | null)[]> {
  const found = await Promise.all(ensemble.servers.map(({ client }) => modeOf(client, tls)));
  return found.map((mode) => (mode === 'leader' || mode === 'follower' ? mode : null));
}

async function leader(): Promise<number | null> {
  const index = (await modes()).indexOf('leader');
  return index < 0 ? null : (ensemble.servers[index]?.id ?? null);
}

/** zxid and digests of every server, when they are equal. */
async function equalDigests(): Promise<string[] | null> {
  const told = await Promise.all(
    ensemble.servers.map(async ({ client }) => {
      const text = (await askFourLetterWord(client, 'mntr', tls)) ?? '';
      return text
        .split('\n')
        .filter((line) => /^zk_(last_zxid|tree_digest|state_digest)\t/.test(line))
        .join(' ');
    }),
  );
  const [one = ''] = told;
  return one !== '' && told.every((other) => other === one) ? told : null;
}

/** Which of the paths this very server does not have. */
async function missingOn(id: number, paths: readonly string[]): Promise<string[]> {
  const zk = await connectTo(id);
  await zk.sync('/');
  const { children } = await zk.getChildren('/');
  const there = new Set(children.map((name) => `/${name}`));
  await zk.close();
  return paths.filter((path) => !there.has(path));
}

async function anywhere(path: string): Promise<boolean> {
  const found = await Promise.all(
    ensemble.servers.map(async ({ id }) => {
      const zk = await connectTo(id);
      const stat = await zk.exists(path);
      await zk.close();
      return stat !== null;
    }),
  );
  return found.includes(true);
}

function connectTo(id: number): Promise<ZooKeeper> {
  const { host, port } = serverOf(id).client;
  return connect({ hosts: `${host}:${port}`, tls });
}

/** Asks again and again; the test's own deadline is the limit, and the servers' words are shown when it is missed. */
async function until<T>(what: string, ask: () => Promise<T | null>): Promise<T> {
  const giveUpAt = Date.now() + 30_000;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() > giveUpAt) expect.fail(`waited in vain for ${what}\n${output.slice(-60).join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}
