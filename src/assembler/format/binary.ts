/** Plain bytes: the format of boot sectors, of .com files and of KolibriOS applications. */
import type { Assembler } from "../assemble.ts";
import { refuse } from "../messages.ts";
import type { State } from "../state.ts";
import { D_DATA } from "../words.ts";
import { FORMAT_BINARY, FORMAT_NONE, type Format } from "./format.ts";

export class FlatFormat implements Format {
  readonly number: number;
  readonly flat = true;
  extension = "bin";

  /** `declared` by `format binary`, or what holds where no format is. */
  constructor(declared: boolean) {
    this.number = declared ? FORMAT_BINARY : FORMAT_NONE;
  }

  relocate(): number {
    return 0;
  }

  rva(): never {
    return refuse("invalidExpression");
  }

  plt(): never {
    return refuse("invalidExpression");
  }

  alignment(): number {
    return Number.MAX_SAFE_INTEGER;
  }

  directive(assembler: Assembler, directive: number, end: boolean): void {
    if (directive === D_DATA && end) refuse("illegalInstruction");
    assembler.onlyOnceIfSetting(directive);
    refuse("illegalInstruction");
  }

  closePass(): void {}

  write(assembler: Assembler): Uint8Array {
    return flatOutput(assembler);
  }
}

/** What has been assembled, without the reserved data at its end. */
export function flatOutput(assembler: Assembler): Uint8Array {
  return assembler.state.bytes.slice(0, flatLength(assembler.state));
}

/** How much of what has been assembled goes to the file. */
export const flatLength = (state: State): number =>
  state.at === state.undefinedEnd ? state.undefinedStart : state.at;
