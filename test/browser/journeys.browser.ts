/**
 * What somebody does with the viewer, from opening a run to breaking it, in a real browser. Answers are compared with what the
 * simulator itself says of the same run.
 */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Profile } from '../../sim/swarm.ts';
import { page as viewerPage, withTrace } from '../../viewer/node/bundle.ts';
import { bundleSimulator } from '../mutants/build.ts';
import { readCatalog } from '../mutants/catalog.ts';
import { javaLogs, SKEW_MS } from '../viewer-model/java-logs.ts';
import { shortTrace } from '../viewer-model/traces.ts';
import { openBrowser, ROOT, served, type Viewer } from './browser.ts';
import { seed, stateAt, story, type Traced, traced } from './runs.ts';

let viewer: Viewer;
let page: Page;
const SEED = seed('42');
let run: Traced;

beforeAll(async () => {
  run = traced(SEED);
  viewer = await openBrowser();
  page = viewer.page;
});

afterAll(async () => {
  await viewer?.close();
});

beforeEach(() => {
  viewer.complaints.length = 0;
});

/** Opens an address and waits until the trace is read to its end, in whatever way that is. */
async function open(address: string): Promise<void> {
  // Another address of the same page would only be a jump within it.
  await page.goto('about:blank');
  await page.goto(address);
  await loaded();
}

async function loaded(): Promise<void> {
  await page.waitForFunction(() => {
    const { vivarium } = globalThis as unknown as {
      vivarium?: { app: { trace: { info: { phase: string }; picture: unknown } | null } };
    };
    const trace = vivarium?.app.trace;
    return trace !== null && trace !== undefined && trace.info.phase !== 'reading' && trace.picture !== null;
  });
}

const text = async (selector: string): Promise<string> =>
  ((await page.locator(selector).first().textContent()) ?? '').replaceAll(/\s+/g, ' ');
const hash = (): Promise<string> => page.evaluate(() => location.hash);
const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent ?? '');

