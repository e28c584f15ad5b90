import { mkdtempSync, rmSync } from 'node:fs';
import { layOutEnsemble } from './ensemble.ts';
import { prepare } from './serve.ts';
import { Node } from './node.ts';
const base = 14000 + (process.pid % 1000) * 10;
for (let run = 0; run < 60; run++) {
const dir = mkdtempSync('/tmp/vivarium-t-');
const e = await layOutEnsemble(dir, [1, 2, 3].map((i) => ({ secureClient: base + i, quorum: base + 3 + i, election: base + 6 + i })));
const lines: string[] = [];
const t0 = Date.now();
const served = new Set<number>();
const start = (id: number): Node => { const s = prepare(e.servers[id - 1]!.config); return new Node({ config: s.config, secrets: { generation: 1, sessionSecret: s.secret, jitterSeed: 1 }, roots: { dataDir: s.shell.dataDir, dataLogDir: s.shell.dataLogDir }, tls: s.tls, tcpKeepAlive: false, clientBacklog: -1, recordDir: null, log: (l) => lines.push(`${Date.now() - t0} ${id}: ${l}`), note: (c, f) => { lines.push(`${Date.now() - t0} ${id}: ${c} ${JSON.stringify(f, (_k, v) => typeof v === 'bigint' ? String(v) : v)}`); if (c === 'client.port.serving') served.add(id); }, halted: (r) => console.log('halt', r) }); };
const nodes = [start(1), start(2)];
await new Promise((r) => setTimeout(r, Math.random() * 300));
nodes.push(start(3));
while (served.size < 3 && Date.now() - t0 < 6000) await new Promise((r) => setTimeout(r, 20));
const ms = Date.now() - t0;
console.log('run', run, served.size, ms);
if (ms > 3000) { console.log(lines.slice(0, 200).join('\n')); run = 99; }
for (const n of nodes) await n.stop();
rmSync(dir, { recursive: true });
}
process.exit(0);
