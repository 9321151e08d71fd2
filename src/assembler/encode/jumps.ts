/** Jumps and calls: sized by distance, pass by pass, to numbers, far, or through memory and registers. */
import { byMnemonic, conditions } from "../../isa/index.ts";
import { refuse } from "../messages.ts";
import {
  ABSOLUTE,
  BND_PREFIX,
  type Encoding,
  FAR,
  FLOAT,
  GPR16,
  GPR32,
  GPR64,
  IMMEDIATE,
  JUMP_FAR,
  MEMORY,
  NEAR,
  OFFSETLESS,
  type Operand,
  REGISTER,
  RELOCATABLE_32,
  RELOCATABLE_64,
  RELOCATABLE_RVA,
  registerClass,
  registerNumber,
  SEGMENT,
  SHORT,
} from "../operand.ts";
import {
  dwordValue,
  isRelative,
  put16,
  put32,
  putHead,
  putMemory,
  REX,
  REX_W,
  reach,
  wordValue,
} from "./emit.ts";
import { code, digit, type Encode, end, headOf, needsPrefix, only, registerSize } from "./heads.ts";
import { SEGMENT_BYTES } from "./reader.ts";

/** Size of the offset that a jump to a number computes with: written, or that of the code. */
function jumpSize(target: Operand, out: Encoding): number {
  if (target.kind === FLOAT) refuse("invalidValue");
  const size = target.size;
  if (size === 0) return out.bits / 8;
  if (size !== 2 && size !== (out.bits === 64 ? 8 : 4) && (size !== 4 || out.bits === 64))
    refuse("invalidOperandSize");
  // A label that moves with the program as a 32-bit value is no target of a 16-bit jump.
  return size;
}

/**
 * The distance from the end of a short jump that would start where output stands, behind a 66 when the size is
 * not the code's. FASM measures every jump so and corrects the longer ones.
 */
function measure(target: Operand, size: number, out: Encoding, counter = 0): number {
  const type = Math.abs(target.relocation);
  if (type !== ABSOLUTE) {
    if (type > 6 || (type < RELOCATABLE_RVA && (type & 1) !== 0)) out.recoverable("invalidUseOfSymbol");
    const width = type === RELOCATABLE_64 ? 8 : 4;
    if (width !== size && width + size !== 12) refuse("addressSizesDoNotAgree");
  }
  if (size === 8) {
    if (Math.abs(type) === RELOCATABLE_32 && target.high !== target.low >> 31)
      out.recoverable("valueOutOfRange");
  } else if (!isWithin(target.value, size)) {
    // FASM goes on with none, and does not know where that is if it has nothing to complain of yet.
    target.undefined = out.errorLine < 0;
    target.value = 0;
    target.low = 0;
    target.high = 0;
    out.recoverable("valueOutOfRange");
  }
  if (needsPrefix(size, out)) out.bytes[out.at++] = 0x66;
  if (counter !== 0) out.bytes[out.at++] = counter;
  out.relativeTo(target, out.at + 2);
  return size === 2 ? (out.distance << 16) >> 16 : out.distance;
}

const isWithin = (value: number, size: number): boolean =>
  size === 2 ? value >= -0x10000 && value <= 0xffff : value >= -0x1_0000_0000 && value <= 0xffff_ffff;

const OUT_OF_RANGE = 2;

/**
 * Whether FASM makes the jump short: 1 yes, 0 no, OUT_OF_RANGE when the target is beyond what 32 bits reach in 64-bit code.
 */
function isShort(distance: number, size: number, jump: number, out: Encoding): number {
  if (size === 8 && out.distanceHigh !== distance >> 31) {
    out.recoverable("relativeJumpOutOfRange");
    return OUT_OF_RANGE;
  }
  const fits = distance >= -0x80 && distance < 0x80;
  if (jump === SHORT) {
    if (out.distanceRelocation !== ABSOLUTE && !out.isLenient()) refuse("invalidUseOfSymbol");
    if (fits) return 1;
    // FASM goes on behind the question then, and makes room for a long one.
    out.recoverable("relativeJumpOutOfRange");
    return 0;
  }
  return jump === 0 && out.distanceRelocation === ABSOLUTE && fits ? 1 : 0;
}

