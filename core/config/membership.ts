/**
 * Who belongs to the ensemble, and which sets of servers are a quorum of it (QuorumVerifier, QuorumMaj,
 * QuorumHierarchical).
 *
 * A membership is text wherever it travels: in the dynamic configuration file, in /zookeeper/config, in election
 * notifications and in NEWLEADER. `formatMembership` writes exactly what QuorumVerifier.toString writes:
 *
 * ```
 * membership := { server NEWLINE } { group NEWLINE } { weight NEWLINE } "version=" HEX
 * server     := "server." ID "=" address { "|" address } ":" role [ ";" [client] [ ";" client ] ]
 * address    := HOST ":" QUORUM-PORT ":" ELECTION-PORT          role := "participant" | "observer"
 * client     := HOST ":" PORT                                   HOST in brackets when it contains a colon
 * group      := "group." ID "=" ID { ":" ID }                   weight := "weight." ID "=" NUMBER
 * ```
 *
 * Java writes the lines in the order of its hash maps, which for a handful of small ids is ascending; we always write
 * them ascending. The reader takes every form that Java takes: any order, the role and the client's host left out, the
 * role after each address or only after the last.
 *
 * **Majority**: more than half of the participants. **Hierarchical**: every group has the weight of its members; a set
 * wins a group with more than half of that weight, and is a quorum when it wins more than half of the groups whose
 * weight is not zero. Either way two quorums of one membership share a participant. Only participants ever count
 * (ZOOKEEPER-769, ZOOKEEPER-2959), whatever ids the caller collected.
 */

import type { Address } from '../io.ts';
import { asPeer, asZxid, type PeerId, type Zxid } from '../types.ts';
import { formatAddress } from '../wire/election-codec.ts';
import { Code } from '../wire/opcodes.ts';
import { lastOfEach, parseProperties } from './properties.ts';
import type { Membership, PeerRole, ServerAddress, ServerSpec } from './types.ts';

/** Session ids carry the server id in their highest byte, so ids end at 255. */
export const SERVER_ID_MAX = 255;
/** Addresses of one server in multi-address mode; precedents have two or three. */
export const SERVER_ADDRESSES_MAX = 16;
/** Host names end at 253 characters (RFC 1035). */
const HOST_LENGTH_MAX = 253;
const PORT_MAX = 65_535;
/** Weights are summed; this keeps every sum exact. */
const WEIGHT_MAX = 1_000_000;
/** Where Java binds when a client part is only a port. */
const ANY_HOST = '0.0.0.0';

/**
 * Why a text is no membership. The two kinds are Java's: a ConfigException, which a reconfig request answers with
 * BADARGUMENTS, and any other exception, which it answers with MARSHALLINGERROR.
 */
export interface MembershipFault {
  readonly kind: 'config' | 'illegal';
  readonly reason: string;
  /** The line it is about, where that is not the line being read. */
  readonly key?: string;
}

export type ParsedMembership =
  | { readonly ok: true; readonly membership: Membership }
  | { readonly ok: false; readonly fault: MembershipFault };

export type ParsedServer =
  | { readonly ok: true; readonly server: ServerSpec }
  | { readonly ok: false; readonly fault: MembershipFault };

export interface ParseOptions {
  /** Accept several addresses per server (`multiAddress.enabled`). */
  readonly multiAddress: boolean;
}

const ACCEPT_ALL: ParseOptions = { multiAddress: true };

const config = (reason: string): { ok: false; fault: MembershipFault } => ({
  ok: false,
  fault: { kind: 'config', reason },
});
const illegal = (reason: string): { ok: false; fault: MembershipFault } => ({
  ok: false,
  fault: { kind: 'illegal', reason },
});

// --- reading -----------------------------------------------------------------------------------------------------

/** One line of a membership text, understood. */
export type MembershipEntry =
  | { readonly kind: 'server'; readonly server: ServerSpec }
  | { readonly kind: 'group'; readonly id: number; readonly members: readonly PeerId[] }
  | { readonly kind: 'weight'; readonly id: PeerId; readonly weight: number }
  | { readonly kind: 'version'; readonly version: Zxid };

export type ParsedEntry =
  | { readonly ok: true; readonly entry: MembershipEntry }
  | { readonly ok: false; readonly fault: MembershipFault };

