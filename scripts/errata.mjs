/**
 * Writes asm/guide/ERRATA.md, the list for readers, from asm/guide/corrections.json:
 *
 *   node scripts/errata.mjs [FILE]
 */
import { readFileSync, writeFileSync } from "node:fs";

const guide = new URL("../asm/guide/", import.meta.url);
const corrections = JSON.parse(readFileSync(new URL("corrections.json", guide), "utf8"));
const routines = [...new Set(corrections.map(({ routine }) => routine))];

const text = `# The errors of the guide's listings

${corrections.length} places where the printed code does not do what it is meant to, with the smallest correction of
each. They are applied while the listings are read, each by its name; the files themselves stay as they are printed.
For every one a test shows what goes wrong without it (\`test/guide/corrected.test.ts\`). Lines that begin with \`-\`
are printed, lines that begin with \`+\` stand in their place.

${routines.map(ofRoutine).join("\n")}`;

writeFileSync(process.argv[2] ?? new URL("ERRATA.md", guide), text);

function ofRoutine(routine) {
  const own = corrections.filter((correction) => correction.routine === routine);
  return `## ${routine}\n\n${own.map(section).join("\n")}`;
}

function section({ id, title, why, edits }) {
  const file = edits[0].file.split("/").at(-1);
  const changes = edits.flatMap(({ line, was, becomes }, i) => [
    ...(i > 0 && line !== edits[i - 1].line + 1 ? [""] : []),
    `${String(line).padStart(4)} - ${was}`,
    ...becomes.map((each) => `     + ${each}`),
  ]);
  return `**${title}** (\`${id}\`, \`${file}\`)\n\n${why}\n\n\`\`\`text\n${changes.map((each) => each.trimEnd()).join("\n")}\n\`\`\`\n`;
}