/** Writes the opcode (0F and a byte above FF) and the distance of a long jump that is `more` bytes longer than the short one. */
function putLong(value: number, distance: number, size: number, more: number, out: Encoding): void {
  if (size === 8 && distance - more < -0x80000000) {
    out.recoverable("relativeJumpOutOfRange");
    return;
  }
  if (value > 0xff) out.bytes[out.at++] = value >> 8;
  out.bytes[out.at++] = value;
  putDistance(distance - more, size, out);
}

function putDistance(distance: number, size: number, out: Encoding): void {
  if (size === 2) put16(out, distance);
  else {
    if (out.distanceRelocation !== ABSOLUTE) out.relocate(out.distanceRelocation, out.distanceBase);
    put32(out, distance);
    out.distanceBytes = 4;
  }
}

function putShort(value: number, distance: number, size: number, out: Encoding): void {
  out.bytes[out.at++] = value;
  out.bytes[out.at++] = distance;
  // With 16 bits a distance may go round the segment.
  if (size !== 2) out.distanceBytes = 1;
}

function conditionalJump(name: string): Encode {
  const short = code(name, "rel8");
  const near = code(name, "relv");
  return (operands, count, out) => {
    out.prefixes &= ~BND_PREFIX;
    const target = operands[0];
    if (count === 0 || target!.jump === JUMP_FAR) refuse("invalidOperand");
    if (target!.kind !== IMMEDIATE && target!.kind !== FLOAT) refuse("invalidOperand");
    const size = jumpSize(target!, out);
    const distance = measure(target!, size, out);
    const choice = isShort(distance, size, target!.jump, out);
    if (choice === 1) putShort(short, distance, size, out);
    else if (choice === 0) {
      if (size === 2 && out.distanceRelocation !== ABSOLUTE) refuse("invalidUseOfSymbol");
      putLong(0x0f00 | near, distance, size, size === 2 ? 2 : 4, out);
    }
    only(count);
  };
}

/** loop, jcxz and their like know the short distance only; `counter` is the address size they name, 0 for the code's. */
function loopJump(name: string): Encode {
  const form = byMnemonic(name)[0]!;
  const long = form.level === "long";
  return (operands, count, out) => {
    if (out.bits === 64 ? form.addressSize === 16 : long) refuse("illegalInstruction");
    const target = operands[0];
    if (count === 0 || target!.jump > SHORT) refuse("invalidOperand");
    if (target!.kind !== IMMEDIATE && target!.kind !== FLOAT) refuse("invalidOperand");
    const size = jumpSize(target!, out);
    const other = form.addressSize !== 0 && form.addressSize !== out.bits;
    const distance = measure(target!, size, out, other ? 0x67 : 0);
    const choice = isShort(distance, size, target!.jump, out);
    if (choice === 1) putShort(form.code, distance, size, out);
    else if (choice === 0) {
      out.bytes[out.at++] = form.code;
      out.bytes[out.at++] = 0;
      out.recoverable("relativeJumpOutOfRange");
    }
    end(out);
    only(count);
  };
}

