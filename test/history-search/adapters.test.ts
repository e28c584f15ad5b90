/** Histories as others write them, and what is said about lines that are not. */

import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { EdnError, readEdn, readEdnAll } from '../../sim/checkers/history/adapters/edn.ts';
import { readHistory, toHistoryLines } from '../../sim/checkers/history/adapters/formats.ts';
import { znodeOperations } from '../../sim/checkers/history/adapters/zookeeper.ts';
import type { HistoryRecord } from '../../sim/checkers/history/record.ts';
import { checkHistory } from '../../sim/checkers/history/search/check.ts';
import { modelOf } from '../../sim/checkers/history/search/models.ts';
import { nameOf, type Operation, type Plain, plainOfName } from '../../sim/checkers/history/search/operation.ts';
import { run } from '../../sim/runner.ts';
import { generate, type Profile } from '../../sim/swarm.ts';

const LOG = [
  'INFO  jepsen.core - Running test: register',
  'INFO  jepsen.util - 0\t:invoke\t:read\tnil',
  'INFO  jepsen.util - 3\t:invoke\t:cas\t[1 2]',
  'INFO  jepsen.util - :nemesis\t:info\t:start\tnil',
  'INFO  jepsen.util - 0\t:ok\t:read\tnil',
  'INFO  jepsen.util - 3\t:fail\t:cas\t[1 2]',
  'INFO  jepsen.util - 1\t:invoke\t:write\t4',
  'INFO  jepsen.util - 1\t:info\t:write\t:timed-out',
  'INFO  jepsen.util - 0\t:invoke\t:read\tnil',
  'INFO  jepsen.util - 0\t:fail\t:read\t:timed-out',
];

describe('a log of Jepsen', () => {
  test('is told by its lines', () => {
    const { format, operations } = readHistory(LOG.join('\n'));
    expect(format).toBe('jepsen');
    expect(
      operations.map(({ process, f, value, outcome, result, error }) => [process, f, value, outcome, result, error]),
    ).toEqual([
      ['0', 'read', null, 'ok', null, null],
      ['3', 'cas', [1, 2], 'fail', [1, 2], null],
      ['1', 'write', 4, 'info', null, 'timed-out'],
      ['0', 'read', null, 'fail', null, 'timed-out'],
    ]);
    expect(checkHistory(modelOf('cas-register'), operations).status).toBe('ok');
  });

  test('a refused compare-and-set tells something, one that timed out does not', () => {
    const told = (value: string): string =>
      [
        'INFO  jepsen.util - 1 :invoke :write 1',
        'INFO  jepsen.util - 1 :ok :write 1',
        'INFO  jepsen.util - 3 :invoke :cas [1 2]',
        `INFO  jepsen.util - 3 :fail :cas ${value}`,
      ].join('\n');
    expect(checkHistory(modelOf('cas-register'), readHistory(told('[1 2]')).operations).status).toBe('violation');
    expect(checkHistory(modelOf('cas-register'), readHistory(told(':timed-out')).operations).status).toBe('ok');
  });

  test('a keyword that was read is a value; of what failed it is a reason, unless it was asked for', () => {
    const log = [
      ['0 :invoke :read nil', '0 :ok :read :red'],
      ['1 :invoke :write :red', '1 :fail :write :red'],
      ['2 :invoke :write :red', '2 :info :write :timed-out'],
    ];
    const { operations } = readHistory(
      log
        .flat()
        .map((line) => `INFO  jepsen.util - ${line}`)
        .join('\n'),
    );
    expect(operations.map(({ value, outcome, result, error }) => [value, outcome, result, error])).toEqual([
      [null, 'ok', ':red', null],
      [':red', 'fail', ':red', null],
      [':red', 'info', null, 'timed-out'],
    ]);
  });

  test.each([
    ['INFO  jepsen.util - 0 :done :read nil', 'line 2: not an operation'],
    ['INFO  jepsen.util - x :ok :read nil', 'line 2: x is no process'],
    ['INFO  jepsen.util - 0 :ok :read [1', 'line 2: [ has no end (column 3)'],
    ['INFO  jepsen.util - 0 :ok :read 1 2 3', 'line 2: more than a value and a reason: 1 2 3'],
    ['INFO  jepsen.util - 7 :ok :read 1', 'line 2: process 7 is answered and had not asked'],
    ['INFO  jepsen.util - 0 :ok :write 1', 'line 2: process 0 asked read and is answered write'],
    ['INFO  jepsen.util - 0 :invoke :read nil', 'line 2: process 0 invokes read while read is open'],
  ])('%s is one clear error', (line, message) => {
    expect(() => readHistory(`INFO  jepsen.util - 0 :invoke :read nil\n${line}`)).toThrow(message);
  });
});

