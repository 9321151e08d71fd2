/** Random programs with loops, calls, tables of jumps, faults, and stores into their own code. */
import { Random } from "../../src/base/index.ts";
import { Machine, type MachineOptions, STATE, type Stop } from "../../src/machine/index.ts";
import { rareCode, vectorCode } from "./vector-code.ts";

export const CODE = 0x1f00; // reaches over into the next page
export const DATA = 0x8000;
const TABLE = 0x9f00;
const READ_ONLY = 0xa000;
const HOLE = 0xb000;
export const STACK = 0xcf00;
export const END = 0xd000;

const le = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >> shift) & 0xff);

/** Bytes of a program, and where its pieces begin. */
export function program(seed: number): Uint8Array {
  const random = new Random(seed);
  const below = (n: number): number => random.below(n);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const byte = (): number => below(256);
  const out: number[] = [];
  /** Places of distances to fill: where, to which label, and how many bytes. */
  const wanted: { at: number; label: number; size: 1 | 4 | -4 }[] = [];
  const labels: number[] = [];
  const label = (): number => labels.push(-1) - 1;
  const here = (mark: number): void => {
    labels[mark] = out.length;
  };
  const to = (mark: number): void => {
    wanted.push({ at: out.length, label: mark, size: 4 });
    out.push(0, 0, 0, 0);
  };
  const absolute = (mark: number, more = 0): void => {
    wanted.push({ at: out.length, label: mark, size: -4 });
    out.push(...le(more));
  };

  /** Mostly eax ecx edx: the others point somewhere. */
  const register = (): number => (below(20) === 0 ? pick([0, 1, 2, 3, 5, 6, 7]) : below(3));
  /** A ModR/M byte and what follows, for a place in memory. */
  const memory = (reg: number): number[] => {
    const kind = below(16);
    if (kind === 0) {
      const place = pick([DATA, DATA + 0x20, DATA + 0xffe, CODE + 0x180, READ_ONLY + 4, HOLE + 8, 0x3ffe]);
      return [(reg << 3) | 5, ...le(below(12) === 0 ? place : DATA + below(64))];
    }
    if (kind < 4) return [(reg << 3) | 5, ...le(DATA + 4 * below(32))];
    if (kind < 6) return [0x44 | (reg << 3), 0x24, 4 * below(16)]; // [esp+n]
    if (kind < 8)
      return [0x44 | (reg << 3), pick([3, 6, 7]) | (pick([0, 1, 2]) << 3) | (below(2) << 6), byte() & 0x3f];
    if (kind < 9) return [0x80 | (reg << 3) | pick([3, 6, 7]), ...le(below(8) === 0 ? 0x4000 : below(0x400))];
    return [0x40 | (reg << 3) | pick([3, 6, 7]), byte() & 0x7f];
  };
  const operand = (reg: number): number[] =>
    below(3) === 0 ? memory(reg) : [0xc0 | (reg << 3) | register()];
  const prefix = (): number[] => (below(8) === 0 ? [0x66] : []);
  const width = (): number => (below(4) === 0 ? 0 : 1);

  function plain(): void {
    const reg = register();
    switch (below(40)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4: // arithmetic and logic
        out.push(...prefix(), (below(8) << 3) | (below(2) << 1) | width(), ...operand(reg));
        break;
      case 5:
      case 6:
        out.push(...prefix(), 0x83, ...operand(below(8)), byte());
        break;
      case 7:
        out.push(0x80, ...operand(below(8)), byte());
        break;
      case 8:
        out.push(0x81, ...operand(below(8)), byte(), byte(), byte(), pick([0, 0, byte()]));
        break;
      case 9:
        out.push(...prefix(), pick([0x40, 0x48]) + reg);
        break;
      case 10:
        out.push(...prefix(), 0xfe + width(), ...operand(below(2)));
        break;
      case 11:
      case 12:
        out.push(...prefix(), 0xc0 + width(), ...operand(below(8)), byte() & 63);
        break;
      case 13:
        out.push(...prefix(), 0xd0 + below(4), ...operand(below(8)));
        break;
      case 14: {
        const kind = pick([0, 0, 2, 3, 4, 5, 2, 3, 4, 5, 6, 7]);
        const wide = width();
        out.push(0xf6 + wide, ...operand(kind));
        if (kind === 0) out.push(byte(), ...(wide ? [byte(), byte(), byte()] : []));
        break;
      }
      case 15:
      case 16:
        out.push(...prefix(), 0x88 + width(), ...operand(reg));
        break;
      case 17:
        out.push(...prefix(), 0x8a + width(), ...operand(reg));
        break;
      case 18:
        out.push(0xb8 + reg, byte(), byte(), pick([0, byte()]), pick([0, 255, byte()]));
        break;
      case 19:
        out.push(...prefix(), 0x0f, pick([0xb6, 0xb7, 0xbe, 0xbf]), ...operand(reg));
        break;
      case 20:
        out.push(0x8d, ...memory(reg));
        break;
      case 21:
        out.push(0x0f, 0x90 + below(16), ...operand(0));
        break;
      case 22:
        out.push(...prefix(), 0x0f, 0x40 + below(16), ...operand(reg));
        break;
      case 23:
        out.push(...prefix(), 0x0f, 0xba, ...operand(4 + below(4)), byte());
        break;
      case 24:
        out.push(
          ...prefix(),
          0x0f,
          pick([0xa3, 0xab, 0xb3, 0xbb, 0xbc, 0xbd, 0xaf]),
          0xc0 | (reg << 3) | register(),
        );
        break;
      case 25:
        out.push(...prefix(), 0x0f, pick([0xa4, 0xac]), ...operand(reg), byte());
        break;
      case 26:
        out.push(...prefix(), 0x87 - below(2), ...operand(reg));
        break;
      case 27:
        out.push(pick([0x98, 0x99, 0xf8, 0xf9, 0xf5, 0xfc, 0xfc, 0x9e, 0x9f, 0x90, 0xd7, 0x27, 0x37]));
        break;
      case 28: // the stack
        out.push(0x50 + reg, ...prefix(), 0x01, ...operand(register()), 0x58 + register());
        break;
      case 29:
        out.push(
          ...pick([
            [0x60, 0x61],
            [0x9c, 0x9d],
            [0x9c, 0x58],
            [0x6a, byte(), 0x58 + reg],
            [0xff, 0x34, 0x24, 0x59],
          ]),
        );
        break;
      case 30: // strings
        out.push(
          ...pick([[], [], [0xfd]]),
          ...prefix(),
          pick([0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xa6, 0xa7]),
          0xfc,
        );
        break;
      case 31:
        out.push(
          0xb9,
          below(40),
          0,
          0,
          0,
          pick([0xf2, 0xf3]),
          pick([0xa4, 0xa5, 0xaa, 0xab, 0xae, 0xa6, 0xad]),
        );
        if (below(2) === 0) out.push(0xbe, ...le(DATA + below(64)), 0xbf, ...le(DATA + below(96)));
        break;
      case 32:
        out.push(0xf7, 0xc0 | (pick([2, 3]) << 3) | reg, 0x0f, 0xc8 + reg);
        break;
      case 33:
        out.push(0xbb, ...le(DATA + below(0x100)));
        break;
      case 34:
      case 35:
        out.push(...rareCode(random, operand, register));
        break;
      default:
        out.push(...vectorCode(random, operand, register));
    }
  }

  const functions = [label(), label(), label()];
  const spots: number[] = [];

  function piece(depth: number): void {
    const length = 2 + below(8);
    for (let n = 0; n < length; n++) plain();
    switch (below(depth > 2 ? 4 : 11)) {
      case 0:
        break;
      case 1: {
        // over some
        const after = label();
        if (below(4) === 0) out.push(0xe9);
        else out.push(0x0f, 0x80 + below(16));
        to(after);
        piece(depth + 1);
        here(after);
        break;
      }
      case 2: {
        // a place that is written sometimes: mov eax,constant with a nop behind it
        const spot = label();
        here(spot);
        out.push(0x05, ...le(random.u32()), 0x90);
        spots.push(spot);
        break;
      }
      case 3:
        if (spots.length > 0) {
          const spot = pick(spots);
          if (below(2) === 0) {
            out.push(0x89, 0x05 | (register() << 3));
            absolute(spot, 1 + below(2));
          } else {
            out.push(0xc6, 0x05);
            absolute(spot, 5);
            out.push(pick([0x40, 0x42, 0x90, 0xf9, 0xf8, 0x43]));
          }
        }
        break;
      case 4:
      case 5: {
        // a loop
        const head = label();
        const counter = DATA + 0x200 + 4 * below(16);
        out.push(0xc7, 0x05, ...le(counter), ...le(1 + below(9)));
        here(head);
        piece(depth + 1);
        out.push(0xff, 0x0d, ...le(counter), 0x0f, 0x85);
        to(head);
        break;
      }
      case 6: {
        const head = label();
        out.push(0xbd, ...le(1 + below(30)));
        here(head);
        for (let n = below(4); n >= 0; n--) plain();
        out.push(0x4d, 0x0f, pick([0x85, 0x85, 0x8f]));
        to(head);
        break;
      }
      case 7:
        out.push(0xe8);
        to(pick(functions));
        break;
      case 8: {
        // through a pointer, which holds the one or the other in turn, or two times in three the one
        const mask = pick([1, 2, 6]);
        out.push(0xff, 0x05, ...le(DATA + 0x340), 0xba);
        absolute(pick(functions));
        out.push(0xf6, 0x05, ...le(DATA + 0x340), mask, 0x75, 5, 0xba);
        absolute(pick(functions));
        const kind = below(4);
        if (kind < 2) out.push(0xff, 0xd2);
        else {
          out.push(0x89, 0x15, ...le(TABLE + 8));
          if (kind === 2) out.push(0xff, 0x15, ...le(TABLE + 8));
          else {
            // a jump that comes back
            const behind = label();
            out.push(0x68);
            absolute(behind);
            out.push(0xff, 0x25, ...le(TABLE + 8));
            here(behind);
          }
        }
        break;
      }
      case 9: {
        // through a register, or a table of two
        const [left, right, after] = [label(), label(), label()];
        out.push(0xb8 + 2);
        absolute(left);
        out.push(0x89, 0x15, ...le(TABLE), 0xba);
        absolute(right);
        out.push(
          0x89,
          0x15,
          ...le(TABLE + 4),
          0x83,
          0xe1,
          1,
          0xff,
          pick([0x24, 0x24, 0x14]),
          0x8d,
          ...le(TABLE),
        );
        const called = out[out.length - 6] === 0x14;
        if (called) out.push(0xeb, 0);
        here(left);
        piece(depth + 1);
        if (called) out.push(0x83, 0xc4, 4);
        out.push(0xe9);
        to(after);
        here(right);
        piece(depth + 1);
        if (called) out.push(0x83, 0xc4, 4);
        here(after);
        break;
      }
      default:
        out.push(0xcd, 0x40);
    }
  }

  const again = label();
  here(again);
  // Pointers, and some values.
  out.push(0xbb, ...le(DATA + 0x40), 0xbe, ...le(DATA + 0x80), 0xbf, ...le(DATA + 0xc0), 0xfc);
  for (let n = 3 + below(8); n > 0; n--) piece(0);
  out.push(0xe9);
  to(again);
  for (const each of functions) {
    here(each);
    piece(1);
    if (below(3) === 0) {
      // sometimes itself, by a counter
      out.push(0xff, 0x0d, ...le(DATA + 0x300), 0x0f, 0x8e);
      const out0 = label();
      to(out0);
      out.push(0xe8);
      to(each);
      here(out0);
    }
    out.push(...(below(6) === 0 ? [0xc2, 4 * below(2), 0] : [0xc3]));
  }
  const bytes = Uint8Array.from(out);
  const view = new DataView(bytes.buffer);
  for (const { at, label: mark, size } of wanted) {
    const target = labels[mark]!;
    view.setInt32(at, size === -4 ? CODE + target + view.getInt32(at, true) : target - at - 4, true);
  }
  return bytes;
}

