/**
 * zoo.cfg: text in, configuration or the complete list of problems out (QuorumPeerConfig).
 *
 * Reading never stops at the first problem. Whoever writes a configuration wants to hear everything that is wrong with
 * it at once, each with its line. What Java refuses is refused here too; beyond that we refuse what would silently be
 * less secure than it was written (`core/config/tls.ts`), and a TLS port without the files it needs. Keys that do nothing
 * here are kept and named in warnings.
 *
 * The core opens no files: the caller looks up which files the text names (`filesNamedIn`), reads them, and passes what
 * they hold.
 */

import type { Address } from '../io.ts';
import { asPeer } from '../types.ts';
import { formatAddress } from '../wire/election-codec.ts';
import { DEFAULT_CONFIG } from './defaults.ts';
import {
  ensembleFault,
  hierarchyFaults,
  isHost,
  isMembershipKey,
  isWildcardHost,
  type MembershipEntry,
  membershipOf,
  parseMembership,
  parseMembershipLine,
  roleOf,
  SERVER_ID_MAX,
  serverOf,
  votersOf,
} from './membership.ts';
import { lastOfEach, type Property, parseProperties } from './properties.ts';
import { parseInteger, type Settings, settingOf } from './settings.ts';
import { readTls, type TlsPrefix, type TlsSettings, tlsPrefixOf } from './tls.ts';
import type { Membership, PeerConfig } from './types.ts';

/** What the files that zoo.cfg points to hold. */
export interface ZooCfgFiles {
  /** `dataDir/myid`; null when there is none. */
  readonly myid: string | null;
  /** The `dynamicConfigFile`; null when it cannot be read or none is named. */
  readonly dynamic?: string | null;
  /** `zoo.cfg.dynamic.next`, the configuration last seen but not committed; null when there is none. */
  readonly dynamicNext?: string | null;
}

/** What the shell needs besides the core's configuration. */
export interface ShellConfig {
  readonly dataDir: string;
  readonly dataLogDir: string;
  /** Create the data directories when they are missing. */
  readonly dataDirAutocreate: boolean;
  /** For the client ports; null without any `ssl.` key. */
  readonly clientTls: TlsSettings | null;
  /** For the election and quorum ports; null when `sslQuorum` is off. */
  readonly quorumTls: TlsSettings | null;
  /** -1: the system's default. */
  readonly clientPortListenBacklog: number;
  readonly dynamicConfigFile: string | null;
  /** File with the secret from which session passwords are made; null: the shell's own choice. */
  readonly sessionSecretFile: string | null;
  /** The configuration last seen before the last stop, when it was not committed. */
  readonly lastSeen: Membership | null;
  /** Every key as it was written. */
  readonly properties: ReadonlyMap<string, string>;
  /** The text itself, which AdminServer's `initial_configuration` shows. */
  readonly initialConfig: string;
}

export type ZooCfg =
  | {
      readonly ok: true;
      readonly config: PeerConfig;
      readonly shell: ShellConfig;
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly string[]; readonly warnings: readonly string[] };

/** Which files the text names, so that they can be read before it is parsed. */
export function filesNamedIn(text: string): {
  readonly dataDir: string | null;
  readonly dynamicConfigFile: string | null;
} {
  const properties = lastOfEach(parseProperties(text));
  return {
    dataDir: properties.get('dataDir')?.value.trim() ?? null,
    dynamicConfigFile: properties.get('dynamicConfigFile')?.value.trim() ?? null,
  };
}

export function parseZooCfg(text: string, files: ZooCfgFiles): ZooCfg {
  const reading = startReading(text);
  readSettings(reading);
  const clientTls = readTlsOf(reading, 'ssl.');
  const quorumTls = readTlsOf(reading, 'ssl.quorum.');
  checkPaths(reading);
  setTimeouts(reading);
  setClientAddresses(reading);
  const membership = readMembership(reading, files);
  setIdentity(reading, files, membership);
  checkTls(reading, clientTls, quorumTls);

  const { settings, problems, warnings } = reading;
  const finish = (list: Finding[]): string[] => list.sort((a, b) => a.line - b.line).map(({ text: said }) => said);
  if (problems.length > 0 || settings.dataDir === null) {
    return { ok: false, problems: finish(problems), warnings: finish(warnings) };
  }
  return {
    ok: true,
    config: settings.config,
    shell: {
      dataDir: settings.dataDir,
      dataLogDir: settings.dataLogDir ?? settings.dataDir,
      dataDirAutocreate: settings.dataDirAutocreate,
      clientTls,
      quorumTls: settings.config.sslQuorum ? quorumTls : null,
      clientPortListenBacklog: settings.clientPortListenBacklog,
      dynamicConfigFile: settings.dynamicConfigFile,
      sessionSecretFile: settings.sessionSecretFile,
      lastSeen: readLastSeen(reading, files),
      properties: new Map([...reading.properties].map(([key, { value }]) => [key, value.trim()])),
      initialConfig: text,
    },
    warnings: finish(warnings),
  };
}

