/** All rows, in one list. Order within a mnemonic is FASM's order of preference. */
import type { Form } from "../form.ts";
import { control } from "./control.ts";
import { fpu } from "./fpu.ts";
import { integer } from "./integer.ts";
import { long } from "./long.ts";
import { mmx } from "./mmx.ts";
import { sse } from "./sse.ts";
import { string } from "./string.ts";
import { system } from "./system.ts";

export const forms: readonly Form[] = [
  ...integer,
  ...string,
  ...control,
  ...system,
  ...fpu,
  ...mmx,
  ...sse,
  ...long,
].map((row, index) => ({
  index,
  ...row,
}));
