// The reference interpreter for a program that nobody has accepted: with all its checks on, in memory of its own, where
// every object lies apart from the others so that an access one byte beyond it is seen. What helpers answer and what memory
// holds is the caller's choice. Nothing of it reaches a host: no program is loaded, no helper does anything.
import { findHelper, type Helper } from "../../platform/platform.ts";
import type { Program } from "../../program/program.ts";
import { bindHelper } from "./helpers.ts";
import { createInitialization } from "./initialization.ts";
import { createInterpreter } from "./interpreter.ts";
import type { Lane } from "./lane.ts";
import type { BoundHelper, Machine } from "./machine.ts";
import type { MapAccess } from "./maps/map.ts";
import type { MemoryViews } from "./memory.ts";
import { readPacketBounds } from "./regions.ts";
import { createRegisters } from "./registers.ts";

export { InterpreterFault } from "./fault.ts";
export type { MapAccess } from "./maps/map.ts";
export type { MemoryViews } from "./memory.ts";

/** Helpers whose results and effects follow from their arguments: they do here what they do on the host. */
const COMPUTED: ReadonlySet<string> = new Set([
  "csum_diff",
  "memcmp_s",
  "memcpy_s",
  "memmove_s",
  "memset",
  "strncat_s",
  "strncpy_s",
  "strnlen_s",
]);

export function isComputed({ name }: Helper): boolean {
  return COMPUTED.has(name);
}

/** Objects start at multiples of this: further apart than any offset that is told of a failure. */
export const OBJECT_DISTANCE = 2 ** 18;
/** The first place stays free, so that no pointer is null or near it. */
const PLACES = 96;

export interface CheckedWorld {
  readonly lane: Lane;
  readonly packet: { readonly address: number; readonly sizeBytes: number };
  /** By index in the program; behind them others, for objects that belong to no map. */
  readonly maps: readonly MapAccess[];
  /** By index: the address of the map's first value. */
  readonly bases: readonly number[];
  /** r0 of a call of a helper that is not computed; its arguments are in r1 to r5. */
  answer(helper: Helper, registers: BigInt64Array): bigint;
}

export interface CheckedRunOptions {
  readonly maximumSteps: number;
  /** Bytes of the stack that were never written may be read, as Linux lets the privileged. */
  readonly looseStack: boolean;
  /** Called before each instruction. */
  readonly trace: (instruction: number, registers: BigInt64Array) => void;
}

let memory: MemoryViews | undefined;

/** The memory that checked runs share, one after the other; the system gives it page by page as it is touched. */
export function checkedMemory(): MemoryViews {
  if (memory === undefined) {
    const buffer = new SharedArrayBuffer(PLACES * OBJECT_DISTANCE);
    memory = {
      bytes: new Uint8Array(buffer),
      words: new Int32Array(buffer),
      longs: new BigInt64Array(buffer),
      data: new DataView(buffer),
    };
  }
  return memory;
}

/** Address of place `index`, from 1; undefined if there are not so many. */
export function placeAddress(index: number): number | undefined {
  return index < PLACES ? index * OBJECT_DISTANCE : undefined;
}

/** A lane over the first places. `packetBytes` is the room for packets. */
export function checkedLane(): Lane {
  const at = (index: number): number => index * OBJECT_DISTANCE;
  return {
    index: 0,
    contextAddress: at(1),
    contextSizeBytes: OBJECT_DISTANCE / 2,
    packetAddress: at(2),
    packetSlotCount: 1,
    packetSlotBytes: OBJECT_DISTANCE / 2,
    packetHeadroomBytes: 0,
    stackAddress: at(3),
    stackSizeBytes: 4096,
    resultAddress: at(4),
    traceAddress: at(4) + 64,
    traceSizeBytes: 64,
  };
}

export const FIRST_FREE_PLACE = 5;

const called = new WeakMap<Program, readonly Helper[]>();

/** The helpers that it calls, as far as the platform has them; looked for once, since a search runs it often. */
function calledBy(program: Program): readonly Helper[] {
  let rows = called.get(program);
  if (rows === undefined) {
    const { instructions, platform, type } = program;
    const found = instructions.map((instruction) =>
      instruction.kind === "call" && instruction.target.kind === "helper"
        ? findHelper(platform, instruction.target.id, type.name)
        : undefined,
    );
    rows = [...new Set(found)].filter((row) => row !== undefined);
    called.set(program, rows);
  }
  return rows;
}

/** r0; throws an InterpreterFault where the program does what it must not, or needs what is not here. */
export function runChecked(program: Program, world: CheckedWorld, options: CheckedRunOptions): bigint {
  const views = checkedMemory();
  const registers = createRegisters(11);
  const { lane } = world;
  const high = (lane.resultAddress + 4) >>> 2;
  const initialization = createInitialization(lane);
  const hasPacket =
    program.rawMemorySizeBytes === undefined &&
    program.type.context.fields.some((field) => field.kind === "packetStart");
  const bind = (row: Helper): BoundHelper => {
    if (isComputed(row))
      return { row, call: bindHelper(row, { views, lane, context: program.type.context, maps: world.maps }) };
    const call = (): number => {
      const result = world.answer(row, registers.wide);
      // A helper may have moved the packet.
      if (hasPacket) machine.packet = readPacketBounds(views, program.type.context, lane.contextAddress);
      views.words[high] = Number(BigInt.asIntN(32, result >> 32n));
      return Number(BigInt.asIntN(32, result));
    };
    return { row, call };
  };
  const machine: Machine = {
    program,
    views,
    lane,
    maps: world.maps,
    bases: world.bases,
    helpers: new Map(calledBy(program).map((row) => [row.id, bind(row)])),
    registers,
    initialization: options.looseStack ? { ...initialization, hasBytes: () => true } : initialization,
    frames: [],
    current: 0,
    next: 0,
    contextAddress: 0,
    contextSizeBytes: 0,
    packet: { start: 0, end: 0 },
    hiddenPacket: { start: world.packet.address, end: world.packet.address + world.packet.sizeBytes },
    ...(program.rawMemorySizeBytes === undefined && { fields: program.type.context }),
  };
  createInterpreter(machine, options).run(
    program.rawMemorySizeBytes === undefined ? lane.contextAddress : lane.packetAddress,
  );
  return views.data.getBigUint64(lane.resultAddress, true);
}
