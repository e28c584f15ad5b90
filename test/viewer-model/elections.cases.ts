/** Elections of real runs: what began them, how the votes went, and where the time was lost. */

import { expect, test } from 'vitest';
import { findScenario } from '../../scenarios/index.ts';
import type { ElectionDetail, TraceModel } from '../../viewer/model/api.ts';
import { comparisonText, decidingOf } from '../../viewer/model/votes.ts';
import { bytesOf, opened, shortTrace, traceOf } from './traces.ts';

const { text, lines, result } = shortTrace();
const { model, info } = await opened(bytesOf(text));
const elections = await model.elections();
const details = await Promise.all(elections.map(({ number }) => model.election(number)));
const real = details.filter((detail): detail is ElectionDetail => detail !== null && detail.kind === 'election');

const notes = lines.flatMap((line) =>
  line.type === 'step'
    ? (line.effects as { type: string; code?: string; fields?: Record<string, unknown> }[]).flatMap((effect) =>
        effect.type === 'note'
          ? [{ t: line.t as number, host: line.host as number, index: line.index as number, ...effect }]
          : [],
      )
    : [],
);

test('there are as many elections as epochs, and each ends when its leader is established', () => {
  const established = notes.filter(({ code }) => code === 'zab.established');
  const found = real.filter(({ outcome }) => outcome.kind === 'established');
  expect(found.map(({ endUs }) => endUs)).toEqual(established.map(({ t }) => t));
  expect(found.map(({ outcome }) => (outcome.kind === 'established' ? [outcome.leader, outcome.epoch] : null))).toEqual(
    established.map(({ host, fields }) => [host, fields?.epoch]),
  );
  expect(found).toHaveLength(result.stats.epochs);
  expect(found.length).toBeGreaterThan(1);
});

test('the first begins with the run, the second with the power cut', () => {
  expect(real[0]).toMatchObject({ number: 1, beginUs: 0, trigger: 'the servers start', participants: [1, 2, 3] });
  expect(real[1]).toMatchObject({ beginUs: 1_500_000, trigger: 'leader 3 lost power' });
  expect(real[0]!.sentence).toMatch(/^server 3 leads epoch 1 after \d+ ms, 1 round$/);
});

test('every change of a vote follows from a notification, and the comparison holds', () => {
  let changed = 0;
  for (const { matrix } of real) {
    for (const { held, round } of matrix.rounds) {
      for (const { why, vote, voter, index, sentence } of held) {
        expect(sentence).toContain(`server ${voter}`);
        if (why.kind === 'own') continue;
        changed += 1;
        const from = matrix.heard.find(
          (one) => one.to === voter && one.arrivedIndex === index && one.from === why.heardFrom,
        );
        expect(from).toBeDefined();
        if (why.kind === 'better') {
          expect(from).toMatchObject({ vote, round });
          // The better of two: FastLeaderElection.totalOrderPredicate, spelled out.
          const a = [vote.peerEpoch, vote.zxid, vote.leader];
          const b = [why.over.peerEpoch, why.over.zxid, why.over.leader];
          const first = a.findIndex((value, i) => value !== b[i]);
          expect(a[first]).toBeGreaterThan(b[first]!);
          expect(why.decided).toBe(['epoch', 'zxid', 'sid'][first]);
        }
      }
    }
  }
  expect(changed).toBeGreaterThan(2);
});

test('every notification that was heard is there once, from its sending to its arrival', () => {
  for (const { matrix, beginIndex, endIndex } of real) {
    const heard = notes.filter(
      ({ code, index }) => code === 'election.vote.heard' && index >= beginIndex && index <= endIndex,
    );
    const arrived = matrix.heard.filter(({ effect }) => effect !== 'lost');
    expect(arrived).toHaveLength(heard.length);
    for (const { sentUs, arrivedUs, sentIndex, arrivedIndex } of arrived) {
      expect(sentUs).toBeLessThanOrEqual(arrivedUs);
      expect(sentIndex).toBeLessThanOrEqual(arrivedIndex);
    }
  }
});

test('a quorum is a majority, and the leader had one or found the others agreed', () => {
  for (const { matrix, outcome } of real) {
    for (const { support } of matrix.quorums) expect(support.length).toBeGreaterThanOrEqual(2);
    if (outcome.kind !== 'established') continue;
    const decision = matrix.decisions.findLast(({ server, role }) => server === outcome.leader && role === 'leading');
    expect(decision).toMatchObject({ leader: outcome.leader, atUs: outcome.electedUs });
  }
});

