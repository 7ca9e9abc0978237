// Programs of the driver: given to it with their certificates, and run on request.
import { EbpfError, InternalError } from "../../base/error.ts";
import type { Image, KernelEngine } from "../../image/image.ts";
import { encode } from "../../isa/encode.ts";
import type { Program } from "../../program/program.ts";
import { actionOf, isPacketHook } from "../embedded/context.ts";
import type { EbpfMap, LoadedProgram, RunCounts, RunOptions, RunResult } from "../host.ts";
import { type About, replyError } from "./errors.ts";
import type { KernelMap } from "./map.ts";
import { closeHandle, type Driver } from "./transact.ts";
import { CONSTANTS, FAULTS, FINDINGS, MAXIMUM, plainName, type Reply } from "./wire.ts";

export interface KernelProgram extends LoadedProgram {
  readonly handle: number;
  readonly engine: KernelEngine;
}

type Created = Reply<"PROGRAM_CREATE">;

/** Why it is not the JIT, by the driver's number. */
const REASONS: Readonly<Record<number, string>> = {
  [CONSTANTS.REASON_REQUEST]: "the interpreter was asked for",
  [CONSTANTS.REASON_UNCERTIFIED]: "it has no certificate",
  [CONSTANTS.REASON_MEMORY]: "Windows does not let memory become executable",
};

/** Who runs it, of a reply that says so. */
export function engineOf(reply: { readonly engine: number; readonly engineReason: number }): {
  readonly engine: KernelEngine;
  readonly engineReason?: string;
} {
  const engineReason = REASONS[reply.engineReason];
  return {
    engine: reply.engine === CONSTANTS.ENGINE_JIT ? "kernel-jit" : "kernel-interpreter",
    ...(engineReason === undefined ? {} : { engineReason }),
  };
}

/**
 * Loads it. A certificate that the driver does not take keeps it from being compiled and no more: why is told as the reason of
 * its engine. ProgramTypeUnsupported, ProgramRejected (the driver's structural check), MemoryExhausted.
 */
export function loadKernelProgram(
  driver: Driver,
  image: Image,
  maps: readonly EbpfMap[],
  certificate: Uint8Array | undefined,
): KernelProgram {
  const { program } = image;
  if (program.platform.name !== "windows") {
    throw new EbpfError(
      "ProgramTypeUnsupported",
      `${program.name} is a program of platform ${program.platform.name}, which the driver does not run`,
      { file: program.file, target: program.name },
    );
  }
  const given = fits(certificate) ? certificate : undefined;
  const first = create(driver, image, maps, given);
  const refused = given !== undefined && first.error?.code.startsWith("Certificate") === true;
  const { reply, error } = refused ? create(driver, image, maps, undefined) : first;
  if (error !== undefined) throw error;
  const { engine, engineReason } = engineOf(reply);
  const reason = refused ? `the driver does not take its certificate: ${first.error?.message}` : engineReason;
  return {
    id: reply.id,
    handle: reply.handle,
    image,
    maps,
    engine,
    ...(engine === "kernel-jit" || reason === undefined ? {} : { engineReason: reason }),
    certified: given !== undefined && !refused,
    counts: () => countsOf(driver, reply.handle, program),
    run: (options) => run(driver, reply.handle, program, options),
    isLost: () => !driver.isOpen(),
    close: () => closeHandle(driver, reply.handle),
  };
}

const fits = (certificate: Uint8Array | undefined): boolean =>
  certificate !== undefined && certificate.length <= MAXIMUM.CERTIFICATE_BYTES;

