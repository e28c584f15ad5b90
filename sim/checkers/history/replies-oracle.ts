/** Answers held against each other, when nobody has looked inside: every contradiction it finds is one. */

import type { Call, CallBody, CallResult, MultiCall } from '../../../core/client/calls.ts';
import { Code, CreateMode } from '../../../core/wire/opcodes.ts';
import type { Stat } from '../../../core/wire/records.ts';
import { utf8Encode } from '../../../core/wire/utf8.ts';
import { Facts } from './facts.ts';
import type { JudgeContext, Judged, Oracle } from './judge.ts';
import { isSequential } from './legal.ts';
import { isServersOwn, parentPath } from './model.ts';
import { type HistoryOp, hexOf, nameOf } from './ops.ts';
import { sameBytes } from './reads.ts';

/** Data that may have been written: by an open request, or by one whose outcome nobody knows. */
interface Candidate {
  readonly path: string;
  readonly data: Uint8Array;
  readonly op: HistoryOp;
}

/** Requests of unknown outcome that are remembered; beyond, data read out of thin air goes unnoticed. */
const CANDIDATES_MAX = 8192;

export class RepliesOracle implements Oracle {
  readonly #context: JudgeContext;
  readonly #facts: Facts;
  /** By path; below a parent the names of sequential nodes are not known beforehand. */
  readonly #candidates = new Map<string, Candidate[]>();
  #candidateCount = 0;
  #forgot = false;
  /** Parents that somebody asked to delete: their numbers may begin anew. */
  readonly #doomed = new Set<string>();

