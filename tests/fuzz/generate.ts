// Random programs that are nearly safe: pieces that each follow the rules of the verifier most of the time, joined at
// random, then damaged in one place half of the time. The same seed gives the same program on every machine.
import type { Instruction, Operand } from "../../core/isa/instruction.ts";
import { parse } from "../../core/isa/parse.ts";
import { generator } from "../harness/mutate.ts";

type Next = (below: number) => number;

const ALU = ["+=", "-=", "*=", "/=", "s/=", "|=", "&=", "<<=", ">>=", "%=", "s%=", "^=", "s>>="];
const CONDITIONS = ["==", "!=", "&", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<="];
const IMMEDIATES = [
  0, 1, -1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 255, 256, 4095, 65535, 0x7fffffff, -0x80000000, -8,
];
const SIZES = [8, 16, 32, 64];

/** r6 is the context, r7 the packet, r8 its end; the others hold numbers. */
const NUMBERS = [0, 1, 2, 3, 4, 5, 9];

class Writer {
  readonly lines: string[] = [];
  readonly functions: string[] = [];
  readonly next: Next;
  readonly #given = new Set<number>();
  #labels = 0;

  constructor(next: Next) {
    this.next = next;
  }

  add(...lines: readonly string[]): void {
    this.lines.push(...lines);
  }

  label(): string {
    this.#labels += 1;
    return `L${this.#labels}`;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.next(list.length)]!;
  }

  chance(percent: number): boolean {
    return this.next(100) < percent;
  }

  immediate(): number {
    return this.chance(60) ? this.pick(IMMEDIATES) : this.next(300) - 20;
  }

  /** A register that holds a number; now and then any. */
  number(): number {
    const given = NUMBERS.filter((register) => this.#given.has(register));
    if (given.length === 0 || this.chance(1)) return this.pick(NUMBERS);
    return this.pick(given);
  }

  target(): number {
    const register = this.pick(NUMBERS);
    this.#given.add(register);
    return register;
  }

  give(...registers: readonly number[]): void {
    for (const register of registers) this.#given.add(register);
  }

  lose(...registers: readonly number[]): void {
    for (const register of registers) this.#given.delete(register);
  }

  /** After a call r1 to r5 are lost. */
  afterCall(): void {
    this.lose(1, 2, 3, 4, 5);
    this.give(0);
  }

  /** Bounds a register to 0..most in one of several ways; other paths leave. */
  bound(register: number, most: number): void {
    const ways: readonly (() => void)[] = [
      () => this.add(`r${register} &= ${2 ** Math.floor(Math.log2(most + 1)) - 1}`),
      () => this.add(`if r${register} > ${most} goto out`),
      () => this.add(`if r${register} >= ${most + 1} goto out`),
      () => this.add(`w${register} = w${register}`, `if w${register} > ${most} goto out`),
      () => this.add(`if r${register} s> ${most} goto out`, `if r${register} s< 0 goto out`),
      () => this.add(`r${register} %= ${most + 1}`),
      () => this.add(`r${register} <<= 32`, `r${register} >>= 32`, `if w${register} > ${most} goto out`),
      () => this.add(`if w${register} > ${most} goto out`),
      () => this.add(`r${register} >>= ${64 - Math.floor(Math.log2(most + 1))}`),
      () => {
        const other = this.target();
        this.add(`r${other} = r${register}`, `if r${other} > ${most} goto out`);
      },
    ];
    this.pick(ways)();
  }
}

function place(register: number, offset: number): string {
  return offset < 0 ? `r${register} - ${-offset}` : `r${register} + ${offset}`;
}

function alu(w: Writer): void {
  const wide = w.chance(60) ? "r" : "w";
  const left = w.number();
  const operation = w.pick(ALU);
  const right = w.chance(50) ? `${wide}${w.number()}` : `${w.immediate()}`;
  w.add(`${wide}${left} ${operation} ${right}`);
}

function move(w: Writer): void {
  const from = w.number();
  const to = w.target();
  w.add(
    w.pick([
      `r${to} = r${from}`,
      `w${to} = w${from}`,
      `r${to} = ${w.immediate()}`,
      `w${to} = ${w.immediate()}`,
      `r${to} = (s8)r${from}`,
      `r${to} = (s16)r${from}`,
      `r${to} = (s32)r${from}`,
      `w${to} = (s8)w${from}`,
      `w${to} = (s16)w${from}`,
      `r${to} = ${w.pick(["0x8000000000000000", "0xffffffff00000000", "0x100000000", "0x7fffffffffffffff", "0x1fffffffffffff"])} ll`,
    ]),
  );
}

function unary(w: Writer): void {
  const register = w.number();
  w.add(
    w.pick([
      `r${register} = -r${register}`,
      `w${register} = -w${register}`,
      `r${register} = be16 r${register}`,
      `r${register} = be32 r${register}`,
      `r${register} = be64 r${register}`,
      `r${register} = le16 r${register}`,
      `r${register} = le32 r${register}`,
      `r${register} = bswap32 r${register}`,
    ]),
  );
}

function unknown(w: Writer): void {
  const register = w.target();
  w.add(
    w.pick([
      `r${register} = *(u32 *)(r6 + 24)`,
      `r${register} = *(u8 *)(r6 + 25)`,
      `r${register} = *(s32 *)(r6 + 24)`,
      `r${register} = *(s16 *)(r6 + 26)`,
    ]),
  );
}

function branch(w: Writer, depth: number): void {
  const wide = w.chance(60) ? "r" : "w";
  const right = w.chance(40) ? `${wide}${w.number()}` : `${w.immediate()}`;
  const label = w.label();
  w.add(`if ${wide}${w.number()} ${w.pick(CONDITIONS)} ${right} goto ${label}`);
  for (let count = w.next(3); count >= 0; count--) piece(w, depth + 1);
  w.add(`${label}:`);
}

function stackStore(w: Writer): void {
  const bits = w.pick(SIZES);
  const offset = w.chance(80) ? (1 + w.next(6)) * 8 : 1 + w.next(60);
  const value = w.chance(70) ? `r${w.number()}` : `${w.immediate()}`;
  w.add(`*(u${bits} *)(r10 - ${offset}) = ${value}`);
}

function stackLoad(w: Writer): void {
  const bits = w.pick(SIZES);
  const offset = w.chance(80) ? (1 + w.next(6)) * 8 : 8 + w.next(50);
  const sign = bits < 64 && w.chance(20) ? "s" : "u";
  w.add(`r${w.target()} = *(${sign}${bits} *)(r10 - ${offset})`);
}

function spillPointer(w: Writer): void {
  const offset = (1 + w.next(6)) * 8;
  const context = w.chance(50);
  w.add(`*(u64 *)(r10 - ${offset}) = r${context ? 6 : 7}`);
  if (w.chance(30)) stackStore(w);
  if (w.chance(20)) variableStack(w);
  w.add(`r1 = *(u64 *)(r10 - ${offset})`);
  w.lose(1);
  if (context) w.add(`r${w.target()} = *(u32 *)(r1 + 24)`);
  w.add("r1 = 0", `*(u64 *)(r10 - ${offset}) = 1`);
  w.give(1);
}

function variableStack(w: Writer): void {
  const index = w.pick([0, 2, 3, 4, 5, 9]);
  w.add(`r${index} = *(u32 *)(r6 + 24)`);
  w.give(index);
  w.bound(index, w.pick([3, 7, 15, 31]));
  const base = (1 + w.next(6)) * 8;
  const bits = w.pick(SIZES);
  w.add("r1 = r10", `r1 += -${base + w.next(3)}`, `r1 ${w.chance(85) ? "+=" : "-="} r${index}`);
  const at = w.next(5) - 1;
  if (w.chance(50)) w.add(`*(u${bits} *)(${place(1, at)}) = ${w.immediate()}`);
  else w.add(`r0 = *(u${bits} *)(${place(1, at)})`);
  w.give(0);
  w.add("r1 = 5");
  w.give(1);
}

function packet(w: Writer): void {
  const length = 1 + w.next(40);
  const bytes = w.pick([1, 2, 4, 8]);
  w.add("r1 = r7");
  if (w.chance(50)) {
    const index = w.pick([0, 3, 4, 5, 9]);
    unknownInto(w, index);
    w.bound(index, w.pick([7, 15, 60, 255]));
    w.add(`r1 += r${index}`);
    if (w.chance(20)) w.add(`r1 -= ${w.next(10)}`.replace("-= ", "+= -"));
  }
  w.add("r2 = r1", `r2 += ${length}`);
  const label = w.label();
  const [condition, proves] = w.pick([
    [`if r2 > r8 goto ${label}`, length],
    [`if r2 >= r8 goto ${label}`, length + 1],
    [`if r8 < r2 goto ${label}`, length],
    [`if r8 <= r2 goto ${label}`, length + 1],
    [`if r2 != r8 goto ${label}`, length],
    [`if r2 <= r8 goto +1\ngoto ${label}`, length],
    [`if r2 < r8 goto +1\ngoto ${label}`, length + 1],
    [`if r8 > r2 goto +1\ngoto ${label}`, length + 1],
  ] as const);
  const at = Math.max(proves - bytes - (w.chance(60) ? w.next(length) : 0), -1) + (w.chance(4) ? 1 : 0);
  const access = w.chance(70)
    ? `r0 = *(u${bytes * 8} *)(${place(1, at)})`
    : `*(u${bytes * 8} *)(${place(1, at)}) = ${w.immediate()}`;
  w.add("r0 = 1", condition, access, `${label}:`, "r1 = 3", "r2 = 4");
  w.give(0, 1, 2);
}

function unknownInto(w: Writer, register: number): void {
  w.add(`r${register} = *(u${w.pick([8, 32])} *)(r6 + 24)`);
  w.give(register);
}

/** Map 0: array of 4 values of 16 bytes; map 1: hash of 8-byte keys and values. */
function mapValue(w: Writer): void {
  const hash = w.chance(30);
  const size = hash ? 8 : 16;
  w.add(`*(u64 *)(r10 - 64) = ${w.next(5)}`, "r2 = r10", "r2 += -64", `r1 = map[${hash ? 1 : 0}]`, "call 1");
  w.afterCall();
  w.lose(0);
  const label = w.label();
  const copy = w.chance(30);
  if (copy) w.add("r9 = r0");
  const pointer = copy && w.chance(50) ? 9 : 0;
  w.add(w.chance(95) ? `if r${copy && w.chance(50) ? 9 : 0} == 0 goto ${label}` : "r3 = 0");
  const bytes = w.pick([1, 2, 4, 8]);
  let room = size - bytes;
  if (w.chance(50)) {
    w.add("r3 = *(u32 *)(r6 + 24)");
    const most = w.pick([3, 7]);
    w.give(3);
    w.bound(3, most);
    if (w.chance(30)) {
      w.add("r3 <<= 1");
      room -= most;
    }
    w.add(`r${pointer} += r3`);
    room -= most;
  }
  const at = room > 0 ? w.next(room + 1) + (w.chance(4) ? 1 : 0) : 0;
  if (w.chance(20) && bytes >= 4)
    w.add("r4 = 1", `lock *(u${bytes * 8} *)(r${pointer} + ${at & ~7}) += ${bytes === 8 ? "r" : "w"}4`);
  else if (w.chance(50)) w.add(`*(u${bytes * 8} *)(r${pointer} + ${at}) = ${w.immediate()}`);
  else w.add(`r1 = *(u${bytes * 8} *)(r${pointer} + ${at})`);
  w.add(`${label}:`, "r0 = 1", "r9 = 2", "r1 = 3", "r3 = 7", "r4 = 0");
  w.give(0, 1, 3, 4, 9);
}

function helper(w: Writer): void {
  const offset = 8 + w.next(48);
  if (w.chance(50)) {
    w.add("r1 = r10", `r1 += -${offset}`);
    if (w.chance(60)) w.add(`r2 = ${1 + w.next(offset)}`);
    else {
      unknownInto(w, 2);
      w.bound(2, w.pick([7, 15]));
    }
    w.add(`r3 = ${w.next(256)}`, "call 24", "r0 = 0");
  } else {
    w.add(
      "r2 = r10",
      `r2 += -${Math.max(offset, 8)}`,
      "r3 = r10",
      `r3 += -${Math.max(offset, 8)}`,
      "r4 = 0",
      "r1 = map[1]",
      "call 2",
    );
  }
  w.afterCall();
}

function loop(w: Writer): void {
  const label = w.label();
  const rounds = 2 + w.next(12);
  const down = w.chance(30);
  const step = 1 + w.next(2);
  w.add(`*(u64 *)(r10 - 72) = ${down ? rounds : 0}`, `${label}:`);
  for (let count = w.next(2); count >= 0; count--) w.pick([alu, move, unary, stackStore, packet])(w);
  w.add("r5 = *(u64 *)(r10 - 72)", `r5 += ${down ? -1 : step}`, "*(u64 *)(r10 - 72) = r5");
  w.add(down ? `if r5 != 0 goto ${label}` : `if r5 < ${rounds} goto ${label}`);
  w.give(5);
}

function loopOverMemory(w: Writer): void {
  const label = w.label();
  const rounds = 1 + w.next(16);
  w.add("r1 = map[2][0] + 0", "r2 = 0", "r3 = 0", `${label}:`);
  w.add(w.chance(50) ? "r0 = *(u8 *)(r1 + 0)" : "*(u8 *)(r1 + 0) = 7");
  w.add(`r1 += ${1 + w.next(2)}`, "r2 += 1", `if r2 < ${rounds} goto ${label}`, "r1 = 0", "r0 = 0");
  w.give(0, 1, 2, 3);
}

function localCall(w: Writer): void {
  const name = w.label();
  const writer = new Writer(w.next);
  w.add("r1 = r10", `r1 += -${8 * (1 + w.next(4))}`, `r2 = ${w.immediate()}`, `call ${name}`);
  w.afterCall();
  writer.add(`${name}:`, "r0 = r2");
  writer.give(0, 2);
  const body = w.pick(["*(u64 *)(r1 + 0) = r2", "*(u32 *)(r1 + 4) = r2", "r0 = *(u64 *)(r1 + 0)", "r0 = 3"]);
  writer.add(body);
  for (let count = w.next(3); count > 0; count--) writer.pick([alu, move, unary, stackStore])(writer);
  writer.add("r0 = 1".repeat(w.next(2)), "exit");
  w.functions.push(...writer.lines.filter((line) => line !== ""));
  // Pieces of the caller may use r1 again as a number.
  w.add("r1 = 0");
  w.give(1);
}

/** Tries to let an address out; a sound verifier refuses nearly all of these. */
function leak(w: Writer): void {
  const label = w.label();
  const attempt = w.pick([
    ["r0 = r6", "exit"],
    ["r9 = r10", "r9 -= r6"],
    ["r9 = r8", "r9 -= r7"],
    [`if r10 > r7 goto ${label}`, "r9 = 1", `${label}:`],
    [`if r6 > 100000 goto ${label}`, "r9 = 1", `${label}:`],
    [`if w7 > 100000 goto ${label}`, "r9 = 1", `${label}:`],
    ["r1 = map[2][0] + 0", "*(u64 *)(r1 + 8) = r6"],
    ["r1 = map[2][0] + 0", "*(u32 *)(r1 + 8) = r7"],
    ["r1 = map[2][0] + 0", "lock *(u64 *)(r1 + 8) += r6"],
    ["w9 = w7"],
    ["r9 = r7", "r9 *= 3"],
    ["r9 = r7", "r9 &= 4095"],
    ["r9 = r7", "w9 += 1"],
    ["*(u64 *)(r10 - 8) = r6", "r9 = *(u32 *)(r10 - 8)"],
    ["*(u64 *)(r10 - 8) = r6", "r9 = *(u16 *)(r10 - 7)"],
    ["*(u32 *)(r10 - 8) = r6", "r9 = *(u32 *)(r10 - 8)"],
    ["*(u64 *)(r10 - 8) = r6", "r2 = r10", "r2 += -8", "r3 = r2", "r1 = map[1]", "r4 = 0", "call 2"],
    ["r1 = r10", "r1 += -8", "r2 = 8", "r3 = r7", "call 24"],
  ]);
  w.add(...attempt, "r0 = 0", "r9 &= 65535", "r1 = 0", "*(u64 *)(r10 - 8) = 1");
  w.lose(2, 3, 4, 5);
  w.give(0, 1, 9);
}

function piece(w: Writer, depth: number): void {
  if (w.chance(1)) leak(w);
  const kind = w.next(100);
  if (kind < 22) alu(w);
  else if (kind < 30) move(w);
  else if (kind < 34) unary(w);
  else if (kind < 40) unknown(w);
  else if (kind < 48) w.bound(w.number(), w.pick([3, 7, 15, 255]));
  else if (kind < 56 && depth < 3) branch(w, depth);
  else if (kind < 63) stackStore(w);
  else if (kind < 68) stackLoad(w);
  else if (kind < 72) spillPointer(w);
  else if (kind < 77) variableStack(w);
  else if (kind < 84) packet(w);
  else if (kind < 90) mapValue(w);
  else if (kind < 93) helper(w);
  else if (kind < 95 && depth === 0) loop(w);
  else if (kind < 97 && depth === 0) loopOverMemory(w);
  else if (kind < 99 && depth === 0) localCall(w);
  else atomicOnStack(w);
}

function atomicOnStack(w: Writer): void {
  const offset = 8 * (1 + w.next(6));
  const register = w.number();
  w.add(`*(u64 *)(r10 - ${offset}) = ${w.immediate()}`);
  w.add(
    w.pick([
      `lock *(u64 *)(r10 - ${offset}) += r${register}`,
      `r${register} = atomic_fetch_add((u64 *)(r10 - ${offset}), r${register})`,
      `w${register} = atomic_fetch_xor((u32 *)(r10 - ${offset}), w${register})`,
      `r${register} = xchg_64(r10 - ${offset}, r${register})`,
      `r0 = cmpxchg_64(r10 - ${offset}, r0, r${register})`,
      `w0 = cmpxchg32_32(r10 - ${offset}, w0, w${register})`,
    ]),
  );
}

/** The assembly text of a program; it may or may not be safe. Maps: see mapValue; map 2 is 16 bytes of data. */
export function generateText(next: Next): string {
  const w = new Writer(next);
  w.add("r6 = r1", "r7 = *(u64 *)(r6 + 0)", "r8 = *(u64 *)(r6 + 8)");
  for (const register of NUMBERS) {
    if (w.chance(70)) w.add(`r${register} = ${w.immediate()}`);
    else w.add(`r${register} = *(u32 *)(r6 + 24)`);
    w.give(register);
  }
  for (let slot = 1; slot <= 6; slot++) if (w.chance(85)) w.add(`*(u64 *)(r10 - ${8 * slot}) = ${slot}`);
  for (let count = 3 + w.next(14); count > 0; count--) piece(w, 0);
  w.add(w.chance(50) ? `r0 = r${w.number()}` : "r0 = r9", "exit");
  w.add("out:", "r0 = 1", "exit", ...w.functions);
  return w.lines.join("\n");
}

function mutateOperand(next: Next, operand: Operand): Operand {
  if (operand.kind === "register") return { kind: "register", register: next(11) };
  const change = [1, -1, 8, -8, 0x7fffffff][next(5)] ?? 1;
  return { kind: "immediate", value: (operand.value + change) | 0 };
}

/** One change to one instruction. */
function mutateInstruction(next: Next, instruction: Instruction): Instruction {
  switch (instruction.kind) {
    case "alu":
      if (next(3) === 0) return { ...instruction, width: instruction.width === 32 ? 64 : 32 };
      if (next(2) === 0) return { ...instruction, destination: next(10) };
      return { ...instruction, source: mutateOperand(next, instruction.source) };
    case "mov":
      return { ...instruction, source: mutateOperand(next, instruction.source) };
    case "load":
      if (next(2) === 0) return { ...instruction, base: next(11) };
      return { ...instruction, offset: instruction.offset + (next(2) === 0 ? 1 : -1) * [1, 4, 8][next(3)]! };
    case "store":
      if (next(2) === 0) return { ...instruction, source: mutateOperand(next, instruction.source) };
      return { ...instruction, offset: instruction.offset + (next(2) === 0 ? 1 : -1) * [1, 4, 8][next(3)]! };
    case "jump": {
      if (instruction.condition === undefined) return instruction;
      const { condition } = instruction;
      const tests = ["eq", "ne", "set", "ugt", "uge", "ult", "ule", "sgt", "sge", "slt", "sle"] as const;
      if (next(2) === 0) return { ...instruction, condition: { ...condition, test: tests[next(11)]! } };
      return { ...instruction, condition: { ...condition, right: mutateOperand(next, condition.right) } };
    }
    default:
      return instruction;
  }
}

export function generateProgram(seed: number): readonly Instruction[] {
  const next = generator(seed);
  const instructions = parse(generateText(next));
  if (next(2) === 0) return instructions;
  const at = next(instructions.length);
  return instructions.map((instruction, index) =>
    index === at ? mutateInstruction(next, instruction) : instruction,
  );
}
