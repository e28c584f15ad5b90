/** Values of a trace (docs/trace-format.md, "Values") back from JSON. */

export function decodeValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(decodeValue);
  const fields = value as Record<string, unknown>;
  if (typeof fields.$big === 'string') return BigInt(fields.$big);
  if (typeof fields.$bytes === 'string') return bytesOfHex(fields.$bytes);
  if (Array.isArray(fields.$map)) {
    return new Map((fields.$map as [unknown, unknown][]).map(([key, item]) => [decodeValue(key), decodeValue(item)]));
  }
  if (Array.isArray(fields.$set)) return new Set(fields.$set.map(decodeValue));
  const decoded: Record<string, unknown> = {};
  for (const key of Object.keys(fields)) decoded[key] = decodeValue(fields[key]);
  return decoded;
}

export function bytesOfHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
