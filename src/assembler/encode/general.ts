/** How FASM reads the instructions that are not AVX's, the general ones of BMI, TBM and LWP among them: what reader.ts says. */
import {
  BOUND,
  CONTROL,
  DEBUG,
  GPR8,
  GPR16,
  GPR32,
  type Operand,
  REGISTER,
  register,
  registerClass,
  registerNumber,
  SEGMENT,
  ST,
  TEST,
} from "../operand.ts";
import {
  exactly,
  fail,
  fourOrWide,
  isMemory,
  isNumber,
  isRegister,
  isSpecial,
  type Reader,
  type Reading,
  type Readings,
} from "./reader.ts";

const isSegment = ({ kind, register }: Operand): boolean =>
  kind === REGISTER && registerClass(register) === SEGMENT;

const CL = register(GPR8, 1);
const DX = register(GPR16, 2);
const [EAX, ECX, EDX] = [0, 1, 2].map((number) => register(GPR32, number)) as [number, number, number];

// What many share ----------------------------------------------------------------------------------------------

/** A general register, behind a comma a register or memory: what is neither is called an argument. */
function registerAndSource(reader: Reader): void {
  reader.register();
  reader.comma();
  source(reader);
}

function source(reader: Reader): void {
  const operand = reader.thing();
  if (isRegister(operand)) reader.general(operand);
  else if (isMemory(operand)) reader.memory(operand);
  else fail("invalidArgument");
}

/** The first register of its size. */
function accumulator(reader: Reader): number {
  const operand = reader.thing();
  if (!isRegister(operand)) fail("invalidOperand");
  const bytes = reader.general(operand);
  // AH is numbered as the byte registers are, and ES is one.
  if (isSegment(operand) || registerNumber(operand.register) !== 0) fail("invalidOperand");
  return bytes;
}

/** A number of the operands' size. Eight bytes of it there are only where it is moved into a register. */
function wideNumber(reader: Reader, operand: Operand, moves: boolean): void {
  if (reader.size === 8) {
    if (operand.sizeDeclared && !moves) fail("longImmediateNotEncodable");
    reader.wide();
  } else reader.only(0, 1, 2, 4);
  reader.value(operand);
}

/** The number of a shift or of a bit, which has a size of its own: a byte. */
function byte(reader: Reader): void {
  const [operand, written] = reader.apart();
  if (isNumber(operand) && written > 1) fail("invalidOperandSize");
  reader.value(operand);
}

const eightOrFour = (reader: Reader): void => reader.only(reader.isLong ? 8 : 4);

/** Memory alone, of one of these sizes. */
const addresses =
  (...sizes: readonly number[]): Reading =>
  (reader) => {
    reader.addressOnly();
    reader.only(...sizes);
  };

const notLong = (reader: Reader): void => {
  if (reader.isLong) fail("illegalInstruction");
};

const onlyLong = (reader: Reader): void => {
  if (!reader.isLong) fail("illegalInstruction");
};

// General instructions -----------------------------------------------------------------------------------------

/** Two operands of one size: `numbers` may come second, and memory behind a register. */
const pair =
  (numbers: boolean): Reading =>
  (reader) => {
    const stores = reader.registerOrMemory();
    reader.comma();
    const second = reader.thing();
    if (numbers && isNumber(second)) wideNumber(reader, second, false);
    else {
      if (isRegister(second)) reader.general(second);
      else if (isMemory(second) && !stores) reader.memory(second);
      else fail("invalidOperand");
      if (reader.size !== 1) reader.autodetect();
    }
  };

/** A register or memory, and behind it a register. */
const exchanges: Reading = (reader) => {
  reader.registerOrMemory();
  reader.comma();
  reader.register();
  if (reader.size !== 1) reader.autodetect();
};

const single: Reading = (reader) => {
  reader.registerOrMemory();
  reader.autodetectOrByte();
};

const isMoved = ({ register }: Operand): boolean => {
  const kind = registerClass(register);
  return kind === CONTROL || kind === DEBUG || kind === TEST;
};

