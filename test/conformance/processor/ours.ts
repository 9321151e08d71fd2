/** Puts a case to a machine of ours. */
import { DECODED, decode, type Form, forms, makeInstruction } from "../../../src/isa/index.ts";
import { STATE } from "../../../src/machine/cpu/state.ts";
import {
  type Context,
  type Descriptor,
  linuxSegments,
  Machine,
  type MachineOptions,
  type Stop,
  VECTOR,
} from "../../../src/machine/index.ts";
import { areas, CODE, local, MOST_STEPS, SMALL, TRAIL } from "./arena.ts";
import {
  type Answer,
  type Case,
  EFLAGS_COMPARED,
  FXSAVE_BYTES,
  isAmbiguous,
  OUT_OF_TIME,
  type Poke,
} from "./case.ts";
import { asked, askedVector } from "./generate.ts";
import { askedX87 } from "./x87.ts";

const fields = makeInstruction();

const STOPPED: Stop = { reason: "hook" };

const comparable = new Set<Form>([...asked, ...askedVector, ...askedX87]);

const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
const LOCK = 0xf0;
/** ModR/M bytes from here on name registers. */
const REGISTERS = 0xc0;

/** A far jump might lead the host to 64-bit code; the host knows selectors that the model of it does not. */
function isComparable(form: Form): boolean {
  if (
    /^(jmp|call)$/.test(form.name) &&
    form.operands.some(({ kind, text }) => kind === "ptr" || text.startsWith("m16:"))
  )
    return false;
  if (/^(retf|iretw|iretd|l[defgs]s|lss|lar|lsl|verr|verw)$/.test(form.name)) return false;
  if (form.operands.some(({ kind, file, writes }) => writes && (kind === "sreg" || file === "segment")))
    return false;
  return comparable.has(form);
}

/** Forms that may lead anywhere. */
const JUMPS = /^(jmp|call|ret|retf|iretw|iretd)$/;

/** The host's 64-bit code, which data segment registers take as well. */
const CODE_64 = 0x33;

/** The selectors of the host's process, and the arena's own. */
export const options: MachineOptions = {
  memoryBytes: 4 * 2 ** 20,
  segments: {
    descriptors: new Map<number, Descriptor>([
      ...linuxSegments.descriptors,
      [CODE_64, { base: 0, limit: 0xffff_ffff, kind: "code" }],
      ...[SMALL, ...Object.values(local)].map(({ selector, ...is }): [number, Descriptor] => [
        selector,
        { ...is, kind: "data" },
      ]),
    ]),
    initial: [0x2b, 0x23, 0x2b, 0x2b, SMALL.selector, 0],
  },
  gates: [],
};

/** A machine with the arena mapped, and what its memory was before a case. The last poke of a case is its code. */
export class Subject {
  readonly machine: Machine;
  /** The arena as it was before the present case; between cases, as it is before all. */
  readonly #before: Uint8Array[];
  readonly #scout: Subject | undefined;
  readonly #initial: Context;
  /** The code of the case before, which stays where it is: an engine that has compiled it may meet it again. */
  #code: Poke | undefined;

  /**
   * `scout` goes first where somebody must look at each instruction, so that this machine can go without: to look is
   * to interpret.
   */
  constructor(machine = new Machine(options), scout?: Subject) {
    this.machine = machine;
    this.#scout = scout;
    this.#initial = machine.saveContext();
    this.#before = areas.map((area) => new Uint8Array(area.length).fill(area.fill));
    for (const [i, area] of areas.entries()) {
      machine.memory.map(area.start, area.length, { writable: area.writable });
      machine.memory.place(area.start, this.#before[i]!);
    }
  }

  /** Stops before an instruction that the host would not execute where it stands. */
  #onlyCode(): void {
    this.machine.onInstruction((address) => this.#isNoCode(address));
  }

  /** Stops before an instruction that the host has and this machine has not, or that depends on the system. */
  #onlyComparable(): void {
    this.machine.onInstruction((address) => this.#isIncomparable(address));
  }

  #isIncomparable(address: number): boolean {
    if (this.#isNoCode(address) || this.#isOthers(address)) return true;
    const name = this.#mnemonic(address);
    return name !== "" && !isComparable(fields.form!);
  }

  /**
   * Whether an opcode is there that the host may know and this machine's model not, whatever its prefixes: VEX and
   * EVEX, what 0F 01 means with registers; or a LOCK that AMD's processors give a meaning of their own.
   */
  #isOthers(address: number): boolean {
    const { memory } = this.machine;
    let at = address;
    let lock = false;
    for (; PREFIXES.has(memory.u8(at) ?? 0); at++) lock ||= memory.u8(at) === LOCK;
    const [code, next, modrm] = [memory.u8(at), memory.u8(at + 1) ?? 0, memory.u8(at + 2) ?? 0];
    if (code === 0xc4 || code === 0xc5 || code === 0x62) return next >= REGISTERS;
    if (code !== 0x0f) return false;
    return (next === 0x01 && modrm >= REGISTERS) || (lock && (next === 0 || (next & 0xf8) === 0x20));
  }

