/** What a campaign looks like while it runs and when it is over: seeds an hour, failures by signature, marks seen. */

import { plural } from '../text.ts';
import { type MarkReport, REQUIRED_MARKS, reportOf } from './marks.ts';
import { type CampaignKey, type Flown, failuresOf, isOfTheMachine, type SeedRow } from './results.ts';

/** Counts rows as they come; what it knows is a function of the set of rows. */
export class Tally {
  readonly #seenIn = new Map<string, number>();
  readonly #failed: SeedRow[] = [];
  seeds = 0;
  events = 0;
  virtualUs = 0;

  add(row: SeedRow): void {
    this.seeds += 1;
    this.events += row.events;
    this.virtualUs += row.virtualUs;
    if (row.failure !== null) this.#failed.push(row);
    for (const mark of row.marks.split(' ')) this.#seenIn.set(mark, (this.#seenIn.get(mark) ?? 0) + 1);
  }

  get failed(): readonly SeedRow[] {
    return this.#failed;
  }

  marks(): MarkReport {
    return reportOf(this.seeds, this.#seenIn);
  }
}

/** One line that is drawn over and over. */
export function liveLine(
  tally: Tally,
  { elapsedMs, leftMs }: { readonly elapsedMs: number; readonly leftMs: number | null },
): string {
  const { seen } = tally.marks();
  const worst = failuresOf(tally.failed)[0];
  return [
    plural(tally.seeds, 'seed'),
    `${perHour(tally.seeds, elapsedMs)}/h`,
    tally.failed.length === 0 ? 'no failure' : `${tally.failed.length} FAILED, ${worst!.signature} ${worst!.count}x`,
    `marks ${seen}/${REQUIRED_MARKS.length}`,
    ...(leftMs === null ? [] : [`${Math.ceil(leftMs / 60_000)} min left`]),
  ].join(' · ');
}

export const perHour = (seeds: number, elapsedMs: number): string =>
  Math.round((seeds * 3_600_000) / Math.max(1, elapsedMs)).toLocaleString('en-US');

export interface Closing {
  readonly key: CampaignKey;
  readonly tally: Tally;
  /** Null where nothing was run. */
  readonly elapsedMs: number | null;
  /** Null: none were flown at this commit. */
  readonly flown: readonly Flown[] | null;
  readonly needsCanaries: boolean;
}

/** Why the campaign is worth nothing, whatever it found; empty when it is sound. */
export function troubleOf({ key, tally, flown, needsCanaries }: Closing): string[] {
  const trouble: string[] = [];
  if (tally.seeds === 0) trouble.push('BROKEN: no seed was run, so nothing is known');
  if (flown === null && needsCanaries)
    trouble.push(`BROKEN: no canary was flown at ${key.commit}: nobody knows whether mistakes would be found`);
  for (const { id } of flown?.filter(({ seed }) => seed === null) ?? [])
    trouble.push(`BROKEN: the canary ${id} was not found in the seeds that must find it`);
  const { missing, isDue, seeds } = tally.marks();
  if (isDue && isDefault(key))
    for (const mark of missing) trouble.push(`BROKEN: nobody came by ${mark} in ${plural(seeds, 'seed')}`);
  return trouble;
}

const isDefault = ({ profile, options }: CampaignKey): boolean =>
  profile === 'default' && Object.keys(options).length === 0;

export function closingLines(closing: Closing): string[] {
  const { key, tally, elapsedMs, flown } = closing;
  const lines: string[] = [];
  for (const { signature, count, seeds, message } of failuresOf(tally.failed)) {
    lines.push(`${signature}: ${plural(count, 'seed')}, such as ${seeds.join(' ')}`);
    lines.push(`  ${message.split('\n')[0] ?? ''}`);
    lines.push(`  shrink: ${commandOf(key, seeds[0]!)} --shrink`);
  }
  const { seen, missing, isDue } = tally.marks();
  const absent = missing.length === 0 ? '' : `, not yet ${missing.join(' ')}`;
  lines.push(
    `marks      ${seen} of ${REQUIRED_MARKS.length} required${absent}${isDue || missing.length === 0 ? '' : ' (due after 20,000 seeds)'}`,
  );
  lines.push(`canaries   ${flown === null ? 'NONE FLOWN' : flown.map(flownText).join(', ')}`);
  const unended = tally.failed.filter(isOfTheMachine).length;
  if (unended > 0)
    lines.push(
      `unended    ${plural(unended, 'seed')} did not come to an end here: run them elsewhere, with more memory or time`,
    );
  const hours = (tally.virtualUs / 3_600_000_000).toFixed(1);
  const speed = elapsedMs === null ? '' : `, ${perHour(tally.seeds, elapsedMs)} seeds an hour`;
  lines.push(`work       ${tally.events.toLocaleString('en-US')} events, ${hours} virtual hours${speed}`);
  const trouble = troubleOf(closing);
  lines.push(...trouble);
  const passed = trouble.length === 0 ? 'PASSED' : 'BROKEN';
  const verdict = tally.failed.length === 0 ? passed : `FAILED ${tally.failed.length}`;
  lines.push(`${verdict}  seeds=${tally.seeds} commit=${key.commit} profile=${key.profile}`);
  return lines;
}

const flownText = ({ id, seed }: Flown): string => `${id} ${seed === null ? 'NOT FOUND' : `by seed ${seed}`}`;

/** What a results file holds besides the campaign that was run. */
export function otherLines(
  others: readonly { readonly key: CampaignKey; readonly rows: readonly SeedRow[] }[],
): string[] {
  if (others.length === 0) return [];
  const rows = others.flatMap((other) => other.rows);
  const failed = rows.filter(({ failure }) => failure !== null).length;
  const commits = new Set(others.map(({ key }) => key.commit)).size;
  return [
    `also in the file, and not counted: ${plural(rows.length, 'seed')} of ${plural(others.length, 'other campaign')} at ${plural(commits, 'commit')}, ${failed === 0 ? 'none failed' : `${failed} failed`}`,
  ];
}

/** The command that runs one seed of the campaign. */
export function commandOf({ profile, options }: CampaignKey, seed: string): string {
  const words = [`npm run sim -- --seed ${seed}`];
  if (profile !== 'default') words.push(`--profile ${profile}`);
  const { nodes, observers, clients, duration, unrestricted } = options;
  for (const [name, value] of Object.entries({ nodes, observers, clients }))
    if (value !== undefined) words.push(`--${name} ${value}`);
  if (duration !== undefined) words.push(`--duration ${duration}ms`);
  if (unrestricted === true) words.push('--unrestricted');
  return words.join(' ');
}
