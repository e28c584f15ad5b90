/**
 * Makes a program of modules (`script.ts`) of TypeScript sources, and the splices of edits to them. esbuild translates each
 * module by itself, so an edit changes what it says and nothing else: no bundler has renamed anything.
 */

import { readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { applyEdit, type Edit } from './rewrite.ts';
import { type Modules, type Splice, spliceOf } from './script.ts';

/** Names stay as they are: what a run throws should say where. */
const HOW = {
  write: false,
  format: 'cjs',
  platform: 'neutral',
  target: 'es2023',
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: 'silent',
} as const satisfies BuildOptions;

const REQUIRED = /\brequire\("([^"]+)"\)/g;

/** Everything that the entry (relative to the root) needs. */
export async function modulesOf(root: string, entry: string): Promise<Modules> {
  const { metafile } = await build({
    ...HOW,
    absWorkingDir: root,
    entryPoints: [entry],
    outdir: join(root, '.build', 'modules'),
    bundle: true,
    packages: 'external',
    metafile: true,
  });
  const names = Object.keys(metafile.inputs).sort();
  const files = await translated(root, names, (name) => readFileSync(join(root, name), 'utf8'));
  return { entry, packages: await packagesOf(root, Object.values(files)), files };
}

/** Each file by itself, with this text in it. */
async function translated(
  root: string,
  names: readonly string[],
  textOf: (name: string) => string,
): Promise<Record<string, string>> {
  const { outputFiles } = await build({
    ...HOW,
    absWorkingDir: root,
    entryPoints: [...names],
    outdir: root,
    outbase: root,
    outExtension: { '.js': '.ts' },
    plugins: [
      {
        name: 'text',
        setup: (builder) =>
          builder.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
            contents: textOf(relative(root, path).replaceAll('\\', '/')),
            loader: 'ts',
          })),
      },
    ],
  });
  const files: Record<string, string> = {};
  for (const name of names) {
    const made = outputFiles.find(({ path }) => path === join(root, name));
    if (made === undefined) throw new Error(`${name} was not translated`);
    files[name] = fromRoot(name, made.text);
  }
  return files;
}

/** Modules ask for others by where they are from the root. */
const fromRoot = (file: string, text: string): string =>
  text
    .trimEnd()
    .replace(REQUIRED, (all, name: string) =>
      name.startsWith('.') ? `require(${JSON.stringify(posix.join(dirname(file), name))})` : all,
    );

async function packagesOf(root: string, bodies: readonly string[]): Promise<string> {
  const names = new Set(bodies.flatMap((body) => [...body.matchAll(REQUIRED)].map(([, name]) => name!)));
  const wanted = [...names].filter((name) => !name.endsWith('.ts')).sort();
  const { outputFiles } = await build({
    ...HOW,
    format: 'iife',
    globalName: 'packages',
    platform: 'browser',
    bundle: true,
    define: { 'process.env.NODE_ENV': '"production"' },
    absWorkingDir: root,
    stdin: {
      contents: `module.exports={${wanted.map((name) => `${JSON.stringify(name)}:require(${JSON.stringify(name)})`).join(',')}}`,
      resolveDir: root,
    },
  });
  return outputFiles[0]!.text.trimEnd();
}

/** What the edits of one mistake change in the modules. Files that the program does not have are an error. */
export async function splicesOf(
  root: string,
  modules: Modules,
  who: string,
  edits: readonly Edit[],
): Promise<Splice[]> {
  const names = [...new Set(edits.map(({ file }) => file))];
  const after = await translated(root, names, (file) => {
    if (modules.files[file] === undefined) throw new Error(`${who}: the program has no ${file}`);
    const own = edits.filter((edit) => edit.file === file);
    return own.reduce((text, edit) => applyEdit(who, text, edit), readFileSync(join(root, file), 'utf8'));
  });
  return names.map((file) => spliceOf(file, modules.files[file]!, after[file]!));
}
