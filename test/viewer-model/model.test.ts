/**
 * The viewer's model, all of it in one file for the test runner: each file would load the core, the simulator and the viewer
 * anew and make the same traces again, which costs several times what the tests do.
 */

import './load.cases.ts';
import './elections.cases.ts';
import './state.cases.ts';
import './cause.cases.ts';
import './search.cases.ts';
import './compare.cases.ts';
import './digest.cases.ts';
import './violations.cases.ts';
import './imports.cases.ts';
import './worker.cases.ts';