  constructor(context: JudgeContext) {
    this.#context = context;
    this.#facts = new Facts((property, message, earlier, op) => {
      context.report(
        property,
        message,
        earlier === null ? [op] : [earlier, op],
        earlier === null ? [] : [[0, 1, 'value', 'contradicts']],
      );
    });
  }

  get size(): number {
    return this.#facts.size + this.#candidateCount;
  }

  prune(horizon: number): void {
    this.#facts.prune(horizon);
  }

  parentKey(path: string, zxid: number): string {
    const above = parentPath(path);
    return this.#doomed.has(above) ? `${above} ${zxid}` : above;
  }

  /** Requests that were refused before they were ordered carry the zxid of the server's state. */
  isOrdered({ record: { err } }: Judged): boolean {
    return err === Code.OK || ORDERED_REFUSALS.has(err);
  }

  // --- what may have been written ------------------------------------------------------------------------------------

  onInvoke(op: HistoryOp): void {
    for (const write of writesOf(op.call)) {
      if (write.kind === 'delete') this.#doomed.add(write.path);
      const data = 'data' in write ? write.data : null;
      if (data === null || data.length === 0) continue;
      const path = 'flags' in write && isSequential(write.flags) ? `${parentPath(write.path)}/*` : write.path;
      const candidates = this.#candidates.get(path) ?? [];
      candidates.push({ path, data, op });
      this.#candidates.set(path, candidates);
      this.#candidateCount += 1;
    }
    if (this.#candidateCount > CANDIDATES_MAX) {
      this.#candidates.clear();
      this.#candidateCount = 0;
      this.#forgot = true;
    }
  }

  /** It may have happened or not: what it would have written stays possible. */
  onUnknown(): void {}

  /** Nobody knows of transactions here. */
  onUntold(): void {}

  mayBeForbidden(): boolean {
    return true;
  }

  #settle(op: HistoryOp): void {
    for (const write of writesOf(op.call)) {
      const path = 'flags' in write && isSequential(write.flags) ? `${parentPath(write.path)}/*` : write.path;
      const left = this.#candidates.get(path)?.filter((candidate) => candidate.op !== op);
      if (left === undefined) continue;
      this.#candidateCount -= this.#candidates.get(path)!.length - left.length;
      if (left.length === 0) this.#candidates.delete(path);
      else this.#candidates.set(path, left);
    }
  }

  // --- answers -------------------------------------------------------------------------------------------------------

  onUpdate({ op, zxid, record }: Judged): void {
    const { call } = op;
    this.#settle(op);
    if (call.kind === 'multi') {
      this.#context.decided('P7');
      if (record.err === Code.OK && record.body?.kind === 'multi')
        this.#onMulti(op, zxid, call.ops, record.body.results);
      return;
    }
    if (call.kind === 'reconfig' || !('path' in call) || isServersOwn(call.path)) return;
    this.#context.decided('P1');
    if (record.err === Code.OK) this.#onDone(op, zxid, call as MultiCall, record.body, {});
    else if (record.err === Code.NONODE && !('flags' in call)) this.#facts.absent(call.path, zxid, op);
  }

  /** Only what the last operation on a path has left can be seen. */
  #onMulti(op: HistoryOp, zxid: number, ops: readonly MultiCall[], results: readonly CallResult[]): void {
    const last = new Map<string, number>();
    for (const [index, part] of ops.entries()) {
      const result = results[index];
      if (part.kind !== 'check') last.set(result !== undefined && 'path' in result ? result.path : part.path, index);
    }
    for (const index of last.values()) {
      const result = results[index];
      if (result === undefined || result.kind === 'error' || result.kind === 'getData') continue;
      this.#onDone(op, zxid, ops[index]!, result, null);
    }
  }

  #onDone(
    op: HistoryOp,
    zxid: number,
    part: MultiCall,
    body: CallBody | CallResult | null,
    children: object | null,
  ): void {
    const path = body !== null && 'path' in body ? body.path : part.path;
    if (isServersOwn(path)) return;
    const stat = body !== null && 'stat' in body ? body.stat : null;
    const data = 'data' in part ? part.data : undefined;
    if (part.kind === 'delete') this.#facts.absent(path, zxid, op);
    else if (stat !== null) this.#facts.present(path, stat, zxid, op, data, children);
    else if ('flags' in part) {
      const isEphemeral = part.flags === CreateMode.ephemeral || part.flags === CreateMode.ephemeralSequential;
      this.#facts.created(path, zxid, isEphemeral ? (op.session ?? 0n) : 0n, part.data, op);
    }
  }

  onRead({ op, zxid, record }: Judged): void {
    const { call } = op;
    const { err, body } = record;
    if (call.kind === 'multiRead') {
      if (body?.kind !== 'multiRead') return;
      for (const [index, { path }] of call.ops.entries()) {
        const result = body.results[index];
        if (result?.kind === 'getData') this.#onShown(op, path, zxid, result.stat, result);
        else if (result?.kind === 'error' && result.err === Code.NONODE) this.#onAbsent(op, path, zxid);
      }
      return;
    }
    if (!('path' in call) || isServersOwn(call.path)) return;
    const stat = body !== null && 'stat' in body ? body.stat : null;
    if (stat !== null) this.#onShown(op, call.path === '' ? '/' : call.path, zxid, stat, body);
    else if (err === Code.NONODE && READS_A_NODE.has(call.kind)) this.#onAbsent(op, call.path, zxid);
  }

  #onAbsent(op: HistoryOp, path: string, zxid: number): void {
    if (isServersOwn(path)) return;
    this.#context.decided('P3');
    this.#facts.absent(path, zxid, op);
  }

  #onShown(op: HistoryOp, path: string, zxid: number, stat: Stat, body: CallBody | null): void {
    if (isServersOwn(path)) return;
    this.#context.decided('P3');
    if (stat.ephemeralOwner !== 0n) this.#context.decided('P8');
    const data = body?.kind === 'getData' ? body.data : undefined;
    if (data != null && data.length > 0) this.#checkWritten(op, path, zxid, stat, data);
    const names = body?.kind === 'getChildren2' ? utf8Encode([...body.children].sort().join('\n')) : undefined;
    this.#facts.present(path, stat, zxid, op, data, names === undefined ? {} : { names });
  }

  /** Data that nobody wrote, and the write of unknown outcome whose data it is. */
  #checkWritten(op: HistoryOp, path: string, zxid: number, stat: Stat, data: Uint8Array): void {
    if (this.#forgot || this.#facts.isKnown(path, stat)) return;
    const candidates = [
      ...(this.#candidates.get(path) ?? []),
      ...(this.#candidates.get(`${parentPath(path)}/*`) ?? []),
    ].filter((candidate) => sameBytes(candidate.data, data));
    const [writer] = candidates;
    if (writer === undefined) {
      this.#context.report(
        'read-at-zxid',
        `${nameOf(op)} reads data of ${path} at ${hexOf(zxid)} that nobody wrote`,
        [op],
        [],
      );
    } else if (candidates.length === 1 && stat.mzxid <= writer.op.floor) {
      this.#context.report(
        'write-order',
        `${nameOf(writer.op)} was asked for when ${hexOf(writer.op.floor)} was known, and is read as of ${hexOf(stat.mzxid)}`,
        [writer.op.floorOp ?? writer.op, writer.op, op],
        [
          [0, 1, 'real-time', 'was answered before this was asked for'],
          [1, 2, 'value', 'is read by'],
        ],
      );
    }
  }
}

const READS_A_NODE: ReadonlySet<Call['kind']> = new Set(['exists', 'getData', 'getChildren', 'getChildren2', 'getACL']);

const ORDERED_REFUSALS: ReadonlySet<number> = new Set([Code.NONODE, Code.NODEEXISTS, Code.BADVERSION, Code.NOTEMPTY]);

const writesOf = (call: Call): readonly MultiCall[] => {
  if (call.kind === 'multi') return call.ops;
  return 'data' in call || call.kind === 'delete' ? [call as MultiCall] : [];
};
