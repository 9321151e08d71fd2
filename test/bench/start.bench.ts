/** How long `kolibri --version` takes, beside Node itself doing nothing. */
import { spawnSync } from "node:child_process";
import { compare } from "./measure.ts";

const start = (args: string[]) => () => {
  for (let i = 0; i < 5; i++) {
    const { status } = spawnSync(process.execPath, args);
    if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}`);
  }
  return 5;
};

await compare("starts", [
  { name: "node", run: start(["-e", "0"]) },
  { name: "kolibri --version", run: start(["dist/cli.js", "--version"]) },
]);
