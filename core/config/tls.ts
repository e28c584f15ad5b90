/**
 * The `ssl.` and `ssl.quorum.` keys of zoo.cfg: what the shell needs to open and accept TLS connections (X509Util).
 *
 * Both prefixes take the same keys, for the client ports and for the election and quorum ports. Stores are PEM files;
 * what would weaken a connection if it were ignored (revocation, a context of one's own) is refused instead.
 */

import { parseInteger } from './settings.ts';

/** One `keyStore` or `trustStore`: a PEM file, its password in one of two places or none. */
export interface PemStore {
  readonly location: string;
  readonly password: string | null;
  /** A file with the password; goes before `password`. */
  readonly passwordPath: string | null;
}

export interface TlsSettings {
  /** Private key and certificate chain. */
  readonly keyStore: PemStore | null;
  /** Certificates that are trusted; null stands for those that the system trusts. */
  readonly trustStore: PemStore | null;
  /** Whether a client must show a certificate, may, or is not asked. */
  readonly clientAuth: 'none' | 'want' | 'need';
  /** Whether a server's certificate must name the host that was dialled. */
  readonly hostnameVerification: boolean;
  /** Whether a client's certificate must name the host it comes from. */
  readonly clientHostnameVerification: boolean;
  /** TLS versions by their names in Java; empty: the default. */
  readonly protocols: readonly string[];
  /** Cipher suites by their names in Java; empty: the default. */
  readonly ciphers: readonly string[];
  readonly handshakeTimeoutMs: number;
}

export type TlsPrefix = 'ssl.' | 'ssl.quorum.';

export interface TlsFinding {
  readonly key: string;
  readonly problem?: string;
  readonly warning?: string;
}

const DEFAULT_HANDSHAKE_TIMEOUT_MS = 5000;
const PROTOCOLS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
const NO_EFFECT = ['allowReverseDnsLookup', 'sslProvider'];

export const tlsPrefixOf = (key: string): TlsPrefix | null =>
  key.startsWith('ssl.quorum.') ? 'ssl.quorum.' : key.startsWith('ssl.') ? 'ssl.' : null;

/** Reads all keys of one prefix. Findings name the key; they never repeat a password. */
export function readTls(
  prefix: TlsPrefix,
  values: ReadonlyMap<string, string>,
): { settings: TlsSettings; findings: TlsFinding[] } {
  const findings: TlsFinding[] = [];
  const get = (name: string): string | null => values.get(prefix + name) ?? null;
  const problem = (name: string, text: string): void => {
    findings.push({ key: prefix + name, problem: `${prefix}${name} ${text}` });
  };
  const warning = (name: string, text: string): void => {
    findings.push({ key: prefix + name, warning: `${prefix}${name} ${text}` });
  };
  const flag = (name: string, otherwise: boolean): boolean => {
    const value = get(name)?.toLowerCase() ?? null;
    if (value !== null && value !== 'true' && value !== 'false') problem(name, 'must be true or false');
    return value === null ? otherwise : value === 'true';
  };
  const list = (name: string): string[] =>
    (get(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');

  const store = (name: 'keyStore' | 'trustStore'): PemStore | null => {
    const location = get(`${name}.location`);
    if (location === null || location === '') return null;
    const type = get(`${name}.type`)?.toUpperCase() ?? typeOf(location);
    if (type === null) problem(`${name}.location`, 'must end in .pem, or its type be given as PEM');
    else if (type !== 'PEM') problem(`${name}.location`, `is of type ${type}; only PEM files are supported`);
    return { location, password: get(`${name}.password`), passwordPath: get(`${name}.passwordPath`) };
  };

  const protocol = get('protocol');
  const enabled = list('enabledProtocols');
  for (const name of [...enabled, ...(protocol === null || protocol === 'TLS' ? [] : [protocol])]) {
    if (!PROTOCOLS.includes(name))
      problem(
        enabled.includes(name) ? 'enabledProtocols' : 'protocol',
        `names ${name}, which is not one of ${PROTOCOLS.join(', ')}`,
      );
  }
  if (flag('crl', false)) problem('crl', 'cannot be honoured: revocation lists are not checked');
  if (flag('ocsp', false)) problem('ocsp', 'cannot be honoured: OCSP is not asked');
  if (get('context.supplier.class') !== null)
    problem('context.supplier.class', 'names a Java class, which cannot be loaded here');
  if (get('authProvider') !== null && get('authProvider') !== 'x509') problem('authProvider', 'must be x509');

  const timeout = get('handshakeDetectionTimeoutMillis');
  const timeoutMs = timeout === null ? DEFAULT_HANDSHAKE_TIMEOUT_MS : parseInteger(timeout);
  if (timeoutMs === null || timeoutMs <= 0)
    warning('handshakeDetectionTimeoutMillis', 'is not a positive number; 5000 is used');

  for (const key of values.keys()) {
    if (tlsPrefixOf(key) !== prefix) continue;
    const name = key.slice(prefix.length);
    if (NO_EFFECT.includes(name)) warning(name, 'has no effect');
    else if (!KNOWN.has(name)) warning(name, 'is unknown and has no effect');
  }
  return {
    settings: {
      keyStore: store('keyStore'),
      trustStore: store('trustStore'),
      clientAuth: clientAuthOf(get('clientAuth'), () => problem('clientAuth', 'must be none, want or need')),
      hostnameVerification: flag('hostnameVerification', true),
      clientHostnameVerification: flag('clientHostnameVerification', prefix === 'ssl.quorum.'),
      protocols: enabled.length > 0 || protocol === null || protocol === 'TLS' ? enabled : [protocol],
      ciphers: list('ciphersuites'),
      handshakeTimeoutMs: timeoutMs !== null && timeoutMs > 0 ? timeoutMs : DEFAULT_HANDSHAKE_TIMEOUT_MS,
    },
    findings,
  };
}

const KNOWN: ReadonlySet<string> = new Set([
  ...['keyStore', 'trustStore'].flatMap((store) =>
    ['location', 'password', 'passwordPath', 'type'].map((part) => `${store}.${part}`),
  ),
  'protocol',
  'enabledProtocols',
  'ciphersuites',
  'context.supplier.class',
  'hostnameVerification',
  'clientHostnameVerification',
  'crl',
  'ocsp',
  'clientAuth',
  'handshakeDetectionTimeoutMillis',
  'authProvider',
]);

/** Java tells the type of a store by the end of its name (KeyStoreFileType). */
function typeOf(location: string): string | null {
  if (location.endsWith('.pem')) return 'PEM';
  if (location.endsWith('.jks')) return 'JKS';
  if (location.endsWith('.p12')) return 'PKCS12';
  return location.endsWith('.bcfks') ? 'BCFKS' : null;
}

function clientAuthOf(value: string | null, complain: () => void): 'none' | 'want' | 'need' {
  const word = value?.toLowerCase() ?? 'need';
  if (word === 'none' || word === 'want' || word === 'need') return word;
  complain();
  return 'need';
}
