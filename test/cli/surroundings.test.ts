import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { readCapture } from "../network/pcapng.ts";
import { Folder } from "./folder.ts";
import { kolibri } from "./io.ts";

const folder = new Folder();
const corrected = ["--corrections", "asm/guide/corrections.json"];
const client = (...more: string[]) => kolibri(["run", "asm/tcp-client.asm", ...corrected, ...more]);

test("servers on the program's network, and what they were asked", async () => {
  folder.put("www/deep/page.txt", "out of a file\n");
  const log = folder.at("log");
  const { status, out } = await client(
    ...["--service", `http=${folder.at("www")}`, "--service", "dns", `--service-log=${log}`],
    ...["--", "10.0.2.3", "80", "GET", "/deep/page.txt", "HTTP/1.0"],
  );
  expect(status).toBe(0);
  expect(out).toContain("200 OK");
  expect(out).toContain("Content-Type: text/plain");
  expect(out).toContain("out of a file");
  expect(folder.text("log")).toMatch(/^ +\d\.\d{6} http GET \/deep\/page\.txt from 10\.0\.2\.15:\d+\n$/);
});

test("every interface is in the capture, with causes", async () => {
  const pcap = folder.at("all.pcapng");
  await client("--service", "echo", "--nic", "10.0.3.15/24", "--pcap", pcap, "--", "10.0.2.3", "7", "hello");
  const { interfaces, frames } = readCapture(readFileSync(pcap));
  expect(interfaces).toEqual(["computer.eth0", "computer.eth1", "services", "gateway"]);
  const said = frames.map((frame) => `${frame.interface} | ${frame.comment}`).join("\n");
  expect(said).toMatch(
    /^computer\.eth0 \| computer thread 1: 81 send\(fd 16, "hello.*\) at asm\/tcp-client\.asm:\d+$/m,
  );
  expect(said).toMatch(/^services \| frame \d+: computer thread 1: 81 send/m);
  expect(said).toMatch(/^services \| services: answers frame \d+$/m);
  expect(said).toMatch(/^computer\.eth1 \| computer: ARP announces its address$/m);
});

test("in real time, too, a server's answers are known as such", async () => {
  const pcap = folder.at("real.pcapng");
  const words = ["--service", "http", "--publish", "0:9", "--pcap", pcap];
  await client(...words, "--", "10.0.2.3", "80", "GET", "/", "HTTP/1.0");
  const comments = readCapture(readFileSync(pcap)).frames.map(({ comment = "" }) => comment);
  const answers = comments.filter((comment) => /^services: answers frame \d+$/.test(comment));
  expect(answers.length).toBeGreaterThanOrEqual(3); // the handshake, the page, the end
  expect(comments).not.toContain("services: a timer");
});

/** Prints the name of each interface of function 76, and the last byte of its address. */
const interfaces = `use32
org 0
db 'MENUET01'
dd 1, start, image_end, memory_end, memory_end, 0, 0
start:
  mov eax, 76
  xor ebx, ebx
  int 0x40
  mov ebp, eax
  xor esi, esi
 .next:
  mov eax, 76
  mov ebx, 1
  mov ecx, esi
  mov edi, record
  int 0x40
  mov edi, record
 .name:
  mov cl, [edi]
  test cl, cl
  jz .number
  call say
  inc edi
  jmp .name
 .number:
  mov cl, ' '
  call say
  mov cl, [record + 16 + 4 * 3 + 3]
  add cl, '0'
  call say
  mov cl, 10
  call say
  inc esi
  cmp esi, ebp
  jb .next
  mov eax, -1
  int 0x40
say:
  mov eax, 63
  mov ebx, 1
  int 0x40
  ret
image_end:
record rb 70
  rb 1024
memory_end:`;

test("several cards are the program's interfaces", async () => {
  const source = folder.put("interfaces.asm", interfaces);
  const { status, out } = await kolibri([
    "run",
    source,
    "--address",
    "10.0.2.5/24",
    "--nic",
    "10.0.3.7/24",
    "--nic",
    "none@other",
  ]);
  expect([status, out]).toEqual([0, "eth0 5\neth1 7\neth2 0\n"]);
});

test("a service of this computer is reached at the gateway's address where it was opened, and nowhere else", async () => {
  const server = createServer((_, answer) => answer.end("from the host itself"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const opened = await client("--host-port", `80:${port}`, "--", "10.0.2.2", "80", "GET", "/", "HTTP/1.0");
    expect(opened.out).toContain("from the host itself");
    const shut = await client(
      "--outbound",
      "--timeout",
      "30",
      "--",
      "10.0.2.2",
      `${port}`,
      "GET",
      "/",
      "HTTP/1.0",
    );
    expect(shut.out).toContain("No connection.");
  } finally {
    server.close();
  }
});

test("rules say what may be reached outside", async () => {
  const { out, status } = await client(
    "--outbound=192.0.2.1:9",
    "--timeout",
    "30",
    "--",
    "198.51.100.1",
    "80",
    "x",
  );
  expect([status, out]).toEqual([0, expect.stringContaining("No connection.")]);
});

test("a published UDP port", async () => {
  const source = folder.put(
    "listener.asm",
    `use32
org 0
db 'MENUET01'
dd 1, start, image_end, memory_end, memory_end, 0, 0
start:
  mov eax, 75
  mov ebx, 2
  xor ecx, ecx
  int 0x40
  mov ebx, eax
  mov eax, 77
  mov ecx, address
  mov edx, 16
  int 0x40
  mov eax, 82
  mov ecx, text
  mov edx, 100
  int 0x40
  mov esi, text
  lea edi, [text + eax]
 .next:
  mov cl, [esi]
  mov eax, 63
  mov ebx, 1
  int 0x40
  inc esi
  cmp esi, edi
  jb .next
  mov eax, -1
  int 0x40
address: dw 2
  db 0x13, 0x88, 0, 0, 0, 0
  rb 8
image_end:
text rb 100
  rb 1024
memory_end:`,
  );
  const socket = createSocket("udp4");
  let timer: NodeJS.Timeout | undefined;
  const { status, out } = await kolibri(["run", source, "--publish", "0:5000/udp", "--timeout", "30"], {
    onErr(text) {
      const [, port] = /published: 127\.0\.0\.1:(\d+) → 10\.0\.2\.15:5000\/udp/.exec(text) ?? [];
      if (port) timer = setInterval(() => socket.send("a datagram", Number(port), "127.0.0.1"), 20);
    },
  });
  clearInterval(timer);
  socket.close();
  expect([status, out]).toEqual([0, "a datagram"]);
});

test.each([
  [["--service", "http2"], "--service http2: there is no such service; there are dns, dhcp"],
  [["--service", "ntp=1"], "--service ntp=1: ntp takes no value"],
  [["--service", "dns=here"], "--service dns: here: NAME:ADDRESS"],
  [["--service", "dns=one:10.0.2.9,two"], "--service dns: one:10.0.2.9,two: NAME:ADDRESS"],
  [["--service", "dhcp=10.0.9.1-10.0.9.5"], "--service dhcp"],
  [["--service", "dhcp=kernel.img"], "--service dhcp: kernel.img: FIRST-LAST is needed"],
  [["--service", "http=/nowhere"], "/nowhere"],
  [
    ["--service", "echo", "--service", "echo"],
    "--service echo: echo service: UDP port 7 cannot be opened: in-use",
  ],
  [["--nic", "10.0.3"], "--nic 10.0.3: an address such as 10.0.3.15/24 is needed, or none"],
  [["--host-port", "x"], '--host-port "x": expected PORT[:[[::1]:]HOSTPORT][/udp]'],
  [["--outbound=everything"], '--outbound "everything": expected ADDRESS'],
])("what makes no sense is refused: %j", async (argv, words) => {
  const { status, err } = await kolibri(["run", "fixtures/guide/images/http-server.corrected.bin", ...argv]);
  expect([status, err]).toEqual([2, expect.stringContaining(words)]);
});
