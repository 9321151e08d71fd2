/** Cases that are put together by hand: a few instructions of any kind, what the case is about, a few more. */
import { Random } from "../../../src/base/index.ts";
import { CODE, TRAIL } from "./arena.ts";
import type { Case, Poke } from "./case.ts";
import { JUMP, type Series } from "./generate.ts";
import { anyInstruction, plainData, randomRegisters, vectorState } from "./mixed.ts";

export const START = CODE.start + 0x400;
/** One case in the making. */
export class Scene {
  readonly random: Random;
  readonly registers: number[];
  readonly pokes: Poke[] = [];
  eip = START;
  eflags: number;
  code: number[] = [];
  /** Single steps do not end it. */
  steps = false;
  /** Its bytes may become anything: it ends before what cannot be compared. */
  raw = false;
  readonly fxsave: Uint8Array;

  constructor(random: Random) {
    this.random = random;
    this.registers = randomRegisters(random);
    this.eflags = 0x202 | (random.u32() & 0x8d5);
    this.fxsave = vectorState(random);
  }

  /** Where the next byte of code will stand. */
  get here(): number {
    return this.eip + this.code.length;
  }

  below(n: number): number {
    return this.random.below(n);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)]!;
  }

  put(...bytes: number[]): void {
    this.code.push(...bytes);
  }

  dword(value: number): void {
    this.put(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
  }

  /** Up to `most` instructions that stay where they are. */
  some(most: number, weights: readonly [number, number, number] = [4, 1, 1]): void {
    for (let count = this.below(most + 1); count > 0; count--)
      this.put(...anyInstruction(this.random, weights));
  }

  /** mov register,value */
  load(register: number, value: number): void {
    this.put(0xb8 + register);
    this.dword(value);
  }

  /** fldcw of one value, through the stack. */
  control(value: number): void {
    this.put(0x68);
    this.dword(value);
    this.put(0xd9, 0x2c, 0x24);
  }

  /** ldmxcsr of one value, through the stack. */
  mxcsr(value: number): void {
    this.put(0x68);
    this.dword(value);
    this.put(0x0f, 0xae, 0x14, 0x24);
  }

  finish(n: number): Case {
    const room = CODE.start + CODE.length - this.eip;
    return {
      registers: this.registers.map((value) => value >>> 0),
      eip: this.eip,
      eflags: this.eflags,
      pokes: [
        plainData(this.random),
        ...this.pokes,
        ...(this.steps ? [{ address: TRAIL, bytes: new Uint8Array(8) }] : []),
        { address: this.eip, bytes: Uint8Array.from(this.code.slice(0, room)) },
      ],
      fxsave: this.fxsave,
      form: JUMP,
      number: n,

      ...(this.steps && { steps: true as const }),
      ...(this.raw && { raw: true as const }),
    };
  }
}

/** An absolute address as a ModR/M operand. */
export function at(scene: Scene, digit: number, address: number): void {
  scene.put((digit << 3) | 5);
  scene.dword(address);
}

/** Scenes by what they are about, as series of one group. */
export const seriesOf = (
  group: string,
  scenes: Readonly<Record<string, (scene: Scene) => void>>,
  codeInRegisters: (name: string) => boolean = () => false,
): Series[] =>
  Object.entries(scenes).map(([name, build], number) => ({
    key: `${group}: ${name}`,
    name: `${group}: ${name}`,
    sequences: true,
    codeInRegisters: codeInRegisters(name),
    make(seed, n) {
      const scene = new Scene(
        new Random((Math.imul(seed, 0x9e37_79b9) + Math.imul(n, 0x27d4_eb2f) + 977 * number) | 0),
      );
      build(scene);
      return scene.finish(n);
    },
  }));
