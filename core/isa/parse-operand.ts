// The operands of assembly: registers, numbers, addresses and pointer types, each read at a line's cursor.
import type { Operand, Register, SizeBytes } from "./instruction.ts";
import type { Line } from "./tokens.ts";

export const I32 = { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
export const U32_MAX = 2 ** 32 - 1;

export interface NamedRegister {
  readonly register: Register;
  readonly width: 32 | 64;
}

function acceptRegister(line: Line): NamedRegister | undefined {
  const match = line.acceptWord(/^([rw])(10|\d)$/);
  return match && { register: Number(match[2]), width: match[1] === "w" ? 32 : 64 };
}

export function anyRegister(line: Line): NamedRegister {
  const found = acceptRegister(line);
  if (found === undefined) throw line.expected("a register (r0 to r10, w0 to w10)");
  return found;
}

export function registerOf(line: Line, width: 32 | 64): Register {
  const match = line.expectWord(width === 32 ? /^w(10|\d)$/ : /^r(10|\d)$/, `a ${width}-bit register`);
  return Number(match[1]);
}

export function register64(line: Line): Register {
  return registerOf(line, 64);
}

/** For accesses below 64 bits LLVM writes w, the Linux verifier r; both mean the same. */
export function registerOfSize(line: Line, sizeBytes: SizeBytes): Register {
  if (sizeBytes === 8) return register64(line);
  return anyRegister(line).register;
}

/** A 32-bit immediate; where only its low bits count it may also be written unsigned. */
export function immediate(line: Line, bitWidth: number): number {
  const maximum = bitWidth === 64 ? I32.maximum : U32_MAX;
  return line.expectInteger(I32.minimum, maximum) | 0;
}

export function operand(line: Line, width: 32 | 64): Operand {
  if (line.startsNumber()) return { kind: "immediate", value: immediate(line, width) };
  if (line.peek()?.kind !== "word") throw line.expected("a register or a number");
  return { kind: "register", register: registerOf(line, width) };
}

/** `r1 + 4`, `r10 - 8`, `r1`. */
export function address(
  line: Line,
  bitWidth: 16 | 32 = 16,
): { readonly base: Register; readonly offset: number } {
  const base = register64(line);
  if (line.peek()?.text !== "+" && line.peek()?.text !== "-") return { base, offset: 0 };
  return { base, offset: signedInteger(line, bitWidth) };
}

export function signedInteger(line: Line, bitWidth: 16 | 32): number {
  return line.expectInteger(-(2 ** (bitWidth - 1)), 2 ** (bitWidth - 1) - 1);
}

/** `(u32 *)`, of the sizes allowed. */
export function pointerType(
  line: Line,
  pattern: RegExp,
  what: string,
): { signed: boolean; sizeBytes: SizeBytes } {
  line.expect("(");
  const match = line.expectWord(pattern, what);
  line.expect("*", ")");
  return { signed: match[1] === "s", sizeBytes: (Number(match[2]) / 8) as SizeBytes };
}
