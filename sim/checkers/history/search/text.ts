/** Operations in words. */

import { type Operation, plainKey } from './operation.ts';

const SHOWN_MAX = 40;

/** `#12 read by 3 -> 5`, `#13 write 7 by 4`, `#14 cas [1,2] by 5 refused`, `#15 write 8 by 6 -> ?`. */
export function operationText(operation: Operation): string {
  const where = operation.key === null ? '' : ` of ${operation.key}`;
  return `#${operation.id} ${callText(operation)}${where} by ${operation.process}${answerText(operation)}`;
}

/** `read -> 5`, `write 7`, `write 8 -> ?`. */
export function shortText(operation: Operation): string {
  return `${callText(operation)}${answerText(operation)}`;
}

const callText = ({ f, value }: Operation): string => (value === null ? f : `${f} ${cut(plainKey(value))}`);

function answerText({ outcome, value, result }: Operation): string {
  switch (outcome) {
    case 'info':
      return ' -> ?';
    case 'fail':
      return ' refused';
    case 'ok':
      return value !== null && (result === null || plainKey(result) === plainKey(value))
        ? ''
        : ` -> ${cut(plainKey(result))}`;
    default:
      return outcome satisfies never;
  }
}

const cut = (text: string): string => (text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX - 1)}…`);
