/**
 * QEMU itself at the other end of `--link`. Its guest is iPXE, the boot program in the ROMs of QEMU's network cards: a
 * TCP/IP of its own, in 16- and 32-bit code, that is typed to through the serial line. It gets its address, a name, pages
 * and files from the program and the services on our network.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { Folder } from "../cli/folder.ts";
import { kolibri } from "../cli/io.ts";
import { has } from "./linux.ts";
import { freePorts } from "./ports.ts";

const why = !has("qemu-system-i386")
  ? "no qemu-system-i386"
  : existsSync("/usr/lib/ipxe/qemu/pxe-e1000.rom") || existsSync("/usr/share/qemu/pxe-e1000.rom")
    ? undefined
    : "no iPXE in QEMU's cards";
const folder = new Folder();

/** A computer whose only boot medium is its network card. */
class Guest {
  said = "";
  /** iPXE waits for commands. */
  readonly ready: Promise<void>;
  readonly #process: ChildProcess;
  #read = 0;

  constructor(card: string, ...netdev: string[]) {
    const machine = ["-nodefaults", "-nographic", "-serial", "stdio", "-m", "64", "-boot", "n"];
    const net = [
      "-netdev",
      [...netdev, "id=net"].join(),
      "-device",
      `${card},netdev=net,mac=52:54:00:12:34:56`,
    ];
    this.#process = spawn("nice", ["-n", "15", "qemu-system-i386", ...machine, ...net]);
    for (const stream of [this.#process.stdout!, this.#process.stderr!])
      stream.on("data", (data) => (this.said += data));
    this.ready = this.#prompt();
    this.ready.catch(() => undefined); // told to those who await it
  }

  /** What is said up to and with `text`. */
  async until(text: string): Promise<string> {
    for (;;) {
      const found = this.said.indexOf(text, this.#read);
      if (found >= 0) {
        const end = found + text.length;
        const part = this.said.slice(this.#read, end);
        this.#read = end;
        return part;
      }
      if (this.#process.exitCode !== null) throw new Error(`QEMU has ended: ${this.said}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Types a command, key by key as its serial port has no room for more; what it says to it. */
  async type(command: string): Promise<string> {
    for (const key of command) {
      this.#process.stdin!.write(key);
      await this.until(key);
    }
    this.#process.stdin!.write("\r");
    return this.until("iPXE> ");
  }

  async #prompt(): Promise<void> {
    await this.until("iPXE command line");
    this.#process.stdin!.write("\x02"); // Ctrl-B
    await this.until("iPXE> ");
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    this.#process.kill();
    await once(this.#process, "exit");
  }
}

describe.skipIf(why)(`a guest of QEMU on our switch${why ? ` (skipped: ${why})` : ""}`, () => {
  let guest: Guest | undefined;

  afterEach(async () => {
    await guest?.stop();
    guest = undefined;
  });

  /** Runs the guide's server with services and a link, QEMU at its other end, and what is to be typed there. */
  async function beside(link: string, start: (port: string) => Guest): Promise<string> {
    folder.put("tftp/boot.ipxe", "#!ipxe\necho read by TFTP\nchain http://10.0.2.3/next.ipxe\n");
    folder.put("web/next.ipxe", `#!ipxe\necho read by HTTP at \${net0/ip}\nexit\n`);
    const stop = new AbortController();
    let said = "";
    const services = [
      "dhcp",
      "dns=kolibri.test:10.0.2.15",
      `http=${folder.at("web")}`,
      `tftp=${folder.at("tftp")}`,
    ];
    const ended = kolibri(
      [
        ...["run", "fixtures/guide/images/http-server.corrected.bin", "--link", link, "--service-log"],
        ...services.flatMap((service) => ["--service", service]),
      ],
      { interrupted: stop.signal, onErr: (text) => (said += text) },
    );
    try {
      while (!said.includes("link: ")) await new Promise((resolve) => setTimeout(resolve, 10));
      guest = start(/127\.0\.0\.1:(\d+)/.exec(said)![1]!);
      await guest.ready;
      expect(await guest.type("ifconf -c dhcp net0")).toContain(" ok");
      expect(await guest.type("show net0/ip")).toContain("10.0.2.100");
      // The program's page, by a name that the DNS server knows.
      expect(await guest.type("imgfetch http://kolibri.test/")).toContain(" ok");
      expect(await guest.type("imgstat")).toContain("1203 bytes");
      const chained = await guest.type("chain tftp://10.0.2.3/boot.ipxe || echo back");
      expect(chained).toContain("read by TFTP");
      expect(chained).toContain("read by HTTP at 10.0.2.100");
      expect(await guest.type("imgfetch http://10.0.2.15:81/ || echo no")).toMatch(/refused|reset/i);
    } finally {
      stop.abort("SIGINT");
      await ended;
    }
    return said;
  }

  test("stream, QEMU connects: an e1000", async () => {
    const said = await beside(
      "listen:0",
      (port) =>
        new Guest(
          "e1000",
          "stream",
          "server=off",
          "addr.type=inet",
          "addr.host=127.0.0.1",
          `addr.port=${port}`,
        ),
    );
    expect(said).toMatch(/dhcp 52:54:00:12:34:56 ACK 10\.0\.2\.100/);
    expect(said).toMatch(/dns A kolibri\.test NOERROR from 10\.0\.2\.100/);
    expect(said).toMatch(/tftp read boot\.ipxe from 10\.0\.2\.100/);
    expect(said).toMatch(/http GET \/next\.ipxe from 10\.0\.2\.100/);
  });

  test("socket, its older form: an RTL8139", async () => {
    await beside("listen:0", (port) => new Guest("rtl8139", "socket", `connect=127.0.0.1:${port}`));
  });

  test("dgram: a virtio card", async () => {
    const [ours, theirs] = await freePorts();
    const at = (name: string, port: number) => [
      `${name}.type=inet`,
      `${name}.host=127.0.0.1`,
      `${name}.port=${port}`,
    ];
    await beside(
      `udp:${ours}:127.0.0.1:${theirs}`,
      () => new Guest("virtio-net-pci", "dgram", ...at("local", theirs), ...at("remote", ours)),
    );
  });

  test("stream, we connect to QEMU", async () => {
    const [port] = await freePorts();
    const netdev = ["stream", "server=on", "addr.type=inet", "addr.host=127.0.0.1", `addr.port=${port}`];
    const waiting = new Guest("e1000", ...netdev);
    guest = waiting; // to be stopped, whatever comes
    while (!waiting.said.includes("SeaBIOS")) await new Promise((resolve) => setTimeout(resolve, 20)); // it listens
    await beside(`connect:127.0.0.1:${port}`, () => waiting);
  });
});
