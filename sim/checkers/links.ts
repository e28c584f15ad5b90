/**
 * The connections of the servers, as the checkers overhear them: which conversation a connection id belongs to, both ways
 * on the quorum port, and on the client port only how many whole frames a server has received.
 */

import type { SessionId } from '../../core/types.ts';
import { Packet } from '../../core/wire/opcodes.ts';
import { decodePingTouches, decodeRevalidate } from '../../core/wire/quorum-codec.ts';
import { CLIENT_BASE, type ConnectionEvent, type HostEffect, type HostId } from '../world/types.ts';
import type { Report } from './properties.ts';
import { PacketScanner, QuorumConversation, type WireEvents } from './wire.ts';

export interface LinkEvents extends WireEvents {
  /** A whole request frame of this client's host has reached the server that took its session up. */
  clientFrame(server: HostId, client: HostId, conn: number): void;
  /** The leader has received a learner's word that the session is alive. */
  touched(leader: HostId, session: SessionId, timeoutMs: number): void;
  /** The leader was asked by a learner whether the session is alive: its client has come there. */
  revalidated(learner: HostId, session: SessionId): void;
}

interface QuorumEnd {
  readonly kind: 'quorum';
  readonly conversation: QuorumConversation;
  readonly isLearner: boolean;
  /** What the leader receives, for the touches in it. */
  readonly received: PacketScanner | null;
}

interface ClientEnd {
  readonly kind: 'client';
  readonly client: HostId;
  readonly frames: FrameMeter;
}

type End = QuorumEnd | ClientEnd;

export class Links {
  readonly #ends = new Map<HostId, Map<number, End>>();
  readonly #conversations = new Map<number, QuorumConversation>();
  readonly #events: LinkEvents;
  readonly #report: Report;

  constructor(events: LinkEvents, report: Report) {
    this.#events = events;
    this.#report = report;
  }

  onConnection(event: ConnectionEvent): void {
    const { connection } = event;
    switch (event.kind) {
      case 'dialed':
        if (connection.channel === 'quorum') this.#openQuorum(event, connection.dialer, connection.dialerConn);
        return;
      case 'opened':
        if (event.host !== connection.acceptor) return;
        if (connection.channel === 'quorum') this.#openQuorum(event, connection.acceptor, connection.acceptorConn);
        else if (connection.channel === 'client') {
          const end: ClientEnd = { kind: 'client', client: connection.dialer, frames: new FrameMeter() };
          this.#endsOf(connection.acceptor).set(connection.acceptorConn, end);
        }
        return;
      case 'closed':
        this.#endsOf(event.host).delete(
          event.host === connection.dialer ? connection.dialerConn : connection.acceptorConn,
        );
        this.#conversations.delete(connection.uid);
        return;
      case 'failed':
        this.#endsOf(connection.dialer).delete(connection.dialerConn);
        this.#conversations.delete(connection.uid);
        return;
      default:
        event satisfies never;
    }
  }

  /** The incarnation is over; its connection ids mean nothing any more. */
  onGone(host: HostId): void {
    this.#ends.delete(host);
  }

  onEffect(host: HostId, effect: HostEffect): void {
    if (effect.type !== 'send') return;
    const end = this.#ends.get(host)?.get(effect.conn);
    if (end === undefined || end.kind !== 'quorum') return;
    (end.isLearner ? end.conversation.fromLearner : end.conversation.fromLeader).push(effect.bytes);
  }

  onBytes(host: HostId, conn: number, bytes: Uint8Array): void {
    const end = this.#ends.get(host)?.get(conn);
    if (end === undefined) return;
    if (end.kind === 'quorum') end.received?.push(bytes);
    // The first frame asks for the session; whether that is granted is not known here.
    else if (end.frames.push(bytes) > 0 && end.frames.total > 1) this.#events.clientFrame(host, end.client, conn);
  }

  #endsOf(host: HostId): Map<number, End> {
    let ends = this.#ends.get(host);
    if (ends === undefined) {
      ends = new Map();
      this.#ends.set(host, ends);
    }
    return ends;
  }

  #openQuorum(event: ConnectionEvent, host: HostId, conn: number): void {
    const { uid, dialer, acceptor } = event.connection;
    if (dialer >= CLIENT_BASE || acceptor >= CLIENT_BASE) return;
    let conversation = this.#conversations.get(uid);
    if (conversation === undefined) {
      conversation = new QuorumConversation({ learner: dialer, leader: acceptor }, this.#events, this.#report);
      this.#conversations.set(uid, conversation);
    }
    const isLearner = host === dialer;
    const received = isLearner ? null : this.#touchScanner(host, dialer);
    this.#endsOf(host).set(conn, { kind: 'quorum', conversation, isLearner, received });
  }

  #touchScanner(leader: HostId, learner: HostId): PacketScanner {
    return new PacketScanner((type, _zxid, data) => {
      if (type === Packet.PING && data.length > 0) {
        const touches = decodePingTouches(data);
        if (touches.ok)
          for (const { session, timeoutMs } of touches.value) this.#events.touched(leader, session, timeoutMs);
      } else if (type === Packet.REVALIDATE) {
        const touch = decodeRevalidate(data);
        if (!touch.ok) return;
        this.#events.touched(leader, touch.value.session, touch.value.timeoutMs);
        this.#events.revalidated(learner, touch.value.session);
      }
    });
  }
}

/** Counts length-prefixed frames in a stream cut anywhere. */
export class FrameMeter {
  /** Bytes of the present frame still to come. */
  #left = 0;
  #length = 0;
  #lengthBytes = 0;
  /** Frames that have ended. */
  total = 0;

  /** How many frames end in these bytes. */
  push(bytes: Uint8Array): number {
    let count = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#left === 0) {
        this.#length = (this.#length << 8) | bytes[at]!;
        at += 1;
        if (++this.#lengthBytes < 4) continue;
        this.#left = Math.max(0, this.#length);
        this.#length = 0;
        this.#lengthBytes = 0;
        if (this.#left === 0) count += 1;
      } else {
        const step = Math.min(this.#left, bytes.length - at);
        this.#left -= step;
        at += step;
        if (this.#left === 0) count += 1;
      }
    }
    this.total += count;
    return count;
  }
}
