/**
 * The zoo in the page: bugs that really happened, each with a seed that shows it, and the laboratory's program in pieces so
 * that any of them can be put in (`sim/campaign/script.ts`). The bugs and the seeds are those of `npm run zoo`: the catalogs
 * of mutations and what the hunts found. A bug that was not found by simulation is not offered.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';
import { modulesOf, splicesOf } from '../../sim/campaign/modules.ts';
import type { Edit } from '../../sim/campaign/rewrite.ts';
import type { Modules, Splice } from '../../sim/campaign/script.ts';
import type { Bug, ZooProgram } from '../lab/zoo.ts';

export const ZOO_SOURCES = ['test/zoo', 'test/mutants'] as const;
const CATALOGS = ['test/zoo/catalog', 'test/mutants/catalog'] as const;
const RESULTS = 'test/zoo/results.json';
const ENTRY = 'viewer/lab/worker.ts';
/** Seeds of one bug: one that still shows it is enough. */
const FINDS_MAX = 6;

/** A mutation as its file has it; the rest of its fields are for the hunts. */
interface Mutation extends Edit {
  readonly id: string;
  readonly origin: string;
  readonly says: string;
  readonly also?: readonly Edit[];
}

interface Hunt {
  readonly id: string;
  readonly rows: readonly string[];
  readonly profile: string;
  readonly judge: string;
  readonly starts: readonly { readonly found: boolean; readonly seed: string; readonly property: string | null }[];
}

export interface Zoo {
  /** In the order of their rows. */
  readonly bugs: readonly Bug[];
  readonly program: ZooProgram;
}

/** Empty where the catalogs are not. */
export async function zooOf(root: string, entry = ENTRY): Promise<Zoo> {
  const mutations = new Map(CATALOGS.flatMap((folder) => mutationsIn(join(root, folder))).map((one) => [one.id, one]));
  const hunts = existsSync(join(root, RESULTS))
    ? (JSON.parse(readFileSync(join(root, RESULTS), 'utf8')) as readonly Hunt[])
    : [];
  const bugs: Bug[] = [];
  for (const hunt of hunts) {
    const mutation = mutations.get(hunt.id);
    const finds = findsOf(hunt);
    if (mutation === undefined || hunt.judge !== 'all' || finds.length === 0) continue;
    const { id, origin, says } = mutation;
    bugs.push({ id, rows: hunt.rows, origin, says, profile: hunt.profile, finds });
  }
  bugs.sort((a, b) => (`${a.rows[0]} ${a.id}` < `${b.rows[0]} ${b.id}` ? -1 : 1));
  if (bugs.length === 0) return { bugs, program: { modules: { entry, packages: '', files: {} }, splices: {} } };
  const modules = await modulesOf(root, entry);
  const made = await Promise.all(
    bugs.map(async ({ id }) => [id, await splicesIfAny(root, modules, mutations.get(id)!)] as const),
  );
  const splices = Object.fromEntries(made.flatMap(([id, found]) => (found === null ? [] : [[id, found] as const])));
  return { bugs: bugs.filter(({ id }) => splices[id] !== undefined), program: { modules, splices } };
}

/** Null for a mutation whose text is no longer in the sources: the tests of the catalogs say so, and the page does without it. */
async function splicesIfAny(root: string, modules: Modules, mutation: Mutation): Promise<readonly Splice[] | null> {
  try {
    return await splicesOf(root, modules, mutation.id, editsOf(mutation));
  } catch {
    return null;
  }
}

function mutationsIn(folder: string): Mutation[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Mutation);
}

const editsOf = (mutation: Mutation): Edit[] => [mutation, ...(mutation.also ?? [])];

/** What a unit test found shows nothing in a run, and what never ended shows no end. */
function findsOf({ starts }: Hunt): Bug['finds'] {
  return starts
    .flatMap(({ found, seed, property }) =>
      found && property !== null && property !== 'test' && property !== 'hang' ? [{ seed, property }] : [],
    )
    .slice(0, FINDS_MAX);
}

export const packed = (program: { readonly modules: Modules }): string =>
  gzipSync(JSON.stringify(program), { level: 9 }).toString('base64');

const NAME = 'virtual:zoo';

/** Gives the page a module with the bugs as they are and the program packed. */
export function zooPlugin(root: string): Plugin {
  return {
    name: 'zoo',
    resolveId: (id) => (id === NAME ? `\0${NAME}` : null),
    load: async (id) => {
      if (id !== `\0${NAME}`) return null;
      const { bugs, program } = await zooOf(root);
      return `export const BUGS=${JSON.stringify(bugs)};export const PACKED=${JSON.stringify(packed(program))};`;
    },
  };
}
