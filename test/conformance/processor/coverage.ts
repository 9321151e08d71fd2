/** How much of the table of instruction forms a proof has exercised. */
import { type Form, forms } from "../../../src/isa/index.ts";
import { isInSomeModel } from "../../../src/machine/cpu/model.ts";
import type { Answer } from "./case.ts";
import { asked, askedVector, notAsked } from "./generate.ts";
import { askedX87 } from "./x87.ts";

/** The forms that each group asks about one by one. */
export const formsOfGroup: Readonly<Record<string, readonly Form[]>> = {
  integer: asked,
  vector: askedVector,
  x87: askedX87,
};

/** Forms that this machine executes in 32-bit user mode, to an end or to a fault of their own. */
const executable: readonly Form[] = forms().filter(
  (form) => form.encoding === "legacy" && !form.encodeOnly && form.level !== "long" && isInSomeModel(form),
);

const BREAKPOINT = 3;

/** What was seen of each form. */
export class Coverage {
  readonly #asked = new Map<Form, number>();
  readonly #completed = new Set<Form>();

  /** Of a group that goes form by form: one case of it. Every case ends in int3, if nothing else stops it. */
  add(form: Form, answer: Answer): void {
    this.#asked.set(form, (this.#asked.get(form) ?? 0) + 1);
    if (answer.vector === BREAKPOINT) this.#completed.add(form);
  }

  /** Lines for people. `groups` are those that were run. */
  report(groups: readonly string[]): string[] {
    const lines: string[] = [];
    let exercised = 0;
    let all = 0;
    for (const group of groups) {
      const of = formsOfGroup[group];
      if (!of) continue;
      const missing = of.filter((form) => !this.#asked.has(form));
      const never = of.filter((form) => this.#asked.has(form) && !this.#completed.has(form));
      const ring0 = never.filter(({ privileged, iopl }) => privileged || iopl);
      const others = never.filter((form) => !ring0.includes(form));
      all += of.length;
      exercised += of.length - missing.length;
      lines.push(
        `${group}: ${of.length - missing.length} of ${of.length} forms exercised, ` +
          `${of.length - missing.length - never.length} of them to their end; always faulting: ${ring0.length} of ring 0` +
          (others.length > 0 ? `, ${names(others)}` : ""),
      );
      if (missing.length > 0) lines.push(`  not exercised: ${names(missing)}`);
    }
    const rest = executable.filter((form) => !Object.values(formsOfGroup).some((of) => of.includes(form)));
    lines.push(
      `table: ${forms().length} forms, ${executable.length} of which run in 32-bit user mode here; ` +
        `${all} belong to these groups, ${exercised} were exercised`,
    );
    const reasons = new Map<string, Form[]>();
    for (const form of rest) {
      const why = notAsked(form) ?? "an undefined opcode in ring 3";
      reasons.set(why, [...(reasons.get(why) ?? []), form]);
    }
    for (const [why, of] of reasons) lines.push(`  not asked of the host (${why}): ${names(of)}`);
    return lines;
  }
}

const names = (list: readonly Form[]): string => [...new Set(list.map(({ name }) => name))].join(" ");
