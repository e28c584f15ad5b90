/**
 * Zab, told: whole servers with their elections, disks and clients, on a link where everything takes no time and anything
 * can be held up. Each file in `zab/` is a story: commands, then `----`, then what the servers did about them.
 * `UPDATE=1 npx vitest run test/transcripts` writes the outputs anew; their difference is then reviewed as a change of
 * behaviour.
 *
 * ```
 * servers 1 2 3 4:observer [commitLogCount=5 …]   the ensemble; settings of every server
 * spare 5 observer                   a server that believes itself an observer of the ensemble, which does not know it
 * set 1 dbAutocreate=false           a setting of one server, from its next start on
 * start 1 2 3 | crash 1 2 | power 1  processes start and die; a machine loses power, with all that was not fsynced
 * wipe 1 | damage 1                  a server that is down loses its disk; its log is spoilt in the middle
 * run 200 | deliver                  milliseconds pass; everything in flight arrives and no time passes
 * until 1 2 3 serve                  time passes until these servers serve clients
 * hold link 2 3 [quorum] | hold disk 2 [log]      what 2 sends to 3 waits; operations of that disk wait
 * release …  | release               it goes on; everything goes on
 * reset 2 3 [quorum]                 their connections break
 * client a 1 | a create /x v | a set /x v | a get /x | a sync /x | a fills /x 80 | a remove 3,5 | a add 4,5 | a become 3,4,5 | a move 3 2999
 * skip                               what has happened so far is not told
 * show pings | show files 3          from here on, pings, or what 3's disk makes durable, is told too
 * state                              who is what, with which history
 * ```
 */

import { readFileSync } from 'node:fs';
import { enableMapSet, produce, setAutoFreeze } from 'immer';
import { describe, expect, it } from 'vitest';
import { formatServer } from '../../core/config/membership.ts';
import type { Membership, PeerConfig } from '../../core/config/types.ts';
import type { FileAction } from '../../core/io.ts';
import { step, view } from '../../core/peer.ts';
import type { PeerState } from '../../core/state.ts';
import { OPEN_ACL, showZxid } from '../../core/types.ts';
import type { ClientRequest } from '../../core/wire/client-codec.ts';
import { Code, Op } from '../../core/wire/opcodes.ts';
import { utf8Decode, utf8Encode } from '../../core/wire/utf8.ts';
import { type Heard, MiniClient } from '../support/mini-client.ts';
import { MiniEnsemble, type MiniServer, membershipOf } from '../support/mini-ensemble.ts';
import { describeStories, retell, storiesIn } from '../support/stories.ts';
import { MemoryDisk } from '../unit/storage/memory-disk.ts';
import { Narrator, nameIn } from './zab-narrator.ts';

const folder = new URL('./zab/', import.meta.url);

/** Runs every step on a draft of the state, which is frozen in between. */
const onDrafts: MiniEnsemble['runStep'] = (peer, now, input, emit) => {
  peer.state = produce(peer.state, (state: PeerState) => step({ ...peer, state }, now, input, emit));
};

class Stage {
  private readonly net = new MiniEnsemble();
  private readonly narrator = new Narrator(this.net, (text) => this.say(text));
  private readonly clients = new Map<string, MiniClient>();
  private membership: Membership | null = null;
  private settings: Partial<PeerConfig> = {};
  private said: string[] = [];

  constructor(drafted: boolean) {
    if (drafted) this.net.runStep = onDrafts;
    this.net.onStep = (report) => this.narrator.tell(report);
    this.net.onStepDone = () => this.listen();
  }

  perform(line: string): void {
    const [command = '', ...args] = line.split(/\s+/);
    const ids = args.filter((arg) => /^\d+$/.test(arg)).map(Number);
    const [a = 0, b = 0] = ids;
    switch (command) {
      case 'servers':
        this.settings = settingsOf(args);
        this.membership = membershipOf(args.filter((arg) => !arg.includes('=')).join(' '));
        for (const { id } of this.membership.servers) this.net.add(id, this.membership, this.settings);
        break;
      case 'spare':
        this.addSpare(a, args.includes('observer'));
        break;
      case 'set':
        this.net.get(a).config = { ...this.net.get(a).config, ...settingsOf(args) };
        break;
      case 'start':
        for (const id of ids) this.net.start(id);
        break;
      case 'crash':
        for (const id of ids) this.net.crash(id);
        break;
      case 'power':
        this.net.powerCut(a);
        break;
      case 'wipe':
        this.net.get(a).disk = new MemoryDisk();
        break;
      case 'damage':
        damageLog(this.net.get(a));
        break;
      case 'run':
        this.net.run(a);
        break;
      case 'deliver':
        this.net.settle();
        break;
      case 'until':
        this.net.runUntil(() => ids.every((id) => this.isServing(id)), PATIENCE_MS);
        break;
      case 'hold':
        this.net.hold(args.join(' '));
        break;
      case 'release':
        if (args.length === 0) this.net.releaseAll();
        else this.net.release(args.join(' '));
        break;
      case 'reset':
        this.net.reset(a, b, args.includes('quorum') ? 'quorum' : null);
        break;
      case 'client':
        this.clientOf(args[0]!).connect(a);
        break;
      case 'skip':
        this.said = [];
        break;
      case 'show':
        this.show(args[0]!, ids);
        break;
      case 'state':
        for (const server of this.net.servers.values()) this.tellState(server);
        break;
      default:
        this.speak(command, args);
    }
  }

