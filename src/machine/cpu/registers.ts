import { eflags, setEflags } from "./flags.ts";
import { CS, DS, EAX, EBP, EBX, ECX, EDI, EDX, ES, ESI, ESP, FS, GS, SS, WORD } from "./state.ts";

/** The registers as people and kernels see them: unsigned 32-bit numbers, read and written by name. */
export class Registers {
  #words: Int32Array;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** The state page is there now. */
  moveTo(words: Int32Array): void {
    this.#words = words;
  }

  get eax(): number {
    return this.#words[EAX]! >>> 0;
  }
  set eax(value: number) {
    this.#words[EAX] = value;
  }
  get ecx(): number {
    return this.#words[ECX]! >>> 0;
  }
  set ecx(value: number) {
    this.#words[ECX] = value;
  }
  get edx(): number {
    return this.#words[EDX]! >>> 0;
  }
  set edx(value: number) {
    this.#words[EDX] = value;
  }
  get ebx(): number {
    return this.#words[EBX]! >>> 0;
  }
  set ebx(value: number) {
    this.#words[EBX] = value;
  }
  get esp(): number {
    return this.#words[ESP]! >>> 0;
  }
  set esp(value: number) {
    this.#words[ESP] = value;
  }
  get ebp(): number {
    return this.#words[EBP]! >>> 0;
  }
  set ebp(value: number) {
    this.#words[EBP] = value;
  }
  get esi(): number {
    return this.#words[ESI]! >>> 0;
  }
  set esi(value: number) {
    this.#words[ESI] = value;
  }
  get edi(): number {
    return this.#words[EDI]! >>> 0;
  }
  set edi(value: number) {
    this.#words[EDI] = value;
  }
  get eip(): number {
    return this.#words[WORD.EIP]! >>> 0;
  }
  set eip(value: number) {
    this.#words[WORD.EIP] = value;
  }
  get eflags(): number {
    return eflags(this.#words) >>> 0;
  }
  set eflags(value: number) {
    setEflags(this.#words, value);
  }

  /** Selectors. They are loaded with `Machine.loadSegment`, which looks the descriptor up. */
  get es(): number {
    return this.#words[WORD.SELECTORS + ES]!;
  }
  get cs(): number {
    return this.#words[WORD.SELECTORS + CS]!;
  }
  get ss(): number {
    return this.#words[WORD.SELECTORS + SS]!;
  }
  get ds(): number {
    return this.#words[WORD.SELECTORS + DS]!;
  }
  get fs(): number {
    return this.#words[WORD.SELECTORS + FS]!;
  }
  get gs(): number {
    return this.#words[WORD.SELECTORS + GS]!;
  }
}
