import { describe, expect, test } from 'vitest';
import { type Zxid, zxidOf } from '../../../core/types.ts';
import type { PropertyId } from '../../../sim/checkers/properties.ts';
import { checkSpec, type SpecServer, type SpecState } from '../../../sim/checkers/spec.ts';

const X = Uint8Array.of(1);
const txns = (...zxids: Zxid[]) => zxids.map((zxid) => ({ zxid, bytes: X }));
const [A, B, C, D] = [zxidOf(1, 1), zxidOf(1, 2), zxidOf(1, 3), zxidOf(2, 1)];

function server(id: number, fields: Partial<SpecServer> = {}): SpecServer {
  return {
    id,
    state: 'following',
    zabState: 'broadcast',
    established: false,
    acceptedEpoch: 1,
    currentEpoch: 1,
    leader: 1,
    committed: [],
    ...fields,
  };
}

function broken(servers: SpecServer[], state: Partial<SpecState> = {}): PropertyId[] {
  const all = new Map<Zxid, Uint8Array>([A, B, C, D].map((zxid) => [zxid, X]));
  return checkSpec({ servers, proposals: all, epochLeaders: new Map(), ...state }).map(({ property }) => property);
}

describe('the official invariants', () => {
  test('hold in a healthy ensemble', () => {
    const leader = server(1, { state: 'leading', established: true, committed: txns(A, B, C, D), currentEpoch: 2 });
    expect(broken([leader, server(2, { committed: txns(A, B) }), server(3)])).toEqual([]);
  });

  test.each<[PropertyId, SpecServer[]]>([
    [
      'leadership-1',
      [server(1, { state: 'leading', established: true }), server(2, { state: 'leading', established: true })],
    ],
    ['prefix-consistency', [server(1, { committed: txns(A, B) }), server(2, { committed: txns(A, D) })]],
    ['agreement', [server(1, { committed: txns(A, B) }), server(2, { committed: txns(A, D) })]],
    ['total-order', [server(1, { committed: txns(A, B) }), server(2, { committed: txns(B, A) })]],
    ['total-order', [server(1, { committed: txns(A, B) }), server(2, { committed: txns(B) })]],
    ['local-primary-order', [server(1, { committed: txns(A, C) })]],
    ['global-primary-order', [server(1, { committed: txns(D, A) })]],
    [
      'primary-integrity',
      [server(1, { state: 'leading', currentEpoch: 2, committed: txns(A) }), server(2, { committed: txns(A, B) })],
    ],
  ])('%s fires', (property, servers) => {
    expect(broken(servers)).toContain(property);
  });

  test('leadership-2 fires', () => {
    expect(broken([], { epochLeaders: new Map([[3, [1, 2]]]) })).toEqual(['leadership-2']);
  });

  test('integrity fires', () => {
    expect(broken([server(1, { committed: txns(A) })], { proposals: new Map() })).toEqual(['integrity']);
    const other = new Map([[A, Uint8Array.of(2)]]);
    expect(broken([server(1, { committed: txns(A) })], { proposals: other })).toEqual(['integrity']);
  });
});
