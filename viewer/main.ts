/** The page: puts the parts together, opens what the address or the page itself names, and says in words what is going on. */

import './style.css';
import { App, firstTheme, type Loaded } from './app/app.ts';
import { byId, fill, h, s } from './app/dom.ts';
import { type Actions, bindKeys, KEYS } from './app/keys.ts';
import { legend } from './app/legend.ts';
import { Search } from './app/search.ts';
import { Minimap } from './draw/minimap.ts';
import { eventBefore, nearestEvent, Stage } from './draw/stage.ts';
import { Lab } from './lab/lab.ts';
import { hostName } from './lib/names.ts';
import { DARK, LIGHT } from './lib/palette.ts';
import { neighbourOf, type Scene } from './lib/scene.ts';
import { duration, instant, parseTime } from './lib/time.ts';
import type { TraceSource } from './model/api.ts';
import { CausePanel } from './panels/cause.ts';
import { ComparePanel } from './panels/compare.ts';
import { ElectionsPanel } from './panels/elections.ts';
import { LabPanel } from './panels/lab.ts';
import { bugOf } from './panels/lab-zoo.ts';
import { Panels } from './panels/panel.ts';
import { StatePanel } from './panels/state.ts';
import { StoryPanel } from './panels/story.ts';
import { TablePanel } from './panels/table.ts';
import { ViolationPanel } from './panels/violation.ts';
import { startModel, traceBeside } from './start-model.ts';

const app = new App(startModel());
app.setTheme(firstTheme());

const lab = new Lab(app);
const stage = new Stage(app);
new Minimap(app);
const search = new Search(app);
const elections = new ElectionsPanel(app);
const story = new StoryPanel(app);
const state = new StatePanel(app);
const cause = new CausePanel(app);
const violation = new ViolationPanel(app);
const compare = new ComparePanel(app, () => chooseFile(true));
const labPanel = new LabPanel(app, lab, stage, () => app.trace !== null && void goToViolation(app.trace, true));
const table = new TablePanel(app);

makeBar();
new Panels(app, [elections, story, state, cause, violation, compare, labPanel, table]);
makeStatus();
bindSplit();
bindDrop();
bindKeys(makeActions());
app.on('trace', () => {
  tellRun();
  showEmpty();
});
app.on('progress', () => tellRun());
app.on('scene', () => showEmpty());
showEmpty();
void openFirst();

/** For the bench and the tests of the browser: what they measure and compare has no other handle. */
Object.assign(globalThis, { vivarium: { app, stage, lab, labPanel } });

// --- the bar ---------------------------------------------------------------------------------------------------------

function makeBar(): void {
  const logo = s(
    'svg',
    { viewBox: '0 0 16 16', 'aria-hidden': 'true' },
    s('path', { d: 'M1 3.5h14M1 8h14M1 12.5h14', stroke: 'currentColor', 'stroke-width': 1.1, opacity: 0.45 }),
    s('path', { d: 'M3 3.5l5 9 5-9', fill: 'none', stroke: 'var(--accent)', 'stroke-width': 1.9 }),
  );
  const button = (text: string, title: string, act: () => void): HTMLElement =>
    h('button', { class: 'quiet', title, onclick: act }, text);
  fill(
    byId('bar'),
    h('h1', {}, logo, 'Vivarium'),
    h('div', { id: 'run', 'aria-live': 'polite' }),
    search.root,
    h(
      'div',
      { class: 'tools' },
      button('Open', 'Open a trace (Shift O), or drop one anywhere', () => chooseFile(false)),
      button('Export', 'The picture, or the trace for other tools', showExport),
      button('Legend', 'What everything means (i)', showLegend),
      button('Theme', 'Light or dark (t)', () => app.setTheme(app.theme === LIGHT ? DARK : LIGHT)),
      button('Help', 'Keys (?)', showHelp),
    ),
  );
}