  private speak(name: string, args: string[]): void {
    const client = this.clientOf(name);
    if (args[0] !== 'fills') return client.ask(this.requestOf(args));
    for (let i = 1; i <= Number(args[2]); i++) client.ask(this.requestOf(['set', args[1]!, `${i}`]));
  }

  takeOutput(): string {
    const text = this.said.length === 0 ? '(nothing)' : this.said.join('\n');
    this.said = [];
    return text;
  }

  private say(text: string): void {
    const time = `${this.net.nowMs} ms`.padStart(8);
    this.said.push(`${time}  ${text}`);
  }

  private clientOf(name: string): MiniClient {
    const client = this.clients.get(name) ?? new MiniClient(this.net, name);
    this.clients.set(name, client);
    return client;
  }

  private isServing(id: number): boolean {
    const { peer } = this.net.get(id);
    return peer !== null && view(peer).serving;
  }

  private addSpare(id: number, observer: boolean): void {
    const role = observer ? 'observer' : 'participant';
    const { servers } = this.membership!;
    const own = membershipOf(`${id}:${role}`).servers;
    this.net.add(id, { ...this.membership!, servers: [...servers, ...own] }, this.settings);
  }

  private show(what: string, ids: readonly number[]): void {
    if (what === 'pings') this.narrator.withPings = true;
    else if (what === 'files') {
      this.net.onFile = (server, action, result) => {
        if (ids.includes(server.id)) this.tellFile(server, action, result.ok);
      };
    } else throw new Error(`nothing to show: ${what}`);
  }

  /** What a recovery and the durable mark do on their own is storage's affair and told in its tests. */
  private tellFile({ id, peer }: MiniServer, action: FileAction, ok: boolean): void {
    const text = tellAction(action);
    const isOwnAffair = peer?.state.role.kind === 'recovering' || text?.endsWith('/durable') === true;
    if (text !== null && !isOwnAffair) this.say(`${id}'s disk: ${text}${ok ? '' : ' (fails)'}`);
  }

  private listen(): void {
    for (const client of this.clients.values()) {
      for (const heard of client.hear()) this.say(`${client.name} hears ${tellHeard(heard)}`);
    }
  }

  private requestOf([verb, path = '/', data = '']: string[]): ClientRequest {
    switch (verb) {
      case 'create':
        return { op: Op.create, kind: 'create', path, data: utf8Encode(data), acl: OPEN_ACL, flags: 0 };
      case 'set':
        return { op: Op.setData, kind: 'setData', path, data: utf8Encode(data), version: -1 };
      case 'get':
        return { op: Op.getData, kind: 'getData', path, watch: false };
      case 'sync':
        return { op: Op.sync, kind: 'sync', path };
      case 'remove':
        return reconfigOf({ leavingServers: path });
      case 'add':
        return reconfigOf({ joiningServers: serverLines(path) });
      case 'become':
        return reconfigOf({ newMembers: serverLines(path) });
      case 'move': {
        const line = formatServer(serverLine(Number(path))).replace(':2888:', `:${data}:`);
        return reconfigOf({ joiningServers: `server.${path}=${line}` });
      }
      default:
        throw new Error(`no such command: ${verb}`);
    }
  }