const moves: Reading = (reader) => {
  const first = reader.thing();
  if (isSpecial(first)) {
    if (!isMoved(first)) fail("invalidOperand");
    reader.comma();
    reader.register();
    eightOrFour(reader);
  } else if (isMemory(first)) {
    reader.memory(first);
    reader.comma();
    const second = reader.thing();
    if (isNumber(second)) wideNumber(reader, second, false);
    else if (!isRegister(second)) fail("invalidOperand");
    else if (isSegment(second)) reader.only(0, 2);
    else {
      reader.general(second);
      if (reader.size !== 1) reader.autodetect();
    }
  } else if (!isRegister(first)) fail("invalidOperand");
  else if (registerClass(first.register) >= SEGMENT) movesToSegment(reader, first);
  else movesToRegister(reader, first);
};

function movesToSegment(reader: Reader, first: Operand): void {
  if (!isSegment(first)) fail("invalidOperand");
  if (registerNumber(first.register) === 1) fail("illegalInstruction");
  reader.comma();
  if (reader.registerOrMemory()) reader.only(0, 2);
  else reader.only(2);
}

function movesToRegister(reader: Reader, first: Operand): void {
  reader.general(first);
  reader.comma();
  const second = reader.thing();
  if (isSpecial(second)) {
    if (!isMoved(second)) fail("invalidOperand");
    eightOrFour(reader);
  } else if (isNumber(second)) wideNumber(reader, second, true);
  else if (isRegister(second) && registerClass(second.register) >= SEGMENT) {
    if (!isSegment(second)) fail("invalidOperand");
    reader.autodetect();
  } else {
    if (isMemory(second)) reader.memory(second);
    else if (isRegister(second)) reader.general(second);
    else fail("invalidOperand");
    if (reader.size !== 1) reader.autodetect();
  }
}

const sets: Reading = (reader) => {
  if (reader.registerOrMemory()) reader.only(0, 1);
  else reader.only(1);
};

const adjustsLevel: Reading = (reader) => {
  notLong(reader);
  const stores = reader.registerOrMemory();
  if (!stores) reader.only(2);
  reader.comma();
  reader.register();
  if (stores) reader.only(2);
};

const checksBounds: Reading = (reader) => {
  notLong(reader);
  reader.register();
  reader.comma();
  reader.addressOnly();
  reader.only(2, 4);
};

const loadsAddress: Reading = (reader) => {
  reader.register();
  reader.comma();
  const size = reader.forget();
  reader.addressOnly();
  reader.autodetect(size);
};

const loadsPointer: Reading = (reader, name) => {
  if (name === "lds" || name === "les") notLong(reader);
  reader.register();
  reader.comma();
  reader.size += 2;
  reader.addressOnly();
  reader.only(4, 6, 10);
  if (reader.size === 10) reader.wide();
};

/** By a number or CL. */
const shifts: Reading = (reader) => {
  reader.registerOrMemory();
  shiftCount(reader);
  reader.autodetectOrByte();
};

const shiftsDouble: Reading = (reader) => {
  reader.registerOrMemory();
  reader.comma();
  reader.register();
  shiftCount(reader);
  reader.autodetect();
};

function shiftCount(reader: Reader): void {
  reader.comma();
  const [count] = reader.apart();
  if (!isRegister(count)) byte(reader);
  else if (count.register !== CL) fail("invalidOperand");
}

const extendsInteger: Reading = (reader) => {
  const size = reader.register();
  reader.comma();
  reader.forget();
  reader.registerOrMemory();
  if (reader.size >= size || reader.size > 2) fail("invalidOperandSize");
  reader.autodetect(size);
};

const extendsDoubleword: Reading = (reader) => {
  reader.register();
  reader.only(8);
  reader.comma();
  reader.forget();
  if (reader.registerOrMemory()) reader.only(0, 4);
  else reader.only(4);
  reader.wide();
};

const testsBit: Reading = (reader) => {
  const stores = reader.registerOrMemory();
  reader.comma();
  const count = reader.peek();
  if (isNumber(count) && count.jump === 0) {
    byte(reader);
    if (reader.size !== 0 || !stores) reader.autodetect();
  } else {
    reader.register();
    reader.autodetect();
  }
};

const scans: Reading = (reader) => {
  registerAndSource(reader);
  reader.autodetect();
};

const undefinedOpcode: Reading = (reader) => {
  registerAndSource(reader);
  reader.only(4);
};

