/** Who led when, and when two did: from the bands of the servers, so it is what the picture shows. */

import type { HostId, Picture } from '../model/api.ts';
import { hostList } from './names.ts';
import { duration, instantMs } from './time.ts';

/** A leader with a quorum behind it, as it saw itself. */
export interface Reign {
  readonly leader: HostId;
  readonly epoch: number;
  readonly beginUs: number;
  readonly endUs: number;
}

/** By begin. */
export function reignsOf({ servers }: Pick<Picture, 'servers'>): Reign[] {
  const reigns: Reign[] = [];
  for (const { host, bands } of servers) {
    for (const { state, phase, epoch, beginUs, endUs } of bands) {
      if (state !== 'leading' || phase !== 'broadcast' || endUs <= beginUs) continue;
      const last = reigns.at(-1);
      const goesOn = last !== undefined && last.leader === host && last.epoch === epoch && last.endUs === beginUs;
      if (goesOn) reigns[reigns.length - 1] = { ...last, endUs };
      else reigns.push({ leader: host, epoch, beginUs, endUs });
    }
  }
  return reigns.sort((a, b) => a.beginUs - b.beginUs || a.epoch - b.epoch);
}

export interface TwoLeaders {
  /** The older one, which did not know yet. */
  readonly old: Reign;
  readonly young: Reign;
  readonly fromUs: number;
  readonly toUs: number;
  /** `server 3 still took itself for the leader of epoch 1 for 1.2 s, …, because it stood still`. */
  readonly sentence: string;
}

/** Every time at which two servers took themselves for the leader, and why the older one did not know better. */
export function twoLeaders(picture: Pick<Picture, 'servers' | 'faults' | 'cuts'>): TwoLeaders[] {
  const reigns = reignsOf(picture);
  return reigns.flatMap((young, i) =>
    reigns.slice(0, i).flatMap((old): TwoLeaders[] => {
      const fromUs = young.beginUs;
      const toUs = Math.min(old.endUs, young.endUs);
      if (old.leader === young.leader || toUs <= fromUs) return [];
      const said = `At ${instantMs(fromUs)} there were two: server ${old.leader} took itself for the leader of epoch ${old.epoch} for another ${duration(toUs - fromUs)} while server ${young.leader} led epoch ${young.epoch}`;
      return [{ old, young, fromUs, toUs, sentence: `${said}: ${whyUnaware(picture, old.leader, fromUs, toUs)}.` }];
    }),
  );
}

function whyUnaware(
  { faults, cuts }: Pick<Picture, 'faults' | 'cuts'>,
  leader: HostId,
  fromUs: number,
  toUs: number,
): string {
  const isThen = ({ beginUs, endUs }: { readonly beginUs: number; readonly endUs: number }): boolean =>
    beginUs <= fromUs && endUs > fromUs;
  if (faults.some((fault) => fault.kind === 'pause' && fault.hosts.includes(leader) && isThen(fault)))
    return 'it stood still';
  const unheard = cuts.filter((cut) => cut.to === leader && cut.channel !== 'election' && isThen(cut));
  const hosts = [...new Set(unheard.map(({ from }) => from).filter((from) => from < CLIENTS))].sort((a, b) => a - b);
  if (hosts.length > 0) return `it heard nothing from ${hostList(hosts)}`;
  return toUs - fromUs < SHORT_US ? 'the news was on its way' : 'it had not noticed that its followers were gone';
}

const CLIENTS = 1000;
const SHORT_US = 50_000;
