/**
 * Log files of a Java ensemble as a trace: the lines of FastLeaderElection, QuorumPeer, Leader, Learner and LearnerHandler
 * tell who looked, what was heard, who was elected and how learners were brought level. They become the notes and states
 * that our own servers leave, so that everything which is made from those (bands, elections, vote matrix, delays, story)
 * works for a production ensemble too.
 *
 * **Lines.** log4j 1 of ZooKeeper 3.4 to 3.7 and logback of 3.8 on write the same default pattern:
 * `2024-03-01 12:00:00,123 [myid:2] - INFO  [QuorumPeer[myid=2](plain=…):FastLeaderElection@945] - New election. …`. Whatever
 * stands before the date (a container's name) is passed over, and so are lines that belong to no rule.
 *
 * **Clocks.** The files are written by clocks that differ. A server logs its own notifications too, which tells when it
 * sent each; the others log when they received it. The difference of two servers' clocks is taken, as in NTP, from the
 * fastest message each way, which assumes that the fastest ones take equally long.
 *
 * **What is not logged** stays unknown: sending is seen only where INFO shows it, rounds of own votes come from a server's
 * own notification, positions in the log only at elections and synchronisation.
 */

import type { HostId } from './api.ts';

export interface LogFile {
  readonly name: string;
  readonly text: string;
}

/** What was found in the files. */
export interface JavaImport {
  readonly lines: readonly object[];
  /** Wall clock at time 0, of the reference server. */
  readonly wallStartMs: number;
  /** By server: how far its clock is ahead of the reference server's, ms. */
  readonly offsetsMs: ReadonlyMap<HostId, number>;
  readonly problems: readonly string[];
}

// --- one line --------------------------------------------------------------------------------------------------------

export interface LogLine {
  readonly atMs: number;
  readonly myid: HostId | null;
  readonly level: string;
  /** Simple name of the class that logged it. */
  readonly source: string;
  readonly message: string;
}

const LINE =
  /(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)[,.](\d{3})\S*\s+(?:\[myid:(\d*)\])?[\s-]*(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+\[(.*):([\w.$]+)@[\d?]+\]\s+-\s?(.*)$/;

/** Null for a line of a stack trace, or of another format. */
export function parseLogLine(text: string): LogLine | null {
  const match = LINE.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, ms, id, level = '', thread = '', source = '', message = ''] = match;
  const atMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
    Number(ms),
  );
  const named = id === undefined || id === '' ? /\[myid[=:](\d+)\]/.exec(thread)?.[1] : id;
  return {
    atMs,
    myid: named === undefined ? null : Number(named),
    level,
    source: source.replace(/^.*[.$](?=\w)/, '').replace(/^FastLeaderElection.*$/, 'FastLeaderElection'),
    message: message.trimEnd(),
  };
}

/** Whether a text looks like such a log file. */
export const isJavaLog = (head: string): boolean => head.split('\n').some((line) => parseLogLine(line) !== null);

// --- what a line says ------------------------------------------------------------------------------------------------

type State = 'looking' | 'following' | 'leading' | 'observing';

export interface Notification {
  readonly from: HostId;
  readonly state: State;
  readonly leader: HostId;
  readonly round: number;
  readonly zxid: number;
  readonly peerEpoch: number;
  readonly myState: State;
}

type Fact =
  | { readonly kind: 'boot' }
  | { readonly kind: 'state'; readonly state: State }
  | { readonly kind: 'newElection'; readonly zxid: number }
  | { readonly kind: 'notification'; readonly n: Notification }
  | { readonly kind: 'timeout'; readonly nextMs: number }
  | { readonly kind: 'phase'; readonly phase: 'discovery' | 'synchronization' | 'broadcast' }
  | { readonly kind: 'sync'; readonly how: 'DIFF' | 'TRUNC' | 'SNAP' }
  | { readonly kind: 'syncing'; readonly how: 'diff' | 'trunc' | 'snap'; readonly peer: HostId; readonly zxid: number }
  | { readonly kind: 'established'; readonly zxid: number }
  | { readonly kind: 'lost'; readonly reason: string }
  | { readonly kind: 'gaveUp'; readonly reason: string }
  | { readonly kind: 'unreachable'; readonly peer: HostId };

