/** Whatever a server (or whoever sits on its port) sends: the client never throws, and answers each request once. */

import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { type Client, clientBoot, clientDeadline, clientStep } from '../../../core/client/client.ts';
import { CLIENT_DEFAULTS, type ClientEffect, type ClientInput } from '../../../core/client/io.ts';
import { asSession, asZxid, type ConnId } from '../../../core/types.ts';
import { encodeConnectResponse, encodeReply, encodeWatchEvent } from '../../../core/wire/client-codec.ts';
import { frame } from '../../../core/wire/framing.ts';
import { EventType } from '../../../core/wire/opcodes.ts';

const REQUESTS_MAX = 5;

/** Mostly well-formed frames with wrong numbers in them, because pure noise rarely gets past the connect phase. */
const serverBytes = fc.oneof(
  fc.constant(
    encodeConnectResponse(
      { protocolVersion: 0, timeOut: 9000, sessionId: asSession(5n), passwd: new Uint8Array(16) },
      false,
    ),
  ),
  fc
    .record({ xid: fc.integer({ min: -9, max: 9 }), zxid: fc.integer(), err: fc.constantFrom(0, -101, -115, 7) })
    .map(({ xid, zxid, err }) => encodeReply(xid, asZxid(zxid), err, null)),
  fc
    .constantFrom(...Object.values(EventType))
    .map((type) => encodeWatchEvent({ type, state: 3, path: '/a' }, asZxid(-1))),
  fc.uint8Array({ maxLength: 80 }).map(frame),
  fc.uint8Array({ maxLength: 20 }),
);

const move = fc.oneof(
  serverBytes.map((bytes) => ({ kind: 'bytes' as const, bytes })),
  fc.constant({ kind: 'open' as const }),
  fc
    .constantFrom('getData', 'addAuth', 'close', 'move', 'gone', 'tick', 'blocked', 'drained')
    .map((kind) => ({ kind })),
);
type Move = typeof move extends fc.Arbitrary<infer T> ? T : never;

test.prop([fc.array(move, { maxLength: 60 })], { numRuns: 500 })(
  'hostile bytes never make it throw, and every request is answered at most once',
  (moves) => {
    const run = new Run();
    for (const one of moves) run.play(one);
    run.finish();
    expect(run.answered).toEqual(run.asked);
  },
);

class Run {
  private nowMs = 0;
  private conn: ConnId | null = null;
  private nextId = 1;
  readonly asked: number[] = [];
  readonly answered: number[] = [];
  private readonly client: Client;

  constructor() {
    const hosts = [{ host: 'a', port: 1 }];
    const config = { ...CLIENT_DEFAULTS, hosts, sessionTimeoutMs: 9000, frameBytesMax: 1000 };
    this.client = clientBoot(config, { monoMs: 0, wallMs: 0 }, (effect) => this.hear(effect));
  }

  play(one: Move): void {
    switch (one.kind) {
      case 'bytes':
        if (this.conn !== null)
          this.step({ type: 'connBytes', conn: this.conn, bytes: (one as { bytes: Uint8Array }).bytes });
        return;
      case 'open':
        if (this.conn !== null) this.step({ type: 'connOpened', conn: this.conn });
        return;
      case 'gone':
        if (this.conn !== null) this.step({ type: 'connClosed', conn: this.conn, reason: 'test' });
        return;
      case 'blocked':
      case 'drained':
        if (this.conn === null) return;
        this.step({ type: one.kind === 'blocked' ? 'connBlocked' : 'connDrained', conn: this.conn });
        return;
      case 'getData':
        if (this.asked.length === REQUESTS_MAX) return;
        this.asked.push(this.nextId);
        this.step({ type: 'request', id: this.nextId++, request: { kind: 'getData', path: '/a', watch: true } });
        return;
      case 'addAuth':
        this.step({ type: 'addAuth', scheme: 'digest', auth: new Uint8Array(1) });
        return;
      case 'close':
      case 'move':
        this.step({ type: one.kind });
        return;
      case 'tick':
        this.nowMs = Math.max(this.nowMs, clientDeadline(this.client) ?? 0);
        this.step({ type: 'tick' });
        return;
    }
  }

  /** Closes, and drops the connection should the close wait for a reply. */
  finish(): void {
    this.step({ type: 'close' });
    if (this.conn !== null) this.step({ type: 'connClosed', conn: this.conn, reason: 'end' });
    expect(clientDeadline(this.client)).toBe(null);
  }

  private step(input: ClientInput): void {
    clientStep(this.client, { monoMs: this.nowMs, wallMs: 0 }, input, (effect) => this.hear(effect));
  }

  private hear(effect: ClientEffect): void {
    if (effect.type === 'connect') this.conn = effect.conn;
    if (effect.type === 'close' && effect.conn === this.conn) this.conn = null;
    if (effect.type === 'reply') this.answered.push(effect.id);
  }
}
