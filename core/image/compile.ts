// compile: a verified program -> what a host runs.
import { EbpfError } from "../base/error.ts";
import type { VerifiedProgram } from "../verifier/verdict.ts";
import type { EngineName, Image } from "./image.ts";

/** EngineUnknown if there is no such engine. */
export function compile(program: VerifiedProgram, engine: EngineName): Image {
  if (engine !== "interpreter") {
    throw new EbpfError("EngineUnknown", `engine ${engine} is not there`, { target: engine });
  }
  return { engine, program };
}
