/**
 * A trace as long as one likes: a real run, told again and again. Ids, indexes, times and connections go on from one
 * telling to the next, so the whole is a trace like any other; running the simulator for as long would take an hour.
 *
 * `node scripts/run.mjs test/bench/long-trace.ts 1000000 million.ndjson.gz`
 */

import { closeSync, openSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { generate } from '../../sim/swarm.ts';
import { BLOCK_TEXT_BYTES } from '../../sim/trace-blocks.ts';
import { packedBlock } from '../../sim/trace-pack.ts';
import { trace } from '../../sim/tracer.ts';

interface Telling {
  /** Without header and verdict. */
  readonly lines: readonly string[];
  readonly header: string;
  readonly verdict: string;
  readonly events: number;
  readonly ids: number;
  readonly uids: number;
  readonly endUs: number;
}

function telling(seed: string): Telling {
  const texts: string[] = [];
  let ids = 0;
  let uids = 0;
  let endUs = 0;
  const { events } = trace(generate({ seed, profile: 'default', commit: '', options: {} }), (line) => {
    const { id = 0, uid = 0, t = 0, type } = line as { id?: number; uid?: number; t?: number; type: string };
    if (type === 'step' || type === 'event') ids = Math.max(ids, id);
    uids = Math.max(uids, uid);
    endUs = Math.max(endUs, t);
    texts.push(JSON.stringify(line));
  });
  return { lines: texts.slice(1, -1), header: texts[0]!, verdict: texts.at(-1)!, events, ids, uids, endUs };
}

/** The fields at the front of a line, where they stand in a fixed order. */
const FRONT = /^(\{"type":"(?:step|event)"),"id":(\d+),"index":(\d+),"cause":(\d+),"t":(\d+)/;
const OTHER = /^(\{"type":"[a-z]+"),"event":(\d+),"t":(\d+)(?:,"uid":(\d+))?/;
const UID = /"uid":(\d+)/g;

function told(line: string, { ids, uids, endUs, events }: Telling, time: number): string {
  if (time === 0) return line;
  const later = (text: string, by: number): number => Number(text) + by * time;
  if (line.startsWith('{"type":"step"') || line.startsWith('{"type":"event"')) {
    return line
      .replace(FRONT, (_all, start: string, id: string, index: string, cause: string, t: string) => {
        const from = Number(cause) === 0 ? 0 : later(cause, ids);
        return `${start},"id":${later(id, ids)},"index":${later(index, events)},"cause":${from},"t":${later(t, endUs)}`;
      })
      .replace(UID, (_all, uid: string) => `"uid":${later(uid, uids)}`);
  }
  if (line.startsWith('{"type":"moment"')) {
    const moment = JSON.parse(line) as { t: number; event: number };
    return JSON.stringify({
      ...moment,
      t: moment.t + endUs * time,
      event: moment.event === 0 ? 0 : moment.event + ids * time,
    });
  }
  if (line.startsWith('{"type":"connection"')) {
    const connection = JSON.parse(line) as { t: number; event: number; uid: number };
    return JSON.stringify({
      ...connection,
      event: connection.event + ids * time,
      t: connection.t + endUs * time,
      uid: connection.uid + uids * time,
    });
  }
  return line.replace(OTHER, (_all, start: string, event: string, t: string, uid: string | undefined) => {
    const front = `${start},"event":${Number(event) === 0 ? 0 : later(event, ids)},"t":${later(t, endUs)}`;
    return uid === undefined ? front : `${front},"uid":${later(uid, uids)}`;
  });
}

/** Writes a compressed trace of at least so many events and returns how many. */
export function writeLongTrace(path: string, eventsMin: number): number {
  const one = telling('42');
  const times = Math.ceil(eventsMin / one.events);
  const file = openSync(path, 'w');
  let waiting: string[] = [];
  let size = 0;
  const put = (line: string): void => {
    waiting.push(line);
    size += line.length + 1;
    if (size >= BLOCK_TEXT_BYTES) flush();
  };
  const flush = (): void => {
    if (waiting.length === 0) return;
    const text = Buffer.from(`${waiting.join('\n')}\n`);
    writeSync(file, packedBlock(text, 4));
    waiting = [];
    size = 0;
  };
  put(one.header);
  for (let time = 0; time < times; time++) for (const line of one.lines) put(told(line, one, time));
  put(one.verdict);
  flush();
  closeSync(file);
  return times * one.events;
}

if (/long-trace/.test(process.argv[1] ?? '') && process.argv.length > 3) {
  const [, , events = '1000000', path = 'long.ndjson.gz'] = process.argv;
  console.log(`${writeLongTrace(resolve(path), Number(events)).toLocaleString('en')} events in ${path}`);
}
