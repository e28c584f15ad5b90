/**
 * A Chromium without a window, driven by playwright-core, which brings no browser of its own: Debian's is used (`apt-get
 * install chromium`), or the one that CHROMIUM names. Without any this fails with a sentence, never by passing.
 */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { page as viewerPage } from '../../viewer/node/bundle.ts';
import { serve } from '../../viewer/node/serve.ts';

export const ROOT = dirname(dirname(import.meta.dirname));

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function executable(): string {
  const given = process.env.CHROMIUM;
  const found = [...(given === undefined ? [] : [given]), ...PLACES].find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error(
    `no Chromium at ${PLACES.join(' or ')}: install one (Debian: apt-get install -y chromium) or name it in CHROMIUM`,
  );
}

/** Whatever a browser does behind one's back is switched off. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Viewer {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the page threw or complained about. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export async function openBrowser(
  settings: { readonly width?: number; readonly height?: number; readonly dark?: boolean } = {},
): Promise<Viewer> {
  const profile = mkdtempSync(join(tmpdir(), 'vivarium-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: executable(),
    headless: true,
    args: FLAGS,
    viewport: { width: settings.width ?? 1280, height: settings.height ?? 800 },
    colorScheme: settings.dark === true ? 'dark' : 'light',
    // Flights of the view would only be waited for.
    reducedMotion: 'reduce',
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  return {
    context,
    page,
    complaints,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Serves the viewer with a trace, as `npm run view` does; gives the address. */
export async function served(trace: Uint8Array | null, name = 'run.ndjson'): Promise<string> {
  return serve({ html: await viewerPage(ROOT), trace, name, port: 0 });
}
