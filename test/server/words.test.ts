/** The word that needs the disk: `dirs`, of a server in this process, against what the file system says. */

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../server/client.ts';
import { askFourLetterWord } from '../../server/four-letter.ts';
import { type Standalone, startStandalone } from './standalone.ts';

let server: Standalone;

beforeAll(async () => {
  server = await startStandalone({ fourLetterWords: 'all', snapCount: 20 });
});

afterAll(async () => {
  await server.stop();
  server.remove();
});

test('how much is in the directories of snapshots and of logs', async () => {
  const zk = await connect({ hosts: `127.0.0.1:${server.port}` });
  for (let i = 0; i < 60; i++) await zk.create(`/n${i}`, new Uint8Array(1000));
  await zk.close();
  // Snapshots are written in the background: asked again until nothing has changed in between.
  for (;;) {
    const before = sizesOnDisk();
    const told = await Promise.all([1, 2, 3].map(() => ask('dirs')));
    if (sizesOnDisk() !== before) continue;
    expect(told).toEqual([before, before, before]);
    expect(before).toMatch(/^datadir_size: \d{4,}\nlogdir_size: \d{5,}\n$/);
    return;
  }
});

const ask = (word: string): Promise<string | null> =>
  askFourLetterWord({ host: '127.0.0.1', port: server.port }, word, null);

function sizesOnDisk(): string {
  const [data, log] = ['data', 'log'].map((name) => {
    const dir = join(server.dir, name, 'version-2');
    return readdirSync(dir).reduce((sum, file) => sum + statSync(join(dir, file)).size, 0);
  });
  return `datadir_size: ${data}\nlogdir_size: ${log}\n`;
}