const multiplies: Reading = (reader) => {
  const first = reader.thing();
  if (isMemory(first)) {
    reader.memory(first);
    reader.autodetectOrByte();
    return;
  }
  if (!isRegister(first)) fail("invalidOperand");
  reader.general(first);
  if (reader.follows() === undefined) {
    reader.autodetectOrByte();
    return;
  }
  reader.comma();
  const bare = reader.peek();
  if (!isNumber(bare) || bare.jump !== 0) {
    const second = reader.thing();
    if (isRegister(second)) reader.general(second);
    else reader.memory(second);
    if (reader.follows() === undefined) {
      reader.autodetect();
      return;
    }
    reader.comma();
  }
  const number = reader.thing();
  if (!isNumber(number)) fail("invalidOperand");
  if (reader.size === 1) fail("invalidOperandSize");
  wideNumber(reader, number, false);
};

/** A number of one byte, or DX. */
function port(reader: Reader): void {
  const operand = reader.thing();
  if (operand.kind === REGISTER && operand.register === DX) return;
  if (isNumber(operand)) reader.only(0, 1);
  reader.value(operand);
}

const inputs: Reading = (reader) => {
  const size = accumulator(reader);
  reader.comma();
  reader.forget();
  port(reader);
  if (size !== 1 && size !== 2 && size !== 4) fail("invalidOperandSize");
};

const outputs: Reading = (reader) => {
  port(reader);
  reader.comma();
  reader.forget();
  accumulator(reader);
  reader.only(1, 2, 4);
};

const protects: Reading = (reader, name) => {
  const operand = reader.thing();
  if (!isRegister(operand)) {
    reader.memory(operand);
    reader.only(0, 2);
    return;
  }
  reader.general(operand);
  if (/^(?:str|sldt|smsw)$/.test(name)) reader.autodetect();
  else reader.only(2);
};

const loadsRights: Reading = (reader) => {
  const size = reader.register();
  reader.comma();
  reader.autodetect(size);
  reader.forget();
  if (reader.registerOrMemory()) reader.only(0, 2);
  else reader.only(2);
};

const swapsBytes: Reading = (reader) => {
  fourOrWide(reader, reader.register());
};

const exchangesWide: Reading = (reader, name) => {
  const unit = name === "cmpxchg16b" ? 16 : 8;
  reader.addressOnly();
  reader.only(0, unit);
  if (unit === 16) reader.wide();
};

export const nothing: Reading = (reader) => reader.leave();

export const nothingLong: Reading = (reader) => {
  onlyLong(reader);
  reader.leave();
};

/** The long form of nop: what looks like its operand is one. */
const idles: Reading = (reader) => {
  const operand = reader.peek();
  const looks = operand.sizeDeclared || isMemory(operand) || isRegister(operand);
  if (operand.jump !== 0 || !looks) reader.leave();
  else if (!reader.registerOrMemory() || reader.size !== 0) reader.autodetect();
};

/** A bare number and nothing else is looked at. */
const adjustsProduct: Reading = (reader) => {
  const operand = reader.unsized();
  if (isNumber(operand)) reader.value(operand);
  else reader.leave();
};

// The x87 ------------------------------------------------------------------------------------------------------

/** A register of the x87; its number. */
function stack(reader: Reader, operand: Operand): number {
  if (!isRegister(operand) || registerClass(operand.register) !== ST) fail("invalidOperand");
  reader.stack();
  return registerNumber(operand.register);
}

const floats: Reading = (reader, name) => {
  const compares = name === "fcom" || name === "fcomp";
  const operand = reader.thing();
  if (isMemory(operand)) {
    reader.memory(operand);
    reader.only(0, 4, 8);
  } else if (isRegister(operand)) {
    const number = stack(reader, operand);
    if (compares) return;
    reader.comma();
    if (stack(reader, reader.thing()) !== 0 && number !== 0) fail("invalidOperand");
  } else if (compares) reader.leave();
  else fail("invalidOperand");
};

const floatsAndPops: Reading = (reader) => {
  const operand = reader.thing();
  if (!isRegister(operand)) {
    reader.leave();
    return;
  }
  stack(reader, operand);
  reader.comma();
  if (stack(reader, reader.thing()) !== 0) fail("invalidOperand");
};