const hex = (text: string): number => Number.parseInt(text.replace(/^0x/, ''), 16);
const stateOf = (text: string): State => text.toLowerCase() as State;
const STATE = '(LOOKING|FOLLOWING|LEADING|OBSERVING)';

/** 3.5 and later. */
const NOTIFICATION = new RegExp(
  `^Notification: my state:${STATE}; n\\.sid:(\\d+), n\\.state:${STATE}, n\\.leader:(-?\\d+), n\\.round:0x([0-9a-f]+), n\\.peerEpoch:0x([0-9a-f]+), n\\.zxid:0x([0-9a-f]+)`,
);
/** 3.4: the same in another order, with or without the format version, hexadecimal from 3.4 on. */
const NOTIFICATION_34 = new RegExp(
  `^Notification: (?:\\d+ \\(message format version\\), )?(-?\\d+) \\(n\\.leader\\), (?:0x)?([0-9a-f]+) \\(n\\.zxid\\), (?:0x)?([0-9a-f]+) \\(n\\.round\\), ${STATE} \\(n\\.state\\), (\\d+) \\(n\\.sid\\)(?:, (?:0x)?([0-9a-f]+) \\(n\\.peerE[pP]och\\))?,? ${STATE} \\(my state\\)`,
);

function notificationOf(message: string): Notification | null {
  const now = NOTIFICATION.exec(message);
  if (now !== null) {
    const [, my = '', sid = '', state = '', leader = '', round = '', epoch = '', zxid = ''] = now;
    return {
      from: Number(sid),
      state: stateOf(state),
      leader: Number(leader),
      round: hex(round),
      zxid: zxidOf(zxid),
      peerEpoch: hex(epoch),
      myState: stateOf(my),
    };
  }
  const old = NOTIFICATION_34.exec(message);
  if (old === null) return null;
  const [, leader = '', zxid = '', round = '', state = '', sid = '', epoch = '', my = ''] = old;
  return {
    from: Number(sid),
    state: stateOf(state),
    leader: Number(leader),
    round: hex(round),
    zxid: zxidOf(zxid),
    peerEpoch: epoch === '' ? Math.floor(zxidOf(zxid) / 2 ** 32) : hex(epoch),
    myState: stateOf(my),
  };
}

/** An observer's vote has the smallest number there is. */
const zxidOf = (text: string): number => (text.startsWith('8000000000000000') ? Number.NaN : hex(text));

