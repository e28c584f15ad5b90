/**
 * What the answers alone say about the tree: facts that must fit together whatever happened in between (rule P3 without the
 * committed history).
 *
 * An incarnation of a node is named by its path and czxid. Each answer gives points of it: at this zxid it existed, in this
 * version, with this content. From two such points everything between follows, since a version never comes back and an
 * incarnation never does: it existed at every zxid from its czxid to the last at which it was seen, and a version held from
 * its mzxid to the last zxid at which it was seen. An answer that contradicts an earlier one gives a certificate of two
 * operations (Gibbons and Korach's zones, with the zxid for the clock). Zxids that nobody was told of, because sessions
 * expired or answers were lost, leave gaps, and in a gap nothing is concluded.
 */

import { bytesEqual } from '../../../core/wire/bytes.ts';
import type { Stat } from '../../../core/wire/records.ts';
import type { PropertyId } from '../properties.ts';
import { type HistoryOp, hexOf, nameOf } from './ops.ts';

/** A content of an incarnation, between the zxid that made it and the last at which it was seen. */
interface Held {
  /** The version, or the cversion. */
  readonly number: number;
  readonly madeAt: number;
  /** Undefined while nobody has read it. */
  data: Uint8Array | null | undefined;
  lastSeen: number;
  readonly op: HistoryOp;
  lastOp: HistoryOp;
}

interface Incarnation {
  readonly czxid: number;
  readonly owner: bigint;
  readonly op: HistoryOp;
  lastSeen: number;
  lastOp: HistoryOp;
  contents: Held[];
  children: Held[];
}

interface Absence {
  readonly zxid: number;
  readonly op: HistoryOp;
}

interface PathFacts {
  /** By czxid. */
  incarnations: Incarnation[];
  /** By zxid. */
  absences: Absence[];
}

export type Contradict = (property: PropertyId, message: string, earlier: HistoryOp | null, op: HistoryOp) => void;

export class Facts {
  readonly #paths = new Map<string, PathFacts>();
  readonly #contradict: Contradict;

  constructor(contradict: Contradict) {
    this.#contradict = contradict;
  }

  /** Facts kept, for bounds in tests. */
  get size(): number {
    let size = 0;
    for (const { incarnations, absences } of this.#paths.values()) {
      size += absences.length;
      for (const { contents, children } of incarnations) size += 1 + contents.length + children.length;
    }
    return size;
  }

