// Renews what fasm and Unicorn say about the listings, under fixtures/guide:
//
//   node test/guide/oracle/record.mjs [FOLDER]      needs fasm, cc and libunicorn
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { corrections, fasm, root } from "./fasm.mjs";
import { PAGE, REGISTERS, scenarios } from "./scenarios.mjs";

const PROGRAMS = ["guide/listings", "http-server", "echo-server", "tcp-client", "hello"];
const RETURN = 0xfffff000;
const REGISTER_NAMES = ["eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp"];

const hex = (value) => `0x${(value >>> 0).toString(16)}`;
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const folder = process.argv[2] ?? join(root, "fixtures/guide");
const temporary = mkdtempSync(join(tmpdir(), "oracle-"));
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }));

const all = corrections.map(({ id }) => id);

recordImages();
recordTraces("printed", []);
recordTraces("corrected", all);

function recordImages() {
  const whole = (source, ids) => {
    const { bytes } = fasm(`asm/${source}.asm`, ids);
    const name = `${source.replace("guide/", "")}.${ids.length > 0 ? "corrected" : "printed"}.bin`;
    writeFileSync(join(folder, "images", name), bytes);
    return { size: bytes.length, sha256: sha256(bytes) };
  };
  const one = (ids) => {
    const { bytes } = fasm("asm/guide/listings.asm", ids);
    return { size: bytes.length, sha256: sha256(bytes) };
  };
  mkdirSync(join(folder, "images"), { recursive: true });
  const images = {
    programs: Object.fromEntries(
      PROGRAMS.map((source) => [
        `asm/${source}.asm`,
        { printed: whole(source, []), corrected: whole(source, all) },
      ]),
    ),
    corrections: Object.fromEntries(
      all.map((id) => [id, { alone: one([id]), without: one(all.filter((other) => other !== id)) }]),
    ),
  };
  writeFileSync(join(folder, "images/images.json"), lines(images, 3));
}

