/**
 * Every record of ZooKeeper's jute file (zookeeper-jute/src/main/resources/zookeeper.jute), names and order as there.
 *
 * `nullableString` stands where a client may send null and a defined error must answer it.
 */

import type { Id as IdType } from '../types.ts';
import { type Codec, type Infer, record, vector } from './schema.ts';

// --- org.apache.zookeeper.data ---------------------------------------------------------------------------------------

/** kazoo sends a null id with the scheme `auth`, which has no use for one. */
export const IdRecord: Codec<IdType> = record('Id', { scheme: 'text', id: 'text' });
export const AclRecord = record('ACL', { perms: 'int', id: IdRecord });
export const AclVector = vector(AclRecord);
export const StringVector = vector('string');

export const Stat = record('Stat', {
  czxid: 'zxid',
  mzxid: 'zxid',
  ctime: 'num',
  mtime: 'num',
  version: 'int',
  cversion: 'int',
  aversion: 'int',
  ephemeralOwner: 'long',
  dataLength: 'int',
  numChildren: 'int',
  pzxid: 'zxid',
});
export type Stat = Infer<typeof Stat>;

export const StatPersisted = record('StatPersisted', {
  czxid: 'zxid',
  mzxid: 'zxid',
  ctime: 'num',
  mtime: 'num',
  version: 'int',
  cversion: 'int',
  aversion: 'int',
  ephemeralOwner: 'long',
  pzxid: 'zxid',
});
export type StatPersisted = Infer<typeof StatPersisted>;

// --- org.apache.zookeeper.proto --------------------------------------------------------------------------------------

export const ConnectRequest = record('ConnectRequest', {
  protocolVersion: 'int',
  lastZxidSeen: 'wide',
  timeOut: 'int',
  sessionId: 'session',
  passwd: 'buffer',
});
export type ConnectRequest = Infer<typeof ConnectRequest>;
export const ConnectResponse = record('ConnectResponse', {
  protocolVersion: 'int',
  timeOut: 'int',
  sessionId: 'session',
  passwd: 'buffer',
});
export type ConnectResponse = Infer<typeof ConnectResponse>;

export const RequestHeader = record('RequestHeader', { xid: 'int', type: 'int' });
export type RequestHeader = Infer<typeof RequestHeader>;
export const ReplyHeader = record('ReplyHeader', { xid: 'int', zxid: 'zxid', err: 'int' });
export type ReplyHeader = Infer<typeof ReplyHeader>;

export const CreateRequest = record('CreateRequest', { path: 'string', data: 'buffer', acl: AclVector, flags: 'int' });
export const CreateTTLRequest = record('CreateTTLRequest', {
  path: 'string',
  data: 'buffer',
  acl: AclVector,
  flags: 'int',
  ttl: 'wide',
});
export const DeleteRequest = record('DeleteRequest', { path: 'string', version: 'int' });
export const PathRequest = record('PathRequest', { path: 'string' });
export const PathWatchRequest = record('PathWatchRequest', { path: 'string', watch: 'bool' });
export const SetDataRequest = record('SetDataRequest', { path: 'string', data: 'buffer', version: 'int' });
export const SetACLRequest = record('SetACLRequest', { path: 'string', acl: AclVector, version: 'int' });
export const CheckVersionRequest = record('CheckVersionRequest', { path: 'string', version: 'int' });
export const ReconfigRequest = record('ReconfigRequest', {
  joiningServers: 'nullableString',
  leavingServers: 'nullableString',
  newMembers: 'nullableString',
  curConfigId: 'wide',
});
export const WatchesRequest = record('CheckWatchesRequest', { path: 'string', type: 'int' });
export const AddWatchRequest = record('AddWatchRequest', { path: 'string', mode: 'int' });
export const SetWatches = record('SetWatches', {
  relativeZxid: 'zxid',
  dataWatches: StringVector,
  existWatches: StringVector,
  childWatches: StringVector,
});
export const SetWatches2 = record('SetWatches2', {
  relativeZxid: 'zxid',
  dataWatches: StringVector,
  existWatches: StringVector,
  childWatches: StringVector,
  persistentWatches: StringVector,
  persistentRecursiveWatches: StringVector,
});
export const AuthPacket = record('AuthPacket', { type: 'int', scheme: 'nullableString', auth: 'buffer' });
export const SaslToken = record('GetSASLRequest', { token: 'buffer' });
export const GetEphemeralsRequest = record('GetEphemeralsRequest', { prefixPath: 'nullableString' });
export const MultiHeader = record('MultiHeader', { type: 'int', done: 'bool', err: 'int' });

