/** State, log and tree of any server at any event: what the viewer shows is what the simulator had. */

import { expect, test } from 'vitest';
import type { LogEntry as CoreEntry } from '../../core/wire/txn.ts';
import { run } from '../../sim/runner.ts';
import type { PeerHost } from '../../sim/server.ts';
import type { StateNode } from '../../viewer/model/api.ts';
import { nodeOf } from '../../viewer/model/nodes.ts';
import { applied } from '../../viewer/model/state.ts';
import { bytesOf, compressed, opened, shortSchedule, shortTrace } from './traces.ts';

interface Sample {
  readonly index: number;
  readonly host: number;
  readonly state: unknown;
  readonly paths: readonly { readonly path: string; readonly data: number; readonly version: number | undefined }[];
  readonly log: readonly CoreEntry[];
  readonly last: number;
}

/** Every so many steps the simulator itself is asked; it runs on plain state, without any patch. */
const samples = sampled(29);
const { text, lines } = shortTrace();
const { model } = await opened(compressed(text, 20_000));

function sampled(every: number): Sample[] {
  const found: Sample[] = [];
  run(shortSchedule(), {
    hooks: {
      afterStep: ({ event, host, machine, effects, executed }) => {
        if (host >= 1000 || event.index % every !== 0 || executed < effects.length) return;
        const { peer } = machine as PeerHost;
        const { tree, log } = peer.heap;
        const paths = [...tree.paths()].sort().map((path) => ({
          path,
          data: tree.get(path)?.data?.length ?? 0,
          version: tree.stat(path)?.version,
        }));
        const entries = Array.from({ length: log.length }, (_, i) => log.get(i));
        found.push({
          index: event.index,
          host,
          state: structuredClone(peer.state),
          paths,
          log: entries,
          last: log.last,
        });
      },
    },
  });
  return found;
}

/** Without marks of change. */
const plain = (node: StateNode): unknown => ({
  key: node.key,
  kind: node.kind,
  text: node.text,
  children: node.children?.filter(({ change }) => change !== 'removed').map(plain) ?? null,
});

test('the state at any event is the one the simulator had, forwards and at random', async () => {
  expect(samples.length).toBeGreaterThan(20);
  const turned = samples.map((_, i) => samples[(i * 7) % samples.length]!);
  for (const { index, host, state } of [...samples, ...turned]) {
    const view = await model.state(host, index);
    expect(view).toMatchObject({ host, index, stepIndex: index, status: 'running' });
    expect(plain(view.root!)).toEqual(plain(nodeOf(`server ${host}`, state)));
  }
});

test('what an event changed is marked in the tree and told before and after', async () => {
  const line = lines.find(
    ({ type, patches }) =>
      type === 'patches' &&
      (patches as { op: string; path: unknown[] }[]).some(
        ({ op, path }) => op === 'replace' && path.join() === 'committed',
      ),
  )!;
  const step = lines.find(({ type, id }) => type === 'step' && id === line.event)!;
  const { changes, root } = await model.state(step.host as number, step.index as number);
  const patches = line.patches as { op: string; path: unknown[] }[];
  expect(changes).toHaveLength(patches.length);
  const change = changes.find(({ path }) => path.join() === 'committed')!;
  expect(change.before).not.toBe(change.after);
  const node = root!.children!.find(({ key }) => key === 'committed')!;
  expect(node).toMatchObject({ change: 'changed', text: change.after, before: change.before, kind: 'zxid' });
  expect(root!.change).toBe('within');
  const detail = await model.event(step.index as number);
  expect(detail!.changes).toEqual(changes);
});

test('a server that is down has no state', async () => {
  const crash = lines.find(({ type, host }) => type === 'crash' && host === 3)!;
  const index = await model.indexOf(crash.event as number);
  expect(await model.state(3, index + 1)).toMatchObject({ status: 'down', root: null });
  expect(await model.state(3, index - 1)).toMatchObject({ status: 'running' });
  expect(await model.state(1, 0)).toMatchObject({ status: 'down', root: null });
});

test('questions asked at once do not disturb each other', async () => {
  const asked = samples.slice(0, 12);
  const views = await Promise.all(asked.map(({ host, index }) => model.state(host, index)));
  for (const [i, { host, state }] of asked.entries())
    expect(plain(views[i]!.root!)).toEqual(plain(nodeOf(`server ${host}`, state)));
});

