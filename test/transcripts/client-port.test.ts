/**
 * Conversations at the client port that can be read aloud. Each file in `client-port/` is a story: commands, then `----`,
 * then what happened: which transactions were proposed, and what each client heard. `UPDATE=1 npx vitest run
 * test/transcripts` writes the outputs anew; their difference is then reviewed as a change of behaviour.
 *
 * ```
 * server config=value…             alone, or `as follower`; must come first if it comes at all
 * client a [timeout=4000]          connects, with a new session
 * a create /x data [flags=1] [acl=me]     acl=me: only who proved the same identity
 * a set /x data [v=0] | delete /x [v=0] | get /x [watch] | exists /x [watch] | ls /x [watch]
 * a acl /x me|open | getacl /x | watch /x [below] | auth alice:pw | whoami | sync | ping | close
 * a multi create /x 1; check /y v=0; …
 * a is cut off | a comes back      its connection breaks; a new one takes its session
 * hold | commit [n]                from here transactions wait; n of them (or all) are committed
 * wait 5000                        milliseconds pass
 * nodes                            the tree, without /zookeeper
 * ```
 */

import type { PeerConfig } from '../../core/config/types.ts';
import { type Acl, asPeer, OPEN_ACL, Perm } from '../../core/types.ts';
import type { ClientRequest, MultiOp, MultiResult } from '../../core/wire/client-codec.ts';
import { Code, EventType, Op } from '../../core/wire/opcodes.ts';
import type { Txn } from '../../core/wire/txn.ts';
import { decodeTxn } from '../../core/wire/txn-codec.ts';
import { utf8Decode, utf8Encode } from '../../core/wire/utf8.ts';
import { describeStories } from '../support/stories.ts';
import { type Received, type Reply, Standalone, TestClient, threeVoters } from '../unit/request/standalone.ts';

const folder = new URL('./client-port/', import.meta.url);

const nameIn = (table: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(table).find(([, number]) => number === value)?.[0] ?? `${value}`;

class Stage {
  private host: Standalone | null = null;
  private readonly clients = new Map<string, { client: TestClient; closed: boolean }>();
  private nextConn = 1;
  private logged = 0;
  private said: string[] = [];

  perform(line: string): void {
    const [first = '', ...args] = line.split(/\s+/);
    if (first === 'server') this.host = serverOf(args);
    else if (first === 'client') this.connect(args[0]!, Number(settingOf(args, 'timeout') ?? 30_000));
    else if (first === 'hold') this.server.hold = true;
    else if (first === 'commit') this.server.commit(args[0] === undefined ? Infinity : Number(args[0]));
    else if (first === 'wait') this.server.advance(Number(args[0]));
    else if (first === 'nodes') this.tellNodes();
    else this.speak(first, args, line.slice(first.length).trim());
    this.listen();
  }

  takeOutput(): string {
    const output = this.said.join('\n');
    this.said = [];
    return output === '' ? '(silence)' : output;
  }

  private get server(): Standalone {
    this.host ??= new Standalone();
    return this.host;
  }

  private connect(name: string, timeoutMs: number): void {
    const client = new TestClient(this.server, this.nextConn++);
    this.clients.set(name, { client, closed: false });
    client.connect({ timeoutMs });
  }

  private speak(name: string, args: string[], text: string): void {
    const { client } = this.clients.get(name)!;
    if (text === 'is cut off') return this.server.lose(client.conn);
    if (text === 'comes back') {
      const back = new TestClient(this.server, this.nextConn++);
      this.clients.set(name, { client: back, closed: false });
      back.connect({ session: client.session, passwd: client.passwd, timeoutMs: client.timeoutMs });
      this.said.push(
        back.session === client.session ? `${name} has its session again` : `${name} is told that its session is over`,
      );
      return;
    }
    client.send(requestOf(args, text));
  }

  /** What was proposed since the last command, then what everyone heard. */
  private listen(): void {
    for (; this.logged < this.server.log.length; this.logged++) {
      const { zxid, bytes } = this.server.log[this.logged]!;
      const decoded = decodeTxn(bytes);
      if (!decoded.ok) throw new Error('undecodable transaction');
      this.said.push(`    zxid ${zxid}: ${this.tellTxn(decoded.value.txn)}`);
    }
    for (const [name, state] of this.clients) {
      for (const item of state.client.received()) this.said.push(`${name} hears ${tellReceived(item)}`);
      if (state.client.isClosed && !state.closed) {
        state.closed = true;
        this.said.push(`${name} is disconnected`);
      }
    }
  }

  private tellTxn(txn: Txn): string {
    switch (txn.kind) {
      case 'createSession':
        return `a session of ${txn.timeOut} ms`;
      case 'closeSession':
        return `the end of a session, and of ${txn.paths?.join(', ') || 'nothing else'}`;
      case 'create':
      case 'createContainer':
      case 'createTTL':
        return `create ${txn.path}${txn.kind === 'create' && txn.ephemeral ? ', ephemeral' : ''}`;
      case 'delete':
        return `delete ${txn.path}`;
      case 'setData':
        return `set ${txn.path} to version ${txn.version}`;
      case 'setACL':
        return `set the ACL of ${txn.path} to version ${txn.version}`;
      case 'check':
        return `check ${txn.path}`;
      case 'error':
        return nameIn(Code, txn.err);
      case 'multi':
        return `[${txn.parts.map((part) => this.tellTxn(part.txn)).join('; ')}]`;
      default:
        return txn satisfies never;
    }
  }

  private tellNodes(): void {
    const { tree } = this.server.heap;
    for (const path of [...tree.paths()].sort()) {
      if (path.startsWith('/zookeeper') || path === '/') continue;
      const node = tree.get(path)!;
      this.said.push(`${path} = ${utf8Decode(node.data!)}, version ${node.version}`);
    }
  }
}

function serverOf(words: readonly string[]): Standalone {
  const settings = Object.fromEntries(words.filter((word) => word.includes('=')).map((word) => word.split('=')));
  const config: Partial<PeerConfig> = JSON.parse(
    JSON.stringify(settings, (_, value) => (/^\d+$/.test(value) ? Number(value) : value === 'true' ? true : value)),
  );
  if (!words.includes('follower')) return new Standalone({ config });
  const member = { ...config, myid: asPeer(1), membership: threeVoters() };
  return new Standalone({ mode: 'follower', config: member, leader: { myid: asPeer(2) } });
}

const settingOf = (args: readonly string[], name: string): string | undefined =>
  args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);

