// Makes Programs of instructions without object files, for tests of the engines. `trust` brands without verifying: only
// tests may do that, and only with programs they know to be safe.
import type { Instruction } from "../../core/isa/instruction.ts";
import { slotCount } from "../../core/isa/instruction.ts";
import { parse } from "../../core/isa/parse.ts";
import type { Helper, MapType, Platform, ProgramType } from "../../core/platform/platform.ts";
import type { Program, ProgramMap } from "../../core/program/program.ts";
import type { MapSpec } from "../../core/spec.ts";
import type { VerifiedProgram } from "../../core/verifier/verdict.ts";

export function trust(program: Program): VerifiedProgram {
  return program as VerifiedProgram;
}

/** An xdp-like type: two 8-byte packet pointers, a metadata pointer, an index. */
export const PACKET_TYPE: ProgramType = {
  name: "xdp",
  id: 1,
  context: {
    name: "xdp_md",
    sizeBytes: 28,
    fields: [
      { name: "data", byteOffset: 0, sizeBytes: 8, kind: "packetStart", writable: false, narrow: false },
      { name: "data_end", byteOffset: 8, sizeBytes: 8, kind: "packetEnd", writable: false, narrow: false },
      { name: "data_meta", byteOffset: 16, sizeBytes: 8, kind: "packetMeta", writable: false, narrow: false },
      {
        name: "ingress_ifindex",
        byteOffset: 24,
        sizeBytes: 4,
        kind: "scalar",
        writable: false,
        narrow: true,
      },
    ],
  },
  returns: [
    { value: 1, name: "XDP_PASS", action: "pass" },
    { value: 2, name: "XDP_DROP", action: "drop" },
    { value: 3, name: "XDP_TX", action: "transmit" },
  ],
  helpers: [],
};

const MAP = { kind: "map", types: [] } as const;
const KEY = { kind: "mapKey" } as const;
const NUMBER = { kind: "scalar" } as const;
const SCALAR_RESULT = { kind: "scalar" } as const;
const READ = { kind: "memory", access: "read", orNull: true } as const;
const WRITE = { kind: "memory", access: "write", orNull: false } as const;
const SIZE = { kind: "size", zeroAllowed: true } as const;

/** Windows' numbers and prototypes of the helpers that these tests use. */
export const HELPERS: readonly Helper[] = [
  { name: "map_lookup_elem", id: 1, arguments: [MAP, KEY], returns: { kind: "mapValueOrNull" } },
  {
    name: "map_update_elem",
    id: 2,
    arguments: [MAP, KEY, { kind: "mapValue", access: "read" }, NUMBER],
    returns: SCALAR_RESULT,
  },
  { name: "map_delete_elem", id: 3, arguments: [MAP, KEY], returns: SCALAR_RESULT },
  { name: "get_prandom_u32", id: 6, arguments: [], returns: SCALAR_RESULT },
  { name: "ktime_get_boot_ns", id: 7, arguments: [], returns: SCALAR_RESULT },
  { name: "get_smp_processor_id", id: 8, arguments: [], returns: SCALAR_RESULT },
  { name: "ktime_get_ns", id: 9, arguments: [], returns: SCALAR_RESULT },
  { name: "csum_diff", id: 10, arguments: [READ, SIZE, READ, SIZE, NUMBER], returns: SCALAR_RESULT },
  { name: "get_current_pid_tgid", id: 19, arguments: [], returns: SCALAR_RESULT },
  { name: "memcpy_s", id: 22, arguments: [WRITE, SIZE, READ, SIZE], returns: SCALAR_RESULT },
  { name: "memcmp_s", id: 23, arguments: [READ, SIZE, READ, SIZE], returns: SCALAR_RESULT },
  { name: "memset", id: 24, arguments: [WRITE, SIZE, NUMBER], returns: SCALAR_RESULT },
  { name: "strnlen_s", id: 29, arguments: [READ, SIZE], returns: SCALAR_RESULT },
  { name: "get_current_logon_id", id: 20, arguments: [], returns: SCALAR_RESULT },
];

export const PLATFORM: Platform = {
  name: "windows",
  programTypes: [PACKET_TYPE],
  attachTypes: [],
  helpers: HELPERS,
  mapTypes: [],
};

export function mapSpec(name: string, key: number, value: number, entries: number): MapSpec {
  return {
    name,
    type: 0,
    keySizeBytes: key,
    valueSizeBytes: value,
    maxEntries: entries,
    flags: 0,
    pinning: 0,
  };
}