test('the next change of a field is the next event that changed it', async () => {
  const steps = new Map(lines.filter(({ type }) => type === 'step').map((line) => [line.id, line]));
  const changed = lines.flatMap((line) => {
    if (line.type !== 'patches' || line.host !== 2) return [];
    const isIt = (line.patches as { path: unknown[] }[]).some(({ path }) => path[0] === 'durable');
    return isIt ? [steps.get(line.event)!.index as number] : [];
  });
  const boot = lines.find(({ type, host, kind }) => type === 'step' && host === 2 && kind === 'boot')!.index as number;
  const found: number[] = [];
  for (
    let at = await model.nextChange(2, 0, ['durable'], 1);
    at > 0;
    at = await model.nextChange(2, at, ['durable'], 1)
  )
    found.push(at);
  expect(found).toEqual([boot, ...changed]);
  expect(await model.nextChange(2, changed[3]!, ['durable'], -1)).toBe(changed[2]);
});

test('two moments and two servers are compared', async () => {
  const [a, b] = [
    samples[4]!,
    samples.find(({ host, index }) => host === samples[4]!.host && index > samples[4]!.index + 200)!,
  ];
  const { changes, root } = await model.stateDiff(a, b);
  expect(changes.length).toBeGreaterThan(0);
  expect(root!.change).toBe('within');
  expect((await model.stateDiff(a, a)).changes).toEqual([]);
  const back = await model.stateDiff(b, a);
  const swapped = { add: 'remove', remove: 'add', replace: 'replace' };
  expect(back.changes.map(({ path, op }) => `${op} ${path.join('/')}`).sort()).toEqual(
    changes.map(({ path, op }) => `${swapped[op]} ${path.join('/')}`).sort(),
  );
});

test('the tree is rebuilt node by node, and says that it is exact', async () => {
  let exact = 0;
  for (const { host, index, paths } of samples.filter((_, i) => i % 3 === 0)) {
    const tree = await model.tree(host, index);
    expect(
      tree.nodes
        .map(({ path, bytes, version }) => ({ path, data: bytes, version }))
        .filter(({ path }) => path !== '/zookeeper/config'),
    ).toEqual(
      // The configuration is written outside of transactions.
      paths.filter(({ path }) => path !== '/zookeeper/config'),
    );
    if (tree.exact) exact += 1;
  }
  expect(exact).toBeGreaterThan(5);
  expect((await model.tree(2, samples.at(-1)!.index)).zxid).toBeGreaterThan(0x100000000);
});

test('the log is what the server held', async () => {
  for (const { host, index, log, last } of samples) {
    const view = await model.log(host, index, { count: log.length });
    expect(view.last).toBe(last);
    if (log.length === 0) continue;
    expect(view.entries.map(({ zxid }) => zxid)).toEqual(log.map(({ zxid }) => zxid).reverse());
    for (const { text: said } of view.entries) expect(said).toMatch(/by session 0x/);
  }
});

test('patches are applied as immer means them', () => {
  const state = {
    list: [1, 2, 3],
    map: new Map<unknown, unknown>([[5n, { a: 1 }]]),
    set: new Set(['x']),
    deep: { gone: 1 },
  };
  applied(state, { op: 'replace', path: ['list', 'length'], value: 1 });
  applied(state, { op: 'add', path: ['list', 0], value: 9 });
  applied(state, { op: 'replace', path: ['map', 5n, 'a'], value: 2 });
  applied(state, { op: 'add', path: ['map', 6n], value: 3 });
  applied(state, { op: 'remove', path: ['set', 0], value: 'x' });
  applied(state, { op: 'remove', path: ['deep', 'gone'] });
  expect(state).toEqual({
    list: [9, 1],
    map: new Map<unknown, unknown>([
      [5n, { a: 2 }],
      [6n, 3],
    ]),
    set: new Set(),
    deep: {},
  });
  expect(applied(state, { op: 'replace', path: [], value: 7 })).toBe(7);
});

test('an event tells what it read, sent and asked for', async () => {
  const segment = lines.find(
    ({ type, messages }) =>
      type === 'segment' && (messages as { name: string }[]).some(({ name }) => name === 'PROPOSAL'),
  )!;
  const index = await model.indexOf(segment.event as number);
  const detail = (await model.event(index))!;
  const proposal = detail.sent.find(({ name }) => name === 'PROPOSAL')!;
  expect(proposal).toMatchObject({ from: segment.from, to: segment.to, sentIndex: index, group: 'proposal' });
  expect(proposal.fields.map(({ name }) => name)).toEqual(['zxid', 'session', 'cxid', 'txn']);
  expect(detail.sentence).toMatch(/sends .*PROPOSAL 0x1/);
  const received = (await model.event(proposal.arrivedIndex))!;
  expect(received.received.map(({ row, fields }) => ({ row, fields }))).toContainEqual({
    row: proposal.row,
    fields: proposal.fields,
  });
  expect(received.host).toBe(proposal.to);
});

test('bytes read twice are equal', async () => {
  const { model: other } = await opened(bytesOf(text));
  const { index, host } = samples.at(-1)!;
  expect(await other.state(host, index)).toEqual(await model.state(host, index));
});
