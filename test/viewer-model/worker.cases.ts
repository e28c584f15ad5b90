/** The model behind a message port, with and without a helper: the same answers. */

import { MessageChannel } from 'node:worker_threads';
import { expect, test } from 'vitest';
import type { Picture } from '../../viewer/model/api.ts';
import { connectViewer, type PortLike, serveViewer } from '../../viewer/model/client.ts';
import { ScannerPool, serveScanner } from '../../viewer/model/helpers.ts';
import { openViewer } from '../../viewer/model/open.ts';
import { bytesOf, compressed, NODE_GZIP, opened, shortTrace } from './traces.ts';

const { text } = shortTrace();

function channel(): { readonly near: PortLike; readonly far: PortLike; readonly close: () => void } {
  const { port1, port2 } = new MessageChannel();
  return { near: port1 as unknown as PortLike, far: port2 as unknown as PortLike, close: () => port1.close() };
}

/** Enough to see that all of it came over. */
const picked = ({ lanes, names, servers, faults, story, messages }: Picture): unknown => ({
  lanes,
  names,
  bands: servers.map(({ bands }) => bands),
  faults,
  story,
  sent: Array.from(messages.sentUs).join(),
});

test('answers over a port are those of the model in place', async () => {
  const { near, far, close } = channel();
  serveViewer(far, openViewer({ gzip: NODE_GZIP }));
  const viewer = connectViewer(near);
  const heard: string[] = [];
  const stop = viewer.onProgress(({ phase }) => heard.push(phase));
  const id = await viewer.open({ kind: 'bytes', name: 'x', bytes: bytesOf(text) });
  const info = await viewer.whenLoaded(id);
  stop();
  expect(heard.at(-1)).toBe('complete');
  const { model } = await opened(bytesOf(text), 'x');
  expect(info).toEqual(await model.info());
  const remote = viewer.trace(id);
  const wanted = picked(await model.picture());
  expect(picked(await remote.picture())).toEqual(wanted);
  // What is handed over is made for each answer: a second one is as good.
  expect(picked(await remote.picture())).toEqual(wanted);
  const axis = await remote.logical();
  expect(axis.max).toBe((await model.logical()).max);
  expect(axis.rank.length).toBe(info.events + 1);
  expect((await remote.logical()).rank.length).toBe(info.events + 1);
  expect(await remote.election(2)).toEqual(await model.election(2));
  expect(await remote.state(2, 700)).toEqual(await model.state(2, 700));
  await expect(viewer.whenLoaded(99)).rejects.toThrow('no open trace 99');
  await viewer.close(id);
  await expect(remote.info()).rejects.toThrow('no open trace');
  close();
});

test('helpers scan blocks, and nothing is different', async () => {
  const { near, far, close } = channel();
  serveScanner(far, NODE_GZIP);
  const pool = new ScannerPool(NODE_GZIP);
  let own = 0;
  pool.add(near);
  const viewer = openViewer({
    gzip: NODE_GZIP,
    scan: (block) => {
      const scanned = pool.scan(block);
      own += 1;
      return scanned;
    },
  });
  const bytes = compressed(text, 15_000, false);
  const id = await viewer.open({ kind: 'bytes', name: 'x', bytes });
  expect((await viewer.whenLoaded(id)).phase).toBe('complete');
  expect(own).toBeGreaterThan(10);
  const { model } = await opened(bytes, 'x');
  expect(picked(await viewer.trace(id).picture())).toEqual(picked(await model.picture()));
  close();
});

test('a helper that cannot read a block says so', async () => {
  const { near, far, close } = channel();
  serveScanner(far, NODE_GZIP);
  const pool = new ScannerPool(NODE_GZIP);
  pool.add(near);
  await expect(pool.scan({ bytes: bytesOf('not gzip'), isGzip: true })).rejects.toThrow();
  expect((await pool.scan({ bytes: bytesOf(text.slice(0, 2000)), isGzip: false })).lines).toBeGreaterThan(1);
  close();
});
