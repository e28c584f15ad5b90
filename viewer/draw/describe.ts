/** Whatever lies under the pointer, in words. */

import type { Target } from '../lib/hit.ts';
import { hostName } from '../lib/names.ts';
import type { Scene } from '../lib/scene.ts';
import { duration, instant, zxidText } from '../lib/time.ts';
import {
  DIAL_RESULTS,
  DISK_ACTIONS,
  DISK_LANES,
  MESSAGE_FATES,
  MESSAGE_GROUPS,
  OPERATION_RESULTS,
  type Picture,
} from '../model/api.ts';
import { cutsBeside, cutText } from './faults.ts';
import { bandText } from './servers.ts';

export interface Told {
  readonly title: string;
  readonly lines: readonly string[];
}

export function describe(scene: Scene, target: Target, at: number): Told {
  const { picture } = scene;
  switch (target.kind) {
    case 'message':
      return describeMessage(picture, target.row);
    case 'operation':
      return describeOperation(picture, target.host, target.row);
    case 'disk':
      return describeDisk(picture, target.host, target.row);
    case 'mark':
      return { title: target.text, lines: [hostName(target.host)] };
    case 'watch': {
      const { watches } = picture.clients.find(({ host }) => host === target.host)!;
      const type = WATCH_TYPES[watches.type[target.row]!] ?? `type ${watches.type[target.row]}`;
      const path = picture.names[watches.path[target.row]!] ?? '';
      return { title: `watch: ${path} ${type}`, lines: [hostName(target.host), instant(watches.timeUs[target.row]!)] };
    }
    case 'band': {
      const { what } = scene.servers.get(target.host)!.bands[target.band]!;
      const lines = [
        `${instant(what.beginUs)} – ${instant(what.endUs)}, ${duration(what.endUs - what.beginUs)}`,
        [what.detail, `start ${what.generation}`, what.resync ? 'must resync: does not vote' : '']
          .filter((text) => text !== '')
          .join(' · '),
      ];
      void at;
      return { title: `${hostName(target.host)}: ${bandText(what)}`, lines };
    }
    case 'fault': {
      const { what } = scene.faults[target.fault]!;
      const lines = [
        what.endUs > what.beginUs
          ? `${instant(what.beginUs)} – ${instant(what.endUs)}, ${duration(what.endUs - what.beginUs)}`
          : instant(what.beginUs),
        what.op > 0 ? `operation ${what.op} of the schedule: ${what.kind}` : what.kind,
      ];
      return { title: what.text === '' ? what.kind : what.text, lines };
    }
    case 'cut': {
      const { what } = scene.cuts[target.cut]!;
      return {
        title: cutText(cutsBeside(scene.cuts, target.cut)),
        lines: [`${instant(what.beginUs)} – ${instant(what.endUs)}, ${duration(what.endUs - what.beginUs)}`],
      };
    }
    case 'election': {
      const election = picture.elections[target.election]!;
      return {
        title: `${election.kind === 'join' ? 'join' : 'election'} ${election.number}: ${election.sentence}`,
        lines: [`because: ${election.trigger}`, `${instant(election.beginUs)} – ${instant(election.endUs)}`],
      };
    }
    case 'violation': {
      const violation = picture.violations[target.violation]!;
      return { title: violation.property, lines: [violation.sentence, instant(violation.timeUs)] };
    }
    default:
      target satisfies never;
      throw new Error('unknown target');
  }
}

const WATCH_TYPES: Readonly<Record<number, string>> = {
  1: 'created',
  2: 'deleted',
  3: 'data changed',
  4: 'children changed',
  5: 'data watch removed',
  6: 'child watch removed',
  7: 'persistent watch removed',
};

function describeMessage(picture: Picture, row: number): Told {
  const { messages, names } = picture;
  const fate = MESSAGE_FATES[messages.fate[row]!]!;
  const [sent, arrived, lost] = [messages.sentUs[row]!, messages.arrivedUs[row]!, messages.lostUs[row]!];
  const zxid = messages.zxid[row]!;
  const lines = [
    `${hostName(messages.from[row]!)} → ${hostName(messages.to[row]!)} · ${MESSAGE_GROUPS[messages.group[row]!]}`,
    Number.isNaN(zxid) || zxid < 0 ? '' : `zxid ${zxidText(zxid)}`,
    `sent ${instant(sent)}`,
    fate === 'reset'
      ? `never read: the connection ended${Number.isNaN(lost) ? '' : ` at ${instant(lost)}`}`
      : fate === 'open'
        ? 'still on its way at the end'
        : `read ${instant(arrived)}, after ${duration(arrived - sent)}${fate === 'stalled' ? ': held up' : ''}`,
  ];
  return { title: names[messages.name[row]!] ?? '?', lines: lines.filter((line) => line !== '') };
}

function describeOperation(picture: Picture, host: number, row: number): Told {
  const { operations } = picture.clients.find((client) => client.host === host)!;
  const { names } = picture;
  const [begin, end] = [operations.beginUs[row]!, operations.endUs[row]!];
  const result = OPERATION_RESULTS[operations.result[row]!]!;
  const error = operations.error[row]!;
  const zxid = operations.zxid[row]!;
  const outcome =
    result === 'open'
      ? 'not answered when the trace ends'
      : result === 'unknown'
        ? `connection lost after ${duration(end - begin)}: nobody knows whether it happened`
        : `${result === 'error' ? `error ${error}` : 'done'} after ${duration(end - begin)}`;
  const lines = [
    hostName(host),
    outcome,
    Number.isNaN(zxid) || zxid <= 0 ? '' : `zxid ${zxidText(zxid)}`,
    `asked ${instant(begin)}`,
  ];
  return {
    title: `${names[operations.name[row]!] ?? '?'} ${names[operations.path[row]!] ?? ''}`,
    lines: lines.filter((line) => line !== ''),
  };
}

function describeDisk(picture: Picture, host: number, row: number): Told {
  const { disk } = picture.servers.find((server) => server.host === host)!;
  const [begin, end] = [disk.beginUs[row]!, disk.endUs[row]!];
  const fate = disk.fate[row]!;
  const took = Number.isNaN(end) ? 'never answered: the process died' : `took ${duration(end - begin)}`;
  const how = fate === 1 ? ', far longer than usual' : fate === 2 ? ', and failed' : '';
  const bytes = disk.bytes[row]!;
  return {
    title: `${DISK_ACTIONS[disk.action[row]!]} (${DISK_LANES[disk.lane[row]!]})`,
    lines: [
      hostName(host),
      `${took}${how}`,
      ...(bytes > 0 ? [`${bytes.toLocaleString('en')} bytes`] : []),
      instant(begin),
    ],
  };
}

export { DIAL_RESULTS };
