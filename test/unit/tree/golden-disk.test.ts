/**
 * The real server's own log, applied entry by entry: after each the tree digest must be the one the server wrote beside it,
 * and at the end the tree must be the one that clients of the real server saw.
 */

import { describe, expect, test } from 'vitest';
import { DataTree } from '../../../core/tree/data-tree.ts';
import { TreeLoader } from '../../../core/tree/tree-loader.ts';
import { asSession, asZxid } from '../../../core/types.ts';
import { bytesEqual, fromHex } from '../../../core/wire/bytes.ts';
import { Op } from '../../../core/wire/opcodes.ts';
import type { TxnHeader } from '../../../core/wire/records.ts';
import { SnapshotReader } from '../../../core/wire/snapshot-codec.ts';
import type { DecodedTxn, Txn } from '../../../core/wire/txn.ts';
import { decodeTxn } from '../../../core/wire/txn-codec.ts';
import { goldenBytes, goldenLines, type Json } from '../../wire/recorded.ts';

/** Between the file's header and an entry's bytes stand a checksum and a length. */
const ENTRY_PREFIX_SIZE = 12;

function entriesOf(image: string): DecodedTxn[] {
  let log: Uint8Array = new Uint8Array(0);
  const entries: DecodedTxn[] = [];
  for (const { line } of goldenLines(`disk/${image}/txns.jsonl`)) {
    if (typeof line.file === 'string') log = goldenBytes(`disk/${image}/version-2/${line.file}`);
    if (typeof line.off !== 'number') continue;
    const start = line.off + ENTRY_PREFIX_SIZE;
    const decoded = decodeTxn(log.subarray(start, start + Number(line.len)));
    if (!decoded.ok) throw new Error(decoded.error);
    entries.push(decoded.value);
  }
  return entries;
}

/** What the recorder wrote of a tree: one object a node, as a client sees it. */
type RecordedTree = Readonly<
  Record<
    string,
    { data: string | null; acl: readonly Json[]; stat: Readonly<Record<string, Json>>; children: string[] }
  >
>;

function readTree(path: string, field: string): RecordedTree {
  const value = JSON.parse(new TextDecoder().decode(goldenBytes(path))) as Record<string, RecordedTree>;
  return value[field]!;
}

/** The same of ours. `/zookeeper/config` of the recorded server stands outside transactions and is left out. */
function asRecorded(tree: DataTree): RecordedTree {
  const recorded: Record<string, RecordedTree[string]> = {};
  for (const path of tree.paths()) {
    const node = tree.get(path)!;
    recorded[path] = {
      data: node.data === null ? null : Buffer.from(node.data).toString('base64'),
      acl: node.acl.map(({ perms, id }) => ({ perms, scheme: id.scheme, id: id.id })),
      stat: { ...node.stat, ephemeralOwner: `0x${BigInt.asUintN(64, node.stat.ephemeralOwner).toString(16)}` },
      children: tree.children(path).sort(),
    };
  }
  return recorded;
}

const IMAGES_WITH_DIGEST = ['plain', 'snappy', 'gz'];

describe.each(IMAGES_WITH_DIGEST)('disk image %s', (image) => {
  test('every entry leaves the digest that the server recorded', () => {
    const tree = DataTree.fresh();
    const entries = entriesOf(image);
    expect(entries.length).toBeGreaterThan(200);
    let compared = 0;
    for (const { header, txn, digest } of entries) {
      tree.apply(header, txn);
      if (digest === null) continue;
      compared += 1;
      expect(tree.digest(), `after zxid ${header.zxid}`).toBe(digest.treeDigest);
    }
    expect(compared).toBeGreaterThan(180);
    expect(tree.audit()).toBeNull();
    // What the server itself has kept of them, and tells by the word `hash`.
    const kept = tree.digests().map(({ zxid, digest }) => `${zxid.toString(16)}: ${digest}\n`);
    const { hash4lwBeforeKill } = JSON.parse(new TextDecoder().decode(goldenBytes(`disk/${image}/expected.json`)));
    expect(kept.join('')).toBe(hash4lwBeforeKill);
  });
});

test('of the digests of a long history, the last thousand are kept', () => {
  const tree = DataTree.fresh();
  const header = { clientId: asSession(1n), cxid: 0, time: 0, type: Op.error };
  for (let zxid = 1; zxid <= 128 * 1030; zxid++) {
    tree.apply({ ...header, zxid: asZxid(zxid) }, { kind: 'error', err: -1 });
  }
  const zxids = tree.digests().map(({ zxid }) => zxid / 128);
  expect(zxids.length).toBe(1024);
  expect([zxids[0], zxids.at(-1)]).toEqual([7, 1030]);
});

