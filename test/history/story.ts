/**
 * Histories written by hand: a story says what was committed and what clients were told, and by default every answer is the
 * right one, so that a test shows exactly the one thing that is wrong.
 */

import type { Call, CallBody, CallResult, MultiCall } from '../../core/client/calls.ts';
import { type Acl, asSession, type Id, OPEN_ACL, type SessionId } from '../../core/types.ts';
import { Code, CreateMode } from '../../core/wire/opcodes.ts';
import type { Stat } from '../../core/wire/records.ts';
import type { Txn } from '../../core/wire/txn.ts';
import { utf8Encode } from '../../core/wire/utf8.ts';
import type { Conflict } from '../../sim/checkers/history/conflict.ts';
import { Judge, type JudgeOptions } from '../../sim/checkers/history/judge.ts';
import { parentPath, statOf, VersionedTree } from '../../sim/checkers/history/model.ts';
import type { HistoryRecord } from '../../sim/checkers/history/record.ts';
import type { Decided } from '../../sim/checkers/history/rules.ts';
import type { PropertyId } from '../../sim/checkers/properties.ts';

export interface Found {
  readonly property: PropertyId;
  readonly message: string;
  readonly conflict: Conflict | undefined;
}

export const bytes = (text: string): Uint8Array => utf8Encode(text);
export const sessionOf = (client: number): SessionId => asSession(0x100n * BigInt(client));

/** What of a right answer is to be wrong. */
interface Lie {
  readonly zxid?: number;
  readonly err?: number;
  readonly body?: CallBody | null;
  readonly stat?: Partial<Stat>;
}

export class Story {
  readonly records: HistoryRecord[] = [];
  readonly #tree = new VersionedTree(() => {});
  #ids = 0;
  #zxid = 0x1_0000_0000;
  #atUs = 0;

  /** The zxid of the last transaction. */
  get now(): number {
    return this.#zxid;
  }

  /** A client with a session of its own. */
  open(client: number, ids: readonly Id[] = [{ scheme: 'ip', id: '10.0.4.1' }]): void {
    const session = sessionOf(client);
    this.identity(client, ids);
    this.commit({ kind: 'createSession', timeOut: 4000 }, session);
    this.state(client, 'syncConnected');
  }

