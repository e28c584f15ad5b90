/** The election connections one by one: an input, then the effects as literals. Server 5 of 3, 5, 7 unless said otherwise. */

import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG } from '../../../core/config/defaults.ts';
import type { Membership, PeerConfig } from '../../../core/config/types.ts';
import {
  type CnxEvent,
  type CnxState,
  cnxBlocked,
  cnxBoot,
  cnxBytes,
  cnxClosed,
  cnxDeadline,
  cnxDrained,
  cnxFailed,
  cnxForget,
  cnxHaveDelivered,
  cnxInsist,
  cnxListen,
  cnxOpened,
  cnxReconnectAll,
  cnxRest,
  cnxSend,
  cnxTick,
  GREETINGS_MAX,
  STRANGERS_MAX,
} from '../../../core/election/cnx-manager.ts';
import type { CnxCtx } from '../../../core/election/context.ts';
import type { Address, Effect, Io, Remote } from '../../../core/io.ts';
import { asConn, asPeer } from '../../../core/types.ts';
import { encodeHandshake, formatAddress } from '../../../core/wire/election-codec.ts';
import { frame } from '../../../core/wire/framing.ts';
import { utf8Decode, utf8Encode } from '../../../core/wire/utf8.ts';
import { membershipOfIds } from './mini-net.ts';

const PLAIN: Remote = { ip: '10.9.9.9', port: 1234, tls: false, certificate: null };
const VERIFIED: Remote = { ip: '10.9.9.9', port: 1234, tls: true, certificate: Uint8Array.of(1) };

class Port {
  nowMs = 0;
  readonly cnx: CnxState;
  config: PeerConfig;
  membership: Membership;
  committed: Membership;
  mayClaim: CnxCtx['mayClaim'];
  private said: string[] = [];
  private nextConn = -1;
  private readonly self: number;

  constructor(self = 5, membership = membershipOfIds('3 5 7'), config: Partial<PeerConfig> = {}) {
    this.self = self;
    this.config = { ...DEFAULT_CONFIG, myid: asPeer(self), membership, cnxTimeoutMs: 1000, ...config };
    this.membership = membership;
    this.committed = membership;
    this.cnx = cnxBoot(this.config, this.io());
    cnxInsist(this.cnx);
  }

  send(to: number, text: string): string[] {
    cnxSend(this.cnx, this.ctx(), this.io(), asPeer(to), utf8Encode(text));
    return this.effects();
  }

  opened(conn: number, remote = PLAIN): string[] {
    cnxOpened(this.cnx, this.ctx(), this.io(), { conn: asConn(conn), remote });
    return this.effects();
  }

  failed(conn: number): string[] {
    cnxFailed(this.cnx, this.ctx(), this.io(), { conn: asConn(conn), reason: 'refused' });
    return this.effects();
  }

  closed(conn: number): string[] {
    cnxClosed(this.cnx, this.ctx(), this.io(), { conn: asConn(conn), reason: 'reset' });
    return this.effects();
  }

  bytes(conn: number, bytes: Uint8Array): string[] {
    const events = cnxBytes(this.cnx, this.ctx(), this.io(), { conn: asConn(conn), bytes });
    return [...events.map(tellEvent), ...this.effects()];
  }

  tick(atMs: number): string[] {
    this.nowMs = atMs;
    cnxTick(this.cnx, this.ctx(), this.io());
    return this.effects();
  }

  /** Accepts a connection and hears its handshake. */
  greeted(
    conn: number,
    sid: number | null,
    addresses: Address[] = [{ host: 'there', port: 3888 }],
    remote = PLAIN,
  ): string[] {
    const said = this.opened(conn, remote);
    return [
      ...said,
      ...this.bytes(conn, encodeHandshake({ sid: sid === null ? null : asPeer(sid), form: 'v1', addresses })),
    ];
  }

  deadline(): number | null {
    return cnxDeadline(this.cnx, this.config);
  }

  ctx(): CnxCtx {
    const { config, membership, committed, mayClaim } = this;
    return { config, self: asPeer(this.self), membership, committed, ...(mayClaim === undefined ? {} : { mayClaim }) };
  }

  io(): Io {
    return {
      now: { monoMs: this.nowMs, wallMs: 0 },
      emit: (effect) => this.said.push(...tell(effect)),
      newConn: () => asConn(this.nextConn--),
    };
  }

  effects(): string[] {
    const said = this.said;
    this.said = [];
    return said;
  }
}

const tellEvent = ({ from, bytes }: CnxEvent): string => `${from} says ${utf8Decode(bytes)}`;

