/**
 * How rows of AVX and AVX-512 are written out: most instructions exist in up to five lengths and encodings that differ in
 * a regular way (SDM vol. 1, chapters 14 and 15).
 */
import { form, type Row } from "../form.ts";

interface Scheme {
  /** NP 66 F3 F2. */
  pp: string;
  /** 0F 0F38 0F3A. */
  map: string;
  /** W of VEX and of EVEX forms. Default WIG, but W0 of EVEX forms with elements of 32 bits. */
  w?: string;
  evexW?: string;
  /** Only one of the two encodings exists. */
  only?: "vex" | "evex";
  /** Sources: 1, or 2 with the first in vvvv. Default 2. */
  sources?: 1 | 2;
  /** Bits, among 128 256 512. */
  lengths?: readonly number[];
  /** Bits of a scalar, whose forms have XMM registers only. */
  scalar?: 32 | 64;
  /** Bytes of an element that may be broadcast. */
  broadcast?: 4 | 8;
  rounding?: "er" | "sae";
  immediate?: boolean;
  mask?: boolean;
  zeroing?: boolean;
  /** Access to the first operand; default written. */
  access?: string;
  level?: string;
  flags?: string;
  /** A fixed last byte, in hexadecimal. */
  suffix?: string;
  attributes?: string;
}

export const all = [128, 256, 512];
export const letter = (bits: number): string => (bits === 512 ? "z" : bits === 256 ? "y" : "x");

/** The rows of `name:code` pairs (the code in hexadecimal) by one scheme. */
export function vector(scheme: Scheme, list: string): Row[] {
  const { pp, map, only, scalar, broadcast, rounding, suffix } = scheme;
  const rows: Row[] = [];
  const sources = scheme.sources ?? 2;
  const elements = broadcast === undefined && scalar === undefined ? "WIG" : "W0";
  const last = `${scheme.immediate ? " ib" : ""}${suffix === undefined ? "" : ` ${suffix}`}`;
  for (const entry of list.split(" ")) {
    const [names, code] = entry.split(":");
    const name = names!.replaceAll("=", " ");
    for (const encoding of ["vex", "evex"] as const) {
      if (only !== undefined && only !== encoding) continue;
      const w = encoding === "vex" ? (scheme.w ?? "WIG") : (scheme.evexW ?? scheme.w ?? elements);
      for (const bits of scalar !== undefined ? [0] : (scheme.lengths ?? all)) {
        if (encoding === "vex" && bits === 512) continue;
        const r = `${letter(bits)}mm`;
        const memory = scalar !== undefined ? scalar : bits;
        const word = [
          encoding.toUpperCase(),
          ...(sources === 2 ? ["NDS"] : []),
          bits === 0 ? "LIG" : String(bits),
          pp,
          map,
          w,
        ].join(".");
        const operands = [
          (scheme.access ?? "=") + r,
          ...(sources === 2 ? [r] : []),
          `${r}m${memory}`,
          ...(scheme.immediate ? ["imm8"] : []),
        ].join(" ");
        const attributes = [scheme.level ?? (encoding === "vex" ? "avx" : "avx512")];
        if (encoding === "evex") {
          if (scheme.mask !== false) attributes.push("mask");
          if (scheme.mask !== false && scheme.zeroing !== false) attributes.push("z");
          if (broadcast !== undefined) attributes.push(`b${broadcast}`);
          if (rounding === "er" && (bits === 512 || scalar !== undefined)) attributes.push("er");
          if (rounding === "sae") attributes.push("sae");
        }
        if (scheme.attributes !== undefined) attributes.push(scheme.attributes);
        rows.push(
          ...form(name, `${word} ${code} /r${last}`, operands, scheme.flags ?? "", attributes.join(" ")),
        );
      }
    }
  }
  return rows;
}

/** One row, with the level made from the encoding. */
export const one = (names: string, opcode: string, operands = "", attributes = "", flags = ""): Row[] =>
  form(
    names,
    opcode,
    operands,
    flags,
    `${opcode.startsWith("EVEX") ? "avx512" : "avx"} ${attributes}`.trim(),
  );

