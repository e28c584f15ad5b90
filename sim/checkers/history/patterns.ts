/**
 * Bad patterns of registers, for histories without zxids: one pass, certificates of two to four operations.
 *
 * When every written value is unique, whether a history of one register is linearizable can be told without a search (Gibbons
 * and Korach, "Testing shared memories", 1997; Golab, Li and Shah, 2011). The operations on one value form a cluster: its write
 * and its reads. Let `low` be the earliest answer in the cluster and `high` the latest invocation. If low < high, the register
 * holds the value at least from low to high (a forward zone); otherwise all of the cluster fits into one moment between high
 * and low (a backward zone). The history is linearizable if and only if
 *
 * - nobody reads a value that was not written, or before its write was asked for (future value);
 * - no two forward zones overlap;
 * - no backward zone lies within a forward one.
 *
 * A zone is named by two operations, so a violation is: two to four. A compare-and-set that succeeded is a read of the old and
 * a write of the new value; that nothing comes between the two is only checked where two of them replace the same value, so for
 * compare-and-set a clean pass proves nothing and the search goes on (`search/`). Values that are written twice are left to
 * the search as well, whole key by key.
 */

export type PatternOp = {
  /** Names the operation in messages and certificates. */
  readonly id: number;
  readonly process: number | string;
  readonly key: string;
  readonly invokedAt: number;
  /** Null: nobody knows whether it happened. A request that failed for certain has no effect and is told with `failed`. */
  readonly answeredAt: number | null;
  readonly failed?: boolean;
} & (
  | { readonly kind: 'read'; readonly value: string | null }
  | { readonly kind: 'write'; readonly value: string }
  | { readonly kind: 'cas'; readonly from: string | null; readonly value: string }
);

export type PatternName =
  | 'value-of-nobody'
  | 'value-of-a-failed-write'
  | 'value-from-the-future'
  | 'replaced-twice'
  | 'lost-write'
  | 'stale-read';

export interface Certificate {
  readonly pattern: PatternName;
  readonly key: string;
  readonly says: string;
  /** Ids of the two to four operations, in the order in which they are spoken of. */
  readonly ops: readonly number[];
}

export interface PatternResult {
  readonly certificates: readonly Certificate[];
  /** Keys of which a clean pass proves that they are linearizable. */
  readonly decided: ReadonlySet<string>;
}

/** All certificates found, at most one for each value. `initial` is what a register holds at first. */
export function findPatterns(ops: Iterable<PatternOp>, initial: string | null = null): PatternResult {
  const byKey = new Map<string, PatternOp[]>();
  for (const op of ops) {
    const own = byKey.get(op.key);
    if (own === undefined) byKey.set(op.key, [op]);
    else own.push(op);
  }
  const certificates: Certificate[] = [];
  const decided = new Set<string>();
  for (const [key, own] of byKey) {
    const register = new Register(key, initial, certificates);
    if (register.pass(own)) decided.add(key);
  }
  return { certificates, decided };
}

/** All that was done with one value. */
interface Cluster {
  readonly value: string | null;
  /** Null for the initial value. */
  readonly write: PatternOp | null;
  /** The earliest answer and the latest invocation. */
  low: number;
  lowOp: PatternOp | null;
  high: number;
  highOp: PatternOp | null;
  isRead: boolean;
  replacedBy: PatternOp | null;
}

class Register {
  readonly #key: string;
  readonly #found: Certificate[];
  readonly #clusters = new Map<string | null, Cluster>();
  readonly #failed = new Map<string, PatternOp>();
  #isSimple = true;

  constructor(key: string, initial: string | null, found: Certificate[]) {
    this.#key = key;
    this.#found = found;
    // Written before everything.
    const [low, high] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const first = {
      value: initial,
      write: null,
      low,
      lowOp: null,
      high,
      highOp: null,
      isRead: false,
      replacedBy: null,
    };
    this.#clusters.set(initial, first);
  }

