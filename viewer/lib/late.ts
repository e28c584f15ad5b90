/** Which message was late: those that were held up on their way between servers, the longest first. */

import { CLIENT_BASE, MESSAGE_FATES, type Picture } from '../model/api.ts';
import { duration, instantMs } from './time.ts';

export interface Late {
  /** Event that read it, else the one that sent it. */
  readonly index: number;
  readonly us: number;
  readonly text: string;
}

export interface LateMessages {
  readonly longest: readonly Late[];
  /** How many were held up, and how many never read, among servers. */
  readonly heldUp: number;
  readonly lost: number;
}

const STALLED = MESSAGE_FATES.indexOf('stalled');
const RESET = MESSAGE_FATES.indexOf('reset');

export function lateMessages({ messages, names }: Pick<Picture, 'messages' | 'names'>, most: number): LateMessages {
  const rows: number[] = [];
  let lost = 0;
  for (let row = 0; row < messages.count; row++) {
    const fate = messages.fate[row]!;
    if (fate !== STALLED && fate !== RESET) continue;
    if (messages.from[row]! >= CLIENT_BASE || messages.to[row]! >= CLIENT_BASE) continue;
    if (fate === RESET) lost++;
    else rows.push(row);
  }
  const took = (row: number): number => messages.arrivedUs[row]! - messages.sentUs[row]!;
  const longest = rows.toSorted((a, b) => took(b) - took(a)).slice(0, most);
  return {
    longest: longest.map((row) => ({
      index: messages.arrivedIndex[row]! || messages.sentIndex[row]!,
      us: took(row),
      text: `${names[messages.name[row]!] ?? 'a message'} from ${messages.from[row]} to ${messages.to[row]}, sent at ${instantMs(messages.sentUs[row]!)}, was read ${duration(took(row))} later`,
    })),
    heldUp: rows.length,
    lost,
  };
}
