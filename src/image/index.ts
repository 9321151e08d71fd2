/**
 * image: what the assembler makes and the machine loads. Plain records; symbols and lines travel beside the bytes.
 * Read first: KolibriOS sysfuncs, "Structure of executable files".
 */
export { type Container, readContainer, type Section } from "./container.ts";
export { HEADER_SIZE, type Header, hasHeader, readHeader, writeHeader } from "./header.ts";
export { type Image, imageFrom, type RawOptions, rawImage } from "./image.ts";
export { type LineEntry, LineMap, type Place } from "./lines.ts";
export { type SymbolEntry, Symbols } from "./symbols.ts";
