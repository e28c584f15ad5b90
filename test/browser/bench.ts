/**
 * How fast the viewer is: `npm run bench:viewer -- [TRACE]`. A trace of a million events (made once, by the simulator, if none is
 * named) is opened in a Chromium without a window and without a graphics card, and then panned and zoomed. Wall-clock times of
 * one machine: what counts is how they stand to each other and to the bounds in docs/viewer.md.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { run } from '../../sim/runner.ts';
import { generate } from '../../sim/swarm.ts';
import { trace } from '../../sim/tracer.ts';
import { page as viewerPage } from '../../viewer/node/bundle.ts';
import { serve } from '../../viewer/node/serve.ts';
import { writeLongTrace } from '../bench/long-trace.ts';
import { openBrowser } from './browser.ts';

const FOLDER = '.build';
const EVENTS = 1_000_000;
const EVENTS_SMALL = 100_000;
const FRAMES = 240;

/** Made once: the simulator needs a minute for it. */
function longTrace(events: number): string {
  const file = join(FOLDER, `long-${events}.ndjson.gz`);
  if (!existsSync(file)) {
    mkdirSync(FOLDER, { recursive: true });
    writeLongTrace(file, events);
  }
  return file;
}

interface Measured {
  readonly firstMs: number;
  readonly wholeMs: number;
  readonly events: number;
}

/** Opens the trace and watches for the first picture and for the last. */
async function open(page: Page, address: string): Promise<Measured> {
  await page.goto('about:blank');
  await page.addInitScript(`
globalThis.marks = {};
    const see = () => requestAnimationFrame(() => {
      const { app } = globalThis.vivarium;
      if (app.scene === null || app.scene.picture.events.count === 0) return;
      marks.first ??= performance.now();
      if (app.trace.info.phase !== 'reading' && app.scene.picture.complete) marks.whole ??= performance.now();
    });
    // The page is told what changed, and not asked in every frame, which would keep its thread busy.
    const wait = () => {
      const { app } = globalThis.vivarium ?? {};
      if (app === undefined) setTimeout(wait, 10);
      else { app.on('scene', see); app.on('trace', see); see(); }
    };
    document.addEventListener('DOMContentLoaded', wait);
  `);
  await page.goto(address);
  // Asked from outside: the page's own policy lets nobody evaluate text inside it.
  while ((await page.evaluate('marks.whole === undefined')) === true) await page.waitForTimeout(250);
  return (await page.evaluate(
    '({ firstMs: marks.first, wholeMs: marks.whole, events: vivarium.app.scene.picture.events.count })',
  )) as Measured;
}

interface Pan {
  readonly name: string;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly drawMs: number;
  /** CPU time a frame of the thread that draws, and of everything else the browser does for it. */
  readonly mainCpuMs: number;
  readonly otherCpuMs: number;
}

/** Moves the view every frame for a while; gives the times between frames, and of drawing alone. */
async function move(page: Page, name: string, step: string): Promise<Pan> {
  const before = cpuMs();
  const { gaps, draws } = (await page.evaluate(`new Promise((resolve) => {
    const { app, stage } = vivarium;
    const gaps = [];
    let last = performance.now();
    let i = 0;
    stage.frames.length = 0;
    const tick = (now) => {
      gaps.push(now - last);
      last = now;
      const { from, to } = app.range;
      ${step}
      if (++i < ${FRAMES}) requestAnimationFrame(tick);
      else resolve({ gaps: gaps.slice(5), draws: [...stage.frames] });
    };
    requestAnimationFrame(tick);
  })`)) as { gaps: number[]; draws: number[] };
  const after = cpuMs();
  return {
    name,
    medianMs: quantile(gaps, 0.5),
    p95Ms: quantile(gaps, 0.95),
    drawMs: quantile(draws, 0.95),
    mainCpuMs: (after.main - before.main) / FRAMES,
    otherCpuMs: (after.other - before.other) / FRAMES,
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** CPU time of the browser so far: of the first threads of processes that draw pages, and of all others; 10 ms a tick. */
function cpuMs(): { readonly main: number; readonly other: number } {
  const spent = { main: 0, other: 0 };
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (Number(name) === process.pid || !isBelow(Number(name), process.pid)) continue;
      const isRenderer = readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('--type=renderer');
      for (const thread of readdirSync(`/proc/${name}/task`)) {
        const text = readFileSync(`/proc/${name}/task/${thread}/stat`, 'utf8');
        const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
        spent[isRenderer && thread === name ? 'main' : 'other'] += (Number(fields[11]) + Number(fields[12])) * 10;
      }
    } catch {
      // It ended meanwhile.
    }
  }
  return spent;
}

/** Resident memory of the processes that draw pages, MB. */
function rendererMb(profileOwner: number): number {
  let largest = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      if (!command.includes('--type=renderer')) continue;
      if (!isBelow(Number(name), profileOwner)) continue;
      const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${name}/status`, 'utf8'));
      largest = Math.max(largest, Number(rss?.[1] ?? 0) / 1024);
    } catch {
      // It ended meanwhile.
    }
  }
  return Math.round(largest);
}

function isBelow(pid: number, ancestor: number): boolean {
  for (let at = pid; at > 1; ) {
    if (at === ancestor) return true;
    at = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${at}/status`, 'utf8'))?.[1] ?? 0);
  }
  return false;
}

type Say = (name: string, text: string) => void;

