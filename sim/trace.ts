/** Traces and explanations on files and terminals: the Node side of `tracer.ts`. */

import { closeSync, openSync, writeSync } from 'node:fs';
import { ConnectionDecoder, messageText } from './decode.ts';
import { type RunSettings, run } from './runner.ts';
import type { Schedule } from './schedule.ts';
import { seconds } from './text.ts';
import { BLOCK_TEXT_BYTES } from './trace-blocks.ts';
import { packedBlock } from './trace-pack.ts';
import { trace } from './tracer.ts';
import { CLIENT_BASE, type HostId, type StepRecord } from './world/types.ts';

/**
 * Writes the trace of a second pass, a line at a time, and returns the hash of that pass. A path that ends in `.gz` gets
 * it compressed, in blocks (`trace-blocks.ts`).
 */
export function traceTo(path: string, schedule: Schedule): string {
  const file = openSync(path, 'w');
  const isCompressed = path.endsWith('.gz');
  let waiting: string[] = [];
  let size = 0;
  const flush = (): void => {
    if (size === 0) return;
    const text = Buffer.from(waiting.join(''));
    writeSync(file, isCompressed ? packedBlock(text) : text);
    waiting = [];
    size = 0;
  };
  try {
    const { hash } = trace(schedule, (line) => {
      const text = `${JSON.stringify(line)}\n`;
      waiting.push(text);
      size += text.length;
      if (size >= BLOCK_TEXT_BYTES) flush();
    });
    flush();
    return hash;
  } finally {
    closeSync(file);
  }
}

/** What the events with these ids were, by running the schedule once more. */
export function explainEvents(
  schedule: Schedule,
  ids: ReadonlySet<number>,
  settings: RunSettings,
): Map<number, string> {
  const found = new Map<number, string>();
  const decoders = new Map<number, ConnectionDecoder>();
  const sent = new Map<number, string[]>();
  let current = 0;
  run(schedule, {
    ...settings,
    hooks: {
      onEvent: (event) => {
        current = event.id;
        if (ids.has(event.id))
          found.set(event.id, `event ${event.id}  ${seconds(event.timeUs)}  ${hostName(event.host)}: ${event.kind}`);
      },
      onConnection: ({ kind, connection }) => {
        if (kind === 'dialed') decoders.set(connection.uid, new ConnectionDecoder(connection.channel));
      },
      onSegment: ({ connection, from, to, bytes }) => {
        const messages = decoders.get(connection.uid)?.push(from === connection.dialer, bytes) ?? [];
        if (!ids.has(current)) return;
        const texts = messages.map((message) => `sends ${messageText(message)} to ${hostName(to)}`);
        sent.set(current, [...(sent.get(current) ?? []), ...texts]);
      },
      afterStep: (step) => {
        if (ids.has(step.event.id)) found.set(step.event.id, explain(step, sent.get(step.event.id) ?? []));
      },
    },
  });
  return found;
}

const SENT_SHOWN_MAX = 3;

function explain({ event, host, input, effects }: StepRecord, sent: readonly string[]): string {
  const head = `event ${event.id}  ${seconds(event.timeUs)}  ${hostName(host)}`;
  const files = effects.flatMap((effect) => (effect.type === 'file' ? [`${effect.action.kind}s a file`] : []));
  const done = [...sent, ...new Set(files)].slice(0, SENT_SHOWN_MAX);
  return `${head} on ${input?.type ?? 'boot'}${done.length === 0 ? '' : `: ${done.join('; ')}`}`;
}

const hostName = (host: HostId): string =>
  host >= CLIENT_BASE ? `client ${host - CLIENT_BASE}` : host === 0 ? 'the world' : `server ${host}`;
