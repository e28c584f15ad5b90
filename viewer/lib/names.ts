/** Names of hosts, as everywhere in the project. */

import { CLIENT_BASE, type HostId } from '../model/api.ts';

export const hostName = (host: HostId): string =>
  host >= CLIENT_BASE ? `client ${host - CLIENT_BASE}` : host === 0 ? 'the world' : `server ${host}`;

/** For tables and axes of matrices, where there is room for two letters. */
export const hostShort = (host: HostId): string =>
  host >= CLIENT_BASE ? `c${host - CLIENT_BASE}` : host === 0 ? 'world' : `${host}`;

export function hostList(hosts: readonly HostId[]): string {
  const names = hosts.map(hostShort);
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
