/** The shell's sockets against each other on loopback: what gets in, what does not, and what the core hears of it. */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { TlsSettings } from '../../core/config/tls.ts';
import type { Channel, Input } from '../../core/io.ts';
import { asConn } from '../../core/types.ts';
import { makePki, pkiPaths } from '../../server/pki.ts';
import { SEND_HIGH_WATER_BYTES, Sockets } from '../../server/sockets.ts';
import { type ChannelTls, loadClientTls, loadTls, opensslCipher, type TlsChannels } from '../../server/tls.ts';
import { freePort } from './ports.ts';

const OUT = asConn(-1);
let pki = '';
const ends: End[] = [];

beforeAll(async () => {
  pki = mkdtempSync(join(tmpdir(), 'vivarium-sockets-'));
  const servers = [
    { id: 1, hosts: ['127.0.0.1', 'localhost'] },
    { id: 2, hosts: ['10.9.9.9'] },
  ];
  await makePki(pki, { servers, clients: ['admin'], days: 1 });
});

afterEach(() => {
  for (const end of ends.splice(0)) end.sockets.closeAll();
});

afterAll(() => rmSync(pki, { recursive: true }));

test('bytes go both ways, and closing flushes first', async () => {
  const [server, port] = await listening('quorum', NO_TLS, false);
  const dialler = end(NO_TLS);
  dialler.sockets.connect(OUT, 'quorum', { host: '127.0.0.1', port }, false);
  await dialler.until('connOpened');
  const accepted = await server.until('connOpened');
  expect(accepted).toMatchObject({
    conn: 1,
    channel: 'quorum',
    remote: { ip: '127.0.0.1', tls: false, certificate: null },
  });
  server.sockets.send(asConn(1), text('hello'));
  expect(await dialler.until('connBytes')).toMatchObject({ conn: OUT, bytes: text('hello') });
  dialler.sockets.send(OUT, text('good bye'));
  dialler.sockets.close(OUT);
  expect(await server.until('connBytes')).toMatchObject({ bytes: text('good bye') });
  expect(await server.until('connClosed')).toMatchObject({ conn: 1 });
});

test('a client port that moved to where it cannot be ends nothing', async () => {
  const [server] = await listening('client', NO_TLS, false);
  server.sockets.unlisten('client');
  server.sockets.listen('client', { host: '192.0.2.1', port: await freePort() }, false);
  expect(await server.trouble()).toMatch(/^cannot listen on 192\.0\.2\.1:/);
  const port = await freePort();
  server.sockets.listen('client', { host: '127.0.0.1', port }, false);
  const dialler = end(NO_TLS);
  dialler.sockets.connect(OUT, 'client', { host: '127.0.0.1', port }, false);
  await dialler.until('connOpened');
});

test('a refused connection is told as failed', async () => {
  const dialler = end(NO_TLS);
  dialler.sockets.connect(OUT, 'election', { host: '127.0.0.1', port: await freePort() }, false);
  expect(await dialler.until('connFailed')).toMatchObject({ conn: OUT });
  dialler.sockets.connect(OUT, 'election', { host: '127.0.0.1', port: 99_999 }, false);
  expect(await dialler.until('connFailed')).toMatchObject({ conn: OUT });
});

test('with TLS each side knows the certificate of the other', async () => {
  const tls = { quorum: quorumTls(1), client: null };
  const [server, port] = await listening('quorum', tls, true);
  const dialler = end(tls);
  dialler.sockets.connect(OUT, 'quorum', { host: 'localhost', port }, true);
  const opened = await dialler.until('connOpened');
  const accepted = await server.until('connOpened');
  for (const input of [opened, accepted]) {
    expect(input).toMatchObject({ remote: { tls: true } });
    expect(input.type === 'connOpened' && input.remote.certificate?.length).toBeGreaterThan(100);
  }
});

