/**
 * What clients of an ensemble asked and were told (`record.ts`), as operations on single znodes, for a search that knows nothing of
 * zxids: an opinion independent of the layer that judges by them.
 *
 * Writes are linearizable, reads are not, but a read that follows a `sync` in its session sees at least what was there when
 * the sync was asked for. So such a read becomes an operation that begins with the sync and ends with its answer; other
 * reads are left out. The parts of a `multi` take effect at one moment, so each of them alone does between the same two.
 *
 * Transactions of no session, before those of any, tell of a past: the nodes that it leaves are given. A history without
 * is taken to begin with an empty tree. Transactions behind that are not looked at: they are another layer's business.
 *
 * Left out are the root, which nobody creates, nodes that go away by themselves (ephemeral, container, TTL) and names that nobody was told (a sequential
 * create of unknown outcome): for them more happens than was asked. So is what tells nothing about the node: a missing
 * parent, a refused permission.
 */

import type { Call, CallBody, CallResult, MultiCall } from '../../../../core/client/calls.ts';
import { CreateMode } from '../../../../core/wire/opcodes.ts';
import type { Txn } from '../../../../core/wire/txn.ts';
import { bytesText } from '../../../text.ts';
import type { AnswerRecord, HistoryRecord } from '../record.ts';
import type { Operation, OperationOutcome, Plain } from '../search/operation.ts';
import { ERRORS_TOLD, type ZnodeError } from '../search/znode.ts';

interface Asked {
  readonly at: number;
  readonly client: number;
  readonly call: Call;
}

/** An operation whose ends are records. */
interface Draft {
  readonly client: number;
  readonly f: string;
  readonly key: string;
  readonly value: Plain;
  readonly outcome: OperationOutcome;
  readonly result: Plain;
  readonly from: number;
  readonly until: number;
}

/** A node as it was before the history. */
interface Given {
  readonly data: Plain;
  readonly version: number;
}

const NOBODY = 0;
const NO_SESSION = 0n;
/** Before the first record. */
const BEFORE = -1;

interface Synced {
  readonly at: number;
  readonly session: bigint | null;
}

export function znodeOperations(records: readonly HistoryRecord[]): Operation[] {
  const reader = new Reader();
  records.forEach((record, at) => {
    reader.read(record, at);
  });
  return reader.operations();
}

class Reader {
  readonly #asked = new Map<string, Asked>();
  readonly #drafts: Draft[] = [];
  /** The last sync of each client that was answered, by when it was asked for. */
  readonly #synced = new Map<number, Synced>();
  readonly #untracked = new Set<string>(['/']);
  readonly #untrackedPrefixes: string[] = ['/zookeeper'];
  readonly #given = new Map<string, Given>();
  #isPast = true;

  read(record: HistoryRecord, at: number): void {
    if (record.type === 'commit') {
      this.#isPast &&= record.session === NO_SESSION;
      if (this.#isPast) this.#onPast(record.txn);
      return;
    }
    switch (record.type) {
      case 'invoke':
        this.#asked.set(`${record.client}/${record.id}`, { at, client: record.client, call: record.call });
        this.#leaveOutCreated(record.call);
        return;
      case 'ok':
      case 'fail':
      case 'info':
        this.#onAnswer(record, at);
        return;
      case 'restart':
        this.#synced.delete(record.client);
        return;
      case 'watch':
      case 'sent':
      case 'state':
      case 'identity':
        return;
      default:
        record satisfies never;
    }
  }

  operations(): Operation[] {
    for (const asked of this.#asked.values()) this.#unknown(asked);
    const given = [...this.#given].map(([key, { data, version }]): Draft => {
      const nobody = { client: NOBODY, key, outcome: 'ok', result: null } as const;
      return { ...nobody, f: 'given', value: [data, version], from: BEFORE, until: BEFORE };
    });
    const drafts = [...given, ...this.#drafts].filter(({ key }) => this.#isTracked(key));
    drafts.sort((a, b) => a.from - b.from);
    return placed(drafts);
  }

  /** What a transaction of the past leaves of the nodes that the search looks at. */
  #onPast(txn: Txn): void {
    switch (txn.kind) {
      case 'create':
        this.#given.set(txn.path, { data: dataText(txn.data), version: 0 });
        return;
      case 'setData':
        this.#given.set(txn.path, { data: dataText(txn.data), version: txn.version });
        return;
      case 'delete':
        this.#given.delete(txn.path);
        return;
      case 'multi':
        for (const each of txn.parts) this.#onPast(each.txn);
        return;
      default:
        // Of a node that goes away by itself, `#leaveOutCreated` would have heard.
        return;
    }
  }

  #onAnswer(answer: AnswerRecord, at: number): void {
    const name = `${answer.client}/${answer.id}`;
    const asked = this.#asked.get(name);
    if (asked === undefined) return;
    this.#asked.delete(name);
    if (answer.type === 'info') this.#unknown(asked);
    else if (answer.zxid >= 0) this.#answered(asked, answer, at);
  }

