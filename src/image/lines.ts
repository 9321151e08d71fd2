/** Where a byte of the image came from. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export interface LineEntry extends Place {
  /** The guest address of the first byte this line made. */
  readonly address: number;
  readonly length: number;
  /** Set where the bytes came out of a macro: who invoked it, innermost first. `file` and `line` are then inside the macro. */
  readonly trail?: readonly (Place & { readonly macro: string })[];
}

/** Addresses to source lines, through macros. */
export class LineMap {
  readonly entries: readonly LineEntry[];

  /** Entries in any order; entries without bytes are dropped. */
  constructor(entries: Iterable<LineEntry> = []) {
    this.entries = [...entries].filter((entry) => entry.length > 0).sort((a, b) => a.address - b.address);
  }

  at(address: number): LineEntry | undefined {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.entries[middle]!.address <= address) low = middle + 1;
      else high = middle;
    }
    const entry = this.entries[low - 1];
    return entry && address < entry.address + entry.length ? entry : undefined;
  }

  /** `server.asm:12`, from within a macro `server.asm:12 (push_all in macros.inc:3)`, or undefined. */
  describe(address: number): string | undefined {
    const entry = this.at(address);
    if (!entry) return undefined;
    const outermost = entry.trail?.at(-1);
    if (!outermost) return `${entry.file}:${entry.line}`;
    return `${outermost.file}:${outermost.line} (${outermost.macro} in ${entry.file}:${entry.line})`;
  }
}
