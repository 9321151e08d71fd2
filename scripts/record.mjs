/**
 * `node scripts/record.mjs`: starts the guide's server with `npm start`, asks it for its page, ends it with Ctrl-C,
 * and draws what was said, when it was said, as docs/start.svg.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, setUp } from "./set-up.mjs";

await setUp();
const began = performance.now();
const lines = [];
const show = (text, kind = "") => lines.push({ at: (performance.now() - began) / 1000, text, kind });
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

show("$ npm start", "typed");
const server = spawn(process.execPath, [join("scripts", "start.mjs")], { cwd: root });
const ended = new Promise((resolve) => server.on("close", resolve));
for (const stream of [server.stdout, server.stderr]) {
  stream.on("data", (chunk) => {
    for (const line of `${chunk}`.trimEnd().split(/\r?\n/)) show(line);
  });
}
while (!lines.some(({ text }) => text.startsWith("Listening")) && server.exitCode === null) await wait(20);
await wait(1000);
const url = "http://127.0.0.1:8080/";
show(`$ curl -si ${url} | head -n 10`, "typed other");
for (const line of spawnSync("curl", ["-si", url], { encoding: "utf8" }).stdout.split(/\r?\n/).slice(0, 10)) {
  show(line, "other");
}
await wait(1500);
show("^C", "typed");
server.kill("SIGINT");
await ended;

mkdirSync(join(root, "docs"), { recursive: true });
writeFileSync(join(root, "docs", "start.svg"), drawing(lines));

/** Every line appears at its time; what a second terminal says stands indented in another colour. */
function drawing(lines) {
  const [width, height] = [860, 24 + lines.length * 19];
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const rows = lines.map(({ at, text, kind }, row) => {
    const shown = text.length > 98 ? `${text.slice(0, 97)}…` : text;
    const [x, y] = [kind.includes("other") ? 32 : 16, 28 + row * 19];
    return `<text x="${x}" y="${y}" class="${kind}" style="animation-delay:${at.toFixed(2)}s">${escaped(shown)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>npm start, a request with curl, Ctrl-C</title>
<style>
text { font: 13px ui-monospace, monospace; white-space: pre; fill: #d7dae0; opacity: 0; animation: appear 0.1s forwards }
.typed { fill: #8fd694 } .other { fill: #9db8d8 } .typed.other { fill: #c6e37c }
@keyframes appear { to { opacity: 1 } }
</style>
<rect width="100%" height="100%" rx="8" fill="#1d2026"/>
${rows.join("\n")}
</svg>
`;
}