  identity(client: number, ids: readonly Id[]): void {
    this.push({ type: 'identity', client, atUs: this.#tick(), ids });
  }

  state(client: number, state: 'syncConnected' | 'disconnected' | 'expired' | 'closed'): void {
    this.push({ type: 'state', client, atUs: this.#tick(), session: sessionOf(client), state });
  }

  restart(client: number, session: SessionId | null): void {
    this.push({ type: 'restart', client, atUs: this.#tick(), session });
  }

  push(record: HistoryRecord): void {
    this.records.push(record);
  }

  #tick(): number {
    this.#atUs += 10;
    return this.#atUs;
  }

  /** The request leaves for a server under this number; null is the goodbye. */
  sent(client: number, id: number | null, xid: number): void {
    this.push({ type: 'sent', client, id, atUs: this.#tick(), session: sessionOf(client), xid });
  }

  /** A transaction more; its zxid. */
  commit(txn: Txn, session: SessionId = sessionOf(1), cxid = 0, op = 0): number {
    this.#zxid += 1;
    const record = {
      type: 'commit' as const,
      atUs: this.#tick(),
      zxid: this.#zxid,
      session,
      cxid,
      time: 1000 + this.#atUs,
      op,
      txn,
    };
    this.#tree.apply(record);
    this.push(record);
    return this.#zxid;
  }

  ask(client: number, call: Call): number {
    this.#ids += 1;
    this.push({ type: 'invoke', client, id: this.#ids, atUs: this.#tick(), call });
    return this.#ids;
  }

  answer(client: number, id: number, answer: { zxid: number; err?: number; body?: CallBody | null }): void {
    const { zxid, err = Code.OK, body = null } = answer;
    const type = err === Code.OK ? 'ok' : zxid < 0 ? 'info' : 'fail';
    this.push({ type, client, id, atUs: this.#tick(), session: sessionOf(client), err, zxid, body });
  }

  /** An update from the request to the answer, committed in between unless it is refused before. */
  update(client: number, call: Call, lie: Lie = {}): number {
    const id = this.ask(client, call);
    const err = lie.err ?? Code.OK;
    const zxid = this.commit(
      err === Code.OK || call.kind === 'multi' ? this.txnOf(call, err) : { kind: 'error', err },
      sessionOf(client),
    );
    const body = lie.body === undefined ? (err === Code.OK ? this.bodyOf(call, zxid) : null) : lie.body;
    this.answer(client, id, { zxid: lie.zxid ?? zxid, err, body: withStat(body, lie.stat) });
    return zxid;
  }

  create(client: number, path: string, data: string, lie: Lie & { acl?: readonly Acl[]; flags?: number } = {}): number {
    const { acl = OPEN_ACL, flags = 0 } = lie;
    return this.update(client, { kind: 'create2', path, data: bytes(data), acl, flags }, lie);
  }

  set(client: number, path: string, data: string, lie: Lie & { version?: number } = {}): number {
    return this.update(client, { kind: 'setData', path, data: bytes(data), version: lie.version ?? -1 }, lie);
  }

  remove(client: number, path: string, lie: Lie = {}): number {
    return this.update(client, { kind: 'delete', path, version: -1 }, lie);
  }

  /** A read of the state at `zxid`, by default the newest. */
  read(client: number, call: Call, lie: Lie = {}): void {
    const id = this.ask(client, call);
    this.answerRead(client, id, call, lie);
  }

  answerRead(client: number, id: number, call: Call, lie: Lie = {}): void {
    const zxid = lie.zxid ?? this.#zxid;
    const right = this.resultOf(call, zxid);
    const err = lie.err ?? right.err;
    const body = lie.body === undefined ? right.body : lie.body;
    this.answer(client, id, { zxid, err, body: err === Code.OK ? withStat(body, lie.stat) : null });
  }

  get(client: number, path: string, lie: Lie & { watch?: boolean } = {}): void {
    this.read(client, { kind: 'getData', path, watch: lie.watch ?? false }, lie);
  }

  sync(client: number, path = '/'): void {
    const id = this.ask(client, { kind: 'sync', path });
    this.answer(client, id, { zxid: this.#zxid, body: { kind: 'sync', path } });
  }

  event(client: number, type: number, path: string, zxid = this.#zxid, heard = true): void {
    this.push({
      type: 'watch',
      client,
      atUs: this.#tick(),
      session: sessionOf(client),
      path,
      event: type,
      zxid,
      heard,
    });
  }

  /** What the tree was, for a lie about it. */
  statAt(path: string, zxid = this.#zxid): Stat {
    const node = this.#tree.at(zxid, path);
    if (node === null) throw new Error(`no ${path}`);
    return statOf(node);
  }

  // --- right answers ---

  txnOf(call: Call, err: number): Txn {
    switch (call.kind) {
      case 'create':
      case 'create2': {
        const path = this.#pathOf(call);
        const parent = this.#tree.get(parentPath(path));
        return {
          kind: 'create',
          path,
          data: call.data,
          acl: call.acl,
          ephemeral: call.flags === CreateMode.ephemeral || call.flags === CreateMode.ephemeralSequential,
          parentCVersion: (parent?.creates ?? 0) + 1,
        };
      }
      case 'delete':
        return { kind: 'delete', path: call.path };
      case 'setData':
        return {
          kind: 'setData',
          path: call.path,
          data: call.data,
          version: (this.#tree.get(call.path)?.version ?? 0) + 1,
        };
      case 'setACL':
        return {
          kind: 'setACL',
          path: call.path,
          acl: call.acl,
          version: (this.#tree.get(call.path)?.aversion ?? 0) + 1,
        };
      case 'multi':
        return {
          kind: 'multi',
          parts: call.ops.map((op) => ({
            type: 1,
            txn: err === Code.OK ? this.txnOf(op as Call, 0) : { kind: 'error', err },
          })),
        };
      default:
        throw new Error(`no transaction of ${call.kind}`);
    }
  }

  #pathOf(call: { path: string; flags: number }): string {
    if (call.flags !== CreateMode.persistentSequential && call.flags !== CreateMode.ephemeralSequential)
      return call.path;
    return call.path + String(this.#tree.get(parentPath(call.path))?.creates ?? 0).padStart(10, '0');
  }

  bodyOf(call: Call, zxid: number): CallBody | null {
    switch (call.kind) {
      case 'create2': {
        const txn = this.#tree.commit(zxid)!.txn;
        const path = 'path' in txn ? txn.path : call.path;
        const node = this.#tree.at(zxid, path);
        return node === null ? null : { kind: 'create2', path, stat: statOf(node) };
      }
      case 'setData':
      case 'setACL':
        return { kind: call.kind, stat: this.statAt(call.path, zxid) };
      case 'multi':
        return { kind: 'multi', results: call.ops.map((op) => this.#partOf(op, zxid)) };
      default:
        return null;
    }
  }

  #partOf(op: MultiCall, zxid: number): CallResult {
    switch (op.kind) {
      case 'setData':
        return { kind: 'setData', stat: this.statAt(op.path, zxid) };
      case 'create':
      case 'create2':
        return { kind: 'create', path: op.path };
      case 'delete':
      case 'check':
        return { kind: op.kind };
      default:
        throw new Error(`no result of ${op.kind}`);
    }
  }

  resultOf(call: Call, zxid: number): { err: number; body: CallBody | null } {
    if (!('path' in call)) return { err: Code.OK, body: null };
    const node = this.#tree.at(zxid, call.path);
    if (call.kind === 'addWatch' || call.kind === 'removeWatches') return { err: Code.OK, body: null };
    if (node === null) return { err: Code.NONODE, body: null };
    const stat = statOf(node);
    const children = [...this.#tree.childrenAt(zxid, call.path)];
    switch (call.kind) {
      case 'getData':
        return { err: Code.OK, body: { kind: 'getData', data: node.data, stat } };
      case 'exists':
        return { err: Code.OK, body: { kind: 'exists', stat } };
      case 'getChildren2':
        return { err: Code.OK, body: { kind: 'getChildren2', children, stat } };
      case 'getChildren':
        return { err: Code.OK, body: { kind: 'getChildren', children } };
      default:
        return { err: Code.OK, body: null };
    }
  }

  judge(options: Partial<JudgeOptions> = {}): { found: Found[]; ids: PropertyId[]; decided: Decided } {
    const found: Found[] = [];
    const judge = new Judge({ oracle: 'committed', ...options }, (property, message, where = {}) => {
      found.push({ property, message, conflict: where.conflict });
    });
    for (const record of this.records) judge.onRecord(record);
    judge.atEnd();
    return { found, ids: found.map(({ property }) => property), decided: judge.decided };
  }
}

function withStat(body: CallBody | null, stat: Partial<Stat> | undefined): CallBody | null {
  return stat === undefined || body === null || !('stat' in body) ? body : { ...body, stat: { ...body.stat, ...stat } };
}