// --- findings ------------------------------------------------------------------------------------------------------

interface Finding {
  readonly line: number;
  readonly text: string;
}

interface Reading {
  readonly settings: Settings;
  /** The last assignment of every key. */
  readonly properties: ReadonlyMap<string, Property>;
  readonly problems: Finding[];
  readonly warnings: Finding[];
}

/** Findings about the whole file, or about one that it names, come last. */
const NO_LINE = Number.MAX_SAFE_INTEGER;

function startReading(text: string): Reading {
  const all = parseProperties(text);
  const properties = lastOfEach(all);
  const reading: Reading = { settings: freshSettings(), properties, problems: [], warnings: [] };
  for (const { key, line } of all) {
    const last = properties.get(key)!;
    if (last.line !== line) warn(reading, key, `${key} is given again in line ${last.line}, which counts`, line);
  }
  return reading;
}

const freshSettings = (): Settings => ({
  config: { ...DEFAULT_CONFIG, tickTimeMs: DEFAULT_TICK_TIME_MS },
  minSessionTimeoutMs: -1,
  maxSessionTimeoutMs: -1,
  dataDir: null,
  dataLogDir: null,
  clientPort: null,
  clientPortAddress: null,
  secureClientPort: null,
  secureClientPortAddress: null,
  clientPortListenBacklog: -1,
  dynamicConfigFile: null,
  sessionSecretFile: null,
  dataDirAutocreate: true,
  enforceAuth: false,
});

/** ZooKeeperServer.DEFAULT_TICK_TIME; the 2000 of DEFAULT_CONFIG is that of the sample file. */
const DEFAULT_TICK_TIME_MS = 3000;

const finding = (reading: Reading, key: string | null, said: string, at?: number): Finding => {
  const line = at ?? (key === null ? undefined : reading.properties.get(key)?.line);
  return line === undefined ? { line: NO_LINE, text: said } : { line, text: `line ${line}: ${said}` };
};

function complain(reading: Reading, key: string | null, said: string): void {
  reading.problems.push(finding(reading, key, said));
}

function warn(reading: Reading, key: string | null, said: string, at?: number): void {
  reading.warnings.push(finding(reading, key, said, at));
}

// --- scalar keys ---------------------------------------------------------------------------------------------------

function readSettings(reading: Reading): void {
  for (const { key, value } of reading.properties.values()) {
    if (isMembershipKey(key) || tlsPrefixOf(key) !== null) continue;
    const setting = settingOf(key);
    if (setting === null) {
      warn(reading, key, `${key} is unknown and has no effect`);
      continue;
    }
    const outcome = setting(reading.settings, value.trim(), key);
    if (outcome === null) continue;
    if ('problem' in outcome) complain(reading, key, outcome.problem);
    else warn(reading, key, outcome.warning);
  }
  const { config, enforceAuth } = reading.settings;
  if (!enforceAuth) config.enforceAuthSchemes = [];
  else if (config.enforceAuthSchemes.length === 0) {
    complain(reading, 'enforce.auth.enabled', 'enforce.auth.enabled=true needs enforce.auth.schemes');
  }
}

function readTlsOf(reading: Reading, prefix: TlsPrefix): TlsSettings | null {
  const values = new Map(
    [...reading.properties]
      .filter(([key]) => tlsPrefixOf(key) === prefix)
      .map(([key, { value }]) => [key, value.trim()]),
  );
  if (values.size === 0) return null;
  const { settings, findings } = readTls(prefix, values);
  for (const { key, problem, warning } of findings) {
    if (problem !== undefined) complain(reading, key, problem);
    if (warning !== undefined) warn(reading, key, warning);
  }
  return settings;
}

function checkPaths(reading: Reading): void {
  const { dataDir } = reading.settings;
  if (dataDir === null || dataDir === '') complain(reading, 'dataDir', 'dataDir is not set');
}

function setTimeouts(reading: Reading): void {
  const { settings } = reading;
  const { config } = settings;
  config.minSessionTimeoutMs =
    settings.minSessionTimeoutMs === -1 ? config.tickTimeMs * 2 : settings.minSessionTimeoutMs;
  config.maxSessionTimeoutMs =
    settings.maxSessionTimeoutMs === -1 ? config.tickTimeMs * 20 : settings.maxSessionTimeoutMs;
  if (config.minSessionTimeoutMs > config.maxSessionTimeoutMs) {
    const said = `minSessionTimeout (${config.minSessionTimeoutMs}) must not be larger than maxSessionTimeout (${config.maxSessionTimeoutMs})`;
    complain(reading, settings.minSessionTimeoutMs === -1 ? 'maxSessionTimeout' : 'minSessionTimeout', said);
  }
  if (config.electionMinNotificationMs > config.electionMaxNotificationMs) {
    warn(reading, 'fastleader.minNotificationInterval', 'fastleader.minNotificationInterval is above the maximum');
    config.electionMinNotificationMs = config.electionMaxNotificationMs;
  }
}