describe('seed 42', () => {
  let address: string;

  beforeAll(async () => {
    address = await served(gzipSync(run.bytes), 'seed-42.ndjson.gz');
  });

  it('opens, says which run it is and how it ended', async () => {
    await open(address);
    const bar = await text('#run');
    expect(bar).toContain('seed-42.ndjson.gz');
    expect(bar).toContain('kept every promise');
    expect(bar).toContain(`${run.events.toLocaleString('en')} events`);
    const lanes = await page.locator('.lane-name b').allInnerTexts();
    expect(lanes.slice(0, 5)).toEqual(['server 1', 'server 2', 'server 3', 'server 4', 'server 5']);
    expect(viewer.complaints).toEqual([]);
  });

  it('the picture is not empty: the band of the leader has the colour of its epoch', async () => {
    const colours = await page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('#stage canvas')!;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      const found = new Set<number>();
      for (let i = 0; i < data.length; i += 4 * 37) found.add((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!);
      return found.size;
    });
    expect(colours).toBeGreaterThan(40);
  });

  it('the first election: who voted for whom, why it was held, and who leads', async () => {
    await page.keyboard.press('e');
    await page.locator('table.held').first().waitFor();
    const first = run.moments.find(({ text: told }) => /leads epoch 1/.test(told))!;
    const leader = /server (\d+) leads/.exec(first.text)![1]!;
    expect(await text('.elections tbody tr[aria-selected="true"]')).toContain(`server ${leader} leads epoch 1`);
    const voters = await page.locator('table.held').first().locator('tbody th').allInnerTexts();
    expect(voters).toEqual(['1', '2', '3', '4', '5']);
    // Whoever took part ended with a vote for the one that leads.
    const decided = await page.locator('table.held').first().locator('tbody tr').allInnerTexts();
    expect(decided.filter((row) => row.includes(leader)).length).toBeGreaterThanOrEqual(3);
    expect(await page.locator('table.grid').first().locator('tbody tr').count()).toBe(5);
    expect(await hash()).toContain('el=1');
    expect(viewer.complaints).toEqual([]);
  });

  it('the next election is one key away, and the one before another', async () => {
    await page.keyboard.press('e');
    expect(await hash()).not.toContain('el=1&');
    await page.keyboard.press('E');
    expect(await hash()).toMatch(/el=1(&|$)/);
  });

  it('stepping shows the state that the simulator has at that very event', async () => {
    await page.keyboard.press('e');
    await page.keyboard.press('3');
    await page.getByLabel('Server', { exact: true }).selectOption({ label: 'server 2' });
    for (let i = 0; i < 3; i++) await page.locator('#panel button', { hasText: 'step ›' }).click();
    // Escape gives the keys back to the page.
    await page.keyboard.press('Escape');
    const event = Number(/[#&]e=(\d+)/.exec(await hash())![1]);
    const state = stateAt(SEED, event);
    await page.locator(`[data-index="${event}"] [role="tree"]`).waitFor();
    const shown = async (path: string): Promise<string> => {
      const row = page.locator(`[role="treeitem"][data-path="${path}"]`);
      return (await row.locator('.value').last().innerText()).trim();
    };
    expect(await shown('role/kind')).toContain(state.role.kind);
    expect(await shown('epochs/accepted')).toBe(String(state.epochs.accepted));
    expect(await shown('epochs/current')).toBe(String(state.epochs.current));
    expect(await shown('resync')).toBe(String(state.resync));
    const keys = await page.locator('[role="treeitem"][aria-level="1"] .key').allInnerTexts();
    expect(keys.map((key) => key.replace(/^[▸▾]\s*/, '').trim()).sort()).toEqual(Object.keys(state).sort());
    expect(viewer.complaints).toEqual([]);
  });

  it('the address is the view: whoever gets it sees the same', async () => {
    const before = await hash();
    const facts = await text('#panel .body');
    await open(`${address}${before}`);
    expect(await hash()).toBe(before);
    await expect.poll(() => text('#panel .body')).toBe(facts);
  });

  it('a search lights what it finds, and goes from one to the next', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('kind:boot server:5');
    await page.keyboard.press('Enter');
    await expect.poll(() => text('#search output')).toMatch(/^[1-9][0-9,]* found/);
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await page.keyboard.type('colour:blue');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('#query').getAttribute('aria-invalid')).toBe('true');
    await page.keyboard.press('Escape');
  });

  it('the causes of an event are lit, and the cause of it is one key away', async () => {
    await page.keyboard.press('4');
    await page.keyboard.press('b');
    await expect.poll(() => text('#panel .body')).toMatch(/events on \d+ hosts led to it/);
    const before = await hash();
    await page.keyboard.press('c');
    expect(await hash()).not.toBe(before);
    await page.keyboard.press('Escape');
    expect(viewer.complaints).toEqual([]);
  });

  it('the axis of causal order shows the same lanes', async () => {
    await page.keyboard.press('0');
    await page.keyboard.press('o');
    await expect.poll(() => text('#status')).toContain('causal order');
    await page.keyboard.press('o');
    await expect.poll(() => text('#status')).toContain('axis: time');
    expect(viewer.complaints).toEqual([]);
  });

  it('the table tells the events to whoever cannot see the picture', async () => {
    await page.keyboard.press('8');
    await page.getByRole('table', { name: 'Events' }).waitFor();
    const rows = page.getByRole('table', { name: 'Events' }).getByRole('row');
    expect(await rows.count()).toBeGreaterThan(50);
    const first = page.locator('tr[data-index]').first();
    const index = Number(await first.getAttribute('data-index'));
    await first.focus();
    await page.keyboard.press('Enter');
    expect(await hash()).toContain(`e=${index}`);
    expect(await first.getAttribute('aria-selected')).toBe('true');
    await page.getByRole('button', { name: 'on ›' }).click();
    await expect.poll(async () => Number(await first.getAttribute('data-index'))).toBe(index + 100);
  });
});

describe('the picture on the way', () => {
  it('is moved and stretched, and where it comes to rest it is as if painted there', async () => {
    await open(`${await served(gzipSync(run.bytes), 'seed-42.ndjson.gz')}#t=4000000-6000000`);
    type Page = {
      app: { range: { from: number; to: number }; setRange(range: object): void; emit(type: 'lit', lit: null): void };
    };
    const moved = (by: number, stretch: number): Promise<void> =>
      page.evaluate(
        async ([step, factor]) => {
          const { app } = (globalThis as unknown as { vivarium: Page }).vivarium;
          for (let i = 0; i < 40; i++) {
            const { from, to } = app.range;
            const half = ((to - from) / 2) * factor!;
            const middle = (from + to) / 2 + step!;
            app.setRange({ from: middle - half, to: middle + half });
            await new Promise((resolve) => requestAnimationFrame(resolve));
          }
        },
        [by, stretch],
      );
    const seen = async (): Promise<string> => {
      await page.waitForTimeout(1500);
      return (await page.locator('#stage .pane').screenshot()).toString('base64');
    };
    const repaint = (): Promise<void> =>
      page.evaluate(() => (globalThis as unknown as { vivarium: Page }).vivarium.app.emit('lit', null));
    const start = await seen();
    await moved(9000, 1);
    const panned = await seen();
    expect(panned).not.toBe(start);
    await repaint();
    expect(await seen()).toBe(panned);
    await moved(0, 0.98);
    const zoomed = await seen();
    expect(zoomed).not.toBe(panned);
    await repaint();
    expect(await seen()).toBe(zoomed);
    expect(viewer.complaints).toEqual([]);
  });
});

