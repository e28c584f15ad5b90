/**
 * What a campaign found, as a set of rows: one a seed. Merging is the union of the sets, so it does not matter who merges what
 * with what, in which order or how often; and the same rows are the same file, byte for byte. Nothing in a row depends on the
 * machine: a row that two machines disagree about is a finding of its own, the worst there is.
 *
 * The file is JSON Lines: for each campaign (commit, profile, options) a head, then its rows by seed.
 *
 * ```
 * {"format":1,"commit":"4f1c…","profile":"default","options":{}}
 * ["1","ok","cfe8a9736c93c591",17893,26712000,"zab.sync.diff zab.uptodate …"]
 * ["77","safety","…",2940,7914000,"…",{"property":"leadership-2","role":"leader","reason":"","message":"…"}]
 * ```
 */

import type { Verdict } from '../runner.ts';
import type { RunOptions } from '../schedule.ts';
import type { Profile } from '../swarm.ts';
import type { SeedResult } from './seed.ts';

export const RESULTS_FORMAT = 1;

export interface CampaignKey {
  readonly commit: string;
  readonly profile: Profile;
  readonly options: Partial<RunOptions>;
}

export interface Failure {
  readonly property: string;
  readonly role: string;
  readonly reason: string;
  readonly message: string;
}

export interface SeedRow {
  readonly seed: string;
  readonly verdict: Verdict;
  readonly hash: string;
  readonly events: number;
  readonly virtualUs: number;
  /** The notes that were left, sorted, with a space between them. */
  readonly marks: string;
  /** The first promise that was broken. */
  readonly failure: Failure | null;
}

export interface Conflict {
  readonly campaign: string;
  readonly seed: string;
}

const MESSAGE_LENGTH_MAX = 300;

export function rowOf({ seed, verdict, hash, events, virtualUs, marks, violations }: SeedResult): SeedRow {
  const first = violations[0];
  const failure =
    first === undefined
      ? null
      : {
          property: first.property,
          role: first.role,
          reason: first.reason,
          message: first.message.slice(0, MESSAGE_LENGTH_MAX),
        };
  return { seed, verdict, hash, events, virtualUs, marks: Object.keys(marks).sort().join(' '), failure };
}

/** Rows of any number of campaigns. */
export class Results {
  /** By the head of their campaign as text, then by seed. */
  readonly #campaigns = new Map<string, Map<string, SeedRow>>();
  /** Seeds for which two different rows came. */
  readonly conflicts: Conflict[] = [];

  add(key: CampaignKey, row: SeedRow): void {
    this.#add(headOf(key), row);
  }

  #add(campaign: string, row: SeedRow): void {
    const rows = this.#campaigns.get(campaign) ?? new Map<string, SeedRow>();
    this.#campaigns.set(campaign, rows);
    const known = rows.get(row.seed);
    if (known === undefined) {
      rows.set(row.seed, row);
      return;
    }
    const [a, b] = [lineOf(known), lineOf(row)];
    if (a === b) return;
    if (!this.conflicts.some((other) => other.campaign === campaign && other.seed === row.seed))
      this.conflicts.push({ campaign, seed: row.seed });
    // Whichever comes first in the alphabet, so that the order of merging still does not matter.
    if (b < a) rows.set(row.seed, row);
  }

  merge(other: Results): void {
    for (const [campaign, rows] of other.#campaigns) for (const row of rows.values()) this.#add(campaign, row);
    for (const conflict of other.conflicts) {
      const isKnown = this.conflicts.some(
        ({ campaign, seed }) => campaign === conflict.campaign && seed === conflict.seed,
      );
      if (!isKnown) this.conflicts.push(conflict);
    }
  }

  get size(): number {
    let sum = 0;
    for (const rows of this.#campaigns.values()) sum += rows.size;
    return sum;
  }

  campaigns(): readonly { readonly key: CampaignKey; readonly rows: readonly SeedRow[] }[] {
    return [...this.#campaigns.keys()].sort().map((campaign) => ({
      key: keyOfHead(campaign),
      rows: [...this.#campaigns.get(campaign)!.values()].sort(bySeed),
    }));
  }

  /** Rows of all campaigns. */
  *rows(): Generator<SeedRow> {
    for (const rows of this.#campaigns.values()) yield* rows.values();
  }

  toText(): string {
    const lines: string[] = [];
    for (const { key, rows } of this.campaigns()) {
      lines.push(headOf(key), ...rows.map(lineOf));
    }
    return lines.map((line) => `${line}\n`).join('');
  }
}

/** @throws Error naming the line that is none. */
export function readResults(text: string): Results {
  const results = new Results();
  let key: CampaignKey | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const json = parseLine(line, index);
    if (!Array.isArray(json)) {
      key = keyOfHead(line);
      continue;
    }
    if (key === null) throw new Error(`line ${index + 1}: a row before any head`);
    results.add(key, rowOfLine(json, index));
  }
  return results;
}

