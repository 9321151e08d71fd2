import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  parseDocument,
} from "yaml";
import {
  LabError,
  type Problem,
  type Scalar,
  type Spot,
  type Written,
  type WrittenEntry,
} from "../../lab/index.ts";

/** Aliases of aliases of lists can make any size of a short text. */
const MOST_PIECES = 100_000;

/** What is read by recursion must not exhaust the stack; a laboratory's description is some ten levels deep. */
const DEEPEST = 100;
/** After the first mistakes of a text the others are what followed from them. */
const MOST_MISTAKES = 5;

/** Throws at the piece that is nested too deeply, before anything is built of it. */
function checkDepth(text: string, spotAt: (offset: number) => Spot): void {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    const { offset } = parser;
    for (const _token of parser.next(lexeme)); // the tokens are of no use here
    if (parser.stack.length > DEEPEST)
      throw new LabError([
        { spot: spotAt(offset), path: "", text: `this is nested more than ${DEEPEST} levels deep` },
      ]);
  }
}

/**
 * Reads YAML 1.2 (so JSON, too) as a tree that knows its places. Throws a LabError with all that is no YAML.
 */
export function parseLab(text: string): Written {
  const counter = new LineCounter();
  const spotAt = (offset: number): Spot => {
    const { line, col } = counter.linePos(offset);
    return { line, column: col };
  };
  for (let at = 0; at >= 0; at = text.indexOf("\n", at) + 1 || -1) counter.addNewLine(at);
  checkDepth(text, spotAt);
  const document = parseDocument(text, { prettyErrors: false, merge: true });
  const problems: Problem[] = document.errors.slice(0, MOST_MISTAKES).map(({ pos: [offset], message }) => ({
    spot: spotAt(offset),
    path: "",
    text: message,
  }));
  if (problems.length > 0) throw new LabError(problems);
  if (document.contents === null)
    throw new LabError([
      { spot: spotAt(0), path: "", text: "there is nothing in it: machines, at least, are needed" },
    ]);

  const spotOf = (node: Node | null | undefined): { spot?: Spot } =>
    node?.range ? { spot: spotAt(node.range[0]) } : {};
  const refuse = (node: Node, text: string): never => {
    throw new LabError([{ spot: spotOf(node).spot, path: "", text }]);
  };
  /** Anchors whose aliases are being read: one within itself would never end. */
  const open = new Set<Node>();
  let pieces = 0;
  const tree = (node: Node | null | undefined): Written => {
    if (++pieces > MOST_PIECES && node)
      return refuse(node, `with its aliases the file has more than ${MOST_PIECES} pieces`);
    if (isAlias(node)) {
      const meant = node.resolve(document);
      if (meant === undefined) return refuse(node, `there is no anchor &${node.source}`);
      if (open.has(meant)) return refuse(node, `*${node.source} stands within what it stands for`);
      open.add(meant);
      const resolved = tree(meant);
      open.delete(meant);
      return resolved;
    }
    if (isMap(node)) return { kind: "map", entries: node.items.flatMap(entries), ...spotOf(node) };
    if (isSeq(node))
      return { kind: "list", items: node.items.map((item) => tree(item as Node)), ...spotOf(node) };
    const value = isScalar(node) ? (node.value as Scalar | bigint) : null;
    return { kind: "scalar", value: typeof value === "bigint" ? Number(value) : value, ...spotOf(node) };
  };
  const entries = ({ key, value }: Pair): WrittenEntry[] => {
    const name = isScalar(key) ? String(key.value) : "";
    if (name === "<<") {
      const merged = tree(value as Node);
      return merged.kind === "map" ? [...merged.entries] : [];
    }
    return [{ key: name, value: tree(value as Node), ...spotOf(key as Node) }];
  };
  return tree(document.contents);
}
