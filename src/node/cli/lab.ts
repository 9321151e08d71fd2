import { dirname, join, relative, resolve } from "node:path";
import { count, thousands } from "../../base/index.ts";
import type { Image } from "../../image/index.ts";
import type { Lab, LabResult, MachineDescription, Verdict } from "../../lab/index.ts";
import { isSameFile, readFile } from "../files.ts";
import type { Outlet } from "../outlet.ts";
import { OutputFile } from "../output.ts";
import { command, Refusal } from "./command.ts";
import { filesIn } from "./folder.ts";
import { exitStatus, type Io, OUTPUT_CLOSED } from "./io.ts";
import { noValues, number } from "./options.ts";
import { loadProgram, programOptions, unicorn } from "./program.ts";
import { StatusLine } from "./status.ts";

const options = {
  pcap: {
    value: "FILE",
    help: "write every frame at every interface, as pcapng; comments tell which system call, frame or timer sent it",
  },
  seed: { value: "N", help: "all chance follows from it (the file's)", read: number(0, 0xffff_ffff) },
  prints: { short: "p", help: "show what the machines print, with time and name" },
  log: { help: "show what the services are asked" },
  strace: { value: "FILE", help: "one line a system call, of all machines" },
} as const;

/** Bytes of a file; a thousand machines, each with a cable of its own, have a tenth of it. */
const LARGEST = 2 ** 20;

export const lab = command({
  name: "lab",
  synopsis: "FILE",
  summary:
    "Runs a laboratory: machines, routers, services and bad cables, and tells whether what must happen does.",
  description:
    "FILE is YAML: asm/labs has some to begin with, and its README tells what may be said. Time is virtual and a run is " +
    "the same each time, unless the file speaks of the outside. The exit status is 0 when all that must happen has " +
    "happened, 1 when not, 2 when the laboratory could not be set up.",
  examples: [
    "kolibri lab asm/labs/lossy-line.yaml",
    "kolibri lab asm/labs/two-networks.yaml --pcap two.pcapng -p",
  ],
  options,
  async run([path], values, io) {
    const { describeLab, hostClock, Lab, LabError, NodeOutside, parseLab, showCallLine, showNews } =
      await import("./laboratory.ts");
    const content = readFile(path!);
    if ("error" in content) throw new Refusal(content.error, 2);
    if (content.length > LARGEST)
      throw new Refusal(`${path} has ${thousands(content.length)} bytes: that is no laboratory's file`, 2);
    const folder = dirname(path!);
    const files: OutputFile[] = [];
    const open = (name: string): OutputFile => {
      if (isSameFile(name, path!)) throw new Refusal(`${name}: that would replace the laboratory's file`, 2);
      const file = new OutputFile(name);
      files.push(file);
      return file;
    };
    let status: StatusLine | undefined;
    let host: InstanceType<typeof NodeOutside> | undefined;
    const outlets: Outlet[] = [];
    const say = (line: string): void => {
      status?.clear();
      io.stdout.write(line);
    };
    try {
      const description = describeLab(parseLab(new TextDecoder().decode(content)));
      const programs = await loadPrograms(description.machines, folder, io);
      const signal = io.interrupted; // looked at before there is anything to leave behind
      const pcap = values.pcap === undefined ? undefined : open(values.pcap);
      const strace = values.strace === undefined ? undefined : open(values.strace);
      if (description.outside) host = new NodeOutside();
      const emulated = Object.values(description.machines).some(({ engine }) => engine === "unicorn");
      const built: Lab = new Lab(description, {
        program: (machine) => programs.get(machine)!,
        folder: (name) => filesIn(join(folder, name)),
        ...(values.seed !== undefined && { seed: values.seed }),
        ...(emulated && { unicorn: await unicorn() }),
        ...(pcap && { capture: (chunk) => pcap.write(chunk) }),
        ...(host && { outside: { host, clock: hostClock(), epochMs: Date.now() } }),
        ...(values.prints && {
          onPrint: (name, line, at) => say(`${stamp(at)} ${name} | ${printable(line)}\n`),
        }),
        ...(values.log && {
          onNews: (name, kind, news) => say(`${stamp(news.at)} ${name} ${kind} < ${showNews(news)}\n`),
        }),
      });
      if (strace)
        for (const [name, computer] of built.computers)
          computer.watchCalls((record) => strace.write(`${name} ${showCallLine(record)}\n`));
      if (description.outside) outlets.push(...(await openOutside(built, description.outside, io)));
      status = new StatusLine(io, () => progressOf(built));
      // In virtual time, too, the host needs a turn now and then: to hear Ctrl-C and to show how things stand.
      const result = await built.go({ signal });
      status.end();
      for (const file of files) file.commit();
      report(result, built, path!, values.pcap, io);
      if (result.end === "stopped") return exitStatus(io.interrupted.reason);
      return result.ok ? 0 : 1;
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      const lines = error.problems.map(({ spot, path: where, text }) => {
        const place = spot ? `${path}:${spot.line}:${spot.column}` : path;
        return `${place}: ${where === "" ? "" : `${where}: `}${text}`;
      });
      throw new Refusal(lines.join("\n"), 2);
    } finally {
      status?.end();
      for (const file of files) file.discard();
      await Promise.all([host?.close(), ...outlets.map((outlet) => outlet.close())]);
    }
  },
});

