/**
 * The scalar keys of zoo.cfg, as one table: what a value must look like, where it goes, and what it means here.
 *
 * Java reads keys in two ways. Those that QuorumPeerConfig knows are checked, and a bad value stops the server. Every
 * other key becomes a system property (`zookeeper.` + key), read later by whoever asks for it, and a bad value silently
 * means the default. We keep the difference, because a file that starts a Java server must start ours, but the second
 * kind gives a warning. Four properties of Java have no `zookeeper.` prefix, so that in zoo.cfg they do nothing there;
 * here they work (`jute.maxbuffer`, `readonlymode.enabled`, `znode.container.*`), which is what everybody who wrote them
 * meant.
 */

import { ENTRY_BYTES_MAX } from '../storage/log-file.ts';
import type { PeerConfig } from './types.ts';

/** The configuration while it is being read, with what the core never sees. */
export interface Settings {
  config: { -readonly [K in keyof PeerConfig]: PeerConfig[K] };
  /** Session timeouts as written; -1 stands for 2 and 20 ticks. */
  minSessionTimeoutMs: number;
  maxSessionTimeoutMs: number;
  dataDir: string | null;
  dataLogDir: string | null;
  clientPort: number | null;
  clientPortAddress: string | null;
  secureClientPort: number | null;
  secureClientPortAddress: string | null;
  clientPortListenBacklog: number;
  dynamicConfigFile: string | null;
  sessionSecretFile: string | null;
  /** `db.autocreate` and `datadir.autocreate`: the second lets the shell create the directories. */
  dataDirAutocreate: boolean;
  enforceAuth: boolean;
}

/** The outcome of reading one value. `warning`: the server starts, but should say this. */
export type Outcome = { readonly problem: string } | { readonly warning: string } | null;
export type Setting = (settings: Settings, value: string, key: string) => Outcome;

const INT_MAX = 0x7fff_ffff;
const INT_MIN = -0x8000_0000;

type KeysOf<T> = {
  [K in keyof PeerConfig]: PeerConfig[K] extends T ? (T extends PeerConfig[K] ? K : never) : never;
}[keyof PeerConfig];

// --- kinds of values -----------------------------------------------------------------------------------------------

export function parseInteger(text: string): number | null {
  if (!/^[+-]?\d{1,15}$/.test(text)) return null;
  const number = Number(text);
  return number >= INT_MIN && number <= INT_MAX ? number : null;
}

const parseFlag = (text: string): boolean | null => {
  const word = text.toLowerCase();
  return word === 'true' ? true : word === 'false' ? false : null;
};

interface Range {
  readonly min?: number;
  readonly max?: number;
}

const inRange = (number: number, { min = INT_MIN, max = INT_MAX }: Range): boolean => number >= min && number <= max;

const rangeText = ({ min, max }: Range): string =>
  max === undefined ? (min === undefined ? '' : ` of at least ${min}`) : ` from ${min ?? INT_MIN} to ${max}`;

/** A number that stops the server when it is wrong. */
const int =
  (set: (settings: Settings, number: number) => void, range: Range = {}): Setting =>
  (settings, value, key) => {
    const number = parseInteger(value);
    if (number === null || !inRange(number, range)) {
      return { problem: `${key} must be a whole number${rangeText(range)}, not "${value}"` };
    }
    set(settings, number);
    return null;
  };

/** A number that Java reads as a system property: when it is wrong, the default stays. */
const softInt =
  (name: KeysOf<number>, range: Range = { min: 0 }): Setting =>
  (settings, value, key) => {
    const number = parseInteger(value);
    if (number === null || !inRange(number, range)) {
      const kept = settings.config[name];
      return { warning: `${key}=${value} is not a whole number${rangeText(range)}; ${kept} is used` };
    }
    settings.config[name] = number;
    return null;
  };

/** A choice that stops the server when it is neither true nor false. */
const flag =
  (set: (settings: Settings, on: boolean) => void): Setting =>
  (settings, value, key) => {
    const on = parseFlag(value);
    if (on === null) return { problem: `${key} must be true or false, not "${value}"` };
    set(settings, on);
    return null;
  };