const movesFloat: Reading = (reader, name) => {
  const operand = reader.thing();
  if (isRegister(operand)) stack(reader, operand);
  else {
    reader.memory(operand);
    reader.only(0, 4, 8, ...(name === "fst" ? [] : [10]));
  }
};

const frees: Reading = (reader, name) => {
  const operand = reader.thing();
  if (isRegister(operand)) stack(reader, operand);
  else if (name.startsWith("ffree")) fail("invalidOperand");
  else reader.leave();
};

const storesStatus: Reading = (reader) => {
  const operand = reader.thing();
  if (isRegister(operand)) {
    reader.general(operand);
    if (operand.register !== register(GPR16, 0)) fail("invalidOperand");
  } else {
    reader.memory(operand);
    reader.only(0, 2);
  }
};

const movesOnCondition: Reading = (reader) => {
  const number = stack(reader, reader.thing());
  if (reader.follows() === undefined) return;
  if (number !== 0) fail("invalidOperand");
  reader.comma();
  stack(reader, reader.thing());
};

// What came later ----------------------------------------------------------------------------------------------

const checksSum: Reading = (reader) => {
  const size = reader.register();
  if (size === 8) onlyLong(reader);
  else if (size !== 4) fail("invalidOperand");
  reader.comma();
  reader.forget();
  reader.registerOrMemory();
  reader.autodetectOrByte();
};

const movesSwapped: Reading = (reader) => {
  const first = reader.thing();
  if (isMemory(first)) {
    reader.memory(first);
    reader.comma();
    reader.register();
  } else {
    if (!isRegister(first)) fail("invalidOperand");
    reader.general(first);
    reader.comma();
    const second = reader.thing();
    if (!isMemory(second)) fail("invalidArgument");
    reader.memory(second);
  }
  reader.autodetect();
};

const addsWithOneFlag: Reading = (reader) => {
  registerAndSource(reader);
  fourOrWide(reader, reader.size);
};

const readsProcessor: Reading = (reader) => {
  reader.register();
  eightOrFour(reader);
};

const writesTrace: Reading = (reader) => {
  reader.registerOrMemory();
  fourOrWide(reader, reader.size);
};

const readsVmx: Reading = (reader) => {
  const first = reader.thing();
  if (isRegister(first)) {
    reader.general(first);
    eightOrFour(reader);
  } else reader.memory(first);
  reader.comma();
  reader.register();
  eightOrFour(reader);
};

const writesVmx: Reading = (reader) => {
  reader.register();
  reader.comma();
  const second = reader.thing();
  if (isRegister(second)) reader.general(second);
  else {
    reader.memory(second);
    eightOrFour(reader);
  }
};

const invalidates: Reading = (reader) => {
  reader.register();
  eightOrFour(reader);
  reader.forget();
  reader.comma();
  reader.addressOnly();
  reader.only(0, 16);
};

function addressSize(reader: Reader, size: number): void {
  if (size === 2 ? reader.isLong : size !== 4 && !reader.isLong) fail("invalidOperandSize");
}

const runsVirtual: Reading = (reader) => addressSize(reader, accumulator(reader));

const invalidatesVirtual: Reading = (reader) => {
  const size = accumulator(reader);
  reader.forget();
  reader.comma();
  exactly(reader, ECX);
  addressSize(reader, size);
};

const clearsLine: Reading = (reader) => {
  if (accumulator(reader) !== (reader.isLong ? 8 : 4)) fail("invalidOperand");
};

const takesRandom: Reading = (reader) => {
  reader.register();
  reader.autodetect();
};

const movesBase: Reading = (reader) => {
  onlyLong(reader);
  reader.register();
  if (reader.size === 2) fail("invalidOperandSize");
  reader.autodetect();
};

const aborts: Reading = (reader) => {
  const operand = reader.thing();
  if (operand.sizeDeclared && reader.size > 1) fail("invalidOperandSize");
  reader.value(operand);
};

const pauses: Reading = (reader) => {
  reader.register();
  reader.only(4);
  if (reader.follows() === undefined) return;
  reader.comma();
  exactly(reader, EDX);
  reader.comma();
  exactly(reader, EAX);
};

