/**
 * Delta debugging: the fewest items of a list with which a run still fails.
 *
 * It began as Zeller and Hildebrandt have it ("Simplifying and Isolating Failure-Inducing Input", 2002): chunks in order, half as
 * big each time round. A hundred runs of a distributed system are too few for that where more than a handful of a thousand items
 * matter, so now each item has a probability that it matters, as Wang, Shen, Chen, Xiong and Zhang have it ("Probabilistic
 * Delta Debugging", 2021): taken out next are those of which the most are expected to go, the number taken times the probability
 * that none of them matters. If the run passes, one of them does matter, and Bayes' rule says how much more each is suspected.
 * What was taken out alone and is missed stays, until more has gone: then it is asked for once more. So the size of a chunk follows from what has been seen, and what is known beforehand counts: a
 * power cut matters more often than a slow link, and what happened last more often than what happened first (`weightOf`).
 *
 * Before that it asks whether the end of the list is enough: what breaks a promise is mostly among the last things that happened,
 * and that question takes a handful of runs for a thousand items.
 */

/** Whether the failure is still there with these items alone. Each call costs a run; `null`: no run is left. */
export type Probe<T> = (items: readonly T[]) => boolean | null;

export interface DdminOptions<T> {
  /** Ask for the end of the list first; default true. */
  readonly suffixes?: boolean;
  /** How much more often than others such an item matters; default: as often. */
  readonly weightOf?: (item: T) => number;
  /** What an earlier search that ran out of runs has found out about these items; what this one finds out is added. */
  readonly suspicions?: Map<T, number>;
}

/** The sizes of the ends that are asked for. */
const SUFFIX_GROWTH = 4;
/** So many items are expected to matter before anything is known. */
const EXPECTED = 4;
/** Certain is only what was taken out alone. */
const SUSPICION_MAX = 1 - 1e-6;
/** So likely, items are asked for one by one. */
const REOPENED = 0.6;
/** Of two like items the last of all counts so much more than the first. */
const LATE_RATIO = 3;

/** A part of `items`, in their order, with which the probe still says yes; no single item can be left out if runs sufficed. */
export function ddmin<T>(
  items: readonly T[],
  probe: Probe<T>,
  { suffixes = true, weightOf = () => 1, suspicions = new Map() }: DdminOptions<T> = {},
): readonly T[] {
  if (items.length === 0) return items;
  const none = probe([]);
  if (none === null) return items;
  if (none) return [];
  const kept = suffixes ? shortestEnd(items, probe) : items;
  return withoutUnlikely(suspectsOf(kept, weightOf, suspicions), probe, suspicions);
}

function shortestEnd<T>(items: readonly T[], probe: Probe<T>): readonly T[] {
  for (let size = SUFFIX_GROWTH; size < items.length; size *= SUFFIX_GROWTH) {
    const end = items.slice(items.length - size);
    const failed = probe(end);
    if (failed === null) return items;
    if (failed) return end;
  }
  return items;
}

interface Suspect<T> {
  readonly item: T;
  /** The probability that it matters; 1 is certain. */
  suspicion: number;
  /** How many items were left when it became certain. */
  certainOf: number;
}

function withoutUnlikely<T>(all: readonly Suspect<T>[], probe: Probe<T>, suspicions: Map<T, number>): readonly T[] {
  let suspects = all;
  // The empty list has been asked for.
  while (suspects.length > 1) {
    const taken = worthTaking(suspects);
    if (taken.size === 0) {
      if (reopened(suspects)) continue;
      break;
    }
    if (taken.size === suspects.length) taken.delete(suspects.at(-1)!);
    const rest = suspects.filter((each) => !taken.has(each));
    const failed = probe(rest.map(({ item }) => item));
    if (failed === null) break;
    if (failed) suspects = rest;
    else suspect(taken, suspects.length, suspicions);
  }
  return suspects.map(({ item }) => item);
}

/** What mattered while there was more may matter no more: it is asked again. False when there is no such item. */
function reopened<T>(suspects: readonly Suspect<T>[]): boolean {
  const stale = suspects.filter(({ certainOf }) => certainOf > suspects.length);
  for (const each of stale) each.suspicion = REOPENED;
  return stale.length > 0;
}

function suspectsOf<T>(
  items: readonly T[],
  weightOf: (item: T) => number,
  suspicions: ReadonlyMap<T, number>,
): Suspect<T>[] {
  const weights = items.map((item, index) => weightOf(item) * (1 + ((LATE_RATIO - 1) * index) / items.length));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return items.map((item, index) => ({
    item,
    suspicion: suspicions.get(item) ?? Math.min(0.5, (EXPECTED * weights[index]!) / total),
    certainOf: items.length,
  }));
}

/** Those of which the most are expected to go: the least suspicious ones. Empty when all that is left is certain. */
function worthTaking<T>(suspects: readonly Suspect<T>[]): Set<Suspect<T>> {
  const open = suspects.filter(({ suspicion }) => suspicion < 1).sort((a, b) => a.suspicion - b.suspicion);
  let count = 0;
  let most = 0;
  let noneMatters = 1;
  for (let i = 0; i < open.length; i++) {
    noneMatters *= 1 - open[i]!.suspicion;
    if ((i + 1) * noneMatters <= most) continue;
    most = (i + 1) * noneMatters;
    count = i + 1;
  }
  return new Set(open.slice(0, count));
}

/** One of them matters, among `count` items. */
function suspect<T>(taken: ReadonlySet<Suspect<T>>, count: number, suspicions: Map<T, number>): void {
  let noneMatters = 1;
  for (const { suspicion } of taken) noneMatters *= 1 - suspicion;
  for (const each of taken) {
    each.suspicion = taken.size === 1 ? 1 : Math.min(SUSPICION_MAX, each.suspicion / (1 - noneMatters));
    each.certainOf = count;
    suspicions.set(each.item, each.suspicion);
  }
}
