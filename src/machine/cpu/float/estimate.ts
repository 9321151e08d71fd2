/**
 * The estimates of rcpps and rsqrtps, bit for bit as AMD's Zen 4 (family 19h, model 11h) makes them, measured on one.
 *
 * Twelve bits of the fraction decide about twelve bits of the result. The processor adds the entries of two small
 * tables (a bipartite table: Das Sarma and Matula, 1995): one goes by the upper eight bits, the other by the upper
 * four and the lower four. The manual allows any relative error up to 1.5 × 2^-12 (SDM vol. 2B, RCPPS).
 */
import { i32 } from "./lanes.ts";

const digit = (text: string, at: number): number => Number.parseInt(text[at]!, 36);

/**
 * The results' fractions for all 4096 arguments. `first`: of argument 0. `steps`: what each sixteenth argument has
 * less than the one before. `slopes`: what an argument has less than the sixteenth before it, one row of sixteen for
 * each 256 arguments. One digit of base 36 each.
 */
function tableOf(first: number, steps: string, slopes: string): Uint16Array {
  const table = new Uint16Array(4096);
  let value = first;
  for (let i = 0; i < 4096; i++) {
    if ((i & 15) === 0) value -= digit(steps, i >> 4);
    table[i] = value - digit(slopes, ((i >> 8) << 4) | (i & 15));
  }
  return table;
}

/** Made when first asked for: few programs estimate anything. */
function later(make: () => Uint16Array): () => Uint16Array {
  let made: Uint16Array | undefined;
  return () => (made ??= make());
}

export const reciprocals = later(() =>
  tableOf(
    0xffe,
    "0wvwuvvuuuutttttussrsrrrrrqqqqqprpppopoooononnnnomnmmmmmlmlllllkmkkkkkkjkjkjjjjijijiiiiiihihihhh" +
      "ihghhgghgggggfgggfgfffffffefefefeefedeeedeeddeddedddcdddcdcdccdccccccccbccbcbcbbcbbbbbbbbbbababb" +
      "baabaaaabaaa9aaaa9aa9a9a9a999a99a9999989999899898989889888988888",
    "023579bdfhikmoqs013568abdfgiklnp0134578abdeghjkm01245689acdeghik012346789bcdefhi012456789abcefgh" +
      "0123456789abcdef01234556789abcde012234567889abcd0112345567899abc0122344567789aab011233455677899a" +
      "0012233455677889001223345566788900112233455667780011223445566778",
  ),
);
export const oddRoots = later(() =>
  tableOf(
    0xfff,
    "0ggfggffgffffffeffefeeeeeeeeededededddddddcddcdcdcdcccccccbccbcbdbbcbbbbbbbbbbabbabababaaabaaaaa" +
      "aaaaa9aa9a9a9a99a99a9999999998998998989898988988988888888888878888788787878787787777877777777777" +
      "8776777767767767676767676676676676666667666666666666656666566656",
    "01234567789abcde01233456789aabcd012234566789abbc0122344567789aab001223455677899a011233455667889a" +
      "001223344566788900112234455667880112233445566778001122334455667700112233344556670112223344556667" +
      "0011122333445566001122233444555600111223334455560001112233344455",
  ),
);
export const evenRoots = later(() =>
  tableOf(
    0x6a0,
    "0bbcbabbbbabbababaabaaaaa9aaa9a9aa99a99999999999989989898898898888888888887887878787877877787777" +
      "777777776777677676767676676676667666666666666665666566656566565655656556556555565555555555555555" +
      "6455555455545545545455454545454454544544544454445444444544444444",
    "011233455677899a00122334556778990012233445667788001223344556677800112233445566770111223344556667" +
      "001122233445556600112223344455660001122233344555001112223334445500111222333444550111222333444455" +
      "0001112222333444000111222233344400111122223333440011112222333344",
  ),
);

const SIGN = -0x8000_0000;
const INFINITE = 0x7f80_0000;
const INDEFINITE = 0xffc0_0000 | 0;

/** The exponent of all results of the tables, for arguments from 1 on. */
const BELOW_ONE = 126;

/** 1 / x for the single in lane `from`. Denormals are zero, arguments and results; nothing is raised. */
export function reciprocal(from: number, to: number): void {
  const bits = i32[from]!;
  const size = bits & ~SIGN;
  const exponent = size >> 23;
  if (size > INFINITE) i32[to] = bits | 0x40_0000;
  else if (exponent === 0) i32[to] = (bits & SIGN) | INFINITE;
  else {
    const result = BELOW_ONE - (exponent - 127);
    i32[to] =
      (bits & SIGN) |
      (result > 0 && size !== INFINITE ? (result << 23) | (reciprocals()[(bits >> 11) & 0xfff]! << 11) : 0);
  }
}

/** 1 / √x likewise. */
export function reciprocalRoot(from: number, to: number): void {
  const bits = i32[from]!;
  const size = bits & ~SIGN;
  const exponent = size >> 23;
  if (size > INFINITE) i32[to] = bits | 0x40_0000;
  else if (exponent === 0) i32[to] = (bits & SIGN) | INFINITE;
  else if (bits < 0) i32[to] = INDEFINITE;
  else if (size === INFINITE) i32[to] = 0;
  else {
    const odd = exponent & 1;
    const result = BELOW_ONE - ((exponent - (odd ? 127 : 128)) >> 1);
    i32[to] = (result << 23) | ((odd ? oddRoots() : evenRoots())[(bits >> 11) & 0xfff]! << 11);
  }
}