export const ps: Scheme = { pp: "NP", map: "0F", broadcast: 4 };
export const pd: Scheme = { pp: "66", map: "0F", evexW: "W1", broadcast: 8 };
export const ss: Scheme = { pp: "F3", map: "0F", scalar: 32 };
export const sd: Scheme = { pp: "F2", map: "0F", evexW: "W1", scalar: 64 };
export const bw: Scheme = { pp: "66", map: "0F" };
export const d: Scheme = { pp: "66", map: "0F", broadcast: 4 };
export const q: Scheme = { pp: "66", map: "0F", evexW: "W1", broadcast: 8 };
export const at38 = (scheme: Scheme): Scheme => ({ ...scheme, map: "0F38" });
export const at3a = (scheme: Scheme): Scheme => ({ ...scheme, map: "0F3A", immediate: true });
export const evex = (scheme: Scheme): Scheme => ({
  ...scheme,
  only: "evex",
  w: scheme.evexW ?? scheme.w ?? "W0",
});
export const vex = (scheme: Scheme): Scheme => ({ ...scheme, only: "vex", lengths: [128, 256] });
export const single = (scheme: Scheme): Scheme => ({ ...scheme, sources: 1 });
export const er = (scheme: Scheme): Scheme => ({ ...scheme, rounding: "er" });
export const sae = (scheme: Scheme): Scheme => ({ ...scheme, rounding: "sae" });
export const w0 = (scheme: Scheme): Scheme => ({ ...scheme, w: "W0" });
/** FASM lets an element of so many bytes be broadcast, and the processor does not. */
export const broadcastOddly = (scheme: Scheme, bytes: 4 | 8): Scheme => ({
  ...scheme,
  attributes: `b${bytes} bodd`,
});

export const w1 = (scheme: Scheme): Scheme => ({ ...scheme, w: "W1", evexW: "W1" });

/** The 32 comparisons of AVX by number; FASM names them all. */
export const predicates = (
  "eq lt le unord neq nlt nle ord eq_uq nge ngt false neq_oq ge gt true eq_os lt_oq le_oq unord_s neq_us nlt_uq nle_uq " +
  "ord_s eq_us nge_uq ngt_uq false_os neq_os ge_oq gt_oq true_us"
).split(" ");

export const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, "0");

/** Comparisons write a vector register with VEX, a mask with EVEX. */
export function comparison(suffix: string, pp: string, w: string, element: 4 | 8, scalar: boolean): Row[] {
  const rows: Row[] = [];
  const line = (name: string, last: string, immediate: string): void => {
    for (const bits of scalar ? [128] : [128, 256]) {
      const r = `${letter(bits)}mm`;
      const length = scalar ? "LIG" : bits;
      rows.push(
        ...one(
          name,
          `VEX.NDS.${length}.${pp}.0F.WIG C2 /r ${last}`,
          `=${r} ${r} ${r}m${scalar ? element * 8 : bits}${immediate}`,
          "",
        ),
      );
    }
    for (const bits of scalar ? [128] : all) {
      const r = `${letter(bits)}mm`;
      const length = scalar ? "LIG" : bits;
      rows.push(
        ...one(
          name,
          `EVEX.NDS.${length}.${pp}.0F.${w} C2 /r ${last}`,
          `=k ${r} ${r}m${scalar ? element * 8 : bits}${immediate}`,
          `mask sae${scalar ? "" : ` b${element}`}`,
        ),
      );
    }
  };
  for (const [number, name] of predicates.entries()) line(`vcmp${name}${suffix}`, hex(number), "");
  line(`vcmp${suffix}`, "ib", " imm8");
  return rows;
}

/** Integer comparisons into a mask: the relation in the name or in the last byte. */
export function maskComparison(suffix: string, code: string, w: string, broadcast: 0 | 4 | 8): Row[] {
  const rows: Row[] = [];
  const line = (name: string, last: string, immediate: string, how = "", ww = w): void => {
    for (const bits of all) {
      const r = `${letter(bits)}mm`;
      rows.push(
        ...one(
          name,
          `EVEX.NDS.${bits}.66.0F3A.${ww} ${code} /r ${last}`,
          `=k ${r} ${r}m${bits}${immediate}`,
          `mask${broadcast === 0 ? "" : ` b${broadcast}`}${how}`,
        ),
      );
    }
  };
  for (const [name, number] of [
    ["lt", 1],
    ["le", 2],
    ["neq", 4],
    ["nlt", 5],
    ["nle", 6],
  ] as const) {
    // FASM 1.73.30 makes bytes of these words: its table has them beside vpcmpneqb.
    const slip = suffix === "w" && number > 3;
    if (slip) line(`vpcmp${name}w`, hex(number), "", " written", "W0");
    line(`vpcmp${name}${suffix}`, hex(number), "", slip ? " decoded" : "");
  }
  line(`vpcmp${suffix}`, "ib", " imm8");
  return rows;
}

