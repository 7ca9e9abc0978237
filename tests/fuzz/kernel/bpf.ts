// bpf(2) as the kernel comparison needs it: maps made and filled, a program put to the kernel's verifier. Structures are
// union bpf_attr of uapi/linux/bpf.h, field by field at their offsets. Knows no Program (load.ts).
import koffi from "koffi";

const SYSCALL: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };
const COMMANDS = { mapCreate: 0, mapUpdate: 2, programLoad: 5, btfLoad: 18, mapFreeze: 22 } as const;
const ATTRIBUTE_BYTES = 160;
/** EPERM, EACCES, ENOSYS: what tells that nobody here may ask, or that nobody can. */
const NOT_PERMITTED: ReadonlySet<number> = new Set([1, 13, 38]);

/** What a field of bpf_attr holds: a number of 32 bits, or memory, of which it is the address. */
type Fields = Readonly<Record<number, number | Uint8Array>>;

interface Library {
  syscall(number: number, command: number, attribute: Uint8Array, sizeBytes: number): number;
  close(descriptor: number): number;
}

let library: Library | undefined;

function openLibrary(): Library {
  const found = koffi.load(null);
  library ??= {
    syscall: found.func("syscall", "long", ["long", "int", "void *", "uint"]) as Library["syscall"],
    close: found.func("close", "int", ["int"]) as Library["close"],
  };
  return library;
}

export class BpfError extends Error {
  readonly errno: number;
  constructor(what: string, errno: number) {
    super(`bpf(2), ${what}: errno ${errno}`);
    this.errno = errno;
  }
}

/** A descriptor, or what the command answers. Memory in `fields` is kept until the call is over. */
function bpf(command: keyof typeof COMMANDS, fields: Fields): number {
  const attribute = new Uint8Array(ATTRIBUTE_BYTES);
  const view = new DataView(attribute.buffer);
  for (const [offset, value] of Object.entries(fields)) {
    if (typeof value === "number") view.setUint32(Number(offset), value, true);
    else view.setBigUint64(Number(offset), BigInt(koffi.address(value)), true);
  }
  const number = SYSCALL[process.arch];
  if (number === undefined) throw new Error(`bpf(2) has no number here for ${process.arch}`);
  const answer = openLibrary().syscall(number, COMMANDS[command], attribute, ATTRIBUTE_BYTES);
  if (answer < 0) throw new BpfError(command, koffi.errno());
  return answer;
}

export function closeDescriptor(descriptor: number): void {
  openLibrary().close(descriptor);
}

export interface MapAttributes {
  readonly type: number;
  readonly keySizeBytes: number;
  readonly valueSizeBytes: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** A map like those in it. */
  readonly inner?: number;
  /** BTF that maps of local storage are described by, and the ids of key and value in it. */
  readonly btf?: { readonly descriptor: number; readonly key: number; readonly value: number };
}

export function createMap(map: MapAttributes): number {
  return bpf("mapCreate", {
    0: map.type,
    4: map.keySizeBytes,
    8: map.valueSizeBytes,
    12: map.maxEntries,
    16: map.flags,
    ...(map.inner === undefined ? {} : { 20: map.inner }),
    ...(map.btf === undefined ? {} : { 48: map.btf.descriptor, 52: map.btf.key, 56: map.btf.value }),
  });
}

export function updateMap(map: number, key: Uint8Array, value: Uint8Array): void {
  bpf("mapUpdate", { 0: map, 8: key, 16: value });
}

/** From then on only programs may change it, if its flags do not forbid that too. */
export function freezeMap(map: number): void {
  bpf("mapFreeze", { 0: map });
}

export function loadBtf(bytes: Uint8Array): number {
  return bpf("btfLoad", { 0: bytes, 16: bytes.length });
}

export interface ProgramAttributes {
  readonly type: number;
  readonly attachType: number;
  readonly flags: number;
  readonly code: Uint8Array;
  /** BTF id in the kernel's types of what it is attached to. */
  readonly attachTo?: number;
  /** BTF and an address of bpf_func_info for each function. */
  readonly functions?: { readonly btf: number; readonly records: Uint8Array; readonly count: number };
}

/** Of a path through the largest programs all is there. */
const LOG_BYTES = 1 << 22;
const LICENSE = new TextEncoder().encode("GPL\0");

function programFields(program: ProgramAttributes): Fields {
  const { functions } = program;
  return {
    0: program.type,
    4: program.code.length / 8,
    8: program.code,
    16: LICENSE,
    44: program.flags,
    68: program.attachType,
    ...(program.attachTo === undefined ? {} : { 108: program.attachTo }),
    ...(functions === undefined
      ? {}
      : { 72: functions.btf, 76: 8, 80: functions.records, 88: functions.count }),
  };
}

/** Undefined if the kernel accepts the program; else the error number. The program does not stay loaded. */
export function tryProgram(program: ProgramAttributes): number | undefined {
  try {
    closeDescriptor(bpf("programLoad", programFields(program)));
    return undefined;
  } catch (error) {
    if (error instanceof BpfError) return error.errno;
    throw error;
  }
}

/** The end of what the kernel's verifier writes about a program that it rejects. */
export function logOf(program: ProgramAttributes): string {
  const log = new Uint8Array(LOG_BYTES);
  try {
    closeDescriptor(bpf("programLoad", { ...programFields(program), 24: 1, 28: LOG_BYTES, 32: log }));
  } catch (error) {
    if (!(error instanceof BpfError)) throw error;
  }
  const end = log.indexOf(0);
  return new TextDecoder().decode(log.subarray(0, end < 0 ? LOG_BYTES : end));
}

/** May this process ask the kernel to verify programs? */
export function isBpfPermitted(): boolean {
  if (process.platform !== "linux" || SYSCALL[process.arch] === undefined) return false;
  // r0 = 0; exit, as a kprobe: needs what all the others need, and no more.
  const code = Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
  const errno = tryProgram({ type: 2, attachType: 0, flags: 0, code });
  if (errno !== undefined && !NOT_PERMITTED.has(errno)) throw new BpfError("programLoad", errno);
  return errno === undefined;
}
