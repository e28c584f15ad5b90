/**
 * Where the CPU time goes, by area of the source: V8's sampling profiler over a piece of work, each sample put to the file
 * whose function was running. The bundler leaves a comment with the path before each file it puts into the bundle, which
 * is all that is needed to find it again. What runs inside the engine for a function (a look-up in a Map, a copy) counts as
 * that function's; garbage collection is told apart, compiling happens on other threads and is not seen.
 */

import { readFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector';

const SAMPLE_EVERY_US = 250;

export interface Share {
  readonly name: string;
  /** Of all samples, 0 to 1. */
  readonly share: number;
}

export interface Breakdown {
  readonly areas: readonly Share[];
  readonly files: readonly Share[];
}

const AREAS: readonly (readonly [prefix: string, area: string])[] = [
  ['core/wire/', 'core/wire'],
  ['core/storage/', 'core/storage'],
  ['core/tree/', 'core/tree'],
  ['core/compress/', 'core/compress'],
  ['core/client/', 'core/client'],
  ['core/', 'core, the rest'],
  ['sim/world/', 'world'],
  ['sim/checkers/history/', 'checkers of histories'],
  ['sim/checkers/', 'checkers of steps'],
  ['sim/', 'workload, faults, runner'],
];

/** Profiles the work. Must be called from the bundle it is to explain. */
export function breakdownOf(work: () => void): Breakdown {
  const profile = profileOf(work);
  const owners = ownersOf(import.meta.url);
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const byFile = new Map<string, number>();
  const deltas = profile.timeDeltas ?? [];
  (profile.samples ?? []).forEach((id, index) => {
    const frame = nodes.get(id)?.callFrame;
    if (frame === undefined || frame.functionName === '(idle)' || isOfProfiler(frame)) return;
    const file = frame.url === import.meta.url ? (owners[frame.lineNumber] ?? 'other') : engineOf(frame.functionName);
    byFile.set(file, (byFile.get(file) ?? 0) + (deltas[index] ?? 0));
  });
  const byArea = new Map<string, number>();
  for (const [file, time] of byFile) byArea.set(areaOf(file), (byArea.get(areaOf(file)) ?? 0) + time);
  return { areas: sharesOf(byArea), files: sharesOf(byFile) };
}

function profileOf(work: () => void): Profiler.Profile {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US });
  session.post('Profiler.start');
  work();
  let taken: Profiler.Profile | null = null;
  session.post('Profiler.stop', (error, { profile }) => {
    if (error !== null) throw error;
    taken = profile;
  });
  session.disconnect();
  if (taken === null) throw new Error('the profiler gave no profile');
  return taken;
}

/** Answering its own questions. */
const isOfProfiler = (frame: { readonly functionName: string; readonly url: string }): boolean =>
  frame.url.startsWith('node:') || (frame.functionName === 'dispatch' && frame.url === '');

/** For each line of the bundle the file it comes from. */
function ownersOf(url: string): string[] {
  const lines = readFileSync(new URL(url), 'utf8').split('\n');
  let owner = 'other';
  return lines.map((line) => {
    owner = /^\/\/ (\S+\.(?:ts|mjs|js))$/.exec(line)?.[1] ?? owner;
    return owner;
  });
}

const engineOf = (functionName: string): string => (functionName === '(garbage collector)' ? 'garbage' : 'other');

function areaOf(file: string): string {
  if (file === 'garbage') return 'garbage collection';
  return AREAS.find(([prefix]) => file.startsWith(prefix))?.[1] ?? 'other';
}

function sharesOf(times: ReadonlyMap<string, number>): Share[] {
  const total = [...times.values()].reduce((a, b) => a + b, 0);
  return [...times].map(([name, time]) => ({ name, share: time / total })).sort((a, b) => b.share - a.share);
}