  /** Whether something is there, which the host would not execute. */
  #isNoCode(address: number): boolean {
    const inCode = address >= CODE.start && address < CODE.start + CODE.length;
    return !inCode && this.machine.memory.isMapped(address, 1, "read");
  }

  /** Runs a case to its end. `most` instructions are enough for every generated one. */
  answer(one: Case, most = 100_000): Answer {
    const { machine } = this;
    const { cpu } = machine;
    const looks = one.raw || JUMPS.test(forms()[one.form]!.name);
    if (looks && this.#scout) {
      const seen = this.#scout.answer(one, most);
      if (isAmbiguous(seen) || seen.vector === OUT_OF_TIME) return seen;
    }
    this.#prepare(one);
    machine.loadContext(this.#initial);
    const [eax, ecx, edx, ebx, esp, ebp, esi, edi] = one.registers as [number, ...number[]];
    Object.assign(cpu, { eax, ecx, edx, ebx, esp, ebp, esi, edi });
    cpu.eip = one.eip;
    cpu.eflags = one.eflags;
    if (one.fxsave) loadFxsave(machine.memory.bytes, one.fxsave);
    if (looks && !this.#scout) {
      if (one.raw) this.#onlyComparable();
      else this.#onlyCode();
    }
    const run = (): Stop => (one.steps ? this.#runInSteps(most) : machine.run(most));
    const stop = one.raw && this.#isIncomparable(one.eip) ? STOPPED : run();
    machine.onInstruction(undefined);
    const [vector, code, address] = exception(stop);
    const changed = this.#changed();
    this.#restore(one, changed);
    return {
      registers: [cpu.eax, cpu.ecx, cpu.edx, cpu.ebx, cpu.esp, cpu.ebp, cpu.esi, cpu.edi],
      eip: cpu.eip,
      eflags: cpu.eflags,
      vector,
      code,
      address,
      selectors: [cpu.es, cpu.cs, cpu.ss, cpu.ds, cpu.fs, cpu.gs],
      changed,
      ...(one.fxsave && { fxsave: storedFxsave(machine.memory.bytes) }),
    };
  }

  /** Goes on behind every single step, as the oracle does. */
  #runInSteps(most: number): Stop {
    const { cpu, memory } = this.machine;
    let [steps, sum] = [0, 0];
    const add = (word: number): void => {
      sum = Math.imul(sum ^ word, 0x0100_0193); // FNV-1a, of dwords
    };
    let stop = this.machine.run(most);
    for (
      ;
      stop.reason === "trap" && stop.trap === "#DB" && steps < MOST_STEPS;
      stop = this.machine.run(most)
    ) {
      const { eip, eax, ecx, edx, ebx, esp, ebp, esi, edi, eflags } = cpu;
      for (const word of [eip, eax, ecx, edx, ebx, esp, ebp, esi, edi, eflags & EFLAGS_COMPARED]) add(word);
      steps++;
    }
    memory.place(TRAIL, new Uint8Array(Uint32Array.of(steps, sum).buffer));
    return stop;
  }

  /** What stands at an address; nothing when it is no instruction. */
  #mnemonic(address: number): string {
    const { memory } = this.machine;
    const toEnd = 0x1000 - (address & 0xfff);
    const bytes = memory.read(address, 15) ?? memory.read(address, Math.min(15, toEnd));
    const outcome = bytes && decode(bytes, 0, bytes.length, 32, fields);
    return outcome === DECODED ? fields.form!.name : "";
  }

  #poke({ address, bytes }: Poke): void {
    this.machine.memory.place(address, bytes);
    const i = areas.findIndex(({ start, length }) => address >= start && address < start + length);
    this.#before[i]!.set(bytes, address - areas[i]!.start);
  }

  /** Every poke lies inside one area. */
  #takeBack({ address, bytes }: Poke): void {
    const { fill } = areas.find(({ start, length }) => address >= start && address < start + length)!;
    this.#poke({ address, bytes: new Uint8Array(bytes.length).fill(fill) });
  }

  #prepare({ pokes }: Case): void {
    const code = pokes[pokes.length - 1]!;
    if (this.#code !== code) {
      if (this.#code) this.#takeBack(this.#code);
      this.#poke(code);
      this.#code = code;
    }
    for (const poke of pokes) if (poke !== code) this.#poke(poke);
  }

  #restore({ pokes }: Case, changed: Answer["changed"]): void {
    for (const poke of pokes) if (poke !== this.#code) this.#takeBack(poke);
    for (const [address] of changed) {
      const i = areas.findIndex(({ start, length }) => address >= start && address < start + length);
      const at = address - areas[i]!.start;
      this.machine.memory.place(address, this.#before[i]!.subarray(at, at + 4));
    }
  }

  #changed(): Answer["changed"] {
    const changed: Answer["changed"] = [];
    for (const [i, area] of areas.entries()) {
      const was = new Uint32Array(this.#before[i]!.buffer);
      const is = new Uint32Array(this.machine.memory.read(area.start, area.length)!.buffer);
      for (let n = 0; n < was.length; n++) if (was[n] !== is[n]) changed.push([area.start + 4 * n, is[n]!]);
    }
    return changed;
  }
}

