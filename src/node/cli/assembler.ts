import { compiled } from "./compiled.ts";

type Assembler = typeof import("../../assembler/index.ts");

let room: Assembler | undefined;

/** The assembler: in the built program a file of its own beside this one, in the source tree its sources. */
export async function loadAssembler(): Promise<Assembler> {
  room ??=
    compiled<Assembler>(new URL(".", import.meta.url), "assembler")?.room ??
    (await import("../../assembler/index.ts"));
  return room;
}
