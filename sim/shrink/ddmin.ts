/**
 * Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input"), with two changes that runs
 * of a distributed system ask for.
 *
 * First it asks whether the end of the list is enough: what breaks a promise is mostly among the last things that happened,
 * and that question takes a handful of runs for a thousand items. Then it removes chunks, halving their size each time it
 * has been through the list, and never goes back to bigger ones: of n items of which k matter this takes about
 * 2k log2(n / k) runs. The classical algorithm begins anew with big chunks after each success, which finds little more when
 * each run costs a second.
 */

/** Whether the failure is still there with these items alone. Each call costs a run; `null`: no run is left. */
export type Probe<T> = (items: readonly T[]) => boolean | null;

export interface DdminOptions {
  /** Ask for the end of the list first. */
  readonly suffixes: boolean;
}

/** The sizes of the ends that are asked for. */
const SUFFIX_GROWTH = 4;

/** A part of `items`, in their order, with which the probe still says yes; no single item can be left out if runs sufficed. */
export function ddmin<T>(
  items: readonly T[],
  probe: Probe<T>,
  options: DdminOptions = { suffixes: true },
): readonly T[] {
  if (items.length === 0) return items;
  const none = probe([]);
  if (none === null) return items;
  if (none) return [];
  const kept = options.suffixes ? shortestEnd(items, probe) : items;
  return withoutChunks(kept, probe);
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

function withoutChunks<T>(items: readonly T[], probe: Probe<T>): readonly T[] {
  let kept = items;
  let size = Math.floor(kept.length / 2);
  while (size >= 1) {
    const before = kept.length;
    // From the front: the earliest items are the least likely to matter.
    for (let at = 0; at < kept.length; ) {
      const rest = [...kept.slice(0, at), ...kept.slice(at + size)];
      // The empty list has been asked for.
      const failed = rest.length === 0 ? false : probe(rest);
      if (failed === null) return kept;
      if (failed) kept = rest;
      else at += size;
    }
    if (size === 1 && kept.length === before) break;
    size = size === 1 ? 1 : Math.floor(size / 2);
  }
  return kept;
}
