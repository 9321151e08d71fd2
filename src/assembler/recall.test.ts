import { expect, test } from "vitest";
import { Random } from "../base/index.ts";
import { assemble, memoryFiles } from "./index.ts";

/** Sources whose blocks find something else in one pass than in another, each in its own way. */
const sources: Readonly<Record<string, string>> = {
  "bytes before a loop that change from pass to pass": `
    use32
    org 0x100
    first: mov eax, [last]
    jmp last
    sum = 0
    repeat 40
      load b byte from first + % shr 3
      sum = (sum * 3 + b) and 0xffff
      n = sum
      if n > 1000
        n = n - 1000
      end if
    end repeat
    dd sum
    rb 200
    last: dd n`,
  "a position that moves": `
    use32
    jmp after
    repeat 30
      dw $ - $$, % * 3
      if % mod 7 = 0
        jz after
      end if
    end repeat
    after: dd after`,
  "symbols behind the block": `
    repeat 30
      dw behind - %, other
      x = behind + %
      x = x + 1
    end repeat
    jmp behind
    db 200 dup 0
    behind: db 1
    other = behind * 2`,
  "questions whether something is used or defined": `
    repeat 20
      if used later
        db 1
      end if
      if defined later
        db 2
      end if
      y = y0 + %
      y = y + 1
    end repeat
    y0 = 5
    later: dw later, y`,
  "an area that is closed and then loaded from": `
    jmp beyond
    virtual at 0
      names:: db 'one two three', (beyond and 0xff)
      size = $
    end virtual
    h = 0
    repeat size
      load c byte from names:%-1
      h = (h * 31 + c) and 0xffffff
      h = h xor (h shr 7)
    end repeat
    dd h
    times 200 db 0
    beyond:`,
  "alignment and reserved data at the end": `
    use32
    jmp past
    repeat 20
      db %
      align 8
      k = %
      k = k + 1
    end repeat
    past: dd past
    repeat 20
      rb %
      z = %
      z = z * 2
    end repeat`,
  "an area at a register, and labels of sizes": `
    use32
    virtual at ebx + 4
      repeat 20
        q = %
        q = q + 1
        rb 2
      end repeat
      field dd ?
    end virtual
    mov [field], eax
    jmp next
    rb 130
    next:`,
};

/** Assembles it with blocks done as before, and going through every line in every pass, which references ask for. */
function expectAlike(text: string): ReturnType<typeof assemble> {
  const files = memoryFiles({ "x.asm": text });
  const recalled = assemble("x.asm", { files, maxPasses: 12 });
  const gone = assemble("x.asm", { files, maxPasses: 12, references: true });
  expect(recalled.diagnostics, text).toEqual(gone.diagnostics);
  expect(recalled.passes, text).toBe(gone.passes);
  expect(Buffer.from(recalled.bytes).toString("hex"), text).toBe(Buffer.from(gone.bytes).toString("hex"));
  expect([...recalled.symbols], text).toEqual([...gone.symbols]);
  expect(recalled.listing, text).toBe(gone.listing);
  return recalled;
}

for (const [name, text] of Object.entries(sources)) {
  test(`what a block did before comes out as if it had been gone through: ${name}`, () => {
    const { ok, passes } = expectAlike(text);
    expect(ok).toBe(true);
    expect(passes).toBeGreaterThan(1);
  });
}

const variables = ["va", "vb", "vc", "vd"];
const places = ["la", "lb", "lc", "ld"];

/** A source of blocks in blocks that ask for each other's symbols and bytes; now and then one that is refused. */
function anySource(random: Random): string {
  let names = 0;
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!;
  const number = (): string => {
    const term = () => pick([String(random.below(300)), pick(variables), pick(variables), "%", "$"]);
    const rest = Array.from(
      { length: random.below(3) },
      () => `${pick(["+", "-", "*", "xor", "and"])} ${term()}`,
    );
    return `((${[term(), ...rest].join(" ")}) and 0x7fff)`;
  };
  const some = (least: number, more: number, depth: number): string[] =>
    Array.from({ length: least + random.below(more) }, () => statement(depth)).flat();
  const compared = () => `${number()} ${pick(["<", "=", "<>"])} ${number()}`;
  const statements: readonly ((depth: number) => string[])[] = [
    () => [`${pick(variables)} = ${number()}`],
    () => [`dw ${number()}, ${pick(places)} and 0x7fff`],
    (depth) => [`repeat ${1 + random.below(12)}`, ...some(2, 5, depth + 1), "end repeat"],
    (depth) => [`if ${compared()}`, ...some(1, 3, depth + 1), "else", ...some(1, 2, depth + 1), "end if"],
    (depth) => [
      `virtual at ${pick(["0", "100", "$", ...places])}`,
      "db 16 dup %",
      ...some(2, 5, depth + 1),
      "end virtual",
    ],
    (depth) => {
      const name = `w${names++}`;
      const rounds = [`while ${name} < ${random.below(9)}`, `${name} = ${name} + 1`];
      return [`${name} = 0`, ...rounds, ...some(1, 3, depth + 1), "end while"];
    },
    () => [`load ${pick(variables)} byte from $$ + (${number()} and 15)`],
    () => [`load ${pick(variables)} word from ${pick(["l0", "l0 + 2", "$$ + va and 7"])}`],
    () => [`jmp ${pick(places)}`],
    () => [`mov eax, [${pick(places)} + ${random.below(9)}]`],
    () => [`if ${pick(["used", "defined"])} ${pick([...places, ...variables])}`, "db 1", "end if"],
    () => [pick(["align 4", "rb 9", "times 3 db %", "store byte 5 at $$ + 3", "ret 4"])],
    () => [`db ${number()} and 255`],
  ];
  const statement = (depth: number): string[] =>
    depth < 3 ? pick(statements)(depth) : [`${pick(variables)} = ${number()}`];
  const beginning = ["use32", "org 256", "l0: db 16 dup 7", ...variables.map((name) => `${name} = 1`)];
  const body = places.flatMap((name) => [...some(3, 6, 0), `${name}: db ${1 + random.below(150)} dup 0x90`]);
  return [...beginning, ...body, ...some(2, 4, 0)].join("\n");
}

test("what a block did before comes out as if it had been gone through: any blocks", () => {
  const random = new Random(3);
  let accepted = 0;
  for (let n = 0; n < 40; n++) if (expectAlike(anySource(random)).ok) accepted++;
  expect(accepted).toBeGreaterThan(5);
}, 120_000);
