/** The typed configuration of a server. `core/config/zoo-cfg.ts` makes it from zoo.cfg text; the simulator makes it directly. */

import type { Address } from '../io.ts';
import type { PeerId, Zxid } from '../types.ts';

export type PeerRole = 'participant' | 'observer';

export interface ServerAddress {
  readonly host: string;
  readonly quorumPort: number;
  readonly electionPort: number;
}

/** One `server.N=` line. */
export interface ServerSpec {
  readonly id: PeerId;
  /** At least one; more than one only in multi-address mode. */
  readonly addresses: readonly ServerAddress[];
  readonly role: PeerRole;
  /** The `;[host:]port` part, or null when the line has none. */
  readonly client: Address | null;
  readonly secureClient: Address | null;
}

/**
 * Who belongs to the ensemble and what a quorum of it is (QuorumVerifier). Immutable; a reconfiguration makes a new one.
 * Functions over it are in `membership.ts`.
 */
export interface Membership {
  /** zxid of the transaction that made it; 0 for the static configuration. */
  readonly version: Zxid;
  /** Sorted by id. */
  readonly servers: readonly ServerSpec[];
  /** Hierarchical quorums (`group.N`, `weight.N`), or null for plain majorities. */
  readonly groups: readonly { readonly id: number; readonly members: readonly PeerId[] }[] | null;
  /** Weights other than 1. */
  readonly weights: readonly { readonly id: PeerId; readonly weight: number }[];
}

export interface PeerConfig {
  /** `myid`; 0 for a standalone server without one. */
  readonly myid: PeerId;
  /** The ensemble as configured, or null for a standalone server. */
  readonly membership: Membership | null;
  readonly peerType: PeerRole;

  readonly tickTimeMs: number;
  readonly initLimitTicks: number;
  readonly syncLimitTicks: number;
  readonly connectToLearnerMasterLimitTicks: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;

  readonly clientAddress: Address | null;
  readonly secureClientAddress: Address | null;
  readonly maxClientCnxns: number;
  readonly maxCnxns: number;

  readonly localSessionsEnabled: boolean;
  readonly localSessionsUpgradingEnabled: boolean;
  readonly readOnlyModeEnabled: boolean;
  readonly reconfigEnabled: boolean;
  readonly standaloneEnabled: boolean;
  readonly leaderServes: boolean;
  readonly extendedTypesEnabled: boolean;
  readonly enforceQuota: boolean;
  readonly digestEnabled: boolean;
  readonly closeSessionTxnEnabled: boolean;
  readonly skipAcl: boolean;
  readonly enableEagerAclCheck: boolean;
  readonly multiAddressEnabled: boolean;
  /** An empty data directory may vote only when this is true or the `initialize` file is present. */
  readonly dbAutocreate: boolean;
  readonly syncEnabled: boolean;

  /** `user:base64(hash)` of the super user of scheme digest, or null. */
  readonly superDigest: string | null;
  readonly digestAlgorithm: 'SHA1' | 'SHA-256' | 'SHA-512';
  readonly digestAuthEnabled: boolean;
  /** Distinguished name that scheme x509 treats as super, or null. */
  readonly x509SuperUser: string | null;
  /** Names of schemes without which every request is refused; empty when `enforce.auth.enabled` is off. */
  readonly enforceAuthSchemes: readonly string[];
  readonly sessionRequireClientSaslAuth: boolean;
  /** Schemes that `authProvider.N` switches on beside ip and digest: x509, sasl, ensemble. A secure client port brings x509. */
  readonly authSchemes: readonly string[];
  /** Names of scheme sasl that are super (`superUser`, `superUser.N`). */
  readonly saslSuperUsers: readonly string[];
  /** Names that scheme ensemble accepts (`ensembleAuthName`); null accepts every name. */
  readonly ensembleNames: readonly string[] | null;
  readonly fourLetterWords: readonly string[] | 'all';

  readonly juteMaxBuffer: number;
  readonly globalOutstandingLimit: number;
  readonly requestThrottleMaxRequests: number;
  readonly throttledOpWaitTimeMs: number;
  readonly sessionlessCnxnTimeoutMs: number;

  readonly snapCount: number;
  readonly snapSizeLimitKb: number;
  readonly txnLogSizeLimitKb: number;
  readonly preAllocSizeKb: number;
  readonly commitLogCount: number;
  readonly snapshotSizeFactor: number;
  readonly forceSnapshotSync: boolean;
  readonly snapshotCompression: 'none' | 'gz';
  readonly maxBatchSize: number;
  /** 0 switches automatic purging off. */
  readonly autopurgeIntervalMs: number;
  readonly autopurgeSnapRetainCount: number;

  readonly containerCheckIntervalMs: number;
  readonly containerMaxPerMinute: number;
  readonly containerMaxNeverUsedIntervalMs: number;

  readonly electionFinalizeWaitMs: number;
  readonly electionMinNotificationMs: number;
  readonly electionMaxNotificationMs: number;
  readonly cnxTimeoutMs: number;
  readonly maxTimeToWaitForEpochMs: number;
  readonly leaderConnectDelayMs: number;
  readonly observerReconnectDelayMs: number;
  readonly maxConcurrentSnapSyncs: number;

  /** Session passwords: an HMAC under the ensemble secret, or Java's formula that anyone can compute. */
  readonly sessionPassword: 'hmac' | 'java';
  /** `sync` confirms leadership with a quorum before it answers; false is upstream's behaviour. */
  readonly syncQuorum: boolean;
  /** Require a certificate-verified identity on election and quorum connections. */
  readonly sslQuorum: boolean;
  /** Listen for other servers on every interface instead of on this server's own address. */
  readonly quorumListenOnAllIPs: boolean;
}

/** What the core may not invent itself: everything that must differ between servers, starts and seeds. */
export interface BootSecrets {
  /** Counts the starts of this server, so that completions of an earlier incarnation are recognised. */
  readonly generation: number;
  /** At least 16 bytes shared by the ensemble; session passwords are made from it. */
  readonly sessionSecret: Uint8Array;
  /** 32-bit seed for jitter (snapshot thresholds). Never used for anything secret. */
  readonly jitterSeed: number;
}
