/**
 * The house rules that a compiler setting cannot say: which folder may import which, and which names the core may not
 * speak (docs/decisions/purity.md). A run that reads no file fails.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = dirname(import.meta.dirname);

/** Who may import whom; packages by their own list. `node:` stands for Node's modules. */
const ARROWS: Readonly<Record<string, { readonly folders: readonly string[]; readonly packages: readonly RegExp[] }>> =
  {
    core: { folders: ['core'], packages: [/^@noble\/hashes\//] },
    sim: {
      folders: ['core', 'sim', 'scenarios'],
      packages: [/^seedrandom$/, /^immer$/, /^node:/, /^esbuild$/, /^fast-check$/, /^bullmq$/],
    },
    scenarios: { folders: ['core', 'sim', 'scenarios'], packages: [] },
    viewer: {
      folders: ['core', 'sim', 'scenarios', 'viewer'],
      packages: [/^d3$/, /^node:/, /^vite$/, /^virtual:zoo$/],
    },
    server: { folders: ['core', 'server'], packages: [/^node:/, /^@peculiar\//, /^esbuild$/, /^reflect-metadata$/] },
  };

/** What the viewer's web worker must be able to load: the world, and everything above it that is not the command line. */
const NODE_FREE =
  /^viewer\/(?!node\/|vite\.config)|^sim\/(world|checkers|asks|workload|schedule|swarm|faults|cluster|server|runner|recorder|twin|columns|trace-blocks|shrink|campaign\/(seed|ranges|results|marks|progress)\.ts|scenario)/;

/** Time, chance, tasks and the outside world reach the core only as inputs. */
const FORBIDDEN_IN_CORE = [
  /\bDate\b/,
  /\bMath\.random\b/,
  /\bsetTimeout\b/,
  /\bsetInterval\b/,
  /\bsetImmediate\b/,
  /\bqueueMicrotask\b/,
  /\bPromise\b/,
  /\basync\b/,
  /\bawait\b/,
  /\bprocess\./,
  /\bglobalThis\b/,
  /\bperformance\b/,
  /\bcrypto\.(subtle|get)/,
  /\bfetch\(/,
];

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort();
}

/** Source without comments and string contents, so that prose may speak of Date and await. */
function codeOf(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:])\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replace(/`(?:[^`\\]|\\.)*`/g, '``');
}

function importsOf(text: string): string[] {
  const found: string[] = [];
  const statements = /^(?:import|export|\})[^'\n]*\bfrom '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm;
  for (const match of text.matchAll(statements)) found.push((match[1] ?? match[2] ?? match[3])!);
  return found;
}

describe.each(Object.keys(ARROWS))('%s', (folder) => {
  const files = sourcesBelow(folder);

  it('has sources', () => {
    if (folder !== 'scenarios') expect(files.length).toBeGreaterThan(3);
  });

  it('imports only what it may', () => {
    const { folders, packages } = ARROWS[folder]!;
    const wrong: string[] = [];
    for (const file of files) {
      for (const name of importsOf(readFileSync(join(ROOT, file), 'utf8'))) {
        const target = name.startsWith('.') ? normalize(join(dirname(file), name)) : null;
        const allowed =
          target === null
            ? packages.some((pattern) => pattern.test(name)) && !(name.startsWith('node:') && NODE_FREE.test(file))
            : folders.some((allowedFolder) => target.startsWith(`${allowedFolder}/`));
        if (!allowed) wrong.push(`${file} imports ${name}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('core', () => {
  it('speaks of no time, chance or task', () => {
    const wrong: string[] = [];
    const files = sourcesBelow('core');
    for (const file of files) {
      const code = codeOf(readFileSync(join(ROOT, file), 'utf8'));
      for (const pattern of FORBIDDEN_IN_CORE) if (pattern.test(code)) wrong.push(`${file}: ${pattern}`);
    }
    expect(files.length).toBeGreaterThan(20);
    expect(wrong).toEqual([]);
  });

  it('is seen to be guarded', () => {
    expect(FORBIDDEN_IN_CORE.some((pattern) => pattern.test(codeOf('const t = Date.now();')))).toBe(true);
    expect(FORBIDDEN_IN_CORE.some((pattern) => pattern.test(codeOf('// Date\nconst s = "x";')))).toBe(false);
    expect(importsOf("import { a } from '../sim/a.ts';\nexport type { B } from './b.ts';")).toEqual([
      '../sim/a.ts',
      './b.ts',
    ]);
    expect(
      importsOf("import {\n  a,\n} from './c.ts';\nconst d = await import('node:fs');\nif (from === 'x') y();"),
    ).toEqual(['./c.ts', 'node:fs']);
  });
});
