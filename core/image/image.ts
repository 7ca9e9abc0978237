// What a host runs. Types only; compile() makes it from a VerifiedProgram and nothing else.
import type { VerifiedProgram } from "../verifier/verdict.ts";

/** Engines of the embedded host, and of the driver: which of its two runs a program the driver decides in the end. */
export type EmbeddedEngine = "wasm" | "interpreter";
export type KernelEngine = "kernel-jit" | "kernel-interpreter";
export type EngineName = EmbeddedEngine | KernelEngine;

export interface Image {
  readonly engine: EngineName;
  readonly program: VerifiedProgram;
  /** The WebAssembly module's bytes, for the engine "wasm". */
  readonly wasm?: Uint8Array<ArrayBuffer>;
}