/** Rules by class; the first that fits. */
const RULES: readonly {
  readonly source: RegExp;
  readonly message: RegExp;
  readonly fact: (match: RegExpExecArray) => Fact;
}[] = [
  { source: /^QuorumPeerMain$/, message: /^Starting quorum peer/, fact: () => ({ kind: 'boot' }) },
  {
    source: /^QuorumPeer$/,
    message: new RegExp(`^${STATE}$`),
    fact: ([, state = '']) => ({ kind: 'state', state: stateOf(state) }),
  },
  {
    source: /^(Follower|Leader|Observer)$/,
    message: /^(FOLLOWING|LEADING|OBSERVING) - LEADER ELECTION TOOK/,
    fact: ([, state = '']) => ({ kind: 'state', state: stateOf(state) }),
  },
  {
    source: /^QuorumPeer$/,
    message: /^Peer state changed: \w+ - (discovery|synchronization|broadcast)/,
    fact: ([, phase = '']) => ({ kind: 'phase', phase: phase as 'discovery' }),
  },
  {
    source: /^FastLeaderElection$/,
    message: /^New election\. My id\s*=\s*\d+, [pP]roposed zxid\s*=\s*(?:0x)?([0-9a-f]+)/,
    fact: ([, zxid = '']) => ({ kind: 'newElection', zxid: zxidOf(zxid) }),
  },
  {
    source: /^FastLeaderElection$/,
    message: /^Notification time ?out: (\d+)/,
    fact: ([, ms = '']) => ({ kind: 'timeout', nextMs: Number(ms) }),
  },
  { source: /^Learner$/, message: /^Getting a diff from the leader/, fact: () => ({ kind: 'sync', how: 'DIFF' }) },
  {
    source: /^Learner$/,
    message: /^Getting a snapshot from (?:the )?leader/,
    fact: () => ({ kind: 'sync', how: 'SNAP' }),
  },
  { source: /^Learner$/, message: /^Truncating log to get in sync/, fact: () => ({ kind: 'sync', how: 'TRUNC' }) },
  {
    source: /^Learner$/,
    message: /^Learner received UPTODATE message/,
    fact: () => ({ kind: 'phase', phase: 'broadcast' }),
  },
  {
    source: /^Leader$/,
    message: /^Have quorum of supporters.*zxid: 0x([0-9a-f]+)/,
    fact: ([, zxid = '']) => ({ kind: 'established', zxid: hex(zxid) }),
  },
  {
    source: /^Leader$/,
    message: /^Shutdown called\. For the reason (.*)$/,
    fact: ([, reason = '']) => ({ kind: 'gaveUp', reason }),
  },
  { source: /^Leader$/, message: /^Shutting down$/, fact: () => ({ kind: 'gaveUp', reason: 'shut down' }) },
  {
    source: /^LearnerHandler$/,
    message: /^Sending (DIFF|TRUNC|SNAP|snapshot).*?zxid=?\s*(?:0x)?([0-9a-f]+)?.*?(?:peer sid|sid|peer):\s*(\d+)/i,
    fact: ([, how = '', zxid = '0', peer = '0']) => ({
      kind: 'syncing',
      how: (/^snap/i.test(how) ? 'snap' : how.toLowerCase()) as 'diff',
      peer: Number(peer),
      zxid: hex(zxid),
    }),
  },
  {
    source: /^(Follower|Observer)$/,
    message: /^Exception when (?:following|observing) the leader/,
    fact: () => ({ kind: 'lost', reason: '' }),
  },
  {
    source: /^QuorumCnxManager/,
    message: /^Cannot open channel to (\d+) at/,
    fact: ([, peer = '']) => ({ kind: 'unreachable', peer: Number(peer) }),
  },
];

function factOf({ source, message }: LogLine): Fact | null {
  if (source === 'FastLeaderElection' || source === 'WorkerReceiver') {
    const n = notificationOf(message);
    if (n !== null) return { kind: 'notification', n };
  }
  for (const rule of RULES) {
    if (!rule.source.test(source)) continue;
    const match = rule.message.exec(message);
    if (match !== null) return rule.fact(match);
  }
  return null;
}

// --- files -----------------------------------------------------------------------------------------------------------

interface Told {
  readonly server: HostId;
  readonly atMs: number;
  fact: Fact;
  readonly text: string;
}

/** The facts of one file, in its order. Lines without an id belong to the server that the file names or the others name. */
function readFile({ name, text }: LogFile, problems: string[]): Told[] {
  const found: (Omit<Told, 'server'> & { readonly server: HostId | null })[] = [];
  const ids = new Map<HostId, number>();
  let lines = 0;
  for (const raw of text.split('\n')) {
    const line = parseLogLine(raw);
    if (line === null) {
      // The first line of a stack trace says why the leader was lost.
      const last = found.at(-1);
      const reason = /^(?:\s*|.*\| )((?:[\w$]+\.)+[\w$]*(?:Exception|Error)(?:: .*)?)$/.exec(raw.trimEnd())?.[1];
      if (last?.fact.kind === 'lost' && last.fact.reason === '' && reason !== undefined)
        last.fact = { kind: 'lost', reason: reason.replace(/^(?:[\w$]+\.)+/, '') };
      continue;
    }
    lines += 1;
    const own = line.myid ?? idIn(line.message);
    if (own !== null) ids.set(own, (ids.get(own) ?? 0) + 1);
    const fact = factOf(line);
    if (fact !== null) found.push({ server: own, atMs: line.atMs, fact, text: line.message });
  }
  if (lines === 0) {
    problems.push(`${name} holds no line in the format of ZooKeeper's default log pattern.`);
    return [];
  }
  const most = [...ids].sort((a, b) => b[1] - a[1])[0]?.[0] ?? idOfName(name);
  if (most === null) {
    problems.push(`${name} does not say which server wrote it: neither [myid:…] nor its name has a number.`);
    return [];
  }
  if (found.length === 0) problems.push(`${name} holds no line about elections or synchronisation.`);
  return found.map((told) => ({ ...told, server: told.server ?? most }));
}

