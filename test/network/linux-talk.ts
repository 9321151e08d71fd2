/** What a station of ours and the Linux kernel say to each other in more than one test, over whatever version of IP. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { latin1 } from "../../src/base/index.ts";
import { ANY6, parseIpAddress, type Stack, showIpAddress, TcpState } from "../../src/net/index.ts";
import type { Linux } from "./linux.ts";

/** What every Python script begins with. Seconds of patience are many: this machine may be busy, and only waits when it must. */
export const PRELUDE = `import socket, struct, time
PATIENCE = 50
def checksum(data):
    data += b"\\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff
def echo(host, size, ttl=64, again=PATIENCE):
    """Sends an echo request of so many bytes, once more every \`again\` seconds; who answered, with what, and whether all came back."""
    number = size & 0xffff
    data = bytes(i * 5 + size & 255 for i in range(size))
    head = struct.pack("!BBHHH", 8, 0, 0, 77, number)
    head = struct.pack("!BBHHH", 8, 0, checksum(head + data), 77, number)
    end = time.monotonic() + PATIENCE
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        while time.monotonic() < end:
            s.sendto(head + data, (host, 0))
            s.settimeout(again)
            try:
                while True:
                    got, (sender, _) = s.recvfrom(70000)
                    got = got[20:]
                    if got[0] == 8 or got[0] == 0 and got[4:8] != head[4:8]: continue
                    if checksum(got) != 0: continue # damaged on the way: raw sockets get it all the same
                    return sender, got[0], got[8:] == data
            except TimeoutError:
                pass
    return None, None, False
`;

/** Runs a Python script in the namespace; its lines. */
export async function python(linux: Linux, folder: string, script: string): Promise<string[]> {
  const file = join(folder, `script-${++scripts}.py`);
  writeFileSync(file, PRELUDE + script);
  return (await linux.command("python3", file)).output.trim().split("\n");
}
let scripts = 0;

/** A port nobody listens at refuses the kernel, and the kernel refuses us. */
export async function refusesBothWays(
  linux: Linux,
  folder: string,
  stack: Stack,
  us: string,
  kernel: string,
): Promise<void> {
  const script = `
try:
    socket.create_connection(("${us}", 4), PATIENCE)
except ConnectionRefusedError:
    print("refused")`;
  expect(await python(linux, folder, script)).toEqual(["refused"]);
  const socket = stack.sockets.stream();
  const there = parseIpAddress(kernel)!;
  let reason: string | undefined = socket.connect(there, 4);
  await linux.until(() => (reason = socket.connect(there, 4)) !== "already");
  expect(reason).toBe("refused");
}

/** A server of ours, like one of HTTP: whatever is asked, `page` is the answer, then the end. */
export function serve(
  stack: Stack,
  port: number,
  page: Uint8Array,
): { stop(): void; served(): number; peers: string[] } {
  const listener = stack.sockets.stream();
  listener.options.reuseAddress = true;
  expect(listener.bind(ANY6, port)).toBeUndefined();
  expect(listener.listen(64)).toBeUndefined();
  let served = 0;
  const peers: string[] = [];
  listener.onChange = () => {
    for (;;) {
      const socket = listener.accept();
      if (typeof socket === "string") return;
      peers.push(showIpAddress(socket.remote!.address));
      let request = "";
      let sent = 0;
      let asked = false;
      const move = (): void => {
        const buffer = new Uint8Array(4096);
        for (let got = socket.receive(buffer); got !== "would-block"; got = socket.receive(buffer)) {
          if (typeof got !== "number" || got === 0) {
            socket.close();
            return;
          }
          request += latin1(buffer.subarray(0, got));
        }
        if (!asked && !request.includes("\r\n\r\n")) return;
        asked = true;
        while (sent < page.length) {
          const taken = socket.send(page.subarray(sent, sent + 65536));
          if (typeof taken !== "number") return;
          sent += taken;
        }
        served++;
        socket.close();
      };
      socket.onChange = move;
      move();
    }
  };
  return { stop: () => listener.close(), served: () => served, peers };
}

/** Sends `length` bytes to a server of the kernel's, which hashes them and answers after our half-close. */
export async function sendHashed(
  linux: Linux,
  folder: string,
  stack: Stack,
  kernel: string,
  port: number,
  length: number,
): Promise<void> {
  const address = parseIpAddress(kernel)!;
  const family = typeof address === "number" ? "AF_INET" : "AF_INET6";
  const server = python(
    linux,
    folder,
    `import hashlib
server = socket.create_server(("${kernel}", ${port}), family=socket.${family})
peer, _ = server.accept()
digest = hashlib.sha256()
while data := peer.recv(65536): digest.update(data)
peer.sendall(digest.hexdigest().encode())
peer.close()`,
  );
  await linux.listening(port);
  const socket = stack.sockets.stream();
  expect(socket.connect(address, port)).toBe("in-progress");
  const data = Uint8Array.from({ length }, (_, i) => (i * 13 + (i >>> 9)) & 255);
  let sent = 0;
  let answer = "";
  const buffer = new Uint8Array(4096);
  await linux.until(() => {
    while (sent < data.length) {
      const taken = socket.send(data.subarray(sent));
      if (typeof taken !== "number") {
        if (taken !== "would-block") throw new Error(taken);
        break;
      }
      sent += taken;
      if (sent === data.length) socket.shutdown("send");
    }
    for (;;) {
      const got = socket.receive(buffer);
      if (got === 0) return true;
      if (typeof got !== "number") {
        if (got !== "would-block") throw new Error(got);
        return false;
      }
      answer += latin1(buffer.subarray(0, got));
    }
  });
  expect(answer).toBe(createHash("sha256").update(data).digest("hex"));
  socket.close();
  await linux.until(() => socket.state === TcpState.TIME_WAIT || socket.closed);
  await server;
}
