/** What a bundle of the twin runs offers: built once more with every ACL check on a switch. */

export { interference } from '../../sim/twin/interference.ts';
export { planOf } from '../../sim/twin/plan.ts';
