/** Addition, subtraction, logic and comparison. SDM vol. 1, 7.3.2 and 7.3.4. */
import { KIND, type Operation } from "../operation.ts";
import type { Processor } from "../processor.ts";
import { EAX, EBX, ECX, EDX } from "../state.ts";

export function add(cpu: Processor, op: Operation): void {
  const right = cpu.load2(op);
  const left = cpu.change1(op);
  const value = (left + right) | 0;
  cpu.store1(op, value);
  cpu.flagsOfSum(left, right, value, op.shift);
}

export function adc(cpu: Processor, op: Operation): void {
  const right = cpu.load2(op);
  const left = cpu.change1(op);
  const value = (left + right + cpu.carry) | 0;
  cpu.store1(op, value);
  cpu.flagsOfSum(left, right, value, op.shift);
}

export function sub(cpu: Processor, op: Operation): void {
  const right = cpu.load2(op);
  const left = cpu.change1(op);
  const value = (left - right) | 0;
  cpu.store1(op, value);
  cpu.flagsOfDifference(left, right, value, op.shift);
}

export function sbb(cpu: Processor, op: Operation): void {
  const right = cpu.load2(op);
  const left = cpu.change1(op);
  const value = (left - right - cpu.carry) | 0;
  cpu.store1(op, value);
  cpu.flagsOfDifference(left, right, value, op.shift);
}

export function cmp(cpu: Processor, op: Operation): void {
  const left = cpu.load1(op);
  const right = cpu.load2(op);
  cpu.flagsOfDifference(left, right, (left - right) | 0, op.shift);
}

export function and(cpu: Processor, op: Operation): void {
  const right = cpu.load2(op);
  const value = cpu.change1(op) & right;
  cpu.store1(op, value);
  cpu.flagsOfLogic(value, op.shift);
}

export function or(cpu: Processor, op: Operation): void {
  const right = cpu.load2(op);
  const value = cpu.change1(op) | right;
  cpu.store1(op, value);
  cpu.flagsOfLogic(value, op.shift);
}

export function xor(cpu: Processor, op: Operation): void {
  const right = cpu.load2(op);
  const value = cpu.change1(op) ^ right;
  cpu.store1(op, value);
  cpu.flagsOfLogic(value, op.shift);
}

export function test(cpu: Processor, op: Operation): void {
  cpu.flagsOfLogic(cpu.load1(op) & cpu.load2(op), op.shift);
}

export function inc(cpu: Processor, op: Operation): void {
  const left = cpu.change1(op);
  const value = (left + 1) | 0;
  cpu.store1(op, value);
  const carry = cpu.carry;
  cpu.flagsOfSum(left, 1, value, op.shift);
  cpu.setCarry(carry);
}

export function dec(cpu: Processor, op: Operation): void {
  const left = cpu.change1(op);
  const value = (left - 1) | 0;
  cpu.store1(op, value);
  const carry = cpu.carry;
  cpu.flagsOfDifference(left, 1, value, op.shift);
  cpu.setCarry(carry);
}

export function neg(cpu: Processor, op: Operation): void {
  const right = cpu.change1(op);
  const value = -right | 0;
  cpu.store1(op, value);
  cpu.flagsOfDifference(0, right, value, op.shift);
}

export function not(cpu: Processor, op: Operation): void {
  cpu.store1(op, ~cpu.change1(op));
}

export function xadd(cpu: Processor, op: Operation): void {
  const left = cpu.change1(op);
  const right = cpu.load2(op);
  const value = (left + right) | 0;
  if (op.kind1 >= KIND.M8) {
    cpu.store1(op, value);
    cpu.store2(op, left);
  } else {
    // With one register twice the sum stays: SDM vol. 2D, XADD writes the source first.
    cpu.store2(op, left);
    cpu.store1(op, value);
  }
  cpu.flagsOfSum(left, right, value, op.shift);
}

/** The memory operand is written whether the comparison succeeds or not. SDM vol. 2A, CMPXCHG. */
export function cmpxchg(cpu: Processor, op: Operation): void {
  const accumulator = cpu.load(op, op.shift === 24 ? KIND.R8 : op.shift === 16 ? KIND.R16 : KIND.R32, EAX);
  const found = cpu.change1(op);
  const same = accumulator === found;
  cpu.store1(op, same ? cpu.load2(op) : found);
  if (!same) cpu.store(op, op.shift === 24 ? KIND.R8 : op.shift === 16 ? KIND.R16 : KIND.R32, EAX, found);
  cpu.flagsOfDifference(accumulator, found, (accumulator - found) | 0, op.shift);
}

const quadword = new Int32Array(2);

export function cmpxchg8b(cpu: Processor, op: Operation): void {
  const words = cpu.words;
  const at = cpu.address(op, 8, true);
  cpu.admitChange(at, 8);
  cpu.readDwords(at, 8, quadword, 0);
  const low = quadword[0]!;
  const high = quadword[1]!;
  const same = low === words[EAX] && high === words[EDX];
  if (same) {
    quadword[0] = words[EBX]!;
    quadword[1] = words[ECX]!;
  }
  cpu.writeDwords(at, 8, quadword, 0);
  if (!same) {
    words[EAX] = low;
    words[EDX] = high;
  }
  cpu.setZero(same);
}

/** adcx and adox: additions through CF, and through OF, that leave every other flag alone. */
export function adcx(cpu: Processor, op: Operation): void {
  const sum = (cpu.load1(op) >>> 0) + (cpu.load2(op) >>> 0) + cpu.carry;
  cpu.store1(op, sum | 0);
  cpu.setCarry(sum > 0xffff_ffff ? 1 : 0);
}

export function adox(cpu: Processor, op: Operation): void {
  const sum = (cpu.load1(op) >>> 0) + (cpu.load2(op) >>> 0) + cpu.overflow;
  cpu.store1(op, sum | 0);
  cpu.setCarryAndOverflow(cpu.carry, sum > 0xffff_ffff ? 1 : 0);
}