/** A whole membership text. Keys other than `server.`, `group`, `weight` and `version` are refused. */
export function parseMembership(text: string, options: ParseOptions = ACCEPT_ALL): ParsedMembership {
  const entries: MembershipEntry[] = [];
  for (const { key, value } of lastOfEach(parseProperties(text)).values()) {
    const parsed = parseMembershipLine(key, value, options);
    if (!parsed.ok) return parsed;
    entries.push(parsed.entry);
  }
  const membership = membershipOf(entries);
  const fault = hierarchyFaults(membership)[0];
  return fault === undefined ? { ok: true, membership } : { ok: false, fault };
}

export const isMembershipKey = (key: string): boolean =>
  key.startsWith('server.') || key.startsWith('group') || key.startsWith('weight') || key === 'version';

export function parseMembershipLine(key: string, value: string, options: ParseOptions = ACCEPT_ALL): ParsedEntry {
  if (!isMembershipKey(key)) return config(`unrecognised parameter ${key}`);
  if (key === 'version') return versionEntry(value);
  const id = numberAfterDot(key);
  if (id === null || id > SERVER_ID_MAX) {
    return illegal(`${key}: the part after the dot must be a number from 0 to ${SERVER_ID_MAX}`);
  }
  if (key.startsWith('server.')) {
    const parsed = parseServerLine(asPeer(id), value, options);
    return parsed.ok ? { ok: true, entry: { kind: 'server', server: parsed.server } } : parsed;
  }
  return key.startsWith('group') ? groupEntry(id, value) : weightEntry(asPeer(id), value);
}

function versionEntry(value: string): ParsedEntry {
  const version = parseVersion(value);
  if (version === null) return illegal(`version=${value} is not a hexadecimal number`);
  return { ok: true, entry: { kind: 'version', version } };
}

function groupEntry(id: number, value: string): ParsedEntry {
  const members: PeerId[] = [];
  for (const part of value.split(':')) {
    const member = parseDecimal(part.trim(), SERVER_ID_MAX);
    if (member === null) return illegal(`group.${id}=${value} must list server ids separated by colons`);
    members.push(asPeer(member));
  }
  return { ok: true, entry: { kind: 'group', id, members } };
}

function weightEntry(id: PeerId, value: string): ParsedEntry {
  const weight = parseDecimal(value.trim(), WEIGHT_MAX);
  if (weight === null) return illegal(`weight.${id}=${value} must be a number from 0 to ${WEIGHT_MAX}`);
  return { ok: true, entry: { kind: 'weight', id, weight } };
}

/** Puts the entries together; `hierarchyFaults` says whether the result makes sense. A group or a weight makes it hierarchical. */
export function membershipOf(entries: readonly MembershipEntry[]): Membership {
  const servers = new Map<PeerId, ServerSpec>();
  const groups: { id: number; members: readonly PeerId[] }[] = [];
  const weights: { id: PeerId; weight: number }[] = [];
  let version: Zxid = asZxid(0);
  for (const entry of entries) {
    switch (entry.kind) {
      case 'server':
        servers.set(entry.server.id, entry.server);
        break;
      case 'group':
        groups.push({ id: entry.id, members: entry.members });
        break;
      case 'weight':
        weights.push({ id: entry.id, weight: entry.weight });
        break;
      case 'version':
        version = entry.version;
        break;
      default:
        entry satisfies never;
    }
  }
  const hierarchical = groups.length > 0 || weights.length > 0;
  return makeMembership({ version, servers: [...servers.values()], groups: hierarchical ? groups : null, weights });
}

/** What is wrong between the groups, the weights and the servers; a majority configuration has no such faults. */
export function hierarchyFaults(m: Membership): MembershipFault[] {
  if (m.groups === null) return [];
  const faults: MembershipFault[] = [];
  const grouped = new Set<PeerId>();
  for (const { id, members } of m.groups) {
    for (const member of members) {
      if (grouped.has(member)) {
        faults.push({ kind: 'config', reason: `server ${member} is in multiple groups`, key: `group.${id}` });
      } else if (!isVoter(m, member) && !m.weights.some((entry) => entry.id === member)) {
        // Java fails on it too, with a NullPointerException when it adds up the group's weight.
        const reason = `server ${member} of group ${id} is not a participant and has no weight`;
        faults.push({ kind: 'illegal', reason, key: `group.${id}` });
      }
      grouped.add(member);
    }
  }
  for (const voter of votersOf(m)) {
    if (!grouped.has(voter)) {
      faults.push({ kind: 'config', reason: `server ${voter} is not in a group`, key: `server.${voter}` });
    }
  }
  return faults;
}

