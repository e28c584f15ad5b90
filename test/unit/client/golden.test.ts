/**
 * The client machine against recorded conversations: asked for what the Java and C clients were asked for, it must send
 * their bytes, and understand what the real server answered.
 *
 * Masks, each for a documented difference:
 *  - xids: Java numbers setWatches with ordinary xids, the C client starts at the time of day; ours starts at 1 and
 *    gives setWatches -8. Replies are re-numbered accordingly.
 *  - checkWatches: Java removes one of several watchers with it and leaves the server its watch even when it was the
 *    last one; ours then sends removeWatches with the same body.
 *  - pings: they follow the clock of the recording.
 */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Call } from '../../../core/client/calls.ts';
import { type Client, clientBoot, clientDeadline, clientStep } from '../../../core/client/client.ts';
import { CLIENT_DEFAULTS, type ClientEffect, type ClientInput } from '../../../core/client/io.ts';
import type { ConnId } from '../../../core/types.ts';
import { hex } from '../../../core/wire/bytes.ts';
import { type ClientRequest, decodeRequest, decodeRequestFrame } from '../../../core/wire/client-codec.ts';
import { frame } from '../../../core/wire/framing.ts';
import { Code, Op, Xid } from '../../../core/wire/opcodes.ts';

test.each([
  ['java-plain', 30_000, [1, 3, 5, 11]],
  ['java-plain', 30_000, [2, 4, 6, 10]],
  ['java-plain', 4000, [7]],
  ['java-plain', 4000, [8, 9]],
  ['java-plain', 30_000, [13]],
  ['java-plain', 30_000, [14]],
  ['java-sasl', 30_000, [1]],
  ['c-plain', 30_000, [1, 2, 4]],
  ['kazoo-2.11.0-plain', 30_000, [4]],
])('%s: a session of %d ms over connections %j', (file, timeoutMs, connections) => {
  const records = recordsOf(file).filter((record) => connections.includes(connectionOf(record)));
  const player = new Player(timeoutMs);
  for (const record of records) player.play(record);
  expect(player.framesCompared).toBeGreaterThan(1);
});

interface FrameRecord {
  readonly c: number;
  readonly d: 'c2s' | 's2c';
  readonly hex: string;
  readonly a: { readonly type: string; readonly err?: number; readonly path?: string };
}
type GoldenRecord = FrameRecord | { readonly open: number } | { readonly close: number; readonly by: string };

function recordsOf(file: string): GoldenRecord[] {
  const text = readFileSync(new URL(`../../golden/client/${file}.jsonl`, import.meta.url), 'utf8');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as GoldenRecord]));
}

function connectionOf(record: GoldenRecord): number {
  if ('c' in record) return record.c;
  if ('open' in record) return record.open;
  return 'close' in record ? record.close : 0;
}

class Player {
  private nowMs = 0;
  private readonly client: Client;
  private conn: ConnId | null = null;
  private handshaking = false;
  private readonly sent: Uint8Array[] = [];
  private heard: ClientEffect[] = [];
  /** Recorded xid to ours. */
  private readonly xids = new Map<number, number>();
  private readonly watchersOf = new Map<string, number>();
  framesCompared = 0;

  constructor(timeoutMs: number) {
    const hosts = [{ host: 'localhost', port: 2181 }];
    this.client = clientBoot(
      { ...CLIENT_DEFAULTS, hosts, sessionTimeoutMs: timeoutMs },
      { monoMs: 0, wallMs: 0 },
      (effect) => this.hear(effect),
    );
  }

  play(record: GoldenRecord): void {
    if ('open' in record) this.open();
    else if ('close' in record) this.close();
    else if (record.d === 'c2s') this.clientSends(record);
    else this.serverSends(record);
  }

  private open(): void {
    while (this.conn === null) {
      this.nowMs = clientDeadline(this.client) ?? expect.fail('the client has ended');
      this.step({ type: 'tick' });
    }
    this.handshaking = true;
    this.step({ type: 'connOpened', conn: this.conn });
  }

  private close(): void {
    if (this.conn !== null) this.step({ type: 'connClosed', conn: this.conn, reason: 'recorded' });
    this.conn = null;
  }