describe('maps', () => {
  const edn = [
    '{:process 3, :type :invoke, :f :append, :key "1", :value "x"}',
    '{:process 4, :type :invoke, :f :get, :key "1", :value nil}',
    '{:process 3, :type :ok, :f :append, :key "1", :value "x"}',
    '{:process 4, :type :ok, :f :get, :key "1", :value "x"}',
    '{:process 3, :type :invoke, :f :put, :key "2", :value "y"}',
  ].join('\n');

  test('of EDN', () => {
    const { format, operations } = readHistory(edn);
    expect(format).toBe('edn');
    expect(operations.map(({ f, key, outcome, result }) => [f, key, outcome, result])).toEqual([
      ['append', '"1"', 'ok', 'x'],
      ['get', '"1"', 'ok', 'x'],
      ['put', '"2"', 'info', null],
    ]);
    const result = checkHistory(modelOf('kv'), operations);
    expect(result).toMatchObject({ status: 'ok', partCount: 2 });
  });

  test('of JSON, and back', () => {
    const { operations } = readHistory(edn);
    const lines = [...toHistoryLines(operations)].join('');
    const again = readHistory(lines);
    expect(again.format).toBe('jsonl');
    expect(again.operations).toEqual(operations);
  });

  test('with keys in their values', () => {
    const lines = '{:process 0 :type :invoke :f :write :value [7 1]}\n{:process 0 :type :ok :f :write :value [7 1]}';
    expect(readHistory(lines, { keyed: true }).operations[0]).toMatchObject({ key: '7', value: 1, result: 1 });
    expect(() => readHistory('{:process 0 :type :invoke :f :write :value 1}', { keyed: true })).toThrow(
      'line 1: the value is not [key value]',
    );
  });

  test('of other shapes', () => {
    const first = [{ process: '0', f: 'read', outcome: 'ok', result: 1 }];
    const edn = ['{:process 0, :type :invoke, :f :read, :value nil}', '{:process 0, :type :ok, :f :read, :value 1}'];
    const tagged = edn.map((map) => `#jepsen.history.Op${map}`);
    const json = ['{ "process" : 0, "type": "invoke", "f": "read"}', '{"process":0,"type":"ok","f":"read","value":1}'];
    const shapes: [string, string][] = [
      ['edn', edn.join('\n')],
      ['edn', tagged.join('\n')],
      ['edn', `[${edn.join(',\n ')}]`],
      ['edn', `[\n${tagged.join('\n')}\n]\n`],
      ['edn', `; a comment\n\n[${tagged.join(' ')}] ; and another`],
      ['edn', `(${edn.join('')})`],
      ['edn', edn.join('\n').replaceAll(', ', '\n')],
      ['jsonl', json.join('\n')],
      ['jsonl', `[${json.join(',\n')}]`],
      ['jsonl', `[\n  ${json.join(',\n  ')}\n]\n`],
    ];
    for (const [format, text] of shapes) {
      const read = readHistory(text);
      expect([text, read.format]).toEqual([text, format]);
      expect(read.operations).toMatchObject(first);
    }
  });

  test('of EDN name the line, wherever in the file it is', () => {
    const good = '{:process 0 :type :invoke :f :read}';
    expect(() => readHistory(`[${good}\n\n {:process 0 :type :ok :f}]`)).toThrow(
      'line 3: a map has a name without a value (column 27)',
    );
    expect(() => readHistory(`[${good}\n{:process 1 :type :begin :f :read}]`)).toThrow('line 2: type is "begin"');
    expect(() => readHistory(`[${good}`)).toThrow('line 1: [ has no end');
  });

  test('two keys are two keys, and two values two values', () => {
    const texts = [
      '1',
      '"1"',
      ':a',
      '"a"',
      'a',
      '":a"',
      '\\a',
      '"\\\\a"',
      'nil',
      '"nil"',
      '[1]',
      '"[1]"',
      '"\\"a\\""',
      '{:a 1}',
      '{"a" 1}',
      '{1 1}',
      '{"1" 1}',
    ];
    const lines = texts.map(
      (text, process) => `{:process ${process} :type :invoke :f :write :key ${text} :value ${text}}`,
    );
    const { operations } = readHistory(lines.join('\n'));
    const others = operations.filter(({ key }) => key !== null);
    expect(new Set(others.map(({ key }) => key)).size).toBe(texts.length - 1);
    expect(new Set(operations.map(({ value }) => JSON.stringify(value))).size).toBe(texts.length);
  });

  property.prop([fc.jsonValue()])('every value has a name of its own, which gives it back', (value) => {
    expect(plainOfName(nameOf(value as Plain))).toEqual(JSON.parse(JSON.stringify(value)));
  });

  test.each([
    ['', 'it is empty'],
    ['hello', 'line 1: neither JSON lines, nor EDN maps, nor a log of Jepsen'],
    ['{"process":1,"type":"invoke"}', 'line 1: there is no operation (f)'],
    ['{"process":1,"type":"begin","f":"read"}', 'line 1: type is "begin", not invoke, ok, fail or info'],
    ['{"type":"invoke","f":"read"}', 'line 1: there is no process'],
    ['{"process":1,"type":"invoke","f":"read"}\n{"process"', 'line 2: '],
    ['{:process 1 :type :invoke :f}', 'line 1: a map has a name without a value'],
  ])('%j is one clear error', (text, message) => {
    expect(() => readHistory(text)).toThrow(message);
  });
});

