import { isAbsolute, normalize, relative } from "node:path";
import { nearest } from "../../base/index.ts";
import type { Computer, ComputerOptions } from "../../computer.ts";
import { hasHeader, type Image, imageFrom, LineMap, rawImage } from "../../image/index.ts";
import type { CpuName, EngineMaker, EngineName, LoadOptions, UndefinedFamily } from "../../machine/index.ts";
import { onThisSystem, readFile } from "../files.ts";
import { Refusal } from "./command.ts";
import type { Io } from "./io.ts";
import { number, oneOf, type Values } from "./options.ts";
import { assembleFile, type Corrected, sourceOptions } from "./sources.ts";

/** Written here, because a command that runs nothing does not load the machine. */
const cpuNames = [
  "zen4",
  "nehalem",
  "penryn",
  "core2",
  "pentium4",
  "pentium3",
  "pentium2",
  "pentiumpro",
] as const satisfies readonly CpuName[];
const familyNames = [
  "zen4",
  "zen3",
  "p6",
  "core2",
  "pentium4",
  "i386",
] as const satisfies readonly UndefinedFamily[];
const engineNames = ["interpreter", "compiled", "unicorn"] as const satisfies readonly (
  | EngineName
  | "unicorn"
)[];

/** The options of every command that takes a source or an image. */
export const programOptions = {
  ...sourceOptions,
  raw: {
    help: "PROGRAM is a flat binary without a header, or (its name ends in .asm) the source of one",
    advanced: true,
  },
  org: {
    value: "ADDRESS",
    read: number(0, 0x7fff_ffff),
    help: "where the first byte of a flat binary goes (0)",
    advanced: true,
  },
  memory: { value: "MB", read: number(1, 2048), help: "address space of the program (256)", advanced: true },
  engine: {
    value: engineNames.join("|"),
    read: oneOf(...engineNames),
    help: "what executes the instructions (compiled)",
    advanced: true,
  },
  cpu: {
    value: "MODEL",
    read: oneOf(...cpuNames),
    help: `which processor it is: ${cpuNames.join(", ")} (zen4, which has all instructions there are)`,
    advanced: true,
  },
  "undefined-flags": {
    value: "FAMILY",
    read: oneOf(...familyNames),
    help: `whose habits it has where manuals leave flags undefined: ${familyNames.join(", ")} (the model's)`,
    advanced: true,
  },
  select: {
    value: "eax|al",
    read: oneOf("eax", "al"),
    help: "which part of EAX numbers a system call: all of it, or AL alone as in the KolibriOS kernel (eax)",
    advanced: true,
  },
  time: {
    value: "seconds|bcd",
    read: oneOf("seconds", "bcd"),
    help: "what function 3 answers: seconds, or the time of day in BCD as in KolibriOS (seconds)",
    advanced: true,
  },
} as const;

type ProgramValues = Values<typeof programOptions>;

export interface Program {
  readonly image: Image;
  /** Set when it was assembled here. */
  readonly assembled?: Corrected;
  readonly seconds: number;
}

