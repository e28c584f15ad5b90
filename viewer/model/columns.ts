/** Columns that grow, and places in sorted ones. */

export { type Column, f64, lowerBound, Names, u8, u16, u32, upperBound } from '../../sim/columns/growing.ts';
