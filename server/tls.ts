/**
 * TLS for the two worlds a server talks to, from PEM files: `ssl.*` for clients on secureClientPort, `ssl.quorum.*` for
 * the other servers. Each has its own keys and its own trust, so that a client's certificate opens no quorum port and a
 * server's opens no client port. (The third trust, of clients in servers, lives with the clients.)
 *
 * A store is a file as ZooKeeper's PEM stores are: private key and certificate chain together in a key store, certificates
 * of authorities in a trust store.
 */

import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { PemStore, TlsPrefix, TlsSettings } from '../core/config/tls.ts';
import type { Address } from '../core/io.ts';

export interface ChannelTls {
  /** Keys, trust and versions; a TLS server takes these, not a context made from them. */
  readonly keys: tls.SecureContextOptions;
  readonly clientAuth: TlsSettings['clientAuth'];
  readonly hostnameVerification: boolean;
  readonly clientHostnameVerification: boolean;
  readonly handshakeMs: number;
}

export interface TlsChannels {
  readonly quorum: ChannelTls | null;
  readonly client: ChannelTls | null;
}

/** A mistake in the configuration, said in one line. */
export class TlsConfigError extends Error {
  override readonly name = 'TlsConfigError';
}

/** Reads the files. `prefix` is the keys', for messages; relative locations count from the working directory. */
export function loadTls(settings: TlsSettings, prefix: TlsPrefix): ChannelTls {
  const { keyStore, trustStore, clientAuth, hostnameVerification, clientHostnameVerification } = settings;
  if (keyStore === null) throw new TlsConfigError(`${prefix}keyStore.location is missing`);
  if (trustStore === null && clientAuth !== 'none') {
    // Java falls back to the authorities of the web, any of whose customers would then be let in.
    throw new TlsConfigError(`${prefix}trustStore.location is missing: nobody could be told from anybody`);
  }
  const keys = readPem(keyStore.location, `${prefix}keyStore.location`);
  requireBlock(keys, PRIVATE_KEY, keyStore.location, 'private key');
  requireBlock(keys, CERTIFICATE, keyStore.location, 'certificate');
  const ca = trustStore === null ? null : readPem(trustStore.location, `${prefix}trustStore.location`);
  if (ca !== null && trustStore !== null) requireBlock(ca, CERTIFICATE, trustStore.location, 'certificate');
  const passphrase = passwordOf(keyStore, prefix);
  const options: tls.SecureContextOptions = {
    key: keys,
    cert: keys,
    ...(ca === null ? {} : { ca }),
    ...(passphrase === null ? {} : { passphrase }),
    ...protocolRange(settings.protocols, prefix),
    ...(settings.ciphers.length === 0 ? {} : { ciphers: settings.ciphers.map(opensslCipher).join(':') }),
  };
  return {
    keys: usableKeys(options, keyStore.location),
    clientAuth,
    hostnameVerification,
    clientHostnameVerification,
    handshakeMs: settings.handshakeTimeoutMs,
  };
}

/** OpenSSL has the last word on whether keys and certificates fit each other. */
function usableKeys(options: tls.SecureContextOptions, path: string): tls.SecureContextOptions {
  try {
    tls.createSecureContext(options);
    return options;
  } catch (cause) {
    throw new TlsConfigError(`the keys in ${path} cannot be used: ${messageOf(cause)}`);
  }
}

/** The file goes before the value, as in Java; a line end after the password is none of it. */
function passwordOf(store: PemStore, prefix: TlsPrefix): string | null {
  if (store.passwordPath === null) return store.password;
  return readText(store.passwordPath, `${prefix}keyStore.passwordPath`).trimEnd();
}

const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----/;

function readPem(path: string, key: string): string {
  const text = readText(path, key);
  if (!/-----BEGIN /.test(text)) throw new TlsConfigError(`${key}: ${path} is no PEM file`);
  return text;
}

function readText(path: string, key: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new TlsConfigError(`${key}: ${messageOf(cause)}`);
  }
}

