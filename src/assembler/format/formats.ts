/** The formats by FASM's code: the high half is the family, the low half its flags. */
import type { Assembler } from "../assemble.ts";
import { Refusal } from "../messages.ts";
import { I_SECTION_FLAG, I_SEGMENT_TYPE } from "../words.ts";
import { CoffFormat } from "./coff.ts";
import { ElfExecutable } from "./elf-executable.ts";
import { ElfObject } from "./elf-object.ts";
import { FORMAT_COFF, FORMAT_ELF, FORMAT_MZ, FORMAT_PE, type Format } from "./format.ts";
import { MzFormat } from "./mz.ts";
import { PeFormat } from "./pe.ts";

/** Bit 3 of the code: 64-bit. */
const WIDE = 8;
const EXECUTABLE = 29;
const DYNAMIC = 2;

export function newFormat(assembler: Assembler, code: number): Format {
  const { state, program } = assembler;
  const wide = (code & WIDE) !== 0;
  switch (code >> 4) {
    case FORMAT_MZ:
      return new MzFormat(assembler);
    case FORMAT_PE:
      return new PeFormat(assembler, wide);
    case FORMAT_COFF:
      return new CoffFormat(assembler, (code & 1) !== 0, wide);
    case FORMAT_ELF: {
      const kind = assembler.kind();
      const value = program.values[state.item];
      if (
        (kind === I_SECTION_FLAG && value === EXECUTABLE) ||
        (kind === I_SEGMENT_TYPE && value === DYNAMIC)
      ) {
        state.item++;
        return new ElfExecutable(assembler, kind === I_SEGMENT_TYPE, wide);
      }
      return new ElfObject(assembler, wide);
    }
    default:
      throw new Refusal("illegalInstruction", "this output format is not supported");
  }
}
