/** How long processes take that do next to nothing: Node itself, `kolibri --version`, a program that writes a line and ends. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare } from "./measure.ts";

/** mov eax,63; mov ebx,1; mov ecx,10; int 0x40; or eax,-1; int 0x40 */
const LINE_AND_END = Uint8Array.of(
  ...[0xb8, 63, 0, 0, 0, 0xbb, 1, 0, 0, 0, 0xb9, 10, 0, 0, 0, 0xcd, 0x40, 0x83, 0xc8, 0xff, 0xcd, 0x40],
);
const folder = mkdtempSync(join(tmpdir(), "kolibri-start-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const program = join(folder, "line");
writeFileSync(program, LINE_AND_END);

const start = (args: string[]) => () => {
  for (let i = 0; i < 5; i++) {
    const { status } = spawnSync(process.execPath, args);
    if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}`);
  }
  return 5;
};

await compare("starts", [
  { name: "node", run: start(["-e", "0"]) },
  { name: "kolibri --version", run: start(["dist/cli.cjs", "--version"]) },
  { name: "kolibri run", run: start(["dist/cli.cjs", "run", "--raw", program]) },
]);
