/**
 * The view as an address: everything that is selected or zoomed stands behind the `#`, so a view can be sent. Names are
 * short and values readable: `#t=4950000-5260000&e=1234&tab=elections&el=2`. A word that is not understood is passed over:
 * an address of a newer viewer opens as far as it can.
 */

export const TABS = ['elections', 'story', 'state', 'cause', 'violation', 'compare', 'lab', 'table'] as const;
export type Tab = (typeof TABS)[number];

export interface ViewState {
  /** What is on the screen, in microseconds of virtual time; null before a trace is there. */
  readonly range: { readonly from: number; readonly to: number } | null;
  /** Id of the selected event. */
  readonly event: number | null;
  /** The other end of a causal chain. */
  readonly target: number | null;
  readonly tab: Tab;
  /** Number of the election that is shown, from 0. */
  readonly election: number | null;
  /** Server whose state is shown, and the one beside it. */
  readonly server: number | null;
  readonly beside: { readonly server: number; readonly event: number } | null;
  /** Path of the field that is watched in the state. */
  readonly field: string | null;
  readonly violation: number | null;
  /** Classes of messages that are not drawn. */
  readonly hidden: readonly string[];
  readonly axis: 'time' | 'order';
  /** Text of the search. */
  readonly query: string;
  /** Where the trace came from, if it can be made again: `seed:42`, `scenario:wan`. */
  readonly source: string | null;
}

export const EMPTY_VIEW: ViewState = {
  range: null,
  event: null,
  target: null,
  tab: 'elections',
  election: null,
  server: null,
  beside: null,
  field: null,
  violation: null,
  hidden: [],
  axis: 'time',
  query: '',
  source: null,
};

export function toHash(view: ViewState): string {
  const words: string[] = [];
  const put = (name: string, value: string | number | null): void => {
    if (value !== null && value !== '') words.push(`${name}=${encode(String(value))}`);
  };
  put('src', view.source);
  put('t', view.range === null ? null : `${Math.round(view.range.from)}-${Math.round(view.range.to)}`);
  put('e', view.event);
  put('to', view.target);
  put('tab', view.tab === EMPTY_VIEW.tab ? null : view.tab);
  put('el', view.election);
  put('s', view.server);
  put('s2', view.beside === null ? null : `${view.beside.server}@${view.beside.event}`);
  put('field', view.field);
  put('v', view.violation);
  put('hide', view.hidden.join(','));
  put('axis', view.axis === 'time' ? null : view.axis);
  put('q', view.query);
  return words.length === 0 ? '' : `#${words.join('&')}`;
}

/** Readable in an address bar: only what would end a word is escaped. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/%(3A|2F|2C|40|20)/gi, (code) => ESCAPES[code.toUpperCase()] ?? code);
const ESCAPES: Readonly<Record<string, string>> = { '%3A': ':', '%2F': '/', '%2C': ',', '%40': '@', '%20': '+' };

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return '';
  }
}

export function fromHash(hash: string): ViewState {
  const given = new Map<string, string>();
  for (const word of hash.replace(/^#/, '').split('&')) {
    const at = word.indexOf('=');
    if (at > 0) given.set(word.slice(0, at), decode(word.slice(at + 1)));
  }
  const count = (name: string): number | null => countOf(given.get(name));
  const tab = given.get('tab');
  return {
    source: given.get('src') ?? null,
    range: rangeOf(given.get('t')),
    event: count('e'),
    target: count('to'),
    tab: TABS.find((known) => known === tab) ?? EMPTY_VIEW.tab,
    election: count('el'),
    server: count('s'),
    beside: besideOf(given.get('s2')),
    field: given.get('field') ?? null,
    violation: count('v'),
    hidden: (given.get('hide') ?? '').split(',').filter((word) => word !== ''),
    axis: given.get('axis') === 'order' ? 'order' : 'time',
    query: given.get('q') ?? '',
  };
}

function countOf(text: string | undefined): number | null {
  if (text === undefined || !/^[0-9]{1,15}$/.test(text)) return null;
  return Number(text);
}

function rangeOf(text: string | undefined): ViewState['range'] {
  const match = /^([0-9]{1,15})-([0-9]{1,15})$/.exec(text ?? '');
  if (match === null) return null;
  const [from, to] = [Number(match[1]), Number(match[2])];
  return to > from ? { from, to } : null;
}

function besideOf(text: string | undefined): ViewState['beside'] {
  const match = /^([0-9]{1,6})@([0-9]{1,15})$/.exec(text ?? '');
  return match === null ? null : { server: Number(match[1]), event: Number(match[2]) };
}