function tell(effect: Effect): string[] {
  switch (effect.type) {
    case 'listen':
      return [`listen ${formatAddress(effect.address)}${effect.tls ? ' tls' : ''}`];
    case 'unlisten':
      return ['unlisten'];
    case 'connect':
      return [`connect ${effect.conn} to ${effect.peer} at ${formatAddress(effect.address)}`];
    case 'send':
      return [
        `send ${effect.conn}: ${effect.bytes[0] === 0xff ? utf8Decode(effect.bytes.subarray(20)) : utf8Decode(effect.bytes.subarray(4))}`,
      ];
    case 'close':
      return [`close ${effect.conn}`];
    default:
      return [];
  }
}

describe('listening', () => {
  it('begins at boot, on the own election address', () => {
    expect(new Port().effects()).toEqual(['listen 10.0.0.5:3888']);
    expect(new Port(5, undefined, { sslQuorum: true, quorumListenOnAllIPs: true }).effects()).toEqual([
      'listen 0.0.0.0:3888 tls',
    ]);
    expect(new Port(9).effects()).toEqual([]);
  });

  it('follows a reconfiguration', () => {
    const p = new Port();
    p.effects();
    cnxListen(p.cnx, p.ctx(), p.io());
    expect(p.effects()).toEqual([]);
    const moved = { ...p.membership.servers[1]!, addresses: [{ host: 'new', quorumPort: 1, electionPort: 2 }] };
    p.membership = { ...p.membership, servers: [p.membership.servers[0]!, moved, p.membership.servers[2]!] };
    cnxListen(p.cnx, p.ctx(), p.io());
    expect(p.effects()).toEqual(['unlisten', 'listen new:2']);
  });
});

describe('dialling', () => {
  it('a smaller server: the connection is kept', () => {
    const p = new Port();
    p.effects();
    expect(p.send(3, 'vote')).toEqual(['connect -1 to 3 at 10.0.0.3:3888']);
    expect(p.opened(-1)).toEqual(['send -1: 10.0.0.5:3888', 'send -1: vote']);
    expect(p.send(3, 'next')).toEqual(['send -1: next']);
    expect(p.bytes(-1, frame(utf8Encode('hello')))).toEqual(['3 says hello']);
  });

  it('a greater server: a knock, and again while a message waits', () => {
    const p = new Port();
    p.effects();
    expect(p.send(7, 'vote')).toEqual(['connect -1 to 7 at 10.0.0.7:3888']);
    expect(p.opened(-1)).toEqual(['send -1: 10.0.0.5:3888', 'close -1']);
    expect(p.deadline()).toBe(200);
    expect(p.tick(200)).toEqual(['connect -2 to 7 at 10.0.0.7:3888']);
    // 7 dials back meanwhile: its connection it is, and ours is given up.
    expect(p.greeted(1, 7)).toEqual(['close -2', 'send 1: vote']);
    expect(p.deadline()).toBeNull();
    expect(p.opened(-2)).toEqual(['close -2']);
  });

  it('backs off, and forgets the back-off when the peer shows itself', () => {
    const p = new Port();
    p.effects();
    p.send(3, 'vote');
    expect(p.failed(-1)).toEqual([]);
    const dials: number[] = [];
    for (let i = 0; i < 6; i++) {
      dials.push(p.deadline()!);
      p.tick(p.deadline()!);
      p.failed(-2 - i);
    }
    expect(dials).toEqual([200, 600, 1400, 2400, 3400, 4400]);
    expect(p.greeted(1, 3)).toEqual(['close 1', 'connect -8 to 3 at 10.0.0.3:3888']);
    p.failed(-8);
    expect(p.failed(-9)).toEqual([]);
    expect(p.deadline()).toBe(4400 + 200);
  });

  it('does not insist when the election is over', () => {
    const p = new Port();
    p.effects();
    p.send(3, 'vote');
    p.failed(-1);
    cnxRest(p.cnx);
    expect(p.deadline()).toBeNull();
    expect(p.send(3, 'answer')).toEqual(['connect -2 to 3 at 10.0.0.3:3888']);
    p.failed(-2);
    expect(p.deadline()).toBeNull();
  });

  it('gives up after the timeout, and never waits for one peer with another (ZOOKEEPER-900)', () => {
    const p = new Port();
    p.effects();
    p.send(3, 'vote');
    p.send(7, 'vote');
    p.opened(-2);
    expect(p.tick(1000)).toContain('close -1');
    expect(p.opened(-1)).toEqual(['close -1']);
  });

  it('tries the addresses of a server in turn, the advertised one last (ZOOKEEPER-2164)', () => {
    const m = membershipOfIds('3 5 7');
    const two = {
      ...m.servers[0]!,
      addresses: [
        { host: 'a', quorumPort: 1, electionPort: 2 },
        { host: 'b', quorumPort: 1, electionPort: 2 },
      ],
    };
    const p = new Port(5, { ...m, servers: [two, m.servers[1]!, m.servers[2]!] }, { multiAddressEnabled: true });
    p.effects();
    expect(p.greeted(1, 3, [{ host: '0.0.0.0', port: 9 }])).toEqual(['close 1', 'connect -1 to 3 at a:2']);
    expect(p.failed(-1)).toEqual(['connect -2 to 3 at b:2']);
    // A wildcard is worth what the connection came from.
    expect(p.failed(-2)).toEqual(['connect -3 to 3 at 10.9.9.9:9']);
    expect(p.failed(-3)).toEqual([]);
    expect(p.deadline()).toBeNull();
    expect(p.send(3, 'vote')).toEqual(['connect -4 to 3 at a:2']);
    expect(p.opened(-4)).toEqual(['send -4: 10.0.0.5:3888', 'send -4: vote']);
  });

  it('reconnects to every member', () => {
    const p = new Port();
    p.effects();
    p.send(3, 'vote');
    p.failed(-1);
    p.send(7, 'vote');
    p.failed(-2);
    expect(cnxHaveDelivered(p.cnx)).toBe(false);
    cnxReconnectAll(p.cnx, p.ctx(), p.io());
    expect(p.effects()).toEqual(['connect -3 to 3 at 10.0.0.3:3888', 'connect -4 to 7 at 10.0.0.7:3888']);
  });

  it('dials nobody whom no configuration knows', () => {
    const p = new Port();
    p.effects();
    expect(p.send(9, 'vote')).toEqual([]);
  });
});

