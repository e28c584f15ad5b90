/**
 * `npm run view -- [TRACE] [--html FILE] [--port N] [--no-open]`: serves the viewer on the loopback interface and opens it, or
 * writes it with the trace inside as one page. Nothing here leaves the machine.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { page, withTrace } from './bundle.ts';
import { openInBrowser, serve } from './serve.ts';

const USAGE = `usage: npm run view -- [TRACE] [flags]

Opens the viewer, with a trace (.ndjson or .ndjson.gz) if one is named.

  --html FILE   writes one page that holds the viewer and the trace, and opens nothing
  --port N      serves on this port; default: any that is free
  --no-open     prints the address and opens no browser
  --help        this
`;

interface Args {
  readonly trace: string | null;
  readonly html: string | null;
  readonly port: number;
  readonly open: boolean;
}

function parse(argv: readonly string[]): Args | string {
  let [trace, html]: (string | null)[] = [null, null];
  let port = 0;
  let open = true;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--no-open') open = false;
    else if (word === '--html') html = argv[++i] ?? null;
    else if (word === '--port') port = Number(argv[++i]);
    else if (word.startsWith('--')) return `unknown flag ${word}`;
    else if (trace === null) trace = word;
    else return `unexpected word ${word}`;
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return '--port needs a number from 0 to 65535';
  if (argv.includes('--html') && html === null) return '--html needs a file';
  if (html !== null && trace === null) return '--html needs a trace to put in';
  return { trace: trace ?? null, html: html ?? null, port, open };
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  const args = parse(argv);
  if (typeof args === 'string') return fail(args);
  let trace: Uint8Array | null = null;
  if (args.trace !== null) {
    try {
      trace = readFileSync(args.trace);
    } catch (error) {
      return fail(`cannot read ${args.trace}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const html = await page(process.cwd());
  const name = args.trace === null ? '' : basename(args.trace);
  if (args.html !== null && trace !== null) {
    writeFileSync(args.html, withTrace(html, trace, name));
    return 0;
  }
  const address = await serve({ html, trace, name, port: args.port });
  process.stdout.write(`the viewer is at ${address}\n`);
  if (args.open) openInBrowser(address);
  return 0;
}

function fail(problem: string): number {
  process.stderr.write(`view: ${problem}\n`);
  return 2;
}

process.exitCode = await main(process.argv.slice(2));
