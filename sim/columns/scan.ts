/**
 * Lines of a trace into columns, without parsing most of them.
 *
 * A million events are two and a half million lines and a gigabyte of JSON; parsing all of it takes longer than a person
 * waits. But the picture needs few fields, and they stand at the front of each line in an order that docs/trace-format.md
 * fixes. So the mass of lines is read byte by byte up to those fields, whole states and patches are passed over, and only
 * lines that are rare (who became what, faults, elections) are parsed. A line whose fields stand in another order is
 * parsed, put in order and read again, so being fast costs no correctness.
 *
 * A block is scanned by itself, which lets several workers share the work; what refers to other blocks (causes, sizes of
 * streams) is put together by `store.ts`.
 */

import {
  type BadLine,
  type BlockColumns,
  CARRIED,
  CHANNELS,
  DISK_ACTIONS,
  DISK_LANES,
  EVENT_KINDS,
  type NotesLine,
  type RareLine,
  ROUTINE_NOTES,
} from './block.ts';
import { f64, Names, u8, u16, u32 } from './growing.ts';
import {
  ascii,
  BRACE,
  COMMA,
  HASH_FACTOR,
  hashOf,
  LineReader,
  NEWLINE,
  nibble,
  numbersOf,
  QUOTE,
  UNEXPECTED,
} from './reader.ts';

/** More than this on one line is no trace; reading it would only use up memory. */
export const LINE_BYTES_MAX = 256 * 1024 * 1024;
const BAD_LINES_MAX = 100;
/** The clocks of a host are sampled again when they have moved against virtual time by so much. */
const SKEW_STEP_MS = 1.5;

const LINE_START = ascii('{"type":"');
const KEY = {
  id: ascii(',"id":'),
  index: ascii(',"index":'),
  cause: ascii(',"cause":'),
  t: ascii(',"t":'),
  kind: ascii(',"kind":"'),
  host: ascii(',"host":'),
  generation: ascii(',"generation":'),
  mono: ascii(',"mono":'),
  wall: ascii(',"wall":'),
  input: ascii(',"input":{"type":"'),
  event: ascii(',"event":'),
  uid: ascii(',"uid":'),
  size: ascii(',"size":'),
  channel: ascii(',"channel":"'),
  from: ascii(',"from":'),
  to: ascii(',"to":'),
  logged: ascii(',"logged":'),
  synced: ascii(',"synced":'),
  committed: ascii(',"committed":'),
  applied: ascii(',"applied":'),
  zxid: ascii(',"zxid":'),
  op: ascii(',"op":'),
  ok: ascii(',"ok":'),
  lane: ascii(',"lane":"'),
  action: ascii(',"action":{"kind":"'),
  code: ascii(',"code":"'),
  bytes: ascii(',"bytes":{"$bytes":"'),
  path: ascii(',"path":"'),
  result: ascii(',"result":"'),
  err: ascii(',"err":'),
} as const;
const MESSAGE_START = ascii('{"name":"');
const ZXID_TEXT = ascii('"zxid":"');
const SIZE_FIELD = ascii('"size":');
const EXECUTED = ascii('"executed":');

const KIND_NUMBERS = numbersOf(EVENT_KINDS);
const ACTION_NUMBERS = numbersOf(DISK_ACTIONS);
const LANE_NUMBERS = numbersOf(DISK_LANES);
const CHANNEL_NUMBERS = numbersOf(CHANNELS);

const ROUTINE_HASHES: ReadonlySet<number> = new Set([...ROUTINE_NOTES].map(hashOf));

/** Scans whole lines. The last one may lack its newline. */
export function scanBlock(bytes: Uint8Array): BlockColumns {
  const scanner = idle ?? new Scanner();
  idle = null;
  scanner.scan(bytes);
  const columns = scanner.finish();
  // Its columns have grown to what a block needs; the next block finds them so.
  idle = scanner;
  return columns;
}

let idle: Scanner | null = null;

class Scanner extends LineReader {
  #lines = 0;
  /**
   * Id of the last event whose own line was seen, and where the lines of the next one begin. Before the first own line of
   * the block: the id that the first lines name, which is that of an event in the block before, until its own line says
   * otherwise.
   */
  #doneId = 0;
  #headId = 0;
  #headStart = CARRIED;
  #pending = CARRIED;
  readonly #marks = new Uint32Array(11);
  #names = new Names();
  /** Numbers in `#names` by hash. */
  readonly #nameNumbers = new Map<number, number>();
  #rare: RareLine[] = [];
  #bad: BadLine[] = [];
  readonly #lastSkew = new Map<number, { wall: number; mono: number }>();

