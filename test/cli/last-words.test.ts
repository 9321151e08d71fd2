import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { kolibri } from "./io.ts";

/** Accepts one connection, sends 8,000,000 bytes and ends itself at once. */
const program = `
  use32
  org 0
  db 'MENUET01'
  dd 1, start, image_end, memory_end, memory_end, 0, 0
start:
  mov eax, 75                 ; open socket: SOCK_STREAM, IPPROTO_TCP
  mov ebx, 1
  mov ecx, 6
  int 0x40
  mov ebp, eax
  mov eax, 77                 ; bind
  mov ebx, ebp
  mov ecx, address
  mov edx, 16
  int 0x40
  mov eax, 78                 ; listen
  mov ebx, ebp
  mov ecx, 5
  int 0x40
  mov eax, 63                 ; a dot says that it listens
  mov ebx, 1
  mov ecx, '.'
  int 0x40
  mov eax, 80                 ; accept
  mov ebx, ebp
  mov ecx, 0
  mov edx, 0
  int 0x40
  mov ebx, eax
  mov edi, SIZE
.send:
  mov eax, 81                 ; send
  mov ecx, image_end
  mov edx, edi
  int 0x40
  sub edi, eax
  jnz .send
  mov eax, -1                 ; the end
  int 0x40
address:
  db 2, 0, 0, 80, 0, 0, 0, 0
  dd 0, 0
image_end:
SIZE = 8000000
  rb SIZE
  rb 4096
memory_end:
`;

test("what a program has sent arrives, though it has ended itself meanwhile", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kolibri-"));
  try {
    const source = join(folder, "once.asm");
    writeFileSync(source, program);
    let said = "";
    let listens = false;
    const ended = kolibri(["run", source, "--publish", "0:80", "--timeout", "20"], {
      onErr: (words) => (said += words),
      onOut: () => (listens = true),
    });
    while (!listens) await new Promise((resolve) => setTimeout(resolve, 5));
    const place = /published: 127.0.0.1:(\d+) →/.exec(said)!;
    // A slow reader: what the program has sent fills every buffer on the way when it ends.
    const client = createConnection(Number(place[1]), "127.0.0.1");
    let got = 0;
    for await (const piece of client) {
      got += piece.length;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(got).toBe(8_000_000);
    expect((await ended).status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
