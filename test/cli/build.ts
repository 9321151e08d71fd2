import { spawnSync } from "node:child_process";
// @ts-expect-error: a plain script, used before anything is installed
import { buildStands } from "../../scripts/set-up.mjs";

/** Builds dist/ unless it is newer than what it is made of, as `npm test` has done already. */
export function needBuild(): void {
  if (!buildStands()) spawnSync(process.execPath, ["scripts/build.mjs"], { stdio: "inherit" });
}
