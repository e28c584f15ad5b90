import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { boot, step } from '../../core/peer.ts';
import { showSession } from '../../core/types.ts';
import { connect } from '../../server/client.ts';
import { askFourLetterWord } from '../../server/four-letter.ts';
import { readRecording } from '../../server/recorder.ts';
import { startStandalone } from './standalone.ts';

test('a recorded run, run again, ends in the same state', async () => {
  const server = await startStandalone({ fourLetterWords: ['mntr'] }, { record: true });
  const zk = await connect({ hosts: `127.0.0.1:${server.port}` });
  for (let index = 0; index < 20; index++) await zk.create(`/node-${index}`, new Uint8Array([index]));
  await zk.multi([
    { kind: 'setData', path: '/node-1', data: new Uint8Array([99]), version: 0 },
    { kind: 'delete', path: '/node-2', version: -1 },
  ]);
  const text = (await askFourLetterWord({ host: '127.0.0.1', port: server.port }, 'mntr', null)) ?? '';
  await zk.close();
  await server.stop();
  const recordings = join(server.dir, 'recording');
  const recording = readRecording(join(recordings, readdirSync(recordings)[0] ?? ''));
  server.remove();

  if (recording === null) return expect.fail('no recording');
  const { header, inputs } = recording;
  const peer = boot(header.config, header.secrets, header.now, () => {});
  const wanted = /^zk_state_digest\t(.*)$/m.exec(text)?.[1];
  const digests = inputs.map(({ now, input }) => {
    step(peer, now, input, () => {});
    return showSession(peer.heap.tree.stateDigest());
  });
  expect(digests).toContain(wanted);
  expect(peer.heap.tree.get('/node-1')?.data).toEqual(new Uint8Array([99]));
  expect(peer.heap.tree.get('/node-2')).toBe(undefined);
});