export function load(code: Uint8Array, options: MachineOptions): Machine {
  const machine = new Machine({ memoryBytes: 1 << 20, ...options });
  const { memory, cpu } = machine;
  memory.map(0, END);
  memory.unmap(HOLE, 0x1000);
  memory.map(READ_ONLY, 0x1000, { writable: false });
  const random = new Random(1);
  memory.place(
    DATA,
    Uint8Array.from({ length: 0x400 }, () => random.below(256)),
  );
  memory.set32(DATA + 0x300, 3);
  memory.place(CODE, code);
  cpu.eip = CODE;
  cpu.esp = STACK;
  return machine;
}

const FROM = STATE.X87 >> 2;
const TO = STATE.CONTEXT_END >> 2;

/** Everything about a machine but its memory. */
export function stateOf(machine: Machine, stop: Stop): string {
  const { cpu } = machine;
  return JSON.stringify([
    stop,
    machine.instructions,
    ...[cpu.eip, cpu.eax, cpu.ecx, cpu.edx, cpu.ebx, cpu.esp, cpu.ebp, cpu.esi, cpu.edi, cpu.eflags].map(
      (n) => n.toString(16),
    ),
    // The x87, MMX and SSE.
    [...machine.memory.words.subarray(FROM, TO)].map((n) => (n >>> 0).toString(16)).join(" "),
  ]);
}

