#!/usr/bin/env node
// The `vivarium` command: bundles server/main.ts and runs it with the arguments given.
import { rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { bundle } from './run.mjs';

const file = await bundle('server/main.ts');
process.argv[1] = file;
process.setSourceMapsEnabled(true);
try {
  await import(pathToFileURL(file).href);
} finally {
  rmSync(file, { force: true });
}
