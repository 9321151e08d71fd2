/** A form as text, worked out: what `read` (form.ts) makes of its row, without the words of the row. */
import type { Form, Row } from "./form.ts";
import { operandOf } from "./operands.ts";

/** What is yes or no, as bits. */
const BIT = {
  PLUS: 1,
  MODRM: 2,
  LOCK: 4,
  PRIVILEGED: 8,
  IOPL: 16,
  DECODE_ONLY: 32,
  ENCODE_ONLY: 64,
} as const;

type Packed = [
  opcode: string,
  operands: string,
  attributes: string,
  level: string,
  bits: number,
  rep: Form["rep"],
  encoding: Form["encoding"],
  mod: Form["mod"],
  places: Form["places"],
  tail: Form["tail"],
  numbers: number[],
];

export function packForm(row: Row, form: Form): string {
  const { flags } = form;
  const packed: Packed = [
    form.opcode,
    row.operands,
    [...form.attributes].join(" "),
    form.level,
    (form.plus ? BIT.PLUS : 0) |
      (form.modrm ? BIT.MODRM : 0) |
      (form.lock ? BIT.LOCK : 0) |
      (form.privileged ? BIT.PRIVILEGED : 0) |
      (form.iopl ? BIT.IOPL : 0) |
      (form.decodeOnly ? BIT.DECODE_ONLY : 0) |
      (form.encodeOnly ? BIT.ENCODE_ONLY : 0),
    form.rep,
    form.encoding,
    form.mod,
    form.places,
    form.tail,
    [
      form.map,
      form.code,
      form.prefix,
      form.digit,
      form.rm,
      form.suffix,
      form.operandSize,
      form.addressSize,
      form.vectorLength,
      form.w,
      form.condition,
      flags.reads,
      flags.writes,
      flags.undefined,
      flags.clears,
      flags.sets,
    ],
  ];
  return JSON.stringify(packed);
}

export function unpackForm(text: string, names: readonly string[], index: number): Form {
  const [opcode, operands, attributes, level, bits, rep, encoding, mod, places, tail, numbers]: Packed =
    JSON.parse(text);
  return {
    index,
    name: names[0]!,
    names,
    opcode,
    operands: operands === "" ? [] : operands.split(" ").map(operandOf),
    encoding,
    map: numbers[0]!,
    code: numbers[1]!,
    prefix: numbers[2]!,
    plus: (bits & BIT.PLUS) !== 0,
    modrm: (bits & BIT.MODRM) !== 0,
    digit: numbers[3]!,
    rm: numbers[4]!,
    mod,
    suffix: numbers[5]!,
    operandSize: numbers[6] as Form["operandSize"],
    addressSize: numbers[7] as Form["addressSize"],
    tail,
    vectorLength: numbers[8] as Form["vectorLength"],
    w: numbers[9] as Form["w"],
    places,
    condition: numbers[10]!,
    flags: {
      reads: numbers[11]!,
      writes: numbers[12]!,
      undefined: numbers[13]!,
      clears: numbers[14]!,
      sets: numbers[15]!,
    },
    lock: (bits & BIT.LOCK) !== 0,
    rep,
    privileged: (bits & BIT.PRIVILEGED) !== 0,
    iopl: (bits & BIT.IOPL) !== 0,
    decodeOnly: (bits & BIT.DECODE_ONLY) !== 0,
    encodeOnly: (bits & BIT.ENCODE_ONLY) !== 0,
    level,
    attributes: new Set(attributes === "" ? [] : attributes.split(" ")),
  };
}
