/** The formats by FASM's code: the high half is the family, the low half its flags. */
import type { Assembler } from "../assemble.ts";
import { Refusal } from "../messages.ts";
import type { Format } from "./format.ts";

const names: Readonly<Record<number, string>> = { 2: "MZ", 3: "PE", 4: "COFF", 5: "ELF" };

export function newFormat(_assembler: Assembler, code: number): Format {
  throw new Refusal(
    "illegalInstruction",
    `output format ${names[code >> 4] ?? "of this kind"} is not supported`,
  );
}