  readonly #events = { id: u32(), index: u32(), cause: u32(), timeUs: f64(), host: u16(), kind: u8(), start: u32() };
  readonly #reads = { pos: u32(), uid: u32(), size: u32() };
  readonly #files = { pos: u32(), op: u32(), lane: u8(), action: u8(), size: u32() };
  readonly #done = { pos: u32(), op: u32(), ok: u8() };
  readonly #clocks = { timeUs: f64(), host: u16(), generation: u16(), monoMs: f64(), wallMs: f64() };
  readonly #segments = {
    event: u32(),
    timeUs: f64(),
    uid: u32(),
    channel: u8(),
    from: u16(),
    to: u16(),
    size: u32(),
    messages: u16(),
  };
  readonly #messages = { name: u16(), zxid: f64() };
  readonly #zxids = {
    event: u32(),
    timeUs: f64(),
    host: u16(),
    logged: f64(),
    synced: f64(),
    committed: f64(),
    applied: f64(),
  };
  readonly #txns = { event: u32(), host: u16(), zxid: f64(), end: u32() };
  readonly #txnBytes = u8();
  readonly #keyframes = { event: u32(), host: u16() };

  /** Begins a block. */
  #reset(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
    this.#lines = 0;
    this.#doneId = 0;
    this.#headId = 0;
    this.#headStart = CARRIED;
    this.#pending = CARRIED;
    this.#names = new Names();
    this.#rare = [];
    this.#bad = [];
    this.#lastSkew.clear();
    this.#nameNumbers.clear();
    this.#txnBytes.clear();
    for (const columns of Object.values(this.#groups())) for (const column of Object.values(columns)) column.length = 0;
  }

  scan(bytes: Uint8Array): void {
    this.#reset(bytes);
    while (this.at < bytes.length) {
      const start = this.at;
      this.#mark();
      try {
        this.#line(start);
      } catch (error) {
        if (error !== UNEXPECTED) throw error;
        this.#rollBack();
        this.#slowLine(start);
      }
      this.#lines += 1;
    }
  }

  /** Remembers how long the columns are; a line that turns out to be unexpected in its middle leaves nothing behind. */
  #mark(): void {
    const marks = this.#marks;
    marks[0] = this.#events.id.length;
    marks[1] = this.#reads.pos.length;
    marks[2] = this.#files.pos.length;
    marks[3] = this.#done.pos.length;
    marks[4] = this.#clocks.host.length;
    marks[5] = this.#segments.event.length;
    marks[6] = this.#messages.zxid.length;
    marks[7] = this.#zxids.event.length;
    marks[8] = this.#txns.event.length;
    marks[9] = this.#keyframes.event.length;
    marks[10] = this.#rare.length;
  }

  #rollBack(): void {
    let group = 0;
    for (const columns of Object.values(this.#groups())) {
      const length = this.#marks[group++]!;
      for (const column of Object.values(columns)) if (column.length > length) column.length = length;
    }
    this.#rare.length = this.#marks[group]!;
  }

  finish(): BlockColumns {
    return {
      lines: this.#lines,
      textBytes: this.bytes.length,
      names: this.#names.list,
      events: trim(this.#events),
      tailStart: this.#pending,
      headId: this.#headId,
      headStart: this.#headStart,
      reads: trim(this.#reads),
      files: trim(this.#files),
      done: trim(this.#done),
      clocks: trim(this.#clocks),
      segments: trim(this.#segments),
      messages: trim(this.#messages),
      zxids: trim(this.#zxids),
      txns: trim(this.#txns),
      txnBytes: this.#txnBytes.trimmed(),
      keyframes: trim(this.#keyframes),
      rare: this.#rare,
      bad: this.#bad,
    };
  }

  // --- lines ---

  /** Reads the line at `start` and stands behind its newline afterwards. */
  #line(start: number): void {
    const bytes = this.bytes;
    if (bytes[start] === NEWLINE) {
      this.at = start + 1;
      return;
    }
    this.expect(LINE_START);
    // The first letters tell the types apart.
    const a = bytes[this.at];
    const b = bytes[this.at + 1];
    if (a === 0x73 && b === 0x74 && bytes[this.at + 2] === 0x65) this.#step(start);
    else if (a === 0x73 && b === 0x65 && bytes[this.at + 2] === 0x67) this.#segment(start);
    else if (a === 0x70) this.#skip(start);
    else if (a === 0x7a) this.#zxidsLine(start);
    else if (a === 0x65) this.#event(start);
    else if (a === 0x74) this.#txn(start);
    else if (a === 0x6b) this.#keyframe(start);
    else if (a === 0x69 && b === 0x6e) this.#invoke(start);
    else if (a === 0x63 && bytes[this.at + 3] === 0x70) this.#complete(start);
    else this.#rareLine(start);
  }

  #step(start: number): void {
    const bytes = this.bytes;
    this.toQuote();
    const { id, timeUs, host } = this.#eventFields();
    const generation = this.field(KEY.generation);
    const mono = this.field(KEY.mono);
    const wall = this.field(KEY.wall);
    this.expect(KEY.input);
    const pos = this.#events.id.length - 1;
    const at = this.at;
    if (bytes[at] === 0x63 && bytes[at + 4] === 0x42 && bytes[at + 5] === 0x79) {
      this.toQuote();
      const uid = this.field(KEY.uid);
      this.#reads.pos.push(pos);
      this.#reads.uid.push(uid);
      this.#reads.size.push(this.field(KEY.size));
    } else if (bytes[at] === 0x66 && bytes[at + 4] === 0x44) {
      this.toQuote();
      const op = this.field(KEY.op);
      this.expect(KEY.ok);
      this.#done.pos.push(pos);
      this.#done.op.push(op);
      this.#done.ok.push(bytes[this.at] === 0x74 ? 1 : 0);
    }
    this.#clock(host, timeUs, generation, mono, wall);
    const files = this.#files.pos.length;
    const isPlain = this.#effects(pos);
    const end = this.endOfLine();
    if (!isPlain) this.#stepWhole(start, end, files);
    this.#started(id, start);
    this.at = end + 1;
  }

  /**
   * Looks through what a step did for file operations; stands at the end of the line. False when the line must be parsed:
   * it has notes that matter, or the process died in the middle of it.
   */
  #effects(pos: number): boolean {
    const bytes = this.bytes;
    const { length } = bytes;
    let isPlain = true;
    let at = this.at;
    for (; at < length; at++) {
      const byte = bytes[at];
      if (byte === NEWLINE) break;
      if (byte === BRACE) {
        // `{"type":"file"` and `{"type":"note"`
        if (bytes[at + 1] !== QUOTE || bytes[at + 2] !== 0x74 || bytes[at + 8] !== QUOTE) continue;
        const letter = bytes[at + 9];
        if (letter === 0x66 && bytes[at + 13] === QUOTE) {
          this.at = at + 14;
          this.#file(pos);
          at = this.at - 1;
        } else if (letter === 0x6e && bytes[at + 13] === QUOTE) {
          if (isPlain) isPlain = this.#isRoutine(at + 14);
          at += 14;
        }
      } else if (byte === QUOTE && bytes[at + 1] === 0x65 && bytes[at + 2] === 0x78 && this.isAt(at, EXECUTED)) {
        isPlain = false;
      }
    }
    this.at = at;
    return isPlain;
  }

  #isRoutine(at: number): boolean {
    if (!this.isAt(at, KEY.code)) return false;
    this.at = at + KEY.code.length;
    return ROUTINE_HASHES.has(this.hash());
  }

  #file(pos: number): void {
    const op = this.field(KEY.op);
    this.expect(KEY.lane);
    const lane = LANE_NUMBERS.get(this.hash()) ?? 0;
    this.expect(KEY.action);
    const action = ACTION_NUMBERS.get(this.hash()) ?? 0;
    this.#files.pos.push(pos);
    this.#files.op.push(op);
    this.#files.lane.push(lane);
    this.#files.action.push(action);
    this.#files.size.push(this.#sizeOfAction());
  }

  /** `"size":` up to the end of the action, which holds no other object; 0 if it has none. */
  #sizeOfAction(): number {
    const bytes = this.bytes;
    for (let at = this.at; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === 0x7d || byte === NEWLINE) {
        this.at = at;
        return 0;
      }
      if (byte === QUOTE && bytes[at + 1] === 0x73 && this.isAt(at, SIZE_FIELD)) {
        this.at = at + SIZE_FIELD.length;
        return this.number();
      }
    }
    return 0;
  }

  /** A step with notes that matter, or one that was cut short. */
  #stepWhole(start: number, end: number, files: number): void {
    const step = this.#parse(start, end) as {
      id: number;
      t: number;
      host: number;
      input: { type: string };
      effects: readonly { type: string; code?: string; fields?: Readonly<Record<string, unknown>> }[];
      executed?: number;
    } | null;
    if (step === null) return;
    const executed = step.executed ?? step.effects.length;
    if (executed < step.effects.length) {
      const kept = step.effects.slice(0, executed).filter(({ type }) => type === 'file').length;
      for (const column of Object.values(this.#files)) column.length = files + kept;
    }
    const notes = step.effects
      .slice(0, executed)
      .flatMap(({ type, code, fields }) =>
        type === 'note' && code !== undefined && !ROUTINE_NOTES.has(code) ? [{ code, fields: fields ?? {} }] : [],
      );
    if (notes.length === 0) return;
    const line: NotesLine = {
      type: 'notes',
      event: step.id,
      t: step.t,
      host: step.host,
      input: step.input.type,
      notes,
    };
    this.#rare.push(line);
  }

  #event(start: number): void {
    this.toQuote();
    const { id } = this.#eventFields();
    // An operation of the schedule stands behind; its fault line says more.
    this.#started(id, start);
    this.at = this.endOfLine() + 1;
  }

  #eventFields(): { id: number; timeUs: number; host: number } {
    const id = this.field(KEY.id);
    const index = this.field(KEY.index);
    const cause = this.field(KEY.cause);
    const timeUs = this.field(KEY.t);
    this.expect(KEY.kind);
    const kind = KIND_NUMBERS.get(this.hash());
    const host = this.field(KEY.host);
    if (kind === undefined) throw UNEXPECTED;
    const events = this.#events;
    events.id.push(id);
    events.index.push(index);
    events.cause.push(cause);
    events.timeUs.push(timeUs);
    events.host.push(host);
    events.kind.push(kind);
    return { id, timeUs, host };
  }

  /** The event's own line is here: its lines began at the first that named it, or here. */
  #started(id: number, start: number): void {
    const isHead = id === this.#headId && this.#events.id.length === 1;
    const began = isHead ? this.#headStart : this.#pending;
    this.#events.start.push(began === CARRIED ? start : began);
    this.#pending = CARRIED;
    this.#doneId = id;
  }

  /** A line that tells of an event begins the lines of the next one unless it tells of the last. */
  #belongs(event: number, start: number): void {
    if (event === 0 || event === this.#doneId || this.#pending !== CARRIED) return;
    if (this.#events.id.length === 0 && this.#headId === 0) {
      this.#headId = event;
      this.#headStart = start;
      this.#doneId = event;
    } else this.#pending = start;
  }

  #segment(start: number): void {
    const bytes = this.bytes;
    this.toQuote();
    const event = this.field(KEY.event);
    this.#belongs(event, start);
    const segments = this.#segments;
    const timeUs = this.field(KEY.t);
    const uid = this.field(KEY.uid);
    this.expect(KEY.channel);
    const channel = CHANNEL_NUMBERS.get(this.hash()) ?? 0;
    const from = this.field(KEY.from);
    const to = this.field(KEY.to);
    this.field(KEY.index);
    const size = this.field(KEY.size);
    let count = 0;
    let at = this.at;
    let zxid = Number.NaN;
    let isOpen = false;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === NEWLINE) break;
      if (byte === BRACE && bytes[at + 1] === QUOTE && bytes[at + 2] === 0x6e && this.isAt(at, MESSAGE_START)) {
        if (isOpen) this.#messages.zxid.push(zxid);
        this.at = at + MESSAGE_START.length;
        this.#messages.name.push(this.#name());
        count += 1;
        isOpen = true;
        zxid = Number.NaN;
        at = this.at - 1;
      } else if (byte === QUOTE && bytes[at + 1] === 0x7a && Number.isNaN(zxid) && this.isAt(at, ZXID_TEXT)) {
        zxid = this.hex(at + ZXID_TEXT.length);
      }
    }
    if (isOpen) this.#messages.zxid.push(zxid);
    segments.event.push(event);
    segments.timeUs.push(timeUs);
    segments.uid.push(uid);
    segments.channel.push(channel);
    segments.from.push(from);
    segments.to.push(to);
    segments.size.push(size);
    segments.messages.push(count);
    this.at = at + 1;
  }

  #zxidsLine(start: number): void {
    this.toQuote();
    const event = this.field(KEY.event);
    this.#belongs(event, start);
    const rows = this.#zxids;
    const timeUs = this.field(KEY.t);
    const host = this.field(KEY.host);
    const logged = this.field(KEY.logged);
    const synced = this.field(KEY.synced);
    const committed = this.field(KEY.committed);
    const applied = this.field(KEY.applied);
    rows.event.push(event);
    rows.timeUs.push(timeUs);
    rows.host.push(host);
    rows.logged.push(logged);
    rows.synced.push(synced);
    rows.committed.push(committed);
    rows.applied.push(applied);
    this.at = this.endOfLine() + 1;
  }

  #txn(start: number): void {
    this.toQuote();
    const event = this.field(KEY.event);
    this.#belongs(event, start);
    this.field(KEY.t);
    const host = this.field(KEY.host);
    const zxid = this.field(KEY.zxid);
    this.expect(KEY.bytes);
    this.#hexBytes();
    this.#txns.event.push(event);
    this.#txns.host.push(host);
    this.#txns.zxid.push(zxid);
    this.#txns.end.push(this.#txnBytes.length);
    this.at = this.endOfLine() + 1;
  }

  #hexBytes(): void {
    const bytes = this.bytes;
    let at = this.at;
    for (; at + 1 < bytes.length && bytes[at] !== QUOTE; at += 2)
      this.#txnBytes.push((nibble(bytes[at]!) << 4) | nibble(bytes[at + 1]!));
    this.at = at;
  }

  #keyframe(start: number): void {
    this.toQuote();
    const event = this.field(KEY.event);
    this.#belongs(event, start);
    this.field(KEY.t);
    this.#keyframes.event.push(event);
    this.#keyframes.host.push(this.field(KEY.host));
    this.at = this.endOfLine() + 1;
  }

  /** A client is asked for something. */
  #invoke(start: number): void {
    this.toQuote();
    const event = this.field(KEY.event);
    const t = this.field(KEY.t);
    const host = this.field(KEY.host);
    const id = this.field(KEY.id);
    const kind = this.word(KEY.kind);
    const hasPath = this.bytes[this.at] === COMMA;
    const path = hasPath ? this.word(KEY.path) : '';
    this.#belongs(event, start);
    this.#rare.push({ type: 'invoke', event, t, host, id, kind, path });
    this.at = this.endOfLine() + 1;
  }

  #complete(start: number): void {
    this.toQuote();
    const event = this.field(KEY.event);
    const t = this.field(KEY.t);
    const host = this.field(KEY.host);
    const id = this.field(KEY.id);
    const result = this.word(KEY.result);
    const err = this.field(KEY.err);
    const zxid = this.field(KEY.zxid);
    this.#belongs(event, start);
    this.#rare.push({ type: 'complete', event, t, host, id, result, err, zxid });
    this.at = this.endOfLine() + 1;
  }

  /** Patches: what they change is looked at when somebody asks. */
  #skip(start: number): void {
    this.toQuote();
    this.#belongs(this.field(KEY.event), start);
    this.at = this.endOfLine() + 1;
  }

  #rareLine(start: number): void {
    const end = this.endOfLine();
    const line = this.#parse(start, end);
    this.at = end + 1;
    if (line === null) return;
    if (typeof line.event === 'number') this.#belongs(line.event, start);
    this.#rare.push(line);
  }

  // --- the slow way ---

  /** Parses a line that is in an unexpected form, puts its fields in order and reads it again. */
  #slowLine(start: number): void {
    this.at = start;
    const end = this.endOfLine();
    this.at = end + 1;
    const line = this.#parse(start, end);
    if (line === null) return;
    const order = ORDER[line.type];
    if (order === undefined) {
      if (typeof line.event === 'number') this.#belongs(line.event, start);
      this.#rare.push(line);
      return;
    }
    const sorted: Record<string, unknown> = { type: line.type };
    for (const key of order) if (key in line) sorted[key] = line[key];
    const inner = new Scanner();
    inner.bytes = new TextEncoder().encode(`${JSON.stringify(sorted)}\n`);
    try {
      inner.#line(0);
    } catch (error) {
      if (error !== UNEXPECTED) throw error;
      this.#refuse(start, `a ${line.type} without the fields it must have`);
      return;
    }
    this.#adopt(inner, start, line);
  }

  /** Takes over the rows of a single line. */
  #adopt(inner: Scanner, start: number, line: RareLine): void {
    const base = this.#events.id.length;
    const mine = this.#groups();
    for (const [group, columns] of Object.entries(inner.#groups())) {
      for (const [name, column] of Object.entries(columns)) {
        // Where the line begins is set below.
        if (group === 'events' && name === 'start') continue;
        for (let i = 0; i < column.length; i++) {
          const value = column.get(i);
          const isName = group === 'messages' && name === 'name';
          const own = name === 'pos' ? value + base : isName ? this.#names.of(inner.#names.list[value]!) : value;
          mine[group]![name]!.push(own);
        }
      }
    }
    if (inner.#txns.event.length > 0) {
      this.#txnBytes.append(inner.#txnBytes.view());
      this.#txns.end.array[this.#txns.end.length - 1] = this.#txnBytes.length;
    }
    this.#rare.push(...inner.#rare);
    if (typeof line.event === 'number') this.#belongs(line.event, start);
    if (inner.#events.id.length === 0) return;
    this.#started(inner.#events.id.get(0), start);
  }

  #groups(): Record<string, Record<string, { length: number; get(i: number): number; push(value: number): void }>> {
    return {
      events: this.#events,
      reads: this.#reads,
      files: this.#files,
      done: this.#done,
      clocks: this.#clocks,
      segments: this.#segments,
      messages: this.#messages,
      zxids: this.#zxids,
      txns: this.#txns,
      keyframes: this.#keyframes,
    };
  }

  #parse(start: number, end: number): RareLine | null {
    try {
      const line = JSON.parse(this.decoder.decode(this.bytes.subarray(start, end))) as unknown;
      if (typeof line === 'object' && line !== null && typeof (line as RareLine).type === 'string')
        return line as RareLine;
      this.#refuse(start, 'a line that is no object with a type');
    } catch (error) {
      this.#refuse(start, error instanceof Error ? error.message : String(error));
    }
    return null;
  }

  #refuse(offset: number, reason: string): void {
    if (this.#bad.length < BAD_LINES_MAX) this.#bad.push({ line: this.#lines, offset, reason });
  }

  // --- bytes ---

  #clock(host: number, timeUs: number, generation: number, mono: number, wall: number): void {
    const last = this.#lastSkew.get(host);
    const wallSkew = wall - timeUs / 1000;
    const monoSkew = mono - timeUs / 1000;
    if (last === undefined) this.#lastSkew.set(host, { wall: wallSkew, mono: monoSkew });
    else if (Math.abs(wallSkew - last.wall) < SKEW_STEP_MS && Math.abs(monoSkew - last.mono) < SKEW_STEP_MS) return;
    else {
      last.wall = wallSkew;
      last.mono = monoSkew;
    }
    this.#clocks.timeUs.push(timeUs);
    this.#clocks.host.push(host);
    this.#clocks.generation.push(generation);
    this.#clocks.monoMs.push(mono);
    this.#clocks.wallMs.push(wall);
  }

  /** The number of a name that comes again and again. Two names of one hash are told apart by their length. */
  #name(): number {
    const from = this.at;
    const hash = Math.imul(this.hash() ^ (this.at - from), HASH_FACTOR);
    const known = this.#nameNumbers.get(hash);
    if (known !== undefined) return known;
    const number = this.#names.of(this.short(from, this.at - 1));
    this.#nameNumbers.set(hash, number);
    return number;
  }
}

/** The fields that are read from the front of a line, in their order. */
const ORDER: Readonly<Record<string, readonly string[]>> = {
  step: ['id', 'index', 'cause', 't', 'kind', 'host', 'generation', 'mono', 'wall', 'input', 'effects', 'executed'],
  event: ['id', 'index', 'cause', 't', 'kind', 'host', 'op'],
  segment: ['event', 't', 'uid', 'channel', 'from', 'to', 'index', 'size', 'messages'],
  zxids: ['event', 't', 'host', 'logged', 'synced', 'committed', 'applied'],
  txn: ['event', 't', 'host', 'zxid', 'bytes'],
  keyframe: ['event', 't', 'host', 'heap', 'state'],
  patches: ['event', 't', 'host', 'heap', 'patches'],
  invoke: ['event', 't', 'host', 'id', 'kind', 'path'],
  complete: ['event', 't', 'host', 'id', 'result', 'err', 'zxid'],
};

type Trimmed<T> = { readonly [K in keyof T]: T[K] extends { trimmed(): infer A } ? A : never };

function trim<T extends Readonly<Record<string, { trimmed(): unknown }>>>(columns: T): Trimmed<T> {
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.trimmed()])) as Trimmed<T>;
}
