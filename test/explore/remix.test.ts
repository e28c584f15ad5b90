/** A bug that happened is found in a mutated core, by a shortest path, which the mutated core goes again and a sound one not. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { explore, REMIX, replayWith } from './remix.ts';

test('ZOOKEEPER-4394: a COMMIT between NEWLEADER and UPTODATE', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'explore-'));
  try {
    const file = join(dir, 'path.json');
    const bug = REMIX.find(({ ticket }) => ticket === 'ZOOKEEPER-4394')!;
    const { mutant, report } = await explore(bug, ['--save', file]);
    expect(report.verdict).toBe('violation');
    expect(report.violation!.fault.property).toBe('should-not-be-triggered');
    expect(report.path).toHaveLength(13);
    expect(report.path!.at(-1)).toMatch(/COMMIT$/);
    expect(await replayWith(mutant, file)).toContain('VIOLATION  should-not-be-triggered');
    expect(await replayWith(null, file)).toContain('nothing is broken');
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('there are six of them', () => {
  expect(REMIX.map(({ ticket }) => ticket.slice('ZOOKEEPER-'.length))).toEqual([
    '3023',
    '4394',
    '4643',
    '4646',
    '4685',
    '4712',
  ]);
});
