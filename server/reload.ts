/**
 * New certificates without a restart (`sslQuorumReloadCertFiles`, `client.certReload`): the files of a channel's keys and trust
 * are looked at from time to time, and what they hold now is used for every connection from then on. Open connections stay.
 *
 * Looking is by `stat`, which follows symbolic links, so it does not matter whether a file is written anew, renamed over the old
 * one, or is a link to somewhere else. Files that cannot be used, half written perhaps, change nothing: the keys in use stay until
 * the files change again.
 */

import { type StatsListener, unwatchFile, watchFile } from 'node:fs';
import type { TlsPrefix, TlsSettings } from '../core/config/tls.ts';
import { type ChannelTls, loadTls, TlsConfigError } from './tls.ts';

export interface ReloadOptions {
  readonly settings: TlsSettings;
  /** Of the keys, for messages. */
  readonly prefix: TlsPrefix;
  readonly lookEveryMs: number;
  /** What new connections are to use. */
  readonly renew: (material: ChannelTls) => void;
  /** One line for people. */
  readonly log: (line: string) => void;
}

export const LOOK_EVERY_MS = 2000;

/** Answers how to stop it. */
export function reloadWhenChanged({ settings, prefix, lookEveryMs, renew, log }: ReloadOptions): () => void {
  const onLook: StatsListener = (now, before) => {
    // Told once at the beginning too, of a file that is not there.
    if (now.mtimeMs === before.mtimeMs && now.ctimeMs === before.ctimeMs && now.ino === before.ino) return;
    try {
      renew(loadTls(settings, prefix));
      log(`${prefix}*: keys and certificates have been read again`);
    } catch (cause) {
      if (!(cause instanceof TlsConfigError)) throw cause;
      log(`WARNING ${prefix}*: the files have changed and cannot be used, so the old keys stay: ${cause.message}`);
    }
  };
  const files = filesOf(settings);
  for (const file of files) watchFile(file, { interval: lookEveryMs, persistent: false }, onLook);
  return () => {
    for (const file of files) unwatchFile(file, onLook);
  };
}

function filesOf({ keyStore, trustStore }: TlsSettings): Set<string> {
  const paths = [keyStore?.location, keyStore?.passwordPath, trustStore?.location];
  return new Set(paths.filter((path) => path !== undefined && path !== null));
}
