/** What a leader owes to those that have no vote: an epoch they can accept, and no more than their share of its bandwidth. */

import { describe, expect, it } from 'vitest';
import type { Effect } from '../../../core/io.ts';
import { asPeer, asZxid, EPOCH_MAX, zxidOf } from '../../../core/types.ts';
import { Packet } from '../../../core/wire/opcodes.ts';
import { encodeAckEpoch, encodeLearnerInfo, LEARNER_PROTOCOL_VERSION } from '../../../core/wire/quorum-codec.ts';
import type { Wire } from '../../support/mini-ensemble.ts';
import { leaderWith, type Scene, send } from '../../support/phases.ts';

function introduce(scene: Scene, wire: Wire, id: number, packet: number, acceptedEpoch: number): void {
  const info = { serverid: asPeer(id), protocolVersion: LEARNER_PROTOCOL_VERSION, configVersion: asZxid(0) };
  send(scene.net, wire, packet, zxidOf(acceptedEpoch, 0), encodeLearnerInfo(info));
}

const epochOfLeader = ({ net, self }: Scene): number => {
  const { role } = net.peer(self).state;
  return role.kind === 'leading' ? role.epoch : -1;
};

describe('the new epoch', () => {
  it('is newer than what an observer has promised itself to', () => {
    const scene = leaderWith('info');
    const observer = scene.net.dialFrom('observer', scene.self, 'quorum')!;
    introduce(scene, observer, 9, Packet.OBSERVERINFO, 6);
    // No quorum yet: an observer is in none.
    expect(epochOfLeader(scene)).toBe(0);
    introduce(scene, scene.wire, 1, Packet.FOLLOWERINFO, 2);
    expect(epochOfLeader(scene)).toBe(7);
  });

  it('does not run out because an observer says so', () => {
    const scene = leaderWith('info');
    const observer = scene.net.dialFrom('observer', scene.self, 'quorum')!;
    introduce(scene, observer, 9, Packet.OBSERVERINFO, EPOCH_MAX);
    introduce(scene, scene.wire, 1, Packet.FOLLOWERINFO, 2);
    expect(epochOfLeader(scene)).toBe(3);
  });
});

describe('snapshots for observers', () => {
  /** Server 3 leads with snapshots forced; learner 1 keeps one waiting; then others come. */
  function arrive(snapshotsMax: number, packet: number): { readonly wire: Wire; readonly notes: string[] } {
    const scene = leaderWith('snapshot', { maxConcurrentSnapSyncs: snapshotsMax });
    const notes: string[] = [];
    scene.net.onStep = ({ effects }: { effects: readonly Effect[] }) => {
      for (const effect of effects) if (effect.type === 'note') notes.push(effect.code);
    };
    const wire = scene.net.dialFrom(asPeer(2), scene.self, 'quorum')!;
    introduce(scene, wire, 2, packet, 0);
    send(scene.net, wire, Packet.ACKEPOCH, asZxid(0), encodeAckEpoch(0));
    return { wire, notes };
  }

  it('are no more at once than leader.maxConcurrentSnapSyncs', () => {
    const { wire, notes } = arrive(1, Packet.OBSERVERINFO);
    expect(notes).toContain('zab.sync.throttled');
    expect(wire.closed).toBe(true);
  });

  it('are sent up to that number', () => {
    const { wire, notes } = arrive(2, Packet.OBSERVERINFO);
    expect(notes).toContain('zab.sync.snap');
    expect(wire.closed).toBe(false);
  });

  it('never hold a follower off', () => {
    const { wire, notes } = arrive(1, Packet.FOLLOWERINFO);
    expect(notes).toContain('zab.sync.snap');
    expect(wire.closed).toBe(false);
  });
});
