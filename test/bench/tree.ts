/**
 * What the data tree costs: `node scripts/run.mjs test/bench/tree.ts`. One line a case: nanoseconds for one operation, the
 * median of several rounds after warming up; then bytes of heap for one small node.
 */

import { DataTree } from '../../core/tree/data-tree.ts';
import { WatchTable } from '../../core/tree/watches.ts';
import { asConn, asSession, asZxid, OPEN_ACL } from '../../core/types.ts';
import { EventType, Op } from '../../core/wire/opcodes.ts';
import type { Txn } from '../../core/wire/txn.ts';
import { measure } from './measure.ts';

const session = asSession(0x100_0000_0000_0001n);
const tree = DataTree.fresh();
let zxid = 0x1_0000_0000;

function apply(type: number, txn: Txn) {
  zxid += 1;
  return tree.apply({ clientId: session, cxid: 1, zxid: asZxid(zxid), time: 1_700_000_000_000 + zxid, type }, txn);
}

/** As a decoder hands it over: a view of a log entry that is a little larger. */
const dataOf = (size: number): Uint8Array => new Uint8Array(size + 80).fill(120).subarray(60, 60 + size);

function createNode(path: string, data: Uint8Array, ephemeral = false): unknown {
  return apply(Op.create, { kind: 'create', path, data, acl: OPEN_ACL, ephemeral, parentCVersion: -1 });
}

const small = dataOf(100);
const large = dataOf(10_000);
createNode('/app', small);
createNode('/app/config', small);
for (let i = 0; i < 100; i++) createNode(`/app/d${i}`, small);

measure('setData, 100 bytes', () =>
  apply(Op.setData, { kind: 'setData', path: '/app/config', data: small, version: 1 }),
);
measure('setData, 10,000 bytes', () =>
  apply(Op.setData, { kind: 'setData', path: '/app/config', data: large, version: 1 }),
);
let next = 0;
measure('create, 100 bytes, and delete', () => {
  next += 1;
  const path = `/app/d${next % 100}/node-${next}`;
  createNode(path, small);
  return apply(Op.delete, { kind: 'delete', path });
});
measure('create and delete, ephemeral', () => {
  next += 1;
  const path = `/app/d${next % 100}/node-${next}`;
  createNode(path, small, true);
  return apply(Op.delete, { kind: 'delete', path });
});
measure('get and stat', () => tree.get('/app/config')?.stat);
measure('open and close a snapshot', () => tree.openSnapshot().close());
const open = tree.openSnapshot();
measure('setData, 100 bytes, under an open snapshot', () =>
  apply(Op.setData, { kind: 'setData', path: '/app/config', data: small, version: 1 }),
);
open.close();

const watches = new WatchTable();
const conn = asConn(1);
measure('add a watch and trigger it', () => {
  watches.add(conn, '/app/config', 'data');
  const event = { type: EventType.nodeDataChanged, path: '/app/config', zxid: asZxid(1), acl: OPEN_ACL } as const;
  return watches.trigger(event, () => true);
});

const COUNT = 200_000;
const gc = (globalThis as { gc?: () => void }).gc;
gc?.();
const heapBefore = process.memoryUsage();
const started = performance.now();
for (let i = 0; i < COUNT; i++) createNode(`/app/d${i % 100}/grow-${i}`, dataOf(100));
const each = ((performance.now() - started) * 1e6) / COUNT;
gc?.();
const heapAfter = process.memoryUsage();
const bytes = heapAfter.heapUsed + heapAfter.arrayBuffers - heapBefore.heapUsed - heapBefore.arrayBuffers;
console.log(`${`create ${COUNT} nodes of 100 bytes, each`.padEnd(52)} ${each.toFixed(0).padStart(8)} ns`);
console.log(`${'memory of one of them, with its data'.padEnd(52)} ${(bytes / COUNT).toFixed(0).padStart(8)} bytes`);

const snapshot = tree.openSnapshot();
const visited = performance.now();
let nodes = 0;
for (const node of snapshot.nodes) nodes += node.path.length > 0 ? 1 : 0;
snapshot.close();
console.log(
  `${`visit a snapshot of ${nodes} nodes, each`.padEnd(52)} ${(((performance.now() - visited) * 1e6) / nodes).toFixed(0).padStart(8)} ns`,
);
