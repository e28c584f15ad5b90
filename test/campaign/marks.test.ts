/** The registry of marks and the canaries fit the source. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CANARIES, mutated } from '../../sim/campaign/canaries.ts';
import { MARKS, REQUIRED, REQUIRED_MARKS } from '../../sim/campaign/marks.ts';
import { projectRoot } from '../mutants/catalog.ts';

/** `note(io, 'area.object.event', …)`, also over lines, and `emitNote` of the client. */
const NOTE = /\b(?:note|emitNote)\(\s*[\w.]+,\s*('[^']+'|[^,)]+)/g;
const CODE = /^'([a-z][A-Za-z]*(?:\.[A-Za-z-]+)+)'$/;

function notesOf(text: string): { codes: string[]; others: string[] } {
  const found = [...text.matchAll(NOTE)].map(([, code]) => code!.trim());
  const codes = found.flatMap((code) => CODE.exec(code)?.[1] ?? []);
  return { codes, others: found.filter((code) => !CODE.test(code)) };
}

describe('marks', () => {
  const files = readdirSync(join(projectRoot(), 'core'), { recursive: true }).map(String);
  const sources = files.filter((name) => name.endsWith('.ts'));
  const notes = sources.map((name) => notesOf(readFileSync(join(projectRoot(), 'core', name), 'utf8')));
  const codes = new Set(notes.flatMap((each) => each.codes));

  test('every note of the core is registered, and nothing else', () => {
    expect(codes.size).toBeGreaterThan(60);
    expect([...codes].filter((code) => !(code in MARKS)).sort()).toEqual([]);
    expect(Object.keys(MARKS).filter((code) => !codes.has(code))).toEqual([]);
  });

  test('every code is written out where the note is left', () => {
    // The one function that all of them go through takes it as an argument.
    expect(notes.flatMap((each) => each.others).filter((code) => !/^code\b/.test(code))).toEqual([]);
    expect(notesOf("note(io, kind ? 'a.b' : 'c.d');").others).toHaveLength(1);
    expect(notesOf("note(\n  t.io,\n  'a.b.c',\n  {});").codes).toEqual(['a.b.c']);
  });

  test('one that is not required says why', () => {
    expect(REQUIRED_MARKS.length).toBeGreaterThan(40);
    for (const [code, said] of Object.entries(MARKS)) {
      if (said !== REQUIRED) expect(said.length, code).toBeGreaterThan(30);
    }
  });
});

describe('canaries', () => {
  test.each(CANARIES)('$id fits the source', (canary) => {
    const text = readFileSync(join(projectRoot(), canary.file), 'utf8');
    expect(mutated(canary, text)).not.toBe(text);
    expect(() => mutated(canary, '')).toThrow('its text is not in');
    expect(() => mutated(canary, text + text)).toThrow('is more than once in');
  });
});