  private clientSends(record: FrameRecord): void {
    const recorded = fromHex(record.hex);
    if (record.a.type === 'ConnectRequest') {
      expect(hex(this.nextSent())).toBe(hex(frame(recorded)));
      return;
    }
    const decoded = decodeRequestFrame(recorded);
    if (!decoded.ok) throw new Error(decoded.error);
    const { header, body } = decoded.value;
    if (header.type === Op.ping) return;
    const request = decodeRequest(header.type, body);
    if (!request.ok) throw new Error(request.error);
    if (this.sent.length === 0) this.ask(request.value, header.xid);
    const ours = this.nextSent();
    const view = new DataView(ours.buffer, ours.byteOffset);
    this.xids.set(header.xid, view.getInt32(4));
    const sameOp = header.type === Op.checkWatches ? Op.removeWatches : header.type;
    expect({ op: view.getInt32(8), body: hex(ours.subarray(12)) }).toEqual({ op: sameOp, body: hex(body) });
  }

  private ask(request: ClientRequest, id: number): void {
    if (request.kind === 'auth') {
      this.step({ type: 'addAuth', scheme: request.scheme ?? '', auth: request.auth ?? new Uint8Array(0) });
    } else if (request.kind === 'closeSession') {
      this.step({ type: 'close' });
    } else if (request.kind === 'checkWatches' || request.kind === 'removeWatches') {
      const call: Call = { kind: 'removeWatches', path: request.path, type: request.type, local: false };
      const watcher = this.watchersOf.get(request.path);
      const one = request.kind === 'checkWatches' && watcher !== undefined;
      this.step({ type: 'request', id, request: call, ...(one ? { watcher } : {}) });
    } else {
      if ('path' in request) this.watchersOf.set(request.path, id);
      const { op: _, ...call } = request;
      this.step({ type: 'request', id, request: call as Call });
    }
  }

  private serverSends(record: FrameRecord): void {
    const bytes = fromHex(record.hex);
    if (this.handshaking) {
      this.handshaking = false;
    } else {
      const view = new DataView(bytes.buffer);
      const xid = view.getInt32(0);
      if (xid > 0) view.setInt32(0, this.xids.get(xid) ?? expect.fail(`reply to no request: ${record.hex}`));
    }
    this.heard = [];
    expect(this.conn, `no connection for ${record.hex}`).not.toBe(null);
    if (this.conn !== null) this.step({ type: 'connBytes', conn: this.conn, bytes: frame(bytes) });
    this.checkHeard(record);
  }

  private checkHeard(record: FrameRecord): void {
    const { type } = record.a;
    const watches = this.heard.filter((effect) => effect.type === 'watch');
    const replies = this.heard.filter((effect) => effect.type === 'reply');
    expect(this.heard.filter((effect) => effect.type === 'note')).toEqual([]);
    if (type === 'watchEvent') expect(watches.map((effect) => effect.event.path)).toEqual([record.a.path]);
    else if (type === 'removeWatches-reply' || type === 'checkWatches-reply') expect(replies).toHaveLength(1);
    else expect(watches).toEqual([]);
    const answers = /-reply$/.test(type) && !/^(auth|setWatches2?|ping|closeSession)-/.test(type);
    expect(replies).toHaveLength(answers ? 1 : 0);
    const reply = replies[0];
    if (reply !== undefined && !type.startsWith('multi-')) expect(reply.err).toBe(record.a.err);
    if (reply !== undefined && reply.err === Code.OK) expect(reply.zxid).toBeGreaterThanOrEqual(0);
  }

  private nextSent(): Uint8Array {
    this.framesCompared += 1;
    return this.sent.shift() ?? expect.fail('the client sent nothing');
  }

  private step(input: ClientInput): void {
    clientStep(this.client, { monoMs: this.nowMs, wallMs: 0 }, input, (effect) => this.hear(effect));
  }

  private hear(effect: ClientEffect): void {
    if (effect.type === 'connect') this.conn = effect.conn;
    else if (effect.type === 'close') this.conn = null;
    else if (effect.type === 'send') {
      if (new DataView(effect.bytes.buffer, effect.bytes.byteOffset).getInt32(4) !== Xid.ping)
        this.sent.push(effect.bytes);
    } else this.heard.push(effect);
  }
}

function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'));
}
