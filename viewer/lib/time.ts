/**
 * Virtual time in words and as marks on an axis. A run is hours long and a message is late by microseconds, so one format
 * cannot serve both: an axis whose marks are closer than a millisecond shows a full time at few of its marks (anchors)
 * and the distance from the anchor at the others.
 *
 * Times are integer microseconds.
 */

const MS = 1000;
const S = 1_000_000;
const MIN = 60 * S;
const HOUR = 60 * MIN;

/** A length of time with as many digits as a reader needs: `831 µs`, `4.2 ms`, `9.31 s`, `2 min 5 s`, `1 h 4 min`. */
export function duration(us: number): string {
  if (us < 0) return `−${duration(-us)}`;
  if (us < MS) return `${Math.round(us)} µs`;
  if (us < S) return `${significant(us / MS)} ms`;
  if (us < MIN) return `${significant(us / S)} s`;
  if (us < HOUR) return joined(Math.floor(us / MIN), 'min', Math.round((us % MIN) / S), 's', 60);
  return joined(Math.floor(us / HOUR), 'h', Math.round((us % HOUR) / MIN), 'min', 60);
}

/** Rounding the small unit up to a whole big one must not read `1 min 60 s`. */
function joined(big: number, bigUnit: string, small: number, smallUnit: string, smallPerBig: number): string {
  const carried = small === smallPerBig ? { big: big + 1, small: 0 } : { big, small };
  return carried.small === 0 ? `${carried.big} ${bigUnit}` : `${carried.big} ${bigUnit} ${carried.small} ${smallUnit}`;
}

/** Three significant digits, without trailing zeros behind the point. */
function significant(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const text = value.toFixed(digits);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** A point in time to the microsecond, in groups of three: `12.345 678 s`, `1:02:03.000 250`. */
export function instant(us: number): string {
  const whole = Math.max(0, Math.round(us));
  const fraction = (whole % S).toString().padStart(6, '0');
  return `${clock(Math.floor(whole / S))}.${fraction.slice(0, 3)} ${fraction.slice(3)}${whole < MIN ? ' s' : ''}`;
}

/** A point in time to the millisecond, for lists. */
export function instantMs(us: number): string {
  const whole = Math.max(0, Math.round(us / MS));
  return `${clock(Math.floor(whole / 1000))}.${(whole % 1000).toString().padStart(3, '0')}`;
}

function clock(seconds: number): string {
  if (seconds < 60) return seconds.toString();
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (part: number): string => part.toString().padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export interface Tick {
  readonly t: number;
  readonly label: string;
  /** Shows a full time; the marks behind it are told as distances from it. */
  readonly anchor: boolean;
}

/** Steps of an axis: 1, 2, 5 times a power of ten up to 10 s, then what clocks are divided into. */
const COARSE_STEPS: readonly number[] = [15 * S, 30 * S, MIN, 2 * MIN, 5 * MIN, 10 * MIN, 15 * MIN, 30 * MIN, HOUR];

/** The smallest round step of at least this many microseconds. */
export function stepOf(leastUs: number): number {
  if (leastUs <= 10 * S) {
    const power = 10 ** Math.floor(Math.log10(Math.max(1, leastUs)));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= leastUs - 1e-9);
    return Math.max(1, step ?? 10 * power);
  }
  const coarse = COARSE_STEPS.find((step) => step >= leastUs);
  return coarse ?? Math.ceil(leastUs / HOUR) * HOUR;
}

const TICKS_MAX = 400;

/** The marks of an axis over `[from, to]` that are at least `leastUs` apart. */
export function ticks(from: number, to: number, leastUs: number): Tick[] {
  const step = Math.max(stepOf(leastUs), stepOf((to - from) / TICKS_MAX));
  const first = Math.ceil(from / step) * step;
  const anchorStep = anchorStepOf(step);
  const found: Tick[] = [];
  for (let t = first; t <= to; t += step) {
    const anchor = anchorStep === 0 || t % anchorStep === 0;
    found.push({
      t,
      label: anchor ? anchorLabel(t, anchorStep === 0 ? step : anchorStep) : offsetLabel(t % anchorStep),
      anchor,
    });
  }
  return found;
}

/** 0: every mark is wide enough for a full time. */
function anchorStepOf(step: number): number {
  if (step < 100) return MS;
  if (step < MS) return MS;
  return 0;
}

const offsetLabel = (us: number): string => `+${Math.round(us)} µs`;

function anchorLabel(t: number, resolution: number): string {
  const seconds = Math.floor(t / S);
  const digits = resolution >= S ? 0 : resolution >= 100 * MS ? 1 : resolution >= 10 * MS ? 2 : 3;
  const fraction =
    digits === 0
      ? ''
      : `.${Math.floor((t % S) / 10 ** (6 - digits))
          .toString()
          .padStart(digits, '0')}`;
  return `${clock(seconds)}${fraction}${t < MIN ? ' s' : ''}`;
}

/** What a person types as a time: `3s`, `250ms`, `1.5 s`, `2:05.25`, plain numbers are seconds. Null if it is none. */
export function parseTime(text: string): number | null {
  const trimmed = text.trim();
  const unit = /^([0-9]+(?:\.[0-9]+)?)\s*(us|µs|ms|s|min|m|h)?$/.exec(trimmed);
  if (unit !== null) {
    const scale = { us: 1, µs: 1, ms: MS, s: S, min: MIN, m: MIN, h: HOUR }[unit[2] ?? 's'];
    return Math.round(Number(unit[1]) * (scale ?? S));
  }
  const parts = /^(?:([0-9]+):)?([0-9]{1,2}):([0-9]{1,2}(?:\.[0-9]+)?)$/.exec(trimmed);
  if (parts === null) return null;
  return Math.round(Number(parts[1] ?? 0) * HOUR + Number(parts[2]) * MIN + Number(parts[3]) * S);
}

/** A zxid as its two halves, as people say it: `3.120` for epoch 3, counter 120. */
export function zxidText(zxid: number): string {
  if (zxid === 0) return '0';
  return `${Math.floor(zxid / 2 ** 32)}.${(zxid % 2 ** 32).toString()}`;
}

export const zxidHex = (zxid: number): string => `0x${zxid.toString(16)}`;
