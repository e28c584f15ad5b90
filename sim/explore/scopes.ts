/**
 * Scopes: how many of what an exploration covers, and what it takes in one step.
 *
 * Every scope begins with a prologue, a fixed run to the state from which on everything is tried. What a scope takes in one
 * step is part of its definition and of its verdict: `exhausted` means every behaviour within the scope as it is described
 * here, no more (docs/exploration.md).
 */

import type { PeerConfig } from '../../core/config/types.ts';
import type { DiskMode } from './locals.ts';

export interface Scope {
  readonly name: string;
  readonly title: string;
  /** Voters, 1 to 4. */
  readonly servers: number;
  /** Writes of clients, each of a leader's client. */
  readonly writes: number;
  /** Crashes, of any server at any moment. A crashed server may start again at any later moment. */
  readonly crashes: number;
  /** Cuts of the connection between two servers, healed at any later moment. */
  readonly cuts: number;
  /** Timeouts that fire although nothing has failed, as on a network that is too slow. */
  readonly early: number;
  /**
   * `atomic`: file operations are done in the step that asks for them. `jobs`: what a lane of the disk has to do is one
   * action of its own, before which anything else may happen; a crash before it loses it.
   */
  readonly disk: DiskMode;
  /** With `jobs`: a crash may also keep any prefix of the operations in flight. */
  readonly tornJobs: boolean;
  /** `whole`: every message and timer of an election is an action. `coarse`: an election runs in one order, without a break. */
  readonly election: 'whole' | 'coarse';
  /** `coarse`: a learner that dials a leader who listens is connected at once. */
  readonly connect: 'whole' | 'coarse';
  /** Nothing is done on the quorum port: a server stops when it is elected or has found its leader. */
  readonly untilElected: boolean;
  /** A state in which a server is in a later election round is not followed any further. */
  readonly roundsMax: number;
  /** See `prologueOf` in `system.ts` for the words. */
  readonly prologue: readonly string[];
  readonly config: Partial<PeerConfig>;
}

const BASE: Omit<Scope, 'name' | 'title' | 'prologue'> = {
  servers: 3,
  writes: 0,
  crashes: 0,
  cuts: 0,
  early: 0,
  disk: 'atomic',
  tornJobs: false,
  election: 'coarse',
  connect: 'coarse',
  untilElected: false,
  roundsMax: 8,
  config: {},
};

const ALL_UP = ['start 1', 'start 2', 'start 3', 'run'];

export const SCOPES: readonly Scope[] = [
  {
    ...BASE,
    name: 'election',
    title: 'Three servers without a history elect a leader; every message and timer of the election port in any order.',
    election: 'whole',
    untilElected: true,
    roundsMax: 3,
    prologue: ['start 1', 'start 2', 'start 3'],
  },
  {
    ...BASE,
    name: 'discovery',
    title: 'From elected to established: epochs are promised, with a crash anywhere and disks that take their time.',
    disk: 'jobs',
    tornJobs: true,
    connect: 'whole',
    crashes: 1,
    prologue: ['start 1', 'start 2', 'start 3'],
  },
  {
    ...BASE,
    name: 'synchronisation',
    title: 'The leader has died with a write that it and one follower made committed; a server crashes anywhere.',
    disk: 'jobs',
    tornJobs: true,
    crashes: 1,
    prologue: [...ALL_UP, 'write 2', 'disk 2 log', 'quorum 2>3 PROPOSAL', 'disk 3 log', 'quorum 3>2 ACK', 'crash 2'],
  },
  {
    ...BASE,
    name: 'half-synchronised',
    title: 'The next leader has begun to send a follower its history; two crashes anywhere. No torn jobs.',
    disk: 'jobs',
    crashes: 2,
    prologue: [
      ...ALL_UP,
      ...['write 2', 'disk 2 log', 'quorum 2>3 PROPOSAL', 'disk 3 log', 'quorum 3>2 ACK', 'crash 2'],
      ...['quorum 2>1 close', 'quorum 2>3 close', 'quorum 1>3 FOLLOWERINFO', 'disk 3 meta'],
      ...['quorum 3>1 LEADERINFO', 'disk 1 meta', 'quorum 1>3 ACKEPOCH', 'disk 3 meta'],
    ],
  },
  {
    ...BASE,
    name: 'divergence',
    title: 'The leader has died with a proposal that nobody else has, and comes back; one write, one crash anywhere.',
    writes: 1,
    crashes: 1,
    prologue: [...ALL_UP, 'write 2', 'crash 2'],
  },
  {
    ...BASE,
    name: 'broadcast',
    title: 'An established leader, two writes, one crash anywhere and whatever follows from it.',
    writes: 2,
    crashes: 1,
    prologue: ALL_UP,
  },
  {
    ...BASE,
    name: 'broadcast-disks',
    title: 'The same, with disks that take their time and jobs that a crash tears.',
    writes: 2,
    crashes: 1,
    disk: 'jobs',
    tornJobs: true,
    prologue: ALL_UP,
  },
  {
    ...BASE,
    name: 'partition',
    title: 'An established leader, one write, one cut between two servers and one crash, anywhere.',
    writes: 1,
    crashes: 1,
    cuts: 1,
    prologue: ALL_UP,
  },
];

/** Greatest values, as far as a state has bits for them (`system.ts`). */
const COUNTS_MAX: Readonly<Partial<Record<keyof Scope, number>>> = {
  servers: 4,
  writes: 15,
  crashes: 15,
  cuts: 15,
  early: 15,
  roundsMax: 1000,
};
const WORDS: Readonly<Partial<Record<keyof Scope, readonly string[]>>> = {
  disk: ['atomic', 'jobs'],
  election: ['whole', 'coarse'],
  connect: ['whole', 'coarse'],
};

export type ParsedScope =
  | { readonly ok: true; readonly value: Scope }
  | { readonly ok: false; readonly problem: string };

/** A scope from outside. What it leaves out is nothing, or as it is in most scopes. */
export function scopeFrom(given: unknown): ParsedScope {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return refuse('it is not an object');
  const scope: Record<string, unknown> = { ...BASE, name: 'custom', title: '', ...given };
  for (const [key, value] of Object.entries(scope)) {
    const problem = problemOf(key, value);
    if (problem !== null) return refuse(`${key}: ${problem}`);
  }
  if (!('prologue' in scope)) return refuse('it has no prologue');
  return { ok: true, value: scope as unknown as Scope };
}

const refuse = (problem: string): ParsedScope => ({ ok: false, problem });

function problemOf(key: string, value: unknown): string | null {
  const max = COUNTS_MAX[key as keyof Scope];
  if (max !== undefined) {
    const min = key === 'servers' ? 1 : 0;
    const fits = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
    return fits ? null : `an integer from ${min} to ${max}`;
  }
  const words = WORDS[key as keyof Scope];
  if (words !== undefined) return words.includes(value as string) ? null : `one of ${words.join(', ')}`;
  switch (key) {
    case 'name':
    case 'title':
      return typeof value === 'string' ? null : 'a text';
    case 'tornJobs':
    case 'untilElected':
      return typeof value === 'boolean' ? null : 'true or false';
    case 'prologue':
      return Array.isArray(value) && value.every((line) => typeof line === 'string') ? null : 'a list of actions';
    case 'config':
      return typeof value === 'object' && value !== null ? null : 'an object';
    default:
      return 'there is no such setting';
  }
}

export const findScope = (name: string): Scope | null => SCOPES.find((scope) => scope.name === name) ?? null;
