/**
 * Coverage marks: every place of the core that leaves a note, with what a campaign may expect of it.
 *
 * A simulator that no longer comes to a rare branch does not say so by itself: it passes. So a campaign fails when a required
 * mark was in none of 20,000 seeds (FoundationDB's `TEST` macro works like that). A mark that is not required says why.
 * `test/campaign/marks.test.ts` reads the core and fails when a note is missing here, or is here and nowhere else.
 */

export const REQUIRED = 'required';
/** A required mark must be seen in so many seeds of the default profile. */
export const SEEDS_PER_MARK = 20_000;

const HOSTILE =
  'only a peer that breaks the protocol causes it; no default seed has one that says this, test/unit sends such bytes';

/** `required`, or the reason why not. */
export const MARKS: Readonly<Record<string, string>> = {
  // --- clients and their connections ---
  'client.auth.failed': 'the clients of the world know their passwords; the recorded conversations do not',
  'client.auth.required': 'needs enforce.auth.enabled, which no default seed sets; profile strangers does',
  'client.conn.closed': REQUIRED,
  'client.conn.lost': REQUIRED,
  'client.conn.rejected': 'needs more connections from one address than the world has clients',
  'client.connect.failed': REQUIRED,
  'client.connection.lost': REQUIRED,
  'client.port.serving': REQUIRED,
  'client.port.stopped': REQUIRED,
  'client.session.expired': REQUIRED,
  'client.session.expiredLocally': REQUIRED,
  'client.session.open': REQUIRED,
  'client.session.upgraded': REQUIRED,
  'client.session.wrong-password': 'the clients of the world know their passwords; the recorded conversations do not',
  'client.txn.nonsense': HOSTILE,
  'client.watch.unheard': 'a server that sends events nobody asked for is a broken one; mutants cause it',
  'client.watches.refused': 'setWatches fails only for who may not connect either',

  // --- election ---
  'election.cnx.closed': REQUIRED,
  'election.cnx.crowded':
    'more greetings at once than an ensemble has servers; the strangers of profile knocks are too few',
  'election.cnx.drop': REQUIRED,
  'election.cnx.forget': REQUIRED,
  'election.cnx.knock': REQUIRED,
  'election.cnx.open': REQUIRED,
  'election.cnx.refused': REQUIRED,
  'election.cnx.unknown': 'a vote for a server that is in no configuration any more: one default seed in 1,200 has it',
  'election.cnx.unreachable': REQUIRED,
  'election.cnx.untrusted': 'somebody without a certificate: in no default seed; profile knocks has such strangers',
  'election.config.malformed': HOSTILE,
  'election.leader.elected': REQUIRED,
  'election.notification.malformed':
    'needs somebody who is no server: in no default seed; profile knocks has strangers',
  'election.round.join': REQUIRED,
  'election.round.start': REQUIRED,
  'election.vote.heard': REQUIRED,
  'election.vote.ignored': REQUIRED,
  'election.vote.quorum': REQUIRED,
  'election.vote.quorumLost': REQUIRED,
  'election.vote.resend': REQUIRED,
  'election.vote.sent': REQUIRED,

  // --- peers ---
  'peer.halted': REQUIRED,
  'peer.readonly.refused': REQUIRED,
  'peer.readonly.started': REQUIRED,
  'peer.reload': REQUIRED,
  'peer.role.left': REQUIRED,
  'quorum.conn.untrusted': 'somebody without a certificate: strangers knock on election ports only (sim/intruder.ts)',
  'quorum.insecure': REQUIRED,

  // --- sessions ---
  'session.expired': REQUIRED,

  // --- storage ---
  'storage.completion.stale': REQUIRED,
  'storage.purge.invalid': REQUIRED,
  'storage.purge.removing': REQUIRED,
  'storage.range.unreadable': REQUIRED,
  'storage.recovery.unproved': REQUIRED,
  'store.recovered': REQUIRED,
  'store.recovery.note': REQUIRED,
  'store.snapshot.done': REQUIRED,

  // --- Zab ---
  'zab.ack.sent': REQUIRED,
  'zab.applied': REQUIRED,
  'zab.committed': REQUIRED,
  'zab.config.active': REQUIRED,
  'zab.digest.mismatch': 'two replicas that differ are a violation; mutants cause it',
  'zab.epoch.accepted': REQUIRED,
  'zab.epoch.current': REQUIRED,
  'zab.established': REQUIRED,
  'zab.handler.closed': REQUIRED,
  'zab.illegal.ack': HOSTILE,
  'zab.illegal.commit': HOSTILE,
  'zab.illegal.packet': HOSTILE,
  'zab.illegal.proposal': HOSTILE,
  'zab.leading.gaveup': REQUIRED,
  'zab.leading.started': REQUIRED,
  'zab.learner.lost': REQUIRED,
  'zab.learner.refused': 'needs more learners than a leader takes; test/unit/zab has them',
  'zab.newleader.acked': REQUIRED,
  'zab.proposal.sent': REQUIRED,
  'zab.sync.diff': REQUIRED,
  'zab.sync.snap': REQUIRED,
  'zab.sync.throttled': REQUIRED,
  'zab.sync.trunc': REQUIRED,
  'zab.trunc.committed': HOSTILE,
  'zab.trunc.impossible': HOSTILE,
  'zab.uptodate': REQUIRED,
};

export const REQUIRED_MARKS: readonly string[] = Object.keys(MARKS).filter((code) => MARKS[code] === REQUIRED);

export interface MarkReport {
  /** Seeds that were looked at: those of the default profile, without options of their own. */
  readonly seeds: number;
  readonly seen: number;
  readonly missing: readonly string[];
  /** There were seeds enough for `missing` to be a failure. */
  readonly isDue: boolean;
}

/** `seenIn`: for each mark, in how many seeds it was seen. */
export function reportOf(seeds: number, seenIn: ReadonlyMap<string, number>): MarkReport {
  const missing = REQUIRED_MARKS.filter((code) => (seenIn.get(code) ?? 0) === 0);
  return { seeds, seen: REQUIRED_MARKS.length - missing.length, missing, isDue: seeds >= SEEDS_PER_MARK };
}
