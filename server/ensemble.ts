/**
 * A whole ensemble on this machine's loopback: configuration, certificates and processes. The demonstration and the test
 * of the ensemble are made of this; a real ensemble has the same files, one server to a machine.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Address } from '../core/io.ts';
import { makePki, pkiPaths } from './pki.ts';
import { newSecret } from './serve.ts';

const HOST = '127.0.0.1';
/** Beside this file's directory, wherever it was bundled to. */
const VIVARIUM = fileURLToPath(new URL('../scripts/vivarium.mjs', import.meta.url));

export interface ServerPorts {
  readonly secureClient: number;
  readonly quorum: number;
  readonly election: number;
}

export interface Ensemble {
  readonly dir: string;
  readonly pkiDir: string;
  readonly servers: readonly { readonly id: number; readonly config: string; readonly client: Address }[];
  /** Flags of `vivarium cli` that reach it. */
  readonly cliFlags: string;
}

/** Writes everything the servers need below `dir`; server N gets the N-th ports. */
export async function layOutEnsemble(dir: string, ports: readonly ServerPorts[]): Promise<Ensemble> {
  const pkiDir = join(dir, 'pki');
  const ids = ports.map((_, index) => index + 1);
  await makePki(pkiDir, {
    servers: ids.map((id) => ({ id, hosts: [HOST, '::1', 'localhost'] })),
    clients: ['admin'],
    days: 30,
  });
  const secretFile = join(dir, 'session-secret');
  writeFileSync(secretFile, newSecret(), { mode: 0o600 });
  const members = ports.map(({ quorum, election }, index) => `server.${index + 1}=${HOST}:${quorum}:${election}`);
  const servers = ports.map(({ secureClient }, index) => {
    const id = index + 1;
    const dataDir = join(dir, `data-${id}`);
    const config = join(dir, `zoo-${id}.cfg`);
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(join(dataDir, 'myid'), `${id}\n`);
    writeFileSync(config, zooCfg({ id, dataDir, pkiDir, secretFile, secureClient, members }));
    return { id, config, client: { host: HOST, port: secureClient } };
  });
  const hosts = servers.map(({ client }) => `${client.host}:${client.port}`).join(',');
  const cliFlags = `-server ${hosts} --ca ${pkiPaths.authority(pkiDir, 'servers')} --cert ${pkiPaths.client(pkiDir, 'admin')}`;
  return { dir, pkiDir, servers, cliFlags };
}

function zooCfg(options: {
  readonly id: number;
  readonly dataDir: string;
  readonly pkiDir: string;
  readonly secretFile: string;
  readonly secureClient: number;
  readonly members: readonly string[];
}): string {
  const { id, pkiDir } = options;
  return `# Short ticks: on one machine nothing is far away.
tickTime=500
initLimit=20
syncLimit=10
dataDir=${options.dataDir}
secureClientPort=${options.secureClient}
secureClientPortAddress=${HOST}
4lw.commands.whitelist=srvr,mntr,hash,ruok,isro,conf
maxSessionTimeout=40000
preAllocSize=64
vivarium.sessionSecretFile=${options.secretFile}

ssl.keyStore.location=${pkiPaths.serverClientPort(pkiDir, id)}
ssl.trustStore.location=${pkiPaths.authority(pkiDir, 'clients')}
client.certReload=true

sslQuorum=true
ssl.quorum.keyStore.location=${pkiPaths.serverQuorum(pkiDir, id)}
ssl.quorum.trustStore.location=${pkiPaths.authority(pkiDir, 'quorum')}
sslQuorumReloadCertFiles=true

${options.members.join('\n')}
`;
}

/** Starts one server as a process of its own. */
export function startServer(config: string, onLine: (line: string) => void): ChildProcess {
  const child = spawn(process.execPath, [VIVARIUM, 'serve', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  readLines(child, onLine);
  return child;
}

/** Hands on what a process prints, line by line. */
export function readLines(child: ChildProcess, onLine: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8');
    stream?.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
  }
}

/** Resolves when the process is gone, however it went. */
export function whenGone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