/** The register is held against the address when all is written; some are wrong beside any. */
const movesLine: Reading = (reader) => {
  const size = reader.register();
  reader.forget();
  reader.comma();
  reader.addressOnly();
  reader.only(0, 64);
  if (size !== 4 && size !== (reader.isLong ? 8 : 2)) fail("invalidOperandSize");
};

/** The letter at the end of the name says whether the register has 64 bits, and there is 64-bit code alone for that. */
function shadowSize(reader: Reader, name: string, size: number): void {
  const long = name.endsWith("q");
  if (long || reader.marked) onlyLong(reader);
  if (size !== (long ? 8 : 4)) fail("invalidOperandSize");
}

const readsShadow: Reading = (reader, name) => shadowSize(reader, name, reader.register());

const writesShadow: Reading = (reader, name) => {
  reader.registerOrMemory();
  reader.comma();
  shadowSize(reader, name, reader.register());
};

/** The general instructions of VEX and XOP are of 32 bits, or in 64-bit code of 64. */
function word(reader: Reader): void {
  reader.only(4, 8);
  if (reader.size === 8 && !reader.isLong) fail("invalidOperand");
}

const manipulates: Reading = (reader) => {
  registerAndSource(reader);
  word(reader);
};

const combines: Reading = (reader) => {
  reader.register();
  reader.comma();
  registerAndSource(reader);
  word(reader);
};

const counts: Reading = (reader, name) => {
  registerAndSource(reader);
  reader.comma();
  const operand = reader.thing();
  if (isRegister(operand)) reader.general(operand);
  else if (name !== "bextr") fail("invalidOperand");
  else reader.value(operand);
  word(reader);
};

const rotates: Reading = (reader) => {
  reader.register();
  reader.comma();
  const stores = isMemory(reader.peek());
  source(reader);
  word(reader);
  reader.number(stores);
};

const pointsAtProfile: Reading = (reader) => {
  reader.register();
  word(reader);
};

const profiles: Reading = (reader) => {
  reader.register();
  reader.comma();
  const size = reader.forget();
  const operand = reader.thing();
  if (isRegister(operand)) {
    reader.general(operand);
    reader.only(4);
  } else {
    if (!isMemory(operand)) fail("invalidArgument");
    reader.memory(operand);
    reader.only(0, 4);
  }
  reader.size = size;
  reader.comma();
  reader.value(reader.unsized());
  word(reader);
};

// Bounds -------------------------------------------------------------------------------------------------------

function bound(reader: Reader): void {
  const { kind, register } = reader.unsized();
  if (kind !== REGISTER || registerClass(register) !== BOUND) fail("invalidOperand");
}

const checksBound: Reading = (reader) => {
  bound(reader);
  reader.size = reader.isLong ? 8 : 4;
  reader.comma();
  reader.registerOrMemory();
};

const movesBound: Reading = (reader) => {
  const isBound = (operand: Operand): boolean =>
    isSpecial(operand) && !operand.sizeDeclared && operand.jump === 0;
  reader.size = reader.isLong ? 16 : 8;
  if (isBound(reader.peek())) {
    bound(reader);
    reader.comma();
    if (isBound(reader.peek())) bound(reader);
    else reader.addressOnly();
  } else {
    reader.addressOnly();
    reader.comma();
    bound(reader);
  }
};

const makesBound: Reading = (reader) => {
  bound(reader);
  reader.comma();
  reader.addressOnly();
};

const loadsBound: Reading = (reader) => {
  bound(reader);
  reader.comma();
  reader.memory(reader.unsized());
};

const storesBound: Reading = (reader) => {
  reader.memory(reader.unsized());
  reader.comma();
  bound(reader);
};

