import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import {
  LabError,
  type Problem,
  type Scalar,
  type Spot,
  type Written,
  type WrittenEntry,
} from "../../lab/index.ts";

/**
 * Reads YAML 1.2 (so JSON, too) as a tree that knows its places. Throws a LabError with all that is no YAML.
 */
export function parseLab(text: string): Written {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, merge: true });
  const spotAt = (offset: number): Spot => {
    const { line, col } = counter.linePos(offset);
    return { line, column: col };
  };
  const problems: Problem[] = document.errors.map(({ pos: [offset], message }) => ({
    spot: spotAt(offset),
    path: "",
    text: message,
  }));
  if (problems.length > 0) throw new LabError(problems);

  const spotOf = (node: Node | null | undefined): { spot?: Spot } =>
    node?.range ? { spot: spotAt(node.range[0]) } : {};
  const tree = (node: Node | null | undefined): Written => {
    if (isAlias(node)) return tree(node.resolve(document));
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
