/** Which kind of message a name is, for colours and densities. */

import { MESSAGE_GROUPS, type MessageGroup } from './api.ts';

const GROUP_OF: Readonly<Record<string, MessageGroup>> = {
  HELLO: 'notification',
  VOTE: 'notification',
  FOLLOWERINFO: 'discovery',
  OBSERVERINFO: 'discovery',
  LEADERINFO: 'discovery',
  ACKEPOCH: 'discovery',
  DIFF: 'synchronisation',
  TRUNC: 'synchronisation',
  SNAP: 'synchronisation',
  SNAPSHOT: 'synchronisation',
  NEWLEADER: 'synchronisation',
  UPTODATE: 'synchronisation',
  PROPOSAL: 'proposal',
  ACK: 'ack',
  COMMIT: 'commit',
  COMMITANDACTIVATE: 'commit',
  INFORM: 'commit',
  INFORMANDACTIVATE: 'commit',
  PING: 'ping',
  REQUEST: 'request',
  SYNC: 'request',
  REVALIDATE: 'request',
};

/** Position in `MESSAGE_GROUPS`. */
export const groupOf = (name: string): number =>
  MESSAGE_GROUPS.indexOf(name === 'client' ? 'client' : (GROUP_OF[name] ?? 'other'));