export function mapOf(kind: MapType["name"], spec: MapSpec): ProgramMap {
  return { spec, type: { name: kind, id: 0, operations: ["lookup", "update", "delete"], key: "any" } };
}

export interface ProgramOptions {
  readonly maps?: readonly ProgramMap[];
  /** Default: a platform with an xdp-like type and the helpers above. */
  readonly platform?: Platform;
  /** Makes a raw program over that many bytes. */
  readonly rawMemorySizeBytes?: number;
}

/** Jump and call targets are computed from the offsets; a function starts at 0 and wherever a call leads. */
export function linked(instructions: readonly Instruction[], options: ProgramOptions = {}): Program {
  const slots = new Int32Array(instructions.length);
  const indexOfSlot = new Map<number, number>();
  let slot = 0;
  instructions.forEach((instruction, index) => {
    slots[index] = slot;
    indexOfSlot.set(slot, index);
    slot += slotCount(instruction);
  });
  const targets = Int32Array.from(instructions, (instruction, index) => {
    const offset = targetOffset(instruction);
    if (offset === undefined) return -1;
    // Relative to the next slot, for the two slots of an address too (Linux: insn_idx + imm + 1).
    return indexOfSlot.get(slots[index]! + 1 + offset) ?? -1;
  });
  const callees = instructions.flatMap(({ kind }, index) => (kind === "jump" ? [] : [targets[index]!]));
  const starts = [...new Set([0, ...callees.filter((target) => target >= 0)])].sort((a, b) => a - b);
  const platform = options.platform ?? PLATFORM;
  return {
    file: "test.o",
    name: "test",
    section: "xdp",
    platform,
    type: platform.programTypes[0]!,
    instructions,
    subprograms: starts.map((start, index) => ({
      name: index === 0 ? "test" : `function${index}`,
      start,
      end: starts[index + 1] ?? instructions.length,
    })),
    targets,
    slots,
    maps: options.maps ?? [],
    sources: [],
    ...(options.rawMemorySizeBytes === undefined ? {} : { rawMemorySizeBytes: options.rawMemorySizeBytes }),
  };
}

/** The same, trusted. */
export function programOf(
  instructions: readonly Instruction[],
  options: ProgramOptions = {},
): VerifiedProgram {
  return trust(linked(instructions, options));
}

function targetOffset(instruction: Instruction): number | undefined {
  if (instruction.kind === "jump") return instruction.offset;
  if (instruction.kind === "call" && instruction.target.kind === "local") return instruction.target.offset;
  if (instruction.kind === "loadImmediate" && instruction.source.kind === "function") {
    return instruction.source.offset;
  }
  return undefined;
}

/** Assembles and makes a program of it, trusted. */
export function assembled(text: string, options: ProgramOptions = {}): VerifiedProgram {
  return programOf(parse(text), options);
}

/** droppacket as clang compiles it: counts and drops empty UDP datagrams over IPv4. */
export const DROPPACKET = `
  r0 = 1
  r2 = *(u64 *)(r1 + 8)
  r1 = *(u64 *)(r1 + 0)
  r3 = r1
  r3 += 42
  if r3 > r2 goto out
  r3 = *(u16 *)(r1 + 12)
  if r3 != 8 goto out
  r3 = *(u8 *)(r1 + 23)
  if r3 != 17 goto out
  r3 = *(u8 *)(r1 + 14)
  r3 <<= 2
  r3 &= 60
  r1 += r3
  r1 += 14
  r3 = r1
  r3 += 8
  if r3 > r2 goto out
  r1 = *(u16 *)(r1 + 4)
  r1 = be16 r1
  if r1 > 8 goto out
  r1 = 0
  *(u32 *)(r10 - 4) = r1
  r2 = r10
  r2 += -4
  r1 = map[0]
  call 1
  r1 = r0
  r0 = 2
  if r1 == 0 goto out
  r2 = 1
  lock *(u64 *)(r1 + 0) += r2
  out:
  exit
`;

/** An Ethernet frame with an IPv4 UDP datagram of that many bytes of payload. */
export function udpFrame(payloadBytes: number): Uint8Array {
  const frame = new Uint8Array(42 + payloadBytes);
  frame[12] = 0x08;
  frame[14] = 0x45;
  frame[23] = 17;
  frame[39] = 8 + payloadBytes;
  return frame;
}
