/**
 * Four-letter words (server/command/*): four bytes instead of a ConnectRequest, a text, and the connection ends.
 *
 * Only words on the whitelist are answered. Four bytes that are no word are the length of a frame. What stands here is what
 * the core knows: process and JVM belong to the shell, so `conf` and `envi` leave those lines out. Words tell what no ACL guards; that is why the whitelist is short by default.
 */

import { formatMembership, serverOf, votersOf } from '../config/membership.ts';
import type { PeerConfig } from '../config/types.ts';
import { type SessionId, showSession, showZxid, type Zxid } from '../types.ts';
import { peekBytes } from '../wire/framing.ts';
import { Op } from '../wire/opcodes.ts';
import { utf8Encode } from '../wire/utf8.ts';
import { type Call, closeConn, sendBytes, sessionOf } from './connection.ts';
import type { ClientConn, ServerMode, ServerState } from './state.ts';

/**
 * Clients read numbers out of this: kazoo the version, go-zookeeper also the date, which it knows only in the form of
 * releases before 3.8.
 */
export const VERSION = '3.9.4-vivarium, built on 11/22/2026 00:00 GMT';

const NOT_SERVING = 'This ZooKeeper instance is not currently serving requests\n';

const WORDS = [
  'conf',
  'cons',
  'crst',
  'dirs',
  'dump',
  'envi',
  'gtmk',
  'hash',
  'isro',
  'mntr',
  'ruok',
  'srst',
  'srvr',
  'stat',
  'stmk',
  'wchc',
  'wchp',
  'wchs',
] as const;
type Word = (typeof WORDS)[number];

const WORD_OF: ReadonlyMap<string, Word> = new Map(WORDS.map((word) => [word, word]));

/** Behind `stmk`. */
const TRACE_MASK_BYTES = 8;

/** Answers a word, when all that belongs to it is there. False when these four bytes are none. */
export function onWord(call: Call, conn: ClientConn, first: Uint8Array): boolean {
  const word = WORD_OF.get(String.fromCharCode(...first));
  if (word === undefined) return false;
  const allowed = isAllowed(word, call.config);
  if (word === 'stmk' && allowed) {
    const whole = peekBytes(conn.rx, first.length + TRACE_MASK_BYTES);
    if (whole === null) return true;
    call.server.traceMask = new DataView(whole.buffer, whole.byteOffset + first.length).getBigInt64(0);
  }
  call.server.stats.received += 1;
  conn.stats.received += 1;
  if (word === 'dirs' && allowed && call.server.mode !== 'stopped') {
    conn.phase = { kind: 'telling' };
    call.out.push({ type: 'sizes' });
    return true;
  }
  const text = allowed ? textOf(call, word) : `${word} is not executed because it is not in the whitelist.\n`;
  sendBytes(call, conn, utf8Encode(text));
  closeConn(call, conn, `word ${word}`);
  return true;
}

/** What `dirs` waited for: the size of snapshots and epoch files, and that of transaction logs. */
export function tellSizes(
  call: Call,
  conn: ClientConn,
  { dataBytes, logBytes }: { readonly dataBytes: number; readonly logBytes: number },
): void {
  sendBytes(call, conn, utf8Encode(`datadir_size: ${dataBytes}\nlogdir_size: ${logBytes}\n`));
  closeConn(call, conn, 'word dirs');
}

/** A read-only client finds a read-write server by `isro`, so that word comes with the mode. */
function isAllowed(word: Word, config: PeerConfig): boolean {
  const { fourLetterWords } = config;
  return fourLetterWords === 'all' || fourLetterWords.includes(word) || (word === 'isro' && config.readOnlyModeEnabled);
}