test('stages cover an election without gaps, and delays lie within it', () => {
  for (const { stages, delays, beginUs, endUs } of real) {
    expect(stages[0]!.beginUs).toBe(beginUs);
    expect(stages.at(-1)!.endUs).toBe(endUs);
    for (const [i, stage] of stages.entries()) if (i > 0) expect(stage.beginUs).toBe(stages[i - 1]!.endUs);
    for (const delay of delays) {
      expect(delay.beginUs).toBeGreaterThanOrEqual(beginUs);
      expect(delay.endUs).toBeLessThanOrEqual(endUs);
      expect(delay.us).toBe(delay.endUs - delay.beginUs);
      expect(delay.sentence).toMatch(/^[\d.]+ m?s of [\d.]+ m?s: /);
    }
    expect(delays.map(({ us }) => us)).toEqual(delays.map(({ us }) => us).toSorted((a, b) => b - a));
    // Most of the time is accounted for.
    const told = delays.reduce((sum, { us }) => sum + us, 0);
    expect(told).toBeGreaterThan((endUs - beginUs) * 0.8);
    // And none of it twice.
    expect(told).toBeLessThanOrEqual(endUs - beginUs);
  }
});

test('delays are said as a person would', () => {
  const said = real.flatMap(({ delays }) => delays.map(({ sentence }) => sentence.replace(/^.*?: /, '')));
  expect(said).toContain('nobody noticed that leader 3 lost power, until it came back itself');
  expect(
    said.some((text) =>
      /^server 2 waited for notifications from 1, with another vote; 3, which did not look yet$/.test(text),
    ),
  ).toBe(true);
  expect(said.some((text) => /server 2 collects the epochs of a quorum \(server 1 stood still\)$/.test(text))).toBe(
    true,
  );
});

test('voters are those of the configuration that was obeyed, not those of the schedule', async () => {
  const { expect: _, ...rolling } = findScenario('rolling-reconfig')!.schedule;
  const options = { ...rolling.options, clients: 1, duration: 3000 };
  const { model: changed } = await opened(bytesOf(traceOf({ ...rolling, options, ops: rolling.ops.slice(0, 2) }).text));
  const story = await changed.story();
  const obeyed = story.find(({ text: said }) => said.endsWith('obeys the configuration in which 1, 2, 3 and 4 vote'))!;
  expect(obeyed.timeUs).toBeGreaterThan(1_500_000);
  const all = await Promise.all((await changed.elections()).map(({ number }) => changed.election(number)));
  const votersOf = (isAfter: boolean): (readonly number[])[] =>
    all.flatMap((one) =>
      one?.kind === 'election' && one.beginUs >= obeyed.timeUs === isAfter ? [one.matrix.voters] : [],
    );
  expect(votersOf(false)).toEqual([[1, 2, 3]]);
  expect(votersOf(true)[0]).toEqual([1, 2, 3, 4]);
  // Of four, three are needed, so the votes of two were waited for.
  const waited = all.flatMap((one) => (one !== null && one.beginUs >= obeyed.timeUs ? one.matrix.waits : []));
  expect(Math.max(...waited.map(({ missing }) => missing.length))).toBe(3);
});

test('what decides between two votes', () => {
  const vote = (peerEpoch: number, zxid: number, leader: number) => ({ peerEpoch, zxid, leader });
  expect(decidingOf(vote(2, 5, 1), vote(1, 9, 3))).toBe('epoch');
  expect(decidingOf(vote(2, 5, 1), vote(2, 4, 3))).toBe('zxid');
  expect(decidingOf(vote(2, 5, 3), vote(2, 5, 1))).toBe('sid');
  expect(decidingOf(vote(2, 5, 3), vote(2, 5, 3))).toBe('equal');
  expect(decidingOf(vote(1, 5, 3), vote(2, 5, 3))).toBe('weight');
  expect(comparisonText(vote(2, 0x200000007, 1), vote(2, 0x200000003, 3))).toBe(
    'same epoch, zxid 0x200000007 is greater than 0x200000003',
  );
});

test('the story tells of elections, faults and their ends, in order', async () => {
  const story = await model.story();
  expect(story.map(({ timeUs }) => timeUs)).toEqual(story.map(({ timeUs }) => timeUs).toSorted((a, b) => a - b));
  const texts = story.map(({ text: said }) => said);
  expect(texts).toContain('an election begins: leader 3 lost power');
  expect(texts).toContain('leader 3 loses power for 900 ms');
  expect(texts).toContain('links 1-2 are cut');
  expect(texts).toContain('over: links 1-2 are cut');
  expect(texts).toContain('server 3 starts again');
  for (const { index } of story) expect(index).toBeLessThanOrEqual(info.events);
  for (const { kind, ref, text: said } of story)
    if (kind === 'leader' && said.includes('leads epoch')) expect(elections[ref - 1]!.sentence).toBe(said);
});