function setClientAddresses(reading: Reading): void {
  const { settings } = reading;
  settings.config.clientAddress = listenAddress(reading, 'clientPort', settings.clientPort, settings.clientPortAddress);
  settings.config.secureClientAddress = listenAddress(
    reading,
    'secureClientPort',
    settings.secureClientPort,
    settings.secureClientPortAddress,
  );
}

function listenAddress(reading: Reading, portKey: string, port: number | null, host: string | null): Address | null {
  if (port === null) {
    const portIsBad = reading.properties.has(portKey);
    if (host !== null && !portIsBad) {
      complain(reading, `${portKey}Address`, `${portKey}Address is set but ${portKey} is not`);
    }
    return null;
  }
  const named = host?.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (named !== null && !isHost(named ?? '')) {
    complain(reading, `${portKey}Address`, `${portKey}Address "${host}" is no host name and no address`);
  }
  return { host: named ?? '0.0.0.0', port };
}

// --- members -------------------------------------------------------------------------------------------------------

/** The ensemble, from the file itself or from the dynamic file; null for a standalone server. */
function readMembership(reading: Reading, files: ZooCfgFiles): Membership | null {
  const { settings } = reading;
  const membership =
    settings.dynamicConfigFile === null
      ? membershipInside(reading)
      : membershipBeside(reading, settings.dynamicConfigFile, files.dynamic ?? null);
  if (membership === null) return null;
  const faults = hierarchyFaults(membership);
  for (const { reason, key } of faults) complain(reading, key ?? null, reason);
  const { standaloneEnabled } = settings.config;
  const fault = ensembleFault(membership, standaloneEnabled);
  if (fault !== null) complain(reading, null, fault.reason);

  const voterCount = votersOf(membership).length;
  if (voterCount === 0) return null;
  if (voterCount === 1 && standaloneEnabled) {
    warn(
      reading,
      null,
      'only one server is listed: it runs standalone (standaloneEnabled=false would make it an ensemble of one)',
    );
    return null;
  }
  if (fault === null && faults.length === 0) adviseOn(reading, membership);
  return membership;
}

function membershipInside(reading: Reading): Membership {
  const entries: MembershipEntry[] = [];
  for (const { key, value } of reading.properties.values()) {
    if (!isMembershipKey(key)) continue;
    const parsed = parseMembershipLine(key, value.trim(), {
      multiAddress: reading.settings.config.multiAddressEnabled,
    });
    if (parsed.ok) entries.push(parsed.entry);
    else complain(reading, key, parsed.fault.reason);
  }
  return membershipOf(entries);
}

function membershipBeside(reading: Reading, path: string, text: string | null): Membership | null {
  for (const key of reading.properties.keys()) {
    if (isMembershipKey(key) && key !== 'version') {
      complain(reading, key, `${key} must be in the dynamic configuration file, because dynamicConfigFile is set`);
    }
  }
  if (text === null) {
    complain(reading, 'dynamicConfigFile', `dynamicConfigFile ${path} cannot be read`);
    return null;
  }
  const entries: MembershipEntry[] = [];
  for (const { key, value, line } of lastOfEach(parseProperties(text)).values()) {
    const parsed = parseMembershipLine(key, value.trim(), {
      multiAddress: reading.settings.config.multiAddressEnabled,
    });
    if (!parsed.ok) complain(reading, null, `${path} line ${line}: ${parsed.fault.reason}`);
    else if (parsed.entry.kind === 'version') {
      complain(reading, null, `${path} line ${line}: the version belongs into the file's name`);
    } else entries.push(parsed.entry);
  }
  const version = parseMembershipLine('version', /\.([0-9a-fA-F]+)$/.exec(path)?.[1] ?? '0');
  return membershipOf(version.ok ? [...entries, version.entry] : entries);
}

function readLastSeen(reading: Reading, files: ZooCfgFiles): Membership | null {
  if (files.dynamicNext === undefined || files.dynamicNext === null || reading.settings.config.membership === null) {
    return null;
  }
  const parsed = parseMembership(files.dynamicNext, { multiAddress: reading.settings.config.multiAddressEnabled });
  if (parsed.ok) return parsed.membership;
  warn(reading, null, `the dynamic configuration last seen is ignored: ${parsed.fault.reason}`);
  return null;
}

