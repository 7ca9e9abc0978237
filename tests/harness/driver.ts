// The portable core of the driver (driver/), compiled for this machine and called through koffi. With EBPF_DRIVER_BUILD=
// sanitized it is the library with AddressSanitizer and UBSan, whose runtime must have been preloaded.
import { readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import koffi from "koffi";
import { FAULTS, FINDINGS } from "../../core/host/kernel/wire.ts";
import { buildDriver } from "../../scripts/driver.ts";

export { FAULTS, FINDINGS } from "../../core/host/kernel/wire.ts";

export const STATUS = {
  SUCCESS: 0,
  PENDING: 0x103,
  INVALID_PARAMETER: 0xc000000d | 0,
  INVALID_DEVICE_REQUEST: 0xc0000010 | 0,
  ACCESS_DENIED: 0xc0000022 | 0,
  BUFFER_TOO_SMALL: 0xc0000023 | 0,
  NOT_SUPPORTED: 0xc00000bb | 0,
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
  /** The same, where it is no array. */
  readonly packetAddress?: bigint;
  readonly packetBytes?: bigint;
  /** r2. */
  readonly second?: bigint;
  /** Of what the hook knows, for helpers of the type. */
  readonly subject?: bigint;
  readonly budget?: number;
}

export interface Output {
  readonly result: bigint;
  readonly budget: number;
  readonly fault: (typeof FAULTS)[number];
  readonly faultSlot: number;
}

export interface DriverMap {
  /** Of the EBPF_MAP. */
  readonly address: bigint;
  readonly keySizeBytes: number;
  /** Of what is read and written: one value, or one for each processor. */
  readonly copySizeBytes: number;
}

export interface DriverProgram {
  /** Of the EBPF_PROGRAM. */
  readonly address: bigint;
}

const build = process.env.EBPF_DRIVER_BUILD === "sanitized" ? "sanitized" : "release";
/** How many random cases: a fifth with the sanitizers, which take their time. */
export const share = (count: number): number => (build === "sanitized" ? Math.ceil(count / 5) : count);

export const library = koffi.load(buildDriver(build));
const bytecodeCreate = library.func(
  "int32 BytecodeCreate(const void*, uint32, uint32, void*, _Out_ uint32*, _Out_ uint32*)",
);
const bytecodeDestroy = library.func("void BytecodeDestroy(void*)");
const programCreate = library.func(
  "int32 ProgramCreate(const void*, const void*, uint32, const void*, uint32, _Out_ void**, _Out_ uint32*, _Out_ uint32*)",
);
const programTypeFind = library.func("void *ProgramTypeFind(uint32)");
const programCompile = library.func("int32 ProgramCompile(void*, bool)");
const objectRelease = library.func("void ObjectRelease(void*)");
const programRun = library.func("void ProgramRun(void*, const void*, void*)");
const epochInitiate = library.func("int32 EpochInitiate()");
const epochSynchronize = library.func("void EpochSynchronize()");

// Threads share the library, and so its state.
if (isMainThread && epochInitiate() !== STATUS.SUCCESS) throw new Error("no memory for epochs");

/** The Nth allocation from now fails, once. */
export const failAllocation: (number: number) => void = library.func("void LinuxFailAllocation(uint64)");
/** Whether it has not come yet. */
export const failureIsDue: () => boolean = library.func("bool LinuxFailureIsDue()");
const countOutstanding = library.func("uint64 LinuxCountAllocations()");

/** Allocations that are not freed once all that can be freed is. Not to be called inside an epoch. */
export function countAllocations(): number {
  epochSynchronize();
  return Number(countOutstanding());
}

const countOutstandingBytes = library.func("uint64 LinuxCountBytes()");

/** Their bytes, as the C library rounds them up. */
export function countBytes(): number {
  epochSynchronize();
  return Number(countOutstandingBytes());
}

const codeAt = library.func("bool LinuxCodeAt(uint32, _Out_ uint64*, _Out_ uint64*)");

/** Memory for code as the system has it: what may be done with each part. */
export function codeRights(): readonly { readonly address: bigint; readonly rights: string }[] {
  const mapped = [
    ...readFileSync("/proc/self/maps", "utf8").matchAll(/^([0-9a-f]+)-([0-9a-f]+) (\S+)/gm),
  ].map(([, start, end, rights = ""]) => ({ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), rights }));
  const found: { address: bigint; rights: string }[] = [];
  const [address, size] = [[0n], [0n]];
  for (let index = 0; codeAt(index, address, size); index++) {
    const start = BigInt(address[0] ?? 0n);
    const end = start + BigInt(size[0] ?? 0n);
    for (const part of mapped)
      if (part.start < end && start < part.end) found.push({ address: start, rights: part.rights });
  }
  return found;
}