  #unknown(asked: Asked): void {
    for (const call of partsOf(asked.call)) {
      const write = writeOf(call);
      if (write === null) continue;
      if (isCreate(call) && isSequential(call)) this.#untrackedPrefixes.push(call.path);
      this.#add(asked, { ...write, outcome: 'info', result: null }, Number.POSITIVE_INFINITY);
    }
  }

  #answered(asked: Asked, answer: AnswerRecord, at: number): void {
    const { call } = asked;
    if (call.kind === 'sync') {
      if (answer.type === 'ok') this.#synced.set(asked.client, { at: asked.at, session: answer.session });
      return;
    }
    if (call.kind === 'getData' || call.kind === 'exists') {
      this.#onRead(asked, call, answer, at);
      return;
    }
    if (call.kind === 'multi') {
      if (answer.body?.kind === 'multi') this.#onMulti(asked, call.ops, answer.body.results, at);
      return;
    }
    const write = writeOf(call);
    if (write === null) return;
    const result = answer.type === 'ok' ? bodyResult(answer.body) : errorResult(answer.err);
    const key = answer.body?.kind === 'create' || answer.body?.kind === 'create2' ? answer.body.path : write.key;
    if (result !== undefined) this.#add(asked, { ...write, key, outcome: 'ok', result }, at);
  }

  #onRead(asked: Asked, call: Call & { readonly path: string }, answer: AnswerRecord, at: number): void {
    const synced = this.#synced.get(asked.client);
    if (synced === undefined || synced.session !== answer.session || synced.at > asked.at) return;
    const result = answer.type === 'ok' ? bodyResult(answer.body) : errorResult(answer.err);
    if (result === undefined) return;
    this.#add({ ...asked, at: synced.at }, { f: call.kind, key: call.path, value: null, outcome: 'ok', result }, at);
  }

  #onMulti(asked: Asked, ops: readonly MultiCall[], results: readonly CallResult[], at: number): void {
    if (results.some(({ kind }) => kind === 'error')) return;
    ops.forEach((op, index) => {
      const write = writeOf(op);
      const given = results[index];
      if (write === null || given === undefined) return;
      const key = given.kind === 'create' || given.kind === 'create2' ? given.path : write.key;
      this.#add(asked, { ...write, key, outcome: 'ok', result: resultOf(given) }, at);
    });
  }

  #add(asked: Asked, told: Pick<Draft, 'f' | 'key' | 'value' | 'outcome' | 'result'>, until: number): void {
    this.#drafts.push({ client: asked.client, ...told, from: asked.at, until });
  }

  #leaveOutCreated(call: Call): void {
    for (const part of partsOf(call)) {
      if (!isCreate(part)) continue;
      const lasts = part.flags === CreateMode.persistent || part.flags === CreateMode.persistentSequential;
      if (lasts) continue;
      if (isSequential(part)) this.#untrackedPrefixes.push(part.path);
      else this.#untracked.add(part.path);
    }
  }

  #isTracked(path: string): boolean {
    return !this.#untracked.has(path) && !this.#untrackedPrefixes.some((prefix) => path.startsWith(prefix));
  }
}