function adviseOn(reading: Reading, membership: Membership): void {
  const { config } = reading.settings;
  const voterCount = votersOf(membership).length;
  if (voterCount <= 2)
    warn(reading, null, 'no server failure will be tolerated; at least 3 servers are needed for that');
  else if (voterCount % 2 === 0 && membership.groups === null) {
    warn(reading, null, `${voterCount} servers tolerate no more failures than ${voterCount - 1}`);
  }
  if (!config.sslQuorum) {
    warn(reading, null, 'the election and quorum ports are neither encrypted nor authenticated (sslQuorum is off)');
  }
  const owners = new Map<string, number>();
  for (const { id, addresses } of membership.servers) {
    for (const { host, electionPort } of addresses) {
      const address = formatAddress({ host, port: electionPort });
      const owner = owners.get(address);
      if (owner !== undefined)
        warn(reading, `server.${id}`, `server.${id} has the election address of server.${owner}`);
      owners.set(address, id);
    }
  }
}

// --- this server ---------------------------------------------------------------------------------------------------

function setIdentity(reading: Reading, files: ZooCfgFiles, membership: Membership | null): void {
  const { config } = reading.settings;
  const id = readMyid(reading, files.myid);
  if (id !== null) config.myid = asPeer(id);
  config.membership = membership;
  if (membership === null) return;

  if (config.initLimitTicks === 0 || !reading.properties.has('initLimit')) {
    complain(reading, 'initLimit', 'initLimit is not set');
  }
  if (config.syncLimitTicks === 0 || !reading.properties.has('syncLimit')) {
    complain(reading, 'syncLimit', 'syncLimit is not set');
  }
  if (files.myid === null) complain(reading, null, 'the file myid in dataDir is missing');
  if (id === null) return;
  if (config.extendedTypesEnabled && id === SERVER_ID_MAX) {
    complain(reading, 'extendedTypesEnabled', `with extendedTypesEnabled the server id must be below ${SERVER_ID_MAX}`);
  }
  const own = serverOf(membership, config.myid);
  if (own === null) {
    const listIsComplete = reading.problems.length === 0;
    if (listIsComplete) complain(reading, null, `this server's id ${id} is not in the list of servers`);
    return;
  }
  config.clientAddress = agreeOn(reading, 'client', config.clientAddress, own.client);
  config.secureClientAddress = agreeOn(reading, 'secure client', config.secureClientAddress, own.secureClient);
  const role = roleOf(membership, config.myid)!;
  if (role !== config.peerType && reading.properties.has('peerType')) {
    warn(reading, 'peerType', `peerType is ${config.peerType}, but the list of servers says ${role}, which counts`);
  }
  config.peerType = role;
}

/** Only the first line counts. */
function readMyid(reading: Reading, text: string | null): number | null {
  if (text === null) return null;
  const first = text.split(/\r?\n/)[0]!.trim();
  const id = parseInteger(first);
  if (id !== null && id >= 0 && id <= SERVER_ID_MAX) return id;
  complain(
    reading,
    null,
    `the file myid holds "${first.slice(0, 32)}", which is not a number from 0 to ${SERVER_ID_MAX}`,
  );
  return null;
}

/** The client address may stand in both places if it is the same; a wildcard agrees with every host. */
function agreeOn(reading: Reading, what: string, written: Address | null, listed: Address | null): Address | null {
  if (written === null || listed === null) return listed ?? written;
  const sameHost = isWildcardHost(written.host) || written.host === listed.host;
  if (!sameHost || written.port !== listed.port) {
    const key = what === 'client' ? 'clientPort' : 'secureClientPort';
    complain(
      reading,
      key,
      `the ${what} address ${formatAddress(written)} differs from ${formatAddress(listed)} in this server's line`,
    );
  }
  return listed;
}

// --- TLS -----------------------------------------------------------------------------------------------------------

/** A port that must be secure has to have what that takes. */
function checkTls(reading: Reading, client: TlsSettings | null, quorum: TlsSettings | null): void {
  const { config } = reading.settings;
  if (config.secureClientAddress !== null) {
    if (client === null || client.keyStore === null) {
      complain(reading, 'secureClientPort', 'secureClientPort needs ssl.keyStore.location');
    } else if (client.trustStore === null && client.clientAuth !== 'none') {
      warn(
        reading,
        'secureClientPort',
        'without ssl.trustStore.location, clients need certificates that this system trusts',
      );
    }
  }
  if (config.sslQuorum && config.membership !== null) {
    if (quorum === null || quorum.keyStore === null)
      complain(reading, 'sslQuorum', 'sslQuorum needs ssl.quorum.keyStore.location');
    if (quorum === null || quorum.trustStore === null) {
      complain(reading, 'sslQuorum', 'sslQuorum needs ssl.quorum.trustStore.location');
    }
    if (quorum !== null && quorum.clientAuth !== 'need') {
      warn(
        reading,
        'ssl.quorum.clientAuth',
        'ssl.quorum.clientAuth is ignored: servers always show certificates to each other',
      );
    }
  }
}
