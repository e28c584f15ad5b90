/** Who led when, when two did, and which messages were late. */

import { describe, expect, it } from 'vitest';
import { lateMessages } from '../../viewer/lib/late.ts';
import { reignsOf, twoLeaders } from '../../viewer/lib/leaders.ts';
import type { Band, CutSpan, FaultSpan, Picture } from '../../viewer/model/api.ts';

type Shown = Pick<Picture, 'servers' | 'faults' | 'cuts'>;
type Led = readonly [host: number, epoch: number, beginUs: number, endUs: number];

function picture(led: readonly Led[], more: { faults?: readonly object[]; cuts?: readonly object[] } = {}): Shown {
  const hosts = [...new Set(led.map(([host]) => host))];
  const servers = hosts.map((host) => ({
    host,
    bands: led
      .filter(([own]) => own === host)
      .map(([, epoch, beginUs, endUs]) => ({ state: 'leading', phase: 'broadcast', epoch, beginUs, endUs }) as Band),
  }));
  return {
    servers: servers as unknown as Picture['servers'],
    faults: (more.faults ?? []) as FaultSpan[],
    cuts: (more.cuts ?? []) as CutSpan[],
  };
}

describe('who led', () => {
  it('is told in order, and bands of one reign are one', () => {
    const shown = picture([
      [3, 2, 5_000_000, 9_000_000],
      [1, 1, 500_000, 2_000_000],
      [1, 1, 2_000_000, 4_000_000],
    ]);
    expect(reignsOf(shown)).toEqual([
      { leader: 1, epoch: 1, beginUs: 500_000, endUs: 4_000_000 },
      { leader: 3, epoch: 2, beginUs: 5_000_000, endUs: 9_000_000 },
    ]);
    expect(twoLeaders(shown)).toEqual([]);
  });

  const two: readonly Led[] = [
    [1, 1, 0, 4_000_000],
    [2, 2, 2_500_000, 9_000_000],
  ];

  it.each([
    [{ faults: [{ kind: 'pause', hosts: [1], beginUs: 1_000_000, endUs: 3_900_000 }] }, 'it stood still'],
    [
      { cuts: [2, 3].map((from) => ({ from, to: 1, channel: null, beginUs: 2_000_000, endUs: 8_000_000 })) },
      'it heard nothing from 2 and 3',
    ],
    [{ cuts: [{ from: 2, to: 1, channel: 'election', beginUs: 0, endUs: 8_000_000 }] }, 'it had not noticed'],
    [{ faults: [{ kind: 'pause', hosts: [2], beginUs: 1_000_000, endUs: 3_900_000 }] }, 'it had not noticed'],
  ])('two at once are told with the reason: %j', (more, why) => {
    const [found, ...others] = twoLeaders(picture(two, more));
    expect(others).toEqual([]);
    expect(found).toMatchObject({ fromUs: 2_500_000, toUs: 4_000_000 });
    expect(found!.sentence).toContain(
      'At 2.500 there were two: server 1 took itself for the leader of epoch 1 for another 1.5 s while server 2 led epoch 2',
    );
    expect(found!.sentence).toContain(why);
  });
});

describe('late messages', () => {
  const row = (from: number, to: number, fate: number, sentUs: number, arrivedUs: number) => ({
    from,
    to,
    fate,
    sentUs,
    arrivedUs,
  });
  const shown = (rows: readonly ReturnType<typeof row>[]): Parameters<typeof lateMessages>[0] =>
    ({
      names: ['VOTE'],
      messages: {
        count: rows.length,
        ...Object.fromEntries(
          (['from', 'to', 'fate', 'sentUs', 'arrivedUs'] as const).map((key) => [key, rows.map((one) => one[key])]),
        ),
        name: rows.map(() => 0),
        sentIndex: rows.map((_, i) => 10 + i),
        arrivedIndex: rows.map(({ arrivedUs }, i) => (Number.isNaN(arrivedUs) ? 0 : 100 + i)),
      },
    }) as unknown as Parameters<typeof lateMessages>[0];

  it('are the longest of those held up between servers; what clients sent is not among them', () => {
    const found = lateMessages(
      shown([
        row(1, 2, 0, 0, 9_000_000),
        row(1, 2, 1, 1_000_000, 1_500_000),
        row(3, 2, 1, 2_000_000, 4_600_000),
        row(2, 1, 2, 1_000_000, Number.NaN),
        row(1001, 2, 1, 0, 8_000_000),
      ]),
      1,
    );
    expect(found).toMatchObject({ heldUp: 2, lost: 1 });
    expect(found.longest).toEqual([
      { index: 102, us: 2_600_000, text: 'VOTE from 3 to 2, sent at 2.000, was read 2.6 s later' },
    ]);
  });
});
