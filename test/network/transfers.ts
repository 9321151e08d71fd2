/** Bytes between our stack and the kernel's, checked by digest: for tests and for `npm run prove network`. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import type { Random } from "../../src/base/index.ts";
import { FaultyLink, Patch, type Socket, type Stack, Switch, TcpState } from "../../src/net/index.ts";
import type { Linux } from "./linux.ts";

export interface Transfer {
  readonly bytes: number;
  /** "in": the kernel sends. "out": we send. */
  readonly direction: "in" | "out";
  /** Who opens the connection. */
  readonly opens: "us" | "kernel";
}

const BLOCK = 1 << 20;
const block = Uint8Array.from({ length: BLOCK }, (_, i) => (i * 73 + (i >> 8) * 31) & 255);

/** Transfers, and throws unless the other side has every byte right. Answers the seconds it took. */
export async function transfer(
  linux: Linux,
  peer: string,
  { stack, address, kernel }: { stack: Stack; address: number; kernel: string },
  { bytes, direction, opens }: Transfer,
  port: number,
  patience = 120_000,
): Promise<number> {
  const began = performance.now();
  let listener: Socket | undefined;
  if (opens === "kernel") {
    listener = stack.sockets.stream();
    listener.options.reuseAddress = true;
    listener.bind(0, port);
    listener.listen(1);
  }
  const words = [
    peer,
    opens === "us" ? "listen" : "connect",
    opens === "us" ? kernel : text(address),
    String(port),
  ];
  const child = spawn("ip", [
    ...["netns", "exec", linux.namespace, "python3", ...words],
    ...[direction === "in" ? "send" : "receive", String(bytes)],
  ]);
  const said = lines(child);
  if (opens === "us") await said.line();
  const socket = stack.sockets.stream();
  let end: Socket | undefined;
  if (opens === "us") {
    socket.connect(toAddress(kernel), port);
    end = socket;
  }
  const digest = createHash("sha256");
  let left = bytes;
  let number = 0;
  let piece: Uint8Array | undefined;
  const into = new Uint8Array(1 << 18);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${left} of ${bytes} bytes are missing`)), patience);
    const over = (error?: Error): void => {
      clearTimeout(timer);
      linux.onTurn = undefined;
      if (error) reject(error);
      else resolve();
    };
    linux.onTurn = () => {
      if (listener && !end) {
        const accepted = listener.accept();
        if (typeof accepted === "object") end = accepted;
      }
      // What is closed before it is established is given up, with all that waits to be sent (RFC 9293, 3.10.4).
      if (!end || end.state === TcpState.SYN_SENT) return;
      for (;;) {
        if (direction === "in") {
          const got = end.receive(into);
          if (got === "would-block") return;
          if (typeof got === "string") return over(new Error(got));
          if (got === 0) {
            end.close();
            return over();
          }
          digest.update(into.subarray(0, got));
          left -= got;
        } else {
          if (piece === undefined) {
            if (left === 0) {
              end.close();
              return over();
            }
            const whole = block.slice(0, Math.min(BLOCK, left));
            new DataView(whole.buffer).setBigUint64(0, BigInt(number++));
            piece = whole;
            digest.update(piece);
          }
          const sent = end.send(piece);
          if (sent === "would-block" || sent === "in-progress" || sent === "not-connected") return;
          if (typeof sent === "string") return over(new Error(sent));
          left -= sent;
          piece = sent < piece.length ? piece.subarray(sent) : undefined;
        }
      }
    };
    linux.drive();
  });
  let answer = await said.line();
  while (answer === "ready") answer = await said.line();
  listener?.close();
  const ours = digest.digest("hex");
  if (left !== 0 || answer !== ours) throw new Error(`${answer} instead of ${ours}, ${left} bytes left`);
  return (performance.now() - began) / 1000;
}

/** Joins two kernels by a switch, the first with a line of its own, which is answered. */
export function joined(
  near: Linux,
  far: Linux,
  addresses: readonly [string, string],
  random: Random,
): FaultyLink {
  const board = new Switch({ clock: near });
  const link = new FaultyLink({ port: board.plug("near"), clock: near, random });
  const moving = [new Patch(near, link), link, new Patch(far, board.plug("far"))];
  near.drive(...moving);
  far.drive(...moving);
  // ARP has no checksum: a damaged answer would be believed.
  const macOf = (linux: Linux) => /link\/ether (\S+)/.exec(linux.ip("link", "show", "tap0"))![1]!;
  const know = (linux: Linux, address: string, mac: string) =>
    linux.ip("neigh", "replace", address, "lladdr", mac, "dev", "tap0", "nud", "permanent");
  know(near, addresses[1], macOf(far));
  know(far, addresses[0], macOf(near));
  return link;
}

/** Bytes from one kernel to the other, which listens at `at`. Throws unless both say the same of them. */
export async function between(
  from: Linux,
  to: Linux,
  at: string,
  port: number,
  peer: string,
  bytes: number,
): Promise<void> {
  const start = (linux: Linux, ...words: string[]) =>
    lines(spawn("ip", ["netns", "exec", linux.namespace, "python3", peer, ...words, String(bytes)]));
  const receiver = start(to, "listen", at, String(port), "receive");
  let ready = await receiver.line();
  const sender = start(from, "connect", at, String(port), "send");
  ready += await sender.line();
  const [sent, received] = await Promise.all([sender.line(), receiver.line()]);
  if (ready !== "readyready" || sent === "" || sent !== received)
    throw new Error(`${JSON.stringify(received)} instead of ${JSON.stringify(sent)}`);
}

/** The lines a child says, one after another; "" when it has ended. */
export function lines(child: ChildProcess): { line(): Promise<string> } {
  let pending = "";
  let ended = false;
  let news: (() => void) | undefined;
  child.stdout!.on("data", (data) => {
    pending += data;
    news?.();
  });
  child.stderr!.on("data", (data) => process.stderr.write(data));
  child.on("close", () => {
    ended = true;
    news?.();
  });
  return {
    async line() {
      for (;;) {
        const end = pending.indexOf("\n");
        if (end >= 0) {
          const line = pending.slice(0, end);
          pending = pending.slice(end + 1);
          return line;
        }
        if (ended) return "";
        await new Promise<void>((resolve) => (news = resolve));
      }
    },
  };
}

const text = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
const toAddress = (words: string): number =>
  words.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
