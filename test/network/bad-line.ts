/**
 * Our stack and the Linux kernel's at the two ends of a line that Linux's own emulator makes bad, both ways: for tests and for
 * `npm run prove netem`. What comes out is compared with what went in, frame by frame and byte by byte.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../src/base/index.ts";
import {
  Nic,
  Patch,
  PcapWriter,
  type Port,
  parseAddress,
  parseMac,
  Stack,
  Switch,
  type TcpSettings,
  tap,
} from "../../src/net/index.ts";
import { Linux } from "./linux.ts";
import { Netem } from "./netem.ts";
import type { Moving } from "./pair.ts";
import { type Transfer, transfer } from "./transfers.ts";

/** What a line can do to frames. */
export interface Done {
  lost: number;
  repeated: number;
  damaged: number;
  overtaken: number;
}

export interface Condition {
  readonly name: string;
  /** For tc's netem, at both ends. */
  readonly words: string;
  /** What of it must be seen. */
  readonly does: readonly (keyof Done)[];
  /** Round trip that it makes at least, in seconds. */
  readonly takes?: number;
  /** Of the bytes of a long proof, compared with the others: lines that let more through get more. None by default. */
  readonly share?: number;
}

export const CONDITIONS: readonly Condition[] = [
  { name: "nothing", words: "", does: [] },
  { name: "loss 1 %", words: "loss 1%", does: ["lost"], share: 20 },
  { name: "loss 5 %", words: "loss 5%", does: ["lost"], share: 8 },
  { name: "loss 10 %", words: "loss 10%", does: ["lost"], share: 1 },
  // Bursts are counted in frames: were they longer, they would outlast any number of time-outs that double.
  { name: "loss in bursts", words: "loss gemodel 1% 70%", does: ["lost"], share: 20 },
  { name: "delay 50 ms", words: "delay 50ms", does: [], takes: 0.1, share: 10 },
  { name: "delay 50 ± 10 ms", words: "delay 50ms 10ms", does: ["overtaken"], takes: 0.08, share: 4 },
  { name: "reorder 25 %", words: "delay 10ms reorder 25% 50%", does: ["overtaken"], share: 12 },
  { name: "duplicate 10 %", words: "duplicate 10%", does: ["repeated"], share: 20 },
  { name: "corrupt 1 %", words: "corrupt 1%", does: ["damaged"], share: 20 },
  { name: "20 Mbit/s", words: "rate 20mbit", does: [], share: 6 },
];

/** Some of everything. */
export const MIXTURE: Condition = {
  name: "a mixture",
  words: "delay 20ms 5ms loss 2% duplicate 2% corrupt 1% reorder 10%",
  does: ["lost", "repeated", "damaged", "overtaken"],
  takes: 0,
  share: 2,
};

/** As tc's netem takes it: what frames go in at one end of a line, and what of it comes out at the other. */
class Ledger {
  readonly done: Done = { lost: 0, repeated: 0, damaged: 0, overtaken: 0 };
  readonly #sent = new Map<string, { count: number; came: number; last: number }>();
  #number = 0;
  #newest = 0;

  sent(frame: Uint8Array): void {
    const key = digestOf(frame);
    const entry = this.#sent.get(key) ?? { count: 0, came: 0, last: 0 };
    this.#sent.set(key, entry);
    entry.count++;
    entry.last = ++this.#number;
    this.done.lost++; // until it comes
  }

  came(frame: Uint8Array): void {
    const entry = this.#sent.get(digestOf(frame));
    if (entry === undefined) {
      this.done.damaged++;
      this.done.lost--; // that one is not lost
      return;
    }
    entry.came++;
    if (entry.came > entry.count) this.done.repeated++;
    else this.done.lost--;
    if (entry.last < this.#newest) this.done.overtaken++;
    this.#newest = Math.max(this.#newest, entry.last);
  }
}

const digestOf = (frame: Uint8Array): string => createHash("sha1").update(frame).digest("base64");

/** A capture of both ends of the line, and what tshark thinks of it. */
class Capture {
  readonly pcap: PcapWriter;
  readonly #path: string;
  #file: number;

  constructor(folder: string, name: string) {
    this.#path = join(folder, `${name}.pcapng`);
    this.#file = openSync(this.#path, "w");
    this.pcap = new PcapWriter((chunk) => writeSync(this.#file, chunk));
    for (const end of ["near", "far"]) this.pcap.addInterface({ name: end });
  }

  /** A line for each frame that is malformed or has a bad checksum, of those that `also` fits. */
  wrong(also: string): string[] {
    const sums = ["ip", "tcp", "udp"];
    // Linux writes ffff where a sum is 0, as UDP has it, in TCP too (skb_checksum_help): the same number, which tshark blames.
    const bad = [...sums, "icmp", "icmpv6"].map(
      (protocol) => `(${protocol}.checksum.status == "Bad" && !(${protocol}.checksum == 0xffff))`,
    );
    const checks = sums.flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]);
    const words = [
      "-n",
      "-r",
      this.#path,
      ...checks,
      "-Y",
      `(${["_ws.malformed.expert", ...bad].join(" || ")})${also}`,
    ];
    const said = execFileSync("tshark", words, {
      encoding: "utf8",
      maxBuffer: 1 << 26,
      stdio: ["ignore", "pipe", "ignore"],
    });
    return said.split("\n").filter((line) => line !== "");
  }