describe('EDN', () => {
  test.each([
    ['nil', null],
    ['true', true],
    ['-12', -12],
    ['1.5e3', 1500],
    ['9007199254740993', '9007199254740993'],
    [':a/b', ':a/b'],
    ['sym', "'sym"],
    ['":a/b"', '":a/b"'],
    ['"9007199254740993"', '"9007199254740993"'],
    ['"a\\n\\"\\u00e9"', 'a\n"é'],
    ['\\newline', '\\\n'],
    ['\\x', '\\x'],
    ['#{3 1 2}', [1, 2, 3]],
    ['[1, (2 3) #{4}] ; rest', [1, [2, 3], [4]]],
    ['{:a 1 "b" {2 #_3 nil}}', { ':a': 1, b: { '2': null } }],
    ['#inst "2026-01-01"', '2026-01-01'],
  ])('%s', (text, value) => {
    expect(readEdn(text)).toEqual(value);
  });

  test.each(['', '[1', ']', '"a', '{:a}', '1 2', '"\\q"', '#', `${'['.repeat(300)}`])('%j is an error', (text) => {
    expect(() => readEdn(text)).toThrow(EdnError);
  });

  test('several values', () => {
    expect(readEdnAll('[1 2] :timed-out')).toEqual([[1, 2], ':timed-out']);
  });
});

describe('what the simulator records', () => {
  const at = { client: 1, atUs: 0 };
  const stat = { version: 1 } as never;
  const data = new Uint8Array([120]);
  const invoke = (id: number, call: object): HistoryRecord => ({ ...at, type: 'invoke', id, call: call as never });
  const answer = (id: number, rest: object): HistoryRecord =>
    ({ ...at, type: 'ok', id, session: 5n, err: 0, zxid: 9, body: null, ...rest }) as HistoryRecord;

  test('writes, and reads after a sync of the same session', () => {
    const operations = znodeOperations([
      invoke(1, { kind: 'getData', path: '/a', watch: false }),
      answer(1, { body: { kind: 'getData', data, stat } }),
      invoke(2, { kind: 'sync', path: '/' }),
      answer(2, { body: { kind: 'sync', path: '/' } }),
      invoke(3, { kind: 'getData', path: '/a', watch: false }),
      answer(3, { body: { kind: 'getData', data, stat } }),
      invoke(4, { kind: 'setData', path: '/a', data, version: 1 }),
      answer(4, { type: 'fail', err: -103 }),
      invoke(5, { kind: 'getData', path: '/a', watch: false }),
      answer(5, { session: 6n, body: { kind: 'getData', data, stat } }),
      invoke(6, { kind: 'delete', path: '/a', version: -1 }),
    ]);
    expect(operations.map(({ f, outcome, result }) => [f, outcome, result])).toEqual([
      ['getData', 'ok', ['x', 1]],
      ['setData', 'ok', { error: 'BADVERSION' }],
      ['delete', 'info', null],
    ]);
    // The read reaches back to its sync.
    expect(operations[0]!.invokedAt).toBe(0);
  });

  test('nodes that go away by themselves are left out', () => {
    const create = (path: string, flags: number): object => ({ kind: 'create', path, data, acl: [], flags });
    const operations = znodeOperations([
      invoke(1, create('/live', 1)),
      answer(1, { body: { kind: 'create', path: '/live' } }),
      invoke(2, create('/q/s-', 2)),
      invoke(3, create('/q/s-', 2)),
      answer(3, { body: { kind: 'create', path: '/q/s-0000000001' } }),
      invoke(4, create('/stays', 0)),
      answer(4, { body: { kind: 'create', path: '/stays' } }),
    ]);
    expect(operations.map(({ key }) => key)).toEqual(['/stays']);
  });
});