function recordTraces(version, ids) {
  const oracle = join(temporary, "oracle");
  const source = fileURLToPath(new URL("oracle.c", import.meta.url));
  const built = spawnSync("cc", ["-O1", "-o", oracle, source, "-lunicorn"], {
    encoding: "utf8",
    stdio: "inherit",
  });
  if (built.status !== 0) throw new Error("the oracle cannot be compiled");
  const { bytes, symbols } = fasm("asm/guide/listings.asm", ids);
  const image = join(temporary, "image");
  writeFileSync(image, bytes);
  const at = (name) => {
    if (!(name in symbols)) throw new Error(`no symbol ${name}`);
    return symbols[name];
  };
  const stackTop = at("program_memory_end");
  const heap = Math.ceil(stackTop / PAGE) * PAGE;
  const pages = (length) => Math.ceil(length / PAGE) * PAGE;
  mkdirSync(join(folder, "traces", version), { recursive: true });

  // Blocks lie one behind the other, first those that are given, then those that are asked for. As their places are
  // needed to write the scenarios down, the lengths are looked up in a first reading.
  const lengths = {};
  const known = (of) =>
    scenarios({
      at,
      block: (n, offset = 0) =>
        heap + (of?.slice(0, n).reduce((sum, length) => sum + length, 0) ?? n * PAGE) + offset,
    })[version];
  for (const [routine, named] of Object.entries(known())) {
    lengths[routine] = {};
    for (const [name, { given = {}, answers }] of Object.entries(named)) {
      const asked = answers.flatMap((answer) => (answer.block ? [answer.block] : []));
      lengths[routine][name] = [...(given.blocks ?? []), ...asked].map(pages);
    }
  }

  for (const routine of Object.keys(lengths)) {
    const recorded = Object.keys(lengths[routine]).map((name) => {
      const blocks = lengths[routine][name];
      const scenario = known(blocks)[routine][name];
      return { name, ...trace(routine, name, scenario, blocks) };
    });
    writeFileSync(
      join(folder, "traces", version, `${routine}.json`),
      lines({ image: sha256(bytes), address: describe(at(routine)), scenarios: recorded }, 4),
    );
  }

  function trace(
    routine,
    name,
    { given = {}, args = [], registers = {}, limit = 1_000_000, answers },
    blocks,
  ) {
    const place = (n) => heap + blocks.slice(0, n).reduce((sum, length) => sum + length, 0);
    const start = { ...REGISTERS, ...registers };
    const esp = stackTop - 4 * (args.length + 1);
    const commands = [`map 0 ${heap}`, `image ${image}`];
    const givenBlocks = given.blocks ?? [];
    for (const [n] of givenBlocks.entries()) commands.push(`map ${hex(place(n))} ${blocks[n]}`);
    for (const [where, value] of given.memory ?? []) commands.push(`poke ${hex(where)} ${value}`);
    for (const [i, value] of [RETURN, ...args].entries()) {
      commands.push(
        `poke ${hex(esp + 4 * i)} ${Buffer.from(Uint32Array.of(value >>> 0).buffer).toString("hex")}`,
      );
    }
    for (const [register, value] of Object.entries({ ...start, esp }))
      commands.push(`reg ${register} ${value}`);
    let next = givenBlocks.length;
    for (const answer of answers) {
      if (answer === "wait" || answer === "exit") commands.push(answer);
      else if (typeof answer === "number") commands.push(`answer ${answer}`);
      else if (answer.block !== undefined) commands.push(`block ${hex(place(next))} ${blocks[next++]}`);
      else if (answer.release !== undefined)
        commands.push(`release ${hex(place(answer.release))} ${blocks[answer.release]}`);
      else commands.push(`answer ${answer.eax} ${hex(answer.at)} ${answer.bytes}`);
    }
    commands.push(`limit ${limit}`, `call ${hex(at(routine))}`, "");
    const { status, stdout, stderr } = spawnSync(oracle, {
      input: commands.join("\n"),
      encoding: "latin1",
      maxBuffer: 1 << 28,
    });
    if (status !== 0) throw new Error(`${routine}, ${name}: ${stderr}\n${stdout.slice(-2000)}`);
    const { calls, end, written } = JSON.parse(stdout);
    return {
      given: { ...given, memory: (given.memory ?? []).map(([where, value]) => [describe(where), value]) },
      args: args.map(hex),
      registers: shown(start, REGISTER_NAMES.slice(0, 7)),
      limit,
      calls: calls.map(({ at: where, stack, answer, ...values }) => ({
        at: describe(where),
        registers: shown(values),
        stack: stack.map(hex).join(" "),
        answer: answer ?? "none",
      })),
      end: ending(end),
      written: written.map(([where, value]) => [describe(where), value]),
    };
  }

  function ending({ how, fault, address, access, from, to, expected, instructions, eip, ...values }) {
    return {
      how,
      ...(how === "fault" && { fault }),
      ...(address !== undefined && { address: hex(address), access }),
      ...(how === "astray" && { from: describe(from), to: hex(to), expected: describe(expected) }),
      eip: describe(eip),
      registers: shown(values),
      instructions,
    };
  }

  function shown(values, names = REGISTER_NAMES) {
    return names.map((name) => `${name}=${(values[name] >>> 0).toString(16).padStart(8, "0")}`).join(" ");
  }

  /** The address, and for people the label before it. */
  function describe(address) {
    let best;
    if (address >= 0x24 && address < at("program_image_end")) {
      for (const [name, value] of Object.entries(symbols)) {
        if (value > address || /^\.\.|\?|^check_(address|socket)\b|^sizeof|^[A-Z]/.test(name)) continue;
        if (/^(sockaddr_in|network_interface|socket_info|client_connection|server_statistics)\b/.test(name))
          continue;
        if (best === undefined || value > symbols[best] || (value === symbols[best] && name < best))
          best = name;
      }
    }
    return best === undefined
      ? hex(address)
      : `${hex(address)} ${best}${address === symbols[best] ? "" : `+${hex(address - symbols[best])}`}`;
  }
}

/** JSON with one line for everything at `depth` and below. */
function lines(value, depth, indent = "") {
  if (depth === 0 || value === null || typeof value !== "object" || Object.keys(value).length === 0)
    return JSON.stringify(value) + (indent ? "" : "\n");
  const inner = `${indent}  `;
  const items = Array.isArray(value)
    ? value.map((item) => lines(item, depth - 1, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${lines(item, depth - 1, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${items.map((item) => inner + item).join(",\n")}\n${indent}${close}${indent ? "" : "\n"}`;
}
