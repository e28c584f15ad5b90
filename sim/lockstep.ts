/**
 * Lockstep: every server runs twice side by side, once raw and once with each step inside immer, on the same inputs. After
 * every step the effects and the states must be equal.
 *
 * The drafted twin's state is frozen between steps, so that code which keeps a reference into it and writes later throws,
 * and code which shares one object between two places in the state comes out different: the aliasing that production never
 * shows until it does.
 */

import { enableMapSet, produce, setAutoFreeze } from 'immer';
import type { Effect, Input } from '../core/io.ts';
import { boot, nextDeadline, type Peer, step } from '../core/peer.ts';
import type { PeerState } from '../core/state.ts';
import { assert, InvariantError, type Now } from '../core/types.ts';
import type { PeerHost, PeerRunner } from './server.ts';
import type { HostEmit, HostInput } from './world/types.ts';

export const runLockstep: PeerRunner = (config, secrets, now, emit) => {
  enableMapSet();
  setAutoFreeze(true);
  const rawEffects: Effect[] = [];
  const draftedEffects: Effect[] = [];
  const raw = boot(config, secrets, now, (effect) => rawEffects.push(effect));
  const drafted = boot(config, secrets, now, (effect) => draftedEffects.push(effect));
  requireEqual('boot', rawEffects, draftedEffects);
  for (const effect of rawEffects) emit(effect);
  return new Twins(raw, drafted);
};

class Twins implements PeerHost {
  readonly peer: Peer;
  readonly #drafted: Peer;

  constructor(raw: Peer, drafted: Peer) {
    this.peer = raw;
    this.#drafted = drafted;
  }

  step(now: Now, input: HostInput, emit: HostEmit): void {
    const rawEffects: Effect[] = [];
    const draftedEffects: Effect[] = [];
    step(this.peer, now, input as Input, (effect) => rawEffects.push(effect));
    const twin = this.#drafted;
    twin.state = produce(twin.state, (state: PeerState) => {
      step({ ...twin, state }, now, input as Input, (effect) => draftedEffects.push(effect));
    });
    requireEqual(`effects of ${input.type}`, rawEffects, draftedEffects);
    requireEqual(`state after ${input.type}`, this.peer.state, twin.state);
    this.#requireEqualHeaps(input.type);
    for (const effect of rawEffects) emit(effect);
  }

  #requireEqualHeaps(after: string): void {
    const [a, b] = [this.peer.heap, this.#drafted.heap];
    assert(a.tree.stateDigest() === b.tree.stateDigest(), `trees differ after ${after}`);
    assert(a.log.digest() === b.log.digest(), `histories differ after ${after}`);
  }

  nextDeadline(): number | null {
    const raw = nextDeadline(this.peer);
    requireEqual('deadline', raw, nextDeadline(this.#drafted));
    return raw;
  }
}

function requireEqual(what: string, raw: unknown, drafted: unknown): void {
  const path = differenceOf(raw, drafted, '');
  if (path !== null) throw new InvariantError(`lockstep: ${what}: raw and drafted differ at ${path || 'the top'}`);
}

/** Where two values differ first, or null. */
export function differenceOf(a: unknown, b: unknown, path: string): string | null {
  if (Object.is(a, b)) return null;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return path;
  if (a instanceof Map || b instanceof Map) {
    return a instanceof Map && b instanceof Map ? differenceOf([...a], [...b], path) : path;
  }
  if (a instanceof Set || b instanceof Set) {
    return a instanceof Set && b instanceof Set ? differenceOf([...a], [...b], path) : path;
  }
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    const same = a instanceof Uint8Array && b instanceof Uint8Array && a.length === b.length;
    return same && a.every((byte, index) => byte === b[index]) ? null : path;
  }
  return differenceOfFields(a as Fields, b as Fields, path);
}

type Fields = Readonly<Record<string, unknown>>;

function differenceOfFields(a: Fields, b: Fields, path: string): string | null {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return path;
  for (const key of keys) {
    if (!(key in b)) return `${path}.${key}`;
    const found = differenceOf(a[key], b[key], `${path}.${key}`);
    if (found !== null) return found;
  }
  return null;
}
