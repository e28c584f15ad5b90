/** Two traces side by side, and traces for other tools. */

import { expect, test } from 'vitest';
import type { TraceModel, Viewer } from '../../viewer/model/api.ts';
import { SHIVIZ_PARSER } from '../../viewer/model/exports.ts';
import { openViewer } from '../../viewer/model/open.ts';
import { bytesOf, NODE_GZIP, shortSchedule, shortTrace, traceOf } from './traces.ts';

const { text } = shortTrace();
const schedule = shortSchedule();
/** The same run without its pause, which begins at 3 s. */
const other = traceOf({ ...schedule, ops: schedule.ops.filter(({ id }) => id !== 3) });
const viewer = openViewer({ gzip: NODE_GZIP });
const [a, same, b] = [await open(viewer, text), await open(viewer, text), await open(viewer, other.text)];
const model: TraceModel = viewer.trace(a);

async function open(into: Viewer, content: string): Promise<number> {
  const id = await into.open({ kind: 'bytes', name: 'x', bytes: bytesOf(content) });
  await into.whenLoaded(id);
  return id;
}

test('a trace compared with itself is the same throughout', async () => {
  for (const by of ['time', 'cause'] as const) {
    const { divergence, left, right, sentence } = await viewer.compare(a, same, by);
    expect(divergence).toBeNull();
    expect(left).toEqual(right);
    expect(left.length).toBe((await model.info()).events);
    expect(sentence).toMatch(/tell the same/);
  }
});

test('without the pause the run goes the same way until the pause', async () => {
  const { divergence, sentence, left, right } = await viewer.compare(a, b, 'time');
  expect(divergence).not.toBeNull();
  // The operation that fell away is an event of its own, or what came after it at the latest.
  expect(divergence!.leftUs).toBe(3_000_000);
  expect(divergence!.rightUs).toBeGreaterThanOrEqual(3_000_000);
  expect(divergence!.leftText).toContain('stands still');
  expect(sentence).toMatch(/^The same until 3\.000 s\. Then in the first: .*stands still/);
  expect(left.length).toBeGreaterThan(500);
  expect(left.length).toBe(right.length);
  // Every event before the parting has its counterpart at the same place.
  expect(Array.from(left.slice(0, divergence!.left - 1))).toEqual(Array.from(right.slice(0, divergence!.left - 1)));
});

test('by cause, what happens later in one of them is still found', async () => {
  const byTime = await viewer.compare(a, b, 'time');
  const byCause = await viewer.compare(a, b, 'cause');
  expect(byCause.divergence).not.toBeNull();
  expect(byCause.left.length).toBeGreaterThanOrEqual(byTime.divergence!.left - 1);
});

test('Chrome trace events: valid JSON, spans, and each arrow with both its ends', async () => {
  interface ChromeEvent {
    readonly ph: string;
    readonly pid: number;
    readonly name: string;
    readonly ts: number;
    readonly dur: number;
    readonly id: number | string;
    readonly cat: string;
  }
  const { traceEvents } = JSON.parse(await model.exportChrome(null)) as { traceEvents: ChromeEvent[] };
  const processes = traceEvents.filter(({ name }) => name === 'process_name').map(({ pid }) => pid);
  expect(processes).toEqual([0, 1, 2, 3, 1001, 1002]);
  const starts = traceEvents.filter(({ ph }) => ph === 's').map(({ id }) => id);
  const ends = traceEvents.filter(({ ph }) => ph === 'f').map(({ id }) => id);
  expect(starts).toEqual(ends);
  expect(starts.length).toBeGreaterThan(300);
  expect(traceEvents.some(({ name }) => name === 'leading 1')).toBe(true);
  expect(traceEvents.some(({ name }) => name === 'links 1-2 are cut')).toBe(true);
  for (const { ph, dur } of traceEvents) if (ph === 'X') expect(dur).toBeGreaterThanOrEqual(0);
  const part = JSON.parse(await model.exportChrome({ fromUs: 1_000_000, toUs: 1_200_000 })) as {
    traceEvents: ChromeEvent[];
  };
  expect(part.traceEvents.length).toBeLessThan(traceEvents.length / 3);
});

test('ShiViz: its own pattern reads the log, and the clocks are vector clocks', async () => {
  const log = await model.exportShiviz({ fromUs: 0, toUs: 1_200_000 });
  const [pattern, , ...rest] = log.split('\n');
  expect(pattern).toBe(SHIVIZ_PARSER);
  const events = [...rest.join('\n').matchAll(/(?<event>.*)\n(?<host>\S*) (?<clock>{.*})/g)].map(({ groups }) => ({
    host: groups!.host!,
    event: groups!.event!,
    clock: JSON.parse(groups!.clock!) as Record<string, number>,
  }));
  expect(events.length).toBeGreaterThan(100);
  const last = new Map<string, Record<string, number>>();
  for (const { host, clock } of events) {
    const before = last.get(host) ?? {};
    expect(clock[host]).toBe((before[host] ?? 0) + 1);
    for (const [name, ticks] of Object.entries(before)) expect(clock[name]).toBeGreaterThanOrEqual(ticks);
    // Nobody knows more of a host than the host itself.
    for (const [name, ticks] of Object.entries(clock))
      if (name !== host) expect(ticks).toBeLessThanOrEqual(last.get(name)![name]!);
    last.set(host, clock);
  }
  expect(events.some(({ clock }) => Object.keys(clock).length >= 3)).toBe(true);
});
