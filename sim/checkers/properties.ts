/**
 * Every property that is checked: a stable id and the promise in one sentence.
 *
 * Ids never change meaning: shrinking keeps a schedule only while the same id fires, and the zoo names the id that must
 * find each bug. The first ten are the invariants of the official TLA+ specification (zookeeper-specifications).
 */

import type { Conflict } from './history/conflict.ts';

export const PROPERTIES = {
  // --- the ten invariants of the official specification ---
  'should-not-be-triggered': 'No server gets a message that its role, phase and epoch make impossible.',
  'leadership-1': 'Two established leaders of the same epoch are the same server.',
  'leadership-2': 'At most one server ever becomes the established leader of an epoch.',
  'prefix-consistency': 'Of the histories two servers committed, one is a prefix of the other.',
  integrity: 'Every committed transaction was proposed by a primary of its epoch, with the same bytes.',
  agreement: 'Of two servers, at least one has committed what the other has.',
  'total-order': 'All servers commit transactions in the same order.',
  'local-primary-order': 'Who commits a transaction has committed every earlier one of the same primary before it.',
  'global-primary-order': 'A transaction of an earlier epoch is never committed after one of a later epoch.',
  'primary-integrity':
    'A primary has committed, before its first proposal, all that was ever committed of earlier epochs.',

  // --- elections (FastLeaderElection, which has no published invariants) ---
  'elected-by-quorum':
    'Who begins to lead was voted for by a quorum, in a round that it has been in since it began to look.',
  'peer-authenticated': 'Where servers must show a certificate, whoever shows none is hung up on.',
  'best-vote': 'Whoever looks for a leader votes for the best candidate that it has heard of in its round.',

  // --- what the published specification leaves out ---
  'initial-history': 'The history a leader starts its epoch with contains that of every earlier established leader.',
  'leader-completeness': 'An established leader has every transaction in its log that was committed up to its epoch.',
  'process-consistency': 'A follower that accepted a leader has exactly the history that leader starts with.',
  'committed-by-quorum': 'A transaction is committed only when the disks of a quorum hold it.',
  'committed-never-lost': 'A committed transaction is never truncated, overwritten or lost by what a server does.',
  'asked-for': 'Every transaction carries out, once, what a client asked for, or what time has made due.',
  'acknowledged-is-committed': 'What a client was told has happened is part of the committed history.',
  'durable-before-ack': 'Whatever a server acknowledges survives a power cut of that server.',
  'epoch-after-history': 'A disk names an epoch only when it holds the history that the epoch began with.',
  'zxid-unique': 'One zxid never stands for two different transactions.',
  'equal-digest': 'Servers that applied the same zxid have the same state.',
  'epoch-monotone':
    'The accepted and the current epoch of a server never go back, and accepted is never below current.',
  'commit-monotone':
    'While it runs, what a server has logged, committed and applied never goes back without a truncation.',
  'session-lifetime': 'A session ends once, and is expired only after a full timeout without a word from its client.',
  'session-unique': 'A session has one client at a time, and every server knows of it unless it is a local one.',
  'session-password': 'Nobody gets a session who does not know its password.',
  'session-owner':
    'A session belongs to the server that it came to last: what it asks of that one is not refused as moved.',
  'auth-first': 'Where authentication is required nobody is answered before it has shown who it is.',
  'admin-only': 'Only who has the right to changes the ensemble.',
  'quota-kept': 'Where quotas are enforced, no write takes a tree beyond its hard limits.',
  'ephemeral-lifetime': 'An ephemeral node exists only as long as its session.',
  'no-exception': 'No step of a machine throws.',
  'no-unexplained-halt': 'A server gives up only for a reason that the world gave it.',
  'bounded-queues': 'No collection in the state of a server grows beyond a bound.',

  // --- what clients see ---
  'client-fifo': 'A session is answered in the order of its requests, each exactly once.',
  'session-zxid': 'The zxid a session sees never goes back, not even on another server.',
  'read-your-writes': 'A session reads at least what it wrote itself.',
  'version-function': 'A version of a node has one content.',
  'watch-before-data': 'A client hears of a change it watches before it can read the new data.',
  'watch-unasked': 'A client gets a watch event only for a watch it has set, and a one-shot watch only once.',
  'sequence-unique': 'Sequential names below a parent are unique and grow with the zxid.',
  'write-order': 'A write that was answered before another was asked for has the lower zxid.',
  'sync-then-read': 'A read after a sync sees everything that was answered before the sync was asked for.',
  'session-order': 'The updates of a session are carried out in the order in which it asked for them.',
  'update-unique': 'No two updates have the same zxid.',
  'update-legal': 'Every update is answered as the state directly before it demands.',
  'read-at-zxid': 'What a read shows is the state at the zxid of its answer.',
  'multi-atomic': 'The operations of a multi happen together or not at all, and its answer says which one failed.',
  'no-dirty-view': 'No answer speaks of a state that is not committed.',
  'watch-groundless': 'A watch event tells of a change that happened after the watch was set.',
  'watch-lost': 'Who hears of a later state has been told of every change it watches.',
  'watch-order': 'The watch events of a session come in the order of the changes.',
  'watch-catch-up': 'Who comes back is told, at most once for each watch, what became of the nodes it watches.',
  'watch-filtered': 'Nobody is told of a change to a node that it may not read.',

  // --- what programs built on it promise (sim/recipes) ---
  'recipe-history': 'What programs tell of a lock, a queue or another object of theirs is what its model allows.',
  'recipe-herd': 'Of those who wait for a lock, the end of one holder wakes at most one.',

  // --- at the end of a run ---
  recovery: 'From every disk a server recovers a prefix of the history that contains all it acknowledged.',
  convergence: 'With the network healed and no load, all live servers come to the same state.',
  liveness: 'With a healed quorum and load, the ensemble elects, synchronises, commits and expires within a bound.',
} as const;