describe('the picture as a file', () => {
  it('as SVG it is, pixel by pixel, what the canvas shows', async () => {
    await open(`${await served(gzipSync(run.bytes), 'seed-42.ndjson.gz')}#t=14200000-15800000&e=6000`);
    const { share, size, inks } = await page.evaluate(async () => {
      const { stage } = (globalThis as unknown as { vivarium: { stage: Stage } }).vivarium;
      type Stage = { png(caption: string): Promise<Blob>; svg(caption: string, says: string): string };
      const text = stage.svg('seed 42', 'an election');
      const pixels = async (blob: Blob): Promise<ImageData> => {
        const image = new Image();
        image.src = URL.createObjectURL(blob);
        await image.decode();
        const canvas = document.createElement('canvas');
        canvas.width = image.naturalWidth;
        canvas.height = image.naturalHeight;
        const context = canvas.getContext('2d')!;
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, canvas.width, canvas.height);
      };
      const [png, svg] = [
        await pixels(await stage.png('seed 42')),
        await pixels(new Blob([text], { type: 'image/svg+xml' })),
      ];
      let differ = 0;
      const found = new Set<number>();
      for (let i = 0; i < png.data.length; i += 4) {
        const by = (channel: number): number => Math.abs(png.data[i + channel]! - svg.data[i + channel]!);
        if (Math.max(by(0), by(1), by(2)) > 72) differ++;
        found.add((svg.data[i]! << 16) | (svg.data[i + 1]! << 8) | svg.data[i + 2]!);
      }
      return {
        share: png.data.length === svg.data.length ? (4 * differ) / png.data.length : 1,
        size: text.length,
        inks: found.size,
      };
    });
    expect(inks).toBeGreaterThan(40);
    // What differs are the edges of letters and of slanted lines.
    expect(share).toBeLessThan(0.008);
    expect(size).toBeLessThan(1_000_000);
    expect(viewer.complaints).toEqual([]);
  });

  /** Presses a button of “Export” and reads the file that comes. */
  async function exported(button: string): Promise<{ readonly name: string; readonly bytes: Buffer }> {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: button }).click(),
    ]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  }

  it('“Export” hands out the part in view: as a picture, for Perfetto, and for ShiViz', async () => {
    await page.getByRole('button', { name: 'Export' }).click();
    const svg = await exported('Picture, SVG');
    expect(svg.name).toBe('seed-42.svg');
    const drawn = svg.bytes.toString();
    // Asked for yes or no: who reads a failure does not want the picture as text.
    const tells = (what: RegExp): boolean => what.test(drawn);
    expect(tells(/^(<\?xml[^>]*>\s*)?<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"[\s\S]*<\/svg>\s*$/)).toBe(true);
    for (const word of [/seed-42/, />server 5</, />client 1</, /leads/]) expect(tells(word)).toBe(true);
    // Nothing in it is loaded from elsewhere, or run.
    expect(tells(/<script|href="http|url\(http/)).toBe(false);

    const png = await exported('Picture, PNG');
    expect(png.name).toBe('seed-42.png');
    expect([...png.bytes.subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    const box = (await page.locator('#stage').boundingBox())!;
    expect(Math.abs(png.bytes.readUInt32BE(16) - box.width)).toBeLessThanOrEqual(1);
    expect(png.bytes.readUInt32BE(20)).toBeGreaterThanOrEqual(box.height);

    const inView = run.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { type: string; t: number; host: number })
      .filter(({ type, t }) => (type === 'step' || type === 'event') && t >= 14_200_000 && t <= 15_800_000);
    const chrome = await exported('Chrome trace events');
    expect(chrome.name).toBe('seed-42.chrome.json');
    const { traceEvents } = JSON.parse(chrome.bytes.toString()) as {
      traceEvents: readonly { ph: string; ts?: number; name: string; args?: { name?: string } }[];
    };
    expect(traceEvents.length).toBeGreaterThan(100);
    const names = traceEvents.flatMap(({ ph, args }) => (ph === 'M' ? [args?.name] : []));
    for (const lane of ['server 1', 'server 5', 'client 1']) expect(names).toContain(lane);

    const shiviz = await exported('ShiViz log');
    expect(shiviz.name).toBe('seed-42.shiviz.log');
    const [expression, ...rows] = shiviz.bytes.toString().trimEnd().split('\n');
    expect(expression).toContain('(?<');
    expect(rows.length).toBeGreaterThan(inView.length / 2);
    await page.keyboard.press('Escape');
    expect(viewer.complaints).toEqual([]);
  });
});

describe('the laboratory', () => {
  it('runs a story in the page, changes its schedule and shows what became different', async () => {
    await page.goto('about:blank');
    await page.goto(`${await served(null)}#tab=lab`);
    await page.getByLabel('Scenario').selectOption('contested-election');
    await page.locator('#lab-run-scenario').click();
    await page.waitForFunction(() => {
      const { vivarium } = globalThis as unknown as { vivarium: { lab: { last: { hash: string } | null } } };
      return vivarium.lab.last !== null;
    });
    const expected = traced(story('contested-election'));
    await expect.poll(() => text('.lab')).toContain(expected.hash);
    const ops = page.locator('.ops li');
    const count = await ops.count();
    expect(count).toBe(story('contested-election').ops.length);
    await ops.first().focus();
    await page.keyboard.press('Delete');
    expect(await ops.count()).toBe(count - 1);
    expect(await text('.changed-box')).toContain('1 change');
    await page.locator('#lab-again').click();
    await page.waitForFunction((before) => {
      const { vivarium } = globalThis as unknown as {
        vivarium: { lab: { last: { hash: string }; isRunning: boolean } };
      };
      return !vivarium.lab.isRunning && vivarium.lab.last.hash !== before;
    }, expected.hash);
    await page.keyboard.press('6');
    await expect.poll(() => text('#panel .body')).toContain('The first difference');
    await page.keyboard.press('x');
    await expect.poll(() => text('#run')).toContain('contested-election');
    expect(viewer.complaints).toEqual([]);
  });

  it('a bar above the lanes can be dragged', async () => {
    await page.keyboard.press('7');
    const box = await page.evaluate(() => {
      const { vivarium } = globalThis as unknown as {
        vivarium: {
          app: { scene: { faults: { from: number; to: number; what: { op: number } }[]; faultLines: number[] } };
          stage: {
            scale: { x(t: number): number };
            layout: { gutter: number; faults: { top: number }; faultLine: number };
          };
        };
      };
      const { app, stage } = vivarium;
      const at = app.scene.faults.findIndex(({ what }) => what.op > 0);
      const fault = app.scene.faults[at]!;
      const pane = document.querySelector('#stage .pane')!.getBoundingClientRect();
      return {
        x: pane.left + stage.scale.x(fault.from) + 2,
        y: pane.top + stage.layout.faults.top + (app.scene.faultLines[at]! + 0.5) * stage.layout.faultLine,
      };
    });
    await page.mouse.move(box.x, box.y);
    await page.mouse.down();
    await page.mouse.move(box.x + 60, box.y, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => text('.changed-box')).toContain('change');
    await page.keyboard.press('z');
    await expect.poll(() => page.locator('.changed-box').count()).toBe(0);
    expect(viewer.complaints).toEqual([]);
  });
});

describe('a run that broke a promise', () => {
  /** A core that forgot what ZOOKEEPER-2845 taught, in a seed that shows it. */
  const BUG = 'vote-by-the-tree';
  type Hunt = { readonly id: string; readonly judge: string; readonly profile: Profile };
  let profile: Profile;
  let runs: typeof import('./runs.ts');
  let broken: Traced;

  beforeAll(async () => {
    const mutant = [...readCatalog('catalog'), ...readCatalog('zoo')].find(({ id }) => id === BUG)!;
    // As it was hunted; the page takes its seed from the same file.
    const hunts = JSON.parse(readFileSync(join(ROOT, 'test/zoo/results.json'), 'utf8')) as readonly Hunt[];
    profile = hunts.find(({ id, judge }) => id === BUG && judge === 'all')!.profile;
    const file = await bundleSimulator(mutant, 'test/browser/runs.ts');
    runs = (await import(pathToFileURL(file).href)) as typeof import('./runs.ts');
    rmSync(file, { force: true });
    for (let number = 1; broken === undefined && number <= 60; number++) {
      const made = runs.traced(runs.seed(String(number), profile));
      if (made.violations[0]?.kind === 'safety') broken = made;
    }
  });

  it('opens where it did, names the promise, and lights the events that clash', async () => {
    await open(await served(gzipSync(broken.bytes), 'broken.ndjson.gz'));
    const [violation] = broken.violations;
    await expect.poll(() => text('#panel .body')).toContain(violation!.sentence);
    expect(await text('#panel .body')).toContain(violation!.message);
    expect(await text('#run')).toContain('safety');
    const lit = await page.evaluate(
      () => (globalThis as unknown as { vivarium: { app: { lit: Set<number> | null } } }).vivarium.app.lit?.size ?? 0,
    );
    expect(lit).toBe(new Set(violation!.events).size);
    expect(await hash()).toContain('v=');
    expect(viewer.complaints).toEqual([]);
  });

  it('in the laboratory: a bug is chosen, happens as on the command line, and not without it', async () => {
    await page.goto('about:blank');
    await page.goto(`${await served(null)}#tab=lab`);
    expect(await page.getByLabel('Bug').locator('option').count()).toBeGreaterThan(40);
    await page.getByLabel('Bug').selectOption(BUG);
    await page.locator('#lab-run-bug').click();
    await expect.poll(() => text('#panel .body'), { timeout: 30_000 }).toContain('The promise:');
    expect(await text('#run')).toContain(`a core with the bug ${BUG}`);
    const [, bug, number] = /src=bug:([^:]+):(\d+)/.exec(await hash())!;
    expect(bug).toBe(BUG);
    const expected = runs.traced(runs.seed(number!, profile));
    expect(await text('#panel .body')).toContain(expected.violations[0]!.message);
    await page.keyboard.press('7');
    await expect.poll(() => text('.lab')).toContain(expected.hash);
    // From the selected event on with other dice: as often as the command line counts.
    const event = await page.evaluate(async () => {
      const { app } = (globalThis as unknown as { vivarium: { app: App } }).vivarium;
      type App = {
        view: { event: number };
        select(index: number): void;
        trace: { model: { event(index: number): Promise<{ id: number }> } };
      };
      app.select(Math.floor(app.view.event * 0.8));
      return (await app.trace.model.event(app.view.event)).id;
    });
    await page.locator('#futures-runs').fill('4');
    await page.locator('#futures-one').click();
    const counted = runs.futuresOf(runs.seed(number!, profile), event, 4)!;
    await expect
      .poll(() => text('#futures-sentence'), { timeout: 30_000 })
      .toContain(`in ${counted.points[0]!.failed} of 4 futures`);
    await page.locator('#lab-sound').click();
    await expect.poll(() => text('#run'), { timeout: 30_000 }).toContain('kept every promise');
    expect(await text('#run')).toContain(`without ${BUG}`);
    expect(viewer.complaints).toEqual([]);
  });
});

describe('a real ensemble', () => {
  const files = javaLogs(shortTrace().lines).map(({ name, text: content }) => ({
    name,
    mimeType: 'text/plain',
    buffer: Buffer.from(content),
  }));

  /** What must be seen of them, however they came in. */
  async function seen(): Promise<void> {
    await loaded();
    const bar = await text('#run');
    expect(bar).toContain('a real ensemble');
    expect(bar).toContain('3 servers');
    // So far ahead they were made (test/viewer-model/java-logs.ts), within what a message takes.
    const [, second, third] = /clocks set right: 2 \+([\d.]+) s, 3 −(\d+) ms/.exec(bar) ?? [];
    expect(Math.abs(Number(second) * 1000 - SKEW_MS[2]!)).toBeLessThan(60);
    expect(Math.abs(Number(third) + SKEW_MS[3]!)).toBeLessThan(10);
    expect(await page.locator('.lane-name b').allInnerTexts()).toEqual(['server 1', 'server 2', 'server 3']);
    await page.keyboard.press('e');
    await expect.poll(() => text('.held')).toContain('voted for');
    expect(await text('#panel')).toMatch(/server 3 leads epoch 1/);
    expect(viewer.complaints).toEqual([]);
  }

  it('its log files are chosen together: lanes, clocks, the first election', async () => {
    await page.goto('about:blank');
    await page.goto(await served(null));
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Open a file…' }).click(),
    ]);
    await chooser.setFiles(files);
    await seen();
  });

  it('or dropped on the page', async () => {
    await page.goto('about:blank');
    await page.goto(await served(null));
    await page.locator('#empty').waitFor();
    await page.evaluate(
      (dropped) => {
        const data = new DataTransfer();
        for (const { name, content } of dropped) data.items.add(new File([content], name));
        window.dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
      },
      files.map(({ name, buffer }) => ({ name, content: buffer.toString() })),
    );
    await seen();
  });
});

describe('files that are not what they should be', () => {
  it('an empty file is named as what it is', async () => {
    await open(await served(new Uint8Array(0), 'nothing.ndjson'));
    await expect.poll(() => text('#empty')).toContain('The file is empty.');
    expect(viewer.complaints).toEqual([]);
  });

  it('a trace that was cut off shows what could be read, and says so', async () => {
    const packed = gzipSync(run.bytes);
    await open(await served(packed.subarray(0, Math.floor(packed.length / 2)), 'half.ndjson.gz'));
    await expect.poll(() => text('#run')).toMatch(/cut off/);
    await page.locator('#run button').click();
    const told = await text('.sheet');
    expect(told).toMatch(/[1-9][0-9,]* events/);
    await page.keyboard.press('Escape');
    expect(await page.locator('.lane-name').count()).toBeGreaterThan(5);
    expect(viewer.complaints).toEqual([]);
  });

  it('something else is refused in words', async () => {
    await open(await served(new TextEncoder().encode('PK\u0003\u0004 not a trace at all'), 'holiday.zip'));
    await expect.poll(() => text('#empty')).toContain('holiday.zip cannot be shown');
    expect((await text('#empty')).length).toBeGreaterThan(50);
    expect(viewer.complaints).toEqual([]);
  });
});

describe('one page', () => {
  it('opens from a disk, without any server, with the run inside', async () => {
    const file = join(tmpdir(), `vivarium-${process.pid}.html`);
    writeFileSync(file, withTrace(await viewerPage(ROOT), gzipSync(run.bytes), 'attached.ndjson'));
    await viewer.context.setOffline(true);
    await open(`file://${file}`);
    expect(await text('#run')).toContain('attached.ndjson');
    expect(await text('#run')).toContain('kept every promise');
    await viewer.context.setOffline(false);
    expect(viewer.complaints).toEqual([]);
  });
});

describe('by keyboard alone', () => {
  it('everything in the page can be reached, sees where it is, and comes back', async () => {
    await open(await served(gzipSync(run.bytes), 'keys.ndjson.gz'));
    await page.keyboard.press('?');
    expect(await text('.sheet')).toContain('change of leader');
    await page.keyboard.press('Escape');
    expect(await page.locator('.sheet').count()).toBe(0);
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab');
      seen.add(await focused());
      const ring = await page.evaluate(() => {
        const element = document.activeElement;
        return element === null || element === document.body ? '' : getComputedStyle(element).outlineStyle;
      });
      expect(['solid', 'auto', '']).toContain(ring);
    }
    for (const wanted of ['Open', 'Legend', 'Help', 'Elections'])
      expect(
        [...seen].some((name) => name.includes(wanted)),
        wanted,
      ).toBe(true);
    // Down to a server, along its events, to the cause, and to its state.
    await page.keyboard.press('Escape');
    await page.keyboard.press('e');
    await page.keyboard.press('e');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press(']');
    await page.keyboard.press('c');
    expect(await hash()).toMatch(/e=\d+/);
    await page.keyboard.press('3');
    await expect.poll(() => page.locator('[role="tree"]').count()).toBe(1);
    await page.keyboard.press('g');
    await page.keyboard.type('5s');
    await page.keyboard.press('Enter');
    await page.keyboard.press('+');
    await expect.poll(hash).toMatch(/t=\d+-\d+/);
    const [, from, to] = /t=(\d+)-(\d+)/.exec(await hash())!;
    expect(Number(from)).toBeLessThan(5_000_000);
    expect(Number(to)).toBeGreaterThan(5_000_000);
    expect(viewer.complaints).toEqual([]);
  });
});