/** Equality and greater-than: into a vector with VEX, into a mask with EVEX. */
export function equality(list: string, map: string, w: string, broadcast: 0 | 4 | 8): Row[] {
  return list.split(" ").flatMap((entry) => {
    const [name, code] = entry.split(":");
    return [
      ...vector({ pp: "66", map, only: "vex", lengths: [128, 256] }, entry),
      ...all.flatMap((bits) => {
        const r = `${letter(bits)}mm`;
        return one(
          name!,
          `EVEX.NDS.${bits}.66.${map}.${w} ${code} /r`,
          `=k ${r} ${r}m${bits}`,
          `mask${broadcast === 0 ? "" : ` b${broadcast}`}`,
        );
      }),
    ];
  });
}

/** Tests into a mask. */
export function maskTest(name: string, pp: string, code: string, w: string, broadcast: 0 | 4 | 8): Row[] {
  return all.flatMap((bits) => {
    const r = `${letter(bits)}mm`;
    return one(
      name,
      `EVEX.NDS.${bits}.${pp}.0F38.${w} ${code} /r`,
      `=k ${r} ${r}m${bits}`,
      `mask zodd${broadcast === 0 ? "" : ` b${broadcast}`}`,
    );
  });
}

/** Moves between registers and memory of the same length. */
export function move(
  name: string,
  pp: string,
  load: string,
  store: string,
  w: string,
  evexW: string,
  only?: "vex" | "evex",
): Row[] {
  const rows: Row[] = [];
  for (const encoding of ["VEX", "EVEX"]) {
    if (only !== undefined && only !== encoding.toLowerCase()) continue;
    for (const bits of all) {
      if (encoding === "VEX" && bits === 512) continue;
      const r = `${letter(bits)}mm`;
      const word = `${encoding}.${bits}.${pp}.0F.${encoding === "VEX" ? w : evexW}`;
      const mask = encoding === "EVEX" ? "mask z" : "";
      rows.push(...one(name, `${word} ${load} /r`, `=${r} ${r}m${bits}`, mask));
      rows.push(...one(name, `${word} ${store} /r`, `=${r}m${bits} ${r}`, mask));
    }
  }
  return rows;
}

/** Loads or stores that only go through memory. */
export function memoryMove(
  name: string,
  pp: string,
  map: string,
  code: string,
  evexW: string | undefined,
  load: boolean,
): Row[] {
  const rows: Row[] = [];
  for (const encoding of ["VEX", "EVEX"]) {
    if (encoding === "EVEX" && evexW === undefined) continue;
    for (const bits of all) {
      if (encoding === "VEX" && bits === 512) continue;
      const r = `${letter(bits)}mm`;
      const word = `${encoding}.${bits}.${pp}.${map}.${encoding === "VEX" ? "WIG" : evexW}`;
      rows.push(...one(name, `${word} ${code} /r`, load ? `=${r} m${bits}` : `=m${bits} ${r}`));
    }
  }
  return rows;
}

/** Shifts by an XMM register's value or by an immediate. */
export function shift(
  name: string,
  code: string,
  byImmediate: string,
  digit: number,
  w: string,
  broadcast: 0 | 4 | 8,
  only?: "evex",
): Row[] {
  const rows: Row[] = [];
  for (const encoding of ["VEX", "EVEX"]) {
    if (encoding === "VEX" && only === "evex") continue;
    for (const bits of all) {
      if (encoding === "VEX" && bits === 512) continue;
      const r = `${letter(bits)}mm`;
      const ww = encoding === "VEX" ? "WIG" : w;
      const mask = encoding === "EVEX" ? "mask z " : "";
      rows.push(
        ...one(
          name,
          `${encoding}.NDS.${bits}.66.0F.${ww} ${code} /r`,
          `=${r} ${r} xmmm128`,
          `${mask}apart low`,
        ),
      );
      const source = encoding === "VEX" ? r : `${r}m${bits}`;
      const element = encoding === "VEX" || broadcast === 0 ? "" : ` b${broadcast}`;
      rows.push(
        ...one(
          name,
          `${encoding}.NDD.${bits}.66.0F.${ww} ${byImmediate} /${digit} ib`,
          `=${r} ${source} imm8`,
          `${mask}apart${element}`,
        ),
      );
    }
  }
  return rows;
}

