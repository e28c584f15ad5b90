import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { DEFAULT_CONFIG } from '../../core/config/defaults.ts';
import type { PeerConfig } from '../../core/config/types.ts';
import { Node } from '../../server/node.ts';
import { freePort } from './ports.ts';

export interface Standalone {
  readonly dir: string;
  readonly port: number;
  readonly stop: () => Promise<void>;
  /** Removes what a stopped server has left. */
  readonly remove: () => void;
}

/** A standalone server inside this process, on a free port and in a directory of its own. */
export async function startStandalone(
  config: Partial<PeerConfig>,
  options: { readonly record: boolean } = { record: false },
): Promise<Standalone> {
  const dir = mkdtempSync(join(tmpdir(), 'vivarium-standalone-'));
  const port = await freePort();
  const node = new Node({
    config: { ...DEFAULT_CONFIG, clientAddress: { host: '127.0.0.1', port }, preAllocSizeKb: 64, ...config },
    secrets: { generation: 1, sessionSecret: new Uint8Array(32).fill(7), jitterSeed: 1 },
    roots: { dataDir: join(dir, 'data'), dataLogDir: join(dir, 'log') },
    tls: { quorum: null, client: null },
    tcpKeepAlive: false,
    clientBacklog: -1,
    recordDir: options.record ? join(dir, 'recording') : null,
    log: () => {},
    note: () => {},
    halted: (reason) => expect.fail(reason),
  });
  return {
    dir,
    port,
    stop: () => node.stop(),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
