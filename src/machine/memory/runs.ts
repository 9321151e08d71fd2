/** Runs of pages that have something in common, of a table with a byte of facts for each page. */

/** The first page and the length of the longest run of pages with all of `facts`. */
export function longestRun(table: Uint8Array, end: number, facts: number): [first: number, pages: number] {
  let best = 0;
  let most = 0;
  for (let first = 0; first < end; first++) {
    const pages = runFrom(table, first, end, facts);
    if (pages > most) {
      best = first;
      most = pages;
    }
    first += pages;
  }
  return [best, most];
}

/** Pages of the run that begins at a page. It is asked before the host has compiled it, and often: four at a time. */
export function runFrom(table: Uint8Array, first: number, end: number, facts: number): number {
  let page = first;
  if (page >= end || (table[page]! & facts) !== facts) return 0;
  const words = new Int32Array(table.buffer, table.byteOffset, end >> 2);
  const four = Math.imul(facts, 0x0101_0101);
  while (page < end && (table[page]! & facts) === facts) {
    page++;
    if ((page & 3) === 0) while (page >> 2 < words.length && (words[page >> 2]! & four) === four) page += 4;
  }
  return page - first;
}
