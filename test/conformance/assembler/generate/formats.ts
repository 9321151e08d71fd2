/** Programs of each format: sections and segments with code and data that refer to one another. */
import { Chance, words } from "./chance.ts";

const CODE = words("readable writeable executable code data shareable notpageable discardable");

/** What opens a program, and what a part of it begins with; `external` where it can name what is elsewhere. */
const formats = [
  { heads: ["", "use16", "use32", "use64", "org 7C00h", "format binary as 'img'"], part: "" },
  { heads: ["format MZ", "format MZ\nstack 100h\nheap 0"], part: "segment s# use16" },
  {
    heads: words("PE PE_GUI_4.0 PE_DLL PE_at_10000h PE64 PE64_console PE64_DLL PE64_NX_GUI").map(
      (name) => `format ${name.replaceAll("_", " ")}`,
    ),
    part: "section '.s#'",
    flags: CODE,
  },
  {
    heads: ["format COFF", "format MS COFF", "format MS64 COFF"],
    part: "section '.s#'",
    flags: words("code data"),
    external: true,
  },
  {
    heads: ["format ELF", "format ELF64"],
    part: "section '.s#'",
    flags: words("writeable executable"),
    external: true,
  },
  {
    heads: [
      "format ELF executable 3",
      "format ELF64 executable 3",
      "format ELF executable at 1000h",
      "format ELF64 executable",
    ],
    part: "segment",
    flags: words("readable writeable executable"),
  },
];

/** Every label that the lines name is somewhere, but for a few. */
export function formatProgram(seed: number): string {
  const chance = new Chance(seed);
  const { heads, part, flags = [], external = false } = chance.pick<(typeof formats)[number]>(formats);
  const names = Array.from({ length: 6 }, (_, at) => `l${at}`);
  const label = (): string => (external && chance.oneIn(5) ? "e0" : chance.pick(names));
  const reference = (): string =>
    chance.pick([
      () => label(),
      () => `${label()}+${chance.below(9)}`,
      () => `${label()}-${label()}`,
      () => `${label()}-$`,
      () => `rva ${label()}`,
      () => `plt ${label()}`,
      () => String(chance.below(70000)),
    ])();
  const line = (): string =>
    chance.pick([
      () => `dd ${reference()}`,
      () => `dq ${reference()}`,
      () => `mov ${chance.pick(words("eax ecx rax ax"))},${reference()}`,
      () => `mov eax,[${label()}+ecx*4]`,
      () => `${chance.pick(words("call jmp jz"))} ${label()}`,
      () => `push ${reference()}`,
      () => `lea ecx,[${label()}]`,
      () => `add dword [${label()}],${reference()}`,
      () => `rb ${chance.below(40)}`,
      () => `align ${chance.pick([1, 2, 4, 8, 16])}`,
      () => `db '${"abcdefgh".slice(chance.below(8))}',0`,
      () => `times ${chance.below(20)} nop`,
    ])();
  const missing = new Set(names.filter(() => chance.oneIn(60)));
  const lines = [chance.pick(heads)];
  if (external) lines.push(chance.pick(["extrn e0", "extrn '_e@4' as e0:dword", "extrn e0:qword"]));
  const parts = chance.some(1, 4, (at) => {
    const given = flags.filter(() => chance.oneIn(3)).join(" ");
    const end = names.slice(at, at === 3 ? undefined : at + 1).filter((name) => !missing.has(name));
    return [
      `${part.replace("#", String(at))} ${given}`,
      ...chance.some(0, 9, line),
      ...end.map((name) => `${name}:`),
      line(),
    ];
  });
  lines.push(...parts.flat());
  for (const name of names.slice(parts.length))
    if (parts.length < 4 && !missing.has(name)) lines.push(`${name} dd 5`);
  if (external) lines.push(...chance.some(0, 2, (at) => `public ${chance.pick(names)} as 'name${at}'`));
  else if (chance.oneIn(3)) lines.splice(1, 0, "entry l0");
  return `${lines.join("\n")}\n`;
}
