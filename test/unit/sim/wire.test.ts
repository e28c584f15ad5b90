import { describe, expect, test } from 'vitest';
import { asZxid, zxidOf } from '../../../core/types.ts';
import { concat } from '../../../core/wire/bytes.ts';
import { Packet, type PacketName } from '../../../core/wire/opcodes.ts';
import { encodePacket } from '../../../core/wire/quorum-codec.ts';
import { FrameMeter } from '../../../sim/checkers/links.ts';
import { type Covered, PacketScanner, QuorumConversation } from '../../../sim/checkers/wire.ts';
import { collect } from './collect.ts';

const packet = (name: PacketName, zxid: number, data: Uint8Array | null = null): Uint8Array =>
  encodePacket({ type: Packet[name], zxid: asZxid(zxid), data, authinfo: null });

const EPOCH = zxidOf(2, 0);
const at = (counter: number): number => zxidOf(2, counter);

/** A script of packets: `<` from the learner, `>` from the leader. */
type Line = readonly ['<' | '>', PacketName, number];

const HANDSHAKE: readonly Line[] = [
  ['<', 'FOLLOWERINFO', 0],
  ['>', 'LEADERINFO', EPOCH],
  ['<', 'ACKEPOCH', 0],
  ['>', 'DIFF', 0],
  ['>', 'NEWLEADER', EPOCH],
];
const JOINED: readonly Line[] = [...HANDSHAKE, ['<', 'ACK', EPOCH], ['>', 'UPTODATE', -1], ['<', 'ACK', EPOCH]];

function play(lines: readonly Line[]): { messages: string[]; acks: Covered[] } {
  const { report, found } = collect();
  const acks: Covered[] = [];
  const conversation = new QuorumConversation(
    { learner: 3, leader: 1 },
    { acknowledged: (_connection, _zxid, covered) => acks.push(covered), packet: () => {}, pinged: () => {} },
    report,
  );
  for (const [from, name, zxid] of lines) {
    (from === '<' ? conversation.fromLearner : conversation.fromLeader).push(packet(name, zxid));
  }
  for (const { property } of found) expect(property).toBe('should-not-be-triggered');
  return { messages: found.map(({ message }) => message), acks };
}

describe('a conversation on the quorum port', () => {
  test('is silent while it follows the protocol', () => {
    const { messages, acks } = play([
      ...JOINED,
      ['>', 'PROPOSAL', at(1)],
      ['<', 'ACK', at(1)],
      ['>', 'COMMIT', at(1)],
      ['>', 'PING', at(1)],
      ['<', 'PING', 0],
    ]);
    expect(messages).toEqual([]);
    expect(acks).toEqual([
      { kind: 'newLeader', upTo: 0 },
      { kind: 'proposal', upTo: at(1) },
    ]);
  });

  test('what NEWLEADER covers is where the synchronisation ended', () => {
    const { acks } = play([
      ['<', 'FOLLOWERINFO', 0],
      ['>', 'LEADERINFO', EPOCH],
      ['<', 'ACKEPOCH', 0],
      ['>', 'TRUNC', zxidOf(1, 3)],
      ['>', 'PROPOSAL', zxidOf(1, 4)],
      ['>', 'NEWLEADER', EPOCH],
      ['>', 'PROPOSAL', at(1)],
      ['<', 'ACK', EPOCH],
    ]);
    expect(acks).toEqual([{ kind: 'newLeader', upTo: zxidOf(1, 4) }]);
  });

  test.each<[string, readonly Line[]]>([
    ['introduces itself', [...JOINED, ['<', 'FOLLOWERINFO', 0]]],
    ['ACKEPOCH', [['<', 'ACKEPOCH', 0]]],
    ['sends ACK', [['<', 'ACK', EPOCH]]],
    ['accepts NEWLEADER', [...HANDSHAKE, ['<', 'ACK', zxidOf(1, 9)]]],
    ['sends UPTODATE', [...HANDSHAKE, ['>', 'UPTODATE', -1]]],
    ['was not sent', [...JOINED, ['<', 'ACK', at(1)]]],
    ['directly after', [...JOINED, ['>', 'PROPOSAL', at(1)], ['>', 'PROPOSAL', at(3)]]],
    ['was not sent', [...JOINED, ['>', 'COMMIT', at(1)]]],
    [
      'directly after',
      [...JOINED, ['>', 'PROPOSAL', at(1)], ['>', 'PROPOSAL', at(2)], ['>', 'COMMIT', at(1)], ['>', 'COMMIT', at(1)]],
    ],
    [
      'after 0x200000002',
      [...JOINED, ['>', 'PROPOSAL', at(1)], ['>', 'PROPOSAL', at(2)], ['<', 'ACK', at(2)], ['<', 'ACK', at(1)]],
    ],
    [
      'offered epoch',
      [
        ['<', 'FOLLOWERINFO', 0],
        ['>', 'LEADERINFO', EPOCH],
        ['<', 'ACKEPOCH', 0],
        ['>', 'DIFF', 0],
        ['>', 'NEWLEADER', zxidOf(3, 0)],
      ],
    ],
    ['as a learner', [...JOINED, ['<', 'PROPOSAL', at(1)]]],
    ['as a leader', [...JOINED, ['>', 'FOLLOWERINFO', 0]]],
  ])('should-not-be-triggered: %s', (text, lines) => {
    const { messages } = play(lines);
    expect(messages.length).toBeGreaterThan(0);
    expect(messages[0]).toContain(text);
  });
});

describe('the packet scanner', () => {
  const stream = concat([
    packet('PROPOSAL', at(1), Uint8Array.of(1, 2, 3)),
    packet('SNAP', at(1)),
    Uint8Array.from({ length: 50 }, (_, index) => index),
    Uint8Array.of(0, 0, 0, 10),
    Uint8Array.from('BenWasHere', (c) => c.charCodeAt(0)),
    packet('COMMIT', at(1)),
  ]);

  test.each([1, 2, 7, 20, 1000])('finds every packet in pieces of %i bytes, and skips a snapshot', (size) => {
    const found: [number, number, number][] = [];
    const scanner = new PacketScanner((type, zxid, data) => found.push([type, zxid, data.length]));
    for (let i = 0; i < stream.length; i += size) scanner.push(stream.subarray(i, i + size));
    expect(found).toEqual([
      [Packet.PROPOSAL, at(1), 3],
      [Packet.SNAP, at(1), 0],
      [Packet.COMMIT, at(1), 0],
    ]);
  });

  test('the frame meter counts ends of frames', () => {
    const frames = Uint8Array.of(0, 0, 0, 2, 9, 9, 0, 0, 0, 0, 0, 0, 0, 1, 9);
    const meter = new FrameMeter();
    expect([
      meter.push(frames.subarray(0, 5)),
      meter.push(frames.subarray(5, 11)),
      meter.push(frames.subarray(11)),
    ]).toEqual([0, 2, 1]);
  });
});