/** Fields of an FXSAVE area that stand alone: their place there, in the state page, and their bytes. */
const FIELDS = [
  [0, STATE.X87_CONTROL, 2],
  [2, STATE.X87_STATUS, 2],
  [4, STATE.X87_VALID, 1],
  [6, STATE.X87_OPCODE, 2],
  [8, STATE.X87_INSTRUCTION, 4],
  [16, STATE.X87_OPERAND, 4],
  [24, STATE.MXCSR, 4],
  [160, STATE.XMM, 128],
] as const;

/** The x87 registers stand there in the order of the stack; here in physical order. */
function* stackRegisters(status: number): Generator<[there: number, here: number]> {
  const top = (status >> 11) & 7;
  for (let i = 0; i < 8; i++) yield [32 + 16 * i, STATE.X87 + 16 * ((top + i) & 7)];
}

function loadFxsave(state: Uint8Array, area: Uint8Array): void {
  for (const [there, here, length] of FIELDS) state.set(area.subarray(there, there + length), here);
  for (const [there, here] of stackRegisters(area[2]! | (area[3]! << 8)))
    state.set(area.subarray(there, there + 10), here);
}

export function storedFxsave(state: Uint8Array): Uint8Array {
  const area = new Uint8Array(FXSAVE_BYTES);
  for (const [there, here, length] of FIELDS) area.set(state.subarray(here, here + length), there);
  for (const [there, here] of stackRegisters(area[2]! | (area[3]! << 8)))
    area.set(state.subarray(here, here + 10), there);
  return area;
}

function exception(stop: Stop): [vector: number, code: number, address: number] {
  switch (stop.reason) {
    case "fault":
      // Of others the processor tells no address.
      return [VECTOR[stop.fault], stop.code, stop.fault === "#PF" ? stop.address! : 0];
    case "trap":
      return [VECTOR[stop.trap], 0, 0];
    case "budget":
      return [OUT_OF_TIME, 0, 0];
    default:
      return [-1, 0, 0];
  }
}
