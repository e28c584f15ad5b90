/** Every place in the core that asks an ACL, found in the source, and a mutant with a switch at each of them. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Mutant, projectRoot } from '../mutants/catalog.ts';

/** A call that decides what somebody may do or see, and what stands in its place when its switch is on. */
interface Site {
  /** `core/request/reads.ts 2: mayAccess(…)`. */
  readonly id: string;
  readonly file: string;
  readonly from: number;
  readonly to: number;
  readonly open: string;
}

/** The functions that judge, and what they say to somebody who may do everything; `1` is their second argument. */
const JUDGES: Readonly<Record<string, 'true' | 0 | 1>> = {
  mayAccess: 'true',
  mayRead: 'true',
  checkAcl: 'true',
  aclAsShown: 1,
  visibleAcl: 0,
};

export function aclSites(): Site[] {
  const root = projectRoot();
  const files = readdirSync(join(root, 'core'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
  return files.flatMap((file) => sitesIn(file, readFileSync(join(root, file), 'utf8')));
}

function sitesIn(file: string, text: string): Site[] {
  const sites: Site[] = [];
  for (const [name, answer] of Object.entries(JUDGES)) {
    for (const match of text.matchAll(new RegExp(`\\b${name}\\(`, 'g'))) {
      const from = match.index;
      if (isProse(text, from) || /function\s$/.test(text.slice(0, from))) continue;
      const { to, args } = callAt(text, from + name.length);
      const open = answer === 'true' ? 'true' : args[answer]!;
      sites.push({ id: `${file} ${sites.length + 1}: ${text.slice(from, to)}`, file, from, to, open });
    }
  }
  return sites.sort((a, b) => a.from - b.from);
}

/** In a comment. */
function isProse(text: string, at: number): boolean {
  const line = text.slice(text.lastIndexOf('\n', at) + 1, at).trimStart();
  return line.startsWith('*') || line.startsWith('/**') || line.startsWith('//');
}

/** The end of the call whose parenthesis opens at `at`, and its arguments. */
function callAt(text: string, at: number): { readonly to: number; readonly args: readonly string[] } {
  const args: string[] = [];
  let depth = 0;
  let begin = at + 1;
  for (let i = at; i < text.length; i++) {
    const unit = text[i]!;
    if ('([{'.includes(unit)) depth += 1;
    if (')]}'.includes(unit)) depth -= 1;
    if (depth === 0 || (depth === 1 && unit === ',')) {
      args.push(text.slice(begin, i).trim());
      begin = i + 1;
    }
    if (depth === 0) return { to: i + 1, args };
  }
  throw new Error(`no end of the call at ${at}`);
}

/** One mutant with all of them, each behind the switch `globalThis.vivariumOpenSite`. */
export function switchable(sites: readonly Site[]): Mutant {
  const edits = [...new Set(sites.map(({ file }) => file))].map((file) => {
    const text = readFileSync(join(projectRoot(), file), 'utf8');
    let mutated = text;
    for (const [index, site] of [...sites.entries()].reverse()) {
      if (site.file !== file) continue;
      const call = text.slice(site.from, site.to);
      const isOpen = `(globalThis as { vivariumOpenSite?: number }).vivariumOpenSite === ${index}`;
      mutated = `${mutated.slice(0, site.from)}(${isOpen} ? ${site.open} : ${call})${mutated.slice(site.to)}`;
    }
    return { file, find: text, replace: mutated };
  });
  const [first, ...also] = edits;
  if (first === undefined) throw new Error('no ACL checks were found');
  return {
    ...first,
    also,
    id: 'acl-switches',
    origin: 'checkers.md, section 5',
    says: 'Each ACL check of the core can be left out.',
    property: ['update-legal'],
    split: [],
    profile: null,
    redundant: null,
    rows: [],
    tests: [],
  };
}
