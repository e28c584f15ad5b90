/**
 * Futures: from which event on a run fails however the dice fall. `sim/shrink/branch.ts` counts; here what it found is read
 * from a file, put in words, and given its place in the picture.
 */

import type { Branches, BranchPoint } from '../../sim/shrink/branch.ts';
import { signatureText } from '../../sim/shrink/signature.ts';
import { duration, instant } from './time.ts';

/** A point with the index of its event, 0 when the trace does not hold it. */
export interface PlacedPoint extends BranchPoint {
  readonly index: number;
}

export interface Futures {
  readonly branches: Branches;
  readonly points: readonly PlacedPoint[];
}

/** What `--branch … --save FILE` wrote; null for any other JSON. */
export function parseBranches(text: string): Branches | null {
  let read: Partial<Branches>;
  try {
    read = JSON.parse(text) as Partial<Branches>;
  } catch {
    return null;
  }
  if (typeof read !== 'object' || read === null || !Array.isArray(read.points) || read.format !== 1) return null;
  const { seed, pattern, failure, inevitable } = read;
  const points = read.points as readonly Partial<BranchPoint>[];
  const isPoint = (point: Partial<BranchPoint> | null | undefined): point is BranchPoint =>
    [point?.event, point?.atUs, point?.failed, point?.runs].every((value) => typeof value === 'number');
  const areFine = points.every(isPoint) && (inevitable === null || isPoint(inevitable));
  if (typeof seed !== 'string' || typeof pattern !== 'string' || failure === undefined || !areFine) return null;
  return {
    format: 1,
    seed,
    pattern,
    failure,
    points: points as readonly BranchPoint[],
    inevitable: inevitable ?? null,
  };
}

/** One sentence: what was counted, and what came out. */
export function sentenceOf({ failure, points, inevitable, pattern }: Branches): string {
  const what = failure === null ? 'a failure of any kind' : signatureText(failure);
  const dice = pattern === '*' ? 'other dice' : `other dice for ${pattern}`;
  if (points.length === 0) return `Nothing was counted yet: how often ${what} comes with ${dice}.`;
  if (inevitable !== null)
    return `From ${instant(inevitable.atUs)} on, ${what} came whatever the dice: in ${inevitable.failed} of ${inevitable.runs} futures from that event, and in all from later ones.`;
  const [first] = points;
  if (points.length === 1)
    return `From ${instant(first!.atUs)} on, with ${dice}, ${what} came in ${first!.failed} of ${first!.runs} futures.`;
  return `With ${dice} from any of these ${points.length} moments on, ${what} never became certain.`;
}

/** How it was just before the turn, and whether it was ever much better. */
export function turnOf({ points, inevitable }: Branches): string | null {
  if (inevitable === null) return null;
  const before = points.filter(({ atUs, event }) => atUs <= inevitable.atUs && event !== inevitable.event).at(-1);
  if (before === undefined) return null;
  const gapUs = inevitable.atUs - before.atUs;
  const when = gapUs === 0 ? 'An event before' : `${duration(gapUs)} before`;
  const saved = `${when}, ${before.runs - before.failed} of ${before.runs} did not fail.`;
  const least = Math.min(...points.map(shareOf));
  return least < LIKELY ? saved : `${saved} It was likely all along: the schedule leads there.`;
}

/** Share of failing futures above which nothing that happens on the way is to blame. */
const LIKELY = 0.6;

export const shareOf = ({ failed, runs }: BranchPoint): number => (runs === 0 ? 0 : failed / runs);
