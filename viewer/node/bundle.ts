/**
 * The viewer as one page: what Vite built, with the script and the style put inside, and optionally a trace with them. Such
 * a page needs no server; whoever opens it from a disk or as an attachment of a build sees the run.
 *
 * The trace is gzip in base64 in a script element of a type that browsers do not run. The alphabet of base64 has no `<`,
 * so nothing in a trace can end the element.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ZOO_SOURCES } from './zoo.ts';

const SOURCES = ['viewer', 'sim', 'core', 'scenarios', ...ZOO_SOURCES] as const;
const PAGE = join('.build', 'viewer', 'page.html');

/** The page, built if anything it is made of has changed since. */
export async function page(root: string): Promise<string> {
  const file = join(root, PAGE);
  const newest = Math.max(...SOURCES.map((folder) => newestBelow(join(root, folder))));
  try {
    if (statSync(file).mtimeMs > newest) return readFileSync(file, 'utf8');
  } catch {
    // It was never built.
  }
  return build(root, file);
}

function newestBelow(folder: string): number {
  let newest = 0;
  if (!existsSync(folder)) return newest;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  }
  return newest;
}

interface BuiltFile {
  readonly fileName: string;
  readonly code?: string;
  readonly source?: string | Uint8Array;
}

async function build(root: string, file: string): Promise<string> {
  const vite = await import('vite');
  const built = await vite.build({
    configFile: join(root, 'viewer', 'vite.config.ts'),
    logLevel: 'error',
    build: { write: false },
  });
  const outputs = (Array.isArray(built) ? built : [built]) as unknown as readonly {
    readonly output: readonly BuiltFile[];
  }[];
  const files = new Map(outputs.flatMap(({ output }) => output).map((each) => [each.fileName, each]));
  const html = inlined(files);
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, html);
  renameSync(draft, file);
  return html;
}

/** A page whose scripts and styles are in it. The functions keep `$` in the code from being read as a pattern. */
export function inlined(files: ReadonlyMap<string, BuiltFile>): string {
  const textOf = (name: string): string => {
    const found = files.get(name);
    if (found === undefined) throw new Error(`the build has no ${name}`);
    return found.code ?? (typeof found.source === 'string' ? found.source : new TextDecoder().decode(found.source));
  };
  const index = [...files.keys()].find((name) => name.endsWith('.html'));
  if (index === undefined) throw new Error('the build has no page');
  let script = '';
  const html = textOf(index)
    .replace(/<script type="module"[^>]*src="\.?\/?([^"]+)"[^>]*><\/script>/g, (_, name: string) => {
      script += textOf(name);
      return '';
    })
    .replace(
      /<link rel="stylesheet"[^>]*href="\.?\/?([^"]+)"[^>]*>/g,
      (_, name: string) => `<style>${textOf(name)}</style>`,
    );
  if (script === '') throw new Error('the page has no script');
  const early = [...files.keys()].filter((name) => /(^|\/)early[^/]*\.js$/.test(name)).map(textOf);
  // The page's own at the end of the body, where the elements are; a module would be refused when the page is a file.
  return html
    .replace('</head>', () => `${early.map(scriptElement).join('')}</head>`)
    .replace('</body>', () => `${DATA_MARK}${scriptElement(script)}</body>`);
}

const scriptElement = (script: string): string =>
  `<script>(()=>{${script.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')}\n})()</script>`;

const DATA_MARK = '<!--trace-->';

/** The page with a trace in it. `name` is shown where a file's name would be. */
export function withTrace(html: string, trace: Uint8Array, name: string): string {
  const isPacked = trace[0] === 0x1f && trace[1] === 0x8b;
  const packed = isPacked ? trace : gzipSync(trace, { level: 6 });
  const data = Buffer.from(packed).toString('base64');
  const element = `<script type="application/vnd.vivarium.trace" id="trace" data-name="${escapeAttribute(name)}">${data}</script>`;
  return html.replace(DATA_MARK, () => element);
}

const escapeAttribute = (text: string): string =>
  text.replace(/[&"<>]/g, (character) => `&#${character.charCodeAt(0)};`);