function jumpOrCall(name: "jmp" | "call"): Encode {
  const call = name === "call";
  const near = code(name, "relv");
  const short = call ? 0 : code(name, "rel8");
  const far = code(name, "ptr16:v");
  const indirect = code(name, "rmv");
  const nearDigit = digit(name, "rmv") << 3;
  const farDigit = digit(name, "m16:v") << 3;

  const toNumber = (target: Operand, jump: number, out: Encoding): void => {
    if (jump === JUMP_FAR) refuse("invalidOperand");
    const size = jumpSize(target, out);
    const distance = measure(target, size, out);
    const reached = size !== 8 || out.distanceHigh === distance >> 31;
    if (jump === SHORT && call && reached) refuse("illegalInstruction");
    const choice = isShort(distance, size, call ? NEAR : jump, out);
    if (choice === 1) putShort(short, distance, size, out);
    else if (choice === 0) {
      if (size === 2 && out.distanceRelocation !== ABSOLUTE) refuse("invalidUseOfSymbol");
      putLong(near, distance, size, size === 2 ? 1 : 3, out);
    }
  };

  const toFar = (target: Operand, jump: number, out: Encoding): void => {
    if (jump === NEAR) refuse("invalidOperand");
    if (out.bits === 64) refuse("illegalInstruction");
    if (target.kind === OFFSETLESS) refuse("invalidOperand");
    if (target.fraction) refuse("invalidValue");
    if (target.segmentRelocation < 0 || target.segmentRelocation > 1) out.recoverable("invalidUseOfSymbol");
    let segment = target.segmentValue;
    if (segment < -0x10000 || segment > 0xffff) {
      out.recoverable("valueOutOfRange");
      segment = 0;
    }
    const size = target.size === 0 ? out.bits / 8 + 2 : target.size;
    if (size === 4) {
      const value = wordValue(target, out);
      putHead(headOf(far, needsPrefix(2, out)), out);
      if (target.relocation !== ABSOLUTE) out.relocate(target.relocation, target.relocationBase);
      put16(out, value);
    } else if (size === 6) {
      const value = dwordValue(target, out);
      putHead(headOf(far, needsPrefix(4, out)), out);
      const type = target.relocation;
      if (type !== ABSOLUTE)
        out.relocate(type === RELOCATABLE_64 ? RELOCATABLE_32 : type, target.relocationBase);
      put32(out, value);
    } else refuse("invalidOperandSize");
    if (target.segmentRelocation !== ABSOLUTE) out.relocate(target.segmentRelocation, target.segmentBase);
    put16(out, segment);
  };

  /** Through memory. jmp dword [x] is near in 32-bit code and far (two words) in 16-bit code. */
  const throughMemory = (target: Operand, jump: number, out: Encoding): void => {
    if (jump === SHORT) refuse("illegalInstruction");
    let size = target.size;
    if (size === 0) {
      if (jump === JUMP_FAR) size = out.bits === 16 ? 4 : 6;
      else {
        if (jump !== NEAR) {
          if (out.bits === 64 && isRelative(target)) reach(target, out);
          out.recoverable("operandSizeNotSpecified");
        }
        jump = NEAR;
        size = out.bits / 8;
      }
    }
    let isFar = false;
    let operandSize = size;
    switch (size) {
      case 2:
        if (jump === JUMP_FAR) refuse("invalidOperandSize");
        break;
      case 4:
        isFar = jump === JUMP_FAR || (jump !== NEAR && out.bits === 16);
        if (isFar) operandSize = 2;
        else if (out.bits === 64) refuse("illegalInstruction");
        break;
      case 6:
        if (jump === NEAR) refuse("invalidOperandSize");
        isFar = true;
        operandSize = 4;
        break;
      case 8:
        if (jump === JUMP_FAR) refuse("invalidOperandSize");
        if (out.bits !== 64) refuse("illegalInstruction");
        break;
      case 10:
        if (out.bits !== 64) refuse("illegalInstruction");
        if (jump === NEAR) refuse("invalidOperandSize");
        isFar = true;
        operandSize = 8;
        break;
      default:
        refuse("invalidOperandSize");
    }
    const rex = size === 10 ? REX_W : 0;
    putMemory(
      target,
      headOf(indirect, needsPrefix(operandSize, out), rex),
      isFar ? farDigit : nearDigit,
      out,
    );
  };

  const throughRegister = (target: Operand, jump: number, out: Encoding): void => {
    if ((jump & 1) !== 0) refuse("invalidOperand");
    const kind = registerClass(target.register);
    if (kind === 0 || kind > SEGMENT) refuse("invalidOperand");
    const size = kind === SEGMENT ? SEGMENT_BYTES : registerSize(target);
    if (target.size !== 0 && target.size !== size) refuse("operandSizesDoNotMatch");
    if (kind !== GPR16 && kind !== GPR32 && kind !== GPR64) refuse("invalidOperandSize");
    if (kind === (out.bits === 64 ? GPR32 : GPR64)) refuse("illegalInstruction");
    const number = registerNumber(target.register);
    if (number > 7 && out.bits !== 64) refuse("invalidOperand");
    putHead(headOf(indirect, needsPrefix(size, out), number > 7 ? REX | 1 : 0), out);
    out.bytes[out.at++] = 0xc0 | nearDigit | (number & 7);
  };

  return (operands, count, out) => {
    const target = operands[0];
    if (count === 0 || target === undefined) refuse("invalidOperand");
    let jump = target.jump;
    if ((out.prefixes & BND_PREFIX) !== 0) {
      if ((jump & ~NEAR) !== 0) refuse("illegalInstruction");
      jump = NEAR;
      out.prefixes &= ~BND_PREFIX;
    }
    switch (target.kind) {
      case FLOAT:
        refuse("invalidValue");
        break;
      case IMMEDIATE:
        toNumber(target, jump, out);
        break;
      case FAR:
      case OFFSETLESS:
        toFar(target, jump, out);
        break;
      case MEMORY:
        throughMemory(target, jump, out);
        break;
      case REGISTER:
        throughRegister(target, jump, out);
        break;
      default:
        refuse("invalidOperand");
    }
    only(count);
  };
}