  private tellState({ id, peer }: MiniServer): void {
    if (peer === null) return this.say(`${id} is down`);
    const { phase, leader, epoch, loggedZxid, durableZxid, committedZxid, appliedZxid } = view(peer);
    const whom = leader === null || leader === id ? '' : ` ${leader}`;
    const durable = durableZxid === loggedZxid ? 'durable' : `durable to ${showZxid(durableZxid)}`;
    const numbers = `committed to ${showZxid(committedZxid)}, applied to ${showZxid(appliedZxid)}`;
    const role = `${ROLES[phase]}${whom}${epoch > 0 ? `, epoch ${epoch}` : ''}`;
    this.say(
      `${id} ${role}: history to ${showZxid(loggedZxid)} (${durable}), ${numbers}; ${tellNodes(peer.heap.tree)}`,
    );
    const { ensemble } = peer.state;
    if (ensemble === null || !peer.config.reconfigEnabled) return;
    const { committed, lastSeen } = ensemble;
    const proposed = lastSeen.version === committed.version ? '' : `, has seen ${tellMembership(lastSeen)}`;
    this.say(`${' '.repeat(`${id}`.length)} has configuration ${tellMembership(committed)} in force${proposed}`);
  }
}

function tellMembership({ version, servers }: Membership): string {
  const members = servers.map(({ id, role }) => (role === 'observer' ? `${id}:observer` : `${id}`));
  return `${showZxid(version)} (${members.join(' ')})`;
}

/** As long as the longest time-out in any story, many times over. */
const PATIENCE_MS = 300_000;

const ROLES: Readonly<Record<string, string>> = {
  recovering: 'recovers',
  looking: 'looks',
  following: 'follows',
  leading: 'leads',
  observing: 'observes',
  standalone: 'stands alone',
  halted: 'has halted',
};

function tellNodes(tree: { paths(): Iterable<string>; get(path: string): { data: Uint8Array | null } | undefined }) {
  const nodes = [...tree.paths()].filter((path) => path !== '/' && !path.startsWith('/zookeeper')).sort();
  return (
    nodes.map((path) => `${path}=${utf8Decode(tree.get(path)?.data ?? new Uint8Array(0))}`).join(' ') || 'no nodes'
  );
}

function tellHeard(heard: Heard): string {
  if (heard.kind === 'session') return 'that it has a session';
  if (heard.kind === 'expired') return 'that its session is over';
  const { request, reply } = heard;
  const what = 'path' in request ? `${request.kind} ${request.path}` : request.kind;
  const { err } = reply.header;
  if (err !== Code.OK) return `${what}: ${nameIn(Code, err)}`;
  if (reply.body?.kind === 'getData') return `${what}: ${utf8Decode(reply.body.data ?? new Uint8Array(0))}`;
  return `${what}: done`;
}

/** Of the file operations only those matter to a story after which something survives a power cut. */
function tellAction(action: FileAction): string | null {
  switch (action.kind) {
    case 'fsync':
      return `fsync ${action.path}`;
    case 'fsyncDir':
      return `fsync ${action.path}/`;
    case 'rename':
      return `rename ${action.from} to ${action.to}`;
    case 'truncate':
      return `truncate ${action.path}`;
    case 'remove':
      return `remove ${action.path}`;
    default:
      return null;
  }
}

const serverLines = (ids: string): string =>
  ids
    .split(',')
    .map((id) => `server.${id}=${formatServer(serverLine(Number(id)))}`)
    .join(',');

const serverLine = (id: number) => membershipOf(`${id}`).servers[0]!;

const reconfigOf = (change: {
  joiningServers?: string;
  leavingServers?: string;
  newMembers?: string;
}): ClientRequest => ({
  op: Op.reconfig,
  kind: 'reconfig',
  joiningServers: change.joiningServers ?? null,
  leavingServers: change.leavingServers ?? null,
  newMembers: change.newMembers ?? null,
  curConfigId: -1,
});

function settingsOf(args: readonly string[]): Partial<PeerConfig> {
  const pairs = args.filter((arg) => arg.includes('=')).map((arg) => arg.split('=') as [string, string]);
  return Object.fromEntries(
    pairs.map(([name, value]) => [name, /^(true|false|-?\d+)$/.test(value) ? JSON.parse(value) : value]),
  );
}

/** Spoils one byte in the first half of the newest log's records. */
function damageLog({ disk }: MiniServer): void {
  const logs = [...disk.files()].filter(([path]) => /\/log\.[0-9a-f]+$/.test(path));
  const [path, bytes] = logs.at(-1)!;
  const end = bytes.findLastIndex((byte) => byte !== 0);
  const offset = Math.floor(end / 2);
  disk.run({ kind: 'write', path, offset, bytes: Uint8Array.of(bytes[offset]! ^ 0xff) });
  disk.run({ kind: 'fsync', path });
}

describeStories('Zab, told', folder, 12, () => new Stage(false));

describe('Zab, told on drafts', () => {
  it.each(storiesIn(folder))('%s', (name) => {
    enableMapSet();
    setAutoFreeze(true);
    const story = readFileSync(new URL(name, folder), 'utf8');
    expect(retell(story, new Stage(true))).toBe(story);
  });
});
