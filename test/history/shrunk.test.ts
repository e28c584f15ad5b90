/** A broken history is shrunk to what breaks it, and what is left says the very same thing and nothing else. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asZxid } from '../../core/types.ts';
import { EventType } from '../../core/wire/opcodes.ts';
import { historyLines, historyView } from '../../sim/checkers/history/history-view.ts';
import { type JudgeOptions, judgeHistory } from '../../sim/checkers/history/judge.ts';
import { type HistoryRecord, toJsonLines } from '../../sim/checkers/history/record.ts';
import { type ShrunkHistory, shrinkHistory } from '../../sim/checkers/history/shrunk.ts';
import { EXIT, main } from '../../sim/cli/check.ts';
import { CALM } from '../../sim/schedule.ts';
import { generate } from '../../sim/swarm.ts';
import { SECRET_PREFIX } from '../../sim/workload.ts';
import { type MutatedSimulator, mutatedSimulator } from '../support/mutated.ts';
import { Story } from './story.ts';

const COMMITTED: JudgeOptions = { oracle: 'committed' };

/** Three clients, a queue, and a node that is made, written and deleted again and again: all in order. */
function crowded(): Story {
  const story = new Story();
  for (const client of [1, 2, 3]) story.open(client);
  story.create(1, '/q', '');
  story.create(2, '/a', 'a0');
  for (let i = 0; i < 30; i++) {
    story.create(1 + (i % 3), `/q/n${i}`, `d${i}`);
    story.set(1 + ((i + 1) % 3), '/a', `a${i + 1}`);
    story.get(3, '/a');
    if (i % 2 === 1) story.remove(2, `/q/n${i}`);
  }
  return story;
}

/** What the judge says of records, in words. */
function complaintsOf(records: readonly HistoryRecord[], options: JudgeOptions): string[] {
  const found: string[] = [];
  judgeHistory(records, options, (property, message) => found.push(`${property}: ${message}`));
  return found;
}

function expectSound(shrunk: ShrunkHistory, options: JudgeOptions): void {
  const { property, message } = shrunk.complaint;
  expect(complaintsOf(shrunk.records, options)).toEqual([`${property}: ${message}`]);
}

describe('what is left', () => {
  test('a sound history has nothing to shrink', () => {
    expect(shrinkHistory(crowded().records, COMMITTED)).toBeNull();
  });

  test.each([COMMITTED, { oracle: 'replies' } as const])(
    'of a session that goes back: two answers ($oracle)',
    (options) => {
      const story = crowded();
      story.get(1, '/q');
      story.get(1, '/q', { zxid: story.now - 1 });
      story.set(2, '/a', 'behind it');
      const shrunk = shrinkHistory(story.records, options)!;
      expectSound(shrunk, options);
      expect(shrunk.complaint.property).toBe('session-zxid');
      expect(shrunk.isMinimal).toBe(true);
      const asked = shrunk.records.filter(({ type }) => type === 'invoke');
      expect(asked).toHaveLength(2);
      expect(shrunk.records.length).toBeLessThanOrEqual(12);
      expect(shrunk.of).toBeGreaterThan(200);
    },
  );

  test('of a read of old data: the write, the read, and where the node comes from', () => {
    const story = crowded();
    const zxid = story.set(2, '/a', 'new');
    const stat = story.statAt('/a', zxid - 1);
    story.get(1, '/a', { zxid, stat });
    const shrunk = shrinkHistory(story.records, COMMITTED)!;
    expectSound(shrunk, COMMITTED);
    expect(shrunk.complaint.property).toBe('read-at-zxid');
    // Nothing of the queue, and nobody else.
    expect(historyLines(shrunk).join('\n')).not.toContain('/q');
    expect(shrunk.records.some((record) => 'client' in record && record.client === 3)).toBe(false);
  });

  test('nodes that are made and deleted go as a whole, and writes are numbered anew', () => {
    const story = new Story();
    story.open(1);
    for (let i = 0; i < 6; i++) {
      story.create(1, '/a', `a${i}`);
      story.set(1, '/a', 'more');
      story.remove(1, '/a');
    }
    const made = story.create(1, '/a', 'last');
    for (let i = 0; i < 6; i++) story.set(1, '/a', `w${i}`);
    story.read(1, { kind: 'exists', path: '/a', watch: false }, { stat: { czxid: asZxid(made - 1) } });
    const shrunk = shrinkHistory(story.records, COMMITTED)!;
    expectSound(shrunk, COMMITTED);
    expect(shrunk.isDerived).toBe(true);
    const commits = shrunk.records.flatMap((record) => (record.type === 'commit' ? [record.txn.kind] : []));
    expect(commits.filter((kind) => kind === 'create')).toHaveLength(1);
    expect(commits).not.toContain('delete');
  });

  test('an event twice: the watch and the first event stay, since they could excuse it', () => {
    const story = crowded();
    story.read(1, { kind: 'exists', path: '/a', watch: true });
    story.set(2, '/a', 'x');
    story.event(1, EventType.nodeDataChanged, '/a');
    story.event(1, EventType.nodeDataChanged, '/a');
    const shrunk = shrinkHistory(story.records, COMMITTED)!;
    expectSound(shrunk, COMMITTED);
    expect(shrunk.complaint.property).toBe('watch-unasked');
    expect(shrunk.records.filter(({ type }) => type === 'watch')).toHaveLength(2);
    expect(shrunk.records.filter(({ type }) => type === 'invoke')).toHaveLength(1);
  });

  test('the budget is kept, and what came of it is still sound', () => {
    const story = crowded();
    story.get(1, '/a', { stat: { version: 99 } });
    const shrunk = shrinkHistory(story.records, COMMITTED, 600)!;
    expect(shrunk.isMinimal).toBe(false);
    expectSound(shrunk, COMMITTED);
  });
});