/** A choice that Java reads as a system property: any word but true means false. */
const softFlag =
  (set: (settings: Settings, on: boolean) => void): Setting =>
  (settings, value, key) => {
    set(settings, parseFlag(value) ?? false);
    return parseFlag(value) === null ? { warning: `${key}=${value} is neither true nor false; false is used` } : null;
  };

const configFlag = (name: KeysOf<boolean>): Setting => flag((s, on) => (s.config[name] = on));
const softConfigFlag = (name: KeysOf<boolean>): Setting => softFlag((s, on) => (s.config[name] = on));
const text =
  (set: (settings: Settings, value: string) => void): Setting =>
  (settings, value) => {
    set(settings, value);
    return null;
  };

/** One of a few words; any other stops the server. */
const word =
  <W extends string>(words: readonly W[], set: (settings: Settings, value: W) => void): Setting =>
  (settings, value, key) => {
    const found = words.find((w) => w.toLowerCase() === value.toLowerCase());
    if (found === undefined) return { problem: `${key} must be ${words.join(' or ')}, not "${value}"` };
    set(settings, found);
    return null;
  };

const listOf = (value: string): string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

// --- the table -----------------------------------------------------------------------------------------------------

const PORT: Range = { min: 0, max: 65_535 };
const POSITIVE: Range = { min: 1 };
/** A transaction may be twice as large as its request (`conclude` in authority.ts), and must fit into a record of the log. */
export const JUTE_MAX_BUFFER_MAX = ENTRY_BYTES_MAX / 2;

/** Keys that QuorumPeerConfig itself reads. */
const CHECKED: Readonly<Record<string, Setting>> = {
  dataDir: text((s, value) => (s.dataDir = value)),
  dataLogDir: text((s, value) => (s.dataLogDir = value)),
  clientPort: int((s, n) => (s.clientPort = n), PORT),
  clientPortAddress: text((s, value) => (s.clientPortAddress = value)),
  secureClientPort: int((s, n) => (s.secureClientPort = n), PORT),
  secureClientPortAddress: text((s, value) => (s.secureClientPortAddress = value)),
  clientPortListenBacklog: int((s, n) => (s.clientPortListenBacklog = n)),
  tickTime: int((s, n) => (s.config.tickTimeMs = n), POSITIVE),
  initLimit: int((s, n) => (s.config.initLimitTicks = n), { min: 0 }),
  syncLimit: int((s, n) => (s.config.syncLimitTicks = n), { min: 0 }),
  connectToLearnerMasterLimit: int((s, n) => (s.config.connectToLearnerMasterLimitTicks = n), { min: 0 }),
  maxClientCnxns: int((s, n) => (s.config.maxClientCnxns = Math.max(0, n))),
  minSessionTimeout: int((s, n) => (s.minSessionTimeoutMs = n), { min: -1 }),
  maxSessionTimeout: int((s, n) => (s.maxSessionTimeoutMs = n), { min: -1 }),
  localSessionsEnabled: configFlag('localSessionsEnabled'),
  localSessionsUpgradingEnabled: configFlag('localSessionsUpgradingEnabled'),
  reconfigEnabled: configFlag('reconfigEnabled'),
  standaloneEnabled: configFlag('standaloneEnabled'),
  syncEnabled: configFlag('syncEnabled'),
  quorumListenOnAllIPs: configFlag('quorumListenOnAllIPs'),
  'multiAddress.enabled': configFlag('multiAddressEnabled'),
  sslQuorum: configFlag('sslQuorum'),
  peerType: word(['participant', 'observer'], (s, role) => (s.config.peerType = role)),
  dynamicConfigFile: text((s, value) => (s.dynamicConfigFile = value)),
  electionAlg: (_settings, value) =>
    parseInteger(value) === 3 ? null : { problem: `electionAlg must be 3, the only one there is, not "${value}"` },
  'autopurge.snapRetainCount': snapRetainCount,
  'autopurge.purgeInterval': purgeInterval,
  'metricsProvider.className': metricsProvider,
  portUnification: refusedWhenOn('TLS and plain connections on the same quorum ports are not supported'),
  'quorum.auth.enableSasl': refusedWhenOn('SASL between servers is not supported; use sslQuorum'),
  'quorum.auth.serverRequireSasl': refusedWhenOn('SASL between servers is not supported; use sslQuorum'),
  'quorum.auth.learnerRequireSasl': refusedWhenOn('SASL between servers is not supported; use sslQuorum'),
};

