// A program as the kernel host knows it, and so as a certificate for the driver must speak of it (driver/proof.c). To the driver a
// section of constants is an array that is frozen and that programs only read; what any other map holds it cannot promise.
import { plainMapFlags, READ_ONLY_FOR_PROGRAMS } from "../platform/platform.ts";
import type { MapSpec } from "../spec.ts";
import type { Program } from "./program.ts";

/** The same program with its maps as they are created there. Maps that still have `data` must be written, then frozen, before it is loaded. */
export function forKernel(program: Program): Program {
  return { ...program, maps: program.maps.map((map) => ({ ...map, spec: mapForKernel(map.spec) })) };
}

/** Without hints that the driver has no use for. Variables are an array as any other, whose first value is written when it is created. */
export function mapForKernel(spec: MapSpec): MapSpec {
  const { data, ...rest } = spec;
  const plain = { ...rest, flags: plainMapFlags(spec.flags) };
  if (data?.readOnly !== true) return plain;
  return { ...plain, data, flags: plain.flags | READ_ONLY_FOR_PROGRAMS };
}