test('a dialled server must be the one its certificate names', async () => {
  const [, port] = await listening('quorum', { quorum: quorumTls(2), client: null }, true);
  const dialler = end({ quorum: quorumTls(1), client: null });
  dialler.sockets.connect(OUT, 'quorum', { host: '127.0.0.1', port }, true);
  expect(await dialler.until('connFailed')).toMatchObject({ reason: expect.stringMatching(/not in the cert's list/) });
});

test('a dialling server must come from where its certificate says', async () => {
  const [server, port] = await listening('quorum', { quorum: quorumTls(1), client: null }, true);
  const dialler = end({ quorum: quorumTls(2), client: null });
  dialler.sockets.connect(OUT, 'quorum', { host: '127.0.0.1', port }, true);
  expect(await server.trouble()).toMatch(/does not name 127.0.0.1/);
  expect(server.inputs).toEqual([]);
});

test('without a certificate nobody gets in, and plain bytes get no answer', async () => {
  const [server, port] = await listening('client', { quorum: null, client: clientPortTls() }, true);
  const stranger = end({ quorum: null, client: strangerTls() });
  stranger.sockets.connect(OUT, 'client', { host: '127.0.0.1', port }, true);
  expect(await server.trouble()).toMatch(/TLS handshake with .* failed/);
  const plain = net.connect(port, '127.0.0.1');
  plain.on('error', () => {});
  plain.write('GET / HTTP/1.1\r\n');
  expect(await server.trouble()).toMatch(/TLS handshake with .* failed/);
  plain.destroy();
  expect(server.inputs).toEqual([]);
});

test("a server's quorum certificate does not open the client port, a client's not the quorum port", async () => {
  const [clientPort, port1] = await listening('client', { quorum: null, client: clientPortTls() }, true);
  const [quorumPort, port2] = await listening('quorum', { quorum: quorumTls(1), client: null }, true);
  const asServer = end({ quorum: null, client: { ...strangerTls(), keys: quorumTls(1).keys } });
  asServer.sockets.connect(OUT, 'client', { host: '127.0.0.1', port: port1 }, true);
  const asClient = end({ quorum: adminTls(), client: null });
  asClient.sockets.connect(OUT, 'quorum', { host: '127.0.0.1', port: port2 }, true);
  await Promise.all([asServer.untilGone(), asClient.untilGone()]);
  expect([...clientPort.inputs, ...quorumPort.inputs]).toEqual([]);
});

test('who says nothing is dropped when the handshake takes too long', async () => {
  const tls = { quorum: { ...quorumTls(1), handshakeMs: 200 }, client: null };
  const [server, port] = await listening('quorum', tls, true);
  const silent = net.connect(port, '127.0.0.1');
  await new Promise((resolve) => silent.once('close', resolve));
  expect(await server.trouble()).toMatch(/TLS handshake/);
});

test('a slow reader is reported, and so is its recovery', async () => {
  const [server, port] = await listening('quorum', NO_TLS, false);
  const dialler = end(NO_TLS);
  dialler.sockets.connect(OUT, 'quorum', { host: '127.0.0.1', port }, false);
  await Promise.all([dialler.until('connOpened'), server.until('connOpened')]);
  server.sockets.reading(asConn(1), false);
  for (let sent = 0; sent < 8 * SEND_HIGH_WATER_BYTES; sent += 65_536) {
    dialler.sockets.send(OUT, new Uint8Array(65_536));
  }
  expect(await dialler.until('connBlocked')).toEqual({ type: 'connBlocked', conn: OUT });
  server.sockets.reading(asConn(1), true);
  expect(await dialler.until('connDrained')).toEqual({ type: 'connDrained', conn: OUT });
});

test('Java names of cipher suites are understood', () => {
  expect(opensslCipher('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256')).toBe('ECDHE-RSA-AES128-GCM-SHA256');
  expect(opensslCipher('TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384')).toBe('ECDHE-ECDSA-AES256-SHA384');
  expect(opensslCipher('TLS_AES_256_GCM_SHA384')).toBe('TLS_AES_256_GCM_SHA384');
});

// --- helpers ---------------------------------------------------------------------------------------------------------

const NO_TLS: TlsChannels = { quorum: null, client: null };

class End {
  readonly inputs: Input[] = [];
  private readonly troubles: string[] = [];
  private wake: () => void = () => {};
  readonly sockets: Sockets;

  constructor(tls: TlsChannels) {
    this.sockets = new Sockets({
      tls,
      tcpKeepAlive: false,
      clientBacklog: -1,
      input: (input) => {
        this.inputs.push(input);
        this.wake();
      },
      bindFailed: (message) => expect.fail(message),
      trouble: (message) => {
        this.troubles.push(message);
        this.wake();
      },
    });
  }

  /** Takes the first input of that type, waiting for it. */
  async until(type: Input['type']): Promise<Input> {
    for (;;) {
      const index = this.inputs.findIndex((input) => input.type === type);
      const input = this.inputs[index];
      if (input !== undefined) {
        this.inputs.splice(0, index + 1);
        return input;
      }
      await this.news();
    }
  }

  /** A rejected TLS 1.3 client believes for a moment that it is connected. */
  async untilGone(): Promise<void> {
    while (!this.inputs.some(({ type }) => type === 'connFailed' || type === 'connClosed')) await this.news();
  }

  async trouble(): Promise<string> {
    while (this.troubles.length === 0) await this.news();
    return this.troubles.shift() ?? '';
  }

  private news(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}

function end(tls: TlsChannels): End {
  const made = new End(tls);
  ends.push(made);
  return made;
}

async function listening(channel: Channel, tls: TlsChannels, secure: boolean): Promise<[End, number]> {
  const server = end(tls);
  const port = await freePort();
  await once(server.sockets.listen(channel, { host: '127.0.0.1', port }, secure), 'listening');
  return [server, port];
}

function settings(keyStore: string, trustStore: string): TlsSettings {
  return {
    keyStore: { location: keyStore, password: null, passwordPath: null },
    trustStore: { location: trustStore, password: null, passwordPath: null },
    clientAuth: 'need',
    hostnameVerification: true,
    clientHostnameVerification: true,
    protocols: [],
    ciphers: [],
    handshakeTimeoutMs: 5000,
  };
}

function quorumTls(id: number): ChannelTls {
  return loadTls(settings(pkiPaths.serverQuorum(pki, id), pkiPaths.authority(pki, 'quorum')), 'ssl.quorum.');
}

function clientPortTls(): ChannelTls {
  const files = settings(pkiPaths.serverClientPort(pki, 1), pkiPaths.authority(pki, 'clients'));
  return loadTls({ ...files, clientHostnameVerification: false }, 'ssl.');
}

function adminTls(): ChannelTls {
  const cert = pkiPaths.client(pki, 'admin');
  return loadClientTls({ ca: pkiPaths.authority(pki, 'quorum'), cert, key: null, verifyHost: true });
}

function strangerTls(): ChannelTls {
  return loadClientTls({ ca: pkiPaths.authority(pki, 'servers'), cert: null, key: null, verifyHost: true });
}

function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value));
}
