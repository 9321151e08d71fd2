/**
 * jit: hot guest code becomes WebAssembly. Steps, with a printable thing between each two:
 *
 *     discover.ts    hot address → operations that can be reached from it          (cpu/operation.ts, flow.ts)
 *     lift.ts        operations → blocks of values; lower-*.ts have the instructions (ir.ts)
 *     structure.ts   loops, joints, what needs the dispatcher, the ways to entries
 *     liveness.ts    which slots matter where
 *     numbers.ts     which vectors are known to hold ordinary numbers, where
 *     emit*.ts       → a function                                                    (../wasm)
 *     compile.ts     all of these after the first, as a function of a task
 *     link.ts        functions → bytes of a module
 *     modules.ts     the modules of a machine, and the table between them
 *     foresight.ts   loops → how long the program will go on
 *     early.ts       when these are looked at, while nothing is compiled
 *     cache.ts       the engine: when to compile, when to enter, when to forget
 *
 * To add a family of instructions: write a function `(l: Lowering, op: Operation) => boolean` in a file of its own and
 * put it into `lower` in lift.ts (what there is: integer, shift and string for the usual ones of the general registers;
 * general with narrow, bits, status and scan for the others; x87; sse with convert for numbers; packed for MMX and
 * integers in XMM registers). What is compiled and what is left lists test/engines/golden/forms.txt. It lowers all of an operation and answers true, or does nothing and answers
 * false; then the operation is executed through its executor, with all slots stored before and loaded after, which is
 * always right and costs some 30 ns. Rules: checks (`b.check`, `b.leave`) come before the first `b.set` or
 * `b.store` of the instruction, since they leave the region before it; guest memory is accessed at RAM_BASE + address
 * and only behind a check; a slot is `b.get` and `b.set`; what is in no slot (x87, MXCSR, EFLAGS without the
 * arithmetic flags) is loaded from and stored to the state page, at constant addresses. xmm0 … xmm7 are slots of type
 * v128 (SLOT.XMM + n). A new instruction of WebAssembly is a line in ../wasm/opcodes.ts. Functions that are called out to
 * are listed in calls.ts and called with `b.call`. What works on numbers only where nothing special happens says so
 * with `b.admit`; what the x87 computes is written once (`patterns.ts`). What is assumed of the state as it was while
 * compiling (guesses.ts) is looked at where it is relied on.
 *
 * A block is more than what stands between two jumps: a short loop becomes several rounds of it, and a callee that was
 * copied goes on in its caller's block (lift.ts), so that checks are made together and what is stored need not be
 * loaded again. Other ways part from its middle (`b.part`, `b.astray`). What each such thing is worth tells
 * `npm run bench ablation`; optimisations.ts lists them.
 */
export { type CompilerOptions, CompilingEngine } from "./cache.ts";
