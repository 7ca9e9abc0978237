// compile: a verified program -> what a host runs.
import { EbpfError } from "../base/error.ts";
import type { VerifiedProgram } from "../verifier/verdict.ts";
import type { EngineName, Image } from "./image.ts";
import { lowerProgram } from "./lower.ts";
import { encodeModule } from "./wasm.ts";

/** EngineUnknown if there is no such engine. */
export function compile(program: VerifiedProgram, engine: EngineName): Image {
  switch (engine) {
    case "interpreter":
    case "kernel-jit":
    case "kernel-interpreter":
      // The driver makes machine code itself, of what it was proved.
      return { engine, program };
    case "wasm":
      return { engine, program, wasm: encodeModule(lowerProgram(program)) };
    default:
      throw new EbpfError("EngineUnknown", `there is no engine '${engine}'`, { target: engine });
  }
}
