/**
 * One capture of many interfaces: every frame that a station sends or takes, with its cause as a comment. A frame that
 * arrives says which frame of the capture it is, so its way can be followed; what a faulty link did to a frame stands on
 * an interface of its own.
 */
import type { Clock, Micros } from "../base/index.ts";
import { type FaultEvent, type PcapInterface, type PcapWriter, type Port, tap } from "../net/index.ts";
import type { Causes, Origin } from "./causes.ts";

export interface RecordingOptions {
  writer: PcapWriter;
  clock: Clock;
  /** Microseconds from 1970 to the clock's 0. Default 0. */
  epoch?: Micros;
}

const FAULTS: Record<FaultEvent["fault"], string> = {
  cut: "the cable is cut",
  lost: "lost",
  dropped: "lost: the queue is full",
  corrupted: "a bit was turned over",
  duplicated: "arrives twice",
  delayed: "falls behind",
};

export class Recording {
  readonly #options: RecordingOptions;
  readonly #origins = new WeakMap<Uint8Array, Origin>();
  #frames = 0;

  constructor(options: RecordingOptions) {
    this.#options = options;
  }

  /** Frames written so far. */
  get frames(): number {
    return this.#frames;
  }

  /** The station's port, with every frame written down as it passes there. */
  port(port: Port, facts: PcapInterface, causes: Causes): Port {
    const number = this.#options.writer.addInterface(facts);
    return tap(port, (bytes, direction) => {
      if (direction === "sent") {
        const cause = causes.sent(bytes);
        this.#origins.set(bytes, this.#write(number, bytes, "sent", cause));
        return;
      }
      const origin = this.#origins.get(bytes);
      const cause = origin ? `frame ${origin.number}: ${origin.cause}` : "from outside";
      const written = this.#write(number, bytes, "received", cause);
      causes.received(bytes, origin ? { ...origin, number: written.number } : written);
    });
  }

  /** Writes down what a link does to frames, as its `onFault`. */
  faults(facts: PcapInterface): (event: FaultEvent) => void {
    const number = this.#options.writer.addInterface(facts);
    return ({ frame, fault, ruled, copy }) => {
      const origin = this.#origins.get(frame);
      const what = `${FAULTS[fault]}${ruled ? ", by a rule" : ""}`;
      const cause = origin ? `frame ${origin.number} ${what}: ${origin.cause}` : what;
      const written = this.#write(number, copy ?? frame, undefined, cause);
      if (copy && origin) this.#origins.set(copy, { number: written.number, cause: origin.cause });
    };
  }

  #write(
    number: number,
    bytes: Uint8Array,
    direction: "sent" | "received" | undefined,
    comment: string,
  ): Origin {
    const { writer, clock, epoch = 0 } = this.#options;
    const time = epoch + clock.now();
    writer.frame({ interface: number, time, bytes, comment, ...(direction && { direction }) });
    return { number: ++this.#frames, cause: comment };
  }
}
