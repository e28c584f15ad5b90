/**
 * `npm start`: three servers on this machine, as three processes, with certificates made for the occasion: TLS with
 * certificates on both sides between the servers and towards clients. Everything is below one temporary directory, which
 * goes away with the demonstration.
 */

import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ensemble, layOutEnsemble, type ServerPorts, startServer, whenGone } from './ensemble.ts';
import { modeOf } from './four-letter.ts';
import { pkiPaths } from './pki.ts';
import { loadClientTls } from './tls.ts';

const SERVER_COUNT = 3;
const LOOK_EVERY_MS = 500;

async function demo(): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'vivarium-demo-'));
  try {
    say(`making certificates and configurations in ${dir}`);
    const ensemble = await layOutEnsemble(dir, await choosePorts());
    return await run(ensemble);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function run(ensemble: Ensemble): Promise<number> {
  const children = ensemble.servers.map(({ id, config, client }) => {
    const child = startServer(config, (line) => {
      if (/WARNING|STOPPED|^vivarium:|Error/.test(line)) say(line);
    });
    say(`server ${id}: process ${child.pid}, secureClientPort ${client.port}`);
    return child;
  });
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('interrupted'));
  });
  const watching = watchModes(ensemble, children);
  const gone = Promise.all(children.map(whenGone)).then(() => 'gone' as const);
  const why = await Promise.race([interrupted, gone]);
  watching.stop();
  if (why === 'gone') {
    say('no server is left');
    return 1;
  }
  say('stopping');
  for (const child of children) child.kill('SIGTERM');
  await gone;
  say('stopped');
  return 0;
}

/** Says what each server does, whenever that changes. */
function watchModes(ensemble: Ensemble, children: readonly ChildProcess[]): { readonly stop: () => void } {
  const tls = loadClientTls({
    ca: pkiPaths.authority(ensemble.pkiDir, 'servers'),
    cert: pkiPaths.client(ensemble.pkiDir, 'admin'),
    key: null,
    verifyHost: true,
  });
  const said = new Map<number, string>();
  let explained = false;
  let stopped = false;
  const look = async (): Promise<void> => {
    await Promise.all(ensemble.servers.map((server, index) => lookAt(server, children[index])));
    if (!explained && [...said.values()].includes('leader')) {
      explained = true;
      explain(ensemble);
    }
  };
  const lookAt = async (server: Ensemble['servers'][number], child: ChildProcess | undefined): Promise<void> => {
    const alive = child !== undefined && child.exitCode === null && child.signalCode === null;
    const mode = alive ? ((await modeOf(server.client, tls)) ?? 'starting') : 'gone';
    if (stopped || said.get(server.id) === mode) return;
    said.set(server.id, mode);
    say(`server ${server.id}: ${mode}`);
  };
  const again = (): void => {
    if (stopped) return;
    look().then(
      () => setTimeout(again, LOOK_EVERY_MS),
      (cause: unknown) => say(`cannot look at the servers: ${String(cause)}`),
    );
  };
  again();
  return {
    stop: () => {
      stopped = true;
    },
  };
}

function explain(ensemble: Ensemble): void {
  const cli = `node scripts/vivarium.mjs cli ${ensemble.cliFlags}`;
  say(`
The ensemble serves. From another terminal, in this directory:

  ${cli} create /hello world
  ${cli} get -s /hello
  ${cli}

(the last one opens a prompt). Kill a server's process and see the others go on. Ctrl-C here ends it all.
`);
}

/** Ports that are easy to remember where they are free, others where they are not. */
async function choosePorts(): Promise<ServerPorts[]> {
  const ports: ServerPorts[] = [];
  for (let index = 0; index < SERVER_COUNT; index++) {
    ports.push({
      secureClient: await portNear(2281 + index),
      quorum: await portNear(2881 + index),
      election: await portNear(3881 + index),
    });
  }
  return ports;
}

async function portNear(wanted: number): Promise<number> {
  return (await tryPort(wanted)) ?? (await tryPort(0)) ?? wanted;
}

function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : null));
    });
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

demo().then(
  (code) => {
    process.exitCode = code;
  },
  (cause: unknown) => {
    process.stderr.write(`vivarium: ${cause instanceof Error ? cause.stack : String(cause)}\n`);
    process.exitCode = 1;
  },
);