  /**
   * At `zxid` the node was as the Stat says. `data` is undefined when the answer did not show it. `children`: what is known
   * of the list, null when the Stat may be of the middle of a multi.
   */
  present(
    path: string,
    stat: Stat,
    zxid: number,
    op: HistoryOp,
    data?: Uint8Array | null,
    children: { readonly names?: Uint8Array } | null = {},
  ): void {
    if (stat.czxid > zxid || stat.mzxid > zxid || stat.pzxid > zxid || stat.mzxid < stat.czxid) {
      this.#contradict(
        'read-at-zxid',
        `${nameOf(op)} is answered as of ${hexOf(zxid)} and shows ${path} as of ${hexOf(Math.max(stat.mzxid, stat.pzxid, stat.czxid))}`,
        null,
        op,
      );
      return;
    }
    const facts = this.#factsOf(path);
    const incarnation = this.#incarnationOf(facts, path, stat, zxid, op);
    if (incarnation === null) return;
    if (incarnation.owner !== stat.ephemeralOwner) {
      this.#contradict(
        'ephemeral-lifetime',
        `${nameOf(op)} sees ${path} with another owner than it was created with`,
        incarnation.op,
        op,
      );
    }
    this.#hold(incarnation.contents, path, { number: stat.version, madeAt: stat.mzxid, data }, zxid, op);
    if (children === null) return;
    const list = { number: stat.cversion, madeAt: stat.pzxid, data: children.names };
    this.#hold(incarnation.children, path, list, zxid, op);
  }

  /** At `zxid` the node existed, with this content if it was made at that very zxid by a create whose Stat is not told. */
  created(path: string, zxid: number, owner: bigint, data: Uint8Array | null, op: HistoryOp): void {
    const facts = this.#factsOf(path);
    const incarnation = this.#incarnationOf(facts, path, { czxid: zxid, ephemeralOwner: owner }, zxid, op);
    if (incarnation !== null) this.#hold(incarnation.contents, path, { number: 0, madeAt: zxid, data }, zxid, op);
  }

  /** Somebody may have written this and was never told. Whoever reads data that nobody wrote at all reads out of thin air. */
  isKnown(path: string, stat: Stat): boolean {
    const incarnation = this.#paths.get(path)?.incarnations.find(({ czxid }) => czxid === stat.czxid);
    return incarnation?.contents.some(({ number, data }) => number === stat.version && data !== undefined) ?? false;
  }

  /** At `zxid` there was no such node. */
  absent(path: string, zxid: number, op: HistoryOp): void {
    const facts = this.#factsOf(path);
    const { incarnations, absences } = facts;
    const seen = incarnations.find(({ czxid, lastSeen }) => czxid <= zxid && zxid <= lastSeen);
    if (seen !== undefined) {
      this.#contradict(
        'read-at-zxid',
        `${nameOf(op)} finds no ${path} at ${hexOf(zxid)}; it was created at ${hexOf(seen.czxid)} and still there at ${hexOf(seen.lastSeen)}`,
        seen.czxid === zxid ? seen.op : seen.lastOp,
        op,
      );
    }
    let at = absences.length;
    while (at > 0 && absences[at - 1]!.zxid > zxid) at -= 1;
    if (absences[at - 1]?.zxid !== zxid) absences.splice(at, 0, { zxid, op });
  }

  #factsOf(path: string): PathFacts {
    let facts = this.#paths.get(path);
    if (facts === undefined) {
      facts = { incarnations: [], absences: [] };
      this.#paths.set(path, facts);
    }
    return facts;
  }

  #incarnationOf(
    facts: PathFacts,
    path: string,
    stat: { readonly czxid: number; readonly ephemeralOwner: bigint },
    zxid: number,
    op: HistoryOp,
  ): Incarnation | null {
    const { incarnations, absences } = facts;
    let at = incarnations.length;
    while (at > 0 && incarnations[at - 1]!.czxid > stat.czxid) at -= 1;
    let own = incarnations[at - 1];
    const before = own?.czxid === stat.czxid ? incarnations[at - 2] : own;
    const after = incarnations[at];
    const clash = (earlier: HistoryOp, why: string): null => {
      const message = `${nameOf(op)} sees ${path} of ${hexOf(stat.czxid)} at ${hexOf(zxid)}, but ${why}`;
      this.#contradict('read-at-zxid', message, earlier, op);
      return null;
    };
    if (before !== undefined && before.lastSeen >= stat.czxid) {
      return clash(before.lastOp, `at ${hexOf(before.lastSeen)} it was still the one of ${hexOf(before.czxid)}`);
    }
    if (after !== undefined && after.czxid <= zxid) {
      return clash(after.op, `at ${hexOf(after.czxid)} it was created anew`);
    }
    const gone = absences.find((absence) => absence.zxid >= stat.czxid && absence.zxid <= zxid);
    if (gone !== undefined) return clash(gone.op, `at ${hexOf(gone.zxid)} there was none`);
    if (own?.czxid !== stat.czxid) {
      own = {
        czxid: stat.czxid,
        owner: stat.ephemeralOwner,
        op,
        lastSeen: zxid,
        lastOp: op,
        contents: [],
        children: [],
      };
      incarnations.splice(at, 0, own);
    } else if (own.lastSeen < zxid) {
      own.lastSeen = zxid;
      own.lastOp = op;
    }
    return own;
  }

  #hold(
    held: Held[],
    path: string,
    seen: { readonly number: number; readonly madeAt: number; readonly data: Uint8Array | null | undefined },
    zxid: number,
    op: HistoryOp,
  ): void {
    let at = held.length;
    while (at > 0 && held[at - 1]!.number > seen.number) at -= 1;
    const own = held[at - 1]?.number === seen.number ? held[at - 1] : undefined;
    const before = own === undefined ? held[at - 1] : held[at - 2];
    const after = held[at];
    if (after !== undefined && after.madeAt <= zxid) return this.#reportStale(path, seen.number, after, zxid, op);
    if (before !== undefined && before.lastSeen >= seen.madeAt) {
      const message = `${nameOf(op)} sees version ${seen.number} of ${path} made at ${hexOf(seen.madeAt)}; at ${hexOf(before.lastSeen)} it was still version ${before.number}`;
      return this.#contradict('read-at-zxid', message, before.lastOp, op);
    }
    if (own === undefined) {
      held.splice(at, 0, { ...seen, lastSeen: zxid, op, lastOp: op });
      return;
    }
    const isSame =
      own.madeAt === seen.madeAt &&
      (own.data === undefined || seen.data === undefined || sameBytes(own.data, seen.data));
    if (!isSame) {
      const message = `${nameOf(op)} sees another version ${seen.number} of ${path} than ${nameOf(own.op)} did`;
      return this.#contradict('version-function', message, own.op, op);
    }
    own.data ??= seen.data;
    if (own.lastSeen < zxid) {
      own.lastSeen = zxid;
      own.lastOp = op;
    }
  }

  #reportStale(path: string, number: number, after: Held, zxid: number, op: HistoryOp): void {
    const isOwn = after.op.session !== null && after.op.session === op.session && after.op.zxid === after.madeAt;
    const property = isOwn ? 'read-your-writes' : after.op.call.kind === 'multi' ? 'multi-atomic' : 'read-at-zxid';
    this.#contradict(
      property,
      `${nameOf(op)} sees version ${number} of ${path} at ${hexOf(zxid)}; version ${after.number} was made at ${hexOf(after.madeAt)}`,
      after.op,
      op,
    );
  }

  /**
   * Forgets what no answer at or above the horizon can contradict: all but the last content made at or below it, and
   * incarnations and absences that a later incarnation made at or below it has put an end to.
   */
  prune(horizon: number): void {
    for (const [path, facts] of this.#paths) {
      facts.absences = lastAtOrBelow(facts.absences, horizon, ({ zxid }) => zxid);
      facts.incarnations = lastAtOrBelow(facts.incarnations, horizon, ({ czxid }) => czxid);
      for (const incarnation of facts.incarnations) {
        incarnation.contents = lastAtOrBelow(incarnation.contents, horizon, ({ madeAt }) => madeAt);
        incarnation.children = lastAtOrBelow(incarnation.children, horizon, ({ madeAt }) => madeAt);
      }
      const gone = facts.absences.at(-1);
      const last = facts.incarnations.at(-1);
      const isOver = gone !== undefined && gone.zxid <= horizon && (last === undefined || last.lastSeen < gone.zxid);
      if (isOver && (last === undefined || last.czxid < gone.zxid)) {
        facts.incarnations = [];
        facts.absences = [gone];
      }
      if (facts.incarnations.length === 0 && (facts.absences.at(-1)?.zxid ?? 0) < horizon) this.#paths.delete(path);
    }
  }
}

function lastAtOrBelow<T>(entries: T[], horizon: number, zxidOf: (entry: T) => number): T[] {
  let keep = 0;
  while (keep + 1 < entries.length && zxidOf(entries[keep + 1]!) <= horizon) keep += 1;
  return keep === 0 ? entries : entries.slice(keep);
}

function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : bytesEqual(a, b);
}
