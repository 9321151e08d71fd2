/** What a page would do with the library: everything from source text to another computer's answer. */
import {
  assemble,
  Computer,
  type Correction,
  capture,
  corrected,
  memoryFiles,
  PcapWriter,
  Switch,
  World,
} from "../../src/index.ts";

/** Integer, x87 and SSE work, and memory. */
const LOOP = `
  use32
loop_a_lot:                     ; (rounds)
  mov ecx, [esp + 4]
  mov eax, 1
  fld1
  movups xmm0, dqword [numbers]
.next:
  imul eax, 1664525
  adc eax, ecx
  mov [there], eax
  fadd [numbers]
  addps xmm0, dqword [numbers]
  dec ecx
  jnz .next
  fistp [there]
  movd edx, xmm0
  xor eax, [there]
  xor eax, edx
  ret 4
align 16
numbers dd 0.5, 1.5, 2.25, 1e-3
there dd ?
`;

/** `sources`: asm/ and fixtures/guide/ as text, by path from the project's folder. */
export function visit(sources: Readonly<Record<string, string>>, corrections: Correction[]): string[] {
  const said: string[] = [];
  const files = corrected(memoryFiles({ ...sources, "loop.asm": LOOP }), corrections);
  const image = (name: string) => {
    const { image, diagnostics, bytes } = assemble(name, { files });
    if (!image) throw new Error(diagnostics.map(({ text }) => text).join("\n"));
    said.push(`${name}: ${bytes.length} bytes, ${sum(bytes)}`);
    return image;
  };

  // A client asks the guide's server on the same switch; every frame of the server's is written down.
  const world = new World({ seed: 7 });
  const lan = new Switch({ clock: world.clock });
  const captured: Uint8Array[] = [];
  const pcap = new PcapWriter((chunk) => captured.push(chunk));
  const first = pcap.addInterface({ name: "server" });
  const port = capture(lan.plug(), pcap, first, world.clock);
  const server = new Computer({ world, interfaces: [{ port, address: "10.0.2.15/24" }] });
  server.load(image("asm/http-server.asm"));
  world.run({ until: () => server.debugBoard.includes("\n"), timeout: 1_000_000 });
  const client = new Computer({ world, interfaces: [{ port: lan.plug(), address: "10.0.2.16/24" }] });
  client.load(image("asm/tcp-client.asm"), { args: "10.0.2.15 80 GET / HTTP/1.0" });
  said.push(client.run({ timeout: 10_000_000 }).reason, client.debugBoard);
  said.push(`${world.now} us, ${captured.length} blocks, ${captured.map(sum)}`);

  // Long enough that it is compiled on the way.
  const loop = new Computer();
  loop.load(image("loop.asm"));
  const { stop, eax } = loop.call("loop_a_lot", [1_000_000], { astray: "follow" });
  said.push(`${stop.reason} ${eax} after ${loop.instructions} instructions`);
  return said;
}

function sum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
