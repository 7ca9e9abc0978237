// The portable core of the driver (driver/), compiled for this machine and called through koffi. With EBPF_DRIVER_BUILD=
// sanitized it is the library with AddressSanitizer and UBSan, whose runtime must have been preloaded.
import koffi from "koffi";
import { buildDriver } from "../../scripts/driver.ts";

/** By number in driver/bytecode.h. */
export const FINDINGS = [
  "None",
  "InstructionInvalid",
  "InstructionUnsupported",
  "FramePointerReadOnly",
  "MapUnknown",
  "JumpOutOfRange",
  "FallThrough",
  "Recursion",
  "CallDepth",
  "TooComplex",
  "HelperUnknown",
] as const;

/** By number in driver/run.h. */
export const FAULTS = ["None", "OutOfBounds", "ReadOnly", "Misaligned", "Budget"] as const;

export const STATUS = {
  SUCCESS: 0,
  NO_MEMORY: 0xc0000017 | 0,
  INVALID_IMAGE_FORMAT: 0xc000007b | 0,
} as const;

export interface Finding {
  readonly status: number;
  readonly finding: (typeof FINDINGS)[number];
  readonly slot: number;
}

export interface Input {
  /** r1: absent or empty, it is null. */
  readonly context?: Uint8Array;
  readonly packet?: Uint8Array;
  /** r2. */
  readonly second?: bigint;
  readonly budget?: number;
}

export interface Output {
  readonly result: bigint;
  readonly budget: number;
  readonly fault: (typeof FAULTS)[number];
  readonly faultSlot: number;
}

export interface DriverProgram {
  /** Of the EBPF_PROGRAM. */
  readonly address: bigint;
}

const build = process.env.EBPF_DRIVER_BUILD === "sanitized" ? "sanitized" : "release";
const library = koffi.load(buildDriver(build));
const bytecodeCreate = library.func(
  "int32 BytecodeCreate(const void*, uint32, uint32, void*, _Out_ uint32*, _Out_ uint32*)",
);
const bytecodeDestroy = library.func("void BytecodeDestroy(void*)");
const programCreate = library.func(
  "int32 ProgramCreate(const void*, uint32, _Out_ void**, _Out_ uint32*, _Out_ uint32*)",
);
const programDestroy = library.func("void ProgramDestroy(void*)");
const programRun = library.func("void ProgramRun(void*, const void*, void*)");

/** The Nth allocation from now fails, once. */
export const failAllocation: (number: number) => void = library.func("void LinuxFailAllocation(uint64)");
export const countAllocations = (): number => Number(library.func("uint64 LinuxCountAllocations()")());

const address = (bytes: Uint8Array | undefined): bigint =>
  bytes === undefined || bytes.length === 0 ? 0n : BigInt(koffi.address(bytes));

/** Slots of whole instructions; a copy, so that it begins at a multiple of 8. */
const aligned = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

/** What the structural check says; what it allocates is freed again. */
export function checkBytecode(bytes: Uint8Array, mapCount = 0): Finding {
  const bytecode = new Uint8Array(24);
  const [finding, slot] = [[0], [0]];
  const status = bytecodeCreate(aligned(bytes), bytes.length >> 3, mapCount, bytecode, finding, slot);
  if (status === STATUS.SUCCESS) bytecodeDestroy(bytecode);
  return { status, finding: FINDINGS[finding[0] ?? -1] ?? "None", slot: slot[0] ?? 0 };
}

/** A program, or why there is none. The caller frees it. */
export function createProgram(bytes: Uint8Array): DriverProgram | Finding {
  const [program, finding, slot] = [[null as bigint | null], [0], [0]];
  const status = programCreate(aligned(bytes), bytes.length >> 3, program, finding, slot);
  if (status === STATUS.SUCCESS && program[0] != null) return { address: program[0] };
  return { status, finding: FINDINGS[finding[0] ?? -1] ?? "None", slot: slot[0] ?? 0 };
}

export function destroyProgram(program: DriverProgram): void {
  programDestroy(program.address);
}

export function runProgram(program: DriverProgram, input: Input): Output {
  const { context, packet, second = 0n, budget = 1_000_000 } = input;
  const given = new BigUint64Array([
    ...[address(context), BigInt(context?.length ?? 0)],
    ...[address(packet), BigInt(packet?.length ?? 0)],
    ...[second, BigInt(budget)],
  ]);
  const output = new BigUint64Array(3);
  programRun(program.address, given, output);
  const [result = 0n, left = 0n, fault = 0n] = output;
  return {
    result,
    budget: Number(left),
    fault: FAULTS[Number(fault & 0xffff_ffffn)] ?? "None",
    faultSlot: Number(fault >> 32n),
  };
}

/** Loads, runs once on plain memory (r1, its length in r2) and frees. Throws if the program is refused. */
export function runOnMemory(bytes: Uint8Array, memory: Uint8Array, budget?: number): Output {
  const program = createProgram(bytes);
  if ("status" in program) throw new Error(`refused: ${program.finding} at slot ${program.slot}`);
  try {
    const second = BigInt(memory.length);
    return runProgram(program, { context: memory, second, ...(budget === undefined ? {} : { budget }) });
  } finally {
    destroyProgram(program);
  }
}
