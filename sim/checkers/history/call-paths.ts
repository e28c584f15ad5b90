/** Which nodes a record of a history names. */

import type { Call } from '../../../core/client/calls.ts';
import type { Txn } from '../../../core/wire/txn.ts';
import type { HistoryRecord } from './record.ts';

/** The paths a record speaks of, as the program or the transaction wrote them. */
export function callPaths(record: HistoryRecord): readonly string[] {
  switch (record.type) {
    case 'invoke':
      return pathsOfCall(record.call);
    case 'ok':
    case 'fail':
    case 'info':
      // The name of a sequential node is known from the answer alone.
      return record.body !== null && 'path' in record.body ? [record.body.path] : [];
    case 'watch':
      return [record.path];
    case 'commit':
      return pathsOfTxn(record.txn);
    case 'state':
    case 'restart':
    case 'sent':
    case 'identity':
      return [];
    default:
      return record satisfies never;
  }
}

function pathsOfCall(call: Call): readonly string[] {
  if ('path' in call) return [call.path];
  if ('ops' in call) return call.ops.map(({ path }) => path);
  if (call.kind === 'getEphemerals') return [call.prefixPath];
  return [];
}

export function pathsOfTxn(txn: Txn): readonly string[] {
  if ('path' in txn) return [txn.path];
  if (txn.kind === 'closeSession') return txn.paths ?? [];
  if (txn.kind === 'multi') return txn.parts.flatMap((part) => pathsOfTxn(part.txn));
  return [];
}