describe('accepting', () => {
  it('a handshake cut anywhere, and what follows it at once', () => {
    const p = new Port();
    p.effects();
    p.opened(1);
    const bytes = Uint8Array.from([
      ...encodeHandshake({
        sid: asPeer(7),
        form: 'v2',
        addresses: [
          { host: 'a', port: 1 },
          { host: '::1', port: 2 },
        ],
      }),
      ...frame(utf8Encode('one')),
      ...frame(utf8Encode('two')),
    ]);
    const said = [...bytes].flatMap((byte) => p.bytes(1, Uint8Array.of(byte)));
    expect(said).toEqual(['7 says one', '7 says two']);
    expect(p.cnx.links.get(asPeer(7))?.advertised).toEqual([
      { host: 'a', port: 1 },
      { host: '::1', port: 2 },
    ]);
  });

  it('the old form, which is only an id', () => {
    const p = new Port();
    p.effects();
    p.opened(1);
    expect(p.bytes(1, encodeHandshake({ sid: asPeer(3), form: 'old', addresses: [] }))).toEqual([
      'close 1',
      'connect -1 to 3 at 10.0.0.3:3888',
    ]);
  });

  it('replaces the connection that was', () => {
    const p = new Port();
    p.effects();
    p.greeted(1, 7);
    p.send(7, 'vote');
    expect(p.greeted(2, 7)).toEqual(['close 1', 'send 2: vote']);
    expect(p.closed(1)).toEqual([]);
    expect(p.send(7, 'next')).toEqual(['send 2: next']);
  });

  it('a knock drops the connection that the peer does not have', () => {
    const p = new Port();
    p.effects();
    p.send(3, 'vote');
    p.opened(-1);
    expect(p.greeted(1, 3)).toEqual(['close 1', 'close -1', 'connect -2 to 3 at 10.0.0.3:3888']);
    expect(p.opened(-2)).toEqual(['send -2: 10.0.0.5:3888', 'send -2: vote']);
  });

  it('observers without an id, numbered below zero', () => {
    const p = new Port();
    p.effects();
    p.greeted(1, null);
    p.greeted(2, null);
    expect(p.bytes(2, frame(utf8Encode('hi')))).toEqual(['-2 says hi']);
    expect(p.send(-1, 'answer')).toEqual(['send 1: answer']);
    p.closed(1);
    expect(p.cnx.links.has(asPeer(-1))).toBe(false);
    expect(p.send(-1, 'answer')).toEqual([]);
  });

  it('strangers, dialled back where they say', () => {
    const p = new Port();
    p.effects();
    expect(p.greeted(1, 9)).toEqual([]);
    expect(p.greeted(2, 1)).toEqual(['close 2', 'connect -1 to 1 at there:3888']);
    p.failed(-1);
    expect(p.cnx.links.has(asPeer(1))).toBe(false);
  });

  it.each([
    ['the own id', 5],
    ['an id below zero', -4],
  ])('not %s', (_what, sid) => {
    const p = new Port();
    p.effects();
    expect(p.greeted(1, sid)).toEqual(['close 1']);
  });

  it('nobody who keeps silent', () => {
    const p = new Port();
    p.effects();
    p.opened(1);
    expect(p.deadline()).toBe(1000);
    expect(p.tick(1000)).toEqual(['close 1']);
  });

  it('never more than it can bear', () => {
    const p = new Port();
    p.effects();
    for (let conn = 1; conn <= GREETINGS_MAX; conn++) expect(p.opened(conn)).toEqual([]);
    expect(p.opened(GREETINGS_MAX + 1)).toEqual(['close 1']);
    const q = new Port(5);
    q.effects();
    q.greeted(1, 7);
    for (let i = 0; i < STRANGERS_MAX + 10; i++) q.greeted(10 + i, 1000 + i);
    expect(q.cnx.links.size).toBe(STRANGERS_MAX + 1);
    expect(q.send(7, 'vote')).toEqual(['send 1: vote']);
  });
});

