import { readFileSync } from "node:fs";
import { assemble, type Correction, corrected, type Files, fasmText } from "../../src/assembler/index.ts";
import type { Image } from "../../src/index.ts";

const root = new URL("../../", import.meta.url);

/** The project's own files, by their path in it. */
export const files: Files = {
  read(path) {
    try {
      return new Uint8Array(readFileSync(new URL(path, root)));
    } catch {
      return undefined;
    }
  },
};

/** The corrections of the guide's listings. */
export const corrections: readonly Correction[] = JSON.parse(
  readFileSync(new URL("asm/guide/corrections.json", root), "utf8"),
) as Correction[];

const assembled = new Map<string, Image>();

/** What our assembler makes of a program in `asm/` with the corrections named; all of them unless told otherwise. */
export function program(source: string, ids: readonly string[] = corrections.map(({ id }) => id)): Image {
  const key = [source, ...ids].join(" ");
  let image = assembled.get(key);
  if (!image) {
    const result = assemble(source, { files: corrected(files, corrections, ids) });
    if (!result.image) throw new Error(result.diagnostics.map((each) => fasmText(each)).join("\n"));
    image = result.image;
    assembled.set(key, image);
  }
  return image;
}

/** The listings with all corrections but one. */
export function guideImage(without?: string): Image {
  const ids = corrections.map(({ id }) => id).filter((id) => id !== without);
  return program("asm/guide/listings.asm", ids);
}
