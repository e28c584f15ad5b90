/** The benchmark of the exploration alone. */

import { benchExplore } from './explore.ts';

benchExplore();
