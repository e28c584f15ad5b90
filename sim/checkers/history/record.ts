/**
 * What clients saw, as data: one record per invocation, response, watch event and change of state, in the order of the
 * run. `toJsonLines` writes it for tools; a search for linearizations will read the same records.
 */

import type { Call, CallBody } from '../../../core/client/calls.ts';
import type { ClientStatus } from '../../../core/client/io.ts';
import type { SessionId } from '../../../core/types.ts';
import { bytesText } from '../../text.ts';

export type HistoryRecord =
  | {
      readonly type: 'invoke';
      readonly client: number;
      readonly id: number;
      readonly atUs: number;
      readonly call: Call;
    }
  | {
      /** `ok`: it happened. `fail`: it did not. `info`: nobody knows (the connection was lost). */
      readonly type: 'ok' | 'fail' | 'info';
      readonly client: number;
      readonly id: number;
      readonly atUs: number;
      readonly session: SessionId | null;
      readonly err: number;
      readonly zxid: number;
      readonly body: CallBody | null;
    }
  | {
      readonly type: 'watch';
      readonly client: number;
      readonly atUs: number;
      readonly session: SessionId | null;
      readonly path: string;
      readonly event: number;
      readonly zxid: number;
    }
  | {
      readonly type: 'state';
      readonly client: number;
      readonly atUs: number;
      readonly session: SessionId | null;
      readonly state: ClientStatus;
    };

/** One JSON object a line; 64-bit numbers as hexadecimal text, bytes as text where they are text. */
export function* toJsonLines(records: Iterable<HistoryRecord>): Generator<string> {
  for (const record of records) yield `${JSON.stringify(record, plain)}\n`;
}

export function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `0x${BigInt.asUintN(64, value).toString(16)}`;
  return value instanceof Uint8Array ? bytesText(value) : value;
}