function textOf(call: Call, word: Word): string {
  const { server } = call;
  if (word === 'ruok') return 'imok';
  if (word === 'gtmk' || word === 'stmk') return `${server.traceMask}`;
  if (word === 'envi') return `Environment:\nzookeeper.version=${VERSION}\n`;
  if (word === 'isro') return server.mode === 'stopped' ? 'null' : server.mode === 'readonly' ? 'ro' : 'rw';
  if (server.mode === 'stopped') return word === 'hash' ? NOT_SERVING.trimEnd() : NOT_SERVING;
  switch (word) {
    case 'dirs':
      return NOT_SERVING;
    case 'srvr':
      return `Zookeeper version: ${VERSION}\n${serverLines(call)}`;
    case 'stat':
      return `Zookeeper version: ${VERSION}\nClients:\n${clientLines(server, false)}\n${serverLines(call)}`;
    case 'cons':
      return `${clientLines(server, true)}\n`;
    case 'conf':
      return confText(call.config);
    case 'dump':
      return dumpText(call);
    case 'mntr':
      return mntrText(call);
    case 'hash':
      return hashText(call);
    case 'wchs': {
      const { connections, paths, watches } = call.heap.watches.summary;
      return `${connections} connections watching ${paths} paths\nTotal watches:${watches}\n`;
    }
    case 'wchc':
      return watchText(call, ({ session, path }) => [session, path]);
    case 'wchp':
      return watchText(call, ({ session, path }) => [path, session]);
    case 'crst':
      for (const conn of server.conns.values()) resetConn(conn);
      return 'Connection stats reset.\n';
    case 'srst':
      resetServer(server);
      return 'Server stats reset.\n';
    default:
      return word satisfies never;
  }
}

// --- numbers ---------------------------------------------------------------------------------------------------------

const MODE_NAMES: { readonly [M in Exclude<ServerMode, 'stopped'>]: string } = {
  standalone: 'standalone',
  leader: 'leader',
  follower: 'follower',
  observer: 'observer',
  readonly: 'read-only',
};

const modeName = (mode: ServerMode): string => (mode === 'stopped' ? 'null' : MODE_NAMES[mode]);

function serverLines({ server, heap }: Call): string {
  const { stats } = server;
  return [
    `Latency min/avg/max: ${stats.latencyMinMs}/${averageText(stats)}/${stats.latencyMaxMs}`,
    `Received: ${stats.received}`,
    `Sent: ${stats.sent}`,
    `Connections: ${server.conns.size}`,
    `Outstanding: ${server.outstanding}`,
    `Zxid: ${showZxid(heap.tree.lastZxid)}`,
    `Mode: ${modeName(server.mode)}`,
    `Node count: ${heap.tree.nodeCount}`,
    ...(server.mode === 'leader'
      ? [`Proposal sizes last/min/max: ${stats.lastProposalSize}/${stats.minProposalSize}/${stats.maxProposalSize}`]
      : []),
    '',
  ].join('\n');
}

const DECIMALS = 10_000;

/** Four decimals at most, one at least, as Java prints a rounded double. */
function averageText({ latencySumMs, latencyCount }: { latencySumMs: number; latencyCount: number }): string {
  const average = latencyCount === 0 ? 0 : Math.round((latencySumMs / latencyCount) * DECIMALS) / DECIMALS;
  return Number.isInteger(average) ? `${average}.0` : `${average}`;
}

function clientLines(server: ServerState, detailed: boolean): string {
  let text = '';
  for (const conn of server.conns.values()) {
    const { ip, port } = conn.remote;
    const owner = sessionOf(conn);
    const counts = `queued=${conn.queue.length},recved=${conn.stats.received},sent=${conn.stats.sent}`;
    const details = detailed && owner !== null ? `,${connDetails(conn, owner)}` : '';
    text += ` /${ip}:${port}[${conn.reading ? 1 : 0}](${counts}${details})\n`;
  }
  return text;
}

function connDetails({ stats, openedWallMs }: ClientConn, owner: { session: SessionId; timeoutMs: number }): string {
  const average = stats.latencyCount === 0 ? 0 : Math.floor(stats.latencySumMs / stats.latencyCount);
  return [
    `sid=${showSession(owner.session)}`,
    `lop=${OP_LABELS.get(stats.lastOp) ?? 'NA'}`,
    `est=${openedWallMs}`,
    `to=${owner.timeoutMs}`,
    `lcxid=${showSession(BigInt(stats.lastCxid))}`,
    `lzxid=${showSession(BigInt(stats.lastZxid))}`,
    `lresp=${stats.lastReplyMs}`,
    `llat=${stats.lastLatencyMs}`,
    `minlat=${stats.minLatencyMs}`,
    `avglat=${average}`,
    `maxlat=${stats.maxLatencyMs}`,
  ].join(',');
}

