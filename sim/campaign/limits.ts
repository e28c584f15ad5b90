/**
 * Wall time that a seed may take, by default. A seed takes a second or two; the slowest ones, on a machine with other things
 * to do, half a minute.
 */
export const SEED_LIMIT_MS = 10 * 60_000;
