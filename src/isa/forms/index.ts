/** The rows, but for those of avx.ts, which follow when they are asked for. Order within a mnemonic is FASM's order of preference. */
import type { Row } from "../form.ts";
import { control } from "./control.ts";
import { fpu } from "./fpu.ts";
import { integer } from "./integer.ts";
import { long } from "./long.ts";
import { mmx } from "./mmx.ts";
import { sse } from "./sse.ts";
import { string } from "./string.ts";
import { system } from "./system.ts";
import { vexGeneral } from "./vex.ts";

export const rows: readonly Row[] = [
  ...integer,
  ...string,
  ...control,
  ...system,
  ...fpu,
  ...mmx,
  ...sse,
  ...vexGeneral,
  ...long,
];
