/** What a campaign looks like while it runs and when it is over: seeds an hour, failures by signature, marks seen. */

import { plural } from '../text.ts';
import type { CanaryResult } from './canaries.ts';
import { type MarkReport, REQUIRED_MARKS, reportOf } from './marks.ts';
import { type CampaignKey, type Conflict, failuresOf, type SeedRow } from './results.ts';

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
  readonly elapsedMs: number;
  /** Null: none were flown. */
  readonly canaries: readonly CanaryResult[] | null;
  readonly conflicts: readonly Conflict[];
}

/** Why the campaign is worth nothing, whatever it found; empty when it is sound. */
export function troubleOf({ key, tally, canaries, conflicts }: Closing): string[] {
  const trouble: string[] = [];
  for (const { canary, seeds } of canaries?.filter(({ seed }) => seed === null) ?? [])
    trouble.push(`BROKEN: the canary ${canary.id} (${canary.says}) was not found in ${plural(seeds, 'seed')}`);
  for (const { seed } of conflicts) trouble.push(`BROKEN: seed ${seed} gave two results for one commit`);
  const { missing, isDue, seeds } = tally.marks();
  if (isDue && isDefault(key))
    for (const mark of missing) trouble.push(`BROKEN: nobody came by ${mark} in ${plural(seeds, 'seed')}`);
  return trouble;
}

const isDefault = ({ profile, options }: CampaignKey): boolean =>
  profile === 'default' && Object.keys(options).length === 0;

export function closingLines(closing: Closing): string[] {
  const { key, tally, elapsedMs, canaries } = closing;
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
  if (canaries !== null) {
    const said = canaries.map(({ canary, seed }) => `${canary.id} ${seed === null ? 'NOT FOUND' : `by seed ${seed}`}`);
    lines.push(`canaries   ${said.join(', ')}`);
  }
  const hours = (tally.virtualUs / 3_600_000_000).toFixed(1);
  lines.push(
    `work       ${tally.events.toLocaleString('en-US')} events, ${hours} virtual hours, ${perHour(tally.seeds, elapsedMs)} seeds an hour`,
  );
  lines.push(...troubleOf(closing));
  const verdict = tally.failed.length === 0 ? 'PASSED' : `FAILED ${tally.failed.length}`;
  lines.push(`${verdict}  seeds=${tally.seeds} commit=${key.commit} profile=${key.profile}`);
  return lines;
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
