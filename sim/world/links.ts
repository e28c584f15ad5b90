/**
 * Directed links between hosts, one for each channel: base parameters, and the impairments that lie over them for a while.
 * A link is made when it is first used; rules given earlier apply to it all the same.
 */

import type { Channel } from '../../core/io.ts';
import type { Host } from './host.ts';
import { draw } from './random.ts';
import type { HostId, Impairment, LinkParams, LinkSelector } from './types.ts';

export const CHANNELS: readonly Channel[] = ['election', 'quorum', 'client'];

export const LINK_DEFAULTS: LinkParams = {
  minUs: 200,
  meanUs: 300,
  extraUs: 0,
  bytesPerSecond: 0,
  stallPpm: 0,
  resetPpm: 0,
  cutPpm: 50_000,
  refusePpm: 0,
  hangPpm: 0,
  handshakeFailPpm: 0,
  windowBytes: 256 * 1024,
  reorderPpm: 0,
  duplicatePpm: 0,
};

export type LinkMatch = (from: HostId, to: HostId, channel: Channel) => boolean;

export class Link {
  readonly from: Host;
  readonly to: Host;
  readonly channel: Channel;
  /** Connections draw from keys derived from this one. */
  key: number;
  /** Base with every impairment added. */
  params: LinkParams = LINK_DEFAULTS;
  base: LinkParams = LINK_DEFAULTS;
  isCut = false;
  isImmune = false;
  clogUntilUs = 0;
  /** With a bandwidth: when the wire is free again. */
  busyUntilUs = 0;
  connectionCount = 0;
  /** Of the other direction. */
  reverse: Link | null = null;

  constructor(from: Host, to: Host, channel: Channel, key: number) {
    this.from = from;
    this.to = to;
    this.channel = channel;
    this.key = key;
  }
}

interface Rule {
  readonly matches: LinkMatch;
  readonly params: Partial<LinkParams>;
}

interface Lasting {
  readonly id: number;
  readonly matches: LinkMatch;
  readonly impairment: Impairment;
}

export class LinkTable {
  private readonly key: number;
  private readonly defaults: LinkParams;
  private readonly links = new Map<number, Link>();
  private rules: Rule[] = [];
  private impairments: Lasting[] = [];
  private readonly clogs: { readonly matches: LinkMatch; readonly untilUs: number }[] = [];
  private immune = new Set<HostId>();
  private readonly rekeyed: { readonly matches: LinkMatch; readonly salt: number }[] = [];

  constructor(key: number, defaults: LinkParams) {
    this.key = key;
    this.defaults = defaults;
  }

  /** The link; made on first use. */
  between(from: Host, to: Host, channel: Channel): Link {
    const index = (from.id * 0x1_0000 + to.id) * 4 + CHANNELS.indexOf(channel);
    const known = this.links.get(index);
    if (known !== undefined) return known;
    const link = new Link(from, to, channel, draw(draw(draw(this.key, from.id), to.id), CHANNELS.indexOf(channel)));
    for (const { matches, salt } of this.rekeyed) if (matches(from.id, to.id, channel)) link.key = draw(link.key, salt);
    this.links.set(index, link);
    this.recompute(link);
    for (const clog of this.clogs) if (clog.matches(from.id, to.id, channel)) clogUntil(link, clog.untilUs);
    return link;
  }

  reverseOf(link: Link): Link {
    link.reverse ??= this.between(link.to, link.from, link.channel);
    return link.reverse;
  }

  /** Other draws from here on, also on links that are used later. */
  rekey(matches: LinkMatch, salt: number): void {
    this.rekeyed.push({ matches, salt });
    for (const link of this.links.values()) {
      if (matches(link.from.id, link.to.id, link.channel)) link.key = draw(link.key, salt);
    }
  }

  setBase(matches: LinkMatch, params: Partial<LinkParams>): void {
    this.rules.push({ matches, params });
    this.recomputeAll();
  }

  add(id: number, matches: LinkMatch, impairment: Impairment): void {
    this.impairments.push({ id, matches, impairment });
    this.recomputeAll();
  }

