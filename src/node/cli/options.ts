import { parseArgs } from "node:util";
import { nearest } from "../../base/index.ts";
import { type Command, Refusal } from "./command.ts";

/** One option, as data. `read` turns the text into a value or throws a Refusal that says what is wrong with it. */
export interface Option<T = unknown> {
  /** One letter, for `-d`. */
  readonly short?: string;
  /** The letter may be a capital too, as FASM has it. */
  readonly eitherCase?: boolean;
  /** What the value is called in the help; an option without it is a switch. */
  readonly value?: string;
  /** The value may be missing: `--trace` and `--trace=FILE`. */
  readonly optional?: boolean;
  /** May be given several times; all values are kept. */
  readonly many?: boolean;
  /** Shown under "Advanced". */
  readonly advanced?: boolean;
  readonly help: string;
  readonly read?: (text: string) => T;
}

export type Options = Readonly<Record<string, Option>>;

type Read<O> = O extends { read: (text: string) => infer T } ? T : string;

type Value<O extends Option> = O extends { value: string }
  ? O extends { many: true }
    ? Read<O>[]
    : O extends { optional: true }
      ? Read<O> | true | undefined
      : Read<O> | undefined
  : boolean;

export type Values<O extends Options> = { -readonly [K in keyof O]: Value<O[K]> };

/** Before the name of an option that was said with a capital letter; no name begins so. */
const CAPITAL = "^";

/** What they are when the command line says nothing. */
export function noValues<O extends Options>(options: O): Values<O> {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    values[name] = option.many ? [] : option.value ? undefined : false;
  }
  return values as Values<O>;
}

/** Takes a command line apart. Options may stand anywhere before `--`. */
export function parse<O extends Options>(
  command: Command<O>,
  argv: readonly string[],
): { args: string[]; values: Values<O>; help: boolean } {
  const options: Options = { ...command.options, help: { short: "h", help: "" } };
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(options).flatMap(([name, option]) => {
        const type = option.value && !option.optional ? ("string" as const) : ("boolean" as const);
        const { short } = option;
        const plain = [name, { type, ...(short ? { short } : {}) }] as const;
        return option.eitherCase && short
          ? [plain, [CAPITAL + name, { type, short: short.toUpperCase() }] as const]
          : [plain];
      }),
    ),
  });
  const args: string[] = [];
  const values: Record<string, unknown> = noValues(options);
  for (const token of tokens) {
    if (token.kind === "positional") args.push(token.value);
    if (token.kind !== "option") continue;
    const name = token.name.startsWith(CAPITAL) ? token.name.slice(CAPITAL.length) : token.name;
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (!option || token.rawName.startsWith(`--${CAPITAL}`))
      throw new Refusal(unknownOption(token.rawName, options, command));
    const text = token.value;
    if (text === undefined && option.value && !option.optional) {
      throw new Refusal(`${token.rawName} needs a value: ${token.rawName} ${option.value}`);
    }
    if (text === "" && option.value)
      throw new Refusal(`${token.rawName} has nothing behind it: ${token.rawName} ${option.value}`);
    if (text !== undefined && !option.value) throw new Refusal(`${token.rawName} takes no value`);
    let value: unknown = text ?? true;
    if (text !== undefined && option.read) {
      try {
        value = option.read(text);
      } catch (error) {
        if (error instanceof Refusal) throw new Refusal(`${token.rawName} ${text}: ${error.message}`);
        throw error;
      }
    }
    if (option.many) (values[name] as unknown[]).push(value);
    else values[name] = value;
  }
  const help = values["help"] === true;
  if (!help) checkCount(command, args);
  return { args, values: values as Values<O>, help };
}

function unknownOption(name: string, options: Options, command: { synopsis: string }): string {
  const names = Object.entries(options).flatMap(([long, { short }]) => [
    `--${long}`,
    ...(short ? [`-${short}`] : []),
  ]);
  const meant = nearest(name, names);
  const hint = command.synopsis.includes("[ARGS]")
    ? " (what is meant for the program itself goes behind --)"
    : "";
  return `unknown option ${name}${meant ? `; did you mean ${meant}?` : ""}${hint}`;
}

function checkCount(command: { synopsis: string }, args: readonly string[]): void {
  const names = command.synopsis.split(" ").filter((name) => name !== "");
  const needed = names.filter((name) => !name.startsWith("["));
  const missing = needed[args.length];
  if (missing) throw new Refusal(`${missing} is missing`);
  if (args.length > names.length && !names.some((name) => name.endsWith("S]"))) {
    throw new Refusal(`one argument too many: ${args[names.length]}`);
  }
}

/** Readers of option values. */

/** A whole number: decimal or 0x…, underscores allowed between digits. */
export function number(from: number, to = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const plain = text.replace(/(?<=[\da-f])_(?=[\da-f])/gi, "");
    const value = /^(\d+|0x[\da-f]+)$/i.test(plain) ? Number(plain) : Number.NaN;
    if (!(value >= from && value <= to)) {
      const range = to === Number.MAX_SAFE_INTEGER ? `${from} or more` : `from ${from} to ${to}`;
      throw new Refusal(`a whole number ${range} is needed`);
    }
    return value;
  };
}

/** Seconds, with a fraction if wanted. */
export function seconds(text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0 && value <= 1e9)) throw new Refusal("a number of seconds above 0 is needed");
  return value;
}

/** `a,b,c` */
export function list(text: string): string[] {
  return text.split(",").filter((word) => word !== "");
}

export function oneOf<const T extends readonly string[]>(...choices: T): (text: string) => T[number] {
  return (text) => {
    const chosen = choices.find((choice) => choice === text);
    if (chosen === undefined) throw new Refusal(`one of these is needed: ${choices.join(", ")}`);
    return chosen;
  };
}
