import { describe, expect, test } from "vitest";
import { type Command, command, Refusal } from "../../src/node/cli/command.ts";
import { list, number, oneOf, seconds } from "../../src/node/cli/options.ts";
import { kolibri } from "./io.ts";

/** A command that says what it was called with. */
const echo = command({
  name: "echo",
  synopsis: "WHAT [ARGS]",
  summary: "Says what it was called with.",
  options: {
    define: { short: "d", value: "NAME=VALUE", many: true, help: "defines" },
    trace: { value: "FILE", optional: true, help: "traces" },
    count: { value: "N", read: number(1, 10), help: "counts" },
    loud: { help: "is loud" },
    I: { value: "DIR", many: true, help: "looks there", advanced: true },
  },
  async run(args, values, io) {
    io.stdout.write(JSON.stringify({ args, values }));
    return 0;
  },
});
const broken = command({
  name: "broken",
  synopsis: "SOURCE [OUTPUT]",
  summary: "Fails.",
  options: {},
  async run(args) {
    if (args[0] === "refused") throw new Refusal("no such thing", 1);
    throw new TypeError("a rule of ours is broken");
  },
});
const commands = [echo, broken] as unknown as Command[];
const said = async (...argv: string[]) => kolibri(argv, { commands });

test("options are read wherever they stand, and arguments behind -- are left alone", async () => {
  const { out, status } = await said(
    ..."echo -d A=1 one -dB=2 --trace two --count=0x0a --loud -I x --define C=3 -- --not-ours".split(" "),
  );
  expect(status).toBe(0);
  expect(JSON.parse(out)).toEqual({
    args: ["one", "two", "--not-ours"],
    values: {
      define: ["A=1", "B=2", "C=3"],
      trace: true,
      count: 10,
      loud: true,
      I: ["x"],
      help: false,
    },
  });
  expect(JSON.parse((await said("echo", "x", "--trace=f")).out).values.trace).toBe("f");
});

test.each([
  ["ecko x", "unknown command ecko; did you mean echo?"],
  ["echo x --cuont 3", "unknown option --cuont; did you mean --count?"],
  ["echo x --toString", "unknown option --toString (what is meant for the program itself goes behind --)"],
  ["broken x -z", "unknown option -z"],
  ["echo", "WHAT is missing"],
  ["broken a b c", "one argument too many: c"],
  ["echo x --count", "--count needs a value: --count N"],
  ["echo x --loud=3", "--loud takes no value"],
  ["echo x --count=", "--count has nothing behind it: --count N"],
  ["-v", "unknown option -v"],
  ["echo x --count 11", "--count 11: a whole number from 1 to 10 is needed"],
  ["echo x --count 3x", "--count 3x: a whole number from 1 to 10 is needed"],
])("%s is refused", async (line, message) => {
  const { status, out, err } = await said(...line.split(" "));
  expect([status, out]).toEqual([2, ""]);
  expect(err).toContain(message);
});

test("a refusal is one line with its own status; a defect of ours shows no stack unless asked", async () => {
  expect(await said("broken", "refused")).toEqual({
    status: 1,
    out: "",
    err: "kolibri broken: no such thing\n",
  });
  const quiet = await said("broken", "x");
  expect(quiet.status).toBe(70);
  expect(quiet.err).toContain("internal error: a rule of ours is broken\n");
  expect(quiet.err).not.toContain("    at ");
  const loud = await kolibri(["broken", "x"], { commands, env: { KOLIBRI_STACK: "1" } });
  expect(loud.err).toContain("    at ");
});

test("help is made from the command's data", async () => {
  expect((await said("echo", "--help")).out).toBe(`Usage: kolibri echo WHAT [ARGS] [OPTIONS]

Says what it was called with.

Options:
  -d, --define NAME=VALUE   defines
  --trace[=FILE]            traces
  --count N                 counts
  --loud                    is loud
  -h, --help                this help

Advanced:
  -I DIR                    looks there
`);
  expect((await said("help", "echo")).out).toBe((await said("echo", "--help")).out);
  const all = await said("--help");
  expect(all.status).toBe(0);
  expect(all.out).toContain("  broken SOURCE [OUTPUT]    Fails.\n");
  expect(await said()).toMatchObject({ status: 2, out: "" });
});

describe("values", () => {
  test("numbers", () => {
    expect(["7", "1_000", "0xFFFF_FFFF"].map(number(0))).toEqual([7, 1000, 0xffffffff]);
    for (const wrong of ["", "-1", "1.5", "_1", "1e3", "9007199254740993"]) {
      expect(() => number(0)(wrong), wrong).toThrow("a whole number 0 or more is needed");
    }
  });
  test("seconds", () => {
    expect(["2", "0.5", ".25"].map(seconds)).toEqual([2, 0.5, 0.25]);
    for (const wrong of ["0", "-1", "x", "1s", ""]) expect(() => seconds(wrong), wrong).toThrow("seconds");
  });
  test("lists and choices", () => {
    expect(list("a,,b,")).toEqual(["a", "b"]);
    expect(oneOf("guide", "other")("guide")).toBe("guide");
    expect(() => oneOf("guide", "other")("zzzzzzz")).toThrow("one of these is needed: guide, other");
  });
});

test("the version is the package's", async () => {
  const { status, out } = await kolibri(["--version"]);
  expect([status, out]).toEqual([0, expect.stringMatching(/^kolibri \d+\.\d+\.\d+\n$/)]);
});
