/**
 * What a program may ask of the client, and what it gets back.
 *
 * Calls are the requests of the opcode table (ZooDefs.OpCode) minus those the client machine sends by itself: connect,
 * ping, auth, setWatches and closeSession. Field names are those of the jute records. Paths are the program's, that is,
 * without the chroot, in calls, in results and in watch events alike.
 */

import type { Acl } from '../types.ts';
import type { Stat } from '../wire/records.ts';

/** Names whoever wants to hear a watch event; chosen by the program. Several may watch one path. */
export type WatcherId = number;

/** A request. `watch: true` registers the watcher named by the input (or else the request's own id). */
export type Call =
  | CreateCall
  | CreateTtlCall
  | { readonly kind: 'delete'; readonly path: string; readonly version: number }
  | { readonly kind: 'exists'; readonly path: string; readonly watch: boolean }
  | { readonly kind: 'getData'; readonly path: string; readonly watch: boolean }
  /** getData of /zookeeper/config, which no chroot hides (ZooKeeper.getConfig). */
  | { readonly kind: 'getConfig'; readonly watch: boolean }
  | { readonly kind: 'setData'; readonly path: string; readonly data: Uint8Array | null; readonly version: number }
  | { readonly kind: 'getACL'; readonly path: string }
  | { readonly kind: 'setACL'; readonly path: string; readonly acl: readonly Acl[]; readonly version: number }
  | { readonly kind: 'getChildren'; readonly path: string; readonly watch: boolean }
  | { readonly kind: 'getChildren2'; readonly path: string; readonly watch: boolean }
  | { readonly kind: 'sync'; readonly path: string }
  | { readonly kind: 'multi'; readonly ops: readonly MultiCall[] }
  | { readonly kind: 'multiRead'; readonly ops: readonly MultiReadCall[] }
  | {
      readonly kind: 'reconfig';
      readonly joiningServers: string | null;
      readonly leavingServers: string | null;
      readonly newMembers: string | null;
      readonly curConfigId: number;
    }
  /** `mode` is an `AddWatchMode`. */
  | { readonly kind: 'addWatch'; readonly path: string; readonly mode: number }
  /**
   * `type` is a `WatcherType`. Removes the watcher named by the input, or all of that type when the input names none.
   * With `local`, the watchers are forgotten even when the server cannot be asked.
   */
  | { readonly kind: 'removeWatches'; readonly path: string; readonly type: number; readonly local: boolean }
  | { readonly kind: 'getEphemerals'; readonly prefixPath: string }
  | { readonly kind: 'getAllChildrenNumber'; readonly path: string }
  | { readonly kind: 'whoAmI' }
  /** One message of a SASL exchange; it authenticates this connection, so it must be repeated on the next one. */
  | { readonly kind: 'sasl'; readonly token: Uint8Array };

/** `flags` is a `CreateMode`. `createContainer` takes `CreateMode.container`. */
export interface CreateCall {
  readonly kind: 'create' | 'create2' | 'createContainer';
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  readonly flags: number;
}

export interface CreateTtlCall {
  readonly kind: 'createTTL';
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  readonly flags: number;
  readonly ttl: number;
}

export type MultiCall =
  | CreateCall
  | CreateTtlCall
  | { readonly kind: 'delete'; readonly path: string; readonly version: number }
  | { readonly kind: 'setData'; readonly path: string; readonly data: Uint8Array | null; readonly version: number }
  | { readonly kind: 'check'; readonly path: string; readonly version: number };

export type MultiReadCall =
  | { readonly kind: 'getData'; readonly path: string }
  | { readonly kind: 'getChildren'; readonly path: string };

/** The body of a good reply. */
export type CallBody =
  | { readonly kind: 'create'; readonly path: string }
  | { readonly kind: 'create2' | 'createContainer' | 'createTTL'; readonly path: string; readonly stat: Stat }
  | { readonly kind: 'exists' | 'setData' | 'setACL'; readonly stat: Stat }
  | { readonly kind: 'getData' | 'getConfig' | 'reconfig'; readonly data: Uint8Array | null; readonly stat: Stat }
  | { readonly kind: 'getACL'; readonly acl: readonly Acl[]; readonly stat: Stat }
  | { readonly kind: 'getChildren'; readonly children: readonly string[] }
  | { readonly kind: 'getChildren2'; readonly children: readonly string[]; readonly stat: Stat }
  | { readonly kind: 'sync'; readonly path: string }
  | { readonly kind: 'multi' | 'multiRead'; readonly results: readonly CallResult[] }
  | { readonly kind: 'getEphemerals'; readonly ephemerals: readonly string[] }
  | { readonly kind: 'getAllChildrenNumber'; readonly totalNumber: number }
  | { readonly kind: 'whoAmI'; readonly clientInfo: readonly { readonly authScheme: string; readonly user: string }[] }
  | { readonly kind: 'sasl'; readonly token: Uint8Array | null };

/** The body that answers one kind of call. */
export type CallBodyOf<K extends CallBody['kind']> = CallBody extends infer B
  ? B extends { readonly kind: infer Kinds }
    ? K extends Kinds
      ? B
      : never
    : never
  : never;

/** One result of a multi or multiRead, in the order of its operations. */
export type CallResult =
  | { readonly kind: 'create'; readonly path: string }
  | { readonly kind: 'create2'; readonly path: string; readonly stat: Stat }
  | { readonly kind: 'delete' | 'check' }
  | { readonly kind: 'setData'; readonly stat: Stat }
  | { readonly kind: 'getData'; readonly data: Uint8Array | null; readonly stat: Stat }
  | { readonly kind: 'getChildren'; readonly children: readonly string[] }
  /** The code of the operation that failed; 0 for those before it and RUNTIMEINCONSISTENCY for those after. */
  | { readonly kind: 'error'; readonly err: number };

/** The kinds that make a transaction, whose zxid is the place of the call in the history; of the others it says what they saw. */
export const UPDATE_CALLS: ReadonlySet<string> = new Set([
  'create',
  'create2',
  'createContainer',
  'createTTL',
  'delete',
  'setData',
  'setACL',
  'multi',
  'reconfig',
] satisfies readonly Call['kind'][]);
