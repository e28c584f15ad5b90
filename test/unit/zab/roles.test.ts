/**
 * Between two roles (core/zab/roles.ts): what the old one has asked of the disk comes to its end first, changes what is known
 * of the disk, and nothing else. No answer leaves for a leader that is gone, no vote is cast from a log that is still
 * being written.
 */

import { describe, expect, it } from 'vitest';
import type { Effect } from '../../../core/io.ts';
import { view } from '../../../core/peer.ts';
import { readEpochs } from '../../support/disks.ts';
import {
  HANDLER_PHASES,
  type HandlerPhaseName,
  LEARNER_PHASES,
  type LearnerPhaseName,
  leaderWith,
  learnerIn,
  type Scene,
} from '../../support/phases.ts';

/** Breaks the connection under test while whatever the phase waits for is still held. */
function hangUp({ net, wire }: Scene): Effect[] {
  const effects: Effect[] = [];
  net.onStep = (report) => effects.push(...report.effects);
  net.hangUpFrom(wire);
  net.settle();
  return effects;
}

const isVote = (effect: Effect): boolean => effect.type === 'note' && effect.code === 'election.round.start';

/** Phases in which the disk works for the learner. */
const GATED: readonly LearnerPhaseName[] = ['accepting', 'truncating', 'installing', 'persisting'];

describe('a learner whose leader hangs up', () => {
  it.each(LEARNER_PHASES.filter((phase) => phase !== 'registering'))('while it is %s', (phase) => {
    const scene = learnerIn(phase);
    const { net, self, wire } = scene;
    const effects = hangUp(scene);
    const { state, heap } = net.peer(self);
    // Held operations keep it from voting.
    const isGated = GATED.includes(phase);
    expect(state.role.kind === 'draining').toBe(isGated);
    expect(effects.some(isVote)).toBe(!isGated);

    net.releaseAll();
    net.settle();
    // The others still follow the same leader, so it is back there at once, on a new connection.
    expect(effects.some(isVote)).toBe(true);
    expect(state.role).toMatchObject({ kind: 'learning', phase: { kind: 'registering' } });
    expect(state.role.kind === 'learning' && state.role.conn).not.toBe(wire.conn);
    expect(state.saving).toBeNull();
    expect(state.durable).toBe(heap.log.last);
    expect(state.resync).toBe(false);
    expect(state.epochs).toEqual(readEpochs(net.get(self).disk));
  });

  it('before it has registered is dialled again', () => {
    const scene = learnerIn('registering');
    const effects = hangUp(scene);
    scene.net.run(scene.net.get(scene.self).config.leaderConnectDelayMs);
    expect(effects.filter(({ type }) => type === 'connect')).toHaveLength(1);
    expect(view(scene.net.peer(scene.self)).phase).toBe('following');
  });
});

describe('a promise that becomes durable when its leader is gone', () => {
  it('is kept and not announced', () => {
    const scene = learnerIn('accepting');
    const effects = hangUp(scene);
    scene.net.releaseAll();
    scene.net.settle();
    expect(scene.net.peer(scene.self).state.epochs).toEqual({ accepted: 2, current: 1 });
    const sent = effects.filter((effect) => effect.type === 'send' && effect.conn === scene.wire.conn);
    expect(sent).toEqual([]);
  });
});

/** Phases of a handler in which the leader, which has no quorum, stays when its only learner goes. */
describe('a leader whose learner hangs up', () => {
  it.each(HANDLER_PHASES.filter((phase) => phase !== 'active'))('in phase %s', (phase: HandlerPhaseName) => {
    const scene = leaderWith(phase);
    hangUp(scene);
    const { state, heap } = scene.net.peer(scene.self);
    expect(state.role.kind).toBe('leading');
    expect(state.role.kind === 'leading' && state.role.handlers.size).toBe(0);
    expect(heap.outgoing.size).toBe(0);
    scene.net.releaseAll();
    scene.net.settle();
    expect(state.role.kind).toBe('leading');
  });

  it('when it was the quorum: the leader goes within two ticks', () => {
    const scene = leaderWith('active');
    const { tickTimeMs } = scene.net.get(scene.self).config;
    const effects = hangUp(scene);
    expect(view(scene.net.peer(scene.self))).toMatchObject({ phase: 'leading', established: true });
    scene.net.run(2 * tickTimeMs);
    const fields = { reason: 'lost contact with a quorum' };
    expect(effects).toContainEqual({ type: 'note', code: 'zab.leading.gaveup', fields });
  });
});

describe('completions that nobody waits for', () => {
  it.each(LEARNER_PHASES)('change nothing in a learner that is %s', (phase) => {
    const { net, self } = learnerIn(phase);
    expectNoChange(net.get(self), net);
  });

  it.each(HANDLER_PHASES)('change nothing in a leader whose learner is in phase %s', (phase) => {
    const { net, self } = leaderWith(phase);
    expectNoChange(net.get(self), net);
  });

  function expectNoChange(server: Parameters<Scene['net']['input']>[0], net: Scene['net']): void {
    const before = structuredClone(server.peer!.state);
    const effects: Effect[] = [];
    net.onStep = (report) => effects.push(...report.effects);
    for (const [op, generation] of [
      [999_999, server.generation],
      [1, server.generation - 1],
      [1, server.generation + 1],
      [-1, server.generation],
    ] as const) {
      net.input(server, { type: 'fileDone', op, generation, result: { ok: true } });
    }
    expect(effects.map((effect) => (effect.type === 'note' ? effect.code : effect.type))).toEqual(
      Array(4).fill('storage.completion.stale'),
    );
    expect(server.peer!.state).toEqual(before);
  }
});
