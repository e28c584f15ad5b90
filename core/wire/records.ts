/**
 * Every record of ZooKeeper's jute file (zookeeper-jute/src/main/resources/zookeeper.jute), names and order as there.
 *
 * `nullableString` stands where a client may send null and a defined error must answer it. The records of ordinary reads,
 * writes and proposals have their readers and writers written out (see `record`).
 */

import { asZxid, type Id as IdType, type SessionId } from '../types.ts';
import { type Codec, type Infer, record, vector } from './schema.ts';

// --- org.apache.zookeeper.data ---------------------------------------------------------------------------------------

/** kazoo sends a null id with the scheme `auth`, which has no use for one. */
export const IdRecord: Codec<IdType> = record(
  'Id',
  { scheme: 'text', id: 'text' },
  {
    read: (r) => ({ scheme: r.text(), id: r.text() }),
    write(w, v) {
      w.string(v.scheme);
      w.string(v.id);
    },
  },
);
export const AclRecord = record(
  'ACL',
  { perms: 'int', id: IdRecord },
  {
    read: (r) => ({ perms: r.int(), id: IdRecord.read(r) }),
    write(w, v) {
      w.int(v.perms);
      IdRecord.write(w, v.id);
    },
  },
);
export const IdVector = vector(IdRecord);
export const AclVector = vector(AclRecord);
export const StringVector = vector('string');

export const Stat = record(
  'Stat',
  {
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
  },
  {
    read: (r) => ({
      czxid: asZxid(r.num()),
      mzxid: asZxid(r.num()),
      ctime: r.num(),
      mtime: r.num(),
      version: r.int(),
      cversion: r.int(),
      aversion: r.int(),
      ephemeralOwner: r.long(),
      dataLength: r.int(),
      numChildren: r.int(),
      pzxid: asZxid(r.num()),
    }),
    write(w, v) {
      w.num(v.czxid);
      w.num(v.mzxid);
      w.num(v.ctime);
      w.num(v.mtime);
      w.int(v.version);
      w.int(v.cversion);
      w.int(v.aversion);
      w.long(v.ephemeralOwner);
      w.int(v.dataLength);
      w.int(v.numChildren);
      w.num(v.pzxid);
    },
  },
);
export type Stat = Infer<typeof Stat>;

export const StatPersisted = record(
  'StatPersisted',
  {
    czxid: 'zxid',
    mzxid: 'zxid',
    ctime: 'num',
    mtime: 'num',
    version: 'int',
    cversion: 'int',
    aversion: 'int',
    ephemeralOwner: 'long',
    pzxid: 'zxid',
  },
  {
    read: (r) => ({
      czxid: asZxid(r.num()),
      mzxid: asZxid(r.num()),
      ctime: r.num(),
      mtime: r.num(),
      version: r.int(),
      cversion: r.int(),
      aversion: r.int(),
      ephemeralOwner: r.long(),
      pzxid: asZxid(r.num()),
    }),
    write(w, v) {
      w.num(v.czxid);
      w.num(v.mzxid);
      w.num(v.ctime);
      w.num(v.mtime);
      w.int(v.version);
      w.int(v.cversion);
      w.int(v.aversion);
      w.long(v.ephemeralOwner);
      w.num(v.pzxid);
    },
  },
);
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

export const RequestHeader = record(
  'RequestHeader',
  { xid: 'int', type: 'int' },
  {
    read: (r) => ({ xid: r.int(), type: r.int() }),
    write(w, v) {
      w.int(v.xid);
      w.int(v.type);
    },
  },
);
export type RequestHeader = Infer<typeof RequestHeader>;
export const ReplyHeader = record(
  'ReplyHeader',
  { xid: 'int', zxid: 'zxid', err: 'int' },
  {
    read: (r) => ({ xid: r.int(), zxid: asZxid(r.num()), err: r.int() }),
    write(w, v) {
      w.int(v.xid);
      w.num(v.zxid);
      w.int(v.err);
    },
  },
);
export type ReplyHeader = Infer<typeof ReplyHeader>;