/** Puts every list in its canonical order and drops weights that say nothing. */
export function makeMembership(parts: {
  readonly version: Zxid;
  readonly servers: readonly ServerSpec[];
  readonly groups: Membership['groups'];
  readonly weights: Membership['weights'];
}): Membership {
  const voters = new Set(parts.servers.filter(({ role }) => role === 'participant').map(({ id }) => id));
  return {
    version: parts.version,
    servers: [...parts.servers].sort(byId),
    groups:
      parts.groups?.map(({ id, members }) => ({ id, members: [...members].sort((a, b) => a - b) })).sort(byId) ?? null,
    // A weight of 1 is the default of a participant; for any other id Java writes it out, so we keep it.
    weights: parts.weights.filter(({ id, weight }) => weight !== 1 || !voters.has(id)).sort(byId),
  };
}

const byId = (a: { readonly id: number }, b: { readonly id: number }): number => a.id - b.id;

/** `host:port:port[:role][|…][;[client][;[secure client]]]`, the value of a `server.N` line. */
export function parseServerLine(id: PeerId, value: string, options: ParseOptions = ACCEPT_ALL): ParsedServer {
  const wrongForm = `server.${id}=${value} does not have the form host:port:port[:role][|host:port:port…][;[host:]clientPort[;[host:]securePort]]`;
  const [serverPart = '', clientPart = '', securePart = '', ...surplus] = value.trim().split(';');
  if (surplus.length > 0) return config(wrongForm);
  const parts = serverPart.split('|');
  if (parts.length > 1 && !options.multiAddress) {
    return config(`server.${id} has several addresses, but multiAddress.enabled is not set`);
  }
  if (parts.length > SERVER_ADDRESSES_MAX)
    return config(`server.${id} has more than ${SERVER_ADDRESSES_MAX} addresses`);
  const addresses: ServerAddress[] = [];
  let role: PeerRole | null = null;
  for (const part of parts) {
    const fields = splitHostPort(part.trim());
    if (fields === null || fields.length < 3 || fields.length > 4) return config(wrongForm);
    const address = parseServerAddress(fields[0]!, fields[1]!, fields[2]!);
    if (!address.ok) return address;
    addresses.push(address.address);
    if (fields.length === 4) {
      const named = parseRole(fields[3]!);
      if (named === null) return config(`server.${id}: unrecognised peertype ${fields[3]}`);
      if (role !== null && role !== named) return config(`server.${id}: all addresses must have the same role`);
      role = named;
    }
  }
  const client = parseClientPart(clientPart);
  if (!client.ok) return client;
  const secureClient = parseClientPart(securePart);
  if (!secureClient.ok) return secureClient;
  return {
    ok: true,
    server: {
      id,
      addresses: addresses.sort(byHost),
      role: role ?? 'participant',
      client: client.address,
      secureClient: secureClient.address,
    },
  };
}

const byHost = (a: ServerAddress, b: ServerAddress): number => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0);

function parseServerAddress(
  host: string,
  quorum: string,
  election: string,
): { ok: true; address: ServerAddress } | { ok: false; fault: MembershipFault } {
  if (!isHost(host)) return config(`address unresolved: ${host}`);
  const quorumPort = parsePort(quorum);
  const electionPort = parsePort(election);
  if (quorumPort === null) return badPort(host, quorum);
  if (electionPort === null) return badPort(host, election);
  if (quorumPort === electionPort) return config(`${host}: quorum and election port must be different`);
  return { ok: true, address: { host, quorumPort, electionPort } };
}

/** An empty part means that the server has no such client address. */
function parseClientPart(part: string): { ok: true; address: Address | null } | { ok: false; fault: MembershipFault } {
  const text = part.trim();
  if (text === '') return { ok: true, address: null };
  const fields = splitHostPort(text);
  if (fields === null || fields.length > 2) return config(`client address ${text} is not [host:]port`);
  const host = fields.length === 2 ? fields[0]! : ANY_HOST;
  const portText = fields[fields.length - 1]!;
  if (!isHost(host)) return config(`address unresolved: ${host}`);
  const port = parsePort(portText);
  return port === null ? badPort(host, portText) : { ok: true, address: { host, port } };
}

