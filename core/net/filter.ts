// The program in force in one packet loop: instance, context and the meaning of its return values, with its counters.
import {
  actionOf,
  clearContext,
  createPacketWriter,
  instantiate,
  type PacketWriter,
  type ProgramSource,
} from "../host/embedded/host.ts";
import type { Instance, Lane } from "../host/embedded/lane.ts";
import type { ProgramType } from "../platform/platform.ts";
import { ACTION, CELL, type Filter } from "./loop.ts";

/** Return values that are looked up in a table; the others are rare and asked for one by one. */
const TABLE_SIZE = 256;

interface Running {
  readonly instance: Instance;
  readonly writePacket: PacketWriter;
  readonly actions: Uint8Array;
  readonly type: ProgramType;
  /** Offset of the packet's begin in the context. */
  readonly beginOffset: number;
  /** Offset of `ingress_ifindex` in the context, if it has that. */
  readonly ingressOffset: number | undefined;
}

const INGRESS = "ingress_ifindex";

/** What a program throws while it runs is "aborted": its packet is not let through. */
export function createFilter(
  lane: Lane,
  memory: WebAssembly.Memory,
  cells: Float64Array,
  programs: ProgramSource,
): Filter {
  let running: Running | undefined;
  let generation = 0;
  let ingress = 0;
  let begin = 0;
  const context = new DataView(memory.buffer, lane.contextAddress, lane.contextSizeBytes);
  const count = (cell: number): void => {
    cells[cell] = (cells[cell] ?? 0) + 1;
  };
  const cellOf: readonly number[] = [CELL.passed, CELL.dropped, CELL.transmitted, CELL.aborted];

  const run = (program: Running, address: number, sizeBytes: number): number => {
    program.writePacket(lane.contextAddress, address, sizeBytes);
    let value: number;
    try {
      value = program.instance.run(lane.contextAddress) >>> 0;
    } catch {
      return ACTION.aborted;
    }
    begin = context.getUint32(program.beginOffset, true);
    return value < TABLE_SIZE ? (program.actions[value] ?? ACTION.aborted) : lookUp(program.type, value);
  };

  return {
    isActive: () => running !== undefined,
    currentGeneration: () => generation,
    set(descriptor) {
      if (descriptor === undefined) {
        running = undefined;
        generation += 1;
        return;
      }
      const { type } = descriptor.program;
      const next: Running = {
        instance: instantiate(descriptor, lane, { programs }),
        writePacket: createPacketWriter(type.context, memory),
        actions: Uint8Array.from({ length: TABLE_SIZE }, (_, value) => lookUp(type, value)),
        type,
        beginOffset: type.context.fields.find(({ kind }) => kind === "packetStart")?.byteOffset ?? 0,
        ingressOffset: type.context.fields.find(({ name }) => name === INGRESS)?.byteOffset,
      };
      clearContext(type.context, memory, lane.contextAddress);
      ingress = 0;
      running = next;
      generation += 1;
    },
    decide(address, sizeBytes) {
      cells[CELL.received] = (cells[CELL.received] ?? 0) + 1;
      cells[CELL.receivedBytes] = (cells[CELL.receivedBytes] ?? 0) + sizeBytes;
      begin = address;
      const action = running === undefined ? ACTION.pass : run(running, address, sizeBytes);
      count(cellOf[action] ?? CELL.aborted);
      return action;
    },
    begin: () => begin,
    setIngress(index) {
      if (index === ingress || running?.ingressOffset === undefined) return;
      context.setUint32(running.ingressOffset, index, true);
      ingress = index;
    },
  };
}

function lookUp(type: ProgramType, value: number): number {
  return ACTION[actionOf(type, value)];
}
