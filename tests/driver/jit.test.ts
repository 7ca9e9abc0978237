// The JIT against the interpreter, instruction by instruction: every row of the instruction set with random registers and
// values, all registers and the memory compared. And what its code is like: never writable and executable, constants
// hidden when asked, nothing kept when memory is short.
import { readFileSync } from "node:fs";
import test from "ava";
import koffi from "koffi";
import { encode } from "../../core/isa/encode.ts";
import { OPCODES, type OpcodeRow, opcodeName } from "../../core/isa/opcode.ts";
import { parse } from "../../core/isa/parse.ts";
import { bytesOf } from "../core/isa/arbitrary.ts";
import {
  compileProgram,
  countAllocations,
  createProgram,
  DRIVER_ENGINES,
  type DriverProgram,
  failAllocation,
  loadProgram,
  release,
  runOnMemory,
  runProgram,
  STATUS,
  share,
} from "../harness/driver.ts";
import { generator } from "../harness/mutate.ts";

const REGISTERS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
/** The memory: 64 bytes that the instruction works on, and then a place for each register. */
const WORK_BYTES = 64;
const VALUES = [0n, 1n, -1n, 2n, 63n, 64n, 31n, 32n, 33n, 0x7fffffffn, 0x80000000n, -0x80000000n, 1n << 32n];
const WIDE = [...VALUES, 1n << 63n, (1n << 63n) - 1n, 0xffffffffn, 0x8000n, 0x80n, 0xff00ff00ff00ff00n];

/** What division has answers of its own for, of 32 and 64 bits. */
const EXTREMES = [0n, 1n, -1n, -1n, -0x80000000n, 0x80000000n, 1n << 63n, 1n << 63n];

type Next = (below: number) => number;

function value(next: Next): bigint {
  const random = (BigInt(next(2 ** 32)) << 32n) | BigInt(next(2 ** 32));
  return next(2) === 0 ? BigInt.asUintN(64, WIDE[next(WIDE.length)] ?? 0n) : random >> BigInt(next(64));
}

function immediate(next: Next): number {
  const chosen = next(2) === 0 ? (VALUES[next(VALUES.length)] ?? 0n) : BigInt(next(2 ** 32));
  return Number(BigInt.asIntN(32, chosen));
}

const isDivision = ({ shape }: OpcodeRow): boolean => shape.kind === "alu" && /div|mod/.test(shape.operation);

/** Makes what is compared equal: r0 is what is in memory, with something above it if that has 32 bits. */
function equalize(row: OpcodeRow, base: number, offset: number): string {
  if (row.shape.kind !== "atomic" || row.shape.operation !== "compareExchange" || base === 0) return "";
  const size = row.shape.sizeBytes * 8;
  const above = "*(u32 *)(r10 - 128) = r0\n*(u32 *)(r10 - 124) = 5\nr0 = *(u64 *)(r10 - 128)";
  return `r0 = *(u${size} *)(r${base} + ${offset})\n${size === 32 ? above : ""}`;
}

/** The row between a prologue that sets all registers and an epilogue that writes them all to memory. */
function programOf(row: OpcodeRow, next: Next): Uint8Array {
  const { kind } = row.shape;
  const [destination, source] = [next(10), next(10)];
  const base = kind === "load" ? source : destination;
  const isMemory = kind === "load" || kind === "store" || kind === "atomic";
  const extreme = isDivision(row) && next(2) === 0;
  const choose = (): bigint =>
    extreme ? BigInt.asUintN(64, EXTREMES[next(EXTREMES.length)] ?? 0n) : value(next);
  const set = REGISTERS.map((register) => `r${register} = ${choose()} ll`).join("\n");
  const offset = isMemory ? (kind === "atomic" ? next(8) * 8 : next(57)) : 1;
  const equal = next(2) === 0 ? equalize(row, base, offset) : "";
  const before = `*(u64 *)(r10 - 8) = r1\n${set}\n${isMemory ? `r${base} = *(u64 *)(r10 - 8)` : ""}\n${equal}`;
  const constant = extreme ? Number(BigInt.asIntN(32, choose())) : immediate(next);
  const one = bytesOf(row, { destination, source, offset, immediate: constant, next: immediate(next) });
  const saved = REGISTERS.map((register) => `*(u64 *)(r10 - ${16 + register * 8}) = r${register}`).join("\n");
  const after = REGISTERS.map(
    (register) =>
      `r2 = *(u64 *)(r10 - ${16 + register * 8})\n*(u64 *)(r1 + ${WORK_BYTES + register * 8}) = r2`,
  ).join("\n");
  // A jump that is taken goes over the exit.
  const skipped = kind === "jump" ? "exit\n" : "";
  return Uint8Array.from([
    ...encode(parse(before)),
    ...one,
    ...encode(parse(`${skipped}${saved}\nr1 = *(u64 *)(r10 - 8)\n${after}\nr0 = 1\nexit`)),
  ]);
}

