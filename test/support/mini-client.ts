/** A client of a `MiniEnsemble`: one session, one connection at a time, requests as records, answers decoded. */

import { asSession, assert, type SessionId } from '../../core/types.ts';
import {
  type ClientReply,
  type ClientRequest,
  decodeConnectResponse,
  decodeReply,
  decodeReplyHeader,
  encodeConnectRequest,
  encodeRequestFrame,
} from '../../core/wire/client-codec.ts';
import { frameBuffer, nextFrame, pushBytes } from '../../core/wire/framing.ts';
import { Op } from '../../core/wire/opcodes.ts';
import type { MiniEnsemble, Wire } from './mini-ensemble.ts';

export type Heard =
  | { readonly kind: 'session'; readonly session: SessionId; readonly timeoutMs: number }
  | { readonly kind: 'expired' }
  | { readonly kind: 'reply'; readonly request: ClientRequest; readonly reply: ClientReply };

export class MiniClient {
  readonly name: string;
  readonly net: MiniEnsemble;
  session: SessionId = asSession(0n);
  passwd: Uint8Array = new Uint8Array(16);
  wire: Wire | null = null;
  private connected = false;
  private rx = frameBuffer();
  private nextXid = 1;
  private readonly asked = new Map<number, ClientRequest>();

  constructor(net: MiniEnsemble, name: string) {
    this.net = net;
    this.name = name;
  }

  /** Dials a server and asks for a session, or for the one it has. */
  connect(id: number, timeoutMs = 30_000): void {
    const wire = this.net.dialFrom(this.name, id, 'client');
    assert(wire !== null, `server ${id} does not listen for clients`);
    this.wire = wire;
    this.connected = false;
    this.rx = frameBuffer();
    const { session: sessionId, passwd } = this;
    const request = { protocolVersion: 0, lastZxidSeen: 0, timeOut: timeoutMs, sessionId, passwd };
    this.net.sendFrom(wire, encodeConnectRequest(request, false));
  }

  ask(request: ClientRequest, xid = this.nextXid++): void {
    assert(this.wire !== null, `${this.name} is not connected`);
    this.asked.set(xid, request);
    this.net.sendFrom(this.wire, encodeRequestFrame(xid, request));
  }

  /** Understands what its server has sent since the last call. */
  hear(): Heard[] {
    const heard: Heard[] = [];
    for (const bytes of this.wire?.received.splice(0) ?? []) pushBytes(this.rx, bytes);
    for (let next = nextFrame(this.rx, 1 << 20); next.kind === 'frame'; next = nextFrame(this.rx, 1 << 20)) {
      heard.push(this.connected ? this.onReply(next.bytes) : this.onConnected(next.bytes));
    }
    return heard;
  }

  private onConnected(frame: Uint8Array): Heard {
    const response = decodeConnectResponse(frame);
    assert(response.ok, 'no ConnectResponse');
    this.connected = true;
    if (response.value.timeOut <= 0) return { kind: 'expired' };
    this.session = response.value.sessionId;
    this.passwd = response.value.passwd ?? new Uint8Array(0);
    return { kind: 'session', session: this.session, timeoutMs: response.value.timeOut };
  }

  private onReply(frame: Uint8Array): Heard {
    const header = decodeReplyHeader(frame);
    assert(header.ok, 'no reply header');
    const request = this.asked.get(header.value.xid) ?? { op: Op.ping, kind: 'ping' };
    const reply = decodeReply(request.op, frame);
    assert(reply.ok, 'undecodable reply');
    return { kind: 'reply', request, reply: reply.value };
  }
}