  remove(id: number): void {
    this.impairments = this.impairments.filter((lasting) => lasting.id !== id);
    this.recomputeAll();
  }

  clog(matches: LinkMatch, untilUs: number): void {
    this.clogs.push({ matches, untilUs });
    for (const link of this.links.values()) {
      if (matches(link.from.id, link.to.id, link.channel)) clogUntil(link, untilUs);
    }
  }

  /** Links among these hosts have these parameters from here on, whatever else is said about them. */
  protect(hosts: readonly HostId[], params: Partial<LinkParams>): void {
    for (const host of hosts) this.immune.add(host);
    const among = new Set(hosts);
    this.setBase((from, to) => among.has(from) && among.has(to), params);
  }

  private recomputeAll(): void {
    for (const link of this.links.values()) this.recompute(link);
  }

  private recompute(link: Link): void {
    const { id: from } = link.from;
    const { id: to } = link.to;
    let base = this.defaults;
    for (const rule of this.rules) if (rule.matches(from, to, link.channel)) base = { ...base, ...rule.params };
    link.base = base;
    link.params = base;
    link.isCut = false;
    link.isImmune = this.immune.has(from) && this.immune.has(to);
    if (link.isImmune) {
      link.clogUntilUs = 0;
      return;
    }
    for (const { matches, impairment } of this.impairments) {
      if (!matches(from, to, link.channel)) continue;
      link.isCut ||= impairment.cut === true;
      link.params = impaired(link.params, impairment);
    }
  }
}

function clogUntil(link: Link, untilUs: number): void {
  if (!link.isImmune) link.clogUntilUs = Math.max(link.clogUntilUs, untilUs);
}

function impaired(params: LinkParams, by: Impairment): LinkParams {
  const bandwidth = by.bytesPerSecond ?? 0;
  return {
    ...params,
    extraUs: params.extraUs + (by.extraUs ?? 0),
    bytesPerSecond: slower(params.bytesPerSecond, bandwidth),
    stallPpm: params.stallPpm + (by.stallPpm ?? 0),
    resetPpm: params.resetPpm + (by.resetPpm ?? 0),
    cutPpm: params.cutPpm + (by.cutPpm ?? 0),
    refusePpm: params.refusePpm + (by.refusePpm ?? 0),
    hangPpm: params.hangPpm + (by.hangPpm ?? 0),
    handshakeFailPpm: params.handshakeFailPpm + (by.handshakeFailPpm ?? 0),
    reorderPpm: params.reorderPpm + (by.reorderPpm ?? 0),
    duplicatePpm: params.duplicatePpm + (by.duplicatePpm ?? 0),
  };
}

/** 0 is unlimited. */
function slower(a: number, b: number): number {
  if (a === 0 || b === 0) return a + b;
  return Math.min(a, b);
}

export function matcherOf(selector: LinkSelector): LinkMatch {
  const from = setOf(selector.from);
  const to = setOf(selector.to);
  const channels = selector.channels ?? null;
  const both = selector.direction !== 'oneWay';
  return (a, b, channel) => {
    if (channels !== null && !channels.includes(channel)) return false;
    if ((from === null || from.has(a)) && (to === null || to.has(b))) return true;
    return both && (from === null || from.has(b)) && (to === null || to.has(a));
  };
}

/** Between hosts of different groups. */
export function partitionMatcher(groups: readonly (readonly HostId[])[], channels: readonly Channel[]): LinkMatch {
  const groupOf = new Map<HostId, number>();
  groups.forEach((group, index) => {
    for (const host of group) groupOf.set(host, index);
  });
  return (from, to, channel) => {
    if (!channels.includes(channel)) return false;
    const a = groupOf.get(from);
    const b = groupOf.get(to);
    return a !== undefined && b !== undefined && a !== b;
  };
}

function setOf(hosts: HostId | readonly HostId[] | 'any'): Set<HostId> | null {
  if (hosts === 'any') return null;
  return new Set(typeof hosts === 'number' ? [hosts] : hosts);
}
