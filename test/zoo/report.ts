/** Results of hunts on disk, and what is written about them: `docs/zoo.md` and a summary in the README. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Mutant, projectRoot, readCatalog } from '../mutants/catalog.ts';
import { FAMILIES, ROWS, type Row } from './rows.ts';
import { SMOKE } from './sample.ts';
import { type Entry, lineOf, markdown, median } from './table.ts';

export const RESULTS = join(projectRoot(), 'test/zoo/results.json');
const PAGE = join(projectRoot(), 'docs/zoo.md');
const README = join(projectRoot(), 'README.md');
const [BEGIN, END] = ['<!-- zoo:begin -->', '<!-- zoo:end -->'];

export function readEntries(file: string): Entry[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Entry[]) : [];
}

export function writeEntries(file: string, entries: readonly Entry[]): void {
  const sorted = [...entries].sort((a, b) => (`${a.id} ${a.judge}` < `${b.id} ${b.judge}` ? -1 : 1));
  writeFileSync(file, `[\n${sorted.map((one) => JSON.stringify(one)).join(',\n')}\n]\n`);
}

/** The page between its markers, and the README's summary if the README has markers for it. */
export function writeReport(file: string): void {
  const entries = readEntries(file);
  replaceBetween(PAGE, `\n${summary(entries)}\n\n${tables(entries)}`);
  if (readFileSync(README, 'utf8').includes(BEGIN)) replaceBetween(README, `\n${summary(entries)}\n`);
}

function replaceBetween(file: string, text: string): void {
  const whole = readFileSync(file, 'utf8');
  const [from, to] = [whole.indexOf(BEGIN), whole.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${file} has no markers ${BEGIN} and ${END}`);
  writeFileSync(file, `${whole.slice(0, from + BEGIN.length)}${text}${whole.slice(to)}`);
}

type Fate = 'simulator' | 'client' | 'test' | 'not found' | 'not hunted' | 'absent';

const mutations = (): Mutant[] => [...readCatalog('catalog'), ...readCatalog('zoo')];

/** A row fares as the best of its mutations. */
function fateOf(row: Row, entries: readonly Entry[], mutants: readonly Mutant[]): Fate {
  if (row.absent !== undefined) return 'absent';
  const own = mutants.filter(({ rows }) => rows.includes(row.id)).map(({ id }) => id);
  const hunted = entries.filter(({ id, judge }) => judge === 'all' && own.includes(id));
  if (hunted.length === 0) return 'not hunted';
  const found = hunted.flatMap(({ starts }) => starts.filter((start) => start.found));
  if (found.length === 0) return 'not found';
  return found.some(({ property }) => property !== 'test') ? 'simulator' : 'test';
}

/** A few lines: how many, how fast, and which not. */
export function summary(entries: readonly Entry[]): string {
  const mutants = mutations();
  const fates = ROWS.map((row) => ({ row, fate: fateOf(row, entries, mutants) }));
  const count = (fate: Fate): number => fates.filter((one) => one.fate === fate).length;
  const idsOf = (fate: Fate): string =>
    fates
      .filter((one) => one.fate === fate)
      .map(({ row }) => row.id)
      .join(', ');
  const hunted = entries.filter(
    ({ judge, starts }) => judge === 'all' && starts.some(({ property }) => property !== 'test'),
  );
  const isFound = ({ starts }: Entry): boolean => starts.some(({ found }) => found);
  const seconds = hunted.filter(isFound).map(medianSeconds);
  const missed = hunted.filter((entry) => !isFound(entry)).map(({ id }) => `\`${id}\``);
  const byTests =
    count('test') === 0
      ? ''
      : `${count('test')} more are asked for by no simulated client or peer and are found by unit tests; `;
  const lines = [
    `Of ${ROWS.length} bugs that really happened, the simulator finds ${count('simulator')}; ${byTests}` +
      `${count('absent')} cannot happen here, for reasons that [docs/zoo.md](docs/zoo.md) gives.`,
  ];
  if (count('not found') > 0) lines.push(`Bugs not found: ${idsOf('not found')}.`);
  if (count('not hunted') > 0) lines.push(`Bugs not hunted: ${idsOf('not hunted')}.`);
  if (seconds.length > 0) {
    const within = (limit: number): number => seconds.filter((value) => value < limit).length;
    lines.push(
      `Of ${hunted.length} mutations hunted by simulation ${seconds.length} are found; ` +
        `${within(1)} of these take less than a CPU second (median over their starting seeds), ` +
        `${within(10)} less than ten, ${within(60)} less than sixty; the median one takes ${median(seconds).toFixed(1)}.` +
        `${missed.length === 0 ? '' : ` Not found: ${missed.join(', ')}.`}`,
    );
  }
  const byClients = entries.filter(({ judge }) => judge === 'client-only');
  if (byClients.length > 0) {
    const seen = byClients.filter(isFound).length;
    lines.push(
      `By nothing but what clients were told, ${seen} of the ${byClients.length} mutations that were hunted so are found.`,
    );
  }
  return `${lines.join('\n')}\n\n${familyTable(fates, hunted.filter(isFound))}`;
}