/** Sign and zero extension: the source is a fraction of the destination. */
export function extension(list: string, fraction: number): Row[] {
  return list.split(" ").flatMap((entry) => {
    const [name, code] = entry.split(":");
    const evexW = name!.endsWith("dq") ? "W0" : "WIG";
    return ["VEX", "EVEX"].flatMap((encoding) =>
      all.flatMap((bits) => {
        if (encoding === "VEX" && bits === 512) return [];
        const source = bits / fraction;
        return one(
          name!,
          `${encoding}.${bits}.66.0F38.${encoding === "VEX" ? "WIG" : evexW} ${code} /r`,
          `=${letter(bits)}mm ${letter(source)}mmm${source}`,
          encoding === "EVEX" ? "mask z" : "",
        );
      }),
    );
  });
}

/** Truncation: the destination is a fraction of the source. */
export function truncation(list: string, fraction: number): Row[] {
  return list.split(" ").flatMap((entry) => {
    const [name, code] = entry.split(":");
    return all.flatMap((bits) => {
      const target = bits / fraction;
      return one(
        name!,
        `EVEX.${bits}.F3.0F38.W0 ${code} /r`,
        `=${letter(target)}mmm${target} ${letter(bits)}mm`,
        "mask z",
      );
    });
  });
}

/** Broadcasts of a memory operand or of an XMM register's lowest element. */
export function broadcast(
  name: string,
  code: string,
  w: string,
  element: number,
  lengths: readonly number[],
  how: { vex?: boolean; evex?: boolean; register?: boolean },
): Row[] {
  const rows: Row[] = [];
  for (const encoding of ["VEX", "EVEX"]) {
    if (encoding === "VEX" ? how.vex === false : how.evex === false) continue;
    for (const bits of lengths) {
      if (encoding === "VEX" && bits === 512) continue;
      const source = how.register === false ? `m${element}` : `xmmm${element}`;
      rows.push(
        ...one(
          name,
          `${encoding}.${bits}.66.0F38.${encoding === "VEX" ? "W0" : w} ${code} /r`,
          `=${letter(bits)}mm ${source}`,
          encoding === "EVEX" ? "mask z" : "",
        ),
      );
    }
  }
  return rows;
}

/** Conversions between elements of different size: `wide` names the larger side. */
export function conversion(
  name: string,
  pp: string,
  code: string,
  w: string,
  widens: boolean,
  element: 4 | 8,
  rounding: string,
  only?: "evex",
  map = "0F",
): Row[] {
  const rows: Row[] = [];
  for (const encoding of ["VEX", "EVEX"]) {
    if (encoding === "VEX" && only === "evex") continue;
    for (const bits of all) {
      if (encoding === "VEX" && bits === 512) continue;
      const half = bits / 2;
      const wide = `${letter(bits)}mm`;
      const narrow = `${letter(half)}mm`;
      const b = map === "0F" ? `b${element}` : "";
      const vexW = map === "0F" ? "WIG" : "W0";
      const short = widens ? "erodd" : "";
      const marks =
        encoding === "EVEX" ? `mask z ${b} ${rounding === "er" && bits !== 512 ? short : rounding}` : "";
      rows.push(
        ...one(
          name,
          `${encoding}.${bits}.${pp}.${map}.${encoding === "VEX" ? vexW : w} ${code} /r`,
          widens ? `=${wide} ${narrow}m${half}` : `=${narrow} ${wide}m${bits}`,
          `${marks}${widens ? "" : " sized"}`.replaceAll(/ +/g, " ").trim(),
        ),
      );
    }
  }
  return rows;
}

/** Halves and quarters put in and taken out. */
export function lane(
  insert: string,
  extract: string,
  insertCode: string,
  extractCode: string,
  w: string,
  size: number,
  how: "VEX" | "EVEX",
): Row[] {
  const lengths = how === "VEX" ? [256] : all.filter((bits) => bits > size);
  const part = `${letter(size)}mmm${size}`;
  return lengths.flatMap((bits) => {
    const r = `${letter(bits)}mm`;
    const mask = how === "EVEX" ? "mask z" : "";
    return [
      ...one(insert, `${how}.NDS.${bits}.66.0F3A.${w} ${insertCode} /r ib`, `=${r} ${r} ${part} imm8`, mask),
      ...one(
        extract,
        `${how}.${bits}.66.0F3A.${w} ${extractCode} /r ib`,
        `=${part} ${r} imm8`,
        how === "EVEX" ? `${mask} zodd` : mask,
      ),
    ];
  });
}

const fused: readonly [string, number][] = [
  ["vfmaddsub", 0x96],
  ["vfmsubadd", 0x97],
  ["vfmadd", 0x98],
  ["vfmsub", 0x9a],
  ["vfnmadd", 0x9c],
  ["vfnmsub", 0x9e],
];

