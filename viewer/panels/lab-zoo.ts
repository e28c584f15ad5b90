/**
 * A bug that really happened, put into the core, and the run that shows it. What was found once may hide again when the
 * simulator has changed since; then other seeds are looked at until one shows it.
 */

import { generate, type Profile } from '../../sim/swarm.ts';
import type { App } from '../app/app.ts';
import { fill, h } from '../app/dom.ts';
import type { Lab } from '../lab/lab.ts';
import type { Bug } from '../lab/zoo.ts';
import { BUGS } from '../start-lab.ts';

/** Seeds that are looked at when none that is known shows the bug any more. */
const HUNT_MAX = 300;

export const bugOf = (id: string): Bug | null => BUGS.find((bug) => bug.id === id) ?? null;

export const bugName = ({ rows, id }: Bug): string => `${rows.join(' ')} ${id.replaceAll('-', ' ')}`;

const scheduleOf = (seed: string, { profile }: Bug): ReturnType<typeof generate> =>
  generate({ seed, profile: profile as Profile, commit: '', options: {} });

export class ZooSection {
  readonly root = h('section', { class: 'stack tight zoo' });
  readonly #app: App;
  readonly #lab: Lab;
  readonly #onBroken: () => void;
  readonly #choice: HTMLSelectElement;
  readonly #said = h('div', { class: 'stack tight' });
  readonly #note = h('p', { class: 'soft', role: 'status' });
  /** Counts what was asked for, so that an older hunt ends when another begins. */
  #asked = 0;

  constructor(app: App, lab: Lab, onBroken: () => void) {
    this.#app = app;
    this.#lab = lab;
    this.#onBroken = onBroken;
    this.#choice = h(
      'select',
      { 'aria-label': 'Bug', id: 'lab-bug', class: 'wide' },
      BUGS.map((bug) => h('option', { value: bug.id }, bugName(bug))),
    );
    this.#choice.addEventListener('change', () => this.#tell());
    this.#tell();
    if (BUGS.length === 0) return;
    fill(
      this.root,
      h('h3', {}, 'A bug that really happened'),
      h(
        'div',
        { class: 'row' },
        this.#choice,
        h(
          'button',
          { id: 'lab-run-bug', class: 'primary', onclick: () => void this.run(this.#choice.value) },
          'Watch it happen',
        ),
      ),
      this.#said,
      this.#note,
    );
  }

  #tell(): void {
    const bug = bugOf(this.#choice.value);
    if (bug === null) return;
    const [first] = bug.finds;
    fill(
      this.#said,
      h('p', {}, bug.says),
      h(
        'p',
        { class: 'dim' },
        `${bug.origin}. Breaks ${first!.property} in seed ${first!.seed}${bug.profile === 'default' ? '' : ` with faults for ${bug.profile}`}.`,
      ),
    );
  }

  /** Runs the core with the bug in a seed that shows it; `seed`: in this one, whatever it shows. */
  async run(id: string, seed: string | null = null): Promise<void> {
    const bug = bugOf(id);
    if (bug === null) {
      this.#app.say(`the zoo has no bug ${id} that a run shows`);
      return;
    }
    const asked = ++this.#asked;
    this.#choice.value = id;
    this.#tell();
    this.#note.textContent = '';
    const first = seed ?? bug.finds[0]!.seed;
    if (await this.#watch(bug, first)) return;
    if (seed !== null || asked !== this.#asked || this.#lab.last === null) return;
    const found = await this.#hunt(bug, first, asked);
    if (found !== null && asked === this.#asked) await this.#watch(bug, found);
  }

  /** True when the run broke a promise. */
  async #watch(bug: Bug, seed: string): Promise<boolean> {
    const source = `bug:${bug.id}:${seed}`;
    const keepView = this.#app.view.source === source;
    if (!keepView) this.#app.show({ source });
    const summary = await this.#lab.trace(scheduleOf(seed, bug), `seed ${seed} with ${bug.id}`, {
      bug: bug.id,
      keepView,
    });
    this.#app.show({ source });
    if (summary === null || summary.verdict === 'ok') return false;
    if (!keepView) this.#onBroken();
    return true;
  }

  /** A seed that fails with the bug and not without it: known ones first. */
  async #hunt(bug: Bug, tried: string, asked: number): Promise<string | null> {
    const known = bug.finds.map(({ seed }) => seed).filter((seed) => seed !== tried);
    const others = Array.from({ length: HUNT_MAX }, (_, i) => String(i + 1));
    const seeds = [...new Set([...known, ...others])].filter((seed) => seed !== tried);
    for (const [i, seed] of seeds.entries()) {
      this.#note.textContent = `Seed ${tried} does not show it any more: looking for one that does, ${i + 1} of ${seeds.length}…`;
      const schedule = scheduleOf(seed, bug);
      const broken = await this.#lab.verdict(schedule, `seed ${seed} with ${bug.id}`, bug.id);
      if (broken === null || asked !== this.#asked) return this.#givenUp('');
      if (broken.verdict === 'ok') continue;
      const sound = await this.#lab.verdict(schedule, `seed ${seed}`);
      if (sound === null || asked !== this.#asked) return this.#givenUp('');
      if (sound.verdict !== 'ok') continue;
      this.#note.textContent = `Seed ${tried} does not show it any more; seed ${seed} does.`;
      return seed;
    }
    return this.#givenUp(`Neither seed ${tried} nor ${seeds.length} others show it any more.`);
  }

  #givenUp(text: string): null {
    this.#note.textContent = text;
    return null;
  }
}
