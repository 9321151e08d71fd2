/**
 * `npm run prove netem [-- --megabytes N --congestion NAME --only TEXT]`: so much under each condition (or those whose words
 * have the text in them), in each direction, between our TCP and the Linux kernel's over a line that Linux's own emulator makes
 * bad. Every byte is checked by digest, every frame by tshark. Both sides use the same congestion control, so that the times can
 * be compared. Needs Linux, root, QEMU and a kernel with netem.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BadLine, CONDITIONS, MIXTURE } from "./bad-line.ts";
import { has, Linux, missing } from "./linux.ts";
import { withoutNetem } from "./netem.ts";

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "10" },
    congestion: { type: "string", default: "reno" },
    only: { type: "string", default: "" },
    folder: { type: "string", default: "." },
  },
});
const bytes = Math.round(Number(values.megabytes) * 1e6);
const { congestion } = values;
const why =
  missing() ??
  withoutNetem() ??
  (bytes > 0 ? undefined : `--megabytes ${values.megabytes}: a number above 0 is needed`) ??
  (congestion === "reno" || congestion === "cubic" ? undefined : `--congestion ${congestion}: reno or cubic`);
if (why) {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

Linux.script = join(values.folder, "tap.py");
const peer = join(values.folder, "peer.py");
const scratch = mkdtempSync(join(tmpdir(), "kolibri-netem-"));
const say = (...cells: unknown[]) => process.stdout.write(`| ${cells.join(" | ")} |\n`);
let failed = false;
const line = await BadLine.start(scratch, { congestion: congestion === "cubic" ? "cubic" : "reno" });
try {
  say(
    "tc netem, both ways",
    "who sends",
    "MB",
    "s",
    "MB/s",
    "lost",
    "repeated",
    "damaged",
    "overtaken",
    "bytes",
  );
  say("---", "---", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "---");
  for (const condition of [...CONDITIONS, MIXTURE].filter(({ words }) => words.includes(values.only)))
    for (const [direction, opens, who] of [
      ["in", "kernel", "Linux"],
      ["out", "us", "we"],
    ] as const) {
      await line.set(condition);
      const seconds = await line.transfer(peer, { direction, opens, bytes }, 3_600_000);
      const { lost, repeated, damaged, overtaken } = await line.set(CONDITIONS[0]!);
      const figures = [bytes / 1e6, seconds.toFixed(1), (bytes / 1e6 / seconds).toFixed(2)];
      say(condition.words || "nothing", who, ...figures, lost, repeated, damaged, overtaken, "all right");
    }
  const wrong = has("tshark") ? line.wrong() : ["no tshark: frames were not looked at"];
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  process.stdout.write(`\ntshark: no malformed frame and no bad checksum in ${line.frames} frames\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  failed = true;
} finally {
  await line.stop();
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
