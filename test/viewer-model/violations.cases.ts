/** What a failing run shows: the promise, the events that clash, the operations and why they cannot all be right. */

import { expect, test } from 'vitest';
import type { TraceModel } from '../../viewer/model/api.ts';
import { bytesOf, type Line, opened, shortTrace } from './traces.ts';

const { lines } = shortTrace();

/** The short run with another verdict. */
async function judged(violation: object): Promise<TraceModel> {
  const verdict = { ...lines.at(-1), verdict: 'safety', violations: [violation] };
  const text = [...lines.slice(0, -1), verdict].map((line) => JSON.stringify(line)).join('\n');
  return (await opened(bytesOf(text))).model;
}

const writes = lines.filter(
  ({ type, result, host, id }) => type === 'complete' && result === 'ok' && isWrite(host, id),
);

function isWrite(host: unknown, id: unknown): boolean {
  const asked = lines.find((line) => line.type === 'invoke' && line.host === host && line.id === id);
  return asked !== undefined && /^(create|setData|delete)/.test(String(asked.kind));
}

const [first, second] = [writes[0]!, writes.at(-1)!] as [Line, Line];
const common = {
  property: 'some-promise',
  kind: 'safety',
  sentence: 'what was promised',
  message: 'what happened',
  servers: [1, 2],
};

test('the checker of histories names the operations, their points and the reasons', async () => {
  const op = ({ host, id }: Line, pointUs: number | null): object => ({
    client: (host as number) - 1000,
    id,
    what: 'x',
    invokedUs: 1,
    answeredUs: 2,
    zxid: 1,
    pointUs,
    events: [],
  });
  const model = await judged({
    ...common,
    atUs: second.t,
    events: [first.event, second.event],
    conflict: {
      ops: [
        op(first, 1_234_567),
        { client: 0, id: null, what: 'expiry', invokedUs: null, answeredUs: null, zxid: 5, pointUs: null, events: [] },
        op(second, null),
      ],
      edges: [
        { from: 0, to: 2, kind: 'real-time', says: 'was answered before' },
        { from: 1, to: 2, kind: 'zxid', says: 'comes before' },
      ],
    },
  });
  const [violation] = await model.violations();
  expect(violation).toMatchObject({ property: 'some-promise', message: 'what happened', number: 1, servers: [1, 2] });
  expect(violation!.clash.map(({ index }) => index)).toEqual([
    await model.indexOf(first.event as number),
    await model.indexOf(second.event as number),
  ]);
  expect(violation!.operations.map(({ host }) => host)).toEqual([first.host, second.host]);
  expect(violation!.operations[0]!.text).toMatch(/^client \d: (create|setData|delete).*, ok at 0x1/);
  // The transaction is no operation of a client.
  expect(violation!.reasons).toEqual([{ from: 0, to: 1, text: 'was answered before' }]);
  expect(violation!.conflict!.children!.map(({ key }) => key)).toEqual(['ops', 'edges']);
  const picture = await model.picture();
  const { host, row } = violation!.operations[0]!;
  expect(picture.clients.find((lane) => lane.host === host)!.operations.pointUs[row]).toBe(1_234_567);
  expect(picture.violations).toHaveLength(1);
  expect(picture.story.find(({ kind }) => kind === 'violation')).toMatchObject({
    text: 'some-promise: what was promised',
    ref: 1,
  });
});

test('without them, the operations around it are shown', async () => {
  const model = await judged({ ...common, atUs: 4_000_000, events: [999_999] });
  const [violation] = await model.violations();
  expect(violation).toMatchObject({ clash: [], conflict: null, reasons: [] });
  expect(violation!.operations.length).toBeGreaterThan(3);
});

test('a write takes effect when it is first known as committed, between its invocation and its answer', async () => {
  const { model } = await opened(bytesOf(shortTrace().text));
  const picture = await model.picture();
  let points = 0;
  for (const { operations } of picture.clients) {
    for (let row = 0; row < operations.count; row++) {
      const point = operations.pointUs[row]!;
      if (Number.isNaN(point)) continue;
      points += 1;
      expect(point).toBeGreaterThanOrEqual(operations.beginUs[row]!);
      expect(point).toBeLessThanOrEqual(operations.endUs[row]!);
    }
  }
  expect(points).toBe(writes.length);
});
