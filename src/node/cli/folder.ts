import { readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { readFile, reason } from "../files.ts";
import { Refusal } from "./command.ts";

/** Every file below a folder, by its path there. */
export function filesIn(folder: string): Record<string, Uint8Array> {
  const found: Record<string, Uint8Array> = {};
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
      .sort();
  } catch (error) {
    throw new Refusal(`${folder}: ${reason(error)}`, 2);
  }
  for (const name of names) {
    const content = readFile(join(folder, name));
    if ("error" in content) throw new Refusal(content.error, 2);
    found[name.split(sep).join("/")] = content;
  }
  return found;
}
