/** The families' modules. The build puts the same here, written (scripts/ready.mjs): to write one takes some 20 ms. */
import { defineMmx } from "./mmx.ts";
import { defineSse } from "./sse.ts";
import { defineScans, defineStrings } from "./strings.ts";
import { written } from "./written.ts";
import { defineX87, defineX87Values } from "./x87.ts";

export const modules = {
  x87: written(defineX87),
  x87Values: written(defineX87Values),
  sse: written(defineSse),
  mmx: written(defineMmx),
  strings: written(defineStrings),
  scans: written(defineScans),
};
