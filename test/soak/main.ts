/** `npm run soak`: campaigns of seeds, and the zoo beside them. `npm run soak -- --help` says how. */

import { runCommand } from '../../sim/campaign/command.ts';
import { serveAsWorker } from '../../sim/campaign/threads.ts';
import { zooHunts } from './zoo-hunts.ts';

if (!serveAsWorker()) process.exitCode = await runCommand(process.argv.slice(2), zooHunts());
