import { join } from 'node:path';
import { defineConfig } from 'vite';
import { zooPlugin } from './node/zoo.ts';

const root = import.meta.dirname;

/** The whole viewer is one script and its workers are inside it, so that it works from a file, too. */
export default defineConfig({
  root,
  base: './',
  plugins: [zooPlugin(join(root, '..'))],
  define: { 'process.env.NODE_ENV': '"production"' },
  worker: { format: 'iife' },
  build: {
    outDir: join(root, '..', '.build', 'viewer'),
    emptyOutDir: true,
    target: 'es2023',
    assetsInlineLimit: 1_000_000,
    modulePreload: false,
    chunkSizeWarningLimit: 4000,
    // Two scripts that share nothing; which one goes where is up to `node/bundle.ts`.
    rolldownOptions: { input: [join(root, 'index.html'), join(root, 'early.ts')] },
  },
  server: { host: '127.0.0.1' },
});
