/**
 * A reference tree that is slow and plain: one list of nodes, everything else computed from it when asked. It follows the
 * documented rules and shares no code with the real one beyond types and tables of numbers.
 */

import type { Acl, SessionId } from '../../core/types.ts';
import { Code, EventType } from '../../core/wire/opcodes.ts';
import type { TxnHeader } from '../../core/wire/records.ts';
import type { Txn } from '../../core/wire/txn.ts';

const OPEN: readonly Acl[] = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
const CONTAINER = -(2n ** 63n);

export interface ModelNode {
  data: string | null;
  acl: readonly Acl[];
  czxid: number;
  mzxid: number;
  pzxid: number;
  ctime: number;
  mtime: number;
  version: number;
  cversion: number;
  aversion: number;
  owner: bigint;
}

export interface ModelResult {
  readonly err: number;
  readonly created: boolean;
  readonly events: readonly string[];
}

const latin1 = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString('latin1');
const split = (path: string): string[] => path.split('/').filter((name) => name !== '');
const join = (names: readonly string[]): string => `/${names.join('/')}`;

export class ModelTree {
  readonly nodes = new Map<string, ModelNode>();
  readonly sessions = new Map<SessionId, number>();
  private events: string[] = [];

  constructor() {
    const zero = { czxid: 0, mzxid: 0, pzxid: 0, ctime: 0, mtime: 0, version: 0, cversion: 0, aversion: 0, owner: 0n };
    for (const path of ['/', '/zookeeper', '/zookeeper/quota']) this.nodes.set(path, { ...zero, data: '', acl: OPEN });
    const readOnly = [{ perms: 1, id: { scheme: 'world', id: 'anyone' } }];
    this.nodes.set('/zookeeper/config', { ...zero, aversion: -1, data: '', acl: readOnly });
  }

  children(path: string): string[] {
    const depth = split(path).length + 1;
    const inside = path === '/' ? '/' : `${path}/`;
    return [...this.nodes.keys()]
      .filter((at) => at !== '/' && at.startsWith(inside) && split(at).length === depth)
      .map((at) => split(at).at(-1)!);
  }

  pathsOwned(kind: 'container' | 'ttl' | 'session'): string[] {
    const kindOf = (owner: bigint): string =>
      owner === 0n ? 'none' : owner === CONTAINER ? 'container' : owner >> 40n === -0x1_0000n ? 'ttl' : 'session';
    return [...this.nodes].filter(([, node]) => kindOf(node.owner) === kind).map(([path]) => path);
  }

  apply(header: TxnHeader, txn: Txn): ModelResult {
    this.events = [];
    const before = new Set(this.nodes.keys());
    const err = this.run(header, txn);
    return { err, created: [...this.nodes.keys()].some((path) => !before.has(path)), events: this.events };
  }

  private run(header: TxnHeader, txn: Txn): number {
    switch (txn.kind) {
      case 'create':
        return this.create(header, txn, txn.ephemeral ? header.clientId : 0n);
      case 'createContainer':
        return this.create(header, txn, CONTAINER);
      case 'createTTL':
        return this.create(header, txn, BigInt.asIntN(64, 0xff00_0000_0000_0000n + BigInt(txn.ttl)));
      case 'delete':
        return this.remove(header, txn.path);
      case 'setData':
        return this.setData(header, txn.path, latin1(txn.data), txn.version);
      case 'setACL': {
        const node = this.nodes.get(txn.path);
        if (!node) return Code.NONODE;
        node.acl = txn.acl ?? OPEN;
        node.aversion = txn.version;
        return Code.OK;
      }
      case 'check':
        return Code.OK;
      case 'error':
        return txn.err;
      case 'createSession':
        this.sessions.set(header.clientId, txn.timeOut);
        return Code.OK;
      case 'closeSession': {
        for (const path of txn.paths ?? []) this.remove(header, path);
        for (const [path, node] of [...this.nodes]) if (node.owner === header.clientId) this.remove(header, path);
        this.sessions.delete(header.clientId);
        return Code.OK;
      }
      case 'multi': {
        if (txn.parts.some((part) => part.txn.kind === 'error')) {
          const codes = txn.parts.map((part) => (part.txn.kind === 'error' ? part.txn.err : null));
          const firstAt = codes.findIndex((code) => code !== null);
          const all = codes.map((code, index) => code ?? (index > firstAt ? Code.RUNTIMEINCONSISTENCY : Code.OK));
          return all.find((code) => code !== Code.OK) ?? Code.OK;
        }
        const errors = txn.parts.map((part) => this.run({ ...header, type: part.type }, part.txn));
        return errors.find((err) => err !== Code.OK) ?? Code.OK;
      }
      default:
        return txn satisfies never;
    }
  }

  private tell(type: number, path: string, acl: readonly Acl[]): void {
    this.events.push(`${type} ${path} ${JSON.stringify(acl)}`);
  }

  private bumpParent(parent: ModelNode, cversion: number, zxid: number): void {
    const wanted = cversion === -1 ? parent.cversion + 1 : cversion;
    if (wanted > parent.cversion) Object.assign(parent, { cversion: wanted, pzxid: zxid });
  }

