/**
 * What makes quorums quorums: any two of one configuration share a participant, and more servers never undo one. For
 * majorities and for hierarchies with any weights.
 */

import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import {
  formatMembership,
  hasQuorum,
  makeMembership,
  parseMembership,
  sameServers,
} from '../../core/config/membership.ts';
import type { Membership, ServerSpec } from '../../core/config/types.ts';
import { asPeer, asZxid, type PeerId } from '../../core/types.ts';

interface Drawn {
  readonly role: 'participant' | 'observer';
  readonly group: number;
  readonly weight: number;
}

const drawn: fc.Arbitrary<readonly Drawn[]> = fc.array(
  fc.record({
    role: fc.constantFrom('participant' as const, 'participant' as const, 'observer' as const),
    group: fc.integer({ min: 1, max: 4 }),
    weight: fc.constantFrom(0, 1, 1, 2, 3),
  }),
  { minLength: 1, maxLength: 10 },
);

const serversOf = (list: readonly Drawn[]): ServerSpec[] =>
  list.map(({ role }, i) => ({
    id: asPeer(i + 1),
    addresses: [{ host: `10.0.0.${i + 1}`, quorumPort: 2888, electionPort: 3888 }],
    role,
    client: i % 2 === 0 ? null : { host: '0.0.0.0', port: 2181 },
    secureClient: i % 3 === 0 ? { host: '::1', port: 2281 } : null,
  }));

const majority = (list: readonly Drawn[]): Membership =>
  makeMembership({ version: asZxid(7), servers: serversOf(list), groups: null, weights: [] });

/** Observers belong to groups too when they have a weight, as Java allows. */
const hierarchy = (list: readonly Drawn[]): Membership =>
  makeMembership({
    version: asZxid(7),
    servers: serversOf(list),
    groups: [1, 2, 3, 4]
      .map((id) => ({ id, members: list.flatMap(({ group }, i) => (group === id ? [asPeer(i + 1)] : [])) }))
      .filter(({ members }) => members.length > 0),
    weights: list.map(({ weight }, i) => ({ id: asPeer(i + 1), weight })),
  });

const sets: fc.Arbitrary<PeerId[]> = fc.uniqueArray(fc.integer({ min: 1, max: 12 })).map((list) => list.map(asPeer));

describe.each([
  ['majority', majority],
  ['hierarchical', hierarchy],
])('%s quorums', (_name, make) => {
  test.prop([drawn, sets, sets], { numRuns: 2000 })('share a participant', (list, a, b) => {
    const m = make(list);
    if (!hasQuorum(m, a) || !hasQuorum(m, b)) return;
    expect(a.some((id) => b.includes(id) && list[id - 1]?.role === 'participant')).toBe(true);
  });

  test.prop([drawn, sets, sets])('grow', (list, a, more) => {
    const m = make(list);
    if (hasQuorum(m, a)) expect(hasQuorum(m, [...a, ...more])).toBe(true);
  });

  test.prop([drawn, sets])('do not depend on anybody who is no participant', (list, a) => {
    const m = make(list);
    expect(hasQuorum(m, a)).toBe(
      hasQuorum(
        m,
        a.filter((id) => list[id - 1]?.role === 'participant'),
      ),
    );
  });

  test.prop([drawn])('survive being written and read', (list) => {
    const m = make(list);
    const parsed = parseMembership(formatMembership(m));
    expect(parsed).toEqual({ ok: true, membership: m });
    expect(sameServers(m, m)).toBe(true);
  });
});

describe('any text', () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('server.1', 'group.1', 'weight.1', 'version').chain((key) => fc.string().map((s) => `${key}=${s}`)),
    fc
      .array(fc.constantFrom('h', ':', '1', '2888', '[', ']', '|', ';', 'observer', '0', ' ', '\\'), { maxLength: 12 })
      .map((parts) => `server.1=${parts.join('')}`),
  );

  test.prop([fc.array(line)], { numRuns: 2000 })(
    'is read without an exception, and what is accepted is stable',
    (lines) => {
      const first = parseMembership(lines.join('\n'));
      if (!first.ok) return;
      expect(parseMembership(formatMembership(first.membership))).toEqual(first);
    },
  );
});