/** Reads a program: an image by its header, a source by being text, a flat binary when told so. */
export async function loadProgram(path: string, values: ProgramValues, io: Io): Promise<Program> {
  const began = Date.now();
  const content = readFile(path);
  if ("error" in content) throw new Refusal(content.error, 2);
  if (content.length === 0) throw new Refusal(`${path} is empty`, 2);
  const done = (image: Image, assembled?: Corrected): Program => ({
    image,
    ...(assembled ? { assembled } : {}),
    seconds: (Date.now() - began) / 1000,
  });
  const flat = (bytes: Uint8Array, origin = 0): Image => rawImage(bytes, { origin: values.org ?? origin });
  if (values.org !== undefined && !values.raw) {
    throw new Refusal("--org is for flat binaries: --raw says that it is one");
  }
  if (values.raw && !/\.asm$/i.test(path)) return done(flat(content));
  if (hasHeader(content)) {
    const image = imageFrom(content);
    if ("error" in image) throw new Refusal(`${path}: ${image.error}`, 2);
    return done(image);
  }
  if (content.includes(0)) {
    throw new Refusal(
      values.raw
        ? `${path} is no source: with --raw, only another name than .asm makes it a flat binary`
        : `${path} is neither a source nor an image: it has no MENUET01 header. A flat binary is run with --raw --org ADDRESS`,
      2,
    );
  }
  const assembled = await assembleFile(path, values, io);
  if (!assembled.ok) {
    const { explanation, fasmText } = await import("../../assembler/index.ts");
    throw new Refusal(
      `${path} cannot be assembled\n${assembled.diagnostics
        .map((diagnostic) => fasmText(diagnostic) + explanation(diagnostic))
        .join("")
        .trimEnd()}`,
      2,
    );
  }
  const { image, bytes, lines } = assembled;
  if (!image) {
    const header = hasHeader(bytes) ? imageFrom(bytes) : undefined;
    const why = header && "error" in header ? header.error : "its format is none that this machine loads";
    throw new Refusal(`${path} makes no program: ${why}`, 2);
  }
  if (bytes.length === 0)
    throw new Refusal(`${path} makes no program: there is nothing in it but definitions`, 2);
  const { symbols } = image;
  const program = values.raw ? { ...flat(bytes, image.origin), ...(symbols && { symbols }) } : image;
  return done({ ...program, lines: readable(lines) }, assembled);
}

/** The same lines, their files named as one would from here: includes of includes make long ways round. */
function readable(lines: LineMap): LineMap {
  const names = new Map<string, string>();
  const nameOf = (file: string): string => {
    let name = names.get(file);
    if (name === undefined) names.set(file, (name = shortest(file)));
    return name;
  };
  return new LineMap(
    lines.entries.map((entry) => ({
      ...entry,
      file: nameOf(entry.file),
      ...(entry.trail && { trail: entry.trail.map((step) => ({ ...step, file: nameOf(step.file) })) }),
    })),
  );
}

function shortest(file: string): string {
  const path = onThisSystem(file);
  return isAbsolute(path) ? normalize(path) : relative("", path);
}

/** The address that a symbol or a number means. */
export function addressIn(image: Image, text: string): number {
  const symbol = image.symbols?.get(text);
  if (symbol) return symbol.value;
  if (/^-\d+$/.test(text)) return Number(text) >>> 0;
  if (/^\d/.test(text)) return number(0, 0xffff_ffff)(text);
  const names = [...(image.symbols ?? [])].map(({ name }) => name);
  if (names.length === 0) throw new Refusal(`${text}: an image without symbols knows only addresses`);
  const meant = nearest(text, names);
  throw new Refusal(`the program has no symbol ${text}${meant ? `; did you mean ${meant}?` : ""}`);
}

/** Unicorn, or how to get it. */
export async function unicorn(): Promise<EngineMaker> {
  const { unicornEngine } = await import("../unicorn/engine.ts");
  const engine = await unicornEngine();
  if ("error" in engine) throw new Refusal(engine.error, 2);
  return engine;
}

/** What the computer is to be made with. */
export const equipment = async ({
  memory,
  engine,
  cpu,
  "undefined-flags": undefinedFlags,
  select,
  time,
}: ProgramValues): Promise<ComputerOptions> => {
  const { guide } = await import("./running.ts");
  if (engine === "unicorn" && undefinedFlags !== undefined) {
    throw new Refusal(
      "--undefined-flags is for engines of this program's own: Unicorn leaves those flags as QEMU does",
    );
  }
  return {
    personality: guide({ ...(select && { selection: select }), ...(time && { time }) }),
    ...(memory !== undefined && { memoryBytes: memory * 2 ** 20 }),
    ...(engine !== undefined && { engine: engine === "unicorn" ? await unicorn() : engine }),
    ...(cpu !== undefined && { cpu }),
    ...(undefinedFlags !== undefined && { undefinedFlags }),
  };
};

/** Loads a program into a computer, or says why that cannot be. */
export function load(computer: Computer, image: Image, options: LoadOptions = {}): void {
  try {
    computer.load(image, options);
  } catch (error) {
    throw new Refusal((error as Error).message, 2);
  }
}