/** Java refuses a word as a ConfigException and a number out of range as an IllegalArgumentException. */
const badPort = (host: string, text: string): { ok: false; fault: MembershipFault } =>
  /^[+-]?\d{1,9}$/.test(text)
    ? illegal(`port out of range: ${host}:${text}`)
    : config(`address unresolved: ${host}:${text}`);

/** Splits at colons, except inside the brackets of an IPv6 address at the beginning; null when a bracket is not closed. */
export function splitHostPort(text: string): string[] | null {
  if (!text.startsWith('[')) return text.split(':');
  const close = text.indexOf(']');
  if (close < 0 || (close + 1 < text.length && text[close + 1] !== ':') || close + 2 === text.length) return null;
  const host = text.slice(1, close);
  return close + 1 === text.length ? [host] : [host, ...text.slice(close + 2).split(':')];
}

/** A name, an IPv4 or an IPv6 address; the shell resolves it. */
export const isHost = (text: string): boolean =>
  text.length > 0 && text.length <= HOST_LENGTH_MAX && /^[\p{L}\p{N}._%:-]+$/u.test(text);

export function parseRole(text: string): PeerRole | null {
  const word = text.trim().toLowerCase();
  return word === 'participant' || word === 'observer' ? word : null;
}

const parsePort = (text: string): number | null => {
  const port = parseDecimal(text, PORT_MAX);
  return port === 0 ? null : port;
};

function parseDecimal(text: string, max: number): number | null {
  if (!/^\+?\d{1,9}$/.test(text)) return null;
  const number = Number(text);
  return number <= max ? number : null;
}

function numberAfterDot(key: string): number | null {
  const dot = key.indexOf('.');
  return dot < 0 ? null : parseDecimal(key.slice(dot + 1), Number.MAX_SAFE_INTEGER);
}

/** The version is a zxid in hexadecimal. */
function parseVersion(text: string): Zxid | null {
  if (!/^\+?[0-9a-fA-F]{1,16}$/.test(text)) return null;
  const version = Number.parseInt(text, 16);
  return Number.isSafeInteger(version) ? asZxid(version) : null;
}

// --- writing -----------------------------------------------------------------------------------------------------

export function formatMembership(m: Membership): string {
  const lines = m.servers.map((server) => `server.${server.id}=${formatServer(server)}`);
  if (m.groups !== null) {
    for (const { id, members } of m.groups) lines.push(`group.${id}=${members.join(':')}`);
    for (const { id, weight } of allWeights(m)) lines.push(`weight.${id}=${weight}`);
  }
  lines.push(`version=${m.version.toString(16)}`);
  return lines.join('\n');
}