export const CreateRequest = record(
  'CreateRequest',
  { path: 'string', data: 'buffer', acl: AclVector, flags: 'int' },
  {
    read: (r) => ({ path: r.string(), data: r.buffer(), acl: AclVector.read(r), flags: r.int() }),
    write(w, v) {
      w.string(v.path);
      w.buffer(v.data);
      AclVector.write(w, v.acl);
      w.int(v.flags);
    },
  },
);
export const CreateTTLRequest = record('CreateTTLRequest', {
  path: 'string',
  data: 'buffer',
  acl: AclVector,
  flags: 'int',
  ttl: 'wide',
});
export const DeleteRequest = record(
  'DeleteRequest',
  { path: 'string', version: 'int' },
  {
    read: (r) => ({ path: r.string(), version: r.int() }),
    write(w, v) {
      w.string(v.path);
      w.int(v.version);
    },
  },
);
export const PathRequest = record(
  'PathRequest',
  { path: 'string' },
  {
    read: (r) => ({ path: r.string() }),
    write(w, v) {
      w.string(v.path);
    },
  },
);
export const PathWatchRequest = record(
  'PathWatchRequest',
  { path: 'string', watch: 'bool' },
  {
    read: (r) => ({ path: r.string(), watch: r.bool() }),
    write(w, v) {
      w.string(v.path);
      w.bool(v.watch);
    },
  },
);
export const SetDataRequest = record(
  'SetDataRequest',
  { path: 'string', data: 'buffer', version: 'int' },
  {
    read: (r) => ({ path: r.string(), data: r.buffer(), version: r.int() }),
    write(w, v) {
      w.string(v.path);
      w.buffer(v.data);
      w.int(v.version);
    },
  },
);
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

export const CreateResponse = record(
  'CreateResponse',
  { path: 'string' },
  {
    read: (r) => ({ path: r.string() }),
    write(w, v) {
      w.string(v.path);
    },
  },
);
export const Create2Response = record('Create2Response', { path: 'string', stat: Stat });
export const StatResponse = record(
  'StatResponse',
  { stat: Stat },
  {
    read: (r) => ({ stat: Stat.read(r) }),
    write(w, v) {
      Stat.write(w, v.stat);
    },
  },
);
export const GetDataResponse = record(
  'GetDataResponse',
  { data: 'buffer', stat: Stat },
  {
    read: (r) => ({ data: r.buffer(), stat: Stat.read(r) }),
    write(w, v) {
      w.buffer(v.data);
      Stat.write(w, v.stat);
    },
  },
);
export const GetACLResponse = record('GetACLResponse', { acl: AclVector, stat: Stat });
export const GetChildrenResponse = record('GetChildrenResponse', { children: StringVector });
export const GetChildren2Response = record('GetChildren2Response', { children: StringVector, stat: Stat });
export const SyncResponse = record('SyncResponse', { path: 'string' });
export const GetEphemeralsResponse = record('GetEphemeralsResponse', { ephemerals: StringVector });
export const GetAllChildrenNumberResponse = record('GetAllChildrenNumberResponse', { totalNumber: 'int' });
export const ErrorResponse = record('ErrorResponse', { err: 'int' });
export const ClientInfo = record('ClientInfo', { authScheme: 'string', user: 'string' });
export const WhoAmIResponse = record('WhoAmIResponse', { clientInfo: vector(ClientInfo) });
export const WatcherEvent = record(
  'WatcherEvent',
  { type: 'int', state: 'int', path: 'string' },
  {
    read: (r) => ({ type: r.int(), state: r.int(), path: r.string() }),
    write(w, v) {
      w.int(v.type);
      w.int(v.state);
      w.string(v.path);
    },
  },
);
export type WatcherEvent = Infer<typeof WatcherEvent>;

// --- org.apache.zookeeper.server.quorum ------------------------------------------------------------------------------

