import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { visit } from "./in-browser.ts";

/** What Debian and others call it. */
const chromium = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

let folder: string;
let script: string;
const sources: Record<string, string> = {};
const corrections = JSON.parse(readFileSync("asm/guide/corrections.json", "utf8"));
let here: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "kolibri-browser-"));
  for (const root of ["asm", "fixtures/guide"])
    for (const name of readdirSync(root, { recursive: true, encoding: "utf8" })) {
      const path = join(root, name);
      if (/\.(asm|inc)$/.test(name) && statSync(path).isFile())
        sources[path.replaceAll("\\", "/")] = readFileSync(path, "latin1");
    }
  const { outputFiles } = await build({
    entryPoints: ["test/door/in-browser.ts"],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "page",
    platform: "browser", // a module of Node's would not be found
    logLevel: "silent",
  });
  script = outputFiles[0]!.text;
  here = visit(sources, corrections);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("what the page does, it does here", () => {
  expect(here.join("\n")).toMatch(/exit\nHTTP\/1\.1 200 OK\r\n.*<\/html>/s);
  expect(here.at(-1)).toMatch(/^returned \d+ after 7000009 instructions$/);
});

test("the library needs nothing but the language, WebAssembly and TextEncoder", () => {
  const context = createContext({ TextEncoder, TextDecoder, sources, corrections });
  expect(runInContext(`${script}\nJSON.stringify(page.visit(sources, corrections))`, context)).toBe(
    JSON.stringify(here),
  );
});

test.skipIf(chromium === undefined)("Chromium does the same, to the byte", () => {
  const file = join(folder, "page.html");
  const given = [sources, corrections].map((each) => JSON.stringify(each).replaceAll("<", "\\u003c"));
  const run = `document.title = "done"; document.body.textContent = JSON.stringify(page.visit(${given}));`;
  writeFileSync(
    file,
    `<!doctype html><meta charset="utf-8"><body><script>${script.replaceAll("</script", "<\\/script")}
      try { ${run} } catch (error) { document.body.textContent = "error: " + error.stack; }</script>`,
  );
  const options =
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
  const page = execFileSync(
    chromium!,
    [
      ...options.split(" "),
      `--user-data-dir=${join(folder, "profile")}`,
      "--dump-dom",
      pathToFileURL(file).href,
    ],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: 100_000, maxBuffer: 1 << 26 },
  );
  const text = /<body>(.*?)<\/body>/s.exec(page)![1]!;
  const plain = text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  expect(plain).toBe(JSON.stringify(here));
});
