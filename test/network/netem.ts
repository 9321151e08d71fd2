/**
 * A bad line made by Linux: a machine of QEMU with two cards, whose kernel hands every frame from one to the other and has
 * its own network emulator (`tc … netem`) do to them what it is asked. This host's kernel need not have it, nor be asked
 * for it: one that has is booted, emulated instruction by instruction, from where it is unpacked.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SocketLink } from "../../src/node/index.ts";
import { findKernel, Initramfs } from "./initramfs.ts";
import { find, has } from "./linux.ts";

/** Where a kernel is looked for: the folder that a package of one has been unpacked to, or this host's root. */
const ROOT = process.env.KOLIBRI_KERNEL ?? "";
const QEMU = "qemu-system-x86_64";
const MODULES = ["virtio_pci", "virtio_net", "sch_ingress", "cls_matchall", "act_mirred", "sch_netem"];
const PROGRAMS = ["busybox", "tc", "ip"];
/** Frames that may wait at an end: more than a window, or the queue would be a fault that was not asked for. */
const QUEUE = 10_000;
/** How long it may take to start; loaded machines emulate slowly. */
const PATIENCE = 240_000;

const kernel = process.arch === "x64" && process.platform === "linux" ? findKernel(ROOT, MODULES) : undefined;

/** Why there can be no such line here, or undefined. */
export function withoutNetem(): string | undefined {
  for (const tool of [QEMU, "ldd", ...PROGRAMS]) if (!has(tool)) return `no ${tool}`;
  if (!kernel) return `no kernel with sch_netem in ${ROOT || "/boot"} (KOLIBRI_KERNEL)`;
  return undefined;
}

/**
 * What it does first, and then until nothing has been asked for an hour, for whoever has started it may have been killed: a
 * command a line, answered by what it says and by its status behind a mark.
 * Each card is a lead to the other, and Linux itself says nothing on either.
 */
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
stty -echo
for module in /modules/*; do insmod $module || echo "$module cannot be loaded"; done
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
join() {
  ip link set $1 promisc on gro_max_size 1 up &&
  tc qdisc add dev $1 handle ffff: ingress &&
  tc filter add dev $1 parent ffff: matchall action mirred egress redirect dev $2
}
join eth0 eth1 && join eth1 eth0 && echo joined
while read -t 3600 -r line; do
  eval "$line"
  echo "<<$?>>"
done
`;

/** The ends of the line, as the kernel in it calls them. */
const CARDS = { near: "eth0", far: "eth1" } as const;
export type End = keyof typeof CARDS;

/** What netem has counted at one of them. */
export interface Emulated {
  readonly packets: number;
  readonly dropped: number;
  /** Packets that it sent before others that came first. */
  readonly reordered: number;
}

export class Netem {
  /** Where stations, or switches, are plugged in: what is sent at one end is received at the other. */
  readonly near: SocketLink;
  readonly far: SocketLink;
  readonly #folder: string;
  readonly #machine: ChildProcess;
  #said = "";
  #news: (() => void) | undefined;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, ends: Record<End, SocketLink>) {
    this.#folder = folder;
    this.near = ends.near;
    this.far = ends.far;
    const cards = [this.near, this.far].flatMap(({ description }, number) => [
      "-netdev",
      `stream,id=net${number},server=off,addr.type=inet,addr.host=127.0.0.1,addr.port=${portOf(description)}`,
      "-device",
      `virtio-net-pci,netdev=net${number},romfile=,mac=52:54:00:ff:00:0${number}`,
    ]);
    const machine = ["-accel", "tcg", "-nodefaults", "-no-user-config", "-display", "none", "-m", "192"];
    const boot = ["-kernel", kernel!.image, "-initrd", join(folder, "initramfs"), "-no-reboot"];
    const words = "console=ttyS0 quiet panic=-1 mitigations=off tsc=unstable";
    this.#machine = spawn(QEMU, [...machine, ...cards, ...boot, "-append", words, "-serial", "stdio"]);
    for (const stream of [this.#machine.stdout!, this.#machine.stderr!])
      stream.on("data", (data) => {
        this.#said += data;
        this.#news?.();
      });
    this.#machine.on("close", () => this.#news?.());
    this.#machine.stdin!.on("error", () => undefined); // it has ended: that is told by what waits for its words
  }

  static async start(): Promise<Netem> {
    const folder = mkdtempSync(join(tmpdir(), "kolibri-netem-"));
    const files = new Initramfs();
    for (const each of ["/proc", "/sys", "/dev", "/tmp"]) files.folder(each);
    files.file("/init", INIT, 0o755);
    for (const each of PROGRAMS) files.program(find(each)!);
    files.modules(kernel!);
    writeFileSync(join(folder, "initramfs"), files.bytes());
    const netem = new Netem(folder, { near: await listen(), far: await listen() });
    try {
      await netem.#until("joined");
    } catch (error) {
      await netem.stop();
      throw error;
    }
    return netem;
  }

  /** What is done to frames that leave at this end, in tc's words; without any they just pass. */
  async set(end: End, words: string): Promise<void> {
    const root = `tc qdisc replace dev ${CARDS[end]} root`;
    // An emulator that is only changed keeps what is not named anew.
    await this.command(`${root} pfifo limit ${QUEUE}`);
    if (words !== "") await this.command(`${root} netem limit ${QUEUE} ${words}`);
  }

  /** What the emulator at this end has done since it was set. */
  async counted(end: End): Promise<Emulated> {
    const said = await this.command(`tc -s -j qdisc show dev ${CARDS[end]} root`);
    const [{ packets, drops, requeues }] = JSON.parse(said);
    return { packets, dropped: drops, reordered: requeues };
  }

  /** Runs a command there; what it says. */
  command(words: string): Promise<string> {
    const answered = this.#last.then(async () => {
      this.#machine.stdin!.write(`${words}\n`);
      const said = await this.#until(">>");
      const [, text, status] = /^(.*)<<(\d+)>>$/s.exec(said.replaceAll("\r\n", "\n"))!;
      if (status !== "0") throw new Error(`${words}: ${text}`);
      return text!.trim();
    });
    this.#last = answered.catch(() => undefined);
    return answered;
  }

  async stop(): Promise<void> {
    if (this.#machine.exitCode === null && this.#machine.signalCode === null) {
      this.#machine.kill("SIGKILL"); // it keeps nothing
      await once(this.#machine, "exit");
    }
    await Promise.all([this.near.close(), this.far.close()]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What it says up to and with `text`. */
  async #until(text: string): Promise<string> {
    const end = performance.now() + PATIENCE;
    for (;;) {
      const found = this.#said.indexOf(text);
      if (found >= 0) {
        const part = this.#said.slice(0, found + text.length);
        this.#said = this.#said.slice(found + text.length).replace(/^\r?\n/, "");
        return part;
      }
      if (this.#machine.exitCode !== null || performance.now() > end)
        throw new Error(`no "${text}" from Linux ${kernel!.version} in QEMU: ${this.#said}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#news = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

async function listen(): Promise<SocketLink> {
  const link = await SocketLink.open({ kind: "listen", at: { host: "127.0.0.1", port: 0 } });
  if ("error" in link) throw new Error(link.error);
  return link;
}

const portOf = (description: string): string => /:(\d+)$/.exec(description)![1]!;
