import { describe, expect, test } from "vitest";
import { type Header, writeHeader } from "../../src/image/index.ts";
import { Folder } from "./folder.ts";
import { kolibri } from "./io.ts";

const folder = new Folder();

const hello = "fixtures/guide/images/hello.corrected.bin";

/** A flat program: what its bytes do, and nothing else. */
const flat = {
  /** mov eax, -1 / int 0x40 */
  exits: [0xb8, 0xff, 0xff, 0xff, 0xff, 0xcd, 0x40],
  /** jmp $ */
  runsAway: [0xeb, 0xfe],
  /** mov eax, [0x7fff0000] */
  faults: [0xa1, 0x00, 0x00, 0xff, 0x7f],
};

test("a program's debug board is standard output, and its own end is status 0", async () => {
  expect(await kolibri(["run", hello])).toEqual({ status: 0, out: "Hello from KolibriOS\r\n", err: "" });
});

test("a flat binary runs where it is put", async () => {
  const path = folder.put("flat.bin", flat.exits);
  const state = folder.at("state.json");
  const { status } = await kolibri(["run", "--raw", "--org", "0x1000", path, "--state", state]);
  expect(status).toBe(0);
  expect(folder.json("state.json")).toMatchObject({
    stop: { reason: "exit" },
    registers: { eax: 0xffff_ffff, eip: 0x1007, eflags: 0x1202 },
    instructions: 2,
    calls: { exit: 1 },
  });
});

test("what stops a program is said with its place, and is status 1", async () => {
  const state = folder.at("state.json");
  const run = async (bytes: number[], ...more: string[]) =>
    kolibri(["run", "--raw", folder.put("flat.bin", bytes), "--state", state, ...more]);
  const ended = () => folder.json("state.json");

  expect(await run(flat.faults)).toMatchObject({
    status: 1,
    err: "kolibri: stopped: fault #PF: read of 0x7fff0000 at 0x0\n",
  });
  expect(ended().stop).toMatchObject({ reason: "fault", fault: "#PF", access: "read", address: 0x7fff0000 });

  expect(await run(flat.runsAway, "--max-instructions", "1000")).toMatchObject({
    status: 1,
    err: "kolibri: stopped: limit of instructions reached at 0x0\n",
  });
  expect(ended()).toMatchObject({ stop: { reason: "limit", limit: "instructions" }, instructions: 1000 });

  expect((await run(flat.runsAway, "--timeout", "0.001")).err).toContain("limit of time reached");
  // 100 instructions a microsecond on the virtual clock
  expect(ended().instructions).toBe(100_000);
});

test("Unicorn is not told whose undefined flags it has", async () => {
  const path = folder.put("flat.bin", flat.exits);
  const asked = ["run", "--raw", path, "--undefined-flags", "p6", "--engine"];
  expect(await kolibri([...asked, "compiled"])).toMatchObject({ status: 0 });
  expect(await kolibri([...asked, "unicorn"])).toMatchObject({
    status: 2,
    err: expect.stringContaining("Unicorn leaves those flags as QEMU does"),
  });
});

test("a run can be interrupted, and what it was to write is written", async () => {
  const stop = new AbortController();
  const state = folder.at("state.json");
  setTimeout(() => stop.abort("SIGINT"), 50);
  const said = await kolibri(["run", "--raw", folder.put("flat.bin", flat.runsAway), "--state", state], {
    interrupted: stop.signal,
  });
  expect(said.status).toBe(130);
  expect(folder.json("state.json").stop.reason).toBe("stopped");
});

test("the trace of system calls has one line a call", async () => {
  const { err } = await kolibri(["run", hello, "--strace"]);
  const lines = err.trimEnd().split("\n");
  expect(lines).toHaveLength(23);
  expect(lines[0]).toMatch(/^ +0\.000000 \[1\] 63\.1 debug board\('H'\) {2}; 0x[\da-f]+$/);
  expect(lines[22]).toMatch(/ -1 exit\(\) {2}; 0x[\da-f]+$/);
  const file = folder.at("calls");
  expect((await kolibri(["run", hello, `--strace=${file}`])).err).toBe("");
  expect(folder.text("calls")).toBe(err);
});

