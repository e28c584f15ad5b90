/** Levels of detail: how many marks fall into each bin of time, at every zoom, so that a million cost no more than a screen. */

import type { Densities, HostId, Pyramid, TimeRange } from './api.ts';
import { MESSAGE_GROUPS } from './api.ts';
import { lowerBound, upperBound } from './columns.ts';
import type { Store } from './store.ts';

/** Bins of the finest level. On a wide screen a bin is still finer than a pixel at sixteen times magnification. */
export const BINS = 32_768;
export const LINK_BINS = 8192;
/** Pairs of hosts that get a density of their own. */
const LINKS_MAX = 256;

/** Position in `counts` where a level begins; level 0 is the finest. */
export function levelOffset(bins: number, level: number): number {
  let offset = 0;
  for (let l = 0; l < level; l++) offset += bins >> l;
  return offset;
}

/** Fills the coarser levels of `counts` from the finest. */
export function pyramidOf(finest: Uint32Array): Pyramid {
  const bins = finest.length;
  const levels = Math.log2(bins) + 1;
  const counts = new Uint32Array(2 * bins - 1);
  counts.set(finest);
  let from = 0;
  let to = bins;
  for (let size = bins >> 1; size >= 1; size >>= 1) {
    for (let i = 0; i < size; i++) counts[to + i] = counts[from + 2 * i]! + counts[from + 2 * i + 1]!;
    from = to;
    to += size;
  }
  return { bins, levels, counts };
}

/** Which bin of `bins` equal ones over [beginUs, endUs] a time falls into. */
export function binOf(timeUs: number, range: TimeRange, bins: number): number {
  const width = range.toUs - range.fromUs;
  if (width <= 0) return 0;
  return Math.min(bins - 1, Math.max(0, Math.floor(((timeUs - range.fromUs) / width) * bins)));
}

export function densitiesOf(store: Store, lanes: readonly HostId[]): Densities {
  const range = { fromUs: 0, toUs: store.endUs };
  const laneOf = new Map(lanes.map((host, lane) => [host, lane]));
  const byLane = lanes.map(() => new Uint32Array(BINS));
  const { events, messages } = store;
  for (let row = 0; row < store.count; row++) {
    const lane = laneOf.get(events.host.get(row));
    if (lane !== undefined) byLane[lane]![binOf(events.timeUs.get(row), range, BINS)]!++;
  }
  const byGroup = MESSAGE_GROUPS.map(() => new Uint32Array(BINS));
  const byLink = new Map<number, Uint32Array>();
  for (let row = 0; row < messages.uid.length; row++) {
    const sentUs = messages.sentUs.get(row);
    byGroup[messages.group.get(row)]![binOf(sentUs, range, BINS)]!++;
    const key = messages.from.get(row) * 0x1_0000 + messages.to.get(row);
    let link = byLink.get(key);
    if (link === undefined) {
      if (byLink.size >= LINKS_MAX) continue;
      link = new Uint32Array(LINK_BINS);
      byLink.set(key, link);
    }
    link[binOf(sentUs, range, LINK_BINS)]!++;
  }
  return {
    beginUs: range.fromUs,
    endUs: range.toUs,
    lanes: byLane.map(pyramidOf),
    groups: byGroup.map(pyramidOf),
    links: [...byLink].map(([key, finest]) => ({
      from: Math.floor(key / 0x1_0000),
      to: key % 0x1_0000,
      pyramid: pyramidOf(finest),
    })),
  };
}

/** Exact counts over a part of the run, for a zoom that the pyramid is too coarse for. */
export function densityOf(
  store: Store,
  lanes: readonly HostId[],
  range: TimeRange,
  bins: number,
): { readonly lanes: Uint32Array[]; readonly groups: Uint32Array[] } {
  const laneOf = new Map(lanes.map((host, lane) => [host, lane]));
  const byLane = lanes.map(() => new Uint32Array(bins));
  const byGroup = MESSAGE_GROUPS.map(() => new Uint32Array(bins));
  const { events, messages } = store;
  const times = events.timeUs.view();
  const to = upperBound(times, range.toUs);
  for (let row = lowerBound(times, range.fromUs); row < to; row++) {
    const lane = laneOf.get(events.host.get(row));
    if (lane !== undefined) byLane[lane]![binOf(times[row]!, range, bins)]!++;
  }
  const sent = messages.sentUs.view();
  const end = upperBound(sent, range.toUs);
  for (let row = lowerBound(sent, range.fromUs); row < end; row++) {
    byGroup[messages.group.get(row)]![binOf(sent[row]!, range, bins)]!++;
  }
  return { lanes: byLane, groups: byGroup };
}