  close(): void {
    closeSync(this.#file);
  }
}

export const US = "10.0.2.15";
export const KERNEL = "10.0.2.2";

/** A switch with our stack on it, the line, and the kernel at its far end. */
export class BadLine {
  readonly netem: Netem;
  readonly linux: Linux;
  readonly stack: Stack;
  readonly lan: Switch;
  /** Frames in the captures: each that went into the line or came out. */
  frames = 0;
  /** All that moves here. */
  readonly moving: readonly Moving[];
  #ledgers: { there: Ledger; back: Ledger } = { there: new Ledger(), back: new Ledger() };
  /** What passed while frames were damaged on the line, and what while they were not. */
  #captures: { whole: Capture; damaged: Capture };
  #capture: Capture | undefined;
  readonly #folder: string;
  /** Protocols are known by their ports; none is from here on. */
  #port = 20_000;

  private constructor(netem: Netem, linux: Linux, folder: string, tcp: Partial<TcpSettings>) {
    this.netem = netem;
    this.linux = linux;
    this.#folder = folder;
    this.#captures = this.#emptyCaptures();
    this.lan = new Switch({ clock: linux, queue: 10_000 });
    this.stack = new Stack({
      nics: [new Nic({ port: this.lan.plug("stack"), mac: 0x525400000015 })],
      random: new Random(1),
      tcp,
    });
    this.stack.configure(0, { address: parseAddress(US)!, mask: 0xffffff00 });
    const near = this.#watched(netem.near, "there", "back");
    const far = this.#watched(netem.far, "back", "there");
    this.moving = [this.stack, new Patch(near, this.lan.plug("line")), new Patch(far, linux)];
    linux.drive(...this.moving);
    for (const end of [netem.near, netem.far]) end.onWake = () => linux.drive();
    // ARP has no checksum: a damaged answer would be believed, and the line be dead for as long as it is.
    const [, mac] = /link\/ether (\S+)/.exec(linux.ip("link", "show", "tap0"))!;
    this.stack.setNeighbour(0, parseAddress(KERNEL)!, parseMac(mac!)!);
    this.knows(US, "52:54:00:00:00:15");
  }

  /**
   * @param folder where captures are put
   * @param tcp of our stack; the kernel gets the same congestion control, and has its own by default
   */
  static async start(folder: string, tcp: Partial<TcpSettings> = {}): Promise<BadLine> {
    const linux = await Linux.start(`${KERNEL}/24`);
    try {
      const set = `echo ${tcp.congestion} >/proc/sys/net/ipv4/tcp_congestion_control`;
      if (tcp.congestion) linux.run("sh", "-c", set);
      return new BadLine(await Netem.start(), linux, folder, tcp);
    } catch (error) {
      await linux.stop();
      throw error;
    }
  }

  /** The kernel need not ask for the card of `address`. */
  knows(address: string, mac: string): void {
    this.linux.ip("neigh", "replace", address, "lladdr", mac, "dev", "tap0", "nud", "permanent");
  }

  /** Makes the line what it shall be. Answers what it has done since the last time. */
  async set({ words, does }: Condition): Promise<Done> {
    await this.netem.set("near", words);
    await this.netem.set("far", words);
    const { there, back } = this.#ledgers;
    this.#ledgers = { there: new Ledger(), back: new Ledger() };
    this.#capture = this.#captures[does.includes("damaged") ? "damaged" : "whole"];
    const done = { ...there.done };
    for (const what of Object.keys(done) as (keyof Done)[]) done[what] += back.done[what];
    return done;
  }

  /**
   * Frames since the last time in which tshark finds something malformed, or a wrong checksum, that the line is not to
   * blame for. To be set anew afterwards.
   */
  wrong(): string[] {
    const { whole, damaged } = this.#captures;
    const notPassedYet = "frame.packet_flags_direction == 2";
    // An error message quotes what it is about, which may be what came out damaged.
    const quotes = "icmpv6.type < 128 || icmp.type in {3, 4, 5, 11, 12}";
    const found = [...whole.wrong(""), ...damaged.wrong(` && ${notPassedYet} && !(${quotes})`)];
    whole.close();
    damaged.close();
    this.#captures = this.#emptyCaptures();
    this.#capture = undefined;
    return found;
  }

  #emptyCaptures() {
    const folder = this.#folder;
    return { whole: new Capture(folder, "whole"), damaged: new Capture(folder, "damaged") };
  }

  /** Bytes through the line; the seconds they took. Throws unless every byte is right. */
  async transfer(peer: string, how: Transfer, patience?: number): Promise<number> {
    const { stack, linux } = this;
    const about = { stack, address: parseAddress(US)!, kernel: KERNEL };
    return await transfer(linux, peer, about, how, ++this.#port, patience);
  }

  async stop(): Promise<void> {
    for (const capture of Object.values(this.#captures)) capture.close();
    await this.linux.stop();
    await this.netem.stop();
  }

  #watched(port: Port, into: "there" | "back", outOf: "there" | "back"): Port {
    const number = into === "there" ? 0 : 1;
    return tap(port, (bytes, direction) => {
      if (this.#capture) this.frames++;
      this.#capture?.pcap.frame({ interface: number, time: this.linux.now(), bytes, direction });
      if (direction === "sent") this.#ledgers[into].sent(bytes);
      else this.#ledgers[outOf].came(bytes);
    });
  }
}
