/** Certificates that change under a running server, over real TLS sockets: new connections see the new ones, open ones stay. */

import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TlsSettings } from '../../core/config/tls.ts';
import { makePki, pkiPaths } from '../../server/pki.ts';
import { reloadWhenChanged } from '../../server/reload.ts';
import { Sockets } from '../../server/sockets.ts';
import { loadTls } from '../../server/tls.ts';
import { freePort } from './ports.ts';

let dir = '';
let port = 0;
let sockets: Sockets;
let stopLooking: () => void;
const said: string[] = [];
const clients: tls.TLSSocket[] = [];
let opened = 0;
let wake: () => void = () => {};

/** Two sets of authorities; the server's files begin as those of the first. */
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vivarium-reload-'));
  for (const pki of ['one', 'two']) {
    await makePki(join(dir, pki), { servers: [{ id: 1, hosts: ['127.0.0.1'] }], clients: ['admin'], days: 1 });
  }
  copyFileSync(pkiPaths.serverClientPort(join(dir, 'one'), 1), keyStore());
  copyFileSync(pkiPaths.authority(join(dir, 'one'), 'clients'), trustStore());
  sockets = new Sockets({
    tls: { quorum: null, client: loadTls(settings(), 'ssl.') },
    tcpKeepAlive: false,
    clientBacklog: -1,
    input: (input) => {
      if (input.type === 'connOpened') opened += 1;
      if (input.type === 'connBytes') sockets.send(input.conn, input.bytes);
    },
    bindFailed: (message) => expect.fail(message),
    trouble: () => {},
  });
  port = await freePort();
  await once(sockets.listen('client', { host: '127.0.0.1', port }, true), 'listening');
  stopLooking = reloadWhenChanged({
    settings: settings(),
    prefix: 'ssl.',
    lookEveryMs: 20,
    renew: (material) => sockets.renewTls('client', material),
    log: (line) => {
      said.push(line);
      wake();
    },
  });
});

afterEach(() => {
  stopLooking();
  for (const client of clients.splice(0)) client.destroy();
  sockets.closeAll();
  said.splice(0);
  rmSync(dir, { recursive: true });
});

test('a new certificate is shown to whoever comes next, and open connections stay', async () => {
  const first = await connected('one', 'one');
  const before = serialOf(first);
  expect(await echoed(first)).toBe(true);

  // Of the same authority, renamed over the old one as careful people do it.
  const renewed = join(dir, 'renewed.pem');
  await makePki(join(dir, 'one'), { servers: [{ id: 1, hosts: ['127.0.0.1'] }], clients: [], days: 1 });
  copyFileSync(pkiPaths.serverClientPort(join(dir, 'one'), 1), renewed);
  renameSync(renewed, keyStore());
  await heard(/read again/);
  expect(serialOf(await connected('one', 'one'))).not.toBe(before);
  expect(await echoed(first)).toBe(true);
});

test('who is trusted no more gets in no more, not by resuming a session either', async () => {
  const first = await connected('one', 'one');
  const [ticket] = (await Promise.all([once(first, 'session'), echoed(first)]))[0];
  expect((await connected('one', 'one', ticket)).isSessionReused()).toBe(true);

  copyFileSync(pkiPaths.authority(join(dir, 'two'), 'clients'), trustStore());
  await heard(/read again/);
  await refused('one', 'one');
  await refused('one', 'one', ticket);
  expect(await echoed(await connected('one', 'two'))).toBe(true);
  expect(await echoed(first)).toBe(true);
});

test('files that cannot be used change nothing, until they can', async () => {
  const good = readFileSync(keyStore());
  const before = serialOf(await connected('one', 'one'));
  writeFileSync(keyStore(), good.subarray(0, 100));
  await heard(/cannot be used/);
  expect(serialOf(await connected('one', 'one'))).toBe(before);
  rmSync(keyStore());
  await heard(/cannot be used/);
  expect(serialOf(await connected('one', 'one'))).toBe(before);
  copyFileSync(pkiPaths.serverClientPort(join(dir, 'two'), 1), keyStore());
  await heard(/read again/);
  expect(serialOf(await connected('two', 'one'))).not.toBe(before);
});

// --- helpers ---------------------------------------------------------------------------------------------------------

const keyStore = (): string => join(dir, 'keys.pem');
const trustStore = (): string => join(dir, 'trust.pem');

const settings = (): TlsSettings => ({
  keyStore: { location: keyStore(), password: null, passwordPath: null },
  trustStore: { location: trustStore(), password: null, passwordPath: null },
  clientAuth: 'need',
  hostnameVerification: true,
  clientHostnameVerification: false,
  protocols: [],
  ciphers: [],
  handshakeTimeoutMs: 5000,
});

/** Dials with trust in the servers of one set of authorities and a client's certificate of another. */
function dial(trust: string, identity: string, session?: Buffer): tls.TLSSocket {
  const pem = readFileSync(pkiPaths.client(join(dir, identity), 'admin'));
  const ca = readFileSync(pkiPaths.authority(join(dir, trust), 'servers'));
  const resumed = session === undefined ? {} : { session };
  const socket = tls.connect({ host: '127.0.0.1', port, ca, key: pem, cert: pem, ...resumed });
  clients.push(socket);
  return socket;
}

async function connected(trust: string, identity: string, session?: Buffer): Promise<tls.TLSSocket> {
  const socket = dial(trust, identity, session);
  await once(socket, 'secureConnect');
  return socket;
}

/** With TLS 1.3 a client hears only after its own handshake that it is not wanted, or finds the connection closed. */
async function refused(trust: string, identity: string, session?: Buffer): Promise<void> {
  const before = opened;
  const socket = dial(trust, identity, session);
  socket.write('hello');
  const outcome = await new Promise<string>((resolve) => {
    socket.on('data', () => resolve('answered'));
    socket.on('error', () => resolve('refused'));
    socket.on('close', () => resolve('refused'));
  });
  expect(outcome).toBe('refused');
  expect(opened).toBe(before);
}

async function echoed(socket: tls.TLSSocket): Promise<boolean> {
  socket.write('hello');
  const [bytes] = await once(socket, 'data');
  return String(bytes) === 'hello';
}

const serialOf = (socket: tls.TLSSocket): string => socket.getPeerX509Certificate()?.serialNumber ?? '';

async function heard(what: RegExp): Promise<void> {
  for (;;) {
    const index = said.findIndex((line) => what.test(line));
    if (index >= 0) {
      said.splice(0, index + 1);
      return;
    }
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}
