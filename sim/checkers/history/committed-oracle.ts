/** Answers held against the committed transactions: every one of them is decided exactly. */

import { Perm, type SessionId } from '../../../core/types.ts';
import { Code } from '../../../core/wire/opcodes.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import type { PropertyId } from '../properties.ts';
import { callText } from './conflict.ts';
import { isEpochStart, type JudgeContext, type Judged, type Oracle } from './judge.ts';
import { pathOfCreate, whyIllegal, whyIllegalMulti } from './legal.ts';
import { type Commit, errorOf, isServersOwn, parentPath, statOf, type VersionedTree } from './model.ts';
import { type HistoryOp, hexOf, type Link, nameOf, type Party } from './ops.ts';
import { differingField, sameBytes, type Wrong, whyWrong } from './reads.ts';
import type { AnswerRecord } from './record.ts';
import { mayDo } from './rights.ts';

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

  #whyIllegal({ op, zxid, record }: Judged, commit: Commit): string | null {
    const { call, ids } = op;
    const asked = { before: this.#tree.viewAt(zxid - 1), ids };
    switch (call.kind) {
      case 'create':
      case 'create2':
      case 'createContainer':
      case 'createTTL':
      case 'delete':
      case 'setData':
      case 'setACL': {
        this.#context.decided('P1');
        const why = whyIllegal(asked, call, record.err);
        if (why !== null || record.err !== Code.OK) return why;
        const path = 'flags' in call ? pathOfCreate(call, asked.before) : call.path;
        return this.#whyOtherResult(path ?? call.path, record, zxid) ?? whyOtherTxn(commit.txn, path, call);
      }
      case 'multi':
        this.#context.decided('P7');
        if (record.body?.kind !== 'multi') return record.err === Code.OK ? 'it has no results' : null;
        return whyIllegalMulti(asked, call.ops, record.body.results, zxid);
      case 'reconfig': {
        this.#context.decided('P1');
        const acl = asked.before.get(CONFIG_PATH)?.acl ?? [];
        return record.err === Code.OK && mayDo(ids, acl, Perm.WRITE) === 'no'
          ? `${CONFIG_PATH} is not its to write`
          : null;
      }
      default:
        return null;
    }
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
    const wrong = whyWrong({ tree: this.#tree, zxid, ids, session }, call, record.err, record.body);
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

/** What a reconfiguration writes. */
const CONFIG_PATH = '/zookeeper/config';

/** The refusal is a transaction of the session; what was refused before it was ordered is none. */
function isRefusalIn(commit: Commit | null, session: SessionId, { err, body }: AnswerRecord): boolean {
  if (commit === null || commit.session !== session) return false;
  // The answer to a multi says which operation failed; whether rightly so is judged.
  const code = errorOf(commit.txn);
  return body?.kind === 'multi' ? code !== Code.OK && commit.txn.kind === 'multi' : code === err;
}

/** The transaction behind an acknowledgement must be what was asked for. */
function whyOtherTxn(txn: Txn, path: string | null, call: HistoryOp['call']): string | null {
  if (!('path' in txn) || txn.path !== path) return `its transaction is a ${txn.kind} of something else`;
  const asked = 'data' in call ? call.data : null;
  return 'data' in txn && !sameBytes(txn.data, asked) ? 'its transaction writes other data' : null;
}
