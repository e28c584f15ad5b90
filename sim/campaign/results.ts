/**
 * What a campaign found, as a set of rows: one a seed. Merging is the union of the sets, so it does not matter who merges what
 * with what, in which order or how often; and the same rows are the same file, byte for byte. Nothing in a row depends on the
 * machine: a seed of which two machines tell different things is a finding of its own, the worst there is. Both rows stay, so
 * every file that was ever merged with this one says it again.
 *
 * The rows `died` and `timeout` are the exception, for they speak of a machine: any other row of the seed takes their place,
 * and of several the first in the alphabet stays. (Union above, a least element below: the join is still one of a lattice.)
 *
 * The file is JSON Lines: the canaries that were flown at each commit, then for each campaign (commit, profile, options) a
 * head and its rows by seed.
 *
 * ```
 * {"format":1,"commit":"4f1c…","canary":"first-ack-commits","seed":"1"}
 * {"format":1,"commit":"4f1c…","profile":"default","options":{}}
 * ["1","ok","cfe8a9736c93c591",17893,26712000,"zab.sync.diff zab.uptodate …"]
 * ["77","safety","…",2940,7914000,"…",{"property":"leadership-2","role":"leader","reason":"","message":"…"}]
 * ```
 */

import type { RunOptions } from '../schedule.ts';
import type { Profile } from '../swarm.ts';
import type { SeedResult, SeedVerdict } from './seed.ts';

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
  readonly verdict: SeedVerdict;
  readonly hash: string;
  readonly events: number;
  readonly virtualUs: number;
  /** The notes that were left, sorted, with a space between them. */
  readonly marks: string;
  /** The first promise that was broken. */
  readonly failure: Failure | null;
}

/** A seed of which there are two rows. */
export interface Conflict {
  readonly key: CampaignKey;
  readonly seed: string;
}

/** A mistake that was put into the core to see whether it is found: by which seed it was, or null. */
export interface Flown {
  readonly id: string;
  readonly seed: string | null;
}

/** Rows that say what a machine could not do. */
const OF_THE_MACHINE: ReadonlySet<SeedVerdict> = new Set(['died', 'timeout']);
export const isOfTheMachine = ({ verdict }: SeedRow): boolean => OF_THE_MACHINE.has(verdict);

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
  /** By the head of their campaign as text, then by seed: one row, or those that contradict each other, by their lines. */
  readonly #campaigns = new Map<string, Map<string, readonly SeedRow[]>>();
  /** By commit, then by canary: the seeds that found it, the worst of what was told. */
  readonly #flown = new Map<string, Map<string, string | null>>();

  add(key: CampaignKey, row: SeedRow): void {
    this.#add(headOf(key), row);
  }

  #add(campaign: string, row: SeedRow): void {
    const rows = this.#campaigns.get(campaign) ?? new Map<string, readonly SeedRow[]>();
    this.#campaigns.set(campaign, rows);
    const known = rows.get(row.seed);
    rows.set(row.seed, known === undefined ? [row] : joined([...known, row]));
  }

  /** That a canary was not found outweighs that it was. */
  addFlown(commit: string, { id, seed }: Flown): void {
    const flown = this.#flown.get(commit) ?? new Map<string, string | null>();
    this.#flown.set(commit, flown);
    const known = flown.get(id);
    if (known === undefined || seed === null || (known !== null && Number(seed) > Number(known))) flown.set(id, seed);
  }

  /** Null when none was flown. */
  flownAt(commit: string): readonly Flown[] | null {
    const flown = this.#flown.get(commit);
    return flown === undefined ? null : [...flown].sort().map(([id, seed]) => ({ id, seed }));
  }

  merge(other: Results): void {
    for (const [campaign, rows] of other.#campaigns)
      for (const all of rows.values()) for (const row of all) this.#add(campaign, row);
    for (const [commit, flown] of other.#flown) for (const [id, seed] of flown) this.addFlown(commit, { id, seed });
  }

  /** Seeds for which two different rows came. */
  get conflicts(): readonly Conflict[] {
    return [...this.#campaigns.keys()].sort().flatMap((campaign) => {
      const twice = [...this.#campaigns.get(campaign)!].filter(([, rows]) => rows.length > 1);
      return twice.map(([seed]) => ({ key: keyOfHead(campaign), seed })).sort(bySeed);
    });
  }

  /** Seeds. */
  get size(): number {
    let sum = 0;
    for (const rows of this.#campaigns.values()) sum += rows.size;
    return sum;
  }

  has(key: CampaignKey, seed: string): boolean {
    return this.#campaigns.get(headOf(key))?.has(seed) ?? false;
  }

  campaigns(): readonly { readonly key: CampaignKey; readonly rows: readonly SeedRow[] }[] {
    return [...this.#campaigns.keys()].sort().map((campaign) => ({
      key: keyOfHead(campaign),
      rows: [...this.#campaigns.get(campaign)!.values()].sort(([a], [b]) => bySeed(a!, b!)).flat(),
    }));
  }

  /** Rows of all campaigns. */
  *rows(): Generator<SeedRow> {
    for (const rows of this.#campaigns.values()) for (const all of rows.values()) yield* all;
  }

  toText(): string {
    const lines: string[] = [];
    for (const commit of [...this.#flown.keys()].sort())
      for (const { id, seed } of this.flownAt(commit)!)
        lines.push(JSON.stringify({ format: RESULTS_FORMAT, commit, canary: id, seed }));
    for (const { key, rows } of this.campaigns()) lines.push(headOf(key), ...rows.map(lineOf));
    return lines.map((line) => `${line}\n`).join('');
  }
}

/** The least that says all of these. */
function joined(rows: readonly SeedRow[]): readonly SeedRow[] {
  const byLine = new Map(rows.map((row) => [lineOf(row), row]));
  const sorted = [...byLine.keys()].sort().map((line) => byLine.get(line)!);
  const sound = sorted.filter((row) => !isOfTheMachine(row));
  return sound.length > 0 ? sound : sorted.slice(0, 1);
}

/** @throws Error naming the line that is none. */
export function readResults(text: string): Results {
  const results = new Results();
  let key: CampaignKey | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const json = parseLine(line, index);
    if (!Array.isArray(json)) {
      const flown = flownOf(json);
      if (flown === null) key = keyOfHead(line);
      else results.addFlown(flown.commit, flown);
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

/** Null for a line that tells of no canary. */
function flownOf(json: unknown): (Flown & { readonly commit: string }) | null {
  if (json === null || typeof json !== 'object' || !('canary' in json)) return null;
  const { canary, commit, seed } = json as Readonly<Record<string, unknown>>;
  if (typeof canary !== 'string' || typeof commit !== 'string') return null;
  return { id: canary, commit, seed: typeof seed === 'string' ? seed : null };
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
    verdict: verdict as SeedVerdict,
    hash: hash as string,
    events: events as number,
    virtualUs: virtualUs as number,
    marks: marks as string,
    failure: (failure as Failure | undefined) ?? null,
  };
}

/** As numbers where they are numbers. */
const bySeed = (a: { readonly seed: string }, b: { readonly seed: string }): number =>
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
