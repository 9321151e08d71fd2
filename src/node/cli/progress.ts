import { count, thousands } from "../../base/index.ts";
import type { Computer } from "../../computer.ts";
import { showPlace, showPublication } from "../../net/index.ts";
import type { Io } from "./io.ts";
import type { Network } from "./network.ts";
import type { Program } from "./program.ts";
import { bytesText, countText, StatusLine } from "./status.ts";

/** Who listens at all addresses is reached at this one. */
const REACHABLE: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** Tells people how a run goes: what was opened, how things stand, what came of it. Programs read --state instead. */
export class Progress {
  readonly #computer: Computer;
  readonly #network: Network;
  readonly #program: Program;
  readonly #io: Io;
  readonly #began = Date.now();
  #status: StatusLine | undefined;
  #last = { at: 0, instructions: 0 };

  constructor(computer: Computer, network: Network, program: Program, io: Io) {
    this.#computer = computer;
    this.#network = network;
    this.#program = program;
    this.#io = io;
  }

  /** The status line gives way to something else. */
  readonly clear = (): void => this.#status?.clear();

  begin(): void {
    const { joined, gateway } = this.#network;
    const published = gateway?.published ?? [];
    if (!this.#attached) return;
    const { assembled, image, seconds } = this.#program;
    if (assembled) {
      const { passes, corrections } = assembled;
      const fixed = corrections.length > 0 ? `, ${count(corrections.length, "correction")} applied` : "";
      this.#say(
        `assembled: ${thousands(image.bytes.length)} bytes, ${passes} passes, ${seconds.toFixed(2)} s${fixed}`,
      );
    }
    for (const { publication, at } of published) {
      this.#say(`published: ${showPublication({ ...publication, at })}`);
      if (publication.protocol === "tcp" && publication.port === 80)
        this.#say(`open http://${showPlace({ ...at, host: REACHABLE[at.host] ?? at.host })}/`);
    }
    for (const { outlet } of joined) this.#say(outlet.description);
    this.#network.onNews = (text) => this.#say(text);
    if (this.#io.stderr.isTTY) this.#say("Ctrl-C ends it.");
    this.#status = new StatusLine(this.#io, () => this.#now());
  }

  end(): void {
    this.#status?.end();
    this.#network.onNews = undefined;
    if (!this.#attached) return;
    for (const { outlet, port } of this.#network.joined) {
      const { inFrames, outFrames } = port.counters;
      const lost = port.counters.dropped + outlet.dropped;
      const dropped = lost > 0 ? `, ${count(lost, "frame")} dropped` : "";
      this.#say(`${port.name}: ${count(inFrames, "frame")} in, ${thousands(outFrames)} out${dropped}`);
    }
    const { instructions } = this.#computer;
    const { connections, bytesToGuest, bytesFromGuest } = this.#traffic();
    const carried = this.#network.gateway
      ? `${count(connections, "connection")}, ${thousands(bytesToGuest)} bytes received, ${thousands(bytesFromGuest)} bytes sent, `
      : "";
    this.#say(`after ${this.#seconds().toFixed(1)} s: ${carried}${thousands(instructions)} instructions`);
  }

  /** Something comes from outside, so people may want to know. */
  get #attached(): boolean {
    return this.#network.joined.length + (this.#network.gateway?.published.length ?? 0) > 0;
  }

  #now(): string {
    const { connections, active, bytesToGuest, bytesFromGuest } = this.#traffic();
    const { instructions } = this.#computer;
    const at = this.#seconds();
    const rate = (instructions - this.#last.instructions) / Math.max(at - this.#last.at, 1e-3);
    this.#last = { at, instructions };
    return [
      `${at.toFixed(0)} s`,
      ...(this.#network.gateway
        ? [
            `${connections} connections, ${active} open`,
            `${bytesText(bytesToGuest)} in`,
            `${bytesText(bytesFromGuest)} out`,
          ]
        : []),
      ...this.#network.joined.map(
        ({ port: { name, counters } }) =>
          `${name}: ${countText(counters.inFrames)} frames in, ${countText(counters.outFrames)} out`,
      ),
      `${countText(instructions)} instructions, ${countText(Math.round(rate))}/s`,
    ].join("  ");
  }

  #traffic() {
    const { inbound, outbound } = this.#network.traffic;
    return {
      connections: inbound.connections + outbound.connections,
      active: inbound.active + outbound.active,
      bytesToGuest: inbound.bytesToGuest + outbound.bytesToGuest,
      bytesFromGuest: inbound.bytesFromGuest + outbound.bytesFromGuest,
    };
  }

  #seconds(): number {
    return (Date.now() - this.#began) / 1000;
  }

  #say(text: string): void {
    this.clear();
    this.#io.stderr.write(`kolibri: ${text}\n`);
  }
}
