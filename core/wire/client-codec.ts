/**
 * The client port: what a client asks and what a server answers, as closed unions.
 *
 * ```
 * Frame   => length:int Body
 * Request => RequestHeader{xid:int type:int} Record
 * Reply   => ReplyHeader{xid:int zxid:long err:int} [Record]        the record only when err is 0
 * Connect => ConnectRequest [readOnly:bool]                         the first frame of a connection has no header
 * Multi   => (MultiHeader{type:int done:bool err:int} Record)* MultiHeader{-1, true, -1}
 * ```
 *
 * What a server does for itself (createSession, deleteContainer) has its own union and its own decoder, so no bytes of a
 * client can become such an operation. Bytes behind a complete record are ignored, as the Java server does.
 *
 * `encode…` functions return whole frames, ready to send, except `encodeRequest`, which returns the bare record that a
 * learner forwards. Byte arrays in decoded values are views of the frame.
 */

import type { Zxid } from '../types.ts';
import type { Decoded, WireError } from './errors.ts';
import { JuteReader, JuteWriter } from './jute.ts';
import { Op, type OpName, Xid } from './opcodes.ts';
import {
  AddWatchRequest,
  AuthPacket,
  CheckVersionRequest,
  ConnectRequest,
  ConnectResponse,
  Create2Response,
  CreateRequest,
  CreateResponse,
  CreateTTLRequest,
  DeleteRequest,
  ErrorResponse,
  GetACLResponse,
  GetAllChildrenNumberResponse,
  GetChildren2Response,
  GetChildrenResponse,
  GetDataResponse,
  GetEphemeralsRequest,
  GetEphemeralsResponse,
  MultiHeader,
  PathRequest,
  PathWatchRequest,
  ReconfigRequest,
  ReplyHeader,
  RequestHeader,
  SaslToken,
  SetACLRequest,
  SetDataRequest,
  SetWatches,
  SetWatches2,
  StatResponse,
  SyncResponse,
  WatcherEvent,
  WatchesRequest,
  WhoAmIResponse,
} from './records.ts';
import { type Codec, type Infer, record } from './schema.ts';

const Empty = record('Empty', {});
const CreateSessionRequest = record('CreateSessionRequest', { timeOut: 'int' });
const REQUEST_HEADER_SIZE = 8;

// --- the tables ------------------------------------------------------------------------------------------------------

/** The record behind the request header, by operation. */
const PLAIN_REQUESTS = {
  create: CreateRequest,
  create2: CreateRequest,
  createContainer: CreateRequest,
  createTTL: CreateTTLRequest,
  delete: DeleteRequest,
  exists: PathWatchRequest,
  getData: PathWatchRequest,
  setData: SetDataRequest,
  getACL: PathRequest,
  setACL: SetACLRequest,
  getChildren: PathWatchRequest,
  getChildren2: PathWatchRequest,
  sync: PathRequest,
  ping: Empty,
  check: CheckVersionRequest,
  reconfig: ReconfigRequest,
  checkWatches: WatchesRequest,
  removeWatches: WatchesRequest,
  auth: AuthPacket,
  setWatches: SetWatches,
  setWatches2: SetWatches2,
  sasl: SaslToken,
  getEphemerals: GetEphemeralsRequest,
  getAllChildrenNumber: PathRequest,
  addWatch: AddWatchRequest,
  whoAmI: Empty,
  closeSession: Empty,
} as const;
type PlainRequestName = keyof typeof PLAIN_REQUESTS;

const INTERNAL_REQUESTS = {
  createSession: CreateSessionRequest,
  deleteContainer: PathRequest,
} as const;
type InternalRequestName = keyof typeof INTERNAL_REQUESTS;