describe('a history that is written', () => {
  /** What positions say is which end comes before which. */
  const shapeOf = (operations: readonly Operation[]): object[] => {
    const ends = operations.flatMap(({ invokedAt, respondedAt }) => [invokedAt, respondedAt]);
    const order = new Map([...new Set(ends)].sort((a, b) => a - b).map((at, index) => [at, index]));
    return operations.map((operation) => ({
      ...operation,
      invokedAt: order.get(operation.invokedAt),
      respondedAt: operation.outcome === 'info' ? null : order.get(operation.respondedAt),
    }));
  };
  const again = (operations: readonly Operation[]): readonly Operation[] =>
    readHistory([...toHistoryLines(operations)].join('')).operations;

  const event = fc.record({
    process: fc.nat(3),
    type: fc.constantFrom('ok', 'fail', 'info'),
    key: fc.constantFrom(null, 1, '1', 'k', 'null', ':k'),
    value: fc.constantFrom(null, 1, '1', 'x', [1, '2']),
    error: fc.constantFrom(null, 'timed-out'),
  });
  property.prop([fc.array(event, { minLength: 1, maxLength: 40 })])('is read back whole', (events) => {
    const open = new Map<number, object>();
    const lines: string[] = [];
    for (const { process, type, key, value, error } of events) {
      const asked = open.get(process);
      const about = { process, f: 'put', ...(key === null ? {} : { key }) };
      if (asked === undefined) {
        open.set(process, about);
        lines.push(JSON.stringify({ ...about, type: 'invoke', value }));
      } else {
        open.delete(process);
        lines.push(JSON.stringify({ ...asked, type, value, ...(error === null ? {} : { error }) }));
      }
    }
    const { operations } = readHistory(lines.join('\n'));
    expect(shapeOf(again(operations))).toEqual(shapeOf(operations));
  });

  test.each<[Profile, number]>([
    ['default', 1],
    ['limits', 1],
  ])('is that of a run of the simulator (%s, seed %i), which is linearizable', (profile, seed) => {
    const schedule = generate({ seed: String(seed), profile, commit: 'test', options: {} });
    const { history } = run(schedule, { keepHistory: true });
    const operations = znodeOperations(history);
    expect(operations.length).toBeGreaterThan(20);
    expect(shapeOf(again(operations))).toEqual(shapeOf(operations));
    expect(checkHistory(modelOf('znode'), operations).status).toBe('ok');
    // Each process waits for its answer, and is not heard of when it got none.
    for (const { process, invokedAt, id } of operations)
      for (const before of operations.slice(0, id))
        if (before.process === process) expect(before.respondedAt).toBeLessThan(invokedAt);
  });
});

describe('a znode', () => {
  const at = (position: number) => ({ invokedAt: position, respondedAt: position + 1 });
  const base = { process: 'p', key: '/a', outcome: 'ok', error: null } as const;
  const judge = (...ops: readonly Pick<Operation, 'f' | 'value' | 'result'>[]): string =>
    checkHistory(
      modelOf('znode'),
      ops.map((op, id) => ({ ...base, ...op, id, ...at(2 * id) })),
    ).status;
  const given = (version: number) => ({ f: 'given', value: ['x', version], result: null }) as const;
  const set = (asked: number, told: number) => ({ f: 'setData', value: ['y', asked], result: told }) as const;

  test('counts on from the version that was given, around the end and past -1', () => {
    expect(judge(given(2_147_483_646), set(-1, 2_147_483_647), set(2_147_483_647, -2_147_483_648))).toBe('ok');
    expect(judge(given(-3), set(-3, -2), set(-2, 0), { f: 'getData', value: null, result: ['y', 0] })).toBe('ok');
    expect(judge(given(-2), set(-2, -1))).toBe('violation');
    expect(judge(given(7), set(-1, 9))).toBe('violation');
  });

  test('that was given is there, whatever its version', () => {
    expect(judge(given(-5), { f: 'exists', value: null, result: { error: 'NONODE' } })).toBe('violation');
    expect(judge(given(-5), { f: 'create', value: 'x', result: { error: 'NODEEXISTS' } })).toBe('ok');
    expect(judge(given(-5), { f: 'create', value: 'x', result: null })).toBe('violation');
  });
});
