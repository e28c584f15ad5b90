/**
 * The flight recorder: every input of a running server with its time, so that the same `step` can be run again later and
 * shows what happened (`serve --record DIR`).
 *
 * A recording is one file of JSON lines, readable while it grows; only its last line can be torn.
 *
 * ```
 *   {"format":"vivarium-recording","version":1,"config":…,"secrets":…,"now":{"monoMs":…,"wallMs":…}}
 *   {"now":{…},"input":{…}}
 * ```
 *
 * Byte arrays are `{"$bytes":"<base64>"}`. A recording holds whatever clients and servers sent, and the session secret,
 * without which it could not be run again: it is as secret as the data directory.
 */

import { createWriteStream, mkdirSync, readFileSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { BootSecrets, PeerConfig } from '../core/config/types.ts';
import type { Input } from '../core/io.ts';
import type { Now } from '../core/types.ts';

export interface RecordingHeader {
  readonly format: 'vivarium-recording';
  readonly version: 1;
  readonly config: PeerConfig;
  readonly secrets: BootSecrets;
  readonly now: Now;
}

export interface RecordedInput {
  readonly now: Now;
  readonly input: Input;
}

export class Recorder {
  readonly path: string;
  private readonly stream: WriteStream;

  constructor(dir: string, header: Omit<RecordingHeader, 'format' | 'version'>, trouble: (message: string) => void) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const start = new Date(header.now.wallMs).toISOString().replaceAll(':', '-');
    this.path = join(dir, `server-${header.config.myid}-${start}.jsonl`);
    this.stream = createWriteStream(this.path, { flags: 'wx', mode: 0o600 });
    // A full disk ends the recording, not the server.
    this.stream.on('error', (cause) => trouble(`the recording ends: ${cause.message}`));
    this.writeLine({ format: 'vivarium-recording', version: 1, ...header });
  }

  record(recorded: RecordedInput): void {
    this.writeLine(recorded);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.stream.end(() => resolve());
    });
  }

  private writeLine(value: object): void {
    if (this.stream.writable) this.stream.write(`${JSON.stringify(value, bytesAsText)}\n`);
  }
}

/** What a recording holds, without a torn last line; null for a file that is no recording. */
export function readRecording(
  path: string,
): { readonly header: RecordingHeader; readonly inputs: readonly RecordedInput[] } | null {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const [header, ...inputs] = lines.map((line) => JSON.parse(line, textAsBytes) as unknown);
  if (!isHeader(header)) return null;
  return { header, inputs: inputs as RecordedInput[] };
}

function isHeader(value: unknown): value is RecordingHeader {
  if (typeof value !== 'object' || value === null) return false;
  return 'format' in value && value.format === 'vivarium-recording' && 'version' in value && value.version === 1;
}

function bytesAsText(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString('base64') } : value;
}

function textAsBytes(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('$bytes' in value)) return value;
  return new Uint8Array(Buffer.from(String(value.$bytes), 'base64'));
}
