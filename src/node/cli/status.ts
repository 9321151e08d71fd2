import type { Io } from "./io.ts";
import { colourful } from "./io.ts";

const EVERY_MS = 250;

/**
 * A line at the bottom of the terminal that tells how things stand. Nothing is shown where nobody would see it move:
 * in a pipe, a file, or with NO_COLOR.
 */
export class StatusLine {
  readonly #io: Io;
  readonly #text: () => string;
  #timer: NodeJS.Timeout | undefined;
  #shown = false;

  constructor(io: Io, text: () => string) {
    this.#io = io;
    this.#text = text;
    if (!colourful(io, io.stderr)) return;
    this.#timer = setInterval(() => this.#show(), EVERY_MS);
    this.#timer.unref();
  }

  /** Takes the line away, so that something else can be written; it comes back by itself. */
  readonly clear = (): void => {
    if (this.#shown) this.#io.stderr.write("\r\x1b[K");
    this.#shown = false;
  };

  end(): void {
    clearInterval(this.#timer);
    this.clear();
  }

  #show(): void {
    const width = (this.#io.stderr.columns ?? 80) - 1;
    this.#io.stderr.write(`\r\x1b[K${this.#text().slice(0, width)}`);
    this.#shown = true;
  }
}

const PATIENCE_MS = 1000;

/**
 * The same for work that gives the host no turn: it tells how it stands itself, as often as it likes, and the line moves
 * now and then, from the second second on. Between two moves the cursor is at the line's beginning, so that an
 * interrupted program leaves the next line where it belongs.
 */
export class BusyLine {
  readonly #io: Io;
  readonly #now: () => number;
  readonly #visible: boolean;
  #next: number;
  #shown = false;

  constructor(io: Io, now: () => number = () => process.uptime() * 1000) {
    this.#io = io;
    this.#now = now;
    this.#visible = colourful(io, io.stderr);
    this.#next = now() + PATIENCE_MS;
  }

  tell(text: () => string): void {
    if (!this.#visible || this.#now() < this.#next) return;
    const width = (this.#io.stderr.columns ?? 80) - 1;
    this.#io.stderr.write(`\r\x1b[K${text().slice(0, width)}\r`);
    this.#shown = true;
    this.#next = this.#now() + EVERY_MS;
  }

  end(): void {
    if (this.#shown) this.#io.stderr.write("\r\x1b[K");
    this.#shown = false;
  }
}

/** `1.5 KB`, `230 MB`: decimal units, three digits at most. */
export function bytesText(bytes: number): string {
  return `${scaled(bytes, ["B", "KB", "MB", "GB", "TB"])}`;
}

/** `12`, `34.5 k`, `1.2 G` */
export function countText(value: number): string {
  return scaled(value, ["", "k", "M", "G", "T"]).trimEnd();
}

function scaled(value: number, units: readonly string[]): string {
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}
