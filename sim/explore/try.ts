import { findScope } from './scopes.ts';
import { runPrologue, search } from './search.ts';
import { System } from './system.ts';
const scope = { ...findScope(process.argv[2]!)!, ...JSON.parse(process.argv[3] ?? '{}') };
const t=Date.now();
const report = search(scope, { limits: { cpuSecondsMax: Number(process.argv[4] ?? 30) }, onProgress: (p) => { if (process.env.P) console.log(p); }, onQuiet:()=>{} });
console.log(report);
if (report.violation) {
  const system = new System(scope);
  const state = runPrologue(system);
  system.onAction = (a) => {
    console.log('  ' + system.nameOf(a, state));
  };
  for (const a of report.violation.actions) {
    console.log('--');
    system.apply(state, a);
    for (let i=0;i<scope.servers;i++) { const f = system.locals.factsOf(state[i]!); const p = system.locals.peerOf(state[i]!); const l=(n:number)=>system.locals.histories.list(n).map(z=>z.toString(16)).join();
      console.log('       ', i+1, p?.state.role.kind ?? 'down', (p?.state.role as any)?.phase?.kind ?? '', 'log', l(f.log), 'com', l(f.committed), 'dur', l(f.durable), 'acc', f.acceptedEpoch, f.currentEpoch, 'leads', f.leads, 'joined', f.joined); }
  }
}
console.log('states/s', Math.round(report.states / report.cpuSeconds), 'wall', (Date.now()-t)/1000);
