/** The picture as a file of vectors: whole, in itself complete, and of what is there. */

import { beforeAll, describe, expect, it } from 'vitest';
import type { Frame } from '../../viewer/draw/frame.ts';
import { paintSheet, sheetSize } from '../../viewer/draw/paint.ts';
import { FONT } from '../../viewer/draw/servers.ts';
import { SvgBrush, SvgPath } from '../../viewer/draw/svg.ts';
import type { Futures } from '../../viewer/lib/branches.ts';
import { HitList } from '../../viewer/lib/hit.ts';
import { layoutOf } from '../../viewer/lib/layout.ts';
import { DARK, LIGHT, type Theme } from '../../viewer/lib/palette.ts';
import { type Range, scaleOf } from '../../viewer/lib/scale.ts';
import { type Scene, sceneOf, timeAxis } from '../../viewer/lib/scene.ts';
import { bytesOf, opened, shortTrace } from '../viewer-model/traces.ts';

const WIDTH = 900;
const HEIGHT = 600;
let scene: Scene;

beforeAll(async () => {
  const { model } = await opened(bytesOf(shortTrace().text));
  const picture = await model.picture();
  scene = sceneOf(picture, timeAxis({ from: picture.beginUs, to: picture.endUs }));
}, 60_000);

/** Letters of one width: where nothing can be measured. */
const newBrush = (): SvgBrush =>
  new SvgBrush((text, font) => (text.length * Number.parseFloat(/[\d.]+px/.exec(font)![0])) / 2);

function drawn(
  range: Range,
  theme: Theme = LIGHT,
  event: number | null = null,
  futures: Futures | null = null,
): string {
  const brush = newBrush();
  const frame: Frame = {
    context: brush,
    makePath: () => new SvgPath(),
    patterns: brush.hatches,
    scene,
    layout: layoutOf(scene.picture.lanes, HEIGHT, 12.5, 3, futures !== null),
    scale: scaleOf(range, WIDTH),
    theme,
    width: WIDTH,
    left: 0,
    height: HEIGHT,
    scroll: 0,
    unit: 12.5,
    hidden: new Set(),
    lit: null,
    futures,
    hits: new HitList(),
    other: null,
  };
  paintSheet(frame, { caption: 'a <run> & "more"', event });
  return brush.document(sheetSize(frame), 'a <run> & "more"', 'what happens', FONT);
}

/** Every element, and whether each that was opened is closed again; throws where XML would not be well-formed. */
function elementsOf(text: string): string[] {
  const names: string[] = [];
  const open: string[] = [];
  const rest = text
    .replace(/^<\?xml[^>]*\?>/, '')
    .replaceAll(
      /<(\/?)([a-zA-Z]+)((?:\s[a-zA-Z-]+="[^"<>&]*(?:&(?:amp|lt|gt|quot);[^"<>&]*)*")*)\s*(\/?)>/g,
      (_: string, isEnd: string, name: string, __: string, isEmpty: string) => {
        if (isEnd !== '') expect(open.pop()).toBe(name);
        else {
          names.push(name);
          if (isEmpty === '') open.push(name);
        }
        return '';
      },
    );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]|&(?!(amp|lt|gt|quot);)/);
  return names;
}