/** The record behind the reply header when err is 0; operations not named here answer with the header alone. */
const PLAIN_REPLIES = {
  create: CreateResponse,
  create2: Create2Response,
  createContainer: Create2Response,
  createTTL: Create2Response,
  exists: StatResponse,
  getData: GetDataResponse,
  setData: StatResponse,
  getACL: GetACLResponse,
  setACL: StatResponse,
  getChildren: GetChildrenResponse,
  getChildren2: GetChildren2Response,
  sync: SyncResponse,
  reconfig: GetDataResponse,
  sasl: SaslToken,
  getEphemerals: GetEphemeralsResponse,
  getAllChildrenNumber: GetAllChildrenNumberResponse,
  addWatch: ErrorResponse,
  whoAmI: WhoAmIResponse,
} as const;
type PlainReplyName = keyof typeof PLAIN_REPLIES;

/** The record of one result inside a multi or multiRead reply. Every create but create(1) answers as create2(15). */
const MULTI_RESULTS = {
  create: CreateResponse,
  create2: Create2Response,
  delete: Empty,
  setData: StatResponse,
  check: Empty,
  getData: GetDataResponse,
  getChildren: GetChildrenResponse,
  error: ErrorResponse,
} as const;
type MultiResultName = keyof typeof MULTI_RESULTS;

/** Operations that a multi may hold (MultiOperationRecord). */
export const MULTI_OPS = [
  'create',
  'create2',
  'createContainer',
  'createTTL',
  'delete',
  'setData',
  'check',
] as const satisfies readonly PlainRequestName[];
/** Operations that a multiRead may hold. */
export const MULTI_READ_OPS = ['getData', 'getChildren'] as const satisfies readonly PlainRequestName[];

// --- the types -------------------------------------------------------------------------------------------------------

type Flat<T> = { readonly [K in keyof T]: T[K] };
type Requests<T extends Record<string, Codec<unknown>>> = {
  [K in keyof T & OpName]: Flat<{ op: (typeof Op)[K]; kind: K } & Infer<T[K]>>;
};
type Bodies<T extends Record<string, Codec<unknown>>> = {
  [K in keyof T & OpName]: Flat<{ kind: K } & Infer<T[K]>>;
};

type PlainRequests = Requests<typeof PLAIN_REQUESTS>;
export type MultiOp = PlainRequests[(typeof MULTI_OPS)[number]];
export type MultiReadOp = PlainRequests[(typeof MULTI_READ_OPS)[number]];
export interface MultiRequest {
  readonly op: typeof Op.multi;
  readonly kind: 'multi';
  readonly ops: readonly MultiOp[];
}
export interface MultiReadRequest {
  readonly op: typeof Op.multiRead;
  readonly kind: 'multiRead';
  readonly ops: readonly MultiReadOp[];
}

/** Everything a client can ask, discriminated by `kind` (and by `op`). */
export type ClientRequest = PlainRequests[PlainRequestName] | MultiRequest | MultiReadRequest;
export type RequestOf<K extends ClientRequest['kind']> = Extract<ClientRequest, { readonly kind: K }>;

/** What only servers ask of each other or of themselves. */
export type InternalRequest = Requests<typeof INTERNAL_REQUESTS>[InternalRequestName];

export type MultiResult = Bodies<typeof MULTI_RESULTS>[MultiResultName];
export interface MultiReply {
  readonly kind: 'multi' | 'multiRead';
  readonly results: readonly MultiResult[];
}
/** The record of a reply, discriminated by the operation it answers. */
export type ReplyBody = Bodies<typeof PLAIN_REPLIES>[PlainReplyName] | MultiReply;
export type ReplyBodyOf<K extends ReplyBody['kind']> = Extract<ReplyBody, { readonly kind: K }>;

export interface ClientReply {
  readonly header: ReplyHeader;
  /** Null when err is not 0 or the operation answers with the header alone. */
  readonly body: ReplyBody | null;
}

export type ConnectRequestFrame = Flat<ConnectRequest & { readOnly: boolean | null }>;
export type ConnectResponseFrame = Flat<ConnectResponse & { readOnly: boolean | null }>;

