import type { Assembled, Correction } from "../../assembler/index.ts";
import { bytesOf, latin1, nearest, thousands } from "../../base/index.ts";
import { diskFiles, pipedIn, readFile } from "../files.ts";
import { Refusal } from "./command.ts";
import type { Io } from "./io.ts";
import { list, type Values } from "./options.ts";
import { BusyLine } from "./status.ts";

/** The options of every command that assembles. */
export const sourceOptions = {
  define: {
    short: "d",
    eitherCase: true,
    value: "NAME=VALUE",
    many: true,
    help: "define a symbolic constant before the first line",
    read: definition,
  },
  I: {
    value: "DIR",
    many: true,
    help: "look for included files here too, before the directories in INCLUDE (separated by ;)",
  },
  corrections: {
    value: "FILE",
    advanced: true,
    help: "correct the sources while they are read, as this list says; the files stay as they are",
  },
  without: { value: "ID,…", read: list, advanced: true, help: "leave these corrections out" },
  only: { value: "ID,…", read: list, advanced: true, help: "apply these corrections and no others" },
  printed: { advanced: true, help: "apply no corrections: the sources as they are printed" },
} as const;

export type SourceValues = Values<typeof sourceOptions>;

/** To fasm a value ends with a space, and what follows is nobody's. */
function definition(text: string): [string, string] {
  const [, name, value] = /^([^= ]*)=([^ ]*)/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new Refusal("NAME=VALUE is needed");
  if (bytesOf(name).length > 255) throw new Refusal("the name may have 255 bytes");
  return [name, value];
}

/** To fasm a definition without a name is the end of all: neither it nor those behind it are heard. */
function heard(definitions: readonly [string, string][]): readonly [string, string][] {
  const end = definitions.findIndex(([name]) => name === "");
  return end < 0 ? definitions : definitions.slice(0, end);
}

export interface Corrected extends Assembled {
  /** The corrections that were applied, in the order of the list. */
  readonly corrections: readonly string[];
  /** Those that were not. */
  readonly omitted: readonly Correction[];
}

export interface Limits {
  maxPasses?: number;
  maxTurns?: number;
  maxMemory?: number;
  /** Keep which line uses which symbol. */
  references?: boolean;
  /** Names are given to the assembler in bytes, one character each, as a source has them. */
  bytewise?: boolean;
  /** The exit status when the source cannot be read, and what is said after why. */
  missing?: { status: number; words: string };
  /** Called when all has been loaded and the computing begins. */
  onLoaded?: (() => void) | undefined;
}

/** Assembles a file on disk as the command line asks for. Errors of the source are in the answer. */
export async function assembleFile(
  source: string,
  values: SourceValues,
  io: Io,
  { missing = { status: 2, words: "" }, bytewise = false, onLoaded, ...limits }: Limits = {},
): Promise<Corrected> {
  const content = readFile(source);
  if ("error" in content) throw new Refusal(content.error + missing.words, missing.status);
  const { assemble, CorrectionError, corrected } = await import("../../assembler/index.ts");
  const { list: all, chosen } = chooseCorrections(values);
  const files = diskFiles();
  const given = bytewise ? byteText : (text: string) => text;
  const main = given(source);
  const disk = {
    read: (path: string) => (path === main ? content : (pipedIn(path) ?? files.read(path))),
  };
  const status = new BusyLine(io);
  onLoaded?.();
  try {
    const assembled = assemble(main, {
      onProgress: (phase, lines, pass) =>
        status.tell(() => `${phase} ${source}: ${thousands(lines)} lines${pass > 0 ? `, pass ${pass}` : ""}`),
      files: chosen.length > 0 ? corrected(disk, all, chosen) : disk,
      defines: heard(values.define),
      includes: [...values.I, ...(io.env["INCLUDE"]?.split(";").filter((folder) => folder !== "") ?? [])].map(
        given,
      ),
      environment: Object.fromEntries(
        Object.entries(io.env).map(([name, value]) => [given(name), given(value ?? "")]),
      ),
      epochSeconds: epochSeconds(io),
      ...limits,
    });
    // Not a copy: that would work out what is only made when it is asked for, such as the listing.
    return Object.assign(assembled, {
      corrections: chosen,
      omitted: all.filter(({ id }) => !chosen.includes(id)),
    });
  } catch (error) {
    if (error instanceof CorrectionError)
      throw new Refusal(`--corrections: ${error.message}`, missing.status);
    throw error;
  } finally {
    status.end();
  }
}

/** Text as sources have it: each character is a byte of UTF-8. */
export const byteText = (text: string): string => latin1(bytesOf(text));

/** SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/), or now. */
function epochSeconds(io: Io): number {
  const text = io.env["SOURCE_DATE_EPOCH"];
  if (text === undefined || text === "") return Math.floor(Date.now() / 1000);
  if (!/^\d{1,15}$/.test(text)) throw new Refusal(`SOURCE_DATE_EPOCH=${text}: a number of seconds is needed`);
  return Number(text);
}

function chooseCorrections(values: SourceValues) {
  const { corrections: path, without, only, printed } = values;
  const selections = [without && "--without", only && "--only", printed && "--printed"].filter(Boolean);
  if (selections.length > 1) throw new Refusal(`${selections.join(" and ")} do not go together`);
  if (path === undefined) {
    if (without || only) throw new Refusal(`${selections[0]} needs a list: --corrections FILE`);
    return { list: [], chosen: [] };
  }
  const list = readCorrections(path);
  const ids = list.map(({ id }) => id);
  for (const id of [...(without ?? []), ...(only ?? [])]) {
    if (ids.includes(id)) continue;
    const meant = nearest(id, ids);
    throw new Refusal(`${path} has no correction ${id}${meant ? `; did you mean ${meant}?` : ""}`);
  }
  const chosen = printed
    ? []
    : only
      ? ids.filter((id) => only.includes(id))
      : ids.filter((id) => !without?.includes(id));
  return { list, chosen };
}

/** A list of corrections: the format is the assembler's, the file is ours to read. */
function readCorrections(path: string): Correction[] {
  const content = readFile(path);
  if ("error" in content) throw new Refusal(content.error, 2);
  let list: unknown;
  try {
    list = JSON.parse(new TextDecoder().decode(content));
  } catch (error) {
    throw new Refusal(`${path} is not JSON: ${(error as Error).message}`, 2);
  }
  const isCorrection = (each: unknown): each is Correction =>
    typeof each === "object" &&
    each !== null &&
    "id" in each &&
    typeof each.id === "string" &&
    "edits" in each;
  if (!Array.isArray(list) || !list.every(isCorrection)) {
    throw new Refusal(`${path} is not a list of corrections: each needs an id and edits`, 2);
  }
  return list;
}
