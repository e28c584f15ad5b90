/** The model in its worker, which is inside the page: a page opened from a disk has nothing beside it. */

import type { Viewer } from './model/api.ts';
import { connectViewer } from './model/client.ts';
import ModelWorker from './model/worker.ts?worker&inline';

export const startModel = (): Viewer => connectViewer(new ModelWorker({ name: 'model' }));