/** A line a family. Times are those of the median and of the slowest of its mutations that are found, each the median of its starts. */
function familyTable(fates: readonly { row: Row; fate: Fate }[], found: readonly Entry[]): string {
  const body = Object.entries(FAMILIES).map(([letter, name]) => {
    const own = fates.filter(({ row }) => row.id.startsWith(letter));
    const count = (...wanted: readonly Fate[]): number => own.filter(({ fate }) => wanted.includes(fate)).length;
    const seconds = found.filter(({ rows }) => rows[0]?.startsWith(letter)).map(medianSeconds);
    const times = seconds.length === 0 ? '| |' : `${median(seconds).toFixed(1)} | ${Math.max(...seconds).toFixed(1)} |`;
    const cells = [own.length, count('simulator', 'test'), count('not found', 'not hunted'), count('absent')];
    return `| ${letter} ${name} | ${cells.join(' | ')} | ${seconds.length} | ${times}`;
  });
  return [
    '| bugs | listed | found | not found | cannot happen | mutations found | CPU s, median | slowest |',
    '|---|---:|---:|---:|---:|---:|---:|---:|',
    ...body,
  ].join('\n');
}

const medianSeconds = ({ starts }: Entry): number => median(starts.map(({ cpuMs }) => cpuMs)) / 1000;

/** Every row: what it was, what stands for it, and how it fared. */
function tables(entries: readonly Entry[]): string {
  const mutants = mutations();
  const judged = (judge: Entry['judge']): Entry[] => entries.filter((entry) => entry.judge === judge);
  const byRow = (a: Entry, b: Entry): number => (`${a.rows[0]} ${a.id}` < `${b.rows[0]} ${b.id}` ? -1 : 1);
  const lines = judged('all').sort(byRow).map(lineOf);
  const clientLines = judged('client-only').sort(byRow).map(lineOf);
  const parts = [`## The hunts\n\n${markdown(lines)}`];
  if (clientLines.length > 0) parts.push(`## With client-visible checks only\n\n${markdown(clientLines)}`);
  parts.push(`## The rows\n\n${rowTable(mutants)}`, `## What cannot happen here\n\n${absentList()}`);
  return `${parts.join('\n')}\n`;
}

function rowTable(mutants: readonly Mutant[]): string {
  const body = ROWS.filter(({ absent }) => absent === undefined).map((row) => {
    const own = mutants.filter(({ rows }) => rows.includes(row.id));
    const standing = own
      .map(({ id, says }) => `\`${id}\`${SMOKE.includes(id) ? ' (smoke)' : ''}: ${says}`)
      .join('<br>');
    return `| ${row.id} | ${row.origin} | ${row.what} | ${standing} |`;
  });
  return ['| row | origin | what went wrong | the mutation |', '|---|---|---|---|', ...body, ''].join('\n');
}

const absentList = (): string =>
  ROWS.filter(({ absent }) => absent !== undefined)
    .map(({ id, origin, what, absent }) => `- **${id}** ${origin}: ${what}. ${absent}.`)
    .join('\n');
