/** IR as text: for golden tests, and for whoever wants to see what became of a piece of code. */
import { nameOf, typeNames } from "../wasm/names.ts";
import {
  argumentsOf,
  type Block,
  type Changes,
  type End,
  type Exit,
  type Region,
  SLOT,
  slotName,
  type Target,
  type Value,
  valuesAt,
  WHAT,
  writesAt,
} from "./ir.ts";
import { patternOf } from "./patterns.ts";
import { FLAGS } from "./status.ts";
import { successors } from "./structure.ts";

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
const kindNames = Object.keys(WHAT).map((name) => name.toLowerCase());
const kinds = Object.fromEntries(Object.entries(FLAGS).map(([name, number]) => [number, name.toLowerCase()]));

/** The whole region. Values that nothing needs are left out: they are not emitted either. */
export function regionText({ blocks, entries }: Region): string {
  const reached = new Set(entries);
  for (const index of reached) for (const next of successors(blocks[index]!)) reached.add(next);
  return [...reached]
    .sort((a, b) => a - b)
    .map((index) => blockText(blocks[index]!, entries.includes(index)))
    .join("\n");
}

function blockText(block: Block, isEntry: boolean): string {
  const used = usedValues(block);
  const lines = [
    `b${block.index} ${hex(block.address)} ${block.count} instructions${isEntry ? ", entry" : ""}`,
  ];
  for (const value of block.values) if (used.has(value)) lines.push(`  ${valueText(value)}`);
  for (const [slot, value] of changesIn(block.changes))
    lines.push(`  ${slotName(slot)} := ${changeText(slot, value)}`);
  lines.push(`  ${endText(block.end)}`);
  return `${lines.join("\n")}\n`;
}

/**
 * Values that an effect, an exit or the end may need. Values are made of earlier ones: whatever needs one has been seen
 * when it is come to from the end.
 */
function usedValues({ values, changes, end }: Block): ReadonlySet<Value> {
  const used = new Set([...changes.values, ...valuesAt(end)]);
  for (const value of [...values].reverse()) {
    if (value.what > WHAT.LOAD) used.add(value);
    if (!used.has(value)) continue;
    for (const argument of argumentsOf(value)) used.add(argument);
    for (const changed of value.exit?.changes.values ?? []) used.add(changed);
    for (const store of value.exit?.late ?? []) used.add(store.address).add(store.value);
  }
  return used;
}

/** What has changed, by slots; not what has changed and changed back. */
export const changesIn = ({ slots, values }: Changes): [number, Value][] =>
  values
    .map((value, i): [number, Value] => [slots[i]!, value])
    .filter(([slot, { what, number }]) => what !== WHAT.SLOT || number !== slot)
    .sort(([a], [b]) => a - b);

const changeText = (slot: number, value: Value): string =>
  slot === SLOT.KIND && value.what === WHAT.CONST ? kinds[value.number]! : name(value);

function name(value: Value): string {
  if (value.what === WHAT.SLOT) return slotName(value.number);
  if (value.what !== WHAT.CONST) return `v${value.position}`;
  if (typeof value.bytes === "bigint") return `${value.bytes}`;
  if (value.bytes !== undefined) return `[${value.bytes.join(" ")}]`;
  return Math.abs(value.number) < 1024 ? `${value.number}` : hex(value.number);
}

function valueText(value: Value): string {
  const { what, number, exit } = value;
  const args = argumentsOf(value);
  const names = args.map(name).join(", ");
  const out = exit === undefined ? "" : `  ; ${exit.to ? targetText(exit.to) : "else"} ${exitText(exit)}`;
  switch (what) {
    case WHAT.PURE: {
      const lanes = value.bytes === undefined ? "" : ` [${(value.bytes as number[]).join(" ")}]`;
      return `v${value.position} = ${nameOf(value.opcode)}${lanes} ${names}`;
    }
    case WHAT.LOAD:
      return `v${value.position} = ${nameOf(value.opcode)} ${names} + ${hex(number)}`;
    case WHAT.STORE:
      return `${nameOf(value.opcode)} ${name(args[0]!)} + ${hex(number)}, ${name(args[1]!)}`;
    case WHAT.CHECK:
      return `check ${writesAt(value) ? "write" : "read"} ${name(args[0]!)} ${number} … ${value.high - 1}${out}`;
    case WHAT.CALL:
      return `v${value.position} = call ${number} (${names}) ${typeNames[value.type]}`;
    case WHAT.PATTERN:
      return `v${value.position} = ${patternOf(number).name}: ${names}${out}`;
    case WHAT.SECOND:
      return `v${value.position} = second ${names}`;
    case WHAT.FILL:
      return `fill ${names} by ${number}`;
    default:
      return `${kindNames[what]} ${names}${out}`;
  }
}

function exitText({ eip, count, changes: changed }: Exit): string {
  const changes = changesIn(changed).map(
    ([slot, value]) => `${slotName(slot)} := ${changeText(slot, value)}`,
  );
  return [`${hex(eip)} after ${count}`, ...changes].join(", ");
}

const targetText = ({ block, address }: Target): string => (block < 0 ? `out ${hex(address)}` : `b${block}`);

function endText(end: End): string {
  switch (end.kind) {
    case "goto":
      return `goto ${targetText(end.target)}`;
    case "branch":
      return `if ${name(end.condition)} goto ${targetText(end.yes)} else ${targetText(end.no)}`;
    case "indirect":
      return `goto address ${name(end.target)}, perhaps ${end.cases.map(targetText).join(", ") || "nothing known"}${end.choice ? ` by ${name(end.choice.index)}: ${end.choice.cases.join(" ")}` : ""}`;
    case "execute":
      return `execute ${end.operation.form!.name}, goto ${targetText(end.target)}`;
    case "interrupt":
      return `interrupt ${end.vector}, goto ${targetText(end.target)}`;
    case "interpret":
      return `interpret ${hex(end.eip)}`;
  }
}
