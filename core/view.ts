/** What checkers and pictures look at: a peer's standing in the protocol's own terms, read from its state and heap. */

import type { Peer } from './peer.ts';
import type { PeerId, Zxid } from './types.ts';

export type Phase = 'recovering' | 'looking' | 'following' | 'leading' | 'observing' | 'standalone' | 'halted';
/** The `zabState` of the official specification. */
export type ZabState = 'election' | 'discovery' | 'synchronization' | 'broadcast';

export interface PeerView {
  readonly id: PeerId;
  readonly phase: Phase;
  readonly zabState: ZabState;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /** End of the history, durable or not. */
  readonly loggedZxid: Zxid;
  readonly durableZxid: Zxid;
  /** Known as committed; volatile. */
  readonly committedZxid: Zxid;
  /** The tree's zxid. */
  readonly appliedZxid: Zxid;
  /** Whom it follows; itself when leading. */
  readonly leader: PeerId | null;
  /** Leading with a quorum of ACK(NEWLEADER). */
  readonly established: boolean;
  /** The epoch being led or followed, 0 before it is known. */
  readonly epoch: number;
  readonly readOnly: boolean;
  readonly serving: boolean;
  /** The history cannot be proved: it neither votes nor counts. */
  readonly resync: boolean;
  readonly membershipVersion: Zxid;
}

export function view(peer: Peer): PeerView {
  const { state, heap, config } = peer;
  const { role, ensemble } = state;
  return {
    id: config.myid,
    phase: phaseOf(peer),
    zabState: zabStateOf(peer),
    acceptedEpoch: state.epochs.accepted,
    currentEpoch: state.epochs.current,
    loggedZxid: heap.log.last,
    durableZxid: state.durable,
    committedZxid: state.committed,
    appliedZxid: heap.tree.lastZxid,
    leader: role.kind === 'leading' ? config.myid : role.kind === 'learning' ? role.leader : null,
    established: role.kind === 'leading' && role.phase.kind === 'broadcast',
    epoch: role.kind === 'leading' || role.kind === 'learning' ? role.epoch : 0,
    readOnly: role.kind === 'looking' && role.readOnly,
    serving: state.server.mode !== 'stopped',
    resync: state.resync,
    membershipVersion: (ensemble?.committed.version ?? 0) as Zxid,
  };
}

function phaseOf({ state }: Peer): Phase {
  const { role } = state;
  switch (role.kind) {
    case 'draining':
      return 'looking';
    case 'learning':
      return role.observer ? 'observing' : 'following';
    case 'recovering':
    case 'looking':
    case 'leading':
    case 'standalone':
    case 'halted':
      return role.kind;
    default:
      return role satisfies never;
  }
}

function zabStateOf({ state }: Peer): ZabState {
  const { role } = state;
  if (role.kind === 'standalone') return 'broadcast';
  if (role.kind === 'leading') {
    switch (role.phase.kind) {
      case 'discovery':
      case 'proposingEpoch':
      case 'collectingEpochAcks':
        return 'discovery';
      case 'adoptingEpoch':
      case 'synchronization':
        return 'synchronization';
      case 'broadcast':
        return 'broadcast';
      default:
        return role.phase satisfies never;
    }
  }
  if (role.kind !== 'learning') return 'election';
  switch (role.phase.kind) {
    case 'connecting':
    case 'registering':
    case 'accepting':
      return 'discovery';
    case 'syncing':
    case 'truncating':
    case 'receiving':
    case 'installing':
    case 'catchingUp':
    case 'persisting':
    case 'acked':
      return 'synchronization';
    case 'serving':
      return 'broadcast';
    default:
      return role.phase satisfies never;
  }
}
