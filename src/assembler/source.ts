/** Where source text and included files come from. */

/**
 * The seam to whatever holds files. Paths are as the source names them, joined to the directory of the including
 * file or of an include directory; both \ and / separate, and a Files may treat them alike.
 */
export interface Files {
  /** The file's bytes, or undefined when there is none. */
  read(path: string): Uint8Array | SourceText | undefined;
}

/** A text that carries its own line numbers, as a corrected file does. */
export interface SourceText {
  readonly bytes: Uint8Array;
  /** The number to report for each line, from 1; without it lines count from 1. */
  readonly lines?: Int32Array;
}

/** Files from memory, for tests and browsers. Names compare exactly, with \ read as /. */
export function memoryFiles(files: Readonly<Record<string, string | Uint8Array>>): Files {
  const utf8 = new TextEncoder();
  const byPath = new Map<string, Uint8Array>();
  for (const [name, content] of Object.entries(files)) {
    byPath.set(name.replaceAll("\\", "/"), typeof content === "string" ? utf8.encode(content) : content);
  }
  return { read: (path) => byPath.get(path.replaceAll("\\", "/")) };
}