/** FinalRequestProcessor's `lastOp`. */
const OP_LABELS: ReadonlyMap<number, string> = new Map<number, string>([
  [Op.createSession, 'SESS'],
  [Op.create, 'CREA'],
  [Op.create2, 'CREA'],
  [Op.createContainer, 'CREA'],
  [Op.createTTL, 'CREA'],
  [Op.delete, 'DELE'],
  [Op.exists, 'EXIS'],
  [Op.getData, 'GETD'],
  [Op.setData, 'SETD'],
  [Op.getACL, 'GETA'],
  [Op.setACL, 'SETA'],
  [Op.getChildren, 'GETC'],
  [Op.getChildren2, 'GETC'],
  [Op.sync, 'SYNC'],
  [Op.ping, 'PING'],
  [Op.multi, 'MULT'],
  [Op.multiRead, 'MLTR'],
  [Op.reconfig, 'RECO'],
  [Op.closeSession, 'CLOS'],
  [Op.setWatches, 'SETW'],
  [Op.setWatches2, 'STW2'],
  [Op.addWatch, 'ADDW'],
  [Op.checkWatches, 'CHKW'],
  [Op.removeWatches, 'REMW'],
  [Op.whoAmI, 'HOMI'],
  [Op.getEphemerals, 'GETE'],
  [Op.getAllChildrenNumber, 'GETACN'],
]);

function mntrText({ server, heap, config, io }: Call): string {
  const { stats } = server;
  const { tree, watches } = heap;
  const metrics: [string, string | number][] = [
    ['version', VERSION],
    ['server_state', modeName(server.mode)],
    ['ephemerals_count', tree.ephemeralCount],
    ['num_alive_connections', server.conns.size],
    ['avg_latency', averageText(stats)],
    ['min_latency', stats.latencyMinMs],
    ['max_latency', stats.latencyMaxMs],
    ['outstanding_requests', server.outstanding],
    ['znode_count', tree.nodeCount],
    ['global_sessions', tree.sessions.size],
    ['local_sessions', server.local.sessions.size],
    ['packets_sent', stats.sent],
    ['packets_received', stats.received],
    ['bytes_received_count', stats.bytesReceived],
    ['watch_count', watches.count],
    ['approximate_data_size', tree.approximateDataSize],
    // Equal on all servers that have applied the same history; the second covers sessions, quotas and ACLs too.
    ['last_zxid', showZxid(tree.lastZxid)],
    ['tree_digest', showSession(tree.digest())],
    ['state_digest', showSession(tree.stateDigest())],
    ['uptime', io.now.monoMs - stats.startedMs],
    ['auth_failed_count', stats.authFailed],
    ['connection_rejected', stats.connectionsRejected],
    ['connection_request_count', stats.connectRequests],
    ['connection_revalidate_count', stats.revalidations],
    ['sessionless_connections_expired', stats.sessionlessExpired],
    ['local_sessions_expired', stats.localSessionsExpired],
    ['throttled_ops', stats.throttledOps],
    ['watch_events_sent', stats.watchEventsSent],
  ];
  if (server.mode === 'leader') {
    metrics.push(['last_proposal_size', stats.lastProposalSize]);
    metrics.push(['min_proposal_size', stats.minProposalSize]);
    metrics.push(['max_proposal_size', stats.maxProposalSize]);
  }
  if (config.membership !== null) {
    metrics.push(['quorum_size', votersOf(config.membership).length]);
    metrics.push(['insecure_quorum_ports', config.sslQuorum ? 0 : 1]);
  }
  return metrics.map(([name, value]) => `zk_${name}\t${value}\n`).join('');
}

function resetConn({ stats }: ClientConn): void {
  stats.received = 0;
  stats.sent = 0;
  stats.minLatencyMs = 0;
  stats.maxLatencyMs = 0;
  stats.latencySumMs = 0;
  stats.latencyCount = 0;
}

