/** `npm run check -- FILE --spec zookeeper`: the judge of histories over a file that `npm run sim -- --history FILE` wrote. */

import { type Conflict, conflictLines } from '../checkers/history/conflict.ts';
import { historyLines, historyView, shrunkText } from '../checkers/history/history-view.ts';
import { judgeHistory } from '../checkers/history/judge.ts';
import { fromJsonLines, type HistoryRecord } from '../checkers/history/record.ts';
import { drawText } from '../checkers/history/search/draw.ts';
import { type ShrunkHistory, shrinkHistory } from '../checkers/history/shrunk.ts';
import { PROPERTIES, type PropertyId } from '../checkers/properties.ts';
import { plural } from '../text.ts';
import { SECRET_PREFIX } from '../workload.ts';

export interface JudgedFile {
  readonly status: 'ok' | 'violation';
  /** Whether the file holds the committed transactions, so that everything is decided. */
  readonly oracle: 'committed' | 'replies';
  readonly records: number;
  readonly decided: Readonly<Record<string, number>>;
  readonly violations: readonly {
    readonly property: PropertyId;
    readonly sentence: string;
    readonly message: string;
    readonly conflict: Conflict | null;
  }[];
  /** Of the first violation; null when there is none or it was not asked for. */
  readonly shrunk: ShrunkHistory | null;
}

/** Throws with the number of the line that is no record. `explain`: a violation is shrunk as well. */
export function judgeText(text: string, explain = true): JudgedFile {
  const records: HistoryRecord[] = [...fromJsonLines(text.split('\n'))];
  const oracle = records.some(({ type }) => type === 'commit') ? 'committed' : 'replies';
  const violations: JudgedFile['violations'][number][] = [];
  const options = { oracle, secretPrefix: SECRET_PREFIX } as const;
  const { decided } = judgeHistory(records, options, (property, message, where = {}) => {
    violations.push({ property, sentence: PROPERTIES[property], message, conflict: where.conflict ?? null });
  });
  const status = violations.length === 0 ? 'ok' : 'violation';
  const shrunk = explain && status === 'violation' ? shrinkHistory(records, options) : null;
  return { status, oracle, records: records.length, decided, violations, shrunk };
}

/** The shrunk history as a picture and as a list. */
export function shrunkLines(shrunk: ShrunkHistory): string[] {
  const picture = drawText(historyView(shrunk)).map((line) => `  ${line}`);
  return [
    `shrunk     ${shrunkText(shrunk)}`,
    '',
    ...picture,
    '',
    ...historyLines(shrunk).map((line) => `  ${line}`),
    '',
  ];
}

/** `origin`: the command that made the history, if that is known. */
export function judgedLines(judged: JudgedFile, origin: string | null = null): string[] {
  const { oracle, records, decided, violations, shrunk } = judged;
  const lines: string[] = [];
  for (const { property, sentence, message, conflict } of violations) {
    lines.push(`BROKEN: ${property}  ${sentence}`, `  ${message}`);
    for (const line of conflict === null ? [] : conflictLines(conflict)) lines.push(`    ${line}`);
  }
  if (shrunk !== null) lines.push(...shrunkLines(shrunk));
  if (origin !== null && violations.length > 0) lines.push(`replay     ${origin}`);
  const counts = Object.entries(decided).map(([rule, count]) => `${rule} ${count}`);
  lines.push(`${plural(records, 'record')}, judged from ${SOURCES[oracle]}: ${counts.join(', ')}`);
  lines.push(violations.length === 0 ? 'every promise was kept' : `${plural(violations.length, 'broken promise')}`);
  return lines;
}

const SOURCES = { committed: 'the committed transactions', replies: 'what clients were told alone' } as const;
