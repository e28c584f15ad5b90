/** Campaigns without anything beside them: what a worker in a container runs. `npm run soak` is `test/soak/main.ts`. */

import { runCommand } from './command.ts';
import { serveAsWorker } from './threads.ts';

if (!serveAsWorker()) process.exitCode = await runCommand(process.argv.slice(2), null);
