/** Cones, chains and the logical axis against the definition, on the events of a real run. */

import { expect, test } from 'vitest';
import { bytesOf, opened, shortTrace } from './traces.ts';

const { text } = shortTrace();
const { model, info } = await opened(bytesOf(text));
const { events } = await model.picture();

/** Happens-before, spelled out: the transitive closure of causes and of the order within a host. */
function before(index: number, byOrder: boolean): Set<number> {
  const found = new Set<number>();
  const open = [index];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const parents = [events.cause[at - 1]!];
    const host = events.host[at - 1]!;
    if (byOrder && host !== 0) {
      let other = at - 1;
      while (other > 0 && events.host[other - 1] !== host) other -= 1;
      parents.push(other);
    }
    for (const parent of parents) {
      if (parent === 0 || found.has(parent)) continue;
      found.add(parent);
      open.push(parent);
    }
  }
  return found;
}

const some = [1, 17, 200, 431, 777, 1003, info.events];

test('the cone of causes is the transitive closure', async () => {
  for (const index of some) {
    for (const by of ['cause', 'order'] as const) {
      const cone = await model.cone(index, 'causes', 100_000, by);
      expect(new Set(cone.events)).toEqual(before(index, by === 'order'));
      expect(cone.more).toBe(false);
    }
  }
});

test('effects are the other way round', async () => {
  for (const by of ['cause', 'order'] as const) {
    const cone = await model.cone(200, 'effects', 100_000, by);
    const wanted = Array.from({ length: info.events }, (_, i) => i + 1).filter((index) =>
      before(index, by === 'order').has(200),
    );
    expect(Array.from(cone.events)).toEqual(wanted);
    expect(wanted.length).toBeGreaterThan(0);
  }
  const small = await model.cone(200, 'effects', 5, 'order');
  expect(small.more).toBe(true);
  expect(small.events.length).toBe(5);
});

test('every link of a chain holds, and there is one exactly when one event is before the other', async () => {
  let found = 0;
  for (const a of some) {
    for (const b of some) {
      if (a >= b) continue;
      const chain = await model.chain(a, b);
      // Within the world itself only causes count.
      expect(chain !== null, `${a} to ${b}`).toBe(before(b, true).has(a));
      if (chain === null) continue;
      found += 1;
      expect(chain[0]).toMatchObject({ index: a, by: 'start' });
      expect(chain.at(-1)!.index).toBe(b);
      for (const [i, { index, by }] of chain.entries()) {
        if (i === 0) continue;
        const last = chain[i - 1]!.index;
        if (by === 'cause') expect(events.cause[index - 1]).toBe(last);
        else expect([events.host[index - 1], last < index]).toEqual([events.host[last - 1], true]);
      }
    }
  }
  expect(found).toBeGreaterThan(3);
});

test('a chain has as few messages as there can be', async () => {
  const target = 1003;
  // Breadth first over causes, with any number of steps within a host for free.
  const hops = new Map<number, number>([[target, 0]]);
  let layer = [target];
  for (let depth = 0; layer.length > 0 && depth < 6; depth++) {
    const free = new Set<number>();
    for (const index of layer) {
      const host = events.host[index - 1]!;
      for (let other = index; other > 0; other--) {
        if (other !== index && (host === 0 || events.host[other - 1] !== host)) continue;
        if (!hops.has(other)) hops.set(other, depth);
        free.add(other);
      }
    }
    layer = [];
    for (const index of free) {
      const cause = events.cause[index - 1]!;
      if (cause > 0 && !hops.has(cause)) layer.push(cause);
    }
    for (const index of layer) hops.set(index, depth + 1);
  }
  let compared = 0;
  for (const [from, least] of [...hops].filter((_, i) => i % 90 === 5)) {
    const chain = await model.chain(from, target);
    if (chain === null) continue;
    const isPure = chain.every(({ by }) => by !== 'host');
    const crossing = chain.filter(
      ({ by, index }, i) => by === 'cause' && events.host[index - 1] !== events.host[chain[i - 1]!.index - 1],
    ).length;
    if (!isPure) expect(crossing).toBeLessThanOrEqual(least);
    compared += 1;
  }
  expect(compared).toBeGreaterThan(3);
});

test('on the logical axis every event is after what it follows from', async () => {
  const { rank, max } = await model.logical();
  for (let index = 1; index <= info.events; index++) {
    const cause = events.cause[index - 1]!;
    if (cause > 0) expect(rank[index]).toBeGreaterThan(rank[cause]!);
  }
  expect(Math.max(...rank)).toBe(max);
  const last = new Map<number, number>();
  for (let index = 1; index <= info.events; index++) {
    const host = events.host[index - 1]!;
    if (host !== 0 && last.has(host)) expect(rank[index]).toBeGreaterThan(rank[last.get(host)!]!);
    last.set(host, index);
  }
});
