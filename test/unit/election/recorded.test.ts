/**
 * Recorded elections between Java servers, with one of them replaced by ours: it hears what the real one heard, first says
 * byte for byte what the real one said first, and comes to the same leader.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseMembership } from '../../../core/config/membership.ts';
import { asPeer } from '../../../core/types.ts';
import { fromHex, hex } from '../../../core/wire/bytes.ts';
import { decodeNotification, encodeHandshake, encodeNotification } from '../../../core/wire/election-codec.ts';
import { frame } from '../../../core/wire/framing.ts';
import { Bench } from './bench.ts';

interface Line {
  readonly t: number;
  readonly c?: string;
  readonly from?: number;
  readonly to?: number;
  readonly hex?: string;
  readonly a?: { readonly type: string; readonly state?: string; readonly addr?: string };
}

const linesOf = (file: string): Line[] =>
  readFileSync(new URL(`../../golden/quorum/${file}`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

/** The election frames up to the first one in which this server says that it has settled. */
function electionOf(file: string, self: number): Line[] {
  const lines = linesOf(file).filter(({ a }) => a?.type === 'Notification');
  const settledAt = lines.findIndex(({ from, a }) => from === self && a?.state !== 'LOOKING');
  return settledAt < 0 ? lines : lines.slice(0, settledAt);
}

describe.each([
  { file: 'q1-bootstrap-and-traffic.jsonl', self: 1, leader: 2, state: 'following' },
  { file: 'q1-bootstrap-and-traffic.jsonl', self: 2, leader: 2, state: 'leading' },
  { file: 'q1-bootstrap-and-traffic.jsonl', self: 3, leader: 2, state: 'following' },
  { file: 'q6-observer.jsonl', self: 4, leader: 2, state: 'observing' },
  { file: 'q7-reconfig.jsonl', self: 3, leader: 2, state: 'following' },
  { file: 'q9-multi-address.jsonl', self: 3, leader: 2, state: 'following' },
])('$file as server $self', ({ file, self, leader, state }) => {
  const lines = electionOf(file, self);
  const firstSaid = lines.find(({ from }) => from === self);
  const heard = lines.filter(({ to }) => to === self);

  it('comes to the same leader', () => {
    const first = decodeNotification(fromHex(firstSaid!.hex!)!.subarray(4));
    const membership = first.ok && first.value.config !== null ? parseMembership(first.value.config) : null;
    if (membership?.ok !== true || !first.ok) throw new Error('the recording is not readable');
    const bench = new Bench(self, membership.membership, { reconfigEnabled: false, multiAddressEnabled: true });

    const own = state === 'observing' ? { zxid: 0, peerEpoch: 0 } : first.value;
    bench.look(own.zxid, own.peerEpoch);
    const { config, ...vote } = first.value;
    expect(hex(frame(encodeNotification({ ...vote, config: config! })))).toBe(firstSaid!.hex);
    expect(bench.sent()[firstSaid!.to!]?.[0]).toEqual({
      state: 'looking',
      leader: vote.leader,
      zxid: vote.zxid,
      round: vote.electionEpoch,
      epoch: vote.peerEpoch,
    });

    const startedMs = bench.nowMs - firstSaid!.t;
    const events = heard.flatMap((line) => [
      ...bench.runTo(startedMs + line.t),
      ...bench.hearBytes(line.from!, fromHex(line.hex!)!.subarray(4)),
    ]);
    events.push(...bench.wait(200));
    expect(events).toMatchObject([{ type: 'elected', vote: { leader, state } }]);
  });
});

describe('handshakes', () => {
  it.each([
    ['q1-bootstrap-and-traffic.jsonl', 'v1'],
    ['q9-multi-address.jsonl', 'v2'],
  ] as const)('%s', (file, form) => {
    const greetings = linesOf(file).filter(({ a }) => a?.type === 'QuorumCnxManager-initial');
    expect(greetings.length).toBeGreaterThan(0);
    for (const { from, a, hex: recorded } of greetings) {
      const addresses = a!.addr!.split('|').map((text) => {
        const [host = '', port = ''] = text.split(':');
        return { host, port: Number(port) };
      });
      expect(hex(encodeHandshake({ sid: asPeer(from!), form, addresses }))).toBe(recorded);
    }
  });
});