test('bands follow each other without gaps, and say what the status lines say', async () => {
  const picture = await model.picture();
  for (const { host, bands, zxids } of picture.servers) {
    expect(bands[0]!.beginUs).toBe(0);
    expect(bands.at(-1)!.endUs).toBe(picture.endUs);
    for (const [i, band] of bands.entries()) if (i > 0) expect(band.beginUs).toBe(bands[i - 1]!.endUs);
    const status = lines.filter((line) => line.type === 'status' && line.host === host);
    for (const line of status) {
      const band = bands.find(
        ({ beginIndex, detail }) =>
          detail === line.detail &&
          lines.find((other) => other.type === 'step' && other.id === line.event)!.index === beginIndex,
      );
      // Two in one microsecond leave one band.
      if (band !== undefined)
        expect(band).toMatchObject({
          state: line.phase,
          phase: line.zab,
          epoch: line.epoch,
          leader: line.leader,
          sync: line.sync,
        });
    }
    expect(zxids.count).toBe(lines.filter((line) => line.type === 'zxids' && line.host === host).length);
  }
  expect(picture.faults.map(({ op, kind }) => [op, kind])).toEqual([
    [1, 'power'],
    [2, 'cut'],
    [3, 'pause'],
  ]);
  expect(picture.cuts).toContainEqual({ beginUs: 1_800_000, endUs: 2_500_000, from: 1, to: 2, channel: null, op: 2 });
});

/** A trace as short as can be: states and notes of three servers at given times. */
async function tale(
  steps: readonly (readonly [
    t: number,
    host: number,
    what: object | string,
    ...notes: (readonly [string, object])[],
  ])[],
): Promise<TraceModel> {
  const said: object[] = [
    {
      type: 'header',
      format: 'vivarium-trace',
      version: 2,
      seed: '',
      commit: '',
      servers: 3,
      clients: 0,
      clientBase: 1000,
      epochMs: 0,
    },
  ];
  const common = {
    zab: 'election',
    epoch: 0,
    leader: null,
    readOnly: false,
    resync: false,
    detail: 'looking',
    sync: null,
  };
  for (const [i, [t, host, what, ...told]] of steps.entries()) {
    const id = i + 1;
    if (what === 'crash') said.push({ type: 'crash', event: id, t, host, kind: 'power', reason: 'power cut' });
    const effects = told.map(([code, fields]) => ({ type: 'note', code, fields }));
    said.push({
      type: 'step',
      id,
      index: id,
      cause: 0,
      t,
      kind: i < 3 ? 'boot' : 'timer',
      host,
      generation: 1,
      mono: 0,
      wall: 0,
      input: { type: 'tick' },
      effects,
    });
    if (typeof what === 'object')
      said.push({ type: 'status', event: id, t, host, phase: 'looking', ...common, ...what });
  }
  said.push({ type: 'verdict', verdict: 'ok', violations: [], hash: '', events: steps.length, stats: {} });
  return (await opened(bytesOf(said.map((line) => JSON.stringify(line)).join('\n')))).model;
}

test('one that is cut off and looks in vain begins no election, while the others have their leader', async () => {
  const follows = (epoch: number, leader: number): object => ({
    phase: 'following',
    zab: 'broadcast',
    epoch,
    leader,
    detail: 'serving',
  });
  const leads = (epoch: number, leader: number): object => ({
    ...follows(epoch, leader),
    phase: 'leading',
    detail: 'broadcast',
  });
  const start = (round: number): readonly [string, object] => [
    'election.round.start',
    { round, zxid: 1, peerEpoch: 1 },
  ];
  const elected = (leader: number, round: number, state: string): readonly [string, object] => [
    'election.leader.elected',
    { leader, round, zxid: 1, peerEpoch: 1, state },
  ];
  const model = await tale([
    [0, 1, {}, start(1)],
    [0, 2, {}, start(1)],
    [0, 3, {}, start(1)],
    [100_000, 1, follows(1, 3), elected(3, 1, 'following')],
    [100_000, 2, follows(1, 3), elected(3, 1, 'following')],
    [110_000, 3, leads(1, 3), elected(3, 1, 'leading'), ['zab.established', { epoch: 1, zxid: 0 }]],
    [2_000_000, 1, {}, ['zab.learner.lost', { reason: 'silence' }], start(2)],
    [5_000_000, 3, 'crash'],
    [5_500_000, 2, {}, start(2)],
    [6_000_000, 2, leads(2, 2), elected(2, 2, 'leading'), ['zab.established', { epoch: 2, zxid: 1 }]],
    [6_000_100, 1, follows(2, 2), elected(2, 2, 'following')],
    [8_000_000, 1, {}, ['zab.learner.lost', { reason: 'silence' }], start(3)],
    [9_000_000, 2, leads(2, 2)],
  ]);
  const told = await model.elections();
  expect(told.map(({ kind, beginUs, endUs, trigger }) => ({ kind, beginUs, endUs, trigger }))).toEqual([
    { kind: 'election', beginUs: 0, endUs: 110_000, trigger: 'the servers start' },
    { kind: 'election', beginUs: 5_000_000, endUs: 6_000_000, trigger: 'leader 3 lost power' },
    { kind: 'election', beginUs: 8_000_000, endUs: 9_000_000, trigger: 'server 1 lost leader 2: silence' },
  ]);
  // Two of three followed the second leader until then; without the first of them it has no quorum.
  expect(told[1]!.participants).toEqual([1, 2]);
  expect(told[2]!.outcome).toEqual({ kind: 'open' });
});