function requireBlock(pem: string, block: RegExp, path: string, what: string): void {
  if (!block.test(pem)) throw new TlsConfigError(`${path} holds no PEM ${what}`);
}

const PROTOCOLS = ['TLSv1.2', 'TLSv1.3'] as const;

/** Nothing older than TLS 1.2 is spoken, whatever the configuration asks for. */
function protocolRange(enabled: readonly string[], prefix: TlsPrefix): tls.SecureContextOptions {
  const chosen = enabled.length === 0 ? PROTOCOLS : PROTOCOLS.filter((protocol) => enabled.includes(protocol));
  const [first] = chosen;
  const last = chosen[chosen.length - 1];
  if (first === undefined || last === undefined) {
    throw new TlsConfigError(`${prefix}enabledProtocols: only TLSv1.2 and TLSv1.3 are spoken`);
  }
  return { minVersion: first, maxVersion: last };
}

/** `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256` to OpenSSL; TLS 1.3's names are the same. */
export function opensslCipher(name: string): string {
  if (!name.includes('_WITH_')) return name;
  return name
    .replace(/^TLS_/, '')
    .replace('_WITH_', '_')
    .replace(/AES_(128|256)_/, 'AES$1_')
    .replace('_CBC_', '_')
    .replaceAll('_', '-');
}

/** What a client needs: whom to trust (null: the authorities of the web) and, where servers ask for it, who it is. */
export interface ClientTlsFiles {
  readonly ca: string | null;
  /** Certificate chain; the key may be in the same file. */
  readonly cert: string | null;
  readonly key: string | null;
  readonly verifyHost: boolean;
}

export function loadClientTls(files: ClientTlsFiles): ChannelTls {
  const ca = files.ca === null ? null : readPem(files.ca, 'CA file');
  const cert = files.cert === null ? null : readPem(files.cert, 'certificate file');
  const key = files.key === null ? cert : readPem(files.key, 'key file');
  const options: tls.SecureContextOptions = {
    ...(ca === null ? {} : { ca }),
    ...(cert === null || key === null ? {} : { cert, key }),
    minVersion: 'TLSv1.2',
  };
  return {
    keys: usableKeys(options, files.cert ?? 'no file'),
    clientAuth: 'none',
    hostnameVerification: files.verifyHost,
    clientHostnameVerification: false,
    handshakeMs: CLIENT_HANDSHAKE_MS,
  };
}

const CLIENT_HANDSHAKE_MS = 5000;

// --- accepting -------------------------------------------------------------------------------------------------------

export function acceptOptions(channel: ChannelTls): tls.TlsOptions {
  return {
    ...channel.keys,
    requestCert: channel.clientAuth !== 'none',
    rejectUnauthorized: channel.clientAuth === 'need',
    handshakeTimeout: channel.handshakeMs,
  };
}

/** What is wrong with a finished handshake, or null. */
export function verifyAccepted(channel: ChannelTls, socket: tls.TLSSocket): string | null {
  if (channel.clientAuth === 'none') return null;
  const certificate = socket.getPeerCertificate();
  const presented = certificate.raw !== undefined;
  // With `want`, Node lets an untrusted certificate pass where Java fails the handshake.
  if (!socket.authorized) {
    if (presented || channel.clientAuth === 'need')
      return `untrusted certificate: ${socket.authorizationError ?? 'none'}`;
    return null;
  }
  if (!channel.clientHostnameVerification || !presented) return null;
  const ip = addressOf(socket);
  return tls.checkServerIdentity(ip, certificate) === undefined ? null : `its certificate does not name ${ip}`;
}

// --- dialling --------------------------------------------------------------------------------------------------------

export function dialOptions(channel: ChannelTls, address: Address): tls.ConnectionOptions {
  const { host, port } = address;
  return {
    ...channel.keys,
    host,
    port,
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
    checkServerIdentity: (name, certificate) =>
      channel.hostnameVerification ? tls.checkServerIdentity(name, certificate) : undefined,
  };
}

function addressOf(socket: tls.TLSSocket): string {
  const address = socket.remoteAddress ?? '';
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
