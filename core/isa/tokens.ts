// The words of one line of assembly, and a cursor over them that says where it stands when something is wrong.
import { FormatError } from "../base/error.ts";

export interface Token {
  readonly kind: "word" | "number" | "symbol";
  readonly text: string;
  /** From 1. */
  readonly column: number;
}

/** Symbols longest first; those that begin with s are the signed operators. */
const TOKEN = new RegExp(
  [
    String.raw`\s+|(?:;|//|#).*$`,
    String.raw`(s(?:>>=|\/=|%=|>=|<=|>|<)|>>=|<<=|[-+*/%|&^=!<>]=|[-+*&=<>()[\],:])`,
    String.raw`(0[xX][0-9a-fA-F]+|\d+)(?![\w.])`,
    String.raw`([A-Za-z_.$][\w.$]*(?:#\d+)?)`,
  ].join("|"),
  "y",
);

/** The tokens of a line, without white space and comments. AssemblyInvalid for a character that begins none. */
export function tokenize(source: string, line: number): readonly Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  while (pattern.lastIndex < source.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(source);
    if (match === null) throw assemblyError(line, at + 1, `"${source.slice(at, at + 10)}" is not understood`);
    const [, symbol, number, word] = match;
    const text = symbol ?? number ?? word;
    if (text === undefined) continue;
    const kind = symbol !== undefined ? "symbol" : number !== undefined ? "number" : "word";
    tokens.push({ kind, text, column: at + 1 });
  }
  return tokens;
}

function assemblyError(line: number, column: number, message: string): FormatError {
  return new FormatError("AssemblyInvalid", `line ${line}, column ${column}: ${message}`, {
    details: { line, column },
  });
}

/** A cursor over the tokens of one line. Every method that expects something throws AssemblyInvalid at that place. */
export class Line {
  readonly #tokens: readonly Token[];
  readonly #number: number;
  readonly #endColumn: number;
  #index = 0;

  constructor(tokens: readonly Token[], number: number, endColumn: number) {
    this.#tokens = tokens;
    this.#number = number;
    this.#endColumn = endColumn;
  }

  atEnd(): boolean {
    return this.#index >= this.#tokens.length;
  }

  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#index + ahead];
  }

  /** Where the next token begins, or the line ends; from 1. */
  get column(): number {
    return this.peek()?.column ?? this.#endColumn;
  }

  startsWithLabel(): boolean {
    return this.peek()?.kind === "word" && this.peek(1)?.text === ":";
  }

  errorAt(column: number, message: string): FormatError {
    return assemblyError(this.#number, column, message);
  }

  /** "expected X, found Y" at the next token. */
  expected(what: string): FormatError {
    const token = this.peek();
    const found = token === undefined ? "the end of the line" : `"${token.text}"`;
    return this.errorAt(this.column, `expected ${what}, found ${found}`);
  }

  next(): Token {
    const token = this.peek();
    if (token === undefined) throw this.expected("more");
    this.#index++;
    return token;
  }

  /** Takes the next token if it is this text. */
  accept(text: string): boolean {
    if (this.peek()?.text !== text) return false;
    this.#index++;
    return true;
  }

  expect(...texts: readonly string[]): void {
    for (const text of texts) if (!this.accept(text)) throw this.expected(`"${text}"`);
  }

  expectEnd(): void {
    if (!this.atEnd()) throw this.expected("the end of the line");
  }

  /** Takes the next word if it matches. */
  acceptWord(pattern: RegExp): RegExpExecArray | undefined {
    const token = this.peek();
    const match = token?.kind === "word" ? pattern.exec(token.text) : null;
    if (match === null) return undefined;
    this.#index++;
    return match;
  }

  expectWord(pattern: RegExp, what: string): RegExpExecArray {
    const match = this.acceptWord(pattern);
    if (match === undefined) throw this.expected(what);
    return match;
  }

  /** True if a number comes next, with or without a sign. */
  startsNumber(): boolean {
    const token = this.peek();
    if (token?.text === "+" || token?.text === "-") return this.peek(1)?.kind === "number";
    return token?.kind === "number";
  }

  /** An integer within bounds; a sign may stand before it. */
  expectBigint(minimum: bigint, maximum: bigint): bigint {
    const { column } = this;
    const negative = this.accept("-");
    if (!negative) this.accept("+");
    const token = this.peek();
    if (token?.kind !== "number") throw this.expected("a number");
    this.#index++;
    const value = negative ? -BigInt(token.text) : BigInt(token.text);
    if (value < minimum || value > maximum) {
      throw this.errorAt(column, `${value} is not within ${minimum} and ${maximum}`);
    }
    return value;
  }

  expectInteger(minimum: number, maximum: number): number {
    return Number(this.expectBigint(BigInt(minimum), BigInt(maximum)));
  }
}
