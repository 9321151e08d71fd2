/**
 * Preprocessed lines to items: the flat program that every pass goes through. Words get their meaning here, names become
 * labels, expressions are turned to postfix order, and conditions that need no values (`eq`, `eqtype`, `in`) are decided,
 * with the branches they exclude left out (PARSER.INC).
 */
import { E_LABEL, E_PREDEFINED, E_REGISTER, E_RESERVED } from "./expression/expressions.ts";
import { ExpressionReader } from "./expression/parse.ts";
import { Preevaluator, UNKNOWN } from "./expression/preevaluate.ts";
import { refuse } from "./messages.ts";
import { LabelNames, NOWHERE, RESERVED, type Surroundings } from "./names.ts";
import type { Preprocessor } from "./preprocess/preprocess.ts";
import { labelItem, NO_LABEL, PREDEFINED_LABEL, Program } from "./program.ts";
import { ProgramRest, type SameProgram } from "./program-rest.ts";
import { EVERY_LINES, type OnProgress } from "./progress.ts";
import { END, isName, isSpent, isString, textOf } from "./tokens.ts";
import {
  D_ASSERT,
  D_DATA,
  D_ELSE,
  D_END,
  D_EXTRN,
  D_FORMAT,
  D_IF,
  D_LABEL,
  D_LOAD,
  D_PUBLIC,
  D_REPEAT,
  D_SECTION,
  D_SEGMENT,
  D_TIMES,
  D_WHILE,
  FIRST_MNEMONIC,
  I_CONSTANT,
  I_DECORATOR,
  I_END,
  I_EXPRESSION,
  I_FORMAT,
  I_INSTRUCTION,
  I_LABEL,
  I_LINE,
  I_PUBLIC_MODE,
  I_REGISTER,
  I_SPACE,
  mnemonicOf,
  O_ALIGN,
  O_AS,
  O_AT,
  O_CLOSE,
  O_DUP,
  O_FROM,
  O_IN,
  O_MISPLACED,
  O_NOT_EQUAL,
  O_NOT_GREATER,
  O_NOT_LESS,
  O_OPEN,
  O_PTR,
  O_RELATIVETO,
  O_USED,
  type Word,
  type Words,
} from "./words.ts";

export interface Block {
  readonly line: number;
  readonly directive: number;
  flags: number;
}

/** Flags of an `if`: a branch has been left out; `else` seen; the branch in force is certain; … and comes by `else`;
 * the `if` is in the program. */
const SKIPPING = 1;
const ELSE_SEEN = 2;
const CERTAIN = 4;
const CERTAIN_ELSE = 8;
const KEPT = 16;

/** What the parser knows between two lines. */
export interface ParserCheckpoint {
  /** The next line. */
  readonly line: number;
  readonly items: number;
  readonly labels: number;
  readonly surroundings: Surroundings;
  readonly blocks: readonly Block[];
}

const BEGINNING: ParserCheckpoint = { line: 0, items: 0, labels: 0, surroundings: NOWHERE, blocks: [] };

export class Parser {
  readonly #checkpoints: ParserCheckpoint[] = [];
  /** All has been parsed. */
  #isComplete = false;
  /** Places behind the change, as the last parsing came by them; what it left of lines that the preprocessor has put back. */
  #behind: ParserCheckpoint[] = [];
  #rest: ProgramRest | undefined;
  /** When the last parsing has made the same program as the one before. */
  same: SameProgram | undefined;
  readonly program: Program;
  readonly #p: Preprocessor;
  readonly #words: Words;
  /** The text of the name `?`. */
  readonly #question: number;
  readonly #reader: ExpressionReader;
  readonly #preevaluator: Preevaluator;
  readonly #names: LabelNames;
  readonly #blocks: Block[] = [];
  #tokens: Int32Array = new Int32Array(0);
  #at = 0;
  #line = 0;
  #formatWords = false;
  #decorators = 0;
  /** Where an opening parenthesis stood that may yet turn out to be an expression's. */
  readonly #parentheses: { at: number; length: number }[] = [];

  readonly #onProgress: OnProgress | undefined;

