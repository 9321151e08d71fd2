/** Plain bytes: the format of boot sectors, of .com files and of KolibriOS applications. */
import type { Assembler } from "../assemble.ts";
import { refuse } from "../messages.ts";
import type { State } from "../state.ts";
import { D_DATA } from "../words.ts";
import { FORMAT_BINARY, FORMAT_NONE, type Format } from "./format.ts";

export function flatFormat(declared: boolean, extension: string | undefined): Format {
  return {
    number: declared ? FORMAT_BINARY : FORMAT_NONE,
    flat: true,
    extension: extension ?? "bin",
    relocate: () => 0,
    rva: () => refuse("invalidExpression"),
    plt: () => refuse("invalidExpression"),
    alignment: () => Number.MAX_SAFE_INTEGER,
    directive(assembler, directive, end) {
      if (directive === D_DATA && end) refuse("illegalInstruction");
      assembler.onlyOnceIfSetting(directive);
      refuse("illegalInstruction");
    },
    closePass() {},
    write: flatOutput,
  };
}

/** What has been assembled, without the reserved data at its end. */
export function flatOutput(assembler: Assembler): Uint8Array {
  return assembler.state.bytes.slice(0, flatLength(assembler.state));
}

/** How much of what has been assembled goes to the file. */
export const flatLength = (state: State): number =>
  state.at === state.undefinedEnd ? state.undefinedStart : state.at;