  /** True when a clean pass is a proof. */
  pass(ops: readonly PatternOp[]): boolean {
    for (const op of ops) if (!this.#addWrite(op)) return false;
    const before = this.#found.length;
    for (const op of ops) this.#addRead(op);
    if (this.#found.length === before) this.#compareZones();
    return this.#isSimple;
  }

  /** False when a value is written twice: then nobody can say which write a read saw. */
  #addWrite(op: PatternOp): boolean {
    if (op.kind === 'read') return true;
    if (op.kind === 'cas') this.#isSimple = false;
    if (op.failed === true) {
      if (this.#clusters.has(op.value)) return false;
      this.#failed.set(op.value, op);
      return true;
    }
    if (this.#clusters.has(op.value) || this.#failed.has(op.value)) return false;
    const low = op.answeredAt ?? Number.POSITIVE_INFINITY;
    this.#clusters.set(op.value, {
      value: op.value,
      write: op,
      low,
      lowOp: op,
      high: op.invokedAt,
      highOp: op,
      isRead: false,
      replacedBy: null,
    });
    return true;
  }

  #addRead(op: PatternOp): void {
    if (op.kind === 'write' || op.answeredAt === null || op.failed === true) return;
    const value = op.kind === 'read' ? op.value : op.from;
    const cluster = this.#clusters.get(value);
    if (cluster === undefined) return this.#reportUnwritten(op, value);
    const { write } = cluster;
    if (write !== null && op.answeredAt < write.invokedAt) {
      return this.#report(
        'value-from-the-future',
        `${nameOf(op)} saw ${show(value)} before ${nameOf(write)} asked for it`,
        [write, op],
      );
    }
    cluster.isRead = true;
    if (op.answeredAt < cluster.low) [cluster.low, cluster.lowOp] = [op.answeredAt, op];
    if (op.invokedAt > cluster.high) [cluster.high, cluster.highOp] = [op.invokedAt, op];
    if (op.kind === 'cas') this.#replace(cluster, op);
  }

  #reportUnwritten(op: PatternOp, value: string | null): void {
    const failed = value === null ? undefined : this.#failed.get(value);
    if (failed === undefined)
      this.#report('value-of-nobody', `${nameOf(op)} saw ${show(value)}, which nobody wrote`, [op]);
    else
      this.#report('value-of-a-failed-write', `${nameOf(op)} saw ${show(value)}, but ${nameOf(failed)} failed`, [
        failed,
        op,
      ]);
  }

  /** A value can be taken away only once. */
  #replace(cluster: Cluster, op: PatternOp): void {
    if (cluster.replacedBy === null) cluster.replacedBy = op;
    else {
      const other = cluster.replacedBy;
      this.#report('replaced-twice', `${nameOf(other)} and ${nameOf(op)} both replaced ${show(cluster.value)}`, [
        other,
        op,
      ]);
    }
  }

  /** Sorted by their lower ends, a forward zone needs to be compared with the one that reaches furthest alone. */
  #compareZones(): void {
    const zones = [...this.#clusters.values()]
      .filter(isPlaced)
      .map(zoneOf)
      .sort((a, b) => a.from - b.from);
    let furthest: Zone | null = null;
    for (const zone of zones) {
      if (furthest !== null && zone.isForward && zone.from < furthest.to) this.#reportOverlap(furthest, zone);
      else if (furthest !== null && !zone.isForward && isWithin(zone, furthest)) this.#reportWithin(furthest, zone);
      if (zone.isForward && (furthest === null || zone.to > furthest.to)) furthest = zone;
    }
  }

  /** Each of the two values was there before the other had gone. */
  #reportOverlap(a: Zone, b: Zone): void {
    const [x, y] = [a.cluster, b.cluster];
    const isLost = y.write === y.lowOp && x.highOp?.kind !== 'write';
    this.#report(
      isLost ? 'lost-write' : 'stale-read',
      `${show(x.value)} was there from ${nameOf(x.lowOp)} to ${nameOf(x.highOp)}, and ${show(y.value)} from ${nameOf(y.lowOp)} to ${nameOf(y.highOp)}`,
      [x.lowOp, y.lowOp, x.highOp, y.highOp],
    );
  }

  /** The second value must have come and gone while the first was there all the time. */
  #reportWithin(a: Zone, b: Zone): void {
    const [x, y] = [a.cluster, b.cluster];
    this.#report(
      y.isRead ? 'stale-read' : 'lost-write',
      `${show(x.value)} was there from ${nameOf(x.lowOp)} to ${nameOf(x.highOp)}; ${nameOf(y.highOp)} put ${show(y.value)} in between`,
      [x.lowOp, y.highOp, y.lowOp, x.highOp],
    );
  }

  #report(pattern: PatternName, says: string, ops: readonly (PatternOp | null)[]): void {
    const ids = new Set(ops.filter((op) => op !== null).map(({ id }) => id));
    this.#found.push({ pattern, key: this.#key, says, ops: [...ids] });
  }
}

interface Zone {
  readonly cluster: Cluster;
  readonly from: number;
  readonly to: number;
  readonly isForward: boolean;
}

const zoneOf = (cluster: Cluster): Zone => {
  const { low, high } = cluster;
  return { cluster, from: Math.min(low, high), to: Math.max(low, high), isForward: low < high };
};

/** What is answered at the very moment in which another is asked for has no order with it. */
const isWithin = (inner: Zone, outer: Zone): boolean => inner.from > outer.from && inner.to < outer.to;

/** A write of unknown outcome that nobody saw need not have happened; an initial value that nobody saw lies before all. */
const isPlaced = ({ write, isRead }: Cluster): boolean => isRead || (write !== null && write.answeredAt !== null);

const show = (value: string | null): string => (value === null ? 'nothing' : JSON.stringify(value));
const nameOf = (op: PatternOp | null): string => (op === null ? 'the beginning' : `#${op.id}`);
