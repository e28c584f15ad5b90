/** The search language: what it finds, and how it says that it does not understand. */

import { expect, test } from 'vitest';
import { parseQuery } from '../../viewer/model/search.ts';
import { bytesOf, opened, shortTrace } from './traces.ts';

const { text, lines } = shortTrace();
const { model, info } = await opened(bytesOf(text));
const picture = await model.picture();
const found = async (query: string): Promise<number[]> =>
  Array.from((await model.search(query, { limit: 100_000 })).events);

const messagesWith = (fits: (row: number, name: string) => boolean): number[] => {
  const { messages, names } = picture;
  const indexes = new Set<number>();
  for (let row = 0; row < messages.count; row++) {
    if (!fits(row, names[messages.name[row]!]!)) continue;
    indexes.add(messages.sentIndex[row]!);
    if (messages.arrivedIndex[row]! > 0) indexes.add(messages.arrivedIndex[row]!);
  }
  return [...indexes].sort((a, b) => a - b);
};

test('messages by kind, ends and zxid; all terms are about the same message', async () => {
  const { messages } = picture;
  expect(await found('kind:ACK')).toEqual(messagesWith((_, name) => name === 'ACK'));
  expect(await found('kind:ack zxid>0x100000003')).toEqual(
    messagesWith((row, name) => name === 'ACK' && messages.zxid[row]! > 0x100000003),
  );
  expect(await found('kind:PROPOSAL from:3 to:1')).toEqual(
    messagesWith((row, name) => name === 'PROPOSAL' && messages.from[row] === 3 && messages.to[row] === 1),
  );
  expect(await found('type:notification epoch:1')).toEqual(
    messagesWith(
      (row, name) => (name === 'VOTE' || name === 'HELLO') && Math.floor(messages.zxid[row]! / 2 ** 32) === 1,
    ),
  );
  expect((await found('kind:PROPOSAL from:3 to:1')).length).toBeGreaterThan(0);
});

test('events by server, time and kind', async () => {
  const { timeUs, host } = picture.events;
  const wanted = Array.from({ length: info.events }, (_, i) => i + 1).filter(
    (index) => host[index - 1] === 2 && timeUs[index - 1]! >= 3_000_000 && timeUs[index - 1]! <= 3_500_000,
  );
  expect(await found('server:2 t:3s..3500ms')).toEqual(wanted);
  expect(wanted.length).toBeGreaterThan(10);
  const boots = lines.filter(({ type, kind }) => type === 'step' && kind === 'boot').map(({ index }) => index);
  expect(await found('kind:boot')).toEqual(boots);
  expect(await found('kind:boot | index:5')).toEqual([...boots, 5].sort((a, b) => Number(a) - Number(b)));
  expect(await found('kind:boot -server:1')).toEqual(boots.filter((index) => host[Number(index) - 1] !== 1));
  expect(await found('kind:boot (server:1 | server:2)')).toEqual(
    boots.filter((index) => [1, 2].includes(host[Number(index) - 1]!)),
  );
  expect(await found('')).toHaveLength(info.events);
});

test('notes, operations of the schedule, paths, and words of the sentence', async () => {
  expect((await found('note:zab.established')).length).toBe(
    (await model.elections()).filter(({ kind, outcome }) => kind === 'election' && outcome.kind === 'established')
      .length,
  );
  expect((await found('note:election.*')).length).toBeGreaterThan(50);
  expect((await found('op:2')).length).toBe(2);
  const { total, more, events } = await model.search('path:/* client:1', { limit: 3 });
  expect(events.length).toBe(3);
  expect(more).toBe(true);
  expect(total).toBeGreaterThan(3);
  for (const index of await found('"cut" op:2')) expect((await model.event(index))!.sentence).toContain('cut');
  expect((await found('level:leader')).length).toBeGreaterThan(0);
});

test('pages of a table', async () => {
  const page = await model.events({ from: 100, count: 5 });
  expect(page.rows.map(({ index }) => index)).toEqual([100, 101, 102, 103, 104]);
  expect(page.total).toBe(info.events);
  const filtered = await model.events({ from: 1, count: 2, query: 'kind:boot' });
  expect(filtered.rows).toHaveLength(2);
  expect(filtered.rows.every(({ kind }) => kind === 'boot')).toBe(true);
});

test.each([
  ['colour:red', /there is no field "colour"/, 0, 6],
  ['server:two', /"two" is no number/, 7, 10],
  ['t:3x', /no time, such as 3s/, 2, 4],
  ['zxid:abc', /no zxid/, 5, 8],
  ['kind:', /needs a value/, 0, 5],
  ['kind>ACK', /cannot be compared/, 0, 8],
  ['(kind:ACK', /not closed/, 0, 1],
  ['kind:ACK)', /could close/, 8, 9],
  ['kind:ACK |', /a term is missing/, 10, 10],
])('%s is refused with the place of the mistake', async (query, message, from, to) => {
  const { error } = await model.search(query);
  expect(error?.message).toMatch(message);
  expect([error?.from, error?.to]).toEqual([from, to]);
});

test('values are read with their units', () => {
  const test = (query: string): unknown => (parseQuery(query).query as { test?: unknown }).test;
  expect(test('t:1.5min..2min')).toEqual({ kind: 'range', from: 90_000_000, to: 120_000_000 });
  expect(test('t>=2')).toEqual({ kind: 'number', by: '>=', value: 2_000_000 });
  expect(test('zxid:2/3')).toEqual({ kind: 'number', by: '=', value: 0x200000003 });
  expect(test('t:..40us')).toEqual({ kind: 'range', from: Number.NEGATIVE_INFINITY, to: 40 });
});
