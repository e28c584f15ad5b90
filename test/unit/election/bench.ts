/** One server of an ensemble with open connections to the others: notifications in, notifications out, as literals. */

import { DEFAULT_CONFIG } from '../../../core/config/defaults.ts';
import { formatMembership, votersOf } from '../../../core/config/membership.ts';
import type { Membership, PeerConfig } from '../../../core/config/types.ts';
import type { CnxState } from '../../../core/election/cnx-manager.ts';
import type { ElectionCtx } from '../../../core/election/context.ts';
import {
  type FleEvent,
  type FleState,
  fleBoot,
  fleDeadline,
  fleLook,
  fleMessage,
  fleTick,
} from '../../../core/election/fle.ts';
import type { Effect, Io } from '../../../core/io.ts';
import { asConn, asPeer, asZxid } from '../../../core/types.ts';
import {
  decodeNotification,
  ELECTION_STATES,
  type ElectionState,
  encodeNotification,
} from '../../../core/wire/election-codec.ts';
import { frameBuffer } from '../../../core/wire/framing.ts';
import { JuteWriter } from '../../../core/wire/jute.ts';

/** What a notification says, without its configuration. */
export interface Said {
  readonly state: ElectionState;
  readonly leader: number;
  readonly zxid: number;
  readonly round: number;
  readonly epoch: number;
}

export class Bench {
  nowMs = 1000;
  readonly fle: FleState;
  readonly cnx: CnxState;
  config: PeerConfig;
  committed: Membership;
  membership: Membership;
  readonly self: number;
  private effects: Effect[] = [];
  private nextConn = -1;

  constructor(self: number, membership: Membership, config: Partial<PeerConfig> = {}) {
    this.self = self;
    this.config = { ...DEFAULT_CONFIG, myid: asPeer(self), membership, ...config };
    this.committed = membership;
    this.membership = membership;
    this.fle = fleBoot(this.config);
    this.cnx = { listening: [], conns: new Map(), links: new Map(), nextAnonymous: -1, insisting: false };
    for (const { id } of membership.servers) if (id !== self) this.connect(id);
  }

  /** An open connection to a peer, under the number of the peer. */
  connect(id: number): void {
    const peer = asPeer(id);
    this.cnx.conns.set(asConn(id), { phase: 'open', peer, buffer: frameBuffer(), blockedAtMs: null });
    this.cnx.links.set(peer, {
      conn: asConn(id),
      dial: null,
      queued: null,
      lastSent: null,
      dialAtMs: null,
      backoffMs: 200,
      addressIndex: 0,
      addressesLeft: 0,
      advertised: [],
      heardAtMs: this.nowMs,
    });
  }

  look(zxid = 0, epoch = 0): FleEvent[] {
    return fleLook(this.fle, this.ctx(), this.io(), { zxid: asZxid(zxid), peerEpoch: epoch });
  }

  hear(from: number, said: Partial<Said>, config: string | null = formatMembership(this.committed)): FleEvent[] {
    const { state, leader, zxid, round, epoch } = {
      state: 'looking' as const,
      leader: from,
      zxid: 0,
      round: 1,
      epoch: 0,
      ...said,
    };
    const numbers = { state, leader: asPeer(leader), zxid: asZxid(zxid), electionEpoch: round, peerEpoch: epoch };
    return this.hearBytes(from, config === null ? oldForm(numbers) : encodeNotification({ ...numbers, config }));
  }

  hearBytes(from: number, bytes: Uint8Array): FleEvent[] {
    return fleMessage(this.fle, this.ctx(), this.io(), asPeer(from), bytes);
  }

  /** Lets milliseconds pass and ticks at their end. */
  wait(ms: number): FleEvent[] {
    this.nowMs += ms;
    return fleTick(this.fle, this.ctx(), this.io());
  }

  /** Lets time pass until then, with every tick on the way. */
  runTo(atMs: number): FleEvent[] {
    const events: FleEvent[] = [];
    for (;;) {
      const deadlineMs = fleDeadline(this.fle);
      if (deadlineMs === null || deadlineMs > atMs) break;
      events.push(...this.wait(deadlineMs - this.nowMs));
    }
    this.nowMs = Math.max(this.nowMs, atMs);
    return events;
  }

  /** What was sent since last asked, by recipient. */
  sent(): Record<number, Said[]> {
    const sent: Record<number, Said[]> = {};
    for (const effect of this.effects) {
      if (effect.type !== 'send') continue;
      const decoded = decodeNotification(effect.bytes.subarray(4));
      if (!decoded.ok) throw new Error(decoded.error);
      const { state, leader, zxid, electionEpoch, peerEpoch } = decoded.value;
      sent[effect.conn] ??= [];
      sent[effect.conn]!.push({ state, leader, zxid, round: electionEpoch, epoch: peerEpoch });
    }
    this.effects = this.effects.filter(({ type }) => type !== 'send');
    return sent;
  }

  /** Codes of the notes since last asked. */
  notes(): string[] {
    const codes = this.effects.flatMap((effect) => (effect.type === 'note' ? [effect.code] : []));
    this.effects = [];
    return codes;
  }

  closed(): number[] {
    return this.effects.flatMap((effect) => (effect.type === 'close' ? [Number(effect.conn)] : []));
  }

  ctx(): ElectionCtx {
    const { config, committed, membership, cnx } = this;
    return { config, self: asPeer(this.self), committed, membership, cnx };
  }

  io(): Io {
    return {
      now: { monoMs: this.nowMs, wallMs: 0 },
      emit: (effect) => this.effects.push(effect),
      newConn: () => asConn(this.nextConn--),
    };
  }

  get others(): number[] {
    return votersOf(this.committed).filter((id) => id !== this.self);
  }
}

/** The 40-byte form of 3.4.6, without version and configuration. */
function oldForm(n: {
  readonly state: ElectionState;
  readonly leader: number;
  readonly zxid: number;
  readonly electionEpoch: number;
  readonly peerEpoch: number;
}): Uint8Array {
  const w = new JuteWriter();
  w.int(ELECTION_STATES.indexOf(n.state));
  for (const number of [n.leader, n.zxid, n.electionEpoch, n.peerEpoch]) w.num(number);
  return w.finish();
}
