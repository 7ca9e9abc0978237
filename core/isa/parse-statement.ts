// One line of assembly without its labels -> one Statement. The grammar of parse.ts; one function a form.
import type {
  AluOperation,
  AtomicOperation,
  Instruction,
  JumpCondition,
  LoadImmediateSource,
  Operand,
  Register,
  SizeBytes,
} from "./instruction.ts";
import {
  address,
  anyRegister,
  I32,
  immediate,
  type NamedRegister,
  operand,
  pointerType,
  register64,
  registerOf,
  registerOfSize,
  signedInteger,
  U32_MAX,
} from "./parse-operand.ts";
import { ALU_SYMBOLS, ATOMIC_SYMBOLS, CONDITION_SYMBOLS } from "./print.ts";
import type { Line } from "./tokens.ts";

/** Look-ups of names in place of numbers; undefined means that there is no such name. */
export interface ParseNames {
  helper?(name: string): number | undefined;
  map?(name: string): number | undefined;
}

/** A place that an instruction refers to by name, to be turned into an offset once all labels are known. */
export interface LabelUse {
  readonly name: string;
  readonly line: Line;
  readonly column: number;
  /** Signed bits of the offset. */
  readonly bitWidth: 16 | 32;
}

/** An instruction whose offset is still 0 if `label` is set. */
export interface Statement {
  readonly instruction: Instruction;
  readonly label?: LabelUse;
}

function invert<Key extends string>(symbols: Readonly<Record<Key, string>>): ReadonlyMap<string, Key> {
  return new Map(Object.entries<string>(symbols).map(([key, symbol]) => [symbol, key as Key]));
}

const ALU_BY_SYMBOL: ReadonlyMap<string, AluOperation> = invert(ALU_SYMBOLS);
const CONDITION_BY_SYMBOL: ReadonlyMap<string, JumpCondition> = invert(CONDITION_SYMBOLS);
const ATOMIC_BY_SYMBOL = invert(ATOMIC_SYMBOLS);

export function parseStatement(line: Line, names: ParseNames): Statement {
  if (line.accept("exit")) return { instruction: { kind: "exit" } };
  if (line.accept("goto")) return jump(line, { kind: "jump", width: 64, offset: 0 }, 16);
  if (line.accept("gotol")) return jump(line, { kind: "jump", width: 32, offset: 0 }, 32);
  if (line.accept("if")) return conditionalJump(line);
  if (line.accept("call")) return call(line, names);
  if (line.accept("callx")) {
    return { instruction: { kind: "call", target: { kind: "register", register: register64(line) } } };
  }
  if (line.accept("lock")) return { instruction: lock(line) };
  if (line.peek()?.text === "*") return { instruction: store(line) };
  if (/^[rw]\d+$/.test(line.peek()?.text ?? "")) return assignment(line, names);
  throw line.expected("an instruction");
}

// Jumps and calls

function jump(line: Line, instruction: Instruction, bitWidth: 16 | 32): Statement {
  if (line.startsNumber()) {
    const offset = signedInteger(line, bitWidth);
    return { instruction: { ...instruction, offset } as Instruction };
  }
  return { instruction, label: label(line, bitWidth) };
}