/** Rows that one instruction can be tested of; what leads elsewhere is in the fixtures. */
const ROWS = OPCODES.filter(({ shape }) => {
  if (shape.kind === "loadImmediate") return shape.source === "number";
  if (shape.kind === "jump") return shape.test !== undefined;
  return !["call", "exit", "loadPacket"].includes(shape.kind);
});

test("each instruction, with any registers and values, does the same in every engine", (t) => {
  const next = generator(77);
  const memory = new Uint8Array(WORK_BYTES + REGISTERS.length * 8);
  for (const row of ROWS) {
    for (let count = 0; count < share(60); count++) {
      const code = programOf(row, next);
      const given = Uint8Array.from({ length: memory.length }, () => next(256));
      const results = DRIVER_ENGINES.map((engine) => {
        // In one place, so that addresses in registers are the same too.
        memory.set(given);
        const { result, fault } = runOnMemory(code, memory, engine);
        return `${fault} r0 ${result.toString(16)} ${Buffer.from(memory).toString("hex")}`;
      });
      if (results.every((result) => result === results[0])) continue;
      return t.fail(`${opcodeName(row)}: ${Buffer.from(code).toString("hex")}\n${results.join("\n")}`);
    }
  }
  t.true(ROWS.length > 150);
});

/** Numbers at the edges of quotients, of 32 and 64 bits, and others. */
function dividends(next: Next, divisor: number): bigint[] {
  const edges = [32, 64].flatMap((bits) => {
    const by = BigInt.asUintN(bits, BigInt(divisor)) || 1n;
    const last = ((1n << BigInt(bits)) - 1n) / by;
    const quotients = [1n, 2n, last >> 1n, (last * BigInt(next(2 ** 31))) >> 31n, last - 1n, last];
    return quotients.flatMap((quotient) => [-1n, 0n, 1n].map((more) => quotient * by + more));
  });
  const others = Array.from({ length: 20 }, () => value(next));
  return [...edges, ...WIDE, ...others].map((number) => BigInt.asUintN(64, number));
}

const DIVISIONS = ["r /= d", "r %= d", "w /= d", "w %= d"] as const;
/** A number, and what each of the divisions makes of it. */
const ROW_BYTES = 8 * (1 + DIVISIONS.length);

/** Divides each number in memory in some register. All others keep what they have: r0 is the sum of them. */
function divisionProgram(next: Next, divisor: number, count: number): string {
  const registers = [0, 2, 3, 4, 5, 6, 7, 9];
  const body = DIVISIONS.map((text, index) => {
    const register = registers[next(registers.length)] ?? 0;
    const division = text.replace(/[rw]/, `$&${register}`).replace("d", `${divisor}`);
    return `r${register} = *(u64 *)(r8 + 0)\n${division}\n*(u64 *)(r8 + ${8 + index * 8}) = r${register}`;
  });
  const lines = [
    ...["r8 = r1", ...registers.map((register) => `r${register} = 1${register}`), `r1 = ${count}`],
    ...["again:", ...body, `r8 += ${ROW_BYTES}`, "r1 -= 1", "if r1 != 0 goto again"],
    ...[...registers.slice(1).map((register) => `r0 += r${register}`), "exit"],
  ];
  return lines.join("\n");
}

function divide(number: bigint, divisor: number): bigint[] {
  return [64, 32].flatMap((bits) => {
    const [left, right] = [BigInt.asUintN(bits, number), BigInt.asUintN(bits, BigInt(divisor))];
    return right === 0n ? [0n, left] : [left / right, left % right];
  });
}

