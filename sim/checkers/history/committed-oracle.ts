/** Answers held against the committed transactions: every one of them is decided exactly. */

import type { CallResult } from '../../../core/client/calls.ts';
import { Perm, type SessionId, showSession } from '../../../core/types.ts';
import { Code } from '../../../core/wire/opcodes.ts';
import type { PropertyId } from '../properties.ts';
import { callText } from './conflict.ts';
import { isEpochStart, type JudgeContext, type Judged, type Oracle } from './judge.ts';
import { pathOfCreate, whyIllegal, whyIllegalMulti } from './legal.ts';
import { CONFIG_PATH, type Commit, errorOf, isServersOwn, parentPath, statOf, type VersionedTree } from './model.ts';
import { type HistoryOp, hexOf, type Link, nameOf, type Party } from './ops.ts';
import { differingField, type Wrong, whyWrong } from './reads.ts';
import type { AnswerRecord } from './record.ts';
import { mayDo } from './rights.ts';
import { whyOtherTxn } from './same-txn.ts';

export class CommittedOracle implements Oracle {
  readonly #context: JudgeContext;
  readonly #tree: VersionedTree;

  constructor(context: JudgeContext, tree: VersionedTree) {
    this.#context = context;
    this.#tree = tree;
  }

  get size(): number {
    return this.#tree.size;
  }

  onInvoke(): void {}

  onUnknown(): void {}

  parentKey(path: string, zxid: number): string {
    const above = parentPath(path);
    return `${above} ${this.#tree.at(zxid, above)?.czxid ?? 0}`;
  }

  prune(horizon: number): void {
    this.#tree.prune(horizon);
  }

  /** A refusal is an update when the log says so; what was refused before it was ordered tells the state it was refused in. */
  isOrdered({ zxid, session, record, op }: Judged): boolean {
    if (record.err === Code.OK) return true;
    const commit = this.#tree.commit(zxid);
    const earlier = this.#context.updateAt(zxid);
    return isRefusalIn(commit, session, record) && (earlier === null || earlier === op);
  }

  // --- updates -------------------------------------------------------------------------------------------------------

  onUpdate(judged: Judged): void {
    const { op, zxid, record, session } = judged;
    if (zxid - 1 < this.#tree.horizon) return;
    this.#context.decided('P10');
    const commit = this.#tree.commit(zxid);
    if (record.err === Code.OK && (commit === null || commit.session !== session)) {
      return this.#reportForeign(judged, commit);
    }
    if (record.err !== Code.OK && !isRefusalIn(commit, session, record)) {
      this.#checkView(judged);
      return;
    }
    const why = this.#whyIllegal(judged, commit!);
    if (why === null) return;
    const property = op.call.kind === 'multi' ? 'multi-atomic' : 'update-legal';
    this.#context.report(
      property,
      `${nameOf(op)} (${callText(op.call)}) is answered with ${record.err} at ${hexOf(zxid)}, but ${why}`,
      [...this.#cause(judged), op],
      [[0, 1, 'zxid', 'comes directly before']],
    );
  }

  /** Nobody was told of it, so the transaction itself says how it was decided. */
  onUntold(op: HistoryOp, commit: Commit): void {
    const { zxid, txn, session } = commit;
    if (zxid - 1 < this.#tree.horizon) return;
    const err = errorOf(txn);
    const why =
      this.#whyWrongDecision(op, commit, err) ?? (txn.kind === 'multi' ? this.#whyIllegalMulti(op, txn, zxid) : null);
    if (why === null) return;
    this.#context.report(
      op.call.kind === 'multi' ? 'multi-atomic' : 'update-legal',
      `${nameOf(op)} (${callText(op.call)}) of session ${showSession(session)} is decided with ${err} at ${hexOf(zxid)}, but ${why}`,
      [...this.#causeOf(op, zxid), op],
      [],
    );
  }

  #whyIllegalMulti(
    { call, ids }: HistoryOp,
    txn: Extract<Commit['txn'], { kind: 'multi' }>,
    zxid: number,
  ): string | null {
    if (call.kind !== 'multi') return null;
    const hasFailed = errorOf(txn) !== Code.OK;
    const results = txn.parts.map(({ txn: part }): CallResult => {
      if (part.kind === 'error') return { kind: 'error', err: part.err };
      return hasFailed ? { kind: 'error', err: Code.OK } : { kind: 'check' };
    });
    return whyIllegalMulti({ before: this.#tree.viewAt(zxid - 1), ids }, call.ops, results, zxid);
  }

  mayBeForbidden({ call, ids }: HistoryOp, from: number, to: number): boolean {
    const need = needOf(call);
    if (need === null) return false;
    const states = this.#tree.statesBetween(need.path, from, to);
    return states.some((node) => node !== null && mayDo(ids, node.acl, need.perm) !== 'yes');
  }

  #reportForeign({ op, zxid }: Judged, commit: Commit | null): void {
    if (commit === null) {
      this.#context.report(
        'acknowledged-is-committed',
        `client ${op.client} was told of ${hexOf(zxid)}, which nobody committed`,
        [op],
        [],
      );
      return;
    }
    this.#context.report(
      'update-legal',
      `${nameOf(op)} is answered with ${hexOf(zxid)}, which is the transaction of another session`,
      [{ commit, what: commit.txn.kind }, op],
      [[0, 1, 'zxid', 'is another']],
    );
  }

