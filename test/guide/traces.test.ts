import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Computer, ComputerOptions, Stop } from "../../src/index.ts";
import { unicorns } from "../engines/unicorns.ts";
import { type Given, PAGE, position } from "./position.ts";

/**
 * The guide's routines, as printed and corrected, on our machine, kernel and network, against what Unicorn makes of
 * the same bytes in the same positions: every system call, where each RET goes, what is written, how it ends.
 */
const guide = new URL("../../fixtures/guide/", import.meta.url);

interface Trace {
  image: string;
  address: string;
  scenarios: Scenario[];
}

interface Scenario {
  name: string;
  given: Given;
  args: string[];
  registers: string;
  limit: number;
  calls: { at: string; registers: string; stack: string; answer: number | "none" }[];
  end: {
    how: string;
    fault?: string;
    address?: string;
    access?: string;
    from?: string;
    to?: string;
    expected?: string;
    eip: string;
    registers: string;
    instructions: number;
  };
  written: [string, string][];
}

const read = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, guide)));
/** Where `call` lets a routine return to. */
const RETURN = 0xffff_f000;
const hex = (value: number): string => `0x${value.toString(16)}`;
/** Without the label, which is for readers. */
const bare = (place: string): string => place.split(" ")[0]!;

/** What executes them: every engine gives the same after every instruction. */
const engines: readonly (readonly [
  name: string,
  engine: ComputerOptions["engine"],
  versions: readonly string[],
])[] = [
  ["interpreter", "interpreter", ["printed", "corrected"]],
  ["compiled", "compiled", ["corrected"]],
  ...unicorns
    .filter(({ isPlayed }) => !isPlayed)
    .map(({ title, engine }) => [`unicorn: ${title}`, engine, ["corrected"]] as const),
];

for (const [name, engine, version] of engines.flatMap(([name, engine, versions]) =>
  versions.map((version) => [name, engine, version] as const),
)) {
  const image = read(`images/listings.${version}.bin`);
  const files = readdirSync(new URL(`traces/${version}`, guide));
  describe.skipIf(engine === undefined).each(files)(`${version}, ${name}: %s`, (file) => {
    const trace = JSON.parse(new TextDecoder().decode(read(`traces/${version}/${file}`))) as Trace;

    test("is about these bytes", () => {
      expect(createHash("sha256").update(image).digest("hex")).toBe(trace.image);
    });

    test.each(trace.scenarios.map((scenario) => [scenario.name, scenario] as const))("%s", (_, scenario) => {
      const { calls, end, written } = scenario;
      expect(run(image, Number(bare(trace.address)), scenario, engine)).toEqual({
        calls: calls.map((call) => ({ ...call, at: bare(call.at) })),
        end: { ...end, eip: bare(end.eip), ...(end.how === "astray" && astray(end)), ...beyond(end) },
        written: written
          .map(([place, bytes]) => [bare(place), bytes] as const)
          .toSorted(([a], [b]) => Number(a) - Number(b)),
      });
    });
  });
}

/** Unicorn knows no end of a segment: on a processor, as here, a dword that ends beyond 4 GiB is #GP. */
const beyond = ({ fault, address }: Scenario["end"]) =>
  fault === "#PF" && Number(address) > 0xffff_fffc ? { fault: "#GP" } : {};

const astray = ({ from, expected }: Scenario["end"]) => ({ from: bare(from!), expected: bare(expected!) });

function run(
  image: Uint8Array,
  routine: number,
  { given, args, registers, limit }: Scenario,
  engine: ComputerOptions["engine"],
) {
  const { computer } = position(image, given, {
    ...(given.heap === false && { memoryBytes: 16 * PAGE }),
    ...(engine !== undefined && { engine }),
  });
  const { memory, cpu, process } = computer;
  const before = contents(computer);
  const entry: Record<string, number> = {};
  for (const pair of registers.split(" ")) entry[pair.slice(0, 3)] = Number.parseInt(pair.slice(4), 16);
  // What the call itself pushes is not among what the routine writes.
  const top = process.image.stackTop - 4 * (args.length + 1);
  for (const [i, value] of [RETURN, ...args.map(Number)].entries()) {
    before[0]!.bytes.set(dword(value), top + 4 * i);
  }

  const calls: Scenario["calls"] = [];
  let answered = true;
  computer.onInstruction((at) => {
    if (!answered) calls.at(-1)!.answer = cpu.eax | 0;
    answered = !(memory.u8(at) === 0xcd && memory.u8(at + 1) === 0x40);
    if (!answered) {
      const stack = [0, 4, 8, 12].flatMap((offset) => memory.u32(cpu.esp + offset) ?? []);
      calls.push({
        at: hex(at),
        registers: shown(computer),
        stack: stack.map(hex).join(" "),
        answer: "none",
      });
    }
    return false;
  });
  const { stop, instructions } = computer.call(routine, args.map(Number), {
    registers: entry,
    maxInstructions: limit,
  });
  return {
    calls,
    end: {
      ...ending(stop),
      // A call that ends a thread or never answers is told by its own place.
      eip: stop.reason === "exit" || stop.reason === "blocked" ? calls.at(-1)!.at : hex(cpu.eip),
      registers: shown(computer),
      instructions,
    },
    written: differences(before, contents(computer)),
  };
}

interface Region {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** All mapped memory: the program with its stack, then what of the heap lies together. */
function contents({ memory, process }: Computer): Region[] {
  const heap = Math.ceil(process.image.memorySize / PAGE) * PAGE;
  const regions = [{ at: 0, bytes: memory.read(0, heap)! }];
  const pages: number[] = [];
  for (let at = heap; at < heap + 64 * PAGE; at += PAGE)
    if (memory.isMapped(at, PAGE, "read")) pages.push(at);
  while (pages.length > 0) {
    let end = pages.shift()!;
    const at = end;
    while (pages[0] === (end += PAGE)) pages.shift();
    regions.push({ at, bytes: memory.read(at, end - at)! });
  }
  return regions;
}

/** Bytes that are not what they were (0 where nothing was); changes closer than four bytes in one piece. */
function differences(before: readonly Region[], after: readonly Region[]): [string, string][] {
  const was = (at: number): number => {
    const region = before.find((each) => at >= each.at && at < each.at + each.bytes.length);
    return region?.bytes[at - region.at] ?? 0;
  };
  const found: [string, string][] = [];
  for (const { at, bytes } of after) {
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] === was(at + i)) continue;
      let last = i;
      for (let end = i; end < bytes.length && end - last < 4; end++)
        if (bytes[end] !== was(at + end)) last = end;
      found.push([hex(at + i), Buffer.from(bytes.subarray(i, last + 1)).toString("hex")]);
      i = last;
    }
  }
  return found;
}

const dword = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

function shown({ cpu }: Computer): string {
  const names = ["eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp"] as const;
  return names.map((name) => `${name}=${cpu[name].toString(16).padStart(8, "0")}`).join(" ");
}

function ending(stop: Stop): { how: string; [key: string]: string } {
  switch (stop.reason) {
    case "astray":
      return {
        how: "astray",
        from: hex(stop.from.address),
        to: hex(stop.at.address),
        expected: hex(stop.expected),
      };
    case "fault":
      return {
        how: "fault",
        fault: stop.fault,
        ...(stop.address !== undefined && { address: hex(stop.address), access: stop.access! }),
      };
    default:
      return { how: stop.reason };
  }
}
