/** What a thread of a campaign runs, and nothing else. */

import { serveAsWorker } from './threads.ts';

serveAsWorker();
