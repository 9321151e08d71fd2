import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { Folder } from "./folder.ts";
import { kolibri } from "./io.ts";

const folder = new Folder();
const asm = (...argv: string[]) => kolibri(["asm", ...argv]);
const BANNER = /^kolibri assembler {2}version \d+\.\d+\.\d+ {2}\(524288 kilobytes memory\)\n/;

test("a source becomes a file beside it, and the last line says so as FASM does", async () => {
  const source = folder.put("three.asm", "db 1,2,3\n");
  const { status, out, err } = await asm(source);
  expect([status, err]).toEqual([0, ""]);
  // A machine with much else to do takes long enough for the line to say how long.
  expect(out.replace(BANNER, "").replace(/ \d+\.\d seconds,/, "")).toBe("1 passes, 3 bytes.\n");
  expect(folder.text("three.bin")).toBe("\x01\x02\x03");
  expect(folder.names()).toEqual(["three.asm", "three.bin"]);
});

test.each([
  ["format binary as 'kex'", "a.kex"],
  ["format binary as ''", "a."],
  ["format ELF executable", "a"],
  ["org 7c00h", "a.bin"],
  ["org 100h", "a.com"],
])("%s is written to %s", async (line, name) => {
  await asm(folder.put("a.asm", `${line}\ndb 1\n`));
  expect(folder.names()).toContain(name);
});

test("definitions, directories and the environment are seen", async () => {
  folder.put("near/one.inc", "db 1");
  folder.put("far/two.inc", "db 2");
  folder.put("named/three.inc", "db 3");
  const source = folder.put(
    "main.asm",
    "include 'one.inc'\ninclude 'two.inc'\ninclude '%WHERE%/three.inc'\ndb COUNT\nif DEBUG eq yes\ndb 5\nend if\n",
  );
  const argv = ["asm", source, folder.at("out"), "-I", folder.at("near"), "-d", "COUNT=2+2 9", "-dDEBUG=yes"];
  const env = { INCLUDE: `${folder.at("far")};${folder.at("none")}`, WHERE: folder.at("named") };
  expect(await kolibri(argv, { env })).toMatchObject({ status: 0, err: "" });
  expect(folder.text("out")).toBe("\x01\x02\x03\x04\x05");
});

test("names and text beyond ASCII are bytes, as the source has them", async () => {
  folder.put("Łódź/żółw.inc", "db 'ż'\n");
  const source = folder.put("Łódź/gęś.asm", "include 'żółw.inc'\ndb X\nfile 'żółw.inc'\n");
  const { status } = await asm(source, folder.at("out"), "-d", "X='ś'");
  expect(status).toBe(0);
  expect(Buffer.from(folder.text("out"), "latin1").toString()).toBe("żśdb 'ż'\n");
  const wrong = await asm(folder.put("Łódź/źle.asm", "\n mov gęś\n"));
  const said = Buffer.from(wrong.err, "latin1").toString();
  expect(said).toMatch(/Łódź\/źle\.asm \[2\]:\n mov gęś\nprocessed: mov gęś\nerror: /);
});

test("what is displayed stands before the summary, with a line of its own", async () => {
  const { out } = await asm(folder.put("a.asm", "display 'hello'\ndb 1\n"));
  expect(out.replace(BANNER, "")).toBe("hello\n1 passes, 1 bytes.\n");
});

test("time stamps follow SOURCE_DATE_EPOCH", async () => {
  const source = folder.put("a.asm", "dd %t\n");
  await kolibri(["asm", source], { env: { SOURCE_DATE_EPOCH: "1700000000" } });
  expect(folder.text("a.bin")).toBe("\x00\xf1\x53\x65");
  const wrong = await kolibri(["asm", source], { env: { SOURCE_DATE_EPOCH: "yesterday" } });
  expect(wrong).toMatchObject({ status: 1, err: expect.stringContaining("a number of seconds is needed") });
});

test("symbols are written as JSON, one a line", async () => {
  const source = folder.put("a.asm", "LIMIT = 7\nstart: nop\n.on: dd ?\n");
  await asm(source, "--symbols-json", folder.at("symbols"));
  expect(JSON.parse(folder.text("symbols"))).toEqual([
    { name: "LIMIT", value: 7, kind: "constant", size: 0, file: source, line: 1 },
    { name: "start", value: 0, kind: "label", size: 0, file: source, line: 2 },
    { name: "start.on", value: 1, kind: "label", size: 0, file: source, line: 3 },
  ]);
  expect(folder.text("symbols").split("\n")).toHaveLength(6);
});