export const generalReadings: Readings = [
  [/^(?:ad[cd]|and|cmp|x?or|sbb|sub|test)$/, pair(true)],
  [/^xchg$/, pair(false)],
  [/^(?:xadd|cmpxchg)$/, exchanges],
  [/^(?:i?div|mul|neg|not|inc|dec)$/, single],
  [/^mov$/, moves],
  [/^set(?!alc|ssbsy)/, sets],
  [/^arpl$/, adjustsLevel],
  [/^bound$/, checksBounds],
  [/^lea$/, loadsAddress],
  [/^l[defgs]s$/, loadsPointer],
  [/^(?:r[co][lr]|s[ah][lr])$/, shifts],
  [/^sh[lr]d$/, shiftsDouble],
  [/^mov[sz]x$/, extendsInteger],
  [/^movsxd$/, extendsDoubleword],
  [/^bt[crs]?$/, testsBit],
  [/^(?:bs[fr]|cmov.*|popcnt|[lt]zcnt)$/, scans],
  [/^ud[01]$/, undefinedOpcode],
  [/^imul$/, multiplies],
  [/^in$/, inputs],
  [/^out$/, outputs],
  [/^(?:str|sldt|smsw|ltr|lldt|lmsw|ver[rw])$/, protects],
  [/^l(?:ar|sl)$/, loadsRights],
  [/^invlpg$|^[ls][gi]dt$/, (reader) => reader.addressOnly()],
  [/^bswap$/, swapsBytes],
  [/^cmpxchg\d+b$/, exchangesWide],
  [/^nop$/, idles],
  [/^aa[dm]$/, adjustsProduct],
  [/^f(?:add|com|divr?|mul|subr?|comp)$/, floats],
  [/^fi(?:add|comp?|divr?|mul|subr?)$/, addresses(0, 2, 4)],
  [/^fi(?:ld|stt?p)$/, addresses(0, 2, 4, 8)],
  [/^fist$/, addresses(0, 2, 4)],
  [/^f(?:ld|stp?)$/, movesFloat],
  [/^fb(?:ld|stp)$/, addresses(0, 10)],
  [/^f(?:add|divr?|mul|subr?)p$/, floatsAndPops],
  [/^f(?:xch|freep?|ucomp?)$/, frees],
  [/^f(?:ld|n?st)cw$/, addresses(0, 2)],
  [/^fn?stsw$/, storesStatus],
  [/^f(?:cmov.*|u?comip?)$/, movesOnCondition],
  [/^f(?:ldenv|n?stenv|n?save|rstor)[wd]?$/, addresses(0)],
  [/^f?x(?:save|rstor)/, addresses(0)],
  [/^clflush$|^cldemote$/, addresses(0, 1)],
  [/^v?(?:ld|st)mxcsr$/, addresses(0, 4)],
  [/^crc32$/, checksSum],
  [/^movbe$/, movesSwapped],
  [/^ad[co]x$/, addsWithOneFlag],
  [/^rdpid$/, readsProcessor],
  [/^ptwrite$/, writesTrace],
  [/^vmptr(?:ld|st)$|^vmxon$|^vmclear$|^clrssbsy$|^rstorssp$/, addresses(0, 8)],
  [/^vmread$/, readsVmx],
  [/^vmwrite$/, writesVmx],
  [/^inv(?:ept|pcid|vpid)$/, invalidates],
  [/^vm(?:run|load|save)$/, runsVirtual],
  [/^invlpga$/, invalidatesVirtual],
  [/^skinit$/, (reader) => exactly(reader, EAX)],
  [/^clzero$/, clearsLine],
  [/^rd(?:rand|seed)$|^umonitor$/, takesRandom],
  [/^(?:rd|wr)[fg]sbase$/, movesBase],
  [/^xabort$/, aborts],
  [/^tpause$|^umwait$/, pauses],
  [/^movdir64b$/, movesLine],
  [/^(?:incssp|rdssp)[dq]$/, readsShadow],
  [/^wru?ss[dq]$/, writesShadow],
  [/^bl[cs]|^tzmsk$|^t1mskc$/, manipulates],
  [/^andn$|^mulx$|^pdep$|^pext$/, combines],
  [/^bzhi$|^bextr$|^s(?:ar|hl|hr)x$/, counts],
  [/^rorx$/, rotates],
  [/^[ls]lwpcb$/, pointsAtProfile],
  [/^lwp(?:ins|val)$/, profiles],
  [/^bndc[lnu]$/, checksBound],
  [/^bndmov$/, movesBound],
  [/^bndmk$/, makesBound],
  [/^bndldx$/, loadsBound],
  [/^bndstx$/, storesBound],
];
