/**
 * A reader of EDN, the notation of Clojure's data, as far as histories use it.
 *
 * `nil`, booleans, numbers, strings, characters, keywords, symbols, lists, vectors, maps, sets, `#_` and comments; the tag of a tagged element
 * is dropped. What is different in EDN stays different here: keywords keep their colon (`:a`), symbols get a quote (`'a`),
 * characters their backslash (`\\a`), and a string that looks like one of these is written as JSON writes it. So do the names of maps,
 * where whatever is no text is written as JSON (`1`) and a string that reads like that in quotes (`"1"`). Lists become arrays, as equal to vectors
 * as they are in EDN; sets become sorted arrays.
 */

import { nameOf, type Plain, plainKey } from '../search/operation.ts';

export class EdnError extends Error {
  readonly code = 'EDN';
  /** From 1, in the text that was read. */
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** The one value in the text. Throws an `EdnError` with the column. */
export function readEdn(text: string): Plain {
  const reader = new Reader(text);
  const value = reader.value();
  reader.end();
  return value;
}

/** All values in the text, one after the other. */
export function readEdnAll(text: string): Plain[] {
  return [...new Reader(text).all()].map(({ value }) => value);
}

export interface PlacedValue {
  readonly value: Plain;
  /** From 1. */
  readonly line: number;
}

/** The values of a file: those in it, or those in the one vector or list that it is. */
export function readEdnFile(text: string): Generator<PlacedValue> {
  const reader = new Reader(text);
  return reader.isSequence() ? reader.items() : reader.all();
}

/** The text of a keyword, symbol or string without what tells them apart. */
export const wordOf = (text: string): string => (/^[:']/.test(text) ? text.slice(1) : text);

const BLANK = /[\s,]/;
const ENDS = /[\s,()[\]{}";]/;
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };
const NAMED_CHARACTERS: Readonly<Record<string, string>> = {
  newline: '\n',
  space: ' ',
  tab: '\t',
  return: '\r',
};
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\', b: '\b', f: '\f' };
const NESTING_MAX = 200;

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  /** The line of the place up to which lines were counted. */
  #line = 1;
  #counted = 0;

  constructor(text: string) {
    this.#text = text;
  }

  *all(): Generator<PlacedValue> {
    for (;;) {
      this.#skip();
      if (this.#at === this.#text.length) return;
      const line = this.#lineHere();
      yield { value: this.value(), line };
    }
  }

  isSequence(): boolean {
    this.#skip();
    return this.#text[this.#at] === '[' || this.#text[this.#at] === '(';
  }

  /** Of the sequence that begins here and is all there is. */
  *items(): Generator<PlacedValue> {
    const opening = this.#text[this.#at]!;
    for (this.#at += 1; ; ) {
      this.#skip();
      const char = this.#text[this.#at];
      if (char === undefined) throw this.#fail(`${opening} has no end`);
      if (char === CLOSING[opening]) break;
      const line = this.#lineHere();
      yield { value: this.value(), line };
    }
    this.#at += 1;
    this.end();
  }

  #lineHere(): number {
    for (; this.#counted < this.#at; this.#counted++) if (this.#text[this.#counted] === '\n') this.#line += 1;
    return this.#line;
  }

  end(): void {
    this.#skip();
    if (this.#at < this.#text.length) throw this.#fail(`${this.#text[this.#at]} after the end of the value`);
  }

  value(): Plain {
    this.#skip();
    const char = this.#text[this.#at];
    if (char === undefined) throw this.#fail('a value is missing');
    if (char === '"') return stringOf(this.#string());
    if (char === '\\') return this.#character();
    if (char === '#') return this.#dispatched();
    if (char === '{') return mapOf(this.#items('{'), () => this.#fail('a map has a name without a value'));
    if (char === '(' || char === '[') return this.#items(char);
    if (ENDS.test(char)) throw this.#fail(`${char} has no beginning`);
    return atomOf(this.#word());
  }

  #items(opening: string): Plain[] {
    const closing = CLOSING[opening]!;
    const items: Plain[] = [];
    this.#at += 1;
    this.#depth += 1;
    if (this.#depth > NESTING_MAX) throw this.#fail('nested too deeply');
    for (;;) {
      this.#skip();
      const char = this.#text[this.#at];
      if (char === undefined) throw this.#fail(`${opening} has no end`);
      if (char === closing) break;
      items.push(this.value());
    }
    this.#at += 1;
    this.#depth -= 1;
    return items;
  }

  /** `#{set}`, `#tag value`. */
  #dispatched(): Plain {
    this.#at += 1;
    if (this.#text[this.#at] === '{') return sorted(this.#items('{'));
    if (this.#word() === '') throw this.#fail('# begins nothing');
    return this.value();
  }

  #string(): string {
    let text = '';
    for (this.#at += 1; this.#text[this.#at] !== '"'; this.#at++) {
      let char = this.#text[this.#at];
      if (char === '\\') {
        this.#at += 1;
        char = this.#escaped();
      }
      if (char === undefined) throw this.#fail('a string has no end');
      text += char;
    }
    this.#at += 1;
    return text;
  }

  #escaped(): string {
    const char = this.#text[this.#at];
    if (char === 'u') {
      const digits = this.#text.slice(this.#at + 1, this.#at + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#fail('\\u needs four hexadecimal digits');
      this.#at += 4;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const meant = ESCAPES[char ?? ''];
    if (meant === undefined) throw this.#fail(`\\${char ?? ''} is no character of a string`);
    return meant;
  }

  #character(): string {
    const first = this.#text[this.#at + 1];
    if (first === undefined) throw this.#fail('\\ names no character');
    this.#at += 2;
    const name = first + this.#word();
    return `\\${NAMED_CHARACTERS[name] ?? first}`;
  }

  #word(): string {
    const from = this.#at;
    while (this.#at < this.#text.length && !ENDS.test(this.#text[this.#at]!)) this.#at += 1;
    return this.#text.slice(from, this.#at);
  }

  /** Blanks, commas, comments and what is commented out with `#_`. */
  #skip(): void {
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) return;
      if (BLANK.test(char)) this.#at += 1;
      else if (char === ';') while (this.#at < this.#text.length && this.#text[this.#at] !== '\n') this.#at += 1;
      else if (char === '#' && this.#text[this.#at + 1] === '_') {
        this.#at += 2;
        this.value();
      } else return;
    }
  }

  #fail(message: string): EdnError {
    const lineStart = this.#text.lastIndexOf('\n', this.#at - 1) + 1;
    return new EdnError(`${message} (column ${this.#at - lineStart + 1})`, this.#lineHere());
  }
}

function mapOf(items: readonly Plain[], fail: () => EdnError): Plain {
  if (items.length % 2 === 1) throw fail();
  const entries: [string, Plain][] = [];
  for (let i = 0; i < items.length; i += 2) {
    const name = items[i]!;
    entries.push([nameOf(name), items[i + 1]!]);
  }
  return Object.fromEntries(entries);
}

function atomOf(word: string): Plain {
  if (word === 'nil') return null;
  if (word === 'true') return true;
  if (word === 'false') return false;
  if (word.startsWith(':')) return word;
  if (/^[+-]?[0-9]+N?$/.test(word)) return wholeOf(word.replace(/N$/, ''));
  if (/^[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?M?$/.test(word)) return Number(word.replace(/M$/, ''));
  return `'${word}`;
}

/** What a keyword, a symbol, a character or a number that stayed text may look like. */
const LIKE_OTHERS = /^[:'"\\]|^[+-]?[0-9]{16,}$/;
const stringOf = (text: string): string => (LIKE_OTHERS.test(text) ? JSON.stringify(text) : text);

function sorted(items: readonly Plain[]): Plain[] {
  const keyed = items.map((item) => [plainKey(item), item] as const);
  return keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, item]) => item);
}

/** Whole numbers that a double cannot hold stay text, so that two of them are not taken for one. */
function wholeOf(word: string): Plain {
  const number = Number(word);
  return Number.isSafeInteger(number) ? number : word.replace(/^\+/, '');
}
