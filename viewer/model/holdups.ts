/**
 * What a new leader waited for while it collected epochs or brought others level: the voter that completed its quorum, and
 * what took that one so long: a message on its way, attempts to connect, or a disk.
 */

import { DIAL_RESULTS, DISK_ACTIONS, type HostId, MESSAGE_GROUPS } from './api.ts';
import type { Store } from './store.ts';
import { span } from './words.ts';

export interface Holdup {
  /** Who completed the quorum. */
  readonly host: HostId;
  /** What held it up most; null when nothing did for a good part of the time. */
  readonly text: string | null;
}

interface Window {
  readonly beginUs: number;
  readonly endUs: number;
}

/** Less than this part of the time is not what it waited for. */
const PART_MIN = 0.3;
/** An arrival so long before the end is not what ended it. */
const NEAR_US = 60_000;
const GROUPS = ['discovery', 'synchronisation', 'ack'].map((group) => MESSAGE_GROUPS.indexOf(group as 'ack'));
const QUORUM_CHANNEL = 1;
const ACCEPTED = DIAL_RESULTS.indexOf('accepted');

/** Null when nobody's message ended the stage. */
export function holdupOf(store: Store, leader: HostId, voters: readonly HostId[], window: Window): Holdup | null {
  const host = completerOf(store, leader, voters, window);
  if (host === null) return null;
  const least = PART_MIN * (window.endUs - window.beginUs);
  const found = [
    longestMessage(store, leader, host, window),
    dialling(store, leader, host, window),
    longestFile(store, host, window),
    longestFile(store, leader, window),
  ].filter((one) => one !== null);
  const worst = found.reduce<Took | null>((a, b) => (a === null || b.us > a.us ? b : a), null);
  return { host, text: worst !== null && worst.us >= least ? worst.text : null };
}

interface Took {
  readonly us: number;
  readonly text: string;
}

const overlap = ({ beginUs, endUs }: Window, from: number, to: number): number =>
  Math.min(endUs, to) - Math.max(beginUs, from);

/** The sender of the last message of the protocol that the leader read in that time. */
function completerOf({ messages }: Store, leader: HostId, voters: readonly HostId[], window: Window): HostId | null {
  let last: { readonly atUs: number; readonly host: HostId } | null = null;
  for (let row = 0; row < messages.from.length; row++) {
    if (messages.to.get(row) !== leader || !GROUPS.includes(messages.group.get(row))) continue;
    const atUs = messages.arrivedUs.get(row);
    const host = messages.from.get(row);
    if (!(atUs > window.beginUs && atUs <= window.endUs) || !voters.includes(host)) continue;
    if (last === null || atUs >= last.atUs) last = { atUs, host };
  }
  return last === null || window.endUs - last.atUs > NEAR_US ? null : last.host;
}

function longestMessage({ messages, names }: Store, leader: HostId, host: HostId, window: Window): Took | null {
  let longest: Took | null = null;
  for (let row = 0; row < messages.from.length; row++) {
    const [from, to] = [messages.from.get(row), messages.to.get(row)];
    const isTheirs = (from === leader && to === host) || (from === host && to === leader);
    if (!isTheirs || !GROUPS.includes(messages.group.get(row))) continue;
    const sentUs = messages.sentUs.get(row);
    const arrivedUs = messages.arrivedUs.get(row);
    const isRead = !Number.isNaN(arrivedUs);
    const goneUs = isRead ? arrivedUs : messages.lostUs.get(row);
    const us = overlap(window, sentUs, Number.isNaN(goneUs) ? window.endUs : goneUs);
    if (us <= (longest?.us ?? 0)) continue;
    const name = names.list[messages.name.get(row)] ?? 'a message';
    const fate = isRead ? `was ${span(arrivedUs - sentUs)} on its way` : 'never came';
    longest = { us, text: `${name} from ${from} to ${to} ${fate}` };
  }
  return longest;
}

/** From its first attempt to connect to the one that the leader accepted; the first may have come before the leader listened. */
function dialling({ dials, names }: Store, leader: HostId, host: HostId, window: Window): Took | null {
  let [first, attempts, why] = [Number.NaN, 0, ''];
  for (let row = 0; row < dials.from.length; row++) {
    if (dials.from.get(row) !== host || dials.to.get(row) !== leader) continue;
    if (dials.channel.get(row) !== QUORUM_CHANNEL) continue;
    const [beginUs, endUs] = [dials.beginUs.get(row), dials.endUs.get(row)];
    if (beginUs > window.endUs || beginUs < window.beginUs - DIAL_EARLY_US) continue;
    if (attempts++ === 0) first = beginUs;
    if (dials.result.get(row) !== ACCEPTED) {
      why = names.list[dials.reason.get(row)] ?? '';
      continue;
    }
    if (endUs < window.beginUs) {
      attempts = 0;
      continue;
    }
    const tries = attempts === 1 ? 'its connection' : `${attempts} attempts to connect${why === '' ? '' : ` (${why})`}`;
    return { us: overlap(window, first, endUs), text: `server ${host} needed ${span(endUs - first)} for ${tries}` };
  }
  return null;
}

/** A follower may know its leader, and dial, so long before that one knows itself. */
const DIAL_EARLY_US = 1_000_000;

function longestFile({ disks }: Store, host: HostId, window: Window): Took | null {
  const disk = disks.get(host);
  if (disk === undefined) return null;
  let longest: Took | null = null;
  for (let row = 0; row < disk.beginUs.length; row++) {
    const [beginUs, endUs] = [disk.beginUs.get(row), disk.endUs.get(row)];
    if (beginUs > window.endUs || Number.isNaN(endUs)) continue;
    const us = overlap(window, beginUs, endUs);
    if (us <= (longest?.us ?? 0)) continue;
    const action = DISK_ACTIONS[disk.action.get(row)] ?? 'a file operation';
    longest = { us, text: `${action} took server ${host} ${span(endUs - beginUs)}` };
  }
  return longest;
}
