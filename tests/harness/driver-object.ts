// An object file as the driver gets it: each program with its bytecode, section and certificate, and the definitions of its
// maps in the order in which the program refers to them. Who asks the driver is another matter.
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { loadObject } from "../../core/elf/object.ts";
import { encode } from "../../core/isa/encode.ts";
import { buildProgram } from "../../core/program/build.ts";
import type { Program } from "../../core/program/program.ts";
import { certify } from "../../core/verifier/certify.ts";
import type { MapDefinition } from "./driver-maps.ts";

const ROOT = join(import.meta.dirname, "..", "..");

export interface CompiledProgram {
  readonly bytecode: Uint8Array;
  readonly section: string;
  readonly certificate: Uint8Array;
  readonly maps: readonly (MapDefinition & { readonly name: string })[];
}

/** A program of an object of the repository. Throws if the verifier does not accept it. */
export function compiledProgram(path: string, name: string): CompiledProgram {
  const object = loadObject(readFileSync(join(ROOT, path)), basename(path));
  return provedProgram(buildProgram(object, name));
}

/** Throws if the verifier does not accept it. */
export function provedProgram(program: Program): CompiledProgram {
  const certified = certify(program);
  if (certified.kind !== "certified") throw new Error(`${program.file}: ${program.name} is not proved`);
  return {
    bytecode: encode(program.instructions),
    section: program.section,
    certificate: certified.bytes,
    maps: program.maps.map(({ spec }) => spec),
  };
}
