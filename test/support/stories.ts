/**
 * Transcripts: files in which commands stand above `----` and what came of them below, up to the next empty line. A test
 * performs the commands and tells what happens; the file is the expectation. With `UPDATE=1` the files are written anew, and
 * their difference is reviewed as a change of behaviour.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** Where a story is performed. */
export interface Stage {
  perform(command: string): void;
  /** What has happened since it was last asked. */
  takeOutput(): string;
}

/** Runs a story: every output block is replaced by what happens. Comments and blank lines stay. */
export function retell(story: string, stage: Stage): string {
  const told: string[] = [];
  let inOutput = false;
  for (const line of story.split('\n')) {
    if (line === '----') {
      told.push(line, stage.takeOutput());
      inOutput = true;
    } else if (line.trim() === '') {
      told.push('');
      inOutput = false;
    } else if (!inOutput) {
      told.push(line);
      if (!line.startsWith('#')) stage.perform(line);
    }
  }
  return told.join('\n');
}

export const storiesIn = (folder: URL): string[] => readdirSync(folder).filter((name) => name.endsWith('.txt'));

/** One test a file of `folder`, and one that there are at least `count`. */
export function describeStories(what: string, folder: URL, count: number, newStage: () => Stage): void {
  describe(what, () => {
    const files = storiesIn(folder);

    it('has stories to tell', () => {
      expect(files.length).toBeGreaterThanOrEqual(count);
    });

    it.each(files)('%s', (name) => {
      const url = new URL(name, folder);
      const story = readFileSync(url, 'utf8');
      const told = retell(story, newStage());
      if (process.env.UPDATE === '1') writeFileSync(url, told);
      else expect(told).toBe(story);
    });
  });
}