  /** The last thing before the update that concerns its node. */
  #cause({ op, zxid }: Judged): Party[] {
    return this.#causeOf(op, zxid);
  }

  #causeOf(op: HistoryOp, zxid: number): Party[] {
    if (!('path' in op.call)) return [];
    const cause = this.#partyAt(this.#tree.changedAt(zxid - 1, op.call.path), op.call.path);
    return cause === null ? [] : [cause];
  }

  #partyAt(zxid: number, path: string): Party | null {
    const op = this.#context.updateAt(zxid);
    if (op !== null) return op;
    const commit = this.#tree.commit(zxid);
    return commit === null ? null : { commit, what: `${commit.txn.kind} ${path}` };
  }

  #whyIllegal(judged: Judged, commit: Commit): string | null {
    const { op, zxid, record } = judged;
    const { call, ids } = op;
    const why = this.#whyWrongDecision(op, commit, record.err);
    if (why !== null) return why;
    if (call.kind === 'multi') {
      this.#context.decided('P7');
      if (record.body?.kind !== 'multi') return record.err === Code.OK ? 'it has no results' : null;
      return whyIllegalMulti({ before: this.#tree.viewAt(zxid - 1), ids }, call.ops, record.body.results, zxid);
    }
    if (record.err !== Code.OK || !('path' in call)) return null;
    const { txn } = commit;
    const path = 'flags' in call ? pathOfCreate(call, this.#tree.viewAt(zxid - 1)) : call.path;
    if (path !== null && 'path' in txn && txn.path !== path)
      return `its transaction is a ${txn.kind} of something else`;
    return this.#whyOtherResult(path ?? call.path, record, zxid) ?? whyOtherTxn(txn, call, ids);
  }

  /** Why the state before the transaction does not lead to this outcome. Of a multi its operations say it. */
  #whyWrongDecision({ call, ids }: HistoryOp, { zxid, session }: Commit, err: number): string | null {
    const asked = { before: this.#tree.viewAt(zxid - 1), ids };
    if (err === Code.SESSIONEXPIRED && this.#isOpen(session, zxid)) return 'its session is alive';
    switch (call.kind) {
      case 'create':
      case 'create2':
      case 'createContainer':
      case 'createTTL':
      case 'delete':
      case 'setData':
      case 'setACL': {
        this.#context.decided('P1');
        return whyIllegal(asked, call, err);
      }
      case 'reconfig': {
        this.#context.decided('P1');
        const acl = asked.before.get(CONFIG_PATH)?.acl ?? [];
        return err === Code.OK && mayDo(ids, acl, Perm.WRITE) === 'no' ? `${CONFIG_PATH} is not its to write` : null;
      }
      default:
        return null;
    }
  }

  #isOpen(session: SessionId, zxid: number): boolean {
    const life = this.#tree.session(session);
    return life !== null && life.openedAt < zxid && (life.closedAt === null || life.closedAt > zxid);
  }

  #whyOtherResult(path: string, { body }: Judged['record'], zxid: number): string | null {
    if (isServersOwn(path) || body === null) return null;
    if ('path' in body && body.path !== path) return `it creates ${path}, not ${body.path}`;
    const node = this.#tree.at(zxid, path);
    if (!('stat' in body)) return null;
    if (node === null) return `it leaves no ${path}`;
    const field = differingField(body.stat, statOf(node));
    return field === null ? null : `it leaves ${path} with ${field} ${statOf(node)[field]}, not ${body.stat[field]}`;
  }

  // --- reads ---------------------------------------------------------------------------------------------------------

  onRead(judged: Judged): void {
    const { op, zxid, record, session } = judged;
    this.#context.decided('P10');
    if (zxid < this.#tree.horizon || !this.#checkView(judged)) return;
    this.#context.decided('P3');
    this.#countKinds(op, zxid);
    const { ids, call } = op;
    const wrong = whyWrong(
      { tree: this.#tree, zxid, ids, session, isCut: record.isCut === true },
      call,
      record.err,
      record.body,
    );
    if (wrong !== null) this.#reportWrong(judged, wrong);
  }

  /** P10: the state an answer speaks of is committed. */
  #checkView({ op, zxid }: Judged): boolean {
    if (zxid <= this.#tree.last && (this.#tree.commit(zxid) !== null || isEpochStart(zxid))) return true;
    if (zxid <= this.#tree.horizon || isEpochStart(zxid)) return true;
    this.#context.report(
      'no-dirty-view',
      `${nameOf(op)} is answered as of ${hexOf(zxid)}, which nobody has committed`,
      [op],
      [],
    );
    return false;
  }

  #countKinds({ call }: HistoryOp, zxid: number): void {
    if (call.kind === 'getEphemerals') this.#context.decided('P8');
    if (!('path' in call)) return;
    if (this.#tree.at(zxid, call.path)?.kind === 'ephemeral') this.#context.decided('P8');
  }

  #reportWrong({ op, zxid, session }: Judged, wrong: Wrong): void {
    const changedAt = this.#tree.changedAt(zxid, wrong.path);
    const cause = this.#partyAt(changedAt, wrong.path);
    const parties: Party[] = cause === null ? [op] : [cause, op];
    const links: Link[] = cause === null ? [] : [[0, 1, 'value', 'must be seen by']];
    this.#context.report(
      this.#kindOfWrong(wrong, zxid, changedAt, session),
      `${nameOf(op)} (${callText(op.call)}) at ${hexOf(zxid)} ${wrong.says}`,
      parties,
      links,
    );
  }

  /** Which promise it is that is broken: the narrowest that says so. */
  #kindOfWrong(wrong: Wrong, zxid: number, changedAt: number, session: SessionId): PropertyId {
    const { path, shown } = wrong;
    const node = this.#tree.at(zxid, path);
    const before = this.#tree.at(changedAt - 1, path);
    if (shown === null && node?.kind === 'ephemeral') return 'ephemeral-lifetime';
    if (shown != null && shown.ephemeralOwner !== 0n && node?.czxid !== shown.czxid) return 'ephemeral-lifetime';
    if (shown === undefined && (node?.kind ?? before?.kind) === 'ephemeral') return 'ephemeral-lifetime';
    const { txn } = this.#tree.commit(changedAt) ?? { txn: null };
    if (txn?.kind === 'multi' && txn.parts.length > 1 && shown !== undefined) {
      const isOld = before === null ? shown === null : shown !== null && shown.mzxid === before.mzxid;
      if (isOld) return 'multi-atomic';
    }
    const own = this.#context.ownWrite(session, path)?.zxid ?? 0;
    const seen = shown === undefined ? Number.POSITIVE_INFINITY : (shown?.mzxid ?? 0);
    return node !== null && seen < own && own <= node.mzxid ? 'read-your-writes' : 'read-at-zxid';
  }
}

/** The refusal is a transaction of the session; what was refused before it was ordered is none. */
function isRefusalIn(commit: Commit | null, session: SessionId, { err, body }: AnswerRecord): boolean {
  if (commit === null || commit.session !== session) return false;
  // The answer to a multi says which operation failed; whether rightly so is judged.
  const code = errorOf(commit.txn);
  return body?.kind === 'multi' ? code !== Code.OK && commit.txn.kind === 'multi' : code === err;
}

/** What a server may look at before it hands an update on (enableEagerACLCheck). */
function needOf(call: HistoryOp['call']): { readonly path: string; readonly perm: number } | null {
  switch (call.kind) {
    case 'create':
    case 'create2':
      return { path: parentPath(call.path), perm: Perm.CREATE };
    case 'delete':
      return { path: parentPath(call.path), perm: Perm.DELETE };
    case 'setData':
      return { path: call.path, perm: Perm.WRITE };
    case 'setACL':
      return { path: call.path, perm: Perm.ADMIN };
    default:
      return null;
  }
}
