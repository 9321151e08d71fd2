/**
 * `npm run prove netem [-- --megabytes N --congestion NAME --only TEXT]`: so much in all, shared out to the conditions (or
 * those whose words have the text in them) by what they let through, in both directions, between our TCP and the Linux
 * kernel's over a line that Linux's own emulator makes bad. Every byte is checked by digest, every frame by tshark. Both
 * sides use the same congestion control, so that the times can be compared. Needs Linux, root, QEMU and a kernel with netem.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { proofOptions } from "../prove-options.ts";
import { BadLine, CONDITIONS, MIXTURE } from "./bad-line.ts";
import { has, Linux, missing } from "./linux.ts";
import { withoutNetem } from "./netem.ts";

const { values } = proofOptions({ megabytes: 100, congestion: "reno", only: "", folder: "." });
const total = values.megabytes * 1e6;
const chosen = [...CONDITIONS, MIXTURE].filter(({ share, words }) => share && words.includes(values.only));
const shares = chosen.reduce((sum, { share }) => sum + share!, 0);
const { congestion } = values;
const why =
  missing() ??
  withoutNetem() ??
  (shares > 0 ? undefined : `--only ${values.only}: no condition has that in its words`) ??
  (total > 0 ? undefined : `--megabytes ${values.megabytes}: a number above 0 is needed`) ??
  (congestion === "reno" || congestion === "cubic" ? undefined : `--congestion ${congestion}: reno or cubic`);
if (why) {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

Linux.script = join(values.folder, "tap.py");
const peer = join(values.folder, "peer.py");
const scratch = mkdtempSync(join(tmpdir(), "kolibri-netem-"));
const say = (...cells: unknown[]) => process.stdout.write(`| ${cells.join(" | ")} |\n`);
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
let failed = false;
let line: BadLine | undefined;
try {
  line = await BadLine.start(scratch, { congestion: congestion === "cubic" ? "cubic" : "reno" });
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
  let [moved, took] = [0, 0];
  for (const condition of chosen)
    for (const [direction, opens, who] of [
      ["in", "kernel", "Linux"],
      ["out", "us", "we"],
    ] as const) {
      const bytes = Math.ceil((total * condition.share!) / shares / 2);
      await line.set(condition);
      const seconds = await line.transfer(peer, { direction, opens, bytes }, 3_600_000);
      const { lost, repeated, damaged, overtaken } = await line.set(CONDITIONS[0]!);
      const figures = [megabytes(bytes), seconds.toFixed(1), (bytes / 1e6 / seconds).toFixed(2)];
      say(condition.words, who, ...figures, lost, repeated, damaged, overtaken, "all right");
      moved += bytes;
      took += seconds;
      const wrong = has("tshark") ? line.wrong() : ["no tshark: frames were not looked at"];
      if (wrong.length > 0) throw new Error(wrong.join("\n"));
    }
  say(
    "together",
    "",
    megabytes(moved),
    took.toFixed(0),
    (moved / 1e6 / took).toFixed(2),
    "",
    "",
    "",
    "",
    "all right",
  );
  process.stdout.write(`\ntshark: no malformed frame and no bad checksum in ${line.frames} frames\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  failed = true;
} finally {
  await line?.stop();
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
