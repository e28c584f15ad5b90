/**
 * What a pair of twin runs does: a list of steps, and a secret map from placeholders to two values each.
 *
 * Some clients are spies; the owner has rights that they have not. Both runs of a pair make the same steps, only that the texts
 * of the owner contain the first or the second value of each secret. Where a placeholder may stand is what makes the
 * pair equal for the spies by construction, so that whatever they can tell apart is a leak (checkers.md, 5):
 *
 * - payload and its length, of nodes that they may not read;
 * - which of several unreadable nodes is written, created below, or deleted from, with the same number of transactions;
 * - names below unreadable nodes, plain, sequential, ephemeral and inside a multi, which they never probe;
 * - the hash of a digest entry in an ACL that they may look at without ADMIN, and the entries of one that they may not.
 *
 * What is not promised: how many transactions there are, when they happen, and the existence of a path they can name.
 */

import { digestId } from '../../core/acl/schemes.ts';
import type { Call, MultiCall } from '../../core/client/calls.ts';
import { type Acl, type Id, Perm, WORLD_ANYONE } from '../../core/types.ts';
import { AddWatchMode, CreateMode, WatcherType } from '../../core/wire/opcodes.ts';
import { utf8Decode, utf8Encode } from '../../core/wire/utf8.ts';
import { makeStream } from '../world/random.ts';
import type { Stream } from '../world/types.ts';

/** Who makes the step. The second owner's session ends, so that its ephemeral nodes go. */
export type Actor = 'owner' | 'second' | 'spy' | 'spy2';
export const ACTORS: readonly Actor[] = ['owner', 'second', 'spy', 'spy2'];
export const SPIES: readonly Actor[] = ['spy', 'spy2'];

export type TwinAction =
  | { readonly do: 'call'; readonly call: Call }
  | { readonly do: 'auth'; readonly auth: string }
  /** Goes to another server, or comes back to the same one. */
  | { readonly do: 'move' }
  /** Its program ends without a word, and a new one begins. */
  | { readonly do: 'die' };

export interface TwinStep {
  readonly who: Actor;
  /** Texts and data may hold placeholders: `{7}` stands for one of the two values of secret 7. */
  readonly action: TwinAction;
}

export interface TwinPlan {
  readonly seed: string;
  readonly servers: number;
  /** So many steps come first that make the nodes and sign in; without them the pair is none. */
  readonly ground: number;
  readonly steps: readonly TwinStep[];
  /** By the number of the placeholder. */
  readonly secrets: readonly (readonly [string, string])[];
}

/** The rights of the owner, `alice:wonder`, which spies sign in with only to show that they could see something. */
export const OWNER_AUTH = 'alice:wonder';
const ALICE: Id = { scheme: 'digest', id: digestId(OWNER_AUTH) };
const all = (id: Id): Acl => ({ perms: Perm.ALL, id });
const anyone = (perms: number): Acl => ({ perms, id: WORLD_ANYONE });

/** Entries that mean no spy, of every scheme. */
const OTHERS: readonly Id[] = [
  { scheme: 'digest', id: 'mallory:AAAAAAAAAAAAAAAAAAAAAAAAAAA=' },
  { scheme: 'digest', id: 'alice:AAAAAAAAAAAAAAAAAAAAAAAAAAA=' },
  { scheme: 'ip', id: '10.9.0.0/16' },
  { scheme: 'ip', id: '10.0.3.254' },
  { scheme: 'x509', id: 'CN=alice' },
  { scheme: 'sasl', id: 'alice' },
];

/** What the owner creates first: path, and what a spy may do there. */
const GROUND: readonly (readonly [path: string, perms: number])[] = [
  ['/pub', Perm.READ],
  ['/pub/r', Perm.READ],
  ['/pub/u1', 0],
  ['/pub/u2', 0],
  ['/secret', 0],
  ['/secret/x', 0],
  ['/secret/y', 0],
  ['/w', Perm.WRITE],
  ['/c', Perm.CREATE],
  ['/d', Perm.DELETE],
  ['/d/k0', 0],
  ['/d/k1', 0],
  ['/d/k2', 0],
  ['/m', Perm.ADMIN],
  ['/r', Perm.READ],
];

/** Whatever a spy asks about is one of these, or a child of one with a name of its own. */
const NAMED: readonly string[] = ['/', ...GROUND.map(([path]) => path), '/late', '/zookeeper/config'];

export interface PlanSettings {
  readonly servers?: number;
  readonly steps?: number;
}

export function planOf(seed: string, settings: PlanSettings = {}): TwinPlan {
  return new Planner(seed, settings).plan();
}

