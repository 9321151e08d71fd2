/** Names and addresses, both ways. */
export interface SymbolEntry {
  readonly name: string;
  /** Unsigned address, or the value of a constant; beyond 2^53 the nearest number, and all its digits in `exact`. */
  readonly value: number;
  readonly exact?: bigint;
  /** A label names a place in the program; a constant is only a number. */
  readonly kind: "label" | "constant";
  /** Bytes per item at a label (`db` 1, `dd` 4); 0 when it has none. */
  readonly size: number;
  /** The line of the source that defined it; inside a macro, the line of the macro. */
  readonly place?: { readonly file: string; readonly line: number };
}

export class Symbols {
  readonly #byName = new Map<string, SymbolEntry>();
  #labels: SymbolEntry[] | undefined;

  constructor(entries: Iterable<SymbolEntry> = []) {
    for (const entry of entries) this.#byName.set(entry.name, entry);
  }

  get size(): number {
    return this.#byName.size;
  }

  [Symbol.iterator](): IterableIterator<SymbolEntry> {
    return this.#byName.values();
  }

  get(name: string): SymbolEntry | undefined {
    return this.#byName.get(name);
  }

  /** The address or value of a name. Local labels are asked for with their parent: `main.loop`. */
  value(name: string): number | undefined {
    return this.#byName.get(name)?.value;
  }

  /** The nearest label at or below an address, with the distance to it. */
  nearest(address: number): { name: string; offset: number } | undefined {
    this.#labels ??= [...this.#byName.values()]
      .filter((entry) => entry.kind === "label")
      .sort((a, b) => a.value - b.value);
    const labels = this.#labels;
    let low = 0;
    let high = labels.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (labels[middle]!.value <= address) low = middle + 1;
      else high = middle;
    }
    const label = labels[low - 1];
    return label && { name: label.name, offset: address - label.value };
  }

  /** `main.loop+0x12`, or the bare address where no label is below it. */
  describe(address: number): string {
    const found = this.nearest(address);
    if (!found) return `0x${(address >>> 0).toString(16)}`;
    return found.offset === 0 ? found.name : `${found.name}+0x${found.offset.toString(16)}`;
  }
}
