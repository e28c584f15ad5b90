/**
 * The body of a snapshot: what a snapshot file holds between its header and its first seal, and what follows a SNAP packet
 * on the quorum port (server/persistence/FileSnap, server/util/SerializeUtils, DataTree.serialize).
 *
 * ```
 * Body    => sessionCount:int (session:long timeout:int)*
 *            aclCount:int (aclId:long vector<ACL>)*
 *            (path:string data:buffer aclId:long StatPersisted)*      the root, named "", first; parents before children
 *            "/":string                                               not a path anything has: the end of the nodes
 * SNAP    => Body "BenWasHere":string
 * ```
 *
 * Both directions work in pieces. The writer is pulled and holds one item beyond what it was asked for; the reader is
 * pushed, and holds at most one incomplete item and one chunk. Both are heap objects (DESIGN, law 9), not peer state.
 */

import { type Acl, asSession, type SessionId } from '../types.ts';
import type { WireError } from './errors.ts';
import {
  dropBytes,
  type EntryShape,
  type FrameBuffer,
  frameBuffer,
  intAt,
  MEASURE_BAD,
  MEASURE_MORE,
  measureEntries,
  pushBytes,
  readerOver,
  takeAll,
} from './framing.ts';
import { type JuteReader, JuteWriter } from './jute.ts';
import { AclVector, StatPersisted } from './records.ts';

/** The ACL id of world:anyone with all permissions, which is never in the table (ReferenceCountedACLCache). */
export const OPEN_ACL_ID = -1;
/** What LearnerHandler writes behind the snapshot it streams. */
export const SNAP_END_MARK = 'BenWasHere';

const END_PATH = '/';
const SESSION_SIZE = 12;
const STAT_SIZE = StatPersisted.sizeMin;
const ACL_SHAPE: EntryShape = { fixed: 4, strings: 2 };

export interface SnapshotNode {
  /** The root is "", every other path starts with a slash. */
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly aclId: number;
  readonly stat: StatPersisted;
}

/** Something whose number of items is known before the first is taken. A Map is one. */
export interface Sized<T> extends Iterable<T> {
  readonly size: number;
}

/** A database at one point in time, as the writer wants it. Each member is iterated once, in the order written here. */
export interface SnapshotSource {
  readonly sessions: Sized<readonly [SessionId, number]>;
  /** Every ACL that a node refers to, but the open one. */
  readonly acls: Sized<readonly [number, readonly Acl[]]>;
  /** Parents before their children. */
  readonly nodes: Iterable<SnapshotNode>;
}

/** Receives a snapshot item by item. Returning false refuses it: the reader ends as `inconsistent`. */
export interface SnapshotVisitor {
  session(id: SessionId, timeoutMs: number): boolean;
  acl(id: number, acl: readonly Acl[]): boolean;
  /** `node.data` is a copy and may be kept. */
  node(node: SnapshotNode): boolean;
}

// --- writing ---------------------------------------------------------------------------------------------------------

export class SnapshotWriter {
  private readonly items: Iterator<void>;
  private w = new JuteWriter(0);
  private finished = false;

  /** `endMark` is `SNAP_END_MARK` on the quorum port and null in files. */
  constructor(source: SnapshotSource, endMark: string | null) {
    this.items = this.write(source, endMark);
  }

  /** At least one byte; about `bytesTarget`, more by at most one item; null after the last. */
  next(bytesTarget: number): Uint8Array | null {
    if (this.finished) return null;
    this.w = new JuteWriter(bytesTarget);
    while (!this.finished && (this.w.size < bytesTarget || this.w.size === 0)) {
      this.finished = this.items.next().done === true;
    }
    return this.w.size === 0 ? null : this.w.finish();
  }

  /** Yields after each item; `this.w` is another writer after each pull. */
  private *write(source: SnapshotSource, endMark: string | null): Generator<void> {
    this.w.int(source.sessions.size);
    for (const [id, timeoutMs] of source.sessions) {
      this.w.long(id);
      this.w.int(timeoutMs);
      yield;
    }
    this.w.int(source.acls.size);
    for (const [id, acl] of source.acls) {
      this.w.num(id);
      AclVector.write(this.w, acl);
      yield;
    }
    for (const node of source.nodes) {
      writeNode(this.w, node);
      yield;
    }
    this.w.string(END_PATH);
    if (endMark !== null) this.w.string(endMark);
  }
}

function writeNode(w: JuteWriter, node: SnapshotNode): void {
  w.string(node.path);
  w.buffer(node.data);
  w.num(node.aclId);
  StatPersisted.write(w, node.stat);
}

// --- reading ---------------------------------------------------------------------------------------------------------

export type SnapshotProgress =
  | { readonly kind: 'more' }
  /** The body is complete; `rest` is what arrived behind it. */
  | { readonly kind: 'done'; readonly rest: Uint8Array }
  | { readonly kind: 'bad'; readonly error: WireError };

export interface SnapshotReaderOptions {
  /** As in the writer. */
  readonly endMark: string | null;
  /** Greatest size of one node or one ACL; upstream allows a path and data of jute.maxbuffer plus its extra size each. */
  readonly itemBytesMax: number;
}

/** What the reader waits for next. */
type Phase =
  | { readonly kind: 'sessionCount' | 'aclCount' | 'nodes' | 'endMark' | 'done' }
  | { readonly kind: 'sessions' | 'acls'; left: number }
  | { readonly kind: 'bad'; readonly error: WireError };