describe("what cannot be run", () => {
  const header: Header = {
    variant: "MENUET01",
    version: 1,
    entry: 0x24,
    imageEnd: 0x24,
    memorySize: 0x1000,
    stackTop: 0x1000,
    parameters: 0,
    path: 0,
  };
  test.each<[string, () => string[], string]>([
    ["a file that is not there", () => [folder.at("none.kex")], "none.kex: no such file"],
    ["a directory", () => [folder.at()], "is a directory"],
    [
      "a header cut short",
      () => [folder.put("a.kex", writeHeader(header).subarray(0, 20))],
      "cut short: 20 bytes",
    ],
    [
      "a header with an entry outside",
      () => [folder.put("a.kex", writeHeader({ ...header, entry: 0x9999 }))],
      "entry 0x9999 is outside",
    ],
    ["neither text nor image", () => [folder.put("a.kex", [1, 0, 2])], "neither a source nor an image"],
    [
      "more memory than there is",
      () => [folder.put("a.kex", writeHeader({ ...header, memorySize: 0x7fff_0000 }))],
      "memory",
    ],
    ["an unknown system", () => [hello, "--abi", "linux"], "--abi linux: one of these is needed: guide"],
    [
      "an entry nobody knows",
      () => [hello, "--entry", "start"],
      "an image without symbols knows only addresses",
    ],
    ["an origin for an image", () => [hello, "--org", "0"], "--org is for flat binaries"],
    ["a trace into a directory", () => [hello, `--trace=${folder.at()}`], "is a directory"],
    ["a state nowhere", () => [hello, "--state", folder.at("none", "s")], "no such directory"],
    [
      "a state in the program's place",
      () => [folder.put("a.asm", "nop"), "--state", folder.at(".", "a.asm")],
      "that would replace the program",
    ],
    [
      "two outputs in one place",
      () => [hello, `--trace=${folder.at("t")}`, `--strace=${folder.at(".", "t")}`],
      "another output goes to the same file",
    ],
    ["an output without a name", () => [hello, "--pcap="], "--pcap has nothing behind it: --pcap FILE"],
    ["a network's own address", () => [hello, "--address", "10.0.2.0/24"], "an address such as"],
    ["everybody's address", () => [hello, "--address", "10.0.2.255/24"], "an address such as"],
    ["a group's address", () => [hello, "--nic", "224.0.0.1/24"], "an address such as"],
    ["this host's own address", () => [hello, "--address", "127.0.0.1/8"], "an address such as"],
    ["an output called -", () => [hello, "--trace=-"], "an output needs a name"],
    ["nothing at all", () => [folder.put("a.kex", "")], "a.kex is empty"],
    ["a source that makes nothing", () => [folder.put("a.asm", "x = 1")], "nothing in it but definitions"],
    [
      "a flat binary with a source's name",
      () => [folder.put("a.asm", [0xf4, 0]), "--raw"],
      "only another name than .asm makes it a flat binary",
    ],
    [
      "selections without corrections",
      () => [folder.put("a.asm", "nop"), "--only", "x"],
      "--only needs a list",
    ],
    [
      "corrections that are none",
      () => [folder.put("a.asm", "nop"), "--corrections", folder.put("c", "{}")],
      "not a list",
    ],
    [
      "corrections not in JSON",
      () => [folder.put("a.asm", "nop"), "--corrections", folder.put("c", "{")],
      "is not JSON",
    ],
  ])("%s", async (_, args, message) => {
    const argv = args();
    const before = folder.names();
    const { status, out, err } = await kolibri(["run", ...argv]);
    expect([status, out]).toEqual([2, ""]);
    expect(err).toContain(message);
    expect(err).not.toContain("internal error");
    expect(folder.names()).toEqual(before);
  });
});

test("the source of a flat binary runs as one, where it is put, with its names", async () => {
  const path = folder.put("flat.asm", "use32\norg 0x1000\nstart:\nmov eax,[0x7fff0000]\n");
  const place = `at 0x1000 <start> ${path}:4\n    mov eax,[0x7fff0000]\n`;
  const at = async (...more: string[]) => (await kolibri(["run", "--raw", path, ...more])).err;
  expect(await at()).toContain(place);
  expect(await at("--org", "0x2000")).toContain("at 0x2000");
  expect(await kolibri(["run", "--org", "0x2000", path])).toMatchObject({ status: 2 });
});

test("a source whose header describes no program is refused with the reason", async () => {
  const path = folder.put("broken.asm", "db 'MENUET01'\ndd 1, 0x5000, 36, 0x1000, 0x1000, 0, 0\n");
  const { status, err } = await kolibri(["run", path]);
  expect(status).toBe(2);
  expect(err).toContain("makes no program: application header: entry 0x5000 is outside the 4096 bytes");
});

test("the number of a system call can be taken from AL alone, the time be told in BCD", async () => {
  const path = folder.put(
    "al.asm",
    "use32\nmov eax,0x12345603\nint 0x40\nmov ebx,eax\nor eax,-1\nint 0x40\n",
  );
  const state = folder.at("state.json");
  const ebx = async (...more: string[]) => {
    expect(await kolibri(["run", path, "--state", state, ...more])).toMatchObject({ status: 0 });
    return folder.json("state.json").registers.ebx;
  };
  expect(await ebx()).toBe(0xffff_ffff); // no such function
  expect(await ebx("--select", "al")).toBe(0);
  expect(await ebx("--select", "al", "--time", "bcd", "--timeout", "5")).toBe(0);
});
