/**
 * Elections that can be read aloud. Each file in `election/` is a story: commands, then `----`, then what the servers did
 * about them. `UPDATE=1 npx vitest run test/transcripts` writes the outputs anew; their difference is then reviewed as a
 * change of behaviour.
 *
 * ```
 * servers 1 2 3 4:observer     the ensemble (group and weight lines may follow with `extra`)
 * config 1 1 2 3 version=b     server 1 has committed that configuration instead
 * next 1 1 2 3 version=c       … and has seen, not committed, this one
 * set 1 reconfigEnabled        a setting of one server
 * start 1 zxid=100000003 epoch=1   the process starts and looks for a leader
 * crash 1 | look 1 | epoch 1 2     it dies; its role ends; its role reaches epoch 2
 * deliver                      everything in flight arrives, oldest connection first; no time passes
 * run 200                      milliseconds pass, everything arrives at once
 * cut 1 2 | heal | reset 1 2   no packets; packets again; the connections break
 * state                        who is what
 * ```
 */

import type { Membership } from '../../core/config/types.ts';
import type { Effect } from '../../core/io.ts';
import { type ConnId, LONG_MIN, type PeerId, showZxid } from '../../core/types.ts';
import { decodeNotification, nextHandshake } from '../../core/wire/election-codec.ts';
import { frameBuffer, nextFrame, pushBytes } from '../../core/wire/framing.ts';
import { describeStories } from '../support/stories.ts';
import { MiniNet, membershipOfIds } from '../unit/election/mini-net.ts';

const folder = new URL('./election/', import.meta.url);

class Stage {
  private readonly net = new MiniNet();
  private membership: Membership | null = null;
  private said: string[] = [];
  /** Whom each connection of a server leads to. */
  private readonly towards = new Map<string, PeerId>();

  constructor() {
    this.net.onEffect = (server, effect) => this.tell(server, effect);
    this.net.onEvent = (server, event) => {
      if (event.type === 'configSeen')
        this.say(`${server} adopts configuration ${event.membership.version.toString(16)}`);
    };
    this.net.onAccept = (server, conn, from) => this.towards.set(`${server}/${conn}`, from);
  }