export function formatServer(server: ServerSpec): string {
  const addresses = server.addresses.map(
    ({ host, quorumPort, electionPort }) => `${bracketed(host)}:${quorumPort}:${electionPort}`,
  );
  const client = server.client === null ? '' : `;${formatAddress(server.client)}`;
  const gap = server.client === null ? ';' : '';
  const secure = server.secureClient === null ? '' : `${gap};${formatAddress(server.secureClient)}`;
  return `${addresses.join('|')}:${server.role}${client}${secure}`;
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** Java writes the weight of every participant, the default too. */
function allWeights(m: Membership): { id: PeerId; weight: number }[] {
  const ids = new Set([...votersOf(m), ...m.weights.map(({ id }) => id)]);
  return [...ids].sort((a, b) => a - b).map((id) => ({ id, weight: givenWeight(m, id) }));
}

// --- members -----------------------------------------------------------------------------------------------------

export const votersOf = (m: Membership): PeerId[] =>
  m.servers.filter(({ role }) => role === 'participant').map(({ id }) => id);

export const observersOf = (m: Membership): PeerId[] =>
  m.servers.filter(({ role }) => role === 'observer').map(({ id }) => id);

export const serverOf = (m: Membership, id: PeerId): ServerSpec | null =>
  m.servers.find((server) => server.id === id) ?? null;

export const roleOf = (m: Membership, id: PeerId): PeerRole | null => serverOf(m, id)?.role ?? null;

export const isVoter = (m: Membership, id: PeerId): boolean => roleOf(m, id) === 'participant';

/** The same members, roles, addresses, groups and weights, whatever the version (QuorumVerifier.equals). */
export const sameServers = (a: Membership, b: Membership): boolean =>
  formatMembership({ ...a, version: asZxid(0) }) === formatMembership({ ...b, version: asZxid(0) });

// --- quorums -----------------------------------------------------------------------------------------------------

/** What a server's vote weighs: nothing unless it is a participant. */
export const weightOf = (m: Membership, id: PeerId): number => (isVoter(m, id) ? givenWeight(m, id) : 0);

const givenWeight = (m: Membership, id: PeerId): number => m.weights.find((entry) => entry.id === id)?.weight ?? 1;

/** Whether these servers are a quorum. Ids that are no participants are not counted, and none is counted twice. */
export function hasQuorum(m: Membership, ids: Iterable<PeerId>): boolean {
  const support = setOf(ids);
  return m.groups === null ? hasMajority(m, support) : hasMajorityOfGroups(m, m.groups, support);
}

const setOf = (ids: Iterable<PeerId>): ReadonlySet<PeerId> => (ids instanceof Set ? ids : new Set(ids));

function hasMajority(m: Membership, support: ReadonlySet<PeerId>): boolean {
  let count = 0;
  let total = 0;
  for (const { id, role } of m.servers) {
    if (role !== 'participant') continue;
    total++;
    if (support.has(id)) count++;
  }
  return count * 2 > total;
}

function hasMajorityOfGroups(
  m: Membership,
  groups: NonNullable<Membership['groups']>,
  support: ReadonlySet<PeerId>,
): boolean {
  let won = 0;
  let counted = 0;
  for (const { members } of groups) {
    // The whole weight of a group includes members that are no participants, as in Java: it only makes winning harder.
    let total = 0;
    let weight = 0;
    for (const member of members) {
      total += givenWeight(m, member);
      if (support.has(member)) weight += weightOf(m, member);
    }
    if (total > 0) counted++;
    if (weight * 2 > total) won++;
  }
  return won * 2 > counted;
}

/**
 * A quorum of the committed configuration and, while a reconfiguration is under way, also of the last one seen
 * (SyncedLearnerTracker.hasAllQuorums).
 */
export const hasAllQuorums = (
  views: { readonly committed: Membership; readonly lastSeen: Membership },
  ids: Iterable<PeerId>,
): boolean => {
  const support = setOf(ids);
  if (!hasQuorum(views.committed, support)) return false;
  return views.lastSeen.version > views.committed.version ? hasQuorum(views.lastSeen, support) : true;
};

/** The participants of the committed and of the last seen configuration (QuorumPeer.getCurrentAndNextConfigVoters). */
export const votersOfBoth = (views: { readonly committed: Membership; readonly lastSeen: Membership }): Set<PeerId> =>
  new Set([...votersOf(views.committed), ...votersOf(views.lastSeen)]);

// --- reconfiguration ---------------------------------------------------------------------------------------------

/** What a `reconfig` request asks for; `newMembers` set makes it non-incremental and the other two are ignored. */
export interface ReconfigChange {
  readonly joiningServers: string | null;
  readonly leavingServers: string | null;
  readonly newMembers: string | null;
}

export interface ReconfigOptions {
  /** zxid of the request: the version of what comes out. */
  readonly version: Zxid;
  readonly standaloneEnabled: boolean;
  readonly multiAddress: boolean;
}

export type Reconfigured =
  | { readonly ok: true; readonly membership: Membership }
  | { readonly ok: false; readonly err: number; readonly reason: string };

/**
 * The configuration that a reconfig request leads to, or the error code it is answered with (PrepRequestProcessor,
 * case reconfig). Whether a quorum of the result is connected and synced, and who may ask, are the caller's checks.
 */
export function reconfigure(lastSeen: Membership, change: ReconfigChange, options: ReconfigOptions): Reconfigured {
  const next =
    change.newMembers === null ? incremental(lastSeen, change, options) : nonIncremental(change.newMembers, options);
  if (!next.ok) return next;
  const voterCount = votersOf(next.membership).length;
  const voterCountMin = options.standaloneEnabled ? 2 : 1;
  if (voterCount < voterCountMin) {
    return badArguments(`the new configuration must include at least ${voterCountMin} participants`);
  }
  return { ok: true, membership: { ...next.membership, version: options.version } };
}

const badArguments = (reason: string): Reconfigured => ({ ok: false, err: Code.BADARGUMENTS, reason });
const marshallingError = (reason: string): Reconfigured => ({ ok: false, err: Code.MARSHALLINGERROR, reason });
const refused = (fault: MembershipFault): Reconfigured =>
  fault.kind === 'config' ? badArguments(fault.reason) : marshallingError(fault.reason);

function nonIncremental(newMembers: string, options: ReconfigOptions): Reconfigured {
  const parsed = parseMembership(newMembers.replaceAll(',', '\n'), options);
  if (!parsed.ok) return refused(parsed.fault);
  const fault = ensembleFault(parsed.membership, options.standaloneEnabled);
  return fault === null ? parsed : refused(fault);
}

/** What Java refuses about a complete configuration (QuorumPeerConfig.parseDynamicConfig). */
export function ensembleFault(m: Membership, standaloneEnabled: boolean): MembershipFault | null {
  const voterCount = votersOf(m).length;
  const observerCount = m.servers.length - voterCount;
  if (voterCount === 0 && !standaloneEnabled) {
    return { kind: 'illegal', reason: 'with standaloneEnabled=false there must be at least one participant' };
  }
  if (voterCount === 0 && observerCount > 0) return { kind: 'illegal', reason: 'observers without participants' };
  if (voterCount === 1 && standaloneEnabled && observerCount > 0) {
    return { kind: 'illegal', reason: 'observers without a quorum: one participant and standaloneEnabled=true' };
  }
  return null;
}

function incremental(lastSeen: Membership, change: ReconfigChange, options: ReconfigOptions): Reconfigured {
  if (lastSeen.groups !== null) {
    return badArguments('incremental reconfiguration needs a majority quorum system');
  }
  const next = new Map(lastSeen.servers.map((server) => [server.id, server]));
  for (const leaving of listOf(change.leavingServers)) {
    const id = parseDecimal(leaving, Number.MAX_SAFE_INTEGER);
    if (id === null) return marshallingError(`leaving server ${leaving} is not a number`);
    next.delete(asPeer(id));
  }
  for (const joining of listOf(change.joiningServers)) {
    const joined = joiningServer(joining, options);
    if (!joined.ok) return joined;
    for (const other of next.values()) {
      if (other.id === joined.server.id) continue;
      const shared = sharedAddress(joined.server, other);
      if (shared !== null)
        return badArguments(`${shared} of server.${joined.server.id} is in use by server.${other.id}`);
    }
    next.set(joined.server.id, joined.server);
  }
  const servers = [...next.values()];
  return { ok: true, membership: makeMembership({ version: options.version, servers, groups: null, weights: [] }) };
}

/** Comma separated, trimmed, empty items left out (common/StringUtils.split). */
const listOf = (text: string | null): string[] =>
  (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

function joiningServer(
  text: string,
  options: ReconfigOptions,
): { readonly ok: true; readonly server: ServerSpec } | Extract<Reconfigured, { ok: false }> {
  const fail = (reconfigured: Reconfigured): Extract<Reconfigured, { ok: false }> =>
    reconfigured as Extract<Reconfigured, { ok: false }>;
  const parts = text
    .split('=')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length !== 2) return fail(badArguments(`${text} is not server.N=…`));
  const id = parseDecimal(parts[0]!.slice(parts[0]!.lastIndexOf('.') + 1), SERVER_ID_MAX);
  if (id === null) return fail(marshallingError(`${parts[0]} does not end in a server id`));
  const parsed = parseServerLine(asPeer(id), parts[1]!, options);
  if (!parsed.ok) return fail(refused(parsed.fault));
  if (parsed.server.client === null && parsed.server.secureClient === null) {
    return fail(badArguments(`server.${id} must name at least three ports`));
  }
  return { ok: true, server: parsed.server };
}

/** An address and port that both servers name; addresses that mean "this machine" are not compared. */
function sharedAddress(a: ServerSpec, b: ServerSpec): string | null {
  const taken = new Set(addressesOf(b));
  return addressesOf(a).find((address) => taken.has(address)) ?? null;
}

function addressesOf({ addresses, client, secureClient }: ServerSpec): string[] {
  const all: (Address | null)[] = addresses.flatMap(({ host, quorumPort, electionPort }) => [
    { host, port: quorumPort },
    { host, port: electionPort },
  ]);
  all.push(client, secureClient);
  return all
    .filter((address) => address !== null && !isLocalHost(address.host))
    .map((address) => formatAddress(address!));
}

export const isWildcardHost = (host: string): boolean => /^(0\.0\.0\.0|::|(0{1,4}:){7}0{1,4})$/.test(host);

const isLocalHost = (host: string): boolean => isWildcardHost(host) || /^(127\.[\d.]+|::1|localhost)$/i.test(host);