/** Which run this is, how it ended, and how far it has been read. */
function tellRun(): void {
  const { trace } = app;
  const run = byId('run');
  if (trace === null) {
    fill(run);
    return;
  }
  const { info, progress } = trace;
  document.title = `${info.name} – Vivarium`;
  const isReading = info.phase === 'reading';
  const percent =
    progress !== null && progress.bytesTotal > 0
      ? ` ${Math.round((100 * progress.bytesRead) / progress.bytesTotal)} %`
      : '';
  const details = [
    info.seed === null || info.seed === '' ? '' : `seed ${info.seed}`,
    `${info.servers.length} servers`,
    info.clients.length === 0 ? '' : `${info.clients.length} clients`,
    duration(info.endUs - info.beginUs),
    `${info.events.toLocaleString('en')} events`,
  ].filter((text) => text !== '');
  const verdict = info.verdict;
  const bug = lab.bugOf(trace);
  fill(
    run,
    h('span', { class: 'what' }, info.name),
    bug !== null && h('span', { class: 'chip bad', title: bugOf(bug)?.says ?? '' }, `a core with the bug ${bug}`),
    isReading
      ? h('span', { class: 'chip' }, lab.isRunning ? 'running' : `reading${percent}`)
      : verdict !== null && verdict.verdict === 'ok' && info.seed === ''
        ? h('span', { class: 'chip', title: 'Promises are checked in simulated runs' }, 'a real ensemble')
        : verdict !== null
          ? h(
              'span',
              { class: `chip ${verdict.verdict === 'ok' ? 'good' : 'bad'}` },
              verdict.verdict === 'ok' ? '✓ kept every promise' : `▲ ${verdict.verdict}`,
            )
          : h('span', { class: 'chip bad' }, info.phase === 'failed' ? 'not readable' : 'cut off'),
    info.problems.length > 0 &&
      h(
        'button',
        { class: 'chip bad', onclick: () => showProblems(trace) },
        info.problems.length === 1 ? 'a problem' : `${info.problems.length} problems`,
      ),
    clocksOf(info),
    h('span', { class: 'detail' }, details.join(' · ')),
  );
}

/** Real servers log by their own clocks. Whoever compares the picture with the files needs to know what was taken off. */
function clocksOf({ clockOffsetsMs }: Loaded['info']): HTMLElement | false {
  const off = clockOffsetsMs.filter(({ ms }) => Math.abs(ms) >= 1);
  if (off.length === 0) return false;
  const text = off.map(({ host, ms }) => `${host} ${ms > 0 ? '+' : '−'}${duration(Math.abs(ms) * 1000)}`).join(', ');
  const first = clockOffsetsMs[0]!.host;
  return h(
    'span',
    {
      class: 'chip',
      title: `So far the clocks were ahead (+) or behind (−) that of server ${first}, as the messages between the servers tell. The picture is in the time of server ${first}.`,
    },
    `clocks set right: ${text}`,
  );
}

// --- what is open ----------------------------------------------------------------------------------------------------

async function openFirst(): Promise<void> {
  const inside = document.getElementById('trace');
  if (inside !== null) {
    const bytes = await unpackBase64(inside.textContent ?? '');
    inside.remove();
    const loaded = await app.open({ kind: 'bytes', name: inside.dataset.name ?? 'trace', bytes }, { keepView: true });
    await goToViolation(loaded);
    return;
  }
  const beside = traceBeside();
  if (beside !== null) {
    await openBeside(beside);
    return;
  }
  const { source } = app.view;
  if (source === null) return;
  const [kind, name, profile] = source.split(':');
  if (kind === 'seed' && name !== undefined)
    await labPanel.runSeed(name, (profile ?? 'default') as Parameters<LabPanel['runSeed']>[1]);
  else if (kind === 'scenario' && name !== undefined) await labPanel.runScenario(name);
  else if (kind === 'bug' && name !== undefined) await labPanel.runBug(name, profile ?? null);
}

/** The trace that the server of this page was started with. */
async function openBeside(source: Promise<TraceSource>): Promise<void> {
  try {
    const loaded = await app.open(await source, { keepView: true });
    await goToViolation(loaded);
  } catch (error) {
    showSheet(
      'The trace could not be loaded',
      h(
        'p',
        {},
        `${error instanceof Error ? error.message : String(error)}. Start the viewer again, or open the file here.`,
      ),
    );
  }
}

