/** No bytes of a client make the port throw, write to the log what it should not, or forget what it counts. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asConn, OPEN_ACL } from '../../../core/types.ts';
import { concat } from '../../../core/wire/bytes.ts';
import { type ClientRequest, encodeRequestFrame } from '../../../core/wire/client-codec.ts';
import { frame } from '../../../core/wire/framing.ts';
import { Op } from '../../../core/wire/opcodes.ts';
import { decodeTxn } from '../../../core/wire/txn-codec.ts';
import { connectFrame, Standalone, TestClient } from './standalone.ts';

const SEEDS: readonly ClientRequest[] = [
  { op: Op.create, kind: 'create', path: '/a', data: new Uint8Array(3), acl: OPEN_ACL, flags: 1 },
  { op: Op.createTTL, kind: 'createTTL', path: '/t', data: null, acl: OPEN_ACL, flags: 5, ttl: 1000 },
  { op: Op.setACL, kind: 'setACL', path: '/a', acl: OPEN_ACL, version: -1 },
  { op: Op.delete, kind: 'delete', path: '/a', version: -1 },
  { op: Op.multi, kind: 'multi', ops: [{ op: Op.check, kind: 'check', path: '/', version: 0 }] },
  {
    op: Op.reconfig,
    kind: 'reconfig',
    joiningServers: 'server.1=a:1:2',
    leavingServers: '1',
    newMembers: null,
    curConfigId: 1,
  },
  { op: Op.auth, kind: 'auth', type: 0, scheme: 'digest', auth: new Uint8Array(5) },
  {
    op: Op.setWatches2,
    kind: 'setWatches2',
    relativeZxid: 1 as never,
    dataWatches: ['/a'],
    existWatches: ['/'],
    childWatches: [''],
    persistentWatches: ['x'],
    persistentRecursiveWatches: ['/'],
  },
  { op: Op.addWatch, kind: 'addWatch', path: '/', mode: 1 },
  { op: Op.getChildren, kind: 'getChildren', path: '/', watch: true },
  { op: Op.sync, kind: 'sync', path: '' },
  { op: Op.sasl, kind: 'sasl', token: null },
];

/** A frame with some of its bytes changed, or any bytes in a frame, or any bytes. */
const piece = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.nat(SEEDS.length - 1), fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }))
      .map(spoil),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.integer({ min: -12, max: 110 }), fc.uint8Array({ maxLength: 40 })).map(anyRequest),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
);

function spoil([seed, changes]: [number, [number, number][]]): Uint8Array {
  const bytes = encodeRequestFrame(seed, SEEDS[seed]!).slice();
  // The length stays right, or one frame would swallow the rest.
  for (const [at, value] of changes) if (at + 4 < bytes.length) bytes[at + 4] = value;
  return bytes;
}

function anyRequest([op, body]: [number, Uint8Array]): Uint8Array {
  const header = new Uint8Array(8);
  new DataView(header.buffer).setInt32(4, op);
  return frame(concat([header, body]));
}

test('hostile input ends in answers and closed connections', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(piece, { maxLength: 12 }), { minLength: 1, maxLength: 6 }),
      fc.nat(64),
      (inputs, cut) => {
        const host = new Standalone({
          config: { extendedTypesEnabled: true, reconfigEnabled: true, fourLetterWords: 'all' },
        });
        const witness = new TestClient(host, 1000).connect();
        for (const [i, pieces] of inputs.entries()) {
          const conn = asConn(i + 1);
          host.open(conn);
          const input = concat(i % 3 === 2 ? pieces : [connectFrame(), ...pieces]);
          const step = cut === 0 ? Math.max(1, input.length) : cut;
          for (let at = 0; at < input.length; at += step) host.bytes(conn, input.subarray(at, at + step));
          if (i % 2 === 0) host.lose(conn);
        }
        // Whoever behaves is still served.
        expect(witness.ask({ op: Op.exists, kind: 'exists', path: '/', watch: false }).err).toBe(0);
        host.advance(60_000);
        expect(host.server.conns.size).toBe(0);
        expect([host.server.outstanding, host.server.attached.size, host.server.connsByIp.size]).toEqual([0, 0, 0]);
        expect(host.heap.watches.count).toBe(0);
        expect(host.heap.tree.sessions.size).toBe(0);
        expect(host.heap.tree.audit()).toBeNull();
        for (const { bytes } of host.log) expect(decodeTxn(bytes).ok).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
}, 30_000);
