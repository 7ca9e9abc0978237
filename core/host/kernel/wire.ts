// The contract with the driver, driver/ioctl.h, as tables: control codes, structures, errors, and how they are bytes. Nothing else
// of the core knows one of these numbers. tests/conventions/wire.test.ts holds it to the header. Knows no transport (transact.ts).
import { decodeStructure, encodeStructure, type Structure, sizeOf, type ValueOf } from "./structure.ts";

/** Changed with the header; a driver of another version is not talked to. */
export const CONTRACT_VERSION = 3;

/** Of one program. */
const MAXIMUM_MAPS = 64;

/** Of a name, with a 0 at its end. */
export const NAME_BYTES = 64;
const NAME = [1, NAME_BYTES] as const;

const NOTHING = {} as const;
const MAP_DESCRIPTION = { type: 4, keyBytes: 4, valueBytes: 4, maxEntries: 4, flags: 4 } as const;
const LINK_DESCRIPTION = { attachType: 4, point: 4, programId: 4 } as const;
const HANDLE_REQUEST = { handle: 4 } as const;
const REPLY = { error: 4 } as const;
const HANDLE_REPLY = { error: 4, handle: 4, id: 4 } as const;
const OBJECT_REQUEST = { type: 4, id: 4 } as const;
const MAP_KEY_REQUEST = { handle: 4, flags: 4, keyBytes: 4, valueBytes: 4 } as const;
const DATA_REPLY = { error: 4, dataBytes: 4, found: 4, reserved: 4 } as const;

/** By the name in the header, without EBPF_; members by theirs, which begin with capital letters there. */
export const STRUCTURES = {
  HANDLE_REQUEST,
  REPLY,
  HANDLE_REPLY,
  STATUS_REPLY: {
    error: 4,
    contractVersion: 4,
    flags: 4,
    processorCount: 4,
    programCount: 4,
    mapCount: 4,
    clientCount: 4,
    reserved: 4,
    clientMemoryBytes: 8,
    clientMemoryLimitBytes: 8,
    memoryBytes: 8,
    memoryLimitBytes: 8,
  },
  STATISTICS_REQUEST: { enabled: 4 },
  OBJECT_REQUEST,
  OBJECT_NEXT_REPLY: { error: 4, id: 4 },
  MAP_DESCRIPTION,
  LINK_DESCRIPTION,
  OBJECT_INFO_REPLY: {
    error: 4,
    type: 4,
    id: 4,
    map: MAP_DESCRIPTION,
    mapCopyBytes: 4,
    mapFrozen: 4,
    programType: 4,
    slotCount: 4,
    engine: 4,
    engineReason: 4,
    certified: 4,
    mapCount: 4,
    mapIds: [4, MAXIMUM_MAPS],
    runCount: 8,
    runNanoseconds: 8,
    faultCount: 8,
    memoryBytes: 8,
    name: NAME,
    link: LINK_DESCRIPTION,
    mapEntries: 4,
    mapDropped: 8,
  },
  MAP_CREATE_REQUEST: { map: MAP_DESCRIPTION, name: NAME },
  MAP_KEY_REQUEST,
  DATA_REPLY,
  RING_READ_REQUEST: { handle: 4, maximumRecords: 4 },
  RING_READ_REPLY: { error: 4, dataBytes: 4, count: 4, reserved: 4 },
  RING_WAIT_REQUEST: { handle: 4, milliseconds: 4 },
  RING_WAIT_REPLY: { error: 4, ready: 4 },
  RECORD: { dataBytes: 4, processor: 4 },
  MAP_BATCH_REQUEST: { handle: 4, reserved: 4, cursor: 8 },
  MAP_BATCH_REPLY: { error: 4, dataBytes: 4, count: 4, reserved: 4, cursor: 8 },
  PROGRAM_CREATE_REQUEST: {
    programType: 4,
    engine: 4,
    mapCount: 4,
    slotCount: 4,
    sectionBytes: 4,
    certificateBytes: 4,
    name: NAME,
  },
  PROGRAM_CREATE_REPLY: {
    error: 4,
    handle: 4,
    id: 4,
    engine: 4,
    engineReason: 4,
    finding: 4,
    findingSlot: 4,
    reserved: 4,
  },
  PROGRAM_RUN_REQUEST: {
    handle: 4,
    packetBytes: 4,
    interfaceIndex: 4,
    repeat: 4,
    budget: 4,
    contextBytes: 4,
  },
  PROGRAM_RUN_REPLY: {
    error: 4,
    fault: 4,
    faultSlot: 4,
    runs: 4,
    result: 8,
    nanoseconds: 8,
    budgetLeft: 8,
    packetBytes: 4,
    contextBytes: 4,
  },
  HOOK_NEXT_REQUEST: { attachType: 4 },
  HOOK_NEXT_REPLY: {
    error: 4,
    attachType: 4,
    programType: 4,
    point: 4,
    maximumLinks: 4,
    flags: 4,
    faultResult: 4,
    linkCount: 4,
    name: [1, 32],
  },
  LINK_CREATE_REQUEST: { programHandle: 4, attachType: 4, point: 4, reserved: 4 },
  LINK_REPLACE_REQUEST: { handle: 4, programHandle: 4 },
} as const satisfies Record<string, Structure>;

