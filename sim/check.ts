/** `npm run check -- FILE --spec NAME`: whether a history of operations is linearizable. */

import { readFileSync } from 'node:fs';
import { EXIT, main } from './cli/check.ts';

// Whoever reads may stop reading: `npm run check -- FILE --spec kv | head`.
process.stdout.on('error', () => process.exit(EXIT.ok));

process.exitCode = await main(process.argv.slice(2), {
  out: (text) => {
    process.stdout.write(text);
  },
  err: (text) => {
    process.stderr.write(text);
  },
  // 0 is standard input.
  read: (path) => readFileSync(path === '-' ? 0 : path, 'utf8'),
});