test.each<[string, string, string[], string]>([
  [
    "a name defined again hides what it was before",
    "db x\nrestore x\ndb x",
    ["-d", "x=5", "-d", "x=6"],
    "\x06\x05",
  ],
  ["names are bytes", "db é", ["-d", "é=7"], "\x07"],
  ["nothing is heard behind a definition without a name", "x = 3\ndb x", ["-d", "=5", "-d", "x=4"], "\x03"],
  ["a semicolon in a string is none", "db x", ["-d", "x='a;b'"], "a;b"],
  ["numbers end with their digits", "db 1", ["-m", "1024k", "-p", "9 times"], "\x01"],
])("options as fasm takes them: %s", async (_, text, options, bytes) => {
  await asm(...options, folder.put("a.asm", `${text}\n`), folder.at("a.bin"));
  expect(folder.text("a.bin")).toBe(bytes);
});

test.each(["x=5;6", "x=a\\", "x='a"])("a definition fasm does not take: %s", async (text) => {
  const { status, err } = await asm("-d", text, folder.put("a.asm", "db 1\n"));
  expect(status).toBe(255);
  expect(err).toContain("error: invalid definition provided.");
});

test("the name of a definition may have 255 bytes", async () => {
  const source = folder.put("a.asm", "db 1\n");
  expect((await asm("-d", `${"x".repeat(255)}=1`, source)).status).toBe(0);
  expect((await asm("-d", `${"x".repeat(256)}=1`, source)).status).toBe(1);
});

test("how many lines a loop may take can be said", async () => {
  const source = folder.put("a.asm", "a = 0\nrepeat 100000\na = a xor %\nend repeat\n");
  expect((await asm(source, "--turns", "20000")).err).toContain("error: too many repeats.");
  expect((await asm(source, "--turns", "1000000")).status).toBe(0);
});

test("symbols have all their bits", async () => {
  const source = folder.put("a.asm", "use64\norg 7FF600000000h\nstart: ret\nALL = not 0\nTOP = 1 shl 63\n");
  await asm(source, "--symbols-json", folder.at("symbols"), "--listing", folder.at("listing"));
  const symbols: { name: string; value: unknown }[] = JSON.parse(folder.text("symbols"));
  expect(symbols.map(({ name, value }) => [name, value])).toEqual([
    ["start", 0x7ff600000000],
    ["ALL", -1],
    ["TOP", "9223372036854775808"],
  ]);
  expect(folder.text("listing")).toMatch(/^ 00007ff600000000 {2}c3 +start: ret$/m);
});

test("a listing has addresses, bytes and source", async () => {
  await asm(folder.put("a.asm", "org 10h\nuse32\nmov eax,5\n"), "--listing", folder.at("listing"));
  expect(folder.text("listing")).toMatch(/^ 00000010 {2}b805000000 +mov eax,5$/m);
});

test("symbolic information is in FASM's format, with the names of source and output", async () => {
  folder.put("b.inc", "inside: ret\n");
  const source = folder.put("a.asm", "include 'b.inc'\n");
  await asm(source, folder.at("a.bin"), "-s", folder.at("a.fas"));
  const text = folder.text("a.fas");
  expect(text.slice(0, 8)).toBe("fas\x1a\x01\x49\x40\0");
  expect(text.slice(64)).toContain(`${source}\0${folder.at("a.bin")}\0`);
  expect(text).toContain(`${folder.at("b.inc")}\0`);
});

test("an error stands in FASM's words, leaves no file, and has FASM's status", async () => {
  folder.put("a.bin", "old");
  const source = folder.put("a.asm", "nop\nmov eax,LIMIT\n");
  const { status, err } = await asm(source);
  expect(status).toBe(2);
  expect(err).toBe(
    `${source} [2]:\nmov eax,LIMIT\nprocessed: mov eax,LIMIT\nerror: undefined symbol 'LIMIT'.\n` +
      `  mov eax,LIMIT\n          ^~~~~\n  expected: the name of a label or constant that the source defines\n`,
  );
  expect(folder.text("a.bin")).toBe("old");
});

test("FASM's own options are taken with a capital letter too", async () => {
  const source = folder.put("capital.asm", "db X\n");
  const output = folder.at("capital.bin");
  expect(
    await asm("-D", "X=7", "-P", "3", "-M2000", "-S", folder.at("capital.fas"), source, output),
  ).toMatchObject({
    status: 0,
  });
  expect(folder.text("capital.bin")).toBe("\x07");
  expect(folder.text("capital.fas").slice(0, 3)).toBe("fas");
  expect(await asm("-I", "x", "-H", source)).toMatchObject({ status: 1 });
});

test("what has no line has status 255, a wrong command line 1", async () => {
  expect(await asm(folder.at("none.asm"))).toMatchObject({
    status: 255,
    err: `kolibri asm: ${folder.at("none.asm")}: no such file\nerror: source file not found.\n`,
  });
  expect(await asm(folder.at())).toMatchObject({
    status: 255,
    err: `kolibri asm: ${folder.at()} is a directory\nerror: out of memory.\n`,
  });
  const never = folder.put("never.asm", "a = b\nb = a + 1\ndb a\n");
  expect(await asm(never, "-p", "5")).toMatchObject({
    status: 255,
    err: "error: code cannot be generated.\n",
  });
  expect(await asm()).toMatchObject({ status: 1 });
  expect(await asm("a.asm", "--passes", "0")).toMatchObject({ status: 1 });
  expect(await asm("a.asm", "-d", "NAME")).toMatchObject({ status: 1 });
});

