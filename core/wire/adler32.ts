/** Adler-32 as java.util.zip.Adler32 (RFC 1950): guards every log entry and seals snapshots (FileTxnLog, FileSnap). */

const MODULUS = 65_521;
/** As many bytes as can be summed before `b` leaves 31 bits: beyond them it would be a double (measured: half as fast). */
const RUN = 3800;

/** The sum of `bytes`, unsigned. Incremental: `adler32(b, adler32(a))` is the sum of a followed by b. */
export function adler32(bytes: Uint8Array, seed = 1, start = 0, end = bytes.length): number {
  let a = seed & 0xffff;
  let b = seed >>> 16;
  for (let i = start; i < end; ) {
    const stop = Math.min(i + RUN, end);
    for (; i < stop; i++) {
      a = (a + bytes[i]!) | 0;
      b = (b + a) | 0;
    }
    a %= MODULUS;
    b %= MODULUS;
  }
  return ((b << 16) | a) >>> 0;
}
