/**
 * Sources that are changed at random, line by line, and assembled again after each change: by a session, and anew. All that
 * can be known of the two answers must be the same.
 */
import { isDeepStrictEqual } from "node:util";
import {
  type Assembled,
  AssemblySession,
  assemble,
  type Diagnostic,
  type Files,
  memoryFiles,
  type SessionOptions,
} from "../../../src/assembler/index.ts";
import { Random } from "../../../src/base/index.ts";

const macros = `macro twice [arg] { common dd 1
 forward dd arg
 local here
 here: dd here }
struc pair a,b { .x dd a
 .y dd b }
limit equ 20
limit fix 30
postpone { ending: db 'end' }
rept 50 n:0 { virtual at n*40
 base#n: 
 end virtual }
macro outer name { macro inner x \\{ name dd x \\} }
outer first
`;

const pieces = [
  (n: number) => `label${n}: mov eax,[base${(n * 7) % 50}+${n}]`,
  (n: number) => `.local: jmp base${(n * 3) % 50}`,
  (n: number) => ` twice ${n},limit,'a'`,
  (n: number) => `pair${n} pair ${n},limit`,
  (n: number) => `value${n % 5} = value${(n + 1) % 5} + ${n}`,
  (n: number) => `limit equ ${n}`,
  () => "restore limit",
  (n: number) => `if ${n} and 1 = 0`,
  () => "else",
  () => "end if",
  (n: number) => `rept ${n % 4} k { db k,${n} }`,
  (n: number) => `irp r,eax,ebx { add r,${n} }`,
  (n: number) => `match a b,limit ${n} { dd a,b }`,
  () => " dd 'text',__LINE__",
  () => "@@: jz @f",
  () => "@@: loop @b",
  (n: number) => `repeat ${n % 3}`,
  () => "end repeat",
  (n: number) => `virtual at ${n}`,
  () => "end virtual",
  (n: number) => `display 'line ${n}'`,
  () => " inner 5",
  (n: number) => `macro inner x { times ${n % 4} db x }`,
  () => "purge inner",
  () => "include 'leaf.inc'",
  (n: number) => `first${n} db ?`,
  () => "macro open",
  () => "{ }",
  (n: number) => `postpone { db ${n} }`,
  () => "label: mov eax,",
  (n: number) => `define limit ${n}`,
  () => "nop",
  () => " ret",
  () => "; said in passing",
  (n: number) => `other = limit+${n}`,
  (n: number) => `fourth${n}: outer label${n}x`,
  (n: number) => `extra equ ${n}`,
  () => "dd extra",
  () => "purge twice",
  () => "macro twice [arg] { dd arg }",
  () => "fixed fix dd",
  (n: number) => `fixed ${n}`,
  () => " align 4",
  (n: number) => `rb ${n % 9}`,
];

type Roll = (bound: number) => number;

/** Whole numbers below a bound, the same ones each time. */
function dice(seed: number): Roll {
  const random = new Random(seed);
  return (bound) => random.below(bound);
}

/** A source of several files, line by line. */
function start(roll: Roll): Record<string, string[]> {
  const plain = (count: number, name: string) =>
    Array.from({ length: count }, (_, n) => {
      const piece = [0, 2, 3, 10, 11, 13, 14, 15, 31][roll(9)]!;
      return pieces[piece]!(n).replace("label", `${name}label`).replace(/^pair/, `${name}pair`);
    });
  return {
    "main.asm": [
      "use32",
      "include 'macros.inc'",
      ...plain(40, ""),
      "include 'part.inc'",
      ...plain(60, "m"),
      "@@:",
    ],
    "macros.inc": macros.split("\n"),
    "part.inc": [...plain(20, "p"), "include 'nested.inc'", ...plain(10, "q")],
    "nested.inc": plain(20, "r"),
    "leaf.inc": ["nop", "dd limit"],
  };
}

/** All that can be known of an answer. */
export const everything = (answer: Assembled) => ({
  ...answer,
  symbols: [...answer.symbols],
  lines: Array.from({ length: 500 }, (_, address) => answer.lines.at(address)),
  image: answer.image?.bytes,
  listing: answer.listing,
  symbolFile: Buffer.from(answer.symbolFile("out")).toString("hex"),
});