export const DEVICE_TYPE = 0x8ebf;
/** Bits of the access that a code asks for. */
export const ACCESS = { READ: 1, WRITE: 2 } as const;

/** As CTL_CODE makes it, METHOD_BUFFERED. */
const code = (number: number, access: keyof typeof ACCESS): number =>
  ((DEVICE_TYPE << 16) | (ACCESS[access] << 14) | ((0x800 + number) << 2)) >>> 0;

/** A row a request: its code, and the fixed parts of request and reply. */
export const REQUESTS = {
  STATUS: { code: code(0, "READ"), request: NOTHING, reply: STRUCTURES.STATUS_REPLY },
  OBJECT_NEXT: { code: code(1, "READ"), request: OBJECT_REQUEST, reply: STRUCTURES.OBJECT_NEXT_REPLY },
  OBJECT_OPEN: { code: code(2, "READ"), request: OBJECT_REQUEST, reply: HANDLE_REPLY },
  OBJECT_INFO: { code: code(3, "READ"), request: HANDLE_REQUEST, reply: STRUCTURES.OBJECT_INFO_REPLY },
  OBJECT_CLOSE: { code: code(4, "READ"), request: HANDLE_REQUEST, reply: REPLY },
  STATISTICS: { code: code(5, "WRITE"), request: STRUCTURES.STATISTICS_REQUEST, reply: REPLY },
  MAP_CREATE: { code: code(16, "WRITE"), request: STRUCTURES.MAP_CREATE_REQUEST, reply: HANDLE_REPLY },
  MAP_LOOKUP: { code: code(17, "READ"), request: MAP_KEY_REQUEST, reply: DATA_REPLY },
  MAP_UPDATE: { code: code(18, "WRITE"), request: MAP_KEY_REQUEST, reply: REPLY },
  MAP_DELETE: { code: code(19, "WRITE"), request: MAP_KEY_REQUEST, reply: REPLY },
  MAP_NEXT_KEY: { code: code(20, "READ"), request: MAP_KEY_REQUEST, reply: DATA_REPLY },
  RING_READ: {
    code: code(21, "WRITE"),
    request: STRUCTURES.RING_READ_REQUEST,
    reply: STRUCTURES.RING_READ_REPLY,
  },
  MAP_FREEZE: { code: code(22, "WRITE"), request: HANDLE_REQUEST, reply: REPLY },
  MAP_LOOKUP_BATCH: {
    code: code(23, "READ"),
    request: STRUCTURES.MAP_BATCH_REQUEST,
    reply: STRUCTURES.MAP_BATCH_REPLY,
  },
  RING_WAIT: {
    code: code(24, "READ"),
    request: STRUCTURES.RING_WAIT_REQUEST,
    reply: STRUCTURES.RING_WAIT_REPLY,
  },
  PROGRAM_CREATE: {
    code: code(32, "WRITE"),
    request: STRUCTURES.PROGRAM_CREATE_REQUEST,
    reply: STRUCTURES.PROGRAM_CREATE_REPLY,
  },
  PROGRAM_RUN: {
    code: code(33, "WRITE"),
    request: STRUCTURES.PROGRAM_RUN_REQUEST,
    reply: STRUCTURES.PROGRAM_RUN_REPLY,
  },
  LOG_READ: { code: code(48, "WRITE"), request: NOTHING, reply: DATA_REPLY },
  HOOK_NEXT: {
    code: code(64, "READ"),
    request: STRUCTURES.HOOK_NEXT_REQUEST,
    reply: STRUCTURES.HOOK_NEXT_REPLY,
  },
  LINK_CREATE: { code: code(65, "WRITE"), request: STRUCTURES.LINK_CREATE_REQUEST, reply: HANDLE_REPLY },
  LINK_REPLACE: { code: code(66, "WRITE"), request: STRUCTURES.LINK_REPLACE_REQUEST, reply: REPLY },
  LINK_DETACH: { code: code(67, "WRITE"), request: HANDLE_REQUEST, reply: REPLY },
} as const satisfies Record<
  string,
  { readonly code: number; readonly request: Structure; readonly reply: Structure }
>;

export type RequestName = keyof typeof REQUESTS;
export type Fields<R extends RequestName> = ValueOf<(typeof REQUESTS)[R]["request"]>;
export type Reply<R extends RequestName> = ValueOf<(typeof REQUESTS)[R]["reply"]>;

