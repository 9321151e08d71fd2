import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { needBuild } from "../cli/build.ts";

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));

beforeAll(needBuild);

test("the package has what a user needs, and nothing else", () => {
  const argv = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const [{ files }] = JSON.parse(
    execFileSync("npm", argv, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
  );
  const paths: string[] = files.map(({ path }: { path: string }) => path);
  const wanted =
    /^(dist\/.*\.(js|d\.ts)|dist\/cli\.cjs|dist\/cli\/[a-z][a-z\d]*(-\d)?\.cjs(\.compiled)?|asm\/(?!bench\/).*|docs\/start\.svg|fixtures\/guide\/(listing-\d\.asm|README\.md))$/;
  const top = ["LICENSE", "README.md", "package.json"];
  expect(paths.filter((path) => !wanted.test(path) && !top.includes(path))).toEqual([]);
  expect(paths.filter((path) => /\.test\.|\.map$/.test(path))).toEqual([]);
  const { bin, exports } = json("package.json");
  const promised = [
    bin.kolibri,
    ...Object.values(exports).flatMap((entry) => Object.values(entry as object)),
  ];
  for (const path of [...promised, ...top, "asm/hello.asm", "fixtures/guide/listing-1.asm"]) {
    expect(paths).toContain(path.replace(/^\.\//, ""));
  }
});

test("nothing is needed to run it, and the lock file names no place to fetch from", () => {
  const { dependencies, peerDependencies } = json("package.json");
  expect([dependencies, peerDependencies]).toEqual([undefined, undefined]);
  const { packages } = json("package-lock.json");
  for (const [path, entry] of Object.entries(packages) as [
    string,
    { resolved?: string; integrity?: string },
  ][]) {
    expect(entry.resolved, path).toBeUndefined();
    if (path !== "") expect(entry.integrity, path).toMatch(/^sha512-/);
  }
});