/**
 * What is asked for even when more servers lost their data than the ensemble survives: that nobody disagrees silently. What
 * was promised may be gone then, numbers may be used again, and progress may be impossible.
 */
export const UNRESTRICTED: ReadonlySet<string> = new Set([
  'no-exception',
  'equal-digest',
  'bounded-queues',
  'client-fifo',
] satisfies (keyof typeof PROPERTIES)[]);

export type PropertyId = keyof typeof PROPERTIES;

export type ViolationKind = 'safety' | 'liveness' | 'crash';

/** What somebody is at the moment, seen from the outside. A voter without a leader is a `follower`: it is to become one. */
export type Role = 'leader' | 'follower' | 'observer' | 'client' | 'ensemble' | 'world';

export interface Violation {
  readonly property: PropertyId;
  /** Who broke it: by role, not by number, so that a smaller run shows the same. */
  readonly role: Role;
  /** Of a stall, what is missing; of an exception, its text without the numbers. Else empty. */
  readonly reason: string;
  readonly kind: ViolationKind;
  /** The promise that was broken. */
  readonly sentence: string;
  /** What happened instead, with names and numbers. */
  readonly message: string;
  readonly atUs: number;
  /** Ids of the events that clash, oldest first. */
  readonly events: readonly number[];
  readonly servers: readonly number[];
  /** The operations that cannot be ordered, where a history was judged. */
  readonly conflict?: Conflict;
  /** Of an exception: its stack, for whoever looks at the run. It names files and lines of this machine. */
  readonly stack?: string;
}

/** What a checker calls when its property is broken. `events` are the earlier events; the present one is added. */
export type Report = (
  property: PropertyId,
  message: string,
  where?: {
    readonly events?: readonly number[];
    readonly servers?: readonly number[];
    readonly role?: Role;
    readonly reason?: string;
    readonly conflict?: Conflict;
    readonly stack?: string;
  },
) => void;

export const kindOf = (property: PropertyId): ViolationKind =>
  property === 'no-exception' ? 'crash' : property === 'liveness' || property === 'convergence' ? 'liveness' : 'safety';
