/** `npm run check`: words in, lines and an exit code out. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT, main } from '../../sim/cli/check.ts';

const GOOD = [
  '{"process":1,"type":"invoke","f":"write","value":1}',
  '{"process":1,"type":"ok","f":"write"}',
  '{"process":2,"type":"invoke","f":"read"}',
  '{"process":2,"type":"ok","f":"read","value":1}',
].join('\n');
const BAD = `${GOOD}\n{"process":2,"type":"invoke","f":"read"}\n{"process":2,"type":"ok","f":"read","value":null}`;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'check-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

async function run(text: string, ...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await main(argv, {
    out: (more) => {
      out += more;
    },
    err: (more) => {
      err += more;
    },
    read: () => text,
  });
  return { code, out, err };
}

describe('exit codes', () => {
  test('linearizable', async () => {
    const { code, out } = await run(GOOD, 'h.jsonl', '--spec', 'register');
    expect(code).toBe(EXIT.ok);
    expect(out).toContain('verdict    LINEARIZABLE');
  });

  test('not linearizable, and told why', async () => {
    const { code, out } = await run(
      BAD,
      'h.jsonl',
      '--spec=register',
      '--no-patterns',
      '--origin',
      'npm run sim -- --seed 7',
    );
    expect(code).toBe(EXIT.violation);
    expect(out).toContain(
      'no order explains #2 read by 2 -> null together with #1 read by 2 -> 1 (#1 ended before #2 began)',
    );
    expect(out).toMatch(/2 +╞#1 read -> 1╡ +╞#2 read -> null╡✗/);
    expect(out).toContain('in time    #1 before #2');
    expect(out).toContain('states     1: #2 read by 2 -> null is not legal there');
    expect(out).toContain('order      longest prefix with an order: 2 operations: #0 1 → #1 1');
    expect(out).toContain('replay     npm run sim -- --seed 7');
  });

  test('which layer has decided', async () => {
    expect((await run(GOOD, 'h', '--spec', 'register')).out).toContain(
      'layer      one pass over the history, no search',
    );
    const bad = await run(BAD, 'h', '--spec', 'register', '--budget', '1');
    expect(bad.code).toBe(EXIT.violation);
    expect(bad.out).toContain(
      'layer      one pass over the history: lost-write (#0, #2, #1), which the search bears out',
    );
    expect(bad.out).toContain('no order explains #2 read by 2 -> null together with #1 read by 2 -> 1');
    const twice = GOOD.replace('"f":"read"}', '"f":"write","value":1}').replace(
      '"f":"read","value":1}',
      '"f":"write"}',
    );
    expect((await run(twice, 'h', '--spec', 'register')).out).toContain('layer      search: values are written twice');
    expect((await run(GOOD, 'h', '--spec', 'register', '--no-patterns')).out).not.toContain('layer');
  });

  test('unknown', async () => {
    const { code, out } = await run(BAD, 'h', '--spec', 'register', '--no-patterns', '--budget', '1');
    expect(code).toBe(EXIT.unknown);
    expect(out).toContain('verdict    UNKNOWN');
    expect(out).toContain('the history: out of steps at answer');
  });

  test('not a history', async () => {
    expect(await run('{"process":1}', 'h', '--spec', 'kv')).toEqual({
      code: EXIT.input,
      out: '',
      err: 'check: h: line 1: type is null, not invoke, ok, fail or info\n',
    });
    expect(await run(GOOD, 'h', '--spec', 'queue')).toMatchObject({ code: EXIT.input });
  });
});

test.each([
  [[], 'which file? (--help says more)'],
  [['a'], '--spec is missing'],
  [['a', 'b', '--spec', 'kv'], 'one file at a time: a and b'],
  [['a', '--spec', 'nonsense'], '--spec is nonsense, neither one of register,'],
  [['a', '--spec', './no-such-model.mjs'], 'cannot load ./no-such-model.mjs'],
  [['a', '--spec'], '--spec needs NAME|FILE'],
  [['a', '--bogus'], 'unknown flag --bogus'],
  [['a', '--toString'], 'unknown flag --toString'],
  [['a', '--spec', 'kv', '--spec', 'kv'], '--spec is given twice'],
  [['a', '--spec', 'kv', '--budget', '0'], '--budget is 0, not a whole number from 1'],
  [['a', '--spec', 'kv', '--budget', '1e9'], '--budget is 1e9'],
  [['a', '--spec', 'kv', '--format', 'xml'], '--format is xml, not one of jsonl'],
  [['a', '--spec', 'kv', '--json=yes'], '--json takes no value'],
  [['a', '--spec', 'register', '--initial', '{'], '--initial is {, which is not JSON'],
  [['a', '--differential', '5'], '--differential makes its own histories'],
  [['a', '--spec', 'kv', '--seed', '5'], '--seed is for --differential'],
])('%j is wrong usage', async (argv, message) => {
  const { code, out, err } = await run(GOOD, ...argv);
  expect({ code, out }).toEqual({ code: EXIT.usage, out: '' });
  expect(err).toContain(`check: ${message}`);
  expect(err.trimEnd().split('\n')).toHaveLength(1);
});

test('--help names every flag', async () => {
  const { code, out } = await run('', '--help');
  expect(code).toBe(0);
  for (const flag of ['--spec', '--budget', '--format', '--json', '--svg', '--view', '--shrunk', '--differential']) {
    expect(out).toContain(flag);
  }
});

test('--json, --svg, --view and --shrunk', async () => {
  const [svg, view, shrunk] = ['c.svg', 'c.json', 'c.jsonl'].map((name) => join(dir, name)) as [string, string, string];
  const files = ['--svg', svg, '--view', view, '--shrunk', shrunk];
  const { out, code } = await run(BAD, 'h', '--spec', 'register', '--json', ...files);
  expect(code).toBe(EXIT.violation);
  expect(JSON.parse(out)).toMatchObject({ status: 'violation', violation: { core: [1, 2], blocked: 2 } });
  expect(readFileSync(svg, 'utf8')).toMatch(/^<svg [\s\S]*class="core blocked"[\s\S]*<\/svg>\n$/);
  expect(JSON.parse(readFileSync(view, 'utf8'))).toMatchObject({ format: 'vivarium-search', blockedAt: 5 });
  const again = await run(readFileSync(shrunk, 'utf8'), 'h', '--spec', 'register');
  expect(again.code).toBe(EXIT.violation);
  expect(again.out).toContain('2 operations');
});

test('a model from a file', async () => {
  const path = join(dir, 'counter.ts');
  writeFileSync(
    path,
    `const counter = {
      name: 'counter', says: 'counts', operations: ['add', 'total'],
      init: () => ({ n: 0 }),
      step: ({ n }: { n: number }, op: { f: string; value: number; result: number }) =>
        op.f === 'add' ? { n: n + op.value } : op.result === n ? { n } : null,
      keyOf: ({ n }: { n: number }) => n, describe: ({ n }: { n: number }) => String(n),
    };
    export default counter;`,
  );
  const text = [
    '{"process":1,"type":"invoke","f":"add","value":2}',
    '{"process":1,"type":"ok","f":"add"}',
    '{"process":1,"type":"invoke","f":"total"}',
    '{"process":1,"type":"ok","f":"total","value":3}',
  ].join('\n');
  expect(await run(text, 'h', '--spec', path)).toMatchObject({ code: EXIT.violation });
  expect(await run(text.replace('"value":3', '"value":2'), 'h', '--spec', path)).toMatchObject({ code: EXIT.ok });
  writeFileSync(path, 'export default { name: 1 };');
  expect((await run(text, 'h', '--spec', path)).err).toContain('is no model: it has no operations, init');
});

test('--differential', async () => {
  const { code, out } = await run('', '--differential', '50', '--seed', 'a');
  expect(code).toBe(0);
  expect(out).toContain('50 histories of seed a');
});
