/**
 * Mistakes that somebody who writes a client makes, in our own recipes, and mistakes of servers that a lock or a queue feels. A
 * mutant is exact text and its replacement in one file (`sim/campaign/rewrite.ts`).
 *
 * Of a client's mistake every server is innocent: what it is answered is right, so no other check can have anything to say.
 */

import type { Edit } from '../../sim/campaign/rewrite.ts';
import type { PropertyId } from '../../sim/checkers/properties.ts';

export interface RecipeMutant extends Edit {
  readonly id: string;
  /** Who makes it. */
  readonly who: 'client' | 'server';
  readonly says: string;
  /** What finds it when nothing else may report. */
  readonly property: PropertyId;
  /** The object whose history is wrong, or what is missing. */
  readonly reason?: string;
}

const LOCK = 'sim/recipes/lock.ts';
const NODES = 'sim/recipes/nodes.ts';
const QUEUE = 'sim/recipes/queue.ts';

export const RECIPE_MUTANTS: readonly RecipeMutant[] = [
  {
    id: 'watches-the-first',
    who: 'client',
    says: 'everybody who waits watches the holder, not the one before: each release wakes a herd',
    file: LOCK,
    find: 'before.at(-1)',
    replace: 'before.at(0)',
    property: 'recipe-herd',
  },
  {
    id: 'woken-means-first',
    who: 'client',
    says: 'the one before is gone, so the lock is taken for held without another look at the line',
    file: LOCK,
    find: '    zk.woken(path);\n',
    replace: '    zk.woken(path);\n    return;\n',
    property: 'recipe-history',
    reason: 'lock',
  },
  {
    id: 'never-looks-again',
    who: 'client',
    says: 'the one before went between the list and the look, and the event is waited for that has been',
    file: LOCK,
    find: 'if (reply.err === Code.NONODE) continue;\n    yield* eventOf(path);',
    replace: 'yield* eventOf(path);',
    property: 'liveness',
    reason: 'recipe-unfinished',
  },
  {
    id: 'leaves-once',
    who: 'client',
    says: 'a release whose connection is lost is not repeated',
    file: LOCK,
    find: 'const reply = yield* insist(gone);',
    replace: "const reply = yield { kind: 'call', call: gone };",
    property: 'liveness',
    reason: 'recipe-unfinished',
  },
  {
    id: 'sorts-by-name',
    who: 'client',
    says: 'nodes are sorted by the whole name, and a guid comes first in it',
    file: NODES,
    find: 'numberOf(a) - numberOf(b)',
    replace: '(a < b ? -1 : 1)',
    property: 'recipe-history',
  },
  {
    id: 'own-node-forgotten',
    who: 'client',
    says: 'a create whose answer was lost is simply asked again',
    file: NODES,
    find: '      const found = yield* findByGuid(parent, guid);\n      if (found !== null || mayVanish) return found;\n',
    replace: '',
    property: 'recipe-history',
    reason: 'queue',
  },
  {
    id: 'not-found-is-not-there',
    who: 'client',
    says: 'an element that is not found again is put in again, although somebody may have taken it',
    file: NODES,
    find: 'if (found !== null || mayVanish) return found;',
    replace: 'if (found !== null) return found;',
    property: 'recipe-history',
    reason: 'queue',
  },
  {
    id: 'lost-delete-counts',
    who: 'client',
    says: 'an element whose deletion was not answered counts as taken',
    file: QUEUE,
    find: "if (isUnknown(reply) || !isPassing(reply)) return 'unknown';",
    replace: "if (isUnknown(reply) || !isPassing(reply)) return 'taken';",
    property: 'recipe-history',
    reason: 'queue',
  },
  {
    id: 'lost-delete-asked-again',
    who: 'client',
    says: 'a deletion that was not answered is asked again, and the element that is gone then was taken by somebody else',
    file: QUEUE,
    find: "if (isUnknown(reply) || !isPassing(reply)) return 'unknown';",
    replace: "if (!isPassing(reply)) return 'unknown';",
    property: 'recipe-history',
    reason: 'queue',
  },
  {
    id: 'takes-what-it-read',
    who: 'client',
    says: 'whoever reads an element takes it, also when somebody else has deleted it',
    file: QUEUE,
    find: "if (reply.err === Code.NONODE) return 'gone';",
    replace: "if (reply.err === Code.NONODE) return 'taken';",
    property: 'recipe-history',
    reason: 'queue',
  },
  {
    id: 'empty-without-sync',
    who: 'client',
    says: 'the queue is said to be empty by a server that has not heard yet of what is in it',
    file: QUEUE,
    find: "  yield* insist({ kind: 'sync', path: PARENT });\n",
    replace: '',
    property: 'recipe-history',
    reason: 'queue',
  },
  {
    id: 'number-from-child-count',
    who: 'server',
    says: 'sequential names are numbered by how many children there are',
    file: 'core/request/prepare.ts',
    find: 'prefix + sequenceSuffix(parent.cversion)',
    replace: 'prefix + sequenceSuffix(parent.childCount)',
    property: 'recipe-history',
  },
];