/** A data address is decoded by the browser itself, which is many times faster than by hand. */
async function unpackBase64(text: string): Promise<Uint8Array> {
  try {
    const response = await fetch(`data:application/octet-stream;base64,${text}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }
}

/** A run that broke a promise opens where it did, unless the address says otherwise. */
async function goToViolation(loaded: Loaded, always = false): Promise<void> {
  const isAsked = app.view.event !== null || app.view.range !== null || app.view.tab !== 'elections';
  await app.viewer.whenLoaded(loaded.id);
  if ((isAsked && !always) || app.trace !== loaded) return;
  const [first] = await loaded.model.violations();
  if (first !== undefined) violation.open(first);
}

async function openFile(file: File, asOther = false): Promise<void> {
  if (/\.json$/i.test(file.name) && file.size < 4_000_000) {
    labPanel.load(await file.text(), file.name);
    app.show({ tab: 'lab' });
    return;
  }
  const loaded = await app.open({ kind: 'blob', name: file.name, blob: file }, { asOther });
  if (!asOther) app.show({ source: null });
  await app.viewer.whenLoaded(loaded.id);
  if (!asOther) await goToViolation(loaded);
}

function chooseFile(asOther: boolean): void {
  const input = h('input', { type: 'file', multiple: !asOther, accept: '.ndjson,.gz,.json,.jsonl,.log,.txt' });
  input.addEventListener('change', () => void openFiles([...(input.files ?? [])], asOther));
  input.click();
}

async function openFiles(files: readonly File[], asOther = false): Promise<void> {
  const [first, ...others] = files;
  if (first === undefined) return;
  const areLogs = others.length > 0 && files.every(({ name }) => /\.(log|txt|out)(\.gz)?$/i.test(name));
  if (areLogs) {
    await app.open({ kind: 'logs', files: files.map((file) => ({ name: file.name, blob: file })) });
    return;
  }
  await openFile(first, asOther);
  for (const file of others) await openFile(file, true);
}

function bindDrop(): void {
  const show = (isOver: boolean): void => void document.body.classList.toggle('drop', isOver);
  window.addEventListener('dragover', (event) => {
    event.preventDefault();
    show(true);
  });
  window.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) show(false);
  });
  window.addEventListener('drop', (event) => {
    event.preventDefault();
    show(false);
    void openFiles([...(event.dataTransfer?.files ?? [])]);
  });
}

/** In the place of the lanes while there are none: what one can do, or what went wrong. */
function showEmpty(): void {
  const { trace, scene } = app;
  const root = byId('stage');
  let empty = document.getElementById('empty');
  const failed = trace?.info.phase === 'failed';
  const isEmpty = scene === null || (scene.picture.lanes.length === 0 && trace?.info.phase !== 'reading');
  if (!isEmpty && !failed) {
    empty?.remove();
    return;
  }
  if (empty === null) {
    empty = h('div', { id: 'empty' });
    root.append(empty);
  }
  if (trace === null) {
    fill(
      empty,
      h('h2', {}, 'Open a run'),
      h(
        'p',
        {},
        'Drop a trace anywhere here, as ',
        h('code', { class: 'whole' }, 'npm run sim -- --seed 42 --trace run.ndjson.gz'),
        ' writes it. Or run one right here, in this page.',
      ),
      h(
        'p',
        { class: 'soft' },
        'Real servers, too: the log files of a Java ensemble, all of them at once, or a flight recording of one of ours.',
      ),
      h(
        'div',
        { class: 'row' },
        h('button', { class: 'primary', id: 'run-42', onclick: () => void labPanel.runSeed('42') }, 'Run seed 42'),
        h('button', { onclick: () => chooseFile(false) }, 'Open a file…'),
        h('button', { onclick: () => app.show({ tab: 'lab' }, true) }, 'Go to the laboratory'),
      ),
      h('p', { class: 'dim' }, h('kbd', {}, '?'), ' shows the keys, ', h('kbd', {}, 'i'), ' what everything means.'),
    );
  } else if (failed) {
    fill(
      empty,
      h('h2', { class: 'bad' }, `${trace.info.name} cannot be shown`),
      trace.info.problems.map(({ sentence }) => h('p', {}, sentence)),
      h('div', { class: 'row' }, h('button', { onclick: () => chooseFile(false) }, 'Open another file…')),
    );
  } else fill(empty, h('p', { class: 'soft' }, lab.isRunning ? 'The world is being made…' : 'Reading…'));
}

// --- the line at the bottom ------------------------------------------------------------------------------------------

function makeStatus(): void {
  const where = h('span', { class: 'where' });
  const what = h('span', { class: 'what' });
  const length = h('span', {});
  const axis = h('button', {
    class: 'quiet',
    title: 'Time, or the order of causes (o)',
    onclick: () => app.show({ axis: app.view.axis === 'time' ? 'order' : 'time' }, true),
  });
  fill(byId('status'), where, what, length, axis);
  const tellWhere = (): void => {
    const { scene, cursor, view, range } = app;
    if (scene === null) return;
    const at = cursor ?? (view.event === null ? null : app.placeOf(view.event));
    const isTime = scene.axis.kind === 'time';
    write(where, at === null ? '' : isTime ? instant(at) : `step ${Math.round(at)}, ${instant(scene.axis.timeAt(at))}`);
    const shown = range.to - range.from;
    const whole = app.whole.to - app.whole.from;
    write(
      length,
      isTime ? `${duration(shown)} of ${duration(whole)}` : `${Math.round(shown)} of ${Math.round(whole)} steps`,
    );
    write(axis, isTime ? 'axis: time' : 'axis: causal order');
  };
  app.on('cursor', tellWhere);
  app.on('scene', tellWhere);
  let telling = 0;
  app.on('view', (view, before) => {
    // While one zooms it would be another number in every frame.
    if (telling === 0)
      telling = window.setTimeout(() => {
        telling = 0;
        tellWhere();
      }, TELL_MS);
    if (view.event === before.event || view.event === null) return;
    const index = view.event;
    void app.trace?.model.event(index).then((detail) => {
      if (detail === null || app.view.event !== index) return;
      const text = `${instant(detail.timeUs)}  ${detail.sentence}`;
      what.textContent = detail.sentence;
      byId('live').textContent = text;
    });
  });
  app.on('say', (text) => {
    what.textContent = text;
    byId('live').textContent = text;
  });
}

/** Least time between two texts of the line at the bottom. */
const TELL_MS = 120;

/** A text that is the same is not written again: the page would be laid out for it in every frame. */
function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

// --- sheets ----------------------------------------------------------------------------------------------------------

let focusBefore: Element | null = null;

function showSheet(title: string, ...content: Parameters<typeof h>[2][]): void {
  const overlay = byId('overlay');
  focusBefore = document.activeElement;
  const sheet = h(
    'div',
    { class: 'sheet', role: 'dialog', 'aria-modal': 'true', 'aria-label': title, tabindex: -1 },
    h(
      'div',
      { class: 'row' },
      h('h2', {}, title),
      h('button', { class: 'push', onclick: closeSheet }, 'Close ', h('kbd', {}, 'Esc')),
    ),
    ...content,
  );
  fill(overlay, sheet);
  overlay.onclick = (event) => {
    if (event.target === overlay) closeSheet();
  };
  // The focus stays inside while the sheet is open.
  sheet.addEventListener('keydown', (event) => {
    if (event.key !== 'Tab') return;
    const inside = [...sheet.querySelectorAll<HTMLElement>('button, input, select, [tabindex="0"]')];
    const at = inside.indexOf(document.activeElement as HTMLElement);
    const next = inside[(at + (event.shiftKey ? -1 : 1) + inside.length) % inside.length];
    event.preventDefault();
    next?.focus();
  });
  sheet.focus();
}

function closeSheet(): void {
  fill(byId('overlay'));
  if (focusBefore instanceof HTMLElement) focusBefore.focus();
}

const isSheetOpen = (): boolean => byId('overlay').childElementCount > 0;

function showHelp(): void {
  if (isSheetOpen()) {
    closeSheet();
    return;
  }
  showSheet(
    'Keys',
    h(
      'div',
      { class: 'columns' },
      KEYS.map(({ title, keys }) =>
        h(
          'section',
          { class: 'stack tight' },
          h('h3', {}, title),
          h(
            'dl',
            { class: 'keys' },
            keys.map(({ shown, says }) => [
              h(
                'dt',
                {},
                shown.split(' ').map((key) => [h('kbd', {}, key), ' ']),
              ),
              h('dd', {}, says),
            ]),
          ),
        ),
      ),
      h(
        'section',
        { class: 'stack tight' },
        h('h3', {}, 'With the pointer'),
        h(
          'dl',
          { class: 'keys' },
          [
            ['wheel', 'zoom around the pointer'],
            ['drag', 'pan; Shift and drag: zoom to what is marked'],
            ['click', 'select the event it stands for'],
            ['names', 'select a lane and show its state'],
          ].map(([name, text]) => [h('dt', {}, name), h('dd', {}, text)]),
        ),
        h('h3', {}, 'Search'),
        h(
          'p',
          { class: 'soft' },
          h('code', {}, 'kind:ACK server:2 zxid>0x200000003 t:3s..5s'),
          ' – blanks mean and, ',
          h('code', {}, '|'),
          ' or, ',
          h('code', {}, '-'),
          ' not, parentheses group; bare words are looked for in the sentences.',
        ),
      ),
    ),
  );
}

function showLegend(): void {
  if (isSheetOpen()) closeSheet();
  else showSheet('Legend', legend(app));
}

function showProblems({ info }: Loaded): void {
  showSheet(
    info.problems.length === 1 ? 'A problem with this trace' : 'Problems with this trace',
    h(
      'ul',
      { class: 'stack' },
      info.problems.map(({ sentence, line }) =>
        h('li', {}, sentence, line !== null && h('span', { class: 'dim' }, ` (line ${line})`)),
      ),
    ),
    h(
      'p',
      { class: 'soft' },
      `What could be read is shown: ${info.events.toLocaleString('en')} events, up to ${instant(info.endUs)}.`,
    ),
    info.problems.some(({ hasSchedule }) => hasSchedule) &&
      h('p', { class: 'soft' }, 'Its schedule is whole, so the laboratory can make the run again.'),
  );
}

/** Hands a file to whoever looks at the page. */
function save(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  h('a', { href: address, download: name }).click();
  // The browser has taken it up by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function showExport(): void {
  const { trace, scene } = app;
  if (trace === null || scene === null) {
    showSheet('Export', h('p', {}, 'There is nothing to export: no trace is open.'));
    return;
  }
  const name = trace.info.name.replace(/\.(ndjson|gz)/g, '');
  const part = (): Part => ({
    fromUs: scene.axis.timeAt(app.range.from),
    toUs: scene.axis.timeAt(app.range.to),
  });
  const told = h('p', { class: 'soft', role: 'status' });
  const item = (title: string, says: string, make: () => Promise<[string, Blob] | null>): HTMLElement =>
    h(
      'div',
      { class: 'row' },
      h(
        'button',
        {
          onclick: async () => {
            told.textContent = `${title}: is being made…`;
            try {
              const made = await make();
              if (made !== null) save(...made);
              told.textContent = made === null ? `${title}: could not be made` : `${title}: ${made[0]}`;
            } catch (error) {
              told.textContent = `${title}: ${error instanceof Error ? error.message : String(error)}`;
            }
          },
        },
        title,
      ),
      h('span', { class: 'soft' }, says),
    );
  showSheet(
    'Export',
    h('p', { class: 'soft' }, `What is in view: ${instant(part().fromUs)} to ${instant(part().toUs)}.`),
    item('Picture, SVG', 'the same picture as vectors, for papers and slides; it needs no other file', async () => {
      const text = stage.svg(captionOf(trace, part()), toldIn(scene, part()));
      return text === null ? null : [`${name}.svg`, new Blob([text], { type: 'image/svg+xml' })];
    }),
    item('Picture, PNG', 'as it is on the screen, with the names of the lanes', async () => {
      const blob = await stage.png(captionOf(trace, part()));
      return blob === null ? null : [`${name}.png`, blob];
    }),
    item('Chrome trace events', 'opens in Perfetto and in chrome://tracing', async () => [
      `${name}.chrome.json`,
      new Blob([await trace.model.exportChrome(part())], { type: 'application/json' }),
    ]),
    item('ShiViz log', 'its parser expression is the first line', async () => [
      `${name}.shiviz.log`,
      new Blob([await trace.model.exportShiviz(part())], { type: 'text/plain' }),
    ]),
    told,
  );
}

interface Part {
  readonly fromUs: number;
  readonly toUs: number;
}

/** Above a picture that leaves the page: which run, and which part of it. */
function captionOf({ info }: Loaded, { fromUs, toUs }: Part): string {
  const seed = info.seed === null || info.seed === '' || info.name.includes(info.seed) ? '' : ` · seed ${info.seed}`;
  return `${info.name}${seed} · ${instant(fromUs)} to ${instant(toUs)}`;
}

/** The picture in words, for whoever cannot see it: what is notable in that part of the run. */
function toldIn({ picture }: Scene, { fromUs, toUs }: Part): string {
  const items = picture.story.filter(({ timeUs, kind }) => timeUs >= fromUs && timeUs <= toUs && kind !== 'note');
  const told = items.slice(0, TOLD_MAX).map(({ timeUs, text }) => `${instant(timeUs)} ${text}.`);
  if (items.length > TOLD_MAX) told.push(`And ${items.length - TOLD_MAX} more.`);
  return told.length === 0 ? 'Nothing notable happens here.' : told.join(' ');
}

const TOLD_MAX = 40;

function askTime(): void {
  const input = h('input', { type: 'text', placeholder: '3.2s, 250ms, 1:05.5', 'aria-label': 'Time', size: 24 });
  const problem = h('p', { class: 'bad', role: 'alert' });
  const form = h(
    'form',
    {
      class: 'stack',
      onsubmit: (event: Event) => {
        event.preventDefault();
        const at = parseTime(input.value);
        if (at === null) {
          problem.textContent = 'That is not a time. Try 3.2s, 250ms, or 1:05.5.';
          return;
        }
        closeSheet();
        const place = app.scene?.axis.place(0, at, 0) ?? at;
        const half = (app.range.to - app.range.from) / 2;
        app.fly({ from: place - half, to: place + half });
      },
    },
    input,
    problem,
    h('button', { class: 'primary', type: 'submit' }, 'Go'),
  );
  showSheet('Go to a time', form);
  input.focus();
}

// --- layout ----------------------------------------------------------------------------------------------------------

function bindSplit(): void {
  const split = byId('split');
  const root = document.documentElement;
  const setWidth = (width: number): void =>
    root.style.setProperty('--panel-width', `${Math.round(Math.min(window.innerWidth * 0.7, Math.max(280, width)))}px`);
  split.addEventListener('pointerdown', (event) => {
    split.setPointerCapture(event.pointerId);
    const move = (moved: PointerEvent): void => setWidth(window.innerWidth - moved.clientX);
    split.addEventListener('pointermove', move);
    split.addEventListener('pointerup', () => split.removeEventListener('pointermove', move), { once: true });
  });
  split.addEventListener('keydown', (event) => {
    const by = event.key === 'ArrowLeft' ? 24 : event.key === 'ArrowRight' ? -24 : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    setWidth(byId('panel').getBoundingClientRect().width + by);
  });
}

// --- keys ------------------------------------------------------------------------------------------------------------

function makeActions(): Actions {
  /** Where "next" counts from: the selected event, else the left edge of the picture. */
  const here = (): number => app.view.event ?? 0;
  return {
    app,
    next: (kinds, direction) => {
      const items = (app.scene?.picture.story ?? []).filter(
        ({ kind, index }) => index > 0 && (kinds === 'any' ? kind !== 'note' : kinds.includes(kind)),
      );
      const item =
        direction > 0 ? items.find(({ index }) => index > here()) : items.findLast(({ index }) => index < here());
      if (item === undefined) app.say(`nothing of the kind ${direction > 0 ? 'after' : 'before'} this`);
      else story.open(item);
    },
    nextElection: (direction) => {
      const all = (app.scene?.picture.elections ?? []).filter(({ kind }) => kind === 'election');
      const current = all.findIndex(({ number }) => number === app.view.election);
      const at =
        app.view.event === null || current >= 0 ? current : all.findLastIndex(({ beginIndex }) => beginIndex <= here());
      const next = all[current >= 0 || direction > 0 ? at + direction : at];
      if (next === undefined) app.say(`no ${direction > 0 ? 'later' : 'earlier'} election`);
      else elections.open(next.number);
    },
    nextViolation: (direction) => {
      const all = app.scene?.picture.violations ?? [];
      const at = all.findIndex(({ number }) => number === app.view.violation);
      const next = all[at < 0 ? 0 : at + direction];
      if (next === undefined) app.say(all.length === 0 ? 'every promise was kept' : 'no other violation');
      else violation.open(next);
    },
    step: (direction) => {
      const { scene, view } = app;
      if (scene === null) return;
      if (view.event === null) {
        const index = nearestEvent(scene, state.server, app.cursor ?? app.range.from);
        if (index > 0) app.select(index);
        return;
      }
      const host = scene.picture.events.host[view.event - 1] ?? 0;
      const index = neighbourOf(scene, host, view.event, direction);
      if (index > 0) app.select(index, { reveal: true });
      else app.say(`no ${direction > 0 ? 'later' : 'earlier'} event on this lane`);
    },
    stepField: (direction) => void state.nextChange(direction),
    lane: (direction) => {
      const { scene, view } = app;
      if (scene === null) return;
      const lanes = stage.layout.lanes;
      const host = view.event === null ? view.server : scene.picture.events.host[view.event - 1];
      const at = lanes.findIndex((lane) => lane.host === host);
      const next = lanes[Math.min(lanes.length - 1, Math.max(0, at + direction))];
      if (next === undefined) return;
      const place = view.event === null ? (app.cursor ?? app.range.from) : app.placeOf(view.event);
      const index = eventBefore(scene, next.host, place) || nearestEvent(scene, next.host, place);
      stage.revealLane(next.host);
      if (index > 0) app.select(index, { reveal: true });
      else app.say(`${hostName(next.host)} has no event`);
    },
    toCause: () => {
      const { scene, view } = app;
      if (scene === null || view.event === null) return;
      const index = scene.picture.events.cause[view.event - 1] ?? 0;
      if (index > 0) app.select(index, { reveal: true });
      else app.say('it has no cause: it was there at the start');
    },
    cone: (direction) => {
      app.show({ tab: 'cause' });
      void cause.showCone(direction);
    },
    hit: (direction) => search.go(direction),
    focusSearch: () => search.focus(),
    focusLab: () => app.show({ tab: 'lab' }, true),
    goToTime: askTime,
    open: () => chooseFile(false),
    help: showHelp,
    legend: showLegend,
    togglePanel: () => {
      const main = byId('main');
      if (main.dataset.panel === 'closed') delete main.dataset.panel;
      else main.dataset.panel = 'closed';
    },
    escape: () => {
      const focus = document.activeElement;
      if (isSheetOpen()) closeSheet();
      else if (focus instanceof HTMLElement && focus !== document.body) focus.blur();
      else if (app.lit !== null) {
        void cause.showCone(null);
        app.light(null);
      } else app.show({ event: null, target: null });
    },
    undo: () => labPanel.undo(),
  };
}
