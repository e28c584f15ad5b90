/** One page with everything in it. */

import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { inlined, withTrace } from '../../viewer/node/bundle.ts';

const built = (script: string): Map<string, { fileName: string; code?: string; source?: string }> =>
  new Map(
    [
      {
        fileName: 'index.html',
        source:
          '<html><head><link rel="stylesheet" crossorigin href="./assets/a.css"></head><body><script type="module" crossorigin src="./assets/a.js"></script></body></html>',
      },
      { fileName: 'assets/a.css', source: 'b{color:red}' },
      { fileName: 'assets/a.js', code: script },
    ].map((file) => [file.fileName, file]),
  );

describe('the page', () => {
  it('has its script and its style inside, and names no other file', () => {
    const html = inlined(built('console.log("$& $1")'));
    expect(html).toContain('<style>b{color:red}</style>');
    expect(html).toContain('console.log("$& $1")');
    expect(html).not.toMatch(/(src|href)="/);
  });

  it('starts the worker before its own script is read', () => {
    const files = built('later()');
    files.set('assets/early-x1.js', { fileName: 'assets/early-x1.js', code: 'sooner()' });
    expect(inlined(files)).toMatch(/<head>.*sooner\(\).*<\/head><body>.*later\(\)/s);
  });

  it('is not ended by its own script', () => {
    const html = inlined(built('const a = "</script><!--";'));
    expect(html.match(/<\/script>/g)).toHaveLength(1);
  });

  it('carries a trace, compressed, that comes out as it went in', () => {
    const trace = new TextEncoder().encode('{"type":"header"}\n');
    const html = withTrace(inlined(built('1')), trace, 'a "quoted" <name>');
    const data =
      /<script type="application\/vnd\.vivarium\.trace" id="trace" data-name="([^"]*)">([^<]*)<\/script>/.exec(html);
    expect(data?.[1]).toBe('a &#34;quoted&#34; &#60;name&#62;');
    expect(new Uint8Array(gunzipSync(Buffer.from(data?.[2] ?? '', 'base64')))).toEqual(trace);
  });

  it('says so when the build is not what it expects', () => {
    expect(() => inlined(new Map())).toThrow('no page');
  });
});