function parseLine(line: string, index: number): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`line ${index + 1} is not JSON`);
  }
}

/** Keys in a fixed order, so that equal campaigns are equal texts. */
export function headOf({ commit, profile, options }: CampaignKey): string {
  const sorted = Object.fromEntries(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify({ format: RESULTS_FORMAT, commit, profile, options: sorted });
}

function keyOfHead(text: string): CampaignKey {
  const head = JSON.parse(text) as CampaignKey & { readonly format?: unknown };
  if (head.format !== RESULTS_FORMAT)
    throw new Error(`results of format ${String(head.format)}, not ${RESULTS_FORMAT}`);
  const { commit, profile, options } = head;
  return { commit, profile, options };
}

export function lineOf({ seed, verdict, hash, events, virtualUs, marks, failure }: SeedRow): string {
  const row: unknown[] = [seed, verdict, hash, events, virtualUs, marks];
  if (failure !== null) row.push(failure);
  return JSON.stringify(row);
}

function rowOfLine(json: readonly unknown[], index: number): SeedRow {
  const [seed, verdict, hash, events, virtualUs, marks, failure] = json;
  const isRow =
    [seed, verdict, hash, marks].every((value) => typeof value === 'string') &&
    [events, virtualUs].every((value) => Number.isSafeInteger(value));
  if (!isRow) throw new Error(`line ${index + 1} is not a row`);
  return {
    seed: seed as string,
    verdict: verdict as Verdict,
    hash: hash as string,
    events: events as number,
    virtualUs: virtualUs as number,
    marks: marks as string,
    failure: (failure as Failure | undefined) ?? null,
  };
}

/** As numbers where they are numbers. */
const bySeed = (a: SeedRow, b: SeedRow): number =>
  Number(a.seed) - Number(b.seed) || (a.seed < b.seed ? -1 : a.seed > b.seed ? 1 : 0);

export interface FailureGroup {
  readonly signature: string;
  readonly count: number;
  /** The smallest, which a person should look at first. */
  readonly seeds: readonly string[];
  readonly message: string;
}

const SEEDS_SHOWN_MAX = 5;

/** Failures by what broke and who broke it, most frequent first. */
export function failuresOf(rows: Iterable<SeedRow>): FailureGroup[] {
  const groups = new Map<string, SeedRow[]>();
  for (const row of rows) {
    if (row.failure === null) continue;
    const { property, role, reason } = row.failure;
    const signature = `${property} (${role}${reason === '' ? '' : `, ${reason}`})`;
    groups.set(signature, [...(groups.get(signature) ?? []), row]);
  }
  return [...groups]
    .map(([signature, failed]) => {
      const sorted = failed.sort(bySeed);
      const seeds = sorted.slice(0, SEEDS_SHOWN_MAX).map(({ seed }) => seed);
      return { signature, count: failed.length, seeds, message: sorted[0]!.failure!.message };
    })
    .sort((a, b) => b.count - a.count || (a.signature < b.signature ? -1 : 1));
}