/** Whether the item at the front was consumed, is not complete, or cannot be. */
type Taken = 'taken' | 'more' | 'bad';

export class SnapshotReader {
  private readonly visitor: SnapshotVisitor;
  private readonly options: SnapshotReaderOptions;
  private readonly fb: FrameBuffer = frameBuffer();
  private phase: Phase = { kind: 'sessionCount' };

  constructor(visitor: SnapshotVisitor, options: SnapshotReaderOptions) {
    this.visitor = visitor;
    this.options = options;
  }

  /** After `done` or `bad` nothing more is read. */
  push(bytes: Uint8Array): SnapshotProgress {
    pushBytes(this.fb, bytes);
    let taken: Taken = 'taken';
    while (taken === 'taken' && this.phase.kind !== 'done') taken = this.step();
    if (this.phase.kind === 'bad') return this.phase;
    return this.phase.kind === 'done' ? { kind: 'done', rest: takeAll(this.fb) } : { kind: 'more' };
  }

  private step(): Taken {
    const phase = this.phase;
    switch (phase.kind) {
      case 'sessionCount':
      case 'aclCount':
        return this.takeCount(phase.kind === 'sessionCount' ? 'sessions' : 'acls');
      case 'sessions':
        if (phase.left === 0) return this.enter({ kind: 'aclCount' });
        return this.counted(phase, this.takeSession());
      case 'acls':
        if (phase.left === 0) return this.enter({ kind: 'nodes' });
        return this.counted(phase, this.takeAcl());
      case 'nodes':
        return this.takeNode();
      case 'endMark':
        return this.takeEndMark();
      case 'done':
        return 'more';
      case 'bad':
        return 'bad';
      default:
        return phase satisfies never;
    }
  }

  private enter(phase: Phase): Taken {
    this.phase = phase;
    return 'taken';
  }

  private refuse(error: WireError): Taken {
    this.phase = { kind: 'bad', error };
    return 'bad';
  }

  private counted(phase: { left: number }, taken: Taken): Taken {
    if (taken === 'taken') phase.left -= 1;
    return taken;
  }

  /** A count reserves nothing: it is only counted down, so a lie makes the reader wait for bytes that must come. */
  private takeCount(kind: 'sessions' | 'acls'): Taken {
    if (this.fb.size < 4) return 'more';
    const left = intAt(this.fb, 0);
    if (left < 0) return this.refuse('bad-length');
    dropBytes(this.fb, 4);
    return this.enter({ kind, left });
  }

  private takeSession(): Taken {
    if (this.fb.size < SESSION_SIZE) return 'more';
    const r = readerOver(this.fb, SESSION_SIZE);
    const accepted = this.visitor.session(asSession(r.long()), r.int());
    return this.conclude(r, SESSION_SIZE, accepted);
  }

  private takeAcl(): Taken {
    const end = measureEntries(this.fb, 8, ACL_SHAPE, this.options.itemBytesMax);
    if (end === MEASURE_MORE) return 'more';
    if (end === MEASURE_BAD) return this.refuse('bad-length');
    const r = readerOver(this.fb, end);
    const id = r.num();
    const acl = AclVector.read(r) ?? [];
    return this.conclude(r, end, r.error === null && this.visitor.acl(id, acl));
  }

  private takeNode(): Taken {
    if (this.fb.size < 4) return 'more';
    const pathLength = intAt(this.fb, 0);
    if (pathLength < 0) return this.refuse('bad-length');
    if (pathLength > this.options.itemBytesMax) return this.refuse('too-large');
    if (pathLength === END_PATH.length) return this.takeEnd();
    const dataAt = 4 + pathLength;
    if (this.fb.size < dataAt + 4) return 'more';
    const dataLength = intAt(this.fb, dataAt);
    if (dataLength < -1) return this.refuse('bad-length');
    const size = dataAt + 4 + Math.max(0, dataLength) + 8 + STAT_SIZE;
    if (size > this.options.itemBytesMax) return this.refuse('too-large');
    if (this.fb.size < size) return 'more';
    const r = readerOver(this.fb, size);
    const node = readNode(r);
    return this.conclude(r, size, r.error === null && this.visitor.node(node));
  }

  /** Every path but the root's "" has at least two characters, so one of a single character can only be the end. */
  private takeEnd(): Taken {
    const size = 4 + END_PATH.length;
    if (this.fb.size < size) return 'more';
    const r = readerOver(this.fb, size);
    if (r.string() !== END_PATH) return this.refuse('bad-magic');
    dropBytes(this.fb, size);
    return this.enter({ kind: this.options.endMark === null ? 'done' : 'endMark' });
  }

  private takeEndMark(): Taken {
    const mark = this.options.endMark ?? '';
    const size = 4 + mark.length;
    if (this.fb.size >= 4 && intAt(this.fb, 0) !== mark.length) return this.refuse('bad-magic');
    if (this.fb.size < size) return 'more';
    if (readerOver(this.fb, size).string() !== mark) return this.refuse('bad-magic');
    dropBytes(this.fb, size);
    return this.enter({ kind: 'done' });
  }

  private conclude(r: JuteReader, size: number, accepted: boolean): Taken {
    if (r.error !== null) return this.refuse(r.error);
    if (!accepted) return this.refuse('inconsistent');
    dropBytes(this.fb, size);
    return 'taken';
  }
}

function readNode(r: JuteReader): SnapshotNode {
  const path = r.string();
  const data = r.buffer()?.slice() ?? null;
  const aclId = r.num();
  return { path, data, aclId, stat: StatPersisted.read(r) };
}
