/**
 * Mutants: small mistakes in our own core, written down as data, each of which some check of the simulator must notice.
 *
 * A simulator that never fails proves nothing until it has been seen to fail. Each mutant takes one rule of Zab, of storage
 * or of sessions out of the source, most of them the way it was once missing from ZooKeeper. A mutation is exact text and
 * its replacement; it is applied when the simulator is bundled (`build.ts`), so production code carries no switches. Text
 * that does not occur exactly once is an error: a mutant must not rot into a no-op when the code around it changes.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { applyEdit, type Edit } from '../../sim/campaign/rewrite.ts';
import { PROPERTIES, type PropertyId } from '../../sim/checkers/properties.ts';
import { PROFILES, type Profile } from '../../sim/swarm.ts';

export interface Mutant extends Edit {
  readonly id: string;
  /** The ticket or the rule that it breaks. */
  readonly origin: string;
  /** What goes wrong, in one sentence. */
  readonly says: string;
  /** Further places, where one edit alone would not be a program of its own. */
  readonly also: readonly Edit[];
  /** The properties of which one must be seen broken. */
  readonly property: readonly PropertyId[];
  /**
   * Where it splits a step that is one here, what the split alone breaks before anything goes wrong: a find by one of these
   * says nothing about the bug, and does not count.
   */
  readonly split: readonly PropertyId[];
  /** Where the default profile shows it too rarely: the one that goes for it. */
  readonly profile: Profile | null;
  /** The rows of the zoo (`test/zoo/rows.ts`) that it stands for. */
  readonly rows: readonly string[];
  /**
   * The unit tests that must fail, where no simulated client or peer asks for what it breaks: a second choice, since such
   * a test was written by somebody who thought of it.
   */
  readonly tests: readonly string[];
  /** Why nothing can go wrong: another rule covers for this one. Such a mutant is expected not to be caught. */
  readonly redundant: string | null;
}

/** The root of the project, from a source file as well as from a bundle. */
export function projectRoot(): string {
  let dir = import.meta.dirname;
  while (!existsSync(join(dir, 'package.json'))) dir = dirname(dir);
  return dir;
}

/**
 * `catalog`: broken protocols, which the checks of an ordinary run must catch. `aliasing`: mistakes with the state that an
 * ordinary run cannot show, for lockstep. `zoo`: what really happened, beyond what `catalog` breaks already.
 */
export type Collection = 'catalog' | 'aliasing' | 'zoo';

const DIR_OF: Readonly<Record<Collection, string>> = {
  catalog: 'test/mutants/catalog',
  aliasing: 'test/mutants/aliasing',
  zoo: 'test/zoo/catalog',
};

/** Every mutant of the collection, in the order of the ids. */
export function readCatalog(collection: Collection = 'catalog'): Mutant[] {
  const dir = join(projectRoot(), DIR_OF[collection]);
  const names = readdirSync(dir).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => {
    const mutant = parseMutant(readFileSync(join(dir, name), 'utf8'));
    if (`${mutant.id}.json` !== name) throw new Error(`${name} holds the mutant ${mutant.id}`);
    return mutant;
  });
}

const KEYS = [
  'id',
  'origin',
  'says',
  'file',
  'find',
  'replace',
  'also',
  'property',
  'split',
  'profile',
  'rows',
  'tests',
  'redundant',
];

export function parseMutant(json: string): Mutant {
  const read = JSON.parse(json) as Partial<Mutant>;
  const said = read.id ?? json.slice(0, 40);
  const fail = (what: string): never => {
    throw new Error(`mutant ${said}: ${what}`);
  };
  for (const key of Object.keys(read)) if (!KEYS.includes(key)) fail(`unknown key ${key}`);
  const mutant: Mutant = {
    id: read.id ?? fail('no id'),
    origin: read.origin ?? fail('no origin'),
    says: read.says ?? fail('says nothing'),
    file: read.file ?? fail('no file'),
    find: read.find ?? fail('nothing to find'),
    replace: read.replace ?? fail('no replacement'),
    also: read.also ?? [],
    property: read.property ?? fail('no property'),
    split: read.split ?? [],
    profile: read.profile ?? null,
    rows: read.rows ?? [],
    tests: read.tests ?? [],
    redundant: read.redundant ?? null,
  };
  for (const id of [...mutant.property, ...mutant.split]) if (!(id in PROPERTIES)) fail(`there is no property ${id}`);
  if (mutant.profile !== null && !(mutant.profile in PROFILES)) fail(`there is no profile ${mutant.profile}`);
  const expectsNothing = mutant.property.length === 0 && mutant.tests.length === 0;
  if (expectsNothing && mutant.redundant === null) fail('expects nothing');
  return mutant;
}

export const editsOf = (mutant: Mutant): readonly Edit[] => [mutant, ...mutant.also];

/** The text of `file` with every edit of the mutant that concerns it. */
export function mutate(mutant: Mutant, file: string, text: string): string {
  let mutated = text;
  for (const edit of editsOf(mutant)) if (edit.file === file) mutated = applyEdit(`mutant ${mutant.id}`, mutated, edit);
  return mutated;
}
