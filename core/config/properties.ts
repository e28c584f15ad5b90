/**
 * Java's property files (java.util.Properties.load), the form of zoo.cfg, of dynamic configuration files and of the
 * configuration text inside notifications and reconfig requests.
 *
 * A logical line is a natural line plus those it continues onto: an odd number of trailing backslashes continues it, and
 * the leading white space of the next line is dropped. The key ends at the first unescaped `=`, `:` or white space;
 * around it, white space and at most one `=` or `:` are skipped. `#` and `!` start a comment only at the beginning of a
 * line. A line that holds nothing but a key has an empty value.
 */

export interface Property {
  readonly key: string;
  readonly value: string;
  /** Where the logical line starts, counted from 1. */
  readonly line: number;
}

/** Every assignment in the order of the text. Where a key comes twice, Java keeps the last. */
export function parseProperties(text: string): Property[] {
  return logicalLines(text).map(({ content, line }) => ({ ...splitProperty(content), line }));
}

/** The last assignment of each key, in order of first appearance. */
export function lastOfEach(properties: readonly Property[]): Map<string, Property> {
  const last = new Map<string, Property>();
  for (const property of properties) last.set(property.key, property);
  return last;
}

const isBlank = (char: string | undefined): boolean => char === ' ' || char === '\t' || char === '\f';

function skipBlank(text: string, from: number): number {
  let at = from;
  while (isBlank(text[at])) at++;
  return at;
}

const endsWithEscape = (line: string): boolean => {
  let count = 0;
  while (line[line.length - 1 - count] === '\\') count++;
  return count % 2 === 1;
};

function logicalLines(text: string): { content: string; line: number }[] {
  const natural = text.split(/\r\n|\n|\r/);
  const lines: { content: string; line: number }[] = [];
  for (let i = 0; i < natural.length; i++) {
    const line = i + 1;
    let content = natural[i]!.slice(skipBlank(natural[i]!, 0));
    if (content === '' || content.startsWith('#') || content.startsWith('!')) continue;
    while (endsWithEscape(content)) {
      content = content.slice(0, -1);
      if (i + 1 === natural.length) break;
      i++;
      content += natural[i]!.slice(skipBlank(natural[i]!, 0));
    }
    if (content !== '') lines.push({ content, line });
  }
  return lines;
}

function splitProperty(content: string): { key: string; value: string } {
  let end = 0;
  while (end < content.length && !isBlank(content[end]) && content[end] !== '=' && content[end] !== ':') {
    end += content[end] === '\\' ? 2 : 1;
  }
  let start = skipBlank(content, end);
  if (content[start] === '=' || content[start] === ':') start = skipBlank(content, start + 1);
  return { key: unescaped(content.slice(0, end)), value: unescaped(content.slice(start)) };
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

/** A malformed `\u` escape, at which Java throws, is kept as it stands. */
function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.?))/gs, (_, code: string | undefined, char: string | undefined) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return ESCAPES[char!] ?? char!;
  });
}