function edit(texts: Record<string, string[]>, roll: Roll): void {
  const names = Object.keys(texts);
  const lines = texts[names[roll(names.length)]!]!;
  const at = roll(lines.length + 1);
  const line = pieces[roll(pieces.length)]!(100 + roll(900));
  const kind = roll(5);
  if (kind === 4 && at < lines.length) lines[at] += " ; as before";
  else if (kind === 0) lines.splice(at, 1);
  else if (kind === 1) lines.splice(at, 1, line);
  else if (kind === 2) lines.splice(at, 0, ...lines.slice(at, at + 2));
  else lines.splice(at, 0, line);
}

export interface Edited {
  /** Answers, those without an error, and those that took over something from the one before. */
  answers: number;
  right: number;
  reused: number;
  /** The first difference, in words. */
  difference: string | undefined;
}

/** So many changes one after the other to a source of our own. */
export function editOwn(seed: number, rounds: number): Edited {
  const roll = dice(seed);
  const options = { references: seed % 2 === 0, maxPasses: 20, maxMemory: 1 << 24 };
  const session = new AssemblySession("main.asm", options, 1 + roll(20));
  const found: Edited = { answers: 0, right: 0, reused: 0, difference: undefined };
  let texts = start(roll);
  for (let round = 0; round < rounds && found.difference === undefined; round++) {
    const files = memoryFiles(
      Object.fromEntries(Object.entries(texts).map(([name, lines]) => [name, lines.join("\n")])),
    );
    const ok = compare(found, session, "main.asm", options, files, `seed ${seed}, round ${round}`);
    const next = structuredClone(texts);
    edit(next, roll);
    // Most edits break something: the better half of the time it goes on from what was right.
    if (ok || round === 0 || roll(3) === 0) texts = next;
    else {
      texts = start(dice(seed));
      edit(texts, roll);
    }
  }
  return found;
}

/** One line after the other of a source on disk is taken away, put twice, made a comment, or changed places; each comes back. */
export function editSource(
  main: string,
  options: SessionOptions,
  disk: Files,
  seed: number,
  rounds: number,
): Edited {
  const roll = dice(seed);
  const known = new Map<string, ReturnType<Files["read"]>>();
  const original: Files = {
    read(path) {
      if (!known.has(path)) known.set(path, disk.read(path));
      return known.get(path);
    },
  };
  const found: Edited = { answers: 0, right: 0, reused: 0, difference: undefined };
  const session = new AssemblySession(main, options);
  compare(found, session, main, options, original, main);
  const paths = [...known].filter(([, file]) => file instanceof Uint8Array).map(([path]) => path);
  for (let round = 0; round < rounds && found.difference === undefined; round++) {
    const path = paths[roll(paths.length)]!;
    const lines = Buffer.from(known.get(path) as Uint8Array)
      .toString("latin1")
      .split("\n");
    const at = roll(lines.length);
    const kind = roll(5);
    if (kind === 0) lines.splice(at, 1);
    else if (kind === 1) lines.splice(at, 0, lines[at]!);
    else if (kind === 2) lines[at] = `;${lines[at]}`;
    else if (kind === 3) lines.splice(at, 0, ["nop", "dd 5", "; nothing", "mov eax, 7"][roll(4)]!);
    else lines.splice(at, 0, ...lines.splice(at + 1, 1));
    const bytes = Buffer.from(lines.join("\n"), "latin1");
    const files: Files = { read: (wanted) => (wanted === path ? bytes : original.read(wanted)) };
    compare(found, session, main, options, files, `seed ${seed}, round ${round}: ${path}, line ${at + 1}`);
  }
  return found;
}

/** Whether the source is right as it is now. */
function compare(
  found: Edited,
  session: AssemblySession,
  main: string,
  options: SessionOptions,
  files: Files,
  place: string,
): boolean {
  const answer = session.assemble(files);
  const expected = assemble(main, { ...options, files });
  found.answers++;
  if (session.reused > 0) found.reused++;
  if (expected.ok) found.right++;
  // Where memory ends depends on what has been had of it already.
  const alike = isOutOfMemory(expected.diagnostics)
    ? isOutOfMemory(answer.diagnostics)
    : isDeepStrictEqual(everything(answer), everything(expected));
  if (!alike) found.difference = place;
  return answer.ok;
}

const isOutOfMemory = ([first]: readonly Diagnostic[]): boolean => first?.text === "out of memory";