describe('identity', () => {
  it('needs a verified certificate when sslQuorum is on', () => {
    const p = new Port(5, undefined, { sslQuorum: true });
    p.effects();
    expect(p.opened(1)).toEqual(['close 1']);
    expect(p.opened(2, { ...PLAIN, tls: true })).toEqual(['close 2']);
    expect(p.greeted(3, 7, undefined, VERIFIED)).toEqual([]);
    p.send(3, 'vote');
    expect(p.opened(-1)).toEqual(['close -1']);
    p.tick(200);
    expect(p.opened(-2, VERIFIED)).toEqual(['send -2: 10.0.0.5:3888', 'send -2: vote']);
  });

  it('may be bound to the id', () => {
    const p = new Port();
    p.mayClaim = (_remote, sid) => sid === 7;
    p.effects();
    expect(p.greeted(1, 9)).toEqual(['close 1']);
    expect(p.greeted(2, null)).toEqual(['close 2']);
    expect(p.greeted(3, 7)).toEqual([]);
    p.send(3, 'vote');
    expect(p.opened(-1)).toEqual(['close -1']);
  });
});

describe('messages', () => {
  it('only the newest waits', () => {
    const p = new Port();
    p.effects();
    p.send(3, 'one');
    expect(p.send(3, 'two')).toEqual([]);
    expect(p.opened(-1)).toEqual(['send -1: 10.0.0.5:3888', 'send -1: two']);
  });

  it('the last one is sent again on a new connection', () => {
    const p = new Port();
    p.effects();
    p.greeted(1, 7);
    p.send(7, 'one');
    p.closed(1);
    expect(p.greeted(2, 7)).toEqual(['send 2: one']);
    cnxInsist(p.cnx);
    p.closed(2);
    expect(p.greeted(3, 7)).toEqual([]);
  });

  it('wait while the connection takes no more, but not for ever (ZOOKEEPER-4203)', () => {
    const p = new Port();
    p.effects();
    p.greeted(1, 7);
    cnxBlocked(p.cnx, p.io(), asConn(1));
    expect(p.send(7, 'one')).toEqual([]);
    expect(p.send(7, 'two')).toEqual([]);
    cnxDrained(p.cnx, p.io(), asConn(1));
    expect(p.effects()).toEqual(['send 1: two']);
    p.nowMs = 500;
    cnxBlocked(p.cnx, p.io(), asConn(1));
    p.send(7, 'three');
    expect(p.deadline()).toBe(1500);
    expect(p.tick(1500)).toEqual(['close 1', 'connect -1 to 7 at 10.0.0.7:3888']);
  });

  it.each([
    ['empty', frame(new Uint8Array(0))],
    ['longer than any', Uint8Array.of(0, 8, 0, 1)],
    ['of negative length', Uint8Array.of(255, 255, 255, 255)],
  ])('a frame that is %s ends the connection', (_what, bytes) => {
    const p = new Port();
    p.effects();
    p.greeted(1, 7);
    expect(p.bytes(1, bytes)).toEqual(['close 1']);
  });

  it('nothing is said to servers that were removed', () => {
    const p = new Port();
    p.effects();
    p.greeted(1, 7);
    p.send(3, 'vote');
    p.committed = membershipOfIds('5');
    p.membership = membershipOfIds('5 7');
    cnxForget(p.cnx, p.ctx(), p.io());
    expect(p.effects()).toEqual(['close -1']);
    p.membership = p.committed;
    cnxForget(p.cnx, p.ctx(), p.io());
    expect(p.effects()).toEqual(['close 1']);
    expect(p.cnx.links.size).toBe(0);
    expect(p.cnx.conns.size).toBe(0);
  });
});

describe('hostile bytes', () => {
  test.prop([fc.array(fc.uint8Array({ maxLength: 40 })), fc.constantFrom(null, 3, 7, 9)])(
    'never throw',
    (chunks, sid) => {
      const p = new Port();
      p.effects();
      if (sid === null) p.opened(1);
      else p.greeted(1, sid);
      for (const chunk of chunks) p.bytes(1, chunk);
    },
  );
});