function idIn(message: string): HostId | null {
  const id = /My id\s*=\s*(\d+)|myid=(\d+)/.exec(message);
  return id === null ? null : Number(id[1] ?? id[2]);
}

function idOfName(name: string): HostId | null {
  const id = /(\d{1,3})(?=\D*$)/.exec(name.replace(/\.\w+$/, ''));
  return id === null ? null : Number(id[1]);
}

// --- clocks ----------------------------------------------------------------------------------------------------------

const keyOf = ({ state, leader, round, zxid, peerEpoch }: Notification): string =>
  `${state} ${leader} ${round} ${zxid} ${peerEpoch}`;

/** A notification from its sending (which its sender logs as received from itself) to its arrival at another server. */
export interface Passage {
  readonly from: HostId;
  readonly to: HostId;
  readonly sent: number;
  readonly received: number;
}

/** Pairs sendings and arrivals: the same vote, in order; `sent` and `received` are positions in `told`. */
function passagesOf(told: readonly Told[]): Passage[] {
  const sendings = new Map<string, number[]>();
  const arrivals = new Map<string, number[]>();
  for (const [i, { server, fact }] of told.entries()) {
    if (fact.kind !== 'notification') continue;
    const key = `${fact.n.from} ${keyOf(fact.n)}`;
    const map = fact.n.from === server ? sendings : arrivals;
    const full = fact.n.from === server ? key : `${key} > ${server}`;
    map.set(full, [...(map.get(full) ?? []), i]);
  }
  const passages: Passage[] = [];
  for (const [full, received] of arrivals) {
    const [key = '', to = ''] = full.split(' > ');
    const sent = sendings.get(key);
    // Unless the counts agree it is not known which is which.
    if (sent === undefined || sent.length !== received.length) continue;
    for (const [i, at] of sent.entries())
      passages.push({ from: told[at]!.server, to: Number(to), sent: at, received: received[i]! });
  }
  return passages;
}

/**
 * How far each clock is ahead of the clock of the first server. A round trip cannot take less than no time: where the fastest
 * messages each way say it did, servers were too busy to log in time what they sent, and the middle of all messages tells
 * more than the fastest, though only roughly; those servers are given to `onRough`.
 */
export function offsetsOf(
  servers: readonly HostId[],
  delays: readonly { readonly from: HostId; readonly to: HostId; readonly ms: number }[],
  onRough: (server: HostId) => void = () => {},
): Map<HostId, number> {
  const byWay = new Map<string, number[]>();
  for (const { from, to, ms } of delays) {
    const key = `${from}>${to}`;
    byWay.set(key, [...(byWay.get(key) ?? []), ms]);
  }
  for (const all of byWay.values()) all.sort((a, b) => a - b);
  const offsets = new Map<HostId, number>();
  const first = servers[0];
  if (first === undefined) return offsets;
  offsets.set(first, 0);
  const open = [first];
  for (let from = open.shift(); from !== undefined; from = open.shift()) {
    for (const to of servers) {
      if (offsets.has(to)) continue;
      const there = byWay.get(`${from}>${to}`);
      const back = byWay.get(`${to}>${from}`);
      if (there === undefined || back === undefined) continue;
      const isRough = there[0]! + back[0]! < 0;
      if (isRough) onRough(to);
      const share = isRough ? 0.5 : 0;
      offsets.set(to, offsets.get(from)! + (quantileOf(there, share) - quantileOf(back, share)) / 2);
      open.push(to);
    }
  }
  return offsets;
}

const quantileOf = (sorted: readonly number[], share: number): number => sorted[Math.floor(sorted.length * share)]!;

