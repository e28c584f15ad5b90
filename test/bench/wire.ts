/**
 * What the wire layer costs: `node scripts/run.mjs test/bench/wire.ts`. One line a case: nanoseconds for one operation,
 * the median of several rounds after warming up. A simulated event is to cost less than 3 us, most of it not here.
 */

import { asPeer, asSession, asZxid } from '../../core/types.ts';
import { adler32 } from '../../core/wire/adler32.ts';
import {
  decodeReply,
  decodeRequest,
  decodeRequestFrame,
  encodeReply,
  encodeRequest,
  encodeRequestFrame,
} from '../../core/wire/client-codec.ts';
import { crc32 } from '../../core/wire/crc32.ts';
import { decodeNotification, encodeNotification } from '../../core/wire/election-codec.ts';
import { frame, frameBuffer, nextFrame, pushBytes } from '../../core/wire/framing.ts';
import { Op, Packet } from '../../core/wire/opcodes.ts';
import { encodePacket, nextPacket } from '../../core/wire/quorum-codec.ts';
import { decodeTxn, encodeTxn, readHeader } from '../../core/wire/txn-codec.ts';
import { utf8Decode, utf8Encode } from '../../core/wire/utf8.ts';
import { measure } from './measure.ts';

const data = new Uint8Array(100).fill(120);
const acl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
const stat = {
  czxid: asZxid(0x1_0000_0001),
  mzxid: asZxid(0x1_0000_0002),
  ctime: 1_700_000_000_000,
  mtime: 1_700_000_000_001,
  version: 1,
  cversion: 2,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 100,
  numChildren: 0,
  pzxid: asZxid(0x1_0000_0001),
};
const header = {
  clientId: asSession(0x100_0000_0000_0001n),
  cxid: 7,
  zxid: asZxid(0x1_0000_0003),
  time: 1_700_000_000_002,
  type: Op.create as number,
};
const create = {
  kind: 'create',
  path: '/app/locks/n-0000000017',
  data,
  acl,
  ephemeral: true,
  parentCVersion: 18,
} as const;
const digest = { version: 2, treeDigest: 0xd36d_c2b2n };
const entry = encodeTxn(header, create, digest);
const proposal = encodePacket({ type: Packet.PROPOSAL, zxid: header.zxid, data: entry, authinfo: null });
const ack = encodePacket({ type: Packet.ACK, zxid: header.zxid, data: null, authinfo: null });
const getData = encodeRequestFrame(5, { op: Op.getData, kind: 'getData', path: '/app/config/main', watch: true });
const createRequest = { op: Op.create, kind: 'create', path: '/app/locks/n-', data, acl, flags: 3 } as const;
const createBody = encodeRequest(createRequest);
const getReply = encodeReply(5, header.zxid, 0, { kind: 'getData', data, stat }).subarray(4);
const config = 'server.1=127.0.0.1:2888:3888:participant;0.0.0.0:2181\n'.repeat(5);
const vote = {
  state: 'looking',
  leader: asPeer(3),
  zxid: header.zxid,
  electionEpoch: 4,
  peerEpoch: 1,
  version: 2,
  config,
} as const;
const notification = encodeNotification(vote);
const ascii = '/app/locks/n-0000000017';
const asciiBytes = utf8Encode(ascii);
const kilobyte = new Uint8Array(1024).fill(7);

measure('utf8Encode, 23 ASCII characters', () => utf8Encode(ascii));
measure('utf8Decode, 23 ASCII characters', () => utf8Decode(asciiBytes));
measure('crc32, 1 KiB', () => crc32(kilobyte));
measure('crc32, 60 bytes', () => crc32(kilobyte, 0, 0, 60));
measure('adler32, 1 KiB', () => adler32(kilobyte));
measure('request frame: split and decode getData', () => {
  const split = decodeRequestFrame(getData.subarray(4));
  return split.ok && decodeRequest(split.value.header.type, split.value.body);
});
measure('decodeRequest create', () => decodeRequest(Op.create, createBody));
measure('encodeRequestFrame create', () => encodeRequestFrame(9, createRequest));
measure('encodeReply getData', () => encodeReply(5, header.zxid, 0, { kind: 'getData', data, stat }));
measure('decodeReply getData', () => decodeReply(Op.getData, getReply));
measure('encodeReply header only', () => encodeReply(5, header.zxid, 0, null));
measure('encodeTxn create', () => encodeTxn(header, create, digest));
measure('decodeTxn create', () => decodeTxn(entry));
measure('readHeader', () => readHeader(entry));
measure('encodePacket PROPOSAL', () =>
  encodePacket({ type: Packet.PROPOSAL, zxid: header.zxid, data: entry, authinfo: null }),
);
measure('encodePacket ACK', () => encodePacket({ type: Packet.ACK, zxid: header.zxid, data: null, authinfo: null }));
measure('nextPacket PROPOSAL, one chunk each', () => {
  const fb = frameBuffer();
  pushBytes(fb, proposal);
  return nextPacket(fb, 1 << 20);
});
measure('nextPacket ACK, one chunk each', () => {
  const fb = frameBuffer();
  pushBytes(fb, ack);
  return nextPacket(fb, 1 << 20);
});
measure('encodeNotification, config of five servers', () => encodeNotification(vote));
measure('decodeNotification, config of five servers', () => decodeNotification(notification));

const megabyte = frame(new Uint8Array(1 << 20));
const start = performance.now();
const fb = frameBuffer();
for (let i = 0; i < megabyte.length; i++) pushBytes(fb, megabyte.subarray(i, i + 1));
if (nextFrame(fb, 1 << 20).kind !== 'frame') throw new Error('no frame');
console.log(`${'a 1 MiB frame in single bytes'.padEnd(44)} ${(performance.now() - start).toFixed(0).padStart(8)} ms`);
