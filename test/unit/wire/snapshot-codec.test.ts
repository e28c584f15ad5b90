import { describe, expect, test } from 'vitest';
import { type Acl, asSession, asZxid, READ_ACL, type SessionId } from '../../../core/types.ts';
import { concat, fromHex, hex } from '../../../core/wire/bytes.ts';
import {
  OPEN_ACL_ID,
  SNAP_END_MARK,
  type SnapshotNode,
  SnapshotReader,
  type SnapshotVisitor,
  SnapshotWriter,
} from '../../../core/wire/snapshot-codec.ts';

const stat = {
  czxid: asZxid(1),
  mzxid: asZxid(2),
  ctime: 3,
  mtime: 4,
  version: 5,
  cversion: 6,
  aversion: 7,
  ephemeralOwner: 8n,
  pzxid: asZxid(9),
};
const source = {
  sessions: new Map<SessionId, number>([[asSession(0x11n), 30_000]]),
  acls: new Map<number, readonly Acl[]>([[1, READ_ACL]]),
  nodes: [
    { path: '', data: null, aclId: OPEN_ACL_ID, stat },
    { path: '/a', data: new Uint8Array(100).fill(1), aclId: 1, stat },
  ],
};

function written(bytesTarget: number, endMark: string | null = null): Uint8Array[] {
  const writer = new SnapshotWriter(source, endMark);
  const parts: Uint8Array[] = [];
  for (let part = writer.next(bytesTarget); part !== null; part = writer.next(bytesTarget)) parts.push(part);
  return parts;
}

const accepting: SnapshotVisitor = { session: () => true, acl: () => true, node: () => true };
const readerOf = (visitor: SnapshotVisitor, endMark: string | null = null): SnapshotReader =>
  new SnapshotReader(visitor, { endMark, itemBytesMax: 1000 });

const SESSIONS = '00000001 0000000000000011 00007530';
const ACLS = '00000001 0000000000000001 00000001 00000001 00000005 776f726c64 00000006 616e796f6e65';
const STAT =
  '0000000000000001 0000000000000002 0000000000000003 0000000000000004 00000005 00000006 00000007 0000000000000008 0000000000000009';
const ROOT = `00000000 ffffffff ffffffffffffffff ${STAT}`;
const NODE = `00000002 2f61 00000064 ${'01'.repeat(100)} 0000000000000001 ${STAT}`;
const END = '00000001 2f';
const plain = (text: string): string => text.replaceAll(' ', '');

test('the bytes of a body: sessions, ACLs, nodes, the end path', () => {
  expect(hex(concat(written(1 << 20)))).toBe(plain(SESSIONS + ACLS + ROOT + NODE + END));
});

test('the writer hands out about as much as it is asked for and then ends', () => {
  const parts = written(1);
  expect(parts.length).toBeGreaterThan(4);
  expect(hex(concat(parts))).toBe(hex(concat(written(1 << 20))));
  const writer = new SnapshotWriter(source, null);
  while (writer.next(50) !== null);
  expect(writer.next(50)).toBeNull();
});

test('the reader hands over items in their order, and what stands behind the body', () => {
  const seen: unknown[] = [];
  const reader = readerOf({
    session: (id, timeoutMs) => seen.push([id, timeoutMs]) > 0,
    acl: (id, acl) => seen.push([id, acl]) > 0,
    node: (node: SnapshotNode) => seen.push(node) > 0,
  });
  const body = concat([...written(100), Uint8Array.of(1, 2)]);
  expect(reader.push(body)).toEqual({ kind: 'done', rest: Uint8Array.of(1, 2) });
  expect(seen).toEqual([[0x11n, 30_000], [1, READ_ACL], ...source.nodes]);
  expect(reader.push(Uint8Array.of(3))).toEqual({ kind: 'done', rest: Uint8Array.of(3) });
});

test('a node’s data is a copy', () => {
  const nodes: SnapshotNode[] = [];
  const body = concat(written(1 << 20));
  readerOf({ ...accepting, node: (node) => nodes.push(node) > 0 }).push(body);
  body.fill(0);
  expect(nodes[1]?.data).toEqual(new Uint8Array(100).fill(1));
});

test('on the quorum port the end mark follows, and nothing else will do', () => {
  const stream = concat(written(64, SNAP_END_MARK));
  expect(hex(stream).endsWith(plain(`${END} 0000000a 42656e5761734865726500`).slice(0, -2))).toBe(true);
  expect(readerOf(accepting, SNAP_END_MARK).push(stream)).toEqual({ kind: 'done', rest: new Uint8Array() });
  const body = hex(concat(written(64)));
  for (const mark of ['00000009', '0000000a 42656e57617348657266', 'ffffffff']) {
    const reader = readerOf(accepting, SNAP_END_MARK);
    expect(reader.push(fromHex(body + plain(mark))!)).toEqual({ kind: 'bad', error: 'bad-magic' });
  }
});

describe('a body that is none', () => {
  const counts = plain('00000000 00000000');
  test.each([
    ['a negative count of sessions', 'ffffffff', 'bad-length'],
    ['a negative count of ACLs', '00000000 fffffffe', 'bad-length'],
    ['an ACL with more entries than fit', '00000000 00000001 0000000000000001 7fffffff', 'bad-length'],
    ['a null path', `${counts} ffffffff`, 'bad-length'],
    ['a path longer than an item may be', `${counts} 000003e9`, 'too-large'],
    ['data longer than an item may be', `${counts} 00000002 2f61 000003e8`, 'too-large'],
    ['data of a negative length', `${counts} 00000002 2f61 fffffffe`, 'bad-length'],
    ['a path that is no UTF-8', `${counts} 00000002 ffff ffffffff 0000000000000001 ${STAT}`, 'bad-utf8'],
    ['another path of one character', `${counts} 00000001 61`, 'bad-magic'],
    ['a zxid beyond doubles', `${counts} 00000000 ffffffff 0000000000000001 7f${STAT.slice(2)}`, 'number-out-of-range'],
  ])('%s', (_, text, error) => {
    const reader = readerOf(accepting);
    expect(reader.push(fromHex(plain(text))!)).toEqual({ kind: 'bad', error });
    expect(reader.push(fromHex('00')!)).toEqual({ kind: 'bad', error });
  });
});

test.each(['session', 'acl', 'node'] as const)('a visitor that refuses a %s ends it', (item) => {
  const reader = readerOf({ ...accepting, [item]: () => false });
  expect(reader.push(concat(written(64)))).toEqual({ kind: 'bad', error: 'inconsistent' });
});

test('a count that lies only makes the reader wait', () => {
  const reader = readerOf(accepting);
  expect(reader.push(fromHex('7fffffff')!)).toEqual({ kind: 'more' });
  expect(reader.push(new Uint8Array(12_000))).toEqual({ kind: 'more' });
});
