import { describe, expect, test } from 'vitest';
import { checkSchedule, formatSchedule, OPS, parseSchedule, type Schedule } from '../../../sim/schedule.ts';
import { generate } from '../../../sim/swarm.ts';

const drawn = (seed: string): Schedule => generate({ seed, profile: 'default', commit: 'abc', options: {} });

describe('a schedule', () => {
  test('survives writing and reading', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const schedule = drawn(String(seed));
      expect(parseSchedule(formatSchedule(schedule))).toEqual({ ok: true, value: schedule });
    }
  });

  test('is drawn from its seed alone', () => {
    expect(drawn('42')).toEqual(drawn('42'));
    expect(drawn('42')).not.toEqual(drawn('43'));
  });

  test('stays a schedule when operations are taken out', () => {
    const schedule = drawn('7');
    const fewer = { ...schedule, ops: schedule.ops.filter((_op, index) => index % 2 === 0) };
    expect(parseSchedule(formatSchedule(fewer)).ok).toBe(true);
  });

  test('may leave out everything that has a default', () => {
    const parsed = checkSchedule({ format: 1 });
    expect(parsed).toMatchObject({ ok: true, value: { seed: '0', ops: [], options: { nodes: 5 } } });
  });

  test('keeps operations that this version does not know, for the run to skip', () => {
    expect(checkSchedule({ format: 1, ops: [{ id: 1, at: 0, do: 'timeTravel' }] }).ok).toBe(true);
  });

  test.each<[string, unknown]>([
    ['a schedule is a JSON object', []],
    ['format is 2; this version reads 1', { format: 2 }],
    ['schedule: unknown key "speed"', { format: 1, speed: 3 }],
    ['seed is 42, not a text', { format: 1, seed: 42 }],
    ['options: unknown key "node"', { format: 1, options: { node: 3 } }],
    ['options.nodes is 0, not a whole number from 1 to 15', { format: 1, options: { nodes: 0 } }],
    ['options.tls is 1, not true or false', { format: 1, options: { tls: 1 } }],
    ['options.settings: unknown setting "myid"', { format: 1, options: { settings: { myid: 3 } } }],
    [
      'options.settings: snapCount is "many", not a number',
      { format: 1, options: { settings: { snapCount: 'many' } } },
    ],
    ['swarm: unknown key "network.noise"', { format: 1, swarm: { 'network.noise': 1 } }],
    ['swarm.disk.fsync is -1, not a number from 0', { format: 1, swarm: { 'disk.fsync': -1 } }],
    ['op 1: needs exactly one of at, after and nth', { format: 1, ops: [{ id: 1, do: 'crash', node: 1 }] }],
    ['op 1: at is -5, not milliseconds from 0', { format: 1, ops: [{ id: 1, at: -5, do: 'crash', node: 1 }] }],
    ['op 1: says not what to do', { format: 1, ops: [{ id: 1, at: 0 }] }],
    ['op 1: do crash: node is missing', { format: 1, ops: [{ id: 1, at: 0, do: 'crash' }] }],
    ['op 1: node is "boss", not a server', { format: 1, ops: [{ id: 1, at: 0, do: 'crash', node: 'boss' }] }],
    ['op 1: do crash: unknown key "links"', { format: 1, ops: [{ id: 1, at: 0, do: 'crash', node: 1, links: [] }] }],
    [
      'op 1: the id is used twice',
      {
        format: 1,
        ops: [
          { id: 1, at: 0, do: 'ring' },
          { id: 1, at: 0, do: 'ring' },
        ],
      },
    ],
    [
      'op 1: links is ["1=2"], not a list of links such as "1>2" or "1-2"',
      { format: 1, ops: [{ id: 1, at: 0, do: 'cut', links: ['1=2'] }] },
    ],
    [
      'op 1: after is "soon", not "op:N" or a note such as "zab.established#2"',
      { format: 1, ops: [{ id: 1, after: 'soon', do: 'ring' }] },
    ],
    ['op 1: link is "x", not like "1>2"', { format: 1, ops: [{ id: 1, nth: 1, link: 'x', kind: 'ACK', do: 'ring' }] }],
    ['expect.verdict is "fine", not one of ok, safety, liveness, crash', { format: 1, expect: { verdict: 'fine' } }],
  ])('%s', (problem, json) => {
    expect(checkSchedule(json)).toEqual({ ok: false, problems: [problem] });
  });

  test('names every problem, not only the first', () => {
    const parsed = checkSchedule({ format: 1, seed: 1, swarm: { x: 1 }, ops: [{ id: 'a' }] });
    expect(parsed.ok ? [] : parsed.problems).toHaveLength(5);
  });

  test('text that is not JSON is one problem', () => {
    const parsed = parseSchedule('{');
    expect(parsed.ok ? [] : parsed.problems[0]).toMatch(/^not JSON: /);
  });
});

describe('the swarm', () => {
  test('draws every kind of operation that it may draw', () => {
    const kinds = new Set<string>();
    for (let seed = 1; seed <= 400; seed++) for (const op of drawn(String(seed)).ops) kinds.add(op.do);
    const scripted = ['clientWrite', 'clientRead', 'clientDelete', 'heal', 'start', 'unordered'];
    const beyond = ['backup', 'restore', 'lyingFsync', 'tornWrites'];
    const special = ['outside', 'blackhole', 'knock'];
    const expected = Object.keys(OPS).filter((kind) => ![...scripted, ...beyond, ...special].includes(kind));
    expect(expected.filter((kind) => !kinds.has(kind))).toEqual([]);
  });

  test('is calm now and then, and on demand', () => {
    const calm = Array.from({ length: 320 }, (_, index) => drawn(String(index))).filter(({ ops }) => ops.length === 0);
    expect(calm.length).toBeGreaterThan(5);
    expect(generate({ seed: '1', profile: 'calm', commit: '', options: {} }).ops).toEqual([]);
  });

  test('keeps what the caller insists on', () => {
    const { options } = generate({ seed: '1', profile: 'swarm', commit: '', options: { nodes: 3, clients: 9 } });
    expect(options).toMatchObject({ nodes: 3, clients: 9 });
  });
});
