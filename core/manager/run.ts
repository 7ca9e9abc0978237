// Running a program once, here, without a service: a program of an object on one packet (`ebpf run`), or bytecode on
// raw memory (`ebpf exec`). Everything is verified first, as for a service.
import { EbpfError } from "../base/error.ts";
import { readBytes } from "../base/files.ts";
import { printHex } from "../base/hex.ts";
import { createEmbeddedHost } from "../host/embedded/host.ts";
import type { Host, RunOptions, RunResult, TraceStep } from "../host/host.ts";
import { createKernelHost, kernelSystem } from "../host/kernel/host.ts";
import { compile } from "../image/compile.ts";
import type { EngineName } from "../image/image.ts";
import type { ProgramType } from "../platform/platform.ts";
import { programFromBytes } from "../program/assemble.ts";
import { accepted, type Choice, load, loadImage } from "./load.ts";
import type { RunRecord } from "./records.ts";

export interface RunRequest extends Choice {
  readonly engine: EngineName;
  /** Without it the embedded one, which needs nobody's leave. */
  readonly host?: "embedded" | "kernel";
  readonly data: Uint8Array;
  readonly context?: Uint8Array;
  readonly repeat?: number;
  readonly trace?: (step: TraceStep) => void;
}

/** Runs a program of an object; the errors of load(), and ArgumentInvalid if data or context cannot be the program's. */
export async function runFile(request: RunRequest): Promise<RunRecord> {
  const host: Host =
    request.host === "kernel" ? createKernelHost(await kernelSystem()) : createEmbeddedHost();
  try {
    const choice = { ...request, proof: host.kind === "kernel" ? "wanted" : "none" } as const;
    const loaded = load(host, readBytes(request.file), choice, () => {});
    const result = loaded.run(optionsOf(request));
    const { engine, engineReason } = loaded;
    const { program } = loaded.image;
    const returnName = nameOf(program.type, result);
    return {
      file: request.file,
      program: program.name,
      type: program.type.name,
      platform: program.platform.name,
      engine,
      ...(engineReason === undefined ? {} : { engineReason }),
      returnValue: `0x${result.returnValue.toString(16)}`,
      ...(returnName === undefined ? {} : { returnName }),
      ...(result.action === undefined ? {} : { action: result.action }),
      dataHex: printHex(result.data),
      contextHex: printHex(result.context),
      repeat: request.repeat ?? 1,
      nanoseconds: result.nanoseconds,
    };
  } finally {
    await host.close();
  }
}

function optionsOf({ data, context, repeat, trace }: RunRequest): RunOptions {
  return {
    data,
    ...(context === undefined ? {} : { context }),
    ...(repeat === undefined ? {} : { repeat }),
    ...(trace === undefined ? {} : { trace }),
  };
}

/** A packet hook looks at the low 32 bits of r0. */
function nameOf(type: ProgramType, { returnValue }: RunResult): string | undefined {
  const value = Number(BigInt.asIntN(32, returnValue));
  return type.returns.find((row) => row.value === value)?.name;
}

/** r0 of raw bytecode on that memory (r1 its address, r2 its length); ProgramRejected if it is not safe for it. */
export async function runBytes(bytes: Uint8Array, memory: Uint8Array, engine: EngineName): Promise<bigint> {
  if (bytes.length === 0) throw new EbpfError("ArgumentInvalid", "there is no program on standard input");
  const program = programFromBytes(bytes, {
    platform: "raw",
    rawMemorySizeBytes: memory.length,
    file: "(stdin)",
  });
  const host = createEmbeddedHost();
  try {
    const image = compile(accepted(program), engine);
    return loadImage(host, image).run({ data: memory }).returnValue;
  } finally {
    await host.close();
  }
}
