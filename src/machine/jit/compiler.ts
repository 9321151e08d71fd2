/** What compiles, apart from the engine, which uses nothing else of it: a program that ends soon need not load it. */
export { compile } from "./compile.ts";
export { discover } from "./discover.ts";
export { link } from "./link.ts";
export { Modules } from "./modules.ts";