describe.each([...IMAGES_WITH_DIGEST, 'nodigest'])('disk image %s', (image) => {
  test('the log alone leads to the tree that clients saw', () => {
    const tree = DataTree.fresh();
    for (const { header, txn } of entriesOf(image)) tree.apply(header, txn);
    expect(asRecorded(tree)).toEqual(readTree(`disk/${image}/expected.json`, 'treeBeforeKill'));
  });
});

test('a replay over the tree it led to changes nothing in the end', () => {
  const tree = DataTree.fresh();
  const entries = entriesOf('plain');
  for (const { header, txn } of entries) tree.apply(header, txn);
  const once = { tree: asRecorded(tree), digest: tree.digest(), state: tree.stateDigest() };
  for (const { header, txn } of entries) tree.apply(header, txn);
  expect({ tree: asRecorded(tree), digest: tree.digest(), state: tree.stateDigest() }).toEqual(once);
});

/** magic, version and dbid in front; seals and digest behind the body do not concern the loader. */
const SNAPSHOT_HEADER_SIZE = 16;

function loadSnapshot(path: string, zxid: number): DataTree {
  const loader = new TreeLoader();
  const reader = new SnapshotReader(loader, { endMark: null, itemBytesMax: 1 << 22 });
  const progress = reader.push(goldenBytes(path).subarray(SNAPSHOT_HEADER_SIZE));
  expect(progress.kind).toBe('done');
  return loader.finish({ zxid: asZxid(zxid), recountQuotas: false })!;
}

describe('the snapshot of the real server', () => {
  test('holds the tree at its zxid', () => {
    const tree = loadSnapshot('disk/plain/version-2/snapshot.c6', 0xc6);
    expect(asRecorded(tree)).toEqual(readTree('disk/plain/expected-at-snapshot.json', 'tree'));
    expect(tree.audit()).toBeNull();
    expect(tree.unresolvedAclCount).toBe(0);
  });

  test('and the log from there on lead to the same state as the log alone', () => {
    const whole = DataTree.fresh();
    const tree = loadSnapshot('disk/plain/version-2/snapshot.c6', 0xc6);
    for (const { header, txn } of entriesOf('plain')) {
      whole.apply(header, txn);
      if (header.zxid > 0xc6) tree.apply(header, txn);
    }
    expect(asRecorded(tree)).toEqual(asRecorded(whole));
    expect(tree.digest()).toBe(whole.digest());
    expect(tree.stateDigest()).toBe(whole.stateDigest());
  });

  test('recounting the quotas of an exact snapshot changes nothing', () => {
    const exact = loadSnapshot('disk/plain/version-2/snapshot.c6', 0xc6);
    const loader = new TreeLoader();
    new SnapshotReader(loader, { endMark: null, itemBytesMax: 1 << 22 }).push(
      goldenBytes('disk/plain/version-2/snapshot.c6').subarray(SNAPSHOT_HEADER_SIZE),
    );
    const recounted = loader.finish({ zxid: asZxid(0xc6), recountQuotas: true })!;
    expect(asRecorded(recounted)).toEqual(asRecorded(exact));
  });
});

describe('vectors made with the classes of 3.8.0', () => {
  const session = asSession(0x100_0000_0000_0001n);
  const EMPTY = 0x51c6_d660n;

  test('the empty tree, its sessions and its configuration', () => {
    const tree = DataTree.fresh();
    expect(tree.digest()).toBe(EMPTY);
    const header: TxnHeader = { clientId: session, cxid: 0, zxid: asZxid(1), time: 1_700_000_000_000, type: -10 };
    const txn: Txn = { kind: 'createSession', timeOut: 30_000 };
    tree.apply(header, txn);
    tree.initConfig(new TextEncoder().encode('server.1=a:1:2\nversion=0'), asZxid(0));
    expect(tree.digest()).toBe(EMPTY);
    expect(tree.nodeCount).toBe(5);
  });

  test('one create', () => {
    const bytes = fromHex(
      '01000000000000010000000100000000000000020000018bcfe5680100000001000000062f68656c6c6f00000005776f726c64' +
        '000000010000001f00000005776f726c6400000006616e796f6e6500000000010000000200000000d36dc2b2',
    )!;
    const decoded = decodeTxn(bytes);
    expect(decoded.ok).toBe(true);
    if (!decoded.ok) return;
    const tree = DataTree.fresh();
    tree.apply(decoded.value.header, decoded.value.txn);
    expect(tree.digest()).toBe(0xd36d_c2b2n);
    expect(bytesEqual(tree.get('/hello')!.data!, new TextEncoder().encode('world'))).toBe(true);
  });
});