export const LearnerInfo = record('LearnerInfo', { serverid: 'peer', protocolVersion: 'int', configVersion: 'num' });
export type LearnerInfo = Infer<typeof LearnerInfo>;
export const QuorumPacket = record(
  'QuorumPacket',
  {
    type: 'int',
    zxid: 'zxid',
    data: 'buffer',
    authinfo: IdVector,
  },
  {
    read: (r) => ({ type: r.int(), zxid: asZxid(r.num()), data: r.buffer(), authinfo: IdVector.read(r) }),
    write(w, v) {
      w.int(v.type);
      w.num(v.zxid);
      w.buffer(v.data);
      IdVector.write(w, v.authinfo);
    },
  },
);
export type QuorumPacket = Infer<typeof QuorumPacket>;
export const QuorumAuthPacket = record('QuorumAuthPacket', { magic: 'long', status: 'int', token: 'buffer' });
export type QuorumAuthPacket = Infer<typeof QuorumAuthPacket>;

// --- org.apache.zookeeper.txn ----------------------------------------------------------------------------------------

export const TxnHeader = record(
  'TxnHeader',
  {
    clientId: 'session',
    cxid: 'int',
    zxid: 'zxid',
    time: 'num',
    type: 'int',
  },
  {
    read: (r) => ({
      clientId: r.long() as SessionId,
      cxid: r.int(),
      zxid: asZxid(r.num()),
      time: r.num(),
      type: r.int(),
    }),
    write(w, v) {
      w.long(v.clientId);
      w.int(v.cxid);
      w.num(v.zxid);
      w.num(v.time);
      w.int(v.type);
    },
  },
);
export type TxnHeader = Infer<typeof TxnHeader>;
export const TxnDigest = record(
  'TxnDigest',
  { version: 'int', treeDigest: 'long' },
  {
    read: (r) => ({ version: r.int(), treeDigest: r.long() }),
    write(w, v) {
      w.int(v.version);
      w.long(v.treeDigest);
    },
  },
);
export type TxnDigest = Infer<typeof TxnDigest>;

export const CreateTxnV0 = record('CreateTxnV0', { path: 'string', data: 'buffer', acl: AclVector, ephemeral: 'bool' });
export const CreateTxn = record(
  'CreateTxn',
  {
    path: 'string',
    data: 'buffer',
    acl: AclVector,
    ephemeral: 'bool',
    parentCVersion: 'int',
  },
  {
    read: (r) => ({
      path: r.string(),
      data: r.buffer(),
      acl: AclVector.read(r),
      ephemeral: r.bool(),
      parentCVersion: r.int(),
    }),
    write(w, v) {
      w.string(v.path);
      w.buffer(v.data);
      AclVector.write(w, v.acl);
      w.bool(v.ephemeral);
      w.int(v.parentCVersion);
    },
  },
);
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
export const DeleteTxn = record(
  'DeleteTxn',
  { path: 'string' },
  {
    read: (r) => ({ path: r.string() }),
    write(w, v) {
      w.string(v.path);
    },
  },
);
export const SetDataTxn = record(
  'SetDataTxn',
  { path: 'string', data: 'buffer', version: 'int' },
  {
    read: (r) => ({ path: r.string(), data: r.buffer(), version: r.int() }),
    write(w, v) {
      w.string(v.path);
      w.buffer(v.data);
      w.int(v.version);
    },
  },
);
export const SetACLTxn = record('SetACLTxn', { path: 'string', acl: AclVector, version: 'int' });
export const CheckVersionTxn = record('CheckVersionTxn', { path: 'string', version: 'int' });
export const CreateSessionTxn = record('CreateSessionTxn', { timeOut: 'int' });
export const CloseSessionTxn = record('CloseSessionTxn', { paths2Delete: StringVector });
export const ErrorTxn = record(
  'ErrorTxn',
  { err: 'int' },
  { read: (r) => ({ err: r.int() }), write: (w, v) => w.int(v.err) },
);
export const RawTxn = record('Txn', { type: 'int', data: 'buffer' });
export const MultiTxn = record('MultiTxn', { txns: vector(RawTxn) });
