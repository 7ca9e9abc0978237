// What a host runs. Types only; compile() makes it from a VerifiedProgram and nothing else.
import type { VerifiedProgram } from "../verifier/verdict.ts";

export type EngineName = "wasm" | "interpreter";

export interface Image {
  readonly engine: EngineName;
  readonly program: VerifiedProgram;
  /** The WebAssembly module's bytes, for the engine "wasm". */
  readonly wasm?: Uint8Array<ArrayBuffer>;
}
