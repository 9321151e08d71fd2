/** What two assemblers made of one source, held against each other. */

/** What one of them answered: the files it made, what it said against the source, or nothing in the time it had. */
export type Answer =
  | { readonly kind: "made"; readonly passes: number; readonly files: ReadonlyMap<string, Uint8Array> }
  | { readonly kind: "refused"; readonly text: string }
  | { readonly kind: "silent"; readonly why: string };

/** From the best to the worst; `fasm varies` where all that differs fasm makes otherwise each time; `silent` when it gave no answer. */
export const verdicts = [
  "identical",
  "fasm varies",
  "refused alike",
  "refused otherwise",
  "different",
  "refused by us",
  "taken by us",
  "too slow",
  "silent",
] as const;
export type Verdict = (typeof verdicts)[number];

/** Those that say that we do as fasm does, or that there is nothing to compare with. */
export const good: ReadonlySet<Verdict> = new Set<Verdict>([
  "identical",
  "fasm varies",
  "refused alike",
  "silent",
]);

export interface Judged {
  readonly verdict: Verdict;
  /** What there is to say beside it; empty when all is well. */
  readonly detail: string;
  /** Of what was refused alike: every line of it is the same, not only message, file and line. */
  readonly toTheLetter: boolean;
  /** Both made something, in the same number of passes. */
  readonly samePasses: boolean;
}

/** The message of an error and where it stands. */
export interface Complaint {
  readonly message: string;
  readonly place: string;
}

/** Reads what fasm prints on an error: places from the outermost to the innermost, each followed by its line. */
export function complaintOf(text: string): Complaint {
  let place = "";
  let message = "";
  for (const line of text.split(/\r?\n/)) {
    // With the macro's name and the line in it, where it is in one.
    const at = /^(.+ \[\d+\](?: .*)?):$/.exec(line);
    if (at) place = at[1]!;
    const said = /^error: (.*?)\.?$/.exec(line);
    if (said) message = said[1]!;
  }
  return { message: message || text.trim().split("\n").pop()!, place };
}

export const showComplaint = ({ message, place }: Complaint): string =>
  place === "" ? message : `${place} ${message}`;

export function judge(fasm: Answer, ours: Answer): Judged {
  const judged = (verdict: Verdict, detail = "", more: Partial<Judged> = {}): Judged => ({
    verdict,
    detail,
    toTheLetter: false,
    samePasses: false,
    ...more,
  });
  if (fasm.kind === "silent") return judged("silent", `fasm: ${fasm.why}`);
  if (ours.kind === "silent") return judged("too slow", ours.why);
  if (fasm.kind === "refused") {
    const theirs = complaintOf(fasm.text);
    if (ours.kind === "made") return judged("taken by us", `fasm: ${showComplaint(theirs)}`);
    const complaint = complaintOf(ours.text);
    if (complaint.message === theirs.message && complaint.place === theirs.place) {
      return judged("refused alike", "", { toTheLetter: plain(ours.text) === plain(fasm.text) });
    }
    const detail = `fasm: ${showComplaint(theirs)} · ours: ${showComplaint(complaint)}`;
    return judged("refused otherwise", detail);
  }
  if (ours.kind === "refused") return judged("refused by us", showComplaint(complaintOf(ours.text)));
  const difference = differenceOf(fasm.files, ours.files);
  const samePasses = fasm.passes === ours.passes;
  if (difference !== "") return judged("different", difference, { samePasses });
  return judged("identical", samePasses ? "" : `${ours.passes} passes, fasm ${fasm.passes}`, { samePasses });
}

/**
 * The same with what fasm has answered a second time: where a program has no sections, and in some others, it writes
 * places of its own memory, others each time it is asked. Words in which its answers differ say nothing against ours.
 */
export function judgeAgain(first: Answer, second: Answer, ours: Answer): Judged {
  const judged = judge(first, ours);
  const made = first.kind === "made" && second.kind === "made" && ours.kind === "made";
  if (judged.verdict !== "different" || !made) return judged;
  const varies = [...first.files].every(([name, bytes]) => {
    const others = [second.files.get(name), ours.files.get(name)];
    if (others.some((other) => other?.length !== bytes.length)) return false;
    const [again, own] = others as [Uint8Array, Uint8Array];
    return bytes.every((byte, at) => byte === own[at] || !isSameWord(bytes, again, at));
  });
  return varies && first.files.size === ours.files.size ? { ...judged, verdict: "fasm varies" } : judged;
}

/** Whether the four bytes that an offset lies in are alike. */
function isSameWord(one: Uint8Array, other: Uint8Array, offset: number): boolean {
  const start = offset & ~3;
  for (let at = start; at < start + 4; at++) if (one[at] !== other[at]) return false;
  return true;
}

const plain = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
    .trim();

/** Where the files of two answers differ first, in words; empty where they do not. */
function differenceOf(
  expected: ReadonlyMap<string, Uint8Array>,
  found: ReadonlyMap<string, Uint8Array>,
): string {
  for (const [name, bytes] of expected) {
    const other = found.get(name);
    const of = name === "" ? "" : ` of .${name}`;
    if (!other) return `no file .${name}`;
    const length = Math.min(bytes.length, other.length);
    let at = 0;
    while (at < length && bytes[at] === other[at]) at++;
    if (at < length || bytes.length !== other.length) {
      const sizes =
        bytes.length === other.length
          ? `${bytes.length} bytes`
          : `${other.length} bytes, fasm ${bytes.length}`;
      return `from offset 0x${at.toString(16)}${of} (${sizes})`;
    }
  }
  for (const name of found.keys()) if (!expected.has(name)) return `a file .${name} that fasm does not make`;
  return "";
}
