/** The command lines of the proofs (`npm run prove -- NAME …`): wrong ones are told in a line, `--help` tells the options. */
import { parseArgs } from "node:util";

/** What an option is when nobody gives it, which also says of what kind it is. "" = none; a list = any number of times. */
type Default = number | string | boolean | readonly string[];
type Given<T extends Default> = T extends number
  ? number
  : T extends string
    ? string
    : T extends boolean
      ? boolean
      : string[];
export type ProofValues<T extends Record<string, Default>> = { readonly [name in keyof T]: Given<T[name]> };

/** Where the project, or a folder of it, is: the proofs' own runner says it (scripts/prove.mjs). */
const tacit = new Set(["root", "folder"]);

/** Ends the process for `--help`, and for options that there are not or that are no numbers where they should be. */
export function proofOptions<T extends Record<string, Default>>(
  defaults: T,
  positional = "",
): { values: ProofValues<T>; positionals: string[] } {
  const options: Record<string, { type: "string" | "boolean"; multiple?: boolean }> = {
    help: { type: "boolean" },
  };
  for (const [name, value] of Object.entries(defaults))
    options[name] = {
      type: typeof value === "boolean" ? "boolean" : "string",
      multiple: Array.isArray(value),
    };
  try {
    const { values, positionals } = parseArgs({ allowPositionals: positional !== "", options });
    if (values["help"] === true) {
      for (const line of described(defaults, positional)) console.log(line);
      process.exit(0);
    }
    const read = Object.entries(defaults).map(([name, value]) => {
      const given = values[name];
      if (given === undefined) return [name, value];
      return [name, typeof value === "number" ? numberOf(name, String(given)) : given];
    });
    return { values: Object.fromEntries(read) as ProofValues<T>, positionals };
  } catch (error) {
    console.error(`prove: ${(error as Error).message} (--help tells the options)`);
    process.exit(2);
  }
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number) || number < 0)
    throw new RangeError(`--${name} ${text}: a number from 0 on is needed`);
  return number;
}

function* described(defaults: Record<string, Default>, positional: string): Iterable<string> {
  if (positional !== "") yield positional;
  for (const [name, value] of Object.entries(defaults)) {
    if (tacit.has(name)) continue;
    if (typeof value === "boolean") yield `--${name}`;
    else if (typeof value === "number") yield `--${name} N  (${value})`;
    else yield `--${name} TEXT${typeof value === "object" ? " …" : value === "" ? "" : `  (${value})`}`;
  }
}
