/** What the built program's file gives to main.ts, and the machine in it to the bench that measures it as users run it. */

export { rawImage } from "../../image/index.ts";
export { loadImage, Machine } from "../../machine/index.ts";
export { cli } from "./cli.ts";
export { processIo } from "./io.ts";