export const CreateResponse = record('CreateResponse', { path: 'string' });
export const Create2Response = record('Create2Response', { path: 'string', stat: Stat });
export const StatResponse = record('StatResponse', { stat: Stat });
export const GetDataResponse = record('GetDataResponse', { data: 'buffer', stat: Stat });
export const GetACLResponse = record('GetACLResponse', { acl: AclVector, stat: Stat });
export const GetChildrenResponse = record('GetChildrenResponse', { children: StringVector });
export const GetChildren2Response = record('GetChildren2Response', { children: StringVector, stat: Stat });
export const SyncResponse = record('SyncResponse', { path: 'string' });
export const GetEphemeralsResponse = record('GetEphemeralsResponse', { ephemerals: StringVector });
export const GetAllChildrenNumberResponse = record('GetAllChildrenNumberResponse', { totalNumber: 'int' });
export const ErrorResponse = record('ErrorResponse', { err: 'int' });
export const ClientInfo = record('ClientInfo', { authScheme: 'string', user: 'string' });
export const WhoAmIResponse = record('WhoAmIResponse', { clientInfo: vector(ClientInfo) });
export const WatcherEvent = record('WatcherEvent', { type: 'int', state: 'int', path: 'string' });
export type WatcherEvent = Infer<typeof WatcherEvent>;

// --- org.apache.zookeeper.server.quorum ------------------------------------------------------------------------------

export const LearnerInfo = record('LearnerInfo', { serverid: 'peer', protocolVersion: 'int', configVersion: 'num' });
export type LearnerInfo = Infer<typeof LearnerInfo>;
export const QuorumPacket = record('QuorumPacket', {
  type: 'int',
  zxid: 'zxid',
  data: 'buffer',
  authinfo: vector(IdRecord),
});
export type QuorumPacket = Infer<typeof QuorumPacket>;
export const QuorumAuthPacket = record('QuorumAuthPacket', { magic: 'long', status: 'int', token: 'buffer' });
export type QuorumAuthPacket = Infer<typeof QuorumAuthPacket>;

// --- org.apache.zookeeper.txn ----------------------------------------------------------------------------------------

export const TxnHeader = record('TxnHeader', {
  clientId: 'session',
  cxid: 'int',
  zxid: 'zxid',
  time: 'num',
  type: 'int',
});
export type TxnHeader = Infer<typeof TxnHeader>;
export const TxnDigest = record('TxnDigest', { version: 'int', treeDigest: 'long' });
export type TxnDigest = Infer<typeof TxnDigest>;

export const CreateTxnV0 = record('CreateTxnV0', { path: 'string', data: 'buffer', acl: AclVector, ephemeral: 'bool' });
export const CreateTxn = record('CreateTxn', {
  path: 'string',
  data: 'buffer',
  acl: AclVector,
  ephemeral: 'bool',
  parentCVersion: 'int',
});
export const CreateTTLTxn = record('CreateTTLTxn', {
  path: 'string',
  data: 'buffer',
  acl: AclVector,
  parentCVersion: 'int',
  ttl: 'num',
});
export const CreateContainerTxn = record('CreateContainerTxn', {
  path: 'string',
  data: 'buffer',
  acl: AclVector,
  parentCVersion: 'int',
});
export const DeleteTxn = record('DeleteTxn', { path: 'string' });
export const SetDataTxn = record('SetDataTxn', { path: 'string', data: 'buffer', version: 'int' });
export const SetACLTxn = record('SetACLTxn', { path: 'string', acl: AclVector, version: 'int' });
export const CheckVersionTxn = record('CheckVersionTxn', { path: 'string', version: 'int' });
export const CreateSessionTxn = record('CreateSessionTxn', { timeOut: 'int' });
export const CloseSessionTxn = record('CloseSessionTxn', { paths2Delete: StringVector });
export const ErrorTxn = record('ErrorTxn', { err: 'int' });
export const RawTxn = record('Txn', { type: 'int', data: 'buffer' });
export const MultiTxn = record('MultiTxn', { txns: vector(RawTxn) });
