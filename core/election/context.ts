/** What the election and its connections look at but do not own. Made afresh in every step; nothing in it is kept. */

import type { Membership, PeerConfig } from '../config/types.ts';
import type { Remote } from '../io.ts';
import type { PeerId } from '../types.ts';
import type { CnxState } from './cnx-manager.ts';

export interface CnxCtx {
  readonly config: PeerConfig;
  readonly self: PeerId;
  /** The configuration last seen: the same as `committed`, or the one that a reconfiguration under way leads to. */
  readonly membership: Membership;
  /** The configuration last committed (QuorumPeer.getQuorumVerifier). */
  readonly committed: Membership;
  /**
   * Whether the other end may call itself `sid` (null: an observer without an id). Absent, any end that `sslQuorum`
   * lets in may use any id, as in ZooKeeper.
   */
  readonly mayClaim?: (remote: Remote, sid: PeerId | null) => boolean;
}

export interface ElectionCtx extends CnxCtx {
  readonly cnx: CnxState;
}