test("an output that cannot be written is said, and the source is never replaced", async () => {
  const source = folder.put("a.asm", "nop\n");
  const nowhere = await asm(source, folder.at("none", "a"));
  expect(nowhere.status).toBe(255);
  expect(nowhere.err).toBe(
    `kolibri asm: ${folder.at("none", "a")}: no such directory\nerror: write failed.\n`,
  );
  expect((await asm(source, folder.at())).err).toContain("is a directory");
  expect(await asm(source, source)).toMatchObject({
    status: 1,
    err: expect.stringContaining("would replace"),
  });
  expect((await asm(source, folder.at("out"), "--listing", source)).err).toContain("would replace");
  expect(await asm(source, folder.at("out"), "-s", folder.at(".", "out"))).toMatchObject({
    status: 1,
    err: expect.stringContaining("OUTPUT and --symbols are the same file"),
  });
  expect(await asm(source, "/dev/null", "-s", "/dev/null")).toMatchObject({ status: 0 });
  expect(folder.names()).toEqual(["a.asm"]);
  expect(folder.text("a.asm")).toBe("nop\n");
});

test("corrections are applied to what is read, and the file stays", async () => {
  const source = folder.put("a.asm", "db 1\ndb 2\n");
  const list = folder.put(
    "list.json",
    JSON.stringify([
      { id: "one", title: "", why: "", edits: [{ file: "a.asm", line: 1, was: "db 1", becomes: ["db 10"] }] },
      { id: "two", title: "", why: "", edits: [{ file: "a.asm", line: 2, was: "db 2", becomes: ["db 20"] }] },
    ]),
  );
  const made = async (...argv: string[]) => {
    await asm(source, folder.at("out"), "--corrections", list, ...argv);
    return folder.text("out");
  };
  expect(await made()).toBe("\x0a\x14");
  expect(await made("--without", "one")).toBe("\x01\x14");
  expect(await made("--only", "one")).toBe("\x0a\x02");
  expect(await made("--printed")).toBe("\x01\x02");
  expect(folder.text("a.asm")).toBe("db 1\ndb 2\n");

  const refused = async (...argv: string[]) => (await asm(source, "--corrections", list, ...argv)).err;
  expect(await refused("--only", "tow")).toContain("has no correction tow; did you mean two?");
  expect(await refused("--only", "one", "--printed")).toContain("--only and --printed do not go together");
  folder.put("a.asm", "db 9\ndb 2\n");
  expect(await refused()).toContain('a.asm:1 is not what its correction says: "db 1"');
});

const present = spawnSync("fasm").error === undefined;
test.skipIf(!present)(
  `fasm itself says the same of the same sources${present ? "" : " (skipped: fasm is not installed)"}`,
  async () => {
    const sources = [
      "db 1,2,3",
      "display 'x',13,10\ndb 1",
      "nop\nmov eax,LIMIT",
      "macro m { foo }\nnop\nm",
      "err",
    ];
    for (const text of sources) {
      const source = folder.put("a.asm", `${text}\n`);
      const theirs = spawnSync("fasm", [source, folder.at("out")], { encoding: "latin1" });
      const ours = await asm(source, folder.at("out"));
      const rest = (out: string) => out.split("\n").slice(1).join("\n"); // the first line is the banner
      // What stands under its words is ours.
      const [words, explained] = [
        ours.err.slice(0, theirs.stderr.length),
        ours.err.slice(theirs.stderr.length),
      ];
      expect([ours.status, rest(ours.out), words], text).toEqual([
        theirs.status,
        rest(theirs.stdout),
        theirs.stderr,
      ]);
      expect(explained, text).toMatch(
        theirs.status === 0 ? /^$/ : /^ {2}.*\n {2} *\^~*\n( {2}expected: .*\n)?$/,
      );
    }
  },
);

test("-s writes the preprocessed source of what is refused, too", async () => {
  const source = folder.put("refused.asm", "db 1\nmacro m a { db a,none }\nm 2\n");
  expect(await asm(source, "-s", folder.at("refused.fas"))).toMatchObject({ status: 2 });
  const file = Buffer.from(folder.text("refused.fas"), "latin1");
  expect(file.readUInt32LE(44)).toBe(0); // FAS.TXT: nothing but the preprocessed source
  expect(file.length).toBe(file.readUInt32LE(32) + file.readUInt32LE(36));
  expect(await asm(source, "-s", source)).toMatchObject({ status: 1 });
  expect(folder.text("refused.asm")).toMatch(/^db 1\n/);
});
