/**
 * Certificates for an ensemble: three authorities for three trusts that have nothing to do with each other.
 *
 * ```
 *   quorum authority    signs   server-N/quorum.pem        trusted by servers, on election and quorum ports
 *   servers authority   signs   server-N/client-port.pem   trusted by clients
 *   clients authority   signs   client-NAME.pem            trusted by servers, on secureClientPort
 * ```
 *
 * So a client's certificate opens no quorum port, and nobody but a server can pose as one. Keys are ECDSA P-256 in PKCS#8,
 * the form that Java's PEM stores read too. Run again with the same directory, the authorities are used again.
 */

import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface PkiRequest {
  /** `hosts` are the names and addresses that others dial. */
  readonly servers: readonly { readonly id: number; readonly hosts: readonly string[] }[];
  readonly clients: readonly string[];
  readonly days: number;
}

export type Trust = 'quorum' | 'servers' | 'clients';

/** Where the files of a PKI directory are. */
export const pkiPaths = {
  authority: (dir: string, trust: Trust): string => join(dir, `${trust}-ca.pem`),
  authorityKey: (dir: string, trust: Trust): string => join(dir, 'authority-keys', `${trust}.pem`),
  serverQuorum: (dir: string, id: number): string => join(dir, `server-${id}`, 'quorum.pem'),
  serverClientPort: (dir: string, id: number): string => join(dir, `server-${id}`, 'client-port.pem'),
  client: (dir: string, name: string): string => join(dir, `client-${name}.pem`),
};

/** Writes the files and answers their paths. Authorities that are there already are used, never replaced. */
export async function makePki(dir: string, request: PkiRequest): Promise<string[]> {
  const written: string[] = [];
  const write = (path: string, pem: string): void => {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(path, pem, { mode: 0o600 });
    written.push(path);
  };
  const authorities = {
    quorum: await authorityIn(dir, 'quorum', request.days, write),
    servers: await authorityIn(dir, 'servers', request.days, write),
    clients: await authorityIn(dir, 'clients', request.days, write),
  };
  const { serverAuth, clientAuth } = ExtendedKeyUsage;
  for (const { id, hosts } of request.servers) {
    const leaf = { name: `server-${id}`, hosts, days: request.days };
    // Servers dial each other, so each is client and server on the quorum ports.
    write(
      pkiPaths.serverQuorum(dir, id),
      await issue(authorities.quorum, { ...leaf, usages: [serverAuth, clientAuth] }),
    );
    write(pkiPaths.serverClientPort(dir, id), await issue(authorities.servers, { ...leaf, usages: [serverAuth] }));
  }
  for (const name of request.clients) {
    const leaf = { name, hosts: [], days: request.days, usages: [clientAuth] };
    write(pkiPaths.client(dir, name), await issue(authorities.clients, leaf));
  }
  return written;
}

interface Authority {
  readonly certificate: X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
/** Certificates are good a little before they are made, for servers whose clock is behind. */
const BACKDATE_MS = 300_000;

async function authorityIn(
  dir: string,
  trust: Trust,
  days: number,
  write: (path: string, pem: string) => void,
): Promise<Authority> {
  const [path, keyPath] = [pkiPaths.authority(dir, trust), pkiPaths.authorityKey(dir, trust)];
  if (existsSync(path) && existsSync(keyPath)) {
    const certificate = new X509Certificate(readFileSync(path, 'utf8'));
    return { certificate, key: await importKey(readFileSync(keyPath, 'utf8')) };
  }
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=Vivarium ${trust} authority`,
    keys,
    signingAlgorithm: SIGNATURE,
    ...validity(days),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  write(path, `${certificate.toString('pem')}\n`);
  write(keyPath, await exportKey(keys.privateKey));
  return { certificate, key: keys.privateKey };
}

interface Leaf {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly days: number;
  readonly usages: ExtendedKeyUsage[];
}

/** Key and certificate in one PEM text. */
async function issue(authority: Authority, leaf: Leaf): Promise<string> {
  const keys = await newKeys();
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(leaf.usages),
  ];
  if (leaf.hosts.length > 0) {
    const names = leaf.hosts.map((host) => ({
      type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const),
      value: host,
    }));
    extensions.push(new SubjectAlternativeNameExtension(names));
  }
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${leaf.name}`,
    issuer: authority.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    signingAlgorithm: SIGNATURE,
    ...validity(leaf.days),
    extensions,
  });
  return `${await exportKey(keys.privateKey)}${certificate.toString('pem')}\n`;
}

function validity(days: number): { readonly notBefore: Date; readonly notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + days * DAY_MS) };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  const lines = pkcs8.match(/.{1,64}/g) ?? [];
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n');
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const base64 = pem.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, '');
  return webcrypto.subtle.importKey('pkcs8', Buffer.from(base64, 'base64'), KEY_ALGORITHM, false, ['sign']);
}
