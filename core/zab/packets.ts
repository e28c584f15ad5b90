import type { Zxid } from '../types.ts';
import type { QuorumPacket } from '../wire/records.ts';

/** A packet without authinfo, as all but REQUEST are. Upstream writes a null vector, not an empty one. */
export const packetOf = (type: number, zxid: Zxid, data: Uint8Array | null = null): QuorumPacket => ({
  type,
  zxid,
  data,
  authinfo: null,
});
