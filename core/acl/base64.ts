/** Base64 with padding (RFC 4648 section 4), which the core's pure setting lacks. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function base64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += ALPHABET[group >>> 18]! + ALPHABET[(group >>> 12) & 0x3f]!;
    text += left > 1 ? ALPHABET[(group >>> 6) & 0x3f]! : '=';
    text += left > 2 ? ALPHABET[group & 0x3f]! : '=';
  }
  return text;
}