/** Keys that become system properties. */
const PROPERTIES: Readonly<Record<string, Setting>> = {
  '4lw.commands.whitelist': (s, value) => {
    const words = listOf(value);
    s.config.fourLetterWords = words.includes('*') ? 'all' : words;
    return null;
  },
  maxCnxns: softInt('maxCnxns'),
  'readonlymode.enabled': softConfigFlag('readOnlyModeEnabled'),
  extendedTypesEnabled: softConfigFlag('extendedTypesEnabled'),
  enforceQuota: softConfigFlag('enforceQuota'),
  'digest.enabled': softConfigFlag('digestEnabled'),
  'closeSessionTxn.enabled': softConfigFlag('closeSessionTxnEnabled'),
  enableEagerACLCheck: softConfigFlag('enableEagerAclCheck'),
  'db.autocreate': softConfigFlag('dbAutocreate'),
  'datadir.autocreate': softFlag((s, on) => (s.dataDirAutocreate = on)),
  'observer.syncEnabled': softConfigFlag('syncEnabled'),
  forceSnapshotSync: softConfigFlag('forceSnapshotSync'),
  skipACL: text((s, value) => (s.config.skipAcl = value === 'yes')),
  leaderServes: text((s, value) => (s.config.leaderServes = value === 'yes')),
  'DigestAuthenticationProvider.enabled': softConfigFlag('digestAuthEnabled'),
  'DigestAuthenticationProvider.superDigest': text((s, value) => (s.config.superDigest = value)),
  'DigestAuthenticationProvider.digestAlg': word(['SHA1', 'SHA-256', 'SHA-512'], (s, alg) => {
    s.config.digestAlgorithm = alg;
  }),
  'X509AuthenticationProvider.superUser': text((s, value) => (s.config.x509SuperUser = value)),
  'enforce.auth.enabled': softFlag((s, on) => (s.enforceAuth = on)),
  'enforce.auth.schemes': text((s, value) => (s.config.enforceAuthSchemes = listOf(value))),
  sessionRequireClientSASLAuth: softConfigFlag('sessionRequireClientSaslAuth'),
  'jute.maxbuffer': softInt('juteMaxBuffer', { min: 1, max: JUTE_MAX_BUFFER_MAX }),
  globalOutstandingLimit: softInt('globalOutstandingLimit', POSITIVE),
  request_throttle_max_requests: softInt('requestThrottleMaxRequests'),
  throttled_op_wait_time: softInt('throttledOpWaitTimeMs'),
  'nio.sessionlessCnxnTimeout': softInt('sessionlessCnxnTimeoutMs', POSITIVE),
  snapCount,
  snapSizeLimitInKb: softInt('snapSizeLimitKb', {}),
  txnLogSizeLimitInKb: softInt('txnLogSizeLimitKb', {}),
  preAllocSize: softInt('preAllocSizeKb'),
  commitLogCount: softInt('commitLogCount', POSITIVE),
  snapshotSizeFactor: (s, value, key) => {
    if (!/^-?\d*\.?\d+$/.test(value)) return { warning: `${key}=${value} is not a number; 0.33 is used` };
    s.config.snapshotSizeFactor = Number(value);
    return null;
  },
  'snapshot.compression.method': (s, value) => {
    s.config.snapshotCompression = value === 'gz' ? 'gz' : 'none';
    if (value === '' || value === 'gz') return null;
    return { warning: `snapshots cannot be written with compression "${value}"; they are written plain` };
  },
  maxBatchSize: softInt('maxBatchSize', POSITIVE),
  'znode.container.checkIntervalMs': softInt('containerCheckIntervalMs', POSITIVE),
  'znode.container.maxPerMinute': softInt('containerMaxPerMinute', POSITIVE),
  'znode.container.maxNeverUsedIntervalMs': softInt('containerMaxNeverUsedIntervalMs'),
  'fastleader.minNotificationInterval': softInt('electionMinNotificationMs', POSITIVE),
  'fastleader.maxNotificationInterval': softInt('electionMaxNotificationMs', POSITIVE),
  cnxTimeout: softInt('cnxTimeoutMs', POSITIVE),
  'leader.maxTimeToWaitForEpoch': softInt('maxTimeToWaitForEpochMs', { min: -1 }),
  leaderConnectDelayDuringRetryMs: softInt('leaderConnectDelayMs'),
  'observer.reconnectDelayMs': softInt('observerReconnectDelayMs'),
  'leader.maxConcurrentSnapSyncs': softInt('maxConcurrentSnapSyncs', POSITIVE),
  forceSync: (_s, value) =>
    value === 'no' ? { warning: 'forceSync=no is ignored: nothing is acknowledged before it is on the disk' } : null,
  'client.portUnification': refusedWhenOn('TLS and plain clients on the same port are not supported'),
  // Ours.
  'compat.sessionPassword': word(['hmac', 'java'], (s, formula) => (s.config.sessionPassword = formula)),
  'compat.syncQuorum': configFlag('syncQuorum'),
  'vivarium.sessionSecretFile': text((s, value) => (s.sessionSecretFile = value)),
};

