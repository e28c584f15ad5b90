/** What hunts came to, as a table: medians and worst starts, nothing rounded up. */

import type { Profile } from '../../sim/swarm.ts';
import type { Start } from './hunt.ts';

/** The hunts of one mutant. */
export interface Entry {
  readonly id: string;
  readonly rows: readonly string[];
  readonly profile: Profile;
  /** `all` checks, or only what a client can see. */
  readonly judge: 'all' | 'client-only';
  readonly commit: string;
  readonly starts: readonly Start[];
}

export interface Line {
  readonly id: string;
  readonly rows: string;
  /** `yes`, `12 of 20`, `no`. */
  readonly found: string;
  readonly property: string;
  readonly runs: string;
  readonly events: string;
  readonly cpuSeconds: string;
  readonly faults: string;
  readonly profile: string;
}

export function lineOf(entry: Entry): Line {
  const { starts } = entry;
  const found = starts.filter((start) => start.found);
  return {
    id: entry.id,
    rows: entry.rows.join(' '),
    found: found.length === 0 ? 'no' : `${found.length} of ${starts.length}`,
    property: propertiesOf(found),
    runs: spread(starts, (start) => start.runs, String),
    events: spread(starts, (start) => start.events, String),
    cpuSeconds: spread(starts, (start) => start.cpuMs / 1000, seconds),
    faults: faultsOf(found),
    profile: entry.profile,
  };
}

/** Operations in the schedules that show it; of the one that was shrunk, before and after. */
function faultsOf(found: readonly Start[]): string {
  const shrunk = found.find(({ faultsLeft }) => faultsLeft !== null);
  if (shrunk !== undefined) return `${shrunk.faults} → ${shrunk.faultsLeft}`;
  return found.length === 0 ? '' : String(median(found.map(({ faults }) => faults)));
}

/** The properties that fired, the most frequent first. */
function propertiesOf(found: readonly Start[]): string {
  const counts = new Map<string, number>();
  for (const { property } of found) if (property !== null) counts.set(property, (counts.get(property) ?? 0) + 1);
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([name]) => name)
    .join(', ');
}

/** `median / worst`. A start that did not find it counts with what it spent, and makes the number a lower bound. */
function spread(starts: readonly Start[], of: (start: Start) => number, show: (value: number) => string): string {
  const sorted = [...starts].sort((a, b) => of(a) - of(b));
  const last = sorted.at(-1);
  if (last === undefined) return '';
  const middle = medianStart(sorted);
  const bound = (start: Start): string => `${start.found ? '' : '> '}${show(of(start))}`;
  return `${bound(middle)} / ${bound(starts.some((start) => !start.found) ? { ...last, found: false } : last)}`;
}

const medianStart = <T>(sorted: readonly T[]): T => sorted[Math.floor(sorted.length / 2)]!;
export const median = (values: readonly number[]): number => medianStart([...values].sort((a, b) => a - b));

const seconds = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

const COLUMNS: readonly { readonly key: keyof Line; readonly title: string; readonly isNumber?: true }[] = [
  { key: 'rows', title: 'row' },
  { key: 'id', title: 'mutation' },
  { key: 'found', title: 'found' },
  { key: 'property', title: 'property' },
  { key: 'runs', title: 'runs', isNumber: true },
  { key: 'events', title: 'events', isNumber: true },
  { key: 'cpuSeconds', title: 'CPU s', isNumber: true },
  { key: 'faults', title: 'faults', isNumber: true },
  { key: 'profile', title: 'profile' },
];

/** For terminals. */
export function formatLine(line: Line): string {
  const { id, rows, found, property, runs, cpuSeconds, faults, profile } = line;
  return [
    rows.padEnd(8),
    id.padEnd(38),
    found.padEnd(8),
    runs.padStart(13),
    cpuSeconds.padStart(14),
    faults.padStart(8),
    profile.padEnd(9),
    property,
  ].join(' ');
}

export function markdown(lines: readonly Line[]): string {
  const head = `| ${COLUMNS.map(({ title }) => title).join(' | ')} |`;
  const rule = `|${COLUMNS.map(({ isNumber }) => (isNumber ? '---:' : '---')).join('|')}|`;
  const body = lines.map((line) => `| ${COLUMNS.map(({ key }) => line[key]).join(' | ')} |`);
  return `${[head, rule, ...body].join('\n')}\n`;
}
