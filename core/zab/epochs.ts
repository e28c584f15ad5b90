import type { Epochs, Turn } from '../state.ts';
import { storeSaveEpochs } from '../storage/store.ts';
import { assert } from '../types.ts';

/** Asks for both epochs to be made durable; `state.epochs` follows when the disk has confirmed. */
export function saveEpochs(t: Turn, epochs: Epochs): number {
  const { state } = t;
  assert(epochs.accepted >= state.epochs.accepted, 'acceptedEpoch never decreases');
  assert(epochs.current >= state.epochs.current, 'currentEpoch never decreases');
  assert(epochs.current <= epochs.accepted, 'currentEpoch never exceeds acceptedEpoch');
  const token = storeSaveEpochs(state.store, t.io, { acceptedEpoch: epochs.accepted, currentEpoch: epochs.current });
  state.saving = { token, accepted: epochs.accepted, current: epochs.current };
  return token;
}