/** Runs a program on two machines in the same pieces. Answers what differs first, or how much was executed. */
export function compareRuns(
  code: Uint8Array,
  left: MachineOptions,
  right: MachineOptions,
  pieces: readonly number[],
  most = 6000,
  between: (machine: Machine, piece: number, log: string[]) => void = () => {},
): { instructions: number } | { differs: string } {
  const [a, b] = [load(code, left), load(code, right)];
  const logs: [string[], string[]] = [[], []];
  for (let n = 0; a.instructions < most && n < 2000; n++) {
    between(a, n, logs[0]);
    between(b, n, logs[1]);
    const budget = pieces[n % pieces.length]!;
    const [one, other] = [stateOf(a, a.run(budget)), stateOf(b, b.run(budget))];
    const event = logs[0].findIndex((text, i) => text !== logs[1][i]);
    if (event >= 0 || logs[0].length !== logs[1].length) {
      return { differs: `piece ${n}, event ${event}: ${logs[0][event]} and ${logs[1][event]}` };
    }
    if (one !== other) return { differs: `piece ${n} of ${budget}: ${one} and ${other}` };
    const { reason } = JSON.parse(one)[0] as Stop;
    if (!["budget", "interrupt", "breakpoint", "trap"].includes(reason)) break;
    // It has lost its way, into memory full of zeros.
    if (a.cpu.eip < CODE || a.cpu.eip > CODE + code.length) break;
  }
  for (const start of [0, HOLE + 0x1000]) {
    const length = (start === 0 ? HOLE : END) - start;
    const [x, y] = [a.memory.read(start, length)!, b.memory.read(start, length)!];
    const at = x.findIndex((value, i) => value !== y[i]);
    if (at >= 0) return { differs: `memory at 0x${(start + at).toString(16)}: ${x[at]} and ${y[at]}` };
  }
  return { instructions: a.instructions };
}
