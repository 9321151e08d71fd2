import type { Command } from "./command.ts";
import type { Option } from "./options.ts";

const INDENT = 28;

/** The help of one command, made from its data; lines no longer than `width`. */
export function commandHelp(command: Command, width: number): string {
  const parts = [
    `Usage: kolibri ${command.name} ${command.synopsis} [OPTIONS]`,
    wrap(command.summary, width),
  ];
  if (command.description) parts.push(wrap(command.description, width));
  const options = Object.entries(command.options);
  const simple = options.filter(([, option]) => !option.advanced);
  const advanced = options.filter(([, option]) => option.advanced);
  parts.push(section("Options", [...simple, ["help", { short: "h", help: "this help" }]], width));
  if (advanced.length) parts.push(section("Advanced", advanced, width));
  if (command.examples) parts.push(["Examples:", ...command.examples.map((line) => `  ${line}`)].join("\n"));
  return `${parts.join("\n\n")}\n`;
}

/** The help of the whole program. */
export function programHelp(commands: readonly Command[], summary: string, width: number): string {
  const rows = commands.map((command) =>
    row(`  ${command.name} ${command.synopsis}`, command.summary, width),
  );
  return [
    "Usage: kolibri COMMAND …",
    wrap(summary, width),
    ["Commands:", ...rows].join("\n"),
    "kolibri COMMAND --help tells more about one; kolibri --version says which this is.\n",
  ].join("\n\n");
}

function section(title: string, options: [string, Option][], width: number): string {
  return [
    `${title}:`,
    ...options.map(([name, option]) => row(`  ${usage(name, option)}`, option.help, width)),
  ].join("\n");
}

function usage(name: string, option: Option): string {
  const value = option.value ? (option.optional ? `[=${option.value}]` : ` ${option.value}`) : "";
  const long = name.length === 1 ? `-${name}${value}` : `--${name}${value}`;
  return option.short && name.length > 1 ? `-${option.short}, ${long}` : long;
}

function row(left: string, right: string, width: number): string {
  const text = wrap(right, Math.max(20, width - INDENT)).replaceAll("\n", `\n${" ".repeat(INDENT)}`);
  return left.length < INDENT - 1 ? left.padEnd(INDENT) + text : `${left}\n${" ".repeat(INDENT)}${text}`;
}

/** Breaks lines between words; line ends that are there stay. */
function wrap(text: string, width: number): string {
  return text
    .split("\n")
    .map((paragraph) => {
      const lines = [""];
      for (const word of paragraph.split(" ")) {
        const line = lines.at(-1)!;
        if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
        else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
      }
      return lines.join("\n");
    })
    .join("\n");
}