// --- the trace -------------------------------------------------------------------------------------------------------

export function importJavaLogs(files: readonly LogFile[]): JavaImport {
  const problems: string[] = [];
  const told = files.flatMap((file) => readFile(file, problems));
  const servers = [...new Set(told.map(({ server }) => server))].sort((a, b) => a - b);
  const passages = passagesOf(told);
  const delays = passages.map(({ from, to, sent, received }) => ({
    from,
    to,
    ms: told[received]!.atMs - told[sent]!.atMs,
  }));
  const offsets = offsetsOf(servers, delays, (server) =>
    problems.push(
      `The clock of server ${server} is known only roughly: the servers were too busy to log in time what they sent.`,
    ),
  );
  for (const server of servers) {
    if (!offsets.has(server))
      problems.push(
        `The clock of server ${server} could not be compared with the others: its times are taken as they are.`,
      );
  }
  const timeOf = ({ server, atMs }: Told): number => atMs - (offsets.get(server) ?? 0);
  const wallStartMs = Math.min(...told.map(timeOf));
  const order = told.map((_, i) => i).sort((a, b) => timeOf(told[a]!) - timeOf(told[b]!) || a - b);
  const writer = new JavaWriter(told, servers, order, passages, (i) =>
    Math.round((timeOf(told[i]!) - wallStartMs) * 1000),
  );
  const lines = told.length === 0 ? [] : writer.write(wallStartMs);
  return { lines, wallStartMs: told.length === 0 ? 0 : wallStartMs, offsetsMs: offsets, problems };
}

interface Vote {
  readonly leader: HostId;
  readonly zxid: number;
  readonly peerEpoch: number;
}

/** What is known of one server while its lines are read. */
interface ServerState {
  generation: number;
  status: string;
  state: State | null;
  phase: 'election' | 'discovery' | 'synchronization' | 'broadcast';
  sync: 'DIFF' | 'TRUNC' | 'SNAP' | null;
  epoch: number;
  leader: HostId | null;
  round: number;
  vote: Vote | null;
  /** Votes of this round. */
  received: Map<HostId, Vote>;
  settledLeader: HostId | null;
  hasQuorum: boolean;
  pauseMs: number;
}

const QUORUM_WAIT_MS = 200;
const FIRST_PAUSE_MS = 200;

class JavaWriter {
  readonly #told: readonly Told[];
  readonly #servers: readonly HostId[];
  readonly #order: readonly number[];
  readonly #timeUs: (i: number) => number;
  readonly #sentFrom = new Map<number, Passage[]>();
  readonly #receivedAt = new Map<number, Passage>();
  readonly #states = new Map<HostId, ServerState>();
  readonly #ids = new Map<number, number>();
  readonly #lines: object[] = [];
  #event = 0;

  constructor(
    told: readonly Told[],
    servers: readonly HostId[],
    order: readonly number[],
    passages: readonly Passage[],
    timeUs: (i: number) => number,
  ) {
    this.#told = told;
    this.#servers = servers;
    this.#order = order;
    this.#timeUs = timeUs;
    const place = new Map(order.map((i, at) => [i, at]));
    for (const passage of passages) {
      // Clocks are only estimated: what would arrive before it was sent is left without an arrow.
      if (place.get(passage.sent)! >= place.get(passage.received)!) continue;
      this.#sentFrom.set(passage.sent, [...(this.#sentFrom.get(passage.sent) ?? []), passage]);
      this.#receivedAt.set(passage.received, passage);
    }
  }

