/**
 * Canaries: mistakes that every campaign puts into the core on purpose, and must find. A campaign that finds nothing has
 * said something only if it would have found something; one that does not find its canaries reports itself broken.
 *
 * There is one for each part of the harness that could fall silent without a failing test: the checks inside the servers (a canary that breaks
 * a promise at once, and one that needs faults and elections to come together), the judge of histories, the rules of watches, the life of sessions, and
 * the goals of the healed ensemble. Each counts as found by the properties of its own part alone. They are
 * run like any seed, in threads that have the mutated bundle; production code has no switches.
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { applyEdit, bundleRewritten, type Edit, type Rewrite } from './rewrite.ts';
import type { SeedTask } from './seed.ts';
import { startThreads } from './threads.ts';

export interface Canary extends Edit {
  readonly id: string;
  readonly says: string;
  /** Any of these is the find that is meant. */
  readonly properties: readonly string[];
  /** Seeds in which it must be found. */
  readonly seedsMax: number;
}

export const CANARIES: readonly Canary[] = [
  {
    id: 'first-ack-commits',
    says: 'the first acknowledgement commits',
    file: 'core/zab/leader/broadcast.ts',
    find: '    if (proposal === undefined || !isDecided(t, proposal)) break;\n',
    replace: '    if (proposal === undefined || proposal.acks.length === 0) break;\n',
    properties: ['committed-by-quorum'],
    seedsMax: 5,
  },
  {
    id: 'quorum-of-one-less',
    says: 'a quorum may lack one server',
    file: 'core/config/membership.ts',
    find: '  return count * 2 > total;\n',
    replace: '  return (count + 1) * 2 > total;\n',
    properties: ['committed-by-quorum', 'leadership-1', 'leadership-2', 'leader-completeness'],
    seedsMax: 60,
  },
  {
    id: 'any-version-fits',
    says: 'setData takes any version for the right one',
    file: 'core/request/prepare.ts',
    find: '  if (exceedsQuota(bench, path, { count: 0, bytes: grown })) return Code.QUOTAEXCEEDED;\n  if (request.version !== ANY_VERSION && request.version !== node.version) return Code.BADVERSION;\n',
    replace: '  if (exceedsQuota(bench, path, { count: 0, bytes: grown })) return Code.QUOTAEXCEEDED;\n',
    properties: ['update-legal'],
    seedsMax: 10,
  },
  {
    id: 'watch-fires-twice',
    says: 'a one-shot watch stays set when it has fired',
    file: 'core/tree/watches.ts',
    find: '      this.setFlags(conn, path, flags, flags & ~(heard & ONE_SHOT));\n',
    replace: '',
    properties: ['watch-unasked'],
    seedsMax: 10,
  },
  {
    id: 'session-expires-early',
    says: 'a session may expire some seconds before its timeout is over',
    file: 'core/session/tracker.ts',
    find: '.filter((atMs) => atMs <= nowMs)',
    replace: '.filter((atMs) => atMs <= nowMs + 4500)',
    properties: ['session-lifetime'],
    seedsMax: 20,
  },
  {
    id: 'leader-never-steps-down',
    says: 'a leader without a quorum of followers goes on leading',
    file: 'core/zab/leader.ts',
    find: '!quorumOf(t, heardVoters(t, l))) giveUp(',
    replace: '!quorumOf(t, heardVoters(t, l)) && l.halfTicks < 0) giveUp(',
    properties: ['liveness', 'convergence'],
    seedsMax: 10,
  },
];

export interface CanaryResult {
  readonly canary: Canary;
  /** The seed it was found in, or null. */
  readonly seed: string | null;
  readonly seeds: number;
}

/** Runs seeds with the canary in, until one breaks a promise that it must break. */
export async function flyCanary(
  canary: Canary,
  root: string,
  taskOf: (seed: number) => SeedTask,
): Promise<CanaryResult> {
  const module = await bundleCanary(canary, root);
  const threads = startThreads(1, { module: pathToFileURL(module) });
  try {
    for (let seed = 1; seed <= canary.seedsMax; seed++) {
      const { violations } = await threads.run(taskOf(seed));
      if (violations.some(({ property }) => canary.properties.includes(property)))
        return { canary, seed: String(seed), seeds: seed };
    }
    return { canary, seed: null, seeds: canary.seedsMax };
  } finally {
    await threads.close();
    rmSync(module, { force: true });
  }
}

/** @throws Error when the text to change is not exactly once in the source. */
export const mutated = (canary: Canary, text: string): string => applyEdit(`canary ${canary.id}`, text, canary);

async function bundleCanary(canary: Canary, root: string): Promise<string> {
  const outfile = join(root, '.build', `canary-${canary.id}-${process.pid}.mjs`);
  const rewrite: Rewrite = (file, text) => (file === canary.file ? mutated(canary, text) : null);
  const rewritten = await bundleRewritten({ root, entry: 'sim/campaign/thread.ts', outfile, rewrite });
  if (rewritten.size === 0) throw new Error(`canary ${canary.id}: the simulator does not use ${canary.file}`);
  return outfile;
}
