// The embedded host: programs run in this process, on one linear memory. This file makes hosts and loads programs; it is
// also the door for packet loops, which open the same programs in other threads (describe, instantiate, contexts).
import type { MessagePort } from "node:worker_threads";
import { EbpfError, InternalError } from "../../base/error.ts";
import type { Image } from "../../image/image.ts";
import type { EbpfMap, Host, LoadedProgram } from "../host.ts";
import { isHelperSupported, unsupported } from "./helpers.ts";
import { createEmbeddedMap, type EmbeddedMap, type MapHost } from "./host-map.ts";
import { helpersOf } from "./instance.ts";
import type { InstanceDescriptor, Lane } from "./lane.ts";
import { createLanes, type LaneOptions } from "./lanes.ts";
import { createLinearMemory, MAXIMUM_MEMORY_BYTES, viewsOf } from "./memory.ts";
import { createProgramArrays } from "./program-arrays.ts";
import { createPrograms } from "./programs.ts";
import { createRetired } from "./retired.ts";
import { runOnce } from "./run.ts";
import { openTraceReader, type TraceReader } from "./trace.ts";

export { actionOf, clearContext, createPacketWriter, isPacketHook, type PacketWriter } from "./context.ts";
export { InterpreterFault } from "./fault.ts";
export { type InstanceOptions, instantiate } from "./instance.ts";
export type { LaneOptions } from "./lanes.ts";
export { receivePrograms } from "./programs.ts";
export type { ProgramSource } from "./tail-calls.ts";

export interface EmbeddedProgram extends LoadedProgram {
  /** All that another thread needs to instantiate() the program; it may be posted to a worker. */
  readonly descriptor: InstanceDescriptor;
}

export interface EmbeddedHost extends Host {
  readonly kind: "embedded";
  readonly memory: WebAssembly.Memory;
  load(image: Image, maps: readonly EbpfMap[], certificate?: Uint8Array): EmbeddedProgram;
  /** A lane for one more thread; TooManyInterfaces or MemoryExhausted. */
  allocateLane(options?: LaneOptions): Lane;
  /** Only after the thread has stopped running programs. */
  releaseLane(lane: Lane): void;
  /** Lines that programs printed since the last call, in all lanes. */
  readTrace(): string[];
  /** Posts there what tail calls may lead to, for receivePrograms() in another thread, until it is disconnected. */
  connect(port: MessagePort): void;
  disconnect(port: MessagePort): void;
}

export interface EmbeddedHostOptions {
  /** How far the linear memory may grow; default 1 GiB. */
  readonly maximumMemoryBytes?: number;
}

export function createEmbeddedHost(options: EmbeddedHostOptions = {}): EmbeddedHost {
  const memory = createLinearMemory(options.maximumMemoryBytes ?? MAXIMUM_MEMORY_BYTES);
  const lanes = createLanes(memory);
  const readers = new Map<number, { readonly lane: Lane; readonly reader: TraceReader }>();
  /** A lane's trace is read from the moment it is given out. */
  const watch = (lane: Lane): Lane => {
    if (readers.get(lane.index)?.lane !== lane) {
      readers.set(lane.index, { lane, reader: openTraceReader(viewsOf(memory.memory), lane) });
    }
    return lane;
  };
  const programs = createPrograms();
  const arrays = createProgramArrays(programs);
  const retired = createRetired(memory.memory, lanes.taken);
  const mapHost: MapHost = {
    memory,
    free: (address) => retired.retire(() => memory.free(address)),
    enter: arrays.enter,
  };
  let nextId = 1;
  return {
    kind: "embedded",
    memory: memory.memory,
    createMap(spec, kind) {
      retired.settle();
      const map = createEmbeddedMap(mapHost, nextId++, spec, kind);
      return kind === "prog_array" ? arrays.keep(map) : map;
    },
    load(image, maps, certificate) {
      const descriptor = describeImage(image, maps, nextId++, memory.memory);
      arrays.use(maps, image.program);
      programs.add(descriptor);
      return {
        id: descriptor.programId,
        image,
        maps,
        certified: certificate !== undefined,
        engine: image.engine,
        descriptor,
        run(runOptions) {
          const lane = watch(lanes.main(runOptions.data.length));
          return runOnce(descriptor, image.program, lane, runOptions, programs);
        },
        close() {
          arrays.leave(descriptor.programId);
          programs.remove(descriptor.programId);
        },
      };
    },
    allocateLane: (laneOptions) => watch(lanes.allocate(laneOptions)),
    releaseLane(lane) {
      readers.delete(lane.index);
      lanes.release(lane);
    },
    readTrace: () => [...readers.values()].flatMap(({ reader }) => reader.read()),
    connect: programs.connect,
    disconnect: programs.disconnect,
    memoryBytes() {
      retired.settle();
      return memory.usedBytes();
    },
    close: async () => undefined,
  };
}

/** All that another thread needs to run the program. InternalError if another kind of host loaded it. */
export function describe(program: LoadedProgram): InstanceDescriptor {
  if (!("descriptor" in program)) throw new InternalError("the program was not loaded by the embedded host");
  return (program as EmbeddedProgram).descriptor;
}

function describeImage(
  image: Image,
  maps: readonly EbpfMap[],
  programId: number,
  memory: WebAssembly.Memory,
): InstanceDescriptor {
  const { program, engine, wasm } = image;
  if (engine !== "wasm" && engine !== "interpreter") {
    throw new EbpfError("EngineUnknown", `the host embedded has no engine ${engine}`, { target: engine });
  }
  const missing = helpersOf(program).find((helper) => !isHelperSupported(helper));
  if (missing !== undefined) throw unsupported(missing);
  if (maps.length !== program.maps.length) {
    throw new InternalError(`${program.maps.length} maps are needed, ${maps.length} given`);
  }
  // What only people read stays here: a descriptor is copied to every thread.
  const { btf: _, ...bare } = program;
  return {
    programId,
    engine,
    memory,
    ...(wasm === undefined ? {} : { module: compileModule(wasm, program.name) }),
    program: { ...bare, sources: [] },
    maps: maps.map((map) => (map as EmbeddedMap).descriptor),
  };
}

/** An engine may refuse what is valid but beyond its limits, such as a function of many megabytes. */
function compileModule(wasm: Uint8Array<ArrayBuffer>, name: string): WebAssembly.Module {
  try {
    return new WebAssembly.Module(wasm);
  } catch (cause) {
    throw new EbpfError(
      "EngineLimit",
      `program ${name} is beyond the limits of the WebAssembly engine`,
      { target: name },
      cause,
    );
  }
}
