// A test run: one program on one packet, in a lane whose packet slot holds it, as often as asked.
import { EbpfError } from "../../base/error.ts";
import { TAIL_CALL } from "../../image/abi.ts";
import { print } from "../../isa/print.ts";
import type { ContextDescriptor } from "../../platform/platform.ts";
import type { Program } from "../../program/program.ts";
import type { RunOptions, RunResult } from "../host.ts";
import { actionOf, clearContext, createPacketWriter, isPacketHook } from "./context.ts";
import { helpersOf, type InstanceOptions, instantiate } from "./instance.ts";
import type { InstanceDescriptor, Lane } from "./lane.ts";
import { type MemoryViews, viewsOf } from "./memory.ts";
import { readPacketBounds } from "./regions.ts";
import type { ProgramSource } from "./tail-calls.ts";

/** ArgumentInvalid if data or context cannot be the program's; InterpreterFault as in instance.ts. */
export function runOnce(
  descriptor: InstanceDescriptor,
  program: Program,
  lane: Lane,
  options: RunOptions,
  programs: ProgramSource,
): RunResult {
  checkInput(program, options);
  const views = viewsOf(descriptor.memory);
  const instance = instantiate(
    options.trace === undefined ? descriptor : { ...descriptor, engine: "interpreter" },
    lane,
    { programs, ...(options.trace === undefined ? {} : { trace: traceOf(options.trace) }) },
  );
  const raw = program.rawMemorySizeBytes !== undefined;
  const packetAddress = lane.packetAddress + lane.packetHeadroomBytes;
  const start = raw ? packetAddress : lane.contextAddress;
  const putPacket = (): void => {
    views.bytes.set(options.data, packetAddress);
    if (!raw) writeContext(descriptor.memory, program.type.context, lane, options);
  };
  // A packet that is not where it was would wander with each run. Others are given as the run before left them.
  const moves = helpersOf(descriptor.program).some(
    ({ name, invalidatesPacket }) => invalidatesPacket === true || name === TAIL_CALL,
  );
  putPacket();
  const repeat = options.repeat ?? 1;
  let low = 0;
  const before = process.hrtime.bigint();
  for (let run = 0; run < repeat; run++) {
    if (run > 0 && moves) putPacket();
    low = instance.run(start);
  }
  const nanoseconds = Number(process.hrtime.bigint() - before);
  const returnValue = views.data.getBigUint64(lane.resultAddress, true);
  const packet = raw
    ? { start: packetAddress, end: packetAddress + options.data.length }
    : readPacketBounds(views, program.type.context, lane.contextAddress);
  return {
    returnValue,
    ...(isPacketHook(program.type) ? { action: actionOf(program.type, low) } : {}),
    data: Uint8Array.from(views.bytes.subarray(packet.start, packet.end)),
    context: raw ? new Uint8Array() : contextAfter(views, program.type.context, lane),
    nanoseconds: nanoseconds / repeat,
  };
}

function checkInput(program: Program, options: RunOptions): void {
  const { rawMemorySizeBytes, type } = program;
  if (rawMemorySizeBytes !== undefined && options.data.length !== rawMemorySizeBytes) {
    throw new EbpfError(
      "ArgumentInvalid",
      `the program was verified for ${rawMemorySizeBytes} bytes of memory, ${options.data.length} are given`,
      { target: program.name },
    );
  }
  if (options.context !== undefined && options.context.length > type.context.sizeBytes) {
    throw new EbpfError(
      "ArgumentInvalid",
      `the context of ${type.name} has ${type.context.sizeBytes} bytes, ${options.context.length} are given`,
      { target: program.name },
    );
  }
  const { repeat } = options;
  if (repeat !== undefined && !(Number.isSafeInteger(repeat) && repeat > 0)) {
    throw new EbpfError("ArgumentInvalid", `the number of runs is ${repeat}, it must be 1 or more`);
  }
}

function writeContext(
  memory: WebAssembly.Memory,
  context: ContextDescriptor,
  lane: Lane,
  options: RunOptions,
): void {
  const { bytes } = viewsOf(memory);
  const { contextAddress } = lane;
  clearContext(context, memory, contextAddress);
  if (options.context !== undefined) bytes.set(options.context, contextAddress);
  for (const field of context.fields) {
    if (field.kind === "scalar") continue;
    bytes.fill(0, contextAddress + field.byteOffset, contextAddress + field.byteOffset + field.sizeBytes);
  }
  const packetAddress = lane.packetAddress + lane.packetHeadroomBytes;
  createPacketWriter(context, memory)(contextAddress, packetAddress, options.data.length);
}

/** Pointers are given as 0: they mean nothing outside. */
function contextAfter(views: MemoryViews, context: ContextDescriptor, lane: Lane): Uint8Array {
  const from = lane.contextAddress;
  const bytes = Uint8Array.from(views.bytes.subarray(from, from + context.sizeBytes));
  for (const field of context.fields) {
    if (field.kind !== "scalar") bytes.fill(0, field.byteOffset, field.byteOffset + field.sizeBytes);
  }
  return bytes;
}

function traceOf(trace: NonNullable<RunOptions["trace"]>): NonNullable<InstanceOptions["trace"]> {
  return (instruction, registers, program) => {
    trace({
      instruction,
      slot: program.slots[instruction] ?? instruction,
      text: print(program.instructions[instruction]!),
      registers: Array.from(registers, (value) => BigInt.asUintN(64, value)),
    });
  };
}