class Planner {
  readonly #seed: string;
  readonly #settings: PlanSettings;
  readonly #stream: Stream;
  readonly #steps: TwinStep[] = [];
  readonly #secrets: (readonly [string, string])[] = [];
  #names = 0;
  #isLate = false;

  constructor(seed: string, settings: PlanSettings) {
    this.#seed = seed;
    this.#settings = settings;
    this.#stream = makeStream(seed, 'twin');
  }

  plan(): TwinPlan {
    const { servers = 1, steps = 90 } = this.#settings;
    this.#layGround();
    const ground = this.#steps.length;
    this.#spyWatches();
    this.#spyClaims();
    for (let i = 0; i < steps; i++) {
      const die = this.#stream.below(10);
      if (die < 4) this.#secretStep();
      else if (die < 5) this.#openStep();
      else this.#spyStep(this.#stream.below(2) === 0 ? 'spy' : 'spy2');
    }
    return { seed: this.#seed, servers, ground, steps: this.#steps, secrets: this.#secrets };
  }

  // --- the ground ---

  #layGround(): void {
    for (const who of ['owner', 'second'] as const) this.#push(who, { do: 'auth', auth: OWNER_AUTH });
    for (const [path, perms] of GROUND) this.#ask('owner', this.#create(path, 'ground', perms));
    // Last, since from then on nobody else creates at the top.
    this.#ask('owner', { kind: 'setACL', path: '/', acl: this.#aclFor(Perm.READ), version: -1 });
    this.#push('spy', { do: 'auth', auth: 'mallory:wonder' });
  }