  constructor(p: Preprocessor, onProgress?: OnProgress) {
    this.#p = p;
    this.#onProgress = onProgress;
    this.#words = p.reserved;
    this.#question = p.texts.number("?");
    this.program = new Program(p.numbers);
    this.#preevaluator = new Preevaluator(this.program);
    this.#names = new LabelNames(p.texts, this.program, p.maxMemory, (text) => this.#isReserved(text));
    this.#reader = new ExpressionReader(p.texts, p.reserved, this.program.expressions, (reader) =>
      this.#symbol(reader),
    );
  }

  run(): void {
    this.#run(0);
  }

  /** Lines behind the first `lines` are about to change. */
  forget(lines: number): void {
    const checkpoints = this.#checkpoints;
    const kept = checkpoints.findLastIndex(({ line }) => line <= lines) + 1;
    this.#behind = checkpoints.splice(kept);
  }

  /** Parses again, as far back as lines may have changed. */
  resume(): void {
    const checkpoint = this.#checkpoints.at(-1) ?? BEGINNING;
    const { program } = this;
    this.#rest = this.#isComplete ? this.#restBehind(checkpoint) : undefined;
    this.#names.forget(checkpoint.labels, checkpoint.surroundings);
    program.length = checkpoint.items;
    this.#blocks.length = 0;
    for (const block of checkpoint.blocks) this.#blocks.push({ ...block });
    this.#run(checkpoint.line);
  }

  #restBehind(begun: ParserCheckpoint): ProgramRest | undefined {
    const { rejoined, moved, lines } = this.#p;
    const first = lines.count - rejoined - moved;
    const from = this.#behind.findIndex(({ line }) => line >= first);
    if (rejoined === 0 || from < 0) return undefined;
    return new ProgramRest(this.program, begun, this.#behind.slice(from), moved);
  }

  /** Whether all from the present line on has been put back as it was. */
  #rejoins(): boolean {
    const rest = this.#rest;
    if (rest === undefined || this.#line !== rest.line) return false;
    this.#rest = undefined;
    if (!rest.fits(this.#here(), this.program)) return false;
    this.same = rest.sameProgram(this.program);
    this.#checkpoints.push(
      ...rest.putBack(this.program, this.#blocks, (names, lines, moved) =>
        this.#names.know(names, lines, moved),
      ),
    );
    return true;
  }

  #here(): ParserCheckpoint {
    return {
      line: this.#line,
      items: this.program.length,
      labels: this.program.labels.length,
      surroundings: { ...this.#names.surroundings },
      blocks: this.#blocks.map((block) => ({ ...block })),
    };
  }

  #run(from: number): void {
    const p = this.#p;
    this.#tokens = p.store.tokens;
    this.#isComplete = false;
    this.same = undefined;
    let next = 0;
    const { checkpoints } = p;
    for (this.#line = from; this.#line < p.lines.count; this.#line++) {
      if (this.#rejoins()) {
        this.#isComplete = true;
        return;
      }
      if (next < checkpoints.length && this.#line >= checkpoints[next]!.lines) {
        while (next < checkpoints.length && this.#line >= checkpoints[next]!.lines) next++;
        if (this.#line > from) this.#checkpoints.push(this.#here());
      }
      if ((this.#line & EVERY_LINES) === EVERY_LINES) this.#onProgress?.("parsing", this.#line + 1, 0);
      this.#parseStoredLine();
    }
    const open = this.#blocks.at(-1);
    if (open) {
      p.currentLine = open.line;
      refuse("missingEndDirective");
    }
    this.program.push(I_END, 0);
    this.#isComplete = true;
  }

  #parseStoredLine(): void {
    const p = this.#p;
    this.#at = p.lines.start(this.#line);
    const first = this.#tokens[this.#at]!;
    if (first === END || isSpent(first)) return;
    p.currentLine = this.#line;
    this.program.push(I_LINE, this.#line);
    this.#parseLine();
  }

  #parseLine(): void {
    const { program } = this;
    for (;;) {
      this.#formatWords = false;
      this.#decorators = 0;
      const tokens = this.#tokens;
      const token = tokens[this.#at]!;
      if (!isName(token)) {
        if (token === END) return;
        if (token === 0x3a) refuse("invalidName");
        this.#parseArguments();
        return;
      }
      const text = textOf(token);
      const next = tokens[this.#at + 1]!;
      if (next === 0x3a) {
        const label = this.#identifyLabel();
        if (tokens[this.#at + 1] === 0x3a) {
          program.push(I_SPACE, this.#labelValue(label, 0));
          this.#at += 2;
        } else {
          program.push(I_LABEL, this.#labelValue(label, 0));
          this.#at++;
        }
        continue;
      }
      if (next === 0x3d) {
        program.push(I_CONSTANT, this.#labelValue(this.#labelNumber(), 0));
        this.#at++;
        this.#parseContents(0);
        return;
      }
      const word = this.#words.find(text);
      if (word !== null && word.instruction !== 0) {
        this.#at++;
        this.#mainInstruction(word.instruction);
        return;
      }
      if (isName(next)) {
        const data = this.#words.find(textOf(next));
        if (data !== null && data.data !== 0) {
          program.push(I_LABEL, this.#labelValue(this.#identifyLabel(), data.dataSize));
          this.#at++;
          this.#mainInstruction(data.data);
          return;
        }
      }
      if (word !== null && word.data !== 0) {
        this.#at++;
        this.#mainInstruction(word.data);
        return;
      }
      this.#parseContents(0);
      return;
    }
  }

  #labelValue(label: number, size: number): number {
    if (label === RESERVED) return NO_LABEL;
    if (label < 0) return PREDEFINED_LABEL;
    return labelItem(label, size);
  }

  #mainInstruction(instruction: number): void {
    this.program.push(I_INSTRUCTION, instruction);
    switch (instruction) {
      case D_IF:
        this.#openBlock(instruction);
        this.#parseIf();
        return;
      case D_WHILE:
        this.#openBlock(instruction);
        this.#parseWhile();
        return;
      case D_REPEAT:
        this.#openBlock(instruction);
        this.#parseContents(instruction);
        return;
      case D_END:
        this.#parseEnd();
        return;
      case D_ELSE:
        this.#parseElse();
        return;
      case D_ASSERT:
        this.#parseAssert();
        return;
      default:
        this.#parseContents(instruction);
    }
  }

  #openBlock(directive: number): void {
    if (this.#blocks.length > 10000) refuse("stackOverflow");
    this.#blocks.push({ line: this.#line, directive, flags: 0 });
  }

  #parseEnd(): void {
    const token = this.#tokens[this.#at]!;
    const word = isName(token) ? this.#words.find(textOf(token)) : null;
    if (word === null || word.instruction === 0) {
      this.#parseContents(D_END);
      return;
    }
    this.#at++;
    this.program.push(I_INSTRUCTION, word.instruction);
    if (this.#tokens[this.#at] !== END) refuse("extraCharactersOnLine");
    if (!isBlock(word.instruction)) return;
    const block = this.#closeBlock(word.instruction);
    if (word.instruction === D_IF && block.flags & (CERTAIN | CERTAIN_ELSE) && !(block.flags & KEPT)) {
      this.program.length -= 2;
    }
  }

  #closeBlock(directive: number): Block {
    const block = this.#blocks.at(-1);
    if (!block || block.directive !== directive) refuse("unexpectedInstruction");
    this.#blocks.pop();
    return block;
  }

  /** Parses a condition and decides it if it can be; returns FALSE, TRUE or UNKNOWN with the condition in the program. */
  #condition(): number {
    const { program } = this;
    const start = program.length;
    this.#parseContents(0);
    return this.#preevaluator.run(start);
  }

  #parseIf(): void {
    const { program } = this;
    const start = program.length - 1;
    const value = this.#condition();
    const block = this.#blocks.at(-1)!;
    if (value === UNKNOWN) {
      block.flags |= KEPT;
      return;
    }
    program.length = start;
    if (value) {
      block.flags |= CERTAIN;
    } else {
      block.flags |= SKIPPING;
      this.#skip();
    }
  }

  #parseWhile(): void {
    const { program } = this;
    const start = program.length - 1;
    const value = this.#condition();
    if (value === UNKNOWN) return;
    program.length = start + 1;
    if (value) {
      program.push(0x31, 0);
      return;
    }
    program.length = start;
    this.#blocks.at(-1)!.flags |= SKIPPING;
    this.#skip();
  }

  #parseAssert(): void {
    const { program } = this;
    const start = program.length;
    const value = this.#condition();
    if (value === UNKNOWN) return;
    program.length = start;
    program.push(value ? 0x31 : 0x30, 0);
  }

  /** The `if` behind an `else`, or undefined when the line ends there. */
  #elseIf(): boolean {
    const token = this.#tokens[this.#at]!;
    if (token === END) return false;
    const word = isName(token) ? this.#words.find(textOf(token)) : null;
    if (word === null || word.instruction !== D_IF) refuse("extraCharactersOnLine");
    this.#at++;
    return true;
  }

  #parseElse(): void {
    const { program } = this;
    const block = this.#blocks.at(-1);
    if (!block || block.directive !== D_IF) refuse("unexpectedInstruction");
    if (this.#elseIf()) {
      if (block.flags & CERTAIN) {
        program.length--;
        block.flags |= SKIPPING;
        this.#skip();
        return;
      }
      program.push(I_INSTRUCTION, D_IF);
      this.#parseElseIf();
      return;
    }
    if (block.flags & ELSE_SEEN) refuse("unexpectedInstruction");
    block.flags |= ELSE_SEEN;
    if (block.flags & CERTAIN) {
      program.length--;
      block.flags |= SKIPPING;
      this.#skip();
    }
  }

  /** `else if` behind a kept `if`: when its condition is certain it is taken out of the program, the `else` stays. */
  #parseElseIf(): void {
    this.#parseIf();
  }

  /** Passes over lines that a decided condition excludes, looking only for what ends them. */
  #skip(): void {
    const p = this.#p;
    const depth = this.#blocks.length;
    for (;;) {
      this.#line++;
      if (this.#line >= p.lines.count) return;
      p.currentLine = this.#line;
      this.#at = p.lines.start(this.#line);
      let instruction = 0;
      for (;;) {
        const token = this.#tokens[this.#at]!;
        if (!isName(token)) break;
        if (this.#tokens[this.#at + 1] === 0x3a) {
          this.#at += 2;
          continue;
        }
        const word = this.#words.find(textOf(token));
        if (word !== null) instruction = word.instruction;
        this.#at++;
        break;
      }
      if (isBlock(instruction)) {
        this.#openBlock(instruction);
      } else if (instruction === D_END) {
        if (this.#skipEnd(depth)) return;
      } else if (instruction === D_ELSE) {
        if (this.#skipElse(depth)) return;
      }
    }
  }

  /** Whether skipping is over. */
  #skipEnd(_depth: number): boolean {
    const token = this.#tokens[this.#at]!;
    const word = isName(token) ? this.#words.find(textOf(token)) : null;
    if (word === null || word.instruction === 0) return false;
    this.#at++;
    if (this.#tokens[this.#at] !== END) refuse("extraCharactersOnLine");
    if (!isBlock(word.instruction)) return false;
    const block = this.#closeBlock(word.instruction);
    if (!(block.flags & SKIPPING)) return false;
    if (word.instruction === D_IF && block.flags & KEPT) {
      this.program.push(I_LINE, this.#line);
      this.program.push(I_INSTRUCTION, D_END);
      this.program.push(I_INSTRUCTION, D_IF);
    }
    return true;
  }

  #skipElse(_depth: number): boolean {
    const block = this.#blocks.at(-1);
    if (!block || block.directive !== D_IF) refuse("unexpectedInstruction");
    if (this.#elseIf()) {
      if (!(block.flags & SKIPPING) || block.flags & CERTAIN) return false;
      if (!(block.flags & KEPT)) {
        block.flags = 0;
        this.program.push(I_LINE, this.#line);
      }
      this.program.push(I_INSTRUCTION, D_IF);
      this.#parseIf();
      return true;
    }
    if (block.flags & ELSE_SEEN) refuse("unexpectedInstruction");
    block.flags |= ELSE_SEEN;
    if (!(block.flags & SKIPPING) || block.flags & CERTAIN) return false;
    block.flags = (block.flags & ~SKIPPING) | CERTAIN_ELSE;
    return true;
  }

  #parseContents(instruction: number): void {
    if (this.#parentheses.length > 0) this.#parentheses.length = 0;
    this.#instructionArguments(instruction);
    this.#parseArguments();
  }

  /** What is peculiar to the first argument of an instruction. */
  #instructionArguments(instruction: number): void {
    switch (instruction) {
      case D_END:
        this.#embedded();
        return;
      case D_TIMES:
        this.#expression();
        if (this.#tokens[this.#at] === 0x3a) {
          this.program.push(0x3a, 0);
          this.#at++;
        }
        this.#embedded();
        return;
      case D_SEGMENT:
        this.#formatWords = true;
        this.#leadingLabel(true);
        return;
      case D_LABEL:
        this.#leadingLabel(true);
        return;
      case D_LOAD:
        this.#leadingLabel(false);
        return;
      case D_EXTRN:
        this.#parseExtrn();
        return;
      case D_PUBLIC:
        this.#parsePublic();
        return;
      case D_SECTION:
      case D_FORMAT:
      case D_DATA:
        this.#formatWords = true;
        return;
      default:
        if (instruction >= FIRST_MNEMONIC && mnemonicOf(instruction).prefix) this.#embedded();
    }
  }

  /** An instruction or data directive in the middle of a line: behind a prefix, `times`, a colon. */
  #embedded(): boolean {
    const token = this.#tokens[this.#at]!;
    if (!isName(token)) return false;
    const word = this.#words.find(textOf(token));
    const instruction = word === null ? 0 : word.instruction || word.data;
    if (instruction === 0) return false;
    this.#at++;
    this.program.push(I_INSTRUCTION, instruction);
    this.#instructionArguments(instruction);
    return true;
  }

  #leadingLabel(setsPrefix: boolean): void {
    if (!isName(this.#tokens[this.#at]!)) return;
    const start = this.#at;
    const label = setsPrefix ? this.#identifyLabel() : this.#labelNumber();
    if (label === RESERVED) this.#at = start;
    else this.program.push(I_LABEL, this.#labelValue(label, 0));
    this.#confirm();
  }

  #parseExtrn(): void {
    const { program } = this;
    const token = this.#tokens[this.#at]!;
    if (isString(token)) {
      program.push(I_EXPRESSION, program.expressions.ofString(textOf(token)));
      this.#at++;
      if (this.#operatorAt() === O_AS) {
        this.#at++;
        program.push(O_AS, 0);
        this.#labelBehindOperator();
      }
      this.#confirm();
    } else if (isName(token)) {
      program.push(I_EXPRESSION, program.expressions.ofString(textOf(token)));
      program.push(O_AS, 0);
      this.#labelBehindOperator();
      this.#confirm();
    }
  }

  #parsePublic(): void {
    const { program } = this;
    for (;;) {
      const token = this.#tokens[this.#at]!;
      if (!isName(token)) return;
      const symbol = this.#words.find(textOf(token))?.symbol ?? 0;
      if (symbol >> 8 === I_PUBLIC_MODE) {
        program.push(I_PUBLIC_MODE, symbol & 0xff);
        this.#at++;
        continue;
      }
      const written = textOf(token);
      program.push(I_LABEL, this.#labelValue(this.#labelNumber(), 0));
      program.push(O_AS, 0);
      if (this.#operatorAt() === O_AS) this.#at++;
      else program.push(I_EXPRESSION, program.expressions.ofString(written));
      this.#confirm();
      return;
    }
  }

  #labelBehindOperator(): void {
    if (!isName(this.#tokens[this.#at]!)) return;
    this.program.push(I_LABEL, this.#labelValue(this.#labelNumber(), 0));
  }

  #operatorAt(): number {
    const token = this.#tokens[this.#at]!;
    return isName(token) ? (this.#words.find(textOf(token))?.operator ?? 0) : 0;
  }

  /** Parentheses that were opened so far are not those of an expression. */
  #confirm(): void {
    if (this.#parentheses.length > 0) this.#parentheses.length = 0;
  }

  /** Everything up to the end of the line. */
  #parseArguments(): void {
    const { program } = this;
    const tokens = this.#tokens;
    for (;;) {
      const token = tokens[this.#at]!;
      if (token < 256) {
        if (token === END) break;
        this.#at++;
        switch (token) {
          case 0x3a: // :
            program.push(token, 0);
            if (!this.#embedded()) continue;
            continue;
          case 0x3d: // =
            program.push(token, 0);
            this.#forcedExpression();
            continue;
          case 0x2c: // ,
          case 0x7c: // |
          case 0x26: // &
          case 0x7e: // ~
          case 0x5d: // ]
            program.push(token, 0);
            this.#confirm();
            continue;
          case 0x3e: // >
            if (tokens[this.#at] === 0x3d) {
              this.#at++;
              program.push(O_NOT_LESS, 0);
            } else program.push(token, 0);
            this.#confirm();
            continue;
          case 0x3c: // <
            this.#less();
            continue;
          case 0x29: // )
            program.push(O_CLOSE, 0);
            this.#confirm();
            continue;
          case 0x5b: // [
            this.#address();
            continue;
          case 0x7b: // {
            this.#decorators++;
            program.push(token, 0);
            this.#confirm();
            continue;
          case 0x7d: // }
            this.#decorators--;
            program.push(token, 0);
            this.#confirm();
            continue;
          case 0x23: // #
          case 0x60: // `
            program.push(O_MISPLACED, 0);
            this.#confirm();
            continue;
          case 0x2d: // -
            if (this.#decorators > 0) {
              program.push(token, 0);
              this.#confirm();
              continue;
            }
            break;
          default:
        }
        this.#at--;
        this.#expressionArgument();
        continue;
      }
      if (isSpent(token)) break;
      if (isString(token)) {
        this.#expressionArgument();
        continue;
      }
      const word = this.#words.find(textOf(token));
      if (word !== null && this.#wordArgument(word)) continue;
      if (textOf(token) === this.#question) {
        this.#at++;
        program.push(0x3f, 0);
        this.#confirm();
        continue;
      }
      this.#expressionArgument();
    }
    if (this.#parentheses.length > 0) this.#parentheses.length = 0;
  }

  #less(): void {
    const { program } = this;
    const next = this.#tokens[this.#at];
    const behindIn = program.length > 0 && program.kinds[program.length - 1] === O_IN;
    if (!behindIn && next === 0x3e) {
      this.#at++;
      program.push(O_NOT_EQUAL, 0);
      this.#forcedExpression();
      return;
    }
    if (!behindIn && next === 0x3d) {
      this.#at++;
      program.push(O_NOT_GREATER, 0);
    } else program.push(0x3c, 0);
    this.#confirm();
  }

  /** A reserved word as an argument; false when it begins an expression. */
  #wordArgument(word: Word): boolean {
    const { program } = this;
    if (word.operator !== 0) {
      this.#at++;
      this.#operatorArgument(word.operator);
      return true;
    }
    if (word.symbol !== 0 && this.#allowed(word.symbol >> 8)) {
      this.#at++;
      program.push(word.symbol >> 8, word.symbol & 0xff);
      // zmm0+3: a block of registers.
      if (this.#tokens[this.#at] === 0x2b && (word.symbol & 0xfff0) === I_REGISTER * 256 + 0x60) {
        program.push(0x2b, 0);
        this.#at++;
      }
      this.#confirm();
      return true;
    }
    if (word.unary !== 0) return false;
    return this.#embedded();
  }

  #allowed(kind: number): boolean {
    if (kind < I_FORMAT) return true;
    return kind === I_DECORATOR ? this.#decorators > 0 : this.#formatWords;
  }

  #operatorArgument(operator: number): void {
    const { program } = this;
    if (operator === O_PTR) {
      this.#pushAddress(true);
      this.#confirm();
      return;
    }
    program.push(operator, 0);
    switch (operator) {
      case O_ALIGN:
      case O_RELATIVETO:
        this.#forcedExpression();
        return;
      case O_DUP:
        if (this.#tokens[this.#at] === 0x28) {
          this.#at++;
          program.push(O_OPEN, 0);
        }
        break;
      case O_FROM:
      case O_AT:
        if (operator === O_FROM && isString(this.#tokens[this.#at]!)) break;
        if (this.#tokens[this.#at] === 0x3a) break;
        this.#forcedExpression();
        if (this.#tokens[this.#at] === 0x3a) {
          this.#at++;
          program.push(0x3a, 0);
          this.#forcedExpression();
        }
        return;
      case O_USED:
        this.#labelBehindOperator();
        break;
      default:
    }
    this.#confirm();
  }

  #expression(): void {
    const expression = this.#reader.read(this.#tokens, this.#at);
    this.#at = this.#reader.at;
    this.program.push(I_EXPRESSION, expression);
  }

  #forcedExpression(): void {
    const kept = this.#formatWords;
    this.#formatWords = false;
    this.#expression();
    this.#formatWords = kept;
    this.#confirm();
  }

  #expressionArgument(): void {
    const { program } = this;
    const token = this.#tokens[this.#at]!;
    if (isString(token)) {
      const start = this.#at;
      const next = this.#tokens[start + 1]!;
      const length = program.length;
      if (next === END || next === 0x2c) this.#at++;
      else this.#expression();
      if (this.#at === start + 1) {
        // Nothing but the string: it stays one.
        program.length = length;
        program.push(I_EXPRESSION, program.expressions.ofString(textOf(token)));
      }
    } else if (token === 0x28) {
      if (this.#parentheses.length > 10000) refuse("stackOverflow");
      this.#parentheses.push({ at: this.#at, length: program.length });
      program.push(O_OPEN, 0);
      this.#at++;
      return;
    } else {
      this.#expression();
    }
    // A parenthesis that holds one expression and nothing else is part of an expression itself.
    while (this.#parentheses.length > 0) {
      if (this.#tokens[this.#at] !== 0x29) {
        this.#confirm();
        return;
      }
      const opened = this.#parentheses.pop()!;
      program.length = opened.length;
      this.#at = opened.at;
      this.#expression();
    }
  }

  #address(): void {
    const { program } = this;
    const token = this.#pushAddress(false);
    if (token === 0x5d) {
      this.#at++;
      this.#confirm();
    } else if (token === 0x2c) {
      this.#at++;
      program.push(0x2c, 0);
      this.#expression();
      this.#confirm();
    } else {
      this.#confirm();
    }
  }

  /** Reads an address; returns the token behind it. */
  #pushAddress(closed: boolean): number {
    const tokens = this.#tokens;
    let segment = 0;
    let token = tokens[this.#at]!;
    if (isName(token) && tokens[this.#at + 1] === 0x3a) {
      const symbol = this.#words.find(textOf(token))?.symbol ?? 0;
      if (symbol >> 8 === I_REGISTER && (symbol & 0xf0) === 0x30) {
        segment = symbol & 0x0f;
        this.#at += 2;
      }
    }
    let size = 0;
    token = tokens[this.#at]!;
    if (isName(token)) {
      size = this.#words.find(textOf(token))?.addressSize ?? 0;
      if (size !== 0) this.#at++;
    }
    const expression = this.#reader.read(tokens, this.#at);
    this.#at = this.#reader.at;
    const next = tokens[this.#at]!;
    this.program.pushAddress(segment, size, expression, closed || next === 0x5d);
    return next;
  }

  /** A name inside an expression. */
  #symbol(reader: ExpressionReader): void {
    const token = reader.tokens[reader.at]!;
    if (!isName(token)) refuse("invalidValue");
    const word = this.#words.find(textOf(token));
    if (word !== null) {
      const code = word.symbol & 0xff;
      if (word.symbol >> 8 === I_REGISTER && isAddressRegister(code)) {
        reader.at++;
        reader.code.push(E_REGISTER | (code << 8));
        return;
      }
      if (word.operator !== 0) {
        reader.at++;
        reader.code.push(E_RESERVED);
        return;
      }
    }
    const label = this.#names.label(textOf(token), this.#line);
    reader.at++;
    if (label === RESERVED) reader.code.push(E_RESERVED);
    else if (label < 0) reader.code.push(E_PREDEFINED | ((-1 - label) << 8));
    else reader.code.push(E_LABEL | (label << 8));
  }

  /** The label that the name at the position is; moves on. */
  #labelNumber(): number {
    return this.#names.label(textOf(this.#tokens[this.#at++]!), this.#line);
  }

  /** The same for a name that is being defined: local names will belong to it. */
  #identifyLabel(): number {
    return this.#names.defined(textOf(this.#tokens[this.#at++]!), this.#line);
  }

  #isReserved(text: number): boolean {
    const word = this.#words.find(text);
    if (word === null) return false;
    if (word.symbol !== 0 && this.#allowed(word.symbol >> 8)) return true;
    return (word.instruction || word.data || word.binary || word.unary || word.operator) !== 0;
  }
}

const isBlock = (instruction: number): boolean =>
  instruction === D_IF || instruction === D_REPEAT || instruction === D_WHILE;

/** Registers that an address expression may hold: 32 and 64 bits, vectors, IP, and BX, BP, SI, DI. */
function isAddressRegister(code: number): boolean {
  const kind = code >> 4;
  return (
    kind === 4 ||
    (kind & ~1) === 8 ||
    kind >= 0x0c ||
    (kind & ~1) === 6 ||
    code === 0x23 ||
    code === 0x25 ||
    code === 0x26 ||
    code === 0x27
  );
}