/** A log is rolled after a number of entries drawn from half of it upwards, so one entry makes no sense. */
const SNAP_COUNT_MIN = 2;

function snapCount(settings: Settings, value: string, key: string): Outcome {
  const count = parseInteger(value);
  if (count === null) return { warning: `${key}=${value} is not a whole number; ${settings.config.snapCount} is used` };
  settings.config.snapCount = Math.max(SNAP_COUNT_MIN, count);
  return count >= SNAP_COUNT_MIN
    ? null
    : { warning: `${key}=${value} is less than ${SNAP_COUNT_MIN}; ${SNAP_COUNT_MIN} is used` };
}

const SNAP_RETAIN_COUNT_MIN = 3;

function snapRetainCount(settings: Settings, value: string, key: string): Outcome {
  const count = parseInteger(value);
  if (count === null) return { problem: `${key} must be a whole number, not "${value}"` };
  settings.config.autopurgeSnapRetainCount = Math.max(SNAP_RETAIN_COUNT_MIN, count);
  if (count >= SNAP_RETAIN_COUNT_MIN) return null;
  return { warning: `${key}=${value} is less than ${SNAP_RETAIN_COUNT_MIN}; ${SNAP_RETAIN_COUNT_MIN} is used` };
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  '': 3_600_000,
};

/** Hours, or since 3.10 a number with a unit. */
function purgeInterval(settings: Settings, value: string, key: string): Outcome {
  const match = /^([+-]?\d{1,9})(ms|s|m|h|d|)$/.exec(value);
  if (match === null)
    return { problem: `${key} must be a number of hours, or one with ms, s, m, h or d, not "${value}"` };
  settings.config.autopurgeIntervalMs = Math.max(0, Number(match[1]) * UNIT_MS[match[2]!]!);
  return null;
}

const PROVIDERS: Readonly<Record<string, Outcome>> = {
  'org.apache.zookeeper.metrics.impl.DefaultMetricsProvider': null,
  'org.apache.zookeeper.metrics.impl.NullMetricsProvider': null,
  'org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider': {
    warning: 'metrics are not offered in the form of Prometheus',
  },
};

function metricsProvider(_settings: Settings, value: string, key: string): Outcome {
  const outcome = PROVIDERS[value];
  return outcome === undefined ? { problem: `${key}: there is no metrics provider "${value}"` } : outcome;
}

function refusedWhenOn(reason: string): Setting {
  return (_settings, value, key) => {
    const on = parseFlag(value);
    if (on === null) return { problem: `${key} must be true or false, not "${value}"` };
    return on ? { problem: `${key}=true: ${reason}` } : null;
  };
}

