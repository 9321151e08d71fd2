/** What the compiler does that it could leave, for the bench that tells what each is worth. */
export const OPTIMISATIONS = {
  liveness: "flags and registers that nobody reads are not computed",
  loops: "loops are recovered: without, all ways back go through the dispatcher",
  heads: "regions are entered at the heads of their loops: without, only where one began and behind calls",
  unrolling: "several rounds of a short loop are put one after another",
  inlining: "callees are copied into the region of their callers",
  joining: "a block goes on in a callee that was copied, and behind the call",
  chaining: "one region goes on in another without the engine",
  ranges: "one comparison tells that an address can be accessed: without, the facts of its page",
  checks: "places on the same base are checked together",
  constants: "places at constant addresses are checked when they are compiled",
  memory: "what has been stored or loaded in a block is not loaded again",
  bulk: "string instructions with REP move blocks",
  sse: "SSE is done in place: without, by the executors",
  numbers: "numbers are looked at by their exponents, together and before loops",
  x87: "the x87 is compiled: without, by the executors",
  guesses: "which register of the x87 is the top is guessed, and that PE stays set",
  values: "numbers of the x87 stay values: without, functions work on the registers in memory",
} as const;

export type Optimisation = keyof typeof OPTIMISATIONS;
