/**
 * What makes the exploration fast changes nothing else: without each of its memories, the same states are reached; without
 * forgetting what is dead, more states, but none in which anybody has, knows or sends anything else.
 */

import { fc } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { ByteStore, copyOf, hashOf, isSame, NOW, textOf } from '../../sim/explore/canon.ts';
import { ELECTION, QUORUM } from '../../sim/explore/items.ts';
import { ALL_SHORTCUTS, type Shortcuts } from '../../sim/explore/locals.ts';
import { findScope, type Scope } from '../../sim/explore/scopes.ts';
import { runPrologue } from '../../sim/explore/search.ts';
import { DEAD, DeadRead, Parts, SLICE } from '../../sim/explore/slices.ts';
import { ACTIONS_MAX, type State, System } from '../../sim/explore/system.ts';

/** One numbering of byte arrays for all runs: the numbers that an exploration gives depend on its way. */
const BYTES = new ByteStore();

/** Says what is in a state; a function of the system, to remember what was said of its servers. */
type Words = (system: System) => (state: State) => string;

/** Everything but the numbers. */
const content: Words = (system) => {
  const known = new Map<number, string>();
  return wordsOf(system, (local) => {
    const text = known.get(local) ?? textOf(system.locals.contentOf(local), BYTES);
    known.set(local, text);
    return `${text} ${textOf([...system.locals.diskOf(local)], BYTES)}`;
  });
};

/** What the servers can do next, what they have, and what is under way. */
const observable: Words = (system) =>
  wordsOf(system, (local) => {
    const { log, committed, durable, ...facts } = system.locals.factsOf(local);
    const histories = [log, committed, durable].map((node) => system.locals.histories.list(node));
    return `${system.locals.bitsOf(local)} ${textOf([histories, facts, system.locals.socketsOf(local)], BYTES)}`;
  });

function wordsOf(system: System, words: (local: number) => string): (state: State) => string {
  const { locals, queues, scope } = system;
  const servers = Array.from({ length: scope.servers }, (_, i) => i);
  return (state) => {
    const parts = servers.map((i) => words(state[i]!));
    for (const channel of [ELECTION, QUORUM]) {
      for (const from of servers) {
        for (const to of servers) {
          if (from === to) continue;
          const items = queues.get(system.queueIn(state, channel, from, to)).map((id) => locals.items.get(id));
          parts.push(textOf(items, BYTES));
        }
      }
    }
    return `${parts.join('\n')}\n${system.promisesIn(state)} ${state.at(-1)}`;
  };
}

/** Every state of the scope, in words of each kind. */
function reached(scope: Scope, shortcuts: Partial<Shortcuts>, ...words: readonly Words[]): readonly Set<string>[] {
  const system = new System(scope, { ...ALL_SHORTCUTS, ...shortcuts });
  const ways = words.map((way) => way(system));
  const start = runPrologue(system);
  const seen = new Set([start.join()]);
  const said = ways.map((say) => new Set([say(start)]));
  const queue = [start];
  const actions = new Int32Array(ACTIONS_MAX);
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    for (const action of actions.slice(0, system.actions(state, actions))) {
      const next = state.slice();
      if (!system.apply(next, action)) throw new Error(system.fault!.message);
      if (seen.has(next.join())) continue;
      seen.add(next.join());
      ways.forEach((say, i) => {
        said[i]!.add(say(next));
      });
      queue.push(next);
    }
  }
  return said;
}

const SCOPE: Scope = { ...findScope('broadcast-disks')!, writes: 1, crashes: 0, cuts: 0 };
/** A leadership from its beginning to a crash: what is dead in one phase is written in another. */
const CRASH: Scope = { ...findScope('broadcast')!, writes: 0, crashes: 1 };

describe('without one of its memories, the same states', () => {
  const all = reached(SCOPE, {}, content);

  test.each(['transitions', 'outcomes', 'trees', 'facts'] as const)('%s', (name) => {
    expect(reached(SCOPE, { [name]: false }, content)).toEqual(all);
  });

  test('none of them', () => {
    const none = { transitions: false, outcomes: false, trees: false, facts: false };
    expect(reached(SCOPE, none, content)).toEqual(all);
  });
});

test('without forgetting, more states, in which nobody has, knows or sends anything else', () => {
  const [forgetting, few] = reached(CRASH, {}, observable, content);
  const [whole, many] = reached(CRASH, { dead: false }, observable, content);
  expect(forgetting).toEqual(whole);
  expect(few!.size).toBeLessThan(many!.size);
});

test('a step that reads what is held to be dead is an error', () => {
  const { locals } = new System(SCOPE);
  const slices = new Array<number>(SLICE.storeDurable + 1).fill(0);
  locals.pools.all[SLICE.shell]!.internValue({ listening: false, files: [], base: 0 }, BYTES);
  locals.pools.all[SLICE.core]!.internValue({}, BYTES);
  locals.pools.all[SLICE.seen]!.internValue({}, BYTES);
  locals.pools.all[SLICE.accepted]!.internValue(DEAD, BYTES);
  const parts = new Parts(locals.pools, slices);
  expect(() => parts.load(SLICE.accepted)).toThrow(DeadRead);
  parts.replace(SLICE.accepted, null);
  expect(parts.load(SLICE.accepted)).toBeNull();
});

// --- values ------------------------------------------------------------------------------------------------------------------

const leaf = fc.oneof(
  fc.constantFrom(null, undefined, true, false, 0, 1, NOW, 2 ** 40 + 1, 2 ** 40 + 2, 'a', 'b', '1', 1n),
  fc.uint8Array({ maxLength: 1 }),
);
const key = fc.constantFrom('a', 'b', 'c');
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(key, { maxLength: 3 }).map((items) => new Set(items)),
  ),
}));

test('values are the same when their texts are, and then their hashes are too', () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      const isEqual = textOf(a, BYTES) === textOf(b, BYTES);
      expect(isSame(a, b)).toBe(isEqual);
      if (isEqual) expect(hashOf(a, BYTES)).toBe(hashOf(b, BYTES));
    }),
    { numRuns: 2000 },
  );
});

test('a copy is the same and shares nothing that could change', () => {
  fc.assert(
    fc.property(value, (original) => {
      const before = textOf(original, BYTES);
      const copied = copyOf(original);
      expect(textOf(copied, BYTES)).toBe(before);
      spoil(copied);
      expect(textOf(original, BYTES)).toBe(before);
    }),
    { numRuns: 1000 },
  );
});

/** Changes everything in a value that can be changed, but for bytes. */
function spoil(spoilt: unknown): void {
  if (typeof spoilt !== 'object' || spoilt === null || spoilt instanceof Uint8Array) return;
  if (spoilt instanceof Set) {
    spoilt.add('spoilt');
    return;
  }
  const items = spoilt instanceof Map ? spoilt.values() : Object.values(spoilt);
  for (const item of items) spoil(item);
  if (Array.isArray(spoilt)) spoilt.push('spoilt');
  else if (spoilt instanceof Map) spoilt.set('spoilt', true);
  else Object.assign(spoilt, { spoilt: true });
}
