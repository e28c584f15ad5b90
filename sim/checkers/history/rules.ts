/**
 * The rules of the judge by the names of the research notes, and how often each of them was put to the test.
 *
 * A rule that was never decided proves nothing, so the counts stand in the summary of a run, and a test asks that none of
 * them stays at zero. `replies`: can be decided from what clients are told alone.
 */

import type { PropertyId } from '../properties.ts';

interface Rule {
  readonly says: string;
  readonly properties: readonly PropertyId[];
  readonly replies: 'wholly' | 'partly' | 'no';
}

export const RULES = {
  P1: {
    says: 'updates are linearizable: one zxid each, and answered as the state before demands',
    properties: ['update-unique', 'update-legal'],
    replies: 'partly',
  },
  P2: {
    says: 'a session is answered, and its updates are carried out, in the order of its requests',
    properties: ['client-fifo', 'session-order'],
    replies: 'partly',
  },
  P3: {
    says: 'a read shows the tree at its zxid',
    properties: ['read-at-zxid', 'read-your-writes', 'version-function'],
    replies: 'partly',
  },
  P4: {
    says: 'what was answered before an update was asked for has a lower zxid',
    properties: ['write-order'],
    replies: 'wholly',
  },
  P5: {
    says: 'a read after a sync sees all that was answered before it',
    properties: ['sync-then-read'],
    replies: 'wholly',
  },
  P7: { says: 'a multi is atomic', properties: ['multi-atomic'], replies: 'partly' },
  P8: { says: 'ephemeral nodes live as long as their session', properties: ['ephemeral-lifetime'], replies: 'partly' },
  P9: { says: 'a session never goes back, on any server', properties: ['session-zxid'], replies: 'wholly' },
  P10: {
    says: 'what is told is committed',
    properties: ['no-dirty-view', 'acknowledged-is-committed'],
    replies: 'no',
  },
  P11: { says: 'sequence numbers are unique and grow', properties: ['sequence-unique'], replies: 'wholly' },
  W1: {
    says: 'an event answers a watch that is set, and a change behind it',
    properties: ['watch-unasked', 'watch-groundless'],
    replies: 'partly',
  },
  W2: { says: 'the event comes before the new data', properties: ['watch-before-data'], replies: 'partly' },
  W3: { says: 'no event is lost', properties: ['watch-lost'], replies: 'no' },
  W4: { says: 'events come in order', properties: ['watch-order'], replies: 'wholly' },
  W5: { says: 'who comes back is told what it missed', properties: ['watch-catch-up'], replies: 'partly' },
  W6: { says: 'persistent watches live on, without the gap', properties: ['watch-lost'], replies: 'no' },
  W7: { says: 'events of unreadable nodes are kept back', properties: ['watch-filtered'], replies: 'no' },
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleName = keyof typeof RULES;
export type Decided = Record<RuleName, number>;

export const RULE_NAMES = Object.keys(RULES) as RuleName[];

export const noneDecided = (): Decided => Object.fromEntries(RULE_NAMES.map((name) => [name, 0])) as Decided;