function resetServer({ stats }: ServerState): void {
  stats.received = 0;
  stats.sent = 0;
  stats.latencyMinMs = 0;
  stats.latencyMaxMs = 0;
  stats.latencySumMs = 0;
  stats.latencyCount = 0;
  stats.lastProposalSize = -1;
  stats.minProposalSize = -1;
  stats.maxProposalSize = -1;
}

// --- listings --------------------------------------------------------------------------------------------------------

/** What servers that have applied the same history have in common, from time to time (HashCommand). */
function hashText({ heap, config }: Call): string {
  const line = (zxid: Zxid, digest: bigint): string => `${zxid.toString(16)}: ${config.digestEnabled ? digest : 0}\n`;
  return heap.tree
    .digests()
    .map(({ zxid, digest }) => line(zxid, digest))
    .join('');
}

function confText(config: PeerConfig): string {
  const { membership } = config;
  const lines = [
    `clientPort=${config.clientAddress?.port ?? -1}`,
    `secureClientPort=${config.secureClientAddress?.port ?? -1}`,
    `tickTime=${config.tickTimeMs}`,
    `maxClientCnxns=${config.maxClientCnxns}`,
    `minSessionTimeout=${config.minSessionTimeoutMs}`,
    `maxSessionTimeout=${config.maxSessionTimeoutMs}`,
    'clientPortListenBacklog=-1',
    `serverId=${config.myid}`,
  ];
  if (membership === null) return `${lines.join('\n')}\n`;
  const own = serverOf(membership, config.myid)?.addresses[0];
  lines.push(
    `initLimit=${config.initLimitTicks}`,
    `syncLimit=${config.syncLimitTicks}`,
    'electionAlg=3',
    `electionPort=${own?.electionPort ?? -1}`,
    `quorumPort=${own?.quorumPort ?? -1}`,
    `peerType=${config.peerType === 'observer' ? 1 : 0}`,
    'membership: ',
    formatMembership(membership),
  );
  return lines.join('\n');
}

/** Sessions as a learner lists them: only the deciding server knows when they expire. */
function dumpText({ server, heap }: Call): string {
  const { tree } = heap;
  let text = 'SessionTracker dump:\n';
  if (server.local.sessions.size > 0) {
    text += `Local Sessions(${server.local.sessions.size}):\n`;
    for (const [session, { timeoutMs }] of server.local.sessions) text += `${showSession(session)}\t${timeoutMs}ms\n`;
  }
  text += `Global Sessions(${tree.sessions.size}):\n`;
  for (const [session, timeoutMs] of tree.sessions) text += `${showSession(session)}\t${timeoutMs}ms\n`;
  const owners = [...tree.ephemeralSessions()];
  text += `ephemeral nodes dump:\nSessions with Ephemerals (${owners.length}):\n`;
  for (const session of owners) {
    text += `${showSession(session)}:\n`;
    for (const path of tree.ephemeralsOf(session)) text += `\t${path}\n`;
  }
  text += `Connections dump:\nConnections (${server.conns.size}):\n`;
  for (const conn of server.conns.values()) {
    const session = sessionOf(conn)?.session ?? (0n as SessionId);
    text += `\tip: /${conn.remote.ip}:${conn.remote.port} sessionId: ${showSession(session)}\n`;
  }
  return text;
}

/** Watches grouped under a heading, each group's members indented. */
function watchText(call: Call, grouping: (watch: { session: string; path: string }) => [string, string]): string {
  const groups = new Map<string, string[]>();
  for (const { conn: id, path } of call.heap.watches.dataWatches()) {
    const conn = call.server.conns.get(id);
    const session = conn === undefined ? null : sessionOf(conn);
    if (session === null) continue;
    const [heading, member] = grouping({ session: showSession(session.session), path });
    const members = groups.get(heading);
    if (members === undefined) groups.set(heading, [member]);
    else members.push(member);
  }
  let text = '';
  for (const [heading, members] of groups) text += `${heading}\n${members.map((member) => `\t${member}\n`).join('')}`;
  return `${text}\n`;
}
