/**
 * The model in a worker, asked over a message port. Every method of `Viewer` and `TraceModel` becomes one message and one
 * answer with the same number; progress comes by itself.
 */

import type { Comparison, LoadProgress, TraceId, TraceInfo, TraceModel, TraceSource, Viewer } from './api.ts';

/** A `Worker` or a `MessagePort`, or anything like it. */
export interface PortLike {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  start?(): void;
}

export type Request =
  | { readonly kind: 'viewer'; readonly number: number; readonly method: ViewerCall; readonly args: readonly unknown[] }
  | {
      readonly kind: 'trace';
      readonly number: number;
      readonly trace: TraceId;
      readonly method: keyof TraceModel;
      readonly args: readonly unknown[];
    };
export type ViewerCall = 'open' | 'feed' | 'end' | 'close' | 'whenLoaded' | 'compare';

/** Said to a worker about another one, with the port between them. */
export type Role =
  | { readonly kind: 'help'; readonly port: PortLike }
  | { readonly kind: 'helper'; readonly port: PortLike }
  | { readonly kind: 'viewer' | 'trace' };

/** Makes a second worker of the same kind help the first with reading traces. */
export function startHelper(model: PortLike, helper: PortLike): void {
  const { port1, port2 } = new MessageChannel();
  model.postMessage({ kind: 'helper', port: port1 } satisfies Role, [port1]);
  helper.postMessage({ kind: 'help', port: port2 } satisfies Role, [port2]);
}

export type Answer =
  | { readonly kind: 'answer'; readonly number: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly number: number; readonly message: string }
  | { readonly kind: 'progress'; readonly progress: LoadProgress }
  /** The worker could do with a helper. */
  | { readonly kind: 'wanted' };

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A viewer whose work is done at the other end of the port. `onWanted`: that end asks for a helper. */
export function connectViewer(port: PortLike, onWanted: () => void = () => undefined): Viewer {
  const waiting = new Map<number, Waiting>();
  const listeners = new Set<(progress: LoadProgress) => void>();
  let next = 1;
  port.addEventListener('message', ({ data }) => {
    const answer = data as Answer;
    if (answer.kind === 'progress') {
      for (const listener of listeners) listener(answer.progress);
      return;
    }
    if (answer.kind === 'wanted') {
      onWanted();
      return;
    }
    const asked = waiting.get(answer.number);
    waiting.delete(answer.number);
    if (answer.kind === 'answer') asked?.resolve(answer.value);
    else asked?.reject(new Error(answer.message));
  });
  port.start?.();

  const ask = <T>(request: (number: number) => Request): Promise<T> => {
    const number = next++;
    return new Promise<T>((resolve, reject) => {
      waiting.set(number, { resolve: resolve as (value: unknown) => void, reject });
      port.postMessage(request(number));
    });
  };
  const viewer = <T>(method: ViewerCall, ...args: readonly unknown[]): Promise<T> =>
    ask<T>((number) => ({ kind: 'viewer', number, method, args }));

  return {
    open: (source: TraceSource) => viewer<TraceId>('open', source),
    feed: (trace, bytes) => viewer<void>('feed', trace, bytes),
    end: (trace) => viewer<void>('end', trace),
    close: (trace) => viewer<void>('close', trace),
    whenLoaded: (trace) => viewer<TraceInfo>('whenLoaded', trace),
    compare: (a, b, by) => viewer<Comparison>('compare', a, b, by),
    onProgress: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    trace: (trace) =>
      new Proxy({} as TraceModel, {
        get: (_target, method) =>
          // Whoever awaits the model itself gets it, not a call of `then`.
          method === 'then' || typeof method === 'symbol'
            ? undefined
            : (...args: readonly unknown[]) =>
                ask((number) => ({ kind: 'trace', number, trace, method: method as keyof TraceModel, args })),
      }),
  };
}

/** Answers at the worker's end. */
export function serveViewer(port: PortLike, viewer: Viewer): void {
  viewer.onProgress((progress) => port.postMessage({ kind: 'progress', progress } satisfies Answer));
  const answer = async (request: Request): Promise<unknown> => {
    const target = (request.kind === 'viewer' ? viewer : viewer.trace(request.trace)) as unknown as Record<
      string,
      (...args: readonly unknown[]) => Promise<unknown>
    >;
    return target[request.method]!(...request.args);
  };
  port.addEventListener('message', ({ data }) => {
    const request = data as Request | Role;
    // Helpers are introduced on the same port.
    if (!('number' in request)) return;
    answer(request).then(
      (value) => port.postMessage({ kind: 'answer', number: request.number, value } satisfies Answer, buffersOf(value)),
      (error: unknown) =>
        port.postMessage({
          kind: 'error',
          number: request.number,
          message: error instanceof Error ? error.message : String(error),
        } satisfies Answer),
    );
  });
  port.start?.();
}

/** The buffers of all typed arrays in an answer: they are made for it, so they are handed over instead of copied. */
function buffersOf(value: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  const look = (item: unknown, depth: number): void => {
    if (typeof item !== 'object' || item === null || depth > DEPTH_MAX) return;
    if (ArrayBuffer.isView(item)) {
      if (item.buffer instanceof ArrayBuffer && item.byteLength === item.buffer.byteLength && item.byteLength > 0)
        found.add(item.buffer);
      return;
    }
    if (Array.isArray(item)) {
      // Long lists hold plain things.
      for (const inner of item.slice(0, LIST_LOOKED_MAX)) look(inner, depth + 1);
      return;
    }
    for (const inner of Object.values(item)) look(inner, depth + 1);
  };
  look(value, 0);
  return [...found];
}

const DEPTH_MAX = 5;
const LIST_LOOKED_MAX = 300;
