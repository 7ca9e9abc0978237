// Instruction -> assembly text, in the pseudo-C that LLVM, bpftool and the Linux verifier print. parse.ts reads it
// back exactly as long as no names are given in place of numbers that it cannot look up. One line an instruction.
//
//   r1 += -5        w1 = (s8)w2     r1 = be16 r1          r0 = *(u32 *)(r1 + 4)     *(u8 *)(r10 - 8) = r1
//   r1 = 0x12 ll    r1 = map[2]     r1 = map[2][0] + 8    r1 = variable[7]          r1 = subprog[+5]
//   goto +3         gotol -70000    if r1 s> 5 goto -2    if w1 & w2 goto +1        exit
//   call 12         call pc+5       call kfunc[9]         call kfunc[9, 1]          callx r2
//   lock *(u64 *)(r1 + 0) += r2     r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)      r0 = *(u16 *)skb[r7 + 14]
//   r2 = xchg_64(r1 + 0, r2)        w0 = cmpxchg32_32(r1 + 0, w0, w2)
import type {
  AluOperation,
  AtomicInstruction,
  AtomicOperation,
  CallInstruction,
  Instruction,
  JumpCondition,
  JumpInstruction,
  LoadImmediateSource,
  Operand,
  Register,
} from "./instruction.ts";

/** Names to print in place of numbers; each may answer undefined, and the number is printed. */
export interface PrintNames {
  /** A helper's name: `call map_lookup_elem#1`. */
  helper?(id: number): string | undefined;
  /** The name of a map: `r1 = map[port_map]`. */
  map?(map: number): string | undefined;
  /** The name of the place `offset` slots after the next slot: `goto loop`, `call count_drop`. */
  label?(offset: number): string | undefined;
}

export const ALU_SYMBOLS: Readonly<Record<AluOperation, string>> = {
  add: "+=",
  sub: "-=",
  mul: "*=",
  div: "/=",
  sdiv: "s/=",
  or: "|=",
  and: "&=",
  lsh: "<<=",
  rsh: ">>=",
  mod: "%=",
  smod: "s%=",
  xor: "^=",
  arsh: "s>>=",
};

export const CONDITION_SYMBOLS: Readonly<Record<JumpCondition, string>> = {
  eq: "==",
  ne: "!=",
  set: "&",
  ugt: ">",
  uge: ">=",
  ult: "<",
  ule: "<=",
  sgt: "s>",
  sge: "s>=",
  slt: "s<",
  sle: "s<=",
};

/** How the atomic operations without fetch are written; the two exchanges have no such form. */
export const ATOMIC_SYMBOLS: Readonly<
  Record<Exclude<AtomicOperation, "exchange" | "compareExchange">, string>
> = {
  add: "+=",
  or: "|=",
  and: "&=",
  xor: "^=",
};

/** The text of one instruction, without a line end; never fails. */
export function print(instruction: Instruction, names: PrintNames = {}): string {
  switch (instruction.kind) {
    case "alu": {
      const { width, destination, operation, source } = instruction;
      return `${register(destination, width)} ${ALU_SYMBOLS[operation]} ${operand(source, width)}`;
    }
    case "mov": {
      const { width, destination, source, signExtendFrom } = instruction;
      const cast = signExtendFrom === undefined ? "" : `(s${signExtendFrom})`;
      return `${register(destination, width)} = ${cast}${operand(source, width)}`;
    }
    case "neg": {
      const name = register(instruction.destination, instruction.width);
      return `${name} = -${name}`;
    }
    case "byteSwap": {
      const { order, width, destination } = instruction;
      return `r${destination} = ${order === "swap" ? "bswap" : order}${width} r${destination}`;
    }
    case "load": {
      const { destination, signed, sizeBytes, base, offset } = instruction;
      return `r${destination} = *(${signed ? "s" : "u"}${sizeBytes * 8} *)(${address(base, offset)})`;
    }
    case "store": {
      const { sizeBytes, base, offset, source } = instruction;
      return `*(u${sizeBytes * 8} *)(${address(base, offset)}) = ${operand(source, 64)}`;
    }
    case "atomic":
      return printAtomic(instruction);
    case "loadPacket": {
      const { sizeBytes, index, offset } = instruction;
      return `r0 = *(u${sizeBytes * 8} *)skb[${index === undefined ? offset : address(index, offset)}]`;
    }
    case "loadImmediate":
      return `r${instruction.destination} = ${printImmediate(instruction.source, names)}`;
    case "jump":
      return printJump(instruction, names);
    case "call":
      return printCall(instruction.target, names);
    case "exit":
      return "exit";
  }
}

function register(number: Register, width: 32 | 64): string {
  return `${width === 32 ? "w" : "r"}${number}`;
}

function operand(source: Operand, width: 32 | 64): string {
  return source.kind === "register" ? register(source.register, width) : `${source.value}`;
}

function address(base: Register, offset: number): string {
  return offset < 0 ? `r${base} - ${-offset}` : `r${base} + ${offset}`;
}

function signed(offset: number): string {
  return offset < 0 ? `${offset}` : `+${offset}`;
}

function printAtomic(instruction: AtomicInstruction): string {
  const { sizeBytes, operation, fetch, base, offset, source } = instruction;
  const bits = sizeBytes * 8;
  const width = sizeBytes === 4 ? 32 : 64;
  const value = register(source, width);
  const place = address(base, offset);
  const suffix = width === 32 ? "32_32" : "_64";
  if (operation === "exchange") return `${value} = xchg${suffix}(${place}, ${value})`;
  if (operation === "compareExchange") {
    const expected = register(0, width);
    return `${expected} = cmpxchg${suffix}(${place}, ${expected}, ${value})`;
  }
  if (fetch) return `${value} = atomic_fetch_${operation}((u${bits} *)(${place}), ${value})`;
  return `lock *(u${bits} *)(${place}) ${ATOMIC_SYMBOLS[operation]} ${value}`;
}

function printImmediate(source: LoadImmediateSource, names: PrintNames): string {
  switch (source.kind) {
    case "number":
      return `0x${BigInt.asUintN(64, source.value).toString(16)} ll`;
    case "map":
      return `map[${names.map?.(source.map) ?? source.map}]`;
    case "mapValue":
      return `map[${names.map?.(source.map) ?? source.map}][0] + ${source.byteOffset}`;
    case "variable":
      return `variable[${source.id}]`;
    case "function":
      return `subprog[${names.label?.(source.offset) ?? signed(source.offset)}]`;
    case "mapByIndex":
      return `map[idx:${source.index}]`;
    case "mapValueByIndex":
      return `map[idx:${source.index}][0] + ${source.byteOffset}`;
  }
}

function printJump({ condition, width, offset }: JumpInstruction, names: PrintNames): string {
  const target = names.label?.(offset) ?? signed(offset);
  if (condition === undefined) return `${width === 32 ? "gotol" : "goto"} ${target}`;
  const { left, test, right } = condition;
  return `if ${register(left, width)} ${CONDITION_SYMBOLS[test]} ${operand(right, width)} goto ${target}`;
}

function printCall(target: CallInstruction["target"], names: PrintNames): string {
  switch (target.kind) {
    case "helper": {
      const name = names.helper?.(target.id);
      return name === undefined ? `call ${target.id}` : `call ${name}#${target.id}`;
    }
    case "local":
      return `call ${names.label?.(target.offset) ?? `pc${signed(target.offset)}`}`;
    case "kfunc":
      return `call kfunc[${target.btfId}${target.module === 0 ? "" : `, ${target.module}`}]`;
    case "register":
      return `callx r${target.register}`;
  }
}
