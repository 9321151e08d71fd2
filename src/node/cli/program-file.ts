/** What the built program's room `program` gives to main.ts, and the machine to the bench that measures it as users run it. */

export { rawImage } from "../../image/index.ts";
export { cli } from "./cli.ts";
export { processIo } from "./io.ts";
export const machine = () => import("../../machine/index.ts");