/** xbegin: FASM takes the 16-bit distance wherever it reaches, measured from the end of each form. */
const transaction: Encode = (operands, count, out) => {
  const target = operands[0];
  if (count === 0 || target!.jump !== 0 || target!.size !== 0) refuse("invalidOperand");
  if (target!.kind !== IMMEDIATE && target!.kind !== FLOAT) refuse("invalidOperand");
  if (target!.kind === FLOAT) refuse("invalidAddress");
  const form = byMnemonic("xbegin")[0]!;
  const short = out.bits === 16 ? 4 : 5;
  const { value, relocation, low, high } = target!;
  if (out.bits === 64) {
    if (Math.abs(relocation) === RELOCATABLE_32 && high !== low >> 31) out.recoverable("valueOutOfRange");
  } else {
    const limit = 2 ** out.bits;
    if (value < -limit || value >= limit) out.recoverable("valueOutOfRange");
  }
  out.relativeTo(target!, out.at + short);
  const distance = out.distance;
  const fits = out.bits === 16 || distance === (distance << 16) >> 16;
  if (out.bits === 64 && distance === -0x80000000) {
    out.recoverable("relativeJumpOutOfRange");
    return;
  }
  if (out.bits !== 16 && fits) out.bytes[out.at++] = 0x66;
  out.bytes[out.at++] = form.code;
  out.bytes[out.at++] = 0xc0 | (form.digit << 3) | form.rm;
  if (fits) put16(out, distance);
  else put32(out, distance - 1);
  end(out);
  only(count);
};

export const jumps: readonly (readonly [string, Encode])[] = [
  ...conditions.flatMap((condition) =>
    condition.names.map((name): [string, Encode] => [`j${name}`, conditionalJump(`j${name}`)]),
  ),
  ["jmp", jumpOrCall("jmp")],
  ["call", jumpOrCall("call")],
  ...["loop", "loope", "loopz", "loopne", "loopnz"]
    .flatMap((name) => [name, `${name}w`, `${name}d`])
    .concat("jcxz", "jecxz", "jrcxz", "loopq", "loopeq", "loopzq", "loopneq", "loopnzq")
    .map((name): [string, Encode] => [name, loopJump(name)]),
  ["xbegin", transaction],
];