/** Code that can be written, or more than read and executed once it is sealed; told as text. */
export const writableCode = (): readonly string[] =>
  codeRights()
    .filter(({ rights }) => !rights.startsWith("r-x"))
    .map(({ address, rights }) => `${address.toString(16)} ${rights}`);

/** From now on this thread runs on that processor, wherever it runs: what is per processor stays in one place. */
export const setProcessor: (number: number) => void = library.func("void LinuxSetProcessor(uint32)");

/** A token is a struct of 8 bytes, which is passed like a number. */
export const enterEpoch: () => bigint | number = library.func("uint64 EpochEnter()");
export const exitEpoch: (token: bigint | number) => void = library.func("void EpochExit(uint64)");

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

/** Of types of programs (driver/ioctl.h); 0 is none: the program runs on plain memory. */
export const PROGRAM_TYPES = { none: 0, xdp: 1, bind: 2, cgroup_sock_addr: 3, sock_ops: 4 } as const;
export type DriverProgramType = keyof typeof PROGRAM_TYPES;

/** A program, or why there is none. The caller releases it. */
export function createProgram(
  bytes: Uint8Array,
  maps: readonly DriverMap[] = [],
  type: DriverProgramType = "none",
): DriverProgram | Finding {
  const [program, finding, slot] = [[null as bigint | null], [0], [0]];
  const addresses = BigUint64Array.from(maps, (map) => map.address);
  const slots = aligned(bytes);
  const status = programCreate(
    ...[programTypeFind(PROGRAM_TYPES[type]), slots, bytes.length >> 3, addresses, maps.length],
    ...[program, finding, slot],
  );
  if (status === STATUS.SUCCESS && program[0] != null) return { address: program[0] };
  return { status, finding: FINDINGS[finding[0] ?? -1] ?? "None", slot: slot[0] ?? 0 };
}

/** The engines of the driver; "blinded" is the JIT that hides constants. */
export const DRIVER_ENGINES = ["interpreter", "jit", "blinded"] as const;
export type DriverEngine = (typeof DRIVER_ENGINES)[number];

/** What a fixture calls them in `skip`. */
export const fixtureName = (engine: DriverEngine): string =>
  engine === "interpreter" ? "kernel-interpreter" : "kernel-jit";

/** STATUS.SUCCESS if it runs as machine code from now on. */
export const compileProgram = (program: DriverProgram, blind: boolean): number =>
  programCompile(program.address, blind);

/** A program that must be accepted. */
export function loadProgram(
  bytes: Uint8Array,
  maps: readonly DriverMap[] = [],
  engine: DriverEngine = "interpreter",
  type: DriverProgramType = "none",
): DriverProgram {
  const program = createProgram(bytes, maps, type);
  if ("status" in program) throw new Error(`refused: ${program.finding} at slot ${program.slot}`);
  if (engine !== "interpreter" && compileProgram(program, engine === "blinded") !== STATUS.SUCCESS)
    throw new Error("not compiled");
  return program;
}

export function release(object: { readonly address: bigint }): void {
  objectRelease(object.address);
}

export function runProgram(program: DriverProgram, input: Input): Output {
  const { context, packet, second = 0n, subject = 0n, budget = 1_000_000 } = input;
  const { packetAddress = address(packet), packetBytes = BigInt(packet?.length ?? 0) } = input;
  const given = new BigUint64Array([
    ...[address(context), BigInt(context?.length ?? 0)],
    ...[packetAddress, packetBytes],
    ...[second, BigInt(budget), subject],
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
export function runOnMemory(
  bytes: Uint8Array,
  memory: Uint8Array,
  engine: DriverEngine = "interpreter",
  budget?: number,
): Output {
  const program = loadProgram(bytes, [], engine);
  const second = BigInt(memory.length);
  const output = runProgram(program, {
    context: memory,
    second,
    ...(budget === undefined ? {} : { budget }),
  });
  release(program);
  return output;
}