export interface RequestFrame {
  readonly header: RequestHeader;
  /** The record's bytes, a view; what `decodeRequest` takes and a learner forwards. */
  readonly body: Uint8Array;
}

// --- connect ---------------------------------------------------------------------------------------------------------

/** `readOnly` is null for clients older than 3.4, whose request ends before it; the answer must then end there too. */
export function decodeConnectRequest(frame: Uint8Array): Decoded<ConnectRequestFrame> {
  return decodeConnect(ConnectRequest, frame);
}

export function decodeConnectResponse(frame: Uint8Array): Decoded<ConnectResponseFrame> {
  return decodeConnect(ConnectResponse, frame);
}

export function encodeConnectRequest(request: ConnectRequest, readOnly: boolean | null): Uint8Array {
  return encodeConnect(ConnectRequest, request, readOnly);
}

export function encodeConnectResponse(response: ConnectResponse, readOnly: boolean | null): Uint8Array {
  return encodeConnect(ConnectResponse, response, readOnly);
}

function decodeConnect<T>(codec: Codec<T>, frame: Uint8Array): Decoded<Flat<T & { readOnly: boolean | null }>> {
  const r = new JuteReader(frame);
  const connect = codec.read(r);
  const readOnly = r.remaining > 0 ? r.bool() : null;
  return r.error === null ? { ok: true, value: { ...connect, readOnly } } : { ok: false, error: r.error };
}

function encodeConnect<T>(codec: Codec<T>, connect: T, readOnly: boolean | null): Uint8Array {
  const w = beginFrame(null);
  codec.write(w, connect);
  if (readOnly !== null) w.bool(readOnly);
  return endFrame(w);
}

// --- requests --------------------------------------------------------------------------------------------------------

/** Splits a request frame; only a frame shorter than the header is refused. */
export function decodeRequestFrame(frame: Uint8Array): Decoded<RequestFrame> {
  const r = new JuteReader(frame);
  const header = RequestHeader.read(r);
  if (r.error !== null) return { ok: false, error: r.error };
  return { ok: true, value: { header, body: frame.subarray(REQUEST_HEADER_SIZE) } };
}

/** The request in `body`. An operation that clients do not have is refused as `unknown-type`. */
export function decodeRequest(op: number, body: Uint8Array): Decoded<ClientRequest> {
  const r = new JuteReader(body);
  if (op === Op.multi) return finish(r, { op, kind: 'multi', ops: readOps(r, MULTI_CODECS) });
  if (op === Op.multiRead) return finish(r, { op, kind: 'multiRead', ops: readOps(r, MULTI_READ_CODECS) });
  const codec = REQUEST_CODECS.get(op);
  return codec === undefined ? { ok: false, error: 'unknown-type' } : finish(r, codec.read(r));
}

/** The operation in `body` that a server made itself or that another server forwarded for its own sake. */
export function decodeInternalRequest(op: number, body: Uint8Array): Decoded<InternalRequest> {
  const codec = INTERNAL_CODECS.get(op);
  if (codec === undefined) return { ok: false, error: 'unknown-type' };
  const r = new JuteReader(body);
  return finish(r, codec.read(r));
}

/** The bare record, without header or length. */
export function encodeRequest(request: ClientRequest | InternalRequest): Uint8Array {
  const w = new JuteWriter(sizeGuess(request));
  writeRequest(w, request);
  return w.finish();
}

/** A whole request frame, as a client sends it. */
export function encodeRequestFrame(xid: number, request: ClientRequest): Uint8Array {
  const w = beginFrame(request);
  w.int(xid);
  w.int(request.op);
  writeRequest(w, request);
  return endFrame(w);
}

