/** Every key in one table, which is also the help. */

import { DARK, LIGHT } from '../lib/palette.ts';
import { panRange, zoomRange } from '../lib/scale.ts';
import { TABS } from '../lib/url.ts';
import type { StoryItem } from '../model/api.ts';
import type { App } from './app.ts';

export interface Actions {
  readonly app: App;
  next(kinds: readonly StoryItem['kind'][] | 'any', direction: -1 | 1): void;
  nextElection(direction: -1 | 1): void;
  nextViolation(direction: -1 | 1): void;
  step(direction: -1 | 1): void;
  stepField(direction: -1 | 1): void;
  lane(direction: -1 | 1): void;
  toCause(): void;
  cone(direction: 'causes' | 'effects'): void;
  hit(direction: -1 | 1): void;
  focusSearch(): void;
  focusLab(): void;
  goToTime(): void;
  open(): void;
  help(): void;
  legend(): void;
  togglePanel(): void;
  escape(): void;
  undo(): void;
}

interface Key {
  /** As `KeyboardEvent.key`; several mean the same. */
  readonly keys: readonly string[];
  readonly shown: string;
  readonly says: string;
  readonly act: (actions: Actions, key: string) => void;
}

interface KeyGroup {
  readonly title: string;
  readonly keys: readonly Key[];
}

const pair = (
  lower: string,
  upper: string,
  shown: string,
  says: string,
  act: (actions: Actions, direction: -1 | 1) => void,
): Key => ({
  keys: [lower, upper],
  shown,
  says,
  act: (actions, key) => act(actions, key === lower ? 1 : -1),
});

export const KEYS: readonly KeyGroup[] = [
  {
    title: 'Move',
    keys: [
      pair('ArrowRight', 'ArrowLeft', '← →', 'pan', ({ app }, direction) =>
        app.setRange(panRange(app.range, direction * 0.15)),
      ),
      pair('d', 'a', 'a d', 'pan by a screen’s half', ({ app }, direction) =>
        app.fly(panRange(app.range, direction * 0.5)),
      ),
      {
        keys: ['+', '=', 'w'],
        shown: '+ w',
        says: 'zoom in, around the selected event if it is in view',
        act: ({ app }) => app.setRange(zoomRange(app.range, 0.6, centre(app))),
      },
      {
        keys: ['-', '_', 's'],
        shown: '− s',
        says: 'zoom out',
        act: ({ app }) => app.setRange(zoomRange(app.range, 1 / 0.6, centre(app))),
      },
      { keys: ['0', 'Home'], shown: '0', says: 'the whole run', act: ({ app }) => app.fly(app.whole) },
      { keys: ['g'], shown: 'g', says: 'go to a time', act: (actions) => actions.goToTime() },
      pair('ArrowDown', 'ArrowUp', '↑ ↓', 'the lane above or below', (actions, direction) => actions.lane(direction)),
    ],
  },
  {
    title: 'Go to the next (with Shift: the previous)',
    keys: [
      pair('n', 'N', 'n', 'item of the story', (actions, direction) => actions.next('any', direction)),
      pair('e', 'E', 'e', 'election', (actions, direction) => actions.nextElection(direction)),
      pair('l', 'L', 'l', 'change of leader', (actions, direction) => actions.next(['leader'], direction)),
      pair('f', 'F', 'f', 'fault or crash', (actions, direction) => actions.next(['fault', 'crash'], direction)),
      pair('r', 'R', 'r', 'error', (actions, direction) => actions.next(['error'], direction)),
      pair('v', 'V', 'v', 'violation', (actions, direction) => actions.nextViolation(direction)),
      pair('.', ',', '. ,', 'hit of the search; the one before', (actions, direction) => actions.hit(direction)),
    ],
  },
  {
    title: 'Look closer',
    keys: [
      pair(']', '[', '[ ]', 'previous, next event of the lane', (actions, direction) => actions.step(direction)),
      pair('>', '<', '< >', 'previous, next change of the watched field', (actions, direction) =>
        actions.stepField(direction),
      ),
      { keys: ['c'], shown: 'c', says: 'the cause of the selected event', act: (actions) => actions.toCause() },
      { keys: ['b'], shown: 'b', says: 'light all causes', act: (actions) => actions.cone('causes') },
      { keys: ['B'], shown: 'Shift b', says: 'light all effects', act: (actions) => actions.cone('effects') },
      {
        keys: ['o'],
        shown: 'o',
        says: 'axis of time, or of causal order',
        act: ({ app }) => app.show({ axis: app.view.axis === 'time' ? 'order' : 'time' }, true),
      },
      { keys: ['x'], shown: 'x', says: 'the other trace, at the same place', act: ({ app }) => app.swap() },
      {
        keys: ['Escape'],
        shown: 'Esc',
        says: 'back to the picture; put out lights; close what is open; select nothing',
        act: (actions) => actions.escape(),
      },
    ],
  },
  {
    title: 'Page',
    keys: [
      {
        keys: TABS.map((_, i) => String(i + 1)),
        shown: `1 – ${TABS.length}`,
        says: 'panels: elections, story, state, event, violations, compare, laboratory, table',
        act: ({ app }, key) => app.show({ tab: TABS[Number(key) - 1]! }, true),
      },
      { keys: ['/'], shown: '/', says: 'search', act: (actions) => actions.focusSearch() },
      { keys: ['p'], shown: 'p', says: 'hide or show the panels', act: (actions) => actions.togglePanel() },
      {
        keys: ['t'],
        shown: 't',
        says: 'light or dark',
        act: ({ app }) => app.setTheme(app.theme === LIGHT ? DARK : LIGHT),
      },
      { keys: ['i'], shown: 'i', says: 'legend', act: (actions) => actions.legend() },
      { keys: ['O'], shown: 'Shift o', says: 'open a file', act: (actions) => actions.open() },
      { keys: ['z'], shown: 'z', says: 'undo a change of the schedule', act: (actions) => actions.undo() },
      { keys: ['?', 'F1'], shown: '?', says: 'this', act: (actions) => actions.help() },
    ],
  },
];

/** What zooming by key holds still: the selected event while it is in view, else the pointer, else the middle. */
function centre(app: App): number {
  const { from, to } = app.range;
  const candidates = [app.view.event === null ? null : app.placeOf(app.view.event), app.cursor];
  return candidates.find((at) => at !== null && at >= from && at <= to) ?? (from + to) / 2;
}

export function bindKeys(actions: Actions): void {
  const byKey = new Map<string, Key>();
  for (const { keys } of KEYS) for (const key of keys) for (const name of key.keys) byKey.set(name, key);
  window.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement | null;
    if (target?.matches('input:not([type="checkbox"]), textarea, select') === true) {
      // Escape gives the keys back to the page; all others are typed.
      if (event.key === 'Escape') target.blur();
      return;
    }
    if (target?.closest('dialog, .sheet') != null && event.key !== 'Escape' && event.key !== '?') return;
    // Enter, blanks and Tab belong to whatever has the focus.
    const key = byKey.get(event.key);
    if (key === undefined) return;
    event.preventDefault();
    key.act(actions, event.key);
  });
}