  perform(line: string): void {
    const [command, ...args] = line.split(/\s+/);
    const numbers = args.filter((arg) => /^\d+$/.test(arg)).map(Number);
    const [a = 0, b = 0] = numbers;
    switch (command) {
      case 'servers':
        this.membership = membershipOf(args);
        for (const { id } of this.membership.servers) this.net.add(id, this.membership);
        return;
      case 'config':
        this.net.get(a).committed = this.net.get(a).lastSeen = membershipOf(args.slice(1));
        return;
      case 'next':
        this.net.get(a).lastSeen = membershipOf(args.slice(1));
        return;
      case 'set':
        this.net.get(a).config = { ...this.net.get(a).config, [args[1]!]: true };
        return;
      case 'start':
        this.net.start(a, { zxid: numberOf(args, 'zxid', 16), peerEpoch: numberOf(args, 'epoch', 10) });
        return;
      case 'crash':
        return this.net.crash(a);
      case 'look':
        return this.net.look(a);
      case 'epoch':
        return this.net.joinEpoch(a, b);
      case 'deliver':
        return this.net.settle();
      case 'run':
        return this.net.run(this.net.nowMs + a);
      case 'cut':
        return this.net.cut(a, b);
      case 'heal':
        return this.net.heal();
      case 'reset':
        return this.net.reset(a, b);
      case 'state':
        return this.tellState();
      default:
        throw new Error(`unknown command ${line}`);
    }
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

  private tell(server: PeerId, effect: Effect): void {
    switch (effect.type) {
      case 'connect':
        this.towards.set(`${server}/${effect.conn}`, effect.peer);
        return this.say(`${server} dials ${effect.peer}`);
      case 'send':
        return this.tellSend(server, effect.conn, effect.bytes);
      case 'close':
        return this.say(`${server} closes its connection with ${this.towards.get(`${server}/${effect.conn}`)}`);
      case 'note':
        return this.tellNote(server, effect);
      default:
        return;
    }
  }

  private tellSend(server: PeerId, conn: ConnId, bytes: Uint8Array): void {
    const to = this.towards.get(`${server}/${conn}`);
    const fb = frameBuffer();
    pushBytes(fb, bytes);
    const greeting = bytes[0]! >= 0x80 ? nextHandshake(fb) : null;
    if (greeting?.kind === 'handshake') return this.say(`${server} to ${to}: I am ${greeting.handshake.sid}`);
    const next = nextFrame(fb, 1 << 20);
    const decoded = next.kind === 'frame' ? decodeNotification(next.bytes) : null;
    if (decoded?.ok !== true) throw new Error('neither a handshake nor a notification');
    const { state, leader, zxid, peerEpoch, electionEpoch } = decoded.value;
    const vote = leader === LONG_MIN ? 'nobody' : `${leader} with epoch ${peerEpoch} and zxid ${showZxid(zxid)}`;
    const verb = { looking: 'I vote for', following: 'I follow', leading: 'I lead:', observing: 'I observe' }[state];
    this.say(`${server} to ${to}: ${verb} ${vote}, round ${electionEpoch}`);
  }

  private tellNote(server: PeerId, { code, fields = {} }: Extract<Effect, { type: 'note' }>): void {
    switch (code) {
      case 'election.round.start':
        return this.say(`${server} looks for a leader, round ${fields.round}`);
      case 'election.round.join':
        return this.say(`${server} joins round ${fields.round}, of which ${fields.from} told it`);
      case 'election.vote.quorum':
        return this.say(
          `${server} has a quorum for ${fields.leader}: ${[...(fields.support as number[])].sort().join(', ')}`,
        );
      case 'election.leader.elected':
        return this.say(
          `${server} ${ROLE[String(fields.state)]}${fields.state === 'leading' ? '' : ` ${fields.leader}`}`,
        );
      case 'election.cnx.closed':
      case 'election.cnx.drop':
        return this.say(`${server} loses its connection with ${fields.peer}: ${fields.reason}`);
      case 'election.cnx.unreachable':
        return this.say(`${server} does not reach ${fields.peer}: ${fields.reason}`);
      case 'election.vote.ignored':
        return this.say(`${server} ignores what ${fields.from} votes for: ${fields.reason}`);
      case 'election.vote.sent':
      case 'election.vote.heard':
      case 'election.vote.resend':
      case 'election.cnx.open':
      case 'election.cnx.knock':
        return;
      default:
        return this.say(`${server} notes ${code} ${JSON.stringify(fields)}`);
    }
  }

  private tellState(): void {
    for (const { id, up, fle } of this.net.servers.values()) {
      const { leader, peerEpoch, zxid } = fle.vote;
      if (!up) this.say(`${id} is down`);
      else if (fle.status === 'leading') this.say(`${id} leads, epoch ${peerEpoch}, round ${fle.logicalClock}`);
      else if (fle.status === 'looking') {
        const vote = leader === LONG_MIN ? 'nobody' : `${leader} (epoch ${peerEpoch}, zxid ${showZxid(zxid)})`;
        this.say(`${id} looks, votes for ${vote}, round ${fle.logicalClock}`);
      } else this.say(`${id} ${ROLE[fle.status]} ${leader}, epoch ${peerEpoch}, round ${fle.logicalClock}`);
    }
    this.say(`leaders with a quorum: ${this.net.leaders().join(', ') || 'none'}`);
  }
}

const ROLE: Readonly<Record<string, string>> = { leading: 'leads', following: 'follows', observing: 'observes' };

function membershipOf(words: readonly string[]): Membership {
  const extra = words.filter((word) => /^(group|weight)\./.test(word));
  const version = Number.parseInt(words.find((word) => word.startsWith('version='))?.slice(8) ?? '0', 16);
  return membershipOfIds(words.filter((word) => /^\d/.test(word)).join(' '), { version, extra });
}

function numberOf(args: readonly string[], name: string, radix: number): number {
  const text = args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1) ?? '0';
  return text === '-1' ? -1 : Number.parseInt(text, radix);
}

describeStories('elections, told', folder, 8, () => new Stage());