function label(line: Line, bitWidth: 16 | 32): NonNullable<Statement["label"]> {
  const column = line.column;
  const [name] = line.expectWord(/^[^#]+$/, "an offset (+N or -N) or a label");
  return { name, line, column, bitWidth };
}

function conditionalJump(line: Line): Statement {
  const left = anyRegister(line);
  const test = CONDITION_BY_SYMBOL.get(line.peek()?.text ?? "");
  if (test === undefined) throw line.expected("a comparison");
  line.next();
  const right = operand(line, left.width);
  line.expect("goto");
  const condition = { test, left: left.register, right };
  return jump(line, { kind: "jump", condition, width: left.width, offset: 0 }, 16);
}

function call(line: Line, names: ParseNames): Statement {
  if (line.startsNumber()) {
    const id = line.expectInteger(I32.minimum, I32.maximum);
    return { instruction: { kind: "call", target: { kind: "helper", id } } };
  }
  if (line.accept("pc")) {
    return { instruction: { kind: "call", target: { kind: "local", offset: signedInteger(line, 32) } } };
  }
  if (line.accept("kfunc")) return { instruction: kfunc(line) };
  const column = line.column;
  const match = line.expectWord(/^([^#]+)(?:#(\d+))?$/, "a helper, a label, pc+N or kfunc[N]");
  const name = match[1] as string;
  const id = match[2] === undefined ? names.helper?.(name) : Number(match[2]);
  if (id === undefined) {
    const local = { kind: "call", target: { kind: "local", offset: 0 } } as const;
    return { instruction: local, label: { name, line, column, bitWidth: 32 } };
  }
  if (id > I32.maximum) throw line.errorAt(column, `${id} is not within 0 and ${I32.maximum}`);
  return { instruction: { kind: "call", target: { kind: "helper", id } } };
}

function kfunc(line: Line): Instruction {
  line.expect("[");
  const btfId = line.expectInteger(I32.minimum, I32.maximum);
  const module = line.accept(",") ? signedInteger(line, 16) : 0;
  line.expect("]");
  return { kind: "call", target: { kind: "kfunc", btfId, module } };
}

// Memory

function lock(line: Line): Instruction {
  line.expect("*");
  const { sizeBytes } = pointerType(line, /^(u)(32|64)$/, "u32 or u64");
  line.expect("(");
  const { base, offset } = address(line);
  line.expect(")");
  const operation = ATOMIC_BY_SYMBOL.get(line.peek()?.text ?? "");
  if (operation === undefined) throw line.expected("+=, |=, &= or ^=");
  line.next();
  const source = registerOfSize(line, sizeBytes);
  return { kind: "atomic", sizeBytes: sizeBytes as 4 | 8, operation, fetch: false, base, offset, source };
}

function store(line: Line): Instruction {
  line.expect("*");
  const { sizeBytes } = pointerType(line, /^(u)(8|16|32|64)$/, "u8, u16, u32 or u64");
  line.expect("(");
  const { base, offset } = address(line);
  line.expect(")", "=");
  const source: Operand = line.startsNumber()
    ? { kind: "immediate", value: immediate(line, sizeBytes * 8) }
    : { kind: "register", register: registerOfSize(line, sizeBytes) };
  return { kind: "store", sizeBytes, base, offset, source };
}

function load(line: Line, { register, width }: NamedRegister): Instruction {
  const type = pointerType(line, /^([us])(8|16|32|64)$/, "u8, u16, u32, u64, s8, s16 or s32");
  if (line.accept("skb")) return loadPacket(line, register, type);
  if (type.signed && type.sizeBytes === 8) throw line.expected("an unsigned type for 64 bits");
  // A 32-bit name on the left means the same as long as the load zero-extends.
  if (width === 32 && (type.signed || type.sizeBytes === 8))
    throw line.expected("a 64-bit register on the left");
  line.expect("(");
  const place = address(line);
  line.expect(")");
  return { kind: "load", ...type, destination: register, ...place };
}

function loadPacket(
  line: Line,
  destination: Register,
  { signed, sizeBytes }: { readonly signed: boolean; readonly sizeBytes: SizeBytes },
): Instruction {
  if (signed || sizeBytes === 8 || destination !== 0) throw line.expected("r0 and u8, u16 or u32 before skb");
  line.expect("[");
  let instruction: Instruction;
  if (line.startsNumber()) {
    instruction = { kind: "loadPacket", sizeBytes, offset: signedInteger(line, 32) };
  } else {
    const { base, offset } = address(line, 32);
    instruction = { kind: "loadPacket", sizeBytes, index: base, offset };
  }
  line.expect("]");
  return instruction;
}

// What begins with a register: `r1 = ...`, `r1 += ...`

function assignment(line: Line, names: ParseNames): Statement {
  const left = anyRegister(line);
  const { register: destination, width } = left;
  if (!line.accept("=")) {
    const operation = ALU_BY_SYMBOL.get(line.peek()?.text ?? "");
    if (operation === undefined) throw line.expected("= or an operation such as +=");
    line.next();
    return { instruction: { kind: "alu", width, operation, destination, source: operand(line, width) } };
  }
  if (line.startsNumber()) return { instruction: number(line, left) };
  if (line.accept("-")) return { instruction: negation(line, left) };
  if (line.accept("(")) return { instruction: signExtension(line, left) };
  if (line.accept("*")) return { instruction: load(line, left) };
  if (/^[rw]\d+$/.test(line.peek()?.text ?? "")) {
    const source = operand(line, width);
    return { instruction: { kind: "mov", width, destination, source } };
  }
  return wordAssignment(line, left, names);
}

/** `r1 = 5` is a mov, `r1 = 5 ll` the 64-bit immediate load. */
function number(line: Line, { register: destination, width }: NamedRegister): Instruction {
  const long = line.peek(line.peek()?.kind === "number" ? 1 : 2)?.text === "ll";
  if (!long) {
    return { kind: "mov", width, destination, source: { kind: "immediate", value: immediate(line, width) } };
  }
  if (width === 32) throw line.expected("a 64-bit register before a number with ll");
  const value = line.expectBigint(-(2n ** 63n), 2n ** 64n - 1n);
  line.expect("ll");
  const source = { kind: "number", value: BigInt.asUintN(64, value) } as const;
  return { kind: "loadImmediate", destination, source };
}

function negation(line: Line, left: NamedRegister): Instruction {
  sameRegister(line, left);
  return { kind: "neg", width: left.width, destination: left.register };
}

function sameRegister(line: Line, { register, width }: NamedRegister): void {
  const name = `${width === 32 ? "w" : "r"}${register}`;
  if (!line.accept(name)) throw line.expected(name);
}

function signExtension(line: Line, { register: destination, width }: NamedRegister): Instruction {
  const allowed = width === 32 ? /^s(8|16)$/ : /^s(8|16|32)$/;
  const match = line.expectWord(allowed, width === 32 ? "s8 or s16" : "s8, s16 or s32");
  line.expect(")");
  const source = { kind: "register", register: registerOf(line, width) } as const;
  return { kind: "mov", width, signExtendFrom: Number(match[1]) as 8 | 16 | 32, destination, source };
}

function wordAssignment(line: Line, left: NamedRegister, names: ParseNames): Statement {
  const swap = line.acceptWord(/^(le|be|bswap)(16|32|64)$/);
  if (swap !== undefined) return { instruction: byteSwap(line, left, swap) };
  const atomic = atomicForm(line);
  if (atomic !== undefined) return { instruction: atomicAssignment(line, left, atomic) };
  if (left.width === 64) {
    if (line.accept("map")) return { instruction: loadOf(left, mapReference(line, names)) };
    if (line.accept("variable")) {
      line.expect("[");
      const id = line.expectInteger(I32.minimum, I32.maximum);
      line.expect("]");
      return { instruction: loadOf(left, { kind: "variable", id }) };
    }
    if (line.accept("subprog")) return subprogram(line, left);
  }
  throw line.expected("a value");
}

function byteSwap(line: Line, { register: destination }: NamedRegister, match: RegExpExecArray): Instruction {
  const place = line.column;
  if (anyRegister(line).register !== destination) {
    throw line.errorAt(place, `a byte swap works in place; expected r${destination}`);
  }
  const order = match[1] === "bswap" ? "swap" : (match[1] as "le" | "be");
  return { kind: "byteSwap", order, width: Number(match[2]) as 16 | 32 | 64, destination };
}

function loadOf({ register: destination }: NamedRegister, source: LoadImmediateSource): Instruction {
  return { kind: "loadImmediate", destination, source };
}

function subprogram(line: Line, left: NamedRegister): Statement {
  line.expect("[");
  let statement: Statement;
  if (line.startsNumber()) {
    statement = { instruction: loadOf(left, { kind: "function", offset: signedInteger(line, 32) }) };
  } else {
    const instruction = loadOf(left, { kind: "function", offset: 0 });
    statement = { instruction, label: label(line, 32) };
  }
  line.expect("]");
  return statement;
}

/** `[2]`, `[port_map]`, `[idx:2]`, each with `[0] + 8` for a byte of the first value. */
function mapReference(line: Line, names: ParseNames): LoadImmediateSource {
  line.expect("[");
  const byIndex = line.peek()?.text === "idx" && line.peek(1)?.text === ":";
  if (byIndex) line.expect("idx", ":");
  const number = line.startsNumber() ? line.expectInteger(I32.minimum, I32.maximum) : mapNumber(line, names);
  line.expect("]");
  if (!line.accept("[")) {
    return byIndex ? { kind: "mapByIndex", index: number } : { kind: "map", map: number };
  }
  line.expect("0", "]");
  const byteOffset = line.accept("+") ? line.expectInteger(0, U32_MAX) : 0;
  return byIndex
    ? { kind: "mapValueByIndex", index: number, byteOffset }
    : { kind: "mapValue", map: number, byteOffset };
}

function mapNumber(line: Line, names: ParseNames): number {
  const column = line.column;
  const [name] = line.expectWord(/^[^#]+$/, "a map's number or name");
  const number = names.map?.(name);
  if (number === undefined) throw line.errorAt(column, `there is no map "${name}"`);
  return number;
}

// Atomic operations that give back the old value

interface AtomicForm {
  readonly operation: AtomicOperation;
  /** Undefined where a type in the parentheses tells. */
  readonly sizeBytes?: 4 | 8;
}

/** LLVM's names (atomic_fetch_add, xchg_64, cmpxchg32_32) and the Linux verifier's (atomic64_xchg, atomic_cmpxchg). */
function atomicForm(line: Line): AtomicForm | undefined {
  const fetch = line.acceptWord(/^atomic(?:64)?_fetch_(add|or|and|xor)$/);
  if (fetch !== undefined) return { operation: fetch[1] as AtomicOperation };
  const llvm = line.acceptWord(/^(cmp)?xchg(_64|32_32)$/);
  if (llvm !== undefined) return { ...exchange(llvm), sizeBytes: llvm[2] === "_64" ? 8 : 4 };
  const linux = line.acceptWord(/^atomic(?:64)?_(cmp)?xchg$/);
  return linux === undefined ? undefined : exchange(linux);
}

function exchange(match: RegExpExecArray): AtomicForm {
  return { operation: match[1] === undefined ? "exchange" : "compareExchange" };
}

function atomicAssignment(line: Line, left: NamedRegister, form: AtomicForm): Instruction {
  line.expect("(");
  const typed = form.sizeBytes === undefined;
  const sizeBytes = form.sizeBytes ?? (pointerType(line, /^(u)(32|64)$/, "u32 or u64").sizeBytes as 4 | 8);
  if (typed) line.expect("(");
  const { base, offset } = address(line);
  if (typed) line.expect(")");
  line.expect(",");
  if (left.width === 32 && sizeBytes === 8) throw line.expected("a 64-bit register on the left");
  const { operation } = form;
  const place = line.column;
  let source = registerOfSize(line, sizeBytes);
  if (operation === "compareExchange") {
    if (left.register !== 0 || source !== 0) {
      throw line.errorAt(place, "a compare and exchange compares with r0 and leaves the old value in r0");
    }
    line.expect(",");
    source = registerOfSize(line, sizeBytes);
  } else if (source !== left.register) {
    throw line.errorAt(place, `the old value goes to the operand's register; expected r${left.register}`);
  }
  line.expect(")");
  return { kind: "atomic", sizeBytes, operation, fetch: true, base, offset, source };
}