describe('the picture as SVG', () => {
  it('is well-formed, has the names of all lanes, and says which run it is', () => {
    const text = drawn(scene.axis.whole);
    const names = elementsOf(text);
    expect(names.filter((name) => name === 'path').length).toBeGreaterThan(100);
    for (const { name } of scene.picture.lanes) expect(text).toContain(`>${name}</text>`);
    expect(text).toContain('<title>a &lt;run&gt; &amp; &quot;more&quot;</title>');
  });

  it('needs nothing from outside, and every hatch and clip it names is in it', () => {
    for (const theme of [LIGHT, DARK]) {
      const text = drawn(scene.axis.whole, theme);
      expect(text).not.toMatch(/href|<script|<style|<image|@import/);
      expect(text.match(/https?:[^"]*/g)).toEqual(['http://www.w3.org/2000/svg']);
      const used = new Set([...text.matchAll(/url\(#([^)]+)\)/g)].map(([, id]) => id));
      const there = new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
      expect(used.size).toBeGreaterThan(3);
      expect([...used].filter((id) => !there.has(id))).toEqual([]);
    }
  });

  it('has no number that is none, and leaves no path empty', () => {
    const { from, to } = scene.axis.whole;
    for (const range of [scene.axis.whole, { from: (from + to) / 2, to: (from + to) / 2 + 20_000 }]) {
      const text = drawn(range);
      expect(text).not.toMatch(/NaN|Infinity|undefined|null/);
      expect(text).not.toMatch(/ d=""/);
    }
  });

  it('draws a band from where it begins to where it ends, in the colour of its epoch', () => {
    const range = scene.axis.whole;
    const scale = scaleOf(range, WIDTH);
    const leads = [...scene.servers.values()]
      .flatMap(({ bands }) => bands)
      .find(({ what }) => what.state === 'leading' && what.phase === 'broadcast')!;
    const text = drawn(range);
    const x = Math.round(scale.x(leads.from) * 100) / 100;
    const width = Math.round((scale.x(leads.to) - scale.x(leads.from)) * 100) / 100;
    const bands = [...text.matchAll(/<path d="([^"]*)" fill="(#56b4e9|#e69f00)" transform/g)].map(([, d]) => d!);
    expect(bands.some((d) => d.includes(`M${x} `) && d.includes(`h${width}v`))).toBe(true);
  });

  it('marks the event that is selected', () => {
    const event = Math.floor(scene.picture.events.count / 2);
    const mark = `stroke="${LIGHT.selection}" stroke-width="2"`;
    expect(drawn(scene.axis.whole)).not.toContain(mark);
    expect(drawn(scene.axis.whole, LIGHT, event)).toContain(mark);
  });
});

describe('futures in the picture', () => {
  const { inevitable, points } = (() => {
    const at = (event: number, atUs: number, failed: number) => ({ event, index: event, atUs, failed, runs: 10 });
    const turn = at(900, 2_500_000, 10);
    return { inevitable: turn, points: [at(1, 0, 2), at(500, 1_500_000, 4), turn] };
  })();
  const futures: Futures = {
    branches: { format: 1, seed: '1', pattern: '*', failure: null, points, inevitable },
    points,
  };

  it('are a staircase, and a line where failing became certain', () => {
    const text = drawn({ from: 0, to: 4_000_000 }, LIGHT, null, futures);
    elementsOf(text);
    expect(text).toContain('>inevitable from here</text>');
    expect(text).toContain('>4/10</text>');
    const [, d] = new RegExp(`<path d="([^"]*)" fill="none" stroke="${LIGHT.danger}" stroke-width="1.5"`).exec(text)!;
    const steps = d!.split('L').map((step) => step.replace(/[MZ]/g, '').split(' ').map(Number));
    const levels = [...new Set(steps.map(([, y]) => y!))];
    // From the floor up: 20 %, 40 %, 100 %.
    expect(levels).toHaveLength(4);
    const [floor, first, second, last] = levels as [number, number, number, number];
    expect((floor - second) / (floor - first)).toBeCloseTo(2, 1);
    expect((floor - last) / (floor - first)).toBeCloseTo(5, 1);
    expect(steps.at(-1)![0]).toBeCloseTo((2_500_000 / 4_000_000) * WIDTH, 1);
  });

  it('take no room when nobody counted any', () => {
    expect(drawn(scene.axis.whole)).not.toContain('futures that fail');
  });
});

describe('the brush', () => {
  const documentOf = (draw: (brush: SvgBrush) => void): string => {
    const brush = newBrush();
    draw(brush);
    return brush.document({ width: 10, height: 10 }, '', '', 'sans-serif');
  };

  it('puts rectangles of one look into one path, but not translucent ones, which may lie on each other', () => {
    const three = (alpha: number): string =>
      documentOf((brush) => {
        brush.globalAlpha = alpha;
        brush.fillStyle = '#123456';
        for (let i = 0; i < 3; i++) brush.fillRect(i, 0, 2, 2);
      });
    expect(three(1).match(/<path/g)).toHaveLength(1);
    expect(three(0.5).match(/<path/g)).toHaveLength(3);
  });

  it('draws a circle whole', () => {
    const text = documentOf((brush) => {
      brush.beginPath();
      brush.arc(5, 5, 2, 0, 2 * Math.PI);
      brush.stroke();
    });
    expect(text).toContain('d="M7 5A2 2 0 0 1 3 5A2 2 0 0 1 7 5"');
  });

  it('closes a clip where its state ends', () => {
    const text = documentOf((brush) => {
      brush.save();
      brush.beginPath();
      brush.rect(0, 0, 4, 4);
      brush.clip();
      brush.fillRect(0, 0, 9, 9);
      brush.restore();
      brush.fillRect(1, 1, 9, 9);
    });
    expect(elementsOf(text).filter((name) => name === 'g')).toHaveLength(1);
    expect(text.indexOf('</g>')).toBeLessThan(text.indexOf('M1 1h9'));
  });

  it('turns what is turned: a point lands where a canvas puts it', () => {
    const text = documentOf((brush) => {
      brush.translate(3, 4);
      brush.rotate(Math.PI / 2);
      brush.fillText('a', 1, 0);
    });
    expect(text).toContain('transform="matrix(0.0000 1.0000 -1.0000 0.0000 3 4)"');
  });
});
