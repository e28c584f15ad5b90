/** The end of a campaign: what is said, and the exit code. */

import { plural } from '../text.ts';
import { closingLines, otherLines, Tally, troubleOf } from './progress.ts';
import { type Conflict, headOf, type Results } from './results.ts';
import type { SeedVerdict } from './seed.ts';

export const EXIT = {
  ok: 0,
  usage: 2,
  crash: 127,
  liveness: 128,
  safety: 129,
  nondeterminism: 130,
  broken: 131,
} as const;

export const EXIT_OF: Readonly<Record<SeedVerdict, number>> = {
  ok: EXIT.ok,
  crash: EXIT.crash,
  died: EXIT.crash,
  liveness: EXIT.liveness,
  timeout: EXIT.liveness,
  safety: EXIT.safety,
};

export interface Ending {
  /** Heads of the campaigns that this is about; null: all that there are. What else is in the file is counted and no more. */
  readonly heads: ReadonlySet<string> | null;
  /** Canaries must have been flown. */
  readonly needsCanaries: boolean;
  /** Null where nothing was run. */
  readonly elapsedMs: number | null;
  readonly say: (line: string) => void;
}

/** A closing for each campaign; the worst of their exit codes. Two results of one seed outweigh everything. */
export function closeAll(results: Results, { heads, needsCanaries, elapsedMs, say }: Ending): number {
  const all = results.campaigns();
  const own = heads === null ? all : all.filter(({ key }) => heads.has(headOf(key)));
  let code: number = EXIT.ok;
  for (const { key, rows } of own) {
    const tally = new Tally();
    for (const row of rows) tally.add(row);
    const closing = { key, tally, elapsedMs, flown: results.flownAt(key.commit), needsCanaries };
    for (const line of closingLines(closing)) say(line);
    const failed = Math.max(EXIT.ok, ...tally.failed.map(({ verdict }) => EXIT_OF[verdict]));
    code = Math.max(code, troubleOf(closing).length > 0 ? EXIT.broken : failed);
  }
  if (own.length === 0) {
    say('BROKEN: no seed was run, so nothing is known');
    code = EXIT.broken;
  }
  for (const line of otherLines(all.filter((each) => !own.includes(each)))) say(line);
  const { conflicts } = results;
  for (const line of conflictLines(conflicts)) say(line);
  return conflicts.length > 0 ? EXIT.nondeterminism : code;
}

const CONFLICTS_SHOWN_MAX = 20;

function conflictLines(conflicts: readonly Conflict[]): string[] {
  const lines = conflicts
    .slice(0, CONFLICTS_SHOWN_MAX)
    .map(({ key, seed }) => `NONDETERMINISM: seed ${seed} gave two results at ${key.commit}, profile ${key.profile}`);
  const more = conflicts.length - lines.length;
  return more === 0 ? lines : [...lines, `NONDETERMINISM: ${plural(more, 'more seed')}`];
}