/** Keys of Java that do nothing here, by exact name or by prefix, and what to say when they ask for something. */
const UNSUPPORTED: readonly (readonly [prefix: string, why: string])[] = [
  ['observerMasterPort', 'observers are always fed by the leader'],
  ['observerMaster.', 'observers are always fed by the leader'],
  ['oraclePath', 'there is no oracle: a lone survivor of two servers is not made the leader'],
  ['snapshot.trust.empty', 'a log without the snapshot it starts from is never trusted'],
  ['emulate353TTLNodes', 'TTL nodes in the format of 3.5.3 are not supported'],
  ['allowSaslFailedClients', 'SASL is not supported'],
  ['superUser', 'SASL is not supported'],
  ['kerberos.', 'Kerberos is not supported'],
  ['security.auth_to_local', 'Kerberos is not supported'],
  ['quorum.auth.', 'SASL between servers is not supported'],
  ['ensembleAuthName', 'the scheme ensemble is not supported'],
  ['audit.', 'there is no audit log'],
  ['connection_throttle_', 'connections are not throttled'],
  ['request_throttle', 'only request_throttle_max_requests has an effect'],
  ['request_stale_', 'requests of slow or dead clients are not dropped'],
  ['largeRequest', 'large requests are limited by jute.maxbuffer only'],
  ['admin.', 'there is no AdminServer'],
  ['metricsProvider.', 'metrics are not offered over HTTP'],
  ['IPAuthenticationProvider.', 'there is no AdminServer'],
  ['SASLAuthenticationProvider.', 'SASL is not supported'],
  ['pathStats.', 'there are no path statistics'],
  ['multiAddress.reachability', 'addresses are tried in turn'],
];

/** Keys that tune Java's threads, buffers and caches, or say what is always so here. */
const MEANINGLESS: readonly string[] = [
  'bitHashCacheSize',
  'clientTcpKeepAlive',
  'commitProcessor.',
  'electionPortBindRetry',
  'fips-mode',
  'flushDelay',
  'follower.',
  'forward_learner_requests_to_commit_processor_disabled',
  'fsync.warningthresholdms',
  'intBufferStartingSizeBytes',
  'jvm.pause.',
  'leader.',
  'learner.',
  'maxGetChildrenResponseCacheSize',
  'maxInProcessingDeadWatchers',
  'maxResponseCacheSize',
  'maxWriteQueuePollTime',
  'messageTracker.',
  'netty.',
  'nio.',
  'observer.election.DelayMs',
  'quorum.cnxn.threads.size',
  'quorumCnxnTimeoutMs',
  'serializeLastProcessedZxid.enabled',
  'serverCnxnFactory',
  'sslQuorumReloadCertFiles',
  'client.certReload',
  'tcpKeepAlive',
  'watchManagerName',
  'watcherClean',
];

/** Whether a value asks for nothing: an unsupported feature that is switched off needs no warning. */
const isOff = (value: string): boolean => ['false', 'no', '0', '-1', ''].includes(value.toLowerCase());

const named = (key: string, name: string): boolean => key === name || (name.endsWith('.') && key.startsWith(name));

/** What a key does; null for a key that nobody knows. */
export function settingOf(key: string): Setting | null {
  const known = Object.hasOwn(CHECKED, key)
    ? CHECKED[key]
    : Object.hasOwn(PROPERTIES, key)
      ? PROPERTIES[key]
      : undefined;
  if (known !== undefined) return known;
  if (key.startsWith('authProvider.')) return authProvider;
  const unsupported = UNSUPPORTED.find(([prefix]) => key.startsWith(prefix));
  if (unsupported !== undefined) {
    return (_settings, value) => (isOff(value) ? null : { warning: `${key} has no effect: ${unsupported[1]}` });
  }
  return MEANINGLESS.some((name) => named(key, name) || (name === 'watcherClean' && key.startsWith(name)))
    ? () => null
    : null;
}

/** Certificates are always looked at on the secure port, so naming their provider changes nothing. */
function authProvider(_settings: Settings, value: string, key: string): Outcome {
  if (value === 'org.apache.zookeeper.server.auth.X509AuthenticationProvider') return null;
  return { warning: `${key} has no effect: the class ${value} cannot be loaded here` };
}
