/**
 * The digest of everything replicated: nodes with their data, Stat, ACL and number of children, quota numbers included;
 * global sessions; who owns which ephemeral. Kept while things come and go; two replicas at the same zxid must agree.
 */

import type { SessionId } from '../types.ts';
import { hashLong, hashNumber, hashText, MixSum } from './digest.ts';
import type { DataNode } from './node.ts';

/** Tags that keep terms of different kinds apart. */
const NULL_DATA_TAG = 0x5bd1_e995;
const SESSION_TAG = 0x27d4_eb2f;
const EPHEMERAL_TAG = 0x1656_67b1;
const CHILD_COUNT_FACTOR = 0x9e37_79b1;

export class StateDigest {
  private readonly sum = new MixSum();

  addNode(node: DataNode): void {
    this.sum.add(node.crc, wordOf(node));
  }

  subtractNode(node: DataNode): void {
    this.sum.subtract(node.crc, wordOf(node));
  }

  addSession(id: SessionId, timeoutMs: number): void {
    this.sum.add(hashLong(id) ^ SESSION_TAG, hashNumber(timeoutMs));
  }

  subtractSession(id: SessionId, timeoutMs: number): void {
    this.sum.subtract(hashLong(id) ^ SESSION_TAG, hashNumber(timeoutMs));
  }

  addEphemeral(session: SessionId, path: string): void {
    this.sum.add(hashText(path) ^ EPHEMERAL_TAG, hashLong(session));
  }

  subtractEphemeral(session: SessionId, path: string): void {
    this.sum.subtract(hashText(path) ^ EPHEMERAL_TAG, hashLong(session));
  }

  value(): bigint {
    return this.sum.value();
  }
}

/** What the CRC does not see: the ACL by value, null against empty data, and the number of children. */
function wordOf(node: DataNode): number {
  const tag = node.data === null ? NULL_DATA_TAG : 0;
  return node.aclEntry.hash ^ tag ^ Math.imul(node.childCount, CHILD_COUNT_FACTOR);
}
