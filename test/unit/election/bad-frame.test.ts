import { expect, test } from 'vitest';
import { Bench } from './bench.ts';
import { membershipOfIds } from './mini-net.ts';

test('who has sent nonsense is not believed, and everybody is heard after it (ZOOKEEPER-2186, ZOOKEEPER-4787)', () => {
  const b = new Bench(2, membershipOfIds('1 2 3'));
  b.look(7, 1);
  b.sent();
  expect(b.hearBytes(1, new Uint8Array([1, 2, 3]))).toEqual([]);
  expect(b.sent()).toEqual({});
  b.hear(3, { leader: 3, zxid: 9, epoch: 1 });
  const vote = { state: 'looking' as const, leader: 3, zxid: 9, round: 1, epoch: 1 };
  expect(b.sent()).toMatchObject({ 3: [vote] });
});
