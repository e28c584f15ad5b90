/**
 * A brush that writes SVG. It keeps the state a canvas has (colours, dash, transformation, clip), and every stroke of it
 * becomes an element. Rectangles of one colour that follow each other are one path, which makes a picture of thousands of
 * marks a third as large; only where they are opaque, since translucent ones may lie on each other.
 *
 * What comes out names nothing outside itself: hatches and clips are in its own definitions, and letters are the reader's.
 */

import { type Brush, drawTile, type Hatches, type Path, type PatternName, tileSize } from './brush.ts';

/** Width of a text in this font (CSS shorthand), px. */
export type Measure = (text: string, font: string) => number;

interface State {
  fillStyle: Brush['fillStyle'];
  strokeStyle: Brush['strokeStyle'];
  lineWidth: number;
  globalAlpha: number;
  font: string;
  textBaseline: CanvasTextBaseline;
  dash: readonly number[];
  matrix: Matrix;
  /** Groups that a clip opened and a restore has to close. */
  clips: number;
}

type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];
const IDENTITY: Matrix = [1, 0, 0, 1, 0, 0];

/** Where the baseline lies from what was asked for, in font sizes: what common sans-serif fonts have. */
const BASELINES: Readonly<Partial<Record<CanvasTextBaseline, number>>> = { middle: 0.305, top: 0.8, bottom: -0.2 };

export class SvgPath implements Path {
  readonly #parts: string[] = [];

  get d(): string {
    return this.#parts.join('');
  }

  moveTo(x: number, y: number): void {
    this.#parts.push(`M${num(x)} ${num(y)}`);
  }

  lineTo(x: number, y: number): void {
    // A canvas takes a line without a beginning for one.
    this.#parts.push(`${this.#parts.length === 0 ? 'M' : 'L'}${num(x)} ${num(y)}`);
  }

  closePath(): void {
    if (this.#parts.length > 0) this.#parts.push('Z');
  }

  rect(x: number, y: number, width: number, height: number): void {
    this.#parts.push(rectangle(x, y, width, height));
  }

  arc(x: number, y: number, radius: number, from: number, to: number, isBack = false): void {
    this.ellipse(x, y, radius, radius, 0, from, to, isBack);
  }

  ellipse(x: number, y: number, rx: number, ry: number, _: number, from: number, to: number, isBack = false): void {
    const at = (angle: number): string => `${num(x + rx * Math.cos(angle))} ${num(y + ry * Math.sin(angle))}`;
    const sweep = isBack ? 0 : 1;
    const turn = isBack ? -1 : 1;
    this.#parts.push(`${this.#parts.length === 0 ? 'M' : 'L'}${at(from)}`);
    let length = (to - from) * turn;
    if (length < 0) length += 2 * Math.PI;
    // An arc that ends where it began would be none, so a circle is two halves.
    const halves = length > Math.PI * 1.01 ? 2 : 1;
    for (let i = 1; i <= halves; i++)
      this.#parts.push(`A${num(rx)} ${num(ry)} 0 0 ${sweep} ${at(from + (turn * length * i) / halves)}`);
  }
}

export class SvgBrush implements Brush {
  fillStyle: Brush['fillStyle'] = '#000000';
  strokeStyle: Brush['strokeStyle'] = '#000000';
  lineWidth = 1;
  globalAlpha = 1;
  font = '10px sans-serif';
  textBaseline: CanvasTextBaseline = 'alphabetic';
  #dash: readonly number[] = [];
  #matrix: Matrix = IDENTITY;
  #clips = 0;
  readonly #saved: State[] = [];
  readonly #out: string[] = [];
  readonly #defs: string[] = [];
  readonly #measure: Measure;
  #path = new SvgPath();
  /** Rectangles that wait for more of their kind. */
  #rects: { readonly attributes: string; d: string } | null = null;

  constructor(measure: Measure) {
    this.#measure = measure;
  }

  // --- state ---

  save(): void {
    const { fillStyle, strokeStyle, lineWidth, globalAlpha, font, textBaseline } = this;
    this.#saved.push({
      ...{ fillStyle, strokeStyle, lineWidth, globalAlpha, font, textBaseline },
      ...{ dash: this.#dash, matrix: this.#matrix, clips: this.#clips },
    });
    this.#clips = 0;
  }

  restore(): void {
    const before = this.#saved.pop();
    if (before === undefined) return;
    this.#flush();
    this.#out.push('</g>'.repeat(this.#clips));
    this.fillStyle = before.fillStyle;
    this.strokeStyle = before.strokeStyle;
    this.lineWidth = before.lineWidth;
    this.globalAlpha = before.globalAlpha;
    this.font = before.font;
    this.textBaseline = before.textBaseline;
    this.#dash = before.dash;
    this.#matrix = before.matrix;
    this.#clips = before.clips;
  }

  setLineDash(dash: Iterable<number>): void {
    this.#dash = [...dash];
  }

  translate(x: number, y: number): void {
    const [a, b, c, d, e, f] = this.#matrix;
    this.#matrix = [a, b, c, d, a * x + c * y + e, b * x + d * y + f];
  }

  rotate(angle: number): void {
    const [a, b, c, d, e, f] = this.#matrix;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    this.#matrix = [a * cos + c * sin, b * cos + d * sin, c * cos - a * sin, d * cos - b * sin, e, f];
  }

  clip(): void {
    this.#flush();
    const id = `c${this.#defs.length}`;
    this.#defs.push(`<clipPath id="${id}"><path d="${this.#path.d}"${this.#transform()}/></clipPath>`);
    this.#out.push(`<g clip-path="url(#${id})">`);
    this.#clips++;
  }

  // --- paths ---

  beginPath(): void {
    this.#path = new SvgPath();
  }