  /** Every kind of watch in every kind of place, before anything happens. */
  #spyWatches(): void {
    this.#ask('spy', { kind: 'addWatch', path: '/', mode: AddWatchMode.persistentRecursive });
    this.#ask('spy2', { kind: 'addWatch', path: this.#stream.pick(NAMED), mode: AddWatchMode.persistent });
    this.#ask('spy2', { kind: 'addWatch', path: '/secret', mode: AddWatchMode.persistentRecursive });
    this.#ask('spy2', { kind: 'exists', path: '/late', watch: true });
  }

  /** Each right is claimed once where it is not held; chance goes on from there. */
  #spyClaims(): void {
    const path = this.#stream.pick(['/secret/x', '/secret/y']);
    const claims: readonly Call[] = [
      { kind: 'getData', path, watch: true },
      { kind: 'getACL', path: '/r' },
      { kind: 'getAllChildrenNumber', path: '/' },
      this.#set(path, 'spy'),
      this.#create('/secret/a0', 'spy', 0),
      { kind: 'delete', path, version: -1 },
      { kind: 'setACL', path, acl: this.#aclFor(Perm.READ), version: -1 },
      { kind: 'multi', ops: [{ kind: 'check', path, version: -1 }] },
      { kind: 'reconfig', joiningServers: null, leavingServers: '2', newMembers: null, curConfigId: -1 },
    ];
    for (const call of this.#stream.shuffled(claims)) this.#ask(this.#stream.pick(SPIES), call);
    // Away while a node appears that it waits for and may not read.
    this.#push('spy2', { do: 'move' });
    this.#ask('owner', this.#create('/late', 'late', 0));
    this.#isLate = true;
  }

  // --- steps of the owner that differ ---

  #secretStep(): void {
    const die = this.#stream.below(14);
    switch (die) {
      case 0:
      case 1:
        return this.#ask(
          'owner',
          this.#set(this.#stream.pick(['/secret/x', '/pub/u1', '/d/k0', '/d/k1']), this.#payload()),
        );
      case 2:
        return this.#ask('owner', this.#set(this.#either('/secret/x', '/secret/y'), 'same'));
      case 3:
        return this.#ask('owner', this.#set(this.#either('/pub/u1', '/pub/u2'), this.#payload()));
      case 4: {
        const path = this.#either(`/secret/s${this.#name()}`, `/secret/t${this.#name()}`);
        this.#ask('owner', this.#create(path, 'same', 0));
        if (this.#stream.below(2) === 0) this.#ask('owner', { kind: 'delete', path, version: -1 });
        return;
      }
      case 5: {
        const name = this.#name();
        const path = this.#either(`/pub/u1/s${name}`, `/pub/u2/s${name}`);
        this.#ask('owner', this.#create(path, this.#payload(), 0));
        if (this.#stream.below(2) === 0) this.#ask('owner', { kind: 'delete', path, version: -1 });
        return;
      }
      case 6:
        return this.#ask('owner', this.#set('/w', this.#payload()));
      case 7:
        return this.#ask('owner', this.#create(this.#either(`/c/s${this.#name()}`, `/c/t${this.#name()}`), 'same', 0));
      case 8: {
        const hash = this.#either('carol:AAAAAAAAAAAAAAAAAAAAAAAAAAA=', 'carol:BBBBBBBBBBBBBBBBBBBBBBBBBBB=');
        const carol = all({ scheme: 'digest', id: hash });
        return this.#ask('owner', {
          kind: 'setACL',
          path: '/r',
          acl: [anyone(Perm.READ), all(ALICE), carol],
          version: -1,
        });
      }
      case 9: {
        const who = this.#either('bob', 'carol');
        const acl = [all(ALICE), all({ scheme: 'sasl', id: who })];
        return this.#ask('owner', {
          kind: 'setACL',
          path: this.#stream.pick(['/secret/x', '/pub/u2']),
          acl,
          version: -1,
        });
      }
      case 10: {
        const path = this.#either(`/secret/e${this.#name()}`, `/secret/f${this.#name()}`);
        this.#ask('second', this.#create(path, 'same', 0, CreateMode.ephemeral));
        if (this.#stream.below(2) === 0) this.#push('second', { do: 'die' });
        this.#push('second', { do: 'auth', auth: OWNER_AUTH });
        return;
      }
      case 11: {
        const path = this.#either('/secret/q-', '/secret/p-');
        return this.#ask('owner', this.#create(path, 'same', 0, CreateMode.persistentSequential));
      }
      case 12: {
        const ops: MultiCall[] = [
          this.#set(this.#either('/secret/x', '/secret/y'), this.#payload()) as MultiCall,
          this.#create(this.#either(`/pub/u1/m${this.#name()}`, `/pub/u2/m${this.#name()}`), 'same', 0) as MultiCall,
        ];
        return this.#ask('owner', { kind: 'multi', ops });
      }
      default: {
        const path = this.#either(`/secret/b${this.#name()}`, `/pub/u1/b${this.#name()}`);
        return this.#ask('owner', { ...this.#create(path, 'same', 0), kind: 'createContainer', flags: 4 } as Call);
      }
    }
  }

  // --- steps of the owner that anybody may see ---

  #openStep(): void {
    const die = this.#stream.below(4);
    if (die === 0) return this.#ask('owner', this.#set('/pub/r', `open${this.#name()}`));
    if (die === 1) return this.#ask('owner', this.#create(`/pub/o${this.#name()}`, 'open', Perm.READ));
    if (die === 2) return this.#ask('owner', this.#create(`/d/k${this.#stream.below(3)}`, 'again', 0));
    this.#ask(
      'owner',
      this.#isLate ? { kind: 'delete', path: '/late', version: -1 } : this.#create('/late', 'late', 0),
    );
    this.#isLate = !this.#isLate;
  }

  // --- spies ---

  #spyStep(who: Actor): void {
    const die = this.#stream.below(24);
    const path = this.#stream.pick(NAMED);
    const watch = this.#stream.below(2) === 0;
    if (die < 2) return this.#ask(who, { kind: 'exists', path, watch });
    if (die < 5) return this.#ask(who, { kind: 'getData', path, watch });
    if (die < 6) return this.#ask(who, { kind: 'getChildren', path, watch });
    if (die < 8) return this.#ask(who, { kind: 'getChildren2', path, watch });
    if (die < 10) return this.#ask(who, { kind: 'getACL', path: this.#stream.pick([path, '/r']) });
    if (die < 11) return this.#ask(who, { kind: 'getAllChildrenNumber', path });
    if (die < 12) return this.#ask(who, this.#multiRead());
    if (die < 14) return this.#push(who, { do: 'move' });
    if (die < 15) return this.#spyWatch(who, path);
    if (die < 16) return this.#spyOdd(who, path);
    return this.#ask(who, this.#spyUpdate(die, path));
  }

  #multiRead(): Call {
    const kinds = ['getData', 'getChildren'] as const;
    const ops = [0, 1, 2].map(() => ({ kind: this.#stream.pick(kinds), path: this.#stream.pick(NAMED) }));
    return { kind: 'multiRead', ops };
  }

  #spyWatch(who: Actor, path: string): void {
    const die = this.#stream.below(4);
    if (die === 0) return this.#ask(who, { kind: 'removeWatches', path, type: WatcherType.any, local: false });
    const mode = die === 1 ? AddWatchMode.persistent : AddWatchMode.persistentRecursive;
    this.#ask(who, { kind: 'addWatch', path, mode });
  }

  #spyOdd(who: Actor, path: string): void {
    switch (this.#stream.below(7)) {
      case 0:
        return this.#ask(who, { kind: 'whoAmI' });
      case 1:
        return this.#ask(who, { kind: 'getEphemerals', prefixPath: path });
      case 2:
        return this.#ask(who, { kind: 'sync', path });
      case 3:
        return this.#ask(who, { kind: 'getConfig', watch: true });
      case 4:
        return this.#push(who, { do: 'auth', auth: this.#stream.pick(['alice:wrong', 'mallory:wonder']) });
      case 5:
        return this.#push(who, { do: 'die' });
      default: {
        const nothing = { joiningServers: null, leavingServers: '2', newMembers: null, curConfigId: -1 };
        return this.#ask(who, { kind: 'reconfig', ...nothing });
      }
    }
  }

  #spyUpdate(die: number, path: string): Call {
    const version = this.#stream.below(3) === 0 ? this.#stream.below(3) : -1;
    switch (die) {
      case 16:
      case 17:
        return this.#set(this.#stream.pick([path, '/w', '/secret/x']), `spy${this.#name()}`, version);
      case 18:
        return { kind: 'delete', path: this.#stream.pick([path, '/d/k0', '/d/k1', '/late', '/pub/r', '/w']), version };
      case 19: {
        const below = this.#stream.pick([path, '/c', '/secret', '/pub/u1']);
        const flags = this.#stream.pick([0, 0, 1, 2, 3]);
        return this.#create(`${below === '/' ? '' : below}/a${this.#name()}`, 'spy', Perm.READ | Perm.DELETE, flags);
      }
      case 20:
        return {
          kind: 'setACL',
          path: this.#stream.pick([path, '/m', '/secret/x']),
          acl: this.#aclFor(Perm.ADMIN),
          version,
        };
      case 21:
        return { kind: 'multi', ops: [{ kind: 'check', path, version }] };
      case 22:
        return {
          kind: 'multi',
          ops: [
            { kind: 'setData', path: '/w', data: utf8Encode('spy'), version: -1 },
            { kind: 'check', path, version },
            { kind: 'delete', path: '/d/k2', version },
          ],
        };
      default:
        return { ...this.#create(`/c/a${this.#name()}`, 'spy', Perm.READ), kind: 'createContainer', flags: 4 } as Call;
    }
  }

  // --- small things ---

  #push(who: Actor, action: TwinAction): void {
    this.#steps.push({ who, action });
  }

  #ask(who: Actor, call: Call): void {
    this.#push(who, { do: 'call', call });
  }

  /** A placeholder for one of two texts. */
  #either(first: string, second: string): string {
    const number = this.#secrets.length;
    this.#secrets.push([first, second]);
    return `{${number}}`;
  }

  /** Contents of two lengths. */
  #payload(): string {
    const lengths = [1, 2, 9, 40, 200] as const;
    return this.#either('x'.repeat(this.#stream.pick(lengths)), 'y'.repeat(this.#stream.pick(lengths) + 1));
  }

  #name(): number {
    this.#names += 1;
    return this.#names;
  }

  #set(path: string, data: string, version = -1): Call {
    return { kind: 'setData', path, data: utf8Encode(data), version };
  }

  #create(path: string, data: string, perms: number, flags = 0): Call {
    return { kind: 'create2', path, data: utf8Encode(data), acl: this.#aclFor(perms), flags };
  }

  /** The owner may do everything, everybody what `perms` says, and others that no spy is. */
  #aclFor(perms: number): Acl[] {
    const acl = [all(ALICE)];
    for (const id of OTHERS) if (this.#stream.below(3) === 0) acl.push(all(id));
    if (perms !== 0) acl.push(anyone(perms));
    return this.#stream.below(2) === 0 ? acl : acl.reverse();
  }
}

/** The action with the values of one of the two runs. */
export function actionOf({ action }: TwinStep, secrets: TwinPlan['secrets'], run: 0 | 1): TwinAction {
  return filled(action, secrets, run) as TwinAction;
}

function filled(value: unknown, secrets: TwinPlan['secrets'], run: 0 | 1): unknown {
  if (typeof value === 'string')
    return value.replace(/\{(\d+)\}/g, (_, number) => secrets[Number(number)]?.[run] ?? '');
  if (value instanceof Uint8Array) return utf8Encode(filled(utf8Decode(value) ?? '', secrets, run) as string);
  if (Array.isArray(value)) return value.map((each) => filled(each, secrets, run));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, secrets, run)]));
}
