/**
 * The load as data. A client takes turns: when each comes, and what is asked in it, follows from the seed, the client and
 * the number of the turn, whatever happened before. So a load can be cut down like the list of faults, by naming the turns
 * that are kept:
 *
 * ```json
 * "asks": { "c1": "0,3,17-20", "c3": "" }
 * ```
 *
 * Client 1 asks in its turns 3 and 17 to 20, client 3 never, the others in all of theirs. Turn 0 is what a client does
 * first of all, once: it creates the parents that other requests need, and proves who it is.
 */

/** The turns that are kept, by client (`c1`); a client that is not there keeps all. */
export type Asks = Readonly<Record<string, string>>;

/** Far beyond what a client comes to in the longest run. */
const TURN_MAX = 100_000;
const RANGE = /^([0-9]{1,6})(?:-([0-9]{1,6}))?$/;
const CLIENT = /^c[1-9][0-9]?$/;

/** The numbers of a text such as `0,3,17-20`; null when it is not one. */
export function turnsOf(text: string): Set<number> | null {
  const turns = new Set<number>();
  if (text === '') return turns;
  for (const part of text.split(',')) {
    const match = RANGE.exec(part);
    if (match === null) return null;
    const from = Number(match[1]);
    const to = match[2] === undefined ? from : Number(match[2]);
    if (from > to || to > TURN_MAX) return null;
    for (let turn = from; turn <= to; turn++) turns.add(turn);
  }
  return turns;
}

export function textOfTurns(turns: Iterable<number>): string {
  const sorted = [...turns].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; i++) {
    const from = sorted[i]!;
    while (sorted[i + 1] === sorted[i]! + 1) i++;
    parts.push(sorted[i] === from ? String(from) : `${from}-${sorted[i]}`);
  }
  return parts.join(',');
}

export function asksProblems(json: Readonly<Record<string, unknown>>): string[] {
  const problems: string[] = [];
  for (const [client, text] of Object.entries(json)) {
    if (!CLIENT.test(client)) problems.push(`asks: ${JSON.stringify(client)} is not a client such as "c1"`);
    else if (typeof text !== 'string' || turnsOf(text) === null)
      problems.push(`asks.${client} is ${JSON.stringify(text)}, not turns such as "0,3,17-20"`);
  }
  return problems;
}
