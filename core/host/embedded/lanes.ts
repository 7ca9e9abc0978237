// Gives out lanes: the parts of the linear memory that threads run programs in. The layout of a lane's parts is
// decided here; lane.ts says what they are.
import { EbpfError } from "../../base/error.ts";
import { FRAME_COUNT, FRAME_SIZE_BYTES, RESULT_SIZE_BYTES } from "../../image/abi.ts";
import { LANE_COUNT, type Lane } from "./lane.ts";
import { alignUp, type LinearMemory } from "./memory.ts";

const CONTEXT_SIZE_BYTES = 512;
const TRACE_SIZE_BYTES = 4096;

export interface LaneOptions {
  /** Default 64. */
  readonly packetSlotCount?: number;
  /** Headroom and packet, rounded up to 16; default 2304, which holds a 2048-byte frame. */
  readonly packetSlotBytes?: number;
  /** Default 256, as much as XDP promises programs that grow a packet at its head. */
  readonly packetHeadroomBytes?: number;
}

export interface Lanes {
  /** The lowest free lane above 0; TooManyInterfaces if all are taken, MemoryExhausted. */
  allocate(options?: LaneOptions): Lane;
  /** Takes a lane back; its thread must have stopped running programs. */
  release(lane: Lane): void;
  /** Those that were allocated and not released. */
  taken(): readonly Lane[];
  /** Lane 0, the main thread's, with a packet slot of at least that many bytes. Valid until the next call. */
  main(packetBytes: number): Lane;
}

export function createLanes(memory: LinearMemory): Lanes {
  const taken = new Map<number, Lane>();
  let mainLane: Lane | undefined;
  return {
    allocate(options = {}) {
      for (let index = 1; index < LANE_COUNT; index++) {
        if (taken.has(index)) continue;
        const lane = layOut(memory, index, options);
        taken.set(index, lane);
        return lane;
      }
      throw new EbpfError("TooManyInterfaces", `all ${LANE_COUNT - 1} lanes are taken`, {
        details: { lanes: LANE_COUNT - 1 },
      });
    },
    release(lane) {
      if (taken.get(lane.index) !== lane) return;
      taken.delete(lane.index);
      memory.free(lane.contextAddress);
    },
    taken: () => [...taken.values()],
    main(packetBytes) {
      if (mainLane !== undefined && mainLane.packetSlotBytes - mainLane.packetHeadroomBytes >= packetBytes) {
        return mainLane;
      }
      const wanted = Math.max(packetBytes, 65_536);
      const next = layOut(memory, 0, { packetSlotCount: 1, packetSlotBytes: wanted + 256 });
      if (mainLane !== undefined) memory.free(mainLane.contextAddress);
      mainLane = next;
      return next;
    },
  };
}

/** One allocation: context, result, stack, trace, packet slots. */
function layOut(memory: LinearMemory, index: number, options: LaneOptions): Lane {
  const packetSlotCount = options.packetSlotCount ?? 64;
  const packetSlotBytes = alignUp(options.packetSlotBytes ?? 2304, 16);
  const packetHeadroomBytes = options.packetHeadroomBytes ?? 256;
  const stackSizeBytes = FRAME_SIZE_BYTES * FRAME_COUNT;
  const fixed = CONTEXT_SIZE_BYTES + RESULT_SIZE_BYTES + stackSizeBytes + TRACE_SIZE_BYTES;
  const contextAddress = memory.allocate(fixed + packetSlotCount * packetSlotBytes);
  const resultAddress = contextAddress + CONTEXT_SIZE_BYTES;
  return {
    index,
    contextAddress,
    contextSizeBytes: CONTEXT_SIZE_BYTES,
    packetAddress: contextAddress + fixed,
    packetSlotCount,
    packetSlotBytes,
    packetHeadroomBytes,
    stackAddress: resultAddress + RESULT_SIZE_BYTES,
    stackSizeBytes,
    resultAddress,
    traceAddress: resultAddress + RESULT_SIZE_BYTES + stackSizeBytes,
    traceSizeBytes: TRACE_SIZE_BYTES,
  };
}
