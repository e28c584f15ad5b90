/**
 * What the page does before its own script is read: the model's worker reads its script, and the trace is on its way, while the
 * browser is still busy with the rest. A script of its own (`node/bundle.ts`), so that both really come first.
 */

import type { TraceSource } from './model/api.ts';
import ModelWorker from './model/worker.ts?worker&inline';

export interface Early {
  readonly model: Worker;
  readonly makeHelper: () => Worker;
  /** The trace that the server of this page was started with; null when there is none. */
  readonly trace: Promise<TraceSource> | null;
}

/** Longer traces are not copied into the page: the browser keeps them, and the worker reads them piece by piece. */
const WHOLE_BYTES_MAX = 32 * 1024 * 1024;

async function traceBeside(): Promise<TraceSource> {
  const response = await fetch('trace');
  if (!response.ok) throw new Error(`the server answers ${response.status}`);
  const name = decodeURIComponent(response.headers.get('x-trace-name') ?? 'trace');
  const isLong = Number(response.headers.get('content-length') ?? Number.POSITIVE_INFINITY) > WHOLE_BYTES_MAX;
  if (isLong) return { kind: 'blob', name, blob: await response.blob() };
  return { kind: 'bytes', name, bytes: new Uint8Array(await response.arrayBuffer()) };
}

const isServed = location.protocol.startsWith('http') && new URLSearchParams(location.search).has('trace');
const trace = isServed ? traceBeside() : null;
// The page waits for it later, and says what went wrong.
trace?.catch(() => undefined);

Object.assign(globalThis, {
  vivariumEarly: {
    model: new ModelWorker({ name: 'model' }),
    makeHelper: () => new ModelWorker({ name: 'model helper' }),
    trace,
  } satisfies Early,
});
