import { count, thousands } from "../../base/index.ts";
import type { Computer } from "../../computer.ts";
import { showPlace, showPublication } from "../../net/index.ts";
import type { Io } from "./io.ts";
import type { Network } from "./network.ts";
import type { Program } from "./program.ts";
import { bytesText, countText, StatusLine } from "./status.ts";

/** Tells people how a run goes: what was opened, how things stand, what came of it. Programs read --state instead. */
export class Progress {
  readonly #computer: Computer;
  readonly #network: Network;
  readonly #program: Program;
  readonly #io: Io;
  readonly #began = performance.now();
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
    const { published } = this.#network.gateway;
    if (published.length === 0) return;
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
        this.#say(`open http://${showPlace(at)}/`);
    }
    if (this.#io.stderr.isTTY) this.#say("Ctrl-C ends it.");
    this.#status = new StatusLine(this.#io, () => this.#now());
  }

  end(): void {
    this.#status?.end();
    if (this.#network.gateway.published.length === 0) return;
    const { connections, bytesToGuest, bytesFromGuest } = this.#traffic();
    const { instructions } = this.#computer;
    const seconds = this.#seconds();
    this.#say(
      `after ${seconds.toFixed(1)} s: ${count(connections, "connection")}, ${thousands(bytesToGuest)} bytes received, ` +
        `${thousands(bytesFromGuest)} bytes sent, ${thousands(instructions)} instructions`,
    );
  }

  #now(): string {
    const { connections, active, bytesToGuest, bytesFromGuest } = this.#traffic();
    const { instructions } = this.#computer;
    const at = this.#seconds();
    const rate = (instructions - this.#last.instructions) / Math.max(at - this.#last.at, 1e-3);
    this.#last = { at, instructions };
    return [
      `${at.toFixed(0)} s`,
      `${connections} connections, ${active} open`,
      `${bytesText(bytesToGuest)} in`,
      `${bytesText(bytesFromGuest)} out`,
      `${countText(instructions)} instructions, ${countText(Math.round(rate))}/s`,
    ].join("  ");
  }

  #traffic() {
    const { inbound, outbound } = this.#network.gateway.counters;
    return {
      connections: inbound.connections + outbound.connections,
      active: inbound.active + outbound.active,
      bytesToGuest: inbound.bytesToGuest + outbound.bytesToGuest,
      bytesFromGuest: inbound.bytesFromGuest + outbound.bytesFromGuest,
    };
  }

  #seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  #say(text: string): void {
    this.clear();
    this.#io.stderr.write(`kolibri: ${text}\n`);
  }
}