test("division by any constant has the quotient and the rest", (t) => {
  const next = generator(5);
  const powers = Array.from({ length: 31 }, (_, power) => 2 ** power);
  const around = powers.flatMap((power) => [power - 1, power, power + 1, -power]);
  const divisors = [...around, 7, 11, 641, 6700417, 1e9, -(2 ** 31), 2 ** 31 - 1];
  for (let count = 0; count < share(150); count++) divisors.push(immediate(next));
  for (const divisor of divisors) {
    const numbers = dividends(next, divisor);
    const given = new BigUint64Array(numbers.flatMap((number) => [number, 0n, 0n, 0n, 0n]));
    const expected = numbers.flatMap((number) => [number, ...divide(number, divisor)]);
    const code = encode(parse(divisionProgram(next, divisor, numbers.length)));
    const results = DRIVER_ENGINES.map((engine) => {
      const words = given.slice();
      const { result, fault } = runOnMemory(code, new Uint8Array(words.buffer), engine);
      const wrong = words.findIndex((word, index) => word !== expected[index]);
      if (wrong >= 0)
        t.fail(`${engine}: ${expected[wrong - (wrong % 5)]}, ${DIVISIONS[(wrong % 5) - 1]}: d = ${divisor}`);
      return `${fault} ${result}`;
    });
    t.is(new Set(results).size, 1, `${divisor}: ${results.join(", ")}`);
  }
});

/** Of EBPF_PROGRAM: where JIT_CODE has the address and the size of the code. */
function codeOf(program: DriverProgram): { start: bigint; bytes: Buffer } {
  const words = new BigUint64Array(koffi.view(program.address, 512).slice(0));
  // Entry and Memory are the same address, and a size below a megabyte follows.
  const at = words.findIndex((word, index) => word !== 0n && word === words[index + 1]);
  const start = words[at] ?? 0n;
  const size = Number((words[at + 2] ?? 0n) & 0xffff_ffffn);
  return { start, bytes: Buffer.from(koffi.view(start, size).slice(0)) };
}

test("code is executable and not writable", (t) => {
  const program = loadProgram(encode(parse("r0 = 1\nexit")), [], "jit");
  const { start } = codeOf(program);
  const lines = readFileSync("/proc/self/maps", "utf8").split("\n");
  const own = lines.find((line) => {
    const [from = 0n, to = 0n] = (line.split(" ")[0] ?? "")
      .split("-")
      .map((text) => BigInt(`0x${text || "0"}`));
    return start >= from && start < to;
  });
  t.regex(own ?? "", /^\S+ r-xp /);
  release(program);
});

test("blinded code has no constant of the program in it", (t) => {
  const text = `
    r1 = 0x1122334455667788 ll
    r2 = 0x5a5a1234
    r2 += 0x5a5a1234
    w2 *= 0x5a5a1234
    r2 ^= 0x5a5a1234
    r2 /= 0x5a5a1234
    r2 %= 0x5a5a1234
    r2 &= 0x5a5a1234
    r3 = r2
    r3 += 0x5a5a1234
    r3 -= 0x5a5a1234
    w3 = w2
    w3 += 0x5a5a1234
    *(u32 *)(r10 - 4) = 0x5a5a1234
    if r2 == 0x5a5a1234 goto +0
    if w2 != 0x5a5a1234 goto +0
    if r2 > 0x5a5a1234 goto +0
    if w2 & 0x5a5a1234 goto +0
    r0 = 7
    exit`;
  const constants = [Buffer.from("34125a5a", "hex"), Buffer.from("8877665544332211", "hex")];
  for (const engine of ["jit", "blinded"] as const) {
    const program = loadProgram(encode(parse(text)), [], engine);
    const { bytes } = codeOf(program);
    for (const constant of constants) t.is(bytes.includes(constant), engine === "jit");
    t.is(runProgram(program, {}).result, 7n);
    release(program);
  }
});

test("what fails while it compiles leaves the program interpreted, and nothing behind", (t) => {
  const before = countAllocations();
  const program = createProgram(encode(parse("r0 = 9\nexit")));
  if ("status" in program) return t.fail(program.finding);
  const loaded = countAllocations();
  const statuses: number[] = [];
  for (let number = 1; ; number++) {
    failAllocation(number);
    const status = compileProgram(program, false);
    failAllocation(0);
    statuses.push(status);
    t.is(runProgram(program, {}).result, 9n);
    if (status === STATUS.SUCCESS) break;
    t.is(countAllocations(), loaded);
  }
  t.deepEqual(statuses, [STATUS.NO_MEMORY, STATUS.NO_MEMORY, STATUS.NOT_SUPPORTED, STATUS.SUCCESS]);
  release(program);
  t.is(countAllocations(), before);
});
