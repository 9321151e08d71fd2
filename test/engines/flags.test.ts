/**
 * What compiled code does to the flags is what the table says of each form: rows are for readers and for tools, the
 * compiler's own liveness comes from the values it makes, and the two must not part. Each form that is compiled is
 * executed with each flag set and clear: what else changes with it was read, what does not follow it was written.
 */
import { expect, test } from "vitest";
import { Random } from "../../src/base/index.ts";
import { AF, CF, type Form, OF, PF, SF, ZF } from "../../src/isa/index.ts";
import { type Core, Machine } from "../../src/machine/index.ts";
import { CompilingEngine } from "../../src/machine/jit/index.ts";
import { SLOT } from "../../src/machine/jit/ir.ts";
import { changesIn } from "../../src/machine/jit/print.ts";
import { CODE, DATA, STACK } from "../conformance/processor/arena.ts";
import { asked, askedVector, keyOf, plainCode, TELLING } from "../conformance/processor/generate.ts";
import { options, Subject } from "../conformance/processor/ours.ts";
import { askedX87 } from "../conformance/processor/x87.ts";

const FLAGS: Readonly<Record<string, number>> = { o: OF, s: SF, z: ZF, a: AF, p: PF, c: CF };
const NOT_CARRY = OF | SF | ZF | AF | PF;
const at = CODE.start + 0x400;
const SHAPES = 4;
/** Privileged: a fault behind the instruction. */
const HLT = 0xf4;

const lettersOf = (flags: number): string =>
  Object.entries(FLAGS)
    .filter(([, flag]) => flags & flag)
    .map(([letter]) => letter)
    .join("");

let engine: CompilingEngine | undefined;
const { machine } = new Subject(
  new Machine({ ...options, engine: (core: Core) => (engine = new CompilingEngine(core, { ahead: true })) }),
);
const { memory, cpu } = machine;

/** Whether compiled code does it; and which slots of flags change, a bit each. */
function compiled(code: readonly number[]): { changed: ReadonlySet<number> } | undefined {
  memory.place(at, Uint8Array.from([...code, HLT]));
  const { region } = engine!.explain(at)!;
  const { end, changes } = region.blocks[0]!;
  if (end.kind === "execute" && end.operation.address === at) return undefined;
  if (end.kind === "interpret" && end.eip === at) return undefined;
  return { changed: new Set(changesIn(changes).map(([slot]) => slot)) };
}

interface After {
  readonly flags: number;
  readonly rest: string;
}

/** One execution; undefined if it does not come to its end. */
function execute(registers: readonly number[], flags: number, data: Uint8Array): After | undefined {
  memory.place(DATA.start, data);
  memory.place(STACK.start + 0x780, data);
  const [eax, ecx, edx, ebx, , ebp, esi, edi] = registers as [number, ...number[]];
  Object.assign(cpu, { eax, ecx, edx, ebx, ebp, esi, edi });
  cpu.esp = STACK.start + 0x7c0;
  cpu.eip = at;
  cpu.eflags = 0x202 | flags;
  const before = machine.instructions;
  // More than one, for compiled code is not entered when it cannot be left in time; behind it there is a fault.
  const { reason } = machine.run(10);
  if (reason !== "fault" || machine.instructions !== before + 1) return undefined;
  const written = [memory.read(DATA.start, data.length)!, memory.read(STACK.start + 0x780, data.length)!];
  const { eip, esp } = cpu;
  const rest = [cpu.eax, cpu.ecx, cpu.edx, cpu.ebx, esp, cpu.ebp, cpu.esi, cpu.edi, eip, ...written];
  return { flags: cpu.eflags, rest: rest.join(" ") };
}

const same = (one: number, other: number, flags: number): boolean => ((one ^ other) & flags) === 0;

/** Where the flags are looked at as a whole. */
const isData = ({ name }: Form): boolean => /^(pushf|popf|lahf|sahf|iret)/.test(name);

test("what compiled forms do to the flags is what their rows say", () => {
  machine.reset();
  const wrong = new Set<string>();
  let executions = 0;
  for (const form of new Set([...asked, ...askedVector, ...askedX87])) {
    const { reads, writes, clears, sets } = form.flags;
    const sure = writes | clears | sets;
    const any = sure | form.flags.undefined;
    const say = (what: string, flags: number): void => {
      if (flags !== 0) wrong.add(`${keyOf(form)} ${what} ${lettersOf(flags)}`);
    };
    for (let n = 0; n < SHAPES; n++) {
      const random = new Random(n);
      const code = plainCode(form, random);
      const what = compiled(code);
      if (what === undefined) continue;
      const { changed } = what;
      const others = [SLOT.RESULT, SLOT.AUX, SLOT.KIND].some((slot) => changed.has(slot));
      if (others && (any & NOT_CARRY) === 0) say("changes words of", NOT_CARRY);
      if (changed.has(SLOT.CF) && (any & CF) === 0) say("changes the word of", CF);
      const data = Uint8Array.from({ length: 576 }, () => random.below(256));
      data.set([0, 0x10, 0, 0], 0x40);
      for (let set = 0; set < 2; set++) {
        const registers = Array.from({ length: 8 }, () =>
          random.below(2) === 0 ? TELLING[random.below(TELLING.length)]! : random.u32(),
        );
        if (/^(xlat|lods|stos|movs|scas|cmps)/.test(form.name) || form.rep !== "")
          for (const register of [3, 6, 7]) registers[register] = DATA.start + 0x100;
        const flags = random.u32() & (NOT_CARRY | CF);
        const first = execute(registers, flags, data);
        if (first === undefined) continue;
        for (const flag of Object.values(FLAGS)) {
          const other = execute(registers, flags ^ flag, data);
          executions++;
          if (other === undefined) continue;
          const read = first.rest !== other.rest || !same(first.flags, other.flags, (NOT_CARRY | CF) & ~flag);
          const kept = same(first.flags, flags, flag) && same(other.flags, flags ^ flag, flag);
          if (read && !(reads & flag)) say("reads", flag);
          if (isData(form)) continue;
          if (!kept && !(any & flag) && !read) say("writes", flag);
          if (kept && sure & flag && !((reads | form.flags.undefined) & flag)) say("keeps", flag);
        }
        if (!isData(form)) {
          say("does not clear", first.flags & clears & ~reads);
          say("does not set", ~first.flags & sets & ~reads);
        }
      }
    }
  }
  expect([...wrong].sort()).toEqual([]);
  expect(executions).toBeGreaterThan(10_000);
}, 240_000);