  write(wallStartMs: number): object[] {
    this.#lines.push({
      type: 'header',
      format: 'vivarium-trace',
      version: 2,
      seed: '',
      commit: '',
      servers: 0,
      clients: 0,
      clientBase: 1000,
      epochMs: wallStartMs,
    });
    const deaths = this.#deaths();
    for (const [at, i] of this.#order.entries()) {
      for (const server of deaths.get(at) ?? []) this.#die(server, i);
      this.#take(i);
    }
    this.#lines.push({ type: 'verdict', verdict: 'ok', violations: [], hash: '', events: this.#event, stats: {} });
    return this.#lines;
  }

  #take(i: number): void {
    const { server, fact } = this.#told[i]!;
    const isNew = !this.#states.has(server);
    const state = this.#stateOf(server);
    const isBoot = fact.kind === 'boot' || isNew;
    if (isBoot) Object.assign(state, freshState(), { generation: state.generation + 1 });
    const notes: Note[] = [];
    const input = this.#apply(state, server, fact, notes);
    this.#writeStep(i, server, isBoot ? 'boot' : input, notes, state);
  }

  /**
   * Who died without a word, and when: by the position in the order before which it happened. A server that starts again
   * was gone before; so was a leader that never says anything again while the others look for another. The first of them
   * that lost its leader in that time tells when.
   */
  #deaths(): Map<number, HostId[]> {
    const found = new Map<number, HostId[]>();
    const last = new Map<HostId, { readonly at: number; readonly leads: boolean }>();
    const isLoss = (at: number, server: HostId): boolean => {
      const told = this.#told[this.#order[at]!]!;
      return told.server !== server && told.fact.kind === 'lost';
    };
    const lossAfter = (server: HostId, from: number, to: number): number => {
      for (let at = from + 1; at < to; at++) if (isLoss(at, server)) return at;
      return -1;
    };
    const add = (at: number, server: HostId): void => {
      found.set(at, [...(found.get(at) ?? []), server]);
    };
    for (const [at, i] of this.#order.entries()) {
      const { server, fact } = this.#told[i]!;
      const before = last.get(server);
      if (fact.kind === 'boot' && before !== undefined) {
        const loss = before.leads ? lossAfter(server, before.at, at) : -1;
        add(loss < 0 ? at : loss, server);
      }
      const leads =
        fact.kind === 'state' ? fact.state === 'leading' : fact.kind === 'gaveUp' ? false : (before?.leads ?? false);
      last.set(server, { at, leads: fact.kind === 'boot' ? false : leads });
    }
    for (const [server, { at, leads }] of last) {
      const loss = leads ? lossAfter(server, at, this.#order.length) : -1;
      if (loss >= 0) add(loss, server);
    }
    return found;
  }

  #die(server: HostId, i: number): void {
    const state = this.#stateOf(server);
    if (state.state === null) return;
    state.state = null;
    state.status = '';
    this.#lines.push({
      type: 'crash',
      event: this.#event + 1,
      t: this.#timeUs(i),
      host: server,
      kind: 'kill',
      reason: 'its log ends',
    });
  }

  #stateOf(server: HostId): ServerState {
    let state = this.#states.get(server);
    if (state === undefined) {
      state = freshState();
      this.#states.set(server, state);
    }
    return state;
  }

  /** What the line changes; returns the kind of event it is. */
  #apply(state: ServerState, server: HostId, fact: Fact, notes: Note[]): 'timer' | 'segment' | 'input' {
    switch (fact.kind) {
      case 'boot':
        return 'input';
      case 'newElection': {
        look(state);
        state.round += 1;
        state.pauseMs = FIRST_PAUSE_MS;
        state.vote = { leader: server, zxid: fact.zxid, peerEpoch: Math.floor(fact.zxid / 2 ** 32) };
        notes.push(['election.round.start', { round: state.round, zxid: fact.zxid, peerEpoch: state.vote.peerEpoch }]);
        sent(state, server, notes);
        return 'input';
      }
      case 'notification':
        this.#notification(state, server, fact.n, notes);
        return 'segment';
      case 'timeout':
        notes.push([
          'election.vote.resend',
          { round: state.round, delivered: true, pauseMs: state.pauseMs, nextMs: fact.nextMs },
        ]);
        state.pauseMs = fact.nextMs;
        return 'timer';
      case 'state':
        become(state, server, fact.state, notes);
        return 'input';
      case 'phase':
        state.phase = fact.phase;
        return 'input';
      case 'sync':
        state.phase = 'synchronization';
        state.sync = fact.how;
        return 'input';
      case 'syncing':
        notes.push([`zab.sync.${fact.how}`, { peer: fact.peer, zxid: fact.zxid }]);
        return 'input';
      case 'established':
        state.phase = 'broadcast';
        state.epoch = Math.floor(fact.zxid / 2 ** 32);
        notes.push(['zab.established', { epoch: state.epoch, zxid: fact.zxid }]);
        // Those who follow it are in its epoch; their own lines do not say so.
        for (const other of this.#states.values()) if (other.leader === server) other.epoch = state.epoch;
        return 'input';
      case 'lost':
        notes.push(['zab.learner.lost', { reason: fact.reason === '' ? 'the connection failed' : fact.reason }]);
        return 'input';
      case 'gaveUp':
        if (state.state === 'leading') notes.push(['zab.leading.gaveup', { reason: fact.reason }]);
        return 'input';
      case 'unreachable':
        notes.push(['election.cnx.unreachable', { peer: fact.peer, reason: 'cannot connect' }]);
        return 'input';
      default:
        return fact satisfies never;
    }
  }

  #notification(state: ServerState, server: HostId, n: Notification, notes: Note[]): void {
    const vote: Vote = { leader: n.leader, zxid: n.zxid, peerEpoch: n.peerEpoch };
    if (n.from === server) {
      // Its own vote, which tells the round and epoch that other lines leave out.
      if (n.state !== 'looking' || state.state !== 'looking') return;
      const isNew = state.vote === null || !same(state.vote, vote) || state.round !== n.round;
      if (isNew && state.round !== n.round) state.received = new Map();
      state.vote = vote;
      state.round = n.round;
      if (isNew) sent(state, server, notes);
      state.received.set(server, vote);
      this.#count(state, notes);
      return;
    }
    const outcome = outcomeOf(state, n, vote);
    notes.push([
      'election.vote.heard',
      { from: n.from, leader: n.leader, zxid: n.zxid, peerEpoch: n.peerEpoch, round: n.round, state: n.state, outcome },
    ]);
    if (outcome === 'settled') state.settledLeader = n.leader;
    if (outcome === 'better' || outcome === 'laterRound') {
      if (outcome === 'laterRound') state.received = new Map();
      // The better of the two; its own notification, which follows, would say otherwise.
      if (outcome === 'better' || state.vote === null || beats(vote, state.vote)) state.vote = vote;
      state.round = n.round;
      state.hasQuorum = false;
      sent(state, server, notes);
    }
    if (outcome === 'better' || outcome === 'laterRound' || outcome === 'counted') {
      state.received.set(n.from, vote);
      this.#count(state, notes);
    }
  }

  #count(state: ServerState, notes: Note[]): void {
    const { vote } = state;
    if (vote === null || state.hasQuorum) return;
    const support = [...state.received].flatMap(([host, other]) => (same(other, vote) ? [host] : []));
    if (support.length * 2 <= this.#servers.length) return;
    state.hasQuorum = true;
    notes.push(['election.vote.quorum', { leader: vote.leader, round: state.round, support, waitMs: QUORUM_WAIT_MS }]);
  }

  // --- lines ---

  #writeStep(i: number, server: HostId, kind: string, notes: readonly Note[], state: ServerState): void {
    const id = ++this.#event;
    this.#ids.set(i, id);
    const t = this.#timeUs(i);
    for (const passage of this.#sentFrom.get(i) ?? []) this.#writeVote(passage, id, t);
    const arrived = this.#receivedAt.get(i);
    const cause = arrived === undefined ? 0 : (this.#ids.get(arrived.sent) ?? 0);
    const monoMs = Math.floor(t / 1000);
    this.#lines.push({
      type: 'step',
      id,
      index: id,
      cause,
      t,
      kind,
      host: server,
      generation: state.generation,
      mono: monoMs,
      wall: Math.round(this.#told[i]!.atMs),
      input:
        arrived === undefined
          ? { type: 'line', text: this.#told[i]!.text }
          : { type: 'connBytes', uid: uidOf(arrived), size: 1 },
      effects: notes.map(([code, fields]) => ({ type: 'note', code, fields })),
    });
    const { state: phase, phase: zab, sync, epoch, leader } = state;
    const status = {
      phase: phase ?? 'recovering',
      zab: phase === 'looking' || phase === null ? 'election' : zab,
      epoch,
      leader,
      readOnly: false,
      resync: false,
      detail:
        phase === 'leading' && zab === 'broadcast'
          ? 'broadcast'
          : zab === 'broadcast' && phase !== null
            ? 'serving'
            : (phase ?? 'recovering'),
      sync,
    };
    const text = JSON.stringify(status);
    if (text === state.status) return;
    state.status = text;
    this.#lines.push({ type: 'status', event: id, t, host: server, ...status });
  }

  #writeVote(passage: Passage, event: number, t: number): void {
    const { fact } = this.#told[passage.sent]!;
    if (fact.kind !== 'notification') return;
    const { state, leader, zxid, round, peerEpoch } = fact.n;
    const fields = { state, leader, zxid: `0x${Number.isNaN(zxid) ? 0 : zxid.toString(16)}`, round, peerEpoch };
    this.#lines.push({
      type: 'segment',
      event,
      t,
      uid: uidOf(passage),
      channel: 'election',
      from: passage.from,
      to: passage.to,
      index: 0,
      size: 1,
      messages: [{ name: 'VOTE', fields }],
    });
  }
}