describe('a run that breaks a promise', () => {
  let simulator: MutatedSimulator;
  let dir: string;
  beforeAll(async () => {
    simulator = await mutatedSimulator('child-list-keeps-the-deleted');
    dir = mkdtempSync(join(tmpdir(), 'shrunk-'));
  });
  afterAll(() => {
    simulator.close();
    rmSync(dir, { recursive: true });
  });

  test('is told as the shrunk history of its clients', async () => {
    const options = { oracle: 'committed', secretPrefix: SECRET_PREFIX } as const;
    const plan = {
      profile: 'calm',
      commit: '',
      options: { nodes: 1, observers: 0, clients: 2, duration: 8000 },
    } as const;
    const history = SEEDS.map((seed) => {
      const schedule = {
        ...generate({ ...plan, seed }),
        ops: [],
        swarm: { ...CALM, 'workload.rate': 8, 'workload.paths': 3 },
      };
      return simulator.run(schedule, { keepHistory: true });
    }).find(({ violations }) => violations.some(({ conflict }) => conflict !== undefined))!.history;
    const shrunk = shrinkHistory(history, options)!;
    expectSound(shrunk, options);
    expect(shrunk.complaint.property).toBe('read-at-zxid');
    expect(shrunk.isMinimal).toBe(true);
    expect(shrunk.records.length).toBeLessThanOrEqual(25);
    expect(shrunk.of).toBeGreaterThan(50);

    // The command says the same of the file, and of the file it writes.
    const [svg, view, file] = ['h.svg', 'h.json', 'h.jsonl'].map((name) => join(dir, name)) as [string, string, string];
    const text = [...toJsonLines(history)].join('');
    const flags = [
      '--spec',
      'zookeeper',
      '--svg',
      svg,
      '--view',
      view,
      '--shrunk',
      file,
      '--origin',
      'npm run sim -- --seed 1',
    ];
    const told = await command(text, ...flags);
    expect(told.code).toBe(EXIT.violation);
    expect(told.out).toContain(`shrunk     ${shrunk.records.length} of`);
    for (const line of historyLines(shrunk)) expect(told.out).toContain(line);
    expect(told.out).toContain('replay     npm run sim -- --seed 1');
    expect(readFileSync(svg, 'utf8')).toContain('class="core blocked"');
    expect(JSON.parse(readFileSync(view, 'utf8'))).toEqual(JSON.parse(JSON.stringify(historyView(shrunk))));
    const again = await command(readFileSync(file, 'utf8'), '--spec', 'zookeeper');
    expect(again.code).toBe(EXIT.violation);
    expect(again.out).toContain(shrunk.complaint.message);
  });
});

const SEEDS = ['1', '2', '3'];

async function command(text: string, ...flags: string[]): Promise<{ code: number; out: string }> {
  let out = '';
  const code = await main(['h.jsonl', ...flags], {
    out: (more) => {
      out += more;
    },
    err: (more) => {
      out += more;
    },
    read: () => text,
  });
  return { code, out };
}