function writeRequest(w: JuteWriter, request: ClientRequest | InternalRequest): void {
  if (request.kind === 'multi' || request.kind === 'multiRead') {
    for (const op of request.ops) {
      MultiHeader.write(w, { type: op.op, done: false, err: -1 });
      writeRequest(w, op);
    }
    MultiHeader.write(w, END_OF_MULTI);
  } else if (request.kind === 'createSession' || request.kind === 'deleteContainer') {
    (INTERNAL_REQUESTS[request.kind] as Codec<unknown>).write(w, request);
  } else {
    (PLAIN_REQUESTS[request.kind] as Codec<unknown>).write(w, request);
  }
}

/** Is this an operation that a client may send at all? */
export function isClientOp(op: number): boolean {
  return op === Op.multi || op === Op.multiRead || REQUEST_CODECS.has(op);
}

const OP_NAMES: ReadonlyMap<number, OpName> = new Map(
  Object.entries(Op).map(([name, number]) => [number, name as OpName]),
);

export function opNameOf(op: number): OpName | null {
  return OP_NAMES.get(op) ?? null;
}

// --- replies ---------------------------------------------------------------------------------------------------------

/** A whole reply frame. A body beside a non-zero `err` is written as given: a failed sasl carries a null token. */
export function encodeReply(xid: number, zxid: Zxid, err: number, body: ReplyBody | null): Uint8Array {
  const w = beginFrame(body);
  ReplyHeader.write(w, { xid, zxid, err });
  if (body !== null) writeReplyBody(w, body);
  return endFrame(w);
}

function writeReplyBody(w: JuteWriter, body: ReplyBody): void {
  if (body.kind === 'multi' || body.kind === 'multiRead') {
    for (const result of body.results) writeResult(w, result);
    MultiHeader.write(w, END_OF_MULTI);
  } else {
    (PLAIN_REPLIES[body.kind] as Codec<unknown>).write(w, body);
  }
}

export function decodeReplyHeader(frame: Uint8Array): Decoded<ReplyHeader> {
  const r = new JuteReader(frame);
  return finish(r, ReplyHeader.read(r));
}

/** The reply to a request whose operation was `op`. */
export function decodeReply(op: number, frame: Uint8Array): Decoded<ClientReply> {
  const r = new JuteReader(frame);
  const header = ReplyHeader.read(r);
  if (r.error !== null) return { ok: false, error: r.error };
  const hasBody = header.err === 0 || (op === Op.sasl && r.remaining > 0);
  return finish(r, { header, body: hasBody ? readReplyBody(r, op) : null });
}

function readReplyBody(r: JuteReader, op: number): ReplyBody | null {
  if (op === Op.multi) return { kind: 'multi', results: readResults(r) };
  if (op === Op.multiRead) return { kind: 'multiRead', results: readResults(r) };
  const codec = REPLY_CODECS.get(op);
  return codec === undefined ? null : codec.read(r);
}

/** A watch notification. 3.9 puts the zxid of the change into the header, 3.8 put -1. */
export function encodeWatchEvent(event: WatcherEvent, zxid: Zxid): Uint8Array {
  const w = beginFrame(null);
  ReplyHeader.write(w, { xid: Xid.notification, zxid, err: 0 });
  WatcherEvent.write(w, event);
  return endFrame(w);
}

export function decodeWatchEvent(frame: Uint8Array): Decoded<{ header: ReplyHeader; event: WatcherEvent }> {
  const r = new JuteReader(frame);
  const header = ReplyHeader.read(r);
  return finish(r, { header, event: WatcherEvent.read(r) });
}

// --- multi -----------------------------------------------------------------------------------------------------------

const END_OF_MULTI = { type: -1, done: true, err: -1 } as const;

/** Every operation takes at least its header, so the frame's length bounds how many there can be. */
function readOps<T>(r: JuteReader, codecs: ReadonlyMap<number, Codec<T>>): T[] {
  const ops: T[] = [];
  while (!r.failed) {
    const header = MultiHeader.read(r);
    if (header.done) break;
    const codec = codecs.get(header.type);
    if (codec === undefined) r.fail('unknown-type');
    else ops.push(codec.read(r));
  }
  return ops;
}

