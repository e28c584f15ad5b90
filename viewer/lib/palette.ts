/**
 * Colours, after Okabe and Ito's set (Color Universal Design, 2008), which stays apart under every common colour blindness.
 * No colour speaks alone: states have patterns and words, classes of messages have dashes and heads, marks have shapes.
 */

export interface Theme {
  readonly name: 'light' | 'dark';
  readonly background: string;
  readonly lane: string;
  readonly line: string;
  readonly lineStrong: string;
  readonly ink: string;
  readonly ink2: string;
  readonly ink3: string;
  readonly accent: string;
  readonly danger: string;
  readonly selection: string;
  readonly shade: string;
}

export const LIGHT: Theme = {
  name: 'light',
  background: '#fdfdfc',
  lane: '#f6f6f3',
  line: '#e4e3dd',
  lineStrong: '#c9c8c0',
  ink: '#1d1d1b',
  ink2: '#5b5a54',
  ink3: '#8b8a82',
  accent: '#005f99',
  danger: '#b8400a',
  selection: '#0072b2',
  shade: 'rgba(29,29,27,0.05)',
};

export const DARK: Theme = {
  name: 'dark',
  background: '#131417',
  lane: '#191b1f',
  line: '#26292f',
  lineStrong: '#3b3f48',
  ink: '#ebeae6',
  ink2: '#aeada6',
  ink3: '#7b7c80',
  accent: '#6cc0f0',
  danger: '#ff8a4c',
  selection: '#56b4e9',
  shade: 'rgba(235,234,230,0.06)',
};

const OKABE = {
  orange: { light: '#e69f00', dark: '#e69f00' },
  sky: { light: '#56b4e9', dark: '#56b4e9' },
  green: { light: '#009e73', dark: '#19b98b' },
  yellow: { light: '#d9c800', dark: '#f0e442' },
  blue: { light: '#0072b2', dark: '#3f9bd8' },
  vermillion: { light: '#d55e00', dark: '#ee7a2b' },
  purple: { light: '#cc79a7', dark: '#d98bb6' },
} as const;
export type Hue = keyof typeof OKABE;

export const hue = (name: Hue, theme: Theme): string => OKABE[name][theme.name];

/** Neighbouring epochs differ in hue and in lightness; the epoch's number stands in the band, too. */
const EPOCH_HUES: readonly Hue[] = ['sky', 'orange', 'green', 'purple', 'blue', 'yellow', 'vermillion'];

export function epochColour(epoch: number, theme: Theme): string {
  if (epoch <= 0) return theme.ink3;
  return hue(EPOCH_HUES[(epoch - 1) % EPOCH_HUES.length]!, theme);
}

/** Mixes a colour `#rrggbb` into another: 0 is all `base`. */
export function mix(base: string, colour: string, share: number): string {
  const [a, b] = [channels(base), channels(colour)];
  const at = (i: number): string =>
    Math.round(a[i]! * (1 - share) + b[i]! * share)
      .toString(16)
      .padStart(2, '0');
  return `#${at(0)}${at(1)}${at(2)}`;
}

function channels(colour: string): [number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** Black or white, whichever is easier to read on this (WCAG relative luminance). */
export function inkOn(colour: string): string {
  const [r, g, b] = channels(colour).map((channel) => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return luminance > 0.32 ? '#16160f' : '#ffffff';
}
