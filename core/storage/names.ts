/**
 * Which file is called what, and where it lies.
 *
 * ```
 * data/myid  data/initialize
 * data/version-2/snapshot.<hex zxid>[.gz|.snappy]      written as <name>.tmp, then renamed
 * data/version-2/install.<hex zxid>[.gz]               a received snapshot that is about to replace the history
 * data/version-2/{acceptedEpoch,currentEpoch}          written as <name>.tmp, then renamed
 * log/version-2/log.<hex first zxid>
 * log/version-2/promised                               see mark.ts
 * ```
 *
 * The shell maps `data` to dataDir and `log` to dataLogDir, which may be one directory. `install.*` and `promised` are ours;
 * a Java server looks only at names that begin with `log` and `snapshot` (server/persistence/Util.getZxidFromName) and so
 * passes them by.
 */

import type { FileEntry } from '../io.ts';
import { asZxid, EPOCH_MAX, type Zxid, zxidOf } from '../types.ts';

export const DATA_ROOT = 'data';
export const LOG_ROOT = 'log';
export const DATA_DIR = 'data/version-2';
export const LOG_DIR = 'log/version-2';
export const INITIALIZE_NAME = 'initialize';
export const ACCEPTED_EPOCH = 'acceptedEpoch';
export const CURRENT_EPOCH = 'currentEpoch';
export const MARK_NAME = 'promised';
export const TMP_SUFFIX = '.tmp';

export const inData = (name: string): string => `${DATA_DIR}/${name}`;
export const inLog = (name: string): string => `${LOG_DIR}/${name}`;

export type Compression = 'none' | 'gz' | 'snappy';

/** A file whose name carries a zxid. */
export interface NamedFile {
  readonly name: string;
  /** Of a log: its first entry. Of a snapshot: the last transaction in it. */
  readonly zxid: Zxid;
  readonly size: number;
}

export const logName = (first: Zxid): string => `log.${first.toString(16)}`;

const SUFFIX: Readonly<Record<Compression, string>> = { none: '', gz: '.gz', snappy: '.snappy' };

export const snapshotName = (zxid: Zxid, compression: Compression): string =>
  `snapshot.${zxid.toString(16)}${SUFFIX[compression]}`;

export const installName = (zxid: Zxid, compression: Compression): string =>
  `install.${zxid.toString(16)}${SUFFIX[compression]}`;

export function compressionOf(name: string): Compression {
  if (name.endsWith(SUFFIX.gz)) return 'gz';
  return name.endsWith(SUFFIX.snappy) ? 'snappy' : 'none';
}

/** The files of the directory with names of this kind, lowest zxid first. */
export function namedFiles(entries: readonly FileEntry[], kind: 'log' | 'snapshot' | 'install'): NamedFile[] {
  const files: NamedFile[] = [];
  for (const { name, size } of entries) {
    const zxid = zxidIn(name, kind);
    if (zxid !== null) files.push({ name, zxid, size });
  }
  return files.sort((a, b) => a.zxid - b.zxid || (a.name < b.name ? -1 : 1));
}

const NAME = /^(log|snapshot|install)\.([0-9a-f]{1,14})(\.gz|\.snappy)?$/;

function zxidIn(name: string, kind: 'log' | 'snapshot' | 'install'): Zxid | null {
  const match = NAME.exec(name);
  if (match === null || match[1] !== kind || (kind === 'log' && match[3] !== undefined)) return null;
  const zxid = Number.parseInt(match[2]!, 16);
  return zxid < zxidOf(EPOCH_MAX, 0) ? asZxid(zxid) : null;
}

/** Names left over by an interrupted write, which nothing refers to. */
export function isLeftover(name: string): boolean {
  return name.endsWith(TMP_SUFFIX) && /^(snapshot\.|install\.|acceptedEpoch\.tmp$|currentEpoch\.tmp$)/.test(name);
}