/** Each program once, however many machines run it. */
async function loadPrograms(
  machines: Readonly<Record<string, MachineDescription>>,
  folder: string,
  io: Io,
): Promise<Map<MachineDescription, Image>> {
  const images = new Map<string, Image>();
  const programs = new Map<MachineDescription, Image>();
  for (const [name, machine] of Object.entries(machines)) {
    const { program, corrections } = machine;
    const key = JSON.stringify([program, corrections]);
    let image = images.get(key);
    if (image === undefined) {
      const at = (name: string): string => relative("", resolve(folder, name)) || ".";
      const values = {
        ...noValues(programOptions),
        ...(corrections !== undefined && { corrections: at(corrections) }),
      };
      try {
        image = (await loadProgram(at(program), values, io)).image;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const { misfit } = await import("./laboratory.ts");
        const list = corrections !== undefined && "error" in readFile(at(corrections));
        return misfit(machine, `machines.${name}.${list ? "corrections" : "program"}`, error.message);
      }
      images.set(key, image);
    }
    programs.set(machine, image);
  }
  return programs;
}

/** What the file asks for beyond the gateway: TAP devices and links to others. */
async function openOutside(
  built: Lab,
  description: NonNullable<Lab["description"]["outside"]>,
  io: Io,
): Promise<Outlet[]> {
  const { misfit, networkNameOf, Patch, parseTap, remoteLink, showPublication, SocketLink, Tap } =
    await import("./laboratory.ts");
  const { tap = [], link = [], network } = description;
  const lan = network?.name ?? networkNameOf(built.description);
  const outlets: Outlet[] = [];
  const join = (outlet: Outlet | { error: string }): void => {
    if ("error" in outlet) throw new Refusal(outlet.error, 2);
    outlets.push(outlet);
    outlet.onWake = () => built.world.wake();
    outlet.onNews = (text) => io.stderr.write(`kolibri: ${text}\n`);
    built.world.add(new Patch(outlet, built.plug(lan, outlet.name)), { outside: true });
    io.stderr.write(`kolibri: ${outlet.description}\n`);
  };
  for (const [i, text] of tap.entries()) {
    const wish = parseTap(text);
    if ("error" in wish) return misfit(description, `outside.tap[${i + 1}]`, wish.error);
    join(await Tap.open(wish.name, wish.address));
  }
  for (const text of link) join(await SocketLink.open(remoteLink(text)));
  const [failed] = (await built.gateway?.opened()) ?? [];
  if (failed) throw new Refusal(failed.failure!.text, 2);
  for (const { publication, at } of built.gateway?.published ?? [])
    io.stderr.write(`kolibri: published: ${showPublication({ ...publication, at })}\n`);
  return outlets;
}

function report(result: LabResult, built: Lab, path: string, pcap: string | undefined, io: Io): void {
  if (io.interrupted.reason === OUTPUT_CLOSED) return;
  for (const verdict of result.verdicts) io.stdout.write(`${lineOf(verdict, result.at)}\n`);
  const computers = [...built.computers.values()];
  const instructions = computers.reduce((sum, each) => sum + each.instructions, 0);
  const captured = pcap === undefined ? "" : `, ${count(built.frames, "frame")} in ${pcap}`;
  const end = result.ok ? "ok" : result.end === "stopped" ? "stopped" : "failed";
  io.stdout.write(
    `${end} after ${seconds(result.at)} s: ${count(computers.length, "machine")}, ` +
      `${thousands(instructions)} instructions${captured}\n`,
  );
  const { failed } = result;
  if (!failed) return;
  const place = failed.spot ? `${path}:${failed.spot.line}:${failed.spot.column}` : path;
  io.stderr.write(
    `kolibri: ${place}: ${failed.never ? "must not happen: " : ""}${failed.text}: ${failed.why}\n`,
  );
}

function lineOf({ ok, at, text, never }: Verdict, end: number): string {
  const word = ok === undefined ? "open  " : ok ? "ok    " : "FAILED";
  return `${word} ${stamp(at ?? end)} ${never ? "never: " : ""}${text}`;
}

function progressOf({ computers, world, referee }: Lab): string {
  let running = 0;
  for (const computer of computers.values()) if (computer.stop === undefined) running++;
  const { verdicts } = referee;
  const met = verdicts.filter(({ ok }) => ok).length;
  return `${seconds(world.now)} s  ${running} of ${computers.size} machines run  ${met} of ${verdicts.length} expectations met`;
}

const seconds = (micros: number): string => (micros / 1e6).toFixed(6);
const stamp = (micros: number): string => seconds(micros).padStart(12);
/** A line as a machine printed it, with nothing in it that would move the cursor. */
const printable = (line: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is meant
  line.replace(/\r?\n$/, "").replace(/[\x00-\x1f\x7f]/g, "·");
