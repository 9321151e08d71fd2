/**
 * A small model of segmentation: a table of descriptors that selectors name, enough for the flat world of
 * KolibriOS and of 32-bit Linux processes. Privilege is always 3. SDM vol. 3A, 3.4 and 5.5 … 5.8.
 */
import { CS, SEGMENT, SS, WORD } from "./state.ts";

export interface Descriptor {
  /** The first byte of the segment, 0 … 2^32-1. */
  readonly base: number;
  /** The last valid offset, 0 … 2^32-1. */
  readonly limit: number;
  readonly kind: "code" | "data";
  /** Data: can be written. Default true. */
  readonly writable?: boolean;
  /** Default true. Loading a register with one that is not raises #NP. */
  readonly present?: boolean;
  /** Its limit is counted in pages: LAR tells. Default: where the limit is 1 MiB or more, which needs it. */
  readonly inPages?: boolean;
}

/** Selectors and what they mean, and what the six registers hold at first. */
export interface SegmentModel {
  readonly descriptors: ReadonlyMap<number, Descriptor>;
  /** es cs ss ds fs gs */
  readonly initial: readonly [number, number, number, number, number, number];
}

const FLAT = { base: 0, limit: 0xffff_ffff } as const;

/** The selectors of a KolibriOS application: CS 0x1B, DS ES SS 0x23, FS 0x63 (thread-local), GS 0x53. */
export const kolibriSegments: SegmentModel = {
  descriptors: new Map<number, Descriptor>([
    [0x1b, { ...FLAT, kind: "code" }],
    [0x23, { ...FLAT, kind: "data" }],
    [0x63, { base: 0, limit: 0xfff, kind: "data" }],
    [0x53, { ...FLAT, kind: "data" }],
  ]),
  initial: [0x23, 0x1b, 0x23, 0x23, 0x63, 0x53],
};

/** The selectors of a 32-bit process on 64-bit Linux: CS 0x23, DS ES SS 0x2B, GS 0x63 for thread-local storage. */
export const linuxSegments: SegmentModel = {
  descriptors: new Map<number, Descriptor>([
    [0x23, { ...FLAT, kind: "code" }],
    [0x2b, { ...FLAT, kind: "data" }],
    [0x63, { ...FLAT, kind: "data" }],
  ]),
  initial: [0x2b, 0x23, 0x2b, 0x2b, 0, 0],
};

/** EIP is a linear address throughout this machine: code segments begin at 0 and have no end. */
function checkDescriptor(selector: number, { base, limit, kind }: Descriptor): void {
  if (kind === "code" && (base !== 0 || limit !== 0xffff_ffff)) {
    throw new RangeError(`code segment 0x${selector.toString(16)} must have base 0 and limit 0xffffffff`);
  }
}

/** The descriptors of one machine, and the loading of segment registers from them. */
export class Segments {
  #words: Int32Array;
  readonly #descriptors: Map<number, Descriptor>;
  readonly #initial: SegmentModel["initial"];
  #flatness: () => void = () => {};

  constructor(words: Int32Array, model: SegmentModel) {
    this.#words = words;
    for (const [selector, is] of model.descriptors) checkDescriptor(selector, is);
    this.#descriptors = new Map([...model.descriptors].map(([selector, is]) => [selector & 0xfffc, is]));
    this.#initial = model.initial;
    this.reset();
  }

  /** The state page is there now. */
  moveTo(words: Int32Array): void {
    this.#words = words;
  }

  /** Loads the six registers with what the model says they hold at first. */
  reset(): void {
    for (const [segment, selector] of this.#initial.entries()) {
      if (!this.load(segment, selector)) {
        throw new RangeError(`segment register ${segment} cannot hold selector 0x${selector.toString(16)}`);
      }
    }
  }

  /** Adds or changes a descriptor. Registers that hold the selector keep what they loaded. */
  define(selector: number, descriptor: Descriptor): void {
    checkDescriptor(selector, descriptor);
    this.#descriptors.set(selector & 0xfffc, descriptor);
  }

  descriptor(selector: number): Descriptor | undefined {
    return this.#descriptors.get(selector & 0xfffc);
  }

  /** What the processor raises, with the selector as its code, where `load` answers false. SDM vol. 2B, MOV. */
  refusal(segment: number, selector: number): "#GP" | "#NP" | "#SS" {
    const descriptor = this.descriptor(selector);
    if (descriptor?.present !== false || !this.#suits(segment, selector, descriptor)) return "#GP";
    return segment === SS ? "#SS" : "#NP";
  }

  #suits(segment: number, selector: number, { kind, writable }: Descriptor): boolean {
    if (segment === CS) return kind === "code";
    // SS needs RPL = CPL; the others allow a lower number, since every descriptor here has DPL 3.
    return segment !== SS || (kind === "data" && writable !== false && (selector & 3) === 3);
  }

  /** Loads a segment register; false where the processor raises what `refusal` says. */
  load(segment: number, selector: number): boolean {
    const words = this.#words;
    const isNull = (selector & 0xfffc) === 0;
    if (isNull) {
      if (segment === SS || segment === CS) return false;
      words[WORD.SELECTORS + segment] = selector & 0xffff;
      words[WORD.BASES + segment] = 0;
      words[WORD.LIMITS + segment] = 0;
      this.#setRights(segment, 0);
      return true;
    }
    const descriptor = this.#descriptors.get(selector & 0xfffc);
    if (!descriptor || !this.#suits(segment, selector, descriptor) || descriptor.present === false)
      return false;
    const code = descriptor.kind === "code";
    const writable = !code && descriptor.writable !== false;
    words[WORD.SELECTORS + segment] = selector & 0xffff;
    words[WORD.BASES + segment] = descriptor.base;
    words[WORD.LIMITS + segment] = descriptor.limit;
    const flat = writable && descriptor.base === 0 && descriptor.limit === 0xffff_ffff;
    this.#setRights(
      segment,
      SEGMENT.READABLE |
        (writable ? SEGMENT.WRITABLE : 0) |
        (code ? SEGMENT.EXECUTABLE : 0) |
        (flat ? SEGMENT.FLAT : 0),
    );
    return true;
  }

  /** Told when a segment becomes flat or ceases to be: decoded instructions may rely on it. */
  onFlatness(told: () => void): void {
    this.#flatness = told;
  }

  #setRights(segment: number, rights: number): void {
    const at = WORD.RIGHTS + segment;
    const changed = (this.#words[at]! ^ rights) & SEGMENT.FLAT;
    this.#words[at] = rights;
    if (changed) this.#flatness();
  }
}
