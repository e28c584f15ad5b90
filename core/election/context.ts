/** What the election and its connections look at but do not own. */

import type { Membership, PeerConfig } from '../config/types.ts';
import type { PeerId } from '../types.ts';
import type { CnxState } from './cnx-manager.ts';

/** Made afresh in every step. Nothing in it is kept. */
export interface CnxCtx {
  readonly config: PeerConfig;
  readonly self: PeerId;
  /** The configuration last seen: the same as `committed`, or the one that a reconfiguration under way leads to. */
  readonly membership: Membership;
  /** The configuration last committed (QuorumPeer.getQuorumVerifier). */
  readonly committed: Membership;
}

export interface ElectionCtx extends CnxCtx {
  readonly cnx: CnxState;
}
