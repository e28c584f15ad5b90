/** The model in its worker, which is inside the page: a page opened from a disk has nothing beside it. */

import type { Viewer } from './model/api.ts';
import { connectViewer, startHelper } from './model/client.ts';
import ModelWorker from './model/worker.ts?worker&inline';

export function startModel(): Viewer {
  const model = new ModelWorker({ name: 'model' });
  // One more reads every other block; beyond two, putting them together is what takes the time.
  if (navigator.hardwareConcurrency > 1) startHelper(model, new ModelWorker({ name: 'model helper' }));
  return connectViewer(model);
}
