/** What a server without a leader shows to clients that may only read: what was committed as far as it knows, or nothing. */

import { describe, expect, it } from 'vitest';
import { type LearnerPhaseName, learnerIn } from '../../support/phases.ts';

/** The server loses its leader in that phase and finds no other; which notes it leaves then. */
function alone(phase: LearnerPhaseName): { readonly notes: string[]; readonly readOnly: boolean } {
  const scene = learnerIn(phase, { readOnlyModeEnabled: true });
  const { net, self, wire, played } = scene;
  net.releaseAll();
  net.settle();
  const notes: string[] = [];
  net.onStep = ({ effects }) => {
    for (const effect of effects) if (effect.type === 'note') notes.push(effect.code);
  };
  played.silence();
  net.hangUpFrom(wire);
  net.run(10_000);
  const { role } = net.peer(self).state;
  return { notes, readOnly: role.kind === 'looking' && role.readOnly };
}

describe('read-only service', () => {
  it('begins with the history of a leader that was established', () => {
    const { notes, readOnly } = alone('serving');
    expect(notes).toContain('peer.readonly.started');
    expect(readOnly).toBe(true);
  });

  it('shows no state that came from a leader without a quorum', () => {
    const { notes, readOnly } = alone('installing');
    expect(notes).toContain('peer.readonly.refused');
    expect(readOnly).toBe(false);
  });
});