type PartCall = Call | MultiCall;
type CreateLike = Extract<PartCall, { readonly flags: number }>;

const partsOf = (call: Call): readonly PartCall[] => (call.kind === 'multi' ? call.ops : [call]);
const isCreate = (call: PartCall): call is CreateLike => 'flags' in call;
const isSequential = ({ flags }: CreateLike): boolean =>
  flags === CreateMode.persistentSequential ||
  flags === CreateMode.ephemeralSequential ||
  flags === CreateMode.persistentSequentialTtl;

const dataText = (data: Uint8Array | null): Plain => (data === null ? null : bytesText(data));

function writeOf(call: PartCall): Pick<Draft, 'f' | 'key' | 'value'> | null {
  switch (call.kind) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return { f: 'create', key: call.path, value: dataText(call.data) };
    case 'delete':
    case 'check':
      return { f: call.kind, key: call.path, value: call.version };
    case 'setData':
      return { f: 'setData', key: call.path, value: [dataText(call.data), call.version] };
    default:
      return null;
  }
}

/** Undefined when it tells nothing about the node. */
function bodyResult(body: CallBody | null): Plain | undefined {
  if (body === null) return null;
  switch (body.kind) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return null;
    case 'setData':
    case 'exists':
      return body.stat.version;
    case 'getData':
      return [dataText(body.data), body.stat.version];
    default:
      return undefined;
  }
}

const resultOf = (given: CallResult): Plain => (given.kind === 'setData' ? given.stat.version : null);

function errorResult(err: number): { readonly error: ZnodeError } | undefined {
  const error = ERRORS_TOLD.get(err);
  return error === undefined ? undefined : { error };
}

/** Gives every end a position of its own, in the order of the records, and every operation a process of its own lane. */
function placed(drafts: readonly Draft[]): Operation[] {
  const ends = drafts.flatMap(({ from, until }, draft) => [
    { draft, at: from, isEnd: false },
    { draft, at: until, isEnd: true },
  ]);
  ends.sort((a, b) => a.at - b.at || Number(a.isEnd) - Number(b.isEnd) || a.draft - b.draft || 0);
  const from = new Array<number>(drafts.length).fill(0);
  const until = new Array<number>(drafts.length).fill(Number.POSITIVE_INFINITY);
  let position = 0;
  for (const { draft, at, isEnd } of ends) {
    if (!isEnd) from[draft] = position++;
    else if (at !== Number.POSITIVE_INFINITY) until[draft] = position++;
  }
  const order = drafts.map((_, draft) => draft).sort((a, b) => from[a]! - from[b]!);
  const lanes = new Lanes();
  return order.map((draft, id) => {
    const { client, f, key, value, outcome, result } = drafts[draft]!;
    return {
      id,
      process: lanes.of(client, from[draft]!, until[draft]!),
      f,
      key,
      value,
      outcome,
      result,
      error: null,
      invokedAt: from[draft]!,
      respondedAt: until[draft]!,
    };
  });
}

/** A client that asks before it is answered is several processes, each of which waits. Who was never answered asks no more. */
class Lanes {
  /** Of each client, when its processes are free again. */
  readonly #freeAt = new Map<number, number[]>();

  of(client: number, from: number, until: number): string {
    const lanes = this.#freeAt.get(client) ?? [];
    this.#freeAt.set(client, lanes);
    const free = lanes.findIndex((at) => at < from);
    const lane = free < 0 ? lanes.length : free;
    lanes[lane] = until;
    const name = client === NOBODY ? 'before' : `c${client}`;
    return lane === 0 ? name : `${name}/${lane + 1}`;
  }
}
