/** Rule P11: the numbers of sequential nodes below one parent are unique and grow with the zxid. */

import type { Call, CallBody } from '../../../core/client/calls.ts';
import type { JudgeContext } from './judge.ts';
import { isSequential } from './legal.ts';
import { type HistoryOp, hexOf } from './ops.ts';

/** Java's `%010d`. The prefix may end in a dash of its own. */
const SUFFIX_WIDTH = 10;

interface Given {
  readonly zxid: number;
  readonly number: number;
  readonly op: HistoryOp;
}

export class Sequences {
  /** By zxid; several of one multi in the order of its operations. */
  readonly #given = new Map<string, Given[]>();
  readonly #context: JudgeContext;

  constructor(context: JudgeContext) {
    this.#context = context;
  }

  get size(): number {
    let size = 0;
    for (const given of this.#given.values()) size += given.length;
    return size;
  }

  /** `path` was created with a number at the zxid of the operation. `parent` names the incarnation of its parent. */
  add(parent: string, path: string, op: HistoryOp): void {
    const number = Number(path.slice(-SUFFIX_WIDTH));
    const zxid = op.zxid ?? 0;
    const given = this.#given.get(parent) ?? [];
    this.#given.set(parent, given);
    let at = given.length;
    while (at > 0 && given[at - 1]!.zxid > zxid) at -= 1;
    const [before, after] = [given[at - 1], given[at]];
    const clash =
      before !== undefined && before.number >= number
        ? before
        : after !== undefined && after.number <= number
          ? after
          : undefined;
    if (clash !== undefined) {
      this.#context.report(
        'sequence-unique',
        `client ${op.client} was given ${path} at ${hexOf(zxid)}; number ${clash.number} was given at ${hexOf(clash.zxid)}`,
        clash.zxid <= zxid ? [clash.op, op] : [op, clash.op],
        [
          [0, 1, 'zxid', 'comes first'],
          [1, 0, 'value', 'has a number that is not higher'],
        ],
      );
    }
    given.splice(at, 0, { zxid, number, op });
  }

  /** The last number at or below the horizon bounds all that come. */
  prune(horizon: number): void {
    for (const [parent, given] of this.#given) {
      let keep = 0;
      while (keep + 1 < given.length && given[keep + 1]!.zxid <= horizon) keep += 1;
      if (keep > 0) this.#given.set(parent, given.slice(keep));
    }
  }
}

/** The names that the server has made up, in the order of the operations. */
export function createdNames(call: Call, body: CallBody | null): string[] {
  if (body === null) return [];
  if (call.kind === 'multi') {
    if (body.kind !== 'multi') return [];
    const names: string[] = [];
    for (const [index, op] of call.ops.entries()) {
      const result = body.results[index];
      if (result !== undefined && 'path' in result && 'flags' in op && isSequential(op.flags)) names.push(result.path);
    }
    return names;
  }
  return 'flags' in call && isSequential(call.flags) && 'path' in body ? [body.path] : [];
}
