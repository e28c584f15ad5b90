/**
 * Pictures of a conflict: lanes of processes, spans of operations, time from left to right. Only order counts, so a span is as
 * wide as its label needs.
 */

import type { OperationView, SearchView } from './view.ts';

/** Operations in a picture; the core comes first, then what is open at the violation, then what the blocked one overlaps. */
const SHOWN_MAX = 14;
const LABEL_MAX = 28;

interface Span {
  readonly operation: OperationView;
  readonly label: string;
  readonly from: number;
  /** One column beyond its end; the picture's width when it was never answered. */
  readonly until: number;
}

interface Picture {
  readonly lanes: readonly { readonly process: string; readonly spans: readonly Span[] }[];
  readonly width: number;
  readonly left: number;
}

/** Lines for a terminal. Double lines are the core; `✗` is the answer that cannot be. */
export function drawText(view: SearchView): string[] {
  const { lanes, width, left } = layOutPicture(shownOf(view));
  const margin = Math.max(0, ...lanes.map(({ process }) => process.length)) + 2;
  const lines = lanes.map(({ process, spans }) => {
    const line = new Array<string>(width + 2).fill(' ');
    for (const span of spans) write(line, span);
    return `${process.padEnd(margin)}${line.join('').trimEnd()}`;
  });
  if (left > 0) lines.push(`(${left} more operations are not shown)`);
  return lines;
}

function write(line: string[], { operation, label, from, until }: Span): void {
  const stroke = operation.isInCore ? '═' : '─';
  const [opening, closing] = operation.isInCore ? ['╞', '╡'] : ['├', '┤'];
  const isOpen = operation.respondedAt === null;
  for (let at = from; at < until; at++) line[at] = isOpen && at > from + label.length + 1 ? '┄' : stroke;
  line[from] = opening;
  if (!isOpen) line[until - 1] = closing;
  for (let i = 0; i < label.length; i++) line[from + 1 + i] = label[i]!;
  if (operation.isBlocked) line[until] = '✗';
}

const SCALE = 7.5;
const LANE_HEIGHT = 34;
const MARGIN = 90;

/** The same as an SVG of its own. */
export function drawSvg(view: SearchView): string {
  const { lanes, width } = layOutPicture(shownOf(view));
  const height = lanes.length * LANE_HEIGHT + 70;
  const shapes = lanes.flatMap(({ process, spans }, lane) => {
    const y = 50 + lane * LANE_HEIGHT;
    return [
      `<text x="8" y="${y + 16}" class="process">${escaped(process)}</text>`,
      ...spans.map((span) => spanSvg(span, y)),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(MARGIN + (width + 4) * SCALE)}" height="${height}" font-family="monospace" font-size="12">`,
    '<style>rect{fill:#dde6ee;stroke:#7890a8}.core rect{fill:#ffe2b8;stroke:#c07000}.blocked rect{fill:#ffd0cc;stroke:#c02018;stroke-width:2}.unknown rect{stroke-dasharray:4 3}.process{font-weight:bold}</style>',
    `<text x="8" y="20">${escaped(view.sentence ?? `${view.status} (${view.model})`)}</text>`,
    ...shapes,
    '</svg>',
    '',
  ].join('\n');
}

function spanSvg({ operation, label, from, until }: Span, y: number): string {
  const classes = [
    ...(operation.isInCore ? ['core'] : []),
    ...(operation.isBlocked ? ['blocked'] : []),
    ...(operation.respondedAt === null ? ['unknown'] : []),
  ];
  const x = MARGIN + from * SCALE;
  const place = operation.place === null ? 'no place in the order' : `place ${operation.place}`;
  const state = operation.stateAfter === null ? '' : `, then ${operation.stateAfter}`;
  return [
    `<g class="${classes.join(' ')}"><title>${escaped(`${operation.text}; ${place}${state}`)}</title>`,
    `<rect x="${x}" y="${y}" width="${(until - from) * SCALE}" height="24" rx="3"/>`,
    `<text x="${x + 6}" y="${y + 16}">${escaped(label)}</text></g>`,
  ].join('');
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

function shownOf(view: SearchView): { readonly shown: readonly OperationView[]; readonly left: number } {
  const blocked = view.operations.find(({ isBlocked }) => isBlocked);
  const rank = (operation: OperationView): number => {
    if (operation.isBlocked) return 0;
    if (operation.isInCore) return 1;
    if (operation.isPending) return 2;
    return blocked !== undefined && overlaps(operation, blocked) ? 3 : NOT_SHOWN;
  };
  const ranked = view.operations.map((operation) => ({ operation, rank: rank(operation) }));
  const near = blocked === undefined ? ranked : ranked.filter((entry) => entry.rank < NOT_SHOWN);
  near.sort((a, b) => a.rank - b.rank || b.operation.id - a.operation.id);
  const shown = near.slice(0, SHOWN_MAX).map(({ operation }) => operation);
  shown.sort((a, b) => a.invokedAt - b.invokedAt);
  return { shown, left: view.operations.length - shown.length };
}

const NOT_SHOWN = 4;

const overlaps = (operation: OperationView, other: OperationView): boolean =>
  operation.invokedAt < (other.respondedAt ?? 0) && (operation.respondedAt ?? 0) > other.invokedAt;

function layOutPicture({ shown, left }: ReturnType<typeof shownOf>): Picture {
  const labels = shown.map(({ label, id }) => cut(`#${id} ${label}`));
  const ends = shown.flatMap(({ invokedAt, respondedAt }, index) => [
    { at: invokedAt, index, isEnd: false },
    { at: respondedAt ?? Number.POSITIVE_INFINITY, index, isEnd: true },
  ]);
  ends.sort((a, b) => (a.at === b.at ? a.index - b.index : a.at - b.at));
  const from = new Array<number>(shown.length).fill(0);
  const until = new Array<number>(shown.length).fill(0);
  let column = 0;
  for (const { index, isEnd } of ends) {
    if (isEnd) {
      column = Math.max(column, from[index]! + labels[index]!.length + 2);
      until[index] = column;
    } else from[index] = column + 1;
    column += 1;
  }
  const lanes = new Map<string, Span[]>();
  shown.forEach((operation, index) => {
    const span = { operation, label: labels[index]!, from: from[index]!, until: until[index]! };
    laneFor(lanes, operation.process, span).push(span);
  });
  return { lanes: [...lanes].map(([process, spans]) => ({ process, spans })), width: column, left };
}

/** A process that asks several things at once has a lane for each. */
function laneFor(lanes: Map<string, Span[]>, process: string, span: Span): Span[] {
  for (let more = 0; ; more++) {
    const name = more === 0 ? process : `${process}+${more}`;
    const lane = lanes.get(name);
    if (lane === undefined) {
      const fresh: Span[] = [];
      lanes.set(name, fresh);
      return fresh;
    }
    if (lane.every(({ until }) => until <= span.from)) return lane;
  }
}

const cut = (text: string): string => (text.length <= LABEL_MAX ? text : `${text.slice(0, LABEL_MAX - 1)}…`);
