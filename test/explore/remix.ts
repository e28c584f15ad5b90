/**
 * The six bugs that a published model checking of ZooKeeper's code-level specification found (Remix, EuroSys 25, Table 4),
 * as mutations of our own core, each with the scope in which the exploration finds it. `npm run explore:remix [-- TICKET...]`
 * prints what breaks first, after how many actions and states.
 */

import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Report } from '../../sim/explore/search.ts';
import { bundleSimulator } from '../mutants/build.ts';
import { type Mutant, readCatalog } from '../mutants/catalog.ts';

export interface RemixBug {
  readonly ticket: string;
  readonly mutant: string;
  readonly scope: string;
  readonly sets: readonly string[];
}

export const REMIX: readonly RemixBug[] = [
  { ticket: 'ZOOKEEPER-3023', mutant: 'uptodate-applies-later', scope: 'synchronisation', sets: [] },
  { ticket: 'ZOOKEEPER-4394', mutant: 'newleader-forgets-proposals', scope: 'broadcast', sets: [] },
  { ticket: 'ZOOKEEPER-4643', mutant: 'current-epoch-before-history', scope: 'half-synchronised', sets: [] },
  { ticket: 'ZOOKEEPER-4646', mutant: 'newleader-acked-before-history-durable', scope: 'synchronisation', sets: [] },
  { ticket: 'ZOOKEEPER-4685', mutant: 'acks-before-newleader', scope: 'synchronisation', sets: [] },
  { ticket: 'ZOOKEEPER-4712', mutant: 'no-drain', scope: 'broadcast-disks', sets: [] },
];

export interface Found {
  readonly bug: RemixBug;
  readonly mutant: Mutant;
  readonly report: Report & { readonly path: readonly string[] | null };
}

const OUTPUT_BYTES_MAX = 2 ** 24;
const EXPLORE = 'sim/explore/main.ts';
const SIMULATE = 'sim/main.ts';

/** Bundles by mutation and entry; each is made once. */
const bundles = new Map<string, Promise<string>>();

function bundleOf(mutant: Mutant | null, entry: string): Promise<string> {
  const name = `${mutant?.id} ${entry}`;
  const made = bundles.get(name) ?? bundleSimulator(mutant, entry);
  bundles.set(name, made);
  return made;
}

/** To be called when no more is wanted of the mutated cores. */
export async function removeBundles(): Promise<void> {
  for (const file of bundles.values()) rmSync(await file, { force: true });
  bundles.clear();
}

/** Explores the mutated core in a process of its own. */
export async function explore(bug: RemixBug, extra: readonly string[] = []): Promise<Found> {
  const mutant = [...readCatalog(), ...readCatalog('zoo')].find(({ id }) => id === bug.mutant);
  if (mutant === undefined) throw new Error(`there is no mutation ${bug.mutant}`);
  const file = await bundleOf(mutant, EXPLORE);
  const args = [file, bug.scope, '--json', ...bug.sets.flatMap((set) => ['--set', set]), ...extra];
  return { bug, mutant, report: JSON.parse(await outputOf(args)) as Found['report'] };
}

/** What the core with the mutation, or the sound one, says to a counterexample. */
export const replayWith = async (mutant: Mutant | null, path: string): Promise<string> =>
  outputOf([await bundleOf(mutant, EXPLORE), '--replay', path]);

/** What a run of a schedule came to, as the simulator says it. */
export interface Simulated {
  readonly verdict: string;
  readonly violations: readonly { readonly property: string }[];
  readonly stats: { readonly faults: { readonly applied: number; readonly skipped: number } };
}

/** Runs a schedule in the simulated world with the mutated core. */
export const simulateWith = async (mutant: Mutant, schedule: string): Promise<Simulated> =>
  JSON.parse(await outputOf([await bundleOf(mutant, SIMULATE), '--schedule', schedule, '--json'])) as Simulated;

/** A violation is an exit code of its own. */
async function outputOf(args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(process.execPath, args, { maxBuffer: OUTPUT_BYTES_MAX })).stdout;
  } catch (error) {
    if (error instanceof Error && 'stdout' in error && error.stdout !== '') return String(error.stdout);
    throw error;
  }
}
