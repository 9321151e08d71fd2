/** How far an assembly has come: for people who wait. It never changes what is made. */

export type Phase = "preprocessing" | "parsing" | "assembling";

/**
 * Called every ten thousand lines or so: the lines done in this phase, and the number of the pass from 1 (0 before the
 * first). It must not throw.
 */
export type OnProgress = (phase: Phase, lines: number, pass: number) => void;

/** Lines between two calls, less one. */
export const EVERY_LINES = 0x1fff;
