import type { Access } from "../memory/memory.ts";
import type { FaultName, Stop } from "../stop.ts";

/**
 * Thrown inside the processor when an instruction cannot be completed, and caught in the engine's loop: the
 * only way out of the middle of an instruction. It never leaves the machine; there it is a Stop. Whoever
 * throws has changed no register, flag or byte, except that a repeated string instruction stands at the
 * iteration that failed, that pushes and pops of PUSHA, POPA and ENTER have happened up to the one that failed, as have
 * those loads and stores of an x87 environment that lie between its ends, that #XM has told its exceptions in MXCSR, and
 * what undefined.ts says of x87 mode.
 */
export class GuestFault {
  readonly stop: Stop;

  constructor(stop: Stop) {
    this.stop = stop;
  }
}

/** An exception with an error code (0 for those that have none). */
export function fault(name: FaultName, code = 0): GuestFault {
  return new GuestFault({ reason: "fault", fault: name, code });
}

/**
 * What an access that begins below 4 GiB and ends above raises, being outside every segment: #GP, in SS #SS
 * (Processor.stopOf). SDM vol. 3A, 5.3. The processor does not tell where it was; we do.
 */
export function beyond(address: number, access: Access): GuestFault {
  return new GuestFault({ reason: "fault", fault: "#GP", code: 0, address: address >>> 0, access });
}

/** #PF. `code`: bit 0 the page is present, bit 1 a write, bit 2 in user mode. SDM vol. 3A, 4.7. */
export function pageFault(address: number, access: Access, present: boolean): GuestFault {
  return new GuestFault({
    reason: "fault",
    fault: "#PF",
    code: 4 | (access === "write" ? 2 : 0) | (present ? 1 : 0),
    address: address >>> 0,
    access,
  });
}

export function unsupported(instruction: string): GuestFault {
  return new GuestFault({ reason: "unsupported", instruction });
}