/** Values of `error`, by number. */
export const ERRORS = [
  "None",
  "MapKeyNotFound",
  "MapKeyExists",
  "MapFull",
  "MapOperationUnsupported",
  "MapValueInvalid",
  "MapDefinitionInvalid",
  "MapTypeUnsupported",
  "MapNotFound",
  "ProgramNotFound",
  "ProgramTypeUnsupported",
  "ProgramRejected",
  "CertificateInvalid",
  "CertificateMismatch",
  "CertificateRefused",
  "MemoryExhausted",
  "ArgumentInvalid",
  "LinkNotFound",
  "HookUnknown",
  "HookUnavailable",
  "HookBusy",
] as const;
export type DriverError = (typeof ERRORS)[number];

/** The header's enumerators, without EBPF_. */
export const CONSTANTS = {
  ACCESS_READ: ACCESS.READ,
  ACCESS_WRITE: ACCESS.WRITE,
  TYPE_PROGRAM: 1,
  TYPE_MAP: 2,
  TYPE_LINK: 3,
  PROGRAM_TYPE_XDP: 1,
  PROGRAM_TYPE_BIND: 2,
  PROGRAM_TYPE_SOCK_ADDR: 3,
  PROGRAM_TYPE_SOCK_OPS: 4,
  ATTACH_TYPE_XDP: 1,
  ATTACH_TYPE_BIND: 2,
  ATTACH_TYPE_CONNECT4: 3,
  ATTACH_TYPE_CONNECT6: 4,
  ATTACH_TYPE_RECV_ACCEPT4: 5,
  ATTACH_TYPE_RECV_ACCEPT6: 6,
  ATTACH_TYPE_SOCK_OPS: 7,
  POINT_NONE: 0,
  POINT_INTERFACE: 1,
  POINT_COMPARTMENT: 2,
  ENGINE_ANY: 0,
  ENGINE_INTERPRETER: 1,
  ENGINE_JIT: 2,
  REASON_NONE: 0,
  REASON_REQUEST: 1,
  REASON_UNCERTIFIED: 2,
  REASON_MEMORY: 3,
  STATUS_ALLOW_UNCERTIFIED: 1,
  STATUS_JIT_AVAILABLE: 2,
  STATUS_STATISTICS: 4,
  HOOK_PRESENT: 1,
} as const;

/** What its numbers are at most, by the header's names without EBPF_MAXIMUM_. */
export const MAXIMUM = {
  MAPS: MAXIMUM_MAPS,
  MAP_BYTES: 1_073_741_824,
  WAIT_MILLISECONDS: 10_000,
  SLOTS: 200_000,
  CERTIFICATE_BYTES: 16_777_216,
  SECTION_BYTES: 256,
  PACKET_BYTES: 65_536,
  HEADROOM_BYTES: 256,
  BUDGET: 1_000_000,
  RUN_NANOSECONDS: 1_000_000_000,
} as const;

/** Values of `finding`, by number (driver/bytecode.h). */
export const FINDINGS = [
  "None",
  "InstructionInvalid",
  "InstructionUnsupported",
  "FramePointerReadOnly",
  "MapInvalid",
  "JumpOutOfRange",
  "FallThrough",
  "Recursion",
  "CallDepth",
  "TooComplex",
  "HelperUnknown",
] as const;

/** Values of `fault`, by number (driver/run.h). */
export const FAULTS = ["None", "OutOfBounds", "ReadOnly", "Misaligned", "Budget"] as const;

/** A name as the driver takes it: terminals take control characters as orders. */
export const plainName = (name: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be found
  name.replace(/[\u0000-\u001f\u007f]/g, "_");

/** A request as bytes; `parts` are what follows the fixed part, with nothing in between. */
export function encodeRequest<R extends RequestName>(
  name: R,
  fields: Fields<R>,
  parts: readonly Uint8Array[] = [],
): Uint8Array {
  const { request } = REQUESTS[name];
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, sizeOf(request)));
  encodeStructure(request, fields as object, bytes);
  let at = sizeOf(request);
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Bytes of a request's reply without what may follow. */
export const replyBytes = (name: RequestName): number => sizeOf(REQUESTS[name].reply);

/** The fixed part of a reply, and what follows it; undefined if it is too short to be one. */
export function decodeReply<R extends RequestName>(
  name: R,
  bytes: Uint8Array,
): { readonly reply: Reply<R>; readonly data: Uint8Array } | undefined {
  const { reply } = REQUESTS[name];
  if (bytes.length < sizeOf(reply)) return undefined;
  return { reply: decodeStructure(reply, bytes) as Reply<R>, data: bytes.subarray(sizeOf(reply)) };
}
