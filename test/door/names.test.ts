import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** What the library offers. A change of this list is a decision: it is the promise to everybody who uses it. */
const names = `
  ANY6
  Access Assembled assemble AssemblySession cable CallOptions CallRecord CallResult capture Clock Computer ComputerOptions corrected Correction CpuModel CpuName describeLab describeStop
  Diagnostic disassemble explanation FaultName fasmText FaultyLink FaultyLinkOptions Files FOREVER Gateway GatewayOptions guide GuideOptions
  hostClock Image imageFrom InstructionHook InterfaceOptions Lab LabDescription LabError LabOptions LabResult Limits LineMap Machine ManualClock match Memory memoryFiles
  MemoryHook MemoryOutside MemoryOutsideOptions Micros Moving MS Nic NoOutside Outside parseAddress parseIpAddress parseNetwork parseNetwork6 parsePublication
  PcapWriter Personality Place Port Random RawOptions rawImage RegisterName Registers Router RouterOptions SECOND showAddress showIpAddress showCall
  showCallLine showPlace Socket Stack State Stop Switch Symbols tap TcpState UndefinedFamily Verdict WaitingThread World WorldEnd WorldOptions written
`;

const door = readFileSync(new URL("../../src/index.ts", import.meta.url), "utf8");

test("the door offers these names and no others", () => {
  const offered = Array.from(door.matchAll(/^export (?:type )?\{([^}]*)\}/gm), ([, list]) => list!)
    .join(",")
    .split(",")
    .map((name) => name.trim().replace(/^type /, ""))
    .filter((name) => name !== "");
  const sorted = (list: string[]) => list.toSorted((a, b) => a.localeCompare(b, "en"));
  expect(sorted(offered)).toEqual(sorted(names.trim().split(/\s+/)));
});

test("nothing is offered wholesale", () => {
  expect(door).not.toContain("export *");
});

test("the example runs and prints what stands below it", async () => {
  const page = door.slice(0, door.indexOf("*/")).replaceAll(/^ \* ?/gm, "");
  const [, code, printed] = /```ts\n(.*?)```.*?```text\n(.*?)```/s.exec(page)!;
  const imports = /^import \{(.*)\} from "kolibri-emu";$/m;
  const body = code!.replace(imports, "const {$1} = library;");
  expect(body).not.toBe(code);
  const library = await import("../../src/index.ts");
  const lines: string[] = [];
  const log = { log: (line: string) => lines.push(`${line}\n`) };
  new Function("library", "console", body)(library, log);
  expect(lines.join("")).toBe(printed);
});
