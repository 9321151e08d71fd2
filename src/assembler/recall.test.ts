import { expect, test } from "vitest";
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

for (const [name, text] of Object.entries(sources)) {
  test(`what a block did before comes out as if it had been gone through: ${name}`, () => {
    const files = memoryFiles({ "x.asm": text });
    const recalled = assemble("x.asm", { files });
    // With references every line is gone through in every pass.
    const gone = assemble("x.asm", { files, references: true });
    expect(recalled.diagnostics).toEqual(gone.diagnostics);
    expect(recalled.passes).toBe(gone.passes);
    expect(Buffer.from(recalled.bytes).toString("hex")).toBe(Buffer.from(gone.bytes).toString("hex"));
    expect([...recalled.symbols]).toEqual([...gone.symbols]);
    expect(recalled.listing).toBe(gone.listing);
    expect(recalled.ok).toBe(true);
    expect(recalled.passes).toBeGreaterThan(1);
  });
}
