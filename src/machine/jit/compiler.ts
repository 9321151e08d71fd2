/** The compiler's steps, apart from the engine that takes them: a program that ends soon never loads them. */
export { calls } from "./calls.ts";
export { discover } from "./discover.ts";
export { emit } from "./emit.ts";
export { lift } from "./lift.ts";
export { structure } from "./structure.ts";
