/**
 * A reader of EDN, the notation of Clojure's data, as far as histories use it.
 *
 * `nil`, booleans, numbers, strings, characters, keywords, symbols, lists, vectors, maps, sets, `#_` and comments; the tag of a tagged element
 * is dropped. Keywords and symbols become text without the colon; lists and sets become arrays; names of maps that are no
 * text are written as JSON.
 */

import { type Plain, plainKey } from '../search/operation.ts';

export class EdnError extends Error {
  readonly code = 'EDN';
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
  return new Reader(text).all();
}

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

  constructor(text: string) {
    this.#text = text;
  }

  all(): Plain[] {
    const values: Plain[] = [];
    for (;;) {
      this.#skip();
      if (this.#at === this.#text.length) return values;
      values.push(this.value());
    }
  }

  end(): void {
    this.#skip();
    if (this.#at < this.#text.length) throw this.#fail(`${this.#text[this.#at]} after the end of the value`);
  }

  value(): Plain {
    this.#skip();
    const char = this.#text[this.#at];
    if (char === undefined) throw this.#fail('a value is missing');
    if (char === '"') return this.#string();
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
    if (this.#text[this.#at] === '{') return this.#items('{');
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
    return NAMED_CHARACTERS[name] ?? first;
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
    return new EdnError(`${message} (column ${this.#at + 1})`);
  }
}

function mapOf(items: readonly Plain[], fail: () => EdnError): Plain {
  if (items.length % 2 === 1) throw fail();
  const entries: [string, Plain][] = [];
  for (let i = 0; i < items.length; i += 2) {
    const name = items[i]!;
    entries.push([typeof name === 'string' ? name : plainKey(name), items[i + 1]!]);
  }
  return Object.fromEntries(entries);
}

function atomOf(word: string): Plain {
  if (word === 'nil') return null;
  if (word === 'true') return true;
  if (word === 'false') return false;
  if (word.startsWith(':')) return word.slice(1);
  if (/^[+-]?[0-9]+N?$/.test(word)) return wholeOf(word.replace(/N$/, ''));
  if (/^[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?M?$/.test(word)) return Number(word.replace(/M$/, ''));
  return word;
}

/** Whole numbers that a double cannot hold stay text, so that two of them are not taken for one. */
function wholeOf(word: string): Plain {
  const number = Number(word);
  return Number.isSafeInteger(number) ? number : word.replace(/^\+/, '');
}