const MINE: readonly Acl[] = [{ perms: Perm.ALL, id: { scheme: 'auth', id: '' } }];

function requestOf(args: readonly string[], text: string): ClientRequest {
  const [verb, path = '/'] = args;
  const watch = args.includes('watch');
  switch (verb) {
    case 'create':
    case 'set':
    case 'delete':
    case 'check':
      return opOf(args);
    case 'multi':
      return {
        op: Op.multi,
        kind: 'multi',
        ops: text
          .slice('multi'.length)
          .split(';')
          .map((op) => opOf(op.trim().split(/\s+/))),
      };
    case 'get':
      return { op: Op.getData, kind: 'getData', path, watch };
    case 'exists':
      return { op: Op.exists, kind: 'exists', path, watch };
    case 'ls':
      return { op: Op.getChildren, kind: 'getChildren', path, watch };
    case 'acl':
      return { op: Op.setACL, kind: 'setACL', path, acl: args[2] === 'me' ? MINE : OPEN_ACL, version: -1 };
    case 'getacl':
      return { op: Op.getACL, kind: 'getACL', path };
    case 'watch':
      return { op: Op.addWatch, kind: 'addWatch', path, mode: args.includes('below') ? 1 : 0 };
    case 'auth':
      return { op: Op.auth, kind: 'auth', type: 0, scheme: 'digest', auth: utf8Encode(path) };
    case 'whoami':
      return { op: Op.whoAmI, kind: 'whoAmI' };
    case 'sync':
      return { op: Op.sync, kind: 'sync', path };
    case 'ping':
      return { op: Op.ping, kind: 'ping' };
    case 'close':
      return { op: Op.closeSession, kind: 'closeSession' };
    default:
      throw new Error(`no such command: ${text}`);
  }
}

function opOf(args: readonly string[]): MultiOp {
  const [verb, path = '/', data = ''] = args;
  const version = Number(settingOf(args, 'v') ?? -1);
  switch (verb) {
    case 'create': {
      const acl = settingOf(args, 'acl') === 'me' ? MINE : OPEN_ACL;
      return {
        op: Op.create,
        kind: 'create',
        path,
        data: utf8Encode(data),
        acl,
        flags: Number(settingOf(args, 'flags') ?? 0),
      };
    }
    case 'set':
      return { op: Op.setData, kind: 'setData', path, data: utf8Encode(data), version };
    case 'delete':
      return { op: Op.delete, kind: 'delete', path, version };
    case 'check':
      return { op: Op.check, kind: 'check', path, version };
    default:
      throw new Error(`no such operation: ${verb}`);
  }
}

function tellReceived(item: Received): string {
  if ('event' in item) return `${nameIn(EventType, item.event)} ${item.path} (zxid ${item.zxid})`;
  const what = item.xid === -2 ? 'ping' : `answer ${item.xid}`;
  return `${what}: ${tellReply(item)} (zxid ${item.zxid})`;
}

function tellReply({ err, body }: Reply): string {
  if (err !== Code.OK || body === null) return nameIn(Code, err);
  switch (body.kind) {
    case 'create':
      return body.path;
    case 'getData':
      return `${utf8Decode(body.data!)}, version ${body.stat.version}`;
    case 'exists':
    case 'setData':
      return `version ${body.stat.version}`;
    case 'setACL':
      return `ACL version ${body.stat.aversion}`;
    case 'getACL':
      return body
        .acl!.map(({ perms, id }) => `${id.scheme}:${id.id.replace(/:.{20,}/, ':(hash)')} ${perms}`)
        .join(', ');
    case 'getChildren':
      return `[${body.children!.join(', ')}]`;
    case 'whoAmI':
      return body.clientInfo!.map(({ authScheme, user }) => `${authScheme}:${user}`).join(', ');
    case 'multi':
      return `[${body.results.map(tellResult).join('; ')}]`;
    default:
      return 'OK';
  }
}

function tellResult(result: MultiResult): string {
  if (result.kind === 'error') return nameIn(Code, result.err);
  return result.kind === 'create' ? result.path : 'OK';
}

describeStories('conversations, told', folder, 8, () => new Stage());