type Note = readonly [code: string, fields: Readonly<Record<string, unknown>>];

const uidOf = ({ from, to }: Passage): number => from * 1000 + to;

const freshState = (): ServerState => ({
  generation: 0,
  status: '',
  state: null,
  phase: 'election',
  sync: null,
  epoch: 0,
  leader: null,
  round: 0,
  vote: null,
  received: new Map(),
  settledLeader: null,
  hasQuorum: false,
  pauseMs: FIRST_PAUSE_MS,
});

function look(state: ServerState): void {
  state.state = 'looking';
  state.phase = 'election';
  state.sync = null;
  state.epoch = 0;
  state.leader = null;
  state.received = new Map();
  state.settledLeader = null;
  state.hasQuorum = false;
}

function sent(state: ServerState, server: HostId, notes: Note[]): void {
  const { vote, round } = state;
  if (vote === null) return;
  notes.push(['election.vote.sent', { ...vote, round }]);
  state.received.set(server, vote);
}

function become(state: ServerState, server: HostId, next: State, notes: Note[]): void {
  // Two lines tell of the same: `FOLLOWING`, and how long the election took.
  if (state.state === next) return;
  if (next === 'looking') return look(state);
  const leader =
    next === 'leading'
      ? server
      : state.hasQuorum
        ? (state.vote?.leader ?? null)
        : (state.settledLeader ?? state.vote?.leader ?? null);
  notes.push([
    'election.leader.elected',
    {
      leader: leader ?? 0,
      round: state.round,
      zxid: state.vote?.zxid ?? 0,
      peerEpoch: state.vote?.peerEpoch ?? 0,
      state: next,
    },
  ]);
  if (next === 'leading') notes.push(['zab.leading.started', {}]);
  state.state = next;
  state.phase = 'discovery';
  state.leader = leader;
}

const same = (a: Vote, b: Vote): boolean =>
  a.leader === b.leader && Object.is(a.zxid, b.zxid) && a.peerEpoch === b.peerEpoch;

/** FastLeaderElection.totalOrderPredicate. */
function beats(a: Vote, b: Vote): boolean {
  if (a.peerEpoch !== b.peerEpoch) return a.peerEpoch > b.peerEpoch;
  return a.zxid !== b.zxid ? a.zxid > b.zxid : a.leader > b.leader;
}

function outcomeOf(state: ServerState, n: Notification, vote: Vote): string {
  if (n.myState !== 'looking') return 'answered';
  if (n.state === 'observing' || Number.isNaN(n.zxid)) return 'stranger';
  if (n.state !== 'looking') return 'settled';
  if (n.round > state.round) return 'laterRound';
  if (n.round < state.round) return 'earlierRound';
  return state.vote !== null && beats(vote, state.vote) ? 'better' : 'counted';
}
