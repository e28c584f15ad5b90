/** The worker's entry: the model, served to the page that started it. */

import { type PortLike, serveViewer } from './client.ts';
import { openViewer } from './open.ts';

serveViewer(globalThis as unknown as PortLike, openViewer());