export const fma = (): Row[] =>
  fused.flatMap(([name, code]) =>
    (["132", "213", "231"] as const).flatMap((order, i) => {
      const opcode = hex(code + i * 0x10);
      const common: Scheme = { pp: "66", map: "0F38", rounding: "er", access: "+" };
      const packed = [
        ...vector({ ...common, w: "W0", broadcast: 4 }, `${name}${order}ps:${opcode}`),
        ...vector({ ...common, w: "W1", broadcast: 8 }, `${name}${order}pd:${opcode}`),
      ];
      if (code < 0x98) return packed;
      const scalar = hex(code + i * 0x10 + 1);
      return [
        ...packed,
        ...vector({ ...common, w: "W0", scalar: 32 }, `${name}${order}ss:${scalar}`),
        ...vector({ ...common, w: "W1", scalar: 64 }, `${name}${order}sd:${scalar}`),
      ];
    }),
  );

export const maskOperations = (list: string): Row[] =>
  list.split(" ").flatMap((entry) => {
    const [name, code] = entry.split(":");
    return [
      ...one(`${name}w`, `VEX.NDS.256.NP.0F.W0 ${code} /r`, "=k k k"),
      ...one(`${name}b`, `VEX.NDS.256.66.0F.W0 ${code} /r`, "=k k k"),
      ...one(`${name}q`, `VEX.NDS.256.NP.0F.W1 ${code} /r`, "=k k k"),
      ...one(`${name}d`, `VEX.NDS.256.66.0F.W1 ${code} /r`, "=k k k"),
    ];
  });

export const maskUnary = (name: string, code: string, access: string, flags = ""): Row[] => [
  ...one(`${name}w`, `VEX.128.NP.0F.W0 ${code} /r`, `${access}k k`, "", flags),
  ...one(`${name}b`, `VEX.128.66.0F.W0 ${code} /r`, `${access}k k`, "", flags),
  ...one(`${name}q`, `VEX.128.NP.0F.W1 ${code} /r`, `${access}k k`, "", flags),
  ...one(`${name}d`, `VEX.128.66.0F.W1 ${code} /r`, `${access}k k`, "", flags),
];

export const kmov = (suffix: string, pp: string, w: string, bits: number, general: string): Row[] => [
  ...one(`kmov${suffix}`, `VEX.128.${pp}.0F.${w} 90 /r`, `=k km${bits}`),
  ...one(`kmov${suffix}`, `VEX.128.${pp}.0F.${w} 91 /r`, `=m${bits} k`),
  ...(general === ""
    ? []
    : [
        ...one(
          `kmov${suffix}`,
          `VEX.128.${general}.0F.W0 92 /r`,
          "=k r32",
          general === "F2" ? "w64 bare" : "bare",
        ),
        ...one(
          `kmov${suffix}`,
          `VEX.128.${general}.0F.W0 93 /r`,
          "=r32 k",
          general === "F2" ? "w64 bare" : "bare",
        ),
      ]),
  ...(suffix !== "q"
    ? []
    : [
        ...one("kmovq", "VEX.128.F2.0F.W1 92 /r", "=k r64", "long bare"),
        ...one("kmovq", "VEX.128.F2.0F.W1 93 /r", "=r64 k", "long bare"),
      ]),
];

export const ordered = "w:zpc z:osa";

/** Odd codes have indexes of 64 bits, W1 elements of 64 bits: one of the two registers may be half as long. */
export function gather(name: string, code: string, w: string, how: "gather" | "scatter"): Row[] {
  const wideIndex = (Number.parseInt(code, 16) & 1) === 1;
  const element = w === "W1" ? 64 : 32;
  const rows: Row[] = [];
  for (const encoding of how === "gather" ? ["VEX", "EVEX"] : ["EVEX"]) {
    for (const bits of all) {
      if (encoding === "VEX" && bits === 512) continue;
      // `bits` is the longer of the two.
      const index = wideIndex || element === 32 ? bits : Math.max(bits / 2, 128);
      const data = wideIndex && element === 32 ? Math.max(bits / 2, 128) : bits;
      const memory = `vm${element}${letter(index)}`;
      const register = `${letter(data)}mm`;
      const nds = encoding === "VEX" ? ".NDS" : "";
      const operands =
        how === "scatter"
          ? `=${memory} ${register}`
          : encoding === "VEX"
            ? `+${register} ${memory} +${register}`
            : `+${register} ${memory}`;
      rows.push(
        ...one(
          name,
          `${encoding}${nds}.${bits}.66.0F38.${w} ${code} /r`,
          operands,
          encoding === "EVEX" ? "mask masked" : "",
        ),
      );
    }
  }
  return rows;
}
