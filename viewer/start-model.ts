/** The model in its worker, which the page has started before anything else (`early.ts`). */

import type { Early } from './early.ts';
import type { TraceSource, Viewer } from './model/api.ts';
import { connectViewer, startHelper } from './model/client.ts';

const { vivariumEarly: early } = globalThis as unknown as { readonly vivariumEarly: Early };

export function startModel(): Viewer {
  return connectViewer(early.model, () => {
    // One more reads every other block; beyond two, putting them together is what takes the time.
    if (navigator.hardwareConcurrency > 1) startHelper(early.model, early.makeHelper());
  });
}

/** The trace that the server of this page was started with; null when there is none. */
export const traceBeside = (): Promise<TraceSource> | null => early.trace;