  private create(
    header: TxnHeader,
    txn: { path: string; data: Uint8Array | null; acl: readonly Acl[] | null; parentCVersion: number },
    owner: bigint,
  ): number {
    const { path } = txn;
    if (!path.startsWith('/') || path.endsWith('/')) return Code.BADARGUMENTS;
    const parentPath = join(split(path).slice(0, -1));
    const parent = this.nodes.get(parentPath);
    if (!parent) return Code.NONODE;
    this.bumpParent(parent, txn.parentCVersion, header.zxid);
    const existing = this.nodes.get(path);
    if (existing) {
      existing.acl = txn.acl ?? OPEN;
      return Code.NODEEXISTS;
    }
    const { zxid, time } = header;
    const acl = txn.acl ?? OPEN;
    this.nodes.set(path, {
      ...{ data: latin1(txn.data), acl, czxid: zxid, mzxid: zxid, pzxid: zxid, ctime: time, mtime: time },
      ...{ version: 0, cversion: 0, aversion: 0, owner },
    });
    const statsOf = /^\/zookeeper\/quota(.*)\/zookeeper_stats$/.exec(path)?.[1];
    if (statsOf !== undefined) this.recount(statsOf);
    this.charge(path, 1, txn.data?.length ?? 0);
    this.tell(EventType.nodeCreated, path, acl);
    this.tell(EventType.nodeChildrenChanged, parentPath, parent.acl);
    return Code.OK;
  }

  private remove({ zxid }: TxnHeader, path: string): number {
    const fixed = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'];
    if (fixed.includes(path) || !path.startsWith('/') || path.endsWith('/')) return Code.BADARGUMENTS;
    const parentPath = join(split(path).slice(0, -1));
    const parent = this.nodes.get(parentPath);
    if (!parent) return Code.NONODE;
    parent.pzxid = Math.max(parent.pzxid, zxid);
    const node = this.nodes.get(path);
    if (!node) return Code.NONODE;
    const going = [...this.nodes].filter(([at]) => at === path || at.startsWith(`${path}/`)).reverse();
    for (const [at, gone] of going) {
      this.nodes.delete(at);
      this.charge(at, -1, -(gone.data?.length ?? 0));
    }
    this.tell(EventType.nodeDeleted, path, node.acl);
    this.tell(EventType.nodeChildrenChanged, parentPath, parent.acl);
    return Code.OK;
  }

  private setData({ zxid, time }: TxnHeader, path: string, data: string | null, version: number): number {
    const node = this.nodes.get(path);
    if (!node) return Code.NONODE;
    const grown = (data?.length ?? 0) - (node.data?.length ?? 0);
    Object.assign(node, { data, mzxid: zxid, mtime: time, version });
    this.charge(path, 0, grown);
    this.tell(EventType.nodeDataChanged, path, node.acl);
    return Code.OK;
  }

  private recount(quotaPath: string): void {
    const stats = this.nodes.get(`/zookeeper/quota${quotaPath}/zookeeper_stats`);
    if (!stats) return;
    const below = [...this.nodes].filter(
      ([path]) => quotaPath === '' || path === quotaPath || path.startsWith(`${quotaPath}/`),
    );
    const bytes = below.reduce((sum, [, node]) => sum + (node.data?.length ?? 0), 0);
    stats.data = `count=${below.length},bytes=${bytes}`;
  }

  /** Below the deepest ancestor with limits, or of it. */
  private charge(path: string, count: number, bytes: number): void {
    const names = split(path);
    const ancestors = names.map((_, index) => join(names.slice(0, names.length - index)));
    const quotaPath = ancestors.find((at) => this.nodes.has(`/zookeeper/quota${at}/zookeeper_limits`));
    const stats = quotaPath === undefined ? undefined : this.nodes.get(`/zookeeper/quota${quotaPath}/zookeeper_stats`);
    if (!stats) return;
    const numberOf = (key: string): number =>
      Number(new RegExp(`(?:^|[,;])${key}=([+-]?\\d{1,15})(?:$|[=,;])`).exec(stats.data ?? '')?.[1] ?? -1);
    stats.data = `count=${numberOf('count') + count},bytes=${numberOf('bytes') + bytes}`;
  }
}

/** The tree digest by the book: CRC-32 bit by bit, summed over all nodes outside /zookeeper/. */
export function modelDigest(model: ModelTree): bigint {
  let sum = 0n;
  for (const [path, node] of model.nodes) {
    if (path.startsWith('/zookeeper/')) continue;
    const longs = [node.czxid, node.mzxid, node.pzxid, node.ctime, node.mtime].map((n) => long(BigInt(n)));
    const ints = [node.version, node.cversion, node.aversion].map((n) => long(BigInt(n)).subarray(4));
    const text = Buffer.from(path === '/' ? '' : path, 'utf8');
    const data = Buffer.from(node.data ?? '', 'latin1');
    sum += BigInt(crcByBits(Buffer.concat([text, data, ...longs, ...ints, long(node.owner)])));
  }
  return BigInt.asIntN(64, sum);
}

function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt.asIntN(64, value));
  return bytes;
}

function crcByBits(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}