const readResults = (r: JuteReader): MultiResult[] => readOps(r, RESULT_CODECS);

/** The header of an error repeats its code; that of a success says 0 (MultiResponse.serialize). */
function writeResult(w: JuteWriter, result: MultiResult): void {
  MultiHeader.write(w, { type: Op[result.kind], done: false, err: result.kind === 'error' ? result.err : 0 });
  (MULTI_RESULTS[result.kind] as Codec<unknown>).write(w, result);
}

// --- lookup by operation number --------------------------------------------------------------------------------------

interface Tag {
  readonly op?: number;
  readonly kind: OpName;
}

/** Codecs of the named operations, whose values carry `op` and `kind` beside the record's fields. */
function requestCodecs<R>(table: Partial<Record<OpName, Codec<unknown>>>): ReadonlyMap<number, Codec<R>> {
  return codecsByOp(table, (kind) => ({ op: Op[kind], kind }));
}

function bodyCodecs<R>(table: Partial<Record<OpName, Codec<unknown>>>): ReadonlyMap<number, Codec<R>> {
  return codecsByOp(table, (kind) => ({ kind }));
}

function codecsByOp<R>(
  table: Partial<Record<OpName, Codec<unknown>>>,
  tagOf: (kind: OpName) => Tag,
): ReadonlyMap<number, Codec<R>> {
  const codecs = new Map<number, Codec<R>>();
  for (const [name, codec] of Object.entries(table)) {
    const tag = tagOf(name as OpName);
    codecs.set(Op[name as OpName], { ...codec, read: (r) => tagged(codec.read(r), tag) as R });
  }
  return codecs;
}

/** The record was made by its reader just now, so it may grow; spreading it into a new object costs five times as much. */
function tagged(value: unknown, tag: Tag): unknown {
  const record = value as { op?: number; kind?: OpName };
  if (tag.op !== undefined) record.op = tag.op;
  record.kind = tag.kind;
  return record;
}

function only<K extends PlainRequestName>(names: readonly K[]): Pick<typeof PLAIN_REQUESTS, K> {
  return Object.fromEntries(names.map((name) => [name, PLAIN_REQUESTS[name]])) as Pick<typeof PLAIN_REQUESTS, K>;
}

const REQUEST_CODECS = requestCodecs<PlainRequests[PlainRequestName]>(PLAIN_REQUESTS);
const INTERNAL_CODECS = requestCodecs<InternalRequest>(INTERNAL_REQUESTS);
const MULTI_CODECS = requestCodecs<MultiOp>(only(MULTI_OPS));
const MULTI_READ_CODECS = requestCodecs<MultiReadOp>(only(MULTI_READ_OPS));
const REPLY_CODECS = bodyCodecs<ReplyBody>(PLAIN_REPLIES);
const RESULT_CODECS = bodyCodecs<MultiResult>(MULTI_RESULTS);

// --- frames ----------------------------------------------------------------------------------------------------------

/** `content` is what the frame is about to carry, for a guess at its size. */
function beginFrame(content: object | null): JuteWriter {
  const w = new JuteWriter(sizeGuess(content));
  w.int(0);
  return w;
}

/** Room for anything but a node's data. */
const FRAME_SIZE_USUAL = 192;

function sizeGuess(content: object | null): number {
  const data = content !== null && 'data' in content ? content.data : null;
  return FRAME_SIZE_USUAL + (data instanceof Uint8Array ? data.length : 0);
}

function endFrame(w: JuteWriter): Uint8Array {
  w.patchInt(0, w.size - 4);
  return w.finish();
}

function finish<T>(r: JuteReader, value: T): Decoded<T> {
  const error: WireError | null = r.error;
  return error === null ? { ok: true, value } : { ok: false, error };
}
