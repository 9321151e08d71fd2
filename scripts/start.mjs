/**
 * `npm start`: sets the checkout up and runs the guide's TCP server, reachable with a browser.
 *
 *   npm start -- --port 9000     another port than 8080
 *   npm start -- --printed       the listings as the guide prints them, without corrections
 *
 * Every other argument goes to `kolibri run`.
 */
import { createServer } from "node:net";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { root, setUp } from "./set-up.mjs";

const { port, rest } = portOf(process.argv.slice(2));
await portIsFree();
await setUp();

const here = (...names) => relative(process.cwd(), join(root, ...names));
const run = [
  "run",
  here("asm", "http-server.asm"),
  "--corrections",
  here("asm", "guide", "corrections.json"),
];
process.argv.splice(2, Number.POSITIVE_INFINITY, ...run, "--publish", `${port}:80`, ...rest);
process.on("exit", (status) => {
  if (status >= 128) process.exitCode = 0; // a signal, such as Ctrl-C, is how a server is meant to end
});
await import(pathToFileURL(join(root, "dist", "cli.cjs")).href);

function portOf(args) {
  const rest = [];
  let port = "8080";
  for (let at = 0; at < args.length; at++) {
    const [name, value] = args[at].split("=", 2);
    if (name === "--port") port = value ?? args[++at] ?? "";
    else rest.push(args[at]);
  }
  return { port, rest };
}

/** Said before anything is installed: nobody likes to wait for a refusal. */
async function portIsFree() {
  const number = Number(port);
  if (!Number.isInteger(number) || number < 0 || number > 65535)
    refuse(`--port ${port}: 0 to 65535 are possible`);
  const server = createServer();
  const error = await new Promise((resolve) => {
    server.once("error", resolve).listen(number, "127.0.0.1", () => server.close(() => resolve()));
  });
  if (error?.code === "EADDRINUSE")
    refuse(`port ${port} is taken; another one: npm start -- --port ${number + 1}`);
  if (error) refuse(`port ${port} cannot be opened: ${error.message}`);
}

function refuse(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
