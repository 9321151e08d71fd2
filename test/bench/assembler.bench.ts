/**
 * Lines a second of the assembler on a generated program (procedures by macro, structures, data, conditions, jumps
 * that need several passes): warm in this process, as a process of its own, and fasm's process where it is installed.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assemble, memoryFiles } from "../../src/assembler/index.ts";
import { compare } from "./measure.ts";

const PROCEDURES = 3000;

const head = `use32
org 0
macro proc name,[arg] { common name: label name#.body
 local offset
 offset = 8
 forward virtual at ebp+offset
 arg dd ?
 end virtual
 offset = offset+4
 common push ebp
 mov ebp,esp }
macro endp { leave
 ret }
macro stdcall target,[arg] { reverse push arg
 common call target }
struc POINT { .x dd ?
 .y dd ? }
virtual at 0
 POINT POINT
end virtual
`;

const procedure = (n: number) => `proc f${n},a${n},b${n},c${n}
 mov eax,[a${n}] ; first
 add eax,[b${n}]
 imul ecx,eax,${n % 200}
 mov [edi+POINT.y],ecx
 cmp eax,limit${n}
 jbe .small
 stdcall f${(n * 7 + 11) % PROCEDURES},eax,[c${n}],table${n}+${n % 8}*4
.small:
 test byte[table${n}+2],1 shl ${n % 8}
 jnz .out
 lea esi,[eax*4+table${n}]
 if limit${n} > ${PROCEDURES}
  rep movsd
 else
  movzx edx,word[esi]
 end if
.out:
 endp
table${n} dd f${n},limit${n},${n}*4+1,0x${n.toString(16)}
 db 'entry ${n}',13,10,0
limit${n} = ${n}*2
`;

const source = head + Array.from({ length: PROCEDURES }, (_, n) => procedure(n)).join("");
const lines = source.split("\n").length;
const folder = mkdtempSync(join(tmpdir(), "kolibri-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "big.asm");
writeFileSync(path, source);

const files = memoryFiles({ "big.asm": source });
const spawned = (name: string, command: string, args: string[]) => ({
  name,
  run() {
    const { status, stderr } = spawnSync(command, args);
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
    return lines;
  },
});
const ours = join(folder, "ours.bin");
const theirs = join(folder, "theirs.bin");
const hasFasm = spawnSync("fasm").error === undefined;
const medians = await compare("lines", [
  {
    name: "assemble(), warm",
    run() {
      const { ok, diagnostics } = assemble("big.asm", { files });
      if (!ok) throw new Error(diagnostics[0]!.text);
      return lines;
    },
  },
  spawned("kolibri asm", process.execPath, ["dist/cli.js", "asm", path, ours]),
  ...(hasFasm ? [spawned("fasm", "fasm", ["-m", "524288", path, theirs])] : []),
]);
if (!hasFasm) process.stdout.write("  fasm is not installed: no comparison\n");
else {
  if (!readFileSync(ours).equals(readFileSync(theirs))) throw new Error("the outputs differ");
  const fasm = medians.get("fasm")!;
  for (const name of ["assemble(), warm", "kolibri asm"])
    process.stdout.write(
      `  ${name}: ${(fasm / medians.get(name)!).toFixed(2)} times as long as fasm's process\n`,
    );
}
