/**
 * `node scripts/readme.mjs`: runs the commands that README.md shows and puts what they say below them. Only blocks
 * marked `console` are run; what changes from run to run stands in `text` blocks.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, setUp } from "./set-up.mjs";

const path = join(root, "README.md");

/** The README as it stands, and as its commands would have it now. */
export function readme() {
  const text = readFileSync(path, "utf8");
  const fresh = text.replaceAll(/```console\n(.*?)```/gs, (_, block) => {
    const commands = block.split("\n").filter((line) => line.startsWith("$ "));
    return `\`\`\`console\n${commands.map((line) => `${line}\n${said(line.slice(2))}`).join("")}\`\`\``;
  });
  return { text, fresh };
}

function said(command) {
  // What npx would run, without asking npm first.
  const line = command.replace("npx kolibri", `"${process.execPath}" "${join(root, "dist", "cli.cjs")}"`);
  const { stdout } = spawnSync("sh", ["-c", `{ ${line}\n} 2>&1`], { cwd: root, encoding: "utf8" });
  // A slow machine has a time to tell where a fast one has not.
  return stdout.replaceAll("\r", "").replaceAll(/, \d+\.\d seconds/g, "");
}

if (process.argv[1] === join(root, "scripts", "readme.mjs")) {
  await setUp();
  const { text, fresh } = readme();
  if (fresh !== text) writeFileSync(path, fresh);
  process.stdout.write(fresh === text ? "README.md is as it should be\n" : "README.md has been renewed\n");
}
