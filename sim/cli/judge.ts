/** `npm run check -- FILE --spec zookeeper`: the judge of histories over a file that `npm run sim -- --history FILE` wrote. */

import { type Conflict, conflictLines } from '../checkers/history/conflict.ts';
import { judgeHistory } from '../checkers/history/judge.ts';
import { fromJsonLines, type HistoryRecord } from '../checkers/history/record.ts';
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
}

/** Throws with the number of the line that is no record. */
export function judgeText(text: string): JudgedFile {
  const records: HistoryRecord[] = [...fromJsonLines(text.split('\n'))];
  const oracle = records.some(({ type }) => type === 'commit') ? 'committed' : 'replies';
  const violations: JudgedFile['violations'][number][] = [];
  const { decided } = judgeHistory(
    records,
    { oracle, secretPrefix: SECRET_PREFIX },
    (property, message, where = {}) => {
      violations.push({ property, sentence: PROPERTIES[property], message, conflict: where.conflict ?? null });
    },
  );
  return { status: violations.length === 0 ? 'ok' : 'violation', oracle, records: records.length, decided, violations };
}

export function judgedLines({ oracle, records, decided, violations }: JudgedFile): string[] {
  const lines: string[] = [];
  for (const { property, sentence, message, conflict } of violations) {
    lines.push(`BROKEN: ${property}  ${sentence}`, `  ${message}`);
    for (const line of conflict === null ? [] : conflictLines(conflict)) lines.push(`    ${line}`);
  }
  const counts = Object.entries(decided).map(([rule, count]) => `${rule} ${count}`);
  lines.push(`${plural(records, 'record')}, judged from ${SOURCES[oracle]}: ${counts.join(', ')}`);
  lines.push(violations.length === 0 ? 'every promise was kept' : `${plural(violations.length, 'broken promise')}`);
  return lines;
}

const SOURCES = { committed: 'the committed transactions', replies: 'what clients were told alone' } as const;