function create(
  driver: Driver,
  { program, engine }: Image,
  maps: readonly EbpfMap[],
  certificate: Uint8Array = new Uint8Array(0),
): { readonly reply: Created; readonly error?: EbpfError } {
  const slots = encode(program.instructions);
  const section = new TextEncoder().encode(program.section);
  const handles = Uint32Array.from(maps, (map) => (map as KernelMap).handle);
  const fields = {
    programType: program.type.id,
    engine: engine === "kernel-interpreter" ? CONSTANTS.ENGINE_INTERPRETER : CONSTANTS.ENGINE_ANY,
    mapCount: handles.length,
    slotCount: slots.length >> 3,
    sectionBytes: section.length,
    certificateBytes: certificate.length,
    name: plainName(program.name),
  };
  const parts = [new Uint8Array(handles.buffer), slots, section, certificate];
  const { error, reply } = driver.ask("PROGRAM_CREATE", fields, { parts });
  return error === "None" ? { reply } : { reply, error: refusal(error, reply, program) };
}

const aboutOf = (program: Program): About => ({ what: "program", name: program.name });

function refusal(error: Parameters<typeof replyError>[0], reply: Created, program: Program): EbpfError {
  const { file } = program;
  if (error !== "ProgramRejected") return replyError(error, aboutOf(program), { file });
  const finding = FINDINGS[reply.finding] ?? `finding ${reply.finding}`;
  return new EbpfError(
    "ProgramRejected",
    `program '${program.name}' is refused by the driver: ${finding} at slot ${reply.findingSlot}`,
    { file, target: program.name, details: { finding, slot: reply.findingSlot } },
  );
}

function countsOf(driver: Driver, handle: number, program: Program): RunCounts {
  const { reply } = driver.transact(aboutOf(program), "OBJECT_INFO", { handle });
  return {
    runs: Number(reply.runCount),
    nanoseconds: Number(reply.runNanoseconds),
    faults: Number(reply.faultCount),
  };
}

function run(driver: Driver, handle: number, program: Program, options: RunOptions): RunResult {
  const { data, repeat = 1, trace } = options;
  if (trace !== undefined) {
    throw new EbpfError("ArgumentInvalid", "only the interpreter of the host embedded tells what it does", {
      target: program.name,
    });
  }
  const context = contextOf(program, options.context);
  const fields = {
    ...{ handle, packetBytes: data.length, interfaceIndex: 0, repeat },
    ...{ budget: MAXIMUM.BUDGET, contextBytes: context.length },
  };
  const capacityBytes = data.length + MAXIMUM.HEADROOM_BYTES + context.length;
  const answer = driver.transact(aboutOf(program), "PROGRAM_RUN", fields, {
    parts: [data, context],
    capacityBytes,
  });
  const { result, fault, faultSlot, nanoseconds, runs, packetBytes } = answer.reply;
  if (fault !== 0) throw faultError(program, fault, faultSlot);
  const low = Number(BigInt.asIntN(32, result));
  return {
    returnValue: result,
    ...(isPacketHook(program.type) ? { action: actionOf(program.type, low) } : {}),
    data: Uint8Array.from(answer.data.subarray(0, packetBytes)),
    context: Uint8Array.from(answer.data.subarray(packetBytes)),
    nanoseconds: Number(nanoseconds) / Math.max(1, runs),
  };
}

/** The type's context whole; ArgumentInvalid if more is given. */
function contextOf({ type, name }: Program, given: Uint8Array = new Uint8Array(0)): Uint8Array {
  const { sizeBytes } = type.context;
  if (given.length > sizeBytes) {
    throw new EbpfError(
      "ArgumentInvalid",
      `the context of ${type.name} has ${sizeBytes} bytes, ${given.length} are given`,
      { target: name },
    );
  }
  const bytes = new Uint8Array(sizeBytes);
  bytes.set(given);
  return bytes;
}

function faultError({ name, file }: Program, number: number, slot: number): EbpfError {
  const fault = FAULTS[number] ?? `fault ${number}`;
  const data = { file, target: name, details: { fault, slot } };
  if (fault !== "Budget") return new InternalError(`${name}: ${fault} at slot ${slot}`, data);
  return new EbpfError(
    "BudgetExhausted",
    `${name} was ended at slot ${slot}: loops and calls of a run may cost ${MAXIMUM.BUDGET} slots`,
    data,
  );
}