  moveTo(x: number, y: number): void {
    this.#path.moveTo(x, y);
  }

  lineTo(x: number, y: number): void {
    this.#path.lineTo(x, y);
  }

  closePath(): void {
    this.#path.closePath();
  }

  rect(x: number, y: number, width: number, height: number): void {
    this.#path.rect(x, y, width, height);
  }

  arc(x: number, y: number, radius: number, from: number, to: number, isBack = false): void {
    this.#path.arc(x, y, radius, from, to, isBack);
  }

  ellipse(x: number, y: number, rx: number, ry: number, turn: number, from: number, to: number, isBack = false): void {
    this.#path.ellipse(x, y, rx, ry, turn, from, to, isBack);
  }

  fill(path: Path = this.#path): void {
    this.#element((path as SvgPath).d, this.#filling());
  }

  stroke(path: Path = this.#path): void {
    this.#element((path as SvgPath).d, this.#stroking());
  }

  fillRect(x: number, y: number, width: number, height: number): void {
    if (!(width > 0 && height > 0)) return;
    const attributes = `${this.#filling()}${this.#transform()}`;
    const d = rectangle(x, y, width, height);
    if (this.globalAlpha === 1 && this.#rects?.attributes === attributes) this.#rects.d += d;
    else {
      this.#flush();
      this.#rects = { attributes, d };
    }
  }

  strokeRect(x: number, y: number, width: number, height: number): void {
    this.#element(rectangle(x, y, width, height), this.#stroking());
  }

  // --- text ---

  fillText(text: string, x: number, y: number): void {
    this.#flush();
    const [, weight, size = '10'] = /^(?:(\d+) )?([\d.]+)px/.exec(this.font) ?? [];
    const bold = weight === undefined ? '' : ` font-weight="${weight}"`;
    const baseline = y + Number(size) * (BASELINES[this.textBaseline] ?? 0);
    this.#out.push(
      `<text x="${num(x)}" y="${num(baseline)}" font-size="${num(Number(size))}"${bold}${this.#filling()}${this.#transform()}>${escaped(text)}</text>`,
    );
  }

  measureText(text: string): { readonly width: number } {
    return { width: this.#measure(text, this.font) };
  }

  // --- hatches ---

  readonly #hatches = new Map<string, string>();

  /** Hatches whose tiles are in the definitions of this picture. */
  readonly hatches: Hatches = {
    get: (name: PatternName, colour: string): string => {
      const key = `${name} ${colour}`;
      const known = this.#hatches.get(key);
      if (known !== undefined) return known;
      const id = `h${this.#defs.length}`;
      const size = tileSize(name);
      const tile = new SvgBrush(this.#measure);
      drawTile(tile, name, colour, size, 1);
      this.#defs.push(
        `<pattern id="${id}" width="${size}" height="${size}" patternUnits="userSpaceOnUse">${tile.#body()}</pattern>`,
      );
      this.#hatches.set(key, `url(#${id})`);
      return `url(#${id})`;
    },
  };

  // --- out ---

  /** The picture as a document. `title` and `says` are read out to whoever cannot see it. */
  document(
    size: { readonly width: number; readonly height: number },
    title: string,
    says: string,
    font: string,
  ): string {
    const { width, height } = size;
    const body = this.#body();
    return [
      '<?xml version="1.0" encoding="UTF-8"?>\n',
      `<svg xmlns="http://www.w3.org/2000/svg" width="${num(width)}" height="${num(height)}" viewBox="0 0 ${num(width)} ${num(height)}" font-family="${escaped(font)}" role="img">`,
      `<title>${escaped(title)}</title><desc>${escaped(says)}</desc>`,
      `<defs>${this.#defs.join('')}</defs>`,
      body,
      '</svg>\n',
    ].join('');
  }

  #body(): string {
    this.#flush();
    return this.#out.join('\n');
  }

  #element(d: string, attributes: string): void {
    if (d === '') return;
    this.#flush();
    this.#out.push(`<path d="${d}"${attributes}${this.#transform()}/>`);
  }

  #flush(): void {
    if (this.#rects === null) return;
    this.#out.push(`<path d="${this.#rects.d}"${this.#rects.attributes}/>`);
    this.#rects = null;
  }

  #filling(): string {
    const alpha = this.globalAlpha === 1 ? '' : ` fill-opacity="${num(this.globalAlpha)}"`;
    return ` fill="${escaped(String(this.fillStyle))}"${alpha}`;
  }

  #stroking(): string {
    const alpha = this.globalAlpha === 1 ? '' : ` stroke-opacity="${num(this.globalAlpha)}"`;
    const dash = this.#dash.length === 0 ? '' : ` stroke-dasharray="${this.#dash.map(num).join(' ')}"`;
    return ` fill="none" stroke="${escaped(String(this.strokeStyle))}" stroke-width="${num(this.lineWidth)}"${dash}${alpha}`;
  }

  #transform(): string {
    const [a, b, c, d, e, f] = this.#matrix;
    if (a === 1 && b === 0 && c === 0 && d === 1)
      return e === 0 && f === 0 ? '' : ` transform="translate(${num(e)} ${num(f)})"`;
    return ` transform="matrix(${[a, b, c, d].map((value) => value.toFixed(4)).join(' ')} ${num(e)} ${num(f)})"`;
  }
}

const rectangle = (x: number, y: number, width: number, height: number): string =>
  `M${num(x)} ${num(y)}h${num(width)}v${num(height)}h${num(-width)}Z`;

/** A hundredth of a pixel is more than anybody sees; far outside, a canvas does not draw either. */
function num(value: number): string {
  const bounded = Math.min(1e6, Math.max(-1e6, value));
  return String(Math.round(bounded * 100) / 100);
}

const escaped = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    // What XML has no letter for.
    .replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, '\ufffd');
