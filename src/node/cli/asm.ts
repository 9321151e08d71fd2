import { resolve } from "node:path";
import manifest from "../../../package.json" with { type: "json" };
import { latin1Bytes } from "../../base/index.ts";
import type { Symbols } from "../../image/index.ts";
import { isDevice, isDirectory, isSameFile } from "../files.ts";
import { OutputError, writeFile } from "../output.ts";
import { command, Refusal } from "./command.ts";
import { number } from "./options.ts";
import { assembleFile, byteText, sourceOptions } from "./sources.ts";

/** FASM's exit statuses: a wrong command line, an error with a line, any other error. */
const status = { usage: 1, source: 2, other: 255 } as const;

const DEFAULT_KILOBYTES = 512 * 1024;

/** To fasm a number ends with its digits, and what follows is nobody's. */
const leading =
  (read: (text: string) => number) =>
  (text: string): number =>
    read(/^\d*/.exec(text)![0]);

const options = {
  ...sourceOptions,
  passes: {
    short: "p",
    eitherCase: true,
    value: "N",
    help: "passes before it gives up (100)",
    read: leading(number(1, 65536)),
  },
  memory: {
    short: "m",
    eitherCase: true,
    value: "KB",
    help: `memory it may use, in kilobytes (${DEFAULT_KILOBYTES})`,
    read: leading(number(1, 2 ** 22 - 1)),
  },
  turns: {
    value: "N",
    help: "lines assembled, each round of a loop anew, before it gives up (536870912)",
    read: number(1, 2 ** 52),
  },
  symbols: {
    short: "s",
    eitherCase: true,
    value: "FILE",
    help: "write the symbolic information, as FASM's -s does",
  },
  "symbols-json": {
    value: "FILE",
    help: "write the symbols: name, value, kind, size, file and line of each",
  },
  listing: { value: "FILE", help: "write addresses, bytes and source of each line" },
} as const;

/** What FASM says of a source that cannot be read: a directory it opens, and finds longer than its memory. */
const unreadable = (source: string): string =>
  isDirectory(source) ? "out of memory" : "source file not found";

export const asm = command({
  name: "asm",
  synopsis: "SOURCE [OUTPUT]",
  summary: "Assembles a source as FASM does.",
  description:
    "Without OUTPUT the result stands beside the source, with the extension of its format: .bin, .exe, .dll, .o … " +
    "SOURCE may be -, standard input. SOURCE_DATE_EPOCH, when set, is the time that %t and time stamps tell.",
  examples: ["kolibri asm hello.asm hello.kex", "kolibri asm -d lang=en -I include tool.asm"],
  usageStatus: status.usage,
  options,
  async run([source, output], values, io) {
    const { explanation, fasmText } = await import("../../assembler/index.ts");
    const kilobytes = values.memory ?? DEFAULT_KILOBYTES;
    io.stdout.write(`kolibri assembler  version ${manifest.version}  (${kilobytes} kilobytes memory)\n`);
    const began = process.uptime(); // for performance.now() Node loads a library first
    const assembled = await assembleFile(source!, values, io, {
      maxMemory: kilobytes * 1024,
      missing: { status: status.other, words: `\nerror: ${unreadable(source!)}.` },
      bytewise: true,
      onLoaded: io.computesOnce,
      references: values.symbols !== undefined,
      ...(values.passes ? { maxPasses: values.passes } : {}),
      ...(values.turns ? { maxTurns: values.turns } : {}),
    });
    if (!assembled.ok) {
      if (values.symbols !== undefined) {
        checkApart(source!, { "--symbols": values.symbols });
        const symbols = assembled.symbolFile("");
        if (symbols.length > 0) write(values.symbols, symbols);
      }
      display(assembled.display, io.stderr);
      for (const diagnostic of assembled.diagnostics)
        io.stderr.write(latin1Bytes(fasmText(diagnostic) + explanation(diagnostic)));
      return assembled.diagnostics.some(({ line }) => line > 0) ? status.source : status.other;
    }
    if (source === "-" && output === undefined)
      throw new Refusal("OUTPUT is missing: a source from standard input has no name to make one of");
    const target = output ?? beside(source!, assembled.extension);
    checkApart(source!, {
      OUTPUT: target,
      "--symbols": values.symbols,
      "--symbols-json": values["symbols-json"],
      "--listing": values.listing,
    });
    void io.interrupted; // from here on Ctrl-C waits until the files are whole
    write(target, assembled.bytes);
    for (const area of assembled.areas) write(beside(target, area.extension), area.bytes);
    if (values.symbols !== undefined) write(values.symbols, assembled.symbolFile(byteText(target)));
    if (values["symbols-json"] !== undefined)
      write(values["symbols-json"], latin1Bytes(table(assembled.symbols)));
    if (values.listing !== undefined) write(values.listing, latin1Bytes(assembled.listing));
    display(assembled.display, io.stdout);
    const tenths = Math.floor((process.uptime() - began) * 10);
    const time = tenths > 0 ? `${(tenths / 10).toFixed(1)} seconds, ` : "";
    io.stdout.write(`${assembled.passes} passes, ${time}${assembled.bytes.length} bytes.\n`);
    return 0;
  },
});

/** Nothing may replace the source, and no two files each other. */
function checkApart(source: string, outputs: Record<string, string | undefined>): void {
  const seen = new Map<string, string>();
  for (const [what, path] of Object.entries(outputs)) {
    if (path === undefined || isDevice(path)) continue;
    if (isSameFile(path, source))
      throw new Refusal(`the output would replace ${source}: say where it is to go`);
    const other = seen.get(resolve(path));
    if (other !== undefined) throw new Refusal(`${other} and ${what} are the same file: ${path}`);
    seen.set(resolve(path), what);
  }
}

/** FASM's rule: what follows the last dot of the name is replaced. */
function beside(path: string, extension: string | undefined): string {
  const stem = path.replace(/\.[^./\\]*$/, "");
  return extension === undefined ? stem : `${stem}.${extension}`;
}

function write(path: string, content: string | Uint8Array): void {
  try {
    writeFile(path, content);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    throw new Refusal(`${path}: ${error.words}\nerror: write failed.`, status.other);
  }
}

/** What `display` said, ended with a newline if it has none of its own. */
function display(text: Uint8Array, out: { write(chunk: string | Uint8Array): unknown }): void {
  if (text.length === 0) return;
  out.write(text);
  if (text.at(-1) !== 0x0a) out.write("\n");
}

/** One symbol a line, so that the file can be compared. A value beyond the numbers of JSON's readers stands as a string. */
function table(symbols: Symbols): string {
  const rows = [...symbols].map(({ place, name, value, exact, ...entry }) => {
    const written = exact === undefined ? value : String(exact);
    return `  ${JSON.stringify({ name, value: written, ...entry, ...place })}`;
  });
  return `[\n${rows.join(",\n")}\n]\n`;
}