/** Opens a trace and says how long that takes. */
async function reading(page: Page, html: string, file: string, say: Say): Promise<void> {
  const address = await serve({ html, trace: readFileSync(file), name: file, port: 0 });
  const before = cpuMs();
  const opened = await open(page, address);
  const after = cpuMs();
  say('trace', `${opened.events.toLocaleString('en')} events, ${(statSync(file).size / 1e6).toFixed(1)} MB packed`);
  say('first picture', `${opened.firstMs.toFixed(0)} ms`);
  say(
    'whole',
    `${opened.wholeMs.toFixed(0)} ms; CPU ${((after.other - before.other) / 1000).toFixed(1)} s in workers and beside the page, ${((after.main - before.main) / 1000).toFixed(1)} s in the page`,
  );
  say('memory of the page', `${rendererMb(process.pid)} MB`);
}

async function main(given: string | undefined): Promise<void> {
  const browser = await openBrowser({ width: 1280, height: 800 });
  const say: Say = (name, text) => void process.stdout.write(`${name.padEnd(34)}${text}\n`);
  const { page } = browser;
  try {
    // Wall-clock times mean little where others work, too.
    say('load of the machine', `${loadavg()[0]!.toFixed(1)} on ${cpus().length} cores`);
    const html = await viewerPage(process.cwd());
    if (given === undefined) await reading(page, html, longTrace(EVENTS_SMALL), say);
    await reading(page, html, given ?? longTrace(EVENTS), say);
    const whole = 'vivarium.app.setRange(vivarium.app.whole);';
    await page.evaluate(whole);
    const pans = [
      await move(
        page,
        'pan at a tenth of the run',
        `if (i === 0) { const l = (app.whole.to - app.whole.from) / 10; app.setRange({ from: app.whole.from, to: app.whole.from + l }); } else app.setRange({ from: from + (to - from) * 0.01, to: to + (to - from) * 0.01 });`,
      ),
      await move(
        page,
        'pan at 10 s',
        `if (i === 0) app.setRange({ from: app.whole.to / 2, to: app.whole.to / 2 + 1e7 }); else app.setRange({ from: from + 1e5, to: to + 1e5 });`,
      ),
      await move(
        page,
        'pan at 200 ms',
        `if (i === 0) app.setRange({ from: app.whole.to / 2, to: app.whole.to / 2 + 2e5 }); else app.setRange({ from: from + 2e3, to: to + 2e3 });`,
      ),
      await move(
        page,
        'zoom from all to 1 ms',
        `if (i === 0) app.setRange(app.whole); else { const c = app.whole.to * 0.4; const l = (to - from) * 0.93; app.setRange(l < 1000 ? app.whole : { from: c - l / 2, to: c + l / 2 }); }`,
      ),
    ];
    for (const { name, medianMs, p95Ms, drawMs, mainCpuMs, otherCpuMs } of pans) {
      say(
        name,
        `${(1000 / p95Ms).toFixed(0)} frames/s at the 5th percentile (median ${(1000 / medianMs).toFixed(0)}), CPU a frame ${mainCpuMs.toFixed(1)} ms + ${otherCpuMs.toFixed(1)} ms beside it, drawing ${drawMs.toFixed(1)} ms at the 95th`,
      );
    }
    const states = (await page.evaluate(`(async () => {
      const { app } = vivarium;
      const { count, host } = app.scene.picture.events;
      const times = [];
      for (let i = 1; i <= 40; i++) {
        const index = Math.floor((count * ((i * 0.6180339887) % 1))) || 1;
        const began = performance.now();
        await app.trace.model.state(1 + (i % app.scene.picture.servers.length), index);
        times.push(performance.now() - began);
      }
      return times;
    })()`)) as number[];
    say(
      'state at any event',
      `median ${quantile(states, 0.5).toFixed(0)} ms, slowest of 40 ${Math.max(...states).toFixed(0)} ms`,
    );
    await laboratory(page, html, say);
  } finally {
    await browser.close();
  }
  process.exit(0);
}

/** Seed 42 on the command line and in the page: the same run, without a trace and with one. */
async function laboratory(page: Page, html: string, say: Say): Promise<void> {
  const schedule = generate({ seed: '42', profile: 'default', commit: '', options: {} });
  const timed = (act: () => { readonly events: number }): number => {
    act();
    const began = performance.now();
    const { events } = act();
    return events / ((performance.now() - began) / 1000);
  };
  const raw = timed(() => run(schedule));
  const traced = timed(() => trace(schedule, (line) => JSON.stringify(line)));
  await page.goto(await serve({ html, trace: null, name: '', port: 0 }));
  const inPage = async (method: 'verdict' | 'trace'): Promise<number> =>
    (await page.evaluate(`(async () => {
      const { lab } = vivarium;
      const schedule = ${JSON.stringify(schedule)};
      await lab.${method}(schedule, 'bench');
      const summary = await lab.${method}(schedule, 'bench');
      return summary.events / (summary.tookMs / 1000);
    })()`)) as number;
  const rawPage = await inPage('verdict');
  const tracedPage = await inPage('trace');
  const rate = (value: number): string => Math.round(value).toLocaleString('en');
  say(
    'seed 42, no trace',
    `${rate(raw)} events/s in Node, ${rate(rawPage)} in the page: ${((100 * rawPage) / raw).toFixed(0)} %`,
  );
  say(
    'seed 42, traced',
    `${rate(traced)} events/s in Node, ${rate(tracedPage)} in the page: ${((100 * tracedPage) / traced).toFixed(0)} %`,
  );
}

await main(process.argv[2]);
